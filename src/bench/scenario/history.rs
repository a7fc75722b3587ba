//! Pages from anywhere in a long conversation.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{Meter, fill::fill, float, seconds_of};
use crate::{
    bench::{
        client::{self, PATIENCE},
        error::BenchError,
        figure::{Durations, Outcome},
        process::Running,
        tracker::Checks,
        wire::{Ids, Stamp},
    },
    pb::{
        ListMessagesRequest, ListMessagesResponse, SendRequest,
        chat_service_client::ChatServiceClient,
        conversation_service_client::ConversationServiceClient, list_messages_request::Position,
        message::Content, send_request::Target,
    },
};

/// A page may have 1 MiB of text.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A conversation and how it is read.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// Messages of the conversation.
    pub messages: u64,
    /// Messages of a page.
    pub page: u32,
    /// Bytes of a text.
    pub bytes: usize,
    /// How long pages are asked for.
    pub duration: Duration,
}

/// Checks a page: the wished place is on it, nothing is missing within it, and each text is the one of its place.
fn check(page: &ListMessagesResponse, wished: u64, size: u64, checks: &mut Checks) {
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
        if stamp.and_then(|stamp| stamp.number.checked_add(1)) != Some(message.seq) {
            checks.duplicate += 1;
        }
    }
    checks.lost += u64::from(!has_wished);
}

/// Measures one target.
pub async fn measure(running: &Running, history: History) -> Result<Outcome, BenchError> {
    let login = client::log_in(running, ["s0".to_owned(), "r0".to_owned()], 1).await?;
    let login = login.into_iter().next().ok_or(BenchError::Ended)?;
    let channel = client::connect(running.address()).await?;
    // The first by a call, whose answer names the conversation.
    let first = Stamp {
        sender: 0,
        number: 0,
    };
    let mut ids = Ids::new(getrandom::u64().unwrap_or(1));
    let request = SendRequest {
        target: Some(Target::UserName("r0".to_owned())),
        client_message_id: String::from_utf8_lossy(&ids.next_id()).into_owned(),
        text: first.text(history.bytes),
        reply_to_seq: 0,
    };
    let mut chat = ChatServiceClient::new(channel.clone());
    let sent = chat.send(login.request(request)).await?.into_inner();
    fill(
        running,
        login.clone(),
        "r0",
        (1, history.messages),
        history.bytes,
    )
    .await?;

    let mut durations = Durations::new()?;
    let mut outcome = Outcome::default();
    let mut conversations =
        ConversationServiceClient::new(channel).max_decoding_message_size(PAGE_BYTES_MAX);
    let meter = Meter::start(running)?;
    let began = Instant::now();
    while began.elapsed() < history.duration {
        let seq = ids.random() % history.messages + 1;
        let request = ListMessagesRequest {
            conversation_id: sent.conversation_id.clone(),
            position: Some(Position::AroundSeq(seq)),
            page_size: history.page,
        };
        let asked = Instant::now();
        let page = timeout(
            PATIENCE,
            conversations.list_messages(login.request(request)),
        )
        .await;
        let page = page.map_err(|_| BenchError::Late("a page"))??.into_inner();
        durations.record(asked.elapsed());
        check(&page, seq, history.page.into(), &mut outcome.checks);
    }
    let used = meter.stop(running)?;

    let pages = durations.count();
    outcome.put("pages", "1/s", float(pages) / seconds_of(used.elapsed));
    let quantiles = [
        ("page p50", 0.5),
        ("page p99", 0.99),
        ("page p99.9", 0.999),
        ("page max", 1.0),
    ];
    for (name, quantile) in quantiles {
        outcome.put(name, "ms", durations.milliseconds(quantile)?);
    }
    outcome.put(
        "CPU of a page",
        "ms",
        used.target * 1e3 / float(pages.max(1)),
    );
    used.put_shares(&mut outcome);
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::Message;

    fn page(seqs: &[u64]) -> ListMessagesResponse {
        let message = |seq: &u64| {
            let stamp = Stamp {
                sender: 0,
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
            check(&page(seqs), wished, 4, &mut checks);
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
        let mut checks = Checks::default();
        check(&wrong, 50, 4, &mut checks);
        assert_eq!(checks.duplicate, 1);
    }
}
