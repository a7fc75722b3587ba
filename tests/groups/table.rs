//! Who may do what in a channel: every method by every standing, as one table that is kept beside this file.

use std::sync::Arc;

use prost::Message as _;
use tinychat::pb::{
    ConversationKind, DESCRIPTORS, ListChannelsRequest, ListConversationsRequest,
    ListMembersRequest, ListMentionsRequest, MarkReadRequest, MarkUnreadRequest, NotifyLevel,
    NotifySettings, Role, SearchMessagesRequest, SetNotifyLevelRequest, StartConversationRequest,
    UpdateConversationRequest, send_request::Target,
};
use tokio::task::JoinSet;
use tonic::Status;

use super::asking::*;
use crate::support::{Account, Start, both_stores, in_time, reason};

both_stores! {
    every_role_may_do_what_it_should,
}

/// What a caller is to the conversation, by power.
const STANDINGS: [&str; 7] = [
    "stranger",
    "banned",
    "left",
    "read-only",
    "member",
    "admin",
    "owner",
];

/// What is asked of it: one line of the table each.
const ACTS: [&str; 37] = [
    "StartConversation",
    "CreateConversation",
    "ListConversations",
    "GetConversation",
    "UpdateConversation",
    "ListChannels",
    "JoinChannel",
    "LeaveConversation",
    "AddMembers",
    "AddMembers of one who is banned",
    "RemoveMember of a member",
    "RemoveMember of an admin",
    "RemoveMember of the owner",
    "RemoveMember with ban of one who is out",
    "SetRole member to read-only",
    "SetRole member to admin",
    "SetRole admin to member",
    "SetRole owner to admin",
    "ListMembers",
    "ListMembers of the banned",
    "EditMessage of one's own",
    "EditMessage of another",
    "DeleteMessage of one's own",
    "DeleteMessage of another",
    "AddReaction",
    "RemoveReaction",
    "ListMessages",
    "SearchMessages",
    "SearchMessages here",
    "ListMentions",
    "SetNotifyLevel",
    "Send by id",
    "Send by channel name",
    "Send by id in a reply",
    "MarkRead",
    "MarkRead beyond the end",
    "MarkUnread",
];

/// The fixed people of the table: the owner of all channels, an admin, a member, one who is banned, one who is nobody.
struct People {
    root: Account,
}

impl People {
    /// Makes a channel in which the caller has a standing. Its messages: 1 of the caller (of root for a stranger), 2 of
    /// root.
    async fn channel(&self, name: &str, caller: &Account, standing: &str) -> String {
        let root = &self.root;
        let id = channel(root, name, &["adm", "mem"]).await.id;
        set_role(root, &id, "adm", Role::Admin).await.unwrap();
        remove(root, &id, "out", true).await.unwrap();
        let own = match standing {
            "stranger" => root,
            _ => {
                add(root, &id, &[&caller.name]).await.unwrap();
                caller
            }
        };
        say(own, &id, "own").await;
        say(root, &id, "another").await;
        let role = match standing {
            "banned" => {
                return remove(root, &id, &caller.name, true)
                    .await
                    .map(|()| id)
                    .unwrap();
            }
            "left" => return leave(caller, &id).await.map(|()| id).unwrap(),
            "read-only" => Role::ReadOnly,
            "admin" => Role::Admin,
            "owner" => Role::Owner,
            _ => return id,
        };
        set_role(root, &id, &caller.name, role).await.unwrap();
        id
    }
}

/// Does one act, in a channel.
async fn act(caller: &Account, act: &str, id: &str, name: &str) -> Result<(), Status> {
    let change = UpdateConversationRequest {
        conversation_id: id.to_owned(),
        topic: Some("a topic".to_owned()),
        ..UpdateConversationRequest::default()
    };
    let members = ListMembersRequest {
        conversation_id: id.to_owned(),
        banned: act.ends_with("banned"),
        ..ListMembersRequest::default()
    };
    let start = StartConversationRequest {
        user_name: "mem".to_owned(),
    };
    let mark = async |read_seq: u64| {
        let request = MarkReadRequest {
            conversation_id: id.to_owned(),
            read_seq,
        };
        let mut chat = caller.connection.chat();
        in_time("mark read", chat.mark_read(request))
            .await
            .map(drop)
    };
    let send = async |target: Target, reply: u64| {
        let request = a_send(target, "text", reply);
        caller.send_request(request).await.map(drop)
    };
    let search = |conversation_id: &str| SearchMessagesRequest {
        query: "another".to_owned(),
        conversation_id: conversation_id.to_owned(),
        ..SearchMessagesRequest::default()
    };
    let mute = SetNotifyLevelRequest {
        conversation_id: id.to_owned(),
        notify: Some(NotifySettings {
            level: NotifyLevel::None.into(),
            until_time: None,
        }),
    };
    let group = to_make(ConversationKind::Group, "a group", &[]);
    let (own, other) = (1, 2);
    match act {
        "StartConversation" => ask!(caller, start_conversation, start).map(drop),
        "CreateConversation" => ask!(caller, create_conversation, group).map(drop),
        "ListConversations" => {
            let request = ListConversationsRequest::default();
            ask!(caller, list_conversations, request).map(drop)
        }
        "GetConversation" => get(caller, id).await.map(drop),
        "UpdateConversation" => ask!(caller, update_conversation, change).map(drop),
        "ListChannels" => ask!(caller, list_channels, ListChannelsRequest::default()).map(drop),
        "JoinChannel" => join(caller, name).await.map(drop),
        "LeaveConversation" => leave(caller, id).await,
        "AddMembers" => add(caller, id, &["new"]).await.map(drop),
        "AddMembers of one who is banned" => add(caller, id, &["out"]).await.map(drop),
        "RemoveMember of a member" => remove(caller, id, "mem", false).await,
        "RemoveMember of an admin" => remove(caller, id, "adm", false).await,
        "RemoveMember of the owner" => remove(caller, id, "root", false).await,
        "RemoveMember with ban of one who is out" => remove(caller, id, "new", true).await,
        "SetRole member to read-only" => {
            set_role(caller, id, "mem", Role::ReadOnly).await.map(drop)
        }
        "SetRole member to admin" => set_role(caller, id, "mem", Role::Admin).await.map(drop),
        "SetRole admin to member" => set_role(caller, id, "adm", Role::Member).await.map(drop),
        "SetRole owner to admin" => set_role(caller, id, "root", Role::Admin).await.map(drop),
        "ListMembers" | "ListMembers of the banned" => {
            ask!(caller, list_members, members).map(drop)
        }
        "EditMessage of one's own" => edit(caller, id, own, "text").await.map(drop),
        "EditMessage of another" => edit(caller, id, other, "text").await.map(drop),
        "DeleteMessage of one's own" => delete(caller, id, own).await.map(drop),
        "DeleteMessage of another" => delete(caller, id, other).await.map(drop),
        "AddReaction" => react(caller, id, other, "👍").await.map(drop),
        "RemoveReaction" => unreact(caller, id, other, "👍").await.map(drop),
        "ListMessages" => page(caller, id).await.map(drop),
        "SearchMessages" => ask!(caller, search_messages, search("")).map(drop),
        "SearchMessages here" => ask!(caller, search_messages, search(id)).map(drop),
        "ListMentions" => {
            let request = ListMentionsRequest::default();
            ask!(caller, list_mentions, request).map(drop)
        }
        "SetNotifyLevel" => ask!(caller, set_notify_level, mute).map(drop),
        "Send by id" => send(to_id(id), 0).await,
        "Send by channel name" => send(to_channel(name), 0).await,
        "Send by id in a reply" => send(to_id(id), other).await,
        "MarkRead" => mark(2).await,
        "MarkRead beyond the end" => mark(3).await,
        "MarkUnread" => {
            let mut chat = caller.connection.chat();
            let request = MarkUnreadRequest {
                conversation_id: id.to_owned(),
            };
            let marked = in_time("mark unread", chat.mark_unread(request)).await;
            marked.map(drop)
        }
        act => panic!("{act}"),
    }
}

/// The table: each act with each answer, and who gets it.
async fn every_role_may_do_what_it_should(start: Start) {
    let files = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let services = files.file.iter().flat_map(|file| &file.service);
    let methods = { services }
        .filter(|service| service.name() == "ConversationService")
        .flat_map(|service| &service.method);
    for method in methods {
        let is_in = ACTS
            .iter()
            .any(|act| act.split(' ').next() == Some(method.name()));
        assert!(is_in, "{} is not in the table", method.name());
    }
    let server = start.start();
    let [root, ..] = registered(&server, ["root", "adm", "mem", "out", "new"]).await;
    let people = Arc::new(People { root });
    let mut columns = JoinSet::new();
    for (column, standing) in STANDINGS.into_iter().enumerate() {
        let caller = Account::register(&server, standing).await;
        let people = Arc::clone(&people);
        columns.spawn(async move {
            let mut answers = Vec::new();
            for (row, what) in ACTS.into_iter().enumerate() {
                let name = format!("c{column}-{row}");
                let id = people.channel(&name, &caller, standing).await;
                answers.push(match act(&caller, what, &id, &name).await {
                    Ok(()) => "OK".to_owned(),
                    Err(status) => format!("{:?}/{}", status.code(), reason(&status)),
                });
            }
            (column, answers)
        });
    }
    let mut columns = columns.join_all().await;
    columns.sort_unstable();
    let mut lines = Vec::new();
    for (row, act) in ACTS.into_iter().enumerate() {
        lines.push(act.to_owned());
        let mut answers: Vec<(&str, Vec<&str>)> = Vec::new();
        for (standing, (_, column)) in STANDINGS.into_iter().zip(&columns) {
            let answer = column[row].as_str();
            match answers.iter_mut().find(|(known, _)| *known == answer) {
                Some((_, who)) => who.push(standing),
                None => answers.push((answer, vec![standing])),
            }
        }
        for (answer, who) in answers {
            lines.push(format!("    {answer}: {}", who.join(", ")));
        }
    }
    insta::assert_snapshot!(
        "who_may_do_what",
        lines.join(
            "
"
        )
    );
}
