//! The own conversations as a list: what is unread in each, and how far it has come.

use crate::domain::{
    clock::TimeMs,
    conversation::{MemberSettings, NotifyLevel},
};

use super::{
    blocked::Blocked,
    line::{self, Zone, counted},
    model::{Effect, MessageLine, Model},
    room::Room,
    untrusted::Untrusted,
    update::{lines, say},
};

/// Conversations that are listed unless all are wanted: they fit on a screen, and are soon read out.
const LISTED_MAX: usize = 20;
/// Characters of the last message of one.
const LAST_MESSAGE_CHARS: usize = 60;

/// One of the own conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// What it is.
    pub room: Room,
    /// Messages that are unread.
    pub unread: u64,
    /// Those among them that mention this user.
    pub mentions: u64,
    /// What this user set for it.
    pub settings: MemberSettings,
    /// The last thing that was said.
    pub last: Option<MessageLine>,
}

impl Listed {
    fn is_unread(&self) -> bool {
        self.unread > 0 || self.settings.marked_unread
    }
}

/// Writes one line of the list.
pub fn listed_line(listed: &Listed, blocked: &Blocked, now: TimeMs, zone: Zone) -> String {
    let Listed { room, settings, .. } = listed;
    let mut words = vec![format!("{} UNREAD", listed.unread)];
    if listed.mentions > 0 {
        let count = usize::try_from(listed.mentions).unwrap_or(usize::MAX);
        words.push(counted(count, "MENTION", "MENTIONS"));
    }
    if settings.marked_unread {
        words.push("ASIDE".to_owned());
    }
    match settings.notify.at(now).level {
        NotifyLevel::All => {}
        NotifyLevel::Mentions => words.push("MENTIONS ONLY".to_owned()),
        NotifyLevel::None => words.push("MUTED".to_owned()),
    }
    let start = format!("{} <{}>", room.label(), words.join(", "));
    match &listed.last {
        None => start,
        Some(last) => {
            let last = line::short(&blocked.shown(Some(room), last), zone);
            let last = Untrusted::new(last).render_start(LAST_MESSAGE_CHARS);
            format!("{start} {last}")
        }
    }
}

/// Shows them, what is unread first, else those of late first.
pub(super) fn listed(model: &mut Model, all: bool, mut rows: Vec<Listed>) -> Vec<Effect> {
    if rows.is_empty() {
        return vec![say(
            "You are in no conversation yet; /start NAME begins one, /channels lists those that you can join.",
        )];
    }
    for row in &rows {
        model.rooms.learn(row.room.clone());
    }
    let latest = |row: &Listed| row.last.as_ref().map(|last| last.time);
    rows.sort_by_key(|row| std::cmp::Reverse((row.is_unread(), latest(row))));
    let more = match all {
        true => 0,
        false => rows.len().saturating_sub(LISTED_MAX),
    };
    rows.truncate(rows.len().saturating_sub(more));
    let rows = rows.iter();
    let rows = rows.map(|row| listed_line(row, &model.blocked, model.now, model.zone));
    let more = (more > 0).then(|| {
        let more = counted(more, "more", "more");
        line::system(format!("And {more}; /conversations all lists them."))
    });
    vec![Effect::Print(lines(rows.chain(more)))]
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::{
        super::{
            model::Msg,
            room::Kind,
            update::{
                tests::{ann, said},
                update,
            },
        },
        *,
    };
    use crate::domain::conversation::NotifySettings;

    fn row(name: &str, unread: u64, said_at: Option<i64>) -> Listed {
        let last = said_at.map(|time| MessageLine {
            time: TimeMs::new(time),
            ..said("c7", 1, "bob", "hi")
        });
        Listed {
            room: Room {
                id: format!("c-{name}"),
                kind: Kind::Channel,
                name: name.into(),
                ..Room::default()
            },
            unread,
            last,
            ..Listed::default()
        }
    }

    fn told(model: &mut Model, all: bool, rows: Vec<Listed>) -> Vec<String> {
        let rows = Ok(rows);
        match update(model, Msg::Listed { all, rows }).as_slice() {
            [Effect::Print(told)] => told.lines().map(ToOwned::to_owned).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_says_what_is_unread_and_what_calls() {
        let zone = Zone::Fixed(FixedOffset::east_opt(0).unwrap());
        let line = |row: &Listed| listed_line(row, &Blocked::default(), TimeMs::new(5), zone);
        assert_eq!(line(&row("ops", 0, None)), "#ops <0 UNREAD>");
        let mut it = row("ops", 3, Some(0));
        it.mentions = 1;
        it.settings = MemberSettings {
            marked_unread: true,
            notify: NotifySettings {
                level: NotifyLevel::None,
                until: None,
            },
        };
        assert_eq!(
            line(&it),
            "#ops <3 UNREAD, 1 MENTION, ASIDE, MUTED> <bob, 1970-01-01 00:00:00> hi"
        );
        it.settings.notify.until = Some(TimeMs::new(4));
        it.last.as_mut().unwrap().text = Some("\u{1b}[2J\nx".repeat(99).into());
        let shown = line(&it);
        assert!(
            !shown.contains("MUTED") && !shown.contains('\u{1b}'),
            "{shown}"
        );
        assert!(shown.chars().count() < 150, "{shown}");
    }

    #[test]
    fn what_is_unread_comes_first_and_a_long_list_is_cut_unless_all_is_wanted() {
        let mut model = ann();
        assert!(
            told(&mut model, false, Vec::new())[0].starts_with("<> You are in no conversation")
        );
        let mut aside = row("aside", 0, None);
        aside.settings.marked_unread = true;
        let rows = vec![
            row("old", 0, Some(1)),
            row("new", 0, Some(2)),
            aside,
            row("unread", 2, Some(0)),
        ];
        let first = |line: &String| line.split(' ').next().unwrap().to_owned();
        let lines: Vec<String> = told(&mut model, false, rows).iter().map(first).collect();
        assert_eq!(lines, ["#unread", "#aside", "#new", "#old"]);
        assert!(model.rooms.get("c-old").is_some());
        let many = || (0..23).map(|it| row(&format!("n{it}"), 0, None)).collect();
        let lines = told(&mut model, false, many());
        assert_eq!(lines.len(), LISTED_MAX + 1);
        let last = lines.last().unwrap();
        assert_eq!(last, "<> And 3 more; /conversations all lists them.");
        assert_eq!(told(&mut model, true, many()).len(), 23);
    }
}
