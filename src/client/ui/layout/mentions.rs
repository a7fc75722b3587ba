//! Marks the names in a text that the server took for mentions.
//!
//! What the message says is mentioned is marked, and nothing else that begins with an `@`. Knows no rows.

use crate::{
    client::{
        app::untrusted::Untrusted,
        ui::{
            model::message::Message,
            text::{Line, Role},
        },
    },
    domain::name::UserName,
};

/// The word that mentions everybody.
const ALL: &str = "all";
/// What may stand behind a name without being of it.
const TRAILING: [char; 3] = ['.', '_', '-'];

/// Marks the mentions in the lines of a message.
pub fn mark(lines: &mut [Line], message: &Message, me: &UserName) {
    if message.mentions.is_empty() && !message.mentions_all {
        return;
    }
    for line in lines {
        let text = line.text();
        for (at, word) in words(&text) {
            // `@ann.` means ann unless there is an `ann.`.
            let names = [word, word.trim_end_matches(TRAILING)];
            let found = names
                .into_iter()
                .find_map(|name| Some((name, role(name, message, me)?)));
            if let Some((name, role)) = found {
                line.mark(at..at + 1 + name.len(), role);
            }
        }
    }
}

/// What a name is, if the message mentions it.
fn role(name: &str, message: &Message, me: &UserName) -> Option<Role> {
    let name = name.to_ascii_lowercase();
    let is_all = message.mentions_all && name == ALL;
    let is_named = || message.mentions.contains(&Untrusted::from(name.as_str()));
    if !is_all && !is_named() {
        return None;
    }
    let is_me = is_all || name == me.as_str();
    // Who mentions everybody calls the others.
    Some(match is_me && !message.is_by(me) {
        true => Role::MENTION_ME,
        false => Role::MENTION,
    })
}

/// The words behind each `@` that begins one, with the place of the `@` in bytes.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('@').filter_map(|(at, _)| {
        let before = text.get(..at)?.chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '@') {
            return None;
        }
        let rest = text.get(at + 1..)?;
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || TRAILING.contains(&c);
        let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let word = rest.get(..end).filter(|word| !word.is_empty());
        word.map(|word| (at, word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ui::{text::Span, view::models::*};

    /// The marked pieces of a text, those that mean the reader with a star.
    fn marked(sender: &str, text: &str, all: bool) -> Vec<String> {
        let mut said = message(1, sender, at(0, 9, 0), text);
        said.mentions = vec!["ann".into(), "cy.d".into()];
        said.mentions_all = all;
        let mut lines = vec![Line::new(vec![Span::plain(text)])];
        mark(&mut lines, &said, &"ann".parse().unwrap());
        let spans = lines.remove(0).spans.into_iter();
        spans
            .filter(|span| !span.role.is_plain())
            .map(|span| match span.role.has(Role::MENTION_ME) {
                true => format!("{}*", span.text),
                false => span.text,
            })
            .collect()
    }

    #[test]
    fn what_is_mentioned_is_marked_and_nothing_else() {
        assert_eq!(
            marked("bob", "hi @Ann, and @cy.d.", false),
            ["@Ann*", "@cy.d"]
        );
        assert_eq!(
            marked("bob", "x@ann @@ann @bob @all", false),
            Vec::<String>::new()
        );
        assert_eq!(marked("bob", "@all: see @ann...", true), ["@all*", "@ann*"]);
        assert_eq!(marked("ann", "@all: see @ann", true), ["@all", "@ann"]);
        assert_eq!(marked("bob", "é@ann (@ann) @", false), ["@ann*"]);
    }
}
