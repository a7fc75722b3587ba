//! When a frame is drawn, and what follows from that it was seen: marks, and without a cache acknowledgements.
//!
//! A frame follows at once on what happened, but no sooner than 16 ms after the one before, or 4 ms if a key was pressed, and
//! not before the terminal has taken that. Nothing is marked read that was not on the screen.

use std::{io, time::Duration};

use ratatui::layout::Rect;

use tokio::time::Instant;

use crate::{
    client::{
        exit::Failure,
        ui::{effect::Effect, layout, update::Msg, view},
    },
    domain::clock::{Clock, SystemClock},
};

use super::{asking, notice, run::Ui, terminal};

/// The shortest time between two frames: some 60 in a second.
const FRAME: Duration = Duration::from_millis(16);
/// The same while somebody types: what a key does is to be seen within 16 ms, with the time that drawing takes.
const FRAME_OF_KEY: Duration = Duration::from_millis(4);
/// How long nobody does anything before pictures that are many bytes are written.
const CALM: Duration = Duration::from_millis(120);
/// How long pictures are owed before a frame with news holds some, too: news may come with every frame.
const OWED_MAX: Duration = Duration::from_secs(1);
/// How often a conversation is marked read at most.
const MARK_EVERY: Duration = Duration::from_secs(1);
/// A timer never rings more often than this, whatever asks for it.
const TICK_MIN: Duration = Duration::from_millis(20);

/// How far drawing has come.
#[derive(Debug)]
pub(super) struct Drawn {
    /// Something has changed since the last frame.
    pub is_dirty: bool,
    /// A key has, which somebody looks for.
    pub is_of_key: bool,
    /// When a person did something last.
    pub busy: Option<Instant>,
    /// Where pictures stood in the last frame, and which.
    places: Vec<(Rect, u32)>,
    /// When a frame is to follow for pictures that were left out.
    pictures_at: Option<Instant>,
    /// Since when some were left out of every frame.
    owed_since: Option<Instant>,
    /// Until when the terminal is busy with those that it got.
    rests_until: Option<Instant>,
    /// The newest cursor of what is in the model.
    pub cursor: Option<String>,
    /// The same of what a frame shows that is on its way, and its number.
    pub on_the_way: Option<(u64, String)>,
    at: Option<Instant>,
    title: String,
    marked: Option<Instant>,
}

impl Drawn {
    /// Nothing is drawn yet, and something is to be.
    pub fn new() -> Self {
        Self {
            is_dirty: true,
            is_of_key: false,
            busy: None,
            places: Vec::new(),
            pictures_at: None,
            owed_since: None,
            rests_until: None,
            cursor: None,
            on_the_way: None,
            at: None,
            title: String::new(),
            marked: None,
        }
    }

    /// From when on pictures that are many bytes may be written: nobody has done anything for a while, and the pictures
    /// stand where they stood.
    fn calm_at(&mut self, pictures: &[view::Whole], now: Instant) -> Instant {
        let places = pictures.iter();
        let places = places.map(|whole| (whole.area(), whole.pixels.number));
        let places: Vec<(Rect, u32)> = places.collect();
        if places != self.places {
            // What moves on and on is half blocks until it stands.
            (self.places, self.busy) = (places, Some(now));
        }
        self.busy.map_or(now, |at| at + CALM)
    }

    /// Whether the frame that is just drawn may hold pictures as pixels: what somebody is to read goes first, and alone, but
    /// not for ever; what a key does always.
    fn may_hold_pictures(&self, calm_at: Instant, now: Instant) -> bool {
        let is_late = self.owed_since.is_some_and(|since| since + OWED_MAX <= now);
        let has_news = self.is_dirty && (self.is_of_key || !is_late);
        let has_rested = self.rests_until.is_none_or(|until| until <= now);
        calm_at <= now && has_rested && !has_news
    }

    /// A frame was drawn, and the terminal is to rest so long from its pictures.
    fn follow(&mut self, is_owed: bool, rest: Duration, calm_at: Instant, now: Instant) {
        (self.is_dirty, self.is_of_key) = (false, false);
        // A frame between does not bring forward what was to rest.
        let until = self.rests_until.map_or(now + rest, |at| at.max(now + rest));
        self.rests_until = Some(until);
        self.pictures_at = is_owed.then(|| calm_at.max(until).max(now + FRAME));
        self.owed_since = self.owed_since.or(Some(now)).filter(|_| is_owed);
    }
}

impl Ui {
    /// Draws if there is something new, the last frame is old enough, and the terminal has taken it.
    pub(super) fn draw(&mut self) -> Result<(), Failure> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= Instant::now());
        if !is_due(self.frame_at()) && !is_due(self.pictures_at()) {
            return Ok(());
        }
        let now = Instant::now();
        let failed = |error: io::Error| Failure::output(&error);
        let (model, theme, keys) = (&self.model, &self.theme, &self.keys);
        let view = |frame: &mut ratatui::Frame<'_>| view::draw(model, theme, keys, frame);
        let (drawn, mut calm_at) = (&mut self.drawn, now);
        let may_hold = |pictures: &[view::Whole]| {
            calm_at = drawn.calm_at(pictures, now);
            drawn.may_hold_pictures(calm_at, now)
        };
        let drawn = self.screen.draw_with(view, may_hold);
        if let Some(number) = drawn.map_err(failed)? {
            let (is_owed, rest) = (self.screen.owes_pictures(), self.screen.pictures_rest());
            self.drawn.follow(is_owed, rest, calm_at, now);
            self.drawn.at = Some(Instant::now());
            if let Some(cursor) = self.drawn.cursor.take() {
                self.drawn.on_the_way = Some((number, cursor));
            }
        }
        let title = view::title(&self.model);
        if title != self.drawn.title && self.has_title {
            // One that finds no room comes with a later frame.
            if self.screen.codes(&notice::title(&title)).map_err(failed)? {
                self.drawn.title = title;
            }
        }
        Ok(())
    }

    /// When the next frame is to be drawn; `None`: not before something happens.
    fn frame_at(&self) -> Option<Instant> {
        let is_wanted = self.drawn.is_dirty && !self.is_stopped && self.screen.is_free();
        let rest = match self.drawn.is_of_key {
            true => FRAME_OF_KEY,
            false => FRAME,
        };
        let next = || self.drawn.at.map_or_else(Instant::now, |at| at + rest);
        is_wanted.then(next)
    }

    /// When a frame is to follow for pictures that were left out; `None`: none were, or the terminal is not ready.
    fn pictures_at(&self) -> Option<Instant> {
        let is_ready = !self.is_stopped && self.screen.is_free();
        self.drawn.pictures_at.filter(|_| is_ready)
    }

    /// Takes in that more was shown.
    pub(super) fn shown(&mut self) {
        let shown = self.screen.shown();
        if let Some((_, cursor)) = self
            .drawn
            .on_the_way
            .take_if(|(number, _)| *number <= shown)
        {
            // Where there is a cache it is that which tells how far this machine has come.
            if self.cache.is_none() {
                self.link.acknowledge(cursor);
            }
        }
    }

    /// Marks what a person sees as read: it is on the screen, and not only about to be.
    pub(super) fn mark(&mut self) -> Result<(), Failure> {
        let is_due = self.mark_at().is_some_and(|at| at <= Instant::now());
        let Some((chat, seq)) = layout::to_mark(&self.model).filter(|_| is_due) else {
            return Ok(());
        };
        self.drawn.marked = Some(Instant::now());
        self.perform(Effect::MarkRead {
            chat: chat.clone(),
            seq,
        })?;
        if let Some(chat) = self.model.chats.get_mut(&chat) {
            self.drawn.is_dirty |= chat.read_to(seq);
        }
        Ok(())
    }

    /// When something can be marked read; `None`: there is nothing, or nobody sees it yet.
    fn mark_at(&self) -> Option<Instant> {
        let is_seen = !self.drawn.is_dirty && !self.is_stopped && self.screen.is_free();
        if !is_seen || layout::to_mark(&self.model).is_none() {
            return None;
        }
        let next = |marked: Instant| marked + MARK_EVERY;
        Some(self.drawn.marked.map_or_else(Instant::now, next))
    }

    /// When there is something to do, if nothing happens before.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let tick = self.model.next_tick().map(|at| {
            let wait = at.since_ms(SystemClock.now());
            Instant::now() + Duration::from_millis(wait).max(TICK_MIN)
        });
        let disk = self.ledger.slow_at();
        let all = [
            self.frame_at(),
            self.pictures_at(),
            self.mark_at(),
            self.drafts.due(),
            disk,
            tick,
        ];
        all.into_iter().flatten().min()
    }

    /// The program goes on after it was stopped: the terminal is as the shell has it.
    pub(super) fn go_on(&mut self) -> Result<(), Failure> {
        let taken = terminal::enter_again();
        taken.map_err(|error| Failure::other(format!("cannot use the terminal: {error}")))?;
        self.is_stopped = false;
        let asked = self.screen.ask_again(&asking::HERE);
        asked.map_err(|error| Failure::output(&error))?;
        self.resized(terminal::size())?;
        // The shell has given it a title of its own.
        self.drawn.title.clear();
        self.perform(Effect::Redraw)
    }

    /// The screen has this size now.
    pub(super) fn resized(&mut self, size: (u16, u16)) -> Result<(), Failure> {
        let cell = terminal::cell();
        match (size == self.model.size, self.images.has_other_cells(cell)) {
            (true, false) => return Ok(()),
            // As with another size of the letters: what stands there has another size than it had.
            (true, true) => self.redraw().map_err(|error| Failure::output(&error))?,
            (false, _) => {}
        }
        self.images.resized(cell);
        self.model.previews.draw_on(self.images.canvas());
        let resized = self.screen.resize(size);
        resized.map_err(|error| Failure::output(&error))?;
        self.happened(Msg::Resized(size.0, size.1))
    }

    /// Draws all of it with the next frame.
    pub(super) fn redraw(&mut self) -> io::Result<()> {
        self.drawn.is_dirty = true;
        self.screen.redraw()
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
