//! Who may do what in a channel: every method by every standing, as one table that is kept beside this file.

use std::sync::Arc;

use prost::Message as _;
use tinychat::pb::{
    ConversationKind, DESCRIPTORS, ListChannelsRequest, ListConversationsRequest,
    ListInviteLinksRequest, ListMarkersRequest, ListMembersRequest, ListMentionsRequest,
    MarkReadRequest, MarkUnreadRequest, NotifyLevel, NotifySettings, Role, SearchMessagesRequest,
    SetNotifyLevelRequest, StartConversationRequest, UpdateConversationRequest,
    send_request::Target,
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
const ACTS: [&str; 43] = [
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
    "CreateInviteLink",
    "ListInviteLinks",
    "RevokeInviteLink of one's own",
    "RevokeInviteLink of another",
    "JoinByInviteLink",
    "SetRole member to read-only",
    "SetRole member to admin",
    "SetRole admin to member",
    "SetRole owner to admin",
    "ListMembers",
    "ListMembers of the banned",
    "ListMarkers",
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

/// A channel, and what acts need of its invite links: the id of one of the caller (of root for a stranger), the id and
/// the code of one of root. Empty where no act is about them.
#[derive(Default)]
struct Place {
    id: String,
    own_link: String,
    other_link: String,
    code: String,
}

impl People {
    /// Makes a channel in which the caller has a standing. Its messages: 1 of the caller (of root for a stranger), 2 of
    /// root. Both make an invite link, if the act is about one.
    async fn channel(&self, name: &str, caller: &Account, standing: &str, what: &str) -> Place {
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
        let mut place = Place::default();
        if what.contains("InviteLink") {
            (place.own_link, _) = invite(own, &id).await.unwrap();
            (place.other_link, place.code) = invite(root, &id).await.unwrap();
        }
        match standing {
            "stranger" | "member" => {}
            "banned" => remove(root, &id, &caller.name, true).await.unwrap(),
            "left" => leave(caller, &id).await.unwrap(),
            standing => {
                let role = match standing {
                    "read-only" => Role::ReadOnly,
                    "admin" => Role::Admin,
                    "owner" => Role::Owner,
                    standing => panic!("{standing}"),
                };
                set_role(root, &id, &caller.name, role).await.unwrap();
            }
        }
        Place { id, ..place }
    }
}

/// Does one act, in a channel.
async fn act(caller: &Account, act: &str, place: &Place, name: &str) -> Result<(), Status> {
    let id = place.id.as_str();
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
    let links = ListInviteLinksRequest {
        conversation_id: id.to_owned(),
        ..ListInviteLinksRequest::default()
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
        "CreateInviteLink" => invite(caller, id).await.map(drop),
        "ListInviteLinks" => ask!(caller, list_invite_links, links).map(drop),
        "RevokeInviteLink of one's own" => revoke(caller, id, &place.own_link).await,
        "RevokeInviteLink of another" => revoke(caller, id, &place.other_link).await,
        "JoinByInviteLink" => join_by(caller, &place.code).await.map(drop),
        "SetRole member to read-only" => {
            set_role(caller, id, "mem", Role::ReadOnly).await.map(drop)
        }
        "SetRole member to admin" => set_role(caller, id, "mem", Role::Admin).await.map(drop),
        "SetRole admin to member" => set_role(caller, id, "adm", Role::Member).await.map(drop),
        "SetRole owner to admin" => set_role(caller, id, "root", Role::Admin).await.map(drop),
        "ListMembers" | "ListMembers of the banned" => {
            ask!(caller, list_members, members).map(drop)
        }
        "ListMarkers" => {
            let conversation_id = id.to_owned();
            ask!(caller, list_markers, ListMarkersRequest { conversation_id }).map(drop)
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
                let place = people.channel(&name, &caller, standing, what).await;
                answers.push(match act(&caller, what, &place, &name).await {
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
