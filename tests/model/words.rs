//! The words in which messages and refusals are compared, whoever shows them: the model, a store or the server.

use tinychat::{
    domain::{ids::Seq, message::Message, reaction::Reaction, text::MessageText},
    store::{ActError, BlockError, MarkReadError, SendRefusal},
};

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Act(#[from] ActError),
    #[error(transparent)]
    Send(#[from] SendRefusal),
    #[error(transparent)]
    Read(#[from] MarkReadError),
    #[error(transparent)]
    Block(#[from] BlockError),
}

/// What somebody is answered, in few words.
pub type Answer = Result<String, Refusal>;

/// What one of the people sees of a message.
pub struct Line<'a> {
    /// None: it was deleted.
    pub text: Option<&'a str>,
    pub revision: u64,
    /// 0: it is no reply.
    pub reply: u64,
    pub mentions: Vec<&'a str>,
    pub all: bool,
    pub reactions: String,
}

impl Line<'_> {
    pub fn words(&self) -> String {
        let text = self.text.unwrap_or("(deleted)");
        let names = self.mentions.iter().map(|name| format!(" @{name}"));
        let all = if self.all { " @all" } else { "" };
        let (revision, reply) = (self.revision, self.reply);
        let names = names.collect::<String>();
        format!("{text} r{revision} re{reply}{names}{all}{}", self.reactions)
    }
}

/// One reaction of those to a message.
pub fn reaction(emoji: &str, count: u64, mine: bool) -> String {
    let mine = if mine { "*" } else { "" };
    format!(" {emoji}{count}{mine}")
}

/// A message of a store.
pub fn shown(message: &Message) -> String {
    let names = message.mentions.users.iter();
    let line = Line {
        text: message.text.as_ref().map(MessageText::as_str),
        revision: message.revision,
        reply: message.reply_to.map_or(0, Seq::number),
        mentions: names.map(|user| user.name.as_str()).collect(),
        all: message.mentions.all,
        reactions: reactions(&message.reactions),
    };
    line.words()
}

/// Reactions of a store.
pub fn reactions(reactions: &[Reaction]) -> String {
    let word = |it: &Reaction| reaction(it.emoji.as_str(), it.count, it.mine);
    reactions.iter().map(word).collect()
}
