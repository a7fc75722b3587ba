//! Going to a message, be it in memory or not: one that is not is waited for, as long as there is hope.

use super::{
    super::{
        effect::Effect,
        layout,
        model::{
            Focus, Model,
            chat::Scroll,
            composer::{Composer, Mode},
            notices::Level,
            paging::{Aim, Jump, JumpTo},
        },
    },
    fill, say,
    scroll::look,
};
use crate::client::app::acts::Act;

/// More rows than there are anywhere.
const ALL_ROWS: isize = 1_000_000;

/// What this user is at while a message is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hands {
    jump: Option<Jump>,
    text: String,
    cursor: usize,
    mode: Mode,
    focus: Focus,
    has_overlay: bool,
}

impl Hands {
    /// What it is now.
    pub(super) fn of(model: &Model) -> Self {
        let composer: &Composer = &model.composer;
        Self {
            jump: model.jump.clone(),
            text: composer.text().to_owned(),
            cursor: composer.buffer().cursor(),
            mode: composer.mode().clone(),
            focus: model.focus,
            has_overlay: model.overlay.is_some(),
        }
    }

    /// Who has turned to something else meanwhile sees the message when it comes, and keys go on where they went.
    pub(super) fn keep(self, model: &mut Model) {
        if self.jump.is_none() || self == Self::of(model) {
            return;
        }
        let same = model
            .jump
            .as_mut()
            .filter(|jump| Some(&**jump) == self.jump.as_ref());
        if let Some(jump) = same.filter(|jump| jump.to == JumpTo::Selection) {
            jump.to = JumpTo::Sight;
        }
    }
}

/// Notes what brings another conversation to the front once it is answered.
pub(super) fn note(model: &mut Model, effects: &[Effect]) {
    let aim = effects.iter().rev().find_map(|effect| match effect {
        Effect::Start(wanted) => Some(Aim::Start(wanted.clone())),
        Effect::Act(act @ (Act::Join(_) | Act::JoinBy(_) | Act::Create(..) | Act::Group(..))) => {
            Some(Aim::Act(act.clone()))
        }
        _ => None,
    });
    if let Some(aim) = aim {
        model.go_after(aim);
    }
}

/// Goes to a message of the conversation in front. A number that is higher than all is that of the last one.
pub(super) fn go_to(model: &mut Model, seq: u64, to: JumpTo) {
    model.jump = None;
    let Some(front) = model.chats.front_mut() else {
        return;
    };
    let seq = seq.min(front.counts().last_seq).max(1);
    if front.window.get(seq).is_some() {
        stand(model, seq, to);
        return;
    }
    // The place is looked at although nothing is there yet: that is what makes its page be asked for.
    front.scroll_to(seq, 0);
    let chat = front.id().clone();
    model.filled = None;
    model.jump = Some(Jump { chat, seq, to });
}

/// Goes on with what is waited for: it may have come, or it will not come any more.
pub(super) fn settle(model: &mut Model) {
    let Some(jump) = model.jump.take() else {
        return;
    };
    let Some(front) = model.chats.front().filter(|chat| *chat.id() == jump.chat) else {
        return;
    };
    if front.window.get(jump.seq).is_some() {
        stand(model, jump.seq, jump.to);
    } else if fill::has_hope(model) {
        model.jump = Some(jump);
    } else {
        give_up(model, &jump);
    }
}

fn give_up(model: &mut Model, jump: &Jump) {
    let Some(front) = model.chats.front() else {
        return;
    };
    let below = front.window.between(jump.seq, u64::MAX).next();
    let near = below.or_else(|| front.window.between(0, jump.seq).next_back());
    let near = near.map(|message| message.seq);
    match near {
        Some(seq) => stand(model, seq, jump.to),
        None => look(model, Scroll::AtEnd),
    }
    // That the first one is another than was thought is nothing to speak of.
    if jump.to != JumpTo::Top {
        let why = match super::asking::can_ask(model) {
            true => "it cannot be read",
            false => "it is not on this machine, and the server is away",
        };
        let text = format!("Message [{}] is not shown: {why}.", jump.seq);
        say(model, Level::Warning, text);
    }
}

/// Scrolls so that a message in memory stands where it is to stand.
fn stand(model: &mut Model, seq: u64, to: JumpTo) {
    match to {
        JumpTo::Sight | JumpTo::Selection => {
            // From the end, so that it comes to stand in the middle unless the end shows it.
            look(model, Scroll::AtEnd);
            let is_seen = layout::seen(model).is_some_and(|(from, to)| (from..=to).contains(&seq));
            match layout::showing(model, seq) {
                Some(to) => look(model, to),
                None if is_seen => {}
                None => look(model, at(seq)),
            }
        }
        JumpTo::Top => {
            look(model, at(seq));
            if let Some(to) = layout::scrolled(model, -ALL_ROWS) {
                look(model, to);
            }
        }
    }
    if to == JumpTo::Selection || matches!(model.focus, Focus::Messages(_) | Focus::Outgoing(_)) {
        model.focus = Focus::Messages(seq);
    }
}

const fn at(seq: u64) -> Scroll {
    Scroll::At {
        seq,
        hidden_rows: 0,
    }
}

#[cfg(test)]
#[path = "jump_tests.rs"]
mod tests;
