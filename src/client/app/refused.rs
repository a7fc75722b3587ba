//! What was refused and can be sent again: the texts of late, each with where it was to go.
//!
//! Bounded. Knows no screen: the terminal UI shows what was refused, and keeps it in its own model.

use std::collections::VecDeque;

use crate::domain::text::MessageText;

use super::{
    model::{Effect, Model},
    room::Place,
    untrusted::Untrusted,
    update::say,
};

/// Texts that are kept; past it the oldest is forgotten. At 16 KiB each they take 512 KiB.
const TEXTS_MAX: usize = 32;
/// Characters of a text that are shown.
const START_CHARS: usize = 40;
/// What is said where nothing was refused.
pub const NOTHING: &str = "Nothing was refused here, so there is nothing to send again or to drop.";

/// A text that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where it was to go.
    pub to: Place,
    /// What it says.
    pub text: MessageText,
    /// The message that it answers.
    pub reply_to: Option<u64>,
}

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(VecDeque<Refused>);

impl Texts {
    /// Keeps one.
    pub fn keep(&mut self, refused: Refused) {
        if self.0.len() >= TEXTS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(refused);
    }

    /// The store is another one, where numbers mean other messages.
    pub fn answer_nothing(&mut self) {
        for refused in &mut self.0 {
            refused.reply_to = None;
        }
    }

    /// Takes out the last one that was to go there.
    fn take(&mut self, to: &Place) -> Option<Refused> {
        let at = self.0.iter().rposition(|it| it.to == *to)?;
        self.0.remove(at)
    }
}

/// Sends again what was refused last in the conversation in front.
pub(super) fn retry(model: &mut Model) -> Vec<Effect> {
    let Some(refused) = here(model) else {
        return vec![say(NOTHING)];
    };
    let Refused { to, text, reply_to } = refused;
    model.unsent += 1;
    let told = say(format!("Sending again: \"{}\"", start(&text)));
    vec![told, Effect::Send { to, text, reply_to }]
}

/// Forgets what was refused last in the conversation in front.
pub(super) fn dropped(model: &mut Model) -> Vec<Effect> {
    vec![match here(model) {
        Some(refused) => say(format!("Dropped: \"{}\"", start(&refused.text))),
        None => say(NOTHING),
    }]
}

fn here(model: &mut Model) -> Option<Refused> {
    let to = model.focus.as_ref()?;
    model.refused.take(to)
}

fn start(text: &MessageText) -> String {
    Untrusted::from(text.as_str()).render_start(START_CHARS)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{line::Zone, model::Msg, update::update},
        *,
    };

    fn place(name: &str) -> Place {
        Place::User(name.parse().unwrap())
    }

    fn refused(to: &str, text: &str) -> Refused {
        Refused {
            to: place(to),
            text: text.parse().unwrap(),
            reply_to: Some(3),
        }
    }

    fn typed(model: &mut Model, line: &str) -> Vec<Effect> {
        update(model, Msg::Typed(line.to_owned()))
    }

    #[test]
    fn the_last_one_of_the_conversation_in_front_is_sent_again_or_dropped() {
        let mut model = Model::new("ann".parse().unwrap(), Zone::Local);
        for line in ["/retry", "/drop"] {
            assert_eq!(typed(&mut model, line), [say(NOTHING)]);
        }
        model.focus = Some(place("bob"));
        for (to, text) in [("bob", "one"), ("bob", "two"), ("carol", "three")] {
            assert_eq!(update(&mut model, Msg::Refused(refused(to, text))), []);
        }
        let sent = |text: &str| Effect::Send {
            to: place("bob"),
            text: text.parse().unwrap(),
            reply_to: Some(3),
        };
        let expected = [say("Sending again: \"two\""), sent("two")];
        assert_eq!(typed(&mut model, "/retry"), expected);
        assert_eq!(typed(&mut model, "/drop"), [say("Dropped: \"one\"")]);
        assert_eq!(typed(&mut model, "/retry"), [say(NOTHING)]);
        assert_eq!(model.unsent, 1);
    }

    #[test]
    fn what_is_kept_is_bounded_and_answers_nothing_of_another_store() {
        let mut model = Model::new("ann".parse().unwrap(), Zone::Local);
        for _ in 0..TEXTS_MAX + 9 {
            update(&mut model, Msg::Refused(refused("bob", "x")));
        }
        assert_eq!(model.refused.0.len(), TEXTS_MAX);
        update(&mut model, Msg::Reset);
        assert!(model.refused.0.iter().all(|it| it.reply_to.is_none()));
    }
}
