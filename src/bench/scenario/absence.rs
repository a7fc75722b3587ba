//! A device comes back after a long time: much was said in many conversations, and it asks for the newest of each.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::timeout;
use tonic::Streaming;

use super::{
    LATER, Meter, Used,
    fill::{Fill, fill},
    float,
};
use crate::{
    bench::{
        client::{self, Feed, Login, PATIENCE},
        error::BenchError,
        figure::{Durations, Outcome},
        process::Running,
        tracker::{Checks, Tracker},
        wire::{Stamp, To},
    },
    pb::{
        ConversationKind, CreateConversationRequest, Event, Gap, Message, SubscribeRequest,
        SubscribeResponse, chat_service_client::ChatServiceClient,
        conversation_service_client::ConversationServiceClient, event::Body, message::Content,
    },
};

/// Calls under way at once, while the conversations are made.
const CALLS_AT_ONCE: usize = 32;
/// The device comes back at least, and at most, so many times.
const RESUMES_MIN: u64 = 5;
const RESUMES_MAX: u64 = 200;
/// Who is away.
const AWAY: &str = "away";

/// What was missed and how it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Absence {
    /// Conversations of the user.
    pub conversations: u64,
    /// Messages that were missed, evenly in all of them.
    pub messages: u64,
    /// The newest messages of a conversation that are asked for; 0: all.
    pub backlog: u32,
    /// Bytes of a text.
    pub bytes: usize,
    /// For about how long the device comes back, again and again.
    pub duration: Duration,
}

impl Absence {
    /// Its sizes, for the report.
    pub fn settings(self) -> Vec<(&'static str, f64)> {
        vec![
            ("conversations", float(self.conversations)),
            ("messages", float(self.messages)),
            ("backlog of each", f64::from(self.backlog)),
            ("bytes of a text", float(self.bytes as u64)),
            ("seconds", self.duration.as_secs_f64()),
        ]
    }

    /// What was missed in the conversation of this index.
    const fn missed(self, index: u64) -> u64 {
        self.messages / self.conversations + (index < self.messages % self.conversations) as u64
    }

    /// What of it is left out.
    fn left_out(self, index: u64) -> u64 {
        match self.backlog {
            0 => 0,
            backlog => self.missed(index).saturating_sub(backlog.into()),
        }
    }
}

/// Follows what comes to a device, by conversation.
struct Seen<'a> {
    absence: Absence,
    /// Each conversation by its id.
    indexes: &'a HashMap<String, u64>,
    /// The messages after what is left out.
    trackers: Vec<Tracker>,
    /// How often the right gap came.
    gaps: Vec<u64>,
    /// What is no message or gap of ours.
    strange: u64,
}

impl<'a> Seen<'a> {
    fn new(absence: Absence, indexes: &'a HashMap<String, u64>) -> Self {
        Self {
            absence,
            indexes,
            trackers: vec![Tracker::default(); indexes.len()],
            gaps: vec![0; indexes.len()],
            strange: 0,
        }
    }

    /// The conversation of this id, as its number and its place in the lists.
    fn find(&self, id: &str) -> Option<(u64, usize)> {
        let index = *self.indexes.get(id)?;
        Some((index, usize::try_from(index).ok()?))
    }

    fn message(&mut self, message: &Message) {
        let stamp = match &message.content {
            Some(Content::Text(text)) => Stamp::read(text.as_bytes()),
            None => None,
        };
        let Some((index, place)) = self.find(&message.conversation_id) else {
            self.strange += 1;
            return;
        };
        // The sender takes the conversations in turn.
        let number = message.seq.wrapping_sub(1);
        let sent = number.wrapping_mul(self.absence.conversations);
        let expected = Stamp {
            sender: 0,
            number: sent.wrapping_add(index),
        };
        match number.checked_sub(self.absence.left_out(index)) {
            Some(number) if stamp == Some(expected) => self.trackers[place].see(number),
            _ => self.trackers[place].see_strange(),
        }
    }

    fn gap(&mut self, gap: &Gap) {
        match self.find(&gap.conversation_id) {
            Some((index, place))
                if (gap.from_seq, gap.to_seq) == (1, self.absence.left_out(index)) =>
            {
                self.gaps[place] += 1;
            }
            _ => self.strange += 1,
        }
    }

    /// Takes an event.
    fn event(&mut self, event: &Event) -> Result<(), BenchError> {
        match &event.body {
            Some(Body::Message(message)) => self.message(message),
            Some(Body::Gap(gap)) => self.gap(gap),
            Some(Body::Reset(_)) => return Err(BenchError::NotResumed("reset")),
            Some(Body::GoingAway(_)) => return Err(BenchError::Ended),
            _ => {}
        }
        Ok(())
    }

    /// Messages that came.
    fn messages(&self) -> u64 {
        self.trackers.iter().map(Tracker::deliveries).sum()
    }

    /// What was wrong. A gap that does not come leaves its messages lost.
    fn checks(&self) -> Checks {
        let mut all = Checks {
            deliveries: self.strange,
            duplicate: self.strange,
            ..Checks::default()
        };
        for ((index, tracker), gaps) in (0..).zip(&self.trackers).zip(&self.gaps) {
            let left_out = self.absence.left_out(index);
            all.add(tracker.checks(self.absence.missed(index) - left_out));
            match (left_out, gaps) {
                (0, _) => {}
                (_, 0) => all.lost += left_out,
                (_, gaps) => all.duplicate += gaps - 1,
            }
        }
        all
    }
}

/// How long a device took, from before its connection.
struct Resumed {
    welcome: Duration,
    first: Duration,
    caught_up: Duration,
}

/// Takes frames until everything has come.
async fn take(
    stream: &mut Streaming<SubscribeResponse>,
    seen: &mut Seen<'_>,
    began: Instant,
) -> Result<Resumed, BenchError> {
    let (mut welcome, mut first) = (None, None);
    while let Some(frame) = stream.message().await? {
        let now = began.elapsed();
        for event in &frame.events {
            match &event.body {
                Some(Body::Welcome(_)) => drop(welcome.get_or_insert(now)),
                Some(Body::Message(_)) => drop(first.get_or_insert(now)),
                Some(Body::CaughtUp(_)) => {
                    let caught_up = began.elapsed();
                    return Ok(Resumed {
                        welcome: welcome.unwrap_or(caught_up),
                        first: first.unwrap_or(caught_up),
                        caught_up,
                    });
                }
                _ => {}
            }
            seen.event(event)?;
        }
    }
    Err(BenchError::Ended)
}

/// Comes back once.
async fn resume(
    running: &Running,
    login: &Login,
    cursor: &str,
    seen: &mut Seen<'_>,
) -> Result<Resumed, BenchError> {
    let began = Instant::now();
    let channel = client::connect(running.address()).await?;
    let request = login.request(SubscribeRequest {
        resume_cursor: Some(cursor.to_owned()),
        max_backlog_per_conversation: seen.absence.backlog,
        ..SubscribeRequest::default()
    });
    let mut chat = ChatServiceClient::new(channel);
    let mut stream = chat.subscribe(request).await?.into_inner();
    let taken = timeout(PATIENCE, take(&mut stream, seen, began)).await;
    let resumed = taken.map_err(|_| BenchError::Late("the backlog"))??;
    // What comes once more comes late.
    let end = Instant::now() + LATER;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        let Ok(frame) = timeout(left, stream.message()).await else {
            break;
        };
        for event in &frame?.ok_or(BenchError::Ended)?.events {
            seen.event(event)?;
        }
    }
    Ok(resumed)
}

/// Makes the conversations: groups, so that one sender can fill them all. Returns their ids.
async fn make(
    running: &Running,
    teller: &Login,
    absence: Absence,
) -> Result<Vec<String>, BenchError> {
    let channel = client::connect(running.address()).await?;
    let one = |number: u64| {
        let mut conversations = ConversationServiceClient::new(channel.clone());
        let request = teller.request(CreateConversationRequest {
            kind: ConversationKind::Group.into(),
            name: format!("group {number}"),
            user_names: vec![AWAY.to_owned()],
            ..CreateConversationRequest::default()
        });
        async move {
            let made = conversations.create_conversation(request).await?;
            let made = made.into_inner().conversation;
            Ok::<_, BenchError>(made.ok_or(BenchError::Ended)?.id)
        }
    };
    let all = stream::iter(0..absence.conversations)
        .map(one)
        .buffered(CALLS_AT_ONCE)
        .try_collect();
    timeout(PATIENCE, all)
        .await
        .map_err(|_| BenchError::Late("the conversations"))?
}

/// Measures one target.
pub async fn measure(running: &Running, absence: Absence) -> Result<Outcome, BenchError> {
    let mut logins =
        client::log_in(running.peer(), ["teller".to_owned(), AWAY.to_owned()], 1).await?;
    let (Some(away), Some(teller)) = (logins.pop(), logins.pop()) else {
        return Err(BenchError::Ended);
    };
    let ids = make(running, &teller, absence).await?;
    // The device is there once, and then away.
    let channel = client::connect(running.address()).await?;
    let mut feed = Feed::subscribe(&channel, &away).await?;
    let caught_up = timeout(PATIENCE, feed.caught_up(&mut Tracker::default())).await;
    caught_up.map_err(|_| BenchError::Late("the first sync"))??;
    let cursor = String::from_utf8_lossy(&feed.cursor).into_owned();
    drop((feed, channel));
    let missed = Fill {
        login: teller,
        sender: 0,
        to: ids.iter().map(|id| To::conversation(id)).collect(),
        numbers: 0..absence.messages,
        bytes: absence.bytes,
    };
    fill(running, missed).await?;
    let indexes: HashMap<String, u64> = ids.into_iter().zip(0..).collect();

    let mut outcome = Outcome::default();
    let empty = Durations::new()?;
    let (mut welcome, mut first, mut caught_up) = (empty.clone(), empty.clone(), empty);
    let mut used = Used {
        elapsed: Duration::ZERO,
        target: 0.0,
        generator: 0.0,
    };
    let (mut resumes, mut messages) = (0, 0);
    while resumes < RESUMES_MIN || (used.elapsed < absence.duration && resumes < RESUMES_MAX) {
        let mut seen = Seen::new(absence, &indexes);
        let meter = Meter::start(running)?;
        let resumed = resume(running, &away, &cursor, &mut seen).await?;
        let now = meter.stop(running)?;
        used.elapsed += now.elapsed;
        used.target += now.target;
        used.generator += now.generator;
        welcome.record(resumed.welcome);
        first.record(resumed.first);
        caught_up.record(resumed.caught_up);
        messages = seen.messages();
        outcome.checks.add(seen.checks());
        resumes += 1;
    }
    outcome.put("messages of a resume", "msg", float(messages));
    let figures = [
        ("welcome p50", &welcome, 0.5),
        ("welcome max", &welcome, 1.0),
        ("first message p50", &first, 0.5),
        ("first message max", &first, 1.0),
        ("caught up p50", &caught_up, 0.5),
        ("caught up max", &caught_up, 1.0),
    ];
    for (name, durations, quantile) in figures {
        outcome.put(name, "ms", durations.milliseconds(quantile)?);
    }
    outcome.put("CPU of a resume", "ms", used.target * 1e3 / float(resumes));
    outcome.put(
        "CPU of the device",
        "ms",
        used.generator * 1e3 / float(resumes),
    );
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABSENCE: Absence = Absence {
        conversations: 2,
        messages: 9,
        backlog: 3,
        bytes: 0,
        duration: Duration::ZERO,
    };

    fn message(index: u64, seq: u64) -> Message {
        let stamp = Stamp {
            sender: 0,
            number: (seq - 1) * 2 + index,
        };
        Message {
            conversation_id: index.to_string(),
            seq,
            content: Some(Content::Text(stamp.text(0))),
            ..Message::default()
        }
    }

    fn gap(index: u64, to_seq: u64) -> Gap {
        Gap {
            conversation_id: index.to_string(),
            from_seq: 1,
            to_seq,
        }
    }

    /// Five messages were missed in the one, four in the other; the newest three are asked for.
    fn checked(messages: &[(u64, u64)], gaps: &[(u64, u64)]) -> [u64; 4] {
        let indexes = HashMap::from([("0".to_owned(), 0), ("1".to_owned(), 1)]);
        let mut seen = Seen::new(ABSENCE, &indexes);
        gaps.iter()
            .for_each(|(index, to)| seen.gap(&gap(*index, *to)));
        let messages = messages.iter().map(|(index, seq)| message(*index, *seq));
        messages.for_each(|message| seen.message(&message));
        let checks = seen.checks();
        [
            checks.deliveries,
            checks.lost,
            checks.duplicate,
            checks.reordered,
        ]
    }

    #[test]
    fn the_newest_and_their_gaps_are_all_that_comes() {
        let all = [(0, 3), (1, 2), (0, 4), (1, 3), (0, 5), (1, 4)];
        let gaps = [(0, 2), (1, 1)];
        assert_eq!(checked(&all, &gaps), [6, 0, 0, 0]);
        assert_eq!(checked(&all[1..], &gaps), [5, 1, 0, 0]);
        assert_eq!(
            checked(&[&all[..], &[(0, 4)]].concat(), &gaps),
            [7, 0, 1, 0]
        );
        // One that belongs to the gap.
        assert_eq!(
            checked(&[&all[..], &[(0, 2)]].concat(), &gaps),
            [7, 0, 1, 0]
        );
        assert_eq!(checked(&all, &gaps[..1]), [6, 1, 0, 0]);
        assert_eq!(checked(&all, &[(0, 2), (1, 2)]), [7, 1, 1, 0]);
        assert_eq!(checked(&all, &[(0, 2), (1, 1), (1, 1)]), [6, 0, 1, 0]);
        let swapped = [(0, 4), (1, 2), (0, 3), (1, 3), (0, 5), (1, 4)];
        assert_eq!(checked(&swapped, &gaps), [6, 0, 0, 1]);
    }
}
