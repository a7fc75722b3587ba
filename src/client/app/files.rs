//! Files in the line mode: what is typed about them, and what becomes of it.

use super::{
    ground::Ground,
    line,
    model::{Effect, Model},
    refused::Refused,
    transfers::{Follows, Moved, STEERED, Taken, Transfers, Wish},
    update::{lines, say},
};
use crate::domain::text::MessageText;

/// Does what is wished. A program's next line waits for it, so that what is sent stands in the order of the lines.
pub(super) fn wish(model: &mut Model, wish: Wish) -> Vec<Effect> {
    let place = model.place();
    let id = place.as_ref().and_then(|place| model.id_of(place));
    let room = id.as_deref().and_then(|id| model.rooms.get(id));
    let may = Transfers::check(&wish, room.is_some_and(|room| room.is_read_only));
    match may.and_then(|()| model.transfers.wish(wish, place, id)) {
        Ok(Follows::Begin(number, job, said)) => {
            model.asking = !model.is_read_by_a_person;
            // A program's next line is read once it is over.
            let said = match said.rsplit_once(STEERED) {
                Some((begin, _)) if model.asking => format!("{begin}."),
                _ => said,
            };
            vec![say(said), Effect::Move { number, job }]
        }
        Ok(Follows::Steer(number, steer)) => vec![Effect::Steer(number, steer)],
        Ok(Follows::Say(said)) => {
            let said = said.into_iter().map(line::system);
            vec![Effect::Print(lines(said))]
        }
        Err(why) => vec![say(why)],
    }
}

/// Says what has lasted long enough to be said.
pub(super) fn due(model: &mut Model) -> Vec<Effect> {
    let said = model.transfers.milestones(model.now);
    said.into_iter().map(say).collect()
}

/// Takes in what a transfer brought.
pub(super) fn moved(model: &mut Model, number: u32, moved: Moved) -> Vec<Effect> {
    let is_over = !matches!(moved, Moved::On(_));
    let taken = model.transfers.take(number, moved);
    if is_over && !model.is_read_by_a_person {
        model.asking = false;
    }
    match taken {
        Taken::Nothing => {
            let said = model.transfers.milestone(number, model.now);
            said.into_iter().map(say).collect()
        }
        Taken::Said(said, _) => vec![say(said)],
        // It is shown when it is there, as one that comes from elsewhere.
        Taken::Send(to, uploaded, reply_to) => {
            model.unsent += 1;
            vec![Effect::SendAgain(Refused {
                id: uploaded.id,
                to,
                text: MessageText::none(),
                attachments: uploaded.files,
                reply_to,
            })]
        }
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
