//! Files on their way, for both modes: what is sent and what is saved, how far each is, and what is said of it.
//!
//! Pure: `client::carrier` moves the bytes and tells how far it is. Bounded. What is typed and what comes is made safe before
//! it is shown.

use std::collections::BTreeMap;

use crate::domain::{clock::TimeMs, ids::ClientMessageId};

use super::{
    acts::nowhere,
    file::human_size,
    line::{counted, ended},
    room::Place,
    untrusted::Untrusted,
};

pub use super::wish::{Files, Job, Steer, Wish};

/// Transfers under way: each holds less than 1 MiB, and for two seconds a picture.
const AT_ONCE_MAX: usize = 8;
/// Characters of a name that are shown, where there is room and where there is little.
const NAME_CHARS: usize = 40;
const SHORT_NAME_CHARS: usize = 16;
/// The shortest time between two lines that say no more than how far it is, in milliseconds.
const SAID_EVERY_MS: u64 = 5_000;
/// How long it must wait for the server, or move again, before that is said, in milliseconds: what a busy server refuses for
/// a moment, again and again, is no news.
const LASTS_MS: u64 = 2_000;
/// Transfers that are named of those that the end of the program cuts.
const NAMED_MAX: usize = 3;
/// What is said where there is nothing.
const NOTHING: &str = "No file is on its way.";
/// Where what is said at the beginning goes on with the commands that steer it.
pub(super) const STEERED: &str = "; /transfers";
/// What is said where this user may not write, in the words in which a text that is refused there is told.
const READ_ONLY: &str = "Not sent: you may only read here; to change that, ask an owner or admin, as /members lists them.";
/// What is said of one to a group that another store has not.
const STRANGE: &str =
    "the server has another store than when this was begun; open the group, and send it again";
/// What is said of one that was told to end.
const CANCELLED: &str = "being cancelled";
/// What is said of what the end of the program cuts, and of what could not be noted of that.
pub const AGAIN: &str = "what is there is kept, and the same command goes on with it";
const ANEW: &str =
    "not all that is there could be noted on this machine: the same command sends that anew";
/// Parts of the whole of which each is said.
const PARTS: u64 = 4;

/// What follows from a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follows {
    /// A job begins under this number, and this is said.
    Begin(u32, Job, String),
    /// A job is steered.
    Steer(u32, Steer),
    /// This is said, line by line.
    Say(Vec<String>),
}

/// What a job does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// A file is read and looked at.
    #[default]
    Reading,
    /// Bytes move.
    Moving,
    /// The server is away or busy.
    Waiting,
    /// It was told to wait.
    Paused,
    /// The whole is checked.
    Finishing,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Far {
    /// What it does.
    pub stage: Stage,
    /// With which of its files, from 1.
    pub file: usize,
    /// Bytes of that file.
    pub bytes: u64,
    /// Of so many.
    pub of: u64,
    /// Bytes a second, of late.
    pub rate: u64,
    /// Some of it is noted nowhere, so that the same command sends that anew.
    pub is_unnoted: bool,
}

impl Far {
    /// Parts of a hundred, of the file that it is at.
    fn percent(&self) -> u64 {
        match self.of {
            0 => 0,
            of => {
                let part = u128::from(self.bytes) * 100 / u128::from(of);
                u64::try_from(part).unwrap_or(100).min(100)
            }
        }
    }

    /// In words; where they stand alone, with the number of the job that goes on by a command.
    fn words(&self, number: Option<u32>) -> String {
        match self.stage {
            Stage::Reading => "reading".to_owned(),
            Stage::Waiting => format!("{}% there, waiting for the server", self.percent()),
            Stage::Paused => {
                let mend = number.map(|number| format!(", /resume {number} goes on"));
                format!("paused at {}%{}", self.percent(), mend.unwrap_or_default())
            }
            Stage::Finishing => "finishing".to_owned(),
            Stage::Moving => {
                let rate = match self.rate {
                    0 => String::new(),
                    rate => format!(", {}/s", human_size(rate)),
                };
                format!("{}% of {}{rate}", self.percent(), human_size(self.of))
            }
        }
    }
}

/// What a job brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is so far.
    On(Far),
    /// All files are there, and can be sent.
    Uploaded(Uploaded),
    /// All files are here: their paths.
    Saved(Vec<Untrusted>),
    /// It ended; why, and the mend.
    Failed(Untrusted),
}

/// Files that can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// The name of the message that will hold them.
    pub id: ClientMessageId,
    /// Their ids.
    pub files: Vec<String>,
}

/// Files on their way to a conversation, as they are shown there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The number of the job.
    pub number: u32,
    /// The name of the file, made safe, or how many there are.
    pub label: String,
    /// Parts of a hundred of all its files.
    pub percent: u64,
    /// How far it is.
    pub words: String,
    /// Whether it waits until it is told to go on.
    pub is_paused: bool,
}

/// What follows from what a job brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nothing but what is shown anyway.
    Nothing,
    /// This is said; whether it is bad.
    Said(String, bool),
    /// These files are sent there, maybe as an answer to the message with this number.
    Send(Place, Uploaded, Option<u64>),
}

/// What a job is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum About {
    Send(Place),
    Save(u64),
}

/// What becomes of what the end of the program cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The next program goes on with all that is there.
    Noted,
    /// The same, but for some of it.
    Unnoted,
    /// It ends with the login.
    OfLogin,
}

impl End {
    /// Of what is noted, or not.
    pub fn noted(is_noted: bool) -> Self {
        match is_noted {
            true => Self::Noted,
            false => Self::Unnoted,
        }
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    about: About,
    /// The name of its file, made safe, or how many there are.
    label: String,
    files: usize,
    /// The number of the message that it answers.
    reply_to: Option<u64>,
    far: Far,
    /// What was said of it last, and when.
    said: Far,
    said_at: Option<TimeMs>,
    /// Since when it does what it does, where that is looked at.
    since: Option<(Stage, TimeMs)>,
    /// Whatever it still brings is not sent.
    is_cancelled: bool,
    /// Where it was to go is not there any more.
    is_strange: bool,
}

/// All jobs under way, by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    rows: BTreeMap<u32, Row>,
    last: u32,
}

impl Transfers {
    /// Says why not if files are not to be read and sent where this user may only read.
    pub fn check(wish: &Wish, is_read_only: bool) -> Result<(), String> {
        match wish {
            Wish::Send(_) if is_read_only => Err(READ_ONLY.to_owned()),
            _ => Ok(()),
        }
    }

    /// Takes in what is wished; `place` and `id` are of the conversation in front. What says why not if it cannot be.
    pub fn wish(
        &mut self,
        wish: Wish,
        place: Option<Place>,
        id: Option<String>,
    ) -> Result<Follows, String> {
        match wish {
            Wish::Send(files) => {
                let place = place.ok_or_else(nowhere)?;
                let label = match files.paths.as_slice() {
                    [only] => last_part(only).render_start(NAME_CHARS),
                    several => counted(several.len(), "file", "files"),
                };
                let count = files.paths.len();
                let number = self.begin(About::Send(place), label.clone(), count)?;
                let said = format!(
                    "[{number}] Sending {label}{STEERED} tells how far it is, /pause {number} and /cancel {number} stop it."
                );
                Ok(Follows::Begin(number, Job::Send(files), said))
            }
            Wish::Save(seq, folder) => {
                place.ok_or_else(nowhere)?;
                let conversation =
                    id.ok_or_else(|| format!("There is no message [{seq}] here yet."))?;
                let label = format!("message [{seq}]");
                let number = self.begin(About::Save(seq), label, 0)?;
                let said = format!("[{number}] Saving the files of message [{seq}].");
                let job = Job::Save {
                    conversation,
                    seq,
                    folder,
                };
                Ok(Follows::Begin(number, job, said))
            }
            Wish::List if self.rows.is_empty() => Ok(Follows::Say(vec![NOTHING.to_owned()])),
            Wish::List => {
                let lines = self.rows.iter();
                Ok(Follows::Say(
                    lines.map(|(number, row)| row.line(*number)).collect(),
                ))
            }
            // Nothing is left that could be meant later.
            Wish::Steer(..) if self.rows.is_empty() => Ok(Follows::Say(vec![NOTHING.to_owned()])),
            Wish::Steer(number, steer) => {
                let number = self.meant(number)?;
                if let Some(row) = self.rows.get_mut(&number) {
                    row.is_cancelled |= steer == Steer::Cancel;
                }
                Ok(Follows::Steer(number, steer))
            }
        }
    }

    fn begin(&mut self, about: About, label: String, files: usize) -> Result<u32, String> {
        if self.rows.len() >= AT_ONCE_MAX {
            return Err(format!(
                "Not begun: {AT_ONCE_MAX} transfers are under way; wait for one, or /cancel one. /transfers lists them."
            ));
        }
        // Counted on: in what stands on the screen each number is one transfer.
        self.last = self.last.saturating_add(1);
        let row = Row {
            about,
            label,
            files,
            reply_to: None,
            far: Far::default(),
            said: Far::default(),
            said_at: None,
            since: None,
            is_cancelled: false,
            is_strange: false,
        };
        self.rows.insert(self.last, row);
        Ok(self.last)
    }

    fn meant(&self, number: Option<u32>) -> Result<u32, String> {
        match (number, self.rows.len()) {
            (Some(number), _) if self.rows.contains_key(&number) => Ok(number),
            (Some(number), _) => Err(format!(
                "There is no transfer {number}; /transfers lists them."
            )),
            (None, 1) => Ok(self.rows.keys().copied().next().unwrap_or_default()),
            (None, count) => Err(format!(
                "{count} transfers are under way: say which; /transfers lists them with their numbers."
            )),
        }
    }

    /// What is sent by a job answers a message.
    pub fn answers(&mut self, number: u32, seq: u64) {
        if let Some(row) = self.rows.get_mut(&number) {
            row.reply_to = Some(seq);
        }
    }

    /// Takes in what a job brought.
    pub fn take(&mut self, number: u32, moved: Moved) -> Taken {
        if let Moved::On(far) = moved {
            if let Some(row) = self.rows.get_mut(&number) {
                row.far = far;
            }
            return Taken::Nothing;
        }
        let Some(row) = self.rows.remove(&number) else {
            return Taken::Nothing;
        };
        match (moved, row.about) {
            (Moved::Uploaded(_), About::Send(_)) if row.is_cancelled => {
                Taken::Said(format!("[{number}] Not sent: it was cancelled."), false)
            }
            (Moved::Uploaded(_), About::Send(_)) if row.is_strange => {
                Taken::Said(format!("[{number}] Not sent: {STRANGE}."), true)
            }
            (Moved::Uploaded(uploaded), About::Send(place)) => {
                Taken::Send(place, uploaded, row.reply_to)
            }
            (Moved::Saved(paths), _) => {
                let paths: Vec<String> = paths.iter().map(Untrusted::render_line).collect();
                Taken::Said(format!("[{number}] Saved: {}", paths.join(", ")), false)
            }
            (Moved::Failed(why), about) => {
                let what = match about {
                    About::Send(_) => "Not sent",
                    About::Save(_) => "Not saved",
                };
                let said = format!("[{number}] {what}: {}", why.render_line());
                // What somebody wanted is no fault.
                Taken::Said(ended(&said), !row.is_cancelled)
            }
            (Moved::On(_) | Moved::Uploaded(_), _) => Taken::Nothing,
        }
    }

    /// Whether more of a job is there than when it was told last.
    pub fn gets_on(&self, number: u32, far: &Far) -> bool {
        let row = self.rows.get(&number);
        row.is_some_and(|row| far.file == row.far.file && far.bytes > row.far.bytes)
    }

    /// A place has another name by now.
    pub fn renamed(&mut self, old: &Place, new: &Place) {
        for row in self.rows.values_mut() {
            match &mut row.about {
                About::Send(place) if place == old => *place = new.clone(),
                _ => {}
            }
        }
    }

    /// The server has another store: a group of before is none any more, or another one of the same id.
    pub fn reset(&mut self) {
        for row in self.rows.values_mut() {
            row.is_strange |= matches!(row.about, About::Send(Place::Group(_)));
            // It answered a message of that one.
            row.reply_to = None;
        }
    }

    /// What is said of a job where lines stand one below the other: that it waits, goes on, and now and then how far it is.
    pub fn milestone(&mut self, number: u32, now: TimeMs) -> Option<String> {
        let row = self.rows.get_mut(&number)?;
        row.is_news(now).then(|| row.line(number))
    }

    /// The same of all, for what becomes news by lasting: to be asked for every second or so.
    pub fn milestones(&mut self, now: TimeMs) -> Vec<String> {
        let rows = self.rows.iter_mut();
        let news = rows.filter_map(|(number, row)| row.is_news(now).then(|| row.line(*number)));
        news.collect()
    }

    /// What is told of those that the end of the program cuts: whether all that is there is noted, as it stands now, or
    /// that they end with the login; `None`: there are none.
    pub fn left(&self, end: End) -> Option<String> {
        let count = counted(self.count(), "transfer was", "transfers were");
        let then = match end {
            End::Noted => AGAIN,
            End::Unnoted => ANEW,
            End::OfLogin => "it ended with the login, so begin anew with the next one",
        };
        Some(format!("{count} under way ({}); {then}", self.named()?))
    }

    /// Whether all that is there is noted, as far as that is known.
    pub fn are_noted(&self) -> bool {
        let mut rows = self.rows.values();
        rows.all(|row| row.is_cancelled || !row.far.is_unnoted)
    }

    /// What is told of those for which the end of the program waits; `None`: there are none.
    pub fn waited_for(&self) -> Option<String> {
        let count = counted(self.count(), "transfer is", "transfers are");
        Some(format!(
            "{count} under way ({}); what is not paused is waited for, as long as the server is there and ten seconds longer. \
             Ctrl-C ends that, and the end says what is kept.",
            self.named()?
        ))
    }

    fn named(&self) -> Option<String> {
        let rows = self.rows.values().filter(|row| !row.is_cancelled);
        let mut named: Vec<String> = rows.take(NAMED_MAX).map(Row::what).collect();
        let more = self.count().saturating_sub(NAMED_MAX);
        if more > 0 {
            named.push(format!("and {more} more"));
        }
        (!named.is_empty()).then(|| named.join(", "))
    }

    /// How many are under way, but for those that were told to end.
    pub fn count(&self) -> usize {
        let rows = self.rows.values();
        rows.filter(|row| !row.is_cancelled).count()
    }

    /// All of it in a few words; `None`: nothing is on its way.
    pub fn short(&self) -> Option<String> {
        let (_, first) = self.rows.first_key_value()?;
        let label: String = Untrusted::from(first.label.as_str()).render_start(SHORT_NAME_CHARS);
        Some(match (&first.about, self.rows.len()) {
            (About::Send(_), 1) => format!("sending {label}{}", first.far_in_short()),
            (About::Save(_), 1) => format!("saving files{}", first.far_in_short()),
            (_, count) => format!("{count} transfers{}", self.all_in_short()),
        })
    }

    /// How far all of it is: each counts the same.
    fn all_in_short(&self) -> String {
        let sum: u64 = self.rows.values().map(Row::percent).sum();
        let percent = sum / u64::try_from(self.rows.len()).unwrap_or(1).max(1);
        let all = |stage| self.rows.values().all(|row| row.far.stage == stage);
        let waits = match () {
            () if all(Stage::Reading) => return String::new(),
            () if all(Stage::Paused) => ", paused",
            () if all(Stage::Waiting) => ", waiting",
            () => "",
        };
        format!(" {percent}%{waits}")
    }

    /// What is on its way to a conversation, in the order in which it was begun.
    pub fn sending(&self, to: &Place) -> Vec<Sending> {
        let is_to = |row: &Row| matches!(&row.about, About::Send(place) if place == to);
        let rows = self.rows.iter().filter(|(_, row)| is_to(row));
        rows.map(|(number, row)| Sending {
            number: *number,
            label: row.label.clone(),
            percent: row.percent(),
            words: match row.is_cancelled {
                true => CANCELLED.to_owned(),
                false => format!("{}{}", row.which(), row.far.words(None)),
            },
            is_paused: row.far.stage == Stage::Paused,
        })
        .collect()
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Row {
    /// Whether what it does is to be said now; then it is said.
    fn is_news(&mut self, now: TimeMs) -> bool {
        let (far, said) = (self.far, self.said);
        let since = match self.since {
            Some((stage, since)) if stage == far.stage => since,
            _ => now,
        };
        self.since = Some((far.stage, since));
        let has_lasted = now.since_ms(since) >= LASTS_MS;
        let began = *self.said_at.get_or_insert(now);
        let part = |far: &Far| (far.file, far.percent() * PARTS / 100);
        let is_news = match (said.stage, far.stage) {
            // A person wanted it, and waits for the word.
            (before, Stage::Paused) => before != Stage::Paused,
            (Stage::Paused, Stage::Moving) => true,
            (before, Stage::Waiting) => before != Stage::Waiting && has_lasted,
            (Stage::Waiting, Stage::Moving) => has_lasted,
            (_, Stage::Moving) => now.since_ms(began) >= SAID_EVERY_MS && part(&far) != part(&said),
            (_, Stage::Reading | Stage::Finishing) => false,
        };
        if is_news {
            (self.said, self.said_at) = (far, Some(now));
        }
        is_news
    }

    fn what(&self) -> String {
        let what = match self.about {
            About::Send(_) => "sending",
            About::Save(_) => "saving the files of",
        };
        format!("{what} {}", self.label)
    }

    fn line(&self, number: u32) -> String {
        let what = self.what();
        if self.is_cancelled {
            return format!("[{number}] {what}: {CANCELLED}");
        }
        let (which, far) = (self.which(), self.far.words(Some(number)));
        format!("[{number}] {what}: {which}{far}")
    }

    /// Which of several files it is at.
    fn which(&self) -> String {
        match (self.files, self.far.file) {
            (0 | 1, _) | (_, 0) => String::new(),
            (files, file) => format!("file {file} of {files}, "),
        }
    }

    /// Parts of a hundred of all its files, each of which counts the same.
    fn percent(&self) -> u64 {
        let now = match self.far.stage {
            // Nothing of it has moved.
            Stage::Reading => 0,
            Stage::Finishing => 100,
            _ => self.far.percent(),
        };
        // Of what is saved nobody has said how many there are.
        let files = self.files.max(1);
        let count = |files: usize| u64::try_from(files).unwrap_or(u64::MAX);
        let before = self.far.file.saturating_sub(1).min(files - 1);
        count(before).saturating_mul(100).saturating_add(now) / count(files)
    }

    fn far_in_short(&self) -> String {
        match self.far.stage {
            Stage::Reading if self.far.file < 2 => String::new(),
            Stage::Reading | Stage::Moving | Stage::Finishing => format!(" {}%", self.percent()),
            Stage::Waiting => format!(" {}%, waiting", self.percent()),
            Stage::Paused => format!(" {}%, paused", self.percent()),
        }
    }
}

/// Why files that are there are not sent after all, where no further message is taken.
pub fn no_room(why: &impl std::fmt::Display) -> Untrusted {
    format!("{why}; the files are there, and the same command goes on with them").into()
}

/// What a path ends with.
fn last_part(path: &str) -> Untrusted {
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path).into()
}

#[cfg(test)]
#[path = "transfers_tests.rs"]
mod tests;
