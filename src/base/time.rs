//! Timestamps and durations: RFC 3339, HTTP dates, `8h`, "in 3 days".

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::{self, DateTime};
use jiff::fmt::{friendly, rfc2822, temporal};
use jiff::{SignedDuration, SpanRelativeTo};

/// 1970-01-01T00:00:00Z. Timestamps are civil times because [`jiff::Timestamp`] ends a day before
/// 9999-12-31T23:59:59Z, which is often used for "never".
const EPOCH: DateTime = civil::date(1970, 1, 1).at(0, 0, 0, 0);

/// The first and the last second that RFC 3339 can write: those of the years 0 and 9999.
pub(crate) const FIRST: Unix = -62_167_219_200;
pub(crate) const LAST: Unix = 253_402_300_799;

/// A timestamp: seconds since 1970-01-01T00:00:00Z.
pub(crate) type Unix = i64;

/// Returns the current time of the system's clock.
pub(crate) fn now() -> Unix {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as Unix)
}

/// Formats `at` as RFC 3339 in UTC. Returns `None` outside the years 0 to 9999.
pub fn rfc3339(at: Unix) -> Option<String> {
    let at = EPOCH.checked_add(SignedDuration::from_secs(at)).ok().filter(|t| t.year() >= 0)?;
    Some(format!("{at}Z"))
}

/// Parses an RFC 3339 timestamp. Fractions of a second are dropped.
pub fn parse_rfc3339(text: &str) -> Option<Unix> {
    let pieces = temporal::Pieces::parse(text).ok()?;
    // The name of a time zone, as in [Europe/Paris], could contradict the offset.
    if pieces.time_zone_annotation().is_some() {
        return None;
    }
    let local = DateTime::from_parts(pieces.date(), pieces.time()?);
    let offset = pieces.to_numeric_offset()?;
    Some(local.duration_since(EPOCH).as_secs() - i64::from(offset.seconds()))
}

/// Parses the date in a `Date` or `Retry-After` header line (RFC 9110, section 5.6.7, IMF-fixdate).
pub fn parse_http_date(text: &str) -> Option<Unix> {
    // RFC 2822 allows other zones, HTTP only GMT. A wrong day of the week is harmless.
    let parser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let at = parser.parse_timestamp(text).ok().filter(|_| text.ends_with("GMT"))?;
    Some(at.as_second())
}

/// A point in time as a user gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// `never`
    Never,
    /// A duration: before or after now.
    Span(Duration),
    /// A date: its first second in UTC; or an RFC 3339 timestamp.
    At(Unix),
}

impl When {
    /// Returns the point, if a duration begins now; `None` for never.
    pub fn from(self, now: Unix) -> Option<Unix> {
        match self {
            When::Never => None,
            When::Span(span) => Some(now + span.as_secs() as Unix),
            When::At(at) => Some(at),
        }
    }

    /// Returns the point, if a duration ends now; `None` for never.
    pub fn before(self, now: Unix) -> Option<Unix> {
        match self {
            When::Span(span) => Some(now - span.as_secs() as Unix),
            other => other.from(now),
        }
    }

    /// Returns the seconds from now; `None` for never.
    ///
    /// # Errors
    /// A message, if the point is not after now.
    pub fn seconds_left(self, now: Unix) -> Result<Option<u64>, String> {
        match self.from(now).map(|at| u64::try_from(at - now)) {
            None => Ok(None),
            Some(Ok(seconds)) if seconds > 0 => Ok(Some(seconds)),
            Some(_) if matches!(self, When::Span(_)) => Err("it would expire immediately".to_owned()),
            Some(_) => Err("it would expire in the past".to_owned()),
        }
    }
}

/// Parses a point in time: `never`, a date such as `2027-01-31`, an RFC 3339 timestamp, or a duration ([`parse_span`]).
///
/// A date means its beginning in UTC: the shorter life, and the smaller selection.
///
/// # Errors
/// A text that quotes the input and says what is allowed.
pub(crate) fn parse_when(text: &str) -> Result<When, String> {
    if text == "never" {
        return Ok(When::Never);
    }
    let is_date = text.len() == 10 && text.as_bytes().iter().filter(|b| **b == b'-').count() == 2;
    let midnight = if is_date { format!("{text}T00:00:00Z") } else { String::new() };
    if let Some(at) = parse_rfc3339(text).or_else(|| parse_rfc3339(&midnight)) {
        return Ok(When::At(at));
    }
    parse_span(text).map(When::Span).map_err(|what| format!("{what}, a date such as 2027-01-31, or never"))
}

/// Parses a duration: seconds, or numbers with units of a fixed length, such as `90m`, `30d` or `1d12h`.
///
/// A year has 365 days. Months are refused because their length varies, and fractions because `1,500m` is ambiguous. The longest
/// duration is `u32::MAX` seconds.
///
/// # Errors
/// A text that quotes the input and says what is allowed.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let whole = || -> Option<Duration> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().ok().map(Duration::from_secs);
        }
        let span = friendly::SpanParser::new().parse_span(text).ok()?;
        let days = i32::from(span.get_years()) * 365;
        let span = span.try_years(0).ok()?;
        let span = span.try_days(span.get_days().checked_add(days)?).ok()?;
        let span = Duration::try_from(span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?).ok()?;
        (span.subsec_nanos() == 0 && !text.contains(['.', ','])).then_some(span)
    };
    whole().filter(|span| span.as_secs() <= u64::from(u32::MAX)).ok_or_else(|| {
        format!("'{text}' is not a duration: use seconds, or numbers with s, m, h, d, w or y, such as 1d12h")
    })
}

/// Formats a duration in its largest unit, rounded: `45 s`, `3 minutes`, `1 day`.
pub fn span_words(seconds: u64) -> String {
    // The limits are where rounding would give 60 minutes or 24 hours.
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

/// Formats the distance from `now` to `at`: `in 3 days`, `2 hours ago`.
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
    fn rfc3339_and_http_dates_give_the_same_timestamp() {
        assert_eq!(parse_rfc3339("1994-11-06T08:49:37Z"), Some(784_111_777));
        assert_eq!(parse_rfc3339("1994-11-06T10:49:37+02:00"), Some(784_111_777));
        assert_eq!(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(rfc3339(784_111_777).as_deref(), Some("1994-11-06T08:49:37Z"));
        assert_eq!(parse_http_date("yesterday"), None);
    }

    #[test]
    fn rfc3339_dates_of_years_0_to_9999_are_parsed() {
        for (text, at) in [
            ("0000-01-01T00:00:00Z", -62_167_219_200),
            ("1994-11-06t08:49:37z", 784_111_777),
            ("1994-11-06 08:49:37.999-00:00", 784_111_777),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
            ("9999-12-31T23:59:59-23:59", 253_402_387_139),
        ] {
            assert_eq!(parse_rfc3339(text), Some(at), "{text}");
        }
        assert_eq!(rfc3339(253_402_300_799).as_deref(), Some("9999-12-31T23:59:59Z"));
        for beyond in [i64::MIN, -62_167_219_201, 253_402_300_800, i64::MAX] {
            assert_eq!(rfc3339(beyond), None, "{beyond}");
        }
    }

    #[test]
    fn rfc3339_dates_without_an_offset_or_with_a_zone_name_are_rejected() {
        for bad in [
            "",
            "1994-11-06",
            "1994-11-06T08:49:37",
            "1994-11-06T08:49:37Z[Europe/Paris]",
            "1994-11-06T24:00:00Z",
            "1994-02-29T00:00:00Z",
            " 1994-11-06T08:49:37Z",
            "1994-11-06T08:49:37Z ",
        ] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn http_dates_must_be_in_gmt() {
        assert_eq!(
            parse_http_date("Mon, 06 Nov 1994 08:49:37 GMT"),
            Some(784_111_777),
            "the wrong weekday is ignored"
        );
        for bad in [
            "Sun, 06 Nov 1994 08:49:37 EST",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "GMT",
            "",
        ] {
            assert_eq!(parse_http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_have_units_of_a_fixed_length() {
        for (text, seconds) in [
            ("90", 90),
            ("0", 0),
            ("10m", 600),
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            ("1d12h", 129_600),
            ("1d 12h", 129_600),
            ("1 day 2 hours", 93_600),
            ("1y", 31_536_000),
            ("1y2d", 31_708_800),
            ("2 years", 63_072_000),
            ("4294967295s", 4_294_967_295),
        ] {
            assert_eq!(parse_span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in [
            "",
            "d",
            "-1",
            "+1",
            "-1d",
            "1d ago",
            "1mo",
            "1 month",
            "1M",
            "12h1d",
            "1.5h",
            "1,500m",
            "1.0h",
            "500ms",
            "1d12",
            "1:30",
            "4294967296",
            "50000d",
            "99999999999999999999",
            "99999999999999999999d",
        ] {
            assert!(parse_span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn points_in_time_are_durations_dates_or_never() {
        assert_eq!(parse_when("never"), Ok(When::Never));
        assert_eq!(parse_when("1d12h"), Ok(When::Span(Duration::from_secs(129_600))));
        assert_eq!(parse_when("1994-11-06"), Ok(When::At(784_080_000)));
        assert_eq!(parse_when("1994-11-06T08:49:37Z"), Ok(When::At(784_111_777)));
        for bad in [
            "",
            "Never",
            "1994-11-6",
            "1994-02-29",
            "06-11-1994",
            "19941106-",
            "2027-13-01",
            "1994-11-06T08:49",
        ] {
            assert!(parse_when(bad).is_err(), "{bad}");
        }
        assert_eq!(When::At(50).seconds_left(20), Ok(Some(30)));
        assert_eq!(When::Never.seconds_left(20), Ok(None));
        assert!(
            When::At(20).seconds_left(20).is_err() && When::Span(Duration::ZERO).seconds_left(20).is_err()
        );
    }

    #[test]
    fn relative_times_are_rounded_to_the_largest_unit() {
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
