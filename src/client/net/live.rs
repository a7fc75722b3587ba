//! The live link: one `Chat` stream that outlives broken connections.
//!
//! The program pulls events with [`Link::next`]. The link connects, resumes after the last event
//! it gave out, sends again what was not answered, waits out rates, drops repeats, and tells of
//! breaks, so that every message is seen exactly once and in order. It ends for good only when the
//! server says something that waiting cannot mend, such as an ended login. It knows nothing of
//! what events mean and stores nothing: what survives the program is what it acknowledged.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    future::{Future, pending},
    pin::Pin,
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use tonic::Code;

use crate::{
    domain::ids::ClientMessageId,
    pb::{self, chat_request::Request, event::Body, reply::Result as Answer},
};

use super::{
    backoff::Backoff,
    error::{self, ClientError, Retry},
    outbox::{Outbox, OutboxFull, Outgoing, Settled, StoreId, Target},
    seen::Seen,
    session::Session,
    stream::{ChatStream, Frame},
};

/// How long a server may be silent that owes something: the end of what was missed, or the answer to a message.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Marks that wait to be told, and the longest id of a conversation that is marked.
const READ_MAX: usize = 100_000;
const ID_BYTES_MAX: usize = 256;
/// A stream that has lived so long was a good one: the next break is the first of a new series.
const GOOD_LIFE: Duration = Duration::from_secs(10);
/// How long a server that said that it goes away may take to end the stream.
const LEAVING_MAX: Duration = Duration::from_secs(15);

/// How to open a link.
#[derive(Clone, Debug, Default)]
pub struct LinkOptions {
    /// Resumes after this cursor; without it, after what this device acknowledged last.
    pub resume_cursor: Option<String>,
    /// The store that ids and numbers are of which are known from before; `None`: that is not known, or none are.
    pub store: Option<StoreId>,
    /// Newest messages of each conversation that are sent of a backlog; 0: all.
    pub max_backlog_per_conversation: u32,
    /// Renames this device.
    pub device_name: Option<String>,
    /// Also brings `presence`, `typing` and `delivered`.
    pub ephemeral_events: bool,
}

/// What comes out of a link.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEvent {
    /// The stream is open; the event `welcome` follows.
    Connected,
    /// An event. Each message comes once.
    Event(pb::Event),
    /// The event of a message that this link sent.
    Echo(pb::Event),
    /// A message is on the server's stable storage.
    Sent(Outgoing, pb::SendResponse),
    /// A message is refused for good.
    NotSent(Outgoing, ClientError),
    /// The stream is gone; the next attempt begins after `retry_in`.
    Disconnected {
        /// What happened.
        reason: ClientError,
        /// How long the link waits.
        retry_in: Duration,
    },
    /// The link is over after [`Link::close`].
    Closed,
    /// The link is over: trying again would not help.
    Ended(ClientError),
}

enum State {
    Connecting(Pin<Box<dyn Future<Output = Result<ChatStream, ClientError>> + Send>>),
    Live(Box<ChatStream>),
    /// Until then, and until the second at least, which a server has asked for.
    Waiting(Instant, Instant),
    Over,
}

/// See the head of the file.
pub struct Link {
    session: Session,
    options: LinkOptions,
    state: State,
    ready: VecDeque<LinkEvent>,
    outbox: Outbox,
    seen: Seen,
    /// Messages of this link whose event has not come yet.
    own: HashSet<ClientMessageId>,
    cursor: Option<String>,
    /// The store that the server has, as it says at the beginning of a stream.
    welcomed: Option<StoreId>,
    /// The one that all is of which was given out.
    store: Option<StoreId>,
    acknowledge: Option<String>,
    read: BTreeMap<String, u64>,
    /// Marks that were sent, by their requests, until they are answered: one that is lost with a stream is sent again.
    marks: BTreeMap<u64, (String, u64)>,
    last_request: u64,
    backoff: Backoff,
    /// When the last frame came, or what is owed was asked for.
    heard: Instant,
    /// Since when all that was missed has come.
    caught_up: Option<Instant>,
    /// Set by `going_away`: when to give the stream up, and what wait was asked for.
    leaving: Option<(Instant, Duration)>,
    /// Set by `going_away`: another stream of this device took the place of this one.
    replaced: bool,
    closing: bool,
}

impl Link {
    /// Makes a link; the first [`Link::next`] connects.
    pub fn new(session: Session, options: LinkOptions) -> Self {
        Self {
            session,
            cursor: options.resume_cursor.clone(),
            store: options.store.clone(),
            options,
            state: State::Waiting(Instant::now(), Instant::now()),
            ready: VecDeque::new(),
            outbox: Outbox::default(),
            seen: Seen::default(),
            own: HashSet::new(),
            welcomed: None,
            acknowledge: None,
            read: BTreeMap::new(),
            marks: BTreeMap::new(),
            last_request: 0,
            backoff: Backoff::default(),
            heard: Instant::now(),
            caught_up: None,
            leaving: None,
            replaced: false,
            closing: false,
        }
    }

    /// Takes a message to send; it goes out while [`Link::next`] is awaited, and
    /// [`LinkEvent::Sent`] or [`LinkEvent::NotSent`] tells what became of it.
    pub fn send(&mut self, target: Target, text: String) -> Result<ClientMessageId, OutboxFull> {
        let store = self.store.clone();
        let (id, strange) = self.outbox.push(target, text, store)?;
        // One that is not sent has no event.
        match strange {
            None => _ = self.own.insert(id),
            Some(_) => self.not_there(strange),
        }
        Ok(id)
    }

    /// Takes a message that an earlier program did not see answered: it goes out as if nothing had happened, and if it
    /// did arrive then, it is the same message. Its event comes as [`LinkEvent::Event`], since it was not typed here.
    /// One that is bound to another store is not sent, and that is told.
    pub fn send_again(&mut self, message: Outgoing) {
        let strange = self.outbox.restore(message);
        self.not_there(strange);
    }

    fn not_there(&mut self, messages: impl IntoIterator<Item = Outgoing>) {
        let lost = messages.into_iter();
        let lost = lost.map(|it| LinkEvent::NotSent(it, ClientError::OtherStore));
        self.ready.extend(lost);
    }

    /// Which store the numbers and ids are of that were given out, or that were known from before; `None`: that is not known,
    /// as before all has come that was missed at first.
    pub fn store(&self) -> Option<&StoreId> {
        self.store.as_ref()
    }

    /// Returns how many messages are not answered yet.
    pub fn unsent(&self) -> usize {
        self.outbox.len()
    }

    /// Tells the server, when the stream next has room, that everything up to here is taken in. An empty cursor, as
    /// some events have it, changes nothing.
    pub fn acknowledge(&mut self, cursor: String) {
        if !cursor.is_empty() {
            self.acknowledge = Some(cursor);
        }
    }

    /// Marks a conversation read up to a message when the stream next has room.
    pub fn mark_read(&mut self, conversation: &str, seq: u64) {
        // No honest server comes near these; what is left out is marked a little later, or not at all.
        let is_new = !self.read.contains_key(conversation);
        if conversation.len() > ID_BYTES_MAX || is_new && self.read.len() >= READ_MAX {
            return;
        }
        let read = self.read.entry(conversation.to_owned()).or_default();
        *read = seq.max(*read);
    }

    /// Tells the others of a conversation that the user types, or stopped. It is of now: where the stream has no room for
    /// it, or is not there, it is dropped.
    pub fn set_typing(&mut self, conversation: &str, typing: bool) {
        let State::Live(stream) = &self.state else {
            return;
        };
        let is_ending = self.leaving.is_some() || self.closing;
        if is_ending || self.caught_up.is_none() || !stream.has_room() {
            return;
        }
        self.last_request += 1;
        let conversation_id = conversation.to_owned();
        let request = Request::SetTyping(pb::SetTypingRequest {
            conversation_id,
            typing,
        });
        stream.request(self.last_request, request);
    }

    /// Drops the marks of a conversation that are not answered: it is put aside as unread, which an older mark would undo.
    pub fn keep_unread(&mut self, conversation: &str) {
        self.read.remove(conversation);
        self.marks.retain(|_, (marked, _)| marked != conversation);
    }

    /// Returns the marks that are not answered: whether the server has heard of them is not known.
    pub fn unmarked(&self) -> BTreeMap<String, u64> {
        let mut unmarked = self.read.clone();
        for (conversation, seq) in self.marks.values() {
            let read = unmarked.entry(conversation.clone()).or_default();
            *read = (*seq).max(*read);
        }
        unmarked
    }

    /// Returns the place after the last event that came: where another link could resume.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Ends the link: it sends nothing more, gives out what the server still has to say, then
    /// [`LinkEvent::Closed`].
    pub fn close(&mut self) {
        self.flush();
        self.closing = true;
        match &mut self.state {
            State::Live(stream) => stream.half_close(),
            State::Over => {}
            _ => self.over(LinkEvent::Closed),
        }
    }

    /// Somebody is there and wants the link: if it waits, it tries to connect at this moment or before, but for the time that
    /// the server has asked for. Waits after that are short ones again. Returns when it tries; `None`: it does not wait.
    pub fn retry_by(&mut self, moment: Instant) -> Option<Instant> {
        if matches!(self.state, State::Waiting(..) | State::Connecting(_)) {
            self.backoff.attend();
        }
        let State::Waiting(until, least) = &mut self.state else {
            return None;
        };
        *until = (*until).min(moment).max(*least);
        Some(*until)
    }

    /// Returns an event that is there already.
    pub fn take_ready(&mut self) -> Option<LinkEvent> {
        let event = self.ready.pop_front()?;
        if let LinkEvent::Event(event) = &event
            && matches!(event.body, Some(Body::Reset(_) | Body::CaughtUp(_)))
        {
            self.store.clone_from(&self.welcomed);
        }
        Some(event)
    }

    /// Returns the next event. Cancelling it loses nothing. After [`LinkEvent::Closed`] and
    /// [`LinkEvent::Ended`] there is none, and it never returns.
    pub async fn next(&mut self) -> LinkEvent {
        loop {
            if let Some(event) = self.take_ready() {
                return event;
            }
            match &mut self.state {
                State::Waiting(until, _) => {
                    sleep_until(*until).await;
                    self.connect();
                }
                State::Connecting(attempt) => match attempt.as_mut().await {
                    Ok(stream) => {
                        self.state = State::Live(Box::new(stream));
                        (self.heard, self.caught_up) = (Instant::now(), None);
                    }
                    Err(error) => self.broken(error),
                },
                State::Live(_) => self.live().await,
                State::Over => pending().await,
            }
        }
    }

    fn connect(&mut self) {
        let hello = pb::Hello {
            resume_cursor: self.cursor.clone(),
            max_backlog_per_conversation: self.options.max_backlog_per_conversation,
            device_name: self.options.device_name.clone(),
            ephemeral_events: self.options.ephemeral_events,
        };
        let attempt = ChatStream::open(self.session.clone(), hello);
        self.state = State::Connecting(Box::pin(attempt));
    }

    /// Sends what may go, then waits for one frame or for the time to send more.
    async fn live(&mut self) {
        self.flush();
        let wake_at = self.outbox.wake_at();
        let leave_at = self.leaving.map(|(until, _)| until);
        let owes = self.caught_up.is_none() || self.outbox.is_in_flight();
        let silent_at = owes.then(|| self.heard + SILENCE_MAX);
        let State::Live(stream) = &mut self.state else {
            return;
        };
        let frame = tokio::select! {
            // What has come counts, however long the program took to ask for it.
            biased;
            frame = stream.next() => frame,
            () = sleep_until_some(wake_at) => return,
            () = sleep_until_some(leave_at) => Frame::End,
            () = sleep_until_some(silent_at) => Frame::Broken(ClientError::Unreachable {
                cause: "no answer in time".into(),
            }),
        };
        self.heard = Instant::now();
        match frame {
            Frame::Batch(batch) => self.take_in(batch),
            Frame::End if self.closing => self.over(LinkEvent::Closed),
            Frame::End => self.broken(ClientError::Unreachable {
                cause: "the server ended the stream".into(),
            }),
            Frame::Broken(error) => self.broken(error),
        }
    }

    fn flush(&mut self) {
        // What is sent to a server that goes away is sent again to the next one: wait for it.
        let State::Live(stream) = &self.state else {
            return;
        };
        if self.leaving.is_some() || self.closing {
            return;
        }
        let now = Instant::now();
        while stream.has_room() {
            let request_id = self.last_request + 1;
            let owed = self.outbox.is_in_flight();
            let request = if let Some(send) = self.outbox.next(now, request_id) {
                if !owed {
                    self.heard = now;
                }
                Request::Send(send)
            } else if let Some((conversation_id, read_seq)) =
                next_mark(&mut self.read, self.caught_up)
            {
                if self.marks.len() < READ_MAX {
                    let mark = (conversation_id.clone(), read_seq);
                    self.marks.insert(request_id, mark);
                }
                Request::MarkRead(pb::MarkReadRequest {
                    conversation_id,
                    read_seq,
                })
            } else if let Some(cursor) = self.acknowledge.take() {
                Request::Acknowledge(pb::AcknowledgeRequest { cursor })
            } else {
                return;
            };
            self.last_request = request_id;
            stream.request(request_id, request);
        }
    }

    fn take_in(&mut self, batch: pb::ChatResponse) {
        for event in batch.events {
            self.event(event);
        }
        for reply in batch.replies {
            let mark = self.marks.remove(&reply.request_id);
            let answer = match reply.result {
                Some(Answer::Send(response)) => Ok(response),
                Some(Answer::Error(error)) => {
                    let error = ClientError::from(error);
                    // It is told with the next stream, or at the end.
                    if let Some(mark) = mark.filter(|_| passes(&error)) {
                        self.marks.insert(reply.request_id, mark);
                    }
                    Err(error)
                }
                // The answers to marks and acknowledgements: the next ones come anyway.
                _ => continue,
            };
            match self
                .outbox
                .answered(Instant::now(), reply.request_id, answer)
            {
                Some(Settled::Sent(message, response)) => {
                    self.ready.push_back(LinkEvent::Sent(message, response));
                }
                Some(Settled::Refused(message, error)) => {
                    self.own.remove(&message.id);
                    self.ready.push_back(LinkEvent::NotSent(message, error));
                }
                None => {}
            }
        }
    }

    fn event(&mut self, event: pb::Event) {
        if !event.cursor.is_empty() {
            self.cursor = Some(event.cursor.clone());
        }
        match &event.body {
            Some(Body::Welcome(welcome)) => {
                let limits = welcome.limits.unwrap_or_default();
                self.outbox
                    .set_unlimited(welcome.limits.is_some() && limits.sends_per_second == 0);
                self.welcomed = StoreId::new(&welcome.epoch);
                self.ready.push_back(LinkEvent::Connected);
            }
            Some(Body::Message(message)) => {
                if !self.seen.admit(&message.conversation_id, message.seq) {
                    return;
                }
                let id = message.client_message_id.parse();
                if id.is_ok_and(|id| self.own.remove(&id)) {
                    self.ready.push_back(LinkEvent::Echo(event));
                    return;
                }
            }
            Some(Body::Gap(gap)) => self
                .seen
                .gap(&gap.conversation_id, gap.from_seq, gap.to_seq),
            Some(Body::Reset(_)) => {
                self.seen.clear();
                self.cursor = None;
                self.acknowledge = None;
                self.read.clear();
                self.marks.clear();
                // The news of the store comes first.
                self.ready.push_back(LinkEvent::Event(event));
                let lost = self.outbox.reset();
                self.not_there(lost);
                return;
            }
            Some(Body::CaughtUp(_)) => {
                self.caught_up = Some(Instant::now());
                self.ready.push_back(LinkEvent::Event(event));
                let lost = self.outbox.sure_of(self.welcomed.clone());
                self.not_there(lost);
                return;
            }
            Some(Body::GoingAway(going)) => {
                self.replaced |= going.reason() == pb::GoingAwayReason::Replaced;
                let wait = going.retry_after.and_then(error::wait);
                let until = Instant::now() + LEAVING_MAX;
                self.leaving = Some((until, wait.unwrap_or_default().min(LEAVING_MAX)));
            }
            _ => {}
        }
        self.ready.push_back(LinkEvent::Event(event));
    }

    fn broken(&mut self, reason: ClientError) {
        self.outbox.disconnected();
        for (conversation, seq) in std::mem::take(&mut self.marks).into_values() {
            self.mark_read(&conversation, seq);
        }
        let asked = self.leaving.take().map_or(Duration::ZERO, |(_, wait)| wait);
        if self.closing {
            return self.over(LinkEvent::Closed);
        }
        // Coming back would end another of the same device, which would come back in turn.
        if self.replaced {
            return self.over(LinkEvent::Ended(ClientError::Replaced));
        }
        if is_final(&reason) {
            return self.over(LinkEvent::Ended(reason));
        }
        let lived = self.caught_up.take().map(|since| since.elapsed());
        if lived.is_some_and(|lived| lived >= GOOD_LIFE) {
            self.backoff.reset();
        }
        let retry_in = asked + self.backoff.next_wait();
        let now = Instant::now();
        self.state = State::Waiting(now + retry_in, now + asked);
        self.ready
            .push_back(LinkEvent::Disconnected { reason, retry_in });
    }

    fn over(&mut self, last: LinkEvent) {
        self.state = State::Over;
        self.ready.push_back(last);
    }
}

/// The next conversation to be marked read. Not before all that was missed has come: among it may be that another device put
/// it aside since.
fn next_mark(
    read: &mut BTreeMap<String, u64>,
    caught_up: Option<Instant>,
) -> Option<(String, u64)> {
    caught_up?;
    read.pop_first()
}

/// Returns whether what was refused can succeed later: the server is busy, or its disk full.
fn passes(error: &ClientError) -> bool {
    error.retry() != Retry::Never || error.reason() == "STORE_FULL"
}

/// Returns whether another attempt would end the same way.
fn is_final(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(refusal) => matches!(
            refusal.code,
            Code::Unauthenticated
                | Code::PermissionDenied
                | Code::InvalidArgument
                | Code::FailedPrecondition
                | Code::Unimplemented
        ),
        ClientError::Unreachable { .. } => false,
        _ => true,
    }
}

async fn sleep_until_some(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "fake_tests.rs"]
pub(in super::super) mod fake_tests;
