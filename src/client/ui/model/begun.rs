//! What was begun and is not sent, as it is kept on this machine, and how it comes back.
//!
//! Promises that what comes back stands beside what is there already, never in its place, and goes to nobody else than it
//! was meant for. Does not know where it is kept.

use std::collections::VecDeque;

use super::{
    Model,
    chat::ChatId,
    chats::Whose,
    composer::{Draft, Mode, Quote},
};
use crate::client::app::written::{To, WRITTEN_MAX, Written};

/// Texts for nobody that stand nowhere, at most. At 16 KiB each 256 KiB.
const LOOSE_MAX: usize = 16;

impl Model {
    /// What was begun elsewhere than in front: texts for conversations that are gone or for nobody, edits, and, if it must
    /// be `all`, the drafts of conversations as well, which a cache keeps by itself.
    pub fn begun_aside(&self, all: bool) -> Vec<Written> {
        self.every_aside(all).take(WRITTEN_MAX).collect()
    }

    fn every_aside(&self, all: bool) -> impl Iterator<Item = Written> {
        let aside = self.chats.iter().filter(|chat| !self.is_front(chat.id()));
        let aside = aside.filter(|chat| !chat.draft.is_empty());
        let aside = aside.flat_map(move |chat| begun(&Whose::this(chat), &chat.draft, all));
        let adrift = self.chats.adrift();
        let adrift = adrift.flat_map(|(whose, draft)| begun(whose, draft, true));
        let loose = self.loose.texts();
        let loose = loose.filter_map(|text| text_of(To::Nobody, text));
        loose.chain(adrift).chain(aside)
    }

    /// The same of what is being written now.
    pub fn begun_here(&self, all: bool) -> Vec<Written> {
        let draft = self.composer.draft();
        match (self.chats.front(), &self.written_for) {
            (Some(front), _) => begun(&Whose::this(front), &draft, all),
            (None, Some(whose)) => begun(whose, &draft, true),
            (None, None) => text_of(To::Nobody, draft.text()).into_iter().collect(),
        }
    }

    /// All that would be lost if nothing were kept, as far as it could be kept.
    pub fn begun(&self) -> Vec<Written> {
        let here = self.begun_here(true).into_iter();
        let begun = here.chain(self.every_aside(true));
        begun.take(WRITTEN_MAX).collect()
    }

    /// What was begun past what is kept: where there is a cache, not `all` of it counts.
    pub fn begun_past(&self, all: bool) -> Vec<Written> {
        let here = self.begun_here(all).into_iter();
        let begun = here.chain(self.every_aside(all));
        begun.skip(WRITTEN_MAX).collect()
    }

    /// Brings back what was begun in an earlier program.
    pub fn give_back(&mut self, written: Written) {
        let Written { to, text } = written;
        let (whose, draft) = match to {
            To::Nobody => return self.give_back_loose(&text),
            // Nothing could ever be known to be that.
            To::Conversation { name, id: None, .. } if name.is_empty() => {
                return self.give_back_loose(&text);
            }
            To::Conversation { kind, name, id } => {
                let id = id.map(|id| id.as_str().into());
                (Whose::called(kind, name.into(), id), Draft::new(&text))
            }
            To::Edit {
                conversation,
                seq,
                old,
            } => {
                let quote = Quote {
                    seq,
                    sender: self.me.as_str().into(),
                    text: old.into(),
                };
                let whose = Whose::with_id(conversation.as_str().into());
                (whose, Draft::editing(quote, &text, ""))
            }
        };
        let front = self.chats.front();
        if front.is_some_and(|chat| whose.is_of(chat)) {
            self.give_back_to(whose, draft);
        } else {
            self.chats.give_back(whose, draft);
        }
    }

    /// The same where nothing is in front: the first stands where one writes, and what is for the same below it.
    pub fn give_back_here(&mut self, written: Written) {
        let To::Conversation { kind, name, id } = &written.to else {
            return self.give_back(written);
        };
        let id = id.as_deref().map(ChatId::from);
        let whose = Whose::called(*kind, name.as_str().into(), id);
        let has_place = self.composer.is_empty() && !self.composer.has_aside();
        match &self.written_for {
            None if has_place => {
                self.written_for = Some(whose);
                self.composer.exchange(Draft::new(&written.text));
            }
            Some(here) if *here == whose => self.give_back_to(whose, Draft::new(&written.text)),
            _ => self.give_back(written),
        }
    }

    /// Puts a text below what is being written; what is too long then waits.
    pub(super) fn give_back_to(&mut self, whose: Whose, draft: Draft) {
        let here = self.composer.exchange(Draft::default());
        let (both, rest) = match here.joined(&draft) {
            Some(both) => (both, None),
            None => (here, Some(draft)),
        };
        self.composer.exchange(both);
        if let Some(rest) = rest {
            self.chats.set_adrift(whose, rest);
        }
    }

    /// Brings back what was begun for nobody.
    pub(super) fn give_back_loose(&mut self, text: &str) {
        let draft = Draft::new(text);
        if self.chats.front().is_none() {
            let has_place = !self.composer.has_aside() && self.written_for.is_none();
            if self.composer.is_empty() && has_place {
                self.composer.exchange(draft);
                return;
            }
            if self.composer.text() == text {
                return;
            }
        }
        self.set_loose(draft);
    }

    /// Puts a text aside that was begun for nobody; where too many are, it can still be yanked, and counts as lost at the end.
    pub(super) fn set_loose(&mut self, draft: Draft) {
        if let Some(rest) = self.loose.add(draft) {
            self.composer.save(rest.text().to_owned());
            self.chats.adrift_lost += 1;
        }
    }
}

/// Texts that were begun for nobody and stand nowhere: what fits together in one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loose(VecDeque<Draft>);

impl Loose {
    /// Takes one; returned if there are too many.
    fn add(&mut self, draft: Draft) -> Option<Draft> {
        if draft.text().trim().is_empty() || self.texts().any(|text| text == draft.text()) {
            return None;
        }
        let both = self.0.back().and_then(|last| last.joined(&draft));
        if both.is_some() {
            self.0.pop_back();
        } else if self.0.len() >= LOOSE_MAX {
            return Some(draft);
        }
        self.0.push_back(both.unwrap_or(draft));
        None
    }

    /// Takes out the oldest, or an empty one.
    pub fn take(&mut self) -> Draft {
        self.0.pop_front().unwrap_or_default()
    }

    /// What they say.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Draft::text)
    }
}

/// Whether a text has all of another, as lines of it: as that comes twice of what was kept twice.
fn has_lines(all: &str, some: &str) -> bool {
    let mut found = all.match_indices(some);
    found.any(|(at, _)| {
        let (before, after) = (&all[..at], &all[at + some.len()..]);
        (before.is_empty() || before.ends_with('\n'))
            && (after.is_empty() || after.starts_with('\n'))
    })
}

fn begun(whose: &Whose, draft: &Draft, has_message: bool) -> Vec<Written> {
    let edit = draft.edit().zip(whose.id());
    let edit = edit.map(|((quote, text), id)| Written {
        to: To::Edit {
            conversation: id.as_str().to_owned(),
            seq: quote.seq,
            old: quote.text.render_lines(),
        },
        text: text.to_owned(),
    });
    let message = text_of(whose.to(), draft.text()).filter(|_| has_message);
    edit.into_iter().chain(message).collect()
}

/// A text that was begun; `None`: it says nothing.
pub(super) fn text_of(to: To, text: &str) -> Option<Written> {
    let is_text = !text.trim().is_empty();
    is_text.then(|| Written {
        to,
        text: text.to_owned(),
    })
}

impl Draft {
    /// Another text for an own message, with the message that was being written before.
    pub fn editing(quote: Quote, text: &str, message: &str) -> Self {
        let mut draft = Self::new(message);
        draft.begin_edit(quote, text);
        draft
    }

    /// Both this and what was begun elsewhere for the same conversation: texts below each other, and one edit. `None`: they
    /// are too long together, or both edit.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let message = match (self.text(), other.text()) {
            (here, there) if there.trim().is_empty() || has_lines(here, there) => here.to_owned(),
            (here, there) if here.trim().is_empty() || has_lines(there, here) => there.to_owned(),
            (here, there) => {
                let both = format!("{here}\n{there}");
                let fits = Self::new(&both).text() == both;
                fits.then_some(both)?
            }
        };
        let is_edit = |draft: &Self| matches!(draft.mode, Mode::Edit(_));
        match (is_edit(self), other.edit()) {
            (true, Some(there)) if self.edit() != Some(there) => None,
            (false, Some((quote, text))) => Some(Self::editing(quote.clone(), text, &message)),
            _ => Some(self.with_message(&message)),
        }
    }
}

#[cfg(test)]
#[path = "begun_tests.rs"]
mod tests;
