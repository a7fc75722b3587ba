//! What follows from keys: pure, and the only place where it is decided.
//!
//! The keys are those of overlays, so that what a user has set for them holds here, too; leaving, the shell and drawing anew
//! are where they are everywhere.

use super::{
    Account, Ask, Login, Msg, answers,
    state::{Busy, Screen},
    words,
};
use crate::{
    client::{
        app::secret::wipe,
        ui::{
            keymap::{Action, Chord, Context, Keymap},
            model::{composer::Composer, edit::Edit, notices::Level},
        },
    },
    domain::name::{UserName, UserNameError},
};

/// What is to be done, in this order.
pub(super) type Asks = Vec<Ask>;

/// The longest text of a field: the longest name of a host with its port, and then some.
const FIELD_BYTES_MAX: usize = 300;

/// Takes in what happened; returns what is to be done for it, in this order.
pub fn update(login: &mut Login, keys: &Keymap, msg: Msg) -> Vec<Ask> {
    let mut asks = Asks::new();
    match msg {
        Msg::Key(chord) => press(login, keys, chord, &mut asks),
        Msg::Paste(mut text) => {
            // A question is answered by who reads it, not by what lay in the clipboard.
            if !is_question(login) {
                type_in(login, text.trim_start_matches(['\r', '\n']));
            }
            wipe(&mut text);
        }
        Msg::Resized(columns, rows) => login.size = (columns, rows),
        Msg::Answer(answer) => answers::take(login, answer, &mut asks),
    }
    login.scroll = login.scroll.min(super::page::scroll_max(login));
    asks
}

/// What a key does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Takes what is chosen or typed.
    Accept,
    /// Goes one screen back.
    Back,
    /// Chooses the one above.
    Up,
    /// Chooses the one below.
    Down,
    /// Chooses the first.
    First,
    /// Chooses the last.
    Last,
    /// Changes what is typed.
    Edit(Edit),
    /// Draws the screen anew.
    Redraw,
    /// Goes to the shell.
    Suspend,
    /// Leaves.
    Quit,
}

/// Returns what a key does here; `None`: it types, or does nothing.
pub(super) fn deed(keys: &Keymap, chord: Chord) -> Option<Deed> {
    let back = keys.hint(Context::Overlay, Action::CloseOverlay);
    let everywhere = keys.lookup(Context::Everywhere, chord);
    // By default Ctrl-C closes overlays. There is nothing behind these screens, so here it leaves, as it does elsewhere.
    if everywhere == Some(Action::Quit) && back != Some(chord) {
        return Some(Deed::Quit);
    }
    Some(match keys.lookup(Context::Overlay, chord)? {
        Action::Accept => Deed::Accept,
        Action::CloseOverlay => Deed::Back,
        Action::SelectUp | Action::CompleteBack => Deed::Up,
        Action::SelectDown | Action::Complete => Deed::Down,
        Action::SelectFirst | Action::PageUp => Deed::First,
        Action::SelectLast | Action::PageDown => Deed::Last,
        Action::Quit => Deed::Quit,
        Action::Suspend => Deed::Suspend,
        Action::Redraw => Deed::Redraw,
        // These are single lines.
        action => Deed::Edit(Edit::of(action).filter(|edit| *edit != Edit::NewLine)?),
    })
}

fn press(login: &mut Login, keys: &Keymap, chord: Chord, asks: &mut Asks) {
    let Some(deed) = deed(keys, chord) else {
        if let Some(c) = chord.typed() {
            type_in(login, c.encode_utf8(&mut [0; 4]));
        }
        return;
    };
    match deed {
        Deed::Quit => asks.push(Ask::Quit),
        Deed::Suspend => asks.push(Ask::Suspend),
        Deed::Redraw => asks.push(Ask::Redraw),
        Deed::Accept => accept(login, asks),
        Deed::Back => {
            let is_busy = matches!(login.screen, Screen::Busy(_));
            if login.back() {
                asks.extend(is_busy.then_some(Ask::Stop));
            } else if let Some(Account { server, name, .. }) = login.in_use.clone() {
                // Nothing was asked yet: back to the chat that this was called from.
                use_remembered(login, server, name, asks);
            }
        }
        Deed::Up | Deed::Down | Deed::First | Deed::Last => choose(login, deed),
        Deed::Edit(edit) => change(login, edit),
    }
}

fn choose(login: &mut Login, deed: Deed) {
    match login.screen {
        Screen::Accounts => {
            let last = login.accounts.len();
            login.chosen = stepped(login.chosen, last, deed);
        }
        _ if is_question(login) => {
            login.is_yes = match deed {
                Deed::First => false,
                Deed::Last => true,
                _ => !login.is_yes,
            };
        }
        Screen::Way => {
            login.is_new = !matches!(deed, Deed::Up | Deed::First);
        }
        // What is longer than the screen is moved.
        Screen::Changed { .. } | Screen::Problem { .. } | Screen::Ended { .. } => {
            let last = super::page::scroll_max(login);
            login.scroll = stepped(login.scroll, last, deed);
        }
        _ => {}
    }
}

fn stepped(at: usize, last: usize, deed: Deed) -> usize {
    match deed {
        Deed::Up => at.saturating_sub(1),
        Deed::Down => at.saturating_add(1).min(last),
        Deed::Last => last,
        _ => 0,
    }
}

/// Whether the answer is yes or no.
const fn is_question(login: &Login) -> bool {
    matches!(login.screen, Screen::Fingerprint { .. })
}

/// The field into which letters go.
fn field(login: &mut Login) -> Option<&mut Composer> {
    match login.screen {
        Screen::Server => Some(&mut login.server),
        Screen::Name => Some(&mut login.name),
        _ => None,
    }
}

fn type_in(login: &mut Login, text: &str) {
    let is_whole = match login.screen {
        Screen::Password => login.password.put(text),
        Screen::Again => login.again.put(text),
        _ if is_question(login) => {
            match text {
                "y" | "Y" => login.is_yes = true,
                "n" | "N" => login.is_yes = false,
                _ => {}
            }
            true
        }
        _ => {
            let Some(field) = field(login) else { return };
            // What follows a line end is no part of an answer.
            let line = text.lines().next().unwrap_or_default();
            let room = FIELD_BYTES_MAX.saturating_sub(field.text().len());
            let fits = line.len() <= room;
            if fits && !line.is_empty() {
                field.type_in(&line.replace('\t', " "));
            }
            fits
        }
    };
    match is_whole {
        // What was said of the answer before is over with the next one.
        true => login.told = None,
        false => login.tell(Level::Warning, words::FULL),
    }
}

fn change(login: &mut Login, edit: Edit) {
    let secret = match login.screen {
        Screen::Password => Some(&mut login.password),
        Screen::Again => Some(&mut login.again),
        _ if is_question(login) => {
            match edit {
                Edit::Left => login.is_yes = false,
                Edit::Right => login.is_yes = true,
                _ => {}
            }
            None
        }
        _ => None,
    };
    match (secret, edit) {
        (Some(secret), Edit::DeleteLeft) => secret.take_back(),
        // Nobody sees where a word begins.
        (Some(secret), Edit::KillToSpace | Edit::KillToLineStart) => secret.wipe(),
        (Some(_), _) => {}
        (None, edit) => {
            if let Some(field) = field(login) {
                field.edit(edit);
            }
        }
    }
}

/// Takes what is chosen or typed.
pub(super) fn accept(login: &mut Login, asks: &mut Asks) {
    match login.screen.clone() {
        Screen::Accounts => match login.accounts.get(login.chosen) {
            Some(account) => {
                let (server, name) = (account.server.clone(), account.name.clone());
                use_remembered(login, server, name, asks);
            }
            None => login.forward(Screen::Server),
        },
        Screen::Server => {
            let server = login.server.text().trim().to_owned();
            if server.is_empty() {
                return login.tell(Level::Warning, words::NO_SERVER);
            }
            connect(login, server, asks);
        }
        Screen::Fingerprint {
            server,
            fingerprint,
        } => {
            if !login.is_yes {
                login.back();
                return login.tell(Level::Warning, words::distrusted(&server));
            }
            login.change(Screen::Busy(Busy::Connect {
                server: server.clone(),
            }));
            asks.push(Ask::Trust {
                server,
                fingerprint,
            });
        }
        Screen::Changed { .. } => {
            login.back();
        }
        Screen::Way => {
            login.forward(Screen::Name);
            skip_name(login, asks);
        }
        Screen::Name => accept_name(login, asks),
        Screen::Password => accept_password(login, asks),
        Screen::Again => accept_again(login, asks),
        Screen::Problem { server, name, .. } => {
            login.change(Screen::Busy(Busy::Remembered {
                server: server.clone(),
                name: name.clone(),
            }));
            asks.push(Ask::UseRemembered { server, name });
        }
        Screen::Ended { server, .. } => {
            login.ended_at = Some(server.clone());
            login.is_name_given = true;
            login.change(Screen::Server);
            connect(login, server, asks);
        }
        Screen::Busy(_) => {}
    }
}

fn connect(login: &mut Login, server: String, asks: &mut Asks) {
    login.forward(Screen::Busy(Busy::Connect {
        server: server.clone(),
    }));
    asks.push(Ask::Connect { server });
}

fn use_remembered(login: &mut Login, server: String, name: UserName, asks: &mut Asks) {
    login.forward(Screen::Busy(Busy::Remembered {
        server: server.clone(),
        name: name.clone(),
    }));
    asks.push(Ask::UseRemembered { server, name });
}

/// Goes on from a name that was given, once: whoever comes back wants to be asked.
pub(super) fn skip_name(login: &mut Login, asks: &mut Asks) {
    if std::mem::take(&mut login.is_name_given) {
        accept_name(login, asks);
    }
}

/// Goes on from a name: to the login that is remembered, to the one that needs no more, or to the password.
pub(super) fn accept_name(login: &mut Login, asks: &mut Asks) {
    let name: Result<UserName, UserNameError> = login.name.text().trim().parse();
    let name = match name {
        Ok(name) => name,
        Err(error) => return login.tell(Level::Warning, words::sentence(&error.to_string())),
    };
    let Some(met) = login.met.clone() else { return };
    let is_it = |server: &str, user: &UserName| server == met.server && *user == name;
    let is_remembered = { login.accounts.iter() }.any(|it| is_it(&it.server, &it.name));
    if is_remembered && !login.is_new {
        use_remembered(login, met.server, name, asks);
    } else if met.is_trusting {
        log_in(login, met.server, name, asks);
    } else {
        login.forward(Screen::Password);
    }
}

/// Logs in with what is typed.
pub(super) fn log_in(login: &mut Login, server: String, name: UserName, asks: &mut Asks) {
    login.forward(Screen::Busy(Busy::LogIn { name: name.clone() }));
    asks.push(Ask::LogIn {
        server,
        name,
        password: login.password.clone(),
    });
}

fn accept_password(login: &mut Login, asks: &mut Asks) {
    let (Some(name), Some(met)) = (login.user(), login.met.clone()) else {
        return;
    };
    if !login.is_new {
        return match login.password.is_empty() {
            true => login.tell(Level::Warning, words::no_password(&name)),
            false => log_in(login, met.server, name, asks),
        };
    }
    match login.password.check() {
        Ok(()) => login.forward(Screen::Again),
        Err(error) => login.tell(Level::Warning, words::sentence(&error.to_string())),
    }
}

fn accept_again(login: &mut Login, asks: &mut Asks) {
    let (Some(name), Some(met)) = (login.user(), login.met.clone()) else {
        return;
    };
    if login.again != login.password {
        login.again.wipe();
        return login.tell(Level::Error, words::TWO_PASSWORDS);
    }
    login.forward(Screen::Busy(Busy::Register { name: name.clone() }));
    asks.push(Ask::Register {
        server: met.server,
        name,
        password: login.password.clone(),
    });
}
