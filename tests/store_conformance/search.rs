//! Search: who finds what and when, filters, order and pages. How words match is told in `search_words.rs`.

use std::{cmp::Reverse, collections::HashMap};

use futures_util::future::join_all;

use super::{
    doing::{channel, group, said},
    subject::{Subject, after, name, new, text, to},
};
use crate::support::rng::Rng;
use tinychat::{
    domain::{
        clock::TimeMs,
        conversation::{ConversationChange, HistoryAccess},
        event::EventBody,
        ids::{ConversationId, Offset, Seq},
        limits::{PAGE_BYTES_MAX, TEXT_BYTES_MAX},
        message::{Message, NewMessage, Target},
        page::PageSize,
        role::Role,
        search::{Found, Hit, Search},
        user::UserRef,
    },
    store::{SearchError, Store, StoreError},
};

/// A search for words everywhere.
pub fn look(words: &str) -> Search {
    Search {
        query: words.parse().unwrap(),
        conversation: None,
        sender: None,
        after: None,
        before: None,
    }
}

/// A search in one conversation.
pub fn look_in(id: ConversationId, words: &str) -> Search {
    Search {
        conversation: Some(id),
        ..look(words)
    }
}

async fn page(
    subject: &Subject,
    user: &UserRef,
    search: &Search,
    before: Option<Offset>,
    size: u32,
) -> Found<Hit> {
    let size = PageSize::asked(size);
    let found = subject.store.search(user.id, search.clone(), before, size);
    let found = found.await.unwrap();
    assert!(found.items.len() <= size.items(), "{}", found.items.len());
    for hit in &found.items {
        let parts = &hit.snippet;
        assert!(parts.iter().any(|part| part.hit), "{hit:?}");
        assert!(parts.iter().all(|part| !part.text.is_empty()), "{hit:?}");
        assert!(
            parts.windows(2).all(|two| two[0].hit != two[1].hit),
            "{hit:?}"
        );
    }
    found
}

/// All that is found, the newest first, page by page.
pub async fn all(subject: &Subject, user: &UserRef, search: &Search, size: u32) -> Vec<Hit> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let found = page(subject, user, search, before, size).await;
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

/// Where something is found, the newest first: (conversation, seq).
fn places(hits: &[Hit]) -> Vec<(ConversationId, u64)> {
    let messages = hits.iter().map(|hit| &hit.message);
    messages
        .map(|message| (message.conversation, message.seq.number()))
        .collect()
}

/// The seqs of what is found, the newest first. Each hit is the message as its page shows it.
pub async fn seqs(subject: &Subject, user: &UserRef, search: Search) -> Vec<u64> {
    let hits = all(subject, user, &search, 500).await;
    for Hit { message, .. } in &hits {
        let page = subject.page(user, message.conversation).await.unwrap();
        assert!(page.messages.contains(message), "{message:?}");
    }
    places(&hits).into_iter().map(|(_, seq)| seq).collect()
}

/// Whether something is found.
async fn finds(subject: &Subject, user: &UserRef, words: &str) -> bool {
    !all(subject, user, &look(words), 500).await.is_empty()
}

async fn refusal(subject: &Subject, user: &UserRef, search: Search) -> SearchError {
    let found = subject
        .store
        .search(user.id, search, None, PageSize::asked(9));
    found.await.unwrap_err()
}

/// A message of this time.
fn sent_at(sender: &UserRef, id: ConversationId, words: &str, sent: TimeMs) -> NewMessage {
    NewMessage {
        sent,
        ..new(sender, Target::Conversation(id), words)
    }
}

pub async fn what_was_acknowledged_is_found_at_once(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    let one = async |hand: usize| {
        for number in 0..60 {
            let word = format!("w{hand}x{number}x");
            let seq = subject.speak(&ann, id, &format!("common {word}")).await;
            let hits = all(&subject, &bob, &look(&word), 500).await;
            assert_eq!(places(&hits), [(id, seq.number())], "{word}");
            let hits = page(&subject, &ann, &look("common"), None, 500).await.items;
            let seqs: Vec<_> = hits.iter().map(|hit| hit.message.seq).collect();
            assert!(seqs.contains(&seq), "{word}: {seqs:?}");
            assert!(seqs.is_sorted_by(|a, b| a > b));
        }
    };
    join_all([0, 1, 2].map(one)).await;
    assert_eq!(all(&subject, &bob, &look("common"), 500).await.len(), 180);
}

pub async fn an_edit_is_found_by_its_new_text_at_once(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    let mut seqs_said = Vec::new();
    for number in 0..20 {
        seqs_said.push(
            subject
                .speak(&ann, id, &format!("first old{number}"))
                .await
                .number(),
        );
    }
    let mut was: HashMap<u64, String> = HashMap::new();
    for round in 0..3 {
        for (number, seq) in seqs_said.iter().enumerate() {
            let old = was.get(seq).cloned().unwrap_or(format!("old{number}"));
            let fresh = format!("r{round}n{number}x");
            assert_eq!(
                seqs(&subject, &bob, look(&format!("\"{old}\""))).await,
                [*seq]
            );
            subject.edit(&ann, id, *seq, &format!("then {fresh}")).await;
            assert_eq!(seqs(&subject, &bob, look(&fresh)).await, [*seq]);
            assert!(!finds(&subject, &bob, &format!("\"{old}\"")).await, "{old}");
            assert!(!finds(&subject, &ann, &format!("first {fresh}")).await);
            was.insert(*seq, fresh);
        }
    }
    assert_eq!(
        all(&subject, &bob, &look("then"), 7).await.len(),
        20,
        "each once"
    );
    assert!(!finds(&subject, &bob, "first").await);
    // Back to what it was.
    subject.edit(&ann, id, 1, "first old0").await;
    assert_eq!(seqs(&subject, &bob, look("first")).await, [1]);
    assert!(!finds(&subject, &bob, &was[&1]).await);
}

pub async fn what_was_deleted_is_gone_at_once(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    for number in 0..30 {
        subject
            .speak(&bob, id, &format!("common word{number}x"))
            .await;
    }
    let mut left: Vec<u64> = (1..=30).rev().collect();
    for number in [29, 0, 7, 8, 15, 1] {
        let (seq, word) = (number + 1, format!("word{number}x"));
        assert_eq!(seqs(&subject, &ann, look(&word)).await, [seq]);
        if number % 2 == 0 {
            subject
                .edit(&bob, id, seq, &format!("common {word} edited"))
                .await;
        }
        subject.delete(&ann, id, seq).await;
        assert!(!finds(&subject, &ann, &word).await, "{word}");
        left.retain(|it| *it != seq);
        assert_eq!(seqs(&subject, &bob, look("common")).await, left);
    }
    assert!(!finds(&subject, &bob, "edited").await);
}

pub async fn only_members_find_a_message(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let friends = subject.make(&ann, group(&[&bob])).await;
    let ops = subject.make(&ann, channel("ops", &[&bob])).await;
    let direct = subject.say(&ann, &bob, "secret").await.conversation;
    let notes = subject.say(&ann, &ann, "secret").await.conversation;
    for id in [friends, ops] {
        subject.speak(&ann, id, "secret").await;
    }
    let found = async |user| places(&all(&subject, user, &look("secret"), 500).await);
    let here = |ids: &[ConversationId]| ids.iter().map(|id| (*id, 1)).collect::<Vec<_>>();
    assert_eq!(found(&ann).await, here(&[ops, friends, notes, direct]));
    assert_eq!(found(&bob).await, here(&[ops, friends, direct]));
    assert_eq!(found(&eve).await, []);
    // Not what somebody else started in silence, nor by its name.
    let started = subject.start(&eve, &bob).await.conversation.id;
    for (user, id) in [
        (&eve, friends),
        (&eve, ops),
        (&eve, direct),
        (&bob, notes),
        (&bob, started),
        (&bob, ConversationId::new(99)),
    ] {
        let why = refusal(&subject, user, look_in(id, "secret")).await;
        assert_eq!(why, SearchError::NotMember(id));
    }
    assert_eq!(
        seqs(&subject, &eve, look_in(started, "secret")).await,
        [0; 0]
    );
    // Who reads only finds as all do.
    subject.set_role(&ann, ops, &bob, Role::ReadOnly).await;
    assert_eq!(found(&bob).await, here(&[ops, friends, direct]));
}

pub async fn who_left_finds_nothing_and_who_comes_back_what_can_be_read(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let all = subject.make(&ann, channel("ops", &[&bob])).await;
    let since = subject.make(&ann, group(&[&bob])).await;
    for id in [all, since] {
        subject.speak(&ann, id, "tea 1").await;
        subject.speak(&bob, id, "tea 2").await;
        subject.remove(&ann, id, &bob, false).await;
        subject.speak(&ann, id, "tea 3").await;
        let why = refusal(&subject, &bob, look_in(id, "tea")).await;
        assert_eq!(why, SearchError::NotMember(id));
        let everywhere = seqs(&subject, &bob, look("tea")).await;
        let left = if id == all { 0 } else { 4 };
        assert_eq!(everywhere.len(), left);
        // What the one who left has said stays.
        let of_bob = Search {
            sender: Some(name("bob")),
            ..look_in(id, "tea")
        };
        assert_eq!(seqs(&subject, &ann, of_bob).await, [2]);
        subject.add(&ann, id, &[&bob]).await;
        subject.speak(&ann, id, "tea 4").await;
    }
    assert_eq!(
        seqs(&subject, &bob, look_in(all, "tea")).await,
        [4, 3, 2, 1]
    );
    assert_eq!(seqs(&subject, &bob, look_in(since, "tea")).await, [4]);
    assert_eq!(seqs(&subject, &bob, look("tea")).await, [4, 4, 3, 2, 1]);
    assert_eq!(
        seqs(&subject, &ann, look_in(since, "tea")).await,
        [4, 3, 2, 1]
    );
    subject.leave(&bob, all).await;
    assert_eq!(seqs(&subject, &bob, look("tea")).await, [4]);
}

pub async fn nothing_below_the_floor_is_found(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    for number in 1..=3 {
        subject.speak(&ann, id, &format!("tea {number}")).await;
    }
    subject.add(&ann, id, &[&eve]).await;
    assert_eq!(seqs(&subject, &eve, look("tea")).await, [0; 0]);
    assert_eq!(seqs(&subject, &eve, look_in(id, "tea")).await, [0; 0]);
    for number in 4..=5 {
        subject.speak(&ann, id, &format!("tea {number}")).await;
    }
    // An edit does not lift it over the floor.
    subject.edit(&ann, id, 2, "tea and cake").await;
    assert!(!finds(&subject, &eve, "cake").await);
    assert!(finds(&subject, &bob, "cake").await);
    for search in [look("tea"), look_in(id, "tea")] {
        assert_eq!(seqs(&subject, &eve, search.clone()).await, [5, 4]);
        assert_eq!(seqs(&subject, &bob, search).await, [5, 4, 3, 2, 1]);
    }
}

pub async fn a_search_is_narrowed_by_conversation_sender_and_time(subject: Subject) {
    let [ann, bob, eve, fay] = subject.people(["ann", "bob", "eve", "fay"]).await;
    let one = subject.make(&ann, group(&[&bob, &eve])).await;
    let two = subject.make(&ann, group(&[&bob])).await;
    let mut batch = Vec::new();
    let mut expected = Vec::new();
    for step in 0..24_u64 {
        let (id, sender) = match step % 4 {
            0 => (one, &ann),
            1 => (two, &bob),
            2 => (one, &bob),
            _ => (two, &ann),
        };
        let ms = i64::try_from(step / 2 * 10).unwrap();
        let words = if step % 3 == 0 { "coffee" } else { "tea" };
        batch.push(sent_at(sender, id, words, after(ms)));
        let seq = step / 4 * 2 + 1 + u64::from(step % 4 > 1);
        expected.push((id, seq, sender.name.clone(), ms, words));
    }
    let sent = subject.store.append(batch).await.unwrap();
    assert!(sent.iter().all(Result::is_ok));
    subject.edit(&ann, one, 1, "coffee, edited").await;
    expected.reverse();
    let times = [
        None,
        Some(-5),
        Some(0),
        Some(1),
        Some(40),
        Some(110),
        Some(111),
    ];
    for conversation in [None, Some(one), Some(two)] {
        for sender in [None, Some("ann"), Some("bob"), Some("eve"), Some("fay")] {
            for from in times {
                for until in times {
                    let search = Search {
                        conversation,
                        sender: sender.map(name),
                        after: from.map(after),
                        before: until.map(after),
                        ..look("tea")
                    };
                    let fits = |(id, _, user, ms, words): &&(_, _, _, i64, &str)| {
                        conversation.is_none_or(|it| it == *id)
                            && sender.is_none_or(|it| *user == name(it))
                            && from.is_none_or(|it| it <= *ms)
                            && until.is_none_or(|it| *ms < it)
                            && *words == "tea"
                    };
                    let fit = expected.iter().filter(fits);
                    let fit: Vec<_> = fit.map(|(id, seq, ..)| (*id, *seq)).collect();
                    let hits = all(&subject, &bob, &search, 500).await;
                    assert_eq!(places(&hits), fit, "{search:?}");
                }
            }
        }
    }
    // Eve is in the first one alone.
    let found = all(&subject, &eve, &look("coffee"), 500).await;
    assert_eq!(places(&found), [(one, 10), (one, 7), (one, 4), (one, 1)]);
    assert_eq!(all(&subject, &fay, &look("coffee"), 500).await, []);
    // The time is that of the sending, not of the edit.
    let early = Search {
        before: Some(after(1)),
        ..look("edited")
    };
    assert_eq!(seqs(&subject, &bob, early).await, [1]);
    let extremes = Search {
        after: Some(TimeMs::new(i64::MIN)),
        before: Some(TimeMs::new(i64::MAX)),
        ..look("coffee")
    };
    assert_eq!(all(&subject, &bob, &extremes, 500).await.len(), 8);
}

pub async fn a_sender_that_nobody_is_is_refused(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.say(&ann, &bob, "tea").await.conversation;
    for conversation in [None, Some(id)] {
        let search = Search {
            sender: Some(name("nobody")),
            conversation,
            ..look("tea")
        };
        let why = refusal(&subject, &ann, search).await;
        assert_eq!(why, SearchError::UserNotFound(name("nobody")));
    }
}

pub async fn the_newest_is_found_first_and_an_edit_moves_nothing(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let one = subject.make(&ann, group(&[&bob])).await;
    let two = subject.make(&ann, group(&[&bob])).await;
    for id in [one, two, two, one, two] {
        subject.speak(&ann, id, "some tea").await;
    }
    let order = [(two, 3), (one, 2), (two, 2), (two, 1), (one, 1)];
    let found = async || places(&all(&subject, &bob, &look("tea"), 500).await);
    assert_eq!(found().await, order);
    for (id, seq) in [(one, 1), (two, 2), (one, 1)] {
        let words = format!("tea, edited at {:?}", subject.store.end());
        subject.edit(&ann, id, seq, &words).await;
        assert_eq!(found().await, order);
    }
    // The time of the sender's clock is no order.
    let early = sent_at(&ann, one, "early tea", after(-1_000_000));
    subject.try_send(early).await.unwrap();
    assert_eq!(found().await[0], (one, 3));
}

pub async fn a_hit_is_the_message_as_its_reader_sees_it(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    subject.speak(&ann, id, "tea, @bob?").await;
    let mut reply = new(&ann, Target::Conversation(id), "no tea, @all");
    reply.request.reply_to = Some(Seq::new(1));
    subject.try_send(reply).await.unwrap();
    subject.give(&bob, id, 1, "👍").await;
    subject.give(&ann, id, 2, "👍").await;
    subject.edit(&ann, id, 1, "more tea, @bob").await;
    for user in [&ann, &bob] {
        let mut messages = subject.page(user, id).await.unwrap().messages;
        messages.reverse();
        let hits = all(&subject, user, &look("tea"), 500).await;
        let found: Vec<_> = hits.into_iter().map(|hit| hit.message).collect();
        assert_eq!(found, messages);
        assert_eq!(said(&found), ["no tea, @all", "more tea, @bob"]);
    }
}

/// Ann's three conversations with Bob, in which tea lies among other things: where it does, the newest first.
async fn much_tea(subject: &Subject) -> (UserRef, UserRef, Vec<(Offset, (ConversationId, u64))>) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let one = subject.make(&ann, group(&[&bob])).await;
    let two = subject.make(&ann, channel("ops", &[&bob])).await;
    let three = subject.say(&ann, &bob, "hi").await.conversation;
    let apart = subject.make(&ann, group(&[])).await;
    let mut rng = Rng::new(0x7ea);
    let mut expected = Vec::new();
    for _ in 0..150 {
        let id = [one, two, three, apart][rng.within(0..4) as usize];
        let words = ["tea", "green tea", "coffee", "teapot, tea"][rng.within(0..4) as usize];
        let seq = subject.speak(&ann, id, words).await.number();
        if words.contains("tea") && id != apart {
            expected.push((subject.store.end(), (id, seq)));
        }
    }
    expected.reverse();
    assert!(expected.len() > 70, "{}", expected.len());
    (ann, bob, expected)
}

pub async fn pages_of_hits_give_each_once(subject: Subject) {
    let (_, bob, expected) = much_tea(&subject).await;
    let whole: Vec<_> = expected.iter().map(|(_, place)| *place).collect();
    // Of every size: a page may end where a store looks no further in one go.
    for size in 1..=whole.len() as u32 + 1 {
        let hits = all(&subject, &bob, &look("tea"), size).await;
        assert_eq!(places(&hits), whole, "by {size}");
    }
    // From every place on it is the rest.
    let end = subject.store.end().number();
    for before in (0..=end + 2).map(Offset::new) {
        let found = page(&subject, &bob, &look("tea"), Some(before), 4).await;
        let rest = expected.iter().filter(|(offset, _)| *offset < before);
        let rest: Vec<_> = rest.map(|(_, place)| *place).take(4).collect();
        assert_eq!(places(&found.items), rest, "before {before:?}");
    }
}

pub async fn what_happens_between_two_pages_of_hits_repeats_and_skips_none(subject: Subject) {
    let (ann, bob, mut expected) = much_tea(&subject).await;
    for size in [1, 3, 10] {
        let (mut seen, mut before, mut turn) = (Vec::new(), None, 0);
        let mut newest = Vec::new();
        loop {
            let found = page(&subject, &bob, &look("tea"), before, size).await;
            seen.extend(places(&found.items));
            before = found.next;
            if before.is_none() {
                break;
            }
            turn += 1;
            // One is said, one that was found is edited, and one of those to come is edited or deleted.
            let (id, _) = expected[0].1;
            let seq = subject.speak(&ann, id, "new tea").await;
            newest.push((subject.store.end(), (id, seq.number())));
            let Some((id, seq)) = seen.last().copied() else {
                continue;
            };
            subject
                .edit(&ann, id, seq, &format!("tea of turn {turn} by {size}"))
                .await;
            let at = (seen.len() + 12).min(expected.len() - 1);
            let (id, seq) = expected[at].1;
            if seen.contains(&(id, seq)) {
                continue;
            }
            match turn % 5 {
                0 => drop(subject.delete(&ann, id, seq).await),
                1 => drop(
                    subject
                        .edit(&ann, id, seq, &format!("no more, {turn}"))
                        .await,
                ),
                2 => drop(
                    subject
                        .edit(&ann, id, seq, &format!("tea still, {turn}"))
                        .await,
                ),
                _ => continue,
            }
            if turn % 5 < 2 {
                expected.remove(at);
            }
        }
        let whole: Vec<_> = expected.iter().map(|(_, place)| *place).collect();
        assert_eq!(seen, whole, "by {size}");
        newest.reverse();
        expected.splice(0..0, newest);
    }
    let whole: Vec<_> = expected.iter().map(|(_, place)| *place).collect();
    assert_eq!(places(&all(&subject, &bob, &look("tea"), 500).await), whole);
}

pub async fn a_page_of_hits_ends_at_its_bytes(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let fit = PAGE_BYTES_MAX / TEXT_BYTES_MAX;
    let long = format!("tea {}", "x ".repeat(TEXT_BYTES_MAX / 2 - 2));
    assert_eq!(long.len(), TEXT_BYTES_MAX);
    let batch = (0..2 * fit + 1)
        .map(|_| new(&ann, to(&bob), &long))
        .collect();
    subject.store.append(batch).await.unwrap();
    let (mut sizes, mut seqs, mut before) = (Vec::new(), Vec::new(), None);
    loop {
        let found = page(&subject, &bob, &look("tea"), before, 500).await;
        sizes.push(found.items.len());
        seqs.extend(found.items.iter().map(|hit| hit.message.seq.number()));
        before = found.next;
        if before.is_none() {
            break;
        }
    }
    sizes.retain(|size| *size > 0);
    assert_eq!(sizes, [fit, fit, 1]);
    assert!(seqs.iter().copied().eq((1..=2 * fit as u64 + 1).rev()));
}

/// Every message that a user can read, the newest first, with its offset.
async fn scan(
    subject: &Subject,
    user: &UserRef,
    rooms: &[ConversationId],
) -> Vec<(Offset, Message)> {
    let mut sent = HashMap::new();
    for (event, _) in subject.events_after(Offset::ZERO).await {
        if let EventBody::Message(message) = event.body {
            sent.insert((message.conversation, message.seq), event.offset);
        }
    }
    let mut all = Vec::new();
    for id in rooms {
        let page = subject.page(user, *id).await;
        let messages = page.map_or_else(Vec::new, |page| page.messages);
        all.extend(messages.into_iter().map(|it| (sent[&(*id, it.seq)], it)));
    }
    all.sort_by_key(|(offset, _)| Reverse(*offset));
    all
}

pub async fn a_search_finds_what_a_scan_does(subject: Subject) {
    let seed = 0x5ea2_c400_0001;
    println!("seed {seed:#x}");
    let mut rng = Rng::new(seed);
    let people = subject.people(["ann", "bob", "eve", "fay"]).await;
    let [ann, bob, eve, fay] = &people;
    let open = subject.make(ann, channel("open", &[bob, eve])).await;
    let since = subject.make(ann, group(&[bob, fay])).await;
    let direct = subject.say(bob, ann, "hi").await.conversation;
    let rooms = [open, since, direct];
    let vocabulary = ["ant", "bee", "cat", "cow", "dog", "elk", "fox", "gnu"];
    for step in 0..360 {
        let id = rooms[rng.within(0..3) as usize];
        let user = &people[rng.within(0..4) as usize];
        let Some(view) = subject.view(user, id).await else {
            if id != direct {
                subject.add(ann, id, &[user]).await;
            }
            continue;
        };
        let last = view.conversation.last_seq.number();
        let words: Vec<_> = { 0..rng.within(1..5) }
            .map(|_| vocabulary[rng.within(0..8) as usize])
            .collect();
        let words = words.join(" ");
        let seq = Seq::new(rng.within(1..last + 2).min(last));
        let store = &subject.store;
        match rng.within(0..12) {
            0..6 => {
                let message = sent_at(user, id, &words, after(step * 10));
                subject.try_send(message).await.unwrap();
            }
            6..9 => drop(
                store
                    .edit_message(user.clone(), id, seq, text(&words))
                    .await,
            ),
            9..11 => drop(store.delete_message(user.clone(), id, seq).await),
            _ if user != ann && id != direct => subject.leave(user, id).await,
            _ => {}
        }
        if step % 6 != 0 {
            continue;
        }
        for user in &people {
            let sought: Vec<_> = { 0..rng.within(1..3) }
                .map(|_| vocabulary[rng.within(0..8) as usize])
                .collect();
            let mut search = look(&sought.join(" "));
            if rng.chance(30) {
                search.sender = Some(people[rng.within(0..4) as usize].name.clone());
            }
            if rng.chance(30) {
                search.after = Some(after(rng.within(0..3_600).cast_signed()));
            }
            if rng.chance(30) {
                search.before = Some(after(rng.within(0..3_600).cast_signed()));
            }
            let id = rooms[rng.within(0..3) as usize];
            if rng.chance(30) && subject.view(user, id).await.is_some() {
                search.conversation = Some(id);
            }
            let fits = |message: &Message| {
                let text = message.text.as_ref().map_or("", |text| text.as_str());
                let words: Vec<_> = text.split(' ').collect();
                let conversation = message.conversation;
                { sought.iter() }.all(|word| words.contains(word))
                    && search.conversation.is_none_or(|it| it == conversation)
                    && { search.sender.as_ref() }.is_none_or(|it| *it == message.sender.name)
                    && search.after.is_none_or(|it| it <= message.sent)
                    && search.before.is_none_or(|it| message.sent < it)
            };
            let readable = scan(&subject, user, &rooms).await.into_iter();
            let expected = readable.map(|(_, message)| message).filter(fits);
            let expected: Vec<_> = expected.collect();
            let size = 1 + rng.within(0..9) as u32;
            let hits = all(&subject, user, &search, size).await;
            let found: Vec<_> = hits.into_iter().map(|hit| hit.message).collect();
            assert_eq!(found, expected, "{} at {step}: {search:?}", user.name);
        }
    }
}

pub async fn what_lies_deep_is_found(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(subject.make(&ann, group(&[&bob])).await);
    }
    let apart = subject.make(&ann, group(&[])).await;
    // More than one page looks at, in conversations that lie in each other.
    let number_of = 12_000_u64;
    let place = |number: u64| (rooms[(number % 4) as usize], number / 4 + 1);
    let numbers: Vec<u64> = (0..number_of).collect();
    for part in numbers.chunks(500) {
        let message = |number: &u64| {
            let words = format!("common n{number}x m{}x", number % 1_000);
            new(&ann, Target::Conversation(place(*number).0), &words)
        };
        let mut batch: Vec<_> = part.iter().map(message).collect();
        batch.push(new(&ann, Target::Conversation(apart), "common m7x"));
        let sent = subject.store.append(batch).await.unwrap();
        assert!(sent.iter().all(Result::is_ok));
    }
    let found = async |words: &str, size| places(&all(&subject, &bob, &look(words), size).await);
    for number in [0, 1, 4_999, 5_000, 9_999, 11_999] {
        let words = format!("n{number}x");
        assert_eq!(found(&words, 10).await, [place(number)], "{words}");
        assert_eq!(
            found(&format!("common {words}"), 500).await,
            [place(number)]
        );
    }
    let every: Vec<_> = (0..12)
        .rev()
        .map(|round| place(round * 1_000 + 7))
        .collect();
    assert_eq!(found("m7x", 5).await, every);
    assert_eq!(found("common m7x", 500).await, every);
    let whole: Vec<_> = (0..number_of).rev().map(place).collect();
    assert!(found("common", 500).await == whole);
    let here = look_in(rooms[1], "m1x common");
    let here = places(&all(&subject, &bob, &here, 500).await);
    let every: Vec<_> = (0..12)
        .rev()
        .map(|round| place(round * 1_000 + 1))
        .collect();
    assert_eq!(here, every);
    // What is done to the oldest holds at once.
    let (id, seq) = place(1_003);
    subject.edit(&ann, id, seq, "common, but rare").await;
    assert_eq!(found("rare", 10).await, [(id, seq)]);
    assert_eq!(found("n1003x", 10).await, []);
    assert_eq!(found("m3x", 500).await.len(), 11);
    let (id, seq) = place(2_003);
    subject.delete(&ann, id, seq).await;
    assert_eq!(found("n2003x", 10).await, []);
    assert_eq!(found("m3x", 3).await.len(), 10);
    assert_eq!(found("common", 500).await.len() as u64, number_of - 1);
}

/// Not even where pages end, which tells where the search has got to: one word is also said, older, where it cannot be read.
pub async fn an_answer_says_nothing_of_what_cannot_be_read(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let hidden = subject.make(&bob, group(&[&eve])).await;
    let shared = subject.make(&bob, channel("late", &[])).await;
    for number in 0..150 {
        subject
            .speak(&bob, hidden, &format!("alpha {number}"))
            .await;
        subject
            .speak(&bob, shared, &format!("alpha {number}"))
            .await;
    }
    let since = HistoryAccess::SinceJoin;
    let change = ConversationChange {
        history: Some(since),
        ..ConversationChange::default()
    };
    subject.change(&bob, shared, change).await;
    subject.add(&bob, shared, &[&ann]).await;
    for number in 0..5 {
        subject
            .speak(&ann, shared, &format!("alpha beta {number}"))
            .await;
    }
    // Also of one who is in many conversations, and in one alone.
    for search in [look("alpha"), look_in(shared, "alpha")] {
        let plain = Search {
            query: "beta".parse().unwrap(),
            ..search.clone()
        };
        for size in 1..8 {
            let (mut before, mut pages) = (None, 0);
            loop {
                let with = page(&subject, &ann, &search, before, size).await;
                let without = page(&subject, &ann, &plain, before, size).await;
                let seqs = |found: &Found<Hit>| -> Vec<Seq> {
                    found.items.iter().map(|hit| hit.message.seq).collect()
                };
                assert_eq!(seqs(&with), seqs(&without), "pages of {size}");
                assert_eq!(with.next, without.next, "pages of {size}");
                pages += 1;
                match with.next {
                    Some(next) => before = Some(next),
                    None => break,
                }
            }
            assert!(pages <= 7, "pages of {size}: {pages}");
        }
    }
}

pub async fn a_closed_store_finds_nothing(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    subject.say(&ann, &bob, "tea, @bob").await;
    subject.store.close().await;
    let closed = SearchError::Store(StoreError::Closed);
    assert_eq!(refusal(&subject, &bob, look("tea")).await, closed);
    let listed = subject
        .store
        .list_mentions(bob.id, false, None, PageSize::asked(9));
    assert_eq!(listed.await, Err(StoreError::Closed));
}

pub async fn asking_changes_nothing(subject: Subject) {
    let (_, bob, _) = much_tea(&subject).await;
    let end = subject.store.end();
    let search = |store| Store::search(store, bob.id, look("tea"), None, PageSize::asked(500));
    let first = subject.quiet(search).await;
    for _ in 0..20 {
        assert_eq!(subject.quiet(search).await, first);
    }
    let list = |store| Store::list_mentions(store, bob.id, false, None, PageSize::asked(500));
    subject.quiet(list).await;
    assert_eq!(subject.store.end(), end);
}
