//! One client: what it sends, by which door, and what it follows.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, atomic::Ordering},
};

use tinychat::pb::{
    ChatResponse, SendRequest, SendResponse, chat_request::Request, event::Body, message::Content,
    reply, send_request::Target,
};
use tokio::time::timeout;
use tonic::Code;

use super::{
    Login, Rooms, SQUARE, Shared, guest,
    login::{ANSWER, refuses},
    name,
};
use crate::support::{
    Chat,
    account::new_id,
    checker::{Ack, Acted, Moved, Sent, Shown},
    device::Device,
    rng::Rng,
};

/// Sends that a client of `Chat` has under way.
const PIPELINED: usize = 8;

/// What a client that follows events has so far.
#[derive(Debug)]
pub(super) struct Live {
    pub device: Device,
    pub shown: Vec<Shown>,
}

#[derive(Debug, Default)]
pub(super) struct Done {
    pub sends: Vec<Sent>,
    pub acts: Vec<Acted>,
    pub moves: Vec<Moved>,
    pub oddities: Vec<String>,
    pub live: Option<Live>,
}

#[derive(Debug)]
pub(super) struct Client {
    pub number: usize,
    /// How many there are.
    pub clients: usize,
    pub me: Login,
    /// Somebody whom it takes along into the hall.
    pub guest: Login,
    pub guest_is_in: bool,
    pub peers: [String; 2],
    pub rng: Rng,
    pub shared: Arc<Shared>,
    pub rooms: Rooms,
    /// The highest `seq` that it knows of each conversation.
    pub last: BTreeMap<String, u64>,
    /// What it sends, the same bytes at every attempt.
    pub requests: Vec<SendRequest>,
    pub done: Done,
}

impl Client {
    pub(super) fn new(number: usize, clients: usize, seed: u64, shared: &Arc<Shared>) -> Self {
        let peer = |by: usize| name((number + by) % clients);
        Self {
            number,
            clients,
            me: Login::new(name(number), shared),
            guest: Login::new(guest(number), shared),
            guest_is_in: false,
            peers: [peer(1), peer(clients - 1)],
            rng: Rng::new(seed ^ (number as u64 + 1)),
            shared: Arc::clone(shared),
            rooms: Rooms {
                hall: String::new(),
                square: String::new(),
            },
            last: BTreeMap::new(),
            requests: Vec::new(),
            done: Done::default(),
        }
    }

    pub(super) async fn run(mut self, pipelined: bool) -> Self {
        self.me.arrive().await;
        self.guest.arrive().await;
        self.shared.all_here.wait().await;
        if self.number == 0 {
            let rooms = self.make_rooms().await;
            self.shared.rooms.send_replace(Some(rooms));
        }
        let mut made = self.shared.rooms.subscribe();
        let made = made.wait_for(Option::is_some).await.unwrap().clone();
        self.rooms = made.unwrap();
        if pipelined {
            let (device, shown) = (Device::new(&self.me.name), Vec::new());
            self.done.live = Some(Live { device, shown });
            self.pipeline().await;
        } else {
            while !self.shared.stopping() {
                if self.rng.chance(35) {
                    self.act(true).await;
                }
                let index = self.invent();
                self.send_until_acked(index).await;
            }
        }
        self
    }

    /// Records a new send.
    fn invent(&mut self) -> usize {
        let index = self.done.sends.len();
        let target = match self.rng.within(0..4) {
            0 => Target::ConversationId(self.rooms.hall.clone()),
            1 => Target::ChannelName(SQUARE.to_owned()),
            _ => Target::UserName(self.peers[index % 2].clone()),
        };
        let filler = "x".repeat(self.rng.within(0..200) as usize);
        let name = &self.me.name;
        let (text, id) = (format!("{name} number {index} {filler}"), new_id());
        self.done.sends.push(Sent {
            sender: name.clone(),
            client_id: id.clone(),
            text: text.clone(),
            invoked: self.shared.tick(),
            acked: None,
        });
        self.requests.push(SendRequest {
            target: Some(target),
            client_message_id: id,
            text,
            reply_to_seq: 0,
            attachments: Vec::new(),
        });
        index
    }

    fn acknowledged(&mut self, index: usize, answer: SendResponse) {
        let last = self.last.entry(answer.conversation_id.clone()).or_default();
        *last = answer.seq.max(*last);
        self.done.sends[index].acked = Some(Ack {
            conversation: answer.conversation_id,
            seq: answer.seq,
            at: self.shared.tick(),
        });
        self.shared.acked.fetch_add(1, Ordering::SeqCst);
    }

    async fn send_until_acked(&mut self, index: usize) {
        let request = self.requests[index].clone();
        let answered = self.me.ask(|account| {
            let request = request.clone();
            async move { account.connection.chat().send(request).await }
        });
        match answered.await.answer {
            Ok(answer) => self.acknowledged(index, answer),
            Err(status) => self.me.odd("a send", &status),
        }
    }

    /// Keeps some sends under way and follows events, over one stream after the other.
    async fn pipeline(&mut self) {
        let mut under_way: VecDeque<usize> = VecDeque::new();
        while !(self.shared.stopping() && under_way.is_empty()) {
            if let Some(account) = self.me.account().await {
                let live = self.done.live.as_mut();
                let cursor = live.and_then(|live| live.device.goes_on());
                let since = self.shared.tick();
                match timeout(ANSWER, account.chat(cursor)).await {
                    Ok(Ok(chat)) => self.one_stream(chat, since, &mut under_way).await,
                    Ok(Err(status)) => self.me.failed(&status),
                    Err(_) => self.me.lost(),
                }
            }
            self.me.back_off().await;
        }
    }

    async fn one_stream(&mut self, mut chat: Chat, since: u64, under_way: &mut VecDeque<usize>) {
        // Request 1 is the hello.
        let ask = async |chat: &Chat, client: &Self, index: usize| {
            let request = client.requests[index].clone();
            chat.ask(index as u64 + 2, Request::Send(request)).await;
        };
        for &index in under_way.iter() {
            ask(&chat, self, index).await;
        }
        let going = self.going_away();
        loop {
            while under_way.len() < PIPELINED
                && !self.shared.stopping()
                && self.going_away() == going
            {
                if self.rng.chance(20) {
                    let square = |index: &usize| {
                        let target = self.requests[*index].target.as_ref();
                        matches!(target, Some(Target::ChannelName(_)))
                    };
                    // A send that is under way must not find its sender gone.
                    let may_leave = !under_way.iter().any(square);
                    self.act(may_leave).await;
                }
                let index = self.invent();
                under_way.push_back(index);
                ask(&chat, self, index).await;
            }
            if self.shared.stopping() && under_way.is_empty() {
                return;
            }
            match timeout(ANSWER, chat.stream.message()).await {
                Ok(Ok(Some(frame))) => self.frame(frame, since, under_way),
                Ok(Ok(None)) => return,
                Ok(Err(status)) => return self.me.failed(&status),
                Err(_) => return self.me.lost(),
            }
        }
    }

    fn going_away(&self) -> usize {
        let live = self.done.live.as_ref();
        live.map_or(0, |live| live.device.going_away)
    }

    fn frame(&mut self, frame: ChatResponse, since: u64, under_way: &mut VecDeque<usize>) {
        if let Some(live) = self.done.live.as_mut() {
            for event in frame.events {
                live.shown.extend(shown(event.body.as_ref(), since));
                live.device.take(event);
            }
        }
        for reply in frame.replies {
            let Some(index) = reply.request_id.checked_sub(2).map(|n| n as usize) else {
                continue;
            };
            match reply.result {
                Some(reply::Result::Send(answer)) => {
                    under_way.retain(|&other| other != index);
                    self.acknowledged(index, answer);
                }
                // It is tried again over the next stream.
                Some(reply::Result::Error(error)) if error.code == Code::Unavailable as i32 => {}
                other => {
                    if let Some(reply::Result::Error(error)) = &other
                        && refuses(Code::from_i32(error.code))
                    {
                        under_way.retain(|&other| other != index);
                    }
                    let name = &self.me.name;
                    self.done.oddities.push(format!("{name}: reply {other:?}"));
                }
            }
        }
    }
}

/// The text that an event shows.
pub(super) fn shown(body: Option<&Body>, since: u64) -> Option<Shown> {
    let message = match body? {
        Body::Message(message) => message,
        Body::MessageEdited(edited) => edited.message.as_ref()?,
        _ => return None,
    };
    let Some(Content::Text(text)) = &message.content else {
        return None;
    };
    Some(Shown {
        since,
        conversation: message.conversation_id.clone(),
        seq: message.seq,
        text: text.clone(),
    })
}
