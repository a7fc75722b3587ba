//! Tests of the arithmetic: against a server that counts by looking at every message.

use proptest::prelude::*;

use super::*;

/// One message, as the server keeps it: whether this user sent it, and whether it mentions this user now.
type Kept = (bool, bool);

/// What the server does, or what comes to the client of it.
#[derive(Clone, Debug)]
enum Step {
    Send {
        is_own: bool,
        is_mention: bool,
    },
    Edit {
        at: usize,
        is_mention: bool,
    },
    Read(usize),
    /// An answer with the state is made now and comes so many events later.
    Answer {
        later: usize,
    },
    /// The last so many events come again.
    Repeat(usize),
    /// So many of the events that follow are left out, and a fresh state is sent behind them.
    Cut(usize),
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Message(u64, Kept),
    Edited(u64, bool),
    Read(u64),
}

fn at(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

#[derive(Default)]
struct Server {
    messages: Vec<Kept>,
    read: u64,
}

impl Server {
    fn counts(&self) -> Counts {
        let last_seq = self.messages.len() as u64;
        let after: Vec<&Kept> = self.messages.iter().skip(at(self.read)).collect();
        let count = |is: fn(&Kept) -> bool| after.iter().filter(|it| is(it)).count() as u64;
        Counts {
            last_seq,
            read_seq: self.read,
            unread: count(|(is_own, _)| !is_own),
            mentions: count(|(is_own, is_mention)| !is_own && *is_mention),
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (prop::bool::weighted(0.3), any::<bool>())
            .prop_map(|(is_own, is_mention)| Step::Send { is_own, is_mention }),
        2 => (any::<usize>(), any::<bool>())
            .prop_map(|(at, is_mention)| Step::Edit { at, is_mention }),
        2 => any::<usize>().prop_map(Step::Read),
        1 => (0_usize..6).prop_map(|later| Step::Answer { later }),
        1 => (1_usize..6).prop_map(Step::Repeat),
        1 => (1_usize..6).prop_map(Step::Cut),
    ]
}

fn take(tally: &mut Tally, event: Event) {
    match event {
        Event::Message(seq, (is_own, is_mention)) => {
            tally.take_message(seq, is_own, is_mention);
        }
        Event::Edited(seq, is_mention) => tally.take_change(seq, is_mention),
        Event::Read(seq) => {
            tally.read_to(seq);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_order_of_events_answers_cuts_and_repeats_gives_the_counts_of_the_server(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        let (mut server, mut tally) = (Server::default(), Tally::default());
        let mut events: Vec<Event> = Vec::new();
        let mut answers: Vec<(usize, Counts)> = Vec::new();
        let (mut cut, mut cut_from) = (0_usize, 0_u64);
        let mut held: Vec<Event> = Vec::new();
        for step in steps {
            let event = match step {
                Step::Send { is_own, is_mention } => {
                    let kept = (is_own, is_mention && !is_own);
                    server.messages.push(kept);
                    Some(Event::Message(server.messages.len() as u64, kept))
                }
                Step::Edit { at: index, is_mention } if !server.messages.is_empty() => {
                    let index = index % server.messages.len();
                    let kept = &mut server.messages[index];
                    kept.1 = is_mention && !kept.0;
                    Some(Event::Edited(index as u64 + 1, kept.1))
                }
                Step::Read(index) if !server.messages.is_empty() => {
                    let seq = (index % server.messages.len()) as u64 + 1;
                    server.read = server.read.max(seq);
                    Some(Event::Read(server.read))
                }
                Step::Answer { later } => {
                    // One is asked for at a time, and none while the link is lost.
                    if answers.is_empty() && cut == 0 {
                        (tally.asked, tally.is_changed) = (1, false);
                        answers.push((events.len() + later, server.counts()));
                    }
                    None
                }
                Step::Repeat(count) if cut == 0 => {
                    // A stream that resumes says again what it said, and edits only with the newest state.
                    let from = events.len().saturating_sub(count);
                    for event in events[from..].iter().copied() {
                        if let Event::Message(seq, _) = event {
                            let kept = server.messages[at(seq - 1)];
                            take(&mut tally, Event::Message(seq, kept));
                        }
                    }
                    None
                }
                Step::Cut(count) if cut == 0 => {
                    (cut, cut_from) = (count, server.messages.len() as u64);
                    answers.clear();
                    tally.ask_failed(false);
                    None
                }
                Step::Edit { .. } | Step::Read(_) | Step::Repeat(_) | Step::Cut(_) => None,
            };
            if let Some(event) = event {
                events.push(event);
                if cut > 0 {
                    cut -= 1;
                    // Messages are left out, and what happened to those; the rest comes.
                    match event {
                        Event::Message(..) => {}
                        Event::Edited(seq, _) if seq > cut_from => {}
                        event => held.push(event),
                    }
                    if cut == 0 {
                        for event in held.drain(..) {
                            take(&mut tally, event);
                        }
                        (tally.asked, tally.is_changed) = (1, false);
                        tally.take_state(server.counts());
                    }
                } else {
                    take(&mut tally, event);
                }
            }
            let is_cut = cut > 0;
            let due = events.len();
            answers.retain(|(when, counts)| {
                let is_due = *when <= due && !is_cut;
                if is_due {
                    tally.take_state(*counts);
                }
                !is_due
            });
            let counts = tally.counts();
            prop_assert!(counts.unread <= counts.last_seq.saturating_sub(counts.read_seq));
            if !is_cut && !tally.is_unsure() {
                prop_assert_eq!(counts, server.counts());
            }
        }
        (tally.asked, tally.is_changed) = (1, false);
        tally.take_state(server.counts());
        prop_assert_eq!(tally.counts(), server.counts());
        prop_assert!(!tally.is_unsure());
    }
}

#[test]
fn messages_of_the_first_sync_do_not_count_again() {
    let mut tally = Tally::default();
    let state = Counts {
        last_seq: 10,
        read_seq: 7,
        unread: 2,
        mentions: 1,
    };
    tally.take_state(state);
    assert!(!tally.take_message(8, false, true));
    assert!(!tally.take_message(9, true, false));
    assert!(!tally.take_message(10, false, false));
    assert_eq!((tally.counts(), tally.is_unsure()), (state, false));
    assert!(tally.take_message(11, false, false));
    tally.read_to(9);
    let counts = tally.counts();
    assert_eq!(
        (counts.unread, counts.mentions, tally.is_unsure()),
        (2, 0, false)
    );
    tally.read_to(3);
    assert_eq!(tally.counts().read_seq, 9);
}

#[test]
fn what_was_left_out_makes_the_counts_unsure_until_the_server_said_them() {
    let mut tally = Tally::default();
    tally.take_message(1, true, false);
    tally.take_message(5, false, false);
    assert_eq!((tally.counts().unread, tally.is_unsure()), (4, true));
    tally.take_state(Counts {
        last_seq: 5,
        read_seq: 0,
        unread: 2,
        mentions: 0,
    });
    assert_eq!((tally.counts().unread, tally.is_unsure()), (2, false));
    tally.read_to(4);
    assert_eq!((tally.counts().unread, tally.is_unsure()), (1, false));
    tally.take_message(6, true, false);
    assert!(tally.read_to(6));
    assert_eq!(tally.counts().unread, 0);
}

#[test]
fn a_marker_may_come_before_the_message_that_it_marks() {
    let mut tally = Tally::default();
    tally.read_to(2);
    tally.take_message(1, false, true);
    tally.take_message(2, false, true);
    assert_eq!((tally.counts().unread, tally.counts().mentions), (0, 0));
    tally.take_message(3, false, true);
    assert_eq!((tally.counts().unread, tally.counts().mentions), (1, 1));
}

#[test]
fn what_is_remembered_is_bounded_and_no_number_is_a_trap() {
    let mut tally = Tally::default();
    for seq in 1..=10_000 {
        tally.take_message(seq, true, true);
    }
    assert_eq!(tally.own.len(), REMEMBERED_MAX);
    tally.read_to(9_000);
    assert_eq!((tally.counts().unread, tally.is_unsure()), (0, false));
    tally.take_message(u64::MAX, false, true);
    tally.take_state(Counts {
        last_seq: u64::MAX,
        read_seq: u64::MAX,
        unread: 0,
        mentions: 5_000,
    });
    tally.take_message(u64::MAX, false, true);
    tally.read_to(u64::MAX);
}

#[test]
fn a_server_that_has_less_than_it_had_is_believed_and_not_asked_without_end() {
    let less = Counts {
        last_seq: 6,
        read_seq: 4,
        unread: 2,
        mentions: 1,
    };
    let mut tally = Tally::default();
    tally.take_first(Counts {
        last_seq: 10,
        read_seq: 9,
        unread: 1,
        mentions: 0,
    });
    tally.take_message(12, true, false);
    assert!(tally.ask());
    // A message that comes meanwhile may be one that the answer does not have yet.
    tally.take_message(13, false, false);
    assert!(!tally.take_state(less));
    assert_eq!(tally.counts().last_seq, 13);
    assert!(tally.ask());
    assert!(tally.take_state(less));
    assert_eq!((tally.counts().last_seq, tally.counts().read_seq), (6, 6));
    assert_eq!((tally.counts().unread, tally.counts().mentions), (0, 0));
    assert!(!tally.is_unsure() && !tally.ask());
    // What comes then counts as it does anywhere.
    assert!(tally.take_message(7, false, true));
    assert_eq!((tally.counts().unread, tally.counts().mentions), (1, 1));
    assert!(!tally.is_unsure());
}

#[test]
fn whatever_an_answer_says_the_asking_ends() {
    for said in [0, 1, 5, 9, 10, 11, u64::MAX] {
        for read_seq in [0, 5, 10, u64::MAX] {
            let mut tally = Tally::default();
            tally.take_message(10, false, true);
            let mut asked = 0;
            while tally.ask() && asked < 9 {
                asked += 1;
                tally.take_state(Counts {
                    last_seq: said,
                    read_seq,
                    unread: u64::MAX,
                    mentions: u64::MAX,
                });
            }
            assert!(asked <= 2, "{said} {read_seq}: {asked}");
        }
    }
}

#[test]
fn what_the_server_has_not_said_is_asked_for_though_all_is_read() {
    let of = |last_seq| Counts {
        last_seq,
        read_seq: last_seq,
        ..Counts::default()
    };
    for ask_early in [false, true] {
        let mut tally = Tally::default();
        tally.take_message(1, false, false);
        if ask_early {
            // As with the list of all, which may be older.
            tally.ask_too();
        }
        tally.doubt_all();
        assert!(tally.read_to(1) && tally.is_unsure());
        if ask_early {
            tally.take_state(of(1));
            assert!(tally.is_unsure(), "it may be older");
        }
        assert!(tally.ask());
        assert!(!tally.take_state(of(1)) && !tally.is_unsure());
        // What is only counted wrongly is right again when all is read.
        tally.take_message(2, false, false);
        tally.doubt();
        assert!(tally.read_to(2) && !tally.is_unsure());
    }
}
