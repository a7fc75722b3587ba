//! Response frames made of ready bytes: an event is encoded once and copied into the frame of each of its readers.
//!
//! `events` is field 1 of both responses and is repeated, so encoded events (each with its tag and length) that stand
//! one after another are a valid message. On the wire these frames are `ChatResponse` and `SubscribeResponse`.

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, WireType, message, skip_field},
};

use super::Reply;

/// A `ChatResponse`: encoded events, then replies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatFrame {
    /// Runs of encoded events, each event with the tag and length of field 1.
    pub events: Vec<Bytes>,
    /// Answers to requests of this stream.
    pub replies: Vec<Reply>,
}

/// A `SubscribeResponse`: encoded events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubscribeFrame {
    /// Runs of encoded events, each event with the tag and length of field 1.
    pub events: Vec<Bytes>,
}

fn put_runs(events: &[Bytes], buffer: &mut impl BufMut) {
    for run in events {
        buffer.put_slice(run);
    }
}

fn runs_len(events: &[Bytes]) -> usize {
    events.iter().map(Bytes::len).sum()
}

impl Message for ChatFrame {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        put_runs(&self.events, buffer);
        message::encode_repeated(2, &self.replies, buffer);
    }

    fn encoded_len(&self) -> usize {
        runs_len(&self.events) + message::encoded_len_repeated(2, &self.replies)
    }

    // Frames are only ever written by a server; a reader decodes `ChatResponse`.
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, buffer, context)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Message for SubscribeFrame {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        put_runs(&self.events, buffer);
    }

    fn encoded_len(&self) -> usize {
        runs_len(&self.events)
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, buffer, context)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}
