//! What follows from answers. One that nobody waits for changes nothing.

use super::{
    Answer, Login, Met, Refusal,
    state::{Busy, Screen, typed},
    update::{self, Asks},
    words,
};
use crate::{client::ui::model::notices::Level, domain::name::UserName};

/// Takes in what came of what was asked.
pub(super) fn take(login: &mut Login, answer: Answer, asks: &mut Asks) {
    let Screen::Busy(busy) = login.screen.clone() else {
        return;
    };
    let is_connecting = matches!(busy, Busy::Connect { .. });
    let is_remembered = matches!(busy, Busy::Remembered { .. });
    match answer {
        Answer::Refused(refusal) => refused(login, busy, &refusal),
        Answer::Changed {
            server,
            shown,
            pinned,
        } if is_connecting || is_remembered => {
            login.change(Screen::Changed {
                server,
                shown,
                pinned,
            });
        }
        Answer::Unknown {
            server,
            fingerprint,
        } if is_connecting => {
            login.change(Screen::Fingerprint {
                server,
                fingerprint,
            });
        }
        Answer::Connected(met) if is_connecting => connected(login, met, asks),
        Answer::Ended(met) => {
            if let Busy::Remembered { name, .. } = busy {
                ended(login, met, &name, asks);
            }
        }
        Answer::Changed { .. } | Answer::Unknown { .. } | Answer::Connected(_) => {}
    }
}

fn connected(login: &mut Login, met: Met, asks: &mut Asks) {
    let is_trusting = met.is_trusting;
    let has_ended = login.ended_at.take_if(|it| *it == met.server);
    login.met = Some(met);
    match is_trusting || login.has_remembered() || has_ended.is_some() {
        true => {
            login.is_new = false;
            login.change(Screen::Name);
            update::skip_name(login, asks);
        }
        false => {
            login.change(Screen::Way);
        }
    }
}

fn ended(login: &mut Login, met: Met, name: &UserName, asks: &mut Asks) {
    let is_it = |server: &str, user: &UserName| server == met.server && user == name;
    login.accounts.retain(|it| !is_it(&it.server, &it.name));
    login.in_use.take_if(|it| is_it(&it.server, &it.name));
    login.chosen = login.chosen.min(login.accounts.len());
    login.server = typed(&met.server);
    login.name = typed(name.as_str());
    login.forget_password();
    login.met = Some(met.clone());
    if met.is_trusting {
        return update::log_in(login, met.server, name.clone(), asks);
    }
    login.is_new = false;
    login.change(Screen::Password);
    login.tell(Level::Warning, words::ended(name));
}

fn refused(login: &mut Login, busy: Busy, refusal: &Refusal) {
    match busy {
        Busy::Remembered { server, name } => {
            let text = words::refused(refusal);
            login.change(Screen::Problem { server, name, text });
        }
        Busy::LogIn { .. } if refusal.reason == "LOGIN_FAILED" && is_at_password(login) => {
            login.back();
            login.forget_password();
            login.tell(Level::Error, words::NO_LOGIN);
        }
        Busy::Register { name } if refusal.reason == "NAME_TAKEN" => {
            login.back_to(&Screen::Name);
            login.forget_password();
            login.tell(Level::Error, words::taken(&name));
        }
        // Nothing is lost: the same can be tried again.
        Busy::Connect { .. } | Busy::LogIn { .. } | Busy::Register { .. } => {
            login.back();
            login.tell(Level::Error, words::refused(refusal));
        }
    }
}

/// Whether it was the password that was asked for last.
fn is_at_password(login: &Login) -> bool {
    login.past.last() == Some(&Screen::Password)
}
