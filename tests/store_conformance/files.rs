//! What only a store in a file can be asked: what outlives a restart, and whether what was deleted or edited away is gone
//! from its bytes, too.

use std::fs;

use super::{
    doing::{channel, group, ids, lines, renamed, told_lines},
    subject::{self, NOON, Subject},
};
use crate::support::rng::Rng;
use tinychat::{
    domain::{
        ids::{ConversationId, Offset, Seq},
        limits::TEXT_BYTES_MAX,
        page::PageSize,
        role::Role,
        user::UserRef,
    },
    store::{ActError, ReplayFrom, Store},
};

/// Everything that users can read.
async fn all(subject: &Subject, users: &[&UserRef]) -> String {
    let size = PageSize::asked(100);
    let mut all = String::new();
    for user in users {
        let listed = subject
            .store
            .list_conversations(user.id, None, size)
            .await
            .unwrap();
        for view in &listed.views {
            let id = view.conversation.id;
            let members = subject
                .store
                .list_members(user.id, id, false, None, size)
                .await;
            let banned = subject
                .store
                .list_members(user.id, id, true, None, size)
                .await;
            let page = subject.page(user, id).await.unwrap();
            all += &format!("{view:#?}\n{members:#?}\n{banned:#?}\n{page:#?}\n");
        }
        let channels = subject
            .store
            .list_channels(user.id, String::new(), None, size)
            .await;
        all += &format!("{channels:#?}\n");
        let unread = subject.replay(user, ReplayFrom::Unread).await;
        all += &format!("{unread:#?}\n");
        for place in (0..=subject.store.end().number()).map(Offset::new) {
            let events = subject.replay(user, ReplayFrom::After(place)).await;
            all += &format!("{:#?}\n", lines(&events));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_and_acts_outlive_a_restart() {
    let subject = subject::sqlite().await;
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    let friends = subject.make(&ann, group(&[&bob])).await;
    let ops = subject.make(&bob, channel("ops", &[&ann])).await;
    for id in [friends, ops] {
        for number in ["1", "2", "3", "4"] {
            subject.speak(&bob, id, number).await;
        }
        subject.add(&ann, id, &[&eve]).await;
        subject.speak(&eve, id, "5").await;
        subject.edit(&bob, id, 2, "two").await;
        subject.give(&ann, id, 2, "👍").await;
        subject.give(&eve, id, 5, "🎉").await;
        subject.give(&ann, id, 5, "👍").await;
        subject.delete(&bob, id, 3).await;
    }
    subject.read(&bob, friends, 3, NOON).await;
    subject.change(&ann, friends, renamed("enemies")).await;
    subject.leave(&eve, ops).await;
    subject.edit(&bob, ops, 1, "one").await;
    subject.speak(&bob, ops, "6").await;
    subject.join(&eve, "ops").await;
    subject.set_role(&bob, ops, &eve, Role::Admin).await;
    subject.set_role(&bob, ops, &ann, Role::ReadOnly).await;
    subject.remove(&bob, ops, &fay, true).await;
    subject.remove(&ann, friends, &bob, false).await;
    let users = [&ann, &bob, &eve, &fay];
    let before = all(&subject, &users).await;
    subject.store.close().await;

    let subject = subject.reopened();
    assert_eq!(all(&subject, &users).await, before);
    // And all goes on as if nothing had been.
    let join = |store| Store::join_channel(store, fay.clone(), "ops".parse().unwrap(), NOON);
    subject.refused(ActError::Banned, join).await;
    let taken = ActError::ChannelNameTaken("ops".parse().unwrap());
    let make = |store| Store::create_conversation(store, fay.clone(), channel("ops", &[]), NOON);
    subject.refused(taken, make).await;
    let speak = async |user: &UserRef, id: ConversationId, readers: &[&UserRef]| {
        let end = subject.store.end();
        let seq = subject.speak(user, id, "after").await;
        let (event, told) = subject.events_after(end).await.remove(0);
        assert_eq!((event.offset, told), (end.next(), ids(readers)));
        seq
    };
    assert_eq!(speak(&bob, ops, &[&ann, &bob, &eve]).await, Seq::new(7));
    assert_eq!(speak(&ann, friends, &[&ann, &eve]).await, Seq::new(6));
    let edit = |store| {
        let new = "first".parse().unwrap();
        Store::edit_message(store, bob.clone(), ops, Seq::new(1), new)
    };
    let (edited, told) = subject.told(edit).await;
    assert_eq!(edited.revision, 2);
    let expected = [("1 is now: first".to_owned(), ids(&[&ann, &bob, &eve]))];
    assert_eq!(told_lines(&told), expected);
    // Eve came to the group after four messages, and still does not hear of them.
    let delete = |store| Store::delete_message(store, ann.clone(), friends, Seq::new(4));
    let (_, told) = subject.told(delete).await;
    assert_eq!(
        told_lines(&told),
        [("4 deleted by ann".to_owned(), vec![ann.id])]
    );
    let edits = subject.missed(&eve, Offset::ZERO).await;
    let edits = edits.iter().filter(|line| line.starts_with("1 is now"));
    assert_eq!(edits.count(), 1, "the older row is replaced");
    subject.add(&eve, ops, &[&fay]).await;
    assert_eq!(subject.members(&bob, ops, false).await.len(), 4);
}

/// A text of this length in which a word stands in every few bytes.
fn text(word: &str, bytes: usize) -> String {
    let numbered = (0..bytes).map(|number| format!("{word} {number} "));
    let mut text: String = numbered.take(bytes / word.len()).collect();
    text.truncate(bytes);
    text
}

/// How often a word stands in all files of a store together.
fn found(subject: &Subject, word: &str) -> usize {
    let files = fs::read_dir(subject.dir()).unwrap();
    let files = files.map(|file| fs::read(file.unwrap().path()).unwrap());
    let times = |bytes: Vec<u8>| {
        let word = word.as_bytes();
        bytes.windows(word.len()).filter(|it| *it == word).count()
    };
    files.map(times).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_or_edited_away_is_nowhere_in_the_files() {
    let subject = subject::sqlite().await;
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    // Short texts share a page, middling ones nearly fill it, long ones lie in pages of their own.
    for round in 0..4 {
        for bytes in [24, 300, 3_000, 4_096, TEXT_BYTES_MAX] {
            subject.speak(&ann, id, &text("keepsake", bytes)).await;
            let deleted = subject.speak(&ann, id, &text("obliterated", bytes)).await;
            let edited = subject.speak(&ann, id, &text("overwritten", bytes)).await;
            if round % 2 == 1 {
                // In some rounds the WAL is carried over in between.
                for _ in 0..40 {
                    subject
                        .speak(&bob, id, &text("keepsake", TEXT_BYTES_MAX))
                        .await;
                }
            }
            subject.delete(&ann, id, deleted.number()).await;
            let shorter = text("overwritten", bytes / 2);
            subject.edit(&ann, id, edited.number(), &shorter).await;
            subject.edit(&ann, id, edited.number(), "other words").await;
        }
    }
    // One that was edited before, and reactions.
    let first = text("obliterated", TEXT_BYTES_MAX);
    subject.edit(&ann, id, 1, &first).await;
    subject.give(&bob, id, 1, "effaced").await;
    subject.delete(&ann, id, 1).await;
    subject.give(&bob, id, 4, "effaced").await;
    subject.take(&bob, id, 4, "effaced").await;
    assert!(
        found(&subject, "obliterated") > 0,
        "the search finds what is there"
    );
    subject.store.close().await;
    assert!(found(&subject, "keepsake 7") > 0, "what was kept is there");
    for word in ["obliterated", "overwritten", "effaced"] {
        assert_eq!(found(&subject, word), 0, "{word}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_history_that_is_deleted_leaves_nothing_in_the_files() {
    let subject = subject::sqlite().await;
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    // Rows of all lengths, most of which are touched before they go: a row that grew and moved to another page would
    // leave its text behind.
    let mut rng = Rng::new(0x5eed);
    for _ in 0..400 {
        let bytes = rng.within(12..900) as usize;
        subject.speak(&ann, id, &text("evanescent", bytes)).await;
    }
    for seq in 1..=400 {
        if seq % 2 == 0 {
            subject.give(&bob, id, seq, "👍").await;
        }
        if seq % 4 == 1 {
            let bytes = rng.within(12..3_000) as usize;
            subject
                .edit(&ann, id, seq, &text("evanescent2", bytes))
                .await;
        }
    }
    for seq in 1..=400 {
        subject.delete(&ann, id, seq).await;
    }
    subject.store.close().await;
    assert_eq!(found(&subject, "evanescent"), 0);
}
