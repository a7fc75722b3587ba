//! The real server against the small reference model: what several users do with several devices each, by every door and
//! with streams that break and resume in between, is answered as by the model, and every device comes to know what the
//! model knows, what is unread, mentions and settings included. The model is that of the stores.
//!
//! Each case is made of a seed. That of a case that fails is printed with the shortest steps that fail, and
//! `TINYCHAT_TEST_CASE` runs it again.

mod asking;
mod people;
mod seat;

use std::{env, sync::Arc, time::Instant};

use people::People;
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use tinychat::domain::role::Role;
use tokio::task::JoinSet;

use crate::{
    model::steps::{PEOPLE, Step, TEXTS, step},
    support::{self, Server, feed::Door},
};

/// Cases under way at once: their commits share syncs.
const WORKERS: usize = 8;

/// Something that happens.
#[derive(Clone, Debug)]
enum Do {
    /// One of the people does something at one of the devices: by a frame of its stream if it has such a stream and the
    /// frame exists; a send once more, if so.
    Step {
        step: Step,
        seat: usize,
        frame: bool,
        again: bool,
    },
    /// A device loses its stream, of which it has read all that was there, or not.
    Away { who: usize, seat: usize, read: bool },
    /// A device that is away resumes. It loses the stream again after so many events of the replay, if so; it leaves it
    /// to the server to know where it stands, if it acknowledged that.
    Back {
        who: usize,
        seat: usize,
        door: Door,
        lost_after: Option<usize>,
        silent: bool,
    },
    /// A device that never acknowledged anything loses all that it had.
    Forget { who: usize, seat: usize },
    /// A device acknowledges what it has.
    Acknowledge { who: usize, seat: usize },
    /// The devices of one user that are there read all that is there, and know what the server and the model know.
    Look { who: usize },
}

fn door() -> impl Strategy<Value = Door> {
    prop::sample::select(vec![Door::Chat, Door::Subscribe])
}

/// A step at a device.
fn at_a_device(step: impl Strategy<Value = Step>, seats: usize) -> impl Strategy<Value = Do> {
    let how = (0..seats, any::<bool>(), prop::bool::weighted(0.1));
    (step, how).prop_map(|(step, (seat, frame, again))| Do::Step {
        step,
        seat,
        frame,
        again,
    })
}

/// What devices go through.
fn devices(who: std::ops::Range<usize>, seats: usize) -> impl Strategy<Value = Do> {
    let seat = move || (who.clone(), 0..seats);
    prop_oneof![
        4 => (seat(), any::<bool>())
            .prop_map(|((who, seat), read)| Do::Away { who, seat, read }),
        6 => (seat(), door(), prop::option::weighted(0.3, 0..12_usize), any::<bool>()).prop_map(
            |((who, seat), door, lost_after, silent)| Do::Back { who, seat, door, lost_after, silent },
        ),
        1 => seat().prop_map(|(who, seat)| Do::Forget { who, seat }),
        2 => seat().prop_map(|(who, seat)| Do::Acknowledge { who, seat }),
        1 => seat().prop_map(|(who, _)| Do::Look { who }),
    ]
}

/// Everything that several people do.
fn everything() -> BoxedStrategy<Vec<Do>> {
    let one = prop_oneof![
        26 => at_a_device(step(), 2),
        7 => devices(0..PEOPLE, 2),
    ];
    proptest::collection::vec(one, 8..40).boxed()
}

/// Talk in a conversation of each kind that user 0 reads on many devices.
fn talk(seats: usize) -> BoxedStrategy<Vec<Do>> {
    let who = || 0..3_usize;
    let room = || 0..3_usize;
    let seq = || 1..30_u64;
    let text = || 0..TEXTS.len();
    let said = prop_oneof![
        8 => (who(), room(), text())
            .prop_map(|(who, room, text)| Step::Send { who, room, reply: None, text }),
        2 => (who(), room(), seq(), text())
            .prop_map(|(who, room, seq, text)| Step::Edit { who, room, seq, text }),
        1 => (who(), room(), seq()).prop_map(|(who, room, seq)| Step::Delete { who, room, seq }),
        1 => (who(), room(), seq(), 0..3_usize, any::<bool>())
            .prop_map(|(who, room, seq, emoji, add)| Step::React { who, room, seq, emoji, add }),
        4 => (room(), seq()).prop_map(|(room, seq)| Step::Read { who: 0, room, seq }),
        1 => room().prop_map(|room| Step::Unread { who: 0, room }),
        1 => (room(), 0..3_usize)
            .prop_map(|(room, choice)| Step::Notify { who: 0, room, choice }),
        1 => (1..3_usize, prop::bool::weighted(0.3))
            .prop_map(|(whom, on)| Step::Block { who: 0, whom, on }),
    ];
    let one = prop_oneof![
        3 => at_a_device(said, seats),
        2 => devices(0..1, seats),
    ];
    let begin = |step| Do::Step {
        step,
        seat: 0,
        frame: false,
        again: false,
    };
    let create = |who, channel, with: &[usize]| Step::Create {
        who,
        channel,
        all: channel,
        with: with.to_vec(),
    };
    let first = vec![
        begin(Step::Direct {
            who: 1,
            peer: 0,
            text: 0,
        }),
        begin(create(0, false, &[1, 2])),
        begin(create(1, true, &[0, 2])),
    ];
    let rest = proptest::collection::vec(one, 80..160);
    rest.prop_map(move |rest| [first.clone(), rest].concat())
        .boxed()
}

/// How a case is made and run.
#[derive(Clone)]
struct Kind {
    /// How many devices each of the people has.
    seats: [usize; PEOPLE],
    steps: fn() -> BoxedStrategy<Vec<Do>>,
}

impl Kind {
    /// The steps of a seed.
    fn tree(&self, seed: u64) -> Box<dyn proptest::strategy::ValueTree<Value = Vec<Do>>> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
        (self.steps)().new_tree(&mut runner).unwrap()
    }

    /// Does all steps with people whose names begin with the tag.
    async fn run(self, server: Arc<Server>, tag: String, steps: Vec<Do>) {
        let mut people = People::new(&server.connection(), &tag, self.seats).await;
        for one in &steps {
            match one.clone() {
                Do::Step {
                    step,
                    seat,
                    frame,
                    again,
                } => people.step(step, seat, frame, again).await,
                Do::Away { who, seat, read } => people.away(who, seat, read).await,
                Do::Back {
                    who,
                    seat,
                    door,
                    lost_after,
                    silent,
                } => people.back(who, seat, door, lost_after, silent).await,
                Do::Forget { who, seat } => people.forget(who, seat),
                Do::Acknowledge { who, seat } => people.acknowledge(who, seat).await,
                Do::Look { who } => people.look(who).await,
            }
        }
        people.all_come_back().await;
    }

    /// The same in a task of its own; true: it went well.
    async fn goes_well(&self, server: &Arc<Server>, tag: String, steps: Vec<Do>) -> bool {
        let mut task = JoinSet::new();
        task.spawn(self.clone().run(Arc::clone(server), tag, steps));
        task.join_next().await.unwrap().is_ok()
    }

    /// Runs the case of a seed; of one that fails the shortest steps.
    async fn case(self, server: Arc<Server>, seed: u64) -> Result<(), String> {
        let tag = |attempt| format!("u{seed:x}t{attempt}");
        let steps = self.tree(seed).current();
        if self.goes_well(&server, tag(0), steps).await {
            return Ok(());
        }
        let mut shortest = self.tree(seed).current();
        let mut attempt = 0;
        // A tree knows the way, but is not for other threads: it is gone the same way anew for each attempt.
        let mut way = Vec::new();
        while attempt < 300 {
            attempt += 1;
            let next = {
                let mut tree = self.tree(seed);
                let gone = way.iter().all(|simpler: &bool| match simpler {
                    true => tree.simplify(),
                    false => tree.complicate(),
                });
                gone.then(|| tree.current())
            };
            let Some(next) = next else { break };
            let well = self.goes_well(&server, tag(attempt), next.clone()).await;
            if !well {
                shortest = next;
            }
            way.push(!well);
        }
        let steps: Vec<String> = shortest.iter().map(|it| format!("  {it:?}\n")).collect();
        let steps = steps.concat();
        Err(format!("TINYCHAT_TEST_CASE={seed:x}\n{steps}"))
    }
}

/// Runs so many cases over one server.
async fn cases(kind: Kind, count: u64) {
    let _turn = support::heavy().await;
    let server = Arc::new(Server::start());
    let (first, count) = match env::var("TINYCHAT_TEST_CASE") {
        Ok(seed) => (u64::from_str_radix(&seed, 16).unwrap(), 1),
        Err(_) => {
            let mut seed = [0; 8];
            getrandom::fill(&mut seed).unwrap();
            // The cases of a run follow each other.
            (u64::from_le_bytes(seed) >> 16, count)
        }
    };
    println!("the cases {first:x} to {:x}", first + count - 1);
    let began = Instant::now();
    let mut seeds = first..first + count;
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < WORKERS
            && let Some(seed) = seeds.next()
        {
            under_way.spawn(kind.clone().case(Arc::clone(&server), seed));
        }
        match under_way.join_next().await {
            Some(case) => case.unwrap().unwrap_or_else(|failed| panic!("{failed}")),
            None => break,
        }
    }
    println!("{count} cases in {:.1?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_several_users_and_devices_do_is_answered_as_by_the_model() {
    let kind = Kind {
        seats: [2, 2, 1, 1],
        steps: everything,
    };
    cases(kind, if support::long() { 50_000 } else { 2_000 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_devices_with_offline_spells_always_agree_on_what_is_unread() {
    let kind = Kind {
        seats: [10, 1, 1, 1],
        steps: || talk(10),
    };
    cases(kind, if support::long() { 2_000 } else { 60 }).await;
}

/// The word of a role that a message has.
fn role_word(role: tinychat::pb::Role) -> &'static str {
    match role {
        tinychat::pb::Role::Owner => Role::Owner.word(),
        tinychat::pb::Role::Admin => Role::Admin.word(),
        tinychat::pb::Role::Member => Role::Member.word(),
        tinychat::pb::Role::ReadOnly => Role::ReadOnly.word(),
        tinychat::pb::Role::Unspecified => "",
    }
}
