//! What waits for one stream: runs of ready events and replies, joined into frames when HTTP/2 asks.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio_stream::Stream;
use tonic::Status;

use super::{Fault, service::Streams};
use crate::pb::{Reply, ready::ChatFrame};

/// Bytes of events in a frame, as the server has it.
const FRAME_BYTES: usize = 64 * 1024;
/// Bytes that may wait: the generator never lets a receiver be further behind than a few windows. Past it the stream
/// ends, which is seen.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The event, or the request, of a stream that a fault is done to, counted from 1.
pub const BROKEN: u64 = 10;

/// The queue of a stream.
#[derive(Default)]
pub struct Outbox {
    state: Mutex<State>,
    waker: AtomicWaker,
}

#[derive(Default)]
struct State {
    runs: Vec<Bytes>,
    bytes: usize,
    replies: Vec<Reply>,
    overran: bool,
    /// Events so far; counted only if there is a fault.
    events: u64,
    /// The event that waits to change places.
    held: Option<Bytes>,
}

impl Outbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds events: a run of them, or one if there is a fault.
    pub fn put_events(&self, run: &Bytes, fault: Option<Fault>) {
        let mut state = self.state();
        let Some(fault) = fault else {
            state.put(run.clone());
            drop(state);
            return self.waker.wake();
        };
        state.events += 1;
        if let Some(held) = state.held.take() {
            state.put(run.clone());
            state.put(held);
        } else if state.events == BROKEN {
            match fault {
                Fault::Drop => {}
                Fault::Double => {
                    state.put(run.clone());
                    state.put(run.clone());
                }
                Fault::Swap => state.held = Some(run.clone()),
                _ => state.put(run.clone()),
            }
        } else {
            state.put(run.clone());
        }
        drop(state);
        self.waker.wake();
    }

    /// Adds replies.
    pub fn put_replies(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state().replies.extend(replies);
        self.waker.wake();
    }
}

impl State {
    fn put(&mut self, run: Bytes) {
        self.bytes += run.len();
        if self.bytes > WAITING_BYTES_MAX {
            self.overran = true;
        } else {
            self.runs.push(run);
        }
    }

    /// The next frame, if anything waits.
    fn frame(&mut self) -> Option<ChatFrame> {
        let mut bytes = 0;
        let fits = |run: &&Bytes| {
            bytes += run.len();
            bytes <= FRAME_BYTES
        };
        let count = self.runs.iter().take_while(fits).count();
        let count = count.max(1).min(self.runs.len());
        let events: Vec<Bytes> = match count == self.runs.len() {
            true => std::mem::take(&mut self.runs),
            false => self.runs.drain(..count).collect(),
        };
        self.bytes -= events.iter().map(Bytes::len).sum::<usize>();
        let replies = std::mem::take(&mut self.replies);
        (!events.is_empty() || !replies.is_empty()).then_some(ChatFrame { events, replies })
    }
}

/// The outbound half of a `Chat`. When it ends, its queue is taken out of the streams of its user.
pub struct Outbound {
    name: String,
    outbox: Arc<Outbox>,
    streams: Arc<Streams>,
    hangs_up: bool,
    has_begun: bool,
}

impl Outbound {
    /// Of a stream that is among those of its user.
    pub fn new(
        name: String,
        outbox: Arc<Outbox>,
        streams: Arc<Streams>,
        fault: Option<Fault>,
    ) -> Self {
        Self {
            name,
            outbox,
            streams,
            hangs_up: fault == Some(Fault::HangUp),
            has_begun: false,
        }
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        self.streams.remove(&self.name, &self.outbox);
    }
}

impl Stream for Outbound {
    type Item = Result<ChatFrame, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let outbound = &mut *self;
        outbound.outbox.waker.register(context.waker());
        let mut state = outbound.outbox.state();
        if state.overran {
            let status = Status::resource_exhausted("the receiver is too far behind");
            return Poll::Ready(Some(Err(status)));
        }
        match state.frame() {
            Some(frame) => {
                outbound.has_begun = true;
                Poll::Ready(Some(Ok(frame)))
            }
            None if outbound.hangs_up && outbound.has_begun => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}
