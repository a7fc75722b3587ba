//! Files in the line mode: for a person, who goes on typing, and for a program, whose lines wait.

use super::{
    super::{
        line::Zone,
        model::{LinkState, Msg},
        news::{Change, News},
        room::{Kind, Place, Room},
        transfers::{Far, Job, Stage, Steer, Uploaded},
        update::update,
    },
    *,
};
use crate::domain::{ids::ClientMessageId, role::Role};

fn model(is_read_by_a_person: bool) -> Model {
    let zone = Zone::Fixed(chrono::FixedOffset::east_opt(0).unwrap());
    let mut model = Model::new("ann".parse().unwrap(), zone);
    model.link = LinkState::Up;
    model.is_read_by_a_person = is_read_by_a_person;
    model.rooms.learn(Room {
        id: "c-bob".to_owned(),
        kind: Kind::Direct,
        name: "bob".into(),
        ..Room::default()
    });
    model.focus = Some(bob());
    model
}

fn bob() -> Place {
    Place::User("bob".parse().unwrap())
}

fn typed(model: &mut Model, line: &str) -> Vec<Effect> {
    update(model, Msg::Typed(line.to_owned()))
}

fn moved(model: &mut Model, moved: Moved) -> Vec<Effect> {
    update(model, Msg::Moved { number: 1, moved })
}

#[test]
fn files_are_sent_as_one_message_when_they_are_there() {
    for is_read_by_a_person in [true, false] {
        let mut model = model(is_read_by_a_person);
        let effects = typed(&mut model, "/send a.png 'b c'");
        let job = Job::Send(vec!["a.png".to_owned(), "b c".to_owned()].into());
        let [Effect::Print(said), begun] = effects.as_slice() else {
            panic!("{effects:?}");
        };
        match is_read_by_a_person {
            true => assert!(said.starts_with("<> [1] Sending 2 files; /tr"), "{said}"),
            // Nothing can steer it before the next line is read.
            false => assert_eq!(said, "<> [1] Sending 2 files."),
        }
        assert_eq!(*begun, Effect::Move { number: 1, job });
        assert_eq!(model.takes_input(), is_read_by_a_person);
        let far = Far {
            stage: Stage::Paused,
            ..Far::default()
        };
        assert_eq!(
            moved(&mut model, Moved::On(far)),
            [say("[1] sending 2 files: paused at 0%, /resume 1 goes on")]
        );
        // Whatever is in front by then.
        model.focus = None;
        let (id, files) = (ClientMessageId::from_bytes([1; 16]), vec!["f1".to_owned()]);
        let uploaded = Uploaded {
            id,
            files: files.clone(),
        };
        let sent = Refused {
            id,
            to: bob(),
            text: MessageText::none(),
            attachments: files,
            reply_to: None,
        };
        let effects = moved(&mut model, Moved::Uploaded(uploaded));
        assert_eq!(effects, [Effect::SendAgain(sent)]);
        assert_eq!((model.unsent, model.takes_input()), (1, true));
    }
}

#[test]
fn what_fails_is_said_and_the_next_line_is_taken() {
    let mut model = model(false);
    typed(&mut model, "/save 3 /tmp");
    assert!(!model.takes_input());
    let effects = moved(&mut model, Moved::Failed("no\u{1b} room".into()));
    assert_eq!(effects, [say("[1] Not saved: no␛ room.")]);
    assert!(model.takes_input());
    typed(&mut model, "/send a");
    let failed = Moved::Failed("is the address right?".into());
    let effects = update(
        &mut model,
        Msg::Moved {
            number: 2,
            moved: failed,
        },
    );
    assert_eq!(effects, [say("[2] Not sent: is the address right?")]);
}

#[test]
fn a_person_steers_what_is_on_its_way() {
    let mut model = model(true);
    assert_eq!(
        typed(&mut model, "/cancel"),
        [say("No file is on its way.")]
    );
    typed(&mut model, "/send a");
    assert_eq!(
        typed(&mut model, "/pause"),
        [Effect::Steer(1, Steer::Pause)]
    );
    assert_eq!(
        typed(&mut model, "/transfers"),
        [say("[1] sending a: reading")]
    );
    assert!(
        matches!(&*typed(&mut model, "/cancel 7"), [Effect::Print(said)] if said.contains("no transfer 7"))
    );
    model.focus = None;
    assert!(matches!(&*typed(&mut model, "/send a"), [Effect::Print(_)]));
}

#[test]
fn nothing_is_read_where_this_user_may_not_write() {
    let mut model = model(true);
    let ops = |is_mine, is_read_only| Room {
        id: "c-ops".to_owned(),
        kind: Kind::Channel,
        name: "ops".into(),
        is_mine,
        is_read_only,
        ..Room::default()
    };
    model.rooms.learn(ops(true, true));
    // What all are told says nothing of it.
    model.rooms.learn(ops(false, false));
    model.focus = Some(Place::Channel("ops".parse().unwrap()));
    let told = "Not sent: you may only read here; to change that, ask an owner or admin, as /members lists them.";
    assert_eq!(typed(&mut model, "/send a.png"), [say(told)]);
    assert!(model.transfers.is_empty());
    assert_eq!(typed(&mut model, "/save 3").len(), 2);
    let becomes = |model: &mut Model, user: &str, role| {
        let news = News::Member {
            conversation: "c-ops".to_owned(),
            user: user.into(),
            change: Change::Role(role),
            by: "carol".into(),
            members_count: 2,
        };
        update(model, Msg::News(news));
        typed(model, "/send a.png").len()
    };
    assert_eq!(becomes(&mut model, "bob", Role::Member), 1);
    assert_eq!(becomes(&mut model, "ann", Role::Member), 2);
    assert_eq!(becomes(&mut model, "ann", Role::ReadOnly), 1);
}
