//! Every method of the schema with who may call it, what it is about, and a good request by a member.

use bytes::Bytes;
use prost::Message as _;
use tinychat::pb::{
    AcknowledgeRequest, AddMembersRequest, AddReactionRequest, BlockUserRequest,
    CancelUploadRequest, ChangePasswordRequest, ChatRequest, CompleteUploadRequest,
    ConversationKind, CreateConversationRequest, CreateInviteLinkRequest, CreateTokenRequest,
    CreateUploadRequest, DeleteMessageRequest, DownloadRequest, EditMessageRequest,
    GetConversationRequest, GetFileRequest, GetServerInfoRequest, GetUploadRequest, Hello,
    JoinByInviteLinkRequest, JoinChannelRequest, LeaveConversationRequest, ListBlockedUsersRequest,
    ListChannelsRequest, ListConversationsRequest, ListDevicesRequest, ListInviteLinksRequest,
    ListMarkersRequest, ListMembersRequest, ListMentionsRequest, ListMessagesRequest, LoginRequest,
    LogoutRequest, MarkReadRequest, MarkUnreadRequest, NotifyLevel, NotifySettings, Presence,
    RegisterRequest, RemoveMemberRequest, RemoveReactionRequest, RevokeDeviceRequest,
    RevokeInviteLinkRequest, Role, Scope, SearchMessagesRequest, SendRequest,
    SetNotifyLevelRequest, SetPresenceRequest, SetRoleRequest, SetTypingRequest,
    StartConversationRequest, SubscribeRequest, TimeRequest, UnblockUserRequest,
    UpdateConversationRequest, UploadChunkRequest, UploadChunksRequest, UsersRequest,
    WhoAmIRequest, chat_request::Request, send_request::Target,
};

use crate::support::account::{PASSWORD, new_id};

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    Everybody,
    /// With names on trust everybody, else who has this scope.
    EverybodyOnTrust(Scope),
    /// Whoever has a token.
    AnyToken,
    /// Whoever has this scope.
    Scoped(Scope),
}

/// What a method is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The caller's own, or what everybody may see.
    Own,
    /// A conversation: for who is not in it, it does not exist.
    Conversation,
    /// A device: that of another does not exist.
    Device,
    /// A file: for who cannot read a message that holds it, it does not exist.
    File,
    /// An upload: that of another does not exist.
    Upload,
    /// What was given out to another: a cursor is no secret, but it moves the caller's own device alone.
    Cursor,
}

/// A method: who may call it, what it is about, a good request by a member.
pub struct Row {
    pub method: &'static str,
    pub may: May,
    pub about: About,
    pub request: Vec<u8>,
}

/// What the rows speak of: all of it is ann's, who is in a conversation with bob.
pub struct World {
    pub conversation: String,
    /// A group of the two, and one of ann alone.
    pub group: String,
    pub alone: String,
    /// The id of an invite link of the group, and the code of one of a channel.
    pub link: String,
    pub code: String,
    pub device: String,
    pub cursor: String,
    /// A file in the conversation, and uploads of one byte each, one for each method that changes one.
    pub file: String,
    pub uploads: [String; 5],
}

pub fn rows(world: &World, caller: &str) -> Vec<Row> {
    let row = |method, may, about, request: Vec<u8>| Row {
        method,
        may,
        about,
        request,
    };
    let conversation_id = world.conversation.clone();
    let hello = ChatRequest {
        request_id: 1,
        request: Some(Request::Hello(Hello::default())),
    };
    let change = ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: PASSWORD.to_owned(),
        end_other_devices: false,
    };
    let token = CreateTokenRequest {
        name: "a token".to_owned(),
        scopes: vec![Scope::Admin.into()],
        expire_time: None,
    };
    let login = LoginRequest {
        user_name: caller.to_owned(),
        password: PASSWORD.to_owned(),
        device_name: String::new(),
    };
    let register = RegisterRequest {
        // Names have no end: each caller makes one of its own.
        user_name: format!("n{}", &new_id().replace('-', "")[16..]),
        password: PASSWORD.to_owned(),
        device_name: String::new(),
    };
    let send = SendRequest {
        target: Some(Target::ConversationId(conversation_id.clone())),
        client_message_id: new_id(),
        text: "hello".to_owned(),
        reply_to_seq: 0,
        attachments: Vec::new(),
    };
    let messages = ListMessagesRequest {
        conversation_id: conversation_id.clone(),
        ..ListMessagesRequest::default()
    };
    let (auth, chat, conversation, file) = (
        "/tinychat.v1.AuthService/",
        "/tinychat.v1.ChatService/",
        "/tinychat.v1.ConversationService/",
        "/tinychat.v1.FileService/",
    );
    let [cancelled, completed, shown, by_chunk, by_chunks] = world.uploads.clone();
    let bytes = Bytes::from_static(b"x");
    let read = May::Scoped(Scope::Read);
    let admin = May::Scoped(Scope::Admin);
    let send_scope = May::Scoped(Scope::Send);
    macro_rules! method {
        ($service:expr, $name:literal, $may:expr, $about:ident, $request:expr) => {
            row(
                leak(&format!("{}{}", $service, $name)),
                $may,
                About::$about,
                $request.encode_to_vec(),
            )
        };
    }
    vec![
        method!(auth, "ChangePassword", admin, Own, change),
        method!(auth, "CreateToken", admin, Own, token),
        method!(auth, "ListDevices", admin, Own, ListDevicesRequest {}),
        method!(auth, "Login", May::Everybody, Own, login),
        method!(auth, "Logout", May::AnyToken, Own, LogoutRequest {}),
        method!(auth, "Register", May::Everybody, Own, register),
        method!(
            auth,
            "RevokeDevice",
            admin,
            Device,
            RevokeDeviceRequest {
                device_id: world.device.clone(),
            }
        ),
        method!(auth, "WhoAmI", May::AnyToken, Own, WhoAmIRequest {}),
        method!(
            chat,
            "Acknowledge",
            read,
            Cursor,
            AcknowledgeRequest {
                cursor: world.cursor.clone(),
            }
        ),
        method!(
            chat,
            "BlockUser",
            send_scope,
            Own,
            BlockUserRequest {
                user_name: "zoe".to_owned(),
            }
        ),
        method!(chat, "Chat", read, Own, hello),
        method!(
            chat,
            "GetServerInfo",
            May::Everybody,
            Own,
            GetServerInfoRequest {}
        ),
        method!(
            chat,
            "ListBlockedUsers",
            read,
            Own,
            ListBlockedUsersRequest {}
        ),
        method!(
            chat,
            "MarkRead",
            read,
            Conversation,
            MarkReadRequest {
                conversation_id: conversation_id.clone(),
                read_seq: 1,
            }
        ),
        method!(
            chat,
            "MarkUnread",
            read,
            Conversation,
            MarkUnreadRequest {
                conversation_id: conversation_id.clone(),
            }
        ),
        method!(chat, "Send", send_scope, Conversation, send),
        method!(
            chat,
            "SetPresence",
            read,
            Own,
            SetPresenceRequest {
                presence: Presence::Away.into(),
            }
        ),
        method!(
            chat,
            "SetTyping",
            send_scope,
            Conversation,
            SetTypingRequest {
                conversation_id: conversation_id.clone(),
                typing: true,
            }
        ),
        method!(chat, "Subscribe", read, Own, SubscribeRequest::default()),
        method!(chat, "Time", May::Everybody, Own, TimeRequest {}),
        method!(
            chat,
            "UnblockUser",
            send_scope,
            Own,
            UnblockUserRequest {
                user_name: "zoe".to_owned(),
            }
        ),
        method!(
            chat,
            "Users",
            May::EverybodyOnTrust(Scope::Read),
            Own,
            UsersRequest::default()
        ),
        method!(
            conversation,
            "AddMembers",
            send_scope,
            Conversation,
            AddMembersRequest {
                conversation_id: world.group.clone(),
                user_names: vec!["ann".to_owned()],
            }
        ),
        method!(
            conversation,
            "AddReaction",
            send_scope,
            Conversation,
            AddReactionRequest {
                conversation_id: conversation_id.clone(),
                seq: 1,
                emoji: "👍".to_owned(),
            }
        ),
        method!(
            conversation,
            "CreateConversation",
            send_scope,
            Own,
            group_named("one more")
        ),
        method!(
            conversation,
            "CreateInviteLink",
            send_scope,
            Conversation,
            CreateInviteLinkRequest {
                conversation_id: world.group.clone(),
                ..CreateInviteLinkRequest::default()
            }
        ),
        method!(
            conversation,
            "DeleteMessage",
            send_scope,
            Conversation,
            DeleteMessageRequest {
                conversation_id: world.group.clone(),
                seq: 1,
            }
        ),
        method!(
            conversation,
            "EditMessage",
            send_scope,
            Conversation,
            EditMessageRequest {
                conversation_id: conversation_id.clone(),
                seq: 1,
                text: "edited".to_owned(),
            }
        ),
        method!(
            conversation,
            "GetConversation",
            read,
            Conversation,
            GetConversationRequest {
                conversation_id: conversation_id.clone(),
            }
        ),
        method!(
            conversation,
            "JoinByInviteLink",
            send_scope,
            Own,
            JoinByInviteLinkRequest {
                code: world.code.clone(),
            }
        ),
        method!(
            conversation,
            "JoinChannel",
            send_scope,
            Own,
            JoinChannelRequest {
                channel_name: "open".to_owned(),
            }
        ),
        method!(
            conversation,
            "LeaveConversation",
            send_scope,
            Conversation,
            LeaveConversationRequest {
                conversation_id: world.alone.clone(),
            }
        ),
        method!(
            conversation,
            "ListChannels",
            read,
            Own,
            ListChannelsRequest::default()
        ),
        method!(
            conversation,
            "ListConversations",
            read,
            Own,
            ListConversationsRequest::default()
        ),
        method!(
            conversation,
            "ListInviteLinks",
            read,
            Conversation,
            ListInviteLinksRequest {
                conversation_id: world.group.clone(),
                ..ListInviteLinksRequest::default()
            }
        ),
        method!(
            conversation,
            "ListMarkers",
            read,
            Conversation,
            ListMarkersRequest {
                conversation_id: conversation_id.clone(),
            }
        ),
        method!(
            conversation,
            "ListMembers",
            read,
            Conversation,
            ListMembersRequest {
                conversation_id: world.group.clone(),
                ..ListMembersRequest::default()
            }
        ),
        method!(
            conversation,
            "ListMentions",
            read,
            Own,
            ListMentionsRequest::default()
        ),
        method!(conversation, "ListMessages", read, Conversation, messages),
        method!(
            conversation,
            "RemoveMember",
            send_scope,
            Conversation,
            RemoveMemberRequest {
                conversation_id: world.group.clone(),
                user_name: "bob".to_owned(),
                ban: true,
            }
        ),
        method!(
            conversation,
            "RemoveReaction",
            send_scope,
            Conversation,
            RemoveReactionRequest {
                conversation_id: conversation_id.clone(),
                seq: 1,
                emoji: "👍".to_owned(),
            }
        ),
        method!(
            conversation,
            "RevokeInviteLink",
            send_scope,
            Conversation,
            RevokeInviteLinkRequest {
                conversation_id: world.group.clone(),
                invite_link_id: world.link.clone(),
            }
        ),
        method!(
            conversation,
            "SearchMessages",
            read,
            Conversation,
            SearchMessagesRequest {
                query: "first".to_owned(),
                conversation_id: conversation_id.clone(),
                ..SearchMessagesRequest::default()
            }
        ),
        method!(
            conversation,
            "SetNotifyLevel",
            read,
            Conversation,
            SetNotifyLevelRequest {
                conversation_id: conversation_id.clone(),
                notify: Some(NotifySettings {
                    level: NotifyLevel::None.into(),
                    until_time: None,
                }),
            }
        ),
        method!(
            conversation,
            "SetRole",
            send_scope,
            Conversation,
            SetRoleRequest {
                conversation_id: world.group.clone(),
                user_name: "ann".to_owned(),
                role: Role::Owner.into(),
            }
        ),
        method!(
            conversation,
            "StartConversation",
            send_scope,
            Own,
            StartConversationRequest {
                user_name: "bob".to_owned(),
            }
        ),
        method!(
            conversation,
            "UpdateConversation",
            send_scope,
            Conversation,
            UpdateConversationRequest {
                conversation_id: world.group.clone(),
                name: Some("another name".to_owned()),
                ..UpdateConversationRequest::default()
            }
        ),
        method!(
            file,
            "CancelUpload",
            send_scope,
            Upload,
            CancelUploadRequest {
                upload_id: cancelled,
            }
        ),
        method!(
            file,
            "CompleteUpload",
            send_scope,
            Upload,
            CompleteUploadRequest {
                upload_id: completed,
            }
        ),
        method!(
            file,
            "CreateUpload",
            send_scope,
            Own,
            CreateUploadRequest {
                name: "a file".to_owned(),
                ..CreateUploadRequest::default()
            }
        ),
        method!(
            file,
            "Download",
            read,
            File,
            DownloadRequest {
                file_id: world.file.clone(),
                offset: 0,
            }
        ),
        method!(
            file,
            "GetFile",
            read,
            File,
            GetFileRequest {
                file_id: world.file.clone(),
            }
        ),
        method!(
            file,
            "GetUpload",
            send_scope,
            Upload,
            GetUploadRequest { upload_id: shown }
        ),
        method!(
            file,
            "UploadChunk",
            send_scope,
            Upload,
            UploadChunkRequest {
                upload_id: by_chunk,
                data: bytes.clone(),
                ..UploadChunkRequest::default()
            }
        ),
        method!(
            file,
            "UploadChunks",
            send_scope,
            Upload,
            UploadChunksRequest {
                upload_id: by_chunks,
                data: bytes,
                ..UploadChunksRequest::default()
            }
        ),
    ]
}

pub fn group_named(name: &str) -> CreateConversationRequest {
    CreateConversationRequest {
        kind: ConversationKind::Group.into(),
        name: name.to_owned(),
        ..CreateConversationRequest::default()
    }
}

/// A test has few names, and they live as long as it.
fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}
