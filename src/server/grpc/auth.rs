//! `AuthService`: accounts and logins.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};

use super::{caller, gate::Gate, principal, status::status};
use crate::{
    convert::{request, response},
    domain::{invalid::Invalid, secret::Password},
    engine::{Engine, Login},
    pb::{self, servers::auth_service_server::AuthService},
    store::AuthMode,
};

/// The service.
pub struct Auth {
    engine: Arc<Engine>,
    gate: Gate,
}

impl Auth {
    pub const fn new(engine: Arc<Engine>, gate: Gate) -> Self {
        Self { engine, gate }
    }

    /// A new password must keep the rules; in trust mode it is not looked at.
    fn new_password(&self, text: &str) -> Result<Option<Password>, Invalid> {
        match self.engine.auth_mode() {
            AuthMode::Trust => Ok(None),
            AuthMode::Password => request::password("password", text).map(Some),
        }
    }

    fn user(&self, login: &Login) -> pb::User {
        response::user(&login.user, self.engine.hub().presence(login.user.id))
    }
}

#[async_trait]
impl AuthService for Auth {
    async fn register(
        &self,
        request: Request<pb::RegisterRequest>,
    ) -> Result<Response<pb::RegisterResponse>, Status> {
        let from = caller(&request)?.address;
        let asked = request.into_inner();
        let name = request::user_name("user_name", &asked.user_name).map_err(status)?;
        let device = request::device_name(&asked.device_name).map_err(status)?;
        let password = self.new_password(&asked.password).map_err(status)?;
        let engine = Arc::clone(&self.engine);
        let call = async move { engine.register(name, password, device, from).await };
        let login = self.gate.open(from, call).await.map_err(status)?;
        Ok(Response::new(pb::RegisterResponse {
            user: Some(self.user(&login)),
            device: Some(response::device(&login.device)),
            access_token: login.token.expose(),
        }))
    }

    async fn login(
        &self,
        request: Request<pb::LoginRequest>,
    ) -> Result<Response<pb::LoginResponse>, Status> {
        let from = caller(&request)?.address;
        let asked = request.into_inner();
        let name = request::user_name("user_name", &asked.user_name).map_err(status)?;
        let device = request::device_name(&asked.device_name).map_err(status)?;
        // A password that breaks the rules is simply wrong here.
        let password = self.new_password(&asked.password).unwrap_or_default();
        let engine = Arc::clone(&self.engine);
        let call = async move { engine.login(name, password, device, from).await };
        let login = self.gate.open(from, call).await.map_err(status)?;
        Ok(Response::new(pb::LoginResponse {
            user: Some(self.user(&login)),
            device: Some(response::device(&login.device)),
            access_token: login.token.expose(),
        }))
    }

    async fn logout(
        &self,
        request: Request<pb::LogoutRequest>,
    ) -> Result<Response<pb::LogoutResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let engine = Arc::clone(&self.engine);
        let call = async move { engine.logout(&principal).await };
        self.gate.known(call).await.map_err(status)?;
        Ok(Response::new(pb::LogoutResponse {}))
    }

    async fn who_am_i(
        &self,
        request: Request<pb::WhoAmIRequest>,
    ) -> Result<Response<pb::WhoAmIResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let user = self.engine.who_am_i(&principal).await.map_err(status)?;
        Ok(Response::new(pb::WhoAmIResponse {
            user: Some(response::user(&user, self.engine.hub().presence(user.id))),
            device: Some(response::device(&principal.device)),
        }))
    }

    async fn change_password(
        &self,
        request: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<pb::ChangePasswordResponse>, Status> {
        let (principal, from) = (
            principal(&self.engine, &request)?,
            caller(&request)?.address,
        );
        let asked = request.into_inner();
        let new = request::password("new_password", &asked.new_password).map_err(status)?;
        // One that breaks the rules is simply wrong.
        let current = asked.current_password.parse().ok();
        let (engine, end_others) = (Arc::clone(&self.engine), asked.end_other_devices);
        let call = async move {
            engine
                .change_password(&principal, current, new, end_others, from)
                .await
        };
        let ended = self.gate.known(call).await.map_err(status)?;
        Ok(Response::new(pb::ChangePasswordResponse {
            ended_devices_count: u32::try_from(ended).unwrap_or(u32::MAX),
        }))
    }

    async fn list_devices(
        &self,
        request: Request<pb::ListDevicesRequest>,
    ) -> Result<Response<pb::ListDevicesResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let devices = self.engine.devices(&principal).await.map_err(status)?;
        Ok(Response::new(pb::ListDevicesResponse {
            devices: devices
                .iter()
                .map(|listed| {
                    let seen = &listed.seen;
                    response::device_listed(&seen.device, seen.seen, listed.streams)
                })
                .collect(),
            current_device_id: principal.device.id.to_string(),
        }))
    }

    async fn revoke_device(
        &self,
        request: Request<pb::RevokeDeviceRequest>,
    ) -> Result<Response<pb::RevokeDeviceResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let device = request::device_id(&request.into_inner().device_id).map_err(status)?;
        let engine = Arc::clone(&self.engine);
        let call = async move { engine.revoke_device(&principal, device).await };
        self.gate.known(call).await.map_err(status)?;
        Ok(Response::new(pb::RevokeDeviceResponse {}))
    }

    async fn create_token(
        &self,
        request: Request<pb::CreateTokenRequest>,
    ) -> Result<Response<pb::CreateTokenResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let asked = request.into_inner();
        let name = request::token_name(&asked.name).map_err(status)?;
        let scopes = request::scopes(&asked.scopes).map_err(status)?;
        let expires = request::expire_time(asked.expire_time).map_err(status)?;
        let engine = Arc::clone(&self.engine);
        let call = async move { engine.create_token(&principal, name, scopes, expires).await };
        let made = self.gate.known(call).await.map_err(status)?;
        Ok(Response::new(pb::CreateTokenResponse {
            device: Some(response::device(&made.device)),
            access_token: made.token.expose(),
        }))
    }
}
