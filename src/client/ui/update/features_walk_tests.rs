//! The table of features, walked over the line mode and the UI: the same line, and the keys for it, ask for the same; what
//! the line mode prints has no escape code; and nothing that can be done is missing in the table.

use std::collections::BTreeSet;

use chrono::FixedOffset;
use clap::Parser;

use super::{
    super::{
        effect::Effect,
        keymap::{Action, Chord, action::ACTIONS},
        model::{Model, overlay::Overlay},
    },
    Msg,
    features::{FEATURES, Feature, OF_THE_SCREEN, OF_THE_SHELL, Same},
    keys as dispatch,
    support::{ann_with_bob, id, keys, notice, typed, with_a_file},
    update,
};
use crate::{
    client::{
        app::{
            acts::Act,
            blocked::Blocked,
            command::COMMANDS,
            line::Zone,
            model::{self as lines, Msg as LineMsg},
            refused::Refused,
            room::{Kind, Place, Room, Wanted},
            transfers::Job,
            update::update as line_update,
        },
        cli::Arguments,
    },
    domain::{clock::TimeMs, text::MessageText},
};

/// What is asked for, whoever asks.
#[derive(Clone, Debug, PartialEq)]
enum Call {
    Act(Box<Act>),
    Send(Place, MessageText, Option<u64>),
    Move(Job),
    Start(Wanted),
    GoTo(String),
    Closed,
    Dropped,
    Users,
    Conversations,
    Open(String),
    Time,
    Leave,
    /// Another login, or none.
    Login,
    /// Another password: it is asked for.
    Password,
    /// Nothing of the server: it is there.
    Shown,
}

const REFUSED: &str = "was refused";

fn bob() -> Place {
    Place::User("bob".parse().unwrap())
}

/// Ann in the line mode, with what the UI of `ann_with_bob` knows.
fn line_mode() -> lines::Model {
    let zone = Zone::Fixed(FixedOffset::east_opt(0).unwrap());
    let mut model = lines::Model::new("ann".parse().unwrap(), zone);
    let rooms = [
        ("bob", Kind::Direct),
        ("carol", Kind::Direct),
        ("trip", Kind::Group),
        ("ops", Kind::Channel),
    ];
    let room = |(name, kind): (&str, Kind)| Room {
        id: format!("c-{name}"),
        kind,
        name: name.into(),
        ..Room::default()
    };
    let known = LineMsg::Known {
        rooms: rooms.map(room).to_vec(),
        blocked: Some(Blocked::default()),
    };
    let started = LineMsg::Started {
        wanted: Wanted::User("bob".parse().unwrap()),
        outcome: Ok(room(("bob", Kind::Direct))),
    };
    let refused = LineMsg::Refused(Refused {
        id: id(7),
        to: bob(),
        text: REFUSED.parse().unwrap(),
        attachments: Vec::new(),
        reply_to: None,
    });
    let linked = [
        (2, "see https://x.org and [y](https://y.org)"),
        (3, "only https://x.org"),
    ];
    let linked = linked.map(|(seq, text)| {
        LineMsg::Message(lines::MessageLine {
            conversation: "c-bob".to_owned(),
            seq,
            sender: "bob".into(),
            time: TimeMs::new(0),
            text: Some(text.into()),
            files: Vec::new(),
            reply_to: 0,
            is_edited: false,
            reactions: Vec::new(),
            mentions: Vec::new(),
            mentions_all: false,
        })
    });
    let came = [
        LineMsg::Connected,
        LineMsg::CaughtUp,
        known,
        started,
        refused,
    ];
    for msg in came.into_iter().chain(linked) {
        line_update(&mut model, msg);
    }
    model
}

/// Ann in the UI, where the same was refused.
fn ui() -> Model {
    let mut model = ann_with_bob();
    model.size = (80, 24);
    with_a_file(&mut model, 1);
    model.fresh_id = id(7);
    typed(&mut model, REFUSED);
    update(
        &mut model,
        &keys(),
        Msg::Key(Chord::parse("enter").unwrap()),
    );
    model.outgoing.failed(id(7), "too long".into());
    model.fresh_id = id(9);
    model
}

/// What a line asks for in the line mode.
fn line_call(line: &str) -> Call {
    let mut model = line_mode();
    let mut effects = Vec::new();
    for line in line.split('\n') {
        effects.extend(line_update(&mut model, LineMsg::Typed(line.to_owned())));
    }
    let mut said = String::new();
    let mut call = None;
    for effect in effects {
        call = call.or(match effect {
            lines::Effect::Print(text) => {
                said += &text;
                None
            }
            lines::Effect::Act(act) => Some(Call::Act(Box::new(act))),
            lines::Effect::Send { to, text, reply_to } => Some(Call::Send(to, text, reply_to)),
            lines::Effect::SendAgain(it) => Some(Call::Send(it.to, it.text, it.reply_to)),
            lines::Effect::Move { job, .. } => Some(Call::Move(job)),
            lines::Effect::Drop(_) => Some(Call::Dropped),
            lines::Effect::Start(wanted) => Some(match &wanted {
                Wanted::User(name) if model.rooms.id_of(&Place::User(name.clone())).is_some() => {
                    Call::GoTo(format!("c-{name}"))
                }
                _ => Call::Start(wanted),
            }),
            lines::Effect::ListConversations(_) => Some(Call::Conversations),
            lines::Effect::Open(link) => Some(Call::Open(link)),
            lines::Effect::ListUsers => Some(Call::Users),
            lines::Effect::AskTime => Some(Call::Time),
            lines::Effect::AskPassword => Some(Call::Password),
            lines::Effect::Leave { .. } => Some(Call::Leave),
            _ => None,
        });
    }
    let strange = |c: char| c.is_control() && c != '\n';
    assert!(!said.contains(strange), "{line}: {said:?}");
    let call = call.or_else(|| model.focus.is_none().then_some(Call::Closed));
    call.unwrap_or_else(|| {
        assert!(!said.is_empty(), "{line} does nothing and says nothing");
        Call::Shown
    })
}

/// What effects of the UI ask for. What it keeps for itself, and asks by itself, is left out.
fn ui_call(model: &Model, effects: Vec<Effect>) -> Call {
    let mut call = None;
    for effect in effects {
        call = match effect {
            Effect::Act(act) => Some(Call::Act(Box::new(act))),
            Effect::Search { search, .. } => Some(Call::Act(Box::new(Act::Search(search)))),
            Effect::Send(sent) => Some(Call::Send(sent.to, sent.text, sent.reply_to)),
            Effect::Move { job, .. } => Some(Call::Move(job)),
            Effect::Start(wanted) => Some(Call::Start(wanted)),
            Effect::Front(Some(chat)) => Some(Call::GoTo(chat.as_str().to_owned())),
            Effect::Front(None) => Some(Call::Closed),
            Effect::Drop(_) => Some(Call::Dropped),
            Effect::Open(link) => Some(Call::Open(link)),
            Effect::Users => Some(Call::Users),
            Effect::Time => Some(Call::Time),
            Effect::Quit => Some(Call::Leave),
            Effect::Accounts | Effect::LogOut => Some(Call::Login),
            _ => call,
        };
    }
    assert!(model.chats.iter().count() > 3);
    if let Some(Overlay::Password(_)) = model.overlay {
        call = Some(Call::Password);
    }
    call.unwrap_or(Call::Shown)
}

/// Presses keys and types; returns what was asked, and which actions the keys were.
fn pressed(model: &mut Model, steps: &[&str]) -> (Call, BTreeSet<Action>) {
    let (keys, mut effects, mut actions) = (keys(), Vec::new(), BTreeSet::new());
    for step in steps {
        if let Some(text) = step.strip_prefix('\'') {
            effects.extend(typed(model, text));
            continue;
        }
        let chord = Chord::parse(step).unwrap();
        actions.extend(keys.lookup(dispatch::context(model), chord));
        effects.extend(update(model, &keys, Msg::Key(chord)));
    }
    (ui_call(model, effects), actions)
}

/// Whether something is shown that was not before, and nothing says that it could not be.
fn shows(model: &Model, before: &Model) -> bool {
    let front = |model: &Model| model.chats.front().map(|chat| chat.scroll());
    model.overlay.is_some()
        || model.members_shown != before.members_shown
        || model.focus != before.focus
        || front(model) != front(before)
}

fn is_history(call: &Call) -> bool {
    let Call::Act(act) = call else { return false };
    matches!(
        &**act,
        Act::At(_, crate::client::app::acts::Deeds::History(_))
    )
}

fn walk(feature: &Feature) {
    let Feature {
        act,
        line,
        same,
        keys,
    } = feature;
    let asked = line_call(line);
    let mut model = ui();
    // What follows the first line is for a client that takes lines.
    let command = line.split('\n').next().unwrap_or_default();
    let mut effects = typed(&mut model, command);
    let enter = Msg::Key(Chord::parse("enter").unwrap());
    effects.extend(update(&mut model, &super::support::keys(), enter));
    let in_ui = ui_call(&model, effects);
    match same {
        Same::Call | Same::CallOrShown => {
            assert_ne!(asked, Call::Shown, "{act}");
            assert_eq!(in_ui, asked, "{act}: {line}");
        }
        Same::There => {
            let is_list = matches!(asked, Call::Conversations);
            assert!(is_list || is_history(&asked), "{act}: {asked:?}");
            assert_eq!(in_ui, Call::Shown, "{act}");
            assert_eq!(notice(&model), "", "{act}");
        }
        Same::Shown | Same::Listed => {
            assert_eq!((&asked, &in_ui), (&Call::Shown, &Call::Shown), "{act}");
            assert!(model.overlay.is_some(), "{act}");
        }
        Same::Lines => {
            assert!(
                matches!(asked, Call::Send(..) | Call::Act(_)),
                "{act}: {asked:?}"
            );
            assert_eq!(in_ui, Call::Shown, "{act}");
            assert!(notice(&model).contains("new line"), "{act}");
        }
        Same::Shell => assert_eq!((&asked, &in_ui), (&Call::Shown, &Call::Login), "{act}"),
        Same::Said | Same::Nothing => {
            assert_eq!((&asked, &in_ui), (&Call::Shown, &Call::Shown), "{act}");
            assert_ne!(notice(&model), "", "{act}");
        }
    }
    for (steps, action) in *keys {
        let before = ui();
        let mut model = ui();
        let (call, actions) = pressed(&mut model, steps);
        assert!(
            actions.contains(action),
            "{act}: {action:?} is not in {actions:?}"
        );
        let shows = shows(&model, &before);
        match same {
            Same::Call | Same::Lines => assert_eq!(call, asked, "{act} by {action:?}"),
            Same::CallOrShown => assert!(call == asked || shows, "{act}: {call:?}"),
            Same::There => assert_eq!(notice(&model), "", "{act} by {action:?}"),
            Same::Shown | Same::Listed | Same::Said | Same::Nothing | Same::Shell => {
                assert!(shows, "{act} by {action:?}")
            }
        }
    }
}

#[test]
fn whatever_can_be_done_can_be_done_by_lines_and_in_the_ui() {
    for feature in FEATURES {
        walk(feature);
    }
}

#[test]
fn no_command_and_no_action_is_missing_in_the_table() {
    let words: BTreeSet<&str> = FEATURES
        .iter()
        .filter_map(|feature| feature.line.strip_prefix('/')?.split(' ').next())
        .collect();
    for spec in &COMMANDS {
        assert!(words.contains(spec.name), "/{}", spec.name);
    }
    let by_keys = FEATURES.iter().flat_map(|feature| feature.keys);
    let by_keys: BTreeSet<Action> = by_keys.map(|(_, action)| *action).collect();
    let of_the_screen = OF_THE_SCREEN.iter().flat_map(|(_, actions)| *actions);
    let of_the_screen: BTreeSet<Action> = of_the_screen.copied().collect();
    for spec in ACTIONS {
        let places = [&by_keys, &of_the_screen].into_iter();
        let count = places.filter(|set| set.contains(&spec.action)).count();
        assert_eq!(count, 1, "{} stands in neither or in both", spec.name);
    }
}

#[test]
fn what_is_done_from_the_shell_is_there() {
    for (act, arguments) in OF_THE_SHELL {
        let line = ["tinychat-client"]
            .into_iter()
            .chain(arguments.iter().copied());
        assert!(Arguments::try_parse_from(line).is_ok(), "{act}");
    }
}
