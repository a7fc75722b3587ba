//! How the program comes to a session: a token that is given or remembered, or a name and password.
//!
//! Asks only on a terminal, and always on stderr, so that what the program prints stays clean. A
//! password is never taken from the command line and never shown, and what was read of it here is overwritten when it is let
//! go; not so what the terminal, the buffer of standard input and those of the connection have of it.

use std::{
    env, fs,
    io::{self, Write},
    path::Path,
};

use tokio::task::spawn_blocking;

use crate::{
    domain::{limits::DEVICE_NAME_CHARS_MAX, name::UserName},
    pb,
};

use super::{
    app::{
        secret::{Secret, wipe},
        untrusted::Untrusted,
    },
    exit::Failure,
    forgetting::{self, Forgotten},
    hidden::Hidden,
    input::{self, Typed},
    net::{
        connect::ServerAddress,
        error::{ClientError, ErrorKind},
        session::{Login, Patience, Session},
        tls::Assurance,
    },
    state::{self, Logins, Remembered},
};

/// How often a name may be given that cannot be one.
const NAME_ATTEMPTS_MAX: u32 = 3;

/// What is known before anybody is asked.
#[derive(Debug)]
pub struct LoginOptions<'a> {
    /// The server.
    pub server: &'a ServerAddress,
    /// How well it is known.
    pub assurance: Assurance,
    /// The name that was given.
    pub user: Option<&'a UserName>,
    /// The file that holds the password.
    pub password_file: Option<&'a Path>,
    /// The token that was given.
    pub token: Option<&'a str>,
    /// Whether to ask for the name even if only one login is remembered.
    pub ask_name: bool,
    /// Whether there is somebody to ask at all: a terminal, and no `--no-input`.
    pub may_ask: bool,
    /// How long to try while the server cannot be reached.
    pub patience: Patience,
    /// Whether a remembered login is good enough while the server cannot be reached: the program goes on trying.
    pub may_be_offline: bool,
}

/// A session with a login.
pub struct LoggedIn {
    /// Who is logged in.
    pub name: UserName,
    /// The secret of the login.
    pub token: String,
    /// The session.
    pub session: Session,
}

/// Comes to a session, asking on a terminal for what is missing.
pub async fn log_in(session: &Session, options: &LoginOptions<'_>) -> Result<LoggedIn, Failure> {
    if let Some(token) = options.token {
        return by_given_token(session, token, options).await;
    }
    let logins = Logins::of_user()?;
    let name = choose_name(options, &logins)?;
    if let Some(remembered) = remembered(&logins, options.server, &name, options.assurance)? {
        let answer = by_token(session, &remembered.token, options.patience).await;
        match answer.map_err(Failure::from) {
            Ok(login) if login.name == name => {
                // What people chat with is what they used; scripts run beside that.
                if options.may_be_offline {
                    logins.touch(options.server, &name);
                }
                return Ok(login);
            }
            Err(Failure::Told { code: 3, .. }) | Ok(_) => logins.forget(options.server, &name)?,
            Err(Failure::Told { code: 4, .. }) if options.may_be_offline => {
                logins.touch(options.server, &name);
                return Ok(LoggedIn {
                    session: session.with_token(&remembered.token)?,
                    token: remembered.token,
                    name,
                });
            }
            Err(failure) => return Err(failure),
        }
    }
    // Before there is a new login on the server: one that cannot be kept would be another at every run.
    logins.check_writable()?;
    let login = by_password(session, options, &name).await?;
    remember(&logins, options.server, name, options.assurance, login)
}

/// Returns the remembered login of a user, if there is one and its token may be sent to a server that is known so well.
pub(super) fn remembered(
    logins: &Logins,
    server: &ServerAddress,
    name: &UserName,
    now: Assurance,
) -> Result<Option<Remembered>, Failure> {
    let found = logins.find(server, name)?;
    // A token is as good as a password: it does not go to whoever answers at the same address.
    match found.as_ref().map(|it| it.assurance) {
        Some(made) if !made.covers(now) => Err(worse_known(server, name, made, now)),
        _ => Ok(found),
    }
}

/// Keeps a login that was just made, for the next time.
pub(super) fn remember(
    logins: &Logins,
    server: &ServerAddress,
    name: UserName,
    assurance: Assurance,
    login: Login,
) -> Result<LoggedIn, Failure> {
    let remembered = Remembered {
        token: login.access_token.clone(),
        assurance,
    };
    logins.keep(server, &name, &remembered)?;
    Ok(LoggedIn {
        name,
        token: login.access_token,
        session: login.session,
    })
}

/// Ends a login: the one that was given, or the one that is remembered. Returns what was done, for a person.
///
/// The server is told first. While it cannot be reached the login stays remembered, so that it can still be ended.
pub async fn log_out(session: &Session, options: &LoginOptions<'_>) -> Result<String, Failure> {
    let server = options.server.as_str();
    if let Some(token) = options.token {
        let login = by_given_token(session, token, options).await?;
        login.session.logout().await?;
        let done = "logged out: the token in TINYCHAT_TOKEN is void".to_owned();
        return forgotten(options.server, login.name, login.token)
            .await?
            .ending(done);
    }
    let logins = Logins::of_user()?;
    if options.user.is_none() && logins.users(options.server)?.is_empty() {
        return Err(Failure::auth(format!(
            "no login at {server} is remembered, so there is none to end; --server HOST:PORT names another server"
        )));
    }
    let name = choose_name(options, &logins)?;
    let found = remembered(&logins, options.server, &name, options.assurance)?;
    let Some(remembered) = found else {
        return Err(Failure::auth(format!(
            "no login of {name} at {server} is remembered, so there is none to end; other devices end theirs themselves"
        )));
    };
    let ended = session.with_token(&remembered.token)?.logout().await;
    match ended.map_err(Failure::from) {
        Ok(()) => {
            let done = format!("{name} is logged out of {server}");
            let forgotten = forgotten(options.server, name, remembered.token).await?;
            forgotten.ending(done)
        }
        Err(Failure::Told { code: 3, .. }) => {
            let done = format!(
                "the login of {name} at {server} had ended already; it is forgotten here, too"
            );
            let forgotten = forgotten(options.server, name, remembered.token).await?;
            forgotten.ending(done)
        }
        Err(failure) => Err(failure),
    }
}

/// Forgets a login that was ended, and what came by it.
async fn forgotten(
    server: &ServerAddress,
    name: UserName,
    token: String,
) -> Result<Forgotten, Failure> {
    let (folder, server) = (state::folder_of_user()?, server.clone());
    let forget = move || forgetting::logged_out(&folder, (&server, &name), &token);
    let done = spawn_blocking(forget).await;
    done.unwrap_or_else(|defect| {
        Err(Failure::other(format!(
            "a defect of this program: {defect}; please report it"
        )))
    })
}

fn worse_known(
    server: &ServerAddress,
    name: &UserName,
    made: Assurance,
    now: Assurance,
) -> Failure {
    let server = server.as_str();
    let made = match made {
        Assurance::Plaintext => "nothing was encrypted",
        Assurance::Vouched => "an authority vouched for the server",
        Assurance::Pinned(_) => "the server had a certificate that you trusted",
    };
    let now = match now {
        Assurance::Plaintext => "nothing is encrypted",
        Assurance::Vouched => "an authority or a file vouches for it",
        Assurance::Pinned(_) => "you alone vouch for it",
    };
    Failure::auth(format!(
        "the login of {name} at {server} was made when {made}, and now {now}, so its token was not sent; connect as \
         before, or if this is right, forget the old login with tinychat-client --server {server} forget"
    ))
}

/// A token that is given is meant for a user who is named beside it, or for nobody in particular.
async fn by_given_token(
    session: &Session,
    token: &str,
    options: &LoginOptions<'_>,
) -> Result<LoggedIn, Failure> {
    let login = by_token(session, token, options.patience).await?;
    match options.user {
        Some(user) if *user != login.name => Err(Failure::usage(format!(
            "the token in TINYCHAT_TOKEN is a login of {}, and the user that is named is {user}; leave one of the two out",
            login.name
        ))),
        _ => Ok(login),
    }
}

/// The session of a token, if that is a login.
pub(super) async fn by_token(
    session: &Session,
    token: &str,
    patience: Patience,
) -> Result<LoggedIn, ClientError> {
    let session = session.with_token(token)?;
    let user = session.who_am_i(patience).await?.user;
    let user = user.ok_or(ClientError::BadAnswer("user"))?;
    let name = Untrusted::from(user.name).to_user_name();
    let name = name.ok_or(ClientError::BadAnswer("user name"))?;
    Ok(LoggedIn {
        name,
        token: token.to_owned(),
        session,
    })
}

fn choose_name(options: &LoginOptions<'_>, logins: &Logins) -> Result<UserName, Failure> {
    if let Some(name) = options.user {
        return Ok(name.clone());
    }
    if options.may_ask && options.ask_name {
        return ask_name();
    }
    match logins.users(options.server)?.as_slice() {
        [only] => Ok(only.clone()),
        _ if options.may_ask => ask_name(),
        [] => Err(Failure::auth(
            "no login is remembered for this server; give --user NAME with --password-file FILE, \
             set TINYCHAT_TOKEN, or log in once from a terminal",
        )),
        _ => Err(Failure::usage(
            "several logins are remembered; give --user NAME",
        )),
    }
}

fn ask_name() -> Result<UserName, Failure> {
    for _ in 0..NAME_ATTEMPTS_MAX {
        match ask("Enter your name: ")?.trim().parse() {
            Ok(name) => return Ok(name),
            Err(error) => {
                let error: crate::domain::name::UserNameError = error;
                tell(&error.to_string());
            }
        }
    }
    Err(Failure::usage("no name that can be one; give --user NAME"))
}

async fn by_password(
    session: &Session,
    options: &LoginOptions<'_>,
    name: &UserName,
) -> Result<Login, Failure> {
    let device = device_name("line client");
    let info = session.server_info(options.patience).await?;
    if info.auth_mode() == pb::AuthMode::Trust {
        return Ok(session.login(name, "", &device).await?);
    }
    let password = match options.password_file {
        Some(file) => password_of(file)?,
        None if options.may_ask => ask_password("Password: ")?,
        None => {
            return Err(Failure::auth(format!(
                "no login is remembered for {name} and nobody can be asked; give \
                 --password-file FILE, set TINYCHAT_TOKEN, or log in once from a terminal"
            )));
        }
    };
    match session.login(name, password.expose(), &device).await {
        Err(error) if error.reason() == "LOGIN_FAILED" && options.may_ask => {
            create(session, options, name, &password, &device).await
        }
        Err(error) if error.kind() == ErrorKind::Auth => Err(Failure::auth(format!(
            "no login with the name {name} and that password; mind the password, or make the \
             account from a terminal with tinychat-client --user {name}"
        ))),
        answer => Ok(answer?),
    }
}

async fn create(
    session: &Session,
    options: &LoginOptions<'_>,
    name: &UserName,
    password: &Secret,
    device: &str,
) -> Result<Login, Failure> {
    if let Err(error) = password.check() {
        return Err(Failure::auth(format!(
            "no login with that name and password, and {error}; start again"
        )));
    }
    let answer = ask(&format!(
        "No login with that name and password. Create the account {name}? [y/N] "
    ))?;
    if !matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Err(Failure::auth(format!(
            "not logged in; start again for another try at the password of {name}"
        )));
    }
    if options.password_file.is_none() && ask_password("Password again: ")? != *password {
        return Err(Failure::auth(
            "the two passwords differ, so no account was made; start again",
        ));
    }
    match session.register(name, password.expose(), device).await {
        Err(error) if error.reason() == "NAME_TAKEN" => Err(Failure::auth(format!(
            "wrong password, or the name is taken; start again with the password of {name} or \
             with another name"
        ))),
        answer => Ok(answer?),
    }
}

fn password_of(file: &Path) -> Result<Secret, Failure> {
    let mut text = fs::read_to_string(file).map_err(|error| {
        Failure::auth(format!(
            "cannot read the password from {}: {error}; name a readable text file",
            file.display()
        ))
    })?;
    // Editors end a file with a line end; a password never has one.
    let line = text.lines().next().unwrap_or_default().to_owned();
    wipe(&mut text);
    Ok(line.into())
}

/// Asks on stderr for something that nobody is to see, and reads it.
pub(super) fn ask_password(question: &str) -> Result<Secret, Failure> {
    let hidden = Hidden::begin();
    let _hidden = hidden.map_err(|error| {
        Failure::auth(format!(
            "cannot hide a password on this terminal ({error}); use --password-file"
        ))
    })?;
    ask(question).map(Secret::from)
}

/// Asks on stderr and reads a line.
pub fn ask(question: &str) -> Result<String, Failure> {
    prompt(question)?;
    match input::read_line(&mut io::stdin().lock()) {
        Some(Typed::Line(line)) => Ok(line),
        Some(Typed::Undecodable) => Err(Failure::usage(
            "the answer is not UTF-8; set the terminal to UTF-8 and start again",
        )),
        Some(Typed::TooLong) => Err(Failure::usage("the answer is too long; start again")),
        None | Some(Typed::Failed(_) | Typed::Interrupted | Typed::Ended) => {
            Err(Failure::auth("no answer was given"))
        }
    }
}

/// Asks on stderr, and reads nothing.
pub(super) fn prompt(question: &str) -> Result<(), Failure> {
    let mut stderr = io::stderr().lock();
    let written = stderr
        .write_all(question.as_bytes())
        .and_then(|()| stderr.flush());
    written.map_err(|error| Failure::output(&error))
}

/// Says something on stderr.
pub(super) fn tell(text: &str) {
    eprintln!("{text}");
}

/// Names this device after what it is and its host, if the host has a name that fits.
pub(super) fn device_name(what: &str) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host
        .or_else(|| env::var("HOSTNAME").ok())
        .unwrap_or_default();
    named_after(what, host.trim())
}

fn named_after(what: &str, host: &str) -> String {
    let name = format!("{what} on {host}");
    let fits = name.chars().count() <= DEVICE_NAME_CHARS_MAX && !host.contains(char::is_control);
    if host.is_empty() || !fits {
        what.to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_after_its_host() {
        let named = |host: &str| named_after("line client", host);
        assert_eq!(named("box"), "line client on box");
        assert_eq!(named(""), "line client");
        assert_eq!(named(&"x".repeat(100)), "line client");
        assert_eq!(named("a\u{1b}b"), "line client");
    }

    #[test]
    fn a_password_is_the_first_line_of_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "correct horse \r\nsecond\n").unwrap();
        assert_eq!(password_of(file.path()), Ok(Secret::from("correct horse ")));
        fs::write(file.path(), "").unwrap();
        assert_eq!(password_of(file.path()), Ok(Secret::default()));
    }
}
