//! Judges a run: a pure function of what clients sent, what was acknowledged and what every device read afterwards.
//! It knows nothing of servers, so hand-made histories show that it finds each kind of fault.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What is recorded of one run.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Every send that was tried, once however often it was repeated.
    pub sends: Vec<Sent>,
    /// Who must see which conversation.
    pub members: BTreeMap<String, BTreeSet<String>>,
    /// What devices read, each over all conversations of its user.
    pub readings: Vec<Reading>,
    /// What must not happen at all and was seen by the one who recorded.
    pub oddities: Vec<String>,
}

/// One send. `invoked` and `Ack::at` are moments of one clock that ticks with every record.
#[derive(Clone, Debug)]
pub struct Sent {
    pub sender: String,
    pub client_id: String,
    pub text: String,
    /// When it was tried for the first time.
    pub invoked: u64,
    /// `None`: nobody knows whether it took place.
    pub acked: Option<Ack>,
}

/// What the server promised.
#[derive(Clone, Debug)]
pub struct Ack {
    pub conversation: String,
    pub seq: u64,
    pub at: u64,
}

/// What one device read, in the order in which it came.
#[derive(Clone, Debug)]
pub struct Reading {
    pub user: String,
    /// In which way: pages, replay, live.
    pub how: &'static str,
    pub copies: Vec<Copied>,
}

/// One message as a device saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    pub conversation: String,
    pub seq: u64,
    pub sender: String,
    pub client_id: String,
    pub text: String,
}

/// What was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// What was acknowledged is there, at the acknowledged place.
    NothingAcknowledgedIsLost,
    /// What is read was sent, with this text.
    NothingIsInvented,
    /// No send stands in the history twice.
    ExactlyOnce,
    /// `seq` is 1, 2, 3 … in every reading.
    NoGaps,
    /// No device gets the same place twice.
    NoRepeats,
    /// What was acknowledged before another was sent stands before it.
    RealTimeOrder,
    /// All members read the same.
    AllDevicesEqual,
    /// What the recorder saw.
    NothingOdd,
}

/// A promise that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub promise: Promise,
    pub detail: String,
}

/// Finds everything that is wrong with a history; at most ten cases of each promise.
pub fn check(history: &History) -> Vec<Broken> {
    let mut report = Report::default();
    for oddity in &history.oddities {
        report.add(Promise::NothingOdd, || oddity.clone());
    }
    let reference = read_all(history, &mut report);
    sent_and_read(history, &reference, &mut report);
    real_time(history, &reference, &mut report);
    report.broken
}

#[derive(Default)]
struct Report {
    broken: Vec<Broken>,
    counts: BTreeMap<Promise, usize>,
}

impl Report {
    fn add(&mut self, promise: Promise, detail: impl FnOnce() -> String) {
        let count = self.counts.entry(promise).or_default();
        *count += 1;
        if *count <= 10 {
            let detail = detail();
            self.broken.push(Broken { promise, detail });
        }
    }
}

/// Of each conversation the one list that all must have read.
type Reference<'a> = BTreeMap<&'a str, Vec<&'a Copied>>;

/// Checks every reading by itself and against the others.
fn read_all<'a>(history: &'a History, report: &mut Report) -> Reference<'a> {
    let mut reference = Reference::new();
    let mut readers: HashSet<(&str, &str)> = HashSet::new();
    for reading in &history.readings {
        let who = format!("{} ({})", reading.user, reading.how);
        let mut lists = Reference::new();
        for copy in &reading.copies {
            let list = lists.entry(&copy.conversation).or_default();
            let before = list.last().map_or(0, |last| last.seq);
            if copy.seq <= before {
                report.add(Promise::NoRepeats, || {
                    format!("{who} got {copy:?} after seq {before}")
                });
                continue;
            }
            if copy.seq != before + 1 {
                report.add(Promise::NoGaps, || {
                    format!("{who} got {copy:?} just after seq {before}")
                });
            }
            list.push(copy);
        }
        for (conversation, list) in lists {
            readers.insert((conversation, &reading.user));
            let members = history.members.get(conversation);
            if !members.is_some_and(|members| members.contains(&reading.user)) {
                report.add(Promise::AllDevicesEqual, || {
                    format!("{who} read {conversation} and is no member")
                });
            }
            match reference.get(conversation) {
                None => drop(reference.insert(conversation, list)),
                Some(first) if *first == list => {}
                Some(first) => {
                    let at = first.iter().zip(&list).position(|(a, b)| a != b);
                    let at = at.unwrap_or(first.len().min(list.len()));
                    report.add(Promise::AllDevicesEqual, || {
                        let (a, b) = (first.get(at), list.get(at));
                        format!("{who} read in {conversation} {b:?} where another read {a:?}")
                    });
                }
            }
        }
    }
    // A reading without a message of a conversation that others read lacks all of them.
    for (conversation, list) in &reference {
        for reading in &history.readings {
            let member = history.members.get(*conversation);
            let member = member.is_some_and(|members| members.contains(&reading.user));
            let read = reading.copies.iter();
            if member && !read.clone().any(|copy| copy.conversation == *conversation) {
                report.add(Promise::AllDevicesEqual, || {
                    let (user, how, lacks) = (&reading.user, reading.how, list.len());
                    format!("{user} ({how}) read none of the {lacks} messages of {conversation}")
                });
            }
        }
        for member in history.members.get(*conversation).into_iter().flatten() {
            if !readers.contains(&(*conversation, member.as_str())) {
                report.add(Promise::AllDevicesEqual, || {
                    format!("{member} read nothing of {conversation}")
                });
            }
        }
    }
    reference
}

/// Checks what was read against what was sent.
fn sent_and_read(history: &History, reference: &Reference<'_>, report: &mut Report) {
    let sends = history.sends.iter();
    let sends: HashMap<(&str, &str), &Sent> = sends
        .map(|sent| ((sent.sender.as_str(), sent.client_id.as_str()), sent))
        .collect();
    let mut found: HashMap<(&str, &str), &Copied> = HashMap::new();
    for copy in reference.values().flatten() {
        let key = (copy.sender.as_str(), copy.client_id.as_str());
        match sends.get(&key) {
            Some(sent) if sent.text == copy.text => {}
            Some(sent) => report.add(Promise::NothingIsInvented, || {
                format!("{copy:?} was sent with the text {:?}", sent.text)
            }),
            None => report.add(Promise::NothingIsInvented, || {
                format!("{copy:?} was never sent")
            }),
        }
        if let Some(first) = found.insert(key, copy) {
            report.add(Promise::ExactlyOnce, || format!("{first:?} and {copy:?}"));
        }
    }
    for sent in &history.sends {
        let Some(ack) = &sent.acked else { continue };
        let copies = reference.get(ack.conversation.as_str());
        let copy = copies.and_then(|copies| {
            let place = copies.binary_search_by_key(&ack.seq, |copy| copy.seq);
            place.ok().map(|place| copies[place])
        });
        let there = copy.is_some_and(|c| c.client_id == sent.client_id && c.sender == sent.sender);
        if !there {
            report.add(Promise::NothingAcknowledgedIsLost, || {
                format!("{sent:?}; in its place stands {copy:?}")
            });
        }
    }
}

/// If one send was acknowledged before another was tried, it stands before it.
fn real_time(history: &History, reference: &Reference<'_>, report: &mut Report) {
    let mut places: HashMap<(&str, &str), &Copied> = HashMap::new();
    for copy in reference.values().flatten() {
        // Of a send that stands there twice the first counts.
        let key = (copy.sender.as_str(), copy.client_id.as_str());
        places.entry(key).or_insert(copy);
    }
    // By conversation: (moment, 0 = invoked or 1 = acknowledged, seq).
    let mut moments: BTreeMap<&str, Vec<(u64, u8, u64)>> = BTreeMap::new();
    for sent in &history.sends {
        let Some(copy) = places.get(&(sent.sender.as_str(), sent.client_id.as_str())) else {
            continue;
        };
        let list = moments.entry(&copy.conversation).or_default();
        list.push((sent.invoked, 0, copy.seq));
        if let Some(ack) = &sent.acked {
            list.push((ack.at, 1, copy.seq));
        }
    }
    for (conversation, mut list) in moments {
        list.sort_unstable();
        let mut acknowledged = 0;
        for (_, kind, seq) in list {
            if kind == 1 {
                acknowledged = acknowledged.max(seq);
            } else if seq < acknowledged {
                report.add(Promise::RealTimeOrder, || {
                    format!("{conversation}: seq {seq} was sent after {acknowledged} was acked")
                });
            }
        }
    }
}

/// Panics with everything that is wrong.
pub fn assert_kept(history: &History, about: &str) {
    let broken = check(history);
    assert!(
        broken.is_empty(),
        "{about}: {} promises broken:\n{}",
        broken.len(),
        broken
            .iter()
            .map(|broken| format!("  {:?}: {}\n", broken.promise, broken.detail))
            .collect::<String>()
    );
}

mod tests {
    use super::*;

    fn sent(client_id: &str, invoked: u64, acked: Option<(u64, u64)>) -> Sent {
        Sent {
            sender: "ann".to_owned(),
            client_id: client_id.to_owned(),
            text: format!("text of {client_id}"),
            invoked,
            acked: acked.map(|(seq, at)| Ack {
                conversation: "c1".to_owned(),
                seq,
                at,
            }),
        }
    }

    fn copy(seq: u64, client_id: &str) -> Copied {
        Copied {
            conversation: "c1".to_owned(),
            seq,
            sender: "ann".to_owned(),
            client_id: client_id.to_owned(),
            text: format!("text of {client_id}"),
        }
    }

    fn reading(user: &str, copies: &[Copied]) -> Reading {
        Reading {
            user: user.to_owned(),
            how: "pages",
            copies: copies.to_vec(),
        }
    }

    /// Three sends, the last of unknown outcome; both members read all three.
    fn good() -> History {
        let copies = [copy(1, "a"), copy(2, "b"), copy(3, "c")];
        History {
            sends: vec![
                sent("a", 1, Some((1, 2))),
                sent("b", 3, Some((2, 4))),
                sent("c", 5, None),
            ],
            members: [("c1", ["ann", "bob"])]
                .map(|(id, users)| (id.to_owned(), users.map(str::to_owned).into()))
                .into(),
            readings: vec![reading("ann", &copies), reading("bob", &copies)],
            oddities: Vec::new(),
        }
    }

    /// Changes the good history and returns which promises the checker sees broken.
    fn broken(change: impl FnOnce(&mut History)) -> BTreeSet<Promise> {
        let mut history = good();
        change(&mut history);
        check(&history)
            .iter()
            .map(|broken| broken.promise)
            .collect()
    }

    /// Changes every reading alike.
    fn everybody(history: &mut History, change: impl Fn(&mut Vec<Copied>)) {
        for reading in &mut history.readings {
            change(&mut reading.copies);
        }
    }

    #[test]
    fn a_good_history_passes() {
        assert_eq!(broken(|_| {}), [].into());
    }

    #[test]
    fn a_send_of_unknown_outcome_may_be_absent() {
        let absent = broken(|history| everybody(history, |copies| drop(copies.pop())));
        assert_eq!(absent, [].into());
    }

    #[test]
    fn an_acknowledged_message_that_nobody_can_read_is_found() {
        let lost = broken(|history| everybody(history, |copies| copies.truncate(1)));
        assert_eq!(lost, [Promise::NothingAcknowledgedIsLost].into());
    }

    #[test]
    fn a_conversation_that_is_gone_altogether_is_found() {
        let lost = broken(|history| everybody(history, Vec::clear));
        assert_eq!(lost, [Promise::NothingAcknowledgedIsLost].into());
    }

    #[test]
    fn an_acknowledged_message_at_another_place_is_found() {
        let moved = broken(|history| {
            everybody(history, |copies| {
                *copies = vec![copy(1, "b"), copy(2, "a")];
            });
        });
        let expected = [Promise::NothingAcknowledgedIsLost, Promise::RealTimeOrder];
        assert_eq!(moved, expected.into());
    }

    #[test]
    fn a_message_that_was_never_sent_is_found() {
        let more = broken(|history| everybody(history, |copies| copies.push(copy(4, "ghost"))));
        assert_eq!(more, [Promise::NothingIsInvented].into());
    }

    #[test]
    fn a_changed_text_is_found() {
        let changed = broken(|history| {
            everybody(history, |copies| {
                copies[0].text = "something else".to_owned()
            });
        });
        assert_eq!(changed, [Promise::NothingIsInvented].into());
    }

    #[test]
    fn a_retry_that_became_a_second_message_is_found() {
        let twice = broken(|history| everybody(history, |copies| copies.push(copy(4, "b"))));
        assert_eq!(twice, [Promise::ExactlyOnce].into());
    }

    #[test]
    fn a_gap_is_found() {
        let gap = broken(|history| everybody(history, |copies| copies[2].seq = 4));
        assert_eq!(gap, [Promise::NoGaps].into());
    }

    #[test]
    fn a_repeat_within_one_stream_is_found() {
        let repeat = broken(|history| {
            history.readings[1].copies.insert(1, copy(1, "a"));
        });
        assert_eq!(repeat, [Promise::NoRepeats].into());
    }

    #[test]
    fn a_device_that_lacks_the_end_is_found() {
        let short = broken(|history| drop(history.readings[1].copies.pop()));
        assert_eq!(short, [Promise::AllDevicesEqual].into());
    }

    #[test]
    fn a_device_that_read_nothing_is_found() {
        let nothing = broken(|history| history.readings[1].copies.clear());
        assert_eq!(nothing, [Promise::AllDevicesEqual].into());
        let nobody = broken(|history| drop(history.readings.pop()));
        assert_eq!(nobody, [Promise::AllDevicesEqual].into());
    }

    #[test]
    fn two_messages_in_the_wrong_order_are_found() {
        let order = broken(|history| {
            history.sends[0].acked = None;
            history.sends[2] = sent("c", 5, Some((1, 6)));
            everybody(history, |copies| {
                *copies = vec![copy(1, "c"), copy(2, "b"), copy(3, "a")];
            });
        });
        assert_eq!(order, [Promise::RealTimeOrder].into());
    }

    #[test]
    fn a_reader_who_is_no_member_is_found() {
        let stranger = broken(|history| {
            let copies = history.readings[0].copies.clone();
            history.readings.push(reading("eve", &copies));
        });
        assert_eq!(stranger, [Promise::AllDevicesEqual].into());
    }

    #[test]
    fn what_the_recorder_found_odd_counts() {
        let odd = broken(|history| history.oddities.push("a reset".to_owned()));
        assert_eq!(odd, [Promise::NothingOdd].into());
    }
}
