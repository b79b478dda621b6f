//! Text on a terminal: its width in columns, and the colour of a status.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::base::text::escape;

/// The width that is assumed without a terminal, in columns.
pub(crate) const DEFAULT_WIDTH: usize = 120;
/// The text for a missing name.
pub(crate) const NONE: &str = "<none>";

/// Returns the width of a text in columns.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Escapes the text of a cell. Variation selectors and skin tones are dropped: terminals disagree about their width.
pub(crate) fn flatten(text: &str) -> String {
    let is_kept = |c: &char| !matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    escape(text).chars().filter(is_kept).collect()
}

/// Returns `text` in at most `width` columns; if it is cut, it ends with an ellipsis.
pub(crate) fn fit(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let (mut out, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out.push('…');
    Cow::Owned(out)
}

/// Returns `text` in the colour of a status: green for an object that is there, red for an expired one, yellow for one
/// that is gone or changed, cyan for a planned change.
pub(crate) fn paint<'t>(status: &str, text: &'t str, color: bool) -> Cow<'t, str> {
    let code = match status {
        "active" | "created" | "exists" | "rotated" | "replaced" | "updated" | "added" => 32,
        "expired" => 31,
        "revoked" | "deleted" | "absent" | "removed" | "changed" => 33,
        _ if status.starts_with("would-") => 36,
        _ => return Cow::Borrowed(text),
    };
    if color { Cow::Owned(format!("\x1b[{code}m{text}\x1b[0m")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_cell_is_cut_between_characters() {
        assert_eq!(fit("夜間バック", 5), "夜間…");
        assert_eq!(fit("夜間バック", 6), "夜間…");
        assert_eq!(fit("夜間", 4), "夜間");
        assert_eq!(fit("ab cdef", 4), "ab…");
    }

    #[test]
    fn characters_of_uncertain_width_are_dropped() {
        assert_eq!(flatten("❤\u{fe0f} 👍\u{1f3fd} a\u{202e}b\n"), "❤ 👍 a\\u{202e}b\\n");
    }
}
