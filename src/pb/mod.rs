//! The wire: code generated from `proto/tinychat/v1`, the codec and the frames of ready bytes.
//!
//! Knows nothing of the rest of the program; `convert` turns these types into the words of `domain` and back.

#![allow(
    missing_docs,
    reason = "generated: the comments of the proto files are the documentation"
)]
#![allow(
    clippy::all,
    clippy::pedantic,
    reason = "generated code is not ours to style"
)]

pub mod codec;
pub mod ready;
mod wiped;

tonic::include_proto!("tinychat.v1");

/// The generated servers, over the messages of this module.
pub mod servers {
    include!(concat!(env!("OUT_DIR"), "/servers/tinychat.v1.rs"));
}

/// The compiled schema, for reflection: all our files and everything they import.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

impl Message {
    /// The text; empty for a message of a kind that has none.
    pub fn text(&self) -> &str {
        match &self.content {
            Some(message::Content::Text(text)) => text,
            None => "",
        }
    }
}
