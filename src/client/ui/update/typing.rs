//! When others are told that this user types: while a message is written, at most every few seconds, and that it is over
//! when what was written is sent or gone.

use super::super::{
    effect::Effect,
    model::{LinkState, Model, chat::ChatId, composer::Mode},
};

/// How often others are told, at most: half of how long it holds.
const EVERY_MS: i64 = 3_000;

/// What is written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    front: Option<ChatId>,
    text: String,
}

impl Written {
    /// What is written now.
    pub(super) fn of(model: &Model) -> Self {
        Self {
            front: model.chats.front().map(|chat| chat.id().clone()),
            text: model.composer.text().to_owned(),
        }
    }
}

/// Returns what others are to be told after what was written has changed from this.
pub(super) fn told(model: &mut Model, before: &Written) -> Option<Effect> {
    let now = Written::of(model);
    if now == *before || now.front != before.front || model.link != LinkState::Up {
        return None;
    }
    let chat = now.front?;
    if now.text.trim().is_empty() {
        return stopped(model);
    }
    if !is_message(&now.text) || matches!(model.composer.mode(), Mode::Edit(_)) {
        return None;
    }
    let is_due = model.typing_told.as_ref().is_none_or(|(told, at)| {
        let passed = model.now.milliseconds().saturating_sub(at.milliseconds());
        *told != chat || passed >= EVERY_MS
    });
    is_due.then(|| {
        model.typing_told = Some((chat.clone(), model.now));
        Effect::Typing {
            chat,
            is_typing: true,
        }
    })
}

/// It is over, if others were told of it.
pub(super) fn stopped(model: &mut Model) -> Option<Effect> {
    let (chat, _) = model.typing_told.take()?;
    (model.link == LinkState::Up).then_some(Effect::Typing {
        chat,
        is_typing: false,
    })
}

/// Whether it will be sent as a text, rather than be a command.
fn is_message(text: &str) -> bool {
    !text.starts_with('/') || text.starts_with("//") || text.contains('\n')
}

#[cfg(test)]
mod tests {
    use super::{
        super::support::{ann_with_bob, press, typed},
        *,
    };
    use crate::domain::clock::TimeMs;

    fn told(effects: &[Effect]) -> Vec<bool> {
        let typing = |effect: &Effect| match effect {
            Effect::Typing { is_typing, .. } => Some(*is_typing),
            _ => None,
        };
        effects.iter().filter_map(typing).collect()
    }

    #[test]
    fn others_are_told_every_three_seconds_and_when_it_is_over() {
        let mut model = ann_with_bob();
        assert_eq!(told(&typed(&mut model, "h")), [true]);
        assert!(told(&typed(&mut model, "ello")).is_empty());
        model.now = TimeMs::new(model.now.milliseconds() + EVERY_MS);
        assert_eq!(told(&typed(&mut model, "!")), [true]);
        let wrote = model.wrote;
        assert_eq!(wrote, Some(model.now));
        model.now = TimeMs::new(model.now.milliseconds() + 1);
        assert!(
            told(&press(&mut model, "left")).is_empty(),
            "nothing is written"
        );
        assert_eq!(model.wrote, wrote);
        assert_eq!(told(&press(&mut model, "enter")), [false]);
        assert_eq!(told(&typed(&mut model, "x")), [true]);
        assert_eq!(told(&press(&mut model, "backspace")), [false]);
        assert!(told(&press(&mut model, "backspace")).is_empty());
    }

    #[test]
    fn commands_edits_and_a_link_that_is_down_tell_nothing() {
        let mut model = ann_with_bob();
        assert!(told(&typed(&mut model, "/quit")).is_empty());
        press(&mut model, "ctrl+u");
        assert_eq!(told(&typed(&mut model, "//quit")), [true]);
        let mut model = ann_with_bob();
        press(&mut model, "up");
        assert!(matches!(model.composer.mode(), Mode::Edit(_)));
        assert!(told(&typed(&mut model, "x")).is_empty());
        let mut model = ann_with_bob();
        model.link = LinkState::CatchingUp;
        assert!(told(&typed(&mut model, "x")).is_empty());
    }

    #[test]
    fn who_goes_elsewhere_does_not_type_any_more() {
        let mut model = ann_with_bob();
        typed(&mut model, "x");
        assert_eq!(told(&press(&mut model, "alt+down")), [false]);
        assert_eq!(model.typing_told, None);
    }
}
