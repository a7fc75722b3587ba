//! The connection to a server: everything that waits for the network.

pub mod connect;
