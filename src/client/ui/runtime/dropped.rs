//! What is pasted, looked at for files: a terminal pastes the paths of what is dropped on it, and only the disk tells those from
//! a text that looks like them.
//!
//! Promises that a disk that does not answer holds up no key for longer than a moment, and only once until it answers: what is
//! pasted is a text then. What does not begin as a path does is not looked at: it may be a password.

use std::{
    fs,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::channel,
    },
    thread,
    time::Duration,
};

use crate::client::{app::paths, ui::update::Msg};

/// How long a disk has to say whether something is there.
const LOOKED_FOR: Duration = Duration::from_millis(300);

/// Whether a look has not come back yet.
static LOOKS: AtomicBool = AtomicBool::new(false);

/// What a paste is: files that are there, or a text.
pub(super) fn looked_at(text: String) -> Msg {
    let is_there = |path: &String| fs::metadata(path).is_ok_and(|found| found.is_file());
    match files(&text, &LOOKS, LOOKED_FOR, is_there) {
        Some(files) => Msg::Dropped { text, files },
        None => Msg::Paste(text),
    }
}

/// The first reading of a paste as paths that are all there. `looks`: whether a look before has not come back.
fn files(
    text: &str,
    looks: &'static AtomicBool,
    wait: Duration,
    is_there: impl Fn(&String) -> bool + Send + 'static,
) -> Option<Vec<String>> {
    let begins = ["/", "'", "\"", "file:/"];
    if !begins.iter().any(|it| text.trim_start().starts_with(it)) {
        return None;
    }
    let readings = paths::readings(text);
    if readings.is_empty() || looks.swap(true, Ordering::SeqCst) {
        return None;
    }
    let (tell, found) = channel();
    let look = move || {
        let found = readings
            .into_iter()
            .find(|files| files.iter().all(&is_there));
        looks.store(false, Ordering::SeqCst);
        // Nobody waits any more if it took too long.
        let _ = tell.send(found);
    };
    let thread = thread::Builder::new().name("dropped".to_owned());
    if thread.spawn(look).is_err() {
        looks.store(false, Ordering::SeqCst);
    }
    found.recv_timeout(wait).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_a_file_and_all_else_a_text() {
        static NEVER: AtomicBool = AtomicBool::new(false);
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("My Pictures");
        fs::create_dir(&folder).unwrap();
        let [one, two] = ["a b.png", "it's.png"].map(|name| {
            let path = folder.join(name);
            fs::write(&path, "x").unwrap();
            path.to_str().unwrap().to_owned()
        });
        let url = format!("file://{}", two.replace(' ', "%20"));
        let both = vec![one.clone(), two.clone()];
        let of = |text: &str| {
            let is_there = |path: &String| fs::metadata(path).is_ok_and(|found| found.is_file());
            files(text, &NEVER, Duration::from_secs(60), is_there)
        };
        for (pasted, files) in [
            (format!("'{one}' "), vec![one.clone()]),
            (one.clone(), vec![one.clone()]),
            (format!("{one}\n{two}\n"), both.clone()),
            (format!("{one}\r{two}\r"), both.clone()),
            (format!("{one}\n{url}\r\n"), both),
            (url, vec![two]),
        ] {
            assert_eq!(of(&pasted), Some(files), "{pasted}");
        }
        let gone = format!("{one} {one}.gone");
        let folder = folder.to_str().unwrap();
        for text in ["/api/v1/users", "hello", "/etc is a folder", &gone, folder] {
            assert_eq!(of(text), None, "{text}");
            let text = text.to_owned();
            assert_eq!(looked_at(text.clone()), Msg::Paste(text));
        }
    }

    #[test]
    fn a_disk_that_hangs_makes_a_text_of_it_and_is_not_asked_again_before_it_answers() {
        static HANGS: AtomicBool = AtomicBool::new(false);
        let wait = Duration::from_millis(50);
        let (go, gone) = channel::<()>();
        let gone = std::sync::Mutex::new(gone);
        let hangs = move |_: &String| gone.lock().unwrap().recv().is_ok();
        assert_eq!(files("/tmp/a", &HANGS, wait, hangs), None);
        assert_eq!(files("/tmp/a", &HANGS, wait, |_| true), None);
        drop(go);
        // It has answered.
        while HANGS.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let long = Duration::from_secs(60);
        let found = files("/tmp/a", &HANGS, long, |_| true);
        assert_eq!(found, Some(vec!["/tmp/a".to_owned()]));
    }
}
