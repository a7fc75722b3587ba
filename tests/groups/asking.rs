//! What these tests ask and how they read what they get.

use tinychat::pb::{
    AddMembersRequest, AddReactionRequest, Conversation, ConversationKind,
    CreateConversationRequest, CreateInviteLinkRequest, DeleteMessageRequest, EditMessageRequest,
    Event, GetConversationRequest, JoinByInviteLinkRequest, JoinChannelRequest,
    LeaveConversationRequest, ListMessagesRequest, ListMessagesResponse, Member, Message, Reaction,
    RemoveMemberRequest, RemoveReactionRequest, RevokeInviteLinkRequest, Role, SendRequest,
    SendResponse, SetRoleRequest, UserRef, event::Body, message::Content, send_request::Target,
};
use tonic::{Code, Status};

use crate::support::{
    Account, Server,
    account::new_id,
    feed::{Door, Feed},
    reason,
};

/// Asks by a call of `ConversationService`.
macro_rules! ask {
    ($account:expr, $method:ident, $request:expr) => {{
        let mut conversations = $account.connection.conversations();
        let answer =
            $crate::support::in_time(stringify!($method), conversations.$method($request)).await;
        answer.map(tonic::Response::into_inner)
    }};
}
pub(crate) use ask;

pub async fn registered<const N: usize>(server: &Server, names: [&str; N]) -> [Account; N] {
    let mut accounts = Vec::new();
    for name in names {
        accounts.push(Account::register(server, name).await);
    }
    accounts.try_into().unwrap()
}

pub fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

pub fn to_make(kind: ConversationKind, name: &str, users: &[&str]) -> CreateConversationRequest {
    CreateConversationRequest {
        kind: kind.into(),
        name: name.to_owned(),
        user_names: strings(users),
        ..CreateConversationRequest::default()
    }
}

/// Makes a channel with these members.
pub async fn channel(owner: &Account, name: &str, users: &[&str]) -> Conversation {
    let request = to_make(ConversationKind::Channel, name, users);
    let made = ask!(owner, create_conversation, request).unwrap();
    made.conversation.unwrap()
}

/// Makes a group with these members.
pub async fn group(owner: &Account, name: &str, users: &[&str]) -> Conversation {
    let request = to_make(ConversationKind::Group, name, users);
    let made = ask!(owner, create_conversation, request).unwrap();
    made.conversation.unwrap()
}

pub async fn join(account: &Account, channel: &str) -> Result<Conversation, Status> {
    let channel_name = channel.to_owned();
    let joined = ask!(account, join_channel, JoinChannelRequest { channel_name });
    joined.map(|joined| joined.conversation.unwrap())
}

pub async fn leave(account: &Account, id: &str) -> Result<(), Status> {
    let conversation_id = id.to_owned();
    let request = LeaveConversationRequest { conversation_id };
    ask!(account, leave_conversation, request).map(drop)
}

pub async fn add(account: &Account, id: &str, users: &[&str]) -> Result<Vec<Member>, Status> {
    let request = AddMembersRequest {
        conversation_id: id.to_owned(),
        user_names: strings(users),
    };
    ask!(account, add_members, request).map(|added| added.members)
}

pub async fn remove(account: &Account, id: &str, user: &str, ban: bool) -> Result<(), Status> {
    let request = RemoveMemberRequest {
        conversation_id: id.to_owned(),
        user_name: user.to_owned(),
        ban,
    };
    ask!(account, remove_member, request).map(drop)
}

pub async fn set_role(
    account: &Account,
    id: &str,
    user: &str,
    role: Role,
) -> Result<Member, Status> {
    let request = SetRoleRequest {
        conversation_id: id.to_owned(),
        user_name: user.to_owned(),
        role: role.into(),
    };
    ask!(account, set_role, request).map(|set| set.member.unwrap())
}

/// Makes an invite link and answers its id and its code.
pub async fn invite(account: &Account, id: &str) -> Result<(String, String), Status> {
    let request = CreateInviteLinkRequest {
        conversation_id: id.to_owned(),
        ..CreateInviteLinkRequest::default()
    };
    let made = ask!(account, create_invite_link, request);
    made.map(|made| (made.invite_link.unwrap().id, made.code))
}

pub async fn join_by(account: &Account, code: &str) -> Result<Conversation, Status> {
    let code = code.to_owned();
    let joined = ask!(
        account,
        join_by_invite_link,
        JoinByInviteLinkRequest { code }
    );
    joined.map(|joined| joined.conversation.unwrap())
}

pub async fn revoke(account: &Account, id: &str, link: &str) -> Result<(), Status> {
    let request = RevokeInviteLinkRequest {
        conversation_id: id.to_owned(),
        invite_link_id: link.to_owned(),
    };
    ask!(account, revoke_invite_link, request).map(drop)
}

pub async fn edit(account: &Account, id: &str, seq: u64, text: &str) -> Result<Message, Status> {
    let request = EditMessageRequest {
        conversation_id: id.to_owned(),
        seq,
        text: text.to_owned(),
    };
    ask!(account, edit_message, request).map(|edited| edited.message.unwrap())
}

pub async fn delete(account: &Account, id: &str, seq: u64) -> Result<Message, Status> {
    let request = DeleteMessageRequest {
        conversation_id: id.to_owned(),
        seq,
    };
    ask!(account, delete_message, request).map(|deleted| deleted.message.unwrap())
}

pub async fn react(
    account: &Account,
    id: &str,
    seq: u64,
    emoji: &str,
) -> Result<Vec<Reaction>, Status> {
    let request = AddReactionRequest {
        conversation_id: id.to_owned(),
        seq,
        emoji: emoji.to_owned(),
    };
    ask!(account, add_reaction, request).map(|reacted| reacted.reactions)
}

pub async fn unreact(
    account: &Account,
    id: &str,
    seq: u64,
    emoji: &str,
) -> Result<Vec<Reaction>, Status> {
    let request = RemoveReactionRequest {
        conversation_id: id.to_owned(),
        seq,
        emoji: emoji.to_owned(),
    };
    ask!(account, remove_reaction, request).map(|reacted| reacted.reactions)
}

pub async fn get(account: &Account, id: &str) -> Result<Conversation, Status> {
    let conversation_id = id.to_owned();
    let request = GetConversationRequest { conversation_id };
    ask!(account, get_conversation, request).map(|got| got.conversation.unwrap())
}

pub async fn page(account: &Account, id: &str) -> Result<ListMessagesResponse, Status> {
    let request = ListMessagesRequest {
        conversation_id: id.to_owned(),
        ..ListMessagesRequest::default()
    };
    ask!(account, list_messages, request)
}

pub fn a_send(target: Target, text: &str, reply_to_seq: u64) -> SendRequest {
    SendRequest {
        target: Some(target),
        client_message_id: new_id(),
        text: text.to_owned(),
        reply_to_seq,
        attachments: Vec::new(),
    }
}

pub fn to_id(id: &str) -> Target {
    Target::ConversationId(id.to_owned())
}

pub fn to_channel(name: &str) -> Target {
    Target::ChannelName(name.to_owned())
}

pub async fn say(account: &Account, id: &str, text: &str) -> SendResponse {
    account
        .send_request(a_send(to_id(id), text, 0))
        .await
        .unwrap()
}

pub fn text_of(message: &Message) -> &str {
    match &message.content {
        Some(Content::Text(text)) => text,
        None => "gone",
    }
}

pub fn reactions_of(reactions: &[Reaction]) -> String {
    let words = reactions.iter().map(|it| {
        let mine = if it.mine { "!" } else { "" };
        format!("{}{}{mine}", it.emoji, it.count)
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What an event says, without ids and times.
pub fn told(event: &Event) -> String {
    let name = |user: &Option<UserRef>| user.as_ref().map_or("", |it| &it.name).to_owned();
    match event.body.as_ref().unwrap() {
        Body::Message(it) => {
            let (reply, reactions) = (it.reply_to_seq, reactions_of(&it.reactions));
            let sender = name(&it.sender);
            let said = format!("{} {sender}: {}", it.seq, text_of(it));
            match (reply, reactions.as_str()) {
                (0, "") => said,
                (reply, reactions) => format!("{said} (to {reply}, {reactions})"),
            }
        }
        Body::MessageEdited(edited) => {
            let it = edited.message.as_ref().unwrap();
            assert!(it.reactions.is_empty());
            format!(
                "{} is now: {} (revision {})",
                it.seq,
                text_of(it),
                it.revision
            )
        }
        Body::MessageDeleted(it) => {
            let by = name(&it.deleted_by);
            format!("{} is gone by {by} (revision {})", it.seq, it.revision)
        }
        Body::ReactionChanged(it) => {
            let all = reactions_of(&it.reactions);
            let sign = if it.added { "+" } else { "-" };
            match &it.user {
                Some(user) => format!("{} has [{all}] {} {sign}{}", it.seq, user.name, it.emoji),
                None => format!("{} has [{all}]", it.seq),
            }
        }
        Body::ConversationChanged(changed) => {
            let it = changed.conversation.as_ref().unwrap();
            let (name, topic) = (&it.name, &it.topic);
            format!(
                "{name}/{topic}: {} members, last {}",
                it.members_count, it.last_seq
            )
        }
        Body::MemberChanged(it) => {
            let change = it.change().as_str_name().replace("MEMBER_CHANGE_", "");
            let role = it.role().as_str_name().replace("ROLE_", "");
            let (user, by) = (name(&it.user), name(&it.by));
            format!(
                "{user} {change} {role} by {by}, {} members",
                it.members_count
            )
        }
        Body::ReadMarker(it) => format!("read {}", it.read_seq),
        Body::SettingsChanged(it) => {
            let level = it.notify.as_ref().unwrap().level();
            let level = level.as_str_name().replace("NOTIFY_LEVEL_", "");
            format!("set {level}, put aside: {}", it.marked_unread)
        }
        Body::BlocksChanged(it) => {
            let blocked = it.users.iter().map(|user| user.name.as_str());
            format!("blocks [{}]", blocked.collect::<Vec<_>>().join(" "))
        }
        Body::Presence(_) | Body::Typing(_) | Body::Delivered(_) => "ephemeral".to_owned(),
        Body::Welcome(_) => "welcome".to_owned(),
        Body::Gap(it) => format!("gap {}-{}", it.from_seq, it.to_seq),
        Body::Reset(_) => "reset".to_owned(),
        Body::CaughtUp(_) => "caught up".to_owned(),
        Body::GoingAway(_) => "going away".to_owned(),
    }
}

pub fn all_told(events: &[Event]) -> Vec<String> {
    events.iter().map(told).collect()
}

/// Streams of an account by both doors, both caught up.
pub async fn both_live(account: &Account) -> [Feed; 2] {
    [
        account.live(Door::Chat).await,
        account.live(Door::Subscribe).await,
    ]
}

/// What both streams brought up to the note to self of this text, which is said now; it must be the same.
pub async fn until_note(account: &Account, feeds: &mut [Feed; 2], text: &str) -> Vec<Event> {
    account.send(&account.name, text).await;
    let mut came = Vec::new();
    for feed in feeds {
        let is_note = |body: &Body| matches!(body, Body::Message(it) if text_of(it) == text);
        came.push(feed.until(is_note).await);
    }
    assert_eq!(came[0], came[1], "Chat and Subscribe bring the same");
    let mut events = came.remove(0);
    // Not the note itself.
    events.pop();
    events
}

#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, why: &str, what: &str) {
    match answer {
        Err(status) => {
            let got = (status.code(), reason(&status));
            assert_eq!(got, (code, why.to_owned()), "{what}: {status:?}");
        }
        Ok(done) => panic!("{what} is done: {done:?}"),
    }
}
