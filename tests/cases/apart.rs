//! Those of the cases that are about who joins by a link, who blocks whom, and how far others have come: what they promise
//! stands in the table, as for the others, whose helpers they use.

use tinychat::{
    client::{InviteWish, Link, LinkEvent, LinkOptions},
    domain::secret::InviteCode,
    pb::{self, event::Body, send_request},
};
use tonic::Code;

use super::{
    PATIENCE, Place, bodies, caught_up, message_to, name, page, refused, send, story, to, until,
    until_text,
};
use crate::support::{account::PASSWORD, eventually_async};

fn names(users: Vec<pb::UserRef>) -> Vec<String> {
    users.into_iter().map(|user| user.name).collect()
}

pub(super) async fn an_invite_link(place: &Place) {
    let (ann, bob, eve) = (place.user().await, place.user().await, place.user().await);
    let mut his = Link::new(bob.session.clone(), LinkOptions::default());
    caught_up(&mut his).await;
    let request = pb::CreateConversationRequest {
        kind: pb::ConversationKind::Group.into(),
        name: "a club".to_owned(),
        history_access: pb::HistoryAccess::SinceJoin.into(),
        ..pb::CreateConversationRequest::default()
    };
    let mut for_ann = ann.session.connection().conversations();
    let made = for_ann.create_conversation(request).await.unwrap();
    let made = made.into_inner().conversation.unwrap();
    let here = || send_request::Target::ConversationId(made.id.clone());
    send(&ann, message_to(here(), "before bob")).await.unwrap();
    let wish = InviteWish {
        expires: None,
        uses_max: 1,
    };
    let link = ann.session.create_invite_link(&made.id, wish).await;
    let link = link.unwrap();
    assert!(link.code.starts_with("tci_"));
    let code: InviteCode = link.code.parse().unwrap();
    let listed = async || -> Vec<(String, u32, u32)> {
        let links = ann.session.invite_links(&made.id, PATIENCE).await.unwrap();
        let told = links
            .into_iter()
            .map(|it| (it.id, it.uses_count, it.uses_max));
        told.collect()
    };
    let id = link.invite_link.unwrap().id;
    assert_eq!(listed().await, [(id, 0, 1)]);

    let joined = bob.session.join_by_invite_link(&code, PATIENCE).await;
    let joined = joined.unwrap();
    assert_eq!((&joined.id, joined.my_role()), (&made.id, pb::Role::Member));
    let text = "to bob, too";
    send(&ann, message_to(here(), text)).await.unwrap();
    let joins = format!("{}: MEMBER_CHANGE_JOINED", bob.user.name);
    let came = story(&until_text(&mut his, text).await);
    assert_eq!(came, [joins.as_str(), "2: to bob, too"]);
    let shown = page(&bob, &made.id).await.unwrap();
    let texts: Vec<&str> = shown.messages.iter().map(pb::Message::text).collect();
    assert_eq!((texts, shown.history_floor_seq), (vec![text], 1));

    let left = listed().await;
    assert!(left.is_empty(), "it has come to its end: {left:?}");
    let answer = eve.session.join_by_invite_link(&code, PATIENCE).await;
    let void = (Code::NotFound, "INVITE_LINK_VOID".to_owned());
    assert_eq!(refused(answer), void);
}

/// Whom the user of this stream blocks, as its next event of that kind tells it.
async fn blocks_told(link: &mut Link) -> Vec<String> {
    let is_change = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(event.body, Some(Body::BlocksChanged(_))));
    let told = bodies(until(link, is_change).await).pop();
    let Some(Body::BlocksChanged(told)) = told else {
        panic!("{told:?}")
    };
    names(told.users)
}

pub(super) async fn a_block(place: &Place) {
    let (ann, bob) = (place.user().await, place.user().await);
    let other = place.session.login(&name(&bob), PASSWORD, "second").await;
    let other = other.unwrap();
    let first = ann.session.send(to(&bob), "hello", PATIENCE).await;
    first.unwrap();
    let mut his = Link::new(other.session.clone(), LinkOptions::default());
    let mut hers = Link::new(ann.session.clone(), LinkOptions::default());
    caught_up(&mut his).await;
    caught_up(&mut hers).await;

    let her = name(&ann);
    bob.session.block_user(&her, PATIENCE).await.unwrap();
    assert_eq!(blocks_told(&mut his).await, [her.as_str()]);
    let listed = bob.session.blocked_users(PATIENCE).await.unwrap();
    assert_eq!(names(listed), [her.as_str()]);
    let answer = ann.session.send(to(&bob), "?", PATIENCE).await;
    let by_him = (Code::PermissionDenied, "BLOCKED_BY_USER".to_owned());
    assert_eq!(refused(answer), by_him);
    let answer = bob.session.send(to(&ann), "!", PATIENCE).await;
    let own = (Code::FailedPrecondition, "USER_BLOCKED".to_owned());
    assert_eq!(refused(answer), own);

    bob.session.unblock_user(&her, PATIENCE).await.unwrap();
    let left = blocks_told(&mut his).await;
    assert!(left.is_empty(), "{left:?}");
    let last = ann.session.send(to(&bob), "at last", PATIENCE).await;
    last.unwrap();
    let came = story(&until_text(&mut his, "at last").await);
    assert_eq!(came, ["2: at last"]);
    // The blocked one is told nothing of it.
    let came = until_text(&mut hers, "at last").await;
    let is_change = |it: &Body| matches!(it, Body::BlocksChanged(_));
    assert!(!came.iter().any(is_change), "{came:?}");
}

pub(super) async fn delivered_and_read(place: &Place) {
    let (ann, bob) = (place.user().await, place.user().await);
    let ephemeral = LinkOptions {
        ephemeral_events: true,
        ..LinkOptions::default()
    };
    let mut hers = Link::new(ann.session.clone(), ephemeral);
    let mut his = Link::new(bob.session.clone(), LinkOptions::default());
    caught_up(&mut hers).await;
    caught_up(&mut his).await;
    let text = "did it come?";
    let sent = ann.session.send(to(&bob), text, PATIENCE).await.unwrap();
    let (id, seq) = (sent.conversation_id, sent.seq);
    let markers = async || -> Vec<(String, u64, u64)> {
        let listed = ann.session.markers(&id, PATIENCE).await.unwrap();
        let told = listed
            .into_iter()
            .map(|it| (it.user.unwrap().name, it.delivered_seq, it.read_seq));
        told.collect()
    };
    let he_has = |delivered: u64, read: u64| [(bob.user.name.clone(), delivered, read)];
    assert_eq!(markers().await, he_has(0, 0));

    let is_it = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(&event.body, Some(Body::Message(it)) if it.text() == text));
    let came = until(&mut his, is_it).await;
    let Some(LinkEvent::Event(event)) = came.last() else {
        panic!("{came:?}")
    };
    bob.session.acknowledge(&event.cursor).await.unwrap();
    let must = pb::DeliveredMarker {
        conversation_id: id.clone(),
        user_id: bob.user.id.clone(),
        delivered_seq: seq,
    };
    let is_told = |it: &LinkEvent| matches!(it, LinkEvent::Event(event) if matches!(&event.body, Some(Body::Delivered(it)) if *it == must));
    until(&mut hers, is_told).await;
    let what = "the same is listed, and nothing is read";
    eventually_async(what, async || markers().await == he_has(seq, 0)).await;

    bob.session.mark_read(&id, seq).await.unwrap();
    assert_eq!(markers().await, he_has(seq, seq));
}
