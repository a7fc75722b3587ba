//! What the terminal UI does in the world: the terminal, the link, the cache, the journal, the files of settings.
//!
//! `terminal`, `screen` and `keys` are the way to a person; `login` comes to a login on a `stage` of these; `asks`, and the link of `net`, that to the server; `remember`
//! says what is kept. `run` is the loop over all of them, with `inflow` for what comes and `frames` for what is drawn;
//! `perform` does what is wanted, and `leave` ends it.

mod asking;
mod asks;
mod clipboard;
mod drafts;
mod dropped;
mod fitting;
mod frames;
mod inflow;
mod keeper;
mod keys;
mod leave;
mod ledger;
mod login;
mod notice;
pub mod open;
mod open_file;
mod outlet;
mod perform;
mod pictures;
mod previews;
mod remember;
mod run;
mod screen;
pub mod settings;
mod showing;
mod stage;
mod terminal;

use std::{collections::BTreeMap, io, path::PathBuf};

use tokio::task::spawn_blocking;

use crate::{
    client::{
        app::{line::Zone, room::Place, untrusted::Untrusted, written::Written},
        cache::{self, Cache, CacheError},
        carrier::{Carrier, Errand},
        exit::{self, Failure, together},
        forgetting,
        journal::Journal,
        net::{
            connect::ServerAddress,
            live::{Link, LinkOptions},
            outbox,
            session::{Patience, Session},
            tls::Assurance,
        },
        run::given_token,
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
    },
};

pub use self::login::{Entered, Start};
use self::{
    asks::Asker,
    keeper::Keeper,
    keys::Keys,
    ledger::{Ledger, not_kept},
    login::Why,
    remember::Memory,
    run::{Next, Parts, Signals, Ui, a_defect},
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

/// What was begun under each account and is kept in no file of this machine: it comes back with the next login of that
/// account, or is told in the end.
type Carried = BTreeMap<String, Vec<Written>>;

/// Runs the terminal UI until the user leaves. Returns what is to be told below the screen that is there again.
pub async fn run(entry: Entry, settings: Settings) -> Result<(), Failure> {
    let mut carried = Carried::new();
    let outcome = chats(entry, settings, &mut carried).await;
    if outcome == Err(Failure::OutputClosed) {
        return outcome;
    }
    let lost: Vec<Written> = carried.into_values().flatten().collect();
    let lost = (!lost.is_empty()).then(|| ledger::lost(&lost));
    together(outcome.err().into_iter().chain(lost).collect())
}

/// Runs one chat after the other.
async fn chats(entry: Entry, mut settings: Settings, carried: &mut Carried) -> Result<(), Failure> {
    let cannot_use = |error| Failure::other(format!("cannot use the terminal: {error}"));
    let mut signals = Signals::new()?;
    let folder = state::folder_of_user()?;
    let guard = Guard::enter(settings.has_mouse).map_err(cannot_use)?;
    let mut screen = Screen::new(terminal::size(), Tty).map_err(cannot_use)?;
    let asks = settings.images.asks();
    if asks {
        screen.ask(&asking::HERE).map_err(cannot_use)?;
    }
    let mut keys = Keys::start(settings.images.clone()).map_err(cannot_use)?;
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
                let looks = (size, settings.has_title);
                let mut stage = Stage::new(&mut screen, &mut keys.read, &mut signals, looks);
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
        let name = format!("{}\n{user}\n{assurance}", server.as_str());
        let size = terminal::size();
        screen.resize(size).map_err(cannot_use)?;
        let begin = |begun| {
            let account = Account {
                me: user.clone(),
                session: login.session,
                server: server.clone(),
                begun,
                assurance,
                folder: folder.clone(),
            };
            start(account, settings.clone(), (screen, size))
        };
        // The disk takes its time, and somebody may not wait for it.
        let started = taken_up(carried, &name, begin, signals.ended()).await?;
        let Some(mut ui) = started else {
            return Ok(());
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
        let is_logged_out = ui.next == Next::LoggedOut;
        if asking.is_some() {
            login::was_used(&server, &user);
        }
        if next == Next::Leave {
            // From here on keys and the screen are those of the shell.
            drop(keys);
            drop(guard);
            let left = ui.leave(outcome, signals.insisted()).await;
            if !is_logged_out {
                return left;
            }
            let said = forgotten(folder, (server, user), token).await?;
            exit::tell(&said);
            return left;
        }
        // The screen goes on; what is not sent is kept for the next login, which is about to be made.
        let nobody = Screen::new(size, Nowhere).map_err(cannot_use)?;
        screen = ui.give_up_screen(nobody).map_err(cannot_use)?;
        let mut is_over = false;
        let at_once = async {
            signals.insisted().await;
            is_over = true;
        };
        let left = ui.leave(outcome, at_once).await;
        let lost = std::mem::take(&mut ui.lost);
        if !lost.is_empty() {
            carried.insert(name, lost);
        }
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
                let account = (server.clone(), user.clone());
                let said = forgotten(folder.clone(), account, token).await;
                // What could not be forgotten is said where the next login is asked for.
                let said = said.unwrap_or_else(|failure| failure.to_string());
                Why::LoggedOut(with_left(said))
            }
            Next::Another | Next::Leave => Why::Another(left),
        };
        if let Some((start, before)) = &mut asking {
            (start.server, start.user, *before) = (server, Some(user), why);
        }
    }
}

/// Starts with what was begun under an account; `None`: the program is to end before. What was begun is carried until it is
/// there.
async fn taken_up<T, Started: Future<Output = Result<T, Failure>>>(
    carried: &mut Carried,
    name: &str,
    start: impl FnOnce(Vec<Written>) -> Started,
    ended: impl Future<Output = ()>,
) -> Result<Option<T>, Failure> {
    let begun = carried.get(name).cloned().unwrap_or_default();
    let started = tokio::select! {
        started = start(begun) => started?,
        () = ended => return Ok(None),
    };
    carried.remove(name);
    Ok(Some(started))
}

/// Forgets a login that its user has ended, and what came by it; returns what is to be said.
async fn forgotten(
    folder: PathBuf,
    (server, user): (ServerAddress, UserName),
    token: String,
) -> Result<String, Failure> {
    let mut done = format!("the login of {user} at {} is ended", server.as_str());
    if given_token().is_some_and(|given| given == token) {
        done += "; its token, which is in TINYCHAT_TOKEN, is void";
    }
    let forget = move || forgetting::logged_out(&folder, (&server, &user), &token);
    let forgotten = spawn_blocking(forget).await;
    let forgotten = forgotten.map_err(|defect| a_defect(&defect.to_string()))?;
    forgotten?.ending(done)
}

/// Whose messages are shown, and where.
struct Account {
    me: UserName,
    session: Session,
    server: ServerAddress,
    assurance: Assurance,
    /// Where the cache and the journal are.
    folder: PathBuf,
    /// What was begun under it in this program and is kept nowhere.
    begun: Vec<Written>,
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
        begun,
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
    let (place, viewed) = (folder.clone(), folder.join("opened"));
    let at_start = move || {
        open_file::remove_old(&viewed);
        Cache::open(&place, &key)
    };
    let cache = spawn_blocking(at_start).await;
    let cache = cache.unwrap_or(Err(CacheError::Closed));
    let (cache, paint, no_cache) = match cache {
        Ok((cache, paint)) => (Some(cache), paint, None),
        Err(error) => (None, cache::FirstPaint::default(), Some(error.to_string())),
    };
    let (place, user, of) = (folder.clone(), me.clone(), server.clone());
    let journal = spawn_blocking(move || Journal::open(&place, &server, assurance, &user)).await;
    let journal = journal.unwrap_or_else(|it| Err(io::Error::other(it)));
    let journal = journal.and_then(|(journal, left)| keep(journal, left));
    let (keeper, left, texts, no_journal) = match journal {
        Ok((keeper, left, texts)) => (Some(keeper), left, texts, None),
        Err(error) => {
            let problem = format!("{}: {error}", folder.display());
            let problem = Untrusted::from(problem).render_line();
            (None, Vec::new(), Vec::new(), Some(not_kept(&problem)))
        }
    };
    let ledger = Ledger::new(keeper, &left, !texts.is_empty());
    let mut link = Link::new(
        session.clone(),
        LinkOptions {
            resume_cursor: paint.cursor.clone(),
            store: paint.epoch.as_deref().and_then(outbox::StoreId::new),
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
    let of = (&of, assurance, &me);
    let errand = Errand::new(session.clone(), of, &folder, Patience::Endless);
    let mut ui = Ui::new(Parts {
        model,
        settings,
        link,
        asker: Asker::new(session, me.clone(), zone),
        carrier: Carrier::new(errand),
        opened: folder.join("opened"),
        memory: Memory::new(me.clone(), &paint),
        cache,
        ledger,
        screen,
    });
    let notice = paint.notice.clone();
    ui.take(wire::first_paint(paint, &me))?;
    ui.moves_begun = ui.cache.is_some() && !texts.is_empty();
    for text in texts.into_iter().chain(begun) {
        ui.model.give_back(text);
    }
    if ui.moves_begun {
        ui.changes.extend(drafts::all(&ui.model));
    }
    if !shown.is_empty() {
        ui.take(News::Left(shown))?;
    }
    let said = problems.into_iter().chain(no_cache);
    let said: Vec<String> = said.chain(no_journal).chain(notice).collect();
    if !said.is_empty() {
        // Of several notices one is seen: all that is wrong stands in one, a line each.
        let (level, text) = (Level::Warning, said.join("\n"));
        ui.take(News::Said { level, text })?;
    }
    Ok(ui)
}

/// A message of an earlier program, and why it was refused then.
type Left = (outbox::Outgoing, Option<String>);

/// Hands a journal to the thread that keeps things in it. Returns of each message that was left why it was refused, if it
/// was: the others are to be sent; and the texts that were begun.
fn keep(
    mut journal: Journal,
    left: Vec<outbox::Outgoing>,
) -> io::Result<(Keeper, Vec<Left>, Vec<Written>)> {
    let texts = journal.texts().to_vec();
    let mut refused = journal.take_refused();
    let with_reason = |message: outbox::Outgoing| {
        let why = refused.remove(&message.id);
        (message, why)
    };
    let left = left.into_iter().map(with_reason).collect();
    Ok((Keeper::start(journal, |_| ())?, left, texts))
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
        text: message.message_text()?,
        attachments: message.attachments.clone(),
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
mod tests {
    use super::*;
    use crate::client::app::written::To;

    #[tokio::test]
    async fn what_was_begun_is_carried_until_the_account_is_open() {
        let begun = vec![Written {
            to: To::Nobody,
            text: "half a".to_owned(),
        }];
        let mut carried = Carried::from([("ann".to_owned(), begun.clone())]);
        // Somebody ends the program while the disk takes its time.
        let stuck = |_| std::future::pending::<Result<(), Failure>>();
        let ended = taken_up(&mut carried, "ann", stuck, async {}).await;
        assert_eq!((ended, &carried["ann"]), (Ok(None), &begun));
        let fails = async |_| Err::<(), _>(Failure::OutputClosed);
        let failed = taken_up(&mut carried, "ann", fails, std::future::pending()).await;
        assert_eq!(
            (failed, &carried["ann"]),
            (Err(Failure::OutputClosed), &begun)
        );
        let start = async |begun| Ok(begun);
        let started = taken_up(&mut carried, "ann", start, std::future::pending()).await;
        assert_eq!((started, carried.len()), (Ok(Some(begun)), 0));
    }
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
#[cfg(test)]
#[path = "login_codes_tests.rs"]
mod login_codes;
