//! What comes from the server, the cache and this machine, taken into the model.
//!
//! Promises: whatever order events and answers come in, and however often, the model says what the server says (see the
//! head of `model`); nothing that was missed rings. Pure: what is to be asked for next is returned as effects.
//! Knows no keys and no screen; the wire is known to `translate` alone.

mod acted;
mod events;
mod link;
mod members;
mod pages;
mod sends;
mod states;

pub use acted::tell_seen;
pub use pages::shown_again;

use crate::{
    client::app::{
        acts::{Act, MemberLine, Outcome},
        blocked::Blocked,
        look::Found,
        model::{StartProblem, UserLine},
        news::Change as MemberChange,
        password::PasswordProblem,
        room::{Room, Wanted},
        transfers::Moved,
        untrusted::Untrusted,
        written::Written,
    },
    domain::{
        clock::TimeMs, conversation::MemberSettings, ids::ClientMessageId, role::Role,
        user::Presence,
    },
};

use super::{
    effect::Effect,
    model::{
        Model,
        chat::ChatId,
        markers::Marker,
        message::{Change, Message},
        notices::Level,
        outgoing::Outgoing,
        previews::{Made, Why},
        tally::Counts,
        window::{Ask, Page},
    },
};

/// Something that came.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// The link is there, and what was missed is coming. The id of this user, if the server said it.
    Connected {
        /// The id of this user.
        my_id: Option<String>,
    },
    /// Nothing is missed any more.
    CaughtUp,
    /// The link is lost.
    Lost {
        /// When it is tried again.
        retry_at: TimeMs,
    },
    /// The link is over for good.
    Ended {
        /// Why, and the mend.
        why: Untrusted,
    },
    /// The store is another one.
    Reset,
    /// A transfer of files is so far, or was in the end.
    Moved {
        /// Of which.
        number: u32,
        /// What.
        moved: Moved,
    },
    /// The answer to `Effect::Preview`.
    Preview {
        /// The number of the question.
        number: u64,
        /// The picture.
        made: Result<Box<Made>, Why>,
    },
    /// Messages were left out.
    Gap {
        /// The conversation.
        chat: ChatId,
        /// The first of them.
        from: u64,
        /// The last of them.
        to: u64,
    },
    /// The state of a conversation came as an event.
    Chat(Box<ChatState>),
    /// A message came as an event.
    Message {
        /// The conversation.
        chat: ChatId,
        /// The id of its sender.
        sender_id: String,
        /// The message.
        message: Box<Message>,
    },
    /// Something happened to a message.
    Changed {
        /// The conversation.
        chat: ChatId,
        /// What.
        change: Change,
    },
    /// Something happened to a member.
    Member {
        /// The conversation.
        chat: ChatId,
        /// The id of the member.
        user_id: String,
        /// To whom.
        user: Untrusted,
        /// What.
        change: MemberChange,
        /// Who did it.
        by: Untrusted,
        /// How many members there are now.
        members_count: u32,
    },
    /// How far a member has come. It may be this user, elsewhere.
    Marker {
        /// The conversation.
        chat: ChatId,
        /// The id of the member.
        user_id: String,
        /// How far.
        marker: Marker,
    },
    /// This user set something for a conversation, here or elsewhere.
    Settings {
        /// The conversation.
        chat: ChatId,
        /// All that is set.
        settings: MemberSettings,
    },
    /// All whom this user blocks.
    Blocks(Blocked),
    /// How a user can be reached.
    Presence {
        /// The id of the user.
        user_id: String,
        /// What the user is called, if that was said.
        user: Untrusted,
        /// How.
        presence: Presence,
    },
    /// Somebody types, or stopped.
    Typing {
        /// The conversation.
        chat: ChatId,
        /// Who.
        user: Untrusted,
        /// Whether.
        is_typing: bool,
    },
    /// A message is on the server's stable storage.
    Sent {
        /// Its name.
        id: ClientMessageId,
        /// Its number.
        seq: u64,
    },
    /// A message was refused.
    NotSent {
        /// Its name.
        id: ClientMessageId,
        /// Why, and the mend.
        why: Untrusted,
    },
    /// A message is bound to another store than the server has.
    Strange {
        /// Its name.
        id: ClientMessageId,
        /// What it says: this user wrote it.
        text: String,
        /// Why, and the mend.
        why: Untrusted,
    },
    /// A message was refused for a reason that lies in the login: it stays kept for the next one.
    Held {
        /// Its name.
        id: ClientMessageId,
        /// Why, and the mend.
        why: Untrusted,
    },
    /// The answer to `Effect::Start`.
    Started {
        /// Which was wanted.
        wanted: Wanted,
        /// What it is, or what is in the way.
        outcome: Result<Room, StartProblem>,
    },
    /// The answer to `Effect::Act`.
    Acted {
        /// What was asked for.
        act: Box<Act>,
        /// What came of it, or what is in the way.
        outcome: Result<Box<Outcome>, Untrusted>,
    },
    /// The answer to `Effect::Users`.
    Users(Result<Vec<UserLine>, Untrusted>),
    /// The answer to `Effect::Time`.
    Time(Result<TimeMs, Untrusted>),
    /// The answer to `Effect::Password`: how many other devices were ended, or what is in the way.
    Password {
        /// Whether they were to be.
        ends_others: bool,
        /// What came of it.
        outcome: Result<u32, PasswordProblem>,
    },
    /// The answer to `Effect::States`: all of them, and whom this user blocks, if that could be got.
    States {
        /// All conversations of this user.
        states: Result<Vec<ChatState>, Untrusted>,
        /// Whom this user blocks.
        blocked: Option<Blocked>,
    },
    /// The answer to `Effect::State`; `None`: this user is no member of such a one.
    State {
        /// The conversation.
        chat: ChatId,
        /// Its state.
        state: Option<Box<ChatState>>,
    },
    /// The answer to `Effect::State` if it could not be got this time.
    StateFailed {
        /// The conversation.
        chat: ChatId,
    },
    /// The answer to `Effect::Page`.
    Page {
        /// The conversation.
        chat: ChatId,
        /// What was asked for.
        ask: Ask,
        /// It, or what is in the way.
        page: Result<Page, Untrusted>,
    },
    /// The answer to `Effect::Find`: the number of the message, if there is any.
    Found {
        /// The conversation.
        chat: ChatId,
        /// The number.
        seq: Result<Option<u64>, Untrusted>,
    },
    /// The answer to `Effect::Members`.
    Members {
        /// The conversation.
        chat: ChatId,
        /// Them, with their ids.
        members: Result<Vec<(String, MemberLine)>, Untrusted>,
    },
    /// The answer to `Effect::Markers`.
    Markers {
        /// The conversation.
        chat: ChatId,
        /// The ids and names of the others, and how far they have come.
        markers: Result<Vec<(String, Untrusted, Marker)>, Untrusted>,
    },
    /// The answer to `Effect::Search`.
    Hits {
        /// The number of the question.
        number: u64,
        /// What was found, each with the conversation, and what gets those after them.
        hits: Result<(Vec<Found>, String), Untrusted>,
    },
    /// Texts that were sent in a conversation, the oldest first.
    Lines {
        /// The conversation.
        chat: ChatId,
        /// The texts.
        lines: Vec<String>,
    },
    /// What the cache had, before there is a connection.
    FirstPaint(Box<FirstPaint>),
    /// Messages of an earlier run that were not answered then, in their order.
    Left(Vec<Outgoing>),
    /// The program has something to say. The text is safe.
    Said {
        /// How serious it is.
        level: Level,
        /// The text.
        text: String,
    },
}

/// The state of a conversation, as far as it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatState {
    /// What it is.
    pub room: Room,
    /// What this user may do there, if that was said.
    pub my_role: Option<Role>,
    /// What is unread. `None`: what all members are told says nothing of it.
    pub counts: Option<Counts>,
    /// When something was said last, if that was said.
    pub said: Option<TimeMs>,
    /// The ids and names of the people that it names: of a DIRECT one the other.
    pub people: Vec<(String, Untrusted)>,
}

/// What is shown before there is a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstPaint {
    /// The conversations, the newest first.
    pub states: Vec<ChatState>,
    /// The conversation that was in front, with its newest messages.
    pub front: Option<(ChatId, Page)>,
    /// Texts that are not sent.
    pub drafts: Vec<(ChatId, String)>,
    /// What else was begun.
    pub written: Vec<Written>,
    /// Whom this user blocks.
    pub blocked: Blocked,
}

/// Takes in what came; returns what is to be done for it.
pub fn take(model: &mut Model, news: News) -> Vec<Effect> {
    match news {
        News::Connected { my_id } => link::connected(model, my_id),
        News::CaughtUp => link::caught_up(model),
        News::Lost { retry_at } => link::lost(model, retry_at),
        News::Ended { why } => link::ended(model, why),
        News::Reset => link::reset(model),
        News::Moved { number, moved } => sends::moved(model, number, moved),
        News::Preview { number, made } => {
            model.previews.take(number, made.map(|it| *it));
            Vec::new()
        }
        News::Gap { chat, from, to } => link::gap(model, &chat, from, to),
        News::Chat(state) => states::event(model, *state),
        News::States { states, blocked } => states::all(model, states, blocked),
        News::State { chat, state } => states::one(model, &chat, state.map(|it| *it)),
        News::StateFailed { chat } => states::failed(model, &chat),
        News::FirstPaint(paint) => states::first_paint(model, *paint),
        News::Message {
            chat,
            sender_id,
            message,
        } => events::message(model, &chat, &sender_id, *message),
        News::Changed { chat, change } => events::changed(model, &chat, change),
        News::Marker {
            chat,
            user_id,
            marker,
        } => events::marker(model, &chat, &user_id, marker),
        News::Settings { chat, settings } => events::settings(model, &chat, settings),
        News::Blocks(blocked) => events::blocks(model, blocked),
        News::Presence {
            user_id,
            user,
            presence,
        } => events::presence(model, &user_id, &user, presence),
        News::Typing {
            chat,
            user,
            is_typing,
        } => events::typing(model, &chat, &user, is_typing),
        News::Member {
            chat,
            user_id,
            user,
            change,
            by,
            members_count,
        } => members::changed(
            model,
            &chat,
            members::Changed {
                user_id,
                user,
                change,
                by,
                members_count,
            },
        ),
        News::Members { chat, members } => members::all(model, &chat, members),
        News::Markers { chat, markers } => members::markers(model, &chat, markers),
        News::Sent { id, seq } => sends::sent(model, id, seq),
        News::NotSent { id, why } => sends::not_sent(model, id, why),
        News::Strange { id, text, why } => sends::strange(model, id, &text, &why),
        News::Held { id, why } => sends::held(model, id, why),
        News::Left(messages) => sends::left(model, messages),
        News::Lines { chat, lines } => sends::lines(model, &chat, &lines),
        News::Started { wanted, outcome } => acted::started(model, &wanted, outcome),
        News::Acted { act, outcome } => acted::acted(model, &act, outcome.map(|it| *it)),
        News::Users(users) => acted::users(model, users),
        News::Time(time) => acted::time(model, time),
        News::Password {
            ends_others,
            outcome,
        } => acted::password(model, ends_others, outcome),
        News::Page { chat, ask, page } => pages::page(model, chat, ask, page),
        News::Found { chat, seq } => pages::found(model, &chat, seq),
        News::Hits { number, hits } => pages::hits(model, number, hits),
        News::Said { level, text } => {
            say(model, level, text);
            Vec::new()
        }
    }
}

/// Asks again for what the server could not tell before, if it is time for that.
pub fn due(model: &mut Model) -> Vec<Effect> {
    link::due(model)
}

/// Says something in the status line.
fn say(model: &mut Model, level: Level, text: impl Into<String>) {
    let now = model.now;
    model.notices.push(level, text, now);
}

#[cfg(test)]
#[path = "support_tests.rs"]
mod support;

#[cfg(test)]
#[path = "same_as_server_tests.rs"]
mod same_as_server;
