//! What is refused, with code and reason, and the limits.

use tinychat::pb::{
    ConversationKind, CreateConversationRequest, ListMembersRequest, Role, SetRoleRequest,
    UpdateConversationRequest, send_request::Target,
};
use tonic::{Code, Status};

use super::asking::*;
use crate::support::{Account, Start, both_stores, feed::twin};

both_stores! {
    a_refused_act_says_why_and_does_nothing,
    what_is_within_the_limits_is_taken_and_one_past_them_is_not,
}

/// An answer without what it holds.
type Done = Result<(), Status>;

#[rustfmt::skip]
async fn a_refused_act_says_why_and_does_nothing(start: Start) {
    use Code::{AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied};
    let server = start.start();
    let names = ["ann", "bob", "eve", "kim", "out"];
    let [ann, bob, eve, kim, out] = registered(&server, names).await;
    let id = channel(&ann, "news", &["bob", "eve", "kim"]).await.id;
    channel(&ann, "other", &[]).await;
    let club = group(&ann, "club", &["bob"]).await.id;
    remove(&ann, &id, "out", true).await.unwrap();
    set_role(&ann, &id, "eve", Role::Admin).await.unwrap();
    set_role(&ann, &id, "kim", Role::ReadOnly).await.unwrap();
    say(&ann, &id, "one").await;
    say(&bob, &id, "two").await;
    say(&ann, &id, "three").await;
    delete(&ann, &id, 3).await.unwrap();
    for number in 0..20 {
        react(&bob, &id, 1, &format!("e{number}")).await.unwrap();
    }
    let direct = ann.send("bob", "hi").await.conversation_id;
    bob.send("bob", "begin").await;
    let mut of_bob = both_live(&bob).await;

    let make = async |request: CreateConversationRequest| -> Done {
        ask!(ann, create_conversation, request).map(drop)
    };
    let update = async |who: &Account, change: UpdateConversationRequest| -> Done {
        ask!(who, update_conversation, change).map(drop)
    };
    let change = |id: &str| UpdateConversationRequest {
        conversation_id: id.to_owned(),
        ..UpdateConversationRequest::default()
    };
    let named = |id: &str, name: &str| UpdateConversationRequest {
        name: Some(name.to_owned()),
        ..change(id)
    };
    let to = async |who: &Account, target: Target, reply: u64| -> Done {
        who.send_request(a_send(target, "text", reply)).await.map(drop)
    };
    let banned_of = async |who: &Account, id: &str| -> Done {
        let request = ListMembersRequest {
            conversation_id: id.to_owned(),
            banned: true,
            ..ListMembersRequest::default()
        };
        ask!(who, list_members, request).map(drop)
    };
    let (group_kind, channel_kind) = (ConversationKind::Group, ConversationKind::Channel);
    let direct_kind = to_make(ConversationKind::Direct, "x", &["bob"]);
    let unspecified = to_make(ConversationKind::Unspecified, "x", &[]);
    let kind = CreateConversationRequest {
        kind: 99,
        ..unspecified.clone()
    };
    let topic = CreateConversationRequest {
        topic: "two\nlines".to_owned(),
        ..to_make(group_kind, "x", &[])
    };
    let history = CreateConversationRequest {
        history_access: 9,
        ..to_make(group_kind, "x", &[])
    };
    let bad_topic = UpdateConversationRequest {
        topic: Some("\u{1b}[2J".to_owned()),
        ..change(&id)
    };
    let bad_history = UpdateConversationRequest {
        history_access: -1,
        ..change(&id)
    };
    let taken = to_make(channel_kind, "NEWS", &[]);
    let nobody = to_make(group_kind, "x", &["nobody"]);
    let bad_role = SetRoleRequest {
        conversation_id: id.clone(),
        user_name: "bob".to_owned(),
        role: 0,
    };
    let bad_role = ask!(ann, set_role, bad_role).map(drop);
    let by_name = |name: &str| to_channel(name);
    let table: Vec<(Done, Code, &str, &str)> = vec![
        (make(direct_kind).await, InvalidArgument, "KIND_INVALID", "kind"),
        (make(unspecified).await, InvalidArgument, "KIND_INVALID", "kind"),
        (make(kind).await, InvalidArgument, "KIND_INVALID", "kind"),
        (make(to_make(group_kind, " ", &[])).await, InvalidArgument, "CONVERSATION_NAME_INVALID", "name"),
        (make(to_make(channel_kind, "#news", &[])).await, InvalidArgument, "CHANNEL_NAME_INVALID", "name"),
        (make(topic).await, InvalidArgument, "TOPIC_INVALID", "topic"),
        (make(history).await, InvalidArgument, "HISTORY_ACCESS_INVALID", "history_access"),
        (make(to_make(group_kind, "x", &["a b"])).await, InvalidArgument, "USER_NAME_INVALID", "user_names"),
        (make(taken).await, AlreadyExists, "CHANNEL_NAME_TAKEN", ""),
        (make(nobody).await, NotFound, "USER_NOT_FOUND", ""),
        (update(&ann, named(&id, "a b")).await, InvalidArgument, "CONVERSATION_NAME_INVALID", "name"),
        (update(&ann, named(&club, "")).await, InvalidArgument, "CONVERSATION_NAME_INVALID", "name"),
        (update(&ann, bad_topic).await, InvalidArgument, "TOPIC_INVALID", "topic"),
        (update(&ann, bad_history).await, InvalidArgument, "HISTORY_ACCESS_INVALID", "history_access"),
        (update(&ann, named(&id, "other")).await, AlreadyExists, "CHANNEL_NAME_TAKEN", ""),
        (update(&ann, change("x")).await, InvalidArgument, "CONVERSATION_ID_INVALID", "conversation_id"),
        (update(&bob, named(&id, "mine")).await, PermissionDenied, "ROLE_TOO_LOW", ""),
        (update(&bob, named(&direct, "mine")).await, FailedPrecondition, "DIRECT_CONVERSATION", ""),
        (join(&bob, "#news").await.map(drop), InvalidArgument, "CHANNEL_NAME_INVALID", "channel_name"),
        (join(&bob, "nothing").await.map(drop), NotFound, "CHANNEL_NOT_FOUND", ""),
        (join(&out, "news").await.map(drop), PermissionDenied, "BANNED", ""),
        (leave(&ann, &direct).await, FailedPrecondition, "DIRECT_CONVERSATION", ""),
        (leave(&ann, &id).await, FailedPrecondition, "LAST_OWNER", ""),
        (set_role(&ann, &id, "ann", Role::Admin).await.map(drop), FailedPrecondition, "LAST_OWNER", ""),
        (add(&ann, &id, &[]).await.map(drop), InvalidArgument, "USER_NAMES_INVALID", "user_names"),
        (add(&ann, &id, &["a b"]).await.map(drop), InvalidArgument, "USER_NAME_INVALID", "user_names"),
        (add(&ann, &id, &["bob", "nobody"]).await.map(drop), NotFound, "USER_NOT_FOUND", ""),
        (add(&ann, &direct, &["eve"]).await.map(drop), FailedPrecondition, "DIRECT_CONVERSATION", ""),
        (add(&bob, &id, &["out"]).await.map(drop), PermissionDenied, "USER_BANNED", ""),
        (add(&kim, &id, &["out"]).await.map(drop), PermissionDenied, "READ_ONLY", ""),
        (remove(&ann, &id, "ann", false).await, InvalidArgument, "REMOVES_ONESELF", "user_name"),
        (remove(&ann, &id, "out", false).await, NotFound, "MEMBER_NOT_FOUND", ""),
        (remove(&ann, &id, "nobody", true).await, NotFound, "USER_NOT_FOUND", ""),
        (remove(&eve, &id, "ann", false).await, PermissionDenied, "ROLE_TOO_LOW", ""),
        (remove(&ann, &direct, "bob", false).await, FailedPrecondition, "DIRECT_CONVERSATION", ""),
        (bad_role, InvalidArgument, "ROLE_INVALID", "role"),
        (set_role(&ann, &id, "out", Role::Admin).await.map(drop), NotFound, "MEMBER_NOT_FOUND", ""),
        (set_role(&eve, &id, "bob", Role::Admin).await.map(drop), PermissionDenied, "ROLE_TOO_LOW", ""),
        (banned_of(&bob, &id).await, PermissionDenied, "ROLE_TOO_LOW", ""),
        (banned_of(&ann, &direct).await, FailedPrecondition, "DIRECT_CONVERSATION", ""),
        (edit(&ann, &id, 1, "").await.map(drop), InvalidArgument, "TEXT_EMPTY", "text"),
        (edit(&ann, &id, 1, "a\rb").await.map(drop), InvalidArgument, "TEXT_INVALID", "text"),
        (edit(&ann, &id, 0, "x").await.map(drop), NotFound, "MESSAGE_NOT_FOUND", ""),
        (edit(&ann, &id, 4, "x").await.map(drop), NotFound, "MESSAGE_NOT_FOUND", ""),
        (edit(&ann, &id, u64::MAX, "x").await.map(drop), NotFound, "MESSAGE_NOT_FOUND", ""),
        (edit(&ann, &id, 2, "x").await.map(drop), PermissionDenied, "MESSAGE_NOT_YOURS", ""),
        (edit(&ann, &id, 3, "x").await.map(drop), FailedPrecondition, "MESSAGE_DELETED", ""),
        (edit(&bob, &direct, 1, "x").await.map(drop), PermissionDenied, "MESSAGE_NOT_YOURS", ""),
        (delete(&ann, &id, 4).await.map(drop), NotFound, "MESSAGE_NOT_FOUND", ""),
        (delete(&bob, &id, 1).await.map(drop), PermissionDenied, "MESSAGE_NOT_YOURS", ""),
        (delete(&bob, &direct, 1).await.map(drop), PermissionDenied, "MESSAGE_NOT_YOURS", ""),
        (react(&ann, &id, 1, "").await.map(drop), InvalidArgument, "EMOJI_INVALID", "emoji"),
        (react(&ann, &id, 1, "a b").await.map(drop), InvalidArgument, "EMOJI_INVALID", "emoji"),
        (react(&ann, &id, 1, "new").await.map(drop), FailedPrecondition, "TOO_MANY_REACTIONS", ""),
        (react(&ann, &id, 3, "👍").await.map(drop), FailedPrecondition, "MESSAGE_DELETED", ""),
        (react(&ann, &id, 4, "👍").await.map(drop), NotFound, "MESSAGE_NOT_FOUND", ""),
        (react(&kim, &id, 1, "e1").await.map(drop), PermissionDenied, "READ_ONLY", ""),
        (unreact(&ann, &id, 3, "👍").await.map(drop), FailedPrecondition, "MESSAGE_DELETED", ""),
        (to(&kim, to_id(&id), 0).await, PermissionDenied, "READ_ONLY", ""),
        (to(&kim, by_name("news"), 0).await, PermissionDenied, "READ_ONLY", ""),
        (to(&out, by_name("news"), 0).await, FailedPrecondition, "NOT_IN_CHANNEL", ""),
        (to(&ann, by_name("nothing"), 0).await, NotFound, "CHANNEL_NOT_FOUND", ""),
        (to(&ann, by_name("#news"), 0).await, InvalidArgument, "CHANNEL_NAME_INVALID", "channel_name"),
        (to(&ann, to_id(&id), 4).await, InvalidArgument, "REPLY_TO_UNKNOWN", "reply_to_seq"),
        (to(&ann, Target::UserName("eve".to_owned()), 1).await, InvalidArgument, "REPLY_TO_UNKNOWN", "reply_to_seq"),
    ];
    for (number, (answer, code, why, field)) in table.into_iter().enumerate() {
        let status = answer.as_ref().err();
        let violations = status.map(|status| twin(status, "x").field_violations);
        let fields = violations.into_iter().flatten().map(|it| it.field);
        let fields: Vec<String> = fields.collect();
        let due = [field].into_iter().filter(|it| !it.is_empty());
        let due: Vec<String> = due.map(|it| format!("x.{it}")).collect();
        let what = format!("row {number}");
        refused(answer, code, why, &what);
        assert_eq!(fields, due, "{what}: {why}");
    }
    // One that the message has already is no new one.
    let all = react(&ann, &id, 1, "e19").await.unwrap();
    assert_eq!((all.len(), all[19].count), (20, 2));
    // Nothing of all that was done, and nobody was told anything.
    let came = until_note(&bob, &mut of_bob, "the end").await;
    let came = all_told(&came);
    assert!(came.len() == 1 && came[0].ends_with("ann +e19"), "{came:?}");
    assert_eq!(ann.conversations().await.len(), 4);
}

async fn what_is_within_the_limits_is_taken_and_one_past_them_is_not(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let connection = server.connection();
    let mut names = Vec::new();
    for number in 0..500 {
        let name = format!("u{number}");
        Account::try_register(&connection, &name).await.unwrap();
        names.push(name);
    }
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let make = async |name: &str, topic: &str, users: &[&str]| {
        let request = CreateConversationRequest {
            topic: topic.to_owned(),
            ..to_make(ConversationKind::Group, name, users)
        };
        ask!(ann, create_conversation, request)
    };
    let (name, topic) = ("ä".repeat(64), "ä".repeat(256));
    let made = make(&name, &topic, &all[..499]).await.unwrap();
    let made = made.conversation.unwrap();
    assert_eq!(
        (made.members_count, &made.name, &made.topic),
        (500, &name, &topic)
    );
    let invalid = Code::InvalidArgument;
    let longer = make(&format!("{name}x"), "", &[]).await;
    refused(longer, invalid, "CONVERSATION_NAME_INVALID", "a name");
    let longer = make("x", &format!("{topic}x"), &[]).await;
    refused(longer, invalid, "TOPIC_INVALID", "a topic");
    let full = Code::FailedPrecondition;
    refused(
        make("x", "", &all).await,
        full,
        "CONVERSATION_FULL",
        "501 members",
    );
    let added = add(&ann, &made.id, &["u499"]).await;
    refused(added, full, "CONVERSATION_FULL", "one more member");
    // Who is a member already takes no room.
    assert_eq!(add(&ann, &made.id, &all[..499]).await.unwrap().len(), 499);

    let many: Vec<&str> = { all.iter().copied() }.chain(["ann"]).collect();
    let news = channel(&ann, "news", &[]).await.id;
    let added = add(&ann, &news, &many).await;
    refused(added, invalid, "USER_NAMES_INVALID", "501 names");
    let request = to_make(ConversationKind::Channel, "x", &many);
    let made = ask!(ann, create_conversation, request);
    refused(made, invalid, "USER_NAMES_INVALID", "501 names");
    assert_eq!(add(&ann, &news, &all).await.unwrap().len(), 500);

    say(&ann, &news, "text").await;
    let emoji = "e".repeat(64);
    assert_eq!(react(&ann, &news, 1, &emoji).await.unwrap()[0].emoji, emoji);
    let longer = react(&ann, &news, 1, &format!("{emoji}e")).await;
    refused(longer, invalid, "EMOJI_INVALID", "an emoji");
    let longer = edit(&ann, &news, 1, &"x".repeat(16 * 1024 + 1)).await;
    refused(longer, invalid, "TEXT_TOO_LONG", "a text");
    edit(&ann, &news, 1, &"x".repeat(16 * 1024)).await.unwrap();
}
