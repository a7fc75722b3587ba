//! Reads everything that a user can read: page by page, by a replay to a new device, and the rest of what a device
//! followed live.

use std::collections::BTreeMap;

use tinychat::pb::{
    Conversation, ConversationKind, Event, ListMembersRequest, Message, WhoAmIRequest, event::Body,
    message::Content,
};

use super::client::{Live, shown};
use crate::support::{
    Account, Server,
    checker::{Copied, Given, History, Reading, Shown},
    device::{Device, sender_of},
    feed::{Door, From, after},
    in_time,
};

/// One user's reading.
pub(super) struct Back<'a> {
    server: &'a Server,
    account: Account,
    since: u64,
    /// Where the part of each conversation begins that is told to this user's devices.
    begins: BTreeMap<String, u64>,
}

fn copied(message: &Message) -> Copied {
    let given = message.reactions.iter().map(|it| Given {
        emoji: it.emoji.clone(),
        count: it.count.into(),
        mine: it.mine,
    });
    let content = message.content.as_ref();
    Copied {
        conversation: message.conversation_id.clone(),
        seq: message.seq,
        sender: sender_of(message).to_owned(),
        client_id: message.client_message_id.clone(),
        text: content.map(|Content::Text(text)| text.clone()),
        revision: message.revision,
        reactions: given.collect(),
    }
}

impl<'a> Back<'a> {
    pub(super) fn new(server: &'a Server, account: Account, since: u64) -> Self {
        Self {
            server,
            account,
            since,
            begins: BTreeMap::new(),
        }
    }

    pub(super) async fn pages(&mut self, history: &mut History) {
        let mut auth = self.account.connection.auth();
        if let Err(status) = in_time("who am I", auth.who_am_i(WhoAmIRequest {})).await {
            // The rest is to be judged all the same.
            let oddity = format!("{}: a login is lost: {status:?}", self.account.name);
            history.oddities.push(oddity);
            self.account = Account::login(self.server, &self.account.name).await;
        }
        let mut reading = self.reading("pages");
        reading.begins.clear();
        for conversation in self.account.conversations().await {
            let members = self.members(&conversation).await;
            let id = conversation.id;
            history
                .members
                .entry(id.clone())
                .or_default()
                .extend(members);
            // Nobody marks anything read: all have read what was said before they came.
            self.begins.insert(id.clone(), conversation.read_seq);
            let messages = self.account.history(&id).await;
            let last = conversation.last_message.into_iter();
            for message in last.chain(messages.iter().cloned()) {
                reading.shown.extend(self.shown(Body::Message(message)));
            }
            reading.copies.extend(messages.iter().map(copied));
        }
        history.readings.push(reading);
    }

    async fn members(&self, conversation: &Conversation) -> Vec<String> {
        if conversation.kind() == ConversationKind::Direct {
            let members = conversation.members.iter();
            return members.map(|member| member.name.clone()).collect();
        }
        let request = ListMembersRequest {
            conversation_id: conversation.id.clone(),
            page_size: 500,
            ..ListMembersRequest::default()
        };
        let mut conversations = self.account.connection.conversations();
        let page = in_time("list members", conversations.list_members(request)).await;
        let members = page.unwrap().into_inner().members.into_iter();
        members.map(|member| member.user.unwrap().name).collect()
    }

    fn reading(&self, how: &'static str) -> Reading {
        Reading {
            user: self.account.name.clone(),
            how,
            begins: self.begins.clone(),
            ..Reading::default()
        }
    }

    fn shown(&self, body: Body) -> Option<Shown> {
        shown(Some(&body), self.since)
    }

    pub(super) async fn replay(&mut self, history: &mut History) {
        let device = Account::login(self.server, &self.account.name).await;
        let events = device.replayed(Door::Subscribe, From::default()).await;
        let (device, shown) = (Device::new(&self.account.name), Vec::new());
        self.rest("replay", Live { device, shown }, events, history);
    }

    pub(super) async fn live(&mut self, mut live: Live, history: &mut History) {
        let from = live.device.goes_on();
        let from = from.map_or_else(From::default, |cursor| after(&cursor));
        let events = self.account.replayed(Door::Subscribe, from).await;
        self.rest("live", live, events, history);
    }

    /// What a device has in the end, after these last events.
    fn rest(&self, how: &'static str, live: Live, events: Vec<Event>, history: &mut History) {
        let Live { mut device, shown } = live;
        let mut reading = self.reading(how);
        reading.shown = shown;
        for event in events {
            if let Some(body) = event.body.clone() {
                reading.shown.extend(self.shown(body));
            }
            device.take(event);
        }
        let rooms = device.rooms.values();
        let messages = rooms.flat_map(|room| room.messages.values());
        reading.copies.extend(messages.map(copied));
        history.readings.push(reading);
        let odd = device.odd.iter().take(10);
        let odd = odd.map(|odd| format!("{} ({how}): {odd}", device.user));
        history.oddities.extend(odd);
    }
}
