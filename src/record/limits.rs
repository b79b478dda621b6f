//! What JSON may be like before it is taken apart: so deep, and of so many values.

/// How deep a record may be nested, and of how many values it may be made. What people make has some twenty values on
/// three levels: this is where a broken server is told from it.
const DEEPEST: usize = 64;
const MOST_VALUES: usize = 100_000;

/// Fails where JSON is larger than `largest`, would grow beyond all measure when it is taken apart, or leads down
/// without an end.
///
/// # Errors
/// Which of these it is.
pub(crate) fn check(json: &str, largest: usize) -> Result<(), String> {
    if json.len() > largest {
        return Err(format!("it is larger than {} MiB", largest >> 20));
    }
    // Each level and each further value has one of these; few of them need no closer look.
    if memchr::memchr3_iter(b'{', b'[', b',', json.as_bytes()).take(DEEPEST + 1).count() <= DEEPEST {
        return Ok(());
    }
    let (mut depth, mut values, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for b in json.bytes() {
        match b {
            _ if quoted => {
                quoted = escaped || b != b'"';
                escaped = !escaped && b == b'\\';
            }
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if depth > DEEPEST {
            return Err(format!("it is nested deeper than {DEEPEST} levels"));
        }
        if values > MOST_VALUES {
            return Err(format!("it has more than {MOST_VALUES} values"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_grow_when_it_is_taken_apart_is_an_error() {
        let object = |more: &str| format!(r#"{{"id":"a","description":"[[[,,,{{\"","scope":{more}}}"#);
        let deep = |n: usize| object(&format!("{}1{}", "[".repeat(n), "]".repeat(n)));
        let many = |n: usize| object(&format!("[0{}]", ",0".repeat(n)));
        let wide = format!("{{\"id\":\"a\"{}}}", ",\"\":0".repeat(MOST_VALUES + 1));
        let text = object(&format!("\"{}\"", "[,".repeat(200_000)));
        for good in [deep(DEEPEST - 1), many(MOST_VALUES - 2), text.clone()] {
            assert_eq!(check(&good, usize::MAX), Ok(()), "{}", &good[..99]);
        }
        for (bad, what) in [
            (deep(DEEPEST), "it is nested deeper than 64 levels"),
            (deep(1_000_000), "it is nested deeper than 64 levels"),
            (many(MOST_VALUES - 1), "it has more than 100000 values"),
            (wide, "it has more than 100000 values"),
        ] {
            assert_eq!(check(&bad, usize::MAX).expect_err("refused"), what);
        }
        assert_eq!(check(&text, 64), Err("it is larger than 0 MiB".to_owned()));
        assert_eq!(check(&text, text.len()), Ok(()));
    }
}
