//! What clients do beside sending: to their own messages and to those of others, and their comings and goings. All of it
//! is asked until it is answered, one act after the other.

use std::future::Future;

use tinychat::pb::{
    AddMembersRequest, AddReactionRequest, ConversationKind, CreateConversationRequest,
    DeleteMessageRequest, EditMessageRequest, HistoryAccess, JoinChannelRequest,
    LeaveConversationRequest, ListConversationsRequest, RemoveReactionRequest,
};
use tonic::{Code, Response, Status};

use super::{
    HALL, Rooms, SQUARE,
    client::Client,
    login::{Answered, Login},
    name,
};
use crate::support::{
    Account,
    checker::{Act, Acted, Done, Moved},
    reason,
};

const EMOJI: [&str; 3] = ["👍", "🎉", "+1"];

/// Asks by a call of `ConversationService`, until it is answered.
macro_rules! ask {
    ($login:expr, $method:ident, $request:expr) => {{
        let request = $request;
        let call = |account: Account| {
            let request = request.clone();
            async move { account.connection.conversations().$method(request).await }
        };
        asked(&mut $login, call).await
    }};
}

async fn asked<T, F>(login: &mut Login, call: impl FnMut(Account) -> F) -> Answered<T>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    login.ask(call).await
}

impl Client {
    /// Makes the conversations of all, or finds those that an attempt has made which was not answered.
    pub(super) async fn make_rooms(&mut self) -> Rooms {
        let all = ListConversationsRequest {
            page_size: 500,
            ..ListConversationsRequest::default()
        };
        let others = 1..self.clients;
        let to_make = |kind: ConversationKind, called: &str| CreateConversationRequest {
            kind: kind.into(),
            name: called.to_owned(),
            history_access: HistoryAccess::All.into(),
            user_names: others.clone().map(name).collect(),
            ..CreateConversationRequest::default()
        };
        loop {
            let found = ask!(self.me, list_conversations, all.clone());
            let found = found.answer.map(|page| page.conversations);
            let found = found.unwrap_or_default();
            let id = |room: &str| {
                let mut found = found.iter().filter(|it| it.name == room);
                found.next().map(|it| it.id.clone())
            };
            match (id(HALL), id(SQUARE)) {
                (Some(hall), Some(square)) => return Rooms { hall, square },
                (None, _) => self.make(to_make(ConversationKind::Group, HALL)).await,
                (_, None) => self.make(to_make(ConversationKind::Channel, SQUARE)).await,
            }
        }
    }

    /// Once: whether it was done is looked up.
    async fn make(&mut self, request: CreateConversationRequest) {
        if let Some(account) = self.me.account().await {
            let mut conversations = account.connection.conversations();
            match conversations.create_conversation(request).await {
                Ok(_) => return,
                Err(status) => self.me.failed(&status),
            }
        }
        self.me.back_off().await;
    }

    /// Does something. `may_leave`: nothing is under way to the channel.
    pub(super) async fn act(&mut self, may_leave: bool) {
        match self.rng.within(0..100) {
            0..35 => self.edit().await,
            35..50 => self.delete().await,
            50..85 => self.react().await,
            85..93 if may_leave && self.number != 0 => self.leave_and_join().await,
            _ => self.move_guest().await,
        }
    }

    /// A message of its own.
    fn own(&mut self) -> Option<(String, u64)> {
        let sends = self.done.sends.len() as u64;
        // Mostly a new one.
        let back = if self.rng.chance(70) { 12 } else { sends };
        let from = sends.saturating_sub(back);
        if from == sends {
            return None;
        }
        let index = self.rng.within(from..sends) as usize;
        let ack = self.done.sends[index].acked.as_ref()?;
        Some((ack.conversation.clone(), ack.seq))
    }

    /// A message that all can read, mostly a new one.
    fn anybodys(&mut self) -> Option<(String, u64)> {
        let room = match self.rng.chance(50) {
            true => &self.rooms.hall,
            false => &self.rooms.square,
        };
        let last = self.last.get(room).copied().filter(|last| *last > 0)?;
        let from = last.saturating_sub(12).max(1);
        Some((room.clone(), self.rng.within(from..last + 1)))
    }

    fn begin(&mut self, place: &(String, u64), act: Act) -> usize {
        self.done.acts.push(Acted {
            by: self.me.name.clone(),
            conversation: place.0.clone(),
            seq: place.1,
            act,
            invoked: self.shared.tick(),
            done: None,
        });
        self.done.acts.len() - 1
    }

    /// Notes how an act ended: with the revision of its answer, if that says one.
    fn end(&mut self, act: usize, answer: Result<u64, Status>) {
        match answer {
            Ok(revision) => {
                let at = self.shared.tick();
                self.done.acts[act].done = Some(Done { at, revision });
            }
            Err(status) if reason(&status) == "MESSAGE_DELETED" => {
                // Somebody, perhaps this client itself, was there before.
                let acted = &self.done.acts[act];
                let place = (acted.conversation.clone(), acted.seq);
                let found = self.begin(&place, Act::FoundDeleted);
                self.end(found, Ok(0));
            }
            Err(status) => self.me.odd("an act", &status),
        }
    }

    async fn edit(&mut self) {
        let Some(place) = self.own() else { return };
        let number = self.done.acts.len();
        let text = format!("{} edit {number}", self.me.name);
        let act = self.begin(&place, Act::Edit(text.clone()));
        let (conversation_id, seq) = place;
        let request = EditMessageRequest {
            conversation_id,
            seq,
            text,
        };
        let edited = ask!(self.me, edit_message, request).answer;
        let edited = edited.map(|edited| edited.message.unwrap().revision);
        self.end(act, edited);
    }

    /// Deletes a message of its own; the owner of the conversations of all deletes those of others, too.
    async fn delete(&mut self) {
        let place = match self.number == 0 && self.rng.chance(70) {
            true => self.anybodys(),
            false => self.own(),
        };
        let Some(place) = place else { return };
        let act = self.begin(&place, Act::Delete);
        let (conversation_id, seq) = place;
        let request = DeleteMessageRequest {
            conversation_id,
            seq,
        };
        let deleted = ask!(self.me, delete_message, request).answer;
        let deleted = deleted.map(|deleted| deleted.message.unwrap().revision);
        self.end(act, deleted);
    }

    async fn react(&mut self) {
        let place = match self.rng.chance(60) {
            true => self.anybodys(),
            false => self.own(),
        };
        let Some(place) = place else { return };
        let emoji = EMOJI[self.rng.within(0..EMOJI.len() as u64) as usize].to_owned();
        let add = self.rng.chance(65);
        let act = self.begin(&place, Act::React(emoji.clone(), add));
        let (conversation_id, seq) = place;
        let answer = if add {
            let request = AddReactionRequest {
                conversation_id,
                seq,
                emoji,
            };
            ask!(self.me, add_reaction, request).answer.map(drop)
        } else {
            let request = RemoveReactionRequest {
                conversation_id,
                seq,
                emoji,
            };
            ask!(self.me, remove_reaction, request).answer.map(drop)
        };
        self.end(act, answer.map(|()| 0));
    }

    async fn leave_and_join(&mut self) {
        let square = self.rooms.square.clone();
        let moved = self.moves(self.me.name.clone(), &square, false);
        let left = ask!(self.me, leave_conversation, to_leave(&square));
        self.moved(moved, is_out(left));
        let moved = self.moves(self.me.name.clone(), &square, true);
        let channel_name = SQUARE.to_owned();
        let joined = ask!(self.me, join_channel, JoinChannelRequest { channel_name });
        self.moved(moved, joined.answer.map(drop));
    }

    /// Adds its guest to the hall, or lets it leave.
    async fn move_guest(&mut self) {
        let hall = self.rooms.hall.clone();
        let comes = !self.guest_is_in;
        let moved = self.moves(self.guest.name.clone(), &hall, comes);
        let answer = if comes {
            let request = AddMembersRequest {
                conversation_id: hall,
                user_names: vec![self.guest.name.clone()],
            };
            ask!(self.me, add_members, request).answer.map(drop)
        } else {
            is_out(ask!(self.guest, leave_conversation, to_leave(&hall)))
        };
        self.moved(moved, answer);
        self.guest_is_in = comes;
    }

    fn moves(&mut self, user: String, conversation: &str, came: bool) -> usize {
        self.done.moves.push(Moved {
            user,
            conversation: conversation.to_owned(),
            came,
            acked: false,
        });
        self.done.moves.len() - 1
    }

    fn moved(&mut self, moved: usize, answer: Result<(), Status>) {
        match answer {
            Ok(()) => self.done.moves[moved].acked = true,
            Err(status) => self.me.odd("a move", &status),
        }
    }
}

fn to_leave(conversation: &str) -> LeaveConversationRequest {
    LeaveConversationRequest {
        conversation_id: conversation.to_owned(),
    }
}

/// Whoever asks again to leave may be out already.
fn is_out<T>(left: Answered<T>) -> Result<(), Status> {
    match left.answer {
        Err(status) if left.attempts > 1 && status.code() == Code::NotFound => Ok(()),
        answer => answer.map(drop),
    }
}
