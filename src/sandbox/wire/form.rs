//! Percent-encoding, as paths, queries and forms have it.

/// Percent-decoded text; `plus` also reads `+` as a space, as forms write it. What is not
/// UTF-8 or not an escape stays as it is, or becomes U+FFFD.
pub(in crate::sandbox) fn decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = |i: usize| bytes.get(i).and_then(|b| char::from(*b).to_digit(16));
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 2;
            }
            (b'+', _, _) if plus => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Text as it may stand in a query.
pub(in crate::sandbox) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
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
