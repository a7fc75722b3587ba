//! What only a store in files can be asked about search: its index beside the log can be lost, damaged or another's, and
//! what was deleted or edited away is soon gone from its bytes, too, while the store is open.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    doing::group,
    search::{self, look},
    subject::{self, Subject, eventually, new},
};
use tinychat::{
    domain::{
        ids::{ConversationId, Seq},
        message::Target,
        page::PageSize,
        user::UserRef,
    },
    store::SearchError,
};

/// The index and what SQLite keeps beside it.
fn files(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let of_index = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("search.db")
    };
    files.filter(of_index).collect()
}

/// Whether a word stands in the bytes of the index.
fn holds(subject: &Subject, word: &str) -> bool {
    let word = word.as_bytes();
    let mut files = files(subject.dir()).into_iter();
    // One that is gone meanwhile holds nothing.
    files.any(|file| {
        let bytes = fs::read(file).unwrap_or_default();
        bytes.windows(word.len()).any(|it| it == word)
    })
}

/// Two members of a group, and what a store needs to be told apart from an empty one.
async fn talk(subject: &Subject, words: &[&str]) -> (UserRef, ConversationId) {
    let [ann, bob] = subject.people(["ann", "bob"]).await;
    let id = subject.make(&ann, group(&[&bob])).await;
    for words in words {
        subject.speak(&ann, id, words).await;
    }
    (ann, id)
}

async fn finds(subject: &Subject, user: &UserRef, words: &str) -> Vec<u64> {
    let hits = search::all(subject, user, &look(words), 500).await;
    hits.iter().map(|hit| hit.message.seq.number()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_or_edited_away_is_soon_nowhere_in_the_index() {
    let subject = subject::sqlite().await;
    let words = ["keepsake 1", "obliterated 2", "vanished 3", "keepsake 4"];
    let (ann, id) = talk(&subject, &words).await;
    // FTS5 leaves out the beginning that a word shares with the one before it. These share none.
    for word in ["keepsake", "obliterated", "vanished"] {
        eventually(word, async || holds(&subject, word)).await;
    }
    subject.delete(&ann, id, 2).await;
    subject.edit(&ann, id, 3, "replaced 3").await;
    for word in ["obliterated", "vanished"] {
        assert_eq!(finds(&subject, &ann, word).await, [0; 0], "{word}");
        eventually(word, async || !holds(&subject, word)).await;
    }
    assert!(holds(&subject, "keepsake"));
    assert_eq!(finds(&subject, &ann, "keepsake").await, [4, 1]);
    assert_eq!(finds(&subject, &ann, "3").await, [3]);
    // And once more, of a text that was edited before.
    eventually("replaced", async || holds(&subject, "replaced")).await;
    subject.delete(&ann, id, 3).await;
    eventually("replaced", async || !holds(&subject, "replaced")).await;
    assert_eq!(finds(&subject, &ann, "3").await, [0; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_just_before_the_end_is_not_in_the_index_after_it() {
    let subject = subject::sqlite().await;
    let (ann, id) = talk(&subject, &["keepsake 1", "obliterated 2"]).await;
    eventually("indexed", async || holds(&subject, "obliterated")).await;
    subject.delete(&ann, id, 2).await;
    subject.speak(&ann, id, "lastly 3").await;
    subject.store.close().await;
    assert!(!holds(&subject, "obliterated"));
    assert!(holds(&subject, "lastly"));
    let subject = subject.reopened();
    assert_eq!(finds(&subject, &ann, "keepsake").await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_cannot_be_used_is_made_anew() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 6] = [
        ("none", |_| {}),
        ("gone", |file| fs::remove_file(file).unwrap()),
        ("empty", |file| fs::write(file, "").unwrap()),
        ("no database", |file| {
            fs::write(file, "nonsense ".repeat(2_000)).unwrap()
        }),
        ("cut", |file| {
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("overwritten", |file| {
            let mut bytes = fs::read(file).unwrap();
            bytes[4_096..].fill(0xa5);
            fs::write(file, bytes).unwrap();
        }),
    ];
    for (harm, do_it) in harms {
        let subject = subject::sqlite().await;
        let (ann, id) = talk(&subject, &["first words", "second words"]).await;
        subject.store.close().await;
        do_it(&subject.dir().join("search.db"));
        let subject = subject.reopened();
        let found = async || {
            let found = subject
                .store
                .search(ann.id, look("words"), None, PageSize::asked(9))
                .await;
            // While it is noticed, a search may have to wait.
            match found {
                Ok(found) => found.items.len(),
                Err(SearchError::Behind) => 0,
                Err(error) => panic!("{harm}: {error}"),
            }
        };
        eventually(harm, async || found().await == 2).await;
        subject.speak(&ann, id, "third words").await;
        assert_eq!(finds(&subject, &ann, "words").await, [3, 2, 1], "{harm}");
        eventually(harm, async || holds(&subject, "third")).await;
        subject.store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_of_another_log_is_thrown_away() {
    let subject = subject::sqlite().await;
    let (ann, id) = talk(&subject, &["native words"]).await;
    let other = subject::sqlite().await;
    talk(&other, &["foreign words", "alien words"]).await;
    subject.store.close().await;
    other.store.close().await;
    let index = subject.dir().join("search.db");
    fs::copy(other.dir().join("search.db"), &index).unwrap();
    let subject = subject.reopened();
    assert_eq!(finds(&subject, &ann, "words").await, [1]);
    assert_eq!(finds(&subject, &ann, "foreign").await, [0; 0]);
    eventually("made anew", async || {
        !holds(&subject, "foreign") && holds(&subject, "native")
    })
    .await;
    // An older state of the log that is put back under a newer index.
    subject.store.close().await;
    let (log, kept) = (
        subject.dir().join("tinychat.db"),
        subject.dir().join("kept"),
    );
    fs::copy(&log, &kept).unwrap();
    let subject = subject.reopened();
    subject.speak(&ann, id, "undone words").await;
    subject.store.close().await;
    assert!(holds(&subject, "undone"));
    fs::rename(&kept, &log).unwrap();
    let subject = subject.reopened();
    subject.speak(&ann, id, "other words").await;
    assert_eq!(finds(&subject, &ann, "words").await, [2, 1]);
    assert_eq!(finds(&subject, &ann, "other").await, [2]);
    eventually("made anew", async || {
        !holds(&subject, "undone") && holds(&subject, "other")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_waits_for_an_index_that_is_far_behind() {
    let subject = subject::sqlite().await;
    let (ann, id) = talk(&subject, &["needle in front"]).await;
    for _ in 0..6 {
        let many = (0..2_000)
            .map(|number| new(&ann, Target::Conversation(id), &format!("straw {number}")));
        let answers = subject.store.append(many.collect()).await.unwrap();
        assert!(answers.iter().all(Result::is_ok));
    }
    assert_eq!(
        subject.speak(&ann, id, "needle behind").await,
        Seq::new(12_002)
    );
    assert_eq!(finds(&subject, &ann, "needle").await, [12_002, 1]);
    // From nothing.
    subject.store.close().await;
    for file in files(subject.dir()) {
        fs::remove_file(file).unwrap();
    }
    let subject = subject.reopened();
    assert_eq!(finds(&subject, &ann, "needle").await, [12_002, 1]);
    let size = PageSize::asked(500);
    let found = subject
        .store
        .search(ann.id, look("straw"), None, size)
        .await
        .unwrap();
    assert_eq!((found.items.len(), found.next.is_some()), (500, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_ends_at_once_whatever_its_index_does() {
    let subject = subject::sqlite().await;
    let (ann, id) = talk(&subject, &["first words"]).await;
    let many =
        (0..20_000).map(|number| new(&ann, Target::Conversation(id), &format!("word {number}")));
    subject.store.append(many.collect()).await.unwrap();
    for seq in 2..40 {
        subject.delete(&ann, id, seq).await;
    }
    // Dropped, not closed: what the index lacks it takes in later.
    let began = Instant::now();
    let subject = subject.reopened();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(finds(&subject, &ann, "first").await, [1]);
    assert_eq!(finds(&subject, &ann, "\"37\"").await, [0; 0]);
    assert_eq!(finds(&subject, &ann, "\"19999\"").await, [20_001]);
    let began = Instant::now();
    subject.store.close().await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}
