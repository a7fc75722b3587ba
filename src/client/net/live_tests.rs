//! The link without a network: batches go in, events come out.

use super::*;
use crate::client::net::tls::Security;

fn link() -> Link {
    let server = "127.0.0.1:1".parse().unwrap();
    Link::new(
        Session::open(&server, &Security::Plaintext).unwrap(),
        LinkOptions::default(),
    )
}

fn event(cursor: &str, body: Body) -> pb::Event {
    pb::Event {
        cursor: cursor.to_owned(),
        body: Some(body),
    }
}

fn message(cursor: &str, seq: u64, id: &str) -> pb::Event {
    let message = pb::Message {
        conversation_id: "c1".to_owned(),
        seq,
        client_message_id: id.to_owned(),
        ..pb::Message::default()
    };
    event(cursor, Body::Message(message))
}

fn give(link: &mut Link, events: impl IntoIterator<Item = pb::Event>) -> Vec<LinkEvent> {
    let events = events.into_iter().collect();
    link.take_in(pb::ChatResponse {
        events,
        replies: Vec::new(),
    });
    std::iter::from_fn(|| link.take_ready()).collect()
}

#[tokio::test]
async fn repeats_are_dropped_and_own_messages_are_told_apart() {
    let mut link = link();
    let id = link
        .send(Target::User("bob".to_owned()), "hi".to_owned())
        .unwrap()
        .to_string();
    let other = message("x-1", 1, "");
    let own = message("x-2", 2, &id);
    let events = [other.clone(), own.clone(), other.clone(), own.clone()];
    assert_eq!(
        give(&mut link, events),
        [LinkEvent::Event(other), LinkEvent::Echo(own)]
    );
    assert_eq!(link.cursor(), Some("x-2"));
}

#[tokio::test]
async fn a_reset_starts_over() {
    let mut link = link();
    assert_eq!(give(&mut link, [message("x-9", 9, "")]).len(), 1);
    let reset = event("", Body::Reset(pb::Reset::default()));
    assert_eq!(give(&mut link, [reset]).len(), 1);
    assert_eq!(link.cursor(), None);
    assert_eq!(give(&mut link, [message("y-1", 1, "")]).len(), 1);
    assert_eq!(link.cursor(), Some("y-1"));
}

#[tokio::test]
async fn what_waits_answers_nothing_in_another_store() {
    let mut link = link();
    let answer = Target::User("bob".to_owned()).replying_to(9);
    link.send(answer, "yes".to_owned()).unwrap();
    let now = Instant::now();
    assert_eq!(
        link.outbox.next(now, 1),
        None,
        "which store it is is not known"
    );
    let reset = event("", Body::Reset(pb::Reset::default()));
    give(
        &mut link,
        [reset, event("y-1", Body::CaughtUp(pb::CaughtUp {}))],
    );
    let sent = link.outbox.next(now, 1).unwrap();
    assert_eq!((sent.text.as_str(), sent.reply_to_seq), ("yes", 0));
}

#[tokio::test]
async fn what_holds_files_is_not_sent_to_another_store_and_that_is_told() {
    let mut link = link();
    let message = Outgoing {
        id: ClientMessageId::mint(),
        target: Target::User("bob".to_owned()),
        text: String::new(),
        attachments: vec!["f1".to_owned()],
        store: None,
    };
    link.send_again(message.clone());
    let reset = event("", Body::Reset(pb::Reset::default()));
    let given = give(&mut link, [reset.clone()]);
    let expected = [
        LinkEvent::Event(reset),
        LinkEvent::NotSent(message, ClientError::OtherStore),
    ];
    assert_eq!(given, expected);
    assert_eq!(link.unsent(), 0);
}

fn welcome(epoch: &str) -> pb::Event {
    let welcome = pb::Welcome {
        epoch: epoch.to_owned(),
        ..pb::Welcome::default()
    };
    event("", Body::Welcome(welcome))
}

#[tokio::test]
async fn what_an_earlier_program_left_for_another_store_is_not_sent_though_nothing_is_reset() {
    let files = |store: &str| Outgoing {
        id: ClientMessageId::mint(),
        target: Target::User("bob".to_owned()),
        text: String::new(),
        attachments: vec!["f1".to_owned()],
        store: StoreId::new(store),
    };
    let mut link = link();
    let (old, new) = (files("old"), files("new"));
    link.send_again(old.clone());
    link.send_again(new);
    let caught_up = event("y-1", Body::CaughtUp(pb::CaughtUp {}));
    let given = give(&mut link, [welcome("new"), caught_up.clone()]);
    let told = LinkEvent::NotSent(old, ClientError::OtherStore);
    assert_eq!(given[2..], [LinkEvent::Event(caught_up), told]);
    assert_eq!(link.unsent(), 1);
    // As one that is tried again by hand.
    let old = files("old");
    link.send_again(old.clone());
    let told = LinkEvent::NotSent(old, ClientError::OtherStore);
    assert_eq!((link.take_ready(), link.unsent()), (Some(told), 1));
}

#[tokio::test]
async fn the_store_is_that_of_what_was_given_out() {
    let mut link = link();
    let caught_up = || event("y-1", Body::CaughtUp(pb::CaughtUp {}));
    let reset = event("", Body::Reset(pb::Reset::default()));
    let mut stores = |events: Vec<pb::Event>| {
        link.take_in(pb::ChatResponse {
            events,
            replies: Vec::new(),
        });
        let mut stores = Vec::new();
        while link.take_ready().is_some() {
            stores.push(link.store().map(|it| it.as_str().to_owned()));
        }
        stores
    };
    let is = |names: &[&str]| -> Vec<Option<String>> {
        let name = |it: &&str| (!it.is_empty()).then(|| (*it).to_owned());
        names.iter().map(name).collect()
    };
    // Connected, welcome, then what was missed.
    let first = vec![welcome("a"), message("y-0", 1, ""), caught_up()];
    assert_eq!(stores(first), is(&["", "", "", "a"]));
    let other = vec![welcome("b"), reset, message("z-0", 1, ""), caught_up()];
    assert_eq!(stores(other), is(&["a", "a", "b", "b", "b"]));
}

#[tokio::test]
async fn a_break_is_tried_again_and_an_ended_login_is_not() {
    let mut broken = link();
    broken.broken(tonic::Status::unavailable("").into());
    assert!(matches!(
        broken.take_ready(),
        Some(LinkEvent::Disconnected { .. })
    ));
    assert!(matches!(broken.state, State::Waiting(..)));
    for code in [
        Code::ResourceExhausted,
        Code::Cancelled,
        Code::Internal,
        Code::Unknown,
    ] {
        assert!(!is_final(&tonic::Status::new(code, "").into()), "{code}");
    }
    let mut ended = link();
    ended.broken(tonic::Status::unauthenticated("log in").into());
    assert!(matches!(ended.take_ready(), Some(LinkEvent::Ended(_))));
    assert!(matches!(ended.state, State::Over));
}

#[tokio::test]
async fn a_server_that_goes_away_is_given_the_time_it_asks_for() {
    let mut link = link();
    let going = pb::GoingAway {
        reason: 1,
        retry_after: Some(prost_types::Duration {
            seconds: 2,
            nanos: 0,
        }),
    };
    give(&mut link, [event("", Body::GoingAway(going))]);
    link.broken(ClientError::Unreachable {
        cause: "ended".into(),
    });
    let Some(LinkEvent::Disconnected { retry_in, .. }) = link.take_ready() else {
        panic!("no break")
    };
    assert!(retry_in >= Duration::from_secs(2) && retry_in <= Duration::from_millis(2100));
}

#[tokio::test]
async fn a_link_that_waits_tries_at_once_when_somebody_wants_that_but_not_sooner_than_the_server() {
    let mut link = link();
    let broken = |link: &mut Link| {
        link.broken(tonic::Status::unavailable("").into());
        assert!(link.take_ready().is_some());
    };
    let wait = |link: &Link| match link.state {
        State::Waiting(until, _) => until.saturating_duration_since(Instant::now()),
        _ => panic!("it waits"),
    };
    // Long enough that chance makes none of the waits short.
    for _ in 0..60 {
        broken(&mut link);
    }
    while wait(&link) < Duration::from_secs(5) {
        broken(&mut link);
    }
    let soon = Instant::now() + Duration::from_secs(2);
    assert_eq!(link.retry_by(soon), Some(soon));
    let late = Instant::now() + Duration::from_secs(4);
    assert_eq!(link.retry_by(late), Some(soon), "it waits no longer");
    link.retry_by(Instant::now());
    assert_eq!(wait(&link), Duration::ZERO);
    // Whoever is there does not wait for half a minute after that.
    broken(&mut link);
    assert!(wait(&link) <= Duration::from_millis(3_200));
    let going = pb::GoingAway {
        reason: 1,
        retry_after: Some(prost_types::Duration {
            seconds: 2,
            nanos: 0,
        }),
    };
    give(&mut link, [event("", Body::GoingAway(going))]);
    broken(&mut link);
    link.retry_by(Instant::now());
    let least = Duration::from_millis(1_500)..=Duration::from_secs(2);
    assert!(least.contains(&wait(&link)));
    link.close();
    assert_eq!(link.retry_by(Instant::now()), None);
}

#[tokio::test]
async fn closing_without_a_stream_is_immediate() {
    let mut link = link();
    link.close();
    assert_eq!(link.next().await, LinkEvent::Closed);
}

#[tokio::test]
async fn what_is_written_before_the_first_connection_is_of_the_store_that_was_known() {
    let session = link().session;
    let options = LinkOptions {
        store: StoreId::new("old"),
        ..LinkOptions::default()
    };
    let mut link = Link::new(session, options);
    let group = || Target::Conversation("c1".to_owned());
    let mut ids = vec![link.send(group(), "early".to_owned()).unwrap()];
    let caught_up = event("y-1", Body::CaughtUp(pb::CaughtUp {}));
    let events = vec![welcome("new"), caught_up];
    let replies = Vec::new();
    link.take_in(pb::ChatResponse { events, replies });
    // Nothing of the new store has been given out yet.
    ids.push(link.send(group(), "late".to_owned()).unwrap());
    let given = std::iter::from_fn(|| link.take_ready());
    let lost = given.filter_map(|it| match it {
        LinkEvent::NotSent(message, ClientError::OtherStore) => Some(message.id),
        _ => None,
    });
    assert_eq!(lost.collect::<Vec<_>>(), ids);
    assert_eq!(link.unsent(), 0);
    link.send(group(), "to the new one".to_owned()).unwrap();
    assert_eq!((link.take_ready(), link.unsent()), (None, 1));
}
