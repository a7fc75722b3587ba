//! What a list of conversations shows of each: its state, with what is unread, must cost the same however much that is.

use std::time::{Duration, Instant};

use tokio::time::timeout;
use tonic::transport::Channel;

use super::history::{History, Written, write};
use crate::{
    bench::{
        client::{Login, PATIENCE},
        error::BenchError,
        figure::{Durations, Outcome},
        process::Running,
        tracker::Checks,
    },
    pb::{
        Conversation, GetConversationRequest, ListConversationsRequest, MarkReadRequest,
        chat_service_client::ChatServiceClient,
        conversation_service_client::ConversationServiceClient,
    },
};

/// Messages of the conversation of which little is unread.
const FEW: u64 = 1_000;
/// Conversations of a page, as many as the server gives at once.
const LIST_MAX: u32 = 500;

type Conversations = ConversationServiceClient<Channel>;

/// Checks a state of which nothing was marked read.
fn check(state: &Conversation, written: &Written, checks: &mut Checks) {
    checks.deliveries += 1;
    checks.lost += written.messages.abs_diff(state.unread);
    checks.lost += written.messages.abs_diff(state.last_seq);
}

/// Waits for an answer, but not for ever.
async fn answered<T>(
    call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
) -> Result<T, BenchError> {
    let answer = timeout(PATIENCE, call).await;
    let answer = answer.map_err(|_| BenchError::Late("the state of a conversation"))?;
    Ok(answer?.into_inner())
}

/// Asks for the states of these in turn; one histogram for each.
async fn states<const COUNT: usize>(
    conversations: &mut Conversations,
    reader: &Login,
    of: [&Written; COUNT],
    duration: Duration,
    checks: &mut Checks,
) -> Result<[Durations; COUNT], BenchError> {
    let empty = Durations::new()?;
    let mut all = [(); COUNT].map(|()| empty.clone());
    let began = Instant::now();
    while began.elapsed() < duration {
        for (written, durations) in of.iter().zip(&mut all) {
            let request = reader.request(GetConversationRequest {
                conversation_id: written.id.clone(),
            });
            let asked = Instant::now();
            let state = answered(conversations.get_conversation(request)).await?;
            durations.record(asked.elapsed());
            let state = state.conversation.unwrap_or_default();
            check(&state, written, checks);
        }
    }
    Ok(all)
}

/// Lists all conversations again and again.
async fn lists(
    conversations: &mut Conversations,
    reader: &Login,
    written: &[&Written],
    duration: Duration,
    checks: &mut Checks,
) -> Result<Durations, BenchError> {
    let mut durations = Durations::new()?;
    let began = Instant::now();
    while began.elapsed() < duration {
        let request = reader.request(ListConversationsRequest {
            page_size: LIST_MAX,
            page_token: String::new(),
        });
        let asked = Instant::now();
        let list = answered(conversations.list_conversations(request)).await?;
        durations.record(asked.elapsed());
        checks.lost += (written.len() as u64).abs_diff(list.conversations.len() as u64);
        for state in &list.conversations {
            match written.iter().find(|written| written.id == state.id) {
                Some(written) => check(state, written, checks),
                None => checks.duplicate += 1,
            }
        }
    }
    Ok(durations)
}

/// Measures it with conversations that are written, of which the first is the longest.
pub async fn measure(
    running: &Running,
    channel: &Channel,
    reader: &Login,
    written: &[Written],
    history: History,
    outcome: &mut Outcome,
) -> Result<(), BenchError> {
    let next = history.others + 1;
    let few = write(running, next..next + 1, |_| FEW, history.bytes).await?;
    let all: Vec<&Written> = written.iter().chain(&few).collect();
    let (Some(longest), Some(few)) = (all.first(), all.last()) else {
        return Err(BenchError::NothingMeasured);
    };
    let mut conversations = Conversations::new(channel.clone());
    let (time, checks) = (history.duration / 2, &mut outcome.checks);
    let [of_few, of_longest] =
        states(&mut conversations, reader, [few, longest], time, checks).await?;
    let of_lists = lists(&mut conversations, reader, &all, time, checks).await?;
    let figures = [
        ("state, 1,000 unread, p50", &of_few, 0.5),
        ("state, 1,000 unread, p99", &of_few, 0.99),
        ("state, all unread, p50", &of_longest, 0.5),
        ("state, all unread, p99", &of_longest, 0.99),
        ("list p50", &of_lists, 0.5),
        ("list p99", &of_lists, 0.99),
    ];
    for (name, durations, quantile) in figures {
        outcome.put(name, "ms", durations.milliseconds(quantile)?);
    }

    let mut chat = ChatServiceClient::new(channel.clone());
    for (name, written) in [("mark 1,000 read", few), ("mark all read", longest)] {
        let request = reader.request(MarkReadRequest {
            conversation_id: written.id.clone(),
            read_seq: written.messages,
        });
        let asked = Instant::now();
        let marked = answered(chat.mark_read(request)).await?;
        outcome.put(name, "ms", asked.elapsed().as_secs_f64() * 1e3);
        outcome.checks.deliveries += 1;
        outcome.checks.lost += marked.unread + written.messages.abs_diff(marked.read_seq);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_count_is_seen() {
        let written = Written {
            id: String::new(),
            sender: 0,
            messages: 10,
        };
        let lost = |unread, last_seq| {
            let state = Conversation {
                unread,
                last_seq,
                ..Conversation::default()
            };
            let mut checks = Checks::default();
            check(&state, &written, &mut checks);
            checks.lost
        };
        assert_eq!([lost(10, 10), lost(9, 10), lost(12, 9)], [0, 1, 3]);
    }
}
