//! One `Chat` stream: requests go in, frames come out.
//!
//! A program that does not pull is held by flow control: the server sees a full window and reads
//! its log later, nothing is dropped. That many small frames lying unread do not end the connection
//! is seen to by the windows in `connect`.

use std::time::Duration;

use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::pb::{self, chat_request::Request};

use super::{error::ClientError, session::Session};

/// Requests that wait for the network: what the outbox has in flight, and as many marks.
const REQUESTS_MAX: usize = 128;
/// How long the server may take to open the stream.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

/// What comes out of a stream.
#[derive(Debug)]
pub enum Frame {
    /// Events and replies.
    Batch(pb::ChatResponse),
    /// The last: the stream ended in order.
    End,
    /// The last: the stream broke, or the server ended it with this.
    Broken(ClientError),
}

/// An open stream. Dropping it ends it.
#[derive(Debug)]
pub struct ChatStream {
    requests: Option<mpsc::Sender<pb::ChatRequest>>,
    inbound: Streaming<pb::ChatResponse>,
}

impl ChatStream {
    /// Opens a stream.
    pub async fn open(session: Session, hello: pb::Hello) -> Result<Self, ClientError> {
        let (requests, outbound) = mpsc::channel(REQUESTS_MAX);
        let hello = pb::ChatRequest {
            request_id: 0,
            request: Some(Request::Hello(hello)),
        };
        let sent = requests.try_send(hello);
        debug_assert!(sent.is_ok(), "a new queue has room");
        let mut chat = session.connection().streams();
        let answer = timeout(OPEN_TIMEOUT, chat.chat(ReceiverStream::new(outbound))).await;
        let no_answer = |_| ClientError::Unreachable {
            cause: "no answer in time".into(),
        };
        let inbound = answer.map_err(no_answer)??.into_inner();
        Ok(Self {
            requests: Some(requests),
            inbound,
        })
    }

    /// Returns whether another request can be given now.
    pub fn has_room(&self) -> bool {
        self.requests
            .as_ref()
            .is_some_and(|requests| requests.capacity() > 0)
    }

    /// Gives a request to the network; it is dropped if there is no room or the stream is over.
    pub fn request(&self, request_id: u64, request: Request) {
        if let Some(requests) = &self.requests {
            let request = pb::ChatRequest {
                request_id,
                request: Some(request),
            };
            // A stream that is over says so as its last frame.
            let _ = requests.try_send(request);
        }
    }

    /// Ends this side of the stream; what was given goes out first.
    pub fn half_close(&mut self) {
        self.requests = None;
    }

    /// Returns the next frame. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Frame {
        match self.inbound.message().await {
            Ok(Some(batch)) => Frame::Batch(batch),
            Ok(None) => Frame::End,
            Err(status) => Frame::Broken(status.into()),
        }
    }
}
