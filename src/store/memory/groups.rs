//! Groups and channels in memory: making, changing and finding them.
//!
//! Every method does all its checks before it changes anything. Who may do what is `domain::role`'s to say.

use std::{collections::BTreeSet, ops::Bound};

use super::{
    State,
    conversations::{ConversationRow, MemberRow, members_max},
};
use crate::{
    domain::{
        clock::TimeMs,
        conversation::{ConversationChange, ConversationKind, ConversationView, NewConversation},
        ids::{ConversationId, UserId},
        invalid::Invalid,
        name::{ChannelName, UserName},
        page::PageSize,
        role::Role,
        user::UserRef,
    },
    store::{ActError, ChannelPage},
};

/// The kind with another name, if that follows its rule.
fn renamed(kind: &ConversationKind, name: &str) -> Result<ConversationKind, ActError> {
    let invalid = |error: &dyn ToString| {
        Invalid::new("CONVERSATION_NAME_INVALID", "name", error.to_string()).into()
    };
    match kind {
        ConversationKind::Direct(_) => Err(ActError::Direct),
        ConversationKind::Group(_) => match name.parse() {
            Ok(name) => Ok(ConversationKind::Group(name)),
            Err(error) => Err(invalid(&error)),
        },
        ConversationKind::Channel(_) => match name.parse() {
            Ok(name) => Ok(ConversationKind::Channel(name)),
            Err(error) => Err(invalid(&error)),
        },
    }
}

impl State {
    /// A group or channel and the membership that a user has there.
    pub(super) fn group(
        &self,
        user: UserId,
        id: ConversationId,
    ) -> Result<(&ConversationRow, &MemberRow), ActError> {
        let found = self.membership(user, id)?;
        if found.0.is_direct() {
            return Err(ActError::Direct);
        }
        Ok(found)
    }

    /// The users of these names, each once, in their order.
    pub(super) fn named_once(&self, names: Vec<UserName>) -> Result<Vec<UserRef>, ActError> {
        let mut seen = BTreeSet::new();
        let mut users = Vec::new();
        for name in names {
            let Some(user) = self.users.named(&name) else {
                return Err(ActError::UserNotFound(name));
            };
            if seen.insert(user.id) {
                users.push(user);
            }
        }
        Ok(users)
    }

    /// Refuses the name of a channel that another has.
    fn check_free(
        &self,
        kind: &ConversationKind,
        own: Option<ConversationId>,
    ) -> Result<(), ActError> {
        let ConversationKind::Channel(name) = kind else {
            return Ok(());
        };
        match self.channels.get(name) {
            Some(has) if Some(*has) != own => Err(ActError::ChannelNameTaken(name.clone())),
            _ => Ok(()),
        }
    }

    pub(super) fn create_conversation(
        &mut self,
        owner: &UserRef,
        new: NewConversation,
        at: TimeMs,
    ) -> Result<ConversationView, ActError> {
        if matches!(new.kind, ConversationKind::Direct(_)) {
            return Err(ActError::Direct);
        }
        let mut others = self.named_once(new.members)?;
        others.retain(|user| user.id != owner.id);
        self.check_adding(owner.id, others.iter())?;
        let max = members_max(&new.kind);
        if others.len() >= max {
            return Err(ActError::Full(max));
        }
        self.check_free(&new.kind, None)?;

        let channel = match &new.kind {
            ConversationKind::Channel(name) => Some(name.clone()),
            _ => None,
        };
        let id = self.add_row(new.kind, new.topic, new.history);
        self.channels.extend(channel.map(|name| (name, id)));
        let joined = self.log.end;
        self.put_member(id, MemberRow::new(owner.clone(), Role::Owner, joined, at));
        for user in others {
            self.put_member(id, MemberRow::new(user, Role::Member, joined, at));
        }
        self.tell_changed(id);
        self.view(owner.id, id).ok_or(ActError::NotMember(id))
    }

    pub(super) fn update_conversation(
        &mut self,
        by: &UserRef,
        id: ConversationId,
        change: ConversationChange,
    ) -> Result<ConversationView, ActError> {
        let (row, member) = self.group(by.id, id)?;
        if !member.role.runs() {
            return Err(ActError::RoleTooLow);
        }
        let kind = match change.name {
            Some(name) => renamed(&row.kind, &name)?,
            None => row.kind.clone(),
        };
        self.check_free(&kind, Some(id))?;

        let topic = change.topic.unwrap_or_else(|| row.topic.clone());
        let history = change.history.unwrap_or(row.history);
        let differs = kind != row.kind || topic != row.topic || history != row.history;
        if differs {
            self.change_row(id, |row| {
                row.kind = kind;
                row.topic = topic;
                if row.history != history {
                    // It opens nothing that was said before.
                    (row.history, row.open_from) = (history, row.last_seq());
                }
            });
            self.tell_changed(id);
        }
        self.view(by.id, id).ok_or(ActError::NotMember(id))
    }

    /// Changes a row, and under which name it is found.
    fn change_row(&mut self, id: ConversationId, change: impl FnOnce(&mut ConversationRow)) {
        let Some(row) = self.conversations.get_mut(&id) else {
            return;
        };
        if let ConversationKind::Channel(name) = &row.kind {
            self.channels.remove(name);
        }
        change(row);
        if let ConversationKind::Channel(name) = &row.kind {
            self.channels.insert(name.clone(), id);
        }
    }

    pub(super) fn list_channels(
        &self,
        user: UserId,
        contains: &str,
        after: Option<&ChannelName>,
        size: PageSize,
    ) -> ChannelPage {
        let contains = contains.to_lowercase();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self
            .channels
            .range::<ChannelName, _>((start, Bound::Unbounded))
            .filter(|(name, _)| name.as_str().contains(&contains))
            .filter_map(|(_, id)| self.conversations.get(id));
        let page = rest.by_ref().take(size.items());
        let role = |row: &ConversationRow| row.members.get(&user).map(|member| member.role);
        ChannelPage {
            channels: page.map(|row| (row.shared(), role(row))).collect(),
            more: rest.next().is_some(),
        }
    }
}
