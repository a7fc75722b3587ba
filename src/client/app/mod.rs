//! The pure half of the client: what typed lines and events mean. No I/O, no async, no wire format.

pub mod acts;
pub mod blocked;
pub mod calls;
pub mod command;
pub mod ground;
pub mod line;
pub mod links;
pub mod look;
pub mod model;
pub mod news;
pub mod parse;
mod reading;
pub mod recent;
pub mod refused;
pub mod room;
pub mod untrusted;
pub mod update;
pub mod when;
