//! One commit to its readers: each event is encoded once, and each online reader gets one ring slot.

use std::{collections::HashMap, sync::Arc};

use bytes::{Bytes, BytesMut};

use super::{Item, Live};
use crate::{
    convert::event,
    domain::{
        commit::{Commit, Committed},
        ids::{Epoch, UserId},
        limits::FRAME_BYTES_MAX,
    },
    telemetry,
};

/// Past this a slot says "look": sixteen such slots are 4 MiB for a user, and the store reads a page as fast.
const SLOT_BYTES_MAX: usize = 256 * 1024;

/// Puts a commit on the rings of those who are online.
pub(super) fn fan_out(commit: &Commit, epoch: Epoch, users: &HashMap<UserId, Live>) {
    if let Some(readers) = same_readers(commit) {
        return fan_out_alike(commit, epoch, users, readers);
    }
    let mut encoded = BytesMut::new();
    // Where each event that anybody online reads lies in `encoded`.
    let mut places = Vec::with_capacity(commit.events.len());
    let mut readers: HashMap<UserId, Vec<usize>> = HashMap::new();
    for committed in &commit.events {
        let mut wanted = false;
        for reader in committed
            .readers
            .iter()
            .filter(|reader| users.contains_key(reader))
        {
            readers.entry(*reader).or_default().push(places.len());
            wanted = true;
        }
        if wanted {
            let start = encoded.len();
            event::put(&committed.event, epoch, &mut encoded);
            places.push((start, encoded.len()));
        }
    }
    let encoded = encoded.freeze();
    telemetry::fanned_out(readers.len());
    for (reader, events) in readers {
        let Some(live) = users.get(&reader) else {
            continue;
        };
        let bytes: usize = events
            .iter()
            .map(|event| places[*event].1 - places[*event].0)
            .sum();
        let item = match bytes > SLOT_BYTES_MAX {
            true => Item::Look,
            false => Item::Events {
                last: commit.last,
                runs: runs(&encoded, &places, &events),
            },
        };
        // An error says that the last session has just gone.
        let _ = live.ring.send(item);
    }
}

/// The readers of all events of a commit, if they are the same: one conversation had news.
fn same_readers(commit: &Commit) -> Option<&Arc<[UserId]>> {
    let (first, others) = commit.events.split_first()?;
    let same = |other: &Committed| Arc::ptr_eq(&first.readers, &other.readers);
    others.iter().all(same).then_some(&first.readers)
}

/// Puts the same slot on all rings: nothing is sorted out for each reader.
fn fan_out_alike(commit: &Commit, epoch: Epoch, users: &HashMap<UserId, Live>, readers: &[UserId]) {
    let online: Vec<&Live> = readers.iter().filter_map(|id| users.get(id)).collect();
    telemetry::fanned_out(online.len());
    if online.is_empty() {
        return;
    }
    let (mut encoded, mut places) = (BytesMut::new(), Vec::with_capacity(commit.events.len()));
    for committed in &commit.events {
        let start = encoded.len();
        event::put(&committed.event, epoch, &mut encoded);
        places.push((start, encoded.len()));
    }
    let item = match encoded.len() > SLOT_BYTES_MAX {
        true => Item::Look,
        false => Item::Events {
            last: commit.last,
            runs: runs(&encoded.freeze(), &places, &Vec::from_iter(0..places.len())),
        },
    };
    for live in online {
        // An error says that the last session has just gone.
        let _ = live.ring.send(item.clone());
    }
}

/// The events of one reader as runs of at most a frame. Neighbours share the encoded bytes, others are copied together.
fn runs(encoded: &Bytes, places: &[(usize, usize)], events: &[usize]) -> Arc<[Bytes]> {
    let neighbours = events.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    let mut runs = Vec::new();
    let mut run: Vec<(usize, usize)> = Vec::new();
    let mut bytes = 0;
    let mut finish = |run: &mut Vec<(usize, usize)>| {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return;
        };
        runs.push(if neighbours {
            encoded.slice(first.0..last.1)
        } else {
            let mut joined = BytesMut::new();
            run.iter()
                .for_each(|place| joined.extend_from_slice(&encoded[place.0..place.1]));
            joined.freeze()
        });
        run.clear();
    };
    for event in events {
        let place = places[*event];
        let length = place.1 - place.0;
        if bytes + length > FRAME_BYTES_MAX {
            finish(&mut run);
            bytes = 0;
        }
        run.push(place);
        bytes += length;
    }
    finish(&mut run);
    runs.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_at_a_frame_and_neighbours_share_their_bytes() {
        let encoded = Bytes::from(vec![7; 3 * FRAME_BYTES_MAX]);
        let third = FRAME_BYTES_MAX / 3;
        let places: Vec<_> = (0..9)
            .map(|event| (event * third, (event + 1) * third))
            .collect();
        let all = runs(&encoded, &places, &(0..9).collect::<Vec<_>>());
        assert_eq!(
            all.iter().map(Bytes::len).collect::<Vec<_>>(),
            [3 * third; 3]
        );
        assert_eq!(all[1].as_ptr(), encoded[3 * third..].as_ptr());
        let some = runs(&encoded, &places, &[0, 2, 8]);
        assert_eq!(some.iter().map(Bytes::len).collect::<Vec<_>>(), [3 * third]);
    }
}
