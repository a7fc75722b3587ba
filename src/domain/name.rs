//! Names: parsed once, valid for ever. Names of users and channels are ASCII so that no two look alike.

use std::{fmt, str::FromStr, sync::Arc};

use super::limits::{
    DEVICE_NAME_CHARS_MAX, GROUP_NAME_CHARS_MAX, TOPIC_CHARS_MAX, USER_NAME_BYTES_MAX,
};

/// Unique name of a user: `[a-z0-9][a-z0-9._-]{0,31}`, capitals folded. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Arc<str>);

/// The rule that a text breaks as a user name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserNameError {
    /// Nothing was given.
    #[error("the user name is empty; use 1 to {USER_NAME_BYTES_MAX} of a-z 0-9 . _ -")]
    Empty,
    /// More than the limit.
    #[error("the user name is longer than {USER_NAME_BYTES_MAX} characters")]
    TooLong,
    /// The first character is not a letter or digit.
    #[error("a user name begins with a letter a-z or a digit")]
    BadStart,
    /// A character outside the set; shown escaped, since it can be anything.
    #[error("a user name cannot contain '{}'; use a-z 0-9 . _ -", .0.escape_default())]
    BadCharacter(char),
}

impl UserName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UserName {
    type Err = UserNameError;

    fn from_str(text: &str) -> Result<Self, UserNameError> {
        if text.is_empty() {
            return Err(UserNameError::Empty);
        }
        // Characters before length: an answer about a strange character helps more than one about its bytes.
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
            return Err(UserNameError::BadCharacter(bad));
        }
        if text.len() > USER_NAME_BYTES_MAX {
            return Err(UserNameError::TooLong);
        }
        if text.starts_with(['.', '_', '-']) {
            return Err(UserNameError::BadStart);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

/// Unique name of a channel, without `#`: the rule of user names. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName(UserName);

/// Why a text cannot name a channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a channel name has 1 to {USER_NAME_BYTES_MAX} of a-z 0-9 . _ - and begins with a letter or digit; leave out the #"
)]
pub struct ChannelNameError;

impl ChannelName {
    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ChannelName {
    type Err = ChannelNameError;

    fn from_str(text: &str) -> Result<Self, ChannelNameError> {
        text.parse().map(Self).map_err(|_| ChannelNameError)
    }
}

/// Name of a group: one line of free text. Not unique. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupName(Arc<str>);

/// Why a text cannot name a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a group name is one line of 1 to {GROUP_NAME_CHARS_MAX} characters, not only spaces")]
pub struct GroupNameError;

impl GroupName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = GroupNameError;

    fn from_str(text: &str) -> Result<Self, GroupNameError> {
        match text.trim().is_empty() || !is_line(text, GROUP_NAME_CHARS_MAX) {
            true => Err(GroupNameError),
            false => Ok(Self(text.into())),
        }
    }
}

/// What a conversation is about: one line of free text, or nothing. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topic(Arc<str>);

/// Why a text cannot be a topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a topic is one line of at most {TOPIC_CHARS_MAX} characters")]
pub struct TopicError;

impl Topic {
    /// The topic; empty when there is none.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        match is_line(text, TOPIC_CHARS_MAX) {
            true => Ok(Self(text.into())),
            false => Err(TopicError),
        }
    }
}

/// Whether a text is one line without control characters, of at most this many characters.
fn is_line(text: &str, chars_max: usize) -> bool {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().count() <= chars_max && !text.chars().any(breaks)
}

/// A name that people give a device. Free text without control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceName(String);

/// Why a text cannot name a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device name has at most {DEVICE_NAME_CHARS_MAX} characters and no control characters")]
pub struct DeviceNameError;

impl DeviceName {
    /// The name; empty when none was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceName {
    type Err = DeviceNameError;

    fn from_str(text: &str) -> Result<Self, DeviceNameError> {
        if text.chars().count() > DEVICE_NAME_CHARS_MAX || text.chars().any(char::is_control) {
            return Err(DeviceNameError);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_fold_and_the_longest_name_is_taken() {
        assert_eq!(
            "Ann.B_c-9".parse::<UserName>().map(|name| name.to_string()),
            Ok("ann.b_c-9".to_owned())
        );
        assert!("a".repeat(USER_NAME_BYTES_MAX).parse::<UserName>().is_ok());
    }

    #[test]
    fn groups_and_topics_are_lines_up_to_their_limits() {
        let long = |chars: usize| "ä".repeat(chars);
        assert!(long(GROUP_NAME_CHARS_MAX).parse::<GroupName>().is_ok());
        let bad = [
            long(GROUP_NAME_CHARS_MAX + 1),
            String::new(),
            "  ".into(),
            "a\nb".into(),
        ];
        for name in bad {
            assert_eq!(name.parse::<GroupName>(), Err(GroupNameError), "{name:?}");
        }
        assert!("".parse::<Topic>().is_ok() && long(TOPIC_CHARS_MAX).parse::<Topic>().is_ok());
        for topic in [
            long(TOPIC_CHARS_MAX + 1),
            "a\u{2028}b".into(),
            "\u{1b}[2J".into(),
        ] {
            assert_eq!(topic.parse::<Topic>(), Err(TopicError), "{topic:?}");
        }
        assert!(
            "Ops"
                .parse::<ChannelName>()
                .is_ok_and(|name| name.as_str() == "ops")
        );
        assert_eq!("#ops".parse::<ChannelName>(), Err(ChannelNameError));
    }

    #[test]
    fn every_broken_rule_is_named() {
        let error = |text: &str| text.parse::<UserName>().unwrap_err();
        assert_eq!(error(""), UserNameError::Empty);
        assert_eq!(
            error(&"a".repeat(USER_NAME_BYTES_MAX + 1)),
            UserNameError::TooLong
        );
        assert_eq!(error(".a"), UserNameError::BadStart);
        assert_eq!(error("ann b"), UserNameError::BadCharacter(' '));
        assert_eq!(error("аnn"), UserNameError::BadCharacter('\u{430}'));
        assert_eq!(
            error("a\u{1b}[2J").to_string(),
            "a user name cannot contain '\\u{1b}'; use a-z 0-9 . _ -"
        );
    }
}
