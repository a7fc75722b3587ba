//! `ChatService`: the live doors. All of them lead to the same engine calls and the same sessions.
//!
//! The halves of `Chat` are `inbound` and `outbound`; what a frame asks for is done by the functions of the calls here.

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::sleep};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::{
    caller,
    gate::Gate,
    inbound::Inbound,
    outbound::{ChatOutbound, Replies, SubscribeOutbound},
    principal,
    status::status,
};
use crate::{
    auth::Principal,
    convert::{request, response},
    domain::{
        ids::Seq,
        limits::ATTACHMENTS_PER_MESSAGE_MAX,
        message::SendRequest,
        page::{PageSize, page_token},
        scope::Scope,
        user::{Presence, User, UserRef},
    },
    engine::{Engine, Error, FileError, SendAsked},
    hub::{Opening, Session, Signals},
    pb::{self, servers::chat_service_server::ChatService},
    server::caller::Caller,
    store::AuthMode,
    tasks::Tasks,
};

/// How long a stream whose token is void may take to end, and one that was told to go. A peer that does not read its
/// end in time loses its connection: HTTP/2 has no way to end one stream behind data that nobody takes.
pub(super) const END_PATIENCE: Duration = Duration::from_millis(500);
const GO_PATIENCE: Duration = Duration::from_secs(5);
/// The end of a token that is too far away to count: a year.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The service.
pub struct Chat {
    engine: Arc<Engine>,
    gate: Gate,
    tasks: Tasks,
}

impl Chat {
    pub const fn new(engine: Arc<Engine>, gate: Gate, tasks: Tasks) -> Self {
        Self {
            engine,
            gate,
            tasks,
        }
    }
}

#[async_trait]
impl ChatService for Chat {
    type ChatStream = ChatOutbound;
    type SubscribeStream = SubscribeOutbound;

    async fn chat(
        &self,
        request: Request<Streaming<pb::ChatRequest>>,
    ) -> Result<Response<ChatOutbound>, Status> {
        let (principal, caller) = (principal(&self.engine, &request)?, caller(&request)?);
        principal.may(Scope::Read).map_err(status)?;
        let replies = Arc::new(Replies::default());
        let gone = CancellationToken::new();
        let (session, opened) = oneshot::channel();
        let outbound = ChatOutbound::new(opened, Arc::clone(&replies), gone.clone().drop_guard());
        let engine = Arc::clone(&self.engine);
        let frames = request.into_inner();
        let inbound = Inbound::new(engine, principal, caller, frames, replies, gone);
        // The stream is answered before `hello` is read: a client may wait for the headers before it sends.
        self.tasks.spawn("chat", inbound.run(session));
        Ok(Response::new(outbound))
    }

    async fn subscribe(
        &self,
        request: Request<pb::SubscribeRequest>,
    ) -> Result<Response<SubscribeOutbound>, Status> {
        let (principal, caller) = (principal(&self.engine, &request)?, caller(&request)?);
        principal.may(Scope::Read).map_err(status)?;
        let asked = request.into_inner();
        let begin = Begin {
            cursor: asked.resume_cursor.as_deref(),
            backlog_max: request::backlog_max(asked.max_backlog_per_conversation),
            ephemeral: asked.ephemeral_events,
        };
        let session = open(&self.engine, &principal, &caller, begin);
        let (signals, gone) = (session.signals().clone(), CancellationToken::new());
        let outbound = SubscribeOutbound::new(session, gone.clone().drop_guard());
        self.tasks.spawn("subscribe", async move {
            gone.run_until_cancelled(end_in_time(&signals, &caller))
                .await;
        });
        Ok(Response::new(outbound))
    }

    async fn send(
        &self,
        request: Request<pb::SendRequest>,
    ) -> Result<Response<pb::SendResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let asked = send_asked(request.get_ref()).map_err(status)?;
        let sent = self.engine.send(&principal, vec![asked]).await.pop();
        let sent = sent.unwrap_or_else(|| Err(Error::Defect("a send without an answer".into())));
        Ok(Response::new(response::sent(&sent.map_err(status)?)))
    }

    async fn users(
        &self,
        request: Request<pb::UsersRequest>,
    ) -> Result<Response<pb::UsersResponse>, Status> {
        // With names on trust nobody needs to be known, but who is known sees less of others where there is a block.
        let principal = match request.extensions().get::<Principal>() {
            Some(_) => Some(principal(&self.engine, &request)?),
            None => None,
        };
        let asked = request.into_inner();
        let presence = request::presence(asked.presence).map_err(status)?;
        let after = request::page_token(&asked.page_token).map_err(status)?;
        let size = PageSize::asked(asked.page_size);
        let listed = self
            .engine
            .users(principal.as_ref(), asked.query, presence, after, size)
            .await;
        let (page, presences) = listed.map_err(status)?;
        let last = page.users.last().filter(|_| page.more);
        Ok(Response::new(pb::UsersResponse {
            next_page_token: last
                .map(|user| page_token(user.name.as_str()))
                .unwrap_or_default(),
            users: page
                .users
                .iter()
                .zip(presences)
                .map(|(user, presence)| response::user(user, presence))
                .collect(),
            total_size: u32::try_from(page.total).unwrap_or(u32::MAX),
        }))
    }

    async fn block_user(
        &self,
        request: Request<pb::BlockUserRequest>,
    ) -> Result<Response<pb::BlockUserResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let name = request::user_name("user_name", &request.get_ref().user_name).map_err(status)?;
        let engine = Arc::clone(&self.engine);
        let call = async move { engine.block_user(&principal, name).await };
        self.gate.known(call).await.map_err(status)?;
        Ok(Response::new(pb::BlockUserResponse {}))
    }

    async fn unblock_user(
        &self,
        request: Request<pb::UnblockUserRequest>,
    ) -> Result<Response<pb::UnblockUserResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let name = request::user_name("user_name", &request.get_ref().user_name).map_err(status)?;
        let engine = Arc::clone(&self.engine);
        let call = async move { engine.unblock_user(&principal, name).await };
        self.gate.known(call).await.map_err(status)?;
        Ok(Response::new(pb::UnblockUserResponse {}))
    }

    async fn list_blocked_users(
        &self,
        request: Request<pb::ListBlockedUsersRequest>,
    ) -> Result<Response<pb::ListBlockedUsersResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let blocked = self.engine.blocked_users(&principal).await;
        let users = blocked.map_err(status)?;
        Ok(Response::new(pb::ListBlockedUsersResponse {
            users: users.iter().map(response::user_ref).collect(),
        }))
    }

    async fn time(
        &self,
        _: Request<pb::TimeRequest>,
    ) -> Result<Response<pb::TimeResponse>, Status> {
        Ok(Response::new(pb::TimeResponse {
            time: Some(response::time(self.engine.now())),
            time_zone: chrono::Local::now().format("%:z").to_string(),
        }))
    }

    async fn get_server_info(
        &self,
        _: Request<pb::GetServerInfoRequest>,
    ) -> Result<Response<pb::GetServerInfoResponse>, Status> {
        let auth_mode = match self.engine.auth_mode() {
            AuthMode::Password => pb::AuthMode::Password,
            AuthMode::Trust => pb::AuthMode::Trust,
        };
        Ok(Response::new(pb::GetServerInfoResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.engine.epoch().to_string(),
            limits: Some(response::limits(self.engine.settings())),
            auth_mode: auth_mode.into(),
            registration_policy: pb::RegistrationPolicy::Open.into(),
        }))
    }

    async fn mark_read(
        &self,
        request: Request<pb::MarkReadRequest>,
    ) -> Result<Response<pb::MarkReadResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let marked = mark_read(&self.engine, &principal, request.get_ref()).await;
        Ok(Response::new(marked.map_err(status)?))
    }

    async fn mark_unread(
        &self,
        request: Request<pb::MarkUnreadRequest>,
    ) -> Result<Response<pb::MarkUnreadResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let id = request::conversation_id(&request.get_ref().conversation_id).map_err(status)?;
        let marked = self.engine.mark_unread(&principal, id).await;
        marked.map_err(status)?;
        Ok(Response::new(pb::MarkUnreadResponse {}))
    }

    async fn set_typing(
        &self,
        request: Request<pb::SetTypingRequest>,
    ) -> Result<Response<pb::SetTypingResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let told = set_typing(&self.engine, &principal, request.get_ref()).await;
        Ok(Response::new(told.map_err(status)?))
    }

    async fn set_presence(
        &self,
        request: Request<pb::SetPresenceRequest>,
    ) -> Result<Response<pb::SetPresenceResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let said = request::presence_said(request.get_ref().presence).map_err(status)?;
        let folded = self.engine.set_presence(&principal, said);
        Ok(Response::new(pb::SetPresenceResponse {
            presence: response::presence(folded.map_err(status)?).into(),
        }))
    }

    async fn acknowledge(
        &self,
        request: Request<pb::AcknowledgeRequest>,
    ) -> Result<Response<pb::AcknowledgeResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let noted = self
            .engine
            .acknowledge(&principal, &request.get_ref().cursor);
        noted.await.map_err(status)?;
        Ok(Response::new(pb::AcknowledgeResponse {}))
    }
}

/// How a stream was asked to begin, and what it brings.
pub(super) struct Begin<'a> {
    pub cursor: Option<&'a str>,
    pub backlog_max: Option<u64>,
    pub ephemeral: bool,
}

/// Opens a session, for all doors.
pub(super) fn open(
    engine: &Engine,
    principal: &Principal,
    caller: &Caller,
    begin: Begin<'_>,
) -> Session {
    let UserRef { id, name } = principal.user.clone();
    let user = User {
        id,
        name,
        last_seen: None,
    };
    let (from, reset) = engine.resume(principal, begin.cursor);
    let welcome = pb::Welcome {
        // The hub says how it is with the others of this user.
        user: Some(response::user(&user, Presence::Online)),
        device: Some(response::device(&principal.device)),
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: engine.epoch().to_string(),
        limits: Some(response::limits(engine.settings())),
        time: Some(response::time(engine.now())),
    };
    let opening = Opening {
        welcome,
        reset,
        from,
        backlog_max: begin.backlog_max,
        ephemeral: begin.ephemeral,
        leaving: caller.leaving.clone(),
        expires: principal.device.expires.map(|expires| {
            let left = Duration::from_millis(expires.since_ms(engine.now()));
            // A time that no clock reaches is as good as none, but must not overflow.
            let now = tokio::time::Instant::now();
            now.checked_add(left).unwrap_or(now + FAR)
        }),
    };
    engine
        .hub()
        .open(principal.user.id, principal.device.id, opening)
}

pub(super) fn send_asked(request: &pb::SendRequest) -> Result<SendAsked, Error> {
    let request::Send {
        target,
        client_id,
        text,
        reply_to,
        attachments,
    } = request::send(request)?;
    if attachments.len() > ATTACHMENTS_PER_MESSAGE_MAX {
        return Err(FileError::TooManyAttachments.into());
    }
    Ok(SendAsked {
        request: SendRequest {
            target,
            text,
            reply_to,
            attachments,
        },
        client_id,
    })
}

pub(super) async fn mark_read(
    engine: &Engine,
    principal: &Principal,
    asked: &pb::MarkReadRequest,
) -> Result<pb::MarkReadResponse, Error> {
    let id = request::conversation_id(&asked.conversation_id)?;
    let state = engine
        .mark_read(principal, id, Seq::new(asked.read_seq))
        .await?;
    Ok(pb::MarkReadResponse {
        read_seq: state.read_seq.number(),
        unread: state.unread,
    })
}

pub(super) async fn set_typing(
    engine: &Engine,
    principal: &Principal,
    asked: &pb::SetTypingRequest,
) -> Result<pb::SetTypingResponse, Error> {
    let id = request::conversation_id(&asked.conversation_id)?;
    engine.set_typing(principal, id, asked.typing).await?;
    Ok(pb::SetTypingResponse {})
}

/// Ends the connection if its stream does not end soon after it should.
pub(super) async fn end_in_time(signals: &Signals, caller: &Caller) {
    let patience = tokio::select! {
        biased;
        () = signals.void() => END_PATIENCE,
        () = signals.told_to_go() => GO_PATIENCE,
    };
    sleep(patience).await;
    caller.cut.cancel();
}
