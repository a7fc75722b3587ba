//! Clients that send through every fault and repeat until they are answered. What they saw becomes a `History`.
//!
//! Half of them send one call at a time; the other half pipeline through `Chat`, where they also follow events and
//! resume after their last cursor, as a good client does.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tinychat::{
    client::net::{
        connect::{Connection, ServerAddress},
        tls::Security,
    },
    pb::{
        ChatResponse, Event, Message, SendResponse, WhoAmIRequest, chat_request::Request,
        event::Body, reply,
    },
};
use tokio::{
    sync::{Barrier, watch},
    task::JoinSet,
    time::timeout,
};
use tonic::{Code, Status};

use super::{
    Account, Server,
    account::{new_id, reason, text_of, to_user},
    checker::{Ack, Copied, History, Reading, Sent},
    in_time,
    rng::Rng,
};

/// After this long without an answer a client takes its connection for dead.
const ANSWER: Duration = Duration::from_secs(5);
/// Between two attempts, unless the server is known to be back earlier.
const BACK_OFF: Duration = Duration::from_millis(20);
/// After so many answers that its login is not known a client logs in anew.
const UNKNOWN_MAX: u32 = 5;
/// Sends that a client of `Chat` has under way.
const PIPELINED: usize = 8;

/// Clients at work.
#[derive(Debug)]
#[must_use]
pub struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<Client>,
}

#[derive(Debug)]
struct Shared {
    server: watch::Sender<ServerAddress>,
    /// One clock for all clients: it ticks with every record.
    ticks: AtomicU64,
    acked: AtomicU64,
    /// All are logged in before the first sends: nobody sends to a user who is not there yet.
    all_here: Barrier,
    /// No new sends any more; what is under way is brought to its end.
    stopping: AtomicBool,
}

impl Shared {
    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

impl Load {
    /// Lets so many clients send, each to its two neighbours in a ring.
    pub fn start(server: &Server, clients: usize, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            server: watch::Sender::new(server.address().clone()),
            ticks: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            all_here: Barrier::new(clients),
            stopping: AtomicBool::new(false),
        });
        let mut tasks = JoinSet::new();
        for number in 0..clients {
            let name = |n: usize| format!("user{}", n % clients);
            let client = Client {
                name: name(number),
                peers: [name(number + 1), name(number + clients - 1)],
                rng: Rng::new(seed ^ (number as u64 + 1)),
                server: shared.server.subscribe(),
                shared: Arc::clone(&shared),
                account: None,
                unknown: 0,
                done: Done::default(),
            };
            tasks.spawn(client.run(number % 2 == 1));
        }
        Self {
            shared,
            clients: tasks,
        }
    }

    /// Tells the clients where the server is now.
    pub fn moved_to(&self, server: &Server) {
        self.shared.server.send_replace(server.address().clone());
    }

    /// How many sends have been acknowledged so far.
    pub fn acked(&self) -> u64 {
        self.shared.acked.load(Ordering::SeqCst)
    }

    /// Ends the sending, waits until everything that is under way is acknowledged, and reads everything back in every
    /// way that there is.
    pub async fn finish(mut self, server: &Server) -> Finished {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let mut finished = Finished::default();
        let mut accounts = Vec::new();
        while let Some(client) = in_time("a client to end", self.clients.join_next()).await {
            let client = client.unwrap();
            finished.going_away += client.done.going_away;
            finished.history.sends.extend(client.done.sends);
            finished.history.oddities.extend(client.done.oddities);
            accounts.push((client.account, client.name, client.done.live));
        }
        for (account, name, live) in accounts {
            let account = match account {
                Some((_, account)) => account.on(server),
                None => Account::login(server, &name).await,
            };
            read_back(server, &account, live, &mut finished.history).await;
        }
        finished
    }
}

/// What came of a load.
#[derive(Debug, Default)]
pub struct Finished {
    /// For the checker.
    pub history: History,
    /// How many streams were told that the server goes.
    pub going_away: usize,
}

impl Finished {
    /// How many sends were acknowledged.
    pub fn acked(&self) -> usize {
        let sends = self.history.sends.iter();
        sends.filter(|sent| sent.acked.is_some()).count()
    }
}

/// What a client that follows events has so far.
#[derive(Debug, Default)]
struct Live {
    cursor: Option<String>,
    copies: Vec<Copied>,
}

#[derive(Debug, Default)]
struct Done {
    sends: Vec<Sent>,
    oddities: Vec<String>,
    going_away: usize,
    live: Option<Live>,
}

#[derive(Debug)]
struct Client {
    name: String,
    peers: [String; 2],
    rng: Rng,
    shared: Arc<Shared>,
    server: watch::Receiver<ServerAddress>,
    account: Option<(ServerAddress, Account)>,
    /// How often in a row the login was not known.
    unknown: u32,
    done: Done,
}

/// The send of a record, the same bytes at every attempt.
fn request_of(peers: &[String; 2], index: usize, sent: &Sent) -> tinychat::pb::SendRequest {
    to_user(&peers[index % 2], &sent.text, &sent.client_id)
}

impl Client {
    async fn run(mut self, pipelined: bool) -> Self {
        while self.account().await.is_none() {
            self.back_off().await;
        }
        self.shared.all_here.wait().await;
        if pipelined {
            self.done.live = Some(Live::default());
            self.pipeline().await;
        } else {
            while !self.shared.stopping() {
                let index = self.invent();
                self.send_until_acked(index).await;
            }
        }
        self
    }

    /// Records a new send.
    fn invent(&mut self) -> usize {
        let index = self.done.sends.len();
        let filler = "x".repeat(self.rng.within(0..200) as usize);
        self.done.sends.push(Sent {
            sender: self.name.clone(),
            client_id: new_id(),
            text: format!("{} number {index} {filler}", self.name),
            invoked: self.shared.tick(),
            acked: None,
        });
        index
    }

    fn acknowledged(&mut self, index: usize, answer: SendResponse) {
        self.done.sends[index].acked = Some(Ack {
            conversation: answer.conversation_id,
            seq: answer.seq,
            at: self.shared.tick(),
        });
        self.shared.acked.fetch_add(1, Ordering::SeqCst);
    }

    async fn send_until_acked(&mut self, index: usize) {
        loop {
            if let Some(account) = self.account().await {
                let request = request_of(&self.peers, index, &self.done.sends[index]);
                let mut chat = account.connection.chat();
                match timeout(ANSWER, chat.send(request)).await {
                    Ok(Ok(answer)) => return self.acknowledged(index, answer.into_inner()),
                    Ok(Err(status)) => self.failed(&status),
                    Err(_) => self.account = None,
                }
            }
            self.back_off().await;
        }
    }

    /// Keeps some sends under way and follows events, over one stream after the other.
    async fn pipeline(&mut self) {
        let mut under_way: VecDeque<usize> = VecDeque::new();
        while !(self.shared.stopping() && under_way.is_empty()) {
            if let Some(account) = self.account().await {
                let cursor = self.done.live.as_ref().and_then(|live| live.cursor.clone());
                match timeout(ANSWER, account.chat(cursor)).await {
                    Ok(Ok(chat)) => self.one_stream(chat, &mut under_way).await,
                    Ok(Err(status)) => self.failed(&status),
                    Err(_) => self.account = None,
                }
            }
            self.back_off().await;
        }
    }

    async fn one_stream(&mut self, mut chat: super::Chat, under_way: &mut VecDeque<usize>) {
        // Request 1 is the hello.
        let ask = async |chat: &super::Chat, client: &Self, index: usize| {
            let request = request_of(&client.peers, index, &client.done.sends[index]);
            chat.ask(index as u64 + 2, Request::Send(request)).await;
        };
        for &index in under_way.iter() {
            ask(&chat, self, index).await;
        }
        let going = self.done.going_away;
        loop {
            while under_way.len() < PIPELINED
                && !self.shared.stopping()
                && self.done.going_away == going
            {
                let index = self.invent();
                under_way.push_back(index);
                ask(&chat, self, index).await;
            }
            if self.shared.stopping() && under_way.is_empty() {
                return;
            }
            match timeout(ANSWER, chat.stream.message()).await {
                Ok(Ok(Some(frame))) => self.frame(frame, under_way),
                Ok(Ok(None)) => return,
                Ok(Err(status)) => return self.failed(&status),
                Err(_) => return self.account = None,
            }
        }
    }

    fn frame(&mut self, frame: ChatResponse, under_way: &mut VecDeque<usize>) {
        for event in frame.events {
            self.event(event);
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
                other => self
                    .done
                    .oddities
                    .push(format!("{}: reply {other:?}", self.name)),
            }
        }
    }

    fn event(&mut self, event: Event) {
        let Some(live) = self.done.live.as_mut() else {
            return;
        };
        if !event.cursor.is_empty() {
            live.cursor = Some(event.cursor);
        }
        match event.body {
            Some(Body::Message(message)) => live.copies.push(copied(message)),
            Some(Body::GoingAway(_)) => self.done.going_away += 1,
            Some(odd @ (Body::Reset(_) | Body::Gap(_))) => {
                self.done
                    .oddities
                    .push(format!("{}: event {odd:?}", self.name));
            }
            _ => {}
        }
    }

    /// The login, over a connection to where the server is now. `None`: not now.
    async fn account(&mut self) -> Option<Account> {
        let server = self.server.borrow_and_update().clone();
        match &self.account {
            Some((address, account)) if *address == server => return Some(account.clone()),
            _ => {}
        }
        let connection = Connection::open(&server, &Security::Plaintext).unwrap();
        let account = match &self.account {
            Some((_, account)) => account.over(&connection),
            None => {
                let login = Account::try_login(&connection, &self.name);
                match timeout(ANSWER, login).await {
                    Ok(Ok(account)) => account,
                    Ok(Err(status)) => {
                        self.failed(&status);
                        return None;
                    }
                    Err(_) => return None,
                }
            }
        };
        self.account = Some((server, account.clone()));
        Some(account)
    }

    /// A call failed. With a server that was killed this is no news; an answer that refuses is.
    fn failed(&mut self, status: &Status) {
        let expected = match status.code() {
            Code::Unavailable | Code::Cancelled => true,
            // What the transport makes of a cut connection.
            Code::Unknown | Code::Internal => reason(status).is_empty(),
            _ => false,
        };
        if !expected {
            let (name, why) = (&self.name, reason(status));
            self.done.oddities.push(format!("{name}: {status:?} {why}"));
        }
        if status.code() == Code::Unauthenticated {
            self.unknown += 1;
            if self.unknown == UNKNOWN_MAX {
                (self.account, self.unknown) = (None, 0);
            }
        }
    }

    async fn back_off(&mut self) {
        // Ends early when the server has come back elsewhere.
        timeout(BACK_OFF, self.server.changed()).await.ok();
    }
}

fn copied(message: Message) -> Copied {
    let text = text_of(&message).to_owned();
    Copied {
        conversation: message.conversation_id,
        seq: message.seq,
        sender: message.sender.map(|sender| sender.name).unwrap_or_default(),
        client_id: message.client_message_id,
        text,
    }
}

/// Reads everything that a user can read: page by page, by a replay to a new device, and the rest of what a device
/// followed live.
async fn read_back(server: &Server, account: &Account, live: Option<Live>, history: &mut History) {
    let mut account = account.clone();
    let mut auth = account.connection.auth();
    if let Err(status) = in_time("who am I", auth.who_am_i(WhoAmIRequest {})).await {
        // The rest is to be judged all the same.
        let oddity = format!("{}: a login is lost: {status:?}", account.name);
        history.oddities.push(oddity);
        account = Account::login(server, &account.name).await;
    }
    let mut pages = Vec::new();
    for conversation in account.conversations().await {
        let names = conversation
            .members
            .iter()
            .map(|member| member.name.clone());
        history
            .members
            .insert(conversation.id.clone(), names.collect::<BTreeSet<_>>());
        pages.extend(
            account
                .history(&conversation.id)
                .await
                .into_iter()
                .map(copied),
        );
    }
    let mut add = |how, copies| {
        let user = account.name.clone();
        history.readings.push(Reading { user, how, copies });
    };
    add("pages", pages);

    let device = Account::login(server, &account.name).await;
    let mut events = device.subscribe(None).await;
    let replay = super::account::messages(events.until_caught_up().await);
    add("replay", replay.into_iter().map(copied).collect());

    if let Some(live) = live {
        let mut events = account.subscribe(live.cursor).await;
        let rest = super::account::messages(events.until_caught_up().await);
        let mut copies = live.copies;
        copies.extend(rest.into_iter().map(copied));
        add("live", copies);
    }
}
