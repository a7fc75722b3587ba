//! What a replay makes of edits, deletions and reactions: each message has one row for its last edit or deletion and
//! one for its reactions, and both show the state of now.

use super::{
    doing::{channel, given, group, lines},
    subject::{Subject, left_out, seqs},
};
use tinychat::{
    domain::{
        event::{Event, EventBody},
        ids::{ConversationId, Offset, Seq},
        user::UserRef,
    },
    store::ReplayFrom,
};

/// Ann's group of Ann and Bob, in which Ann has said five numbers.
async fn five(subject: &Subject) -> (UserRef, UserRef, ConversationId) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    for number in 1..=5 {
        subject.speak(&ann, id, &number.to_string()).await;
    }
    (ann, bob, id)
}

/// What a user missed since the beginning.
async fn all(subject: &Subject, user: &UserRef) -> Vec<Event> {
    subject.replay(user, ReplayFrom::After(Offset::ZERO)).await
}

/// Edits, deletions and reactions among events.
fn acts(events: &[Event]) -> Vec<(Offset, String)> {
    let offsets = events.iter().map(|event| event.offset);
    let acts = events.iter().map(|event| {
        !matches!(
            event.body,
            EventBody::Message(_) | EventBody::ConversationChanged(_) | EventBody::MemberChanged(_)
        )
    });
    offsets
        .zip(lines(events))
        .zip(acts)
        .filter_map(|(line, is_act)| is_act.then_some(line))
        .collect()
}

pub async fn an_edit_is_replayed_once_at_its_last_place(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    let begin = subject.store.end();
    for round in 1..=7 {
        subject.edit(&ann, id, 2, &format!("two {round}")).await;
        subject.edit(&ann, id, 4, &format!("four {round}")).await;
        subject.speak(&bob, id, "in between").await;
    }
    let end = subject.store.end();
    let events = all(&subject, &bob).await;
    let (two, four) = (Offset::new(end.number() - 2), Offset::new(end.number() - 1));
    let last = [
        (two, "2 is now: two 7".to_owned()),
        (four, "4 is now: four 7".to_owned()),
    ];
    assert_eq!(acts(&events), last);
    let EventBody::MessageEdited(edited) = &events[events.len() - 2].body else {
        panic!("{events:?}");
    };
    assert_eq!(edited.revision, 7);
    // The message itself shows the state of now.
    let EventBody::Message(said) = &events[2].body else {
        panic!("{events:?}");
    };
    assert_eq!(
        (said, &lines(&events)[2]),
        (
            &{ subject.page(&bob, id).await.unwrap() }.messages[1],
            &"2 ann: two 7".to_owned()
        )
    );
    for (place, expected) in [
        (begin, &last[..]),
        (two.before(), &last),
        (two, &last[1..]),
        (four, &[]),
    ] {
        let missed = subject.replay(&bob, ReplayFrom::After(place)).await;
        assert_eq!(acts(&missed), expected, "after {place:?}");
    }
    // A device that was never there gets the text of now and no edit.
    let first = subject.replay(&bob, ReplayFrom::Unread).await;
    assert_eq!(
        lines(&first)[..4],
        ["1 ann: 1", "2 ann: two 7", "3 ann: 3", "4 ann: four 7"]
    );
    assert_eq!((acts(&first), first.len()), (vec![], 12));
}

pub async fn an_edit_that_was_deleted_since_is_replayed_as_the_deletion(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    subject.edit(&ann, id, 2, "secret").await;
    subject.give(&bob, id, 2, "👍").await;
    subject.edit(&ann, id, 2, "top secret").await;
    subject.give(&bob, id, 3, "👍").await;
    subject.delete(&ann, id, 2).await;
    let end = subject.store.end();
    let events = all(&subject, &bob).await;
    let reacted = (
        Offset::new(end.number() - 1),
        "3 reactions: 👍1*".to_owned(),
    );
    assert_eq!(
        acts(&events),
        [reacted, (end, "2 deleted by ann".to_owned())]
    );
    let EventBody::MessageDeleted(deleted) = &events.last().unwrap().body else {
        panic!("{events:?}");
    };
    let three = (deleted.seq, deleted.revision, &deleted.by);
    assert_eq!(three, (Seq::new(2), 3, &ann));
    assert_eq!(lines(&events)[2], "2 ann: [gone]");
    let shown = format!("{events:?}");
    assert!(!shown.contains("secret"), "{shown}");
    let first = subject.replay(&bob, ReplayFrom::Unread).await;
    let expected = [
        "1 ann: 1",
        "2 ann: [gone]",
        "3 ann: 3 👍1*",
        "4 ann: 4",
        "5 ann: 5",
    ];
    assert_eq!(lines(&first), expected);
}

pub async fn reactions_are_replayed_once_as_they_are_now(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    let begin = subject.store.end();
    subject.give(&ann, id, 1, "a").await;
    subject.give(&ann, id, 2, "a").await;
    subject.give(&bob, id, 1, "b").await;
    subject.take(&ann, id, 1, "a").await;
    subject.give(&bob, id, 2, "a").await;
    subject.take(&bob, id, 2, "a").await;
    subject.give(&ann, id, 3, "c").await;
    subject.take(&ann, id, 3, "c").await;
    let end = subject.store.end().number();
    let at = |back: u64, line: &str| (Offset::new(end - back), line.to_owned());
    let of_ann = [
        at(4, "1 reactions: b1"),
        at(2, "2 reactions: a1*"),
        at(0, "3 reactions:"),
    ];
    let of_bob = [
        at(4, "1 reactions: b1*"),
        at(2, "2 reactions: a1"),
        at(0, "3 reactions:"),
    ];
    for place in [Offset::ZERO, begin, Offset::new(end - 5)] {
        for (user, expected) in [(&ann, &of_ann), (&bob, &of_bob)] {
            let missed = subject.replay(user, ReplayFrom::After(place)).await;
            assert_eq!(acts(&missed), expected, "after {place:?}");
        }
    }
    let missed = subject
        .replay(&ann, ReplayFrom::After(Offset::new(end - 4)))
        .await;
    assert_eq!(acts(&missed), &of_ann[1..]);
    let EventBody::ReactionsChanged(changed) = &missed[0].body else {
        panic!("{missed:?}");
    };
    assert_eq!(
        (changed.conversation, changed.seq, &changed.act),
        (id, Seq::new(2), &None)
    );
    assert_eq!(given(&changed.reactions), [("a", 1, true)]);
    // No row is left of those of a deleted message.
    subject.delete(&ann, id, 1).await;
    let missed = subject.replay(&ann, ReplayFrom::After(begin)).await;
    let deleted = (subject.store.end(), "1 deleted by ann".to_owned());
    assert_eq!(acts(&missed), [&of_ann[1..], &[deleted]].concat());
}

pub async fn an_act_inside_a_gap_is_left_out(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    let begin = subject.store.end();
    for number in 6..=10 {
        subject.speak(&ann, id, &number.to_string()).await;
    }
    // 1 and 2 were there before, 6 to 8 are the gap, 9 and 10 are the newest.
    for seq in [1, 6, 8, 9, 10] {
        subject.edit(&ann, id, seq, "edited").await;
        subject.give(&bob, id, seq, "👍").await;
    }
    subject.delete(&ann, id, 2).await;
    subject.delete(&ann, id, 7).await;
    subject.delete(&ann, id, 10).await;
    let from = ReplayFrom::After(begin);
    let mut replay = subject.open(&bob, from, Some(2)).await;
    let gaps: Vec<_> = replay.gaps.iter().map(left_out).collect();
    assert_eq!(gaps, [(6, 8)]);
    let events = subject.rest(&mut replay).await;
    let expected = [
        "9 ann: edited 👍1*",
        "10 ann: [gone]",
        "1 is now: edited",
        "1 reactions: 👍1*",
        "9 is now: edited",
        "9 reactions: 👍1*",
        "2 deleted by ann",
        "10 deleted by ann",
    ];
    assert_eq!(lines(&events), expected);
    assert_eq!(
        acts(&subject.replay(&bob, from).await).len(),
        11,
        "without a limit all are told"
    );
    // A gap that begins with the conversation has them all.
    let mut replay = subject
        .open(&bob, ReplayFrom::After(Offset::ZERO), Some(1))
        .await;
    assert_eq!(left_out(&replay.gaps[0]), (1, 9));
    let events = subject.rest(&mut replay).await;
    assert_eq!(lines(&events)[1..], ["10 ann: [gone]", "10 deleted by ann"]);
}

pub async fn an_act_below_the_floor_is_left_out(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    let [eve] = subject.people(["eve"]).await;
    subject.add(&ann, id, &[&eve]).await;
    subject.speak(&bob, id, "6").await;
    for seq in [1, 5, 6] {
        subject.give(&bob, id, seq, "👍").await;
    }
    subject.edit(&ann, id, 1, "one").await;
    subject.edit(&bob, id, 6, "six").await;
    subject.delete(&ann, id, 5).await;
    let missed = subject.missed(&eve, Offset::ZERO).await;
    let expected = [
        "eve added as member by ann (3)",
        "6 bob: six 👍1",
        "6 reactions: 👍1",
        "6 is now: six",
    ];
    assert_eq!(missed[1..], expected);
    // The same that was told live.
    let live = subject.events_after(Offset::ZERO).await;
    let live = live.iter().filter(|(_, readers)| readers.contains(&eve.id));
    assert_eq!(live.count(), missed.len());
}

pub async fn a_joiner_who_reads_all_gets_acts_since_the_joining(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, channel("ops", &[])).await;
    for number in 1..=3 {
        subject.speak(&ann, id, &number.to_string()).await;
    }
    subject.edit(&ann, id, 1, "one").await;
    subject.give(&ann, id, 1, "👍").await;
    subject.join(&bob, "ops").await;
    subject.edit(&ann, id, 2, "two").await;
    subject.give(&ann, id, 3, "👍").await;
    let missed = subject.missed(&bob, Offset::ZERO).await;
    let expected = [
        "bob joined as member (2)",
        "2 is now: two",
        "3 reactions: 👍1",
    ];
    assert_eq!(
        missed[1..],
        expected,
        "of messages that the page of history shows"
    );
}

pub async fn what_is_replaced_during_a_replay_is_left_to_the_live_stream(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    for seq in 1..=3 {
        subject.edit(&ann, id, seq, "edited").await;
        subject.give(&ann, id, seq, "👍").await;
    }
    let begin = subject.store.end();
    let from = ReplayFrom::After(Offset::ZERO);
    let mut replay = subject.open(&bob, from, None).await;
    subject.edit(&ann, id, 1, "again").await;
    subject.give(&bob, id, 2, "👍").await;
    subject.delete(&ann, id, 3).await;
    let events = subject.rest(&mut replay).await;
    assert!(events.iter().all(|event| event.offset <= begin));
    let got: Vec<_> = acts(&events).into_iter().map(|(_, line)| line).collect();
    // Which reactions are the reader's is not said live.
    assert_eq!(
        got,
        ["1 reactions: 👍1", "2 is now: edited", "2 reactions: 👍2*"]
    );
    let live = subject.events_after(begin).await;
    assert_eq!(live.len(), 3);
    assert_eq!(seqs(&events), [1, 2, 3, 4, 5]);
}

pub async fn many_acts_come_in_pages(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    let many = 1_200;
    let numbers = (0..many).map(|number| {
        let target = tinychat::domain::message::Target::Conversation(id);
        super::subject::new(&ann, target, &number.to_string())
    });
    subject.store.append(numbers.collect()).await.unwrap();
    let begin = subject.store.end();
    for chunk in (6..6 + many).collect::<Vec<u64>>().chunks(200) {
        let acts = chunk.iter().map(|seq| {
            let seq = Seq::new(*seq);
            let edited = "edited".parse().unwrap();
            subject.store.edit_message(ann.clone(), id, seq, edited)
        });
        for act in acts.collect::<Vec<_>>() {
            act.await.unwrap();
        }
    }
    let mut replay = subject.open(&bob, ReplayFrom::After(begin), None).await;
    let events = subject.rest(&mut replay).await;
    let edited = events.iter().map(|event| match &event.body {
        EventBody::MessageEdited(message) => message.seq.number(),
        other => panic!("{other:?}"),
    });
    assert!(edited.eq(6..6 + many));
}
