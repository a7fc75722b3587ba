//! What must hold of the client and the server of that world.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{World, state};
use crate::client::{
    translate as wire,
    ui::{
        model::{chat::ChatId, window::Window},
        translate,
    },
};

impl World {
    pub fn no_message_is_shown_twice(&self) -> Result<(), TestCaseError> {
        let mut shown = BTreeSet::new();
        for chat in self.model.chats.iter() {
            let ids = chat.window.all().filter(|it| it.is_by(&self.model.me));
            for id in ids.filter_map(|it| it.client_id) {
                prop_assert!(shown.insert(id), "{id} stands twice in windows");
                prop_assert!(
                    self.model.outgoing.get(id).is_none(),
                    "{id} is on its way and there"
                );
            }
        }
        // A number of another store is that of another message, or of none.
        let mut typed = self.typed.iter().filter(|(_, era)| **era != self.era);
        let stale = typed.find(|(id, _)| {
            let message = self.model.outgoing.get(**id);
            message.is_some_and(|message| message.reply_to.is_some())
        });
        prop_assert!(stale.is_none(), "{stale:?} answers another message");
        Ok(())
    }

    pub fn same_as_server(&self) -> Result<(), TestCaseError> {
        let mut known = BTreeSet::new();
        for place in &self.server.places {
            let id = ChatId::from(place.id.as_str());
            let Some(expected) = self.server.state(&place.id) else {
                prop_assert!(self.model.chats.get(&id).is_none(), "{} is left", place.id);
                continue;
            };
            let expected = state(expected);
            let chat = self.model.chats.get(&id);
            prop_assert!(chat.is_some(), "{} is not known", place.id);
            let chat = chat.unwrap();
            known.insert(id);
            prop_assert!(!chat.is_unsure(), "{} is unsure", place.id);
            prop_assert_eq!(Some(chat.counts()), expected.counts, "{}", &place.id);
            let (room, told) = (&chat.room, &expected.room);
            prop_assert_eq!(&room.name, &told.name, "{}", &place.id);
            prop_assert_eq!(&room.topic, &told.topic, "{}", &place.id);
            prop_assert_eq!(room.members_count, told.members_count, "{}", &place.id);
            prop_assert_eq!(room.settings, told.settings, "{}", &place.id);
            prop_assert_eq!(chat.my_role, expected.my_role, "{}", &place.id);
            for message in place.readable() {
                let message = translate::message(message);
                if let Some(shown) = chat.window.get(message.seq) {
                    prop_assert_eq!(shown, &message, "{}", &place.id);
                }
            }
            let mut members = self.server.members_of(&place.id);
            if let Some(known) = &chat.members {
                let mut names: Vec<String> = known.iter().map(|it| it.name.render_line()).collect();
                names.sort();
                members.sort();
                prop_assert_eq!(names, members, "{}", &place.id);
            }
            let last = chat.counts().last_seq;
            let beyond = chat.window.all().find(|it| it.seq > last);
            prop_assert!(beyond.is_none(), "{} has more than there is", place.id);
        }
        prop_assert_eq!(known.len(), self.model.chats.len());
        let blocked = wire::blocked(self.server.blocked_users());
        prop_assert_eq!(&self.model.blocked, &blocked);
        for place in &self.server.places {
            for message in place.readable() {
                let id = message.client_message_id.parse().ok();
                let pending = id.and_then(|id| self.model.outgoing.get(id));
                prop_assert!(pending.is_none(), "{pending:?} is there");
            }
        }
        Ok(())
    }

    /// Looks at every message of every conversation, page by page.
    pub fn look_at_all(&mut self) -> Result<(), TestCaseError> {
        for place in 0..self.server.places.len() {
            let id = self.id(place);
            if self.model.chats.get(&id).is_none() {
                continue;
            }
            for _ in 0..60 {
                let chat = self.model.chats.get(&id).unwrap();
                let Some(ask) = chat.missing(1_000, 1_000) else {
                    break;
                };
                self.ask_page(id.clone(), ask);
                self.snapshot(0);
                let (era, news) = self.answers.remove(0);
                self.answered(era, news);
            }
            let chat = self.model.chats.get(&id).unwrap();
            prop_assert_eq!(chat.missing(1_000, 1_000), None);
            let there = self.server.places[place].readable();
            let seqs = |window: &Window| window.all().map(|it| it.seq).collect::<Vec<u64>>();
            let shown = seqs(&chat.window);
            let floor = chat.window.floor();
            let there: Vec<u64> = there.iter().map(|it| it.seq).collect();
            let shown: Vec<u64> = shown.into_iter().filter(|seq| *seq > floor).collect();
            prop_assert_eq!(shown, there, "{:?}", &id);
        }
        Ok(())
    }
}
