//! Text that is safe to print: on a terminal, in a shell, on one line.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

/// Returns whether a character can move the cursor, change the direction of text, or is invisible.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}'
            // Invisible: soft hyphens, fillers, the byte order mark, annotations, tags.
            | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{3164}' | '\u{ffa0}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
            // Invisible too: an empty Braille cell, and controls of hieroglyphs, shorthand and music.
            | '\u{2800}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}')
}

/// Writes control characters, bidirectional controls and invisible characters as escapes (`\n`, `\u{202e}`).
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    escape_where(text, is_unsafe)
}

/// Escapes like [`escape`], and also white space other than a blank (`\u{a0}`), which may be the very mistake that the
/// message is about.
pub(crate) fn escape_message(text: &str) -> Cow<'_, str> {
    escape_where(text, is_hidden)
}

/// Returns whether a character cannot be seen, or cannot be told from a blank.
pub(crate) fn is_hidden(c: char) -> bool {
    is_unsafe(c) || (c.is_whitespace() && c != ' ')
}

/// The most combining marks on a letter. No language needs more than four; a thousand would cover the lines around.
const MOST_MARKS: usize = 8;

fn escape_where(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_mark = |c: char| !c.is_ascii() && c.width() == Some(0);
    if !text.chars().any(|c| is_escaped(c) || is_mark(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut marks = 0;
    for c in text.chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match is_escaped(c) || marks > MOST_MARKS {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Writes the same characters as [`escape`] does, but line breaks, as JSON and CSV cells escape them: in units of UTF-16
/// (`\u202e`).
pub(crate) fn escape_units(text: &str) -> Cow<'_, str> {
    let hides = |c: char| c != '\n' && is_unsafe(c);
    if !text.chars().any(hides) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if !hides(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    Cow::Owned(out)
}

/// Quotes `text` as one word of a POSIX shell. Text without special characters stays unquoted.
///
/// Line breaks are kept as they are inside the quotes; sh, dash, bash and zsh read them back.
pub(crate) fn shell_word(text: &str) -> Cow<'_, str> {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@,+".contains(&b);
    if !text.is_empty() && text.bytes().all(bare) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

/// Returns the candidate most similar to `word`, if one is similar enough for a "did you mean".
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (distance(word, c), c))
        .filter(|&(d, c)| d <= 1 + c.len().min(word.len()) / 4)
        .min_by_key(|&(d, _)| d)
        .map(|(_, c)| c)
}

/// Returns how many letters are to be added, left out, replaced or swapped with the next one to make `b` of `a`: the optimal
/// string alignment distance.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let first: Vec<usize> = (0..=b.len()).collect();
    // The last two rows of the table of distances between beginnings of both, and the letter that the last one ends with.
    let (mut before, mut last, mut previous) = (Vec::new(), first, '\0');
    for (i, letter) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(letter != *other);
            let swapped = match j > 0 && i > 0 && letter == b[j - 1] && previous == *other {
                true => before[j - 1] + 1,
                false => usize::MAX,
            };
            row.push(replaced.min(swapped).min(last[j + 1] + 1).min(row[j] + 1));
        }
        before = std::mem::replace(&mut last, row);
        previous = letter;
    }
    last[b.len()]
}

/// The least characters of a token that give something away.
const TELLING: usize = 8;

/// Cuts `text` after at most `max` characters and adds how many were cut: `abc… (7 more)`. It never cuts a word that could
/// be a token: of its half, nobody could tell that it is to be redacted.
pub(crate) fn shorten(text: &str, max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let is_of_token = |c: char| c.is_ascii_alphanumeric() || "-_.~+/=".contains(c);
            let word = text[..end].chars().rev().take_while(|c| is_of_token(*c)).count();
            let at = if text[end..].starts_with(is_of_token) && word >= TELLING { end - word } else { end };
            let mut short = text[..at].to_owned();
            let _ = write!(short, "… ({} more)", text[at..].chars().count());
            Cow::Owned(short)
        }
    }
}

/// How messages say that [`is_quoted`].
pub(crate) const QUOTED: &str = "has quotes around it: an env file keeps its quotes, remove them";

/// Returns whether a text begins or ends with a quote of a shell or of typography, as after pasting, or in an env file.
pub(crate) fn is_quoted(text: &str) -> bool {
    let quote = |c: char| "\"'`\u{ab}\u{bb}\u{2018}\u{2019}\u{201c}\u{201d}\u{201e}".contains(c);
    text.starts_with(quote) || text.ends_with(quote)
}

/// Formats a number with `one` or `more`, the singular or plural of the noun (and verb): `2 records were`.
pub(crate) fn count(n: usize, one: &str, more: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_bidirectional_and_invisible_characters_are_escaped() {
        assert_eq!(escape("a\u{ad}b\u{3164}\u{e0041}"), r"a\u{ad}b\u{3164}\u{e0041}");
        assert_eq!(escape("a\x1b[31m\n\u{202e}b\u{9b}"), r"a\u{1b}[31m\n\u{202e}b\u{9b}");
        for c in ['\u{2800}', '\u{13430}', '\u{1bca0}', '\u{1d173}', '\u{1d17a}'] {
            assert_eq!(escape(&format!("a{c}")), format!("a{}", c.escape_default()));
        }
        assert_eq!(escape("naïve 漢字"), "naïve 漢字");
        let marks = |n: usize| "\u{301}".repeat(n);
        assert_eq!(escape(&format!("e{}n{}", marks(8), marks(8))), format!("e{}n{}", marks(8), marks(8)));
        assert_eq!(escape(&format!("e{}x", marks(10))), format!("e{}{}x", marks(8), r"\u{301}\u{301}"));
        assert_eq!(escape("5\u{a0}€"), "5\u{a0}€");
        assert_eq!(escape_message("naïve 5\u{a0}€\u{3000}\u{200b}\n"), r"naïve 5\u{a0}€\u{3000}\u{200b}\n");
    }

    #[test]
    fn only_words_with_special_characters_are_quoted() {
        assert_eq!(shell_word("0f3a-1"), "0f3a-1");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("a'b $(x)\n"), "'a'\\''b $(x)\n'");
    }

    #[test]
    fn a_swap_of_letters_is_one_change() {
        for (a, b, changes) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("ca", "abc", 3),
            ("clinet", "client", 1),
            ("a", "aa", 1),
            ("é", "e", 1),
            ("abcd", "badc", 2),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (changes, changes), "{a} {b}");
        }
    }

    #[test]
    fn only_similar_names_are_suggested() {
        assert_eq!(nearest("--dry-rum", ["--dry-run", "--rest"]), Some("--dry-run"));
        assert_eq!(nearest("clinet", ["client", "session"]), Some("client"));
        assert_eq!(nearest("--xyz", ["--dry-run", "--rest"]), None);
    }

    #[test]
    fn shortened_text_says_how_much_is_missing() {
        assert_eq!(shorten("ééé", 2), "éé… (1 more)");
        assert_eq!(shorten("ééé", 3), "ééé");
        let token = "HRKU-AAabcdefghijklmnopqrstuvwxyz";
        assert_eq!(shorten(&format!("token {token}"), 20), "token … (33 more)");
        assert_eq!(shorten(&format!("token {token} x"), 39), format!("token {token}… (2 more)"));
    }
}
