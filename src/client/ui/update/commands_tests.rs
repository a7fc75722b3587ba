//! Triples: a model, a line with Enter, and what is so afterwards; for every command of the table.

use super::*;
use crate::client::{
    app::{
        acts::{Deeds, Spot},
        command::COMMANDS,
        model::MessageLine,
        transfers::Job,
    },
    ui::{
        model::{
            LinkState,
            chat::Scroll,
            overlay::{Overlay, PickerKind},
        },
        update::{
            Msg,
            support::{
                ann, ann_with_bob, entered, front, id, is_seen, keys, notice, picker, press,
                search, typed, without_typing,
            },
            update,
        },
    },
};
use crate::domain::{role::Role, user::Presence};

type After = fn(&Model, &[Effect]);

fn deed(effects: &[Effect]) -> &Deeds {
    match effects.last() {
        Some(Effect::Act(Act::At(spot, deed))) => {
            assert_eq!(spot.id.as_deref(), Some("c-bob"));
            deed
        }
        _ => panic!("{effects:?}"),
    }
}

fn act(effects: &[Effect]) -> &Act {
    match effects {
        [Effect::Act(act)] => act,
        _ => panic!("{effects:?}"),
    }
}

/// Each command, with bob in front, and what comes of it.
#[rustfmt::skip]
fn cases() -> Vec<(&'static str, After)> {
    vec![
        ("/users", |_, effects| assert_eq!(effects, [Effect::Users])),
        ("/time", |_, effects| assert_eq!(effects, [Effect::Time])),
        ("/start carol", |model, effects| {
            assert_eq!(front(model).room.label(), "carol");
            assert!(effects.contains(&Effect::Front(Some("c-carol".into()))));
        }),
        ("/stop", |model, effects| {
            assert!(model.chats.front().is_none());
            assert!(effects.contains(&Effect::Front(None)));
            assert_eq!(notice(model), "bob is closed; messages still come in. /start bob opens it again.");
        }),
        ("/history 3", |model, effects| {
            assert!(is_seen(model, 3));
            assert_eq!((effects, model.focus), (&[][..], Focus::Composer));
        }),
        ("/history [2]", |model, _| assert_eq!(model.focus, Focus::Messages(2))),
        ("/history 2026-11-20", |_, effects| assert!(matches!(effects, [Effect::Find { .. }]))),
        ("/search green build", |model, effects| {
            let pane = search(model);
            assert_eq!((pane.input.text(), pane.is_asking), ("green build", true));
            assert!(matches!(effects, [Effect::Search { number, search }]
                if *number == pane.number && search.look.words == "green build" && search.spot.is_none()));
        }),
        ("/mentions", |model, effects| {
            assert_eq!(search(model).mentions, Some(false));
            assert_eq!(*act(effects), Act::Mentions { all: false, page: String::new() });
        }),
        ("/more", |model, effects| {
            assert_eq!((effects, model.composer.text()), (&[][..], "/more"));
            assert_eq!(notice(model), "There is no more; /search and /mentions begin anew.");
        }),
        ("/reply 3 yes", |_, effects| {
            let [Effect::Send(sent), ..] = effects else { panic!("{effects:?}") };
            assert_eq!((sent.text.as_str(), sent.reply_to), ("yes", Some(3)));
        }),
        ("/edit 4 better", |_, effects| assert!(matches!(deed(effects), Deeds::Edit(4, text) if text.as_str() == "better"))),
        ("/delete 4", |_, effects| assert_eq!(*deed(effects), Deeds::Delete(4))),
        ("/edit 4 :+1:", |_, effects| assert!(matches!(deed(effects), Deeds::Edit(4, text) if text.as_str() == "👍"))),
        ("/react 3 :+1:", |_, effects| assert!(matches!(deed(effects), Deeds::React { emoji, .. } if emoji.as_str() == "👍"))),
        ("/react 3 👍", |_, effects| assert!(matches!(deed(effects), Deeds::React { seq: 3, give: true, .. }))),
        ("/unreact 3 👍", |_, effects| assert!(matches!(deed(effects), Deeds::React { seq: 3, give: false, .. }))),
        ("/channels op", |_, effects| assert_eq!(*act(effects), Act::Channels("op".to_owned()))),
        ("/join #general", |_, effects| assert!(matches!(act(effects), Act::Join(name) if name.as_str() == "general"))),
        ("/create #general all", |_, effects| assert!(matches!(act(effects), Act::Create(..)))),
        ("/group trip bob", |_, effects| assert!(matches!(act(effects), Act::Group(..)))),
        ("/leave", |_, effects| assert_eq!(*deed(effects), Deeds::Leave)),
        ("/members", |_, effects| assert_eq!(*deed(effects), Deeds::Members)),
        ("/invite carol", |_, effects| assert!(matches!(deed(effects), Deeds::Invite(users) if users.len() == 1))),
        ("/link 2h 5", |_, effects| assert!(matches!(deed(effects), Deeds::Link(_)))),
        ("/links", |_, effects| assert_eq!(*deed(effects), Deeds::Links)),
        ("/unlink i3", |_, effects| assert!(matches!(deed(effects), Deeds::Unlink(_)))),
        ("/kick carol", |_, effects| assert!(matches!(deed(effects), Deeds::Remove { ban: false, .. }))),
        ("/ban carol", |_, effects| assert!(matches!(deed(effects), Deeds::Remove { ban: true, .. }))),
        ("/role carol admin", |_, effects| assert!(matches!(deed(effects), Deeds::SetRole(..)))),
        ("/topic all", |_, effects| assert!(matches!(deed(effects), Deeds::Topic(Some(_))))),
        ("/rename news", |_, effects| assert_eq!(*deed(effects), Deeds::Rename("news".to_owned()))),
        ("/seen", |_, effects| assert_eq!(*deed(effects), Deeds::Seen(None))),
        ("/conversations", |model, _| assert_eq!(picker(model).kind, PickerKind::Switcher)),
        ("/typing", |model, _| assert_eq!(notice(model), "Nobody is typing here.")),
        ("/open", |_, effects| assert_eq!(effects.last(), Some(&Effect::Open("https://x.org".to_owned())))),
        ("/text", |model, _| assert_eq!(notice(model), "Here alt+enter begins a new line of what you write.")),
        ("/retry", |model, _| {
            assert_eq!(notice(model), "Nothing was refused here, so there is nothing to send again or to drop.");
        }),
        ("/drop", |model, effects| {
            assert_eq!((effects, model.composer.text()), (&[][..], "/drop"));
        }),
        ("/send a.png", |model, effects| {
            let job = Job::Send(vec!["a.png".to_owned()].into());
            assert_eq!(effects.last(), Some(&Effect::Move { number: 1, job }));
            assert!(notice(model).starts_with("[1] Sending a.png;"));
        }),
        ("/save 3", |_, effects| {
            let job = Job::Save { conversation: "c-bob".to_owned(), seq: 3, folder: None };
            assert_eq!(effects.last(), Some(&Effect::Move { number: 1, job }));
        }),
        ("/transfers", |model, _| assert_eq!(notice(model), "No file is on its way.")),
        ("/pause", |model, _| assert_eq!(notice(model), "No file is on its way.")),
        ("/resume", |model, _| assert_eq!(notice(model), "No file is on its way.")),
        ("/cancel", |model, _| assert_eq!(notice(model), "No file is on its way.")),
        ("/unread", |model, effects| {
            assert_eq!(*deed(effects), Deeds::Unread(true));
            assert_eq!(effects[0], Effect::KeepUnread("c-bob".into()));
            assert_eq!(model.to_mark(), None);
        }),
        ("/unread off", |_, effects| assert_eq!(*deed(effects), Deeds::Unread(false))),
        ("/mute 2h", |_, effects| assert!(matches!(deed(effects), Deeds::Notify(Some(notify)) if notify.lasts.is_some()))),
        ("/notify", |_, effects| assert_eq!(*deed(effects), Deeds::Notify(None))),
        ("/block carol", |_, effects| assert!(matches!(act(effects), Act::Block(_, true)))),
        ("/unblock carol", |_, effects| assert!(matches!(act(effects), Act::Block(_, false)))),
        ("/blocked", |_, effects| assert_eq!(*act(effects), Act::Blocked)),
        ("/away", |_, effects| assert_eq!(*act(effects), Act::Presence(Presence::Away))),
        ("/dnd", |_, effects| assert_eq!(*act(effects), Act::Presence(Presence::DoNotDisturb))),
        ("/online", |_, effects| assert_eq!(*act(effects), Act::Presence(Presence::Online))),
        ("/password", |model, effects| {
            assert_eq!(effects, []);
            assert!(matches!(model.overlay, Some(Overlay::Password(_))));
        }),
        ("/accounts", |_, effects| assert_eq!(effects.last(), Some(&Effect::Accounts))),
        ("/logout", |_, effects| assert_eq!(effects.last(), Some(&Effect::LogOut))),
        ("/quit", |_, effects| assert_eq!(effects.last(), Some(&Effect::Quit))),
        ("/commands", |model, _| assert_eq!(picker(model).kind, PickerKind::Palette)),
        ("/help", |model, _| assert!(matches!(model.overlay, Some(Overlay::Help { .. })))),
    ]
}

#[test]
fn no_file_is_read_where_this_user_may_not_write() {
    for (role, may) in [
        (Some(Role::ReadOnly), false),
        (Some(Role::Member), true),
        (None, true),
    ] {
        let mut model = ann_with_bob();
        model.chats.front_mut().unwrap().my_role = role;
        let effects = entered(&mut model, "/send a.png");
        let begins = matches!(effects.last(), Some(Effect::Move { .. }));
        assert_eq!((begins, model.transfers.is_empty()), (may, !may));
        if !may {
            let told = notice(&model);
            assert!(
                told.starts_with("Not sent: you may only read here; "),
                "{told}"
            );
            assert_eq!(model.composer.text(), "/send a.png");
        }
    }
}

#[test]
fn every_command_does_what_it_says() {
    let cases = cases();
    for spec in &COMMANDS {
        let name = format!("/{}", spec.name);
        let is_its = |line: &str| line.split(' ').next() == Some(name.as_str());
        let own: Vec<_> = cases.iter().filter(|(line, _)| is_its(line)).collect();
        assert!(!own.is_empty(), "{name} has no case");
        for (line, after) in own {
            let mut model = ann_with_bob();
            let effects = entered(&mut model, line);
            after(&model, &effects);
            if !matches!(*line, "/more" | "/retry" | "/drop") {
                assert_eq!(model.composer.text(), "", "{line} is taken out");
            }
        }
    }
}

#[test]
fn every_command_says_why_not_while_the_server_is_away() {
    for (line, _) in cases() {
        let mut model = ann_with_bob();
        model.link = LinkState::Down {
            retry_at: model.now,
        };
        let effects = entered(&mut model, line);
        let asks = |effect: &Effect| {
            matches!(
                effect,
                Effect::Act(_)
                    | Effect::Users
                    | Effect::Time
                    | Effect::Search { .. }
                    | Effect::Find { .. }
            )
        };
        assert!(!effects.iter().any(asks), "{line}: {effects:?}");
        if notice(&model).contains("is away") && !line.starts_with("/search") {
            assert_eq!(model.composer.text(), line, "it can be tried again");
        }
    }
}

#[test]
fn a_text_is_sent_and_waits_where_it_is_seen() {
    let mut model = ann_with_bob();
    model.chats.front_mut().unwrap().scroll_to(2, 0);
    let effects = entered(&mut model, "hi :tada:");
    let sent = model.outgoing.get(id(1)).unwrap().clone();
    assert_eq!(sent.text.as_str(), "hi 🎉");
    assert_eq!(sent.to, Place::User("bob".parse().unwrap()));
    let chat = || ChatId::from("c-bob");
    assert_eq!(
        effects,
        [
            Effect::Send(sent),
            Effect::KeepLine {
                chat: chat(),
                text: "hi :tada:".to_owned()
            },
            Effect::KeepDraft {
                chat: chat(),
                text: String::new()
            },
        ]
    );
    assert_eq!(front(&model).scroll(), Scroll::AtEnd);
    assert_eq!(front(&model).history.newest(0), Some("hi :tada:"));
    // The name is used once: another send waits for another.
    assert_eq!(entered(&mut model, "again"), []);
    assert_eq!(model.composer.text(), "again");
    model.fresh_id = id(2);
    assert_eq!(without_typing(press(&mut model, "enter")).len(), 3);
}

#[test]
fn a_text_works_while_the_server_is_away_and_a_slash_can_be_sent() {
    let mut model = ann_with_bob();
    model.link = LinkState::Down {
        retry_at: model.now,
    };
    for (number, (typed, said)) in [("hi", "hi"), ("//quit", "/quit"), (" /quit", " /quit")]
        .into_iter()
        .enumerate()
    {
        model.fresh_id = id(u8::try_from(number).unwrap() + 10);
        let effects = entered(&mut model, typed);
        let [Effect::Send(sent), ..] = effects.as_slice() else {
            panic!("{effects:?}");
        };
        assert_eq!(sent.text.as_str(), said);
    }
}

#[test]
fn a_paste_is_never_run_and_several_lines_are_no_command() {
    let mut model = ann_with_bob();
    let paste = |model: &mut Model, text: &str| {
        without_typing(update(model, &keys(), Msg::Paste(text.to_owned())))
    };
    assert_eq!(paste(&mut model, "/quit\n"), []);
    assert_eq!(paste(&mut model, "/quit\r\n\u{1b}[A\r"), []);
    assert_eq!(model.composer.text(), "/quit\n/quit\n[A\n");
    let effects = press(&mut model, "enter");
    let [Effect::Send(sent), ..] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(sent.text.as_str(), "/quit\n/quit\n[A");
    // Alone it is the user's Enter that runs it.
    paste(&mut model, "/quit\n");
    assert_eq!(press(&mut model, "enter").last(), Some(&Effect::Quit));
}

#[test]
fn what_cannot_be_done_is_said_and_stays_written() {
    let mut model = ann_with_bob();
    assert_eq!(entered(&mut model, "/usrs"), []);
    assert_eq!(
        notice(&model),
        "There is no command /usrs; did you mean /users? /commands lists them all; //usrs sends it as a text."
    );
    assert_eq!(model.composer.text(), "/usrs");
    let mut model = ann();
    assert_eq!(entered(&mut model, "hello"), []);
    assert!(notice(&model).starts_with("No conversation is open"));
    assert_eq!(model.composer.text(), "hello");
    press(&mut model, "ctrl+u");
    entered(&mut model, "/members");
    assert!(notice(&model).starts_with("No conversation is open"));
    let mut model = ann_with_bob();
    assert_eq!(entered(&mut model, "   "), []);
    press(&mut model, "ctrl+u");
    entered(&mut model, "/history [9]");
    assert_eq!(
        notice(&model),
        "There is no message [9] here; the last one is [5]."
    );
}

#[test]
fn starting_finds_what_is_known_and_asks_for_the_rest() {
    let mut model = ann_with_bob();
    for (line, front_label) in [
        ("/start #ops", "#ops"),
        ("/start \"trip\"", "trip"),
        ("/start id:c-bob", "bob"),
    ] {
        entered(&mut model, line);
        assert_eq!(front(&model).room.label(), front_label, "{line}");
    }
    let dan = Wanted::User("dan".parse().unwrap());
    assert_eq!(entered(&mut model, "/start dan"), [Effect::Start(dan)]);
    model.link = LinkState::Starting;
    assert_eq!(entered(&mut model, "/start dan"), []);
    assert_eq!(
        notice(&model),
        "Cannot open a conversation with dan while the server is away: it is not known here; try again when it is back."
    );
}

#[test]
fn an_edit_asks_for_another_text_and_brings_back_the_draft() {
    let mut model = ann_with_bob();
    typed(&mut model, "draft");
    press(&mut model, "alt+v");
    press(&mut model, "up");
    press(&mut model, "e");
    typed(&mut model, " now");
    let effects = without_typing(press(&mut model, "enter"));
    let place = Place::User("bob".parse().unwrap());
    let spot = Spot {
        place,
        id: Some("c-bob".to_owned()),
    };
    let text = "mine now".parse().unwrap();
    // Should it come to nothing, the text can be had back, also by the next program.
    let line = Effect::KeepLine {
        chat: "c-bob".into(),
        text: "mine now".to_owned(),
    };
    let asked = Effect::Act(Act::At(spot, Deeds::Edit(4, text)));
    assert_eq!(effects, [asked, line]);
    assert_eq!(
        (model.composer.text(), model.composer.mode()),
        ("draft", &Mode::Write)
    );
    // The same text again is no edit, and nothing at all is none either.
    press(&mut model, "ctrl+u");
    press(&mut model, "up");
    assert_eq!(without_typing(press(&mut model, "enter")), []);
    assert_eq!(model.composer.mode(), &Mode::Write);
    press(&mut model, "up");
    press(&mut model, "ctrl+u");
    press(&mut model, "enter");
    assert!(notice(&model).starts_with("A message cannot be empty"));
    model.link = LinkState::Starting;
    typed(&mut model, "/x");
    press(&mut model, "enter");
    assert_eq!(
        model.composer.text(),
        "/x",
        "an edit waits for nothing, and is no command"
    );
}

#[test]
fn an_answer_is_one_and_survives_a_command() {
    let mut model = ann_with_bob();
    press(&mut model, "alt+v");
    press(&mut model, "r");
    entered(&mut model, "/seen");
    let effects = entered(&mut model, "yes");
    let [Effect::Send(sent), ..] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(sent.reply_to, Some(5));
    assert_eq!(model.composer.mode(), &Mode::Write);
}

#[test]
fn more_goes_on_where_a_search_was_closed() {
    let mut model = ann_with_bob();
    entered(&mut model, "/search build");
    let Some(Overlay::Search(pane)) = &mut model.overlay else {
        panic!();
    };
    pane.is_asking = false;
    pane.next = "p2".to_owned();
    pane.hits.push(crate::client::ui::model::overlay::Hit {
        chat: "c-bob".into(),
        place: "bob".to_owned(),
        found: crate::client::app::look::Found {
            message: MessageLine {
                conversation: "c-bob".to_owned(),
                seq: 2,
                sender: "bob".into(),
                time: model.now,
                text: Some("build".into()),
                files: Vec::new(),
                reply_to: 0,
                is_edited: false,
                reactions: Vec::new(),
                mentions: Vec::new(),
                mentions_all: false,
            },
            snippet: None,
        },
    });
    press(&mut model, "enter");
    assert_eq!((model.focus, &model.overlay), (Focus::Messages(2), &None));
    press(&mut model, "esc");
    let effects = entered(&mut model, "/more");
    assert!(
        matches!(effects.as_slice(), [Effect::Search { search, number }]
        if search.page == "p2" && *number == model.search_number)
    );
    assert_eq!(search(&model).hits.len(), 1);
}

#[test]
fn paths_that_are_pasted_are_offered_as_files_and_sent_with_enter() {
    let mut model = ann_with_bob();
    let drop = |model: &mut Model, files: &[&str]| {
        let files = files
            .iter()
            .map(|file| (*file).to_owned())
            .collect::<Vec<_>>();
        let text = files.join(" ");
        update(model, &keys(), Msg::Dropped { text, files })
    };
    let effects = drop(&mut model, &["/tmp/a b.png"]);
    let moves = |effects: &[Effect]| effects.iter().any(|it| matches!(it, Effect::Move { .. }));
    assert!(!moves(&effects), "a paste is never run");
    assert_eq!(model.composer.text(), "/send '/tmp/a b.png'");
    // What is dropped next goes along.
    drop(&mut model, &["/tmp/c.png", "/tmp/it's"]);
    let line = r"/send '/tmp/a b.png' /tmp/c.png '/tmp/it'\''s'";
    assert_eq!(model.composer.text(), line);
    assert!(notice(&model).starts_with("That is a file"));
    assert!(moves(&press(&mut model, "enter")));
    // Within a text it is a part of it.
    typed(&mut model, "see ");
    drop(&mut model, &["/tmp/a.png"]);
    assert_eq!(model.composer.text(), "see /tmp/a.png");
    // More than a message may have stay a text, and that is said.
    let mut model = ann_with_bob();
    let many = ["/tmp/a.png"; 11];
    drop(&mut model, &many);
    assert_eq!(model.composer.text(), many.join(" "));
    assert!(notice(&model).starts_with("These are 11 files"));
    // What is said of it is so.
    let mut model = ann_with_bob();
    drop(&mut model, &["/tmp/a.png"]);
    assert!(notice(&model).contains("write / in the place of /send and the space"));
    let text = model.composer.text().replacen("/send ", "/", 1);
    model.composer.take();
    let effects = entered(&mut model, &text);
    let is_text =
        |it: &Effect| matches!(it, Effect::Send(sent) if sent.text.as_str() == "/tmp/a.png");
    assert!(effects.iter().any(is_text), "{effects:?}");
    // Another text for a message sends nothing.
    let quote = crate::client::ui::model::composer::Quote {
        seq: 3,
        sender: "ann".into(),
        text: "hi".into(),
    };
    model.composer.edit_message(quote, "");
    drop(&mut model, &["/tmp/a.png"]);
    assert_eq!(model.composer.text(), "/tmp/a.png");
}

#[test]
fn files_that_are_sent_in_an_answer_are_one_and_are_seen() {
    use crate::client::{
        app::transfers::{Moved, Uploaded},
        ui::{model::composer::Mode, news::News},
    };
    let mut model = ann_with_bob();
    model.focus = Focus::Messages(3);
    press(&mut model, "r");
    press(&mut model, "pgup");
    entered(&mut model, "/send a.png");
    assert!(matches!(model.composer.mode(), Mode::Write));
    assert_eq!(front(&model).scroll(), Scroll::AtEnd);
    let moved = Moved::Uploaded(Uploaded {
        id: id(5),
        files: vec!["f1".to_owned()],
    });
    let news = News::Moved { number: 1, moved };
    let effects = update(&mut model, &keys(), Msg::News(Box::new(news)));
    let [Effect::Send(sent)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!((sent.reply_to, sent.attachments.len()), (Some(3), 1));
    assert!(!notice(&model).starts_with("[1]"), "{}", notice(&model));
}
