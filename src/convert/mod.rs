//! Between the wire and the words of the program, by hand, so that neither shapes the other.
//!
//! `request` parses what peers send, once, and names the broken field. `response` and `event` write what is sent; an
//! event is encoded once into bytes that every reader of it gets.

pub mod event;
pub mod files;
pub mod request;
pub mod response;
