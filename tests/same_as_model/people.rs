//! The people of a case, their devices, and the model of what they did.

use std::collections::{BTreeMap, BTreeSet};

use tinychat::{
    client::net::connect::Connection,
    domain::{ids::UserId, user::UserRef},
    pb::{AcknowledgeRequest, Conversation, event::Body, message::Content},
};
use tonic::Code;

use super::{
    asking::{self, notify_to_wire, shown},
    role_word,
    seat::{Seat, Set},
};
use crate::{
    groups::asking::{get, refused},
    model::{
        rules::{In, Kind, Model, Room},
        steps::{PEOPLE, Step},
    },
    support::{
        Account,
        account::new_id,
        device::sender_of,
        feed::{Door, From},
        in_time,
    },
};

/// The people.
pub struct People {
    model: Model,
    /// The ids of its rooms.
    ids: Vec<String>,
    seats: Vec<Vec<Seat>>,
    notes: usize,
}

impl People {
    /// Logs all in; each device follows events from the beginning.
    pub async fn new(connection: &Connection, tag: &str, seats: [usize; PEOPLE]) -> Self {
        let names = ["a", "b", "c", "d"].map(|it| format!("{tag}{it}"));
        let user = |(name, id): (&String, u64)| UserRef {
            id: UserId::new(id),
            name: name.parse().unwrap(),
        };
        let mut people = Self {
            model: Model::new(names.iter().zip(1..).map(user).collect(), tag),
            ids: Vec::new(),
            seats: Vec::new(),
            notes: 0,
        };
        for (name, count) in names.iter().zip(seats) {
            let mut devices = Vec::new();
            for number in 0..count {
                let account = in_time("a login", Account::try_login(connection, name)).await;
                let door = [Door::Chat, Door::Subscribe][number % 2];
                devices.push(Seat::new(account.unwrap(), door));
            }
            people.seats.push(devices);
        }
        for who in 0..PEOPLE {
            for seat in 0..people.seats[who].len() {
                let door = people.seats[who][seat].door;
                people.back(who, seat, door, None, false).await;
            }
        }
        people
    }

    fn seat(&mut self, who: usize, seat: usize) -> &mut Seat {
        let seats = &mut self.seats[who];
        let count = seats.len();
        &mut seats[seat % count]
    }

    /// Does a step, and compares the answer with that of the model.
    pub async fn step(&mut self, step: Step, seat: usize, frame: bool, again: bool) {
        let step = match step {
            // On the wire 0 is no answer at all.
            Step::Send {
                who,
                room,
                reply: Some(0),
                text,
            } => Step::Send {
                who,
                room,
                reply: None,
                text,
            },
            // Nor may nobody be added.
            Step::Add { whom, .. } if whom.is_empty() => return,
            step => step,
        };
        if !self.model.can(&step) {
            return;
        }
        let seats = &mut self.seats[step.who()];
        let count = seats.len();
        let Seat { account, feed, .. } = &mut seats[seat % count];
        let by = feed.as_mut().filter(|feed| frame && feed.takes_requests());
        let got = asking::act(account, by, &self.model, &self.ids, &step, again).await;
        let due = self.model.step(&step);
        let (words, id) = match got {
            Ok(done) => (Ok(done.words), done.conversation),
            Err(reason) => (Err(reason), None),
        };
        let due = due.map_err(|refusal| asking::reason_of(&refusal).to_owned());
        let room = self.model.room_of(&step).map(|room| self.ids.get(room));
        assert_eq!(words, due, "{step:?} in {room:?}");
        if self.model.rooms.len() > self.ids.len() {
            self.ids.push(id.unwrap());
        } else if let (Some(room), Some(id)) = (self.model.room_of(&step), id) {
            assert_eq!(id, self.ids[room], "{step:?}");
        }
    }

    /// A device loses its stream.
    pub async fn away(&mut self, who: usize, seat: usize, read: bool) {
        if read && self.seat(who, seat).feed.is_some() {
            self.read_all(who).await;
        }
        self.seat(who, seat).feed = None;
    }

    /// A device resumes, if it is away.
    pub async fn back(
        &mut self,
        who: usize,
        seat: usize,
        door: Door,
        lost_after: Option<usize>,
        silent: bool,
    ) {
        let read = self
            .mine(who)
            .map(|(index, _, member)| (index, member.read));
        let read = read.collect();
        let seat = self.seat(who, seat);
        if seat.feed.is_some() {
            return;
        }
        let mut cursor = seat.device.goes_on();
        if cursor.is_none() {
            // What it has without a cursor is nothing that it could go on from.
            seat.forget();
            seat.begins = read;
        } else if silent && seat.acknowledged == cursor {
            cursor = None;
        }
        let from = From {
            cursor,
            ..From::default()
        };
        let mut feed = seat.account.feed(door, from).await;
        let mut left = lost_after;
        while !seat.device.caught_up {
            if left == Some(0) {
                return;
            }
            left = left.map(|left| left - 1);
            seat.take(feed.next().await);
        }
        if lost_after.is_none() {
            seat.feed = Some(feed);
        }
    }

    /// A device loses all that it had, unless the server knows that it has it.
    pub fn forget(&mut self, who: usize, seat: usize) {
        let seat = self.seat(who, seat);
        if seat.acknowledged.is_none() {
            seat.feed = None;
            seat.forget();
        }
    }

    pub async fn acknowledge(&mut self, who: usize, seat: usize) {
        let seat = self.seat(who, seat);
        if let Some(cursor) = seat.device.cursor.clone() {
            let mut chat = seat.account.connection.chat();
            let request = AcknowledgeRequest {
                cursor: cursor.clone(),
            };
            in_time("acknowledge", chat.acknowledge(request))
                .await
                .unwrap();
            seat.acknowledged = Some(cursor);
        }
    }

    /// The devices of a user that are there read up to a note that the user writes now.
    async fn read_all(&mut self, who: usize) {
        self.notes += 1;
        let note = format!("note {}", self.notes);
        let account = self.seat(who, 0).account.clone();
        let sent = account.send_as(&account.name, &note, &new_id()).await;
        sent.unwrap();
        let is_note = |body: &Body| {
            let Body::Message(message) = body else {
                return false;
            };
            message.content == Some(Content::Text(note.clone()))
        };
        for seat in &mut self.seats[who] {
            if let Some(feed) = &mut seat.feed {
                for event in feed.until(is_note).await {
                    seat.take(event);
                }
            }
        }
    }

    /// The devices of a user that are there, the server and the model know the same.
    pub async fn look(&mut self, who: usize) {
        self.read_all(who).await;
        self.server_knows(who).await;
        for (number, seat) in self.seats[who].iter().enumerate() {
            if seat.feed.is_some() {
                self.device_knows(who, seat, &format!("device {number} of user {who}"));
            }
        }
    }

    /// All devices that are away resume, and know what the server and the model know.
    pub async fn all_come_back(&mut self) {
        for who in 0..PEOPLE {
            for seat in 0..self.seats[who].len() {
                let door = self.seats[who][seat].door;
                self.back(who, seat, door, None, false).await;
            }
            self.look(who).await;
        }
    }

    /// The rooms that one of the people is in, with their numbers.
    fn mine(&self, who: usize) -> impl Iterator<Item = (usize, &Room, &In)> {
        let rooms = self.model.rooms.iter().enumerate();
        rooms.filter_map(move |(index, room)| Some((index, room, room.members.get(&who)?)))
    }

    async fn server_knows(&self, who: usize) {
        let account = &self.seats[who][0].account;
        let conversations = account.conversations().await;
        let by_id: BTreeMap<&str, &Conversation> =
            conversations.iter().map(|it| (&*it.id, it)).collect();
        for (index, room, member) in self.mine(who) {
            let id = self.ids[index].as_str();
            let context = format!("user {who} in {id} ({room:?})");
            let seen = by_id.get(id);
            let seen = seen.unwrap_or_else(|| panic!("{context}: none"));
            let role = match room.kind {
                Kind::Direct(_) => "",
                Kind::Group | Kind::Channel => member.role.word(),
            };
            assert_eq!(role_word(seen.my_role()), role, "{context}");
            assert_eq!(seen.topic, room.topic, "{context}");
            assert_eq!(seen.members_count as usize, room.members.len(), "{context}");
            assert_eq!(seen.last_seq, room.last(), "{context}");
            assert_eq!(seen.read_seq, member.read, "{context}");
            assert_eq!((seen.marked_unread, seen.notify), set(member), "{context}");
            let messages = account.history(id).await;
            let got = messages.iter().map(|it| (it.seq, shown(it)));
            let due = self.model.history(room, who);
            assert_eq!(got.collect::<Vec<_>>(), due, "{context}");
            let last = seen.last_message.as_ref().map(shown);
            assert_eq!(last, messages.last().map(shown), "{context}");
            // Counted one by one.
            let others = messages
                .iter()
                .filter(|it| it.seq > seen.read_seq && sender_of(it) != account.name);
            assert_eq!(seen.unread, others.count() as u64, "{context}");
            assert_eq!(seen.unread, room.unread(who), "{context}");
            let called = self.model.mentions(room, who, true).len();
            assert_eq!(seen.mentions, called as u64, "{context}");
        }
        let more = conversations.len() - self.mine(who).count();
        assert!(more <= 1, "beside the notes: {conversations:?}");
        let out = self.model.rooms.iter().zip(&self.ids);
        let mut out = out.filter(|(room, _)| !room.members.contains_key(&who));
        if let Some((_, id)) = out.next() {
            let got = get(account, id).await;
            refused(
                got,
                Code::NotFound,
                "CONVERSATION_NOT_FOUND",
                "one who is out",
            );
        }
        self.server_lists(who, account).await;
    }

    /// What the server lists of all conversations.
    async fn server_lists(&self, who: usize, account: &Account) {
        for (unread_only, size) in [(false, 3), (true, 500)] {
            let called = |room: &Room| self.model.mentions(room, who, unread_only);
            let due = self.model.newest_first(who, called);
            let due = due.into_iter();
            let due: Vec<_> = due
                .map(|(room, seq, words)| (self.ids[room].as_str(), seq, words))
                .collect();
            let messages = asking::mentions(account, unread_only, size).await;
            let got = messages.iter();
            let got: Vec<_> = got
                .map(|it| (it.conversation_id.as_str(), it.seq, shown(it)))
                .collect();
            assert_eq!(got, due, "of user {who}, unread only: {unread_only}");
        }
        let blocked = asking::blocked(account).await;
        let names: Vec<&str> = blocked.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(names, self.blocked(who), "of user {who}");
    }

    /// The names of those whom one of the people blocks.
    fn blocked(&self, who: usize) -> Vec<String> {
        let blocked = self.model.blocked(who).into_iter();
        blocked.map(|user| user.name.to_string()).collect()
    }

    fn device_knows(&self, who: usize, seat: &Seat, context: &str) {
        let Seat { device, begins, .. } = seat;
        assert_eq!(device.odd, Vec::<String>::new(), "{context}");
        let mut ids: BTreeSet<&str> = device.rooms.keys().map(String::as_str).collect();
        let mut set_in: BTreeSet<&str> = seat.set.keys().map(String::as_str).collect();
        for (index, room, member) in self.mine(who) {
            let id = self.ids[index].as_str();
            let context = format!("{context} in {id} ({room:?})");
            assert!(ids.remove(id), "{context}: none");
            let known = &device.rooms[id];
            // It has all that was said since its user came and it began, and perhaps more.
            let begin = begins.get(&index).copied().unwrap_or(0).max(member.since);
            let missing = (begin + 1..=room.last()).find(|seq| !known.messages.contains_key(seq));
            assert_eq!(missing, None, "{context}: not all since {begin}");
            for (seq, message) in &known.messages {
                assert!(*seq > member.since, "{context}: {message:?}");
                let (_, due) = self.model.said(room, who, *seq);
                assert_eq!(shown(message), due, "{context}");
            }
            assert_eq!(known.read_seq.max(member.since), member.read, "{context}");
            assert_eq!(device.unread(id), room.unread(who), "{context}");
            let called = self.model.mentions(room, who, true).len();
            assert_eq!(seat.mentions(id), called, "{context}");
            assert_eq!(
                known.members_count as usize,
                room.members.len(),
                "{context}"
            );
            let topic = known.state.as_ref().map_or("", |state| &state.topic);
            assert_eq!(topic, room.topic, "{context}");
            set_in.remove(id);
            let told = seat.set.get(id).copied();
            let told = told.unwrap_or_else(|| (false, Some(notify_to_wire(Default::default()))));
            assert_eq!(told, set(member), "{context}");
        }
        assert!(ids.len() <= 1, "{context}: beside the notes: {ids:?}");
        assert!(set_in.is_subset(&ids), "{context}: {set_in:?}");
        let names = seat.blocked.iter().map(|user| user.name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), self.blocked(who), "{context}");
    }
}

/// What a member set, as the wire has it.
fn set(member: &In) -> Set {
    let settings = member.settings;
    let notify = Some(notify_to_wire(settings.notify));
    (settings.marked_unread, notify)
}
