//! A terminal's screen, as far as these programs use it.

use unicode_width::UnicodeWidthChar;

/// A screen without a bottom: no line scrolls away.
pub(crate) struct Screen {
    columns: usize,
    /// A cell is a character with its combining marks; the cell after a wide character is empty.
    lines: Vec<Vec<String>>,
    column: usize,
    line: usize,
    /// How often a line was full and continued in the next.
    pub(crate) wrapped: usize,
}

impl Screen {
    /// The screen of a window of `columns` after `bytes`. Anything but text, line ends, clearing a line and colours
    /// is a failure.
    pub(crate) fn of(columns: usize, bytes: &[u8]) -> Screen {
        let mut screen = Screen { columns, lines: vec![Vec::new()], column: 0, line: 0, wrapped: 0 };
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '\r' => screen.column = 0,
                '\n' => screen.down(),
                '\x1b' => {
                    let end = rest.find(|c: char| c.is_ascii_alphabetic()).expect("the end of a sequence");
                    let (sequence, after) = rest.split_at(end + 1);
                    rest = after;
                    match sequence {
                        "[K" => screen.lines[screen.line].truncate(screen.column),
                        "[0m" | "[31m" | "[32m" | "[33m" | "[36m" => {}
                        other => panic!("a sequence that nothing asked for: {other:?} in {text:?}"),
                    }
                }
                c => {
                    assert!(!c.is_control(), "{c:?} in {text:?}");
                    screen.put(c);
                }
            }
        }
        screen
    }

    fn down(&mut self) {
        self.line += 1;
        if self.line == self.lines.len() {
            self.lines.push(Vec::new());
        }
    }

    fn put(&mut self, c: char) {
        let width = c.width().unwrap_or(0);
        if width == 0 {
            let at = self.column.saturating_sub(1);
            if let Some(cell) = self.lines[self.line].get_mut(at) {
                cell.push(c);
            }
            return;
        }
        if self.column + width > self.columns {
            self.wrapped += 1;
            self.column = 0;
            self.down();
        }
        let line = &mut self.lines[self.line];
        line.resize(line.len().max(self.column + width), " ".to_owned());
        line[self.column] = c.to_string();
        for behind in &mut line[self.column + 1..self.column + width] {
            behind.clear();
        }
        self.column += width;
    }

    /// The lines as a person reads them.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.lines.iter().map(|cells| cells.concat().trim_end().to_owned());
        let mut lines: Vec<String> = lines.collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    pub(crate) fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// The columns at which a text begins, for each line that contains it.
    pub(crate) fn columns_of(&self, text: &str) -> Vec<usize> {
        let first = |cells: &Vec<String>| {
            (0..cells.len()).find(|&at| !cells[at].is_empty() && cells[at..].concat().starts_with(text))
        };
        self.lines.iter().filter_map(first).collect()
    }
}

#[test]
fn the_screen_shows_what_a_terminal_would() {
    let screen = Screen::of(6, "ab\r\n漢字x\x1b[31mé\x1b[0m\r\n12 of 3\r\x1b[Kdone".as_bytes());
    assert_eq!(screen.lines(), ["ab", "漢字xé", "12 of", "done"]);
    assert_eq!(screen.wrapped, 1);
    assert_eq!(screen.columns_of("x"), [4]);
}
