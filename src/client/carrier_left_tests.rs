//! Uploads that are to be cancelled and are sent again, and those of which nothing can be noted.

use super::*;

/// Begins to send a, which is so large that it does not pass, and cancels that while the server is away.
async fn left_to_be_cancelled(stage: &fake::Stage, carrier: &mut Carrier) {
    stage.gate.send_replace(MIB as u64);
    carrier.begin(1, Job::Send(vec!["~/a".to_owned()].into()));
    until(carrier, 1, Stage::Moving).await;
    until_begun(stage).await;
    let away = tonic::Status::unavailable("away");
    stage.world().refuse = [("get", away)].into();
    carrier.steer(1, Steer::Cancel);
    let (_, moved, _) = ended(carrier).await;
    assert_eq!(moved, Moved::Failed("~/a: it was cancelled".into()));
    assert_eq!(under_way(stage), 1);
}

#[tokio::test]
async fn what_was_to_be_cancelled_is_gone_on_with_if_it_is_sent_before_that() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(8 * MIB)).unwrap();
    let mut carrier = carrier(&stage, folder.path());
    left_to_be_cancelled(&stage, &mut carrier).await;
    stage.gate.send_replace(u64::MAX);
    let sent = sent(&mut carrier, &["~/a"]).await;
    until_cancelled(&mut carrier).await;
    {
        let world = stage.world();
        assert_eq!((world.count("create"), world.count("cancel")), (1, 0));
    }
    assert_eq!(kept(folder.path()), 1);
    carrier.settled(sent.id);
}

/// One beside which an upload of before is just being cancelled: the answer does not come until the gate is opened.
async fn beside_one_being_cancelled(stage: &fake::Stage, folder: &std::path::Path) -> Carrier {
    std::fs::write(folder.join("a"), noise(8 * MIB)).unwrap();
    let mut first = carrier(stage, folder);
    left_to_be_cancelled(stage, &mut first).await;
    let next = carrier(stage, folder);
    stage.gate.send_replace(0);
    while stage.world().count("cancel") == 0 {
        tokio::task::yield_now().await;
    }
    next
}

#[tokio::test]
async fn what_is_just_being_cancelled_is_waited_for_so_that_the_next_is_noted() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let mut next = beside_one_being_cancelled(&stage, folder.path()).await;
    // It holds the record until the answer is here.
    next.begin(1, Job::Send(vec!["~/a".to_owned()].into()));
    let begun = async {
        while stage.world().count("create") < 2 {
            tokio::task::yield_now().await;
        }
    };
    let early = tokio::time::timeout(std::time::Duration::from_millis(500), begun);
    assert!(early.await.is_err(), "it has no record");
    stage.gate.send_replace(u64::MAX);
    let (_, moved, _) = ended(&mut next).await;
    assert!(matches!(moved, Moved::Uploaded(_)), "{moved:?}");
    assert_eq!(kept(folder.path()), 1);
}

#[tokio::test]
async fn what_waits_for_one_that_is_just_being_cancelled_is_steered() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let mut next = beside_one_being_cancelled(&stage, folder.path()).await;
    next.begin(1, Job::Send(vec!["~/a".to_owned()].into()));
    next.steer(1, Steer::Pause);
    let steered = async {
        until(&mut next, 1, Stage::Paused).await;
        next.steer(1, Steer::Resume);
        until(&mut next, 1, Stage::Reading).await;
        next.steer(1, Steer::Cancel);
        ended(&mut next).await.1
    };
    let moved = tokio::time::timeout(std::time::Duration::from_secs(20), steered).await;
    let cancelled = Moved::Failed("~/a: it was cancelled".into());
    assert_eq!(moved.ok(), Some(cancelled));
    assert_eq!(stage.world().count("create"), 1, "nothing was begun");
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_said_to_be_kept() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(8 * MIB)).unwrap();
    // No folder for records.
    std::fs::write(folder.path().join("state"), b"").unwrap();
    let mut carrier = carrier(&stage, folder.path());
    carrier.errand.patience = Patience::None;
    stage.world().cuts = [MIB as u64].into();
    stage.gate.send_replace(MIB as u64 / 2);
    assert!(carrier.is_noted());
    carrier.begin(1, Job::Send(vec!["~/a".to_owned()].into()));
    until_begun(&stage).await;
    assert!(!carrier.is_noted());
    stage.gate.send_replace(u64::MAX);
    let (_, moved, _) = ended(&mut carrier).await;
    assert_eq!(moved, Moved::Failed("~/a: cut".into()));
}

#[tokio::test]
async fn what_could_not_be_written_down_is_not_said_to_be_kept() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), noise(8 * MIB)).unwrap();
    let mut carrier = carrier(&stage, folder.path());
    carrier.errand.patience = Patience::None;
    // There is a place for the record, and what is to stand there is refused.
    stage.world().has_long_ids = true;
    stage.world().cuts = [MIB as u64].into();
    stage.gate.send_replace(MIB as u64 / 2);
    carrier.begin(1, Job::Send(vec!["~/a".to_owned()].into()));
    until_begun(&stage).await;
    assert!(!carrier.is_noted());
    let far = async {
        loop {
            match carrier.next().await {
                (_, Moved::On(far)) if far.is_unnoted => return,
                (_, Moved::On(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    far.await;
    stage.gate.send_replace(u64::MAX);
    let (_, moved, _) = ended(&mut carrier).await;
    assert_eq!(moved, Moved::Failed("~/a: cut".into()));
    assert!(carrier.is_noted(), "nothing is under way");
}
