//! What attackers write, and all the ways in which it comes: events and answers of a server that means harm, and what the
//! user is made to paste.

use proptest::{prelude::*, sample::select};
use tonic::Status;

use crate::{
    client::{
        app::{
            acts::{Act, Deeds, Outcome},
            links::{Seen, Sought},
            model::StartProblem,
            password::PasswordProblem,
            untrusted::Untrusted,
        },
        cache,
        net::error::ClientError,
        translate,
        ui::{
            effect::Effect,
            model::{chat::ChatId, window::Ends},
            news::News,
            translate as wire,
        },
    },
    domain::{conversation::NotifySettings, name::UserName, user::Presence},
    pb::{self, event::Body, message::Content},
};

/// Commands of terminals, what hides or turns text, and what terminals do not agree on.
pub const PIECES: &[&str] = &[
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}[?1049l",
    "\u{1b}[?2004l",
    "\u{1b}[31m",
    "\u{1b}[6n",
    "\u{1b}[201~",
    "\u{1b}c",
    "\u{1b}",
    "\u{1b}[",
    "\u{1b}]0;root@host\u{7}",
    "\u{1b}]52;c;cm0gLXJm\u{7}",
    "\u{1b}]52;c;?\u{1b}\\",
    "\u{1b}]8;;http://x\u{1b}\\",
    "\u{1b}]777;notify;a;b\u{7}",
    "\u{1b}P1$r0m\u{1b}\\",
    "\u{1b}_x\u{1b}\\",
    "\u{1b}^x\u{9c}",
    "\u{1b}X",
    "\u{9b}2J",
    "\u{9d}0;x\u{9c}",
    "\u{90}x\u{9c}",
    "\u{85}",
    "\u{84}",
    "\u{8d}",
    "\u{80}",
    "\u{9f}",
    "\0",
    "\u{7}",
    "\u{8}",
    "\r",
    "\r\n",
    "\n",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{e}",
    "\u{f}",
    "\u{18}",
    "\u{1a}",
    "\u{7f}",
    "\u{202e}",
    "\u{202a}",
    "\u{2066}",
    "\u{2067}",
    "\u{2069}",
    "\u{200e}",
    "\u{200f}",
    "\u{61c}",
    "\u{2028}",
    "\u{2029}",
    "\u{ad}",
    "\u{200b}",
    "\u{200c}",
    "\u{200d}",
    "\u{2060}",
    "\u{feff}",
    "\u{fff9}",
    "\u{fffb}",
    "\u{e0001}",
    "\u{e0041}",
    "\u{e007f}",
    "\u{e0100}",
    "\u{fe0e}",
    "\u{fe0f}",
    "\u{301}",
    "\u{489}",
    "\u{20e3}",
    "\u{20dd}",
    "\u{1f3fd}",
    "\u{fffc}",
    "\u{fffd}",
    "\u{ffff}",
    "\u{10ffff}",
    "\u{e000}",
    "\u{d7ff}",
    "\u{34f}",
    "\u{115f}",
    "\u{1160}",
    "\u{3164}",
    "\u{ffa0}",
    "\u{17b4}",
    "\u{180b}",
    "\u{2800}",
    "\u{fdfa}",
    "\u{fdfd}",
    "\u{12031}",
    "\u{a9c5}",
    "\u{0e33}",
    "\u{0eb3}",
    "\u{200d}\u{200d}",
    "\u{1100}\u{1161}\u{11a8}",
    "\u{ac00}",
    "\u{0600}",
    "\u{110bd}",
    "\u{2d7f}",
    "漢",
    "字",
    "😀",
    "😀\u{fe0e}",
    "☺",
    "☺\u{fe0f}",
    "❤\u{fe0f}",
    "⌨\u{fe0f}",
    "1\u{fe0f}\u{20e3}",
    "👍🏽",
    "👩\u{200d}👩\u{200d}👧",
    "🏳\u{fe0f}\u{200d}🌈",
    "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "🇨🇭",
    "🇨",
    "e\u{301}",
    "שלום",
    "العربية",
    "لا",
    "ﷺ",
    "ไทย",
    "नमस्ते",
    "க்ஷ",
    "ᄀᄀ가",
    "a",
    "b ",
    " ",
    "word ",
    "@ann ",
    "@all",
    "#ops",
    ":tada:",
    "**",
    "_",
    "`",
    "~~",
    "> ",
    "- ",
    "[x](https://y.org)",
    "https://x.org/\u{1b}[2J",
    "☔\u{fe0e}",
    "ｶ\u{ff9e}",
    "a\u{ff9f}",
    "\u{17d8}",
    "https://x.org/漢",
    "mailto:a@b.c",
    "/",
    ";",
    "\\",
    "\"",
    "<",
    ">",
    "*",
    "<bob, 2026-01-01 00:00:00> ",
];

/// What is written by who means harm.
pub fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => prop::collection::vec(select(PIECES), 0..24).prop_map(|pieces| pieces.concat()),
        4 => any::<String>(),
        3 => "[ -~]{0,90}",
        2 => (select(PIECES), 1_usize..400).prop_map(|(piece, times)| piece.repeat(times)),
    ]
}

/// A line of 100 KiB, now and then.
pub fn long_words() -> impl Strategy<Value = String> {
    let long = select(PIECES).prop_map(|piece| piece.repeat(100 * 1024 / piece.len()));
    prop_oneof![30 => words(), 1 => long]
}

/// Something that a server says.
#[derive(Clone, Debug)]
pub struct Says {
    pub kind: u8,
    pub chat: u8,
    pub seq: u64,
    pub name: String,
    pub text: String,
}

pub fn says() -> impl Strategy<Value = Says> {
    (any::<u8>(), 0_u8..5, 0_u64..12, words(), long_words()).prop_map(
        |(kind, chat, seq, name, text)| Says {
            kind,
            chat,
            seq,
            name,
            text,
        },
    )
}

fn user(name: &str) -> Option<pb::UserRef> {
    // Now and then it is this user, or one whom names are given to by an id.
    let (id, name) = match name.len() % 4 {
        0 => ("u1", "ann"),
        1 => ("u2", name),
        2 => ("u3", "bob"),
        _ => (name, name),
    };
    Some(pb::UserRef {
        id: id.to_owned(),
        name: name.to_owned(),
    })
}

fn at(seconds: u64) -> Option<prost_types::Timestamp> {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX) * 50_000;
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

impl Says {
    pub fn id(&self) -> String {
        match self.chat {
            4 => self.name.clone(),
            chat => format!("c{chat}"),
        }
    }

    fn reactions(&self) -> Vec<pb::Reaction> {
        let reaction = |emoji: &str| pb::Reaction {
            emoji: emoji.to_owned(),
            count: u32::from(self.kind),
            mine: self.seq.is_multiple_of(2),
        };
        vec![reaction("👍"), reaction(&self.name), reaction(&self.text)]
    }

    fn file(&self) -> pb::File {
        pb::File {
            id: self.name.clone(),
            name: self.text.clone(),
            size_bytes: self.seq,
            media_type: self.name.clone(),
            blake3: self.text.clone().into(),
            image: self.kind.is_multiple_of(2).then_some(pb::ImageSize {
                width: u32::MAX,
                height: u32::from(self.kind),
            }),
            thumbnail_file_id: self.text.clone(),
        }
    }

    pub fn message(&self) -> pb::Message {
        pb::Message {
            conversation_id: self.id(),
            seq: self.seq,
            sender: user(&self.name),
            content: Some(Content::Text(match self.kind % 10 {
                9 => String::new(),
                _ => self.text.clone(),
            })),
            sent_time: at(self.seq),
            reply_to_seq: self.seq / 2,
            reactions: match self.kind % 3 {
                0 => self.reactions(),
                _ => Vec::new(),
            },
            revision: self.seq % 2,
            deleted: self.kind % 16 == 15,
            mentions: user("ann").into_iter().chain(user(&self.name)).collect(),
            mentions_all: self.kind.is_multiple_of(5),
            attachments: match self.kind % 5 {
                4 => vec![self.file(); usize::from(self.kind)],
                _ => Vec::new(),
            },
            ..pb::Message::default()
        }
    }

    fn conversation(&self) -> pb::Conversation {
        let kinds = [
            pb::ConversationKind::Direct,
            pb::ConversationKind::Group,
            pb::ConversationKind::Channel,
        ];
        let role = [pb::Role::Owner, pb::Role::Member, pb::Role::ReadOnly];
        pb::Conversation {
            id: self.id(),
            kind: kinds[usize::from(self.kind) % 3].into(),
            name: self.name.clone(),
            topic: self.text.clone(),
            members_count: u32::from(self.kind),
            members: user("ann").into_iter().chain(user(&self.name)).collect(),
            my_role: role[usize::from(self.kind) / 3 % 3].into(),
            last_seq: self.seq,
            read_seq: self.seq / 2,
            unread: self.seq / 3,
            mentions: self.seq / 4,
            last_message: Some(self.message()),
            notify: Some(pb::NotifySettings::default()),
            ..pb::Conversation::default()
        }
    }

    /// What comes as an event.
    pub fn body(&self) -> Body {
        let conversation_id = self.id();
        let kind = self.kind % 32;
        match kind {
            0..=5 => Body::ConversationChanged(pb::ConversationChanged {
                conversation: Some(self.conversation()),
            }),
            6..=15 => Body::Message(self.message()),
            16 | 17 => Body::MessageEdited(pb::MessageEdited {
                message: Some(self.message()),
            }),
            18 => Body::MessageDeleted(pb::MessageDeleted {
                conversation_id,
                seq: self.seq,
                revision: 9,
                deleted_by: user(&self.name),
            }),
            19 | 20 => Body::ReactionChanged(pb::ReactionChanged {
                conversation_id,
                seq: self.seq,
                reactions: self.reactions(),
                user: user(&self.name),
                emoji: self.text.clone(),
                added: true,
            }),
            21..=23 => Body::MemberChanged(pb::MemberChanged {
                conversation_id,
                user: user(&self.name),
                change: i32::try_from(self.seq % 8).unwrap(),
                role: 2,
                by: user(&self.text),
                members_count: 7,
            }),
            24..=26 => Body::Typing(pb::Typing {
                conversation_id,
                user: user(&self.name),
                typing: true,
            }),
            27 => Body::Welcome(pb::Welcome {
                user: Some(pb::User {
                    id: "u1".to_owned(),
                    name: self.name.clone(),
                    ..pb::User::default()
                }),
                server_version: self.text.clone(),
                ..pb::Welcome::default()
            }),
            28 => Body::CaughtUp(pb::CaughtUp::default()),
            29 => Body::BlocksChanged(pb::BlocksChanged {
                users: user(&self.name).into_iter().collect(),
            }),
            30 => Body::Gap(pb::Gap {
                conversation_id,
                from_seq: self.seq / 2,
                to_seq: self.seq,
            }),
            _ => Body::ReadMarker(pb::ReadMarker {
                conversation_id,
                user_id: "u2".to_owned(),
                read_seq: self.seq,
            }),
        }
    }

    /// What was kept on this machine of such a server, with a text that was not sent.
    pub fn kept(&self, draft: &str) -> cache::FirstPaint {
        let page = cache::Page {
            messages: vec![self.message()],
            ..cache::Page::default()
        };
        cache::FirstPaint {
            chats: vec![cache::CachedChat {
                state: self.conversation(),
                last_activity: self.seq,
            }],
            front: Some((self.id(), page)),
            cursor: None,
            epoch: Some(self.text.clone()),
            drafts: vec![(self.id(), draft.to_owned())],
            written: String::new(),
            blocked: user(&self.name).into_iter().collect(),
            notice: None,
        }
    }

    /// What the server says went wrong.
    pub fn error(&self) -> ClientError {
        match self.kind % 3 {
            0 => Status::permission_denied(self.text.clone()).into(),
            1 => Status::unknown(self.text.clone()).into(),
            _ => ClientError::NotAMember(self.text.as_str().into()),
        }
    }

    fn problem(&self) -> Untrusted {
        translate::problem(&self.error())
    }

    /// What is answered to what is asked, or refused.
    pub fn answer(&self, effect: &Effect, me: &UserName) -> Option<News> {
        let is_refused = self.kind % 4 == 3;
        let refused = || self.problem();
        Some(match effect.clone() {
            Effect::Send(message) => match is_refused {
                true if self.seq.is_multiple_of(3) => News::Strange {
                    id: message.id,
                    text: message.text.as_str().to_owned(),
                    why: refused(),
                },
                true => News::NotSent {
                    id: message.id,
                    why: refused(),
                },
                false => return None,
            },
            Effect::Start(wanted) => News::Started {
                wanted,
                outcome: match is_refused {
                    true => Err(StartProblem::Other(refused())),
                    false => Ok(translate::room(self.conversation(), me)),
                },
            },
            Effect::Act(act) => {
                let outcome = match is_refused {
                    true => Err(refused()),
                    false => Ok(Box::new(self.outcome(&act, me)?)),
                };
                let act = Box::new(act);
                News::Acted { act, outcome }
            }
            Effect::Users => {
                let user = pb::User {
                    name: self.name.clone(),
                    display_name: self.text.clone(),
                    ..pb::User::default()
                };
                News::Users(match is_refused {
                    true => Err(refused()),
                    false => Ok(vec![translate::user(user); 3]),
                })
            }
            Effect::Time => News::Time(Err(refused())),
            Effect::Password(wish) => News::Password {
                ends_others: wish.ends_others,
                outcome: Err(PasswordProblem::Other(refused())),
            },
            Effect::Page { chat, ask, .. } => {
                let ends = Ends {
                    floor: 0,
                    last_seq: self.seq,
                };
                let page = match is_refused {
                    true => Err(refused()),
                    false => Ok(wire::page(ask, vec![self.message()], Some(ends))),
                };
                News::Page { chat, ask, page }
            }
            Effect::Find { chat, .. } => News::Found {
                chat,
                seq: Err(refused()),
            },
            Effect::Members(chat) => News::Members {
                chat,
                members: match is_refused {
                    true => Err(refused()),
                    false => Ok(vec![wire::member(self.member())]),
                },
            },
            Effect::Markers(chat) => self.markers(chat),
            Effect::Search { number, .. } => News::Hits {
                number,
                hits: match is_refused {
                    true => Err(refused()),
                    false => Ok((vec![translate::hit(self.hit()); 3], self.text.clone())),
                },
            },
            _ => return None,
        })
    }

    fn outcome(&self, act: &Act, me: &UserName) -> Option<Outcome> {
        let room = || translate::room(self.conversation(), me);
        Some(match act {
            Act::Create(..) | Act::Group(..) | Act::Join(_) | Act::JoinBy(_) => {
                Outcome::Room(room())
            }
            Act::Channels(_) => Outcome::Channels(vec![room(); 3]),
            Act::Search(_) => Outcome::Found(vec![translate::hit(self.hit())], self.text.clone()),
            Act::Mentions { .. } => {
                Outcome::Found(vec![translate::found(self.message())], self.text.clone())
            }
            Act::Presence(_) => Outcome::Presence(Presence::Away),
            Act::Block(..) => Outcome::Done,
            Act::Blocked => {
                Outcome::Blocked(translate::blocked(user(&self.name).into_iter().collect()))
            }
            Act::At(_, deed) => match deed {
                Deeds::Members => Outcome::Members(vec![translate::member(self.member()); 2]),
                Deeds::Topic(_) | Deeds::Rename(_) => Outcome::Room(room()),
                Deeds::Links => Outcome::Links(vec![translate::invite_link(self.link())]),
                Deeds::Link(_) => Outcome::Link(
                    translate::invite_link(self.link()),
                    self.text.as_str().into(),
                ),
                Deeds::Seen(_) => Outcome::Seen(Seen {
                    message: Sought::Own(self.seq),
                    others: vec![translate::marker(self.marker()); 2],
                }),
                Deeds::Notify(_) => Outcome::Notify(self.id(), NotifySettings::default()),
                Deeds::Unread(is_aside) => Outcome::Aside(self.id(), *is_aside),
                Deeds::History(_) => Outcome::Messages(vec![translate::message(self.message())]),
                _ => Outcome::Done,
            },
        })
    }

    fn markers(&self, chat: ChatId) -> News {
        let markers = Ok(vec![wire::marker(self.marker())]);
        News::Markers { chat, markers }
    }

    fn marker(&self) -> pb::Marker {
        pb::Marker {
            user: user(&self.name),
            read_seq: self.seq,
            delivered_seq: self.seq,
        }
    }

    fn member(&self) -> pb::Member {
        pb::Member {
            user: user(&self.name),
            role: 2,
            ..pb::Member::default()
        }
    }

    fn link(&self) -> pb::InviteLink {
        pb::InviteLink {
            id: self.name.clone(),
            created_by: user(&self.text),
            ..pb::InviteLink::default()
        }
    }

    fn hit(&self) -> pb::SearchHit {
        let part = |text: &str, is_match| pb::SnippetPart {
            text: text.to_owned(),
            r#match: is_match,
        };
        pb::SearchHit {
            message: Some(self.message()),
            snippet: vec![
                part(&self.name, false),
                part(&self.text, true),
                part("x", false),
            ],
        }
    }
}
