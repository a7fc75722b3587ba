//! A request's body that has to come whole in time: half a message must not hold a call for ever.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::body::{Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::{Status, body::Body};

use super::status::Protocol;

/// How long the only message of a call may take: 1 MiB in 10 s is a line of 840 kbit/s.
const MESSAGE: Duration = Duration::from_secs(10);
/// How long a call of reflection may go on: its tools ask and go.
const REFLECTION: Duration = Duration::from_secs(300);

/// Gives a request's body the time that its method has. `Chat` has all the time in the world: its `hello` has not.
pub fn patient(path: &str, body: Body) -> Body {
    let patience = match path {
        "/tinychat.v1.ChatService/Chat" => return body,
        path if path.starts_with("/grpc.reflection.") => REFLECTION,
        _ => MESSAGE,
    };
    Body::new(Patient {
        inner: body,
        patience,
        over: None,
    })
}

struct Patient {
    inner: Body,
    patience: Duration,
    /// Set at the first wait: most bodies are there whole, and a timer costs.
    over: Option<Pin<Box<Sleep>>>,
}

impl hyper::body::Body for Patient {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) {
            return Poll::Ready(frame);
        }
        let patience = this.patience;
        let over = this.over.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(over.as_mut().poll(context));
        Poll::Ready(Some(Err(Protocol::RequestSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
