//! The connection to a server: everything that waits for the network.
//!
//! [`session`] makes calls, [`live`] keeps the stream of events alive over broken connections. Both
//! are what a program needs that wants to talk to TinyChat; the line client stands on them as well.

pub mod acts;
pub mod attention;
pub mod backoff;
pub mod connect;
pub mod devices;
pub mod dial;
pub mod error;
pub mod files;
pub mod finding;
pub mod history;
pub mod invites;
pub mod live;
pub mod outbox;
pub mod people;
pub mod retries;
pub mod rooms;
pub mod seen;
pub mod session;
pub mod stream;
pub mod tls;
