//! What a person wants of files, and what is to be done for it. Looks at no disk, and knows nothing of how far it is.

/// Files to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Their paths.
    pub paths: Vec<String>,
    /// What they tell beside is taken out; they must be pictures then.
    pub is_freed: bool,
}

impl From<Vec<String>> for Files {
    fn from(paths: Vec<String>) -> Self {
        let is_freed = false;
        Self { paths, is_freed }
    }
}

/// What a command wants of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To send these with one message.
    Send(Files),
    /// To save those of a message, in this folder.
    Save(u64, Option<String>),
    /// To see what is on its way.
    List,
    /// To have one of them wait, go on or end; `None`: the only one.
    Steer(Option<u32>, Steer),
}

/// What a transfer is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    /// To wait.
    Pause,
    /// To go on.
    Resume,
    /// To end, and leave nothing behind.
    Cancel,
}

/// Something to be done with files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Uploads these.
    Send(Files),
    /// Fetches those of a message.
    Save {
        /// The id of its conversation.
        conversation: String,
        /// Its number there.
        seq: u64,
        /// Where to; `None`: where downloads go.
        folder: Option<String>,
    },
}
