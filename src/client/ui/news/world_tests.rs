//! The client with everything around it that `update` does not see: the stream, the questions and their answers, which come
//! when they will, what is on its way to the server, keys, and the server.

use std::collections::{BTreeMap, VecDeque};

use super::{
    Deed, Step,
    server::{ME, OTHERS, Server},
};
use crate::{
    client::{
        app::{line::Zone, room::Place},
        ui::{
            effect::Effect,
            keymap::{Chord, Keymap},
            model::{
                LinkState, Model,
                chat::{Chat, ChatId},
                outgoing::Outgoing,
                window::Ask,
            },
            news::{ChatState, FirstPaint, News},
            translate,
            update::{self, Msg},
        },
    },
    domain::{clock::TimeMs, ids::ClientMessageId, name::UserName},
    pb::{self, event::Body},
};

use asks::Question;

#[path = "world_asks_tests.rs"]
mod asks;
#[path = "world_checks_tests.rs"]
mod checks;

/// What is typed and entered.
const LINES: [&str; 20] = [
    "hello",
    "y",
    "/leave",
    "/unread",
    "/mute",
    "/topic all",
    "/join #random",
    "/join #ops",
    "/start bob",
    "/start #ops",
    "/block bob",
    "/unblock bob",
    "/members",
    "/stop",
    "/reply 1 yes",
    "/edit 1 other",
    "/delete 1",
    "/react 1 👍",
    "/unreact 1 👍",
    "/search x",
];

/// Which store the server has that a stream is opened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// The one that it had.
    Same,
    /// The same, but it begins anew with what it tells.
    Anew,
    /// Another one.
    Another,
}

/// See the head of the file.
pub struct World {
    server: Server,
    model: Model,
    keys: Keymap,
    chords: Vec<Chord>,
    /// What is under way on the stream; `None`: there is none.
    stream: Option<VecDeque<pb::Event>>,
    /// The store of which something was told last.
    heard: Option<u32>,
    /// The cursors of what was taken in, each with the store that it is of.
    cursors: Vec<(u32, u64)>,
    questions: Vec<(u32, Question)>,
    answers: Vec<(u32, News)>,
    /// Messages that were typed and are not answered.
    wire: Vec<Outgoing>,
    replies: Vec<(ClientMessageId, u64)>,
    marks: BTreeMap<ChatId, u64>,
    /// Which store the client knows of, counted from 0.
    era: u32,
    /// In which era each message was typed.
    typed: BTreeMap<ClientMessageId, u32>,
}

impl World {
    pub fn new() -> Self {
        let zone = Zone::Fixed(chrono::FixedOffset::east_opt(0).unwrap());
        let keys = Keymap::default();
        let help = keys.help();
        let names = help.iter().flat_map(|section| &section.rows);
        let names = names.flat_map(|row| row.keys.iter());
        let chords = names.filter_map(|name| Chord::parse(name).ok()).collect();
        let mut world = Self {
            server: Server::new(0),
            model: Model::new(me(), zone, TimeMs::new(0)),
            keys,
            chords,
            stream: None,
            heard: None,
            cursors: Vec::new(),
            questions: Vec::new(),
            answers: Vec::new(),
            wire: Vec::new(),
            replies: Vec::new(),
            marks: BTreeMap::new(),
            era: 0,
            typed: BTreeMap::new(),
        };
        world.mint();
        world
    }

    /// An earlier program has kept what it knew; the stream resumes from there.
    pub fn paint(&mut self, place: usize) {
        let mut states = self.server.states();
        for state in &mut states {
            state.last_message = None;
        }
        let front = self.server.places[place].id.clone();
        let position = super::server::Position::Newest;
        let page = self.server.places[place].page(position, asks::PAGE);
        let page = page.map(|(messages, ..)| translate::page(Ask::Newest, messages, None));
        let paint = FirstPaint {
            states: states.into_iter().map(state).collect(),
            front: page.map(|page| (ChatId::from(front.as_str()), page)),
            drafts: Vec::new(),
            written: Vec::new(),
            blocked: crate::client::translate::blocked(self.server.blocked_users()),
        };
        self.cursors.push((self.server.store, self.server.end));
        self.take(News::FirstPaint(Box::new(paint)));
    }

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Server(deed) => self.deed(deed),
            Step::Deliver(count) => (0..count).for_each(|_| {
                self.deliver();
            }),
            Step::Snapshot(index) => self.snapshot(index),
            Step::Answer(index) if !self.answers.is_empty() => {
                let (era, news) = self.answers.remove(index % self.answers.len());
                self.answered(era, news);
            }
            Step::Fail(index) if !self.questions.is_empty() => {
                let (era, question) = self.questions.remove(index % self.questions.len());
                self.answered(era, asks::failed(question));
            }
            Step::Disconnect => self.disconnect(),
            Step::Connect {
                back,
                backlog,
                store,
            } => self.connect(back, backlog, store),
            Step::Open(place) => {
                let id = self.id(place);
                let effects = update::open(&mut self.model, id);
                self.perform(effects);
            }
            Step::Scroll(seq) => {
                if let Some(front) = self.model.chats.front_mut() {
                    front.scroll_to(seq.max(1), 0);
                }
            }
            Step::Page { place, kind, seq } => {
                let ask = match kind {
                    0 => Ask::Newest,
                    1 => Ask::Before(seq),
                    2 => Ask::After(seq),
                    _ => Ask::Around(seq),
                };
                let id = self.id(place);
                if self.model.chats.get(&id).is_some() {
                    self.ask_page(id, ask);
                }
            }
            Step::Fill => self.fill(),
            Step::Key(index) => {
                let chord = self.chords[index % self.chords.len()];
                self.happened(Msg::Key(chord));
            }
            Step::Line(index) => {
                let line = LINES[index % LINES.len()];
                let is_empty = |chat: &Chat| chat.counts().last_seq == 0;
                if line.starts_with("/reply") && self.model.chats.front().is_none_or(is_empty) {
                    // It would be a number that stands nowhere, and the line goes along to what is opened next.
                    return;
                }
                for c in line.chars() {
                    let code = crossterm::event::KeyCode::Char(c);
                    let event = crossterm::event::KeyEvent::from(code);
                    let chord = Chord::from_event(&event).unwrap();
                    self.happened(Msg::Key(chord));
                }
                self.happened(Msg::Key(Chord::parse("enter").unwrap()));
            }
            Step::Type(place) => {
                self.step(Step::Open(place));
                self.step(Step::Line(0));
            }
            Step::Resize(columns, rows) => self.happened(Msg::Resized(columns, rows)),
            Step::Focus(is_focused) => self.happened(Msg::Focused(is_focused)),
            Step::Wait(seconds) => self.wait(seconds),
            Step::TakeSend(index) => self.take_send(index),
            Step::Sent(index) if !self.replies.is_empty() => {
                let index = index % self.replies.len();
                let (id, seq) = self.replies.remove(index);
                self.sent(id, seq);
            }
            Step::Mark => self.mark(),
            Step::TakeMark => self.take_mark(),
            Step::Answer(_) | Step::Fail(_) | Step::Sent(_) => {}
        }
        self.ask_counts();
    }

    fn ask_counts(&mut self) {
        let unsure = self.model.counts_to_ask();
        self.perform(unsure.into_iter().map(Effect::State).collect());
    }

    /// A name for the next message.
    fn mint(&mut self) {
        let mut bytes = [7; 16];
        bytes[..8].copy_from_slice(&self.typed.len().to_be_bytes());
        self.model.fresh_id = ClientMessageId::from_bytes(bytes);
    }

    fn wait(&mut self, seconds: i64) {
        let now = self.model.now.milliseconds() + seconds * 1_000;
        self.happened(Msg::Tick(TimeMs::new(now)));
    }

    fn id(&self, place: usize) -> ChatId {
        self.server.places[place].id.as_str().into()
    }

    fn deed(&mut self, deed: Deed) {
        let server = &mut self.server;
        let who = |by: usize| OTHERS.get(by).copied().unwrap_or(ME);
        match deed {
            Deed::Say { place, by, calls } => {
                server.say(place, who(by), calls);
            }
            Deed::Change {
                place,
                number,
                calls,
            } => server.change(place, number, calls),
            Deed::React {
                place,
                number,
                by,
                emoji,
            } => {
                server.react(place, number, who(by), emoji);
            }
            Deed::Read { place, number } => server.read(place, number as u64 + 1),
            Deed::Setting { place, aside } => server.toggle_setting(place, aside),
            Deed::Block(other) => server.toggle_block(other),
            Deed::Rename { place, topic } => server.rename(place, topic),
            Deed::Toggle { place, other } => server.toggle(place, other),
            Deed::Role(place) => server.set_role(place),
            Deed::Join(place) => server.join(place),
            Deed::Leave(place) => server.leave(place),
        }
        self.hear();
    }

    /// What was committed goes on to the stream.
    fn hear(&mut self) {
        let live = self.server.take_live();
        if let Some(stream) = &mut self.stream {
            stream.extend(live);
        }
    }

    fn deliver(&mut self) -> bool {
        let Some(event) = self.stream.as_mut().and_then(VecDeque::pop_front) else {
            return false;
        };
        self.heard = Some(self.server.store);
        if let Ok(cursor) = event.cursor.parse() {
            self.cursors.push((self.server.store, cursor));
        }
        if matches!(event.body, Some(Body::Reset(_))) {
            self.era += 1;
            self.cursors.clear();
            self.marks.clear();
            // As the link does it.
            self.wire.iter_mut().for_each(|it| it.reply_to = None);
        }
        let my_id = self.model.my_id.clone();
        if let Some(news) = translate::event(event, &me(), my_id.as_deref()) {
            self.take(news);
        }
        true
    }

    fn take(&mut self, news: News) {
        self.happened(Msg::News(Box::new(news)));
    }

    fn happened(&mut self, msg: Msg) {
        let effects = update::update(&mut self.model, &self.keys, msg);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(message) => self.send(message),
                Effect::MarkRead { chat, seq } => {
                    let mark = self.marks.entry(chat).or_default();
                    *mark = seq.max(*mark);
                }
                Effect::KeepUnread(chat) => {
                    self.marks.remove(&chat);
                }
                other => {
                    let question = Question::of(other);
                    self.questions.extend(question.map(|it| (self.era, it)));
                }
            }
        }
    }

    fn send(&mut self, message: Outgoing) {
        let typed = *self.typed.entry(message.id).or_insert(self.era);
        let is_answer = message.reply_to.is_some();
        assert!(!is_answer || typed == self.era, "it answers another one");
        if message.id == self.model.fresh_id {
            self.mint();
        }
        self.wire.push(message);
    }

    fn disconnect(&mut self) {
        if self.stream.take().is_some() {
            self.replies.clear();
            self.take(News::Lost {
                retry_at: TimeMs::new(0),
            });
        }
    }

    fn connect(&mut self, back: usize, backlog: u64, store: Store) {
        if self.stream.is_some() {
            return;
        }
        if store == Store::Another {
            self.server = Server::new(self.server.store + 1);
        }
        let at = self.cursors.len().checked_sub(1 + back);
        let after = at.and_then(|at| self.cursors.get(at)).copied();
        // What the store of now does not know it begins anew.
        let after = after.filter(|(of, _)| *of == self.server.store && store == Store::Same);
        let after = after.map(|(_, cursor)| cursor);
        // Another store has other ids, so that what is left of a stream that broke off before its first cursor is dropped
        // as what is not there. Here the ids are the same, so it is said.
        let is_other = self.heard.is_some_and(|store| store != self.server.store);
        let is_known = !self.cursors.is_empty();
        let reset = store != Store::Same || is_other || after.is_none() && is_known;
        let stream = self.server.replay(after, backlog, reset);
        self.server.take_live();
        self.stream = Some(stream.into());
    }

    fn fill(&mut self) {
        let effects = update::fill(&mut self.model);
        self.perform(effects);
    }

    fn ask_page(&mut self, id: ChatId, ask: Ask) {
        if self.model.ask_page(&id, ask) {
            self.questions.push((self.era, Question::Page(id, ask)));
        }
    }

    /// Which place of the server is meant.
    fn place_of(&self, to: &Place) -> Option<usize> {
        let is_it = |it: &super::server::Place| match (to, it.kind) {
            (Place::User(name), pb::ConversationKind::Direct) => it.name == name.as_str(),
            (Place::Channel(name), pb::ConversationKind::Channel) => it.name == name.as_str(),
            (Place::Group(id), pb::ConversationKind::Group) => it.id == *id,
            _ => false,
        };
        self.server.places.iter().position(is_it)
    }

    fn take_send(&mut self, index: usize) {
        if self.wire.is_empty() || self.stream.is_none() {
            return;
        }
        let message = self.wire[index % self.wire.len()].clone();
        let is_up = self.model.link == LinkState::Up;
        if message.reply_to.is_some() && !is_up {
            return;
        }
        let id = message.id;
        // What is there already is found by its name, whatever its place is called by now.
        let name = id.to_string();
        let there = self.server.place_that_has(&name);
        let place = there.or_else(|| self.place_of(&message.to));
        let reply_to = message.reply_to.unwrap_or_default();
        let said = place.and_then(|it| self.server.send(it, &name, reply_to));
        match said {
            Some(seq) if !self.replies.contains(&(id, seq)) => self.replies.push((id, seq)),
            Some(_) => {}
            None => {
                self.wire.retain(|it| it.id != id);
                let why = "not a member".into();
                self.take(News::NotSent { id, why });
            }
        }
        self.hear();
    }

    fn sent(&mut self, id: ClientMessageId, seq: u64) {
        self.wire.retain(|it| it.id != id);
        self.take(News::Sent { id, seq });
    }

    fn mark(&mut self) {
        let Some((chat, seq)) = self.model.to_mark() else {
            return;
        };
        if let Some(it) = self.model.chats.get_mut(&chat) {
            it.read_to(seq);
        }
        self.perform(vec![Effect::MarkRead { chat, seq }]);
    }

    fn take_mark(&mut self) {
        if self.model.link != LinkState::Up || self.stream.is_none() {
            return;
        }
        if let Some((chat, seq)) = self.marks.pop_first() {
            let at = self
                .server
                .places
                .iter()
                .position(|it| it.id == chat.as_str());
            self.server.read(at.unwrap(), seq);
            self.hear();
        }
    }

    /// All that is under way comes to its end.
    pub fn settle(&mut self) {
        for round in 0..200 {
            self.connect(0, 0, Store::Same);
            while self.deliver() {}
            // What the server could not tell is asked for again.
            self.wait(60);
            self.fill();
            self.ask_counts();
            (0..self.questions.len()).for_each(|_| self.snapshot(0));
            while !self.answers.is_empty() {
                let (era, news) = self.answers.remove(0);
                self.answered(era, news);
            }
            (0..self.wire.len()).for_each(|at| self.take_send(at));
            while let Some((id, seq)) = self.replies.pop() {
                self.sent(id, seq);
            }
            (0..self.marks.len()).for_each(|_| self.take_mark());
            let is_quiet = self.questions.is_empty()
                && self.stream.as_ref().is_some_and(VecDeque::is_empty)
                && self.wire.is_empty();
            if is_quiet && round > 3 {
                return;
            }
        }
        panic!("it does not come to rest: {:?}", self.questions);
    }
}

fn me() -> UserName {
    ME.parse().unwrap()
}

fn state(conversation: pb::Conversation) -> ChatState {
    translate::state(conversation, &me())
}

/// The number of a message as `Server` counts them.
fn at(seq: u64) -> usize {
    usize::try_from(seq).unwrap() - 1
}
