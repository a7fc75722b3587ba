//! The sub-commands for scripts: one task each, nothing but its result on stdout.

use std::{io::Write, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::domain::{name::UserName, text::MessageText};

use super::{
    app::{
        line::{self, Zone},
        model::{Effect, Model},
        update::update,
    },
    exit::Failure,
    input::{self, Typed},
    login::{LoggedIn, LoginOptions, log_out},
    net::{
        connect::ServerAddress,
        live::{Link, LinkEvent, LinkOptions},
        outbox::Target,
        session::{Patience, Session},
    },
    progress::{INTERVAL, Mark, Progress},
    signal::Interrupts,
    state::Logins,
    translate,
    trust::KnownServers,
};

/// How long a send is repeated while the server cannot be reached.
const SEND_PATIENCE: Patience = Patience::For(Duration::from_secs(10));

/// Prints everybody, a line each.
pub async fn users(session: &Session, out: &mut impl Write) -> Result<(), Failure> {
    for user in session
        .users(Patience::None)
        .await?
        .into_iter()
        .map(translate::user)
    {
        writeln!(out, "{}", line::user(&user.name, user.online))
            .map_err(|error| Failure::output(&error))?;
    }
    out.flush().map_err(|error| Failure::output(&error))
}

/// Prints the server's time.
pub async fn time(session: &Session, out: &mut impl Write) -> Result<(), Failure> {
    let time = translate::time(Some(session.time(Patience::None).await?));
    writeln!(out, "{}", Zone::Local.stamp(time)).map_err(|error| Failure::output(&error))
}

/// Sends one text.
pub async fn send(session: &Session, to: &UserName, text: &str) -> Result<(), Failure> {
    let text: MessageText = text.parse().map_err(|error| {
        let error: crate::domain::text::MessageTextError = error;
        refused(&error.to_string())
    })?;
    let target = Target::User(to.to_string());
    session.send(target, text.as_str(), SEND_PATIENCE).await?;
    Ok(())
}

/// Sends each line of standard input as one text, in order; stops at the first that fails.
pub async fn send_lines(session: &Session, to: &UserName) -> Result<(), Failure> {
    let started = input::lines();
    let mut lines =
        started.map_err(|error| Failure::other(format!("cannot read the input: {error}")))?;
    let mut number = 0_u64;
    while let Some(line) = lines.recv().await {
        number += 1;
        let sent = match line {
            Typed::Line(text) => send(session, to, &text).await,
            Typed::Undecodable => Err(refused("it is not UTF-8; give the text in UTF-8")),
            Typed::TooLong => Err(refused("it is longer than any text; send it in parts")),
            Typed::Failed(error) => Err(Failure::other(format!("it cannot be read: {error}"))),
        };
        if let Err(Failure::Told { code, text }) = sent {
            return Err(Failure::Told {
                code,
                text: format!("line {number} was not sent, nor those after it: {text}"),
            });
        }
    }
    Ok(())
}

/// Prints messages as they come until it is interrupted.
pub async fn watch(
    login: &LoggedIn,
    acknowledge: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut interrupts = Interrupts::new()?;
    let mut model = Model::new(login.name.clone(), Zone::Local);
    let mut link = Link::new(login.session.clone(), LinkOptions::default());
    let mut progress = Progress::default();
    let mut lost = false;
    let mut tick = interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ended = loop {
        let event = tokio::select! {
            event = link.next() => event,
            () = interrupts.next() => break Ok(()),
            _ = tick.tick() => {
                if acknowledge {
                    progress.tell(&mut link);
                }
                continue;
            }
        };
        let mut marks = Vec::new();
        let mut next = Some(event);
        while let Some(event) = next {
            match event {
                LinkEvent::Event(event) | LinkEvent::Echo(event) => {
                    marks.push(Mark::of(&event, &login.name));
                    let msg = translate::event(event);
                    for effect in msg.map_or_else(Vec::new, |msg| update(&mut model, msg)) {
                        if let Effect::Print(line) = effect {
                            writeln!(out, "{line}").map_err(|error| Failure::output(&error))?;
                        }
                    }
                }
                // Scripts read stdout: what is not a message goes to the people behind them.
                LinkEvent::Connected => {
                    if std::mem::take(&mut lost) {
                        eprintln!("tinychat-client: connected again");
                    }
                }
                LinkEvent::Disconnected { reason, .. } => {
                    if !std::mem::replace(&mut lost, true) {
                        eprintln!("tinychat-client: connection lost, trying again: {reason}");
                    }
                }
                LinkEvent::Ended(error) => return Err(error.into()),
                LinkEvent::Closed | LinkEvent::Sent(..) | LinkEvent::NotSent(..) => {}
            }
            next = link.take_ready();
        }
        if let Err(error) = out.flush() {
            break Err(Failure::output(&error));
        }
        for mark in marks {
            progress.printed(mark);
        }
    };
    if acknowledge {
        progress.tell_at_last(&login.session).await;
    }
    ended
}

/// Ends a login, and says so.
pub async fn logout(
    session: &Session,
    options: &LoginOptions<'_>,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let done = log_out(session, options).await?;
    writeln!(out, "{done}").map_err(|error| Failure::output(&error))?;
    out.flush().map_err(|error| Failure::output(&error))
}

/// Forgets the certificate of a server, and the logins there: their tokens were for that certificate alone.
pub fn forget(server: &ServerAddress, out: &mut impl Write) -> Result<(), Failure> {
    // The tokens first: should the rest fail, none is left for whoever is trusted next.
    let logins = Logins::of_user()?.forget_all(server)?;
    let known = KnownServers::of_user()?.forget(server)?;
    let server = server.as_str();
    let text = match (known, logins) {
        (true, _) => format!(
            "the certificate of {server} and the logins there are forgotten; the next contact over TLS asks again"
        ),
        (false, 0) => format!("nothing is known of {server}"),
        (false, _) => format!("the logins at {server} are forgotten"),
    };
    writeln!(out, "{text}").map_err(|error| Failure::output(&error))
}

/// Prints the access token of a login.
pub fn token(login: &LoggedIn, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "{}", login.token).map_err(|error| Failure::output(&error))
}

fn refused(text: &str) -> Failure {
    Failure::Told {
        code: 6,
        text: text.to_owned(),
    }
}
