//! The one-shot commands about groups, channels, and messages that are there.

use std::io::Write;

use crate::{
    domain::{conversation::NotifyLevel, name::ChannelName},
    pb,
};

use super::{
    app::{acts, calls, emoji, line::Zone, parse::Notify},
    asks_calls,
    cli_rooms::{RoomCommand, Way, Which},
    exit::Failure,
    net::{
        rooms::RoomWish,
        session::{Patience, Session},
    },
    oneshot::{done, message_line},
    oneshot_links,
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
        RoomCommand::Channels { text } => {
            let text = text.strip_prefix('#').unwrap_or(text);
            for channel in session.channels(text, PATIENCE).await? {
                out.message(&channel, room_line)?;
            }
        }
        RoomCommand::Join { by } => {
            let joined = match by {
                Way::Channel(name) => session.join_channel(name, PATIENCE).await?,
                Way::Code(code) => session.join_by_invite_link(code, PATIENCE).await?,
            };
            out.message(&joined, room_line)?;
        }
        RoomCommand::Leave(it) => {
            let id = it.place.find(session, PATIENCE).await?;
            session.leave_conversation(&id).await?;
            return done(&format!("you are not in {} any more", it.place), out);
        }
        RoomCommand::Create { name, users, topic } => {
            let mut wish = wish(name)?;
            wish.users.clone_from(users);
            wish.topic.clone_from(topic);
            let made = session.create_conversation(&wish).await?;
            out.message(&made, room_line)?;
        }
        RoomCommand::Members { of, banned } => {
            let id = of.place.find(session, PATIENCE).await?;
            for member in session.members(&id, *banned, PATIENCE).await? {
                out.message(&member, member_line)?;
            }
        }
        RoomCommand::Invite { to, users } => {
            let id = to.place.find(session, PATIENCE).await?;
            for member in session.add_members(&id, users, PATIENCE).await? {
                out.message(&member, member_line)?;
            }
        }
        RoomCommand::Kick { from, member, ban } => {
            let id = from.place.find(session, PATIENCE).await?;
            session.remove_member(&id, member, *ban).await?;
            let is = if *ban { "banned from" } else { "not in" };
            return done(&format!("{member} is {is} {} now", from.place), out);
        }
        RoomCommand::Mute { what, lasts } => {
            let (level, lasts) = (NotifyLevel::None, *lasts);
            return notify(session, &what.place, Notify { level, lasts }, out).await;
        }
        RoomCommand::Unmute(what) => {
            let (level, lasts) = (NotifyLevel::All, None);
            return notify(session, &what.place, Notify { level, lasts }, out).await;
        }
        _ => return message(session, command, out).await,
    }
    out.flush()
}

async fn notify(
    session: &Session,
    place: &Recipient,
    notify: Notify,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    let id = place.find(session, PATIENCE).await?;
    let wish = asks_calls::wish(session, notify, PATIENCE).await?;
    let holds = session.set_notify(&id, wish, PATIENCE).await?;
    out.message(&holds, |holds| {
        let notify = translate::notify(holds.notify);
        calls::notify_line(&place.to_string(), notify, Zone::Local)
    })?;
    out.flush()
}

async fn message(
    session: &Session,
    command: &RoomCommand,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    match command {
        RoomCommand::Edit { message, text } => {
            let (id, seq) = find(session, message).await?;
            let message = session.edit_message(&id, seq, text.as_str(), PATIENCE);
            out.message(&message.await?, message_line)?;
        }
        RoomCommand::Delete(message) => {
            let (id, seq) = find(session, message).await?;
            let message = session.delete_message(&id, seq, PATIENCE).await?;
            out.message(&message, message_line)?;
        }
        RoomCommand::React {
            message,
            emoji,
            undo,
        } => {
            let emoji = match undo {
                true => emoji::taken_back(emoji.clone()),
                false => emoji::given(emoji.clone())
                    .map_err(|unknown| Failure::usage(unknown.to_string()))?,
            };
            let (id, seq) = find(session, message).await?;
            let emoji = emoji.as_str();
            if *undo {
                let answer = session.remove_reaction(&id, seq, emoji, PATIENCE).await?;
                out.message(&answer, |it| translate::reactions_line(&it.reactions))?;
            } else {
                let answer = session.add_reaction(&id, seq, emoji, PATIENCE).await?;
                out.message(&answer, |it| translate::reactions_line(&it.reactions))?;
            }
        }
        _ => return oneshot_links::run(session, command, out).await,
    }
    out.flush()
}

async fn find(session: &Session, message: &Which) -> Result<(String, u64), Failure> {
    let id = message.place.find(session, PATIENCE).await?;
    Ok((id, message.seq))
}

fn wish(name: &str) -> Result<RoomWish, Failure> {
    let (kind, name) = match name.strip_prefix('#') {
        Some(name) => {
            let name: ChannelName = name.parse().map_err(|error| {
                let error: crate::domain::name::ChannelNameError = error;
                Failure::usage(error.to_string())
            })?;
            (pb::ConversationKind::Channel, name.to_string())
        }
        None => (pb::ConversationKind::Group, name.to_owned()),
    };
    Ok(RoomWish {
        kind,
        name,
        topic: String::new(),
        users: Vec::new(),
    })
}

fn room_line(conversation: &pb::Conversation) -> String {
    acts::channel_line(&translate::named_room(conversation.clone()))
}

fn member_line(member: &pb::Member) -> String {
    acts::member_line(&translate::member(member.clone()))
}
