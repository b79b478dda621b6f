//! Tokens and client secrets: a type that does not print, masking, and redaction of free text.

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

/// What stands for the hidden part of a secret: ten stars, as the API itself writes them (WIRE.md, "Redaction").
pub const STARS: &str = "**********";

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
pub fn is_masked(value: &str) -> bool {
    value.contains(STARS)
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
    if find_token(&text).is_none() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while let Some((start, end)) = find_token(rest) {
        out.push_str(&rest[..start]);
        out.push_str(STARS);
        rest = &rest[end..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Words after which a uuid is a secret and not an id.
const ANNOUNCERS: [&str; 7] = ["token", "secret", "bearer", "api_key", "password", "code", "apikey"];

/// The first thing in `text` that looks like a token: its byte range.
fn find_token(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let heroku = text
        .match_indices("HRKU-")
        .map(|(at, prefix)| {
            let start = at + prefix.len();
            (at, start + token_len(&bytes[start..]))
        })
        .find(|(at, end)| end - at >= 5 + 16);
    let bare = text.match_indices('-').filter_map(|(dash, _)| uuid_at(text, dash.checked_sub(8)?)).find(
        |&(start, _)| {
            let before = text[..start].to_ascii_lowercase();
            let before = before.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            ANNOUNCERS.iter().any(|word| before.ends_with(word))
        },
    );
    match (heroku, bare) {
        (Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
        (a, b) => a.or(b),
    }
}

fn token_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_' || **b == b'-').count()
}

/// The uuid that starts at `start`, if there is one.
fn uuid_at(text: &str, start: usize) -> Option<(usize, usize)> {
    let word = text.as_bytes().get(start..start + 36)?;
    let fits = word.iter().enumerate().all(|(i, b)| match i {
        8 | 13 | 18 | 23 => *b == b'-',
        _ => b.is_ascii_hexdigit(),
    });
    (fits && text.is_char_boundary(start)).then_some((start, start + 36))
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
