//! A request's body on its way in: whole messages in time, and little memory for those that are not whole yet.
//!
//! tonic collects a message until its last byte has come. So halves of messages are what a peer can make a server hold
//! with calls that cost it nothing: this counts them, message by message, and the calls that wait for one, within what
//! `halves` allows, and ends calls whose message takes too long or that are too many. Whoever has no token yet may send
//! small messages only, and whoever brings many chunks of a file no larger ones than its memory is reckoned by. Messages that come
//! whole cost nothing here. Knows the five bytes before each message of gRPC, and nothing of what is in it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::body::{Body as _, Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};

use super::{halves::Intake, status::Protocol};
use crate::domain::limits::{OPEN_REQUEST_BYTES_MAX, STREAMED_FILE_REQUEST_BYTES_MAX};

/// How long one message may take: 1 MiB in 10 s is a line of 840 kbit/s.
const MESSAGE: Duration = Duration::from_secs(10);
/// What stands before each message: whether it is compressed, and its length.
const HEAD_BYTES: usize = 5;
/// The call that brings chunks of a file.
const UPLOAD_CHUNKS: &str = "/tinychat.v1.FileService/UploadChunks";

/// Watches over a request's body. `open`: its method needs no token. It ends when `stop` says so, for those who read it
/// until its end and would hold up that of the connection.
pub fn watched(
    path: &str,
    open: bool,
    body: Body,
    intake: Arc<Intake>,
    stop: Option<&CancellationToken>,
) -> Body {
    let stop = stop.map(|stop| Box::pin(stop.clone().cancelled_owned()));
    let mut watched = Watched::new(body, open, intake, patience(path));
    watched.longest = longest(path, open);
    watched.in_parts = path == UPLOAD_CHUNKS;
    watched.stop = stop;
    Body::new(watched)
}

/// Longest message that a body may have; `None`: whoever decodes it says so.
fn longest(path: &str, open: bool) -> Option<usize> {
    match path {
        _ if open => Some(OPEN_REQUEST_BYTES_MAX),
        UPLOAD_CHUNKS => Some(STREAMED_FILE_REQUEST_BYTES_MAX),
        _ => None,
    }
}

/// How long each message of many may take, and how long the body as a whole.
fn patience(path: &str) -> (Option<Duration>, Option<Duration>) {
    match path {
        "/tinychat.v1.ChatService/Chat" | UPLOAD_CHUNKS => (Some(MESSAGE), None),
        // Its end is seen to by `closing`, since this is asked for nothing while its answers are not read.
        path if path.starts_with("/grpc.reflection.") => (Some(MESSAGE), None),
        // One message, and then the end.
        _ => (None, Some(MESSAGE)),
    }
}

struct Watched {
    inner: Body,
    open: bool,
    /// Bytes of the longest message that it may have.
    longest: Option<usize>,
    intake: Arc<Intake>,
    framing: Framing,
    /// Bytes of an unfinished message that the intake counts for this body.
    held: usize,
    /// The intake counts this body as one that waits.
    waits: bool,
    /// Its first message was whole. Until then nobody has seen the call, so that nobody else counts it.
    begun: bool,
    /// For each message of many; it runs while one is unfinished.
    each: Timer,
    /// For the body as a whole.
    whole: Timer,
    stop: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// What comes is cut where a message ends: a buffer in which messages are collected would double if it had room for all of
    /// one, but not for what came with its end.
    in_parts: bool,
    /// What has come and was not handed on yet; at most a frame of HTTP/2.
    rest: Bytes,
    /// Nothing more comes: it failed, or was told to end.
    over: bool,
}

/// A time that begins with the first wait: most bodies are there whole, and a timer costs.
struct Timer {
    patience: Option<Duration>,
    over: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    const fn new(patience: Option<Duration>) -> Self {
        let over = None;
        Self { patience, over }
    }

    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let Some(patience) = self.patience else {
            return false;
        };
        let over = self.over.get_or_insert_with(|| Box::pin(sleep(patience)));
        over.as_mut().poll(context).is_ready()
    }
}

/// Where in its message a body stands.
#[derive(Clone, Default)]
struct Framing {
    head: [u8; HEAD_BYTES],
    head_bytes: usize,
    /// Length of the message whose head is complete, and how much of it has come.
    length: usize,
    come: usize,
}

/// What was in some bytes of a body.
#[derive(Default)]
struct Came {
    /// The longest of the messages whose head was completed.
    longest: usize,
    /// Whether a message was completed.
    whole: bool,
}

impl Framing {
    /// Takes in bytes and tells what was in them.
    fn advance(&mut self, mut bytes: &[u8]) -> Came {
        let mut came = Came::default();
        while !bytes.is_empty() {
            let taken = self.advance_in_message(bytes, &mut came);
            bytes = &bytes[taken..];
        }
        came
    }

    /// Takes in bytes up to the end of a message, and answers how many.
    fn advance_in_message(&mut self, all: &[u8], came: &mut Came) -> usize {
        let mut bytes = all;
        while !bytes.is_empty() {
            if self.head_bytes < HEAD_BYTES {
                let count = (HEAD_BYTES - self.head_bytes).min(bytes.len());
                let (head, rest) = bytes.split_at(count);
                self.head[self.head_bytes..self.head_bytes + count].copy_from_slice(head);
                self.head_bytes += count;
                bytes = rest;
                if self.head_bytes == HEAD_BYTES {
                    let [_, length @ ..] = self.head;
                    self.length = u32::from_be_bytes(length) as usize;
                    came.longest = came.longest.max(self.length);
                }
            } else {
                let count = (self.length - self.come).min(bytes.len());
                self.come += count;
                bytes = &bytes[count..];
            }
            if self.head_bytes == HEAD_BYTES && self.come == self.length {
                (self.head_bytes, self.length, self.come) = (0, 0, 0);
                came.whole = true;
                break;
            }
        }
        all.len() - bytes.len()
    }

    /// Bytes of the message that has begun and is not whole.
    const fn unfinished(&self) -> usize {
        self.head_bytes + self.come
    }
}

impl Watched {
    fn new(
        inner: Body,
        open: bool,
        intake: Arc<Intake>,
        (each, whole): (Option<Duration>, Option<Duration>),
    ) -> Self {
        Self {
            inner,
            open,
            longest: longest("", open),
            intake,
            framing: Framing::default(),
            held: 0,
            waits: false,
            begun: false,
            each: Timer::new(each),
            whole: Timer::new(whole),
            stop: None,
            in_parts: false,
            rest: Bytes::new(),
            over: false,
        }
    }

    /// What comes next, in its parts.
    fn poll_part(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.rest.is_empty() {
            let polled = Pin::new(&mut self.inner).poll_frame(context);
            if !self.in_parts {
                return polled;
            }
            match ready!(polled).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(bytes))) => self.rest = bytes,
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let mut framing = self.framing.clone();
        let part = framing.advance_in_message(&self.rest, &mut Came::default());
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(part)))))
    }

    /// Takes in what came; an error ends the body.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Protocol> {
        let came = self.framing.advance(bytes);
        if self.longest.is_some_and(|longest| came.longest > longest) {
            return Err(Protocol::TooLarge);
        }
        if came.whole {
            self.each.over = None;
            self.begun = true;
        }
        let unfinished = self.framing.unfinished();
        if unfinished <= self.held {
            self.intake.release(self.held - unfinished);
        } else if !self.intake.hold(unfinished - self.held, self.open) {
            return Err(Protocol::RequestsUnfinished);
        }
        self.held = unfinished;
        if unfinished == 0 {
            self.go_on();
        }
        Ok(())
    }

    /// Nothing more of a call whose message is whole is waited for but its end, which costs no buffers.
    fn go_on(&mut self) {
        if std::mem::take(&mut self.waits) {
            self.intake.waited();
        }
    }

    fn fail(&mut self, protocol: Protocol) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.over = true;
        Poll::Ready(Some(Err(protocol.into())))
    }
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        let Poll::Ready(frame) = this.poll_part(context) else {
            let half = this.held > 0;
            if !this.waits && (half || !this.begun) {
                if !this.intake.wait() {
                    return this.fail(Protocol::RequestsUnfinished);
                }
                this.waits = true;
            }
            if this.whole.is_over(context) || (half && this.each.is_over(context)) {
                return this.fail(Protocol::RequestSlow);
            }
            let stop = this.stop.as_mut();
            if stop.is_some_and(|stop| stop.as_mut().poll(context).is_ready()) {
                this.over = true;
                return Poll::Ready(None);
            }
            return Poll::Pending;
        };
        if let Some(Ok(frame)) = &frame
            && let Some(bytes) = frame.data_ref()
            && let Err(protocol) = this.take(bytes)
        {
            return this.fail(protocol);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.over || (self.rest.is_empty() && self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.intake.release(self.held);
        self.go_on();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use futures_util::{FutureExt as _, StreamExt as _};
    use http_body_util::{BodyExt as _, StreamBody};
    use tokio::sync::mpsc;
    use tokio_stream::wrappers::ReceiverStream;
    use tonic::Code;

    use super::*;
    use crate::server::grpc::halves::{CONNECTION_BYTES, CONNECTION_WAITING, POOL_WAITING, Pool};

    const CALL: &str = "/tinychat.v1.ChatService/Send";
    const CHAT: &str = "/tinychat.v1.ChatService/Chat";
    /// So that a test that waits for the end of patience need not wait for 10 s.
    const SHORT: Duration = Duration::from_millis(30);

    /// A body that a test feeds, as the watch passes it on.
    struct Fed {
        feed: mpsc::Sender<Vec<u8>>,
        body: Watched,
    }

    fn fed(path: &str, open: bool, intake: &Arc<Intake>) -> Fed {
        let (feed, chunks) = mpsc::channel(16);
        let frames = ReceiverStream::new(chunks)
            .map(|bytes: Vec<u8>| Ok::<_, Status>(Frame::data(Bytes::from(bytes))));
        let (each, whole) = patience(path);
        let short = |patience: Option<Duration>| patience.map(|_| SHORT);
        let inner = Body::new(StreamBody::new(frames));
        let body = Watched::new(inner, open, intake.clone(), (short(each), short(whole)));
        Fed { feed, body }
    }

    impl Fed {
        /// Feeds bytes and tells whether they pass.
        async fn pass(&mut self, bytes: &[u8]) -> Result<(), Status> {
            self.feed.send(bytes.to_vec()).await.unwrap();
            self.body.frame().await.unwrap().map(drop)
        }

        /// Nothing comes for now.
        fn waits(&mut self) -> bool {
            self.body.frame().now_or_never().is_none()
        }

        /// How it ends by itself.
        async fn ended(&mut self) -> Code {
            let status = self.body.frame().await.unwrap().unwrap_err();
            assert!(self.body.frame().await.is_none());
            status.code()
        }
    }

    fn message(length: usize) -> Vec<u8> {
        let head = u32::try_from(length).unwrap().to_be_bytes();
        [&[0], &head[..], &vec![7; length]].concat()
    }

    #[tokio::test]
    async fn chunks_come_in_parts_of_one_message_and_nothing_else_does() {
        let ends = [5, 8, 5, 705, 6].into_iter().scan(0, |at, part| {
            *at += part;
            Some(*at)
        });
        let ends: Vec<usize> = ends.collect();
        let messages = [0, 3, 0, 700, 1].map(message).concat();
        for size in [1, 2, 3, 5, 6, 7, 100, messages.len()] {
            for path in [UPLOAD_CHUNKS, CHAT] {
                let frames: Vec<_> = messages.chunks(size).map(Bytes::copy_from_slice).collect();
                let frames = futures_util::stream::iter(frames);
                let frames = frames.map(|bytes| Ok::<_, Status>(Frame::data(bytes)));
                let intake = Arc::new(Intake::new(Pool::default()));
                let body = Body::new(StreamBody::new(frames));
                let mut body = watched(path, false, body, intake, None);
                let (mut all, mut came) = (Vec::new(), Vec::new());
                while let Some(part) = body.frame().await {
                    all.extend(part.unwrap().into_data().unwrap());
                    came.push(all.len());
                }
                assert_eq!(all, messages);
                let frames =
                    (1..=messages.len().div_ceil(size)).map(|it| messages.len().min(it * size));
                let mut expected: BTreeSet<usize> = frames.collect();
                if path == UPLOAD_CHUNKS {
                    expected.extend(&ends);
                }
                assert!(came.iter().eq(&expected), "{path} by {size}: {came:?}");
            }
        }
    }

    #[tokio::test]
    async fn calls_that_wait_for_their_message_are_so_many_and_not_one_more() {
        let pool = Pool::default();
        let intake = Arc::new(Intake::new(pool.clone()));
        let mut all = Vec::new();
        // Nothing of a message, or a part of it, with a token or without one: each is one call.
        for index in 0..CONNECTION_WAITING + POOL_WAITING {
            let mut one = fed([CALL, CHAT][index % 2], index % 3 == 0, &intake);
            if index % 5 == 0 {
                one.pass(&message(9)[..7]).await.unwrap();
            }
            assert!(one.waits() && one.waits());
            all.push(one);
        }
        let full = (CONNECTION_WAITING + POOL_WAITING, POOL_WAITING);
        assert_eq!(intake.waiting(), full);
        let one_more = fed(CALL, false, &intake).ended().await;
        assert_eq!(one_more, Code::ResourceExhausted);
        // Another connection has its own share all the same.
        let other = Arc::new(Intake::new(pool));
        let mut others = Vec::new();
        for _ in 0..CONNECTION_WAITING {
            let mut one = fed(CHAT, false, &other);
            assert!(one.waits());
            others.push(one);
        }
        assert_eq!(
            fed(CHAT, false, &other).ended().await,
            Code::ResourceExhausted
        );
        // Whoever is whole waits no more, and whoever begins the next message does again.
        let mut one = all.pop().unwrap();
        one.pass(&message(9)).await.unwrap();
        assert_eq!(intake.waiting().0, full.0 - 1);
        let mut next = fed(CHAT, false, &other);
        assert!(next.waits());
        drop((all, one, others, next));
        assert_eq!((intake.waiting(), other.waiting()), ((0, 0), (0, 0)));
        let mut chat = fed(CHAT, false, &intake);
        chat.pass(&[message(3), message(9)[..7].to_vec()].concat())
            .await
            .unwrap();
        assert!(chat.waits());
        assert_eq!(intake.waiting().0, 1);
        chat.pass(&message(9)[7..]).await.unwrap();
        assert!(chat.waits());
        assert_eq!(intake.waiting().0, 0, "between two messages nobody waits");
    }

    #[tokio::test]
    async fn only_what_is_unfinished_is_held_however_it_is_cut() {
        let bytes = [message(10), message(0), message(300), message(1)].concat();
        for size in 1..bytes.len() {
            let intake = Arc::new(Intake::new(Pool::default()));
            let mut fed = fed(CHAT, false, &intake);
            for chunk in bytes.chunks(size) {
                fed.pass(chunk).await.unwrap();
                assert!(intake.bytes().0 < 305);
            }
            assert_eq!(intake.bytes(), (0, 0), "in chunks of {size}");
            fed.pass(&message(9)[..7]).await.unwrap();
            assert_eq!(intake.bytes(), (7, 0));
            drop(fed);
            assert_eq!(intake.bytes(), (0, 0));
        }
    }

    #[tokio::test]
    async fn a_connection_has_its_share_and_the_pool_has_an_end() {
        let pool = Pool::default();
        let intake = Arc::new(Intake::new(pool.clone()));
        let mut all = Vec::new();
        let half = message(1024 * 1024);
        // As many as fit; the small share of the connection is not enough for one more.
        for _ in 0..12 {
            let mut one = fed(CALL, false, &intake);
            one.pass(&half[..1024 * 1024]).await.unwrap();
            all.push(one);
        }
        let mut one_more = fed(CALL, false, &intake);
        let refused = one_more.pass(&half[..1024 * 1024]).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(one_more.body.frame().await.is_none(), "it has ended");
        // Another connection has its own share, but no more than that.
        let other = Arc::new(Intake::new(pool));
        let mut others = fed(CALL, false, &other);
        others.pass(&half[..CONNECTION_BYTES]).await.unwrap();
        let beyond = &half[CONNECTION_BYTES..2 * CONNECTION_BYTES];
        assert_eq!(beyond.len(), CONNECTION_BYTES);
        drop(all.pop());
        others.pass(beyond).await.unwrap();
        drop((all, one_more, others));
        assert_eq!((intake.bytes(), other.bytes()), ((0, 0), (0, 0)));
    }

    #[tokio::test]
    async fn without_a_token_messages_are_small_and_their_halves_few() {
        let intake = Arc::new(Intake::new(Pool::default()));
        let mut fits = fed(CALL, true, &intake);
        fits.pass(&message(OPEN_REQUEST_BYTES_MAX)).await.unwrap();
        let mut long = fed(CALL, true, &intake);
        let refused = long.pass(&message(OPEN_REQUEST_BYTES_MAX + 1)[..5]).await;
        assert_eq!(refused.unwrap_err().code(), Code::ResourceExhausted);
        let mut all = Vec::new();
        let half = &message(OPEN_REQUEST_BYTES_MAX)[..OPEN_REQUEST_BYTES_MAX];
        for _ in 0..CONNECTION_BYTES / OPEN_REQUEST_BYTES_MAX {
            let mut one = fed(CALL, true, &intake);
            one.pass(half).await.unwrap();
            all.push(one);
        }
        assert!(fed(CALL, true, &intake).pass(half).await.is_err());
        assert_eq!(intake.bytes().1, 0, "the pool is for others");
    }

    #[tokio::test]
    async fn half_a_message_ends_its_call_and_drops_of_it_do_not_help() {
        let intake = Arc::new(Intake::new(Pool::default()));
        for path in [CALL, CHAT] {
            let mut fed = fed(path, false, &intake);
            fed.pass(&message(1_000)[..1]).await.unwrap();
            assert!(fed.waits());
            let deadline = |body: &Watched| {
                let timers = [&body.each, &body.whole];
                let over = timers.into_iter().find_map(|timer| timer.over.as_ref());
                over.unwrap().deadline()
            };
            let at = deadline(&fed.body);
            for place in 1..11 {
                fed.pass(&message(1_000)[place..=place]).await.unwrap();
                assert!(fed.waits());
                assert_eq!(deadline(&fed.body), at, "{path}: the time began anew");
            }
            assert_eq!(fed.ended().await, Code::DeadlineExceeded, "{path}");
        }
    }

    #[tokio::test]
    async fn a_call_must_end_after_its_message_and_a_stream_may_wait_between_two() {
        let intake = Arc::new(Intake::new(Pool::default()));
        let mut call = fed(CALL, false, &intake);
        call.pass(&message(3)).await.unwrap();
        assert_eq!(call.ended().await, Code::DeadlineExceeded);
        let mut chat = fed(CHAT, false, &intake);
        for _ in 0..5 {
            chat.pass(&message(3)).await.unwrap();
            assert!(chat.waits());
            assert!(chat.body.each.over.is_none(), "nothing runs between two");
        }
        // The time of a message begins with its first byte, even if the one before was slow.
        chat.pass(&message(30)[..9]).await.unwrap();
        assert!(chat.waits() && chat.body.each.over.is_some());
        chat.pass(&[&message(30)[9..], &message(300)[..200]].concat())
            .await
            .unwrap();
        assert!(chat.body.each.over.is_none());
        assert_eq!(chat.ended().await, Code::DeadlineExceeded);
    }
}
