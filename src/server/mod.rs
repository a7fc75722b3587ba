//! The server program: wiring, and the order of closing. Nothing else is decided here.

pub mod config;
pub mod grpc;
pub mod listen;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tracing::{error, info, warn};

use self::{
    config::{Config, ConfigError, StorePlace},
    grpc::Edge,
};
use crate::{
    bus::{Bus, local::LocalBus},
    domain::{clock::SystemClock, commit::Commit},
    engine::Engine,
    hub::Hub,
    store::{
        OnCommit, OpenError, Store,
        memory::MemoryStore,
        sqlite::{Durability, SqliteStore},
    },
    tasks::Tasks,
};

/// How long tasks may take to end after they were told to.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// How the program is told to stop.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Stop when what was accepted is done.
    pub gracefully: CancellationToken,
    /// Stop now.
    pub at_once: CancellationToken,
}

/// Why the server did not start or cannot go on. Each says the mend.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The flags cannot be served together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address}: {cause}; stop what listens there, or choose another with --listen"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// The descriptors of the schema cannot be served.
    #[error("reflection cannot be served: {0}; this build is broken")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// Stable storage failed.
    #[error(
        "the store failed: {0}; nothing was acknowledged since; check the disk, then start again: what \
         was acknowledged is there"
    )]
    Store(String),
}

/// Serves until told to stop. `ready` hears where, once connections are accepted.
pub async fn run(
    config: Config,
    shutdown: Shutdown,
    ready: impl FnOnce(&[SocketAddr], &Config),
) -> Result<(), RunError> {
    let bus = Arc::new(LocalBus::default());
    let announce: OnCommit = {
        let bus = Arc::clone(&bus);
        Arc::new(move |commit: Commit| bus.publish(commit))
    };
    let store = open_store(&config, announce)?;
    let mut listeners = Vec::new();
    let mut addresses = Vec::new();
    for address in &config.listen {
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|cause| RunError::Listen {
            address: *address,
            cause,
        })?;
        addresses.push(listener.local_addr().unwrap_or(*address));
        listeners.push(listener);
    }

    let clock = Arc::new(SystemClock);
    let hub = Hub::new(Arc::clone(&store), clock.clone());
    let engine = Arc::new(Engine::new(
        Arc::clone(&store),
        Arc::clone(&hub),
        clock,
        config.rate,
    ));
    let (background, streams, connections) = (Tasks::new(), Tasks::new(), Tasks::new());
    let (listening, ended) = (
        Arc::clone(&hub).listen(bus.listen()),
        background.cancelled().clone(),
    );
    background.spawn("hub", async move {
        ended.run_until_cancelled(listening).await;
    });
    let (routes, health) = grpc::routes(&engine, &streams).await?;
    let edge = Edge::new(engine, routes);
    let stop_accepting = CancellationToken::new();
    for listener in listeners {
        let accepting = listen::accept(
            listener,
            edge.clone(),
            stop_accepting.clone(),
            connections.clone(),
        );
        background.spawn("accept", accepting);
    }
    ready(&addresses, &config);

    let failure = tokio::select! {
        reason = store.failed() => Some(reason),
        () = shutdown.gracefully.cancelled() => None,
        () = shutdown.at_once.cancelled() => None,
    };
    if let Some(reason) = failure {
        // No farewell: every moment more is one in which somebody could believe this server.
        error!(%reason, "the store failed");
        return Err(RunError::Store(reason));
    }

    // The order of closing: nobody new, say so, let what was accepted end, cut the rest, flush, go.
    info!("stopping");
    grpc::set_health(&health, ServingStatus::NotServing).await;
    hub.drain();
    stop_accepting.cancel();
    let drained = async {
        let started = tokio::time::Instant::now();
        connections.finished(config.drain_timeout).await
            && streams
                .finished(config.drain_timeout.saturating_sub(started.elapsed()))
                .await
    };
    let drained = tokio::select! {
        drained = drained => drained,
        () = shutdown.at_once.cancelled() => false,
    };
    if !drained {
        warn!("some connections did not end in time and are cut");
    }
    connections.end(END_PATIENCE).await;
    streams.end(END_PATIENCE).await;
    background.end(END_PATIENCE).await;
    store.close().await;
    info!("stopped");
    Ok(())
}

fn open_store(config: &Config, announce: OnCommit) -> Result<Arc<dyn Store>, OpenError> {
    Ok(match &config.store {
        StorePlace::Memory => Arc::new(MemoryStore::open(config.auth, announce)),
        StorePlace::Sqlite(folder, durability) => {
            if *durability == Durability::Relaxed {
                warn!(
                    "durability relaxed: a crash of this machine may lose what was acknowledged last"
                );
            }
            Arc::new(SqliteStore::open(
                folder,
                *durability,
                config.auth,
                announce,
            )?)
        }
    })
}
