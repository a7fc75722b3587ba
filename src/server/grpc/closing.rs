//! The end of answers that would have none: health that is watched, and reflection, need no token and no hello, so
//! nothing else ends them.
//!
//! When the server stops they end with UNAVAILABLE, so that a probe that watches does not hold up the stop. Reflection
//! also ends when its time is over; if the peer does not even read that, its connection is cut: what it sends lies in
//! memory.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, Response};
use hyper::body::{Body as _, Bytes, Frame};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};

use super::status::{Protocol, status};
use crate::{engine::Error, server::caller::Caller, tasks::Tasks};

/// How long a call of reflection may go on: its tools ask and go.
const REFLECTION: Duration = Duration::from_secs(300);
/// How long after that the end may lie unread.
const UNREAD: Duration = Duration::from_secs(10);

/// Gives an answer an end: with the server, and in time if it is one of reflection.
pub fn with_an_end(
    path: &str,
    answer: Response<Body>,
    caller: &Caller,
    stop: &CancellationToken,
    tasks: &Tasks,
) -> Response<Body> {
    // An error without a body stays as it is: its headers are its end, and some clients insist on that.
    if answer.body().is_end_stream() {
        return answer;
    }
    let gone = CancellationToken::new();
    let mut end = None;
    if path.starts_with("/grpc.reflection.") {
        let (gone, cut) = (gone.clone(), caller.cut.clone());
        end = Some(Box::pin(sleep(REFLECTION)));
        tasks.spawn("reflection", async move {
            let unread = sleep(REFLECTION + UNREAD);
            if gone.run_until_cancelled(unread).await.is_some() {
                cut.cancel();
            }
        });
    }
    let stop = Box::pin(stop.clone().cancelled_owned());
    let gone = gone.drop_guard();
    answer.map(|inner| {
        Body::new(Closing {
            inner,
            stop,
            end,
            over: false,
            _gone: gone,
        })
    })
}

struct Closing {
    inner: Body,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    end: Option<Pin<Box<Sleep>>>,
    over: bool,
    /// Tells the watch that the answer is over.
    _gone: DropGuard,
}

impl hyper::body::Body for Closing {
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
        // What there is to say is said first: that the server no longer serves.
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) {
            return Poll::Ready(frame);
        }
        let end = this.end.as_mut();
        let why = if this.stop.as_mut().poll(context).is_ready() {
            status(Error::StoreGone("the server stops".into()))
        } else if end.is_some_and(|end| end.as_mut().poll(context).is_ready()) {
            Protocol::RequestSlow.into()
        } else {
            return Poll::Pending;
        };
        this.over = true;
        let mut trailers = HeaderMap::new();
        Poll::Ready(Some(
            why.add_header(&mut trailers)
                .map(|()| Frame::trailers(trailers)),
        ))
    }
}
