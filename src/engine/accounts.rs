//! Accounts, and how one comes to a login.

use std::{collections::HashSet, sync::Arc};

use tracing::info;

use super::{Engine, Error};
use crate::{
    auth::{Principal, password::is_outdated, token},
    domain::{
        address::CallerAddress,
        name::{DeviceName, UserName},
        page::PageSize,
        scope::Scope,
        secret::{Password, Token, TokenHash, TokenKind},
        user::{Device, Presence, User},
    },
    store::{
        AuthMode, CreateDeviceError, CreateUserError, NewDevice, PasswordHash, StoreError,
        UserFilter, UserPage,
    },
    telemetry,
};

/// A fresh login.
#[derive(Clone, Debug)]
pub struct Login {
    /// The account.
    pub user: User,
    /// The device of this login.
    pub device: Device,
    /// Its secret.
    pub token: Token,
}

impl Engine {
    /// Makes an account and logs in. In trust mode the password is not looked at, and a name that exists is logged in.
    pub async fn register(
        &self,
        name: UserName,
        password: Option<Password>,
        device: DeviceName,
        from: CallerAddress,
    ) -> Result<Login, Error> {
        let password = match (self.auth_mode(), password) {
            (AuthMode::Trust, _) => return self.login(name, None, device, from).await,
            (AuthMode::Password, None) => return Err(Error::LoginFailed),
            (AuthMode::Password, Some(password)) => password,
        };
        self.attempts.register(from)?;
        // Before the hash: a name that is taken must not cost one.
        if self.store.find_account(name.clone()).await?.is_some() {
            return Err(Error::NameTaken(name));
        }
        let hash = self.passwords.hash(password).await?;
        let user = self.store.create_user(name, Some(hash), self.now()).await?;
        info!(user = %user.id, "registered");
        Ok(self.log_in(user, device, None).await?)
    }

    /// Logs in, as a new device. In trust mode a missing account is made and the password not looked at.
    pub async fn login(
        &self,
        name: UserName,
        password: Option<Password>,
        device: DeviceName,
        from: CallerAddress,
    ) -> Result<Login, Error> {
        if self.auth_mode() == AuthMode::Trust {
            let account = self.store.find_account(name.clone()).await?;
            let user = match account {
                Some(account) => account.user,
                None => {
                    self.attempts.register(from)?;
                    self.create_trusted(name).await?
                }
            };
            return Ok(self.log_in(user, device, None).await?);
        }
        let attempt = self.attempts.log_in(&name, from)?;
        // Twice, if the password is changed, or its hash made anew, between the look and the login.
        for _ in 0..2 {
            let Some((user, proof)) = self.prove(&name, password.clone()).await? else {
                attempt.failed();
                telemetry::login("failed");
                return Err(Error::LoginFailed);
            };
            match self.log_in(user, device.clone(), Some(proof)).await {
                Err(CreateDeviceError::PasswordChanged) => {}
                answer => return Ok(answer?),
            }
        }
        Err(Error::Busy)
    }

    /// Proves a password; `None` if it is wrong or nobody has the name. Costs the same either way.
    pub(super) async fn prove(
        &self,
        name: &UserName,
        password: Option<Password>,
    ) -> Result<Option<(User, PasswordHash)>, Error> {
        let account = self.store.find_account(name.clone()).await?;
        let Some(password) = password else {
            return Ok(None);
        };
        let stored = account
            .as_ref()
            .and_then(|account| account.password.clone());
        let passed = self
            .passwords
            .check(password.clone(), stored.clone())
            .await?;
        let (Some(account), Some(stored), true) = (account, stored, passed) else {
            return Ok(None);
        };
        if !is_outdated(&stored) {
            return Ok(Some((account.user, stored)));
        }
        // The parameters have risen since: now is the only moment at which the password is known.
        let fresh = self.passwords.hash(password).await?;
        let set = self
            .store
            .set_password(account.user.id, stored.clone(), fresh.clone(), None)
            .await?;
        info!(user = %account.user.id, "password hash renewed");
        let proof = if set.is_some() { fresh } else { stored };
        Ok(Some((account.user, proof)))
    }

    async fn create_trusted(&self, name: UserName) -> Result<User, Error> {
        match self.store.create_user(name.clone(), None, self.now()).await {
            Ok(user) => {
                info!(user = %user.id, "registered");
                Ok(user)
            }
            // Two logins of a new name at once: the other one made it.
            Err(CreateUserError::NameTaken(_)) => {
                let account = self.store.find_account(name.clone()).await?;
                account
                    .map(|account| account.user)
                    .ok_or(Error::NameTaken(name))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn log_in(
        &self,
        user: User,
        name: DeviceName,
        proof: Option<PasswordHash>,
    ) -> Result<Login, CreateDeviceError> {
        let (token, hash) = issue(TokenKind::Login)?;
        let device = NewDevice {
            proof,
            ..NewDevice::login(user.id, hash, name, self.now())
        };
        let device = self.create_device(device).await?;
        info!(user = %user.id, device = %device.id, "logged in");
        telemetry::login("succeeded");
        Ok(Login {
            user,
            device,
            token,
        })
    }

    /// Stores a device; those that had to end for it lose their streams.
    pub(super) async fn create_device(&self, new: NewDevice) -> Result<Device, CreateDeviceError> {
        let user = new.user;
        let streaming = Arc::new(self.hub.streaming(user));
        let (device, ended) = self.store.create_device(new, streaming).await?;
        for ended in ended {
            info!(user = %user, device = %ended, "ended: expired, or one too many");
            self.forget(user, ended);
        }
        Ok(device)
    }

    /// Finds out who a token belongs to.
    pub async fn authenticate(&self, token: &Token) -> Result<Principal, Error> {
        let now = self.now();
        let principal = self.tokens.principal(token, now).await?;
        let principal = principal.ok_or(Error::TokenInvalid)?;
        if principal.device.has_expired(now) {
            return Err(Error::TokenExpired);
        }
        Ok(principal)
    }

    /// Whether the token of a call that was admitted a short while ago still holds.
    pub fn still_holds(&self, principal: &Principal) -> Result<(), Error> {
        if self.hub.has_ended(principal.device.id) {
            Err(Error::TokenInvalid)
        } else if principal.device.has_expired(self.now()) {
            Err(Error::TokenExpired)
        } else {
            Ok(())
        }
    }

    /// The account of the caller.
    pub async fn who_am_i(&self, principal: &Principal) -> Result<User, Error> {
        let account = self.store.find_account(principal.user.name.clone()).await?;
        account
            .map(|account| account.user)
            .ok_or(Error::TokenInvalid)
    }

    /// Lists accounts by name, with how each can be reached. In trust mode anybody may ask. A caller who is known does not
    /// see that of those with whom there is a block.
    pub async fn users(
        &self,
        principal: Option<&Principal>,
        contains: String,
        presence: Option<Presence>,
        after: Option<UserName>,
        size: PageSize,
    ) -> Result<(UserPage, Vec<Presence>), Error> {
        let mut apart = HashSet::new();
        if let Some(principal) = principal {
            if self.auth_mode() == AuthMode::Password {
                principal.may(Scope::Read)?;
            }
            apart = self.store.apart(principal.user.id).await?;
        }
        let mut presences = self.hub.presences();
        presences.retain(|user, _| !apart.contains(user));
        let mut filter = UserFilter {
            contains: contains.to_ascii_lowercase(),
            ..UserFilter::default()
        };
        match presence {
            None => {}
            Some(Presence::Offline) => {
                filter.except = Some(Arc::new(presences.keys().copied().collect()))
            }
            Some(asked) => {
                let those = presences.iter().filter(|(_, presence)| **presence == asked);
                filter.only = Some(Arc::new(those.map(|(user, _)| *user).collect()));
            }
        }
        let mut page = self.store.list_users(filter, after, size).await?;
        let hidden = page.users.iter_mut();
        for user in hidden.filter(|user| apart.contains(&user.id)) {
            user.last_seen = None;
        }
        let presence = |user: &User| presences.get(&user.id).copied();
        let presences = page.users.iter().map(presence);
        let presences = presences
            .map(|it| it.unwrap_or(Presence::Offline))
            .collect();
        Ok((page, presences))
    }
}

/// Makes a secret and what the store keeps of it.
pub(super) fn issue(kind: TokenKind) -> Result<(Token, TokenHash), StoreError> {
    let token = token::issue(kind)
        .map_err(|error| StoreError::Broken(format!("no randomness: {error}")))?;
    let hash = token.hash();
    Ok((token, hash))
}
