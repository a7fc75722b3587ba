//! Colours: read from a theme file, and brought down to what a terminal can show.
//!
//! Promises that every colour has a nearest one at every depth. Knows no roles.

use ratatui::style::Color;

/// How many colours a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: bold, underlined and reversed only.
    None,
    /// The 16 of ANSI, which the user's terminal defines.
    Sixteen,
    /// 256.
    Indexed,
    /// All.
    True,
}

/// The names of the 16 colours, with what they are on most terminals.
pub const NAMES: [(&str, Color, (u8, u8, u8)); 16] = [
    ("black", Color::Black, (0, 0, 0)),
    ("red", Color::Red, (205, 0, 0)),
    ("green", Color::Green, (0, 205, 0)),
    ("yellow", Color::Yellow, (205, 205, 0)),
    ("blue", Color::Blue, (0, 0, 238)),
    ("magenta", Color::Magenta, (205, 0, 205)),
    ("cyan", Color::Cyan, (0, 205, 205)),
    ("gray", Color::Gray, (229, 229, 229)),
    ("dark-gray", Color::DarkGray, (127, 127, 127)),
    ("light-red", Color::LightRed, (255, 0, 0)),
    ("light-green", Color::LightGreen, (0, 255, 0)),
    ("light-yellow", Color::LightYellow, (255, 255, 0)),
    ("light-blue", Color::LightBlue, (92, 92, 255)),
    ("light-magenta", Color::LightMagenta, (255, 0, 255)),
    ("light-cyan", Color::LightCyan, (0, 255, 255)),
    ("white", Color::White, (255, 255, 255)),
];

/// The steps of each channel in the cube of 256 colours.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Reads a colour: a name, `default`, `#rrggbb`, or an index of 256.
pub fn parse(text: &str) -> Option<Color> {
    let name = text
        .trim()
        .to_lowercase()
        .replace(['_', ' '], "-")
        .replace("grey", "gray");
    if name == "default" {
        return Some(Color::Reset);
    }
    if let Some((_, colour, _)) = NAMES.iter().find(|(known, ..)| *known == name) {
        return Some(*colour);
    }
    if let Some(digits) = name.strip_prefix('#') {
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        return Some(Color::Rgb(red, green, blue));
    }
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    name.parse().ok().filter(|_| is_number).map(Color::Indexed)
}

/// Returns the nearest colour that a terminal of this depth shows; `None` is left to the terminal.
pub fn reduce(colour: Color, depth: Depth) -> Option<Color> {
    match (depth, colour) {
        (Depth::None, _) => None,
        (Depth::True, _) | (_, Color::Reset) => Some(colour),
        (Depth::Indexed, Color::Rgb(red, green, blue)) => Some(nearest_index((red, green, blue))),
        (Depth::Sixteen, Color::Rgb(red, green, blue)) => Some(nearest_name((red, green, blue))),
        (Depth::Sixteen, Color::Indexed(index)) => Some(nearest_name(index_rgb(index))),
        (Depth::Indexed | Depth::Sixteen, named) => Some(named),
    }
}

fn index_rgb(index: u8) -> (u8, u8, u8) {
    match index {
        0..=15 => NAMES[usize::from(index)].2,
        16..=231 => {
            let step = |divisor: u8| STEPS[usize::from((index - 16) / divisor % 6)];
            (step(36), step(6), step(1))
        }
        232..=255 => {
            let gray = 8 + 10 * (index - 232);
            (gray, gray, gray)
        }
    }
}

fn nearest_index(wanted: (u8, u8, u8)) -> Color {
    // The first 16 are the user's own and may look like anything.
    let nearest = (16..=255).min_by_key(|index| apart(index_rgb(*index), wanted));
    nearest.map_or(Color::Reset, Color::Indexed)
}

fn nearest_name(wanted: (u8, u8, u8)) -> Color {
    let nearest = NAMES.iter().min_by_key(|(_, _, rgb)| apart(*rgb, wanted));
    nearest.map_or(Color::Reset, |(_, colour, _)| *colour)
}

fn apart(one: (u8, u8, u8), other: (u8, u8, u8)) -> u32 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    square(one.0, other.0) + square(one.1, other.1) + square(one.2, other.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_a_name_six_digits_or_an_index() {
        for (text, wanted) in [
            ("red", Some(Color::Red)),
            ("Light Blue", Some(Color::LightBlue)),
            ("dark_grey", Some(Color::DarkGray)),
            ("default", Some(Color::Reset)),
            ("#1e90FF", Some(Color::Rgb(0x1e, 0x90, 0xff))),
            ("208", Some(Color::Indexed(208))),
            ("256", None),
            ("+7", None),
            ("#fff", None),
            ("#+12345", None),
            ("#ääß", None),
            ("", None),
            ("redd", None),
        ] {
            assert_eq!(parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn colours_come_down_to_the_nearest_one() {
        let orange = Color::Rgb(255, 135, 0);
        assert_eq!(reduce(orange, Depth::True), Some(orange));
        assert_eq!(reduce(orange, Depth::Indexed), Some(Color::Indexed(208)));
        assert_eq!(
            reduce(Color::Indexed(196), Depth::Sixteen),
            Some(Color::LightRed)
        );
        assert_eq!(reduce(Color::Cyan, Depth::Sixteen), Some(Color::Cyan));
        assert_eq!(reduce(Color::Reset, Depth::Sixteen), Some(Color::Reset));
        assert_eq!(reduce(orange, Depth::None), None);
        for index in 16..=255 {
            let (red, green, blue) = index_rgb(index);
            let Some(Color::Indexed(back)) = reduce(Color::Rgb(red, green, blue), Depth::Indexed)
            else {
                panic!("{index}");
            };
            assert_eq!(index_rgb(back), (red, green, blue));
        }
    }
}
