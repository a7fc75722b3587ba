//! What stands on each screen before the chat, in words.

use super::{
    Account, Login, Met,
    ask::Known,
    block::{Block, LEAD, Rank, Row, Writer},
    state::{Busy, Screen},
};
use crate::{
    client::ui::{
        text::{cut, day, width},
        theme::{Glyphs, Role},
    },
    domain::{
        clock::TimeMs,
        fingerprint::Fingerprint,
        limits::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN},
        name::UserName,
    },
};

/// The name of the program.
pub(super) const NAME: &str = "TinyChat";
/// The width from which on a list says when each was used last.
const USED_CELLS: usize = 48;
/// The width from which on something stands beside the question of a list.
const QUESTION_CELLS: usize = 30;
/// The rows from which on a list leaves some air.
const AIRY_ROWS: usize = 10;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The name of the program, where there is no box that shows it.
pub(super) fn title() -> Block {
    let row = Row {
        pieces: vec![(Role::Title, NAME.to_owned())],
        ..Row::default()
    };
    Block {
        rows: vec![row],
        ..Block::of(Rank::Air)
    }
}

/// What stands on the screen, for rows of so many cells. A list takes no more rows than there are.
pub(super) fn blocks(login: &Login, cells: usize, rows_max: usize, glyphs: Glyphs) -> Vec<Block> {
    let writer = Writer { cells, glyphs };
    let name = login.user();
    let name = name.as_ref().map_or("", UserName::as_str);
    match &login.screen {
        Screen::Accounts => writer.accounts(login, rows_max),
        Screen::Server => {
            let mut blocks = vec![writer.question("Which server?"), Block::air()];
            blocks.push(writer.field(&login.server));
            blocks.extend(writer.told(login.told.as_ref()));
            blocks.push(Block::air());
            blocks.push(writer.help(
                "Its address is HOST:PORT, as whoever runs it told you. 127.0.0.1:7777 is a server on this machine.",
            ));
            blocks
        }
        Screen::Fingerprint {
            server,
            fingerprint,
        } => vec![
            writer.question("Trust this server?"),
            Block::air(),
            writer.help(&format!(
                "Nobody whom this machine trusts vouches for the certificate of {server}. Its fingerprint is SHA256:"
            )),
            Block::air(),
            writer.fingerprint(Rank::Must, fingerprint),
            Block::air(),
            writer.help(
                "Compare it with what the server printed at its start. If they differ, somebody may stand between you and \
                 it.",
            ),
            Block::air(),
            writer.yes_or_no(login.is_yes),
        ],
        Screen::Changed {
            server,
            shown,
            pinned,
        } => writer.changed(server, shown, pinned),
        Screen::Way => writer.ways(login),
        Screen::Name => {
            let question = match login.is_new {
                true => "Which name do you want?",
                false => "What is your name?",
            };
            let mut blocks = vec![writer.question(question)];
            blocks.extend(login.met.as_ref().map(|met| writer.met(met)));
            blocks.extend([Block::air(), writer.field(&login.name)]);
            blocks.extend(writer.told(login.told.as_ref()));
            let is_trusting = login.met.as_ref().is_some_and(|met| met.is_trusting);
            let help = match (is_trusting, login.is_new) {
                (true, _) => "This server asks for no passwords: whoever gives a name is that user.",
                (false, true) => "Others know you by it, and it stays: a-z 0-9 . _ -",
                (false, false) => "The name of your account here: a-z 0-9 . _ -",
            };
            blocks.extend([Block::air(), writer.help(help)]);
            blocks
        }
        Screen::Password => {
            let question = match login.is_new {
                true => format!("A password for {name}"),
                false => format!("Password of {name}"),
            };
            let mut blocks = vec![writer.question(&question)];
            blocks.extend(login.met.as_ref().map(|met| writer.met(met)));
            blocks.extend([Block::air(), writer.dots(&login.password)]);
            blocks.extend(writer.told(login.told.as_ref()));
            if login.is_new && login.told.is_none() {
                let help = format!(
                    "It has {PASSWORD_BYTES_MIN} to {PASSWORD_BYTES_MAX} bytes, and any signs. Nobody can tell you what it \
                     was: keep it."
                );
                blocks.extend([Block::air(), writer.help(&help)]);
            }
            blocks
        }
        Screen::Again => {
            let mut blocks = vec![
                writer.question("The same password again"),
                writer.help(&format!(
                    "for the new account {name} at {}",
                    login.server_name()
                )),
                Block::air(),
                writer.dots(&login.again),
            ];
            blocks.extend(writer.told(login.told.as_ref()));
            blocks
        }
        Screen::Busy(busy) => {
            let dots = writer.signs().ellipsis;
            let doing = match busy {
                Busy::Connect { server } => format!("Connecting to {server}{dots}"),
                Busy::LogIn { name } => format!("Logging in as {name}{dots}"),
                Busy::Register { name } => format!("Making the account {name}{dots}"),
                Busy::Remembered { server, name } => {
                    format!("Logging in as {name} at {server}{dots}")
                }
            };
            let mut blocks = vec![writer.text(Rank::Must, Role::Text, &doing)];
            blocks.extend(writer.told(login.told.as_ref()));
            blocks
        }
        Screen::Problem { server, name, text } => vec![
            writer.question(&format!("{name} cannot be logged in")),
            writer.help(&format!("at {server}")),
            Block::air(),
            writer.marked(Role::Error, Rank::Must, text),
        ],
        Screen::Ended { server, name, why } => vec![
            writer.question(&format!("The login of {name} has ended")),
            writer.help(&format!("at {server}")),
            Block::air(),
            writer.marked(Role::Warning, Rank::Must, why),
            Block::air(),
            writer.help(
                "What you were writing is kept, and so is what is not sent yet: it goes on when you have logged in again.",
            ),
        ],
    }
}

impl Writer {
    /// Which server it is, and how well it is known.
    fn met(&self, met: &Met) -> Block {
        let server = &met.server;
        match met.known {
            Known::Here => self.help(&format!("at {server}, on this machine")),
            Known::Vouched => self.help(&format!(
                "at {server}, encrypted; an authority vouches for it"
            )),
            Known::Pinned => self.help(&format!(
                "at {server}, encrypted; you trust its certificate"
            )),
            Known::Plaintext => {
                let text = format!("at {server}, not encrypted: others may read along");
                self.marked(Role::Warning, Rank::Told, &text)
            }
        }
    }

    /// Both ways to a login, of which one is chosen.
    fn ways(&self, login: &Login) -> Vec<Block> {
        let mut blocks = vec![self.question("Have you an account here?")];
        blocks.extend(login.met.as_ref().map(|met| self.met(met)));
        blocks.push(Block::air());
        let ways = [("yes: log in", false), ("no: make one", true)];
        for (text, is_new) in ways {
            let text = cut(text, self.list_cells(), &self.signs());
            let is_chosen = login.is_new == is_new;
            blocks.push(self.item(vec![(Role::Text, text)], None, is_chosen));
        }
        blocks.extend(self.told(login.told.as_ref()));
        blocks
    }

    /// A row of a list.
    fn item(
        &self,
        mut pieces: Vec<(Role, String)>,
        right: Option<String>,
        is_chosen: bool,
    ) -> Block {
        let mark = match is_chosen {
            true => (Role::Selection, format!("{} ", self.sign(Role::Selection))),
            false => (Role::Text, " ".repeat(LEAD)),
        };
        pieces.insert(0, mark);
        let row = Row {
            pieces,
            right,
            is_chosen,
        };
        Block {
            rows: vec![row],
            has_focus: is_chosen,
            ..Block::of(Rank::Must)
        }
    }

    fn changed(&self, server: &str, shown: &Fingerprint, pinned: &Fingerprint) -> Vec<Block> {
        vec![
            self.question("This is not the server that you trusted"),
            Block::air(),
            self.marked(
                Role::Error,
                Rank::Must,
                &format!(
                    "The certificate of {server} is another one. Somebody may stand between you and it, so nothing was \
                     sent."
                ),
            ),
            Block::air(),
            self.help("You trusted"),
            self.fingerprint(Rank::Help, pinned),
            self.help("and it shows"),
            self.fingerprint(Rank::Help, shown),
            Block::air(),
            self.text(
                Rank::Must,
                Role::Text,
                "If its operator tells you that it has a new one, leave, and forget the old one with",
            ),
            self.text(
                Rank::Must,
                Role::Code,
                &format!("tinychat-client --server {server} forget"),
            ),
        ]
    }

    fn accounts(&self, login: &Login, rows_max: usize) -> Vec<Block> {
        let told = self.told(login.told.as_ref());
        let taken: usize = told.iter().map(|block| block.rows.len()).sum();
        let count = login.accounts.len() + 1;
        // Air, where there is some to spare.
        let air = usize::from(rows_max >= AIRY_ROWS);
        let seen = rows_max.saturating_sub(taken + 1 + air).clamp(1, count);
        let first = login.chosen.saturating_sub(seen / 2).min(count - seen);
        let mut question = self.question("Which account?");
        let right = match seen < count {
            true => Some(format!("{} of {count}", login.chosen + 1)),
            false => self.shows_used().then(|| "last used".to_owned()),
        };
        if let (true, Some(row)) = (self.cells > QUESTION_CELLS, question.rows.first_mut()) {
            row.right = right;
        }
        let names = login.accounts.iter().map(|it| it.name.as_str().len());
        let names = names.max().unwrap_or(0).min(self.cells / 2);
        let mut blocks = vec![question, Block::air()];
        for place in first..first + seen {
            let is_chosen = place == login.chosen;
            let (pieces, right) = match login.accounts.get(place) {
                Some(account) => self.account(account, names, login),
                None => {
                    let text = format!("another account{}", self.signs().ellipsis);
                    let text = cut(&text, self.list_cells(), &self.signs());
                    (vec![(Role::Text, text)], None)
                }
            };
            blocks.push(self.item(pieces, right, is_chosen));
        }
        blocks.extend(told);
        blocks
    }

    /// Whether there is room to say when each was used last.
    const fn shows_used(self) -> bool {
        self.cells >= USED_CELLS
    }

    fn account(
        &self,
        account: &Account,
        names: usize,
        login: &Login,
    ) -> (Vec<(Role, String)>, Option<String>) {
        let right = match login.in_use.as_ref() == Some(account) {
            true => Some("in use".to_owned()),
            false => account.used.map(|used| when(used, login)),
        };
        let right = right.filter(|_| self.shows_used());
        let taken = right.as_ref().map_or(0, |right| right.len() + 2);
        let name = cut(account.name.as_str(), names, &self.signs());
        let blank = " ".repeat(names.saturating_sub(width::cells(&name)) + 2);
        let space = self.list_cells().saturating_sub(names + 2 + taken);
        let server = cut(&account.server, space, &self.signs());
        let pieces = vec![
            (Role::OwnName, name),
            (Role::Text, blank),
            (Role::Dim, server),
        ];
        (pieces, right)
    }
}

/// When a login was used last.
fn when(used: TimeMs, login: &Login) -> String {
    let (now, zone) = (login.now, login.zone);
    let day_after = TimeMs::new(used.milliseconds().saturating_add(DAY_MS));
    if day::is_same_day(used, now, zone) {
        format!("today {}", day::time_of_day(used, zone))
    } else if day::is_same_day(day_after, now, zone) {
        "yesterday".to_owned()
    } else {
        let stamp = zone.stamp(used);
        stamp.split(' ').next().unwrap_or_default().to_owned()
    }
}
