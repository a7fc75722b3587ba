//! What the line mode asks the server for: each question is one future that brings its answer, as objects for programs
//! and as words for `app`.

use std::time::Duration;

use serde_json::Value;

use crate::{
    domain::name::UserName,
    pb::{self, ConversationKind},
};

use super::{
    app::{
        acts::{Act, Deeds, Outcome, Spot},
        line::Zone,
        listing::Listed,
        model::Msg,
        parse::Which,
        password::NewPassword,
        room::{Place, Wanted},
    },
    asks_calls, asks_links,
    json::{self, Named},
    net::{
        error::ClientError,
        history::Position,
        rooms::{RoomChange, RoomWish},
        session::{Patience, Session},
    },
    translate,
};

/// How long a command waits for a server that cannot be reached.
pub const PATIENCE: Patience = Patience::For(Duration::from_secs(5));
/// How long the start waits for what the server knows of the user: without it names are missing, and what blocked users
/// say is shown.
const ROOMS_PATIENCE: Patience = Patience::For(Duration::from_secs(2));

/// Messages that are shown around a place.
const HISTORY_AROUND: usize = 10;

/// What a question brought.
#[derive(Debug)]
pub struct Brought<T> {
    /// What it means.
    pub what: T,
    /// The same for programs: each object with its key. Where there are some, a program needs no words.
    pub objects: Vec<(&'static str, Value)>,
    /// Names that occur in it, for completion.
    pub names: Vec<String>,
}

/// What happened, as the line mode takes it in.
pub type Answer = Brought<Msg>;

impl<T> Brought<T> {
    pub(super) fn new(what: T) -> Self {
        Self {
            what,
            objects: Vec::new(),
            names: Vec::new(),
        }
    }

    pub(super) fn with<'a, M: Named + 'a>(
        mut self,
        key: &'static str,
        messages: impl IntoIterator<Item = &'a M>,
    ) -> Self {
        let objects = messages.into_iter().map(|it| (key, json::value(it).into()));
        self.objects.extend(objects);
        self
    }

    pub(super) fn with_names(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.names.extend(names);
        self
    }
}

/// Asks for everybody.
pub async fn users(session: Session) -> Answer {
    match session.users(PATIENCE).await {
        Ok(users) => {
            let lines = users.iter().cloned().map(translate::user).collect();
            Answer::new(Msg::Users(Ok(lines)))
                .with("user", &users)
                .with_names(users.iter().map(|user| user.name.clone()))
        }
        Err(error) => Answer::new(Msg::Users(Err(translate::problem(&error)))),
    }
}

/// Asks for the conversations of this user, to show all or some.
pub async fn conversations(session: Session, me: UserName, all: bool) -> Answer {
    match session.conversations(PATIENCE).await {
        Ok(found) => {
            let rows = found.iter().cloned().map(|it| Listed {
                room: translate::room(it.clone(), &me),
                ..translate::listed(it)
            });
            let rows = Ok(rows.collect());
            Answer::new(Msg::Listed { all, rows })
                .with("conversation", &found)
                .with_names(found.iter().map(spoken_name))
        }
        Err(error) => {
            let rows = Err(translate::problem(&error));
            Answer::new(Msg::Listed { all, rows })
        }
    }
}

/// Asks for the time.
pub async fn time(session: Session) -> Answer {
    match session.time(PATIENCE).await {
        Ok(time) => Answer::new(Msg::Time(Ok(translate::time(time.time)))).with("time", [&time]),
        Err(error) => Answer::new(Msg::Time(Err(translate::problem(&error)))),
    }
}

/// Asks for another password; not again when the answer is lost.
pub async fn password(session: Session, wish: NewPassword) -> Answer {
    let changed = session.change_password(&wish).await;
    Answer::new(Msg::Password {
        ends_others: wish.ends_others,
        outcome: changed.map_err(|error| translate::password_problem(&error)),
    })
}

/// Asks for the conversations of this user, whose names lines need, and for whom the user blocks, which no event tells to
/// a device that has heard it once.
pub async fn known(session: Session, me: UserName) -> Answer {
    let (all, blocked) = tokio::join!(
        session.conversations(ROOMS_PATIENCE),
        asks_links::whom(&session, ROOMS_PATIENCE)
    );
    let all = all.unwrap_or_default();
    let names = all.iter().map(spoken_name).collect::<Vec<_>>();
    let rooms = all.into_iter().map(|it| translate::room(it, &me)).collect();
    Answer::new(Msg::Known { rooms, blocked }).with_names(names)
}

fn spoken_name(conversation: &pb::Conversation) -> String {
    match conversation.kind() {
        ConversationKind::Channel => format!("#{}", conversation.name),
        _ => conversation.name.clone(),
    }
}

/// Asks for a conversation to open.
pub async fn start(session: Session, me: UserName, wanted: Wanted) -> Answer {
    let found = match &wanted {
        Wanted::User(name) => session
            .start_conversation(name, PATIENCE)
            .await
            .map(|it| vec![it]),
        Wanted::Channel(name) => {
            let found = session.channel_of_mine(name, PATIENCE).await;
            found.map(|it| it.into_iter().collect())
        }
        Wanted::Group(name) => groups(&session, name).await,
        Wanted::Id(id) => session.conversation(id, PATIENCE).await.map(|it| vec![it]),
    };
    let names: Vec<String> = match &found {
        Ok(found) => found.iter().map(spoken_name).collect(),
        Err(_) => Vec::new(),
    };
    let found = found.map(|found| {
        let rooms = found.into_iter().map(|it| translate::room(it, &me));
        rooms.collect()
    });
    Answer::new(translate::started(wanted, found)).with_names(names)
}

async fn groups(session: &Session, name: &str) -> Result<Vec<pb::Conversation>, ClientError> {
    let mut all = session.conversations(PATIENCE).await?;
    all.retain(|it| it.kind() == ConversationKind::Group && it.name == name);
    Ok(all)
}

/// Does something to a conversation. Times that were typed are those of this zone.
pub async fn act(session: Session, me: UserName, zone: Zone, act: Act) -> Answer {
    let done = match &act {
        Act::Create(name, topic) => {
            let wish = RoomWish {
                kind: ConversationKind::Channel,
                name: name.to_string(),
                topic: topic.as_str().to_owned(),
                users: Vec::new(),
            };
            session
                .create_conversation(&wish)
                .await
                .map(|it| of_room(it, &me))
        }
        Act::Group(name, users) => {
            let wish = RoomWish {
                kind: ConversationKind::Group,
                name: name.as_str().to_owned(),
                topic: String::new(),
                users: users.clone(),
            };
            session
                .create_conversation(&wish)
                .await
                .map(|it| of_room(it, &me))
        }
        Act::Join(name) => session
            .join_channel(name, PATIENCE)
            .await
            .map(|it| of_room(it, &me)),
        Act::JoinBy(code) => asks_links::join(&session, code)
            .await
            .map(|it| of_room(it, &me)),
        Act::Block(user, is_blocked) => asks_links::block(&session, user, *is_blocked).await,
        Act::Blocked => asks_links::blocked(&session).await,
        Act::Channels(text) => session.channels(text, PATIENCE).await.map(|channels| {
            let rooms = channels.iter().cloned();
            let rooms = rooms.map(|it| translate::room(it, &me)).collect();
            Brought::new(Outcome::Channels(rooms))
                .with("channel", &channels)
                .with_names(channels.iter().map(spoken_name))
        }),
        Act::Search(search) => asks_calls::search(&session, zone, search).await,
        Act::Mentions { all, page } => asks_calls::mentions(&session, *all, page).await,
        Act::Presence(presence) => asks_calls::presence(&session, *presence).await,
        Act::At(spot, deed) => at(&session, &me, zone, (spot, deed)).await,
    };
    match done {
        Ok(done) => Answer {
            what: Msg::Acted {
                act,
                outcome: Ok(done.what),
            },
            objects: done.objects,
            names: done.names,
        },
        Err(error) => Answer::new(Msg::Acted {
            act,
            outcome: Err(translate::problem(&error)),
        }),
    }
}

fn of_room(conversation: pb::Conversation, me: &UserName) -> Brought<Outcome> {
    let name = spoken_name(&conversation);
    let room = translate::room(conversation.clone(), me);
    Brought::new(Outcome::Room(room))
        .with("conversation", [&conversation])
        .with_names([name])
}

async fn at(
    session: &Session,
    me: &UserName,
    zone: Zone,
    (spot, deed): (&Spot, &Deeds),
) -> Result<Brought<Outcome>, ClientError> {
    let id = match &spot.id {
        Some(id) => id.clone(),
        None => find(session, &spot.place).await?,
    };
    let id = id.as_str();
    let nothing = || Brought::new(Outcome::Done);
    Ok(match deed {
        Deeds::Leave => {
            session.leave_conversation(id).await?;
            nothing()
        }
        Deeds::Members => {
            let members = session.members(id, false, PATIENCE).await?;
            let lines = members.iter().cloned().map(translate::member).collect();
            Brought::new(Outcome::Members(lines))
                .with("member", &members)
                .with_names(
                    members
                        .iter()
                        .filter_map(|it| Some(it.user.as_ref()?.name.clone())),
                )
        }
        Deeds::Invite(users) => {
            let members = session.add_members(id, users, PATIENCE).await?;
            nothing().with("member", &members)
        }
        Deeds::Remove { user, ban } => {
            session.remove_member(id, user, *ban).await?;
            nothing()
        }
        Deeds::SetRole(user, role) => {
            let role = translate::role(*role);
            let member = session.set_role(id, user, role, PATIENCE).await?;
            nothing().with("member", [&member])
        }
        Deeds::Topic(None) => of_room(session.conversation(id, PATIENCE).await?, me),
        Deeds::Topic(Some(topic)) => {
            let change = RoomChange {
                topic: Some(topic.as_str().to_owned()),
                ..RoomChange::default()
            };
            of_room(
                session.update_conversation(id, &change, PATIENCE).await?,
                me,
            )
        }
        Deeds::Rename(name) => {
            let change = RoomChange {
                name: Some(name.clone()),
                ..RoomChange::default()
            };
            of_room(
                session.update_conversation(id, &change, PATIENCE).await?,
                me,
            )
        }
        Deeds::Link(ends) => asks_links::link(session, id, *ends).await?,
        Deeds::Links => asks_links::links(session, id).await?,
        Deeds::Unlink(link) => {
            session.revoke_invite_link(id, &link.to_string()).await?;
            nothing()
        }
        Deeds::Seen(which) => asks_links::seen(session, me, id, *which).await?,
        Deeds::Unread(aside) => asks_calls::unread(session, id, *aside).await?,
        Deeds::Notify(notify) => asks_calls::notify(session, id, *notify).await?,
        Deeds::History(which) => {
            let (position, count) = match which {
                Which::Last(count) => (Position::Newest, *count),
                Which::Around(seq) => (Position::Around(*seq), HISTORY_AROUND),
                Which::At(moment) => (Position::AroundTime(moment.in_zone(zone)), HISTORY_AROUND),
            };
            let messages = session.history(id, position, count, PATIENCE).await?;
            let lines = messages.iter().cloned().map(translate::message).collect();
            Brought::new(Outcome::Messages(lines)).with("history", &messages)
        }
        Deeds::Edit(seq, text) => {
            let message = session
                .edit_message(id, *seq, text.as_str(), PATIENCE)
                .await?;
            nothing().with("edited", [&message])
        }
        Deeds::Delete(seq) => {
            let message = session.delete_message(id, *seq, PATIENCE).await?;
            nothing().with("deleted", [&message])
        }
        Deeds::React { seq, emoji, give } => {
            let emoji = emoji.as_str();
            match give {
                true => {
                    let answer = session.add_reaction(id, *seq, emoji, PATIENCE).await?;
                    nothing().with("reacted", [&answer])
                }
                false => {
                    let answer = session.remove_reaction(id, *seq, emoji, PATIENCE).await?;
                    nothing().with("reacted", [&answer])
                }
            }
        }
    })
}

/// The id of a place that was opened while the server was away.
async fn find(session: &Session, place: &Place) -> Result<String, ClientError> {
    match place {
        Place::Group(id) => Ok(id.clone()),
        Place::User(name) => Ok(session.start_conversation(name, PATIENCE).await?.id),
        Place::Channel(name) => {
            let found = session.channel_of_mine(name, PATIENCE).await?;
            found
                .map(|it| it.id)
                .ok_or_else(|| ClientError::NotAMember(format!("#{name}").into()))
        }
    }
}
