//! Percent-encoding, as paths, queries and forms have it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-decoded text; `plus` also reads `+` as a space, as forms write it. What is not
/// UTF-8 or not an escape stays as it is, or becomes U+FFFD.
pub(in crate::sandbox) fn decode(text: &str, plus: bool) -> String {
    let text = if plus { text.replace('+', " ") } else { text.to_owned() };
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

/// Text as it may stand in a query.
pub(in crate::sandbox) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The first value of a name in a query or form.
pub(in crate::sandbox) fn field(form: &str, name: &str) -> Option<String> {
    let pairs = form.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut named = pairs.filter(|(key, _)| decode(key, true) == name);
    named.next().map(|(_, value)| decode(value, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        assert_eq!(field("a=1&b=x+y%21&b=2", "b").as_deref(), Some("x y!"));
        assert_eq!(field("a=1", "b"), None);
        assert_eq!(decode("%7e%zz%", false), "~%zz%");
        assert_eq!(decode(&encode("a b/é~"), true), "a b/é~");
    }
}
