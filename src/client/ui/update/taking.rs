//! What comes from the server, the cache and this machine: `news` takes it in, and what follows for the screen is seen to
//! here: what comes to the front by it, what is selected, and the answer to what was asked for in a pane.

use super::{
    super::{
        effect::Effect,
        model::{LinkState, Model},
        news::{self, News},
    },
    open, overlays, selection,
};
use crate::client::app::acts::Act;

/// Takes in what came.
pub(super) fn take(model: &mut Model, news: News) -> Vec<Effect> {
    let front = |model: &Model| model.chats.front().map(|chat| chat.id().clone());
    let (before, link) = (front(model), model.link.clone());
    let hits = overlays::hits_count(model);
    let news = match news {
        News::Acted { act, outcome } if matches!(*act, Act::Mentions { .. }) => {
            // The pane may be closed by now, or list others.
            if overlays::waits_for(model, &act) {
                overlays::mentions_came(model, outcome);
                return overlays::filled(model, hits);
            }
            return Vec::new();
        }
        other => other,
    };
    let are_hits = matches!(news, News::Hits { .. });
    let mut effects = news::take(model, news);
    if are_hits {
        effects.extend(overlays::filled(model, hits));
    }
    let is_said = effects
        .iter()
        .any(|effect| matches!(effect, Effect::Front(_)));
    if front(model) != before {
        if !is_said {
            effects.extend(open::opened(model, before));
        }
    } else if link != LinkState::Up && model.link == LinkState::Up {
        // What was opened without a connection is taken up now, and not while what was missed is still coming: it may
        // have been taken up elsewhere.
        let mut about = open::about(model);
        about.extend(open::taken_up(model));
        let new: Vec<Effect> = about
            .into_iter()
            .filter(|effect| !effects.contains(effect))
            .collect();
        effects.extend(new);
    }
    selection::mend(model);
    effects
}

#[cfg(test)]
#[path = "taking_tests.rs"]
mod tests;
