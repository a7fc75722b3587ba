//! Reading the tables back: the backlog of a user, and pages of history. Read whole pages, encode, give: nothing else.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use prost::encoding::message::encode as encode_field;
use rusqlite::Connection;
use tokio::sync::mpsc;
use tonic::Status;
use uuid::Uuid;

use super::{
    book::{self, Place},
    service::greeting,
    table::connect,
};
use crate::{
    bench::process::Durability,
    pb::{self, event::Body, list_messages_request::Position, ready::SubscribeFrame},
};

/// Rows that are read at once, as the server reads them.
const ROWS: i64 = 1_000;
/// Bytes at which a frame ends, with room for one event more.
const FRAME_BYTES: usize = 63 * 1024;
/// The field `events` of a response.
const EVENTS_FIELD: u32 = 1;

/// A connection for reading.
#[derive(Clone)]
pub struct Pages(Arc<Mutex<Connection>>);

fn failed(error: rusqlite::Error) -> Status {
    Status::internal(error.to_string())
}

impl Pages {
    /// Opens the file of a table.
    pub fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = connect(file, Durability::Full)?;
        connection.pragma_update(None, "cache_size", -2048)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Reads on a thread that may wait.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Status> {
        let connection = Arc::clone(&self.0);
        let reading = tokio::task::spawn_blocking(move || {
            read(&connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let read = reading
            .await
            .map_err(|error| Status::internal(error.to_string()))?;
        read.map_err(failed)
    }

    /// Gives all messages of the conversations of a user, frame by frame, then says that this was all.
    pub async fn replay(
        &self,
        name: String,
        frames: &mpsc::Sender<Result<SubscribeFrame, Status>>,
    ) -> Result<(), Status> {
        let gone = |_| Status::cancelled("nobody listens");
        let conversations = self
            .read(move |connection| of_user(connection, &name))
            .await?;
        for conversation in conversations {
            let mut after = 0;
            loop {
                let (events, last) = self
                    .read(move |connection| encoded(connection, conversation, after))
                    .await?;
                if events.is_empty() {
                    break;
                }
                for run in events {
                    let frame = SubscribeFrame { events: vec![run] };
                    frames.send(Ok(frame)).await.map_err(gone)?;
                }
                after = last;
            }
        }
        let frame = SubscribeFrame {
            events: vec![greeting(None)],
        };
        frames.send(Ok(frame)).await.map_err(gone)
    }

    /// A page around a place.
    pub async fn list(
        &self,
        asked: pb::ListMessagesRequest,
    ) -> Result<pb::ListMessagesResponse, Status> {
        let id = asked.conversation_id.trim_start_matches('c').parse::<i64>();
        let id = id.map_err(|_| Status::not_found("no such conversation"))?;
        let size = i64::from(asked.page_size);
        let after = match asked.position {
            Some(Position::AroundSeq(seq)) => seq.cast_signed() - size / 2 - 1,
            Some(Position::AfterSeq(seq)) => seq.cast_signed(),
            _ => 0,
        };
        let (messages, last_seq) = self
            .read(move |connection| {
                let mut messages = Vec::new();
                page(connection, id, after.max(0), size, |event| {
                    if let Some(Body::Message(message)) = event.body {
                        messages.push(message);
                    }
                })?;
                let last: i64 = connection
                    .prepare_cached("SELECT last_seq FROM conversations WHERE id = ?1")?
                    .query_row([id], |row| row.get(0))?;
                Ok((messages, last))
            })
            .await?;
        Ok(pb::ListMessagesResponse {
            messages,
            history_floor_seq: 0,
            last_seq: last_seq.cast_unsigned(),
        })
    }
}

fn of_user(connection: &Connection, name: &str) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT conversation_id FROM members WHERE user_id = (SELECT id FROM users WHERE name = ?1)",
        )?
        .query_map([name], |row| row.get(0))?
        .collect()
}

/// A page as frames, and where it ends.
fn encoded(
    connection: &Connection,
    conversation: i64,
    after: i64,
) -> rusqlite::Result<(Vec<Bytes>, i64)> {
    let mut frames = Vec::new();
    let mut frame = BytesMut::new();
    let last = page(connection, conversation, after, ROWS, |event| {
        encode_field(EVENTS_FIELD, &event, &mut frame);
        if frame.len() >= FRAME_BYTES {
            frames.push(frame.split().freeze());
        }
    })?;
    if !frame.is_empty() {
        frames.push(frame.freeze());
    }
    Ok((frames, last))
}

/// Reads a page of a conversation; returns its last place.
fn page(
    connection: &Connection,
    conversation: i64,
    after: i64,
    rows: i64,
    mut each: impl FnMut(pb::Event),
) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached(
        "SELECT log.seq, log.offset, log.subject_id, log.sent_ms, log.client_id, log.body, users.name \
         FROM log JOIN users ON users.id = log.subject_id \
         WHERE log.conversation_id = ?1 AND log.seq > ?2 ORDER BY log.seq LIMIT ?3",
    )?;
    let mut found = statement.query([conversation, after, rows])?;
    let mut last = after;
    while let Some(row) = found.next()? {
        let place = Place {
            conversation_id: conversation,
            sender_id: row.get(2)?,
            seq: row.get(0)?,
            offset: row.get(1)?,
            sent_ms: row.get(3)?,
        };
        last = place.seq;
        let id = Uuid::from_bytes(row.get(4)?).hyphenated().to_string();
        each(book::event(
            &place,
            &row.get::<_, String>(6)?,
            row.get(5)?,
            id,
        ));
    }
    Ok(last)
}
