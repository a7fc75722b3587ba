//! `AuthService`: accounts and logins.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};

use super::{principal, status::status};
use crate::{
    convert::{request, response},
    domain::{invalid::Invalid, secret::Password},
    engine::{Engine, Login},
    pb::{self, servers::auth_service_server::AuthService},
    store::AuthMode,
};

/// The service.
pub struct Auth(pub Arc<Engine>);

impl Auth {
    /// A new password must keep the rules; in trust mode it is not looked at.
    fn new_password(&self, text: &str) -> Result<Option<Password>, Invalid> {
        match self.0.auth_mode() {
            AuthMode::Trust => Ok(None),
            AuthMode::Password => request::password(text).map(Some),
        }
    }

    fn user(&self, login: &Login) -> pb::User {
        response::user(&login.user, self.0.hub().presence(login.user.id))
    }
}

#[async_trait]
impl AuthService for Auth {
    async fn register(
        &self,
        request: Request<pb::RegisterRequest>,
    ) -> Result<Response<pb::RegisterResponse>, Status> {
        let asked = request.into_inner();
        let name = request::user_name("user_name", &asked.user_name).map_err(status)?;
        let device = request::device_name(&asked.device_name).map_err(status)?;
        let password = self.new_password(&asked.password).map_err(status)?;
        let login = self
            .0
            .register(name, password, device)
            .await
            .map_err(status)?;
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
        let asked = request.into_inner();
        let name = request::user_name("user_name", &asked.user_name).map_err(status)?;
        let device = request::device_name(&asked.device_name).map_err(status)?;
        // A password that breaks the rules is simply wrong here.
        let password = self.new_password(&asked.password).unwrap_or_default();
        let login = self.0.login(name, password, device).await.map_err(status)?;
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
        self.0.logout(&principal(&request)?).await.map_err(status)?;
        Ok(Response::new(pb::LogoutResponse {}))
    }

    async fn who_am_i(
        &self,
        request: Request<pb::WhoAmIRequest>,
    ) -> Result<Response<pb::WhoAmIResponse>, Status> {
        let principal = principal(&request)?;
        let user = self.0.who_am_i(&principal).await.map_err(status)?;
        Ok(Response::new(pb::WhoAmIResponse {
            user: Some(response::user(&user, self.0.hub().presence(user.id))),
            device: Some(response::device(&principal.device)),
        }))
    }
}
