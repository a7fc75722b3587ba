//! The client: a library for programs that talk to TinyChat, and the line client that stands on it.
//!
//! Never imports the server's half of the program; it speaks the same public schema as everybody else. Inside, `app` is
//! pure and lowest, `net` waits for the network and is the library, `cache` remembers on disk, `ui` is the terminal UI, the
//! rest is the program: arguments, login, line mode, one-shots.
//!
//! # The library
//!
//! A [`Session`] makes calls, with or without a login; a [`Link`] follows what happens and outlives broken connections.
//! Their messages are those of the schema, in [`pb`](crate::pb).
//!
//! Connecting, with the choice of [`Security`]; a login; a send that is repeated until it is answered, and is one message
//! however often that was needed:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc_server.in"));
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let address = a_server().await;
//! use std::time::Duration;
//! use tinychat::client::{Patience, Security, Session, Target};
//!
//! // `Security::Tls(Trust::System)` beyond this machine; other choices pin a certificate or trust a file.
//! let server = Session::open(&address.parse()?, &Security::Plaintext)?;
//! let ann = server.login(&"ann".parse()?, "correct horse", "my program").await?;
//!
//! // The token is the login: whoever has it can come back without a password.
//! let session = server.with_token(&ann.access_token)?;
//! let patience = Patience::For(Duration::from_secs(10));
//! let notes = Target::User("ann".to_owned());
//! let sent = session.send(notes, "remember the milk", patience).await?;
//! assert_eq!(sent.seq, 1);
//! # Ok(())
//! # }
//! ```
//!
//! Following what happens. The link connects again by itself and resumes where it was; each message comes once. What is
//! acknowledged does not come again when the program starts anew:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc_server.in"));
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let address = a_server().await;
//! # let server = tinychat::client::Session::open(&address.parse()?, &tinychat::client::Security::Plaintext)?;
//! # let ann = server.login(&"ann".parse()?, "correct horse", "my program").await?;
//! use tinychat::client::{Link, LinkEvent, LinkOptions, Target};
//! use tinychat::pb::event::Body;
//!
//! let mut link = Link::new(ann.session.clone(), LinkOptions::default());
//! link.send(Target::User("ann".to_owned()), "hello".to_owned())?;
//! let text = loop {
//!     match link.next().await {
//!         // A message of this very link comes as `Echo`, others as `Event`.
//!         LinkEvent::Event(event) | LinkEvent::Echo(event) => {
//!             link.acknowledge(event.cursor.clone());
//!             if let Some(Body::Message(message)) = event.body {
//!                 break message.text().to_owned();
//!             }
//!         }
//!         // The link tries again by itself.
//!         LinkEvent::Disconnected { reason, retry_in } => eprintln!("{reason}; again in {retry_in:?}"),
//!         LinkEvent::Ended(error) => return Err(error.into()),
//!         _ => {}
//!     }
//! };
//! assert_eq!(text, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! Reading what was said, from any place, however many pages that takes:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc_server.in"));
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let address = a_server().await;
//! # let server = tinychat::client::Session::open(&address.parse()?, &tinychat::client::Security::Plaintext)?;
//! # let session = server.login(&"ann".parse()?, "correct horse", "my program").await?.session;
//! use tinychat::client::{ErrorKind, Patience, Position, Target};
//!
//! for text in ["one", "two", "three"] {
//!     session.send(Target::User("ann".to_owned()), text, Patience::None).await?;
//! }
//! let notes = session.conversation_with(&"ann".parse()?, Patience::None).await?;
//! let notes = notes.expect("it was begun just now").id;
//! let last = session.history(&notes, Position::Newest, 2, Patience::None).await?;
//! let texts: Vec<&str> = last.iter().map(|message| message.text()).collect();
//! assert_eq!(texts, ["two", "three"]);
//!
//! // What a server refuses is told apart by kind and reason; the text is for people, and safe to print.
//! let nobody = Target::User("nobody".to_owned());
//! let error = session.send(nobody, "hello?", Patience::None).await.unwrap_err();
//! assert_eq!((error.kind(), error.reason()), (ErrorKind::NotFound, "USER_NOT_FOUND"));
//! # Ok(())
//! # }
//! ```
//!
//! Groups and channels have methods of the same names as the calls of the schema, and so have edits and reactions;
//! [`Target::replying_to`] makes a message an answer. [`Session::search`] and [`Session::mentions`] find messages. Who is
//! there and who types, a link tells if its [`LinkOptions`] ask for it. `examples/echo.rs` is a whole bot.

pub mod app;
pub mod asks;
pub mod asks_calls;
pub mod asks_links;
pub mod attach;
pub mod cache;
mod carrier;
pub mod cli;
mod cli_files;
pub mod cli_rooms;
pub mod editor;
pub mod exit;
mod forgetting;
pub mod hidden;
pub mod input;
pub mod journal;
pub mod json;
mod kept;
pub mod lines;
pub mod login;
pub mod mends;
pub mod net;
pub mod oneshot;
mod oneshot_files;
pub mod oneshot_found;
pub mod oneshot_links;
pub mod oneshot_rooms;
pub mod output;
pub mod paper;
pub mod picture;
pub mod plain;
pub mod progress;
mod progress_line;
pub mod recipient;
mod refused;
pub mod run;
pub mod signal;
pub mod state;
mod talk;
pub mod transfer;
pub mod translate;
pub mod trust;
pub mod ui;
pub mod unsent;
pub mod watch;

pub use net::{
    connect::ServerAddress,
    devices::TokenWish,
    error::{ClientError, ErrorKind, Refusal, Retry},
    finding::SearchWish,
    history::Position,
    invites::InviteWish,
    live::{Link, LinkEvent, LinkOptions},
    outbox::{OutboxFull, Outgoing, StoreId, Target},
    rooms::{RoomChange, RoomWish},
    session::{Login, Patience, Session},
    tls::{Security, Trust},
};
