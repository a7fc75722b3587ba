//! Texts that were begun and are not sent, as a file of this machine has them: for what they are, and what they say.
//!
//! Promises that what was written reads back as it was, and that what is not understood is left out and harms nothing.
//! Plain messages to conversations that a cache knows are not among them where there is a cache: it has those by itself.

use serde_json::{Value, json};

use super::room::Kind;

/// Texts that are kept at most: those that wait for conversations that are gone, the edits that were begun, and some more.
/// At 16 KiB each, and as much beside an edit, 8 MiB.
pub const WRITTEN_MAX: usize = 256;

/// A text that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// For what.
    pub to: To,
    /// What it says.
    pub text: String,
}

/// For what a text was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A message to a conversation, which may be gone.
    Conversation {
        /// What kind of one.
        kind: Kind,
        /// What it was called.
        name: String,
        /// Its id, if it must be that very one: another store has other ids.
        id: Option<String>,
    },
    /// Another text for an own message.
    Edit {
        /// The id of the conversation.
        conversation: String,
        /// The number of the message.
        seq: u64,
        /// What the message says.
        old: String,
    },
    /// Nothing was open.
    Nobody,
}

/// Returns how texts stand in a file.
pub fn to_json(written: &[Written]) -> Value {
    written.iter().map(one_to_json).collect()
}

/// Returns the texts of a file, as far as they are understood; no more than are kept.
pub fn from_json(value: &Value) -> Vec<Written> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(one_from_json).take(WRITTEN_MAX).collect()
}

fn one_to_json(written: &Written) -> Value {
    let text = &written.text;
    match &written.to {
        To::Conversation { kind, name, id } => {
            let kind = match kind {
                Kind::Direct => "direct",
                Kind::Group => "group",
                Kind::Channel => "channel",
            };
            json!({ "kind": kind, "name": name, "id": id, "text": text })
        }
        To::Edit {
            conversation,
            seq,
            old,
        } => json!({ "edit": seq, "id": conversation, "old": old, "text": text }),
        To::Nobody => json!({ "text": text }),
    }
}

fn one_from_json(value: &Value) -> Option<Written> {
    let word = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
    let to = match (value.get("edit"), value.get("kind")) {
        (Some(seq), _) => To::Edit {
            conversation: word("id")?,
            seq: seq.as_u64()?,
            old: word("old")?,
        },
        (None, Some(kind)) => To::Conversation {
            kind: match kind.as_str()? {
                "direct" => Kind::Direct,
                "group" => Kind::Group,
                "channel" => Kind::Channel,
                _ => return None,
            },
            name: word("name")?,
            id: word("id"),
        },
        (None, None) => To::Nobody,
    };
    let text = word("text")?;
    Some(Written { to, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_back_and_what_is_none_is_left_out() {
        let all = [
            To::Conversation {
                kind: Kind::Group,
                name: "trip".to_owned(),
                id: Some("c1".to_owned()),
            },
            To::Conversation {
                kind: Kind::Direct,
                name: "bob".to_owned(),
                id: None,
            },
            To::Edit {
                conversation: "c2".to_owned(),
                seq: 7,
                old: "old".to_owned(),
            },
            To::Nobody,
        ];
        let all = all.map(|to| Written {
            to,
            text: "one\n\"two\"".to_owned(),
        });
        let read = |text: &str| from_json(&serde_json::from_str(text).unwrap());
        assert_eq!(read(&to_json(&all).to_string()), all);
        assert_eq!(read("7"), []);
        let strange =
            r#"[7, {}, {"text":3}, {"kind":"x","text":"a"}, {"edit":-1,"text":"a"}, {"text":"b"}]"#;
        let to = To::Nobody;
        let text = "b".to_owned();
        assert_eq!(read(strange), [Written { to, text }]);
        let many = vec![json!({ "text": "a" }); WRITTEN_MAX + 1];
        assert_eq!(from_json(&many.into()).len(), WRITTEN_MAX);
    }
}
