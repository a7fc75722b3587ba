//! What is being written is kept on this machine while it is written: at the latest some seconds after a key, so that a
//! program that is killed loses no more than a word or two. What goes from the front is kept by `update`. The new text of
//! an own message is none of the drafts, since it would be sent as another message; when the program ends it is kept with
//! the lines that were sent, where it can be had back.

use std::time::Duration;

use tokio::time::Instant;

use crate::client::{
    cache::Change,
    ui::model::{Model, chat::ChatId, composer::Mode},
};

/// How old what is kept may be.
const KEPT_AFTER: Duration = Duration::from_secs(2);

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    front: Option<ChatId>,
    kept: String,
    due: Option<Instant>,
}

impl Drafts {
    /// Looks at what is being written; returns what is to be kept now.
    pub fn look(&mut self, model: &Model, now: Instant) -> Option<Change> {
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
        let due = *self.due.get_or_insert(now + KEPT_AFTER);
        if due > now {
            return None;
        }
        self.due = None;
        text.clone_into(&mut self.kept);
        Some(draft(model, front?))
    }

    /// When there is something to be kept.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }
}

/// Returns what keeps all that is being written.
pub(super) fn all(model: &Model) -> Vec<Change> {
    let aside = model.drafts().into_iter();
    let aside = aside.filter(|(chat, _)| !model.is_front(chat));
    let mut changes: Vec<Change> = aside.map(|(chat, text)| change(&chat, text)).collect();
    changes.extend(model.chats.front().map(|front| draft(model, front.id())));
    changes.extend(edited(model));
    changes
}

/// The new text that is being written for an own message, if it is another one by now.
fn edited(model: &Model) -> Option<Change> {
    let Mode::Edit(quote) = model.composer.mode() else {
        return None;
    };
    let (text, front) = (model.composer.text(), model.chats.front()?);
    let is_new = !text.trim().is_empty() && text != quote.text.render_lines();
    is_new.then(|| Change::SentLine {
        conversation: front.id().as_str().to_owned(),
        text: text.to_owned(),
    })
}

/// What is being written to the conversation in front: beside an edit that is the message that waits behind it.
fn draft(model: &Model, front: &ChatId) -> Change {
    let found = model.drafts().into_iter().find(|(chat, _)| chat == front);
    change(front, found.map(|(_, text)| text).unwrap_or_default())
}

fn change(chat: &ChatId, text: String) -> Change {
    Change::Draft {
        conversation: chat.as_str().to_owned(),
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::{
            app::{line::Zone, room::Room},
            ui::model::composer::Quote,
        },
        domain::clock::TimeMs,
    };

    fn kept(text: &str) -> Option<Change> {
        Some(change(&ChatId::from("c1"), text.to_owned()))
    }

    #[test]
    fn what_is_written_is_kept_after_a_while_and_once() {
        let mut model = Model::new("ann".parse().unwrap(), Zone::Local, TimeMs::new(0));
        for id in ["c1", "c2"] {
            let room = Room {
                id: id.to_owned(),
                ..Room::default()
            };
            model.chats.learn(room, None);
        }
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut drafts = Drafts::default();
        model.open(Some("c1".into()));
        assert_eq!(drafts.look(&model, at(0)), None);
        model.composer.paste("he");
        assert_eq!(drafts.look(&model, at(1)), None);
        assert_eq!(drafts.due(), Some(at(3)));
        model.composer.paste("llo");
        assert_eq!(drafts.look(&model, at(2)), None);
        assert_eq!(drafts.look(&model, at(3)), kept("hello"));
        assert_eq!((drafts.look(&model, at(9)), drafts.due()), (None, None));
        assert_eq!(all(&model), [kept("hello").unwrap()]);
        // Elsewhere nothing is written, and what was begun is there still.
        model.composer.paste("!");
        drafts.look(&model, at(10));
        model.open(Some("c2".into()));
        assert_eq!((drafts.look(&model, at(20)), drafts.due()), (None, None));
        let empty = change(&"c2".into(), String::new());
        assert_eq!(all(&model), [kept("hello!").unwrap(), empty]);
        // The new text of an own message is no draft, and is not lost either.
        model.open(Some("c1".into()));
        let quote = Quote {
            seq: 7,
            sender: "ann".into(),
            text: "old".into(),
        };
        model.composer.edit_message(quote, "old");
        assert_eq!(all(&model), [kept("hello!").unwrap()]);
        model.composer.paste(" and new");
        let line = Change::SentLine {
            conversation: "c1".to_owned(),
            text: "old and new".to_owned(),
        };
        assert_eq!(all(&model), [kept("hello!").unwrap(), line]);
        model.composer.leave_mode();
        // What was sent is no draft any more.
        model.open(Some("c1".into()));
        drafts.look(&model, at(20));
        model.composer.take();
        drafts.look(&model, at(20));
        assert_eq!(drafts.look(&model, at(22)), kept(""));
    }
}
