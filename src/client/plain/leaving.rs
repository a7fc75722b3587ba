//! How the line mode ends: what it still waits for, and how long.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{
    super::{
        app::{model::LinkState, transfers::End},
        exit::{Failure, together},
        unsent::{messages, named, unsent_of_both},
    },
    Plain,
};

/// How long `/quit` waits for messages that are not answered.
const UNSENT_WAIT: Duration = Duration::from_secs(5);
/// The same when the server is away and they are kept for the next time.
const KEPT_WAIT: Duration = Duration::from_secs(1);
/// How long the end of the input waits for a server that is away, which may just be started anew. One that comes back is
/// waited for as before.
const AWAY_WAIT: Duration = Duration::from_secs(10);
/// So soon the server is tried then, if it was away for so long that the next attempt would come too late.
const TRIED_WITHIN: Duration = Duration::from_secs(1);
/// How long leaving waits for what the server still has to say.
pub(super) const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// How far leaving has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Not at all.
    No,
    /// Waits for messages to be answered, perhaps not for ever.
    Sending(Option<Instant>),
    /// The same while the server is away: not longer than this, unless it comes back.
    Away(Instant),
    /// It is back and has answered nothing yet: if it goes again, it is waited for until then, as before.
    Back(Instant),
    /// Waits for the last words of the server.
    Closing(Instant),
    /// Nothing any more.
    Done,
}

impl Leaving {
    /// Whether it is waited for what is under way.
    fn is_wait(self) -> bool {
        matches!(self, Self::Sending(_) | Self::Away(_) | Self::Back(_))
    }
}

impl Plain {
    /// Leaves; hurries if the wait is to have an end.
    pub(super) fn leave(&mut self, hurry: bool) {
        let is_down = self.model.link == LinkState::Down;
        let is_kept = is_down && self.unsent().1.is_empty();
        // `/quit` waits for what is nearly there.
        let has_waited = matches!(self.leaving, Leaving::Sending(None) | Leaving::Back(_));
        let only_files = has_waited && self.link.unsent() == 0;
        let wait = match (only_files, is_kept) {
            // What is there of them is kept, and somebody does not want to wait for them any more.
            (true, _) => Duration::ZERO,
            (false, true) => KEPT_WAIT,
            (false, false) => UNSENT_WAIT,
        };
        self.leaving = match self.leaving {
            Leaving::No | Leaving::Sending(None) | Leaving::Back(_) => {
                Leaving::Sending(hurry.then(|| Instant::now() + wait))
            }
            // Asked twice to hurry: no more waiting.
            _ => Leaving::Done,
        };
        if is_down {
            self.is_away();
        }
    }

    /// The server is away: what is lost with the end is waited for all the same, and all else not for ever.
    pub(super) fn is_away(&mut self) {
        match self.leaving {
            Leaving::Sending(None) if self.unsent().1.is_empty() => {
                let now = Instant::now();
                self.leaving = Leaving::Away(now + AWAY_WAIT);
                self.link.retry_by(now + TRIED_WITHIN);
            }
            Leaving::Back(until) => {
                self.leaving = match self.unsent().1.is_empty() {
                    true => Leaving::Away(until),
                    false => Leaving::Sending(None),
                }
            }
            _ => {}
        }
    }

    /// The server is there again.
    pub(super) fn is_back(&mut self) {
        if let Leaving::Away(until) = self.leaving {
            self.leaving = Leaving::Back(until);
        }
    }

    /// A message is answered, or a file gets on: the server is there for that, though the link may have to try once more.
    pub(super) fn gets_on(&mut self) {
        match &mut self.leaving {
            Leaving::Away(until) => *until = Instant::now() + AWAY_WAIT,
            Leaving::Back(_) => self.leaving = Leaving::Sending(None),
            _ => {}
        }
    }

    /// Goes on once everything is answered.
    pub(super) fn close_if_all_is_sent(&mut self) {
        // Nobody is left who could tell a transfer to go on.
        let is_done = self.link.unsent() == 0 && self.carrier.is_at_rest();
        if self.leaving.is_wait() && is_done {
            self.close();
        }
    }

    /// It was waited long enough.
    pub(super) fn late(&mut self) {
        match self.leaving.is_wait() {
            true => self.close(),
            false => self.leaving = Leaving::Done,
        }
    }

    /// How many messages are on their way and kept, and which are on their way and lost when this ends.
    fn unsent(&self) -> (usize, Vec<&str>) {
        let unsent = self.link.unsent();
        let lost = self.kept.lost(unsent);
        (unsent.saturating_sub(lost.len()), lost)
    }

    /// What is told at the end of messages that are on their way, if there are any.
    pub(super) fn unsent_failure(&self) -> Option<Failure> {
        match self.unsent() {
            (0, lost) if lost.is_empty() => None,
            (kept, lost) => Some(unsent_of_both(kept, &lost)),
        }
    }

    /// What is told at the end: of what is not sent, or else of what never could be, and of files that were on their way.
    pub(super) fn left(&self) -> Result<(), Failure> {
        let first = match self.unsent_failure() {
            None if self.kept.held() > 0 => Some(Failure::auth(format!(
                "{} not sent, since this login may not; kept for one that may",
                messages(self.kept.held())
            ))),
            None if !self.was_connected && self.carrier.is_idle() => {
                Some(Failure::told(4, "the server was never reached"))
            }
            unsent => unsent,
        };
        let end = End::noted(self.carrier.is_noted());
        let moving = self.model.transfers.left(end);
        let moving = moving.map(|left| Failure::told(4, left));
        together(first.into_iter().chain(moving).collect())
    }

    /// The server ended it.
    pub(super) fn ended(&self, failure: Failure) -> Failure {
        let (kept, lost) = self.unsent();
        let failure = match lost.as_slice() {
            [] => failure,
            lost => failure.within(&lost_line(lost)),
        };
        match kept {
            0 => failure,
            count => failure.within(&format!(
                "{count} not answered yet and kept for the next login"
            )),
        }
    }

    /// Nobody reads the output any more: no failure of a program that prints, but one of a program that was given lines
    /// to send and has not sent them.
    pub(super) fn unread(&self, failure: Failure) -> Failure {
        let has_more = self.leaving == Leaving::No || self.link.unsent() > 0;
        if failure != Failure::OutputClosed || !has_more || self.lines.by_a_person() {
            return failure;
        }
        let why = "nobody reads the output any more, so no further line was taken";
        Failure::other(match self.unsent().1.as_slice() {
            [] => format!("{why}; what was taken and not answered is kept"),
            lost => format!(
                "{why}; what was taken and not answered is kept, but for this: {}",
                lost_line(lost)
            ),
        })
    }

    fn close(&mut self) {
        self.leaving = Leaving::Closing(Instant::now() + CLOSE_WAIT);
        self.link.close();
    }
}

/// Tells which messages are lost.
fn lost_line(lost: &[&str]) -> String {
    format!(
        "{} not answered and could not be kept ({}); send again what is missing",
        messages(lost.len()),
        named(lost)
    )
}

/// Returns when it is time to go on with leaving.
pub(super) async fn leave_at(leaving: Leaving) {
    match leaving {
        Leaving::Sending(Some(until)) | Leaving::Away(until) | Leaving::Closing(until) => {
            sleep_until(until).await;
        }
        _ => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "leaving_tests.rs"]
mod tests;
