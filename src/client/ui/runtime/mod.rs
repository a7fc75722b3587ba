//! What the terminal UI does in the world: the terminal, the link, the cache, the journal, the files of settings.
//!
//! `terminal`, `screen` and `keys` are the way to a person; `asks`, and the link of `net`, that to the server; `remember`
//! says what is kept. `run` is the loop over all of them, with `inflow` for what comes and `frames` for what is drawn;
//! `perform` does what is wanted, and `leave` ends it.

mod asks;
mod clipboard;
mod drafts;
mod frames;
mod inflow;
mod keys;
mod leave;
mod notice;
mod open;
mod perform;
mod remember;
mod run;
mod screen;
pub mod settings;
mod terminal;

use std::path::PathBuf;

use tokio::task::spawn_blocking;

use crate::{
    client::{
        app::{line::Zone, room::Place, untrusted::Untrusted},
        cache::{self, Cache, CacheError},
        exit::Failure,
        journal::Journal,
        login::LoggedIn,
        net::{
            connect::ServerAddress,
            live::{Link, LinkOptions},
            outbox,
            session::Session,
            tls::Assurance,
        },
        state,
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

use self::{
    asks::Asker,
    keys::Keys,
    remember::Memory,
    run::{Parts, Signals, Ui, not_kept},
    screen::Screen,
    settings::Settings,
    terminal::{Guard, Tty},
};

/// Messages of each conversation that come by themselves after an absence: some screens. The rest comes when it is looked at.
const BACKLOG_MAX: u32 = 200;

/// Runs the terminal UI until the user leaves. Returns what is to be told below the screen that is there again.
pub async fn run(
    login: LoggedIn,
    server: (&ServerAddress, Assurance),
    settings: Settings,
) -> Result<(), Failure> {
    let cannot_use = |error| Failure::other(format!("cannot use the terminal: {error}"));
    let mut signals = Signals::new()?;
    let folder = state::folder_of_user()?;
    let guard = Guard::enter(settings.has_mouse).map_err(cannot_use)?;
    let screen = Screen::new(terminal::size(), Tty).map_err(cannot_use)?;
    let mut keys = Keys::start().map_err(cannot_use)?;
    let account = Account {
        me: login.name,
        session: login.session,
        server: server.0.clone(),
        assurance: server.1,
        folder,
    };
    let (mut ui, outcome) = match start(account, settings, (screen, terminal::size())).await {
        Ok(mut ui) => {
            let outcome = ui.run(&mut keys.read, &mut signals).await;
            (ui, outcome)
        }
        Err(failure) => return Err(failure),
    };
    // From here on keys and the screen are those of the shell.
    drop(keys);
    drop(guard);
    ui.is_stopped = true;
    ui.leave(outcome).await
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
    let journal = Journal::open(&folder, &server, assurance, &me);
    let (journal, left, no_journal) = match journal {
        Ok((journal, left)) => (Some(journal), left, None),
        Err(error) => {
            let problem = format!("{}: {error}", folder.display());
            let problem = Untrusted::from(problem).render_line();
            (None, Vec::new(), Some(not_kept(&problem)))
        }
    };
    let mut link = Link::new(
        session.clone(),
        LinkOptions {
            resume_cursor: paint.cursor.clone(),
            max_backlog_per_conversation: BACKLOG_MAX,
            ephemeral_events: true,
            ..LinkOptions::default()
        },
    );
    let shown = left.iter().filter_map(|it| left_over(it, model.now));
    let shown: Vec<Outgoing> = shown.collect();
    for message in left {
        link.send_again(message);
    }
    let mut ui = Ui::new(Parts {
        model,
        settings,
        link,
        asker: Asker::new(session, me.clone(), zone),
        memory: Memory::new(me.clone(), &paint),
        cache,
        journal,
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

/// Returns a message of an earlier program as it is shown; `None`: it goes where nothing can be shown.
fn left_over(message: &outbox::Outgoing, now: TimeMs) -> Option<Outgoing> {
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
        state: State::Waiting,
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
