//! Files over links that break and servers that are killed.

use std::fs;

use tonic::Code;

use super::{code, uploads_under};
use crate::support::{
    self, Account, Server,
    account::reason,
    disk::SmallDisk,
    file::*,
    in_time,
    proxy::{Mark, Proxy, Way},
    rng::Rng,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_gets_through_a_link_that_breaks_and_a_server_that_is_killed() {
    let size: usize = if support::long() { 100 << 20 } else { 16 << 20 };
    let _turn = support::heavy().await;
    let mut server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let link = Proxy::to(&server);
    let bytes = noise(size, 1);
    let mut rng = Rng::new(support::seed());
    let part = |rng: &mut Rng| rng.within(size as u64 / 16..size as u64 / 6);
    let id = begin(&ann, "large.bin", size as u64).await.unwrap().id;

    // Up: five cuts of the link, and a kill in the middle of them.
    let (mut cuts, mut killed, mut marked) = (0, false, 0);
    let stands_at = loop {
        let over = ann.over(&link.connection());
        let from = match stands(&over, &id).await {
            Ok(from) => from as usize,
            Err(_) => continue,
        };
        if cuts < 5 && marked == cuts {
            marked += 1;
            link.mark(Way::Up, part(&mut rng), Mark::Cut);
        }
        match bring(&over, chunks(&id, &bytes, from)).await {
            Ok(committed) => break committed,
            // A call that broke brought more after it was asked.
            Err(status) if reason(&status) == "UPLOAD_OFFSET" => continue,
            Err(status) => {
                assert!(cuts < 5, "nothing breaks any more: {status:?}");
                cuts = link.cuts();
            }
        }
        if cuts == 3 && !killed {
            killed = true;
            server.kill9();
            server = server.restart();
            link.lead_to(&server);
        }
    };
    assert_eq!((stands_at, cuts, killed), (size as u64, 5, true));
    let sent = link.passed(Way::Up);
    let file = complete(&ann.over(&link.connection()), &id).await.unwrap();
    assert_eq!(file.blake3, blake3::hash(&bytes).as_bytes().as_slice());

    // Down: the same.
    let (mut got, mut cuts) = (Vec::new(), 0);
    while got.len() < size {
        let over = ann.over(&link.connection());
        if cuts < 5 {
            link.mark(Way::Down, part(&mut rng), Mark::Cut);
        }
        let asked = tinychat::pb::DownloadRequest {
            file_id: file.id.clone(),
            offset: got.len() as u64,
        };
        let mut files = over.connection.files();
        if let Ok(stream) = in_time("a download", files.download(asked)).await {
            let mut stream = stream.into_inner();
            while let Ok(Some(answer)) = in_time("more", stream.message()).await {
                assert_eq!(answer.offset, got.len() as u64);
                got.extend_from_slice(&answer.data);
            }
        }
        if got.len() < size {
            cuts += 1;
        }
        if cuts == 3 && killed {
            killed = false;
            server.kill9();
            server = server.restart();
            link.lead_to(&server);
        }
    }
    assert!(got == bytes, "another content came");
    assert_eq!((cuts, killed), (5, false));
    let came = link.passed(Way::Down);
    for (way, carried) in [("up", sent), ("down", came)] {
        let ratio = carried as f64 / size as f64;
        println!("{way}: {ratio:.3} x the size went over the link, with five cuts and a kill");
        assert!(ratio <= 1.1, "{way}: {ratio}");
    }
}

#[tokio::test]
async fn what_a_kill_leaves_behind_is_cleaned_up() {
    let mut server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let id = begin(&ann, "a", 10).await.unwrap().id;
    bring(&ann, chunks(&id, b"12345", 0)).await.unwrap();
    // An upload that nobody knows: a kill came between its end and that of its bytes.
    let stray = server.data().join("uploads/4711");
    fs::write(&stray, "stray").unwrap();
    // A content that no row names, as is there when `tinychat.db` was put back to an older one; and one that is known.
    let known = upload(&ann, "known", b"known").await.unwrap();
    let unknown = server.data().join("blobs").join("ab");
    fs::create_dir_all(&unknown).unwrap();
    let unknown = unknown.join(format!("ab{}", "0".repeat(62)));
    fs::write(&unknown, "unknown").unwrap();
    server.kill9();
    let server = server.restart();
    let ann = ann.on(&server);
    // By now it listens, and nobody takes a new upload for a stray.
    assert!(!stray.exists());
    support::eventually_async("what no row names is gone", async || !unknown.exists()).await;
    assert_eq!(download(&ann, &known.id, 0).await.unwrap(), b"known");
    assert_eq!(stands(&ann, &id).await.unwrap(), 5);
    let rest = chunks(&id, b"1234567890", 5);
    assert_eq!(bring(&ann, rest).await.unwrap(), 10);
    let file = complete(&ann, &id).await.unwrap();
    assert_eq!(download(&ann, &file.id, 0).await.unwrap(), b"1234567890");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_takes_no_files_and_still_takes_messages() {
    let name = "a_disk_that_is_full_takes_no_files_and_still_takes_messages";
    let disk = SmallDisk::mount(32);
    if !support::need(name, disk.as_ref().map(drop).map_err(Clone::clone)) {
        return;
    }
    let _turn = support::heavy().await;
    let disk = disk.unwrap();
    let server = Server::build().on(&disk.path().join("data")).start();
    let ann = Account::register(&server, "ann").await;
    let bytes = noise(40 << 20, 1);
    let id = begin(&ann, "large", bytes.len() as u64).await.unwrap().id;
    let refused = bring(&ann, chunks(&id, &bytes, 0)).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
    assert_eq!(reason(&refused), "STORE_FULL");
    // There is room for messages, and for what is not large.
    for number in 0..200 {
        ann.send("ann", &format!("{number}")).await;
    }
    let at = stands(&ann, &id).await.unwrap();
    assert!(at > 20 << 20, "{at}");
    assert_eq!(code(begin(&ann, "b", 1).await).1, "STORE_FULL");
    assert_eq!(
        uploads_under(server.data()),
        [&id[1..], &format!("{}.at", &id[1..])]
    );
    // Once there is room it goes on, here after another upload was given up: with a ballast of its own that goes.
    let mut files = ann.connection.files();
    let cancel = tinychat::pb::CancelUploadRequest { upload_id: id };
    in_time("cancelled", files.cancel_upload(cancel))
        .await
        .unwrap();
    let ballast = disk.path().join("ballast");
    support::eventually_async("what was given up is free", async || {
        fs::write(&ballast, vec![0; 12 << 20]).is_ok()
    })
    .await;
    let bytes = noise(8 << 20, 2);
    let id = begin(&ann, "c", bytes.len() as u64).await.unwrap().id;
    let refused = bring(&ann, chunks(&id, &bytes, 0)).await.unwrap_err();
    assert_eq!(reason(&refused), "STORE_FULL");
    fs::remove_file(ballast).unwrap();
    let at = stands(&ann, &id).await.unwrap() as usize;
    assert!(at > 0);
    assert_eq!(
        uploads_under(server.data()),
        [&id[1..], &format!("{}.at", &id[1..])]
    );
    bring(&ann, chunks(&id, &bytes, at)).await.unwrap();
    let file = complete(&ann, &id).await.unwrap();
    assert_eq!(download(&ann, &file.id, 0).await.unwrap(), bytes);
}
