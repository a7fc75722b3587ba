//! Tests of `markdown`: what people type, what attackers type, and anything at all.

use proptest::prelude::*;

use super::super::wrap::{self, tests::hard_text};
use super::*;
use crate::client::app::untrusted::is_drawn;

/// Lines as text in which roles are letters in braces.
fn read(text: &str) -> Vec<String> {
    let line = |line: &Line| {
        let spans = line.spans.iter().map(|span| {
            let letters = [
                (Role::BOLD, 'b'),
                (Role::ITALIC, 'i'),
                (Role::STRIKE, 's'),
                (Role::CODE, 'c'),
                (Role::LINK, 'l'),
                (Role::DIM, 'd'),
            ];
            let letters = letters.iter().filter(|(role, _)| span.role.has(*role));
            let letters: String = letters.map(|(_, letter)| letter).collect();
            if letters.is_empty() {
                span.text.clone()
            } else {
                format!("{{{letters} {}}}", span.text)
            }
        });
        format!("{}{}", line.first, spans.collect::<String>())
    };
    lines(text, 100, &Glyphs::UNICODE)
        .iter()
        .map(line)
        .collect()
}

#[test]
fn a_text_without_markup_is_itself() {
    for text in [
        "",
        "hello",
        "two\nlines",
        " a  b \n\n\n c",
        "# no heading",
        "1.5 x",
        "a | b\n--|--",
    ] {
        assert_eq!(read(text).join("\n"), text, "{text:?}");
    }
}

#[test]
fn inline_markup() {
    for (text, shown) in [
        (
            "**b** *i* _i_ __b__ ~~s~~ `c`",
            "{b b} {i i} {i i} {b b} {s s} {c c}",
        ),
        ("***both*** **b *bi* b**", "{bi both} {b b }{bi bi}{b  b}"),
        ("`` a`b `` and `**no**`", "{c a`b} and {c **no**}"),
        ("*a\nb*", "{i a}\n{i b}"),
        ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4"),
        ("* a*b ** c ~5 to ~6", "• a*b ** c ~5 to ~6"),
        ("~one~", "~one~"),
        ("un**bold**ed", "un{b bold}ed"),
        (r"\*not\* \\ \a", r"*not* \ \a"),
        (r"¯\_(ツ)_/¯", r"¯\_(ツ)_/¯"),
        ("*open **and `open", "*open **and `open"),
    ] {
        assert_eq!(read(text).join("\n"), shown, "{text}");
    }
}

#[test]
fn links_show_where_they_lead() {
    for (text, shown) in [
        ("https://x.org/a_b_c*d*e", "{l https://x.org/a_b_c*d*e}"),
        ("**https://x.org**!", "{bl https://x.org}!"),
        ("<https://x.org>", "{l https://x.org}"),
        (
            "[docs](https://x.org) end",
            "{l docs}{d  (}{ld https://x.org}{d )} end",
        ),
        ("[https://x.org](https://x.org)", "{l https://x.org}"),
        (
            "[bank.com](https://evil.org \"t\")",
            "{l bank.com}{d  (}{ld https://evil.org}{d )}",
        ),
        (
            "[**b**](https://x.org)",
            "{bl b}{d  (}{ld https://x.org}{d )}",
        ),
        (
            "[x](javascript:1) [y](/etc) [](https://x.org/)",
            "[x](javascript:1) [y](/etc) []({l https://x.org/})",
        ),
        (
            "![**alt**](https://x.org/a.png)",
            "![**alt**]({l https://x.org/a.png})",
        ),
        ("[a]: https://x.org\n[a]", "[a]: {l https://x.org}\n[a]"),
        ("`https://x.org`", "{c https://x.org}"),
        (
            "<a@b.org> <i>x</i> &amp; &#27;[2J",
            "<a@b.org> <i>x</i> &amp; &#27;[2J",
        ),
    ] {
        assert_eq!(read(text).join("\n"), shown, "{text}");
    }
    let lines = lines("[bank](https://evil.org)", 9, &Glyphs::UNICODE);
    assert_eq!(lines[0].spans[0].link.as_deref(), Some("https://evil.org"));
}

#[test]
fn entities_never_become_what_they_name() {
    for entity in [
        "&#27;[2J",
        "&#x202e;",
        "&Tab;",
        "&#10;",
        "&ZeroWidthSpace;",
        "&#0;",
    ] {
        assert_eq!(
            read(&format!("*a* {entity}")),
            [format!("{{i a}} {entity}")]
        );
        assert_eq!(read(&format!("`{entity}`")), [format!("{{c {entity}}}")]);
        let link = format!("[a](https://x.org/{entity})");
        let shown = read(&link).concat();
        assert!(shown.chars().all(is_drawn), "{shown:?}");
    }
}

#[test]
fn quotes_lists_and_code() {
    for (text, shown) in [
        ("> a\n> b\nc", "│ a\n│ b\nc"),
        (">a\n> > b\n>\n> *c*", "│ a\n│ │ b\n│ \n│ {i c}"),
        ("> *a\n> b*", "│ {i a}\n│ {i b}"),
        ("- a\n- b\n  c\nd", "• a\n• b\n  c\nd"),
        ("list:\n* a\n  * b\n* c", "list:\n• a\n  • b\n• c"),
        ("1. a\n2. *b*\n\n10) c", "1. a\n2. {i b}\n   \n10) c"),
        ("- > q\n  > r", "• │ q\n  │ r"),
        ("> - a\n>   b", "│ • a\n│   b"),
        ("-", "• "),
        (
            "x\n```rs\nlet *a* = 1;\n\n  b\n```\ny",
            "x\n  {c let *a* = 1;}\n  \n  {c   b}\ny",
        ),
        ("```\nopen", "  {c open}"),
        ("> ```\n> a\n> ```\nb", "│   {c a}\nb"),
        ("- ```\n  a\n  ```\nb", "• \n    {c a}\nb"),
        ("    indented *code*", "    indented *code*"),
        ("# *t*\n---\n***", "# {i t}\n---\n***"),
    ] {
        assert_eq!(read(text).join("\n"), shown, "{text}");
    }
    let ascii = lines("> a\n- b", 9, &Glyphs::ASCII);
    assert_eq!((&*ascii[0].first, &*ascii[1].first), ("| ", "- "));
    assert!(
        lines("> a", 9, &Glyphs::UNICODE)[0].spans[0]
            .role
            .has(Role::QUOTE)
    );
}

#[test]
fn a_block_without_code_stays_as_it_was_typed() {
    for text in ["~~~~é", "```rust", "```\n```", "```rust\n\n```"] {
        assert_eq!(read(text).concat(), text.replace('\n', ""), "{text:?}");
    }
}

#[test]
fn it_is_bounded() {
    let shown = |text: &str, max| {
        let lines = lines(text, max, &Glyphs::UNICODE);
        lines.iter().map(Line::text).collect::<Vec<_>>()
    };
    assert_eq!(shown("a\nb\nc", 3), ["a", "b", "c"]);
    assert_eq!(shown("a\nb\nc\nd", 3), ["a", "b", "… more"]);
    assert_eq!(shown("*a*\nb\nc\nd", 2), ["a", "… more"]);
    assert!(shown("a", 0).is_empty());
    let deep = lines(&format!("{} x", ">".repeat(40)), 9, &Glyphs::UNICODE);
    assert_eq!(deep[0].first, "│ ".repeat(6));
    assert!(deep[0].text().starts_with(">>>"));
}

#[test]
fn the_longest_messages_of_attackers_take_no_time() {
    for attack in [
        ">",
        "> ",
        "- ",
        "* ",
        "*a",
        "**",
        "_a_",
        "`",
        "[",
        "[a](",
        "![",
        "<",
        "\\",
        "~~a",
        "> - ",
        ">\n",
        "- a\n",
        "1. ",
        "[a](https://x.org)",
        "https://x.org ",
        "://",
        "http://(",
        "*a**b",
        "```\n",
        "    ",
        "a\n> ",
        "<!--",
        "&",
        "> > > > > > > - a\n",
    ] {
        let text = attack.repeat(16 * 1024 / attack.len());
        let begun = std::time::Instant::now();
        let lines = lines(&text, 500, &Glyphs::UNICODE);
        wrap::wrap(&lines, 40, 500, &Glyphs::UNICODE);
        let taken = begun.elapsed();
        println!("{attack:?}: {taken:?}");
        assert!(taken.as_millis() < 1000, "{attack:?} took {taken:?}");
    }
}

#[test]
fn a_preview_is_one_line_without_markup() {
    assert_eq!(one_line("**hi**\n\n> you", &Glyphs::UNICODE), "hi  │ you");
}

fn markup_text() -> impl Strategy<Value = String> {
    let sign = prop::sample::select(vec![
        "*",
        "**",
        "_",
        "__",
        "~~",
        "~",
        "`",
        "``",
        "```",
        "```\n",
        "> ",
        ">",
        "- ",
        "1. ",
        "  ",
        "    ",
        "\n",
        "\n\n",
        "[",
        "](",
        ")",
        "](https://x.org)",
        "https://x.org/a",
        "<",
        ">",
        "\\",
        "\\\n",
        "!",
        "[a]: ",
        "# ",
        "---",
        "|",
        "a",
        "b c",
        "é",
        "漢",
        "👩\u{200d}👧",
        "\u{301}",
        "\t",
        "&amp;",
        "&#27;",
        "<b>",
        "</b>",
        "<!--",
        "ש",
        "+ ",
        "=",
        "\r",
    ]);
    prop::collection::vec(sign, 0..30).prop_map(|signs| signs.concat())
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let lines = lines(text, 50, &Glyphs::UNICODE);
    prop_assert!(lines.len() <= 50);
    // Nothing comes out that was not put in, but for what is ours.
    let shown: String = lines.iter().map(Line::text).collect();
    for c in shown.chars().filter(|c| !" ()…more".contains(*c)) {
        prop_assert!(text.contains(c), "{c:?} of {text:?}");
    }
    for row in wrap::wrap(&lines, 13, 60, &Glyphs::UNICODE) {
        prop_assert!(row.room <= 13);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_shown(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn any_hard_text_is_shown(text in hard_text()) {
        check(&text)?;
    }

    #[test]
    fn any_markup_is_shown(text in markup_text()) {
        check(&text)?;
    }

    #[test]
    fn words_are_never_lost(text in markup_text()) {
        let words = |text: &str| text.chars().filter(|c| matches!(c, 'é' | '漢' | '👧' | 'ש')).collect::<String>();
        let lines = lines(&text, usize::MAX, &Glyphs::UNICODE);
        let shown: String = lines.iter().map(Line::text).collect();
        // The word behind the fence of a block names its language and is not shown, nor is the title of a link.
        if !text.contains("```") && !text.contains("~~~") && !text.contains("](") {
            prop_assert_eq!(words(&text), words(&shown));
        }
    }

    #[test]
    fn a_text_without_signs_is_itself(text in "[a-z0-9 .,!?()é漢\\n]{0,80}") {
        prop_assume!(!text.lines().any(|line| containers::marker(line.trim_start()).is_some()));
        let lines = lines(&text, usize::MAX, &Glyphs::UNICODE);
        let shown: Vec<String> = lines.iter().map(Line::text).collect();
        prop_assert_eq!(shown.join("\n"), text);
    }
}
