//! What was heard while a history went on, and what a replay of it must be.

use tinychat::domain::{
    event::{Event, EventBody, MemberChange, MemberChanged},
    ids::{ConversationId, Offset, Seq, UserId},
};

use super::{
    rules::Model,
    words::{reactions, shown},
};

/// The message that an event is about.
fn about(event: &Event) -> Option<(ConversationId, Seq, bool)> {
    match &event.body {
        EventBody::MessageEdited(it) => Some((it.conversation, it.seq, false)),
        EventBody::MessageDeleted(it) => Some((it.conversation, it.seq, false)),
        EventBody::ReactionsChanged(it) => Some((it.conversation, it.seq, true)),
        _ => None,
    }
}

/// What everybody heard, for what is asked of a replay.
pub struct Heard<'a> {
    pub log: &'a [(Event, Vec<UserId>)],
}

impl Heard<'_> {
    /// The last edit or deletion of a message, or the last change of its reactions, wherever it stands. A deletion takes
    /// the reactions along.
    fn last_about(&self, id: ConversationId, seq: Seq, reactions: bool) -> Option<Offset> {
        let mut last = None;
        for (event, _) in self.log {
            let Some((_, _, is_reaction)) = about(event).filter(|it| (it.0, it.1) == (id, seq))
            else {
                continue;
            };
            if is_reaction == reactions {
                last = Some(event.offset);
            } else if reactions && matches!(event.body, EventBody::MessageDeleted(_)) {
                last = None;
            }
        }
        last
    }

    /// Checks a replay of one user from one place.
    pub fn check(&self, model: &Model, who: usize, from: Offset, replayed: &[Event]) {
        let user = model.people[who].id;
        let missed = self.log.iter().filter(|(event, readers)| {
            event.offset > from && readers.contains(&user) && self.still_there(event, user)
        });
        let mut missed = missed.map(|(event, _)| event);
        for event in replayed.iter().filter(|it| !is_marker(it)) {
            let context = format!("user {who} from {from:?}: {event:?}");
            let expected = missed.next();
            let expected = expected.unwrap_or_else(|| panic!("{context}: too much"));
            assert_eq!(event.offset, expected.offset, "{context}, not {expected:?}");
            self.same(model, who, event, expected, &context);
        }
        let left = missed.next();
        assert!(left.is_none(), "user {who} from {from:?}: missing {left:?}");
    }

    fn still_there(&self, event: &Event, user: UserId) -> bool {
        match &event.body {
            EventBody::SettingsChanged(set) => {
                return self.are_last(event.offset, set.conversation, user);
            }
            EventBody::BlocksChanged(_) => return self.is_last_list(event.offset, user),
            _ => {}
        }
        !is_marker(event)
            && about(event).is_none_or(|(id, seq, reactions)| {
                self.last_about(id, seq, reactions) == Some(event.offset)
            })
    }

    /// Whether the settings of a user did not change after this place, nor went with the membership.
    fn are_last(&self, place: Offset, id: ConversationId, user: UserId) -> bool {
        let mut later = self.log.iter().filter(|(event, _)| event.offset > place);
        !later.any(|(event, readers)| match &event.body {
            EventBody::SettingsChanged(it) => it.conversation == id && readers.contains(&user),
            EventBody::MemberChanged(it) => it.conversation == id && ends(it, user),
            _ => false,
        })
    }

    /// Whether the list of those whom a user blocks did not change after this place.
    fn is_last_list(&self, place: Offset, user: UserId) -> bool {
        let mut later = self.log.iter().filter(|(event, _)| event.offset > place);
        !later.any(|(event, readers)| {
            matches!(event.body, EventBody::BlocksChanged(_)) && readers.contains(&user)
        })
    }

    fn same(&self, model: &Model, who: usize, event: &Event, then: &Event, context: &str) {
        let room = |id| model.rooms.iter().find(|room| room.id == id).unwrap();
        match (&event.body, &then.body) {
            (EventBody::Message(now), EventBody::Message(then)) => {
                let room = room(now.conversation);
                let (_, full) = model.said(room, who, now.seq.number());
                let ended = self.left(model, who, now.conversation, event.offset);
                let changed_later = |reactions| {
                    let last = self.last_about(now.conversation, now.seq, reactions);
                    ended.zip(last).is_some_and(|(left, last)| last > left)
                };
                let got = shown(now);
                match (changed_later(false), changed_later(true)) {
                    (true, _) => {
                        assert!(now.text.is_none() && now.reactions.is_empty(), "{context}")
                    }
                    (false, true) => assert!(now.reactions.is_empty(), "{context}"),
                    (false, false) => assert_eq!(got, full, "{context}"),
                }
                assert_eq!(now.sender, then.sender, "{context}");
            }
            (EventBody::ConversationChanged(now), EventBody::ConversationChanged(then)) => {
                assert_eq!((now.id, &now.kind), (then.id, &then.kind), "{context}");
                let is_member = room(now.id).members.contains_key(&who);
                let topic = match is_member {
                    true => room(now.id).topic.as_str(),
                    false => then.topic.as_str(),
                };
                assert_eq!(now.topic.as_str(), topic, "{context}");
            }
            (EventBody::ReactionsChanged(now), EventBody::ReactionsChanged(_)) => {
                let given = room(now.conversation)
                    .message(now.seq.number())
                    .reactions(who);
                assert_eq!(reactions(&now.reactions), given, "{context}");
                assert!(now.act.is_none(), "{context}");
            }
            (EventBody::SettingsChanged(now), EventBody::SettingsChanged(then)) => {
                assert_eq!(now, then, "{context}");
                let member = &room(now.conversation).members[&who];
                assert_eq!(now.settings, member.settings, "{context}");
            }
            (EventBody::BlocksChanged(now), EventBody::BlocksChanged(_)) => {
                assert_eq!(*now, model.blocked(who), "{context}");
            }
            _ => assert_eq!(event, then, "{context}"),
        }
    }

    /// Where the membership in which somebody read this ended, if it did.
    fn left(
        &self,
        model: &Model,
        who: usize,
        id: ConversationId,
        offset: Offset,
    ) -> Option<Offset> {
        let user = model.people[who].id;
        let ends = self.log.iter().filter_map(|(event, _)| match &event.body {
            EventBody::MemberChanged(it) if it.conversation == id && ends(it, user) => {
                Some(event.offset)
            }
            _ => None,
        });
        ends.into_iter().find(|end| *end >= offset)
    }
}

/// Whether it ends the membership of a user.
fn ends(changed: &MemberChanged, user: UserId) -> bool {
    use MemberChange::{Banned, Left, Removed};
    changed.user.id == user && matches!(changed.change, Left | Removed | Banned)
}

fn is_marker(event: &Event) -> bool {
    matches!(event.body, EventBody::ReadMarker(_))
}
