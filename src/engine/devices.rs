//! The devices of an account: logins and tokens, how they end, and what a new password does to them.

use tracing::info;

use super::{Engine, Error, Login, accounts::issue};
use crate::{
    auth::Principal,
    domain::{
        address::CallerAddress,
        clock::TimeMs,
        ids::{DeviceId, UserId},
        invalid::Invalid,
        name::DeviceName,
        scope::{Scope, Scopes},
        secret::{Password, TokenKind},
        user::{DeviceKind, DeviceSeen},
    },
    store::{AuthMode, NewDevice},
};

/// A device in a list.
#[derive(Clone, Debug)]
pub struct DeviceListed {
    /// The device and when it was used.
    pub seen: DeviceSeen,
    /// How many streams it has open.
    pub streams: usize,
}

impl Engine {
    /// Ends the login of the caller: the token is void and the streams end when this returns. Any token may do that.
    pub async fn logout(&self, principal: &Principal) -> Result<(), Error> {
        let ended = self.end(principal.user.id, principal.device.id).await?;
        ended.then_some(()).ok_or(Error::TokenInvalid)
    }

    /// Lists the devices of the caller. Those that have expired are left out.
    pub async fn devices(&self, principal: &Principal) -> Result<Vec<DeviceListed>, Error> {
        principal.may(Scope::Admin)?;
        let now = self.now();
        let streams = self.hub.streams(principal.user.id);
        let devices = self.store.list_devices(principal.user.id).await?;
        Ok(devices
            .into_iter()
            .filter(|seen| !seen.device.has_expired(now))
            .map(|seen| DeviceListed {
                streams: streams.get(&seen.device.id).copied().unwrap_or(0),
                seen,
            })
            .collect())
    }

    /// Ends a device of the caller: its token is void and its streams end when this returns.
    pub async fn revoke_device(
        &self,
        principal: &Principal,
        device: DeviceId,
    ) -> Result<(), Error> {
        principal.may(Scope::Admin)?;
        let ended = self.end(principal.user.id, device).await?;
        ended.then_some(()).ok_or(Error::DeviceNotFound)
    }

    /// Makes a token for a bot or a script. It can do no more than the caller, and no longer.
    pub async fn create_token(
        &self,
        principal: &Principal,
        name: DeviceName,
        scopes: Scopes,
        expires: Option<TimeMs>,
    ) -> Result<Login, Error> {
        principal.may(Scope::Admin)?;
        for scope in scopes.iter() {
            principal.may(scope)?;
        }
        let created = self.now();
        if let Some(end) = principal.device.expires
            && expires.is_none_or(|expires| expires > end)
        {
            let mend = "the token would outlive the one that makes it; give an earlier time";
            return Err(Invalid::new("EXPIRE_TIME_INVALID", "expire_time", mend).into());
        }
        if expires.is_some_and(|expires| expires <= created) {
            let mend = "the token would have ended already; give a time to come, or none";
            return Err(Invalid::new("EXPIRE_TIME_INVALID", "expire_time", mend).into());
        }
        let (token, hash) = issue(TokenKind::Bot)?;
        let device = self
            .create_device(NewDevice {
                made_by: Some(principal.device.id),
                kind: DeviceKind::Token,
                scopes,
                expires,
                ..NewDevice::login(principal.user.id, hash, name, created)
            })
            .await?;
        info!(user = %principal.user.id, device = %device.id, "made a token");
        let user = self.who_am_i(principal).await?;
        Ok(Login {
            user,
            device,
            token,
        })
    }

    /// Sets another password and, if told to, ends all other devices. Answers how many ended.
    pub async fn change_password(
        &self,
        principal: &Principal,
        current: Option<Password>,
        new: Password,
        end_others: bool,
        from: CallerAddress,
    ) -> Result<usize, Error> {
        principal.may(Scope::Admin)?;
        if self.auth_mode() == AuthMode::Trust {
            return Err(Error::PasswordsUnused);
        }
        let (user, keep) = (principal.user.id, principal.device.id);
        let attempt = self.attempts.log_in(&principal.user.name, from)?;
        let fresh = self.passwords.hash(new).await?;
        // Twice, if the hash is made anew by a login between the look and the change.
        for _ in 0..2 {
            let Some((_, stands)) = self.prove(&principal.user.name, current.clone()).await? else {
                attempt.failed();
                return Err(Error::PasswordWrong);
            };
            let keep = end_others.then_some(keep);
            let ended = self
                .store
                .set_password(user, stands, fresh.clone(), keep)
                .await?;
            if let Some(ended) = ended {
                info!(%user, ended = ended.len(), "changed the password");
                ended.iter().for_each(|device| self.forget(user, *device));
                return Ok(ended.len());
            }
        }
        Err(Error::Busy)
    }

    async fn end(&self, user: UserId, device: DeviceId) -> Result<bool, Error> {
        let ended = self.store.end_device(user, device).await?;
        // Only then: the device of another is none of the caller's business.
        if ended {
            self.forget(user, device);
            info!(%user, %device, "logged out");
        }
        Ok(ended)
    }

    /// A device has ended: its token is asked for again, and its streams end.
    pub(super) fn forget(&self, user: UserId, device: DeviceId) {
        self.tokens.forget(device);
        self.hub.revoke(user, device);
    }
}
