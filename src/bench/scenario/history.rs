//! Long conversations: pages from anywhere in one of them and in any of several, and what else must not depend on how
//! long a conversation is.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use tokio::time::timeout;
use tonic::transport::Channel;

use super::{Meter, fill, float, seconds_of, unread};
use crate::{
    bench::{
        client::{self, Login, PATIENCE},
        error::BenchError,
        figure::{Durations, Outcome},
        process::{Running, Target},
        tracker::Checks,
        wire::{Ids, Stamp},
    },
    pb::{
        ListMessagesRequest, ListMessagesResponse,
        conversation_service_client::ConversationServiceClient, list_messages_request::Position,
        message::Content,
    },
};

/// A page may have 1 MiB of text.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The user who reads all of it.
pub const READER: &str = "r0";

/// Conversations and how they are read.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// Messages of the longest conversation.
    pub messages: u64,
    /// Further conversations.
    pub others: u32,
    /// Messages of each of these.
    pub each: u64,
    /// Messages of a page.
    pub page: u32,
    /// Bytes of a text.
    pub bytes: usize,
    /// How long pages are asked for, of the longest and of the others.
    pub duration: Duration,
}

impl History {
    /// Its sizes, for the report.
    pub fn settings(self) -> Vec<(&'static str, f64)> {
        vec![
            ("messages", float(self.messages)),
            ("other conversations", f64::from(self.others)),
            ("messages of each", float(self.each)),
            ("messages of a page", f64::from(self.page)),
            ("bytes of a text", float(self.bytes as u64)),
            ("seconds", self.duration.as_secs_f64()),
        ]
    }
}

/// A conversation that is there. The message at place `seq` is number `seq - 1` of its sender.
pub struct Written {
    /// Its id.
    pub id: String,
    /// The sender in its stamps.
    pub sender: u32,
    /// How many messages it has.
    pub messages: u64,
}

/// Checks a page: the wished place is on it, nothing is missing within it, and each text is the one of its place.
fn check(page: &ListMessagesResponse, sender: u32, wished: u64, size: u64, checks: &mut Checks) {
    checks.deliveries += page.messages.len() as u64;
    // At the ends of the conversation a page may be shorter.
    let full = size.min(page.last_seq);
    let inside = wished > size && wished + size <= page.last_seq;
    if inside {
        checks.lost += full.saturating_sub(page.messages.len() as u64);
    }
    let mut last: Option<u64> = None;
    let mut has_wished = false;
    for message in &page.messages {
        match last {
            Some(last) if message.seq <= last => checks.reordered += 1,
            Some(last) => checks.lost += message.seq - last - 1,
            None => {}
        }
        last = Some(message.seq);
        has_wished |= message.seq == wished;
        let stamp = match &message.content {
            Some(Content::Text(text)) => Stamp::read(text.as_bytes()),
            None => None,
        };
        let number = message.seq.wrapping_sub(1);
        if stamp != Some(Stamp { sender, number }) {
            checks.duplicate += 1;
        }
    }
    checks.lost += u64::from(!has_wished);
}

/// Fills conversations, each with one of these users as its only sender, all at once.
pub async fn write(
    running: &Running,
    senders: Range<u32>,
    messages: impl Fn(u32) -> u64,
    bytes: usize,
) -> Result<Vec<Written>, BenchError> {
    let names = senders.clone().map(|sender| format!("s{sender}"));
    let logins = client::log_in(running.peer(), names, 1).await?;
    let one = |(sender, login): (u32, Login)| {
        let messages = messages(sender);
        async move {
            let filled = fill::conversation(running, (login, sender), READER, messages, bytes);
            filled.await.map(|id| Written {
                id,
                sender,
                messages,
            })
        }
    };
    try_join_all(senders.zip(logins).map(one)).await
}

/// Asks for one page after the other from anywhere in any of these, one call at a time.
async fn pages(
    channel: &Channel,
    reader: &Login,
    written: &[Written],
    history: History,
    checks: &mut Checks,
) -> Result<Durations, BenchError> {
    let mut conversations =
        ConversationServiceClient::new(channel.clone()).max_decoding_message_size(PAGE_BYTES_MAX);
    let mut random = Ids::new(getrandom::u64().unwrap_or(1));
    let mut durations = Durations::new()?;
    let began = Instant::now();
    while began.elapsed() < history.duration {
        let place = random.random() % written.len().max(1) as u64;
        let place = usize::try_from(place).unwrap_or(0);
        let conversation = written.get(place).ok_or(BenchError::NothingMeasured)?;
        let seq = random.random() % conversation.messages + 1;
        let request = ListMessagesRequest {
            conversation_id: conversation.id.clone(),
            position: Some(Position::AroundSeq(seq)),
            page_size: history.page,
        };
        let asked = Instant::now();
        let page = timeout(
            PATIENCE,
            conversations.list_messages(reader.request(request)),
        )
        .await;
        let page = page.map_err(|_| BenchError::Late("a page"))??.into_inner();
        durations.record(asked.elapsed());
        let size = history.page.into();
        check(&page, conversation.sender, seq, size, checks);
    }
    Ok(durations)
}

/// Measures one target.
pub async fn measure(running: &Running, history: History) -> Result<Outcome, BenchError> {
    let reader = client::log_in(running.peer(), [READER.to_owned()], 1)
        .await?
        .pop();
    let reader = reader.ok_or(BenchError::Ended)?;
    let length = |sender| match sender {
        0 => history.messages,
        _ => history.each,
    };
    let written = write(running, 0..history.others + 1, length, history.bytes).await?;
    let (longest, others) = written.split_at(1);

    let channel = client::connect(running.address()).await?;
    let mut outcome = Outcome::default();
    let checks = &mut outcome.checks;
    let meter = Meter::start(running)?;
    let of_longest = pages(&channel, &reader, longest, history, checks).await?;
    let used = meter.stop(running)?;
    let of_others = pages(&channel, &reader, others, history, checks).await?;

    let count = of_longest.count();
    outcome.put("pages", "1/s", float(count) / seconds_of(used.elapsed));
    let quantiles = [
        ("page p50", 0.5),
        ("page p99", 0.99),
        ("page p99.9", 0.999),
        ("page max", 1.0),
    ];
    for (name, quantile) in quantiles {
        outcome.put(name, "ms", of_longest.milliseconds(quantile)?);
    }
    let quantiles = [
        ("page of others p50", 0.5),
        ("page of others p99", 0.99),
        ("page of others max", 1.0),
    ];
    for (name, quantile) in quantiles {
        outcome.put(name, "ms", of_others.milliseconds(quantile)?);
    }
    outcome.put(
        "CPU of a page",
        "ms",
        used.target * 1e3 / float(count.max(1)),
    );
    used.put_shares(&mut outcome);
    if running.target() == Target::Server {
        // The baselines keep no read markers.
        unread::measure(running, &channel, &reader, &written, history, &mut outcome).await?;
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::Message;

    fn page(seqs: &[u64]) -> ListMessagesResponse {
        let message = |seq: &u64| {
            let stamp = Stamp {
                sender: 7,
                number: seq - 1,
            };
            Message {
                seq: *seq,
                content: Some(Content::Text(stamp.text(0))),
                ..Message::default()
            }
        };
        ListMessagesResponse {
            messages: seqs.iter().map(message).collect(),
            history_floor_seq: 0,
            last_seq: 100,
        }
    }

    #[test]
    fn a_page_is_whole_or_it_is_seen() {
        let checked = |seqs: &[u64], wished| {
            let mut checks = Checks::default();
            check(&page(seqs), 7, wished, 4, &mut checks);
            [
                checks.deliveries,
                checks.lost,
                checks.duplicate,
                checks.reordered,
            ]
        };
        assert_eq!(checked(&[49, 50, 51, 52], 50), [4, 0, 0, 0]);
        assert_eq!(checked(&[1, 2], 1), [2, 0, 0, 0]);
        assert_eq!(checked(&[49, 50, 52, 53], 50), [4, 1, 0, 0]);
        assert_eq!(checked(&[49, 50], 50), [2, 2, 0, 0]);
        assert_eq!(checked(&[50, 49, 51, 52], 50), [4, 1, 0, 1]);
        assert_eq!(checked(&[51, 52, 53, 54], 50), [4, 1, 0, 0]);
        let mut wrong = page(&[49, 50, 51, 52]);
        wrong.messages[2].content = wrong.messages[1].content.clone();
        let duplicates = |page: &ListMessagesResponse, sender| {
            let mut checks = Checks::default();
            check(page, sender, 50, 4, &mut checks);
            checks.duplicate
        };
        assert_eq!(duplicates(&wrong, 7), 1);
        // Of another conversation.
        assert_eq!(duplicates(&page(&[49, 50, 51, 52]), 8), 4);
    }
}
