//! Any model on any screen: nothing fails, nothing reaches a cell that a terminal would obey, and no wide sign is torn.

use proptest::{prelude::*, sample::Index};
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};
use unicode_width::UnicodeWidthStr;

use super::models::*;
use crate::{
    client::{
        app::{
            acts::MemberLine,
            blocked::Blocked,
            file::tests::picture,
            look::{Found, Snippet},
            model::MessageLine,
            password::Field,
            room::Kind,
            secret::Secret,
            untrusted::Untrusted,
        },
        ui::{
            keymap::Keymap,
            layout,
            model::{
                Focus, LinkState, Model,
                chat::ChatId,
                composer::{Candidate, Composer, Quote},
                notices::Level,
                outgoing::State,
                overlay::{
                    Hit, Overlay, PickRow, Picked, Picker, PickerKind, Question, SearchPane,
                    TextPage, Then,
                },
                password::PasswordPane,
                tally::Counts,
            },
            theme::{Role, Theme},
        },
    },
    domain::{clock::TimeMs, ids::ClientMessageId, name::UserName, role, user::Presence},
};

/// What people, scripts and attackers write.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~\\n\\t]{0,80}",
        "(\u{1b}\\[2J|\u{1b}\\]0;x\u{7}|\u{9b}31m|\u{202e}|\u{200e}|\u{200f}|\r|\u{8}|a|漢|שלום|\u{301}|👨\u{200d}👩\u{200d}👧|🏳\u{fe0f}\u{200d}🌈|❤\u{fe0f}|🇨🇭| |\n|ﷺ){0,30}",
        "([-*>`_~]|\\[x\\]\\(https://y.org\\)|@ann|@all|https://x.org/[a-z]{0,99}|word|\\n| ){0,30}",
    ]
}

/// What is drawn from a text where the model promises that it is safe.
fn safe(text: &str) -> String {
    Untrusted::from(text).render_line()
}

#[derive(Clone, Debug)]
struct Any {
    kinds: Vec<(u8, String)>,
    said: Vec<(Index, String, String, i64, u8)>,
    texts: Vec<String>,
    numbers: Vec<u16>,
    flags: u32,
    size: (u16, u16),
}

fn any_model() -> impl Strategy<Value = Any> {
    (
        prop::collection::vec((0_u8..3, any_text()), 0..8),
        prop::collection::vec(
            (
                any::<Index>(),
                any_text(),
                any_text(),
                -200_000_000_i64..200_000,
                any::<u8>(),
            ),
            0..40,
        ),
        prop::collection::vec(any_text(), 12),
        prop::collection::vec(any::<u16>(), 12),
        any::<u32>(),
        prop_oneof![
            (0_u16..200, 0_u16..200),
            (0_u16..30, 0_u16..12),
            (60_u16..130, 5_u16..40),
        ],
    )
        .prop_map(|(kinds, said, texts, numbers, flags, size)| Any {
            kinds,
            said,
            texts,
            numbers,
            flags,
            size,
        })
}

impl Any {
    fn flag(&self, bit: u32) -> bool {
        self.flags >> bit & 1 == 1
    }

    fn text(&self, number: usize) -> &str {
        &self.texts[number]
    }

    fn number(&self, number: usize, below: usize) -> usize {
        usize::from(self.numbers[number]) % below.max(1)
    }

    fn model(&self) -> Model {
        let mut model = newcomer();
        model.size = self.size;
        let ids = self.conversations(&mut model);
        if let Some(id) = ids.get(self.number(0, ids.len() + 1)) {
            model.open(Some(id.clone()));
            self.front(&mut model, id);
        }
        self.around(&mut model, &ids);
        model.overlay = self.overlay(&ids);
        model
    }

    fn conversations(&self, model: &mut Model) -> Vec<ChatId> {
        let kind = |number| [Kind::Direct, Kind::Group, Kind::Channel][usize::from(number)];
        let kinds = self.kinds.iter();
        let ids: Vec<ChatId> = kinds
            .map(|(number, name)| add(model, kind(*number), name, at(0, 9, 0)))
            .collect();
        if ids.is_empty() {
            return ids;
        }
        for (place, sender, text, time, more) in &self.said {
            let id = place.get(&ids);
            let sender = ["bob", "ann", sender.as_str()][usize::from(more % 3)];
            let time = TimeMs::new(NOW.saturating_add(*time));
            if more % 11 == 0 {
                let last = chat(model, id).counts().last_seq;
                earlier(model, id, last + 3);
            }
            say_so(model, id, sender, time, text, |message| {
                message.reply_to = u64::from(more % 5);
                message.revision = u64::from(more % 4 / 3);
                message.mentions_all = more % 7 == 0;
                message.mentions = vec!["ann".into(), sender.into()];
                let mut file = picture("f1", text);
                file.media_type = sender.into();
                if more % 2 == 0 {
                    file.image = None;
                }
                message.files = vec![file; usize::from(more % 4)];
                match more % 6 {
                    0 => message.text = None,
                    1 => message.text = Some("".into()),
                    _ => {}
                }
                let many = usize::from(more % 10) * 3;
                message.reactions = vec![reaction(text, u32::from(*more), more % 2 == 0); many];
            });
        }
        for id in &ids {
            chat(model, id).room.topic = self.text(0).into();
        }
        ids
    }

    fn front(&self, model: &mut Model, id: &ChatId) {
        if self.flag(0) {
            begins(model, id);
        }
        if self.flag(1) {
            let last_seq = chat(model, id).counts().last_seq;
            chat(model, id).take_counts(Counts {
                last_seq: last_seq + 5,
                read_seq: last_seq / 2,
                unread: u64::from(self.numbers[0]),
                mentions: u64::from(self.numbers[1]),
            });
            model.open(None);
            model.open(Some(id.clone()));
        }
        if self.flag(2) {
            let seq = u64::try_from(self.number(1, 60)).unwrap();
            chat(model, id).scroll_to(seq, self.number(2, 50));
        }
        if self.flag(3) {
            let member = |name: &String| MemberLine {
                name: name.as_str().into(),
                role: Some(role::Role::Admin),
            };
            chat(model, id).members = Some(self.texts.iter().map(member).collect());
        }
        let has_place = chat(model, id).room.place().is_some();
        for number in 0..self.number(3, 4) * usize::from(has_place) {
            let text = format!("x{}", self.text(number)).replace(char::is_control, " ");
            let state = match number {
                0 => State::Waiting,
                1 => State::Sent { seq: 5 },
                _ => State::Failed {
                    why: self.text(1).into(),
                },
            };
            let text = match self.flag(20) {
                true => "",
                false => &text,
            };
            if text.len() < 1_000 {
                let (said, number) = ((text, number + 1), u8::try_from(number).unwrap() + 1);
                sends_files(model, id, number, said, state);
            }
        }
        let now = model.now;
        for text in self.texts.iter().take(self.number(4, 4)) {
            chat(model, id).typing.set(&text.as_str().into(), true, now);
        }
    }

    fn around(&self, model: &mut Model, ids: &[ChatId]) {
        model.members_shown = self.flag(4);
        model.sidebar.is_shown = self.flag(5);
        model.presence = [Presence::Online, Presence::DoNotDisturb][usize::from(self.flag(6))];
        model.focus = match self.number(5, 5) {
            0 => Focus::Messages(u64::try_from(self.number(6, 30)).unwrap()),
            1 => Focus::Sidebar,
            2 => Focus::Outgoing(ClientMessageId::from_bytes([2; 16])),
            _ => Focus::Composer,
        };
        model.sidebar.selected = ids.get(self.number(7, 9)).cloned();
        if self.flag(7) {
            model.sidebar.filter = self.text(2).to_owned();
        }
        if self.flag(8) {
            model.account = self.text(3).to_owned();
        }
        if self.flag(9) {
            model.blocked = Blocked::new(["bob".into()]);
        }
        model.link = match self.number(8, 5) {
            0 => LinkState::Starting,
            1 => LinkState::CatchingUp,
            2 => LinkState::Down {
                retry_at: TimeMs::new(NOW + i64::from(self.numbers[8])),
            },
            3 => LinkState::Ended {
                why: self.text(4).into(),
            },
            _ => LinkState::Up,
        };
        if self.flag(10) {
            let level = [Level::Info, Level::Error][usize::from(self.flag(11))];
            // Of several lines, too.
            let lines = [safe(self.text(5)), safe(self.text(4))];
            let said = lines[..1 + usize::from(self.flag(29))].join("\n");
            model.notices.push(level, said, model.now);
        }
        model.composer.paste(self.text(6));
        let quote = || Quote {
            seq: 1,
            sender: self.text(7).into(),
            text: self.text(8).into(),
        };
        match self.number(9, 4) {
            0 => model.composer.reply_to(quote()),
            1 => model.composer.edit_message(quote(), self.text(9)),
            _ => {}
        }
        if self.flag(12) {
            let candidate = |text: &String| Candidate {
                insert: text.clone(),
                label: safe(text),
                help: safe(text),
            };
            model
                .composer
                .set_offer(0, self.texts.iter().map(candidate).collect());
        }
    }

    fn overlay(&self, ids: &[ChatId]) -> Option<Overlay> {
        let mut input = Composer::default();
        input.paste(self.text(10));
        let chosen = self.number(10, 15);
        match self.number(11, 12) {
            0 => Some(Overlay::Help {
                first_row: chosen * 20,
            }),
            1 => Some(Overlay::Text(TextPage {
                title: safe(self.text(0)),
                rows: self.texts.iter().map(|text| safe(text)).collect(),
                first_row: chosen,
            })),
            2 => Some(Overlay::Ask(Question {
                text: safe(self.text(1)),
                then: Then::Quit,
            })),
            3 => Some(Overlay::Pick(Picker {
                kind: PickerKind::Palette,
                input,
                rows: self
                    .texts
                    .iter()
                    .map(|text| PickRow {
                        label: safe(text),
                        marks: vec![0, 2, 3, 900],
                        help: safe(text),
                        what: Picked::Line(String::new()),
                    })
                    .collect(),
                chosen,
            })),
            4 => Some(Overlay::Search(Box::new(self.search(input, chosen, ids)))),
            5 => Some(Overlay::Password(Box::new(self.password()))),
            _ => None,
        }
    }

    fn password(&self) -> PasswordPane {
        let mut pane = PasswordPane {
            at: Field::ALL[self.number(10, 4)],
            ..PasswordPane::default()
        };
        pane.form.current = Secret::from(self.text(0));
        pane.form.new = Secret::from(self.text(1));
        pane.problem = Some(safe(self.text(2)));
        pane
    }

    fn search(&self, input: Composer, chosen: usize, ids: &[ChatId]) -> SearchPane {
        let hit = |text: &String| Hit {
            chat: ids.first().cloned().unwrap_or_else(|| "x".into()),
            place: safe(text),
            found: Found {
                message: MessageLine {
                    conversation: "x".to_owned(),
                    seq: 1,
                    sender: text.as_str().into(),
                    time: TimeMs::new(i64::from(self.numbers[0])),
                    text: Some(match self.flag(21) {
                        true => "".into(),
                        false => text.as_str().into(),
                    }),
                    files: vec![picture("f1", text)],
                    reply_to: 0,
                    is_edited: false,
                    reactions: Vec::new(),
                    mentions: Vec::new(),
                    mentions_all: false,
                },
                snippet: self.flag(13).then(|| {
                    let pieces = [
                        (text.as_str(), true),
                        (" x*", false),
                        (text.as_str(), self.flag(14)),
                    ];
                    Snippet::new(pieces.map(|(text, is_match)| (text.into(), is_match)))
                }),
            },
        };
        SearchPane {
            input,
            is_here_only: self.flag(14),
            mentions: self.flag(15).then_some(true),
            number: 1,
            is_asking: self.flag(16),
            search: None,
            hits: self.texts.iter().map(hit).collect(),
            next: String::new(),
            problem: self.flag(17).then(|| safe(self.text(2))),
            chosen,
        }
    }
}

/// What reorders the signs around it.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn check(buffer: &Buffer) -> Result<(), TestCaseError> {
    for row in buffer.area.rows() {
        let mut covered = 0;
        for column in row.columns() {
            let symbol = buffer[(column.x, row.y)].symbol();
            prop_assert!(!symbol.contains(char::is_control), "{:?}", symbol);
            prop_assert!(!symbol.contains(turns), "{:?}", symbol);
            let cells = symbol.width();
            if covered > 0 {
                prop_assert_eq!(symbol, " ", "half of a wide sign");
                covered -= 1;
                continue;
            }
            prop_assert!(cells > 0, "{:?}", symbol);
            covered = cells - 1;
        }
        prop_assert_eq!(covered, 0, "a wide sign over the edge");
    }
    Ok(())
}

fn draw(model: &Model, theme: &Theme, size: (u16, u16)) -> Result<Buffer, TestCaseError> {
    let keys = Keymap::default();
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal
        .draw(|frame| {
            super::draw(model, theme, &keys, frame);
        })
        .unwrap();
    if terminal.backend().cursor_visible() {
        let at = terminal.backend().cursor_position();
        prop_assert!(at.x < size.0 && at.y < size.1, "{} in {:?}", at, size);
    }
    let buffer = terminal.backend().buffer().clone();
    check(&buffer)?;
    Ok(buffer)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_model_is_drawn_on_any_screen(any in any_model(), other in (0_u16..200, 0_u16..60)) {
        let mut model = any.model();
        let theme = theme(["dark", "plain"][usize::from(any.flag(20))]);
        let first = draw(&model, &theme, any.size)?;
        prop_assert_eq!(&draw(&model, &theme, any.size)?, &first, "the same model");
        draw(&model, &ascii(), any.size)?;
        // The screen has another size already, and the model does not know it yet.
        draw(&model, &theme, other)?;
        prop_assert!(!super::title(&model).contains(char::is_control));
        layout::overlay_end(&model, &Keymap::default());
        prop_assert!(layout::overlay_rows(&model) >= 1);
        for number in any.numbers.iter().take(6) {
            let (column, row) = (number % 211, number / 211);
            layout::spot(&model, column.min(any.size.0), row.min(any.size.1));
        }
        layout::scrolled(&model, isize::from(any.numbers[0].cast_signed()));
        model.focus = Focus::Sidebar;
        draw(&model, &theme, any.size)?;
    }
}

#[test]
fn with_ascii_glyphs_all_that_is_ours_is_ascii() {
    let (mut model, ops) = office();
    let me: UserName = model.me.clone();
    let why = "refused";
    sends(&mut model, &ops, 1, "x", State::Failed { why: why.into() });
    say_so(
        &mut model,
        &ops,
        "bob",
        at(0, 9, 50),
        "> a\n- b\n@ann",
        |message| {
            message.reply_to = 1;
            message.mentions = vec![me.as_str().into()];
        },
    );
    model.composer.reply_to(Quote {
        seq: 1,
        sender: "bob".into(),
        text: "a long text that is cut somewhere in the middle of the line that it stands in"
            .into(),
    });
    let theme = ascii();
    for overlay in [
        None,
        Some(Overlay::Help { first_row: 5 }),
        Some(Overlay::Ask(Question {
            text: "Leave?".to_owned(),
            then: Then::Quit,
        })),
    ] {
        model.overlay = overlay;
        for size in [(120, 40), (60, 15), (20, 6)] {
            let text = shown(&mut model, size, &theme);
            assert!(text.is_ascii(), "{text}");
        }
    }
    assert!(theme.style(Role::Error).fg.is_none());
}
