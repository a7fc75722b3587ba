//! The end of answers that would have none: health that is watched, and reflection, need no token and no hello, so
//! nothing else ends them.
//!
//! When the server stops they end with UNAVAILABLE, so that a probe that watches does not hold up the stop. When their
//! time is over and the peer does not even read that, its connection is cut: what such a peer sends lies in memory.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, Response};
use hyper::body::{Bytes, Frame};
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};

use super::status::status;
use crate::{engine::Error, server::caller::Caller, tasks::Tasks};

/// How long a call of reflection may go on: its tools ask and go.
const REFLECTION: Duration = Duration::from_secs(300);

/// Gives an answer an end: with the server, and in time if it is one of reflection.
pub fn with_an_end(
    path: &str,
    answer: Response<Body>,
    caller: &Caller,
    stop: &CancellationToken,
    tasks: &Tasks,
) -> Response<Body> {
    let gone = CancellationToken::new();
    if path.starts_with("/grpc.reflection.") {
        let (gone, cut) = (gone.clone(), caller.cut.clone());
        tasks.spawn("reflection", async move {
            if gone.run_until_cancelled(sleep(REFLECTION)).await.is_some() {
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
            over: false,
            _gone: gone,
        })
    })
}

struct Closing {
    inner: Body,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
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
        if this.stop.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        this.over = true;
        let mut trailers = HeaderMap::new();
        let stopping = status(Error::StoreGone("the server stops".into()));
        Poll::Ready(Some(
            stopping
                .add_header(&mut trailers)
                .map(|()| Frame::trailers(trailers)),
        ))
    }
}
