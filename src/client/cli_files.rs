//! The arguments of the commands that move files.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use crate::domain::{
    file::{FileName, MediaType},
    ids::FileId,
};

use super::{attach::Metadata, net::session::Patience};

/// The commands that move files.
#[derive(Debug, Subcommand)]
pub(super) enum FileCommand {
    /// Uploads files and prints the id of each. Until a message holds it, a file is yours alone, and for a day.
    ///
    /// What was interrupted goes on where it was when the same file is uploaded again.
    Upload(UploadOptions),
    /// Fetches a file and prints where it is. Nothing is written over: a name that is taken gets a number.
    ///
    /// What was interrupted goes on where it was when the same file is fetched to the same place again.
    Download(DownloadOptions),
}

#[derive(Debug, Args)]
pub(super) struct UploadOptions {
    /// What to upload; `-`: standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// What it is called there; without it, the last part of its path.
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<FileName>,
    /// What it is, such as `text/csv`; without it, what its name says. What its bytes show counts more.
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) media_type: Option<MediaType>,
    #[command(flatten)]
    pub(super) pictures: Pictures,
    #[command(flatten)]
    pub(super) wait: Wait,
}

#[derive(Debug, Args)]
pub(super) struct Pictures {
    /// Takes out of pictures what they tell beside: place and time, the camera, names. Other files are refused.
    #[arg(long, requires = "files")]
    strip_metadata: bool,
}

impl Pictures {
    pub(super) fn metadata(&self) -> Metadata {
        match self.strip_metadata {
            true => Metadata::Dropped,
            false => Metadata::Kept,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct DownloadOptions {
    /// Which file, as `upload` prints it and messages have it.
    #[arg(value_name = "FILE_ID")]
    pub(super) file: FileId,
    /// Where to: a folder, the path of the file, or `-` for standard output; without it, the folder where you are.
    #[arg(value_name = "PATH")]
    pub(super) to: Option<PathBuf>,
    #[command(flatten)]
    pub(super) wait: Wait,
}

#[derive(Debug, Args)]
pub(super) struct Wait {
    /// How long to go on trying while nothing gets on. What is too fast is waited out anyway.
    #[arg(long = "wait", value_name = "SECONDS", default_value_t = 60)]
    seconds: u32,
}

impl Wait {
    pub(super) fn patience(&self) -> Patience {
        Patience::For(Duration::from_secs(self.seconds.into()))
    }
}
