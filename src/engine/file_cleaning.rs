//! What becomes of files that nothing needs any more, and of what a kill left behind.
//!
//! One content or upload that cannot be removed is told to the operator and tried again later; the others go. A content is
//! forgotten only when its bytes are gone from stable storage, so none is ever there that nobody knows of; should one be all
//! the same (the store was put back to an older state), it is found after the next start.

use std::{sync::Arc, time::Duration};

use tracing::warn;

use super::{Engine, Error};
use crate::domain::{file::ContentHash, limits::UPLOAD_IDLE};

/// How often what has come to its end is looked for; what a deletion frees goes at once.
const CLEANING: Duration = Duration::from_secs(60);
/// Contents that are noted with one commit.
const NOTED_AT_ONCE: usize = 256;

impl Engine {
    /// Files may have lost their last holder: their bytes are removed now.
    pub(super) fn files_may_be_free(&self) {
        self.freed.notify_one();
    }

    /// Removes what nothing needs any more, at once when something is deleted and else from time to time.
    pub async fn keep_files_clean(self: Arc<Self>) {
        self.note_contents().await;
        loop {
            self.clean_files().await;
            // Whichever comes first.
            let _ = tokio::time::timeout(CLEANING, self.freed.notified()).await;
        }
    }

    /// Discards what came of uploads that nobody knows any more: a kill came between their end and that of their bytes.
    /// For a server that does not listen yet: an upload that begins meanwhile would be taken for one of them.
    pub async fn discard_strays(&self) -> Result<(), Error> {
        let there = self.blobs.uploads().await?;
        let known = self.store.known_uploads(there.clone()).await?;
        for stray in there.into_iter().filter(|id| !known.contains(id)) {
            self.blobs.discard(stray).await?;
        }
        Ok(())
    }

    /// Notes all contents that are there, so that those that nobody knows are removed like all that are free. One that is
    /// just given its place is known before.
    async fn note_contents(&self) {
        for first in 0..=u8::MAX {
            if let Err(error) = self.note_part(first).await {
                warn!(%error, "some of the files that are there cannot be looked through; the next start tries it again");
            }
        }
    }

    async fn note_part(&self, first: u8) -> Result<(), Error> {
        for part in self.blobs.contents(first).await?.chunks(NOTED_AT_ONCE) {
            self.store.note_contents(part.to_vec()).await?;
        }
        Ok(())
    }

    /// Removes what nothing needs any more.
    async fn clean_files(&self) {
        if let Err(error) = self.expire_files().await {
            warn!(%error, "files whose time is over cannot be ended; it is tried again");
        }
        if let Err(error) = self.remove_free().await {
            warn!(%error, "files that nobody has cannot be removed; it is tried again");
        }
    }

    async fn expire_files(&self) -> Result<(), Error> {
        let before = self.now().before(UPLOAD_IDLE);
        loop {
            let expired = self.store.expire_files(before).await?;
            for id in &expired.uploads {
                self.transfers.end(*id);
                let _deciding = self.transfers.decide(*id).await;
                if let Err(error) = self.blobs.discard(*id).await {
                    warn!(%error, %id, "what came of an upload cannot be removed; the next start tries it again");
                }
            }
            if expired.uploads.is_empty() && expired.files == 0 {
                return Ok(());
            }
        }
    }

    async fn remove_free(&self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let free = self.store.free_contents(after).await?;
            let Some(last) = free.last() else {
                return Ok(());
            };
            after = Some(*last);
            for content in free {
                if let Err(error) = self.remove_if_free(content).await {
                    warn!(%error, %content, "the bytes of a file cannot be removed; it is tried again");
                }
            }
        }
    }

    async fn remove_if_free(&self, content: ContentHash) -> Result<(), Error> {
        let _placing = self.placing(content).lock().await;
        if self.store.is_free(content).await? {
            self.blobs.remove(content).await?;
            self.store.forget_contents(vec![content]).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
