//! What the load generator writes and reads, with as little work as may be: the generator shares the machine with what
//! it measures, and must not be what is measured.
//!
//! `Outgoing` is a `ChatRequest` on the wire, `Incoming` is as much of a `ChatResponse` as is looked at. Each text says
//! who sent it and which of its messages it is (`Stamp`), so that every delivery can be checked.

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message,
    encoding::{
        DecodeContext, WireType, encode_key, encode_varint, encoded_len_varint, skip_field,
    },
};

use crate::pb;

/// Bytes of a stamp: eight digits, a point and sixteen digits, all hexadecimal.
pub const STAMP_BYTES: usize = 8 + 1 + 16;
/// What fills a text up to its length.
const FILLER: [u8; 256] = [b'x'; 256];
/// Bytes of a UUID as text.
const UUID_BYTES: usize = 36;

/// Who sent a text, and the how-manieth of its messages it is, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The sender.
    pub sender: u32,
    /// The place among the messages of the sender.
    pub number: u64,
}

impl Stamp {
    /// The stamp as it begins a text.
    fn digits(self) -> [u8; STAMP_BYTES] {
        let mut text = [b'.'; STAMP_BYTES];
        put_digits(&mut text[..8], self.sender.into());
        put_digits(&mut text[9..], self.number);
        text
    }

    /// A text of so many bytes, but at least those of the stamp.
    pub fn text(self, bytes: usize) -> String {
        let mut text = String::from_utf8_lossy(&self.digits()).into_owned();
        text.extend(std::iter::repeat_n('x', bytes.saturating_sub(STAMP_BYTES)));
        text
    }

    /// Reads the stamp of a text; `None`: it has none.
    pub fn read(text: &[u8]) -> Option<Self> {
        let digits = text.get(..STAMP_BYTES)?;
        let sender = u32::try_from(number_of(&digits[..8])?).ok()?;
        let number = number_of(&digits[9..])?;
        (digits[8] == b'.').then_some(Self { sender, number })
    }
}

fn put_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b"0123456789abcdef"[usize::from(number.to_le_bytes()[0] & 15)];
        number >>= 4;
    }
}

fn number_of(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some((number << 4) | u64::from(value))
    })
}

/// Where a send goes: the field of `SendRequest.target`, and what stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct To {
    tag: u32,
    name: Bytes,
}

impl To {
    /// The DIRECT conversation with the user of this name.
    pub fn user(name: &str) -> Self {
        Self::new(USER_NAME, name)
    }

    /// The conversation of this id.
    pub fn conversation(id: &str) -> Self {
        Self::new(CONVERSATION_ID, id)
    }

    fn new(tag: u32, name: &str) -> Self {
        let name = Bytes::copy_from_slice(name.as_bytes());
        Self { tag, name }
    }
}

/// A send, ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Sending {
    /// `request_id` of the frame.
    pub request_id: u64,
    /// Where it goes.
    pub to: To,
    /// `client_message_id`, a UUID as text.
    pub id: [u8; UUID_BYTES],
    /// What the text begins with.
    pub stamp: Stamp,
    /// Bytes of the text.
    pub bytes: usize,
}

/// Tags of `ChatRequest` and `SendRequest`.
const REQUEST_ID: u32 = 1;
const SEND: u32 = 3;
const CONVERSATION_ID: u32 = 1;
const USER_NAME: u32 = 2;
const CLIENT_MESSAGE_ID: u32 = 4;
const TEXT: u32 = 5;

/// Bytes of a field of text with a key of one byte.
fn field_len(bytes: usize) -> usize {
    1 + encoded_len_varint(bytes as u64) + bytes
}

fn put_field(tag: u32, bytes: &[u8], buffer: &mut impl BufMut) {
    encode_key(tag, WireType::LengthDelimited, buffer);
    encode_varint(bytes.len() as u64, buffer);
    buffer.put_slice(bytes);
}

impl Sending {
    fn text_bytes(&self) -> usize {
        self.bytes.max(STAMP_BYTES)
    }

    fn body_len(&self) -> usize {
        field_len(self.to.name.len()) + field_len(UUID_BYTES) + field_len(self.text_bytes())
    }

    fn put(&self, buffer: &mut impl BufMut) {
        encode_key(REQUEST_ID, WireType::Varint, buffer);
        encode_varint(self.request_id, buffer);
        encode_key(SEND, WireType::LengthDelimited, buffer);
        encode_varint(self.body_len() as u64, buffer);
        put_field(self.to.tag, &self.to.name, buffer);
        put_field(CLIENT_MESSAGE_ID, &self.id, buffer);
        encode_key(TEXT, WireType::LengthDelimited, buffer);
        encode_varint(self.text_bytes() as u64, buffer);
        buffer.put_slice(&self.stamp.digits());
        let mut left = self.text_bytes() - STAMP_BYTES;
        while left > 0 {
            let part = left.min(FILLER.len());
            buffer.put_slice(&FILLER[..part]);
            left -= part;
        }
    }
}

/// A `ChatRequest`.
#[derive(Clone, Debug, PartialEq)]
pub enum Outgoing {
    /// Any frame: the first, or one that is not sent in a hurry.
    Frame(pb::ChatRequest),
    /// A send.
    Send(Sending),
}

impl Default for Outgoing {
    fn default() -> Self {
        Self::Frame(pb::ChatRequest::default())
    }
}

impl Message for Outgoing {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        match self {
            Self::Frame(request) => request.encode_raw(buffer),
            Self::Send(send) => send.put(buffer),
        }
    }

    fn encoded_len(&self) -> usize {
        match self {
            Self::Frame(request) => request.encoded_len(),
            Self::Send(send) => {
                let body = send.body_len();
                1 + encoded_len_varint(send.request_id) + 1 + encoded_len_varint(body as u64) + body
            }
        }
    }

    // It is only ever written.
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

/// As much of a `ChatResponse` (or a `SubscribeResponse`) as is looked at.
#[derive(Clone, PartialEq, Message)]
pub struct Incoming {
    /// Events.
    #[prost(message, repeated, tag = "1")]
    pub events: Vec<Event>,
    /// Answers.
    #[prost(message, repeated, tag = "2")]
    pub replies: Vec<Reply>,
}

/// As much of an `Event` as is looked at.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Where to resume.
    #[prost(bytes = "bytes", tag = "1")]
    pub cursor: Bytes,
    /// A message.
    #[prost(message, optional, tag = "3")]
    pub message: Option<Text>,
    /// Some of what was missed is left out.
    #[prost(message, optional, tag = "12")]
    pub gap: Option<Nothing>,
    /// The cursor was of no use.
    #[prost(message, optional, tag = "13")]
    pub reset: Option<Nothing>,
    /// All that was missed has come.
    #[prost(message, optional, tag = "14")]
    pub caught_up: Option<Nothing>,
    /// The stream ends.
    #[prost(message, optional, tag = "15")]
    pub going_away: Option<Nothing>,
}

/// As much of a `Message` as is looked at.
#[derive(Clone, PartialEq, Message)]
pub struct Text {
    /// Its text.
    #[prost(bytes = "bytes", tag = "5")]
    pub text: Bytes,
}

/// Something that is there or is not.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Nothing {}

/// As much of a `Reply` as is looked at.
#[derive(Clone, PartialEq, Message)]
pub struct Reply {
    /// What it answers.
    #[prost(uint64, tag = "1")]
    pub request_id: u64,
    /// A refusal.
    #[prost(message, optional, tag = "2")]
    pub error: Option<pb::Error>,
    /// An acknowledgement.
    #[prost(message, optional, tag = "3")]
    pub send: Option<Nothing>,
}

/// Makes the ids of sends: UUIDs of version 7, as good clients make them, without asking the system for randomness each
/// time.
#[derive(Clone, Debug)]
pub struct Ids {
    state: u64,
}

impl Ids {
    /// Ids that no other sender makes, since their randomness begins elsewhere.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// One step of splitmix64.
    pub const fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next id.
    pub fn next_id(&mut self) -> [u8; UUID_BYTES] {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let milliseconds = since.map_or(0, |since| since.as_millis());
        let mut tail = [0_u8; 10];
        tail[..8].copy_from_slice(&self.random().to_le_bytes());
        tail[8..].copy_from_slice(&self.random().to_le_bytes()[..2]);
        let milliseconds = u64::try_from(milliseconds).unwrap_or(0);
        let id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &tail).into_uuid();
        let mut text = [0; UUID_BYTES];
        id.hyphenated().encode_lower(&mut text);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::{chat_request::Request, send_request::Target};

    #[test]
    fn a_send_is_written_as_the_schema_has_it() {
        let id = Ids::new(1).next_id();
        let user = || (To::user("bob"), Target::UserName("bob".to_owned()));
        let group = (
            To::conversation("c9"),
            Target::ConversationId("c9".to_owned()),
        );
        for (bytes, request_id, (to, target)) in
            [(0, 0, user()), (100, 300, group), (3_000, u64::MAX, user())]
        {
            let stamp = Stamp {
                sender: 0xdead_beef,
                number: request_id,
            };
            let send = Outgoing::Send(Sending {
                request_id,
                to,
                id,
                stamp,
                bytes,
            });
            let written = send.encode_to_vec();
            assert_eq!(written.len(), send.encoded_len());
            let read = pb::ChatRequest::decode(&*written).unwrap();
            let text = stamp.text(bytes);
            assert_eq!(text.len(), bytes.max(STAMP_BYTES));
            assert_eq!(Stamp::read(text.as_bytes()), Some(stamp));
            let expected = pb::SendRequest {
                target: Some(target),
                client_message_id: String::from_utf8(id.to_vec()).unwrap(),
                text,
                reply_to_seq: 0,
                attachments: Vec::new(),
            };
            assert_eq!(read.request, Some(Request::Send(expected)));
            assert_eq!(read.request_id, request_id);
        }
    }

    #[test]
    fn what_is_no_stamp_is_not_read() {
        for text in [
            "",
            "hello",
            "0000000g.0000000000000000",
            "00000000x0000000000000000",
        ] {
            assert_eq!(Stamp::read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn ids_are_of_version_7_and_differ() {
        let mut ids = Ids::new(7);
        let (one, two) = (ids.next_id(), ids.next_id());
        assert_ne!(one, two);
        let id = uuid::Uuid::try_parse_ascii(&one).unwrap();
        assert_eq!(id.get_version_num(), 7);
    }
}
