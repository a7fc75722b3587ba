//! Messages that are there before something is measured: sent as anybody sends them, many at once.

use std::{ops::Range, sync::Arc, time::Instant};

use crate::{
    bench::{
        client::{self, Login, PATIENCE},
        error::BenchError,
        flow::{Ear, Flow, NoWatch, Requests},
        process::Running,
        wire::{Ids, Stamp, To},
    },
    pb::{SendRequest, chat_service_client::ChatServiceClient, send_request::Target},
};

/// Messages under way at once: as many as make full batches, and fewer than a stream may have unanswered.
const WINDOW: u64 = 512;

/// What one sender sends.
pub struct Fill {
    /// Who sends.
    pub login: Login,
    /// The sender in the stamps.
    pub sender: u32,
    /// Where to, in turn.
    pub to: Vec<To>,
    /// The numbers in the stamps.
    pub numbers: Range<u64>,
    /// Bytes of a text.
    pub bytes: usize,
}

/// Sends it, and waits until each message is acknowledged.
pub async fn fill(running: &Running, fill: Fill) -> Result<(), BenchError> {
    let Range { start, end } = fill.numbers;
    let flow = Arc::new(Flow::new(fill.sender, WINDOW, 0).only(start, end));
    let requests = Requests::new(&flow, fill.to, fill.bytes);
    let mut feeds = client::open_all(running.address(), [(fill.login, requests)]).await?;
    let mut feed = feeds.pop().ok_or(BenchError::Ended)?;
    let ear = Ear::of_sender(&flow, false);
    flow.start();
    let mut progress = Instant::now();
    while flow.acked() < end {
        let frame = tokio::time::timeout(PATIENCE, feed.next()).await;
        let frame = frame.map_err(|_| BenchError::Late("an acknowledgement"))??;
        let before = flow.acked();
        ear.hear(&frame, &NoWatch)?;
        if flow.acked() > before {
            progress = Instant::now();
        } else if progress.elapsed() > PATIENCE {
            return Err(BenchError::Late("an acknowledgement"));
        }
    }
    Ok(())
}

/// Sends so many messages to a user with whom the sender has not spoken yet; returns the id of the conversation. The
/// message at place `seq` is number `seq - 1` of its sender.
pub async fn conversation(
    running: &Running,
    (login, sender): (Login, u32),
    to_user: &str,
    messages: u64,
    bytes: usize,
) -> Result<String, BenchError> {
    // The first by a call, whose answer names the conversation.
    let channel = client::connect(running.address()).await?;
    let first = Stamp { sender, number: 0 };
    let mut ids = Ids::new(getrandom::u64().unwrap_or(0) ^ u64::from(sender));
    let request = SendRequest {
        target: Some(Target::UserName(to_user.to_owned())),
        client_message_id: String::from_utf8_lossy(&ids.next_id()).into_owned(),
        text: first.text(bytes),
        reply_to_seq: 0,
        attachments: Vec::new(),
    };
    let mut chat = ChatServiceClient::new(channel);
    let sent = chat.send(login.request(request)).await?.into_inner();
    let rest = Fill {
        login,
        sender,
        to: vec![To::user(to_user)],
        numbers: 1..messages,
        bytes,
    };
    fill(running, rest).await?;
    Ok(sent.conversation_id)
}
