//! What a user sets for a conversation, through the real server: every device of the user agrees at once, and nobody else
//! learns it.

use std::time::{Duration, Instant};

use prost_types::Timestamp;
use tinychat::pb::{
    Conversation, MarkReadRequest, MarkUnreadRequest, NotifyLevel, NotifySettings,
    SetNotifyLevelRequest, event::Body,
};
use tonic::{Code, Status};

use crate::{
    groups::asking::*,
    support::{
        Account, Start, both_stores,
        feed::{DOORS, Door, From, after},
        in_time,
    },
};

both_stores! {
    what_one_device_sets_the_others_have_and_nobody_else,
    two_devices_agree_within_200_ms,
    strangers_set_nothing,
}

/// How soon the second device must know (the figure of the contract's eighth item).
const AGREED: Duration = Duration::from_millis(200);

async fn mark_unread(who: &Account, id: &str) -> Result<(), Status> {
    let mut chat = who.connection.chat();
    let request = MarkUnreadRequest {
        conversation_id: id.to_owned(),
    };
    let marked = in_time("mark unread", chat.mark_unread(request)).await;
    marked.map(drop)
}

async fn mark_read(who: &Account, id: &str, read_seq: u64) {
    let mut chat = who.connection.chat();
    let request = MarkReadRequest {
        conversation_id: id.to_owned(),
        read_seq,
    };
    in_time("mark read", chat.mark_read(request)).await.unwrap();
}

async fn notify(who: &Account, id: &str, level: NotifyLevel, until: i64) -> Result<(), Status> {
    let request = SetNotifyLevelRequest {
        conversation_id: id.to_owned(),
        notify: Some(NotifySettings {
            level: level.into(),
            until_time: (until > 0).then_some(Timestamp {
                seconds: until,
                nanos: 0,
            }),
        }),
    };
    let set = ask!(who, set_notify_level, request.clone())?;
    assert_eq!(set.notify, request.notify);
    Ok(())
}

fn settings(conversation: &Conversation) -> (bool, NotifyLevel, bool) {
    let notify = conversation.notify.as_ref().unwrap();
    let until = notify.until_time.is_some();
    (conversation.marked_unread, notify.level(), until)
}

async fn what_one_device_sets_the_others_have_and_nobody_else(start: Start) {
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    ann.send("ann", "begin").await;
    bob.send("bob", "begin").await;
    let id = group(&ann, "club", &["bob"]).await.id;
    say(&ann, &id, "one").await;
    let other = Account::login(&server, "bob").await;
    let mut of_bob = both_live(&other).await;
    let mut of_ann = both_live(&ann).await;
    let begin = other.replayed(Door::Chat, From::default()).await;
    let begin = begin.last().unwrap().cursor.clone();
    let in_2099 = 4_070_908_800;

    assert_eq!(
        settings(&get(&bob, &id).await.unwrap()),
        (false, NotifyLevel::All, false)
    );
    mark_unread(&bob, &id).await.unwrap();
    // Twice is once.
    mark_unread(&bob, &id).await.unwrap();
    notify(&bob, &id, NotifyLevel::Mentions, 0).await.unwrap();
    notify(&bob, &id, NotifyLevel::Mentions, 0).await.unwrap();
    notify(&bob, &id, NotifyLevel::None, in_2099).await.unwrap();
    let due = [
        "set ALL, put aside: true",
        "set MENTIONS, put aside: true",
        "set NONE, put aside: true",
    ];
    assert_eq!(all_told(&until_note(&bob, &mut of_bob, "a").await), due);
    let state = get(&other, &id).await.unwrap();
    assert_eq!(settings(&state), (true, NotifyLevel::None, true));
    assert_eq!(state.unread, 1, "the mark is no message");

    // A marker that does not move takes the mark away, too.
    mark_read(&bob, &id, 1).await;
    mark_unread(&bob, &id).await.unwrap();
    mark_read(&bob, &id, 1).await;
    let due = [
        "read 1",
        "set NONE, put aside: false",
        "set NONE, put aside: true",
        "set NONE, put aside: false",
    ];
    let mut told = all_told(&until_note(&bob, &mut of_bob, "b").await);
    told.sort_by_key(|line| line != "read 1");
    assert_eq!(told, due);

    // A device that was away gets the last value once; the one that begins has it in the state.
    for door in DOORS {
        let missed = all_told(&other.replayed(door, after(&begin)).await);
        let set: Vec<&String> = missed
            .iter()
            .filter(|line| line.starts_with("set"))
            .collect();
        assert_eq!(set, ["set NONE, put aside: false"], "{door:?}");
    }
    let told = all_told(&until_note(&ann, &mut of_ann, "a").await);
    assert!(told.iter().all(|line| !line.starts_with("set")), "{told:?}");
}

async fn two_devices_agree_within_200_ms(start: Start) {
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    let id = ann.send("bob", "first").await.conversation_id;
    let other = Account::login(&server, "bob").await;
    let mut live = other.live(Door::Chat).await;
    let mut took = Vec::new();
    for _ in 0..20 {
        let seq = ann.send("bob", "next").await.seq;
        let began = Instant::now();
        mark_read(&bob, &id, seq).await;
        live.until(|body| matches!(body, Body::ReadMarker(it) if it.read_seq == seq))
            .await;
        took.push(began.elapsed());
        let began = Instant::now();
        mark_unread(&bob, &id).await.unwrap();
        live.until(|body| matches!(body, Body::SettingsChanged(it) if it.marked_unread))
            .await;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    // The median: a busy machine may hold up any single one.
    let median = took[took.len() / 2];
    assert!(median < AGREED, "{took:?}");
}

async fn strangers_set_nothing(start: Start) {
    let server = start.start();
    let [ann, bob, eve] = registered(&server, ["ann", "bob", "eve"]).await;
    let id = group(&ann, "club", &["bob"]).await.id;
    leave(&bob, &id).await.unwrap();
    for who in [&bob, &eve] {
        let answer = mark_unread(who, &id).await;
        refused(answer, Code::NotFound, "CONVERSATION_NOT_FOUND", &who.name);
        let answer = notify(who, &id, NotifyLevel::None, 0).await;
        refused(answer, Code::NotFound, "CONVERSATION_NOT_FOUND", &who.name);
    }
    // What was set goes with the membership.
    add(&ann, &id, &["bob"]).await.unwrap();
    notify(&bob, &id, NotifyLevel::None, 0).await.unwrap();
    leave(&bob, &id).await.unwrap();
    add(&ann, &id, &["bob"]).await.unwrap();
    assert_eq!(
        settings(&get(&bob, &id).await.unwrap()),
        (false, NotifyLevel::All, false)
    );
}
