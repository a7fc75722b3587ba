//! A small terminal that knows kitty's pictures, those of iTerm2 and sixels: what it shows of what is written to it, and what
//! of that no terminal would take as it is meant.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthChar;

pub type Cell = (u16, u16);
/// Where pixels are: column, row, width, height.
pub type Places = BTreeSet<(u16, u16, u16, u16)>;

/// What a terminal shows.
#[derive(Default)]
pub struct Shown {
    pub size: (u16, u16),
    pub at: Cell,
    pub cursor_hidden: bool,
    pub cells: BTreeMap<Cell, String>,
    /// The pixels that are a part of the cells, as iTerm2's and sixels are: which drawing each cell has.
    dabs: BTreeMap<Cell, (Cell, u64)>,
    /// How many cells each of these drawings had.
    drawings: BTreeMap<(Cell, u64), Rect>,
    /// Pictures that are kept, by kitty's protocol, and where they are placed.
    pub kept: BTreeSet<u32>,
    /// The one of which not all pieces came, and these.
    pub loading: Option<(u32, String)>,
    /// Pictures that were given up before all pieces came.
    pub cut: usize,
    placed: BTreeMap<(u32, u32), Rect>,
    wrong: Vec<String>,
}

impl Shown {
    fn clear(&mut self, cells: impl Iterator<Item = Cell>) {
        for cell in cells {
            self.cells.remove(&cell);
            self.dabs.remove(&cell);
        }
    }

    fn dab(&mut self, extent: (u16, u16), bytes: &[u8]) {
        let area = Rect::new(self.at.0, self.at.1, extent.0, extent.1);
        if area.right() > self.size.0 || area.bottom() >= self.size.1 {
            self.wrong
                .push(format!("pixels reach out of the screen: {area}"));
        }
        let name = (self.at, hash(bytes));
        for at in area.positions() {
            self.dabs.insert((at.x, at.y), name);
        }
        self.drawings.insert(name, area);
        // Nobody knows where the cursor is then.
        self.at = (self.size.0 - 1, self.size.1 - 1);
    }

    fn graphics(&mut self, text: &str) {
        let (keys, data) = text.split_once(';').unwrap_or((text, ""));
        let keys: BTreeMap<&str, &str> = keys
            .split(',')
            .filter_map(|it| it.split_once('='))
            .collect();
        let number = |key: &str| keys.get(key).and_then(|it| it.parse::<u32>().ok());
        let cells = |key: &str| {
            number(key)
                .and_then(|it| u16::try_from(it).ok())
                .unwrap_or(0)
        };
        let id = number("i").unwrap_or(0);
        let action = keys.get("a").copied();
        if let Some((_, pieces)) = self.loading.as_mut().filter(|_| action.is_none()) {
            pieces.push_str(data);
        }
        match action {
            // The rest of one that was given up: there is none.
            None if self.loading.is_none() => assert_eq!((data, keys["m"]), ("", "0")),
            None => {}
            Some(_) if self.loading.is_some() => {
                self.wrong.push(format!("within a picture: {text:.60}"));
            }
            Some("t") => self.loading = Some((id, data.to_owned())),
            Some(action) => return self.done(text, action, (&keys, id), cells),
        }
        if keys.get("m") == Some(&"0")
            && let Some((id, pieces)) = self.loading.take()
        {
            let file = data_encoding::BASE64.decode(pieces.as_bytes()).unwrap();
            // The end of a PNG: a part of one is no picture.
            match file.ends_with(b"IEND\xae\x42\x60\x82") {
                true => drop(self.kept.insert(id)),
                false => self.cut += 1,
            }
        }
    }

    fn done(
        &mut self,
        text: &str,
        action: &str,
        (keys, id): (&BTreeMap<&str, &str>, u32),
        cells: impl Fn(&str) -> u16,
    ) {
        let placement = keys.get("p").and_then(|it| it.parse().ok()).unwrap_or(0);
        match (action, keys.get("d")) {
            ("p", _) if self.kept.contains(&id) => {
                let area = Rect::new(self.at.0, self.at.1, cells("c"), cells("r"));
                self.placed.insert((id, placement), area);
            }
            ("d", Some(&"i")) => {
                self.placed.remove(&(id, placement));
            }
            ("d", Some(&"I")) => {
                self.kept.remove(&id);
                self.placed.retain(|(of, _), _| *of != id);
            }
            _ => self.wrong.push(format!("{text:.60}")),
        }
    }
}

impl vte::Perform for Shown {
    fn print(&mut self, c: char) {
        let width = u16::try_from(c.width().unwrap_or(0)).unwrap();
        if width == 0 {
            return;
        }
        for column in self.at.0..self.at.0 + width {
            self.clear([(column, self.at.1)].into_iter());
        }
        self.cells.insert(self.at, c.to_string());
        self.at.0 += width;
    }

    fn csi_dispatch(&mut self, params: &vte::Params, between: &[u8], _: bool, action: char) {
        let numbers: Vec<u16> = params.iter().flatten().copied().collect();
        match (between, action, numbers.as_slice()) {
            (b"", 'H', [row, column]) => self.at = (column - 1, row - 1),
            (b"", 'm', _) | (b"?", 'h' | 'l', [2026]) => {}
            (b"?", 'h', [25]) => self.cursor_hidden = false,
            (b"?", 'l', [25]) => self.cursor_hidden = true,
            (b"", 'J', [2]) => {
                self.cells.clear();
                self.dabs.clear();
                self.placed.clear();
            }
            (b"", 'K', [2]) => {
                let row = self.at.1;
                self.clear((0..self.size.0).map(|column| (column, row)));
            }
            _ => self.wrong.push(format!("{numbers:?} {action}")),
        }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let hash = *blake3::hash(bytes).as_bytes();
    u64::from_le_bytes(hash[..8].try_into().unwrap())
}

/// The terminal.
#[derive(Default)]
pub struct Terminal {
    parser: vte::Parser,
    pub shown: Shown,
}

impl Terminal {
    pub fn take(&mut self, mut bytes: &[u8]) {
        let starts: [(&[u8], &[u8]); 3] = [
            (b"\x1b_G", b"\x1b\\"),
            (b"\x1bP", b"\x1b\\"),
            (b"\x1b]1337;", b"\x07"),
        ];
        while !bytes.is_empty() {
            let find =
                |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).position(|it| it == part);
            let found = starts
                .iter()
                .filter_map(|(start, end)| Some((find(bytes, start)?, start, end)));
            let Some((at, start, end)) = found.min_by_key(|(at, ..)| *at) else {
                self.parser.advance(&mut self.shown, bytes);
                return;
            };
            self.parser.advance(&mut self.shown, &bytes[..at]);
            let body = &bytes[at + start.len()..];
            let length = find(body, end).expect("a sequence ends");
            let text = std::str::from_utf8(&body[..length]).unwrap();
            match start[1] {
                b'_' => self.shown.graphics(text),
                b']' => {
                    let number = |key: &str| {
                        let (_, value) = text.split_once(key).unwrap();
                        value.split(';').next().unwrap().parse::<u16>().unwrap()
                    };
                    let extent = (number("width="), number("height="));
                    self.shown.dab(extent, text.as_bytes());
                }
                _ => {
                    let (_, raster) = text.split_once("q\"1;1;").unwrap();
                    let end = raster
                        .find(|c: char| c != ';' && !c.is_ascii_digit())
                        .unwrap();
                    let (width, height) = raster[..end].split_once(';').unwrap();
                    let cells = |pixels: &str, of: u32| pixels.parse::<u32>().unwrap().div_ceil(of);
                    let extent = (cells(width, 8), cells(height, 16));
                    let extent = (extent.0.try_into().unwrap(), extent.1.try_into().unwrap());
                    self.shown.dab(extent, text.as_bytes());
                }
            }
            bytes = &body[length + end.len()..];
        }
    }

    /// Its window was covered, and it has kept no pixels of the cells.
    pub fn lose(&mut self) {
        self.shown.dabs.clear();
    }

    /// Where pixels are, and what is wrong with them.
    pub fn pictures(&self) -> Result<Places, String> {
        let mut found = BTreeSet::new();
        for area in self.shown.placed.values() {
            found.insert((area.x, area.y, area.width, area.height));
        }
        let mut counts: BTreeMap<(Cell, u64), u32> = BTreeMap::new();
        for name in self.shown.dabs.values() {
            *counts.entry(*name).or_default() += 1;
        }
        for (name, count) in counts {
            let area = self.shown.drawings[&name];
            if area.area() != count {
                return Err(format!("{count} cells are left of pixels at {area}"));
            }
            found.insert((area.x, area.y, area.width, area.height));
        }
        match self.shown.wrong.is_empty() {
            true => Ok(found),
            false => Err(format!("{:?}", self.shown.wrong)),
        }
    }
}
