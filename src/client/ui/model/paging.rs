//! What is remembered of pages that were asked for, so that none is asked for without end, of a message that is gone to
//! before it is in memory, and of a conversation before it is known. Decides nothing.

use super::{Focus, Model, chat::ChatId, composer::Mode, window::Ask};
use crate::client::app::{acts::Act, room::Wanted};

/// A page that was asked for, and the state in which that was: asked again in the same state, it would bring the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The conversation.
    pub chat: ChatId,
    /// What was asked for.
    pub ask: Ask,
    /// How many messages of it were in memory.
    pub messages_count: usize,
    /// The number of its newest message.
    pub last_seq: u64,
    /// Whether the server could be asked.
    pub is_up: bool,
}

/// A message that is gone to as soon as it is in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jump {
    /// The conversation.
    pub chat: ChatId,
    /// The message.
    pub seq: u64,
    /// Where it comes to stand.
    pub to: JumpTo,
}

/// Where a message comes to stand that is gone to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JumpTo {
    /// Where it can be seen.
    Sight,
    /// Where it can be seen, and it is selected.
    Selection,
    /// At the top of the screen.
    Top,
}

/// What brings a conversation to the front once it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// One was looked for, or begun.
    Start(Wanted),
    /// One was made or joined.
    Act(Act),
}

/// What this user was at when a conversation was asked for: who is at something else by now is not taken away from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Going {
    aim: Aim,
    at: At,
    /// How often it was asked for: as long as one of the answers may be one, it is gone to.
    asked: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct At {
    front: Option<ChatId>,
    text: String,
    mode: Mode,
    focus: Focus,
    has_overlay: bool,
}

impl At {
    fn of(model: &Model) -> Self {
        Self {
            front: model.chats.front().map(|chat| chat.id().clone()),
            text: model.composer.text().to_owned(),
            mode: model.composer.mode().clone(),
            focus: model.focus,
            has_overlay: model.overlay.is_some(),
        }
    }
}

impl Model {
    /// A page is asked for; returns whether it was not already.
    pub fn ask_page(&mut self, chat: &ChatId, ask: Ask) -> bool {
        if !self.has_asked_page(chat)
            && let Some(chat) = self.chats.get_mut(chat)
        {
            chat.window.begin_page();
        }
        self.asked_pages.insert((chat.clone(), ask))
    }

    /// Whether a page of a conversation is under way.
    fn has_asked_page(&self, chat: &ChatId) -> bool {
        self.asked_pages.iter().any(|(it, _)| it == chat)
    }

    /// A page has come, or will not; returns whether it may be older than what is known by now.
    pub fn page_came(&mut self, page: &(ChatId, Ask)) -> bool {
        let is_known = self.asked_pages.remove(page);
        let is_void = self.intake.is_page_void(page);
        let chat = self.chats.get(&page.0).filter(|_| is_known);
        is_void || chat.is_some_and(|chat| chat.window.has_lost())
    }

    /// A conversation is asked for that is gone to. The last one counts.
    pub fn go_after(&mut self, aim: Aim) {
        let at = At::of(self);
        let before = self.going.take().filter(|going| going.aim == aim);
        let asked = before.map_or(0, |going| going.asked).saturating_add(1);
        self.going = Some(Going { aim, at, asked });
    }

    /// What was asked for cannot be had: nothing is gone to for that wish any more, whatever comes later.
    pub fn give_up(&mut self, aim: &Aim) {
        if let Some(going) = self.going.as_mut().filter(|going| going.aim == *aim) {
            going.asked = going.asked.saturating_sub(1);
            if going.asked == 0 {
                self.going = None;
            }
        }
    }

    /// The answer has come: returns whether it is gone to, as this user is still where that was wished. What was asked for
    /// before this user went anywhere, as on the command line, is gone to as long as nothing is written; and so is a further
    /// answer to what was asked for twice, while nothing is in front.
    pub fn may_go(&mut self, aim: &Aim) -> bool {
        match self.going.take_if(|going| going.aim == *aim) {
            Some(going) => going.at == At::of(self),
            None => {
                let is_idle = self.focus == Focus::Composer && self.overlay.is_none();
                let is_at_start = self.last_front.is_none() || self.chats.front().is_none();
                self.going.is_none() && is_at_start && is_idle && self.composer.is_empty()
            }
        }
    }
}
