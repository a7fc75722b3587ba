//! Text that a peer or a server wrote, and its only ways to the screen.
//!
//! A terminal obeys bytes: an escape sequence in a message can rename the window, fill the
//! clipboard, or overwrite what stands above. So such text is kept in a type without `Display`, and
//! what comes out of it holds no control character, nothing that turns the direction of writing,
//! nothing invisible, and no towers of combining marks. Knows nothing of terminals' widths.

use std::fmt;

use crate::domain::name::UserName;

/// Combining marks in a row that are shown. Real scripts need up to 3, towers need dozens.
const MARKS_IN_A_ROW_MAX: u32 = 4;
/// What stands for a character that must not reach the screen but should be seen to be there.
const REPLACEMENT: char = '\u{fffd}';
/// What continues a text of several lines: never at the start of a line, so no line can be forged.
const CONTINUATION: &str = "\n  ";

/// Text of foreign origin.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Untrusted(String);

impl Untrusted {
    /// Takes a text of which nothing is known.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text as one safe line.
    pub fn render_line(&self) -> String {
        self.render("⏎", " ")
    }

    /// Returns the text as safe lines; all but the first are indented by two spaces, so that none
    /// of them can pass for a line of its own.
    pub fn render_block(&self) -> String {
        self.render(CONTINUATION, "\t")
    }

    /// Returns the text as safe lines with their tabs, for who lays them out on a screen of his own.
    pub fn render_lines(&self) -> String {
        self.render("\n", "\t")
    }

    /// Returns the beginning of the text as one safe line of at most `chars_max` characters.
    pub fn render_start(&self, chars_max: usize) -> String {
        let line = self.render_line();
        if line.chars().count() <= chars_max {
            return line;
        }
        line.chars().take(chars_max).chain(['…']).collect()
    }

    /// Returns pieces of one text, each as one safe line: what is harmless in pieces is not put together to something else.
    pub fn render_pieces<'a>(
        pieces: impl IntoIterator<Item = &'a Self>,
    ) -> impl Iterator<Item = String> {
        let mut marks = 0;
        let pieces = pieces.into_iter();
        pieces.map(move |piece| piece.render_after(&mut marks, "⏎", " "))
    }

    /// Returns the same text without what comes after so many characters, to be kept.
    #[must_use]
    pub fn cut(mut self, chars_max: usize) -> Self {
        if let Some((at, _)) = self.0.char_indices().nth(chars_max) {
            self.0.truncate(at);
            self.0.shrink_to_fit();
        }
        self
    }

    /// Returns the text as a user name, if it is one: those are safe by their nature.
    pub fn to_user_name(&self) -> Option<UserName> {
        self.0.parse().ok()
    }

    /// Returns how many bytes it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn render(&self, line_end: &str, tab: &str) -> String {
        self.render_after(&mut 0, line_end, tab)
    }

    /// `marks`: how many marks in a row stand before it, and then at its end.
    fn render_after(&self, marks: &mut u32, line_end: &str, tab: &str) -> String {
        let mut safe = String::with_capacity(self.0.len());
        for c in self.0.chars() {
            let looks = looks(c);
            // What is not drawn, and what joins, does not begin a new place for marks to stack on.
            *marks = match looks {
                Looks::Mark => marks.saturating_add(1),
                Looks::Invisible => *marks,
                _ if matches!(c, '\u{200c}' | '\u{200d}') => *marks,
                _ => 0,
            };
            match looks {
                Looks::Plain => safe.push(c),
                Looks::Mark if *marks <= MARKS_IN_A_ROW_MAX => safe.push(c),
                Looks::Mark | Looks::Invisible => {}
                Looks::LineEnd => safe.push_str(line_end),
                Looks::Tab => safe.push_str(tab),
                Looks::Shown(glyph) => safe.push(glyph),
            }
        }
        safe
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Untrusted {
    // A log or a failed assertion ends on a terminal, too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.render_line())
    }
}

/// Returns whether a character only ever draws itself, alone or over the one before.
pub fn is_drawn(c: char) -> bool {
    matches!(looks(c), Looks::Plain | Looks::Mark)
}

/// What a character would do on a terminal.
enum Looks {
    /// It is drawn.
    Plain,
    /// It is drawn over the one before.
    Mark,
    /// It is not drawn and changes nothing that matters.
    Invisible,
    /// It ends the line.
    LineEnd,
    /// It moves to the next stop.
    Tab,
    /// It is dangerous; this glyph is drawn in its place.
    Shown(char),
}

fn looks(c: char) -> Looks {
    match c {
        '\n' | '\u{2028}' | '\u{2029}' => Looks::LineEnd,
        '\t' => Looks::Tab,
        // C0: each has its picture 0x2400 above itself. Carriage return and backspace are here.
        '\0'..='\u{1f}' => Looks::Shown(picture(c)),
        '\u{7f}' => Looks::Shown('\u{2421}'),
        // C1: commands of one character to terminals that take them.
        '\u{80}'..='\u{9f}' => Looks::Shown(REPLACEMENT),
        // Embeddings, overrides and isolates: they reorder what stands around them.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Looks::Shown(REPLACEMENT),
        // Direction marks, soft hyphen, Mongolian vowel separator, zero-width space, word joiner
        // and its invisible kin, byte order mark, interlinear annotation, tags. The zero-width
        // joiners stay: emoji and Persian are misspelt without them.
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{ad}' | '\u{180e}' | '\u{200b}' => {
            Looks::Invisible
        }
        '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}' => Looks::Invisible,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => Looks::Invisible,
        _ if is_mark(c) => Looks::Mark,
        _ => Looks::Plain,
    }
}

fn picture(c: char) -> char {
    char::from_u32(0x2400 + u32::from(c)).unwrap_or(REPLACEMENT)
}

/// Returns whether a character stacks on the one before. The blocks that towers are built from, not
/// the whole of Unicode: a mark that is missing here is drawn once more than it should be.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{5bf}'
        | '\u{5c1}'..='\u{5c2}' | '\u{5c4}'..='\u{5c5}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}'
        | '\u{730}'..='\u{74a}' | '\u{900}'..='\u{902}' | '\u{93c}' | '\u{941}'..='\u{948}'
        | '\u{94d}' | '\u{951}'..='\u{957}' | '\u{e31}' | '\u{e34}'..='\u{e3a}'
        | '\u{e47}'..='\u{e4e}' | '\u{eb1}' | '\u{eb4}'..='\u{ebc}' | '\u{ec8}'..='\u{ece}'
        | '\u{f18}'..='\u{f19}' | '\u{f71}'..='\u{f84}' | '\u{f8d}'..='\u{fbc}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{302a}'..='\u{302f}' | '\u{3099}'..='\u{309a}' | '\u{a66f}'..='\u{a672}'
        | '\u{a674}'..='\u{a67d}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        Untrusted::from(text).render_line()
    }

    #[test]
    fn honest_text_is_not_touched() {
        for text in [
            "hello, world",
            " leading and trailing ",
            "żółć 漢字 ไทย עברית العربية",
            "👩\u{200d}👩\u{200d}👧 ❤\u{fe0f} e\u{301}",
            "می\u{200c}خواهم",
            "<bob, 2026-01-01 00:00:00> not forged: it stands behind a sender",
        ] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn a_corpus_of_attacks_comes_out_harmless() {
        for (attack, shown) in [
            ("\u{1b}[2J\u{1b}[H", "␛[2J␛[H"),
            ("\u{1b}]52;c;cm0gLXJm\u{7}", "␛]52;c;cm0gLXJm␇"),
            ("\u{1b}]0;root@host\u{1b}\\", "␛]0;root@host␛\\"),
            ("\u{9b}31m red", "\u{fffd}31m red"),
            ("\u{9d}0;title\u{9c}", "\u{fffd}0;title\u{fffd}"),
            ("\u{85}next line", "\u{fffd}next line"),
            ("bell\u{7}", "bell␇"),
            ("paid 10\rpaid 99", "paid 10␍paid 99"),
            ("abc\u{8}\u{8}\u{8}xyz", "abc␈␈␈xyz"),
            ("del\u{7f}", "del␡"),
            ("nul\0", "nul␀"),
            ("a\u{b}b\u{c}c", "a␋b␌c"),
            ("gpj.\u{202e}exe", "gpj.\u{fffd}exe"),
            ("\u{2066}isolated\u{2069}", "\u{fffd}isolated\u{fffd}"),
            ("\u{200e}\u{200f}\u{61c}marks", "marks"),
            ("pay\u{200b}pal\u{feff}", "paypal"),
            ("tag\u{e0041}\u{e0042}", "tag"),
            ("two\nlines", "two⏎lines"),
            ("two\u{2028}lines\u{2029}", "two⏎lines⏎"),
            ("tab\tstop", "tab stop"),
            ("\u{90}payload\u{9c}", "\u{fffd}payload\u{fffd}"),
        ] {
            assert_eq!(line(attack), shown, "{attack:?}");
        }
    }

    #[test]
    fn no_control_character_of_any_kind_comes_out() {
        let everything: String = ('\0'..=char::MAX).collect();
        let shown = Untrusted::new(everything);
        assert!(!shown.render_line().contains(char::is_control));
        let block = shown.render_block();
        let strange = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        assert!(!block.contains(strange));
    }

    #[test]
    fn towers_of_marks_are_cut() {
        let tower = format!("z{}a", "\u{300}".repeat(50));
        assert_eq!(line(&tower), format!("z{}a", "\u{300}".repeat(4)));
        // Nor does anything between them help that is not seen itself.
        for between in ["\u{200b}", "\u{200d}", "\u{200c}", "\u{ad}"] {
            let tower = format!("z{}", format!("\u{300}{between}").repeat(50));
            assert_eq!(line(&tower).matches('\u{300}').count(), 4, "{between:?}");
        }
        let mixed = format!("z{}", "\u{300}\u{fe0f}\u{489}".repeat(9));
        assert_eq!(line(&mixed).chars().count(), 5);
        // Nor are they built of pieces.
        let pieces = vec![Untrusted::from("\u{301}\u{302}\u{303}"); 9];
        let shown: String = Untrusted::render_pieces(&pieces).collect();
        assert_eq!(shown.chars().count(), 4);
    }

    #[test]
    fn further_lines_are_indented_so_that_none_can_be_forged() {
        let forged = Untrusted::from("hi\n<eve, 2026-01-01 00:00:00> I owe you\n<> bye");
        assert_eq!(
            forged.render_block(),
            "hi\n  <eve, 2026-01-01 00:00:00> I owe you\n  <> bye"
        );
        assert_eq!(Untrusted::from("a\u{2029}b\tc").render_block(), "a\n  b\tc");
    }

    #[test]
    fn debug_output_is_safe_too() {
        let text = format!("{:?}", Untrusted::from("\u{1b}[2J\u{202e}\n"));
        assert_eq!(text, "\"␛[2J\u{fffd}⏎\"");
    }

    #[test]
    fn a_start_says_that_it_is_one() {
        assert_eq!(Untrusted::from("hello").render_start(5), "hello");
        assert_eq!(Untrusted::from("hello\n").render_start(5), "hello…");
        assert_eq!(Untrusted::from("hello").render_start(2), "he…");
    }
}
