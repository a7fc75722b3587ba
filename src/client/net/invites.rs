//! Invite links: making, listing and ending them, and joining by one.
//!
//! What makes or ends a link takes no [`Patience`]: were the answer lost, a second attempt would make a second link, or be
//! refused for what the first has done. Joining again is no harm: a member stays one, and no use is counted.

use prost::Message as _;

use crate::{
    domain::{clock::TimeMs, limits::PAGE_SIZE_MAX, secret::InviteCode},
    pb,
};

use super::{
    error::ClientError,
    history::timestamp,
    session::{Page, Patience, Session, all_pages, attempts},
};

/// Bytes of links after which a server that never ends its list is not believed any more: far more than a conversation
/// has.
const LINKS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What ends a new invite link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InviteWish {
    /// From then on nobody joins by it; `None`: never.
    pub expires: Option<TimeMs>,
    /// So many can join by it; 0: any number.
    pub uses_max: u32,
}

impl Session {
    /// Makes an invite link of a group or channel. The answer has its code, which nobody can ask for again.
    pub async fn create_invite_link(
        &self,
        conversation_id: &str,
        wish: InviteWish,
    ) -> Result<pb::CreateInviteLinkResponse, ClientError> {
        let request = pb::CreateInviteLinkRequest {
            conversation_id: conversation_id.to_owned(),
            expire_time: wish.expires.map(timestamp),
            uses_max: wish.uses_max,
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.create_invite_link(request.clone()).await
        };
        attempts(Patience::None, call).await
    }

    /// Returns the invite links of a group or channel that the caller may see, the oldest first. Without their codes.
    pub async fn invite_links(
        &self,
        conversation_id: &str,
        patience: Patience,
    ) -> Result<Vec<pb::InviteLink>, ClientError> {
        let page = |page_token: String| async move {
            let request = pb::ListInviteLinksRequest {
                conversation_id: conversation_id.to_owned(),
                page_size: u32::try_from(PAGE_SIZE_MAX).unwrap_or(0),
                page_token,
            };
            let call = async || {
                let mut conversations = self.connection().conversations();
                conversations.list_invite_links(request.clone()).await
            };
            let page = attempts(patience, call).await?;
            Ok(Page {
                bytes: page.encoded_len(),
                items: page.invite_links,
                next: page.next_page_token,
            })
        };
        all_pages(LINKS_BYTES_MAX, "end of the list of invite links", page).await
    }

    /// Makes an invite link void.
    pub async fn revoke_invite_link(
        &self,
        conversation_id: &str,
        invite_link_id: &str,
    ) -> Result<(), ClientError> {
        let request = pb::RevokeInviteLinkRequest {
            conversation_id: conversation_id.to_owned(),
            invite_link_id: invite_link_id.to_owned(),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.revoke_invite_link(request.clone()).await
        };
        attempts(Patience::None, call).await.map(|_| ())
    }

    /// Makes the caller a member of the conversation that a code leads to.
    pub async fn join_by_invite_link(
        &self,
        code: &InviteCode,
        patience: Patience,
    ) -> Result<pb::Conversation, ClientError> {
        let request = pb::JoinByInviteLinkRequest {
            code: code.expose(),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.join_by_invite_link(request.clone()).await
        };
        let answer = attempts(patience, call).await?;
        answer
            .conversation
            .ok_or(ClientError::BadAnswer("conversation"))
    }
}
