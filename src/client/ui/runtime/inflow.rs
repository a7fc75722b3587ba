//! What comes from the link, the cache and the questions, on its way into the model and to what is kept of it.
//!
//! Promises that nothing of another store gets into this one, however late its answer comes.

use crate::{
    client::{
        cache::{Change, Word},
        exit::Failure,
        journal::Journal,
        net::{
            error::{ClientError, ErrorKind},
            live::LinkEvent,
        },
        translate,
        ui::{model::notices::Level, news::News, translate as wire},
    },
    domain::clock::TimeMs,
    pb::{self, event::Body},
};

use super::{asks::Answer, run::Ui};

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
            // The login may not, or no longer: another can. It stays where it is kept.
            LinkEvent::NotSent(message, error) if self.is_held(&error) => {
                let (id, why) = (message.id, translate::problem(&error));
                self.take(News::Held { id, why })
            }
            LinkEvent::NotSent(message, error) => {
                self.settle(message.id);
                let (id, why) = (message.id, translate::problem(&error));
                self.take(News::NotSent { id, why })
            }
            LinkEvent::Disconnected { retry_in, .. } => {
                self.keep(Journal::sync);
                let wait = i64::try_from(retry_in.as_millis()).unwrap_or(i64::MAX);
                let retry_at = self.model.now.milliseconds().saturating_add(wait);
                self.take(News::Lost {
                    retry_at: TimeMs::new(retry_at),
                })
            }
            LinkEvent::Ended(error) => {
                let why = translate::problem(&error);
                self.ended = Some(Failure::from(error));
                self.take(News::Ended { why })
            }
        }
    }

    /// Whether a message was refused for what the login is: then it is counted, and stays where it is kept.
    pub(super) fn is_held(&mut self, error: &ClientError) -> bool {
        let is_held = error.kind() == ErrorKind::Auth || error.reason() == "SCOPE_MISSING";
        self.held += usize::from(is_held);
        is_held
    }

    fn event(&mut self, event: pb::Event) -> Result<(), Failure> {
        self.changes.extend(self.memory.event(&event));
        if !event.cursor.is_empty() {
            self.drawn.cursor = Some(event.cursor.clone());
        }
        if matches!(event.body, Some(Body::Reset(_))) {
            self.era += 1;
            (self.drawn.cursor, self.drawn.on_the_way) = (None, None);
        }
        let my_id = self.memory.my_id();
        match wire::event(event, &self.model.me, my_id) {
            Some(news) => self.take(news),
            None => Ok(()),
        }
    }

    /// Takes in what the cache says.
    pub(super) fn word(&mut self, word: Word) -> Result<(), Failure> {
        match word {
            Word::Stored(cursor) => {
                if let Some(cursor) = cursor {
                    self.link.acknowledge(cursor);
                }
                Ok(())
            }
            Word::Ended(error) => {
                (self.cache, self.stored) = (None, None);
                let (level, text) = (Level::Warning, error.to_string());
                self.take(News::Said { level, text })
            }
        }
    }

    /// Takes in an answer, and the number of the store that it is of.
    pub(super) fn answered(&mut self, era: u64, answer: Answer) -> Result<(), Failure> {
        let learned = answer.learned;
        if era == self.era {
            if let Some(users) = learned.blocked {
                self.changes.push(Change::Blocked(users));
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
        News::State { chat, .. } => News::State { chat, state: None },
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
        other => other,
    }
}
