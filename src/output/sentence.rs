//! The result of a change as a sentence for people: `revoked authorization 3f71… (CI)`.

use std::fmt::Write as _;

use crate::base::text::escape;
use crate::output::cells::{DEFAULT_WIDTH, fit, flatten, paint, width};
use crate::record::Record;

/// Appends a change as one line for a terminal of `columns` columns; 0 means none.
pub(crate) fn write_sentence(out: &mut Vec<u8>, record: &Record<'_>, columns: usize, color: bool) {
    let (status, kind) = (record.status.replace('-', " "), record.kind.noun());
    let (id, name) = (escape(&record.id), record.title());
    // An object that does not exist yet has no id.
    let gap = if id.is_empty() { "" } else { " " };
    let mut text = format!("{} {kind}{gap}{id}", paint(&record.status, &escape(&status), color));
    if !name.is_empty() {
        let columns = if columns == 0 { DEFAULT_WIDTH } else { columns };
        let used = width(&status) + kind.len() + width(&id) + 5;
        let _ = write!(text, " ({})", fit(&flatten(&name), columns.saturating_sub(used).max(16)));
    }
    text.push('\n');
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::kind::Kind;

    #[test]
    fn a_sentence_about_a_planned_object_has_no_id() {
        let sentence = |id: &str, status: &'static str| {
            let mut out = Vec::new();
            write_sentence(&mut out, &Record::bare(Kind::Authz, id, status), 80, false);
            String::from_utf8(out).expect("UTF-8")
        };
        assert_eq!(sentence("a1", "revoked"), "revoked authorization a1\n");
        assert_eq!(sentence("", "would-create"), "would create authorization\n");
    }
}
