//! The services: each method converts, calls the engine, converts back. Nothing is decided here.

mod auth;
mod chat;
mod closing;
mod conversation;
mod edge;
mod file;
mod gate;
pub mod halves;
mod handing_on;
mod inbound;
mod intake;
mod outbound;
mod pace;
mod status;
pub mod unread;

use std::sync::Arc;

pub use edge::{Edge, is_this_machine};
use gate::Gate;
use tonic::{Request, Status, service::Routes};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    auth::Principal,
    domain::limits::{FILE_REQUEST_BYTES_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX},
    engine::{Engine, Error},
    pb::{
        DESCRIPTORS,
        servers::{
            auth_service_server::AuthServiceServer, chat_service_server::ChatServiceServer,
            conversation_service_server::ConversationServiceServer,
            file_service_server::FileServiceServer,
        },
    },
    server::caller::Caller,
    tasks::Tasks,
};

/// The names that health knows, beside "" for the whole server.
const SERVICES: [&str; 4] = [
    "tinychat.v1.AuthService",
    "tinychat.v1.ChatService",
    "tinychat.v1.ConversationService",
    "tinychat.v1.FileService",
];

/// Builds all services over an engine. Streams run as tasks of the group.
pub async fn routes(
    engine: &Arc<Engine>,
    tasks: &Tasks,
) -> Result<(Routes, HealthReporter), tonic_reflection::server::Error> {
    let (health, health_service) = tonic_health::server::health_reporter();
    set_health(&health, ServingStatus::Serving).await;

    // The same descriptors in both versions of reflection; with those of the error details, or grpcurl shows bytes.
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .include_reflection_service(true)
    };

    let auth = auth::Auth::new(Arc::clone(engine), Gate::new(tasks.clone()));
    // Gates of their own: who blocks and unblocks without end keeps nobody from a login.
    let chat = chat::Chat::new(Arc::clone(engine), Gate::new(tasks.clone()), tasks.clone());
    let files = file::Files::new(Arc::clone(engine), tasks.clone());
    let conversations = conversation::Conversations(Arc::clone(engine));
    let mut routes = Routes::builder();
    routes
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(
            AuthServiceServer::new(auth)
                .max_decoding_message_size(REQUEST_BYTES_MAX)
                .max_encoding_message_size(RESPONSE_BYTES_MAX),
        )
        .add_service(
            ChatServiceServer::new(chat)
                .max_decoding_message_size(REQUEST_BYTES_MAX)
                .max_encoding_message_size(RESPONSE_BYTES_MAX),
        )
        .add_service(
            ConversationServiceServer::new(conversations)
                .max_decoding_message_size(REQUEST_BYTES_MAX)
                .max_encoding_message_size(RESPONSE_BYTES_MAX),
        )
        .add_service(
            FileServiceServer::new(files)
                .max_decoding_message_size(FILE_REQUEST_BYTES_MAX)
                .max_encoding_message_size(RESPONSE_BYTES_MAX),
        );
    Ok((routes.routes().prepare(), health))
}

/// Tells those who ask for health how the server is.
pub async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for service in SERVICES.into_iter().chain([""]) {
        health.set_service_status(service, status).await;
    }
}

/// The connection of a call. The edge has put it there.
fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| status::status(Error::Defect("a request without its connection".into())))
}

/// Who calls. The edge has put it there for every method that is not open, when the headers came; the message may have
/// come much later, so its token is asked again whether it still holds.
fn principal<T>(engine: &Engine, request: &Request<T>) -> Result<Principal, Status> {
    let principal = request.extensions().get::<Principal>().cloned();
    let principal = principal.ok_or_else(|| status::status(Error::TokenMissing))?;
    engine.still_holds(&principal).map_err(status::status)?;
    Ok(principal)
}
