//! What has arrived, without a server: beats are made by hand, and sessions are pulled when a test says so.

use super::{presence_tests::World, *};
use crate::domain::{
    clock::TimeMs,
    ids::{ClientMessageId, ConversationId},
    message::{NewMessage, SendRequest, Target},
};

impl World {
    /// A user says something in a conversation. Answers the end of the log.
    async fn say(&self, user: usize, conversation: ConversationId) -> Offset {
        let message = NewMessage {
            sender: self.users[user].clone(),
            client_id: ClientMessageId::mint(),
            request: SendRequest {
                target: Target::Conversation(conversation),
                text: "hello".parse().unwrap(),
                reply_to: None,
                attachments: Vec::new(),
            },
            sent: TimeMs::new(0),
        };
        let mut sent = self.hub.store.append(vec![message]).await.unwrap();
        sent.pop().unwrap().unwrap();
        self.hub.store.end()
    }

    /// A device of a user acknowledges, as the engine tells it.
    async fn acknowledge(&self, user: usize, to: Offset) {
        let user = self.id(user);
        if let Some(told) = self.hub.delivered_to(user).await {
            self.hub.note_delivered(user, told, to);
        }
    }

    /// How many users are remembered, and whether there is something to tell.
    fn arrivals(&self) -> (usize, bool) {
        let everybody = self.hub.everybody();
        (everybody.arrivals.len(), everybody.arrivals.has_news())
    }
}

#[tokio::test]
async fn what_has_arrived_is_told_once_in_a_beat_to_those_who_asked() {
    let mut world = World::of(3).await;
    let [first, second] = [world.group(&[0, 1, 2]).await, world.group(&[0, 1]).await];
    let mut sender = world.live(0, 1, true).await;
    let mut did_not_ask = world.live(0, 2, false).await;
    let mut own = world.live(1, 11, true).await;
    let mut third = world.live(2, 21, true).await;
    world.beats().await;
    for session in [&mut sender, &mut own, &mut third] {
        world.came(session);
    }
    for _ in 0..3 {
        let end = world.say(0, first).await;
        world.acknowledge(1, end).await;
    }
    let end = world.say(0, second).await;
    world.acknowledge(1, end).await;
    // Another device of the same user lies behind.
    world.acknowledge(1, Offset::new(1)).await;
    let nothing = [""; 0];
    assert_eq!(world.came(&mut sender), nothing, "too young");
    world.hub.beat().await;
    let due = [
        format!("user1 has 1 of {second}"),
        format!("user1 has 3 of {first}"),
    ];
    assert_eq!(world.came(&mut sender), due);
    assert_eq!(world.came(&mut third), due[1..]);
    assert_eq!(world.came(&mut own), nothing);
    assert_eq!(world.came(&mut did_not_ask), nothing);
    assert!(!world.hub.everybody().has_news());
    // Again: nothing that was told, and nothing of own messages.
    world.acknowledge(1, end).await;
    let end = world.say(1, first).await;
    world.acknowledge(1, end).await;
    world.hub.beat().await;
    assert_eq!(world.came(&mut sender), nothing);
    let end = world.say(2, first).await;
    world.acknowledge(1, end).await;
    world.hub.beat().await;
    assert_eq!(world.came(&mut sender), [format!("user1 has 5 of {first}")]);
}

#[tokio::test]
async fn a_user_is_remembered_while_it_has_a_session_or_something_to_tell() {
    let mut world = World::of(3).await;
    let group = world.group(&[0, 1, 2]).await;
    let end = world.say(0, group).await;
    world.acknowledge(1, end).await;
    assert_eq!(world.arrivals(), (0, false), "nobody has an ear");
    let mut sender = world.live(0, 1, true).await;
    let stream = world.live(1, 11, false).await;
    world.acknowledge(1, end).await;
    world.acknowledge(2, end).await;
    assert_eq!(world.arrivals(), (2, true));
    world.beats().await;
    let due = ["user1", "user2"].map(|user| format!("{user} has 1 of {group}"));
    let came = world.came(&mut sender);
    assert!(due.iter().all(|due| came.contains(due)), "{came:?}");
    assert_eq!(world.arrivals(), (1, false), "the other has no session");
    // It goes, and what is not told yet is told all the same.
    let end = world.say(0, group).await;
    world.acknowledge(1, end).await;
    drop(stream);
    assert_eq!(world.arrivals(), (1, true));
    world.hub.beat().await;
    let came = world.came(&mut sender);
    assert!(
        came.contains(&format!("user1 has 2 of {group}")),
        "{came:?}"
    );
    assert_eq!(world.arrivals(), (0, false));
    // What was acknowledged before it is known lies behind nothing.
    let stream = world.live(1, 11, false).await;
    world.hub.note_delivered(world.id(1), end, end);
    assert_eq!(world.arrivals(), (1, false));
    drop(stream);
    assert_eq!(world.arrivals(), (0, false));
    // With the last ear all is forgotten.
    world.acknowledge(2, end).await;
    assert_eq!(world.arrivals(), (1, true));
    drop(sender);
    assert_eq!(world.arrivals(), (0, false));
}

#[tokio::test]
async fn what_the_store_does_not_answer_is_told_with_the_next_beat() {
    let mut world = World::of(2).await;
    let group = world.group(&[0, 1]).await;
    let end = world.say(0, group).await;
    let _sender = world.live(0, 1, true).await;
    world.beats().await;
    world.acknowledge(1, end).await;
    world.hub.store.close().await;
    for _ in 0..2 {
        world.hub.beat().await;
        assert_eq!(world.arrivals(), (1, true));
    }
    // And who is not known yet is told by nobody.
    assert_eq!(world.hub.delivered_to(world.id(0)).await, None);
}
