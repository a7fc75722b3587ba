//! The flags of the server, and what they mean together. Whatever cannot work is named here, before anything is opened.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use clap::{Parser, ValueEnum};
use etcetera::BaseStrategy;

use crate::{
    domain::limits::SendRate,
    store::{AuthMode, sqlite::Durability},
};

/// A self-hosted chat server: one binary, no set-up, nothing acknowledged is ever lost.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "tinychat-server",
    version,
    after_help = "Examples:\n  \
        tinychat-server                          serve this machine, store in the data folder of the user\n  \
        tinychat-server --auth trust             names without passwords\n  \
        tinychat-server --store memory           try it without a file\n\n\
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
    /// Listen beyond this machine without encryption
    #[arg(long, env = "TINYCHAT_INSECURE")]
    insecure: bool,
    /// What an acknowledgement means: full is on the disk, relaxed survives a crash of the server only
    #[arg(long, value_enum, env = "TINYCHAT_DURABILITY", default_value = "full")]
    durability: DurabilityWord,
    /// Sends per second that each user may keep up, with a burst of five seconds' worth; off lifts the limit
    #[arg(
        long,
        value_name = "N/s|off",
        env = "TINYCHAT_RATE",
        default_value = "20/s"
    )]
    rate: Rate,
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
enum DurabilityWord {
    Full,
    Relaxed,
}

/// The rate as it is typed.
#[derive(Clone, Copy, Debug)]
struct Rate(Option<SendRate>);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let number = text.strip_suffix("/s").unwrap_or(text);
        match number.parse::<u32>() {
            Ok(per_second) if per_second > 0 => Ok(Self(Some(SendRate {
                per_second,
                burst: per_second.saturating_mul(5),
            }))),
            _ => Err(format!(
                "{text:?} is no rate; use a number of sends such as 20/s, or off"
            )),
        }
    }
}

/// Reads `10s`, `500ms` or `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let error = || format!("{text:?} is no time; use 10s, 500ms or 2m");
    let number: u64 = number.parse().map_err(|_| error())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => number
            .checked_mul(60)
            .map(Duration::from_secs)
            .ok_or_else(error),
        _ => Err(error()),
    }
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
    /// How fast each user may send.
    pub rate: Option<SendRate>,
    /// How long streams may take to end at a stop.
    pub drain_timeout: Duration,
}

impl Config {
    /// What is printed once connections are accepted: where, and how to connect.
    pub fn greeting(&self, addresses: &[SocketAddr]) -> String {
        let places: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let store = match &self.store {
            StorePlace::Memory => "in memory, all is forgotten at the end".to_owned(),
            StorePlace::Sqlite(folder, durability) => {
                let durability = match durability {
                    Durability::Full => "full",
                    Durability::Relaxed => "RELAXED",
                };
                format!("in {}, durability {durability}", folder.display())
            }
        };
        let rate = match self.rate {
            Some(rate) => format!("{}/s", rate.per_second),
            None => "off".to_owned(),
        };
        let first = places.first().map_or("", String::as_str);
        format!(
            "tinychat-server {} serving on {} (auth {}, rate {rate}, store {store})\n\
             Connect with: tinychat-client --server {first}\n",
            env!("CARGO_PKG_VERSION"),
            places.join(" and "),
            self.auth,
        )
    }
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
        "{0} can be reached from other machines, and nothing would be encrypted; listen on 127.0.0.1, \
         or add --insecure if the network is trusted"
    )]
    Plaintext(SocketAddr),
    /// Names without proof beyond this machine.
    #[error(
        "{0} can be reached from other machines, and with --auth trust anybody could take any name; \
         use --auth password, or add --insecure if the network is trusted"
    )]
    Trust(SocketAddr),
    /// There is no home folder to put the store in.
    #[error("no data folder is known for this user; name one with --data")]
    NoDataFolder,
}

impl Flags {
    /// Checks the flags together.
    pub fn resolve(self) -> Result<Config, ConfigError> {
        for address in self
            .listen
            .iter()
            .filter(|address| !is_loopback(address.ip()))
        {
            match self.auth {
                _ if self.insecure => {}
                AuthMode::Trust => return Err(ConfigError::Trust(*address)),
                AuthMode::Password => return Err(ConfigError::Plaintext(*address)),
            }
        }
        let store = match self.store {
            StoreKind::Memory => StorePlace::Memory,
            StoreKind::Sqlite => {
                let folder = self
                    .data
                    .or_else(default_folder)
                    .ok_or(ConfigError::NoDataFolder)?;
                StorePlace::Sqlite(
                    folder,
                    match self.durability {
                        DurabilityWord::Full => Durability::Full,
                        DurabilityWord::Relaxed => Durability::Relaxed,
                    },
                )
            }
        };
        Ok(Config {
            listen: self.listen,
            store,
            auth: self.auth,
            rate: self.rate.0,
            drain_timeout: self.drain_timeout,
        })
    }
}

fn is_loopback(address: IpAddr) -> bool {
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

    fn resolve(flags: &[&str]) -> Result<Config, ConfigError> {
        let flags = ["tinychat-server"].iter().chain(flags).copied();
        Flags::try_parse_from(flags)
            .expect("the flags parse")
            .resolve()
    }

    #[test]
    fn the_defaults_are_those_of_the_design() {
        let config = resolve(&[]).unwrap();
        assert_eq!(config.listen, ["127.0.0.1:7777".parse().unwrap()]);
        assert_eq!(config.auth, AuthMode::Password);
        assert_eq!(config.rate, Some(SendRate::default()));
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
        assert!(matches!(
            resolve(&["--listen", "[::]:0", "--auth", "trust"]),
            Err(ConfigError::Trust(_))
        ));
        assert!(resolve(&["--listen", "0.0.0.0:0", "--insecure"]).is_ok());
        assert!(resolve(&["--listen", "[::1]:0", "--listen", "127.0.0.2:0"]).is_ok());
    }

    #[test]
    fn rates_and_times_are_read() {
        let rate = |text| resolve(&["--rate", text]).map(|config| config.rate);
        assert_eq!(rate("off"), Ok(None));
        assert_eq!(
            rate("3/s"),
            Ok(Some(SendRate {
                per_second: 3,
                burst: 15
            }))
        );
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "s", "10", "10h", "-1s", "99999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert!(
            ["", "0/s", "-1/s", "x"]
                .iter()
                .all(|bad| bad.parse::<Rate>().is_err())
        );
    }
}
