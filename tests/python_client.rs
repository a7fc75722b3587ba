//! A Python client, generated from the schema by the stock tools, does what a client must.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::support::{self, Server};

pub fn usable() -> Result<(), String> {
    support::tool(
        support::venv_bin().join("python"),
        &["-c", "import grpc, grpc_tools, grpc_status"],
    )
}

/// Generates the client into a folder of its own.
fn generated() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = fs::read_dir(root.join("proto/tinychat/v1"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let output = Command::new(support::venv_bin().join("python"))
        .args(["-m", "grpc_tools.protoc", "-I"])
        .arg(root.join("proto"))
        .arg(format!("--python_out={}", folder.path().display()))
        .arg(format!("--grpc_python_out={}", folder.path().display()))
        .args(files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    folder
}

/// Runs the script on a server.
pub fn chat(arguments: &[&str]) -> String {
    python(&generated(), arguments)
}

fn python(folder: &TempDir, arguments: &[&str]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/chat.py");
    let output = Command::new(support::venv_bin().join("python"))
        .arg(script)
        .args(arguments)
        .env("PYTHONPATH", folder.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(output.status.success(), "{out}\n{err}");
    out
}

#[test]
fn python_code_is_generated_from_the_schema_alone() {
    if !support::need("python_code_is_generated_from_the_schema_alone", usable()) {
        return;
    }
    assert_eq!(python(&generated(), &["--imports-only"]), "imports work\n");
}

#[test]
fn a_python_client_registers_chats_and_gets_what_it_missed() {
    let name = "a_python_client_registers_chats_and_gets_what_it_missed";
    if !support::need(name, usable()) {
        return;
    }
    let server = Server::build().with_passwords().start();
    let out = chat(&[server.address().as_str()]);
    assert!(out.ends_with("all done\n"), "{out}");
}
