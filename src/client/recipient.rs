//! To whom a one-shot command speaks: a user, a channel, or a conversation by its id.

use std::{fmt, str::FromStr};

use crate::domain::{
    ids::ConversationId,
    name::{ChannelName, UserName},
};

use super::{
    exit::Failure,
    net::{
        error::ClientError,
        outbox::Target,
        session::{Patience, Session},
    },
};

/// What marks an id. No user name holds a colon.
const ID_PREFIX: &str = "id:";

/// What marks a channel.
const CHANNEL_PREFIX: &str = "#";

/// A user, a channel, or a conversation by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// `NAME`: the DIRECT conversation with this user.
    User(UserName),
    /// `#NAME`: a channel.
    Channel(ChannelName),
    /// `id:CONVERSATION`, with the id that `conversations --json` and every event give.
    Conversation(ConversationId),
}

impl FromStr for Recipient {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix(CHANNEL_PREFIX) {
            return name
                .parse()
                .map(Self::Channel)
                .map_err(|error: crate::domain::name::ChannelNameError| error.to_string());
        }
        match text.strip_prefix(ID_PREFIX) {
            Some(id) => id
                .parse()
                .map(Self::Conversation)
                .map_err(|error: crate::domain::ids::IdError| error.to_string()),
            None => text
                .parse()
                .map(Self::User)
                .map_err(|error: crate::domain::name::UserNameError| error.to_string()),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "{name}"),
            Self::Channel(name) => write!(f, "{CHANNEL_PREFIX}{name}"),
            Self::Conversation(id) => write!(f, "{ID_PREFIX}{id}"),
        }
    }
}

impl From<&Recipient> for Target {
    fn from(recipient: &Recipient) -> Self {
        match recipient {
            Recipient::User(name) => Self::User(name.to_string()),
            Recipient::Channel(name) => Self::Channel(name.to_string()),
            Recipient::Conversation(id) => Self::Conversation(id.to_string()),
        }
    }
}

impl Recipient {
    /// Finds the id of the conversation; makes none.
    pub async fn find(&self, session: &Session, patience: Patience) -> Result<String, Failure> {
        let name = match self {
            Self::Conversation(id) => return Ok(id.to_string()),
            Self::Channel(name) => {
                let found = session.channel_of_mine(name, patience).await?;
                let missing = || ClientError::NotAMember(format!("#{name}").into());
                return Ok(found.ok_or_else(missing)?.id);
            }
            Self::User(name) => name,
        };
        match session.conversation_with(name, patience).await? {
            Some(conversation) => Ok(conversation.id),
            None => Err(Failure::not_found(format!(
                "there is no conversation with {name} yet; a first message begins it, and users lists everybody"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_channels_and_ids_are_told_apart() {
        let parse = |text: &str| text.parse::<Recipient>().map(|it| it.to_string());
        // Somebody may be called like an id.
        assert_eq!(parse("C5"), Ok("c5".to_owned()));
        assert_eq!(parse("id:c5"), Ok("id:c5".to_owned()));
        assert!(matches!("c5".parse(), Ok(Recipient::User(_))));
        assert!(matches!("id:c5".parse(), Ok(Recipient::Conversation(_))));
        assert_eq!(parse("#Room"), Ok("#room".to_owned()));
        assert!(matches!("#c5".parse(), Ok(Recipient::Channel(_))));
        for wrong in ["", "id:", "id:u5", "id:c05", "a/b", "#", "#a b"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
