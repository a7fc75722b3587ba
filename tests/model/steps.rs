//! What people do in random histories, and what they say. Knows nothing of what comes of it.

use proptest::prelude::*;
use tinychat::domain::{
    clock::TimeMs,
    conversation::{NotifyLevel, NotifySettings},
    role::Role,
    user::UserRef,
};

pub const PEOPLE: usize = 4;
pub const EMOJI: [&str; 3] = ["👍", "🎉", "+1"];

/// Something that one of the people does. A room is one of those that were made so far, counted round and round.
#[derive(Clone, Debug)]
pub enum Step {
    Create {
        who: usize,
        channel: bool,
        all: bool,
        with: Vec<usize>,
    },
    /// Says something to another by name, which makes their conversation the first time.
    Direct {
        who: usize,
        peer: usize,
        text: usize,
    },
    Block {
        who: usize,
        whom: usize,
        on: bool,
    },
    Join {
        who: usize,
        room: usize,
    },
    Leave {
        who: usize,
        room: usize,
    },
    Add {
        who: usize,
        room: usize,
        whom: Vec<usize>,
    },
    Remove {
        who: usize,
        room: usize,
        whom: usize,
        ban: bool,
    },
    SetRole {
        who: usize,
        room: usize,
        whom: usize,
        role: Role,
    },
    Topic {
        who: usize,
        room: usize,
        topic: u8,
    },
    Send {
        who: usize,
        room: usize,
        reply: Option<u64>,
        text: usize,
    },
    Edit {
        who: usize,
        room: usize,
        seq: u64,
        text: usize,
    },
    Delete {
        who: usize,
        room: usize,
        seq: u64,
    },
    React {
        who: usize,
        room: usize,
        seq: u64,
        emoji: usize,
        add: bool,
    },
    Read {
        who: usize,
        room: usize,
        seq: u64,
    },
    Unread {
        who: usize,
        room: usize,
    },
    Notify {
        who: usize,
        room: usize,
        choice: usize,
    },
}

impl Step {
    /// The room that it is about, as it is counted; none: it is about people.
    pub fn room(&self) -> Option<usize> {
        match self {
            Self::Create { .. } | Self::Direct { .. } | Self::Block { .. } => None,
            Self::Join { room, .. }
            | Self::Leave { room, .. }
            | Self::Add { room, .. }
            | Self::Remove { room, .. }
            | Self::SetRole { room, .. }
            | Self::Topic { room, .. }
            | Self::Send { room, .. }
            | Self::Edit { room, .. }
            | Self::Delete { room, .. }
            | Self::React { room, .. }
            | Self::Read { room, .. }
            | Self::Unread { room, .. }
            | Self::Notify { room, .. } => Some(*room),
        }
    }

    /// Who does it.
    pub fn who(&self) -> usize {
        match self {
            Self::Create { who, .. }
            | Self::Direct { who, .. }
            | Self::Block { who, .. }
            | Self::Join { who, .. }
            | Self::Leave { who, .. }
            | Self::Add { who, .. }
            | Self::Remove { who, .. }
            | Self::SetRole { who, .. }
            | Self::Topic { who, .. }
            | Self::Send { who, .. }
            | Self::Edit { who, .. }
            | Self::Delete { who, .. }
            | Self::React { who, .. }
            | Self::Read { who, .. }
            | Self::Unread { who, .. }
            | Self::Notify { who, .. } => *who,
        }
    }
}

pub fn step() -> impl Strategy<Value = Step> {
    let who = || 0..PEOPLE;
    let room = || 0..5_usize;
    let seq = || 0..8_u64;
    let text = || 0..TEXTS.len();
    let some = || proptest::collection::vec(0..PEOPLE, 0..3);
    let role = prop::sample::select(Role::ALL.to_vec());
    // Never oneself.
    let pair = (who(), 1..PEOPLE).prop_map(|(who, far)| (who, (who + far) % PEOPLE));
    prop_oneof![
        2 => (who(), any::<bool>(), any::<bool>(), some())
            .prop_map(|(who, channel, all, with)| Step::Create { who, channel, all, with }),
        4 => (pair, text()).prop_map(|((who, peer), text)| Step::Direct { who, peer, text }),
        3 => (who(), who(), any::<bool>())
            .prop_map(|(who, whom, on)| Step::Block { who, whom, on }),
        3 => (who(), room()).prop_map(|(who, room)| Step::Join { who, room }),
        2 => (who(), room()).prop_map(|(who, room)| Step::Leave { who, room }),
        3 => (who(), room(), some()).prop_map(|(who, room, whom)| Step::Add { who, room, whom }),
        2 => (who(), room(), who(), any::<bool>())
            .prop_map(|(who, room, whom, ban)| Step::Remove { who, room, whom, ban }),
        3 => (who(), room(), who(), role)
            .prop_map(|(who, room, whom, role)| Step::SetRole { who, room, whom, role }),
        1 => (who(), room(), 0..2_u8).prop_map(|(who, room, topic)| Step::Topic { who, room, topic }),
        12 => (who(), room(), prop::option::weighted(0.3, seq()), text())
            .prop_map(|(who, room, reply, text)| Step::Send { who, room, reply, text }),
        5 => (who(), room(), seq(), text())
            .prop_map(|(who, room, seq, text)| Step::Edit { who, room, seq, text }),
        2 => (who(), room(), seq()).prop_map(|(who, room, seq)| Step::Delete { who, room, seq }),
        5 => (who(), room(), seq(), 0..EMOJI.len(), any::<bool>())
            .prop_map(|(who, room, seq, emoji, add)| Step::React { who, room, seq, emoji, add }),
        3 => (who(), room(), seq()).prop_map(|(who, room, seq)| Step::Read { who, room, seq }),
        2 => (who(), room()).prop_map(|(who, room)| Step::Unread { who, room }),
        2 => (who(), room(), 0..3_usize)
            .prop_map(|(who, room, choice)| Step::Notify { who, room, choice }),
    ]
}

/// Something to say, and whom it names.
pub struct Text {
    /// `{1}` stands for the name of person 1, `{1!}` for the same in capitals.
    text: &'static str,
    pub names: &'static [usize],
    pub all: bool,
}

impl Text {
    /// How it is said among these people.
    pub fn among(&self, people: &[UserRef]) -> String {
        let mut text = self.text.to_owned();
        for (number, user) in people.iter().enumerate() {
            let name = user.name.as_str();
            text = text.replace(&format!("{{{number}}}"), name);
            text = text.replace(&format!("{{{number}!}}"), &name.to_uppercase());
        }
        text
    }
}

const fn named(text: &'static str, names: &'static [usize], all: bool) -> Text {
    Text { text, names, all }
}

/// What people say.
pub const TEXTS: [Text; 6] = [
    named("first", &[], false),
    named("second", &[], false),
    named("hi @{1}, hi @all", &[1], true),
    named("@{2}. (@{3}) @{2!}", &[2, 3], false),
    named("x@{1} @{0}-, @nobody", &[0], false),
    named("@all!", &[], true),
];

/// What people want to be called for.
pub fn notify(choice: usize) -> NotifySettings {
    let in_2099 = TimeMs::new(4_070_908_800_000);
    let (level, until) = match choice {
        0 => (NotifyLevel::All, None),
        1 => (NotifyLevel::Mentions, None),
        _ => (NotifyLevel::None, Some(in_2099)),
    };
    NotifySettings { level, until }
}
