//! One search: candidates from the index, the newest first, each looked up and matched as it stands in the log.
//!
//! The index is looked at first and the log after it, so what the index does not have yet is in the log: the rows after
//! its cursor. Three streams of offsets are merged: messages and changes after the cursor, messages that are stale in the
//! index, and what the parts of the index propose. None of them is trusted, so an old index finds nothing wrong.

use std::collections::{HashMap, VecDeque};

use rusqlite::{Connection, OptionalExtension};

use super::{
    super::rows::{self, Names, Reader},
    Trouble,
    index::{conversation_key, sender_key},
    texts,
};
use crate::{
    domain::{
        clock::TimeMs,
        ids::{ConversationId, Offset, Seq, UserId},
        limits::PAGE_BYTES_MAX,
        message::Message,
        page::PageSize,
        search::{Found, Hit, Search},
    },
    store::{
        SearchError,
        matcher::{self, Matcher},
    },
};

/// Rows of the log that a search goes through itself. If there are more, it waits for the index.
const TAIL_ROWS: u64 = 4_096;
/// Readable messages that one search looks at. Others do not count: nothing in an answer, least of all where it ends, may
/// depend on what the caller cannot read.
const CANDIDATES_MAX: usize = 10_000;
/// Bytes of text that one search matches.
const MATCHED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Parts of the index that one search asks: two million messages.
const PARTS_ASKED: usize = 64;
/// Somebody who is in no more conversations than this asks the index for them alone, once it proposed others.
const CONVERSATIONS_ASKED: usize = 2_000;
/// When so many candidates are of other conversations or senders, and few are not, the index is asked for them, too. That
/// is dear where the words are rare.
const OTHERS_MIN: usize = 256;
const OTHERS_TIMES: usize = 3;
/// Messages, and bytes of them, that are matched together.
const MATCHED_TOGETHER: usize = 64;
const BYTES_TOGETHER: usize = 256 * 1024;
/// Candidates that a part is asked for at once, at first and at last.
const STEP_MIN: i64 = 64;
const STEP_MAX: i64 = 4_096;

/// Why nothing was found.
pub(super) enum Miss {
    /// The index is too far behind.
    Behind,
    /// There is nothing to search.
    Refused(SearchError),
}

type Outcome<T> = Result<T, Trouble>;

/// Searches once.
pub(super) fn find(
    log: &Connection,
    index: &Connection,
    user: UserId,
    search: &Search,
    before: Option<Offset>,
    size: PageSize,
) -> Outcome<Result<Found<Hit>, Miss>> {
    let index = index.unchecked_transaction()?;
    // What is read of the log from now on is at least as new as the index is.
    let cursor = index
        .prepare_cached("SELECT cursor FROM place")?
        .query_row([], |row| rows::number(row, 0))?;
    let scope = match Scope::of(log, user, search).map_err(Trouble::Log)? {
        Ok(scope) => scope,
        Err(refused) => return Ok(Err(Miss::Refused(refused))),
    };
    let before = before.unwrap_or(Offset::new(u64::MAX >> 1));
    let tail = tail(log, &scope, Offset::new(cursor), before).map_err(Trouble::Log)?;
    let Some(tail) = tail else {
        return Ok(Err(Miss::Behind));
    };
    if scope.floors.is_empty() {
        let items = Vec::new();
        return Ok(Ok(Found { items, next: None }));
    }
    let mut candidates = Candidates {
        tail: tail.into(),
        stale: Stale::new(before),
        parts: Parts::new(&index, &scope, before)?,
        floors: &scope.floors,
        index: &index,
    };
    let mut page = Page::new(search, size)?;
    page.fill(log, &scope, &mut candidates)?;
    Ok(Ok(Found {
        items: page.hits,
        next: page.next,
    }))
}

/// What a search may find.
struct Scope<'a> {
    user: UserId,
    search: &'a Search,
    /// The conversations, and after which message each is read.
    floors: HashMap<ConversationId, Seq>,
    sender: Option<UserId>,
}

impl<'a> Scope<'a> {
    fn of(
        log: &Connection,
        user: UserId,
        search: &'a Search,
    ) -> rusqlite::Result<Result<Self, SearchError>> {
        let only = search.conversation.map(ConversationId::number);
        let floors: HashMap<ConversationId, Seq> = log
            .prepare_cached(
                "SELECT conversation_id, floor_seq FROM members WHERE user_id = ?1 \
                 AND conversation_id BETWEEN ?2 AND ?3",
            )?
            .query_map(
                [
                    user.number(),
                    only.unwrap_or(0),
                    only.unwrap_or(u64::MAX >> 1),
                ]
                .map(rows::int),
                |row| {
                    let id = ConversationId::new(rows::number(row, 0)?);
                    Ok((id, Seq::new(rows::number(row, 1)?)))
                },
            )?
            .collect::<rusqlite::Result<_>>()?;
        if let Some(id) = search.conversation
            && floors.is_empty()
        {
            return Ok(Err(SearchError::NotMember(id)));
        }
        let sender = match &search.sender {
            None => None,
            Some(name) => match rows::user_id(log, name)? {
                None => return Ok(Err(SearchError::UserNotFound(name.clone()))),
                found => found,
            },
        };
        Ok(Ok(Self {
            user,
            search,
            floors,
            sender,
        }))
    }

    /// What the parts of the index are asked for beside the words.
    fn keys(&self) -> Option<String> {
        let mut keys = Vec::new();
        if self.floors.len() <= CONVERSATIONS_ASKED {
            let conversations = self.floors.keys().map(|id| conversation_key(*id));
            keys.push(format!(
                "keys : ({})",
                conversations.collect::<Vec<_>>().join(" OR ")
            ));
        }
        if let Some(sender) = self.sender {
            keys.push(format!("keys : {}", sender_key(sender)));
        }
        (!keys.is_empty()).then(|| keys.join(" AND "))
    }

    /// The message at an offset, if it is one that may be found.
    fn message(
        &self,
        log: &Connection,
        names: &mut Names,
        offset: Offset,
    ) -> rusqlite::Result<Looked> {
        let offset = rows::int(offset.number());
        let fitness = log
            .prepare_cached(
                "SELECT conversation_id, seq, subject_id, sent_ms FROM log WHERE offset = ?1 AND kind = ?2",
            )?
            .query_row([offset, rows::KIND_MESSAGE], |row| {
                let floor = self.floors.get(&ConversationId::new(rows::number(row, 0)?));
                let seq = Seq::new(rows::number(row, 1)?);
                let sender = UserId::new(rows::number(row, 2)?);
                let sent: i64 = row.get(3)?;
                let Search { after, before, .. } = self.search;
                let readable = floor.is_some_and(|floor| seq > *floor);
                let of_sender = self.sender.is_none_or(|wanted| wanted == sender);
                let in_time = after.is_none_or(|after| after.milliseconds() <= sent)
                    && before.is_none_or(|before| sent < before.milliseconds());
                Ok((readable, of_sender, in_time))
            })
            .optional()?;
        match fitness {
            Some((true, true, true)) => {}
            Some((true, true, false)) => return Ok(Looked::Unfit),
            Some((true, false, _)) => return Ok(Looked::OtherSender),
            Some((false, ..)) | None => return Ok(Looked::Unreadable),
        }
        let message = log
            .prepare_cached(&rows::select_messages("WHERE offset = ?1"))?
            .query_row([offset], |row| {
                rows::message(log, names, Reader::member(self.user), row)
            })?;
        Ok(match message.text {
            Some(_) => Looked::Fit(message),
            None => Looked::Unfit,
        })
    }
}

/// What a candidate is.
enum Looked {
    Fit(Message),
    /// The caller may read it, but it is not what is looked for.
    Unfit,
    /// The same, for it is of another sender.
    OtherSender,
    /// The caller may not read it.
    Unreadable,
}

/// The messages of the scope that stand after the cursor, and those that were changed there, the newest first. `None`:
/// there are too many rows.
fn tail(
    log: &Connection,
    scope: &Scope<'_>,
    cursor: Offset,
    before: Offset,
) -> rusqlite::Result<Option<Vec<Offset>>> {
    let mut statement = log.prepare_cached(
        "SELECT offset, kind, conversation_id FROM log WHERE offset > ?1 ORDER BY offset LIMIT ?2",
    )?;
    let mut found = statement.query([cursor.number(), TAIL_ROWS + 1].map(rows::int))?;
    let (mut tail, mut count) = (Vec::new(), 0);
    while let Some(row) = found.next()? {
        count += 1;
        if count > TAIL_ROWS {
            return Ok(None);
        }
        let id = ConversationId::new(rows::number(row, 2)?);
        if !scope.floors.contains_key(&id) {
            continue;
        }
        let offset = Offset::new(rows::number(row, 0)?);
        let message = match row.get(1)? {
            rows::KIND_MESSAGE => offset,
            rows::KIND_EDITED => texts::changed(log, id, offset)?,
            _ => continue,
        };
        if message < before {
            tail.push(message);
        }
    }
    tail.sort_unstable_by(|one, other| other.cmp(one));
    tail.dedup();
    Ok(Some(tail))
}

/// Offsets of messages that may match, the newest first, none twice.
struct Candidates<'a> {
    index: &'a Connection,
    floors: &'a HashMap<ConversationId, Seq>,
    tail: VecDeque<Offset>,
    stale: Stale,
    parts: Parts,
}

impl Candidates<'_> {
    fn next(&mut self) -> rusqlite::Result<Option<Offset>> {
        let fronts = [
            self.tail.front().copied(),
            self.stale.front(self.index, self.floors)?,
            self.parts.front(self.index)?,
        ];
        let newest = fronts.into_iter().flatten().max();
        // What lies before the last part that is asked is for the next page.
        let newest = newest.filter(|newest| self.parts.end.is_none_or(|end| *newest >= end));
        for (queue, front) in [&mut self.tail, &mut self.stale.ahead, &mut self.parts.ahead]
            .into_iter()
            .zip(fronts)
        {
            if newest.is_some() && front == newest {
                queue.pop_front();
            }
        }
        Ok(newest)
    }
}

/// The stale messages of the caller's conversations that are not deleted.
struct Stale {
    ahead: VecDeque<Offset>,
    /// The rest lies before this; `None`: there is none.
    rest: Option<Offset>,
}

impl Stale {
    const fn new(before: Offset) -> Self {
        Self {
            ahead: VecDeque::new(),
            rest: Some(before),
        }
    }

    fn front(
        &mut self,
        index: &Connection,
        floors: &HashMap<ConversationId, Seq>,
    ) -> rusqlite::Result<Option<Offset>> {
        while let (true, Some(before)) = (self.ahead.is_empty(), self.rest) {
            let mut statement = index.prepare_cached(
                "SELECT offset, conversation_id FROM stale WHERE deleted = 0 AND offset < ?1 \
                 ORDER BY offset DESC LIMIT 500",
            )?;
            let mut found = statement.query([rows::int(before.number())])?;
            self.rest = None;
            while let Some(row) = found.next()? {
                let offset = offset(row)?;
                self.rest = Some(offset);
                if floors.contains_key(&ConversationId::new(rows::number(row, 1)?)) {
                    self.ahead.push_back(offset);
                }
            }
        }
        Ok(self.ahead.front().copied())
    }
}

/// What the parts of the index propose.
struct Parts {
    /// The words alone.
    words: String,
    /// And what else the index may be asked for.
    keys: Option<String>,
    /// Candidates that had other keys, and that had not.
    others: usize,
    own: usize,
    /// And those that the caller may not read.
    unreadable: usize,
    /// Those that were not looked at to their beginnings, with these, the newest last.
    numbers: Vec<(u64, Offset)>,
    /// How many were.
    asked: usize,
    /// Nothing before this is proposed; `None`: all of it will be.
    end: Option<Offset>,
    ahead: VecDeque<Offset>,
    before: Offset,
    /// How many are asked for next: few, since a page may need no more, then more and more.
    step: i64,
}

impl Parts {
    fn new(index: &Connection, scope: &Scope<'_>, before: Offset) -> rusqlite::Result<Self> {
        let (from, to) = (scope.search.after, scope.search.before);
        let numbers = index
            .prepare_cached(
                "SELECT number, first_offset FROM parts WHERE documents > 0 AND first_offset < ?1 \
                 AND latest_ms >= ?2 AND earliest_ms < ?3 ORDER BY number",
            )?
            .query_map(
                [
                    rows::int(before.number()),
                    from.map_or(i64::MIN, TimeMs::milliseconds),
                    to.map_or(i64::MAX, TimeMs::milliseconds),
                ],
                |row| Ok((rows::number(row, 0)?, Offset::new(rows::number(row, 1)?))),
            )?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self {
            words: format!("text : ({})", matcher::expression(&scope.search.query)),
            keys: scope.keys(),
            others: 0,
            own: 0,
            unreadable: 0,
            numbers,
            asked: 0,
            end: None,
            ahead: VecDeque::new(),
            before,
            step: STEP_MIN,
        })
    }

    /// Learns from what a candidate was.
    fn looked(&mut self, looked: &Looked) {
        match looked {
            Looked::Unreadable => self.unreadable += 1,
            Looked::OtherSender => self.others += 1,
            Looked::Fit(_) | Looked::Unfit => self.own += 1,
        }
        if (self.unreadable >= OTHERS_MIN
            || self.others >= OTHERS_MIN && self.others > self.own * OTHERS_TIMES)
            && let Some(keys) = self.keys.take()
        {
            self.words += &format!(" AND {keys}");
        }
    }

    fn front(&mut self, index: &Connection) -> rusqlite::Result<Option<Offset>> {
        while self.ahead.is_empty()
            && self.asked < PARTS_ASKED
            && let Some((number, first)) = self.numbers.last()
        {
            let step = self.step;
            self.ahead = index
                .prepare(&format!(
                    "SELECT rowid FROM part_{number} WHERE part_{number} MATCH ?1 AND rowid < ?2 \
                     ORDER BY rowid DESC LIMIT ?3"
                ))?
                .query_map((&self.words, rows::int(self.before.number()), step), offset)?
                .collect::<rusqlite::Result<_>>()?;
            if (self.ahead.len() as u64) < step.unsigned_abs() {
                self.asked += 1;
                self.end = Some(*first).filter(|_| self.asked == PARTS_ASKED);
                self.numbers.pop();
            } else {
                self.step = STEP_MAX.min(step * 4);
            }
            self.before = self.ahead.back().copied().unwrap_or(self.before);
        }
        Ok(self.ahead.front().copied())
    }
}

fn offset(row: &rusqlite::Row<'_>) -> rusqlite::Result<Offset> {
    rows::number(row, 0).map(Offset::new)
}

/// The page that is being filled.
struct Page {
    matcher: Matcher,
    size: usize,
    hits: Vec<Hit>,
    bytes: usize,
    /// Where the last hit stands.
    last: Option<Offset>,
    next: Option<Offset>,
}

impl Page {
    fn new(search: &Search, size: PageSize) -> Outcome<Self> {
        Ok(Self {
            matcher: Matcher::new(&search.query).map_err(Trouble::Log)?,
            size: size.items(),
            hits: Vec::new(),
            bytes: 0,
            last: None,
            next: None,
        })
    }

    fn fill(
        &mut self,
        log: &Connection,
        scope: &Scope<'_>,
        candidates: &mut Candidates<'_>,
    ) -> Outcome<()> {
        let mut names = Names::default();
        // Of messages that the caller may read.
        let (mut looked_at, mut matched, mut last) = (0, 0, None);
        loop {
            let (mut together, mut bytes) = (Vec::new(), 0);
            let mut at_end = false;
            while together.len() < MATCHED_TOGETHER && bytes < BYTES_TOGETHER {
                let Some(offset) = candidates.next()? else {
                    at_end = true;
                    break;
                };
                let looked = scope
                    .message(log, &mut names, offset)
                    .map_err(Trouble::Log)?;
                candidates.parts.looked(&looked);
                if matches!(looked, Looked::Unreadable) {
                    continue;
                }
                (looked_at, last) = (looked_at + 1, Some(offset));
                if let Looked::Fit(message) = looked {
                    bytes += message.weight();
                    together.push((offset, message));
                }
                if looked_at >= CANDIDATES_MAX {
                    break;
                }
            }
            matched += bytes;
            if !self.add(together).map_err(Trouble::Log)? {
                return Ok(());
            }
            if at_end {
                // Where a part begins says nothing of what stands in it.
                self.next = candidates.parts.end;
                return Ok(());
            }
            if looked_at >= CANDIDATES_MAX || matched >= MATCHED_BYTES_MAX {
                self.next = last;
                return Ok(());
            }
        }
    }

    /// Adds those that match, and says whether there is room for more. A full page always has a next one, since whether
    /// others come after it may be nothing that the caller may know.
    fn add(&mut self, together: Vec<(Offset, Message)>) -> rusqlite::Result<bool> {
        let texts: Vec<(u64, &str)> = together
            .iter()
            .filter_map(|(offset, message)| {
                Some((offset.number(), message.text.as_ref()?.as_str()))
            })
            .collect();
        let mut matching = self.matcher.matches(&texts)?.into_iter().peekable();
        for (offset, message) in together {
            let Some((_, snippet)) = matching.next_if(|(id, _)| *id == offset.number()) else {
                continue;
            };
            self.bytes += message.weight();
            if self.bytes > PAGE_BYTES_MAX && !self.hits.is_empty() {
                self.next = self.last;
                return Ok(false);
            }
            self.hits.push(Hit { message, snippet });
            self.last = Some(offset);
            if self.hits.len() == self.size {
                self.next = self.last;
                return Ok(false);
            }
        }
        Ok(true)
    }
}
