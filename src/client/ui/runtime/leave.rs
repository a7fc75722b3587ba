//! How the terminal UI ends: what was entered is kept, what came is stored, the server hears the last words, and what could
//! not be done is told.
//!
//! The terminal is given back before. All of it together takes two seconds at the most, whatever the server and the disk do
//! (but that lines of the journal are handed to the system, which nearly never waits), and whoever asks once more for the
//! end gets it at once; what is cut short comes again, or is sent by the next program.

use std::{io, time::Duration};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use crate::client::{
    app::line::counted,
    cache::{CacheError, Stored, Word},
    exit::Failure,
    net::{error::ClientError, live::LinkEvent},
    ui::{model::LinkState, news::News},
};

use super::{
    asks::Asked,
    drafts,
    run::{Next, Ui},
};

/// How long all of it may take.
const LEAVE_WAIT: Duration = Duration::from_secs(2);
/// How long what is just being answered may take of that.
const ANSWERS_WAIT: Duration = Duration::from_secs(1);
/// How long the server may take for its last words.
const CLOSE_WAIT: Duration = Duration::from_millis(500);

impl Ui {
    /// Ends, at once when somebody asks for that; returns what is to be told below the screen that came back.
    pub(super) async fn leave(
        mut self,
        outcome: Result<(), Failure>,
        at_once: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let mut failed = Vec::new();
        tokio::select! {
            // What is being written is handed to the cache before anything is waited for.
            biased;
            () = self.last_words(&mut failed) => {}
            () = at_once => {}
        }
        self.told(outcome, failed)
    }

    /// Sees to what can be seen to in time; what could not be done is put down.
    async fn last_words(&mut self, failed: &mut Vec<String>) {
        let until = Instant::now() + LEAVE_WAIT;
        let was_up = matches!(self.model.link, LinkState::Up | LinkState::CatchingUp);
        let was_ended = self.ended.is_some();
        self.keep_drafts();
        let cache = self.cache.take();
        let storing = cache.map(|cache| spawn_blocking(move || cache.close()));
        self.sync();
        if was_up {
            let until = until.min(Instant::now() + ANSWERS_WAIT);
            let is_awaited = |ui: &Self| ui.link.unsent() > 0 || !ui.deeds.is_empty();
            while is_awaited(self) && self.last_event(until, failed).await {}
        }
        if let Some(cursor) = stored(storing, self.stored.take(), until).await {
            self.link.acknowledge(cursor);
        }
        if !was_ended {
            self.link.close();
            let until = until.min(Instant::now() + CLOSE_WAIT);
            while self.last_event(until, failed).await {}
        }
        self.sync();
        let synced = async {
            while let Some(synced) = self.syncs.join_next().await {
                self.synced(synced.unwrap_or_else(|it| Err(io::Error::other(it))));
            }
        };
        let _ = timeout_at(until, synced).await;
        if was_up {
            let _ = timeout_at(until, self.tell_marks()).await;
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

    /// Waits for an event of the link, or for an answer; false: there is none any more. What happened meanwhile comes again;
    /// what became of what was entered does not.
    async fn last_event(&mut self, until: Instant, failed: &mut Vec<String>) -> bool {
        tokio::select! {
            event = self.link.next() => self.last_of_link(event),
            Some(asked) = self.asks.join_next() => {
                if let Ok(asked) = asked {
                    failed.extend(self.last_answer(asked));
                }
                true
            }
            () = sleep_until(until) => false,
        }
    }

    fn last_of_link(&mut self, event: LinkEvent) -> bool {
        match event {
            LinkEvent::Sent(message, _) => self.settle(message.id),
            LinkEvent::NotSent(message, error) => {
                self.not_sent(message, &error);
            }
            LinkEvent::Closed | LinkEvent::Disconnected { .. } => return false,
            LinkEvent::Ended(error) => {
                self.ended = Some(Failure::from(error));
                return false;
            }
            LinkEvent::Connected | LinkEvent::Event(_) | LinkEvent::Echo(_) => {}
        }
        true
    }

    /// What was asked to be done is done; or returns what is in the way.
    fn last_answer(&mut self, asked: Asked) -> Option<String> {
        let deed = self.deeds.remove(&asked.deed?)?;
        let problem = asked.answer.news.into_iter().find_map(|news| match news {
            News::Acted { outcome, .. } => outcome.err(),
            _ => None,
        });
        problem.map(|problem| format!("{deed}: {}", problem.render_line()))
    }

    /// Tells what was read and not answered by the server.
    async fn tell_marks(&self) {
        for (chat, seq) in self.link.unmarked() {
            let marked = self.asker.session().mark_read(&chat, seq).await;
            // One that is refused, as of a conversation that was left, is in the way of nothing else.
            if let Err(ClientError::Unreachable { .. }) = marked {
                return;
            }
        }
    }

    /// Everything that a person should know: one line, and the exit code of what is said first.
    fn told(mut self, outcome: Result<(), Failure>, failed: Vec<String>) -> Result<(), Failure> {
        if outcome == Err(Failure::OutputClosed) {
            return outcome;
        }
        let mut all: Vec<Failure> = outcome.err().into_iter().collect();
        // Where one logs in it is said anyway, and whoever logged out wanted it so.
        let is_end_told = matches!(self.next, Next::LogIn(_) | Next::LoggedOut);
        all.extend(self.ended.take().filter(|_| !is_end_told));
        let unsent = self.link.unsent();
        all.extend(match self.next {
            Next::LogIn(_) => self.ledger.report_lost(unsent),
            _ => self.ledger.report(unsent),
        });
        all.extend(
            failed
                .into_iter()
                .map(|it| Failure::refused(format!("not done: {it}"))),
        );
        if !self.deeds.is_empty() {
            let count = counted(self.deeds.len(), "change is", "changes are");
            let deeds: Vec<String> = std::mem::take(&mut self.deeds).into_values().collect();
            let text = format!(
                "{count} not answered, see whether it is done: {}",
                deeds.join(", ")
            );
            all.push(Failure::told(4, text));
        }
        let together = |first: Failure, next: Failure| match first {
            Failure::Told { code, reason, text } => Failure::Told {
                code,
                reason,
                text: format!("{text} — {next}"),
            },
            Failure::OutputClosed => next,
        };
        all.into_iter().reduce(together).map_or(Ok(()), Err)
    }
}

/// Returns the newest cursor that is stored, if it was not told before.
async fn stored(
    storing: Option<JoinHandle<Result<(), CacheError>>>,
    stored: Option<Stored>,
    until: Instant,
) -> Option<String> {
    let (storing, mut stored) = (storing?, stored?);
    timeout_at(until, storing).await.ok()?.ok()?.ok()?;
    let mut newest = None;
    // All that there is to be told is there now.
    while let Ok(Word::Stored(cursor)) = timeout(Duration::ZERO, stored.next()).await {
        newest = cursor.or(newest);
    }
    newest
}
