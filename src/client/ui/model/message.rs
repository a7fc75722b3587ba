//! One message as the UI holds it, and what can happen to it.
//!
//! Promises: a lower revision never stands over a higher one, and what was deleted stays deleted. Reactions have no
//! revision: the last event about them holds. Knows nothing of other messages or of the screen.

use std::borrow::Cow;

use crate::{
    client::app::{
        blocked::Blocked,
        file::{self, File},
        room::Kind,
        untrusted::Untrusted,
    },
    domain::{clock::TimeMs, ids::ClientMessageId, name::UserName},
};

/// Reactions that are kept of one message: more than an honest server allows.
const REACTIONS_MAX: usize = 64;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number in the conversation.
    pub seq: u64,
    /// How often it was changed.
    pub revision: u64,
    /// Who sent it.
    pub sender: Untrusted,
    /// When.
    pub time: TimeMs,
    /// What it says, which is nothing where its files say it all; `None`: it was deleted.
    pub text: Option<Untrusted>,
    /// Its files, in the order of the sender.
    pub files: Vec<File>,
    /// The name that its sender gave to the send.
    pub client_id: Option<ClientMessageId>,
    /// The message that it answers; 0: none.
    pub reply_to: u64,
    /// The reactions to it, the first given first.
    pub reactions: Vec<Reaction>,
    /// The members that it mentions by name.
    pub mentions: Vec<Untrusted>,
    /// Whether it mentions everybody.
    pub mentions_all: bool,
}

/// How often one emoji was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji.
    pub emoji: Untrusted,
    /// By how many.
    pub count: u32,
    /// Whether this user is one of them.
    pub is_mine: bool,
}

/// What happened to a message that may or may not be in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has another text: its whole new state, but for the reactions.
    Edited(Box<Message>),
    /// Its text is gone.
    Deleted {
        /// Which.
        seq: u64,
        /// Its revision now.
        revision: u64,
    },
    /// Its reactions are others now.
    Reacted {
        /// Which.
        seq: u64,
        /// All that it has now.
        reactions: Vec<Reaction>,
        /// What was done; `None`: this stands for many changes, and says which are of this user.
        deed: Option<Deed>,
    },
}

/// What somebody did with a reaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Whether this user did it, here or elsewhere.
    pub is_mine: bool,
    /// The emoji.
    pub emoji: Untrusted,
    /// Whether it was given.
    pub is_added: bool,
}

impl Change {
    /// The message that it is about.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Edited(message) => message.seq,
            Self::Deleted { seq, .. } | Self::Reacted { seq, .. } => *seq,
        }
    }
}

impl Message {
    /// Whether this user sent it.
    pub fn is_by(&self, me: &UserName) -> bool {
        self.sender == Untrusted::from(me.as_str())
    }

    /// Whether it was edited.
    pub fn is_edited(&self) -> bool {
        self.revision > 0 && self.text.is_some()
    }

    /// What it says on one line: its text, or its files where it has no text; `None`: it was deleted.
    pub fn said(&self) -> Option<Cow<'_, Untrusted>> {
        file::said(self.text.as_ref(), &self.files)
    }

    /// Whether its files say it all.
    pub fn is_files_only(&self) -> bool {
        !self.files.is_empty() && self.text.as_ref().is_some_and(Untrusted::is_empty)
    }

    /// Whether the server counts it as a mention of this user.
    pub fn is_mention_of(&self, me: &UserName, blocked: &Blocked) -> bool {
        let is_named = || self.mentions.contains(&Untrusted::from(me.as_str()));
        let is_blocked = || {
            let sender = self.sender.to_user_name();
            sender.is_some_and(|sender| blocked.names().any(|name| *name == sender))
        };
        !self.is_by(me) && (self.mentions_all || is_named()) && !is_blocked()
    }

    /// Whether this is shown as hidden, since its sender is blocked and others are there, too.
    pub fn is_hidden(&self, kind: Kind, blocked: &Blocked) -> bool {
        let sender = self.sender.to_user_name();
        kind != Kind::Direct
            && sender.is_some_and(|sender| blocked.names().any(|name| *name == sender))
    }

    /// Takes another state of the same message, whichever of the two is newer; returns whether anything is new.
    /// The reactions stay: events alone change them.
    pub fn take_newer(&mut self, other: &Self) -> bool {
        let is_back = self.text.is_none() && other.text.is_some();
        if other.seq != self.seq || other.revision <= self.revision || is_back {
            return false;
        }
        let reactions = std::mem::take(&mut self.reactions);
        *self = Self {
            reactions,
            ..other.clone()
        };
        true
    }

    /// What has happened to it since it was sent, but for reactions; `None`: nothing.
    pub fn into_change(self) -> Option<Change> {
        let Self { seq, revision, .. } = self;
        match self.text {
            None => Some(Change::Deleted { seq, revision }),
            Some(_) if revision > 0 => Some(Change::Edited(Box::new(self))),
            Some(_) => None,
        }
    }

    /// Takes in what happened to it; returns whether anything is new.
    pub fn change(&mut self, change: &Change) -> bool {
        if change.seq() != self.seq {
            return false;
        }
        match change {
            Change::Edited(message) => self.take_newer(message),
            Change::Deleted { revision, .. } => {
                let is_new = self.text.is_some();
                self.revision = self.revision.max(*revision);
                self.text = None;
                self.files.clear();
                self.mentions.clear();
                self.mentions_all = false;
                is_new
            }
            Change::Reacted {
                reactions, deed, ..
            } => {
                let all: Vec<Reaction> = reactions
                    .iter()
                    .take(REACTIONS_MAX)
                    .map(|it| Reaction {
                        is_mine: self.is_mine(it, deed.as_ref()),
                        ..it.clone()
                    })
                    .collect();
                let is_new = all != self.reactions;
                self.reactions = all;
                is_new
            }
        }
    }

    /// A live event does not say whether this user gave an emoji: it is as before, unless this user did it.
    fn is_mine(&self, reaction: &Reaction, deed: Option<&Deed>) -> bool {
        let before = || {
            let known = self.reactions.iter().find(|it| it.emoji == reaction.emoji);
            known.is_some_and(|it| it.is_mine)
        };
        match deed {
            None => reaction.is_mine,
            Some(deed) if deed.is_mine && deed.emoji == reaction.emoji => deed.is_added,
            Some(_) => before(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::client::app::file::tests::file;

    /// A message of somebody.
    pub fn said(seq: u64, sender: &str, text: &str) -> Message {
        Message {
            seq,
            revision: 0,
            sender: sender.into(),
            time: TimeMs::new(i64::try_from(seq).unwrap_or(0) * 1_000),
            text: Some(text.into()),
            files: Vec::new(),
            client_id: None,
            reply_to: 0,
            reactions: Vec::new(),
            mentions: Vec::new(),
            mentions_all: false,
        }
    }

    #[test]
    fn the_higher_revision_stays_and_a_deletion_is_for_good() {
        let mut message = said(1, "bob", "a");
        let at = |revision, text: &str| Message {
            revision,
            files: vec![file("f1", "a.txt", "text/plain")],
            ..said(1, "bob", text)
        };
        assert!(message.change(&Change::Edited(Box::new(at(2, "c")))));
        assert!(!message.change(&Change::Edited(Box::new(at(1, "b")))));
        assert_eq!(message.text, Some("c".into()));
        assert_eq!(message.files.len(), 1);
        assert!(message.is_edited());
        let deleted = Change::Deleted {
            seq: 1,
            revision: 3,
        };
        assert!(message.change(&deleted) && !message.change(&deleted));
        assert!(!message.change(&Change::Edited(Box::new(at(9, "back")))));
        assert_eq!((message.text.clone(), message.revision), (None, 3));
        assert_eq!(message.files, []);
        assert!(!message.change(&Change::Deleted {
            seq: 2,
            revision: 9
        }));
    }

    #[test]
    fn whose_a_reaction_is_stays_known_while_live_events_do_not_say() {
        let mut message = said(1, "bob", "a");
        let reaction = |emoji: &str, count, is_mine| Reaction {
            emoji: emoji.into(),
            count,
            is_mine,
        };
        let mut reacted = |all: &[Reaction], deed: Option<(bool, &str, bool)>| {
            message.change(&Change::Reacted {
                seq: 1,
                reactions: all.to_vec(),
                deed: deed.map(|(is_mine, emoji, is_added)| Deed {
                    is_mine,
                    emoji: emoji.into(),
                    is_added,
                }),
            });
            message.reactions.clone()
        };
        let first = reacted(&[reaction("x", 1, false)], Some((true, "x", true)));
        assert_eq!(first, [reaction("x", 1, true)]);
        let second = reacted(&[reaction("x", 2, false)], Some((false, "x", true)));
        assert_eq!(second, [reaction("x", 2, true)]);
        let third = reacted(&[reaction("x", 1, false)], Some((true, "x", false)));
        assert_eq!(third, [reaction("x", 1, false)]);
        let replayed = reacted(&[reaction("y", 3, true)], None);
        assert_eq!(replayed, [reaction("y", 3, true)]);
    }

    #[test]
    fn mentions_are_counted_as_the_server_counts_them() {
        let me: UserName = "ann".parse().unwrap();
        let mut message = Message {
            mentions: vec!["ann".into()],
            ..said(1, "bob", "@ann")
        };
        let nobody = Blocked::default();
        assert!(message.is_mention_of(&me, &nobody));
        let bob = Blocked::new(["bob".into()]);
        assert!(!message.is_mention_of(&me, &bob));
        assert!(message.is_hidden(Kind::Group, &bob) && !message.is_hidden(Kind::Direct, &bob));
        message.mentions.clear();
        assert!(!message.is_mention_of(&me, &nobody));
        message.mentions_all = true;
        assert!(message.is_mention_of(&me, &nobody));
        message.sender = "ann".into();
        assert!(!message.is_mention_of(&me, &nobody));
    }
}
