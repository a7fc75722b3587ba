//! What is typed on its way to the server, and what becomes of it: kept before it is sent, until it is answered.
//!
//! What was refused, now or last time, is only sent again when that is asked for.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    super::{
        app::{
            file,
            model::{LinkState, Msg},
            refused::Refused,
            room::Place,
            transfers::{Moved, Stage, no_room},
        },
        exit::Failure,
        json,
        kept::Kept,
        net::{
            connect::ServerAddress,
            error::{ClientError, ErrorKind},
            outbox::{OUTBOX_MESSAGES_MAX, OutboxFull, Outgoing},
            tls::Assurance,
        },
        refused, translate,
    },
    Plain,
};
use crate::{domain::text::MessageText, pb};

/// Characters that are kept of the reason why a message was refused.
const WHY_CHARS_MAX: usize = 500;

impl Plain {
    /// Takes over what earlier programs did not see answered.
    pub(super) fn take_over(
        &mut self,
        folder: &Path,
        server: (&ServerAddress, Assurance),
    ) -> Result<(), Failure> {
        let left = match Kept::open(folder, server, &self.me) {
            Ok((kept, left)) => {
                self.kept = kept;
                left
            }
            Err(error) => {
                let problem = format!("{}: {error}", folder.display()).into();
                return self.happened(Msg::NotKept { problem });
            }
        };
        let (mut waiting, mut refused) = (0, Vec::new());
        for (message, why) in left {
            // What was refused waits for somebody to say what is to become of it, if it can be said.
            match why.and_then(|why| Some((refused::again(&message)?, why.into()))) {
                Some(one) => refused.push(one),
                None => {
                    waiting += 1;
                    self.link.send_again(message);
                }
            }
        }
        self.happened(Msg::Left { waiting, refused })
    }

    pub(super) fn send(
        &mut self,
        to: Place,
        reply_to: Option<u64>,
        text: MessageText,
    ) -> Result<(), Failure> {
        let target = refused::target(to, reply_to);
        let text = text.as_str().to_owned();
        let taken = match self.kept.has_room() {
            false => Err(OutboxFull),
            true => self.link.send(target.clone(), text.clone()),
        };
        let store = self.link.store().cloned();
        let id = match taken {
            Ok(id) => id,
            Err(full) => {
                let problem = full.to_string().into();
                let text = text.into();
                return self.happened(Msg::NotSent { text, problem });
            }
        };
        self.is_sent(&Outgoing {
            id,
            target,
            text,
            attachments: Vec::new(),
            store,
        })
    }

    /// Takes in what a transfer brought. Files whose message finds no room are gone on with by the same command.
    pub(super) fn moved(&mut self, number: u32, moved: Moved) -> Result<(), Failure> {
        let moved = match moved {
            Moved::Uploaded(uploaded) if !self.has_room() => {
                self.carrier.let_go(uploaded.id);
                Moved::Failed(no_room(&OutboxFull))
            }
            moved => moved,
        };
        let is_on = match &moved {
            Moved::On(far) => {
                far.stage == Stage::Moving && self.model.transfers.gets_on(number, far)
            }
            Moved::Uploaded(_) | Moved::Saved(_) => true,
            Moved::Failed(_) => false,
        };
        if is_on {
            self.gets_on();
        }
        self.happened(Msg::Moved { number, moved })
    }

    fn has_room(&self) -> bool {
        self.kept.has_room() && self.link.unsent() < OUTBOX_MESSAGES_MAX
    }

    /// Sends again what was refused, as the same message: it is shown when it is there.
    pub(super) fn send_again(&mut self, refused: Refused) -> Result<(), Failure> {
        if !self.has_room() {
            let problem = OutboxFull.to_string().into();
            let text = file::said_of(refused.text.as_str(), refused.attachments.len());
            self.happened(Msg::NotSent { text, problem })?;
            return self.happened(Msg::Refused(refused));
        }
        // What an earlier program left may be of a store before this one.
        let kept = self.kept.store_of(refused.id);
        let store = kept.or(self.link.store()).cloned();
        let message = refused::message(refused, store);
        self.link.send_again(message.clone());
        self.is_sent(&message)
    }

    /// The link has a message, and sends it only when it is asked for what happens next: before that it is kept.
    fn is_sent(&mut self, message: &Outgoing) -> Result<(), Failure> {
        let said = self.kept.add(message, self.model.link == LinkState::Up);
        self.said(said)?;
        if self.model.link != LinkState::Down {
            return Ok(());
        }
        let lost = self.kept.lost(self.link.unsent()).len();
        self.happened(Msg::Waits { lost })
    }

    /// A message is on the server.
    pub(super) fn sent(
        &mut self,
        message: &Outgoing,
        response: &pb::SendResponse,
    ) -> Result<(), Failure> {
        self.gets_on();
        self.carrier.settled(message.id);
        let said = self.kept.settled(message.id);
        self.said(said)?;
        let object = || with_id(message, json::value(response));
        self.told("sent", object, Msg::Sent)
    }

    /// A message was refused.
    pub(super) fn not_sent(
        &mut self,
        message: &Outgoing,
        error: &ClientError,
    ) -> Result<(), Failure> {
        self.gets_on();
        let problem = translate::problem(error);
        // The login may not, or no longer: another can. It stays where it is kept.
        let is_of_login = error.kind() == ErrorKind::Auth || error.reason() == "SCOPE_MISSING";
        if is_of_login && self.kept.hold(message.id) {
            self.carrier.settled(message.id);
            return self.happened(Msg::Held { problem });
        }
        // What it holds is not there, however often it is tried.
        let again = refused::again(message).filter(|_| !matches!(error, ClientError::OtherStore));
        let why = problem.render_start(WHY_CHARS_MAX);
        let said = match again {
            Some(_) => self
                .kept
                .refused(message.id, &why, self.lines.by_a_person()),
            // Nobody could say what is to become of it.
            None => self.kept.settled(message.id),
        };
        if again.is_none() || !self.lines.by_a_person() {
            self.carrier.settled(message.id);
        }
        self.said(said)?;
        let object = || {
            let files: Vec<Value> = message.files().iter().filter_map(json::value).collect();
            let why = json!({
                "text": message.text, "attachments": files, "reason": error.reason(), "message": error.to_string()
            });
            with_id(message, Some(why))
        };
        let text = file::said_of(&message.text, message.attachments.len());
        self.told("not_sent", object, Msg::NotSent { text, problem })?;
        again.map_or(Ok(()), |it| self.happened(Msg::Refused(it)))
    }
}

fn with_id(message: &Outgoing, object: Option<Value>) -> Value {
    let mut object = object.unwrap_or_else(|| json!({}));
    object["client_message_id"] = json!(message.id.to_string());
    object
}

#[cfg(test)]
#[path = "sending_tests.rs"]
pub(super) mod tests;
