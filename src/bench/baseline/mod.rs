//! The baselines: how fast the same schema passes over the same transport with as little behind it as can be.
//!
//! `relay` stores nothing: it acknowledges each message and gives it to the open streams of its receiver. `sqlite` is
//! the same over a bare SQLite writer with the tables, indexes and rows of the server. Both ask for no login: the token is
//! the name. They bound what they queue, but are no servers: no limits, no resume, no order of closing.

mod book;
mod conversations;
mod files;
mod kept;
mod outbox;
mod pages;
mod service;
mod table;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};
use tokio::net::TcpSocket;
use tonic::transport::{Server, server::TcpIncoming};

use self::{files::Files, kept::Kept, pages::Pages, service::Relay, table::Table};
use super::process::{Durability, SERVING_ON};
use crate::{
    pb::servers::{
        chat_service_server::ChatServiceServer,
        conversation_service_server::ConversationServiceServer,
        file_service_server::FileServiceServer,
    },
    tasks::Tasks,
};

/// Windows, as in `server::listen`.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// Connections that may wait to be accepted, as many as the system allows by default: past it the system lets the others
/// wait for a second, and a storm would measure that.
const BACKLOG: u32 = 4096;
/// How long tasks may take to end.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// What a baseline does wrong on purpose, to show that the checks see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// One message of each stream is not delivered, nor one piece of each file that goes out.
    Drop,
    /// One comes twice.
    Double,
    /// Two change places.
    Swap,
    /// No sender hears itself, though `--echo` says so.
    Mute,
    /// One message of each stream is acknowledged twice.
    ReplyTwice,
    /// A stream that resumes is told that its cursor is of no use.
    Reset,
    /// A stream that resumes gets its first message again.
    Replay,
    /// Every stream ends once it has caught up.
    HangUp,
    /// One piece of each file that goes out has other bytes.
    Garble,
}

impl Fault {
    /// Its name in flags.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Double => "double",
            Self::Swap => "swap",
            Self::Mute => "mute",
            Self::ReplyTwice => "reply-twice",
            Self::Reset => "reset",
            Self::Replay => "replay",
            Self::HangUp => "hang-up",
            Self::Garble => "garble",
        }
    }
}

/// Which baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Stores nothing.
    Relay,
    /// Stores in SQLite.
    Sqlite,
}

/// The flags of a baseline.
#[derive(Clone, Debug, Args)]
pub struct BaselineFlags {
    /// Which one
    #[arg(long, value_enum)]
    kind: Kind,
    /// Folder of the store
    #[arg(long)]
    data: PathBuf,
    /// What an acknowledgement means
    #[arg(long, value_enum, default_value = "full")]
    durability: Durability,
    /// Do something wrong
    #[arg(long = "break", value_enum)]
    fault: Option<Fault>,
    /// Also send each message to the streams of its sender
    #[arg(long)]
    echo: bool,
}

/// Serves until SIGTERM.
pub async fn serve(flags: BaselineFlags) -> io::Result<()> {
    let tasks = Tasks::new();
    let (table, pages, kept) = match flags.kind {
        Kind::Relay => (None, None, None),
        Kind::Sqlite => {
            let file = table::create(&flags.data, flags.durability)?;
            let pages = Pages::open(&file).map_err(io::Error::other)?;
            let table = Table::start(&file, flags.durability)?;
            (Some(table), Some(pages), Some(Kept::create(&flags.data)?))
        }
    };
    let relay = Relay::new(table, pages, flags.fault, flags.echo, &tasks);
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    writeln!(io::stdout(), "baseline {SERVING_ON}{address} (bare)")?;
    let ended = tasks.cancelled().clone();
    tasks.spawn("signal", async move {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        if let Ok(mut terminate) = terminate {
            terminate.recv().await;
        }
        ended.cancel();
    });
    let serving = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .add_service(ChatServiceServer::new(relay.clone()))
        .add_service(ConversationServiceServer::new(relay.clone()))
        .add_service(FileServiceServer::new(Files::new(flags.fault, kept)))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    let stopped = tasks.cancelled().clone();
    tokio::select! {
        served = serving => served.map_err(io::Error::other)?,
        () = stopped.cancelled() => {}
    }
    tasks.end(END_PATIENCE).await;
    relay.close();
    Ok(())
}
