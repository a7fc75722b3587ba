//! An index of many small parts beside a store that changes: what it finds is what a scan of the log finds, and what was
//! deleted or edited away leaves its bytes.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::{
    domain::{
        clock::TimeMs,
        conversation::{ConversationKind, HistoryAccess, NewConversation},
        ids::{ClientMessageId, ConversationId, Seq},
        message::{NewMessage, SendRequest, Target},
        user::UserRef,
    },
    store::{
        AuthMode, Store,
        sqlite::{Durability, SqliteStore},
    },
};

/// A store, an index of small parts in another folder, and the texts that the only group has now.
struct Rig {
    store: SqliteStore,
    own: TempDir,
    search: SearchIndex,
    ann: UserRef,
    group: ConversationId,
    texts: BTreeMap<u64, String>,
    random: u64,
    folder: TempDir,
}

fn start(store: &SqliteStore, folder: &TempDir, own: &TempDir) -> SearchIndex {
    let log = folder.path().join("tinychat.db");
    SearchIndex::with_parts(own.path(), log, store.epoch(), store.end(), 40).unwrap()
}

impl Rig {
    async fn new() -> Self {
        let (folder, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (durability, mode) = (Durability::Relaxed, AuthMode::Trust);
        let store = SqliteStore::open(folder.path(), durability, mode, Arc::new(|_| {})).unwrap();
        let time = TimeMs::new(1);
        let ann = store
            .create_user("ann".parse().unwrap(), None, time)
            .await
            .unwrap()
            .to_ref();
        let new = NewConversation {
            kind: ConversationKind::Group("group".parse().unwrap()),
            topic: "".parse().unwrap(),
            history: HistoryAccess::All,
            members: Vec::new(),
        };
        let group = store
            .create_conversation(ann.clone(), new, time)
            .await
            .unwrap();
        Self {
            search: start(&store, &folder, &own),
            store,
            own,
            ann,
            group: group.conversation.id,
            texts: BTreeMap::new(),
            random: 0x5eed,
            folder,
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    /// A word that no other text has, and that shares no beginning with its neighbours; and some that others have.
    fn text(&mut self) -> String {
        let [one, two] = [self.random(676), self.random(7)];
        let letters =
            [one / 26, one % 26].map(|place| char::from_u32(97 + u32::try_from(place).unwrap()));
        let unique: String = letters.into_iter().flatten().collect();
        format!("{unique}{:016x} common{two} word", self.random(u64::MAX))
    }

    async fn speak(&mut self, count: usize) {
        let texts: Vec<String> = (0..count).map(|_| self.text()).collect();
        let messages = texts.iter().map(|text| NewMessage {
            sender: self.ann.clone(),
            client_id: ClientMessageId::mint(),
            request: SendRequest {
                target: Target::Conversation(self.group),
                text: text.parse().unwrap(),
                reply_to: None,
                attachments: Vec::new(),
            },
            sent: TimeMs::new(1),
        });
        let sent = self.store.append(messages.collect()).await.unwrap();
        for (sent, text) in sent.into_iter().zip(texts) {
            self.texts.insert(sent.unwrap().seq.number(), text);
        }
        self.search.shared.signals.committed(count);
    }

    /// Edits or deletes a message, and gives the word that is gone.
    async fn touch(&mut self) -> String {
        let places: Vec<u64> = self.texts.keys().copied().collect();
        let seq = places[usize::try_from(self.random(places.len() as u64)).unwrap()];
        let (by, id, at) = (self.ann.clone(), self.group, Seq::new(seq));
        let old = self.texts.remove(&seq).unwrap();
        if self.random(2) == 0 {
            self.store.delete_message(by, id, at).await.unwrap();
        } else {
            let new = self.text();
            let edited = self.store.edit_message(by, id, at, new.parse().unwrap());
            edited.await.unwrap();
            self.texts.insert(seq, new);
        }
        self.search.shared.signals.committed(1);
        old.split(' ').next().unwrap().to_owned()
    }

    /// All that is found, page by page.
    async fn found(&self, words: &str) -> Vec<u64> {
        let (mut all, mut before) = (Vec::new(), None);
        let search = Search {
            query: words.parse().unwrap(),
            conversation: None,
            sender: None,
            after: None,
            before: None,
        };
        loop {
            let size = PageSize::asked(17);
            let asked = self.search.search(
                &self.store.readers,
                self.ann.id,
                search.clone(),
                before,
                size,
            );
            let page = asked.await.unwrap();
            all.extend(page.items.iter().map(|hit| hit.message.seq.number()));
            before = page.next;
            if before.is_none() {
                return all;
            }
        }
    }

    async fn check(&self) {
        for word in ["common3", "\"common5 word\"", "word", "nowhere"] {
            let plain = word.replace('"', "");
            let expected = self
                .texts
                .iter()
                .rev()
                .filter(|(_, text)| text.contains(&plain));
            let expected: Vec<u64> = expected.map(|(seq, _)| *seq).collect();
            assert_eq!(self.found(word).await, expected, "{word}");
        }
    }

    /// The words that stand in the bytes of the index.
    fn held<'a>(&self, words: &'a [String]) -> Vec<&'a str> {
        let files = fs::read_dir(self.own.path()).unwrap();
        let bytes: Vec<Vec<u8>> = files
            .map(|file| fs::read(file.unwrap().path()).unwrap_or_default())
            .collect();
        let bytes = bytes.concat();
        let starts: std::collections::HashSet<&[u8]> = bytes.windows(12).collect();
        // Its last 12 characters: a word may be kept without what it has in common with the one before it.
        let holds = |word: &&String| starts.contains(&word.as_bytes()[word.len() - 12..]);
        words.iter().filter(holds).map(String::as_str).collect()
    }

    fn count(&self, sql: &str) -> i64 {
        let index = index::connect(&self.search.shared.file, false).unwrap();
        index.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    async fn settled(&self, gone: &[String]) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while let held = self.held(gone)
            && !held.is_empty()
        {
            assert!(Instant::now() < deadline, "still there: {held:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_parts_find_what_a_scan_finds_and_forget_what_is_gone() {
    let mut rig = Rig::new().await;
    let mut gone = Vec::new();
    for round in 0..12 {
        let count = usize::try_from(rig.random(60)).unwrap() + 1;
        rig.speak(count).await;
        for _ in 0..round {
            gone.push(rig.touch().await);
        }
        rig.check().await;
        if round == 5 {
            // It was there: what is looked for below can be found.
            rig.search.shared.signals.hurry();
            let kept: Vec<String> = rig
                .texts
                .values()
                .map(|text| text[..18].to_owned())
                .collect();
            let deadline = Instant::now() + Duration::from_secs(30);
            while rig.held(&kept).len() < kept.len() {
                assert!(
                    Instant::now() < deadline,
                    "{} {}",
                    rig.held(&kept).len(),
                    kept.len()
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            gone.push(rig.touch().await);
        }
    }
    rig.check().await;
    rig.settled(&gone).await;
    rig.check().await;
    // Those that the end comes in the way of are erased after it, or at it.
    gone.extend([rig.touch().await, rig.touch().await]);
    rig.search.close().await;
    assert_eq!(rig.held(&gone), Vec::<&str>::new());
    rig.search = start(&rig.store, &rig.folder, &rig.own);
    rig.check().await;
    // Anew from a log that has been changed a lot: nothing of that is stale.
    rig.search.close().await;
    assert!(rig.count("SELECT count(*) FROM parts") >= 5);
    index::discard(&rig.search.shared.file).unwrap();
    rig.search = start(&rig.store, &rig.folder, &rig.own);
    rig.check().await;
    rig.search.close().await;
    assert_eq!(rig.count("SELECT count(*) FROM stale"), 0);
    let documents = rig.count("SELECT sum(documents) FROM parts");
    assert_eq!(documents, i64::try_from(rig.texts.len()).unwrap());
}
