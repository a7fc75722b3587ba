//! A login that lives through faults: it finds the server again, and asks until it is answered.

use std::{sync::Arc, time::Duration};

use tinychat::client::net::{
    connect::{Connection, ServerAddress},
    tls::Security,
};
use tokio::{sync::watch, time::timeout};
use tonic::{Code, Status};

use super::Shared;
use crate::support::{Account, Server, reason};

/// After this long without an answer a client takes its connection for dead.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// Between two attempts, unless the server is known to be back earlier.
const BACK_OFF: Duration = Duration::from_millis(20);
/// After so many answers that its login is not known a client logs in anew.
const UNKNOWN_MAX: u32 = 5;

/// A user of the load.
#[derive(Debug)]
pub(super) struct Login {
    pub name: String,
    pub oddities: Vec<String>,
    server: watch::Receiver<ServerAddress>,
    account: Option<(ServerAddress, Account)>,
    /// How often in a row the login was not known.
    unknown: u32,
}

/// An answer, and how often it was asked for.
pub(super) struct Answered<T> {
    pub answer: Result<T, Status>,
    pub attempts: u32,
}

impl Login {
    pub(super) fn new(name: String, shared: &Arc<Shared>) -> Self {
        Self {
            name,
            oddities: Vec::new(),
            server: shared.server.subscribe(),
            account: None,
            unknown: 0,
        }
    }

    /// Waits until it has logged in.
    pub(super) async fn arrive(&mut self) {
        while self.account().await.is_none() {
            self.back_off().await;
        }
    }

    /// The login, over a connection to where the server is now. `None`: not now.
    pub(super) async fn account(&mut self) -> Option<Account> {
        let server = self.server.borrow_and_update().clone();
        match &self.account {
            Some((address, account)) if *address == server => return Some(account.clone()),
            _ => {}
        }
        let connection = Connection::open(&server, &Security::Plaintext).unwrap();
        let account = match &self.account {
            Some((_, account)) => account.over(&connection),
            None => {
                let login = Account::try_login(&connection, &self.name);
                match timeout(ANSWER, login).await {
                    Ok(Ok(account)) => account,
                    Ok(Err(status)) => {
                        self.failed(&status);
                        return None;
                    }
                    Err(_) => return None,
                }
            }
        };
        self.account = Some((server, account.clone()));
        Some(account)
    }

    /// The login at the end, when there is a server without faults.
    pub(super) async fn on(self, server: &Server) -> Account {
        match self.account {
            Some((_, account)) => account.on(server),
            None => Account::login(server, &self.name).await,
        }
    }

    /// Asks until there is an answer that says yes or no.
    pub(super) async fn ask<T, F>(&mut self, mut call: impl FnMut(Account) -> F) -> Answered<T>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let mut attempts = 0;
        loop {
            if let Some(account) = self.account().await {
                attempts += 1;
                match timeout(ANSWER, call(account)).await {
                    Ok(Ok(answer)) => {
                        let answer = Ok(answer.into_inner());
                        return Answered { answer, attempts };
                    }
                    Ok(Err(status)) if refuses(status.code()) => {
                        let answer = Err(status);
                        return Answered { answer, attempts };
                    }
                    Ok(Err(status)) => self.failed(&status),
                    Err(_) => self.lost(),
                }
            }
            self.back_off().await;
        }
    }

    /// Its connection is of no use any more.
    pub(super) fn lost(&mut self) {
        self.account = None;
    }

    /// Notes an answer that must not be.
    pub(super) fn odd(&mut self, what: &str, status: &Status) {
        let (name, why) = (&self.name, reason(status));
        self.oddities
            .push(format!("{name}: {what}: {status:?} {why}"));
    }

    /// A call failed. With a server that was killed this is no news; an answer that refuses is.
    pub(super) fn failed(&mut self, status: &Status) {
        let expected = match status.code() {
            Code::Unavailable | Code::Cancelled => true,
            // What the transport makes of a cut connection.
            Code::Unknown | Code::Internal => reason(status).is_empty(),
            _ => false,
        };
        if !expected {
            self.odd("a call", status);
        }
        if status.code() == Code::Unauthenticated {
            self.unknown += 1;
            if self.unknown == UNKNOWN_MAX {
                (self.account, self.unknown) = (None, 0);
            }
        }
    }

    pub(super) async fn back_off(&mut self) {
        // Ends early when the server has come back elsewhere.
        timeout(BACK_OFF, self.server.changed()).await.ok();
    }
}

/// Whether asking again would be answered the same.
pub(super) const fn refuses(code: Code) -> bool {
    matches!(
        code,
        Code::NotFound
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::InvalidArgument
            | Code::AlreadyExists
    )
}
