//! How the terminal UI ends: what was entered is kept, what came is stored, the server hears the last words, and what could
//! not be done is told.
//!
//! The terminal is given back before. All of it together takes two seconds at the most, whatever the server and the disk do,
//! and whoever asks once more for the end gets it at once; what is cut short comes again, or is sent by the next program.

use std::{io, mem, time::Duration};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use crate::client::{
    app::{line::counted, transfers::End, written::Written},
    cache::{CacheError, Change, Stored, Word},
    exit::{Failure, together},
    net::{error::ClientError, live::LinkEvent},
    translate,
    ui::{model::LinkState, news::News},
};

use super::{
    asks::Asked,
    drafts, ledger,
    run::{Next, Ui},
    screen::Screen,
};

/// How long all of it may take.
const LEAVE_WAIT: Duration = Duration::from_secs(2);
/// How long what is just being answered may take of that.
const ANSWERS_WAIT: Duration = Duration::from_secs(1);
/// How long the disk may take for messages that were entered just now, before drafts are kept without them.
const DRAFTS_WAIT: Duration = Duration::from_millis(500);
/// How long the server may take for its last words.
const CLOSE_WAIT: Duration = Duration::from_millis(500);
/// How long the disk may take, after all that, for what is noted of transfers.
const CARRIER_WAIT: Duration = Duration::from_millis(200);

impl Ui {
    /// Gives the screen to whoever logs in next, who is not to find pictures of this account there.
    pub(super) fn give_up_screen(&mut self, instead: Screen) -> io::Result<Screen> {
        let mut screen = mem::replace(&mut self.screen, instead);
        screen.turn_over()?;
        Ok(screen)
    }

    /// Ends, at once when somebody asks for that; returns what is to be told below the screen that came back.
    pub(super) async fn leave(
        &mut self,
        outcome: Result<(), Failure>,
        at_once: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let mut failed = Vec::new();
        self.fetcher.end();
        let begun = self.model.begun();
        let has_cache = self.cache.is_some();
        let kept = tokio::select! {
            // What is being written is handed to the disk before anything is waited for.
            biased;
            is_stored = self.last_words(&begun, &mut failed) => Some(is_stored),
            () = at_once => None,
        };
        let is_kept = match kept {
            Some(is_stored) => is_stored || self.ledger.has_kept_texts(),
            // It is on its way, and most likely comes there.
            None => self.model.can_keep,
        };
        if !is_kept {
            self.lost = begun;
        }
        let is_stored = is_kept && kept.unwrap_or(has_cache);
        let past = self.model.begun_past(!is_stored);
        let are_noted = self.carrier.is_noted();
        // What a transfer holds is free for whoever comes next.
        let _ = timeout(CARRIER_WAIT, self.carrier.close()).await;
        self.told(outcome, failed, &past, are_noted)
    }

    /// Sees to what can be seen to in time; what could not be done is put down. Returns whether the cache has what was begun.
    async fn last_words(&mut self, begun: &[Written], failed: &mut Vec<String>) -> bool {
        let until = Instant::now() + LEAVE_WAIT;
        let was_up = matches!(self.model.link, LinkState::Up | LinkState::CatchingUp);
        let was_ended = self.ended.is_some();
        self.keep_begun_at_last(begun);
        self.free_last_drafts(until).await;
        let cache = self.cache.take();
        let storing = cache.map(|cache| spawn_blocking(move || cache.close()));
        if was_up {
            let until = until.min(Instant::now() + ANSWERS_WAIT);
            let is_awaited =
                |ui: &Self| ui.link.unsent() + ui.ledger.waiting() > 0 || !ui.deeds.is_empty();
            while is_awaited(self) && self.last_event(until, failed).await {}
        }
        let stored = stored(storing, self.stored.take(), until).await;
        if let Some(cursor) = stored.clone().flatten() {
            self.link.acknowledge(cursor);
        }
        if stored.is_some() {
            self.ledger.keep_texts(Vec::new());
        }
        if !was_ended {
            self.link.close();
            let until = until.min(Instant::now() + CLOSE_WAIT);
            while self.last_event(until, failed).await {}
        }
        self.ledger.close();
        let kept = async {
            while let Some(word) = self.ledger.next_or_end().await {
                self.kept(word);
            }
        };
        let _ = timeout_at(until, kept).await;
        if was_up {
            let _ = timeout_at(until, self.tell_marks()).await;
        }
        stored.is_some()
    }

    /// What is being written is there again at the next start: it is in the journal until the cache has it for sure.
    fn keep_begun_at_last(&mut self, begun: &[Written]) {
        self.ledger.keep_texts(begun.to_vec());
        for change in drafts::all(&self.model) {
            match change {
                // In the place of what was entered, which may be on its way to the disk.
                Change::Draft { conversation, text } if text.is_empty() => {
                    self.keep_draft((conversation.as_str().into(), text));
                }
                Change::Draft { conversation, text } => {
                    let draft = (conversation.as_str().into(), text);
                    self.changes.extend(self.behind.take(draft, None));
                }
                other => self.changes.push(other),
            }
        }
        // The drafts stand before the cursor, which holds without them.
        let ends = self.memory.finish(&self.model.chats);
        self.changes.extend(ends);
        if let Some(cache) = &self.cache {
            cache.apply(mem::take(&mut self.changes));
        }
    }

    /// Lets the drafts go whose messages came to the disk in time. Of the others what was kept last stays: it may be all that
    /// there is of what was entered.
    async fn free_last_drafts(&mut self, until: Instant) {
        let until = until.min(Instant::now() + DRAFTS_WAIT);
        self.free_drafts();
        while !self.behind.is_empty() {
            let Ok(word) = timeout_at(until, self.ledger.next()).await else {
                break;
            };
            self.kept(word);
            self.free_drafts();
        }
        if let Some(cache) = &self.cache {
            cache.apply(mem::take(&mut self.changes));
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
            word = self.ledger.next() => {
                self.kept(word);
                true
            }
            () = sleep_until(until) => false,
        }
    }

    pub(super) fn last_of_link(&mut self, event: LinkEvent) -> bool {
        match event {
            LinkEvent::Sent(message, _) => self.settle(message.id),
            // What was begun is on the disk by now, without its text: it stays there as one that was refused.
            LinkEvent::NotSent(message, error @ ClientError::OtherStore) => {
                let why = translate::problem(&error).render_line();
                self.ledger.refuse(message, &why, true);
            }
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
            News::Acted { outcome, .. } => outcome.err().map(|problem| problem.render_line()),
            News::Password { outcome, .. } => outcome.err().map(|problem| problem.words()),
            _ => None,
        });
        problem.map(|problem| format!("{deed}: {problem}"))
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

    /// Everything that a person should know.
    fn told(
        &mut self,
        outcome: Result<(), Failure>,
        failed: Vec<String>,
        past: &[Written],
        are_noted: bool,
    ) -> Result<(), Failure> {
        if outcome == Err(Failure::OutputClosed) {
            return outcome;
        }
        let mut all: Vec<Failure> = outcome.err().into_iter().collect();
        // Where one logs in it is said anyway, and whoever logged out wanted it so.
        let is_end_told = matches!(self.next, Next::LogIn(_) | Next::LoggedOut);
        all.extend(self.ended.take().filter(|_| !is_end_told));
        let unsent = self.link.unsent();
        all.extend(match self.next {
            // What the journal has when it is closed the next login takes over.
            Next::LogIn(_) if self.ledger.is_closed() => self.ledger.report_lost(unsent),
            _ => self.ledger.report(unsent),
        });
        // Where another login follows it comes back with that.
        let is_lost = self.next == Next::Leave && !self.lost.is_empty();
        all.extend(is_lost.then(|| ledger::lost(&self.lost)));
        all.extend(ledger::past(past, self.model.chats.adrift_lost));
        all.extend(
            failed
                .into_iter()
                .map(|it| Failure::refused(format!("not done: {it}"))),
        );
        let end = match self.next {
            Next::LoggedOut => End::OfLogin,
            _ => End::noted(are_noted),
        };
        let moving = self.model.transfers.left(end);
        all.extend(moving.map(|left| Failure::told(4, left)));
        if !self.deeds.is_empty() {
            let count = counted(self.deeds.len(), "change is", "changes are");
            let deeds: Vec<String> = mem::take(&mut self.deeds).into_values().collect();
            let text = format!(
                "{count} not answered, see whether it is done: {}",
                deeds.join(", ")
            );
            all.push(Failure::told(4, text));
        }
        together(all)
    }
}

/// Waits until all is stored; returns the newest cursor that is, if it was not told before. `None`: it is not, or not in
/// time.
async fn stored(
    storing: Option<JoinHandle<Result<(), CacheError>>>,
    stored: Option<Stored>,
    until: Instant,
) -> Option<Option<String>> {
    let (storing, mut stored) = (storing?, stored?);
    timeout_at(until, storing).await.ok()?.ok()?.ok()?;
    let mut newest = None;
    // All that there is to be told is there now.
    while let Ok(Word::Stored(cursor)) = timeout(Duration::ZERO, stored.next()).await {
        newest = cursor.or(newest);
    }
    Some(newest)
}
