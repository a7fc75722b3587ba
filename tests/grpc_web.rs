//! gRPC-Web, as browsers speak it: by `buf curl` over HTTP/1.1, HTTP/2 and TLS, and by hand for streams and broken bytes.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Output, Stdio},
};

use data_encoding::BASE64;
use prost::Message as _;
use tinychat::pb::{SubscribeRequest, SubscribeResponse, event::Body};

use crate::support::{
    self, Account, PATIENCE, Server, account::PASSWORD, file::noise, path_with_tools,
};

fn usable() -> Result<(), String> {
    support::tool(support::venv_bin().join("buf"), &["--version"])
}

fn curl(url: &str, flags: &[&str], method: &str, request: &str) -> Output {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
    Command::new("buf")
        .args([
            "curl",
            "--protocol",
            "grpcweb",
            "--schema",
            schema,
            "-d",
            request,
        ])
        .args(flags)
        .arg(format!("{url}/tinychat.v1.{method}"))
        .env("PATH", path_with_tools())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The code of an error, and the types and bytes of its details.
fn error(output: &Output) -> (String, String) {
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    let mut details = String::new();
    for detail in error["details"].as_array().unwrap() {
        let bytes = detail["value"].as_str().unwrap().trim_end_matches('=');
        let bytes = data_encoding::BASE64_NOPAD
            .decode(bytes.as_bytes())
            .unwrap();
        details += detail["type"].as_str().unwrap();
        details += &String::from_utf8_lossy(&bytes);
    }
    (error["code"].as_str().unwrap().to_owned(), details)
}

#[test]
fn buf_curl_speaks_grpc_web_over_every_transport() {
    let name = "buf_curl_speaks_grpc_web_over_every_transport";
    if !support::need(name, usable()) {
        return;
    }
    let plain = Server::build().with_passwords().start();
    let tls = Server::build()
        .with_passwords()
        .arguments(&["--tls", "self-signed"])
        .start();
    let certificate = tls.certificate().display().to_string();
    let ways: [(&Server, &str, Vec<&str>); 3] = [
        (&plain, "http", vec![]),
        (&plain, "http", vec!["--http2-prior-knowledge"]),
        (&tls, "https", vec!["--cacert", &certificate]),
    ];
    for (index, (server, scheme, flags)) in ways.iter().enumerate() {
        let url = format!("{scheme}://{}", server.address().as_str());
        let good = |more: &[&str], method: &str, request: &str| -> serde_json::Value {
            let output = curl(&url, &[flags, more].concat(), method, request);
            assert!(output.status.success(), "{url} {method}: {output:?}");
            serde_json::from_slice(&output.stdout).unwrap()
        };
        let time = good(&[], "ChatService/Time", "{}");
        assert!(time["time"].as_str().unwrap().ends_with('Z'), "{time}");
        let account = format!(r#"{{"user_name":"web{index}","password":"{PASSWORD}"}}"#);
        let token = good(&[], "AuthService/Register", &account);
        let header = format!(
            "authorization: Bearer {}",
            token["accessToken"].as_str().unwrap()
        );
        let send = format!(r#"{{"user_name":"web{index}","text":"from a browser"}}"#);
        let sent = good(&["-H", &header], "ChatService/Send", &send);
        assert_eq!(sent["seq"], "1", "{sent}");
        // A small file goes the same way, up and down.
        let auth = ["-H", header.as_str()];
        let bytes = noise(90_000, index as u64);
        let begin = r#"{"name":"web.bin","size_bytes":90000}"#;
        let upload = good(&auth, "FileService/CreateUpload", begin);
        let id = format!(r#""upload_id":{}"#, upload["upload"]["id"]);
        let data = BASE64.encode(&bytes);
        let chunk = format!(r#"{{{id},"data":"{data}"}}"#);
        let brought = good(&auth, "FileService/UploadChunk", &chunk);
        assert_eq!(brought["committedBytes"], "90000", "{brought}");
        let file = good(&auth, "FileService/CompleteUpload", &format!("{{{id}}}"));
        let id = format!(r#"{{"file_id":{}}}"#, file["file"]["id"]);
        let send = format!(r#"{{"user_name":"web{index}","attachments":[{id}]}}"#);
        let sent = good(&auth, "ChatService/Send", &send);
        assert_eq!(sent["seq"], "2", "{sent}");
        let flags_of = [flags, &auth[..]].concat();
        let came = curl(&url, &flags_of, "FileService/Download", &id);
        let answers = serde_json::Deserializer::from_slice(&came.stdout).into_iter();
        let answers: Vec<serde_json::Value> = answers.map(Result::unwrap).collect();
        let data =
            |answer: &serde_json::Value| BASE64.decode(answer["data"].as_str().unwrap().as_bytes());
        let came: Result<Vec<Vec<u8>>, _> = answers.iter().map(data).collect();
        assert_eq!(came.unwrap().concat(), bytes);
        // An error comes with its reason and details.
        let output = curl(&url, flags, "ChatService/Send", &send);
        assert!(!output.status.success());
        let (code, details) = error(&output);
        assert_eq!(code, "unauthenticated");
        assert!(details.contains("TOKEN_MISSING"), "{details}");
        let empty = r#"{"user_name":"web0","text":""}"#;
        let output = curl(
            &url,
            &[flags, &["-H", &header][..]].concat(),
            "ChatService/Send",
            empty,
        );
        let (code, details) = error(&output);
        assert_eq!(code, "invalid_argument");
        assert!(
            details.contains("TEXT_EMPTY") && details.contains("BadRequest"),
            "{details}"
        );
    }
}

/// An answer over HTTP/1.1: its head, and what follows.
fn post(server: &Server, path: &str, headers: &str, body: &[u8]) -> (String, BufReader<TcpStream>) {
    let address = server.address().as_str();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).unwrap(), 0, "{head}");
    }
    (head.to_ascii_lowercase(), stream)
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// One chunk of a body in chunks.
fn chunk(stream: &mut BufReader<TcpStream>) -> Vec<u8> {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let length = usize::from_str_radix(line.trim(), 16).unwrap();
    let mut bytes = vec![0; length + 2];
    stream.read_exact(&mut bytes).unwrap();
    bytes.truncate(length);
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_follows_events_by_subscribe() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    ann.send("ann", "missed").await;
    let headers = format!(
        "content-type: application/grpc-web+proto\r\nauthorization: Bearer {}\r\n",
        ann.token
    );
    let request = framed(&SubscribeRequest::default().encode_to_vec());
    let path = "/tinychat.v1.ChatService/Subscribe";
    let (head, mut body) = post(&server, path, &headers, &request);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(
        head.contains("content-type: application/grpc-web+proto"),
        "{head}"
    );
    let mut texts = Vec::new();
    let mut waiting: Vec<u8> = Vec::new();
    while !texts.contains(&"live".to_owned()) {
        waiting.extend(chunk(&mut body));
        while waiting.len() >= 5 {
            let length = u32::from_be_bytes(waiting[1..5].try_into().unwrap()) as usize;
            if waiting.len() < 5 + length {
                break;
            }
            let message: Vec<u8> = waiting.drain(..5 + length).skip(5).collect();
            for event in SubscribeResponse::decode(message.as_slice())
                .unwrap()
                .events
            {
                match event.body.unwrap() {
                    Body::Message(message) => {
                        texts.push(support::account::text_of(&message).to_owned());
                    }
                    Body::CaughtUp(_) => drop(ann.send("ann", "live").await),
                    _ => {}
                }
            }
        }
    }
    assert_eq!(texts, ["missed", "live"]);
}

#[test]
fn broken_grpc_web_is_answered_and_the_server_lives_on() {
    let server = Server::start();
    let path = "/tinychat.v1.ChatService/Time";
    let web = "content-type: application/grpc-web+proto\r\nconnection: close\r\n";
    let text = "content-type: application/grpc-web-text\r\nconnection: close\r\n";
    for (headers, body) in [
        (web, &b""[..]),
        (web, b"\0"),
        (web, b"\0\0\0\0\xff{"),
        (web, b"\x01\0\0\0\x01x"),
        (web, b"\x80\0\0\0\x02xx"),
        (web, &[0xff; 600]),
        (text, b"!!!! not base64 !!!!"),
        (text, b"AAAA"),
    ] {
        let (head, mut rest) = post(&server, path, headers, body);
        let mut end = Vec::new();
        rest.read_to_end(&mut end).unwrap();
        let all = format!("{head}{}", String::from_utf8_lossy(&end));
        assert!(head.starts_with("http/1.1 200"), "{all}");
        let status = all
            .split("grpc-status:")
            .nth(1)
            .map(|rest| rest.trim_start());
        let status = status.and_then(|rest| rest.chars().next());
        assert!(status.is_some_and(|first| first != '0'), "{body:?}: {all}");
    }
    // Neither gRPC nor gRPC-Web gets a sentence.
    let (head, mut rest) = post(
        &server,
        path,
        "content-type: text/html\r\nconnection: close\r\n",
        b"x",
    );
    assert!(head.starts_with("http/1.1 415"), "{head}");
    let mut sentence = String::new();
    rest.read_to_string(&mut sentence).unwrap();
    assert!(sentence.contains("speaks gRPC"), "{sentence}");
    // And a good one still works.
    let (head, mut rest) = post(&server, path, web, &framed(b""));
    let mut end = Vec::new();
    rest.read_to_end(&mut end).unwrap();
    let end = String::from_utf8_lossy(&end);
    assert!(
        head.starts_with("http/1.1 200") && end.contains("grpc-status:0"),
        "{head}{end}"
    );
}

#[test]
fn where_names_are_on_trust_no_page_of_another_site_gets_in() {
    let trusting = Server::start();
    let strict = Server::build().with_passwords().start();
    let path = "/tinychat.v1.ChatService/Time";
    let status = |server: &Server, origin: &str| {
        let headers = format!(
            "content-type: application/grpc-web+proto\r\nconnection: close\r\norigin: {origin}\r\n"
        );
        let (head, mut rest) = post(server, path, &headers, &framed(b""));
        let mut end = Vec::new();
        rest.read_to_end(&mut end).unwrap();
        let all = format!("{head}{}", String::from_utf8_lossy(&end));
        let status = all.split("grpc-status:").nth(1).expect("a status");
        let digits = |c: char| c.is_ascii_digit();
        status
            .trim_start()
            .chars()
            .take_while(|c| digits(*c))
            .collect::<String>()
    };
    for foreign in ["http://evil.example:7777", "null"] {
        assert_eq!(status(&trusting, foreign), "7", "{foreign}");
        // With passwords a page has no more than anybody has: nothing, without a token.
        assert_eq!(status(&strict, foreign), "0", "{foreign}");
    }
    assert_eq!(status(&trusting, "http://localhost:8080"), "0");
}
