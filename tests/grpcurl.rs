//! The old grpcurl 1.8.6 on reflection alone, and README's lines as they stand.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::support::{self, Server, account::PASSWORD, path_with_tools};

fn usable() -> Result<(), String> {
    // Found through the same PATH as below.
    let there = Command::new("grpcurl")
        .arg("--version")
        .env("PATH", path_with_tools())
        .output();
    match there {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("grpcurl --version: {}", output.status)),
        Err(error) => Err(format!("grpcurl: {error}; scripts/test installs it")),
    }
}

/// Runs grpcurl on a server: `before` the address and `after` it.
fn grpcurl(server: &Server, before: &[&str], after: &[&str]) -> Output {
    Command::new("grpcurl")
        .arg("-plaintext")
        .args(before)
        .arg(server.address().as_str())
        .args(after)
        .env("PATH", path_with_tools())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The standard output of a call that must succeed.
fn good(server: &Server, before: &[&str], after: &[&str]) -> String {
    let output = grpcurl(server, before, after);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{before:?} {after:?}: {out}{err}");
    out
}

/// The answer of a call, as JSON.
fn call(server: &Server, token: Option<&str>, method: &str, request: &str) -> serde_json::Value {
    let header = token.map(|token| format!("authorization: Bearer {token}"));
    let mut before = vec!["-d", request];
    if let Some(header) = &header {
        before.extend(["-H", header]);
    }
    let out = good(server, &before, &[method]);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[test]
fn grpcurl_does_everything_on_reflection_alone() {
    if !support::need("grpcurl_does_everything_on_reflection_alone", usable()) {
        return;
    }
    let server = Server::build().with_passwords().start();

    let services = good(&server, &[], &["list"]);
    for service in [
        "grpc.health.v1.Health",
        "tinychat.v1.AuthService",
        "tinychat.v1.ChatService",
        "tinychat.v1.ConversationService",
        "tinychat.v1.FileService",
    ] {
        assert!(services.lines().any(|line| line == service), "{services}");
    }
    let described = good(&server, &[], &["describe", "tinychat.v1.ChatService"]);
    for method in ["Chat", "Subscribe", "Send", "Users", "Time"] {
        assert!(
            described.contains(&format!("rpc {method} (")),
            "{described}"
        );
    }
    let described = good(&server, &[], &["describe", "tinychat.v1.SendRequest"]);
    assert!(described.contains("client_message_id"), "{described}");

    let health = call(&server, None, "grpc.health.v1.Health/Check", "{}");
    assert_eq!(health["status"], "SERVING");
    let time = call(&server, None, "tinychat.v1.ChatService/Time", "{}");
    assert!(time["time"].as_str().unwrap().ends_with('Z'), "{time}");

    let token = |name: &str| {
        let request = format!(r#"{{"user_name":"{name}","password":"{PASSWORD}"}}"#);
        let answer = call(&server, None, "tinychat.v1.AuthService/Register", &request);
        answer["accessToken"].as_str().unwrap().to_owned()
    };
    let (ann, bob) = (token("ann"), token("bob"));
    let users = call(&server, Some(&ann), "tinychat.v1.ChatService/Users", "{}");
    let names: Vec<&str> = users["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["ann", "bob"]);

    let request = r#"{"user_name":"bob","text":"hello from grpcurl"}"#;
    let sent = call(&server, Some(&ann), "tinychat.v1.ChatService/Send", request);
    assert_eq!(sent["seq"], "1");

    // A stream has no end of its own: grpcurl cuts it, and says so in its exit status.
    let header = format!("authorization: Bearer {bob}");
    let before = ["-max-time", "3", "-d", "{}", "-H", &header];
    let watched = grpcurl(&server, &before, &["tinychat.v1.ChatService/Subscribe"]);
    let watched = text(&watched.stdout);
    for part in ["\"welcome\"", "hello from grpcurl", "\"caughtUp\""] {
        assert!(watched.contains(part), "no {part} in: {watched}");
    }
}

#[test]
fn grpcurl_shows_errors_with_readable_details() {
    if !support::need("grpcurl_shows_errors_with_readable_details", usable()) {
        return;
    }
    let server = Server::build().with_passwords().start();
    let request = format!(r#"{{"user_name":"ann","password":"{PASSWORD}"}}"#);
    let ann = call(&server, None, "tinychat.v1.AuthService/Register", &request);
    let header = format!(
        "authorization: Bearer {}",
        ann["accessToken"].as_str().unwrap()
    );
    let failing = |before: &[&str], method: &str| {
        let output = grpcurl(&server, before, &[method]);
        assert!(!output.status.success());
        text(&output.stderr)
    };

    let request = r#"{"user_name":"nobody","text":"hello"}"#;
    let said = failing(
        &["-d", request, "-H", &header],
        "tinychat.v1.ChatService/Send",
    );
    for part in [
        "NotFound",
        "google.rpc.ErrorInfo",
        "USER_NOT_FOUND",
        "nobody",
    ] {
        assert!(said.contains(part), "no {part} in: {said}");
    }
    let request = r#"{"user_name":"ann"}"#;
    let said = failing(
        &["-d", request, "-H", &header],
        "tinychat.v1.ChatService/Send",
    );
    for part in ["InvalidArgument", "google.rpc.BadRequest", "text\""] {
        let squeezed = said.replace("\":\"", "\": \"");
        assert!(squeezed.contains(part), "no {part} in: {said}");
    }
    let said = failing(&["-d", "{}"], "tinychat.v1.AuthService/WhoAmI");
    for part in ["Unauthenticated", "google.rpc.ErrorInfo"] {
        assert!(said.contains(part), "no {part} in: {said}");
    }
}

/// The lines of README that say of themselves that they are run: blocks of `sh` under the comment `<!-- run -->`.
fn marked_blocks(readme: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "<!-- run -->" {
            continue;
        }
        let opening = lines.by_ref().find(|line| !line.trim().is_empty());
        assert_eq!(opening.map(str::trim), Some("```sh"), "after <!-- run -->");
        let block: Vec<&str> = lines
            .by_ref()
            .take_while(|line| line.trim() != "```")
            .collect();
        blocks.push(block.join("\n"));
    }
    blocks
}

/// The marked blocks of a document; a test that needs them and grpcurl is skipped without.
fn blocks_of(document: &str, test: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document));
    let text = text.unwrap_or_else(|error| panic!("{document}: {error}"));
    if !support::need(test, usable()) {
        return None;
    }
    let blocks = marked_blocks(&text);
    assert!(
        !blocks.is_empty(),
        "{document} marks no lines with <!-- run -->"
    );
    Some(blocks)
}

/// All marked blocks of a document run as one script, so that a later one can use what an earlier one set. The only
/// change: where the default address stands, the test's server is put.
/// Some lines fail on purpose or are cut: what all printed and said together must contain these words, so often.
fn runs_as_it_stands(document: &str, test: &str, words: &[(&str, usize)]) {
    let Some(blocks) = blocks_of(document, test) else {
        return;
    };
    let server = Server::build().with_passwords().start();
    let script = blocks
        .join("\n")
        .replace("127.0.0.1:7777", server.address().as_str())
        .replace("localhost:7777", server.address().as_str());
    let home = tempfile::tempdir().unwrap();
    let output = Command::new("bash")
        .args(["-euxo", "pipefail", "-c", &script])
        .current_dir(home.path())
        .env("PATH", path_with_tools())
        .env("HOME", home.path())
        .env("XDG_STATE_HOME", home.path().join("state"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    for (word, count) in words {
        let found = out.matches(word).count() + err.matches(word).count();
        assert!(
            found >= *count,
            "{word} is there {found} times\n{out}\n{err}"
        );
    }
}

#[test]
fn the_readme_lines_run_as_they_stand() {
    runs_as_it_stands(
        "README.md",
        "the_readme_lines_run_as_they_stand",
        &[("\"caughtUp\"", 2), ("hello bob", 2), ("hi ann", 1)],
    );
}

#[test]
fn the_cookbook_runs_as_it_stands() {
    runs_as_it_stands(
        "docs/grpcurl.md",
        "the_cookbook_runs_as_it_stands",
        &[
            ("\"caughtUp\"", 3),
            ("SCOPE_MISSING", 1),
            ("USER_NOT_FOUND", 1),
            ("exit status 80", 1),
        ],
    );
}

#[test]
fn the_cookbook_of_conversations_runs_as_it_stands() {
    runs_as_it_stands(
        "docs/grpcurl-conversations.md",
        "the_cookbook_of_conversations_runs_as_it_stands",
        &[
            ("\"match\"", 3),
            ("\"mentionsAll\"", 2),
            ("\"markedUnread\"", 1),
            ("NO_OPEN_STREAM", 1),
            ("\"usesCount\"", 1),
            ("\"deliveredSeq\"", 1),
            ("BLOCKED_BY_USER", 1),
        ],
    );
}

#[test]
fn the_cookbook_of_files_runs_as_it_stands() {
    runs_as_it_stands(
        "docs/grpcurl-files.md",
        "the_cookbook_of_files_runs_as_it_stands",
        &[
            ("UPLOAD_OFFSET", 1),
            ("\"committedBytes\": \"31\"", 1),
            ("the second line", 1),
            ("FILE_NOT_FOUND", 2),
        ],
    );
}

#[test]
fn the_scripts_run_as_they_stand() {
    runs_as_it_stands("docs/scripting.md", "the_scripts_run_as_they_stand", &[]);
}

#[test]
fn the_scripts_of_files_run_as_they_stand() {
    runs_as_it_stands(
        "docs/files.md",
        "the_scripts_of_files_run_as_they_stand",
        &[],
    );
}

/// Whatever the server offers has its line in the cookbook.
#[test]
fn the_cookbook_has_every_method() {
    let mut blocks = String::new();
    for document in [
        "docs/grpcurl.md",
        "docs/grpcurl-conversations.md",
        "docs/grpcurl-files.md",
    ] {
        match blocks_of(document, "the_cookbook_has_every_method") {
            Some(more) => blocks.extend(more.into_iter().map(|block| block + "\n")),
            None => return,
        }
    }
    let server = Server::build().with_passwords().start();
    let mut methods = 0;
    for service in good(&server, &[], &["list"]).lines() {
        for method in good(&server, &[], &["list", service]).lines() {
            // grpcurl names a method with a dot, and calls it with a slash.
            let (service, name) = method.rsplit_once('.').unwrap();
            let called = format!("{service}/{name}");
            let is_called = blocks
                .match_indices(&called)
                .any(|(at, _)| !blocks[at + called.len()..].starts_with(char::is_alphanumeric));
            assert!(is_called, "no line calls {called}");
            methods += 1;
        }
    }
    assert!(methods >= 20, "{methods} methods");
}

#[test]
fn marked_blocks_are_found_and_others_left() {
    let readme =
        "a\n```sh\nno\n```\n<!-- run -->\n```sh\none\ntwo\n```\n<!-- run -->\n\n```sh\n3\n```";
    assert_eq!(marked_blocks(readme), ["one\ntwo", "3"]);
}
