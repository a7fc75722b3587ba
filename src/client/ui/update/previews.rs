//! Which previews of pictures are asked for: of what is seen, and a screen around it.

use super::{
    super::{effect::Effect, layout, model::Model},
    asking,
};

/// Returns the previews that are to be had now.
pub fn previews(model: &mut Model) -> Vec<Effect> {
    model.previews.tick(model.now);
    let near = layout::picture::near(model);
    if near.is_empty() {
        return Vec::new();
    }
    let can_ask = asking::can_ask(model);
    let wanted = model.previews.look(&near, can_ask);
    wanted.into_iter().map(Effect::Preview).collect()
}
