//! An evil server: it speaks the schema, and says in it whatever a test wants. In this process, on the loopback.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use prost::Message as _;
use tinychat::pb::{
    self,
    chat_request::Request as Asked,
    ready::{ChatFrame, SubscribeFrame},
    reply::Result as Answer,
    servers::{
        auth_service_server::{AuthService, AuthServiceServer},
        chat_service_server::{ChatService, ChatServiceServer},
        conversation_service_server::{ConversationService, ConversationServiceServer},
    },
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_stream::{
    Stream,
    wrappers::{ReceiverStream, TcpListenerStream},
};
use tonic::{Code, Request, Response, Status, Streaming, async_trait, transport::Server};

/// What the server says.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Said wherever a text of the server or of a peer stands, one after the other.
    pub tricks: Vec<String>,
    /// The name of the user who logs in.
    pub user: String,
    /// Frames of events of each stream, and then how it ends; `None`: it stays open.
    pub frames: Vec<Vec<pb::Event>>,
    pub end: Option<Result<(), Status>>,
    /// The wait in every error inside a stream.
    pub retry_after: Option<prost_types::Duration>,
}

/// The server.
pub struct Evil {
    /// Where it listens.
    pub address: String,
    _serving: JoinSet<()>,
}

#[derive(Clone)]
struct Services {
    script: Arc<Script>,
    next: Arc<AtomicUsize>,
}

impl Evil {
    /// Starts it.
    pub async fn start(script: Script) -> Self {
        let services = Services {
            script: Arc::new(script),
            next: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let served = Server::builder()
                .add_service(AuthServiceServer::new(services.clone()))
                .add_service(ChatServiceServer::new(services.clone()))
                .add_service(ConversationServiceServer::new(services))
                .serve_with_incoming(TcpListenerStream::new(listener));
            served.await.ok();
        });
        Self {
            address,
            _serving: serving,
        }
    }
}

impl Services {
    /// The next trick; the last one is followed by the first.
    fn trick(&self) -> String {
        let tricks = &self.script.tricks;
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        tricks
            .get(next % tricks.len().max(1))
            .cloned()
            .unwrap_or_default()
    }

    /// A page of messages, one of each trick, which say it wherever a message has a text.
    fn found(&self, token: &str, size: u32) -> (Vec<pb::Message>, String) {
        let tricks = &self.script.tricks;
        let from: usize = token.parse().unwrap_or(0);
        let to = tricks.len().min(from + size as usize);
        let message = |trick: &String| pb::Message {
            conversation_id: trick.clone(),
            seq: 1,
            sender: Some(pb::UserRef {
                id: trick.clone(),
                name: trick.clone(),
            }),
            content: Some(pb::message::Content::Text(trick.clone())),
            ..pb::Message::default()
        };
        let next = if to < tricks.len() {
            to.to_string()
        } else {
            String::new()
        };
        (tricks[from..to].iter().map(message).collect(), next)
    }

    fn refusal(&self) -> Status {
        match self.script.retry_after {
            None => Status::new(Code::NotFound, self.trick()),
            Some(wait) => asking_to_wait(self.trick(), wait),
        }
    }

    fn user(&self) -> pb::User {
        pb::User {
            id: "u1".to_owned(),
            name: self.script.user.clone(),
            ..pb::User::default()
        }
    }

    fn device(&self) -> pb::Device {
        pb::Device {
            id: self.trick(),
            name: self.trick(),
            ..pb::Device::default()
        }
    }
}

fn user_ref(name: &str) -> pb::UserRef {
    pb::UserRef {
        id: "u9".to_owned(),
        name: name.to_owned(),
    }
}

/// An invite link that says a trick wherever it has a text.
fn invite_link(trick: &str) -> pb::InviteLink {
    pb::InviteLink {
        id: trick.to_owned(),
        conversation_id: trick.to_owned(),
        created_by: Some(user_ref(trick)),
        ..pb::InviteLink::default()
    }
}

/// A status that asks to wait, made by hand: the library makes none that is not sound.
fn asking_to_wait(message: String, wait: prost_types::Duration) -> Status {
    let info = tonic_types::pb::RetryInfo {
        retry_delay: Some(wait),
    };
    let details = tonic_types::Status {
        details: vec![prost_types::Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: info.encode_to_vec(),
        }],
        ..tonic_types::Status::default()
    };
    Status::with_details(Code::NotFound, message, details.encode_to_vec().into())
}

/// The bytes of events, as they stand in a frame.
fn ready(events: Vec<pb::Event>) -> Bytes {
    let frame = pb::ChatResponse {
        events,
        replies: Vec::new(),
    };
    frame.encode_to_vec().into()
}

type Frames<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[async_trait]
impl ChatService for Services {
    type ChatStream = ReceiverStream<Result<ChatFrame, Status>>;
    type SubscribeStream = Frames<SubscribeFrame>;

    async fn chat(
        &self,
        call: Request<Streaming<pb::ChatRequest>>,
    ) -> Result<Response<Self::ChatStream>, Status> {
        let mut inbound = call.into_inner();
        let (out, frames) = mpsc::channel(16);
        let services = self.clone();
        // Ends with the stream that it serves.
        let serving = async move {
            for events in services.script.frames.clone() {
                let events = vec![ready(events)];
                let frame = ChatFrame {
                    events,
                    replies: Vec::new(),
                };
                if out.send(Ok(frame)).await.is_err() {
                    return;
                }
            }
            match services.script.end.clone() {
                Some(Ok(())) => return,
                Some(Err(status)) => return drop(out.send(Err(status)).await),
                None => {}
            }
            while let Ok(Some(frame)) = inbound.message().await {
                if !matches!(frame.request, Some(Asked::Send(_))) {
                    continue;
                }
                let error = pb::Error {
                    code: Code::NotFound.into(),
                    reason: String::new(),
                    message: services.trick(),
                    retry_after: services.script.retry_after,
                    ..pb::Error::default()
                };
                let reply = pb::Reply {
                    request_id: frame.request_id,
                    result: Some(Answer::Error(error)),
                };
                let frame = ChatFrame {
                    events: Vec::new(),
                    replies: vec![reply],
                };
                if out.send(Ok(frame)).await.is_err() {
                    return;
                }
            }
        };
        tinychat::tasks::Tasks::new().spawn("evil", serving);
        Ok(Response::new(ReceiverStream::new(frames)))
    }

    async fn subscribe(
        &self,
        _: Request<pb::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        Err(self.refusal())
    }

    async fn send(
        &self,
        _: Request<pb::SendRequest>,
    ) -> Result<Response<pb::SendResponse>, Status> {
        Err(self.refusal())
    }

    async fn users(
        &self,
        _: Request<pb::UsersRequest>,
    ) -> Result<Response<pb::UsersResponse>, Status> {
        let user = |trick: &String| pb::User {
            name: trick.clone(),
            display_name: trick.clone(),
            id: trick.clone(),
            ..pb::User::default()
        };
        Ok(Response::new(pb::UsersResponse {
            users: self.script.tricks.iter().map(user).collect(),
            next_page_token: String::new(),
            total_size: u32::MAX,
        }))
    }

    async fn time(
        &self,
        _: Request<pb::TimeRequest>,
    ) -> Result<Response<pb::TimeResponse>, Status> {
        Ok(Response::new(pb::TimeResponse {
            time: None,
            time_zone: self.trick(),
        }))
    }

    async fn get_server_info(
        &self,
        _: Request<pb::GetServerInfoRequest>,
    ) -> Result<Response<pb::GetServerInfoResponse>, Status> {
        Ok(Response::new(pb::GetServerInfoResponse {
            version: self.trick(),
            epoch: self.trick(),
            limits: None,
            auth_mode: pb::AuthMode::Trust.into(),
            registration_policy: 77,
        }))
    }

    async fn mark_read(
        &self,
        _: Request<pb::MarkReadRequest>,
    ) -> Result<Response<pb::MarkReadResponse>, Status> {
        Err(self.refusal())
    }

    async fn mark_unread(
        &self,
        _: Request<pb::MarkUnreadRequest>,
    ) -> Result<Response<pb::MarkUnreadResponse>, Status> {
        Err(self.refusal())
    }

    async fn set_typing(
        &self,
        _: Request<pb::SetTypingRequest>,
    ) -> Result<Response<pb::SetTypingResponse>, Status> {
        Err(self.refusal())
    }

    async fn set_presence(
        &self,
        _: Request<pb::SetPresenceRequest>,
    ) -> Result<Response<pb::SetPresenceResponse>, Status> {
        Err(self.refusal())
    }

    async fn acknowledge(
        &self,
        _: Request<pb::AcknowledgeRequest>,
    ) -> Result<Response<pb::AcknowledgeResponse>, Status> {
        Err(self.refusal())
    }

    async fn block_user(
        &self,
        _: Request<pb::BlockUserRequest>,
    ) -> Result<Response<pb::BlockUserResponse>, Status> {
        Err(self.refusal())
    }

    async fn unblock_user(
        &self,
        _: Request<pb::UnblockUserRequest>,
    ) -> Result<Response<pb::UnblockUserResponse>, Status> {
        Err(self.refusal())
    }

    async fn list_blocked_users(
        &self,
        _: Request<pb::ListBlockedUsersRequest>,
    ) -> Result<Response<pb::ListBlockedUsersResponse>, Status> {
        let users = self.script.tricks.iter().map(|it| user_ref(it)).collect();
        Ok(Response::new(pb::ListBlockedUsersResponse { users }))
    }
}

#[async_trait]
impl AuthService for Services {
    async fn register(
        &self,
        _: Request<pb::RegisterRequest>,
    ) -> Result<Response<pb::RegisterResponse>, Status> {
        Err(self.refusal())
    }

    async fn login(
        &self,
        _: Request<pb::LoginRequest>,
    ) -> Result<Response<pb::LoginResponse>, Status> {
        if self.script.user.is_empty() {
            return Err(self.refusal());
        }
        Ok(Response::new(pb::LoginResponse {
            user: Some(self.user()),
            device: Some(self.device()),
            access_token: "tct_x".to_owned(),
        }))
    }

    async fn logout(
        &self,
        _: Request<pb::LogoutRequest>,
    ) -> Result<Response<pb::LogoutResponse>, Status> {
        Err(self.refusal())
    }

    async fn who_am_i(
        &self,
        _: Request<pb::WhoAmIRequest>,
    ) -> Result<Response<pb::WhoAmIResponse>, Status> {
        Ok(Response::new(pb::WhoAmIResponse {
            user: Some(self.user()),
            device: Some(self.device()),
        }))
    }

    async fn change_password(
        &self,
        _: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<pb::ChangePasswordResponse>, Status> {
        Err(self.refusal())
    }

    async fn list_devices(
        &self,
        _: Request<pb::ListDevicesRequest>,
    ) -> Result<Response<pb::ListDevicesResponse>, Status> {
        Err(self.refusal())
    }

    async fn revoke_device(
        &self,
        _: Request<pb::RevokeDeviceRequest>,
    ) -> Result<Response<pb::RevokeDeviceResponse>, Status> {
        Err(self.refusal())
    }

    async fn create_token(
        &self,
        _: Request<pb::CreateTokenRequest>,
    ) -> Result<Response<pb::CreateTokenResponse>, Status> {
        Err(self.refusal())
    }
}

#[async_trait]
impl ConversationService for Services {
    async fn start_conversation(
        &self,
        call: Request<pb::StartConversationRequest>,
    ) -> Result<Response<pb::StartConversationResponse>, Status> {
        // One name can be opened, so that lines can be sent.
        if call.into_inner().user_name != "open" {
            return Err(self.refusal());
        }
        let conversation = pb::Conversation {
            id: "c1".to_owned(),
            kind: pb::ConversationKind::Direct.into(),
            name: self.trick(),
            ..pb::Conversation::default()
        };
        Ok(Response::new(pb::StartConversationResponse {
            conversation: Some(conversation),
        }))
    }

    async fn list_conversations(
        &self,
        _: Request<pb::ListConversationsRequest>,
    ) -> Result<Response<pb::ListConversationsResponse>, Status> {
        Err(self.refusal())
    }

    async fn get_conversation(
        &self,
        _: Request<pb::GetConversationRequest>,
    ) -> Result<Response<pb::GetConversationResponse>, Status> {
        Err(self.refusal())
    }

    async fn list_messages(
        &self,
        _: Request<pb::ListMessagesRequest>,
    ) -> Result<Response<pb::ListMessagesResponse>, Status> {
        // One message of the user.
        let message = pb::Message {
            seq: 1,
            sender: Some(user_ref(&self.script.user)),
            content: Some(pb::message::Content::Text(self.trick())),
            ..pb::Message::default()
        };
        Ok(Response::new(pb::ListMessagesResponse {
            messages: vec![message],
            last_seq: 1,
            ..pb::ListMessagesResponse::default()
        }))
    }

    async fn create_conversation(
        &self,
        _: Request<pb::CreateConversationRequest>,
    ) -> Result<Response<pb::CreateConversationResponse>, Status> {
        Err(self.refusal())
    }

    async fn update_conversation(
        &self,
        _: Request<pb::UpdateConversationRequest>,
    ) -> Result<Response<pb::UpdateConversationResponse>, Status> {
        Err(self.refusal())
    }

    async fn list_channels(
        &self,
        _: Request<pb::ListChannelsRequest>,
    ) -> Result<Response<pb::ListChannelsResponse>, Status> {
        Err(self.refusal())
    }

    async fn join_channel(
        &self,
        _: Request<pb::JoinChannelRequest>,
    ) -> Result<Response<pb::JoinChannelResponse>, Status> {
        Err(self.refusal())
    }

    async fn leave_conversation(
        &self,
        _: Request<pb::LeaveConversationRequest>,
    ) -> Result<Response<pb::LeaveConversationResponse>, Status> {
        Err(self.refusal())
    }

    async fn add_members(
        &self,
        _: Request<pb::AddMembersRequest>,
    ) -> Result<Response<pb::AddMembersResponse>, Status> {
        Err(self.refusal())
    }

    async fn remove_member(
        &self,
        _: Request<pb::RemoveMemberRequest>,
    ) -> Result<Response<pb::RemoveMemberResponse>, Status> {
        Err(self.refusal())
    }

    async fn set_role(
        &self,
        _: Request<pb::SetRoleRequest>,
    ) -> Result<Response<pb::SetRoleResponse>, Status> {
        Err(self.refusal())
    }

    async fn list_members(
        &self,
        _: Request<pb::ListMembersRequest>,
    ) -> Result<Response<pb::ListMembersResponse>, Status> {
        Err(self.refusal())
    }

    async fn edit_message(
        &self,
        _: Request<pb::EditMessageRequest>,
    ) -> Result<Response<pb::EditMessageResponse>, Status> {
        Err(self.refusal())
    }

    async fn delete_message(
        &self,
        _: Request<pb::DeleteMessageRequest>,
    ) -> Result<Response<pb::DeleteMessageResponse>, Status> {
        Err(self.refusal())
    }

    async fn add_reaction(
        &self,
        _: Request<pb::AddReactionRequest>,
    ) -> Result<Response<pb::AddReactionResponse>, Status> {
        Err(self.refusal())
    }

    async fn remove_reaction(
        &self,
        _: Request<pb::RemoveReactionRequest>,
    ) -> Result<Response<pb::RemoveReactionResponse>, Status> {
        Err(self.refusal())
    }

    async fn search_messages(
        &self,
        call: Request<pb::SearchMessagesRequest>,
    ) -> Result<Response<pb::SearchMessagesResponse>, Status> {
        let asked = call.into_inner();
        let (messages, next_page_token) = self.found(&asked.page_token, asked.page_size);
        let part = |text: &str, r#match| pb::SnippetPart {
            text: text.to_owned(),
            r#match,
        };
        let hit = |message: pb::Message| pb::SearchHit {
            snippet: vec![part(message.text(), true), part(message.text(), false)],
            message: Some(message),
        };
        Ok(Response::new(pb::SearchMessagesResponse {
            hits: messages.into_iter().map(hit).collect(),
            next_page_token,
        }))
    }

    async fn list_mentions(
        &self,
        call: Request<pb::ListMentionsRequest>,
    ) -> Result<Response<pb::ListMentionsResponse>, Status> {
        let asked = call.into_inner();
        let (messages, next_page_token) = self.found(&asked.page_token, asked.page_size);
        Ok(Response::new(pb::ListMentionsResponse {
            messages,
            next_page_token,
        }))
    }

    async fn set_notify_level(
        &self,
        _: Request<pb::SetNotifyLevelRequest>,
    ) -> Result<Response<pb::SetNotifyLevelResponse>, Status> {
        Err(self.refusal())
    }

    async fn create_invite_link(
        &self,
        _: Request<pb::CreateInviteLinkRequest>,
    ) -> Result<Response<pb::CreateInviteLinkResponse>, Status> {
        let trick = self.trick();
        Ok(Response::new(pb::CreateInviteLinkResponse {
            invite_link: Some(invite_link(&trick)),
            code: trick,
        }))
    }

    async fn list_invite_links(
        &self,
        _: Request<pb::ListInviteLinksRequest>,
    ) -> Result<Response<pb::ListInviteLinksResponse>, Status> {
        let invite_links = self
            .script
            .tricks
            .iter()
            .map(|it| invite_link(it))
            .collect();
        Ok(Response::new(pb::ListInviteLinksResponse {
            invite_links,
            next_page_token: String::new(),
        }))
    }

    async fn revoke_invite_link(
        &self,
        _: Request<pb::RevokeInviteLinkRequest>,
    ) -> Result<Response<pb::RevokeInviteLinkResponse>, Status> {
        Err(self.refusal())
    }

    async fn join_by_invite_link(
        &self,
        _: Request<pb::JoinByInviteLinkRequest>,
    ) -> Result<Response<pb::JoinByInviteLinkResponse>, Status> {
        Err(self.refusal())
    }

    async fn list_markers(
        &self,
        _: Request<pb::ListMarkersRequest>,
    ) -> Result<Response<pb::ListMarkersResponse>, Status> {
        let marker = |trick: &String| pb::Marker {
            user: Some(user_ref(trick)),
            read_seq: 0,
            delivered_seq: u64::MAX,
        };
        let markers = self.script.tricks.iter().map(marker).collect();
        Ok(Response::new(pb::ListMarkersResponse { markers }))
    }
}
