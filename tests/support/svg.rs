//! A captured screen as a picture: SVG with the text in it, which any browser draws and any reader finds.

use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

/// Pixels of a cell, and how far the line of the letters is below its top.
const CELL: (f32, f32, f32) = (8.4, 18.0, 13.5);
/// Pixels around the screen.
const MARGIN: f32 = 10.0;
const PAPER: &str = "#16181d";
const INK: &str = "#d7dae0";
/// The sixteen colours, as a calm dark terminal shows them.
const SIXTEEN: [&str; 16] = [
    "#16181d", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0",
    "#7d8590", "#f0808a", "#b0d894", "#f0d090", "#7dc0ff", "#d89aec", "#74d0dc", "#ffffff",
];

/// How a cell looks; neighbours that look alike are drawn together.
#[derive(Clone, PartialEq)]
struct Look {
    ink: String,
    paper: Option<String>,
    bold: bool,
    italic: bool,
    underline: bool,
}

fn colour(colour: Color) -> Option<String> {
    match colour {
        Color::Default => None,
        Color::Idx(index @ 0..=15) => Some(SIXTEEN[usize::from(index)].to_owned()),
        // As xterm has it: a cube of six steps each, then greys.
        Color::Idx(index @ 16..=231) => {
            let at = index - 16;
            let step = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
            let [red, green, blue] = [at / 36, at / 6 % 6, at % 6].map(step);
            Some(format!("#{red:02x}{green:02x}{blue:02x}"))
        }
        Color::Idx(index) => {
            let grey = 8 + 10 * (index - 232);
            Some(format!("#{grey:02x}{grey:02x}{grey:02x}"))
        }
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
    }
}

fn look(cell: &Cell) -> Look {
    let (mut ink, mut paper) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
    if cell.inverse() {
        (ink, paper) = (
            Some(paper.unwrap_or(PAPER.into())),
            Some(ink.unwrap_or(INK.into())),
        );
    }
    Look {
        ink: ink.unwrap_or(INK.to_owned()),
        paper,
        bold: cell.bold(),
        italic: cell.italic(),
        underline: cell.underline(),
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;")
}

/// The picture of a screen, with a title for those who do not see it.
pub fn picture(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (wide, high, base) = CELL;
    let (width, height) = (
        f32::from(columns) * wide + 2.0 * MARGIN,
        f32::from(rows) * high + 2.0 * MARGIN,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} \
         {height:.0}\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n<rect width=\"100%\" height=\"100%\" \
         rx=\"8\" fill=\"{PAPER}\"/>\n<g font-family=\"'DejaVu Sans Mono', ui-monospace, Menlo, Consolas, monospace\" \
         font-size=\"14\" xml:space=\"preserve\">\n",
        title = escaped(title),
    );
    for row in 0..rows {
        let top = MARGIN + f32::from(row) * high;
        let mut column = 0;
        while column < columns {
            let Some(cell) = screen.cell(row, column) else {
                break;
            };
            let (first, it) = (column, look(cell));
            let mut text = String::new();
            // What is wide or no plain letter is drawn alone, so that it does not push its neighbours.
            loop {
                let cell = screen.cell(row, column).unwrap();
                let contents = cell.contents();
                text.push_str(if contents.is_empty() { " " } else { contents });
                column += 1 + u16::from(cell.is_wide());
                let next = screen.cell(row, column);
                let alone = cell.is_wide() || !contents.is_ascii();
                let goes_on = next.is_some_and(|next| {
                    look(next) == it && next.contents().is_ascii() && !next.is_wide()
                });
                if column >= columns || alone || !goes_on {
                    break;
                }
            }
            let left = MARGIN + f32::from(first) * wide;
            let long = f32::from(column - first) * wide;
            if let Some(paper) = &it.paper {
                writeln!(
                    svg,
                    "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{long:.1}\" height=\"{high:.1}\" fill=\"{paper}\"/>"
                )
                .unwrap();
            }
            let spaces = text.len() - text.trim_start_matches(' ').len();
            let shown = text.trim_matches(' ');
            if shown.is_empty() {
                continue;
            }
            let left = left + spaces as f32 * wide;
            let mut more = String::new();
            if shown.is_ascii() && shown.len() > 1 {
                write!(more, " textLength=\"{:.1}\"", shown.len() as f32 * wide).unwrap();
            }
            for (has, attribute) in [
                (it.bold, " font-weight=\"bold\""),
                (it.italic, " font-style=\"italic\""),
                (it.underline, " text-decoration=\"underline\""),
            ] {
                more.push_str(if has { attribute } else { "" });
            }
            writeln!(
                svg,
                "<text x=\"{left:.1}\" y=\"{:.1}\" fill=\"{}\"{more}>{}</text>",
                top + base,
                it.ink,
                escaped(shown)
            )
            .unwrap();
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}
