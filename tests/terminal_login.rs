//! Coming to a login in the terminal UI, in a real terminal against a real server: the first contact, an account that is
//! made, the next start without a question, accounts to choose from, and a login that ends while it is used.

use std::{fs, path::Path};

use tinychat::domain::fingerprint::Fingerprint;

use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::support::{
    self, Account, Server,
    account::{PASSWORD, text_of},
    terminal::Home,
    tmux::{self, Tmux},
};

const SIZE: (u16, u16) = (80, 24);

/// Whether there is a terminal to try it in.
fn can(test: &str) -> bool {
    support::need(test, tmux::needed())
}

/// Waits until the chats of a user are there, and the server is.
fn is_in(it: &Tmux, user: &str) {
    it.wait(&format!("the chats of {user}"), |screen| {
        let last = screen.trim_end().lines().last().unwrap_or_default();
        last.contains(&format!("◆ {user}"))
    });
}

fn leave(it: &Tmux) {
    it.keys(&["C-q"]);
    it.wait_for("shell>");
}

/// From the question whether there is an account to the chats of a new one.
fn register(it: &Tmux, user: &str) {
    it.wait_for("Have you an account here?");
    it.keys(&["Down", "Enter"]);
    it.wait_for("Which name do you want?");
    // What was typed there before is still there.
    it.keys(&["C-u"]);
    it.line(user);
    it.wait_for(&format!("A password for {user}"));
    it.line(PASSWORD);
    let screen = it.wait_for("The same password again");
    assert!(!screen.contains("correct"), "{screen}");
    it.line(PASSWORD);
    is_in(it, user);
}

/// No file below a folder holds these bytes.
fn is_nowhere(secret: &str, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            is_nowhere(secret, &path);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let is_there = bytes
            .windows(secret.len())
            .any(|it| it == secret.as_bytes());
        assert!(!is_there, "{} holds a password", path.display());
    }
}

/// What stands on a screen, without what parts it.
fn pairs(screen: &str) -> String {
    let is_part = |c: &char| c.is_ascii_alphanumeric() || *c == ':';
    screen.chars().filter(is_part).collect()
}

#[test]
fn an_account_is_made_and_found_again_and_there_can_be_several() {
    if !can("an_account_is_made_and_found_again_and_there_can_be_several") {
        return;
    }
    let tls = ["--tls", "self-signed"];
    let server = Server::build().with_passwords().arguments(&tls).start();
    let address = server.address().as_str();
    let home = Home::new();

    // Nobody vouches for the server: what it shows is what it printed, and Enter alone is no yes.
    // That it speaks TLS is found out.
    let it = Tmux::start(&home, address, &[], SIZE);
    let screen = it.wait_for("Trust this server?");
    let pem = fs::read(server.certificate()).unwrap();
    let shown = Fingerprint::of(&CertificateDer::from_pem_slice(&pem).unwrap()).to_string();
    let shown = shown.strip_prefix("SHA256:").unwrap();
    assert!(pairs(&screen).contains(shown), "{shown}:\n{screen}");
    it.keys(&["Enter"]);
    it.wait_for("is not trusted");
    it.keys(&["Enter"]);
    it.wait_for("Trust this server?");
    it.text("y");
    it.keys(&["Enter"]);
    register(&it, "ann");
    leave(&it);

    // The next start asks nothing, and needs to be told nothing.
    let it = Tmux::start(&home, "", &[], SIZE);
    is_in(&it, "ann");

    // A second account beside it. A name that is taken costs nothing.
    it.line("/accounts");
    it.wait_for("another account");
    it.keys(&["Down", "Enter"]);
    it.wait_for("Which server?");
    it.wait_for(address);
    it.keys(&["Enter"]);
    it.wait_for("Have you an account here?");
    it.keys(&["Down", "Enter"]);
    it.wait_for("Which name do you want?");
    it.line("ann");
    it.wait_for("A password for ann");
    it.line(PASSWORD);
    it.wait_for("The same password again");
    it.line(PASSWORD);
    it.wait_for("There is an account ann already.");
    it.keys(&["Escape"]);
    register(&it, "bob");
    leave(&it);

    // From now on it is asked which; the one that was used last comes first.
    let it = Tmux::start(&home, "", &[], SIZE);
    let screen = it.wait_for("Which account?");
    assert!(screen.find("bob ") < screen.find("ann "), "{screen}");
    it.keys(&["Down", "Enter"]);
    is_in(&it, "ann");
    leave(&it);
    let it = Tmux::start(&home, address, &["--user", "bob"], SIZE);
    is_in(&it, "bob");
    leave(&it);
    is_nowhere(PASSWORD, home.path());

    // Another certificate is another server, whatever is pressed.
    let again = server.again();
    let address = address.to_owned();
    drop(server);
    fs::remove_dir_all(again.data().join("tls")).unwrap();
    let _other = again.arguments(&["--listen", &address]).start();
    let it = Tmux::start(&home, &address, &["--user", "carol"], SIZE);
    it.wait_for("This is not the server that you trusted");
    it.text("y");
    it.keys(&["Enter"]);
    it.wait_for("Which server?");
    it.keys(&["C-c"]);
    it.wait_for("shell>");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_ends_while_it_is_used_costs_nothing_that_was_written() {
    if !can("a_login_that_ends_while_it_is_used_costs_nothing_that_was_written") {
        return;
    }
    let server = Server::build().with_passwords().start();
    let address = server.address().as_str();
    Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let home = Home::new();
    let it = Tmux::start(&home, address, &["--user", "ann"], SIZE);
    it.wait_for("Have you an account here?");
    it.keys(&["Enter"]);
    it.wait_for("Password of ann");
    // A slip is told, and the password alone is typed again.
    it.line("correct hose");
    it.wait_for("No login with that name and password.");
    it.line(PASSWORD);
    is_in(&it, "ann");
    it.line("/start bob");
    it.wait_for("Write to bob");
    it.text("half a thought");
    it.wait_for("half a thought");

    // Its device is revoked, by another program of the same person.
    let said = |arguments: &[&str]| {
        let output = home.run(address, arguments, b"");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let devices = said(&["--user", "ann", "devices"]);
    let own = devices.lines().find(|line| line.contains("this one"));
    let id = own.and_then(|line| line.split(' ').next()).unwrap();
    said(&["--user", "ann", "devices", "--revoke", id]);
    it.wait_for("The login of ann has ended");
    // What is just being typed goes nowhere.
    it.text("and more");
    it.keys(&["Enter"]);
    it.wait_for("Password of ann");
    it.line(PASSWORD);
    is_in(&it, "ann");
    it.wait_for("half a thought");
    it.keys(&["Enter"]);
    it.wait_for("✓");
    let conversation = bob.conversation_with("ann").await;
    let history = bob.history(&conversation.id).await;
    let texts: Vec<&str> = history.iter().map(text_of).collect();
    assert_eq!(texts, ["half a thought"]);

    // Logging out leads back to where one logs in, and the login is none any more.
    it.line("/logout");
    it.wait_for("The login of ann at");
    it.wait_for("Which server?");
    let output = home.run(address, &["--user", "ann", "--no-input", "devices"], b"");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    // What others said to ann went with it.
    let files = std::fs::read_dir(home.path().join("state/tinychat")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let caches: Vec<String> = names
        .filter(|name| name.contains("@@ann@@") && name.contains(".cache"))
        .collect();
    assert_eq!(caches, [""; 0]);
    it.keys(&["C-c"]);
    it.wait_for("shell>");
    is_nowhere(PASSWORD, home.path());
}
