//! The same for what is done in groups and channels and to messages: names and topics, replies, edits, deletions,
//! reactions, members.

use tinychat::pb::{
    BlocksChanged, CaughtUp, Conversation, ConversationChanged, ConversationKind, DeliveredMarker,
    Event, File, ImageSize, MemberChange, MemberChanged, Message, MessageDeleted, MessageEdited,
    NotifySettings, PresenceChanged, Reaction, ReactionChanged, Role, SettingsChanged, Typing,
    UserRef, Welcome, event::Body, message::Content,
};
use tonic::{Code, Status};

use super::{assert_harmless, event, message, number, text, timestamp, tricks, user, words};
use crate::support::{
    evil::{Evil, Script},
    rng::Rng,
    terminal::Home,
};

/// What a stream says: every trick wherever an act shows a text of a peer or of the server.
fn frames(tricks: &[String]) -> Vec<Vec<Event>> {
    let mut frames = vec![vec![event(Body::Welcome(Welcome::default()))]];
    for (index, trick) in tricks.iter().enumerate() {
        let (id, seq) = (format!("c{}", index + 2), 2 * index as u64 + 1);
        let state = |name: &str, topic: &str| {
            event(Body::ConversationChanged(ConversationChanged {
                conversation: Some(Conversation {
                    id: id.clone(),
                    kind: ConversationKind::Group.into(),
                    name: name.to_owned(),
                    topic: topic.to_owned(),
                    members_count: 3,
                    ..Conversation::default()
                }),
            }))
        };
        let said = |event: Event, reply_to_seq| {
            let Some(Body::Message(message)) = event.body else {
                panic!("{event:?}");
            };
            let message = Message {
                conversation_id: id.clone(),
                reply_to_seq,
                ..message
            };
            Event {
                body: Some(Body::Message(message)),
                ..event
            }
        };
        let edited = Message {
            conversation_id: id.clone(),
            seq,
            sender: Some(user(trick)),
            content: Some(Content::Text(trick.clone())),
            revision: 1,
            ..Message::default()
        };
        let reacted = ReactionChanged {
            conversation_id: id.clone(),
            seq,
            reactions: vec![Reaction {
                emoji: trick.clone(),
                count: 2,
                mine: false,
            }],
            user: Some(user(trick)),
            emoji: trick.clone(),
            added: true,
        };
        let deleted = MessageDeleted {
            conversation_id: id.clone(),
            seq,
            revision: 2,
            deleted_by: Some(user(trick)),
        };
        let mut frame = vec![
            state(trick, trick),
            state("another", "another"),
            state(trick, trick),
            said(with_file(message(seq, trick, trick), trick), 0),
            said(with_file(message(seq, trick, ""), trick), 0),
            said(message(seq + 1, "bob", "an answer"), seq),
            event(Body::MessageEdited(MessageEdited {
                message: Some(edited),
            })),
            event(Body::ReactionChanged(reacted)),
            event(Body::MessageDeleted(deleted)),
        ];
        let changes = [
            MemberChange::Added,
            MemberChange::Joined,
            MemberChange::Left,
            MemberChange::Removed,
            MemberChange::Banned,
            MemberChange::Role,
        ];
        frame.extend(changes.map(|change| {
            event(Body::MemberChanged(MemberChanged {
                conversation_id: id.clone(),
                user: Some(user(trick)),
                change: change.into(),
                role: Role::Admin.into(),
                by: Some(user(trick)),
                members_count: 3,
            }))
        }));
        frames.push(frame);
    }
    frames.push(vec![
        event(Body::CaughtUp(CaughtUp {})),
        message(1, "bob", "the end"),
    ]);
    frames
}

/// The same message with a file of whose words none is honest.
fn with_file(event: Event, trick: &str) -> Event {
    let Some(Body::Message(message)) = event.body else {
        panic!("{event:?}");
    };
    let file = File {
        id: trick.to_owned(),
        name: trick.to_owned(),
        media_type: trick.to_owned(),
        thumbnail_file_id: trick.to_owned(),
        ..File::default()
    };
    let message = Message {
        attachments: vec![file],
        ..message
    };
    Event {
        body: Some(Body::Message(message)),
        ..event
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trick_in_what_is_done_reaches_the_screen_or_a_pipe() {
    let tricks = tricks();
    let script = Script {
        frames: frames(&tricks),
        tricks: tricks.clone(),
        user: "ann".to_owned(),
        ..Script::default()
    };
    let evil = Evil::start(script.clone()).await;
    let home = Home::new();
    let mut client = home.client_of(&evil.address, &["--user", "ann"]);
    client.wait_for("the end");
    // At least: two names, sender and text, both again as quoted, the edit, the emoji and its giver, who deleted it, and
    // six members.
    let shown = words(&client.transcript());
    assert!(shown >= 15 * tricks.len(), "{shown} shown");
    client.line("/quit");
    client.ended();
    assert_harmless(&client.bytes(), "in a terminal");

    let evil = Evil::start(Script {
        end: Some(Err(Status::new(Code::PermissionDenied, "it is over"))),
        ..script
    })
    .await;
    for arguments in [&["--user", "ann"][..], &["--user", "ann", "watch"]] {
        let output = home.run(&evil.address, arguments, b"");
        for bytes in [&output.stdout, &output.stderr] {
            assert_harmless(bytes, &format!("{arguments:?}"));
        }
    }
}

fn random_reactions(rng: &mut Rng, tricks: &[String]) -> Vec<Reaction> {
    (0..rng.within(0..4))
        .map(|_| Reaction {
            emoji: text(rng, tricks),
            count: rng.next() as u32,
            mine: rng.chance(50),
        })
        .collect()
}

pub fn random_message(rng: &mut Rng, tricks: &[String]) -> Message {
    Message {
        conversation_id: text(rng, tricks),
        seq: number(rng),
        message_id: text(rng, tricks),
        sender: random_user(rng, tricks),
        content: rng.chance(90).then(|| Content::Text(text(rng, tricks))),
        sent_time: timestamp(rng),
        client_message_id: text(rng, tricks),
        reply_to_seq: number(rng),
        reactions: random_reactions(rng, tricks),
        revision: number(rng),
        deleted: rng.chance(20),
        mentions: (0..rng.within(0..3))
            .map(|_| user(&text(rng, tricks)))
            .collect(),
        mentions_all: rng.chance(20),
        attachments: random_files(rng, tricks),
    }
}

fn random_files(rng: &mut Rng, tricks: &[String]) -> Vec<File> {
    (0..rng.within(0..4))
        .map(|_| File {
            id: text(rng, tricks),
            name: text(rng, tricks),
            size_bytes: number(rng),
            media_type: text(rng, tricks),
            blake3: text(rng, tricks).into(),
            image: rng.chance(50).then(|| ImageSize {
                width: rng.next() as u32,
                height: rng.next() as u32,
            }),
            thumbnail_file_id: text(rng, tricks),
        })
        .collect()
}

fn random_user(rng: &mut Rng, tricks: &[String]) -> Option<UserRef> {
    rng.chance(90).then(|| user(&text(rng, tricks)))
}

fn random_notify(rng: &mut Rng) -> Option<NotifySettings> {
    rng.chance(50).then(|| NotifySettings {
        level: rng.within(0..6) as i32,
        until_time: timestamp(rng),
    })
}

pub fn random_conversation(rng: &mut Rng, tricks: &[String]) -> Conversation {
    Conversation {
        id: text(rng, tricks),
        kind: [1, 2, 3, rng.next() as i32][rng.within(0..4) as usize],
        name: text(rng, tricks),
        topic: text(rng, tricks),
        members_count: rng.next() as u32,
        my_role: rng.within(0..6) as i32,
        last_seq: number(rng),
        read_seq: number(rng),
        unread: number(rng),
        last_message: rng.chance(20).then(|| random_message(rng, tricks)),
        history_access: rng.within(0..4) as i32,
        mentions: number(rng),
        marked_unread: rng.chance(20),
        notify: random_notify(rng),
        ..Conversation::default()
    }
}

/// What was done to a message or a member, or by the user elsewhere.
pub fn random_act(rng: &mut Rng, tricks: &[String]) -> Body {
    match rng.within(0..9) {
        0 => Body::MessageEdited(MessageEdited {
            message: rng.chance(90).then(|| random_message(rng, tricks)),
        }),
        1 => Body::MessageDeleted(MessageDeleted {
            conversation_id: text(rng, tricks),
            seq: number(rng),
            revision: number(rng),
            deleted_by: random_user(rng, tricks),
        }),
        2 => Body::ReactionChanged(ReactionChanged {
            conversation_id: text(rng, tricks),
            seq: number(rng),
            reactions: random_reactions(rng, tricks),
            user: random_user(rng, tricks),
            emoji: text(rng, tricks),
            added: rng.chance(50),
        }),
        3 => Body::SettingsChanged(SettingsChanged {
            conversation_id: text(rng, tricks),
            marked_unread: rng.chance(50),
            notify: random_notify(rng),
        }),
        4 => Body::Presence(PresenceChanged {
            user_id: text(rng, tricks),
            presence: rng.within(0..8) as i32,
        }),
        5 => Body::Typing(Typing {
            conversation_id: text(rng, tricks),
            user: random_user(rng, tricks),
            typing: rng.chance(50),
        }),
        6 => Body::BlocksChanged(BlocksChanged {
            users: (0..rng.within(0..4))
                .map(|_| user(&text(rng, tricks)))
                .collect(),
        }),
        7 => Body::Delivered(DeliveredMarker {
            conversation_id: text(rng, tricks),
            user_id: text(rng, tricks),
            delivered_seq: number(rng),
        }),
        _ => Body::MemberChanged(MemberChanged {
            conversation_id: text(rng, tricks),
            user: random_user(rng, tricks),
            change: rng.within(0..8) as i32,
            role: rng.within(0..6) as i32,
            by: random_user(rng, tricks),
            members_count: rng.next() as u32,
        }),
    }
}
