//! Sending: the rate, then the store, which decides all the rest in one transaction.

use std::sync::Arc;

use super::{Engine, Error};
use crate::{
    auth::Principal,
    domain::{
        ids::ClientMessageId,
        message::{NewMessage, SendRequest, Sent},
        scope::Scope,
    },
    telemetry,
};

/// A send as it was asked for.
#[derive(Clone, Debug)]
pub struct SendAsked {
    /// Where to, and what it says.
    pub request: SendRequest,
    /// None: one is minted, and a repeat is a second message.
    pub client_id: Option<ClientMessageId>,
}

impl Engine {
    /// Sends messages in this order and answers each, all of them at once.
    ///
    /// A repeat of what was acknowledged is answered whatever the rate says: a client that lost the answer must be able
    /// to learn it.
    pub fn send(
        &self,
        principal: &Principal,
        asked: Vec<SendAsked>,
    ) -> impl Future<Output = Vec<Result<Sent, Error>>> + Send + use<> {
        let may = principal.may(Scope::Send);
        let sent = self.clock.now();
        let mut refused = Vec::new();
        let mut messages = Vec::with_capacity(asked.len());
        let all = asked.len();
        // A token that may not send gives nothing to the store, and takes nothing from its user's rate.
        let allowed = asked.into_iter().filter(|_| may.is_ok());
        for (index, asked) in allowed.enumerate() {
            let message = NewMessage {
                sender: principal.user.clone(),
                client_id: asked.client_id.unwrap_or_else(ClientMessageId::mint),
                request: asked.request,
                sent,
            };
            match self.rates.take(principal.user.id) {
                Ok(()) => messages.push(message),
                Err(wait) => refused.push((index, message, wait)),
            }
        }
        let count = messages.len();
        // Queued here and now, not when the future is polled: the order of calls is the order in the log.
        let committed = (count > 0).then(|| self.store.append(messages));
        let store = Arc::clone(&self.store);
        async move {
            if let Err(missing) = may {
                return vec![Err(missing.into()); all];
            }
            let mut answers = match committed {
                None => Vec::new(),
                Some(committed) => match committed.await {
                    Ok(answers) => {
                        let fresh = |sent: &&Result<Sent, _>| {
                            sent.as_ref().is_ok_and(|sent| !sent.duplicate)
                        };
                        telemetry::sent(answers.iter().filter(fresh).count());
                        let answers = answers.into_iter();
                        answers.map(|sent| sent.map_err(Error::from)).collect()
                    }
                    Err(error) => vec![Err(Error::from(error)); count],
                },
            };
            for (index, message, wait) in refused {
                let NewMessage {
                    sender,
                    client_id,
                    request,
                    ..
                } = message;
                let answer = match store.find_sent(sender.id, client_id, request).await {
                    Ok(Some(first)) => first.map_err(Error::from),
                    Ok(None) => Err(Error::RateLimited(wait)),
                    Err(error) => Err(error.into()),
                };
                answers.insert(index.min(answers.len()), answer);
            }
            answers
        }
    }
}
