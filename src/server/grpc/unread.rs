//! Answers that their peers do not read. A peer can ask without end and take nothing: HTTP/2 keeps what it was given, and one
//! stream after the other stands still.
//!
//! Promises that large answers which lie here have a bound, for each connection and for all together: one more is not kept, but
//! refused. They are given to HTTP/2 in small pieces of their own, as it takes them, or all of an answer would lie there. If
//! nothing of any is taken for a minute the connection is cut, since HTTP/2 cannot end one stream behind data that nobody takes.
//! Small answers are not counted, nor what HTTP/2 itself has of others (`server::listen`): the number of streams of a connection
//! bounds them.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::FutureExt as _;
use http::Response;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Bytes, Frame};
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Status, body::Body};

use super::{
    halves::{Pool, take},
    status::Protocol,
};
use crate::{server::caller::Caller, tasks::Tasks};

/// Bytes of an answer that is not counted, and of each piece of one that is: a multiple of 3, for gRPC-Web in base64.
const SMALL: usize = 15 * 1024;
/// Bytes of answers that each connection may leave unread: the largest there is, or some pages.
const CONNECTION_BYTES: usize = 4 * 1024 * 1024;
/// How long nothing of all answers may be taken while some lie there.
const PATIENCE: Duration = Duration::from_secs(60);

/// What lies unread of the answers of one connection.
#[derive(Debug)]
pub struct Unread {
    /// What is left of the connection's own room.
    own: AtomicUsize,
    pool: Pool,
    /// Pieces of its answers that were taken.
    taken: AtomicUsize,
}

impl Unread {
    /// A connection that has read everything.
    pub fn new(pool: Pool) -> Self {
        let own = AtomicUsize::new(CONNECTION_BYTES);
        let taken = AtomicUsize::new(0);
        Self { own, pool, taken }
    }

    fn rooms(&self, is_own: bool) -> &AtomicUsize {
        match is_own {
            true => &self.own,
            false => self.pool.answers(),
        }
    }
}

/// Room that an answer has.
#[derive(Debug)]
struct Held {
    unread: Arc<Unread>,
    is_own: bool,
    bytes: usize,
}

impl Held {
    /// Takes room; `None`: there is none.
    fn take(unread: &Arc<Unread>, bytes: usize) -> Option<Self> {
        let is_own = [true, false]
            .into_iter()
            .find(|is_own| take(unread.rooms(*is_own), bytes))?;
        Some(Self {
            unread: Arc::clone(unread),
            is_own,
            bytes,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let room = self.unread.rooms(self.is_own);
        room.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Counts an answer, or refuses it.
pub fn bounded(answer: Response<Body>, caller: &Caller, tasks: &Tasks) -> Response<Body> {
    bounded_within(answer, caller, tasks, PATIENCE)
}

fn bounded_within(
    answer: Response<Body>,
    caller: &Caller,
    tasks: &Tasks,
    patience: Duration,
) -> Response<Body> {
    let (head, mut inner) = answer.into_parts();
    if inner.is_end_stream() {
        return Response::from_parts(head, inner);
    }
    // The message of a unary answer is there at once; what is not comes as it is asked for.
    let Some(first) = inner.frame().now_or_never() else {
        return Response::from_parts(head, inner);
    };
    let bytes = match &first {
        Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
        _ => 0,
    };
    let mut body = Counted {
        first: None,
        is_over: first.is_none(),
        rest: Bytes::new(),
        inner,
        held: None,
    };
    match first {
        Some(Ok(frame)) if bytes > SMALL => {
            let Some(held) = Held::take(&caller.unread, bytes) else {
                return Status::from(Protocol::AnswersUnread).into_http();
            };
            body.rest = frame.into_data().unwrap_or_default();
            body.held = Some(watched(held, caller, tasks, patience));
        }
        first => body.first = first,
    }
    Response::from_parts(head, Body::new(body))
}

/// What a counted answer has. Its room is given back with its memory, which no piece has any of.
struct Watched {
    held: Held,
    /// Tells the watch that it is over.
    _gone: DropGuard,
}

fn watched(held: Held, caller: &Caller, tasks: &Tasks, patience: Duration) -> Watched {
    let gone = CancellationToken::new();
    let (is_gone, unread, cut) = (gone.clone(), Arc::clone(&held.unread), caller.cut.clone());
    tasks.spawn("unread answer", async move {
        let taken = || unread.taken.load(Ordering::Relaxed);
        let mut before = taken();
        while is_gone.run_until_cancelled(sleep(patience)).await.is_some() {
            let now = taken();
            if now == before {
                return cut.cancel();
            }
            before = now;
        }
    });
    Watched {
        held,
        _gone: gone.drop_guard(),
    }
}

struct Counted {
    /// What was asked for to see how much it is, if it is not counted.
    first: Option<Result<Frame<Bytes>, Status>>,
    is_over: bool,
    /// What is left of a counted answer.
    rest: Bytes,
    inner: Body,
    held: Option<Watched>,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(first));
        }
        if this.is_over {
            return Poll::Ready(None);
        }
        if this.rest.is_empty() {
            return Pin::new(&mut this.inner).poll_frame(context);
        }
        // A copy: what HTTP/2 keeps of a slice keeps all of it.
        let piece = this.rest.split_to(this.rest.len().min(SMALL));
        let piece = Bytes::copy_from_slice(&piece);
        if let Some(watched) = &this.held {
            watched.held.unread.taken.fetch_add(1, Ordering::Relaxed);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && (self.is_over || self.rest.is_empty() && self.inner.is_end_stream())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use tokio::time::timeout;
    use tokio_util::sync::CancellationToken;
    use tonic::Code;

    use super::*;
    use crate::{domain::address::CallerAddress, server::grpc::halves::POOL_UNREAD};

    fn caller(pool: &Pool) -> Caller {
        Caller::new(
            CallerAddress::new("127.0.0.1".parse().unwrap()),
            pool.clone(),
        )
    }

    fn answer(bytes: usize) -> Response<Body> {
        Response::new(Body::new(Full::new(Bytes::from(vec![7; bytes]))))
    }

    fn refused(answer: &Response<Body>) -> bool {
        let status = Status::from_header_map(answer.headers());
        status.is_some_and(|status| status.code() == Code::ResourceExhausted)
    }

    #[tokio::test]
    async fn an_answer_comes_whole_in_pieces_and_gives_its_room_back() {
        let (pool, tasks) = (Pool::default(), Tasks::new());
        let caller = caller(&pool);
        for size in [0, 1, SMALL, SMALL + 1, 1_000_000] {
            let mut body = bounded(answer(size), &caller, &tasks).into_body();
            let mut came = 0;
            while let Some(frame) = body.frame().await {
                let data = frame.unwrap().into_data().unwrap();
                assert!(data.len() <= SMALL);
                came += data.len();
            }
            assert_eq!(came, size);
            drop(body);
            assert_eq!(caller.unread.own.load(Ordering::Relaxed), CONNECTION_BYTES);
        }
    }

    #[tokio::test]
    async fn a_piece_that_is_kept_keeps_no_more_than_itself_and_gives_no_room_back() {
        let (pool, tasks) = (Pool::default(), Tasks::new());
        let (caller, all) = (caller(&pool), Bytes::from(vec![7; 1_000_000]));
        let answer = Response::new(Body::new(Full::new(all.clone())));
        let mut body = bounded(answer, &caller, &tasks).into_body();
        let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
        let own = || caller.unread.own.load(Ordering::Relaxed);
        assert_eq!(own(), CONNECTION_BYTES - 1_000_000);
        drop(body);
        assert_eq!(own(), CONNECTION_BYTES);
        assert!(all.is_unique() && piece.len() == SMALL);
    }

    #[tokio::test]
    async fn what_lies_unread_has_a_bound_for_a_connection_and_for_all() {
        let (pool, tasks) = (Pool::default(), Tasks::new());
        let mut all = Vec::new();
        let mut of = |caller: &Caller| {
            let mut count = 0;
            loop {
                let answer = bounded(answer(1024 * 1024), caller, &tasks);
                if refused(&answer) {
                    return count;
                }
                all.push(answer);
                count += 1;
            }
        };
        let (first, second) = (caller(&pool), caller(&pool));
        let mib = 1024 * 1024;
        assert_eq!(of(&first), (CONNECTION_BYTES + POOL_UNREAD) / mib);
        // Others have their own room all the same.
        assert_eq!(of(&second), CONNECTION_BYTES / mib);
        drop(all);
        assert_eq!(pool.answers().load(Ordering::Relaxed), POOL_UNREAD);
        // What is small is not counted.
        assert!(!refused(&bounded(answer(SMALL), &second, &tasks)));
    }

    #[tokio::test]
    async fn a_connection_on_which_nothing_is_taken_is_cut_and_a_slow_one_is_not() {
        let (pool, tasks) = (Pool::default(), Tasks::new());
        let patience = Duration::from_secs(1);
        let (still, slow) = (caller(&pool), caller(&pool));
        let _unread = bounded_within(answer(100_000), &still, &tasks, patience);
        let cut: CancellationToken = still.cut.clone();
        timeout(Duration::from_secs(20), cut.cancelled())
            .await
            .unwrap();
        let mut body = bounded_within(answer(6 * SMALL), &slow, &tasks, patience).into_body();
        for _ in 0..6 {
            body.frame().await.unwrap().unwrap();
            sleep(patience / 4).await;
        }
        drop(body);
        let read = bounded_within(answer(100_000), &slow, &tasks, patience);
        drop(read);
        sleep(patience * 2).await;
        assert!(!slow.cut.is_cancelled());
    }
}
