//! What of an account goes from this machine when its user logs out, and what stays.
//!
//! With the login go the caches, and all that was just being written: also what stands in the journal for want of a cache.
//! What was entered and not sent stays until the next login of that account, and that is said: it was promised to be sent.
//! That uploads were begun stays as long, since the next login cancels them. All of it only when no other login of the account
//! is remembered here. Nothing of another account is touched. The one-shot and the terminal UI both do
//! it here.

use std::path::Path;

use super::{
    cache::removal, exit::Failure, journal, net::connect::ServerAddress, state::Logins,
    transfer::records, unsent::messages,
};
use crate::domain::name::UserName;

/// What a person should know when a login is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Forgotten {
    /// In this order: what stays, and why. Empty: nothing does.
    pub told: Vec<String>,
    /// Whether something could not be removed.
    pub has_failed: bool,
}

impl Forgotten {
    /// Writes what was done, with what else is to be known; a failure if something could not be done.
    pub fn ending(self, done: String) -> Result<String, Failure> {
        let text = [vec![done], self.told].concat().join("; ");
        match self.has_failed {
            true => Err(Failure::other(text)),
            false => Ok(text),
        }
    }
}

/// Forgets a login that its user has ended, and what came by it. Blocks.
pub(super) fn logged_out(
    folder: &Path,
    (server, user): (&ServerAddress, &UserName),
    token: &str,
) -> Result<Forgotten, Failure> {
    let logins = Logins::in_folder(folder.to_owned());
    logins.forget_this(server, user, token)?;
    if logins.find(server, user)?.is_some() {
        return Ok(Forgotten::default());
    }
    let mut forgotten = Forgotten::default();
    match removal::remove(folder, server, Some(user)) {
        Ok(removed) if removed.held > 0 => forgotten.told.push(
            "another tinychat-client of this account still runs, and keeps its copy of the messages until it ends"
                .to_owned(),
        ),
        Ok(_) => {}
        Err(error) => {
            forgotten.has_failed = true;
            forgotten.told.push(format!(
                "cannot remove the messages that are kept on this machine: {error}; remove them by hand"
            ));
        }
    }
    if let Err(error) = journal::drop_texts(folder, server, user) {
        forgotten.has_failed = true;
        forgotten.told.push(format!(
            "cannot remove the texts that were begun from this machine: {error}; remove them by hand"
        ));
    }
    if let Err(error) = records::cancel_all(folder, server, user) {
        forgotten.has_failed = true;
        forgotten.told.push(format!(
            "cannot note that uploads are to be cancelled: {error}; the server forgets them after a day"
        ));
    }
    let server_name = server.as_str();
    match journal::waiting(folder, server, user) {
        Ok(0) => {}
        Ok(count) => forgotten.told.push(format!(
            "{} not sent and kept for the next login of {user} there; tinychat-client --server {server_name} forget drops \
             that, with all that is known of {server_name}",
            messages(count)
        )),
        Err(error) => {
            forgotten.has_failed = true;
            forgotten.told.push(format!(
                "cannot see whether something waits to be sent: {error}"
            ));
        }
    }
    Ok(forgotten)
}

#[cfg(test)]
#[path = "forgetting_tests.rs"]
mod tests;
