//! Who comes, goes and becomes what.

use super::{
    super::{
        News,
        support::{BOB, OPS, TRIP, ann, chat, is_known, message, notice, quietly, said},
        take,
    },
    *,
};
use crate::{
    client::ui::model::{chat::Chat, markers::Delivery},
    domain::{clock::TimeMs, role::Role},
};

fn member(user: &str, change: Change, by: &str, members_count: u32) -> News {
    News::Member {
        chat: TRIP.into(),
        user_id: format!("u-{user}"),
        user: user.into(),
        change,
        by: by.into(),
        members_count,
    }
}

fn listed(names: &[(&str, Role)]) -> News {
    let one = |(name, role): &(&str, Role)| {
        let line = MemberLine {
            name: (*name).into(),
            role: Some(*role),
        };
        (format!("u-{name}"), line)
    };
    News::Members {
        chat: TRIP.into(),
        members: Ok(names.iter().map(one).collect()),
    }
}

fn list(chat: &Chat) -> Vec<(String, Option<Role>)> {
    let members = chat.members.iter().flatten();
    members.map(|it| (it.name.render_line(), it.role)).collect()
}

#[test]
fn a_list_that_was_got_is_kept_in_step() {
    let mut model = ann();
    quietly(&mut model, member("dan", Change::Joined, "dan", 4));
    assert_eq!(chat(&model, TRIP).members, None, "nobody asked");
    let all = [("ann", Role::Owner), ("bob", Role::Member)];
    quietly(&mut model, listed(&all));
    for (change, user, count) in [
        (Change::Added, "dan", 3),
        (Change::Role(Role::Admin), "dan", 3),
        (Change::Added, "dan", 3),
        (Change::Joined, "eve", 4),
        (Change::Banned, "bob", 3),
        (Change::Left, "eve", 2),
    ] {
        quietly(&mut model, member(user, change, "ann", count));
        assert_eq!(chat(&model, TRIP).room.members_count, count);
    }
    assert_eq!(
        list(chat(&model, TRIP)),
        [
            ("ann".to_owned(), Some(Role::Owner)),
            ("dan".to_owned(), Some(Role::Admin))
        ]
    );
    assert_eq!(model.people.name("u-eve"), Some(&"eve".into()));
}

#[test]
fn who_goes_takes_along_what_was_known_of_how_far_and_whether_typing() {
    let mut model = ann();
    let now = model.now;
    for user in ["bob", "carol"] {
        let marker = Marker {
            delivered: 5,
            read: if user == "carol" { 5 } else { 0 },
        };
        let group = model.chats.get_mut(&TRIP.into()).unwrap();
        group.advance(&format!("u-{user}"), marker);
        group.typing.set(&user.into(), true, now);
    }
    assert_eq!(chat(&model, TRIP).delivery(5), Delivery::Delivered);
    quietly(&mut model, member("carol", Change::Removed, "bob", 2));
    // The one who stays has not read it.
    assert_eq!(chat(&model, TRIP).delivery(5), Delivery::Delivered);
    assert_eq!(chat(&model, TRIP).typing.users(now).count(), 1);
}

#[test]
fn this_user_goes_and_what_others_did_is_said() {
    for (change, by, told) in [
        (Change::Left, "ann", ""),
        (Change::Removed, "bob", "You were removed from trip by bob"),
        (
            Change::Banned,
            "b\u{1b}b",
            "You were banned from trip by b␛b",
        ),
    ] {
        let mut model = ann();
        model.open(Some(TRIP.into()));
        take(&mut model, member("ann", change, by, 2));
        assert_eq!(notice(&mut model), told, "{change:?}");
        assert!(!is_known(&model, TRIP) && model.chats.front().is_none());
        // What was under way does not bring it back.
        quietly(&mut model, said(TRIP, message(6, "bob", "x")));
        assert!(!is_known(&model, TRIP));
        assert!(is_known(&model, BOB) && is_known(&model, OPS));
    }
}

#[test]
fn this_user_comes_and_becomes_what_others_say() {
    let mut model = ann();
    take(&mut model, member("ann", Change::Added, "bob", 4));
    assert_eq!(notice(&mut model), "You were added to trip by bob");
    quietly(&mut model, listed(&[("ann", Role::Member)]));
    take(
        &mut model,
        member("ann", Change::Role(Role::Admin), "bob", 4),
    );
    assert_eq!(notice(&mut model), "You are now admin in trip (by bob)");
    assert_eq!(chat(&model, TRIP).my_role, Some(Role::Admin));
    assert_eq!(
        list(chat(&model, TRIP)),
        [("ann".to_owned(), Some(Role::Admin))]
    );
    quietly(
        &mut model,
        member("ann", Change::Role(Role::Member), "ann", 4),
    );
}

#[test]
fn a_list_is_bounded_and_one_that_fails_is_said() {
    let mut model = ann();
    let many = (0..MEMBERS_MAX + 10).map(|number| {
        let line = MemberLine {
            name: format!("n{number}").into(),
            role: None,
        };
        (format!("u{number}"), line)
    });
    take(
        &mut model,
        News::Members {
            chat: TRIP.into(),
            members: Ok(many.collect()),
        },
    );
    quietly(&mut model, member("dan", Change::Joined, "dan", 4));
    let count = |model: &Model| chat(model, TRIP).members.as_ref().map(Vec::len);
    assert_eq!(count(&model), Some(MEMBERS_MAX));
    take(
        &mut model,
        News::Members {
            chat: TRIP.into(),
            members: Err("no\u{7}".into()),
        },
    );
    assert_eq!(notice(&mut model), "The members are not shown: no␇");
    assert_eq!(count(&model), Some(MEMBERS_MAX), "the old list stays");
}

#[test]
fn how_far_the_others_are_is_of_the_others_and_a_failure_is_nothing_to_say() {
    let mut model = ann();
    let marker = |user: &str, read| {
        let marker = Marker { delivered: 0, read };
        (format!("u-{user}"), user.into(), marker)
    };
    let answer = |markers| News::Markers {
        chat: TRIP.into(),
        markers,
    };
    quietly(
        &mut model,
        answer(Ok(vec![marker("ann", 5), marker("bob", 5)])),
    );
    assert_eq!(chat(&model, TRIP).delivery(5), Delivery::Sent);
    quietly(&mut model, answer(Ok(vec![marker("dan", 5)])));
    assert_eq!(chat(&model, TRIP).delivery(5), Delivery::Read);
    assert_eq!(model.people.name("u-dan"), Some(&"dan".into()));
    quietly(&mut model, answer(Err("away".into())));
    assert_eq!(model.now, TimeMs::new(1_000_000));
}

#[test]
fn a_list_that_is_older_than_the_events_that_came_meanwhile_is_put_in_step() {
    let mut model = ann();
    model.roll.ask(&TRIP.into());
    take(&mut model, member("bob", Change::Left, "bob", 2));
    take(
        &mut model,
        member("carol", Change::Role(Role::Admin), "ann", 2),
    );
    let old = [
        ("ann", Role::Owner),
        ("bob", Role::Member),
        ("carol", Role::Member),
    ];
    take(&mut model, listed(&old));
    let now = [
        ("ann".to_owned(), Some(Role::Owner)),
        ("carol".to_owned(), Some(Role::Admin)),
    ];
    assert_eq!(list(chat(&model, TRIP)), now);
}
