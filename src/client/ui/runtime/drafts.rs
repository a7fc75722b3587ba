//! What is being written is kept on this machine while it is written: at the latest some seconds after a key, so that a
//! program that is killed loses no more than a word or two; and at once where it is gone, sent or cleared, so that it does
//! not come back. What goes from the front is kept by `update`.
//!
//! Messages to conversations are drafts of the cache. What else was begun, as the new text of an own message or what waits
//! for a conversation that is gone, is kept there as well, all together, whenever it is another than was kept. Where there
//! is no cache, all of it goes to the journal.
//!
//! A draft that takes the place of what was entered waits for the disk (`Behind`): at each moment what was entered stands
//! in the journal, or still among the drafts.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::run::Ui;
use crate::{
    client::{
        app::written::{self, Written},
        cache::Change,
        ui::model::{Model, chat::ChatId},
    },
    domain::ids::ClientMessageId,
};

/// How old what is kept may be.
const KEPT_AFTER: Duration = Duration::from_secs(2);

/// What is to be kept now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ToKeep {
    /// All that was begun and is no draft of the cache, if it is another than before.
    pub begun: Option<Vec<Written>>,
    /// Some of what was begun is no more among that, or came by itself: drafts of conversations may have it now, and are kept
    /// with that.
    pub is_less: bool,
    /// The draft of the conversation in front, if it is another than before.
    pub draft: Option<(ChatId, String)>,
}

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    front: Option<ChatId>,
    kept: String,
    due: Option<Instant>,
    begun: Begun,
    begun_due: Option<Instant>,
    is_hurried: bool,
}

/// What was begun, as it was kept last.
#[derive(Debug, Default, PartialEq, Eq)]
struct Begun {
    /// With the drafts of conversations, as where there is no cache.
    has_drafts: bool,
    aside: Vec<Written>,
    here: Vec<Written>,
}

impl Drafts {
    /// Looks at what is being written; returns what is to be kept now.
    pub fn look(&mut self, model: &Model, now: Instant, has_cache: bool) -> ToKeep {
        let is_hurried = std::mem::take(&mut self.is_hurried);
        let count = self.begun.all().count();
        let draft = self.look_here(model, now);
        let begun = self.look_around(model, now, !has_cache);
        ToKeep {
            draft,
            is_less: is_hurried || begun.as_ref().is_some_and(|begun| begun.len() < count),
            begun,
        }
    }

    /// Something came to be written by itself, which is nowhere else: it is kept at once.
    pub fn hurry(&mut self, now: Instant) {
        (self.due, self.begun_due) = (Some(now), Some(now));
        self.is_hurried = true;
    }

    /// Whether that was not kept yet.
    pub fn is_hurried(&self) -> bool {
        self.is_hurried
    }

    fn look_here(&mut self, model: &Model, now: Instant) -> Option<(ChatId, String)> {
        let front = model.chats.front().map(|chat| chat.id());
        let text = model.composer.text();
        if front != self.front.as_ref() {
            (self.front, self.due) = (front.cloned(), None);
            text.clone_into(&mut self.kept);
        }
        if text == self.kept {
            self.due = None;
            return None;
        }
        // What was sent or cleared must not come back.
        if !text.is_empty() && !is_due(&mut self.due, now) {
            return None;
        }
        self.due = None;
        text.clone_into(&mut self.kept);
        Some(draft(model, front?))
    }

    fn look_around(
        &mut self,
        model: &Model,
        now: Instant,
        has_drafts: bool,
    ) -> Option<Vec<Written>> {
        let begun = Begun {
            has_drafts,
            aside: model.begun_aside(has_drafts),
            here: model.begun_here(has_drafts),
        };
        if begun == self.begun {
            self.begun_due = None;
            return None;
        }
        // What changes under the hands is kept now and then, all else at once.
        let is_typed =
            (begun.has_drafts, &begun.aside) == (self.begun.has_drafts, &self.begun.aside);
        let is_over = begun.here.len() < self.begun.here.len();
        if is_typed && !is_over && !is_due(&mut self.begun_due, now) {
            return None;
        }
        self.begun_due = None;
        let is_nothing = [&begun, &self.begun]
            .iter()
            .all(|it| it.all().next().is_none());
        self.begun = begun;
        let all = self.begun.all().cloned().collect();
        (!is_nothing).then_some(all)
    }

    /// When there is something to be kept.
    pub fn due(&self) -> Option<Instant> {
        self.due.into_iter().chain(self.begun_due).min()
    }
}

impl Begun {
    fn all(&self) -> impl Iterator<Item = &Written> {
        self.here.iter().chain(&self.aside)
    }
}

/// Drafts that wait for messages that were entered before them: of each conversation the newest, and the message.
#[derive(Debug, Default)]
pub(super) struct Behind {
    drafts: BTreeMap<ChatId, (ClientMessageId, String)>,
}

impl Behind {
    /// Takes a draft, and which message on its way to the disk was entered last. Returns what is to be kept now.
    #[must_use]
    pub fn take(
        &mut self,
        (chat, text): (ChatId, String),
        last: Option<ClientMessageId>,
    ) -> Option<Change> {
        match last {
            Some(last) => {
                self.drafts.insert(chat, (last, text));
                None
            }
            None => {
                self.drafts.remove(&chat);
                Some(change((chat, text)))
            }
        }
    }

    /// Returns what is to be kept now: that of which the message is not on its way to the disk any more.
    #[must_use]
    pub fn free(&mut self, is_at_disk: impl Fn(ClientMessageId) -> bool) -> Vec<Change> {
        let all = std::mem::take(&mut self.drafts).into_iter();
        let (held, free): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.partition(|(_, (message, _))| is_at_disk(*message));
        self.drafts = held;
        let free = free.into_iter();
        free.map(|(chat, (_, text))| change((chat, text))).collect()
    }

    /// Whether one of this conversation waits.
    pub fn waits(&self, chat: &ChatId) -> bool {
        self.drafts.contains_key(chat)
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }
}

fn is_due(due: &mut Option<Instant>, now: Instant) -> bool {
    let is_due = *due.get_or_insert(now + KEPT_AFTER) <= now;
    if is_due {
        *due = None;
    }
    is_due
}

/// Returns what keeps all that is being written in a cache.
pub(super) fn all(model: &Model) -> Vec<Change> {
    let aside = model.drafts().into_iter();
    let aside = aside.filter(|(chat, _)| !model.is_front(chat));
    let mut changes: Vec<Change> = aside.map(change).collect();
    let front = model.chats.front();
    changes.extend(front.map(|front| change(draft(model, front.id()))));
    let mut begun = model.begun_here(false);
    begun.extend(model.begun_aside(false));
    changes.push(Change::Written(in_cache(&begun)));
    changes
}

/// What is being written to the conversation in front: beside an edit that is the message that waits behind it.
fn draft(model: &Model, front: &ChatId) -> (ChatId, String) {
    let found = model.drafts().into_iter().find(|(chat, _)| chat == front);
    (
        front.clone(),
        found.map(|(_, text)| text).unwrap_or_default(),
    )
}

/// Returns what keeps a draft.
pub(super) fn change((chat, text): (ChatId, String)) -> Change {
    Change::Draft {
        conversation: chat.as_str().to_owned(),
        text,
    }
}

/// What was begun, as a cache has it.
pub(super) fn in_cache(begun: &[Written]) -> String {
    match begun {
        [] => String::new(),
        some => written::to_json(some).to_string(),
    }
}

impl Ui {
    /// Keeps what was begun, if it is time for that: in the cache, or where there is none in the journal.
    pub(super) fn keep_begun(&mut self) {
        let has_cache = self.cache.is_some();
        let kept = self.drafts.look(&self.model, Instant::now(), has_cache);
        let ToKeep {
            begun,
            draft,
            is_less,
        } = kept;
        if is_less && has_cache {
            for draft in self.model.drafts() {
                // One in the place of what was entered goes its own way.
                if !self.behind.waits(&draft.0) {
                    self.changes.extend(self.behind.take(draft, None));
                }
            }
        }
        if let Some(draft) = draft {
            self.keep_draft(draft);
        }
        match begun {
            Some(begun) if has_cache => {
                let begun = in_cache(&begun);
                self.changes.push(Change::Written(begun));
            }
            Some(begun) => self.ledger.keep_texts(begun),
            None => {}
        }
    }

    /// Keeps a draft, once all that was entered before it is on the disk, or cannot be put there.
    pub(super) fn keep_draft(&mut self, draft: (ChatId, String)) {
        let last = self.ledger.last_at_disk();
        self.changes.extend(self.behind.take(draft, last));
    }

    /// Keeps the drafts for which nothing is waited any more.
    pub(super) fn free_drafts(&mut self) {
        let free = self.behind.free(|message| self.ledger.is_at_disk(message));
        self.changes.extend(free);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::{
            app::{
                line::Zone,
                room::{Kind, Room},
                written::To,
            },
            ui::model::composer::Quote,
        },
        domain::clock::TimeMs,
    };

    fn kept(text: &str) -> ToKeep {
        ToKeep {
            draft: Some(("c1".into(), text.to_owned())),
            ..ToKeep::default()
        }
    }

    fn draft(id: &str, text: &str) -> Change {
        change((id.into(), text.to_owned()))
    }

    fn nothing() -> ToKeep {
        ToKeep::default()
    }

    fn ann() -> Model {
        let mut model = Model::new("ann".parse().unwrap(), Zone::Local, TimeMs::new(0));
        for id in ["c1", "c2"] {
            let room = Room {
                id: id.to_owned(),
                ..Room::default()
            };
            model.chats.learn(room, None);
        }
        model
    }

    #[test]
    fn what_is_written_is_kept_after_a_while_and_once() {
        let mut model = ann();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut drafts = Drafts::default();
        let mut look = |model: &Model, seconds| {
            let to_keep = drafts.look(model, at(seconds), true);
            (to_keep, drafts.due())
        };
        let none = Change::Written(String::new());
        model.open(Some("c1".into()));
        assert_eq!(look(&model, 0), (nothing(), None));
        model.composer.paste("he");
        assert_eq!(look(&model, 1), (nothing(), Some(at(3))));
        model.composer.paste("llo");
        assert_eq!(look(&model, 2), (nothing(), Some(at(3))));
        assert_eq!(look(&model, 3), (kept("hello"), None));
        assert_eq!(look(&model, 9), (nothing(), None));
        assert_eq!(all(&model), [draft("c1", "hello"), none.clone()]);
        // Elsewhere nothing is written, and what was begun is there still.
        model.composer.paste("!");
        look(&model, 10);
        model.open(Some("c2".into()));
        assert_eq!(look(&model, 20), (nothing(), None));
        let two = [draft("c1", "hello!"), draft("c2", ""), none.clone()];
        assert_eq!(all(&model), two);
        // What was sent is no draft any more, and at once: a program that is killed then must not bring it back.
        model.open(Some("c1".into()));
        look(&model, 20);
        model.composer.take();
        assert_eq!(look(&model, 20), (kept(""), None));
        assert_eq!(look(&model, 22), (nothing(), None));
    }

    #[test]
    fn the_new_text_of_a_message_is_kept_as_such_beside_the_draft() {
        let mut model = ann();
        let mut drafts = Drafts::default();
        let start = Instant::now();
        model.open(Some("c1".into()));
        model.composer.paste("draft");
        let quote = Quote {
            seq: 7,
            sender: "ann".into(),
            text: "old".into(),
        };
        model.composer.edit_message(quote, "old");
        // Nothing of it is new yet.
        assert_eq!(drafts.look(&model, start, true).begun, None);
        model.composer.paste(" and new");
        assert_eq!(drafts.look(&model, start, true).begun, None);
        let begun = drafts.look(&model, start + KEPT_AFTER, true).begun;
        let edit = Written {
            to: To::Edit {
                conversation: "c1".to_owned(),
                seq: 7,
                old: "old".to_owned(),
            },
            text: "old and new".to_owned(),
        };
        assert_eq!(begun, Some(vec![edit.clone()]));
        let written = Change::Written(in_cache(&[edit]));
        assert_eq!(all(&model), [draft("c1", "draft"), written]);
        // It is sent, or taken back: it must not come back.
        model.composer.leave_mode();
        let begun = drafts.look(&model, start, true).begun;
        assert_eq!(begun, Some(Vec::new()));
    }

    #[test]
    fn without_a_cache_the_drafts_are_among_what_was_begun_and_at_once_if_it_goes() {
        let mut model = ann();
        let mut drafts = Drafts::default();
        let now = Instant::now();
        model.open(Some("c1".into()));
        model.composer.paste("draft");
        assert_eq!(drafts.look(&model, now, true).begun, None);
        let begun = drafts.look(&model, now, false).begun.unwrap();
        assert_eq!(begun.len(), 1);
        assert_eq!(begun[0].text, "draft");
        // What goes from the front is kept at once.
        model.open(Some("c2".into()));
        assert_eq!(drafts.look(&model, now, false).begun, Some(begun));
        // With nothing open it is nobody's, and no draft of a cache.
        model.open(None);
        model.composer.paste("to whom?");
        let begun = drafts.look(&model, now, true).begun.unwrap();
        assert_eq!((begun.len(), &begun[0].to), (1, &To::Nobody));
    }

    #[test]
    fn what_comes_by_itself_is_kept_at_once_and_so_are_the_drafts_that_it_becomes() {
        let mut model = ann();
        let start = Instant::now();
        let mut drafts = Drafts::default();
        drafts.look(&model, start, true);
        let to = To::Conversation {
            kind: Kind::Group,
            name: "trip".to_owned(),
            id: None,
        };
        let text = "was sent".to_owned();
        let written = Written { to, text };
        model.give_back_here(written.clone());
        drafts.hurry(start);
        let to_keep = drafts.look(&model, start, true);
        assert_eq!(to_keep.begun, Some(vec![written]));
        assert!(to_keep.is_less && !drafts.is_hurried());
        // It goes where it was meant to go, and is a draft of that.
        let room = Room {
            id: "c3".to_owned(),
            kind: Kind::Group,
            name: "trip".into(),
            ..Room::default()
        };
        model.chats.learn(room, None);
        model.open(Some("c3".into()));
        let to_keep = drafts.look(&model, start, true);
        assert_eq!((to_keep.begun, to_keep.is_less), (Some(Vec::new()), true));
        assert_eq!(model.drafts(), [("c3".into(), "was sent".to_owned())]);
    }
}
