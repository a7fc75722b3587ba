//! What the markup of a message says about each byte of it.
//!
//! The parser of Markdown is only asked where things are; what is shown is always taken from the message itself. So a
//! line stays a line, what is not known here (headings, tables, HTML, pictures, entities) stays as it was typed, and
//! no `&#27;` becomes what it names. Knows what stands within lines; `containers` knows what stands before them.

use std::{ops::Range, sync::Arc};

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::{Glyphs, Role, links};
use crate::client::app::untrusted::is_drawn;

/// What a link may lead to. Others stay as they were typed.
const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];
/// What people mean by it is no escape.
const SHRUG: &str = "_(ツ)_";

/// What was found.
pub(super) struct Markup<'a> {
    /// The message.
    pub(super) text: &'a str,
    /// The signs that are ours.
    pub(super) glyphs: &'a Glyphs,
    /// Of each byte.
    pub(super) roles: Vec<Role>,
    /// Of each byte whether it is markup and not shown.
    pub(super) is_hidden: Vec<bool>,
    /// What leads somewhere, in order.
    pub(super) links: Vec<(Range<usize>, Arc<str>)>,
    /// What is to be said behind a link about where it leads, by the place where it is said.
    pub(super) tails: Vec<(usize, Arc<str>)>,
    /// Its lines.
    pub(super) lines: Vec<Marked>,
    addresses: Vec<Range<usize>>,
}

/// A line of the message.
pub(super) struct Marked {
    /// Where the text of it is, behind the markup of its containers.
    pub(super) range: Range<usize>,
    /// What stands before its first row.
    pub(super) first: String,
    /// What stands before its further rows.
    pub(super) further: String,
    /// It was nothing but markup.
    pub(super) is_dropped: bool,
    /// The containers that it is in, by its own markup.
    pub(super) depth: usize,
    /// It is the first of an entry of a list.
    pub(super) is_entry: bool,
}

/// A link whose end has not come yet.
struct Open {
    range: Range<usize>,
    to: Arc<str>,
    text_end: usize,
}

/// Reads a message.
pub(super) fn read<'a>(text: &'a str, glyphs: &'a Glyphs) -> Markup<'a> {
    let mut markup = Markup {
        text,
        glyphs,
        roles: vec![Role::PLAIN; text.len()],
        is_hidden: vec![false; text.len()],
        links: Vec::new(),
        tails: Vec::new(),
        lines: lines(text),
        addresses: links::find(text),
    };
    markup.read();
    markup
}

fn lines(text: &str) -> Vec<Marked> {
    let mut start = 0;
    let line = |line: &str| {
        let range = start..start + line.len();
        start = range.end + 1;
        Marked {
            range,
            first: String::new(),
            further: String::new(),
            is_dropped: false,
            depth: 0,
            is_entry: false,
        }
    };
    text.split('\n').map(line).collect()
}

impl Markup<'_> {
    fn read(&mut self) {
        let mut depth = 0;
        let mut pictures = 0_usize;
        let mut link: Option<Open> = None;
        // Where the last piece of text ended: what lies between it and the next is markup.
        let mut text_end = 0;
        let parser = Parser::new_ext(self.text, Options::ENABLE_STRIKETHROUGH);
        for (event, range) in parser.into_offset_iter() {
            if let Some(open) = &mut link
                && !matches!(event, Event::End(TagEnd::Link))
            {
                open.text_end = open.text_end.max(range.end);
            }
            match event {
                Event::Start(Tag::BlockQuote(_)) => {
                    self.quote(range, depth);
                    depth += 1;
                }
                Event::Start(Tag::Item) => {
                    self.entry(range, depth);
                    depth += 1;
                }
                Event::End(TagEnd::BlockQuote(_) | TagEnd::Item) => depth -= 1,
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => self.fenced(range, depth),
                Event::Start(Tag::Image { .. }) => pictures += 1,
                Event::End(TagEnd::Image) => pictures = pictures.saturating_sub(1),
                _ if pictures > 0 => {}
                Event::Start(Tag::Emphasis) => self.paired(range, 1, Role::ITALIC),
                Event::Start(Tag::Strong) => self.paired(range, 2, Role::BOLD),
                Event::Start(Tag::Strikethrough) => self.paired(range, 2, Role::STRIKE),
                Event::Code(_) => {
                    text_end = range.end;
                    self.code(range);
                }
                Event::Start(Tag::Link {
                    link_type: LinkType::Inline,
                    dest_url,
                    ..
                }) if can_lead(&dest_url) => {
                    link = Some(Open {
                        text_end: range.start,
                        range,
                        to: dest_url.as_ref().into(),
                    });
                }
                Event::Start(Tag::Link {
                    link_type: LinkType::Autolink,
                    ..
                }) => self.bracketed(range),
                Event::End(TagEnd::Link) => {
                    if let Some(open) = link.take() {
                        self.link(open);
                    }
                }
                Event::Text(_) => {
                    self.escape(range.start, text_end);
                    text_end = range.end;
                }
                _ => {}
            }
        }
        self.links.sort_by_key(|(range, _)| range.start);
        self.tails.sort_by_key(|(at, _)| *at);
    }

    /// A pair of signs of this length around a text.
    fn paired(&mut self, range: Range<usize>, length: usize, role: Role) {
        let source = self.text.get(range.clone()).unwrap_or_default();
        let (Some(open), Some(close)) = (
            source.get(..length),
            source.get(source.len().saturating_sub(length)..),
        ) else {
            return;
        };
        let is_pair = open == close && matches!(open, "*" | "_" | "**" | "__" | "~~");
        let before = self.text.get(..range.start).unwrap_or_default();
        let behind = self.text.get(range.end..).unwrap_or_default();
        let is_alphanumeric = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        // 2*3*4 is arithmetic.
        let is_within_word = role == Role::ITALIC
            && is_alphanumeric(before.chars().next_back())
            && is_alphanumeric(behind.chars().next());
        if !is_pair
            || source.len() <= 2 * length
            || is_within_word
            || self.is_of_address(range.start)
            || self.is_of_address(range.end - 1)
        {
            return;
        }
        self.hide(range.start..range.start + length);
        self.hide(range.end - length..range.end);
        self.add(range, role);
    }

    fn code(&mut self, range: Range<usize>) {
        let source = self.text.get(range.clone()).unwrap_or_default();
        let ticks = source.len() - source.trim_start_matches('`').len();
        let Some(inner) = source.get(ticks..source.len().saturating_sub(ticks)) else {
            return;
        };
        let is_padded =
            inner.starts_with(' ') && inner.ends_with(' ') && !inner.trim_matches(' ').is_empty();
        let edge = ticks + usize::from(is_padded);
        self.hide(range.start..range.start + edge);
        self.hide(range.end - edge..range.end);
        self.add(range, Role::CODE);
    }

    fn link(&mut self, open: Open) {
        let Open {
            range,
            to,
            text_end,
        } = open;
        let text = range.start + 1..text_end;
        let shown = self.text.get(text.clone()).unwrap_or_default();
        if shown.trim().is_empty() || text_end >= range.end {
            return;
        }
        self.hide(range.start..text.start);
        self.hide(text_end..range.end);
        self.add(text.clone(), Role::LINK);
        // Nobody is led to a place that is not shown.
        if shown != &*to {
            self.tails.push((range.end, to.clone()));
        }
        self.links.push((text, to));
    }

    /// An address in brackets of its own, which are not shown.
    fn bracketed(&mut self, range: Range<usize>) {
        let inner = range.start + 1..range.end.saturating_sub(1);
        if self
            .addresses
            .binary_search_by_key(&inner.start, |it| it.start)
            .is_ok()
        {
            self.hide(range.start..inner.start);
            self.hide(inner.end..range.end);
        }
    }

    /// Hides the backslash before a sign that it keeps from being markup.
    fn escape(&mut self, at: usize, text_end: usize) {
        let Some(before) = at.checked_sub(1).filter(|before| *before >= text_end) else {
            return;
        };
        let is_escape = self.text.as_bytes().get(before) == Some(&b'\\');
        let rest = self.text.get(at..).unwrap_or_default();
        if is_escape
            && rest.starts_with(|c: char| c.is_ascii_punctuation())
            && !rest.starts_with(SHRUG)
        {
            self.hide(before..at);
        }
    }

    fn is_of_address(&self, at: usize) -> bool {
        let next = self.addresses.partition_point(|it| it.end <= at);
        self.addresses.get(next).is_some_and(|it| it.start <= at)
    }

    fn hide(&mut self, range: Range<usize>) {
        if let Some(bytes) = self.is_hidden.get_mut(range) {
            bytes.fill(true);
        }
    }

    /// Adds a role to each of these bytes.
    pub(super) fn add(&mut self, range: Range<usize>, role: Role) {
        for byte in self.roles.get_mut(range).unwrap_or_default() {
            *byte |= role;
        }
    }

    /// Makes links of the addresses that were typed as they are.
    pub(super) fn link_addresses(&mut self) {
        for range in std::mem::take(&mut self.addresses) {
            let is_code = self
                .roles
                .get(range.start)
                .is_some_and(|it| it.has(Role::CODE));
            let next = self.links.partition_point(|(it, _)| it.end <= range.start);
            let is_linked = self
                .links
                .get(next)
                .is_some_and(|(it, _)| it.start < range.end);
            if let (false, false, Some(address)) =
                (is_code, is_linked, self.text.get(range.clone()))
            {
                self.links.insert(next, (range.clone(), address.into()));
                self.add(range, Role::LINK);
            }
        }
    }
}

fn can_lead(to: &str) -> bool {
    SCHEMES.iter().any(|scheme| {
        to.len() > scheme.len()
            && to
                .get(..scheme.len())
                .is_some_and(|it| it.eq_ignore_ascii_case(scheme))
    }) && to.chars().all(|c| is_drawn(c) && !c.is_whitespace())
}
