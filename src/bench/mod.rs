//! The measuring program: how fast the server is, always beside bare baselines in the same run.
//!
//! [`flags`] says what can be asked for; [`cli`] does it and prints; a [`scenario`] starts what it measures as child
//! processes ([`process`]), the real server or a [`baseline`], drives it with the load of [`client`], [`flow`] and
//! [`wire`], checks each delivery ([`tracker`]) and gives [`figure`]s, which [`report`] shows. It knows of the server
//! what any client knows: the schema. docs/performance.md tells how to use it.

pub mod baseline;
pub mod beside;
pub mod cli;
pub mod client;
pub mod cores;
pub mod error;
pub mod figure;
pub mod flags;
pub mod flow;
pub mod process;
pub mod report;
pub mod sample;
pub mod scenario;
pub mod tracker;
pub mod transfer;
pub mod wire;
