//! The line mode: the loop between typed lines, the link and the output. Decides nothing itself.
//!
//! Prints append-only lines without escape codes, or objects, so it serves pipes, programs and screen readers as well.
//! What it has printed and flushed it acknowledges and marks read, once a second and at the end. What is typed is kept
//! on disk until the server has answered it.

use std::io::Write as _;

use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Interval, MissedTickBehavior, interval, timeout},
};

use crate::{
    domain::{
        clock::{Clock as _, SystemClock},
        name::UserName,
    },
    pb::{self, event::Body},
};

use super::{
    app::{
        line::Zone,
        model::{Effect, LinkState, Model, Msg},
        password::PasswordProblem,
        transfers::Moved,
        update::update,
    },
    asks::{self, Answer},
    asks_calls,
    carrier::{Carrier, Errand},
    exit::Failure,
    input::Typed,
    json::{self, Format},
    kept::Kept,
    lines::{Lines, typed_msg},
    login::LoggedIn,
    net::{
        connect::ServerAddress,
        error::ClientError,
        live::{Link, LinkEvent, LinkOptions},
        outbox::OUTBOX_MESSAGES_MAX,
        session::{Patience, Session},
        tls::Assurance,
    },
    output::Output,
    paper::Paper,
    progress::{INTERVAL, Mark, Progress},
    signal::{Interrupt, Interrupts},
    state,
    talk::TalkLines,
    translate,
};

mod leaving;
mod opening;
mod sending;
mod talking;

use leaving::{CLOSE_WAIT, Leaving, leave_at};

/// How long a file on its way waits for a server that is away, where no person does.
const TRANSFER_PATIENCE: Patience = Patience::For(std::time::Duration::from_secs(60));
/// How long the end waits for the disk to forget what is noted of transfers.
const CARRIER_WAIT: std::time::Duration = std::time::Duration::from_millis(200);
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
    // Programs are told what is kept, and nothing of what passes.
    model.hears_typing = out.format() == Format::Text;
    model.is_read_by_a_person = out.format() == Format::Text && lines.by_a_person();
    let options = LinkOptions {
        ephemeral_events: model.hears_typing,
        ..LinkOptions::default()
    };
    let of = (server.0, server.1, &login.name);
    let folder = state::folder_of_user()?;
    let errand = Errand::new(login.session.clone(), of, &folder, patience(&model));
    let mut plain = Plain {
        model,
        carrier: Carrier::new(errand),
        link: Link::new(login.session.clone(), options),
        asks: JoinSet::new(),
        progress: Progress::default(),
        leaving: Leaving::No,
        me: login.name,
        session: login.session,
        kept: Kept::default(),
        lines,
        line_is_due: false,
        was_connected: false,
        rooms: Knows::Nothing,
        talk: None,
        answered_talk: None,
        out,
    };
    let outcome = plain.chat(server, &mut interrupts, tick).await;
    // Whatever the outcome: what was said before it stands before it.
    let shown = plain.out.to().finish(CLOSE_WAIT).await;
    plain.progress.shown(plain.out.to().shown());
    outcome.and(shown)?;
    let left = plain.left();
    if !plain.carrier.is_settled() {
        // That it fails was said.
        let _ = plain.kept.sync();
        plain.settle_kept();
    }
    plain
        .progress
        .tell_at_last(&plain.link, &plain.session)
        .await;
    let _ = timeout(CARRIER_WAIT, plain.carrier.close()).await;
    left
}

/// How long files go on being tried: a program, whose lines wait for them, is not kept waiting for a server that does not
/// come back.
fn patience(model: &Model) -> Patience {
    match model.is_read_by_a_person {
        true => Patience::Endless,
        false => TRANSFER_PATIENCE,
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
    Interrupt(Interrupt),
    Moved(u32, Moved),
    Tick,
    Late,
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
    /// Moves files.
    carrier: Carrier,
    progress: Progress,
    leaving: Leaving,
    me: UserName,
    session: Session,
    /// What was typed and is not answered.
    kept: Kept,
    lines: Lines,
    /// Whether the editor was asked for a line and has not given it.
    line_is_due: bool,
    /// Whether the server was ever reached.
    was_connected: bool,
    /// Whether the names of the conversations are known, without which nothing is shown that happens in them.
    rooms: Knows,
    /// What is asked for another password, while that is.
    talk: Option<TalkLines>,
    /// The same while the server has all answers, which may not be right.
    answered_talk: Option<TalkLines>,
    out: Output<Paper>,
}

impl Plain {
    async fn chat(
        &mut self,
        server: (&ServerAddress, Assurance),
        interrupts: &mut Interrupts,
        mut tick: Interval,
    ) -> Result<(), Failure> {
        self.take_over(&state::folder_of_user()?, server)?;
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
                (number, moved) = self.carrier.next(), if has_room => Step::Moved(number, moved),
                kind = interrupts.next_and_kind() => Step::Interrupt(kind),
                _ = tick.tick() => Step::Tick,
                () = leave_at(self.leaving) => Step::Late,
            };
            match step {
                Step::Shown(Ok(())) => {}
                Step::Shown(Err(failure)) => return Err(self.unread(failure)),
                Step::Link(event) => self.link_events(event)?,
                Step::Typed(line) => self.typed(line)?,
                Step::Answer(answer) => self.answered(answer)?,
                Step::Interrupt(Interrupt::Key) if self.stops_questions() => {
                    self.typed(Some(Typed::Interrupted))?;
                }
                Step::Interrupt(_) => self.happened(Msg::Interrupted)?,
                Step::Moved(number, moved) => self.moved(number, moved)?,
                Step::Tick if self.out.is_closed() => {
                    return Err(self.unread(Failure::OutputClosed));
                }
                Step::Tick => {
                    self.progress.tell(&mut self.link);
                    self.happened(Msg::Tick)?;
                }
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

    fn takes_input(&self) -> bool {
        let has_room = self.link.unsent() < OUTBOX_MESSAGES_MAX && self.kept.has_room();
        let room = self.lines.by_a_person() || has_room;
        let is_wanted = self.talk.is_some() || (self.model.takes_input() && room);
        self.leaving == Leaving::No && is_wanted
    }

    fn ask_for_line(&mut self, takes_input: bool) {
        if let Lines::Edited(terminal) = &self.lines
            && takes_input
            && !self.line_is_due
        {
            let (prompt, is_hidden) = match &self.talk {
                Some(talk) => talk.prompt(),
                None => (self.model.prompt(), false),
            };
            terminal.ask(prompt, is_hidden);
            self.line_is_due = true;
        }
    }

    fn typed(&mut self, line: Option<Typed>) -> Result<(), Failure> {
        self.line_is_due = false;
        match self.talk.take() {
            Some(mut talk) => {
                let told = talk.typed(line)?;
                self.talked(talk, told)
            }
            None => self.happened(typed_msg(line)?),
        }
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

    fn link_event(&mut self, event: LinkEvent, marks: &mut Vec<Mark>) -> Result<(), Failure> {
        match event {
            LinkEvent::Connected => {
                self.was_connected = true;
                self.is_back();
                self.ask_for_rooms();
                self.told("link", || json!("connected"), Msg::Connected)
            }
            LinkEvent::Event(event) => {
                marks.push(Mark::of(&event, &self.me));
                self.show(&event)?;
                let is_reset = matches!(event.body, Some(Body::Reset(_)));
                match &event.body {
                    Some(Body::Reset(_)) => {
                        let (lost, said) = self.kept.reset();
                        self.said(said)?;
                        for message in lost {
                            // It was taken for answered when this login could not send it.
                            self.model.unsent += 1;
                            self.not_sent(&message, &ClientError::OtherStore)?;
                        }
                    }
                    Some(Body::Message(pb::Message {
                        sender: Some(sender),
                        ..
                    })) => {
                        self.lines.name_seen(&sender.name);
                    }
                    _ => {}
                }
                match translate::event(event, &self.me) {
                    // With it goes what was refused, which programs know as little of as people.
                    Some(msg) if is_reset => self.happened(msg),
                    Some(msg) => self.told_already(msg),
                    None => Ok(()),
                }
            }
            // What was typed here is on the screen already.
            LinkEvent::Echo(event) => {
                marks.push(Mark::of(&event, &self.me));
                self.show(&event)?;
                translate::echo(event).map_or(Ok(()), |msg| self.told_already(msg))
            }
            LinkEvent::Sent(message, response) => self.sent(&message, &response),
            LinkEvent::NotSent(message, error) => self.not_sent(&message, &error),
            LinkEvent::Disconnected { .. } => {
                let said = self.kept.sync();
                self.said(said)?;
                self.settle_kept();
                self.is_away();
                self.told("link", || json!("lost"), Msg::ConnectionLost)
            }
            LinkEvent::Closed => {
                self.leaving = Leaving::Done;
                Ok(())
            }
            LinkEvent::Ended(error) => Err(self.ended(error.into())),
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
        self.model.now = SystemClock.now();
        for effect in update(&mut self.model, msg) {
            let is_said = matches!(effect, Effect::Print(_));
            if !is_said || self.out.format() == Format::Text {
                self.perform(effect)?;
            }
        }
        Ok(())
    }

    fn happened(&mut self, msg: Msg) -> Result<(), Failure> {
        self.model.now = SystemClock.now();
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
            Effect::SendAgain(refused) => {
                self.send_again(refused)?;
                // While the link is up it is a matter of a moment, and nothing waits for the disk.
                if self.model.link != LinkState::Up {
                    self.settle_kept();
                }
            }
            Effect::Drop(id) => {
                self.carrier.settled(id);
                let said = self.kept.settled(id);
                self.said(said)?;
            }
            Effect::Start(wanted) => {
                let ask = asks::start(self.session.clone(), self.me.clone(), wanted);
                self.asks.spawn(ask);
            }
            Effect::Act(act) => {
                let (me, zone) = (self.me.clone(), self.model.zone);
                self.asks
                    .spawn(asks::act(self.session.clone(), me, zone, act));
            }
            Effect::Move { number, job } => self.carrier.begin(number, job),
            Effect::Steer(number, steer) => self.carrier.steer(number, steer),
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
            Effect::ListConversations(all) => {
                let (session, me) = (self.session.clone(), self.me.clone());
                self.asks.spawn(asks::conversations(session, me, all));
            }
            Effect::Open(link) => self.open(&link)?,
            Effect::AskTime => {
                self.asks.spawn(asks::time(self.session.clone()));
            }
            Effect::AskPassword => match TalkLines::begin(&self.lines) {
                Ok(talk) => self.talk = Some(talk),
                Err(why) => return self.happened(Msg::NoPassword(why)),
            },
            Effect::Leave { hurry } => {
                // The terminal shows again what is typed.
                (self.talk, self.answered_talk) = (None, None);
                self.leave(hurry);
            }
        }
        Ok(())
    }

    /// What is on the disk is sent from there, so nobody goes on with the uploads of its files.
    fn settle_kept(&mut self) {
        let kept = &self.kept;
        self.carrier.settle_kept(|id| kept.has_safely(id));
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

    fn said(&mut self, msg: Option<Msg>) -> Result<(), Failure> {
        msg.map_or(Ok(()), |msg| self.happened(msg))
    }

    fn answered(&mut self, answer: Answer) -> Result<(), Failure> {
        for name in &answer.names {
            self.lines.name_seen(name);
        }
        if let Msg::Password { outcome, .. } = &answer.what
            && let Some(talk) = self.answered_talk.take()
            && *outcome == Err(PasswordProblem::Wrong)
        {
            return self.wrong_password(talk);
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

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush()
    }
}
