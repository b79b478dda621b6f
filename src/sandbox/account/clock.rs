//! Wall-clock time as the API writes it: RFC 3339 in bodies, IMF-fixdate in headers.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Seconds since the Unix epoch, whole, by the system's clock.
pub(in crate::sandbox) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

/// The instant `at` (Unix seconds), clamped to the years RFC 3339 can write.
fn instant(at: i64) -> OffsetDateTime {
    const LAST: i64 = 253_402_300_799; // 9999-12-31T23:59:59Z
    OffsetDateTime::from_unix_timestamp(at.clamp(0, LAST)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// `at` (Unix seconds) as `2026-01-02T03:04:05Z`.
pub(in crate::sandbox) fn rfc3339(at: i64) -> String {
    instant(at).format(&Rfc3339).unwrap_or_default()
}

/// Unix seconds of an RFC 3339 date and time; a fraction of a second is dropped.
pub(in crate::sandbox) fn parse_rfc3339(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

/// `at` (Unix seconds) as `Fri, 02 Jan 2026 03:04:05 GMT` (RFC 9110, IMF-fixdate).
pub(in crate::sandbox) fn imf_fixdate(at: i64) -> String {
    let t = instant(at);
    let (weekday, month) = (t.weekday().to_string(), t.month().to_string());
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        weekday.get(..3).unwrap_or_default(),
        t.day(),
        month.get(..3).unwrap_or_default(),
        t.year(),
        t.hour(),
        t.minute(),
        t.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_forms_of_their_rfcs() {
        assert_eq!(rfc3339(784_111_777), "1994-11-06T08:49:37Z");
        assert_eq!(imf_fixdate(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(parse_rfc3339("1994-11-06T09:49:37.5+01:00"), Some(784_111_777));
        assert_eq!(parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn far_instants_are_clamped() {
        assert_eq!(rfc3339(i64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(rfc3339(-5), "1970-01-01T00:00:00Z");
    }
}
