//! The pure half of the client: what typed lines and events mean. No I/O, no async, no wire format.

pub mod acts;
pub mod command;
pub mod line;
pub mod model;
pub mod news;
pub mod parse;
pub mod recent;
pub mod room;
pub mod untrusted;
pub mod update;
