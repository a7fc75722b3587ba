//! The one writer: a thread that owns the write connection and commits what is queued, in order.
//!
//! What queues up during a commit shares the next one. After each commit it tells what is stored now, and a cursor is
//! told only then. In quiet moments it trims, and empties the WAL when texts that are gone still stand in it. When
//! something fails, or it is given up, it ends: nothing that comes later is taken, so that no cursor is ever stored
//! without all that came before it.
//!
//! While the file has no cursor each commit is put on the disk itself before it is told: were the first cursor lost with
//! the power after the server has heard of it, the next start would resume where the server thinks this device is, behind
//! what is lost. Later ones may be lost: the one before is there, and what came since comes again.
//!
//! Knows nothing of what the changes mean.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::watch;

use super::{
    CacheError,
    batch::{self, Known},
    change::Change,
    schema::{self, Fault},
};

/// Changes of one commit: some 2 MiB of messages. A larger one would win nothing and hold a page up longer.
const BATCH_CHANGES: usize = 4_096;
/// Messages of one step of trimming: a commit of some 20 ms that a change in the queue waits for.
const TRIM_ROWS: u64 = 5_000;
/// A chat is trimmed when it is this much over, over all when it is a twentieth over: not for each message.
const CHAT_SLACK: u64 = 200;
/// A moment is quiet after this.
const QUIET: Duration = Duration::from_millis(500);
/// The file is written anew after deletions at most this often (some 100 ms of the thread at 100,000 messages), and at
/// the end.
const REWRITE_EVERY: Duration = Duration::from_secs(60);

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Newest messages of a conversation.
    pub chat: u64,
    /// Messages over all.
    pub total: u64,
    /// Conversations, also those of which nothing but the name is known.
    pub chats: u64,
    /// Bytes of the file past which messages are dropped, however few they are.
    pub bytes: u64,
}

/// What the thread is told.
pub(super) enum Order {
    /// Changes, and what they weigh.
    Apply(Vec<Change>, usize),
    /// A reader met a damaged row.
    Damaged,
}

/// What the thread tells: the newest state counts.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// How many commits there were.
    pub commits: u64,
    /// The cursor that is committed.
    pub cursor: Option<String>,
    /// Why it ended.
    pub ended: Option<CacheError>,
}

/// What the thread works with.
pub(super) struct Work {
    /// The file.
    pub file: PathBuf,
    /// The write connection.
    pub connection: Connection,
    /// The queue; when its other end is gone, what is in it is committed and the thread ends.
    pub queue: Receiver<Order>,
    /// Bytes in the queue.
    pub waiting: Arc<AtomicUsize>,
    /// Who wants to know.
    pub told: watch::Sender<State>,
    /// How much is kept.
    pub bounds: Bounds,
}

impl Work {
    /// Runs until the queue is closed or something fails.
    pub fn run(mut self) {
        if let Err(fault) = self.serve() {
            if matches!(fault, Fault::Damaged | Fault::Foreign) {
                // The next start makes it anew, also if this program is killed.
                let _ = schema::remove(&self.file);
            }
            let error = fault.into_error(&self.file);
            self.told.send_modify(|state| {
                state.ended.get_or_insert(error);
            });
        }
    }

    fn serve(&mut self) -> Result<(), Fault> {
        let mut known = Known {
            messages: batch::count(&self.connection)?,
            rows: batch::count_chats(&self.connection)?,
            cursor: batch::cursor(&self.connection)?,
            // A program that was killed may have left some.
            has_residue: true,
            has_copies: schema::meta(&self.connection, batch::COPIES)?.is_some(),
            ..Known::default()
        };
        let mut is_over = false;
        let mut rewritten: Option<Instant> = None;
        let mut has_work = true;
        self.keep_safe(&known)?;
        while !is_over && !self.is_given_up() {
            let first = if has_work {
                self.queue.recv_timeout(QUIET)
            } else {
                self.queue
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected)
            };
            match first {
                Ok(order) => {
                    is_over = self.commit(order, &mut known)?;
                    has_work = true;
                }
                Err(RecvTimeoutError::Timeout) => {
                    let may_rewrite = rewritten.is_none_or(|at| at.elapsed() > REWRITE_EVERY);
                    if known.has_copies && may_rewrite {
                        self.rewrite()?;
                        rewritten = Some(Instant::now());
                        (known.has_copies, known.has_residue) = (false, true);
                    }
                    has_work = self.tidy(&mut known)? || known.has_copies;
                }
                Err(RecvTimeoutError::Disconnected) => is_over = true,
            }
            // A backlog leaves no quiet moment.
            let is_long = known.messages > self.bounds.total + self.bounds.total / 10;
            if is_long || self.has_more_bytes_than(self.bounds.bytes + self.bounds.bytes / 10)? {
                self.trim_total(&mut known)?;
            }
            if known.rows > self.bounds.chats + self.bounds.chats / 10 {
                batch::trim_chats(&self.connection, &mut known, self.bounds.chats, TRIM_ROWS)?;
            }
        }
        if self.is_given_up() {
            // Nobody waits for it, and the disk is slow as it is. The next start sees to the rest.
            return Ok(());
        }
        if known.has_copies {
            self.rewrite()?;
        }
        if known.has_residue || known.has_copies {
            self.empty_wal()?;
        }
        Ok(())
    }

    /// Commits what is there. Returns whether the queue is closed.
    fn commit(&mut self, first: Order, known: &mut Known) -> Result<bool, Fault> {
        let transaction = self.connection.unchecked_transaction()?;
        let (mut changes, mut weight) = (0, 0);
        let mut next = Ok(first);
        let is_over = loop {
            match next {
                Ok(Order::Apply(list, bytes)) => {
                    changes += list.len();
                    weight += bytes;
                    for change in list {
                        batch::change(&transaction, known, change)?;
                    }
                }
                Ok(Order::Damaged) => return Err(Fault::Damaged),
                Err(TryRecvError::Empty) => break false,
                Err(TryRecvError::Disconnected) => break true,
            }
            if changes >= BATCH_CHANGES || self.is_given_up() {
                break false;
            }
            next = self.queue.try_recv();
        };
        transaction.commit()?;
        self.keep_safe(known)?;
        self.waiting.fetch_sub(weight, Ordering::AcqRel);
        let cursor = known.cursor.clone();
        self.told.send_modify(|state| {
            state.commits += 1;
            state.cursor = cursor;
        });
        Ok(is_over)
    }

    /// Whether nothing more is wanted: it was told that it ended.
    fn is_given_up(&self) -> bool {
        self.told.borrow().ended.is_some()
    }

    /// Sees to how safe the next commit is; see the head of the file.
    fn keep_safe(&self, known: &Known) -> Result<(), Fault> {
        let level = match known.cursor {
            None => "full",
            Some(_) => "normal",
        };
        self.connection.pragma_update(None, "synchronous", level)?;
        Ok(())
    }

    /// Does one step of what has waited for a quiet moment. Returns whether there is more.
    fn tidy(&mut self, known: &mut Known) -> Result<bool, Fault> {
        if let Some(chat) = known.grown.iter().next().copied() {
            let Bounds { chat: kept, .. } = self.bounds;
            let slack = CHAT_SLACK.min(kept / 10);
            let is_over = batch::has_more_than(&self.connection, chat, kept + slack)?;
            let dropped = match is_over {
                true => batch::trim_chat(&self.connection, chat, kept, TRIM_ROWS)?,
                false => 0,
            };
            known.messages = known.messages.saturating_sub(dropped);
            known.has_residue |= dropped > 0;
            if dropped < TRIM_ROWS {
                known.grown.remove(&chat);
            }
            return Ok(true);
        }
        let is_large = known.messages > 0 && self.has_more_bytes_than(self.bounds.bytes)?;
        if known.messages > self.bounds.total || is_large {
            self.trim_total(known)?;
            return Ok(true);
        }
        if known.rows > self.bounds.chats {
            return batch::trim_chats(&self.connection, known, self.bounds.chats, TRIM_ROWS);
        }
        if known.has_residue {
            known.has_residue = !self.empty_wal()?;
        }
        // A reader that stood in the way will be gone a moment later.
        Ok(known.has_residue)
    }

    /// Whether what is in the file has more bytes than this.
    fn has_more_bytes_than(&self, bytes_max: u64) -> Result<bool, Fault> {
        let number = |name: &str| -> Result<i64, Fault> {
            let found = self
                .connection
                .pragma_query_value(None, name, |row| row.get(0));
            Ok(found?)
        };
        let pages = number("page_count")? - number("freelist_count")?;
        let bytes = pages.saturating_mul(number("page_size")?);
        Ok(u64::try_from(bytes).is_ok_and(|bytes| bytes > bytes_max))
    }

    /// Drops messages of the quietest conversations until a twentieth is free; of a file that has too many bytes a twentieth
    /// of what is there.
    fn trim_total(&mut self, known: &mut Known) -> Result<(), Fault> {
        known.messages = batch::count(&self.connection)?;
        let mut goal = self.bounds.total - self.bounds.total / 20;
        if self.has_more_bytes_than(self.bounds.bytes)? {
            goal = goal.min(known.messages.saturating_sub(known.messages / 20 + 1));
        } else if known.messages <= self.bounds.total {
            return Ok(());
        }
        let transaction = self.connection.unchecked_transaction()?;
        while known.messages > goal {
            let Some(chat) = batch::quietest(&transaction)? else {
                break;
            };
            let too_many = known.messages - goal;
            let dropped = batch::trim_chat(&transaction, chat, 0, too_many)?;
            known.messages = known.messages.saturating_sub(dropped.max(1));
        }
        transaction.commit()?;
        known.has_residue = true;
        Ok(())
    }

    /// Writes the file anew, from the rows that are there.
    fn rewrite(&self) -> Result<(), Fault> {
        self.connection.execute_batch("VACUUM")?;
        let noted = "DELETE FROM meta WHERE name = ?1";
        self.connection.execute(noted, [batch::COPIES])?;
        Ok(())
    }

    /// Carries the WAL into the file and empties it. Returns whether nothing stood in the way.
    fn empty_wal(&self) -> Result<bool, Fault> {
        let busy: i64 =
            self.connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(busy == 0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    fn work(file: &std::path::Path) -> (Work, Sender<Order>) {
        schema::make_private(file).unwrap();
        let (sender, queue) = channel();
        let (told, _) = watch::channel(State::default());
        let work = Work {
            file: file.to_owned(),
            connection: schema::open_writer(file, "ann").unwrap(),
            queue,
            waiting: Arc::default(),
            told,
            bounds: Bounds {
                chat: 100,
                total: 100,
                chats: 100,
                bytes: 1024 * 1024,
            },
        };
        (work, sender)
    }

    fn cursor(text: &str) -> Order {
        Order::Apply(vec![Change::Cursor(text.to_owned())], 0)
    }

    #[test]
    fn the_first_cursor_is_on_the_disk_itself_before_it_is_told() {
        let home = tempfile::tempdir().unwrap();
        let (mut work, _sender) = work(&home.path().join("a.cache"));
        let mut known = Known::default();
        work.keep_safe(&known).unwrap();
        let level = |work: &Work| -> i64 {
            let found = work
                .connection
                .pragma_query_value(None, "synchronous", |row| row.get(0));
            found.unwrap()
        };
        let (normal, full) = (1, 2);
        assert_eq!(level(&work), full);
        let draft = Change::Front(Some("c1".to_owned()));
        work.commit(Order::Apply(vec![draft], 0), &mut known)
            .unwrap();
        assert_eq!(level(&work), full);
        work.commit(cursor("1"), &mut known).unwrap();
        assert_eq!(level(&work), normal);
        // Another store: once more the first one.
        let reset = Order::Apply(vec![Change::Reset], 0);
        work.commit(reset, &mut known).unwrap();
        assert_eq!(level(&work), full);
    }

    #[test]
    fn one_that_is_given_up_does_nothing_more() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("a.cache");
        let (work, sender) = work(&file);
        let told = work.told.clone();
        sender.send(cursor("1")).unwrap();
        drop(sender);
        told.send_modify(|state| state.ended = Some(CacheError::Slow));
        work.run();
        assert_eq!(told.borrow().commits, 0);
        let reader = schema::open_reader(&file).unwrap();
        assert_eq!(batch::cursor(&reader).unwrap(), None);
    }
}
