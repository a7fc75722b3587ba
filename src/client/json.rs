//! What `--json` prints: one object a line, made from the messages of the schema.
//!
//! A message stands as protobuf's JSON mapping has it, with the field names of the schema, numbers as numbers and fields
//! at their defaults included, so that every object of a kind has the same shape. What has no message in the schema is
//! an object with a single key that no event has. docs/scripting.md tells of all of them. Text of peers is written so
//! that no terminal obeys it, and reads back as it was.

use std::{fmt::Write as _, sync::LazyLock};

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;

use crate::pb;

use super::app::untrusted;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// Objects for programs.
    Json,
}

/// A message of the schema, by its name there.
pub trait Named: Message {
    /// The full name.
    const NAME: &'static str;
}

macro_rules! named {
    ($($message:ident),+ $(,)?) => {
        $(impl Named for pb::$message {
            const NAME: &'static str = concat!("tinychat.v1.", stringify!($message));
        })+
    };
}
named!(
    AddReactionResponse,
    Attachment,
    Conversation,
    CreateInviteLinkResponse,
    CreateTokenResponse,
    Device,
    Event,
    File,
    InviteLink,
    Marker,
    Member,
    Message,
    RemoveReactionResponse,
    SearchHit,
    SendResponse,
    SetNotifyLevelResponse,
    SetPresenceResponse,
    TimeResponse,
    User,
    UserRef,
    WhoAmIResponse,
);

static SCHEMA: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(pb::DESCRIPTORS).ok());

/// Returns a message as a value; `None` if it holds what JSON cannot say, such as a time in no calendar.
pub fn value<M: Named>(message: &M) -> Option<Value> {
    let descriptor = SCHEMA.as_ref()?.get_message_by_name(M::NAME)?;
    let bytes = message.encode_to_vec();
    let message = DynamicMessage::decode(descriptor, bytes.as_slice()).ok()?;
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(false)
        .use_proto_field_name(true)
        .skip_default_fields(false);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .ok()
}

/// Returns a message as one line.
pub fn line<M: Named>(message: &M) -> String {
    match value(message) {
        Some(value) => safe(&value),
        None => object(
            "unreadable",
            Value::from(format!("a {} that JSON cannot say", M::NAME)),
        ),
    }
}

/// Returns an object with a single key as one line.
pub fn object(key: &str, inside: Value) -> String {
    safe(&Value::Object(
        [(key.to_owned(), inside)].into_iter().collect(),
    ))
}

/// Writes a value; what a terminal would obey, or not show, is escaped. Outside of strings there is no such thing.
fn safe(value: &Value) -> String {
    let text = value.to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if untrusted::is_drawn(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_message_of_the_same_kind_has_the_same_keys() {
        let keys = |user: &pb::User| -> Vec<String> {
            let value = value(user).unwrap();
            value.as_object().unwrap().keys().cloned().collect()
        };
        let full = pb::User {
            id: "u1".to_owned(),
            name: "ann".to_owned(),
            display_name: "Ann".to_owned(),
            presence: pb::Presence::Online.into(),
            last_seen_time: None,
        };
        let without_time: Vec<String> = keys(&full);
        assert_eq!(keys(&pb::User::default()), without_time);
        assert_eq!(
            value(&full),
            Some(json!({
                "id": "u1", "name": "ann", "display_name": "Ann", "presence": "PRESENCE_ONLINE"
            }))
        );
    }

    #[test]
    fn numbers_are_numbers_and_times_are_in_utc() {
        let sent = pb::SendResponse {
            conversation_id: "c1".to_owned(),
            seq: 7,
            message_id: "m".to_owned(),
            sent_time: Some(prost_types::Timestamp {
                seconds: 1,
                nanos: 5_000_000,
            }),
            duplicate: false,
        };
        let expected = json!({
            "conversation_id": "c1", "seq": 7, "message_id": "m",
            "sent_time": "1970-01-01T00:00:01.005Z", "duplicate": false
        });
        assert_eq!(value(&sent), Some(expected));
    }

    #[test]
    fn the_files_of_a_message_stand_in_it_by_the_names_of_the_schema() {
        let file = pb::File {
            id: "f12".to_owned(),
            name: "a\u{1b}\u{202e}.png".to_owned(),
            size_bytes: 1_229,
            media_type: "image/png".to_owned(),
            blake3: vec![255; 32].into(),
            image: Some(pb::ImageSize {
                width: 3,
                height: 2,
            }),
            thumbnail_file_id: String::new(),
        };
        let message = pb::Message {
            content: Some(pb::message::Content::Text(String::new())),
            attachments: vec![file],
            ..pb::Message::default()
        };
        let told = value(&message).unwrap();
        assert_eq!(told["text"], "");
        assert_eq!(
            told["attachments"],
            json!([{
                "id": "f12", "name": "a\u{1b}\u{202e}.png", "size_bytes": 1229, "media_type": "image/png",
                "blake3": "//////////////////////////////////////////8=", "image": { "width": 3, "height": 2 },
                "thumbnail_file_id": ""
            }])
        );
        assert!(line(&message).contains("a\\u001b\\u202e.png"));
        let none = value(&pb::Message::default()).unwrap();
        assert_eq!(none["attachments"], json!([]));
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_reads_back() {
        let text = "a\u{1b}[2J\u{9b}2J\u{202e}b\u{7f}\n\u{2028}\u{e0041}é😀";
        let line = object("notice", Value::from(text));
        assert!(line.chars().all(untrusted::is_drawn), "{line}");
        assert!(line.contains("é😀"), "{line}");
        let back: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(back["notice"], text);
    }

    #[test]
    fn a_time_in_no_calendar_does_no_harm() {
        let odd = pb::TimeResponse {
            time: Some(prost_types::Timestamp {
                seconds: i64::MAX,
                nanos: -1,
            }),
            time_zone: String::new(),
        };
        assert!(line(&odd).starts_with("{\"unreadable\":"), "{}", line(&odd));
    }
}
