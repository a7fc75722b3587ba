//! What a member sets for a conversation, for the own devices alone.

use super::{Engine, Error};
use crate::{
    auth::Principal,
    domain::{conversation::NotifySettings, ids::ConversationId, invalid::Invalid, scope::Scope},
};

impl Engine {
    /// Puts a conversation aside as unread.
    pub async fn mark_unread(
        &self,
        principal: &Principal,
        id: ConversationId,
    ) -> Result<(), Error> {
        principal.may(Scope::Read)?;
        Ok(self.store.mark_unread(principal.user.id, id).await?)
    }

    /// Sets what the caller wants to be called for.
    pub async fn set_notify(
        &self,
        principal: &Principal,
        id: ConversationId,
        notify: NotifySettings,
    ) -> Result<(), Error> {
        principal.may(Scope::Read)?;
        if notify.until.is_some_and(|until| until <= self.now()) {
            let mend = "that time is over; give one that comes, or none";
            return Err(Invalid::new("TIME_INVALID", "notify.until_time", mend).into());
        }
        Ok(self.store.set_notify(principal.user.id, id, notify).await?)
    }
}
