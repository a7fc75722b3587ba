//! Words that are parsed once: what is taken keeps its rules, and reads back as itself.

use std::{fmt::Display, str::FromStr};

use tinychat::{
    client::net::{connect::ServerAddress, tls::Assurance},
    domain::{
        fingerprint::Fingerprint,
        ids::{ClientMessageId, ConversationId, DeviceId},
        name::{DeviceName, UserName},
        secret::{Password, Token},
        text::MessageText,
    },
};

/// What is shown parses to the same.
fn reads_back<T: FromStr + Display + PartialEq>(text: &str) -> Option<T> {
    let word: T = text.parse().ok()?;
    let shown = word.to_string();
    assert!(
        shown.parse::<T>().is_ok_and(|again| again == word),
        "{shown:?}"
    );
    Some(word)
}

/// Any text.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let text = text.as_ref();
    if let Some(name) = reads_back::<UserName>(text) {
        let name = name.as_str();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        assert!(
            (1..=32).contains(&name.len()) && name.chars().all(plain),
            "{name:?}"
        );
        assert!(!name.starts_with(['.', '_', '-']), "{name:?}");
        assert!(name.eq_ignore_ascii_case(text), "{name:?} is not {text:?}");
    }
    if let Ok(name) = text.parse::<DeviceName>() {
        let name = name.as_str();
        assert!(name.chars().count() <= 64 && !name.contains(char::is_control));
    }
    if let Ok(said) = text.parse::<MessageText>() {
        let said = said.as_str();
        assert!((1..=16 * 1024).contains(&said.len()) && said == text);
        let control = |c: char| c.is_control() && c != '\n' && c != '\t';
        assert!(!said.contains(control));
    }
    if let Ok(password) = text.parse::<Password>() {
        assert!((8..=1_024).contains(&password.expose().len()));
        let other: Password = "another one".parse().unwrap();
        assert_eq!(
            format!("{password:?}"),
            format!("{other:?}"),
            "it shows itself"
        );
    }
    if let Ok(token) = text.parse::<Token>() {
        assert_eq!(token.expose(), text, "there is one way to write a token");
        assert!(!format!("{token:?}").contains(text), "it shows itself");
    }
    if let Some(server) = reads_back::<Server>(text) {
        assert!(!server.0.host().is_empty());
    }
    reads_back::<Fingerprint>(text);
    reads_back::<Assurance>(text);
    reads_back::<ClientMessageId>(text);
    reads_back::<ConversationId>(text);
    reads_back::<DeviceId>(text);
}

/// An address, which says itself by `as_str`.
#[derive(PartialEq)]
struct Server(ServerAddress);

impl FromStr for Server {
    type Err = <ServerAddress as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}
