//! The stage without a terminal: what is written for it, and what it hears.

use std::sync::{Arc, Mutex};

use super::*;
use crate::client::{paper::Sheet, ui::runtime::login::Screen as _};

/// What was written, as it was handed over.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<Vec<u8>>>);

impl Sheet for Tape {
    fn show(&mut self, text: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(())
    }
}

impl Tape {
    /// What was written since this was asked last, once all of it is shown.
    async fn taken(&self, stage: &mut Stage<'_>) -> String {
        while !stage.screen.is_free() {
            stage.screen.more_is_shown().await.unwrap();
        }
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(bytes).unwrap()
    }
}

#[tokio::test]
async fn the_title_is_that_of_these_screens_and_is_given_once() {
    for has_title in [true, false] {
        let tape = Tape::default();
        let mut screen = Screen::new((20, 5), tape.clone()).unwrap();
        // That of the account before.
        screen.codes(&notice::title("(3) TinyChat - bob")).unwrap();
        let (_keys, mut inputs) = mpsc::channel(1);
        let mut signals = Signals::new().unwrap();
        let mut stage = Stage::new(&mut screen, &mut inputs, &mut signals, ((20, 5), has_title));
        tape.taken(&mut stage).await;
        let title = notice::title("TinyChat");
        stage.draw(&mut |_| {}).unwrap();
        assert_eq!(tape.taken(&mut stage).await.contains(&title), has_title);
        stage.draw(&mut |_| {}).unwrap();
        assert!(!tape.taken(&mut stage).await.contains("\x1b]2;"));
    }
}

#[tokio::test]
async fn a_panic_is_a_failure_and_the_end_of_the_terminal_is_none() {
    let mut screen = Screen::new((20, 5), Tape::default()).unwrap();
    let (_keys, mut inputs) = mpsc::channel(1);
    let mut signals = Signals::new().unwrap();
    let mut stage = Stage::new(&mut screen, &mut inputs, &mut signals, ((20, 5), true));
    let defect = a_defect("a panic");
    let heard = stage.heard(Turn::Failed(defect.clone())).unwrap();
    assert_eq!(heard, Some(Heard::Failed(defect)));
    let heard = stage.heard(Turn::Input(Some(Input::Gone))).unwrap();
    assert_eq!(heard, Some(Heard::Over));
}
