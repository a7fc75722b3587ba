//! Groups and channels: how they are made, changed, found and joined.

use super::{
    doing::{channel, channel_name, group, ids, member_changed, names, renamed, shown, told_lines},
    subject::{NOON, Subject, after, name},
};
use tinychat::{
    domain::{
        conversation::{
            Conversation, ConversationChange, ConversationKind, HistoryAccess, Member,
            NewConversation, ReadState,
        },
        event::{EventBody, MemberChange},
        ids::{ConversationId, Seq},
        invalid::Invalid,
        name::{ChannelNameError, GroupNameError},
        page::PageSize,
        role::Role,
        user::UserRef,
    },
    store::{ActError, ReplayFrom, Store},
};

pub async fn a_conversation_is_made_with_its_first_members_by_one_event(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    let before = subject.store.end();
    let kinds = [
        ConversationKind::Group("Friends of tea".parse().unwrap()),
        ConversationKind::Channel(channel_name("tea")),
    ];
    for (kind, history) in kinds
        .into_iter()
        .zip([HistoryAccess::SinceJoin, HistoryAccess::All])
    {
        let topic = "green, mostly".parse().unwrap();
        let new = NewConversation {
            kind: kind.clone(),
            topic,
            history,
            // The own name and repeats do not count.
            members: names(&[&eve, &bob, &ann, &eve]),
        };
        let made = |store| Store::create_conversation(store, bob.clone(), new.clone(), after(7));
        let (view, told) = subject.told(made).await;
        let expected = Conversation {
            id: view.conversation.id,
            kind,
            topic: new.topic.clone(),
            history,
            members_count: 3,
            last_seq: Seq::ZERO,
        };
        assert_eq!(view.conversation, expected);
        assert_eq!((view.role, view.read), (Role::Owner, ReadState::default()));
        assert_eq!(view.last_message, None);
        let change = EventBody::ConversationChanged(expected);
        assert_eq!(told, [(change, ids(&[&ann, &bob, &eve]))], "by id");

        let id = view.conversation.id;
        assert_eq!(subject.view(&bob, id).await.as_ref(), Some(&view));
        let of_ann = subject.view(&ann, id).await.unwrap();
        assert_eq!(of_ann.conversation, view.conversation);
        assert_eq!((of_ann.role, of_ann.read), (Role::Member, view.read));
        assert_eq!(subject.view(&fay, id).await, None);
        let size = PageSize::asked(0);
        let members = subject.store.list_members(eve.id, id, false, None, size);
        let member = |user: &UserRef, role| Member {
            user: user.clone(),
            role: Some(role),
            since: after(7),
        };
        let expected = [
            member(&ann, Role::Member),
            member(&bob, Role::Owner),
            member(&eve, Role::Member),
        ];
        assert_eq!(members.await.unwrap().members, expected);
    }
    for user in [&ann, &bob, &eve] {
        let events = subject.replay(user, ReplayFrom::After(before)).await;
        assert_eq!(events.len(), 2, "{} missed both", user.name);
        let listed = subject
            .store
            .list_conversations(user.id, None, PageSize::asked(9));
        assert_eq!(listed.await.unwrap().views.len(), 2);
    }
    subject.assert_resumes_everywhere(&fay).await;
}

pub async fn a_conversation_can_be_made_without_others(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let made = |store| Store::create_conversation(store, ann.clone(), group(&[&ann]), NOON);
    let (view, told) = subject.told(made).await;
    assert_eq!(
        (view.role, view.conversation.members_count),
        (Role::Owner, 1)
    );
    assert_eq!(told[0].1, [ann.id]);
    let id = view.conversation.id;
    assert_eq!(subject.speak(&ann, id, "a note").await, Seq::new(1));
    assert_eq!(subject.view(&bob, id).await, None);
}

pub async fn a_conversation_that_cannot_be_made_leaves_nothing(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    subject.make(&bob, channel("ops", &[])).await;
    let with = |kind: NewConversation, more: &[&str]| {
        let members = more.iter().map(|more| name(more));
        NewConversation {
            members: kind.members.into_iter().chain(members).collect(),
            ..kind
        }
    };
    // The names come first, and of them the first that nobody has.
    for new in [group(&[&bob]), channel("ops", &[&bob])] {
        let new = with(new, &["zoe", "yan"]);
        let make = |store| Store::create_conversation(store, ann.clone(), new, NOON);
        subject
            .refused(ActError::UserNotFound(name("zoe")), make)
            .await;
    }
    let taken = ActError::ChannelNameTaken(channel_name("ops"));
    let make = |store| {
        let new = channel("ops", &[&bob]);
        Store::create_conversation(store, ann.clone(), new, NOON)
    };
    subject.refused(taken, make).await;
    let listed = subject
        .store
        .list_conversations(ann.id, None, PageSize::asked(9));
    assert_eq!(listed.await.unwrap().views, []);
    // An id was not used up either way: what matters is that the next can be made.
    subject.make(&ann, channel("dev", &[&bob])).await;
}

pub async fn a_channel_name_is_the_name_of_one_channel(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let ops = subject.make(&ann, channel("ops", &[])).await;
    // Groups may be called as they like, twice.
    for _ in 0..2 {
        let new = NewConversation {
            kind: ConversationKind::Group("ops".parse().unwrap()),
            ..group(&[&bob])
        };
        subject.make(&ann, new).await;
    }
    let taken = ActError::ChannelNameTaken(channel_name("ops"));
    let make = |store| Store::create_conversation(store, bob.clone(), channel("ops", &[]), NOON);
    subject.refused(taken.clone(), make).await;
    let dev = subject.make(&bob, channel("dev", &[])).await;
    let rename = |store| Store::update_conversation(store, bob.clone(), dev, renamed("OPS"));
    subject.refused(taken.clone(), rename).await;
    // A channel without members keeps its name.
    subject.leave(&ann, ops).await;
    subject.refused(taken, rename).await;
    // Another name frees the old one.
    subject.change(&bob, dev, renamed("Web")).await;
    let view = subject.view(&bob, dev).await.unwrap();
    let kind = ConversationKind::Channel(channel_name("web"));
    assert_eq!(view.conversation.kind, kind, "capitals are folded");
    subject.make(&ann, channel("dev", &[])).await;
    let joined = subject.join(&ann, "web").await;
    assert_eq!(joined.conversation.id, dev);
}

pub async fn a_change_is_told_to_all_members_as_the_whole_state(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    for (new, name) in [
        (group(&[&bob, &eve]), "Tea and cake"),
        (channel("ops", &[&bob, &eve]), "tea"),
    ] {
        let id = subject.make(&ann, new).await;
        subject.set_role(&ann, id, &bob, Role::Admin).await;
        subject.speak(&eve, id, "hi").await;
        let topic = "now and then".parse().unwrap();
        let changes = [
            renamed(name),
            ConversationChange {
                topic: Some(topic),
                ..ConversationChange::default()
            },
            shown(HistoryAccess::All),
            shown(HistoryAccess::SinceJoin),
            ConversationChange {
                name: Some("other".to_owned()),
                topic: Some("".parse().unwrap()),
                history: Some(HistoryAccess::All),
            },
        ];
        for change in changes {
            let then = subject.view(&fay, id).await;
            assert_eq!(then, None);
            let then = subject.view(&bob, id).await.unwrap();
            let before = subject.view(&ann, id).await.unwrap().conversation;
            let changing =
                |store| Store::update_conversation(store, bob.clone(), id, change.clone());
            let (view, told) =
                match before.history == HistoryAccess::All && change == shown(HistoryAccess::All) {
                    // A channel shows all from the beginning.
                    true => {
                        assert_eq!(subject.quiet(changing).await, then);
                        continue;
                    }
                    false => subject.told(changing).await,
                };
            let mut expected = before;
            match (&mut expected.kind, &change.name) {
                (ConversationKind::Group(name), Some(to)) => *name = to.parse().unwrap(),
                (ConversationKind::Channel(name), Some(to)) => *name = to.parse().unwrap(),
                _ => {}
            }
            expected.topic = change.topic.clone().unwrap_or(expected.topic);
            expected.history = change.history.unwrap_or(expected.history);
            assert_eq!(view.conversation, expected);
            assert_eq!((view.role, view.read), (Role::Admin, then.read));
            assert_eq!(subject.view(&bob, id).await, Some(view));
            let event = EventBody::ConversationChanged(expected);
            assert_eq!(told, [(event, ids(&[&ann, &bob, &eve]))]);
        }
    }
}

pub async fn a_change_to_what_it_is_already_tells_nobody(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    for (new, name) in [
        (group(&[&bob]), "friends"),
        (channel("ops", &[&bob]), "OPS"),
    ] {
        let history = new.history;
        let id = subject.make(&ann, new).await;
        let view = subject.view(&ann, id).await.unwrap();
        let same = ConversationChange {
            name: Some(name.to_owned()),
            topic: Some("".parse().unwrap()),
            history: Some(history),
        };
        for change in [
            ConversationChange::default(),
            renamed(name),
            shown(history),
            same,
        ] {
            let changed = subject.quiet(|store| store.update_conversation(ann.clone(), id, change));
            assert_eq!(changed.await, view);
        }
    }
}

pub async fn a_change_is_refused_in_this_order(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let friends = subject.make(&ann, group(&[&bob, &eve])).await;
    let ops = subject.make(&ann, channel("ops", &[&bob, &eve])).await;
    subject.make(&ann, channel("dev", &[])).await;
    let nowhere = ConversationId::new(99);
    // A name that is good for nothing.
    let bad = || ConversationChange {
        topic: Some("a topic".parse().unwrap()),
        ..renamed("  ")
    };
    let change = async |by: &UserRef, id, change, why| {
        let act = |store| Store::update_conversation(store, by.clone(), id, change);
        subject.refused(why, act).await;
    };
    for id in [direct, friends, ops, nowhere] {
        change(&fay, id, bad(), ActError::NotMember(id)).await;
    }
    change(&ann, direct, bad(), ActError::Direct).await;
    change(&ann, direct, renamed("two"), ActError::Direct).await;
    for id in [friends, ops] {
        subject.set_role(&ann, id, &eve, Role::ReadOnly).await;
        for user in [&bob, &eve] {
            change(user, id, bad(), ActError::RoleTooLow).await;
            change(
                user,
                id,
                ConversationChange::default(),
                ActError::RoleTooLow,
            )
            .await;
        }
        subject.set_role(&ann, id, &bob, Role::Admin).await;
    }
    let invalid = |error: String| Invalid::new("CONVERSATION_NAME_INVALID", "name", error).into();
    for user in [&ann, &bob] {
        change(user, friends, bad(), invalid(GroupNameError.to_string())).await;
        change(user, ops, bad(), invalid(ChannelNameError.to_string())).await;
        change(
            user,
            ops,
            renamed("a b"),
            invalid(ChannelNameError.to_string()),
        )
        .await;
        let taken = ActError::ChannelNameTaken(channel_name("dev"));
        change(user, ops, renamed("dev"), taken).await;
    }
    let view = subject.view(&ann, ops).await.unwrap();
    assert_eq!(
        view.conversation.topic.as_str(),
        "",
        "not even a part of it was done"
    );
    subject.change(&bob, friends, renamed("dev")).await;
}

pub async fn channels_are_listed_by_name_in_pages(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let list = async |user: &UserRef, contains: &str, after, size| {
        let size = PageSize::asked(size);
        let page = subject
            .store
            .list_channels(user.id, contains.to_owned(), after, size);
        page.await.unwrap()
    };
    assert_eq!(list(&ann, "", None, 5).await.channels, []);
    let mut made = Vec::new();
    for name in ["ops", "dev", "dev-ops", "a.b", "9", "tea_time", "x"] {
        made.push((
            subject.make(&ann, channel(name, &[])).await,
            channel_name(name),
        ));
        subject.make(&ann, group(&[&bob])).await;
    }
    subject.join(&bob, "ops").await;
    subject.add(&ann, made[1].0, &[&bob]).await;
    subject.set_role(&ann, made[1].0, &bob, Role::Admin).await;
    subject.speak(&ann, made[0].0, "hi").await;
    subject.leave(&ann, made[6].0).await;
    made.sort_by(|(_, a), (_, b)| a.cmp(b));
    for size in 1..=8 {
        let (mut seen, mut last) = (Vec::new(), None);
        loop {
            let page = list(&bob, "", last, size).await;
            for (shared, role) in &page.channels {
                let view = subject.view(&bob, shared.id).await;
                assert_eq!(*role, view.as_ref().map(|view| view.role));
                if let Some(view) = view.or(subject.view(&ann, shared.id).await) {
                    assert_eq!(*shared, view.conversation);
                }
                let ConversationKind::Channel(name) = &shared.kind else {
                    panic!("{shared:?}");
                };
                seen.push((shared.id, name.clone()));
            }
            assert_eq!(page.more, seen.len() < made.len(), "size {size}");
            last = seen.last().map(|(_, name)| name.clone());
            if !page.more {
                break;
            }
            assert_eq!(page.channels.len(), size as usize);
        }
        assert_eq!(seen, made, "size {size}");
    }
    let found = async |contains: &str, after: Option<&str>, size| {
        let page = list(&bob, contains, after.map(channel_name), size).await;
        let names = page.channels.iter();
        let names = names.map(|(it, _)| it.name_for(bob.id).unwrap().to_owned());
        (names.collect::<Vec<_>>(), page.more)
    };
    let all = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("OPS", None, 9).await,
        (all(&["dev-ops", "ops"]), false)
    );
    assert_eq!(found("ops", None, 1).await, (all(&["dev-ops"]), true));
    assert_eq!(
        found("ops", Some("dev-ops"), 9).await,
        (all(&["ops"]), false)
    );
    assert_eq!(
        found("ops", Some("e"), 9).await,
        (all(&["ops"]), false),
        "after any name"
    );
    assert_eq!(
        found("_", None, 9).await,
        (all(&["tea_time"]), false),
        "no wildcard"
    );
    for nothing in ["%", "#ops", "friends", "Ä", "'"] {
        assert_eq!(found(nothing, None, 9).await, (vec![], false), "{nothing}");
    }
    let page = list(&bob, "x", None, 9).await;
    let (shared, role) = &page.channels[0];
    assert_eq!(
        (shared.members_count, *role),
        (0, None),
        "without members it is there"
    );
}

pub async fn who_joins_a_channel_gets_its_state_before_all_hear_of_it(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&eve, channel("ops", &[&ann])).await;
    subject.speak(&ann, id, "1").await;
    subject.speak(&eve, id, "2").await;
    let join = |store| Store::join_channel(store, bob.clone(), channel_name("ops"), after(9));
    let (view, told) = subject.told(join).await;
    assert_eq!(view.conversation.members_count, 3);
    assert_eq!(view.role, Role::Member);
    let read = ReadState {
        read_seq: Seq::new(2),
        unread: 0,
    };
    assert_eq!(view.read, read, "what was said before counts as read");
    assert_eq!(view.last_message.as_ref().unwrap().seq, Seq::new(2));
    assert_eq!(subject.view(&bob, id).await.as_ref(), Some(&view));
    let state = EventBody::ConversationChanged(view.conversation);
    let joined = MemberChange::Joined(Role::Member);
    let expected = [
        (state, vec![bob.id]),
        (
            member_changed(id, &bob, joined, &bob, 3),
            ids(&[&ann, &bob, &eve]),
        ),
    ];
    assert_eq!(told, expected);
    let members = subject
        .store
        .list_members(ann.id, id, false, Some(ann.id), PageSize::asked(1));
    let page = members.await.unwrap();
    let member = Member {
        user: bob.clone(),
        role: Some(Role::Member),
        since: after(9),
    };
    assert_eq!((page.members, page.more), (vec![member], true));
    assert_eq!(subject.speak(&bob, id, "3").await, Seq::new(3));
    assert_eq!(subject.view(&ann, id).await.unwrap().read.unread, 2);
    for user in [&ann, &bob, &eve] {
        subject.assert_resumes_everywhere(user).await;
    }
}

pub async fn joining_again_changes_nothing(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, channel("ops", &[])).await;
    subject.join(&bob, "ops").await;
    subject.set_role(&ann, id, &bob, Role::ReadOnly).await;
    subject.speak(&ann, id, "hi").await;
    for user in [&ann, &bob] {
        let view = subject.view(user, id).await.unwrap();
        let join = |store| Store::join_channel(store, user.clone(), channel_name("ops"), after(9));
        assert_eq!(subject.quiet(join).await, view);
    }
}

pub async fn joining_is_refused_in_this_order(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let ops = subject.make(&ann, channel("ops", &[&bob])).await;
    subject
        .make(
            &ann,
            NewConversation {
                kind: ConversationKind::Group("grp".parse().unwrap()),
                ..group(&[])
            },
        )
        .await;
    subject.remove(&ann, ops, &bob, true).await;
    for nowhere in ["dev", "grp"] {
        let none = ActError::ChannelNotFound(channel_name(nowhere));
        let join = |store| Store::join_channel(store, bob.clone(), channel_name(nowhere), NOON);
        subject.refused(none, join).await;
    }
    let join = |store| Store::join_channel(store, bob.clone(), channel_name("ops"), NOON);
    subject.refused(ActError::Banned, join).await;
    assert_eq!(subject.view(&bob, ops).await, None);
}

pub async fn the_first_to_join_an_empty_channel_owns_it(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, channel("ops", &[])).await;
    subject.speak(&ann, id, "1").await;
    subject.leave(&ann, id).await;
    let join = |store| Store::join_channel(store, bob.clone(), channel_name("ops"), NOON);
    let (view, told) = subject.told(join).await;
    assert_eq!(
        (view.role, view.conversation.members_count),
        (Role::Owner, 1)
    );
    let expected = [
        ("#ops (1), last 1".to_owned(), vec![bob.id]),
        ("bob joined as owner (1)".to_owned(), vec![bob.id]),
    ];
    assert_eq!(told_lines(&told), expected);
    assert_eq!(subject.join(&eve, "ops").await.role, Role::Member);
    assert_eq!(
        subject.join(&ann, "ops").await.role,
        Role::Member,
        "who made it is a member"
    );
    let page = subject.page(&bob, id).await.unwrap();
    assert_eq!((page.messages.len(), page.floor), (1, Seq::ZERO));
    // The next to be alone.
    subject.set_role(&bob, id, &eve, Role::Owner).await;
    for user in [&bob, &ann, &eve] {
        subject.leave(user, id).await;
    }
    assert_eq!(subject.join(&ann, "ops").await.role, Role::Owner);
}

pub async fn who_comes_and_goes_at_once_leaves_one_owner(subject: Subject) {
    let people = subject.people(["ann", "bob", "eve", "fay", "gus"]).await;
    let id = subject.make(&people[0], channel("ops", &[])).await;
    for round in 0..10 {
        subject.leave_all(&people, id).await;
        let mut tasks = tokio::task::JoinSet::new();
        for user in people.clone() {
            let subject = subject.clone();
            tasks.spawn(async move { subject.join(&user, "ops").await.role });
        }
        let roles = tasks.join_all().await;
        let owners = roles.iter().filter(|role| **role == Role::Owner);
        assert_eq!(owners.count(), 1, "round {round}: {roles:?}");
        let view = subject.view(&people[0], id).await.unwrap();
        assert_eq!(view.conversation.members_count, 5);
        // Two owners who want to leave the others: one of them stays.
        let members = subject.members(&people[0], id, false).await;
        let owner = { people.iter() }
            .find(|user| members.contains(&(user.id, Some(Role::Owner))))
            .unwrap();
        let other = people.iter().find(|user| *user != owner).unwrap();
        subject.set_role(owner, id, other, Role::Owner).await;
        let (a, b) = tokio::join!(
            subject.store.leave_conversation(owner.clone(), id),
            subject.store.leave_conversation(other.clone(), id)
        );
        assert_eq!(
            [a, b].map(|left| left.err()),
            [None, Some(ActError::LastOwner)]
        );
    }
    for user in &people {
        subject.assert_resumes_everywhere(user).await;
    }
}
