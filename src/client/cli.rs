//! The arguments of the client program, and what each way of calling it runs.

use std::{
    io::{self, BufWriter, IsTerminal},
    path::PathBuf,
};

use clap::{Parser, Subcommand};

use crate::{domain::name::UserName, pb};

use super::{
    exit::{EXIT_CODES, Failure},
    hidden::end_when_interrupted,
    input,
    login::{LoggedIn, LoginOptions, log_in},
    net::{connect::ServerAddress, session::Session, tls::Assurance},
    oneshot,
    plain::{self, Lines},
    trust::{self, KnownServers, Wish},
};

const EXAMPLES: &str = "\
Examples:
  tinychat-client                                  asks for a name and chats
  tinychat-client --server chat.lan:7777 --user ann
  tinychat-client users                            everybody, a line each
  tinychat-client --user ann send bob 'back at 5'  one message
  make 2>&1 | tinychat-client --user ann send bob  each line is a message
  tinychat-client --user ann watch                 prints messages as they come
  TOKEN=$(tinychat-client token --user ann)        for grpcurl and scripts
  tinychat-client --user ann logout                ends the login on this machine

A login is remembered after the first time. Without a terminal nothing is ever asked: the login
comes from there, from --password-file, or from TINYCHAT_TOKEN.";

/// Chat in the terminal.
#[derive(Debug, Parser)]
#[command(name = "tinychat-client", version, after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub struct Arguments {
    /// Where the server listens.
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:7777",
        env = "TINYCHAT_SERVER"
    )]
    server: ServerAddress,
    /// Your name; asked for when it is not given.
    #[arg(long, global = true, value_name = "NAME", env = "TINYCHAT_USER")]
    user: Option<UserName>,
    /// Goes without encryption beyond this machine: for networks that you trust.
    #[arg(long, global = true, conflicts_with_all = ["tls", "ca"])]
    insecure: bool,
    /// Encrypts on this machine too; beyond it that is always so.
    #[arg(long, global = true)]
    tls: bool,
    /// Trusts the authorities in this PEM file, or the server whose certificate stands in it.
    #[arg(long, global = true, value_name = "FILE", env = "TINYCHAT_CA")]
    ca: Option<PathBuf>,
    /// Takes the password from the first line of this file.
    #[arg(long, global = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Asks nothing, not even on a terminal: what is missing is an error.
    #[arg(long, global = true)]
    no_input: bool,
    /// Prints lines without escape codes (always so in this release).
    #[arg(long)]
    plain: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Logs in and remembers it, so that scripts find the login. Prints nothing.
    Login,
    /// Ends the remembered login: its token is void at once. Other devices stay logged in.
    Logout,
    /// Lists everybody who ever registered: `name <ONLINE>` or `name <OFFLINE>`, a line each.
    Users,
    /// Prints the server's time in your time zone.
    Time,
    /// Sends one message, or each line of standard input as one.
    Send {
        /// To whom.
        name: UserName,
        /// The text; `-` or nothing: standard input.
        text: Option<String>,
    },
    /// Prints messages as they come. Nothing is acknowledged: they come again elsewhere.
    Watch {
        /// Acknowledges and marks read what is printed.
        #[arg(long)]
        ack: bool,
    },
    /// Forgets the certificate that was trusted at the first contact with the server, and the logins there.
    Forget,
    /// Prints the access token of the login, for grpcurl and scripts. Keep it secret.
    Token,
}

/// Runs the program.
pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    // For the questions and the short commands; the two that stay listen for themselves.
    let guard = end_when_interrupted()?;
    let mut out = BufWriter::new(io::stdout());
    if matches!(arguments.command, Some(Command::Forget)) {
        return oneshot::forget(&arguments.server, &mut out);
    }
    let wish = Wish {
        server: &arguments.server,
        tls: arguments.tls,
        insecure: arguments.insecure,
        authorities: arguments.ca.as_deref(),
        may_ask: arguments.may_ask(),
    };
    let security = trust::decide(&wish, &KnownServers::of_user()?).await?;
    let assurance = security.assurance();
    let session = Session::open(&arguments.server, &security)?;
    match &arguments.command {
        // Done above, before any connection.
        Some(Command::Forget) => Ok(()),
        None => {
            let login = login(&session, &arguments, assurance, true).await?;
            drop(guard);
            let by_a_person = io::stdin().is_terminal();
            let typed = input::lines();
            let typed =
                typed.map_err(|error| Failure::other(format!("cannot read the input: {error}")))?;
            plain::run(login, Lines { typed, by_a_person }, out).await
        }
        Some(Command::Login) => {
            // A token that is given is none to remember: whoever says this wants a login of its own.
            let options = arguments.login_options(assurance, None, true);
            log_in(&session, &options).await.map(drop)
        }
        Some(Command::Logout) => {
            let token = given_token();
            let options = arguments.login_options(assurance, token.as_deref(), false);
            oneshot::logout(&session, &options, &mut out).await
        }
        Some(Command::Users) => {
            let info = session.server_info().await?;
            if info.auth_mode() == pb::AuthMode::Trust {
                return oneshot::users(&session, &mut out).await;
            }
            let login = login(&session, &arguments, assurance, false).await?;
            oneshot::users(&login.session, &mut out).await
        }
        Some(Command::Time) => oneshot::time(&session, &mut out).await,
        Some(Command::Send { name, text }) => {
            let login = login(&session, &arguments, assurance, false).await?;
            match text.as_deref() {
                None | Some("-") => oneshot::send_lines(&login.session, name).await,
                Some(text) => oneshot::send(&login.session, name, text).await,
            }
        }
        Some(Command::Watch { ack }) => {
            let login = login(&session, &arguments, assurance, false).await?;
            drop(guard);
            oneshot::watch(&login, *ack, &mut out).await
        }
        Some(Command::Token) => oneshot::token(
            &login(&session, &arguments, assurance, false).await?,
            &mut out,
        ),
    }
}

async fn login(
    session: &Session,
    arguments: &Arguments,
    assurance: Assurance,
    ask_name: bool,
) -> Result<LoggedIn, Failure> {
    let token = given_token();
    let options = arguments.login_options(assurance, token.as_deref(), ask_name);
    log_in(session, &options).await
}

/// The token that the surroundings give. Not a flag: what stands in the arguments, every user of the machine can read.
fn given_token() -> Option<String> {
    std::env::var("TINYCHAT_TOKEN")
        .ok()
        .filter(|token| !token.is_empty())
}

impl Arguments {
    /// Whether there is somebody to ask.
    fn may_ask(&self) -> bool {
        !self.no_input && io::stdin().is_terminal()
    }

    fn login_options<'a>(
        &'a self,
        assurance: Assurance,
        token: Option<&'a str>,
        ask_name: bool,
    ) -> LoginOptions<'a> {
        LoginOptions {
            server: &self.server,
            assurance,
            user: self.user.as_ref(),
            password_file: self.password_file.as_deref(),
            token,
            ask_name,
            may_ask: self.may_ask(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
        let help = Arguments::command().render_long_help().to_string();
        assert!(help.contains("Exit codes: 0 done") && help.contains("TOKEN=$("));
    }

    #[test]
    fn flags_stand_before_or_behind_the_command() {
        let error = parse("c --user ann! users").unwrap_err().to_string();
        assert!(error.contains("a user name cannot contain '!'"), "{error}");
        for line in ["c --user ann token", "c token --user ann"] {
            assert_eq!(
                parse(line).unwrap().user.as_ref().map(UserName::as_str),
                Some("ann"),
                "{line}"
            );
        }
        let parsed = parse("c send Bob -").unwrap();
        let Some(Command::Send { name, text }) = parsed.command else {
            panic!("{parsed:?}")
        };
        assert_eq!((name.as_str(), text.as_deref()), ("bob", Some("-")));
    }

    #[test]
    fn wrong_names_and_addresses_are_wrong_usage() {
        for line in ["c send a/b hi", "c --server nowhere time", "c frobnicate"] {
            let error = parse(line).unwrap_err();
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::ValueValidation | ErrorKind::InvalidSubcommand
                ),
                "{line}: {error}"
            );
        }
    }
}
