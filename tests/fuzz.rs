//! The gate of fuzzing: each target with what was found so far, and with random changes of it. The same targets run for
//! hours under libFuzzer, which sees what code they reach: `scripts/fuzz`.
//!
//! The changes follow from a seed that is printed; `TINYCHAT_TEST_SEED` runs one again.

mod targets;

use std::{
    env, fs,
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::Instant,
};

use data_encoding::HEXLOWER;
use targets::{TARGETS, Target};

use crate::support::{oracle, rng::Rng};

/// The longest input that is made.
const BYTES_MAX: usize = 4096;

/// What was found worth keeping for a target.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let files = fs::read_dir(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    // The order of a folder is nobody's; that of a seed must be the same everywhere.
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Numbers and characters at which things tend to break.
const PIECES: [&[u8]; 16] = [
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\x1b[2J",
    b"\r\n",
    b"//",
    b"\xe2\x80\xae",
    b"\xc2\x9b31m",
    b"\xf0\x9f\x91\xa9\xe2\x80\x8d",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"-0",
    b"_",
    b"c1",
];

/// Makes an input from what there is.
fn changed(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let pick = |rng: &mut Rng| corpus[rng.within(0..corpus.len() as u64) as usize].clone();
    let mut bytes = pick(rng);
    for _ in 0..rng.within(0..8) {
        let at = rng.within(0..bytes.len() as u64 + 1) as usize;
        match rng.within(0..7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.within(0..8),
            1 if at < bytes.len() => bytes[at] = rng.next() as u8,
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            4 => {
                let piece = PIECES[rng.within(0..PIECES.len() as u64) as usize];
                bytes.splice(at..at, piece.iter().copied());
            }
            5 => {
                let other = pick(rng);
                bytes.splice(at.., other);
            }
            _ => bytes.insert(at, rng.next() as u8),
        }
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

fn gate(name: &str) {
    let target: &Target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "nothing to begin with");
    let seed = match env::var("TINYCHAT_TEST_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => u64::from(std::process::id()) << 20,
    };
    let began = Instant::now();
    let run = |input: &[u8], what: &str| {
        let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
        assert!(
            outcome.is_ok(),
            "{name} fails on {what}, seed {seed}: {}",
            HEXLOWER.encode(input)
        );
    };
    for (index, input) in corpus.iter().enumerate() {
        run(input, &format!("input {index} of the corpus"));
    }
    let mut rng = Rng::new(seed);
    for number in 0..target.gate {
        run(&changed(&mut rng, &corpus), &format!("change {number}"));
    }
    // Past the capturing of the test harness: how much was run is worth knowing.
    let line = format!(
        "fuzz {name}: {} of the corpus and {} changes in {:.1?}, seed {seed}\n",
        corpus.len(),
        target.gate,
        began.elapsed()
    );
    std::io::stderr().write_all(line.as_bytes()).ok();
}

/// A test for each target.
macro_rules! gates {
    ($($name:ident),+) => {
        $(#[test]
        fn $name() {
            gate(stringify!($name));
        })+

        #[test]
        fn every_target_has_a_gate() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),+]);
        }
    };
}

gates! { messages, chat, words, commands, places, screen, news }
