//! How the terminal UI ends: what was typed is kept, what came is stored, the server hears the last words.
//!
//! The terminal is given back before. All of it together takes a second or two at the most, whatever the server and the disk
//! do; what is cut short comes again, or is sent by the next program.

use std::time::Duration;

use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout, timeout_at},
};

use crate::client::{
    cache::{Cache, Stored, Word},
    exit::Failure,
    journal::Journal,
    net::{error::ClientError, live::LinkEvent},
    ui::model::LinkState,
    unsent::{messages, unsent_failure},
};

use super::{drafts, run::Ui};

/// How long messages may take that are just being answered.
const ANSWERS_WAIT: Duration = Duration::from_secs(1);
/// How long the server may take for its last words.
const CLOSE_WAIT: Duration = Duration::from_millis(500);
/// How long the marks may take that the link could not tell.
const MARKS_WAIT: Duration = Duration::from_secs(1);
/// How long the disk may take for what is queued.
const STORE_WAIT: Duration = Duration::from_secs(5);

impl Ui {
    /// Ends; returns what is to be told below the screen that came back.
    pub(super) async fn leave(mut self, outcome: Result<(), Failure>) -> Result<(), Failure> {
        let was_up = matches!(self.model.link, LinkState::Up | LinkState::CatchingUp);
        self.keep_drafts();
        let was_ended = self.ended.is_some();
        if was_up && self.link.unsent() > 0 {
            let until = Instant::now() + ANSWERS_WAIT;
            while self.link.unsent() > 0 && self.last_event(until).await {}
        }
        if let Some(cursor) = store(self.cache.take(), self.stored.take()).await {
            self.link.acknowledge(cursor);
        }
        if !was_ended {
            self.link.close();
            let until = Instant::now() + CLOSE_WAIT;
            while self.last_event(until).await {}
        }
        self.keep(Journal::sync);
        if was_up {
            self.tell_marks().await;
        }
        outcome?;
        let (unsent, is_kept) = (self.link.unsent(), self.journal.is_some());
        match (self.ended.take(), unsent) {
            (Some(failure), count) if count > 0 && is_kept => Err(failure.within(&format!(
                "{count} not answered yet and kept for the next login"
            ))),
            (Some(failure), _) => Err(failure),
            (None, 0) if self.held > 0 => Err(Failure::auth(format!(
                "{} not sent, since this login may not; kept for one that may",
                messages(self.held)
            ))),
            (None, 0) => Ok(()),
            (None, count) => Err(unsent_failure(count, is_kept)),
        }
    }

    /// What is being written is there again at the next start.
    fn keep_drafts(&mut self) {
        self.changes.extend(drafts::all(&self.model));
        // The drafts stand before the cursor, which holds without them.
        let ends = self.memory.finish(&self.model.chats);
        self.changes.extend(ends);
        if let Some(cache) = &self.cache {
            cache.apply(std::mem::take(&mut self.changes));
        }
    }

    /// Waits for an event of the link; false: there is none any more. What happened meanwhile comes again; what became of
    /// messages does not.
    async fn last_event(&mut self, until: Instant) -> bool {
        match timeout_at(until, self.link.next()).await {
            Ok(LinkEvent::Sent(message, _)) => self.keep(|it| it.settled(message.id)),
            // It stays where it is kept.
            Ok(LinkEvent::NotSent(_, error)) if self.is_held(&error) => {}
            Ok(LinkEvent::NotSent(message, _)) => self.keep(|it| it.settled(message.id)),
            Ok(LinkEvent::Closed) | Err(_) => return false,
            Ok(LinkEvent::Ended(error)) => {
                self.ended = Some(Failure::from(error));
                return false;
            }
            Ok(LinkEvent::Disconnected { .. }) => return false,
            Ok(LinkEvent::Connected | LinkEvent::Event(_) | LinkEvent::Echo(_)) => {}
        }
        true
    }

    /// Tells what was read and not answered by the server.
    async fn tell_marks(&self) {
        let tell = async {
            for (chat, seq) in self.link.unmarked() {
                let marked = self.asker.session().mark_read(&chat, seq).await;
                // One that is refused, as of a conversation that was left, is in the way of nothing else.
                if let Err(ClientError::Unreachable { .. }) = marked {
                    return;
                }
            }
        };
        let _ = timeout(MARKS_WAIT, tell).await;
    }
}

/// Stores what is queued; returns the newest cursor that is stored, if it was not told before.
async fn store(cache: Option<Cache>, stored: Option<Stored>) -> Option<String> {
    let (cache, mut stored) = (cache?, stored?);
    let closing = spawn_blocking(move || cache.close());
    timeout(STORE_WAIT, closing).await.ok()?.ok()?.ok()?;
    let mut newest = None;
    // All that there is to be told is there now.
    while let Ok(Word::Stored(cursor)) = timeout(Duration::ZERO, stored.next()).await {
        newest = cursor.or(newest);
    }
    newest
}
