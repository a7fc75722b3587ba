//! The client: a library to connect, send and follow events, and the line client that stands on it.
//!
//! Never imports the server's half of the program; it speaks the same public schema as everybody
//! else. The library is [`net`]: [`net::session::Session`] for calls, [`net::live::Link`] for the
//! live stream. Inside, `app` is pure and lowest, `net` waits for the network, the rest is the
//! program: arguments, login, the line mode.

pub mod app;
pub mod cli;
pub mod editor;
pub mod exit;
pub mod hidden;
pub mod input;
pub mod journal;
pub mod json;
pub mod login;
pub mod net;
pub mod oneshot;
pub mod output;
pub mod plain;
pub mod progress;
pub mod recipient;
pub mod run;
pub mod signal;
pub mod state;
pub mod translate;
pub mod trust;
pub mod watch;
