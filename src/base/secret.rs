//! Tokens and client secrets: a type that is never printed, masks, and the redaction of free text.

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

/// The mask that replaces the hidden part of a secret: ten stars, as in the API's own masked tokens
/// (docs/heroku-api.md, "Masked tokens").
pub(crate) const STARS: &str = "**********";

/// A secret. `{:?}` does not print it, and its memory is cleared when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Creates a secret from its text.
    pub fn new(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// Returns the text. Call it only where the secret itself is needed.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether this secret fits `shown`, a token as the API's lists show it: `HRKU-AA**********wxyz`.
    ///
    /// More than one token can fit a mask. To protect the token in use, callers must treat every match as that token
    /// (docs/architecture.md, "Rules": Protection).
    pub fn may_be(&self, shown: &str) -> bool {
        matches!(self.compare(shown), Likeness::Fits { .. })
    }

    /// Compares this secret with `shown`, a token as the API shows it, in whatever way it is masked: with stars, dots,
    /// letters or a word in brackets, or by leaving a part out.
    pub(crate) fn compare(&self, shown: &str) -> Likeness {
        let (token, shown) = (self.expose().as_bytes(), shown.as_bytes());
        if shown.is_empty() {
            return Likeness::Unknown;
        }
        if token == shown {
            return Likeness::Fits { is_certain: true };
        }
        let agreeing = |a: &mut dyn Iterator<Item = (&u8, &u8)>| a.take_while(|(a, b)| a == b).count();
        let head = agreeing(&mut token.iter().zip(shown));
        // The two ends overlap neither in the token nor in what is shown.
        let tail = agreeing(&mut token[head..].iter().rev().zip(shown[head..].iter().rev()));
        let between = &shown[head..shown.len() - tail];
        if between.is_empty() || mask_in(between) == Some((0, between.len())) {
            let (from_lead, after_lead) = (head.saturating_sub(lead(token)), token.len() - lead(token));
            return Likeness::Fits { is_certain: from_lead + tail.min(after_lead) >= CERTAIN };
        }
        // Where the mask begins is not known if it consists of letters, so only a difference outside of everything that
        // may belong to it counts.
        let lead = lead(shown);
        let differs = match mask_in(&shown[lead..]) {
            Some((from, to)) => {
                let (head, tail) = (&shown[..lead + from], &shown[lead + to..]);
                head.len() + tail.len() > token.len() || !token.starts_with(head) || !token.ends_with(tail)
            }
            None => is_whole(shown),
        };
        if differs { Likeness::Differs } else { Likeness::Unknown }
    }
}

/// How a secret compares with a token of which only a part may be visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// Everything that is visible agrees.
    Fits {
        /// So much is visible that no other token agrees by chance.
        is_certain: bool,
    },
    /// A visible character proves that it is another token.
    Differs,
    /// Nothing is visible, or it cannot be told what is.
    Unknown,
}

/// How many visible characters, after the beginning that all tokens share, make a match certain: one token in a million
/// or more agrees by chance.
const CERTAIN: usize = 5;

/// The shortest run of equal letters, digits or dashes that may be a mask.
const RUN: usize = 3;

/// Returns where the mask in a text begins and ends: at the first and the last character that tokens do not have, or
/// that belongs to a run of equal ones. `None` if nothing in it looks like a mask.
fn mask_in(text: &[u8]) -> Option<(usize, usize)> {
    let (mut found, mut at) = (None, 0);
    for run in text.chunk_by(|a, b| a == b) {
        let hides = token_len(run) == 0 || run.len() >= RUN;
        if hides {
            found = Some((found.map_or(at, |(from, _)| from), at + run.len()));
        }
        at += run.len();
    }
    found
}

/// Returns the length of the beginning that all tokens of a form share (docs/heroku-api.md, "Secrets").
fn lead(token: &[u8]) -> usize {
    ["HRKU-AA", "HRKU-"].iter().find(|lead| token.starts_with(lead.as_bytes())).map_or(0, |lead| lead.len())
}

/// Returns whether a text is a token of a known form in full.
fn is_whole(text: &[u8]) -> bool {
    let body = &text[lead(text)..];
    match lead(text) {
        7 => token_len(body) == 58 && body.len() == 58,
        _ => body.len() == 36 && is_uuid(body),
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Returns whether a value is already masked, by the API or by these tools.
pub(crate) fn is_masked(value: &str) -> bool {
    value.contains(STARS)
}

/// Returns whether a value is a secret in full, and not one of which a part is hidden, in whatever way. To decide what to
/// print in clear, ask [`is_masked`].
pub(crate) fn is_complete(value: &str) -> bool {
    let hides = |run: &[u8]| token_len(run) == 0 && run.len() >= RUN;
    let dots = ['…', '•'];
    !value.is_empty() && !value.contains(dots) && !value.as_bytes().chunk_by(|a, b| a == b).any(hides)
}

/// The length of the shortest token, in bytes.
pub(crate) const SHORTEST_TOKEN: usize = 25;

/// Masks each complete token of the API in a text, such as a description that somebody has pasted one into. Unlike
/// [`redact`] it leaves UUIDs alone: a text for people must not change more than it must.
pub(crate) fn mask_tokens(text: &str) -> Cow<'_, str> {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("HRKU-") {
        let end = at + 5 + token_len(&rest.as_bytes()[at + 5..]);
        masked.push_str(&rest[..at]);
        masked.push_str("HRKU-");
        masked.push_str(if end - at >= SHORTEST_TOKEN { STARS } else { &rest[at + 5..end] });
        rest = &rest[end..];
    }
    if masked.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(masked + rest) }
}

/// Replaces everything that looks like a token or a client secret with stars.
///
/// Tokens have three forms (docs/heroku-api.md, "Secrets"): a UUID, `HRKU-` and a UUID, or `HRKU-AA` and 58 characters.
/// Ids are UUIDs too, so a UUID counts as a secret only after `HRKU-` or after a word such as "token". `known` secrets
/// of at least four bytes are replaced wherever they occur, whatever their form.
pub fn redact<'a>(text: &'a str, known: &[&str]) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for secret in known.iter().filter(|s| s.len() >= 4) {
        if text.contains(secret) {
            text = Cow::Owned(text.replace(secret, STARS));
        }
    }
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    // The end of the last word before `at`. Replaced text is not a word.
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

/// Words after which a UUID is a secret and not an id.
const ANNOUNCERS: [&str; 7] = ["token", "secret", "bearer", "api_key", "password", "code", "apikey"];

/// Returns where the token that starts at `at` ends, if one does. The last word before it ends at `word`.
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

/// Returns whether `bytes` start with a UUID.
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
    fn debug_output_hides_the_secret() {
        assert_eq!(format!("{:?}", Secret::new(UUID.into())), "Secret(…)");
    }

    #[test]
    fn a_mask_fits_tokens_with_the_same_ends() {
        let secret = Secret::new("HRKU-AAabcdef".into());
        assert!(secret.may_be("HRKU-AA**********ef"));
        assert!(secret.may_be("HRKU-AA**********"));
        assert!(secret.may_be("HRKU-AAabcdef"));
        assert!(!secret.may_be("HRKU-AA**********eg"));
        assert!(!secret.may_be("HRKU-AAabcdef**********abcdef"), "ends may not overlap");
    }

    #[test]
    fn every_form_of_mask_is_compared() {
        let token = |start: &str, end: &str| format!("HRKU-AA{start}{}{end}", "m4Zq9_kW-2".repeat(5));
        let (own, other) = (token("t5Gh", "6789"), token("b5Gh", "6780"));
        let secret = Secret::new(own.clone());
        let certain = Likeness::Fits { is_certain: true };
        let masks =
            ["*", "********", "**********", "…", "...", "•••", "####", "xxxx", "XXXXXXXX", "[hidden]"];
        for mask in masks.into_iter().map(str::to_owned).chain(["*".repeat(53), "x".repeat(53)]) {
            let show =
                |token: &str, head, tail| format!("{}{mask}{}", &token[..head], &token[token.len() - tail..]);
            assert_eq!(secret.compare(&show(&own, 8, 4)), certain, "{mask}");
            assert_eq!(secret.compare(&show(&own, 12, 0)), certain, "{mask}");
            assert_eq!(secret.compare(&show(&other, 8, 4)), Likeness::Differs, "{mask}");
            assert_eq!(secret.compare(&show(&other, 12, 0)), Likeness::Differs, "{mask}");
            assert_eq!(secret.compare(&show(&other, 0, 4)), Likeness::Differs, "{mask}");
            for (head, tail) in [(7, 0), (8, 0), (0, 0), (0, 4)] {
                let shown = secret.compare(&show(&own, head, tail));
                assert_eq!(shown, Likeness::Fits { is_certain: false }, "{mask} {head},{tail}");
            }
        }
        assert_eq!(secret.compare(&own[..12]), certain, "only the beginning");
        assert_eq!(secret.compare(&own[own.len() - 12..]), certain, "only the end");
        assert_eq!(
            secret.compare(&format!("{}{}", &own[..8], &own[own.len() - 4..])),
            certain,
            "only the ends"
        );
        assert_eq!(secret.compare(&other), Likeness::Differs, "in full");
        assert_eq!(secret.compare(UUID), Likeness::Differs, "in full");
        for mask in ["***", "********", "…", "...", "•••", "####"] {
            assert!(!is_complete(&format!("{}{mask}{}", &own[..8], &own[own.len() - 4..])), "{mask}");
        }
        assert!(is_complete(&own) && is_complete(UUID) && is_complete("s3cret!") && !is_complete(""));
        for nobody_knows in
            ["", "6780", "HRKU-AAb", "HRKU-AAtREDACTED6789", "5f4dcc3b5aa765d61d8327deb882cf99"]
        {
            assert_eq!(secret.compare(nobody_knows), Likeness::Unknown, "{nobody_knows}");
        }
    }

    #[test]
    fn tokens_of_every_form_are_redacted_and_ids_are_not() {
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
        assert!(!redact(&many, &[]).contains("cdef"), "every UUID after an announcer, in a long text too");
        let id = format!("authz {UUID}: Couldn't find that authorization (not_found, request {UUID})");
        assert_eq!(redact(&id, &[]), id);
        assert_eq!(redact("pass hunter22 on", &["hunter22"]), format!("pass {STARS} on"));
    }

    #[test]
    fn multibyte_characters_are_not_split() {
        let text = format!("é—{}-éé token é{UUID} HRKU-é", "é".repeat(9));
        assert!(redact(&text, &[]).contains("HRKU-é"));
    }
}
