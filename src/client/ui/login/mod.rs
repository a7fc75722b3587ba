//! What comes before the chat: which account, which server, whether to trust it, who one is.
//!
//! One question at a time. Promises that a password is never shown and stands in nothing that can be printed; that each
//! copy of it which is made here, on the way to the call and in its request is overwritten when it is let go; that it goes
//! to the server only that was met; that nothing else which was typed is lost by going back; and that whatever comes, in
//! whatever order and at whatever size, nothing here panics.
//!
//! Not overwritten are the copies of others: the keys as the terminal and what reads it have them, and the bytes of the call
//! in the buffers of HTTP/2, TLS and the system.
//!
//! Pure: `update` says what is to be asked of the world ([`Ask`]), `runtime::login` asks it and brings the answers. Knows
//! neither the network nor the files.

mod answers;
pub mod ask;
mod block;
mod content;
mod page;
pub mod state;
mod update;
mod view;
mod words;

pub use crate::client::app::secret::Secret;
pub use ask::{Answer, Ask, Met, Msg, Refusal};
pub use state::{Account, Login, Opening};
pub use update::update;
pub use view::draw;

#[cfg(test)]
#[path = "back_tests.rs"]
mod back_tests;
#[cfg(test)]
#[path = "screens_tests.rs"]
mod screens_tests;
#[cfg(test)]
#[path = "update_tests.rs"]
mod update_tests;
