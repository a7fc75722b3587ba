//! What the mouse does: it points at what keys can reach, too.

use super::{
    super::{
        effect::Effect,
        keymap::Keymap,
        layout::{self, Spot},
        model::{Focus, Model},
    },
    Mouse, open, overlays, scroll,
};

/// The mouse did something at a cell.
pub(super) fn act(
    model: &mut Model,
    keys: &Keymap,
    deed: Mouse,
    (column, row): (u16, u16),
) -> Vec<Effect> {
    let is_up = deed == Mouse::ScrollUp;
    match deed {
        Mouse::Click => match layout::spot(model, column, row) {
            Some(spot) => clicked(model, keys, spot),
            None => Vec::new(),
        },
        _ if model.overlay.is_some() => overlays::wheel(model, keys, is_up),
        _ => {
            scroll::wheel(model, is_up);
            Vec::new()
        }
    }
}

/// Something was clicked. What lies over all is the only thing that can be while it does.
pub(super) fn clicked(model: &mut Model, keys: &Keymap, spot: Spot) -> Vec<Effect> {
    if model.overlay.is_some() {
        return match spot {
            Spot::Row(row) => overlays::clicked(model, keys, row),
            _ => Vec::new(),
        };
    }
    match spot {
        Spot::Chat(id) => return open::open(model, id),
        Spot::Link(link) => return vec![Effect::Open(link)],
        Spot::Message(seq) => {
            let front = model.chats.front();
            if front.is_some_and(|chat| chat.window.get(seq).is_some()) {
                model.focus = Focus::Messages(seq);
            }
        }
        Spot::Outgoing(id) => {
            if model.outgoing.get(id).is_some() {
                model.focus = Focus::Outgoing(id);
            }
        }
        Spot::Composer => model.focus = Focus::Composer,
        Spot::NewBelow => scroll::to_end(model),
        Spot::Row(_) => {}
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            super::model::{chat::Scroll, overlay::Overlay},
            support::{ann_with_bob, front, keys, open_overlay, press, with_outgoing},
        },
        *,
    };

    #[test]
    fn what_is_clicked_is_done() {
        let mut model = ann_with_bob();
        let click = |model: &mut Model, spot| clicked(model, &keys(), spot);
        assert_eq!(click(&mut model, Spot::Message(3)), []);
        assert_eq!(model.focus, Focus::Messages(3));
        click(&mut model, Spot::Message(999));
        assert_eq!(model.focus, Focus::Messages(3), "it is not there");
        let (refused, _) = with_outgoing(&mut model);
        click(&mut model, Spot::Outgoing(refused.id));
        assert_eq!(model.focus, Focus::Outgoing(refused.id));
        click(&mut model, Spot::Composer);
        assert_eq!(model.focus, Focus::Composer);
        let link = "https://x.org".to_owned();
        assert_eq!(
            click(&mut model, Spot::Link(link.clone())),
            [Effect::Open(link)]
        );
        model.chats.front_mut().unwrap().scroll_to(2, 0);
        click(&mut model, Spot::NewBelow);
        assert_eq!(front(&model).scroll(), Scroll::AtEnd);
        let effects = click(&mut model, Spot::Chat("c-ops".into()));
        assert_eq!(front(&model).room.label(), "#ops");
        assert!(effects.contains(&Effect::Front(Some("c-ops".into()))));
    }

    #[test]
    fn over_an_overlay_only_its_rows_can_be_clicked() {
        let mut model = ann_with_bob();
        open_overlay(&mut model, "alt+g");
        assert_eq!(clicked(&mut model, &keys(), Spot::Chat("c-ops".into())), []);
        assert_eq!(front(&model).room.label(), "bob");
        let Some(Overlay::Pick(picker)) = &model.overlay else {
            panic!("{:?}", model.overlay);
        };
        let row = picker
            .rows
            .iter()
            .position(|row| row.label == "#ops")
            .unwrap();
        clicked(&mut model, &keys(), Spot::Row(row));
        assert_eq!(front(&model).room.label(), "#ops");
        assert_eq!(model.overlay, None);
        press(&mut model, "f1");
        assert_eq!(clicked(&mut model, &keys(), Spot::Row(7)), []);
        assert!(matches!(model.overlay, Some(Overlay::Help { .. })));
    }
}
