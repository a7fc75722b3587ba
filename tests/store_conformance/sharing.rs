//! Who shares a conversation with whom: those who see one another type, and whether they can be reached.

use super::{
    doing::{channel, group, ids},
    subject::{NOON, Subject, name, new, to},
};
use tinychat::{
    domain::{
        ids::{ConversationId, UserId},
        limits::{EPHEMERAL_MEMBERS_MAX, FELLOWS_CONVERSATIONS_MAX},
        role::Role,
        user::UserRef,
    },
    store::StoreError,
};

const MAX: usize = EPHEMERAL_MEMBERS_MAX;

/// The other members of a conversation by id, each once; `None` to strangers.
async fn others(
    subject: &Subject,
    user: &UserRef,
    id: ConversationId,
    max: usize,
) -> Option<Vec<UserId>> {
    let others = subject.store.other_members(user.id, id, max).await;
    let mut others = others.unwrap()?;
    others.sort_unstable();
    Some(others)
}

/// Those with whom a user shares a conversation, by id; a repeat stays.
async fn fellows(subject: &Subject, user: &UserRef, max: usize) -> Vec<UserId> {
    let mut fellows = subject.store.fellows(user.id, max).await.unwrap();
    fellows.sort_unstable();
    fellows
}

pub async fn the_other_members_of_a_conversation_are_told_to_its_members(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    let (friends, ops) = (group(&[&bob, &eve]), channel("ops", &[&bob, &eve]));
    for new_one in [friends, ops] {
        let id = subject.make(&ann, new_one).await;
        // Whatever the role, and whether anything was said.
        subject.set_role(&ann, id, &eve, Role::ReadOnly).await;
        for (user, rest) in [
            (&ann, [&bob, &eve]),
            (&bob, [&ann, &eve]),
            (&eve, [&ann, &bob]),
        ] {
            assert_eq!(others(&subject, user, id, MAX).await, Some(ids(&rest)));
            assert_eq!(others(&subject, user, id, 3).await, Some(ids(&rest)));
            for max in [0, 1, 2] {
                assert_eq!(others(&subject, user, id, max).await, Some(vec![]), "{max}");
            }
        }
        assert_eq!(others(&subject, &fay, id, MAX).await, None);
        assert_eq!(others(&subject, &fay, id, 0).await, None);
        subject.leave(&bob, id).await;
        assert_eq!(others(&subject, &bob, id, MAX).await, None);
        assert_eq!(others(&subject, &ann, id, 2).await, Some(vec![eve.id]));
        subject.add(&ann, id, &[&fay]).await;
        assert_eq!(
            others(&subject, &fay, id, 3).await,
            Some(ids(&[&ann, &eve]))
        );
        assert_eq!(others(&subject, &fay, id, 2).await, Some(vec![]));
        subject.remove(&ann, id, &fay, true).await;
        assert_eq!(others(&subject, &fay, id, 3).await, None);
    }
    let nowhere = ConversationId::new(99);
    assert_eq!(others(&subject, &ann, nowhere, MAX).await, None);
}

pub async fn between_two_the_other_is_told_once_somebody_spoke(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.start(&ann, &bob).await.conversation.id;
    assert_eq!(others(&subject, &ann, id, MAX).await, Some(vec![]));
    assert_eq!(others(&subject, &bob, id, MAX).await, None);
    for user in [&ann, &bob] {
        assert_eq!(fellows(&subject, user, MAX).await, []);
    }
    subject.say(&ann, &bob, "hi").await;
    for max in [2, MAX] {
        assert_eq!(others(&subject, &ann, id, max).await, Some(vec![bob.id]));
        assert_eq!(others(&subject, &bob, id, max).await, Some(vec![ann.id]));
        assert_eq!(fellows(&subject, &ann, max).await, [bob.id]);
        assert_eq!(fellows(&subject, &bob, max).await, [ann.id]);
    }
    for max in [0, 1] {
        assert_eq!(others(&subject, &ann, id, max).await, Some(vec![]));
        assert_eq!(fellows(&subject, &ann, max).await, []);
    }
    assert_eq!(others(&subject, &eve, id, MAX).await, None);
    // Each has started it, and nobody has spoken.
    let both = subject.start(&ann, &eve).await.conversation.id;
    subject.start(&eve, &ann).await;
    subject.say(&eve, &ann, "hi").await;
    assert_eq!(others(&subject, &ann, both, MAX).await, Some(vec![eve.id]));
    assert_eq!(fellows(&subject, &ann, MAX).await, [bob.id, eve.id]);
}

pub async fn nobody_is_the_own_fellow(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    assert_eq!(fellows(&subject, &ann, MAX).await, [], "in no conversation");
    let notes = subject.say(&ann, &ann, "note").await.conversation;
    let alone = subject.make(&ann, group(&[])).await;
    let empty = subject.make(&ann, channel("empty", &[])).await;
    for id in [notes, alone, empty] {
        assert_eq!(others(&subject, &ann, id, MAX).await, Some(vec![]));
        assert_eq!(others(&subject, &bob, id, MAX).await, None);
    }
    assert_eq!(fellows(&subject, &ann, MAX).await, []);
    assert_eq!(fellows(&subject, &bob, MAX).await, []);
}

pub async fn fellows_are_all_with_whom_a_conversation_is_shared(subject: Subject) {
    let people = subject
        .people(["ann", "bob", "cy", "dan", "eve", "fay", "gus"])
        .await;
    let [ann, bob, cy, dan, eve, fay, gus] = &people;
    let friends = subject.make(ann, group(&[bob, cy])).await;
    subject.make(ann, channel("ops", &[cy, dan])).await;
    subject.say(eve, ann, "hi").await;
    subject.say(ann, bob, "hi").await;
    subject.make(dan, group(&[fay])).await;
    let expected = [
        (ann, ids(&[bob, cy, dan, eve])),
        (bob, ids(&[ann, cy])),
        (cy, ids(&[ann, bob, dan])),
        (dan, ids(&[ann, cy, fay])),
        (eve, ids(&[ann])),
        (fay, ids(&[dan])),
        (gus, vec![]),
    ];
    for (user, all) in expected {
        assert_eq!(fellows(&subject, user, MAX).await, all, "{}", user.name);
        assert_eq!(fellows(&subject, user, 3).await, all, "{}", user.name);
    }
    // In smaller ones only.
    assert_eq!(fellows(&subject, ann, 2).await, ids(&[bob, eve]));
    assert_eq!(fellows(&subject, cy, 2).await, []);
    assert_eq!(fellows(&subject, dan, 2).await, ids(&[fay]));
    // It ends with the membership, but not what is shared beside it.
    subject.leave(bob, friends).await;
    assert_eq!(fellows(&subject, bob, MAX).await, ids(&[ann]));
    assert_eq!(fellows(&subject, cy, MAX).await, ids(&[ann, dan]));
    assert_eq!(
        fellows(&subject, cy, 2).await,
        ids(&[ann]),
        "there are two now"
    );
    subject.remove(ann, friends, cy, false).await;
    assert_eq!(fellows(&subject, ann, MAX).await, ids(&[bob, cy, dan, eve]));
    subject.add(ann, friends, &[gus]).await;
    assert_eq!(fellows(&subject, gus, MAX).await, ids(&[ann]));
}

pub async fn a_conversation_of_100_members_is_shared_and_one_of_more_is_not(subject: Subject) {
    let mut crowd = Vec::new();
    for number in 0..=MAX {
        crowd.push(subject.user(&format!("n{number}")).await);
    }
    let all: Vec<&UserRef> = crowd.iter().collect();
    let (last, members) = all.split_last().unwrap();
    for new_one in [group(&members[1..]), channel("ops", &members[1..])] {
        let id = subject.make(members[0], new_one).await;
        for number in [0, 50, MAX - 1] {
            let mut rest = ids(members);
            rest.remove(number);
            assert_eq!(
                others(&subject, members[number], id, MAX).await,
                Some(rest.clone())
            );
            assert_eq!(fellows(&subject, members[number], MAX).await, rest);
            let few = others(&subject, members[number], id, MAX - 1).await;
            assert_eq!(few, Some(vec![]));
        }
        subject.add(members[0], id, &[last]).await;
        for user in [members[0], members[50], *last] {
            assert_eq!(others(&subject, user, id, MAX).await, Some(vec![]));
            assert_eq!(fellows(&subject, user, MAX).await, []);
            let more = others(&subject, user, id, MAX + 1).await.unwrap();
            assert_eq!(more.len(), MAX);
            assert_eq!(fellows(&subject, user, MAX + 1).await, more);
        }
        subject.leave(members[50], id).await;
        assert_eq!(fellows(&subject, last, MAX).await.len(), MAX - 1);
        // The next round is of one conversation again.
        subject.leave(last, id).await;
        for user in &members[1..] {
            if *user != members[50] {
                subject.remove(members[0], id, user, false).await;
            }
        }
    }
}

pub async fn of_more_than_1000_conversations_the_newest_count(subject: Subject) {
    let ann = subject.user("ann").await;
    let users = (0..=FELLOWS_CONVERSATIONS_MAX).map(|number| {
        let user = name(&format!("n{number}"));
        subject.store.create_user(user, None, NOON)
    });
    // They are queued by the call, so they share commits.
    let mut peers = Vec::new();
    for user in users.collect::<Vec<_>>() {
        peers.push(user.await.unwrap().to_ref());
    }
    peers.sort_by_key(|user| user.id);
    let all = ids(&peers.iter().collect::<Vec<_>>());
    let say = async |peers: &[UserRef]| {
        let messages = peers.iter().map(|peer| new(&ann, to(peer), "hi"));
        for answer in subject.store.append(messages.collect()).await.unwrap() {
            answer.unwrap();
        }
    };
    say(&peers[..FELLOWS_CONVERSATIONS_MAX]).await;
    let first = &all[..FELLOWS_CONVERSATIONS_MAX];
    assert_eq!(fellows(&subject, &ann, MAX).await, first);
    // One more: the oldest does not count any more.
    say(&peers[FELLOWS_CONVERSATIONS_MAX..]).await;
    assert_eq!(fellows(&subject, &ann, MAX).await, all[1..]);
    // It goes by what happened last, and by the conversations of each.
    subject.say(&peers[0], &ann, "ho").await;
    let mut but_second = all.clone();
    but_second.remove(1);
    assert_eq!(fellows(&subject, &ann, MAX).await, but_second);
    assert_eq!(fellows(&subject, &peers[1], MAX).await, [ann.id]);
    // One with whom there is a block is left out, and nobody comes up in his place.
    let block = subject
        .store
        .block_user(ann.id, peers[7].name.clone(), NOON);
    block.await.unwrap();
    but_second.retain(|user| *user != peers[7].id);
    assert_eq!(fellows(&subject, &ann, MAX).await, but_second);
}

pub async fn a_closed_store_knows_no_fellows(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.say(&ann, &bob, "hi").await.conversation;
    subject.store.close().await;
    let others = subject.store.other_members(ann.id, id, MAX).await;
    assert_eq!(others, Err(StoreError::Closed));
    let fellows = subject.store.fellows(ann.id, MAX).await;
    assert_eq!(fellows, Err(StoreError::Closed));
}
