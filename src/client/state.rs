//! Remembered logins: one file per server and user, with the token and how well the server was known when it was made.
//!
//! The folder is for its owner alone (0700), each file too (0600), and a file is there whole or not
//! at all: it is written beside its place and renamed. Knows nothing of servers.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use etcetera::BaseStrategy;

use crate::domain::name::UserName;

use super::{
    exit::Failure,
    net::{connect::ServerAddress, tls::Assurance},
};

/// What stands between server and user in a file's name: in neither of them.
const SEPARATOR: &str = "@@";
/// How a file's name ends.
const ENDING: &str = ".token";
/// A token has 47 bytes, a fingerprint 102; a file with more is not ours.
const TOKEN_BYTES_MAX: u64 = 4096;

/// A remembered login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Its token.
    pub token: String,
    /// How well the server was known when the token was made.
    pub assurance: Assurance,
}

/// Where a login is remembered, and since when it was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginPlace {
    /// The server.
    pub server: ServerAddress,
    /// The user.
    pub user: UserName,
    /// When it was last used, if the file system says so.
    pub used: Option<SystemTime>,
}

/// The folder of remembered logins.
#[derive(Clone, Debug)]
pub struct Logins {
    folder: PathBuf,
}

impl Logins {
    /// The folder of this user: `$XDG_STATE_HOME/tinychat`, else `~/.local/state/tinychat`.
    pub fn of_user() -> Result<Self, Failure> {
        Ok(Self::in_folder(folder_of_user()?))
    }

    /// A folder of one's own.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Returns the login of a user at a server, if one is remembered.
    pub fn find(
        &self,
        server: &ServerAddress,
        user: &UserName,
    ) -> Result<Option<Remembered>, Failure> {
        let path = self.path(server, user);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(trouble("read", &path, &error)),
        };
        let mut text = String::new();
        match file.take(TOKEN_BYTES_MAX).read_to_string(&mut text) {
            Ok(_) => Ok(remembered(&text)),
            // Not text, so not a token: as good as none.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
            Err(error) => Err(trouble("read", &path, &error)),
        }
    }

    /// Returns the users with a remembered login at a server, sorted.
    pub fn users(&self, server: &ServerAddress) -> Result<Vec<UserName>, Failure> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(trouble("read", &self.folder, &error)),
        };
        let prefix = format!("{}{SEPARATOR}", server.as_str());
        let user = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_prefix(&prefix)?
                .strip_suffix(ENDING)?
                .parse()
                .ok()
        };
        let mut users: Vec<UserName> = entries.flatten().filter_map(user).collect();
        users.sort();
        Ok(users)
    }

    /// Returns all remembered logins, sorted by server and user, with the time of their last use.
    pub fn all(&self) -> Result<Vec<LoginPlace>, Failure> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(trouble("read", &self.folder, &error)),
        };
        let place = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            let (server, user) = name.strip_suffix(ENDING)?.split_once(SEPARATOR)?;
            Some(LoginPlace {
                server: server.parse().ok()?,
                user: user.parse().ok()?,
                used: entry.metadata().and_then(|it| it.modified()).ok(),
            })
        };
        let mut all: Vec<LoginPlace> = entries.flatten().filter_map(place).collect();
        all.sort_by(|one, other| {
            let place = |it: &LoginPlace| (it.server.as_str().to_owned(), it.user.clone());
            place(one).cmp(&place(other))
        });
        Ok(all)
    }

    /// Notes that a login is used now. That it could not be noted is no reason to stop.
    pub fn touch(&self, server: &ServerAddress, user: &UserName) {
        let file = File::options().append(true).open(self.path(server, user));
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// Remembers a login.
    pub fn keep(
        &self,
        server: &ServerAddress,
        user: &UserName,
        login: &Remembered,
    ) -> Result<(), Failure> {
        let path = self.path(server, user);
        self.write(&path, &format!("{}\n{}", login.token, login.assurance))
            .map_err(|error| trouble("write", &path, &error))
    }

    /// Fails if no login could be kept.
    pub fn check_writable(&self) -> Result<(), Failure> {
        let random = getrandom::u64().unwrap_or_default();
        let probe = self.folder.join(format!(".{random:016x}.probe"));
        self.write(&probe, "")
            .and_then(|()| fs::remove_file(&probe))
            .map_err(|error| trouble("write", &probe, &error))
    }

    /// Forgets a token.
    pub fn forget(&self, server: &ServerAddress, user: &UserName) -> Result<(), Failure> {
        let path = self.path(server, user);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(trouble("remove", &path, &error))
            }
            _ => Ok(()),
        }
    }

    /// Forgets this token of a user; one that has taken its place since stays.
    pub fn forget_this(
        &self,
        server: &ServerAddress,
        user: &UserName,
        token: &str,
    ) -> Result<(), Failure> {
        match self.find(server, user)? {
            Some(found) if found.token != token => Ok(()),
            _ => self.forget(server, user),
        }
    }

    /// Forgets all tokens of a server; returns how many there were.
    pub fn forget_all(&self, server: &ServerAddress) -> Result<usize, Failure> {
        let users = self.users(server)?;
        for user in &users {
            self.forget(server, user)?;
        }
        Ok(users.len())
    }

    fn path(&self, server: &ServerAddress, user: &UserName) -> PathBuf {
        // An address has no slash and a name begins with a letter or digit: neither leaves the folder.
        self.folder
            .join(format!("{}{SEPARATOR}{user}{ENDING}", server.as_str()))
    }

    fn write(&self, path: &Path, token: &str) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let random = getrandom::u64().map_err(io::Error::other)?;
        let fresh = self.folder.join(format!(".{random:016x}.new"));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        let written = file
            .write_all(format!("{token}\n").as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&fresh, path));
        if written.is_err() {
            // The error that matters is the first one.
            let _ = fs::remove_file(&fresh);
        }
        written
    }
}

/// What a file says; `None`: it is not whole, or of another program.
fn remembered(text: &str) -> Option<Remembered> {
    let (token, assurance) = text.trim_end().split_once('\n')?;
    let login = Remembered {
        token: token.to_owned(),
        assurance: assurance.parse().ok()?,
    };
    (!token.is_empty()).then_some(login)
}

/// The folder of what the client remembers for this user.
pub fn folder_of_user() -> Result<PathBuf, Failure> {
    let strategy = etcetera::base_strategy::Xdg::new().ok();
    let state = strategy.and_then(|strategy| strategy.state_dir());
    let state = state.ok_or_else(|| {
        Failure::other("there is no home folder to keep the login in; set HOME or XDG_STATE_HOME")
    })?;
    Ok(state.join("tinychat"))
}

fn trouble(act: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::other(format!(
        "cannot {act} {}: {error}; see to the rights of that place, or set XDG_STATE_HOME",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::domain::fingerprint::Fingerprint;

    fn server(text: &str) -> ServerAddress {
        text.parse().unwrap()
    }

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    fn login(token: &str, assurance: Assurance) -> Remembered {
        let token = token.to_owned();
        Remembered { token, assurance }
    }

    #[test]
    fn a_token_is_kept_for_its_owner_alone_and_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let logins = Logins::in_folder(home.path().join("state/tinychat"));
        let here = server("127.0.0.1:7777");
        let ann = name("ann");
        assert_eq!(logins.find(&here, &ann), Ok(None));
        logins.forget(&here, &ann).unwrap();
        let first = login("first", Assurance::Plaintext);
        logins.keep(&here, &ann, &first).unwrap();
        let second = login("second", Assurance::Pinned(Fingerprint::of(b"1")));
        logins.keep(&here, &ann, &second).unwrap();
        assert_eq!(logins.find(&here, &ann), Ok(Some(second)));

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&logins.folder), 0o700);
        assert_eq!(mode(&logins.path(&here, &ann)), 0o600);
        assert_eq!(
            fs::read_dir(&logins.folder).unwrap().count(),
            1,
            "nothing is left beside it"
        );

        logins.forget(&here, &ann).unwrap();
        assert_eq!(logins.find(&here, &ann), Ok(None));
    }

    #[test]
    fn logins_of_other_servers_are_not_mixed_up() {
        let home = tempfile::tempdir().unwrap();
        let logins = Logins::in_folder(home.path().to_owned());
        let (here, there) = (server("[::1]:7777"), server("localhost:7777"));
        assert_eq!(logins.users(&here), Ok(Vec::new()));
        let x = login("x", Assurance::Vouched);
        for user in ["bob", "ann"] {
            logins.keep(&here, &name(user), &x).unwrap();
        }
        logins.keep(&there, &name("carol"), &x).unwrap();
        fs::write(home.path().join("notes.txt"), "not a token").unwrap();
        assert_eq!(logins.users(&here), Ok(vec![name("ann"), name("bob")]));
        assert_eq!(logins.users(&there), Ok(vec![name("carol")]));
        assert_eq!(logins.forget_all(&here), Ok(2));
        assert_eq!(logins.users(&here), Ok(Vec::new()));
        assert_eq!(logins.find(&there, &name("carol")), Ok(Some(x)));
    }

    #[test]
    fn all_logins_are_listed_with_the_time_of_their_last_use() {
        let home = tempfile::tempdir().unwrap();
        let logins = Logins::in_folder(home.path().join("state"));
        assert_eq!(logins.all(), Ok(Vec::new()));
        let x = login("x", Assurance::Plaintext);
        let (here, there) = (server("127.0.0.1:7777"), server("[::1]:7777"));
        for (server, user) in [(&there, "bob"), (&here, "bob"), (&here, "ann")] {
            logins.keep(server, &name(user), &x).unwrap();
        }
        for strange in ["notes.txt", "x@@y.token", "127.0.0.1:7777@@.token"] {
            fs::write(logins.folder.join(strange), "x").unwrap();
        }
        let all = logins.all().unwrap();
        let places: Vec<(&str, &str)> = { all.iter() }
            .map(|it| (it.server.as_str(), it.user.as_str()))
            .collect();
        let (here_text, there_text) = (here.as_str(), there.as_str());
        assert_eq!(
            places,
            [(here_text, "ann"), (here_text, "bob"), (there_text, "bob")]
        );

        let long_ago = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
        let file = File::options()
            .append(true)
            .open(logins.path(&here, &name("ann")));
        file.unwrap().set_modified(long_ago).unwrap();
        assert_eq!(logins.all().unwrap()[0].used, Some(long_ago));
        logins.touch(&here, &name("ann"));
        assert!(logins.all().unwrap()[0].used.unwrap() > long_ago);
        assert_eq!(logins.find(&here, &name("ann")), Ok(Some(x)));
        logins.touch(&here, &name("nobody"));
        assert_eq!(logins.find(&here, &name("nobody")), Ok(None));
    }

    #[test]
    fn a_file_with_strange_bytes_is_no_login() {
        let home = tempfile::tempdir().unwrap();
        let logins = Logins::in_folder(home.path().to_owned());
        let here = server("127.0.0.1:1");
        fs::write(logins.path(&here, &name("ann")), b"\xff\xff").unwrap();
        assert_eq!(logins.find(&here, &name("ann")), Ok(None));
        for text in ["\n", "\nvouched\n", "token\n", "token\nsecret\n"] {
            fs::write(logins.path(&here, &name("bob")), text).unwrap();
            assert_eq!(logins.find(&here, &name("bob")), Ok(None), "{text:?}");
        }
    }
}
