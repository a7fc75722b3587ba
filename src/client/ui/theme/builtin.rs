//! The looks that come with the program: dark, light, sixteen, plain.
//!
//! Promises readable text (contrast of 4.5 to 1 in dark and light; a test measures it), only the 16 ANSI colours in
//! `sixteen`, and no colour at all in `plain`. All share one set of modifiers, so that each is complete without colour.

use ratatui::style::{Color, Modifier, Style};

use super::role::Role::{self, *};

/// The names by which they are chosen.
pub const NAMES: [&str; 4] = ["dark", "light", "sixteen", "plain"];

/// The colours of one look.
pub(super) struct Palette {
    dim: Color,
    /// Lines between panes, which are seen but not looked at.
    rule: Color,
    own: Color,
    call: Color,
    alarm: Color,
    warning: Color,
    good: Color,
    link: Color,
    code: Color,
    /// The ground of the status line.
    ground: Color,
    /// What stands on it.
    on_ground: Color,
    /// For the names of others.
    pub(super) names: &'static [Color],
}

const fn rgb(code: u32) -> Color {
    let [_, red, green, blue] = code.to_be_bytes();
    Color::Rgb(red, green, blue)
}

/// For light text on a dark ground.
pub(super) const DARK: Palette = Palette {
    dim: rgb(0x9a_a0_ae),
    rule: rgb(0x50_56_68),
    own: rgb(0x8b_d5_ca),
    call: rgb(0xf5_c2_6b),
    alarm: rgb(0xff_8a_80),
    warning: rgb(0xf5_c2_6b),
    good: rgb(0xa0_d9_8a),
    link: rgb(0x8a_b8_ff),
    code: rgb(0xe6_b4_90),
    ground: rgb(0x2f_34_44),
    on_ground: rgb(0xdc_e0_ea),
    names: &[
        rgb(0x8a_b8_ff),
        rgb(0xf2_a5_c8),
        rgb(0xa0_d9_8a),
        rgb(0xe6_b4_90),
        rgb(0xc3_a6_f5),
        rgb(0x7f_d3_e6),
        rgb(0xe0_cf_7a),
        rgb(0xf0_a0_8c),
    ],
};

/// For dark text on a light ground.
pub(super) const LIGHT: Palette = Palette {
    dim: rgb(0x5d_63_70),
    rule: rgb(0xb4_ba_c6),
    own: rgb(0x0b_6b_60),
    call: rgb(0x8a_4b_00),
    alarm: rgb(0xb0_1c_1c),
    warning: rgb(0x8a_4b_00),
    good: rgb(0x2c_6b_1a),
    link: rgb(0x1a_55_b8),
    code: rgb(0x8f_3d_10),
    ground: rgb(0xe2_e5_ec),
    on_ground: rgb(0x2a_2e_38),
    names: &[
        rgb(0x1a_55_b8),
        rgb(0xa3_1f_62),
        rgb(0x2c_6b_1a),
        rgb(0x8f_3d_10),
        rgb(0x6a_3d_b5),
        rgb(0x0a_65_7c),
        rgb(0x6e_5a_00),
        rgb(0xb0_1c_1c),
    ],
};

/// The user's terminal says what these are, so none is used that is unreadable on one of two grounds.
pub(super) const SIXTEEN: Palette = Palette {
    dim: Color::DarkGray,
    rule: Color::DarkGray,
    own: Color::Cyan,
    call: Color::Yellow,
    alarm: Color::Red,
    warning: Color::Yellow,
    good: Color::Green,
    link: Color::Blue,
    code: Color::Magenta,
    ground: Color::Reset,
    on_ground: Color::Reset,
    names: &[
        Color::Blue,
        Color::Magenta,
        Color::Green,
        Color::Red,
        Color::Cyan,
        Color::Yellow,
    ],
};

/// Returns the modifiers of a role, which are those of every look.
pub(super) fn modifiers(role: Role) -> Modifier {
    match role {
        Title | OwnName | OtherName | Strong | Key | Unread | Front | UnreadLine | NewBelow
        | Error | Warning | Seen | Failed | Disconnected | OwnReaction | BorderFocused => {
            Modifier::BOLD
        }
        Mention => Modifier::BOLD.union(Modifier::UNDERLINED),
        Emphasis | Quote | Typing | Deleted => Modifier::ITALIC,
        Link => Modifier::UNDERLINED,
        Selection | Hit => Modifier::REVERSED,
        _ => Modifier::empty(),
    }
}

/// Returns the style of a role in the colours of a look.
pub(super) fn coloured(role: Role, palette: &Palette) -> Style {
    let style = Style::new().add_modifier(modifiers(role));
    let colour = match role {
        Text | Title | OtherName | Strong | Emphasis | Composer | Read | Selection | Hit => {
            return style;
        }
        Status => return style.fg(palette.on_ground).bg(palette.ground),
        OwnName | Front | BorderFocused | OwnReaction | Seen => palette.own,
        Unread | NewBelow | UnreadLine | Draft | Notice => palette.own,
        Mention => palette.call,
        Error | Failed | Dnd | Disconnected => palette.alarm,
        Warning | Away | Connecting => palette.warning,
        Online | Connected => palette.good,
        Role::Link | Key => palette.link,
        Code => palette.code,
        Dim | Quote | Typing | Channel | Group | Muted | DayLine | Offline | Pending | Sent
        | Delivered | Edited | Deleted | Reaction | File => palette.dim,
        Border => palette.rule,
    };
    style.fg(colour)
}

#[cfg(test)]
mod tests {
    use super::{super::role::ROLES, *};

    /// The contrast of two colours as the WCAG count it.
    fn contrast(one: Color, other: Color) -> f64 {
        let light = |colour| {
            let Color::Rgb(red, green, blue) = colour else {
                panic!("{colour:?}");
            };
            let channel = |value: u8| match f64::from(value) / 255.0 {
                value if value <= 0.04045 => value / 12.92,
                value => ((value + 0.055) / 1.055).powf(2.4),
            };
            0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue)
        };
        let (one, other) = (light(one) + 0.05, light(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn every_text_can_be_read_on_common_grounds() {
        for (palette, grounds) in [
            (&DARK, [0x00_00_00, 0x1e_1e_2e, 0x28_2c_34]),
            (&LIGHT, [0xff_ff_ff, 0xfa_f4_ed, 0xfd_f6_e3]),
        ] {
            // A line is no text.
            let roles = ROLES
                .iter()
                .filter(|spec| spec.role != Border)
                .filter_map(|spec| coloured(spec.role, palette).fg);
            let own = contrast(palette.on_ground, palette.ground);
            assert!(own >= 4.5, "{own}");
            for ground in grounds.map(rgb) {
                let contrast = contrast(palette.rule, ground);
                assert!((1.5..3.5).contains(&contrast), "{ground:?} {contrast}");
            }
            for colour in roles.chain(palette.names.iter().copied()) {
                for ground in grounds.map(rgb) {
                    let contrast = contrast(colour, ground);
                    let is_status = colour == palette.on_ground;
                    assert!(
                        is_status || contrast >= 4.5,
                        "{colour:?} {ground:?} {contrast}"
                    );
                }
            }
        }
    }

    #[test]
    fn sixteen_has_only_ansi_colours() {
        let all = ROLES.iter().map(|spec| coloured(spec.role, &SIXTEEN));
        let colours = all.flat_map(|style| [style.fg, style.bg]).flatten();
        for colour in colours.chain(SIXTEEN.names.iter().copied()) {
            assert!(
                !matches!(colour, Color::Rgb(..) | Color::Indexed(_)),
                "{colour:?}"
            );
        }
    }
}
