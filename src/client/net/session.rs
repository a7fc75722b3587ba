//! Calls to one server, with or without a login: everything but the live stream.
//!
//! A call that changes nothing, or that can be repeated without harm, takes a [`Patience`] and is
//! repeated for that long over broken connections; a rate is waited out for up to ten minutes.

use std::{future::Future, time::Duration};

use prost::Message as _;
use tokio::time::{sleep, timeout};

use crate::{
    domain::{ids::ClientMessageId, limits::PAGE_SIZE_MAX, name::UserName},
    pb,
};

use super::{
    connect::{Connection, ServerAddress},
    error::ClientError,
    outbox::{Outgoing, Target},
    retries::Retries,
    tls::Security,
};

/// Bytes of users after which a server that never ends its list is not believed any more: some million users.
const USERS_BYTES_MAX: usize = 128 * 1024 * 1024;

/// A server and, perhaps, a login there. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Session {
    connection: Connection,
}

/// A new login.
#[derive(Clone)]
pub struct Login {
    /// Who is logged in.
    pub user: pb::User,
    /// The device of this login.
    pub device: pb::Device,
    /// The secret of the device. Whoever has it is the device.
    pub access_token: String,
    /// The session of the login.
    pub session: Session,
}

/// How long a call is repeated while the server cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not at all.
    None,
    /// So long.
    For(Duration),
    /// Until it succeeds.
    Endless,
}

impl Session {
    /// Makes a session without a login. The first call connects.
    pub fn open(server: &ServerAddress, security: &Security) -> Result<Self, ClientError> {
        let connection = Connection::open(server, security)?;
        Ok(Self { connection })
    }

    /// Returns a session with the login that the token belongs to.
    pub fn with_token(&self, token: &str) -> Result<Self, ClientError> {
        let connection = self.connection.with_token(token);
        Ok(Self {
            connection: connection.map_err(|_| ClientError::TokenText)?,
        })
    }

    /// Returns the connection, for calls that have no method here.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Makes an account and logs in.
    pub async fn register(
        &self,
        name: &UserName,
        password: &str,
        device_name: &str,
    ) -> Result<Login, ClientError> {
        let request = pb::RegisterRequest {
            user_name: name.to_string(),
            password: password.to_owned(),
            device_name: device_name.to_owned(),
        };
        let call = async || self.connection.auth().register(request.clone()).await;
        // Not repeated over a broken connection: a second attempt would find the name taken.
        let answer = attempts(Patience::None, call).await?;
        self.login_of(answer.user, answer.device, answer.access_token)
    }

    /// Logs in, as a new device.
    pub async fn login(
        &self,
        name: &UserName,
        password: &str,
        device_name: &str,
    ) -> Result<Login, ClientError> {
        let request = pb::LoginRequest {
            user_name: name.to_string(),
            password: password.to_owned(),
            device_name: device_name.to_owned(),
        };
        let call = async || self.connection.auth().login(request.clone()).await;
        let answer = attempts(Patience::None, call).await?;
        self.login_of(answer.user, answer.device, answer.access_token)
    }

    /// Ends the login of this session.
    pub async fn logout(&self) -> Result<(), ClientError> {
        let call = async || self.connection.auth().logout(pb::LogoutRequest {}).await;
        attempts(Patience::None, call).await.map(|_| ())
    }

    /// Returns the user and the device of this session.
    pub async fn who_am_i(&self, patience: Patience) -> Result<pb::WhoAmIResponse, ClientError> {
        let call = async || self.connection.auth().who_am_i(pb::WhoAmIRequest {}).await;
        attempts(patience, call).await
    }

    /// Returns what the server is and how to log in.
    pub async fn server_info(
        &self,
        patience: Patience,
    ) -> Result<pb::GetServerInfoResponse, ClientError> {
        let call = async || {
            let mut chat = self.connection.chat();
            chat.get_server_info(pb::GetServerInfoRequest {}).await
        };
        attempts(patience, call).await
    }

    /// Returns the server's time.
    pub async fn time(&self, patience: Patience) -> Result<pb::TimeResponse, ClientError> {
        let call = async || self.connection.chat().time(pb::TimeRequest {}).await;
        attempts(patience, call).await
    }

    /// Returns everybody who ever registered, sorted by name.
    pub async fn users(&self, patience: Patience) -> Result<Vec<pb::User>, ClientError> {
        let page = |page_token: String| async move {
            let request = pb::UsersRequest {
                page_size: u32::try_from(PAGE_SIZE_MAX).unwrap_or(0),
                page_token,
                ..pb::UsersRequest::default()
            };
            let call = async || self.connection.chat().users(request.clone()).await;
            let page = attempts(patience, call).await?;
            Ok(Page {
                bytes: page.encoded_len(),
                items: page.users,
                next: page.next_page_token,
            })
        };
        all_pages(USERS_BYTES_MAX, "end of the list of users", page).await
    }

    /// Gets the DIRECT conversation with a user, making it if need be.
    pub async fn start_conversation(
        &self,
        name: &UserName,
        patience: Patience,
    ) -> Result<pb::Conversation, ClientError> {
        let request = pb::StartConversationRequest {
            user_name: name.to_string(),
        };
        let call = async || {
            let mut conversations = self.connection.conversations();
            conversations.start_conversation(request.clone()).await
        };
        let answer = attempts(patience, call).await?;
        answer
            .conversation
            .ok_or(ClientError::BadAnswer("conversation"))
    }

    /// Sends one message and returns when it is on the server's stable storage. Every attempt
    /// carries the same id, so it is one message however often the answer is lost.
    pub async fn send(
        &self,
        target: Target,
        text: &str,
        patience: Patience,
    ) -> Result<pb::SendResponse, ClientError> {
        let id = ClientMessageId::mint();
        let text = text.to_owned();
        let message = Outgoing {
            id,
            target,
            text,
            attachments: Vec::new(),
            store: None,
        };
        self.send_again(&message, patience).await
    }

    /// The same with an id of one's own: a program that keeps its messages, with their ids, until they are answered
    /// can send them again after it was itself ended, and each is still one message.
    pub async fn send_again(
        &self,
        message: &Outgoing,
        patience: Patience,
    ) -> Result<pb::SendResponse, ClientError> {
        let request = message.request();
        let call = async || self.connection.chat().send(request.clone()).await;
        attempts(patience, call).await
    }

    /// Marks a conversation read up to a message.
    pub async fn mark_read(
        &self,
        conversation_id: &str,
        read_seq: u64,
    ) -> Result<pb::MarkReadResponse, ClientError> {
        let conversation_id = conversation_id.to_owned();
        let request = pb::MarkReadRequest {
            conversation_id,
            read_seq,
        };
        let call = async || self.connection.chat().mark_read(request.clone()).await;
        attempts(Patience::None, call).await
    }

    /// Tells the server how far this device has taken in its events.
    pub async fn acknowledge(&self, cursor: &str) -> Result<(), ClientError> {
        let request = pb::AcknowledgeRequest {
            cursor: cursor.to_owned(),
        };
        let call = async || self.connection.chat().acknowledge(request.clone()).await;
        attempts(Patience::None, call).await.map(|_| ())
    }

    fn login_of(
        &self,
        user: Option<pb::User>,
        device: Option<pb::Device>,
        access_token: String,
    ) -> Result<Login, ClientError> {
        let session = self.with_token(&access_token)?;
        let user = user.ok_or(ClientError::BadAnswer("user"))?;
        let device = device.ok_or(ClientError::BadAnswer("device"))?;
        Ok(Login {
            user,
            device,
            access_token,
            session,
        })
    }
}

/// A page of a list, as the protocol gives it.
pub(super) struct Page<T> {
    /// What it holds.
    pub items: Vec<T>,
    /// Gets the next page; empty when this is the last.
    pub next: String,
    /// How large it was.
    pub bytes: usize,
}

/// Collects a list page by page. A server that never ends it, or goes on past so many bytes, is not believed. Items count
/// with what they take in memory: on the wire the smallest has two bytes.
pub(super) async fn all_pages<T, F>(
    bytes_max: usize,
    what: &'static str,
    mut page: impl FnMut(String) -> F,
) -> Result<Vec<T>, ClientError>
where
    F: Future<Output = Result<Page<T>, ClientError>>,
{
    let mut found = Vec::new();
    let mut token = String::new();
    let mut bytes = 0;
    loop {
        let page = page(token.clone()).await?;
        bytes += page.bytes.max(page.items.len() * size_of::<T>());
        let stands_still = page.items.is_empty() || page.next == token;
        found.extend(page.items);
        if page.next.is_empty() {
            return Ok(found);
        }
        if stands_still || bytes > bytes_max {
            return Err(ClientError::BadAnswer(what));
        }
        token = page.next;
    }
}

/// Makes a call until it is answered for good.
pub(super) async fn attempts<T, F>(
    patience: Patience,
    mut call: impl FnMut() -> F,
) -> Result<T, ClientError>
where
    F: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
{
    let mut retries = Retries::new(patience);
    loop {
        let answer = match timeout(retries.attempt_max(), call()).await {
            Ok(answer) => answer.map_err(ClientError::from),
            Err(_) => Err(ClientError::Unreachable {
                cause: "no answer in time".into(),
            }),
        };
        let error = match answer {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(error) => error,
        };
        match retries.wait_after(&error) {
            Some(wait) => sleep(wait).await,
            None => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_list_of_nothings_does_not_go_on_for_ever() {
        let mut pages = 0;
        let page = |_| {
            pages += 1;
            let page = Page {
                items: vec![pb::Conversation::default(); 1_000],
                next: pages.to_string(),
                bytes: 2_000,
            };
            async { Ok(page) }
        };
        let all = all_pages(1024 * 1024, "end", page).await;
        assert_eq!(all.map(|all| all.len()), Err(ClientError::BadAnswer("end")));
        assert!(pages < 20, "{pages}");
    }
}
