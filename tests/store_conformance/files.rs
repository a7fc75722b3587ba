//! What only a store in a file can be asked: what outlives a restart, and whether what was deleted or edited away is gone
//! from its bytes, too.

use std::fs;

use super::{
    doing::{channel, group, ids, lines, renamed, told_lines},
    search::{self, look},
    subject::{self, NOON, Subject, after, new},
};
use crate::support::rng::Rng;
use tinychat::{
    domain::{
        conversation::{NotifyLevel, NotifySettings},
        ids::{ConversationId, Offset, Seq},
        limits::TEXT_BYTES_MAX,
        message::Target,
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
        for unread_only in [false, true] {
            let mentions = subject
                .store
                .list_mentions(user.id, unread_only, None, size);
            all += &format!("{:#?}\n", mentions.await);
        }
        for words in ["1", "two", "one", "after", "said", "\"6\"", "3"] {
            let hits = search::all(subject, user, &look(words), 3).await;
            all += &format!("{hits:#?}\n");
        }
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
    for id in [friends, ops] {
        subject.speak(&ann, id, "@bob, @eve: two said 1").await;
    }
    subject.speak(&bob, ops, "@all, after @ann").await;
    subject.store.mark_unread(ann.id, friends).await.unwrap();
    let muted = NotifySettings {
        level: NotifyLevel::Mentions,
        until: Some(after(77)),
    };
    let set = subject.store.set_notify(ann.id, friends, muted).await;
    set.unwrap();
    subject.store.mark_unread(eve.id, ops).await.unwrap();
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
    assert_eq!(speak(&bob, ops, &[&ann, &bob, &eve]).await, Seq::new(9));
    assert_eq!(speak(&ann, friends, &[&ann, &eve]).await, Seq::new(7));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_found_outlives_restarts() {
    let mut subject = subject::sqlite().await;
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let rooms = [
        subject.make(&ann, group(&[&bob])).await,
        subject.make(&ann, channel("ops", &[&bob])).await,
    ];
    // (word, the round in which it was said), by seq.
    let mut said: [Vec<Option<(String, u64)>>; 2] = Default::default();
    let mut rng = Rng::new(0xf11e5);
    for round in 0..4 {
        for (room, id) in rooms.into_iter().enumerate() {
            let numbers = said[room].len() + 1..said[room].len() + 301;
            let words: Vec<_> = numbers.map(|number| format!("w{number}r{room}x")).collect();
            let message = |word: &String| {
                let words = format!("{word} round{round}x");
                new(&ann, Target::Conversation(id), &words)
            };
            let batch = words.iter().map(message).collect();
            subject.store.append(batch).await.unwrap();
            said[room].extend(words.into_iter().map(|word| Some((word, round))));
            // Of all rounds: some that an index has long known, some that it has not.
            for turn in 0..20 {
                let seq = rng.within(1..said[room].len() as u64 + 1);
                let was = &mut said[room][seq as usize - 1];
                let Some((word, _)) = was else {
                    continue;
                };
                if turn % 2 == 0 {
                    subject.delete(&ann, id, seq).await;
                    *was = None;
                } else {
                    *word = format!("e{seq}r{room}t{turn}r{round}x");
                    let words = format!("{word} round{round}x");
                    subject.edit(&ann, id, seq, &words).await;
                    *was = Some((word.clone(), round));
                }
            }
        }
        for reopened in [false, true] {
            if reopened {
                subject.store.close().await;
                subject = subject.reopened();
            }
            for (room, id) in rooms.into_iter().enumerate() {
                for asked in 0..=round {
                    let words = format!("round{asked}x");
                    let search = search::look_in(id, &words);
                    let hits = search::all(&subject, &bob, &search, 70).await;
                    let found: Vec<_> = hits.iter().map(|hit| hit.message.seq.number()).collect();
                    let is_of = |was: &Option<(String, u64)>| {
                        was.as_ref().is_some_and(|(_, round)| *round == asked)
                    };
                    let expected = { said[room].iter().zip(1..) }
                        .filter(|(was, _)| is_of(was))
                        .map(|(_, seq)| seq);
                    let expected: Vec<u64> = expected.collect();
                    let newest_first: Vec<_> = expected.into_iter().rev().collect();
                    assert_eq!(found, newest_first, "{words} in {id}, {reopened}");
                }
                for (was, seq) in said[room].iter().zip(1..).step_by(7) {
                    let first = format!("w{seq}r{room}x");
                    let word = was.as_ref().map(|(word, _)| word);
                    let hits = search::all(&subject, &bob, &look(&first), 9).await;
                    assert_eq!(hits.len(), usize::from(word == Some(&first)), "{first}");
                    if let Some(word) = word {
                        let hits = search::all(&subject, &bob, &look(word), 9).await;
                        let found = hits
                            .iter()
                            .map(|hit| (hit.message.conversation, hit.message.seq));
                        assert_eq!(found.collect::<Vec<_>>(), [(id, Seq::new(seq))]);
                    }
                }
            }
        }
    }
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
