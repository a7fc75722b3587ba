//! One member of a conversation speaks, and all the others are there: a GROUP, or a CHANNEL with thousands of members.
//!
//! The baselines know no groups: there, all streams are of one user, which is the least that a fan-out can cost.

use std::{sync::Arc, time::Duration};

use tonic::transport::Channel;

use super::{
    float,
    traffic::{self, Shape, Streams},
};
use crate::{
    bench::{
        client::{self, Login},
        error::BenchError,
        figure::Outcome,
        flow::{Flow, NoWatch, Requests},
        process::{Running, Target},
        wire::To,
    },
    pb::{
        AddMembersRequest, ConversationKind, CreateConversationRequest,
        conversation_service_client::ConversationServiceClient,
    },
};

/// Streams of one connection: as many as the server allows.
const STREAMS_PER_CONNECTION: usize = 100;
/// Members that are added by one call: as many as the server takes.
const ADDED_AT_ONCE: usize = 500;
/// The user to whom all streams of a baseline belong.
const EVERYBODY: &str = "r0";

/// In what kind of conversation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// A GROUP: up to 500 members.
    Group,
    /// A CHANNEL: up to 10,000.
    Channel,
}

/// A conversation in which one speaks.
#[derive(Clone, Copy, Debug)]
pub struct FanOut {
    /// Its kind.
    pub room: Room,
    /// Its members, the one who speaks among them; each of them is online with one stream.
    pub members: u64,
    /// Messages that wait for their acknowledgement at once.
    pub window: u64,
    /// Bytes of a text.
    pub bytes: usize,
    /// How long is measured.
    pub duration: Duration,
}

impl FanOut {
    /// Its sizes, for the report.
    pub fn settings(self) -> Vec<(&'static str, f64)> {
        vec![
            ("members", float(self.members)),
            ("window", float(self.window)),
            ("bytes of a text", float(self.bytes as u64)),
            ("seconds", self.duration.as_secs_f64()),
        ]
    }
}

/// Makes the conversation with all its members; returns where sends go.
async fn room(
    channel: Channel,
    room: Room,
    owner: &Login,
    others: &[Login],
) -> Result<To, BenchError> {
    let mut conversations = ConversationServiceClient::new(channel);
    let kind = match room {
        Room::Group => ConversationKind::Group,
        Room::Channel => ConversationKind::Channel,
    };
    let request = CreateConversationRequest {
        kind: kind.into(),
        name: "crowd".to_owned(),
        ..CreateConversationRequest::default()
    };
    let made = conversations.create_conversation(owner.request(request));
    let made = made.await?.into_inner().conversation;
    let id = made.ok_or(BenchError::Ended)?.id;
    for some in others.chunks(ADDED_AT_ONCE) {
        let request = AddMembersRequest {
            conversation_id: id.clone(),
            user_names: some.iter().map(|login| login.name.clone()).collect(),
        };
        conversations.add_members(owner.request(request)).await?;
    }
    Ok(To::conversation(&id))
}

/// Measures one target.
pub async fn measure(
    running: &Running,
    fan_out: FanOut,
    is_broken: bool,
) -> Result<Outcome, BenchError> {
    let others = fan_out.members - 1;
    let is_server = running.target() == Target::Server;
    let names = (0..others).map(|number| match is_server {
        true => format!("r{number}"),
        false => EVERYBODY.to_owned(),
    });
    let receivers = client::log_in(running.peer(), names, 1).await?;
    let sender = client::log_in(running.peer(), ["s0".to_owned()], 1)
        .await?
        .pop();
    let sender = sender.ok_or(BenchError::Ended)?;
    let to = match is_server {
        true => {
            let channel = client::connect(running.address()).await?;
            room(channel, fan_out.room, &sender, &receivers).await?
        }
        false => To::user(EVERYBODY),
    };

    let (flow, watch) = (
        Arc::new(Flow::new(0, fan_out.window, others)),
        Arc::new(NoWatch),
    );
    let mut streams = Streams::default();
    let feeds =
        client::listen_shared(running.address(), &receivers, STREAMS_PER_CONNECTION).await?;
    for feed in feeds {
        streams.receive(&flow, feed, &watch);
    }
    let requests = Requests::new(&flow, vec![to], fan_out.bytes);
    for feed in client::open_all(running.address(), [(sender, requests)]).await? {
        streams.send(&flow, feed, running.echoes(), &watch);
    }
    let shape = Shape {
        pairs: 1,
        window: fan_out.window,
        bytes: fan_out.bytes,
        rate: None,
        duration: fan_out.duration,
    };
    let mut outcome = traffic::pipelined(running, shape, streams, is_broken).await?;
    let memory = float(running.rss_bytes()?) / 1024.0 / 1024.0;
    outcome.put("memory after it", "MiB", memory);
    Ok(outcome)
}
