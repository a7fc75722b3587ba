//! The line on standard error that says how far a transfer is: on a terminal only, and gone when it is done.
//!
//! Written over itself with blanks, without escape codes, so that no terminal is too simple for it.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::termios::tcgetwinsize;
use tokio::sync::watch;

use super::{
    app::untrusted::Untrusted,
    transfer::steering::{Progress, Stage},
};

/// Characters of the name that are shown.
const NAME_CHARS_MAX: usize = 20;
/// Columns where the terminal does not say.
const COLUMNS: usize = 80;

/// See the head of the file.
#[derive(Debug)]
pub(super) struct ProgressLine {
    name: String,
    is_on: bool,
    columns: usize,
    /// Columns of what stands there.
    shown: usize,
}

impl ProgressLine {
    /// The line of a file, if anybody sees it.
    pub fn new(name: &Untrusted, is_wanted: bool) -> Self {
        let columns = tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
        Self {
            name: name.render_start(NAME_CHARS_MAX),
            is_on: is_wanted && io::stderr().is_terminal(),
            columns: match columns {
                0 => COLUMNS,
                columns => columns.into(),
            },
            shown: 0,
        }
    }

    /// Shows what comes, and never returns.
    pub async fn follow(&mut self, mut progress: watch::Receiver<Progress>) {
        while self.is_on && progress.changed().await.is_ok() {
            let now = *progress.borrow_and_update();
            self.show(&text(&self.name, now));
        }
        std::future::pending().await
    }

    /// Shows a text in the place of the one before. What does not fit is left out: a line that breaks cannot be gone over.
    fn show(&mut self, text: &str) {
        let room = self.columns.saturating_sub(1);
        let mut columns = 0;
        let mut fits = String::new();
        for c in text.chars() {
            columns += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
            if columns > room {
                break;
            }
            fits.push(c);
        }
        let columns = columns.min(room);
        let blanks = self.shown.saturating_sub(columns);
        let mut err = io::stderr();
        // Nobody may be there any more, which stops nothing.
        let _ = write!(err, "\r{fits}{:blanks$}", "").and_then(|()| err.flush());
        self.shown = columns;
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if self.shown > 0 {
            self.show("");
            let _ = write!(io::stderr(), "\r");
        }
    }
}

fn text(name: &str, now: Progress) -> String {
    let percent = match now.of {
        0 => 100,
        of => u64::try_from(u128::from(now.bytes) * 100 / u128::from(of)).unwrap_or(100),
    };
    let what = match now.stage {
        Stage::Reading => "reading".to_owned(),
        Stage::Moving if now.rate > 0 => format!("{}/s", amount(now.rate)),
        Stage::Moving => String::new(),
        Stage::Waiting => "waiting for the server".to_owned(),
        Stage::Paused => "paused".to_owned(),
        Stage::Finishing => "finishing".to_owned(),
    };
    let line = format!("{percent:>3}% of {}  {name}  {what}", amount(now.of));
    line.trim_end().to_owned()
}

/// Writes a number of bytes for people.
pub(super) fn amount(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut whole, mut rest, mut unit) = (bytes, 0, "B");
    for next in UNITS {
        if whole < 1024 {
            break;
        }
        (whole, rest, unit) = (whole / 1024, whole % 1024, next);
    }
    format!("{whole}.{} {unit}", rest * 10 / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        let all = [0, 1023, 1024, 1536, 100 * 1024 * 1024, u64::MAX];
        assert_eq!(
            all.map(amount),
            [
                "0 B",
                "1023 B",
                "1.0 KiB",
                "1.5 KiB",
                "100.0 MiB",
                "15.9 EiB"
            ]
        );
    }

    #[test]
    fn the_line_says_how_far_it_is() {
        let line = |stage, bytes, of, rate| {
            text(
                "a.png",
                Progress {
                    stage,
                    bytes,
                    of,
                    rate,
                    ..Progress::default()
                },
            )
        };
        assert_eq!(
            line(Stage::Moving, 512, 1024, 2048),
            " 50% of 1.0 KiB  a.png  2.0 KiB/s"
        );
        assert_eq!(
            line(Stage::Waiting, 0, 0, 0),
            "100% of 0 B  a.png  waiting for the server"
        );
    }
}
