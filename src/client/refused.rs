//! Between what is typed and what the link sends: where a text goes, and what can be sent again of what was refused.

use super::{
    app::{refused::Refused, room::Place},
    net::outbox::{Outgoing, StoreId, Target},
};

/// Where the link sends a text that goes to a place, as the answer to a message there.
pub(super) fn target(to: Place, reply_to: Option<u64>) -> Target {
    let place = match to {
        Place::User(name) => Target::User(name.to_string()),
        Place::Channel(name) => Target::Channel(name.to_string()),
        Place::Group(id) => Target::Conversation(id),
    };
    match reply_to {
        Some(seq) => place.replying_to(seq),
        None => place,
    }
}

/// A message that was refused, as it can be sent again; `None`: it went where nothing can be typed to.
pub(super) fn again(message: &Outgoing) -> Option<Refused> {
    let to = match message.target.place() {
        Target::User(name) => Place::User(name.parse().ok()?),
        Target::Channel(name) => Place::Channel(name.parse().ok()?),
        Target::Conversation(id) => Place::Group(id.clone()),
        // A place is never an answer.
        Target::Reply(..) => return None,
    };
    let reply_to = message.target.reply_to_seq();
    Some(Refused {
        id: message.id,
        to,
        text: message.message_text()?,
        attachments: message.attachments.clone(),
        reply_to: (reply_to > 0).then_some(reply_to),
    })
}

/// The same as the link sends it: under its name, so that it is one message however often it is tried; of the store that it
/// is of.
pub(super) fn message(refused: Refused, store: Option<StoreId>) -> Outgoing {
    let Refused {
        id,
        to,
        text,
        attachments,
        reply_to,
    } = refused;
    Outgoing {
        id,
        target: target(to, reply_to),
        text: text.as_str().to_owned(),
        attachments,
        store,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ClientMessageId;

    #[test]
    fn what_was_refused_goes_again_where_it_went() {
        for place in [
            Place::User("bob".parse().unwrap()),
            Place::Channel("ops".parse().unwrap()),
            Place::Group("c7".to_owned()),
        ] {
            for (reply_to, text, files) in [
                (None, "hi", &[][..]),
                (Some(3), "hi", &["f1", "f2"][..]),
                (None, "", &["f1"][..]),
            ] {
                let sent = Outgoing {
                    id: ClientMessageId::from_bytes([1; 16]),
                    target: target(place.clone(), reply_to),
                    text: text.to_owned(),
                    attachments: files.iter().map(ToString::to_string).collect(),
                    store: StoreId::new("e1"),
                };
                let refused = again(&sent).unwrap();
                let to = (refused.to.clone(), refused.reply_to);
                assert_eq!(to, (place.clone(), reply_to));
                assert_eq!(message(refused, sent.store.clone()), sent);
            }
        }
    }
}
