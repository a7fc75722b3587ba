//! The parser of a terminal, as a judge of what was written to one: text, line ends and tabs are harmless, everything
//! else is a fault. So is what would be shown and deceive: marks in towers, turned directions, invisible characters.

/// What a terminal would do with the bytes.
#[derive(Default)]
pub struct Oracle {
    /// What stands on the screen, line by line.
    pub text: String,
    marks: usize,
    /// A carriage return that no line end has followed yet: what comes now would be written over the line.
    returned: bool,
    /// What it was told to do beside showing text.
    pub faults: Vec<String>,
}

impl Oracle {
    /// Judges bytes that were written to a terminal.
    pub fn judge(bytes: &[u8]) -> Self {
        let mut oracle = Self::default();
        vte::Parser::new().advance(&mut oracle, bytes);
        // Bytes that a terminal in 8-bit mode would take for C1 are none in UTF-8; what is no UTF-8 is no text of ours.
        if let Err(error) = std::str::from_utf8(bytes) {
            oracle.faults.push(format!("not UTF-8: {error}"));
        }
        oracle
    }

    /// The same for lines that a client printed: none may look as if it were of somebody who does not exist.
    pub fn judge_lines(bytes: &[u8]) -> Self {
        let mut oracle = Self::judge(bytes);
        let forged = |line: &&str| line.starts_with("<forged") || line.starts_with("<> forged");
        let forged: Vec<String> = oracle.text.lines().filter(forged).map(Into::into).collect();
        oracle
            .faults
            .extend(forged.into_iter().map(|line| format!("forged: {line}")));
        oracle
    }

    fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }
}

impl vte::Perform for Oracle {
    fn print(&mut self, c: char) {
        if std::mem::take(&mut self.returned) {
            self.fault("writes over the line");
        }
        self.text.push(c);
        let is_mark = matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}');
        let joins = matches!(c, '\u{200c}' | '\u{200d}');
        self.marks = match c {
            _ if is_mark => self.marks + 1,
            _ if joins => self.marks,
            _ => 0,
        };
        if self.marks > 4 {
            self.fault("a tower of marks");
        }
        let unseen = matches!(
            c,
            '\u{80}'..='\u{9f}'
                | '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        );
        if unseen || c.is_control() {
            self.fault(format!("shows {:?}", c));
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => self.returned = true,
            b'\n' | b'\t' => {
                self.returned &= byte != b'\n';
                // The cursor stands in another cell.
                self.marks = 0;
                self.text.push(char::from(byte));
            }
            _ => self.fault(format!("executes {byte:#x}")),
        }
    }

    fn hook(&mut self, _: &vte::Params, _: &[u8], _: bool, action: char) {
        self.fault(format!("DCS {action:?}"));
    }

    fn osc_dispatch(&mut self, parameters: &[&[u8]], _: bool) {
        self.fault(format!("OSC {parameters:?}"));
    }

    fn csi_dispatch(&mut self, parameters: &vte::Params, _: &[u8], _: bool, action: char) {
        self.fault(format!("CSI {parameters:?} {action:?}"));
    }

    fn esc_dispatch(&mut self, _: &[u8], _: bool, byte: u8) {
        self.fault(format!("ESC {byte:#x}"));
    }
}
