//! The one-shot commands that move files.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read as _, Write},
    path::{Path, PathBuf},
};

use serde_json::json;
use tokio::task::spawn_blocking;

use crate::{
    domain::{
        file::{FileName, MediaType},
        ids::ClientMessageId,
        text::{MessageText, MessageTextError},
    },
    pb,
};

use super::{
    app::{line::further, untrusted::Untrusted},
    attach::{Metadata, looked_at},
    cli::SendOptions,
    cli_files::{DownloadOptions, UploadOptions},
    exit::Failure,
    json::{self, Format},
    login::LoggedIn,
    net::{
        connect::ServerAddress,
        outbox::{Outgoing, Target},
        session::Patience,
        tls::Assurance,
    },
    output::Output,
    picture::Decoder,
    progress_line::ProgressLine,
    signal::Interrupts,
    transfer::{
        Pace,
        download::{To, download as fetch},
        error::TransferError,
        records::{Record, Records},
        source::Source,
        standing::{Unsent, before_last, stranger, with_files},
        steering::{Handle, steering},
        upload::upload as bring,
    },
};

/// The exit code of what a signal ended.
const INTERRUPTED: u8 = 130;
/// What is said where nothing is lost.
const AGAIN: &str = "what is there is kept: the same command goes on with it";
/// What is said where it cannot be noted what is there.
const ANEW: &str = "not all that is there could be noted: the same command sends the rest anew";
/// What is said where whoever reads standard output has gone away.
const UNTAKEN: &str = "what was printed is not the whole, since its reader went away";
/// What stands for standard input and output.
const DASH: &str = "-";
/// What standard input is called.
const NAMELESS: &str = "stdin";
/// Bytes of standard input that are taken where the server does not say how many a file may have.
const INPUT_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Bytes of a text that are read: more than any text may have.
const TEXT_BYTES_MAX: u64 = 64 * 1024;

/// Who moves files where.
pub(super) struct Mover<'a> {
    /// The login.
    pub login: &'a LoggedIn,
    /// The server.
    pub server: &'a ServerAddress,
    /// How well it is known.
    pub assurance: Assurance,
    /// Where it is noted what is under way.
    pub folder: PathBuf,
    /// How long nothing may get on.
    pub patience: Patience,
    /// Whether people watch, and no program reads.
    pub format: Format,
}

/// What a server takes.
struct Limits {
    file_bytes: u64,
    attachments: usize,
}

/// How a file is named and what it is, if the user says so, and what becomes of its metadata.
#[derive(Default)]
struct Given<'a> {
    name: Option<&'a FileName>,
    media_type: Option<&'a MediaType>,
    metadata: Metadata,
    /// The message that is to hold it, if that has an id under which it may be sent again.
    message: Option<ClientMessageId>,
}

impl Given<'_> {
    /// What is sent of what was opened.
    async fn of(&self, mut source: Source) -> Result<Source, TransferError> {
        if let Some(name) = self.name {
            source.rename(name.clone());
        }
        if let Some(media_type) = self.media_type {
            source.media_type = media_type.as_str().to_owned();
        }
        looked_at(source, self.metadata, &Decoder::new()).await
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Client(error) => error.into(),
            TransferError::NotAFile(_) => {
                Self::usage(format!("{error}, or - and the bytes on standard input"))
            }
            TransferError::Name(_) | TransferError::Told => Self::usage(error.to_string()),
            TransferError::TooLarge(_) => Self::Told {
                code: 6,
                reason: "FILE_TOO_LARGE".to_owned(),
                text: error.to_string(),
            },
            TransferError::OtherStore | TransferError::OtherFile => {
                Self::refused(error.to_string())
            }
            error => Self::other(error.to_string()),
        }
    }
}

/// Uploads files, one after the other, and prints their ids.
pub(super) async fn upload(
    mover: &Mover<'_>,
    options: &UploadOptions,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    if options.name.is_some() && options.files.len() > 1 {
        return Err(Failure::usage(
            "--name is of one file; upload the others with calls of their own",
        ));
    }
    check_dashes(&options.files, false)?;
    let given = Given {
        name: options.name.as_ref(),
        media_type: options.media_type.as_ref(),
        metadata: options.pictures.metadata(),
        message: None,
    };
    let mut interrupts = Interrupts::new()?;
    let limits = unless(&mut interrupts, mover.limits()).await?;
    unless(&mut interrupts, look(&options.files, &limits)).await?;
    for path in &options.files {
        let (file, mut record) = mover.send(path, &given, &limits, &mut interrupts).await?;
        out.message(&file, |file| {
            Untrusted::from(file.id.as_str()).render_line()
        })?;
        out.flush()?;
        // It was told.
        record.forget();
    }
    Ok(())
}

/// Fetches a file, and prints where it is.
pub(super) async fn download(
    mover: &Mover<'_>,
    options: &DownloadOptions,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    let id = options.file.to_string();
    let to_output = options.to.as_deref() == Some(Path::new(DASH));
    let to = match (&options.to, to_output) {
        (_, true) => To::Writer(Box::new(standard_output()?)),
        (Some(path), false) => To::path(path.clone()),
        (None, false) => To::Folder(PathBuf::from(".")),
    };
    let mut interrupts = Interrupts::new()?;
    let (handle, mut steering) = steering();
    let session = &mover.login.session;
    let pace = Pace::patient(mover.patience);
    let fetching = fetch(session, &id, to, pace, &mut steering);
    let fetched = mover.watched(&id, &handle, &mut interrupts, fetching).await;
    let again = match to_output {
        true => "what was printed is not the whole",
        false => AGAIN,
    };
    let fetched = match fetched {
        Some(Ok(fetched)) => fetched,
        // Only the end says that what was printed is right.
        Some(Err(TransferError::Write(error))) if to_output => {
            return Err(match Failure::output(&error) {
                Failure::OutputClosed => Failure::other(UNTAKEN),
                failure => failure,
            });
        }
        Some(Err(error)) => return Err(told(error, Some(again))),
        None => return Err(interrupted(again)),
    };
    let Some(path) = fetched.path else {
        return Ok(());
    };
    let path = path.display().to_string();
    let inside = json!({ "path": path, "file": json::value(&fetched.file) });
    out.object("downloaded", inside, &Untrusted::new(path).render_line())?;
    out.flush()
}

/// Uploads files and sends them with one message.
pub(super) async fn send(
    mover: &Mover<'_>,
    to: Target,
    options: &SendOptions,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    check_dashes(&options.files, options.text.as_deref() == Some(DASH))?;
    let mut interrupts = Interrupts::new()?;
    let text = unless(&mut interrupts, text_of(options.text.as_deref())).await?;
    let limits = unless(&mut interrupts, mover.limits()).await?;
    if options.files.len() > limits.attachments {
        return Err(Failure::refused(format!(
            "a message may have {} files here; send the rest with another",
            limits.attachments
        )));
    }
    let given = Given {
        metadata: options.pictures.metadata(),
        message: options.id,
        ..Given::default()
    };
    let (there, mut records) = mover
        .send_all(&options.files, &given, &limits, &mut interrupts)
        .await?;
    let message = Outgoing {
        id: options.id.unwrap_or_else(ClientMessageId::mint),
        target: to,
        text,
        attachments: there.iter().map(|file| file.id.clone()).collect(),
        store: None,
    };
    let session = &mover.login.session;
    let attempt = async || session.send_again(&message, Patience::None).await;
    let sent = tokio::select! {
        sent = with_files(session, &there, mover.patience, attempt) => sent,
        () = interrupts.next() => {
            return Err(interrupted("the files are there, and the message may have been sent"));
        }
    };
    let sent = match sent {
        Ok(sent) => Ok(sent),
        Err(Unsent::Client(error)) => Err(error),
        Err(Unsent::Stranger(index)) => return Err(strange(&options.files, index, &mut records)),
    };
    // Under an id of its own the same may be sent again, and is the same only with the same files. Those of a message that was
    // refused go with the next one: nothing takes them back, and they count against the quota.
    if sent.is_ok() && options.id.is_none() {
        records.iter_mut().for_each(Record::forget);
    }
    let sent = sent?;
    if out.format() == Format::Json {
        out.line(&json::line(&sent))?;
    }
    out.flush()
}

/// What is told of a file that another store has not; nobody goes on with any of them.
fn strange(paths: &[PathBuf], index: usize, records: &mut [Record]) -> Failure {
    records.iter_mut().for_each(Record::forget);
    let path = paths.get(index).map(|path| shown(path));
    Failure::from(TransferError::OtherStore).within(&path.unwrap_or_default())
}

/// What is told of files that are there when nothing more is done with them.
fn of_all(records: &[Record]) -> &'static str {
    match records.iter().all(Record::is_kept) {
        true => AGAIN,
        false => ANEW,
    }
}

impl Mover<'_> {
    /// What is noted of the uploads of this login.
    pub(super) fn records(&self) -> Records {
        let (server, user) = (self.server, &self.login.name);
        Records::new(&self.folder, server, self.assurance, user)
    }

    async fn limits(&self) -> Result<Limits, Failure> {
        let info = self.login.session.server_info(self.patience).await?;
        let limits = info.limits.unwrap_or_default();
        let count = usize::try_from(limits.attachments_per_message_max).unwrap_or(usize::MAX);
        Ok(Limits {
            file_bytes: match limits.file_bytes_max {
                0 => INPUT_BYTES_MAX,
                max => max,
            },
            attachments: match count {
                0 => usize::MAX,
                count => count,
            },
        })
    }

    /// Uploads the files of a message, one after the other: what they are there, and the records, which are to be forgotten
    /// once the message is there.
    async fn send_all(
        &self,
        paths: &[PathBuf],
        given: &Given<'_>,
        limits: &Limits,
        interrupts: &mut Interrupts,
    ) -> Result<(Vec<pb::File>, Vec<Record>), Failure> {
        unless(interrupts, look(paths, limits)).await?;
        let (mut there, mut records) = (Vec::new(), Vec::new());
        for path in paths {
            let (file, record) = self.send(path, given, limits, interrupts).await?;
            there.push(file);
            records.push(record);
        }
        let session = &self.login.session;
        let found = tokio::select! {
            found = stranger(session, before_last(&there), self.patience) => found,
            () = interrupts.next() => return Err(interrupted(of_all(&records))),
        };
        match found.map_err(|error| told(error.into(), Some(of_all(&records))))? {
            Some(index) => Err(strange(paths, index, &mut records)),
            None => Ok((there, records)),
        }
    }

    /// Uploads one file. The record is to be forgotten once somebody knows of it.
    async fn send(
        &self,
        path: &Path,
        given: &Given<'_>,
        limits: &Limits,
        interrupts: &mut Interrupts,
    ) -> Result<(pb::File, Record), Failure> {
        let sent = self.send_it(path, given, limits, interrupts).await;
        sent.map_err(|failure| failure.within(&shown(path)))
    }

    async fn send_it(
        &self,
        path: &Path,
        given: &Given<'_>,
        limits: &Limits,
        interrupts: &mut Interrupts,
    ) -> Result<(pb::File, Record), Failure> {
        let folder = &self.folder;
        let (handle, mut steering) = steering();
        let shown = path.display().to_string();
        let opening = async {
            let max = limits.file_bytes;
            let opened = match path == Path::new(DASH) {
                true => {
                    let name = NAMELESS.parse()?;
                    Source::spool(io::stdin(), folder, name, max, &mut steering).await?
                }
                false => Source::open(path, max, &mut steering).await?,
            };
            given.of(opened).await
        };
        let opened = self.watched(&shown, &handle, interrupts, opening).await;
        let source = match opened {
            Some(opened) => opened?,
            None => return Err(interrupted("nothing was sent")),
        };
        // Without one it is sent all the same, and cannot be gone on with.
        let taken = self.records().take(&source, given.message);
        let mut record = taken.unwrap_or_default();
        let session = &self.login.session;
        let pace = Pace::patient(self.patience);
        let bringing = bring(session, &source, &mut record, pace, &mut steering);
        let sent = self.watched(&shown, &handle, interrupts, bringing).await;
        let again = record.is_kept().then_some(AGAIN);
        match sent {
            Some(Ok(file)) => Ok((file, record)),
            Some(Err(error)) => Err(told(error, again)),
            None => Err(interrupted(again.unwrap_or("nothing of it is kept"))),
        }
    }

    /// Does it, and shows how far it is; `None`: it was interrupted.
    async fn watched<T>(
        &self,
        name: &str,
        handle: &Handle,
        interrupts: &mut Interrupts,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let mut line = ProgressLine::new(&name.into(), self.format == Format::Text);
        let done = tokio::select! {
            done = work => Some(done),
            () = interrupts.next() => None,
            () = line.follow(handle.progress()) => None,
        };
        line.clear();
        done
    }
}

/// Says which file cannot be sent before anything is, as far as that can be seen without reading them.
async fn look(paths: &[PathBuf], limits: &Limits) -> Result<(), Failure> {
    for path in paths.iter().filter(|path| *path != Path::new(DASH)) {
        let looked = Source::look(path, limits.file_bytes)
            .await
            .map_err(Failure::from);
        looked.map_err(|failure| failure.within(&shown(path)))?;
    }
    Ok(())
}

/// A path as it is shown.
fn shown(path: &Path) -> String {
    Untrusted::new(path.display().to_string()).render_line()
}

/// The failure of a transfer, and what can be done if the same again goes on with it.
fn told(error: TransferError, again: Option<&str>) -> Failure {
    let again = again.filter(|_| error.can_go_on());
    match (Failure::from(error), again) {
        (Failure::Told { code, reason, text }, Some(again)) => Failure::Told {
            code,
            reason,
            text: further(&text, again),
        },
        (failure, _) => failure,
    }
}

/// Does what comes before the files.
async fn unless<T>(
    interrupts: &mut Interrupts,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        () = interrupts.next() => Err(interrupted("nothing was sent")),
    }
}

fn interrupted(what: &str) -> Failure {
    Failure::told(INTERRUPTED, format!("interrupted; {what}"))
}

/// Standard input is read once.
fn check_dashes(files: &[PathBuf], text_is_one: bool) -> Result<(), Failure> {
    let dashes = files.iter().filter(|path| *path == Path::new(DASH)).count();
    match dashes + usize::from(text_is_one) {
        0 | 1 => Ok(()),
        _ => Err(Failure::usage(
            "standard input is read once; name files for the rest",
        )),
    }
}

/// The text that goes with files: none, one that was given, or all of standard input.
async fn text_of(given: Option<&str>) -> Result<String, Failure> {
    let text = match given {
        Some(DASH) => {
            let read = spawn_blocking(|| {
                let mut bytes = Vec::new();
                let read = io::stdin().take(TEXT_BYTES_MAX).read_to_end(&mut bytes);
                read.map(|_| bytes)
            });
            let read = read.await.map_err(io::Error::other).flatten();
            let bytes =
                read.map_err(|error| Failure::other(format!("cannot read the input: {error}")))?;
            let text = String::from_utf8(bytes);
            let text =
                text.map_err(|_| Failure::refused("the text is not UTF-8; give it in UTF-8"))?;
            text.trim_end_matches(['\n', '\r']).to_owned()
        }
        given => given.unwrap_or_default().to_owned(),
    };
    if text.is_empty() {
        return Ok(text);
    }
    let text: Result<MessageText, MessageTextError> = text.parse();
    let text = text.map_err(|error| Failure::refused(error.to_string()))?;
    Ok(text.as_str().to_owned())
}

/// Standard output, for bytes: as they come, without a buffer that looks for lines. Not a terminal, which would obey them.
fn standard_output() -> Result<File, Failure> {
    let out = io::stdout();
    if out.is_terminal() {
        return Err(Failure::usage(
            "a file is not printed on a terminal, which could obey what is in it; give a path, or hand it on to a program",
        ));
    }
    let out = rustix::io::dup(&out);
    Ok(out.map_err(|error| Failure::output(&error.into()))?.into())
}

#[cfg(test)]
#[path = "oneshot_files_tests.rs"]
mod tests;
