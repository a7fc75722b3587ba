//! What the terminal UI asks the server and the cache for: each question is one future that brings its answer as news, and
//! what of it is to be kept.
//!
//! A page comes from the cache as far as that has it, else from the server. So many questions are under way at once; the
//! others wait. Of those whose answers may be large there is one at a time. Knows neither model nor screen.

use std::{collections::HashMap, sync::Arc};

use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{
    client::{
        app::{
            acts::{Act, Deeds, Outcome},
            line::Zone,
            look::Search,
            model::Msg as Word,
            password::NewPassword,
            room::Wanted,
            untrusted::Untrusted,
            when::Moment,
        },
        asks::{self, PATIENCE},
        cache::{Cache, Edge, Place},
        net::{
            error::{ClientError, ErrorKind},
            history::Position,
            session::{Patience, Session},
        },
        translate,
        ui::{
            model::{
                chat::ChatId,
                markers::Marker,
                window::{Ask, Ends},
            },
            news::News,
            translate as wire,
        },
    },
    domain::{limits::PAGE_SIZE_MAX, name::UserName, user::Presence},
    pb,
};

use super::remember::CHATS_MAX;

/// Questions that are under way at once: what one connection of HTTP/2 answers side by side without one that takes long
/// being in the way of the others.
const AT_ONCE: usize = 16;
/// Characters of a text that is named.
const START_CHARS: usize = 40;

/// A question that is answered.
#[derive(Debug)]
pub struct Asked {
    /// Which store it was asked of.
    pub era: u64,
    /// The number of what it was to do, of one that a person waits for.
    pub deed: Option<u64>,
    /// The answer.
    pub answer: Answer,
}

/// What a question brought.
#[derive(Debug, Default)]
pub struct Answer {
    /// What it means.
    pub news: Vec<News>,
    /// What is to be kept.
    pub learned: Learned,
}

/// What is to be kept of an answer.
#[derive(Debug, Default)]
pub struct Learned {
    /// Whole states of conversations.
    pub states: Vec<pb::Conversation>,
    /// Messages of a conversation.
    pub messages: Option<(ChatId, Vec<pb::Message>)>,
    /// How far others have come in a conversation.
    pub markers: Option<(ChatId, Vec<pb::Marker>)>,
    /// Whom this user blocks.
    pub blocked: Option<Vec<pb::UserRef>>,
    /// Whether this login was ended, and why not: one safe line.
    pub logged_out: Option<Result<(), String>>,
}

impl From<News> for Answer {
    fn from(news: News) -> Self {
        Self {
            news: vec![news],
            learned: Learned::default(),
        }
    }
}

/// Who asks. Clones ask together.
#[derive(Clone, Debug)]
pub struct Asker {
    session: Session,
    me: UserName,
    zone: Zone,
    permits: Arc<Semaphore>,
    /// For those that get all there is.
    lists: Arc<Semaphore>,
    /// How long a question waits for a server that cannot be reached.
    patience: Patience,
}

impl Asker {
    /// Asks with this session. Times that were typed are those of this zone.
    pub fn new(session: Session, me: UserName, zone: Zone) -> Self {
        Self {
            session,
            me,
            zone,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            lists: Arc::new(Semaphore::new(1)),
            patience: PATIENCE,
        }
    }

    /// The session that it asks with.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Asks once it is this question's turn; what the cache has is there at once.
    pub async fn ask(self, question: Question) -> Answer {
        let question = match question {
            Question::Kept(cache, chat) => return kept(cache, chat).await,
            Question::Page {
                cache: Some(cache),
                chat,
                ask,
                count,
            } => match cached(cache, &chat, ask, count).await {
                Some(messages) => {
                    let page = Ok(wire::page(ask, messages, None));
                    return News::Page { chat, ask, page }.into();
                }
                None => Question::Page {
                    cache: None,
                    chat,
                    ask,
                    count,
                },
            },
            other => other,
        };
        // Never closed, so there is always a turn.
        let _list = match question {
            Question::States | Question::Some(_) | Question::Users => {
                Some(self.lists.acquire().await)
            }
            _ => None,
        };
        let _turn = self.permits.acquire().await;
        match question {
            Question::Start(wanted) => self.start(wanted).await,
            Question::Act(act) => self.act(*act).await,
            Question::Users => self.users().await,
            Question::Time => self.time().await,
            Question::States => self.states().await,
            Question::Some(chats) => self.some(chats).await,
            Question::State(chat) => self.state(chat).await,
            Question::Page {
                chat, ask, count, ..
            } => self.page(chat, ask, count).await,
            Question::Find(chat, at) => self.find(chat, at).await,
            Question::Members(chat) => self.members(chat).await,
            Question::Markers(chat) => self.markers(chat).await,
            Question::Search(number, search) => self.search(number, search).await,
            Question::StayAs(presence) => self.stay_as(presence).await,
            Question::LogOut => self.log_out().await,
            Question::Password(wish) => self.password(wish).await,
            // Answered above.
            Question::Kept(..) => Answer::default(),
        }
    }

    async fn log_out(&self) -> Answer {
        let outcome = match self.session.logout().await {
            // What has ended already is ended.
            Err(error) if error.kind() != ErrorKind::Auth => {
                let why = translate::problem(&error).render_line();
                Err(format!("Not logged out: {why}"))
            }
            _ => Ok(()),
        };
        Answer {
            news: Vec::new(),
            learned: Learned {
                logged_out: Some(outcome),
                ..Learned::default()
            },
        }
    }

    async fn password(&self, wish: NewPassword) -> Answer {
        match asks::password(self.session.clone(), wish).await.what {
            Word::Password {
                ends_others,
                outcome,
            } => News::Password {
                ends_others,
                outcome,
            }
            .into(),
            _ => Answer::default(),
        }
    }

    async fn start(&self, wanted: Wanted) -> Answer {
        let told = asks::start(self.session.clone(), self.me.clone(), wanted).await;
        match told.what {
            Word::Started { wanted, outcome } => News::Started { wanted, outcome }.into(),
            _ => Answer::default(),
        }
    }

    async fn act(&self, act: Act) -> Answer {
        match self.outcome(act).await {
            Some((act, outcome)) => News::Acted {
                act: Box::new(act),
                outcome: outcome.map(Box::new),
            }
            .into(),
            None => Answer::default(),
        }
    }

    async fn outcome(&self, act: Act) -> Option<(Act, Result<Outcome, Untrusted>)> {
        let told = asks::act(self.session.clone(), self.me.clone(), self.zone, act).await;
        match told.what {
            Word::Acted { act, outcome } => Some((act, outcome)),
            _ => None,
        }
    }

    async fn users(&self) -> Answer {
        match asks::users(self.session.clone()).await.what {
            Word::Users(users) => News::Users(users).into(),
            _ => Answer::default(),
        }
    }

    async fn time(&self) -> Answer {
        match asks::time(self.session.clone()).await.what {
            Word::Time(time) => News::Time(time).into(),
            _ => Answer::default(),
        }
    }

    async fn states(&self) -> Answer {
        let (all, blocked) = tokio::join!(
            self.session.conversations(self.patience),
            self.session.blocked_users(self.patience)
        );
        let all = all.map(bounded);
        let blocked = match blocked {
            Ok(users) => Some(users),
            // A server that knows of no blocks.
            Err(error) if error.is_unimplemented() => Some(Vec::new()),
            Err(_) => None,
        };
        let states = all.as_ref().map_err(translate::problem).map(|all| {
            let states = all.iter().cloned();
            states.map(|it| wire::state(it, &self.me)).collect()
        });
        Answer {
            news: vec![News::States {
                states,
                blocked: blocked.clone().map(translate::blocked),
            }],
            learned: Learned {
                states: all.unwrap_or_default(),
                blocked,
                ..Learned::default()
            },
        }
    }

    /// The states of many: all are got at once.
    async fn some(&self, chats: Vec<ChatId>) -> Answer {
        let all = match self.session.conversations(self.patience).await {
            Ok(all) => bounded(all),
            Err(_) => {
                let news = chats.into_iter().map(|chat| News::StateFailed { chat });
                return Answer {
                    news: news.collect(),
                    learned: Learned::default(),
                };
            }
        };
        let known: HashMap<&str, &pb::Conversation> =
            all.iter().map(|it| (it.id.as_str(), it)).collect();
        let news = chats.into_iter().map(|chat| {
            let found = known.get(chat.as_str());
            let state = found.map(|it| Box::new(wire::state((*it).clone(), &self.me)));
            News::State { chat, state }
        });
        Answer {
            news: news.collect(),
            learned: Learned {
                states: all,
                ..Learned::default()
            },
        }
    }

    async fn state(&self, chat: ChatId) -> Answer {
        let state = self
            .session
            .conversation(chat.as_str(), self.patience)
            .await;
        let state = match state {
            // Another one than was asked for is none.
            Ok(state) => Some(state).filter(|state| state.id == chat.as_str()),
            Err(error) if error.is_no() => None,
            Err(_) => return News::StateFailed { chat }.into(),
        };
        let learned = Learned {
            states: state.iter().cloned().collect(),
            ..Learned::default()
        };
        let state = state.map(|it| Box::new(wire::state(it, &self.me)));
        Answer {
            news: vec![News::State { chat, state }],
            learned,
        }
    }

    async fn page(&self, chat: ChatId, ask: Ask, count: usize) -> Answer {
        let position = match ask {
            Ask::Newest => Position::Newest,
            Ask::Before(seq) => Position::Before(seq),
            Ask::After(seq) => Position::After(seq),
            Ask::Around(seq) => Position::Around(seq),
        };
        let got = self
            .session
            .messages(chat.as_str(), position, count, self.patience);
        match got.await {
            Ok(mut got) => {
                got.messages.truncate(PAGE_SIZE_MAX);
                let ends = Ends {
                    floor: got.history_floor_seq,
                    last_seq: got.last_seq,
                };
                let page = Ok(wire::page(ask, got.messages.clone(), Some(ends)));
                Answer {
                    news: vec![News::Page {
                        chat: chat.clone(),
                        ask,
                        page,
                    }],
                    learned: Learned {
                        messages: Some((chat, got.messages)),
                        ..Learned::default()
                    },
                }
            }
            Err(error) => {
                let page = Err(translate::problem(&error));
                News::Page { chat, ask, page }.into()
            }
        }
    }

    async fn find(&self, chat: ChatId, at: Moment) -> Answer {
        let from = Position::AfterTime(at.in_zone(self.zone));
        let found = self.session.messages(chat.as_str(), from, 1, self.patience);
        let seq = match found.await {
            Ok(found) => Ok(found.messages.first().map(|message| message.seq)),
            Err(error) => Err(translate::problem(&error)),
        };
        News::Found { chat, seq }.into()
    }

    async fn members(&self, chat: ChatId) -> Answer {
        let members = self
            .session
            .members(chat.as_str(), false, self.patience)
            .await;
        let members = match members {
            Ok(members) => Ok(members.into_iter().map(wire::member).collect()),
            Err(error) => Err(translate::problem(&error)),
        };
        News::Members { chat, members }.into()
    }

    async fn markers(&self, chat: ChatId) -> Answer {
        match self.session.markers(chat.as_str(), self.patience).await {
            Ok(all) => {
                let markers = Ok(all.iter().cloned().map(wire::marker).collect());
                Answer {
                    news: vec![News::Markers {
                        chat: chat.clone(),
                        markers,
                    }],
                    learned: Learned {
                        markers: Some((chat, all)),
                        ..Learned::default()
                    },
                }
            }
            Err(error) => {
                let markers = Err(translate::problem(&error));
                News::Markers { chat, markers }.into()
            }
        }
    }

    async fn search(&self, number: u64, search: Box<Search>) -> Answer {
        let hits = match self.outcome(Act::Search(search)).await {
            Some((_, Ok(Outcome::Found(found, next)))) => Ok((found, next)),
            Some((_, Err(problem))) => Err(problem),
            _ => Ok((Vec::new(), String::new())),
        };
        News::Hits { number, hits }.into()
    }

    async fn stay_as(&self, presence: Presence) -> Answer {
        let presence = translate::presence(presence);
        // One that is lost with the connection is said anew with the next.
        let _: Result<_, ClientError> = self.session.set_presence(presence, self.patience).await;
        Answer::default()
    }
}

/// A question.
#[derive(Clone, Debug)]
pub enum Question {
    /// Finds or begins a conversation.
    Start(Wanted),
    /// Does something.
    Act(Box<Act>),
    /// All users.
    Users,
    /// The server's time.
    Time,
    /// The states of all conversations, and whom this user blocks.
    States,
    /// The states of these.
    Some(Vec<ChatId>),
    /// The state of one.
    State(ChatId),
    /// A page of messages.
    Page {
        /// What is looked through first.
        cache: Option<Cache>,
        /// Of this conversation.
        chat: ChatId,
        /// Which.
        ask: Ask,
        /// How many.
        count: usize,
    },
    /// The message at a moment.
    Find(ChatId, Moment),
    /// The members.
    Members(ChatId),
    /// How far others have come.
    Markers(ChatId),
    /// Messages that fit.
    Search(u64, Box<Search>),
    /// Says how this user can be reached.
    StayAs(Presence),
    /// Ends this login.
    LogOut,
    /// Changes the password.
    Password(NewPassword),
    /// What the cache has of a conversation beside its messages.
    Kept(Cache, ChatId),
}

impl Question {
    /// What it is to do, if a person waits for that; `None`: it only asks, or is of no weight.
    pub fn deed(&self) -> Option<String> {
        let act = match self {
            Self::Act(act) => act,
            Self::Password(_) => return Some("the new password".to_owned()),
            _ => return None,
        };
        match &**act {
            Act::Create(..) | Act::Group(..) | Act::Join(_) | Act::JoinBy(_) | Act::Block(..) => {
                Some("a command".to_owned())
            }
            Act::Channels(_)
            | Act::Blocked
            | Act::Search(_)
            | Act::Mentions { .. }
            | Act::Presence(_) => None,
            Act::At(_, deed) => match deed {
                Deeds::Edit(_, text) => {
                    let text = Untrusted::from(text.as_str()).render_start(START_CHARS);
                    Some(format!("the new text \"{text}\""))
                }
                Deeds::Delete(_) => Some("the deletion of a message".to_owned()),
                Deeds::React { .. } => Some("a reaction".to_owned()),
                Deeds::Members
                | Deeds::Links
                | Deeds::Seen(_)
                | Deeds::Topic(None)
                | Deeds::History(_)
                | Deeds::Notify(None) => None,
                Deeds::Leave
                | Deeds::Invite(_)
                | Deeds::Link(_)
                | Deeds::Unlink(_)
                | Deeds::Remove { .. }
                | Deeds::SetRole(..)
                | Deeds::Topic(Some(_))
                | Deeds::Rename(_)
                | Deeds::Unread(_)
                | Deeds::Notify(Some(_)) => Some("a command".to_owned()),
            },
        }
    }
}

/// As many conversations as are shown, of a server that never ends its list.
fn bounded(mut all: Vec<pb::Conversation>) -> Vec<pb::Conversation> {
    all.truncate(CHATS_MAX);
    all.shrink_to_fit();
    all
}

/// The page that the cache has; `None` if it has none there.
async fn cached(cache: Cache, chat: &ChatId, ask: Ask, count: usize) -> Option<Vec<pb::Message>> {
    let chat = chat.clone();
    let place = match ask {
        Ask::Newest => Place::Newest,
        Ask::Before(seq) => Place::Before(seq),
        Ask::After(seq) => Place::After(seq),
        Ask::Around(seq) => Place::Around(seq),
    };
    let read = spawn_blocking(move || cache.messages(chat.as_str(), place, count));
    // A cache that has ended says so by itself.
    let page = read.await.ok()?.ok()?;
    // The newest that it has need not be the newest that there is.
    if ask == Ask::Newest && page.above != Edge::Over {
        return None;
    }
    Some(page.messages).filter(|messages| !messages.is_empty())
}

/// Reads what was sent in a conversation, and how far others had come.
async fn kept(cache: Cache, chat: ChatId) -> Answer {
    let id = chat.clone();
    let read = spawn_blocking(move || {
        let lines = cache.sent_lines(id.as_str()).unwrap_or_default();
        (lines, cache.markers(id.as_str()).unwrap_or_default())
    });
    let (lines, markers) = read.await.unwrap_or_default();
    let markers = markers.into_iter().map(|it| News::Marker {
        chat: chat.clone(),
        user_id: it.user_id,
        marker: Marker {
            delivered: it.delivered_seq,
            read: it.read_seq,
        },
    });
    let markers: Vec<News> = markers.collect();
    let lines = News::Lines { chat, lines };
    Answer {
        news: [lines].into_iter().chain(markers).collect(),
        learned: Learned::default(),
    }
}

#[cfg(test)]
#[path = "asks_tests.rs"]
mod tests;
