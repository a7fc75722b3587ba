//! What a member sets for a conversation, in the batch: put aside as unread, and what to be called for.
//!
//! It stands in the row of the member. A change takes an offset and no row of the log, and the member's own devices hear
//! of it, nobody else. When settings end is the business of whoever reads them.

use std::sync::Arc;

use super::{
    batch::Batch,
    rooms::{Acted, granted},
};
use crate::{
    domain::{
        conversation::{MemberSettings, NotifySettings},
        event::{EventBody, SettingsChanged},
        ids::{ConversationId, UserId},
    },
    store::ActError,
};

impl Batch<'_> {
    /// Puts a conversation aside as unread.
    pub fn mark_unread(&mut self, user: UserId, id: ConversationId) -> Acted<()> {
        self.change_settings(user, id, |settings| settings.marked_unread = true)
    }

    /// Sets what to be called for.
    pub fn set_notify(
        &mut self,
        user: UserId,
        id: ConversationId,
        notify: NotifySettings,
    ) -> Acted<()> {
        self.change_settings(user, id, |settings| settings.notify = notify)
    }

    /// What was marked read is put aside no more.
    pub(super) fn clear_marked_unread(
        &mut self,
        user: UserId,
        id: ConversationId,
    ) -> rusqlite::Result<()> {
        self.change_settings(user, id, |settings| settings.marked_unread = false)
            .map(drop)
    }

    fn change_settings(
        &mut self,
        user: UserId,
        id: ConversationId,
        change: impl FnOnce(&mut MemberSettings),
    ) -> Acted<()> {
        let (known, _) = granted!(self.as_member(user, id)?);
        let Some(member) = known.find(user) else {
            return Ok(Err(ActError::NotMember(id)));
        };
        let mut settings = member.settings;
        change(&mut settings);
        if settings == member.settings {
            return Ok(Ok(()));
        }
        let offset = self.next_offset();
        if let Some(member) = self.change(id).and_then(|known| known.member(user)) {
            member.settings = settings;
            member.settings_offset = offset;
            member.dirty = true;
        }
        let changed = SettingsChanged {
            conversation: id,
            settings,
        };
        self.announce(
            offset,
            EventBody::SettingsChanged(changed),
            Arc::new([user]),
        );
        Ok(Ok(()))
    }
}
