//! A connection to one server, with or without a login. Cheap to clone; all clones share one HTTP/2 connection.

use std::{str::FromStr, time::Duration};

use hyper_util::rt::TokioIo;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use super::{
    dial::{CONNECT_TIMEOUT, Dial},
    error::ClientError,
    tls::Security,
};
use crate::{
    domain::limits::{FRAME_BYTES_MAX, RESPONSE_BYTES_MAX},
    pb::{
        auth_service_client::AuthServiceClient, chat_service_client::ChatServiceClient,
        conversation_service_client::ConversationServiceClient,
        file_service_client::FileServiceClient,
    },
};

/// A ping after this long without a frame, and the time that the answer may take: a dead link is found in 50 s.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes that a stream may hold unread, and all streams together. HTTP/2 (h2 0.4.16 and later) ends
/// a connection on which small frames lie unread whose lengths lack more than half the connection's
/// window of 256 bytes each. A frame of the smallest event has 15 bytes, so a full stream holds
/// 8,738 of them, which lack 2.0 MiB: with 8 MiB to lack, three idle readers are none too many.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// The longest frame of a stream that is taken: eight times what servers send.
const FRAME_LIMIT_BYTES: usize = 8 * FRAME_BYTES_MAX;

/// Where a server listens: `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress(String);

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not HOST:PORT; an example is 127.0.0.1:7777")]
pub struct ServerAddressError(String);

impl ServerAddress {
    /// The address as `HOST:PORT`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        let host = self.0.rsplit_once(':').map_or("", |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether it names this very machine, so that plaintext cannot be overheard.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host.eq_ignore_ascii_case("localhost")
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for ServerAddress {
    type Err = ServerAddressError;

    fn from_str(text: &str) -> Result<Self, ServerAddressError> {
        let error = || ServerAddressError(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(error)?;
        let port: u16 = port.parse().map_err(|_| error())?;
        let strange = |c: char| {
            c.is_control() || c.is_whitespace() || matches!(c, '/' | '@' | '?' | '#' | '\\')
        };
        let in_brackets = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let is_host = match in_brackets {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.contains([':', '[', ']']) && !host.contains(strange),
        };
        if !is_host {
            return Err(error());
        }
        // One way to write a port, or a pin for 7777 would not be found for 07777.
        Ok(Self(format!("{host}:{port}")))
    }
}

/// Adds the login to every call.
#[derive(Clone, Debug, Default)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// The text cannot be a token, since it cannot stand in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an access token")]
pub struct TokenTextError;

/// What calls go through.
pub type Service = InterceptedService<Channel, Bearer>;

/// A connection to one server. It is made at the first call and made anew after it broke.
#[derive(Clone, Debug)]
pub struct Connection {
    channel: Channel,
    bearer: Bearer,
}

impl Connection {
    /// A connection that is opened by the first call. Fails if what it should trust cannot be read.
    pub fn open(server: &ServerAddress, security: &Security) -> Result<Self, ClientError> {
        let dial = Dial::new(server, security)?;
        let address = || ServerAddressError(server.as_str().to_owned());
        // The scheme of the endpoint would make tonic look for a TLS of its own; what is sent is the origin's.
        let endpoint = Endpoint::from_shared(format!("http://{}", server.as_str()));
        let mut endpoint = endpoint.map_err(|_| address())?;
        if dial.is_encrypted() {
            let origin = format!("https://{}", server.as_str()).parse();
            endpoint = endpoint.origin(origin.map_err(|_| address())?);
        }
        let connector = tower::service_fn(move |_| {
            let dialled = dial.clone().dial();
            async move { dialled.await.map(TokioIo::new) }
        });
        let channel = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .connect_with_connector_lazy(connector);
        Ok(Self {
            channel,
            bearer: Bearer::default(),
        })
    }

    /// The same connection, with a login.
    pub fn with_token(&self, token: &str) -> Result<Self, TokenTextError> {
        let mut value: MetadataValue<Ascii> = format!("Bearer {token}")
            .parse()
            .map_err(|_| TokenTextError)?;
        value.set_sensitive(true);
        Ok(Self {
            channel: self.channel.clone(),
            bearer: Bearer(Some(value)),
        })
    }

    /// Accounts and logins.
    pub fn auth(&self) -> AuthServiceClient<Service> {
        AuthServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            .max_decoding_message_size(RESPONSE_BYTES_MAX)
    }

    /// Sending and streams.
    pub fn chat(&self) -> ChatServiceClient<Service> {
        ChatServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            .max_decoding_message_size(RESPONSE_BYTES_MAX)
    }

    /// Sending and streams, for a program that follows a stream: no frame is longer than 64 KiB, or one event. The small
    /// limit matters, since two bytes on the wire are an event of half a kilobyte in memory.
    pub fn streams(&self) -> ChatServiceClient<Service> {
        self.chat().max_decoding_message_size(FRAME_LIMIT_BYTES)
    }

    /// Conversations and history.
    pub fn conversations(&self) -> ConversationServiceClient<Service> {
        ConversationServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            .max_decoding_message_size(RESPONSE_BYTES_MAX)
    }

    /// Files.
    pub fn files(&self) -> FileServiceClient<Service> {
        FileServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            .max_decoding_message_size(RESPONSE_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        for good in [
            "127.0.0.1:7777",
            "localhost:1",
            "[::1]:7777",
            "chat.example.org:443",
        ] {
            assert!(good.parse::<ServerAddress>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "host",
            ":1",
            "host:",
            "host:99999",
            "::1:7777",
            "a/b:1",
            "a b:1",
            "http://x:1",
            "[:1",
            "[]:1",
            "[x]:1",
            "[[::1]]:1",
        ] {
            assert!(bad.parse::<ServerAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_port_has_one_way_to_be_written() {
        let address: ServerAddress = "chat.lan:07777".parse().unwrap();
        assert_eq!(address.as_str(), "chat.lan:7777");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let loopback = |text: &str| {
            text.parse::<ServerAddress>()
                .is_ok_and(|address| address.is_loopback())
        };
        assert!(loopback("127.0.0.1:1") && loopback("[::1]:1") && loopback("LocalHost:1"));
        assert!(!loopback("10.0.0.1:1") && !loopback("localhost.example.org:1"));
    }
}
