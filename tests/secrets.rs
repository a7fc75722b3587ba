//! What is told to nobody: passwords, tokens and texts in logs, arguments, errors, metrics and files; and whether a name
//! has an account.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use prost::Message as _;
use tinychat::pb::{
    ChangePasswordRequest, ConversationKind, CreateConversationRequest, CreateInviteLinkRequest,
    CreateTokenRequest, JoinByInviteLinkRequest, LoginRequest, LogoutRequest, RegisterRequest,
    Scope, SendRequest,
};
use tonic::Status;

use crate::{
    metrics::scrape,
    support::{
        Account, PATIENCE, Server,
        account::{new_id, to_user},
        eventually, heavy, in_time,
        raw::Raw,
    },
};

const PASSWORD: &str = "planted-password-4711";
const NEXT: &str = "planted-next-password";
const WRONG: &str = "planted-wrong-password";
const BODY: &str = "planted-message-body";

/// Every file below a folder, whole.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            found.push((path.display().to_string(), bytes));
        }
    }
    found
}

fn contains(bytes: &[u8], secret: &str) -> bool {
    let secret = secret.as_bytes();
    bytes.windows(secret.len()).any(|window| window == secret)
}

fn login_request(name: &str, password: &str) -> LoginRequest {
    LoginRequest {
        user_name: name.to_owned(),
        password: password.to_owned(),
        device_name: String::new(),
    }
}

/// All that a status says, its details too.
fn said(status: &Status) -> Vec<u8> {
    let metadata = format!("{:?} {}", status.metadata(), status.message());
    [metadata.as_bytes(), status.details()].concat()
}

#[tokio::test]
async fn no_secret_is_left_in_logs_arguments_errors_metrics_or_files() {
    let metrics = ["--metrics", "127.0.0.1:0"];
    let server = Server::build().with_passwords().logging("debug");
    let mut server = server.arguments(&metrics).start();
    let connection = server.connection();
    let mut auth = connection.auth();
    let register = RegisterRequest {
        user_name: "ann".to_owned(),
        password: PASSWORD.to_owned(),
        device_name: String::new(),
    };
    let registered = auth.register(register.clone()).await.unwrap().into_inner();
    let token = registered.access_token;
    let again = auth.login(login_request("ann", PASSWORD)).await.unwrap();
    let again = again.into_inner().access_token;
    let mut errors = vec![
        auth.login(login_request("ann", WRONG)).await.unwrap_err(),
        auth.register(register).await.unwrap_err(),
        // A password where a name belongs: it must not be shown back.
        auth.login(login_request(WRONG, PASSWORD))
            .await
            .unwrap_err(),
    ];
    let mut own = connection.with_token(&token).unwrap().auth();
    let change = |current: &str, new: &str| ChangePasswordRequest {
        current_password: current.to_owned(),
        new_password: new.to_owned(),
        end_other_devices: false,
    };
    errors.push(own.change_password(change(WRONG, NEXT)).await.unwrap_err());
    own.change_password(change(PASSWORD, NEXT)).await.unwrap();
    let bot = CreateTokenRequest {
        name: "bot".to_owned(),
        scopes: vec![Scope::Send.into()],
        expire_time: None,
    };
    let bot = own
        .create_token(bot)
        .await
        .unwrap()
        .into_inner()
        .access_token;

    let mut rooms = connection.with_token(&token).unwrap().conversations();
    let group = CreateConversationRequest {
        kind: ConversationKind::Group.into(),
        name: "the few".to_owned(),
        ..CreateConversationRequest::default()
    };
    let group = rooms.create_conversation(group).await.unwrap().into_inner();
    let link = CreateInviteLinkRequest {
        conversation_id: group.conversation.unwrap().id,
        ..CreateInviteLinkRequest::default()
    };
    let link = rooms.create_invite_link(link).await.unwrap().into_inner();
    let code = link.code;
    assert!(code.starts_with("tci_") && code.len() == 26, "{code}");
    let join = |code: String| JoinByInviteLinkRequest { code };
    rooms.join_by_invite_link(join(code.clone())).await.unwrap();
    let bad = rooms.join_by_invite_link(join(format!("{code}x"))).await;
    errors.push(bad.unwrap_err());

    let raw = Raw::connect(&server).await;
    for bad in [format!("{token}x"), bot.replace("tcb_", "tct_")] {
        let raw = raw.with_token(&bad);
        let call = raw.call("/tinychat.v1.AuthService/WhoAmI", Vec::new());
        errors.push(call.await.unwrap_err());
    }
    let raw = raw.with_token(&token);
    let send = "/tinychat.v1.ChatService/Send";
    let request = to_user("ann", BODY, &new_id()).encode_to_vec();
    raw.call(send, request.clone()).await.unwrap();
    let by_bot = Raw::connect(&server).await.with_token(&bot);
    by_bot
        .call(send, to_user("ann", BODY, "").encode_to_vec())
        .await
        .unwrap();
    let refused: [SendRequest; 3] = [
        to_user("nobody", BODY, ""),
        to_user("ann", &format!("{BODY}\0"), ""),
        to_user("ann", BODY, BODY),
    ];
    let torn = request[..request.len() - 3].to_vec();
    for request in refused
        .iter()
        .map(prost::Message::encode_to_vec)
        .chain([torn])
    {
        errors.push(raw.call(send, request).await.unwrap_err());
    }
    let mut auth = connection.with_token(&again).unwrap().auth();
    auth.logout(LogoutRequest {}).await.unwrap();

    eventually("something is logged", PATIENCE, || {
        server.stderr().contains("logged out")
    })
    .await;
    let page = scrape(&server, "/metrics");
    let command = fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
    let environment = fs::read(format!("/proc/{}/environ", server.pid())).unwrap();
    let data = server.again().data().to_owned();
    // While it runs, with its write-ahead log; and after it has stopped.
    let running = files(&data);
    assert!(
        running.iter().any(|(_, bytes)| contains(bytes, BODY)),
        "in the store"
    );
    server.terminate();
    let log = server.stderr();
    assert!(log.contains("logged in"), "{log}");

    let secrets = [PASSWORD, NEXT, WRONG, &token, &again, &bot, &code];
    for secret in secrets.iter().copied().chain([BODY]) {
        assert!(
            !contains(log.as_bytes(), secret),
            "{secret} in the log:\n{log}"
        );
        assert!(
            !contains(page.as_bytes(), secret),
            "{secret} in the metrics:\n{page}"
        );
        assert!(!contains(&command, secret), "{secret} in the arguments");
        assert!(
            !contains(&environment, secret),
            "{secret} in the environment"
        );
        for error in &errors {
            assert!(!contains(&said(error), secret), "{secret} in {error:?}");
        }
    }
    for (path, bytes) in running.into_iter().chain(files(&data)) {
        for secret in secrets {
            assert!(!contains(&bytes, secret), "{secret} in {path}");
            // Nor what is behind the prefix of a token or a code.
            let prefixes = ["tct_", "tcb_", "tci_"].into_iter();
            let bare = prefixes.fold(secret, |it, prefix| it.trim_start_matches(prefix));
            assert!(!contains(&bytes, bare), "{bare} in {path}");
        }
    }
}

/// The probability that two samples as different as these come from the same source: the rank-sum test of Mann and
/// Whitney, two-sided, with the normal approximation, which is good from 20 values on.
fn mann_whitney(a: &[Duration], b: &[Duration]) -> f64 {
    let mut all: Vec<(Duration, bool)> = Vec::new();
    all.extend(a.iter().map(|value| (*value, true)));
    all.extend(b.iter().map(|value| (*value, false)));
    all.sort();
    let ranks = all.iter().enumerate().filter(|(_, (_, of_a))| *of_a);
    let sum: f64 = ranks.map(|(index, _)| index as f64 + 1.0).sum();
    let (n, m) = (a.len() as f64, b.len() as f64);
    let u = sum - n * (n + 1.0) / 2.0;
    let z = (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt();
    // Twice the upper tail of the normal distribution (Abramowitz and Stegun, 26.2.17).
    let x = z.abs();
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let polynomial = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    (2.0 * density * polynomial).min(1.0)
}

#[test]
fn the_test_of_ranks_tells_what_differs_from_what_does_not() {
    let sample = |start: u64, step: u64| -> Vec<Duration> {
        (0..200)
            .map(|n| Duration::from_micros(start + (n * step) % 997))
            .collect()
    };
    assert!(mann_whitney(&sample(1_000, 31), &sample(1_000, 37)) > 0.1);
    // A shift of a tenth of the spread, as a dummy hash with other parameters would make.
    assert!(mann_whitney(&sample(1_000, 31), &sample(1_200, 37)) < 0.001);
}

/// Logins with two hundred names that exist and two hundred that do not, taking turns.
async fn guesses(server: &Server) -> [Vec<Duration>; 2] {
    let mut took = [Vec::new(), Vec::new()];
    let mut auth = server.connection().auth();
    let mut seen: Option<Vec<u8>> = None;
    for round in 0..200 {
        // Which goes first changes too: what runs after something may be slower than what runs before it.
        for turn in 0..2 {
            let known = (round + turn) % 2 == 0;
            let name = match known {
                true => format!("known{round}"),
                false => format!("ghost{round}"),
            };
            let began = Instant::now();
            let answer = in_time("login", auth.login(login_request(&name, WRONG))).await;
            took[usize::from(known)].push(began.elapsed());
            let status = answer.unwrap_err();
            // The time of the answer is the only thing that may differ.
            let mut all = status.clone();
            all.metadata_mut().remove("date");
            let all = [said(&all), vec![status.code() as u8]].concat();
            assert_eq!(
                seen.get_or_insert_with(|| all.clone()),
                &all,
                "{name}: {status:?}"
            );
        }
    }
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whether_a_name_has_an_account_cannot_be_told_from_a_login() {
    let _turn = heavy().await;
    let server = Server::build().with_passwords().start();
    for number in 0..200 {
        Account::register(&server, &format!("known{number}")).await;
    }
    // With nothing to tell, one try in a hundred looks as if there were: three of them, one in a million.
    let mut all = Vec::new();
    for _ in 0..3 {
        let [ghosts, known] = guesses(&server).await;
        let p = mann_whitney(&known, &ghosts);
        all.push(p);
        if p > 0.01 {
            println!("known against unknown names: p = {p:.3}");
            return;
        }
    }
    panic!("known and unknown names differ: p = {all:?}");
}
