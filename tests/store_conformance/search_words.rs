//! How the words of a query match those of a text, and what of the text is shown. Nothing in a query is ever an operator.

use super::{
    doing::group,
    search::{all, look, look_in, seqs},
    subject::{Subject, new, to},
};
use tinychat::{
    domain::{
        ids::ConversationId,
        limits::{QUERY_BYTES_MAX, QUERY_WORDS_MAX, TEXT_BYTES_MAX},
        search::SnippetPart,
        user::UserRef,
    },
    store::Store,
};

/// Ann's notes of these texts, from seq 1 on.
async fn notes(subject: &Subject, texts: &[&str]) -> UserRef {
    let ann = subject.user("ann").await;
    let batch = texts
        .iter()
        .map(|words| new(&ann, to(&ann), words))
        .collect();
    let sent = subject.store.append(batch).await.unwrap();
    assert!(sent.iter().all(Result::is_ok));
    ann
}

/// Checks what each query finds, the newest first.
async fn assert_found(subject: &Subject, user: &UserRef, queries: &[(&str, &[u64])]) {
    for (query, expected) in queries {
        assert_eq!(
            seqs(subject, user, look(query)).await,
            *expected,
            "{query:?}"
        );
    }
}

pub async fn every_word_must_stand_somewhere_in_the_text(subject: Subject) {
    let texts = [
        "Hello, world",
        "the world says hello",
        "help is near",
        "hell",
        "othello",
        "hello hello",
        "he said: HELLO!",
    ];
    let ann = notes(&subject, &texts).await;
    let queries: [(&str, &[u64]); 16] = [
        ("hello", &[7, 6, 2, 1]),
        ("HeLLo", &[7, 6, 2, 1]),
        ("world", &[2, 1]),
        ("hello world", &[2, 1]),
        ("  world\thello\n", &[2, 1]),
        ("hello absent", &[]),
        ("absent", &[]),
        ("hello hello", &[7, 6, 2, 1]),
        ("near is", &[3]),
        ("ello", &[]),
        // Three letters find what begins with them, two do not.
        ("hel", &[7, 6, 4, 3, 2, 1]),
        ("he", &[7]),
        ("hel wor", &[2, 1]),
        ("hell", &[7, 6, 4, 2, 1]),
        ("is ne", &[]),
        ("is nea", &[3]),
    ];
    assert_found(&subject, &ann, &queries).await;
}

pub async fn what_stands_in_quotes_must_stand_so_together(subject: Subject) {
    let texts = [
        "Hello, world",
        "the world says hello",
        "hello, hello",
        "hello brave new world",
        "hello\nworlds",
    ];
    let ann = notes(&subject, &texts).await;
    let queries: [(&str, &[u64]); 14] = [
        ("\"hello world\"", &[1]),
        ("\"HELLO   World!\"", &[1]),
        ("\"hello\tworld\"", &[1]),
        ("\"world hello\"", &[]),
        ("\"hello hello\"", &[3]),
        ("\"brave new\" hello", &[4]),
        ("\"brave world\"", &[]),
        ("\"says hello\" \"the world\"", &[2]),
        ("\"says the\" hello", &[]),
        // Whole words, as they are.
        ("\"hel\"", &[]),
        ("\"hello wor\"", &[]),
        ("\"hello\"", &[5, 4, 3, 2, 1]),
        // One that is never closed ends with the text.
        ("the \"world says", &[2]),
        ("the \"says world", &[]),
    ];
    assert_found(&subject, &ann, &queries).await;
}

/// Checks for each text alone which queries find it and which do not.
async fn assert_each(subject: &Subject, cases: &[(&str, &[&str], &[&str])]) {
    let ann = subject.user("ann").await;
    for (text, finding, failing) in cases {
        let id = subject.make(&ann, group(&[])).await;
        subject.speak(&ann, id, text).await;
        for query in *finding {
            let found = seqs(subject, &ann, look_in(id, query)).await;
            assert_eq!(found, [1], "{query:?} in {text:?}");
        }
        for query in *failing {
            let found = seqs(subject, &ann, look_in(id, query)).await;
            assert_eq!(found, [0; 0], "{query:?} in {text:?}");
        }
    }
}

pub async fn capitals_and_accents_are_folded(subject: Subject) {
    let cases: [(&str, &[&str], &[&str]); 18] = [
        (
            "Café",
            &["cafe", "CAFÉ", "cafe\u{301}", "caf"],
            &["cafés", "afe"],
        ),
        ("cafe\u{301}", &["café", "CAFE", "\"cafe\""], &["cafes"]),
        ("cafe", &["café", "\"CAFÉ\""], &[]),
        ("nai\u{308}ve", &["naïve", "naive", "nai"], &[]),
        ("Ångström", &["angstrom", "ångstrÖM"], &[]),
        ("ấm ữ", &["am", "u", "\"am u\""], &["a"]),
        // What is no accent stays what it is.
        (
            "Straße",
            &["straße", "STRAẞE", "stra"],
            &["strasse", "STRASSE"],
        ),
        ("STRAẞE", &["straße"], &["strasse"]),
        ("Łódź", &["łodz", "ŁÓDŹ"], &["lodz"]),
        ("Øl", &["øl", "ØL"], &["ol"]),
        ("Жук", &["жук", "ЖУК"], &["zhuk"]),
        ("Ёлка", &["ёлка", "ЁЛКА"], &["елка"]),
        ("ΣΟΦΟΣ", &["σοφος", "σοφοσ"], &["sofos"]),
        ("İstanbul", &["istanbul", "İSTANBUL"], &["ıstanbul"]),
        ("istanbul", &["İstanbul", "ISTANBUL"], &["ıstanbul"]),
        ("ısı", &["ısı"], &["isi", "ISI"]),
        ("ﬁn", &["ﬁn"], &["fin"]),
        ("①", &["①"], &["1"]),
    ];
    assert_each(&subject, &cases).await;
}

pub async fn marks_stand_between_words(subject: Subject) {
    let cases: [(&str, &[&str], &[&str]); 8] = [
        (
            "foo_bar-baz",
            &[
                "foo",
                "bar",
                "foo-bar",
                "bar_baz",
                "\"foo bar baz\"",
                "foo.bar.baz",
            ],
            &["foobar", "foo-baz", "ba", "foo.bar.b"],
        ),
        (
            "write to x@example.org!",
            &["x@example.org", "example", "org", "@example.org", "x@exa"],
            &["example.com", "org.example", "x@org"],
        ),
        (
            "it's 3.14",
            &["it's", "it", "3.14", "14", "s 3", "\"s 3\""],
            &["its", "314"],
        ),
        (
            "(a) [b] {c} <d>",
            &["a b c d", "\"a b c d\"", "<d>", "{c}"],
            &["ab", "\"a c\""],
        ),
        (
            "party😀time",
            &["party", "time", "party😀time", "😀party", "time 😀"],
            &["partytime"],
        ),
        (
            "https://a.example/b?c=d#e",
            &["https", "a.example", "c=d", "\"b c d e\""],
            &["\"b d\""],
        ),
        // Hangul and Devanagari words are words: what stands within one is not found.
        (
            "안녕하세요 여러분",
            &["안녕하", "안녕하세요", "여러분"],
            &["하세요", "안녕"],
        ),
        ("हिन्दी सरकार", &["हिन्दी", "सरकार"], &["कार"]),
    ];
    assert_each(&subject, &cases).await;
}

pub async fn what_is_written_without_blanks_is_found_within(subject: Subject) {
    let cases: [(&str, &[&str], &[&str]); 7] = [
        (
            "私は東京タワーに登った",
            &[
                "東京",
                "京タ",
                "は東",
                "登",
                "ワー",
                "東京 登っ",
                "\"東京タワー\"",
                "私は東京タワーに登った",
            ],
            &["京東", "東登", "\"東京 登っ\"", "登った東京"],
        ),
        (
            "Tokyo東京Tower",
            &[
                "tokyo",
                "tower",
                "京",
                "東京",
                "tokyo東京",
                "東京tow",
                "\"tokyo 東京\"",
                "tok 東",
            ],
            &["kyo東", "京tower東", "東京tox"],
        ),
        (
            "2024年5月",
            &["2024", "2024年", "5月", "年", "年5月", "202"],
            &["024", "24年", "月5"],
        ),
        (
            "漢字かな交じり文",
            &["字か", "かな", "交じり", "漢字 文"],
            &["字な", "文漢"],
        ),
        (
            "人々 𠮷野家",
            &["人々", "々", "𠮷野", "野家", "𠮷", "々𠮷"],
            &["吉野"],
        ),
        ("東、京", &["東京", "東、京", "\"東 京\""], &["京東"]),
        ("東\n京都", &["京都", "東京", "東京都"], &["東都"]),
    ];
    assert_each(&subject, &cases).await;
}

pub async fn nothing_in_a_query_is_syntax(subject: Subject) {
    let long = "y".repeat(300);
    let texts = [
        "or 1",
        "1 or",
        "a b",
        "ab",
        "x marks",
        "near nearby",
        "keys text rowid rank",
        "hello not world",
        "hello and world",
        "say \"quoted\" words",
        "100% _sure_",
        &long,
    ];
    let ann = notes(&subject, &texts).await;
    let just = "Y".repeat(QUERY_BYTES_MAX);
    let many = "hello ".repeat(QUERY_WORDS_MAX);
    let both: &[u64] = &[9, 8];
    let queries: [(&str, &[u64]); 50] = [
        ("\" OR 1", &[1]),
        ("\" OR 1 --", &[1]),
        ("x\" OR 1", &[]),
        ("NEAR(", &[6]),
        ("NEAR(near nearby)", &[6]),
        ("NEAR(marks", &[]),
        ("NEAR(nearby)", &[6]),
        ("NEAR(hello world, 5)", &[]),
        ("a*", &[3]),
        ("a**", &[3]),
        ("*a", &[3]),
        ("-x", &[5]),
        ("^x", &[5]),
        ("+x", &[5]),
        ("x:", &[5]),
        ("marks -x", &[5]),
        ("hello -world", both),
        ("^marks", &[5]),
        ("keys:", &[7]),
        ("{text}:", &[7]),
        ("text:", &[7]),
        ("rank:", &[7]),
        ("keys: hello", &[]),
        ("text:hello", &[]),
        ("text : hello", &[]),
        ("{text} : hello", &[]),
        ("-{text} : hello", &[]),
        ("{text keys} : hello", &[]),
        ("hello OR absent", &[]),
        ("hello OR world", &[]),
        ("hello AND world", &[9]),
        ("hello NOT world", &[8]),
        ("hello NOT absent", &[]),
        ("(hello", both),
        ("hello)", both),
        ("(hello) (world)", both),
        ("hello;", both),
        ("hello + world", both),
        ("'; DROP TABLE log; --", &[]),
        ("hello' OR '1'='1", &[]),
        ("\"\"quoted\"\"", &[10]),
        ("say\"quoted\"words", &[10]),
        ("\"hello\"*", both),
        ("_sure", &[11]),
        ("100%", &[11]),
        ("1_0%", &[]),
        ("hello\\", both),
        ("😀 hello 😀", both),
        (&just, &[12]),
        (&many, both),
    ];
    assert_found(&subject, &ann, &queries).await;
    // A control character stands between words.
    let queries: [(&str, &[u64]); 5] = [
        ("hello\0not", &[8]),
        ("hello\0world", &[]),
        ("\u{1f}hello\u{1f}", both),
        ("hello\u{1b}\u{7f}and", &[9]),
        ("\"not\u{2}world\u{3}\"", &[8]),
    ];
    assert_found(&subject, &ann, &queries).await;
}

pub async fn what_a_store_notes_beside_a_text_is_no_word_of_it(subject: Subject) {
    let ann = subject.user("ann").await;
    let mut batch = Vec::new();
    for number in 0..12 {
        let peer = subject.user(&format!("peer{number}")).await;
        batch.push(new(&ann, to(&peer), "hello"));
        batch.push(new(&peer, to(&ann), "hello"));
    }
    let sent = subject.store.append(batch).await.unwrap();
    let ids = sent.into_iter().map(|sent| sent.unwrap().conversation);
    assert_eq!(ids.max(), Some(ConversationId::new(12)));
    let numbers = [
        "0",
        "1",
        "2",
        "3",
        "10",
        "11",
        "12",
        "000",
        "001",
        "00000001",
        "1750000000000",
    ];
    let letters = ('a'..='z').map(String::from).chain([String::new()]);
    for letter in letters {
        for number in numbers {
            for query in [
                format!("{letter}{number}"),
                format!("hello {letter}{number}"),
                format!("\"{letter}{number}\""),
                format!("\"{letter} {number}\""),
            ] {
                let hits = all(&subject, &ann, &look(&query), 500).await;
                assert_eq!(hits, [], "{query}");
            }
        }
    }
    for query in [
        "ann",
        "peer",
        "peer1",
        "conversation",
        "sender",
        "offset",
        "direct",
    ] {
        assert_eq!(all(&subject, &ann, &look(query), 500).await, [], "{query}");
    }
    assert_eq!(all(&subject, &ann, &look("hello"), 500).await.len(), 24);
}

/// What is shown, in one line, with brackets around what was looked for.
fn shown(parts: &[SnippetPart]) -> String {
    let part = |part: &SnippetPart| match part.hit {
        true => format!("[{}]", part.text),
        false => part.text.clone(),
    };
    parts.iter().map(part).collect()
}

/// What is shown of the only text that a query finds.
async fn snippet(
    subject: &Subject,
    user: &UserRef,
    id: ConversationId,
    query: &str,
) -> Vec<SnippetPart> {
    let mut hits = all(subject, user, &look_in(id, query), 500).await;
    assert_eq!(hits.len(), 1, "{query}");
    hits.remove(0).snippet
}

pub async fn a_short_text_is_shown_whole_with_the_words_marked(subject: Subject) {
    let ann = subject.user("ann").await;
    let hundred = format!("hello {}", "x".repeat(94));
    for (text, query, expected) in [
        (
            "say hello to the world",
            "hello",
            "say [hello] to the world",
        ),
        ("hello", "hello", "[hello]"),
        ("Hello hello, HELLO", "hello", "[Hello] [hello], [HELLO]"),
        ("hello world", "world hello", "[hello] [world]"),
        ("oh hello, world!", "\"hello world\"", "oh [hello, world]!"),
        (
            "Hello, helpers of hell",
            "hel",
            "[Hello], [helpers] of [hell]",
        ),
        ("a b c d", "\"a b\" \"b c\"", "[a b c] d"),
        ("one\ntwo\thello\n", "hello", "one two [hello] "),
        ("le café noir", "cafe", "le [café] noir"),
        ("le cafe\u{301} noir", "café", "le [cafe\u{301}] noir"),
        ("foo-bar_baz", "bar", "foo-[bar]_baz"),
        (
            "<b>hello</b> & … *world*",
            "hello",
            "<b>[hello]</b> & … *world*",
        ),
        ("私は東京に住む", "東京", "私は[東京]に住む"),
        ("私は東京に住む", "京 東", "私は[東京]に住む"),
        ("私は東京に住む", "東 に", "私は[東]京[に]住む"),
        ("Tokyo東京Tower", "東京 tokyo", "[Tokyo東京]Tower"),
        ("東\n京", "東京", "[東 京]"),
        ("👩‍👩‍👧 hello 👍🏽", "hello", "👩‍👩‍👧 [hello] 👍🏽"),
        (&hundred, "hello", &format!("[hello] {}", "x".repeat(94))),
    ] {
        let id = subject.make(&ann, group(&[])).await;
        subject.speak(&ann, id, text).await;
        let snippet = snippet(&subject, &ann, id, query).await;
        assert_eq!(shown(&snippet), expected, "{query} in {text:?}");
    }
}

pub async fn of_a_long_text_the_part_around_the_first_hit_is_shown(subject: Subject) {
    let ann = subject.user("ann").await;
    let words: Vec<_> = (0..300).map(|number| format!("word{number}x")).collect();
    let kana = format!("{}東京{}", "あ".repeat(2_000), "い".repeat(2_000));
    let (blanks, lines) = (words.join(" "), words.join("\n"));
    let one_word = "x".repeat(TEXT_BYTES_MAX);
    let accents = format!("{} here {}", "é".repeat(3_000), "e\u{301}".repeat(3_000));
    for (text, query, hit, cut_before, cut_after) in [
        (&blanks, "word150x", "word150x", true, true),
        (&blanks, "word0x", "word0x", false, true),
        (&blanks, "word299x", "word299x", true, false),
        (&blanks, "word200x word100x", "word100x", true, true),
        (&lines, "word150x", "word150x", true, true),
        (&lines, "\"word0x word1x\"", "word0x word1x", false, true),
        (&kana, "東京", "東京", true, true),
        (&accents, "here", "here", true, true),
        (&one_word, "xxx", "x", false, true),
    ] {
        let id = subject.make(&ann, group(&[])).await;
        subject.speak(&ann, id, text).await;
        let parts = snippet(&subject, &ann, id, query).await;
        let whole: String = parts.iter().map(|part| part.text.as_str()).collect();
        let (first, last) = (&parts[0], &parts[parts.len() - 1]);
        assert_eq!(
            whole.starts_with('…') && !first.hit,
            cut_before,
            "{query}: {whole}"
        );
        assert_eq!(
            whole.ends_with('…') && !last.hit,
            cut_after,
            "{query}: {whole}"
        );
        let chars = whole.chars().count();
        assert!((40..=200).contains(&chars), "{query}: {chars} in {whole}");
        let inner = whole.trim_matches('…').trim();
        assert!(text.replace('\n', " ").contains(inner), "{query}: {whole}");
        let first_hit = parts.iter().find(|part| part.hit).unwrap();
        match text == &one_word {
            true => assert!(first_hit.text.chars().all(|c| c == 'x'), "{whole}"),
            false => assert_eq!(first_hit.text, hit, "{whole}"),
        }
    }
}

pub async fn a_snippet_follows_an_edit(subject: Subject) {
    let ann = subject.user("ann").await;
    let id = subject.make(&ann, group(&[])).await;
    subject.speak(&ann, id, "tea for two").await;
    assert_eq!(
        shown(&snippet(&subject, &ann, id, "tea").await),
        "[tea] for two"
    );
    subject.edit(&ann, id, 1, "no tea for three").await;
    assert_eq!(
        shown(&snippet(&subject, &ann, id, "tea").await),
        "no [tea] for three"
    );
}

pub async fn the_longest_texts_are_found_at_their_ends(subject: Subject) {
    let ann = subject.user("ann").await;
    let filler = "ab ".repeat(TEXT_BYTES_MAX / 3);
    let text = format!("head {filler}");
    let text = format!("{} tail", &text[..TEXT_BYTES_MAX - 5]);
    assert_eq!(text.len(), TEXT_BYTES_MAX);
    let batch = [new(&ann, to(&ann), &text), new(&ann, to(&ann), "head")];
    let sent = Store::append(&*subject.store, batch.to_vec())
        .await
        .unwrap();
    assert!(sent.iter().all(Result::is_ok));
    let queries: [(&str, &[u64]); 4] = [
        ("head", &[2, 1]),
        ("tail", &[1]),
        ("ab head tail", &[1]),
        ("\"head ab ab\"", &[1]),
    ];
    assert_found(&subject, &ann, &queries).await;
}
