//! The screens before the chat as people see them, pinned; and what holds for all of them at any size.

use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend};

use super::{
    ask::Known,
    state::Screen,
    update_tests::{
        account, accounts, answer, at_again, at_name, at_new_password, at_password, begun, changed,
        connect, key, met, opening, pressed, refused, remembered, typed, unknown,
    },
    *,
};
use crate::client::ui::{
    keymap::{Chord, Keymap},
    theme::{Env, Theme},
};

fn theme(name: &str, locale: &str) -> Theme {
    let env = Env {
        colorterm: Some("truecolor"),
        locale: Some(locale),
        ..Env::default()
    };
    Theme::chosen(name, &env).unwrap()
}

/// What stands on the screen; where the cursor is, there is a block.
fn drawn(login: &Login, size: (u16, u16), theme: &Theme) -> String {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let view = |frame: &mut ratatui::Frame<'_>| draw(login, theme, &Keymap::default(), frame);
    terminal.draw(view).unwrap();
    let backend = terminal.backend();
    let cursor = backend
        .cursor_visible()
        .then(|| backend.cursor_position())
        .map(|place| (place.x, place.y));
    let mut text = String::new();
    for row in 0..size.1 {
        let symbol = |column| match cursor == Some((column, row)) {
            true => "█",
            false => backend.buffer()[(column, row)].symbol(),
        };
        let line: String = (0..size.0).map(symbol).collect();
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn pin_as(name: &str, login: &Login, size: (u16, u16), theme: &Theme) {
    let mut login = login.clone();
    let resized = Msg::Resized(size.0, size.1);
    update(&mut login, &Keymap::default(), resized);
    let text = drawn(&login, size, theme);
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn pin_at(name: &str, login: &Login, size: (u16, u16)) {
    let (columns, rows) = size;
    let name = format!("{name}_{columns}x{rows}");
    pin_as(&name, login, size, &theme("dark", "C.UTF-8"));
}

/// At the usual sizes, from the roomy one to the smallest.
fn pin(name: &str, login: &Login) {
    for size in [(80, 24), (60, 15), (40, 12), (20, 6)] {
        pin_at(name, login, size);
    }
}

/// At the question whether a server is to be trusted.
fn at_fingerprint() -> Login {
    let mut login = begun(Vec::new());
    key(&mut login, "ctrl+u");
    typed(&mut login, "chat.example.org:7777");
    key(&mut login, "enter");
    answer(&mut login, unknown("chat.example.org:7777"));
    login
}

fn at_changed() -> Login {
    let mut login = begun(vec![account("chat.example.org:7777", "ann", None)]);
    answer(&mut login, changed("chat.example.org:7777"));
    login
}

fn at_problem() -> Login {
    let mut login = begun(vec![account("chat.lan:7777", "ann", None)]);
    let why = "the login of ann at chat.lan:7777 was made when an authority vouched for the server, and now you alone vouch \
               for it, so its token was not sent; connect as before, or if this is right, forget the old login with \
               tinychat-client --server chat.lan:7777 forget";
    answer(&mut login, refused("", why));
    login
}

/// At the question whether there is an account.
fn at_way() -> Login {
    let mut login = begun(Vec::new());
    key(&mut login, "enter");
    answer(&mut login, Answer::Connected(met("127.0.0.1:7777", false)));
    login
}

/// After a login has ended while it was used.
fn at_ended() -> Login {
    let ended = Opening {
        user: Some("ann".parse().unwrap()),
        ended: Some(
            "the access token is not valid, or its login was ended; log in again".to_owned(),
        ),
        ..opening(accounts())
    };
    Login::open(ended).0
}

#[test]
fn choosing_an_account() {
    pin("accounts", &begun(accounts()));
    let (called, _) = Login::open(Opening {
        is_another: true,
        in_use: Some("bob".parse().unwrap()),
        ..opening(accounts())
    });
    let dark = theme("dark", "en_GB.UTF-8");
    pin_as("accounts_in_use_80x24", &called, (80, 24), &dark);
    let many = (0..40).map(|n| account("chat.lan:7777", &format!("user{n:02}"), Some(n)));
    let mut login = begun(many.collect());
    pressed(&mut login, "ctrl+end up up");
    pin("accounts_many", &login);
}

#[test]
fn finding_a_server() {
    let login = begun(Vec::new());
    pin("server", &login);
    let mut away = login.clone();
    key(&mut away, "enter");
    pin("connecting", &away);
    let why = "cannot reach the server (Connection refused (os error 111)); is it running, and is the address right?";
    answer(&mut away, refused("", why));
    pin("server_away", &away);
    let mut long = login;
    typed(&mut long, "0-and-a-very-long-name.of.a.host.example.org");
    pin("server_long", &long);
}

#[test]
fn trusting_a_server() {
    pin("fingerprint", &at_fingerprint());
    pin("changed", &at_changed());
}

#[test]
fn saying_who_one_is() {
    pin("way", &at_way());
    pin("name", &at_name(false));
    pin("name_trusting", &at_name(true));
    let mut login = begun(Vec::new());
    key(&mut login, "enter");
    let plain = Met {
        known: Known::Plaintext,
        ..met("chat.lan:7777", false)
    };
    answer(&mut login, Answer::Connected(plain));
    pin("way_plaintext", &login);
    let mut login = at_password();
    typed(&mut login, "correct horse");
    pin("password", &login);
    key(&mut login, "enter");
    pin("logging_in", &login);
    answer(&mut login, refused("LOGIN_FAILED", "no"));
    pin("password_wrong", &login);
}

#[test]
fn making_an_account() {
    let mut login = at_new_password();
    pin("new_password", &login);
    typed(&mut login, "short");
    key(&mut login, "enter");
    pin("new_password_short", &login);
    let mut login = at_again();
    typed(&mut login, "correct");
    pin("again", &login);
    key(&mut login, "ctrl+u");
    typed(&mut login, "correct horse");
    key(&mut login, "enter");
    answer(&mut login, refused("NAME_TAKEN", "taken"));
    pin("name_taken", &login);
}

#[test]
fn what_cannot_be_mended_here() {
    pin("problem", &at_problem());
    let mut login = at_problem();
    update(&mut login, &Keymap::default(), Msg::Resized(20, 6));
    pressed(&mut login, "down down");
    pin_at("problem_moved", &login, (20, 6));
    pin("ended", &at_ended());
}

#[test]
fn without_colours_and_beyond_ascii_it_says_the_same() {
    let ascii = theme("plain", "C");
    let mut login = at_password();
    typed(&mut login, "correct horse");
    for (name, login) in [
        ("accounts", begun(accounts())),
        ("fingerprint", at_fingerprint()),
        ("changed", at_changed()),
        ("way", at_way()),
        ("password", login),
        ("ended", at_ended()),
    ] {
        pin_as(&format!("{name}_plain_80x24"), &login, (80, 24), &ascii);
    }
}

/// Anything that can happen, with answers that fit and such that do not.
fn any_msg() -> impl Strategy<Value = Msg> {
    let keys = prop::sample::select(vec![
        "enter",
        "enter",
        "enter",
        "esc",
        "up",
        "down",
        "left",
        "right",
        "tab",
        "home",
        "end",
        "ctrl+u",
        "ctrl+k",
        "ctrl+y",
        "ctrl+w",
        "backspace",
        "ctrl+c",
        "ctrl+z",
        "ctrl+_",
        "y",
        "n",
        "a",
        "ctrl+home",
        "ctrl+end",
        "pgup",
        "pgdn",
        "alt+x",
        "f1",
    ]);
    let servers = || prop::sample::select(vec!["127.0.0.1:7777", "chat.lan:7777", "\u{202e}:1"]);
    let met = |(server, is_trusting)| met(server, is_trusting);
    let reasons = prop::sample::select(vec!["", "LOGIN_FAILED", "NAME_TAKEN"]);
    prop_oneof![
        6 => keys.prop_map(|key| Msg::Key(Chord::parse(key).unwrap())),
        2 => "(ann|[a-z]{1,9}|\\PC{0,12}|correct horse)".prop_map(Msg::Paste),
        1 => (0_u16..130, 0_u16..60).prop_map(|(columns, rows)| Msg::Resized(columns, rows)),
        2 => (servers(), any::<bool>()).prop_map(met).prop_map(Answer::Connected).prop_map(Msg::Answer),
        1 => (servers(), any::<bool>()).prop_map(met).prop_map(Answer::Ended).prop_map(Msg::Answer),
        1 => servers().prop_map(|server| Msg::Answer(unknown(server))),
        1 => servers().prop_map(|server| Msg::Answer(changed(server))),
        2 => (reasons, "\\PC{0,300}").prop_map(|(reason, text)| Msg::Answer(refused(reason, &text))),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_at_whatever_size_is_drawn_within_the_screen(
        msgs in prop::collection::vec(any_msg(), 0..40),
        has_accounts in any::<bool>(),
        size in (0_u16..100, 0_u16..40),
    ) {
        let known = if has_accounts { accounts() } else { Vec::new() };
        let (mut login, asks) = Login::open(Opening { size, ..opening(known) });
        let is_answered = |ask: &Ask| {
            !matches!(ask, Ask::Stop | Ask::Redraw | Ask::Suspend | Ask::Quit)
        };
        let mut waits = asks.iter().any(is_answered);
        let theme = match has_accounts {
            true => theme("dark", "C.UTF-8"),
            false => theme("plain", "C"),
        };
        for msg in msgs {
            let ends = matches!(msg, Msg::Answer(_));
            let asks = update(&mut login, &Keymap::default(), msg);
            let is_busy = matches!(login.screen, Screen::Busy(_));
            // One thing at a time: nothing is asked while something is under way, unless that was given up.
            let asked = asks.iter().filter(|ask| is_answered(ask)).count();
            prop_assert!(asked == 0 || (asked == 1 && (!waits || ends)), "{asks:?}");
            waits = match asks.last() {
                Some(ask) if is_answered(ask) => true,
                Some(Ask::Stop) => false,
                _ => waits && is_busy,
            };
            prop_assert_eq!(is_busy, waits);
            let turned = drawn(&login, login.size, &theme).contains('\u{202e}');
            prop_assert!(!turned);
        }
    }
}

#[test]
fn a_password_is_nowhere_to_be_seen() {
    let secret = "correct horse";
    let mut asks = Vec::new();
    let mut login = at_password();
    typed(&mut login, secret);
    let mut screens = vec![login.clone()];
    asks.extend(key(&mut login, "enter"));
    screens.push(login.clone());
    answer(&mut login, refused("LOGIN_FAILED", "no"));
    screens.push(login);
    let mut login = at_new_password();
    typed(&mut login, secret);
    screens.push(login.clone());
    key(&mut login, "enter");
    typed(&mut login, secret);
    screens.push(login.clone());
    asks.extend(key(&mut login, "enter"));
    screens.push(login);
    for login in screens {
        assert!(!format!("{login:?}").contains("correct"));
        let text = drawn(&login, (100, 40), &theme("dark", "C.UTF-8"));
        assert!(
            !text.contains("correct") && !text.contains("horse"),
            "{text}"
        );
    }
    assert_eq!(asks.len(), 2);
    assert!(!format!("{asks:?}").contains("correct"));
}

#[test]
fn the_smallest_screen_has_all_that_must_be_read_and_answered() {
    let small = |login: &Login| drawn(login, (20, 6), &theme("dark", "C.UTF-8"));
    let text = small(&at_fingerprint()).replace('\n', "");
    let whole = crate::domain::fingerprint::Fingerprint::of(b"1").to_string();
    let whole = whole.replace("SHA256:", "").replace(':', "");
    assert!(text.contains(&whole) && text.contains("no") && text.contains("yes"));
    // What is longer is moved, to its very end and not beyond.
    let mut login = at_problem();
    update(&mut login, &Keymap::default(), Msg::Resized(20, 6));
    assert!(small(&login).contains("ann cannot be"));
    pressed(&mut login, "ctrl+end");
    assert!(small(&login).contains("forget"), "{}", small(&login));
    let end = login.clone();
    pressed(&mut login, "down down");
    assert_eq!(login, end);
    assert_eq!(
        key(&mut login, "enter"),
        [remembered("chat.lan:7777", "ann")]
    );
    // A field is always seen.
    let mut login = begun(Vec::new());
    assert_eq!(key(&mut login, "enter"), [connect("127.0.0.1:7777")]);
    answer(&mut login, refused("", &"very long ".repeat(50)));
    assert!(small(&login).starts_with("› 127.0.0.1:7777█"));
}
