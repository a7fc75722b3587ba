//! TLS: our client and grpcurl over it (`other_languages` has the rest); whoever should not be trusted is refused with the mend, nothing falls back
//! to plaintext; a new certificate is served without a dropped stream.

use std::{
    fs,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tinychat::{
    client::net::{
        connect::{Connection, ServerAddress},
        error::ClientError,
        session::{Patience, Session},
        tls::{Security, TlsFailure, Trust},
    },
    domain::fingerprint::Fingerprint,
};
use tokio::{io::AsyncReadExt as _, net::TcpListener, task::JoinSet};

use crate::support::{
    self, Account, PATIENCE, Server,
    certificates::{self, Authority, Pair},
    feed::Door,
    in_time, path_with_tools,
    terminal::Home,
};

/// A server with this certificate.
fn with(pair: &Pair) -> Server {
    let flags = pair.flags();
    let flags = flags.each_ref().map(String::as_str);
    Server::build().with_passwords().arguments(&flags).start()
}

fn self_signed() -> Server {
    let tls = ["--tls", "self-signed"];
    Server::build().with_passwords().arguments(&tls).start()
}

fn fingerprint(server: &Server) -> Fingerprint {
    let pem = fs::read(server.certificate()).unwrap();
    Fingerprint::of(&CertificateDer::from_pem_slice(&pem).unwrap())
}

/// How a call without a login ends.
async fn time(address: &ServerAddress, trust: Trust) -> Result<(), ClientError> {
    let session = Session::open(address, &Security::Tls(trust))?;
    let asked = in_time("the time", session.time(Patience::None)).await;
    asked.map(drop)
}

async fn refused(address: &ServerAddress, trust: Trust) -> TlsFailure {
    match time(address, trust).await {
        Err(ClientError::Tls(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn accounts_chat_over_a_self_signed_server() {
    let server = self_signed();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let mut feed = bob.live(Door::Chat).await;
    ann.send("bob", "in private").await;
    feed.until_text("in private").await;
    // The greeting names what a client needs.
    let shown = fingerprint(&server).to_string();
    let greeting = server.printed().join("\n");
    let certificate = server.certificate().display().to_string();
    assert!(
        greeting.contains(&shown) && greeting.contains(&certificate) && greeting.contains("--tls"),
        "{greeting}"
    );
    // The same key after a restart: a pin stays good.
    let server = server.restart();
    assert_eq!(fingerprint(&server).to_string(), shown);
    time(server.address(), Trust::Pinned(fingerprint(&server)))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_and_what_is_wrong_is_named() {
    let authority = Authority::new();
    let trust = || Trust::Authorities(authority.file());
    let good = with(&authority.issue_good("good"));
    time(good.address(), trust()).await.unwrap();
    // The same server by a name that the certificate has too.
    let port = good.address().as_str().rsplit_once(':').unwrap().1;
    let by_name: ServerAddress = format!("localhost:{port}").parse().unwrap();
    time(&by_name, trust()).await.unwrap();

    let unknown = refused(good.address(), Trust::System).await;
    assert!(matches!(unknown, TlsFailure::Unknown { .. }), "{unknown}");
    let other = Authority::new();
    let unknown = refused(good.address(), Trust::Authorities(other.file())).await;
    assert!(matches!(unknown, TlsFailure::Unknown { .. }), "{unknown}");
    let pinned = Trust::Pinned(Fingerprint::of(b"another"));
    let changed = refused(good.address(), pinned).await;
    assert!(
        matches!(changed, TlsFailure::Changed { .. }) && changed.to_string().contains("forget"),
        "{changed}"
    );

    let old = with(&authority.issue("old", &["127.0.0.1"], [2000, 2020]));
    let error = refused(old.address(), trust()).await.to_string();
    assert!(error.contains("is no longer valid;"), "{error}");
    let early = with(&authority.issue("early", &["127.0.0.1"], [2080, 2090]));
    let error = refused(early.address(), trust()).await.to_string();
    assert!(error.contains("is not yet valid;"), "{error}");
    let names = ["chat.example.org", "10.1.2.3"];
    let elsewhere = with(&authority.issue("elsewhere", &names, [2020, 2090]));
    let error = refused(elsewhere.address(), trust()).await.to_string();
    assert!(
        error.contains("is not for that name but for chat.example.org, 10.1.2.3;"),
        "{error}"
    );
}

#[tokio::test]
async fn neither_side_falls_back_to_plaintext() {
    let (plain, encrypted) = (Server::build().with_passwords().start(), self_signed());
    let failure = refused(plain.address(), Trust::System).await;
    assert!(matches!(failure, TlsFailure::NotTls { .. }), "{failure}");
    let session = Session::open(encrypted.address(), &Security::Plaintext).unwrap();
    let error = session.time(Patience::None).await.unwrap_err().to_string();
    assert!(
        error.contains("answers with TLS; connect with --tls"),
        "{error}"
    );
    // Beyond this machine, as the client sees it, the same address is TLS or nothing unless the user insists.
    let home = Home::new();
    let port = plain.address().as_str().rsplit_once(':').unwrap().1;
    let beyond = format!("[::ffff:127.0.0.1]:{port}");
    let output = home.run(&beyond, &["time"], b"");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("does not speak TLS;"), "{said}");
    let output = home.run(&beyond, &["--insecure", "time"], b"");
    assert!(output.status.success(), "{output:?}");
    // With the real client, by its exit code.
    for (server, flags) in [(&plain, &["--tls", "time"][..]), (&encrypted, &["time"])] {
        let output = home.run(server.address().as_str(), flags, b"");
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        assert!(output.stdout.is_empty());
    }
}

/// A server that speaks TLS and offers this by ALPN. It fails if it is sent anything.
async fn serving_by(pair: &Pair, protocols: Vec<Vec<u8>>) -> (ServerAddress, JoinSet<()>) {
    let chain = CertificateDer::pem_file_iter(&pair.certificate).unwrap();
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(&pair.key).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = protocols;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            // A client that goes on without HTTP/2 would send its preface.
            let mut byte = [0];
            assert_eq!(stream.read(&mut byte).await.unwrap_or(0), 0);
        }
    });
    (address, serving)
}

#[tokio::test]
async fn a_server_without_http2_in_its_tls_is_refused() {
    let authority = Authority::new();
    let (address, mut serving) = serving_by(&authority.issue_good("good"), Vec::new()).await;
    let failure = refused(&address, Trust::Authorities(authority.file())).await;
    assert!(matches!(failure, TlsFailure::NoHttp2 { .. }), "{failure}");
    // Its one connection has been read to its end by now, or its task has failed.
    let ended = in_time("its end", serving.join_next()).await.unwrap();
    ended.expect("it was sent something");
}

#[test]
fn the_first_contact_asks_and_pins_and_a_changed_certificate_is_refused_with_the_mend() {
    let server = self_signed();
    let shown = fingerprint(&server).to_string();
    let home = Home::new();

    let mut doubting = home.client(&server, &["--tls"]);
    doubting.wait_for("Nobody whom this machine trusts vouches for");
    doubting.wait_for(&shown);
    doubting.wait_for("[y/N] ");
    doubting.line("");
    doubting.wait_for("is not trusted, so nothing was sent to it");
    assert_eq!(doubting.ended().code(), Some(3));

    let mut ann = home.client(&server, &["--tls"]);
    ann.wait_for("[y/N] ");
    ann.line("y");
    ann.register("ann");
    ann.line("/quit");
    assert_eq!(ann.ended().code(), Some(0));

    // From now on it is not asked, and the flag is not needed: the pin means TLS.
    let address = server.address().as_str();
    let output = home.run(address, &["users"], b"");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"ann <OFFLINE>\n");
    let output = home.run(address, &["--insecure", "users"], b"");
    assert_eq!(output.status.code(), Some(2), "{output:?}");

    // Somebody else at the same place.
    let other = tempfile::tempdir().unwrap();
    let another = Server::build()
        .on(other.path())
        .arguments(&["--tls", "self-signed"]);
    drop(another.start());
    for file in ["key.pem", "cert.pem"] {
        let place = server.certificate().with_file_name(file);
        fs::copy(other.path().join("tls").join(file), place).unwrap();
    }
    kill_process(
        Pid::from_raw(server.pid().cast_signed()).unwrap(),
        Signal::HUP,
    )
    .unwrap();
    let end = Instant::now() + PATIENCE;
    let refused = loop {
        let output = home.run(address, &["users"], b"");
        if !output.status.success() {
            break output;
        }
        assert!(Instant::now() < end, "the new certificate is not served");
    };
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(4), "{said}");
    let now = fingerprint(&server).to_string();
    assert!(
        said.contains(&shown)
            && said.contains(&now)
            && said.contains("another one than you trusted"),
        "{said}"
    );

    // The mend that it names works, and what was for the old certificate alone is not shown to the new one.
    let output = home.run(address, &["forget"], b"");
    assert!(output.status.success(), "{output:?}");
    let certificate = server.certificate().display().to_string();
    let vouched = ["--ca", &certificate, "--user", "ann"];
    let output = home.run(address, &[&vouched[..], &["users"]].concat(), b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("no login is remembered for ann"), "{said}");
    let password = home.path().join("password");
    fs::write(&password, "correct horse\n").unwrap();
    let password = password.display().to_string();
    let anew = [&vouched[..], &["--password-file", &password, "users"]].concat();
    let output = home.run(address, &anew, b"");
    assert!(output.status.success(), "{output:?}");
    let output = home.run(address, &[&vouched[..], &["users"]].concat(), b"");
    assert!(output.status.success(), "{output:?}");

    // Nor is a login that an authority vouched for used where nobody does.
    let weaker = ["--insecure", "--user", "ann", "send", "ann", "text"];
    let output = home.run(address, &weaker, b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("its token was not sent"), "{said}");
    // Without a terminal nobody is asked.
    let output = home.run(address, &["--tls", "users"], b"");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&now) && said.contains("--ca FILE"), "{said}");
}

/// What new connections are shown.
async fn shows(server: &Server, pair: &Pair) -> bool {
    let pem = fs::read(&pair.certificate).unwrap();
    let pinned = Fingerprint::of(&CertificateDer::from_pem_slice(&pem).unwrap());
    time(server.address(), Trust::Pinned(pinned)).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_served_under_load_without_a_dropped_stream() {
    let authority = Authority::new();
    let pairs = [
        authority.issue_good("first"),
        authority.issue_good("second"),
    ];
    let place = authority.issue_good("place");
    let server = with(&place);
    let trust = Trust::Authorities(authority.file());
    let connection = Connection::open(server.address(), &Security::Tls(trust)).unwrap();
    let ann = Account::try_register(&connection, "ann").await.unwrap();
    let bob = Account::try_register(&connection, "bob").await.unwrap();
    let mut feed = bob.live(Door::Subscribe).await;
    let hang_up = || {
        let pid = Pid::from_raw(server.pid().cast_signed()).unwrap();
        kill_process(pid, Signal::HUP).unwrap();
    };
    let mut sent = 0;
    for round in 0..6 {
        let pair = &pairs[round % 2];
        pair.replace(&place);
        // In the last round nobody tells: it is seen that the files have changed.
        if round < 5 {
            hang_up();
        }
        let end = Instant::now() + PATIENCE;
        loop {
            ann.send("bob", &format!("m{sent}")).await;
            sent += 1;
            if shows(&server, pair).await {
                break;
            }
            assert!(Instant::now() < end, "round {round}");
        }
    }
    // Told to, it reads again what has not changed, which no look at the files would do.
    let read = || server.stderr().matches("certificate read").count();
    let before = read();
    hang_up();
    support::eventually("it is read again", PATIENCE, || read() > before).await;
    // A torn file changes nothing.
    fs::write(&place.certificate, "torn").unwrap();
    hang_up();
    support::eventually("the fault is told", PATIENCE, || {
        server.stderr().contains("the old one stays")
    })
    .await;
    assert!(shows(&server, &pairs[1]).await);
    ann.send("bob", "the end").await;
    let events = feed.until_text("the end").await;
    let texts = events
        .iter()
        .filter(|event| matches!(&event.body, Some(tinychat::pb::event::Body::Message(_))));
    assert_eq!(
        texts.count(),
        sent + 1,
        "on the one stream that was open all the time"
    );
}

#[test]
fn grpcurl_speaks_tls() {
    let name = "grpcurl_speaks_tls";
    let grpcurl = support::tool(support::venv_bin().join("grpcurl"), &["--version"]);
    if !support::need(name, grpcurl) {
        return;
    }
    let server = self_signed();
    let address = server.address().as_str();
    let certificate = server.certificate().display().to_string();
    let grpcurl = |flags: &[&str]| {
        Command::new("grpcurl")
            .args(flags)
            .args([address, "tinychat.v1.ChatService/Time"])
            .env("PATH", path_with_tools())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let output = grpcurl(&["-cacert", &certificate]);
    assert!(output.status.success(), "{output:?}");
    assert!(!grpcurl(&[]).status.success(), "an unknown one is trusted");
    assert!(
        !grpcurl(&["-plaintext"]).status.success(),
        "plaintext passes"
    );

    let authority = Authority::new();
    let server = with(&authority.issue_good("good"));
    let (address, file) = (server.address().as_str(), authority.file());
    let output = Command::new("grpcurl")
        .args(["-cacert", &file.display().to_string(), address])
        .arg("tinychat.v1.ChatService/Time")
        .env("PATH", path_with_tools())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn a_server_that_offers_only_http1_in_its_tls_is_refused() {
    let authority = Authority::new();
    let pair = authority.issue_good("good");
    let (address, _serving) = serving_by(&pair, vec![b"http/1.1".to_vec()]).await;
    let failure = refused(&address, Trust::Authorities(authority.file())).await;
    assert!(matches!(failure, TlsFailure::NoHttp2 { .. }), "{failure}");
}

#[tokio::test]
async fn the_other_loopback_is_served_and_its_certificate_is_for_it() {
    let tls = ["--tls", "self-signed", "--listen", "[::1]:0"];
    let server = Server::build().with_passwords().arguments(&tls).start();
    let greeting = server.printed().join("\n");
    let second = greeting.split(" and ").nth(1).unwrap();
    let second: ServerAddress = second.split(' ').next().unwrap().parse().unwrap();
    let trust = Trust::Authorities(server.certificate());
    time(&second, trust).await.unwrap();
    let port = second.as_str().rsplit_once(':').unwrap().1;
    assert_eq!(second.as_str(), format!("[::1]:{port}"));
}

#[tokio::test]
async fn the_very_certificate_may_stand_in_the_file_of_authorities() {
    // As `openssl req -x509` makes it: it signs itself and says that it is an authority.
    let folder = tempfile::tempdir().unwrap();
    let pair = certificates::own_authority(folder.path());
    let server = with(&pair);
    let trust = Trust::Authorities(pair.certificate.clone());
    time(server.address(), trust).await.unwrap();
    let unknown = refused(server.address(), Trust::System).await;
    assert!(matches!(unknown, TlsFailure::Unknown { .. }), "{unknown}");
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_by_the_program_with_the_mend() {
    let authority = Authority::new();
    let home = Home::new();
    let file = authority.file().display().to_string();
    for (pair, mend) in [
        (
            authority.issue("old", &["127.0.0.1"], [2000, 2020]),
            "ask its operator for a fresh one",
        ),
        (
            authority.issue("elsewhere", &["chat.example.org"], [2020, 2090]),
            "connect by a name that it is for",
        ),
    ] {
        let server = with(&pair);
        let output = home.run(server.address().as_str(), &["--ca", &file, "time"], b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.contains(mend), "{said}");
    }
}

#[tokio::test]
async fn half_a_handshake_is_cut() {
    let server = self_signed();
    let address = server.address().as_str();
    let mut silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let began = Instant::now();
    let mut byte = [0];
    let read = in_time("the cut", silent.read(&mut byte)).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert!(began.elapsed() < Duration::from_secs(10));
}
