//! What a member set for a conversation, in memory: put aside as unread, and what to be called for. The member's own
//! devices hear of each change at once, nobody else ever does.
//!
//! It does not know the time: settings that hold until some moment are told as they were set.

use super::{Log, State, conversations::MemberRow};
use crate::{
    domain::{
        conversation::{MemberSettings, NotifySettings},
        event::{EventBody, SettingsChanged},
        ids::{ConversationId, UserId},
    },
    store::ActError,
};

impl MemberRow {
    /// The event that tells what is set now.
    pub(super) const fn settings_body(&self, conversation: ConversationId) -> EventBody {
        EventBody::SettingsChanged(SettingsChanged {
            conversation,
            settings: self.settings,
        })
    }

    /// What was marked read is not put aside any more.
    pub(super) fn clear_unread(&mut self, conversation: ConversationId, log: &mut Log) {
        let settings = MemberSettings {
            marked_unread: false,
            ..self.settings
        };
        self.set(conversation, log, settings);
    }

    /// Sets something, and tells the member of it if it was not so already.
    fn set(&mut self, conversation: ConversationId, log: &mut Log, settings: MemberSettings) {
        if self.settings != settings {
            self.settings = settings;
            let body = self.settings_body(conversation);
            self.settings_offset = log.push(body, [self.user.id].into());
        }
    }
}

impl State {
    pub(super) fn mark_unread(&mut self, user: UserId, id: ConversationId) -> Result<(), ActError> {
        self.change_settings(user, id, |older| MemberSettings {
            marked_unread: true,
            ..older
        })
    }

    pub(super) fn set_notify(
        &mut self,
        user: UserId,
        id: ConversationId,
        notify: NotifySettings,
    ) -> Result<(), ActError> {
        self.change_settings(user, id, |older| MemberSettings { notify, ..older })
    }

    fn change_settings(
        &mut self,
        user: UserId,
        id: ConversationId,
        change: impl FnOnce(MemberSettings) -> MemberSettings,
    ) -> Result<(), ActError> {
        let row = self.conversations.get_mut(&id);
        let member = row.and_then(|row| row.members.get_mut(&user));
        let member = member.ok_or(ActError::NotMember(id))?;
        let settings = change(member.settings);
        member.set(id, &mut self.log, settings);
        Ok(())
    }
}
