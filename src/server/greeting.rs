//! What the server prints once connections are accepted: where it serves, how, and how to connect.

use std::net::SocketAddr;

use super::{
    config::{Config, StorePlace},
    tls::Tls,
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
    let encrypted = if serving.tls.is_some() { ", TLS" } else { "" };
    let mut text = format!(
        "tinychat-server {} serving on {} (auth {}{encrypted}, rate {rate}, store {store})\n",
        env!("CARGO_PKG_VERSION"),
        places.join(" and "),
        config.auth,
    );
    if let Some(address) = serving.metrics {
        text += &format!("Metrics: http://{address}/metrics\n");
    }
    let first = places.first().map_or("", String::as_str);
    match serving.tls {
        None => text += &format!("Connect with: tinychat-client --server {first}\n"),
        Some(tls) => {
            text += &format!(
                "Certificate: {}\nFingerprint: {}\nConnect with: tinychat-client --tls --server {first}\n",
                tls.certificate().display(),
                tls.fingerprint(),
            );
        }
    }
    text
}
