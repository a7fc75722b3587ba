//! The flags of the server, and what they mean together. Whatever cannot work is named here, before anything is opened.

mod values;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::{Parser, ValueEnum};
use etcetera::BaseStrategy;

use self::values::{Age, Rate, Room, bytes, duration};
use super::tls::TlsSource;
use crate::{
    domain::limits::{AttemptRates, ConnectionLimits, FileLimits, Settings},
    store::{AuthMode, sqlite::Durability},
};

/// File descriptors that are not for connections: the store, the listeners, the logs, and room to spare.
const DESCRIPTORS_KEPT: u64 = 256;

/// A self-hosted chat server: one binary, no set-up, nothing acknowledged is ever lost.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "tinychat-server",
    version,
    after_help = "Examples:\n  \
        tinychat-server                          serve this machine, store in the data folder of the user\n  \
        tinychat-server --auth trust             names without passwords\n  \
        tinychat-server --store memory           try it without a file\n  \
        tinychat-server --listen 0.0.0.0:7777 --tls self-signed\n                                           \
                                                 serve a network, encrypted, with a key of its own\n\n\
        SIGHUP reads the certificate again.\n\
        Exit codes: 0 stopped cleanly, 1 could not start or lost its disk, 2 wrong flags"
)]
pub struct Flags {
    /// Address to listen on; may be given several times. Port 0 takes a free one.
    #[arg(
        long,
        value_name = "ADDR",
        env = "TINYCHAT_LISTEN",
        value_delimiter = ',',
        default_value = "127.0.0.1:7777"
    )]
    listen: Vec<SocketAddr>,
    /// Folder of the store [default: tinychat in the data folder of the user]
    #[arg(long, value_name = "DIR", env = "TINYCHAT_DATA")]
    data: Option<PathBuf>,
    /// Where messages are kept: sqlite is a file, memory forgets all at the end
    #[arg(long, value_enum, env = "TINYCHAT_STORE", default_value = "sqlite")]
    store: StoreKind,
    /// How users prove who they are: password, or trust: whoever gives a name is that user
    #[arg(
        long,
        value_name = "MODE",
        env = "TINYCHAT_AUTH",
        default_value = "password"
    )]
    auth: AuthMode,
    /// Encrypt with a certificate that the server makes for itself, once; clients pin it
    #[arg(
        long,
        value_enum,
        value_name = "KIND",
        env = "TINYCHAT_TLS",
        conflicts_with_all = ["tls_cert", "tls_key"]
    )]
    tls: Option<TlsWord>,
    /// Encrypt with the certificate in this PEM file, the ones that vouch for it after it
    #[arg(
        long,
        value_name = "FILE",
        env = "TINYCHAT_TLS_CERT",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "TINYCHAT_TLS_KEY",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// Listen beyond this machine without encryption, or with --auth trust
    #[arg(long, env = "TINYCHAT_INSECURE")]
    insecure: bool,
    /// Serve http://ADDR/metrics for Prometheus; an address of this machine
    #[arg(long, value_name = "ADDR", env = "TINYCHAT_METRICS")]
    metrics: Option<SocketAddr>,
    /// What an acknowledgement means: full is on the disk, relaxed survives a crash of the server only
    #[arg(long, value_enum, env = "TINYCHAT_DURABILITY", default_value = "full")]
    durability: DurabilityWord,
    /// Sends per second that each user may keep up, with a burst of five seconds' worth; off lifts every limit of rate,
    /// that of logins too
    #[arg(
        long,
        value_name = "N/s|off",
        env = "TINYCHAT_RATE",
        default_value = "20/s"
    )]
    rate: Rate,
    /// Failed logins in a minute with one name from one address; 0: no limit
    #[arg(
        long,
        value_name = "N",
        env = "TINYCHAT_FAILED_LOGINS_PER_MINUTE",
        default_value_t = 5
    )]
    failed_logins_per_minute: u32,
    /// Failed logins in a minute from one address of another machine, whatever the name; 0: no limit
    #[arg(
        long,
        value_name = "N",
        env = "TINYCHAT_FAILED_LOGINS_PER_ADDRESS_PER_MINUTE",
        default_value_t = 60
    )]
    failed_logins_per_address_per_minute: u32,
    /// New accounts in a minute from one address of another machine; 0: no limit
    #[arg(
        long,
        value_name = "N",
        env = "TINYCHAT_REGISTERS_PER_ADDRESS_PER_MINUTE",
        default_value_t = 30
    )]
    registers_per_address_per_minute: u32,
    /// Connections at once [default: what the system lets this process open, less 256]
    #[arg(long, value_name = "N", env = "TINYCHAT_CONNECTIONS_MAX", value_parser = clap::value_parser!(u32).range(1..))]
    connections_max: Option<u32>,
    /// Connections at once from one address of another machine (an IPv6 /64 is one)
    #[arg(long, value_name = "N", env = "TINYCHAT_CONNECTIONS_PER_ADDRESS_MAX", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    connections_per_address_max: u32,
    /// Largest file that may be sent
    #[arg(long, value_name = "SIZE", env = "TINYCHAT_FILE_SIZE", default_value = "100MiB", value_parser = bytes)]
    file_size: u64,
    /// Room that the files of one user may take
    #[arg(
        long,
        value_name = "SIZE|off",
        env = "TINYCHAT_FILES_PER_USER",
        default_value = "1GiB"
    )]
    files_per_user: Room,
    /// Age, give or take a tenth, at which a connection is told to make way for a new one
    #[arg(
        long,
        value_name = "TIME|off",
        env = "TINYCHAT_CONNECTION_AGE",
        default_value = "24h"
    )]
    connection_age: Age,
    /// How long streams may take to end at a stop
    #[arg(long, value_name = "TIME", env = "TINYCHAT_DRAIN_TIMEOUT", default_value = "10s", value_parser = duration)]
    drain_timeout: Duration,
}

/// Where messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    /// In a file.
    Sqlite,
    /// Nowhere.
    Memory,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TlsWord {
    SelfSigned,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DurabilityWord {
    Full,
    Relaxed,
}

/// What the server does, after everything was checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: Vec<SocketAddr>,
    /// Where it keeps things.
    pub store: StorePlace,
    /// How users prove who they are.
    pub auth: AuthMode,
    /// Where the certificate comes from; `None`: nothing is encrypted.
    pub tls: Option<TlsSource>,
    /// Where metrics are served.
    pub metrics: Option<SocketAddr>,
    /// What an operator can limit.
    pub settings: Settings,
    /// Age at which a connection is told to go.
    pub connection_age: Option<Duration>,
    /// How long streams may take to end at a stop.
    pub drain_timeout: Duration,
}

/// Where things are kept.
#[derive(Clone, Debug)]
pub enum StorePlace {
    /// In a folder.
    Sqlite(PathBuf, Durability),
    /// Nowhere.
    Memory,
}

/// Flags that cannot be served together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Plaintext beyond this machine.
    #[error(
        "{0} can be reached from other machines, and nothing would be encrypted; add --tls self-signed or \
         --tls-cert and --tls-key, listen on 127.0.0.1, or add --insecure if the network is trusted"
    )]
    Plaintext(SocketAddr),
    /// Names without proof beyond this machine.
    #[error(
        "{0} can be reached from other machines, and with --auth trust anybody could take any name; \
         use --auth password, or add --insecure if the network is trusted"
    )]
    Trust(SocketAddr),
    /// Metrics beyond this machine.
    #[error(
        "--metrics {0} can be reached from other machines, and metrics ask for no password; use an address of \
         127.0.0.1 and let what collects them run here"
    )]
    Metrics(SocketAddr),
    /// There is no home folder to put the store in.
    #[error("no data folder is known for this user; name one with --data")]
    NoDataFolder,
    /// The system lets the process open too little.
    #[error(
        "this process may open {0} files, and {DESCRIPTORS_KEPT} are kept for other things than connections; raise the \
         limit with ulimit -n"
    )]
    TooFewDescriptors(u64),
}

impl Flags {
    /// Checks the flags together, for a process that may open so many file descriptors.
    pub fn resolve(self, descriptors: u64) -> Result<Config, ConfigError> {
        let beyond = |address: &&SocketAddr| !is_loopback(address.ip());
        let encrypted = self.tls.is_some() || self.tls_cert.is_some();
        for address in self.listen.iter().filter(beyond) {
            match self.auth {
                _ if self.insecure => {}
                AuthMode::Trust => return Err(ConfigError::Trust(*address)),
                AuthMode::Password if encrypted => {}
                AuthMode::Password => return Err(ConfigError::Plaintext(*address)),
            }
        }
        if let Some(address) = self.metrics.iter().find(beyond) {
            return Err(ConfigError::Metrics(*address));
        }
        let folder = || {
            let given = self.data.clone().or_else(default_folder);
            given.ok_or(ConfigError::NoDataFolder)
        };
        let store = match (self.store, self.durability) {
            (StoreKind::Memory, _) => StorePlace::Memory,
            (StoreKind::Sqlite, DurabilityWord::Full) => {
                StorePlace::Sqlite(folder()?, Durability::Full)
            }
            (StoreKind::Sqlite, DurabilityWord::Relaxed) => {
                StorePlace::Sqlite(folder()?, Durability::Relaxed)
            }
        };
        let tls = match (self.tls, self.tls_cert, self.tls_key) {
            (Some(TlsWord::SelfSigned), _, _) => Some(TlsSource::SelfSigned(folder()?)),
            (None, Some(certificate), Some(key)) => Some(TlsSource::Files { certificate, key }),
            (None, _, _) => None,
        };
        let Rate(sends) = self.rate;
        let attempts = match sends {
            Some(_) => AttemptRates {
                failed_logins: self.failed_logins_per_minute,
                failed_logins_per_address: self.failed_logins_per_address_per_minute,
                registers_per_address: self.registers_per_address_per_minute,
            },
            None => Settings::UNLIMITED.attempts,
        };
        let connections = connections(
            self.connections_max,
            self.connections_per_address_max,
            descriptors,
        )?;
        Ok(Config {
            listen: self.listen,
            store,
            auth: self.auth,
            tls,
            metrics: self.metrics,
            settings: Settings {
                sends,
                attempts,
                connections,
                files: FileLimits {
                    file: self.file_size,
                    per_user: self.files_per_user.0,
                },
            },
            connection_age: self.connection_age.0,
            drain_timeout: self.drain_timeout,
        })
    }
}

/// How many connections may be open: as many as wished, but never more than there are descriptors for.
fn connections(
    wished: Option<u32>,
    per_address: u32,
    descriptors: u64,
) -> Result<ConnectionLimits, ConfigError> {
    let possible = descriptors
        .checked_sub(DESCRIPTORS_KEPT)
        .filter(|&left| left > 0);
    let possible = possible.ok_or(ConfigError::TooFewDescriptors(descriptors))?;
    let all = wished.map_or(possible, |wished| u64::from(wished).min(possible));
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(ConnectionLimits {
        all: number(all),
        per_address: number(per_address.into()),
    })
}

/// Whether only this machine reaches an address.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn default_folder() -> Option<PathBuf> {
    etcetera::choose_base_strategy()
        .ok()
        .map(|base| base.data_dir().join("tinychat"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limits::{FileLimits, SendRate};

    fn resolve(flags: &[&str]) -> Result<Config, ConfigError> {
        let flags = ["tinychat-server"].iter().chain(flags).copied();
        Flags::try_parse_from(flags)
            .expect("the flags parse")
            .resolve(1_024)
    }

    #[test]
    fn the_defaults_are_those_of_the_design() {
        let config = resolve(&[]).unwrap();
        assert_eq!(config.listen, ["127.0.0.1:7777".parse().unwrap()]);
        assert_eq!(config.auth, AuthMode::Password);
        let settings = Settings {
            sends: Some(SendRate::default()),
            attempts: AttemptRates::default(),
            connections: ConnectionLimits {
                all: 1_024 - 256,
                per_address: 256,
            },
            files: FileLimits {
                file: 100 << 20,
                per_user: Some(1 << 30),
            },
        };
        assert_eq!(config.settings, settings);
        assert_eq!((config.tls, config.metrics), (None, None));
        assert_eq!(config.connection_age, Some(Duration::from_secs(86_400)));
        assert_eq!(config.drain_timeout, Duration::from_secs(10));
        assert!(matches!(
            config.store,
            StorePlace::Sqlite(_, Durability::Full)
        ));
    }

    #[test]
    fn beyond_this_machine_only_when_told() {
        let beyond = ["--listen", "0.0.0.0:0"];
        assert!(matches!(resolve(&beyond), Err(ConfigError::Plaintext(_))));
        let trusting = |flags: &[&str]| {
            let trust = ["--listen", "[::]:0", "--auth", "trust"];
            resolve(&[&trust[..], flags].concat())
        };
        assert!(matches!(trusting(&[]), Err(ConfigError::Trust(_))));
        let encrypted = ["--tls", "self-signed", "--data", "/x"];
        assert!(matches!(trusting(&encrypted), Err(ConfigError::Trust(_))));
        assert!(trusting(&["--insecure"]).is_ok());
        assert!(resolve(&["--listen", "0.0.0.0:0", "--insecure"]).is_ok());
        assert!(resolve(&[&beyond[..], &encrypted].concat()).is_ok());
        assert!(resolve(&["--listen", "[::1]:0", "--listen", "127.0.0.2:0"]).is_ok());
        let metrics = resolve(&["--metrics", "0.0.0.0:9000", "--insecure"]);
        assert!(matches!(metrics, Err(ConfigError::Metrics(_))));
    }

    #[test]
    fn a_certificate_comes_from_one_place() {
        let parse = |flags: &[&str]| {
            Flags::try_parse_from(["tinychat-server"].iter().chain(flags).copied()).is_ok()
        };
        assert!(parse(&["--tls-cert", "c", "--tls-key", "k"]));
        assert!(!parse(&["--tls-cert", "c"]) && !parse(&["--tls-key", "k"]));
        assert!(!parse(&[
            "--tls",
            "self-signed",
            "--tls-cert",
            "c",
            "--tls-key",
            "k"
        ]));
        let made = resolve(&["--tls", "self-signed", "--data", "/x"]).unwrap();
        assert_eq!(made.tls, Some(TlsSource::SelfSigned("/x".into())));
    }

    #[test]
    fn attempts_are_as_often_as_told() {
        let attempts = |flags: &[&str]| resolve(flags).unwrap().settings.attempts;
        assert_eq!(attempts(&[]), AttemptRates::default());
        let told = [
            "--failed-logins-per-minute",
            "1",
            "--failed-logins-per-address-per-minute",
            "0",
            "--registers-per-address-per-minute",
            "3",
        ];
        let expected = AttemptRates {
            failed_logins: 1,
            failed_logins_per_address: 0,
            registers_per_address: 3,
        };
        assert_eq!(attempts(&told), expected);
    }

    #[test]
    fn off_lifts_every_rate_and_connections_fit_the_descriptors() {
        let off = resolve(&["--rate", "off"]).unwrap().settings;
        assert_eq!(off.sends, None);
        assert_eq!(off.attempts, Settings::UNLIMITED.attempts);
        let all = |flags: &[&str]| resolve(flags).unwrap().settings.connections.all;
        assert_eq!(all(&["--connections-max", "9"]), 9);
        assert_eq!(all(&["--connections-max", "5000"]), 768);
        let few = Flags::try_parse_from(["tinychat-server"]).unwrap();
        let error = few.resolve(256).unwrap_err();
        assert_eq!(error, ConfigError::TooFewDescriptors(256));
    }
}
