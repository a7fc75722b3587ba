//! Mentions: who a message mentions, how many unread ones a member has, and the list of all that mention a user.

use std::collections::HashMap;

use super::{
    doing::{channel, group, ids},
    subject::{NOON, Subject, new, text, to},
};
use crate::support::rng::Rng;
use tinychat::{
    domain::{
        event::{Event, EventBody, MemberChange},
        ids::{ConversationId, Offset, Seq, UserId},
        limits::{MENTIONS_COUNTED_MAX, MENTIONS_PER_MESSAGE_MAX, PAGE_BYTES_MAX, TEXT_BYTES_MAX},
        mention::Mentions,
        message::{Message, Target},
        page::PageSize,
        role::Role,
        search::Found,
        user::UserRef,
    },
    store::{ReplayFrom, Store},
};

/// Who a message mentions: names as they stand there, then `*` for everybody.
fn called(message: &Message) -> String {
    let names = { message.mentions.users.iter() }.map(|user| user.name.as_str());
    let all = message.mentions.all.then_some("*");
    names.chain(all).collect::<Vec<_>>().join(" ")
}

/// Who each message mentions that a user can read in a conversation.
async fn page(subject: &Subject, user: &UserRef, id: ConversationId) -> Vec<String> {
    let page = subject.page(user, id).await.unwrap();
    page.messages.iter().map(called).collect()
}

/// Sends something, and answers who it mentions; the live event, the page and the state say the same.
async fn send(subject: &Subject, sender: &UserRef, target: Target, words: &str) -> String {
    let end = subject.store.end();
    let sent = subject.try_send(new(sender, target, words)).await.unwrap();
    let told = subject.events_after(end).await;
    let Some((Event { body, .. }, _)) = told.last() else {
        panic!("nothing was told");
    };
    let EventBody::Message(message) = body else {
        panic!("{body:?}");
    };
    assert_eq!(message.seq, sent.seq);
    let page = subject.page(sender, sent.conversation).await.unwrap();
    assert_eq!(page.messages.last(), Some(message));
    let view = subject.view(sender, sent.conversation).await.unwrap();
    assert_eq!(view.last_message.as_ref(), Some(message));
    called(message)
}

/// Says something in a conversation, and answers who it mentions.
async fn calls(subject: &Subject, sender: &UserRef, id: ConversationId, words: &str) -> String {
    send(subject, sender, Target::Conversation(id), words).await
}

/// How many unread messages of a conversation mention a user.
async fn unread(subject: &Subject, user: &UserRef, id: ConversationId) -> u64 {
    subject.view(user, id).await.unwrap().mentions
}

async fn listed(
    subject: &Subject,
    user: &UserRef,
    unread_only: bool,
    before: Option<Offset>,
    size: u32,
) -> Found<Message> {
    let size = PageSize::asked(size);
    let listed = subject
        .store
        .list_mentions(user.id, unread_only, before, size);
    listed.await.unwrap()
}

/// All that mentions a user, page by page. Every page is as large as it may be, and the next lies before it.
async fn by_pages(subject: &Subject, user: &UserRef, unread_only: bool, size: u32) -> Vec<Message> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let found = listed(subject, user, unread_only, before, size).await;
        assert!(found.items.len() <= size as usize, "{}", found.items.len());
        all.extend(found.items);
        let Some(next) = found.next else {
            break all;
        };
        assert!(
            before.is_none_or(|before| next < before),
            "{next:?} {before:?}"
        );
        before = Some(next);
    }
}

/// Where a user is mentioned, the newest first: (conversation, seq). Each is the message that its page shows.
async fn places(
    subject: &Subject,
    user: &UserRef,
    unread_only: bool,
) -> Vec<(ConversationId, u64)> {
    let all = by_pages(subject, user, unread_only, 500).await;
    for message in &all {
        let page = subject.page(user, message.conversation).await.unwrap();
        assert!(page.messages.contains(message), "{message:?}");
    }
    let place = |message: Message| (message.conversation, message.seq.number());
    all.into_iter().map(place).collect()
}

/// The places in one conversation, the newest first.
async fn inbox(subject: &Subject, user: &UserRef, id: ConversationId) -> Vec<u64> {
    let all = places(subject, user, false).await.into_iter();
    all.filter(|(place, _)| *place == id)
        .map(|(_, seq)| seq)
        .collect()
}

pub async fn a_member_is_mentioned_by_name(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    let (friends, ops) = (group(&[&bob, &eve]), channel("ops", &[&bob, &eve]));
    for new_one in [friends, ops] {
        let id = subject.make(&ann, new_one).await;
        for (sender, words, mentions) in [
            (&ann, "nobody is here", ""),
            (&ann, "hi @bob", "bob"),
            (&ann, "@eve and @BOB, but @Eve first", "eve bob"),
            (&bob, "(@eve)/@ann: ann@bob.org", "eve ann"),
            // Neither oneself nor those who are elsewhere or nowhere.
            (&ann, "@ann asks @fay and @nobody, not @bob", "bob"),
            (&bob, "@bob", ""),
        ] {
            assert_eq!(
                calls(&subject, sender, id, words).await,
                mentions,
                "{words}"
            );
        }
        let said = subject.page(&bob, id).await.unwrap().messages;
        let both = Mentions {
            users: vec![eve.clone(), bob.clone()],
            all: false,
        };
        assert_eq!(said[2].mentions, both);
        for (user, seqs) in [(&ann, vec![4]), (&bob, vec![5, 3, 2]), (&eve, vec![4, 3])] {
            assert_eq!(inbox(&subject, user, id).await, seqs, "{}", user.name);
            let count = unread(&subject, user, id).await;
            assert_eq!(count, seqs.len() as u64, "{}", user.name);
        }
    }
    assert_eq!(places(&subject, &fay, false).await, []);
}

pub async fn a_full_stop_belongs_to_a_name_only_if_a_member_has_it(subject: Subject) {
    let [ann, bob, dotted, eve] = subject.people(["ann", "bob", "bob.", "eve-"]).await;
    let id = subject.make(&ann, group(&[&bob, &eve])).await;
    for (words, mentions) in [
        ("thanks @bob.", "bob"),
        ("@bob... @bob- @bob_ @bob.-_", "bob"),
        ("@eve @eve.", ""),
        ("@eve-, @eve-.", "eve-"),
    ] {
        assert_eq!(calls(&subject, &ann, id, words).await, mentions, "{words}");
    }
    subject.add(&ann, id, &[&dotted]).await;
    for (sender, words, mentions) in [
        (&ann, "thanks @bob.", "bob."),
        (&ann, "@bob.. @bob", "bob"),
        (&ann, "@bob. or @bob", "bob. bob"),
        (&bob, "@bob.", "bob."),
        (&bob, "@bob.. @bob", ""),
        // The name as it is written is the sender's own.
        (&dotted, "@bob.", ""),
        (&dotted, "@bob", "bob"),
    ] {
        assert_eq!(
            calls(&subject, sender, id, words).await,
            mentions,
            "{words}"
        );
    }
}

pub async fn everybody_is_mentioned_by_those_who_run_the_conversation(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let (friends, ops) = (group(&[&bob, &eve]), channel("ops", &[&bob, &eve]));
    for new_one in [friends, ops] {
        let id = subject.make(&ann, new_one).await;
        subject.set_role(&ann, id, &bob, Role::Admin).await;
        for (sender, words, mentions) in [
            (&ann, "@all", "*"),
            (&bob, "look, @ALL: @eve", "eve *"),
            (&eve, "@all", ""),
            (&ann, "@all... @all", "*"),
            (&ann, "@allan, at@all.org", ""),
            (&eve, "@all, @ann", "ann"),
        ] {
            assert_eq!(
                calls(&subject, sender, id, words).await,
                mentions,
                "{words}"
            );
        }
        let all = [
            (&ann, vec![6, 2]),
            (&bob, vec![4, 1]),
            (&eve, vec![4, 2, 1]),
        ];
        for (user, seqs) in all {
            assert_eq!(inbox(&subject, user, id).await, seqs, "{}", user.name);
            let count = unread(&subject, user, id).await;
            assert_eq!(count, seqs.len() as u64, "{}", user.name);
        }
        // The role of the moment counts.
        subject.set_role(&ann, id, &bob, Role::Member).await;
        subject.set_role(&ann, id, &eve, Role::Admin).await;
        assert_eq!(calls(&subject, &bob, id, "@all").await, "");
        assert_eq!(calls(&subject, &eve, id, "@all").await, "*");
        let before = ["*", "eve *", "", "*", "", "ann", "", "*"];
        assert_eq!(
            page(&subject, &eve, id).await,
            before,
            "what was said stays"
        );
    }
}

pub async fn all_is_a_mere_name_to_those_who_may_not_call_everybody(subject: Subject) {
    let [ann, bob, all] = subject.people(["ann", "bob", "all"]).await;
    let dotted = subject.user("all.").await;
    let id = subject.make(&ann, group(&[&bob, &all, &dotted])).await;
    for (sender, words, mentions) in [
        (&bob, "@all", "all"),
        (&bob, "@all!", "all"),
        (&bob, "@all.", "all."),
        (&bob, "@all..", "all"),
        (&ann, "@all", "*"),
        (&ann, "@all.", "*"),
        (&ann, "@all-", "*"),
    ] {
        assert_eq!(
            calls(&subject, sender, id, words).await,
            mentions,
            "{words}"
        );
    }
    assert_eq!(inbox(&subject, &all, id).await, [7, 6, 5, 4, 2, 1]);
    assert_eq!(inbox(&subject, &bob, id).await, [7, 6, 5]);
    assert_eq!(unread(&subject, &dotted, id).await, 4);

    // Nobody runs what is between two.
    assert_eq!(send(&subject, &ann, to(&all), "@all").await, "all");
    assert_eq!(send(&subject, &all, to(&ann), "@all").await, "");
    assert_eq!(send(&subject, &ann, to(&bob), "@all @all.").await, "");
    assert_eq!(send(&subject, &ann, to(&ann), "@all").await, "");
}

pub async fn between_two_both_can_be_mentioned(subject: Subject) {
    let [ann, bob, _eve] = subject.people(["ann", "bob", "eve"]).await;
    // The peer is a member from the first message on.
    let words = "@bob, @ann, @eve";
    assert_eq!(send(&subject, &ann, to(&bob), words).await, "bob");
    assert_eq!(send(&subject, &bob, to(&ann), words).await, "ann");
    let id = subject.start(&ann, &bob).await.conversation.id;
    for (user, seq) in [(&ann, 2), (&bob, 1)] {
        assert_eq!(places(&subject, user, false).await, [(id, seq)]);
        assert_eq!(unread(&subject, user, id).await, 1);
    }
    // Also in a batch that begins the conversation, and in one that was started by the other.
    let [cy, dan] = subject.people(["cy", "dan"]).await;
    subject.start(&dan, &cy).await;
    let batch = [new(&cy, to(&dan), "@dan"), new(&cy, to(&dan), "@dan @cy")];
    let sent = subject.store.append(batch.to_vec()).await.unwrap();
    let id = sent[1].clone().unwrap().conversation;
    assert_eq!(page(&subject, &dan, id).await, ["dan", "dan"]);
    assert_eq!(unread(&subject, &dan, id).await, 2);
    // To oneself nobody is mentioned.
    assert_eq!(send(&subject, &ann, to(&ann), words).await, "");
    assert_eq!(places(&subject, &ann, false).await.len(), 1);
}

pub async fn a_message_mentions_20_names_and_not_one_more(subject: Subject) {
    let ann = subject.user("ann").await;
    let mut others = Vec::new();
    for number in 0..=MENTIONS_PER_MESSAGE_MAX {
        others.push(subject.user(&format!("n{number}")).await);
    }
    let id = subject
        .make(&ann, group(&others.iter().collect::<Vec<_>>()))
        .await;
    let at = |user: &UserRef| format!("@{} ", user.name);
    let names = |users: &[UserRef]| {
        let names = users.iter().map(|user| user.name.to_string());
        names.collect::<Vec<_>>().join(" ")
    };
    let words: String = others.iter().map(at).collect();
    let first = names(&others[..MENTIONS_PER_MESSAGE_MAX]);
    assert_eq!(calls(&subject, &ann, id, &words).await, first);
    // A name that is said again is no other one; one that nobody has counts.
    let words: String = others.iter().map(|user| at(user) + "@n0 ").collect();
    assert_eq!(calls(&subject, &ann, id, &words).await, first);
    let words: String = others.iter().rev().map(at).collect();
    let rest = names(&{ others[2..].iter() }.rev().cloned().collect::<Vec<_>>());
    assert_eq!(
        calls(&subject, &ann, id, &format!("@nobody {words}")).await,
        rest
    );
    let last = others.last().unwrap();
    assert_eq!(inbox(&subject, last, id).await, [3]);
    assert_eq!(inbox(&subject, &others[0], id).await, [2, 1]);
}

pub async fn who_comes_later_was_not_mentioned(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, channel("ops", &[&bob])).await;
    assert_eq!(calls(&subject, &ann, id, "@eve, @all, @bob").await, "bob *");
    assert_eq!(calls(&subject, &bob, id, "@eve").await, "");
    subject.join(&eve, "ops").await;
    assert_eq!(page(&subject, &eve, id).await, ["bob *", ""]);
    assert_eq!(
        inbox(&subject, &eve, id).await,
        [0; 0],
        "everybody was there then"
    );
    // The same text again changes nothing; another one is looked at anew.
    assert_eq!(called(&subject.edit(&bob, id, 2, "@eve").await), "");
    assert_eq!(inbox(&subject, &eve, id).await, [0; 0]);
    assert_eq!(called(&subject.edit(&bob, id, 2, "@eve!").await), "eve");
    assert_eq!(inbox(&subject, &eve, id).await, [2]);
    assert_eq!(
        unread(&subject, &eve, id).await,
        0,
        "it lies below the marker"
    );
    // Everybody means those who were there when the message was sent.
    let edited = subject.edit(&ann, id, 1, "@all, again").await;
    assert_eq!(called(&edited), "*");
    assert_eq!(inbox(&subject, &eve, id).await, [2]);
    assert_eq!(inbox(&subject, &bob, id).await, [1]);
    assert_eq!(calls(&subject, &ann, id, "@all").await, "*");
    assert_eq!(inbox(&subject, &eve, id).await, [3, 2]);
    assert_eq!(unread(&subject, &eve, id).await, 1);
}

pub async fn who_comes_back_finds_what_mentions_the_name(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let all = subject.make(&ann, channel("ops", &[&bob, &eve])).await;
    let since = subject.make(&ann, group(&[&bob, &eve])).await;
    for id in [all, since] {
        assert_eq!(calls(&subject, &ann, id, "@bob").await, "bob");
        assert_eq!(calls(&subject, &ann, id, "@all").await, "*");
        assert_eq!(inbox(&subject, &bob, id).await, [2, 1]);
        subject.remove(&ann, id, &bob, false).await;
        assert_eq!(inbox(&subject, &bob, id).await, [0; 0]);
        assert_eq!(calls(&subject, &ann, id, "@bob").await, "");
        assert_eq!(calls(&subject, &ann, id, "@all").await, "*");
        assert_eq!(page(&subject, &eve, id).await, ["bob", "*", "", "*"]);
        subject.add(&ann, id, &[&bob]).await;
        assert_eq!(unread(&subject, &bob, id).await, 0);
        assert_eq!(calls(&subject, &ann, id, "@bob").await, "bob");
        assert_eq!(calls(&subject, &ann, id, "@all").await, "*");
        assert_eq!(unread(&subject, &bob, id).await, 2);
        assert_eq!(inbox(&subject, &eve, id).await, [6, 4, 2]);
    }
    // What was said to everybody before the joining is not listed.
    assert_eq!(inbox(&subject, &bob, all).await, [6, 5, 1]);
    assert_eq!(inbox(&subject, &bob, since).await, [6, 5]);
    // Neither is what lies below the floor told of after an edit.
    subject.edit(&ann, since, 3, "@bob, @eve").await;
    assert_eq!(inbox(&subject, &bob, since).await, [6, 5]);
    assert_eq!(unread(&subject, &bob, since).await, 2);
    assert_eq!(inbox(&subject, &eve, since).await, [6, 4, 3, 2]);
    subject.edit(&ann, all, 3, "@bob, @eve").await;
    assert_eq!(inbox(&subject, &bob, all).await, [6, 5, 3, 1]);
    assert_eq!(unread(&subject, &bob, all).await, 2);
}

pub async fn an_edit_replaces_the_mentions_of_a_message(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob, &eve])).await;
    for words in ["1", "2 @bob", "3"] {
        subject.speak(&ann, id, words).await;
    }
    for (words, mentions, of_bob, of_eve) in [
        ("@eve", "eve", vec![2], vec![1]),
        ("@bob @eve", "bob eve", vec![2, 1], vec![1]),
        ("@eve, @bob", "eve bob", vec![2, 1], vec![1]),
        ("@bob", "bob", vec![2, 1], vec![]),
        ("@all", "*", vec![2, 1], vec![1]),
        ("@all @eve", "eve *", vec![2, 1], vec![1]),
        ("nobody", "", vec![2], vec![]),
        ("@ann @bob", "bob", vec![2, 1], vec![]),
    ] {
        let (edit, seq) = (text(words), Seq::new(1));
        let edit = |store| Store::edit_message(store, ann.clone(), id, seq, edit);
        let (edited, told) = subject.told(edit).await;
        assert_eq!(called(&edited), mentions, "{words}");
        let event = EventBody::MessageEdited(edited.clone());
        assert_eq!(told, [(event, ids(&[&ann, &bob, &eve]))], "{words}");
        let read = subject.page(&bob, id).await.unwrap().messages;
        assert_eq!(read[0], edited, "{words}");
        for (user, seqs) in [(&bob, of_bob), (&eve, of_eve)] {
            assert_eq!(inbox(&subject, user, id).await, seqs, "{words}");
            let count = unread(&subject, user, id).await;
            assert_eq!(count, seqs.len() as u64, "{words}");
        }
        assert_eq!(inbox(&subject, &ann, id).await, [0; 0], "{words}");
    }
    // The role of the moment counts, and an edit of what was read is not unread again.
    subject.set_role(&ann, id, &bob, Role::Admin).await;
    assert_eq!(calls(&subject, &bob, id, "@all").await, "*");
    subject.set_role(&ann, id, &bob, Role::Member).await;
    assert_eq!(called(&subject.edit(&bob, id, 4, "@all!").await), "");
    assert_eq!(inbox(&subject, &eve, id).await, [0; 0]);
    subject.read(&eve, id, 4, NOON).await;
    assert_eq!(called(&subject.edit(&ann, id, 3, "@eve").await), "eve");
    assert_eq!(unread(&subject, &eve, id).await, 0);
    assert_eq!(places(&subject, &eve, true).await, []);
    assert_eq!(inbox(&subject, &eve, id).await, [3]);
}

pub async fn a_deletion_removes_the_mentions_of_a_message(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    for words in ["@bob", "@all @bob", "@bob", "@all"] {
        subject.speak(&ann, id, words).await;
    }
    for (seq, left) in [
        (3, vec![4, 2, 1]),
        (4, vec![2, 1]),
        (1, vec![2]),
        (2, vec![]),
    ] {
        let deleted = subject.delete(&ann, id, seq).await;
        assert_eq!(deleted.mentions, Mentions::default());
        assert_eq!(inbox(&subject, &bob, id).await, left);
        assert_eq!(unread(&subject, &bob, id).await, left.len() as u64);
    }
    assert_eq!(page(&subject, &bob, id).await, [""; 4]);
    let replayed = subject.replay(&bob, ReplayFrom::Unread).await;
    assert_eq!(mentions_of(&replayed), ["1 ", "2 ", "3 ", "4 "]);
}

pub async fn mentions_are_counted_after_the_marker(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob, &eve])).await;
    subject.set_role(&ann, id, &bob, Role::Admin).await;
    let said = [
        (&ann, "@bob"),
        (&eve, "hi"),
        (&bob, "@all, @bob"),
        (&eve, "@bob @bob."),
        (&ann, "@all and @bob, above all"),
        (&eve, "@ann"),
        (&ann, "@all"),
        (&eve, "@bob"),
    ];
    for (sender, words) in said {
        subject.speak(sender, id, words).await;
    }
    let of_bob = [8, 7, 5, 4, 1];
    assert_eq!(inbox(&subject, &bob, id).await, of_bob);
    for read in 0..=8 {
        subject.read(&bob, id, read, NOON).await;
        let left: Vec<_> = of_bob.into_iter().filter(|seq| *seq > read).collect();
        assert_eq!(unread(&subject, &bob, id).await, left.len() as u64);
        let places = places(&subject, &bob, true).await;
        assert_eq!(
            places,
            left.iter().map(|seq| (id, *seq)).collect::<Vec<_>>()
        );
        assert_eq!(inbox(&subject, &bob, id).await, of_bob, "read or not");
    }
    assert_eq!(
        unread(&subject, &ann, id).await,
        2,
        "each has an own marker"
    );
    assert_eq!(unread(&subject, &eve, id).await, 3);
    let size = PageSize::asked(9);
    let views = subject.store.list_conversations(eve.id, None, size).await;
    assert_eq!(views.unwrap().views[0].mentions, 3);
}

pub async fn a_thousand_mentions_are_counted_and_not_one_more(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    let say = async |words: &[&str], times: usize| {
        let message = |words: &&str| new(&ann, Target::Conversation(id), words);
        let batch = (0..times).flat_map(|_| words.iter().map(message)).collect();
        subject.store.append(batch).await.unwrap();
    };
    let most = MENTIONS_COUNTED_MAX as u64;
    // One that mentions both ways counts once.
    say(&["@bob, @all", "nobody"], 600).await;
    assert_eq!(unread(&subject, &bob, id).await, 600);
    say(&["@bob", "@all"], 200).await;
    assert_eq!(unread(&subject, &bob, id).await, most);
    say(&["@all", "@bob"], 1).await;
    assert_eq!(unread(&subject, &bob, id).await, most);
    for (read, left) in [(2, most), (4, most), (5, most - 1), (1200, 402), (1602, 0)] {
        subject.read(&bob, id, read, NOON).await;
        assert_eq!(unread(&subject, &bob, id).await, left, "{read}");
    }
    assert_eq!(by_pages(&subject, &bob, false, 500).await.len(), 1002);
}

/// Ann's four conversations with Bob, in which mentions of him and others lie in each other, some of them read: all that
/// mention him, the newest first, with their places, and which of them are unread.
async fn many(subject: &Subject) -> (UserRef, Vec<(Offset, ConversationId, u64, bool)>) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let direct = subject.say(&ann, &bob, "hi").await.conversation;
    let friends = subject.make(&ann, group(&[&bob, &eve])).await;
    let ops = subject.make(&ann, channel("ops", &[&bob])).await;
    let apart = subject.make(&ann, group(&[&eve])).await;
    let left = subject.make(&ann, group(&[&bob])).await;
    let mut rng = Rng::new(0x1b0c);
    let mut expected = Vec::new();
    let read = HashMap::from([(direct, 9), (friends, 0), (ops, 14)]);
    for _ in 0..120 {
        let ids = [direct, friends, ops, apart, left];
        let id = ids[rng.within(0..5) as usize];
        let words = ["@bob", "hi", "@all", "@eve", "@all @bob"][rng.within(0..5) as usize];
        let seq = subject.speak(&ann, id, words).await.number();
        let mentions = words.contains("bob") || (words.contains("all") && id != direct);
        if let Some(read) = read.get(&id).filter(|_| mentions) {
            expected.push((subject.store.end(), id, seq, seq > *read));
        }
    }
    for (id, seq) in read {
        subject.read(&bob, id, seq, NOON).await;
    }
    subject.leave(&bob, left).await;
    expected.reverse();
    assert!(expected.len() > 30, "{}", expected.len());
    (bob, expected)
}

pub async fn mentions_are_listed_over_all_conversations_in_pages(subject: Subject) {
    let (bob, expected) = many(&subject).await;
    let places = |all: &[Message]| -> Vec<_> {
        let place = |message: &Message| (message.conversation, message.seq.number());
        all.iter().map(place).collect()
    };
    for unread_only in [false, true] {
        let expected: Vec<_> = { expected.iter() }
            .filter(|(.., unread)| *unread || !unread_only)
            .map(|(offset, id, seq, _)| (*offset, (*id, *seq)))
            .collect();
        let all: Vec<_> = expected.iter().map(|(_, place)| *place).collect();
        for size in 1..=all.len() as u32 + 1 {
            let found = by_pages(&subject, &bob, unread_only, size).await;
            assert_eq!(places(&found), all, "by {size}");
        }
        // From every place on it is the rest.
        let end = subject.store.end().next();
        for before in (0..=end.number()).map(Offset::new) {
            let found = listed(&subject, &bob, unread_only, Some(before), 5).await;
            let rest = expected.iter().filter(|(offset, _)| *offset < before);
            let rest: Vec<_> = rest.map(|(_, place)| *place).take(5).collect();
            assert_eq!(places(&found.items), rest, "before {before:?}");
        }
    }
    assert!(expected.iter().any(|(.., unread)| !unread));
}

pub async fn what_is_said_between_two_pages_of_mentions_does_not_move_them(subject: Subject) {
    let (bob, expected) = many(&subject).await;
    let ann = subject.store.find_account("ann".parse().unwrap()).await;
    let ann = ann.unwrap().unwrap().user.to_ref();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let found = listed(&subject, &bob, false, before, 4).await;
        let place = |message: &Message| (message.conversation, message.seq.number());
        seen.extend(found.items.iter().map(place));
        before = found.next;
        if before.is_none() {
            break;
        }
        subject.speak(&ann, expected[0].1, "@bob, again").await;
        // An edit leaves a message where it is, whether it was listed or is still to come.
        for (_, id, seq, _) in [seen.len() - 1, (seen.len() + 5).min(expected.len() - 1)]
            .map(|number| &expected[number])
        {
            subject
                .edit(&ann, *id, *seq, &format!("@bob {}", seen.len()))
                .await;
        }
    }
    let all: Vec<_> = expected.iter().map(|(_, id, seq, _)| (*id, *seq)).collect();
    assert_eq!(seen, all);
}

pub async fn a_page_of_mentions_ends_at_its_bytes(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let fit = PAGE_BYTES_MAX / TEXT_BYTES_MAX;
    let long = format!("@bob {}", "x".repeat(TEXT_BYTES_MAX - 5));
    let batch = (0..2 * fit + 1)
        .map(|_| new(&ann, to(&bob), &long))
        .collect();
    subject.store.append(batch).await.unwrap();
    let (mut sizes, mut seqs, mut before) = (Vec::new(), Vec::new(), None);
    loop {
        let found = listed(&subject, &bob, false, before, 500).await;
        sizes.push(found.items.len());
        seqs.extend(found.items.iter().map(|message| message.seq.number()));
        before = found.next;
        if before.is_none() {
            break;
        }
    }
    sizes.retain(|size| *size > 0);
    assert_eq!(sizes, [fit, fit, 1]);
    assert!(seqs.iter().copied().eq((1..=2 * fit as u64 + 1).rev()));
}

/// What messages and edits among events mention.
fn mentions_of(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| match &event.body {
        EventBody::Message(message) => {
            Some(format!("{} {}", message.seq.number(), called(message)))
        }
        EventBody::MessageEdited(message) => {
            Some(format!("{} now {}", message.seq.number(), called(message)))
        }
        _ => None,
    };
    events.iter().filter_map(line).collect()
}

pub async fn mentions_are_replayed(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob, &eve])).await;
    for words in ["1 @bob", "2", "3 @eve @bob", "4 @all", "5 @bob"] {
        subject.speak(&ann, id, words).await;
    }
    subject.edit(&ann, id, 2, "2 @eve").await;
    subject.edit(&ann, id, 3, "3 @bob").await;
    subject.edit(&ann, id, 2, "2 @all").await;
    subject.delete(&ann, id, 5).await;
    let now = ["1 bob", "2 *", "3 bob", "4 *", "5 "];
    for user in [&ann, &bob, &eve] {
        let replayed = subject.replay(user, ReplayFrom::Unread).await;
        assert_eq!(mentions_of(&replayed), now);
        let replayed = subject.replay(user, ReplayFrom::After(Offset::ZERO)).await;
        assert_eq!(
            mentions_of(&replayed),
            [&now[..], &["3 now bob", "2 now *"]].concat()
        );
    }
    // Who has left reads what was said then, and nothing of what was said with a later text.
    subject.leave(&bob, id).await;
    subject.edit(&ann, id, 3, "3 @eve").await;
    let replayed = subject.replay(&bob, ReplayFrom::After(Offset::ZERO)).await;
    let then = ["1 bob", "2 *", "3 ", "4 *", "5 "];
    let (messages, edits) = (&mentions_of(&replayed)[..5], &mentions_of(&replayed)[5..]);
    assert_eq!(messages, then);
    assert_eq!(edits.last().unwrap(), "2 now *");
    assert!(!edits.iter().any(|line| line.contains("eve")), "{edits:?}");
}

/// What a recount takes from the log: where each message stands, and where each membership that lasts began.
async fn recount(
    subject: &Subject,
) -> (
    HashMap<(ConversationId, Seq), Offset>,
    HashMap<(ConversationId, UserId), Offset>,
) {
    let (mut sent, mut joined) = (HashMap::new(), HashMap::new());
    for (event, _) in subject.events_after(Offset::ZERO).await {
        match event.body {
            EventBody::Message(message) => {
                sent.insert((message.conversation, message.seq), event.offset);
            }
            EventBody::MemberChanged(it) => {
                let place = (it.conversation, it.user.id);
                match it.change {
                    MemberChange::Added(_) | MemberChange::Joined(_) => {
                        joined.insert(place, event.offset);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    (sent, joined)
}

pub async fn mentions_are_what_a_recount_finds(subject: Subject) {
    let seed = 0xa7_0000_0001;
    println!("seed {seed:#x}");
    let mut rng = Rng::new(seed);
    let people = subject.people(["ann", "bob", "eve", "fay"]).await;
    let [ann, bob, eve, fay] = &people;
    let open = subject.make(ann, channel("open", &[bob, eve])).await;
    let since = subject.make(ann, group(&[bob, fay])).await;
    let direct = subject.say(bob, ann, "hi").await.conversation;
    let words = [
        "@bob",
        "@all",
        "@ann, @eve @all.",
        "@fay @bob",
        "nobody",
        "@eve.",
        "@ann",
    ];
    for step in 0..240 {
        let id = [open, since, direct][rng.within(0..3) as usize];
        let user = &people[rng.within(0..4) as usize];
        let Some(view) = subject.view(user, id).await else {
            if id != direct {
                subject.add(ann, id, &[user]).await;
            }
            continue;
        };
        let last = view.conversation.last_seq.number();
        let said = format!("{} {step}", words[rng.within(0..7) as usize]);
        let seq = Seq::new(rng.within(1..last + 2).min(last));
        let store = &subject.store;
        match rng.within(0..10) {
            0..4 => {
                subject.speak(user, id, &said).await;
            }
            4..6 => drop(store.edit_message(user.clone(), id, seq, text(&said)).await),
            6 => drop(store.delete_message(user.clone(), id, seq).await),
            7..9 => drop(store.mark_read(user.id, id, seq, NOON).await),
            _ if user != ann && id != direct && rng.chance(50) => subject.leave(user, id).await,
            _ => {}
        }
        if step % 8 != 0 {
            continue;
        }
        let (sent, joined) = recount(&subject).await;
        for user in &people {
            let (mut all, mut fresh) = (Vec::new(), Vec::new());
            for id in [open, since, direct] {
                let Some(view) = subject.view(user, id).await else {
                    continue;
                };
                let joined = joined.get(&(id, user.id)).copied().unwrap_or(Offset::ZERO);
                let mut count = 0;
                for message in subject.page(user, id).await.unwrap().messages {
                    let offset = sent[&(id, message.seq)];
                    let mentions = &message.mentions;
                    let by_name = mentions.users.contains(user);
                    let is_called = by_name || (mentions.all && offset > joined);
                    if message.sender == *user || !is_called {
                        continue;
                    }
                    all.push((offset, message.clone()));
                    if message.seq > view.read.read_seq {
                        count += 1;
                        fresh.push((offset, message));
                    }
                }
                assert_eq!(view.mentions, count, "{} at {step}", user.name);
            }
            for (unread_only, mut expected) in [(false, all), (true, fresh)] {
                expected.sort_by_key(|(offset, _)| std::cmp::Reverse(*offset));
                let expected: Vec<_> = expected.into_iter().map(|(_, message)| message).collect();
                let size = 1 + rng.within(0..9) as u32;
                let found = by_pages(&subject, user, unread_only, size).await;
                assert_eq!(found, expected, "{} at {step}", user.name);
            }
        }
    }
}
