//! The accept loop: sockets in, connections served, and how they end.
//!
//! Our own rather than tonic's, since tonic's cannot end a connection with GOAWAY and still cut it in time. One port
//! carries gRPC over HTTP/2; an HTTP/1 caller gets a sentence that says so.

use std::{io, net::SocketAddr, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::grpc::Edge;
use crate::tasks::Tasks;

/// Receive windows of a stream and of a connection. HTTP/2 (h2 0.4.16 and later) ends a connection on which small frames
/// lie unread whose lengths lack more than half the connection's window of 256 bytes each. Our smallest frame has 9
/// bytes, so a full stream holds 14,563 of them, which lack 3.5 MiB: not even a stream that was ended while its peer
/// went on sending ends the connection.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// Streams of one connection at once.
const STREAMS_MAX: u32 = 100;
/// A ping after this long, and the time that its answer may take: a dead peer is found in 50 s.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an HTTP/1 caller may take for its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Header bytes of one request: a token has 50, so this is ample.
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// Wait after an accept that failed for want of files or memory: it fails again at once, and would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until told to stop; each is a task of `connections`.
pub async fn accept(
    listener: TcpListener,
    edge: Edge,
    stop: CancellationToken,
    connections: Tasks,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (edge, stop) = (edge.clone(), stop.clone());
                let cut = connections.cancelled().clone();
                connections.spawn("connection", serve(stream, peer, edge, stop, cut));
            }
            // The peer was gone before it was accepted.
            Err(error) if is_of_the_peer(&error) => debug!(%error, "accept"),
            Err(error) => {
                warn!(%error, "cannot accept connections; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
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

/// Serves one connection: at `stop` with GOAWAY until its streams have ended, at `cut` no longer.
async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    edge: Edge,
    stop: CancellationToken,
    cut: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%peer, %error, "nodelay");
    }
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    let service = service_fn(move |request| edge.clone().serve(request));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                outcome = connection.as_mut() => outcome,
                () = cut.cancelled() => Ok(()),
            }
        }
    };
    if let Err(error) = outcome {
        debug!(%peer, %error, "connection ended");
    }
}
