//! A store that an older program wrote is brought up to date at the start, and nothing in it changes meaning.

use rusqlite::Connection;
use tinychat::pb::{CreateTokenRequest, DeviceKind, ListDevicesRequest, Scope};

use crate::{
    groups::asking::{edit, react, reactions_of},
    support::{Account, Server, feed::Door, in_time},
};

/// What a store looks like to SQL, without the spaces that statements leave in it.
fn schema(database: &Connection) -> Vec<String> {
    let mut statement = database
        .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        .unwrap();
    let rows = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    let squeezed = |sql: String| {
        let lines = sql
            .lines()
            .map(|line| line.split("--").next().unwrap_or_default());
        let words = lines.flat_map(str::split_whitespace).collect::<String>();
        // A table that was renamed has its name in quotes.
        words.replace('"', "")
    };
    rows.map(|sql| squeezed(sql.unwrap())).collect()
}

#[tokio::test]
async fn a_store_of_the_first_schema_goes_on() {
    let mut server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let sent = ann.send("bob", "before").await;
    assert!(server.terminate().status.success());

    // What the first program wrote: the same rows, without what later steps added.
    let file = server.again().data().join("tinychat.db");
    let database = Connection::open(&file).unwrap();
    database
        .execute_batch(
            "DROP INDEX channel_name;
             DROP TABLE former_members;
             DROP TABLE bans;
             DROP TABLE happenings;
             DROP TABLE reactions;
             DROP TABLE touches;
             DROP TABLE mentions;
             DROP TABLE invite_links;
             DROP TABLE blocks;
             DROP TABLE uploads;
             DROP TABLE files;
             DROP TABLE file_rooms;
             DROP TABLE contents;
             DROP TABLE attachments;
             ALTER TABLE conversations DROP COLUMN name;
             ALTER TABLE conversations DROP COLUMN topic;
             ALTER TABLE conversations DROP COLUMN history;
             ALTER TABLE conversations DROP COLUMN open_from_seq;
             ALTER TABLE conversations DROP COLUMN members_count;
             ALTER TABLE members DROP COLUMN role;
             ALTER TABLE members DROP COLUMN floor_seq;
             ALTER TABLE members DROP COLUMN joined_ms;
             ALTER TABLE members DROP COLUMN marked_unread;
             ALTER TABLE members DROP COLUMN notify;
             ALTER TABLE members DROP COLUMN notify_until_ms;
             ALTER TABLE members DROP COLUMN settings_offset;
             ALTER TABLE log DROP COLUMN reply_to;
             ALTER TABLE log DROP COLUMN touched;
             ALTER TABLE users DROP COLUMN blocks_offset;
             ALTER TABLE devices DROP COLUMN kind;
             ALTER TABLE devices DROP COLUMN scopes;
             ALTER TABLE devices DROP COLUMN expires_ms;
             PRAGMA user_version = 1;",
        )
        .unwrap();
    let first = Connection::open_in_memory().unwrap();
    first
        .execute_batch(include_str!("../migrations/sqlite/0001_first.sql"))
        .unwrap();
    assert_eq!(
        schema(&database),
        schema(&first),
        "this is the first schema"
    );
    drop(database);

    let server = server.again().start();
    let (ann, bob) = (ann.on(&server), bob.on(&server));
    assert_eq!(ann.history(&sent.conversation_id).await.len(), 1);
    bob.live(Door::Chat).await;
    let mut auth = ann.connection.auth();
    let devices = in_time("devices", auth.list_devices(ListDevicesRequest {})).await;
    let devices = devices.unwrap().into_inner().devices;
    assert_eq!(devices.len(), 1);
    assert_eq!(devices[0].kind(), DeviceKind::Login);
    assert_eq!(devices[0].scopes.len(), 3, "a login may do everything");
    let token = CreateTokenRequest {
        name: "new".to_owned(),
        scopes: vec![Scope::Read.into()],
        expire_time: None,
    };
    in_time("a token", auth.create_token(token)).await.unwrap();
    assert_eq!(ann.send("bob", "after").await.seq, sent.seq + 1);
}

#[tokio::test]
async fn a_store_of_before_files_keeps_what_was_done_to_its_messages() {
    let mut server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let sent = ann.send("bob", "before").await;
    let plain = ann.send("bob", "as it was").await;
    let id = sent.conversation_id.as_str();
    edit(&ann, id, sent.seq, "edited before").await.unwrap();
    bob.live(Door::Chat).await;
    react(&bob, id, sent.seq, "👍").await.unwrap();
    let (of_ann, of_bob) = (ann.history(id).await, bob.history(id).await);
    assert!(server.terminate().status.success());

    // The fifth schema: the same rows, and nothing of files.
    let file = server.again().data().join("tinychat.db");
    let database = Connection::open(&file).unwrap();
    database
        .execute_batch(
            "DROP TABLE uploads;
             DROP TABLE files;
             DROP TABLE file_rooms;
             DROP TABLE contents;
             DROP TABLE attachments;
             PRAGMA user_version = 5;",
        )
        .unwrap();
    let touched: Vec<i64> = database
        .prepare("SELECT touched FROM log WHERE kind = 1 ORDER BY seq")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(touched, [1, 0], "as that schema wrote them");
    drop(database);

    let server = server.again().start();
    let (ann, bob) = (ann.on(&server), bob.on(&server));
    assert_eq!(ann.history(id).await, of_ann);
    assert_eq!(bob.history(id).await, of_bob);
    assert!(of_ann.iter().all(|message| message.attachments.is_empty()));
    let again = edit(&ann, id, plain.seq, "edited after").await.unwrap();
    assert_eq!(again.text(), "edited after");
    let reactions = react(&ann, id, sent.seq, "👍").await.unwrap();
    assert_eq!(reactions_of(&reactions), "👍2!");
}
