//! What was refused and can be sent again: the texts of late, and those of last time, each with where it was to go.
//!
//! Promises that none is sent again but by `/retry`, and that then it is the same message. Bounded. Knows no screen: the
//! terminal UI shows what was refused, and keeps it in its own model.

use std::collections::VecDeque;

use crate::domain::{ids::ClientMessageId, text::MessageText};

use super::{
    file,
    line::counted,
    model::{Effect, Model},
    room::{Place, Rooms},
    untrusted::Untrusted,
    update::say,
};

/// Texts that are kept, as many as the UI keeps; past it the oldest is forgotten here, and told again at the next start. At
/// 16 KiB each they take 16 MiB.
const TEXTS_MAX: usize = 1_000;
/// Texts of last time that are named at the start, and characters of the reason of each.
const NAMED_MAX: usize = 3;
const WHY_CHARS: usize = 200;
/// Characters of a text that are shown.
const START_CHARS: usize = 40;
/// What is said where nothing was refused.
pub const NOTHING: &str = "Nothing was refused here, so there is nothing to send again or to drop.";

/// A text that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Names this send for ever.
    pub id: ClientMessageId,
    /// Where it was to go.
    pub to: Place,
    /// What it says.
    pub text: MessageText,
    /// The ids of the files that it holds.
    pub attachments: Vec<String>,
    /// The message that it answers.
    pub reply_to: Option<u64>,
}

impl Refused {
    /// How it begins, or how many files it has instead.
    fn start(&self) -> String {
        file::said_of(self.text.as_str(), self.attachments.len()).render_start(START_CHARS)
    }
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

    /// The store is another one, where numbers and ids mean other things. Returns those whose files or whose groups are none
    /// there: they cannot be sent again.
    pub fn reset(&mut self) -> Vec<Refused> {
        let (lost, kept): (VecDeque<Refused>, VecDeque<Refused>) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|it| !it.attachments.is_empty() || matches!(it.to, Place::Group(_)));
        self.0 = kept;
        for refused in &mut self.0 {
            refused.reply_to = None;
        }
        lost.into()
    }

    /// A place has another name: what was to go there stands there.
    pub fn renamed(&mut self, old: &Place, new: &Place) {
        for refused in self.0.iter_mut().filter(|it| it.to == *old) {
            refused.to = new.clone();
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
    model.unsent += 1;
    let told = say(format!("Sending again: \"{}\"", refused.start()));
    vec![told, Effect::SendAgain(refused)]
}

/// Forgets what was refused last in the conversation in front.
pub(super) fn dropped(model: &mut Model) -> Vec<Effect> {
    match here(model) {
        Some(refused) => {
            let told = say(format!("Dropped: \"{}\"", refused.start()));
            vec![told, Effect::Drop(refused.id)]
        }
        None => vec![say(NOTHING)],
    }
}

/// The server has another store: what answered a message answers none, and what holds files or was to go to a group is dropped.
/// What it says is told once more, since it is nowhere else.
pub(super) fn reset(model: &mut Model) -> Vec<Effect> {
    model.transfers.reset();
    let lost = model.refused.reset();
    if lost.is_empty() {
        return Vec::new();
    }
    let count = counted(lost.len(), "message is", "messages are");
    let told = say(format!(
        "{count} dropped, since its groups and files are others; send again what belongs there:"
    ));
    let each = lost.into_iter().flat_map(|refused| {
        let what = file::said_of(refused.text.as_str(), refused.attachments.len());
        let told = say(format!("\"{}\"", what.render_line()));
        [told, Effect::Drop(refused.id)]
    });
    [told].into_iter().chain(each).collect()
}

/// Takes in what an earlier run left: so many messages that are sent now, and those that were refused.
pub(super) fn taken_over(
    model: &mut Model,
    waiting: usize,
    refused: Vec<(Refused, Untrusted)>,
) -> Vec<Effect> {
    let mut told = Vec::new();
    if waiting > 0 {
        model.unsent += waiting;
        model.said_waiting = true;
        let (one, many) = ("message of last time is", "messages of last time are");
        let waiting = counted(waiting, one, many);
        told.push(say(format!("{waiting} still waiting; sending now.")));
    }
    told.extend(left(model, refused).map(say));
    told
}

/// Takes in what was refused last time, and why, the oldest first; returns what is told of it.
pub(super) fn left(model: &mut Model, left: Vec<(Refused, Untrusted)>) -> Option<String> {
    let named = left.iter().take(NAMED_MAX);
    let mut named: Vec<String> = named.map(|it| of_last_time(&model.rooms, it)).collect();
    let (count, more) = (left.len(), left.len().saturating_sub(named.len()));
    for (refused, _) in left {
        model.refused.keep(refused);
    }
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    let (count, named) = match count {
        0 => return None,
        count => (counted(count, "message", "messages"), named.join("; ")),
    };
    Some(format!(
        "{count} of last time refused and not sent: {named}. Where it was to go, /retry sends the last one again, and /drop \
         forgets it."
    ))
}

fn of_last_time(rooms: &Rooms, (refused, why): &(Refused, Untrusted)) -> String {
    let (to, start) = (rooms.spelled(&refused.to), refused.start());
    let why = why.render_start(WHY_CHARS);
    format!("to {to}: \"{start}\" ({why})")
}

fn here(model: &mut Model) -> Option<Refused> {
    let to = model.focus.as_ref()?;
    model.refused.take(to)
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
            id: id(text),
            to: place(to),
            text: text.parse().unwrap(),
            attachments: Vec::new(),
            reply_to: Some(3),
        }
    }

    fn id(text: &str) -> ClientMessageId {
        let mut bytes = [0; 16];
        let length = text.len().min(16);
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        ClientMessageId::from_bytes(bytes)
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
        let again = Effect::SendAgain(refused("bob", "two"));
        let expected = [say("Sending again: \"two\""), again];
        assert_eq!(typed(&mut model, "/retry"), expected);
        let expected = [say("Dropped: \"one\""), Effect::Drop(id("one"))];
        assert_eq!(typed(&mut model, "/drop"), expected);
        assert_eq!(typed(&mut model, "/retry"), [say(NOTHING)]);
        assert_eq!(model.unsent, 1);
        let files = Refused {
            text: MessageText::none(),
            attachments: vec!["f1".to_owned()],
            ..refused("bob", "four")
        };
        update(&mut model, Msg::Refused(files.clone()));
        let expected = [say("Sending again: \"[1 file]\""), Effect::SendAgain(files)];
        assert_eq!(typed(&mut model, "/retry"), expected);
    }

    #[test]
    fn what_was_refused_last_time_is_told_and_waits_for_somebody() {
        let mut model = Model::new("ann".parse().unwrap(), Zone::Local);
        let left = |texts: &[&str]| Msg::Left {
            waiting: 0,
            refused: texts
                .iter()
                .map(|text| (refused("bob", text), "too \u{1b}late".into()))
                .collect(),
        };
        assert_eq!(update(&mut model, left(&[])), []);
        assert_eq!(
            update(&mut model, left(&["one"])),
            [say(
                "1 message of last time refused and not sent: to bob: \"one\" (too ␛late). Where it was to go, /retry sends \
                 the last one again, and /drop forgets it."
            )]
        );
        assert_eq!((model.unsent, model.said_waiting), (0, false));
        let effects = update(&mut model, left(&["two", "three", "four", "five"]));
        let [Effect::Print(told)] = effects.as_slice() else {
            panic!("{effects:?}");
        };
        assert!(told.starts_with("<> 4 messages of last time"), "{told}");
        assert!(told.contains("; and 1 more. "), "{told}");
        model.focus = Some(place("bob"));
        for text in ["five", "four", "three", "two", "one"] {
            let effects = typed(&mut model, "/drop");
            assert_eq!(effects.last(), Some(&Effect::Drop(id(text))));
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_answers_nothing_of_another_store() {
        let mut model = Model::new("ann".parse().unwrap(), Zone::Local);
        for _ in 0..TEXTS_MAX + 9 {
            update(&mut model, Msg::Refused(refused("bob", "x")));
        }
        assert_eq!(model.refused.0.len(), TEXTS_MAX);
        model.refused.renamed(&place("bob"), &place("bert"));
        assert!(model.refused.0.iter().all(|it| it.to == place("bert")));
        let files = Refused {
            attachments: vec!["f1".to_owned()],
            ..refused("bob", "files")
        };
        update(&mut model, Msg::Refused(files));
        // Its id is that of another one there.
        let to_group = Refused {
            to: Place::Group("c1".to_owned()),
            ..refused("bob", "secret")
        };
        update(&mut model, Msg::Refused(to_group));
        let effects = update(&mut model, Msg::Reset);
        assert!(model.refused.0.iter().all(|it| it.reply_to.is_none()));
        assert_eq!(model.refused.0.len(), TEXTS_MAX - 2);
        let said = say(
            "2 messages are dropped, since its groups and files are others; send again what belongs there:",
        );
        let dropped = |text: &str| [say(format!("\"{text}\"")), Effect::Drop(id(text))];
        let [files, secret] = ["files", "secret"].map(dropped);
        assert!(effects.ends_with(&[&[said][..], &files, &secret].concat()));
    }
}
