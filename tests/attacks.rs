//! Attacks beside two people who chat: floods of frames, silent sockets by the thousand, halves of things, bombs, and
//! streams that nobody reads. The people must not notice (99 of 100 messages within 250 ms), the server's memory stays
//! bounded, and comes back afterwards.

use std::{
    collections::BTreeMap,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::support::{
    self, Account, Server,
    account::{PASSWORD, new_id, to_user},
    bystander::{Bystanders, Memory},
    eventually, heavy, in_time, reason,
    wire::{
        self, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, PING,
        RST_STREAM, SETTINGS, Tally, WINDOW_UPDATE, flood, frame, greeting,
    },
};
use prost::Message as _;
use tinychat::{
    client::net::{
        connect::{Connection, ServerAddress},
        tls::Security,
    },
    pb::{ChatRequest, Hello, LoginRequest, SendRequest, chat_request::Request},
    server::descriptors,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, timeout},
};

/// What 99 of 100 messages of the bystanders may take at most.
const P99_MAX: Duration = Duration::from_millis(250);
/// What the server's memory may grow by during an attack.
const RSS_GROWTH_MAX: u64 = 64 << 20;
/// How long it may take until the memory is back.
const BACK_IN: Duration = Duration::from_secs(30);
/// What it may be more than before then: a tenth, and what an allocator rounds up to.
const RSS_LEFT_MAX: f64 = 1.1;

const TIME: &str = "/tinychat.v1.ChatService/Time";
const SEND: &str = "/tinychat.v1.ChatService/Send";
const CHAT: &str = "/tinychat.v1.ChatService/Chat";
const LOGIN: &str = "/tinychat.v1.AuthService/Login";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// How long each attack goes on.
fn duration() -> Duration {
    Duration::from_secs(if support::long() { 60 } else { 3 })
}

/// Runs an attack from a thread of its own while two people chat, and judges what it did to them and to the server.
async fn withstand<A>(name: &str, server: &Server, attack: A) -> Tally
where
    A: AsyncFnOnce(Instant) -> Tally + Send + 'static,
{
    let mut people = Bystanders::new(server).await;
    let never = AtomicBool::new(false);
    // The first messages warm up caches; they count for nothing.
    people.chat(&never, Duration::from_millis(500)).await;
    let quiet = people.chat(&never, Duration::from_secs(1)).await;
    let before = server.rss();
    let memory = Memory::watch(server.pid());
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let attacker = thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let tally = runtime.block_on(attack(Instant::now() + duration()));
        stopped.store(true, Ordering::Relaxed);
        tally
    });
    let seen = people.chat(&stop, Duration::from_secs(600)).await;
    let tally = attacker.join().unwrap();
    let most = memory.most();
    let mut after = 0;
    let began = Instant::now();
    eventually("the memory is back", BACK_IN, || {
        after = server.rss();
        // Told below, with all figures.
        after as f64 <= before as f64 * RSS_LEFT_MAX || began.elapsed() > BACK_IN.mul_f64(0.9)
    })
    .await;
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let line = format!(
        "attack {name}: {} messages, p50 {:.1?}, p99 {:.1?}, worst {:.1?} (without it {:.1?}, {:.1?}, {:.1?}); server {:.1} \
         MiB before, {:.1} at most, {:.1} after {:.1?}; {tally:?}\n",
        seen.took.len(),
        seen.quantile(0.5),
        seen.quantile(0.99),
        seen.quantile(1.0),
        quiet.quantile(0.5),
        quiet.quantile(0.99),
        quiet.quantile(1.0),
        mib(before),
        mib(most),
        mib(after),
        began.elapsed(),
    );
    // Past the capturing of the test harness: these figures are worth keeping.
    std::io::stderr().write_all(line.as_bytes()).ok();
    assert!(seen.took.len() > 20, "they hardly chatted: {line}");
    assert!(seen.quantile(0.99) < P99_MAX, "{line}");
    assert!(most < before + RSS_GROWTH_MAX, "{line}");
    assert!(after as f64 <= before as f64 * RSS_LEFT_MAX, "{line}");
    tally
}

fn server() -> Server {
    Server::build().with_passwords().start()
}

/// The same flood over some connections at once.
async fn floods<M>(
    address: String,
    until: Instant,
    connections: usize,
    begin: Vec<u8>,
    more: M,
) -> Tally
where
    M: Fn(u32) -> (Vec<u8>, u64),
{
    let all = (0..connections).map(|_| flood(&address, until, &begin, &more));
    let mut tally = Tally::default();
    for one in futures_util::future::join_all(all).await {
        tally.add(one);
    }
    tally
}

/// The ids of the streams that a round of a flood opens.
fn ids(round: u32, streams: u32) -> impl Iterator<Item = u32> {
    (0..streams).map(move |index| 1 + 2 * (round * streams + index))
}

fn ended_with(tally: &Tally, word: &str) -> usize {
    let ends = tally.ends.iter().filter(|(end, _)| end.contains(word));
    ends.map(|(_, count)| count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_reset() {
    let _turn = heavy().await;
    let server = server();
    let address = server.address().as_str().to_owned();
    let tally = withstand("rapid reset", &server, async move |until| {
        let block = wire::call(TIME, &[]);
        floods(address, until, 2, greeting(&[]), move |round| {
            let streams = ids(round, 50).flat_map(|id| {
                let open = frame(HEADERS, END_HEADERS, id, &block);
                [open, frame(RST_STREAM, 0, id, &8_u32.to_be_bytes())].concat()
            });
            (streams.collect(), 100)
        })
        .await
    })
    .await;
    assert!(ended_with(&tally, "GOAWAY 11") > 0, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_that_the_server_is_made_to_send() {
    let _turn = heavy().await;
    let server = server();
    let address = server.address().as_str().to_owned();
    let tally = withstand("made you reset", &server, async move |until| {
        let block = wire::call(TIME, &[]);
        floods(address, until, 2, greeting(&[]), move |round| {
            let streams = ids(round, 50).flat_map(|id| {
                let open = frame(HEADERS, END_HEADERS, id, &block);
                // No room is no increment: an error of the stream.
                [open, frame(WINDOW_UPDATE, 0, id, &[0; 4])].concat()
            });
            (streams.collect(), 100)
        })
        .await
    })
    .await;
    assert!(tally.frames > 100, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_without_an_end() {
    let _turn = heavy().await;
    let server = server();
    let address = server.address().as_str().to_owned();
    let tally = withstand("CONTINUATION", &server, async move |until| {
        let begin = [greeting(&[]), frame(HEADERS, 0, 1, &wire::call(TIME, &[]))].concat();
        floods(address, until, 2, begin, |_| {
            // A header without a name or value, not even that, and a long one.
            let frames = [
                frame(CONTINUATION, 0, 1, &[0, 1, b'x', 0]),
                frame(CONTINUATION, 0, 1, &[]),
                frame(
                    CONTINUATION,
                    0,
                    1,
                    &[&[0, 1, b'x', 100], &[b'x'; 100][..]].concat(),
                ),
            ];
            (frames.concat().repeat(50), 150)
        })
        .await
    })
    .await;
    assert!(ended_with(&tally, "GOAWAY 11") > 0, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_with_nothing_in_them() {
    let _turn = heavy().await;
    let server = server();
    let address = server.address().as_str().to_owned();
    let tally = withstand("empty DATA", &server, async move |until| {
        let open = frame(HEADERS, END_HEADERS, 1, &wire::call(TIME, &[]));
        let begin = [greeting(&[]), open].concat();
        floods(address, until, 2, begin, |_| {
            (frame(DATA, 0, 1, &[]).repeat(100), 100)
        })
        .await
    })
    .await;
    assert!(ended_with(&tally, "GOAWAY 11") > 0, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_and_settings() {
    let _turn = heavy().await;
    let server = server();
    let address = server.address().as_str().to_owned();
    let tally = withstand("PING and SETTINGS", &server, async move |until| {
        let pings = frame(PING, 0, 0, b"12345678").repeat(100);
        let settings = frame(SETTINGS, 0, 0, &[]).repeat(100);
        let (one, other) = tokio::join!(
            floods(address.clone(), until, 2, greeting(&[]), |_| (
                pings.clone(),
                100
            )),
            floods(address, until, 2, greeting(&[]), |_| (
                settings.clone(),
                100
            )),
        );
        let mut tally = one;
        tally.add(other);
        tally
    })
    .await;
    assert!(tally.frames > 10_000, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_with_tokens_that_are_none() {
    let _turn = heavy().await;
    let server = server();
    let address = server.address().as_str().to_owned();
    let tally = withstand("unknown tokens", &server, async move |until| {
        floods(address, until, 2, greeting(&[]), move |round| {
            let calls = ids(round, 20).flat_map(|id| {
                let mut bits = [0; 32];
                getrandom::fill(&mut bits).unwrap();
                let token = data_encoding::BASE64URL_NOPAD.encode(&bits);
                let (name, value) = wire::bearer(&format!("tct_{token}"));
                let block = wire::call(SEND, &[(name, value.as_str())]);
                let open = frame(HEADERS, END_HEADERS, id, &block);
                [open, frame(DATA, END_STREAM, id, &wire::message(&[]))].concat()
            });
            (calls.collect(), 40)
        })
        .await
    })
    .await;
    assert!(tally.frames > 1_000, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs() {
    let _turn = heavy().await;
    let server = server();
    let eve = Account::register(&server, "eve").await;
    let address = server.address().as_str().to_owned();
    // 12 MiB in 12 KiB, which fits without a token, and 256 MiB in 256 KiB.
    let bomb = |mib: usize| {
        let level = flate2::Compression::best();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        let zeros = vec![0; 1 << 20];
        (0..mib).for_each(|_| gzip.write_all(&zeros).unwrap());
        let mut message = wire::message(&gzip.finish().unwrap());
        message[0] = 1;
        message
    };
    let (small, large) = (bomb(12), bomb(256));
    let tally = withstand("gzip bombs", &server, async move |until| {
        let gzip = ("grpc-encoding", "gzip");
        let (name, value) = wire::bearer(&eve.token);
        let open = wire::call(TIME, &[gzip]);
        let with_token = wire::call(SEND, &[gzip, (name, value.as_str())]);
        let round_of = |block: Vec<u8>, bomb: Vec<u8>| {
            move |round| {
                let calls = ids(round, 10).flat_map(|id| {
                    let mut bytes = frame(HEADERS, END_HEADERS, id, &block);
                    let mut chunks = bomb.chunks(16 * 1024).peekable();
                    while let Some(chunk) = chunks.next() {
                        let flags = if chunks.peek().is_none() {
                            END_STREAM
                        } else {
                            0
                        };
                        bytes.extend(frame(DATA, flags, id, chunk));
                    }
                    bytes
                });
                (calls.collect(), 20)
            }
        };
        let (one, other) = tokio::join!(
            floods(
                address.clone(),
                until,
                2,
                greeting(&[]),
                round_of(open, small)
            ),
            floods(
                address,
                until,
                2,
                greeting(&[]),
                round_of(with_token, large)
            ),
        );
        let mut tally = one;
        tally.add(other);
        tally
    })
    .await;
    assert!(tally.frames > 100, "{tally:?}");
}

/// A login that fails, by a name that nobody has.
fn wrong_login() -> LoginRequest {
    LoginRequest {
        user_name: format!("n{}", &new_id().replace('-', "")[16..]),
        password: PASSWORD.to_owned(),
        device_name: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins() {
    let _turn = heavy().await;
    let server = server();
    let address: ServerAddress = server.address().clone();
    let outcomes = Arc::new(std::sync::Mutex::new(BTreeMap::<String, usize>::new()));
    let told = Arc::clone(&outcomes);
    withstand("logins", &server, async move |until| {
        let mut tasks = JoinSet::new();
        for _ in 0..100 {
            let connection = Connection::open(&address, &Security::Plaintext).unwrap();
            let told = Arc::clone(&told);
            tasks.spawn(async move {
                while Instant::now() < until {
                    let answer = connection.auth().login(wrong_login()).await;
                    let why = reason(&answer.unwrap_err());
                    *told.lock().unwrap().entry(why).or_default() += 1;
                }
            });
        }
        let tally = Tally {
            connections: 100,
            ..Tally::default()
        };
        while let Some(task) = tasks.join_next().await {
            task.unwrap();
        }
        tally
    })
    .await;
    let outcomes = outcomes.lock().unwrap();
    println!("{outcomes:?}");
    let kinds: Vec<_> = outcomes.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["LOGIN_FAILED", "SERVER_BUSY"], "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_that_are_taken_back_at_once() {
    let _turn = heavy().await;
    let server = server();
    let address = server.address().as_str().to_owned();
    let tally = withstand("cancelled logins", &server, async move |until| {
        let block = wire::call(LOGIN, &[]);
        floods(address, until, 4, greeting(&[]), move |round| {
            let mut bytes = Vec::new();
            for id in ids(round, 10) {
                bytes.extend(frame(HEADERS, END_HEADERS, id, &block));
                let message = wire::message(&wrong_login().encode_to_vec());
                bytes.extend(frame(DATA, END_STREAM, id, &message));
            }
            // Those of the round before have been begun by now.
            for id in round
                .checked_sub(1)
                .into_iter()
                .flat_map(|round| ids(round, 10))
            {
                bytes.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
            }
            (bytes, 30)
        })
        .await
    })
    .await;
    assert!(tally.frames > 1_000, "{tally:?}");
}

/// Connections that fill themselves with calls whose message never comes whole, by the kinds given.
async fn halves<const N: usize>(
    name: &str,
    connections: usize,
    kinds: impl FnOnce(&str) -> [(Vec<u8>, Vec<u8>); N],
) {
    let server = server();
    let eve = Account::register(&server, "eve").await;
    let address = server.address().as_str().to_owned();
    let kinds = kinds(&eve.token);
    let tally = withstand(name, &server, async move |until| {
        let mut all = Vec::new();
        let mut tally = Tally::default();
        while Instant::now() < until && all.len() < connections {
            let Ok(mut stream) = TcpStream::connect(&address).await else {
                continue;
            };
            tally.connections += 1;
            let (block, half) = &kinds[all.len() % kinds.len()];
            let mut bytes = greeting(&[]);
            for id in ids(0, 100) {
                bytes.extend(frame(HEADERS, END_HEADERS, id, block));
                for chunk in half.chunks(16 * 1024) {
                    bytes.extend(frame(DATA, 0, id, chunk));
                }
                tally.frames += 2;
            }
            // The windows end what the server takes; what it takes no more is not waited for.
            let _ = timeout(Duration::from_millis(100), stream.write_all(&bytes)).await;
            all.push(stream);
        }
        tokio::time::sleep_until(until).await;
        tally
    })
    .await;
    assert!(tally.connections >= 5, "of each kind one: {tally:?}");
}

/// As much of a message as the server takes: of a small one without a token, of the largest with one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn halves_of_messages() {
    let _turn = heavy().await;
    halves("halves of messages", 200, |token| {
        let (name, value) = wire::bearer(token);
        let token = [(name, value.as_str())];
        let half = |length: usize, part: usize| wire::message(&vec![7; length])[..part].to_vec();
        let (small, large) = (16 * 1024, 1024 * 1024);
        [
            (wire::call(TIME, &[]), half(small, 600)),
            (wire::call(TIME, &[]), half(small, 16_000)),
            (wire::call(REFLECTION, &[]), half(small, 16_000)),
            (wire::call(SEND, &token), half(large, 100_000)),
            (wire::call(CHAT, &token), half(large, 100_000)),
        ]
    })
    .await;
}

/// Hardly anything of a message: what costs then is the call itself, 10,000 times. (A connection keeps 0.4 MiB once all its
/// 100 streams were in use at once, whatever came of them: the tables of HTTP/2 do not shrink.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beginnings_of_messages() {
    let _turn = heavy().await;
    halves("beginnings of messages", 100, |token| {
        let (name, value) = wire::bearer(token);
        let token = [(name, value.as_str())];
        let part = |bytes: usize| wire::message(&[7; 1_000])[..bytes].to_vec();
        [
            (wire::call(TIME, &[]), part(600)),
            (wire::call(LOGIN, &[]), part(1)),
            (wire::call(SEND, &token), part(600)),
            (wire::call(CHAT, &token), part(0)),
            (wire::call(CHAT, &token), part(6)),
        ]
    })
    .await;
}

#[tokio::test]
async fn half_a_message_is_answered_in_time() {
    let server = server();
    let ann = Account::register(&server, "ann").await;
    let (name, value) = wire::bearer(&ann.token);
    let token = [(name, value.as_str())];
    let began = Instant::now();
    let mut ends = Vec::new();
    for (path, token) in [
        (TIME, &[][..]),
        (SEND, &token),
        (CHAT, &token),
        (REFLECTION, &[]),
    ] {
        let address = server.address().as_str().to_owned();
        let block = wire::call(path, token);
        ends.push(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let half = &wire::message(&[7; 100])[..50];
            let bytes = [
                greeting(&[]),
                frame(HEADERS, END_HEADERS, 1, &block),
                frame(DATA, 0, 1, half),
            ];
            stream.write_all(&bytes.concat()).await.unwrap();
            let mut all = Vec::new();
            let mut chunk = [0; 4096];
            // Headers of an answer are not in clear: the last frame of a stream is, by its flag.
            let ended = |bytes: &[u8]| {
                let mut rest = bytes;
                while let [a, b, c, kind, flags, _, _, _, id, ..] = rest {
                    let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
                    if *kind == HEADERS && *id == 1 && flags & END_STREAM != 0 {
                        return true;
                    }
                    rest = rest.get(9 + length..).unwrap_or_default();
                }
                false
            };
            while !ended(&all) {
                let count = in_time(path, stream.read(&mut chunk)).await.unwrap();
                assert!(count > 0, "{path}: the connection was cut");
                all.extend(&chunk[..count]);
            }
        });
    }
    futures_util::future::join_all(ends).await;
    let took = began.elapsed();
    assert!(
        (Duration::from_secs(9)..Duration::from_secs(15)).contains(&took),
        "{took:?}"
    );
}

/// Opens so many sockets, says on each what is due, and waits until the server has closed them all.
async fn silent(address: &str, count: usize, words: &[&[u8]]) -> Tally {
    let mut sockets = JoinSet::new();
    let mut tally = Tally::default();
    for index in 0..count {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            continue;
        };
        tally.connections += 1;
        let word = words[index % words.len()].to_vec();
        sockets.spawn(async move {
            let _ = stream.write_all(&word).await;
            let mut bytes = [0; 256];
            let end = Instant::now() + Duration::from_secs(30);
            loop {
                match tokio::time::timeout_at(end, stream.read(&mut bytes)).await {
                    Ok(Ok(0) | Err(_)) => return "closed",
                    Ok(Ok(_)) => {}
                    Err(_) => return "left open",
                }
            }
        });
    }
    while let Some(end) = sockets.join_next().await {
        *tally.ends.entry(end.unwrap().to_owned()).or_default() += 1;
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_sockets_by_the_thousand() {
    let _turn = heavy().await;
    let room = usize::try_from(descriptors::raise_limit()).unwrap();
    let count = 5_000.min(room.saturating_sub(1_000));
    assert!(
        count >= 1_000,
        "this process may open too few files: {room}"
    );
    let tls = ["--tls", "self-signed"];
    let encrypted = Server::build().with_passwords().arguments(&tls);
    for (name, server, words) in [
        (
            "silent sockets",
            server(),
            // Nothing, half a preface, no settings after it, half the first line of HTTP/1, half its head.
            vec![
                &b""[..],
                &wire::PREFACE[..10],
                wire::PREFACE,
                b"POST /tinychat.v1.ChatService/Time HTT",
                b"POST / HTTP/1.1\r\nhost: x\r\ncontent-le",
            ],
        ),
        (
            "silent sockets, TLS",
            encrypted.start(),
            // Nothing, and the beginning of a ClientHello of 508 bytes.
            vec![
                b"",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03half of it",
            ],
        ),
    ] {
        let address = server.address().as_str().to_owned();
        let tally = withstand(name, &server, async move |_| {
            silent(&address, count, &words).await
        })
        .await;
        assert_eq!(tally.ends.get("closed"), Some(&count), "{tally:?}");
        // Who comes afterwards is let in.
        Account::register(&server, "carol").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_never_read() {
    let _turn = heavy().await;
    let server = server();
    let mut sloths = Vec::new();
    for number in 0..13 {
        sloths.push(Account::register(&server, &format!("sloth{number}")).await);
    }
    let loud = Account::register(&server, "loud").await;
    // What the store keeps of many long messages, whoever reads them, is not what is measured here.
    let text = "x".repeat(8 * 1024);
    for _ in 0..40 {
        let sends = sloths.iter().map(|sloth| loud.send(&sloth.name, &text));
        futures_util::future::join_all(sends).await;
    }
    let address = server.address().as_str().to_owned();
    let tally = withstand("64 streams that never read", &server, async move |until| {
        let hello = ChatRequest {
            request_id: 1,
            request: Some(Request::Hello(Hello::default())),
        };
        let hello = wire::message(&hello.encode_to_vec());
        let mut tally = Tally::default();
        let mut streams = Vec::new();
        for number in 0..64 {
            let sloth: &Account = &sloths[number / 5];
            let (name, value) = wire::bearer(&sloth.token);
            let block = wire::call(CHAT, &[(name, value.as_str())]);
            let bytes = [
                greeting(&[(INITIAL_WINDOW_SIZE, 0)]),
                frame(HEADERS, END_HEADERS, 1, &block),
                frame(DATA, 0, 1, &hello),
            ];
            let mut stream = TcpStream::connect(&address).await.unwrap();
            stream.write_all(&bytes.concat()).await.unwrap();
            tally.connections += 1;
            streams.push(stream);
        }
        // Long messages to all of them, as fast as they are taken.
        while Instant::now() < until {
            let sends = sloths.iter().map(|sloth| {
                let request: SendRequest = to_user(&sloth.name, &text, &new_id());
                loud.send_request(request)
            });
            let sent = futures_util::future::join_all(sends).await;
            tally.frames += sent.into_iter().filter(Result::is_ok).count() as u64;
        }
        drop(streams);
        tally
    })
    .await;
    assert!(tally.frames > 50, "{tally:?}");
}
