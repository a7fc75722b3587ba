//! The one-shot commands about invite links, about whom the user blocks, and about how far others have come.

use std::io::Write;

use crate::{domain::name::UserName, pb};

use super::{
    app::{
        blocked::Blocked,
        line::Zone,
        links::{self, Ends},
        untrusted::Untrusted,
    },
    asks_links,
    cli_rooms::{LinkOptions, RoomCommand},
    exit::Failure,
    json::Format,
    net::session::{Patience, Session},
    oneshot::done,
    output::Output,
    recipient::Recipient,
    translate,
};

/// How long these wait for a server that cannot be reached: not at all.
const PATIENCE: Patience = Patience::None;

/// Runs one.
pub(super) async fn run(
    session: &Session,
    command: &RoomCommand,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    match command {
        RoomCommand::Link(options) => link(session, options, out).await?,
        RoomCommand::Links(of) => {
            let id = of.place.find(session, PATIENCE).await?;
            for link in session.invite_links(&id, PATIENCE).await? {
                out.message(&link, link_line)?;
            }
        }
        RoomCommand::Unlink { of, link } => {
            let id = of.place.find(session, PATIENCE).await?;
            session.revoke_invite_link(&id, &link.to_string()).await?;
            return done(&format!("{link} is void now"), out);
        }
        RoomCommand::Block { whom } => {
            session.block_user(whom, PATIENCE).await?;
            return done(&format!("{whom} is blocked now"), out);
        }
        RoomCommand::Unblock { whom } => {
            session.unblock_user(whom, PATIENCE).await?;
            return done(&format!("{whom} is not blocked any more"), out);
        }
        RoomCommand::Blocked => {
            for user in session.blocked_users(PATIENCE).await? {
                out.message(&user, |user| {
                    Untrusted::from(user.name.as_str()).render_line()
                })?;
            }
        }
        RoomCommand::Seen(by) => seen(session, &by.place, out).await?,
        _ => {}
    }
    out.flush()
}

/// Prints the code alone, for scripts: nothing else of a link is of use to whoever gets it.
async fn link(
    session: &Session,
    options: &LinkOptions,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    let id = options.to.place.find(session, PATIENCE).await?;
    let ends = Ends {
        lasts: options.expires,
        uses: options.uses,
    };
    let wish = asks_links::wish(session, ends, PATIENCE).await?;
    let made = session.create_invite_link(&id, wish).await?;
    out.message(&made, |made| {
        Untrusted::from(made.code.as_str()).render_line()
    })
}

fn link_line(link: &pb::InviteLink) -> String {
    links::link_line(&translate::invite_link(link.clone()), Zone::Local)
}

/// Prints how far others have come. Where that is not told is a failure: nobody would be taken for nobody yet.
async fn seen(
    session: &Session,
    place: &Recipient,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    let id = place.find(session, PATIENCE).await?;
    let markers = session.markers(&id, PATIENCE).await?;
    if markers.is_empty() {
        return Err(Failure::not_found(format!(
            "nobody else shows you in {place} how far they have come; others do in conversations of two and in small \
             groups, unless one of you has blocked the other"
        )));
    }
    let seq = match out.format() {
        // Programs have all the numbers.
        Format::Json => 0,
        Format::Text => last_own(session, &id).await?,
    };
    for marker in &markers {
        out.message(marker, |marker| {
            links::marker_line(&translate::marker(marker.clone()), seq)
        })?;
    }
    Ok(())
}

/// The number of the last message of the user.
async fn last_own(session: &Session, id: &str) -> Result<u64, Failure> {
    let nothing = || {
        Failure::not_found(
            "you have said nothing there of late; send something, and see who has got and read it",
        )
    };
    let me = session.who_am_i(PATIENCE).await?.user.unwrap_or_default();
    let me: UserName = me.name.parse().map_err(|_| nothing())?;
    let message = session.last_message_of(id, &me, PATIENCE).await?;
    Ok(message.ok_or_else(nothing)?.seq)
}

/// Whom the user blocks, for lines: programs hide for themselves.
pub(super) async fn blocked(session: &Session, format: Format) -> Result<Blocked, Failure> {
    if format == Format::Json {
        return Ok(Blocked::default());
    }
    match session.blocked_users(PATIENCE).await {
        Err(error) if error.is_unimplemented() => Ok(Blocked::default()),
        users => Ok(translate::blocked(users?)),
    }
}
