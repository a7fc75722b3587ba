//! What people type, as lines of pieces with roles: bold, italic, strike, code, links, quotes, lists.
//!
//! Promises: line breaks stay; what is not known stays as it was typed; a link shows where it leads; no text makes it
//! fail; at most `lines_max` lines come back, of which the last says so if there were more. A text without markup costs
//! one look at its bytes. Takes text that `Untrusted` has made safe and makes nothing of it that was not in it, but for
//! the signs before lines and the address behind a link.

use std::sync::Arc;

use super::{
    Glyphs, Line, Role, Span, containers,
    markup::{self, Markup},
};

/// The last line of a text of which not all is shown, behind an ellipsis.
const MORE: &str = " more";

/// Returns the lines of a message.
pub fn lines(text: &str, lines_max: usize, glyphs: &Glyphs) -> Vec<Line> {
    if lines_max == 0 {
        return Vec::new();
    }
    // One line more than is shown says that there is more.
    let enough = lines_max.saturating_add(1);
    let mut lines = if is_marked(text) {
        let mut markup = markup::read(text, glyphs);
        markup.link_addresses();
        shown(text, &markup, enough)
    } else {
        let line = |line| Line::new(vec![Span::plain(line)]);
        text.split('\n').take(enough).map(line).collect()
    };
    if lines.len() > lines_max {
        lines.truncate(lines_max - 1);
        let more = format!("{}{MORE}", glyphs.ellipsis);
        lines.push(Line::new(vec![Span::new(more, Role::DIM)]));
    }
    lines
}

/// Returns the text of a message without its markup, as one line: for a preview or a notice.
pub fn one_line(text: &str, glyphs: &Glyphs) -> String {
    let lines = lines(text, usize::MAX, glyphs);
    let lines = lines
        .iter()
        .map(|line| format!("{}{}", line.first, line.text()));
    let words: Vec<String> = lines.map(|line| line.trim().to_owned()).collect();
    words.join(" ").trim().to_owned()
}

/// Whether there may be markup in a text.
fn is_marked(text: &str) -> bool {
    let is_sign = |byte: u8| matches!(byte, b'*' | b'_' | b'~' | b'`' | b'[' | b'<' | b'>' | b'\\');
    text.bytes().any(is_sign)
        || text.contains("://")
        || text
            .split('\n')
            .any(|line| containers::marker(line.trim_start()).is_some())
}

fn shown(text: &str, markup: &Markup<'_>, enough: usize) -> Vec<Line> {
    let mut links = markup.links.as_slice();
    let mut tails = markup.tails.as_slice();
    let mut lines = Vec::new();
    for line in markup
        .lines
        .iter()
        .filter(|line| !line.is_dropped)
        .take(enough)
    {
        let mut spans = Vec::new();
        let end = line.range.end;
        let mut at = line.range.start;
        loop {
            while let Some((_, rest)) = tails.split_first().filter(|(tail, _)| tail.0 < at) {
                tails = rest;
            }
            while let Some((tail, rest)) = tails.split_first().filter(|(tail, _)| tail.0 == at) {
                tails = rest;
                push_tail(&mut spans, &tail.1, markup.roles.get(at.saturating_sub(1)));
            }
            while let Some((_, rest)) = links.split_first().filter(|(link, _)| link.0.end <= at) {
                links = rest;
            }
            if at >= end {
                break;
            }
            let link = links.first();
            let role = markup.roles.get(at).copied().unwrap_or_default();
            let is_hidden = markup.is_hidden.get(at).copied().unwrap_or_default();
            let is_same = |at: &usize| {
                markup.roles.get(*at) == Some(&role)
                    && markup.is_hidden.get(*at) == Some(&is_hidden)
            };
            let borders = [
                Some(end),
                link.map(|(range, _)| range.start)
                    .filter(|start| *start > at),
                link.map(|(range, _)| range.end),
                tails.first().map(|tail| tail.0),
            ];
            let border = borders.into_iter().flatten().min().unwrap_or(end).min(end);
            let next = at + 1;
            let next = (next..border)
                .find(|at| !is_same(at))
                .unwrap_or(border.max(next));
            if !is_hidden {
                let link = link.filter(|(range, _)| range.start <= at);
                let link = link.map(|(_, to)| to.clone());
                push(
                    &mut spans,
                    text.get(at..next).unwrap_or_default(),
                    role,
                    link,
                );
            }
            at = next;
        }
        lines.push(Line {
            first: line.first.clone(),
            further: line.further.clone(),
            spans,
        });
    }
    lines
}

fn push(spans: &mut Vec<Span>, text: &str, role: Role, link: Option<Arc<str>>) {
    match spans.last_mut() {
        Some(last) if last.role == role && last.link == link => last.text += text,
        _ => spans.push(Span {
            text: text.to_owned(),
            role,
            link,
        }),
    }
}

/// Says where the link before it leads.
fn push_tail(spans: &mut Vec<Span>, to: &Arc<str>, around: Option<&Role>) {
    let role = around.copied().unwrap_or_default() | Role::DIM;
    push(spans, " (", role, None);
    push(spans, to, role | Role::LINK, Some(to.clone()));
    push(spans, ")", role, None);
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
