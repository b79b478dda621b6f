//! Blocks, lines and threads.

use super::*;

#[test]
fn a_line_longer_than_a_block_is_read_whole() {
    let id = "x".repeat(3 * CHUNK.end);
    let text = format!("{id}\nb");
    let mut lines = Lines::new(text.as_bytes());
    assert_eq!(lines.next_line().ok().flatten().map(|(n, l)| (n, l.len())), Some((1, id.len())));
    assert_eq!(lines.next_line().ok().flatten(), Some((2, b"b".as_slice())));
    assert!(matches!(lines.next_line(), Ok(None)));
}

#[test]
fn lines_of_a_large_input_keep_their_order_and_numbers() {
    let mut text = "kind,id\n".to_owned();
    for n in 0..40_000 {
        text += &match n % 4 {
            0 => format!("{{\"kind\":\"authz\",\"id\":\"j{n}\",\"x\":\"{}\"}}\n", "y".repeat(n % 90)),
            1 => format!("authz,c{n}\n"),
            2 => "\n".to_owned(),
            _ => "{\"\n".to_owned(),
        };
    }
    let mut lines = Vec::new();
    let read = read_all(text.as_bytes(), Need::Identity, &mut |number: u32, _: &[u8], entry: Found<'_>| {
        lines.push((number, entry.map(|e| e.map(|e| e.id().unwrap_or_default().to_owned()))));
        Ok(())
    });
    assert!(read.is_ok());
    assert_eq!(lines.len(), 40_001);
    for (n, (number, found)) in lines.iter().enumerate().skip(1) {
        assert_eq!(*number as usize, n + 1);
        match ((n - 1) % 4, found) {
            (0, Ok(Some(id))) => assert_eq!(*id, format!("j{}", n - 1)),
            (1, Ok(Some(id))) => assert_eq!(*id, format!("c{}", n - 1)),
            (2, Ok(None)) | (3, Err(_)) => {}
            other => panic!("line {number}: {other:?}"),
        }
    }
}

#[test]
fn a_byte_order_mark_is_accepted_at_the_start_of_each_file() {
    let text = "\u{feff}{\"id\":\"a1\"}\n\u{feff}a1\n\u{feff}{\n\"id\":\"a1\"\n}\n";
    let mut found = Vec::new();
    let read = read_all(text.as_bytes(), Need::Identity, &mut |_: u32, _: &[u8], entry: Found<'_>| {
        found.push(entry.map(|e| e.and_then(|e| e.id().ok().map(str::to_owned))));
        Ok(())
    });
    assert!(read.is_ok());
    assert_eq!(found, vec![Ok(Some("a1".to_owned())); 3]);
}

#[test]
fn a_bad_line_gets_the_same_message_at_once_and_one_by_one() {
    for line in
        ["{\"a\" \u{feff}1}", "{\"id\":1.5}", "{\"id\":\"a\"", "{\"id\":\"a\",\"Id\":\"b\"}", "[1]", "a b\tc"]
    {
        let mut at_once = Vec::new();
        let read = read_all(line.as_bytes(), Need::Identity, &mut |_: u32, _: &[u8], entry: Found<'_>| {
            at_once.push(entry.err());
            Ok(())
        });
        assert!(read.is_ok());
        assert_eq!(at_once, [Sniffer::new(Need::Identity).line(line.as_bytes()).err()], "{line}");
    }
}

#[test]
fn json_over_several_lines_is_one_record_also_between_blocks() {
    let record = |n: usize| {
        let nested = "    \"x\": [\n      {\n        \"id\": \"no\"\n      }\n    ]\n";
        format!("{{\n  \"kind\": \"authz\",\n  \"id\": \"a{n}\",\n{nested}}}\n")
    };
    let text: String = (0..20_000).map(record).collect();
    let mut found = Vec::new();
    let read = read_all(text.as_bytes(), Need::Identity, &mut |number: u32, line: &[u8], e: Found<'_>| {
        assert!(line.starts_with(b"{ \"kind\"") && line.ends_with(b" }"));
        found.push((number as usize, e.map(|e| e.and_then(|e| e.id().ok().map(str::to_owned)))));
        Ok(())
    });
    assert!(read.is_ok());
    assert_eq!(found.len(), 20_000);
    for (n, (number, id)) in found.into_iter().enumerate() {
        assert_eq!((number, id), (1 + 9 * n, Ok(Some(format!("a{n}")))));
    }
    let (mut lines, mut sniffer) = (Lines::new(text.as_bytes()), Sniffer::new(Need::Identity));
    let mut count = 0;
    while let Ok(Some((number, line))) = lines.next_line() {
        assert_eq!(number, 1 + 9 * count);
        assert!(sniffer.line(line).is_ok());
        count += 1;
    }
    assert_eq!(count, 20_000);
}

#[test]
fn an_error_of_the_consumer_ends_the_reading() {
    let text = "{\"id\":\"a\"}\n".repeat(100_000);
    let read =
        read_all(text.as_bytes(), Need::Identity, &mut |number: u32, _: &[u8], _: Found<'_>| match number {
            50_000 => Err(Error::usage("enough")),
            _ => Ok(()),
        });
    assert_eq!(read.expect_err("stopped").to_string(), "enough");
}
