//! A link between clients and a server that counts what goes over it, breaks at chosen places, and stands still at others.
//! It goes on when the server behind it is another one.
//!
//! Where it breaks nothing of what is on its way arrives, as with a cable that is drawn. Runs beside any test, be it
//! asynchronous or not.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use socket2::SockRef;
use tinychat::client::net::{connect::Connection, tls::Security};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{self, Runtime},
    sync::watch,
    task::JoinSet,
};

use super::{Server, eventually};

/// Bytes that are carried at once.
const AT_ONCE: usize = 32 * 1024;
/// The longest that it may take until a place is reached: 100 MiB in a slow build.
const LONGEST: Duration = Duration::from_secs(300);

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Towards the server.
    Up,
    /// Towards the client.
    Down,
}

/// What happens at a place, which is a number of bytes that went by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The connection that comes there breaks.
    Cut,
    /// Nothing more goes by in this direction, until it is let go on.
    Hold,
}

/// The link.
pub struct Proxy {
    address: String,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct Shared {
    /// Where it leads to.
    server: Mutex<String>,
    up: Lane,
    down: Lane,
    cuts: AtomicUsize,
}

/// One direction of all connections.
#[derive(Default)]
struct Lane {
    passed: AtomicU64,
    marks: Mutex<BTreeMap<u64, Mark>>,
    held: watch::Sender<bool>,
}

impl Proxy {
    /// A link to this server.
    pub fn to(server: &Server) -> Self {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared::default());
        let serves = Arc::clone(&shared);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let mut links = JoinSet::new();
            loop {
                let (near, _) = listener.accept().await.unwrap();
                links.spawn(Arc::clone(&serves).link(near));
                while links.try_join_next().is_some() {}
            }
        });
        let it = Self {
            address,
            shared,
            runtime: Some(runtime),
        };
        it.lead_to(server);
        it
    }

    /// Where clients find it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A new connection over it, without a login.
    pub fn connection(&self) -> Connection {
        Connection::open(&self.address.parse().unwrap(), &Security::Plaintext).unwrap()
    }

    /// From now on it leads to this server.
    pub fn lead_to(&self, server: &Server) {
        *self.shared.server.lock().unwrap() = server.address().as_str().to_owned();
    }

    /// How many bytes have gone this way so far, over all connections.
    pub fn passed(&self, way: Way) -> u64 {
        self.lane(way).passed.load(Ordering::Relaxed)
    }

    /// How many connections it broke.
    pub fn cuts(&self) -> usize {
        self.shared.cuts.load(Ordering::Relaxed)
    }

    /// Has this happen when so many bytes more than now have gone by; one thing at a place.
    pub fn mark(&self, way: Way, after: u64, mark: Mark) {
        let mut place = self.passed(way) + after;
        let mut marks = self.lane(way).marks.lock().unwrap();
        while marks.contains_key(&place) {
            place += 1;
        }
        marks.insert(place, mark);
    }

    /// Waits until nothing goes this way any more.
    pub async fn held(&self, way: Way) {
        let held = || *self.lane(way).held.borrow();
        eventually("the place is reached", LONGEST, held).await;
    }

    /// Lets bytes go by again.
    pub fn let_go(&self, way: Way) {
        self.lane(way).held.send_replace(false);
    }

    fn lane(&self, way: Way) -> &Lane {
        self.shared.lane(way)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A test that is asynchronous may not wait for it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn lane(&self, way: Way) -> &Lane {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    async fn link(self: Arc<Self>, near: TcpStream) {
        let server = self.server.lock().unwrap().clone();
        // While the server is down there is nobody.
        let Ok(far) = TcpStream::connect(server).await else {
            return;
        };
        for stream in [&near, &far] {
            stream.set_nodelay(true).unwrap();
        }
        let is_cut = tokio::select! {
            is_cut = self.up.carry(&near, &far) => is_cut,
            is_cut = self.down.carry(&far, &near) => is_cut,
        };
        if is_cut {
            self.cuts.fetch_add(1, Ordering::Relaxed);
            for stream in [&near, &far] {
                // Nothing is said of an end, and what was not taken yet is dropped.
                SockRef::from(stream).set_linger(Some(Duration::ZERO)).ok();
            }
        }
    }
}

impl Lane {
    /// Carries bytes until one end is gone, or to a place where it breaks: whether that was it.
    async fn carry(&self, from: &TcpStream, to: &TcpStream) -> bool {
        let mut buffer = vec![0; AT_ONCE];
        let mut held = self.held.subscribe();
        loop {
            if held.wait_for(|is_held| !is_held).await.is_err() || from.readable().await.is_err() {
                return false;
            }
            let bytes = match self.next_mark() {
                Ok(room) => match from.try_read(&mut buffer[..room]) {
                    Ok(bytes) if bytes > 0 => bytes,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                    _ => return false,
                },
                Err(Mark::Hold) => {
                    self.held.send_replace(true);
                    continue;
                }
                Err(Mark::Cut) => return true,
            };
            self.passed.fetch_add(bytes as u64, Ordering::Relaxed);
            let mut left = &buffer[..bytes];
            while !left.is_empty() {
                if to.writable().await.is_err() {
                    return false;
                }
                match to.try_write(left) {
                    Ok(written) => left = &left[written..],
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => return false,
                }
            }
        }
    }

    /// How many bytes may go by until something happens; or that, which happens once.
    fn next_mark(&self) -> Result<usize, Mark> {
        let mut marks = self.marks.lock().unwrap();
        let passed = self.passed.load(Ordering::Relaxed);
        let Some(first) = marks.first_entry() else {
            return Ok(AT_ONCE);
        };
        match first.key().saturating_sub(passed) {
            0 => Err(first.remove()),
            left => Ok(AT_ONCE.min(left as usize)),
        }
    }
}
