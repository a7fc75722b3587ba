//! The words of the program: what exists and what happened. Pure: no I/O, no async, no wire format, no SQL.

pub mod address;
pub mod clock;
pub mod commit;
pub mod conversation;
pub mod cursor;
pub mod event;
pub mod file;
pub mod fingerprint;
pub mod ids;
pub mod invalid;
pub mod invite;
pub mod limits;
pub mod mention;
pub mod message;
pub mod name;
pub mod page;
pub mod reaction;
pub mod role;
pub mod scope;
pub mod search;
pub mod secret;
pub mod text;
pub mod user;
