//! How fast a sender sends: so many messages ahead of their acknowledgements, or as a schedule releases them.
//!
//! There is no queue: a message is made when HTTP/2 asks for it. What lets a sender go on is a count, so that a frame
//! with many acknowledgements wakes it once.

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio_stream::Stream;

use super::{
    client::{Feed, hello},
    error::BenchError,
    tracker::{Checks, Tracker},
    wire::{Ids, Incoming, Outgoing, Sending, Stamp, To},
};

/// So many windows a receiver may be behind: enough never to wait for it, but what is queued for it stays bounded.
const WINDOWS_BEHIND: u64 = 4;

/// One sender, and whoever receives its messages.
#[derive(Debug)]
pub struct Flow {
    /// The number in its stamps.
    pub sender: u32,
    window: u64,
    /// Streams that get each message; 0: nobody is there.
    streams: u64,
    sent: AtomicU64,
    acked: AtomicU64,
    /// Over all streams.
    delivered: AtomicU64,
    /// No message of this number or a higher one yet.
    released: AtomicU64,
    is_scheduled: bool,
    stopped: AtomicBool,
    waker: AtomicWaker,
}

impl Flow {
    /// A sender of which so many messages may wait for their acknowledgement, from its start on.
    pub fn new(sender: u32, window: u64, streams: u64) -> Self {
        Self {
            sender,
            window,
            streams,
            sent: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            released: AtomicU64::new(u64::MAX),
            is_scheduled: false,
            stopped: AtomicBool::new(true),
            waker: AtomicWaker::new(),
        }
    }

    /// Begins after so many messages that went another way, and ends after so many.
    pub fn only(self, from: u64, to: u64) -> Self {
        self.sent.store(from, Ordering::Relaxed);
        self.acked.store(from, Ordering::Relaxed);
        self.released.store(to, Ordering::Relaxed);
        self
    }

    /// A sender that sends nothing.
    pub fn silent() -> Self {
        Self::new(0, 1, 0).only(0, 0)
    }

    /// One whose messages are released by a schedule.
    pub fn scheduled(self) -> Self {
        Self {
            is_scheduled: true,
            ..self.only(0, 0)
        }
    }

    /// Messages that were acknowledged.
    pub fn acked(&self) -> u64 {
        self.acked.load(Ordering::Relaxed)
    }

    /// Messages that came, over all streams.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Lets one message more be sent.
    pub fn release(&self) {
        self.released.fetch_add(1, Ordering::Relaxed);
        self.waker.wake();
    }

    /// Lets it send, now that somebody hears the answers.
    pub fn start(&self) {
        self.stopped.store(false, Ordering::Relaxed);
        self.waker.wake();
    }

    /// No more messages, but those that a schedule has released.
    pub fn stop(&self) {
        if !self.is_scheduled {
            self.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Whether all that was released by a schedule is on its way.
    pub fn is_sent(&self) -> bool {
        let sent = || self.sent.load(Ordering::Relaxed);
        !self.is_scheduled || sent() == self.released.load(Ordering::Relaxed)
    }

    /// Whether all that was sent is acknowledged.
    pub fn is_acked(&self) -> bool {
        self.acked() == self.sent.load(Ordering::Relaxed)
    }

    fn may_send(&self) -> bool {
        let streams = self.streams.max(1);
        let behind = match self.streams {
            0 => u64::MAX,
            _ => self.delivered() / streams + WINDOWS_BEHIND * self.window,
        };
        let limit = (self.acked() + self.window)
            .min(behind)
            .min(self.released.load(Ordering::Relaxed));
        !self.stopped.load(Ordering::Relaxed) && self.sent.load(Ordering::Relaxed) < limit
    }

    fn count(&self, counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
        if self.may_send() {
            self.waker.wake();
        }
    }
}

/// The requests of one stream: the hello and then what its flow allows. It does not end by itself.
pub struct Requests {
    hello: Option<Outgoing>,
    flow: Arc<Flow>,
    to: Vec<To>,
    bytes: usize,
    ids: Ids,
}

impl Requests {
    /// Texts of so many bytes, to each of these in turn: message `n` to number `n` modulo how many there are.
    pub fn new(flow: &Arc<Flow>, to: Vec<To>, bytes: usize) -> Self {
        // Where the randomness of ids begins differs from sender to sender and from run to run.
        let seed = getrandom::u64().unwrap_or(0) ^ u64::from(flow.sender);
        Self {
            hello: Some(hello(None)),
            flow: Arc::clone(flow),
            to,
            bytes,
            ids: Ids::new(seed),
        }
    }

    /// Nothing but the hello, with a cursor.
    pub fn listen(cursor: Option<&Bytes>) -> Self {
        Self {
            hello: Some(hello(cursor)),
            ..Self::new(&Arc::new(Flow::silent()), Vec::new(), 0)
        }
    }
}

impl Stream for Requests {
    type Item = Outgoing;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Outgoing>> {
        if let Some(hello) = self.hello.take() {
            return Poll::Ready(Some(hello));
        }
        if !self.flow.may_send() {
            self.flow.waker.register(context.waker());
            if !self.flow.may_send() {
                return Poll::Pending;
            }
        }
        let turns = self.to.len().max(1) as u64;
        let number = self.flow.sent.fetch_add(1, Ordering::Relaxed);
        let turn = usize::try_from(number % turns).unwrap_or(0);
        // Who has nowhere to send to is a silent flow, which sends nothing.
        let Some(to) = self.to.get(turn).cloned() else {
            return Poll::Pending;
        };
        Poll::Ready(Some(Outgoing::Send(Sending {
            // Answers name the message that they answer.
            request_id: number + 1,
            to,
            id: self.ids.next_id(),
            stamp: Stamp {
                sender: self.flow.sender,
                number,
            },
            bytes: self.bytes,
        })))
    }
}

/// Hears when a message was acknowledged or came, for latencies.
pub trait Watch: Send + Sync + 'static {
    /// The message of this number was acknowledged.
    fn acked(&self, flow: &Flow, number: u64);
    /// It came.
    fn delivered(&self, flow: &Flow, number: u64);
}

/// Nobody watches.
pub struct NoWatch;

impl Watch for NoWatch {
    fn acked(&self, _: &Flow, _: u64) {}
    fn delivered(&self, _: &Flow, _: u64) {}
}

/// One stream of a flow: of its sender, or of one who receives.
pub struct Ear {
    flow: Arc<Flow>,
    is_sender: bool,
    /// Whether each message must come.
    is_owed: bool,
    tracker: Mutex<Tracker>,
    acks: Mutex<Acks>,
}

/// Which messages are acknowledged: in any order, but none twice.
#[derive(Default)]
struct Acks {
    /// All below it are.
    next: u64,
    ahead: BTreeSet<u64>,
}

impl Acks {
    /// Takes an acknowledgement; says whether it is the first of its message.
    fn take(&mut self, number: u64) -> bool {
        if number != self.next {
            return number > self.next && self.ahead.insert(number);
        }
        self.next += 1;
        while self.ahead.remove(&self.next) {
            self.next += 1;
        }
        true
    }
}

impl Ear {
    /// At a stream of the sender, which gets acknowledgements, and its own messages if the target echoes them.
    pub fn of_sender(flow: &Arc<Flow>, echoes: bool) -> Arc<Self> {
        Self::new(flow, true, echoes)
    }

    /// At a stream of a receiver.
    pub fn of_receiver(flow: &Arc<Flow>) -> Arc<Self> {
        Self::new(flow, false, true)
    }

    fn new(flow: &Arc<Flow>, is_sender: bool, is_owed: bool) -> Arc<Self> {
        Arc::new(Self {
            flow: Arc::clone(flow),
            is_sender,
            is_owed,
            tracker: Mutex::default(),
            acks: Mutex::new(Acks {
                next: flow.acked(),
                ahead: BTreeSet::new(),
            }),
        })
    }

    fn tracker(&self) -> MutexGuard<'_, Tracker> {
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has all that was acknowledged. Where a sender need not hear itself, what it hears is whole all the same.
    pub fn is_complete(&self) -> bool {
        let tracker = self.tracker();
        let expected = self.expected(&tracker);
        tracker.is_complete(expected)
    }

    fn expected(&self, tracker: &Tracker) -> u64 {
        match !self.is_owed && tracker.deliveries() == 0 {
            true => 0,
            false => self.flow.acked(),
        }
    }

    /// What came so far.
    pub fn deliveries(&self) -> u64 {
        self.tracker().deliveries()
    }

    /// What was wrong with what came.
    pub fn checks(&self) -> Checks {
        let tracker = self.tracker();
        tracker.checks(self.expected(&tracker))
    }

    fn is_first(&self, number: u64) -> bool {
        let mut acks = self.acks.lock().unwrap_or_else(PoisonError::into_inner);
        number < self.flow.sent.load(Ordering::Relaxed) && acks.take(number)
    }

    /// Takes a frame.
    pub fn hear(&self, frame: &Incoming, watch: &impl Watch) -> Result<(), BenchError> {
        let mut acked = 0;
        for reply in &frame.replies {
            if let Some(error) = &reply.error {
                return Err(BenchError::Refused {
                    reason: error.reason.clone(),
                    message: error.message.clone(),
                });
            }
            if reply.send.is_some() {
                let number = reply.request_id.checked_sub(1);
                let number = number.filter(|number| self.is_first(*number));
                let number = number.ok_or(BenchError::Answered(reply.request_id))?;
                acked += 1;
                watch.acked(&self.flow, number);
            }
        }
        let mut delivered = 0;
        if !frame.events.is_empty() {
            let mut tracker = self.tracker();
            let messages = frame
                .events
                .iter()
                .filter_map(|event| event.message.as_ref());
            for message in messages {
                let stamp = Stamp::read(&message.text);
                let stamp = stamp.filter(|stamp| stamp.sender == self.flow.sender);
                let Some(Stamp { number, .. }) = stamp else {
                    tracker.see_strange();
                    continue;
                };
                tracker.see(number);
                if !self.is_sender {
                    delivered += 1;
                    watch.delivered(&self.flow, number);
                }
            }
        }
        if acked > 0 {
            self.flow.count(&self.flow.acked, acked);
        }
        if delivered > 0 {
            self.flow.count(&self.flow.delivered, delivered);
        }
        Ok(())
    }

    /// Hears a stream until it fails.
    pub async fn follow(self: Arc<Self>, mut feed: Feed, watch: Arc<impl Watch>) -> BenchError {
        loop {
            let heard = match feed.next().await {
                Ok(frame) => self.hear(&frame, &*watch),
                Err(error) => Err(error),
            };
            if let Err(error) = heard {
                return error;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use futures_util::FutureExt as _;
    use tokio_stream::StreamExt as _;

    use super::*;
    use crate::bench::wire::{Event, Nothing, Reply, Text};

    fn frame(acks: Range<u64>, numbers: &[u64]) -> Incoming {
        let reply = |number| Reply {
            request_id: number + 1,
            error: None,
            send: Some(Nothing {}),
        };
        let event = |number: &u64| {
            let stamp = Stamp {
                sender: 1,
                number: *number,
            };
            let text = Text {
                text: stamp.text(0).into(),
            };
            Event {
                message: Some(text),
                ..Event::default()
            }
        };
        Incoming {
            events: numbers.iter().map(event).collect(),
            replies: acks.map(reply).collect(),
        }
    }

    #[test]
    fn a_schedule_that_ends_leaves_nothing_unsent() {
        let flow = Arc::new(Flow::new(1, 8, 1).scheduled());
        let mut requests = Requests::new(&flow, vec![To::user("bob")], 0);
        flow.start();
        for _ in 0..3 {
            flow.release();
        }
        flow.stop();
        assert!(!flow.is_sent());
        // The hello and three sends.
        let sent = (0..9).filter(|_| requests.next().now_or_never().is_some());
        assert_eq!(sent.count(), 4);
        assert!(flow.is_sent());
    }

    #[test]
    fn a_window_is_kept_and_opens_with_acknowledgements() {
        let flow = Arc::new(Flow::new(1, 2, 1));
        let mut requests = Requests::new(&flow, vec![To::user("bob")], 0);
        let mut ready = || {
            let mut count = 0;
            while requests.next().now_or_never().is_some() {
                count += 1;
            }
            count
        };
        // The hello, and two sends after the start.
        assert_eq!(ready(), 1);
        flow.start();
        assert_eq!(ready(), 2);
        let (sender, receiver) = (Ear::of_sender(&flow, false), Ear::of_receiver(&flow));
        sender.hear(&frame(0..2, &[]), &NoWatch).unwrap();
        // Twice, or before it was sent.
        assert!(sender.hear(&frame(1..2, &[]), &NoWatch).is_err());
        assert!(sender.hear(&frame(9..10, &[]), &NoWatch).is_err());
        assert_eq!(ready(), 2);
        assert!(!flow.is_acked() && !receiver.is_complete() && sender.is_complete());
        receiver.hear(&frame(0..0, &[0, 1]), &NoWatch).unwrap();
        assert!(receiver.is_complete() && receiver.checks().are_clean());
        assert_eq!((flow.acked(), flow.delivered()), (2, 2));
        flow.stop();
        sender.hear(&frame(2..4, &[0]), &NoWatch).unwrap();
        assert_eq!(ready(), 0);
        assert!(flow.is_acked());
        assert_eq!((receiver.checks().lost, sender.checks().lost), (2, 3));
    }
}
