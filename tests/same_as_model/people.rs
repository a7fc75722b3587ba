//! The people of a case, their devices, and the model of what they did.

use std::collections::{BTreeMap, BTreeSet};

use tinychat::{
    client::net::connect::Connection,
    domain::{
        ids::{ConversationId, UserId},
        role::Role,
        user::UserRef,
    },
    pb::{
        AcknowledgeRequest, Conversation, ConversationKind, CreateConversationRequest,
        HistoryAccess, event::Body, message::Content, send_request::Target,
    },
};
use tonic::Code;

use super::{
    asking::{self, Named, shown},
    is_about_members, role_word,
};
use crate::{
    groups::asking::{get, refused},
    same_as_model::rules::{self, In, PEOPLE, Room, Step},
    support::{
        Account,
        account::new_id,
        device::{Device, sender_of},
        feed::{Door, Feed, From},
        in_time,
    },
};

/// One device of one of the people.
struct Seat {
    account: Account,
    device: Device,
    feed: Option<Feed>,
    door: Door,
    /// What was read of each room when the device began with nothing: it is told what comes after that.
    begins: BTreeMap<usize, u64>,
    acknowledged: Option<String>,
}

/// A conversation, and the model of it.
struct Place {
    id: String,
    name: String,
    /// Between whom, if it is between two.
    pair: Option<[usize; 2]>,
    room: Room,
}

/// The people.
pub struct People {
    tag: String,
    names: Vec<String>,
    refs: Vec<UserRef>,
    seats: Vec<Vec<Seat>>,
    places: Vec<Place>,
    notes: usize,
}

impl People {
    /// Logs all in; each device follows events from the beginning.
    pub async fn new(connection: &Connection, tag: &str, seats: [usize; PEOPLE]) -> Self {
        let names: Vec<String> = ["a", "b", "c", "d"].map(|it| format!("{tag}{it}")).into();
        let user = |(name, id): (&String, u64)| UserRef {
            id: UserId::new(id),
            name: name.parse().unwrap(),
        };
        let mut people = Self {
            tag: tag.to_owned(),
            refs: names.iter().zip(1..).map(user).collect(),
            names,
            seats: Vec::new(),
            places: Vec::new(),
            notes: 0,
        };
        for (name, count) in people.names.iter().zip(seats) {
            let mut devices = Vec::new();
            for number in 0..count {
                let account = in_time("a login", Account::try_login(connection, name)).await;
                devices.push(Seat {
                    account: account.unwrap(),
                    device: Device::new(name),
                    feed: None,
                    door: [Door::Chat, Door::Subscribe][number % 2],
                    begins: BTreeMap::new(),
                    acknowledged: None,
                });
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
        if let Step::Create {
            who,
            channel,
            all,
            with,
        } = &step
        {
            return self.create(*who, *channel, *all, with).await;
        }
        let (Some(room), count @ 1..) = (step.room(), self.places.len()) else {
            return;
        };
        let (who, place) = (step.who(), &self.places[room % count]);
        let step = match step {
            // On the wire 0 is no answer at all.
            Step::Send { who, room, reply } => Step::Send {
                who,
                room,
                reply: reply.filter(|seq| *seq > 0),
            },
            step => step,
        };
        let unasked = match &step {
            step if is_about_members(step) && place.pair.is_some() => true,
            Step::Join { .. } => !place.room.channel,
            Step::Add { whom, .. } => whom.is_empty(),
            _ => false,
        };
        if unasked {
            return;
        }
        let mut now = place.room.clone();
        let is_member = now.members.contains_key(&who);
        let due = rules::expect(&mut now, &step, &self.refs);
        let due = asking::due(&step, is_member, due);
        let named = Named {
            id: &place.id,
            name: &place.name,
            people: &self.names,
        };
        let seats = &mut self.seats[who];
        let count_of_seats = seats.len();
        let Seat { account, feed, .. } = &mut seats[seat % count_of_seats];
        let by = feed.as_mut().filter(|feed| frame && feed.takes_requests());
        let got = asking::act(account, by, &named, &step, again).await;
        assert_eq!(got, due, "{step:?} in {}", place.id);
        self.places[room % count].room = now;
    }

    async fn create(&mut self, who: usize, channel: bool, all: bool, with: &[usize]) {
        let name = format!("{}r{}", self.tag, self.places.len());
        let (kind, history) = match (channel, all) {
            (true, true) => (ConversationKind::Channel, HistoryAccess::All),
            (true, false) => (ConversationKind::Channel, HistoryAccess::SinceJoin),
            (false, true) => (ConversationKind::Group, HistoryAccess::All),
            (false, false) => (ConversationKind::Group, HistoryAccess::SinceJoin),
        };
        let request = CreateConversationRequest {
            kind: kind.into(),
            name: name.clone(),
            history_access: history.into(),
            user_names: with.iter().map(|it| self.names[*it].clone()).collect(),
            ..CreateConversationRequest::default()
        };
        let mut conversations = self.seat(who, 0).account.connection.conversations();
        let made = in_time("create", conversations.create_conversation(request)).await;
        let made = made.unwrap().into_inner().conversation.unwrap();
        let number = self.places.len() as u64 + 1;
        let mut room = Room::new(ConversationId::new(number), channel, all);
        for member in with {
            room.take_in(*member, Role::Member);
        }
        room.take_in(who, Role::Owner);
        self.places.push(Place {
            id: made.id,
            name,
            pair: None,
            room,
        });
    }

    /// Says something to a peer by name, which makes their conversation the first time.
    pub async fn direct(&mut self, who: usize, peer: usize) {
        if who == peer {
            return;
        }
        let pair = [who.min(peer), who.max(peer)];
        let found = self.places.iter().position(|it| it.pair == Some(pair));
        let index = found.unwrap_or(self.places.len());
        if found.is_none() {
            let number = index as u64 + 1;
            let mut room = Room::new(ConversationId::new(number), false, true);
            for member in pair {
                room.take_in(member, Role::Member);
            }
            self.places.push(Place {
                id: String::new(),
                name: String::new(),
                pair: Some(pair),
                room,
            });
        }
        let step = Step::Send {
            who,
            room: index,
            reply: None,
        };
        let target = Target::UserName(self.names[peer].clone());
        let account = self.seat(who, 0).account.clone();
        let due = rules::expect(&mut self.places[index].room, &step, &self.refs);
        let got = asking::send(&account, None, target, "first", None, false).await;
        assert_eq!(got, due.map_err(|error| error.to_string()), "{step:?}");
        if found.is_none() {
            let conversation = account.conversation_with(&self.names[peer]).await;
            self.places[index].id = conversation.id;
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
        let places = self.places.iter().enumerate();
        let read = places.filter_map(|(index, place)| {
            let member = place.room.members.get(&who)?;
            Some((index, member.read))
        });
        let read = read.collect();
        let seat = self.seat(who, seat);
        if seat.feed.is_some() {
            return;
        }
        let mut cursor = seat.device.goes_on();
        if cursor.is_none() {
            // What it has without a cursor is nothing that it could go on from.
            seat.device = Device::new(&seat.account.name);
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
            seat.device.take(feed.next().await);
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
            seat.device = Device::new(&seat.account.name);
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
        let (account, name) = (self.seat(who, 0).account.clone(), &self.names[who]);
        account.send_as(name, &note, &new_id()).await.unwrap();
        let is_note = |body: &Body| {
            let Body::Message(message) = body else {
                return false;
            };
            message.content == Some(Content::Text(note.clone()))
        };
        for seat in &mut self.seats[who] {
            if let Some(feed) = &mut seat.feed {
                for event in feed.until(is_note).await {
                    seat.device.take(event);
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

    /// The conversations of a user, but for the notes.
    fn mine(&self, who: usize) -> impl Iterator<Item = (usize, &Place, &In)> {
        let places = self.places.iter().enumerate();
        places.filter_map(move |(index, place)| {
            let member = place.room.members.get(&who)?;
            Some((index, place, member))
        })
    }

    async fn server_knows(&self, who: usize) {
        let account = &self.seats[who][0].account;
        let conversations = account.conversations().await;
        let by_id: BTreeMap<&str, &Conversation> =
            conversations.iter().map(|it| (&*it.id, it)).collect();
        for (_, place, member) in self.mine(who) {
            let room = &place.room;
            let context = format!("user {who} in {} ({room:?})", place.id);
            let seen = by_id.get(&*place.id);
            let seen = seen.unwrap_or_else(|| panic!("{context}: none"));
            let role = match place.pair {
                Some(_) => "",
                None => member.role.word(),
            };
            assert_eq!(role_word(seen.my_role()), role, "{context}");
            assert_eq!(seen.topic, room.topic, "{context}");
            assert_eq!(seen.members_count as usize, room.members.len(), "{context}");
            assert_eq!(seen.last_seq, room.last(), "{context}");
            assert_eq!(seen.read_seq, member.read, "{context}");
            let messages = account.history(&place.id).await;
            let due = (member.floor + 1..=room.last()).map(|seq| rules::said(room, who, seq));
            let got = messages.iter().map(|it| (it.seq, shown(it)));
            assert_eq!(
                got.collect::<Vec<_>>(),
                due.collect::<Vec<_>>(),
                "{context}"
            );
            let last = seen.last_message.as_ref().map(shown);
            assert_eq!(last, messages.last().map(shown), "{context}");
            // Counted one by one.
            let others = messages
                .iter()
                .filter(|it| it.seq > seen.read_seq && sender_of(it) != self.names[who]);
            assert_eq!(seen.unread, others.count() as u64, "{context}");
            assert_eq!(seen.unread, rules::unread(room, who, member), "{context}");
        }
        let more = conversations.len() - self.mine(who).count();
        assert!(more <= 1, "beside the notes: {conversations:?}");
        let is_out = |place: &&Place| !place.room.members.contains_key(&who);
        if let Some(place) = self.places.iter().find(is_out) {
            let got = get(account, &place.id).await;
            refused(
                got,
                Code::NotFound,
                "CONVERSATION_NOT_FOUND",
                "one who is out",
            );
        }
    }

    fn device_knows(&self, who: usize, seat: &Seat, context: &str) {
        let Seat { device, begins, .. } = seat;
        assert_eq!(device.odd, Vec::<String>::new(), "{context}");
        let mut ids: BTreeSet<&str> = device.rooms.keys().map(String::as_str).collect();
        for (index, place, member) in self.mine(who) {
            let (room, id) = (&place.room, place.id.as_str());
            let context = format!("{context} in {id} ({room:?})");
            assert!(ids.remove(id), "{context}: none");
            let known = &device.rooms[id];
            // It has all that was said since its user came and it began, and perhaps more.
            let begin = begins.get(&index).copied().unwrap_or(0).max(member.since);
            let missing = (begin + 1..=room.last()).find(|seq| !known.messages.contains_key(seq));
            assert_eq!(missing, None, "{context}: not all since {begin}");
            for (seq, message) in &known.messages {
                assert!(*seq > member.since, "{context}: {message:?}");
                assert_eq!(shown(message), rules::said(room, who, *seq).1, "{context}");
            }
            assert_eq!(known.read_seq.max(member.since), member.read, "{context}");
            let unread = rules::unread(room, who, member);
            assert_eq!(device.unread(id), unread, "{context}");
            assert_eq!(
                known.members_count as usize,
                room.members.len(),
                "{context}"
            );
            let topic = known.state.as_ref().map_or("", |state| &state.topic);
            assert_eq!(topic, room.topic, "{context}");
        }
        assert!(ids.len() <= 1, "{context}: beside the notes: {ids:?}");
    }
}
