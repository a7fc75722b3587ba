//! One stream's view of the log: replay from the store, then live from the ring, and back to the store after a lag.
//!
//! The ring is joined before the store is read, and both speak of whole commits, so the seam has no hole (what is
//! committed after the replay's end comes by the ring) and no repeat (what comes by the ring up to the end is dropped).
//! A session is pulled: it has at most one page or one slot in hand, however slowly its device reads.

use std::{collections::VecDeque, future::poll_fn, sync::Arc, task::Poll};

use bytes::{Bytes, BytesMut};
use tokio::sync::broadcast::{
    Receiver,
    error::{RecvError, TryRecvError},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Hub, Item, Signals, Void, ephemeral::Ear};
use crate::{
    convert::event,
    domain::{
        cursor::{Cursor, CursorError},
        event::GoingAwayReason,
        ids::{ConversationId, DeviceId, Offset, UserId},
        limits::FRAME_BYTES_MAX,
        page::PageSize,
    },
    pb::Welcome,
    store::{Replay, ReplayFrom, StoreError},
    telemetry,
};

/// How a stream begins.
#[derive(Debug)]
pub struct Opening {
    /// The first event.
    pub welcome: Welcome,
    /// Why the client's cursor was of no use, if it was.
    pub reset: Option<CursorError>,
    /// Where the replay begins.
    pub from: ReplayFrom,
    /// Most messages of each conversation in the replay.
    pub backlog_max: Option<u64>,
    /// Whether it also brings what is never stored.
    pub ephemeral: bool,
    /// Tells when the connection of the stream has served its time.
    pub leaving: CancellationToken,
    /// When the token of the device comes to its end.
    pub expires: Option<Instant>,
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The token of the device is void.
    Void(Void),
    /// The client was told to go, and why.
    GoneAway(GoingAwayReason),
    /// The store could not be read.
    Store(StoreError),
}

/// What a session gives next.
#[derive(Debug)]
pub enum Next {
    /// Runs of encoded events for one frame.
    Frame {
        /// The runs.
        runs: Vec<Bytes>,
        /// Whether the stream has caught up with this frame or before.
        caught_up: bool,
    },
    /// Nothing more.
    Ended(Ended),
}

/// Where a session belongs; leaves the hub when it goes.
pub(super) struct Place {
    pub hub: Arc<Hub>,
    pub id: u64,
    pub user: UserId,
    pub device: DeviceId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hub.leave(self.id, self.user, self.device);
    }
}

/// What a session does next.
enum Stage {
    Opening(Box<Opening>),
    /// The states of a first sync, after this conversation; then the replay.
    States(Option<ConversationId>, Replay),
    Replay(Replay),
    /// Lagged: read the store again from here.
    Behind,
    Live,
}

/// One open stream.
pub struct Session {
    place: Place,
    ring: Receiver<Item>,
    /// Hears what is never stored, if that was asked for.
    ear: Option<Arc<Ear>>,
    signals: Signals,
    stage: Stage,
    /// Everything up to here has been given.
    after: Offset,
    caught_up: bool,
    told_to_go: bool,
    /// Frames that are ready.
    ready: VecDeque<Bytes>,
}

impl Session {
    pub(super) fn new(
        place: Place,
        ring: Receiver<Item>,
        ear: Option<Arc<Ear>>,
        signals: Signals,
        opening: Opening,
    ) -> Self {
        Self {
            place,
            ring,
            ear,
            signals,
            stage: Stage::Opening(Box::new(opening)),
            after: Offset::ZERO,
            caught_up: false,
            told_to_go: false,
            ready: VecDeque::new(),
        }
    }

    /// What can tell the session to go, for the other half of its stream.
    pub const fn signals(&self) -> &Signals {
        &self.signals
    }

    /// Gives the next frame, waiting for it. Must not be dropped half-way: the session would lose its place.
    pub async fn next(&mut self) -> Next {
        loop {
            if self.signals.is_void() {
                return Next::Ended(Ended::Void(self.signals.void_by()));
            }
            if let Some(run) = self.ready.pop_front() {
                return Next::Frame {
                    runs: vec![run],
                    caught_up: self.has_caught_up(),
                };
            }
            if let Some(reason) = self.signals.going() {
                if self.told_to_go {
                    return Next::Ended(Ended::GoneAway(reason));
                }
                self.told_to_go = true;
                let mut frame = BytesMut::new();
                event::put_going_away(reason, &mut frame);
                return Next::Frame {
                    runs: vec![frame.freeze()],
                    caught_up: self.caught_up,
                };
            }
            let outcome = match std::mem::replace(&mut self.stage, Stage::Live) {
                Stage::Live => match self.live().await {
                    Some(frame) => return frame,
                    None => Ok(()),
                },
                Stage::Opening(opening) => self.begin(*opening).await,
                Stage::States(after, replay) => self.states(after, replay).await,
                Stage::Replay(replay) => self.replay(replay).await,
                Stage::Behind => self.catch_up_again().await,
            };
            if let Err(error) = outcome {
                return Next::Ended(Ended::Store(error));
            }
        }
    }

    /// Whether everything before the stream has been given, including what lies ready.
    fn has_caught_up(&self) -> bool {
        self.caught_up && self.ready.is_empty()
    }

    async fn begin(&mut self, opening: Opening) -> Result<(), StoreError> {
        let hub = &self.place.hub;
        let replay = hub
            .store
            .open_replay(self.place.user, opening.from, opening.backlog_max)
            .await?;
        let mut frame = BytesMut::new();
        event::put_welcome(opening.welcome, &mut frame);
        if let Some(error) = opening.reset {
            event::put_reset(error, &mut frame);
        }
        self.ready.push_back(frame.freeze());
        if replay.first_sync {
            self.stage = Stage::States(None, replay);
        } else {
            self.gaps(&replay);
            self.stage = Stage::Replay(replay);
        }
        Ok(())
    }

    async fn states(
        &mut self,
        after: Option<ConversationId>,
        replay: Replay,
    ) -> Result<(), StoreError> {
        // A page of views holds a last message each, 16 KiB at the most: 50 of them are below 1 MiB.
        let size = PageSize::asked(50);
        let (user, hub) = (self.place.user, &self.place.hub);
        let mut page = hub.store.list_conversations(user, after, size).await?;
        let now = hub.clock.now();
        let mut frame = BytesMut::new();
        for view in &mut page.views {
            view.settings.notify = view.settings.notify.at(now);
            event::put_state(view, user, &mut frame);
            self.cut(&mut frame);
        }
        self.flush(frame);
        self.stage = match page.views.last().filter(|_| page.more) {
            Some(last) => Stage::States(Some(last.conversation.id), replay),
            None => {
                self.gaps(&replay);
                Stage::Replay(replay)
            }
        };
        Ok(())
    }

    fn gaps(&mut self, replay: &Replay) {
        let mut frame = BytesMut::new();
        for gap in &replay.gaps {
            event::put_gap(gap, &mut frame);
            self.cut(&mut frame);
        }
        self.flush(frame);
    }

    async fn replay(&mut self, mut replay: Replay) -> Result<(), StoreError> {
        let page = self.place.hub.store.read_replay(&mut replay).await?;
        if page.events.is_empty() {
            self.after = replay.end;
            if let Some(ear) = &self.ear {
                ear.open();
            }
            if !self.caught_up {
                self.caught_up = true;
                let mut frame = BytesMut::new();
                let cursor = Cursor {
                    epoch: self.place.hub.epoch,
                    offset: self.after,
                };
                event::put_caught_up(cursor, &mut frame);
                self.flush(frame);
            }
            return Ok(());
        }
        let mut frame = BytesMut::new();
        for event in &page.events {
            let start = frame.len();
            event::put(event, self.place.hub.epoch, &mut frame);
            if frame.len() > FRAME_BYTES_MAX && start > 0 {
                let this_one = frame.split_off(start);
                self.ready
                    .push_back(std::mem::replace(&mut frame, this_one).freeze());
            }
        }
        self.flush(frame);
        self.stage = Stage::Replay(replay);
        Ok(())
    }

    async fn catch_up_again(&mut self) -> Result<(), StoreError> {
        // What the ring still holds is older than what the store will give now.
        self.ring = self.ring.resubscribe();
        let store = &self.place.hub.store;
        let replay = store
            .open_replay(self.place.user, ReplayFrom::After(self.after), None)
            .await?;
        self.stage = Stage::Replay(replay);
        Ok(())
    }

    /// Waits for news. `None`: something else is to be done first.
    async fn live(&mut self) -> Option<Next> {
        let received = tokio::select! {
            biased;
            () = self.signals.void() => return None,
            () = self.signals.told_to_go() => return None,
            received = self.ring.recv() => received,
            () = something_heard(self.ear.as_deref()) => {
                let runs = self.heard(FRAME_BYTES_MAX);
                return (!runs.is_empty()).then(|| Next::Frame {
                    runs,
                    caught_up: self.has_caught_up(),
                });
            }
        };
        let (last, first) = match received {
            Ok(Item::Events { last, .. }) if last <= self.after => return None,
            Ok(Item::Events { last, runs }) => (last, runs),
            Ok(Item::Look) | Err(RecvError::Lagged(_)) => {
                self.fall_behind();
                return None;
            }
            // The ring lives as long as its sessions; without it nothing can come any more.
            Err(RecvError::Closed) => {
                return Some(Next::Ended(Ended::Store(StoreError::Closed)));
            }
        };
        self.after = last;
        self.ready.extend(first.iter().cloned());
        let run = self.ready.pop_front();
        // What was heard comes first, where there is room beside the first run: whoever typed before this message is
        // then shown as typing before it.
        let mut runs =
            self.heard(FRAME_BYTES_MAX.saturating_sub(run.as_ref().map_or(0, Bytes::len)));
        runs.extend(run);
        let mut bytes: usize = runs.iter().map(Bytes::len).sum();
        // What waits already rides along, as far as the frame allows.
        while self.ready.is_empty() && bytes < FRAME_BYTES_MAX {
            match self.ring.try_recv() {
                Ok(Item::Events { last, runs: more }) => {
                    self.after = last;
                    self.ready.extend(more.iter().cloned());
                    while let Some(run) = self.ready.front()
                        && bytes + run.len() <= FRAME_BYTES_MAX
                    {
                        bytes += run.len();
                        runs.extend(self.ready.pop_front());
                    }
                }
                Ok(Item::Look) | Err(TryRecvError::Lagged(_)) => {
                    self.fall_behind();
                    break;
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        Some(Next::Frame {
            runs,
            caught_up: self.has_caught_up(),
        })
    }

    /// Takes what was heard of what is never stored, as far as it fits.
    fn heard(&self, bytes_max: usize) -> Vec<Bytes> {
        let Some(ear) = &self.ear else {
            return Vec::new();
        };
        let taken = ear.take(bytes_max, std::time::Instant::now());
        if taken.asks {
            self.place.hub.ask(self.place.user);
        }
        taken.runs
    }

    fn fall_behind(&mut self) {
        telemetry::lagged();
        self.stage = Stage::Behind;
        if let Some(ear) = &self.ear {
            ear.close();
        }
    }

    /// Ends a frame that is full.
    fn cut(&mut self, frame: &mut BytesMut) {
        if frame.len() >= FRAME_BYTES_MAX {
            self.ready.push_back(frame.split().freeze());
        }
    }

    fn flush(&mut self, frame: BytesMut) {
        if !frame.is_empty() {
            self.ready.push_back(frame.freeze());
        }
    }
}

/// Resolves when an ear has something to take; never without an ear.
async fn something_heard(ear: Option<&Ear>) {
    poll_fn(|context| ear.map_or(Poll::Pending, |ear| ear.poll(context))).await;
}
