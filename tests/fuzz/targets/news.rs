//! The client facing whatever a server may say: events, answers and errors, from the wire to the screen.

use prost::Message as _;
use tinychat::{
    client::{
        app::{
            acts::{Act, Outcome},
            line::Zone,
            model::{Effect, LinkState, Model, Msg, UserLine},
            room::Wanted,
            update::update,
        },
        net::{
            error::{self, ClientError},
            outbox::{Outbox, Target},
            seen::Seen,
        },
        progress::{Mark, Progress},
        translate,
    },
    pb::{self, event::Body, reply::Result as Answer},
};
use tokio::time::Instant;
use tonic::{Code, Status};

use super::super::oracle::Oracle;

fn harmless(shown: &str) {
    let faults = Oracle::judge(shown.as_bytes()).faults;
    assert!(faults.is_empty(), "{faults:?} in {shown:?}");
}

struct Client {
    model: Model,
    seen: Seen,
    progress: Progress,
    outbox: Outbox,
}

impl Client {
    fn happens(&mut self, msg: Msg) {
        for effect in update(&mut self.model, msg) {
            if let Effect::Print(shown) = effect {
                harmless(&shown);
            }
        }
    }

    fn event(&mut self, event: pb::Event) {
        match &event.body {
            Some(Body::Message(message)) => {
                let first = self.seen.admit(&message.conversation_id, message.seq);
                let again = self.seen.admit(&message.conversation_id, message.seq);
                let forgotten = message.conversation_id.len() > 256;
                assert!(forgotten || !again, "seen once is seen: {first}");
            }
            Some(Body::Gap(gap)) => {
                self.seen
                    .gap(&gap.conversation_id, gap.from_seq, gap.to_seq);
            }
            Some(Body::Reset(_)) => self.seen.clear(),
            Some(Body::GoingAway(going)) => drop(going.retry_after.map(error::wait)),
            _ => {}
        }
        let mark = Mark::of(&event, &self.model.me);
        if let Some(msg) = translate::event(event, &self.model.me.clone()) {
            self.happens(msg);
        }
        self.progress.printed(mark);
    }

    fn refused(&mut self, request: u64, error: ClientError) {
        harmless(&error.to_string());
        harmless(&format!("{error:?}"));
        let _ = (error.kind(), error.retry());
        let started = translate::started(Wanted::User("bob".parse().unwrap()), Err(error.clone()));
        self.happens(started);
        self.happens(Msg::Users(Err(translate::problem(&error))));
        self.happens(Msg::NotSent {
            text: error.to_string().into(),
            problem: translate::problem(&error),
        });
        self.outbox.answered(Instant::now(), request, Err(error));
    }
}

/// The first byte says of what kind the rest is: a frame of a stream, a status with details, a list of users, what was
/// found.
pub fn run(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else {
        return;
    };
    let zone = Zone::Fixed(chrono::FixedOffset::east_opt(0).unwrap());
    let mut client = Client {
        model: Model::new("ann".parse().unwrap(), zone),
        seen: Seen::default(),
        progress: Progress::default(),
        outbox: Outbox::default(),
    };
    client.model.link = LinkState::Up;
    let now = Instant::now();
    for request in 0..3 {
        let target = Target::User("bob".to_owned());
        client.outbox.push(target, "text".to_owned(), None).unwrap();
        client.outbox.next(now, request);
    }
    match kind % 4 {
        0 => {
            let Ok(frame) = pb::ChatResponse::decode(bytes) else {
                return;
            };
            for event in frame.events {
                client.event(event);
            }
            for reply in frame.replies {
                match reply.result {
                    Some(Answer::Error(error)) => client.refused(reply.request_id, error.into()),
                    Some(Answer::Send(sent)) => {
                        let _ = client.outbox.answered(now, reply.request_id, Ok(sent));
                    }
                    _ => {}
                }
            }
        }
        1 => {
            let (code, rest) = bytes.split_first().unwrap_or((&0, &[]));
            let code = Code::from_i32(i32::from(*code) % 17);
            let text = String::from_utf8_lossy(rest).into_owned();
            let status = Status::with_details(code, text, rest.to_vec().into());
            client.refused(u64::from(*kind), status.into());
        }
        2 => {
            let Ok(page) = pb::UsersResponse::decode(bytes) else {
                return;
            };
            let users: Vec<UserLine> = page.users.into_iter().map(translate::user).collect();
            client.happens(Msg::Users(Ok(users)));
        }
        _ => {
            let Ok(page) = pb::SearchMessagesResponse::decode(bytes) else {
                return;
            };
            let mut found: Vec<_> = page.hits.iter().cloned().map(translate::hit).collect();
            let messages = page.hits.into_iter().filter_map(|hit| hit.message);
            found.extend(messages.map(translate::found));
            let act = Act::Mentions {
                all: true,
                page: String::new(),
            };
            let outcome = Ok(Outcome::Found(found, page.next_page_token));
            client.happens(Msg::Acted { act, outcome });
        }
    }
}
