//! A slow reader costs nobody else anything, and a peer that floods is answered without losing its connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tinychat::{
    domain::limits::TRANSFERS_PER_USER_MAX,
    pb::{
        ChatRequest, DownloadRequest, Hello, ListMessagesRequest, LogoutRequest, Ping, TimeRequest,
        chat_request::Request as Asked, chat_service_client::ChatServiceClient,
        conversation_service_client::ConversationServiceClient, event::Body,
        file_service_client::FileServiceClient, reply,
    },
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use crate::support::{
    self, Account, PATIENCE, Server,
    account::{new_id, to_user},
    eventually, file, in_time, reason,
};

/// What the server's memory may grow by while one device does not read: room for the rings, the caches of the readers
/// and what the allocator keeps, none of which depends on how much is sent.
const RSS_GROWTH_MAX: u64 = 64 << 20;
/// Sends of one stream that are under way.
const PIPELINED: usize = 64;

/// Senders at full speed.
struct Flood {
    acked: Arc<AtomicU64>,
    stopping: Arc<AtomicBool>,
    streams: JoinSet<()>,
}

impl Flood {
    async fn start(server: &Server, streams: usize, from: &str, to: &'static str) -> Self {
        let mut flood = Self {
            acked: Arc::default(),
            stopping: Arc::default(),
            streams: JoinSet::new(),
        };
        for _ in 0..streams {
            let account = Account::login(server, from).await;
            let (acked, stopping) = (Arc::clone(&flood.acked), Arc::clone(&flood.stopping));
            flood.streams.spawn(async move {
                let mut chat = account.chat(None).await.unwrap();
                let (mut under_way, mut next) = (0, 1);
                loop {
                    while under_way < PIPELINED && !stopping.load(Ordering::Relaxed) {
                        next += 1;
                        let send = to_user(to, "at full speed", &new_id());
                        chat.ask(next, Asked::Send(send)).await;
                        under_way += 1;
                    }
                    if under_way == 0 {
                        return;
                    }
                    let frame = in_time("an acknowledgement", chat.stream.message()).await;
                    for reply in frame.unwrap().unwrap().replies {
                        if reply.request_id > 1 {
                            let sent = matches!(reply.result, Some(reply::Result::Send(_)));
                            assert!(sent, "{reply:?}");
                            under_way -= 1;
                            acked.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
        flood
    }

    fn acked(&self) -> u64 {
        self.acked.load(Ordering::Relaxed)
    }

    /// Acknowledged sends per second over a stretch of time, and the largest memory of the server in it.
    async fn measure(&self, server: &Server, stretch: Duration) -> (f64, u64) {
        let (began, before, mut largest) = (Instant::now(), self.acked(), server.rss());
        while began.elapsed() < stretch {
            tokio::time::sleep(Duration::from_millis(50)).await;
            largest = largest.max(server.rss());
        }
        let rate = (self.acked() - before) as f64 / began.elapsed().as_secs_f64();
        (rate, largest)
    }

    async fn stop(mut self) -> u64 {
        self.stopping.store(true, Ordering::Relaxed);
        while let Some(ended) = self.streams.join_next().await {
            ended.unwrap();
        }
        self.acked.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_never_reads_costs_the_sender_and_the_server_nothing() {
    let _turn = support::heavy().await;
    let server = Server::start();
    Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let flood = Flood::start(&server, 4, "ann", "bob").await;
    eventually("the flood runs", PATIENCE, || flood.acked() > 1_000).await;
    let (without, rss_before) = flood.measure(&server, Duration::from_secs(5)).await;

    // Its own connection; the answer has begun and nobody reads on.
    let mut slow = Account::login(&server, &bob.name)
        .await
        .subscribe(None)
        .await;
    let (with, rss_most) = flood.measure(&server, Duration::from_secs(20)).await;
    let sent = flood.stop().await;
    let grown = rss_most.saturating_sub(rss_before);
    println!(
        "{without:.0}/s without, {with:.0}/s with the slow reader; {sent} sent; RSS {} + {} KiB",
        rss_before >> 10,
        grown >> 10
    );
    assert!(grown < RSS_GROWTH_MAX, "grew by {} KiB", grown >> 10);

    // Now it reads, and gets everything in order.
    let mut last = 0;
    while last < sent {
        if let Body::Message(message) = slow.next().await {
            assert_eq!(message.seq, last + 1);
            last = message.seq;
        }
    }
    drop(slow);

    // Once more without it, since the machine is not as fast at one time as at another.
    let flood = Flood::start(&server, 4, "ann", "bob").await;
    eventually("the flood runs", PATIENCE, || flood.acked() > 1_000).await;
    let (again, _) = flood.measure(&server, Duration::from_secs(5)).await;
    flood.stop().await;
    let least = without.min(again);
    assert!(
        with >= 0.7 * least,
        "{with:.0}/s with it, {without:.0}/s and {again:.0}/s without"
    );
}

/// A client whose streams take only so many bytes that nobody has read. With the usual window the flood of answers would
/// make the HTTP/2 of the client that does not read end the connection, before the server is put to the test.
async fn narrow(server: &Server, account: &Account) -> ChatServiceClient<Service> {
    let (channel, bearer) = connection(server, account, 1024).await;
    ChatServiceClient::with_interceptor(channel, bearer)
}

async fn connection(server: &Server, account: &Account, window: u32) -> (Channel, Bearer) {
    let address = format!("http://{}", server.address().as_str());
    let endpoint = Endpoint::from_shared(address).unwrap();
    let endpoint = endpoint.initial_stream_window_size(window);
    let channel = in_time("a connection", endpoint.connect()).await.unwrap();
    let bearer = Bearer(format!("Bearer {}", account.token).parse().unwrap());
    (channel, bearer)
}

/// A client whose streams take nothing.
async fn shut(server: &Server, account: &Account) -> FileServiceClient<Service> {
    let (channel, bearer) = connection(server, account, 0).await;
    FileServiceClient::with_interceptor(channel, bearer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn downloads_that_nobody_takes_keep_their_places_and_end_with_their_token() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    for bytes in [1_000, 3_000_000] {
        let file = file::upload(&ann, "a", &file::noise(bytes, 1))
            .await
            .unwrap();
        let ask = || DownloadRequest {
            file_id: file.id.clone(),
            offset: 0,
        };
        let other = Account::login(&server, "ann").await;
        let mut still = shut(&server, &other).await;
        let mut streams = Vec::new();
        for _ in 0..TRANSFERS_PER_USER_MAX {
            let begun = in_time("a download", still.download(ask())).await;
            streams.push(begun.unwrap().into_inner());
        }
        // They are all that there may be, on this connection and on others.
        let more = in_time("a download", still.download(ask())).await;
        assert_eq!(reason(&more.unwrap_err()), "TOO_MANY_TRANSFERS");
        let more = file::download(&ann, &file.id, 0).await.unwrap_err();
        assert_eq!(reason(&more), "TOO_MANY_TRANSFERS");
        // Once its token is void they end, and so does a connection on which that is not read.
        other
            .connection
            .auth()
            .logout(LogoutRequest {})
            .await
            .unwrap();
        for mut stream in streams {
            let ended = in_time("an end", stream.message()).await;
            assert!(ended.is_err(), "{ended:?}");
        }
        let came = file::download(&ann, &file.id, 0).await.unwrap();
        assert_eq!(came.len(), bytes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_are_refused_when_they_are_too_many() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let mut id = String::new();
    for _ in 0..16 {
        let sent = ann.send_request(to_user("ann", &"x".repeat(16_000), &new_id()));
        id = in_time("a send", sent).await.unwrap().conversation_id;
    }
    let (channel, bearer) = connection(&server, &ann, 0).await;
    let client = ConversationServiceClient::with_interceptor(channel, bearer);
    let refused = Arc::new(AtomicUsize::new(0));
    let mut calls = JoinSet::new();
    // A quarter of a MiB each, and there is room for 4 and 64 MiB: some of these find none, over connections enough.
    let mut clients = vec![client];
    for _ in 0..4 {
        let (channel, bearer) = connection(&server, &ann, 0).await;
        clients.push(ConversationServiceClient::with_interceptor(channel, bearer));
    }
    for client in &clients {
        for _ in 0..90 {
            let (mut client, refused) = (client.clone(), Arc::clone(&refused));
            let asked = ListMessagesRequest {
                conversation_id: id.clone(),
                page_size: 50,
                ..ListMessagesRequest::default()
            };
            calls.spawn(async move {
                let answer = client.list_messages(asked).await;
                if answer.is_err_and(|status| reason(&status) == "ANSWERS_UNREAD") {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    }
    // All but what has room is refused, which is read.
    let held = (64 + 5 * 4) * 4;
    eventually("the others are refused", PATIENCE, || {
        refused.load(Ordering::Relaxed) >= 5 * 90 - held - 10
    })
    .await;
    assert!(refused.load(Ordering::Relaxed) <= 5 * 90 - 200);
    // Whoever reads goes on.
    calls.abort_all();
    while calls.join_next().await.is_some() {}
    ann.send("ann", "hello").await;
}

type Service = InterceptedService<Channel, Bearer>;

#[derive(Clone)]
struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A stream that sends every request in a frame of its own: the queue holds one, so the sender flushes after each.
async fn tiny_frames(client: &mut ChatServiceClient<Service>) -> support::Chat {
    let (requests, queue) = mpsc::channel(1);
    let hello = ChatRequest {
        request_id: 1,
        request: Some(Asked::Hello(Hello::default())),
    };
    let chat = client.chat(ReceiverStream::new(queue));
    let (stream, said) = tokio::join!(chat, requests.send(hello));
    said.unwrap();
    support::Chat {
        requests,
        stream: stream.unwrap().into_inner(),
    }
}

/// Sends pings until all are sent, the stream is closed, or nothing is taken any more; returns how many were.
async fn pings(requests: mpsc::Sender<ChatRequest>, count: u64) -> u64 {
    for number in 0..count {
        let request = ChatRequest {
            request_id: number + 2,
            request: Some(Asked::Ping(Ping {})),
        };
        // The end of the stream stands behind answers that nobody reads, so what stops a sender that does not read is
        // that the server takes nothing more.
        let taken = tokio::time::timeout(Duration::from_secs(2), requests.send(request)).await;
        if !matches!(taken, Ok(Ok(()))) {
            return number;
        }
        tokio::task::yield_now().await;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_small_frames_is_answered_and_never_kills_the_connection() {
    let _turn = support::heavy().await;
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;

    // It reads its answers: all of them come.
    let mut client = narrow(&server, &ann).await;
    let chat = tiny_frames(&mut client).await;
    let mut stream = chat.stream;
    let answers = async {
        let mut pongs = 0;
        while pongs < 20_000 {
            let frame = in_time("pongs", stream.message()).await.unwrap().unwrap();
            let replies = frame.replies.iter();
            pongs += replies
                .filter(|reply| matches!(reply.result, Some(reply::Result::Pong(_))))
                .count();
        }
        pongs
    };
    let (sent, pongs) = tokio::join!(pings(chat.requests, 20_000), answers);
    assert_eq!((sent, pongs), (20_000, 20_000));

    // It does not read them: the stream ends with the reason, the connection lives on.
    let chat = tiny_frames(&mut client).await;
    let sent = in_time("the end of the flood", pings(chat.requests, 500_000)).await;
    assert!(
        sent < 500_000,
        "a peer that reads no answers is never stopped"
    );
    let mut stream = chat.stream;
    let status = loop {
        match in_time("the end of the stream", stream.message()).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended with OK"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(reason(&status), "REPLIES_UNREAD", "{status:?}");
    client.time(TimeRequest {}).await.unwrap();
}
