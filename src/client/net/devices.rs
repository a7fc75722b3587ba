//! The devices of an account: its logins, and the tokens that were made for bots and scripts; and its password.

use std::time::{Duration, SystemTime};

use crate::{client::app::password::NewPassword, pb};

use super::{
    error::ClientError,
    session::{Patience, Session, attempts},
};

/// What a new token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenWish {
    /// Its name, for people: 1 to 64 characters.
    pub name: String,
    /// What it may do: at least one, and none that the caller lacks.
    pub scopes: Vec<pb::Scope>,
    /// When it ends, counted from now; `None`: never.
    pub lives: Option<Duration>,
}

impl Session {
    /// Returns the devices, oldest first, and which of them this is.
    pub async fn devices(
        &self,
        patience: Patience,
    ) -> Result<pb::ListDevicesResponse, ClientError> {
        let call = async || {
            let mut auth = self.connection().auth();
            auth.list_devices(pb::ListDevicesRequest {}).await
        };
        attempts(patience, call).await
    }

    /// Ends a device: its token is void at once.
    pub async fn revoke_device(&self, device_id: &str) -> Result<(), ClientError> {
        let request = pb::RevokeDeviceRequest {
            device_id: device_id.to_owned(),
        };
        let call = async || {
            self.connection()
                .auth()
                .revoke_device(request.clone())
                .await
        };
        attempts(Patience::None, call).await.map(|_| ())
    }

    /// Sets another password; returns how many other devices were ended. Not repeated when the answer is lost: a second attempt
    /// could find the first one done.
    pub async fn change_password(&self, wish: &NewPassword) -> Result<u32, ClientError> {
        let request = pb::ChangePasswordRequest {
            current_password: wish.current.expose().to_owned(),
            new_password: wish.new.expose().to_owned(),
            end_other_devices: wish.ends_others,
        };
        let call = async || {
            self.connection()
                .auth()
                .change_password(request.clone())
                .await
        };
        let answer = attempts(Patience::None, call).await?;
        Ok(answer.ended_devices_count)
    }

    /// Makes a token. Not repeated when the answer is lost: a second attempt would make a second one.
    pub async fn create_token(
        &self,
        wish: &TokenWish,
    ) -> Result<pb::CreateTokenResponse, ClientError> {
        let request = pb::CreateTokenRequest {
            name: wish.name.clone(),
            scopes: wish.scopes.iter().map(|scope| (*scope).into()).collect(),
            expire_time: wish
                .lives
                .and_then(|lives| SystemTime::now().checked_add(lives))
                .map(Into::into),
        };
        let call = async || self.connection().auth().create_token(request.clone()).await;
        attempts(Patience::None, call).await
    }
}
