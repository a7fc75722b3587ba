//! The pure half of the client: what typed lines and events mean. No I/O, no async, no wire format.

pub mod command;
pub mod line;
pub mod model;
pub mod untrusted;
pub mod update;
