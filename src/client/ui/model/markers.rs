//! How far the others of a conversation have come, and what that makes of an own message.
//!
//! Promises: a marker never goes back, and nothing is said to be read by all before all are known. Keyed by the ids of
//! users, as events name them. Knows nothing of who is who.

use std::collections::BTreeMap;

use crate::domain::limits::MARKERS_SHOWN_MEMBERS_MAX;

/// Markers that are kept: more than an honest server sends of one conversation.
const MARKERS_MAX: usize = 4 * MARKERS_SHOWN_MEMBERS_MAX;

/// How far one member has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marker {
    /// Everything up to here has arrived.
    pub delivered: u64,
    /// Everything up to here is read.
    pub read: u64,
}

/// What became of an own message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// It was refused, or given up.
    Failed,
    /// It is not on the server yet.
    Pending,
    /// It is on the server.
    Sent,
    /// It has arrived at all others.
    Delivered,
    /// All others have read it.
    Read,
}

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markers(BTreeMap<String, Marker>);

impl Markers {
    /// Takes in how far another member has come; returns whether that is news.
    pub fn advance(&mut self, user: &str, marker: Marker) -> bool {
        if !self.0.contains_key(user) && self.0.len() >= MARKERS_MAX {
            return false;
        }
        let known = self.0.entry(user.to_owned()).or_default();
        let read = known.read.max(marker.read);
        let new = Marker {
            read,
            // What is read has arrived.
            delivered: known.delivered.max(marker.delivered).max(read),
        };
        let is_new = *known != new;
        *known = new;
        is_new
    }

    /// Forgets a user who is no member any more.
    pub fn forget(&mut self, user: &str) {
        self.0.remove(user);
    }

    /// The marker of one user.
    pub fn get(&self, user: &str) -> Option<Marker> {
        self.0.get(user).copied()
    }

    /// All that are known, each with the id of the user.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Marker)> {
        self.0.iter().map(|(user, marker)| (user.as_str(), *marker))
    }

    /// What has become of an own message that is on the server, where so many others are.
    pub fn delivery(&self, seq: u64, others_count: usize) -> Delivery {
        let (delivered, read) = self.reached(seq);
        match others_count {
            0 => Delivery::Sent,
            count if read >= count => Delivery::Read,
            count if delivered >= count => Delivery::Delivered,
            _ => Delivery::Sent,
        }
    }

    /// At how many of the others a message has arrived, and how many have read it, as far as is known.
    pub fn reached(&self, seq: u64) -> (usize, usize) {
        let count = |is: &dyn Fn(&&Marker) -> bool| self.0.values().filter(|it| is(it)).count();
        (
            count(&|marker| marker.delivered >= seq),
            count(&|marker| marker.read >= seq),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(delivered: u64, read: u64) -> Marker {
        Marker { delivered, read }
    }

    #[test]
    fn markers_go_forward_and_what_is_read_has_arrived() {
        let mut markers = Markers::default();
        assert!(markers.advance("u2", marker(5, 3)));
        assert!(!markers.advance("u2", marker(4, 2)));
        assert!(markers.advance("u2", marker(0, 7)));
        assert_eq!(markers.get("u2"), Some(marker(7, 7)));
    }

    #[test]
    fn all_must_have_read_what_is_said_to_be_read() {
        let mut markers = Markers::default();
        assert_eq!(markers.delivery(1, 0), Delivery::Sent);
        markers.advance("u2", marker(9, 9));
        assert_eq!(markers.delivery(9, 1), Delivery::Read);
        assert_eq!(markers.delivery(9, 2), Delivery::Sent, "one is not known");
        markers.advance("u3", marker(9, 2));
        assert_eq!(markers.delivery(9, 2), Delivery::Delivered);
        assert_eq!(
            (markers.delivery(2, 2), markers.reached(9)),
            (Delivery::Read, (2, 1))
        );
        for number in 0..1_000 {
            markers.advance(&format!("x{number}"), marker(1, 1));
        }
        assert_eq!(markers.0.len(), MARKERS_MAX);
    }
}
