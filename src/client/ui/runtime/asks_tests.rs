//! What the UI asks, and what comes of pages that the cache has or has not.

use std::path::Path;

use super::*;
use crate::{
    client::{
        app::{blocked::Blocked, look::Look},
        cache::{Change, Key, Word},
        net::{
            live::fake_tests::Stage,
            session::Patience,
            tls::{Assurance, Security},
        },
    },
    domain::clock::TimeMs,
};

/// Asks a server that is not there.
fn asker() -> Asker {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let session = Session::open(&address.parse().unwrap(), &Security::Plaintext).unwrap();
    let mut asker = Asker::new(session, "ann".parse().unwrap(), Zone::Local);
    asker.patience = Patience::None;
    asker
}

/// A cache that has the messages 6 to 10 of a conversation with 20.
async fn cache(folder: &Path) -> Cache {
    let key = Key {
        server: "127.0.0.1:7777".parse().unwrap(),
        assurance: Assurance::Plaintext,
        user: "ann".parse().unwrap(),
    };
    let (cache, _) = Cache::open(folder, &key).unwrap();
    let mut stored = cache.stored();
    let state = pb::Conversation {
        id: "c1".to_owned(),
        last_seq: 20,
        ..pb::Conversation::default()
    };
    let message = |seq| pb::Message {
        conversation_id: "c1".to_owned(),
        seq,
        ..pb::Message::default()
    };
    let mut changes = vec![
        Change::Conversation {
            state: Box::new(state),
            last_activity: 1,
        },
        Change::SentLine {
            conversation: "c1".to_owned(),
            text: "hello".to_owned(),
        },
        Change::Marker {
            conversation: "c1".to_owned(),
            user_id: "u2".to_owned(),
            read_seq: 3,
            delivered_seq: 4,
        },
    ];
    changes.extend((6..=10).map(|seq| Change::Message(Box::new(message(seq)))));
    changes.push(Change::Cursor("x-1".to_owned()));
    cache.apply(changes);
    while stored.next().await != Word::Stored(Some("x-1".to_owned())) {}
    cache
}

async fn page(cache: &Cache, ask: Ask) -> Result<Vec<u64>, String> {
    let question = Question::Page {
        cache: Some(cache.clone()),
        chat: "c1".into(),
        ask,
        count: 3,
    };
    let answer = asker().ask(question).await;
    assert!(answer.learned.messages.is_none(), "it is there already");
    match answer.news.into_iter().next().unwrap() {
        News::Page {
            chat,
            ask: of,
            page,
        } => {
            assert_eq!((chat.as_str(), of), ("c1", ask));
            let page = page.map_err(|problem| problem.render_line())?;
            assert_eq!(page.ends, None, "a cache does not know where it ends");
            Ok(page.messages.iter().map(|message| message.seq).collect())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_page_comes_from_the_cache_as_far_as_that_has_it() {
    let home = tempfile::tempdir().unwrap();
    let cache = cache(home.path()).await;
    assert_eq!(page(&cache, Ask::Before(10)).await, Ok(vec![7, 8, 9]));
    assert_eq!(page(&cache, Ask::Before(7)).await, Ok(vec![6]));
    assert_eq!(page(&cache, Ask::After(8)).await, Ok(vec![9, 10]));
    assert_eq!(page(&cache, Ask::Around(8)).await, Ok(vec![7, 8, 9]));
    // Holes are the server's, and there is none.
    for ask in [Ask::Newest, Ask::Before(6), Ask::After(10), Ask::Around(15)] {
        let problem = page(&cache, ask).await.unwrap_err();
        assert!(problem.contains("cannot reach the server"), "{problem}");
    }
}

#[tokio::test]
async fn what_the_cache_has_waits_for_no_server() {
    let home = tempfile::tempdir().unwrap();
    let cache = cache(home.path()).await;
    let asker = asker();
    let _all = asker.permits.acquire_many(16).await.unwrap();
    let question = Question::Page {
        cache: Some(cache.clone()),
        chat: "c1".into(),
        ask: Ask::Before(10),
        count: 3,
    };
    assert_eq!(asker.clone().ask(question).await.news.len(), 1);
    let kept = asker.clone().ask(Question::Kept(cache, "c1".into())).await;
    let expected = [
        News::Lines {
            chat: "c1".into(),
            lines: vec!["hello".to_owned()],
        },
        News::Marker {
            chat: "c1".into(),
            user_id: "u2".to_owned(),
            marker: Marker {
                delivered: 4,
                read: 3,
            },
        },
    ];
    assert_eq!(kept.news, expected);
}

#[tokio::test]
async fn every_question_has_its_answer_also_where_the_server_knows_of_nothing() {
    let stage = Stage::new().await;
    let here = stage.address.to_string().parse().unwrap();
    let session = Session::open(&here, &Security::Plaintext).unwrap();
    let asker = Asker::new(session, "ann".parse().unwrap(), Zone::Local);
    let chat = || ChatId::from("c1");
    let search = Search {
        look: Look::default(),
        spot: None,
        page: String::new(),
    };
    let questions = [
        Question::Start(Wanted::Id("c1".to_owned())),
        Question::Act(Box::new(Act::Blocked)),
        Question::Users,
        Question::Time,
        Question::States,
        Question::Some(vec![chat(), "c2".into()]),
        Question::State(chat()),
        Question::Page {
            cache: None,
            chat: chat(),
            ask: Ask::Newest,
            count: 3,
        },
        Question::Find(chat(), Moment::Sure(TimeMs::new(0))),
        Question::Members(chat()),
        Question::Markers(chat()),
        Question::Search(7, Box::new(search)),
        Question::StayAs(Presence::Away),
    ];
    let mut counts = Vec::new();
    for question in questions {
        let answer = asker.clone().ask(question).await;
        match answer.news.first() {
            Some(News::States { states, blocked }) => {
                assert!(states.is_err());
                assert_eq!(*blocked, Some(Blocked::default()), "it knows of no blocks");
            }
            Some(News::State { state, .. }) => assert_eq!(*state, None),
            Some(News::Page { page, .. }) => assert!(page.is_err()),
            Some(News::Found { seq, .. }) => assert!(seq.is_err()),
            Some(News::Hits { number, hits }) => assert!(*number == 7 && hits.is_err()),
            _ => {}
        }
        counts.push(answer.news.len());
    }
    assert_eq!(counts, [1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 0]);
}
