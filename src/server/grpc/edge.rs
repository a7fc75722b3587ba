//! The edge that every request passes before its service: who is calling, how long it may take, and what tonic itself
//! would answer. gRPC-Web is translated here, so that behind it there is only gRPC.
//!
//! A method that is not on the list of open ones needs a token: a new method is closed until it is listed. Statuses that
//! tonic makes (a message past the limit, bytes that are no message) are put into our words on the way out.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use hyper::body::Incoming;
use tonic::{Code, Status, body::Body, service::Routes};
use tonic_web::GrpcWebLayer;
use tower::{Layer, ServiceExt, service_fn};

use super::{
    closing::with_an_end,
    handing_on::keeping,
    intake::watched,
    status::{Protocol, status, unreadable},
    unread::bounded,
};
use crate::{
    auth::Principal,
    domain::secret::Token,
    engine::{Engine, Error},
    server::{caller::Caller, config::is_loopback},
    store::AuthMode,
    tasks::Tasks,
};

/// Methods that need no token.
const OPEN: [&str; 4] = [
    "/tinychat.v1.AuthService/Register",
    "/tinychat.v1.AuthService/Login",
    "/tinychat.v1.ChatService/Time",
    "/tinychat.v1.ChatService/GetServerInfo",
];
/// Services that need no token.
const OPEN_SERVICES: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];
/// Methods that answer with streams.
const STREAMS: [&str; 3] = [
    "/tinychat.v1.ChatService/Chat",
    "/tinychat.v1.ChatService/Subscribe",
    "/tinychat.v1.FileService/Download",
];
/// Methods that need no token when names need no proof.
const OPEN_WITH_TRUST: [&str; 1] = ["/tinychat.v1.ChatService/Users"];

/// The edge.
#[derive(Clone)]
pub struct Edge {
    engine: Arc<Engine>,
    routes: Routes,
    tasks: Tasks,
}

impl Edge {
    /// An edge before these services; what watches over their answers is a task of the group.
    pub const fn new(engine: Arc<Engine>, routes: Routes, tasks: Tasks) -> Self {
        Self {
            engine,
            routes,
            tasks,
        }
    }

    /// Serves one request.
    pub async fn serve(
        self,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Response<Body>, Infallible> {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(caller);
        match Dialect::of(&request) {
            Dialect::Grpc => self.call(request).await,
            Dialect::GrpcWeb
                if self.engine.auth_mode() == AuthMode::Trust && is_foreign(request.headers()) =>
            {
                Ok(Status::from(Protocol::OriginForeign).into_http())
            }
            Dialect::GrpcWeb => {
                let inner = service_fn(move |request| self.clone().call(request));
                // In a box of its own: it is as large as two calls, and most calls are none of it.
                Box::pin(GrpcWebLayer::new().layer(inner).oneshot(request)).await
            }
            Dialect::Other => Ok(not_grpc()),
        }
    }

    /// Serves one request of gRPC.
    async fn call(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let endless = is_of_open_service(&path);
        let stop = endless.then(|| self.engine.hub().draining().clone());
        let Some(caller) = parts.extensions.get::<Caller>().cloned() else {
            let defect = Error::Defect("a request without its connection".into());
            return Ok(status(defect).into_http());
        };
        let (open, intake) = (self.is_open(&path), Arc::clone(&caller.intake));
        let body = watched(&path, open, body, intake, stop.as_ref());
        let mut request = Request::from_parts(parts, body);
        match self.admit(request.uri().path(), request.headers()).await {
            Ok(Some(principal)) => drop(request.extensions_mut().insert(principal)),
            Ok(None) => {}
            Err(error) => return Ok(status(error).into_http()),
        }
        let response = match self.routes.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let response = in_our_words(response);
        Ok(match &stop {
            Some(stop) => with_an_end(&path, response, &caller, stop, &self.tasks),
            // These have ends of their own.
            None if STREAMS.contains(&path.as_str()) => keeping(response),
            None => bounded(response, &caller, &self.tasks),
        })
    }

    /// Whether a method needs no token.
    fn is_open(&self, path: &str) -> bool {
        let trusted = self.engine.auth_mode() == AuthMode::Trust && OPEN_WITH_TRUST.contains(&path);
        trusted || OPEN.contains(&path) || is_of_open_service(path)
    }

    /// Who calls; `None` where nobody needs to be known.
    async fn admit(&self, path: &str, headers: &HeaderMap) -> Result<Option<Principal>, Error> {
        let value = headers.get(header::AUTHORIZATION);
        if self.is_open(path) {
            // What is open with trust alone shows less to one who is known; a token that is none does no harm.
            let known = value.filter(|_| OPEN_WITH_TRUST.contains(&path));
            return match known.and_then(token_in) {
                None => Ok(None),
                Some(token) => match self.engine.authenticate(&token).await {
                    Err(Error::TokenInvalid | Error::TokenExpired) => Ok(None),
                    found => found.map(Some),
                },
            };
        }
        let value = value.ok_or(Error::TokenMissing)?;
        let token = token_in(value).ok_or(Error::TokenInvalid)?;
        self.engine.authenticate(&token).await.map(Some)
    }
}

/// The token in the value of the header.
fn token_in(value: &HeaderValue) -> Option<Token> {
    value.to_str().ok().and_then(bearer)
}

fn is_of_open_service(path: &str) -> bool {
    OPEN_SERVICES
        .iter()
        .any(|service| path.starts_with(service))
}

/// Whether a page of somebody else's site asks. Browsers name the site that a page is from. One that is not of this
/// machine has no business where names are on trust: it would get here by a name of its own that leads to this machine.
fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let origin = origin.to_str().ok().and_then(|it| it.parse::<Uri>().ok());
    !origin.is_some_and(|origin| origin.host().is_some_and(is_this_machine))
}

/// Whether a host of a URL is this machine, by a name or number that no one else can give out.
pub fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(is_loopback)
}

/// The token of `Bearer TOKEN`; the scheme's case does not count (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<Token> {
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().parse().ok())?
}

/// What a request is written in.
enum Dialect {
    Grpc,
    GrpcWeb,
    Other,
}

impl Dialect {
    fn of(request: &Request<Body>) -> Self {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.map_or(&b""[..], |kind| kind.as_bytes());
        if request.method() != Method::POST || !kind.starts_with(b"application/grpc") {
            Self::Other
        } else if kind.starts_with(b"application/grpc-web") {
            Self::GrpcWeb
        } else if request.version() == Version::HTTP_2 {
            Self::Grpc
        } else {
            Self::Other
        }
    }
}

/// The answer to browsers, probes and typing errors.
fn not_grpc() -> Response<Body> {
    let text = "This port speaks gRPC over HTTP/2, and gRPC-Web. Use tinychat-client, or: grpcurl -plaintext HOST:PORT list\n";
    let mut response = Response::new(Body::new(http_body_util::Full::new(text.into())));
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// Replaces a status that tonic made of a message it could not read.
fn in_our_words(response: Response<Body>) -> Response<Body> {
    let made_by_tonic = Status::from_header_map(response.headers())
        .filter(|status| status.details().is_empty() && status.code() != Code::Ok)
        .and_then(|status| unreadable(status.code(), status.message()));
    match made_by_tonic {
        Some(protocol) => Status::from(protocol).into_http(),
        None => response,
    }
}

/// A stream's inbound half met bytes that it could not read.
pub fn stream_status(status: Status) -> Status {
    let ours = unreadable(status.code(), status.message()).map(|protocol| match protocol {
        Protocol::MethodUnknown => Protocol::Malformed,
        other => other,
    });
    ours.map_or(status, Status::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::TokenKind;

    #[test]
    fn a_page_of_this_machine_is_told_from_one_of_elsewhere() {
        let of = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            is_foreign(&headers)
        };
        assert!(!is_foreign(&HeaderMap::new()));
        for own in [
            "http://localhost:7777",
            "https://127.0.0.1",
            "http://[::1]:1",
        ] {
            assert!(!of(own), "{own}");
        }
        for foreign in [
            "http://evil.example:7777",
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "null",
            "file://",
        ] {
            assert!(of(foreign), "{foreign}");
        }
    }

    #[test]
    fn only_a_bearer_token_is_taken() {
        let token = Token::new(TokenKind::Login, [3; 32]);
        let text = token.expose();
        assert_eq!(bearer(&format!("Bearer {text}")), Some(token.clone()));
        assert_eq!(bearer(&format!("bearer {text}")), Some(token));
        for bad in [
            text.clone(),
            format!("Basic {text}"),
            "Bearer".into(),
            "Bearer x".into(),
        ] {
            assert_eq!(bearer(&bad), None, "{bad}");
        }
    }
}
