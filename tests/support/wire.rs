//! HTTP/2 by hand: frames that no honest library would send, as fast as they can be sent.

use std::{collections::BTreeMap, io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{Instant, timeout_at},
};

/// What a client begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames (RFC 9113, section 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Flags.
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A setting: how much a stream may send before it is given more room.
pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// A frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The preface and settings with which a connection begins.
pub fn greeting(settings: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (name, value) in settings {
        payload.extend(name.to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    [PREFACE, &frame(SETTINGS, 0, 0, &payload)].concat()
}

/// The header block of a call: names and values as they are, without Huffman and without a table (RFC 7541, 6.2.2).
pub fn call(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    // :method POST and :scheme http stand in the static table.
    let mut block = vec![0x83, 0x86];
    let usual = [
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    for (name, value) in usual.iter().chain(more) {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "a length of one byte");
            block.push(text.len() as u8);
            block.extend(text.as_bytes());
        }
    }
    block
}

/// The header that carries a token.
pub fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

/// A message of gRPC, uncompressed.
pub fn message(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0], &length[..], bytes].concat()
}

/// What came of a flood.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connections that were made.
    pub connections: usize,
    /// Frames that the network took.
    pub frames: u64,
    /// How the server ended connections: what GOAWAY said, or `cut`.
    pub ends: BTreeMap<String, usize>,
}

impl Tally {
    /// Adds another one.
    pub fn add(&mut self, other: Self) {
        self.connections += other.connections;
        self.frames += other.frames;
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
    }
}

/// Sends the same kind of thing over and over until the time is over; whenever the server ends the connection, on a new
/// one. `more` is given the number of the round on this connection and returns frames and how many.
pub async fn flood(
    address: &str,
    until: Instant,
    begin: &[u8],
    mut more: impl FnMut(u32) -> (Vec<u8>, u64),
) -> Tally {
    let mut tally = Tally::default();
    while Instant::now() < until {
        let Ok(stream) = TcpStream::connect(address).await else {
            continue;
        };
        tally.connections += 1;
        let (mut read, mut write) = stream.into_split();
        let sending = send(&mut write, until, begin, &mut more, &mut tally.frames);
        let end = {
            let reading = how_it_ends(&mut read);
            tokio::pin!(reading);
            tokio::select! {
                end = &mut reading => Some(end),
                sent = sending => match sent {
                    Ok(()) => None,
                    // It was ended while something was on its way: what it said may still be there to read.
                    Err(_) => timeout_at(Instant::now() + Duration::from_secs(1), reading).await.ok(),
                },
            }
        };
        if let Some(end) = end {
            *tally.ends.entry(end).or_default() += 1;
        }
    }
    tally
}

async fn send(
    write: &mut OwnedWriteHalf,
    until: Instant,
    begin: &[u8],
    more: &mut impl FnMut(u32) -> (Vec<u8>, u64),
    frames: &mut u64,
) -> io::Result<()> {
    write.write_all(begin).await?;
    for round in 0.. {
        // Looked at here, too: while the network takes everything at once, nothing else asks for the time.
        if Instant::now() >= until {
            break;
        }
        let (bytes, count) = more(round);
        match timeout_at(until, write.write_all(&bytes)).await {
            Ok(written) => written?,
            Err(_) => break,
        }
        *frames += count;
    }
    Ok(())
}

/// Reads all that comes and answers how the server ended the connection.
async fn how_it_ends(read: &mut OwnedReadHalf) -> String {
    let mut end = "cut".to_owned();
    loop {
        let mut head = [0; 9];
        if read.read_exact(&mut head).await.is_err() {
            return end;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        if read.read_exact(&mut payload).await.is_err() {
            return end;
        }
        if head[3] == GOAWAY && length >= 8 {
            let code = u32::from_be_bytes(payload[4..8].try_into().unwrap());
            end = format!("GOAWAY {code} {}", String::from_utf8_lossy(&payload[8..]));
        }
    }
}
