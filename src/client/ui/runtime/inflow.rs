//! What comes from the link, the cache and the questions, on its way into the model and to what is kept of it.
//!
//! Promises that nothing of another store gets into this one, however late its answer comes.

use tokio::time::Instant;

use crate::{
    client::{
        app::{
            model::StartProblem,
            transfers::{Moved, no_room},
        },
        cache::{Cache, Word},
        exit::Failure,
        net::{
            error::{ClientError, ErrorKind},
            live::LinkEvent,
            outbox::Outgoing,
        },
        translate,
        ui::{effect::Effect, model::notices::Level, news::News, translate as wire},
    },
    domain::{clock::TimeMs, ids::ClientMessageId},
    pb::{self, event::Body},
};

use super::{
    asks::{Answer, Asked},
    drafts::Behind,
    keeper, remember,
    run::{Next, Ui},
};

/// Characters of a reason that are kept.
const WHY_CHARS_MAX: usize = 1_000;

impl Ui {
    /// Takes in what the link says.
    pub(super) fn link_event(&mut self, event: LinkEvent) -> Result<(), Failure> {
        match event {
            // The event `welcome` follows, and says more.
            LinkEvent::Connected | LinkEvent::Closed => Ok(()),
            LinkEvent::Event(event) | LinkEvent::Echo(event) => self.event(event),
            LinkEvent::Sent(message, answer) => {
                self.settle(message.id);
                let (id, seq) = (message.id, answer.seq);
                self.take(News::Sent { id, seq })
            }
            LinkEvent::NotSent(message, ClientError::OtherStore) => self.strange(message),
            LinkEvent::NotSent(message, error) => {
                let news = self.not_sent(message, &error);
                self.take(news)
            }
            LinkEvent::Disconnected { retry_in, .. } => {
                let wait = i64::try_from(retry_in.as_millis()).unwrap_or(i64::MAX);
                let retry_at = self.model.now.milliseconds().saturating_add(wait);
                self.take(News::Lost {
                    retry_at: TimeMs::new(retry_at),
                })
            }
            LinkEvent::Ended(error) => {
                let why = translate::problem(&error);
                if error.kind() == ErrorKind::Auth {
                    self.login_ended(why.render_line());
                }
                self.ended = Some(Failure::from(error));
                self.take(News::Ended { why })
            }
        }
    }

    /// Goes where one comes to another login, if there is somebody to ask.
    fn login_ended(&mut self, why: String) {
        // Whoever leaves is not asked to log in.
        if self.is_over {
            return;
        }
        if self.is_logging_out || self.may_log_in {
            self.next = match self.is_logging_out {
                true => Next::LoggedOut,
                false => Next::LogIn(why),
            };
            self.is_over = true;
        }
    }

    /// Takes in whether this login was ended.
    fn logged_out(&mut self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => (self.next, self.is_over) = (Next::LoggedOut, true),
            Err(why) => {
                self.is_logging_out = false;
                self.say(Level::Warning, why);
            }
        }
    }

    /// A message is on the server, or is dropped.
    pub(super) fn settle(&mut self, id: ClientMessageId) {
        self.ledger.settle(id);
        self.carrier.settled(id);
    }

    /// Takes in what a transfer brought. Files whose message finds no room are gone on with by the same command.
    pub(super) fn moved(&mut self, number: u32, moved: Moved) -> Result<(), Failure> {
        let message = match &moved {
            Moved::Uploaded(uploaded) => Some(uploaded.id),
            _ => None,
        };
        let moved = match (self.full(), message) {
            (Some(full), Some(_)) => Moved::Failed(no_room(&full)),
            _ => moved,
        };
        self.take(News::Moved { number, moved })?;
        if let Some(id) = message
            && self.model.outgoing.get(id).is_none()
        {
            self.carrier.let_go(id);
        }
        Ok(())
    }

    /// Takes in what the disk says of what was handed to it.
    pub(super) fn kept(&mut self, word: keeper::Word) {
        if let keeper::Word::Kept(id) = word {
            self.carrier.settled(id);
        }
        let (message, said) = self.ledger.word(word);
        self.warn(said);
        if let Some(message) = message {
            self.link.send_again(message);
        }
    }

    /// A message was refused: it stays where it is kept, until somebody says what is to become of it.
    pub(super) fn not_sent(&mut self, message: Outgoing, error: &ClientError) -> News {
        let (id, why) = (message.id, translate::problem(error).cut(WHY_CHARS_MAX));
        // The login may not, or no longer: another can.
        if error.kind() == ErrorKind::Auth || error.reason() == "SCOPE_MISSING" {
            self.ledger.hold(&message);
            return News::Held { id, why };
        }
        let is_shown = self.model.outgoing.get(id).is_some();
        self.ledger.refuse(message, &why.render_line(), is_shown);
        News::NotSent { id, why }
    }

    /// A message is none in the store that the server has: what it holds, or where it goes, is not there, however often it is
    /// tried.
    fn strange(&mut self, message: Outgoing) -> Result<(), Failure> {
        let (id, text) = (message.id, message.text);
        let why = translate::problem(&ClientError::OtherStore);
        self.take(News::Strange { id, text, why })?;
        self.keep_given_back();
        self.settle(id);
        Ok(())
    }

    /// What messages said that are nothing any more is written as what was begun before they go, and until the cache has it.
    fn keep_given_back(&mut self) {
        self.drafts.hurry(Instant::now());
        self.ledger.keep_texts(self.model.begun());
        self.moves_begun = self.cache.is_some();
    }

    fn event(&mut self, event: pb::Event) -> Result<(), Failure> {
        self.changes.extend(self.memory.event(&event));
        if !event.cursor.is_empty() {
            self.drawn.cursor = Some(event.cursor.clone());
        }
        let is_reset = matches!(event.body, Some(Body::Reset(_)));
        if is_reset {
            self.era += 1;
            // Drafts of the old store are none here: what was being written comes with what was begun.
            self.behind = Behind::default();
            (self.drawn.cursor, self.drawn.on_the_way) = (None, None);
        }
        let my_id = self.memory.my_id();
        if let Some(news) = wire::event(event, &self.model.me, my_id) {
            self.take(news)?;
        }
        if is_reset {
            self.keep_given_back();
            for id in self.ledger.reset() {
                self.carrier.settled(id);
            }
        }
        Ok(())
    }

    /// Takes in what the cache says.
    pub(super) fn word(&mut self, word: Word) -> Result<(), Failure> {
        match word {
            Word::Stored(cursor) => {
                // What is stored may be of before what was begun moved.
                let is_all = self.cache.as_ref().is_some_and(Cache::is_idle)
                    && self.changes.is_empty()
                    && !self.drafts.is_hurried();
                if self.moves_begun && is_all {
                    self.moves_begun = false;
                    self.ledger.keep_texts(Vec::new());
                }
                if let Some(cursor) = cursor {
                    self.link.acknowledge(cursor);
                }
                Ok(())
            }
            Word::Ended(error) => {
                let cache = (self.cache.take(), self.stored.take());
                // The journal keeps what it has.
                self.moves_begun = false;
                // It may be the last one that has it: closing is nothing to wait for here.
                let era = self.era;
                self.asks.spawn_blocking(move || {
                    drop(cache);
                    let answer = Answer::default();
                    Asked {
                        era,
                        deed: None,
                        answer,
                    }
                });
                let (level, text) = (Level::Warning, error.to_string());
                self.take(News::Said { level, text })
            }
        }
    }

    /// Takes in an answer.
    pub(super) fn answered(&mut self, asked: Asked) -> Result<(), Failure> {
        let Asked { era, deed, answer } = asked;
        if let Some(deed) = deed {
            self.deeds.remove(&deed);
        }
        let is_all = |news: &News| matches!(news, News::States { .. });
        if answer.news.iter().any(is_all) {
            let (_, again) = std::mem::take(&mut self.states);
            if again {
                // Nobody waits for this one any more.
                return self.perform(Effect::States);
            }
        }
        let learned = answer.learned;
        if let Some(outcome) = learned.logged_out {
            self.logged_out(outcome);
        }
        if era == self.era {
            if let Some(users) = learned.blocked {
                self.changes.push(remember::blocked(&users));
            }
            self.changes.extend(self.memory.states(&learned.states));
            if let Some((chat, messages)) = &learned.messages {
                self.changes
                    .extend(self.memory.page(chat.as_str(), messages));
            }
            if let Some((chat, markers)) = &learned.markers {
                let markers = self.memory.markers(chat.as_str(), markers);
                self.changes.extend(markers);
            }
        }
        let has_states = era == self.era && !learned.states.is_empty();
        for news in answer.news {
            let news = if era == self.era { news } else { void(news) };
            self.take(news)?;
        }
        if has_states {
            let gone = self.memory.forget_gone(&self.model.chats);
            self.changes.extend(gone);
        }
        Ok(())
    }
}

/// What was asked of another store is not known.
fn void(news: News) -> News {
    let why = || "the server has another store now; try again".into();
    match news {
        News::States { .. } => News::States {
            states: Err(why()),
            blocked: None,
        },
        News::State { chat, .. } => News::StateFailed { chat },
        News::Page { chat, ask, .. } => News::Page {
            chat,
            ask,
            page: Err(why()),
        },
        News::Members { chat, .. } => News::Members {
            chat,
            members: Err(why()),
        },
        News::Markers { chat, .. } => News::Markers {
            chat,
            markers: Err(why()),
        },
        // A room of another store is none here, and what was done there is not.
        News::Started { wanted, .. } => News::Started {
            wanted,
            outcome: Err(StartProblem::Other(why())),
        },
        News::Acted { act, .. } => News::Acted {
            act,
            outcome: Err(why()),
        },
        other => other,
    }
}
