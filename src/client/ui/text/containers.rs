//! What markup puts before lines: the bars of quotes, the bullets of lists, the fences of code.
//!
//! A line is in a container only by what stands before it: one that Markdown would add to a quote without a `>` of its
//! own is none of it, as people mean it in a chat. Bounded: containers nest `DEPTH_MAX` deep, what is deeper stays as
//! it was typed. Knows nothing of what stands within lines.

use std::ops::Range;

use super::{Role, markup::Markup, width};

/// Quotes and lists within each other.
const DEPTH_MAX: usize = 6;
/// Before each row of a block of code.
const CODE_LEAD: &str = "  ";
impl Markup<'_> {
    /// Takes the signs of a quote from its lines.
    pub(super) fn quote(&mut self, range: Range<usize>, depth: usize) {
        if depth >= DEPTH_MAX {
            return;
        }
        for number in self.lines_of(&range) {
            let Some(line) = self.lines.get_mut(number) else {
                return;
            };
            let rest = self.text.get(line.range.clone()).unwrap_or_default();
            // A line that does not begin with the sign is none of the quote here, whatever Markdown says.
            if line.depth != depth {
                continue;
            }
            let Some(quoted) = rest.trim_start_matches([' ', '\t']).strip_prefix('>') else {
                continue;
            };
            let quoted = quoted.strip_prefix(' ').unwrap_or(quoted);
            line.range.start = line.range.end - quoted.len();
            line.depth += 1;
            line.first += self.glyphs.bar;
            line.further += self.glyphs.bar;
            let range = line.range.clone();
            self.add(range, Role::QUOTE);
        }
    }

    /// Takes the number or bullet of an entry of a list from its lines.
    pub(super) fn entry(&mut self, range: Range<usize>, depth: usize) {
        if depth >= DEPTH_MAX {
            return;
        }
        let lines = self.lines_of(&range);
        // What a further line must be indented by, and what stands in the place of that.
        let mut indented: Option<(usize, String)> = None;
        for number in lines {
            let Some(line) = self.lines.get_mut(number) else {
                return;
            };
            if line.depth != depth {
                continue;
            }
            let rest = self.text.get(line.range.clone()).unwrap_or_default();
            let bare = rest.trim_start_matches(' ');
            let blanks = rest.len() - bare.len();
            if let Some((indent, lead)) = &indented {
                let is_empty = bare.trim().is_empty();
                if blanks < *indent && !is_empty {
                    continue;
                }
                line.range.start += blanks.min(*indent);
                line.first += lead;
                line.further += lead;
            } else {
                let Some(marker) = marker(bare) else {
                    return;
                };
                let behind = bare.get(marker.len()..).unwrap_or_default();
                let text = behind.trim_start_matches(' ');
                let between = match behind.len() - text.len() {
                    0 => 0,
                    few @ 1..=4 => few,
                    // What is indented further is code, and stays where it is.
                    _ => 1,
                };
                let sign = match marker {
                    "-" | "*" | "+" => self.glyphs.bullet.to_owned(),
                    number => format!("{number} "),
                };
                let lead = " ".repeat(width::cells(&sign));
                line.range.start += blanks + marker.len() + between;
                line.first += &sign;
                line.further += &lead;
                line.is_entry = true;
                indented = Some((blanks + marker.len() + between.max(1), lead));
            }
            line.depth += 1;
        }
    }

    /// Drops the fences of a block of code.
    pub(super) fn fenced(&mut self, range: Range<usize>, depth: usize) {
        let lines = self.lines_of(&range);
        let depth = depth.min(DEPTH_MAX);
        let block = self.text.get(range).unwrap_or_default();
        if !has_content(block) {
            // There is no code: nothing would be left of what was typed.
            return;
        }
        let mut fence = "";
        for number in lines.clone() {
            let Some(line) = self.lines.get_mut(number) else {
                return;
            };
            let rest = self.text.get(line.range.clone()).unwrap_or_default();
            let bare = rest.trim();
            let is_first = number == lines.start;
            if is_first {
                let sign = bare.chars().next().unwrap_or('`');
                let others = bare.trim_start_matches(sign);
                fence = bare.get(..bare.len() - others.len()).unwrap_or_default();
            }
            if fence.len() < 3 || line.depth != depth {
                // It is not where it was looked for, so it stays as it was typed.
                return;
            }
            let is_last = number + 1 == lines.end && bare.starts_with(fence);
            if is_first || is_last && bare.trim_start_matches(fence_sign(fence)).is_empty() {
                line.is_dropped = !line.is_entry;
                line.range.start = line.range.end;
                continue;
            }
            line.first += CODE_LEAD;
            line.further += CODE_LEAD;
            let range = line.range.clone();
            self.add(range, Role::CODE);
        }
    }

    /// The numbers of the lines that a range touches.
    fn lines_of(&self, range: &Range<usize>) -> Range<usize> {
        let lines = &self.lines;
        let first = lines.partition_point(|line| line.range.end < range.start);
        first..lines.partition_point(|line| line.range.start < range.end)
    }
}

/// Whether anything stands between the fences of a block.
fn has_content(block: &str) -> bool {
    let is_fence = |line: &str| {
        let line = line.trim_start_matches([' ', '>', '\t']).trim_end();
        line.len() >= 3 && (line.bytes().all(|c| c == b'`') || line.bytes().all(|c| c == b'~'))
    };
    let mut within = block.lines().skip(1);
    within.any(|line| !line.trim().is_empty() && !is_fence(line))
}

fn fence_sign(fence: &str) -> char {
    fence.chars().next().unwrap_or('`')
}

/// What an entry of a list begins with: `-`, `*`, `+`, `12.` or `12)`.
pub(super) fn marker(text: &str) -> Option<&str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (from, signs) = match digits {
        0 => (0, &b"-*+"[..]),
        1..=9 => (digits, &b".)"[..]),
        _ => return None,
    };
    let is_sign = signs.contains(text.as_bytes().get(from)?);
    let is_apart = matches!(text.as_bytes().get(from + 1), None | Some(b' ' | b'\t'));
    (is_sign && is_apart).then(|| text.get(..=from)).flatten()
}
