//! What the terminal UI does in the world: the terminal, the link, the cache, the journal, the files of settings.
//!
//! `terminal`, `screen` and `keys` are the way to a person; `login` comes to a login on a `stage` of these; `asks`, and the link of `net`, that to the server; `remember`
//! says what is kept. `run` is the loop over all of them, with `inflow` for what comes and `frames` for what is drawn;
//! `perform` does what is wanted, and `leave` ends it.

mod asks;
mod clipboard;
mod drafts;
mod fitting;
mod frames;
mod inflow;
mod keys;
mod leave;
mod ledger;
mod login;
mod notice;
mod open;
mod outlet;
mod perform;
mod remember;
mod run;
mod screen;
pub mod settings;
mod stage;
mod terminal;

use std::{io, path::PathBuf};

use tokio::task::spawn_blocking;

use crate::{
    client::{
        app::{line::Zone, room::Place, untrusted::Untrusted},
        cache::{self, Cache, CacheError},
        exit::Failure,
        journal::Journal,
        net::{
            connect::ServerAddress,
            live::{Link, LinkOptions},
            outbox,
            session::Session,
            tls::Assurance,
        },
        state::{self, Logins},
        ui::{
            model::{
                Model,
                notices::Level,
                outgoing::{Outgoing, State},
            },
            news::News,
            translate as wire,
        },
    },
    domain::{
        clock::{Clock, SystemClock, TimeMs},
        ids::ClientMessageId,
        name::{ChannelName, UserName},
        text::MessageText,
    },
};

pub use self::login::{Entered, Start};
use self::{
    asks::Asker,
    keys::Keys,
    ledger::{Ledger, not_kept},
    login::Why,
    remember::Memory,
    run::{Next, Parts, Signals, Ui},
    screen::Screen,
    settings::Settings,
    stage::Stage,
    terminal::{Guard, Nowhere, Tty},
};

/// Messages of each conversation that come by themselves after an absence: some screens. The rest comes when it is looked at.
const BACKLOG_MAX: u32 = 200;

/// How the UI begins.
pub enum Entry {
    /// With the chat: who comes by a token or a file is asked nothing, and the program ends when that login does.
    Given(Entered),
    /// With the screens that come to a login, or by one that is remembered.
    Asking(Start),
}

/// Runs the terminal UI until the user leaves. Returns what is to be told below the screen that is there again.
pub async fn run(entry: Entry, mut settings: Settings) -> Result<(), Failure> {
    let cannot_use = |error| Failure::other(format!("cannot use the terminal: {error}"));
    let mut signals = Signals::new()?;
    let folder = state::folder_of_user()?;
    let guard = Guard::enter(settings.has_mouse).map_err(cannot_use)?;
    let mut screen = Screen::new(terminal::size(), Tty).map_err(cannot_use)?;
    let mut keys = Keys::start().map_err(cannot_use)?;
    let (mut given, mut asking) = match entry {
        Entry::Given(entered) => (Some(entered), None),
        Entry::Asking(start) => (None, Some((start, Why::Start))),
    };
    loop {
        let size = terminal::size();
        screen.resize(size).map_err(cannot_use)?;
        let entered = match (given.take(), &asking) {
            (Some(entered), _) => Some(entered),
            (None, Some((begin, why))) => {
                let mut stage = Stage::new(&mut screen, &mut keys.read, &mut signals, size);
                let (theme, keys) = (&settings.theme, &settings.keys);
                login::log_in(&mut stage, (begin, why), theme, keys).await?
            }
            (None, None) => None,
        };
        let Some(Entered {
            login,
            server,
            assurance,
        }) = entered
        else {
            return Ok(());
        };
        let (user, token) = (login.name, login.token);
        let account = Account {
            me: user.clone(),
            session: login.session,
            server: server.clone(),
            assurance,
            folder: folder.clone(),
        };
        let size = terminal::size();
        screen.resize(size).map_err(cannot_use)?;
        let mut ui = tokio::select! {
            started = start(account, settings.clone(), (screen, size)) => started?,
            // The disk takes its time, and somebody does not wait for it.
            () = signals.ended() => return Ok(()),
        };
        // They were said.
        settings.problems.clear();
        ui.may_log_in = asking.is_some();
        let outcome = ui.run(&mut keys.read, &mut signals).await;
        ui.is_stopped = true;
        if outcome.is_err() {
            ui.next = Next::Leave;
        }
        let next = match &asking {
            Some(_) => ui.next.clone(),
            None => Next::Leave,
        };
        if next == Next::Leave {
            // From here on keys and the screen are those of the shell.
            drop(keys);
            drop(guard);
            return ui.leave(outcome, signals.insisted()).await;
        }
        // The screen goes on; what is not sent is kept for the next login, which is about to be made.
        let nobody = Screen::new(size, Nowhere).map_err(cannot_use)?;
        screen = std::mem::replace(&mut ui.screen, nobody);
        let mut is_over = false;
        let at_once = async {
            signals.insisted().await;
            is_over = true;
        };
        let left = ui.leave(outcome, at_once).await;
        if is_over {
            return left;
        }
        // What is lost is said, whatever comes next.
        let left = left.err().map(|it| it.to_string());
        let with_left = |said: String| match &left {
            Some(left) => format!("{said} — {left}"),
            None => said,
        };
        let why = match next {
            Next::LogIn(why) => Why::Ended {
                why: with_left(why),
                token,
            },
            Next::LoggedOut => {
                // Its token is void.
                Logins::of_user()?.forget_this(&server, &user, &token)?;
                let server = server.as_str();
                let said = format!("the login of {user} at {server} is ended");
                Why::Another(Some(with_left(said)))
            }
            Next::Another | Next::Leave => Why::Another(left),
        };
        if let Some((start, before)) = &mut asking {
            (start.server, start.user, *before) = (server, Some(user), why);
        }
    }
}

/// Whose messages are shown, and where.
struct Account {
    me: UserName,
    session: Session,
    server: ServerAddress,
    assurance: Assurance,
    /// Where the cache and the journal are.
    folder: PathBuf,
}

/// Takes over what is on this machine, and makes the loop.
async fn start(
    account: Account,
    mut settings: Settings,
    (screen, size): (Screen, (u16, u16)),
) -> Result<Ui, Failure> {
    let Account {
        me,
        session,
        server,
        assurance,
        folder,
    } = account;
    let zone = Zone::Local;
    let mut model = Model::new(me.clone(), zone, SystemClock.now());
    model.size = size;
    model.chats.order = settings.order;
    model.fresh_id = ClientMessageId::mint();
    let problems = std::mem::take(&mut settings.problems);
    let key = cache::Key {
        server: server.clone(),
        assurance,
        user: me.clone(),
    };
    let place = folder.clone();
    let opened = spawn_blocking(move || Cache::open(&place, &key)).await;
    let opened = opened.unwrap_or(Err(CacheError::Closed));
    let (cache, paint, no_cache) = match opened {
        Ok((cache, paint)) => (Some(cache), paint, None),
        Err(error) => (None, cache::FirstPaint::default(), Some(error.to_string())),
    };
    let (place, user) = (folder.clone(), me.clone());
    let journal = spawn_blocking(move || Journal::open(&place, &server, assurance, &user)).await;
    let (journal, left, no_journal) = match journal.unwrap_or_else(|it| Err(io::Error::other(it))) {
        Ok((journal, left)) => (Some(journal), left, None),
        Err(error) => {
            let problem = format!("{}: {error}", folder.display());
            let problem = Untrusted::from(problem).render_line();
            (None, Vec::new(), Some(not_kept(&problem)))
        }
    };
    let (ledger, left) = Ledger::new(journal, left);
    let mut link = Link::new(
        session.clone(),
        LinkOptions {
            resume_cursor: paint.cursor.clone(),
            max_backlog_per_conversation: BACKLOG_MAX,
            ephemeral_events: true,
            ..LinkOptions::default()
        },
    );
    let mut shown: Vec<Outgoing> = Vec::new();
    for (message, why) in left {
        let of_before = left_over(&message, why.as_deref(), model.now);
        // What was refused waits for somebody to say what is to become of it.
        if why.is_none() || of_before.is_none() {
            link.send_again(message);
        }
        shown.extend(of_before);
    }
    let mut ui = Ui::new(Parts {
        model,
        settings,
        link,
        asker: Asker::new(session, me.clone(), zone),
        memory: Memory::new(me.clone(), &paint),
        cache,
        ledger,
        screen,
    });
    let notice = paint.notice.clone();
    ui.take(wire::first_paint(paint, &me))?;
    if !shown.is_empty() {
        ui.take(News::Left(shown))?;
    }
    let said = problems.into_iter().chain(no_cache);
    let said: Vec<String> = said.chain(no_journal).chain(notice).collect();
    if !said.is_empty() {
        // Of several notices one is seen: all that is wrong stands in one.
        let (level, text) = (Level::Warning, said.join(" — "));
        ui.take(News::Said { level, text })?;
    }
    Ok(ui)
}

/// Returns a message of an earlier program as it is shown, and why it was refused then; `None`: it goes where nothing can be
/// shown.
fn left_over(message: &outbox::Outgoing, why: Option<&str>, now: TimeMs) -> Option<Outgoing> {
    let to = match message.target.place() {
        outbox::Target::User(name) => Place::User(name.parse().ok()?),
        outbox::Target::Channel(name) => Place::Channel(name.parse::<ChannelName>().ok()?),
        outbox::Target::Conversation(id) => Place::Group(id.clone()),
        outbox::Target::Reply(..) => return None,
    };
    let reply_to = message.target.reply_to_seq();
    Some(Outgoing {
        id: message.id,
        to,
        text: message.text.parse::<MessageText>().ok()?,
        reply_to: (reply_to > 0).then_some(reply_to),
        time: minted(message.id).unwrap_or(now).min(now),
        state: match why {
            Some(why) => State::Failed { why: why.into() },
            None => State::Waiting,
        },
    })
}

/// When an id was made: those of version 7 begin with it.
fn minted(id: ClientMessageId) -> Option<TimeMs> {
    let bytes = id.as_bytes();
    let is_seven = bytes.get(6).is_some_and(|byte| byte >> 4 == 7);
    let time = bytes.iter().take(6);
    let time = time.fold(0_i64, |time, byte| time << 8 | i64::from(*byte));
    is_seven.then_some(TimeMs::new(time))
}

#[cfg(test)]
#[path = "codes_tests.rs"]
mod codes_tests;
#[cfg(test)]
#[path = "hostile_tests.rs"]
mod hostile;
#[cfg(test)]
#[path = "judge_tests.rs"]
mod judge;
