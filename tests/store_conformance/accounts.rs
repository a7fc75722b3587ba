//! Accounts and devices, and the ends of a store's life.

use std::{sync::Arc, time::Duration};

use super::subject::{NOON, Subject, after, eventually, name, new, to};
use tinychat::{
    domain::{
        ids::{ClientMessageId, ConversationId, DeviceId, Offset, Seq, UserId},
        name::UserName,
        page::{PageSize, Position, PositionAsked},
        secret::TokenHash,
        user::UserRef,
    },
    store::{
        AuthMode, CreateDeviceError, CreateUserError, MarkReadError, NewDevice, PasswordHash,
        ReplayFrom, StartError, StoreError, UserFilter, UserPage,
    },
};

pub async fn the_epoch_is_not_zero_and_the_mode_is_kept(subject: Subject) {
    assert_ne!(subject.store.epoch().number(), 0);
    assert_eq!(subject.store.epoch(), subject.store.epoch());
    assert_eq!(subject.store.auth_mode(), AuthMode::Trust);
    assert_eq!(subject.store.end(), Offset::ZERO);
}

pub async fn a_name_is_taken_once_and_found_again(subject: Subject) {
    let password = Some(PasswordHash("$argon2id$of-ann".to_owned()));
    let made = subject
        .store
        .create_user(name("ann"), password.clone(), NOON);
    let ann = made.await.unwrap();
    assert_eq!(ann.id, UserId::new(1));
    assert_eq!(ann.last_seen, None);
    let again = subject.store.create_user(name("ann"), None, NOON).await;
    assert_eq!(again, Err(CreateUserError::NameTaken(name("ann"))));
    let bob = subject.user("bob").await;
    assert_eq!(bob.id, UserId::new(2), "a refused name uses up no id");

    let found = subject.store.find_account(name("ann")).await.unwrap();
    let found = found.unwrap();
    assert_eq!((found.user, found.password), (ann, password));
    let found = subject.store.find_account(name("bob")).await.unwrap();
    assert_eq!(found.unwrap().password, None);
    let found = subject.store.find_account(name("carl")).await.unwrap();
    assert!(found.is_none());
    assert_eq!(subject.heard().await.len(), 0, "accounts are no events");
}

async fn list(
    subject: &Subject,
    filter: UserFilter,
    after: Option<&str>,
    size: u32,
) -> (Vec<String>, bool, u64) {
    let after = after.map(name);
    let page = subject
        .store
        .list_users(filter, after, PageSize::asked(size));
    let UserPage { users, more, total } = page.await.unwrap();
    let names = users.iter().map(|user| user.name.to_string());
    (names.collect(), more, total)
}

pub async fn users_are_listed_by_name_in_pages(subject: Subject) {
    let none = list(&subject, UserFilter::default(), None, 10).await;
    assert_eq!(none, (vec![], false, 0));
    for user in ["dora", "0ann", "bob", "b-ob", "b_ob", "b.ob"] {
        subject.user(user).await;
    }
    // By bytes: - . digits _ letters.
    let all = ["0ann", "b-ob", "b.ob", "b_ob", "bob", "dora"];
    for size in 1..=7 {
        let (mut seen, mut last) = (Vec::new(), None::<String>);
        loop {
            let page = list(&subject, UserFilter::default(), last.as_deref(), size).await;
            let (names, more, total) = page;
            assert_eq!(total, 6, "the total does not follow the page");
            seen.extend(names);
            assert_eq!(more, seen.len() < all.len(), "size {size}");
            last = seen.last().cloned();
            if !more {
                break;
            }
            assert_eq!(
                seen.len() % size as usize,
                0,
                "a page that is not the last is full"
            );
        }
        assert_eq!(seen, all, "size {size}");
    }
    let page = list(&subject, UserFilter::default(), Some("c"), 10).await;
    assert_eq!(
        page,
        (vec!["dora".to_owned()], false, 6),
        "after a name that nobody has"
    );
}

pub async fn users_are_filtered_by_text_and_by_id(subject: Subject) {
    let mut ids = Vec::new();
    for user in ["ann", "hannah", "bob", "a_b", "axb", "jo"] {
        ids.push(subject.user(user).await.id);
    }
    let set = |chosen: &[usize]| Some(Arc::new(chosen.iter().map(|i| ids[*i]).collect()));
    let containing = |text: &str| UserFilter {
        contains: text.to_owned(),
        ..UserFilter::default()
    };
    let names = async |filter, size| list(&subject, filter, None, size).await;
    let page = names(containing("ann"), 1).await;
    assert_eq!(page, (vec!["ann".to_owned()], true, 2));
    let page = list(&subject, containing("ann"), Some("ann"), 1).await;
    assert_eq!(page, (vec!["hannah".to_owned()], false, 2));
    assert_eq!(names(containing("zz"), 9).await, (vec![], false, 0));
    // Signs that a pattern language could take for its own stand for themselves.
    let page = names(containing("a_b"), 9).await;
    assert_eq!(page, (vec!["a_b".to_owned()], false, 1));
    for pattern in ["%", "*", "?", "[a-z]", "\\", "'"] {
        assert_eq!(names(containing(pattern), 9).await.2, 0, "{pattern}");
    }

    let only = UserFilter {
        only: set(&[1, 2]),
        ..UserFilter::default()
    };
    let page = names(only, 1).await;
    assert_eq!(page, (vec!["bob".to_owned()], true, 2));
    let except = UserFilter {
        except: set(&[0, 2, 3, 4]),
        ..UserFilter::default()
    };
    let page = names(except, 9).await;
    assert_eq!(page, (vec!["hannah".to_owned(), "jo".to_owned()], false, 2));
    let all_three = UserFilter {
        contains: "ann".to_owned(),
        only: set(&[0, 1, 2]),
        except: set(&[0]),
    };
    let page = names(all_three, 9).await;
    assert_eq!(page, (vec!["hannah".to_owned()], false, 1));
    let nobody = UserFilter {
        only: set(&[]),
        ..UserFilter::default()
    };
    assert_eq!(names(nobody, 9).await, (vec![], false, 0));
}

pub async fn a_page_has_500_users_and_not_one_more(subject: Subject) {
    for number in 0..501 {
        subject.user(&format!("user-{number:03}")).await;
    }
    let (names, more, total) = list(&subject, UserFilter::default(), None, 501).await;
    assert_eq!((names.len(), more, total), (500, true, 501));
    let (names, more, _) = list(&subject, UserFilter::default(), Some("user-000"), 501).await;
    assert_eq!((names.len(), more), (500, false));
}

pub async fn a_token_finds_its_device_until_it_ends(subject: Subject) {
    let ann = subject.user("ann").await;
    let token = TokenHash([7; 32]);
    let device = NewDevice::login(ann.id, token, "lamp".parse().unwrap(), NOON);
    let made = subject.store.create_device(device, Arc::default()).await;
    let (made, retired) = made.unwrap();
    assert_eq!((made.id, retired), (DeviceId::new(1), vec![]));
    assert_eq!((made.name.as_str(), made.created), ("lamp", NOON));

    let (user, device) = subject.store.find_device(token).await.unwrap().unwrap();
    assert_eq!((user.to_ref(), &device), (ann.clone(), &made));
    let renamed = subject
        .store
        .rename_device(made.id, "desk".parse().unwrap());
    renamed.await.unwrap();
    let (_, device) = subject.store.find_device(token).await.unwrap().unwrap();
    assert_eq!(device.name.as_str(), "desk");
    let other = subject.store.find_device(TokenHash([8; 32])).await;
    assert!(other.unwrap().is_none());

    assert_eq!(subject.store.end_device(ann.id, made.id).await, Ok(true));
    assert_eq!(subject.store.end_device(ann.id, made.id).await, Ok(false));
    assert!(subject.store.find_device(token).await.unwrap().is_none());
    assert_eq!(subject.store.acknowledge(made.id, Offset::ZERO), Ok(()));
    subject.store.touch(ann.id, made.id, NOON);
    let renamed = subject.store.rename_device(made.id, "x".parse().unwrap());
    assert_eq!(renamed.await, Ok(()));
    assert!(subject.store.find_device(token).await.unwrap().is_none());
    let unknown = DeviceId::new(99);
    assert_eq!(subject.store.end_device(ann.id, unknown).await, Ok(false));
    let next = subject.device(&ann, NOON).await;
    assert_eq!(next.id, DeviceId::new(2), "an id is not used again");
}

/// Twenty devices, each a second younger than the one before.
async fn twenty(subject: &Subject, user: &UserRef) -> Vec<DeviceId> {
    let mut devices = Vec::new();
    for number in 0..20 {
        let (device, retired) = subject.login(user, after(number * 1_000), &[]).await;
        assert_eq!(retired, None, "device {number}");
        devices.push(device.id);
    }
    devices
}

pub async fn the_twentieth_device_fits_and_the_next_retires_the_one_seen_longest_ago(
    subject: Subject,
) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let token = TokenHash([9; 32]);
    let of_bob = NewDevice::login(bob.id, token, "".parse().unwrap(), after(-1_000_000));
    let of_bob = subject.store.create_device(of_bob, Arc::default());
    of_bob.await.unwrap();
    let devices = twenty(&subject, &ann).await;
    let (new, retired) = subject.login(&ann, after(20_000), &[]).await;
    assert_eq!(retired, Some(devices[0]));
    let again = subject.store.end_device(ann.id, devices[0]).await;
    assert_eq!(again, Ok(false));
    // A clock that went back: the new one is still not the one that goes.
    let (newest, retired) = subject.login(&ann, after(-5_000), &[]).await;
    assert_eq!(retired, Some(devices[1]));
    assert_eq!(subject.store.end_device(ann.id, new.id).await, Ok(true));
    let (_, retired) = subject.login(&ann, after(30_000), &[]).await;
    assert_eq!(retired, None, "there was room");
    let (_, retired) = subject.login(&ann, after(31_000), &[]).await;
    assert_eq!(retired, Some(newest.id));
    let of_bob = subject.store.find_device(token).await.unwrap();
    assert!(of_bob.is_some(), "another user's device is left alone");
}

pub async fn a_device_that_was_there_lately_is_not_retired(subject: Subject) {
    let ann = subject.user("ann").await;
    let devices = twenty(&subject, &ann).await;
    subject.store.touch(ann.id, devices[0], after(100_000));
    // An older time than its login changes nothing.
    subject.store.touch(ann.id, devices[19], after(-100_000));
    last_seen(&subject, &ann, 100_000).await;
    let (_, retired) = subject.login(&ann, after(101_000), &[]).await;
    assert_eq!(retired, Some(devices[1]));
    for device in &devices[2..] {
        let (_, retired) = subject.login(&ann, after(102_000), &[]).await;
        assert_eq!(retired, Some(*device));
    }
    let (_, retired) = subject.login(&ann, after(103_000), &[]).await;
    assert_eq!(retired, Some(devices[0]));
}

pub async fn a_streaming_device_is_retired_only_if_all_are_streaming(subject: Subject) {
    let ann = subject.user("ann").await;
    let devices = twenty(&subject, &ann).await;
    let (new, retired) = subject.login(&ann, after(50_000), &devices[..3]).await;
    assert_eq!(retired, Some(devices[3]));
    let mut streaming = devices.clone();
    streaming.push(new.id);
    let (_, retired) = subject.login(&ann, after(51_000), &streaming).await;
    assert_eq!(retired, Some(devices[0]));
}

async fn last_seen(subject: &Subject, user: &UserRef, ms: i64) {
    let name: &UserName = &user.name;
    eventually("the user was seen", async || {
        let account = subject.store.find_account(name.clone()).await.unwrap();
        account.unwrap().user.last_seen == Some(after(ms))
    })
    .await;
}

pub async fn last_seen_moves_up_and_never_down(subject: Subject) {
    let ann = subject.user("ann").await;
    let device = subject.device(&ann, NOON).await;
    subject.store.touch(ann.id, device.id, after(2_000));
    last_seen(&subject, &ann, 2_000).await;
    subject.store.touch(ann.id, device.id, after(1_000));
    subject.store.touch(ann.id, device.id, after(2_500));
    last_seen(&subject, &ann, 2_500).await;
    let page = subject
        .store
        .list_users(UserFilter::default(), None, PageSize::asked(1));
    assert_eq!(page.await.unwrap().users[0].last_seen, Some(after(2_500)));
}

pub async fn a_closed_store_says_so(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let device = subject.device(&ann, NOON).await;
    let sent = subject.say(&ann, &bob, "hi").await;
    let mut replay = subject
        .open(&ann, ReplayFrom::After(Offset::ZERO), None)
        .await;
    let (end, epoch) = (subject.store.end(), subject.store.epoch());
    subject.store.close().await;
    subject.store.close().await;

    let (store, size) = (&subject.store, PageSize::asked(1));
    let (id, closed) = (ConversationId::new(1), StoreError::Closed);
    assert_eq!((store.end(), store.epoch()), (end, epoch));
    let made = store.create_user(name("carl"), None, NOON).await;
    assert_eq!(made, Err(CreateUserError::Store(closed.clone())));
    let found = store.find_account(name("ann")).await;
    assert_eq!(found.err(), Some(closed.clone()));
    let listed = store.list_users(UserFilter::default(), None, size).await;
    assert_eq!(listed.err(), Some(closed.clone()));
    let name_of_device = "".parse().unwrap();
    let device_new = NewDevice::login(ann.id, TokenHash([3; 32]), name_of_device, NOON);
    let made = store.create_device(device_new, Arc::default()).await;
    assert_eq!(made.err(), Some(CreateDeviceError::Store(closed.clone())));
    let listed = store.list_devices(ann.id).await;
    assert_eq!(listed.err(), Some(closed.clone()));
    let hash = || PasswordHash("x".to_owned());
    let changed = store.set_password(ann.id, hash(), hash(), None).await;
    assert_eq!(changed.err(), Some(closed.clone()));
    store.note_use(device.id, NOON);
    let found = store.find_device(TokenHash([3; 32])).await;
    assert_eq!(found.err(), Some(closed.clone()));
    let renamed = store.rename_device(device.id, "x".parse().unwrap()).await;
    assert_eq!(renamed.err(), Some(closed.clone()));
    let ended = store.end_device(ann.id, device.id).await;
    assert_eq!(ended.err(), Some(closed.clone()));
    store.touch(ann.id, device.id, NOON);
    let sent_late = store.append(vec![new(&ann, to(&bob), "late")]).await;
    assert_eq!(sent_late.err(), Some(closed.clone()));
    let request = new(&ann, to(&bob), "x").request;
    let found = store.find_sent(ann.id, ClientMessageId::mint(), request);
    let found = found.await;
    assert_eq!(found.err(), Some(closed.clone()));
    let started = store.start_direct(ann.clone(), name("bob")).await;
    assert_eq!(started.err(), Some(StartError::Store(closed.clone())));
    let read = store.mark_read(bob.id, sent.conversation, Seq::new(1), NOON);
    assert_eq!(read.await.err(), Some(MarkReadError::Store(closed.clone())));
    let acknowledged = store.acknowledge(device.id, end);
    assert_eq!(acknowledged.err(), Some(closed.clone()));
    let view = store.conversation(ann.id, id).await;
    assert_eq!(view.err(), Some(closed.clone()));
    let views = store.list_conversations(ann.id, None, size).await;
    assert_eq!(views.err(), Some(closed.clone()));
    let messages = store
        .list_messages(ann.id, id, PositionAsked::At(Position::Newest), size)
        .await;
    assert_eq!(messages.err(), Some(closed.clone()));
    let opened = store
        .open_replay(ann.id, ReplayFrom::Unread, None)
        .await
        .map(|replay| replay.end);
    assert_eq!(opened.err(), Some(closed.clone()));
    let page = store.read_replay(&mut replay).await.map(|page| page.events);
    assert_eq!(page.err(), Some(closed));
}

pub async fn a_sound_store_never_fails(subject: Subject) {
    subject.user("ann").await;
    let failed = tokio::time::timeout(Duration::from_millis(50), subject.store.failed()).await;
    assert!(failed.is_err(), "{failed:?}");
}
