//! TinyChat: a self-hosted chat service in one binary, with one protobuf schema and no set-up.
//!
//! The map, from the bottom up; each layer imports only what stands above it here:
//!
//! - [`pb`]: the wire, generated from `proto/`. [`domain`]: the pure words. [`tasks`]: the owner of every task.
//!   [`telemetry`]: what is counted.
//! - [`convert`]: between the two.
//! - [`store`]: the durable log. [`bus`]: "the log grew".
//! - [`auth`]: passwords and tokens. [`hub`]: live sessions.
//! - [`engine`]: the use cases, without transport.
//! - [`server`]: gRPC over the engine. [`client`]: the line client and the library that it stands on. The two never meet.
//! - [`bench`]: the measuring program; to it the server is a process, and its own baselines speak the schema.
//!
//! ARCHITECTURE.md tells the whole story.

pub mod auth;
pub mod bench;
pub mod bus;
pub mod client;
pub mod convert;
pub mod domain;
pub mod engine;
pub mod hub;
pub mod pb;
pub mod server;
pub mod store;
pub mod tasks;
pub mod telemetry;
