//! The slash commands: one table that drives parsing, `/commands`, `/help` and suggestions.
//!
//! A line is a command exactly when it begins with one slash. `//text` is the text `/text`.
//! Everything else is text and is taken as it stands, a leading space included.

use crate::domain::name::{UserName, UserNameError};

use super::untrusted::Untrusted;

/// Mistakes in a word up to which a suggestion is made.
const DISTANCE_MAX: usize = 2;
/// Letters of an unknown command that are looked at and shown.
const WORD_CHARS_MAX: usize = 20;

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Lists everybody.
    Users,
    /// Tells the server's time.
    Time,
    /// Opens a conversation or returns to it.
    Start,
    /// Closes the conversation in front.
    Stop,
    /// Leaves; the login stays.
    Quit,
    /// Lists the commands.
    Commands,
    /// Explains.
    Help,
}

/// One row of the table.
#[derive(Debug)]
pub struct Spec {
    /// What it does.
    pub verb: Verb,
    /// The word behind the slash, in lower case.
    pub name: &'static str,
    /// What must follow; empty when nothing may.
    pub argument: &'static str,
    /// What it is for, in one line.
    pub help: &'static str,
}

/// All commands, in the order in which they are listed.
pub const COMMANDS: [Spec; 7] = [
    Spec {
        verb: Verb::Users,
        name: "users",
        argument: "",
        help: "everybody who ever registered, online or offline",
    },
    Spec {
        verb: Verb::Time,
        name: "time",
        argument: "",
        help: "the server's time",
    },
    Spec {
        verb: Verb::Start,
        name: "start",
        argument: "NAME",
        help: "open the conversation with NAME, or return to it",
    },
    Spec {
        verb: Verb::Stop,
        name: "stop",
        argument: "",
        help: "close the conversation; messages go on being shown",
    },
    Spec {
        verb: Verb::Quit,
        name: "quit",
        argument: "",
        help: "leave; the login is remembered",
    },
    Spec {
        verb: Verb::Commands,
        name: "commands",
        argument: "",
        help: "this list",
    },
    Spec {
        verb: Verb::Help,
        name: "help",
        argument: "",
        help: "how to use this",
    },
];

/// A command with what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Lists everybody.
    Users,
    /// Tells the server's time.
    Time,
    /// Opens the conversation with this user.
    Start(UserName),
    /// Closes the conversation in front.
    Stop,
    /// Leaves.
    Quit,
    /// Lists the commands.
    Commands,
    /// Explains.
    Help,
}

/// What a typed line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A command.
    Command(Command),
    /// A text to send, exactly as typed.
    Text(String),
}

/// Why a line that begins with a slash is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No row of the table has this name.
    #[error(
        "There is no command /{word}{} /commands lists them all; //{word} sends it as a text.",
        .suggestion.map_or_else(|| ".".to_owned(), |name| format!("; did you mean /{name}?"))
    )]
    Unknown {
        /// The word behind the slash, made safe and cut.
        word: String,
        /// The nearest command, if one is near.
        suggestion: Option<&'static str>,
    },
    /// The argument is missing.
    #[error(
        "/{name} needs {argument}: type /{name} {argument}, for example /{name} bob; /users lists everybody."
    )]
    ArgumentMissing {
        /// The command.
        name: &'static str,
        /// What it needs.
        argument: &'static str,
    },
    /// Something follows a command that takes nothing.
    #[error("/{0} stands alone: type just /{0}.")]
    ArgumentUnwanted(&'static str),
    /// The argument is no user name.
    #[error("Cannot start a conversation: {0}.")]
    BadName(UserNameError),
}

/// Reads a typed line, without its line end.
pub fn parse(line: &str) -> Result<Input, CommandError> {
    let Some(command) = line.strip_prefix('/') else {
        return Ok(Input::Text(line.to_owned()));
    };
    if command.starts_with('/') {
        return Ok(Input::Text(command.to_owned()));
    }
    let (word, rest) = command
        .split_once(char::is_whitespace)
        .unwrap_or((command, ""));
    let argument = rest.trim();
    let spec = COMMANDS
        .iter()
        .find(|spec| spec.name.eq_ignore_ascii_case(word))
        .ok_or_else(|| unknown(word))?;
    match (spec.argument.is_empty(), argument.is_empty()) {
        (true, false) => return Err(CommandError::ArgumentUnwanted(spec.name)),
        (false, true) => {
            return Err(CommandError::ArgumentMissing {
                name: spec.name,
                argument: spec.argument,
            });
        }
        _ => {}
    }
    Ok(Input::Command(match spec.verb {
        Verb::Users => Command::Users,
        Verb::Time => Command::Time,
        Verb::Start => Command::Start(argument.parse().map_err(CommandError::BadName)?),
        Verb::Stop => Command::Stop,
        Verb::Quit => Command::Quit,
        Verb::Commands => Command::Commands,
        Verb::Help => Command::Help,
    }))
}

/// Returns the table for people, one command a line.
pub fn list() -> Vec<String> {
    let row = |spec: &Spec| {
        let usage = format!("/{} {}", spec.name, spec.argument);
        format!("{usage:<18}{}", spec.help)
    };
    COMMANDS.iter().map(row).collect()
}

fn unknown(word: &str) -> CommandError {
    let typed = word.to_lowercase();
    let near = |spec: &Spec| {
        let distance = match !typed.is_empty() && spec.name.starts_with(&typed) {
            true => 0,
            false => distance(&typed, spec.name),
        };
        // A word that shares no letter with the command is no misspelling of it.
        (distance <= DISTANCE_MAX && distance < typed.chars().count()).then_some(distance)
    };
    let nearest = COMMANDS
        .iter()
        .filter_map(|spec| near(spec).map(|distance| (distance, spec.name)))
        .min_by_key(|(distance, _)| *distance);
    CommandError::Unknown {
        word: Untrusted::from(word).render_start(WORD_CHARS_MAX),
        suggestion: nearest.map(|(_, name)| name),
    }
}

/// Counts the letters to add, drop or change between two words. Long words are far from everything.
fn distance(typed: &str, name: &str) -> usize {
    let typed: Vec<char> = typed.chars().take(WORD_CHARS_MAX).collect();
    let mut row: Vec<usize> = (0..=typed.len()).collect();
    for (i, wanted) in name.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, letter) in typed.iter().enumerate() {
            let changed = corner + usize::from(*letter != wanted);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row[typed.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Command {
        match parse(line) {
            Ok(Input::Command(command)) => command,
            other => panic!("{line:?} is {other:?}"),
        }
    }

    fn error(line: &str) -> String {
        parse(line).unwrap_err().to_string()
    }

    #[test]
    fn every_row_of_the_table_parses_in_any_case() {
        for spec in &COMMANDS {
            let argument = if spec.argument.is_empty() { "" } else { " bob" };
            for name in [spec.name.to_owned(), spec.name.to_uppercase()] {
                assert!(
                    matches!(parse(&format!("/{name}{argument}")), Ok(Input::Command(_))),
                    "{name}"
                );
            }
        }
        assert_eq!(
            command("/START  Bob "),
            Command::Start("bob".parse().unwrap())
        );
        assert_eq!(command("/stop "), Command::Stop);
    }

    #[test]
    fn text_is_whatever_does_not_begin_with_one_slash() {
        for text in [
            "hello",
            "xSTOP",
            " /stop",
            " leading space",
            "",
            "a /quit",
            "\t",
        ] {
            assert_eq!(parse(text), Ok(Input::Text(text.to_owned())), "{text:?}");
        }
        assert_eq!(parse("//stop"), Ok(Input::Text("/stop".to_owned())));
        assert_eq!(parse("///"), Ok(Input::Text("//".to_owned())));
    }

    #[test]
    fn start_without_a_name_names_the_mend() {
        let text = "/start needs NAME: type /start NAME, for example /start bob; /users lists \
                    everybody.";
        assert_eq!(error("/START"), text);
        assert_eq!(error("/start   "), text);
        assert_eq!(
            error("/start bob and carol"),
            "Cannot start a conversation: a user name cannot contain ' '; use a-z 0-9 . _ -."
        );
    }

    #[test]
    fn a_command_that_stands_alone_takes_nothing() {
        assert_eq!(error("/stop it"), "/stop stands alone: type just /stop.");
    }

    #[test]
    fn unknown_commands_get_the_nearest_one_suggested() {
        assert_eq!(
            error("/user"),
            "There is no command /user; did you mean /users? /commands lists them all; //user \
             sends it as a text."
        );
        assert_eq!(
            error("/frobnicate now"),
            "There is no command /frobnicate. /commands lists them all; //frobnicate sends it as \
             a text."
        );
        let suggestion = |line: &str| match parse(line) {
            Err(CommandError::Unknown { suggestion, .. }) => suggestion,
            other => panic!("{other:?}"),
        };
        assert_eq!(suggestion("/satrt bob"), Some("start"));
        assert_eq!(suggestion("/exit"), Some("quit"));
        assert_eq!(suggestion("/TIEM"), Some("time"));
        assert_eq!(suggestion("/q"), Some("quit"));
        assert_eq!(suggestion("/"), None);
        assert_eq!(suggestion(&format!("/{}", "x".repeat(9000))), None);
    }

    #[test]
    fn what_was_typed_is_made_safe_before_it_is_shown() {
        assert!(error("/\u{1b}[2J").starts_with("There is no command /␛[2J. "));
    }

    #[test]
    fn the_list_has_one_line_for_each_command() {
        assert_eq!(
            list(),
            [
                "/users            everybody who ever registered, online or offline",
                "/time             the server's time",
                "/start NAME       open the conversation with NAME, or return to it",
                "/stop             close the conversation; messages go on being shown",
                "/quit             leave; the login is remembered",
                "/commands         this list",
                "/help             how to use this",
            ]
        );
    }
}
