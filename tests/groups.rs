//! Groups and channels through the real server: what is done to them, their members and their messages, as every door
//! tells it; that who is out gets nothing newer; and who may do what, as one table.

pub mod asking;
mod refusals;
mod table;

use asking::*;
use tinychat::pb::{
    Conversation, ConversationKind, CreateConversationRequest, CreateTokenRequest, HistoryAccess,
    ListChannelsRequest, ListMembersRequest, Message, NotifyLevel, NotifySettings, Role, Scope,
    SendRequest, UpdateConversationRequest, chat_request::Request, event::Body,
    reply::Result as Answer,
};
use tonic::Code;

use crate::support::{
    Account, Server, Start, both_stores,
    feed::{DOORS, Door, From, after, mark_read, twin},
};

both_stores! {
    a_channel_lives_and_every_door_tells_the_same,
    who_is_out_gets_nothing_newer_by_any_door,
    a_new_member_reads_what_the_conversation_lets_it,
    lists_are_paged_and_say_no_more_than_they_should,
    a_token_that_may_only_send_learns_nothing_of_what_is_said,
}

async fn a_channel_lives_and_every_door_tells_the_same(start: Start) {
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    // A note, so that the conversation of the notes is known when they mark an end.
    ann.send("ann", "begin").await;
    bob.send("bob", "begin").await;
    let mut of_ann = both_live(&ann).await;
    let mut of_bob = both_live(&bob).await;
    let mut asking = bob.live(Door::Chat).await;

    let request = CreateConversationRequest {
        topic: "what is new".to_owned(),
        ..to_make(ConversationKind::Channel, "News", &[])
    };
    let made = ask!(ann, create_conversation, request).unwrap();
    let made = made.conversation.unwrap();
    let id = made.id.clone();
    let due = Conversation {
        id: id.clone(),
        kind: ConversationKind::Channel.into(),
        name: "news".to_owned(),
        topic: "what is new".to_owned(),
        members_count: 1,
        my_role: Role::Owner.into(),
        history_access: HistoryAccess::All.into(),
        notify: Some(NotifySettings {
            level: NotifyLevel::All.into(),
            until_time: None,
        }),
        ..Conversation::default()
    };
    assert_eq!(made, due);
    let first = ann.send_request(a_send(to_channel("news"), "first", 0));
    assert_eq!(first.await.unwrap().conversation_id, id);

    let joined = join(&bob, "NEWS").await.unwrap();
    assert_eq!(joined.last_message.as_ref().map(text_of), Some("first"));
    let due = Conversation {
        members_count: 2,
        my_role: Role::Member.into(),
        last_seq: 1,
        read_seq: 1,
        last_message: joined.last_message.clone(),
        ..due
    };
    assert_eq!(joined, due);
    // Joining again changes nothing and tells nobody.
    assert_eq!(join(&bob, "news").await.unwrap(), joined);

    // By a frame, and what it may not answer, too.
    let reply = a_send(to_channel("news"), "second", 1);
    let sent = asking.ask(Some(Request::Send(reply.clone()))).await;
    let Answer::Send(sent) = sent else {
        panic!("{sent:?}");
    };
    assert_eq!((sent.conversation_id.as_str(), sent.seq), (id.as_str(), 2));
    let again = bob.send_request(reply.clone()).await.unwrap();
    assert!(again.duplicate && again.seq == 2);
    let another = SendRequest {
        reply_to_seq: 2,
        ..reply
    };
    let another = bob.send_request(another).await;
    refused(
        another,
        Code::AlreadyExists,
        "CLIENT_MESSAGE_ID_REUSED",
        "another answer",
    );

    let edited = edit(&bob, &id, 2, "2nd").await.unwrap();
    assert_eq!((text_of(&edited), edited.revision), ("2nd", 1));
    assert_eq!(edit(&bob, &id, 2, "2nd").await.unwrap(), edited);
    let reacted = react(&ann, &id, 2, "👍").await.unwrap();
    assert_eq!(reactions_of(&reacted), "👍1!");
    assert_eq!(
        reactions_of(&react(&bob, &id, 2, "👍").await.unwrap()),
        "👍2!"
    );
    assert_eq!(
        reactions_of(&react(&bob, &id, 2, "+1").await.unwrap()),
        "👍2! +11!"
    );
    assert_eq!(
        reactions_of(&unreact(&ann, &id, 2, "👍").await.unwrap()),
        "👍1 +11"
    );
    assert_eq!(
        reactions_of(&unreact(&ann, &id, 2, "👍").await.unwrap()),
        "👍1 +11"
    );
    let messages = page(&ann, &id).await.unwrap().messages;
    assert_eq!(reactions_of(&messages[1].reactions), "👍1 +11");

    let deleted = delete(&ann, &id, 2).await.unwrap();
    let gone = Message {
        content: None,
        revision: 2,
        reactions: Vec::new(),
        deleted: true,
        ..edited
    };
    assert_eq!(deleted, gone);
    assert_eq!(delete(&bob, &id, 2).await.unwrap(), gone);
    assert_eq!((gone.seq, gone.reply_to_seq), (2, 1));
    react(&bob, &id, 1, "🎉").await.unwrap();

    let admin = set_role(&ann, &id, "bob", Role::Admin).await.unwrap();
    assert_eq!(admin.role(), Role::Admin);
    let change = UpdateConversationRequest {
        conversation_id: id.clone(),
        name: Some("News2".to_owned()),
        topic: Some(String::new()),
        ..UpdateConversationRequest::default()
    };
    let changed = ask!(bob, update_conversation, change.clone()).unwrap();
    assert_eq!(changed.conversation.unwrap().name, "news2");
    ask!(ann, update_conversation, change).unwrap();
    leave(&bob, &id).await.unwrap();
    ann.send_request(a_send(to_channel("news2"), "third", 0))
        .await
        .unwrap();

    let shared = [
        "bob JOINED MEMBER by bob, 2 members",
        "2 bob: second (to 1, )",
        "2 is now: 2nd (revision 1)",
        "2 has [👍1] ann +👍",
        "2 has [👍2] bob +👍",
        "2 has [👍2 +11] bob ++1",
        "2 has [👍1 +11] ann -👍",
        "2 is gone by ann (revision 2)",
        "1 has [🎉1] bob +🎉",
        "bob ROLE ADMIN by ann, 2 members",
        "news2/: 2 members, last 2",
        "bob LEFT UNSPECIFIED by bob, 1 members",
    ];
    let came = until_note(&ann, &mut of_ann, "the end").await;
    let due = ["news/what is new: 1 members, last 0", "1 ann: first"];
    let due: Vec<&str> = due
        .into_iter()
        .chain(shared)
        .chain(["3 ann: third"])
        .collect();
    assert_eq!(all_told(&came), due);
    let came = until_note(&bob, &mut of_bob, "the end").await;
    let due = ["news/what is new: 2 members, last 1"];
    let due: Vec<&str> = due.into_iter().chain(shared).collect();
    assert_eq!(all_told(&came), due);
    let of_asking = asking
        .until(|body| matches!(body, Body::Message(it) if text_of(it) == "the end"))
        .await;
    assert_eq!(
        of_asking[..of_asking.len() - 1],
        came,
        "the stream that asked"
    );
    // What is per user is not in what all share.
    for event in &came {
        if let Some(Body::ConversationChanged(changed)) = &event.body {
            let it = changed.conversation.as_ref().unwrap();
            assert_eq!((it.my_role, it.read_seq, it.unread), (0, 0, 0));
            assert_eq!((&it.last_message, it.members.len()), (&None, 0));
            assert_eq!(it.history_access(), HistoryAccess::All);
        }
    }

    // A device that was away gets the state of now: of each message the last change alone.
    let cursor = &came[0].cursor;
    for door in DOORS {
        let replayed = ann.replayed(door, after(cursor)).await;
        let replayed = all_told(&replayed);
        let due = [
            "welcome",
            "bob JOINED MEMBER by bob, 2 members",
            "2 bob: gone (to 1, )",
            "2 is gone by ann (revision 2)",
            "1 has [🎉1]",
            "bob ROLE ADMIN by ann, 2 members",
            "news2/: 1 members, last 3",
            "bob LEFT UNSPECIFIED by bob, 1 members",
            "3 ann: third",
            "2 ann: the end",
            "caught up",
        ];
        assert_eq!(replayed, due, "{door:?}");
    }
    let messages = page(&ann, &id).await.unwrap();
    let texts: Vec<&str> = messages.messages.iter().map(text_of).collect();
    assert_eq!(texts, ["first", "gone", "third"]);
    assert_eq!(reactions_of(&messages.messages[0].reactions), "🎉1");
    assert_eq!((messages.history_floor_seq, messages.last_seq), (0, 3));
    // Nobody is left: the next one to join owns it.
    leave(&ann, &id).await.unwrap();
    let owner = join(&bob, "news2").await.unwrap();
    assert_eq!((owner.my_role(), owner.members_count), (Role::Owner, 1));
}

async fn who_is_out_gets_nothing_newer_by_any_door(start: Start) {
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    bob.send("bob", "begin").await;
    for (way, last) in [
        ("leaves", "bob LEFT UNSPECIFIED by bob, 1 members"),
        ("is removed", "bob REMOVED UNSPECIFIED by ann, 1 members"),
        ("is banned", "bob BANNED UNSPECIFIED by ann, 1 members"),
    ] {
        let name = way.replace(' ', "-");
        let mut of_bob = both_live(&bob).await;
        let begin = bob.replayed(Door::Chat, From::default()).await;
        let begin = begin.last().unwrap().cursor.clone();
        let id = channel(&ann, &name, &["bob"]).await.id;
        say(&ann, &id, "one").await;
        say(&bob, &id, "two").await;
        say(&ann, &id, "three").await;
        react(&ann, &id, 2, "👍").await.unwrap();
        match way {
            "leaves" => leave(&bob, &id).await.unwrap(),
            way => remove(&ann, &id, "bob", way == "is banned").await.unwrap(),
        }
        // All that can happen after it.
        say(&ann, &id, "secret").await;
        edit(&ann, &id, 1, "secret").await.unwrap();
        delete(&ann, &id, 2).await.unwrap();
        react(&ann, &id, 3, "🤫").await.unwrap();
        let change = UpdateConversationRequest {
            conversation_id: id.clone(),
            topic: Some("secret".to_owned()),
            ..UpdateConversationRequest::default()
        };
        ask!(ann, update_conversation, change).unwrap();
        add(&ann, &id, &["ann"]).await.unwrap();

        let note = format!("the end: {way}");
        let live = until_note(&bob, &mut of_bob, &note).await;
        let due = [
            format!("{name}/: 2 members, last 0"),
            "1 ann: one".to_owned(),
            "2 bob: two".to_owned(),
            "3 ann: three".to_owned(),
            "2 has [👍1] ann +👍".to_owned(),
            last.to_owned(),
        ];
        assert_eq!(all_told(&live), due, "{way}");

        // Resumed at the beginning: what was told while it lasted, but none of what was changed since.
        for door in DOORS {
            let replayed = bob.replayed(door, after(&begin)).await;
            let replayed = all_told(&replayed);
            let due = [
                "welcome".to_owned(),
                format!("{name}/: 2 members, last 3"),
                "1 ann: gone".to_owned(),
                "2 bob: gone".to_owned(),
                "3 ann: three".to_owned(),
                last.to_owned(),
            ];
            assert_eq!(replayed[..due.len()], due, "{way} {door:?}");
            assert_eq!(
                replayed.len(),
                due.len() + 2,
                "{way} {door:?}: {replayed:?}"
            );
            // Resumed where it ended, and as a new device: nothing.
            for from in [after(&live.last().unwrap().cursor), From::default()] {
                let events = bob.replayed(door, from).await;
                let of_it = events
                    .iter()
                    .filter(|event| match event.body.as_ref().unwrap() {
                        Body::Message(it) => it.conversation_id == id,
                        Body::ConversationChanged(it) => it.conversation.as_ref().unwrap().id == id,
                        body => !matches!(body, Body::Welcome(_) | Body::CaughtUp(_)),
                    });
                assert_eq!(of_it.count(), 0, "{way} {door:?}: {events:?}");
            }
        }

        // By no call either, and it is as if the conversation did not exist.
        let mut chat = bob.live(Door::Chat).await;
        for id in [id.as_str(), "c999"] {
            let answers = [
                ("get", get(&bob, id).await.map(drop)),
                ("list", page(&bob, id).await.map(drop)),
                ("edit", edit(&bob, id, 2, "mine").await.map(drop)),
                ("delete", delete(&bob, id, 2).await.map(drop)),
                ("react", react(&bob, id, 3, "👍").await.map(drop)),
                ("unreact", unreact(&bob, id, 3, "👍").await.map(drop)),
                ("leave", leave(&bob, id).await),
                ("add", add(&bob, id, &["bob"]).await.map(drop)),
                (
                    "send",
                    bob.send_request(a_send(to_id(id), "x", 0)).await.map(drop),
                ),
            ];
            for (what, answer) in answers {
                let what = format!("{way}, then {what} {id}");
                refused(answer, Code::NotFound, "CONVERSATION_NOT_FOUND", &what);
            }
            for request in [mark_read(id, 1), Request::Send(a_send(to_id(id), "x", 0))] {
                let Answer::Error(error) = chat.ask(Some(request.clone())).await else {
                    panic!("{way}: {request:?}");
                };
                assert_eq!(error.reason, "CONVERSATION_NOT_FOUND", "{way}");
            }
        }
        let answer = bob.send_request(a_send(to_channel(&name), "x", 0)).await;
        refused(answer, Code::FailedPrecondition, "NOT_IN_CHANNEL", way);
        let mine = bob.conversations().await;
        assert!(mine.iter().all(|it| it.id != id), "{way}: {mine:?}");
    }
    // A ban holds until somebody who may lifts it.
    refused(
        join(&bob, "is-banned").await,
        Code::PermissionDenied,
        "BANNED",
        "joining",
    );
    assert_eq!(
        join(&bob, "is-removed").await.unwrap().my_role(),
        Role::Member
    );
}

async fn a_new_member_reads_what_the_conversation_lets_it(start: Start) {
    let server = start.start();
    let [ann, bob, eve] = registered(&server, ["ann", "bob", "eve"]).await;
    bob.send("bob", "begin").await;
    for (made, floor) in [
        (group(&ann, "The Group", &[]).await, 2),
        (channel(&ann, "all", &[]).await, 0),
    ] {
        let id = made.id.clone();
        let what = made.name.as_str();
        let usual = if floor > 0 {
            HistoryAccess::SinceJoin
        } else {
            HistoryAccess::All
        };
        assert_eq!(made.history_access(), usual);
        say(&ann, &id, "old").await;
        say(&ann, &id, "older").await;
        let mut of_bob = both_live(&bob).await;
        let added = add(&ann, &id, &["BOB", "ann", "bob"]).await.unwrap();
        let added: Vec<_> = { added.iter() }
            .map(|it| (it.user.as_ref().unwrap().name.as_str(), it.role()))
            .collect();
        assert_eq!(added, [("bob", Role::Member), ("ann", Role::Owner)]);
        let state = get(&bob, &id).await.unwrap();
        assert_eq!((state.last_seq, state.read_seq, state.unread), (2, 2, 0));
        assert_eq!(state.last_message.is_some(), floor == 0, "{what}");
        // Of what lies below the floor nothing is told, whatever happens to it.
        react(&ann, &id, 1, "👍").await.unwrap();
        edit(&ann, &id, 1, "not so old").await.unwrap();
        delete(&ann, &id, 2).await.unwrap();
        say(&ann, &id, "new").await;
        react(&ann, &id, 3, "👍").await.unwrap();
        let live = until_note(&bob, &mut of_bob, &format!("the end of {what}")).await;
        let mut due = vec![
            format!("{what}/: 2 members, last 2"),
            "bob ADDED MEMBER by ann, 2 members".to_owned(),
            "1 has [👍1] ann +👍".to_owned(),
            "1 is now: not so old (revision 1)".to_owned(),
            "2 is gone by ann (revision 1)".to_owned(),
            "3 ann: new".to_owned(),
            "3 has [👍1] ann +👍".to_owned(),
        ];
        if floor > 0 {
            due.drain(2..5);
        }
        assert_eq!(all_told(&live), due, "{what}");
        let listed = page(&bob, &id).await.unwrap();
        assert_eq!((listed.history_floor_seq, listed.last_seq), (floor, 3));
        assert_eq!(listed.messages.len() as u64, 3 - floor, "{what}");
        let answers = [
            bob.send_request(a_send(to_id(&id), "re", 1))
                .await
                .map(drop),
            react(&bob, &id, 1, "🎉").await.map(drop),
        ];
        if floor == 0 {
            answers.into_iter().for_each(|answer| answer.unwrap());
            continue;
        }
        let [reply, reaction] = answers;
        let error = twin(reply.as_ref().unwrap_err(), "send");
        assert_eq!(error.field_violations[0].field, "send.reply_to_seq");
        refused(reply, Code::InvalidArgument, "REPLY_TO_UNKNOWN", what);
        refused(reaction, Code::NotFound, "MESSAGE_NOT_FOUND", what);
        // From now on all that is said, for those who come later.
        let change = UpdateConversationRequest {
            conversation_id: id.clone(),
            history_access: HistoryAccess::All.into(),
            ..UpdateConversationRequest::default()
        };
        ask!(ann, update_conversation, change).unwrap();
        add(&bob, &id, &["eve"]).await.unwrap();
        let floors = [&ann, &bob, &eve].map(|who| page(who, &id));
        let mut found = Vec::new();
        for floor in floors {
            found.push(floor.await.unwrap().history_floor_seq);
        }
        assert_eq!(found, [0, 2, 3]);
        // Who comes back comes anew: what was said meanwhile, and before, is not its own any more.
        leave(&bob, &id).await.unwrap();
        say(&ann, &id, "meanwhile").await;
        add(&ann, &id, &["bob"]).await.unwrap();
        let back = page(&bob, &id).await.unwrap();
        assert_eq!((back.history_floor_seq, back.messages.len()), (3, 1));
    }
}

async fn lists_are_paged_and_say_no_more_than_they_should(start: Start) {
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    Account::register(&server, "eve").await;
    for name in ["dev-b", "dev-a", "ops", "dev-c"] {
        let request = CreateConversationRequest {
            topic: format!("about {name}"),
            history_access: HistoryAccess::SinceJoin.into(),
            ..to_make(ConversationKind::Channel, name, &["eve"])
        };
        let id = ask!(ann, create_conversation, request).unwrap();
        say(&ann, &id.conversation.unwrap().id, "secret").await;
    }
    group(&ann, "dev-group", &["eve"]).await;
    join(&bob, "dev-b").await.unwrap();
    let mut names = Vec::new();
    let mut token = String::new();
    loop {
        let request = ListChannelsRequest {
            page_size: 2,
            page_token: token,
            query: "DEV".to_owned(),
        };
        let page = ask!(bob, list_channels, request).unwrap();
        assert!(page.channels.len() <= 2);
        names.extend(page.channels.into_iter().map(|it| it.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["dev-a", "dev-b", "dev-c"]);
    let all = ask!(bob, list_channels, ListChannelsRequest::default()).unwrap();
    let [a, b, _, ops] = all.channels.as_slice() else {
        panic!("{all:?}");
    };
    let stranger = |name: &str| Conversation {
        kind: ConversationKind::Channel.into(),
        name: name.to_owned(),
        topic: format!("about {name}"),
        members_count: 2,
        history_access: HistoryAccess::SinceJoin.into(),
        ..Conversation::default()
    };
    assert_eq!((a, ops), (&stranger("dev-a"), &stranger("ops")));
    let own = Conversation {
        id: b.id.clone(),
        my_role: Role::Member.into(),
        members_count: 3,
        last_seq: 1,
        ..stranger("dev-b")
    };
    assert_eq!(b, &own);

    let id = b.id.clone();
    set_role(&ann, &id, "eve", Role::ReadOnly).await.unwrap();
    let list = async |who: &Account, banned: bool| {
        let mut found = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListMembersRequest {
                conversation_id: id.clone(),
                page_size: 1,
                page_token,
                banned,
            };
            let page = ask!(who, list_members, request).unwrap();
            assert!(page.members.len() <= 1);
            for member in page.members {
                assert!(member.joined_time.is_some());
                let (role, user) = (member.role(), member.user.unwrap());
                found.push((user.name, role));
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return found;
            }
        }
    };
    let due = [
        ("ann", Role::Owner),
        ("bob", Role::Member),
        ("eve", Role::ReadOnly),
    ];
    let due = due.map(|(name, role)| (name.to_owned(), role));
    assert_eq!(list(&bob, false).await, due);
    assert_eq!(list(&ann, true).await, []);
    remove(&ann, &id, "eve", true).await.unwrap();
    let due = ("eve".to_owned(), Role::Unspecified);
    assert_eq!(list(&ann, true).await, [due]);
    assert_eq!(list(&ann, false).await.len(), 2);
    // An owner's adding lifts the ban.
    add(&ann, &id, &["eve"]).await.unwrap();
    assert_eq!(list(&ann, true).await, []);
    for token in ["garbage!", "AAAA"] {
        let request = ListChannelsRequest {
            page_token: token.to_owned(),
            ..ListChannelsRequest::default()
        };
        let answer = ask!(ann, list_channels, request);
        refused(
            answer,
            Code::InvalidArgument,
            "PAGE_TOKEN_INVALID",
            "a token",
        );
        let request = ListMembersRequest {
            conversation_id: id.clone(),
            page_token: token.to_owned(),
            ..ListMembersRequest::default()
        };
        let answer = ask!(ann, list_members, request);
        refused(
            answer,
            Code::InvalidArgument,
            "PAGE_TOKEN_INVALID",
            "a token",
        );
    }
}

/// The same user, with a token of these scopes.
async fn bot(account: &Account, scope: Scope) -> Account {
    let request = CreateTokenRequest {
        name: "a bot".to_owned(),
        scopes: vec![scope.into()],
        expire_time: None,
    };
    let made = account.connection.auth().create_token(request).await;
    let token = made.unwrap().into_inner().access_token;
    Account {
        connection: account.connection.with_token(&token).unwrap(),
        token,
        ..account.clone()
    }
}

async fn a_token_that_may_only_send_learns_nothing_of_what_is_said(start: Start) {
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    let (sends, reads) = (bot(&bob, Scope::Send).await, bot(&bob, Scope::Read).await);
    let id = channel(&ann, "news", &[]).await.id;
    say(&ann, &id, "secret").await;
    let due = (0, 0, None);
    let seen = |it: &Conversation| (it.read_seq, it.unread, it.last_message.clone());
    assert_eq!(seen(&join(&sends, "news").await.unwrap()), due);
    set_role(&ann, &id, "bob", Role::Admin).await.unwrap();
    let change = UpdateConversationRequest {
        conversation_id: id.clone(),
        topic: Some("new".to_owned()),
        ..UpdateConversationRequest::default()
    };
    let changed = ask!(sends, update_conversation, change).unwrap();
    assert_eq!(seen(&changed.conversation.unwrap()), due);
    react(&ann, &id, 1, "👍").await.unwrap();
    assert_eq!(react(&sends, &id, 1, "🎉").await.unwrap(), []);
    assert_eq!(unreact(&sends, &id, 1, "🎉").await.unwrap(), []);
    say(&bob, &id, "own").await;
    react(&ann, &id, 2, "👍").await.unwrap();
    let edited = edit(&sends, &id, 2, "own words").await.unwrap();
    assert_eq!(
        (text_of(&edited), &*edited.reactions),
        ("own words", &[][..])
    );
    assert_eq!(delete(&sends, &id, 1).await.unwrap().content, None);

    let denied = Code::PermissionDenied;
    refused(page(&sends, &id).await, denied, "SCOPE_MISSING", "reading");
    let listed = ask!(sends, list_channels, ListChannelsRequest::default());
    refused(listed, denied, "SCOPE_MISSING", "listing");
    refused(leave(&reads, &id).await, denied, "SCOPE_MISSING", "leaving");
    refused(
        react(&reads, &id, 2, "x").await,
        denied,
        "SCOPE_MISSING",
        "reacting",
    );
    ask!(reads, list_channels, ListChannelsRequest::default()).unwrap();
}

#[tokio::test]
async fn each_act_takes_one_from_the_rate_of_sends() {
    let server = Server::build().rate("1/s").start();
    let ann = Account::register(&server, "ann").await;
    let id = channel(&ann, "news", &[]).await.id;
    say(&ann, &id, "one").await;
    let change = UpdateConversationRequest {
        conversation_id: id.clone(),
        ..UpdateConversationRequest::default()
    };
    let acts = [
        "create", "update", "join", "leave", "add", "remove", "role", "edit", "delete", "react",
        "unreact",
    ];
    for act in acts {
        // What fails or changes nothing takes one, too: it is work.
        let mut done = 0;
        let refusal = loop {
            let answer = match act {
                "create" => ask!(
                    ann,
                    create_conversation,
                    to_make(ConversationKind::Group, "a", &[])
                )
                .map(drop),
                "update" => ask!(ann, update_conversation, change.clone()).map(drop),
                "join" => join(&ann, "news").await.map(drop),
                "leave" => leave(&ann, "c999").await,
                "add" => add(&ann, &id, &["ann"]).await.map(drop),
                "remove" => remove(&ann, &id, "nobody", false).await,
                "role" => set_role(&ann, &id, "ann", Role::Owner).await.map(drop),
                "edit" => edit(&ann, &id, 1, "two").await.map(drop),
                "delete" => delete(&ann, &id, 9).await.map(drop),
                "react" => react(&ann, &id, 1, "x").await.map(drop),
                _ => unreact(&ann, &id, 1, "x").await.map(drop),
            };
            match answer {
                Err(status) if status.code() == Code::ResourceExhausted => break status,
                _ => done += 1,
            }
            assert!(done < 100, "{act} is not limited");
        };
        let error = twin(&refusal, "x");
        assert_eq!(error.reason, "RATE_LIMITED", "{act}");
        assert!(error.retry_after.is_some(), "{act}");
    }
    // Reading takes nothing.
    get(&ann, &id).await.unwrap();
}
