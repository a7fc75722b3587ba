//! The same for invite links, for whom the user blocks, and for how far others have come.

use crate::{
    domain::{name::UserName, secret::InviteCode},
    pb,
};

use super::{
    app::{
        acts::Outcome,
        blocked::Blocked,
        links::{Ends, Seen, Sought},
        when,
    },
    asks::{Brought, PATIENCE},
    net::{
        error::ClientError,
        history::Position,
        invites::InviteWish,
        session::{Patience, Session},
    },
    translate,
};

type Done = Result<Brought<Outcome>, ClientError>;

/// Makes an invite link.
pub(super) async fn link(session: &Session, id: &str, ends: Ends) -> Done {
    let wish = wish(session, ends, PATIENCE).await?;
    let answer = session.create_invite_link(id, wish).await?;
    let line = translate::invite_link(answer.invite_link.clone().unwrap_or_default());
    let outcome = Outcome::Link(line, answer.code.as_str().into());
    Ok(Brought::new(outcome).with("invite_link_made", [&answer]))
}

/// What to ask the server for. When it ends is reckoned by its clock: that of this machine may be wrong.
pub(super) async fn wish(
    session: &Session,
    ends: Ends,
    patience: Patience,
) -> Result<InviteWish, ClientError> {
    let expires = match ends.lasts {
        Some(span) => {
            let now = translate::time(session.time(patience).await?.time);
            Some(when::after(now, span))
        }
        None => None,
    };
    let uses_max = ends.uses.map_or(0, Into::into);
    Ok(InviteWish { expires, uses_max })
}

/// Lists the invite links.
pub(super) async fn links(session: &Session, id: &str) -> Done {
    let links = session.invite_links(id, PATIENCE).await?;
    let lines = links.iter().cloned().map(translate::invite_link).collect();
    Ok(Brought::new(Outcome::Links(lines)).with("invite_link", &links))
}

/// Joins by an invite link.
pub(super) async fn join(
    session: &Session,
    code: &InviteCode,
) -> Result<pb::Conversation, ClientError> {
    session.join_by_invite_link(code, PATIENCE).await
}

/// Shows how far others have come.
pub(super) async fn seen(session: &Session, me: &UserName, id: &str, which: Option<u64>) -> Done {
    let markers = session.markers(id, PATIENCE).await?;
    let message = match which {
        Some(seq) => chosen(session, me, id, seq).await?,
        None if markers.is_empty() => Sought::Nothing,
        None => {
            let last = session.last_message_of(id, me, PATIENCE).await?;
            last.map_or(Sought::Nothing, |message| Sought::Own(message.seq))
        }
    };
    let seen = Seen {
        message,
        others: markers.iter().cloned().map(translate::marker).collect(),
    };
    Ok(Brought::new(Outcome::Seen(seen)).with("marker", &markers))
}

/// Whether a message is of this user.
async fn chosen(
    session: &Session,
    me: &UserName,
    id: &str,
    seq: u64,
) -> Result<Sought, ClientError> {
    let found = session.history(id, Position::Around(seq), 1, PATIENCE);
    let is_mine = |it: &pb::Message| {
        let sender = it.sender.as_ref().map(|sender| sender.name.as_str());
        it.seq == seq && sender == Some(me.as_str())
    };
    Ok(match found.await?.iter().any(is_mine) {
        true => Sought::Own(seq),
        false => Sought::NotOwn(seq),
    })
}

/// Blocks a user, or ends that.
pub(super) async fn block(session: &Session, user: &UserName, is_blocked: bool) -> Done {
    match is_blocked {
        true => session.block_user(user, PATIENCE).await?,
        false => session.unblock_user(user, PATIENCE).await?,
    }
    Ok(Brought::new(Outcome::Done))
}

/// Lists whom the user blocks.
pub(super) async fn blocked(session: &Session) -> Done {
    let users = session.blocked_users(PATIENCE).await?;
    let names: Vec<String> = users.iter().map(|user| user.name.clone()).collect();
    let blocked = translate::blocked(users.clone());
    Ok(Brought::new(Outcome::Blocked(blocked))
        .with("blocked", &users)
        .with_names(names))
}

/// Asks whom the user blocks; nobody is blocked on a server that knows of no blocks.
pub(super) async fn whom(session: &Session, patience: Patience) -> Option<Blocked> {
    match session.blocked_users(patience).await {
        Ok(users) => Some(translate::blocked(users)),
        Err(error) if error.is_unimplemented() => Some(Blocked::default()),
        Err(_) => None,
    }
}
