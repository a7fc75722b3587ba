//! Whatever order events and answers come in, and whatever is lost, fails or comes again: the model ends as the server is,
//! and no message is ever shown twice.

use proptest::prelude::*;

use world::{Store, World};

#[path = "same_as_server_found_tests.rs"]
mod found;
#[path = "server_tests.rs"]
mod server;
#[path = "world_tests.rs"]
mod world;

/// Cases for each that a property has by default, which is 256: some seconds of the development profile.
const FACTOR: u32 = 2;

/// Something that happens at the server. Numbers of places, messages and users are folded to those that there are.
#[derive(Clone, Debug)]
pub enum Deed {
    Say {
        place: usize,
        by: usize,
        calls: u8,
    },
    Change {
        place: usize,
        number: usize,
        calls: Option<u8>,
    },
    React {
        place: usize,
        number: usize,
        by: usize,
        emoji: usize,
    },
    Read {
        place: usize,
        number: usize,
    },
    Setting {
        place: usize,
        aside: bool,
    },
    Block(usize),
    Rename {
        place: usize,
        topic: bool,
    },
    Toggle {
        place: usize,
        other: usize,
    },
    Role(usize),
    Join(usize),
    Leave(usize),
}

/// One step of the world.
#[derive(Clone, Debug)]
pub enum Step {
    /// Something happens at the server.
    Server(Deed),
    /// So many events arrive.
    Deliver(usize),
    /// The server answers a question, by what it has now.
    Snapshot(usize),
    /// An answer arrives.
    Answer(usize),
    /// A question fails.
    Fail(usize),
    /// The link breaks; what was under way is lost.
    Disconnect,
    /// It is there again, and resumes after an event that is so many before the last.
    Connect {
        back: usize,
        backlog: u64,
        store: Store,
    },
    /// A conversation comes to the front.
    Open(usize),
    /// The front is scrolled.
    Scroll(u64),
    /// Any page is asked for.
    Page { place: usize, kind: u8, seq: u64 },
    /// What is on the screen is asked for.
    Fill,
    /// A key is pressed.
    Key(usize),
    /// A line is typed and entered.
    Line(usize),
    /// A conversation is opened, and something said there.
    Type(usize),
    /// The screen has another size.
    Resize(u16, u16),
    /// The terminal comes to the front, or goes.
    Focus(bool),
    /// So many seconds pass.
    Wait(i64),
    /// The server takes a message that was typed.
    TakeSend(usize),
    /// Its answer arrives.
    Sent(usize),
    /// What is seen is marked read.
    Mark,
    /// The server takes a mark.
    TakeMark,
}

fn deed() -> impl Strategy<Value = Deed> {
    let place = 0_usize..4;
    let number = 0_usize..30;
    prop_oneof![
        10 => (place.clone(), 0_usize..4, 0_u8..8)
            .prop_map(|(place, by, calls)| Deed::Say { place, by, calls }),
        4 => (place.clone(), number.clone(), prop::option::weighted(0.7, 0_u8..4))
            .prop_map(|(place, number, calls)| Deed::Change { place, number, calls }),
        3 => (place.clone(), number.clone(), 0_usize..4, 0_usize..2)
            .prop_map(|(place, number, by, emoji)| Deed::React { place, number, by, emoji }),
        2 => (place.clone(), number).prop_map(|(place, number)| Deed::Read { place, number }),
        1 => (place.clone(), any::<bool>())
            .prop_map(|(place, aside)| Deed::Setting { place, aside }),
        1 => (0_usize..3).prop_map(Deed::Block),
        1 => (place.clone(), any::<bool>())
            .prop_map(|(place, topic)| Deed::Rename { place, topic }),
        1 => (place.clone(), 0_usize..3)
            .prop_map(|(place, other)| Deed::Toggle { place, other }),
        1 => place.clone().prop_map(Deed::Role),
        1 => place.clone().prop_map(Deed::Join),
        1 => place.prop_map(Deed::Leave),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let any_of = 0_usize..8;
    prop_oneof![
        16 => deed().prop_map(Step::Server),
        8 => (1_usize..8).prop_map(Step::Deliver),
        4 => any_of.clone().prop_map(Step::Snapshot),
        4 => any_of.clone().prop_map(Step::Answer),
        1 => any_of.clone().prop_map(Step::Fail),
        1 => Just(Step::Disconnect),
        2 => (
            prop_oneof![3 => Just(0_usize), 1 => 1_usize..12],
            prop_oneof![2 => Just(0_u64), 1 => 1_u64..4],
            prop_oneof![
                20 => Just(Store::Same),
                1 => Just(Store::Anew),
                1 => Just(Store::Another),
            ],
        )
            .prop_map(|(back, backlog, store)| Step::Connect { back, backlog, store }),
        2 => (0_usize..4).prop_map(Step::Open),
        1 => (0_u64..20).prop_map(Step::Scroll),
        2 => (0_usize..4, 0_u8..4, 0_u64..20)
            .prop_map(|(place, kind, seq)| Step::Page { place, kind, seq }),
        3 => Just(Step::Fill),
        8 => (0_usize..400).prop_map(Step::Key),
        3 => (0_usize..40).prop_map(Step::Line),
        3 => (0_usize..4).prop_map(Step::Type),
        1 => (0_u16..200, 0_u16..60).prop_map(|(columns, rows)| Step::Resize(columns, rows)),
        1 => any::<bool>().prop_map(Step::Focus),
        1 => (0_i64..90).prop_map(Step::Wait),
        3 => any_of.clone().prop_map(Step::TakeSend),
        2 => any_of.prop_map(Step::Sent),
        1 => Just(Step::Mark),
        1 => Just(Step::TakeMark),
    ]
}

/// How an earlier program left the cache: what had happened until then, and what has since, with the conversation in front.
type Before = Option<(Vec<Deed>, usize, Vec<Deed>)>;

fn before() -> impl Strategy<Value = Before> {
    let deeds = || prop::collection::vec(deed(), 0..12);
    prop::option::of((deeds(), 0_usize..4, deeds()))
}

fn ends_as_the_server_is(before: Before, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut world = World::new();
    if let Some((earlier, front, since)) = before {
        for deed in earlier {
            world.step(Step::Server(deed));
        }
        world.paint(front);
        for deed in since {
            world.step(Step::Server(deed));
        }
    }
    for step in steps {
        world.step(step);
        world.no_message_is_shown_twice()?;
    }
    world.settle();
    world.no_message_is_shown_twice()?;
    world.same_as_server()?;
    world.look_at_all()?;
    world.same_as_server()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases * FACTOR))]

    #[test]
    fn whatever_order_things_come_in_the_model_ends_as_the_server_is(
        before in before(),
        steps in prop::collection::vec(step(), 0..120),
    ) {
        ends_as_the_server_is(before, steps)?;
    }
}
