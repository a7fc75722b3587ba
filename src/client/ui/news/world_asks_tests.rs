//! The questions of that client, and how the server answers them by what it has at that moment.

use super::{
    super::server::{EMOJI, Position},
    World, me, state,
};
use crate::{
    client::{
        app::{
            acts::{Act, Deeds, Outcome, Spot},
            model::StartProblem,
            room::{Kind, Place, Room, Wanted},
            untrusted::Untrusted,
        },
        translate as wire,
        ui::{
            effect::Effect,
            model::{
                chat::ChatId,
                window::{Ask, Ends},
            },
            news::News,
            translate,
        },
    },
    pb,
};

/// Messages of a page: few, so that there are holes.
pub const PAGE: usize = 3;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    States,
    State(ChatId),
    Page(ChatId, Ask),
    Members(ChatId),
    Act(Act),
    Start(Wanted),
    /// What the server answers without looking at anything.
    Plain(Box<News>),
}

impl Question {
    /// What is asked by an effect.
    pub fn of(effect: Effect) -> Option<Self> {
        Some(match effect {
            Effect::States => Self::States,
            Effect::State(chat) => Self::State(chat),
            Effect::Page { chat, ask, .. } => Self::Page(chat, ask),
            Effect::Members(chat) => Self::Members(chat),
            Effect::Act(act) => Self::Act(act),
            Effect::Start(wanted) => Self::Start(wanted),
            Effect::Users => Self::Plain(Box::new(News::Users(Ok(Vec::new())))),
            Effect::Find { chat, .. } => {
                let seq = Ok(Some(1));
                Self::Plain(Box::new(News::Found { chat, seq }))
            }
            Effect::Search { number, .. } => {
                let hits = Ok((Vec::new(), String::new()));
                Self::Plain(Box::new(News::Hits { number, hits }))
            }
            Effect::Markers(chat) => {
                let markers = Ok(Vec::new());
                Self::Plain(Box::new(News::Markers { chat, markers }))
            }
            _ => return None,
        })
    }
}

impl World {
    /// The server answers a question; the answer is under way.
    pub fn snapshot(&mut self, index: usize) {
        if self.questions.is_empty() || self.stream.is_none() {
            return;
        }
        let (era, question) = self.questions.remove(index % self.questions.len());
        let news = match question {
            Question::States => News::States {
                states: Ok(self.server.states().into_iter().map(state).collect()),
                blocked: Some(wire::blocked(self.server.blocked_users())),
            },
            Question::State(chat) => {
                let found = self.server.state(chat.as_str());
                let state = found.map(|it| Box::new(state(it)));
                News::State { chat, state }
            }
            Question::Page(chat, ask) => {
                let position = match ask {
                    Ask::Newest => Position::Newest,
                    Ask::Before(seq) => Position::Before(seq),
                    Ask::After(seq) => Position::After(seq),
                    Ask::Around(seq) => Position::Around(seq),
                };
                let place = self.index_of(chat.as_str());
                let place = place.map(|place| &self.server.places[place]);
                let page = match place.and_then(|place| place.page(position, PAGE)) {
                    Some((messages, floor, last_seq)) => {
                        let ends = Some(Ends { floor, last_seq });
                        Ok(translate::page(ask, messages, ends))
                    }
                    None => Err("not there".into()),
                };
                News::Page { chat, ask, page }
            }
            Question::Members(chat) => {
                let members = self.members(chat.as_str()).ok_or("not there".into());
                News::Members { chat, members }
            }
            Question::Act(act) => {
                let outcome = self.act(&act).map(Box::new);
                let outcome = outcome.ok_or("it cannot be done".into());
                let act = Box::new(act);
                News::Acted { act, outcome }
            }
            Question::Start(wanted) => {
                let outcome = self.found(&wanted).ok_or(StartProblem::NotAMember);
                News::Started { wanted, outcome }
            }
            Question::Plain(news) => *news,
        };
        self.answers.push((era, news));
        self.hear();
    }

    /// An answer arrives. What was asked of another store says nothing of this, as the runtime has it.
    pub fn answered(&mut self, era: u32, news: News) {
        let news = match era == self.era {
            true => news,
            false => void(news),
        };
        self.take(news);
    }

    fn index_of(&self, id: &str) -> Option<usize> {
        self.server.places.iter().position(|it| it.id == id)
    }

    fn members(&self, id: &str) -> Option<Vec<(String, crate::client::app::acts::MemberLine)>> {
        let members = self.server.places[self.index_of(id)?].members()?;
        Some(members.into_iter().map(translate::member).collect())
    }

    /// What that is called by which it was asked for, if this user is a member.
    fn found(&mut self, wanted: &Wanted) -> Option<Room> {
        let place = match wanted {
            Wanted::User(name) => self.place_of(&Place::User(name.clone())),
            Wanted::Channel(name) => self.place_of(&Place::Channel(name.clone())),
            Wanted::Group(name) => {
                let mut places = self.server.places.iter();
                places.position(|it| it.kind == pb::ConversationKind::Group && it.name == *name)
            }
            Wanted::Id(id) => self.index_of(id),
        };
        self.room(place?)
    }

    fn room(&self, place: usize) -> Option<Room> {
        let state = self.server.state(&self.server.places[place].id)?;
        Some(wire::room(state, &me()))
    }

    /// Does what this user wants to be done; `None`: that cannot be.
    fn act(&mut self, act: &Act) -> Option<Outcome> {
        match act {
            Act::Join(name) => {
                let place = self.place_of(&Place::Channel(name.clone()))?;
                self.server.join(place);
                self.room(place).map(Outcome::Room)
            }
            Act::Block(name, is_blocked) => {
                let known = super::super::server::OTHERS;
                let at = known.iter().position(|it| *it == name.as_str())?;
                if self.server.blocked.contains(known[at]) != *is_blocked {
                    self.server.toggle_block(at);
                }
                Some(Outcome::Done)
            }
            Act::At(spot, deed) => self.act_at(spot, deed),
            _ => None,
        }
    }

    fn act_at(&mut self, spot: &Spot, deed: &Deeds) -> Option<Outcome> {
        let place = match &spot.id {
            Some(id) => self.index_of(id),
            None => self.place_of(&spot.place),
        }?;
        let server = &mut self.server;
        server.places[place].me.as_ref()?;
        let id = server.places[place].id.clone();
        match deed {
            Deeds::Leave => {
                if wire::room(server.state(&id)?, &me()).kind == Kind::Direct {
                    return None;
                }
                server.leave(place);
            }
            Deeds::Unread(is_aside) => {
                server.put_aside(place, *is_aside);
                return Some(Outcome::Aside(id, *is_aside));
            }
            Deeds::Edit(seq, _) => {
                server.is_own(place, *seq).then_some(())?;
                server.change(place, super::at(*seq), Some(0));
            }
            Deeds::Delete(seq) => {
                server.is_own(place, *seq).then_some(())?;
                server.change(place, super::at(*seq), None);
            }
            Deeds::React { seq, emoji, give } => {
                let emoji = EMOJI.iter().position(|it| *it == emoji.as_str())?;
                server.give(place, *seq, emoji, *give)?;
            }
            Deeds::Members => {
                let members = self.members(&id)?.into_iter();
                return Some(Outcome::Members(members.map(|it| it.1).collect()));
            }
            _ => return None,
        }
        Some(Outcome::Done)
    }
}

/// The answer of a question that fails.
pub fn failed(question: Question) -> News {
    let why = || Untrusted::from("failed");
    match question {
        Question::States => News::States {
            states: Err(why()),
            blocked: None,
        },
        Question::State(chat) => News::StateFailed { chat },
        Question::Page(chat, ask) => News::Page {
            chat,
            ask,
            page: Err(why()),
        },
        Question::Members(chat) => News::Members {
            chat,
            members: Err(why()),
        },
        Question::Act(act) => News::Acted {
            act: Box::new(act),
            outcome: Err(why()),
        },
        Question::Start(wanted) => News::Started {
            wanted,
            outcome: Err(StartProblem::Other(why())),
        },
        Question::Plain(news) => *news,
    }
}

fn void(news: News) -> News {
    match news {
        News::States { .. } => failed(Question::States),
        News::State { chat, .. } => News::StateFailed { chat },
        News::Page { chat, ask, .. } => failed(Question::Page(chat, ask)),
        News::Members { chat, .. } => failed(Question::Members(chat)),
        News::Acted { act, .. } => failed(Question::Act(*act)),
        News::Started { wanted, .. } => failed(Question::Start(wanted)),
        other => other,
    }
}
