//! The pictures in README.md and docs/terminal-ui.md are screens of the real UI in a real terminal, and still what it shows.
//! After a change: `UPDATE_DOCS=1 cargo test ui_pictures`. Only the times of day may differ.

use std::{env, fs, path::Path};

use tinychat::pb::{
    self, AddReactionRequest, ConversationKind, CreateConversationRequest, JoinChannelRequest,
    send_request::Target,
};

use super::support::{
    self, Account, Server,
    account::new_id,
    svg,
    terminal::Home,
    tmux::{self, Tmux},
};

const SIZE: (u16, u16) = (112, 28);

/// Without the times of day, which are those of the test.
fn without_times(picture: &str) -> String {
    let mut masked: Vec<char> = picture.chars().collect();
    for at in 0..masked.len().saturating_sub(4) {
        let is_time = [0, 1, 3, 4]
            .iter()
            .all(|digit| masked[at + digit].is_ascii_digit());
        if is_time && masked[at + 2] == ':' {
            masked[at..at + 5].fill('0');
        }
    }
    masked.into_iter().collect()
}

/// The screen is the picture of this name, or becomes it.
fn is_picture(tmux: &Tmux, name: &str, title: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/pictures/{name}.svg"));
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, svg::picture(tmux.still().screen(), title)).unwrap();
        return;
    }
    let due = without_times(&fs::read_to_string(&file).unwrap());
    let what = format!("docs/pictures/{name}.svg (UPDATE_DOCS=1 cargo test ui_pictures)");
    tmux.wait(&what, |_| {
        without_times(&svg::picture(tmux.drawn().screen(), title)) == due
    });
}

async fn say(sender: &Account, target: Target, text: &str, reply_to_seq: u64) -> pb::SendResponse {
    let request = pb::SendRequest {
        target: Some(target),
        client_message_id: new_id(),
        text: text.to_owned(),
        reply_to_seq,
        attachments: Vec::new(),
    };
    sender.send_request(request).await.unwrap()
}

async fn room(owner: &Account, kind: ConversationKind, name: &str, topic: &str, with: &[&str]) {
    let request = CreateConversationRequest {
        kind: kind.into(),
        name: name.to_owned(),
        topic: topic.to_owned(),
        user_names: with.iter().map(|&name| name.to_owned()).collect(),
        ..CreateConversationRequest::default()
    };
    let mut calls = owner.connection.conversations();
    calls.create_conversation(request).await.unwrap();
}

async fn join(account: &Account, channel: &str) {
    let request = JoinChannelRequest {
        channel_name: channel.to_owned(),
    };
    let mut calls = account.connection.conversations();
    calls.join_channel(request).await.unwrap();
}

fn channel(name: &str) -> Target {
    Target::ChannelName(name.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pictures_are_what_the_screen_shows() {
    if !support::need("the_pictures_are_what_the_screen_shows", tmux::needed()) {
        return;
    }
    let server = Server::start();
    let mut accounts = Vec::new();
    for name in ["ann", "bob", "carol", "dave", "eve"] {
        accounts.push(Account::login(&server, name).await);
    }
    let [ann, bob, carol, dave, eve] = &accounts[..] else {
        unreachable!();
    };
    let to = |name: &str| Target::UserName(name.to_owned());
    room(
        bob,
        ConversationKind::Channel,
        "ops",
        "who is on call, and what burns",
        &[],
    )
    .await;
    room(carol, ConversationKind::Channel, "general", "", &[]).await;
    for account in [ann, carol, dave] {
        join(account, "ops").await;
    }
    for account in [ann, bob, eve] {
        join(account, "general").await;
    }
    let lunch = ConversationKind::Group;
    room(eve, lunch, "lunch", "", &["ann", "bob"]).await;
    say(eve, to("ann"), "the slides are in the folder", 0).await;
    say(dave, to("ann"), "see you at five", 0).await;
    let ops = ann.conversations().await;
    let ops = ops.iter().find(|it| it.name == "ops").unwrap().id.clone();
    say(
        carol,
        channel("ops"),
        "the *nightly* build is red: `store::replay` fails on arm64",
        0,
    )
    .await;
    let asks = say(
        bob,
        channel("ops"),
        "since which commit?\n\n```\ngit bisect start HEAD v1.4\n```",
        0,
    )
    .await;
    let bisected = say(
        carol,
        channel("ops"),
        "the one that turned the cache off. I have a mend, tests are running",
        asks.seq,
    )
    .await;
    for (account, emoji) in [(bob, "🎉"), (dave, "🎉"), (ann, "👀")] {
        let request = AddReactionRequest {
            conversation_id: ops.clone(),
            seq: bisected.seq,
            emoji: emoji.to_owned(),
        };
        let mut calls = account.connection.conversations();
        calls.add_reaction(request).await.unwrap();
    }
    say(
        dave,
        channel("ops"),
        "@ann can you look at the deploy? https://ci.example.org/runs/4711",
        0,
    )
    .await;
    say(carol, channel("general"), "good morning", 0).await;
    say(eve, channel("general"), "morning! ☕", 0).await;

    // Those who are there; carol rather not.
    let mut here = Vec::new();
    for account in [bob, carol, dave] {
        here.push(account.subscribe(None).await);
    }
    let home = Home::new();
    let address = server.address().as_str();
    let ui = Tmux::start(&home, address, &["--user", "ann"], SIZE);
    ui.wait_for("◆ ann");
    ui.line("/join #ops");
    ui.wait_for("who is on call");
    ui.line("on it. The deploy waits for the green build");
    ui.wait_for("✓");
    say(carol, channel("ops"), "green 🟢 it is yours, ann", 0).await;
    ui.wait_for("it is yours");
    ui.keys(&["M-m"]);
    ui.wait_for("owner");
    ui.text("thank you, *deploying* now");
    ui.wait_for("deploying");
    is_picture(
        &ui,
        "chat",
        "TinyChat: a channel with its members, replies, reactions and ticks",
    );

    // The search, as one types.
    ui.keys(&["C-u", "M-/"]);
    ui.wait_for("Search");
    ui.text("build");
    ui.wait_for("nightly");
    is_picture(
        &ui,
        "search",
        "TinyChat: the search, with its hits as one types",
    );
    drop(here);
}
