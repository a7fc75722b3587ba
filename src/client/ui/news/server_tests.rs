//! A server as one user sees it, for the tests: it keeps everything, tells it live or again, and answers questions by what it
//! has at that moment. It looks at every message where the client reckons.

use std::collections::{BTreeMap, BTreeSet};

use crate::pb::{self, ConversationKind, MemberChange, Role, event::Body};

#[path = "server_deeds_tests.rs"]
mod deeds;
#[path = "server_replay_tests.rs"]
mod replay;

pub use replay::Position;

/// Whose server it is.
pub const ME: &str = "ann";
/// All others.
pub const OTHERS: [&str; 3] = ["bob", "carol", "dan"];
/// What is given.
pub const EMOJI: [&str; 2] = ["👍", "🎉"];

/// A user as events name it.
pub fn user(name: &str) -> pb::UserRef {
    pb::UserRef {
        id: format!("u-{name}"),
        name: name.to_owned(),
    }
}

fn time(seconds: u64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds: i64::try_from(seconds).unwrap(),
        nanos: 0,
    })
}

fn at(seq: u64) -> usize {
    usize::try_from(seq).unwrap()
}

/// A message.
#[derive(Clone, Debug)]
struct Said {
    offset: u64,
    message: pb::Message,
    given: Vec<(&'static str, &'static str)>,
    changed: Option<u64>,
    reacted: Option<u64>,
}

/// What the user is in a conversation.
#[derive(Clone, Debug)]
pub struct Membership {
    joined: u64,
    floor: u64,
    pub role: Role,
    read: u64,
    read_offset: u64,
    marked_unread: bool,
    level: pb::NotifyLevel,
    settings_offset: u64,
}

#[derive(Clone, Copy, Debug)]
struct Former {
    joined: u64,
    left: u64,
    floor: u64,
    last_seq: u64,
}

#[derive(Clone, Debug)]
enum Happening {
    Conversation(Box<pb::Conversation>),
    Member(pb::MemberChanged),
    Message(u64),
    Reactions(u64),
}

/// A conversation.
#[derive(Clone, Debug)]
pub struct Place {
    pub id: String,
    pub kind: ConversationKind,
    pub name: String,
    topic: String,
    tells_all: bool,
    others: BTreeSet<&'static str>,
    pub me: Option<Membership>,
    former: Vec<Former>,
    messages: Vec<Said>,
    changes: BTreeMap<u64, Happening>,
    private: BTreeMap<u64, pb::Conversation>,
}

/// See the head of the file.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// Which store it has.
    pub store: u32,
    pub end: u64,
    pub places: Vec<Place>,
    pub blocked: BTreeSet<&'static str>,
    blocks_offset: u64,
    /// What was committed since it was taken.
    live: Vec<pb::Event>,
}

fn event(offset: u64, body: Body) -> pb::Event {
    pb::Event {
        cursor: offset.to_string(),
        body: Some(body),
    }
}

fn bare(body: Body) -> pb::Event {
    pb::Event {
        cursor: String::new(),
        body: Some(body),
    }
}

impl Said {
    fn reactions(&self) -> Vec<pb::Reaction> {
        let mut all: Vec<pb::Reaction> = Vec::new();
        for (emoji, by) in &self.given {
            let mine = *by == ME;
            match all.iter_mut().find(|known| known.emoji == *emoji) {
                Some(known) => {
                    known.count += 1;
                    known.mine |= mine;
                }
                None => all.push(pb::Reaction {
                    emoji: (*emoji).to_owned(),
                    count: 1,
                    mine,
                }),
            }
        }
        all
    }

    fn shown(&self) -> pb::Message {
        pb::Message {
            reactions: self.reactions(),
            ..self.message.clone()
        }
    }
}

impl Place {
    fn last_seq(&self) -> u64 {
        self.messages.len() as u64
    }

    fn members_count(&self) -> u32 {
        let others = u32::try_from(self.others.len()).unwrap();
        match self.kind {
            ConversationKind::Direct => 2,
            _ => others + u32::from(self.me.is_some()),
        }
    }

    fn shared(&self) -> pb::Conversation {
        let mut members = Vec::new();
        if self.kind == ConversationKind::Direct {
            members = vec![user(ME), user(&self.name)];
        }
        pb::Conversation {
            id: self.id.clone(),
            kind: self.kind.into(),
            name: match self.kind {
                ConversationKind::Direct => String::new(),
                _ => self.name.clone(),
            },
            topic: self.topic.clone(),
            members_count: self.members_count(),
            members,
            last_seq: self.last_seq(),
            ..pb::Conversation::default()
        }
    }

    fn state(&self, blocked: &BTreeSet<&'static str>) -> Option<pb::Conversation> {
        let me = self.me.as_ref()?;
        let after = self.messages.iter().skip(at(me.read));
        let of_others = after.filter(|it| it.message.sender != Some(user(ME)));
        let of_others: Vec<&Said> = of_others.collect();
        let calls = |it: &&&Said| {
            let sender = it.message.sender.clone().unwrap().name;
            let named = it.message.mentions.contains(&user(ME)) || it.message.mentions_all;
            named && !blocked.contains(sender.as_str())
        };
        let last = self.messages.last();
        Some(pb::Conversation {
            name: self.name.clone(),
            my_role: match self.kind {
                ConversationKind::Direct => Role::Unspecified,
                _ => me.role,
            }
            .into(),
            read_seq: me.read,
            unread: of_others.len() as u64,
            mentions: of_others.iter().filter(calls).count() as u64,
            marked_unread: me.marked_unread,
            notify: Some(self.notify()),
            last_message: last.filter(|_| self.last_seq() > me.floor).map(Said::shown),
            ..self.shared()
        })
    }

    /// Who is a member, if this user is one.
    pub fn members(&self) -> Option<Vec<pb::Member>> {
        let me = self.me.as_ref()?;
        let is_direct = self.kind == ConversationKind::Direct;
        let member = |name: &str, role: Role| pb::Member {
            user: Some(user(name)),
            role: if is_direct { Role::Unspecified } else { role }.into(),
            ..pb::Member::default()
        };
        let others = self.others.iter().map(|name| member(name, Role::Member));
        Some(others.chain([member(ME, me.role)]).collect())
    }

    fn notify(&self) -> pb::NotifySettings {
        let level = self.me.as_ref().map(|me| me.level);
        pb::NotifySettings {
            level: level.unwrap_or(pb::NotifyLevel::All).into(),
            until_time: None,
        }
    }

    fn settings_body(&self) -> Body {
        Body::SettingsChanged(pb::SettingsChanged {
            conversation_id: self.id.clone(),
            marked_unread: self.me.as_ref().is_some_and(|me| me.marked_unread),
            notify: Some(self.notify()),
        })
    }

    fn marker_body(&self) -> Body {
        Body::ReadMarker(pb::ReadMarker {
            conversation_id: self.id.clone(),
            user_id: user(ME).id,
            read_seq: self.me.as_ref().map_or(0, |me| me.read),
        })
    }

    /// What happened to a message, as it is now.
    fn change_body(&self, seq: u64) -> Body {
        let said = &self.messages[at(seq - 1)];
        match said.message.deleted {
            true => Body::MessageDeleted(pb::MessageDeleted {
                conversation_id: self.id.clone(),
                seq,
                revision: said.message.revision,
                deleted_by: said.message.sender.clone(),
            }),
            false => Body::MessageEdited(pb::MessageEdited {
                message: Some(said.message.clone()),
            }),
        }
    }
}

impl Server {
    /// One with a conversation of each kind.
    pub fn new(store: u32) -> Self {
        let mut server = Self {
            store,
            ..Self::default()
        };
        server.add(ConversationKind::Direct, "bob", false);
        server.add(ConversationKind::Group, "the trip", false);
        server.add(ConversationKind::Channel, "ops", true);
        server.add(ConversationKind::Channel, "random", true);
        for index in 0..3 {
            server.join(index);
        }
        server.live.clear();
        server
    }

    fn add(&mut self, kind: ConversationKind, name: &str, tells_all: bool) {
        self.places.push(Place {
            id: format!("c{}", self.places.len() + 1),
            kind,
            name: name.to_owned(),
            topic: String::new(),
            tells_all,
            others: match kind {
                ConversationKind::Direct => OTHERS.into_iter().filter(|it| *it == name).collect(),
                _ => OTHERS.into(),
            },
            me: None,
            former: Vec::new(),
            messages: Vec::new(),
            changes: BTreeMap::new(),
            private: BTreeMap::new(),
        });
    }

    /// Takes what was committed since this was asked last.
    pub fn take_live(&mut self) -> Vec<pb::Event> {
        std::mem::take(&mut self.live)
    }

    fn next(&mut self) -> u64 {
        self.end += 1;
        self.end
    }

    fn tell(&mut self, body: Body) -> u64 {
        let offset = self.next();
        self.live.push(event(offset, body));
        offset
    }

    fn tell_privately(&mut self, index: usize) {
        let now = self.places[index].shared();
        let body = Body::ConversationChanged(pb::ConversationChanged {
            conversation: Some(now.clone()),
        });
        let offset = self.tell(body);
        self.places[index].private.insert(offset, now);
    }

    fn tell_changed(&mut self, index: usize) {
        let now = self.places[index].shared();
        let body = Body::ConversationChanged(pb::ConversationChanged {
            conversation: Some(now.clone()),
        });
        let offset = self.tell_members(index, body);
        let change = Happening::Conversation(Box::new(now));
        self.places[index].changes.insert(offset, change);
    }

    /// Tells this user only if it is a member.
    fn tell_members(&mut self, index: usize, body: Body) -> u64 {
        match self.places[index].me.is_some() {
            true => self.tell(body),
            false => self.next(),
        }
    }

    fn tell_member(&mut self, index: usize, name: &str, change: MemberChange, role: Role) {
        let place = &self.places[index];
        let changed = pb::MemberChanged {
            conversation_id: place.id.clone(),
            user: Some(user(name)),
            change: change.into(),
            role: role.into(),
            by: Some(user(name)),
            members_count: place.members_count(),
        };
        let offset = self.tell_members(index, Body::MemberChanged(changed.clone()));
        let change = Happening::Member(changed);
        self.places[index].changes.insert(offset, change);
    }

    fn blocks_body(&self) -> Body {
        Body::BlocksChanged(pb::BlocksChanged {
            users: self.blocked_users(),
        })
    }

    /// Whom this user blocks.
    pub fn blocked_users(&self) -> Vec<pb::UserRef> {
        self.blocked.iter().map(|name| user(name)).collect()
    }

    /// The names of the members of a conversation.
    pub fn members_of(&self, id: &str) -> Vec<String> {
        let place = self.places.iter().find(|it| it.id == id);
        let members = place.and_then(Place::members).unwrap_or_default();
        let names = members.into_iter().filter_map(|it| it.user);
        names.map(|it| it.name).collect()
    }

    /// The states of all conversations of this user.
    pub fn states(&self) -> Vec<pb::Conversation> {
        let states = self.places.iter().filter_map(|it| it.state(&self.blocked));
        states.collect()
    }

    /// The state of one.
    pub fn state(&self, id: &str) -> Option<pb::Conversation> {
        self.places
            .iter()
            .find(|it| it.id == id)?
            .state(&self.blocked)
    }
}
