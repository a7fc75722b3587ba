//! What the server prints once connections are accepted: where it serves, how, and how to connect.

use std::net::SocketAddr;

use super::{
    config::{Config, StorePlace, is_loopback},
    tls::{Tls, host_name},
};
use crate::store::sqlite::Durability;

/// What was bound and made at the start.
#[derive(Clone, Copy)]
pub struct Serving<'a> {
    /// Where it listens.
    pub addresses: &'a [SocketAddr],
    /// With what it encrypts.
    pub tls: Option<&'a Tls>,
    /// Where metrics are.
    pub metrics: Option<SocketAddr>,
}

/// The lines of the greeting.
pub fn greeting(config: &Config, serving: Serving<'_>) -> String {
    let places: Vec<String> = serving.addresses.iter().map(ToString::to_string).collect();
    let store = match &config.store {
        StorePlace::Memory => "in memory, all is forgotten at the end".to_owned(),
        StorePlace::Sqlite(folder, durability) => {
            let durability = match durability {
                Durability::Full => "full",
                Durability::Relaxed => "RELAXED",
            };
            format!("in {}, durability {durability}", folder.display())
        }
    };
    let rate = match config.settings.sends {
        Some(rate) => format!("{}/s", rate.per_second),
        None => "off".to_owned(),
    };
    let beyond = serving.addresses.iter().any(|at| !is_loopback(at.ip()));
    let encrypted = match (serving.tls, beyond) {
        (Some(_), _) => ", TLS",
        (None, true) => ", NOT ENCRYPTED",
        (None, false) => "",
    };
    let mut text = format!(
        "tinychat-server {} serving on {} (auth {}{encrypted}, rate {rate}, store {store})\n",
        env!("CARGO_PKG_VERSION"),
        places.join(" and "),
        config.auth,
    );
    if let Some(address) = serving.metrics {
        text += &format!("Metrics: http://{address}/metrics\n");
    }
    if let Some(tls) = serving.tls {
        text += &format!(
            "Certificate: {}\nFingerprint: {}\n",
            tls.certificate().display(),
            tls.fingerprint(),
        );
    }
    if let Some(first) = serving.addresses.first() {
        let how = how_to_connect(*first, serving.tls.is_some(), host_name());
        text += &format!("Connect with: tinychat-client {how}\n");
    }
    text
}

/// The flags of a client for this address: from here if it is loopback, else from another machine.
fn how_to_connect(address: SocketAddr, encrypted: bool, host: Option<String>) -> String {
    let server = match host.filter(|_| address.ip().is_unspecified()) {
        Some(host) => format!("{host}:{}", address.port()),
        None => address.to_string(),
    };
    match (is_loopback(address.ip()), encrypted) {
        (true, false) | (false, true) => format!("--server {server}"),
        (true, true) => format!("--tls --server {server}"),
        (false, false) => format!("--insecure --server {server}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_told_what_it_needs() {
        let how = |address: &str, encrypted| {
            how_to_connect(address.parse().unwrap(), encrypted, Some("box".to_owned()))
        };
        assert_eq!(how("127.0.0.1:7777", false), "--server 127.0.0.1:7777");
        assert_eq!(how("[::1]:7777", true), "--tls --server [::1]:7777");
        assert_eq!(how("0.0.0.0:7777", true), "--server box:7777");
        assert_eq!(how("[::]:7777", false), "--insecure --server box:7777");
        assert_eq!(how("192.0.2.1:7777", true), "--server 192.0.2.1:7777");
    }
}
