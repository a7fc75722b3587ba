//! The shape of the code: who may import whom, and the habits that no compiler checks.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A module and what it may import of ours, beside itself. The order is that of ARCHITECTURE.md.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("pb", &[]),
    ("domain", &[]),
    ("tasks", &[]),
    ("telemetry", &[]),
    ("convert", &["pb", "domain"]),
    ("store", &["domain", "telemetry"]),
    ("bus", &["domain"]),
    ("auth", &["domain", "store"]),
    (
        "hub",
        &["pb", "domain", "telemetry", "convert", "store", "bus"],
    ),
    ("engine", &["domain", "telemetry", "store", "auth", "hub"]),
    (
        "server",
        &[
            "pb",
            "domain",
            "tasks",
            "telemetry",
            "convert",
            "store",
            "bus",
            "auth",
            "hub",
            "engine",
        ],
    ),
    ("client", &["pb", "domain"]),
    // To the measuring program the server is a process, and its store a file of the baseline's own.
    ("bench", &["pb", "tasks"]),
];

/// The same inside the client. What is not named here may import all of the client.
const CLIENT_MAY_IMPORT: &[(&str, &[&str])] = &[
    ("app", &[]),
    ("net", &["app"]),
    ("cache", &["net"]),
    ("transfer", &["app", "net"]),
    // The colours of the theme, which are as pure.
    ("picture", &["ui"]),
];

/// The same inside the terminal UI, from the bottom up: its parts, and what of the client they may import beside them.
/// `translate` alone knows the wire, `runtime` alone does I/O; they may import all.
const UI_MAY_IMPORT: &[(&str, &[&str])] = &[
    ("fault", &[]),
    ("text", &["app"]),
    ("keymap", &["fault"]),
    ("theme", &["fault"]),
    ("model", &["app", "text", "keymap", "theme", "picture"]),
    ("effect", &["app", "model"]),
    ("layout", &["app", "model", "text", "keymap", "theme"]),
    ("news", &["app", "model", "effect", "text", "layout"]),
    (
        "update",
        &["app", "model", "effect", "text", "keymap", "layout", "news"],
    ),
    (
        "view",
        &["app", "model", "text", "keymap", "theme", "layout"],
    ),
    (
        "login",
        &["app", "model", "text", "keymap", "theme", "view"],
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder with this ending.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The modules behind `crate::` in a source text: of `crate::a::b` and of `crate::{a::…, b::…}` alike.
fn imports(source: &str) -> Vec<Vec<String>> {
    let code: Vec<&str> = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    code.match_indices("crate::")
        .flat_map(|(at, prefix)| paths(&code[at + prefix.len()..]))
        .collect()
}

/// The paths that begin a `use` tree: one, or those of a group.
fn paths(tree: &str) -> Vec<Vec<String>> {
    let Some(group) = tree.strip_prefix('{') else {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let end = tree
            .find(|c: char| !word(c) && c != ':')
            .unwrap_or(tree.len());
        let (path, rest) = tree.split_at(end);
        let head: Vec<String> = path
            .split("::")
            .filter(|part| !part.is_empty())
            .map(Into::into)
            .collect();
        if !path.ends_with("::") || !rest.starts_with('{') {
            return if head.is_empty() {
                Vec::new()
            } else {
                vec![head]
            };
        }
        let below = paths(rest).into_iter();
        return below
            .map(|tail| head.iter().cloned().chain(tail).collect())
            .collect();
    };
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.extend(paths(group[start..at].trim()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(paths(group[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// The parts of the path of a source file below `src`, such as `client`, `net`, `live`.
fn place(file: &Path) -> Vec<String> {
    let below = file
        .strip_prefix(root().join("src"))
        .unwrap()
        .with_extension("");
    below
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn trees_of_imports_are_read_right() {
    let source = "use crate::{\n    a::{b, c::d},\n    e,\n};\nuse crate::f::g;\n// crate::no\nfn x() { crate::h::i() }";
    let read = imports(source);
    assert_eq!(
        read,
        [
            vec!["a", "b"],
            vec!["a", "c", "d"],
            vec!["e"],
            vec!["f", "g"],
            vec!["h", "i"]
        ]
    );
}

#[test]
fn layers_import_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for file in files(&root().join("src"), "rs") {
        let place = place(&file);
        if place[0] == "bin" || place[0] == "lib" {
            continue;
        }
        let row = MAY_IMPORT.iter().find(|row| row.0 == place[0]);
        let (_, allowed) = row.unwrap_or_else(|| panic!("{place:?} has no row in this test"));
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            let module = import[0].as_str();
            let inside = module == place[0];
            if !inside && !allowed.contains(&module) {
                wrong.push(format!("{} imports {import:?}", file.display()));
            }
            let client = CLIENT_MAY_IMPORT
                .iter()
                .find(|row| inside && place.get(1).is_some_and(|p| p == row.0));
            let Some((own, allowed)) = client else {
                continue;
            };
            let part = import.get(1).map_or("", String::as_str);
            if place[0] == "client" && part != *own && !allowed.contains(&part) {
                wrong.push(format!("{} imports {import:?}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The modules behind `super::` in a source text, from the top: of a file of this place.
fn relative_imports(source: &str, place: &[String]) -> Vec<Vec<String>> {
    let code: Vec<&str> = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for (at, prefix) in code.match_indices("super::") {
        // Only the first of a chain: the others are counted from it.
        if code[..at].ends_with("super::") {
            continue;
        }
        let (mut rest, mut above) = (&code[at + prefix.len()..], 1);
        while let Some(further) = rest.strip_prefix("super::") {
            (rest, above) = (further, above + 1);
        }
        let base = &place[..place.len().saturating_sub(above)];
        let below = paths(rest).into_iter();
        found.extend(below.map(|tail| base.iter().cloned().chain(tail).collect()));
    }
    found
}

#[test]
fn parts_of_the_terminal_ui_import_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for (part, allowed) in UI_MAY_IMPORT {
        let folder = root().join("src/client/ui").join(part);
        let single = folder.with_extension("rs");
        let sources = match folder.is_dir() {
            true => files(&folder, "rs"),
            false => vec![single],
        };
        for file in sources {
            let mut place = place(&file);
            place.retain(|part| part != "mod");
            // A file of tests stands one deeper than what it tests.
            if place.last().is_some_and(|name| name.ends_with("_tests")) {
                continue;
            }
            let source = fs::read_to_string(&file).unwrap();
            // Tests stand at the end, one deeper, and may use what those of other parts have.
            let source = source.split("#[cfg(test)]").next().unwrap();
            let absolute = imports(source).into_iter();
            for import in absolute.chain(relative_imports(source, &place)) {
                let names: Vec<&str> = import.iter().map(String::as_str).collect();
                let is_allowed = match names.as_slice() {
                    ["domain", ..] => true,
                    ["client", "ui", other, ..] => other == part || allowed.contains(other),
                    ["client", part @ ("app" | "picture"), ..] => allowed.contains(part),
                    _ => false,
                };
                if !is_allowed {
                    wrong.push(format!("{} imports {import:?}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn house_rules_hold_in_every_file() {
    let mut wrong = Vec::new();
    let sources = files(&root().join("src"), "rs").into_iter();
    let all = sources
        .chain(files(&root().join("tests"), "rs"))
        .chain([root().join("build.rs")]);
    for file in all {
        let text = fs::read_to_string(&file).unwrap();
        let mut must = |holds: bool, rule: &str| {
            if !holds {
                wrong.push(format!("{}: {rule}", file.display()));
            }
        };
        must(text.starts_with("//!"), "opens with what it is for");
        // Put together here, so that this file does not break its own rules.
        for word in ["todo", "unimplemented", "dbg"] {
            must(!text.contains(&format!("{word}{}(", '!')), word);
        }
        must(
            !text.contains(&format!("#[{}", "ignore")),
            "no test is ignored",
        );
        // A word in a comment is not meant: code that is follows it with a brace or a keyword, or expects the lint.
        let code = ["{", "fn", "impl", "_code,"];
        let is_unsafe = code.iter().any(|next| {
            let spaced = if next.starts_with('_') { "" } else { " " };
            text.contains(&format!("uns{}{spaced}{next}", "afe"))
        });
        let place = root().join("src/server/memory.rs");
        must(!is_unsafe || file == place, "nothing is unsafe but there");
        let spawns = text.contains(&format!("tokio::{}(", "spawn"));
        let owner = file.ends_with("src/tasks.rs") || !file.starts_with(root().join("src"));
        must(!spawns || owner, "tasks are spawned by tasks.rs");
        // A test file is a promise with all its cases; a source file is one idea.
        let in_src = file.starts_with(root().join("src"));
        let lines_max = if in_src { 600 } else { 900 };
        must(text.lines().count() <= lines_max, "one idea in a file");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_documents_name_only_what_is_there() {
    let documents = [
        ("README.md", 150),
        ("ARCHITECTURE.md", 150),
        ("clients/README.md", 150),
        ("docs/grpcurl.md", 350),
        ("docs/grpcurl-conversations.md", 350),
        ("docs/grpcurl-files.md", 350),
        ("docs/files.md", 350),
        ("docs/scripting.md", 350),
        ("docs/operating.md", 350),
    ];
    for (document, lines_max) in documents {
        let file = root().join(document);
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.lines().count() <= lines_max,
            "{document} is longer than a reader's patience"
        );
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = quoted.contains('/')
                && ["src/", "tests/", "proto/", "migrations/", "scripts/"]
                    .iter()
                    .any(|top| quoted.starts_with(top));
            if is_path && !quoted.contains('*') {
                assert!(root().join(quoted).exists(), "{document} names {quoted}");
            }
        }
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let place = link.split('#').next().unwrap_or_default();
            assert!(
                link.starts_with("http") || file.parent().unwrap().join(place).exists(),
                "{document} links {link}"
            );
        }
    }
}
