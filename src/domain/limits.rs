//! The limits that the server keeps and announces. Each is tested at the limit and one past it.

use std::time::Duration;

/// Longest text of a message, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Longest user name, in bytes (names are ASCII).
pub const USER_NAME_BYTES_MAX: usize = 32;
/// Longest name of a device, in characters.
pub const DEVICE_NAME_CHARS_MAX: usize = 64;
/// Shortest password, in bytes.
pub const PASSWORD_BYTES_MIN: usize = 8;
/// Longest password, in bytes: hashing cost must not follow the caller's wishes.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// Items in a page when the caller does not say.
pub const PAGE_SIZE_DEFAULT: usize = 50;
/// Most items in a page that a caller can ask for.
pub const PAGE_SIZE_MAX: usize = 500;
/// Bytes of text at which a page ends, even below its count.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes at which a frame of events ends; one event may be larger.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Largest gRPC message that is accepted; about files `FILE_REQUEST_BYTES_MAX`.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// Largest gRPC message of a call without a token: a registration with the longest name, password and device name has
/// less than 1.5 KiB, and nobody knows who sends it.
pub const OPEN_REQUEST_BYTES_MAX: usize = 16 * 1024;
/// Largest gRPC message that is sent: a page of 1 MiB of text with its wrapping stays well below.
pub const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Devices of one user; a login past it retires the device that was seen longest ago.
pub const DEVICES_PER_USER_MAX: usize = 20;
/// Tokens that a user may have beside the logins; one more is refused, since retiring one would silence a bot.
pub const TOKENS_PER_USER_MAX: usize = 50;
/// Streams of one device; one more ends the oldest.
pub const STREAMS_PER_DEVICE_MAX: usize = 5;
/// Streams of one HTTP/2 connection at once.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 100;
/// Members of a GROUP.
pub const GROUP_MEMBERS_MAX: usize = 500;
/// Members of a CHANNEL.
pub const CHANNEL_MEMBERS_MAX: usize = 10_000;
/// Members up to which a DIRECT or GROUP shows how far each has read: each marker goes to all of them.
pub const MARKERS_SHOWN_MEMBERS_MAX: usize = 50;
/// Invite links of one conversation that have not come to their end: a handful is of use, and each is a row to look at.
pub const INVITE_LINKS_PER_CONVERSATION_MAX: usize = 50;
/// Users whom one user can block: all of them stand in one event, which is some 20 KiB.
pub const BLOCKED_USERS_MAX: usize = 500;
/// Conversations of one user, the newest, whose members learn how the user can be reached.
pub const FELLOWS_CONVERSATIONS_MAX: usize = 1_000;
/// Conversations of which it is told at once that messages have arrived at a user.
pub const DELIVERED_CONVERSATIONS_MAX: usize = 100;
/// Longest name of a GROUP, in characters.
pub const GROUP_NAME_CHARS_MAX: usize = 64;
/// Longest topic, in characters.
pub const TOPIC_CHARS_MAX: usize = 256;
/// Longest emoji of a reaction, in bytes of UTF-8: a family of four with skin tones has 41.
pub const EMOJI_BYTES_MAX: usize = 64;
/// Different emoji on one message.
pub const REACTIONS_PER_MESSAGE_MAX: usize = 20;
/// Different names that one message can mention.
pub const MENTIONS_PER_MESSAGE_MAX: usize = 20;
/// Unread mentions of one conversation that are counted: a badge says no more than "many" past it.
pub const MENTIONS_COUNTED_MAX: usize = 1_000;
/// Longest query of a search, in bytes.
pub const QUERY_BYTES_MAX: usize = 256;
/// Most words of a query.
pub const QUERY_WORDS_MAX: usize = 16;
/// Members up to which a conversation shows who types, and its members one another's presence: what one does there goes
/// to all of them.
pub const EPHEMERAL_MEMBERS_MAX: usize = 100;
/// Replies of a `Chat` stream that may lie unread before the peer counts as overload.
pub const REPLIES_UNREAD_MAX: usize = 1024;
/// Longest name of a file, in bytes of UTF-8: what file systems take.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Files of one message.
pub const ATTACHMENTS_PER_MESSAGE_MAX: usize = 10;
/// Uploads of one user that are under way.
pub const UPLOADS_PER_USER_MAX: usize = 20;
/// Largest piece of an upload that one call brings, in bytes.
pub const CHUNK_BYTES_MAX: usize = 512 * 1024;
/// Largest piece of many that one call brings, in bytes: several of them are in memory at once.
pub const STREAMED_CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Bytes beside a piece in the message that brings it: what says where it belongs, and what schemas to come may add.
const BESIDE_CHUNK_BYTES_MAX: usize = 16 * 1024;
/// Largest gRPC message of a call about files.
pub const FILE_REQUEST_BYTES_MAX: usize = CHUNK_BYTES_MAX + BESIDE_CHUNK_BYTES_MAX;
/// Largest gRPC message of many that one call about files brings: it bounds what one that comes has in memory.
pub const STREAMED_FILE_REQUEST_BYTES_MAX: usize =
    STREAMED_CHUNK_BYTES_MAX + BESIDE_CHUNK_BYTES_MAX;
/// Largest small picture of a picture, in bytes.
pub const THUMBNAIL_BYTES_MAX: u64 = 256 * 1024;
/// Pictures that one small picture shows: whoever fetches it is looked for in the conversations of all of them. A client
/// makes one for each.
pub const THUMBNAIL_PICTURES_MAX: usize = 16;
/// What a file counts at the least in its owner's quota: a block of the disk, and its rows.
pub const FILE_CHARGE_BYTES_MIN: u64 = 4 * 1024;
/// How long an upload to which nothing comes, and a file that no message holds, are kept.
pub const UPLOAD_IDLE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an upload is kept to which nothing has come yet: whoever asked for it may never have heard the answer, and it
/// counts among their uploads.
pub const UPLOAD_UNBEGUN: Duration = Duration::from_secs(60 * 60);
/// Calls that move a file's bytes which one user may have open: each has up to 1 MiB in memory.
pub const TRANSFERS_PER_USER_MAX: usize = 8;

/// How much room files may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLimits {
    /// Largest file, in bytes.
    pub file: u64,
    /// All files and uploads of one user, in bytes; `None`: no limit.
    pub per_user: Option<u64>,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            file: 100 * 1024 * 1024,
            per_user: Some(1024 * 1024 * 1024),
        }
    }
}

/// How fast one user may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendRate {
    /// Sends per second that can be kept up.
    pub per_second: u32,
    /// Sends at once before `per_second` counts.
    pub burst: u32,
}

impl Default for SendRate {
    fn default() -> Self {
        Self {
            per_second: 20,
            burst: 100,
        }
    }
}

/// What an operator can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How fast each user may send; `None`: no limit.
    pub sends: Option<SendRate>,
    /// How often logins and registrations may be tried.
    pub attempts: AttemptRates,
    /// How many connections may be open.
    pub connections: ConnectionLimits,
    /// How much room files may take.
    pub files: FileLimits,
}

impl Settings {
    /// No limit where one can be lifted.
    pub const UNLIMITED: Self = Self {
        sends: None,
        attempts: AttemptRates {
            failed_logins: 0,
            failed_logins_per_address: 0,
            registers_per_address: 0,
        },
        connections: ConnectionLimits {
            all: usize::MAX,
            per_address: 0,
        },
        files: FileLimits {
            file: i64::MAX.cast_unsigned(),
            per_user: None,
        },
    };
}

/// Attempts a minute; 0: no limit. Those for an address do not count on loopback, where one stands for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptRates {
    /// Failed logins with one name from one address.
    pub failed_logins: u32,
    /// Failed logins from one address, whatever the name.
    pub failed_logins_per_address: u32,
    /// New accounts from one address.
    pub registers_per_address: u32,
}

impl Default for AttemptRates {
    fn default() -> Self {
        Self {
            failed_logins: 5,
            failed_logins_per_address: 60,
            registers_per_address: 30,
        }
    }
}

/// Connections at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all.
    pub all: usize,
    /// From one address that is not loopback; 0: no limit.
    pub per_address: usize,
}
