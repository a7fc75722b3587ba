//! What an ear hears and forgets.

use futures_util::{FutureExt as _, future::poll_fn};

use super::*;
use crate::domain::{limits::FRAME_BYTES_MAX, user::Presence};

/// Tells an ear all, if it asks.
fn tell_all(ear: &Ear, here: &[Bytes], offline: &[Bytes]) {
    if let Some(ask) = ear.asks() {
        ear.hear_all(ask, here, offline);
    }
}

fn ready(ear: &Ear) -> bool {
    poll_fn(|context| ear.poll(context))
        .now_or_never()
        .is_some()
}

#[test]
fn an_ear_hears_only_while_it_is_open_and_changes_only_after_all() {
    let (ear, now) = (Ear::new(), Instant::now());
    let (typing, run) = (Bytes::from_static(b"typing"), Bytes::from_static(b"run"));
    ear.hear_typing(typing.clone(), now);
    ear.hear_arrival(ConversationId::new(1), UserId::new(1), Seq::new(1));
    ear.hear_one(UserId::new(9), run.clone(), false);
    assert!(!ready(&ear) && ear.asks().is_none());
    ear.open();
    assert!(ready(&ear));
    let taken = ear.take(1_000, now);
    assert!(taken.asks && taken.runs.is_empty() && ear.asks().is_some() && !ready(&ear));
    ear.hear_changes(run.clone());
    assert!(!ready(&ear), "what changed is part of what it will be told");
    ear.hear_typing(typing.clone(), now);
    let ask = ear.asks().unwrap();
    ear.hear_all(ask, std::slice::from_ref(&run), &[]);
    ear.hear_all(ask, std::slice::from_ref(&run), &[]);
    ear.hear_changes(run.clone());
    let taken = ear.take(1_000, now);
    assert_eq!(taken.runs, [run.clone(), run.clone(), typing.clone()]);
    assert!(!taken.asks && !ready(&ear));
    // What does not fit waits.
    ear.hear_changes(run.clone());
    ear.hear_typing(typing.clone(), now);
    assert_eq!(ear.take(8, now).runs, [run]);
    assert!(ready(&ear));
    ear.close();
    assert!(!ready(&ear) && ear.take(1_000, now).runs.is_empty());
    ear.open();
    assert!(ear.take(1_000, now).asks, "whoever lagged asks anew");
}

#[test]
fn what_is_not_taken_is_bounded_and_grows_old() {
    let (ear, now) = (Ear::new(), Instant::now());
    ear.open();
    assert!(ear.take(0, now).asks);
    tell_all(&ear, &[], &[]);
    for number in 0..=u8::MAX {
        ear.hear_typing(Bytes::from(vec![number]), now);
    }
    let runs = ear.take(1_000, now).runs;
    let due: Vec<Bytes> = (192..=u8::MAX).map(|it| Bytes::from(vec![it])).collect();
    assert_eq!(runs, due, "the newest 64");
    ear.hear_typing(Bytes::from_static(b"old"), now);
    ear.hear_typing(Bytes::from_static(b"new"), now + TYPING_HOLDS / 2);
    assert_eq!(ear.take(1_000, now + TYPING_HOLDS).runs, ["new"]);

    let run = Bytes::from(vec![7; PRESENCE_WAITING_MAX / 4]);
    (0..4).for_each(|_| ear.hear_changes(run.clone()));
    assert!(ear.asks().is_none() && ready(&ear));
    ear.hear_changes(run.clone());
    let taken = ear.take(FRAME_BYTES_MAX, now);
    assert!(taken.asks && taken.runs.is_empty(), "it begins anew");
}

#[test]
fn whoever_was_told_before_is_told_who_is_offline_too() {
    let (ear, now) = (Ear::new(), Instant::now());
    let [here, offline] = ["here", "offline"].map(|word| [Bytes::from_static(word.as_bytes())]);
    ear.open();
    for due in [&["here"][..], &["here", "offline"], &["here", "offline"]] {
        assert!(ear.take(1_000, now).asks);
        tell_all(&ear, &here, &offline);
        assert_eq!(ear.take(1_000, now).runs, due);
        // It lags, or does not read.
        match due.len() {
            1 => {
                ear.close();
                ear.open();
            }
            _ => ear.hear_changes(Bytes::from(vec![7; PRESENCE_WAITING_MAX + 1])),
        }
    }
}

#[test]
fn what_is_for_one_alone_makes_whoever_has_asked_ask_anew() {
    let (ear, now) = (Ear::new(), Instant::now());
    let [all, one] = ["all", "one"].map(|word| Bytes::from_static(word.as_bytes()));
    ear.open();
    assert!(ear.take(0, now).asks);
    let older = ear.asks().unwrap();
    ear.hear_one(UserId::new(9), one.clone(), false);
    assert!(ready(&ear) && ear.take(1_000, now).asks);
    ear.hear_all(older, std::slice::from_ref(&all), &[]);
    assert!(!ready(&ear), "what was read before is not for it");
    tell_all(&ear, std::slice::from_ref(&all), &[]);
    ear.hear_one(UserId::new(9), one.clone(), false);
    assert_eq!(ear.take(1_000, now).runs, [all, one]);
}

#[test]
fn one_who_parted_is_told_again_before_those_who_are_fellows_now() {
    let (ear, now) = (Ear::new(), Instant::now());
    let [here, parted] = ["here", "parted"].map(|word| Bytes::from_static(word.as_bytes()));
    let bob = UserId::new(9);
    ear.open();
    assert!(ear.take(0, now).asks);
    // Nobody was told of him yet.
    ear.hear_one(bob, parted.clone(), true);
    assert!(ear.take(1_000, now).asks);
    tell_all(&ear, std::slice::from_ref(&here), &[]);
    assert_eq!(ear.take(1_000, now).runs, std::slice::from_ref(&here));
    ear.hear_one(bob, parted.clone(), true);
    for due in [vec![parted.clone(), here.clone()], vec![here.clone()]] {
        // What waits is lost with the lag.
        ear.close();
        ear.open();
        assert!(ear.take(1_000, now).asks);
        tell_all(&ear, std::slice::from_ref(&here), &[]);
        assert_eq!(ear.take(1_000, now).runs, due);
        ear.hear_one(bob, here.clone(), false);
    }
    for user in 0..100 {
        ear.hear_one(UserId::new(user), parted.clone(), true);
    }
    assert_eq!(ear.heard().parted.len(), PARTED_WAITING_MAX);
}

#[test]
fn all_fellows_and_the_changes_of_eight_beats_may_wait() {
    let (ear, now) = (Ear::new(), Instant::now());
    let run = |changes| {
        let mut run = BytesMut::new();
        for _ in 0..changes {
            let user = UserId::new(i64::MAX.unsigned_abs());
            let change = Ephemeral::Presence(user, Presence::DoNotDisturb);
            event::put_ephemeral(&change, &mut run);
        }
        run.freeze()
    };
    assert!(run(1).len() <= PRESENCE_BYTES_MAX);
    ear.open();
    assert!(ear.take(0, now).asks);
    tell_all(&ear, &[run(FELLOWS_TOLD_MAX)], &[]);
    for _ in 0..8 {
        ear.hear_changes(run(USERS_PER_BEAT_MAX));
    }
    assert!(!ear.take(0, now).asks);
    assert_eq!(ear.take(usize::MAX, now).runs.len(), 9);
}

#[test]
fn what_has_arrived_is_folded_and_the_oldest_goes() {
    let (ear, now) = (Ear::new(), Instant::now());
    let [ann, bob] = [1, 2].map(UserId::new);
    let hear = |conversation, user, seq| {
        ear.hear_arrival(ConversationId::new(conversation), user, Seq::new(seq));
    };
    let run = |arrivals: &[(u64, UserId, u64)]| {
        let mut run = BytesMut::new();
        for (conversation, user, seq) in arrivals {
            let conversation = ConversationId::new(*conversation);
            let event = Ephemeral::Delivered(conversation, *user, Seq::new(*seq));
            event::put_ephemeral(&event, &mut run);
        }
        run.freeze()
    };
    ear.open();
    assert!(ear.take(0, now).asks);
    for (conversation, user, seq) in [(1, ann, 5), (1, bob, 3), (1, ann, 7), (1, ann, 6)] {
        hear(conversation, user, seq);
    }
    // What does not fit waits.
    let first = run(&[(1, ann, 7)]);
    assert!(ready(&ear) && ear.take(first.len() - 1, now).runs.is_empty());
    assert_eq!(ear.take(first.len() + 1, now).runs, [first]);
    assert!(ready(&ear));
    assert_eq!(ear.take(1_000, now).runs, [run(&[(1, bob, 3)])]);
    assert!(!ready(&ear));

    (1..=300).for_each(|conversation| hear(conversation, ann, conversation));
    let due: Vec<_> = (45..=300).map(|number| (number, ann, number)).collect();
    assert_eq!(
        ear.take(FRAME_BYTES_MAX, now).runs,
        [run(&due)],
        "the newest 256"
    );
    hear(1, ann, 1);
    ear.close();
    ear.open();
    assert!(ear.take(1_000, now).runs.is_empty(), "it lagged");
}

#[test]
fn each_user_asks_once_and_those_who_went_are_passed_over() {
    let mut ears = Ears::default();
    let [ann, bob, eve] = [1, 2, 3].map(UserId::new);
    let open = |ears: &mut Ears, user, session| {
        let ear = ears.add(user, session);
        ear.open();
        assert!(ear.take(0, Instant::now()).asks);
        ears.ask(user);
    };
    open(&mut ears, ann, 1);
    open(&mut ears, ann, 2);
    open(&mut ears, bob, 3);
    open(&mut ears, eve, 4);
    ears.remove(bob, 3);
    assert!(ears.any_asks() && !ears.is_empty());
    assert_eq!(ears.among(&[eve, bob, ann]), [eve, ann]);
    assert_eq!(ears.of(ann).count(), 2);
    assert_eq!(
        [ears.next_asking(), ears.next_asking()],
        [Some(ann), Some(eve)]
    );
    assert_eq!((ears.next_asking(), ears.any_asks()), (None, false));
    for (user, session) in [(ann, 1), (ann, 2), (eve, 4), (eve, 5)] {
        ears.remove(user, session);
    }
    assert!(ears.is_empty());
}
