//! What those who become members read of what was said before, and what their devices get: floors, first syncs,
//! resuming from before the joining, coming back.

use super::{
    doing::{channel, channel_name, group, ids, lines, said, shown},
    subject::{NOON, Subject, after, left_out, seqs},
};
use tinychat::{
    domain::{
        conversation::{HistoryAccess, NewConversation, ReadState},
        ids::{ConversationId, Offset, Seq},
        page::{PageSize, Position, PositionAsked},
        user::UserRef,
    },
    store::{ReplayFrom, Store},
};

/// A channel that shows joiners nothing of what was said before.
fn channel_since(name: &str, members: &[&UserRef]) -> NewConversation {
    NewConversation {
        history: HistoryAccess::SinceJoin,
        ..channel(name, members)
    }
}

/// Says the numbers from one to another.
async fn count(subject: &Subject, user: &UserRef, id: ConversationId, from: u64, to: u64) {
    for number in from..=to {
        let seq = subject.speak(user, id, &number.to_string()).await;
        assert_eq!(seq, Seq::new(number));
    }
}

pub async fn who_joins_without_history_reads_from_then_on(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, channel_since("ops", &[])).await;
    count(&subject, &ann, id, 1, 8).await;
    let joined = subject.join(&bob, "ops").await;
    let added = subject.add(&ann, id, &[&eve]).await;
    assert_eq!(added.len(), 1);
    let read = ReadState {
        read_seq: Seq::new(8),
        unread: 0,
    };
    assert_eq!(joined.conversation.last_seq, Seq::new(8));
    for user in [&bob, &eve] {
        let view = subject.view(user, id).await.unwrap();
        assert_eq!((view.read, view.last_message), (read, None));
        let page = subject.page(user, id).await.unwrap();
        assert_eq!(page.messages, []);
        assert_eq!((page.floor, page.last_seq), (Seq::new(8), Seq::new(8)));
    }
    count(&subject, &ann, id, 9, 12).await;
    let (floor, last) = (Seq::new(8), Seq::new(12));
    for size in [1, 2, 3, 4, 5] {
        let mut positions = vec![Position::Newest];
        for seq in (0..=14).chain([u64::MAX]).map(Seq::new) {
            positions.extend([
                Position::Before(seq),
                Position::After(seq),
                Position::Around(seq),
            ]);
        }
        for position in positions {
            let asked = PageSize::asked(size);
            let range = position.range(floor, last, asked);
            let expected: Vec<u64> = range.map_or_else(Vec::new, |(from, to)| {
                (from.number()..=to.number()).collect()
            });
            let place = PositionAsked::At(position);
            let page = subject.store.list_messages(bob.id, id, place, asked);
            let page = page.await.unwrap().unwrap();
            let found = page.messages.iter().map(|message| message.seq.number());
            assert_eq!(
                found.collect::<Vec<_>>(),
                expected,
                "{position:?} by {size}"
            );
            assert_eq!((page.floor, page.last_seq), (floor, last));
        }
    }
    let view = subject.view(&bob, id).await.unwrap();
    assert_eq!(
        (view.read.unread, view.last_message.unwrap().seq),
        (4, last)
    );
    let all = subject.page(&ann, id).await.unwrap();
    assert_eq!((all.messages.len(), all.floor), (12, Seq::ZERO));
    // A marker below the floor changes nothing; the end is where it is.
    assert_eq!(subject.read(&bob, id, 3, NOON).await, (8, 4));
    assert_eq!(subject.read(&bob, id, 10, NOON).await, (10, 2));
}

pub async fn who_joins_with_history_reads_it_all(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, channel("ops", &[])).await;
    count(&subject, &ann, id, 1, 4).await;
    subject.delete(&ann, id, 2).await;
    subject.join(&bob, "ops").await;
    subject.add(&ann, id, &[&eve]).await;
    for user in [&bob, &eve] {
        let page = subject.page(user, id).await.unwrap();
        assert_eq!(said(&page.messages), ["1", "", "3", "4"]);
        assert_eq!(page.floor, Seq::ZERO);
        let view = subject.view(user, id).await.unwrap();
        assert_eq!((view.read.read_seq, view.read.unread), (Seq::new(4), 0));
        assert_eq!(view.last_message.unwrap().seq, Seq::new(4));
    }
}

pub async fn a_change_of_what_joiners_read_is_for_those_who_come_later(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    let id = subject.make(&ann, group(&[])).await;
    subject.speak(&ann, id, "1").await;
    subject.add(&ann, id, &[&bob]).await;
    subject.change(&ann, id, shown(HistoryAccess::All)).await;
    subject.speak(&ann, id, "2").await;
    subject.add(&ann, id, &[&eve]).await;
    subject
        .change(&ann, id, shown(HistoryAccess::SinceJoin))
        .await;
    subject.add(&ann, id, &[&fay]).await;
    // What was said before the change stays closed to those who were not there.
    for (user, floor) in [(&ann, 0), (&bob, 1), (&eve, 1), (&fay, 2)] {
        let page = subject.page(user, id).await.unwrap();
        let read = 2 - page.messages.len() as u64;
        assert_eq!((page.floor.number(), read), (floor, floor), "{}", user.name);
    }
}

pub async fn unread_begins_at_the_joining(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob])).await;
    count(&subject, &bob, id, 1, 3).await;
    subject.read(&bob, id, 1, NOON).await;
    subject.leave(&bob, id).await;
    count(&subject, &ann, id, 4, 5).await;
    // What the member sent in an earlier time does not count against what is unread now.
    assert_eq!(subject.join(&bob, "ops").await.read.unread, 0);
    count(&subject, &ann, id, 6, 9).await;
    count(&subject, &bob, id, 10, 10).await;
    let unread = async || subject.view(&bob, id).await.unwrap().read.unread;
    assert_eq!(unread().await, 4);
    assert_eq!(subject.read(&bob, id, 7, NOON).await, (7, 2));
    count(&subject, &bob, id, 11, 12).await;
    assert_eq!(unread().await, 2);
    assert_eq!(subject.read(&bob, id, 10, NOON).await, (10, 0));
}

pub async fn a_first_sync_of_a_joiner_is_what_was_said_since(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let all = subject.make(&ann, channel("all", &[&eve])).await;
    let since = subject.make(&ann, channel_since("since", &[&eve])).await;
    for id in [all, since] {
        count(&subject, &ann, id, 1, 5).await;
    }
    subject.join(&bob, "all").await;
    subject.join(&bob, "since").await;
    assert_eq!(subject.replay(&bob, ReplayFrom::Unread).await, []);
    for id in [all, since] {
        count(&subject, &ann, id, 6, 9).await;
    }
    subject.read(&bob, all, 7, NOON).await;
    let mut replay = subject.open(&bob, ReplayFrom::Unread, None).await;
    assert!(replay.first_sync);
    assert_eq!(seqs(&subject.rest(&mut replay).await), [8, 9, 6, 7, 8, 9]);
    let mut replay = subject.open(&bob, ReplayFrom::Unread, Some(3)).await;
    let gaps: Vec<_> = replay.gaps.iter().map(left_out).collect();
    assert_eq!(gaps, [(6, 6)]);
    assert_eq!(seqs(&subject.rest(&mut replay).await), [8, 9, 7, 8, 9]);
    // A founder who read nothing gets all.
    assert_eq!(
        seqs(&subject.replay(&eve, ReplayFrom::Unread).await).len(),
        18
    );
}

pub async fn a_joiner_who_was_away_gets_what_came_after_the_joining(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    for new_one in [channel("ops", &[]), group(&[])] {
        let id = subject.make(&ann, new_one).await;
        let begin = subject.store.end();
        count(&subject, &ann, id, 1, 2).await;
        subject.add(&ann, id, &[&eve]).await;
        subject.add(&ann, id, &[&bob]).await;
        count(&subject, &eve, id, 3, 4).await;
        let missed = subject.missed(&bob, begin).await;
        let state = missed[0].clone();
        assert!(state.ends_with(" (3), last 4"), "the state of now: {state}");
        let rest = ["bob added as member by ann (3)", "3 eve: 3", "4 eve: 4"];
        assert_eq!(missed[1..], rest);
        assert_eq!(
            subject.missed(&bob, Offset::ZERO).await.last(),
            missed.last()
        );
        // The founder gets everything, the state of the other joiner apart.
        let missed = subject.missed(&ann, begin).await;
        let all = ["1 ann: 1", "2 ann: 2", "eve added as member by ann (2)"];
        assert_eq!(missed, [&all, &rest[..]].concat());
    }
    for user in [&ann, &bob, &eve] {
        subject.assert_resumes_everywhere(user).await;
    }
}

pub async fn a_gap_of_a_joiner_begins_after_the_joining(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, channel("ops", &[])).await;
    count(&subject, &ann, id, 1, 5).await;
    subject.join(&bob, "ops").await;
    count(&subject, &ann, id, 6, 10).await;
    for (limit, gap, newest) in [
        (None, None, 6),
        (Some(5), None, 6),
        (Some(2), Some((6, 8)), 9),
    ] {
        let mut replay = subject
            .open(&bob, ReplayFrom::After(Offset::ZERO), limit)
            .await;
        let gaps: Vec<_> = replay.gaps.iter().map(left_out).collect();
        assert_eq!(gaps, Vec::from_iter(gap), "limit {limit:?}");
        let events = subject.rest(&mut replay).await;
        assert_eq!(seqs(&events), (newest..=10).collect::<Vec<_>>());
        let others = lines(&events[..2]);
        assert_eq!(others, ["#ops (2), last 10", "bob joined as member (2)"]);
    }
}

pub async fn who_comes_back_resumes_from_every_place(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, channel("ops", &[])).await;
    let since = subject.make(&eve, channel_since("since", &[])).await;
    for round in 0..3 {
        subject.join(&bob, "ops").await;
        subject.speak(&ann, id, "in").await;
        subject.add(&eve, since, &[&bob, &ann]).await;
        subject.speak(&bob, since, "in").await;
        subject
            .set_role(&ann, id, &bob, tinychat::domain::role::Role::ReadOnly)
            .await;
        match round {
            0 => subject.leave(&bob, id).await,
            _ => subject.remove(&ann, id, &bob, false).await,
        }
        subject.speak(&ann, id, "out").await;
        subject.say(&bob, &ann, "apart").await;
        subject.leave(&bob, since).await;
        subject.leave(&ann, since).await;
        subject.speak(&eve, since, "out").await;
    }
    for user in [&ann, &bob, &eve] {
        subject.assert_resumes_everywhere(user).await;
    }
    subject.join(&bob, "ops").await;
    subject.add(&eve, since, &[&bob]).await;
    for user in [&ann, &bob, &eve] {
        subject.assert_resumes_everywhere(user).await;
    }
    let page = subject.page(&bob, id).await.unwrap();
    assert_eq!((page.messages.len(), page.floor), (6, Seq::ZERO));
    let page = subject.page(&bob, since).await.unwrap();
    assert_eq!(
        (page.messages.len(), page.floor),
        (0, Seq::new(6)),
        "an earlier time counts no more"
    );
}

pub async fn who_comes_back_has_a_gap_in_each_time(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob])).await;
    count(&subject, &ann, id, 1, 4).await;
    subject.leave(&bob, id).await;
    count(&subject, &ann, id, 5, 8).await;
    let join = |store| Store::join_channel(store, bob.clone(), channel_name("ops"), after(1));
    let (_, told) = subject.told(join).await;
    assert_eq!(told[1].1, ids(&[&ann, &bob]));
    count(&subject, &ann, id, 9, 12).await;
    let mut replay = subject
        .open(&bob, ReplayFrom::After(Offset::ZERO), Some(1))
        .await;
    let mut gaps: Vec<_> = replay.gaps.iter().map(left_out).collect();
    gaps.sort_unstable();
    assert_eq!(gaps, [(1, 3), (9, 11)]);
    let got = lines(&subject.rest(&mut replay).await);
    let expected = [
        "#ops (2), last 12",
        "4 ann: 4",
        "bob left (1)",
        "#ops (2), last 12",
        "bob joined as member (2)",
        "12 ann: 12",
    ];
    assert_eq!(got, expected);
}
