//! Frames of a `Chat` stream against a model: any sequence of requests, with breaks and resumes, over the real wire.
//!
//! The model knows what was sent under which id and how far it was read; from that alone it says what each answer must
//! be. In the end every message that was acknowledged must have come by the stream, once, in order, whole.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tinychat::{
    bus::{Bus, local::LocalBus},
    domain::{
        address::CallerAddress, clock::SystemClock, commit::Commit, limits::Settings,
        name::DeviceName,
    },
    engine::Engine,
    hub::Hub,
    pb::{
        AcknowledgeRequest, ChatRequest, ChatResponse, Event, Hello, MarkReadRequest, Ping,
        SendRequest, StartConversationRequest, chat_request::Request as Asked,
        chat_service_client::ChatServiceClient, event::Body, message::Content,
        reply::Result as Answer, send_request::Target,
    },
    server::{
        caller::Caller,
        grpc::{self, Edge, halves::Pool},
    },
    store::{AuthMode, OnCommit, Store, blobs::memory::MemoryBlobs, memory::MemoryStore},
    tasks::Tasks,
};
use tokio::{io::DuplexStream, runtime::Runtime, sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Request, Streaming,
    transport::{Channel, Endpoint},
};
use uuid::Uuid;

/// Executions after which everything is made anew, or the store would grow for ever.
const RUNS_OF_A_SERVER: u64 = 2_000;
/// How long an execution may take; it takes a millisecond.
const RUN_MAX: Duration = Duration::from_secs(15);
/// Requests of one execution: more show nothing new.
const STEPS_MAX: usize = 40;

thread_local! {
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
}

/// A server and a connection to it, both in this thread.
struct Server {
    runtime: Runtime,
    engine: Arc<Engine>,
    channel: Channel,
    runs: u64,
}

impl Server {
    fn start() -> Self {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().unwrap();
        let (engine, channel) = runtime.block_on(async {
            let bus = Arc::new(LocalBus::default());
            let announce: OnCommit = {
                let bus = Arc::clone(&bus);
                Arc::new(move |commit: Commit| bus.publish(commit))
            };
            let store: Arc<dyn Store> = Arc::new(MemoryStore::open(AuthMode::Trust, announce));
            let clock = Arc::new(SystemClock);
            let hub = Hub::new(Arc::clone(&store), clock.clone());
            let tasks = Tasks::new();
            tasks.spawn("hub", Arc::clone(&hub).listen(bus.listen()));
            let engine = Arc::new(Engine::new(
                store,
                Arc::new(MemoryBlobs::default()),
                hub,
                clock,
                Settings::UNLIMITED,
            ));
            let (routes, _) = grpc::routes(&engine, &tasks).await.unwrap();
            let edge = Edge::new(Arc::clone(&engine), routes, tasks.clone());
            let (near, far) = tokio::io::duplex(64 * 1024);
            tasks.spawn("connection", serve(edge, far));
            let mut near = Some(near);
            let connector = tower::service_fn(move |_| {
                let stream = near.take();
                async move { stream.map(TokioIo::new).ok_or("there is one connection") }
            });
            let endpoint = Endpoint::from_static("http://fuzz");
            let channel = endpoint.connect_with_connector(connector).await.unwrap();
            (engine, channel)
        });
        Self {
            runtime,
            engine,
            channel,
            runs: 0,
        }
    }
}

async fn serve(edge: Edge, stream: DuplexStream) {
    let caller = Caller::new(
        CallerAddress::new("127.0.0.1".parse().unwrap()),
        Pool::default(),
    );
    let service = service_fn(move |request| edge.clone().serve(request, caller.clone()));
    let builder = auto::Builder::new(TokioExecutor::new());
    builder
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

/// The first byte says how the stream begins, each pair of bytes after it is a step.
pub fn run(data: &[u8]) {
    SERVER.with_borrow_mut(|server| {
        if server.as_ref().is_none_or(|it| it.runs >= RUNS_OF_A_SERVER) {
            *server = Some(Server::start());
        }
        let server = server.as_mut().unwrap();
        server.runs += 1;
        let Server {
            runtime,
            engine,
            channel,
            runs,
        } = server;
        let run = async { timeout(RUN_MAX, one_run(engine, channel, *runs, data)).await };
        let outcome = runtime.block_on(run);
        assert!(outcome.is_ok(), "something was never answered");
    });
}

async fn one_run(engine: &Engine, channel: &Channel, number: u64, data: &[u8]) {
    let Some((begin, steps)) = data.split_first() else {
        return;
    };
    let names = [format!("a{number}"), format!("b{number}")];
    let from = CallerAddress::new("127.0.0.1".parse().unwrap());
    let mut token = String::new();
    for name in &names {
        let name = name.parse().unwrap();
        let login = engine.login(name, None, DeviceName::default(), from).await;
        token = login.unwrap().token.expose();
    }
    let mut run = Run {
        channel: channel.clone(),
        token,
        names,
        stream: None,
        last_request: 0,
        cursors: Vec::new(),
        model: Model::default(),
        seen: BTreeMap::new(),
    };
    match begin % 8 {
        // The first frame is another one, or none that means anything: the stream ends.
        0 => return run.must_be_refused(Some(Asked::Ping(Ping {}))).await,
        1 => return run.must_be_refused(None).await,
        2 => run.open(Some("no cursor".to_owned())).await,
        _ => run.open(None).await,
    }
    for step in steps.chunks_exact(2).take(STEPS_MAX) {
        run.step(step[0], usize::from(step[1])).await;
    }
    run.close().await;
    // What was still on its way comes by one more stream.
    run.open(run.cursors.last().cloned()).await;
    run.judge();
}

/// What must be true, by what was answered so far.
#[derive(Default)]
struct Model {
    /// The id of each conversation that was started or sent to: with oneself, and with the other.
    ids: HashMap<bool, String>,
    /// The texts of each conversation, in order.
    texts: BTreeMap<String, Vec<String>>,
    /// What was asked for under an id, and the place that it got.
    sends: HashMap<usize, (SendRequest, String, u64)>,
    read: HashMap<String, u64>,
}

struct Open {
    requests: mpsc::Sender<ChatRequest>,
    frames: Streaming<ChatResponse>,
}

struct Run {
    channel: Channel,
    token: String,
    names: [String; 2],
    stream: Option<Open>,
    last_request: u64,
    /// Those of all events, in order.
    cursors: Vec<String>,
    model: Model,
    /// What came by streams: the texts of each conversation by place.
    seen: BTreeMap<String, Vec<String>>,
}

impl Run {
    async fn call(&mut self, first: ChatRequest) {
        let (requests, queue) = mpsc::channel(STEPS_MAX);
        requests.send(first).await.unwrap();
        let mut call = Request::new(ReceiverStream::new(queue));
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        call.metadata_mut().insert("authorization", bearer);
        let mut chat = ChatServiceClient::new(self.channel.clone());
        let frames = chat.chat(call).await.unwrap().into_inner();
        self.stream = Some(Open { requests, frames });
    }

    async fn must_be_refused(&mut self, request: Option<Asked>) {
        let request_id = 1;
        self.call(ChatRequest {
            request_id,
            request,
        })
        .await;
        let open = self.stream.as_mut().unwrap();
        let status = open.frames.message().await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    }

    async fn open(&mut self, cursor: Option<String>) {
        let hello = Hello {
            resume_cursor: cursor.clone(),
            ..Hello::default()
        };
        let hello = ChatRequest {
            request_id: 0,
            request: Some(Asked::Hello(hello)),
        };
        self.call(hello).await;
        let events = self.until_caught_up().await;
        assert!(
            matches!(events[0].body, Some(Body::Welcome(_))),
            "{events:?}"
        );
        let reset = events
            .iter()
            .any(|it| matches!(it.body, Some(Body::Reset(_))));
        assert_eq!(reset, cursor.as_deref() == Some("no cursor"), "{events:?}");
    }

    /// Takes in a frame; false: the stream has ended.
    async fn frame(&mut self, answers: &mut Vec<(u64, Answer)>, events: &mut Vec<Event>) -> bool {
        let open = self.stream.as_mut().expect("a stream is open");
        let Some(frame) = open.frames.message().await.expect("it ends with OK") else {
            return false;
        };
        let came = frame.replies.into_iter();
        answers.extend(came.map(|reply| (reply.request_id, reply.result.expect("an answer"))));
        for event in frame.events {
            if !event.cursor.is_empty() {
                self.cursors.push(event.cursor.clone());
            }
            if let Some(Body::Message(message)) = &event.body {
                let texts = self
                    .seen
                    .entry(message.conversation_id.clone())
                    .or_default();
                texts.push(match &message.content {
                    Some(Content::Text(text)) => text.clone(),
                    None => panic!("a message without text"),
                });
                assert_eq!(message.seq, texts.len() as u64, "a hole or a repeat");
            }
            events.push(event);
        }
        true
    }

    async fn until_caught_up(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while !events
            .iter()
            .any(|it: &Event| matches!(it.body, Some(Body::CaughtUp(_))))
        {
            assert!(
                self.frame(&mut Vec::new(), &mut events).await,
                "it ended early"
            );
        }
        events
    }

    async fn ask(&mut self, request: Option<Asked>) -> Answer {
        self.last_request += 1;
        let request_id = self.last_request;
        let open = self.stream.as_ref().expect("a stream is open");
        let frame = ChatRequest {
            request_id,
            request,
        };
        open.requests.send(frame).await.unwrap();
        let mut answers = Vec::new();
        while answers.is_empty() {
            assert!(
                self.frame(&mut answers, &mut Vec::new()).await,
                "it ended early"
            );
        }
        let (id, answer) = answers.pop().unwrap();
        assert!(
            answers.is_empty() && id == request_id,
            "each request has one answer"
        );
        answer
    }

    /// Says that nothing more comes, and reads to the end.
    async fn close(&mut self) {
        let (requests, _) = mpsc::channel(1);
        self.stream.as_mut().expect("a stream is open").requests = requests;
        while self.frame(&mut Vec::new(), &mut Vec::new()).await {}
        self.stream = None;
    }

    async fn step(&mut self, what: u8, argument: usize) {
        match what % 16 {
            0..=4 => self.send(argument).await,
            5 => {
                let texts = ["", "\u{1b}[2J", "\u{85}"];
                let bad = SendRequest {
                    text: texts[argument % 3].to_owned(),
                    ..self.good(argument)
                };
                let why = ["TEXT_EMPTY", "TEXT_INVALID", "TEXT_INVALID"][argument % 3];
                self.refused(Some(Asked::Send(bad)), why).await;
            }
            6 => {
                let ids = ["x", "01234567", "0123456789abcdef0123456789abcdef!"];
                let bad = SendRequest {
                    client_message_id: ids[argument % 3].to_owned(),
                    ..self.good(argument)
                };
                self.refused(Some(Asked::Send(bad)), "CLIENT_MESSAGE_ID_INVALID")
                    .await;
            }
            7 => {
                let targets = [
                    (None, "TARGET_MISSING"),
                    (Some(Target::UserName("nobody".into())), "USER_NOT_FOUND"),
                    (
                        Some(Target::UserName("not a name".into())),
                        "USER_NAME_INVALID",
                    ),
                    (
                        Some(Target::ConversationId("x".into())),
                        "CONVERSATION_ID_INVALID",
                    ),
                    (
                        Some(Target::ConversationId("c99999999".into())),
                        "CONVERSATION_NOT_FOUND",
                    ),
                ];
                let (target, why) = targets[argument % 5].clone();
                let bad = SendRequest {
                    target,
                    text: "lost".to_owned(),
                    client_message_id: Uuid::now_v7().to_string(),
                    reply_to_seq: 0,
                    attachments: Vec::new(),
                };
                self.refused(Some(Asked::Send(bad)), why).await;
            }
            8 => {
                let answer = self.ask(Some(Asked::Ping(Ping {}))).await;
                assert!(matches!(answer, Answer::Pong(_)), "{answer:?}");
            }
            9 => self.refused(None, "REQUEST_MISSING").await,
            10 => {
                let hello = Some(Asked::Hello(Hello::default()));
                self.refused(hello, "HELLO_REPEATED").await;
            }
            11 => self.start(argument).await,
            12 | 13 => self.mark_read(argument).await,
            14 => self.acknowledge(argument).await,
            _ => {
                self.close().await;
                self.open(self.cursors.last().cloned()).await;
            }
        }
    }

    /// A send to oneself or the other, by name or id, under one of a few ids: repeats and clashes are the point.
    fn good(&self, argument: usize) -> SendRequest {
        let to_other = argument & 1 == 1;
        let by_id = self.model.ids.get(&to_other).filter(|_| argument & 2 == 2);
        let name = &self.names[usize::from(!to_other)];
        let target = match by_id {
            Some(id) => Target::ConversationId(id.clone()),
            None => Target::UserName(name.clone()),
        };
        SendRequest {
            target: Some(target),
            client_message_id: Uuid::from_u128(7 + (argument >> 4) as u128).to_string(),
            text: format!("text {}", argument >> 2 & 3),
            reply_to_seq: 0,
            attachments: Vec::new(),
        }
    }

    async fn send(&mut self, argument: usize) {
        let (request, id) = (self.good(argument), argument >> 4);
        let to_other = argument & 1 == 1;
        let answer = self.ask(Some(Asked::Send(request.clone()))).await;
        match (self.model.sends.get(&id), answer) {
            (None, Answer::Send(sent)) => {
                assert!(!sent.duplicate);
                let known = self.model.ids.entry(to_other);
                assert_eq!(
                    *known.or_insert(sent.conversation_id.clone()),
                    sent.conversation_id
                );
                let texts = self.model.texts.entry(sent.conversation_id.clone());
                let texts = texts.or_default();
                texts.push(request.text.clone());
                assert_eq!(sent.seq, texts.len() as u64);
                let kept = (request, sent.conversation_id, sent.seq);
                self.model.sends.insert(id, kept);
            }
            (Some((first, conversation, seq)), Answer::Send(sent)) if *first == request => {
                assert!(sent.duplicate, "a repeat is told");
                assert_eq!((&sent.conversation_id, sent.seq), (conversation, *seq));
            }
            (Some((first, ..)), Answer::Error(error)) if *first != request => {
                assert_eq!(error.reason, "CLIENT_MESSAGE_ID_REUSED");
            }
            (known, answer) => panic!("{request:?} after {known:?}: {answer:?}"),
        }
    }

    async fn start(&mut self, argument: usize) {
        if argument % 3 == 2 {
            let user_name = "nobody".to_owned();
            let request = Asked::StartConversation(StartConversationRequest { user_name });
            return self.refused(Some(request), "USER_NOT_FOUND").await;
        }
        let to_other = argument % 3 == 1;
        let user_name = self.names[usize::from(!to_other)].clone();
        let request = Asked::StartConversation(StartConversationRequest { user_name });
        let answer = self.ask(Some(request)).await;
        let Answer::StartConversation(started) = answer else {
            panic!("{answer:?}");
        };
        let id = started.conversation.unwrap().id;
        assert_eq!(*self.model.ids.entry(to_other).or_insert(id.clone()), id);
    }

    async fn mark_read(&mut self, argument: usize) {
        let known = self.model.ids.get(&(argument & 1 == 1)).cloned();
        let conversation_id = known.clone().unwrap_or_else(|| "c99999999".to_owned());
        let last = self.model.texts.get(&conversation_id).map_or(0, Vec::len) as u64;
        let read_seq = (argument >> 1) as u64 % (last + 2);
        let request = Some(Asked::MarkRead(MarkReadRequest {
            conversation_id: conversation_id.clone(),
            read_seq,
        }));
        if known.is_none() {
            return self.refused(request, "CONVERSATION_NOT_FOUND").await;
        }
        if read_seq > last {
            return self.refused(request, "SEQ_BEYOND_END").await;
        }
        let answer = self.ask(request).await;
        let Answer::MarkRead(marked) = answer else {
            panic!("{answer:?}");
        };
        let read = self.model.read.entry(conversation_id).or_default();
        *read = read_seq.max(*read);
        assert_eq!(marked.read_seq, *read, "it goes up only");
        // All messages are one's own.
        assert_eq!(marked.unread, 0);
    }

    async fn acknowledge(&mut self, argument: usize) {
        let place = argument
            .checked_rem(self.cursors.len())
            .filter(|_| argument & 1 == 1);
        let Some(place) = place else {
            let cursor = ["", "-", "0000000000000000-1", "feed"][argument % 4].to_owned();
            let request = Some(Asked::Acknowledge(AcknowledgeRequest { cursor }));
            return self.refused(request, "CURSOR_INVALID").await;
        };
        let cursor = self.cursors[place].clone();
        let request = Asked::Acknowledge(AcknowledgeRequest { cursor });
        let answer = self.ask(Some(request)).await;
        assert!(matches!(answer, Answer::Acknowledge(_)), "{answer:?}");
    }

    async fn refused(&mut self, request: Option<Asked>, why: &str) {
        let answer = self.ask(request.clone()).await;
        match answer {
            Answer::Error(error) => assert_eq!(error.reason, why, "{request:?}: {error:?}"),
            other => panic!("{request:?} is answered {other:?}, not {why}"),
        }
    }

    fn judge(&self) {
        assert_eq!(
            self.seen, self.model.texts,
            "what came is not what was acknowledged"
        );
    }
}
