//! Whom this user blocks, and what is shown instead of what they say where others are, too.
//!
//! The server sends it all the same: the others see it, and the numbers of the messages go on. Between two people nothing
//! new can come, and what is there is shown.

use std::{borrow::Cow, collections::BTreeSet};

use crate::domain::{limits::BLOCKED_USERS_MAX, name::UserName};

use super::{
    look::Found,
    model::MessageLine,
    room::{Kind, Room},
    untrusted::Untrusted,
};

/// What stands for the text of such a message above an answer to it.
const HIDDEN: &str = "(hidden)";

/// The users whom this user blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocked(BTreeSet<UserName>);

impl Blocked {
    /// Takes their names. What is no name is nobody's; no honest server names more than one may block.
    pub fn new(names: impl IntoIterator<Item = Untrusted>) -> Self {
        let names = names.into_iter().take(BLOCKED_USERS_MAX);
        Self(names.filter_map(|name| name.to_user_name()).collect())
    }

    /// Takes in that a user is blocked, or is not any more.
    pub fn set(&mut self, user: &UserName, is_blocked: bool) {
        match is_blocked {
            true => self.0.insert(user.clone()),
            false => self.0.remove(user),
        };
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &UserName> {
        self.0.iter()
    }

    /// Who hides there behind a name: one who is blocked, anywhere but in a conversation of two.
    fn hidden(&self, room: Option<&Room>, sender: &Untrusted) -> Option<UserName> {
        let is_direct = room.is_some_and(|room| room.kind == Kind::Direct);
        if self.0.is_empty() || is_direct {
            return None;
        }
        sender.to_user_name().filter(|name| self.0.contains(name))
    }

    /// Whether what this user says there is hidden.
    pub fn hides(&self, room: Option<&Room>, sender: &Untrusted) -> bool {
        self.hidden(room, sender).is_some()
    }

    /// A message as it is shown.
    pub fn shown<'a>(&self, room: Option<&Room>, message: &'a MessageLine) -> Cow<'a, MessageLine> {
        let Some(name) = self.hidden(room, &message.sender) else {
            return Cow::Borrowed(message);
        };
        // There is nothing to hide in one that was deleted, nor that it was.
        let text = message.text.as_ref();
        let text =
            text.map(|_| format!("(hidden: you have blocked {name}; /unblock {name})").into());
        Cow::Owned(MessageLine {
            text,
            files: Vec::new(),
            is_edited: false,
            mentions: Vec::new(),
            mentions_all: false,
            ..message.clone()
        })
    }

    /// What was found, as it is shown.
    pub fn found<'a>(&self, room: Option<&Room>, found: &'a Found) -> Cow<'a, Found> {
        match self.shown(room, &found.message) {
            Cow::Borrowed(_) => Cow::Borrowed(found),
            Cow::Owned(message) => Cow::Owned(Found {
                message,
                snippet: None,
            }),
        }
    }

    /// What is quoted of a message.
    pub fn quoted(
        &self,
        room: Option<&Room>,
        sender: &Untrusted,
        text: Option<&Untrusted>,
    ) -> Option<Untrusted> {
        match self.hides(room, sender) {
            true => text.map(|_| HIDDEN.into()),
            false => text.cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::file::tests::file, *};
    use crate::domain::clock::TimeMs;

    fn room(kind: Kind) -> Room {
        Room {
            kind,
            ..Room::default()
        }
    }

    fn said(sender: &str, text: Option<&str>) -> MessageLine {
        MessageLine {
            conversation: "c1".to_owned(),
            seq: 7,
            sender: sender.into(),
            time: TimeMs::new(0),
            text: text.map(Into::into),
            files: vec![file("f1", "a.txt", "text/plain")],
            reply_to: 0,
            is_edited: true,
            reactions: vec![("👍".into(), 2)],
            mentions: vec!["ann".into()],
            mentions_all: true,
        }
    }

    #[test]
    fn who_is_blocked_is_hidden_wherever_others_are() {
        let blocked = Blocked::new(["bob".into(), "no\u{1b}name".into()]);
        assert_eq!(blocked.names().count(), 1);
        let message = said("bob", Some("hi"));
        for (kind, hides) in [
            (Some(Kind::Direct), false),
            (Some(Kind::Group), true),
            (Some(Kind::Channel), true),
            // A conversation that is not known is not known to be one of two.
            (None, true),
        ] {
            let room = kind.map(room);
            let shown = blocked.shown(room.as_ref(), &message);
            assert_eq!(*shown != message, hides, "{kind:?}");
            assert_eq!(
                *shown == message,
                shown.text == Some("hi".into()),
                "{kind:?}"
            );
        }
        let group = room(Kind::Group);
        let shown = blocked.shown(Some(&group), &message);
        let text = "(hidden: you have blocked bob; /unblock bob)";
        assert_eq!(shown.text, Some(text.into()));
        assert!(shown.files.is_empty());
        assert!(shown.mentions.is_empty() && !shown.mentions_all && !shown.is_edited);
        assert_eq!(blocked.shown(Some(&group), &said("bob", None)).text, None);
        for other in ["carol", "bob\u{1b}", "no\u{1b}name"] {
            assert!(!blocked.hides(Some(&group), &other.into()), "{other}");
        }
    }

    #[test]
    fn what_is_quoted_or_found_is_hidden_as_well() {
        let mut blocked = Blocked::default();
        assert!(blocked.is_empty());
        let group = room(Kind::Group);
        let found = Found {
            message: said("bob", Some("hi there")),
            snippet: Some("*hi*".into()),
        };
        let quoted = |blocked: &Blocked, text: Option<&str>| {
            let text = text.map(Untrusted::from);
            blocked.quoted(Some(&group), &"bob".into(), text.as_ref())
        };
        assert_eq!(*blocked.found(Some(&group), &found), found);
        assert_eq!(quoted(&blocked, Some("hi")), Some("hi".into()));
        blocked.set(&"bob".parse().unwrap(), true);
        assert_eq!(blocked.found(Some(&group), &found).snippet, None);
        assert_eq!(quoted(&blocked, Some("hi")), Some(HIDDEN.into()));
        assert_eq!(quoted(&blocked, None), None);
        blocked.set(&"bob".parse().unwrap(), false);
        assert_eq!(quoted(&blocked, Some("hi")), Some("hi".into()));
    }

    #[test]
    fn what_a_server_names_is_bounded() {
        let names = (0..9_999).map(|number| format!("n{number}").into());
        assert_eq!(Blocked::new(names).names().count(), BLOCKED_USERS_MAX);
    }
}
