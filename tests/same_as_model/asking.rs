//! Asks the server what a step says, and puts its answer into the words of the model; a refusal is its reason.

use prost_types::Timestamp;
use tinychat::{
    domain::{
        conversation::{NotifyLevel, NotifySettings},
        role::Role,
    },
    pb::{
        self, BlockUserRequest, ConversationKind, CreateConversationRequest, HistoryAccess,
        ListBlockedUsersRequest, ListMentionsRequest, MarkUnreadRequest, Member, Message, Reaction,
        SendRequest, SetNotifyLevelRequest, UnblockUserRequest, UpdateConversationRequest, UserRef,
        chat_request::Request, message::Content, reply::Result as Answer, send_request::Target,
    },
    store::{ActError, BlockError, MarkReadError, SendRefusal},
};
use tonic::Status;

use super::role_word;
use crate::{
    groups::asking::{add, ask, delete, edit, join, leave, react, remove, set_role, unreact},
    model::{
        rules::{Model, topic_of},
        steps::{EMOJI, Step, TEXTS, notify},
        words::{self, Line, Refusal},
    },
    support::{
        Account,
        account::new_id,
        feed::{Feed, ask_unary, mark_read},
        in_time, reason,
    },
};

/// What was done, in the words of the model, and the conversation in which something is said or that is made.
pub struct Done {
    pub words: String,
    pub conversation: Option<String>,
}

/// A message in the words of the model.
pub fn shown(message: &Message) -> String {
    let text = message.content.as_ref();
    let text = text.map(|Content::Text(text)| text.as_str());
    assert_eq!(message.deleted, text.is_none(), "{message:?}");
    let line = Line {
        text,
        revision: message.revision,
        reply: message.reply_to_seq,
        mentions: message.mentions.iter().map(|it| it.name.as_str()).collect(),
        all: message.mentions_all,
        reactions: reactions(&message.reactions),
    };
    line.words()
}

fn reactions(reactions: &[Reaction]) -> String {
    let word = |it: &Reaction| words::reaction(&it.emoji, it.count.into(), it.mine);
    reactions.iter().map(word).collect()
}

fn role_of(member: &Member) -> String {
    role_word(member.role()).to_owned()
}

fn to_wire(role: Role) -> pb::Role {
    match role {
        Role::Owner => pb::Role::Owner,
        Role::Admin => pb::Role::Admin,
        Role::Member => pb::Role::Member,
        Role::ReadOnly => pb::Role::ReadOnly,
    }
}

/// What a member wants to be called for, as the wire has it.
pub fn notify_to_wire(settings: NotifySettings) -> pb::NotifySettings {
    let level = match settings.level {
        NotifyLevel::All => pb::NotifyLevel::All,
        NotifyLevel::Mentions => pb::NotifyLevel::Mentions,
        NotifyLevel::None => pb::NotifyLevel::None,
    };
    let until = settings.until.map(|until| Timestamp {
        seconds: until.milliseconds() / 1_000,
        nanos: 0,
    });
    pb::NotifySettings {
        level: level.into(),
        until_time: until,
    }
}

/// Does a step, by a frame of the stream if there is one and the frame exists; sends twice, if so. `ids` are those of the
/// rooms of the model.
pub async fn act(
    account: &Account,
    feed: Option<&mut Feed>,
    model: &Model,
    ids: &[String],
    step: &Step,
    again: bool,
) -> Result<Done, String> {
    let people = &model.people;
    let to_room = || Target::ConversationId(ids[model.room_of(step).unwrap()].clone());
    let words = match step {
        Step::Create {
            channel, all, with, ..
        } => return create(account, model, *channel, *all, with).await,
        Step::Direct { peer, text, .. } => {
            let target = Target::UserName(people[*peer].name.to_string());
            let text = TEXTS[*text].among(people);
            return send(account, feed, target, &text, None, again).await;
        }
        Step::Send { reply, text, .. } => {
            let text = TEXTS[*text].among(people);
            return send(account, feed, to_room(), &text, *reply, again).await;
        }
        Step::Block { whom, on, .. } => block(account, people[*whom].name.as_str(), *on).await,
        step => {
            let room = model.room_of(step).unwrap();
            act_in(account, feed, model, room, &ids[room], step).await
        }
    };
    Ok(Done {
        words: words?,
        conversation: None,
    })
}

async fn create(
    account: &Account,
    model: &Model,
    channel: bool,
    all: bool,
    with: &[usize],
) -> Result<Done, String> {
    let kind = match channel {
        true => ConversationKind::Channel,
        false => ConversationKind::Group,
    };
    let history = match all {
        true => HistoryAccess::All,
        false => HistoryAccess::SinceJoin,
    };
    let names = model.names(with);
    let request = CreateConversationRequest {
        kind: kind.into(),
        name: model.next_name(),
        history_access: history.into(),
        user_names: names.iter().map(ToString::to_string).collect(),
        ..CreateConversationRequest::default()
    };
    let made = ask!(account, create_conversation, request).map_err(|status| reason(&status))?;
    Ok(Done {
        words: "made".to_owned(),
        conversation: Some(made.conversation.unwrap().id),
    })
}

async fn block(account: &Account, name: &str, on: bool) -> Result<String, String> {
    let user_name = name.to_owned();
    let mut chat = account.connection.chat();
    let answer: Result<(), Status> = match on {
        true => {
            let blocked = chat.block_user(BlockUserRequest { user_name });
            in_time("block", blocked).await.map(drop)
        }
        false => {
            let unblocked = chat.unblock_user(UnblockUserRequest { user_name });
            in_time("unblock", unblocked).await.map(drop)
        }
    };
    match answer {
        Ok(()) => Ok("so it is".to_owned()),
        Err(status) => Err(reason(&status)),
    }
}

/// The same for what is done in a room of this id.
async fn act_in(
    account: &Account,
    feed: Option<&mut Feed>,
    model: &Model,
    room: usize,
    id: &str,
    step: &Step,
) -> Result<String, String> {
    let people = &model.people;
    let name = |who: &usize| people[*who].name.as_str();
    let answer: Result<String, Status> = match step {
        Step::Create { .. } | Step::Direct { .. } | Step::Send { .. } | Step::Block { .. } => {
            panic!("it is done elsewhere")
        }
        Step::Join { .. } => {
            let joined = join(account, &model.rooms[room].name).await;
            joined.map(|it| role_word(it.my_role()).to_owned())
        }
        Step::Leave { .. } => leave(account, id).await.map(|()| "left".to_owned()),
        Step::Add { whom, .. } => {
            let whom: Vec<&str> = whom.iter().map(name).collect();
            let word = |it: &Member| format!("{} {}", it.user.as_ref().unwrap().name, role_of(it));
            let members = add(account, id, &whom).await;
            members.map(|it| it.iter().map(word).collect::<Vec<_>>().join(", "))
        }
        Step::Remove { whom, ban, .. } => {
            let removed = remove(account, id, name(whom), *ban).await;
            removed.map(|()| "removed".to_owned())
        }
        Step::SetRole { whom, role, .. } => {
            let set = set_role(account, id, name(whom), to_wire(*role)).await;
            set.map(|it| role_of(&it))
        }
        Step::Topic { topic, .. } => {
            let request = UpdateConversationRequest {
                conversation_id: id.to_owned(),
                topic: Some(topic_of(*topic)),
                ..UpdateConversationRequest::default()
            };
            let changed = ask!(account, update_conversation, request);
            changed.map(|it| it.conversation.unwrap().topic)
        }
        Step::Edit { seq, text, .. } => {
            let edited = edit(account, id, *seq, &TEXTS[*text].among(people)).await;
            edited.map(|it| shown(&it))
        }
        Step::Delete { seq, .. } => delete(account, id, *seq).await.map(|it| shown(&it)),
        Step::React {
            seq, emoji, add, ..
        } => {
            let emoji = EMOJI[*emoji];
            let given = match add {
                true => react(account, id, *seq, emoji).await,
                false => unreact(account, id, *seq, emoji).await,
            };
            given.map(|it| reactions(&it))
        }
        Step::Read { seq, .. } => {
            return match by_frame(account, feed, mark_read(id, *seq)).await {
                Answer::MarkRead(it) => Ok(format!("{} {}", it.read_seq, it.unread)),
                Answer::Error(error) => Err(error.reason),
                other => panic!("{other:?}"),
            };
        }
        Step::Unread { .. } => {
            let conversation_id = id.to_owned();
            let mut chat = account.connection.chat();
            let marked = chat.mark_unread(MarkUnreadRequest { conversation_id });
            let marked = in_time("mark unread", marked).await;
            marked.map(|_| "set".to_owned())
        }
        Step::Notify { choice, .. } => {
            let wanted = Some(notify_to_wire(notify(*choice)));
            let request = SetNotifyLevelRequest {
                conversation_id: id.to_owned(),
                notify: wanted,
            };
            let set = ask!(account, set_notify_level, request);
            set.map(|set| {
                assert_eq!(set.notify, wanted);
                "set".to_owned()
            })
        }
    };
    answer.map_err(|status| reason(&status))
}

async fn by_frame(account: &Account, feed: Option<&mut Feed>, request: Request) -> Answer {
    match feed {
        Some(feed) => feed.ask(Some(request)).await,
        None => ask_unary(account, request).await,
    }
}

/// Sends, twice if so: the second answer is the first.
async fn send(
    account: &Account,
    feed: Option<&mut Feed>,
    target: Target,
    text: &str,
    reply: Option<u64>,
    again: bool,
) -> Result<Done, String> {
    let request = SendRequest {
        target: Some(target),
        client_message_id: new_id(),
        text: text.to_owned(),
        reply_to_seq: reply.unwrap_or_default(),
        attachments: Vec::new(),
    };
    let sent = match by_frame(account, feed, Request::Send(request.clone())).await {
        Answer::Send(sent) => sent,
        Answer::Error(error) => return Err(error.reason),
        other => panic!("{other:?}"),
    };
    assert!(!sent.duplicate, "{sent:?}");
    if again {
        let repeated = account.send_request(request).await.unwrap();
        assert!(repeated.duplicate, "{repeated:?}");
        assert_eq!(
            (&repeated.conversation_id, repeated.seq),
            (&sent.conversation_id, sent.seq)
        );
    }
    Ok(Done {
        words: sent.seq.to_string(),
        conversation: Some(sent.conversation_id),
    })
}

/// Whom a user blocks, by name.
pub async fn blocked(account: &Account) -> Vec<UserRef> {
    let mut chat = account.connection.chat();
    let asked = chat.list_blocked_users(ListBlockedUsersRequest {});
    let listed = in_time("list blocked users", asked).await;
    listed.unwrap().into_inner().users
}

/// All that mentions a user, page by page.
pub async fn mentions(account: &Account, unread_only: bool, page_size: u32) -> Vec<Message> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListMentionsRequest {
            page_size,
            page_token,
            unread_only,
        };
        let page = ask!(account, list_mentions, request).unwrap();
        all.extend(page.messages);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

/// Why the model refuses something, as the server puts it.
pub fn reason_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Send(refusal) => match refusal {
            SendRefusal::NotMember(_) => "CONVERSATION_NOT_FOUND",
            SendRefusal::ReadOnly => "READ_ONLY",
            SendRefusal::ReplyToUnknown(_) => "REPLY_TO_UNKNOWN",
            SendRefusal::UserBlocked(_) => "USER_BLOCKED",
            SendRefusal::BlockedByUser(_) => "BLOCKED_BY_USER",
            other => panic!("the model knows no {other:?}"),
        },
        Refusal::Read(refusal) => match refusal {
            MarkReadError::NotMember(_) => "CONVERSATION_NOT_FOUND",
            MarkReadError::BeyondEnd(_) => "SEQ_BEYOND_END",
            other @ MarkReadError::Store(_) => panic!("the model knows no {other:?}"),
        },
        Refusal::Block(refusal) => match refusal {
            BlockError::Oneself => "BLOCKS_ONESELF",
            other => panic!("the model knows no {other:?}"),
        },
        Refusal::Act(refusal) => match refusal {
            ActError::NotMember(_) => "CONVERSATION_NOT_FOUND",
            ActError::Direct => "DIRECT_CONVERSATION",
            ActError::Invalid(invalid) => invalid.reason,
            ActError::ChannelNotFound(_) => "CHANNEL_NOT_FOUND",
            ActError::MemberNotFound(_) => "MEMBER_NOT_FOUND",
            ActError::RoleTooLow => "ROLE_TOO_LOW",
            ActError::ReadOnly => "READ_ONLY",
            ActError::LastOwner => "LAST_OWNER",
            ActError::Banned => "BANNED",
            ActError::UserBanned(_) => "USER_BANNED",
            ActError::MessageNotFound(_) => "MESSAGE_NOT_FOUND",
            ActError::MessageNotYours => "MESSAGE_NOT_YOURS",
            ActError::MessageDeleted => "MESSAGE_DELETED",
            ActError::UserBlocked(_) => "USER_BLOCKED",
            ActError::BlockedByUser(_) => "BLOCKED_BY_USER",
            other => panic!("the model knows no {other:?}"),
        },
    }
}
