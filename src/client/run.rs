//! Runs what the arguments ask for.

use std::{
    io::{self, BufWriter, IsTerminal, Write},
    sync::Arc,
    time::Duration,
};

use clap::CommandFactory;
use tokio::time::timeout;

use crate::pb;

use super::{
    cli::{Arguments, Command, SendOptions},
    cli_files::FileCommand,
    editor::EditedTerminal,
    exit::Failure,
    hidden::end_when_interrupted,
    input,
    json::Format,
    lines::Lines,
    login::{LoggedIn, LoginOptions, log_in},
    net::{
        outbox::Target,
        session::{Patience, Session},
        tls::Assurance,
    },
    oneshot,
    oneshot_files::{self, Mover},
    oneshot_found, oneshot_rooms,
    output::Output,
    paper::{self, Paper},
    picture, plain,
    state::{self, Logins},
    transfer::cancelled::cancel_left,
    trust::{self, KnownServers, Wish},
    ui::{
        self,
        runtime::{Entered, Entry, settings::Settings},
    },
    watch,
};

/// How long a command that is done tells the server of uploads that are to be cancelled.
const CANCEL_WAIT: Duration = Duration::from_secs(3);

/// Runs the program.
pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    picture::decode::quiet_panics();
    if arguments.command.is_none() && fills_the_screen(&arguments) && may_ask_there(&arguments) {
        let images = arguments.images;
        let start = ui::runtime::Start {
            is_named: arguments.is_server_named,
            server: arguments.server,
            user: arguments.user,
            tls: arguments.tls,
            insecure: arguments.insecure,
            authorities: arguments.ca,
        };
        return ui::runtime::run(Entry::Asking(start), Settings::of_user(images)).await;
    }
    // For the questions and the short commands; the two that stay listen for themselves.
    let guard = end_when_interrupted()?;
    let mut out = Output::new(arguments.format(), BufWriter::new(io::stdout()));
    match &arguments.command {
        // These ask no server.
        Some(Command::Completions { shell }) => return completions(*shell),
        Some(Command::Man { command }) => return man(command.as_deref()),
        Some(Command::Forget) => return oneshot::forget(&arguments.server, &mut out),
        _ => {}
    }
    let wish = Wish {
        server: &arguments.server,
        tls: arguments.tls || was_made_by_tls(&arguments),
        insecure: arguments.insecure,
        authorities: arguments.ca.as_deref(),
        may_ask: arguments.may_ask(),
    };
    let security = trust::decide(&wish, &KnownServers::of_user()?).await?;
    let session = Session::open(&arguments.server, &security)?;
    let door = Door {
        arguments: &arguments,
        assurance: security.assurance(),
        session,
    };
    match &arguments.command {
        None => {
            let login = door.login(true, Patience::None).await?;
            drop(guard);
            chat(login, &arguments, door.assurance).await
        }
        Some(Command::Watch(options)) => {
            let login = door.login(false, Patience::None).await?;
            drop(guard);
            let paper = Paper::on(paper::Plain).map_err(cannot_print)?;
            let mut out = Output::new(arguments.format(), paper);
            watch::watch(&login, options.into(), &mut out).await
        }
        Some(command) => match patience_of_files(command) {
            Some(patience) => {
                let login = door.login(false, patience).await?;
                drop(guard);
                move_files(&door, &login, command, patience, &mut out).await
            }
            None => one_shot(&door, command, &mut out).await,
        },
    }
}

/// How patient a command is that moves files, from the login on: of these a signal is told, with what becomes of them.
fn patience_of_files(command: &Command) -> Option<Patience> {
    match command {
        Command::Files(FileCommand::Upload(options)) => Some(options.wait.patience()),
        Command::Files(FileCommand::Download(options)) => Some(options.wait.patience()),
        Command::Send(options) if !options.files.is_empty() => Some(options.patience()),
        _ => None,
    }
}

async fn move_files(
    door: &Door<'_>,
    login: &LoggedIn,
    command: &Command,
    patience: Patience,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    let mover = Mover {
        login,
        server: &door.arguments.server,
        assurance: door.assurance,
        folder: state::folder_of_user()?,
        patience,
        format: door.arguments.format(),
    };
    let done = match command {
        Command::Files(FileCommand::Upload(options)) => {
            oneshot_files::upload(&mover, options, out).await
        }
        Command::Files(FileCommand::Download(options)) => {
            oneshot_files::download(&mover, options, out).await
        }
        Command::Send(options) => oneshot_files::send(&mover, target(options), options, out).await,
        _ => Ok(()),
    };
    if done.is_ok() {
        // After the command, which may go on with one of them; and the server is there.
        let left = cancel_left(login.session.clone(), mover.records(), Arc::default());
        let _ = timeout(CANCEL_WAIT, left).await;
    }
    done
}

/// Where a message goes.
fn target(options: &SendOptions) -> Target {
    let to = Target::from(&options.to);
    match options.reply {
        Some(seq) => to.replying_to(seq),
        None => to,
    }
}

fn cannot_print(error: io::Error) -> Failure {
    Failure::other(format!("cannot print: {error}"))
}

/// Whether there is a terminal on which lines can be edited, and its user wants no plain ones.
fn has_screen(arguments: &Arguments) -> bool {
    !arguments.plain && arguments.format() == Format::Text && EditedTerminal::is_possible()
}

/// Whether the terminal UI is wanted and possible.
fn fills_the_screen(arguments: &Arguments) -> bool {
    !arguments.lines && has_screen(arguments)
}

/// Whether the terminal UI comes to a login by itself: nothing was given that is one, and nothing forbids to ask.
fn may_ask_there(arguments: &Arguments) -> bool {
    !arguments.no_input && arguments.password_file.is_none() && given_token().is_none()
}

/// Runs the terminal UI, or the line mode: edited on a terminal, as it is elsewhere.
async fn chat(login: LoggedIn, arguments: &Arguments, assurance: Assurance) -> Result<(), Failure> {
    let (format, server) = (arguments.format(), (&arguments.server, assurance));
    let cannot_read = |error| Failure::other(format!("cannot read the input: {error}"));
    if fills_the_screen(arguments) {
        let entered = Entered {
            login,
            server: arguments.server.clone(),
            assurance,
        };
        let settings = Settings::of_user(arguments.images);
        return ui::runtime::run(Entry::Given(entered), settings).await;
    }
    if has_screen(arguments) {
        let (terminal, paper) = EditedTerminal::start().map_err(cannot_read)?;
        let out = Output::new(format, paper);
        return plain::run(login, server, Lines::Edited(terminal), out).await;
    }
    let lines = Lines::Plain {
        typed: input::lines().map_err(cannot_read)?,
        by_a_person: io::stdin().is_terminal(),
    };
    let out = Output::new(format, Paper::on(paper::Plain).map_err(cannot_print)?);
    plain::run(login, server, lines, out).await
}

/// A server, and how to come to a login there.
struct Door<'a> {
    arguments: &'a Arguments,
    assurance: Assurance,
    session: Session,
}

impl Door<'_> {
    async fn login(&self, ask_name: bool, patience: Patience) -> Result<LoggedIn, Failure> {
        let token = given_token();
        let options = self.options(token.as_deref(), ask_name, patience);
        log_in(&self.session, &options).await
    }

    /// The session of the login, for commands that need no more.
    async fn logged_in(&self) -> Result<Session, Failure> {
        Ok(self.login(false, Patience::None).await?.session)
    }

    fn options<'a>(
        &'a self,
        token: Option<&'a str>,
        ask_name: bool,
        patience: Patience,
    ) -> LoginOptions<'a> {
        LoginOptions {
            server: &self.arguments.server,
            assurance: self.assurance,
            user: self.arguments.user.as_ref(),
            password_file: self.arguments.password_file.as_deref(),
            token,
            ask_name,
            may_ask: self.arguments.may_ask(),
            patience,
            may_be_offline: self.arguments.command.is_none(),
        }
    }
}

async fn one_shot(
    door: &Door<'_>,
    command: &Command,
    out: &mut Output<impl Write>,
) -> Result<(), Failure> {
    match command {
        Command::Login => {
            // A token that is given is none to remember: whoever says this wants a login of its own.
            let login = log_in(&door.session, &door.options(None, true, Patience::None)).await?;
            match out.format() {
                Format::Text => Ok(()),
                Format::Json => oneshot::who_am_i(&login.session, out).await,
            }
        }
        Command::Logout => {
            let token = given_token();
            let options = door.options(token.as_deref(), false, Patience::None);
            oneshot::logout(&door.session, &options, out).await
        }
        Command::Users => {
            let info = door.session.server_info(Patience::None).await?;
            if info.auth_mode() == pb::AuthMode::Trust {
                return oneshot::users(&door.session, out).await;
            }
            oneshot::users(&door.logged_in().await?, out).await
        }
        Command::Time => oneshot::time(&door.session, out).await,
        Command::Conversations => oneshot::conversations(&door.logged_in().await?, out).await,
        Command::History(options) => {
            let session = door.logged_in().await?;
            oneshot::history(&session, options, out).await
        }
        Command::Search(options) => {
            oneshot_found::search(&door.logged_in().await?, options, out).await
        }
        Command::Mentions(options) => {
            oneshot_found::mentions(&door.logged_in().await?, options, out).await
        }
        Command::Send(options) => {
            let patience = options.patience();
            let session = door.login(false, patience).await?.session;
            let to = target(options);
            match options.text.as_deref() {
                None | Some("-") if options.id.is_some() => Err(Failure::usage(
                    "--id names one message, and standard input may hold many; give the text as an argument",
                )),
                None | Some("-") => oneshot::send_lines(&session, &to, patience, out).await,
                Some(text) => oneshot::send(&session, to, text, options.id, patience, out).await,
            }
        }
        Command::Rooms(command) => oneshot_rooms::run(&door.logged_in().await?, command, out).await,
        Command::Devices { revoke } => {
            let session = door.logged_in().await?;
            match revoke {
                Some(id) => oneshot::revoke(&session, id, out).await,
                None => oneshot::devices(&session, out).await,
            }
        }
        Command::Password => {
            // Before anything else is asked for.
            if !door.arguments.may_ask() {
                return Err(Failure::usage(oneshot::NO_TERMINAL));
            }
            oneshot::password(&door.logged_in().await?, out).await
        }
        Command::Token(options) => {
            let login = door.login(false, Patience::None).await?;
            match options.wish() {
                Some(wish) => oneshot::create_token(&login.session, &wish, out).await,
                None => oneshot::token(&login, out),
            }
        }
        // Done before any connection, or by their own loop.
        Command::Completions { .. }
        | Command::Man { .. }
        | Command::Forget
        | Command::Files(_)
        | Command::Watch { .. } => Ok(()),
    }
}

/// Whether the remembered login that is meant was made by TLS: then it is used so, too. On this machine the clear is only
/// what is tried where nothing else is known.
fn was_made_by_tls(arguments: &Arguments) -> bool {
    if arguments.insecure || given_token().is_some() {
        return false;
    }
    // What cannot be read is told of where the login is needed.
    let made = Logins::of_user().and_then(|logins| {
        let user = match &arguments.user {
            Some(user) => Some(user.clone()),
            None => match logins.users(&arguments.server)?.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            },
        };
        user.map_or(Ok(None), |user| logins.find(&arguments.server, &user))
    });
    made.is_ok_and(|made| made.is_some_and(|made| made.assurance != Assurance::Plaintext))
}

/// The token that the surroundings give. Not a flag: what stands in the arguments, every user of the machine can read.
pub(super) fn given_token() -> Option<String> {
    std::env::var("TINYCHAT_TOKEN")
        .ok()
        .filter(|token| !token.is_empty())
}

/// Prints the completions of a shell, made from the same definitions as the parsing.
fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(shell, &mut command, "tinychat-client", &mut script);
    print_all(&script)
}

/// Prints the manual page of the program, or of one of its commands.
fn man(of: Option<&str>) -> Result<(), Failure> {
    let mut all = Arguments::command();
    // Fills in what sub-commands inherit.
    all.build();
    let page = match of {
        None => all,
        Some(name) => {
            let found = all.get_subcommands().find(|it| it.get_name() == name);
            found.cloned().ok_or_else(|| {
                Failure::usage(format!(
                    "there is no command {name}; tinychat-client --help lists them"
                ))
            })?
        }
    };
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(page).render(&mut text);
    rendered.map_err(|error| Failure::other(format!("cannot write the page: {error}")))?;
    print_all(&text)
}

fn print_all(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::output(&error))
}
