//! The terminal for the screens before the chat: what is drawn goes to it, what a person does comes from it.
//!
//! Borrows what the chat uses afterwards, so that nothing that is typed meanwhile is lost. Promises that no frame waits for
//! a terminal that stands still, that a program that was stopped has its screen again when it goes on, that the title of the
//! terminal is that of these screens, and that a defect of the program is no end of it that nobody hears of.

use std::io;

use ratatui::Frame;
use tokio::sync::mpsc;

use super::{
    asking,
    keys::Input,
    login::{self, Heard},
    notice,
    run::{Signals, Step, a_defect},
    screen::Screen,
    terminal,
};
use crate::client::{exit::Failure, ui::update::Msg};

/// The title while nobody is logged in: that of an account that was left is none of these screens.
const TITLE: &str = "TinyChat";

/// See the head of the file.
pub(super) struct Stage<'a> {
    screen: &'a mut Screen,
    inputs: &'a mut mpsc::Receiver<Input>,
    signals: &'a mut Signals,
    size: (u16, u16),
    /// A frame or the title was left out.
    is_owed: bool,
    /// The terminal is to get the title of these screens.
    wants_title: bool,
    has_title: bool,
}

impl<'a> Stage<'a> {
    /// The terminal, whose screen has the size that is told; and whether it gets a title.
    pub fn new(
        screen: &'a mut Screen,
        inputs: &'a mut mpsc::Receiver<Input>,
        signals: &'a mut Signals,
        (size, has_title): ((u16, u16), bool),
    ) -> Self {
        Self {
            screen,
            inputs,
            signals,
            size,
            is_owed: false,
            wants_title: has_title,
            has_title,
        }
    }

    fn resized(&mut self, size: (u16, u16)) -> io::Result<Heard> {
        self.size = size;
        self.screen.resize(size)?;
        Ok(Heard::Resized(size.0, size.1))
    }

    /// What is in a turn; `None`: nothing for these screens.
    fn heard(&mut self, turn: Turn) -> io::Result<Option<Heard>> {
        Ok(Some(match turn {
            Turn::Input(Some(Input::Msg(Msg::Key(chord)))) => Heard::Key(chord),
            Turn::Input(Some(Input::Msg(Msg::Paste(text) | Msg::Dropped { text, .. }))) => {
                Heard::Paste(text)
            }
            Turn::Input(Some(Input::Gone) | None) | Turn::Over => Heard::Over,
            Turn::Failed(failure) => Heard::Failed(failure),
            Turn::Shown => {
                self.is_owed = false;
                Heard::Free
            }
            Turn::Size => self.resized(terminal::size())?,
            Turn::Stop => {
                login::Screen::suspend(self)?;
                return Ok(None);
            }
            Turn::GoOn => {
                terminal::enter_again()?;
                self.screen.ask_again(&asking::HERE)?;
                let heard = self.resized(terminal::size())?;
                self.screen.redraw()?;
                // The shell has given it one of its own.
                self.wants_title = self.has_title;
                heard
            }
            Turn::Input(Some(Input::Msg(_) | Input::Told)) => return Ok(None),
        }))
    }
}

/// What one turn brought.
enum Turn {
    Input(Option<Input>),
    Shown,
    Size,
    Stop,
    GoOn,
    /// The program is to end.
    Over,
    /// The terminal takes nothing any more, or there was a panic.
    Failed(Failure),
}

impl login::Screen for Stage<'_> {
    fn size(&self) -> (u16, u16) {
        self.size
    }

    fn draw(&mut self, view: &mut dyn FnMut(&mut Frame<'_>)) -> io::Result<()> {
        self.is_owed = self.screen.draw(view)?.is_none();
        // One that finds no room comes with a later frame.
        if self.wants_title && !self.is_owed {
            self.wants_title = !self.screen.codes(&notice::title(TITLE))?;
            self.is_owed = self.wants_title;
        }
        Ok(())
    }

    fn redraw(&mut self) -> io::Result<()> {
        self.screen.redraw()
    }

    fn suspend(&mut self) -> io::Result<()> {
        // Nothing would bring the program back.
        if !terminal::can_stop() {
            return Ok(());
        }
        terminal::leave();
        terminal::stop()
    }

    async fn next(&mut self) -> io::Result<Heard> {
        loop {
            let turn = tokio::select! {
                // What a panic brings down with it is no reason of its own.
                biased;
                () = terminal::defect() => Turn::Failed(a_defect("a panic")),
                input = self.inputs.recv() => Turn::Input(input),
                step = self.signals.next() => match step {
                    Step::Size => Turn::Size,
                    Step::Stop => Turn::Stop,
                    Step::GoOn => Turn::GoOn,
                    _ => Turn::Over,
                },
                shown = self.screen.more_is_shown() => match shown {
                    Ok(()) if !self.is_owed => continue,
                    Ok(()) => Turn::Shown,
                    Err(failure) => Turn::Failed(failure),
                },
            };
            if let Some(heard) = self.heard(turn)? {
                return Ok(heard);
            }
        }
    }
}

#[cfg(test)]
#[path = "stage_tests.rs"]
mod tests;
