//! What is printed by a program that must not be held up by its reader: a thread writes it, and says what was shown.
//!
//! A terminal can stand still (Ctrl-S, a search in the editor) and a pipe can be full; meanwhile signals must be heard
//! and frames be read. And only what was really shown may be acknowledged. Text is handed over in numbered pieces; when
//! all places are taken the program takes in nothing more until there is room.

use std::{
    io::{self, Write},
    thread,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::exit::Failure;

/// Pieces that wait for the writer. A piece is what one turn of the loop brought: at most some frames of 64 KiB.
const PIECES_MAX: usize = 64;

/// Where text is shown in the end.
pub trait Sheet: Send + 'static {
    /// Returns when the text is shown, or when it is sure that it will not be.
    fn show(&mut self, text: &[u8]) -> io::Result<()>;
}

/// Standard output.
#[derive(Debug, Default)]
pub struct Plain;

impl Sheet for Plain {
    fn show(&mut self, text: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text)?;
        out.flush()
    }
}

/// How far the writer has come.
#[derive(Clone, Debug, Default)]
struct Shown {
    number: u64,
    failure: Option<Failure>,
}

/// See the head of the file.
#[derive(Debug)]
pub struct Paper {
    /// What was written since the last piece was handed over.
    text: Vec<u8>,
    handed: u64,
    pieces: mpsc::Sender<(u64, Vec<u8>)>,
    shown: watch::Receiver<Shown>,
}

impl Paper {
    /// Begins to show on a sheet. The thread ends with the process, or when the paper is dropped.
    pub fn on(mut sheet: impl Sheet) -> io::Result<Self> {
        let (pieces, mut waiting) = mpsc::channel::<(u64, Vec<u8>)>(PIECES_MAX);
        let (tell, shown) = watch::channel(Shown::default());
        let write = move || {
            while let Some((number, text)) = waiting.blocking_recv() {
                let outcome = sheet.show(&text);
                let is_last = outcome.is_err() || tell.is_closed();
                tell.send_modify(|shown| match outcome {
                    Ok(()) => shown.number = number,
                    Err(error) => shown.failure = Some(Failure::output(&error)),
                });
                if is_last {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("paper".to_owned())
            .spawn(write)?;
        Ok(Self {
            text: Vec::new(),
            handed: 0,
            pieces,
            shown,
        })
    }

    /// Whether another piece can be handed over, so that more may be taken in.
    pub fn has_room(&self) -> bool {
        self.text.is_empty() && self.pieces.capacity() > 0
    }

    /// The number of the piece that holds what was written last.
    pub fn written(&self) -> u64 {
        self.handed + u64::from(!self.text.is_empty())
    }

    /// Everything up to this piece is shown.
    pub fn shown(&self) -> u64 {
        self.shown.borrow().number
    }

    /// Waits until more is shown, or returns at once for what `shown` has told already but this has not: call it in a loop.
    /// Fails when nothing more ever will be.
    pub async fn more_is_shown(&mut self) -> Result<(), Failure> {
        if self.shown.changed().await.is_err() {
            // A writer that failed has said so before; one that just ended is a defect.
            self.check()?;
            return Err(Failure::other("the output ended"));
        }
        self.check()
    }

    /// Waits until everything is shown, but not for ever.
    pub async fn finish(&mut self, within: Duration) -> Result<(), Failure> {
        let all = async {
            loop {
                self.check()?;
                self.hand_over();
                if self.text.is_empty() && self.shown() >= self.handed {
                    return Ok(());
                }
                self.more_is_shown().await?;
            }
        };
        // What does not get out in time is not acknowledged, and comes again.
        timeout(within, all).await.unwrap_or(Ok(()))
    }

    fn check(&self) -> Result<(), Failure> {
        match &self.shown.borrow().failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    fn hand_over(&mut self) {
        if self.text.is_empty() {
            return;
        }
        if let Ok(place) = self.pieces.try_reserve() {
            self.handed += 1;
            place.send((self.handed, std::mem::take(&mut self.text)));
        }
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Hands over what was written, or keeps it until there is room. Never waits.
    fn flush(&mut self) -> io::Result<()> {
        self.hand_over();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, mpsc as blocking};

    use super::*;

    /// Shows a piece only when it is let.
    struct Slow(blocking::Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Sheet for Slow {
        fn show(&mut self, text: &[u8]) -> io::Result<()> {
            self.0
                .recv()
                .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            self.1.lock().unwrap().extend_from_slice(text);
            Ok(())
        }
    }

    #[tokio::test]
    async fn nothing_waits_for_a_sheet_that_stands_still_and_what_is_shown_is_told() {
        let (let_it, lets) = blocking::channel();
        let sheet = Arc::new(Mutex::new(Vec::new()));
        let mut paper = Paper::on(Slow(lets, Arc::clone(&sheet))).unwrap();
        let mut pieces = 0;
        // One is at the writer, the others wait; then it is full.
        while paper.has_room() {
            writeln!(paper, "{pieces}").unwrap();
            pieces += 1;
            assert_eq!(paper.written(), pieces);
            paper.flush().unwrap();
            assert!(pieces < 200);
        }
        assert_eq!(paper.shown(), 0);
        let_it.send(()).unwrap();
        paper.more_is_shown().await.unwrap();
        assert_eq!(paper.shown(), 1);
        paper.finish(Duration::from_millis(10)).await.unwrap();
        assert_eq!(
            paper.shown(),
            1,
            "the rest is not shown, and not waited for"
        );
        for _ in 1..pieces {
            let_it.send(()).unwrap();
        }
        paper.finish(Duration::from_secs(10)).await.unwrap();
        assert_eq!(paper.shown(), paper.written());
        let shown = String::from_utf8(sheet.lock().unwrap().clone()).unwrap();
        let expected: Vec<String> = (0..pieces).map(|number| number.to_string()).collect();
        assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
        // The reader goes.
        drop(let_it);
        writeln!(paper, "for nobody").unwrap();
        let ended = paper.finish(Duration::from_secs(10)).await;
        assert_eq!(ended, Err(Failure::OutputClosed));
    }
}
