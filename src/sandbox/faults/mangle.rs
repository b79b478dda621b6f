//! Bodies that are not what a client expects.

use serde_json::{Map, Value, json};

use crate::sandbox::account::mint;

/// Ids as numbers, objects inside as arrays; the outermost object or list stays.
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

/// Each secret that stands whole in it is no more than its beginning. What is masked already stays as it is: with its
/// end gone too, any authorization of a list might be the one in use.
pub(in crate::sandbox) fn masked(body: &[u8]) -> Vec<u8> {
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

/// Each outermost object has a false `id` before the true one.
pub(in crate::sandbox) fn twice(body: &[u8]) -> Vec<u8> {
    const FALSE: &[u8] = br#"{"id":"00000000-0000-0000-0000-000000000000","#;
    each_object(body, FALSE)
}

/// `expires_in`, and a member nobody knows, are numbers beyond 64 bits.
pub(in crate::sandbox) fn big_numbers(body: &[u8]) -> Vec<u8> {
    const BIG: &[u8] = b"1234567890123456789012345678901234567890";
    const NAME: &[u8] = br#""expires_in":"#;
    let body = each_object(body, br#"{"generation":98765432109876543210987654321,"#);
    let mut out = Vec::with_capacity(body.len() + 256);
    let mut rest = body.as_slice();
    // Inside a string the name's quotes would be escaped, so this is always a member.
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

/// The first string's value begins with bytes that are no UTF-8.
pub(in crate::sandbox) fn bad_utf8(body: &[u8]) -> Vec<u8> {
    let mut out = body.to_vec();
    if let Some(at) = out.windows(3).position(|w| w == b"\":\"") {
        out.splice(at + 3..at + 3, *b"\xff\xfe\xc0\xaf");
    }
    out
}

/// Begins every outermost object that has members with `start` in the place of its brace.
fn each_object(body: &[u8], start: &[u8]) -> Vec<u8> {
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

/// A gzip stream that unpacks to `[` and about `size` spaces: 13 bits for each 258.
pub(in crate::sandbox) fn gzip_bomb(size: usize) -> Vec<u8> {
    let mut bits = Bits { out: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], used: 0 };
    bits.put(0b1, 1); // the last block
    bits.put(0b01, 2); // with the fixed codes, least significant bit first
    bits.code(0x30 + u32::from(b'['), 8);
    bits.code(0x30 + u32::from(b' '), 8);
    for _ in 0..size / 258 {
        bits.code(0b1100_0101, 8); // length 258
        bits.code(0, 5); // distance 1
    }
    bits.code(0, 7); // end of block
    // A reader that came this far has the bomb in memory already, so the sums may be wrong.
    bits.out.extend_from_slice(&[0; 8]);
    bits.out
}

/// Packs bits into bytes from the least significant one.
struct Bits {
    out: Vec<u8>,
    /// Bits taken in the last byte; 0 or 8 is none free.
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

    /// A Huffman code, which goes from its most significant bit.
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
    fn types_are_wrong_but_it_is_json() {
        let list: Value = serde_json::from_slice(&wrong_types(LIST)).unwrap();
        assert_eq!(list, json!([{"a": [null, "x"], "id": 12345}, {"d": "\"{\\", "id": 12345}]));
        assert_eq!(text(wrong_types(br#"{"id":"x"}"#)), r#"{"id":12345}"#);
    }

    #[test]
    fn a_secret_is_masked_however_deep_it_stands() {
        let body = br#"[{"id":"1","access_token":{"id":"2","token":"HRKU-AAxyz"},"secret":null,"code":"c"}]"#;
        let list: Value = serde_json::from_slice(&masked(body)).unwrap();
        let token = json!({"id": "2", "token": "HRKU-AA**********"});
        assert_eq!(list, json!([{"id": "1", "access_token": token, "secret": null, "code": "**********"}]));
        let shown = json!({"token": "HRKU-AAx**********9zzz"});
        assert_eq!(masked(shown.to_string().as_bytes()), shown.to_string().into_bytes());
    }

    #[test]
    fn duplicates_come_first_and_lose() {
        assert_eq!(text(twice(LIST)).matches("\"id\":\"00000000-").count(), 2);
        let back: Value = serde_json::from_slice(&twice(LIST)).unwrap();
        assert_eq!(back, serde_json::from_slice::<Value>(LIST).unwrap());
    }

    #[test]
    fn big_numbers_are_json_no_machine_holds() {
        let list = text(big_numbers(LIST));
        assert!(list.contains("\"expires_in\":1234567890123456789012345678901234567890,\"id\""));
        assert_eq!(list.matches("generation").count(), 2);
        assert!(serde_json::from_str::<Value>(&list).is_ok());
    }

    #[test]
    fn bad_utf8_is_bad() {
        assert!(String::from_utf8(bad_utf8(LIST)).is_err());
    }

    #[test]
    fn a_bomb_is_small() {
        let bomb = gzip_bomb(1 << 20);
        assert!(bomb.len() < 8 * 1024 && bomb.starts_with(&[0x1f, 0x8b]));
    }
}
