//! The line mode: the loop between typed lines, the link and the output. Decides nothing itself.
//!
//! Prints append-only lines without escape codes, or objects, so it serves pipes, programs and screen readers as well.
//! What it has printed and flushed it acknowledges and marks read, once a second and at the end. What is typed is kept
//! on disk until the server has answered it.

use std::{io::Write as _, time::Duration};

use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until},
};

use crate::{
    domain::{name::UserName, text::MessageText},
    pb::{self, event::Body},
};

use super::{
    app::{
        line::Zone,
        model::{Effect, LinkState, Model, Msg},
        room::Place,
        update::update,
    },
    asks::{self, Answer},
    asks_calls,
    exit::Failure,
    input::Typed,
    journal::Journal,
    json::{self, Format},
    lines::{Lines, typed_msg},
    login::LoggedIn,
    net::{
        connect::ServerAddress,
        error::ErrorKind,
        live::{Link, LinkEvent, LinkOptions},
        outbox::{OUTBOX_MESSAGES_MAX, OutboxFull, Outgoing},
        session::Session,
        tls::Assurance,
    },
    output::Output,
    paper::Paper,
    progress::{INTERVAL, Mark, Progress},
    refused,
    signal::Interrupts,
    state, translate,
    unsent::{messages, unsent_failure},
};

/// How long `/quit` waits for messages that are not answered.
const UNSENT_WAIT: Duration = Duration::from_secs(5);
/// The same when the server is away and they are kept for the next time.
const KEPT_WAIT: Duration = Duration::from_secs(1);
/// The same when it is the input that ended: a script waits a little for a server that is just being started anew.
const AWAY_WAIT: Duration = Duration::from_secs(10);
/// How long leaving waits for what the server still has to say.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// What rings.
const BELL: &[u8] = b"\x07";

/// Runs the line mode to its end.
pub async fn run(
    login: LoggedIn,
    server: (&ServerAddress, Assurance),
    lines: Lines,
    out: Output<Paper>,
) -> Result<(), Failure> {
    let mut interrupts = Interrupts::new()?;
    let mut tick = interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut model = Model::new(login.name.clone(), Zone::Local);
    model.is_read_by_a_person = out.format() == Format::Text && lines.by_a_person();
    let mut plain = Plain {
        model,
        link: Link::new(login.session.clone(), LinkOptions::default()),
        asks: JoinSet::new(),
        progress: Progress::default(),
        leaving: Leaving::No,
        me: login.name,
        session: login.session,
        journal: None,
        lines,
        line_is_due: false,
        was_connected: false,
        rooms: Knows::Nothing,
        held: 0,
        out,
    };
    let outcome = plain.chat(server, &mut interrupts, tick).await;
    // Whatever the outcome: what was said before it stands before it.
    let shown = plain.out.to().finish(CLOSE_WAIT).await;
    plain.progress.shown(plain.out.to().shown());
    outcome.and(shown)?;
    let (unsent, is_kept) = (plain.link.unsent(), plain.journal.is_some());
    plain
        .progress
        .tell_at_last(&plain.link, &plain.session)
        .await;
    match unsent {
        0 if plain.held > 0 => Err(Failure::auth(format!(
            "{} not sent, since this login may not; kept for one that may",
            messages(plain.held)
        ))),
        0 if !plain.was_connected => Err(Failure::told(4, "the server was never reached")),
        0 => Ok(()),
        count => Err(unsent_failure(count, is_kept)),
    }
}

/// What one turn of the loop brought.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, on the stack: a box would cost an allocation for each event"
)]
enum Step {
    Shown(Result<(), Failure>),
    Link(LinkEvent),
    Typed(Option<Typed>),
    Answer(Answer),
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

/// What is known of the conversations that were there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knows {
    Nothing,
    /// The server is asked.
    Asks,
    All,
}

struct Plain {
    model: Model,
    link: Link,
    asks: JoinSet<Answer>,
    progress: Progress,
    leaving: Leaving,
    me: UserName,
    session: Session,
    /// Without one, messages live in memory alone, and that was said.
    journal: Option<Journal>,
    lines: Lines,
    /// Whether the editor was asked for a line and has not given it.
    line_is_due: bool,
    /// Whether the server was ever reached.
    was_connected: bool,
    /// Whether the names of the conversations are known, without which nothing is shown that happens in them.
    rooms: Knows,
    /// Messages that this login may not send, which stay kept for another.
    held: usize,
    out: Output<Paper>,
}

impl Plain {
    async fn chat(
        &mut self,
        server: (&ServerAddress, Assurance),
        interrupts: &mut Interrupts,
        mut tick: Interval,
    ) -> Result<(), Failure> {
        self.take_over(server)?;
        self.flush()?;
        while !self.is_done() {
            // While the reader stands still nothing more is taken in; signals are heard all the same.
            let has_room = self.out.to().has_room();
            let takes_input = self.takes_input() && has_room;
            self.ask_for_line(takes_input);
            let step = tokio::select! {
                event = self.link.next(), if has_room && self.rooms != Knows::Asks => Step::Link(event),
                more = self.out.to().more_is_shown() => Step::Shown(more),
                line = self.lines.next(), if takes_input => Step::Typed(line),
                Some(answer) = self.asks.join_next() => match answer {
                    Ok(answer) => Step::Answer(answer),
                    Err(defect) => return Err(Failure::other(format!(
                        "a defect of this program: {defect}; please report it"
                    ))),
                },
                () = interrupts.next() => Step::Msg(Msg::Interrupted),
                _ = tick.tick() => Step::Tick,
                () = leave_at(self.leaving) => Step::Late,
            };
            match step {
                Step::Shown(Ok(())) => {}
                Step::Shown(Err(failure)) => return Err(self.unread(failure)),
                Step::Link(event) => self.link_events(event)?,
                Step::Typed(line) => self.typed(line)?,
                Step::Answer(answer) => self.answered(answer)?,
                Step::Msg(msg) => self.happened(msg)?,
                Step::Tick if self.out.is_closed() => {
                    return Err(self.unread(Failure::OutputClosed));
                }
                Step::Tick => self.progress.tell(&mut self.link),
                Step::Late => self.late(),
            }
            self.flush()?;
            self.progress.shown(self.out.to().shown());
            self.close_if_all_is_sent();
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.leaving == Leaving::Done
    }

    /// Takes over what earlier programs did not see answered.
    fn take_over(
        &mut self,
        (server, assurance): (&ServerAddress, Assurance),
    ) -> Result<(), Failure> {
        let folder = state::folder_of_user()?;
        let left = match Journal::open(&folder, server, assurance, &self.me) {
            Ok((journal, left)) => {
                self.journal = Some(journal);
                left
            }
            Err(error) => {
                let problem = format!("{}: {error}", folder.display()).into();
                return self.happened(Msg::NotKept { problem });
            }
        };
        if left.is_empty() {
            return Ok(());
        }
        let count = left.len();
        for message in left {
            self.link.send_again(message);
        }
        self.happened(Msg::Left { count })
    }

    fn takes_input(&self) -> bool {
        let has_room = self.link.unsent() < OUTBOX_MESSAGES_MAX
            && self.journal.as_ref().is_none_or(Journal::has_room);
        let room = self.lines.by_a_person() || has_room;
        self.leaving == Leaving::No && self.model.takes_input() && room
    }

    fn ask_for_line(&mut self, takes_input: bool) {
        if let Lines::Edited(terminal) = &self.lines
            && takes_input
            && !self.line_is_due
        {
            let focus = self.model.focus.as_ref();
            let focus = focus.map_or_else(String::new, |place| self.model.rooms.label(place));
            terminal.ask(format!("{focus}> "));
            self.line_is_due = true;
        }
    }

    fn typed(&mut self, line: Option<Typed>) -> Result<(), Failure> {
        self.line_is_due = false;
        self.happened(typed_msg(line)?)
    }

    /// Takes in an event and all that are there already, then flushes once.
    fn link_events(&mut self, first: LinkEvent) -> Result<(), Failure> {
        let mut marks = Vec::new();
        let mut next = Some(first);
        while let Some(event) = next {
            self.link_event(event, &mut marks)?;
            // The names come first.
            next = match self.rooms {
                Knows::Asks => None,
                _ => self.link.take_ready(),
            };
        }
        let piece = self.out.to().written();
        self.flush()?;
        for mark in marks {
            self.progress.handed(piece, mark);
        }
        Ok(())
    }

    /// Nobody reads the output any more: no failure of a program that prints, but one of a program that was given lines
    /// to send and has not sent them.
    fn unread(&self, failure: Failure) -> Failure {
        let has_more = self.leaving == Leaving::No || self.link.unsent() > 0;
        match failure {
            Failure::OutputClosed if has_more && !self.lines.by_a_person() => Failure::other(
                "nobody reads the output any more, so no further line was taken; what was taken and not answered is kept",
            ),
            other => other,
        }
    }

    fn link_event(&mut self, event: LinkEvent, marks: &mut Vec<Mark>) -> Result<(), Failure> {
        match event {
            LinkEvent::Connected => {
                self.was_connected = true;
                self.ask_for_rooms();
                self.told("link", || json!("connected"), Msg::Connected)
            }
            LinkEvent::Event(event) => {
                marks.push(Mark::of(&event, &self.me));
                self.show(&event)?;
                match &event.body {
                    Some(Body::Reset(_)) => self.keep(Journal::reset)?,
                    Some(Body::Message(pb::Message {
                        sender: Some(sender),
                        ..
                    })) => {
                        self.lines.name_seen(&sender.name);
                    }
                    _ => {}
                }
                translate::event(event, &self.me).map_or(Ok(()), |msg| self.told_already(msg))
            }
            // What was typed here is on the screen already.
            LinkEvent::Echo(event) => {
                marks.push(Mark::of(&event, &self.me));
                self.show(&event)?;
                translate::echo(event).map_or(Ok(()), |msg| self.told_already(msg))
            }
            LinkEvent::Sent(message, response) => {
                self.settled(&message)?;
                let object = || with_id(&message, json::value(&response));
                self.told("sent", object, Msg::Sent)
            }
            // The login may not, or no longer: another can. It stays where it is kept.
            LinkEvent::NotSent(_, error)
                if error.kind() == ErrorKind::Auth || error.reason() == "SCOPE_MISSING" =>
            {
                self.held += 1;
                let problem = translate::problem(&error);
                self.happened(Msg::Held { problem })
            }
            LinkEvent::NotSent(message, error) => {
                self.settled(&message)?;
                let object = || {
                    let why = json!({
                        "text": message.text, "reason": error.reason(), "message": error.to_string()
                    });
                    with_id(&message, Some(why))
                };
                let (text, problem) = (message.text.as_str().into(), translate::problem(&error));
                let not_sent = Msg::NotSent { text, problem };
                self.told("not_sent", object, not_sent)?;
                refused::again(&message).map_or(Ok(()), |msg| self.happened(msg))
            }
            LinkEvent::Disconnected { .. } => {
                self.keep(Journal::sync)?;
                self.told("link", || json!("lost"), Msg::ConnectionLost)
            }
            LinkEvent::Closed => {
                self.leaving = Leaving::Done;
                Ok(())
            }
            LinkEvent::Ended(error) => {
                let failure = Failure::from(error);
                Err(match (self.link.unsent(), &self.journal) {
                    (0, _) | (_, None) => failure,
                    (count, Some(_)) => failure.within(&format!(
                        "{count} not answered yet and kept for the next login"
                    )),
                })
            }
        }
    }

    /// Prints an event for a program. People get what `app` makes of it.
    fn show(&mut self, event: &pb::Event) -> Result<(), Failure> {
        match self.out.format() {
            Format::Text => Ok(()),
            Format::Json => self.out.line(&json::line(event)),
        }
    }

    /// Something happened that programs get as an object, and people as what `app` makes of it.
    fn told(&mut self, key: &str, object: impl FnOnce() -> Value, msg: Msg) -> Result<(), Failure> {
        if self.out.format() == Format::Json {
            self.out.line(&json::object(key, object()))?;
        }
        self.told_already(msg)
    }

    /// Something happened of which a program knows already: what is said about it is for people.
    fn told_already(&mut self, msg: Msg) -> Result<(), Failure> {
        for effect in update(&mut self.model, msg) {
            let is_said = matches!(effect, Effect::Print(_));
            if !is_said || self.out.format() == Format::Text {
                self.perform(effect)?;
            }
        }
        Ok(())
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
                let notice = line.strip_prefix("<> ").unwrap_or(&line);
                self.out.object("notice", json!(notice), &line)?;
            }
            Effect::Send { to, text, reply_to } => self.send(to, reply_to, text)?,
            Effect::Start(wanted) => {
                let ask = asks::start(self.session.clone(), self.me.clone(), wanted);
                self.asks.spawn(ask);
            }
            Effect::Act(act) => {
                let (me, zone) = (self.me.clone(), self.model.zone);
                self.asks
                    .spawn(asks::act(self.session.clone(), me, zone, act));
            }
            Effect::Ring => self.ring()?,
            Effect::Aside {
                conversation,
                is_aside,
            } => {
                self.progress.put_aside(&conversation, is_aside);
                if is_aside {
                    self.link.keep_unread(&conversation);
                }
            }
            Effect::TakeUp(id) => {
                self.asks
                    .spawn(asks_calls::take_up(self.session.clone(), id));
            }
            Effect::StayAs(presence) => {
                self.asks
                    .spawn(asks_calls::stay_as(self.session.clone(), presence));
            }
            Effect::ListUsers => {
                self.asks.spawn(asks::users(self.session.clone()));
            }
            Effect::AskTime => {
                self.asks.spawn(asks::time(self.session.clone()));
            }
            Effect::Leave { hurry } => self.leave(hurry),
        }
        Ok(())
    }

    /// Only a terminal that is edited on rings: elsewhere no line holds what is none.
    fn ring(&mut self) -> Result<(), Failure> {
        let Lines::Edited(_) = &self.lines else {
            return Ok(());
        };
        let out = self.out.to();
        out.write_all(BELL).map_err(|error| Failure::output(&error))
    }

    fn ask_for_rooms(&mut self) {
        if self.rooms == Knows::Nothing {
            self.rooms = Knows::Asks;
            let ask = asks::known(self.session.clone(), self.me.clone());
            self.asks.spawn(ask);
        }
    }

    fn send(&mut self, to: Place, reply_to: Option<u64>, text: MessageText) -> Result<(), Failure> {
        let target = refused::target(to, reply_to);
        let text = text.as_str().to_owned();
        let taken = match &self.journal {
            Some(journal) if !journal.has_room() => Err(OutboxFull),
            _ => self.link.send(target.clone(), text.clone()),
        };
        let id = match taken {
            Ok(id) => id,
            Err(full) => {
                let problem = full.to_string().into();
                let text = text.into();
                return self.happened(Msg::NotSent { text, problem });
            }
        };
        let message = Outgoing { id, target, text };
        let is_up = self.model.link == LinkState::Up;
        self.keep(|journal| {
            journal.add(&message)?;
            if is_up { Ok(()) } else { journal.sync() }
        })?;
        if self.model.link != LinkState::Down {
            return Ok(());
        }
        let is_kept = self.journal.is_some();
        self.happened(Msg::Waits { is_kept })
    }

    fn settled(&mut self, message: &Outgoing) -> Result<(), Failure> {
        self.keep(|journal| journal.settled(message.id))
    }

    /// Does something to the journal. One that fails is given up, and that is said.
    fn keep(
        &mut self,
        act: impl FnOnce(&mut Journal) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        match act(journal) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.journal = None;
                let problem = error.to_string().into();
                self.happened(Msg::NotKept { problem })
            }
        }
    }

    fn answered(&mut self, answer: Answer) -> Result<(), Failure> {
        for name in &answer.names {
            self.lines.name_seen(name);
        }
        if let Msg::Known { blocked, .. } = &answer.what {
            // What is missing is asked for again with the next connection.
            self.rooms = match blocked {
                Some(_) => Knows::All,
                None => Knows::Nothing,
            };
        }
        if answer.objects.is_empty() || self.out.format() == Format::Text {
            return self.happened(answer.what);
        }
        for (key, object) in answer.objects {
            self.out.line(&json::object(key, object))?;
        }
        self.told_already(answer.what)
    }

    fn leave(&mut self, hurry: bool) {
        let is_kept = self.journal.is_some() && self.model.link == LinkState::Down;
        let wait = match (is_kept, hurry) {
            (true, true) => Some(KEPT_WAIT),
            (true, false) => Some(AWAY_WAIT),
            (false, true) => Some(UNSENT_WAIT),
            (false, false) => None,
        };
        self.leaving = match self.leaving {
            Leaving::No | Leaving::Sending(None) => {
                Leaving::Sending(wait.map(|wait| Instant::now() + wait))
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
        self.out.flush()
    }
}

async fn leave_at(leaving: Leaving) {
    match leaving {
        Leaving::Sending(Some(until)) | Leaving::Closing(until) => sleep_until(until).await,
        _ => std::future::pending().await,
    }
}

fn with_id(message: &Outgoing, object: Option<Value>) -> Value {
    let mut object = object.unwrap_or_else(|| json!({}));
    object["client_message_id"] = json!(message.id.to_string());
    object
}
