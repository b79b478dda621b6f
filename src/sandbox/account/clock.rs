//! Wall-clock time as the API writes it: RFC 3339 in bodies, IMF-fixdate in headers.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::{self, DateTime};
use jiff::fmt::{StdFmtWrite, rfc2822, temporal};
use jiff::{SignedDuration, Timestamp};

/// The epoch in civil time, which reaches to the end of the year 9999; a [`Timestamp`] ends a day before it.
const EPOCH: DateTime = civil::date(1970, 1, 1).at(0, 0, 0, 0);

/// Seconds since the Unix epoch, whole, by the system's clock.
pub(in crate::sandbox) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

/// `at` (Unix seconds) as `2026-01-02T03:04:05Z`, clamped to the years from 1970 to 9999.
pub(in crate::sandbox) fn rfc3339(at: i64) -> String {
    let at = EPOCH.saturating_add(SignedDuration::from_secs(at)).max(EPOCH);
    format!("{at:.0}Z")
}

/// Unix seconds of an RFC 3339 date and time; a fraction of a second is dropped.
pub(in crate::sandbox) fn parse_rfc3339(text: &str) -> Option<i64> {
    let pieces = temporal::Pieces::parse(text).ok()?;
    let local = DateTime::from_parts(pieces.date(), pieces.time()?);
    let offset = pieces.to_numeric_offset()?;
    Some(local.duration_since(EPOCH).as_secs() - i64::from(offset.seconds()))
}

/// `at` (Unix seconds) as `Fri, 02 Jan 2026 03:04:05 GMT` (RFC 9110, IMF-fixdate).
pub(in crate::sandbox) fn imf_fixdate(at: i64) -> String {
    let at = Timestamp::from_second(at.max(0)).unwrap_or(Timestamp::MAX);
    let mut text = String::new();
    // A text in memory takes whatever is written.
    let _ = rfc2822::DateTimePrinter::new().print_timestamp_rfc9110(&at, StdFmtWrite(&mut text));
    text
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
        assert_eq!(parse_rfc3339("9999-12-31T23:59:59Z"), Some(253_402_300_799));
        assert_eq!(imf_fixdate(i64::MAX), "Thu, 30 Dec 9999 22:00:00 GMT");
        assert_eq!(imf_fixdate(i64::MIN), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
