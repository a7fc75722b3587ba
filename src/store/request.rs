//! The fingerprint of a send: tells a repeat from another request under the same id.

use crate::domain::message::{SendRequest, Target};

/// The secret of one store, so that a fingerprint gives nothing away about a text that was deleted.
#[derive(Clone)]
pub struct RequestKey([u8; 32]);

impl RequestKey {
    /// Takes the key that the store keeps.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Fingerprints a request as it was given: where to, what, in answer to what, and with which files. Stores keep what this gives: a
    /// new part must change nothing for requests without it.
    pub fn fingerprint(&self, request: &SendRequest) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        // Each part with its kind and length, so that no two requests run together.
        let mut part = |kind: u8, bytes: &[u8]| {
            hasher.update(&[kind]);
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        match &request.target {
            Target::Conversation(id) => part(1, &id.number().to_le_bytes()),
            Target::User(name) => part(2, name.as_str().as_bytes()),
            Target::Channel(name) => part(4, name.as_str().as_bytes()),
        }
        part(3, request.text.as_str().as_bytes());
        if let Some(seq) = request.reply_to {
            part(5, &seq.number().to_le_bytes());
        }
        for file in &request.attachments {
            part(6, &file.number().to_le_bytes());
        }
        let mut short = [0; 16];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        short
    }
}
