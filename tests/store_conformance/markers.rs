//! Read markers: how far a member has read, what is unread, and when others hear of it.

use std::time::{Duration, Instant};

use super::{
    doing::{channel, group, names},
    subject::{NOON, Subject, after, eventually},
};
use tinychat::{
    domain::{
        conversation::NewConversation,
        event::{Event, EventBody, ReadMarker},
        ids::{ConversationId, Offset, Seq, UserId},
        limits::MARKERS_SHOWN_MEMBERS_MAX,
        user::UserRef,
    },
    store::{MarkReadError, ReplayFrom},
};

pub async fn a_marker_moves_up_to_the_end_and_never_down(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let id = subject.count(&ann, &bob, 5).await.conversation;
    let end = subject.store.end();
    assert_eq!(subject.read(&bob, id, 0, NOON).await, (0, 5));
    assert_eq!(subject.store.end(), end, "0 is where it is");
    let beyond = subject.store.mark_read(bob.id, id, Seq::new(6), NOON);
    assert_eq!(beyond.await, Err(MarkReadError::BeyondEnd(Seq::new(5))));
    let beyond = subject
        .store
        .mark_read(bob.id, id, Seq::new(u64::MAX), NOON);
    assert_eq!(beyond.await, Err(MarkReadError::BeyondEnd(Seq::new(5))));
    assert_eq!(subject.store.end(), end);
    assert_eq!(subject.read(&bob, id, 3, NOON).await, (3, 2));
    assert_eq!(
        subject.store.end(),
        end.next(),
        "a move takes one place in the log"
    );
    for lower in [0, 1, 3] {
        assert_eq!(subject.read(&bob, id, lower, NOON).await, (3, 2));
    }
    assert_eq!(subject.store.end(), end.next());
    assert_eq!(subject.read(&bob, id, 5, NOON).await, (5, 0), "at the end");
    let view = subject.view(&bob, id).await.unwrap();
    assert_eq!((view.read.read_seq, view.read.unread), (Seq::new(5), 0));
    let view = subject.view(&ann, id).await.unwrap();
    assert_eq!(view.read.read_seq, Seq::ZERO, "each has an own marker");
}

pub async fn unread_counts_what_others_sent_after_the_marker(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let id = subject.say(&ann, &bob, "1").await.conversation;
    for (sender, peer) in [(&bob, &ann), (&ann, &bob), (&ann, &bob), (&bob, &ann)] {
        subject.say(sender, peer, "more").await;
    }
    // a b a a b
    let unread = async |user| subject.view(user, id).await.unwrap().read.unread;
    assert_eq!((unread(&ann).await, unread(&bob).await), (2, 3));
    assert_eq!(subject.read(&ann, id, 2, NOON).await, (2, 1));
    assert_eq!(subject.read(&bob, id, 3, NOON).await, (3, 1));
    subject.say(&bob, &ann, "6").await;
    assert_eq!((unread(&ann).await, unread(&bob).await), (2, 1));
    assert_eq!(subject.read(&ann, id, 6, NOON).await, (6, 0));
    assert_eq!(subject.read(&bob, id, 6, NOON).await, (6, 0));
}

pub async fn unread_is_what_a_recount_finds(subject: Subject) {
    let seed = 0x7c3a_11e5_u64;
    println!("seed {seed:#x}");
    let mut state = seed;
    let mut roll = |sides: u64| {
        // Knuth's linear congruential generator; its high bits are the good ones.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % sides
    };
    for round in 0..6 {
        let a = subject.user(&format!("a{round}")).await;
        let b = subject.user(&format!("b{round}")).await;
        let people = [a, b];
        let mut senders: Vec<UserId> = Vec::new();
        let mut read = [0, 0];
        let mut id = None::<ConversationId>;
        for step in 0..60 {
            let who = usize::from(roll(2) == 1);
            let (me, peer) = (&people[who], &people[1 - who]);
            match id {
                Some(id) if roll(3) == 0 => {
                    let seq = roll(senders.len() as u64 + 1);
                    read[who] = read[who].max(seq);
                    let (read_seq, _) = subject.read(me, id, seq, after(step * 300)).await;
                    assert_eq!(read_seq, read[who]);
                }
                _ => {
                    id = Some(subject.say(me, peer, "x").await.conversation);
                    senders.push(me.id);
                }
            }
            for (person, read) in people.iter().zip(read) {
                let unread = senders[usize::try_from(read).unwrap()..].iter();
                let unread = unread.filter(|sender| **sender != person.id).count();
                let view = subject.view(person, id.unwrap()).await.unwrap();
                assert_eq!(
                    view.read.unread, unread as u64,
                    "round {round}, step {step}"
                );
                assert_eq!(view.read.read_seq, Seq::new(read));
            }
        }
    }
}

/// What was heard of markers after a place: (offset, whose, how far, by whom it is read).
async fn moves(subject: &Subject, place: Offset) -> Vec<(u64, UserId, u64, Vec<UserId>)> {
    let events = subject.events_after(place).await.into_iter();
    let moves = events.filter_map(|(event, readers)| match event.body {
        EventBody::ReadMarker(ReadMarker { user, read_seq, .. }) => {
            Some((event.offset.number(), user, read_seq.number(), readers))
        }
        _ => None,
    });
    moves.collect()
}

/// The moves after a place, once every marker that waits now would have been shown: one of two others, which waits longer
/// than all of them, has been.
async fn moves_in_the_end(
    subject: &Subject,
    place: Offset,
) -> Vec<(u64, UserId, u64, Vec<UserId>)> {
    let [later, other] = subject.people(["later", "other"]).await;
    let id = subject.count(&later, &other, 2).await.conversation;
    subject.read(&other, id, 1, after(10_000)).await;
    subject.read(&other, id, 2, after(10_010)).await;
    eventually("the last marker is shown", async || {
        let moves = moves(subject, place).await;
        moves.iter().any(|(.., readers)| *readers == [later.id])
    })
    .await;
    let mut moves = moves(subject, place).await;
    moves.retain(|(_, user, ..)| *user != other.id);
    moves
}

/// Ann has said ten things to Bob.
async fn ten(subject: &Subject) -> (UserRef, UserRef, ConversationId, Offset) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let id = subject.count(&ann, &bob, 10).await.conversation;
    let end = subject.store.end();
    (ann, bob, id, end)
}

pub async fn the_first_marker_is_shown_to_all_at_once(subject: Subject) {
    let (ann, bob, id, end) = ten(&subject).await;
    subject.read(&bob, id, 4, NOON).await;
    let first = end.next().number();
    let both = vec![ann.id, bob.id];
    let heard = moves(&subject, end).await;
    assert_eq!(
        heard,
        [(first, bob.id, 4, both.clone())],
        "one event, one place"
    );
    subject.read(&ann, id, 7, NOON).await;
    let heard = moves(&subject, end.next()).await;
    assert_eq!(
        heard,
        [(first + 1, ann.id, 7, both)],
        "each member has an own second"
    );
}

pub async fn markers_within_a_second_are_shown_once_with_the_last_value(subject: Subject) {
    let (ann, bob, id, end) = ten(&subject).await;
    let begun = Instant::now();
    subject.read(&bob, id, 1, after(0)).await;
    for seq in 2..=9 {
        let at = after(i64::try_from(seq).unwrap() * 10);
        assert_eq!(subject.read(&bob, id, seq, at).await, (seq, 10 - seq));
    }
    let first = end.next().number();
    let mut expected = vec![(first, bob.id, 1, vec![ann.id, bob.id])];
    // Own devices hear of each.
    let own = (2..=9).map(|seq| (first + seq - 1, bob.id, seq, vec![bob.id]));
    expected.extend(own);
    let heard = moves(&subject, end).await;
    let in_time = begun.elapsed() < Duration::from_millis(800);
    assert!(
        !in_time || heard == expected,
        "not before the second is over: {heard:?}"
    );

    expected.push((first + 9, bob.id, 9, vec![ann.id]));
    eventually("the others are shown the marker", async || {
        moves(&subject, end).await.len() >= expected.len()
    })
    .await;
    let waited = begun.elapsed();
    assert!(
        waited < Duration::from_secs(3),
        "about one second: {waited:?}"
    );
    assert_eq!(moves(&subject, end).await, expected);
    assert_eq!(subject.store.end(), Offset::new(first + 9));
    // What is shown is not shown again.
    assert_eq!(moves_in_the_end(&subject, end).await, expected);
}

pub async fn a_marker_a_second_later_is_shown_at_once(subject: Subject) {
    let (ann, bob, id, end) = ten(&subject).await;
    subject.read(&bob, id, 1, after(0)).await;
    subject.read(&bob, id, 2, after(999)).await;
    subject.read(&bob, id, 3, after(1_000)).await;
    subject.read(&bob, id, 4, after(2_000)).await;
    let both = vec![ann.id, bob.id];
    let first = end.next().number();
    let expected = vec![
        (first, bob.id, 1, both.clone()),
        (first + 1, bob.id, 2, vec![bob.id]),
        (first + 2, bob.id, 3, both.clone()),
        (first + 3, bob.id, 4, both),
    ];
    assert_eq!(moves(&subject, end).await, expected);
    // The one that waited was overtaken: nothing is left to show.
    assert_eq!(moves_in_the_end(&subject, end).await, expected);
}

pub async fn a_marker_in_notes_to_self_is_nobody_elses(subject: Subject) {
    let ann = subject.user("ann").await;
    let id = subject.count(&ann, &ann, 3).await.conversation;
    let end = subject.store.end();
    for (seq, at) in [(1, 0), (2, 10), (3, 5_000)] {
        assert_eq!(subject.read(&ann, id, seq, after(at)).await, (seq, 0));
    }
    let heard = moves_in_the_end(&subject, end).await;
    assert_eq!(heard.len(), 3);
    assert!(heard.iter().all(|(.., readers)| *readers == [ann.id]));
}

/// People in a group or channel of which one has said five things: (people, where).
async fn crowd(
    subject: &Subject,
    number: usize,
    new: NewConversation,
) -> (Vec<UserRef>, ConversationId) {
    let mut crowd = Vec::new();
    for number in 0..number {
        crowd.push(subject.user(&format!("n{number}")).await);
    }
    let members = names(&crowd.iter().collect::<Vec<_>>());
    let id = subject
        .make(&crowd[0], NewConversation { members, ..new })
        .await;
    for number in 1..=5 {
        subject.speak(&crowd[0], id, &number.to_string()).await;
    }
    (crowd, id)
}

/// The markers of a replay from the beginning: (whose, how far).
async fn replayed(subject: &Subject, user: &UserRef) -> Vec<(UserId, u64)> {
    let events = subject.replay(user, ReplayFrom::After(Offset::ZERO)).await;
    let marker = |event: &Event| match event.body {
        EventBody::ReadMarker(marker) => Some((marker.user, marker.read_seq.number())),
        _ => None,
    };
    events.iter().filter_map(marker).collect()
}

pub async fn markers_are_shown_in_groups_of_up_to_50_members(subject: Subject) {
    let (crowd, id) = crowd(&subject, MARKERS_SHOWN_MEMBERS_MAX, group(&[])).await;
    let end = subject.store.end();
    subject.read(&crowd[7], id, 2, after(0)).await;
    subject.read(&crowd[8], id, 3, after(0)).await;
    let all: Vec<_> = crowd.iter().map(|user| user.id).collect();
    let [seven, eight] = [crowd[7].id, crowd[8].id];
    let first = end.next().number();
    let expected = [(first, seven, 2, all.clone()), (first + 1, eight, 3, all)];
    assert_eq!(moves(&subject, end).await, expected);
    let both = [(seven, 2), (eight, 3)];
    for user in &crowd {
        assert_eq!(replayed(&subject, user).await, both);
    }

    // One more, and each is told the own one alone.
    let more = subject.user("more").await;
    subject.add(&crowd[0], id, &[&more]).await;
    let end = subject.store.end();
    subject.read(&crowd[7], id, 4, after(5_000)).await;
    assert_eq!(
        moves(&subject, end).await,
        [(end.next().number(), seven, 4, vec![seven])]
    );
    subject.read(&crowd[7], id, 5, after(5_010)).await;
    let heard = moves_in_the_end(&subject, end).await;
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard.iter().all(|(.., readers)| *readers == [seven]));
    assert_eq!(replayed(&subject, &crowd[7]).await, [(seven, 5)]);
    assert_eq!(replayed(&subject, &crowd[8]).await, [(eight, 3)]);
    assert_eq!(replayed(&subject, &more).await, []);
    let first_sync = subject.replay(&crowd[9], ReplayFrom::Unread).await;
    assert_eq!(first_sync.len(), 5, "the messages");
}

pub async fn in_a_channel_a_marker_is_nobody_elses(subject: Subject) {
    let (crowd, id) = crowd(&subject, 3, channel("ops", &[])).await;
    let end = subject.store.end();
    for (seq, at) in [(1, 0), (2, 10), (4, 5_000)] {
        assert_eq!(
            subject.read(&crowd[1], id, seq, after(at)).await,
            (seq, 5 - seq)
        );
    }
    let own = crowd[1].id;
    let heard = moves_in_the_end(&subject, end).await;
    let heard = heard
        .iter()
        .map(|(_, whose, seq, readers)| (*whose, *seq, &readers[..]));
    let expected = [(own, 1, &[own][..]), (own, 2, &[own]), (own, 4, &[own])];
    assert_eq!(heard.collect::<Vec<_>>(), expected);
    assert_eq!(replayed(&subject, &crowd[1]).await, [(own, 4)]);
    assert_eq!(replayed(&subject, &crowd[0]).await, []);
    assert_eq!(subject.replay(&crowd[2], ReplayFrom::Unread).await.len(), 5);
}

pub async fn a_marker_goes_with_its_member(subject: Subject) {
    let (crowd, id) = crowd(&subject, 4, group(&[])).await;
    let [ann, bob, eve, fay] = &crowd[..] else {
        panic!("{crowd:?}");
    };
    // One that was shown, and one that waits to be.
    subject.read(bob, id, 1, after(0)).await;
    subject.read(eve, id, 1, after(0)).await;
    subject.read(eve, id, 3, after(10)).await;
    subject.leave(bob, id).await;
    subject.remove(ann, id, eve, false).await;
    let end = subject.store.end();
    assert_eq!(moves_in_the_end(&subject, end).await, []);
    for user in [ann, bob, eve, fay] {
        assert_eq!(replayed(&subject, user).await, [], "{}", user.name);
    }
    // Whoever comes back has read what was said before, and shows it with the next marker.
    subject.add(ann, id, &[eve]).await;
    assert_eq!(replayed(&subject, fay).await, []);
    subject.speak(ann, id, "6").await;
    let end = subject.store.end();
    subject.read(eve, id, 6, after(20)).await;
    let readers = vec![ann.id, eve.id, fay.id];
    assert_eq!(
        moves(&subject, end).await,
        [(end.next().number(), eve.id, 6, readers)]
    );
    assert_eq!(replayed(&subject, fay).await, [(eve.id, 6)]);
}
