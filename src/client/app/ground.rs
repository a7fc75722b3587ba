//! What a command needs to know of where it is typed: the line mode and the terminal UI each say it of their own state,
//! so that one table and one way from a command to an act serve both. Changes nothing.

use super::{
    acts::{Act, Spot},
    model::Model,
    room::Place,
};

/// Where a command is typed.
pub trait Ground {
    /// The conversation in front, if one is.
    fn place(&self) -> Option<Place>;

    /// The id of a conversation, if it is known.
    fn id_of(&self, place: &Place) -> Option<String>;

    /// The ids of the groups of this name that the user is in.
    fn groups(&self, name: &str) -> Vec<String>;

    /// What gets more of what was found last; `None`: there is no more.
    fn more(&self) -> Option<Act>;

    /// A conversation that something is done to.
    fn spot(&self, place: Place) -> Spot {
        let id = self.id_of(&place);
        Spot { place, id }
    }
}

impl Ground for Model {
    fn place(&self) -> Option<Place> {
        self.focus.clone()
    }

    fn id_of(&self, place: &Place) -> Option<String> {
        self.rooms.id_of(place)
    }

    fn groups(&self, name: &str) -> Vec<String> {
        let groups = self.rooms.groups(name);
        groups.into_iter().map(|room| room.id.clone()).collect()
    }

    fn more(&self) -> Option<Act> {
        self.more.clone()
    }
}
