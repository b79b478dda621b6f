//! Tokens and client secrets: a type that does not print, masking, and redaction of free text.

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

/// What stands for the hidden part of a secret: ten stars, as the API itself writes them (WIRE.md, "Redaction").
pub(crate) const STARS: &str = "**********";

/// A secret. It never shows in `{:?}`, and its memory is cleared when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of a secret's text.
    pub fn new(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `shown`, a token as the API shows it in a list (`HRKU-AA**********wxyz`), may be this one.
    ///
    /// A mask can fit more than one token; the caller must count a match as "may be".
    pub fn may_be(&self, shown: &str) -> bool {
        let text = self.expose();
        match split_mask(shown) {
            Some((prefix, suffix)) => {
                text.len() >= prefix.len() + suffix.len()
                    && text.starts_with(prefix)
                    && text.ends_with(suffix)
            }
            None => text == shown,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Whether a value hides its secret already, by the API's hand or ours.
pub(crate) fn is_masked(value: &str) -> bool {
    value.contains(STARS)
}

/// Checks that a token can stand in a header and is not obviously something else.
///
/// # Errors
/// What is wrong, without the token.
pub(crate) fn check_token(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("is empty")
    } else if text.bytes().any(|b| b == b'\n' || b == b'\r') {
        Err("has a line break in it")
    } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
        Err("has a character that no token has")
    } else {
        Ok(())
    }
}

/// The visible ends of a masked value.
fn split_mask(shown: &str) -> Option<(&str, &str)> {
    let at = shown.find(STARS)?;
    Some((&shown[..at], shown[at..].trim_start_matches('*')))
}

/// A text with everything that has the shape of a token or client secret replaced by stars.
///
/// Three token shapes are known (WIRE.md, "Objects"): a bare uuid, `HRKU-` and a uuid, `HRKU-AA` and 58
/// characters. Ids are uuids too; so a uuid is only taken for a secret where `HRKU-` or a word that announces
/// a secret stands before it. `known` secrets go wherever they stand, whatever their shape.
pub fn redact<'a>(text: &'a str, known: &[&str]) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for secret in known.iter().filter(|s| s.len() >= 4) {
        if text.contains(secret) {
            text = Cow::Owned(text.replace(secret, STARS));
        }
    }
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    // Where the last word before `at` ends; what was replaced is no word.
    let mut word = 0;
    while at < text.len() {
        match token_at(&text, at, word) {
            Some(end) => {
                out.push_str(&text[copied..at]);
                out.push_str(STARS);
                (copied, at) = (end, end);
            }
            None => {
                at += 1;
                if text.as_bytes()[at - 1].is_ascii_alphanumeric() {
                    word = at;
                }
            }
        }
    }
    if copied == 0 {
        return text;
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Words after which a uuid is a secret and not an id.
const ANNOUNCERS: [&str; 7] = ["token", "secret", "bearer", "api_key", "password", "code", "apikey"];

/// The end of what looks like a token at `at`, if something does; the last word before it ends at `word`.
fn token_at(text: &str, at: usize, word: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if let Some(rest) = bytes[at..].strip_prefix(b"HRKU-") {
        let len = token_len(rest);
        return (len >= 16).then_some(at + 5 + len);
    }
    let announced = |announcer: &&str| {
        let start = word.checked_sub(announcer.len());
        start.is_some_and(|start| bytes[start..word].eq_ignore_ascii_case(announcer.as_bytes()))
    };
    (is_uuid(&bytes[at..]) && ANNOUNCERS.iter().any(announced)).then_some(at + 36)
}

fn token_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_' || **b == b'-').count()
}

/// Whether a uuid starts here.
fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() >= 36
        && bytes[..36].iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::new(UUID.into())), "Secret(…)");
    }

    #[test]
    fn a_mask_fits_the_tokens_with_its_ends() {
        let secret = Secret::new("HRKU-AAabcdef".into());
        assert!(secret.may_be("HRKU-AA**********ef"));
        assert!(secret.may_be("HRKU-AA**********"));
        assert!(secret.may_be("HRKU-AAabcdef"));
        assert!(!secret.may_be("HRKU-AA**********eg"));
        assert!(!secret.may_be("HRKU-AAabcdef**********abcdef"), "ends may not overlap");
    }

    #[test]
    fn every_token_shape_is_redacted_and_ids_are_not() {
        let long = format!("HRKU-AA{}", "x".repeat(58));
        for text in [
            format!("the token {UUID} is bad"),
            format!("got HRKU-{UUID}!"),
            format!("{{\"token\":\"{UUID}\"}}"),
            format!("client secret: {UUID}"),
            format!("Bearer {UUID}"),
            format!("x {long} y"),
        ] {
            let shown = redact(&text, &[]);
            assert!(!shown.contains("cdef") && !shown.contains("xxxx"), "{shown}");
            assert!(shown.contains(STARS), "{shown}");
        }
        let many = format!("token {UUID} {UUID}/{UUID}").repeat(20_000);
        assert!(
            !redact(&many, &[]).contains("cdef"),
            "all that an announcer stands before, however much it is"
        );
        let id = format!("authz {UUID}: Couldn't find that authorization (not_found, request {UUID})");
        assert_eq!(redact(&id, &[]), id);
        assert_eq!(redact("pass hunter22 on", &["hunter22"]), format!("pass {STARS} on"));
    }

    #[test]
    fn text_with_wide_characters_is_not_cut_in_two() {
        let text = format!("é—{}-éé token é{UUID} HRKU-é", "é".repeat(9));
        assert!(redact(&text, &[]).contains("HRKU-é"));
    }
}
