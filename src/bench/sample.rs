//! The files that go up and come back: bytes that nobody can guess or shrink, and that are never whole in memory.
//!
//! All files of a size are alike but for the number that their last piece begins with, so that no two have the same
//! content, and who knows the number knows every byte: the generator to compare, the baseline to send without keeping
//! anything. Each piece of a file differs from the ones near it: one that is left out or changes places is seen.

use bytes::Bytes;

/// Bytes of a piece, as the real client sends them and the server answers.
pub const PIECE_BYTES: usize = 64 * 1024;
/// So many pieces differ before they come again: those of 256 MiB.
const TURNS: usize = 4096;
/// What names end with.
const SUFFIX: &str = ".bin";

/// The name of the file of a number.
pub fn name_of(number: u64) -> String {
    format!("{number}{SUFFIX}")
}

/// The number of the file of a name.
pub fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(SUFFIX)?.parse().ok()
}

/// The bytes of all files of one size.
#[derive(Clone, Debug)]
pub struct Pattern {
    bytes: Bytes,
    size: u64,
}

impl Pattern {
    /// Of files of so many bytes.
    pub fn new(size: u64) -> Self {
        let mut bytes = vec![0; PIECE_BYTES + TURNS];
        let mut source = blake3::Hasher::new()
            .update(b"tinychat-bench")
            .finalize_xof();
        source.fill(&mut bytes);
        Self {
            bytes: bytes.into(),
            size,
        }
    }

    /// Bytes of a file.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Pieces of a file.
    pub const fn pieces(&self) -> u64 {
        self.size.div_ceil(PIECE_BYTES as u64)
    }

    /// Where a piece begins.
    pub const fn offset(index: u64) -> u64 {
        index * PIECE_BYTES as u64
    }

    /// A piece that is the same in all files, as if it were not the last.
    fn shared(&self, index: u64) -> Bytes {
        let turn = usize::try_from(index % TURNS as u64).unwrap_or(0);
        let left = self.size.saturating_sub(Self::offset(index));
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        self.bytes.slice(turn..turn + length)
    }

    /// A piece of a file; after its end nothing.
    pub fn piece(&self, number: u64, index: u64) -> Bytes {
        let shared = self.shared(index);
        if index + 1 != self.pieces() {
            return shared;
        }
        let mut last = shared.to_vec();
        for (byte, stamp) in last.iter_mut().zip(number.to_le_bytes()) {
            *byte = stamp;
        }
        last.into()
    }
}

/// The files of one size with their hashes, for who sends them.
#[derive(Debug)]
pub struct Originals {
    pattern: Pattern,
    /// Of the pieces that are the same in all files, until they come again.
    hashes: Vec<Bytes>,
    /// Of all of them together: what is left is the last piece.
    head: blake3::Hasher,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Original {
    /// Its number.
    pub number: u64,
    /// The hash of the whole.
    pub hash: Bytes,
    last: Bytes,
    last_hash: Bytes,
}

fn hash_bytes(hash: blake3::Hash) -> Bytes {
    Bytes::copy_from_slice(hash.as_bytes())
}

impl Originals {
    /// Files of so many bytes. Hashes them once, which takes a while for large ones.
    pub fn new(size: u64) -> Self {
        let pattern = Pattern::new(size);
        let shared = pattern.pieces().saturating_sub(1);
        let mut head = blake3::Hasher::new();
        let mut hashes = Vec::new();
        for index in 0..shared {
            let piece = pattern.shared(index);
            head.update(&piece);
            if hashes.len() < TURNS {
                hashes.push(hash_bytes(blake3::hash(&piece)));
            }
        }
        Self {
            pattern,
            hashes,
            head,
        }
    }

    /// What they have in common.
    pub const fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The file of a number.
    pub fn file(&self, number: u64) -> Original {
        let index = self.pattern.pieces().saturating_sub(1);
        let last = self.pattern.piece(number, index);
        let mut whole = self.head.clone();
        whole.update(&last);
        Original {
            number,
            hash: hash_bytes(whole.finalize()),
            last_hash: hash_bytes(blake3::hash(&last)),
            last,
        }
    }

    /// A piece of a file, and its hash; `None` after the last.
    pub fn piece(&self, file: &Original, index: u64) -> Option<(Bytes, Bytes)> {
        let pieces = self.pattern.pieces();
        if index >= pieces {
            return None;
        }
        if index + 1 == pieces {
            return Some((file.last.clone(), file.last_hash.clone()));
        }
        let turn = usize::try_from(index % TURNS as u64).ok()?;
        Some((self.pattern.shared(index), self.hashes.get(turn)?.clone()))
    }

    /// Whether these are the bytes of a file from an offset on. None are none of it.
    pub fn matches(&self, file: &Original, offset: u64, mut data: &[u8]) -> bool {
        let mut at = offset;
        let was_empty = data.is_empty();
        while !data.is_empty() {
            let whole = PIECE_BYTES as u64;
            let (index, within) = (at / whole, at % whole);
            let Some((piece, _)) = self.piece(file, index) else {
                return false;
            };
            let within = usize::try_from(within).unwrap_or(usize::MAX);
            let Some(expected) = piece.get(within..).filter(|rest| !rest.is_empty()) else {
                return false;
            };
            let length = expected.len().min(data.len());
            let (now, later) = data.split_at(length);
            if now != &expected[..length] {
                return false;
            }
            data = later;
            at += length as u64;
        }
        !was_empty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(originals: &Originals, file: &Original) -> Vec<u8> {
        let pieces = (0..).map_while(|index| originals.piece(file, index));
        let mut bytes = Vec::new();
        for (piece, hash) in pieces {
            assert_eq!(*hash, *blake3::hash(&piece).as_bytes());
            bytes.extend_from_slice(&piece);
        }
        bytes
    }

    #[test]
    fn hashes_are_those_of_the_bytes_and_no_two_files_are_alike() {
        let piece = PIECE_BYTES as u64;
        for size in [1, 100, piece, piece + 1, 3 * piece, 1_000_000] {
            let originals = Originals::new(size);
            let [one, other] = [1, 2].map(|number| originals.file(number));
            let bytes = whole(&originals, &one);
            assert_eq!(bytes.len() as u64, size);
            assert_eq!(*one.hash, *blake3::hash(&bytes).as_bytes());
            assert_ne!(one.hash, other.hash);
            // Who knows the number alone has the same bytes.
            let pattern = Pattern::new(size);
            let pieces = (0..pattern.pieces()).flat_map(|index| pattern.piece(1, index));
            assert!(pieces.eq(bytes));
        }
    }

    #[test]
    fn bytes_that_differ_or_stand_elsewhere_do_not_match() {
        let size = 3 * PIECE_BYTES as u64 + 9;
        let originals = Originals::new(size);
        let file = originals.file(7);
        let bytes = whole(&originals, &file);
        // In any cut, also across pieces.
        for cut in [1, 1_000, PIECE_BYTES, PIECE_BYTES + 1, bytes.len()] {
            for (index, part) in bytes.chunks(cut).enumerate().take(70) {
                assert!(originals.matches(&file, (index * cut) as u64, part));
            }
        }
        let first = &bytes[..PIECE_BYTES];
        assert!(!originals.matches(&file, 1, first));
        assert!(!originals.matches(&file, PIECE_BYTES as u64, first));
        assert!(!originals.matches(&originals.file(8), 0, &bytes));
        assert!(!originals.matches(&file, size, &[0]));
        assert!(!originals.matches(&file, 0, &[]));
        let mut wrong = bytes;
        wrong[PIECE_BYTES + 5] ^= 1;
        assert!(!originals.matches(&file, 0, &wrong));
    }

    #[test]
    fn names_tell_numbers() {
        assert_eq!(number_of(&name_of(42)), Some(42));
        for wrong in ["", "42", ".bin", "x.bin", "-1.bin"] {
            assert_eq!(number_of(wrong), None, "{wrong}");
        }
    }
}
