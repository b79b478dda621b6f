//! Corrupts response bodies: each function takes a body of the API and returns a bad one.

use serde_json::{Map, Value, json};

use crate::sandbox::account::mint;

/// Turns ids into numbers and nested objects into arrays; the outermost object or list stays.
pub(in crate::sandbox) fn wrong_types(body: &[u8]) -> Vec<u8> {
    let value = match serde_json::from_slice(body) {
        Ok(Value::Array(items)) => items.into_iter().map(wrong_object).collect(),
        Ok(other) => wrong_object(other),
        Err(_) => Value::Null,
    };
    value.to_string().into()
}

fn wrong_object(value: Value) -> Value {
    let Value::Object(members) = value else {
        return value;
    };
    let wrong = members.into_iter().map(|(name, value)| {
        let value = match value {
            Value::String(_) if name == "id" => json!(12345),
            Value::Object(inner) => Value::Array(inner.into_iter().map(|(_, v)| v).collect()),
            other => other,
        };
        (name, value)
    });
    Value::Object(wrong.collect::<Map<String, Value>>())
}

/// Masks each secret that is in clear, except for its beginning. Secrets that are masked already keep their ends:
/// without them, any listed authorization could be the one in use.
pub(in crate::sandbox) fn mask_secrets(body: &[u8]) -> Vec<u8> {
    fn mask(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(text) if ["token", "secret", "code"].contains(&name.as_str()) => {
                            if !text.contains(mint::MASK) {
                                *text = mint::mask(text, (7, 0));
                            }
                        }
                        other => mask(other),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(mask),
            _ => {}
        }
    }
    let mut value = serde_json::from_slice(body).unwrap_or_default();
    mask(&mut value);
    value.to_string().into()
}

/// Puts a false `id` in front of the true one in each outermost object.
pub(in crate::sandbox) fn duplicate_ids(body: &[u8]) -> Vec<u8> {
    const FALSE: &[u8] = br#"{"id":"00000000-0000-0000-0000-000000000000","#;
    prefix_objects(body, FALSE)
}

/// Changes the object of a body, or the first one of a list.
fn with_first(body: &[u8], change: impl FnOnce(&mut Map<String, Value>)) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return body.to_vec() };
    let first = match &mut value {
        Value::Array(items) => items.first_mut(),
        other => Some(other),
    };
    if let Some(Value::Object(members)) = first {
        change(members);
    }
    value.to_string().into()
}

/// Replaces the id of the object.
pub(in crate::sandbox) fn replace_id(body: &[u8], id: &str) -> Vec<u8> {
    with_first(body, |members| {
        members.insert("id".to_owned(), json!(id));
    })
}

/// Replaces the ids of the objects in the object, and gives it a client and a session if it has none.
pub(in crate::sandbox) fn replace_nested_ids(body: &[u8], id: &str) -> Vec<u8> {
    with_first(body, |members| {
        for name in ["client", "session"] {
            if members.get(name).is_none_or(Value::is_null) {
                members.insert(name.to_owned(), json!({}));
            }
        }
        for inner in members.values_mut().filter_map(Value::as_object_mut) {
            inner.insert("id".to_owned(), json!(id));
        }
    })
}

/// Replaces the description or name of the object by JSON that need not be text.
pub(in crate::sandbox) fn replace_text(body: &[u8], to: &str) -> Vec<u8> {
    const PLACE: &str = "the place of the text";
    let marked = with_first(body, |members| {
        let name = if members.contains_key("redirect_uri") { "name" } else { "description" };
        members.insert(name.to_owned(), json!(PLACE));
    });
    String::from_utf8_lossy(&marked).replace(&format!("\"{PLACE}\""), to).into()
}

/// Merges a JSON object into the object, member by member.
pub(in crate::sandbox) fn merge_members(body: &[u8], to: &str) -> Vec<u8> {
    fn merge(members: &mut Map<String, Value>, to: Map<String, Value>) {
        for (name, value) in to {
            match (members.get_mut(&name), value) {
                (Some(Value::Object(inner)), Value::Object(value)) => merge(inner, value),
                (_, value) => drop(members.insert(name, value)),
            }
        }
    }
    with_first(body, |members| {
        if let Ok(Value::Object(to)) = serde_json::from_str(to) {
            merge(members, to);
        }
    })
}

/// Sets `expires_in`, and a member that no client knows, to numbers beyond 64 bits.
pub(in crate::sandbox) fn big_numbers(body: &[u8]) -> Vec<u8> {
    const BIG: &[u8] = b"1234567890123456789012345678901234567890";
    const NAME: &[u8] = br#""expires_in":"#;
    let body = prefix_objects(body, br#"{"generation":98765432109876543210987654321,"#);
    let mut out = Vec::with_capacity(body.len() + 256);
    let mut rest = body.as_slice();
    // This is always a member: within a string the quotes would be escaped.
    while let Some(at) = rest.windows(NAME.len()).position(|w| w == NAME) {
        let (before, after) = rest.split_at(at + NAME.len());
        out.extend_from_slice(before);
        out.extend_from_slice(BIG);
        let end = after.iter().position(|b| b",}".contains(b)).unwrap_or(after.len());
        rest = &after[end..];
    }
    out.extend_from_slice(rest);
    out
}

/// Puts bytes that are not UTF-8 at the start of the first string value.
pub(in crate::sandbox) fn bad_utf8(body: &[u8]) -> Vec<u8> {
    let mut out = body.to_vec();
    if let Some(at) = out.windows(3).position(|w| w == b"\":\"") {
        out.splice(at + 3..at + 3, *b"\xff\xfe\xc0\xaf");
    }
    out
}

/// Replaces the opening brace of each outermost object by `start`, which ends in a comma.
fn prefix_objects(body: &[u8], start: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 256);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let outermost = usize::from(body.first() == Some(&b'['));
    for &byte in body {
        if quoted {
            quoted = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
        } else {
            match byte {
                b'"' => quoted = true,
                b'{' if depth == outermost => {
                    depth += 1;
                    out.extend_from_slice(start);
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        out.push(byte);
    }
    out
}

/// Returns a gzip stream that unpacks to `[` and about `size` spaces; 13 bits stand for 258 of them.
pub(in crate::sandbox) fn gzip_bomb(size: usize) -> Vec<u8> {
    let mut bits = Bits { out: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], used: 0 };
    bits.put(0b1, 1); // this is the last block
    bits.put(0b01, 2); // it uses the fixed codes
    bits.code(0x30 + u32::from(b'['), 8);
    bits.code(0x30 + u32::from(b' '), 8);
    for _ in 0..size / 258 {
        bits.code(0b1100_0101, 8); // length 258
        bits.code(0, 5); // distance 1
    }
    bits.code(0, 7); // end of block
    // The checksum is wrong: a reader that gets this far has unpacked everything already.
    bits.out.extend_from_slice(&[0; 8]);
    bits.out
}

/// Packs bits into bytes, the least significant bit first.
struct Bits {
    out: Vec<u8>,
    /// The number of bits used in the last byte; at 0 or 8 the next bit starts a new byte.
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, len: u32) {
        for bit in 0..len {
            if self.used.is_multiple_of(8) {
                self.out.push(0);
                self.used = 0;
            }
            if let Some(last) = self.out.last_mut() {
                *last |= u8::from(value >> bit & 1 == 1) << self.used;
            }
            self.used += 1;
        }
    }

    /// Adds a Huffman code, which starts with its most significant bit.
    fn code(&mut self, code: u32, len: u32) {
        self.put(code.reverse_bits() >> (32 - len), len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[u8] = br#"[{"a":{"expires_in":null,"id":"x"},"id":"1"},{"d":"\"{\\","id":"2"}]"#;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn wrong_types_are_valid_json() {
        let list: Value = serde_json::from_slice(&wrong_types(LIST)).unwrap();
        assert_eq!(list, json!([{"a": [null, "x"], "id": 12345}, {"d": "\"{\\", "id": 12345}]));
        assert_eq!(text(wrong_types(br#"{"id":"x"}"#)), r#"{"id":12345}"#);
    }

    #[test]
    fn nested_secrets_are_masked() {
        let body = br#"[{"id":"1","access_token":{"id":"2","token":"HRKU-AAxyz"},"secret":null,"code":"c"}]"#;
        let list: Value = serde_json::from_slice(&mask_secrets(body)).unwrap();
        let token = json!({"id": "2", "token": "HRKU-AA**********"});
        assert_eq!(list, json!([{"id": "1", "access_token": token, "secret": null, "code": "**********"}]));
        let shown = json!({"token": "HRKU-AAx**********9zzz"});
        assert_eq!(mask_secrets(shown.to_string().as_bytes()), shown.to_string().into_bytes());
    }

    #[test]
    fn the_false_id_comes_before_the_true_one() {
        assert_eq!(text(duplicate_ids(LIST)).matches("\"id\":\"00000000-").count(), 2);
        let back: Value = serde_json::from_slice(&duplicate_ids(LIST)).unwrap();
        assert_eq!(back, serde_json::from_slice::<Value>(LIST).unwrap());
    }

    #[test]
    fn only_the_first_object_of_a_list_is_changed() {
        let list = br#"[{"client":{"id":"c"},"id":"1","session":null},{"description":"d","id":"2"}]"#;
        let second = r#"{"description":"d","id":"2"}]"#;
        assert!(
            text(replace_id(list, "$(x)")).ends_with(&format!(r#""id":"$(x)","session":null}},{second}"#))
        );
        let nested = text(replace_nested_ids(list, "../x"));
        assert_eq!(
            nested,
            format!(r#"[{{"client":{{"id":"../x"}},"id":"1","session":{{"id":"../x"}}}},{second}"#)
        );
        assert_eq!(text(replace_text(br#"{"id":"1"}"#, "1e999")), r#"{"description":1e999,"id":"1"}"#);
    }

    #[test]
    fn big_numbers_are_valid_json() {
        let list = text(big_numbers(LIST));
        assert!(list.contains("\"expires_in\":1234567890123456789012345678901234567890,\"id\""));
        assert_eq!(list.matches("generation").count(), 2);
        assert!(serde_json::from_str::<Value>(&list).is_ok());
    }

    #[test]
    fn bad_utf8_is_not_utf8() {
        assert!(String::from_utf8(bad_utf8(LIST)).is_err());
    }

    #[test]
    fn a_gzip_bomb_is_small() {
        let bomb = gzip_bomb(1 << 20);
        assert!(bomb.len() < 8 * 1024 && bomb.starts_with(&[0x1f, 0x8b]));
    }
}
