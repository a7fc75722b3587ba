//! The same for what calls for the user: searches, mentions, what is put aside, bells, and how the user can be reached.

use crate::{
    domain::{conversation::NotifyLevel, user::Presence},
    pb,
};

use super::{
    app::{
        acts::{Outcome, Spot},
        line::Zone,
        look::Search,
        model::Msg,
        parse::Notify,
        room::Place,
        when,
    },
    asks::{Answer, Brought, PATIENCE},
    net::{
        error::ClientError,
        finding::SearchWish,
        history::timestamp,
        session::{Patience, Session},
    },
    translate,
};

/// Messages that are shown at once: they fit on a screen.
const FOUND_MAX: usize = 10;

type Done = Result<Brought<Outcome>, ClientError>;

/// Looks for messages.
pub(super) async fn search(session: &Session, zone: Zone, search: &Search) -> Done {
    let look = &search.look;
    let conversation_id = match &search.spot {
        None => None,
        Some(spot) => match id_of(session, spot).await? {
            Some(id) => Some(id),
            // Nothing was said there yet.
            None => return Ok(Brought::new(Outcome::Found(Vec::new(), String::new()))),
        },
    };
    let wish = SearchWish {
        words: look.words.clone(),
        conversation_id,
        sender: look.from.clone(),
        since: look.since.map(|since| since.in_zone(zone)),
        until: look.until.map(|until| until.in_zone(zone)),
    };
    let (hits, next) = session
        .search(&wish, &search.page, FOUND_MAX, PATIENCE)
        .await?;
    let found = hits.iter().cloned().map(translate::hit).collect();
    let senders = hits.iter().filter_map(|hit| hit.message.as_ref());
    let names: Vec<String> = senders.filter_map(sender).collect();
    Ok(Brought::new(Outcome::Found(found, next))
        .with("hit", &hits)
        .with_names(names))
}

/// Lists what mentions the user.
pub(super) async fn mentions(session: &Session, all: bool, page: &str) -> Done {
    let (messages, next) = session.mentions(!all, page, FOUND_MAX, PATIENCE).await?;
    let found = messages.iter().cloned().map(translate::found).collect();
    let names: Vec<String> = messages.iter().filter_map(sender).collect();
    Ok(Brought::new(Outcome::Found(found, next))
        .with("mention", &messages)
        .with_names(names))
}

fn sender(message: &pb::Message) -> Option<String> {
    Some(message.sender.as_ref()?.name.clone())
}

/// The id of a conversation, if it was ever begun: to look for something begins none.
async fn id_of(session: &Session, spot: &Spot) -> Result<Option<String>, ClientError> {
    let found = match (&spot.id, &spot.place) {
        (Some(id), _) | (None, Place::Group(id)) => return Ok(Some(id.clone())),
        (None, Place::User(name)) => session.conversation_with(name, PATIENCE).await?,
        (None, Place::Channel(name)) => {
            let found = session.channel_of_mine(name, PATIENCE).await?;
            let missing = || ClientError::NotAMember(format!("#{name}").into());
            Some(found.ok_or_else(missing)?)
        }
    };
    Ok(found.map(|it| it.id))
}

/// Puts a conversation aside as unread, or takes it up again.
pub(super) async fn unread(session: &Session, id: &str, aside: bool) -> Done {
    match aside {
        true => session.mark_unread(id, PATIENCE).await?,
        false => take_up_again(session, id).await?,
    }
    Ok(Brought::new(Outcome::Aside(id.to_owned(), aside)))
}

/// Marks a conversation read as far as it is read already, which is all that takes it up again.
async fn take_up_again(session: &Session, id: &str) -> Result<(), ClientError> {
    let conversation = session.conversation(id, PATIENCE).await?;
    session
        .mark_read(id, conversation.read_seq)
        .await
        .map(|_| ())
}

/// Takes a conversation up again that was opened.
pub async fn take_up(session: Session, id: String) -> Answer {
    settled(take_up_again(&session, &id).await)
}

/// Says anew how the user can be reached.
pub async fn stay_as(session: Session, presence: Presence) -> Answer {
    let presence = translate::presence(presence);
    settled(session.set_presence(presence, PATIENCE).await.map(|_| ()))
}

fn settled(outcome: Result<(), ClientError>) -> Answer {
    let outcome = outcome.map_err(|error| translate::problem(&error));
    Answer::new(Msg::Settled(outcome))
}

/// Says what of a conversation the user wants to be called for, or asks.
pub(super) async fn notify(session: &Session, id: &str, notify: Option<Notify>) -> Done {
    let Some(notify) = notify else {
        let conversation = session.conversation(id, PATIENCE).await?;
        let holds = pb::SetNotifyLevelResponse {
            notify: conversation.notify,
        };
        return Ok(notified(id, &holds));
    };
    let wish = wish(session, notify, PATIENCE).await?;
    Ok(notified(id, &session.set_notify(id, wish, PATIENCE).await?))
}

/// What to ask the server for. Until when is reckoned by its clock: that of this machine may be wrong.
pub(super) async fn wish(
    session: &Session,
    notify: Notify,
    patience: Patience,
) -> Result<pb::NotifySettings, ClientError> {
    let level = translate::notify_level(notify.level);
    let until_time = match notify.lasts {
        Some(span) if notify.level != NotifyLevel::All => {
            let now = translate::time(session.time(patience).await?.time);
            Some(timestamp(when::after(now, span)))
        }
        _ => None,
    };
    Ok(pb::NotifySettings {
        level: level.into(),
        until_time,
    })
}

fn notified(id: &str, holds: &pb::SetNotifyLevelResponse) -> Brought<Outcome> {
    let notify = translate::notify(holds.notify);
    Brought::new(Outcome::Notify(id.to_owned(), notify)).with("notify", [holds])
}

/// Says how the user can be reached.
pub(super) async fn presence(session: &Session, presence: Presence) -> Done {
    let asked = translate::presence(presence);
    let seen = session.set_presence(asked, PATIENCE).await?;
    let outcome = Outcome::Presence(translate::presence_of(seen.presence()));
    Ok(Brought::new(outcome).with("presence", [&seen]))
}
