//! Members of groups and channels: who comes, goes, is removed or banned, what role each has, and who may do that.

use super::{
    doing::{channel, channel_name, emoji, group, ids, member_changed, names, told_lines},
    subject::{NOON, Subject, after, name, new, text},
};
use tinychat::{
    domain::{
        conversation::Member,
        event::MemberChange,
        ids::{ConversationId, Offset, Seq},
        invalid::Invalid,
        message::Target,
        name::UserName,
        page::{PageSize, Position, PositionAsked},
        role::Role,
        user::UserRef,
    },
    store::{ActError, MarkReadError, SendRefusal, Store, StoreError},
};

pub async fn who_leaves_hears_of_it_and_reads_nothing_more(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    for new_one in [group(&[&bob, &eve]), channel("ops", &[&bob, &eve])] {
        let id = subject.make(&ann, new_one).await;
        subject.speak(&bob, id, "bye").await;
        let leave = |store| Store::leave_conversation(store, bob.clone(), id);
        let ((), told) = subject.told(leave).await;
        let left = member_changed(id, &bob, MemberChange::Left, &bob, 2);
        assert_eq!(told, [(left, ids(&[&ann, &bob, &eve]))]);

        let place = subject.store.end();
        subject.speak(&ann, id, "he is gone").await;
        subject.edit(&ann, id, 2, "he has gone").await;
        subject.give(&eve, id, 1, "👋").await;
        for (_, readers) in subject.events_after(place).await {
            assert_eq!(readers, ids(&[&ann, &eve]));
        }
        assert_eq!(subject.view(&bob, id).await, None);
        assert_eq!(subject.page(&bob, id).await, None);
        let read = subject.store.mark_read(bob.id, id, Seq::new(1), NOON);
        assert_eq!(read.await, Err(MarkReadError::NotMember(id)));
        let size = PageSize::asked(9);
        let listed = subject.store.list_conversations(bob.id, None, size);
        assert_eq!(listed.await.unwrap().views, []);
        let sent = subject.try_send(new(&bob, Target::Conversation(id), "still here"));
        assert_eq!(sent.await, Err(SendRefusal::NotMember(id)));
        let out = || ActError::NotMember(id);
        let seq = Seq::new(1);
        subject.refused(out(), leave).await;
        subject
            .refused(out(), |it| it.edit_message(bob.clone(), id, seq, text("x")))
            .await;
        subject
            .refused(out(), |it| it.delete_message(bob.clone(), id, seq))
            .await;
        subject
            .refused(out(), |it| it.react(bob.clone(), id, seq, emoji("x"), true))
            .await;
        subject
            .refused(out(), |it| it.list_members(bob.id, id, false, None, size))
            .await;
        let view = subject.view(&ann, id).await.unwrap();
        assert_eq!(view.conversation.members_count, 2);
        assert_eq!(subject.members(&ann, id, false).await.len(), 2);
    }
}

pub async fn leaving_is_refused_in_this_order(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let notes = subject.say(&ann, &ann, "note").await.conversation;
    let id = subject.make(&ann, group(&[&bob])).await;
    let leave = async |user: &UserRef, id, why| {
        let leave = |store| Store::leave_conversation(store, user.clone(), id);
        subject.refused(why, leave).await;
    };
    for id in [direct, notes, id, ConversationId::new(99)] {
        leave(&eve, id, ActError::NotMember(id)).await;
    }
    leave(&ann, direct, ActError::Direct).await;
    leave(&bob, direct, ActError::Direct).await;
    leave(&ann, notes, ActError::Direct).await;
    leave(&ann, id, ActError::LastOwner).await;
    subject.set_role(&ann, id, &bob, Role::Admin).await;
    leave(&ann, id, ActError::LastOwner).await;
    // One of two owners may go, and so may the last of all.
    subject.set_role(&ann, id, &bob, Role::Owner).await;
    subject.leave(&ann, id).await;
    subject.leave(&bob, id).await;
    assert_eq!(subject.view(&bob, id).await, None);
}

pub async fn members_are_added_each_with_a_state_and_a_word_to_all(subject: Subject) {
    let [ann, bob, eve, fay, gus] = subject.people(["ann", "bob", "eve", "fay", "gus"]).await;
    for new_one in [group(&[&eve]), channel("ops", &[&eve])] {
        let id = subject.make(&ann, new_one).await;
        subject.set_role(&ann, id, &ann, Role::Owner).await;
        // By one who is a plain member; who is in already stays as he is, and a repeat is one.
        let names = names(&[&gus, &ann, &bob, &gus, &eve]);
        let add = |store| Store::add_members(store, eve.clone(), id, names, after(5));
        let (members, told) = subject.told(add).await;
        let member = |user: &UserRef, role, since| Member {
            user: user.clone(),
            role: Some(role),
            since,
        };
        let expected = [
            member(&gus, Role::Member, after(5)),
            member(&ann, Role::Owner, NOON),
            member(&bob, Role::Member, after(5)),
            member(&eve, Role::Member, NOON),
        ];
        assert_eq!(members, expected);
        let state = subject.view(&gus, id).await.unwrap().conversation;
        let lines = told_lines(&told);
        let [gus_state, gus_added, bob_state, bob_added] = &told[..] else {
            panic!("{lines:?}");
        };
        let added = MemberChange::Added(Role::Member);
        assert_eq!(gus_state.1, [gus.id]);
        let expected = member_changed(id, &gus, added, &eve, 3);
        assert_eq!(*gus_added, (expected, ids(&[&ann, &eve, &gus])));
        assert_eq!(bob_state.1, [bob.id]);
        let expected = member_changed(id, &bob, added, &eve, 4);
        assert_eq!(*bob_added, (expected, ids(&[&ann, &bob, &eve, &gus])));
        assert!(lines[0].0.ends_with("(3), last 0") && lines[2].0.ends_with("(4), last 0"));
        assert_eq!(state.members_count, 4);
        assert_eq!(subject.view(&fay, id).await, None);
        let all = subject.members(&bob, id, false).await;
        assert_eq!(all.len(), 4);
    }
    for user in [&ann, &bob, &eve, &fay, &gus] {
        subject.assert_resumes_everywhere(user).await;
    }
}

pub async fn adding_is_refused_in_this_order(subject: Subject) {
    let [ann, bob, eve, fay, gus] = subject.people(["ann", "bob", "eve", "fay", "gus"]).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let id = subject.make(&ann, channel("ops", &[&bob, &eve])).await;
    subject.set_role(&ann, id, &eve, Role::ReadOnly).await;
    subject.remove(&ann, id, &fay, true).await;
    let add = async |by: &UserRef, id, names: &[&str], why| {
        let names: Vec<UserName> = names.iter().map(|it| name(it)).collect();
        let add = |store| Store::add_members(store, by.clone(), id, names, NOON);
        subject.refused(why, add).await;
    };
    let nowhere = ConversationId::new(99);
    add(&gus, id, &["zoe"], ActError::NotMember(id)).await;
    add(&gus, direct, &["zoe"], ActError::NotMember(direct)).await;
    add(&ann, nowhere, &["zoe"], ActError::NotMember(nowhere)).await;
    add(&ann, direct, &["zoe"], ActError::Direct).await;
    add(&eve, id, &["zoe"], ActError::ReadOnly).await;
    add(&eve, id, &["bob"], ActError::ReadOnly).await;
    let none = ActError::UserNotFound(name("zoe"));
    add(&bob, id, &["gus", "fay", "zoe", "yan"], none.clone()).await;
    add(&ann, id, &["gus", "fay", "zoe"], none).await;
    let banned = ActError::UserBanned(name("fay"));
    add(&bob, id, &["gus", "fay"], banned).await;
    assert_eq!(subject.view(&gus, id).await, None, "all or none");
    assert_eq!(subject.members(&ann, id, true).await, [(fay.id, None)]);
    subject.add(&bob, id, &[&gus]).await;
}

pub async fn who_runs_the_conversation_lifts_a_ban_by_adding(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob])).await;
    subject.set_role(&ann, id, &bob, Role::Admin).await;
    for banned in [&eve, &fay] {
        subject.remove(&ann, id, banned, true).await;
    }
    for (by, user) in [(&ann, &fay), (&bob, &eve)] {
        let add = |store| Store::add_members(store, by.clone(), id, names(&[user]), NOON);
        let (members, told) = subject.told(add).await;
        assert_eq!((members[0].role, told.len()), (Some(Role::Member), 2));
    }
    assert_eq!(subject.members(&ann, id, true).await, []);
    subject.leave(&eve, id).await;
    assert_eq!(subject.join(&eve, "ops").await.role, Role::Member);
}

pub async fn who_is_removed_hears_of_it_and_may_come_back(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob, &eve])).await;
    subject.set_role(&ann, id, &eve, Role::Admin).await;
    let remove = |store| Store::remove_member(store, eve.clone(), id, name("bob"), false, NOON);
    let ((), told) = subject.told(remove).await;
    let removed = member_changed(id, &bob, MemberChange::Removed, &eve, 2);
    assert_eq!(told, [(removed, ids(&[&ann, &bob, &eve]))]);
    assert_eq!(subject.view(&bob, id).await, None);
    assert_eq!(subject.members(&ann, id, true).await, []);
    let send = subject.try_send(new(&bob, Target::Channel(channel_name("ops")), "?"));
    let out = SendRefusal::NotInChannel(channel_name("ops"));
    assert_eq!(send.await, Err(out));
    // A role is not remembered.
    subject.join(&bob, "ops").await;
    subject.set_role(&ann, id, &bob, Role::Owner).await;
    subject.remove(&bob, id, &ann, false).await;
    assert_eq!(subject.join(&ann, "ops").await.role, Role::Member);
    for user in [&ann, &bob, &eve] {
        subject.assert_resumes_everywhere(user).await;
    }
}

pub async fn who_is_banned_cannot_join(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob])).await;
    let ban = async |user: &UserRef, at| {
        let name = user.name.clone();
        let ban = |store| Store::remove_member(store, ann.clone(), id, name, true, at);
        subject.told(ban).await.1
    };
    let banned = member_changed(id, &bob, MemberChange::Banned, &ann, 1);
    assert_eq!(ban(&bob, after(1)).await, [(banned, ids(&[&ann, &bob]))]);
    // One who is no member is told nothing; neither is anybody of a second time.
    assert_eq!(ban(&eve, after(2)).await, []);
    assert_eq!(ban(&bob, after(3)).await, []);
    let join = |user: &UserRef| {
        let user = user.clone();
        |store| Store::join_channel(store, user, channel_name("ops"), NOON)
    };
    for user in [&bob, &eve] {
        subject.refused(ActError::Banned, join(user)).await;
        assert_eq!(subject.view(user, id).await, None);
    }
    let size = PageSize::asked(9);
    let listed = subject.store.list_members(ann.id, id, true, None, size);
    let member = |user: &UserRef, since| Member {
        user: user.clone(),
        role: None,
        since,
    };
    let expected = [member(&bob, after(1)), member(&eve, after(2))];
    assert_eq!(listed.await.unwrap().members, expected);
    // A ban is of one place.
    subject.make(&ann, channel("dev", &[&bob])).await;
}

pub async fn removing_is_refused_in_this_order(subject: Subject) {
    let [ann, bob, eve, fay, gus] = subject.people(["ann", "bob", "eve", "fay", "gus"]).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let id = subject
        .make(&ann, channel("ops", &[&bob, &eve, &fay]))
        .await;
    subject.set_role(&ann, id, &bob, Role::Admin).await;
    subject.set_role(&ann, id, &fay, Role::ReadOnly).await;
    let remove = async |by: &UserRef, id, user: &str, why: ActError| {
        for ban in [false, true] {
            if ban && matches!(why, ActError::MemberNotFound(_)) {
                continue;
            }
            let remove = |store| Store::remove_member(store, by.clone(), id, name(user), ban, NOON);
            subject.refused(why.clone(), remove).await;
        }
    };
    let nowhere = ConversationId::new(99);
    remove(&gus, id, "zoe", ActError::NotMember(id)).await;
    remove(&gus, direct, "zoe", ActError::NotMember(direct)).await;
    remove(&ann, nowhere, "zoe", ActError::NotMember(nowhere)).await;
    remove(&bob, direct, "zoe", ActError::Direct).await;
    for by in [&eve, &fay] {
        for user in ["zoe", "gus", "eve", "fay", "ann"] {
            remove(by, id, user, ActError::RoleTooLow).await;
        }
    }
    for by in [&ann, &bob] {
        remove(by, id, "zoe", ActError::UserNotFound(name("zoe"))).await;
        let oneself = "that is you; leave the conversation instead";
        let oneself = Invalid::new("REMOVES_ONESELF", "user_name", oneself);
        remove(by, id, by.name.as_str(), oneself.into()).await;
        remove(by, id, "gus", ActError::MemberNotFound(name("gus"))).await;
    }
    remove(&bob, id, "ann", ActError::RoleTooLow).await;
    subject.set_role(&ann, id, &eve, Role::Admin).await;
    remove(&bob, id, "eve", ActError::RoleTooLow).await;
    // What may be: an admin removes one who reads, and bans a stranger; an owner removes an admin and an owner.
    subject.remove(&bob, id, &fay, false).await;
    subject.remove(&bob, id, &gus, true).await;
    subject.remove(&ann, id, &bob, false).await;
    subject.set_role(&ann, id, &eve, Role::Owner).await;
    subject.remove(&ann, id, &eve, true).await;
}

pub async fn a_role_is_given_and_all_are_told(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    subject.add(&ann, id, &[&eve]).await;
    let set = |by: &UserRef, user: &UserRef, role| {
        let (by, name) = (by.clone(), user.name.clone());
        move |store| Store::set_role(store, by, id, name, role)
    };
    for role in [Role::ReadOnly, Role::Member, Role::Admin, Role::Owner] {
        let (member, told) = subject.told(set(&ann, &eve, role)).await;
        let expected = Member {
            user: eve.clone(),
            role: Some(role),
            since: NOON,
        };
        assert_eq!(member, expected);
        let change = member_changed(id, &eve, MemberChange::Role(role), &ann, 3);
        assert_eq!(told, [(change, ids(&[&ann, &bob, &eve]))]);
        assert_eq!(subject.view(&eve, id).await.unwrap().role, role);
        assert_eq!(subject.quiet(set(&ann, &eve, role)).await, expected);
    }
    // With two owners one may step back, by the own hand or the other's.
    subject.told(set(&ann, &ann, Role::Admin)).await;
    subject.told(set(&ann, &bob, Role::ReadOnly)).await;
    subject.told(set(&ann, &bob, Role::Member)).await;
    // What is so already is no question of power.
    subject.quiet(set(&ann, &eve, Role::Owner)).await;
    let roles = [
        (ann.id, Some(Role::Admin)),
        (bob.id, Some(Role::Member)),
        (eve.id, Some(Role::Owner)),
    ];
    assert_eq!(subject.members(&bob, id, false).await, roles);
    for user in [&ann, &bob, &eve] {
        subject.assert_resumes_everywhere(user).await;
    }
}

pub async fn giving_a_role_is_refused_in_this_order(subject: Subject) {
    let [ann, bob, eve, fay, gus] = subject.people(["ann", "bob", "eve", "fay", "gus"]).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let id = subject.make(&ann, group(&[&bob, &eve, &fay])).await;
    subject.set_role(&ann, id, &bob, Role::Admin).await;
    let set = async |by: &UserRef, id, user: &str, role, why| {
        let set = |store| Store::set_role(store, by.clone(), id, name(user), role);
        subject.refused(why, set).await;
    };
    let nowhere = ConversationId::new(99);
    let role = Role::Member;
    set(&gus, id, "zoe", role, ActError::NotMember(id)).await;
    set(&gus, direct, "zoe", role, ActError::NotMember(direct)).await;
    set(&ann, nowhere, "zoe", role, ActError::NotMember(nowhere)).await;
    set(&bob, direct, "zoe", role, ActError::Direct).await;
    set(&bob, direct, "bob", role, ActError::Direct).await;
    for user in ["zoe", "gus", "eve", "fay", "ann"] {
        set(&eve, id, user, role, ActError::RoleTooLow).await;
    }
    for by in [&ann, &bob] {
        set(by, id, "zoe", role, ActError::UserNotFound(name("zoe"))).await;
        set(by, id, "gus", role, ActError::MemberNotFound(name("gus"))).await;
    }
    for (user, role) in [
        ("ann", Role::Member),
        ("bob", Role::Member),
        ("bob", Role::Owner),
        ("eve", Role::Admin),
        ("eve", Role::Owner),
    ] {
        set(&bob, id, user, role, ActError::RoleTooLow).await;
    }
    for role in [Role::Admin, Role::Member, Role::ReadOnly] {
        set(&ann, id, "ann", role, ActError::LastOwner).await;
    }
    // Not alone either: the conversation would be nobody's.
    let alone = subject.make(&ann, group(&[])).await;
    set(&ann, alone, "ann", Role::Member, ActError::LastOwner).await;
}

pub async fn members_are_listed_by_id_in_pages(subject: Subject) {
    let people = subject
        .people(["a", "b", "c", "d", "e", "f", "g", "h", "i"])
        .await;
    let [ann, out, others @ ..] = &people;
    let id = subject
        .make(&others[2], channel("ops", &[&others[6], ann, &others[0]]))
        .await;
    subject
        .add(ann, id, &[&others[5], &others[1], &others[4], &others[3]])
        .await;
    let mut expected: Vec<&UserRef> = others.iter().chain([ann]).collect();
    expected.sort_by_key(|user| user.id);
    for banned in [false, true] {
        for size in 1..=9 {
            let (mut seen, mut last) = (Vec::new(), None);
            loop {
                let asked = PageSize::asked(size);
                let page = subject
                    .store
                    .list_members(others[2].id, id, banned, last, asked);
                let page = page.await.unwrap();
                seen.extend(page.members.iter().map(|member| member.user.clone()));
                assert!(
                    page.members
                        .iter()
                        .all(|member| member.role.is_none() == banned)
                );
                assert_eq!(page.more, seen.len() < expected.len(), "size {size}");
                last = seen.last().map(|user| user.id);
                if !page.more {
                    break;
                }
                assert_eq!(page.members.len(), size as usize);
            }
            assert!(
                seen.iter().eq(expected.iter().copied()),
                "size {size}: {seen:?}"
            );
        }
        // The same of those who are banned.
        for user in others
            .iter()
            .chain([ann])
            .filter(|user| **user != others[2])
        {
            if !banned {
                subject.remove(&others[2], id, user, true).await;
            }
        }
        expected.retain(|user| **user != others[2]);
    }
    assert_eq!(subject.members(&others[2], id, false).await.len(), 1);
    assert_eq!(subject.view(out, id).await, None);
}

pub async fn the_banned_are_listed_for_those_who_run_the_conversation(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let id = subject.make(&ann, channel("ops", &[&bob, &eve])).await;
    let list = async |user: &UserRef, id, banned, why| {
        let size = PageSize::asked(9);
        let list = |store| Store::list_members(store, user.id, id, banned, None, size);
        subject.refused(why, list).await;
    };
    let nowhere = ConversationId::new(99);
    for banned in [false, true] {
        list(&fay, id, banned, ActError::NotMember(id)).await;
        list(&fay, direct, banned, ActError::NotMember(direct)).await;
        list(&ann, nowhere, banned, ActError::NotMember(nowhere)).await;
        list(&ann, direct, banned, ActError::Direct).await;
    }
    subject.set_role(&ann, id, &eve, Role::ReadOnly).await;
    for user in [&bob, &eve] {
        list(user, id, true, ActError::RoleTooLow).await;
        assert_eq!(subject.members(user, id, false).await.len(), 3);
    }
    subject.set_role(&ann, id, &bob, Role::Admin).await;
    assert_eq!(subject.members(&bob, id, true).await, []);
}

pub async fn a_closed_store_changes_no_conversation(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    subject.speak(&ann, id, "hi").await;
    subject.store.close().await;
    let (end, seq, size) = (subject.store.end(), Seq::new(1), PageSize::asked(1));
    let closed = || Some(ActError::Store(StoreError::Closed));
    let store = &subject.store;
    let made = store
        .create_conversation(ann.clone(), group(&[]), NOON)
        .await;
    assert_eq!(made.err(), closed());
    let changed = store
        .update_conversation(ann.clone(), id, Default::default())
        .await;
    assert_eq!(changed.err(), closed());
    let joined = store
        .join_channel(bob.clone(), channel_name("ops"), NOON)
        .await;
    assert_eq!(joined.err(), closed());
    assert_eq!(
        store.leave_conversation(bob.clone(), id).await.err(),
        closed()
    );
    let added = store
        .add_members(ann.clone(), id, names(&[&bob]), NOON)
        .await;
    assert_eq!(added.err(), closed());
    let removed = store
        .remove_member(ann.clone(), id, name("bob"), true, NOON)
        .await;
    assert_eq!(removed.err(), closed());
    let set = store
        .set_role(ann.clone(), id, name("bob"), Role::Admin)
        .await;
    assert_eq!(set.err(), closed());
    let edited = store.edit_message(ann.clone(), id, seq, text("ho")).await;
    assert_eq!(edited.err(), closed());
    assert_eq!(
        store.delete_message(ann.clone(), id, seq).await.err(),
        closed()
    );
    let reacted = store.react(ann.clone(), id, seq, emoji("x"), true).await;
    assert_eq!(reacted.err(), closed());
    let marked = store.mark_unread(ann.id, id).await;
    assert_eq!(marked.err(), closed());
    let set = store.set_notify(ann.id, id, Default::default()).await;
    assert_eq!(set.err(), closed());
    let listed = store.list_members(ann.id, id, false, None, size).await;
    assert_eq!(listed.err(), closed());
    let channels = store.list_channels(ann.id, String::new(), None, size).await;
    assert_eq!(channels.err(), Some(StoreError::Closed));
    let page = store
        .list_messages(ann.id, id, PositionAsked::At(Position::Newest), size)
        .await;
    assert_eq!(page.err(), Some(StoreError::Closed));
    assert_eq!(store.end(), end);
    assert!(end > Offset::ZERO);
}
