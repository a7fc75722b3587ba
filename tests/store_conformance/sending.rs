//! Sends: order, one commit for each batch, and the key that makes a repeat the same send.

use std::collections::{BTreeMap, HashSet};

use super::subject::{NOON, Subject, after, name, new, text, to, words};
use tinychat::{
    domain::{
        conversation::ConversationKind,
        event::EventBody,
        ids::{ClientMessageId, ConversationId, Offset, Seq},
        limits::TEXT_BYTES_MAX,
        message::{NewMessage, Sent, Target},
        page::{PageSize, Position, PositionAsked},
    },
    store::SendRefusal,
};

pub async fn the_first_message_makes_members_and_tells_them_just_before_it(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let sent = subject.say(&bob, &ann, "hi").await;
    assert_eq!(sent.conversation, ConversationId::new(1));
    assert_eq!((sent.seq, sent.sent), (Seq::new(1), NOON));
    assert!(!sent.duplicate);
    let heard = subject.heard().await;
    assert_eq!(heard.len(), 1, "one commit");
    assert_eq!(heard[0].last, Offset::new(2));
    let both = vec![ann.id, bob.id];
    let events = subject.events_after(Offset::ZERO).await;
    let [(changed, changed_readers), (said, said_readers)] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(
        (changed.offset, said.offset),
        (Offset::new(1), Offset::new(2))
    );
    assert_eq!((changed_readers, said_readers), (&both, &both));
    let EventBody::ConversationChanged(changed) = &changed.body else {
        panic!("{changed:?}");
    };
    let people = ConversationKind::Direct(vec![ann.clone(), bob.clone()]);
    assert_eq!(changed.kind, people);
    assert_eq!(
        (changed.id, changed.last_seq),
        (sent.conversation, Seq::ZERO)
    );
    let EventBody::Message(message) = &said.body else {
        panic!("{said:?}");
    };
    assert_eq!((message.seq, &message.sender), (Seq::new(1), &bob));
    assert_eq!((&message.text, message.sent), (&Some(text("hi")), NOON));
    assert_eq!((message.reply_to, message.revision), (None, 0));
    assert_eq!(message.reactions, []);

    subject.say(&ann, &bob, "ho").await;
    let events = subject.events_after(Offset::new(2)).await;
    assert_eq!(events.len(), 1, "the second message stands alone");
    let view = subject.view(&ann, sent.conversation).await.unwrap();
    assert_eq!(view.conversation.last_seq, Seq::new(2));
    assert_eq!(view.last_message.unwrap().text, Some(text("ho")));
}

pub async fn a_batch_is_answered_in_order_and_is_one_commit(subject: Subject) {
    let (ann, bob, eve) = (
        subject.user("ann").await,
        subject.user("bob").await,
        subject.user("eve").await,
    );
    let batch = vec![
        new(&ann, to(&bob), "1"),
        new(&ann, to(&eve), "2"),
        new(&bob, to(&ann), "3"),
        new(&ann, to(&bob), "4"),
    ];
    let answers = subject.store.append(batch).await.unwrap();
    let places = answers.into_iter().map(Result::unwrap);
    let places: Vec<_> = places
        .map(|sent| (sent.conversation.number(), sent.seq.number()))
        .collect();
    assert_eq!(places, [(1, 1), (2, 1), (1, 2), (1, 3)]);
    let heard = subject.heard().await;
    assert_eq!(heard.len(), 1, "one commit");
    let offsets = heard[0].events.iter().map(|event| event.event.offset);
    assert!(
        offsets.eq((1..=6).map(Offset::new)),
        "two changes and four messages"
    );
    assert_eq!(heard[0].last, Offset::new(6));
    assert_eq!(subject.store.end(), Offset::new(6));
    let none = subject.store.append(Vec::new()).await.unwrap();
    assert_eq!(none, []);
    assert_eq!(subject.heard().await.len(), 1, "nothing is no commit");
}

pub async fn concurrent_appends_leave_no_gap_and_keep_each_senders_order(subject: Subject) {
    const TASKS: usize = 8;
    const BATCHES: usize = 25;
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let (subject, ann, bob) = (subject.clone(), ann.clone(), bob.clone());
        tasks.spawn(async move {
            let (me, peer) = if task % 2 == 0 {
                (ann, bob)
            } else {
                (bob, ann)
            };
            let mut sent: Vec<Sent> = Vec::new();
            for batch in 0..BATCHES {
                let words = |part| format!("{task} {}", 2 * batch + part);
                let batch = [0, 1].map(|part| new(&me, to(&peer), &words(part)));
                let answers = subject.store.append(batch.into()).await.unwrap();
                sent.extend(answers.into_iter().map(Result::unwrap));
                let heard = subject.store.end();
                assert!(
                    heard.number() > sent.len() as u64,
                    "answered after the commit"
                );
            }
            sent.into_iter().map(|sent| sent.seq).collect::<Vec<_>>()
        });
    }
    let mut seqs = Vec::new();
    for mine in tasks.join_all().await {
        assert!(mine.is_sorted_by(|a, b| a < b), "a sender's order is kept");
        seqs.extend(mine);
    }
    seqs.sort();
    let all = (TASKS * BATCHES * 2) as u64;
    assert!(
        seqs.into_iter().eq((1..=all).map(Seq::new)),
        "no gap, no repeat"
    );

    let heard = subject.heard().await;
    assert!(
        heard.is_sorted_by(|a, b| a.last < b.last),
        "heard in order, each once"
    );
    let mut place = Offset::ZERO;
    let (mut seq, mut said) = (Seq::ZERO, BTreeMap::new());
    for commit in heard {
        for committed in &commit.events {
            assert_eq!(
                committed.event.offset,
                place.next(),
                "offsets without holes here"
            );
            place = committed.event.offset;
            if let EventBody::Message(message) = &committed.event.body {
                assert_eq!(message.seq, seq.next(), "seq and offset rise together");
                seq = message.seq;
                let (task, number) = words(message).split_once(' ').unwrap();
                let last = said.insert(task.to_owned(), number.parse::<i64>().unwrap());
                assert_eq!(last.unwrap_or(-1) + 1, number.parse::<i64>().unwrap());
            }
        }
        assert_eq!(commit.last, place);
    }
    assert_eq!((seq, said.len()), (Seq::new(all), TASKS));
    assert_eq!(place, subject.store.end());
}

pub async fn two_who_write_first_at_once_share_one_conversation(subject: Subject) {
    for round in 0..20 {
        let ann = subject.user(&format!("ann{round}")).await;
        let bob = subject.user(&format!("bob{round}")).await;
        let (a, b) = tokio::join!(subject.say(&ann, &bob, "a"), subject.say(&bob, &ann, "b"));
        assert_eq!(a.conversation, b.conversation);
        assert_eq!(a.seq.number() + b.seq.number(), 3);
    }
    let changes = subject.events_after(Offset::ZERO).await;
    let changes = changes
        .iter()
        .filter(|(event, _)| matches!(event.body, EventBody::ConversationChanged(_)));
    assert_eq!(changes.count(), 20);
}

/// The same send again, as a client that did not hear the answer makes it.
pub fn again(message: &NewMessage) -> NewMessage {
    NewMessage {
        sent: after(60_000),
        ..message.clone()
    }
}

pub async fn a_repeat_gets_the_first_answer_and_writes_nothing(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let message = new(&ann, to(&bob), "once");
    let first = subject.try_send(message.clone()).await.unwrap();
    subject.say(&bob, &ann, "in between").await;
    let end = subject.store.end();
    for _ in 0..3 {
        let repeat = subject.try_send(again(&message)).await.unwrap();
        let expected = Sent {
            duplicate: true,
            ..first
        };
        assert_eq!(repeat, expected, "with the time of the first");
    }
    assert_eq!(subject.store.end(), end);
    assert_eq!(
        subject.heard().await.len(),
        2,
        "each message was heard of once"
    );
    let view = subject.view(&bob, first.conversation).await.unwrap();
    assert_eq!(view.conversation.last_seq, Seq::new(2));
    assert_eq!(
        view.read.unread, 1,
        "a repeat does not count as sent either"
    );
    let view = subject.view(&ann, first.conversation).await.unwrap();
    assert_eq!(view.read.unread, 1);
}

pub async fn a_repeat_in_the_same_batch_is_one_message(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let message = new(&ann, to(&bob), "once");
    let mut other = message.clone();
    other.request.text = text("another");
    let batch = vec![message.clone(), again(&message), other];
    let answers = subject.store.append(batch).await.unwrap();
    let first = answers[0].clone().unwrap();
    assert!(!first.duplicate);
    let repeat = answers[1].clone().unwrap();
    assert!(repeat.duplicate);
    assert_eq!((repeat.seq, repeat.sent), (first.seq, first.sent));
    let reused = SendRefusal::ClientMessageIdReused(message.client_id);
    assert_eq!(answers[2], Err(reused));
    assert_eq!(subject.store.end(), Offset::new(2));
}

pub async fn concurrent_repeats_are_one_message(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let message = new(&ann, to(&bob), "once");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (subject, message) = (subject.clone(), message.clone());
        tasks.spawn(async move { subject.try_send(message).await.unwrap() });
    }
    let answers = tasks.join_all().await;
    let firsts = answers.iter().filter(|sent| !sent.duplicate).count();
    assert_eq!(firsts, 1);
    assert!(answers.iter().all(|sent| sent.seq == Seq::new(1)));
    assert_eq!(subject.store.end(), Offset::new(2));
}

pub async fn an_id_that_is_used_for_another_message_is_refused(subject: Subject) {
    let (ann, bob, eve) = (
        subject.user("ann").await,
        subject.user("bob").await,
        subject.user("eve").await,
    );
    let message = new(&ann, to(&bob), "once");
    let first = subject.try_send(message.clone()).await.unwrap();
    subject.say(&ann, &eve, "hi").await;
    let end = subject.store.end();
    let reused = Err(SendRefusal::ClientMessageIdReused(message.client_id));
    let mut other = message.clone();
    other.request.text = text("twice");
    assert_eq!(subject.try_send(other).await, reused);
    let mut other = message.clone();
    other.request.target = to(&eve);
    assert_eq!(subject.try_send(other).await, reused);
    // The request as given counts, not where it leads.
    let mut other = message.clone();
    other.request.target = Target::Conversation(first.conversation);
    assert_eq!(subject.try_send(other).await, reused);
    assert_eq!(subject.store.end(), end);
    let repeat = subject.try_send(message).await.unwrap();
    assert!(repeat.duplicate, "a refusal does not touch the first");
}

pub async fn an_id_is_the_senders_own(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let of_ann = new(&ann, to(&ann), "same id");
    let of_bob = NewMessage {
        sender: bob.clone(),
        ..of_ann.clone()
    };
    let first = subject.try_send(of_ann).await.unwrap();
    let second = subject.try_send(of_bob).await.unwrap();
    assert!(!second.duplicate);
    assert_ne!(first.conversation, second.conversation);
}

pub async fn the_id_is_looked_up_before_the_target(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let message = new(&ann, to(&bob), "once");
    subject.try_send(message.clone()).await.unwrap();
    let reused = Err(SendRefusal::ClientMessageIdReused(message.client_id));
    for target in [
        Target::User(name("nobody")),
        Target::Conversation(ConversationId::new(99)),
    ] {
        let mut other = message.clone();
        other.request.target = target.clone();
        assert_eq!(subject.try_send(other).await, reused, "{target:?}");
    }
}

pub async fn a_refused_send_leaves_its_id_free(subject: Subject) {
    let ann = subject.user("ann").await;
    let message = new(&ann, Target::User(name("bob")), "are you there?");
    let refused = subject.try_send(message.clone()).await;
    assert_eq!(refused, Err(SendRefusal::UserNotFound(name("bob"))));
    let bob = subject.user("bob").await;
    let sent = subject.try_send(message.clone()).await.unwrap();
    assert_eq!((sent.seq, sent.duplicate), (Seq::new(1), false));
    // The same for a conversation that the sender was not in.
    let eve = subject.user("eve").await;
    let own = subject.start(&bob, &eve).await.conversation.id;
    let message = new(&eve, Target::Conversation(own), "hi");
    let refused = subject.try_send(message.clone()).await;
    assert_eq!(refused, Err(SendRefusal::NotMember(own)));
    subject.say(&bob, &eve, "come in").await;
    let sent = subject.try_send(message).await.unwrap();
    assert_eq!(
        (sent.conversation, sent.seq, sent.duplicate),
        (own, Seq::new(2), false)
    );
}

pub async fn a_send_that_was_committed_is_found(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let message = new(&ann, to(&bob), "once");
    let find = async |sender, client_id, target, words: &str| {
        let request = new(&ann, target, words).request;
        let found = subject.store.find_sent(sender, client_id, request);
        found.await.unwrap()
    };
    let id = message.client_id;
    assert_eq!(find(ann.id, id, to(&bob), "once").await, None);
    let sent = subject.try_send(message).await.unwrap();
    let repeat = Sent {
        duplicate: true,
        ..sent
    };
    assert_eq!(find(ann.id, id, to(&bob), "once").await, Some(Ok(repeat)));
    let reused = Some(Err(SendRefusal::ClientMessageIdReused(id)));
    assert_eq!(find(ann.id, id, to(&bob), "twice").await, reused);
    assert_eq!(find(ann.id, id, to(&ann), "once").await, reused);
    let nobody = Target::User(name("nobody"));
    assert_eq!(find(ann.id, id, nobody, "once").await, reused);
    assert_eq!(
        find(bob.id, id, to(&bob), "once").await,
        None,
        "the key is per user"
    );
    let fresh = ClientMessageId::mint();
    assert_eq!(find(ann.id, fresh, to(&bob), "once").await, None);
}

pub async fn a_refused_send_leaves_the_others_alone(subject: Subject) {
    let (ann, bob, eve) = (
        subject.user("ann").await,
        subject.user("bob").await,
        subject.user("eve").await,
    );
    let theirs = subject.say(&bob, &eve, "secret").await.conversation;
    let end = subject.store.end();
    let nowhere = ConversationId::new(77);
    let batch = vec![
        new(&ann, Target::Conversation(theirs), "let me in"),
        new(&ann, to(&bob), "1"),
        new(&ann, Target::User(name("nobody")), "hello?"),
        new(&ann, Target::Conversation(nowhere), "hello?"),
        new(&ann, to(&bob), "2"),
    ];
    let refused = vec![batch[0].clone(), batch[2].clone(), batch[3].clone()];
    let answers = subject.store.append(batch).await.unwrap();
    assert_eq!(answers[0], Err(SendRefusal::NotMember(theirs)));
    assert_eq!(answers[1].clone().unwrap().seq, Seq::new(1));
    assert_eq!(answers[2], Err(SendRefusal::UserNotFound(name("nobody"))));
    assert_eq!(answers[3], Err(SendRefusal::NotMember(nowhere)));
    assert_eq!(answers[4].clone().unwrap().seq, Seq::new(2));
    let events = subject.events_after(end).await;
    assert_eq!(events.len(), 3, "one change and two messages");

    let (end, commits) = (subject.store.end(), subject.heard().await.len());
    let answers = subject.store.append(refused).await.unwrap();
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(subject.store.end(), end);
    assert_eq!(subject.heard().await.len(), commits, "nothing was written");
}

pub async fn notes_to_self_have_one_member(subject: Subject) {
    let ann = subject.user("ann").await;
    let first = subject.say(&ann, &ann, "milk").await;
    let second = subject.say(&ann, &ann, "bread").await;
    assert_eq!(first.conversation, second.conversation);
    assert_eq!(second.seq, Seq::new(2));
    let view = subject.view(&ann, first.conversation).await.unwrap();
    let myself = ConversationKind::Direct(vec![ann.clone()]);
    assert_eq!(view.conversation.kind, myself);
    assert_eq!(view.read.unread, 0);
    assert_eq!(
        view.read.read_seq,
        Seq::ZERO,
        "sending does not move the marker"
    );
    let events = subject.events_after(Offset::ZERO).await;
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|(_, readers)| *readers == [ann.id]));
}

pub async fn the_longest_text_and_every_character_come_back(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let texts = [
        "x".repeat(TEXT_BYTES_MAX),
        " leading and trailing ".to_owned(),
        "two\n\tlines".to_owned(),
        "äöü 漢字 👩‍👩‍👧 \u{202e}".to_owned(),
        "'; DROP TABLE messages; --".to_owned(),
    ];
    let mut conversations = HashSet::new();
    for words in &texts {
        conversations.insert(subject.say(&ann, &bob, words).await.conversation);
    }
    let id = conversations.into_iter().next().unwrap();
    let page = subject.store.list_messages(
        bob.id,
        id,
        PositionAsked::At(Position::Newest),
        PageSize::asked(10),
    );
    let messages = page.await.unwrap().unwrap().messages;
    let kept: Vec<_> = messages.iter().map(words).collect();
    assert_eq!(kept, texts);
    let heard = subject.events_after(Offset::ZERO).await.into_iter();
    let heard = heard.filter_map(|(event, _)| match event.body {
        EventBody::Message(message) => Some(message),
        _ => None,
    });
    assert_eq!(heard.collect::<Vec<_>>(), messages, "told as it was kept");
}
