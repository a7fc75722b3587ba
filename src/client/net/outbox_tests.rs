//! The outbox against an imagined server.

use tonic::Status;

use super::*;

fn bob() -> Target {
    Target::User("bob".to_owned())
}

fn carol() -> Target {
    Target::User("carol".to_owned())
}

fn texts(outbox: &mut Outbox, now: Instant, from: u64) -> Vec<(u64, String)> {
    (from..)
        .map_while(|request| outbox.next(now, request).map(|send| (request, send.text)))
        .collect()
}

fn row(request: u64, text: &str) -> (u64, String) {
    (request, text.to_owned())
}

fn taken() -> Result<pb::SendResponse, ClientError> {
    Ok(pb::SendResponse::default())
}

fn too_fast(wait_ms: i32) -> Result<pb::SendResponse, ClientError> {
    Err(pb::Error {
        code: 8,
        reason: "RATE_LIMITED".to_owned(),
        retry_after: Some(prost_types::Duration {
            seconds: 0,
            nanos: wait_ms * 1_000_000,
        }),
        ..pb::Error::default()
    }
    .into())
}

#[tokio::test]
async fn one_message_per_target_is_in_flight_and_order_holds() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    for (target, text) in [(bob(), "b1"), (bob(), "b2"), (carol(), "c1"), (bob(), "b3")] {
        outbox.push(target, text.to_owned(), None).unwrap();
    }
    assert_eq!(texts(&mut outbox, now, 1), [row(1, "b1"), row(2, "c1")]);
    assert!(
        matches!(outbox.answered(now, 1, taken()), Some(Settled::Sent(message, _))
        if message.text == "b1")
    );
    assert_eq!(texts(&mut outbox, now, 3), [row(3, "b2")]);
    assert_eq!(
        outbox.answered(now, 1, taken()),
        None,
        "an answer counts once"
    );
    assert_eq!(outbox.answered(now, 99, taken()), None);
}

#[tokio::test]
async fn an_answer_keeps_its_place_among_the_texts_to_the_same_target() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    assert_eq!(outbox.sure_of(None), []);
    let ops = || Target::Channel("ops".to_owned());
    for target in [ops(), ops().replying_to(7), ops()] {
        outbox.push(target, "x".to_owned(), None).unwrap();
    }
    let first = outbox.next(now, 1).unwrap();
    assert_eq!(first.reply_to_seq, 0);
    assert_eq!(outbox.next(now, 2), None);
    assert!(outbox.answered(now, 1, taken()).is_some());
    let second = outbox.next(now, 2).unwrap();
    assert_eq!((second.reply_to_seq, second.target), (7, first.target));
    assert_eq!(ops().replying_to(7).replying_to(8), ops().replying_to(8));
}

#[tokio::test]
async fn a_rate_is_waited_out_and_nothing_overtakes() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    for text in ["1", "2", "3"] {
        outbox.push(bob(), text.to_owned(), None).unwrap();
    }
    assert_eq!(texts(&mut outbox, now, 1), [row(1, "1")]);
    let first = outbox.items[0].message.request();
    assert_eq!(outbox.answered(now, 1, too_fast(50)), None);
    assert_eq!(texts(&mut outbox, now, 2), []);
    let later = outbox.wake_at().unwrap();
    assert_eq!(later, now + Duration::from_millis(50));
    assert_eq!(
        outbox.next(later, 2),
        Some(first),
        "the same request to the byte"
    );
    assert!(outbox.answered(later, 2, taken()).is_some());
    assert_eq!(texts(&mut outbox, later, 3), [row(3, "2")]);
}

#[tokio::test]
async fn files_go_with_each_attempt_and_need_no_text() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    let message = Outgoing {
        id: ClientMessageId::mint(),
        target: bob(),
        text: String::new(),
        attachments: vec!["f2".to_owned(), "f1".to_owned()],
        store: None,
    };
    assert_eq!(message.message_text(), Some(MessageText::none()));
    assert_eq!(outbox.restore(message), None);
    assert_eq!(outbox.sure_of(None), []);
    let first = outbox.next(now, 1).unwrap();
    let files: Vec<&str> = first
        .attachments
        .iter()
        .map(|it| it.file_id.as_str())
        .collect();
    assert_eq!((files, first.text.as_str()), (vec!["f2", "f1"], ""));
    outbox.disconnected();
    assert_eq!(outbox.sure_of(None), []);
    assert_eq!(outbox.next(now, 7), Some(first));
    assert!(outbox.answered(now, 7, taken()).is_some());
    for (text, files) in [("", 0), ("a\u{1b}", 1)] {
        let message = Outgoing {
            id: ClientMessageId::mint(),
            target: bob(),
            text: text.to_owned(),
            attachments: vec!["f1".to_owned(); files],
            store: None,
        };
        assert_eq!(message.message_text(), None, "{text:?}");
    }
}

#[tokio::test]
async fn without_a_rate_many_are_in_flight() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    outbox.set_unlimited(true);
    for n in 0..100 {
        outbox.push(bob(), n.to_string(), None).unwrap();
    }
    let flying = texts(&mut outbox, now, 0);
    assert_eq!(flying.len(), IN_FLIGHT_MAX);
    assert!(
        flying
            .iter()
            .all(|(request, text)| request.to_string() == *text)
    );
    // A server that stumbles ends it.
    let stumble = Err(Status::unavailable("the store").into());
    let Err(ClientError::Refused(_)) = &stumble else {
        panic!("{stumble:?}")
    };
    assert_eq!(outbox.answered(now, 0, stumble), None);
    assert!(outbox.careful);
}

#[tokio::test]
async fn a_broken_stream_sends_again_what_was_not_answered() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    outbox.set_unlimited(true);
    let ids = ["1", "2", "3"].map(|text| outbox.push(bob(), text.to_owned(), None).unwrap().0);
    assert_eq!(texts(&mut outbox, now, 1).len(), 3);
    assert!(outbox.answered(now, 1, taken()).is_some());
    outbox.disconnected();
    assert_eq!(
        outbox.answered(now, 2, taken()),
        None,
        "an answer of the old stream"
    );
    let again: Vec<String> = (7..)
        .map_while(|request| outbox.next(now, request))
        .map(|m| m.client_message_id)
        .collect();
    assert_eq!(again, [ids[1].to_string(), ids[2].to_string()]);
}

#[tokio::test]
async fn a_refusal_settles_and_the_next_one_goes() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    outbox.push(bob(), "1".to_owned(), None).unwrap();
    outbox.push(bob(), "2".to_owned(), None).unwrap();
    assert_eq!(texts(&mut outbox, now, 1), [row(1, "1")]);
    let refused = Err(Status::not_found("no such user").into());
    assert!(matches!(
        outbox.answered(now, 1, refused),
        Some(Settled::Refused(..))
    ));
    assert_eq!(texts(&mut outbox, now, 2), [row(2, "2")]);
}

#[test]
fn it_is_bounded_and_says_so() {
    let mut outbox = Outbox::default();
    for _ in 0..OUTBOX_MESSAGES_MAX {
        outbox.push(bob(), String::new(), None).unwrap();
    }
    let error = outbox.push(bob(), String::new(), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1000 messages are waiting to be sent already; try again when the server has taken some"
    );
}

#[tokio::test]
async fn what_answers_a_message_waits_until_the_store_is_known_and_what_follows_it_does() {
    for many in [false, true] {
        let mut outbox = Outbox::default();
        outbox.set_unlimited(many);
        let now = Instant::now();
        for (target, text) in [(bob().replying_to(3), "b1"), (bob(), "b2"), (carol(), "c1")] {
            outbox.push(target, text.to_owned(), None).unwrap();
        }
        let texts = |outbox: &mut Outbox, from: u64| -> Vec<(String, u64)> {
            let sends = (from..).map_while(|request| outbox.next(now, request));
            sends.map(|it| (it.text, it.reply_to_seq)).collect()
        };
        assert_eq!(texts(&mut outbox, 1), [("c1".to_owned(), 0)]);
        assert_eq!(outbox.sure_of(None), []);
        assert_eq!(texts(&mut outbox, 2)[0], ("b1".to_owned(), 3));
        // With another connection it may be another store, and here it is.
        outbox.disconnected();
        assert_eq!(texts(&mut outbox, 10), [("c1".to_owned(), 0)]);
        assert_eq!(outbox.reset(), []);
        assert_eq!(texts(&mut outbox, 20)[0], ("b1".to_owned(), 0));
    }
}

#[tokio::test]
async fn what_goes_to_an_id_waits_until_the_store_is_known_and_goes_to_nobody_in_another() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    let group = Target::Conversation("c1".to_owned());
    outbox
        .push(group.clone(), "secret".to_owned(), None)
        .unwrap();
    assert_eq!(outbox.next(now, 1), None);
    assert_eq!(outbox.sure_of(None), []);
    assert_eq!(outbox.next(now, 1).unwrap().text, "secret");
    outbox.disconnected();
    assert_eq!(outbox.reset()[0].target, group);
    assert!(outbox.is_empty());
}

#[tokio::test]
async fn what_holds_files_waits_until_the_store_is_known_and_is_nothing_in_another() {
    let mut outbox = Outbox::default();
    let now = Instant::now();
    let files = Outgoing {
        id: ClientMessageId::mint(),
        target: bob(),
        text: String::new(),
        attachments: vec!["f1".to_owned()],
        store: None,
    };
    assert_eq!(outbox.restore(files.clone()), None);
    outbox.push(bob(), "b2".to_owned(), None).unwrap();
    assert_eq!(outbox.next(now, 1), None);
    assert_eq!(outbox.sure_of(None), []);
    assert_eq!(outbox.next(now, 1), Some(files.request()));
    outbox.disconnected();
    assert_eq!(outbox.reset(), [files]);
    assert_eq!(outbox.next(now, 2).unwrap().text, "b2");
}

#[tokio::test]
async fn what_was_written_for_another_store_answers_nothing_and_what_is_bound_to_it_is_not_sent() {
    let now = Instant::now();
    let c1 = || Target::Conversation("c1".to_owned());
    let of = |text: &str, target: Target, files: usize, store: Option<&str>| Outgoing {
        id: ClientMessageId::mint(),
        target,
        text: text.to_owned(),
        attachments: vec!["f1".to_owned(); files],
        store: store.and_then(StoreId::new),
    };
    let all = || {
        [
            of("1", bob(), 1, Some("old")),
            of("2", bob().replying_to(3), 0, Some("old")),
            of("3", bob(), 1, Some("new")),
            of("4", bob().replying_to(3), 0, Some("new")),
            // Of which store it is nobody knows: it would be told if it were another.
            of("5", bob().replying_to(3), 1, None),
            of("6", bob().replying_to(3), 1, Some("old")),
            // The same id is that of another conversation.
            of("7", c1(), 0, Some("old")),
            of("8", c1(), 0, Some("new")),
        ]
    };
    let expected = |has_old: bool| {
        [
            (has_old, "1", 0, 1),
            (true, "2", if has_old { 3 } else { 0 }, 0),
            (true, "3", 0, 1),
            (true, "4", 3, 0),
            (true, "5", 3, 1),
            (has_old, "6", 3, 1),
            (has_old, "7", 0, 0),
            (true, "8", 0, 0),
        ]
        .into_iter()
        .filter(|(is_sent, ..)| *is_sent)
        .map(|(_, text, reply_to, files)| (text.to_owned(), reply_to, files))
        .collect::<Vec<_>>()
    };
    let sent = |outbox: &mut Outbox| {
        outbox.set_unlimited(true);
        let sends = (1..).map_while(|request| outbox.next(now, request));
        let sends = sends.map(|it| (it.text, it.reply_to_seq, it.attachments.len()));
        sends.collect::<Vec<_>>()
    };
    for store in ["new", ""] {
        let store = StoreId::new(store);
        let is_named = store.is_some();
        // Those that wait when it is found out, and those that come afterwards.
        let (mut before, mut after) = (Outbox::default(), Outbox::default());
        for message in all() {
            assert_eq!(before.restore(message), None);
        }
        let lost = before.sure_of(store.clone());
        assert_eq!(after.sure_of(store), []);
        let refused: Vec<_> = all()
            .into_iter()
            .filter_map(|it| after.restore(it))
            .collect();
        for lost in [lost, refused] {
            let lost: Vec<&str> = lost.iter().map(|it| it.text.as_str()).collect();
            let expected = vec!["1", "6", "7"];
            assert_eq!(lost, if is_named { expected } else { vec![] });
        }
        assert_eq!(sent(&mut before), expected(!is_named));
        assert_eq!(sent(&mut after), expected(!is_named));
    }
}

#[test]
fn a_store_is_named_by_no_more_than_is_kept() {
    assert_eq!(StoreId::new(""), None);
    assert_eq!(StoreId::new(&"e".repeat(STORE_BYTES_MAX + 1)), None);
    let longest = "e".repeat(STORE_BYTES_MAX);
    assert_eq!(StoreId::new(&longest).unwrap().as_str(), longest);
}
