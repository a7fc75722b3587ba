//! The loop of the terminal UI: takes in what comes from the terminal, the link, the cache and the questions, lets `update`
//! decide, does what follows, and draws.
//!
//! Promises:
//! 1. Nothing here waits: for the disk, the server or the terminal. While the terminal stands still frames are left out.
//! 2. Without anything to do there is no timer.
//! 3. A cursor is acknowledged once what it stands for is in the cache; where there is no cache, once it was on the screen.
//! 4. What is typed is on this machine's disk before it goes to the server.
//!
//! Decides nothing of what is shown.

use std::{collections::VecDeque, future::pending, io};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    client::{
        cache::{Cache, Change, Stored, Word},
        exit::Failure,
        journal::Journal,
        net::live::{Link, LinkEvent},
        signal::Interrupts,
        ui::{
            effect::Effect,
            keymap::Keymap,
            model::{LinkState, Model, notices::Level},
            news::News,
            theme::Theme,
            update::{Msg, fill, update},
        },
    },
    domain::{
        clock::{Clock, SystemClock},
        ids::ClientMessageId,
    },
};

use super::{
    asks::{Answer, Asker, Question},
    drafts::Drafts,
    frames::Drawn,
    keys::Input,
    notice::{Bell, Way},
    remember::Memory,
    screen::Screen,
    terminal,
};

/// Inputs and events that are taken in before a frame is drawn.
const BATCH_MAX: usize = 256;
/// Conversations whose states are asked for one by one; of more, all are got at once.
const STATES_ONE_BY_ONE: usize = 8;

/// See the head of the file.
pub(super) struct Ui {
    pub model: Model,
    pub keys: Keymap,
    pub theme: Theme,
    pub notify: Way,
    pub has_title: bool,
    pub link: Link,
    pub asker: Asker,
    pub asks: JoinSet<(u64, Answer)>,
    pub memory: Memory,
    /// What is to be kept of this batch.
    pub changes: Vec<Change>,
    /// Without one, or none any more, that was said.
    pub cache: Option<Cache>,
    pub stored: Option<Stored>,
    /// Without one, messages live in memory alone, and that was said.
    pub journal: Option<Journal>,
    pub screen: Screen,
    pub bell: Bell,
    /// News of this machine that wait for their turn.
    pub news: VecDeque<News>,
    /// Which store the server has, counted from 0: what was asked of an older one says nothing of this.
    pub era: u64,
    /// Messages that this login may not send, which stay kept for another.
    pub held: usize,
    /// Why the link is over.
    pub ended: Option<Failure>,
    /// The program is to end.
    pub is_over: bool,
    /// The program is stopped, or about to be.
    pub is_stopped: bool,
    pub drawn: Drawn,
    pub drafts: Drafts,
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

    async fn next(&mut self) -> Step {
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
enum Step {
    Input(Option<Input>),
    Link(LinkEvent),
    Word(Word),
    Answer(u64, Answer),
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
    pub memory: Memory,
    pub cache: Option<Cache>,
    pub journal: Option<Journal>,
    pub screen: Screen,
}

impl Ui {
    pub fn new(parts: Parts) -> Self {
        let stored = parts.cache.as_ref().map(Cache::stored);
        Self {
            model: parts.model,
            keys: parts.settings.keys,
            theme: parts.settings.theme,
            notify: parts.settings.notify,
            has_title: parts.settings.has_title,
            link: parts.link,
            asker: parts.asker,
            asks: JoinSet::new(),
            memory: parts.memory,
            changes: Vec::new(),
            cache: parts.cache,
            stored,
            journal: parts.journal,
            screen: parts.screen,
            bell: Bell::default(),
            news: VecDeque::new(),
            era: 0,
            held: 0,
            ended: None,
            is_over: false,
            is_stopped: false,
            drawn: Drawn::new(),
            drafts: Drafts::default(),
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
            let has_room = self.cache.as_ref().is_none_or(Cache::has_room);
            let wake = self.wake_at();
            let step = tokio::select! {
                input = inputs.recv() => Step::Input(input),
                event = self.link.next(), if has_room => Step::Link(event),
                word = next_word(&mut self.stored) => Step::Word(word),
                Some(answer) = self.asks.join_next() => match answer {
                    Ok((era, answer)) => Step::Answer(era, answer),
                    Err(defect) => return Err(a_defect(&defect.to_string())),
                },
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
            Step::Input(Some(Input::Msg(msg))) => self.happened(msg),
            Step::Input(None | Some(Input::Gone)) => {
                self.is_over = true;
                Ok(())
            }
            Step::Link(event) => self.link_event(event),
            Step::Word(word) => self.word(word),
            Step::Answer(era, answer) => self.answered(era, answer),
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
            let Some(event) = self.link.take_ready() else {
                break;
            };
            self.link_event(event)?;
        }
        for _ in 0..BATCH_MAX {
            match self.asks.try_join_next() {
                Some(Ok((era, answer))) => self.answered(era, answer)?,
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

    /// Asks something; the answer comes as news.
    pub fn ask(&mut self, question: Question) {
        let (era, asker) = (self.era, self.asker.clone());
        self.asks
            .spawn(async move { (era, asker.ask(question).await) });
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
        self.take_own()?;
        self.mark()?;
        let draft = self.drafts.look(&self.model, Instant::now());
        self.changes.extend(draft);
        let ends = self.memory.finish(&self.model.chats);
        self.changes.extend(ends);
        let changes = std::mem::take(&mut self.changes);
        if let Some(cache) = self.cache.as_ref().filter(|_| !changes.is_empty()) {
            cache.apply(changes);
        }
        self.draw()
    }

    pub fn settle(&mut self, id: ClientMessageId) {
        self.keep(|journal| journal.settled(id));
    }

    /// Does something to the journal. One that fails is given up, and that is said.
    pub fn keep(&mut self, act: impl FnOnce(&mut Journal) -> io::Result<()>) {
        let Some(journal) = &mut self.journal else {
            return;
        };
        if let Err(error) = act(journal) {
            self.journal = None;
            self.say(Level::Warning, not_kept(&error));
        }
    }
}

/// What is said of messages that live in memory alone.
pub(super) fn not_kept(problem: &impl std::fmt::Display) -> String {
    format!(
        "messages cannot be kept on this machine: {problem}; what is not sent when this ends is lost"
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

fn a_defect(what: &str) -> Failure {
    Failure::other(format!(
        "a defect of this program: {what}; please report it"
    ))
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
