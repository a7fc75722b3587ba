//! From an address to a transport: TCP, and TLS over it. Every attempt has an end.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    connect::ServerAddress,
    tls::{self, Security, TlsFailure},
};

/// How long a connection attempt may take, with all addresses of a name and the handshake.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no transport.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The network failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server is not trusted.
    #[error(transparent)]
    Tls(#[from] TlsFailure),
}

/// Makes transports to one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dial {
    server: ServerAddress,
    tls: Option<Arc<ClientConfig>>,
}

/// A transport.
pub enum Transport {
    /// In the clear.
    Plain(Plain),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Dial {
    /// Prepares for a server.
    pub fn new(server: &ServerAddress, security: &Security) -> Result<Self, TlsFailure> {
        let tls = match security {
            Security::Plaintext => None,
            Security::Tls(trust) => {
                // Told before anything is sent.
                tls::server_name(server)?;
                Some(Arc::new(tls::config(server, trust)?))
            }
        };
        Ok(Self {
            server: server.clone(),
            tls,
        })
    }

    /// Whether what it makes is encrypted.
    pub const fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Makes one transport.
    pub async fn dial(self) -> Result<Transport, DialError> {
        let late = || io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
        let dialled = timeout(CONNECT_TIMEOUT, self.attempt()).await;
        dialled.unwrap_or_else(|_| Err(late().into()))
    }

    async fn attempt(self) -> Result<Transport, DialError> {
        let stream = reach(&self.server).await?;
        stream.set_nodelay(true)?;
        let Some(config) = self.tls else {
            return Ok(Transport::Plain(Plain {
                stream,
                begun: false,
            }));
        };
        let name = tls::server_name(&self.server)?;
        let shaken = TlsConnector::from(config).connect(name, stream).await;
        let stream = shaken.map_err(|error| match tls::failure(&self.server, &error) {
            Some(failure) => DialError::Tls(failure),
            None => DialError::Io(error),
        })?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(DialError::Tls(TlsFailure::NoHttp2 {
                server: self.server.as_str().to_owned(),
            }));
        }
        Ok(Transport::Tls(Box::new(stream)))
    }
}

/// Tries the addresses of a name in turn; the last one's fault is told.
async fn reach(server: &ServerAddress) -> io::Result<TcpStream> {
    let addresses: Vec<_> = lookup_host(server.as_str()).await?.collect();
    let share = u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match timeout(CONNECT_TIMEOUT / share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "no answer in time"),
        }
    }
    Err(last)
}

/// A transport in the clear that knows when the other side answers with TLS.
pub struct Plain {
    stream: TcpStream,
    /// Whether anything was read.
    begun: bool,
}

/// What an alert of TLS begins with; nothing of HTTP/2 does.
const TLS_ALERT: u8 = 0x15;

impl AsyncRead for Plain {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let fresh = buffer.filled().get(before).copied();
        if !self.begun && fresh == Some(TLS_ALERT) {
            let text = "it answers with TLS; connect with --tls";
            return Poll::Ready(Err(io::Error::other(text)));
        }
        self.begun |= fresh.is_some();
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(plain) => Pin::new(plain).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(plain) => Pin::new(&mut plain.stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(plain) => Pin::new(&mut plain.stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(plain) => Pin::new(&mut plain.stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(plain) => plain.stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(plain) => Pin::new(&mut plain.stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }
}
