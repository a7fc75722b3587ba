//! A tour through every slash command: three people in pseudo-terminals, their whole transcripts compared; and a fourth who
//! only looks on.

use tinychat::{client::app::command::COMMANDS, domain::secret::InviteCode};

use super::{
    line_client::timeless,
    support::{
        Server,
        terminal::{Home, Terminal},
    },
};

/// Who types, what, and what must show for whom before the next line is typed.
type Step = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const TOUR: &[Step] = &[
    ("ann", "/users", &[("ann", "carol <ONLINE>")]),
    ("ann", "/time", &[("ann", "<> 20")]),
    ("ann", "/commands", &[("ann", "how to use this")]),
    ("ann", "/help", &[("ann", "what stands around message 7")]),
    // How much is unread in others depends on when it is marked read.
    (
        "carol",
        "/conversations",
        &[("carol", "You are in no conversation yet")],
    ),
    // Two people.
    ("ann", "/start bob", &[("ann", "closes it.")]),
    ("ann", "hello bob", &[("bob", "> hello bob")]),
    ("bob", "/start ann", &[("bob", "closes it.")]),
    (
        "bob",
        "/reply 1 hello ann",
        &[("ann", "> ann: hello bob"), ("ann", "> hello ann")],
    ),
    ("ann", "/history", &[("ann", "[2] hello ann")]),
    (
        "ann",
        "/edit 1 hello, bob",
        &[("ann", "the new text"), ("bob", "edited [1]: hello, bob")],
    ),
    (
        "bob",
        "/react 1 👍",
        &[("bob", "You gave"), ("ann", "bob gave 👍")],
    ),
    (
        "ann",
        "/history",
        &[("ann", "(edited) {👍 1}"), ("ann", "[2] hello ann")],
    ),
    (
        "bob",
        "/unreact 1 👍",
        &[("bob", "You took"), ("ann", "bob took 👍")],
    ),
    (
        "ann",
        "/delete 1",
        &[("ann", "is deleted"), ("bob", "ann deleted message [1]")],
    ),
    (
        "bob",
        "/history 2",
        &[("bob", "[1] (deleted)"), ("bob", "[2] hello ann")],
    ),
    // A text of several lines, which is one message.
    (
        "bob",
        "/text reply 2",
        &[("bob", "A line of just . sends it")],
    ),
    ("bob", "two", &[]),
    ("bob", "/lines", &[]),
    (
        "bob",
        ".",
        &[
            ("ann", "> bob: hello ann"),
            ("ann", "> two"),
            ("ann", "  /lines"),
        ],
    ),
    ("ann", "/typing", &[("ann", "Nobody is typing here.")]),
    // One that is there would be opened.
    (
        "ann",
        "/open 1",
        &[("ann", "No link is known of message [1]")],
    ),
    (
        "ann",
        "/seen 2",
        &[("ann", "Message [2] is none of yours here")],
    ),
    ("ann", "/stop", &[("ann", "is closed")]),
    ("ann", "/history", &[("ann", "No conversation is open")]),
    // A channel.
    (
        "ann",
        "/create #general all and everything",
        &[("ann", "closes it.")],
    ),
    ("bob", "/channels", &[("bob", "#general <1 MEMBER> all")]),
    (
        "bob",
        "/start #general",
        &[("bob", "You are not in #general")],
    ),
    (
        "bob",
        "/join #general",
        &[
            ("bob", "You are in #general"),
            ("ann", "bob joined #general"),
        ],
    ),
    (
        "bob",
        "/channels gen",
        &[("bob", "#general <2 MEMBERS, YOU> all")],
    ),
    ("ann", "welcome", &[("bob", "<ann in #general, ")]),
    (
        "bob",
        "/reply 1 thanks",
        &[("ann", "> ann: welcome"), ("ann", "<bob in #general, ")],
    ),
    (
        "ann",
        "/invite carol",
        &[
            ("ann", "carol is in #general now."),
            ("bob", "carol was added to #general by ann"),
            ("carol", "/start #general opens it."),
            ("carol", "You were added to #general by ann"),
        ],
    ),
    ("ann", "/members", &[("ann", "carol <MEMBER>")]),
    ("carol", "/start #general", &[("carol", "closes it.")]),
    (
        "carol",
        "hi all",
        &[
            ("ann", "<carol in #general, "),
            ("bob", "<carol in #general, "),
        ],
    ),
    ("carol", "/kick bob", &[("carol", "<> Not done:")]),
    ("ann", "/topic", &[("ann", "The topic of #general: all")]),
    (
        "ann",
        "/topic the news",
        &[
            ("ann", "<> The topic of #general: the news"),
            ("bob", "<> The topic of #general: the news"),
            ("carol", "<> The topic of #general: the news"),
        ],
    ),
    (
        "ann",
        "/rename lounge",
        &[
            ("ann", "is called #lounge now."),
            ("bob", "is called #lounge now."),
            ("carol", "is called #lounge now."),
        ],
    ),
    (
        "bob",
        "still here",
        &[("ann", "<bob in #lounge, "), ("carol", "<bob in #lounge, ")],
    ),
    (
        "ann",
        "/role carol read-only",
        &[
            ("ann", "carol is now read-only in #lounge."),
            ("bob", "carol is now read-only in #lounge (by ann)"),
            ("carol", "You are now read-only in #lounge (by ann)"),
        ],
    ),
    ("carol", "may I?", &[("carol", "<> Not sent:")]),
    (
        "ann",
        "/kick carol",
        &[
            ("ann", "carol is not in #lounge any more."),
            ("bob", "carol was removed from #lounge by ann"),
            ("carol", "You were removed from #lounge by ann"),
            ("carol", "No conversation is open any more"),
        ],
    ),
    (
        "carol",
        "/join #lounge",
        &[
            ("carol", "closes it."),
            ("ann", "carol joined #lounge"),
            ("bob", "carol joined #lounge"),
        ],
    ),
    (
        "ann",
        "/ban carol",
        &[
            ("ann", "carol is banned from #lounge"),
            ("bob", "carol was banned from #lounge by ann"),
            ("carol", "You were banned from #lounge by ann"),
            ("carol", "No conversation is open any more"),
        ],
    ),
    ("carol", "/join #lounge", &[("carol", "<> Not done:")]),
    // A group.
    (
        "ann",
        "/group \"the trip\" bob",
        &[("ann", "closes it."), ("bob", "You are in the trip now")],
    ),
    (
        "bob",
        "/start \"the trip\"",
        &[("bob", "<> Lines you type go to the trip")],
    ),
    ("bob", "where to", &[("ann", "<bob in the trip, ")]),
    ("ann", "/leave #lounge", &[("ann", "<> Not done:")]),
    (
        "bob",
        "/leave #lounge",
        &[
            ("bob", "You are not in #lounge"),
            ("ann", "bob left #lounge"),
        ],
    ),
    (
        "ann",
        "/leave #lounge",
        &[("ann", "You are not in #lounge")],
    ),
    (
        "bob",
        "/leave",
        &[
            ("bob", "No conversation is open;"),
            ("ann", "bob left the trip"),
        ],
    ),
    // What calls for one.
    ("ann", "/create #desk", &[("ann", "closes it.")]),
    (
        "bob",
        "/join #desk",
        &[("bob", "You are in #desk"), ("ann", "bob joined #desk")],
    ),
    (
        "ann",
        "@bob is the build green?",
        &[("bob", "ann mentions you in message [1] of #desk.")],
    ),
    ("bob", "the build is green", &[("ann", "<bob in #desk, ")]),
    (
        "ann",
        "/search build in:#desk",
        &[
            ("ann", "[2] the *build* is green"),
            ("ann", "[1] @bob is the *build* green?"),
        ],
    ),
    ("ann", "/search nothing", &[("ann", "Nothing was found.")]),
    ("ann", "/more", &[("ann", "There is no more;")]),
    (
        "bob",
        "/mentions all",
        &[("bob", "[1] @bob is the build green?")],
    ),
    (
        "bob",
        "/history [1]",
        &[("bob", "[1] @bob"), ("bob", "[2] the build is green")],
    ),
    ("bob", "/unread", &[("bob", "#desk is put aside as unread")]),
    ("bob", "/unread off", &[("bob", "not put aside any more")]),
    ("bob", "/mute 2h", &[("bob", "#desk is muted until 20")]),
    ("bob", "/notify", &[("bob", "#desk is muted until 20")]),
    (
        "bob",
        "/notify all",
        &[("bob", "#desk calls you for all messages")],
    ),
    ("carol", "/away", &[("carol", "You are away now.")]),
    ("ann", "/users", &[("ann", "carol <AWAY>")]),
    ("carol", "/dnd", &[("carol", "not to be disturbed now.")]),
    ("ann", "/users", &[("ann", "carol <DND>")]),
    ("carol", "/online", &[("carol", "You are online now.")]),
    // What lines cannot do while they run, and where it is done.
    (
        "carol",
        "/accounts",
        &[("carol", "start again with --user")],
    ),
    ("carol", "/logout", &[("carol", "tinychat-client logout")]),
    // Nothing is answered, so nothing is changed.
    (
        "carol",
        "/password",
        &[("carol", "Your password until now: ")],
    ),
    ("carol", "", &[("carol", "an empty line stops it")]),
    // Links by which others join. CODE: the last that ann was given.
    ("ann", "/link 2h 1", &[("ann", "/unlink i1 makes it void.")]),
    ("ann", "/links", &[("ann", "i1 <0 OF 1 USE> by ann")]),
    (
        "carol",
        "/join CODE",
        &[
            ("carol", "You are in #desk"),
            ("ann", "carol joined #desk"),
            ("bob", "carol joined #desk"),
        ],
    ),
    ("ann", "/links", &[("ann", "There are no invite links")]),
    ("ann", "/link", &[("ann", "/unlink i2 makes it void.")]),
    ("bob", "/unlink i2", &[("bob", "<> Not done:")]),
    ("ann", "/unlink i2", &[("ann", "Nobody joins #desk by i2")]),
    ("carol", "/join CODE", &[("carol", "<> Not done:")]),
    // Somebody to have nothing to do with.
    ("ann", "/block carol", &[("ann", "You have blocked carol")]),
    ("ann", "/blocked", &[("ann", "\ncarol")]),
    (
        "carol",
        "@ann do you hear me?",
        &[
            ("bob", "@ann do you hear me?"),
            ("ann", "(hidden: you have blocked carol; /unblock carol)"),
        ],
    ),
    (
        "bob",
        "/reply 3 she does not",
        &[("ann", "> carol: (hidden)"), ("carol", "she does not")],
    ),
    (
        "ann",
        "/history",
        &[("ann", "[3] (hidden:"), ("ann", "[4] she does not")],
    ),
    ("ann", "/start carol", &[("ann", "<> Lines you type go to")]),
    (
        "ann",
        "hello carol",
        &[("ann", "Not sent: you have blocked carol; /unblock")],
    ),
    (
        "ann",
        "/unblock carol",
        &[("ann", "You do not block carol any more")],
    ),
    ("ann", "/retry", &[("carol", "> hello carol")]),
    ("ann", "/drop", &[("ann", "Nothing was refused here")]),
    // Files.
    (
        "ann",
        "/send nothing.png",
        &[("ann", "Not sent: nothing.png: cannot read it")],
    ),
    ("ann", "/save 1", &[("ann", "has no files")]),
    ("ann", "/transfers", &[("ann", "No file is on its way.")]),
    ("ann", "/pause", &[("ann", "No file is on its way.")]),
    ("ann", "/resume", &[("ann", "No file is on its way.")]),
    ("ann", "/cancel", &[("ann", "No file is on its way.")]),
    // Dan looks what came, and acknowledges nothing.
    ("ann", "/start dan", &[("ann", "<> Lines you type go to")]),
    ("ann", "are you there?", &[]),
    ("dan", "watch", &[("dan", "> are you there?")]),
    ("ann", "/seen", &[("ann", "Your message [1]: dan not yet.")]),
    ("ann", "/strat bob", &[("ann", "did you mean /start?")]),
];

const PEOPLE: [&str; 3] = ["ann", "bob", "carol"];

#[test]
fn three_people_use_every_command() {
    let server = Server::start();
    let dan = Home::new();
    let login = dan.run(server.address().as_str(), &["--user", "dan", "login"], b"");
    assert!(login.status.success(), "{login:?}");
    let mut people = PEOPLE.map(|name| {
        let mut terminal = Home::new().client(&server, &["--user", name]);
        terminal.wait_for(&format!("Welcome, {name}."));
        terminal.wait_for("\n");
        terminal
    });
    for (who, line, shows) in TOUR {
        if *who == "dan" {
            let mut watch = dan.client(&server, &["--user", who, line]);
            shows.iter().for_each(|(_, text)| watch.wait_for(text));
            continue;
        }
        let code = last_code(&people[0].transcript());
        of(&mut people, who).line(&line.replace("CODE", &code));
        for (who, text) in *shows {
            let terminal = of(&mut people, who);
            terminal.wait_for(text);
            // A question stands in the line of its answer.
            if !text.ends_with(": ") {
                terminal.wait_for("\n");
            }
        }
    }
    for (name, terminal) in PEOPLE.into_iter().zip(&mut people) {
        terminal.line("/quit");
        assert!(terminal.ended().success());
        let transcript = codeless(&timeless(&terminal.transcript()));
        insta::assert_snapshot!(format!("tour_{name}"), transcript);
    }
}

/// The codes of invite links in a text: each is what begins so, and 22 characters of base64url.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    let code = |(at, _)| text.get(at..at + 26);
    text.match_indices("tci_").filter_map(code)
}

/// The last code in a text, or nothing.
fn last_code(text: &str) -> String {
    codes(text).last().unwrap_or_default().to_owned()
}

/// Puts a word where codes stand, so that a transcript can be compared.
fn codeless(text: &str) -> String {
    let is_code = |code: &&str| code.parse::<InviteCode>().is_ok();
    let found: Vec<&str> = codes(text).filter(is_code).collect();
    let replaced = |text: String, code: &&str| text.replace(*code, "CODE");
    found.iter().fold(text.to_owned(), replaced)
}

fn of<'a>(people: &'a mut [Terminal; 3], who: &str) -> &'a mut Terminal {
    let at = PEOPLE.iter().position(|name| *name == who).unwrap();
    &mut people[at]
}

#[test]
fn the_tour_leaves_out_no_command() {
    for spec in &COMMANDS {
        let word = format!("/{}", spec.name);
        let is_it = |line: &str| line.split(' ').next() == Some(&word);
        let is_typed = TOUR.iter().any(|(_, line, _)| is_it(line));
        // Everybody types that at the end.
        assert!(is_typed || word == "/quit", "{word}");
    }
}
