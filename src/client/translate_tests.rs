//! What becomes of what a server says, honest or not.

use super::*;

fn me() -> UserName {
    "ann".parse().unwrap()
}

#[test]
fn a_message_keeps_its_original_time() {
    let sent_time = Some(prost_types::Timestamp {
        seconds: 1,
        nanos: 999_999_999,
    });
    let sender = Some(pb::UserRef {
        id: "u1".to_owned(),
        name: "bob".to_owned(),
    });
    let content = Some(Content::Text("hi".to_owned()));
    let message = pb::Message {
        sent_time,
        sender,
        content,
        ..pb::Message::default()
    };
    let line = super::message(message);
    assert_eq!((line.sender, line.time), ("bob".into(), TimeMs::new(1999)));
    assert_eq!((line.text, line.is_edited), (Some("hi".into()), false));
}

#[test]
fn files_come_with_their_message_and_go_no_further_than_honest_ones_could() {
    let evil = pb::File {
        id: "f1; rm -rf ~".to_owned(),
        name: "\u{202e}\u{1b}".repeat(99_999),
        media_type: "x".repeat(99_999),
        thumbnail_file_id: "../f2".to_owned(),
        image: Some(pb::ImageSize::default()),
        ..pb::File::default()
    };
    let message = pb::Message {
        attachments: vec![evil; 99],
        ..pb::Message::default()
    };
    let line = super::message(message.clone());
    assert_eq!((line.text, line.files.len()), (Some("".into()), FILES_MAX));
    for file in &line.files {
        assert_eq!(
            (file.id.as_str(), &file.thumbnail_id, file.image),
            ("", &None, None)
        );
        assert!(file.name.len() < 1_024 && file.media_type.len() < 1_024);
    }
    let gone = super::message(pb::Message {
        deleted: true,
        ..message
    });
    assert_eq!((gone.text, gone.files), (None, Vec::new()));
}

#[test]
fn who_types_is_told_with_where() {
    let typing = pb::Typing {
        conversation_id: "c7".to_owned(),
        user: Some(pb::UserRef {
            id: "u2".to_owned(),
            name: "bob".to_owned(),
        }),
        typing: true,
    };
    let told = pb::Event {
        body: Some(Body::Typing(typing)),
        ..pb::Event::default()
    };
    let expected = Msg::Typing {
        conversation: "c7".to_owned(),
        user: "bob".into(),
        is_typing: true,
    };
    assert_eq!(event(told, &me()), Some(expected));
}

#[test]
fn a_server_that_leaves_out_everything_does_no_harm() {
    let event = |it| event(it, &me());
    assert_eq!(event(pb::Event::default()), None);
    let empty = pb::Event {
        body: Some(Body::Message(pb::Message::default())),
        ..pb::Event::default()
    };
    assert!(matches!(event(empty), Some(Msg::Message(_))));
    let huge = prost_types::Timestamp {
        seconds: i64::MAX,
        nanos: 0,
    };
    assert_eq!(time(Some(huge)), TimeMs::new(i64::MAX));
    let gap = pb::Gap {
        from_seq: u64::MAX,
        to_seq: 0,
        ..pb::Gap::default()
    };
    let gap = pb::Event {
        body: Some(Body::Gap(gap)),
        ..pb::Event::default()
    };
    assert_eq!(event(gap), Some(Msg::Gap { count: 1 }));
}

#[test]
fn what_was_looked_for_is_marked_and_no_tower_is_built_of_parts() {
    let part = |text: &str, r#match| pb::SnippetPart {
        text: text.to_owned(),
        r#match,
    };
    let shown = |snippet: Vec<pb::SnippetPart>| {
        let found = hit(pb::SearchHit {
            message: None,
            snippet,
        });
        found.snippet.unwrap().starred()
    };
    let parts = vec![part("the ", false), part("build", true), part(" is", false)];
    assert_eq!(shown(parts), "the *build* is");
    assert_eq!(
        shown(vec![part("\u{301}\u{302}\u{303}", false); 9])
            .chars()
            .count(),
        4
    );
    assert_eq!(shown(Vec::new()), "");
}

#[test]
fn what_this_user_set_is_known_where_it_was_said() {
    let conversation = pb::Conversation {
        marked_unread: true,
        ..pb::Conversation::default()
    };
    assert_eq!(named_room(conversation.clone()).settings, None);
    let notify = pb::NotifySettings {
        level: pb::NotifyLevel::None.into(),
        until_time: Some(prost_types::Timestamp {
            seconds: 1,
            nanos: 0,
        }),
    };
    let mut conversation = pb::Conversation {
        notify: Some(notify),
        ..conversation
    };
    assert!(!named_room(conversation.clone()).is_read_only);
    conversation.my_role = pb::Role::ReadOnly.into();
    assert!(named_room(conversation.clone()).is_read_only);
    let settings = named_room(conversation).settings.unwrap();
    assert!(settings.marked_unread);
    assert_eq!(settings.notify.level, NotifyLevel::None);
    assert_eq!(settings.notify.until, Some(TimeMs::new(1000)));
    let odd = pb::NotifySettings {
        level: 77,
        until_time: None,
    };
    assert_eq!(super::notify(Some(odd)), NotifySettings::default());
}

#[test]
fn an_unknown_user_is_told_from_other_troubles() {
    let wanted = Wanted::User("bob".parse().unwrap());
    let outcome = |found| match started(wanted.clone(), found) {
        Msg::Started { outcome, .. } => outcome,
        other => panic!("{other:?}"),
    };
    let refused = |reason: &str| {
        let reason = reason.to_owned();
        Err(pb::Error {
            code: 5,
            reason,
            ..pb::Error::default()
        }
        .into())
    };
    let unknown = outcome(refused("USER_NOT_FOUND"));
    assert_eq!(unknown, Err(StartProblem::UserNotFound));
    let no_member = outcome(refused("CONVERSATION_NOT_FOUND"));
    assert_eq!(no_member, Err(StartProblem::NotAMember));
    assert_eq!(outcome(Ok(Vec::new())), Err(StartProblem::NotAMember));
    let other = tonic::Status::unavailable("the server stops");
    assert!(matches!(
        outcome(Err(other.into())),
        Err(StartProblem::Other(_))
    ));
    let room = || Room::default();
    assert_eq!(outcome(Ok(vec![room()])), Ok(room()));
    let two = outcome(Ok(vec![room(), room()]));
    assert_eq!(two, Err(StartProblem::Several(vec![room(), room()])));
}

#[test]
fn a_conversation_of_two_is_called_like_the_other() {
    let user = |name: &str| pb::UserRef {
        id: "u".to_owned(),
        name: name.to_owned(),
    };
    let of = |members: &[&str]| {
        let conversation = pb::Conversation {
            kind: pb::ConversationKind::Direct.into(),
            members: members.iter().map(|name| user(name)).collect(),
            ..pb::Conversation::default()
        };
        room(conversation, &me()).name
    };
    assert_eq!(of(&["ann", "bob"]), "bob".into());
    assert_eq!(of(&["ann"]), "ann".into());
    assert_eq!(of(&[]), "ann".into());
}

#[test]
fn what_happens_in_rooms_is_news_and_what_is_deleted_has_no_text() {
    let deleted = pb::Message {
        deleted: true,
        revision: 1,
        ..pb::Message::default()
    };
    let line = super::message(deleted);
    assert_eq!((line.text, line.is_edited), (None, true));
    let role = pb::MemberChanged {
        change: pb::MemberChange::Role.into(),
        role: pb::Role::Admin.into(),
        ..pb::MemberChanged::default()
    };
    let Some(News::Member { change, .. }) = member_changed(role) else {
        panic!("no news")
    };
    assert_eq!(change, Change::Role(Role::Admin));
    let strange = pb::MemberChanged {
        change: 99,
        ..pb::MemberChanged::default()
    };
    assert_eq!(member_changed(strange), None);
    let changed = pb::ReactionChanged::default();
    assert!(matches!(reacted(changed), News::Reacted { deed: None, .. }));
}
