//! The links of late messages, for `/open`. Bounded. Opens nothing itself, and nothing of whom this user blocks.

use std::collections::VecDeque;

use super::{
    acts::nowhere,
    address,
    ground::Ground,
    line,
    model::{Effect, Model},
    parse::CommandError,
    reading::{Reading, first_word},
    untrusted::Untrusted,
    update::{lines, say},
};

/// Messages whose links are remembered, and links of each: at 2 KiB they take 8 MiB.
const MESSAGES_MAX: usize = 200;
const LINKS_MAX: usize = 20;
/// The longest id of a conversation whose links are remembered, and characters of a name.
const ID_BYTES_MAX: usize = 256;
const NAME_CHARS: usize = 40;

/// Which link is to be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// Of this message; `None`: of the last one here that has any.
    pub seq: Option<u64>,
    /// Which of its links, from 1; `None`: its only one.
    pub number: Option<usize>,
}

/// The links of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Linked {
    conversation: String,
    seq: u64,
    sender: Untrusted,
    /// In their order, each once.
    links: Vec<String>,
}

/// The links of late messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links(VecDeque<Linked>);

impl Links {
    /// Remembers the links of a message, or of what it has become.
    pub fn remember(
        &mut self,
        conversation: &str,
        seq: u64,
        sender: &Untrusted,
        text: Option<&Untrusted>,
    ) {
        self.forget(conversation, seq);
        let links = text.map_or_else(Vec::new, links_of);
        if links.is_empty() || conversation.len() > ID_BYTES_MAX {
            return;
        }
        if self.0.len() >= MESSAGES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Linked {
            conversation: conversation.to_owned(),
            seq,
            sender: sender.clone().cut(NAME_CHARS),
            links,
        });
    }

    /// Forgets the links of a message that was deleted.
    pub fn forget(&mut self, conversation: &str, seq: u64) {
        self.0
            .retain(|it| it.conversation != conversation || it.seq != seq);
    }

    /// Forgets all: the store is another one.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

fn links_of(text: &Untrusted) -> Vec<String> {
    let safe = text.render_lines();
    let mut links: Vec<String> = Vec::new();
    for link in address::find(&safe)
        .into_iter()
        .filter_map(|at| safe.get(at))
    {
        if links.len() < LINKS_MAX && !links.iter().any(|known| known == link) {
            links.push(link.to_owned());
        }
    }
    links
}

/// Reads what stands behind `/open`.
pub(super) fn which(read: &Reading<'_>, argument: &str) -> Result<Which, CommandError> {
    let (seq, number) = first_word(argument);
    let of_one = |text: &str| match text.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err(read.bad("which of its links is a number from 1".to_owned())),
    };
    Ok(Which {
        seq: match seq {
            "" => None,
            seq => Some(read.seq(seq)?),
        },
        number: match number {
            "" => None,
            number => Some(of_one(number)?),
        },
    })
}

/// Returns the link that is meant of a message; what says why not, and what there is, if none is.
pub fn chosen(links: &[String], seq: u64, number: Option<usize>) -> Result<&String, String> {
    match (links, number) {
        ([], _) => Err(format!(
            "No link is known of message [{seq}]; /history [{seq}] shows it, and then they are. If it has files, /save {seq} \
             fetches them."
        )),
        ([only], None) => Ok(only),
        (_, Some(number)) => {
            let link = number.checked_sub(1).and_then(|at| links.get(at));
            let count = line::counted(links.len(), "link", "links");
            link.ok_or_else(|| format!("Message [{seq}] has {count}, so there is no {number}."))
        }
        (_, None) => Err(format!(
            "Message [{seq}] has {} links; /open {seq} 1 opens the first:",
            links.len()
        )),
    }
}

/// What is said where there is no link.
pub const NOTHING: &str = "No link is known here; /history shows older messages, and then theirs are. Files are fetched by /save and the number.";

/// Opens a link of the conversation in front.
pub(super) fn open(model: &Model, which: Which) -> Vec<Effect> {
    let Some(place) = model.place() else {
        return vec![say(nowhere())];
    };
    let Some(id) = model.rooms.id_of(&place) else {
        return vec![say(NOTHING)];
    };
    let room = model.rooms.get(&id);
    let here = model.links.0.iter().filter(|it| it.conversation == id);
    let mut here = here.filter(|it| !model.blocked.hides(room, &it.sender));
    let found = match which.seq {
        Some(seq) => here.find(|it| it.seq == seq),
        None => here.max_by_key(|it| it.seq),
    };
    let Some(seq) = which.seq.or_else(|| found.map(|it| it.seq)) else {
        return vec![say(NOTHING)];
    };
    let links = found.map_or(&[][..], |it| it.links.as_slice());
    match chosen(links, seq, which.number) {
        Ok(link) => vec![Effect::Open(link.clone())],
        Err(why) if links.len() > 1 => {
            let rows = links.iter().enumerate();
            let rows = rows.map(|(at, link)| format!("{} {link}", at.saturating_add(1)));
            let all = [line::system(why)].into_iter().chain(rows);
            vec![Effect::Print(lines(all))]
        }
        Err(why) => vec![say(why)],
    }
}

#[cfg(test)]
#[path = "opening_tests.rs"]
mod tests;
