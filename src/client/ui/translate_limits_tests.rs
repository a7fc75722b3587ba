//! A server that says what no honest one says: how far it gets.

use super::*;
use crate::client::ui::model::tally::Tally;

#[test]
fn what_no_honest_server_says_goes_no_further() {
    let long = "x".repeat(TEXT_CHARS_MAX + 1);
    let ids = ["", &"c".repeat(257)].map(ToOwned::to_owned);
    for conversation_id in ids {
        let sent = pb::Message {
            conversation_id: conversation_id.clone(),
            ..said(1, "x")
        };
        assert_eq!(news(Body::Message(sent)), None);
        let other = state(
            pb::Conversation {
                id: conversation_id,
                ..pb::Conversation::default()
            },
            &me(),
        );
        assert_eq!(other.room.id, "");
    }
    for seq in [0, u64::MAX] {
        assert_eq!(news(Body::Message(said(seq, "x"))), None);
        let message = Some(said(seq, "x"));
        let edited = Body::MessageEdited(pb::MessageEdited { message });
        assert_eq!(news(edited), None);
        let deleted = pb::MessageDeleted {
            conversation_id: "c1".to_owned(),
            seq,
            ..pb::MessageDeleted::default()
        };
        assert_eq!(news(Body::MessageDeleted(deleted)), None);
        let reacted = pb::ReactionChanged {
            conversation_id: "c1".to_owned(),
            seq,
            ..pb::ReactionChanged::default()
        };
        assert_eq!(news(Body::ReactionChanged(reacted)), None);
    }
    let reaction = pb::Reaction {
        emoji: long.clone(),
        ..pb::Reaction::default()
    };
    let huge = message(pb::Message {
        sender: Some(user(&long, &long)),
        mentions: vec![user("u2", &long); 1_000],
        reactions: vec![reaction; 1_000],
        reply_to_seq: u64::MAX,
        ..said(1, &long)
    });
    let chars = |text: &Untrusted| text.render_line().chars().count();
    assert_eq!(chars(&huge.text.unwrap()), TEXT_CHARS_MAX);
    assert_eq!(chars(&huge.sender), NAME_CHARS_MAX);
    assert_eq!(huge.sender.to_user_name(), None, "no other user's name");
    assert_eq!(
        (huge.mentions.len(), huge.reactions.len()),
        (MENTIONS_MAX, REACTIONS_MAX)
    );
    assert!(huge.mentions.iter().all(|it| chars(it) == NAME_CHARS_MAX));
    assert!(
        huge.reactions
            .iter()
            .all(|it| chars(&it.emoji) == EMOJI_BYTES_MAX)
    );
    assert_eq!(huge.reply_to, 0);
    let counts = state(
        pb::Conversation {
            last_seq: u64::MAX,
            read_seq: u64::MAX,
            unread: u64::MAX,
            mentions: u64::MAX,
            name: long.clone(),
            topic: long,
            ..own_state(pb::ConversationKind::Channel)
        },
        &me(),
    );
    assert_eq!(chars(&counts.room.name), NAME_CHARS_MAX);
    assert_eq!(chars(&counts.room.topic), TOPIC_CHARS_MAX);
    let counts = counts.counts.unwrap();
    let highest = [
        counts.last_seq,
        counts.read_seq,
        counts.unread,
        counts.mentions,
    ];
    assert_eq!(highest, [NUMBER_MAX; 4]);
}

#[test]
fn the_model_can_reckon_with_whatever_a_server_counts() {
    let state = |last_seq| {
        let conversation = pb::Conversation {
            last_seq,
            read_seq: 0,
            unread: u64::MAX,
            mentions: u64::MAX,
            ..own_state(pb::ConversationKind::Group)
        };
        state(conversation, &me()).counts.unwrap()
    };
    let mut tally = Tally::default();
    tally.take_state(state(10));
    tally.take_message(12, false, true);
    tally.take_message(NUMBER_MAX, false, true);
    tally.take_state(state(10));
    tally.take_state(state(u64::MAX));
    assert_eq!(tally.counts().last_seq, NUMBER_MAX);
}
