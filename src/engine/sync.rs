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

    /// Notes how far the caller's device has stored what it got.
    pub fn acknowledge(&self, principal: &Principal, cursor: &str) -> Result<(), Error> {
        principal.may(Scope::Read)?;
        let cursor = Cursor::read(cursor, self.store.epoch(), self.store.end())?;
        Ok(self.store.acknowledge(principal.device.id, cursor.offset)?)
    }
}
