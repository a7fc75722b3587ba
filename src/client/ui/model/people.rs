//! Who is who: events name some users by their ids alone, and people know them by their names. And how they can be reached.
//!
//! Presence is of now: it is forgotten with the link. Bounded.

use std::collections::BTreeMap;

use crate::{client::app::untrusted::Untrusted, domain::user::Presence};

/// People that are remembered; past it no further ones are.
const PEOPLE_MAX: usize = 20_000;
/// The longest id of one who is remembered.
const ID_BYTES_MAX: usize = 256;

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    names: BTreeMap<String, Untrusted>,
    ids: BTreeMap<Untrusted, String>,
    presence: BTreeMap<String, Presence>,
}

impl People {
    /// Takes in what a user is called.
    pub fn learn(&mut self, id: &str, name: &Untrusted) {
        let is_new = !self.names.contains_key(id);
        let is_full = self.names.len() >= PEOPLE_MAX;
        if id.is_empty() || id.len() > ID_BYTES_MAX || is_new && is_full {
            return;
        }
        if let Some(old) = self.names.insert(id.to_owned(), name.clone())
            && old != *name
            // Another may be called that by now.
            && self.ids.get(&old).is_some_and(|it| it == id)
        {
            self.ids.remove(&old);
        }
        self.ids.insert(name.clone(), id.to_owned());
    }

    /// Takes in how a user can be reached.
    pub fn set_presence(&mut self, id: &str, presence: Presence) {
        if presence == Presence::Offline {
            self.presence.remove(id);
        } else if id.len() <= ID_BYTES_MAX
            && (self.presence.contains_key(id) || self.presence.len() < PEOPLE_MAX)
        {
            self.presence.insert(id.to_owned(), presence);
        }
    }

    /// The link is lost: how others can be reached is not known.
    pub fn forget_presence(&mut self) {
        self.presence.clear();
    }

    /// How the user of this name can be reached.
    pub fn presence_of(&self, name: &Untrusted) -> Presence {
        let id = self.ids.get(name);
        let presence = id.and_then(|id| self.presence.get(id));
        presence.copied().unwrap_or(Presence::Offline)
    }

    /// What the user of this id is called.
    pub fn name(&self, id: &str) -> Option<&Untrusted> {
        self.names.get(id)
    }

    /// All names, for completion.
    pub fn names(&self) -> impl Iterator<Item = &Untrusted> {
        self.ids.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_presence_meet_by_the_id_in_any_order() {
        let mut people = People::default();
        people.set_presence("u2", Presence::Away);
        assert_eq!(people.presence_of(&"bob".into()), Presence::Offline);
        people.learn("u2", &"bob".into());
        assert_eq!(people.presence_of(&"bob".into()), Presence::Away);
        people.learn("u2", &"rob".into());
        assert_eq!(people.presence_of(&"bob".into()), Presence::Offline);
        assert_eq!(people.presence_of(&"rob".into()), Presence::Away);
        assert_eq!(
            (people.name("u2"), people.names().count()),
            (Some(&"rob".into()), 1)
        );
        people.learn("u3", &"rob".into());
        people.set_presence("u3", Presence::Online);
        people.learn("u2", &"bob".into());
        assert_eq!(people.presence_of(&"rob".into()), Presence::Online);
        people.forget_presence();
        assert_eq!(people.presence_of(&"rob".into()), Presence::Offline);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut people = People::default();
        for number in 0..PEOPLE_MAX + 10 {
            people.learn(&format!("u{number}"), &format!("n{number}").into());
            people.set_presence(&format!("u{number}"), Presence::Online);
        }
        people.learn(&"x".repeat(300), &"x".into());
        assert_eq!(
            (people.names.len(), people.presence.len()),
            (PEOPLE_MAX, PEOPLE_MAX)
        );
    }
}
