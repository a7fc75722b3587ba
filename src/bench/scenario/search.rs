//! Words in a large store: how long a search takes, and that it finds what was said and nothing else.
//!
//! Texts are drawn from a vocabulary like that of people: the word of rank `r` stands about `1 / r` as often as the
//! first. Which words a message has follows from its sender and its number alone, so that every hit can be checked; the
//! hits of a rare word are known in full, and of each sender's messages a page has the newest ones without a hole.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use super::{Meter, float, seconds_of};
use crate::{
    bench::{
        client::{self, Feed, Login, PATIENCE, hello},
        error::BenchError,
        figure::{Durations, Outcome},
        process::Running,
        tracker::{Checks, Tracker},
        wire::{Ids, Outgoing, Stamp},
    },
    pb::{
        ChatRequest, Message, SearchMessagesRequest, SendRequest, chat_request::Request,
        conversation_service_client::ConversationServiceClient, message::Content,
        send_request::Target,
    },
};

/// Messages under way at once: as many as make full batches, and fewer than a stream may have unanswered.
const WINDOW: u64 = 512;
/// An answer may have 1 MiB of text.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Different words, as many as a group of people uses: one less than a power of two, so that each can be said.
const VOCABULARY: u64 = 65_535;
/// One of so many messages has a rare word, and as many different ones are said as often.
const RARE_EVERY: u64 = 10_000;
/// Words of a message, beside a rare one.
const WORDS: u64 = 12;
/// The user who searches.
const READER: &str = "r0";

/// A store and how it is searched.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// Messages, evenly in all conversations.
    pub messages: u64,
    /// Conversations of the user who searches.
    pub conversations: u32,
    /// Most hits of an answer.
    pub page: u32,
    /// How long is searched, over all sorts of queries.
    pub duration: Duration,
}

impl Search {
    /// Its sizes, for the report.
    pub fn settings(self) -> Vec<(&'static str, f64)> {
        vec![
            ("messages", float(self.messages)),
            ("conversations", f64::from(self.conversations)),
            ("hits of a page", f64::from(self.page)),
            ("seconds", self.duration.as_secs_f64()),
        ]
    }

    /// Messages of each conversation.
    fn each(self) -> u64 {
        self.messages.div_ceil(u64::from(self.conversations.max(1)))
    }
}

/// A word of letters alone: no two ranks have the same, and none is the beginning of another.
fn word(mut rank: u64) -> String {
    let mut word = String::new();
    while rank > 0 {
        // A syllable.
        for letters in [&b"bdfgklmnprstvz"[..], &b"aeiou"[..]] {
            let place = usize::try_from(rank % letters.len() as u64).unwrap_or(0);
            word.push(char::from(letters[place]));
            rank /= letters.len() as u64;
        }
    }
    // Stands nowhere else, and ends each word.
    word + "x"
}

/// The rare word of this number.
fn rare(number: u64) -> String {
    format!("q{}", word(number + 1))
}

/// The words of a message.
fn words(stamp: Stamp) -> impl Iterator<Item = String> {
    let mut random = Ids::new((u64::from(stamp.sender) << 40) ^ stamp.number);
    let common = (0..WORDS).map(move |_| word(rank(random.random())));
    let is_rare = stamp.number.is_multiple_of(RARE_EVERY);
    common.chain(is_rare.then(|| rare(stamp.number / RARE_EVERY)))
}

/// A rank from 1 on, each about `1 / rank` as often as the first: the logarithms are even.
fn rank(random: u64) -> u64 {
    // Of each doubling of the rank, all are as likely; within it, too.
    let doublings = u64::from((VOCABULARY + 1).ilog2());
    let low = 1 << (random % doublings);
    low + (random >> 32) % low
}

/// The text of a message: its stamp and its words.
fn text(stamp: Stamp) -> String {
    words(stamp).fold(stamp.text(0), |text, word| text + " " + &word)
}

/// Lets a sender say so much to the reader.
async fn say(
    running: &Running,
    login: Login,
    sender: u32,
    messages: u64,
) -> Result<(), BenchError> {
    let (requests, queue) = mpsc::channel(1 + usize::try_from(WINDOW).unwrap_or(512));
    let channel = client::connect(running.address()).await?;
    // There is always room: no more are under way than the queue has places.
    let send = |request| requests.try_send(request).map_err(|_| BenchError::Ended);
    send(hello(None))?;
    let mut feed = Feed::chat(&channel, &login, ReceiverStream::new(queue)).await?;
    feed.caught_up(&mut Tracker::default()).await?;
    let mut ids = Ids::new(getrandom::u64().unwrap_or(0) ^ u64::from(sender));
    let (mut sent, mut acked) = (0, 0);
    while acked < messages {
        while sent < messages && sent < acked + WINDOW {
            let stamp = Stamp {
                sender,
                number: sent,
            };
            sent += 1;
            send(Outgoing::Frame(ChatRequest {
                request_id: sent,
                request: Some(Request::Send(SendRequest {
                    target: Some(Target::UserName(READER.to_owned())),
                    client_message_id: String::from_utf8_lossy(&ids.next_id()).into_owned(),
                    text: text(stamp),
                    reply_to_seq: 0,
                    attachments: Vec::new(),
                })),
            }))?;
        }
        let frame = timeout(PATIENCE, feed.next()).await;
        let frame = frame.map_err(|_| BenchError::Late("an acknowledgement"))??;
        for reply in frame.replies {
            if let Some(error) = reply.error {
                return Err(BenchError::Refused {
                    reason: error.reason,
                    message: error.message,
                });
            }
            acked += u64::from(reply.send.is_some());
        }
    }
    Ok(())
}

/// What is searched for.
struct Query {
    name: &'static str,
    words: Vec<String>,
    /// Only in the conversation with this sender.
    with: Option<u32>,
    /// How many hits there are, if that is known.
    total: Option<u64>,
    /// Messages of each sender.
    each: u64,
}

impl Query {
    /// One of each sort, with other words each time.
    fn sorts(search: Search, random: &mut Ids) -> [Self; 5] {
        let new = |name, words: &[String], with, total| Self {
            name,
            words: words.to_vec(),
            with,
            total,
            each: search.each(),
        };
        let conversations = u64::from(search.conversations.max(1));
        let rares = search.each().div_ceil(RARE_EVERY);
        let rare = rare(random.random() % rares.max(1));
        let common = [1, 2].map(|from| word(from + random.random() % 8));
        let with = u32::try_from(random.random() % conversations).unwrap_or(0);
        let none = [format!("w{}", word(1 + random.random() % VOCABULARY))];
        [
            // Each conversation has it once.
            new("rare word", &[rare], None, Some(conversations)),
            new("common word", &common[..1], None, None),
            new("two words", &common, None, None),
            new("in one conversation", &common[..1], Some(with), None),
            new("no hit", &none, None, Some(0)),
        ]
    }

    /// Whether a message has all words.
    fn fits(&self, stamp: Stamp) -> bool {
        let has = |word: &String| words(stamp).any(|said| said == *word);
        self.words.iter().all(has)
    }

    /// Checks the first page of an answer: each message was said, has all words, stands where it is searched for, and comes
    /// once, and none of its sender that is newer is missing.
    fn check(&self, messages: &[&Message], page: u32, checks: &mut Checks) {
        checks.deliveries += messages.len() as u64;
        let mut found = BTreeSet::new();
        let mut of_senders: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        for message in messages {
            let Some(Content::Text(said)) = &message.content else {
                checks.duplicate += 1;
                continue;
            };
            let stamp = Stamp::read(said.as_bytes()).filter(|stamp| text(*stamp) == *said);
            let fits = stamp.is_some_and(|stamp| {
                self.fits(stamp) && self.with.is_none_or(|with| with == stamp.sender)
            });
            if let Some(stamp) = stamp.filter(|_| fits) {
                let numbers = of_senders.entry(stamp.sender).or_default();
                numbers.insert(stamp.number);
            }
            let is_first = found.insert((message.conversation_id.as_str(), message.seq));
            checks.duplicate += u64::from(!fits || !is_first);
        }
        for (sender, numbers) in of_senders {
            let Some(oldest) = numbers.first() else {
                continue;
            };
            let missing = (*oldest..self.each)
                .filter(|number| !numbers.contains(number))
                .filter(|number| {
                    self.fits(Stamp {
                        sender,
                        number: *number,
                    })
                });
            checks.lost += missing.count() as u64;
        }
        if let Some(total) = self.total {
            checks.lost += total.min(page.into()).saturating_sub(messages.len() as u64);
        }
    }
}

/// Measures one target.
pub async fn measure(running: &Running, search: Search) -> Result<Outcome, BenchError> {
    let reader = client::log_in(running.peer(), [READER.to_owned()], 1)
        .await?
        .pop();
    let reader = reader.ok_or(BenchError::Ended)?;
    let names = (0..search.conversations).map(|sender| format!("s{sender}"));
    let senders = client::log_in(running.peer(), names, 1).await?;
    let filling = Instant::now();
    let saying = (0..).zip(senders);
    let saying = saying.map(|(sender, login)| say(running, login, sender, search.each()));
    try_join_all(saying).await?;
    let filled = seconds_of(filling.elapsed());

    let channel = client::connect(running.address()).await?;
    let mut conversations =
        ConversationServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
    let ids = with_senders(&mut conversations, &reader).await?;
    let mut random = Ids::new(getrandom::u64().unwrap_or(1));
    let mut outcome = Outcome::default();
    // What the index still has to take in is waited for: until the newest rare word is found everywhere.
    let last = rare((search.each() - 1) / RARE_EVERY);
    let ready = Instant::now();
    loop {
        let request = request(std::slice::from_ref(&last), String::new(), search.page);
        let answer = conversations.search_messages(reader.request(request));
        let hits = match answer.await {
            Ok(answer) => answer.into_inner().hits.len() as u64,
            // The index lies too far behind to answer.
            Err(status) if status.code() == Code::Unavailable => 0,
            Err(status) => return Err(status.into()),
        };
        if hits >= u64::from(search.conversations.min(search.page)) {
            break;
        }
        if ready.elapsed() > PATIENCE {
            return Err(BenchError::Late("the last message among the hits"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let behind = ready.elapsed();

    let mut all: Vec<(&'static str, Durations)> = Vec::new();
    let meter = Meter::start(running)?;
    let (began, mut searches) = (Instant::now(), 0_u64);
    while began.elapsed() < search.duration {
        for query in Query::sorts(search, &mut random) {
            let id = query
                .with
                .and_then(|with| ids.iter().find(|(name, _)| *name == format!("s{with}")))
                .map_or_else(String::new, |(_, id)| id.clone());
            let request = request(&query.words, id, search.page);
            let asked = Instant::now();
            let answer = conversations.search_messages(reader.request(request));
            let answer = timeout(PATIENCE, answer).await;
            let answer = answer.map_err(|_| BenchError::Late("a search"))??;
            let took = asked.elapsed();
            searches += 1;
            if !all.iter().any(|(name, _)| *name == query.name) {
                all.push((query.name, Durations::new()?));
            }
            if let Some((_, durations)) = all.iter_mut().find(|(name, _)| *name == query.name) {
                durations.record(took);
            }
            let hits = answer.into_inner().hits;
            let messages: Vec<&Message> =
                hits.iter().filter_map(|hit| hit.message.as_ref()).collect();
            query.check(&messages, search.page, &mut outcome.checks);
        }
    }
    let used = meter.stop(running)?;

    outcome.put("filled", "msg/s", float(search.messages) / filled);
    outcome.put("behind when filled", "ms", behind.as_secs_f64() * 1e3);
    for (name, durations) in &all {
        for (figure, quantile) in figures(name) {
            outcome.put(figure, "ms", durations.milliseconds(quantile)?);
        }
    }
    let cpu = used.target * 1e3 / float(searches.max(1));
    outcome.put("CPU of a search", "ms", cpu);
    used.put_shares(&mut outcome);
    Ok(outcome)
}

/// The figures of a sort of query.
fn figures(name: &str) -> [(&'static str, f64); 3] {
    let names = match name {
        "rare word" => ["rare word p50", "rare word p99", "rare word max"],
        "common word" => ["common word p50", "common word p99", "common word max"],
        "two words" => ["two words p50", "two words p99", "two words max"],
        "no hit" => ["no hit p50", "no hit p99", "no hit max"],
        _ => [
            "in one conversation p50",
            "in one conversation p99",
            "in one conversation max",
        ],
    };
    [(names[0], 0.5), (names[1], 0.99), (names[2], 1.0)]
}

/// A request for the first page.
fn request(words: &[String], conversation_id: String, page_size: u32) -> SearchMessagesRequest {
    SearchMessagesRequest {
        query: words.join(" "),
        conversation_id,
        page_size,
        ..SearchMessagesRequest::default()
    }
}

/// The conversations of the reader, each by the name of the other member.
async fn with_senders(
    conversations: &mut ConversationServiceClient<tonic::transport::Channel>,
    reader: &Login,
) -> Result<Vec<(String, String)>, BenchError> {
    let request = crate::pb::ListConversationsRequest {
        page_size: 500,
        page_token: String::new(),
    };
    let list = conversations.list_conversations(reader.request(request));
    let list = list.await?.into_inner().conversations;
    Ok(list
        .into_iter()
        .map(|state| (state.name, state.id))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_differ_and_the_first_are_the_most_frequent() {
        let all: BTreeSet<String> = (1..=VOCABULARY).map(word).collect();
        assert_eq!(all.len() as u64, VOCABULARY);
        let mut counts = [0_u32; 64];
        for number in 0..10_000 {
            let mut random = Ids::new(number);
            let rank = rank(random.random());
            assert!((1..=VOCABULARY).contains(&rank));
            if let Some(count) = usize::try_from(rank)
                .ok()
                .and_then(|rank| counts.get_mut(rank))
            {
                *count += 1;
            }
        }
        assert!(
            counts[1] > 4 * counts[8] && counts[8] > 2 * counts[60],
            "{counts:?}"
        );
    }

    #[test]
    fn a_wrong_hit_and_one_that_is_missing_are_seen() {
        let stamp = Stamp {
            sender: 1,
            number: RARE_EVERY,
        };
        let message = |said: String| Message {
            seq: stamp.number + 1,
            content: Some(Content::Text(said)),
            ..Message::default()
        };
        let right = message(text(stamp));
        let wrong = message(text(Stamp { number: 3, ..stamp }));
        let query = Query {
            name: "rare word",
            words: vec![rare(1)],
            with: None,
            total: Some(1),
            each: 3 * RARE_EVERY,
        };
        let checked = |messages: &[&Message]| {
            let mut checks = Checks::default();
            query.check(messages, 20, &mut checks);
            [checks.deliveries, checks.lost, checks.duplicate]
        };
        assert_eq!(checked(&[&right]), [1, 0, 0]);
        assert_eq!(checked(&[]), [0, 1, 0]);
        assert_eq!(checked(&[&wrong]), [1, 0, 1]);
        assert_eq!(checked(&[&right, &right]), [2, 0, 1]);

        // Of a frequent word the newest are due, without a hole.
        let frequent = |number| {
            let stamp = Stamp { sender: 1, number };
            words(stamp).any(|said| said == word(1))
        };
        let newest: Vec<u64> = (0..1_000)
            .rev()
            .filter(|it| frequent(*it))
            .take(3)
            .collect();
        let said = newest.iter().map(|number| Message {
            seq: number + 1,
            content: Some(Content::Text(text(Stamp {
                sender: 1,
                number: *number,
            }))),
            ..Message::default()
        });
        let said: Vec<Message> = said.collect();
        let query = Query {
            name: "common word",
            words: vec![word(1)],
            with: None,
            total: None,
            each: 1_000,
        };
        let lost = |places: &[usize]| {
            let mut checks = Checks::default();
            let messages: Vec<&Message> = places.iter().map(|place| &said[*place]).collect();
            query.check(&messages, 20, &mut checks);
            checks.lost
        };
        assert_eq!([lost(&[0, 1, 2]), lost(&[0, 2]), lost(&[1, 2])], [0, 1, 1]);
    }
}
