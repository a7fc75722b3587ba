//! Pictures: read under hard limits, made small for a preview, freed of what they tell beside, shown in a terminal.
//!
//! Promises that no file, however made, costs more memory and time than [`decode`] says, and that nothing of a file's own
//! bytes reaches a terminal: what is drawn was decoded and is encoded anew. Pure but for [`decode::Decoder`], which works
//! beside the caller. Knows nothing of messages, of the network, and of where on the screen a picture stands.
//!
//! The encoders for terminals are our own. `ratatui-image` and `viuer` bring a second base64, `rand`, an old `icy_sixel` and
//! code that asks the terminal by itself, beside our reader of its input; `icy_sixel` brings a whole colour library to
//! quantise. What is left to write of them is a few hundred lines without a dependency, and parsed back by the tests.

pub mod deadline;
pub mod decode;
mod error;
pub mod kind;
pub mod metadata;
mod scale;
pub mod show;
pub mod size;
pub mod terminal;
pub mod thumbnail;

pub use deadline::Deadline;
pub use decode::{Decoder, Picture, decode};
pub use error::PictureError;
pub use kind::Kind;
pub use metadata::without_metadata;
pub use size::{CellSize, Size};
pub use thumbnail::{Thumbnail, thumbnail};

#[cfg(test)]
#[path = "hostile_tests.rs"]
mod hostile_tests;
#[cfg(test)]
#[path = "made_tests.rs"]
pub(super) mod made_tests;
