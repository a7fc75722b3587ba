//! Judges a run: a pure function of what clients sent and did, what was acknowledged and what every device read
//! afterwards. It knows nothing of servers, so hand-made histories show that it finds each kind of fault.

mod acts;
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What is recorded of one run.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Every send that was tried, once however often it was repeated.
    pub sends: Vec<Sent>,
    /// What was done to messages, likewise.
    pub acts: Vec<Acted>,
    /// Who came and went, likewise.
    pub moves: Vec<Moved>,
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

/// Something that was done to a message. Whoever does it brings one act to its end before the next.
#[derive(Clone, Debug)]
pub struct Acted {
    pub by: String,
    pub conversation: String,
    pub seq: u64,
    pub act: Act,
    /// When it was tried for the first time.
    pub invoked: u64,
    /// `None`: nobody knows whether it took place.
    pub done: Option<Done>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// It got this text, which no other message and no other edit has.
    Edit(String),
    /// Its text was taken away.
    Delete,
    /// Nothing: it was said to be deleted already.
    FoundDeleted,
    /// An emoji was given (true) or taken back.
    React(String, bool),
}

/// The answer to an act.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub at: u64,
    /// The revision that the message then had; 0 where the answer does not say it.
    pub revision: u64,
}

/// Somebody came into a conversation or went out of it, one after the other.
#[derive(Clone, Debug)]
pub struct Moved {
    pub user: String,
    pub conversation: String,
    /// Whether it came.
    pub came: bool,
    pub acked: bool,
}

/// What one device read, in the order in which it came.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub user: String,
    /// In which way: pages, replay, live.
    pub how: &'static str,
    /// What it has in the end.
    pub copies: Vec<Copied>,
    /// Where its part of a conversation begins: after this `seq`; not named: it has all.
    pub begins: BTreeMap<String, u64>,
    /// Every text that it was shown on the way.
    pub shown: Vec<Shown>,
}

/// One message as a device has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    pub conversation: String,
    pub seq: u64,
    pub sender: String,
    pub client_id: String,
    /// `None`: it was deleted.
    pub text: Option<String>,
    pub revision: u64,
    pub reactions: Vec<Given>,
}

/// How often an emoji was given, and whether the reader is one of those who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub emoji: String,
    pub count: u64,
    pub mine: bool,
}

impl Reading {
    /// Where its part of a conversation begins.
    fn begin(&self, conversation: &str) -> u64 {
        self.begins.get(conversation).copied().unwrap_or(0)
    }
}

impl Copied {
    /// The same for every reader: revisions may be skipped by a replay, and what is mine is not yours.
    fn same(&self, other: &Self) -> bool {
        let place = |it: &Self| (it.conversation.clone(), it.seq);
        let said = |it: &Self| (it.sender.clone(), it.client_id.clone(), it.text.clone());
        let given = |it: &Self| -> Vec<(String, u64)> {
            let given = it.reactions.iter();
            given.map(|it| (it.emoji.clone(), it.count)).collect()
        };
        place(self) == place(other) && said(self) == said(other) && given(self) == given(other)
    }
}

/// A text that a device was shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// When the call or the stream began that showed it.
    pub since: u64,
    pub conversation: String,
    pub seq: u64,
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
    /// An acknowledged edit is shown, or a later one.
    EditsStay,
    /// What was acknowledged as deleted has no text, and nobody is shown it again.
    DeletedStaysGone,
    /// An acknowledged reaction is there, and one that was taken back is not.
    ReactionsStay,
    /// Who was acknowledged as come or gone last is in or out.
    MembersStay,
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
    acts::check(history, &reference, &mut report);
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
            let begin = reading.begin(&copy.conversation);
            let before = list.last().map_or(begin, |last| last.seq);
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
            let begin = reading.begin(conversation);
            match reference.get(conversation) {
                None if begin == 0 => drop(reference.insert(conversation, list)),
                None => report.add(Promise::AllDevicesEqual, || {
                    format!("{who} read of {conversation}, of which nobody has the beginning")
                }),
                Some(first) => {
                    let first = &first[first.partition_point(|copy| copy.seq <= begin)..];
                    let at = first.iter().zip(&list).position(|(a, b)| !a.same(b));
                    let at = at.unwrap_or(first.len().min(list.len()));
                    if at == first.len() && at == list.len() {
                        continue;
                    }
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
            let begin = reading.begin(conversation);
            let due = list.last().is_some_and(|last| last.seq > begin);
            let mut read = reading.copies.iter();
            if member && due && !read.any(|copy| copy.conversation == *conversation) {
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
            // Whether its text may be what it is, see `acts`.
            Some(_) => {}
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
