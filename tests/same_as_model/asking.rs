//! Asks the server what a step says, and puts its answer into the words of the model; a refusal is its reason.

use tinychat::{
    domain::role::Role,
    pb::{
        self, Member, Message, Reaction, SendRequest, UpdateConversationRequest,
        chat_request::Request, message::Content, reply::Result as Answer, send_request::Target,
    },
    store::ActError,
};
use tonic::Status;

use super::role_word;
use crate::{
    groups::asking::{add, delete, edit, join, leave, react, remove, set_role, unreact},
    same_as_model::rules::{EMOJI, Refused, Step},
    support::{
        Account,
        account::new_id,
        feed::{Feed, ask_unary, mark_read},
        in_time, reason,
    },
};

/// A conversation, as those name it who ask.
pub struct Named<'a> {
    pub id: &'a str,
    /// Of a channel.
    pub name: &'a str,
    /// The names of the people.
    pub people: &'a [String],
}

/// A message in the words of the model.
pub fn shown(message: &Message) -> String {
    let text = match &message.content {
        Some(Content::Text(text)) => text,
        None => "(deleted)",
    };
    assert_eq!(message.deleted, message.content.is_none(), "{message:?}");
    let (revision, reply) = (message.revision, message.reply_to_seq);
    format!("{text} r{revision} re{reply}{}", words(&message.reactions))
}

fn words(reactions: &[Reaction]) -> String {
    let word = |it: &Reaction| {
        let mine = if it.mine { "*" } else { "" };
        format!(" {}{}{mine}", it.emoji, it.count)
    };
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

/// Does a step, by a frame of the stream if there is one and the frame exists.
pub async fn act(
    account: &Account,
    feed: Option<&mut Feed>,
    named: &Named<'_>,
    step: &Step,
    again: bool,
) -> Result<String, String> {
    let id = named.id;
    let name = |who: &usize| named.people[*who].as_str();
    let answer: Result<String, Status> = match step {
        Step::Create { .. } => panic!("it is made elsewhere"),
        Step::Join { .. } => {
            let joined = join(account, named.name).await;
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
                topic: Some(format!("topic {topic}")),
                ..UpdateConversationRequest::default()
            };
            let mut conversations = account.connection.conversations();
            let changed = conversations.update_conversation(request);
            let changed = in_time("change the topic", changed).await;
            changed.map(|it| it.into_inner().conversation.unwrap().topic)
        }
        Step::Send { reply, .. } => {
            let target = Target::ConversationId(id.to_owned());
            return send(account, feed, target, "first", *reply, again).await;
        }
        Step::Edit { seq, text, .. } => {
            let edited = edit(account, id, *seq, &format!("text {text}")).await;
            edited.map(|it| shown(&it))
        }
        Step::Delete { seq, .. } => delete(account, id, *seq).await.map(|it| shown(&it)),
        Step::React {
            seq, emoji, add, ..
        } => {
            let emoji = EMOJI[*emoji];
            let reactions = match add {
                true => react(account, id, *seq, emoji).await,
                false => unreact(account, id, *seq, emoji).await,
            };
            reactions.map(|it| words(&it))
        }
        Step::Read { seq, .. } => {
            return match ask(account, feed, mark_read(id, *seq)).await {
                Answer::MarkRead(it) => Ok(format!("{} {}", it.read_seq, it.unread)),
                Answer::Error(error) => Err(error.reason),
                other => panic!("{other:?}"),
            };
        }
    };
    answer.map_err(|status| reason(&status))
}

async fn ask(account: &Account, feed: Option<&mut Feed>, request: Request) -> Answer {
    match feed {
        Some(feed) => feed.ask(Some(request)).await,
        None => ask_unary(account, request).await,
    }
}

/// Sends, twice if so: the second answer is the first.
pub async fn send(
    account: &Account,
    feed: Option<&mut Feed>,
    target: Target,
    text: &str,
    reply: Option<u64>,
    again: bool,
) -> Result<String, String> {
    let request = SendRequest {
        target: Some(target),
        client_message_id: new_id(),
        text: text.to_owned(),
        reply_to_seq: reply.unwrap_or_default(),
    };
    let sent = match ask(account, feed, Request::Send(request.clone())).await {
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
    Ok(sent.seq.to_string())
}

/// What the model says, as the server puts it.
pub fn due(step: &Step, is_member: bool, answer: Refused<String>) -> Result<String, String> {
    let refused = |reason: &str| Err(reason.to_owned());
    match (step, answer) {
        (Step::Send { .. }, Ok(refusal)) if refusal.starts_with("NotMember") => {
            refused("CONVERSATION_NOT_FOUND")
        }
        (Step::Send { .. }, Ok(refusal)) if refusal.starts_with("ReadOnly") => refused("READ_ONLY"),
        (Step::Send { .. }, Ok(refusal)) if refusal.starts_with("ReplyToUnknown") => {
            refused("REPLY_TO_UNKNOWN")
        }
        (Step::Read { .. }, Ok(refusal)) if refusal == "refused" => match is_member {
            true => refused("SEQ_BEYOND_END"),
            false => refused("CONVERSATION_NOT_FOUND"),
        },
        (_, Ok(answer)) => Ok(answer),
        (_, Err(error)) => refused(match error {
            ActError::NotMember(_) => "CONVERSATION_NOT_FOUND",
            ActError::Invalid(invalid) => invalid.reason,
            ActError::MemberNotFound(_) => "MEMBER_NOT_FOUND",
            ActError::RoleTooLow => "ROLE_TOO_LOW",
            ActError::ReadOnly => "READ_ONLY",
            ActError::LastOwner => "LAST_OWNER",
            ActError::Banned => "BANNED",
            ActError::UserBanned(_) => "USER_BANNED",
            ActError::MessageNotFound(_) => "MESSAGE_NOT_FOUND",
            ActError::MessageNotYours => "MESSAGE_NOT_YOURS",
            ActError::MessageDeleted => "MESSAGE_DELETED",
            other => panic!("the model knows no {other:?}"),
        }),
    }
}
