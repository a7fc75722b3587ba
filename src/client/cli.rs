//! The arguments of the client program: the one definition that parsing, help, completions and manual pages come from.

use std::{
    ffi::OsString,
    io::{self, IsTerminal},
    path::PathBuf,
    time::Duration,
};

use clap::{
    Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, parser::ValueSource,
};

use crate::{
    domain::{clock::TimeMs, ids::ClientMessageId, name::UserName},
    pb,
};

use super::{
    app::{
        line::Zone,
        when::{Moment, MomentError},
    },
    cli_files::{FileCommand, Pictures},
    cli_rooms::RoomCommand,
    exit::EXIT_CODES,
    json::Format,
    net::{connect::ServerAddress, devices::TokenWish, history::Position, session::Patience},
    picture::terminal::Images,
    recipient::Recipient,
    watch::WatchOptions,
};

const EXAMPLES: &str = "\
Examples:
  tinychat-client                                  asks who you are, and chats
  tinychat-client --server chat.lan:7777 --user ann
  tinychat-client users                            everybody, a line each
  tinychat-client --user ann send bob 'back at 5'  one message
  make 2>&1 | tinychat-client --user ann send bob  each line is a message
  tinychat-client --user ann watch                 prints messages as they come
  tinychat-client --user ann watch --once --ack    prints what was missed, and ends
  tinychat-client --user ann history bob -n 20     the last 20 messages with bob
  tinychat-client --user ann search --from bob the key   where bob told of it
  tinychat-client --user ann send bob --file plan.pdf 'the plan'
  tinychat-client --user bob download f7           into this folder; upload FILE is the way there
  tinychat-client --user ann join '#general'       so that send '#general' and history work
  tinychat-client --user ann link '#general' --expires 7d   a code for others to join by
  tinychat-client conversations --json             an object for each; docs/scripting.md
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
    pub(super) server: ServerAddress,
    /// Whether the user has named the server, and did not leave it at the default.
    #[arg(skip)]
    pub(super) is_server_named: bool,
    /// Your name; asked for when it is not given.
    #[arg(long, global = true, value_name = "NAME", env = "TINYCHAT_USER")]
    pub(super) user: Option<UserName>,
    /// Goes without encryption beyond this machine: for networks that you trust.
    #[arg(long, global = true, conflicts_with_all = ["tls", "ca"])]
    pub(super) insecure: bool,
    /// Encrypts on this machine too; beyond it that is always so.
    #[arg(long, global = true)]
    pub(super) tls: bool,
    /// Trusts the authorities in this PEM file, or the server whose certificate stands in it.
    #[arg(long, global = true, value_name = "FILE", env = "TINYCHAT_CA")]
    pub(super) ca: Option<PathBuf>,
    /// Takes the password from the first line of this file.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
    /// Asks nothing, not even on a terminal: what is missing is an error.
    #[arg(long, global = true)]
    pub(super) no_input: bool,
    /// Prints an object a line, for programs.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Prints lines without escape codes, and edits none (always so in a pipe).
    #[arg(long)]
    pub(super) plain: bool,
    /// Prints lines and edits the one that is typed, rather than fill the screen.
    #[arg(long, conflicts_with = "plain")]
    pub(super) lines: bool,
    /// How the terminal UI shows pictures: as well as the terminal can, not at all, or in this way.
    #[arg(long, value_enum, value_name = "WAY", conflicts_with_all = ["plain", "lines"])]
    pub(super) images: Option<Images>,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What to do instead of chatting.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Logs in and remembers it, so that scripts find the login. Prints nothing.
    Login,
    /// Ends the remembered login: its token is void at once. Other devices stay logged in.
    Logout,
    /// Prints the access token of the login, for grpcurl and scripts. Keep it secret.
    Token(TokenOptions),
    /// Lists everybody who ever registered: `name <ONLINE>` or `name <OFFLINE>`, a line each.
    Users,
    /// Prints the server's time in your time zone.
    Time,
    /// Lists your conversations, with what is unread and the last message.
    Conversations,
    /// Sends one message, or each line of standard input as one; with --file, one message with files.
    Send(SendOptions),
    /// Prints messages as they come. Nothing is acknowledged: they come again elsewhere.
    Watch(WatchArguments),
    /// Prints messages of a conversation. Nothing is marked read.
    History(HistoryOptions),
    /// Finds messages by their words, the newest first. Ends with 5 if there are none.
    Search(SearchOptions),
    /// Lists messages that mention you, the newest first: those that are unread.
    Mentions(MentionsOptions),
    #[command(flatten)]
    Rooms(RoomCommand),
    #[command(flatten)]
    Files(FileCommand),
    /// Lists the logins and tokens of your account.
    Devices {
        /// Ends this one instead: its token is void at once.
        #[arg(long, value_name = "ID")]
        revoke: Option<String>,
    },
    /// Changes the password of the account: asks for the one until now and for the new one, on a terminal only. Other devices
    /// stay logged in unless you say otherwise.
    #[command(alias = "passwd")]
    Password,
    /// Forgets the certificate that was trusted at the first contact with the server, and the logins there.
    Forget,
    /// Prints the completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Prints the manual page, or that of a command: `tinychat-client man | man -l -`.
    Man {
        /// The command.
        command: Option<String>,
    },
}

/// What a token that is made may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ScopeName {
    /// Users, conversations, messages, events.
    Read,
    /// Sending messages and starting conversations.
    Send,
    /// The account: password, devices, tokens.
    Admin,
}

impl From<ScopeName> for pb::Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Read => Self::Read,
            ScopeName::Send => Self::Send,
            ScopeName::Admin => Self::Admin,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct TokenOptions {
    /// Makes a new token with this name instead, for a bot or a script: a device of its own.
    #[arg(long, value_name = "NAME")]
    create: Option<String>,
    /// What the new token may do; several allowed.
    #[arg(long, value_enum, requires = "create", default_values = ["read", "send"])]
    scope: Vec<ScopeName>,
    /// After how many days the new token ends; without it, never.
    #[arg(long, value_name = "DAYS", requires = "create", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
}

impl TokenOptions {
    /// The token to make, if one is wanted.
    pub(super) fn wish(&self) -> Option<TokenWish> {
        let day = Duration::from_secs(24 * 60 * 60);
        Some(TokenWish {
            name: self.create.clone()?,
            scopes: self.scope.iter().copied().map(Into::into).collect(),
            lives: self.days.map(|days| day * days),
        })
    }
}

#[derive(Debug, Args)]
pub(super) struct SendOptions {
    /// To whom: a NAME, a #CHANNEL, or id:CONVERSATION.
    #[arg(value_name = "NAME")]
    pub(super) to: Recipient,
    /// The text; `-` or nothing: standard input. With --file, nothing is no text, and `-` one text of all that comes.
    pub(super) text: Option<String>,
    /// Sends this file with the message; several allowed. `-`: standard input.
    #[arg(long = "file", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) pictures: Pictures,
    /// Names this message by a UUID of yours: sent again with the same one, it is still one message.
    #[arg(long, value_name = "UUID")]
    pub(super) id: Option<ClientMessageId>,
    /// Sends it as the answer to this message there.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) reply: Option<u64>,
    /// How long to go on trying while the server cannot be reached. What is too fast is waited out anyway.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait: u32,
}

impl SendOptions {
    pub(super) fn patience(&self) -> Patience {
        Patience::For(Duration::from_secs(self.wait.into()))
    }
}

#[derive(Debug, Args)]
pub(super) struct WatchArguments {
    /// Begins after this cursor, as --json gives it; without it, after what was acknowledged last.
    #[arg(long, value_name = "CURSOR")]
    since: Option<String>,
    /// Shows at most the newest N missed messages of each conversation, and says how many are left out.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    backlog: u32,
    /// Acknowledges and marks read what is printed.
    #[arg(long)]
    ack: bool,
    /// Ends when all that was missed is printed.
    #[arg(long)]
    once: bool,
}

impl From<&WatchArguments> for WatchOptions {
    fn from(arguments: &WatchArguments) -> Self {
        Self {
            since: arguments.since.clone(),
            backlog: arguments.backlog,
            acknowledge: arguments.ack,
            once: arguments.once,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct HistoryOptions {
    /// Of what: a NAME, a #CHANNEL, or id:CONVERSATION.
    #[arg(value_name = "NAME")]
    pub(super) of: Recipient,
    /// The messages around this one, itself included.
    #[arg(long, value_name = "SEQ", group = "position")]
    around: Option<u64>,
    /// The messages before this one.
    #[arg(long, value_name = "SEQ", group = "position")]
    before: Option<u64>,
    /// The messages after this one; 0: from the beginning.
    #[arg(long, value_name = "SEQ", group = "position")]
    after: Option<u64>,
    /// The messages around this time.
    #[arg(long, value_name = "TIME", group = "position", value_parser = time)]
    at: Option<TimeMs>,
    /// The messages from this time on: `2026-11-20` or `2026-11-20T14:00`, on the clock of this machine, or with a zone.
    #[arg(long, value_name = "TIME", group = "position", value_parser = time)]
    since: Option<TimeMs>,
    /// The messages before this time; with --since, those between the two.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["around", "before", "after", "at"], value_parser = time)]
    pub(super) until: Option<TimeMs>,
    /// How many at most.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 50)]
    pub(super) limit: usize,
    /// Shows the number of each message, and what became of it: `<name, time> [N] text (edited) {👍 2}`.
    #[arg(long)]
    pub(super) numbers: bool,
}

impl From<&HistoryOptions> for Position {
    fn from(options: &HistoryOptions) -> Self {
        let by_number = match (options.around, options.before, options.after) {
            (Some(seq), _, _) => Some(Self::Around(seq)),
            (_, Some(seq), _) => Some(Self::Before(seq)),
            (_, _, Some(seq)) => Some(Self::After(seq)),
            _ => None,
        };
        by_number.unwrap_or(match (options.at, options.since, options.until) {
            (Some(time), _, _) => Self::AroundTime(time),
            (_, Some(time), _) => Self::AfterTime(time),
            (_, _, Some(time)) => Self::BeforeTime(time),
            _ => Self::Newest,
        })
    }
}

/// Reads a time, on the clock of this machine if it names no zone.
fn time(text: &str) -> Result<TimeMs, MomentError> {
    let moment: Moment = text.parse()?;
    Ok(moment.in_zone(Zone::Local))
}

#[derive(Debug, Args)]
pub(super) struct SearchOptions {
    /// What must stand in the message; `'"two words"'` must stand so together.
    #[arg(required = true, value_name = "WORD")]
    pub(super) words: Vec<String>,
    /// Only in this conversation: a NAME, a #CHANNEL, or id:CONVERSATION.
    #[arg(long = "in", value_name = "NAME")]
    pub(super) within: Option<Recipient>,
    /// Only what this user said.
    #[arg(long, value_name = "NAME")]
    pub(super) from: Option<UserName>,
    /// Only what was said at this time or later: `2026-11-20` or `2026-11-20T14:00`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) since: Option<TimeMs>,
    /// Only what was said before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) until: Option<TimeMs>,
    /// How many at most, and at least one.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: u32,
}

#[derive(Debug, Args)]
pub(super) struct MentionsOptions {
    /// Also what is read.
    #[arg(long)]
    pub(super) all: bool,
    /// How many at most, and at least one.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: u32,
}

impl Arguments {
    /// Reads the arguments of this program. What is wrong with them, or help that was asked for, is to be printed.
    pub fn of_program() -> Result<Self, clap::Error> {
        Self::read(std::env::args_os())
    }

    fn read<I, T>(arguments: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let matches = Self::command().try_get_matches_from(arguments)?;
        let read = Self::from_arg_matches(&matches);
        let mut read = read.map_err(|error| error.format(&mut Self::command()))?;
        let source = matches.value_source("server");
        read.is_server_named = source.is_some_and(|it| it != ValueSource::DefaultValue);
        Ok(read)
    }

    /// How results and failures are printed.
    pub fn format(&self) -> Format {
        if self.json {
            Format::Json
        } else {
            Format::Text
        }
    }

    /// Whether there is somebody to ask.
    pub(super) fn may_ask(&self) -> bool {
        !self.no_input && io::stdin().is_terminal()
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

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
    fn a_server_is_named_unless_it_is_the_default() {
        let is_named = |line: &str| Arguments::read(line.split(' ')).unwrap().is_server_named;
        assert!(is_named("c --server 127.0.0.1:7777") && is_named("c --server=chat.lan:1"));
        // Whoever runs the tests may have one in the environment.
        let is_in_environment = std::env::var_os("TINYCHAT_SERVER").is_some();
        assert_eq!(is_named("c --user ann"), is_in_environment);
    }

    #[test]
    fn flags_stand_before_or_behind_the_command() {
        let error = parse("c --user ann! users").unwrap_err().to_string();
        assert!(error.contains("a user name cannot contain '!'"), "{error}");
        for line in [
            "c --user ann token",
            "c token --user ann",
            "c --user ann kick #ops bob",
            "c --user ann invite #ops bob",
            "c --user ann block bob",
            "c --user ann unblock bob",
            "c --user ann link #ops --expires 7d --uses 5",
            "c --user ann upload --name b.csv --type text/csv a.csv",
            "c --user ann upload a b -",
            "c --user ann download f7",
            "c --user ann download f7 -",
            "c --user ann send bob --file a --file b",
            "c --user ann join tci_AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(
                parse(line).unwrap().user.as_ref().map(UserName::as_str),
                Some("ann"),
                "{line}"
            );
        }
        let parsed = parse("c send Bob -").unwrap();
        let Some(Command::Send(options)) = parsed.command else {
            panic!("{parsed:?}")
        };
        assert_eq!(options.to.to_string(), "bob");
        assert_eq!(options.text.as_deref(), Some("-"));
    }

    #[test]
    fn a_place_in_a_history_is_one_number_or_time_or_between_two_times() {
        let position = |line: &str| {
            let parsed = parse(&format!("c history bob {line}"));
            match parsed.unwrap().command {
                Some(Command::History(options)) => Position::from(&options),
                other => panic!("{other:?}"),
            }
        };
        let time = TimeMs::new(0);
        for (line, wanted) in [
            ("-n 3", Position::Newest),
            ("--after 3", Position::After(3)),
            ("--at 1970-01-01T00:00:00Z", Position::AroundTime(time)),
            ("--since 1970-01-01T00:00:00Z", Position::AfterTime(time)),
            ("--until 1970-01-01T00:00:00Z", Position::BeforeTime(time)),
            (
                "--since 1970-01-01T00:00:00Z --until 1970-01-02",
                Position::AfterTime(time),
            ),
        ] {
            assert_eq!(position(line), wanted, "{line}");
        }
        for line in [
            "c history bob --at 1970-01-01 --since 1970-01-01",
            "c history bob --before 3 --until 1970-01-01",
            "c history bob --since yesterday",
            "c search",
            "c search --in a/b x",
            "c search -n 0 x",
            "c mentions -n 0",
            "c link #ops --uses 0",
            "c link #ops --expires soon",
            "c unlink #ops 3",
            "c join tci_short",
            "c mute #ops --for soon",
            "c upload",
            "c upload --name a/b a",
            "c upload --type image a",
            "c download",
            "c download 7",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let parsed = parse("c --user ann search --in #ops --from bob green build").unwrap();
        let Some(Command::Search(options)) = parsed.command else {
            panic!("{parsed:?}")
        };
        assert_eq!(options.words.join(" "), "green build");
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
