//! The server program: wiring, and the order of closing. Nothing else is decided here.

pub mod caller;
pub mod config;
pub mod descriptors;
pub mod doorkeeper;
mod greeting;
pub mod grpc;
pub mod listen;
mod memory;
pub mod metrics;
mod opening;
pub mod tls;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tracing::{error, info, warn};

use self::{
    config::{Config, ConfigError, StorePlace},
    doorkeeper::Doorkeeper,
    greeting::{Serving as Served, greeting},
    grpc::{Edge, halves::Pool},
    listen::Serving,
    metrics::MetricsError,
    tls::{Tls, TlsError},
};
use crate::{
    bus::{Bus, local::LocalBus},
    domain::{clock::SystemClock, commit::Commit},
    engine::Engine,
    hub::Hub,
    store::{
        OnCommit, OpenError, Store,
        blobs::{Blobs, folder::FolderBlobs, memory::MemoryBlobs},
        memory::MemoryStore,
        sqlite::{Durability, SqliteStore},
    },
    tasks::Tasks,
};

/// Connections that the system holds until they are accepted. All devices come back at once after a restart; one that finds
/// no room there tries again only after a second. The system cuts this to its own limit, usually this one.
const WAITING_CONNECTIONS_MAX: u32 = 4096;
/// How long tasks may take to end after they were told to.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// What the program is told from outside.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// Stop when what was accepted is done.
    pub gracefully: CancellationToken,
    /// Stop now.
    pub at_once: CancellationToken,
    /// Read the certificate again.
    pub reload: Arc<Notify>,
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
    /// TLS cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Nothing can be counted.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
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

/// Serves until told to stop. `ready` hears the greeting once connections are accepted.
pub async fn run(
    config: Config,
    signals: Signals,
    ready: impl FnOnce(&str),
) -> Result<(), RunError> {
    let tls = config.tls.clone().map(Tls::open).transpose()?.map(Arc::new);
    let bus = Arc::new(LocalBus::default());
    let announce: OnCommit = {
        let bus = Arc::clone(&bus);
        Arc::new(move |commit: Commit| bus.publish(commit))
    };
    let (store, blobs) = open_store(&config, announce)?;
    let mut listeners = Vec::new();
    let mut addresses = Vec::new();
    for address in &config.listen {
        let (listener, bound) = listen_on(*address)?;
        addresses.push(bound);
        listeners.push(listener);
    }

    let clock = Arc::new(SystemClock);
    let hub = Hub::new(Arc::clone(&store), clock.clone());
    let engine = Arc::new(Engine::new(
        Arc::clone(&store),
        blobs,
        Arc::clone(&hub),
        clock,
        config.settings,
    ));
    let (background, streams, connections) = (Tasks::new(), Tasks::new(), Tasks::new());
    let (listening, ended) = (
        Arc::clone(&hub).listen(bus.listen()),
        background.cancelled().clone(),
    );
    background.spawn("hub", async move {
        ended.run_until_cancelled(listening).await;
    });
    // Before anybody can begin one.
    if let Err(error) = engine.discard_strays().await {
        warn!(%error, "uploads of before cannot be looked through; the next start tries it again");
    }
    background.spawn("files", {
        let (engine, ended) = (Arc::clone(&engine), background.cancelled().clone());
        async move {
            ended.run_until_cancelled(engine.keep_files_clean()).await;
        }
    });
    background.spawn("presence", Arc::clone(&hub).tell_presence());
    let metrics = match config.metrics {
        Some(address) => Some(serve_metrics(address, &background).await?),
        None => None,
    };
    if let Some(tls) = &tls {
        keep_certificate(tls, &signals.reload, &background);
    }
    let (routes, health) = grpc::routes(&engine, &streams).await?;
    let stop_accepting = CancellationToken::new();
    let doorkeeper = Doorkeeper::new(config.settings.connections);
    background.spawn(
        "memory",
        memory::give_back(doorkeeper.clone(), background.cancelled().clone()),
    );
    let serving = Serving {
        edge: Edge::new(engine, routes, streams.clone()),
        tls: tls.clone(),
        doorkeeper,
        pool: Pool::default(),
        age: config.connection_age,
        stop: stop_accepting.clone(),
        connections: connections.clone(),
    };
    for listener in listeners {
        background.spawn("accept", listen::accept(listener, serving.clone()));
    }
    drop(serving);
    let served = Served {
        addresses: &addresses,
        tls: tls.as_deref(),
        metrics,
    };
    ready(&greeting(&config, served));

    let failure = tokio::select! {
        reason = store.failed() => Some(reason),
        () = signals.gracefully.cancelled() => None,
        () = signals.at_once.cancelled() => None,
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
        () = signals.at_once.cancelled() => false,
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

fn listen_on(address: SocketAddr) -> Result<(TcpListener, SocketAddr), RunError> {
    let bind = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // So that a restart need not wait for connections of before to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(WAITING_CONNECTIONS_MAX)
    };
    let listener = bind().map_err(|cause| RunError::Listen { address, cause })?;
    let at = listener.local_addr().unwrap_or(address);
    Ok((listener, at))
}

/// Begins to count, and serves what is counted.
async fn serve_metrics(address: SocketAddr, background: &Tasks) -> Result<SocketAddr, RunError> {
    let (listener, at) = listen_on(address)?;
    let handle = metrics::install()?;
    let ended = background.cancelled().clone();
    background.spawn(
        "metrics upkeep",
        metrics::keep_up(handle.clone(), ended.clone()),
    );
    let scrapers = background.clone();
    background.spawn("metrics", metrics::serve(listener, handle, scrapers, ended));
    Ok(at)
}

/// Reads the certificate again when it changes and when told to.
fn keep_certificate(tls: &Arc<Tls>, reload: &Arc<Notify>, background: &Tasks) {
    let ended = background.cancelled().clone();
    background.spawn("certificate", Arc::clone(tls).watch(ended.clone()));
    let (tls, reload) = (Arc::clone(tls), Arc::clone(reload));
    background.spawn("reload", async move {
        while ended.run_until_cancelled(reload.notified()).await.is_some() {
            tls.reload();
        }
    });
}

/// The store, and the place for the bytes of files beside it.
type Places = (Arc<dyn Store>, Arc<dyn Blobs>);

fn open_store(config: &Config, announce: OnCommit) -> Result<Places, OpenError> {
    Ok(match &config.store {
        StorePlace::Memory => (
            Arc::new(MemoryStore::open(config.auth, announce)),
            Arc::new(MemoryBlobs::default()),
        ),
        StorePlace::Sqlite(folder, durability) => {
            if *durability == Durability::Relaxed {
                warn!(
                    "durability relaxed: a crash of this machine may lose what was acknowledged last"
                );
            }
            // The store first: it takes the folder, so that nobody else writes there.
            let store = SqliteStore::open(folder, *durability, config.auth, announce)?;
            let blobs = FolderBlobs::open(folder).map_err(|cause| OpenError::Unusable {
                file: folder.display().to_string(),
                cause: cause.to_string(),
            })?;
            (Arc::new(store), Arc::new(blobs))
        }
    })
}
