//! The accept loop: sockets in, connections told from noise, and how they end.
//!
//! Our own rather than tonic's, since tonic's cannot end a connection with GOAWAY and still cut it in time. One port
//! carries gRPC over HTTP/2, in the clear or in TLS, and gRPC-Web over HTTP/1.1 too. A peer that says nothing, says half
//! a greeting or half a handshake loses its connection after 5 s; the accept loop itself never waits for a peer.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    caller::Caller,
    doorkeeper::{Doorkeeper, Place},
    grpc::{Edge, halves::Pool},
    opening::{self, Expected, Opened},
    tls::Tls,
};
use crate::{
    domain::{address::CallerAddress, limits::STREAMS_PER_CONNECTION_MAX},
    tasks::Tasks,
    telemetry,
};

/// Receive windows of a stream and of a connection. HTTP/2 (h2 0.4.16 and later) ends a connection on which small frames
/// lie unread whose lengths lack more than half the connection's window of 256 bytes each. Our smallest frame has 9
/// bytes, so a full stream holds 14,563 of them, which lack 3.5 MiB: not even a stream that was ended while its peer
/// went on sending ends the connection.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// Bytes of a stream's answers that lie in HTTP/2 (and of a connection's in HTTP/1) until the peer's system takes them; with
/// what it was given beyond that, two pieces of a file.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// A ping after this long, and the time that its answer may take: a dead peer is found in 50 s.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a peer may take for its first bytes, for the rest of a TLS handshake, for the headers of HTTP/1.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Header bytes of one request: a token has 50, so this is ample.
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// Wait after an accept that failed for want of files or memory: it fails again at once, and would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Such failures are told at most this often.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// What a peer that did not speak TLS may take and send until it has read that.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_BYTES: u64 = 64 * 1024;
/// How long the calls of a connection that has served its time may go on.
const AGE_GRACE: Duration = Duration::from_secs(30);

/// What every connection of a server has in common.
#[derive(Clone)]
pub struct Serving {
    /// What answers requests.
    pub edge: Edge,
    /// What connections are encrypted with; `None`: they are not.
    pub tls: Option<Arc<Tls>>,
    /// Who may come in.
    pub doorkeeper: Doorkeeper,
    /// Room for requests that are not whole yet.
    pub pool: Pool,
    /// Age at which a connection is told to go, give or take a tenth.
    pub age: Option<Duration>,
    /// No more connections, and those that are there should end.
    pub stop: CancellationToken,
    /// The connections; they are cut when these tasks are told to end.
    pub connections: Tasks,
}

/// Accepts connections until told to stop.
pub async fn accept(listener: TcpListener, serving: Serving) {
    let mut told: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            biased;
            () = serving.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                match serving.doorkeeper.admit(CallerAddress::new(peer.ip())) {
                    Ok(place) => {
                        let one = serving.clone().connection(stream, peer, place);
                        serving.connections.spawn("connection", one);
                    }
                    // Closed without a word: a word would have to wait for the peer.
                    Err(refused) => {
                        debug!(%peer, cause = refused.word(), "connection refused");
                        telemetry::connection_refused(refused.word());
                    }
                }
            }
            // The peer was gone before it was accepted.
            Err(error) if is_of_the_peer(&error) => debug!(%error, "accept"),
            Err(error) => {
                telemetry::connection_refused("accept");
                if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                    told = Some(Instant::now());
                    warn!(%error, "cannot accept connections; trying again until it works");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// Counts a connection for as long as it lives.
struct Open;

impl Open {
    fn new() -> Self {
        telemetry::connection_opened();
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        telemetry::connection_closed();
    }
}

/// How a connection is told to end.
enum Told {
    /// With GOAWAY, and then so long until it is cut; `None`: until the server says so.
    Go(Option<Duration>),
    /// At once.
    Cut(&'static str),
}

impl Serving {
    async fn connection(self, stream: TcpStream, peer: SocketAddr, place: Place) {
        let open = Open::new();
        // HTTP/1 has no pings of its own: without those of TCP a peer that vanished would stay online.
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE_INTERVAL)
            .with_interval(KEEPALIVE_TIMEOUT / 4);
        let set = stream
            .set_nodelay(true)
            .and_then(|()| SockRef::from(&stream).set_tcp_keepalive(&keepalive));
        if let Err(error) = set {
            debug!(%peer, %error, "options of the socket");
        }
        match self.tls.clone() {
            None => self.hear(stream, peer).await,
            Some(tls) => {
                let shaking = async {
                    let opened = opening::open(stream, Expected::Tls).await.ok()?;
                    let shaking = TlsAcceptor::from(tls.config()).accept(opened);
                    Some(Box::pin(shaking.into_fallible()).await)
                };
                match self.in_time(shaking).await.flatten() {
                    Some(Ok(stream)) => Box::pin(self.hear(stream, peer)).await,
                    Some(Err((error, stream))) => {
                        debug!(%peer, %error, "no TLS");
                        telemetry::connection_refused("handshake");
                        let _ = timeout(FAREWELL, let_read(stream)).await;
                    }
                    None => {}
                }
            }
        }
        drop((place, open));
    }

    /// Hears what a peer begins with, and serves it.
    async fn hear<T>(self, stream: T, peer: SocketAddr)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let opening = opening::open(stream, Expected::Http);
        if let Some(Ok(opened)) = self.in_time(opening).await {
            // In a box of its own: a task is as large as all that it may ever hold, and most of this is here.
            Box::pin(self.serve(opened, peer)).await;
        }
    }

    /// Waits for what a peer has to say first, but not for long; `None`: it did not say it, or the server stops.
    async fn in_time<O>(&self, said: impl Future<Output = O>) -> Option<O> {
        tokio::select! {
            said = timeout(HEADER_TIMEOUT, said) => {
                if said.is_err() {
                    telemetry::connection_refused("silent");
                }
                said.ok()
            }
            () = self.stop.cancelled() => None,
        }
    }

    /// Serves one connection until it ends or is told to.
    async fn serve<T>(self, stream: Opened<T>, peer: SocketAddr)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let caller = Caller::new(CallerAddress::new(peer.ip()), self.pool.clone());
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .max_buf_size(SEND_BUFFER_BYTES)
            .header_read_timeout(HEADER_TIMEOUT);
        builder
            .http2()
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
            .max_header_list_size(HEADER_BYTES_MAX)
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        let (edge, of) = (self.edge.clone(), caller.clone());
        let service = service_fn(move |request| edge.clone().serve(request, of.clone()));
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let told = tokio::select! {
            outcome = connection.as_mut() => return ended(peer, outcome),
            told = self.told(&caller) => told,
        };
        let patience = match told {
            Told::Cut(cause) => {
                debug!(%peer, cause, "connection cut");
                return telemetry::connection_refused(cause);
            }
            Told::Go(patience) => patience,
        };
        connection.as_mut().graceful_shutdown();
        let out_of_patience = async {
            match patience {
                Some(patience) => sleep(patience).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            outcome = connection.as_mut() => ended(peer, outcome),
            () = out_of_patience => telemetry::connection_refused("age"),
            () = caller.cut.cancelled() => telemetry::connection_refused("unread"),
            () = self.connections.cancelled().cancelled() => {}
        }
    }

    /// Resolves when the connection should end.
    async fn told(&self, caller: &Caller) -> Told {
        let old = async {
            match self.age {
                Some(age) => sleep(spread(age)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = caller.cut.cancelled() => Told::Cut("unread"),
            () = self.stop.cancelled() => Told::Go(None),
            () = old => {
                caller.leaving.cancel();
                Told::Go(Some(AGE_GRACE))
            }
        }
    }
}

/// Lets a peer read why it is refused: a socket that is closed over unread bytes takes back what was sent.
async fn let_read(mut stream: Opened<TcpStream>) {
    if stream.shutdown().await.is_ok() {
        let mut rest = stream.take(FAREWELL_BYTES);
        // How it ends does not matter any more.
        let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
    }
}

/// An age give or take a tenth, so that those who came together do not go together.
fn spread(age: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    // Without randomness all go at the same time, which is worse but not wrong.
    if getrandom::fill(&mut byte).is_err() {
        return age;
    }
    age.mul_f64(0.9 + 0.2 * f64::from(byte[0]) / 255.0)
}

fn ended<E: std::fmt::Display>(peer: SocketAddr, outcome: Result<(), E>) {
    if let Err(error) = outcome {
        debug!(%peer, %error, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_spread_by_a_tenth() {
        let age = Duration::from_secs(100);
        for _ in 0..100 {
            let spread = spread(age).as_secs_f64();
            assert!((89.9..110.1).contains(&spread), "{spread}");
        }
    }
}
