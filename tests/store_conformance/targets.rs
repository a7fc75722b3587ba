//! Sends to channels by name, by those who may only read, and in answer to another message.

use super::{
    doing::{channel, channel_name, group, ids},
    sending::again,
    subject::{Subject, name, new, to},
};
use tinychat::{
    domain::{
        event::EventBody,
        ids::{Offset, Seq},
        message::{NewMessage, Sent, Target},
        page::PageSize,
        role::Role,
        user::UserRef,
    },
    store::SendRefusal,
};

fn to_channel(name: &str) -> Target {
    Target::Channel(channel_name(name))
}

/// A message that answers another.
fn reply(sender: &UserRef, target: Target, words: &str, seq: u64) -> NewMessage {
    let mut message = new(sender, target, words);
    message.request.reply_to = Some(Seq::new(seq));
    message
}

pub async fn a_channel_is_written_to_by_its_name(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob])).await;
    subject.make(&ann, channel("dev", &[])).await;
    let place = subject.store.end();
    let message = new(&bob, to_channel("ops"), "hi");
    let sent = subject.try_send(message.clone()).await.unwrap();
    assert_eq!((sent.conversation, sent.seq), (id, Seq::new(1)));
    let (event, readers) = subject.events_after(place).await.remove(0);
    assert!(matches!(event.body, EventBody::Message(said) if said.conversation == id));
    assert_eq!(readers, ids(&[&ann, &bob]));
    let nowhere = Err(SendRefusal::ChannelNotFound(channel_name("web")));
    let refused = subject.try_send(new(&bob, to_channel("web"), "hi")).await;
    assert_eq!(refused, nowhere);
    for (user, name) in [(&eve, "ops"), (&bob, "dev")] {
        let out = Err(SendRefusal::NotInChannel(channel_name(name)));
        let refused = subject.try_send(new(user, to_channel(name), "hi")).await;
        assert_eq!(refused, out);
    }
    // The request as given counts, not where it leads; and it is looked up before that.
    let repeat = Sent {
        duplicate: true,
        ..sent
    };
    let reused = Err(SendRefusal::ClientMessageIdReused(message.client_id));
    subject.leave(&bob, id).await;
    assert_eq!(subject.try_send(again(&message)).await, Ok(repeat));
    for target in [
        Target::Conversation(id),
        to_channel("web"),
        to_channel("dev"),
    ] {
        let mut other = message.clone();
        other.request.target = target.clone();
        assert_eq!(subject.try_send(other).await, reused, "{target:?}");
    }
    let find = |request| subject.store.find_sent(bob.id, message.client_id, request);
    let found = find(message.request.clone()).await.unwrap();
    assert_eq!(found, Some(Ok(repeat)));
    let found = find(new(&bob, Target::Conversation(id), "hi").request).await;
    assert_eq!(found.unwrap(), Some(reused));
}

pub async fn who_may_only_read_sends_nothing(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob])).await;
    subject.set_role(&ann, id, &bob, Role::ReadOnly).await;
    let end = subject.store.end();
    for target in [Target::Conversation(id), to_channel("ops")] {
        let refused = subject.try_send(new(&bob, target.clone(), "hi")).await;
        assert_eq!(refused, Err(SendRefusal::ReadOnly));
        // Before what it answers is looked at, and after who is in.
        let refused = subject.try_send(reply(&bob, target, "hi", 9)).await;
        assert_eq!(refused, Err(SendRefusal::ReadOnly));
    }
    let refused = subject.try_send(reply(&eve, Target::Conversation(id), "hi", 9));
    assert_eq!(refused.await, Err(SendRefusal::NotMember(id)));
    assert_eq!(subject.store.end(), end);
    let message = new(&bob, to_channel("ops"), "may I?");
    let refused = subject.try_send(message.clone()).await;
    assert_eq!(refused, Err(SendRefusal::ReadOnly));
    subject.set_role(&ann, id, &bob, Role::Member).await;
    assert_eq!(subject.try_send(message).await.unwrap().seq, Seq::new(1));
}

pub async fn a_reply_names_a_message_that_the_sender_can_read(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    let here = || Target::Conversation(id);
    subject.speak(&ann, id, "1").await;
    let message = reply(&bob, here(), "2", 1);
    subject.try_send(message.clone()).await.unwrap();
    let (event, _) = subject.events_after(Offset::ZERO).await.pop().unwrap();
    let EventBody::Message(told) = event.body else {
        panic!("{event:?}");
    };
    assert_eq!(told.reply_to, Some(Seq::new(1)));
    assert_eq!(subject.page(&ann, id).await.unwrap().messages[1], told);
    // It is a part of the request.
    let reused = Err(SendRefusal::ClientMessageIdReused(message.client_id));
    for reply_to in [None, Some(Seq::new(2))] {
        let mut other = message.clone();
        other.request.reply_to = reply_to;
        assert_eq!(subject.try_send(other).await, reused);
    }
    assert!(subject.try_send(again(&message)).await.unwrap().duplicate);

    subject.add(&ann, id, &[&eve]).await;
    let end = subject.store.end();
    let unknown = |seq| Err(SendRefusal::ReplyToUnknown(Seq::new(seq)));
    for seq in [0, 3, u64::MAX] {
        assert_eq!(
            subject.try_send(reply(&ann, here(), "x", seq)).await,
            unknown(seq)
        );
    }
    for seq in [0, 1, 2, 3] {
        assert_eq!(
            subject.try_send(reply(&eve, here(), "x", seq)).await,
            unknown(seq)
        );
    }
    assert_eq!(subject.store.end(), end);
    // A message of the same batch is there already; one that was deleted can be answered.
    subject.delete(&ann, id, 1).await;
    let batch = vec![
        new(&eve, here(), "3"),
        reply(&eve, here(), "4", 3),
        reply(&eve, here(), "no", 5),
        reply(&ann, here(), "5", 1),
    ];
    let answers = subject.store.append(batch).await.unwrap();
    let seqs = answers
        .into_iter()
        .map(|sent| sent.map(|sent| sent.seq.number()));
    let expected = [
        Ok(3),
        Ok(4),
        Err(SendRefusal::ReplyToUnknown(Seq::new(5))),
        Ok(5),
    ];
    assert_eq!(seqs.collect::<Vec<_>>(), expected);
}

pub async fn a_reply_to_nothing_makes_no_conversation(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    for peer in [&bob, &ann] {
        for seq in [0, 1] {
            let refused = subject.try_send(reply(&ann, to(peer), "x", seq)).await;
            assert_eq!(refused, Err(SendRefusal::ReplyToUnknown(Seq::new(seq))));
        }
    }
    assert_eq!(subject.store.end(), Offset::ZERO);
    for user in [&ann, &bob] {
        let size = PageSize::asked(9);
        let listed = subject.store.list_conversations(user.id, None, size);
        assert_eq!(listed.await.unwrap().views, []);
    }
    let nobody = Target::User(name("zoe"));
    let refused = subject.try_send(reply(&ann, nobody, "x", 1)).await;
    assert_eq!(refused, Err(SendRefusal::UserNotFound(name("zoe"))));
    // Nor does it speak in one that was only started.
    let id = subject.start(&ann, &bob).await.conversation.id;
    let refused = subject.try_send(reply(&ann, to(&bob), "x", 1)).await;
    assert_eq!(refused, Err(SendRefusal::ReplyToUnknown(Seq::new(1))));
    assert_eq!(subject.view(&bob, id).await, None);
    // The first of a batch makes it for the second.
    let batch = vec![new(&ann, to(&bob), "1"), reply(&ann, to(&bob), "2", 1)];
    let answers = subject.store.append(batch).await.unwrap();
    assert_eq!(answers[1].clone().unwrap().seq, Seq::new(2));
    let said = subject.page(&bob, id).await.unwrap().messages;
    assert_eq!(said[1].reply_to, Some(Seq::new(1)));
}
