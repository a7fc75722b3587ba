//! Replays: what a device gets that was away, in pages, with gaps, and where it meets the live stream.

use super::subject::{NOON, Subject, after, eventually, left_out, new, seqs, to};
use tinychat::{
    domain::{
        event::{Event, EventBody, ReadMarker},
        ids::{ConversationId, Offset, Seq},
        limits::TEXT_BYTES_MAX,
        user::UserRef,
    },
    store::{REPLAY_BYTES_MAX, REPLAY_EVENTS_MAX, ReplayFrom},
};

fn offsets(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.offset.number()).collect()
}

pub async fn a_replay_after_a_place_gives_what_was_missed(subject: Subject) {
    let (ann, bob, eve) = (
        subject.user("ann").await,
        subject.user("bob").await,
        subject.user("eve").await,
    );
    for round in 0..3 {
        subject.say(&ann, &bob, &format!("a {round}")).await;
        subject.say(&eve, &ann, &format!("e {round}")).await;
        subject.say(&eve, &bob, &format!("apart {round}")).await;
        subject.say(&bob, &ann, &format!("b {round}")).await;
    }
    let events = subject.events_after(Offset::ZERO).await;
    for user in [&ann, &bob, &eve] {
        for place in (0..=subject.store.end().number()).map(Offset::new) {
            let mut replay = subject.open(user, ReplayFrom::After(place), None).await;
            assert_eq!(replay.end, subject.store.end());
            assert!(!replay.first_sync);
            assert_eq!(replay.gaps, []);
            let got = subject.rest(&mut replay).await;
            let missed = events
                .iter()
                .filter(|(event, readers)| event.offset > place && readers.contains(&user.id));
            let missed = missed.map(|(event, _)| event);
            assert_eq!(got.len(), missed.clone().count());
            for (got, missed) in got.iter().zip(missed) {
                assert_eq!(got.offset, missed.offset);
                if let EventBody::Message(_) = &missed.body {
                    assert_eq!(got, missed);
                }
            }
        }
    }
}

pub async fn a_replay_ends_where_the_log_did_when_it_began(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let eve = subject.user("eve").await;
    subject.count(&ann, &bob, 5).await;
    for from in [ReplayFrom::After(Offset::ZERO), ReplayFrom::Unread] {
        let mut replay = subject.open(&bob, from, None).await;
        let end = subject.store.end();
        subject.start(&bob, &bob).await;
        subject.say(&eve, &bob, "another conversation").await;
        subject.count(&ann, &bob, 5).await;
        let events = subject.rest(&mut replay).await;
        assert_eq!(replay.end, end);
        assert_eq!(events.last().unwrap().offset, end);
    }
}

pub async fn a_long_replay_comes_in_pages(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let eve = subject.user("eve").await;
    // Two conversations that lie in each other.
    let per_round = REPLAY_EVENTS_MAX / 4 + 1;
    for _ in 0..5 {
        subject.count(&ann, &bob, per_round).await;
        subject.count(&eve, &bob, per_round).await;
    }
    let all = 10 * per_round + 2;
    let place = ReplayFrom::After(Offset::ZERO);
    let mut replay = subject.open(&bob, place, None).await;
    let mut sizes = Vec::new();
    let mut events = Vec::new();
    loop {
        let page = subject.store.read_replay(&mut replay).await.unwrap();
        if page.events.is_empty() {
            break;
        }
        sizes.push(page.events.len());
        events.extend(page.events);
        // A replay holds nothing: others write between two pages.
        subject.say(&ann, &bob, "meanwhile").await;
    }
    assert_eq!(
        sizes,
        [
            REPLAY_EVENTS_MAX,
            REPLAY_EVENTS_MAX,
            all - 2 * REPLAY_EVENTS_MAX
        ]
    );
    let expected: Vec<_> = (1..=all as u64).collect();
    assert_eq!(offsets(&events), expected);
}

pub async fn a_page_of_a_replay_ends_at_its_bytes(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let long = "x".repeat(TEXT_BYTES_MAX);
    let fit = REPLAY_BYTES_MAX / TEXT_BYTES_MAX;
    let batch = (0..3 * fit).map(|_| new(&ann, to(&bob), &long)).collect();
    subject.store.append(batch).await.unwrap();
    let mut replay = subject.open(&bob, ReplayFrom::Unread, None).await;
    let mut all = 0;
    loop {
        let page = subject.store.read_replay(&mut replay).await.unwrap();
        if page.events.is_empty() {
            break;
        }
        assert!(
            page.events.len() <= fit + 1,
            "about 1 MiB: {}",
            page.events.len()
        );
        all += page.events.len();
    }
    assert_eq!(all, 3 * fit);
}

pub async fn a_device_that_never_acknowledged_gets_what_is_unread(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let eve = subject.user("eve").await;
    let device = subject.device(&bob, NOON).await;
    let with_ann = subject.count(&ann, &bob, 6).await.conversation;
    subject.say(&eve, &bob, "unread").await;
    subject.say(&bob, &bob, "a note").await;
    subject.start(&bob, &subject.user("fay").await).await;
    subject.read(&bob, with_ann, 4, NOON).await;
    subject.read(&ann, with_ann, 5, NOON).await;
    for from in [ReplayFrom::Unread, ReplayFrom::Acknowledged(device.id)] {
        let mut replay = subject.open(&bob, from, None).await;
        assert!(replay.first_sync);
        assert_eq!((replay.end, replay.gaps.len()), (subject.store.end(), 0));
        let events = subject.rest(&mut replay).await;
        assert_eq!(
            seqs(&events),
            [5, 6, 1, 1],
            "by offset: ann's, eve's, the note"
        );
        let [marker] = &events[4..] else {
            panic!("no changes, no private events, not the own marker: {events:?}");
        };
        let shown = ReadMarker {
            conversation: with_ann,
            user: ann.id,
            read_seq: Seq::new(5),
        };
        assert_eq!(marker.body, EventBody::ReadMarker(shown));
    }
}

pub async fn a_device_goes_on_where_it_acknowledged_last(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let (one, two) = (
        subject.device(&bob, NOON).await.id,
        subject.device(&bob, NOON).await.id,
    );
    subject.count(&ann, &bob, 9).await;
    let acknowledge = async |device, place: u64, missed: &[u64]| {
        let cursor = Offset::new(place);
        subject.store.acknowledge(device, cursor).unwrap();
        eventually("the cursor is kept", async || {
            let from = ReplayFrom::Acknowledged(device);
            let mut replay = subject.open(&bob, from, None).await;
            !replay.first_sync && seqs(&subject.rest(&mut replay).await) == missed
        })
        .await;
    };
    // The message of seq n stands at n + 1.
    acknowledge(one, 5, &[5, 6, 7, 8, 9]).await;
    acknowledge(one, 8, &[8, 9]).await;
    acknowledge(one, 3, &[8, 9]).await;
    let replay = subject
        .open(&bob, ReplayFrom::Acknowledged(two), None)
        .await;
    assert!(replay.first_sync, "each device has an own cursor");
    acknowledge(two, 0, &[1, 2, 3, 4, 5, 6, 7, 8, 9]).await;
    acknowledge(one, 10, &[]).await;
}

pub async fn the_backlog_limit_leaves_a_gap_before_the_newest(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let id = subject.count(&ann, &bob, 10).await.conversation;
    // The message of seq n stands at n + 1: after 4, the messages 4 to 10 are missed.
    let place = ReplayFrom::After(Offset::new(4));
    for (limit, gap, newest) in [
        (None, None, 4),
        (Some(0), None, 4),
        (Some(1), Some((4, 9)), 10),
        (Some(2), Some((4, 8)), 9),
        (Some(6), Some((4, 4)), 5),
        (Some(7), None, 4),
        (Some(8), None, 4),
        (Some(u64::MAX), None, 4),
    ] {
        let mut replay = subject.open(&bob, place, limit).await;
        let gaps: Vec<_> = replay.gaps.iter().map(left_out).collect();
        assert_eq!(gaps, Vec::from_iter(gap), "limit {limit:?}");
        assert!(replay.gaps.iter().all(|gap| gap.conversation == id));
        let events = subject.rest(&mut replay).await;
        let expected: Vec<u64> = (newest..=10).collect();
        assert_eq!(seqs(&events), expected, "limit {limit:?}");
    }
    let replay = subject
        .open(&bob, ReplayFrom::After(subject.store.end()), Some(1))
        .await;
    assert_eq!(replay.gaps, [], "nothing was missed");
    // What is no message does not count and is not left out.
    let mut replay = subject
        .open(&bob, ReplayFrom::After(Offset::ZERO), Some(3))
        .await;
    assert_eq!(left_out(&replay.gaps[0]), (1, 7));
    assert_eq!(offsets(&subject.rest(&mut replay).await), [1, 9, 10, 11]);
}

pub async fn the_backlog_limit_counts_each_conversation_alone(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let eve = subject.user("eve").await;
    let with_ann = subject.count(&ann, &bob, 4).await.conversation;
    let with_eve = subject.count(&eve, &bob, 2).await.conversation;
    subject.count(&ann, &bob, 1).await;
    subject.count(&bob, &bob, 3).await;
    subject.count(&eve, &bob, 2).await;
    let place = ReplayFrom::After(Offset::ZERO);
    let mut replay = subject.open(&bob, place, Some(3)).await;
    let gaps: Vec<_> = replay
        .gaps
        .iter()
        .map(|gap| (gap.conversation, left_out(gap)))
        .collect();
    assert_eq!(gaps, [(with_ann, (1, 2)), (with_eve, (1, 1))]);
    let events = subject.rest(&mut replay).await;
    assert_eq!(seqs(&events), [3, 4, 2, 5, 1, 2, 3, 3, 4]);
}

pub async fn a_first_sync_has_gaps_too(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let id = subject.count(&ann, &bob, 10).await.conversation;
    subject.read(&bob, id, 3, NOON).await;
    let mut replay = subject.open(&bob, ReplayFrom::Unread, Some(2)).await;
    assert!(replay.first_sync);
    let gaps: Vec<_> = replay.gaps.iter().map(left_out).collect();
    assert_eq!(gaps, [(4, 8)]);
    assert_eq!(seqs(&subject.rest(&mut replay).await), [9, 10]);
    let replay = subject.open(&bob, ReplayFrom::Unread, Some(7)).await;
    assert_eq!(replay.gaps, []);
}

pub async fn a_change_is_replayed_as_the_state_of_now(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let id = subject.start(&ann, &bob).await.conversation.id;
    subject.count(&ann, &bob, 3).await;
    let now = subject.view(&ann, id).await.unwrap().conversation;
    assert_eq!(now.last_seq, Seq::new(3));
    let events = subject.replay(&ann, ReplayFrom::After(Offset::ZERO)).await;
    assert_eq!(offsets(&events), [1, 2, 3, 4, 5]);
    for change in &events[..2] {
        assert_eq!(change.body, EventBody::ConversationChanged(now.clone()));
    }
}

pub async fn what_a_user_started_in_silence_is_replayed_to_nobody_else(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    subject.start(&ann, &bob).await;
    let place = ReplayFrom::After(Offset::ZERO);
    assert_eq!(offsets(&subject.replay(&ann, place).await), [1]);
    assert_eq!(subject.replay(&bob, place).await, []);
    subject.start(&bob, &ann).await;
    assert_eq!(offsets(&subject.replay(&ann, place).await), [1]);
    assert_eq!(offsets(&subject.replay(&bob, place).await), [2]);
    let later = ReplayFrom::After(Offset::new(2));
    assert_eq!(subject.replay(&bob, later).await, []);
    assert_eq!(subject.replay(&ann, ReplayFrom::Unread).await, []);
}

/// The markers among the events: (offset, how far).
fn markers(events: &[Event], of: &UserRef, id: ConversationId) -> Vec<(u64, u64)> {
    let marker = |event: &Event| match event.body {
        EventBody::ReadMarker(ReadMarker {
            conversation,
            user,
            read_seq,
        }) if (conversation, user) == (id, of.id) => {
            Some((event.offset.number(), read_seq.number()))
        }
        _ => None,
    };
    events.iter().filter_map(marker).collect()
}

pub async fn a_marker_is_replayed_once_at_its_last_value(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let id = subject.count(&ann, &bob, 10).await.conversation;
    let end = subject.store.end().number();
    // Shown to all, then two that others are not shown yet.
    subject.read(&bob, id, 2, after(0)).await;
    subject.read(&bob, id, 5, after(10)).await;
    subject.read(&bob, id, 6, after(20)).await;
    let of_bob = async |reader, place| {
        let events = subject
            .replay(reader, ReplayFrom::After(Offset::new(place)))
            .await;
        markers(&events, &bob, id)
    };
    assert_eq!(
        of_bob(&bob, 0).await,
        [(end + 3, 6)],
        "own devices get the last"
    );
    assert_eq!(of_bob(&bob, end + 2).await, [(end + 3, 6)]);
    assert_eq!(of_bob(&bob, end + 3).await, []);
    let shown = of_bob(&ann, end).await;
    assert!(
        shown == [(end + 1, 2)] || shown == [(end + 4, 6)],
        "{shown:?}"
    );
    let all = Offset::new(end + 4);
    eventually("the last is shown", async || subject.store.end() >= all).await;
    assert_eq!(of_bob(&ann, end).await, [(end + 4, 6)]);
    assert_eq!(of_bob(&ann, end + 3).await, [(end + 4, 6)]);
    assert_eq!(of_bob(&ann, end + 4).await, []);
    assert_eq!(
        of_bob(&bob, end + 3).await,
        [],
        "showing it to others is no change to the own"
    );
}

pub async fn a_marker_that_moved_since_is_left_to_the_live_stream(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let id = subject.count(&ann, &bob, 10).await.conversation;
    subject.read(&bob, id, 2, after(0)).await;
    subject.read(&ann, id, 3, after(0)).await;
    let place = ReplayFrom::After(Offset::ZERO);
    let mut own = subject.open(&bob, place, None).await;
    let mut others = subject.open(&ann, place, None).await;
    let end = subject.store.end();
    subject.read(&bob, id, 4, after(5_000)).await;
    let own = subject.rest(&mut own).await;
    assert_eq!(markers(&own, &bob, id), []);
    assert_eq!(
        markers(&own, &ann, id),
        [(end.number(), 3)],
        "that one did not move"
    );
    assert_eq!(markers(&subject.rest(&mut others).await, &bob, id), []);
    let (live, readers) = subject.events_after(end).await.remove(0);
    assert_eq!(readers, [ann.id, bob.id], "both hear of it live");
    assert_eq!(markers(&[live], &bob, id), [(end.number() + 1, 4)]);
}
