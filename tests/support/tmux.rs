//! The terminal UI in a real terminal: tmux, with a server of its own for each test, driven by keys and read by its screen.

use std::{
    path::Path,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{PATIENCE, terminal::Home, tool};

/// What the tests with a real terminal need.
pub fn needed() -> Result<(), String> {
    tool("tmux", &["-V"])
}

/// A terminal with a shell, in which a client was started. Ends with its tmux when dropped.
pub struct Tmux {
    folder: TempDir,
    _home: Home,
}

impl Tmux {
    /// Opens a terminal of this size, and starts the client of a person in it. An empty address names no server.
    pub fn start(
        home: &Home,
        server: &str,
        arguments: &[&str],
        (columns, rows): (u16, u16),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let it = Self {
            folder,
            _home: home.clone(),
        };
        let client = Path::new(env!("CARGO_BIN_EXE_tinychat-client")).display();
        let mut words = vec!["env".to_owned(), "-i".to_owned()];
        let surroundings = home.environment().into_iter();
        let surroundings = surroundings.filter(|(name, _)| *name != "TERM");
        words.extend(surroundings.map(|(name, value)| format!("{name}={value}")));
        let config = home.path().join("config");
        words.extend([
            format!("XDG_CONFIG_HOME={}", config.display()),
            "TERM=screen-256color".to_owned(),
            "LANG=C.UTF-8".to_owned(),
            client.to_string(),
        ]);
        if !server.is_empty() {
            words.push(format!("--server={server}"));
        }
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        let typed = words.join(" ");
        let (columns, rows) = (columns.to_string(), rows.to_string());
        // A shell without a history or a prompt of its own, which is there again when the client has ended.
        let shell = "PS1='shell> ' exec sh";
        it.run(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &rows,
            shell,
        ]);
        it.wait_for("shell>");
        it.text(&typed);
        it.keys(&["Enter"]);
        it
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = Command::new("tmux")
            .env_remove("TMUX")
            .env("LC_ALL", "C.UTF-8")
            .arg("-u")
            .arg("-S")
            .arg(self.folder.path().join("socket"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output
    }

    /// Presses keys, as tmux calls them: `Enter`, `Up`, `M-1`, `C-k`.
    pub fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys"], keys].concat());
    }

    /// Types a text.
    pub fn text(&self, text: &str) {
        self.run(&["send-keys", "-l", text]);
    }

    /// Types a line and presses Enter.
    pub fn line(&self, text: &str) {
        self.text(text);
        self.keys(&["Enter"]);
    }

    /// Pastes a text, in brackets if the program asked for them.
    pub fn paste(&self, text: &str) {
        self.run(&["set-buffer", "--", text]);
        self.run(&["paste-buffer", "-p"]);
    }

    /// Makes the terminal larger or smaller.
    pub fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.run(&["resize-window", "-x", &columns, "-y", &rows]);
    }

    /// What the terminal shows.
    pub fn screen(&self) -> String {
        let output = self.run(&["capture-pane", "-p"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The same with its colours, parsed.
    pub fn drawn(&self) -> vt100::Parser {
        let output = self.run(&["display-message", "-p", "#{pane_height} #{pane_width}"]);
        let size = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut size = size.split_whitespace().map(|it| it.parse().unwrap());
        let (rows, columns) = (size.next().unwrap(), size.next().unwrap());
        let output = self.run(&["capture-pane", "-e", "-N", "-p"]);
        let drawn = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut parser = vt100::Parser::new(rows, columns, 0);
        parser.process(
            drawn
                .trim_end_matches('\n')
                .replace('\n', "\r\n")
                .as_bytes(),
        );
        parser
    }

    /// The same, once it has not changed for three seconds: what is told with a beat has come then.
    pub fn still(&self) -> vt100::Parser {
        let (mut before, mut since) = (self.screen(), Instant::now());
        let end = Instant::now() + PATIENCE;
        while since.elapsed() < Duration::from_secs(3) {
            assert!(Instant::now() < end, "it goes on changing:\n{before}");
            thread::sleep(Duration::from_millis(50));
            let now = self.screen();
            if now != before {
                (before, since) = (now, Instant::now());
            }
        }
        self.drawn()
    }

    /// Waits until the screen is as it should be, and returns it.
    pub fn wait(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if is_it(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "{what}: the screen is\n{screen}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the screen shows a text.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }

    /// Waits until the screen does not show a text any more.
    pub fn wait_without(&self, text: &str) -> String {
        self.wait(&format!("no {text}"), |screen| !screen.contains(text))
    }

    /// The process that the shell runs, if it runs one.
    pub fn child(&self) -> Option<u32> {
        let output = self.run(&["display-message", "-p", "#{pane_pid}"]);
        let shell = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
        children.ok()?.split_whitespace().next()?.parse().ok()
    }

    /// Whether a mode of the terminal is on, as tmux calls it: `alternate_on`, `mouse_any_flag`, `cursor_flag`.
    pub fn mode(&self, name: &str) -> bool {
        let output = self.run(&["display-message", "-p", &format!("#{{{name}}}")]);
        output.stdout.starts_with(b"1")
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("the terminal shows:\n{}", self.screen());
        }
        let mut kill = Command::new("tmux");
        kill.arg("-S").arg(self.folder.path().join("socket"));
        kill.arg("kill-server").output().ok();
    }
}
