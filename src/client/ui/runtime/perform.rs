//! What the terminal UI wants to be done, done. Each effect once, in the order in which they come; none of them waits.

use tokio::{task::JoinSet, time::Instant};

use crate::{
    client::{
        app::room::Place,
        cache::Change,
        exit::Failure,
        net::outbox::{self, OUTBOX_MESSAGES_MAX, StoreId, Target},
        ui::{
            effect::Effect,
            model::{
                chat::ChatId,
                notices::Level,
                outgoing::{Full, Outgoing},
            },
            news::News,
            translate as wire,
        },
    },
    domain::ids::ClientMessageId,
};

use super::{
    asks::{Answer, Asked, Question},
    clipboard,
    open::{open, openable, opener_here},
    run::{Next, Ui},
    terminal,
};

impl Ui {
    /// Does what is wanted.
    pub(super) fn perform(&mut self, effect: Effect) -> Result<(), Failure> {
        match effect {
            Effect::Send(message) => self.send(&message),
            Effect::Drop(id) => self.settle(id),
            Effect::Start(wanted) => self.ask(Question::Start(wanted)),
            Effect::Act(act) => self.ask(Question::Act(Box::new(act))),
            Effect::Users => self.ask(Question::Users),
            Effect::Time => self.ask(Question::Time),
            Effect::States => self.ask_for_all(),
            Effect::State(chat) => self.ask(Question::State(chat)),
            Effect::Page { chat, ask, count } => {
                let cache = self.cache.clone();
                self.ask(Question::Page {
                    cache,
                    chat,
                    ask,
                    count,
                });
            }
            Effect::Find { chat, at } => self.ask(Question::Find(chat, at)),
            Effect::Members(chat) => self.members(chat),
            Effect::Markers(chat) => self.ask(Question::Markers(chat)),
            Effect::Move { number, job } => self.carrier.begin(number, job),
            Effect::Steer(number, steer) => self.carrier.steer(number, steer),
            Effect::Preview(want) => {
                let session = self.asker.session().clone();
                self.fetcher.begin(session, want);
            }
            Effect::Password(wish) => self.ask(Question::Password(wish)),
            Effect::Search { number, search } => self.ask(Question::Search(number, search)),
            Effect::MarkRead { chat, seq } => {
                self.link.mark_read(chat.as_str(), seq);
                self.memory.touch(chat.as_str());
            }
            Effect::KeepUnread(chat) => self.link.keep_unread(chat.as_str()),
            Effect::Typing { chat, is_typing } => self.link.set_typing(chat.as_str(), is_typing),
            Effect::StayAs(presence) => self.ask(Question::StayAs(presence)),
            Effect::KeepDraft { chat, text } => self.keep_draft((chat, text)),
            Effect::KeepLine { chat, text } => {
                let conversation = chat.as_str().to_owned();
                self.changes.push(Change::SentLine { conversation, text });
            }
            Effect::Front(chat) => self.front(chat),
            Effect::Copy(text) => return self.copy(&text),
            Effect::Open(link) => return self.open(&link),
            Effect::OpenFile(file, seq) => self.open_file(*file, seq),
            Effect::Ring => {
                let codes = self.bell.ring(Instant::now());
                return self.codes(codes).map(|_| ());
            }
            Effect::Notify { title, body } => {
                if !self.bell.may_notify(Instant::now()) {
                    return Ok(());
                }
                let codes = self.notify.codes(&title, &body);
                return self.codes(&codes).map(|_| ());
            }
            Effect::Redraw => return self.redraw().map_err(|error| Failure::output(&error)),
            Effect::Suspend => return self.suspend(),
            Effect::Accounts if self.may_log_in => {
                (self.next, self.is_over) = (Next::Another, true);
            }
            Effect::Accounts => self.say(
                Level::Warning,
                "not done: this program was started for one login; start it without TINYCHAT_TOKEN, --password-file and \
                 --no-input",
            ),
            Effect::LogOut => {
                self.is_logging_out = true;
                self.ask(Question::LogOut);
            }
            Effect::Quit => self.is_over = true,
        }
        Ok(())
    }

    /// Keeps a message; once that is done it goes to the link.
    fn send(&mut self, message: &Outgoing) {
        if message.id == self.model.fresh_id {
            self.model.fresh_id = ClientMessageId::mint();
        }
        // What was refused, and an earlier program left, may be of a store before this one.
        let kept = self.ledger.store_of(message.id);
        let store = kept.or(self.link.store()).cloned();
        let message = on_the_wire(message, store);
        // What is written is not taken then; but what is tried again may come here.
        if let Some(full) = self.full() {
            let (id, why) = (message.id, full.to_string());
            self.ledger.refuse(message, &why, true);
            let why = why.into();
            self.news.push_back(News::NotSent { id, why });
            return;
        }
        if let Some(message) = self.ledger.add(message, Instant::now()) {
            self.link.send_again(message);
        }
    }

    /// Why no further message can be taken, if that is so.
    pub(super) fn full(&self) -> Option<Full> {
        let waiting = self.link.unsent() + self.ledger.waiting();
        match self.ledger.has_room() {
            true => (waiting >= OUTBOX_MESSAGES_MAX).then_some(Full::Messages),
            false => Some(Full::Bytes),
        }
    }

    /// Asks for the states of all. Of these answers, which may be large, there is one at a time: one that is wanted while
    /// another is under way is asked for after that, which nobody waits for any more then.
    fn ask_for_all(&mut self) {
        let (is_asked, is_wanted) = &mut self.states;
        if std::mem::replace(is_asked, true) {
            *is_wanted = true;
        } else {
            self.ask(Question::States);
        }
    }

    fn members(&mut self, chat: ChatId) {
        let Some(members) = self.memory.direct_members(&chat) else {
            return self.ask(Question::Members(chat));
        };
        let members = Ok(members.iter().map(wire::direct_member).collect());
        self.news.push_back(News::Members { chat, members });
    }

    fn front(&mut self, chat: Option<ChatId>) {
        let conversation = chat.as_ref().map(|chat| chat.as_str().to_owned());
        self.changes.push(Change::Front(conversation));
        if let (Some(chat), Some(cache)) = (chat, self.cache.clone()) {
            self.ask(Question::Kept(cache, chat));
        }
    }

    fn copy(&mut self, text: &str) -> Result<(), Failure> {
        let codes = match clipboard::copy(text) {
            Ok(codes) => codes,
            Err(error) => {
                self.say(Level::Warning, error.to_string());
                return Ok(());
            }
        };
        if !self.codes(&codes)? {
            self.say(Level::Warning, "not copied: the terminal stands still");
        }
        Ok(())
    }

    /// Opens a link, or puts it where it can be pasted from.
    fn open(&mut self, link: &str) -> Result<(), Failure> {
        let Some(link) = openable(link) else {
            self.say(
                Level::Warning,
                "not opened: only links to the web and to mailboxes are; copy it, and look at it closely",
            );
            return Ok(());
        };
        let Some(program) = opener_here() else {
            return self.copy_instead(link, "there is no screen to open it on");
        };
        match open(program, link) {
            Ok(child) => {
                wait_for(&mut self.asks, self.era, (program, child));
                Ok(())
            }
            Err(error) => self.copy_instead(link, &format!("{program}: {error}")),
        }
    }

    fn copy_instead(&mut self, link: &str, why: &str) -> Result<(), Failure> {
        self.copy(link)?;
        self.say(
            Level::Info,
            format!("not opened ({why}); the link is in the clipboard"),
        );
        Ok(())
    }

    fn suspend(&mut self) -> Result<(), Failure> {
        if !terminal::can_stop() {
            self.say(
                Level::Warning,
                "not stopped: no shell would bring this program back",
            );
            return Ok(());
        }
        self.is_stopped = true;
        terminal::leave();
        // A frame that was on its way may have been cut: what it shows is shown by the next one.
        if let Some((_, cursor)) = self.drawn.on_the_way.take() {
            self.drawn.cursor.get_or_insert(cursor);
        }
        terminal::stop()
            .map_err(|error| Failure::other(format!("cannot stop this program: {error}")))
    }

    fn codes(&mut self, codes: &str) -> Result<bool, Failure> {
        if codes.is_empty() {
            return Ok(true);
        }
        let handed = self.screen.codes(codes);
        handed.map_err(|error| Failure::output(&error))
    }
}

/// Waits, beside everything else, for a program that opens a link, to say it if it could not.
fn wait_for(
    asks: &mut JoinSet<Asked>,
    era: u64,
    (program, mut child): (&'static str, std::process::Child),
) {
    asks.spawn_blocking(move || {
        let text = match child.wait() {
            Ok(status) if status.success() => None,
            Ok(_) => Some(format!(
                "{program} could not open the link; copy it instead"
            )),
            Err(error) => Some(format!("{program}: {error}; copy the link instead")),
        };
        let level = Level::Warning;
        let said = text.map(|text| News::Said { level, text });
        let answer = said.map_or_else(Answer::default, Answer::from);
        Asked {
            era,
            deed: None,
            answer,
        }
    });
}

/// Returns a message as the link sends it, of a store.
pub(super) fn on_the_wire(message: &Outgoing, store: Option<StoreId>) -> outbox::Outgoing {
    let place = match &message.to {
        Place::User(name) => Target::User(name.to_string()),
        Place::Channel(name) => Target::Channel(name.to_string()),
        Place::Group(id) => Target::Conversation(id.clone()),
    };
    outbox::Outgoing {
        id: message.id,
        target: match message.reply_to {
            Some(seq) => place.replying_to(seq),
            None => place,
        },
        text: message.text.as_str().to_owned(),
        attachments: message.attachments.clone(),
        store,
    }
}
