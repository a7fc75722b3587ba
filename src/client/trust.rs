//! Servers that were trusted once: the pins, and the question before the first one.
//!
//! As ssh does it: the first contact with a server for which nobody vouches shows its fingerprint and asks; from then on
//! that certificate, and no other, is the server. The pins are lines of `known_servers` in the state folder.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{
    exit::Failure,
    login::ask,
    net::{
        connect::ServerAddress,
        dial::{Dial, DialError},
        tls::{Security, TlsFailure, Trust},
    },
    state,
};
use crate::domain::fingerprint::Fingerprint;

/// The file of the pins.
const FILE: &str = "known_servers";
/// A line has some 120 bytes: this is room for eight thousand servers.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// How the user wants a server to be reached.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The server.
    pub server: &'a ServerAddress,
    /// Encrypted even on this machine.
    pub tls: bool,
    /// In the clear even beyond it.
    pub insecure: bool,
    /// Trusting the authorities in this file.
    pub authorities: Option<&'a Path>,
    /// Whether there is somebody to ask.
    pub may_ask: bool,
}

/// How a server can be reached, as far as that is known without asking anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Met {
    /// So.
    Known(Security),
    /// Nobody vouches for it: whether to trust its certificate is for the user to say.
    Unknown(Fingerprint),
}

/// Decides how a server is reached, asking on a terminal when nobody vouches for it.
pub async fn decide(wish: &Wish<'_>, known: &KnownServers) -> Result<Security, Failure> {
    let server = wish.server;
    match meet(wish, known).await? {
        Met::Known(security) => Ok(security),
        Met::Unknown(fingerprint) if wish.may_ask => first_contact(server, fingerprint, known),
        Met::Unknown(fingerprint) => Err(untrusted(&TlsFailure::Unknown {
            server: server.as_str().to_owned(),
            fingerprint,
        })),
    }
}

/// Finds out how a server is reached, asking nobody but the server.
pub async fn meet(wish: &Wish<'_>, known: &KnownServers) -> Result<Met, Failure> {
    if let Some(security) = unasked(wish, known)? {
        return Ok(Met::Known(security));
    }
    let by_system = Security::Tls(Trust::System);
    let dial = Dial::new(wish.server, &by_system).map_err(|failure| untrusted(&failure))?;
    match dial.dial().await {
        Ok(_) => Ok(Met::Known(by_system)),
        // Whether it can be reached is for whoever calls it next to say, and to try again.
        Err(DialError::Io(_)) => Ok(Met::Known(by_system)),
        Err(DialError::Tls(TlsFailure::Unknown { fingerprint, .. })) => {
            Ok(Met::Unknown(fingerprint))
        }
        Err(DialError::Tls(failure)) => Err(untrusted(&failure)),
    }
}

/// Returns how a server is reached, if that follows from what the user wants and has trusted, whatever the server shows.
///
/// A pin wins over everything: whoever trusted a certificate never goes back to plaintext by a forgotten flag.
pub fn unasked(wish: &Wish<'_>, known: &KnownServers) -> Result<Option<Security>, Failure> {
    let server = wish.server;
    if let Some(pinned) = known.find(server)? {
        if wish.insecure {
            return Err(Failure::usage(format!(
                "you trusted the certificate of {0}, and --insecure would send in the clear; leave it out, or forget the \
                 certificate with tinychat-client --server {0} forget",
                server.as_str()
            )));
        }
        return Ok(Some(Security::Tls(Trust::Pinned(pinned))));
    }
    if let Some(file) = wish.authorities {
        return Ok(Some(Security::Tls(Trust::Authorities(file.to_owned()))));
    }
    let in_the_clear = wish.insecure || (server.is_loopback() && !wish.tls);
    Ok(in_the_clear.then_some(Security::Plaintext))
}

fn first_contact(
    server: &ServerAddress,
    fingerprint: Fingerprint,
    known: &KnownServers,
) -> Result<Security, Failure> {
    let answer = ask(&format!(
        "Nobody whom this machine trusts vouches for the certificate of {}.\n\
         Its fingerprint is {fingerprint}\n\
         Compare it with what the server printed at its start. Trust it from now on? [y/N] ",
        server.as_str()
    ))?;
    if !matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Err(Failure::auth(format!(
            "{} is not trusted, so nothing was sent to it; start again to be asked again",
            server.as_str()
        )));
    }
    known.keep(server, fingerprint)?;
    Ok(Security::Tls(Trust::Pinned(fingerprint)))
}

/// A server that is not trusted counts as one that is not reached.
fn untrusted(failure: &TlsFailure) -> Failure {
    Failure::told(4, failure.to_string())
}

/// The file of the pins.
#[derive(Clone, Debug)]
pub struct KnownServers {
    file: PathBuf,
}

impl KnownServers {
    /// The file of this user, beside the remembered logins.
    pub fn of_user() -> Result<Self, Failure> {
        Ok(Self::in_folder(&state::folder_of_user()?))
    }

    /// A file in a folder of one's own.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            file: folder.join(FILE),
        }
    }

    /// Returns what a server was trusted with.
    pub fn find(&self, server: &ServerAddress) -> Result<Option<Fingerprint>, Failure> {
        for line in self.lines()? {
            let Some((_, pinned)) = line.split_once(' ').filter(|(name, _)| is(name, server))
            else {
                continue;
            };
            // To take a broken pin for none would be to ask as if the server were new.
            return pinned.trim().parse().map(Some).map_err(|_| {
                Failure::other(format!(
                    "the line of {} in {} holds no fingerprint; forget it with tinychat-client --server {0} forget",
                    server.as_str(),
                    self.file.display()
                ))
            });
        }
        Ok(None)
    }

    /// Trusts a server from now on.
    pub fn keep(&self, server: &ServerAddress, fingerprint: Fingerprint) -> Result<(), Failure> {
        let mut lines = self.without(server)?;
        lines.push(format!("{} {fingerprint}", canonical(server)));
        self.write(&lines)
    }

    /// Forgets a server; returns whether it was known.
    pub fn forget(&self, server: &ServerAddress) -> Result<bool, Failure> {
        let (before, lines) = (self.lines()?.len(), self.without(server)?);
        let known = lines.len() < before;
        if known {
            self.write(&lines)?;
        }
        Ok(known)
    }

    fn without(&self, server: &ServerAddress) -> Result<Vec<String>, Failure> {
        let mut lines = self.lines()?;
        lines.retain(|line| !is(line.split(' ').next().unwrap_or_default(), server));
        Ok(lines)
    }

    fn lines(&self) -> Result<Vec<String>, Failure> {
        let file = match fs::File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.trouble("read", &error)),
        };
        let mut text = String::new();
        file.take(FILE_BYTES_MAX + 1)
            .read_to_string(&mut text)
            .map_err(|error| self.trouble("read", &error))?;
        // Read in part it would be written shorter, and the pins at its end would be lost.
        if text.len() as u64 > FILE_BYTES_MAX {
            let error =
                io::Error::other("it is longer than 1 MiB; remove lines that you do not need");
            return Err(self.trouble("read", &error));
        }
        Ok(text.lines().map(Into::into).collect())
    }

    /// Writes the file whole beside its place and puts it there.
    fn write(&self, lines: &[String]) -> Result<(), Failure> {
        let write = || -> io::Result<()> {
            let folder = self.file.parent().unwrap_or(Path::new("."));
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
            let random = getrandom::u64().map_err(io::Error::other)?;
            let fresh = folder.join(format!(".{random:016x}.new"));
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&fresh)?;
            let mut text = lines.join("\n");
            text.push('\n');
            let written = file
                .write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
                .and_then(|()| fs::rename(&fresh, &self.file));
            if written.is_err() {
                // The error that matters is the first one.
                let _ = fs::remove_file(&fresh);
            }
            written
        };
        write().map_err(|error| self.trouble("write", &error))
    }

    fn trouble(&self, act: &str, error: &io::Error) -> Failure {
        Failure::other(format!(
            "cannot {act} {}: {error}; see to the rights of that place, or set XDG_STATE_HOME",
            self.file.display()
        ))
    }
}

/// Names of hosts have no case, and a port has one way to be written (see `ServerAddress`).
fn canonical(server: &ServerAddress) -> String {
    server.as_str().to_ascii_lowercase()
}

fn is(name: &str, server: &ServerAddress) -> bool {
    name == canonical(server)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn server(text: &str) -> ServerAddress {
        text.parse().unwrap()
    }

    fn wish(server: &ServerAddress) -> Wish<'_> {
        Wish {
            server,
            tls: false,
            insecure: false,
            authorities: None,
            may_ask: false,
        }
    }

    #[test]
    fn a_pin_is_kept_replaced_and_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let known = KnownServers::in_folder(&home.path().join("state"));
        let (here, there) = (server("Chat.lan:7777"), server("chat.lan:7778"));
        assert_eq!(known.find(&here), Ok(None));
        assert_eq!(known.forget(&here), Ok(false));
        let (first, second) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
        known.keep(&here, first).unwrap();
        known.keep(&there, second).unwrap();
        assert_eq!(known.find(&server("chat.LAN:7777")), Ok(Some(first)));
        known.keep(&here, second).unwrap();
        assert_eq!(known.find(&here), Ok(Some(second)));
        let mode = fs::metadata(&known.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(known.forget(&here), Ok(true));
        assert_eq!(known.find(&here), Ok(None));
        assert_eq!(known.find(&there), Ok(Some(second)));
    }

    #[test]
    fn a_broken_pin_is_not_taken_for_none() {
        let home = tempfile::tempdir().unwrap();
        let known = KnownServers::in_folder(home.path());
        fs::write(&known.file, "chat.lan:1 SHA256:00\n").unwrap();
        assert!(known.find(&server("chat.lan:1")).is_err());
        assert_eq!(known.forget(&server("chat.lan:1")), Ok(true));
    }

    #[tokio::test]
    async fn plaintext_is_for_this_machine_or_for_who_insists_and_never_for_a_pinned_server() {
        let home = tempfile::tempdir().unwrap();
        let known = KnownServers::in_folder(home.path());
        let (here, there) = (server("127.0.0.1:1"), server("chat.lan:1"));
        assert_eq!(decide(&wish(&here), &known).await, Ok(Security::Plaintext));
        let insisting = Wish {
            insecure: true,
            ..wish(&there)
        };
        assert_eq!(decide(&insisting, &known).await, Ok(Security::Plaintext));
        let with_file = Wish {
            authorities: Some(Path::new("ca.pem")),
            ..wish(&here)
        };
        let authorities = Security::Tls(Trust::Authorities("ca.pem".into()));
        assert_eq!(decide(&with_file, &known).await, Ok(authorities));
        let pin = Fingerprint::of(b"1");
        known.keep(&here, pin).unwrap();
        known.keep(&there, pin).unwrap();
        let pinned = Security::Tls(Trust::Pinned(pin));
        assert_eq!(decide(&wish(&here), &known).await, Ok(pinned));
        let Err(Failure::Told { code: 2, text, .. }) = decide(&insisting, &known).await else {
            panic!("plaintext to a pinned server");
        };
        assert!(text.contains("forget"), "{text}");
    }

    #[tokio::test]
    async fn a_server_that_cannot_be_reached_is_left_to_the_next_call() {
        let home = tempfile::tempdir().unwrap();
        let known = KnownServers::in_folder(home.path());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = server(&listener.local_addr().unwrap().to_string());
        drop(listener);
        let encrypted = Wish {
            tls: true,
            ..wish(&nobody)
        };
        let decided = decide(&encrypted, &known).await;
        assert_eq!(decided, Ok(Security::Tls(Trust::System)));
    }
}
