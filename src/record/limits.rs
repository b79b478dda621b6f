//! Limits checked before JSON is parsed: size, depth, number of values.

use crate::record::json::end_of_string;

/// The most levels that JSON may be nested. A record of Heroku has three.
const MAX_DEPTH: usize = 64;
/// The most commas that JSON may have, one for each further value. A record of Heroku has some twenty.
const MAX_VALUES: usize = 100_000;

/// Checks that JSON of a server is safe to parse: parsing needs much more memory than the text, and a level of nesting
/// needs stack.
///
/// # Errors
/// A message, if it is longer than `max_bytes`, nested too deeply, or has too many values.
pub(crate) fn check(json: &str, max_bytes: usize) -> Result<(), String> {
    if json.len() > max_bytes {
        return Err(format!("it is larger than {} MiB", max_bytes >> 20));
    }
    // Each level needs one of these bytes, and each value at least one byte: normal JSON is not looked at again.
    let count = |byte| memchr::memchr_iter(byte, json.as_bytes()).count();
    if json.len() <= MAX_VALUES && count(b'{') + count(b'[') <= MAX_DEPTH {
        return Ok(());
    }
    let (mut depth, mut values, mut rest) = (0_usize, 0, json.as_bytes());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => rest = after.get(end_of_string(after, 0) + 1..).unwrap_or_default(),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(format!("it is nested deeper than {MAX_DEPTH} levels"));
        }
        if values > MAX_VALUES {
            return Err(format!("it has more than {MAX_VALUES} values"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_beyond_the_limits_is_refused() {
        let object = |more: &str| format!(r#"{{"id":"a","description":"[[[,,,{{\"","scope":{more}}}"#);
        let deep = |n: usize| object(&format!("{}1{}", "[".repeat(n), "]".repeat(n)));
        let many = |n: usize| object(&format!("[0{}]", ",0".repeat(n)));
        let wide = format!("{{\"id\":\"a\"{}}}", ",\"\":0".repeat(MAX_VALUES + 1));
        let text = object(&format!("\"{}\"", "[,".repeat(200_000)));
        for good in [deep(MAX_DEPTH - 1), many(MAX_VALUES - 2), text.clone()] {
            assert_eq!(check(&good, usize::MAX), Ok(()), "{}", &good[..99]);
        }
        for (bad, error) in [
            (deep(MAX_DEPTH), "it is nested deeper than 64 levels"),
            (deep(1_000_000), "it is nested deeper than 64 levels"),
            (many(MAX_VALUES - 1), "it has more than 100000 values"),
            (wide, "it has more than 100000 values"),
        ] {
            assert_eq!(check(&bad, usize::MAX).expect_err("refused"), error);
        }
        assert_eq!(check(&text, 64), Err("it is larger than 0 MiB".to_owned()));
        assert_eq!(check(&text, text.len()), Ok(()));
    }
}
