//! What is done to messages: edits, deletions, reactions; who may, who hears of it, and what a replay makes of it.

use super::{
    doing::{channel, emoji, given, group, ids, said, told_lines},
    subject::{Subject, text, words},
};
use tinychat::{
    domain::{
        event::{EventBody, MessageDeleted, ReactionAct, ReactionsChanged},
        ids::{ConversationId, Offset, Seq},
        limits::REACTIONS_PER_MESSAGE_MAX,
        message::Message,
        page::PageSize,
        reaction::Reaction,
        role::Role,
        user::UserRef,
    },
    store::{ActError, ReplayFrom, Store},
};

/// Ann's group of Ann and Bob, in which Bob has said "1" before Eve came; Eve does not read that.
async fn three(subject: &Subject) -> (UserRef, UserRef, UserRef, ConversationId) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    subject.speak(&bob, id, "1").await;
    subject.add(&ann, id, &[&eve]).await;
    (ann, bob, eve, id)
}

/// A message as a user reads it.
async fn message(subject: &Subject, user: &UserRef, id: ConversationId, seq: u64) -> Message {
    let page = subject.page(user, id).await.unwrap();
    let message = page.messages.into_iter().find(|it| it.seq == Seq::new(seq));
    message.unwrap()
}

pub async fn an_edit_is_told_to_those_who_can_read_the_message(subject: Subject) {
    let (ann, bob, eve, id) = three(&subject).await;
    subject.speak(&bob, id, "2").await;
    for (seq, readers) in [(1, ids(&[&ann, &bob])), (2, ids(&[&ann, &bob, &eve]))] {
        subject.give(&ann, id, seq, "👍").await;
        subject.give(&bob, id, seq, "👍").await;
        let before = message(&subject, &bob, id, seq).await;
        for (revision, words) in [(1, "better"), (2, "best")] {
            let new = text(words);
            let edit = |store| Store::edit_message(store, bob.clone(), id, Seq::new(seq), new);
            let (edited, told) = subject.told(edit).await;
            let expected = Message {
                text: Some(text(words)),
                revision,
                ..before.clone()
            };
            assert_eq!(edited, expected);
            assert_eq!(given(&edited.reactions), [("👍", 2, true)]);
            let bare = Message {
                reactions: vec![],
                ..expected.clone()
            };
            assert_eq!(told, [(EventBody::MessageEdited(bare), readers.clone())]);
            assert_eq!(message(&subject, &bob, id, seq).await, expected);
        }
    }
    let view = subject.view(&eve, id).await.unwrap();
    assert_eq!(words(&view.last_message.unwrap()), "best");
    assert_eq!(
        (view.conversation.last_seq, view.read.unread),
        (Seq::new(2), 1)
    );
}

pub async fn an_edit_to_the_same_text_changes_nothing(subject: Subject) {
    let (_, bob, _, id) = three(&subject).await;
    subject.give(&bob, id, 1, "👍").await;
    for words in ["1", "one"] {
        let before = subject.edit(&bob, id, 1, words).await;
        let edit = |store| Store::edit_message(store, bob.clone(), id, Seq::new(1), text(words));
        assert_eq!(subject.quiet(edit).await, before);
        assert_eq!(before, message(&subject, &bob, id, 1).await);
    }
    let back = subject.edit(&bob, id, 1, "1").await;
    assert_eq!(back.revision, 2, "back to what it was is an edit");
}

/// Tries an act on messages of all kinds that cannot be read by one of `three`.
async fn not_found<'a>(
    subject: &'a Subject,
    (ann, eve, id): (&UserRef, &UserRef, ConversationId),
    act: impl Fn(&'a dyn Store, UserRef, Seq) -> Box<dyn Future<Output = Option<ActError>> + 'a>,
) {
    let end = subject.store.end();
    let last = subject.view(ann, id).await.unwrap().conversation.last_seq;
    for (user, seq) in [
        (ann, 0),
        (ann, last.next().number()),
        (ann, u64::MAX),
        (eve, 0),
        (eve, 1),
    ] {
        let seq = Seq::new(seq);
        let why = Box::into_pin(act(&*subject.store, user.clone(), seq)).await;
        assert_eq!(why, Some(ActError::MessageNotFound(seq)));
    }
    assert_eq!(subject.store.end(), end);
}

pub async fn an_edit_is_refused_in_this_order(subject: Subject) {
    let (ann, bob, eve, id) = three(&subject).await;
    let fay = subject.user("fay").await;
    subject.speak(&eve, id, "2").await;
    let edit = async |by: &UserRef, id, seq, why| {
        let edit = |store| Store::edit_message(store, by.clone(), id, Seq::new(seq), text("x"));
        subject.refused(why, edit).await;
    };
    let nowhere = ConversationId::new(99);
    edit(&fay, id, 1, ActError::NotMember(id)).await;
    edit(&ann, nowhere, 1, ActError::NotMember(nowhere)).await;
    not_found(&subject, (&ann, &eve, id), |store, by, seq| {
        Box::new(async move { store.edit_message(by, id, seq, text("x")).await.err() })
    })
    .await;
    // The owner may delete what others say, not change it.
    edit(&ann, id, 1, ActError::MessageNotYours).await;
    subject.delete(&ann, id, 1).await;
    edit(&ann, id, 1, ActError::MessageNotYours).await;
    edit(&bob, id, 1, ActError::MessageDeleted).await;
    edit(&bob, id, 2, ActError::MessageNotYours).await;
    subject.set_role(&ann, id, &bob, Role::ReadOnly).await;
    for seq in [0, 1, 2, 9] {
        edit(&bob, id, seq, ActError::ReadOnly).await;
    }
}

pub async fn a_deletion_erases_text_and_reactions_and_keeps_the_place(subject: Subject) {
    let (ann, bob, eve, id) = three(&subject).await;
    subject.speak(&bob, id, "2").await;
    for (seq, by, readers) in [
        (1, &ann, ids(&[&ann, &bob])),
        (2, &bob, ids(&[&ann, &bob, &eve])),
    ] {
        subject.give(&ann, id, seq, "👍").await;
        subject.edit(&bob, id, seq, "secret").await;
        let before = message(&subject, by, id, seq).await;
        let delete = |store| Store::delete_message(store, by.clone(), id, Seq::new(seq));
        let (deleted, told) = subject.told(delete).await;
        let expected = Message {
            text: None,
            revision: 2,
            reactions: vec![],
            ..before
        };
        assert_eq!(deleted, expected);
        let event = EventBody::MessageDeleted(MessageDeleted {
            conversation: id,
            seq: Seq::new(seq),
            revision: 2,
            by: by.clone(),
        });
        assert_eq!(told, [(event, readers)]);
        for user in [&ann, &bob] {
            assert_eq!(message(&subject, user, id, seq).await, expected);
        }
        // Again, by whoever may: it is what it is.
        for by in [&ann, &bob] {
            let delete = |store| Store::delete_message(store, by.clone(), id, Seq::new(seq));
            assert_eq!(subject.quiet(delete).await, expected);
        }
    }
    let view = subject.view(&eve, id).await.unwrap();
    assert_eq!(
        (view.conversation.last_seq, view.read.unread),
        (Seq::new(2), 1)
    );
    assert_eq!(view.last_message.unwrap().text, None);
    assert_eq!(subject.speak(&bob, id, "3").await, Seq::new(3));
}

pub async fn a_deletion_is_refused_in_this_order(subject: Subject) {
    let (ann, bob, eve, id) = three(&subject).await;
    let fay = subject.user("fay").await;
    subject.speak(&eve, id, "2").await;
    subject.speak(&ann, id, "3").await;
    let delete = async |by: &UserRef, id, seq, why| {
        let delete = |store| Store::delete_message(store, by.clone(), id, Seq::new(seq));
        subject.refused(why, delete).await;
    };
    let nowhere = ConversationId::new(99);
    delete(&fay, id, 1, ActError::NotMember(id)).await;
    delete(&ann, nowhere, 1, ActError::NotMember(nowhere)).await;
    not_found(&subject, (&ann, &eve, id), |store, by, seq| {
        Box::new(async move { store.delete_message(by, id, seq).await.err() })
    })
    .await;
    delete(&bob, id, 2, ActError::MessageNotYours).await;
    subject.delete(&eve, id, 2).await;
    delete(&bob, id, 2, ActError::MessageNotYours).await;
    // An admin may, even the owner's; who only reads may delete what is the own.
    subject.set_role(&ann, id, &eve, Role::Admin).await;
    subject.delete(&eve, id, 3).await;
    subject.set_role(&ann, id, &bob, Role::ReadOnly).await;
    delete(&bob, id, 3, ActError::MessageNotYours).await;
    subject.delete(&bob, id, 1).await;
}

pub async fn a_reaction_is_given_and_taken_back(subject: Subject) {
    let (ann, bob, eve, id) = three(&subject).await;
    subject.speak(&bob, id, "2").await;
    for (seq, readers) in [(1, ids(&[&ann, &bob])), (2, ids(&[&ann, &bob, &eve]))] {
        let react = async |user: &UserRef, what: &str, add, expected: &[(&str, u64, bool)]| {
            let (user, what) = (user.clone(), emoji(what));
            let act = ReactionAct {
                user: user.clone(),
                emoji: what.clone(),
                added: add,
            };
            let react = |store| Store::react(store, user.clone(), id, Seq::new(seq), what, add);
            let (reactions, told) = subject.told(react).await;
            assert_eq!(given(&reactions), expected);
            let shared = reactions.into_iter().map(|reaction| Reaction {
                mine: false,
                ..reaction
            });
            let event = EventBody::ReactionsChanged(ReactionsChanged {
                conversation: id,
                seq: Seq::new(seq),
                reactions: shared.collect(),
                act: Some(act),
            });
            assert_eq!(told, [(event, readers.clone())]);
            let read = message(&subject, &user, id, seq).await;
            assert_eq!(given(&read.reactions), expected);
            assert_eq!(read.revision, 0, "a reaction is no edit");
        };
        react(&ann, "👍", true, &[("👍", 1, true)]).await;
        react(&bob, "🎉", true, &[("👍", 1, false), ("🎉", 1, true)]).await;
        react(&bob, "👍", true, &[("👍", 2, true), ("🎉", 1, true)]).await;
        // Sorted by the earliest of those who give it now.
        react(&ann, "👍", false, &[("🎉", 1, false), ("👍", 1, false)]).await;
        react(&ann, "👍", true, &[("🎉", 1, false), ("👍", 2, true)]).await;
        react(&bob, "🎉", false, &[("👍", 2, true)]).await;
        react(&bob, "🎉", true, &[("👍", 2, true), ("🎉", 1, true)]).await;
        react(&bob, "👍", false, &[("👍", 1, false), ("🎉", 1, true)]).await;
        react(&ann, "👍", false, &[("🎉", 1, false)]).await;
        react(&bob, "🎉", false, &[]).await;
    }
}

pub async fn what_is_so_already_is_no_reaction(subject: Subject) {
    let (ann, bob, _, id) = three(&subject).await;
    subject.give(&ann, id, 1, "👍").await;
    let react = |user: &UserRef, what: &str, add| {
        let (user, what) = (user.clone(), emoji(what));
        move |store| Store::react(store, user, id, Seq::new(1), what, add)
    };
    for (user, what, add, mine) in [
        (&ann, "👍", true, true),
        (&ann, "🎉", false, true),
        (&bob, "👍", false, false),
    ] {
        let reactions = subject.quiet(react(user, what, add)).await;
        assert_eq!(given(&reactions), [("👍", 1, mine)]);
    }
}

pub async fn a_message_has_20_different_reactions_and_not_one_more(subject: Subject) {
    let (ann, bob, _, id) = three(&subject).await;
    let react = |user: &UserRef, what: &str, add| {
        let (user, what) = (user.clone(), emoji(what));
        move |store| Store::react(store, user, id, Seq::new(1), what, add)
    };
    let words: Vec<_> = (1..=REACTIONS_PER_MESSAGE_MAX)
        .map(|number| format!("+{number}"))
        .collect();
    for (number, word) in words.iter().enumerate() {
        let user = [&ann, &bob][number % 2];
        let (reactions, _) = subject.told(react(user, word, true)).await;
        assert_eq!(reactions.len(), number + 1);
    }
    for user in [&ann, &bob] {
        subject
            .refused(ActError::TooManyReactions, react(user, "more", true))
            .await;
        subject.quiet(react(user, "more", false)).await;
    }
    // Those that are there can be given by more, again and again.
    subject.quiet(react(&ann, "+1", true)).await;
    let (reactions, _) = subject.told(react(&bob, "+1", true)).await;
    assert_eq!(given(&reactions)[0], ("+1", 2, true));
    let order = reactions.iter().map(|reaction| reaction.emoji.as_str());
    assert!(order.eq(words.iter()), "the first given first");
    subject.take(&bob, id, 1, "+1").await;
    subject
        .refused(ActError::TooManyReactions, react(&bob, "more", true))
        .await;
    subject.take(&ann, id, 1, "+1").await;
    let reactions = subject.give(&bob, id, 1, "more").await;
    assert_eq!(
        (reactions.len(), reactions[19].emoji.as_str()),
        (20, "more")
    );
    subject.speak(&ann, id, "2").await;
    subject.give(&ann, id, 2, "more").await;
}

pub async fn a_reaction_is_refused_in_this_order(subject: Subject) {
    let (ann, bob, eve, id) = three(&subject).await;
    let fay = subject.user("fay").await;
    subject.give(&bob, id, 1, "x").await;
    subject.speak(&ann, id, "2").await;
    subject.delete(&ann, id, 2).await;
    let nowhere = ConversationId::new(99);
    for add in [true, false] {
        let react = async |by: &UserRef, id, seq, why| {
            let seq = Seq::new(seq);
            let react = |store| Store::react(store, by.clone(), id, seq, emoji("x"), add);
            subject.refused(why, react).await;
        };
        react(&fay, id, 1, ActError::NotMember(id)).await;
        react(&ann, nowhere, 1, ActError::NotMember(nowhere)).await;
        not_found(&subject, (&ann, &eve, id), |store, by, seq| {
            Box::new(async move { store.react(by, id, seq, emoji("x"), add).await.err() })
        })
        .await;
        for user in [&ann, &bob, &eve] {
            react(user, id, 2, ActError::MessageDeleted).await;
        }
        subject.set_role(&ann, id, &bob, Role::ReadOnly).await;
        for seq in [0, 1, 2, 9] {
            react(&bob, id, seq, ActError::ReadOnly).await;
        }
        subject.set_role(&ann, id, &bob, Role::Member).await;
    }
}

pub async fn between_two_each_may_act_on_what_is_the_own(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let started = subject.start(&ann, &bob).await.conversation.id;
    let act = |by: &UserRef| {
        let by = by.clone();
        move |store| Store::delete_message(store, by, started, Seq::new(1))
    };
    subject
        .refused(ActError::MessageNotFound(Seq::new(1)), act(&ann))
        .await;
    subject
        .refused(ActError::NotMember(started), act(&bob))
        .await;
    let id = subject.say(&ann, &bob, "1").await.conversation;
    subject.say(&bob, &ann, "2").await;
    let both = ids(&[&ann, &bob]);
    let edit = |store| Store::edit_message(store, ann.clone(), id, Seq::new(1), text("one"));
    let (_, told) = subject.told(edit).await;
    assert_eq!(
        told_lines(&told),
        [("1 is now: one".to_owned(), both.clone())]
    );
    let react = |store| Store::react(store, bob.clone(), id, Seq::new(1), emoji("👍"), true);
    let (_, told) = subject.told(react).await;
    assert_eq!(
        told_lines(&told),
        [("1 reactions, bob gives 👍: 👍1".to_owned(), both.clone())]
    );
    for (by, seq) in [(&ann, 2), (&bob, 1)] {
        let seq = Seq::new(seq);
        let delete = |store| Store::delete_message(store, by.clone(), id, seq);
        subject.refused(ActError::MessageNotYours, delete).await;
        let edit = |store| Store::edit_message(store, by.clone(), id, seq, text("x"));
        subject.refused(ActError::MessageNotYours, edit).await;
    }
    subject.refused(ActError::NotMember(id), act(&eve)).await;
    let (_, told) = subject.told(act(&ann)).await;
    assert_eq!(told_lines(&told), [("1 deleted by ann".to_owned(), both)]);
    // Notes to self, too.
    let notes = subject.say(&ann, &ann, "a note").await.conversation;
    subject.give(&ann, notes, 1, "👍").await;
    assert_eq!(
        subject
            .edit(&ann, notes, 1, "another")
            .await
            .reactions
            .len(),
        1
    );
    assert_eq!(subject.delete(&ann, notes, 1).await.text, None);
}

pub async fn each_reads_which_reactions_are_the_own(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob])).await;
    for number in ["1", "2", "3"] {
        subject.speak(&ann, id, number).await;
    }
    subject.give(&ann, id, 3, "a").await;
    subject.give(&bob, id, 3, "b").await;
    subject.give(&ann, id, 3, "c").await;
    subject.give(&bob, id, 3, "c").await;
    subject.give(&bob, id, 1, "d").await;
    subject.join(&eve, "ops").await;
    for (user, third) in [
        (&ann, [("a", 1, true), ("b", 1, false), ("c", 2, true)]),
        (&bob, [("a", 1, false), ("b", 1, true), ("c", 2, true)]),
        (&eve, [("a", 1, false), ("b", 1, false), ("c", 2, false)]),
    ] {
        let messages = subject.page(user, id).await.unwrap().messages;
        let first = [("d", 1, *user == bob)];
        assert_eq!(said(&messages), ["1", "2", "3"]);
        assert_eq!(given(&messages[0].reactions), first);
        assert_eq!(given(&messages[1].reactions), []);
        assert_eq!(given(&messages[2].reactions), third);
        let view = subject.view(user, id).await.unwrap();
        assert_eq!(view.last_message.as_ref(), messages.last());
        let listed = subject
            .store
            .list_conversations(user.id, None, PageSize::asked(9));
        assert_eq!(listed.await.unwrap().views, [view]);
        for from in [ReplayFrom::After(Offset::ZERO), ReplayFrom::Unread] {
            let events = subject.replay(user, from).await;
            let replayed = events.into_iter().filter_map(|event| match event.body {
                EventBody::Message(message) => Some(message),
                _ => None,
            });
            let replayed: Vec<_> = replayed.collect();
            let missed = if *user == eve { &[] } else { &messages[..] };
            assert_eq!(replayed, missed, "{} {from:?}", user.name);
        }
    }
}
