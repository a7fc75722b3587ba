//! Streams: where they resume, and how far a device has stored what it got.

use super::{Engine, Error};
use crate::{
    auth::Principal,
    domain::{cursor::Cursor, cursor::CursorError, name::DeviceName, scope::Scope},
    store::ReplayFrom,
};

impl Engine {
    /// Finds out where a stream resumes. A cursor that is of no use means: as a device that never acknowledged.
    pub fn resume(
        &self,
        principal: &Principal,
        cursor: Option<&str>,
    ) -> (ReplayFrom, Option<CursorError>) {
        match cursor {
            None => (ReplayFrom::Acknowledged(principal.device.id), None),
            Some(text) => match Cursor::read(text, self.store.epoch(), self.store.end()) {
                Ok(cursor) => (ReplayFrom::After(cursor.offset), None),
                Err(error) => (ReplayFrom::Unread, Some(error)),
            },
        }
    }

    /// Renames the caller's device.
    pub async fn rename_device(
        &self,
        principal: &Principal,
        name: DeviceName,
    ) -> Result<(), Error> {
        if principal.device.name != name {
            // A bot does not get to choose what its owner sees in the list of devices.
            principal.may(Scope::Admin)?;
            self.store.rename_device(principal.device.id, name).await?;
            self.tokens.forget(principal.device.id);
        }
        Ok(())
    }

    /// Notes how far the caller's device has stored what it got, and that others be told of it. It waits only for the first
    /// of a user, since it is not known up to where others were told; of two the higher one counts, whichever ends first.
    pub async fn acknowledge(&self, principal: &Principal, cursor: &str) -> Result<(), Error> {
        principal.may(Scope::Read)?;
        let cursor = Cursor::read(cursor, self.store.epoch(), self.store.end())?;
        let user = principal.user.id;
        // Before the store knows more.
        let told = self.hub.delivered_to(user).await;
        self.store.acknowledge(principal.device.id, cursor.offset)?;
        if let Some(told) = told {
            self.hub.note_delivered(user, told, cursor.offset);
        }
        Ok(())
    }
}
