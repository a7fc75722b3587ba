//! The one-shot commands and `--json`, as scripts use them; and a script that outlives a hundred kills of the server.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tinychat::domain::ids::ClientMessageId;

use super::support::{self, Account, Server, account::text_of, terminal::Home};

/// A person's scripts at one server.
struct Scripts<'a> {
    home: &'a Home,
    address: String,
}

impl<'a> Scripts<'a> {
    fn at(server: &Server, home: &'a Home) -> Self {
        let address = server.address().as_str().to_owned();
        Self { home, address }
    }

    /// Runs one that must end with this code; returns what it printed and what it said.
    fn run(&self, arguments: &[&str], input: &str, code: i32) -> (String, String) {
        let output = self.home.run(&self.address, arguments, input.as_bytes());
        let out = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let ended = output.status.code();
        assert_eq!(ended, Some(code), "{arguments:?}: {out}{said}");
        (out, said)
    }

    /// The objects that one prints.
    fn objects(&self, arguments: &[&str], input: &str) -> Vec<Value> {
        let (out, said) = self.run(&[arguments, &["--json"]].concat(), input, 0);
        assert_eq!(said, "", "{arguments:?}");
        out.lines().map(object).collect()
    }
}

fn object(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// Puts words where times, ids of sends and secrets stand, so that objects can be compared.
fn scrubbed(mut value: Value) -> Value {
    fn walk(key: &str, value: &mut Value) {
        match value {
            Value::Object(fields) if key == "limits" => {
                assert!(fields.len() > 10);
                *value = "LIMITS".into();
            }
            Value::Object(fields) => {
                for (key, value) in fields {
                    walk(key, value);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| walk(key, value)),
            Value::String(text) if key == "time" || key.ends_with("_time") => {
                let is_time = chrono::DateTime::parse_from_rfc3339(text).is_ok();
                assert!(is_time && text.ends_with('Z'), "{key}: {text}");
                *text = "TIME".to_owned();
            }
            Value::String(text) if key == "client_message_id" => {
                assert!(text.parse::<ClientMessageId>().is_ok(), "{text}");
                *text = "UUID".to_owned();
            }
            Value::String(text) if key == "cursor" && !text.is_empty() => {
                *text = "CURSOR".to_owned();
            }
            Value::String(text) if key == "epoch" => *text = "EPOCH".to_owned(),
            Value::String(text) if key == "access_token" || key == "code" => text.truncate(4),
            Value::String(text) if text.starts_with("line client") => text.truncate(11),
            Value::String(text) if key == "done" => {
                let words = text
                    .split(' ')
                    .map(|word| if word.contains(':') { "SERVER" } else { word });
                *text = words.collect::<Vec<_>>().join(" ");
            }
            _ => {}
        }
    }
    walk("", &mut value);
    value
}

#[test]
fn every_command_prints_its_objects() {
    let server = Server::start();
    let home = Home::new();
    let scripts = Scripts::at(&server, &home);
    let mut all = String::new();
    let mut step = |arguments: &[&str], input: &str| {
        let objects = scripts.objects(arguments, input).into_iter();
        let lines: Vec<String> = objects.map(|it| scrubbed(it).to_string()).collect();
        all += &format!("$ {}\n{}\n\n", arguments.join(" "), lines.join("\n"));
    };
    step(&["--user", "bob", "login"], "");
    step(&["--user", "ann", "login"], "");
    step(&["--user", "ann", "send", "bob", "one"], "");
    step(&["--user", "ann", "send", "bob"], "two\nthree\n");
    step(&["--user", "ann", "send", "id:c1", "four"], "");
    step(&["--user", "bob", "users"], "");
    step(&["time"], "");
    step(&["--user", "bob", "conversations"], "");
    step(&["--user", "bob", "history", "ann", "-n", "1"], "");
    step(
        &[
            "--user", "bob", "history", "id:c1", "--around", "2", "-n", "1",
        ],
        "",
    );
    step(&["--user", "ann", "send", "bob", "@bob look here"], "");
    step(
        &[
            "--user", "bob", "search", "look", "--in", "ann", "--from", "ann",
        ],
        "",
    );
    step(&["--user", "bob", "mentions"], "");
    step(&["--user", "bob", "mute", "ann", "--for", "2h"], "");
    step(&["--user", "bob", "unmute", "ann"], "");
    step(&["--user", "ann", "create", "#ops"], "");
    let link = ["--user", "ann", "link", "#ops"];
    step(
        &[&link[..], &["--expires", "7d", "--uses", "3"]].concat(),
        "",
    );
    step(&["--user", "ann", "links", "#ops"], "");
    step(&["--user", "ann", "unlink", "#ops", "i1"], "");
    step(&["--user", "bob", "seen", "ann"], "");
    step(&["--user", "bob", "block", "ann"], "");
    step(&["--user", "bob", "blocked"], "");
    step(&["--user", "bob", "watch", "--once", "--backlog", "1"], "");
    step(&["--user", "bob", "unblock", "ann"], "");
    step(
        &["--user", "bob", "watch", "--once", "--since", "no cursor"],
        "",
    );
    step(&["--user", "bob", "devices"], "");
    step(
        &[
            "--user", "bob", "token", "--create", "ci", "--scope", "read", "--days", "1",
        ],
        "",
    );
    step(&["--user", "bob", "devices", "--revoke", "d3"], "");
    step(&["--user", "bob", "token"], "");
    // Answers and events of the line mode come when they come: only what they are is compared.
    let said = "/start ann\nhi ann\n/stop\nlost\n/users\n/time\n";
    let mut lines: Vec<String> = scripts
        .objects(&["--user", "bob"], said)
        .into_iter()
        .map(|it| scrubbed(it).to_string())
        .collect();
    // The event of the last message may come, or the end of the stream before it.
    lines.retain(|line| !line.contains("\"text\":\"hi ann\""));
    lines.sort();
    insta::assert_snapshot!("line_mode_in_json", lines.join("\n"));
    step(&["--user", "bob", "logout"], "");
    step(&["forget"], "");
    insta::assert_snapshot!("every_command_in_json", all);
}

#[test]
fn failures_are_objects_too_and_their_codes_are_kept() {
    let server = Server::start();
    let home = Home::new();
    let scripts = Scripts::at(&server, &home);
    scripts.run(&["--user", "ann", "login"], "", 0);
    let failed = |arguments: &[&str], code: i32| {
        let (out, said) = scripts.run(&[arguments, &["--json"]].concat(), "", code);
        assert_eq!(out, "");
        let error = object(said.trim_end())["error"].clone();
        assert_eq!(error["exit_code"], code);
        assert_ne!(error["message"], "");
        error["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(failed(&["send", "nobody", "hi"], 5), "USER_NOT_FOUND");
    assert_eq!(failed(&["history", "bob"], 5), "");
    assert_eq!(failed(&["history", "id:c9"], 5), "CONVERSATION_NOT_FOUND");
    assert_eq!(failed(&["send", "ann", ""], 6), "");
    assert_eq!(failed(&["search", "nothing", "like", "it"], 5), "");
    assert_eq!(failed(&["search", "..."], 6), "QUERY_INVALID");
    assert_eq!(
        failed(&["search", "--from", "nobody", "hi"], 5),
        "USER_NOT_FOUND"
    );
    assert_eq!(
        failed(&["search", "--in", "id:c9", "hi"], 5),
        "CONVERSATION_NOT_FOUND"
    );
    assert_eq!(failed(&["mute", "id:c9"], 5), "CONVERSATION_NOT_FOUND");
    assert_eq!(failed(&["mute", "ann", "--for", "ever"], 2), "");
    let code = "tci_AAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(failed(&["join", code], 5), "INVITE_LINK_VOID");
    for arguments in [
        &["link", "id:c9"][..],
        &["links", "id:c9"],
        &["unlink", "id:c9", "i9"],
    ] {
        assert_eq!(failed(arguments, 5), "CONVERSATION_NOT_FOUND");
    }
    assert_eq!(failed(&["block", "ann"], 6), "BLOCKS_ONESELF");
    assert_eq!(failed(&["unblock", "nobody"], 5), "USER_NOT_FOUND");
    assert_eq!(failed(&["seen", "id:c9"], 5), "CONVERSATION_NOT_FOUND");
    assert_eq!(failed(&["search", "hi", "-n", "0"], 2), "");
    assert_eq!(
        failed(&["devices", "--revoke", "d9"], 5),
        "DEVICE_NOT_FOUND"
    );
    assert_eq!(failed(&["--user", "carol", "send", "x/y", "hi"], 2), "");
}

#[test]
fn an_id_of_ones_own_makes_a_script_that_starts_over_send_once() {
    let server = Server::start();
    let home = Home::new();
    let scripts = Scripts::at(&server, &home);
    let id = "0198c5a0-9c1e-7b21-8a4d-3f6f1f2b7c11";
    let send = ["--user", "ann", "send", "ann", "once", "--id", id];
    let first = scripts.objects(&send, "").remove(0);
    let second = scripts.objects(&send, "").remove(0);
    assert_eq!((&first["seq"], &second["seq"]), (&1.into(), &1.into()));
    assert_eq!(
        (&first["duplicate"], &second["duplicate"]),
        (&false.into(), &true.into())
    );
    let other = ["--user", "ann", "send", "ann", "another", "--id", id];
    let (_, said) = scripts.run(&other, "", 6);
    assert!(said.contains("used for another message"), "{said}");
    // One id for many lines would be one message and many refusals.
    scripts.run(&["--user", "ann", "send", "ann", "-", "--id", id], "a\n", 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_pages_through_as_much_as_is_asked_for() {
    let server = Server::start();
    let ann = Account::login(&server, "ann").await;
    for number in 1..=1203 {
        ann.send("ann", &number.to_string()).await;
    }
    let home = Home::new();
    let scripts = Scripts::at(&server, &home);
    let seqs = |arguments: &[&str]| -> Vec<u64> {
        let arguments = [&["--user", "ann", "history", "ann"], arguments].concat();
        let objects = scripts.objects(&arguments, "");
        objects
            .iter()
            .map(|it| it["seq"].as_u64().unwrap())
            .collect()
    };
    let range = |from: u64, to: u64| (from..=to).collect::<Vec<_>>();
    assert_eq!(seqs(&[]), range(1154, 1203));
    assert!(seqs(&["-n", "0"]).is_empty());
    assert_eq!(seqs(&["-n", "1100"]), range(104, 1203));
    assert_eq!(seqs(&["-n", "5000"]), range(1, 1203));
    assert_eq!(seqs(&["--after", "0", "-n", "1100"]), range(1, 1100));
    assert_eq!(seqs(&["--after", "1200", "-n", "1100"]), range(1201, 1203));
    assert_eq!(seqs(&["--before", "1000", "-n", "700"]), range(300, 999));
    assert_eq!(seqs(&["--before", "3", "-n", "700"]), range(1, 2));
    assert!(seqs(&["--before", "1"]).is_empty());
    let around = seqs(&["--around", "600", "-n", "21"]);
    assert!(around.len() == 21 && around.contains(&600), "{around:?}");
    assert_eq!(seqs(&["--around", "1", "-n", "0"]).len(), 0);
    let around = seqs(&["--around", "600", "-n", "1001"]);
    assert_eq!(around.len(), 1001, "more than a page");
    assert!(around.windows(2).all(|pair| pair[0] + 1 == pair[1]) && around.contains(&600));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_goes_by_time_and_what_is_found_by_words() {
    let server = Server::start();
    let ann = Account::login(&server, "ann").await;
    for number in 1..=40 {
        ann.send("ann", &format!("number {number}")).await;
    }
    let home = Home::new();
    let scripts = Scripts::at(&server, &home);
    let messages = |arguments: &[&str]| -> Vec<(u64, String)> {
        let arguments = [&["--user", "ann", "history", "ann"], arguments].concat();
        let objects = scripts.objects(&arguments, "").into_iter();
        let pair = |it: Value| {
            let time = it["sent_time"].as_str().unwrap().to_owned();
            (it["seq"].as_u64().unwrap(), time)
        };
        objects.map(pair).collect()
    };
    let all = messages(&[]);
    assert_eq!(all.len(), 40);
    // The first that was sent then or later: several may have been sent in one millisecond.
    let since = |at: &str| {
        let is_it = |(_, time): &(u64, String)| milliseconds(time) >= milliseconds(at);
        all.iter().position(is_it).unwrap()
    };
    let (early, late) = (all[10].1.as_str(), all[30].1.as_str());
    assert_eq!(messages(&["--since", early]), all[since(early)..]);
    assert_eq!(
        messages(&["--since", early, "-n", "3"]),
        all[since(early)..since(early) + 3]
    );
    assert_eq!(messages(&["--until", late]), all[..since(late)]);
    assert_eq!(
        messages(&["--until", late, "-n", "3"]),
        all[since(late) - 3..since(late)]
    );
    assert_eq!(
        messages(&["--since", early, "--until", late]),
        all[since(early)..since(late)]
    );
    let around = messages(&["--at", late, "-n", "5"]);
    assert!(
        around.len() == 5 && around.contains(&all[since(late)]),
        "{around:?}"
    );
    assert_eq!(messages(&["--since", "2999-01-01"]), []);
    assert_eq!(messages(&["--at", "2999-01-01", "-n", "2"]), all[38..]);
    assert_eq!(messages(&["--until", "2000-01-01T00:00"]), []);

    let found = |arguments: &[&str]| {
        let arguments = [&["--user", "ann", "search"], arguments].concat();
        scripts.run(&arguments, "", 0).0
    };
    assert_eq!(found(&["number", "-n", "39"]).lines().count(), 39);
    let line = found(&["number", "17"]);
    assert!(
        line.starts_with("<ann, 20") && line.ends_with("> [17] *number* *17*\n"),
        "{line}"
    );
    let newest = found(&["number", "--in", "ann", "--from", "ann", "-n", "2"]);
    let numbers: Vec<&str> = newest
        .lines()
        .filter_map(|line| line.split_once("> "))
        .map(|(_, it)| it)
        .collect();
    assert_eq!(numbers, ["[40] *number* 40", "[39] *number* 39"]);
    scripts.run(
        &["--user", "ann", "search", "number", "--until", "2000-01-01"],
        "",
        5,
    );
    assert_eq!(
        scripts
            .run(&["--user", "ann", "mentions", "--all"], "", 0)
            .0,
        ""
    );
}

/// The milliseconds of a time, as a number.
fn milliseconds(time: &str) -> i64 {
    let time = chrono::DateTime::parse_from_rfc3339(time).unwrap();
    time.timestamp_millis()
}

#[test]
fn a_reader_that_goes_away_is_no_error_and_leaves_no_word() {
    let server = Server::start();
    let home = Home::new();
    let address = server.address().as_str();
    let lines: String = (0..500).map(|number| format!("{number}\n")).collect();
    let sent = home.run(address, &["--user", "ann", "send", "ann"], lines.as_bytes());
    assert!(sent.status.success(), "{sent:?}");
    // watch has no more to say when its reader goes: it must notice by itself.
    for command in ["watch", "watch --json", "history ann -n 500"] {
        let script = format!(
            "\"$0\" --server {address} --user ann {command} | head -n 1; echo \"${{PIPESTATUS[0]}}\""
        );
        let output = Command::new("bash")
            .args(["-c", &script, env!("CARGO_BIN_EXE_tinychat-client")])
            .env_clear()
            .envs(home.environment())
            .env("PATH", std::env::var_os("PATH").unwrap())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(out.ends_with("\n0\n"), "{command}: {out}");
    }
}

#[test]
fn completions_and_manual_pages_are_made_of_the_definitions() {
    let home = Home::new();
    let scripts = Scripts {
        home: &home,
        // Nobody is asked.
        address: "127.0.0.1:1".to_owned(),
    };
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = scripts.run(&["completions", shell], "", 0).0;
        for word in ["conversations", "history", "no-input", "around"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let page = scripts.run(&["man"], "", 0).0;
    assert!(page.contains(".TH tinychat-client 1"), "{page}");
    for command in [
        "login", "send", "watch", "history", "search", "devices", "man",
    ] {
        let page = scripts.run(&["man", command], "", 0).0;
        assert!(
            page.contains(&format!("tinychat\\-client {command}")),
            "{page}"
        );
    }
    let (_, said) = scripts.run(&["man", "nothing"], "", 2);
    assert!(said.contains("no command nothing"), "{said}");
    let (_, said) = scripts.run(&["wach"], "", 2);
    assert!(said.contains("'watch'"), "{said}");
}

/// A script sends lines by `send -` while the server is killed again and again: each arrives once, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_sends_lines_outlives_the_kills_of_the_server() {
    let _turn = support::heavy().await;
    let (kills, lines) = (100, 10_000);
    let began = Instant::now();
    let mut server = Server::start();
    let (again, address) = (server.again(), server.address().as_str().to_owned());
    let bob = Account::login(&server, "bob").await;
    let home = Home::new();
    let login = home.run(&address, &["--user", "ann", "login"], b"");
    assert!(login.status.success(), "{login:?}");
    let input = home.path().join("lines");
    let text: String = (1..=lines)
        .map(|number| format!("line {number}\n"))
        .collect();
    std::fs::write(&input, text).unwrap();
    let mut script = Command::new(env!("CARGO_BIN_EXE_tinychat-client"))
        .env_clear()
        .envs(home.environment())
        // Longer than a busy disk stands still: this is about what is sent, not about how fast.
        .args(["--server", &address, "--json", "send", "--wait", "120"])
        .args(["bob", "-"])
        .stdin(Stdio::from(File::open(&input).unwrap()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let answers = BufReader::new(script.stdout.take().unwrap());
    let (mut killed, mut repeated) = (0, 0);
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    for (number, answer) in (1..).zip(answers.lines()) {
        longest = longest.max(std::mem::replace(&mut last, Instant::now()).elapsed());
        let answer = object(&answer.unwrap());
        assert_eq!(answer["seq"], number, "{answer}");
        repeated += u32::from(answer["duplicate"] == true);
        if number % (lines / kills) == 0 && killed < kills {
            server.kill9();
            killed += 1;
            let start = again.clone().arguments(&["--listen", &address]);
            server = tokio::task::spawn_blocking(move || start.start())
                .await
                .unwrap();
        }
    }
    assert!(script.wait().unwrap().success());
    assert_eq!(killed, kills);
    let bob = bob.on(&server);
    let conversation = bob.conversation_with("ann").await;
    let history = bob.history(&conversation.id).await;
    let texts: Vec<&str> = history.iter().map(text_of).collect();
    let expected: Vec<String> = (1..=lines).map(|number| format!("line {number}")).collect();
    assert_eq!(texts, expected);
    let took = began.elapsed();
    println!(
        "{lines} lines over {kills} kills, {repeated} of them answered a second time, in {took:.0?}; \
         the longest wait for an answer was {longest:.1?}"
    );
}

/// Whose message it is must never be a matter of which of two settings wins.
#[test]
fn a_token_of_another_user_than_the_one_that_is_named_is_refused() {
    let server = Server::start();
    let home = Home::new();
    let address = server.address().as_str();
    let token = home.run(address, &["--user", "bob", "token"], b"");
    let token = String::from_utf8(token.stdout).unwrap();
    let given = [("TINYCHAT_TOKEN", token.trim())];
    for arguments in [
        &["--user", "ann", "send", "bob", "hi"][..],
        &["--user", "ann", "logout"],
    ] {
        let output = home.run_with(address, arguments, b"", &given);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    let output = home.run_with(
        address,
        &["--user", "bob", "send", "bob", "hi"],
        b"",
        &given,
    );
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn empty_lines_are_no_messages_and_no_failure() {
    let server = Server::start();
    let home = Home::new();
    let scripts = Scripts::at(&server, &home);
    let sent = scripts.objects(&["--user", "ann", "send", "ann"], "\none\n\n\ntwo\n");
    assert_eq!(sent.len(), 2);
}

/// `nohup` is a wish to outlive the terminal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_was_told_to_ignore_hang_ups_does() {
    let server = Server::start();
    let bob = Account::login(&server, "bob").await;
    let home = Home::new();
    let out = home.path().join("seen");
    let script = format!(
        "trap '' HUP; exec \"$0\" --server {} --user ann watch >{}",
        server.address().as_str(),
        out.display()
    );
    let mut watch = Command::new("bash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_tinychat-client")])
        .env_clear()
        .envs(home.environment())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let pid = rustix::process::Pid::from_child(&watch);
    let signal = |it| rustix::process::kill_process(pid, it).unwrap();
    let seen = || std::fs::read_to_string(&out).unwrap_or_default();
    // Ann is made by the login of the watch.
    support::eventually("ann is there", support::PATIENCE, || {
        server.stderr().contains("\"u2\"")
    })
    .await;
    bob.send("ann", "before").await;
    support::eventually("it watches", support::PATIENCE, || {
        seen().contains("before")
    })
    .await;
    signal(rustix::process::Signal::HUP);
    bob.send("ann", "after").await;
    support::eventually("it lives on", support::PATIENCE, || {
        seen().contains("after")
    })
    .await;
    signal(rustix::process::Signal::TERM);
    assert!(watch.wait().unwrap().success());
}
