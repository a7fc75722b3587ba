//! One `Chat` stream: requests go in, frames come out, and its inbound half is always drained.
//!
//! HTTP/2 implementations end a connection whose peer lets many small frames lie. So a task reads
//! the stream whether anybody asks or not. When its queue is full, a large frame makes it wait
//! (few large frames are harmless, and flow control then holds the server), a small one makes it
//! give the stream up: the link resumes from its cursor, as after any break, and nothing is lost.

use std::time::Duration;

use prost::Message;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::JoinSet,
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::pb::{self, chat_request::Request};

use super::{error::ClientError, session::Session};

/// Requests that wait for the network: the outbox in flight, and as many marks and acknowledgements.
const REQUESTS_MAX: usize = 128;
/// Frames that wait for the program. A frame of a backlog has 64 KiB, so this is 16 MiB at most.
const FRAMES_MAX: usize = 256;
/// From this size on a frame is not a small one.
const LARGE_FRAME_BYTES: usize = 4096;
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
    /// The last: the program did not keep up.
    Behind,
}

/// An open stream. Dropping it ends it.
#[derive(Debug)]
pub struct ChatStream {
    requests: Option<mpsc::Sender<pb::ChatRequest>>,
    frames: mpsc::Receiver<Frame>,
    /// Owns the reader, and ends it with the stream.
    _reader: JoinSet<()>,
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
        let mut chat = session.connection().chat();
        let answer = timeout(OPEN_TIMEOUT, chat.chat(ReceiverStream::new(outbound))).await;
        let no_answer = |_| ClientError::Unreachable {
            cause: "no answer in time".into(),
        };
        let inbound = answer.map_err(no_answer)??.into_inner();
        let (queue, frames) = mpsc::channel(FRAMES_MAX);
        let mut reader = JoinSet::new();
        reader.spawn(read(inbound, queue));
        Ok(Self {
            requests: Some(requests),
            frames,
            _reader: reader,
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
        self.frames.recv().await.unwrap_or(Frame::Behind)
    }
}

async fn read(mut inbound: Streaming<pb::ChatResponse>, queue: mpsc::Sender<Frame>) {
    loop {
        let frame = match inbound.message().await {
            Ok(Some(batch)) => Frame::Batch(batch),
            Ok(None) => Frame::End,
            Err(status) => Frame::Broken(status.into()),
        };
        let last = !matches!(frame, Frame::Batch(_));
        let waits = match &frame {
            Frame::Batch(batch) => batch.encoded_len() >= LARGE_FRAME_BYTES,
            _ => true,
        };
        let taken = match queue.try_send(frame) {
            Ok(()) => true,
            Err(TrySendError::Full(frame)) if waits => queue.send(frame).await.is_ok(),
            // The queue ends here: `next` reports `Behind` after what is in it.
            Err(_) => false,
        };
        if last || !taken {
            return;
        }
    }
}
