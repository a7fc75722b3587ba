//! The words about invite links, and about how far others have come.

use std::{num::NonZeroU32, time::Duration};

use crate::domain::{clock::TimeMs, name::UserName};

use super::{line::Zone, parse::CommandError, reading::Reading, untrusted::Untrusted, when};

/// Characters of a code and of an id that are shown: an honest server sends less.
const CODE_CHARS: usize = 40;
const ID_CHARS: usize = 24;

/// What ends an invite link that is to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// How long it lives; `None`: for ever.
    pub lasts: Option<Duration>,
    /// How many can join by it; `None`: any number.
    pub uses: Option<NonZeroU32>,
}

/// One invite link of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLine {
    /// Its id.
    pub id: Untrusted,
    /// Who made it.
    pub creator: Untrusted,
    /// When.
    pub created: TimeMs,
    /// When it ends, if ever.
    pub expires: Option<TimeMs>,
    /// How many can join by it; 0: any number.
    pub uses_max: u32,
    /// How many have joined.
    pub uses: u32,
}

/// How far a member has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkerLine {
    /// Who.
    pub user: Untrusted,
    /// Up to where everything is read.
    pub read: u64,
    /// Up to where everything has arrived.
    pub delivered: u64,
}

/// The message with which others have come so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// This one of this user.
    Own(u64),
    /// There is none of this user of late.
    Nothing,
    /// This one is of somebody else, or there is none.
    NotOwn(u64),
}

/// How far others have come with a message of this user in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// With which.
    pub message: Sought,
    /// The others; nobody, where that is not told.
    pub others: Vec<MarkerLine>,
}

/// What a member has of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    /// Has read it.
    Read,
    /// Has got it.
    Got,
    /// Has not got it.
    NotYet,
}

impl MarkerLine {
    /// What this member has of a message.
    pub fn has(&self, seq: u64) -> Has {
        if self.read >= seq {
            Has::Read
        } else if self.delivered >= seq {
            Has::Got
        } else {
            Has::NotYet
        }
    }
}

/// Reads what stands behind `/link`: a length of time has a unit, a number of uses none.
pub(super) fn ends(read: &Reading<'_>, argument: &str) -> Result<Ends, CommandError> {
    let mut ends = Ends::default();
    for word in argument.split_whitespace() {
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        let is_twice = match is_number {
            true => {
                let uses = word.parse().map_err(|_| bad(read))?;
                ends.uses.replace(uses).is_some()
            }
            false => {
                let span = when::span(word).map_err(|_| bad(read))?;
                ends.lasts.replace(span).is_some()
            }
        };
        if is_twice {
            return Err(bad(read));
        }
    }
    Ok(ends)
}

fn bad(read: &Reading<'_>) -> CommandError {
    read.bad(
        "after how much time it ends, as in 30m, 2h or 7d, and how many can join by it, as in 5; or nothing".to_owned(),
    )
}

/// Tells of a link that was made: this is the only time that its code is seen.
pub fn made(label: &str, link: &LinkLine, code: &Untrusted, zone: Zone) -> String {
    let code = code.render_start(CODE_CHARS);
    let until = link
        .expires
        .map(|end| format!("until {}, ", zone.stamp(end)));
    let until = until.unwrap_or_default();
    let who = match link.uses_max {
        0 => "whoever types".to_owned(),
        1 => "the first who types".to_owned(),
        max => format!("the first {max} who type"),
    };
    let become_one = if link.uses_max > 1 {
        "become members"
    } else {
        "becomes a member"
    };
    format!(
        "Pass it on: {until}{who} /join {code} {become_one} of {label}. The code is not shown again; /unlink {} makes \
         it void.",
        id(&link.id)
    )
}

/// Writes one line of the list of invite links.
pub fn link_line(link: &LinkLine, zone: Zone) -> String {
    let uses = match link.uses_max {
        0 if link.uses == 1 => "1 USE".to_owned(),
        0 => format!("{} USES", link.uses),
        1 => format!("{} OF 1 USE", link.uses),
        max => format!("{} OF {max} USES", link.uses),
    };
    let end = link
        .expires
        .map(|end| format!(", ends {}", zone.stamp(end)));
    format!(
        "{} <{uses}> by {}, since {}{}",
        id(&link.id),
        link.creator.render_line(),
        zone.stamp(link.created),
        end.unwrap_or_default()
    )
}

fn id(id: &Untrusted) -> String {
    id.render_start(ID_CHARS)
}

/// Says how far others have come.
pub fn seen_line(seen: &Seen) -> String {
    if let Sought::NotOwn(seq) = seen.message {
        return format!(
            "Message [{seq}] is none of yours here; only of your own messages it is told who has read them."
        );
    }
    if seen.others.is_empty() {
        return "Nobody else here shows you that: others do in conversations of two and in small groups, unless one of you \
                has blocked the other."
            .to_owned();
    }
    let Sought::Own(seq) = seen.message else {
        return "You have said nothing here of late.".to_owned();
    };
    let all_who = |has: Has| {
        let is_it = |it: &&MarkerLine| it.has(seq) == has;
        let names = seen.others.iter().filter(is_it);
        names
            .map(|it| it.user.render_line())
            .collect::<Vec<String>>()
    };
    let mut parts = Vec::new();
    for (has, one, many) in [
        (Has::Read, "has read it", "have read it"),
        (Has::Got, "has got it", "have got it"),
        (Has::NotYet, "not yet", "not yet"),
    ] {
        match all_who(has).as_slice() {
            [] => {}
            [only] => parts.push(format!("{only} {one}")),
            [first @ .., last] => parts.push(format!("{} and {last} {many}", first.join(", "))),
        }
    }
    format!("Your message [{seq}]: {}.", parts.join(", "))
}

/// Writes one line of the list of those who have a message or not.
pub fn marker_line(marker: &MarkerLine, seq: u64) -> String {
    let has = match marker.has(seq) {
        Has::Read => "READ",
        Has::Got => "GOT",
        Has::NotYet => "NOT YET",
    };
    format!("{} <{has}>", marker.user.render_line())
}

/// Says what a block means.
pub fn block_line(user: &UserName) -> String {
    format!(
        "You have blocked {user}: neither of you can write to the other, and what {user} says in groups and channels is \
         hidden here. /unblock {user} ends that."
    )
}

/// Says that it is over.
pub fn unblock_line(user: &UserName) -> String {
    format!("You do not block {user} any more; /history shows what was hidden.")
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::{
        super::parse::{Command, Input, parse},
        *,
    };

    fn command(line: &str) -> Command {
        match parse(line) {
            Ok(Input::Command(command)) => command,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn zone() -> Zone {
        Zone::Fixed(FixedOffset::east_opt(0).unwrap())
    }

    fn link() -> LinkLine {
        LinkLine {
            id: "i3".into(),
            creator: "bob".into(),
            created: TimeMs::new(0),
            expires: None,
            uses_max: 0,
            uses: 0,
        }
    }

    #[test]
    fn what_ends_a_link_is_read_in_any_order() {
        let ends = |seconds: Option<u64>, uses: u32| {
            let lasts = seconds.map(Duration::from_secs);
            let uses = NonZeroU32::new(uses);
            Command::Link(Ends { lasts, uses })
        };
        for (line, expected) in [
            ("/link", ends(None, 0)),
            ("/link 2h", ends(Some(7200), 0)),
            ("/link 5", ends(None, 5)),
            ("/link 1d 5", ends(Some(86_400), 5)),
            ("/LINK 5  1D", ends(Some(86_400), 5)),
            ("/links", Command::Links),
            ("/unlink i3", Command::Unlink("i3".parse().unwrap())),
            ("/block Bob", Command::Block("bob".parse().unwrap(), true)),
            (
                "/unblock bob",
                Command::Block("bob".parse().unwrap(), false),
            ),
            ("/blocked", Command::Blocked),
            ("/seen", Command::Seen(None)),
            ("/seen [7]", Command::Seen(Some(7))),
        ] {
            assert_eq!(command(line), expected, "{line}");
        }
    }

    #[test]
    fn what_joins_is_a_channel_or_a_code() {
        let code = "tci_AAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(
            command(&format!("/join {code}")),
            Command::JoinBy(code.parse().unwrap())
        );
        for (line, name) in [("/join #tci_x", "tci_x"), ("/join general", "general")] {
            assert_eq!(
                command(line),
                Command::Join(name.parse().unwrap()),
                "{line}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_names_the_mend() {
        let error = |line: &str| parse(line).unwrap_err().to_string();
        let bad = "/link [TIME] [USES]: after how much time it ends, as in 30m, 2h or 7d, and how many can join by it, \
                   as in 5; or nothing.";
        for line in [
            "/link soon",
            "/link 0",
            "/link 5 6",
            "/link 1d 2d",
            "/link 99999999999",
            "/link -1",
        ] {
            assert_eq!(error(line), bad, "{line}");
        }
        assert_eq!(
            error("/join tci_short"),
            "/join #NAME|CODE: not an invite code: it has 26 characters and begins with tci_."
        );
        assert_eq!(
            error("/unlink 3"),
            "/unlink ID: not an id of a link: copy it as the server gave it."
        );
        assert!(parse("/block").is_err() && parse("/block a/b").is_err());
    }

    #[test]
    fn a_link_says_how_it_is_used_and_what_ends_it() {
        let told = |link: &LinkLine| made("#ops", link, &"tci_x\u{1b}".into(), zone());
        let rest = "The code is not shown again; /unlink i3 makes it void.";
        assert_eq!(
            told(&link()),
            format!("Pass it on: whoever types /join tci_x␛ becomes a member of #ops. {rest}")
        );
        let ends = |uses_max| LinkLine {
            expires: Some(TimeMs::new(1000)),
            uses_max,
            ..link()
        };
        let until = "until 1970-01-01 00:00:01";
        assert_eq!(
            told(&ends(1)),
            format!(
                "Pass it on: {until}, the first who types /join tci_x␛ becomes a member of #ops. {rest}"
            )
        );
        assert_eq!(
            told(&ends(5)),
            format!(
                "Pass it on: {until}, the first 5 who type /join tci_x␛ become members of #ops. {rest}"
            )
        );
        let row = |link: LinkLine| link_line(&link, zone());
        assert_eq!(row(link()), "i3 <0 USES> by bob, since 1970-01-01 00:00:00");
        assert_eq!(
            row(ends(5)),
            "i3 <0 OF 5 USES> by bob, since 1970-01-01 00:00:00, ends 1970-01-01 00:00:01"
        );
        let long = LinkLine {
            id: "x\n".repeat(999).into(),
            ..link()
        };
        assert!(row(long).chars().count() < 100);
    }

    #[test]
    fn those_who_have_read_got_and_not_got_it_are_named() {
        let one = |user: &str, read, delivered| MarkerLine {
            user: user.into(),
            read,
            delivered,
        };
        let others = vec![one("bob", 7, 7), one("carol", 3, 9), one("dan", 0, 6)];
        let line = |message, others: &[MarkerLine]| {
            seen_line(&Seen {
                message,
                others: others.to_vec(),
            })
        };
        assert_eq!(
            line(Sought::Own(7), &others),
            "Your message [7]: bob has read it, carol has got it, dan not yet."
        );
        assert_eq!(
            line(Sought::Own(3), &others),
            "Your message [3]: bob and carol have read it, dan has got it."
        );
        assert_eq!(
            line(Sought::Own(10), &others),
            "Your message [10]: bob, carol and dan not yet."
        );
        let nothing = line(Sought::Nothing, &others);
        assert_eq!(nothing, "You have said nothing here of late.");
        let of_bob = line(Sought::NotOwn(3), &[]);
        assert!(of_bob.starts_with("Message [3] is none of yours"));
        assert!(line(Sought::Own(7), &[]).starts_with("Nobody else here shows you that"));
        let rows: Vec<String> = others.iter().map(|it| marker_line(it, 7)).collect();
        assert_eq!(rows, ["bob <READ>", "carol <GOT>", "dan <NOT YET>"]);
    }
}
