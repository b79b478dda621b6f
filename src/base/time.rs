//! Points in time and spans: RFC 3339, HTTP dates, `8h`, "in 3 days".

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{OffsetDateTime, UtcOffset};

/// Seconds since 1970-01-01T00:00:00Z.
pub(crate) type Unix = i64;

/// The system's clock.
pub(crate) fn now() -> Unix {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as Unix)
}

/// `at` as RFC 3339 in UTC, or `None` outside the years 0 to 9999.
pub fn rfc3339(at: Unix) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp(at).ok().filter(|t| t.year() >= 0)?;
    at.format(&Rfc3339).ok()
}

/// The instant that an RFC 3339 text names.
pub fn parse_rfc3339(text: &str) -> Option<Unix> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

/// The instant that a `Date` or `Retry-After` header names (RFC 9110, 5.6.7, IMF-fixdate).
pub fn parse_http_date(text: &str) -> Option<Unix> {
    let zoned = text.strip_suffix("GMT").map(|t| format!("{t}+0000"))?;
    let at = OffsetDateTime::parse(&zoned, &Rfc2822).ok()?;
    Some(at.to_offset(UtcOffset::UTC).unix_timestamp())
}

/// A span: seconds, or a number with one of the units `s`, `m`, `h`, `d`, `w`.
///
/// # Errors
/// A sentence part that says what is allowed.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no duration: give seconds, or a number with s, m, h, d or w");
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        Some((at, 'd')) => (&text[..at], 86_400),
        Some((at, 'w')) => (&text[..at], 604_800),
        _ => (text, 1),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(unit).filter(|s| *s <= u64::from(u32::MAX)).ok_or_else(wrong)?;
    Ok(Duration::from_secs(seconds))
}

/// A span in its largest unit, rounded: `45 s`, `3 minutes`, `1 day`.
pub fn span_words(seconds: u64) -> String {
    // What would be rounded to 60 minutes is an hour, what would be 24 hours a day.
    let (unit, word) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3570 => (60, "minute"),
        3570..84_600 => (3600, "hour"),
        84_600..5_184_000 => (86_400, "day"),
        5_184_000..63_072_000 => (2_592_000, "month"),
        _ => (31_536_000, "year"),
    };
    let count = (seconds + unit / 2) / unit;
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// `at` seen from `now`: `in 3 days`, `2 hours ago`.
pub fn relative(at: Unix, now: Unix) -> String {
    if at == now {
        return "now".to_owned();
    }
    let words = span_words(at.abs_diff(now));
    if at > now { format!("in {words}") } else { format!("{words} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_both_forms_name_the_same_instant() {
        assert_eq!(parse_rfc3339("1994-11-06T08:49:37Z"), Some(784_111_777));
        assert_eq!(parse_rfc3339("1994-11-06T10:49:37+02:00"), Some(784_111_777));
        assert_eq!(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(rfc3339(784_111_777).as_deref(), Some("1994-11-06T08:49:37Z"));
        assert_eq!(rfc3339(i64::MAX), None);
        assert_eq!(parse_http_date("yesterday"), None);
    }

    #[test]
    fn spans() {
        assert_eq!(parse_span("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_span("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_span("30d"), Ok(Duration::from_secs(2_592_000)));
        for bad in ["", "d", "-1", "+1", "1.5h", "1y", "99999999999999999999", "4294967296", "1 h"] {
            assert!(parse_span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn seen_from_now() {
        assert_eq!(relative(3 * 86_400, 0), "in 3 days");
        assert_eq!(relative(0, 3600), "1 hour ago");
        assert_eq!(relative(0, 0), "now");
        for (seconds, words) in [
            (59, "59 s"),
            (89, "1 minute"),
            (3569, "59 minutes"),
            (3570, "1 hour"),
            (84_599, "23 hours"),
            (84_600, "1 day"),
            (3 * 86_400 - 1, "3 days"),
            (60 * 86_400, "2 months"),
            (729 * 86_400, "24 months"),
            (730 * 86_400, "2 years"),
        ] {
            assert_eq!(span_words(seconds), words, "{seconds}");
        }
    }
}
