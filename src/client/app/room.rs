//! The conversations that the line mode knows, and what each is called on the screen.

use std::collections::BTreeMap;

use crate::domain::{
    conversation::{MemberSettings, NotifySettings},
    name::{ChannelName, UserName},
};

use super::untrusted::Untrusted;

/// Conversations that are remembered; past it no further ones are. No honest server comes near.
const ROOMS_MAX: usize = 10_000;
/// The longest id of one that is remembered.
const ID_BYTES_MAX: usize = 256;
/// Characters of a name that are shown, and of a topic that are kept.
const NAME_CHARS_MAX: usize = 64;
const TOPIC_CHARS_MAX: usize = 256;

/// Where typed lines go. Users and channels by name, so that all messages to one keep their order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The DIRECT conversation with this user.
    User(UserName),
    /// A channel.
    Channel(ChannelName),
    /// A group, by its id: names of groups are not unique.
    Group(String),
}

/// What was typed to say which conversation is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `NAME`: the DIRECT conversation with this user.
    User(UserName),
    /// `#NAME`: a channel.
    Channel(ChannelName),
    /// `"NAME"`: a group.
    Group(String),
    /// `id:ID`: any conversation.
    Id(String),
}

/// What kind of conversation it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Between two people, or one.
    #[default]
    Direct,
    /// Of those who were added.
    Group,
    /// Everybody may join it.
    Channel,
}

/// A conversation, as far as the line mode cares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: Kind,
    /// Its name; of a DIRECT one that of the other.
    pub name: Untrusted,
    /// What it is about.
    pub topic: Untrusted,
    /// How many members it has.
    pub members_count: u32,
    /// Whether this user is one of them, where that was said.
    pub is_mine: bool,
    /// Whether this user may read there and not write, as far as that was said.
    pub is_read_only: bool,
    /// What this user set for it, where that was said.
    pub settings: Option<MemberSettings>,
}

impl Room {
    /// What it is called in lines. A group's name is free text: what lines are made of is replaced in it, so that it
    /// can pass neither for a channel nor for the beginning of another line.
    pub fn label(&self) -> String {
        let name = self.name.render_start(NAME_CHARS_MAX);
        match self.kind {
            Kind::Direct => name,
            Kind::Channel => format!("#{name}"),
            Kind::Group => {
                let name = name.replace('<', "‹").replace('>', "›");
                match name.starts_with('#') {
                    true => format!("group {name}"),
                    false => name,
                }
            }
        }
    }

    /// What to type behind `/start` to open it.
    pub fn spelled(&self) -> String {
        let label = self.label();
        match self.kind {
            Kind::Direct | Kind::Channel => label,
            Kind::Group if self.name == Untrusted::from(label.as_str()) && !label.contains('"') => {
                format!("\"{label}\"")
            }
            Kind::Group => format!("id:{}", Untrusted::from(self.id.as_str()).render_line()),
        }
    }

    /// Whether it was put aside as unread, as far as is known.
    pub fn is_aside(&self) -> bool {
        self.settings.is_some_and(|it| it.marked_unread)
    }

    /// The place that it is; `None` if it has a name that nobody can have.
    pub fn place(&self) -> Option<Place> {
        let name = self.name.to_user_name();
        match self.kind {
            Kind::Direct => name.map(Place::User),
            Kind::Channel => name?.as_str().parse().ok().map(Place::Channel),
            Kind::Group => Some(Place::Group(self.id.clone())),
        }
    }
}

/// The conversations that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rooms(BTreeMap<String, Room>);

impl Rooms {
    /// Takes in the state of a conversation and returns what was known before. What all members are told says nothing of
    /// what one of them set.
    pub fn learn(&mut self, mut room: Room) -> Option<Room> {
        let is_new = !self.0.contains_key(&room.id);
        if room.id.len() > ID_BYTES_MAX || is_new && self.0.len() >= ROOMS_MAX {
            return None;
        }
        room.name = room.name.cut(NAME_CHARS_MAX + 1);
        room.topic = room.topic.cut(TOPIC_CHARS_MAX);
        if room.settings.is_none() {
            room.settings = self.get(&room.id).and_then(|known| known.settings);
        }
        if !room.is_mine {
            room.is_read_only = self.get(&room.id).is_some_and(|known| known.is_read_only);
        }
        self.0.insert(room.id.clone(), room)
    }

    /// Takes in that a conversation was put aside as unread or taken up again, if it is known.
    pub fn set_aside(&mut self, id: &str, is_aside: bool) {
        if let Some(room) = self.0.get_mut(id) {
            room.settings.get_or_insert_default().marked_unread = is_aside;
        }
    }

    /// Takes in what this user wants to be called for.
    pub fn set_notify(&mut self, id: &str, notify: NotifySettings) {
        if let Some(room) = self.0.get_mut(id) {
            room.settings.get_or_insert_default().notify = notify;
        }
    }

    /// Takes in whether this user may only read there.
    pub fn set_read_only(&mut self, id: &str, is_read_only: bool) {
        if let Some(room) = self.0.get_mut(id) {
            room.is_read_only = is_read_only;
        }
    }

    /// The conversations that were put aside as unread.
    pub fn aside(&self) -> impl Iterator<Item = &str> {
        let aside = self.0.values().filter(|room| room.is_aside());
        aside.map(|room| room.id.as_str())
    }

    /// Where a message of this sender stands, behind the name of the sender: ` in #ops`, ` to bob`, or nothing.
    pub fn whereabouts(&self, id: &str, sender: &Untrusted) -> String {
        match self.get(id) {
            Some(room) if room.kind != Kind::Direct => format!(" in {}", room.label()),
            Some(room) if room.name == *sender => String::new(),
            Some(room) => format!(" to {}", room.label()),
            None => format!(
                " in id:{}",
                Untrusted::from(id).render_start(NAME_CHARS_MAX)
            ),
        }
    }

    /// Forgets a conversation.
    pub fn forget(&mut self, id: &str) {
        self.0.remove(id);
    }

    /// Forgets all: the store is another one.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// A conversation by its id.
    pub fn get(&self, id: &str) -> Option<&Room> {
        self.0.get(id)
    }

    /// The id of a place, if it is known.
    pub fn id_of(&self, place: &Place) -> Option<String> {
        let (kind, name) = match place {
            Place::Group(id) => return Some(id.clone()),
            Place::User(name) => (Kind::Direct, name.as_str()),
            Place::Channel(name) => (Kind::Channel, name.as_str()),
        };
        let name = Untrusted::from(name);
        let is_it = |room: &&Room| room.kind == kind && room.name == name;
        self.0.values().find(is_it).map(|room| room.id.clone())
    }

    /// The groups of this name.
    pub fn groups(&self, name: &str) -> Vec<&Room> {
        let name = Untrusted::from(name);
        let is_it = |room: &&Room| room.kind == Kind::Group && room.name == name;
        self.0.values().filter(is_it).collect()
    }

    /// What a place is called in lines.
    pub fn label(&self, place: &Place) -> String {
        match place {
            Place::User(name) => name.to_string(),
            Place::Channel(name) => format!("#{name}"),
            Place::Group(id) => self
                .get(id)
                .map_or_else(|| "the group".to_owned(), Room::label),
        }
    }

    /// What to type behind `/start` to open a place.
    pub fn spelled(&self, place: &Place) -> String {
        match place {
            Place::User(name) => name.to_string(),
            Place::Channel(name) => format!("#{name}"),
            Place::Group(id) => match self.get(id) {
                Some(room) => room.spelled(),
                None => format!("id:{}", Untrusted::from(id.as_str()).render_line()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str) -> Room {
        Room {
            id: "c7".to_owned(),
            kind: Kind::Group,
            name: name.into(),
            ..Room::default()
        }
    }

    #[test]
    fn the_name_of_a_group_passes_for_nothing_else() {
        assert_eq!(group("two words").label(), "two words");
        assert_eq!(group("two words").spelled(), "\"two words\"");
        assert_eq!(group("#ops").label(), "group #ops");
        assert_eq!(group("#ops").spelled(), "id:c7");
        assert_eq!(group("x> <bob").label(), "x› ‹bob");
        assert_eq!(group("x\u{1b}\n<> y").label(), "x␛⏎‹› y");
        assert_eq!(group(&"x".repeat(999)).label().chars().count(), 65);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut rooms = Rooms::default();
        for number in 0..ROOMS_MAX + 10 {
            let id = number.to_string();
            rooms.learn(Room { id, ..group("x") });
        }
        let id = "x".repeat(ID_BYTES_MAX + 1);
        rooms.learn(Room { id, ..group("x") });
        assert_eq!(rooms.0.len(), ROOMS_MAX);
    }

    #[test]
    fn what_one_member_set_is_kept_when_all_are_told_something() {
        let mut rooms = Rooms::default();
        rooms.set_aside("c7", true);
        assert!(rooms.get("c7").is_none(), "it is not known");
        rooms.learn(group("x"));
        rooms.set_aside("c7", true);
        rooms.learn(group("y"));
        assert_eq!(rooms.aside().collect::<Vec<_>>(), ["c7"]);
        rooms.learn(Room {
            settings: Some(MemberSettings::default()),
            ..group("y")
        });
        assert_eq!(rooms.aside().count(), 0);
    }

    #[test]
    fn where_a_message_stands_is_told_behind_its_sender() {
        let mut rooms = Rooms::default();
        rooms.learn(group("x"));
        rooms.learn(Room {
            id: "c1".to_owned(),
            name: "bob".into(),
            ..Room::default()
        });
        let place = |id: &str, sender: &str| rooms.whereabouts(id, &sender.into());
        assert_eq!(place("c7", "bob"), " in x");
        assert_eq!(place("c1", "bob"), "");
        assert_eq!(place("c1", "ann"), " to bob");
        assert_eq!(place("c\u{1b}9", "ann"), " in id:c␛9");
    }

    #[test]
    fn places_are_found_by_their_names() {
        let mut rooms = Rooms::default();
        let channel = Room {
            id: "c2".to_owned(),
            kind: Kind::Channel,
            name: "ops".into(),
            ..Room::default()
        };
        rooms.learn(channel.clone());
        let place = Place::Channel("ops".parse().unwrap());
        assert_eq!(channel.place(), Some(place.clone()));
        assert_eq!(rooms.id_of(&place), Some("c2".to_owned()));
        assert_eq!(rooms.id_of(&Place::User("ops".parse().unwrap())), None);
        assert_eq!(rooms.label(&place), "#ops");
        let strange = Room {
            name: "\u{1b}[2J".into(),
            ..channel
        };
        assert_eq!(strange.place(), None);
    }
}
