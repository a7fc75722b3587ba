//! A chunk of an upload, and how long the message was in which it came.
//!
//! The data of a decoded chunk is a part of that message and keeps all of it in memory, also what a peer put beside the data
//! and nobody reads. Whoever holds chunks has to count it. On the wire it is an `UploadChunksRequest`.

use bytes::{Buf, BufMut};
use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, WireType},
};

use super::UploadChunksRequest;

/// An `UploadChunksRequest` as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArrivedChunk {
    /// What it says.
    pub chunk: UploadChunksRequest,
    /// Bytes of the message.
    pub length: usize,
}

impl Message for ArrivedChunk {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        self.chunk.encode_raw(buffer);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        self.chunk.merge_field(tag, wire_type, buffer, context)
    }

    fn encoded_len(&self) -> usize {
        self.chunk.encoded_len()
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn decode(buffer: impl Buf) -> Result<Self, DecodeError> {
        let length = buffer.remaining();
        let chunk = UploadChunksRequest::decode(buffer)?;
        Ok(Self { chunk, length })
    }
}
