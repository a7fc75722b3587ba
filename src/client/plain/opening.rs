//! Links that are opened outside, as in the UI: what cannot be opened is printed, so that it can be taken from there.

use super::{
    super::{
        app::{
            line,
            model::{Effect, Msg},
        },
        asks::Answer,
        exit::Failure,
        ui::runtime::open::{open, openable, opener_here},
    },
    Plain,
};

impl Plain {
    /// Opens a link, and says so.
    pub(super) fn open(&mut self, link: &str) -> Result<(), Failure> {
        let told = match (openable(link), opener_here()) {
            (None, _) => {
                format!(
                    "Not opened: only links to the web are, and not those that are very long: {link}"
                )
            }
            (Some(link), None) => {
                format!("Not opened: there is no screen here to open it on: {link}")
            }
            (Some(link), Some(program)) => match open(program, link) {
                Ok(child) => {
                    self.wait_for(program, child);
                    format!("Opening {link}")
                }
                Err(error) => format!("Not opened: {program}: {error}: {link}"),
            },
        };
        self.perform(Effect::Print(line::system(told)))
    }

    fn wait_for(&mut self, program: &'static str, mut child: std::process::Child) {
        self.asks.spawn_blocking(move || {
            let outcome = match child.wait() {
                Ok(status) if status.success() => Ok(()),
                Ok(_) => Err(format!("{program} could not open the link").into()),
                Err(error) => Err(format!("{program}: {error}").into()),
            };
            Answer::new(Msg::Settled(outcome))
        });
    }
}
