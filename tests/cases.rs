//! The cases of clients/README.md over the Rust library, and its example: what a developer is promised, by the
//! public interface alone.

mod apart;
mod attached;

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use tinychat::{
    client::{
        ClientError, ErrorKind, Link, LinkEvent, LinkOptions, Login, Outgoing, Patience, Position,
        Retry, RoomWish, SearchWish, Security, Session, Target, TokenWish, Trust,
    },
    domain::{ids::ClientMessageId, name::UserName},
    pb::{self, event::Body, send_request},
};
use tonic::Code;

use apart::{a_block, an_invite_link, delivered_and_read};
use attached::{a_cut_upload, a_file};

use crate::support::{self, Server, account::PASSWORD, in_time};

const PATIENCE: Patience = Patience::For(support::PATIENCE);

/// A server, and how to reach it.
struct Place {
    server: Server,
    session: Session,
}

impl Place {
    fn plain() -> Self {
        let server = Server::build().with_passwords().with_the_usual_rate();
        Self::of(server.start(), &Security::Plaintext)
    }

    fn encrypted() -> Self {
        let server = Server::build().with_passwords().with_the_usual_rate();
        let server = server.arguments(&["--tls", "self-signed"]).start();
        let trust = Trust::Authorities(server.certificate());
        Self::of(server, &Security::Tls(trust))
    }

    fn of(server: Server, security: &Security) -> Self {
        let session = Session::open(server.address(), security).unwrap();
        Self { server, session }
    }

    /// A new user, with a name that nobody has.
    async fn user(&self) -> Login {
        let name = format!("u{:016x}", getrandom::u64().unwrap());
        let name: UserName = name.parse().unwrap();
        let made = self.session.register(&name, PASSWORD, "cases").await;
        made.unwrap()
    }
}

fn name(login: &Login) -> UserName {
    login.user.name.parse().unwrap()
}

fn to(login: &Login) -> Target {
    Target::User(login.user.name.clone())
}

/// A refusal: its code and its reason.
fn refused<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> (Code, String) {
    match answer.unwrap_err() {
        ClientError::Refused(refusal) => (refusal.code, refusal.reason),
        other => panic!("{other:?}"),
    }
}

/// Everything that comes until this holds.
async fn until(link: &mut Link, mut last: impl FnMut(&LinkEvent) -> bool) -> Vec<LinkEvent> {
    let mut came = Vec::new();
    loop {
        let event = in_time("an event", link.next()).await;
        let is_last = last(&event);
        came.push(event);
        if is_last {
            return came;
        }
    }
}

fn bodies(came: Vec<LinkEvent>) -> Vec<Body> {
    let event = |it| match it {
        LinkEvent::Event(event) | LinkEvent::Echo(event) => event.body,
        _ => None,
    };
    came.into_iter().filter_map(event).collect()
}

fn texts(bodies: &[Body]) -> Vec<String> {
    let text = |it: &Body| match it {
        Body::Message(message) => Some(message.text().to_owned()),
        _ => None,
    };
    bodies.iter().filter_map(text).collect()
}

fn is_caught_up(event: &LinkEvent) -> bool {
    matches!(event, LinkEvent::Event(event) if matches!(event.body, Some(Body::CaughtUp(_))))
}

async fn caught_up(link: &mut Link) -> Vec<Body> {
    bodies(until(link, is_caught_up).await)
}

/// Everything up to the message with this text.
async fn until_text(link: &mut Link, text: &str) -> Vec<Body> {
    let says = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(&event.body, Some(Body::Message(it)) if it.text() == text));
    bodies(until(link, says).await)
}

/// What a stream brought, in words: messages and changes of members, in their order.
fn story(bodies: &[Body]) -> Vec<String> {
    let words = |it: &Body| match it {
        Body::Message(message) => Some(format!("{}: {}", message.seq, message.text())),
        Body::MemberChanged(changed) => {
            let name = &changed.user.as_ref().unwrap().name;
            Some(format!("{name}: {}", changed.change().as_str_name()))
        }
        _ => None,
    };
    bodies.iter().filter_map(words).collect()
}

/// A message to a channel or a user, with an id of its own.
fn message_to(target: send_request::Target, text: &str) -> pb::SendRequest {
    pb::SendRequest {
        target: Some(target),
        client_message_id: ClientMessageId::mint().to_string(),
        text: text.to_owned(),
        reply_to_seq: 0,
        attachments: Vec::new(),
    }
}

async fn send(login: &Login, request: pb::SendRequest) -> Result<pb::SendResponse, ClientError> {
    let sent = login.session.connection().chat().send(request).await;
    Ok(sent?.into_inner())
}

/// The newest messages of a conversation.
async fn page(login: &Login, conversation: &str) -> Result<pb::ListMessagesResponse, ClientError> {
    let request = pb::ListMessagesRequest {
        conversation_id: conversation.to_owned(),
        ..pb::ListMessagesRequest::default()
    };
    let mut conversations = login.session.connection().conversations();
    Ok(conversations.list_messages(request).await?.into_inner())
}

async fn register_and_login(place: &Place) {
    let ann = place.user().await;
    assert!(ann.access_token.starts_with("tct_"));
    let again = place.session.register(&name(&ann), PASSWORD, "").await;
    let taken = (Code::AlreadyExists, "NAME_TAKEN".to_owned());
    assert_eq!(refused(again.map(drop)), taken);
    let wrong = place.session.login(&name(&ann), "wrong horse", "").await;
    let failed = (Code::Unauthenticated, "LOGIN_FAILED".to_owned());
    assert_eq!(refused(wrong.map(drop)), failed);
    let second = place.session.login(&name(&ann), PASSWORD, "").await;
    let second = second.unwrap();
    assert_eq!(second.user.id, ann.user.id);
    assert_ne!(second.device.id, ann.device.id);
}

async fn no_token(place: &Place) {
    let answer = place.session.who_am_i(Patience::None).await;
    assert_eq!(
        refused(answer),
        (Code::Unauthenticated, "TOKEN_MISSING".to_owned())
    );
    let stranger = place.session.with_token("tct_nonsense").unwrap();
    let error = stranger.who_am_i(Patience::None).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.reason()),
        (ErrorKind::Auth, "TOKEN_INVALID")
    );
}

async fn unknown_user(place: &Place) {
    let ann = place.user().await;
    let nobody = Target::User("nobody-of-that-name".to_owned());
    let error = ann.session.send(nobody, "hello?", PATIENCE).await;
    let error = error.unwrap_err();
    assert_eq!(
        (error.kind(), error.reason()),
        (ErrorKind::NotFound, "USER_NOT_FOUND")
    );
}

async fn field_violation(place: &Place) {
    let ann = place.user().await;
    let answer = ann.session.send(to(&ann), "", PATIENCE).await;
    assert_eq!(
        refused(answer),
        (Code::InvalidArgument, "TEXT_EMPTY".to_owned())
    );
    // Which field it was is told to programs that read the details.
    let request = pb::SendRequest {
        target: Some(to(&ann).into()),
        ..pb::SendRequest::default()
    };
    let status = ann.session.connection().chat().send(request).await;
    let details = tonic_types::StatusExt::get_error_details(&status.unwrap_err());
    let violations = details.bad_request().unwrap().field_violations.clone();
    assert_eq!(violations[0].field, "text");
}

async fn live(place: &Place) {
    let (ann, bob) = (place.user().await, place.user().await);
    let mut link = Link::new(ann.session.clone(), LinkOptions::default());
    caught_up(&mut link).await;
    let text = "one 🎉\n\ttwo é";
    let id = link.send(to(&bob), text.to_owned()).unwrap();
    link.send(Target::User("nobody-at-all".to_owned()), "?".to_owned())
        .unwrap();
    let (mut sent, mut echoed, mut not_sent) = (None, None, None);
    while sent.is_none() || echoed.is_none() || not_sent.is_none() {
        match in_time("the answers", link.next()).await {
            LinkEvent::Sent(message, answer) => sent = Some((message.id, answer.seq)),
            LinkEvent::Echo(event) => echoed = event.body,
            LinkEvent::NotSent(_, error) => not_sent = Some(error.reason().to_owned()),
            LinkEvent::Event(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(sent, Some((id, 1)));
    let Some(Body::Message(message)) = echoed else {
        panic!("{echoed:?}")
    };
    assert_eq!((message.seq, message.text()), (1, text));
    assert_eq!(not_sent.as_deref(), Some("USER_NOT_FOUND"));
    // The stream lives on.
    bob.session.send(to(&ann), "hi", PATIENCE).await.unwrap();
    let is_hi = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(&event.body, Some(Body::Message(it)) if it.text() == "hi"));
    until(&mut link, is_hi).await;
}

async fn duplicate_send(place: &Place) {
    let ann = place.user().await;
    let message = |text: &str, id: ClientMessageId| Outgoing {
        id,
        target: to(&ann),
        text: text.to_owned(),
        attachments: Vec::new(),
        store: None,
    };
    let id = ClientMessageId::mint();
    let first = ann.session.send_again(&message("once", id), PATIENCE).await;
    let second = ann.session.send_again(&message("once", id), PATIENCE).await;
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.seq, first.duplicate), (1, false));
    assert_eq!((second.seq, second.duplicate), (1, true));
    let other = ann
        .session
        .send_again(&message("other", id), PATIENCE)
        .await;
    let reused = (Code::AlreadyExists, "CLIENT_MESSAGE_ID_REUSED".to_owned());
    assert_eq!(refused(other), reused);
}

async fn rate_limited(place: &Place) {
    let ann = place.user().await;
    // Without patience the refusal is seen, with the wait that it asks for.
    let mut refusal = None;
    let mut taken = 0;
    while refusal.is_none() {
        let eager = (0..50).map(|_| ann.session.send(to(&ann), "fast", Patience::None));
        for answer in futures_util::future::join_all(eager).await {
            match answer {
                Ok(_) => taken += 1,
                Err(error) => refusal = Some(error),
            }
        }
        assert!(taken < 500, "no limit");
    }
    let refusal = refusal.unwrap();
    assert_eq!(refusal.reason(), "RATE_LIMITED");
    assert!(matches!(refusal.retry(), Retry::After(wait) if wait > Duration::ZERO));
    // With patience it is waited out.
    let sent = ann.session.send(to(&ann), "patient", PATIENCE).await;
    assert_eq!(
        sent.unwrap().seq,
        taken + 1,
        "each that was taken is there once"
    );
}

async fn offline_backlog(place: &Place) {
    let (ann, bob) = (place.user().await, place.user().await);
    let mut times = Vec::new();
    for number in 1..=5 {
        let text = number.to_string();
        let sent = ann.session.send(to(&bob), &text, PATIENCE);
        times.push(sent.await.unwrap().sent_time);
    }
    let mut link = Link::new(bob.session.clone(), LinkOptions::default());
    let came = caught_up(&mut link).await;
    assert_eq!(texts(&came), ["1", "2", "3", "4", "5"]);
    let sent_times = came.iter().filter_map(|it| match it {
        Body::Message(message) => Some(message.sent_time),
        _ => None,
    });
    assert_eq!(sent_times.collect::<Vec<_>>(), times);
}

async fn resume(place: &Place) {
    let (ann, bob) = (place.user().await, place.user().await);
    for number in 1..=6 {
        let text = number.to_string();
        ann.session.send(to(&bob), &text, PATIENCE).await.unwrap();
    }
    let mut link = Link::new(bob.session.clone(), LinkOptions::default());
    let third = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(&event.body, Some(Body::Message(it)) if it.text() == "3"));
    let came = until(&mut link, third).await;
    let Some(LinkEvent::Event(last)) = came.last() else {
        panic!("{came:?}")
    };
    // The cursor of the event, and not the link's: more may have come than was taken out.
    let options = LinkOptions {
        resume_cursor: Some(last.cursor.clone()),
        ..LinkOptions::default()
    };
    drop(link);
    let mut link = Link::new(bob.session.clone(), options);
    assert_eq!(texts(&caught_up(&mut link).await), ["4", "5", "6"]);
}

async fn gap(place: &Place) {
    let (ann, bob) = (place.user().await, place.user().await);
    let mut conversation = String::new();
    for number in 1..=5 {
        let text = number.to_string();
        let sent = ann.session.send(to(&bob), &text, PATIENCE);
        conversation = sent.await.unwrap().conversation_id;
    }
    let options = LinkOptions {
        max_backlog_per_conversation: 2,
        ..LinkOptions::default()
    };
    let mut link = Link::new(bob.session.clone(), options);
    let came = caught_up(&mut link).await;
    let at = came.iter().position(|it| matches!(it, Body::Gap(_)));
    let first = came.iter().position(|it| matches!(it, Body::Message(_)));
    assert!(at.unwrap() < first.unwrap());
    let Body::Gap(gap) = &came[at.unwrap()] else {
        panic!()
    };
    assert_eq!((gap.from_seq, gap.to_seq), (1, 3));
    assert_eq!(texts(&came), ["4", "5"]);
    let limit = usize::try_from(gap.to_seq - gap.from_seq + 1).unwrap();
    let position = Position::After(gap.from_seq - 1);
    let missed = bob
        .session
        .history(&conversation, position, limit, PATIENCE);
    let missed = missed.await.unwrap();
    let texts: Vec<&str> = missed.iter().map(pb::Message::text).collect();
    assert_eq!(texts, ["1", "2", "3"]);
}

async fn unknown_cursor(place: &Place) {
    let (ann, bob) = (place.user().await, place.user().await);
    ann.session
        .send(to(&bob), "unread", PATIENCE)
        .await
        .unwrap();
    let options = LinkOptions {
        resume_cursor: Some("no cursor".to_owned()),
        ..LinkOptions::default()
    };
    let mut link = Link::new(bob.session.clone(), options);
    let came = caught_up(&mut link).await;
    assert!(came.iter().any(|it| matches!(it, Body::Reset(_))));
    assert_eq!(texts(&came), ["unread"]);
}

async fn revoked_token(place: &Place) {
    let first = place.user().await;
    let second = place.session.login(&name(&first), PASSWORD, "second").await;
    let second = second.unwrap();
    let mut link = Link::new(first.session.clone(), LinkOptions::default());
    caught_up(&mut link).await;
    let devices = second.session.devices(PATIENCE).await.unwrap();
    assert_eq!(devices.current_device_id, second.device.id);
    let revoked = second.session.revoke_device(&first.device.id).await;
    revoked.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(2), async {
        loop {
            if let LinkEvent::Ended(error) = link.next().await {
                return error;
            }
        }
    });
    assert_eq!(ended.await.unwrap().kind(), ErrorKind::Auth);
    let answer = first.session.who_am_i(Patience::None).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Auth);
}

async fn a_channel(place: &Place) {
    let (ann, bob) = (place.user().await, place.user().await);
    let mut hers = Link::new(ann.session.clone(), LinkOptions::default());
    let mut his = Link::new(bob.session.clone(), LinkOptions::default());
    caught_up(&mut hers).await;
    caught_up(&mut his).await;
    let mut for_ann = ann.session.connection().conversations();
    let mut for_bob = bob.session.connection().conversations();
    let name = format!("c{:016x}", getrandom::u64().unwrap());
    let say = |text: &str| message_to(send_request::Target::ChannelName(name.clone()), text);
    let request = pb::CreateConversationRequest {
        kind: pb::ConversationKind::Channel.into(),
        name: name.clone(),
        history_access: pb::HistoryAccess::SinceJoin.into(),
        ..pb::CreateConversationRequest::default()
    };
    let made = for_ann.create_conversation(request).await.unwrap();
    let made = made.into_inner().conversation.unwrap();
    assert_eq!((&made.name, made.my_role()), (&name, pb::Role::Owner));
    send(&ann, say("before bob")).await.unwrap();

    let request = pb::JoinChannelRequest {
        channel_name: name.clone(),
    };
    let joined = for_bob.join_channel(request).await.unwrap();
    let joined = joined.into_inner().conversation.unwrap();
    assert_eq!((&joined.id, joined.my_role()), (&made.id, pb::Role::Member));
    send(&bob, say("from bob")).await.unwrap();
    send(&ann, say("from ann")).await.unwrap();
    let bobs = &bob.user.name;
    let joins = format!("{bobs}: MEMBER_CHANGE_JOINED");
    let both = [joins.as_str(), "2: from bob", "3: from ann"];
    let came = story(&until_text(&mut hers, "from ann").await);
    assert_eq!(came[0], "1: before bob");
    assert_eq!(came[1..], both);
    assert_eq!(story(&until_text(&mut his, "from ann").await), both);
    let shown = page(&bob, &made.id).await.unwrap();
    let texts: Vec<&str> = shown.messages.iter().map(pb::Message::text).collect();
    assert_eq!(texts, ["from bob", "from ann"]);
    assert_eq!((shown.history_floor_seq, shown.last_seq), (1, 3));

    let request = pb::LeaveConversationRequest {
        conversation_id: made.id.clone(),
    };
    for_bob.leave_conversation(request).await.unwrap();
    let gone = (Code::NotFound, "CONVERSATION_NOT_FOUND".to_owned());
    assert_eq!(refused(page(&bob, &made.id).await), gone);
    send(&ann, say("after bob")).await.unwrap();
    // Comes after what must not come.
    let last = ann.session.send(to(&bob), "just to you", PATIENCE).await;
    last.unwrap();
    let leaves = format!("{bobs}: MEMBER_CHANGE_LEFT");
    let came = story(&until_text(&mut hers, "just to you").await);
    assert_eq!(came, [leaves.as_str(), "4: after bob", "1: just to you"]);
    let came = story(&until_text(&mut his, "just to you").await);
    assert_eq!(came, [leaves.as_str(), "1: just to you"]);
}

async fn edits_and_deletions(place: &Place) {
    let (ann, bob) = (place.user().await, place.user().await);
    let mut link = Link::new(bob.session.clone(), LinkOptions::default());
    caught_up(&mut link).await;
    let sent = ann.session.send(to(&bob), "as sent", PATIENCE).await;
    let sent = sent.unwrap();
    until_text(&mut link, "as sent").await;
    let edit = async |login: &Login, text: &str| -> Result<pb::Message, ClientError> {
        let request = pb::EditMessageRequest {
            conversation_id: sent.conversation_id.clone(),
            seq: sent.seq,
            text: text.to_owned(),
        };
        let mut conversations = login.session.connection().conversations();
        let answer = conversations.edit_message(request).await?;
        Ok(answer.into_inner().message.unwrap())
    };
    let delete = async |login: &Login| -> Result<pb::Message, ClientError> {
        let request = pb::DeleteMessageRequest {
            conversation_id: sent.conversation_id.clone(),
            seq: sent.seq,
        };
        let mut conversations = login.session.connection().conversations();
        let answer = conversations.delete_message(request).await?;
        Ok(answer.into_inner().message.unwrap())
    };

    let edited = edit(&ann, "as edited").await.unwrap();
    let is_edit = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(event.body, Some(Body::MessageEdited(_))));
    let told = bodies(until(&mut link, is_edit).await).pop();
    let Some(Body::MessageEdited(told)) = told else {
        panic!("{told:?}")
    };
    for message in [edited, told.message.unwrap()] {
        let shown = (message.seq, message.text(), message.revision);
        assert_eq!(shown, (sent.seq, "as edited", 1));
    }
    let not_yours = (Code::PermissionDenied, "MESSAGE_NOT_YOURS".to_owned());
    assert_eq!(refused(edit(&bob, "not mine").await), not_yours);
    assert_eq!(refused(delete(&bob).await), not_yours);

    let deleted = delete(&ann).await.unwrap();
    let is_deletion = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(event.body, Some(Body::MessageDeleted(_))));
    let told = bodies(until(&mut link, is_deletion).await).pop();
    let Some(Body::MessageDeleted(told)) = told else {
        panic!("{told:?}")
    };
    assert_eq!((told.seq, told.revision), (sent.seq, 2));
    assert_eq!(told.deleted_by.unwrap().name, ann.user.name);
    let too_late = (Code::FailedPrecondition, "MESSAGE_DELETED".to_owned());
    assert_eq!(refused(edit(&ann, "too late").await), too_late);
    let held = page(&bob, &sent.conversation_id).await.unwrap().messages;
    assert_eq!(held.len(), 1);
    for message in [&deleted, &held[0]] {
        let shown = (message.seq, message.revision, message.deleted);
        assert_eq!(shown, (sent.seq, 2, true));
        assert_eq!(message.content, None);
    }
}

async fn replies_and_reactions(place: &Place) {
    const THUMB: &str = "👍";
    let (ann, bob) = (place.user().await, place.user().await);
    let mut hers = Link::new(ann.session.clone(), LinkOptions::default());
    let mut his = Link::new(bob.session.clone(), LinkOptions::default());
    caught_up(&mut hers).await;
    caught_up(&mut his).await;
    let question = ann.session.send(to(&bob), "a question", PATIENCE).await;
    let question = question.unwrap();
    let reply = |seq: u64| pb::SendRequest {
        reply_to_seq: seq,
        ..message_to(to(&ann).into(), "an answer")
    };
    let answer = send(&bob, reply(question.seq)).await.unwrap();
    for link in [&mut hers, &mut his] {
        let came = until_text(link, "an answer").await;
        let told = came.iter().filter_map(|it| match it {
            Body::Message(message) => Some((message.seq, message.reply_to_seq)),
            _ => None,
        });
        let must = [(question.seq, 0), (answer.seq, question.seq)];
        assert_eq!(told.collect::<Vec<_>>(), must);
    }
    let unknown = (Code::InvalidArgument, "REPLY_TO_UNKNOWN".to_owned());
    assert_eq!(refused(send(&bob, reply(99)).await), unknown);

    let mut for_ann = ann.session.connection().conversations();
    let counted = |mine: bool| pb::Reaction {
        emoji: THUMB.to_owned(),
        count: 1,
        mine,
    };
    for added in [true, false] {
        let (conversation_id, seq) = (answer.conversation_id.clone(), answer.seq);
        let emoji = THUMB.to_owned();
        let reactions = if added {
            let request = pb::AddReactionRequest {
                conversation_id,
                seq,
                emoji,
            };
            let answer = for_ann.add_reaction(request).await.unwrap();
            answer.into_inner().reactions
        } else {
            let request = pb::RemoveReactionRequest {
                conversation_id,
                seq,
                emoji,
            };
            let answer = for_ann.remove_reaction(request).await.unwrap();
            answer.into_inner().reactions
        };
        let must = |mine: bool| Vec::from_iter(added.then(|| counted(mine)));
        assert_eq!(reactions, must(true));
        let is_change = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(event.body, Some(Body::ReactionChanged(_))));
        let told = bodies(until(&mut his, is_change).await).pop();
        let Some(Body::ReactionChanged(told)) = told else {
            panic!("{told:?}")
        };
        assert_eq!((told.seq, told.reactions), (answer.seq, must(false)));
        let change = (told.user.unwrap().name, told.emoji, told.added);
        assert_eq!(change, (ann.user.name.clone(), THUMB.to_owned(), added));
        for (login, mine) in [(&ann, true), (&bob, false)] {
            let held = page(login, &answer.conversation_id).await.unwrap();
            let reactions: Vec<_> = held.messages.into_iter().map(|it| it.reactions).collect();
            assert_eq!(reactions, [Vec::new(), must(mine)]);
        }
    }
}

async fn search_and_mentions(place: &Place) {
    let (ann, bob) = (place.user().await, place.user().await);
    let wish = RoomWish {
        kind: pb::ConversationKind::Channel,
        name: format!("c{:016x}", getrandom::u64().unwrap()),
        topic: String::new(),
        users: vec![name(&bob)],
    };
    let made = ann.session.create_conversation(&wish).await.unwrap();
    let here = || send_request::Target::ConversationId(made.id.clone());
    let meet = format!("Meet at the Café, @{}", bob.user.name);
    let closed = "the café is closed";
    let first = send(&ann, message_to(here(), &meet)).await.unwrap();
    send(&ann, message_to(here(), closed)).await.unwrap();

    let search = async |words: &str| {
        let wish = SearchWish {
            words: words.to_owned(),
            conversation_id: Some(made.id.clone()),
            ..SearchWish::default()
        };
        bob.session.search(&wish, "", 10, PATIENCE).await
    };
    // The text of each snippet, and what is marked first in it.
    let found = async |words: &str| -> Vec<(String, String)> {
        let (hits, _) = search(words).await.unwrap();
        let shown = |hit: pb::SearchHit| {
            let marked = hit.snippet.iter().find(|part| part.r#match);
            let marked = marked.map(|part| part.text.clone());
            let text = hit.snippet.into_iter().map(|part| part.text);
            (text.collect(), marked.unwrap_or_default())
        };
        hits.into_iter().map(shown).collect()
    };
    let hit = |text: &str, marked: &str| (text.to_owned(), marked.to_owned());
    let both = [hit(closed, "café"), hit(&meet, "Café")];
    assert_eq!(found("CAFE").await, both);
    assert_eq!(found("\"café is\"").await, [hit(closed, "café is")]);
    let strange = found("a\" OR (").await;
    assert!(strange.is_empty(), "it is mere text: {strange:?}");
    let invalid = (Code::InvalidArgument, "QUERY_INVALID".to_owned());
    assert_eq!(refused(search("").await), invalid);
    let mut for_bob = bob.session.connection().conversations();
    let request = pb::SearchMessagesRequest::default();
    let status = for_bob.search_messages(request).await;
    let details = tonic_types::StatusExt::get_error_details(&status.unwrap_err());
    let violations = details.bad_request().unwrap().field_violations.clone();
    assert_eq!(violations[0].field, "query");

    let mentions = async || -> Vec<(u64, Vec<String>)> {
        let (messages, _) = bob.session.mentions(false, "", 10, PATIENCE).await.unwrap();
        let names = |users: Vec<pb::UserRef>| users.into_iter().map(|user| user.name).collect();
        let told = messages.into_iter().map(|it| (it.seq, names(it.mentions)));
        told.collect()
    };
    let him = vec![bob.user.name.clone()];
    assert_eq!(mentions().await, [(first.seq, him)]);
    let state = bob.session.conversation(&made.id, PATIENCE).await;
    assert_eq!(state.unwrap().mentions, 1);

    let session = &ann.session;
    let deleted = session.delete_message(&made.id, first.seq, PATIENCE).await;
    deleted.unwrap();
    let (found, mentions) = (found("meet").await, mentions().await);
    assert!(found.is_empty(), "{found:?}");
    assert!(mentions.is_empty(), "{mentions:?}");
}

async fn settings_and_presence(place: &Place) {
    let (ann, bob) = (place.user().await, place.user().await);
    let other = place.session.login(&name(&bob), PASSWORD, "second").await;
    let third = place.session.login(&name(&bob), PASSWORD, "third").await;
    let (other, third) = (other.unwrap(), third.unwrap());
    let sent = ann.session.send(to(&bob), "hello", PATIENCE).await;
    let id = sent.unwrap().conversation_id;
    let ephemeral = || LinkOptions {
        ephemeral_events: true,
        ..LinkOptions::default()
    };
    let mut first = Link::new(bob.session.clone(), LinkOptions::default());
    let mut his = Link::new(other.session.clone(), ephemeral());
    let mut hers = Link::new(ann.session.clone(), ephemeral());
    for link in [&mut first, &mut his, &mut hers] {
        caught_up(link).await;
    }

    let notify = |level: pb::NotifyLevel| pb::NotifySettings {
        level: level.into(),
        until_time: None,
    };
    let aside = |level: pb::NotifyLevel| pb::SettingsChanged {
        conversation_id: id.clone(),
        marked_unread: true,
        notify: Some(notify(level)),
    };
    let is_setting = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(event.body, Some(Body::SettingsChanged(_))));
    bob.session.mark_unread(&id, PATIENCE).await.unwrap();
    let told = bodies(until(&mut his, is_setting).await).pop();
    let must = aside(pb::NotifyLevel::All);
    assert_eq!(told, Some(Body::SettingsChanged(must)));
    let none = notify(pb::NotifyLevel::None);
    let answer = bob.session.set_notify(&id, none, PATIENCE).await;
    let none = notify(pb::NotifyLevel::None);
    assert_eq!(answer.unwrap().notify, Some(none));
    let told = bodies(until(&mut his, is_setting).await).pop();
    let must = aside(pb::NotifyLevel::None);
    assert_eq!(told, Some(Body::SettingsChanged(must)));
    // Comes after what must not come.
    let last = bob.session.send(to(&ann), "it is set", PATIENCE).await;
    last.unwrap();
    let came = until_text(&mut hers, "it is set").await;
    let is_his = |it: &Body| matches!(it, Body::SettingsChanged(_));
    assert!(!came.iter().any(is_his), "{came:?}");

    let quiet = pb::Presence::DoNotDisturb;
    let answer = bob.session.set_presence(quiet, PATIENCE).await;
    assert_eq!(answer.unwrap().presence(), quiet);
    let must = pb::PresenceChanged {
        user_id: bob.user.id.clone(),
        presence: quiet.into(),
    };
    let is_quiet = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(&event.body, Some(Body::Presence(it)) if *it == must));
    until(&mut hers, is_quiet).await;
    let answer = third.session.set_presence(quiet, PATIENCE).await;
    let no_stream = (Code::FailedPrecondition, "NO_OPEN_STREAM".to_owned());
    assert_eq!(refused(answer), no_stream);

    bob.session.set_typing(&id, true).await.unwrap();
    let is_typing = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(event.body, Some(Body::Typing(_))));
    let told = bodies(until(&mut hers, is_typing).await).pop();
    let Some(Body::Typing(told)) = told else {
        panic!("{told:?}")
    };
    let told = (told.conversation_id, told.user.unwrap().name, told.typing);
    assert_eq!(told, (id, bob.user.name.clone(), true));
    // His own devices are not told.
    let last = ann.session.send(to(&bob), "you type", PATIENCE).await;
    last.unwrap();
    let came = until_text(&mut his, "you type").await;
    let is_typing = |it: &Body| matches!(it, Body::Typing(_));
    assert!(!came.iter().any(is_typing), "{came:?}");
}

macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        mod plaintext {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(&super::Place::plain()).await;
            })+
        }

        mod tls {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(&super::Place::encrypted()).await;
            })+
        }

        #[test]
        fn they_are_those_of_the_other_languages() {
            assert_eq!([$(stringify!($case)),+], crate::other_languages::CASES);
        }
    };
}
cases!(
    register_and_login,
    no_token,
    unknown_user,
    field_violation,
    live,
    duplicate_send,
    rate_limited,
    offline_backlog,
    resume,
    gap,
    unknown_cursor,
    revoked_token,
    a_channel,
    edits_and_deletions,
    replies_and_reactions,
    search_and_mentions,
    settings_and_presence,
    an_invite_link,
    a_block,
    delivered_and_read,
    a_file,
    a_cut_upload,
);

/// The bot of examples/echo.rs, with a token that can only read and send, over a kill of the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_echo_bot_answers_over_a_kill_of_the_server() {
    let name = "the_echo_bot_answers_over_a_kill_of_the_server";
    let built = PathBuf::from(env!("CARGO_BIN_EXE_tinychat-server"));
    let program = built.with_file_name("examples/echo");
    let there = match program.exists() {
        true => Ok(()),
        false => Err("examples/echo is not built; scripts/test builds it".to_owned()),
    };
    if !support::need(name, there) {
        return;
    }
    let Place {
        mut server,
        session,
    } = Place::plain();
    let place = |server| Place::of(server, &Security::Plaintext);
    let (again, address) = (server.again(), server.address().as_str().to_owned());
    let echo: UserName = "echo".parse().unwrap();
    let login = session.register(&echo, PASSWORD, "").await.unwrap();
    let wish = TokenWish {
        name: "bot".to_owned(),
        scopes: vec![pb::Scope::Read, pb::Scope::Send],
        lives: None,
    };
    let token = login.session.create_token(&wish).await.unwrap();
    let ann: UserName = "ann".parse().unwrap();
    let ann = session.register(&ann, PASSWORD, "").await.unwrap();
    let mut bot = Command::new(program)
        .env("TINYCHAT_SERVER", &address)
        .env("TINYCHAT_TOKEN", token.access_token)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut link = Link::new(ann.session.clone(), LinkOptions::default());
    for round in 0..3 {
        let text = format!("round {round}");
        link.send(Target::User("echo".to_owned()), text.clone())
            .unwrap();
        let is_answer = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(&event.body, Some(Body::Message(it)) if it.text() == text));
        until(&mut link, is_answer).await;
        server.kill9();
        let start = again.clone().arguments(&["--listen", &address]);
        let started = tokio::task::spawn_blocking(move || start.start()).await;
        server = place(started.unwrap()).server;
    }
    assert!(bot.try_wait().unwrap().is_none(), "the bot lives on");
    bot.kill().unwrap();
    bot.wait().unwrap();
}
