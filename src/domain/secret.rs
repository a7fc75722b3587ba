//! Passwords and tokens: types whose `Debug` shows nothing, so that no log can.

use std::{fmt, str::FromStr};

use data_encoding::BASE64URL_NOPAD;

use super::limits::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN};

/// A password as it was typed. 8 to 1,024 bytes.
#[derive(Clone)]
pub struct Password(String);

/// Why a text cannot be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password has {PASSWORD_BYTES_MIN} to {PASSWORD_BYTES_MAX} bytes")]
pub struct PasswordError;

impl Password {
    /// The bytes, for the hash function alone.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl FromStr for Password {
    type Err = PasswordError;

    fn from_str(text: &str) -> Result<Self, PasswordError> {
        match text.len() {
            PASSWORD_BYTES_MIN..=PASSWORD_BYTES_MAX => Ok(Self(text.to_owned())),
            _ => Err(PasswordError),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[password]")
    }
}

/// Whose secret a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Of a login.
    Login,
    /// Of a bot or a script.
    Bot,
}

impl TokenKind {
    /// What a token looks like, so that secret scanners can find one that leaked.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Login => "tct_",
            Self::Bot => "tcb_",
        }
    }
}

/// The secret of one device: 256 random bits. The store keeps only its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(TokenKind, [u8; 32]);

/// The text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an access token")]
pub struct TokenError;

impl Token {
    /// Takes 256 random bits.
    pub const fn new(kind: TokenKind, bits: [u8; 32]) -> Self {
        Self(kind, bits)
    }

    /// What it is for.
    pub const fn kind(&self) -> TokenKind {
        self.0
    }

    /// The text that the client carries.
    pub fn expose(&self) -> String {
        format!("{}{}", self.0.prefix(), BASE64URL_NOPAD.encode(&self.1))
    }

    /// What the store keeps. The token is random, so a plain hash is enough.
    pub fn hash(&self) -> TokenHash {
        TokenHash(*blake3::hash(&self.1).as_bytes())
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let kinds = [TokenKind::Login, TokenKind::Bot].into_iter();
        let (kind, body) = { kinds }
            .find_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?)))
            .ok_or(TokenError)?;
        let bits = BASE64URL_NOPAD
            .decode(body.as_bytes())
            .map_err(|_| TokenError)?;
        let bits = bits.try_into().map_err(|_| TokenError)?;
        Ok(Self(kind, bits))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

/// Hash of a token: finds the device, gives nothing away.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token hash]")
    }
}

/// What looks like an invite code.
const INVITE_PREFIX: &str = "tci_";

/// The secret of an invite link: 128 random bits, so that nobody guesses one. The store keeps only its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteCode([u8; 16]);

/// The text is no invite code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an invite code: it has 26 characters and begins with tci_")]
pub struct InviteCodeError;

impl InviteCode {
    /// Takes 128 random bits.
    pub const fn new(bits: [u8; 16]) -> Self {
        Self(bits)
    }

    /// The text that others join with.
    pub fn expose(&self) -> String {
        format!("{INVITE_PREFIX}{}", BASE64URL_NOPAD.encode(&self.0))
    }

    /// What the store keeps. The code is random, so a plain hash is enough.
    pub fn hash(&self) -> InviteHash {
        InviteHash(*blake3::hash(&self.0).as_bytes())
    }

    /// Whether a text looks like one, whatever stands behind its beginning and however that is written.
    pub fn is_meant(text: &str) -> bool {
        let start = text.get(..INVITE_PREFIX.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(INVITE_PREFIX))
    }
}

impl FromStr for InviteCode {
    type Err = InviteCodeError;

    fn from_str(text: &str) -> Result<Self, InviteCodeError> {
        let body = text.strip_prefix(INVITE_PREFIX).ok_or(InviteCodeError)?;
        let bits = BASE64URL_NOPAD
            .decode(body.as_bytes())
            .map_err(|_| InviteCodeError)?;
        bits.try_into().map(Self).map_err(|_| InviteCodeError)
    }
}

impl fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[invite code]")
    }
}

/// Hash of an invite code: finds the link, gives nothing away.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InviteHash(pub [u8; 32]);

impl fmt::Debug for InviteHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[invite hash]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_shows_nothing() {
        let token = Token::new(TokenKind::Login, [7; 32]);
        assert_eq!(token.expose().parse(), Ok(token.clone()));
        let bot = Token::new(TokenKind::Bot, [7; 32]);
        assert!(bot.expose().starts_with("tcb_"));
        assert_eq!(bot.expose().parse(), Ok(bot));
        assert_eq!(
            format!("{token:?} {:?}", token.hash()),
            "[token] [token hash]"
        );
        for garbage in ["", "tct_", "tct_!!!!", "Bearer x", &token.expose()[1..]] {
            assert_eq!(garbage.parse::<Token>(), Err(TokenError), "{garbage}");
        }
    }

    #[test]
    fn an_invite_code_reads_back_and_shows_nothing() {
        let code = InviteCode::new([7; 16]);
        assert_eq!(
            (code.expose().len(), code.expose().parse()),
            (26, Ok(code.clone()))
        );
        assert_eq!(
            format!("{code:?} {:?}", code.hash()),
            "[invite code] [invite hash]"
        );
        let token = Token::new(TokenKind::Login, [7; 32]).expose();
        for garbage in [
            "",
            "tci_",
            "tci_!!!!",
            "tci_AAAA",
            &token,
            &code.expose()[1..],
        ] {
            assert_eq!(
                garbage.parse::<InviteCode>(),
                Err(InviteCodeError),
                "{garbage}"
            );
        }
    }

    #[test]
    fn a_password_has_8_to_1024_bytes_and_is_not_shown() {
        assert!("12345678".parse::<Password>().is_ok());
        assert!("x".repeat(1024).parse::<Password>().is_ok());
        assert_eq!("1234567".parse::<Password>().err(), Some(PasswordError));
        assert_eq!(
            "x".repeat(1025).parse::<Password>().err(),
            Some(PasswordError)
        );
        assert_eq!(
            format!("{:?}", "12345678".parse::<Password>()),
            "Ok([password])"
        );
    }
}
