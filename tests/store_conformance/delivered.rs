//! How far messages have arrived: it follows from the cursors of devices, in DIRECT and in small groups.

use super::{
    doing::{channel, group},
    subject::{NOON, Subject, after, eventually},
};
use tinychat::{
    domain::{
        ids::{ConversationId, Offset, Seq, UserId},
        limits::{DELIVERED_CONVERSATIONS_MAX, MARKERS_SHOWN_MEMBERS_MAX},
        user::UserRef,
    },
    store::ActError,
};

/// (who, read up to, arrived up to).
async fn markers(subject: &Subject, user: &UserRef, id: ConversationId) -> Vec<(UserId, u64, u64)> {
    let markers = subject.store.markers(user.id, id).await.unwrap();
    let markers = markers.iter();
    markers
        .map(|it| (it.user.id, it.read_seq.number(), it.delivered_seq.number()))
        .collect()
}

/// (where, up to where, who is told).
async fn between(
    subject: &Subject,
    user: &UserRef,
    from: Offset,
    to: Offset,
) -> Vec<(ConversationId, u64, Vec<UserId>)> {
    let delivered = subject.store.delivered_between(user.id, from, to).await;
    let delivered = delivered.unwrap().into_iter();
    delivered
        .map(|it| (it.conversation, it.seq.number(), it.others))
        .collect()
}

/// A device of a user acknowledges all there is, and it is kept.
async fn acknowledge(subject: &Subject, user: &UserRef) -> Offset {
    let device = subject.device(user, NOON).await.id;
    let end = subject.store.end();
    subject.store.acknowledge(device, end).unwrap();
    eventually("the cursor is kept", || async {
        subject.store.delivered_to(user.id).await.unwrap() >= end
    })
    .await;
    end
}

/// Waits until a user's messages have arrived up to one.
async fn arrived(subject: &Subject, reader: &UserRef, id: ConversationId, up_to: u64) {
    eventually("it has arrived", || async {
        markers(subject, reader, id).await[0].2 == up_to
    })
    .await;
}

pub async fn markers_follow_cursors_and_reading(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.count(&ann, &bob, 3).await.conversation;
    assert_eq!(markers(&subject, &ann, id).await, [(bob.id, 0, 0)]);
    acknowledge(&subject, &bob).await;
    arrived(&subject, &ann, id, 3).await;
    assert_eq!(markers(&subject, &ann, id).await, [(bob.id, 0, 3)]);
    subject.count(&ann, &bob, 2).await;
    assert_eq!(markers(&subject, &ann, id).await, [(bob.id, 0, 3)]);
    // What is read has arrived.
    subject.read(&bob, id, 4, NOON).await;
    assert_eq!(markers(&subject, &ann, id).await, [(bob.id, 4, 4)]);
    // The highest cursor counts, of whichever device.
    acknowledge(&subject, &bob).await;
    arrived(&subject, &ann, id, 5).await;
    let lower = subject.device(&bob, NOON).await.id;
    subject.store.acknowledge(lower, Offset::new(1)).unwrap();
    assert_eq!(markers(&subject, &ann, id).await, [(bob.id, 4, 5)]);
}

pub async fn markers_are_told_to_members_of_small_conversations(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let direct = subject.start(&ann, &bob).await.conversation.id;
    assert_eq!(
        markers(&subject, &ann, direct).await,
        [],
        "bob is not in it"
    );
    for (user, id) in [
        (&bob, direct),
        (&eve, direct),
        (&ann, ConversationId::new(99)),
    ] {
        let refused = subject.store.markers(user.id, id).await;
        assert_eq!(refused, Err(ActError::NotMember(id)));
    }
    let notes = subject.say(&ann, &ann, "note").await.conversation;
    assert_eq!(markers(&subject, &ann, notes).await, []);
    let ops = subject.make(&ann, channel("ops", &[&bob])).await;
    assert_eq!(markers(&subject, &ann, ops).await, []);
    let id = subject.make(&ann, group(&[&bob])).await;
    for number in 3..=MARKERS_SHOWN_MEMBERS_MAX {
        let user = subject.user(&format!("u{number}")).await;
        subject.add(&ann, id, &[&user]).await;
    }
    let shown = markers(&subject, &bob, id).await;
    assert_eq!(shown.len(), MARKERS_SHOWN_MEMBERS_MAX - 1);
    assert!(shown.is_sorted() && shown[0].0 == ann.id, "{shown:?}");
    subject.add(&ann, id, &[&eve]).await;
    assert_eq!(markers(&subject, &bob, id).await, []);
}

pub async fn what_has_arrived_between_two_places_is_told_to_the_others(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let direct = subject.count(&ann, &bob, 2).await.conversation;
    let first = subject.store.end();
    let id = subject.make(&ann, group(&[&bob, &eve])).await;
    subject.speak(&ann, id, "1").await;
    let second = subject.store.end();
    subject.speak(&eve, id, "2").await;
    subject.speak(&bob, id, "mine").await;
    let end = subject.store.end();
    let zero = Offset::ZERO;
    let in_direct = (direct, 2, vec![ann.id]);
    let in_group = |seq| (id, seq, vec![ann.id, eve.id]);
    assert_eq!(
        between(&subject, &bob, zero, first).await,
        std::slice::from_ref(&in_direct)
    );
    let all = [in_group(2), in_direct];
    assert_eq!(
        between(&subject, &bob, zero, end).await,
        all,
        "the newest first"
    );
    assert_eq!(between(&subject, &bob, first, second).await, [in_group(1)]);
    assert_eq!(between(&subject, &bob, second, end).await, [in_group(2)]);
    // Nothing of another lies there.
    let before_own = Offset::new(end.number() - 1);
    assert_eq!(between(&subject, &bob, before_own, end).await, []);
    assert_eq!(between(&subject, &bob, end, end).await, []);
    assert_eq!(between(&subject, &bob, end, first).await, []);
    assert_eq!(between(&subject, &ann, zero, first).await, []);
}

pub async fn nothing_is_told_of_channels_and_of_what_cannot_be_read(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let ops = subject.make(&ann, channel("ops", &[&bob])).await;
    subject.speak(&ann, ops, "1").await;
    let id = subject.make(&ann, group(&[&bob])).await;
    subject.speak(&ann, id, "before").await;
    subject.add(&ann, id, &[&eve]).await;
    let (zero, end) = (Offset::ZERO, subject.store.end());
    assert_eq!(between(&subject, &eve, zero, end).await, []);
    let of_bob = between(&subject, &bob, zero, end).await;
    assert_eq!(of_bob, [(id, 1, vec![ann.id, eve.id])]);
    subject.leave(&bob, id).await;
    assert_eq!(between(&subject, &bob, zero, end).await, []);
}

pub async fn the_newest_conversations_are_told_of(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let mut made = Vec::new();
    for _ in 0..=DELIVERED_CONVERSATIONS_MAX {
        let id = subject.make(&ann, group(&[&bob])).await;
        subject.speak(&ann, id, "1").await;
        made.push(id);
    }
    let end = subject.store.end();
    let told = between(&subject, &bob, Offset::ZERO, end).await;
    let told: Vec<_> = told.into_iter().map(|(id, ..)| id).collect();
    made.reverse();
    made.pop();
    assert_eq!(told, made);
}

pub async fn a_block_hides_what_has_arrived(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let id = subject.make(&ann, group(&[&bob, &eve])).await;
    subject.speak(&ann, id, "1").await;
    let end = subject.store.end();
    let block = subject.store.block_user(bob.id, ann.name.clone(), NOON);
    block.await.unwrap();
    let told = between(&subject, &bob, Offset::ZERO, end).await;
    assert_eq!(told, [(id, 1, vec![eve.id])]);
    assert_eq!(markers(&subject, &ann, direct).await, []);
    assert_eq!(markers(&subject, &bob, direct).await, []);
    assert_eq!(markers(&subject, &ann, id).await, [(eve.id, 0, 0)]);
    let unblock = subject.store.unblock_user(bob.id, ann.name.clone());
    unblock.await.unwrap();
    assert_eq!(between(&subject, &bob, Offset::ZERO, end).await.len(), 2);
}

pub async fn a_device_that_ended_counts_no_more(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.count(&ann, &bob, 2).await.conversation;
    assert_eq!(subject.store.delivered_to(bob.id).await, Ok(Offset::ZERO));
    let device = subject.device(&bob, after(1)).await.id;
    let end = subject.store.end();
    subject.store.acknowledge(device, end).unwrap();
    arrived(&subject, &ann, id, 2).await;
    assert_eq!(subject.store.delivered_to(bob.id).await, Ok(end));
    assert!(subject.store.end_device(bob.id, device).await.unwrap());
    assert_eq!(subject.store.delivered_to(bob.id).await, Ok(Offset::ZERO));
    let seen = subject.view(&ann, id).await.unwrap();
    assert_eq!(seen.conversation.last_seq, Seq::new(2));
    assert_eq!(markers(&subject, &ann, id).await, [(bob.id, 0, 0)]);
}
