//! What people do in groups and channels, in short words, and what is told of it, in short lines.

use std::fmt::Debug;

use super::subject::{NOON, Subject, new, text, words};
use tinychat::{
    domain::{
        conversation::{
            Conversation, ConversationChange, ConversationKind, ConversationView, HistoryAccess,
            Member, MemberSettings, NewConversation,
        },
        event::{Event, EventBody, MemberChange, MemberChanged},
        ids::{ConversationId, Offset, Seq, UserId},
        message::{Message, Target},
        name::{ChannelName, UserName},
        page::{PageSize, Position, PositionAsked},
        reaction::{Emoji, Reaction},
        role::Role,
        user::UserRef,
    },
    store::{ActError, Answer, MessagePage, ReplayFrom, Store},
};

/// Events with their readers.
pub type Told = Vec<(EventBody, Vec<UserId>)>;

pub fn channel_name(text: &str) -> ChannelName {
    text.parse().unwrap()
}

pub fn emoji(text: &str) -> Emoji {
    text.parse().unwrap()
}

/// The ids of people.
pub fn ids(people: &[&UserRef]) -> Vec<UserId> {
    people.iter().map(|user| user.id).collect()
}

pub fn names(people: &[&UserRef]) -> Vec<UserName> {
    people.iter().map(|user| user.name.clone()).collect()
}

/// A group that shows joiners nothing of what was said before.
pub fn group(members: &[&UserRef]) -> NewConversation {
    NewConversation {
        kind: ConversationKind::Group("friends".parse().unwrap()),
        topic: "".parse().unwrap(),
        history: HistoryAccess::SinceJoin,
        members: names(members),
    }
}

/// A channel that shows joiners all that was said before.
pub fn channel(name: &str, members: &[&UserRef]) -> NewConversation {
    NewConversation {
        kind: ConversationKind::Channel(channel_name(name)),
        history: HistoryAccess::All,
        ..group(members)
    }
}

pub fn renamed(name: &str) -> ConversationChange {
    ConversationChange {
        name: Some(name.to_owned()),
        ..ConversationChange::default()
    }
}

pub fn shown(history: HistoryAccess) -> ConversationChange {
    ConversationChange {
        history: Some(history),
        ..ConversationChange::default()
    }
}

pub fn member_changed(
    conversation: ConversationId,
    user: &UserRef,
    change: MemberChange,
    by: &UserRef,
    members_count: u64,
) -> EventBody {
    EventBody::MemberChanged(MemberChanged {
        conversation,
        user: user.clone(),
        change,
        by: by.clone(),
        members_count,
    })
}

/// (emoji, how often, whether by the reader).
pub fn given(reactions: &[Reaction]) -> Vec<(&str, u64, bool)> {
    let given = |it: &'_ Reaction| (it.count, it.mine);
    let emoji = reactions.iter().map(|reaction| reaction.emoji.as_str());
    emoji
        .zip(reactions.iter().map(given))
        .map(|(emoji, (count, mine))| (emoji, count, mine))
        .collect()
}

/// The words of each message; "" for one that was deleted.
pub fn said(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(words).collect()
}

fn with_reactions(line: String, reactions: &[Reaction]) -> String {
    let all = given(reactions).into_iter();
    let all = all.map(|(emoji, count, mine)| {
        let mine = if mine { "*" } else { "" };
        format!(" {emoji}{count}{mine}")
    });
    line + &all.collect::<String>()
}

fn state(state: &Conversation) -> String {
    let name = match &state.kind {
        ConversationKind::Direct(people) => format!("{} people", people.len()),
        ConversationKind::Group(name) => name.as_str().to_owned(),
        ConversationKind::Channel(name) => format!("#{name}"),
    };
    let (topic, members) = (state.topic.as_str(), state.members_count);
    let topic = if topic.is_empty() {
        ""
    } else {
        &format!(": {topic}")
    };
    format!(
        "{name}{topic} ({members}), last {}",
        state.last_seq.number()
    )
}

/// An event in one line.
pub fn line(body: &EventBody) -> String {
    match body {
        EventBody::Message(message) => {
            let text = message.text.as_ref().map_or("[gone]", |text| text.as_str());
            let line = format!("{} {}: {text}", message.seq.number(), message.sender.name);
            with_reactions(line, &message.reactions)
        }
        EventBody::MessageEdited(message) => {
            let line = format!("{} is now: {}", message.seq.number(), words(message));
            with_reactions(line, &message.reactions)
        }
        EventBody::MessageDeleted(deleted) => {
            format!("{} deleted by {}", deleted.seq.number(), deleted.by.name)
        }
        EventBody::ReactionsChanged(changed) => {
            let act = changed.act.as_ref().map_or(String::new(), |act| {
                let gives = if act.added { "gives" } else { "takes" };
                format!(", {} {gives} {}", act.user.name, act.emoji.as_str())
            });
            let line = format!("{} reactions{act}:", changed.seq.number());
            with_reactions(line, &changed.reactions)
        }
        EventBody::MemberChanged(changed) => {
            let what = match changed.change {
                MemberChange::Added(role) => format!("added as {}", role.word()),
                MemberChange::Joined(role) => format!("joined as {}", role.word()),
                MemberChange::Left => "left".to_owned(),
                MemberChange::Removed => "removed".to_owned(),
                MemberChange::Banned => "banned".to_owned(),
                MemberChange::Role(role) => format!("is {}", role.word()),
            };
            let by = match changed.by == changed.user {
                true => String::new(),
                false => format!(" by {}", changed.by.name),
            };
            format!(
                "{} {what}{by} ({})",
                changed.user.name, changed.members_count
            )
        }
        EventBody::ConversationChanged(changed) => state(changed),
        EventBody::ReadMarker(marker) => {
            format!("{} read {}", marker.user, marker.read_seq.number())
        }
        EventBody::BlocksChanged(users) => {
            let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
            format!("blocks [{}]", names.join(" "))
        }
        EventBody::SettingsChanged(changed) => {
            let MemberSettings {
                marked_unread,
                notify,
            } = changed.settings;
            let aside = if marked_unread { "put aside, " } else { "" };
            let until = notify.until.map_or(String::new(), |until| {
                format!(" until {}", until.milliseconds() - NOON.milliseconds())
            });
            format!(
                "{} {aside}notify {:?}{until}",
                changed.conversation, notify.level
            )
        }
    }
}

/// Each event in one line.
pub fn lines(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| line(&event.body)).collect()
}

/// Each event in one line, and who reads it.
pub fn told_lines(told: &Told) -> Vec<(String, Vec<UserId>)> {
    { told.iter() }
        .map(|(body, readers)| (line(body), readers.clone()))
        .collect()
}

impl Subject {
    /// Makes accounts, whose ids rise.
    pub async fn people<const N: usize>(&self, names: [&str; N]) -> [UserRef; N] {
        let mut people = Vec::new();
        for name in names {
            people.push(self.user(name).await);
        }
        assert!(people.is_sorted_by_key(|user| user.id));
        people.try_into().unwrap()
    }

    /// Does something that is one commit at the most, and answers what was told of it. A refusal tells nobody.
    pub async fn act<'a, T, E>(
        &'a self,
        act: impl FnOnce(&'a dyn Store) -> Answer<'a, Result<T, E>>,
    ) -> (Result<T, E>, Told) {
        let (end, commits) = (self.store.end(), self.heard().await.len());
        let answer = act(&*self.store).await;
        let new_commits = self.heard().await.len() - commits;
        let told: Told = { self.events_after(end).await.into_iter() }
            .map(|(event, readers)| (event.body, readers))
            .collect();
        assert_eq!(new_commits, usize::from(!told.is_empty()), "{told:?}");
        assert!(
            answer.is_ok() || self.store.end() == end,
            "a refusal is no commit"
        );
        (answer, told)
    }

    pub async fn told<'a, T, E: Debug>(
        &'a self,
        act: impl FnOnce(&'a dyn Store) -> Answer<'a, Result<T, E>>,
    ) -> (T, Told) {
        let (answer, told) = self.act(act).await;
        (answer.unwrap(), told)
    }

    /// Does something that changes nothing.
    pub async fn quiet<'a, T, E: Debug>(
        &'a self,
        act: impl FnOnce(&'a dyn Store) -> Answer<'a, Result<T, E>>,
    ) -> T {
        let (answer, told) = self.told(act).await;
        assert_eq!(told, []);
        answer
    }

    /// Tries something that is refused.
    #[track_caller]
    pub fn refused<'a, T: Debug + 'a>(
        &'a self,
        why: ActError,
        act: impl FnOnce(&'a dyn Store) -> Answer<'a, Result<T, ActError>> + 'a,
    ) -> impl Future<Output = ()> + 'a {
        let line = std::panic::Location::caller();
        async move {
            let (answer, told) = self.act(act).await;
            assert_eq!(answer.err(), Some(why), "{line}");
            assert_eq!(told, [], "{line}");
        }
    }

    pub async fn make(&self, owner: &UserRef, new: NewConversation) -> ConversationId {
        let made = self.store.create_conversation(owner.clone(), new, NOON);
        made.await.unwrap().conversation.id
    }

    pub async fn change(&self, by: &UserRef, id: ConversationId, change: ConversationChange) {
        let changed = self.store.update_conversation(by.clone(), id, change);
        changed.await.unwrap();
    }

    pub async fn join(&self, user: &UserRef, channel: &str) -> ConversationView {
        let channel = channel_name(channel);
        let joined = self.store.join_channel(user.clone(), channel, NOON);
        joined.await.unwrap()
    }

    pub async fn leave(&self, user: &UserRef, id: ConversationId) {
        let left = self.store.leave_conversation(user.clone(), id);
        left.await.unwrap();
    }

    /// Empties a channel: all leave, an owner last.
    pub async fn leave_all(&self, people: &[UserRef], id: ConversationId) {
        let mut owners = Vec::new();
        for user in people {
            match self.view(user, id).await.map(|view| view.role) {
                Some(Role::Owner) => owners.push(user),
                Some(_) => self.leave(user, id).await,
                None => {}
            }
        }
        for owner in owners {
            self.leave(owner, id).await;
        }
    }

    pub async fn add(&self, by: &UserRef, id: ConversationId, users: &[&UserRef]) -> Vec<Member> {
        let added = self.store.add_members(by.clone(), id, names(users), NOON);
        added.await.unwrap()
    }

    pub async fn remove(&self, by: &UserRef, id: ConversationId, user: &UserRef, ban: bool) {
        let name = user.name.clone();
        let removed = self.store.remove_member(by.clone(), id, name, ban, NOON);
        removed.await.unwrap();
    }

    pub async fn set_role(&self, by: &UserRef, id: ConversationId, user: &UserRef, role: Role) {
        let set = self.store.set_role(by.clone(), id, user.name.clone(), role);
        set.await.unwrap();
    }

    /// All members, or all who are banned, as the user sees them: (id, role).
    pub async fn members(
        &self,
        user: &UserRef,
        id: ConversationId,
        banned: bool,
    ) -> Vec<(UserId, Option<Role>)> {
        let size = PageSize::asked(500);
        let page = self.store.list_members(user.id, id, banned, None, size);
        let members = page.await.unwrap().members.into_iter();
        members
            .map(|member| (member.user.id, member.role))
            .collect()
    }

    /// Says something in a conversation.
    pub async fn speak(&self, sender: &UserRef, id: ConversationId, words: &str) -> Seq {
        let sent = self.try_send(new(sender, Target::Conversation(id), words));
        sent.await.unwrap().seq
    }

    pub async fn edit(&self, by: &UserRef, id: ConversationId, seq: u64, words: &str) -> Message {
        let seq = Seq::new(seq);
        let edited = self.store.edit_message(by.clone(), id, seq, text(words));
        edited.await.unwrap()
    }

    pub async fn delete(&self, by: &UserRef, id: ConversationId, seq: u64) -> Message {
        let deleted = self.store.delete_message(by.clone(), id, Seq::new(seq));
        deleted.await.unwrap()
    }

    /// Gives a reaction.
    pub async fn give(
        &self,
        by: &UserRef,
        id: ConversationId,
        seq: u64,
        what: &str,
    ) -> Vec<Reaction> {
        self.react(by, id, seq, what, true).await
    }

    /// Takes a reaction back.
    pub async fn take(
        &self,
        by: &UserRef,
        id: ConversationId,
        seq: u64,
        what: &str,
    ) -> Vec<Reaction> {
        self.react(by, id, seq, what, false).await
    }

    async fn react(
        &self,
        by: &UserRef,
        id: ConversationId,
        seq: u64,
        what: &str,
        add: bool,
    ) -> Vec<Reaction> {
        let seq = Seq::new(seq);
        let reactions = self.store.react(by.clone(), id, seq, emoji(what), add);
        reactions.await.unwrap()
    }

    /// The newest messages of a conversation; `None` to those who may not read it.
    pub async fn page(&self, user: &UserRef, id: ConversationId) -> Option<MessagePage> {
        let size = PageSize::asked(500);
        let page = self
            .store
            .list_messages(user.id, id, PositionAsked::At(Position::Newest), size);
        page.await.unwrap()
    }

    /// What a device missed after a place, in lines.
    pub async fn missed(&self, user: &UserRef, place: Offset) -> Vec<String> {
        lines(&self.replay(user, ReplayFrom::After(place)).await)
    }

    /// From whatever place a user resumes: what comes is what was told since, at its place.
    ///
    /// Holds as long as nothing in the log is replaced and no marker moves.
    pub async fn assert_resumes_everywhere(&self, user: &UserRef) {
        let told = self.events_after(Offset::ZERO).await;
        for place in (0..=self.store.end().number()).map(Offset::new) {
            let missed = { told.iter() }
                .filter(|(event, readers)| event.offset > place && readers.contains(&user.id))
                .map(|(event, _)| event.offset);
            let missed: Vec<_> = missed.collect();
            let events = self.replay(user, ReplayFrom::After(place)).await;
            let got: Vec<_> = events.iter().map(|event| event.offset).collect();
            assert_eq!(got, missed, "{} after {place:?}", user.name);
        }
    }
}
