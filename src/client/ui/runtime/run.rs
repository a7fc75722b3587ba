//! The loop of the terminal UI: takes in what comes from the terminal, the link, the cache and the questions, lets `update`
//! decide, does what follows, and draws.
//!
//! Promises:
//! 1. Nothing here waits for the server, the terminal or the disk: all of that is done by threads. While the terminal stands
//!    still frames are left out.
//! 2. Without anything to do there is no timer.
//! 3. A cursor is acknowledged once what it stands for is in the cache; where there is no cache, once it was on the screen.
//! 4. What is entered is on the disk of this machine before it goes to the server, unless it cannot be put there, which is
//!    said.
//! 5. No more is taken from the server than can be asked for and kept.
//!
//! Decides nothing of what is shown.

use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    path::PathBuf,
    time::Duration,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    client::{
        app::{transfers::Moved, written::Written},
        cache::{Cache, Change, Stored, Word},
        carrier::Carrier,
        exit::Failure,
        net::live::{Link, LinkEvent},
        signal::Interrupts,
        ui::{
            effect::Effect,
            keymap::Keymap,
            model::{LinkState, Model, notices::Level},
            news::News,
            theme::Theme,
            update::{Msg, fill, previews, update},
        },
    },
    domain::clock::{Clock, SystemClock, TimeMs},
};

use super::{
    asks::{Asked, Asker, Question},
    drafts::{Behind, Drafts},
    frames::Drawn,
    keeper,
    keys::Input,
    ledger::Ledger,
    notice::{Bell, Way},
    previews::{Fetched, Fetcher},
    remember::Memory,
    screen::Screen,
    showing::Showing,
    terminal,
};

/// Inputs and events that are taken in before a frame is drawn.
const BATCH_MAX: usize = 256;
/// Conversations whose states are asked for one by one; of more, all are got at once.
const STATES_ONE_BY_ONE: usize = 8;
/// Questions under way past which nothing more is taken from the server: it is the server that makes for most of them, and
/// no honest one for so many.
const ASKS_MAX: usize = 256;
/// How often a person makes a link that is down try: nobody notices that it comes so much later, and a thousand who type ask
/// no more than 500 attempts a second of a server that comes back.
const RETRY_EVERY: Duration = Duration::from_secs(2);

/// See the head of the file.
pub(super) struct Ui {
    pub model: Model,
    pub keys: Keymap,
    pub theme: Theme,
    pub notify: Way,
    pub has_title: bool,
    pub link: Link,
    pub asker: Asker,
    pub asks: JoinSet<Asked>,
    /// Moves files.
    pub carrier: Carrier,
    /// Fetches previews of pictures.
    pub fetcher: Fetcher,
    /// Where files are that are opened outside.
    pub opened: PathBuf,
    /// How pictures are shown.
    pub images: Showing,
    /// What a person asked to be done and is not answered, by number.
    pub deeds: BTreeMap<u64, String>,
    pub last_deed: u64,
    /// The states of all are asked for, and are wanted once more after that.
    pub states: (bool, bool),
    pub memory: Memory,
    /// What is to be kept of this batch.
    pub changes: Vec<Change>,
    /// Without one, or none any more, that was said.
    pub cache: Option<Cache>,
    pub stored: Option<Stored>,
    pub ledger: Ledger,
    pub screen: Screen,
    pub bell: Bell,
    /// News of this machine that wait for their turn.
    pub news: VecDeque<News>,
    /// Which store the server has, counted from 0: what was asked of an older one says nothing of this.
    pub era: u64,
    /// When a person made the link try last, or does.
    pub retried: Option<Instant>,
    /// Why the link is over.
    pub ended: Option<Failure>,
    /// The program is to end.
    pub is_over: bool,
    /// The program is stopped, or about to be.
    pub is_stopped: bool,
    pub drawn: Drawn,
    pub drafts: Drafts,
    /// Drafts that wait for what was entered before them.
    pub behind: Behind,
    /// What was begun came out of the journal into the cache, and is dropped there once it is stored here.
    pub moves_begun: bool,
    /// What was begun and outlives this loop in no file.
    pub lost: Vec<Written>,
    /// Whether there is somebody to ask for another login.
    pub may_log_in: bool,
    /// The server was asked to end this login.
    pub is_logging_out: bool,
    /// What comes after the loop.
    pub next: Next,
}

/// What comes after the loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The end of the program.
    Leave,
    /// The login of the same user, since the one that was used has ended; and why it has.
    LogIn(String),
    /// Another account.
    Another,
    /// The same, since this login was ended by its user.
    LoggedOut,
}

/// What the loop hears of the system.
pub(super) struct Signals {
    interrupts: Interrupts,
    stop: Signal,
    go_on: Signal,
    size: Signal,
}

impl Signals {
    /// Begins to listen; from now on they do no longer what they do by themselves.
    pub fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::other(format!("cannot listen to signals: {error}")))
        };
        let number = |signal: rustix::process::Signal| SignalKind::from_raw(signal.as_raw());
        Ok(Self {
            interrupts: Interrupts::new()?,
            stop: listen(number(rustix::process::Signal::TSTP))?,
            go_on: listen(number(rustix::process::Signal::CONT))?,
            size: listen(SignalKind::window_change())?,
        })
    }

    /// Returns when the program is to end.
    pub async fn ended(&mut self) {
        self.interrupts.next().await;
    }

    /// Returns when somebody asks for the end who does not wait for anything.
    pub async fn insisted(&mut self) {
        self.interrupts.insisted().await;
    }

    /// Returns what is heard next. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Step {
        tokio::select! {
            () = self.interrupts.next() => Step::Input(Some(Input::Msg(Msg::Ended))),
            _ = self.stop.recv() => Step::Stop,
            _ = self.go_on.recv() => Step::GoOn,
            _ = self.size.recv() => Step::Size,
        }
    }
}

/// What one turn of the loop brought.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, on the stack: a box would cost an allocation for each event"
)]
pub(super) enum Step {
    Input(Option<Input>),
    Link(LinkEvent),
    Word(Word),
    Answer(Asked),
    Moved(u32, Moved),
    Fetched(Fetched),
    Kept(keeper::Word),
    Shown,
    Wake,
    Stop,
    GoOn,
    Size,
}

/// What a new loop stands on.
pub(super) struct Parts {
    pub model: Model,
    pub settings: super::settings::Settings,
    pub link: Link,
    pub asker: Asker,
    pub carrier: Carrier,
    pub opened: PathBuf,
    pub memory: Memory,
    pub cache: Option<Cache>,
    pub ledger: Ledger,
    pub screen: Screen,
}

impl Ui {
    pub fn new(parts: Parts) -> Self {
        let stored = parts.cache.as_ref().map(Cache::stored);
        let mut model = parts.model;
        model.previews.draw_on(parts.settings.images.canvas());
        Self {
            model,
            keys: parts.settings.keys,
            theme: parts.settings.theme,
            notify: parts.settings.notify,
            has_title: parts.settings.has_title,
            link: parts.link,
            asker: parts.asker,
            asks: JoinSet::new(),
            carrier: parts.carrier,
            fetcher: Fetcher::new(),
            opened: parts.opened,
            images: parts.settings.images,
            deeds: BTreeMap::new(),
            last_deed: 0,
            states: (false, false),
            memory: parts.memory,
            changes: Vec::new(),
            cache: parts.cache,
            stored,
            ledger: parts.ledger,
            screen: parts.screen,
            bell: Bell::default(),
            news: VecDeque::new(),
            era: 0,
            retried: None,
            ended: None,
            is_over: false,
            is_stopped: false,
            drawn: Drawn::new(),
            drafts: Drafts::default(),
            behind: Behind::default(),
            moves_begun: false,
            lost: Vec::new(),
            may_log_in: false,
            is_logging_out: false,
            next: Next::Leave,
        }
    }

    /// Runs until the user leaves, the program is told to end, or the terminal is gone.
    pub async fn run(
        &mut self,
        inputs: &mut mpsc::Receiver<Input>,
        signals: &mut Signals,
    ) -> Result<(), Failure> {
        self.finish_batch()?;
        while !self.is_over {
            let has_room = self.has_room();
            let wake = self.wake_at();
            let step = tokio::select! {
                input = inputs.recv() => Step::Input(input),
                event = self.link.next(), if has_room => Step::Link(event),
                word = next_word(&mut self.stored) => Step::Word(word),
                Some(asked) = self.asks.join_next() => match asked {
                    Ok(asked) => Step::Answer(asked),
                    Err(defect) => return Err(a_defect(&defect.to_string())),
                },
                Some(fetched) = self.fetcher.next() => match fetched {
                    Ok(fetched) => Step::Fetched(fetched),
                    Err(defect) => return Err(a_defect(&defect.to_string())),
                },
                (number, moved) = self.carrier.next(), if has_room => Step::Moved(number, moved),
                word = self.ledger.next() => Step::Kept(word),
                shown = self.screen.more_is_shown() => {
                    shown?;
                    Step::Shown
                }
                step = signals.next() => step,
                () = sleep_until_some(wake) => Step::Wake,
                () = terminal::defect() => return Err(a_defect("a panic")),
            };
            self.tick();
            self.step(step)?;
            self.take_ready(inputs)?;
            self.finish_batch()?;
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::Input(Some(Input::Msg(Msg::Resized(columns, rows)))) => {
                self.resized((columns, rows))
            }
            Step::Input(Some(Input::Msg(msg))) => {
                if matches!(msg, Msg::Key(_)) {
                    self.drawn.is_of_key = true;
                }
                if is_of_person(&msg) {
                    self.drawn.busy = Some(Instant::now());
                    self.try_link();
                }
                self.happened(msg)
            }
            Step::Input(Some(Input::Told)) => {
                let canvas = self.images.canvas();
                self.drawn.is_dirty |= self.model.previews.draw_on(canvas);
                Ok(())
            }
            Step::Input(None | Some(Input::Gone)) => {
                self.is_over = true;
                Ok(())
            }
            Step::Link(event) => self.link_event(event),
            Step::Word(word) => self.word(word),
            Step::Answer(asked) => self.answered(asked),
            Step::Moved(number, moved) => self.moved(number, moved),
            Step::Fetched((number, made)) => {
                let made = made.map(Box::new);
                self.take(News::Preview { number, made })
            }
            Step::Kept(word) => {
                self.kept(word);
                Ok(())
            }
            Step::Shown => {
                self.shown();
                Ok(())
            }
            Step::Wake => {
                let now = self.model.now;
                self.happened_quietly(Msg::Tick(now))
            }
            Step::Stop => self.perform(Effect::Suspend),
            Step::GoOn => self.go_on(),
            Step::Size => self.resized(terminal::size()),
        }
    }

    /// Takes in what is there already, so that one frame shows all of it.
    fn take_ready(&mut self, inputs: &mut mpsc::Receiver<Input>) -> Result<(), Failure> {
        for _ in 0..BATCH_MAX {
            let Ok(input) = inputs.try_recv() else { break };
            if self.is_over {
                return Ok(());
            }
            self.step(Step::Input(Some(input)))?;
        }
        for _ in 0..BATCH_MAX {
            if !self.has_room() {
                break;
            }
            let Some(event) = self.link.take_ready() else {
                break;
            };
            self.link_event(event)?;
        }
        for _ in 0..BATCH_MAX {
            match self.asks.try_join_next() {
                Some(Ok(asked)) => self.answered(asked)?,
                Some(Err(defect)) => return Err(a_defect(&defect.to_string())),
                None => break,
            }
        }
        Ok(())
    }

    /// Lets `update` take in that something happened, and does what follows.
    pub fn happened(&mut self, msg: Msg) -> Result<(), Failure> {
        self.drawn.is_dirty = true;
        self.happened_quietly(msg)
    }

    fn happened_quietly(&mut self, msg: Msg) -> Result<(), Failure> {
        self.update(msg)?;
        self.take_own()
    }

    /// Takes in the news of this machine. They come to an end: what follows from them brings no further ones.
    fn take_own(&mut self) -> Result<(), Failure> {
        while let Some(news) = self.news.pop_front() {
            self.drawn.is_dirty = true;
            self.update(Msg::News(Box::new(news)))?;
        }
        Ok(())
    }

    fn update(&mut self, msg: Msg) -> Result<(), Failure> {
        let full = self.full();
        self.model.outgoing.set_full(full);
        self.model.can_keep = self.cache.is_some() || self.ledger.can_keep();
        for effect in update(&mut self.model, &self.keys, msg) {
            self.perform(effect)?;
        }
        Ok(())
    }

    /// Takes in news.
    pub fn take(&mut self, news: News) -> Result<(), Failure> {
        self.happened(Msg::News(Box::new(news)))
    }

    /// Says something, with the next news.
    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        let text = text.into();
        self.news.push_back(News::Said { level, text });
    }

    /// Takes in the time; a frame is due if that shows.
    fn tick(&mut self) {
        let seconds = |model: &Model| match model.link {
            // They are counted on the screen.
            LinkState::Down { retry_at } => retry_at.since_ms(model.now).div_ceil(1_000),
            _ => 0,
        };
        let before = seconds(&self.model);
        self.drawn.is_dirty |= self.model.tick(SystemClock.now());
        self.drawn.is_dirty |= seconds(&self.model) != before;
    }

    /// Whether more can be taken from the server.
    fn has_room(&self) -> bool {
        self.asks.len() < ASKS_MAX && self.cache.as_ref().is_none_or(Cache::has_room)
    }

    /// Whoever does something wants to know now whether the server is back. What comes too soon after a try brings another
    /// one as soon as there may be one: it is the last key, the one that sends, that somebody waits after.
    fn try_link(&mut self) {
        let LinkState::Down { retry_at } = &mut self.model.link else {
            return;
        };
        let now = Instant::now();
        let due = self.retried.map_or(now, |at| now.max(at + RETRY_EVERY));
        if let Some(at) = self.link.retry_by(due) {
            self.retried = Some(at);
            let wait = at.saturating_duration_since(now).as_millis();
            let wait = i64::try_from(wait).unwrap_or(i64::MAX);
            let now = self.model.now.milliseconds();
            *retry_at = TimeMs::new(now.saturating_add(wait));
        }
    }

    /// Asks something; the answer comes as news.
    pub fn ask(&mut self, question: Question) {
        let deed = question.deed().map(|deed| {
            self.last_deed += 1;
            self.deeds.insert(self.last_deed, deed);
            self.last_deed
        });
        let (era, asker) = (self.era, self.asker.clone());
        self.asks.spawn(async move {
            let answer = asker.ask(question).await;
            Asked { era, deed, answer }
        });
    }

    /// Does what ends a batch: asks for what is missing, keeps what is new, and draws.
    fn finish_batch(&mut self) -> Result<(), Failure> {
        let unsure = self.model.counts_to_ask();
        if unsure.len() > STATES_ONE_BY_ONE {
            self.ask(Question::Some(unsure));
        } else {
            for chat in unsure {
                self.perform(Effect::State(chat))?;
            }
        }
        for effect in fill(&mut self.model) {
            self.perform(effect)?;
        }
        // What is seen is looked through only where a frame is to be drawn, not while the terminal takes none.
        if self.drawn.is_dirty && self.screen.is_free() {
            for effect in previews(&mut self.model) {
                self.perform(effect)?;
            }
        }
        let slow = self.ledger.slow(Instant::now());
        self.warn(slow);
        self.take_own()?;
        self.mark()?;
        self.keep_begun();
        self.free_drafts();
        let ends = self.memory.finish(&self.model.chats);
        self.changes.extend(ends);
        let changes = std::mem::take(&mut self.changes);
        if let Some(cache) = self.cache.as_ref().filter(|_| !changes.is_empty()) {
            cache.apply(changes);
        }
        self.draw()
    }

    /// Warns, if there is something to be said.
    pub fn warn(&mut self, said: Option<String>) {
        if let Some(text) = said {
            self.say(Level::Warning, text);
        }
    }
}

/// Whether a person did something, or came back to the terminal.
const fn is_of_person(msg: &Msg) -> bool {
    matches!(
        msg,
        Msg::Key(_) | Msg::Paste(_) | Msg::Dropped { .. } | Msg::Mouse { .. } | Msg::Focused(true)
    )
}

async fn next_word(stored: &mut Option<Stored>) -> Word {
    match stored {
        Some(stored) => stored.next().await,
        None => pending().await,
    }
}

async fn sleep_until_some(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}

/// The failure of a program that has one of its own.
pub(super) fn a_defect(what: &str) -> Failure {
    Failure::other(format!(
        "a defect of this program: {what}; please report it"
    ))
}

#[cfg(test)]
#[path = "support_tests.rs"]
mod support;

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "leave_tests.rs"]
mod leave_tests;

#[cfg(test)]
#[path = "moving_tests.rs"]
mod moving_tests;

#[cfg(test)]
#[path = "flood_tests.rs"]
mod flood_tests;
