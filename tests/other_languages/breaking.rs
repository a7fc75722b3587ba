//! A link that breaks: it carries what programs and a server say to each other, and cuts every connection whenever so many
//! bytes went over it. After the last cut it holds. It lives as long as the process.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

pub struct BreakingLink {
    address: String,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Bytes in both directions, from one cut to the next.
    cuts: VecDeque<usize>,
    /// Bytes since the last cut.
    carried: usize,
    /// Both ends of each connection.
    open: Vec<TcpStream>,
}

impl BreakingLink {
    /// A link to a server, with a cut after each of these numbers of bytes.
    pub fn to(server: &str, cuts: &[usize]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State {
            cuts: cuts.iter().copied().collect(),
            carried: 0,
            open: Vec::new(),
        }));
        let (server, shared) = (server.to_owned(), Arc::clone(&state));
        thread::spawn(move || {
            for near in listener.incoming() {
                // Who is not served finds the connection closed, and comes again.
                near.and_then(|near| connect(near, &server, &shared)).ok();
            }
        });
        Self { address, state }
    }

    /// Where it is reached.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Cuts that are still to come.
    pub fn cuts_left(&self) -> usize {
        self.state.lock().unwrap().cuts.len()
    }
}

fn connect(near: TcpStream, server: &str, state: &Arc<Mutex<State>>) -> io::Result<()> {
    let far = TcpStream::connect(server)?;
    let ends = [near.try_clone()?, far.try_clone()?];
    state.lock().unwrap().open.extend(ends);
    for (from, to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
        let state = Arc::clone(state);
        thread::spawn(move || carry(from, to, &state));
    }
    Ok(())
}

/// Carries bytes in one direction until an end is gone or the link breaks.
fn carry(mut from: TcpStream, mut to: TcpStream, state: &Mutex<State>) {
    let mut buffer = vec![0; 32 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        if state.lock().unwrap().breaks(bytes) || to.write_all(&buffer[..bytes]).is_err() {
            break;
        }
    }
    for end in [from, to] {
        end.shutdown(Shutdown::Both).ok();
    }
}

impl State {
    /// Counts bytes, and cuts everything if it is time to.
    fn breaks(&mut self, bytes: usize) -> bool {
        self.carried += bytes;
        if self.cuts.front().is_none_or(|cut| self.carried < *cut) {
            return false;
        }
        self.cuts.pop_front();
        self.carried = 0;
        for end in self.open.drain(..) {
            end.shutdown(Shutdown::Both).ok();
        }
        true
    }
}
