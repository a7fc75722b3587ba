//! Clients in other languages, made from the schema by the tools of each: the cases of clients/README.md, the example,
//! whose stream is cut by killing the server, and the one of files, whose link breaks.

mod breaking;

use std::{
    ffi::OsString,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use breaking::BreakingLink;

use crate::support::{
    self, Account, PATIENCE, Server, account::PASSWORD, certificates::Authority, file::noise,
    path_with_tools,
};

/// The cases, in their order.
pub const CASES: [&str; 22] = [
    "register_and_login",
    "no_token",
    "unknown_user",
    "field_violation",
    "live",
    "duplicate_send",
    "rate_limited",
    "offline_backlog",
    "resume",
    "gap",
    "unknown_cursor",
    "revoked_token",
    "a_channel",
    "edits_and_deletions",
    "replies_and_reactions",
    "search_and_mentions",
    "settings_and_presence",
    "an_invite_link",
    "a_block",
    "delivered_and_read",
    "a_file",
    "a_cut_upload",
];

/// How long a program may take for all cases, or for its example.
const PROGRAM_PATIENCE: Duration = Duration::from_secs(120);

struct Language {
    folder: &'static str,
    cases: &'static str,
    example: &'static str,
    files_example: &'static str,
    /// Made once for all tests of this process.
    generated: OnceLock<Result<(), String>>,
}

static PYTHON: Language = Language {
    folder: "python",
    cases: "cases.py",
    example: "example.py",
    files_example: "files_example.py",
    generated: OnceLock::new(),
};
static NODE: Language = Language {
    folder: "node",
    cases: "cases.mjs",
    example: "example.mjs",
    files_example: "files_example.mjs",
    generated: OnceLock::new(),
};
static GO: Language = Language {
    folder: "go",
    cases: "cases",
    example: "example",
    files_example: "files_example",
    generated: OnceLock::new(),
};

impl Language {
    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("clients")
            .join(self.folder)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder().join(program));
        command
            .env("PATH", path_with_tools())
            // With Debian's libraries: CI reaches no proxy of Go modules.
            .env("GO111MODULE", "off")
            .env(
                "GOCACHE",
                concat!(env!("CARGO_MANIFEST_DIR"), "/target/go-cache"),
            )
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // What node says about addresses in certificates is no concern here.
            .env("NODE_NO_WARNINGS", "1")
            .stdin(Stdio::null());
        command
    }

    /// Whether it can be used here: its tools are there, and its code could be made.
    fn usable(&self) -> Result<(), String> {
        let tools = || -> Result<(), String> {
            let tools: &[(&str, &[&str])] = match self.folder {
                "python" => &[(
                    "python",
                    &["-c", "import blake3, grpc, grpc_tools, grpc_status"],
                )],
                "node" => &[("node", &["--version"]), ("npm", &["--version"])],
                _ => &[("go", &["version"]), ("protoc-gen-go-grpc", &["--version"])],
            };
            for (tool, arguments) in tools {
                let mut command = Command::new(tool);
                command.args(*arguments).env("PATH", path_with_tools());
                ended_well(tool, command.stdin(Stdio::null()).output())?;
            }
            Ok(())
        };
        let generate = || {
            tools()?;
            // The tools are there: code that cannot be made with them is a fault, and no reason to skip.
            let name = format!("clients/{}/generate", self.folder);
            ended_well(&name, self.command("generate").output()).expect("the stubs are made");
            Ok(())
        };
        self.generated.get_or_init(generate).clone()
    }

    fn run_cases(&self, server: &Server, authorities: Option<&Path>) {
        let mut command = self.command(self.cases);
        command.arg(server.address().as_str()).args(authorities);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let (out, said, ended) = Program::start(child).end();
        assert!(ended, "{}: {out}{said}", self.folder);
        let expected = CASES.map(|case| format!("ok {case}\n")).concat();
        let count = CASES.len();
        assert_eq!(out, format!("{expected}{count} of {count}\n"), "{said}");
    }

    /// The example of files, by two who are new: what one sent is what the other got. Gives how many breaks it told of.
    fn run_files_example(&self, address: &str, authorities: Option<&Path>) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some file.bin");
        std::fs::write(&path, noise(4_000_000, 7)).unwrap();
        let mut command = self.command(self.files_example);
        command
            .args([address, "ann", PASSWORD])
            .arg(&path)
            .args(authorities);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let (out, said, ended) = Program::start(child).end();
        assert!(ended, "{}: {out}{said}", self.folder);
        let expected = "logged in as ann and ann-friend\n\
                        uploaded some file.bin, 4000000 bytes\n\
                        sent\n\
                        ann-friend got some file.bin from ann\n\
                        downloaded 4000000 bytes, equal to those of ann\n";
        assert_eq!(out, expected, "{said}");
        said.matches("connection lost, trying again\n").count()
    }
}

fn ended_well(what: &str, output: std::io::Result<Output>) -> Result<(), String> {
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(format!("{what}: {}: {said}", output.status))
        }
        Err(error) => Err(format!("{what}: {error}; scripts/test installs it")),
    }
}

/// A program that runs beside the test. Killed when dropped.
struct Program {
    child: Child,
    out: thread::JoinHandle<String>,
    said: thread::JoinHandle<String>,
    shown: Arc<Mutex<String>>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let shown = Arc::default();
        let out = reader(child.stdout.take().unwrap(), Arc::clone(&shown));
        let said = reader(child.stderr.take().unwrap(), Arc::default());
        Self {
            child,
            out,
            said,
            shown,
        }
    }

    fn wait_for(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.shown.lock().unwrap().contains(text) {
            let shown = self.shown.lock().unwrap().clone();
            assert!(Instant::now() < end, "{text:?} does not come:\n{shown}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// What it printed, what it said, and whether it ended well.
    fn end(mut self) -> (String, String, bool) {
        let end = Instant::now() + PROGRAM_PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break Some(status),
                None if Instant::now() > end => break None,
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        if status.is_none() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
        let (out, said) = (self.out.join().unwrap(), self.said.join().unwrap());
        (out, said, status.is_some_and(|status| status.success()))
    }
}

fn reader(
    mut from: impl Read + Send + 'static,
    shown: Arc<Mutex<String>>,
) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            shown.lock().unwrap().push_str(&text);
        }
        shown.lock().unwrap().clone()
    })
}

fn passwords() -> support::Start {
    Server::build().with_passwords().with_the_usual_rate()
}

fn every_case(language: &Language, test: &str) {
    if !support::need(test, language.usable()) {
        return;
    }
    language.run_cases(&passwords().start(), None);
    let self_signed = passwords().arguments(&["--tls", "self-signed"]).start();
    language.run_cases(&self_signed, Some(&self_signed.certificate()));
    let authority = Authority::new();
    let pair = authority.issue_good("good");
    let flags = pair.flags();
    let flags = flags.each_ref().map(String::as_str);
    let vouched = passwords().arguments(&flags).start();
    language.run_cases(&vouched, Some(&authority.file()));
}

/// Links that break cost a file nothing, up and down.
fn files_example_gets_over_breaks(language: &Language, test: &str) {
    if !support::need(test, language.usable()) {
        return;
    }
    // Twice on the way up and twice on the way down.
    const CUTS: [usize; 4] = [1_000_000, 1_500_000, 2_500_000, 1_000_000];
    for tls in [false, true] {
        let start = match tls {
            true => passwords().arguments(&["--tls", "self-signed"]),
            false => passwords(),
        };
        let server = start.start();
        let certificate = tls.then(|| server.certificate());
        let link = BreakingLink::to(server.address().as_str(), &CUTS);
        let told = language.run_files_example(link.address(), certificate.as_deref());
        assert_eq!(link.cuts_left(), 0, "tls: {tls}");
        // A call that broke may bring more after its client has asked where to go on, which is told, too.
        assert!(
            (CUTS.len()..=CUTS.len() + 2).contains(&told),
            "tls: {tls}, {told}"
        );
    }
}

/// The example follows a stream over three kills of the server: each message is printed once, and in order.
async fn example_outlives_kills(language: &'static Language, test: &str, tls: bool) {
    if !support::need(test, language.usable()) {
        return;
    }
    let start = Server::build().with_passwords();
    let start = match tls {
        true => start.arguments(&["--tls", "self-signed"]),
        false => start,
    };
    let mut server = start.start();
    let address = server.address().as_str().to_owned();
    let again = server.again();
    let certificate = tls.then(|| server.certificate());
    let mut bob = Account::register(&server, "bob").await;
    let mut command = language.command(language.example);
    command
        .args([&address, "ann", PASSWORD].map(OsString::from))
        .args(certificate);
    let example = Program::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let own = format!("hello from {}", language.folder);
    example.wait_for(&format!("ann: {own}\n"));
    let mut expected = format!("logged in as ann\nsent as seq 1\nhistory 1: {own}\nann: {own}\n");
    for kill in 0..3 {
        server.kill9();
        let start = again.clone().arguments(&["--listen", &address]);
        server = tokio::task::spawn_blocking(move || start.start())
            .await
            .unwrap();
        bob = bob.on(&server);
        for number in 0..5 {
            let text = format!("{kill}.{number}");
            bob.send("ann", &text).await;
            expected += &format!("bob: {text}\n");
        }
        // Only a stream that is back can be cut again.
        example.wait_for(&format!("bob: {kill}.4\n"));
    }
    bob.send("ann", "stop").await;
    expected += "bob: stop\n";
    let (out, said, ended) = tokio::task::spawn_blocking(|| example.end()).await.unwrap();
    assert!(ended, "{out}{said}");
    assert_eq!(out, expected, "{said}");
    let breaks = said.matches("connection lost, trying again\n").count();
    assert_eq!(breaks, 3, "{said}");
}

macro_rules! in_each_language {
    ($($module:ident: $language:ident),+ $(,)?) => {
        $(mod $module {
            use super::*;

            #[test]
            fn every_case() {
                super::every_case(&$language, concat!(stringify!($module), "::every_case"));
            }

            #[test]
            fn the_example_of_files_gets_over_breaks() {
                let name = concat!(stringify!($module), "::the_example_of_files_gets_over_breaks");
                files_example_gets_over_breaks(&$language, name);
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn the_example_outlives_kills_of_the_server() {
                let name = concat!(stringify!($module), "::the_example_outlives_kills_of_the_server");
                example_outlives_kills(&$language, name, false).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn the_example_outlives_kills_over_tls() {
                let name = concat!(stringify!($module), "::the_example_outlives_kills_over_tls");
                example_outlives_kills(&$language, name, true).await;
            }
        })+
    };
}
in_each_language!(python: PYTHON, node: NODE, go: GO);

/// What the tests run is what the table tells.
#[test]
fn the_table_names_the_cases_in_their_order() {
    let table =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/README.md"));
    let table = table.unwrap();
    let (_, rows) = table.split_once("| case |").unwrap();
    let named: Vec<&str> = rows
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert_eq!(named, CASES);
}
