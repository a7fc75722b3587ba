//! How many members groups and channels take: the limit, and one past it.

use super::{
    doing::{channel, channel_name, group, line, names},
    subject::{NOON, Subject, name},
};
use tinychat::{
    domain::{
        ids::{Offset, Seq},
        limits::{CHANNEL_MEMBERS_MAX, GROUP_MEMBERS_MAX},
        user::UserRef,
    },
    store::{ActError, Store},
};

/// Makes that many users.
async fn crowd(subject: &Subject, number: usize) -> Vec<UserRef> {
    let mut crowd = Vec::new();
    for chunk in (0..number).collect::<Vec<_>>().chunks(500) {
        let users = chunk.iter().map(|number| {
            let user = name(&format!("n{number}"));
            subject.store.create_user(user, None, NOON)
        });
        // They are queued by the call, so they share commits.
        for user in users.collect::<Vec<_>>() {
            crowd.push(user.await.unwrap().to_ref());
        }
    }
    crowd.sort_by_key(|user| user.id);
    crowd
}

pub async fn a_group_has_500_members_and_not_one_more(subject: Subject) {
    let crowd = crowd(&subject, GROUP_MEMBERS_MAX + 2).await;
    let [owner, others @ .., last, more] = &crowd[..] else {
        panic!("{}", crowd.len());
    };
    let others: Vec<&UserRef> = others.iter().collect();
    let full = ActError::Full(GROUP_MEMBERS_MAX);
    let all: Vec<&UserRef> = others.iter().copied().chain([last]).collect();
    let make = |store| Store::create_conversation(store, owner.clone(), group(&all), NOON);
    subject.refused(full.clone(), make).await;
    // The owner's own name and repeats do not count.
    let mut just: Vec<&UserRef> = others.clone();
    just.extend([owner, others[0]]);
    let make = |store| Store::create_conversation(store, owner.clone(), group(&just), NOON);
    let (view, told) = subject.told(make).await;
    assert_eq!(view.conversation.members_count, 500);
    assert_eq!(told[0].1.len(), 500);
    let id = view.conversation.id;
    let add = |users: &[&UserRef]| {
        let names = names(users);
        let by = owner.clone();
        move |store| Store::add_members(store, by, id, names, NOON)
    };
    subject.refused(full.clone(), add(&[others[7], last])).await;
    subject.quiet(add(&[others[7], owner])).await;
    subject.leave(others[7], id).await;
    subject.refused(full.clone(), add(&[last, more])).await;
    subject.remove(owner, id, others[8], true).await;
    // A ban is looked at before the room.
    let by = others[9].clone();
    let names = names(&[last, more, others[7], others[8]]);
    let adding = |store| Store::add_members(store, by, id, names, NOON);
    let banned = ActError::UserBanned(others[8].name.clone());
    subject.refused(banned, adding).await;
    subject.told(add(&[last, others[0], more])).await;
    let view = subject.view(owner, id).await.unwrap();
    assert_eq!(view.conversation.members_count, 500);
    subject.refused(full, add(&[others[7]])).await;
}

pub async fn a_channel_has_10000_members_and_not_one_more(subject: Subject) {
    let crowd = crowd(&subject, CHANNEL_MEMBERS_MAX + 1).await;
    let [owner, others @ .., last] = &crowd[..] else {
        panic!("{}", crowd.len());
    };
    let all: Vec<&UserRef> = others.iter().collect();
    let full = ActError::Full(CHANNEL_MEMBERS_MAX);
    let too_many: Vec<&UserRef> = others.iter().chain([last]).collect();
    let new = channel("all", &too_many);
    let make = |store| Store::create_conversation(store, owner.clone(), new, NOON);
    subject.refused(full.clone(), make).await;
    let id = subject.make(owner, channel("all", &all)).await;
    let join = |store| Store::join_channel(store, last.clone(), channel_name("all"), NOON);
    subject.refused(full.clone(), join).await;
    let add = |store| {
        let names = names(&[last]);
        Store::add_members(store, owner.clone(), id, names, NOON)
    };
    subject.refused(full.clone(), add).await;
    // Who is banned learns no more than that.
    subject.remove(owner, id, last, true).await;
    subject.refused(ActError::Banned, join).await;
    subject.leave(&others[0], id).await;
    subject.add(owner, id, &[last]).await;
    let again = |store| Store::join_channel(store, others[0].clone(), channel_name("all"), NOON);
    subject.refused(full, again).await;
    subject.leave(last, id).await;
    let (view, told) = subject.told(again).await;
    assert_eq!(view.conversation.members_count, 10_000);
    assert_eq!(told[1].1.len(), 10_000);
    assert_eq!(
        line(&told[1].0),
        format!("{} joined as member (10000)", others[0].name)
    );
    assert_eq!(
        subject.speak(&others[0], id, "hello, all").await,
        Seq::new(1)
    );
    let (_, readers) = subject.events_after(Offset::ZERO).await.pop().unwrap();
    assert_eq!(readers.len(), 10_000);
}
