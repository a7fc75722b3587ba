//! What comes before the chat: which account, which server, whether to trust it, who one is.
//!
//! One question at a time. Promises that a password is never shown, stands in nothing that can be printed, and is wiped when
//! it is let go; that it goes to the server only that was met; that nothing else which was typed is lost by going back; and
//! that whatever comes, in whatever order and at whatever size, nothing here panics.
//!
//! Pure: `update` says what is to be asked of the world ([`Ask`]), `runtime::login` asks it and brings the answers. Knows
//! neither the network nor the files.

mod answers;
pub mod ask;
mod block;
mod content;
mod page;
pub mod secret;
pub mod state;
mod update;
mod view;
mod words;

pub use ask::{Answer, Ask, Met, Msg, Refusal};
pub use secret::Secret;
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
