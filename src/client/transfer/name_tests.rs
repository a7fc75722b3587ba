//! Names that mean harm come out harmless, and those that mean none as they are.

use proptest::prelude::*;

use super::*;

/// Names that a hostile server could give; more are made of them.
pub(in super::super) const HOSTILE: &[&str] = &[
    "",
    ".",
    "..",
    "...",
    "/",
    "//",
    "\\",
    "../",
    "..\\",
    "../..",
    "../x",
    "../../x",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "/etc/cron.d/x",
    "//host/share/x",
    "\\\\host\\share\\x",
    "C:\\x",
    "C:x",
    "c:/windows/x",
    "a/b",
    "a\\b",
    "./x",
    ".\\x",
    "x/",
    "x/.",
    "x/..",
    "x\\..",
    "~",
    "~/x",
    "~root/.ssh/authorized_keys",
    "../../.ssh/authorized_keys",
    ".bashrc",
    ".profile",
    ".ssh",
    ".x.part",
    ".git/hooks/post-checkout",
    "-rf",
    "--help",
    "-",
    "--",
    "-o ProxyCommand=x",
    "\0",
    "a\0b",
    "a\0.png",
    "\n",
    "a\nb",
    "a\rb",
    "\t",
    "a\tb",
    "\u{1b}[2J",
    "\u{1b}]0;x\u{7}",
    "\u{7}",
    "\u{8}x",
    "\u{7f}",
    "\u{9b}31m",
    "\u{85}",
    "\u{202e}gpj.exe",
    "a\u{202e}gnp.exe",
    "\u{2066}x\u{2069}",
    "\u{200e}",
    "\u{200f}x",
    "\u{61c}x",
    "\u{200b}",
    "a\u{200b}b",
    "\u{feff}x",
    "\u{2028}",
    "\u{2029}x",
    "\u{ad}",
    "\u{e0041}",
    "\u{2060}",
    "\u{3164}",
    "con",
    "CON",
    "con.txt",
    "PRN",
    "aux",
    "AUX.h",
    "nul",
    "NUL.tar.gz",
    "com1",
    "COM9.x",
    "lpt1",
    "LPT9",
    "COM¹",
    "conin$",
    "CONOUT$",
    "con .txt",
    "x.",
    "x..",
    "x ",
    " x",
    "x. . .",
    " ",
    "   ",
    "\u{a0}",
    "\u{3000}",
    "a:b",
    "a:$DATA",
    "x::$INDEX_ALLOCATION",
    "a*b",
    "a?b",
    "a\"b",
    "a<b",
    "a>b",
    "a|b",
    "|rm",
    "$(rm)",
    "`rm`",
    ";rm",
    "&",
    "%2e%2e%2fx",
    "..%2fx",
    "%00",
    "\u{2024}\u{2024}/x",
    "\u{ff0e}\u{ff0e}\u{ff0f}x",
    "\u{2215}x",
    "\u{2044}etc",
    "x\u{301}\u{301}\u{301}\u{301}\u{301}",
    "\u{301}",
];

/// What holds of every name that is written to a disk.
pub(in super::super) fn assert_safe(name: &str) {
    assert!((1..=255).contains(&name.len()), "{name:?}");
    assert!(!name.contains(['/', '\\', '\0', ':']), "{name:?}");
    assert!(!name.starts_with(['.', '-', '~', ' ']), "{name:?}");
    assert!(!name.ends_with(['.', ' ']), "{name:?}");
    assert!(!name.chars().any(is_hidden), "{name:?}");
    assert!(!is_device(name), "{name:?}");
    assert_eq!(Untrusted::from(name).render_line(), name, "as it is shown");
    assert_eq!(Path::new(name).components().count(), 1, "{name:?}");
    // As good for the server.
    assert!(name.parse::<FileName>().is_ok(), "{name:?}");
}

#[test]
fn hostile_names_are_harmless_on_a_disk() {
    assert!(HOSTILE.len() >= 100, "{}", HOSTILE.len());
    for name in HOSTILE {
        assert_safe(&for_disk(name));
        assert_safe(&numbered(&for_disk(name), 2));
    }
}

#[test]
fn good_names_stay_as_they_are() {
    for name in [
        "photo.png",
        "Ünïcode – 图.tar.gz",
        "a b (1).txt",
        "שלום.txt",
        "Makefile",
        "😀.gif",
    ] {
        assert_eq!(for_disk(name), name);
        assert_eq!(for_server(Path::new(name)).unwrap().as_str(), name);
    }
    assert_eq!(for_disk("../../.ssh/id"), "id");
    assert_eq!(for_disk(".bashrc"), "_.bashrc");
    assert_eq!(for_disk("\u{202e}gpj.exe"), "_gpj.exe");
    assert_eq!(for_disk(""), "file");
    assert_eq!(for_disk("con.txt"), "_con.txt");
    let tower = |marks: usize| format!("e{}.txt", "\u{301}".repeat(marks));
    assert_eq!(for_disk(&tower(4)), tower(4));
    assert_eq!(for_disk(&tower(9)), tower(4));
}

#[test]
fn a_long_name_keeps_its_ending() {
    let long = format!("{}.tar.gz", "ü".repeat(200));
    let cut = for_disk(&long);
    assert!(
        cut.len() > 250 && cut.len() <= 255 && cut.ends_with(".gz"),
        "{cut}"
    );
    assert_safe(&cut);
    let two = numbered(&cut, 2);
    assert!(two.len() <= 255 && two.ends_with(" (2).gz"), "{two}");
    assert_eq!(numbered("photo.png", 12), "photo (12).png");
    assert_eq!(numbered("Makefile", 2), "Makefile (2)");
    // What only looks like an ending is none.
    let dots = format!("a.{}", "b".repeat(300));
    assert_safe(&for_disk(&dots));
    let sent = for_server(Path::new(&long)).unwrap();
    assert!(sent.as_str().len() <= 255 && sent.as_str().ends_with(".gz"));
}

#[test]
fn what_is_sent_has_the_last_component_of_the_path_made_valid() {
    let sent = |path: &str| for_server(Path::new(path)).map(|name| name.as_str().to_owned());
    assert_eq!(sent("/a/b/c.txt").unwrap(), "c.txt");
    assert_eq!(sent("a\nb").unwrap(), "a_b");
    assert_eq!(sent("a\\b").unwrap(), "a_b");
    assert_eq!(sent(".bashrc").unwrap(), ".bashrc");
    assert_eq!(sent("/"), Err(FileNameError::Empty));
}

proptest! {
    #[test]
    fn no_name_is_harmful(name in "\\PC{0,80}|[a\u{301}\u{fe0f} .]{0,40}|[./\\\\ ~:\u{202e}\u{0}a-c-]{0,300}|(.|\n){0,300}", number in 2_u32..20_000) {
        let safe = for_disk(&name);
        assert_safe(&safe);
        assert_safe(&numbered(&safe, number));
        prop_assert_eq!(for_disk(&safe), safe.clone(), "what is safe stays as it is");
        if let Ok(sent) = for_server(Path::new(&name)) {
            prop_assert!(sent.as_str().len() <= 255);
        }
    }
}
