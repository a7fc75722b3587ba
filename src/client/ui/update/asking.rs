//! How what people do to conversations is asked for: the one place that knows whether the server can be asked, and where
//! the UI's state answers what a command must know.

use super::{
    super::{
        effect::Effect,
        model::{LinkState, Model, chat::ChatId, overlay::SearchPane},
    },
    refuse,
};
use crate::client::app::{
    acts::{Act, Deeds},
    ground::Ground,
    look::Search,
    room::{Kind, Place},
    untrusted::Untrusted,
};

/// What is said when the server cannot be asked.
pub(super) const AWAY: &str =
    "Not done: the server is away, and only texts wait for it; try again when it is back.";

impl Ground for Model {
    fn place(&self) -> Option<Place> {
        self.chats.front()?.room.place()
    }

    fn id_of(&self, place: &Place) -> Option<String> {
        match place {
            Place::Group(id) => Some(id.clone()),
            _ => self.chats.at(place).map(|chat| chat.room.id.clone()),
        }
    }

    fn groups(&self, name: &str) -> Vec<String> {
        let name = Untrusted::from(name);
        let rooms = self.chats.iter().map(|chat| &chat.room);
        let groups = rooms.filter(|room| room.kind == Kind::Group && room.name == name);
        groups.map(|room| room.id.clone()).collect()
    }

    fn more(&self) -> Option<Act> {
        let pane = self.last_search.as_ref()?;
        let page = Some(pane.next.clone()).filter(|next| !next.is_empty())?;
        match pane.as_ref() {
            SearchPane {
                mentions: Some(all),
                ..
            } => Some(Act::Mentions { all: *all, page }),
            SearchPane { search, .. } => {
                let search = Search::clone(search.as_ref()?);
                Some(Act::Search(Box::new(Search { page, ..search })))
            }
        }
    }
}

/// Whether the server can be asked.
pub(super) fn can_ask(model: &Model) -> bool {
    matches!(model.link, LinkState::Up | LinkState::CatchingUp)
}

/// Asks for an act, or says that it cannot be asked for: nothing keeps it for a server that is away.
pub(super) fn ask(model: &mut Model, act: Act) -> Vec<Effect> {
    match asked(model, act) {
        Ok(effects) => effects,
        Err(why) => refuse(model, why),
    }
}

/// Asks for an act; what says why not if it cannot be asked for.
pub(super) fn asked(model: &mut Model, act: Act) -> Result<Vec<Effect>, String> {
    if !can_ask(model) {
        return Err(AWAY.to_owned());
    }
    let aside = put_aside(model, &act);
    Ok(aside.into_iter().chain([Effect::Act(act)]).collect())
}

/// At once: what is marked read while the server answers would take it up again.
fn put_aside(model: &mut Model, act: &Act) -> Option<Effect> {
    let Act::At(spot, Deeds::Unread(true)) = act else {
        return None;
    };
    let id = ChatId::from(spot.id.as_deref()?);
    let chat = model.chats.get_mut(&id)?;
    chat.put_aside();
    Some(Effect::KeepUnread(id))
}

/// Asks for something to be done to the conversation in front.
pub(super) fn here(model: &mut Model, deed: Deeds) -> Vec<Effect> {
    let front = model.chats.front().map(|chat| chat.id().clone());
    match front {
        Some(id) => at(model, &id, deed),
        None => refuse(
            model,
            "No conversation is open, so there is none to do that in; open one first.",
        ),
    }
}

/// Asks for something to be done to a conversation.
pub(super) fn at(model: &mut Model, id: &ChatId, deed: Deeds) -> Vec<Effect> {
    match act_at(model, id, deed) {
        Some(act) => ask(model, act),
        None => refuse(
            model,
            "The server calls that conversation what nothing can be called; nothing can be done to it.",
        ),
    }
}

/// Something to be done to a conversation, if that can be named.
pub(super) fn act_at(model: &Model, id: &ChatId, deed: Deeds) -> Option<Act> {
    let place = model.chats.get(id)?.room.place()?;
    let spot = crate::client::app::acts::Spot {
        place,
        id: Some(id.as_str().to_owned()),
    };
    Some(Act::At(spot, deed))
}

#[cfg(test)]
mod tests {
    use super::{
        super::support::{ann_with_bob, entered, notice, room},
        *,
    };

    #[test]
    fn commands_find_places_as_the_line_mode_does() {
        let mut model = ann_with_bob();
        let id = |name: &str| model.id_of(&Place::User(name.parse().unwrap()));
        assert_eq!((id("carol"), id("ops")), (Some("c-carol".to_owned()), None));
        let place = Place::Group("c9".to_owned());
        assert_eq!(model.id_of(&place), Some("c9".to_owned()));
        assert_eq!(model.place(), Some(Place::User("bob".parse().unwrap())));
        assert_eq!(model.groups("trip"), ["c-trip"]);
        model
            .chats
            .learn(room("c-trip2", Kind::Group, "trip"), None);
        assert_eq!(entered(&mut model, "/search in:trip x").len(), 1);
        model.overlay = None;
        entered(&mut model, "/leave #ops");
        assert_eq!(notice(&model), "");
        model.link = LinkState::Starting;
        assert_eq!(entered(&mut model, "/leave #ops"), []);
        assert_eq!(notice(&model), AWAY);
    }
}
