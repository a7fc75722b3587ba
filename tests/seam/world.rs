//! The people of the seam tests, what they do, and what of it a copy comes to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use tinychat::{
    domain::{
        event::{Event, EventBody, MemberChange},
        ids::{ConversationId, Offset, Seq, UserId},
        message::Target,
        reaction::Reaction,
        user::UserRef,
    },
    store::{ActError, SendRefusal},
};

use crate::store_conformance::{
    doing::{channel, channel_name, emoji, group},
    subject::{Subject, after, new, text, to},
};

pub const PEOPLE: usize = 3;
const EMOJI: [&str; 3] = ["👍", "🎉", "+1"];
const CHANNEL: &str = "news";

/// Something that one of the people does.
#[derive(Clone, Debug)]
pub enum Step {
    /// One commit with messages from one to another, who may be the same.
    Send(Vec<(usize, usize)>),
    /// One commit with messages of these people in the group (false) or the channel (true).
    Say(Vec<(usize, bool)>),
    Start(usize, usize),
    /// Moves a marker to a part of the conversation, in percent.
    Read(usize, usize, u64),
    /// The same in the group or the channel.
    ReadRoom(usize, bool, u64),
    /// Upon a message that the doer of the steps has come across, counted back from the newest. The sender does it.
    Edit(usize),
    Delete(usize),
    /// Anybody gives it an emoji, or takes it back.
    React(usize, usize, usize, bool),
    Leave(usize, bool),
    /// Joins the channel, or is added to the group by its owner.
    Come(usize, bool),
}

pub fn steps(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let pair = || (0..PEOPLE, 0..PEOPLE);
    let room = || (0..PEOPLE, any::<bool>());
    let back = || 0..6_usize;
    let step = prop_oneof![
        4 => proptest::collection::vec(pair(), 1..4).prop_map(Step::Send),
        4 => proptest::collection::vec(room(), 1..4).prop_map(Step::Say),
        1 => pair().prop_map(|(who, peer)| Step::Start(who, peer)),
        3 => (pair(), 0..=100_u64).prop_map(|((who, peer), part)| Step::Read(who, peer, part)),
        2 => (room(), 0..=100_u64).prop_map(|((who, room), part)| Step::ReadRoom(who, room, part)),
        3 => back().prop_map(Step::Edit),
        1 => back().prop_map(Step::Delete),
        4 => (0..PEOPLE, back(), 0..EMOJI.len(), any::<bool>())
            .prop_map(|(who, back, emoji, add)| Step::React(who, back, emoji, add)),
        1 => room().prop_map(|(who, room)| Step::Leave(who, room)),
        2 => room().prop_map(|(who, room)| Step::Come(who, room)),
    ];
    proptest::collection::vec(step, length)
}

/// What the doer of steps has come across.
#[derive(Default)]
pub struct Known {
    pairs: BTreeMap<(usize, usize), ConversationId>,
    said: Vec<(usize, ConversationId, Seq)>,
    edits: usize,
}

impl Known {
    fn back(&self, back: usize) -> Option<(usize, ConversationId, Seq)> {
        let index = self.said.len().checked_sub(back + 1)?;
        self.said.get(index).copied()
    }
}

/// The people and their store.
#[derive(Clone)]
pub struct World {
    pub subject: Subject,
    pub people: Arc<[UserRef]>,
    /// The group and the channel.
    rooms: [ConversationId; 2],
}

impl World {
    pub async fn new(subject: Subject) -> Self {
        let people = subject.people(["ann", "bob", "eve"]).await;
        let [ann, others @ ..] = &people;
        let others: Vec<&UserRef> = others.iter().collect();
        let friends = subject.make(ann, group(&others)).await;
        let news = subject.make(ann, channel(CHANNEL, &others)).await;
        Self {
            subject,
            people: people.into(),
            rooms: [friends, news],
        }
    }

    fn room(&self, channel: bool) -> ConversationId {
        self.rooms[usize::from(channel)]
    }

    /// Does a step at a time.
    pub async fn step(&self, step: &Step, at_ms: i64, known: &mut Known) {
        let (subject, store) = (&self.subject, &self.subject.store);
        let person = |who: usize| self.people[who].clone();
        let done = match step {
            Step::Send(pairs) => {
                let target = |(who, peer): &(usize, usize)| (*who, to(&self.people[*peer]));
                for ((who, peer), sent) in
                    { pairs.iter() }.zip(self.send(pairs.iter().map(target).collect()).await)
                {
                    let (conversation, seq) = sent.unwrap();
                    known.pairs.insert((*who, *peer), conversation);
                    known.pairs.insert((*peer, *who), conversation);
                    known.said.push((*who, conversation, seq));
                }
                Ok(())
            }
            Step::Say(says) => {
                let target =
                    |(who, room): &(usize, bool)| (*who, Target::Conversation(self.room(*room)));
                let answers = self.send(says.iter().map(target).collect()).await;
                for ((who, _), sent) in says.iter().zip(answers) {
                    match sent {
                        Ok((conversation, seq)) => known.said.push((*who, conversation, seq)),
                        Err(SendRefusal::NotMember(_)) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
                Ok(())
            }
            Step::Start(who, peer) => {
                let (user, peer_ref) = (&self.people[*who], &self.people[*peer]);
                let view = subject.start(user, peer_ref).await;
                known.pairs.insert((*who, *peer), view.conversation.id);
                Ok(())
            }
            Step::Read(who, peer, part) => {
                if let Some(id) = known.pairs.get(&(*who, *peer)) {
                    self.read(*who, *id, *part, at_ms).await;
                }
                Ok(())
            }
            Step::ReadRoom(who, room, part) => {
                self.read(*who, self.room(*room), *part, at_ms).await;
                Ok(())
            }
            Step::Edit(back) => {
                let Some((who, id, seq)) = known.back(*back) else {
                    return;
                };
                known.edits += 1;
                let text = text(&format!("edit {}", known.edits));
                let edited = store.edit_message(person(who), id, seq, text);
                edited.await.map(drop)
            }
            Step::Delete(back) => {
                let Some((who, id, seq)) = known.back(*back) else {
                    return;
                };
                store.delete_message(person(who), id, seq).await.map(drop)
            }
            Step::React(who, back, which, add) => {
                let Some((_, id, seq)) = known.back(*back) else {
                    return;
                };
                let emoji = emoji(EMOJI[*which]);
                let reacted = store.react(person(*who), id, seq, emoji, *add);
                reacted.await.map(drop)
            }
            Step::Leave(who, room) => {
                store
                    .leave_conversation(person(*who), self.room(*room))
                    .await
            }
            Step::Come(who, true) => {
                let joined = store.join_channel(person(*who), channel_name(CHANNEL), after(at_ms));
                joined.await.map(drop)
            }
            Step::Come(who, false) => {
                let (owner, name) = (person(0), self.people[*who].name.clone());
                let added = store.add_members(owner, self.room(false), vec![name], after(at_ms));
                added.await.map(drop)
            }
        };
        // What may be refused, and to whom, is told elsewhere.
        assert!(
            !matches!(done, Err(ActError::Store(_))),
            "{step:?}: {done:?}"
        );
    }

    async fn send(
        &self,
        targets: Vec<(usize, Target)>,
    ) -> Vec<Result<(ConversationId, Seq), SendRefusal>> {
        let message = |(who, target)| new(&self.people[who], target, "x");
        let messages = targets.into_iter().map(message).collect();
        let answers = self.subject.store.append(messages).await.unwrap();
        let answers = answers.into_iter();
        answers
            .map(|sent| sent.map(|sent| (sent.conversation, sent.seq)))
            .collect()
    }

    async fn read(&self, who: usize, id: ConversationId, part: u64, at_ms: i64) {
        let user = &self.people[who];
        let Some(view) = self.subject.view(user, id).await else {
            return;
        };
        let seq = Seq::new(view.conversation.last_seq.number() * part / 100);
        let read = self.subject.store.mark_read(user.id, id, seq, after(at_ms));
        // It may have left meanwhile.
        read.await.ok();
    }

    /// Everything that was committed so far, in the order in which it was heard.
    pub async fn model(&self) -> Vec<(Event, Vec<UserId>)> {
        let model = self.subject.events_after(Offset::ZERO).await;
        let offsets = model.iter().map(|(event, _)| event.offset.number());
        assert!(
            offsets.eq(1..=model.len() as u64),
            "heard without hole or repeat"
        );
        model
    }
}

/// A message as a device shows it: text, revision, reactions.
type Shown = (Option<String>, u64, Vec<Reaction>);

/// What a device comes to that keeps what it is told: of two states of a message the higher revision, of reactions the
/// last ones, and nothing from before its user came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copy {
    messages: BTreeMap<(ConversationId, Seq), Shown>,
    out: BTreeSet<ConversationId>,
}

impl Copy {
    pub fn take(&mut self, user: UserId, event: &Event) {
        match &event.body {
            EventBody::Message(it) => {
                let text = it.text.as_ref().map(|text| text.as_str().to_owned());
                let shown = (text, it.revision, it.reactions.clone());
                self.messages.insert((it.conversation, it.seq), shown);
            }
            EventBody::MessageEdited(it) => {
                if let Some(held) = self.messages.get_mut(&(it.conversation, it.seq))
                    && it.revision >= held.1
                {
                    held.0 = it.text.as_ref().map(|text| text.as_str().to_owned());
                    held.1 = it.revision;
                }
            }
            EventBody::MessageDeleted(it) => {
                if let Some(held) = self.messages.get_mut(&(it.conversation, it.seq))
                    && it.revision >= held.1
                {
                    *held = (None, it.revision, Vec::new());
                }
            }
            EventBody::ReactionsChanged(it) => {
                let Some(held) = self.messages.get_mut(&(it.conversation, it.seq)) else {
                    return;
                };
                let mine = |now: &Reaction| match &it.act {
                    None => now.mine,
                    Some(act) if act.user.id == user && act.emoji == now.emoji => act.added,
                    Some(_) => { held.2.iter() }.any(|old| old.emoji == now.emoji && old.mine),
                };
                let now = it.reactions.iter().map(|now| Reaction {
                    mine: mine(now),
                    ..now.clone()
                });
                held.2 = now.collect();
            }
            EventBody::MemberChanged(it) if it.user.id == user => match it.change {
                MemberChange::Role(_) => {}
                MemberChange::Added(_) | MemberChange::Joined(_) => {
                    self.forget(it.conversation);
                    self.out.remove(&it.conversation);
                }
                MemberChange::Left | MemberChange::Removed | MemberChange::Banned => {
                    self.forget(it.conversation);
                    self.out.insert(it.conversation);
                }
            },
            EventBody::SettingsChanged(_)
            | EventBody::BlocksChanged(_)
            | EventBody::MemberChanged(_)
            | EventBody::ConversationChanged(_)
            | EventBody::ReadMarker(_) => {}
        }
    }

    fn forget(&mut self, id: ConversationId) {
        self.messages.retain(|(other, _), _| *other != id);
    }
}
