//! Accounts and devices in memory. Knows nothing of the log but each device's cursor, the user's private events and
//! where memberships began and ended.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    ops::Bound,
};

use crate::{
    domain::{
        clock::TimeMs,
        conversation::Conversation,
        ids::{ConversationId, DeviceId, Offset, Seq, UserId},
        limits::{DEVICES_PER_USER_MAX, TOKENS_PER_USER_MAX},
        name::{DeviceName, UserName},
        page::PageSize,
        secret::TokenHash,
        user::{Device, DeviceKind, DeviceSeen, User, UserRef},
    },
    store::{
        Account, CreateDeviceError, CreateUserError, NewDevice, PasswordHash, UserFilter, UserPage,
    },
};

/// All accounts and devices.
#[derive(Default)]
pub(super) struct Users {
    rows: HashMap<UserId, UserRow>,
    names: BTreeMap<UserName, UserId>,
    /// Those that have not ended.
    devices: HashMap<DeviceId, DeviceRow>,
    tokens: HashMap<TokenHash, DeviceId>,
    /// How many devices were ever made: ids are not used again.
    devices_made: u64,
}

/// One account.
pub(super) struct UserRow {
    user: User,
    password: Option<PasswordHash>,
    devices: BTreeSet<DeviceId>,
    /// Where the user has a membership row.
    pub(super) conversations: BTreeSet<ConversationId>,
    /// The private events, each of which says that a conversation changed, by offset: what it was then.
    pub(super) private: BTreeMap<Offset, Conversation>,
    /// Memberships that ended, in the order of their ends.
    pub(super) former: Vec<Former>,
    /// Whom the user blocks …
    pub(super) blocks: BTreeSet<UserId>,
    /// … and where that changed last.
    pub(super) blocks_offset: Offset,
}

/// A membership that ended.
pub(super) struct Former {
    pub(super) conversation: ConversationId,
    /// The user read events after this …
    pub(super) joined: Offset,
    /// … up to this, the event of the end itself …
    pub(super) left: Offset,
    /// … and messages after this …
    pub(super) floor: Seq,
    /// … up to this.
    pub(super) last_seq: Seq,
}

struct DeviceRow {
    device: Device,
    user: UserId,
    token: TokenHash,
    /// The later of its login and its last stream.
    seen: TimeMs,
    cursor: Option<Offset>,
}

impl Users {
    pub(super) fn create(
        &mut self,
        name: UserName,
        password: Option<PasswordHash>,
        _created: TimeMs,
    ) -> Result<User, CreateUserError> {
        if self.names.contains_key(&name) {
            return Err(CreateUserError::NameTaken(name));
        }
        let user = User {
            id: UserId::new(self.rows.len() as u64 + 1),
            name,
            last_seen: None,
        };
        self.names.insert(user.name.clone(), user.id);
        let row = UserRow {
            user: user.clone(),
            password,
            devices: BTreeSet::new(),
            conversations: BTreeSet::new(),
            private: BTreeMap::new(),
            former: Vec::new(),
            blocks: BTreeSet::new(),
            blocks_offset: Offset::ZERO,
        };
        self.rows.insert(user.id, row);
        Ok(user)
    }

    pub(super) fn account(&self, name: &UserName) -> Option<Account> {
        let row = self.rows.get(self.names.get(name)?)?;
        Some(Account {
            user: row.user.clone(),
            password: row.password.clone(),
        })
    }

    pub(super) fn named(&self, name: &UserName) -> Option<UserRef> {
        let row = self.rows.get(self.names.get(name)?)?;
        Some(row.user.to_ref())
    }

    pub(super) fn user_ref(&self, user: UserId) -> Option<UserRef> {
        self.rows.get(&user).map(|row| row.user.to_ref())
    }

    /// Everybody.
    pub(super) fn ids(&self) -> impl Iterator<Item = UserId> {
        self.rows.keys().copied()
    }

    /// The highest cursor of a user's devices.
    pub(super) fn delivered_to(&self, user: UserId) -> Offset {
        let devices = self.rows.get(&user).map(|row| &row.devices);
        let cursors = devices
            .into_iter()
            .flatten()
            .filter_map(|id| self.cursor(*id));
        cursors.max().unwrap_or(Offset::ZERO)
    }

    pub(super) fn row(&self, user: UserId) -> Option<&UserRow> {
        self.rows.get(&user)
    }

    pub(super) fn row_mut(&mut self, user: UserId) -> Option<&mut UserRow> {
        self.rows.get_mut(&user)
    }

    pub(super) fn list(
        &self,
        filter: &UserFilter,
        after: Option<&UserName>,
        size: PageSize,
    ) -> UserPage {
        let matches = |name: &UserName, id: &UserId| {
            name.as_str().contains(&filter.contains)
                && filter.only.as_ref().is_none_or(|only| only.contains(id))
                && filter
                    .except
                    .as_ref()
                    .is_none_or(|except| !except.contains(id))
        };
        let all = self.names.iter().filter(|(name, id)| matches(name, id));
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self
            .names
            .range::<UserName, _>((start, Bound::Unbounded))
            .filter(|(name, id)| matches(name, id))
            .filter_map(|(_, id)| self.rows.get(id));
        let page = rest.by_ref().take(size.items());
        UserPage {
            users: page.map(|row| row.user.clone()).collect(),
            more: rest.next().is_some(),
            total: all.count() as u64,
        }
    }

    pub(super) fn create_device(
        &mut self,
        new: NewDevice,
        streaming: &HashSet<DeviceId>,
    ) -> Result<(Device, Vec<DeviceId>), CreateDeviceError> {
        let password = self
            .rows
            .get(&new.user)
            .and_then(|row| row.password.as_ref());
        if new.proof.is_some() && new.proof.as_ref() != password {
            return Err(CreateDeviceError::PasswordChanged);
        }
        let holds = |maker: &DeviceId| {
            let row = self.devices.get(maker);
            row.is_some_and(|row| row.user == new.user && !row.device.has_expired(new.created))
        };
        if !new.made_by.as_ref().is_none_or(holds) {
            return Err(CreateDeviceError::MakerEnded);
        }
        let mut ended: Vec<DeviceId> = self
            .devices(new.user)
            .into_iter()
            .filter(|seen| seen.device.has_expired(new.created))
            .map(|seen| seen.device.id)
            .collect();
        for expired in &ended {
            self.end_device(new.user, *expired);
        }
        match new.kind {
            DeviceKind::Login => {
                let retired = self.to_retire(new.user, streaming);
                if let Some(retired) = retired {
                    self.end_device(new.user, retired);
                }
                ended.extend(retired);
            }
            DeviceKind::Token => {
                if self.of_kind(new.user, DeviceKind::Token).count() >= TOKENS_PER_USER_MAX {
                    return Err(CreateDeviceError::TooManyTokens);
                }
            }
        }
        self.devices_made += 1;
        let device = Device {
            id: DeviceId::new(self.devices_made),
            name: new.name,
            created: new.created,
            kind: new.kind,
            scopes: new.scopes,
            expires: new.expires,
        };
        let row = DeviceRow {
            device: device.clone(),
            user: new.user,
            token: new.token,
            seen: new.created,
            cursor: None,
        };
        self.tokens.insert(row.token, device.id);
        self.devices.insert(device.id, row);
        if let Some(user) = self.rows.get_mut(&new.user) {
            user.devices.insert(device.id);
        }
        Ok((device, ended))
    }

    /// The devices of a user, by id.
    pub(super) fn devices(&self, user: UserId) -> Vec<DeviceSeen> {
        let rows = self.rows.get(&user).into_iter();
        rows.flat_map(|row| &row.devices)
            .filter_map(|id| self.devices.get(id))
            .map(|row| DeviceSeen {
                device: row.device.clone(),
                seen: row.seen,
            })
            .collect()
    }

    fn of_kind(&self, user: UserId, kind: DeviceKind) -> impl Iterator<Item = &DeviceRow> {
        let rows = self.rows.get(&user).into_iter();
        rows.flat_map(|row| &row.devices)
            .filter_map(|id| self.devices.get(id))
            .filter(move |row| row.device.kind == kind)
    }

    /// The login that has to go so that one more fits.
    fn to_retire(&self, user: UserId, streaming: &HashSet<DeviceId>) -> Option<DeviceId> {
        let logins = || self.of_kind(user, DeviceKind::Login);
        // Those without a stream first, then those seen longest ago.
        let first = logins().min_by_key(|row| {
            let id = row.device.id;
            (streaming.contains(&id), row.seen, id)
        });
        first
            .map(|row| row.device.id)
            .filter(|_| logins().count() >= DEVICES_PER_USER_MAX)
    }

    pub(super) fn set_password(
        &mut self,
        user: UserId,
        old: &PasswordHash,
        new: PasswordHash,
        keep: Option<DeviceId>,
    ) -> Option<Vec<DeviceId>> {
        let row = self.rows.get_mut(&user)?;
        if row.password.as_ref() != Some(old) {
            return None;
        }
        row.password = Some(new);
        let others = row.devices.iter().copied();
        let others: Vec<DeviceId> = match keep {
            None => Vec::new(),
            Some(keep) => others.filter(|device| *device != keep).collect(),
        };
        for other in &others {
            self.end_device(user, *other);
        }
        Some(others)
    }

    pub(super) fn find_device(&self, token: &TokenHash) -> Option<(User, Device)> {
        let row = self.devices.get(self.tokens.get(token)?)?;
        let user = self.rows.get(&row.user)?;
        Some((user.user.clone(), row.device.clone()))
    }

    pub(super) fn rename_device(&mut self, device: DeviceId, name: DeviceName) {
        if let Some(row) = self.devices.get_mut(&device) {
            row.device.name = name;
        }
    }

    pub(super) fn end_device(&mut self, user: UserId, device: DeviceId) -> bool {
        if self.devices.get(&device).is_none_or(|row| row.user != user) {
            return false;
        }
        let Some(row) = self.devices.remove(&device) else {
            return false;
        };
        self.tokens.remove(&row.token);
        if let Some(user) = self.rows.get_mut(&row.user) {
            user.devices.remove(&device);
        }
        true
    }

    pub(super) fn touch(&mut self, user: UserId, device: DeviceId, at: TimeMs) {
        if let Some(row) = self.devices.get_mut(&device) {
            row.seen = row.seen.max(at);
        }
        if let Some(row) = self.rows.get_mut(&user) {
            row.user.last_seen = row.user.last_seen.max(Some(at));
        }
    }

    pub(super) fn note_use(&mut self, device: DeviceId, at: TimeMs) {
        if let Some(row) = self.devices.get_mut(&device) {
            row.seen = row.seen.max(at);
        }
    }

    pub(super) fn acknowledge(&mut self, device: DeviceId, cursor: Offset) {
        if let Some(row) = self.devices.get_mut(&device) {
            row.cursor = row.cursor.max(Some(cursor));
        }
    }

    pub(super) fn cursor(&self, device: DeviceId) -> Option<Offset> {
        self.devices.get(&device)?.cursor
    }
}
