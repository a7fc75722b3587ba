//! What is owed to those who are members no more: what was committed while they were, the end of it, and nothing that
//! tells of what came after.

use super::{
    doing::{channel, group, lines, renamed},
    subject::{NOON, Subject, eventually, left_out, new, seqs},
};
use tinychat::{
    domain::{
        conversation::{Conversation, ConversationChange, HistoryAccess, NewConversation},
        event::{Event, EventBody},
        ids::{ConversationId, Offset, Seq},
        message::Target,
        role::Role,
        user::UserRef,
    },
    store::{ReplayFrom, SendRefusal},
};

/// Ann's channel of Ann and Bob, in which Ann has said five numbers.
async fn five(subject: &Subject) -> (UserRef, UserRef, ConversationId) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob])).await;
    for number in 1..=5 {
        subject.speak(&ann, id, &number.to_string()).await;
    }
    (ann, bob, id)
}

/// The states of a conversation among events.
fn states(events: &[Event]) -> Vec<&Conversation> {
    let state = |event: &'_ Event| matches!(event.body, EventBody::ConversationChanged(_));
    { events.iter().filter(|event| state(event)) }
        .map(|event| match &event.body {
            EventBody::ConversationChanged(state) => state,
            other => panic!("{other:?}"),
        })
        .collect()
}

pub async fn who_left_gets_what_was_committed_before_and_the_end_of_it(subject: Subject) {
    for round in 0..3 {
        let [ann, bob, eve] = subject
            .people([
                &format!("ann{round}"),
                &format!("bob{round}"),
                &format!("eve{round}"),
            ])
            .await;
        let begin = subject.store.end();
        let id = subject
            .make(&ann, channel(&format!("ops{round}"), &[&bob]))
            .await;
        subject.speak(&ann, id, "1").await;
        subject.add(&ann, id, &[&eve]).await;
        subject.set_role(&ann, id, &bob, Role::Admin).await;
        subject.speak(&bob, id, "2").await;
        subject.edit(&ann, id, 1, "one").await;
        subject.give(&bob, id, 1, "👍").await;
        let end = match round {
            0 => {
                subject.leave(&bob, id).await;
                format!("bob{round} left (2)")
            }
            1 => {
                subject.remove(&ann, id, &bob, false).await;
                format!("bob{round} removed by ann{round} (2)")
            }
            _ => {
                subject.remove(&ann, id, &bob, true).await;
                format!("bob{round} banned by ann{round} (2)")
            }
        };
        let left = subject.store.end();
        subject.speak(&ann, id, "3").await;
        subject.set_role(&ann, id, &eve, Role::ReadOnly).await;
        let expected = [
            format!("#ops{round} (2), last 2"),
            format!("1 ann{round}: one 👍1*"),
            format!("eve{round} added as member by ann{round} (3)"),
            format!("bob{round} is admin by ann{round} (3)"),
            format!("2 bob{round}: 2"),
            "1 is now: one".to_owned(),
            "1 reactions: 👍1*".to_owned(),
            end,
        ];
        // From every place it is the rest.
        let events = subject.replay(&bob, ReplayFrom::After(begin)).await;
        let offsets: Vec<_> = events.iter().map(|event| event.offset).collect();
        for (passed, place) in [begin].into_iter().chain(offsets).enumerate() {
            assert_eq!(subject.missed(&bob, place).await, expected[passed..]);
        }
        assert_eq!(events.last().unwrap().offset, left);
        assert_eq!(subject.missed(&bob, left.before()).await.len(), 1);
        assert_eq!(subject.replay(&bob, ReplayFrom::After(left)).await, []);
        assert_eq!(subject.replay(&bob, ReplayFrom::Unread).await, []);
        subject.assert_resumes_everywhere(&bob).await;
        subject.assert_resumes_everywhere(&ann).await;
    }
}

pub async fn a_device_that_acknowledged_gets_the_end_of_a_membership(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    let device = subject.device(&bob, NOON).await.id;
    let new_device = subject.device(&bob, NOON).await.id;
    // The message of seq n stands at n + 1.
    subject.store.acknowledge(device, Offset::new(4)).unwrap();
    subject.remove(&ann, id, &bob, false).await;
    subject.speak(&ann, id, "6").await;
    eventually("the cursor is kept", async || {
        let from = ReplayFrom::Acknowledged(device);
        !subject.open(&bob, from, None).await.first_sync
    })
    .await;
    let events = subject.replay(&bob, ReplayFrom::Acknowledged(device)).await;
    assert_eq!(
        lines(&events),
        ["4 ann: 4", "5 ann: 5", "bob removed by ann (1)"]
    );
    let from = ReplayFrom::Acknowledged(new_device);
    assert_eq!(subject.replay(&bob, from).await, []);
}

pub async fn a_message_that_was_edited_later_is_shown_without_its_text(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    subject.edit(&ann, id, 1, "one").await;
    subject.edit(&ann, id, 2, "two").await;
    subject.delete(&ann, id, 3).await;
    subject.give(&ann, id, 4, "👍").await;
    subject.give(&bob, id, 2, "🎉").await;
    subject.leave(&bob, id).await;
    let now = [
        "#ops (2), last 5",
        "1 ann: one",
        "2 ann: two 🎉1*",
        "3 ann: [gone]",
        "4 ann: 4 👍1",
        "5 ann: 5",
        "1 is now: one",
        "2 is now: two",
        "3 deleted by ann",
        "4 reactions: 👍1",
        "2 reactions: 🎉1*",
        "bob left (1)",
    ];
    assert_eq!(subject.missed(&bob, Offset::ZERO).await, now);
    // Whatever happens to them then: edit and deletion look the same, and take along the rows that they replace.
    subject.edit(&ann, id, 2, "secret").await;
    subject.edit(&ann, id, 4, "secret").await;
    subject.delete(&ann, id, 5).await;
    let later = [
        "#ops (2), last 5",
        "1 ann: one",
        "2 ann: [gone]",
        "3 ann: [gone]",
        "4 ann: [gone]",
        "5 ann: [gone]",
        "1 is now: one",
        "3 deleted by ann",
        "4 reactions: 👍1",
        "2 reactions: 🎉1*",
        "bob left (1)",
    ];
    assert_eq!(subject.missed(&bob, Offset::ZERO).await, later);
    subject.delete(&ann, id, 4).await;
    let missed = subject.missed(&bob, Offset::ZERO).await;
    let without = later.iter().filter(|line| !line.starts_with("4 reactions"));
    assert!(
        missed.iter().eq(without),
        "a deletion erases reactions: {missed:?}"
    );
}

pub async fn later_reactions_are_not_seen(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    subject.give(&ann, id, 1, "👍").await;
    subject.give(&bob, id, 2, "👍").await;
    subject.give(&bob, id, 3, "👍").await;
    subject.give(&ann, id, 3, "👍").await;
    subject.leave(&bob, id).await;
    subject.give(&ann, id, 2, "🎉").await;
    subject.take(&ann, id, 1, "👍").await;
    subject.give(&ann, id, 4, "👍").await;
    let expected = [
        "#ops (2), last 5",
        "1 ann: 1",
        "2 ann: 2",
        "3 ann: 3 👍2*",
        "4 ann: 4",
        "5 ann: 5",
        "3 reactions: 👍2*",
        "bob left (1)",
    ];
    assert_eq!(subject.missed(&bob, Offset::ZERO).await, expected);
}

pub async fn a_later_name_is_not_seen(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let topic = |topic: &str| ConversationChange {
        topic: Some(topic.parse().unwrap()),
        ..ConversationChange::default()
    };
    for (new_one, first, second) in [
        (group(&[]), "friends", "enemies"),
        (channel("ops", &[]), "ops", "dev"),
    ] {
        let begin = subject.store.end();
        let id = subject.make(&ann, new_one).await;
        subject.change(&ann, id, topic("tea")).await;
        subject.speak(&ann, id, "1").await;
        subject.add(&ann, id, &[&bob]).await;
        subject.speak(&ann, id, "2").await;
        subject.change(&ann, id, renamed(second)).await;
        subject.change(&ann, id, topic("cake")).await;
        subject.leave(&bob, id).await;
        subject.speak(&ann, id, "3").await;
        subject.add(&ann, id, &[&eve]).await;
        subject.change(&ann, id, topic("war")).await;
        subject.change(&ann, id, renamed("final")).await;
        let events = subject.replay(&bob, ReplayFrom::After(begin)).await;
        let sharp = |name: &str| match first {
            "ops" => format!("#{name}"),
            _ => name.to_owned(),
        };
        let expected = [
            format!("{}: tea (2), last 2", sharp(first)),
            "bob added as member by ann (2)".to_owned(),
            "2 ann: 2".to_owned(),
            format!("{}: tea (2), last 2", sharp(second)),
            format!("{}: cake (2), last 2", sharp(second)),
            "bob left (1)".to_owned(),
        ];
        assert_eq!(lines(&events), expected);
        let kinds = states(&events)
            .into_iter()
            .map(|state| (state.id, state.kind.number()));
        let kind = subject
            .view(&ann, id)
            .await
            .unwrap()
            .conversation
            .kind
            .number();
        assert!(kinds.eq([(id, kind); 3]));
        // To those who are in it is the state of now.
        let events = subject.replay(&ann, ReplayFrom::After(begin)).await;
        for state in states(&events) {
            assert_eq!(*state, subject.view(&ann, id).await.unwrap().conversation);
        }
    }
}

pub async fn each_time_of_membership_has_its_own_end(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob])).await;
    subject.speak(&ann, id, "1").await;
    subject.leave(&bob, id).await;
    subject.speak(&ann, id, "2").await;
    subject.change(&ann, id, renamed("dev")).await;
    subject.join(&bob, "dev").await;
    subject.speak(&ann, id, "3").await;
    subject.leave(&bob, id).await;
    subject.speak(&ann, id, "4").await;
    subject.change(&ann, id, renamed("web")).await;
    let expected = [
        "#ops (2), last 1",
        "1 ann: 1",
        "bob left (1)",
        "#dev (2), last 3",
        "bob joined as member (2)",
        "3 ann: 3",
        "bob left (1)",
    ];
    assert_eq!(subject.missed(&bob, Offset::ZERO).await, expected);
    // Back again, all of it is the state of now.
    subject.join(&bob, "web").await;
    let missed = subject.missed(&bob, Offset::ZERO).await;
    assert_eq!(missed.len(), expected.len() + 2);
    for place in [0, 3, 7] {
        assert_eq!(missed[place], "#web (2), last 4");
    }
    subject.assert_resumes_everywhere(&bob).await;
}

pub async fn an_edit_while_away_hides_the_text_and_one_after_coming_back_is_told(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    subject.leave(&bob, id).await;
    subject.edit(&ann, id, 1, "one").await;
    subject.join(&bob, "ops").await;
    subject.edit(&ann, id, 2, "two").await;
    subject.give(&ann, id, 3, "👍").await;
    let expected = [
        "#ops (2), last 5",
        "1 ann: [gone]",
        "2 ann: [gone]",
        "3 ann: 3",
        "4 ann: 4",
        "5 ann: 5",
        "bob left (1)",
        "#ops (2), last 5",
        "bob joined as member (2)",
        "2 is now: two",
        "3 reactions: 👍1",
    ];
    assert_eq!(subject.missed(&bob, Offset::ZERO).await, expected);
    let page = subject.page(&bob, id).await.unwrap();
    assert_eq!(
        page.messages[0].text,
        Some("one".parse().unwrap()),
        "the history shows it"
    );
}

pub async fn the_backlog_limit_holds_for_a_former_membership(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    subject.edit(&ann, id, 2, "two").await;
    subject.edit(&ann, id, 5, "five").await;
    subject.give(&ann, id, 3, "👍").await;
    subject.leave(&bob, id).await;
    subject.speak(&ann, id, "6").await;
    let from = ReplayFrom::After(Offset::ZERO);
    for (limit, gap) in [
        (1, Some((1, 4))),
        (2, Some((1, 3))),
        (4, Some((1, 1))),
        (5, None),
    ] {
        let mut replay = subject.open(&bob, from, Some(limit)).await;
        let gaps: Vec<_> = replay.gaps.iter().map(left_out).collect();
        assert_eq!(gaps, Vec::from_iter(gap), "limit {limit}");
        assert!(replay.gaps.iter().all(|gap| gap.conversation == id));
        let events = subject.rest(&mut replay).await;
        assert_eq!(seqs(&events), (6 - limit..=5).collect::<Vec<_>>());
        let told = lines(&events);
        assert_eq!(told.contains(&"2 is now: two".to_owned()), limit >= 4);
        assert_eq!(told.contains(&"3 reactions: 👍1".to_owned()), limit >= 4);
        assert!(told.contains(&"5 is now: five".to_owned()));
        assert_eq!(told.last().unwrap(), "bob left (1)");
    }
}

pub async fn the_floor_holds_for_a_former_membership(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let new_one = NewConversation {
        history: HistoryAccess::SinceJoin,
        ..channel("ops", &[])
    };
    let id = subject.make(&ann, new_one).await;
    subject.speak(&ann, id, "1").await;
    subject.speak(&ann, id, "2").await;
    subject.join(&bob, "ops").await;
    subject.speak(&ann, id, "3").await;
    for seq in [1, 3] {
        subject.edit(&ann, id, seq, "edited").await;
        subject.give(&ann, id, seq, "👍").await;
    }
    subject.delete(&ann, id, 2).await;
    subject.leave(&bob, id).await;
    let expected = [
        "#ops (2), last 3",
        "bob joined as member (2)",
        "3 ann: edited 👍1",
        "3 is now: edited",
        "3 reactions: 👍1",
        "bob left (1)",
    ];
    assert_eq!(subject.missed(&bob, Offset::ZERO).await, expected);
}

pub async fn no_marker_is_replayed_to_a_former_member(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob, &eve])).await;
    subject.speak(&ann, id, "1").await;
    for user in [&bob, &eve] {
        subject.read(user, id, 1, NOON).await;
    }
    subject.leave(&bob, id).await;
    let expected = ["friends (3), last 1", "1 ann: 1", "bob left (2)"];
    assert_eq!(subject.missed(&bob, Offset::ZERO).await, expected);
}

pub async fn a_replay_that_began_before_the_leaving_ends_as_it_was(subject: Subject) {
    let (ann, bob, id) = five(&subject).await;
    let mut replay = subject
        .open(&bob, ReplayFrom::After(Offset::ZERO), None)
        .await;
    subject.leave(&bob, id).await;
    subject.speak(&ann, id, "6").await;
    subject.edit(&ann, id, 2, "secret").await;
    subject.give(&ann, id, 3, "secret").await;
    subject.change(&ann, id, renamed("secret")).await;
    let events = subject.rest(&mut replay).await;
    assert_eq!(seqs(&events), [1, 2, 3, 4, 5]);
    let shown = format!("{events:?}");
    assert!(!shown.contains("secret"), "{shown}");
    assert_eq!(events.last().unwrap().offset, replay.end);
    // What is live goes on to the end of the membership.
    let live = subject.events_after(replay.end).await;
    let live: Vec<_> = { live.iter() }
        .filter(|(_, readers)| readers.contains(&bob.id))
        .map(|(event, _)| event.clone())
        .collect();
    assert_eq!(lines(&live), ["bob left (1)"]);
    let refused = subject.try_send(new(&bob, Target::Conversation(id), "?"));
    assert_eq!(refused.await, Err(SendRefusal::NotMember(id)));
    assert_eq!(
        subject.view(&ann, id).await.unwrap().conversation.last_seq,
        Seq::new(6)
    );
}

pub async fn who_came_back_while_a_replay_goes_on_sees_nothing_of_the_time_between(
    subject: Subject,
) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let since_join = NewConversation {
        history: HistoryAccess::SinceJoin,
        ..channel("ops", &[&bob])
    };
    let id = subject.make(&ann, since_join).await;
    for number in ["1", "2", "3"] {
        subject.speak(&ann, id, number).await;
    }
    // A slow reader has begun, and reads on only after all this.
    let from = ReplayFrom::After(Offset::ZERO);
    let mut replay = subject.open(&bob, from, None).await;
    subject.edit(&ann, id, 3, "before").await;
    subject.remove(&ann, id, &bob, false).await;
    subject.edit(&ann, id, 2, "secret").await;
    subject.give(&ann, id, 1, "👍").await;
    subject.join(&bob, "ops").await;
    let messages = subject.rest(&mut replay).await;
    let messages: Vec<_> = { messages.iter() }
        .filter_map(|event| match &event.body {
            EventBody::Message(message) => {
                let text = message.text.as_ref().map(|text| text.as_str());
                Some((text, message.revision, message.reactions.len()))
            }
            _ => None,
        })
        .collect();
    // Of a text that is not for these eyes nothing is told, or a client could take it for the newest state.
    let expected = [(Some("1"), 0, 0), (None, 0, 0), (Some("before"), 1, 0)];
    assert_eq!(messages, expected);
}
