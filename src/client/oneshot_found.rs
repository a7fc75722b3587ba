//! The one-shot commands that find messages: by their words, and by whom they mention.

use std::io::Write;

use super::{
    app::{
        blocked::Blocked,
        line::{self, Zone},
        look::Found,
        room::Rooms,
    },
    cli::{MentionsOptions, SearchOptions},
    exit::Failure,
    json::Format,
    net::{
        finding::SearchWish,
        session::{Patience, Session},
    },
    oneshot_links,
    output::Output,
    translate,
};

/// Prints what is found, the newest message first. Nothing is a failure: a script asks whether there is something.
pub(super) async fn search(
    session: &Session,
    options: &SearchOptions,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    let conversation_id = match &options.within {
        None => None,
        Some(place) => Some(place.find(session, Patience::None).await?),
    };
    let wish = SearchWish {
        words: options.words.join(" "),
        conversation_id,
        sender: options.from.clone(),
        since: options.since,
        until: options.until,
    };
    let (hits, _) = session
        .search(&wish, "", count(options.limit), Patience::None)
        .await?;
    if hits.is_empty() {
        return Err(Failure::not_found(
            "nothing was found; each word must stand in the message, or begin one there",
        ));
    }
    let known = known(session, out.format()).await?;
    for hit in &hits {
        out.message(hit, |hit| found_line(&known, &translate::hit(hit.clone())))?;
    }
    out.flush()
}

/// Prints what mentions the user, the newest message first.
pub(super) async fn mentions(
    session: &Session,
    options: &MentionsOptions,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    let (messages, _) = session
        .mentions(!options.all, "", count(options.limit), Patience::None)
        .await?;
    if messages.is_empty() {
        return Ok(());
    }
    let known = known(session, out.format()).await?;
    for message in &messages {
        out.message(message, |it| {
            found_line(&known, &translate::found(it.clone()))
        })?;
    }
    out.flush()
}

fn count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// The conversations, whose names people need, and whom they block; programs have the ids, and hide for themselves.
async fn known(session: &Session, format: Format) -> Result<(Rooms, Blocked), Failure> {
    let blocked = oneshot_links::blocked(session, format).await?;
    let mut rooms = Rooms::default();
    if format == Format::Text {
        for conversation in session.conversations(Patience::None).await? {
            rooms.learn(translate::named_room(conversation));
        }
    }
    Ok((rooms, blocked))
}

fn found_line((rooms, blocked): &(Rooms, Blocked), found: &Found) -> String {
    let message = &found.message;
    let place = rooms.whereabouts(&message.conversation, &message.sender);
    let shown = blocked.found(rooms.get(&message.conversation), found);
    line::found(&shown, &place, Zone::Local)
}
