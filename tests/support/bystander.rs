//! Two people who chat while something else happens, how long each message takes from one to the other, and what the
//! server needs meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::time::MissedTickBehavior;

use super::{
    Account, Server,
    feed::{Door, Feed},
};

/// Between two messages.
const PACE: Duration = Duration::from_millis(10);

/// Two people.
pub struct Bystanders {
    ann: Account,
    feed: Feed,
    sent: usize,
}

/// What they saw.
#[derive(Clone, Debug)]
pub struct Seen {
    /// How long each message took, from before it was sent to when it was seen, sorted.
    pub took: Vec<Duration>,
}

impl Seen {
    /// The value below which this share of the messages lies.
    pub fn quantile(&self, share: f64) -> Duration {
        let last = self.took.len() - 1;
        self.took[(last as f64 * share).round() as usize]
    }
}

impl Bystanders {
    /// Two accounts, each over a connection of its own, one of them following a stream.
    pub async fn new(server: &Server) -> Self {
        let ann = Account::register(server, "ann").await;
        let bob = Account::register(server, "bob").await;
        let mut feed = bob.live(Door::Chat).await;
        // As much ordinary use as fills the caches of a server that has just been started: those of the store, whose
        // readers are opened when they are first needed, and what the allocator keeps of calls and connections.
        let text = "x".repeat(12 * 1024);
        let mut conversation = String::new();
        for _ in 0..100 {
            let sent = join_all((0..4).map(|_| ann.send("bob", &text))).await;
            conversation.clone_from(&sent[0].conversation_id);
        }
        join_all((0..8).map(|_| ann.users())).await;
        for _ in 0..4 {
            let newest = (0..4).map(|_| bob.newest(&conversation, 50));
            join_all(newest).await;
        }
        ann.send("bob", "warm").await;
        feed.until_text("warm").await;
        Self { ann, feed, sent: 0 }
    }

    /// They chat until the flag is set, or so long.
    pub async fn chat(&mut self, stop: &AtomicBool, longest: Duration) -> Seen {
        let mut took = Vec::new();
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let began = Instant::now();
        while !stop.load(Ordering::Relaxed) && began.elapsed() < longest {
            pace.tick().await;
            let text = format!("m{}", self.sent);
            self.sent += 1;
            let began = Instant::now();
            self.ann.send("bob", &text).await;
            self.feed.until_text(&text).await;
            took.push(began.elapsed());
        }
        took.sort();
        Seen { took }
    }
}

/// Watches over the memory of a server from a thread of its own.
pub struct Memory {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<u64>,
}

impl Memory {
    /// Begins to watch.
    pub fn watch(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut most = 0;
            while !stopping.load(Ordering::Relaxed) {
                most = most.max(super::server::rss_of(pid));
                thread::sleep(Duration::from_millis(5));
            }
            most
        });
        Self { stop, thread }
    }

    /// The most that it was, in bytes.
    pub fn most(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
