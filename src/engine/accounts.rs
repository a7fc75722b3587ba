//! Accounts and logins.

use std::sync::Arc;

use tracing::info;

use super::{Engine, Error};
use crate::{
    auth::{Principal, token},
    domain::{
        name::{DeviceName, UserName},
        page::PageSize,
        secret::{Password, Token},
        user::{Device, Presence, User},
    },
    store::{AuthMode, CreateUserError, NewDevice, UserFilter, UserPage},
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
    ) -> Result<Login, Error> {
        let password = match (self.auth_mode(), password) {
            (AuthMode::Trust, _) => return self.login(name, None, device).await,
            (AuthMode::Password, None) => return Err(Error::LoginFailed),
            (AuthMode::Password, Some(password)) => password,
        };
        // Before the hash: a name that is taken must not cost one.
        if self.store.find_account(name.clone()).await?.is_some() {
            return Err(Error::NameTaken(name));
        }
        let hash = self.passwords.hash(password).await?;
        let user = self.store.create_user(name, Some(hash), self.now()).await?;
        info!(user = %user.id, "registered");
        self.log_in(user, device).await
    }

    /// Logs in, as a new device. In trust mode a missing account is made and the password not looked at.
    pub async fn login(
        &self,
        name: UserName,
        password: Option<Password>,
        device: DeviceName,
    ) -> Result<Login, Error> {
        let account = self.store.find_account(name.clone()).await?;
        let user = match self.auth_mode() {
            AuthMode::Trust => match account {
                Some(account) => account.user,
                None => self.create_trusted(name).await?,
            },
            AuthMode::Password => {
                let Some(password) = password else {
                    return Err(Error::LoginFailed);
                };
                let stored = account
                    .as_ref()
                    .and_then(|account| account.password.clone());
                let passed = self.passwords.check(password, stored).await?;
                match account.filter(|_| passed) {
                    Some(account) => account.user,
                    None => return Err(Error::LoginFailed),
                }
            }
        };
        self.log_in(user, device).await
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

    async fn log_in(&self, user: User, name: DeviceName) -> Result<Login, Error> {
        let token = token::issue().map_err(|error| Error::Defect(error.to_string()))?;
        let device = NewDevice {
            user: user.id,
            token: token.hash(),
            name,
            created: self.now(),
        };
        let streaming = Arc::new(self.hub.streaming(user.id));
        let (device, retired) = self.store.create_device(device, streaming).await?;
        if let Some(retired) = retired {
            info!(user = %user.id, device = %retired, "retired: too many devices");
            self.tokens.forget(retired);
            self.hub.revoke(user.id, retired);
        }
        info!(user = %user.id, device = %device.id, "logged in");
        Ok(Login {
            user,
            device,
            token,
        })
    }

    /// Finds out who a token belongs to.
    pub async fn authenticate(&self, token: &Token) -> Result<Principal, Error> {
        self.tokens
            .principal(token)
            .await?
            .ok_or(Error::TokenInvalid)
    }

    /// Ends the login of the caller: the token is void and the streams end when this returns.
    pub async fn logout(&self, principal: &Principal) -> Result<(), Error> {
        let ended = self.store.end_device(principal.device.id).await?;
        self.tokens.forget(principal.device.id);
        self.hub.revoke(principal.user.id, principal.device.id);
        if ended {
            info!(user = %principal.user.id, device = %principal.device.id, "logged out");
            Ok(())
        } else {
            Err(Error::TokenInvalid)
        }
    }

    /// The account of the caller.
    pub async fn who_am_i(&self, principal: &Principal) -> Result<User, Error> {
        let account = self.store.find_account(principal.user.name.clone()).await?;
        account
            .map(|account| account.user)
            .ok_or(Error::TokenInvalid)
    }

    /// Lists accounts by name, with who is online.
    pub async fn users(
        &self,
        contains: String,
        presence: Option<Presence>,
        after: Option<UserName>,
        size: PageSize,
    ) -> Result<(UserPage, Vec<Presence>), Error> {
        let online = Arc::new(self.hub.online());
        let mut filter = UserFilter {
            contains: contains.to_ascii_lowercase(),
            ..UserFilter::default()
        };
        match presence {
            None => {}
            Some(Presence::Online) => filter.only = Some(Arc::clone(&online)),
            Some(Presence::Offline) => filter.except = Some(Arc::clone(&online)),
        }
        let page = self.store.list_users(filter, after, size).await?;
        let presence = |user: &User| match online.contains(&user.id) {
            true => Presence::Online,
            false => Presence::Offline,
        };
        let presences = page.users.iter().map(presence).collect();
        Ok((page, presences))
    }
}
