//! Links that are opened outside: by the program that the desktop has for them, and never by a shell.
//!
//! Promises that only links to the web and to mailboxes are opened, whatever a peer has written, and that what is opened can
//! neither read the keys nor write on the screen.

use std::{
    env,
    ffi::OsStr,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

/// The longest link that is opened.
const LINK_BYTES_MAX: usize = 4_096;
/// What links may begin with.
const SCHEMES: [&str; 3] = ["http://", "https://", "mailto:"];

/// Returns a link if it can be opened without harm.
pub fn openable(link: &str) -> Option<&str> {
    let begins = |scheme: &str| {
        let start = link.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme)) && link.len() > scheme.len()
    };
    let is_one = SCHEMES.iter().any(|scheme| begins(scheme));
    let is_harmless = link.chars().all(|c| !c.is_whitespace() && !c.is_control());
    (is_one && is_harmless && link.len() <= LINK_BYTES_MAX).then_some(link)
}

/// Returns the program that opens links, if there is a screen to open them on.
fn opener(has_display: bool, is_mac: bool) -> Option<&'static str> {
    match (is_mac, has_display) {
        (true, _) => Some("open"),
        (false, true) => Some("xdg-open"),
        (false, false) => None,
    }
}

/// Returns the program that opens links where this runs.
pub fn opener_here() -> Option<&'static str> {
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .into_iter()
        .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
    opener(has_display, cfg!(target_os = "macos"))
}

/// Starts the program with a link, which is one that [`openable`] returned, or with the whole path of a file.
pub fn open(program: &str, link: impl AsRef<OsStr>) -> io::Result<Child> {
    Command::new(program)
        .arg(link)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // What stops or ends this program is not meant for a browser.
        .process_group(0)
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_the_web_and_to_mailboxes_are_opened() {
        for link in [
            "https://example.org/a?b=c#d",
            "HTTP://example.org",
            "mailto:ann@example.org",
            "https://example.org/$(reboot);`reboot`",
        ] {
            assert_eq!(openable(link), Some(link));
        }
        for link in [
            "",
            "https://",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "ssh://example.org",
            "-oProxyCommand=x",
            "--help",
            "/usr/bin/true",
            "example.org",
            " https://example.org",
            "https://example.org/a b",
            "https://example.org/\nx",
            "https://example.org/\u{1b}[2J",
            "ｈttps://example.org",
        ] {
            assert_eq!(openable(link), None, "{link:?}");
        }
        let long = format!("https://{}", "x".repeat(LINK_BYTES_MAX));
        assert_eq!(openable(&long), None);
    }

    #[test]
    fn nothing_is_opened_where_there_is_no_screen() {
        assert_eq!(opener(false, false), None);
        assert_eq!(opener(true, false), Some("xdg-open"));
        assert_eq!(opener(false, true), Some("open"));
    }

    #[test]
    fn a_program_gets_the_link_as_one_word_and_nothing_of_the_terminal() {
        let link = openable("https://example.org/$(exit${IFS}3)").unwrap();
        // `env` would run it as a program, were it one; a shell would end with 3.
        let mut child = open("/usr/bin/env", link).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(127), "no such program");
        assert!(child.stdin.is_none() && child.stdout.is_none());
    }
}
