//! A token or secret as a user gives it: in a variable, a file or an option.

use crate::base::secret::SHORTEST_TOKEN;
use crate::base::text::{QUOTED, is_quoted};

/// Checks that a token can be sent in a header line.
///
/// # Errors
/// A predicate that does not show the token: `contains a line break`.
pub(crate) fn check_token(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("is empty")
    } else if text.bytes().any(|b| b == b'\n' || b == b'\r') {
        Err("contains a line break")
    } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
        Err("contains a character that is not allowed in a token")
    } else {
        Ok(())
    }
}

/// How [`clean_token`] says that there is nothing but white space and invisible characters.
pub(crate) const BLANK: &str = "is blank";

/// Removes white space and invisible characters around a token, and checks that the rest can be one. What scripts and
/// env files leave in place of a token is refused: sent to the API, it would only be rejected, or end up in its logs.
///
/// # Errors
/// A predicate that does not show the token: `has quotes around it: an env file keeps its quotes, remove them`.
pub(crate) fn clean_token(text: &str) -> Result<&str, &'static str> {
    let around = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    };
    let token = text.trim_matches(around);
    // The text may be a secret, of which no copy is left in memory.
    let is_one_of = |words: &[&str], text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    let placeholders =
        ["undefined", "null", "(null)", "none", "nil", "nan", "true", "false", "[object object]"];
    let (first, rest) =
        token.split_once(|c: char| c.is_whitespace() || c == ':' || c == '=').unwrap_or((token, ""));
    if token.is_empty() {
        Err(BLANK)
    } else if is_quoted(token) {
        Err(QUOTED)
    } else if is_one_of(&placeholders, token) {
        Err("is 'undefined', 'null' or the like, and not a token")
    } else if token.contains(['*', '\u{2022}', '\u{2026}']) || token.contains("...") {
        Err("is masked: a part of it is hidden")
    } else if token.starts_with(['{', '[']) && !token.starts_with("{{") && token.contains('"') {
        Err("is JSON: give the bare token")
    } else if token.starts_with(['$', '<', '{', '%']) {
        Err("is a placeholder that was not replaced")
    } else if !rest.is_empty() && is_one_of(&["bearer", "basic", "token", "authorization"], first) {
        Err("has a word such as 'Bearer' before the token: remove it")
    } else if !rest.is_empty() && is_one_of(&["heroku_api_key", "export"], first) {
        Err("has the name of a variable before the token: remove it")
    } else {
        check_token(token).map(|()| token)
    }
}

/// Returns whether a text that passed [`clean_token`] can be a token in full: it has only characters of tokens (RFC 6750,
/// section 2.1), and is not the beginning of one of the API's forms. Other servers have tokens of other lengths.
pub(crate) fn is_in_full(token: &str) -> bool {
    let body = token.strip_prefix("HRKU-");
    let text = body.unwrap_or(token);
    let is_of_uuid =
        text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') && text.as_bytes().get(8) == Some(&b'-');
    let least = if body.is_some() || is_of_uuid { 36 } else { SHORTEST_TOKEN };
    text.len() >= least && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    #[test]
    fn what_is_around_a_token_is_removed_and_what_is_not_a_token_is_refused() {
        let long = format!("HRKU-AA{}", "x".repeat(58));
        for token in [UUID, &long, &format!("HRKU-{UUID}"), "a", "any+other/token=="] {
            for (before, after) in [
                ("", "\n"),
                (" ", ""),
                ("", "\r\n"),
                ("\t", " \n\n"),
                ("\u{feff}", "\u{a0}"),
                ("\u{200b}", "\u{2060}"),
            ] {
                assert_eq!(clean_token(&format!("{before}{token}{after}")), Ok(token));
            }
        }
        let quotes = "has quotes around it: an env file keeps its quotes, remove them";
        let masked = "is masked: a part of it is hidden";
        let word = "is 'undefined', 'null' or the like, and not a token";
        let scheme = "has a word such as 'Bearer' before the token: remove it";
        let name = "has the name of a variable before the token: remove it";
        let placeholder = "is a placeholder that was not replaced";
        for (text, what) in [
            ("", "is blank"),
            (" \r\n", "is blank"),
            ("\u{200b}", "is blank"),
            ("\"x\"", quotes),
            ("'x'", quotes),
            ("\"x", quotes),
            ("x'", quotes),
            ("`x`", quotes),
            ("\u{201c}x\u{201d}", quotes),
            (" \"x\"\n", quotes),
            ("***", masked),
            ("HRKU-AA**********wxyz", masked),
            ("HRKU-AA...", masked),
            ("HRKU-AA\u{2026}", masked),
            ("\u{2022}\u{2022}\u{2022}", masked),
            ("undefined", word),
            ("NULL", word),
            ("None", word),
            ("nil", word),
            ("false", word),
            ("[object Object]", word),
            ("Bearer x", scheme),
            ("bearer\tx", scheme),
            ("Bearer: x", scheme),
            ("Basic eA==", scheme),
            ("Authorization: Bearer x", scheme),
            ("token=x", scheme),
            ("HEROKU_API_KEY=x", name),
            ("export HEROKU_API_KEY=x", name),
            ("$HEROKU_API_KEY", placeholder),
            ("${{ secrets.KEY }}", placeholder),
            ("<your-token>", placeholder),
            ("{{token}}", placeholder),
            ("{\"token\":\"x\"}", "is JSON: give the bare token"),
            ("[\"x\"]", "is JSON: give the bare token"),
            ("{{ \"x\" }}", placeholder),
            ("x\ny", "contains a line break"),
            ("x y", "contains a character that is not allowed in a token"),
            ("x\u{200b}y", "contains a character that is not allowed in a token"),
        ] {
            assert_eq!(clean_token(text), Err(what), "{text:?}");
        }
    }

    #[test]
    fn a_token_that_was_cut_is_not_in_full() {
        let long = format!("HRKU-AA{}", "x".repeat(58));
        for token in
            [UUID, &long, &format!("HRKU-{UUID}"), &"Az09".repeat(8), "eyJhbGciOi.eyJzdWIiOjEy.c2ln_-=="]
        {
            assert!(is_in_full(token), "{token}");
        }
        let records = format!("file.txt,{UUID}");
        for cut in ["x", "HRKU-AA", &UUID[..35], &long[..40], &UUID[..9], &records, &"a;".repeat(20)] {
            assert!(!is_in_full(cut), "{cut}");
        }
    }
}
