//! The client: a library to connect, send and follow events, and the line client that stands on it.
//!
//! Never imports the server's half of the program; it speaks the same public schema as everybody else.

pub mod net;
