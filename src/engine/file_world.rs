//! What tests of files stand on: an engine in memory, a clock that stands until the test moves it, and a place for bytes
//! whose calls wait until the test lets them go, or fail.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::{Engine, Error};
use crate::{
    auth::Principal,
    domain::{
        address::CallerAddress,
        clock::{ManualClock, TimeMs},
        file::{Chunk, ContentHash, File, NewFile},
        ids::UploadId,
        limits::Settings,
    },
    hub::Hub,
    store::{
        Answer, AuthMode, Store,
        blobs::{BlobError, Blobs, Checked, Hold, Piece, memory::MemoryBlobs},
        memory::MemoryStore,
    },
};

/// A place in memory that does as the test says.
pub struct TestBlobs {
    /// Where the bytes are.
    pub inner: MemoryBlobs,
    waits: Mutex<Option<&'static str>>,
    go: Semaphore,
    calls: Mutex<HashMap<&'static str, usize>>,
    /// Contents that cannot be removed.
    pub stuck: Mutex<HashSet<ContentHash>>,
}

impl TestBlobs {
    fn new() -> Self {
        Self {
            inner: MemoryBlobs::default(),
            waits: Mutex::default(),
            go: Semaphore::new(0),
            calls: Mutex::default(),
            stuck: Mutex::default(),
        }
    }

    /// From now on calls of this name wait for `let_one_go`.
    pub fn hold_back(&self, call: &'static str) {
        *self.waits.lock().unwrap() = Some(call);
    }

    /// One that waits goes on.
    pub fn let_one_go(&self) {
        self.go.add_permits(1);
    }

    /// How many calls of this name have come.
    pub fn calls(&self, call: &'static str) -> usize {
        self.calls.lock().unwrap().get(call).copied().unwrap_or(0)
    }

    async fn pass(&self, call: &'static str) {
        *self.calls.lock().unwrap().entry(call).or_default() += 1;
        let waits = *self.waits.lock().unwrap() == Some(call);
        if waits {
            self.go.acquire().await.unwrap().forget();
        }
    }
}

impl Blobs for TestBlobs {
    fn begin(&self, upload: UploadId) -> Answer<'_, Result<(), BlobError>> {
        Box::pin(async move {
            self.pass("begin").await;
            self.inner.begin(upload).await
        })
    }

    fn written(&self, upload: UploadId) -> Answer<'_, Result<Option<u64>, BlobError>> {
        self.inner.written(upload)
    }

    fn append(
        &self,
        upload: UploadId,
        offset: u64,
        pieces: Vec<Piece>,
        hold: Hold,
    ) -> Answer<'_, Result<u64, BlobError>> {
        Box::pin(async move {
            self.pass("append").await;
            self.inner.append(upload, offset, pieces, hold).await
        })
    }

    fn flush(&self, upload: UploadId, hold: Hold) -> Answer<'_, Result<u64, BlobError>> {
        Box::pin(async move {
            self.pass("flush").await;
            let flushed = self.inner.flush(upload, hold).await;
            self.pass("flushed").await;
            flushed
        })
    }

    fn check(
        &self,
        upload: UploadId,
        hold: Hold,
    ) -> Answer<'_, Result<Option<Checked>, BlobError>> {
        Box::pin(async move {
            self.pass("check").await;
            self.inner.check(upload, hold).await
        })
    }

    fn keep(
        &self,
        upload: UploadId,
        content: ContentHash,
        size: u64,
    ) -> Answer<'_, Result<(), BlobError>> {
        Box::pin(async move {
            self.pass("keep").await;
            self.inner.keep(upload, content, size).await
        })
    }

    fn settle(&self, content: ContentHash) -> Answer<'_, Result<Option<u64>, BlobError>> {
        Box::pin(async move {
            self.pass("settle").await;
            self.inner.settle(content).await
        })
    }

    fn uploads(&self) -> Answer<'_, Result<Vec<UploadId>, BlobError>> {
        self.inner.uploads()
    }

    fn discard(&self, upload: UploadId) -> Answer<'_, Result<(), BlobError>> {
        self.inner.discard(upload)
    }

    fn size(&self, content: ContentHash) -> Answer<'_, Result<Option<u64>, BlobError>> {
        self.inner.size(content)
    }

    fn read(
        &self,
        content: ContentHash,
        offset: u64,
        max: usize,
        hold: Hold,
    ) -> Answer<'_, Result<Bytes, BlobError>> {
        self.inner.read(content, offset, max, hold)
    }

    fn contents(&self, first: u8) -> Answer<'_, Result<Vec<ContentHash>, BlobError>> {
        self.inner.contents(first)
    }

    fn remove(&self, content: ContentHash) -> Answer<'_, Result<(), BlobError>> {
        Box::pin(async move {
            self.pass("remove").await;
            if self.stuck.lock().unwrap().contains(&content) {
                return Err(BlobError::Failed("stuck".to_owned()));
            }
            self.inner.remove(content).await
        })
    }
}

/// An engine and what it stands on.
pub struct World {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Its store.
    pub store: Arc<dyn Store>,
    /// Its place for bytes.
    pub blobs: Arc<TestBlobs>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// A user.
    pub ann: Principal,
}

impl World {
    /// A world with one user.
    pub async fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::open(AuthMode::Trust, Arc::new(|_| {})));
        let clock = Arc::new(ManualClock::at(TimeMs::new(1_000_000_000)));
        let hub = Hub::new(Arc::clone(&store), clock.clone());
        let blobs = Arc::new(TestBlobs::new());
        let engine = Arc::new(Engine::new(
            Arc::clone(&store),
            blobs.clone(),
            hub,
            clock.clone(),
            Settings::UNLIMITED,
        ));
        let from = CallerAddress::new("127.0.0.1".parse().unwrap());
        let device = "test".parse().unwrap();
        let login = engine.login("ann".parse().unwrap(), None, device, from);
        let token = login.await.unwrap().token;
        let ann = engine.authenticate(&token).await.unwrap();
        Self {
            engine,
            store,
            blobs,
            clock,
            ann,
        }
    }

    /// Begins an upload of so many bytes.
    pub async fn begin(&self, size: usize, hash: Option<ContentHash>) -> UploadId {
        let file = NewFile {
            name: "a".parse().unwrap(),
            size: size as u64,
            declared: None,
            hash,
            image: None,
            thumbnail: None,
        };
        let begun = self.engine.create_upload(&self.ann, file).await;
        begun.unwrap().upload.id
    }

    /// Brings bytes to an upload that stands at 0.
    pub async fn bring(&self, upload: UploadId, bytes: &[u8]) {
        let transfer = self.engine.begin_transfer(&self.ann, upload).await;
        let mut transfer = transfer.unwrap();
        for (index, piece) in bytes.chunks(256 * 1024).enumerate() {
            let chunk = chunk(index as u64 * 256 * 1024, piece);
            transfer.append(vec![chunk]).await.unwrap();
        }
        transfer.finish().await.unwrap();
    }

    /// Where an upload stands.
    pub async fn stands(&self, upload: UploadId) -> u64 {
        self.blobs.written(upload).await.unwrap().unwrap_or(0)
    }

    /// Completes an upload.
    pub async fn complete(&self, upload: UploadId) -> Result<File, Error> {
        self.engine.complete_upload(&self.ann, upload).await
    }

    /// Makes a file of these bytes.
    pub async fn file(&self, bytes: &[u8]) -> File {
        let upload = self.begin(bytes.len(), None).await;
        self.bring(upload, bytes).await;
        self.complete(upload).await.unwrap()
    }
}

/// A piece of an upload.
pub fn chunk(offset: u64, bytes: &[u8]) -> Chunk {
    Chunk {
        offset,
        data: Bytes::copy_from_slice(bytes),
        hash: None,
    }
}
