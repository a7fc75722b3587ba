//! What follows from keys and answers: what was on the screen, what happens, what is asked and what is on the screen then.

use super::{ask::Known, state::Screen, *};
use crate::{
    client::{
        app::line::Zone,
        ui::keymap::{Chord, Keymap},
    },
    domain::{clock::TimeMs, fingerprint::Fingerprint, name::UserName},
};

/// 2026-11-28 12:00 UTC.
pub(super) const NOW: TimeMs = TimeMs::new(1_795_867_200_000);
pub(super) const HERE: &str = "127.0.0.1:7777";

pub(super) fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

pub(super) fn account(server: &str, user: &str, hours: Option<i64>) -> Account {
    Account {
        server: server.to_owned(),
        name: name(user),
        used: hours.map(|hours| TimeMs::new(NOW.milliseconds() - hours * 3_600_000)),
    }
}

pub(super) fn accounts() -> Vec<Account> {
    vec![
        account(HERE, "bob", None),
        account("chat.lan:7777", "ann", Some(2)),
        account(HERE, "ann", Some(30)),
    ]
}

pub(super) fn opening(accounts: Vec<Account>) -> Opening {
    Opening {
        accounts,
        server: HERE.to_owned(),
        is_named: false,
        user: None,
        is_another: false,
        in_use: None,
        ended: None,
        told: None,
        size: (80, 24),
        now: NOW,
        zone: Zone::Fixed(chrono::FixedOffset::east_opt(0).unwrap()),
    }
}

pub(super) fn begun(accounts: Vec<Account>) -> Login {
    Login::open(opening(accounts)).0
}

pub(super) fn key(login: &mut Login, key: &str) -> Vec<Ask> {
    let chord = Chord::parse(key).unwrap();
    update(login, &Keymap::default(), Msg::Key(chord))
}

pub(super) fn pressed(login: &mut Login, keys: &str) -> Vec<Ask> {
    keys.split(' ').flat_map(|it| key(login, it)).collect()
}

pub(super) fn typed(login: &mut Login, text: &str) {
    for c in text.chars() {
        let code = crossterm::event::KeyCode::Char(c);
        let event = crossterm::event::KeyEvent::new(code, crossterm::event::KeyModifiers::NONE);
        let chord = Chord::from_event(&event).unwrap();
        let asks = update(login, &Keymap::default(), Msg::Key(chord));
        assert_eq!(asks, [], "{c:?}");
    }
}

pub(super) fn paste(login: &mut Login, text: &str) -> Vec<Ask> {
    update(login, &Keymap::default(), Msg::Paste(text.to_owned()))
}

pub(super) fn answer(login: &mut Login, answer: Answer) -> Vec<Ask> {
    update(login, &Keymap::default(), Msg::Answer(answer))
}

pub(super) fn met(server: &str, is_trusting: bool) -> Met {
    Met {
        server: server.to_owned(),
        known: Known::Here,
        is_trusting,
    }
}

pub(super) fn refused(reason: &str, text: &str) -> Answer {
    Answer::Refused(Refusal {
        reason: reason.to_owned(),
        text: text.to_owned(),
        wait: None,
    })
}

pub(super) fn connect(server: &str) -> Ask {
    Ask::Connect {
        server: server.to_owned(),
    }
}

pub(super) fn remembered(server: &str, user: &str) -> Ask {
    Ask::UseRemembered {
        server: server.to_owned(),
        name: name(user),
    }
}

pub(super) fn log_in(server: &str, user: &str, password: &str) -> Ask {
    Ask::LogIn {
        server: server.to_owned(),
        name: name(user),
        password: password.into(),
    }
}

/// At the question for the name, of a server that was typed.
pub(super) fn at_name(is_trusting: bool) -> Login {
    let mut login = begun(Vec::new());
    assert_eq!(key(&mut login, "enter"), [connect(HERE)]);
    answer(&mut login, Answer::Connected(met(HERE, is_trusting)));
    if !is_trusting {
        assert_eq!(login.screen, Screen::Way);
        assert_eq!(key(&mut login, "enter"), []);
    }
    assert_eq!(login.screen, Screen::Name);
    login
}

/// At the question for the password of ann.
pub(super) fn at_password() -> Login {
    let mut login = at_name(false);
    typed(&mut login, "ann");
    assert_eq!(key(&mut login, "enter"), []);
    assert_eq!(login.screen, Screen::Password);
    login
}

/// At the question for the password that a new account ann gets.
pub(super) fn at_new_password() -> Login {
    let mut login = begun(Vec::new());
    key(&mut login, "enter");
    answer(&mut login, Answer::Connected(met(HERE, false)));
    assert_eq!(pressed(&mut login, "down enter"), []);
    assert_eq!(login.screen, Screen::Name);
    typed(&mut login, "ann");
    assert_eq!(key(&mut login, "enter"), []);
    assert_eq!(login.screen, Screen::Password);
    login
}

/// The same password is asked for once more.
pub(super) fn at_again() -> Login {
    let mut login = at_new_password();
    typed(&mut login, "correct horse");
    assert_eq!(key(&mut login, "enter"), []);
    assert_eq!(login.screen, Screen::Again);
    login
}

pub(super) fn unknown(server: &str) -> Answer {
    Answer::Unknown {
        server: server.to_owned(),
        fingerprint: Fingerprint::of(b"1"),
    }
}

pub(super) fn changed(server: &str) -> Answer {
    Answer::Changed {
        server: server.to_owned(),
        shown: Fingerprint::of(b"2"),
        pinned: Fingerprint::of(b"1"),
    }
}

pub(super) fn told(login: &Login) -> &str {
    login.told.as_ref().map_or("", |told| told.text.as_str())
}

#[test]
fn what_is_asked_first_follows_from_what_is_known() {
    let one = || vec![account("chat.lan:7777", "ann", None)];
    let there = |named: &str, accounts: Vec<Account>| Opening {
        server: named.to_owned(),
        is_named: true,
        ..opening(accounts)
    };
    let as_user = |user: &str, opening: Opening| Opening {
        user: Some(name(user)),
        ..opening
    };
    let elsewhere = "other.lan:1";
    for (opening, screen, asks) in [
        (opening(Vec::new()), Some(Screen::Server), vec![]),
        (opening(accounts()), Some(Screen::Accounts), vec![]),
        // The only one is the right one.
        (
            opening(one()),
            None,
            vec![remembered("chat.lan:7777", "ann")],
        ),
        (
            there("chat.lan:7777", accounts()),
            None,
            vec![remembered("chat.lan:7777", "ann")],
        ),
        // But not at a server that the user did not mean.
        (there(elsewhere, one()), None, vec![connect(elsewhere)]),
        (there(elsewhere, Vec::new()), None, vec![connect(elsewhere)]),
        (there(HERE, accounts()), Some(Screen::Accounts), vec![]),
        (
            as_user("bob", opening(accounts())),
            None,
            vec![remembered(HERE, "bob")],
        ),
        (
            as_user("carol", opening(accounts())),
            None,
            vec![connect(HERE)],
        ),
        (
            as_user("ann", there(elsewhere, accounts())),
            None,
            vec![connect(elsewhere)],
        ),
    ] {
        let case = format!("{opening:?}");
        let (login, asked) = Login::open(opening);
        assert_eq!(asked, asks, "{case}");
        match screen {
            Some(screen) => assert_eq!(login.screen, screen, "{case}"),
            None => assert!(matches!(login.screen, Screen::Busy(_)), "{case}"),
        }
    }
}

#[test]
fn the_login_that_was_used_last_is_proposed_and_others_are_one_key_away() {
    let mut login = begun(accounts());
    let order = |login: &Login| {
        let all = login.accounts.iter();
        all.map(|it| format!("{} {}", it.name, it.server))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        order(&login),
        [
            "ann chat.lan:7777",
            "ann 127.0.0.1:7777",
            "bob 127.0.0.1:7777"
        ]
    );
    assert_eq!(
        key(&mut login, "enter"),
        [remembered("chat.lan:7777", "ann")]
    );
    // There is something to go back to, and then there is not.
    assert_eq!(key(&mut login, "esc"), [Ask::Stop]);
    assert_eq!(login.screen, Screen::Accounts);
    assert_eq!(key(&mut login, "esc"), []);
    assert_eq!(pressed(&mut login, "down down down down enter"), []);
    assert_eq!(login.screen, Screen::Server);
    key(&mut login, "esc");
    assert_eq!(login.screen, Screen::Accounts);
    assert_eq!(
        pressed(&mut login, "ctrl+home down enter"),
        [remembered(HERE, "ann")]
    );
    // A server that was named goes before the time.
    let named = Opening {
        is_named: true,
        ..opening(accounts())
    };
    assert_eq!(Login::open(named).0.chosen, 1);
}

#[test]
fn a_new_server_is_trusted_only_by_a_yes() {
    let mut login = begun(Vec::new());
    key(&mut login, "ctrl+u");
    typed(&mut login, "chat.lan:7777 ");
    assert_eq!(key(&mut login, "enter"), [connect("chat.lan:7777")]);
    assert_eq!(answer(&mut login, unknown("chat.lan:7777")), []);

    // No is the answer of who does not read, and nothing that lay in the clipboard is one.
    paste(&mut login, "y");
    assert_eq!(key(&mut login, "enter"), []);
    assert_eq!(login.screen, Screen::Server);
    assert!(told(&login).contains("not trusted"));
    assert_eq!(login.server.text(), "chat.lan:7777 ");

    for yes in ["y", "down", "right", "tab"] {
        assert_eq!(key(&mut login, "enter"), [connect("chat.lan:7777")]);
        answer(&mut login, unknown("chat.lan:7777"));
        let trust = Ask::Trust {
            server: "chat.lan:7777".to_owned(),
            fingerprint: Fingerprint::of(b"1"),
        };
        key(&mut login, yes);
        assert_eq!(key(&mut login, "enter"), [trust], "{yes}");
        answer(&mut login, Answer::Connected(met("chat.lan:7777", false)));
        assert_eq!(login.screen, Screen::Way);
        // Not to the question that was answered.
        key(&mut login, "esc");
        assert_eq!(login.screen, Screen::Server);
    }
}

#[test]
fn a_server_that_is_another_one_is_refused_and_nothing_leads_past_that() {
    let mut login = begun(vec![account("chat.lan:7777", "ann", None)]);
    answer(&mut login, changed("chat.lan:7777"));
    assert!(matches!(login.screen, Screen::Changed { .. }));
    for nothing in ["y", "down", "tab", "right"] {
        assert_eq!(key(&mut login, nothing), []);
    }
    paste(&mut login, "y");
    assert!(matches!(login.screen, Screen::Changed { .. }));
    assert_eq!(key(&mut login, "enter"), []);
    assert_eq!(login.screen, Screen::Accounts);
    // The same where it was typed.
    pressed(&mut login, "end down enter ctrl+u");
    typed(&mut login, "chat.lan:7777");
    key(&mut login, "enter");
    answer(&mut login, changed("chat.lan:7777"));
    assert_eq!(key(&mut login, "esc"), []);
    assert_eq!(login.screen, Screen::Server);
    assert_eq!(login.server.text(), "chat.lan:7777");
}

#[test]
fn a_wrong_password_can_be_typed_again() {
    let mut login = at_password();
    typed(&mut login, "correct hose");
    let asks = key(&mut login, "enter");
    assert_eq!(asks, [log_in(HERE, "ann", "correct hose")]);
    answer(&mut login, refused("LOGIN_FAILED", "no"));
    assert_eq!(login.screen, Screen::Password);
    assert!(login.password.is_empty());
    assert!(told(&login).contains("No login with that name"));
    typed(&mut login, "correct horse");
    assert_eq!(told(&login), "");
    let asks = key(&mut login, "enter");
    assert_eq!(asks, [log_in(HERE, "ann", "correct horse")]);
    // Or it is a name that nobody has: the way to an account is back where it was chosen.
    answer(&mut login, refused("LOGIN_FAILED", "no"));
    pressed(&mut login, "esc esc");
    assert_eq!(login.screen, Screen::Way);
    pressed(&mut login, "down enter enter");
    assert!(login.screen == Screen::Password && login.is_new);
    assert_eq!(login.name.text(), "ann");
}

#[test]
fn what_cannot_be_the_password_of_an_account_is_said_before_anything_is_asked() {
    let mut login = at_new_password();
    for short in ["", "short"] {
        typed(&mut login, short);
        assert_eq!(key(&mut login, "enter"), []);
        assert_eq!(login.screen, Screen::Password);
        assert_eq!(told(&login), "A password has 8 to 1024 bytes.");
    }
    // It stays, and can be made longer.
    typed(&mut login, "er!");
    assert_eq!(key(&mut login, "enter"), []);
    assert_eq!(login.screen, Screen::Again);
}

#[test]
fn an_account_is_made_with_a_password_that_was_typed_twice() {
    let mut login = at_again();
    typed(&mut login, "correct hose");
    assert_eq!(key(&mut login, "enter"), []);
    assert!(login.again.is_empty() && told(&login).contains("differ"));
    typed(&mut login, "correct horse");
    assert_eq!(told(&login), "");
    let register = Ask::Register {
        server: HERE.to_owned(),
        name: name("ann"),
        password: "correct horse".into(),
    };
    assert_eq!(key(&mut login, "enter"), std::slice::from_ref(&register));
    // A server that goes away costs nothing.
    answer(&mut login, refused("", "cannot reach the server"));
    assert_eq!(login.screen, Screen::Again);
    assert_eq!(told(&login), "Cannot reach the server.");
    assert_eq!(key(&mut login, "enter"), [register]);
    // Going back forgets both.
    pressed(&mut login, "esc esc");
    assert_eq!(login.screen, Screen::Password);
    assert!(login.again.is_empty() && login.password.is_empty());
}

#[test]
fn a_name_that_is_taken_asks_for_another() {
    let mut login = at_again();
    typed(&mut login, "correct horse");
    key(&mut login, "enter");
    answer(&mut login, refused("NAME_TAKEN", "taken"));
    assert_eq!(login.screen, Screen::Name);
    assert!(told(&login).starts_with("There is an account ann already."));
    assert!(login.password.is_empty() && login.again.is_empty());
    assert_eq!(login.name.text(), "ann");
    typed(&mut login, "a");
    assert_eq!(key(&mut login, "enter"), []);
    assert_eq!(login.screen, Screen::Password);
    // It is mine: back to where that is said.
    pressed(&mut login, "esc esc up enter enter");
    assert!(login.screen == Screen::Password && !login.is_new);
}

#[test]
fn where_names_are_enough_no_password_is_asked_for() {
    let mut login = at_name(true);
    typed(&mut login, "Ann");
    assert_eq!(key(&mut login, "enter"), [log_in(HERE, "ann", "")]);
    answer(&mut login, refused("", "the server is full; wait"));
    assert_eq!(login.screen, Screen::Name);
    assert_eq!(told(&login), "The server is full; wait.");
}

#[test]
fn a_server_that_is_away_can_be_tried_again_with_what_was_typed() {
    let mut login = begun(Vec::new());
    key(&mut login, "ctrl+u");
    typed(&mut login, "chat.lan:7777");
    key(&mut login, "enter");
    answer(
        &mut login,
        refused("", "cannot reach the server; is it running?"),
    );
    assert_eq!(login.screen, Screen::Server);
    assert_eq!(told(&login), "Cannot reach the server; is it running?");
    assert_eq!(key(&mut login, "enter"), [connect("chat.lan:7777")]);

    let mut login = at_password();
    typed(&mut login, "correct horse");
    key(&mut login, "enter");
    answer(&mut login, refused("", "cannot reach the server"));
    assert_eq!(login.screen, Screen::Password);
    assert_eq!(
        key(&mut login, "enter"),
        [log_in(HERE, "ann", "correct horse")]
    );
    // What is too fast is told with the time to wait.
    let wait = Some(std::time::Duration::from_secs(29));
    let too_fast = Refusal {
        reason: "LOGIN_RATE_LIMITED".to_owned(),
        wait,
        ..Refusal::default()
    };
    answer(&mut login, Answer::Refused(too_fast));
    assert_eq!(
        told(&login),
        "Too many logins failed. Wait 30 seconds, then try again."
    );
}
