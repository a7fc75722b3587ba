//! Files of messages that are opened outside: fetched into a folder of this user alone, looked at, and given to the program
//! that the desktop has for such files.
//!
//! Promises that no other file than that of the message is fetched, that nothing is written over, that no file can be run as it lies there, that what begins as a program does is
//! not opened whatever it is called, and that what was opened is gone from there after a day: at the next start, or with the next
//! one that is opened.

use std::{
    fs::{self, DirBuilder, Permissions},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rustix::process::geteuid;
use tokio::task::spawn_blocking;

use super::{
    asks::{Answer, Asked},
    open::{open, opener_here},
    run::Ui,
};
use crate::{
    client::{
        app::{
            file::File,
            opened_file::{LOOKED_AT_BYTES, is_program, may_be_opened},
        },
        net::session::{Patience, Session},
        transfer::{
            Pace,
            download::{To, Wanted, download_this},
            steering::steering,
        },
        ui::{model::notices::Level, news::News},
    },
    domain::ids::ClientMessageId,
};

/// How long a file waits for a server that cannot be reached.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long what was opened is kept: a program may read it late.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Characters of a name that are shown.
const NAME_CHARS: usize = 60;

impl Ui {
    /// Fetches a file of the message with this number and opens it, beside everything else; says what became of it.
    pub(super) fn open_file(&mut self, file: File, seq: u64) {
        let name = file.shown_name(NAME_CHARS);
        let Some(program) = opener_here() else {
            self.say(
                Level::Warning,
                format!("not opened: there is no screen to open it on; /save {seq} fetches it"),
            );
            return;
        };
        self.say(Level::Info, format!("Fetching {name} to open it"));
        let (session, folder) = (self.asker.session().clone(), self.opened.clone());
        let era = self.era;
        self.asks.spawn(async move {
            let opened = fetch_and_open(&session, &file, folder, program).await;
            let said = opened.err().map(|why| News::Said {
                level: Level::Warning,
                text: format!("not opened: {name}: {why}; /save {seq} fetches it"),
            });
            Asked {
                era,
                deed: None,
                answer: said.map_or_else(Answer::default, Answer::from),
            }
        });
    }
}

/// Returns once the program has ended; or why there is none.
async fn fetch_and_open(
    session: &Session,
    file: &File,
    folder: PathBuf,
    program: &'static str,
) -> Result<(), String> {
    let made = spawn_blocking(move || new_folder(&folder)).await;
    let made = made.unwrap_or_else(|defect| Err(io::Error::other(defect)));
    let own = made.map_err(|error| format!("there is no place for it: {error}"))?;
    let (_handle, mut steering) = steering();
    // The one that was asked about, of the size that was said then.
    let wanted = Wanted {
        id: &file.id,
        size_bytes: file.size_bytes,
        blake3: file.hash.as_ref().map_or(&[], |hash| &hash.0),
    };
    let pace = Pace::patient(Patience::For(PATIENCE));
    let fetched = download_this(session, wanted, To::Folder(own), pace, &mut steering).await;
    let fetched = fetched.map_err(|error| error.to_string())?;
    let path = fetched.path.ok_or("it went nowhere")?;
    let opened = spawn_blocking(move || open_one(&path, program)).await;
    opened.unwrap_or_else(|defect| Err(defect.to_string()))
}

/// Makes a folder for one file within that of this user alone, and removes those that are old.
fn new_folder(within: &Path) -> io::Result<PathBuf> {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    match builder.create(within) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if !is_own(within)? {
        return Err(io::Error::other(
            "its folder is not that of this user alone",
        ));
    }
    remove_older(within, SystemTime::now());
    let own = within.join(ClientMessageId::mint().to_string());
    builder.create(&own)?;
    Ok(own)
}

/// Whether it is a folder of this user alone, and no link.
fn is_own(folder: &Path) -> io::Result<bool> {
    let found = fs::symlink_metadata(folder)?;
    let is_own = found.is_dir() && found.uid() == geteuid().as_raw();
    Ok(is_own && found.permissions().mode() & 0o077 == 0)
}

/// Removes what was opened more than a day ago.
pub(super) fn remove_old(within: &Path) {
    if is_own(within).is_ok_and(|it| it) {
        remove_older(within, SystemTime::now());
    }
}

fn remove_older(within: &Path, now: SystemTime) {
    let Ok(entries) = fs::read_dir(within) else {
        return;
    };
    for entry in entries.flatten() {
        let changed = entry.metadata().and_then(|found| found.modified());
        let age = changed
            .ok()
            .and_then(|changed| now.duration_since(changed).ok());
        if age.is_some_and(|age| age > KEPT) {
            // It does not follow links. What cannot be removed is tried again with the next one.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Looks at a file that came, and opens it.
fn open_one(path: &Path, program: &str) -> Result<(), String> {
    let cannot = |error: io::Error| error.to_string();
    let name = path.file_name().and_then(|name| name.to_str());
    let is_known = name.is_some_and(may_be_opened);
    let mut start = Vec::new();
    let limit = u64::try_from(LOOKED_AT_BYTES).unwrap_or(u64::MAX);
    let file = fs::File::open(path).map_err(cannot)?;
    file.take(limit).read_to_end(&mut start).map_err(cannot)?;
    if !is_known || is_program(&start) {
        let _ = fs::remove_file(path);
        return Err("it is something that is run".to_owned());
    }
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(cannot)?;
    let mut child = open(program, path).map_err(|error| format!("{program}: {error}"))?;
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("{program} could not open it")),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

#[cfg(test)]
#[path = "open_file_tests.rs"]
mod tests;
