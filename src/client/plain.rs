//! The line mode: the loop between typed lines, the link and the output. Decides nothing itself.
//!
//! Prints append-only lines without escape codes, so it serves pipes and screen readers as well.
//! What it has printed and flushed it acknowledges and marks read, once a second and at the end.

use std::{io::Write, time::Duration};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use crate::domain::name::UserName;

use super::{
    app::{
        line::Zone,
        model::{Effect, Model, Msg},
        update::update,
    },
    exit::Failure,
    input::Typed,
    login::LoggedIn,
    net::{
        live::{Link, LinkEvent, LinkOptions},
        outbox::{OUTBOX_MESSAGES_MAX, Target},
        session::{Patience, Session},
    },
    progress::{INTERVAL, Mark, Progress},
    signal::Interrupts,
    translate,
};

/// How long a command waits for a server that cannot be reached.
const COMMAND_PATIENCE: Patience = Patience::For(Duration::from_secs(5));
/// How long `/quit` waits for messages that are not answered.
const UNSENT_WAIT: Duration = Duration::from_secs(5);
/// How long leaving waits for what the server still has to say.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Where lines come from.
pub struct Lines {
    /// The lines.
    pub typed: mpsc::Receiver<Typed>,
    /// Whether a person types them, who can be told to wait; a pipe is made to wait.
    pub by_a_person: bool,
}

/// Runs the line mode to its end.
pub async fn run(login: LoggedIn, lines: Lines, out: impl Write) -> Result<(), Failure> {
    let mut interrupts = Interrupts::new()?;
    let mut tick = interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut plain = Plain {
        model: Model::new(login.name.clone(), Zone::Local),
        link: Link::new(login.session.clone(), LinkOptions::default()),
        asks: JoinSet::new(),
        progress: Progress::default(),
        leaving: Leaving::No,
        me: login.name,
        session: login.session,
        out,
    };
    let Lines {
        mut typed,
        by_a_person,
    } = lines;
    while !plain.is_done() {
        let takes_input = plain.takes_input(by_a_person);
        let step = tokio::select! {
            event = plain.link.next() => Step::Link(event),
            line = typed.recv(), if takes_input => Step::Typed(line),
            Some(answer) = plain.asks.join_next() => match answer {
                Ok(msg) => Step::Msg(msg),
                Err(defect) => return Err(Failure::other(format!(
                    "a defect of this program: {defect}; please report it"
                ))),
            },
            () = interrupts.next() => Step::Msg(Msg::Interrupted),
            _ = tick.tick() => Step::Tick,
            () = leave_at(plain.leaving) => Step::Late,
        };
        match step {
            Step::Link(event) => plain.link_events(event)?,
            Step::Typed(line) => plain.happened(typed_msg(line)?)?,
            Step::Msg(msg) => plain.happened(msg)?,
            Step::Tick => plain.progress.tell(&mut plain.link),
            Step::Late => plain.late(),
        }
        plain.flush()?;
        plain.close_if_all_is_sent();
    }
    let unsent = plain.link.unsent();
    plain.progress.tell_at_last(&plain.session).await;
    if unsent > 0 {
        return Err(unsent_failure(unsent));
    }
    Ok(())
}

/// What one turn of the loop brought.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, on the stack: a box would cost an allocation for each event"
)]
enum Step {
    Link(LinkEvent),
    Typed(Option<Typed>),
    Msg(Msg),
    Tick,
    Late,
}

/// How far leaving has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// Waits for messages to be answered, perhaps not for ever.
    Sending(Option<Instant>),
    /// Waits for the last words of the server.
    Closing(Instant),
    Done,
}

struct Plain<W> {
    model: Model,
    link: Link,
    asks: JoinSet<Msg>,
    progress: Progress,
    leaving: Leaving,
    me: UserName,
    session: Session,
    out: W,
}

impl<W: Write> Plain<W> {
    fn is_done(&self) -> bool {
        self.leaving == Leaving::Done
    }

    fn takes_input(&self, by_a_person: bool) -> bool {
        let room = by_a_person || self.link.unsent() < OUTBOX_MESSAGES_MAX;
        self.leaving == Leaving::No && self.model.takes_input() && room
    }

    /// Takes in an event and all that are there already, then flushes once.
    fn link_events(&mut self, first: LinkEvent) -> Result<(), Failure> {
        let mut marks = Vec::new();
        let mut next = Some(first);
        while let Some(event) = next {
            self.link_event(event, &mut marks)?;
            next = self.link.take_ready();
        }
        self.flush()?;
        for mark in marks {
            self.progress.printed(mark);
        }
        Ok(())
    }

    fn link_event(&mut self, event: LinkEvent, marks: &mut Vec<Mark>) -> Result<(), Failure> {
        match event {
            LinkEvent::Connected => self.happened(Msg::Connected),
            LinkEvent::Event(event) => {
                marks.push(Mark::of(&event, &self.me));
                translate::event(event).map_or(Ok(()), |msg| self.happened(msg))
            }
            // What was typed here is on the screen already.
            LinkEvent::Echo(event) => {
                marks.push(Mark::of(&event, &self.me));
                Ok(())
            }
            LinkEvent::Sent(..) => Ok(()),
            LinkEvent::NotSent(message, error) => {
                let problem = translate::problem(&error);
                self.happened(Msg::NotSent {
                    text: message.text.into(),
                    problem,
                })
            }
            LinkEvent::Disconnected { .. } => self.happened(Msg::ConnectionLost),
            LinkEvent::Closed => {
                self.leaving = Leaving::Done;
                Ok(())
            }
            LinkEvent::Ended(error) => Err(error.into()),
        }
    }

    fn happened(&mut self, msg: Msg) -> Result<(), Failure> {
        for effect in update(&mut self.model, msg) {
            self.perform(effect)?;
        }
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> Result<(), Failure> {
        match effect {
            Effect::Print(line) => {
                let written = writeln!(self.out, "{line}");
                written.map_err(|error| Failure::output(&error))?;
            }
            Effect::Send { conversation, text } => {
                let target = Target::Conversation(conversation);
                if let Err(full) = self.link.send(target, text.as_str().to_owned()) {
                    let problem = full.to_string().into();
                    self.happened(Msg::NotSent {
                        text: text.as_str().into(),
                        problem,
                    })?;
                }
            }
            Effect::Start(name) => {
                let session = self.session.clone();
                self.asks.spawn(async move {
                    let answer = session.start_conversation(&name, COMMAND_PATIENCE).await;
                    translate::started(name, answer)
                });
            }
            Effect::ListUsers => {
                let session = self.session.clone();
                self.asks.spawn(async move {
                    let users = session.users(COMMAND_PATIENCE).await;
                    let lines = users.map(|users| users.into_iter().map(translate::user).collect());
                    Msg::Users(lines.map_err(|error| translate::problem(&error)))
                });
            }
            Effect::AskTime => {
                let session = self.session.clone();
                self.asks.spawn(async move {
                    let time = session.time(COMMAND_PATIENCE).await;
                    let time = time.map(|answer| translate::time(answer.time));
                    Msg::Time(time.map_err(|error| translate::problem(&error)))
                });
            }
            Effect::Leave { hurry } => self.leave(hurry),
        }
        Ok(())
    }

    fn leave(&mut self, hurry: bool) {
        self.leaving = match self.leaving {
            Leaving::No | Leaving::Sending(None) => {
                Leaving::Sending(hurry.then(|| Instant::now() + UNSENT_WAIT))
            }
            // Asked twice to hurry: no more waiting.
            _ => Leaving::Done,
        };
    }

    fn close_if_all_is_sent(&mut self) {
        if matches!(self.leaving, Leaving::Sending(_)) && self.link.unsent() == 0 {
            self.close();
        }
    }

    fn late(&mut self) {
        match self.leaving {
            Leaving::Sending(_) => self.close(),
            _ => self.leaving = Leaving::Done,
        }
    }

    fn close(&mut self) {
        self.leaving = Leaving::Closing(Instant::now() + CLOSE_WAIT);
        self.link.close();
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| Failure::output(&error))
    }
}

async fn leave_at(leaving: Leaving) {
    match leaving {
        Leaving::Sending(Some(until)) | Leaving::Closing(until) => sleep_until(until).await,
        _ => std::future::pending().await,
    }
}

fn typed_msg(line: Option<Typed>) -> Result<Msg, Failure> {
    match line {
        Some(Typed::Line(line)) => Ok(Msg::Typed(line)),
        Some(Typed::Undecodable) => Ok(Msg::TypedUndecodable),
        Some(Typed::TooLong) => Ok(Msg::TypedTooLong),
        Some(Typed::Failed(error)) => Err(Failure::other(format!(
            "cannot read the input: {error}; give it as text lines"
        ))),
        None => Ok(Msg::InputEnded),
    }
}

fn unsent_failure(count: usize) -> Failure {
    let messages = if count == 1 {
        "1 message was"
    } else {
        &format!("{count} messages were")
    };
    Failure::told(
        4,
        format!("{messages} not taken by the server in time; send again what is missing"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_unsent_is_told() {
        assert_eq!(
            unsent_failure(1).to_string(),
            "1 message was not taken by the server in time; send again what is missing"
        );
        assert_eq!(
            unsent_failure(2).to_string(),
            "2 messages were not taken by the server in time; send again what is missing"
        );
    }

    #[test]
    fn the_end_of_input_is_no_error_and_a_failure_to_read_is() {
        assert_eq!(typed_msg(None), Ok(Msg::InputEnded));
        assert!(typed_msg(Some(Typed::Failed("is a directory".to_owned()))).is_err());
    }
}
