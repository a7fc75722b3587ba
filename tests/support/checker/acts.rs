//! What was done to messages, and who came and went, against what is there in the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Act, Acted, Copied, History, Promise, Reference, Report};

/// The acts upon each message, the first tried first.
type Places<'a> = HashMap<(&'a str, u64), Vec<&'a Acted>>;

pub(super) fn check(history: &History, reference: &Reference<'_>, report: &mut Report) {
    let mut places = Places::new();
    for acted in &history.acts {
        let place = (acted.conversation.as_str(), acted.seq);
        places.entry(place).or_default().push(acted);
    }
    for acts in places.values_mut() {
        acts.sort_by_key(|acted| acted.invoked);
    }
    let sends = history.sends.iter();
    let texts: HashMap<(&str, &str), &str> = sends
        .map(|it| ((&*it.sender, &*it.client_id), &*it.text))
        .collect();
    for copy in reference.values().flatten() {
        let acts = places.get(&(&*copy.conversation, copy.seq));
        let acts = acts.map_or(&[][..], Vec::as_slice);
        // A copy that nobody sent is found by others.
        let Some(sent) = texts.get(&(&*copy.sender, &*copy.client_id)) else {
            continue;
        };
        text(copy, sent, acts, report);
        if copy.text.is_some() {
            counts(copy, acts, report);
        } else if !copy.reactions.is_empty() {
            report.add(Promise::DeletedStaysGone, || {
                format!("reactions to what was deleted: {copy:?}")
            });
        }
    }
    mine(history, &places, report);
    texts_that_came_back(history, &places, report);
    moves(history, report);
}

/// What a message says, and how often that changed.
fn text(copy: &Copied, sent: &str, acts: &[&Acted], report: &mut Report) {
    let edits = acts.iter().filter_map(|acted| match &acted.act {
        Act::Edit(text) => Some((*acted, text.as_str())),
        _ => None,
    });
    let edits: Vec<(&Acted, &str)> = edits.collect();
    // One that began after the answer to another stands after it.
    let overtaken = |done: Option<u64>| {
        let mut later = edits.iter().filter(|(edit, _)| edit.done.is_some());
        done.is_some_and(|done| later.any(|(edit, _)| edit.invoked > done))
    };
    let deletes = acts.iter().filter(|acted| acted.act == Act::Delete);
    let deleted = acts
        .iter()
        .find(|acted| matches!(acted.act, Act::Delete | Act::FoundDeleted) && acted.done.is_some());
    match &copy.text {
        None if deletes.clone().count() == 0 => report.add(Promise::NothingIsInvented, || {
            format!("nobody deleted {copy:?}")
        }),
        None => {}
        Some(_) if deleted.is_some() => report.add(Promise::DeletedStaysGone, || {
            format!("{copy:?} in spite of {deleted:?}")
        }),
        Some(text) if text == sent && !overtaken(Some(0)) => {}
        Some(text) if text == sent => {
            report.add(Promise::EditsStay, || {
                format!("{copy:?} as it was sent, in spite of {acts:?}")
            });
        }
        Some(text) => match edits.iter().find(|(_, edit)| edit == text) {
            None => report.add(Promise::NothingIsInvented, || {
                format!("{copy:?} was sent with the text {sent:?} and never had this one")
            }),
            Some((edit, _)) if overtaken(edit.done.map(|done| done.at)) => {
                report.add(Promise::EditsStay, || {
                    format!("{copy:?} has an older text than {acts:?}")
                });
            }
            Some(_) => {}
        },
    }
    // Each edit has a text of its own and counts; of the deletions one does.
    let tried = edits.len() as u64 + u64::from(deletes.count() > 0);
    let done = edits.iter().filter(|(edit, _)| edit.done.is_some()).count() as u64;
    let done = done + u64::from(deleted.is_some());
    let answered = acts.iter().filter_map(|acted| acted.done);
    let answered = answered.map(|done| done.revision).max().unwrap_or(0);
    if !(done.max(answered)..=tried).contains(&copy.revision) {
        report.add(Promise::EditsStay, || {
            format!("{copy:?} has another revision than {acts:?} lead to")
        });
    }
}

/// Whether each has given each emoji in the end; of those of whom nobody knows there is no word.
fn given<'a>(acts: &[&'a Acted]) -> BTreeMap<(&'a str, &'a str), Option<bool>> {
    let mut given = BTreeMap::new();
    for acted in acts {
        if let Act::React(emoji, add) = &acted.act {
            let key = (emoji.as_str(), acted.by.as_str());
            let known = match acted.done {
                Some(_) => Some(*add),
                // It is as it was, or as this would have it.
                None => { given.get(&key).copied() }
                    .unwrap_or(Some(false))
                    .filter(|before| before == add),
            };
            given.insert(key, known);
        }
    }
    given
}

/// How often each emoji was given.
fn counts(copy: &Copied, acts: &[&Acted], report: &mut Report) {
    let given = given(acts);
    let mut emojis: BTreeSet<&str> = given.keys().map(|(emoji, _)| *emoji).collect();
    emojis.extend(copy.reactions.iter().map(|it| it.emoji.as_str()));
    for emoji in emojis {
        let of_it = || given.iter().filter(|((other, _), _)| *other == emoji);
        let sure = of_it().filter(|(_, it)| **it == Some(true)).count() as u64;
        let open = of_it().filter(|(_, it)| it.is_none()).count() as u64;
        let shown = copy.reactions.iter().filter(|it| it.emoji == emoji);
        let shown: u64 = shown.map(|it| it.count).sum();
        if !(sure..=sure + open).contains(&shown) {
            report.add(Promise::ReactionsStay, || {
                format!("{emoji} of {copy:?} was given {sure} times, and perhaps {open} more")
            });
        }
    }
}

/// Every reader sees which reactions are its own.
fn mine(history: &History, places: &Places<'_>, report: &mut Report) {
    for reading in &history.readings {
        for copy in reading.copies.iter().filter(|copy| copy.text.is_some()) {
            let acts = places.get(&(&*copy.conversation, copy.seq));
            let given = given(acts.map_or(&[][..], Vec::as_slice));
            let own = given.iter().filter(|((_, by), _)| *by == reading.user);
            for ((emoji, _), due) in own {
                let shown = copy.reactions.iter().find(|it| it.emoji == *emoji);
                let shown = shown.is_some_and(|it| it.mine);
                if due.is_some_and(|due| due != shown) {
                    report.add(Promise::ReactionsStay, || {
                        let (user, how) = (&reading.user, reading.how);
                        format!("{user} ({how}) sees {emoji} of {copy:?} as its own: {shown}")
                    });
                }
            }
        }
    }
}

/// Nobody who asked after the answer to a deletion is shown the text.
fn texts_that_came_back(history: &History, places: &Places<'_>, report: &mut Report) {
    for reading in &history.readings {
        for shown in &reading.shown {
            let acts = places.get(&(&*shown.conversation, shown.seq));
            let mut acts = acts.into_iter().flatten();
            let gone = acts.find(|acted| {
                matches!(acted.act, Act::Delete | Act::FoundDeleted)
                    && acted.done.is_some_and(|done| done.at < shown.since)
            });
            if let Some(gone) = gone {
                report.add(Promise::DeletedStaysGone, || {
                    let (user, how) = (&reading.user, reading.how);
                    let (text, since) = (&shown.text, shown.since);
                    format!("{user} ({how}) was shown {text:?} since {since} in spite of {gone:?}")
                });
            }
        }
    }
}

/// Who came or went last is in or out.
fn moves(history: &History, report: &mut Report) {
    let mut last: BTreeMap<(&str, &str), Option<bool>> = BTreeMap::new();
    for moved in &history.moves {
        let key = (moved.conversation.as_str(), moved.user.as_str());
        let known = match moved.acked {
            true => Some(moved.came),
            false => { last.get(&key).copied().flatten() }.filter(|it| *it == moved.came),
        };
        last.insert(key, known);
    }
    for ((conversation, user), due) in last {
        let members = history.members.get(conversation);
        let is_in = members.is_some_and(|members| members.contains(user));
        if due.is_some_and(|due| due != is_in) {
            report.add(Promise::MembersStay, || {
                format!("{user} is in {conversation}: {is_in}")
            });
        }
    }
}
