//! The limits that the server keeps and announces. Each is tested at the limit and one past it.

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
/// Largest gRPC message that is accepted.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// Largest gRPC message that is sent: a page of 1 MiB of text with its wrapping stays well below.
pub const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Devices of one user; a login past it retires the device that was seen longest ago.
pub const DEVICES_PER_USER_MAX: usize = 20;
/// Replies of a `Chat` stream that may lie unread before the peer counts as overload.
pub const REPLIES_UNREAD_MAX: usize = 1024;

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
