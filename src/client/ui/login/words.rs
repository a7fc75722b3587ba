//! What is said below a question: what happened and the mend, in short sentences.

use std::time::Duration;

use super::Refusal;
use crate::domain::name::UserName;

/// An address that is an example of one.
pub(super) const NO_SERVER: &str = "Type the address of a server, such as 127.0.0.1:7777.";
pub(super) const TWO_PASSWORDS: &str =
    "The two passwords differ, so no account was made. Type the first one again, or go back.";
pub(super) const NO_LOGIN: &str = "No login with that name and password. Type the password again, or go back to take another name or make an account.";
pub(super) const FULL: &str = "No more than that fits in here.";

/// How what is to be typed in a shell begins.
const PROGRAM: &str = "tinychat-client ";

/// The remembered login of a user came to its end.
pub(super) fn ended(name: &UserName) -> String {
    format!("The login of {name} that was remembered here has ended. Log in again.")
}

/// A server was not trusted.
pub(super) fn distrusted(server: &str) -> String {
    format!("{server} is not trusted, so nothing was sent to it.")
}

/// No password was typed.
pub(super) fn no_password(name: &UserName) -> String {
    format!("Type the password of {name}.")
}

/// There is an account already.
pub(super) fn taken(name: &UserName) -> String {
    format!(
        "There is an account {name} already. Take another name; if it is yours, go back and log in."
    )
}

/// A refusal that says nothing which is known here.
pub(super) fn refused(refusal: &Refusal) -> String {
    let wait = refusal.wait.map(seconds);
    let told = match (refusal.reason.as_str(), wait) {
        ("LOGIN_RATE_LIMITED", Some(wait)) => {
            format!("Too many logins failed. Wait {wait}, then try again.")
        }
        ("REGISTER_RATE_LIMITED", Some(wait)) => {
            format!("Too many accounts were made from here. Wait {wait}, then try again.")
        }
        _ => refusal.text.clone(),
    };
    sentence(&told)
}

/// So many seconds, and none is not said.
fn seconds(wait: Duration) -> String {
    match wait.as_secs().saturating_add(1) {
        1 => "a second".to_owned(),
        seconds @ ..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// What stands in a line of the terminal elsewhere is a sentence here.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    let first = chars.next().map(|c| match c {
        // An address stays as it is written.
        c if text
            .split(' ')
            .next()
            .is_some_and(|word| word.contains(':')) =>
        {
            c.to_string()
        }
        c => c.to_uppercase().to_string(),
    });
    // What is to be typed must not seem to end with a full stop.
    let is_typed = text.contains(PROGRAM);
    let end = match text.is_empty() || is_typed || text.ends_with(['.', '?', '!']) {
        true => "",
        false => ".",
    };
    format!("{}{}{end}", first.unwrap_or_default(), chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(reason: &str, text: &str, wait: Option<u64>) -> String {
        refused(&Refusal {
            reason: reason.to_owned(),
            text: text.to_owned(),
            wait: wait.map(Duration::from_secs),
        })
    }

    #[test]
    fn what_the_server_says_becomes_a_sentence() {
        assert_eq!(told("X", "no; try again", None), "No; try again.");
        assert_eq!(told("", "is it running?", None), "Is it running?");
        assert_eq!(
            told("", "chat.lan:1 does not speak TLS", None),
            "chat.lan:1 does not speak TLS."
        );
        assert_eq!(
            told("", "forget it with tinychat-client forget", None),
            "Forget it with tinychat-client forget"
        );
        assert_eq!(told("", "", None), "");
        assert_eq!(told("", "éa", None), "Éa.");
    }

    #[test]
    fn a_wait_is_said_as_people_say_it() {
        let login = |wait| told("LOGIN_RATE_LIMITED", "as retry_after says", wait);
        assert_eq!(
            login(Some(41)),
            "Too many logins failed. Wait 42 seconds, then try again."
        );
        assert!(login(Some(119)).contains("2 minutes"));
        assert!(login(Some(u64::MAX)).contains("minutes"));
        assert!(login(None).contains("retry_after"));
        assert!(told("REGISTER_RATE_LIMITED", "", Some(0)).contains("Wait a second,"));
    }
}
