//! The terminal UI: a full screen of conversations, messages and what is being written.
//!
//! From the bottom up: `fault` (what is wrong in a file of the user), `text`, `keymap` and `theme` know nothing of chats;
//! `model` is the state and `effect` what it wants done; `layout` says where things stand; `news` takes in what comes;
//! `update` decides what follows from keys and news; `view` draws. All of that is pure:
//! `translate` alone knows the wire, and `runtime` alone does I/O.

pub mod effect;
pub mod fault;
pub mod keymap;
pub mod layout;
pub mod login;
pub mod model;
pub mod news;
pub mod runtime;
pub mod text;
pub mod theme;
pub mod translate;
pub mod update;
pub mod view;
