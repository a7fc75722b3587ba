//! The outbound half of a stream: frames of events and replies, pulled by HTTP/2 when it has room.
//!
//! Nothing is pushed: while a device does not read, its session waits with at most one page in hand. Replies wait in a
//! queue whose length the inbound half watches.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use futures_util::task::AtomicWaker;
use prost::Message as _;
use tokio::sync::oneshot;
use tokio_stream::Stream;
use tokio_util::sync::DropGuard;
use tonic::Status;

use super::status::status;
use crate::{
    domain::limits::FRAME_BYTES_MAX,
    engine::Error,
    hub::{Ended, Next, Session, Void},
    pb::{
        Reply,
        ready::{ChatFrame, SubscribeFrame},
    },
};

/// Replies in one frame; an acknowledgement has some 100 bytes.
const REPLIES_PER_FRAME: usize = 512;

/// The replies of a stream on their way from the inbound half to the outbound one.
#[derive(Default)]
pub(super) struct Replies {
    state: Mutex<State>,
    waker: AtomicWaker,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Reply>,
    /// The inbound half will add nothing more.
    closed: bool,
    /// The session has been told to go, and says so before the stream ends.
    farewell: bool,
    /// Ends the stream as soon as the queue is empty.
    failure: Option<Status>,
}

impl Replies {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds replies.
    pub fn push(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state().queue.extend(replies);
        self.waker.wake();
    }

    /// How many lie unread.
    pub fn unread(&self) -> usize {
        self.state().queue.len()
    }

    /// Says that nothing more will be added.
    pub fn close(&self) {
        self.state().closed = true;
        self.waker.wake();
    }

    /// Says that nothing more will be added, since the session was told to go: it has a last event.
    pub fn close_with_farewell(&self) {
        self.state().farewell = true;
        self.close();
    }

    /// Ends the stream with a status, after what is queued.
    pub fn fail(&self, status: Status) {
        self.state().failure.get_or_insert(status);
        self.waker.wake();
    }

    /// Ends the stream with a status, whatever is queued: the peer does not read it anyway.
    pub fn fail_now(&self, status: Status) {
        self.state().queue.clear();
        self.fail(status);
    }
}

/// How many replies fit one frame: at least one, and then no more than a frame of events may have. One that carries a
/// conversation carries its last message, too.
fn replies_of_frame(queue: &VecDeque<Reply>) -> usize {
    let mut bytes = 0;
    let fits = |reply: &&Reply| {
        bytes += reply.encoded_len();
        bytes <= FRAME_BYTES_MAX
    };
    let count = queue
        .iter()
        .take(REPLIES_PER_FRAME)
        .take_while(fits)
        .count();
    count.max(1).min(queue.len())
}

/// One step of a session: it must not be dropped half-way, so it is kept here between polls.
type Step = Pin<Box<dyn Future<Output = (Session, Next)> + Send>>;

fn step(mut session: Session) -> Step {
    Box::pin(async move {
        let next = session.next().await;
        (session, next)
    })
}

/// Where the events come from.
enum Events {
    /// `hello` has not come yet.
    Awaited(oneshot::Receiver<Session>),
    /// The session gives its next frame.
    Open(Step),
    /// Nothing more will come.
    Over,
}

impl Events {
    /// The next runs of events, or why there are no more; `None` after that.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Next>> {
        loop {
            match self {
                Self::Awaited(session) => match ready!(Pin::new(session).poll(context)) {
                    Ok(session) => *self = Self::Open(step(session)),
                    Err(_) => *self = Self::Over,
                },
                Self::Open(open) => {
                    let (session, next) = ready!(open.as_mut().poll(context));
                    *self = match next {
                        Next::Frame { .. } => Self::Open(step(session)),
                        Next::Ended(_) => Self::Over,
                    };
                    return Poll::Ready(Some(next));
                }
                Self::Over => return Poll::Ready(None),
            }
        }
    }
}

/// The status of a session's end; `None` for a clean one.
fn status_of(ended: Ended) -> Option<Status> {
    match ended {
        Ended::Void(by) => Some(end_status(by)),
        Ended::GoneAway(_) => None,
        Ended::Store(error) => Some(status(error)),
    }
}

/// The status of the end of a stream whose token is void.
pub(super) fn end_status(by: Void) -> Status {
    status(match by {
        Void::Revoked => Error::TokenInvalid,
        Void::Expired => Error::TokenExpired,
    })
}

/// The outbound half of `Chat`.
pub struct ChatOutbound {
    events: Events,
    replies: Arc<Replies>,
    caught_up: bool,
    finished: bool,
    /// Tells the inbound half that nobody listens any more.
    _gone: DropGuard,
}

impl ChatOutbound {
    pub const fn new(
        session: oneshot::Receiver<Session>,
        replies: Arc<Replies>,
        gone: DropGuard,
    ) -> Self {
        Self {
            events: Events::Awaited(session),
            replies,
            caught_up: false,
            finished: false,
            _gone: gone,
        }
    }

    /// Whether all that is due was given: what was missed and, if the session was told to go, its last word.
    const fn may_end(&self, closed: bool, farewell: bool) -> bool {
        closed && self.caught_up && (!farewell || matches!(self.events, Events::Over))
    }
}

impl Stream for ChatOutbound {
    type Item = Result<ChatFrame, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.finished {
            return Poll::Ready(None);
        }
        // Before the queue is looked at, so that nothing that comes after the look is missed.
        this.replies.waker.register(context.waker());
        let (replies, closed, farewell, failure) = {
            let mut state = this.replies.state();
            let count = replies_of_frame(&state.queue);
            let replies: Vec<Reply> = state.queue.drain(..count).collect();
            let empty = state.queue.is_empty();
            (
                replies,
                state.closed && empty,
                state.farewell,
                state.failure.take_if(|_| empty),
            )
        };
        if replies.is_empty() {
            if let Some(failure) = failure {
                this.finished = true;
                return Poll::Ready(Some(Err(failure)));
            }
            if this.may_end(closed, farewell) {
                this.finished = true;
                return Poll::Ready(None);
            }
        } else if let Some(failure) = failure {
            // It comes after these replies.
            this.replies.fail(failure);
        }
        let events = match this.events.poll(context) {
            Poll::Ready(Some(Next::Frame { runs, caught_up })) => {
                this.caught_up |= caught_up;
                Some(runs)
            }
            Poll::Ready(Some(Next::Ended(ended))) => {
                this.caught_up = true;
                if let Some(status) = status_of(ended) {
                    this.finished = true;
                    return Poll::Ready(Some(Err(status)));
                }
                None
            }
            Poll::Ready(None) => {
                this.caught_up = true;
                None
            }
            Poll::Pending => None,
        };
        if events.is_some() || !replies.is_empty() {
            let frame = ChatFrame {
                events: events.unwrap_or_default(),
                replies,
            };
            return Poll::Ready(Some(Ok(frame)));
        }
        if this.may_end(closed, farewell) {
            this.finished = true;
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}

/// The outbound half of `Subscribe`.
pub struct SubscribeOutbound {
    events: Events,
    /// Tells who watches over its end that it has ended.
    _gone: DropGuard,
}

impl SubscribeOutbound {
    pub fn new(session: Session, gone: DropGuard) -> Self {
        Self {
            events: Events::Open(step(session)),
            _gone: gone,
        }
    }
}

impl Stream for SubscribeOutbound {
    type Item = Result<SubscribeFrame, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.events.poll(context));
        Poll::Ready(match next {
            Some(Next::Frame { runs: events, .. }) => Some(Ok(SubscribeFrame { events })),
            Some(Next::Ended(ended)) => status_of(ended).map(Err),
            None => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::{self, reply::Result as Answer};

    #[test]
    fn a_frame_of_replies_ends_at_its_bytes_or_their_number_but_has_one() {
        let of = |bytes: usize, count: usize| -> VecDeque<Reply> {
            let error = pb::Error {
                message: "x".repeat(bytes),
                ..pb::Error::default()
            };
            let result = Some(Answer::Error(error));
            let reply = Reply {
                request_id: 1,
                result,
            };
            std::iter::repeat_n(reply, count).collect()
        };
        assert_eq!(replies_of_frame(&of(1, 0)), 0);
        assert_eq!(replies_of_frame(&of(1, 2)), 2);
        assert_eq!(replies_of_frame(&of(1, 1_000)), REPLIES_PER_FRAME);
        assert_eq!(replies_of_frame(&of(FRAME_BYTES_MAX, 2)), 1);
        assert_eq!(replies_of_frame(&of(16_300, 1_000)), 4);
    }
}
