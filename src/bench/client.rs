//! Devices of the load generator: connections, logins, streams. Every device has a connection of its own, with the
//! windows of our own client, except where thousands of devices are needed and connections are not measured.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures_util::{
    FutureExt as _, StreamExt as _, TryStreamExt as _, future::try_join_all, stream,
};
use http::uri::PathAndQuery;
use tokio::{task::unconstrained, time::timeout};
use tokio_stream::Stream;
use tonic::{
    Code, Request, Status, Streaming,
    client::Grpc,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use super::{
    error::BenchError,
    flow::Requests,
    process::{Peer, Target},
    tracker::Tracker,
    wire::{Incoming, Outgoing, Stamp},
};
use crate::pb::{self, auth_service_client::AuthServiceClient, codec::Codec};

/// Windows of a stream and of a connection, as in `client::net::connect`.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// Logins under way at once: fewer than the server lets in from one address.
const LOGINS_AT_ONCE: usize = 8;
/// Connections and streams that are opened at once, when it is not the opening that is measured.
const OPENINGS_AT_ONCE: usize = 64;
/// How long anything that is not measured may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A login.
#[derive(Clone, Debug)]
pub struct Login {
    /// The name of its user.
    pub name: String,
    token: MetadataValue<Ascii>,
}

impl Login {
    fn new(name: String, token: &str) -> Result<Self, BenchError> {
        let token = format!("Bearer {token}").parse();
        let token = token.map_err(|_| Status::internal("a token that cannot stand in a header"))?;
        Ok(Self { name, token })
    }

    /// A request in its name.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", self.token.clone());
        request
    }
}

/// Opens a connection.
pub async fn connect(to: SocketAddr) -> Result<Channel, BenchError> {
    let endpoint = Endpoint::from_shared(format!("http://{to}"))?
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    Ok(endpoint.connect().await?)
}

/// Logs so many users in, each with so many devices: those of a user stand together. The baselines ask for no login and
/// take the name for it.
pub async fn log_in(
    peer: Peer,
    names: impl IntoIterator<Item = String>,
    devices: usize,
) -> Result<Vec<Login>, BenchError> {
    let names: Vec<String> = names
        .into_iter()
        .flat_map(|name| std::iter::repeat_n(name, devices))
        .collect();
    if peer.target != Target::Server {
        return names
            .into_iter()
            .map(|name| Login::new(name.clone(), &name))
            .collect();
    }
    let channel = connect(peer.address).await?;
    let one = |name: String| {
        let mut auth = AuthServiceClient::new(channel.clone());
        async move {
            let request = pb::LoginRequest {
                user_name: name.clone(),
                password: "unused".to_owned(),
                device_name: "bench".to_owned(),
            };
            loop {
                match auth.login(request.clone()).await {
                    Ok(answer) => return Login::new(name, &answer.into_inner().access_token),
                    // Too many at once: a moment later there is room.
                    Err(status) if status.code() == Code::ResourceExhausted => {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    Err(status) => return Err(status.into()),
                }
            }
        }
    };
    stream::iter(names)
        .map(one)
        .buffered(LOGINS_AT_ONCE)
        .try_collect()
        .await
}

/// The first frame of a stream.
pub fn hello(cursor: Option<&Bytes>) -> Outgoing {
    let cursor = cursor.map(|cursor| String::from_utf8_lossy(cursor).into_owned());
    let hello = pb::Hello {
        resume_cursor: cursor,
        ..pb::Hello::default()
    };
    Outgoing::Frame(pb::ChatRequest {
        request_id: 0,
        request: Some(pb::chat_request::Request::Hello(hello)),
    })
}

/// A stream of events and answers.
pub struct Feed {
    stream: Streaming<Incoming>,
    // A connection ends with its last owner.
    _channel: Channel,
    /// Where a new stream would go on.
    pub cursor: Bytes,
}

impl Feed {
    /// Opens a `Chat`; the requests begin with `hello`.
    pub async fn chat(
        channel: &Channel,
        login: &Login,
        requests: impl Stream<Item = Outgoing> + Send + 'static,
    ) -> Result<Self, BenchError> {
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await?;
        let path = PathAndQuery::from_static("/tinychat.v1.ChatService/Chat");
        let codec = Codec::<Outgoing, Incoming>::default();
        let opened = grpc.streaming(login.request(requests), path, codec);
        Ok(Self::new(channel, opened.await?.into_inner()))
    }

    /// Opens a `Subscribe` without a cursor.
    pub async fn subscribe(channel: &Channel, login: &Login) -> Result<Self, BenchError> {
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await?;
        let path = PathAndQuery::from_static("/tinychat.v1.ChatService/Subscribe");
        let codec = Codec::<pb::SubscribeRequest, Incoming>::default();
        let request = login.request(pb::SubscribeRequest::default());
        let opened = grpc.server_streaming(request, path, codec);
        Ok(Self::new(channel, opened.await?.into_inner()))
    }

    fn new(channel: &Channel, stream: Streaming<Incoming>) -> Self {
        Self {
            stream,
            _channel: channel.clone(),
            cursor: Bytes::new(),
        }
    }

    /// The next frame. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Result<Incoming, BenchError> {
        let frame = self.stream.message().await?.ok_or(BenchError::Ended)?;
        let cursors = frame.events.iter().rev().map(|event| &event.cursor);
        if let Some(cursor) = { cursors }.find(|cursor| !cursor.is_empty()) {
            self.cursor = cursor.clone();
        }
        if frame.events.iter().any(|event| event.going_away.is_some()) {
            return Err(BenchError::Ended);
        }
        // No device asks for less than everything, or comes with a cursor that the target did not give it.
        if frame.events.iter().any(|event| event.gap.is_some()) {
            return Err(BenchError::NotResumed("gap"));
        }
        if frame.events.iter().any(|event| event.reset.is_some()) {
            return Err(BenchError::NotResumed("reset"));
        }
        Ok(frame)
    }

    /// The next frame, whose messages are those of the first sender. Says whether everything that was missed has come.
    pub async fn take(&mut self, tracker: &mut Tracker) -> Result<bool, BenchError> {
        let frame = self.next().await?;
        for event in &frame.events {
            if let Some(message) = &event.message {
                match Stamp::read(&message.text) {
                    Some(Stamp { sender: 0, number }) => tracker.see(number),
                    _ => tracker.see_strange(),
                }
            }
        }
        Ok(frame.events.iter().any(|event| event.caught_up.is_some()))
    }

    /// Reads on until everything that was missed has come.
    pub async fn caught_up(&mut self, tracker: &mut Tracker) -> Result<(), BenchError> {
        while !self.take(tracker).await? {}
        Ok(())
    }

    /// Takes what has come, without waiting: a stream that has ended is an error.
    pub fn look(&mut self) -> Result<(), BenchError> {
        // Without the runtime's budget, which would say "nothing" after a hundred streams.
        while let Some(frame) = unconstrained(self.next()).now_or_never() {
            frame?;
        }
        Ok(())
    }
}

/// Opens many streams, each on a connection of its own, and waits until each has caught up.
pub async fn open_all<R>(
    to: SocketAddr,
    openings: impl IntoIterator<Item = (Login, R)>,
) -> Result<Vec<Feed>, BenchError>
where
    R: Stream<Item = Outgoing> + Send + 'static,
{
    let one = |(login, requests): (Login, R)| async move {
        let channel = connect(to).await?;
        open(&channel, &login, requests).await
    };
    let opened = stream::iter(openings)
        .map(one)
        .buffered(OPENINGS_AT_ONCE)
        .try_collect();
    timeout(PATIENCE, opened)
        .await
        .map_err(|_| BenchError::Late("the streams"))?
}

/// Opens a stream for each login, so many on a connection, and waits until each has caught up.
pub async fn listen_shared(
    to: SocketAddr,
    logins: &[Login],
    per_connection: usize,
) -> Result<Vec<Feed>, BenchError> {
    let mut feeds = Vec::with_capacity(logins.len());
    for logins in logins.chunks(per_connection) {
        let channel = connect(to).await?;
        let one = |login| open(&channel, login, Requests::listen(None));
        let opened = try_join_all(logins.iter().map(one));
        let opened = timeout(PATIENCE, opened).await;
        feeds.extend(opened.map_err(|_| BenchError::Late("the streams"))??);
    }
    Ok(feeds)
}

/// Opens a stream and waits until it has caught up.
async fn open(
    channel: &Channel,
    login: &Login,
    requests: impl Stream<Item = Outgoing> + Send + 'static,
) -> Result<Feed, BenchError> {
    let mut feed = Feed::chat(channel, login, requests).await?;
    feed.caught_up(&mut Tracker::default()).await?;
    Ok(feed)
}
