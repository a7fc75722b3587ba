//! Blocks: who is refused what while they last, what the own devices hear, and what is hidden and comes back.

use super::{
    doing::{channel, emoji, group, ids, lines, told_lines},
    subject::{NOON, Subject, after, eventually, name, new, text, to},
};
use tinychat::{
    domain::{
        conversation::{ConversationView, Member, NewConversation},
        event::EventBody,
        ids::{ConversationId, Offset, Seq, UserId},
        limits::BLOCKED_USERS_MAX,
        message::{Message, NewMessage, Target},
        name::UserName,
        page::PageSize,
        reaction::Reaction,
        user::UserRef,
    },
    store::{ActError, Answer, BlockError, ReplayFrom, SendRefusal, Store, StoreError},
};

fn block(user: &UserRef, other: &UserName) -> impl FnOnce(&dyn Store) -> Answered<'_> + use<> {
    let (user, other) = (user.id, other.clone());
    move |store| store.block_user(user, other, NOON)
}

fn unblock(user: &UserRef, other: &UserName) -> impl FnOnce(&dyn Store) -> Answered<'_> + use<> {
    let (user, other) = (user.id, other.clone());
    move |store| store.unblock_user(user, other)
}

type Answered<'a> = Answer<'a, Result<UserRef, BlockError>>;

/// Blocks somebody who was not blocked, and answers what was told of it.
async fn blocked(subject: &Subject, user: &UserRef, other: &UserRef) -> Vec<(String, Vec<UserId>)> {
    let (answer, told) = subject.told(block(user, &other.name)).await;
    assert_eq!(answer, *other);
    told_lines(&told)
}

async fn unblocked(subject: &Subject, user: &UserRef, other: &UserRef) {
    let (answer, told) = subject.told(unblock(user, &other.name)).await;
    assert_eq!((answer, told.len()), (other.clone(), 1));
}

fn edit(
    by: UserRef,
    id: ConversationId,
    seq: u64,
) -> impl FnOnce(&dyn Store) -> Answer<'_, Result<Message, ActError>> {
    move |store| store.edit_message(by, id, Seq::new(seq), text("new"))
}

fn react(
    by: UserRef,
    id: ConversationId,
    seq: u64,
) -> impl FnOnce(&dyn Store) -> Answer<'_, Result<Vec<Reaction>, ActError>> {
    move |store| store.react(by, id, Seq::new(seq), emoji("🎉"), true)
}

fn create(
    by: UserRef,
    room: NewConversation,
) -> impl FnOnce(&dyn Store) -> Answer<'_, Result<ConversationView, ActError>> {
    move |store| store.create_conversation(by, room, NOON)
}

fn add(
    by: UserRef,
    id: ConversationId,
    names: Vec<UserName>,
) -> impl FnOnce(&dyn Store) -> Answer<'_, Result<Vec<Member>, ActError>> {
    move |store| store.add_members(by, id, names, NOON)
}

/// What a send is refused with, and that nobody is told anything.
async fn refusal(subject: &Subject, message: NewMessage) -> SendRefusal {
    let end = subject.store.end();
    let refused = subject.try_send(message).await.unwrap_err();
    assert_eq!(subject.store.end(), end);
    refused
}

/// The lists of blocks that a device gets that comes back to a place, each with its own place.
async fn missed(subject: &Subject, user: &UserRef, from: ReplayFrom) -> Vec<(Offset, String)> {
    let events = subject.replay(user, from).await;
    let is_blocks = |body: &EventBody| matches!(body, EventBody::BlocksChanged(_));
    let lines = lines(&events);
    let all = events.into_iter().zip(lines);
    all.filter(|(event, _)| is_blocks(&event.body))
        .map(|(event, line)| (event.offset, line))
        .collect()
}

async fn of(subject: &Subject, user: &UserRef) -> Vec<UserRef> {
    subject.store.blocked(user.id).await.unwrap()
}

pub async fn a_block_is_told_to_the_own_devices_alone_and_once(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    subject.say(&ann, &bob, "hi").await;
    let end = subject.store.end();
    let told = blocked(&subject, &ann, &eve).await;
    assert_eq!(told, [("blocks [eve]".to_owned(), vec![ann.id])]);
    assert_eq!(subject.store.end(), end.next(), "one place in the log");
    let told = blocked(&subject, &ann, &bob).await;
    assert_eq!(told, [("blocks [bob eve]".to_owned(), vec![ann.id])]);
    subject.quiet(block(&ann, &bob.name)).await;
    assert_eq!(of(&subject, &ann).await, [bob.clone(), eve.clone()]);
    assert_eq!(of(&subject, &bob).await, []);
    unblocked(&subject, &ann, &bob).await;
    subject.quiet(unblock(&ann, &bob.name)).await;
    subject.quiet(unblock(&bob, &ann.name)).await;
    assert_eq!(of(&subject, &ann).await, [eve]);
}

pub async fn nobody_blocks_himself_or_one_who_never_registered(subject: Subject) {
    let [ann] = subject.people(["ann"]).await;
    let nobody = name("nobody");
    for (answer, why) in [
        (
            subject.act(block(&ann, &nobody)).await.0,
            BlockError::UserNotFound(nobody.clone()),
        ),
        (subject.act(unblock(&ann, &nobody)).await.0, {
            BlockError::UserNotFound(nobody.clone())
        }),
        (
            subject.act(block(&ann, &ann.name)).await.0,
            BlockError::Oneself,
        ),
        (
            subject.act(unblock(&ann, &ann.name)).await.0,
            BlockError::Oneself,
        ),
    ] {
        assert_eq!(answer, Err(why));
    }
    assert_eq!(of(&subject, &ann).await, []);
}

pub async fn as_many_are_blocked_as_there_may_be_and_not_one_more(subject: Subject) {
    let [ann] = subject.people(["ann"]).await;
    let mut others = Vec::new();
    for number in 0..=BLOCKED_USERS_MAX {
        others.push(subject.user(&format!("u{number}")).await);
    }
    let (last, rest) = others.split_last().unwrap();
    for other in rest {
        blocked(&subject, &ann, other).await;
    }
    let (answer, told) = subject.act(block(&ann, &last.name)).await;
    assert_eq!((answer, told), (Err(BlockError::TooMany), vec![]));
    // One who is blocked already is no further one.
    subject.quiet(block(&ann, &rest[0].name)).await;
    unblocked(&subject, &ann, &rest[0]).await;
    blocked(&subject, &ann, last).await;
    assert_eq!(of(&subject, &ann).await.len(), BLOCKED_USERS_MAX);
}

pub async fn neither_of_two_sends_to_the_other(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    blocked(&subject, &ann, &bob).await;
    let own = SendRefusal::UserBlocked(bob.name.clone());
    let theirs = SendRefusal::BlockedByUser(ann.name.clone());
    for target in [to(&bob), Target::Conversation(direct)] {
        assert_eq!(refusal(&subject, new(&ann, target, "x")).await, own);
    }
    for target in [to(&ann), Target::Conversation(direct)] {
        assert_eq!(refusal(&subject, new(&bob, target, "x")).await, theirs);
    }
    // An own block is said first.
    blocked(&subject, &bob, &ann).await;
    let both = SendRefusal::UserBlocked(ann.name.clone());
    assert_eq!(refusal(&subject, new(&bob, to(&ann), "x")).await, both);
    unblocked(&subject, &ann, &bob).await;
    let now = SendRefusal::BlockedByUser(bob.name.clone());
    assert_eq!(refusal(&subject, new(&ann, to(&bob), "x")).await, now);
    unblocked(&subject, &bob, &ann).await;
    assert_eq!(subject.say(&ann, &bob, "again").await.seq, Seq::new(2));
    assert_eq!(subject.say(&bob, &ann, "yes").await.seq, Seq::new(3));
    // Others, and notes to oneself, are not touched.
    blocked(&subject, &ann, &bob).await;
    subject.say(&ann, &ann, "note").await;
    subject.say(&eve, &bob, "hi").await;
    subject.say(&ann, &eve, "hi").await;
}

pub async fn a_refused_send_makes_no_conversation_and_keeps_its_order_of_refusals(
    subject: Subject,
) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    blocked(&subject, &ann, &bob).await;
    let theirs = SendRefusal::BlockedByUser(ann.name.clone());
    assert_eq!(refusal(&subject, new(&bob, to(&ann), "x")).await, theirs);
    let size = PageSize::asked(0);
    for user in [&ann, &bob] {
        let page = subject.store.list_conversations(user.id, None, size).await;
        assert_eq!(page.unwrap().views, []);
    }
    // Starting it is nobody else's business, and changes nothing of that.
    let id = subject.start(&bob, &ann).await.conversation.id;
    let target = Target::Conversation(id);
    assert_eq!(
        refusal(&subject, new(&bob, target.clone(), "x")).await,
        theirs
    );
    let stranger = SendRefusal::NotMember(id);
    for user in [&ann, &eve] {
        assert_eq!(
            refusal(&subject, new(user, target.clone(), "x")).await,
            stranger
        );
    }
    let mut answering = new(&bob, to(&ann), "x");
    answering.request.reply_to = Some(Seq::new(7));
    assert_eq!(refusal(&subject, answering).await, theirs);
}

pub async fn a_repeat_of_what_was_acknowledged_succeeds(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let message = new(&bob, to(&ann), "hi");
    let first = subject.try_send(message.clone()).await.unwrap();
    blocked(&subject, &ann, &bob).await;
    let repeat = subject.try_send(message).await.unwrap();
    assert_eq!((repeat.seq, repeat.duplicate), (first.seq, true));
}

pub async fn nothing_is_said_by_an_edit_or_a_reaction(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.say(&bob, &ann, "mine").await.conversation;
    subject.say(&ann, &bob, "hers").await;
    subject.give(&bob, id, 2, "👍").await;
    blocked(&subject, &ann, &bob).await;
    let edit = |by: &UserRef, seq| edit(by.clone(), id, seq);
    let react = |by: &UserRef, seq| react(by.clone(), id, seq);
    let (own, theirs) = (
        ActError::UserBlocked(bob.name.clone()),
        ActError::BlockedByUser(ann.name.clone()),
    );
    // Before anything is said about the message.
    for seq in [1, 2, 99] {
        subject.refused(own.clone(), edit(&ann, seq)).await;
        subject.refused(own.clone(), react(&ann, seq)).await;
        subject.refused(theirs.clone(), edit(&bob, seq)).await;
        subject.refused(theirs.clone(), react(&bob, seq)).await;
    }
    subject
        .refused(ActError::NotMember(id), edit(&eve, 1))
        .await;
    // What takes back is done, and so is reading.
    assert_eq!(subject.take(&bob, id, 2, "👍").await, []);
    subject.delete(&bob, id, 1).await;
    assert_eq!(subject.read(&ann, id, 2, NOON).await, (2, 0));
    assert_eq!(subject.page(&bob, id).await.unwrap().messages.len(), 2);
    unblocked(&subject, &ann, &bob).await;
    subject.edit(&ann, id, 2, "new").await;
}

pub async fn neither_of_two_adds_the_other(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let shared = subject.make(&eve, group(&[&ann, &bob])).await;
    blocked(&subject, &ann, &bob).await;
    let (own, theirs) = (
        ActError::UserBlocked(bob.name.clone()),
        ActError::BlockedByUser(ann.name.clone()),
    );
    for (by, other, why) in [(&ann, &bob, own), (&bob, &ann, theirs)] {
        for room in [group(&[&eve, other]), channel("ops", &[other])] {
            subject.refused(why.clone(), create(by.clone(), room)).await;
        }
        let id = subject.make(by, group(&[])).await;
        let add = |names| add(by.clone(), id, names);
        let names = vec![eve.name.clone(), other.name.clone()];
        subject.refused(why.clone(), add(names.clone())).await;
        let unknown = name("nobody");
        let with_unknown = [names, vec![unknown.clone()]].concat();
        subject
            .refused(ActError::UserNotFound(unknown), add(with_unknown))
            .await;
        assert_eq!(subject.members(by, id, false).await.len(), 1);
        // Another adds whom he likes, and who is a member already stays one.
        subject.add(by, shared, &[other]).await;
        subject.add(by, id, &[&eve]).await;
        subject.add(&eve, id, &[other]).await;
    }
}

pub async fn those_apart_are_no_fellows(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob, &eve])).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let fellows = async |user: &UserRef| subject.store.fellows(user.id, 100).await.unwrap();
    let others = async |user: &UserRef, id, max| {
        let others = subject.store.other_members(user.id, id, max).await;
        others.unwrap().unwrap()
    };
    assert_eq!(fellows(&ann).await, ids(&[&bob, &eve]));
    blocked(&subject, &bob, &ann).await;
    assert_eq!(fellows(&ann).await, ids(&[&eve]));
    assert_eq!(fellows(&bob).await, ids(&[&eve]));
    assert_eq!(fellows(&eve).await, ids(&[&ann, &bob]));
    assert_eq!(others(&ann, id, 3).await, ids(&[&eve]));
    assert_eq!(others(&bob, direct, 3).await, []);
    // All members count.
    assert_eq!(others(&ann, id, 2).await, []);
    let apart = async |user: &UserRef| subject.store.apart(user.id).await.unwrap();
    assert_eq!(apart(&ann).await, [bob.id].into());
    assert_eq!(apart(&bob).await, [ann.id].into());
    assert_eq!(apart(&eve).await, [].into());
    unblocked(&subject, &bob, &ann).await;
    assert_eq!(fellows(&bob).await, ids(&[&ann, &eve]));
}

pub async fn what_the_blocked_say_mentions_nobody_while_it_lasts(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&bob, group(&[&ann, &eve])).await;
    subject.speak(&bob, id, "@ann one").await;
    subject.speak(&eve, id, "@ann two").await;
    subject.speak(&bob, id, "@all three").await;
    let count = async |user: &UserRef| subject.view(user, id).await.unwrap().mentions;
    let listed = async |user: &UserRef| {
        let size = PageSize::asked(0);
        let found = subject.store.list_mentions(user.id, true, None, size).await;
        let found = found.unwrap();
        assert_eq!(found.next, None);
        found
            .items
            .iter()
            .map(|it| it.seq.number())
            .collect::<Vec<_>>()
    };
    assert_eq!((count(&ann).await, listed(&ann).await), (3, vec![3, 2, 1]));
    blocked(&subject, &ann, &bob).await;
    assert_eq!((count(&ann).await, listed(&ann).await), (1, vec![2]));
    assert_eq!(count(&eve).await, 1, "it is the reader's own affair");
    // The other direction hides nothing.
    blocked(&subject, &eve, &ann).await;
    assert_eq!(count(&ann).await, 1);
    // The message shows whom it mentions as before.
    let page = subject.page(&ann, id).await.unwrap();
    assert_eq!(page.messages[0].mentions.users, std::slice::from_ref(&ann));
    unblocked(&subject, &ann, &bob).await;
    assert_eq!((count(&ann).await, listed(&ann).await), (3, vec![3, 2, 1]));
}

pub async fn markers_are_not_shown_to_those_apart(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&eve, group(&[&ann, &bob])).await;
    subject.speak(&eve, id, "1").await;
    subject.speak(&eve, id, "2").await;
    let place = subject.store.end();
    blocked(&subject, &ann, &bob).await;
    for (user, other) in [(&ann, &bob), (&bob, &ann)] {
        let reader = user.id;
        let read = |store| Store::mark_read(store, reader, id, Seq::new(1), NOON);
        let (_, told) = subject.told(read).await;
        let mut readers = told[0].1.clone();
        readers.sort_unstable();
        let mut expected = ids(&[user, &eve]);
        expected.sort_unstable();
        assert_eq!((told.len(), readers), (1, expected));
        let missed = subject.missed(other, place).await;
        let marker = format!("{} read 1", user.id);
        assert!(!missed.contains(&marker), "{missed:?}");
        assert!(subject.missed(&eve, place).await.contains(&marker));
    }
    // After it the next move is shown.
    unblocked(&subject, &ann, &bob).await;
    subject.read(&ann, id, 2, after(5_000)).await;
    let marker = format!("{} read 2", ann.id);
    assert!(subject.missed(&bob, place).await.contains(&marker));
}

pub async fn a_marker_that_waits_is_shown_to_those_who_are_left(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let direct = subject.count(&ann, &bob, 4).await.conversation;
    let id = subject.make(&eve, group(&[&ann, &bob])).await;
    for words in ["1", "2", "3"] {
        subject.speak(&eve, id, words).await;
    }
    for id in [direct, id] {
        subject.read(&bob, id, 1, NOON).await;
    }
    blocked(&subject, &ann, &bob).await;
    let place = subject.store.end();
    // The second of these waits, and the one of two who are apart is heard by nobody.
    subject.read(&bob, direct, 3, after(10)).await;
    subject.read(&bob, id, 2, after(10)).await;
    let heard = async |line: &str, by: &[UserId]| {
        let told = { subject.events_after(place).await.into_iter() }
            .map(|(event, readers)| (event.body, readers))
            .collect();
        let told = told_lines(&told);
        told.iter().any(|(it, readers)| it == line && readers == by)
    };
    let marker = format!("{} read 2", bob.id);
    eventually("the others are shown the marker", async || {
        heard(&marker, &[eve.id]).await
    })
    .await;
    let events = subject.events_after(place).await;
    assert!(
        events.iter().all(|(_, readers)| !readers.contains(&ann.id)),
        "{events:?}"
    );
    assert_eq!(subject.missed(&ann, place).await, Vec::<String>::new());
    // It counts as shown: whoever can hear of it again hears of it when he comes back.
    unblocked(&subject, &ann, &bob).await;
    let between_two = format!("{} read 3", bob.id);
    eventually("both markers are replayed", async || {
        let missed = subject.missed(&ann, place).await;
        [&marker, &between_two].iter().all(|it| missed.contains(it))
    })
    .await;
    // So does one that does not wait.
    blocked(&subject, &bob, &ann).await;
    let place = subject.store.end();
    subject.read(&bob, direct, 4, after(60_000)).await;
    let told = subject.events_after(place).await;
    let readers: Vec<_> = told.iter().map(|(_, readers)| readers.clone()).collect();
    assert_eq!(readers, [[bob.id]]);
    assert_eq!(subject.missed(&ann, place).await, Vec::<String>::new());
    unblocked(&subject, &bob, &ann).await;
    let marker = format!("{} read 4", bob.id);
    assert_eq!(subject.missed(&ann, place).await, [marker]);
}

pub async fn a_device_that_comes_back_gets_the_last_list_once(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let start = subject.store.end();
    assert_eq!(missed(&subject, &ann, ReplayFrom::Unread).await, []);
    blocked(&subject, &ann, &bob).await;
    let first = subject.store.end();
    blocked(&subject, &ann, &eve).await;
    let second = subject.store.end();
    let both = vec![(second, "blocks [bob eve]".to_owned())];
    for from in [
        ReplayFrom::Unread,
        ReplayFrom::After(start),
        ReplayFrom::After(first),
    ] {
        assert_eq!(missed(&subject, &ann, from).await, both);
    }
    assert_eq!(missed(&subject, &ann, ReplayFrom::After(second)).await, []);
    assert_eq!(missed(&subject, &bob, ReplayFrom::Unread).await, []);
    unblocked(&subject, &ann, &bob).await;
    unblocked(&subject, &ann, &eve).await;
    // The end of all is told to one who knew of some, not to a new device.
    let nobody = vec![(subject.store.end(), "blocks []".to_owned())];
    assert_eq!(
        missed(&subject, &ann, ReplayFrom::After(second)).await,
        nobody
    );
    assert_eq!(missed(&subject, &ann, ReplayFrom::Unread).await, []);
}

pub async fn a_list_that_changes_during_a_replay_is_told_live(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let start = subject.store.end();
    blocked(&subject, &ann, &bob).await;
    let mut replay = subject.open(&ann, ReplayFrom::After(start), None).await;
    blocked(&subject, &ann, &eve).await;
    assert_eq!(lines(&subject.rest(&mut replay).await), [""; 0]);
}

pub async fn blocks_outlive_a_restart(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.say(&ann, &bob, "hi").await.conversation;
    blocked(&subject, &ann, &bob).await;
    let subject = subject.restarted().await;
    assert_eq!(of(&subject, &ann).await, std::slice::from_ref(&bob));
    let theirs = SendRefusal::BlockedByUser(ann.name.clone());
    for target in [to(&ann), Target::Conversation(id)] {
        assert_eq!(refusal(&subject, new(&bob, target, "x")).await, theirs);
    }
    unblocked(&subject, &ann, &bob).await;
    subject.say(&bob, &ann, "x").await;
}

pub async fn a_closed_store_blocks_nobody(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    subject.store.close().await;
    let closed = BlockError::Store(StoreError::Closed);
    let store = &subject.store;
    let block = store.block_user(ann.id, bob.name.clone(), NOON).await;
    assert_eq!(block, Err(closed.clone()));
    let unblock = store.unblock_user(ann.id, bob.name.clone()).await;
    assert_eq!(unblock, Err(closed));
    assert_eq!(store.blocked(ann.id).await, Err(StoreError::Closed));
    assert_eq!(store.apart(ann.id).await, Err(StoreError::Closed));
    let nowhere = ConversationId::new(1);
    let markers = store.markers(ann.id, nowhere).await;
    assert_eq!(markers, Err(ActError::Store(StoreError::Closed)));
}
