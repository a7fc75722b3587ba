//! What a member sets for a conversation: put aside as unread, and what to be called for. Nobody else learns it; the own
//! devices hear of each change, or of the last one when they come back.

use super::{
    doing::{Told, channel, group, line},
    subject::{NOON, Subject, after, seqs},
};
use tinychat::{
    domain::{
        conversation::{MemberSettings, NotifyLevel, NotifySettings},
        event::{Event, EventBody, SettingsChanged},
        ids::{ConversationId, Offset, Seq},
        user::UserRef,
    },
    store::{ActError, MarkReadError, ReplayFrom, Store},
};

const ALL: NotifySettings = NotifySettings {
    level: NotifyLevel::All,
    until: None,
};
const MUTED: NotifySettings = NotifySettings {
    level: NotifyLevel::None,
    until: None,
};
const CALLED: NotifySettings = NotifySettings {
    level: NotifyLevel::Mentions,
    until: None,
};

const fn settings(marked_unread: bool, notify: NotifySettings) -> MemberSettings {
    MemberSettings {
        marked_unread,
        notify,
    }
}

/// What the devices of one user are told.
fn told_to(user: &UserRef, conversation: ConversationId, settings: MemberSettings) -> Told {
    let changed = SettingsChanged {
        conversation,
        settings,
    };
    vec![(EventBody::SettingsChanged(changed), vec![user.id])]
}

async fn of(subject: &Subject, user: &UserRef, id: ConversationId) -> MemberSettings {
    subject.view(user, id).await.unwrap().settings
}

/// Puts a conversation aside.
async fn aside(subject: &Subject, user: &UserRef, id: ConversationId) {
    subject.store.mark_unread(user.id, id).await.unwrap();
}

async fn notify(subject: &Subject, user: &UserRef, id: ConversationId, notify: NotifySettings) {
    let set = subject.store.set_notify(user.id, id, notify);
    set.await.unwrap();
}

/// Ann's group of Ann and Bob, in which Ann has said five numbers; Eve is a stranger to it.
async fn five(subject: &Subject) -> (UserRef, UserRef, UserRef, ConversationId) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    for number in 1..=5 {
        subject.speak(&ann, id, &number.to_string()).await;
    }
    (ann, bob, eve, id)
}

/// The settings among the events: (offset, where, what).
fn changes(events: &[Event]) -> Vec<(Offset, ConversationId, MemberSettings)> {
    let change = |event: &Event| match event.body {
        EventBody::SettingsChanged(it) => Some((event.offset, it.conversation, it.settings)),
        _ => None,
    };
    events.iter().filter_map(change).collect()
}

/// The settings that a device gets that comes back to a place.
async fn missed(
    subject: &Subject,
    user: &UserRef,
    place: Offset,
) -> Vec<(Offset, ConversationId, MemberSettings)> {
    changes(&subject.replay(user, ReplayFrom::After(place)).await)
}

pub async fn what_is_put_aside_is_told_to_the_own_devices_alone(subject: Subject) {
    let (ann, bob, _, id) = five(&subject).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let notes = subject.start(&bob, &bob).await.conversation.id;
    let ops = subject.make(&bob, channel("ops", &[&ann])).await;
    for id in [id, direct, notes, ops] {
        assert_eq!(of(&subject, &bob, id).await, MemberSettings::default());
        let before = subject.view(&bob, id).await.unwrap();
        let end = subject.store.end();
        let mark = |store| Store::mark_unread(store, bob.id, id);
        let ((), told) = subject.told(mark).await;
        assert_eq!(told, told_to(&bob, id, settings(true, ALL)));
        assert_eq!(subject.store.end(), end.next(), "one place in the log");
        let view = subject.view(&bob, id).await.unwrap();
        assert_eq!(view.settings, settings(true, ALL));
        assert_eq!((view.read, view.mentions), (before.read, before.mentions));
        // It is aside already.
        subject.quiet(mark).await;
        assert_eq!(subject.store.end(), end.next());
        if id != notes {
            assert_eq!(of(&subject, &ann, id).await, MemberSettings::default());
        }
    }
    assert_eq!(subject.speak(&ann, id, "6").await, Seq::new(6));
}

pub async fn what_is_read_up_to_its_marker_is_aside_no_more(subject: Subject) {
    let (ann, bob, _, id) = five(&subject).await;
    let read = async |seq: u64, at: i64| {
        let read = |store| Store::mark_read(store, bob.id, id, Seq::new(seq), after(at));
        let (state, told) = subject.told(read).await;
        let mut told: Vec<_> = { told.iter() }
            .map(|(body, readers)| (line(body), readers.clone()))
            .collect();
        told.sort();
        (state.read_seq.number(), told)
    };
    let own = vec![bob.id];
    let both = vec![ann.id, bob.id];
    let cleared = (format!("{id} notify All"), own.clone());
    let moved = |seq: u64| (format!("{} read {seq}", bob.id), both.clone());
    // A marker that moves nothing is enough, also where nothing was read yet.
    aside(&subject, &bob, id).await;
    assert_eq!(read(0, 0).await, (0, vec![cleared.clone()]));
    assert_eq!(read(0, 0).await, (0, vec![]), "it is not aside");
    // One that moves is told beside it.
    aside(&subject, &bob, id).await;
    let end = subject.store.end();
    let (seq, told) = read(3, 10_000).await;
    assert_eq!((seq, told.len()), (3, 2), "{told:?}");
    assert!(
        told.contains(&cleared) && told.contains(&moved(3)),
        "{told:?}"
    );
    assert_eq!(of(&subject, &bob, id).await, MemberSettings::default());
    assert_eq!(
        subject.store.end().number(),
        end.number() + 2,
        "a place for each"
    );
    // One below it is not, nor one that is refused.
    aside(&subject, &bob, id).await;
    for lower in [0, 1, 2] {
        assert_eq!(read(lower, 20_000).await, (3, vec![]));
    }
    let beyond = |store| Store::mark_read(store, bob.id, id, Seq::new(6), after(20_000));
    let (answer, told) = subject.act(beyond).await;
    assert_eq!(
        (answer, told),
        (Err(MarkReadError::BeyondEnd(Seq::new(5))), vec![])
    );
    assert_eq!(of(&subject, &bob, id).await, settings(true, ALL));
    assert_eq!(read(3, 30_000).await, (3, vec![cleared.clone()]));
    // Another's marker clears nothing, and neither does a message.
    aside(&subject, &bob, id).await;
    subject.read(&ann, id, 5, after(40_000)).await;
    subject.speak(&ann, id, "6").await;
    subject.speak(&bob, id, "7").await;
    assert_eq!(of(&subject, &bob, id).await, settings(true, ALL));
    let (seq, told) = read(7, 50_000).await;
    assert_eq!((seq, told.len()), (7, 2), "{told:?}");
    assert!(
        told.contains(&cleared) && told.contains(&moved(7)),
        "{told:?}"
    );
    assert_eq!(read(7, 60_000).await, (7, vec![]));
}

pub async fn what_to_be_called_for_is_told_to_the_own_devices_alone(subject: Subject) {
    let (ann, bob, _, id) = five(&subject).await;
    let until = |level, time| NotifySettings {
        level,
        until: Some(time),
    };
    // So it is already.
    let same = |store| Store::set_notify(store, bob.id, id, ALL);
    subject.quiet(same).await;
    for new in [
        MUTED,
        until(NotifyLevel::None, after(10)),
        until(NotifyLevel::None, after(20)),
        until(NotifyLevel::Mentions, after(20)),
        CALLED,
        // Whether it is over is not the store's business.
        until(NotifyLevel::None, after(-1_000_000)),
        until(NotifyLevel::All, after(5)),
        ALL,
    ] {
        let end = subject.store.end();
        let set = |store| Store::set_notify(store, bob.id, id, new);
        let ((), told) = subject.told(set).await;
        assert_eq!(told, told_to(&bob, id, settings(false, new)));
        assert_eq!(subject.store.end(), end.next());
        subject.quiet(set).await;
        assert_eq!(subject.store.end(), end.next());
        assert_eq!(of(&subject, &bob, id).await, settings(false, new));
        assert_eq!(of(&subject, &ann, id).await, MemberSettings::default());
    }
}

pub async fn each_setting_keeps_the_other(subject: Subject) {
    let (_, bob, _, id) = five(&subject).await;
    notify(&subject, &bob, id, MUTED).await;
    let mark = |store| Store::mark_unread(store, bob.id, id);
    let ((), told) = subject.told(mark).await;
    assert_eq!(told, told_to(&bob, id, settings(true, MUTED)));
    let set = |store| Store::set_notify(store, bob.id, id, CALLED);
    let ((), told) = subject.told(set).await;
    assert_eq!(told, told_to(&bob, id, settings(true, CALLED)));
    let read = |store| Store::mark_read(store, bob.id, id, Seq::ZERO, NOON);
    let (_, told) = subject.told(read).await;
    assert_eq!(told, told_to(&bob, id, settings(false, CALLED)));
    assert_eq!(of(&subject, &bob, id).await, settings(false, CALLED));
    // And they are of one conversation.
    let notes = subject.start(&bob, &bob).await;
    assert_eq!(notes.settings, MemberSettings::default());
}

pub async fn who_is_no_member_sets_nothing(subject: Subject) {
    let (ann, bob, eve, id) = five(&subject).await;
    let started = subject.start(&ann, &bob).await.conversation.id;
    let nowhere = ConversationId::new(99);
    aside(&subject, &bob, id).await;
    subject.leave(&bob, id).await;
    for (user, id) in [(&eve, id), (&bob, id), (&bob, started), (&ann, nowhere)] {
        let mark = |store| Store::mark_unread(store, user.id, id);
        subject.refused(ActError::NotMember(id), mark).await;
        for new in [ALL, MUTED] {
            let set = |store| Store::set_notify(store, user.id, id, new);
            subject.refused(ActError::NotMember(id), set).await;
        }
    }
    // Who started a conversation sets something for it before anybody speaks.
    aside(&subject, &ann, started).await;
    notify(&subject, &ann, started, MUTED).await;
    subject.say(&bob, &ann, "hi").await;
    assert_eq!(of(&subject, &ann, started).await, settings(true, MUTED));
    assert_eq!(of(&subject, &bob, started).await, MemberSettings::default());
}

pub async fn a_setting_is_replayed_once_at_its_last_place(subject: Subject) {
    let (ann, bob, _, id) = five(&subject).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let begin = subject.store.end();
    aside(&subject, &bob, id).await;
    subject.speak(&ann, id, "6").await;
    notify(&subject, &bob, direct, CALLED).await;
    notify(&subject, &bob, id, MUTED).await;
    let last = subject.store.end();
    subject.speak(&ann, id, "7").await;
    aside(&subject, &bob, direct).await;
    let end = subject.store.end();
    subject.speak(&ann, id, "8").await;
    let expected = [
        (last, id, settings(true, MUTED)),
        (end, direct, settings(true, CALLED)),
    ];
    for place in (0..=subject.store.end().number()).map(Offset::new) {
        let after: Vec<_> = expected.into_iter().filter(|it| it.0 > place).collect();
        assert_eq!(
            missed(&subject, &bob, place).await,
            after,
            "after {place:?}"
        );
        assert_eq!(missed(&subject, &ann, place).await, []);
    }
    // In their places among what was said.
    let events = subject.replay(&bob, ReplayFrom::After(begin)).await;
    let offsets: Vec<_> = events.iter().map(|event| event.offset.number()).collect();
    let begin = begin.number();
    assert_eq!(
        offsets,
        [begin + 2, begin + 4, begin + 5, begin + 6, begin + 7]
    );
    // What is the default again is told all the same: a device may know something else.
    let place = subject.store.end();
    subject.read(&bob, direct, 0, NOON).await;
    notify(&subject, &bob, direct, ALL).await;
    let end = subject.store.end();
    assert_eq!(end.number(), place.number() + 2);
    let now = (end, direct, MemberSettings::default());
    assert_eq!(missed(&subject, &bob, place).await, [now]);
    assert_eq!(
        missed(&subject, &bob, Offset::ZERO).await,
        [expected[0], now]
    );
    assert_eq!(missed(&subject, &bob, end).await, []);
}

pub async fn a_first_sync_has_the_settings_in_the_states(subject: Subject) {
    let (_, bob, _, id) = five(&subject).await;
    let device = subject.device(&bob, NOON).await;
    aside(&subject, &bob, id).await;
    notify(&subject, &bob, id, CALLED).await;
    for from in [ReplayFrom::Unread, ReplayFrom::Acknowledged(device.id)] {
        let mut replay = subject.open(&bob, from, None).await;
        assert!(replay.first_sync);
        let events = subject.rest(&mut replay).await;
        assert_eq!(changes(&events), []);
        assert_eq!((seqs(&events).len(), events.len()), (5, 5));
    }
    assert_eq!(of(&subject, &bob, id).await, settings(true, CALLED));
}

pub async fn a_setting_that_changed_since_is_left_to_the_live_stream(subject: Subject) {
    let (ann, bob, _, id) = five(&subject).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let notes = subject.start(&bob, &bob).await.conversation.id;
    aside(&subject, &bob, id).await;
    notify(&subject, &bob, notes, CALLED).await;
    let kept = subject.store.end();
    notify(&subject, &bob, direct, MUTED).await;
    let place = ReplayFrom::After(Offset::ZERO);
    let mut replay = subject.open(&bob, place, None).await;
    let end = subject.store.end();
    subject.read(&bob, id, 0, NOON).await;
    notify(&subject, &bob, direct, CALLED).await;
    let events = subject.rest(&mut replay).await;
    assert_eq!(changes(&events), [(kept, notes, settings(false, CALLED))]);
    let live = subject.events_after(end).await;
    let readers: Vec<_> = live.iter().map(|(_, readers)| readers.clone()).collect();
    assert_eq!(readers, [[bob.id], [bob.id]]);
    let live: Vec<_> = live.into_iter().map(|(event, _)| event).collect();
    let first = (end.next(), id, MemberSettings::default());
    let second = (end.next().next(), direct, settings(false, CALLED));
    assert_eq!(changes(&live), [first, second]);
    // One that ended with its membership while the replay went on is not told of at all.
    let mut replay = subject.open(&bob, place, None).await;
    subject.leave(&bob, id).await;
    let events = changes(&subject.rest(&mut replay).await);
    assert_eq!(events, [(kept, notes, settings(false, CALLED)), second]);
}

pub async fn many_settings_are_replayed_with_what_was_said(subject: Subject) {
    let bob = subject.user("bob").await;
    let mut expected = Vec::new();
    for number in 0..30 {
        let peer = subject.user(&format!("peer{number}")).await;
        let id = subject.say(&peer, &bob, "hi").await.conversation;
        aside(&subject, &bob, id).await;
        if number % 3 == 0 {
            notify(&subject, &bob, id, MUTED).await;
        }
        if number % 4 == 0 {
            subject.read(&bob, id, 1, NOON).await;
        }
        let now = of(&subject, &bob, id).await;
        let muted = if number % 3 == 0 { MUTED } else { ALL };
        assert_eq!(now, settings(number % 4 != 0, muted));
        subject.say(&bob, &peer, "ho").await;
        expected.push((id, now));
    }
    let events = subject.replay(&bob, ReplayFrom::After(Offset::ZERO)).await;
    let got: Vec<_> = { changes(&events).into_iter() }
        .map(|(_, id, settings)| (id, settings))
        .collect();
    assert_eq!(got, expected);
    assert_eq!(seqs(&events).len(), 60);
}

pub async fn who_comes_back_begins_anew(subject: Subject) {
    let (ann, bob, _, id) = five(&subject).await;
    let ops = subject.make(&ann, channel("ops", &[&bob])).await;
    for id in [id, ops] {
        let begin = subject.store.end();
        aside(&subject, &bob, id).await;
        notify(&subject, &bob, id, MUTED).await;
        match id == ops {
            true => subject.leave(&bob, id).await,
            false => subject.remove(&ann, id, &bob, false).await,
        }
        assert_eq!(
            missed(&subject, &bob, begin).await,
            [],
            "it is told to no former member"
        );
        match id == ops {
            true => drop(subject.join(&bob, "ops").await),
            false => drop(subject.add(&ann, id, &[&bob]).await),
        }
        assert_eq!(of(&subject, &bob, id).await, MemberSettings::default());
        assert_eq!(missed(&subject, &bob, begin).await, []);
        // What is so already is no change.
        let set = |store| Store::set_notify(store, bob.id, id, ALL);
        subject.quiet(set).await;
        aside(&subject, &bob, id).await;
        let now = (subject.store.end(), id, settings(true, ALL));
        assert_eq!(missed(&subject, &bob, begin).await, [now]);
    }
}
