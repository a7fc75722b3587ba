//! How far the output has come: what may be acknowledged and marked read.
//!
//! Only what was really shown counts, so that a message that never reached the screen comes
//! again. A conversation is marked read once for each message, and at the very end only as far as the server has not
//! answered: a mark that is told twice would take up again what another device has put aside since. A cursor can be told
//! twice without harm, since the server merges by max.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use tokio::time::timeout;

use crate::{
    domain::name::UserName,
    pb::{self, event::Body},
};

use super::net::{error::ClientError, live::Link, session::Session};

/// How often progress is told at most.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// How long telling the last progress may keep the program from ending.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);

/// The longest id of a conversation that is marked read: no honest server comes near.
const ID_BYTES_MAX: usize = 256;
/// Conversations whose markers are remembered.
const CONVERSATIONS_MAX: usize = 100_000;

/// What was printed and shown.
#[derive(Debug, Default)]
pub struct Progress {
    /// What is on its way to the reader, with the number of its piece of text.
    on_the_way: VecDeque<(u64, Mark)>,
    cursor: Option<String>,
    read: BTreeMap<String, u64>,
    /// Whether there is a cursor that was not told.
    cursor_is_new: bool,
    /// Conversations in which something was read that was not told.
    newly_read: BTreeSet<String>,
    /// Conversations that were put aside as unread: to mark one read would take it up again.
    aside: BTreeSet<String>,
}

/// The part of an event that progress is made of.
#[derive(Debug, PartialEq, Eq)]
pub struct Mark {
    cursor: String,
    read: Option<(String, u64)>,
    reset: bool,
}

impl Mark {
    /// Takes down an event that is about to be printed for this user.
    pub fn of(event: &pb::Event, me: &UserName) -> Self {
        let read = match &event.body {
            Some(Body::Message(message)) => {
                let own = message
                    .sender
                    .as_ref()
                    .is_some_and(|sender| sender.name == me.as_str());
                let is_id = message.conversation_id.len() <= ID_BYTES_MAX;
                (!own && is_id).then(|| (message.conversation_id.clone(), message.seq))
            }
            _ => None,
        };
        let reset = matches!(event.body, Some(Body::Reset(_)));
        Self {
            cursor: event.cursor.clone(),
            read,
            reset,
        }
    }
}

impl Progress {
    /// Notes that what is marked was handed over in this piece.
    pub fn handed(&mut self, piece: u64, mark: Mark) {
        if mark.reset {
            // Cursors and seqs of the old store mean nothing in the new one, shown or not.
            self.forget();
            for (_, older) in &mut self.on_the_way {
                older.read = None;
                older.cursor.clear();
            }
        }
        self.on_the_way.push_back((piece, mark));
    }

    /// Notes that everything up to this piece is shown.
    pub fn shown(&mut self, piece: u64) {
        while self.on_the_way.front().is_some_and(|(of, _)| *of <= piece) {
            if let Some((_, mark)) = self.on_the_way.pop_front() {
                self.printed(mark);
            }
        }
    }

    /// Notes that what is marked is shown.
    pub fn printed(&mut self, mark: Mark) {
        if mark.reset {
            self.forget();
        }
        if !mark.cursor.is_empty() {
            self.cursor = Some(mark.cursor);
            self.cursor_is_new = true;
        }
        if let Some((conversation, seq)) = mark.read {
            // No honest server comes near; what is forgotten is only marked read a little less.
            if self.read.len() >= CONVERSATIONS_MAX && !self.read.contains_key(&conversation) {
                self.read.clear();
            }
            self.newly_read.insert(conversation.clone());
            let read = self.read.entry(conversation).or_default();
            *read = seq.max(*read);
        }
    }

    /// Forgets what was of another store. What is put aside in this one is told after the reset.
    fn forget(&mut self) {
        *self = Self {
            on_the_way: std::mem::take(&mut self.on_the_way),
            aside: std::mem::take(&mut self.aside),
            ..Self::default()
        };
    }

    /// Notes that a conversation is put aside as unread: nothing there is marked read, however much is shown, until it is
    /// taken up again.
    pub fn put_aside(&mut self, conversation: &str, is_aside: bool) {
        if !is_aside {
            // What was shown meanwhile is read now.
            if self.aside.remove(conversation) && self.read.contains_key(conversation) {
                self.newly_read.insert(conversation.to_owned());
            }
        } else if self.aside.len() < CONVERSATIONS_MAX && conversation.len() <= ID_BYTES_MAX {
            self.aside.insert(conversation.to_owned());
        }
    }

    /// Tells the server over the link.
    pub fn tell(&mut self, link: &mut Link) {
        let now = self.newly_read.difference(&self.aside);
        let now: Vec<String> = now.cloned().collect();
        self.newly_read.retain(|it| self.aside.contains(it));
        for conversation in now {
            if let Some(seq) = self.read.get(&conversation) {
                link.mark_read(&conversation, *seq);
            }
        }
        if let Some(cursor) = self.cursor.clone().filter(|_| self.cursor_is_new) {
            link.acknowledge(cursor);
            self.cursor_is_new = false;
        }
    }

    /// What is to be marked read and was not, or was on the way when the link ended.
    fn unmarked(&self, link: &Link) -> BTreeMap<String, u64> {
        let mut unmarked = link.unmarked();
        for conversation in &self.newly_read {
            if let Some(seq) = self.read.get(conversation) {
                let read = unmarked.entry(conversation.clone()).or_default();
                *read = (*seq).max(*read);
            }
        }
        unmarked.retain(|conversation, _| !self.aside.contains(conversation));
        unmarked
    }

    /// Tells the server when the link is over. Failing costs no more than messages that come twice.
    pub async fn tell_at_last(self, link: &Link, session: &Session) {
        let tell = async {
            for (conversation, seq) in self.unmarked(link) {
                let marked = session.mark_read(&conversation, seq).await;
                // One that is refused, as of a conversation that was left, is in the way of nothing else.
                if let Err(error @ ClientError::Unreachable { .. }) = marked {
                    return Err(error);
                }
            }
            match &self.cursor {
                Some(cursor) => session.acknowledge(cursor).await,
                None => Ok(()),
            }
        };
        timeout(LAST_WORDS_MAX, tell).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::net::{live::LinkOptions, tls::Security};

    fn message(cursor: &str, sender: &str, seq: u64) -> pb::Event {
        let sender = Some(pb::UserRef {
            name: sender.to_owned(),
            ..pb::UserRef::default()
        });
        let conversation_id = "c1".to_owned();
        let message = pb::Message {
            conversation_id,
            seq,
            sender,
            ..pb::Message::default()
        };
        pb::Event {
            cursor: cursor.to_owned(),
            body: Some(Body::Message(message)),
        }
    }

    #[test]
    fn what_others_wrote_is_read_when_it_is_printed() {
        let me: UserName = "ann".parse().unwrap();
        let mut progress = Progress::default();
        for (cursor, sender, seq) in [("x-1", "bob", 4), ("x-2", "bob", 5), ("x-3", "ann", 6)] {
            progress.printed(Mark::of(&message(cursor, sender, seq), &me));
        }
        assert_eq!(progress.cursor.as_deref(), Some("x-3"));
        assert_eq!(progress.read, BTreeMap::from([("c1".to_owned(), 5)]));
        let state = pb::Event::default();
        progress.printed(Mark::of(&state, &me));
        assert_eq!(
            progress.cursor.as_deref(),
            Some("x-3"),
            "an empty cursor is none"
        );
        let reset = pb::Event {
            body: Some(Body::Reset(pb::Reset::default())),
            ..state
        };
        progress.printed(Mark::of(&reset, &me));
        assert_eq!((progress.cursor, progress.read.len()), (None, 0));
    }

    #[tokio::test]
    async fn what_was_put_aside_is_not_marked_read_until_it_is_taken_up_again() {
        let me: UserName = "ann".parse().unwrap();
        let server = "127.0.0.1:1".parse().unwrap();
        let session = Session::open(&server, &Security::Plaintext).unwrap();
        let mut link = Link::new(session, LinkOptions::default());
        let mut progress = Progress::default();
        progress.put_aside("c1", true);
        progress.printed(Mark::of(&message("x-1", "bob", 4), &me));
        progress.tell(&mut link);
        assert_eq!(progress.newly_read.len(), 1, "it is not told");
        let reset = pb::Event {
            body: Some(Body::Reset(pb::Reset::default())),
            ..pb::Event::default()
        };
        progress.printed(Mark::of(&reset, &me));
        progress.printed(Mark::of(&message("y-1", "bob", 1), &me));
        progress.tell(&mut link);
        assert_eq!(progress.newly_read.len(), 1);
        assert_eq!(progress.unmarked(&link), BTreeMap::new());
        progress.put_aside("c1", false);
        assert_eq!(progress.unmarked(&link)["c1"], 1);
        progress.tell(&mut link);
        assert_eq!(progress.newly_read.len(), 0);
        // Put aside again, before the link could tell it.
        assert_eq!(progress.unmarked(&link)["c1"], 1);
        link.keep_unread("c1");
        assert_eq!(progress.unmarked(&link), BTreeMap::new(), "it stays unread");
        progress.put_aside("c1", true);
        progress.put_aside("c1", false);
        assert_eq!(progress.unmarked(&link)["c1"], 1);
    }
}
