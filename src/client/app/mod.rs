//! The pure half of the client: what typed lines and events mean. No I/O, no async, no wire format.

pub mod acts;
pub mod address;
pub mod blocked;
pub mod calls;
pub mod command;
pub mod ground;
pub mod line;
pub mod links;
pub mod listing;
pub mod look;
pub mod model;
pub mod news;
pub mod opening;
pub mod parse;
pub mod password;
mod reading;
pub mod recent;
pub mod refused;
pub mod room;
pub mod secret;
pub mod several;
pub mod typing;
pub mod untrusted;
pub mod update;
pub mod when;
pub mod written;
