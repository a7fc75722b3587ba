//! Clients that send and act through every fault and repeat until they are answered. What they saw becomes a `History`.
//!
//! They talk to each other, in a group and in a channel; they edit, delete and react; they come and go. Half of them send
//! one call at a time; the other half pipeline through `Chat`, where they also follow events and resume after their last
//! cursor, as a good client does.

mod acts;
mod client;
mod login;
mod read_back;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use client::Client;
use login::Login;
use read_back::Back;
use tinychat::client::net::connect::ServerAddress;
use tokio::{
    sync::{Barrier, watch},
    task::JoinSet,
};

use super::{Server, checker::History, in_time};

/// Clients at work.
#[derive(Debug)]
#[must_use]
pub struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<Client>,
}

/// The group in which all are members, and all of what was said is read by whoever comes.
const HALL: &str = "hall";
/// The channel.
const SQUARE: &str = "square";

/// The ids of the conversations in which all clients are.
#[derive(Clone, Debug)]
struct Rooms {
    hall: String,
    square: String,
}

#[derive(Debug)]
struct Shared {
    server: watch::Sender<ServerAddress>,
    /// One clock for all clients: it ticks with every record.
    ticks: AtomicU64,
    acked: AtomicU64,
    /// All are logged in before the first sends: nobody sends to a user who is not there yet.
    all_here: Barrier,
    /// Made by the first client when all are there.
    rooms: watch::Sender<Option<Rooms>>,
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

/// The name of a client.
fn name(number: usize) -> String {
    format!("user{number}")
}

/// The name of its guest, who is added to the hall and leaves it.
fn guest(number: usize) -> String {
    format!("guest{number}")
}

impl Load {
    /// Lets so many clients send, each to its two neighbours in a ring and to all.
    pub fn start(server: &Server, clients: usize, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            server: watch::Sender::new(server.address().clone()),
            ticks: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            all_here: Barrier::new(clients),
            rooms: watch::Sender::new(None),
            stopping: AtomicBool::new(false),
        });
        let mut tasks = JoinSet::new();
        for number in 0..clients {
            let client = Client::new(number, clients, seed, &shared);
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
        let mut backs = Vec::new();
        while let Some(client) = in_time("a client to end", self.clients.join_next()).await {
            let Client {
                me, guest, done, ..
            } = client.unwrap();
            let history = &mut finished.history;
            finished.going_away += done.live.as_ref().map_or(0, |live| live.device.going_away);
            history.sends.extend(done.sends);
            history.acts.extend(done.acts);
            history.moves.extend(done.moves);
            for oddities in [done.oddities, me.oddities.clone(), guest.oddities.clone()] {
                history.oddities.extend(oddities);
            }
            backs.push((me, done.live, true));
            backs.push((guest, None, false));
        }
        let since = self.shared.tick();
        for (login, live, replays) in backs {
            let account = login.on(server).await;
            let mut back = Back::new(server, account, since);
            back.pages(&mut finished.history).await;
            if replays {
                back.replay(&mut finished.history).await;
            }
            if let Some(live) = live {
                back.live(live, &mut finished.history).await;
            }
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

    /// How many acts upon messages were acknowledged.
    pub fn acted(&self) -> usize {
        let acts = self.history.acts.iter();
        acts.filter(|acted| acted.done.is_some()).count()
    }
}
