//! Who sees which conversation, and pages of conversations and messages.

use super::subject::{NOON, Subject, name, new, to};
use tinychat::{
    domain::{
        conversation::ConversationKind,
        event::EventBody,
        ids::{ConversationId, Offset, Seq},
        limits::{PAGE_BYTES_MAX, TEXT_BYTES_MAX},
        message::Target,
        page::{PageSize, Position, PositionAsked},
        role::Role,
        user::UserRef,
    },
    store::{MarkReadError, ReplayFrom, SendRefusal, StartError},
};

async fn listed(subject: &Subject, user: &UserRef) -> Vec<u64> {
    let page = subject
        .store
        .list_conversations(user.id, None, PageSize::asked(100));
    let views = page.await.unwrap().views;
    let ids = views.iter().map(|view| view.conversation.id.number());
    ids.collect()
}

pub async fn a_started_conversation_is_private_until_the_first_message(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let view = subject.start(&bob, &ann).await;
    let id = view.conversation.id;
    let people = ConversationKind::Direct(vec![ann.clone(), bob.clone()]);
    assert_eq!(view.conversation.kind, people, "by id");
    assert_eq!(view.conversation.members_count, 2);
    assert_eq!(view.role, Role::Member);
    assert_eq!(
        (view.conversation.last_seq, view.last_message.clone()),
        (Seq::ZERO, None)
    );
    assert_eq!((view.read.read_seq, view.read.unread), (Seq::ZERO, 0));
    assert_eq!(subject.view(&bob, id).await, Some(view.clone()));
    let events = subject.events_after(Offset::ZERO).await;
    let [(event, readers)] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!((event.offset, readers), (Offset::new(1), &vec![bob.id]));
    assert_eq!(
        event.body,
        EventBody::ConversationChanged(view.conversation)
    );

    assert_eq!(
        subject.view(&ann, id).await,
        None,
        "the peer sees nothing of it"
    );
    assert!(listed(&subject, &ann).await.is_empty());
    assert_eq!(listed(&subject, &bob).await, [1]);
    let send = subject
        .try_send(new(&ann, Target::Conversation(id), "by its id"))
        .await;
    assert_eq!(send, Err(SendRefusal::NotMember(id)));

    let sent = subject
        .try_send(new(&bob, Target::Conversation(id), "hi"))
        .await
        .unwrap();
    assert_eq!((sent.conversation, sent.seq), (id, Seq::new(1)));
    let events = subject.events_after(Offset::new(1)).await;
    let [(changed, first), (said, second)] = &events[..] else {
        panic!("{events:?}");
    };
    let both = vec![ann.id, bob.id];
    assert_eq!((first, second), (&both, &both));
    assert!(
        matches!(&changed.body, EventBody::ConversationChanged(state)
        if state.last_seq == Seq::ZERO && state.id == id)
    );
    assert!(matches!(&said.body, EventBody::Message(message) if message.seq == Seq::new(1)));
    assert_eq!(subject.view(&ann, id).await.unwrap().read.unread, 1);
}

pub async fn both_may_start_before_anybody_speaks(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let first = subject.start(&ann, &bob).await;
    let second = subject.start(&bob, &ann).await;
    assert_eq!(first.conversation, second.conversation);
    let events = subject.events_after(Offset::ZERO).await;
    let readers: Vec<_> = events.into_iter().map(|(_, readers)| readers).collect();
    assert_eq!(
        readers,
        [vec![ann.id], vec![bob.id]],
        "each heard of the own start"
    );
    let sent = subject.say(&ann, &bob, "hi").await;
    assert_eq!(sent.conversation, first.conversation.id);
    let events = subject.events_after(Offset::new(2)).await;
    assert_eq!(
        events.len(),
        2,
        "the change is told with the first message all the same"
    );
    assert_eq!(events[0].1, [ann.id, bob.id]);
}

pub async fn the_peer_may_speak_first_in_a_started_conversation(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let started = subject.start(&ann, &bob).await.conversation.id;
    let sent = subject.say(&bob, &ann, "hi").await;
    assert_eq!((sent.conversation, sent.seq), (started, Seq::new(1)));
    assert_eq!(subject.view(&ann, started).await.unwrap().read.unread, 1);
    assert_eq!(subject.view(&bob, started).await.unwrap().read.unread, 0);
    let events = subject.replay(&bob, ReplayFrom::After(Offset::ZERO)).await;
    let offsets: Vec<_> = events.iter().map(|event| event.offset.number()).collect();
    assert_eq!(offsets, [2, 3]);
}

pub async fn starting_again_tells_nobody(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let started = subject.start(&ann, &bob).await;
    assert_eq!(subject.start(&ann, &bob).await, started);
    assert_eq!(subject.store.end(), Offset::new(1));
    subject.say(&bob, &ann, "hi").await;
    let end = subject.store.end();
    for (user, peer) in [(&ann, &bob), (&bob, &ann)] {
        let view = subject.start(user, peer).await;
        assert_eq!(view.conversation.last_seq, Seq::new(1));
        assert_eq!(
            Some(view),
            subject.view(user, started.conversation.id).await
        );
    }
    assert_eq!(subject.store.end(), end);
    assert_eq!(subject.heard().await.len(), 2);
}

pub async fn nobody_starts_with_a_stranger_to_the_store(subject: Subject) {
    let ann = subject.user("ann").await;
    let started = subject.store.start_direct(ann.clone(), name("nobody"));
    let refused = Err(StartError::UserNotFound(name("nobody")));
    assert_eq!(started.await, refused);
    assert_eq!(subject.store.end(), Offset::ZERO);
    assert!(listed(&subject, &ann).await.is_empty());
}

pub async fn a_conversation_with_oneself_can_be_started(subject: Subject) {
    let ann = subject.user("ann").await;
    let view = subject.start(&ann, &ann).await;
    let myself = ConversationKind::Direct(vec![ann.clone()]);
    assert_eq!(view.conversation.kind, myself);
    assert_eq!(view.conversation.members_count, 1);
    let sent = subject.say(&ann, &ann, "note").await;
    assert_eq!(sent.conversation, view.conversation.id);
    let events = subject.events_after(Offset::ZERO).await;
    assert_eq!(events.len(), 3, "the start, the change and the note");
    let events = subject.replay(&ann, ReplayFrom::After(Offset::ZERO)).await;
    assert_eq!(events.len(), 3);
}

pub async fn a_conversation_does_not_exist_for_others(subject: Subject) {
    let (ann, bob, eve) = (
        subject.user("ann").await,
        subject.user("bob").await,
        subject.user("eve").await,
    );
    let id = subject.say(&ann, &bob, "secret").await.conversation;
    let none = ConversationId::new(99);
    let size = PageSize::asked(10);
    for id in [id, none] {
        assert_eq!(subject.view(&eve, id).await, None);
        let page =
            subject
                .store
                .list_messages(eve.id, id, PositionAsked::At(Position::Newest), size);
        assert_eq!(page.await, Ok(None));
        for seq in [0, 1, 99] {
            let read = subject.store.mark_read(eve.id, id, Seq::new(seq), NOON);
            assert_eq!(read.await, Err(MarkReadError::NotMember(id)));
        }
        let send = subject.try_send(new(&eve, Target::Conversation(id), "x"));
        assert_eq!(send.await, Err(SendRefusal::NotMember(id)));
    }
    assert!(listed(&subject, &eve).await.is_empty());
    for from in [ReplayFrom::After(Offset::ZERO), ReplayFrom::Unread] {
        let mut replay = subject.open(&eve, from, Some(1)).await;
        assert_eq!(replay.gaps, []);
        assert_eq!(subject.rest(&mut replay).await, []);
    }
}

pub async fn conversations_are_listed_by_id_in_pages(subject: Subject) {
    let ann = subject.user("ann").await;
    let mut peers = Vec::new();
    for number in 0..7 {
        peers.push(subject.user(&format!("peer{number}")).await);
    }
    // Another's conversations lie in between.
    for (a, b) in [(4, 5), (0, 6)] {
        subject.say(&peers[a], &peers[b], "apart").await;
    }
    let mut expected = Vec::new();
    for peer in [3, 1, 6, 0, 5, 2, 4] {
        let said = subject.say(&peers[peer], &ann, "hi").await;
        expected.push(said.conversation);
        subject.say(&peers[peer], &peers[peer], "note").await;
    }
    for size in 1..=8 {
        let (mut seen, mut last) = (Vec::new(), None);
        loop {
            let page = subject
                .store
                .list_conversations(ann.id, last, PageSize::asked(size));
            let page = page.await.unwrap();
            for view in &page.views {
                assert_eq!(
                    Some(view),
                    subject.view(&ann, view.conversation.id).await.as_ref()
                );
                assert_eq!(view.read.unread, 1);
                assert!(view.last_message.is_some());
                seen.push(view.conversation.id);
            }
            assert_eq!(page.more, seen.len() < expected.len(), "size {size}");
            last = seen.last().copied();
            if !page.more {
                break;
            }
            assert_eq!(page.views.len(), size as usize);
        }
        assert_eq!(seen, expected, "size {size}");
    }
    let page =
        subject
            .store
            .list_conversations(ann.id, Some(ConversationId::new(99)), PageSize::asked(1));
    let page = page.await.unwrap();
    assert_eq!((page.views, page.more), (vec![], false));
}

/// The `seq` of each message of a page.
async fn page(
    subject: &Subject,
    user: &UserRef,
    id: ConversationId,
    position: Position,
    size: u32,
) -> Vec<u64> {
    let size = PageSize::asked(size);
    let position = PositionAsked::At(position);
    let page = subject.store.list_messages(user.id, id, position, size);
    let page = page.await.unwrap().unwrap();
    let view = subject.view(user, id).await.unwrap();
    assert_eq!(page.last_seq, view.conversation.last_seq);
    assert_eq!(page.floor, Seq::ZERO);
    let seqs = page.messages.iter().map(|message| message.seq.number());
    seqs.collect()
}

pub async fn messages_are_paged_from_every_position(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let id = subject.start(&ann, &bob).await.conversation.id;
    let empty: [u64; 0] = [];
    for position in [
        Position::Newest,
        Position::Before(Seq::new(5)),
        Position::After(Seq::ZERO),
        Position::Around(Seq::new(1)),
    ] {
        assert_eq!(page(&subject, &ann, id, position, 3).await, empty);
    }
    let eve = subject.user("eve").await;
    subject.say(&eve, &bob, "apart").await;
    let id = subject.count(&ann, &bob, 12).await.conversation;
    let last = Seq::new(12);
    for size in [1, 2, 3, 5, 11, 12, 13, 500] {
        let mut positions = vec![Position::Newest];
        for seq in (0..=14).chain([u64::MAX]).map(Seq::new) {
            let each = [
                Position::Before(seq),
                Position::After(seq),
                Position::Around(seq),
            ];
            positions.extend(each);
        }
        for position in positions {
            let range = position.range(Seq::ZERO, last, PageSize::asked(size));
            let expected: Vec<u64> = range.map_or_else(Vec::new, |(from, to)| {
                (from.number()..=to.number()).collect()
            });
            let found = page(&subject, &bob, id, position, size).await;
            assert_eq!(found, expected, "{position:?} by {size}");
        }
    }
}

pub async fn a_page_of_messages_ends_at_its_bytes(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let long = "x".repeat(TEXT_BYTES_MAX);
    let fit = (PAGE_BYTES_MAX / TEXT_BYTES_MAX) as u64;
    let last = 2 * fit + 10;
    let batch = (0..last).map(|_| new(&ann, to(&bob), &long)).collect();
    let answers = subject.store.append(batch).await.unwrap();
    let id = answers[0].clone().unwrap().conversation;
    let page = async |position, size| page(&subject, &bob, id, position, size).await;
    let just = u32::try_from(fit).unwrap();

    let exact: Vec<u64> = (last - fit + 1..=last).collect();
    assert_eq!(page(Position::Newest, just).await, exact, "just fits");
    assert_eq!(
        page(Position::Newest, just + 1).await,
        exact,
        "keeps its end"
    );
    let found = page(Position::Before(Seq::new(100)), 500).await;
    assert_eq!(found, (100 - fit..100).collect::<Vec<_>>(), "keeps its end");
    let found = page(Position::After(Seq::new(3)), 500).await;
    assert_eq!(
        found,
        (4..4 + fit).collect::<Vec<_>>(),
        "keeps its beginning"
    );
    for middle in [1, 2, fit, fit + 5, last - 1, last] {
        let found = page(Position::Around(Seq::new(middle)), 500).await;
        assert_eq!(found.len() as u64, fit, "around {middle}");
        assert!(
            found.is_sorted_by(|a, b| a + 1 == *b),
            "around {middle}: {found:?}"
        );
        let (below, above) = (middle - found[0], found[found.len() - 1] - middle);
        let at_an_end = found[0] == 1 || found[found.len() - 1] == last;
        assert!(
            at_an_end || below.abs_diff(above) <= 1,
            "around {middle}: {found:?}"
        );
    }
}

pub async fn a_page_has_500_messages_and_not_one_more(subject: Subject) {
    let (ann, bob) = (subject.user("ann").await, subject.user("bob").await);
    let id = subject.count(&ann, &bob, 501).await.conversation;
    let found = page(&subject, &bob, id, Position::After(Seq::ZERO), 501).await;
    assert_eq!(found, (1..=500).collect::<Vec<_>>());
    let found = page(&subject, &bob, id, Position::Newest, 501).await;
    assert_eq!(found, (2..=501).collect::<Vec<_>>());
}
