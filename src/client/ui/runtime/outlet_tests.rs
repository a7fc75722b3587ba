//! Pipes play the terminal: one that nobody reads from stands still.

use std::{
    io::{PipeReader, Read, pipe},
    thread,
};

use super::*;

/// Reads what is there once the other end is gone.
fn all(mut reader: PipeReader) -> String {
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

/// Waits until the pipe takes nothing more.
fn full(writer: impl AsFd) {
    let until = Instant::now() + Duration::from_secs(20);
    while takes_text(&writer) {
        assert!(Instant::now() < until);
    }
}

#[test]
fn the_first_frame_of_each_turn_switches_the_terminal_over_and_off_undoes_it() {
    let (reader, writer) = pipe().unwrap();
    let outlet = Outlet::new();
    let write = |frame: &str| outlet.write(&writer, "<", frame.as_bytes()).unwrap();
    write("early");
    outlet.on();
    write("a");
    write("b");
    outlet.off(&writer, ">");
    outlet.off(&writer, ">");
    write("between");
    outlet.on();
    write("c");
    // As after a stop that nobody here has heard of.
    outlet.on();
    write("d");
    outlet.off(&writer, ">");
    // What was not switched over is not switched back.
    outlet.on();
    outlet.off(&writer, ">");
    assert!(!outlet.is_on());
    drop(writer);
    assert_eq!(all(reader), "<ab><c<d>");
}

#[test]
fn of_a_frame_that_is_being_written_nothing_comes_out_once_it_is_off() {
    let (reader, writer) = pipe().unwrap();
    let outlet = Outlet::new();
    outlet.on();
    let frame = vec![b'x'; 1024 * 1024];
    let begun = thread::scope(|scope| {
        let written = scope.spawn(|| outlet.write(&writer, "<", &frame));
        full(&writer);
        // Nothing here waits for a terminal that stands still.
        let begun = Instant::now();
        outlet.off(&writer, ">");
        written.join().unwrap().unwrap();
        begun
    });
    assert!(begun.elapsed() < 4 * OFF_WAIT);
    let (mut reader, mut before) = (reader, vec![0; 32 * 1024]);
    reader.read_exact(&mut before).unwrap();
    outlet.write(&writer, "<", b"late").unwrap();
    outlet.on();
    outlet.write(&writer, "<", b"new").unwrap();
    drop(writer);
    let text = all(reader);
    assert!(text.ends_with("x<new"));
    assert!(text.len() <= 32 * 1024 + "<new".len());
}

#[test]
fn a_sequence_that_was_cut_is_ended_before_it_is_undone() {
    let (reader, writer) = pipe().unwrap();
    let outlet = Outlet::new();
    outlet.on();
    let frame = vec![b'x'; 1024 * 1024];
    let text = thread::scope(|scope| {
        scope.spawn(|| outlet.write(&writer, "<", &frame));
        full(&writer);
        let off = scope.spawn(|| outlet.off(&writer, ">"));
        while outlet.is_on() {
            thread::yield_now();
        }
        // Now it goes on.
        let mut reader = &reader;
        let mut text = Vec::new();
        while text.last() != Some(&b'>') {
            let mut piece = [0; 4096];
            let count = reader.read(&mut piece).unwrap();
            text.extend_from_slice(&piece[..count]);
        }
        off.join().unwrap();
        text
    });
    assert!(text.ends_with(b"x\x18\x1b\\>"));
    assert!(text.len() < 128 * 1024, "{}", text.len());
}

#[test]
fn a_terminal_that_is_gone_is_told() {
    let (reader, writer) = pipe().unwrap();
    let outlet = Outlet::new();
    outlet.on();
    drop(reader);
    let failed = outlet.write(&writer, "<", b"x").unwrap_err();
    assert_eq!(failed.kind(), io::ErrorKind::BrokenPipe);
    outlet.off(&writer, ">");
}
