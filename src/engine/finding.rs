//! Finding messages again: by their words, and those that mention the caller.

use super::{Engine, Error};
use crate::{
    auth::Principal,
    domain::{
        ids::Offset,
        message::Message,
        page::PageSize,
        scope::Scope,
        search::{Found, Hit, Search},
    },
};

impl Engine {
    /// Finds messages by their words, the newest first, before the given place.
    pub async fn search(
        &self,
        principal: &Principal,
        search: Search,
        before: Option<Offset>,
        size: PageSize,
    ) -> Result<Found<Hit>, Error> {
        principal.may(Scope::Read)?;
        let user = principal.user.id;
        Ok(self.store.search(user, search, before, size).await?)
    }

    /// Lists messages of others that mention the caller, the newest first, before the given place.
    pub async fn list_mentions(
        &self,
        principal: &Principal,
        unread_only: bool,
        before: Option<Offset>,
        size: PageSize,
    ) -> Result<Found<Message>, Error> {
        principal.may(Scope::Read)?;
        let user = principal.user.id;
        let found = self.store.list_mentions(user, unread_only, before, size);
        Ok(found.await?)
    }
}
