//! Going back, logins that are remembered or have ended, what is typed, and answers that nobody waits for.

use super::{
    state::{Busy, Screen},
    update_tests::{
        HERE, account, accounts, answer, at_again, at_name, at_password, begun, changed, connect,
        key, log_in, met, name, opening, paste, pressed, refused, remembered, told, typed, unknown,
    },
    *,
};
use crate::client::ui::{
    keymap::{Chord, Keymap},
    model::notices::Level,
};

#[test]
fn going_back_loses_nothing_but_the_password() {
    let mut login = at_password();
    typed(&mut login, "correct horse");
    key(&mut login, "esc");
    assert_eq!(login.screen, Screen::Name);
    assert!(login.password.is_empty());
    key(&mut login, "esc");
    assert_eq!(login.screen, Screen::Way);
    key(&mut login, "esc");
    assert_eq!(login.screen, Screen::Server);
    assert_eq!(key(&mut login, "esc"), []);
    assert_eq!(login.screen, Screen::Server, "there is nothing before it");
    assert_eq!((login.server.text(), login.name.text()), (HERE, "ann"));
    key(&mut login, "enter");
    answer(&mut login, Answer::Connected(met(HERE, false)));
    pressed(&mut login, "enter enter");
    assert_eq!(login.screen, Screen::Password);
}

#[test]
fn a_remembered_login_that_has_ended_asks_for_the_password() {
    let mut login = begun(accounts());
    pressed(&mut login, "down enter");
    assert_eq!(answer(&mut login, Answer::Ended(met(HERE, false))), []);
    assert_eq!(login.screen, Screen::Password);
    assert!(told(&login).contains("login of ann"));
    assert_eq!(login.accounts.len(), 2);
    typed(&mut login, "correct horse");
    assert_eq!(
        key(&mut login, "enter"),
        [log_in(HERE, "ann", "correct horse")]
    );
    pressed(&mut login, "esc esc");
    assert_eq!(login.screen, Screen::Accounts);
    // Where names are enough nothing need be asked.
    key(&mut login, "ctrl+home");
    key(&mut login, "enter");
    let asks = answer(&mut login, Answer::Ended(met("chat.lan:7777", true)));
    assert_eq!(asks, [log_in("chat.lan:7777", "ann", "")]);
}

#[test]
fn a_remembered_login_that_cannot_be_used_says_why() {
    let mut login = begun(accounts());
    pressed(&mut login, "down enter");
    answer(&mut login, refused("", "its token was not sent"));
    let problem = Screen::Problem {
        server: HERE.to_owned(),
        name: name("ann"),
        text: "Its token was not sent.".to_owned(),
    };
    assert_eq!(login.screen, problem);
    assert_eq!(key(&mut login, "enter"), [remembered(HERE, "ann")]);
    answer(&mut login, refused("", "its token was not sent"));
    assert_eq!(key(&mut login, "esc"), []);
    assert_eq!(login.screen, Screen::Accounts);
}

#[test]
fn a_name_with_a_remembered_login_needs_no_password() {
    let mut login = begun(accounts());
    pressed(&mut login, "ctrl+end enter enter");
    answer(&mut login, Answer::Connected(met(HERE, false)));
    key(&mut login, "enter");
    typed(&mut login, "bob");
    assert_eq!(key(&mut login, "enter"), [remembered(HERE, "bob")]);
    answer(&mut login, Answer::Ended(met(HERE, false)));
    assert_eq!(login.screen, Screen::Password);
    key(&mut login, "esc");
    assert_eq!(login.screen, Screen::Name);
    // Whoever wants a new account is not logged in to an old one.
    let mut login = begun(accounts());
    pressed(&mut login, "ctrl+end enter enter");
    answer(&mut login, Answer::Connected(met(HERE, false)));
    pressed(&mut login, "down enter");
    typed(&mut login, "bob");
    assert_eq!(key(&mut login, "enter"), []);
    assert!(login.screen == Screen::Password && login.is_new);
}

#[test]
fn a_name_that_was_given_is_not_asked_for_but_can_be_gone_back_to() {
    let given = Opening {
        user: Some(name("carol")),
        ..opening(Vec::new())
    };
    let (mut login, asks) = Login::open(given);
    assert_eq!(asks, [connect(HERE)]);
    answer(&mut login, Answer::Connected(met(HERE, false)));
    assert_eq!(login.screen, Screen::Way);
    key(&mut login, "enter");
    assert_eq!(login.screen, Screen::Password);
    key(&mut login, "esc");
    assert_eq!(login.screen, Screen::Name);
    assert_eq!(login.name.text(), "carol");
    // Once only: whoever went back wants to be asked.
    pressed(&mut login, "esc enter");
    assert_eq!(login.screen, Screen::Name);
    // Where names are enough nothing more is asked.
    let given = Opening {
        user: Some(name("carol")),
        ..opening(Vec::new())
    };
    let (mut login, _) = Login::open(given);
    let asks = answer(&mut login, Answer::Connected(met(HERE, true)));
    assert_eq!(asks, [log_in(HERE, "carol", "")]);
}

#[test]
fn a_login_that_ended_while_it_was_used_says_why_and_asks_for_the_password() {
    let ended = || Opening {
        user: Some(name("ann")),
        ended: Some("the login was ended".to_owned()),
        ..opening(vec![account(HERE, "bob", None)])
    };
    let (mut login, asks) = Login::open(ended());
    assert_eq!(asks, []);
    let screen = Screen::Ended {
        server: HERE.to_owned(),
        name: name("ann"),
        why: "The login was ended.".to_owned(),
    };
    assert_eq!(login.screen, screen);
    // What was just being typed goes nowhere.
    typed(&mut login, "hello");
    paste(&mut login, "you");
    assert_eq!(login.screen, screen);
    assert_eq!(key(&mut login, "enter"), [connect(HERE)]);
    answer(&mut login, Answer::Connected(met(HERE, false)));
    assert_eq!(login.screen, Screen::Password);
    assert!(login.password.is_empty() && !login.is_new);
    typed(&mut login, "correct horse");
    let asks = key(&mut login, "enter");
    assert_eq!(asks, [log_in(HERE, "ann", "correct horse")]);
    pressed(&mut login, "esc esc esc");
    assert_eq!(login.screen, Screen::Server);
    key(&mut login, "esc");
    assert_eq!(login.screen, Screen::Accounts);
    // Where names are enough nothing is asked; where the server is away it can be tried again.
    let (mut login, _) = Login::open(ended());
    key(&mut login, "enter");
    answer(&mut login, refused("", "cannot reach the server"));
    assert_eq!(login.screen, Screen::Server);
    assert_eq!(key(&mut login, "enter"), [connect(HERE)]);
    let asks = answer(&mut login, Answer::Connected(met(HERE, true)));
    assert_eq!(asks, [log_in(HERE, "ann", "")]);
    // Another server knows nothing of it.
    let (mut login, _) = Login::open(ended());
    key(&mut login, "enter");
    answer(&mut login, Answer::Connected(met("chat.lan:7777", false)));
    assert_eq!(login.screen, Screen::Way);
}

#[test]
fn going_back_leads_to_the_account_in_use_from_where_another_was_asked_for() {
    let another = || Opening {
        is_another: true,
        in_use: Some(name("bob")),
        ..opening(accounts())
    };
    let (mut login, asks) = Login::open(another());
    assert_eq!((asks, login.chosen), (Vec::new(), 0));
    assert_eq!(
        login.accounts[0].name,
        name("bob"),
        "whatever the files say"
    );
    // From further on it is a step like any other.
    pressed(&mut login, "ctrl+end enter esc");
    assert_eq!(login.screen, Screen::Accounts);
    assert_eq!(key(&mut login, "esc"), [remembered(HERE, "bob")]);
    assert_eq!(key(&mut login, "esc"), [Ask::Stop]);
    assert_eq!(login.screen, Screen::Accounts);
    // A login that has ended meanwhile is none to go back to.
    key(&mut login, "esc");
    answer(&mut login, Answer::Ended(met(HERE, false)));
    assert_eq!(login.screen, Screen::Password);
    key(&mut login, "esc");
    assert_eq!(login.screen, Screen::Accounts);
    assert_eq!(key(&mut login, "esc"), []);
    // Nor is one that is not remembered.
    let (mut login, _) = Login::open(Opening {
        in_use: Some(name("carol")),
        ..another()
    });
    assert_eq!(key(&mut login, "esc"), []);
}

#[test]
fn another_account_is_asked_for_with_what_is_to_be_said() {
    let another = |accounts| Opening {
        told: Some("that login has ended".to_owned()),
        is_another: true,
        is_named: true,
        ..opening(accounts)
    };
    // Not even the only one is taken at once: another was asked for.
    for (known, screen) in [
        (accounts(), Screen::Accounts),
        (vec![account(HERE, "ann", None)], Screen::Accounts),
        (
            vec![account("chat.lan:7777", "ann", None)],
            Screen::Accounts,
        ),
        (Vec::new(), Screen::Server),
    ] {
        let (login, asks) = Login::open(another(known));
        assert_eq!((login.screen.clone(), asks), (screen, vec![]));
        assert_eq!(told(&login), "That login has ended.");
    }
}

#[test]
fn what_cannot_be_is_said_before_anything_is_asked() {
    let mut login = begun(Vec::new());
    key(&mut login, "ctrl+u");
    assert_eq!(key(&mut login, "enter"), []);
    assert!(told(&login).contains("127.0.0.1:7777"));
    let mut login = at_name(false);
    typed(&mut login, "a!");
    assert_eq!(key(&mut login, "enter"), []);
    assert_eq!(
        told(&login),
        "A user name cannot contain '!'; use a-z 0-9 . _ -."
    );
    let mut login = at_password();
    assert_eq!(key(&mut login, "enter"), []);
    assert!(told(&login).contains("password of ann"));
}

#[test]
fn a_paste_is_typed_and_never_more() {
    let mut login = begun(Vec::new());
    key(&mut login, "ctrl+u");
    assert_eq!(paste(&mut login, "\nchat.lan:7777\nq\n"), []);
    assert_eq!(login.server.text(), "chat.lan:7777");
    paste(&mut login, &"x".repeat(5000));
    assert_eq!(login.server.text(), "chat.lan:7777");
    assert!(told(&login).contains("fits"));
    let mut login = at_password();
    assert_eq!(paste(&mut login, "correct horse\n"), []);
    assert_eq!(login.screen, Screen::Password);
    assert_eq!(
        key(&mut login, "enter"),
        [log_in(HERE, "ann", "correct horse")]
    );
}

#[test]
fn what_is_typed_is_edited_as_elsewhere() {
    let mut login = at_name(false);
    typed(&mut login, "bnn");
    pressed(&mut login, "ctrl+a delete a backspace a");
    assert_eq!(login.name.text(), "ann");
    pressed(&mut login, "ctrl+e ctrl+w ctrl+y");
    assert_eq!(login.name.text(), "ann");
    let mut login = at_password();
    typed(&mut login, "two words");
    key(&mut login, "backspace");
    assert_eq!(login.password.expose(), "two word");
    key(&mut login, "ctrl+w");
    assert!(login.password.is_empty());
}

#[test]
fn answers_that_nobody_waits_for_change_nothing() {
    let answers = [
        Answer::Connected(met(HERE, true)),
        Answer::Ended(met(HERE, true)),
        unknown(HERE),
        changed(HERE),
        refused("LOGIN_FAILED", "no"),
    ];
    for before in [begun(accounts()), at_name(false), at_password(), at_again()] {
        for it in &answers {
            let mut login = before.clone();
            assert_eq!(answer(&mut login, it.clone()), []);
            assert_eq!(login, before, "{it:?}");
        }
    }
    // Nor do those to another question.
    let mut login = at_password();
    typed(&mut login, "correct horse");
    key(&mut login, "enter");
    let before = login.clone();
    for it in &answers[..4] {
        assert_eq!(answer(&mut login, it.clone()), []);
        assert_eq!(login, before, "{it:?}");
    }
    // A server that is new cannot be trusted on the way to a login that another was trusted with.
    let mut login = begun(accounts());
    key(&mut login, "enter");
    answer(&mut login, unknown(HERE));
    assert!(matches!(
        login.screen,
        Screen::Busy(Busy::Remembered { .. })
    ));
}

#[test]
fn leaving_the_shell_and_drawing_anew_are_where_they_are_everywhere() {
    for mut login in [begun(accounts()), at_name(false), at_password(), at_again()] {
        let before = login.clone();
        for (press, ask) in [
            ("ctrl+c", Ask::Quit),
            ("ctrl+q", Ask::Quit),
            ("ctrl+z", Ask::Suspend),
            ("ctrl+l", Ask::Redraw),
        ] {
            assert_eq!(key(&mut login, press), [ask], "{press}");
        }
        assert_eq!(login, before);
    }
    // A key that is set to both goes back.
    let (keys, faults) = Keymap::from_file("[keys.everywhere]\n\"esc\" = \"quit\"\n");
    assert_eq!(faults, []);
    let mut login = at_password();
    let esc = Msg::Key(Chord::parse("esc").unwrap());
    assert_eq!(update(&mut login, &keys, esc), []);
    assert_eq!(login.screen, Screen::Name);
}

#[test]
fn what_is_said_is_as_bad_as_it_is() {
    let mut login = begun(Vec::new());
    key(&mut login, "enter");
    answer(&mut login, refused("", "no"));
    assert_eq!(login.told.map(|told| told.level), Some(Level::Error));
}
