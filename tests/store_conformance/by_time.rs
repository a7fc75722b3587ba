//! Pages of messages by the time at which they were sent: before, from and around it.

use super::{
    doing::{channel, group},
    subject::{NOON, Subject, after, new},
};
use tinychat::{
    domain::{
        clock::TimeMs,
        conversation::{HistoryAccess, NewConversation},
        ids::{ConversationId, Seq},
        limits::{PAGE_BYTES_MAX, TEXT_BYTES_MAX},
        message::Target,
        page::{PageSize, Position, PositionAsked},
        user::UserRef,
    },
    store::MessagePage,
};

type ByTime = fn(TimeMs) -> PositionAsked;

/// The three ways to ask.
const WAYS: [ByTime; 3] = [
    PositionAsked::BeforeTime,
    PositionAsked::AfterTime,
    PositionAsked::AroundTime,
];

/// Says something at each of these times, so many ms after noon.
async fn said_at(subject: &Subject, user: &UserRef, id: ConversationId, times: &[i64]) {
    let message = |ms: &i64| {
        let mut message = new(user, Target::Conversation(id), &ms.to_string());
        message.sent = after(*ms);
        message
    };
    let batch = times.iter().map(message).collect();
    let sent = subject.store.append(batch).await.unwrap();
    assert!(sent.iter().all(Result::is_ok));
}

async fn page(
    subject: &Subject,
    user: &UserRef,
    id: ConversationId,
    position: PositionAsked,
    size: u32,
) -> MessagePage {
    let size = PageSize::asked(size);
    let page = subject.store.list_messages(user.id, id, position, size);
    page.await.unwrap().unwrap()
}

fn seqs(page: &MessagePage) -> Vec<u64> {
    { page.messages.iter() }.map(|it| it.seq.number()).collect()
}

/// The seqs of a page by time.
async fn at(
    subject: &Subject,
    user: &UserRef,
    id: ConversationId,
    position: PositionAsked,
    size: u32,
) -> Vec<u64> {
    seqs(&page(subject, user, id, position, size).await)
}

/// Asks for pages of every size, from before the first to after the last time, and compares each with the one by the seq
/// that a look at all times finds.
async fn assert_everywhere(
    subject: &Subject,
    user: &UserRef,
    id: ConversationId,
    floor: u64,
    times: &[i64],
) {
    let last = Seq::new(times.len() as u64);
    let readable = &times[usize::try_from(floor).unwrap()..];
    let asked = { times.iter().flat_map(|time| [time - 1, *time, time + 1]) }
        .map(after)
        .chain([0, i64::MIN, i64::MAX].map(TimeMs::new));
    for time in asked {
        let before = { readable.iter() }.take_while(|sent| after(**sent) < time);
        let first = Seq::new(floor + before.count() as u64 + 1);
        for size in [1, 2, 3, 4, 7, 500] {
            let by_seq = [
                Position::Before(first),
                Position::After(Seq::new(first.number() - 1)),
                Position::Around(first),
            ];
            for (way, position) in WAYS.into_iter().zip(by_seq) {
                let found = page(subject, user, id, way(time), size).await;
                let range = position.range(Seq::new(floor), last, PageSize::asked(size));
                let expected: Vec<u64> = range.map_or_else(Vec::new, |(from, to)| {
                    (from.number()..=to.number()).collect()
                });
                assert_eq!(seqs(&found), expected, "{position:?} at {time:?} by {size}");
                assert_eq!((found.floor, found.last_seq), (Seq::new(floor), last));
            }
        }
    }
}

pub async fn messages_are_paged_before_from_and_around_a_time(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    said_at(&subject, &ann, id, &[0, 10, 20, 30, 40]).await;
    let at = async |position, size| at(&subject, &bob, id, position, size).await;
    let before = |ms| PositionAsked::BeforeTime(after(ms));
    let from = |ms| PositionAsked::AfterTime(after(ms));
    let around = |ms| PositionAsked::AroundTime(after(ms));
    let none: [u64; 0] = [];
    for (ms, first) in [(20, 3), (19, 3), (11, 3), (10, 2), (40, 5)] {
        assert_eq!(at(before(ms), 1).await, [first - 1], "{ms}");
        assert_eq!(at(from(ms), 1).await, [first], "{ms}");
        assert_eq!(at(around(ms), 1).await, [first], "{ms}");
    }
    assert_eq!(at(before(20), 9).await, [1, 2]);
    assert_eq!(at(before(30), 2).await, [2, 3]);
    assert_eq!(at(from(20), 9).await, [3, 4, 5]);
    assert_eq!(at(from(15), 2).await, [3, 4]);
    assert_eq!(at(around(20), 3).await, [2, 3, 4]);
    // Before the first.
    assert_eq!(at(before(0), 9).await, none);
    assert_eq!(at(before(-1), 9).await, none);
    assert_eq!(at(from(-1), 2).await, [1, 2]);
    assert_eq!(at(around(-1), 2).await, [1, 2]);
    // After the last.
    assert_eq!(at(before(41), 2).await, [4, 5]);
    assert_eq!(at(from(41), 9).await, none);
    assert_eq!(at(around(41), 2).await, [4, 5], "the newest");
}

pub async fn every_time_is_found_among_equal_ones(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    let times = [5, 5, 5, 7, 8, 8, 20, 20, 20, 20, 20, 21, 40, 40];
    said_at(&subject, &ann, id, &times).await;
    assert_everywhere(&subject, &bob, id, 0, &times).await;
    // What becomes of a message does not change when it was sent.
    subject.edit(&ann, id, 4, "edited").await;
    subject.delete(&ann, id, 8).await;
    assert_everywhere(&subject, &bob, id, 0, &times).await;
}

pub async fn one_message_and_none_are_found_by_time(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    for way in WAYS {
        for time in [TimeMs::new(0), NOON, TimeMs::new(i64::MAX)] {
            assert_eq!(at(&subject, &bob, id, way(time), 9).await, [0; 0]);
        }
    }
    said_at(&subject, &ann, id, &[0]).await;
    assert_everywhere(&subject, &bob, id, 0, &[0]).await;
}

pub async fn nothing_below_the_floor_is_found_by_time(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let id = subject.make(&ann, group(&[])).await;
    let times = [0, 10, 10, 20, 20, 20, 30, 40, 40, 50];
    said_at(&subject, &ann, id, &times[..5]).await;
    // In the middle of equal times.
    subject.add(&ann, id, &[&bob]).await;
    assert_everywhere(&subject, &bob, id, 5, &times[..5]).await;
    said_at(&subject, &ann, id, &times[5..]).await;
    assert_everywhere(&subject, &bob, id, 5, &times).await;
    assert_everywhere(&subject, &ann, id, 0, &times).await;
    subject.add(&ann, id, &[&eve]).await;
    assert_everywhere(&subject, &eve, id, 10, &times).await;
}

pub async fn pages_from_a_time_on_give_the_whole(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    // Others speak elsewhere at the same times.
    let apart = subject.make(&ann, group(&[])).await;
    let times: Vec<i64> = (0..1_000).map(|number| number / 3 * 10).collect();
    for part in times.chunks(100) {
        said_at(&subject, &ann, id, part).await;
        said_at(&subject, &ann, apart, part).await;
    }
    for (ms, first) in [(-5, 1), (0, 1), (1, 4), (1_660, 499), (3_330, 1_000)] {
        for size in [50, 333, 500] {
            let mut whole = Vec::new();
            let mut position = PositionAsked::AfterTime(after(ms));
            while let [from, .., to] | [from @ to] =
                at(&subject, &bob, id, position, size).await[..]
            {
                whole.extend(from..=to);
                position = PositionAsked::At(Position::After(Seq::new(to)));
            }
            assert_eq!(whole, (first..=1_000).collect::<Vec<_>>(), "from {ms}");
            let mut earlier = Vec::new();
            let mut position = PositionAsked::BeforeTime(after(ms));
            while let [from, .., to] | [from @ to] =
                at(&subject, &bob, id, position, size).await[..]
            {
                earlier.extend((from..=to).rev());
                position = PositionAsked::At(Position::Before(Seq::new(from)));
            }
            assert_eq!(earlier, (1..first).rev().collect::<Vec<_>>(), "before {ms}");
        }
    }
}

pub async fn a_page_by_time_ends_at_its_bytes(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    let fit = (PAGE_BYTES_MAX / TEXT_BYTES_MAX) as u64;
    let last = 2 * fit + 10;
    let long = "x".repeat(TEXT_BYTES_MAX);
    let message = |number: u64| {
        let mut message = new(&ann, Target::Conversation(id), &long);
        message.sent = after(i64::try_from(number).unwrap());
        message
    };
    let batch = (1..=last).map(message).collect();
    subject.store.append(batch).await.unwrap();
    let at = async |position| at(&subject, &bob, id, position, 500).await;
    let time = |ms: u64| after(i64::try_from(ms).unwrap());
    let before = at(PositionAsked::BeforeTime(time(100))).await;
    assert_eq!(
        before,
        (100 - fit..100).collect::<Vec<_>>(),
        "keeps its end"
    );
    let from = at(PositionAsked::AfterTime(time(4))).await;
    assert_eq!(
        from,
        (4..4 + fit).collect::<Vec<_>>(),
        "keeps its beginning"
    );
    let around = at(PositionAsked::AroundTime(time(70))).await;
    assert_eq!(around.len() as u64, fit);
    assert!(
        around[0] < 70 && around[around.len() - 1] > 70,
        "{around:?}"
    );
    let newest = at(PositionAsked::AroundTime(time(last + 1))).await;
    assert_eq!(newest, (last - fit + 1..=last).collect::<Vec<_>>());
}

pub async fn a_clock_that_was_set_back_leaves_some_boundary(subject: Subject) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    let times = [10, 20, 30, 40, 15, 25, 35, 45, 5, 50, 60, 12, 13];
    said_at(&subject, &ann, id, &times).await;
    let last = times.len() as u64;
    for ms in 0..=61 {
        let from = at(&subject, &bob, id, PositionAsked::AfterTime(after(ms)), 500).await;
        let first = last + 1 - from.len() as u64;
        assert_eq!(from, (first..=last).collect::<Vec<_>>());
        let sent = |seq: u64| times[usize::try_from(seq).unwrap() - 1];
        assert!(
            first == last + 1 || sent(first) >= ms,
            "from {ms} is {first}"
        );
        assert!(first == 1 || sent(first - 1) < ms, "from {ms} is {first}");
        let before = at(
            &subject,
            &bob,
            id,
            PositionAsked::BeforeTime(after(ms)),
            500,
        )
        .await;
        assert_eq!(before, (1..first).collect::<Vec<_>>(), "the same place");
    }
}

pub async fn a_time_tells_strangers_nothing(subject: Subject) {
    let [ann, bob, eve] = subject.people(["ann", "bob", "eve"]).await;
    let since = NewConversation {
        history: HistoryAccess::SinceJoin,
        ..channel("ops", &[&bob])
    };
    let id = subject.make(&ann, since).await;
    said_at(&subject, &ann, id, &[0, 10]).await;
    subject.leave(&bob, id).await;
    let size = PageSize::asked(9);
    for user in [&bob, &eve] {
        for id in [id, ConversationId::new(99)] {
            for way in WAYS {
                let page = subject.store.list_messages(user.id, id, way(NOON), size);
                assert_eq!(page.await, Ok(None));
            }
        }
    }
    subject.join(&bob, "ops").await;
    for way in WAYS {
        assert_eq!(at(&subject, &bob, id, way(NOON), 9).await, [0; 0]);
    }
}
