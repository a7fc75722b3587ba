//! Lines that are typed, and what they are.

use super::*;

fn command(line: &str) -> Command {
    match parse(line) {
        Ok(Input::Command(command)) => command,
        other => panic!("{line:?} is {other:?}"),
    }
}

fn error(line: &str) -> String {
    parse(line).unwrap_err().to_string()
}

#[test]
fn every_row_of_the_table_parses_in_any_case() {
    for spec in &command::COMMANDS {
        let argument = match spec.example.split_once(';') {
            Some((example, _)) => format!(" {example}"),
            None => format!(" {}", spec.example),
        };
        for name in [spec.name.to_owned(), spec.name.to_uppercase()] {
            assert!(
                matches!(parse(&format!("/{name}{argument}")), Ok(Input::Command(_))),
                "{name}"
            );
        }
    }
    assert_eq!(
        command("/START  Bob "),
        Command::Start(Wanted::User("bob".parse().unwrap()))
    );
    assert_eq!(command("/stop "), Command::Stop);
}

#[test]
fn text_is_whatever_does_not_begin_with_one_slash() {
    for text in [
        "hello",
        "xSTOP",
        " /stop",
        " leading space",
        "",
        "a /quit",
        "\t",
    ] {
        assert_eq!(parse(text), Ok(Input::Text(text.to_owned())), "{text:?}");
    }
    assert_eq!(parse("//stop"), Ok(Input::Text("/stop".to_owned())));
    assert_eq!(parse("///"), Ok(Input::Text("//".to_owned())));
}

#[test]
fn start_without_a_name_names_the_mend() {
    let text = "/start needs NAME: type /start NAME, for example /start bob; /users lists \
                everybody.";
    assert_eq!(error("/START"), text);
    assert_eq!(error("/start   "), text);
    assert_eq!(
        error("/start bob and carol"),
        "Cannot start a conversation: a user name cannot contain ' '; use a-z 0-9 . _ -."
    );
}

#[test]
fn a_command_that_stands_alone_takes_nothing() {
    assert_eq!(error("/stop it"), "/stop stands alone: type just /stop.");
}

#[test]
fn what_stands_behind_is_read() {
    let name = |text: &str| text.parse::<UserName>().unwrap();
    let general = || "general".parse::<ChannelName>().unwrap();
    let text = |text: &str| text.parse::<MessageText>().unwrap();
    for (line, wanted) in [
        ("/start #General", Wanted::Channel(general())),
        (
            "/start \"two words\"",
            Wanted::Group("two words".to_owned()),
        ),
        ("/start id:c7", Wanted::Id("c7".to_owned())),
    ] {
        assert_eq!(command(line), Command::Start(wanted), "{line}");
    }
    let notify = |level, seconds: Option<u64>| {
        let lasts = seconds.map(Duration::from_secs);
        Command::Notify(Some(Notify { level, lasts }))
    };
    let topic = |text: &str| text.parse::<Topic>().unwrap();
    let group = |text: &str| text.parse::<GroupName>().unwrap();
    for (line, expected) in [
        ("/create general", Command::Create(general(), topic(""))),
        (
            "/create #general  all of it",
            Command::Create(general(), topic("all of it")),
        ),
        ("/group trip", Command::Group(group("trip"), Vec::new())),
        (
            "/group \"the trip\" bob carol",
            Command::Group(group("the trip"), vec![name("bob"), name("carol")]),
        ),
        ("/join #general", Command::Join(general())),
        ("/leave", Command::Leave(None)),
        ("/leave #general", Command::Leave(Some(general()))),
        ("/channels", Command::Channels(String::new())),
        ("/channels #gen", Command::Channels("gen".to_owned())),
        (
            "/invite bob carol",
            Command::Invite(vec![name("bob"), name("carol")]),
        ),
        (
            "/kick Bob",
            Command::Remove {
                user: name("bob"),
                ban: false,
            },
        ),
        (
            "/ban bob",
            Command::Remove {
                user: name("bob"),
                ban: true,
            },
        ),
        (
            "/role bob READ-only",
            Command::Role(name("bob"), Role::ReadOnly),
        ),
        ("/topic", Command::Topic(None)),
        ("/topic -", Command::Topic(Some(topic("")))),
        ("/topic a b", Command::Topic(Some(topic("a b")))),
        ("/rename new name", Command::Rename("new name".to_owned())),
        ("/reply 3  yes or no", Command::Reply(3, text("yes or no"))),
        ("/edit [3] yes", Command::Edit(3, text("yes"))),
        ("/delete 3", Command::Delete(3)),
        (
            "/react 3 👍",
            Command::React {
                seq: 3,
                emoji: "👍".parse().unwrap(),
                give: true,
            },
        ),
        (
            "/unreact 3 👍",
            Command::React {
                seq: 3,
                emoji: "👍".parse().unwrap(),
                give: false,
            },
        ),
        ("/history", Command::History(Which::Last(10))),
        ("/history 3", Command::History(Which::Last(3))),
        ("/history [3]", Command::History(Which::Around(3))),
        (
            "/history 2026-11-20 14:00",
            Command::History(Which::At("2026-11-20T14:00".parse().unwrap())),
        ),
        ("/mentions", Command::Mentions(false)),
        ("/mentions ALL", Command::Mentions(true)),
        ("/unread", Command::Unread(true)),
        ("/unread off", Command::Unread(false)),
        ("/mute", notify(NotifyLevel::None, None)),
        ("/mute 2h", notify(NotifyLevel::None, Some(7200))),
        ("/mute off", notify(NotifyLevel::All, None)),
        ("/notify", Command::Notify(None)),
        ("/notify Mentions", notify(NotifyLevel::Mentions, None)),
        ("/dnd", Command::Presence(Presence::DoNotDisturb)),
    ] {
        assert_eq!(command(line), expected, "{line}");
    }
}

#[test]
fn what_cannot_be_read_names_the_mend() {
    for (line, wanted) in [
        (
            "/reply x yes",
            "/reply N TEXT: \"x\" is no number of a message; /history shows the numbers.",
        ),
        (
            "/reply 3",
            "/reply needs N TEXT: type /reply N TEXT, for example /reply 3 yes; /history shows the numbers.",
        ),
        (
            "/delete 0",
            "/delete N: \"0\" is no number of a message; /history shows the numbers.",
        ),
        (
            "/delete \u{1b}[2J",
            "/delete N: \"␛[2J\" is no number of a message; /history shows the numbers.",
        ),
        (
            "/history 0",
            "/history [WHICH]: that is a count from 1 to 1000, the number of a message in brackets as in [7], or a \
             time as in 2026-11-20 or 2026-11-20T14:00.",
        ),
        (
            "/history 2026-13-20",
            "/history [WHICH]: a time is 2026-11-20 (the beginning of that day) or 2026-11-20T14:00 on your clock, \
             or ends in Z for UTC.",
        ),
        (
            "/mute soon",
            "/mute [TIME|off]: a length of time is a number with m, h, d or w behind it: 30m, 2h, 1d.",
        ),
        ("/notify me", "/notify [LEVEL]: say all, mentions or none."),
        (
            "/mentions of me",
            "/mentions [all]: nothing but all may stand there.",
        ),
        (
            "/role bob king",
            "/role USER ROLE: a role is owner, admin, member or read-only.",
        ),
        (
            "/role bob",
            "/role USER ROLE: a role is owner, admin, member or read-only.",
        ),
        (
            "/kick b!",
            "/kick USER: a user name cannot contain '!'; use a-z 0-9 . _ -.",
        ),
        (
            "/join",
            "/join needs #NAME|CODE: type /join #NAME|CODE, for example /join #general; /channels lists them.",
        ),
    ] {
        assert_eq!(error(line), wanted, "{line}");
    }
    for line in [
        "/join #a/b",
        "/react 3 two words",
        "/group \"\" bob",
        "/members of",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}
