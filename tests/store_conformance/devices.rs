//! Devices beyond logging in and out: tokens of bots, their ends, and what a change of the password does to them.

use std::sync::Arc;

use super::subject::{NOON, Subject, after, eventually, name};
use tinychat::{
    domain::{
        clock::TimeMs,
        ids::DeviceId,
        scope::{Scope, Scopes},
        secret::TokenHash,
        user::{Device, DeviceKind, UserRef},
    },
    store::{CreateDeviceError, NewDevice, PasswordHash},
};

fn hash(text: &str) -> PasswordHash {
    PasswordHash(text.to_owned())
}

/// A token that may only send, not made yet.
fn token(user: &UserRef, number: u8) -> NewDevice {
    NewDevice {
        kind: DeviceKind::Token,
        scopes: [Scope::Send].into_iter().collect(),
        ..NewDevice::login(
            user.id,
            TokenHash([number; 32]),
            "bot".parse().unwrap(),
            NOON,
        )
    }
}

/// A token that ends at this time, not made yet.
fn ending(user: &UserRef, number: u8, expires: TimeMs) -> NewDevice {
    NewDevice {
        expires: Some(expires),
        ..token(user, number)
    }
}

async fn create(
    subject: &Subject,
    device: NewDevice,
) -> Result<(Device, Vec<DeviceId>), CreateDeviceError> {
    subject.store.create_device(device, Arc::default()).await
}

async fn ids(subject: &Subject, user: &UserRef) -> Vec<DeviceId> {
    let listed = subject.store.list_devices(user.id).await.unwrap();
    listed.into_iter().map(|seen| seen.device.id).collect()
}

pub async fn devices_are_listed_with_their_last_use(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let login = subject.device(&ann, NOON).await;
    subject.device(&bob, NOON).await;
    let made = create(&subject, ending(&ann, 200, after(5_000)))
        .await
        .unwrap();
    let (bot, ended) = made;
    assert_eq!(ended, []);
    assert_eq!(
        (bot.kind, bot.expires),
        (DeviceKind::Token, Some(after(5_000)))
    );
    assert_eq!((login.kind, login.scopes), (DeviceKind::Login, Scopes::ALL));

    let found = subject.store.find_device(TokenHash([200; 32])).await;
    assert_eq!(found.unwrap().unwrap().1, bot);
    let listed = subject.store.list_devices(ann.id).await.unwrap();
    let seen: Vec<_> = listed.iter().map(|seen| seen.seen).collect();
    assert_eq!(seen, [NOON, NOON]);
    assert_eq!(listed[0].device, login);
    assert_eq!(listed[1].device, bot);

    subject.store.note_use(bot.id, after(3_000));
    eventually("the use was noted", async || {
        let listed = subject.store.list_devices(ann.id).await.unwrap();
        (listed[0].seen, listed[1].seen) == (NOON, after(3_000))
    })
    .await;
    let account = subject.store.find_account(name("ann")).await.unwrap();
    let seen = account.unwrap().user.last_seen;
    assert_eq!(seen, None, "the use of a token does not show its user");
}

pub async fn nobody_ends_the_device_of_another(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let device = subject.device(&ann, NOON).await;
    assert_eq!(subject.store.end_device(bob.id, device.id).await, Ok(false));
    assert_eq!(ids(&subject, &ann).await, [device.id]);
    assert_eq!(subject.store.end_device(ann.id, device.id).await, Ok(true));
    assert_eq!(ids(&subject, &ann).await, []);
}

pub async fn the_fiftieth_token_fits_and_the_next_is_refused(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    for number in 0..50 {
        let made = create(&subject, token(&ann, number)).await;
        assert_eq!(made.unwrap().1, [], "token {number}");
    }
    let refused = create(&subject, token(&ann, 50)).await;
    assert_eq!(refused.err(), Some(CreateDeviceError::TooManyTokens));
    assert!(create(&subject, token(&bob, 51)).await.is_ok());
    let first = ids(&subject, &ann).await[0];
    assert_eq!(subject.store.end_device(ann.id, first).await, Ok(true));
    assert!(create(&subject, token(&ann, 50)).await.is_ok());
}

pub async fn logins_and_tokens_do_not_crowd_each_other_out(subject: Subject) {
    let ann = subject.user("ann").await;
    let bot = create(&subject, token(&ann, 200)).await.unwrap().0;
    let first = subject.device(&ann, after(1)).await;
    for number in 2..21 {
        let (_, retired) = subject.login(&ann, after(number), &[]).await;
        assert_eq!(retired, None, "login {number}");
    }
    // The token was seen before all of them, but the first login goes.
    let (_, retired) = subject.login(&ann, after(100), &[]).await;
    assert_eq!(retired, Some(first.id));
    let found = ids(&subject, &ann).await;
    assert_eq!((found.len(), found[0]), (21, bot.id));
    assert!(create(&subject, token(&ann, 201)).await.is_ok());
}

pub async fn an_expired_device_ends_when_the_next_is_made(subject: Subject) {
    let ann = subject.user("ann").await;
    let early = create(&subject, ending(&ann, 1, after(1_000))).await;
    let (early, _) = early.unwrap();
    assert!(!early.has_expired(after(999)) && early.has_expired(after(1_000)));
    let late = create(&subject, ending(&ann, 2, after(2_000))).await;
    let (late, ended) = late.unwrap();
    assert_eq!(ended, []);
    let (next, ended) = subject.login(&ann, after(1_000), &[]).await;
    assert_eq!(ended, Some(early.id));
    assert_eq!(ids(&subject, &ann).await, [late.id, next.id]);
}

async fn with_password(subject: &Subject, user: &str, password: &str) -> UserRef {
    let made = subject
        .store
        .create_user(name(user), Some(hash(password)), NOON);
    made.await.unwrap().to_ref()
}

async fn password(subject: &Subject, user: &str) -> Option<PasswordHash> {
    let found = subject.store.find_account(name(user)).await.unwrap();
    found.unwrap().password
}

pub async fn a_password_is_changed_only_while_the_old_one_stands(subject: Subject) {
    let ann = with_password(&subject, "ann", "first").await;
    let bob = with_password(&subject, "bob", "first").await;
    let device = subject.device(&ann, NOON).await;
    let store = &subject.store;
    let changed = store.set_password(ann.id, hash("wrong"), hash("third"), Some(device.id));
    assert_eq!(changed.await, Ok(None));
    assert_eq!(password(&subject, "ann").await, Some(hash("first")));
    let changed = store.set_password(ann.id, hash("first"), hash("second"), None);
    assert_eq!(changed.await, Ok(Some(vec![])));
    let changed = store.set_password(ann.id, hash("first"), hash("third"), None);
    assert_eq!(changed.await, Ok(None));
    assert_eq!(password(&subject, "ann").await, Some(hash("second")));
    assert_eq!(password(&subject, "bob").await, Some(hash("first")));
    assert_eq!(ids(&subject, &ann).await, [device.id]);
    assert_eq!(ids(&subject, &bob).await, []);
}

pub async fn a_change_of_password_ends_all_other_devices_when_told_to(subject: Subject) {
    let ann = with_password(&subject, "ann", "first").await;
    let bob = with_password(&subject, "bob", "first").await;
    let of_bob = subject.device(&bob, NOON).await;
    let old = subject.device(&ann, NOON).await;
    let keep = subject.device(&ann, NOON).await;
    let bot = create(&subject, token(&ann, 200)).await.unwrap().0;
    let changed = subject
        .store
        .set_password(ann.id, hash("first"), hash("second"), Some(keep.id));
    assert_eq!(changed.await, Ok(Some(vec![old.id, bot.id])));
    assert_eq!(ids(&subject, &ann).await, [keep.id]);
    assert_eq!(ids(&subject, &bob).await, [of_bob.id]);
    let found = subject.store.find_device(TokenHash([200; 32])).await;
    assert!(found.unwrap().is_none());
}

pub async fn a_login_that_proved_an_older_password_is_refused(subject: Subject) {
    let ann = with_password(&subject, "ann", "first").await;
    let login = |proof| NewDevice {
        proof: Some(hash(proof)),
        ..NewDevice::login(ann.id, TokenHash([9; 32]), "".parse().unwrap(), NOON)
    };
    let changed = subject
        .store
        .set_password(ann.id, hash("first"), hash("second"), None);
    assert_eq!(changed.await, Ok(Some(vec![])));
    let refused = create(&subject, login("first")).await;
    assert_eq!(refused.err(), Some(CreateDeviceError::PasswordChanged));
    assert_eq!(ids(&subject, &ann).await, []);
    assert!(create(&subject, login("second")).await.is_ok());
}

pub async fn a_device_that_has_ended_makes_no_other(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let maker = subject.device(&ann, NOON).await;
    let made_by = |device: DeviceId, number: u8, created: TimeMs| NewDevice {
        made_by: Some(device),
        created,
        ..token(&ann, number)
    };
    let ended = Some(CreateDeviceError::MakerEnded);
    assert!(create(&subject, made_by(maker.id, 1, NOON)).await.is_ok());
    // One of somebody else, and one that comes to its end in this very moment.
    let of_bob = subject.device(&bob, NOON).await;
    let made = create(&subject, made_by(of_bob.id, 2, NOON)).await;
    assert_eq!(made.err(), ended);
    let short = create(&subject, ending(&ann, 3, after(10))).await;
    let short = short.unwrap().0.id;
    assert!(create(&subject, made_by(short, 4, after(9))).await.is_ok());
    let made = create(&subject, made_by(short, 5, after(10))).await;
    assert_eq!(made.err(), ended);
    let before = ids(&subject, &ann).await;
    assert_eq!(subject.store.end_device(ann.id, maker.id).await, Ok(true));
    let made = create(&subject, made_by(maker.id, 6, NOON)).await;
    assert_eq!(made.err(), ended);
    assert_eq!(ids(&subject, &ann).await.len(), before.len() - 1);
}
