//! Finding messages again through the real server: search and mentions, what each member may find, the refusals, and that
//! the index is only an index: it can be lost or damaged, outlives a kill, and keeps no word that was deleted.

use std::{fs, path::Path, time::Duration};

use prost_types::Timestamp;
use tinychat::pb::{
    ListMentionsRequest, ListMessagesRequest, Message, NotifyLevel, NotifySettings, SearchHit,
    SearchMessagesRequest, SetNotifyLevelRequest, list_messages_request::Position,
};
use tonic::{Code, Status};

use crate::{
    groups::asking::*,
    support::{Account, Server, Start, both_stores, eventually, eventually_async},
};

both_stores! {
    what_is_said_is_found_by_those_who_may_read_it,
    pages_of_a_search_give_each_hit_once,
    a_refused_search_says_why,
    mentions_are_an_inbox,
    messages_are_paged_by_time,
}

fn words(query: &str) -> SearchMessagesRequest {
    SearchMessagesRequest {
        query: query.to_owned(),
        ..SearchMessagesRequest::default()
    }
}

async fn search(who: &Account, request: SearchMessagesRequest) -> Vec<SearchHit> {
    let found = ask!(who, search_messages, request).unwrap();
    assert_eq!(found.next_page_token, "");
    found.hits
}

/// A hit as one line: its text, the marked parts in brackets.
fn marked(hit: &SearchHit) -> String {
    let parts = hit.snippet.iter().map(|part| match part.r#match {
        true => format!("[{}]", part.text),
        false => part.text.clone(),
    });
    parts.collect()
}

async fn found(who: &Account, query: &str) -> Vec<String> {
    let hits = search(who, words(query)).await;
    hits.iter().map(marked).collect()
}

async fn what_is_said_is_found_by_those_who_may_read_it(start: Start) {
    let server = start.start();
    let [ann, bob, eve] = registered(&server, ["ann", "bob", "eve"]).await;
    let club = group(&ann, "club", &["bob"]).await.id;
    say(&ann, &club, "Lunch at the Café Zürich").await;
    say(&bob, &club, "the café is closed").await;
    ann.send("bob", "another cafeteria, then").await;

    let all = [
        "another [cafeteria], then",
        "the [café] is closed",
        "Lunch at the [Café] Zürich",
    ];
    assert_eq!(found(&ann, "CAFE").await, all);
    assert_eq!(found(&bob, "cafe").await, all);
    assert_eq!(found(&eve, "cafe").await, [""; 0]);
    assert_eq!(
        found(&ann, "zurich cafe").await,
        ["Lunch at the [Café] [Zürich]"]
    );
    assert_eq!(found(&ann, "\"café is\"").await, ["the [café is] closed"]);

    let here = SearchMessagesRequest {
        conversation_id: club.clone(),
        sender_name: "bob".to_owned(),
        ..words("cafe")
    };
    let hits = search(&ann, here.clone()).await;
    let [hit] = hits.as_slice() else {
        panic!("{hits:?}")
    };
    assert_eq!(marked(hit), "the [café] is closed");
    let page = page(&ann, &club).await.unwrap();
    assert_eq!(hit.message.as_ref(), page.messages.last());

    // Edited: found by what it says now; deleted: not any more. And whoever left or came later finds what it may read.
    edit(&bob, &club, 2, "the bistro is open").await.unwrap();
    assert_eq!(found(&ann, "bistro").await, ["the [bistro] is open"]);
    assert_eq!(search(&ann, here).await, []);
    delete(&ann, &club, 1).await.unwrap();
    assert_eq!(found(&bob, "lunch").await, [""; 0]);
    add(&ann, &club, &["eve"]).await.unwrap();
    assert_eq!(found(&eve, "bistro").await, [""; 0]);
    say(&ann, &club, "a bistro for eve").await;
    assert_eq!(found(&eve, "bistro").await, ["a [bistro] for eve"]);
    leave(&eve, &club).await.unwrap();
    assert_eq!(found(&eve, "bistro").await, [""; 0]);
}

async fn pages_of_a_search_give_each_hit_once(start: Start) {
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    let mut due = Vec::new();
    for number in 0..30 {
        let to = if number % 2 == 0 { "bob" } else { "ann" };
        let text = format!("needle {number}");
        ann.send(to, &text).await;
        ann.send(to, "hay").await;
        due.insert(0, text);
    }
    for page_size in [1, 7, 30] {
        let (mut came, mut token) = (Vec::new(), String::new());
        loop {
            let request = SearchMessagesRequest {
                page_size,
                page_token: token,
                ..words("needle")
            };
            let found = ask!(ann, search_messages, request).unwrap();
            assert!(found.hits.len() <= page_size as usize);
            let messages = found.hits.into_iter().filter_map(|hit| hit.message);
            came.extend(messages.map(|message| text_of(&message).to_owned()));
            if found.next_page_token.is_empty() {
                break;
            }
            token = found.next_page_token;
        }
        assert_eq!(came, due, "pages of {page_size}");
    }
    // bob is in one of the two conversations.
    assert_eq!(search(&bob, words("needle")).await.len(), 15);
}

async fn a_refused_search_says_why(start: Start) {
    let server = start.start();
    let [ann, eve] = registered(&server, ["ann", "eve"]).await;
    let club = group(&ann, "club", &[]).await.id;
    say(&ann, &club, "something").await;
    let ask = async |who: &Account, request: SearchMessagesRequest| -> Result<(), Status> {
        ask!(who, search_messages, request).map(drop)
    };
    let invalid = Code::InvalidArgument;
    for query in [
        "",
        " ",
        "*",
        "\"\"",
        "😀",
        &"x".repeat(257),
        &"w ".repeat(17),
    ] {
        let answer = ask(&ann, words(query)).await;
        refused(answer, invalid, "QUERY_INVALID", query);
    }
    // Nothing else is ever wrong with a query.
    for query in [
        "a OR", "NEAR(", "text:x", "{a b}:c", "-a", "^a", "a*", "\"a", "a\0b", "'; --x",
    ] {
        ask(&ann, words(query)).await.unwrap();
    }
    let here = |id: &str| SearchMessagesRequest {
        conversation_id: id.to_owned(),
        ..words("something")
    };
    refused(
        ask(&ann, here("x")).await,
        invalid,
        "CONVERSATION_ID_INVALID",
        "no id",
    );
    for (who, id) in [(&eve, club.as_str()), (&ann, "c999")] {
        let answer = ask(who, here(id)).await;
        refused(answer, Code::NotFound, "CONVERSATION_NOT_FOUND", id);
    }
    let by = |name: &str| SearchMessagesRequest {
        sender_name: name.to_owned(),
        ..words("something")
    };
    refused(
        ask(&ann, by("No Name")).await,
        invalid,
        "USER_NAME_INVALID",
        "a name",
    );
    refused(
        ask(&ann, by("zoe")).await,
        Code::NotFound,
        "USER_NOT_FOUND",
        "zoe",
    );
    let time = SearchMessagesRequest {
        after_time: Some(Timestamp {
            seconds: -1,
            nanos: 0,
        }),
        ..words("something")
    };
    refused(ask(&ann, time).await, invalid, "TIME_INVALID", "1969");
    let token = SearchMessagesRequest {
        page_token: "garbage!".to_owned(),
        ..words("something")
    };
    refused(
        ask(&ann, token).await,
        invalid,
        "PAGE_TOKEN_INVALID",
        "a token",
    );
    let past = SetNotifyLevelRequest {
        conversation_id: club.clone(),
        notify: Some(NotifySettings {
            level: NotifyLevel::None.into(),
            until_time: Some(Timestamp {
                seconds: 1,
                nanos: 0,
            }),
        }),
    };
    let answer = ask!(ann, set_notify_level, past.clone()).map(drop);
    refused(answer, invalid, "TIME_INVALID", "a time that is over");
    let unsaid = SetNotifyLevelRequest {
        notify: None,
        ..past
    };
    let answer = ask!(ann, set_notify_level, unsaid).map(drop);
    refused(answer, invalid, "NOTIFY_LEVEL_INVALID", "no level");
}

async fn mentions(who: &Account, unread_only: bool) -> Vec<Message> {
    let request = ListMentionsRequest {
        unread_only,
        ..ListMentionsRequest::default()
    };
    ask!(who, list_mentions, request).unwrap().messages
}

async fn mentions_are_an_inbox(start: Start) {
    let server = start.start();
    let [ann, bob, eve] = registered(&server, ["ann", "bob", "eve"]).await;
    let news = channel(&ann, "news", &["bob", "eve"]).await.id;
    say(&ann, &news, "@bob, look").await;
    say(&bob, &news, "@all is no word of mine, @eve").await;
    say(&ann, &news, "@all: look").await;
    eve.send("bob", "hi @bob").await;

    let texts = |messages: Vec<Message>| -> Vec<String> {
        messages.iter().map(|it| text_of(it).to_owned()).collect()
    };
    let of_bob = mentions(&bob, true).await;
    assert!(of_bob[1].mentions_all && of_bob[1].mentions.is_empty());
    assert_eq!(of_bob[2].mentions[0].name, "bob");
    assert_eq!(texts(of_bob), ["hi @bob", "@all: look", "@bob, look"]);
    let due = ["@all: look", "@all is no word of mine, @eve"];
    assert_eq!(texts(mentions(&eve, false).await), due);
    assert_eq!(texts(mentions(&ann, false).await), [""; 0]);

    assert_eq!(get(&bob, &news).await.unwrap().mentions, 2);
    let mut chat = bob.connection.chat();
    let read = tinychat::pb::MarkReadRequest {
        conversation_id: news.clone(),
        read_seq: 1,
    };
    chat.mark_read(read).await.unwrap();
    assert_eq!(get(&bob, &news).await.unwrap().mentions, 1);
    assert_eq!(texts(mentions(&bob, true).await), ["hi @bob", "@all: look"]);
    delete(&ann, &news, 3).await.unwrap();
    assert_eq!(texts(mentions(&bob, true).await), ["hi @bob"]);
    assert_eq!(get(&bob, &news).await.unwrap().mentions, 0);
}

async fn messages_are_paged_by_time(start: Start) {
    let server = start.start();
    let [ann] = registered(&server, ["ann"]).await;
    let mut id = String::new();
    for number in 0..5 {
        id = ann
            .send("ann", &format!("note {number}"))
            .await
            .conversation_id;
        // The clock of the server has milliseconds: the next one is later.
        let last = ann.newest(&id, 1).await[0].sent_time.unwrap();
        eventually_async("the clock moves", async || {
            let mut chat = ann.connection.chat();
            let now = chat.time(tinychat::pb::TimeRequest {}).await.unwrap();
            let now = now.into_inner().time.unwrap();
            (now.seconds, now.nanos) > (last.seconds, last.nanos)
        })
        .await;
    }
    let all = ann.history(&id).await;
    let at = all[2].sent_time;
    let page = async |position: Position| -> Vec<u64> {
        let request = ListMessagesRequest {
            conversation_id: id.clone(),
            position: Some(position),
            page_size: 3,
        };
        let page = ask!(ann, list_messages, request).unwrap();
        page.messages.iter().map(|message| message.seq).collect()
    };
    assert_eq!(page(Position::BeforeTime(at.unwrap())).await, [1, 2]);
    assert_eq!(page(Position::AfterTime(at.unwrap())).await, [3, 4, 5]);
    assert_eq!(page(Position::AroundTime(at.unwrap())).await, [2, 3, 4]);
    let (first, last) = (
        Timestamp::default(),
        Timestamp {
            seconds: 253_402_300_799,
            nanos: 0,
        },
    );
    assert_eq!(page(Position::BeforeTime(first)).await, [0; 0]);
    assert_eq!(page(Position::AfterTime(first)).await, [1, 2, 3]);
    assert_eq!(page(Position::BeforeTime(last)).await, [3, 4, 5]);
    assert_eq!(page(Position::AfterTime(last)).await, [0; 0]);
    assert_eq!(page(Position::AroundTime(last)).await, [3, 4, 5]);
    let never = Timestamp {
        seconds: 0,
        nanos: -1,
    };
    let request = ListMessagesRequest {
        conversation_id: id.clone(),
        position: Some(Position::AroundTime(never)),
        page_size: 3,
    };
    let answer = ask!(ann, list_messages, request);
    refused(answer, Code::InvalidArgument, "TIME_INVALID", "no time");
}

/// Whether a word stands in any file of the index.
fn index_holds(data: &Path, word: &str) -> bool {
    let files = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let of_index = files.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("search.db")
    });
    let mut held = of_index.map(|path| fs::read(path).unwrap_or_default());
    held.any(|bytes| {
        bytes
            .windows(word.len())
            .any(|part| part == word.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_word_leaves_the_index_too() {
    let server = Server::start();
    let data = server.again().data().to_owned();
    let [ann] = registered(&server, ["ann"]).await;
    let (gone, edited) = ("xyloquartz", "vexwhimsical");
    let id = ann
        .send("ann", &format!("a {gone} word"))
        .await
        .conversation_id;
    ann.send("ann", &format!("an {edited} word")).await;
    let patience = Duration::from_secs(30);
    eventually("both words are in the index", patience, || {
        index_holds(&data, gone) && index_holds(&data, edited)
    })
    .await;
    delete(&ann, &id, 1).await.unwrap();
    edit(&ann, &id, 2, "nothing to see").await.unwrap();
    assert_eq!(found(&ann, gone).await, [""; 0]);
    assert_eq!(found(&ann, edited).await, [""; 0]);
    eventually("neither is", patience, || {
        !index_holds(&data, gone) && !index_holds(&data, edited)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_index_can_be_lost_damaged_or_killed() {
    let mut server = Server::start();
    let data = server.again().data().to_owned();
    let [ann] = registered(&server, ["ann"]).await;
    let mut said = 0;
    for damage in ["none", "lost", "garbage", "cut", "kill"] {
        said += 1;
        ann.on(&server)
            .send("ann", &format!("needle {damage}"))
            .await;
        if damage == "kill" {
            server.kill9();
        } else {
            assert!(server.terminate().status.success());
        }
        let index = data.join("search.db");
        match damage {
            "lost" => fs::remove_file(&index).unwrap(),
            "garbage" => fs::write(&index, b"this is no database").unwrap(),
            "cut" => {
                let bytes = fs::read(&index).unwrap();
                fs::write(&index, &bytes[..bytes.len() / 2]).unwrap();
            }
            _ => {}
        }
        server = server.restart();
        let ann = ann.on(&server);
        let hits = search(&ann, words("needle")).await;
        assert_eq!(hits.len(), said, "after {damage}");
    }
}
