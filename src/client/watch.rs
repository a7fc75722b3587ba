//! `watch`: prints what comes, from a place of the caller's choice, until it is interrupted or has caught up.
//!
//! Acknowledges nothing unless it is told to: what it prints comes again on the same device. What was put aside as unread
//! stays so in any case.

use std::{io::Write, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::pb::{self, event::Body};

use super::{
    app::{
        line::Zone,
        model::{Effect, Model, Msg},
        update::update,
    },
    asks,
    exit::{Failure, tell},
    json::Format,
    login::LoggedIn,
    net::live::{Link, LinkEvent, LinkOptions},
    output::Output,
    paper::Paper,
    progress::{INTERVAL, Mark, Progress},
    signal::Interrupts,
    translate,
};

/// How long the last lines may take to reach a reader who does not read.
const LAST_LINES_MAX: Duration = Duration::from_secs(2);

/// What to watch.
#[derive(Clone, Debug, Default)]
pub struct WatchOptions {
    /// Begins after this cursor; without one, after what this device acknowledged last.
    pub since: Option<String>,
    /// Newest messages of each conversation that are shown of what was missed; 0: all.
    pub backlog: u32,
    /// Acknowledges and marks read what is printed.
    pub acknowledge: bool,
    /// Ends when all that was missed is printed.
    pub once: bool,
}

/// Prints what comes.
pub async fn watch(
    login: &LoggedIn,
    options: WatchOptions,
    out: &mut Output<Paper>,
) -> Result<(), Failure> {
    let mut interrupts = Interrupts::new()?;
    let mut model = Model::new(login.name.clone(), Zone::Local);
    let link = LinkOptions {
        resume_cursor: options.since,
        max_backlog_per_conversation: options.backlog,
        ..LinkOptions::default()
    };
    let mut link = Link::new(login.session.clone(), link);
    let mut progress = Progress::default();
    // Lines say where something was said, and hide what blocked users say; what is put aside is not marked read.
    let must_know = out.format() == Format::Text || options.acknowledge;
    let mut knows = !must_know || learn(login, &mut model, &mut progress, &mut link).await;
    let mut lost = false;
    let mut tick = interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut caught_up = false;
    let ended = loop {
        progress.shown(out.to().shown());
        if options.once && caught_up {
            break Ok(());
        }
        let has_room = out.to().has_room();
        let event = tokio::select! {
            event = link.next(), if has_room => event,
            more = out.to().more_is_shown() => {
                if let Err(failure) = more.and_then(|()| out.flush()) {
                    break Err(failure);
                }
                continue;
            }
            () = interrupts.next() => break Ok(()),
            _ = tick.tick() => {
                if out.is_closed() {
                    break Err(Failure::OutputClosed);
                }
                if options.acknowledge {
                    progress.tell(&mut link);
                }
                continue;
            }
        };
        let mut marks = Vec::new();
        let mut over = None;
        let mut next = Some(event);
        while let Some(event) = next {
            match event {
                LinkEvent::Event(event) | LinkEvent::Echo(event) => {
                    marks.push(Mark::of(&event, &login.name));
                    caught_up |= matches!(event.body, Some(Body::CaughtUp(_)));
                    for effect in take_in(&mut model, event, out)? {
                        perform(effect, &mut progress, &mut link);
                    }
                }
                // Scripts read stdout: what is no event goes to the people behind them.
                LinkEvent::Connected => {
                    if !knows {
                        knows = learn(login, &mut model, &mut progress, &mut link).await;
                    }
                    if std::mem::take(&mut lost) {
                        tell("connected again");
                    }
                }
                LinkEvent::Disconnected { reason, .. } => {
                    if !std::mem::replace(&mut lost, true) {
                        tell(&format!("connection lost, trying again: {reason}"));
                    }
                }
                LinkEvent::Ended(error) => over = Some(error.into()),
                LinkEvent::Closed | LinkEvent::Sent(..) | LinkEvent::NotSent(..) => {}
            }
            next = link.take_ready();
        }
        let piece = out.to().written();
        if let Err(closed) = out.flush() {
            break Err(closed);
        }
        for mark in marks {
            progress.handed(piece, mark);
        }
        if let Some(failure) = over {
            break Err(failure);
        }
    };
    let shown = out.to().finish(LAST_LINES_MAX).await;
    progress.shown(out.to().shown());
    let ended = ended.and(shown);
    if options.acknowledge {
        progress.tell_at_last(&link, &login.session).await;
    }
    ended
}

/// Asks what is known of this user, and returns whether the server said all of it.
async fn learn(
    login: &LoggedIn,
    model: &mut Model,
    progress: &mut Progress,
    link: &mut Link,
) -> bool {
    let known = asks::known(login.session.clone(), login.name.clone()).await;
    let is_all = matches!(
        known.what,
        Msg::Known {
            blocked: Some(_),
            ..
        }
    );
    for effect in update(model, known.what) {
        perform(effect, progress, link);
    }
    is_all
}

/// Prints an event, and returns what else is to be done about it.
fn take_in(
    model: &mut Model,
    event: pb::Event,
    out: &mut Output<impl Write>,
) -> Result<Vec<Effect>, Failure> {
    if out.format() == Format::Json {
        out.message(&event, |_| String::new())?;
    }
    let msg = translate::event(event, &model.me);
    let mut rest = Vec::new();
    for effect in msg.map_or_else(Vec::new, |msg| update(model, msg)) {
        match effect {
            Effect::Print(line) if out.format() == Format::Text => out.line(&line)?,
            Effect::Print(_) => {}
            other => rest.push(other),
        }
    }
    Ok(rest)
}

/// Of what the line mode does, only this is done here.
fn perform(effect: Effect, progress: &mut Progress, link: &mut Link) {
    if let Effect::Aside {
        conversation,
        is_aside,
    } = effect
    {
        progress.put_aside(&conversation, is_aside);
        if is_aside {
            link.keep_unread(&conversation);
        }
    }
}
