//! Faults: what goes wrong, for which requests, and how often.
//!
//! ```text
//! FAULT  = WHAT [ "@" [METHOD] [" "] [PATH] ] { ":" KEY "=" VALUE }
//! ```
//!
//! WHAT is one of
//!
//! | WHAT | what happens |
//! |---|---|
//! | `drop-before` | nothing is done, the connection is closed |
//! | `drop-after` | the request is done, the connection is closed without an answer |
//! | `429` | nothing is done; `retry-after=SECONDS`, `=date+SECONDS` or `=epoch+SECONDS` adds a `Retry-After` in that form |
//! | `500`, `503`, `504` | nothing is done, a JSON error is answered |
//! | `502` | the same with a page of HTML that holds terminal escapes |
//! | `500-after` … `504-after` | the request is done, then that error is answered |
//! | `late` | an error (504) is answered at once, and the request is done `ms=N` later |
//! | `cut` | done; half of the body arrives, then the connection is closed |
//! | `garbage` | done; the body is not JSON |
//! | `slow` | done; the answer comes `ms=N` later (this one adds to others) |
//! | `redirect` | nothing is done; a redirect `to=URL`, with `status=302` (the default), 307 or 308 |
//! | `huge` | nothing is done; a body without end |
//! | `huge-headers` | nothing is done; headers without end |
//! | `drip` | done; one byte each `ms=N` |
//! | `loop` | done; `Next-Range` asks for the same page again |
//! | `gzip-bomb` | nothing is done; a small gzip body that unpacks to 1 GiB of JSON |
//! | `null` | done; the body is `null` |
//! | `types` | done; ids are numbers, objects inside are arrays |
//! | `dup` | done; each object names its `id` twice, the true one last |
//! | `mask` | done; no secret stands whole in the answer |
//! | `bignum` | done; `expires_in`, and an unknown member, beyond 64 bits |
//! | `badutf8` | done; a string is not UTF-8 |
//! | `reset` | done; the connection is reset (TCP RST) instead of an answer |
//! | `endless` | done; `Next-Range` names the same page under ever new names |
//! | `many` | nothing is done; a list of five million objects, or an object with a list of millions of numbers |
//! | `wide` | nothing is done; an object with millions of members |
//! | `deep` | nothing is done; an object whose arrays are nested a million deep |
//! | `interim` | nothing is done; interim answers (103) without end |
//! | `quote` | nothing is done; an error, `status=422` (the default) or another from 400 to 599, whose message, warning and request id quote the caller's token and every secret of the account |
//!
//! METHOD is an HTTP method or `*`. PATH is a path's beginning, in which `*` stands for one
//! whole segment; with `$` at its end it is the whole path. The keys for all are
//!
//! | KEY | which of the requests that METHOD and PATH name |
//! |---|---|
//! | `after=K` | none of the first K |
//! | `count=N` | at most N |
//! | `p=F` | each with probability F, from 0 to 1, drawn from the seed |
//!
//! Of several faults the first that fires is the one; those after it do not see the request.
//!
//! Example: `drop-after@POST /oauth/authorizations$:count=1`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Something that goes wrong; made from a specification; see the grammar above.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The specification as it was given.
    pub(in crate::sandbox) spec: String,
    pub(in crate::sandbox) what: What,
    /// `None` is any.
    method: Option<String>,
    path: String,
    pub(in crate::sandbox) after: u64,
    pub(in crate::sandbox) count: u64,
    pub(in crate::sandbox) chance: Option<f64>,
}

/// The form of a `Retry-After`, with the seconds from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum RetryAfter {
    Seconds(u32),
    Date(u32),
    Epoch(u32),
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) enum What {
    DropBefore,
    DropAfter,
    TooMany(Option<RetryAfter>),
    Status { status: u16, applied: bool },
    Late(Duration),
    Cut,
    Garbage,
    Slow(Duration),
    Redirect { status: u16, to: String },
    Huge,
    HugeHeaders,
    Drip(Duration),
    Loop,
    GzipBomb,
    Null,
    Types,
    Dup,
    Mask,
    Bignum,
    BadUtf8,
    Reset,
    Endless,
    Many,
    Wide,
    Deep,
    Interim,
    Quote(u16),
}

impl What {
    /// Whether the request is done before the answer.
    pub(in crate::sandbox) fn applied(&self) -> bool {
        match self {
            What::DropBefore
            | What::TooMany(_)
            | What::Late(_)
            | What::Redirect { .. }
            | What::Huge
            | What::HugeHeaders
            | What::GzipBomb
            | What::Many
            | What::Wide
            | What::Deep
            | What::Interim
            | What::Quote(_) => false,
            What::Status { applied, .. } => *applied,
            _ => true,
        }
    }
}

/// Why a fault's specification is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultError {
    spec: String,
    what: String,
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault {:?}: {}", self.spec, self.what)
    }
}

impl std::error::Error for FaultError {}

const NAMES: &str = "drop-before, drop-after, 429, 500, 502, 503, 504, 500-after, 502-after, \
    503-after, 504-after, late, cut, garbage, slow, redirect, huge, huge-headers, drip, loop, \
    gzip-bomb, null, types, dup, mask, bignum, badutf8, reset, endless, many, wide, deep, interim, quote";
const KEYS: [&str; 7] = ["after", "count", "p", "retry-after", "ms", "to", "status"];

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(spec: &str) -> Result<Fault, FaultError> {
        parse(spec).map_err(|what| FaultError { spec: spec.to_owned(), what })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spec)
    }
}

impl Fault {
    /// Whether a request is one of those it is meant for.
    pub(in crate::sandbox) fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|m| m == method) && path_matches(&self.path, path)
    }
}

/// Whether a path begins as `pattern` says, or is it, if that ends in `$`.
fn path_matches(pattern: &str, path: &str) -> bool {
    let (pattern, whole) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut segments = path.split('/');
    let mut wanted = pattern.split('/').peekable();
    while let Some(want) = wanted.next() {
        let Some(have) = segments.next() else {
            return false;
        };
        let begun = wanted.peek().is_none() && !whole && have.starts_with(want);
        if !(begun || want == have || (want == "*" && !have.is_empty())) {
            return false;
        }
    }
    !whole || segments.next().is_none()
}

/// The values of a specification's keys.
#[derive(Default)]
struct Options<'a>(Vec<(&'a str, String)>);

impl<'a> Options<'a> {
    fn read(text: &'a str) -> Result<Options<'a>, String> {
        let mut options: Vec<(&str, String)> = Vec::new();
        for word in text.split(':') {
            match (word.split_once('='), options.last_mut()) {
                (Some((key, value)), _) if KEYS.contains(&key) => {
                    if options.iter().any(|(earlier, _)| *earlier == key) {
                        return Err(format!("{key} is given twice"));
                    }
                    options.push((key, value.to_owned()));
                }
                // A URL holds colons of its own.
                (_, Some(("to", url))) => {
                    url.push(':');
                    url.push_str(word);
                }
                _ => {
                    let known = KEYS.join("=, ");
                    let hint = if word.contains('@') {
                        "; `@METHOD PATH` follows the fault's name directly"
                    } else {
                        ""
                    };
                    return Err(format!("{word:?} is none of {known}={hint}"));
                }
            }
        }
        Ok(Options(options))
    }

    fn take(&mut self, key: &str) -> Option<String> {
        let at = self.0.iter().position(|(k, _)| *k == key)?;
        Some(self.0.remove(at).1)
    }

    fn number<T: FromStr>(&mut self, key: &str) -> Result<Option<T>, String> {
        let Some(text) = self.take(key) else {
            return Ok(None);
        };
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.map(Some).ok_or_else(|| format!("{key}={text} is not a whole number"))
    }

    fn need<T>(value: Option<T>, name: &str, example: &str) -> Result<T, String> {
        value.ok_or_else(|| format!("{name} needs {example}"))
    }
}

fn parse(spec: &str) -> Result<Fault, String> {
    let (head, options) = spec.split_once(':').map_or((spec, None), |(h, o)| (h, Some(o)));
    let (name, place) = head.split_once('@').map_or((head, ""), |(n, p)| (n, p));
    let mut options = options.map(Options::read).transpose()?.unwrap_or_default();
    let what = what(name, &mut options)?;
    let (method, path) = place_of(place)?;
    let after = options.number("after")?.unwrap_or(0);
    let count = options.number("count")?.unwrap_or(u64::MAX);
    let chance = match options.take("p") {
        None => None,
        Some(text) => match text.parse::<f64>() {
            Ok(p) if (0.0..=1.0).contains(&p) => Some(p),
            _ => return Err(format!("p={text} is not a number from 0 to 1")),
        },
    };
    match options.0.first() {
        Some((key, _)) => Err(format!("{key}= means nothing for {name}")),
        None => Ok(Fault { spec: spec.to_owned(), what, method, path, after, count, chance }),
    }
}

fn place_of(place: &str) -> Result<(Option<String>, String), String> {
    let (method, path) = match place.find('/') {
        Some(at) => place.split_at(at),
        None => (place, ""),
    };
    let method = method.trim();
    if !method.bytes().all(|b| b.is_ascii_uppercase()) && method != "*" {
        return Err(format!(
            "{method:?} is no method (GET, POST, PATCH, DELETE, *) nor a path beginning with /"
        ));
    }
    let any = method.is_empty() || method == "*";
    Ok(((!any).then(|| method.to_owned()), path.to_owned()))
}

fn what(name: &str, options: &mut Options<'_>) -> Result<What, String> {
    let millis = |options: &mut Options<'_>| -> Result<Duration, String> {
        let ms: Option<u32> = options.number("ms")?;
        Ok(Duration::from_millis(Options::need(ms, name, "ms=N")?.into()))
    };
    let status = |status, applied| Ok(What::Status { status, applied });
    match name {
        "drop-before" => Ok(What::DropBefore),
        "drop-after" => Ok(What::DropAfter),
        "429" => Ok(What::TooMany(options.take("retry-after").map(retry_after).transpose()?)),
        "500" => status(500, false),
        "502" => status(502, false),
        "503" => status(503, false),
        "504" => status(504, false),
        "500-after" => status(500, true),
        "502-after" => status(502, true),
        "503-after" => status(503, true),
        "504-after" => status(504, true),
        "late" => Ok(What::Late(millis(options)?)),
        "cut" => Ok(What::Cut),
        "garbage" => Ok(What::Garbage),
        "slow" => Ok(What::Slow(millis(options)?)),
        "redirect" => {
            let to = options.take("to").filter(|to| !to.is_empty());
            let status = options.number("status")?.unwrap_or(302);
            if ![302, 307, 308].contains(&status) {
                return Err("status= is 302, 307 or 308".to_owned());
            }
            Ok(What::Redirect { status, to: Options::need(to, name, "to=URL")? })
        }
        "huge" => Ok(What::Huge),
        "huge-headers" => Ok(What::HugeHeaders),
        "drip" => Ok(What::Drip(millis(options)?)),
        "loop" => Ok(What::Loop),
        "gzip-bomb" => Ok(What::GzipBomb),
        "null" => Ok(What::Null),
        "types" => Ok(What::Types),
        "dup" => Ok(What::Dup),
        "mask" => Ok(What::Mask),
        "bignum" => Ok(What::Bignum),
        "badutf8" => Ok(What::BadUtf8),
        "reset" => Ok(What::Reset),
        "endless" => Ok(What::Endless),
        "many" => Ok(What::Many),
        "wide" => Ok(What::Wide),
        "deep" => Ok(What::Deep),
        "interim" => Ok(What::Interim),
        "quote" => {
            let status = options.number("status")?.unwrap_or(422);
            if !(400..=599).contains(&status) {
                return Err("status= is an error's, 400 to 599".to_owned());
            }
            Ok(What::Quote(status))
        }
        _ => Err(format!("{name:?} is none of {NAMES}")),
    }
}

fn retry_after(text: String) -> Result<RetryAfter, String> {
    let (form, seconds): (fn(u32) -> RetryAfter, &str) = if let Some(rest) = text.strip_prefix("date") {
        (RetryAfter::Date, rest.strip_prefix('+').unwrap_or(rest))
    } else if let Some(rest) = text.strip_prefix("epoch") {
        (RetryAfter::Epoch, rest.strip_prefix('+').unwrap_or(rest))
    } else {
        (RetryAfter::Seconds, text.as_str())
    };
    let bare = text == "date" || text == "epoch";
    match if bare { Ok(1) } else { seconds.parse() } {
        Ok(seconds) => Ok(form(seconds)),
        Err(_) => {
            Err(format!("retry-after={text} is none of SECONDS, date, date+SECONDS, epoch, epoch+SECONDS"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(spec: &str) -> Fault {
        spec.parse().unwrap()
    }

    fn error(spec: &str) -> String {
        spec.parse::<Fault>().unwrap_err().to_string()
    }

    #[test]
    fn every_name_in_the_list_is_a_fault() {
        for name in NAMES.split(", ") {
            let options = match name.trim() {
                "slow" | "drip" | "late" => ":ms=5",
                "redirect" => ":to=http://127.0.0.1:9/x@y:z",
                _ => "",
            };
            let spec = format!("{}@GET /oauth{options}:count=2", name.trim());
            assert_eq!(fault(&spec).to_string(), spec);
        }
    }

    #[test]
    fn options_mean_what_they_say() {
        let f = fault("redirect@*:to=http://h:1/a:b:count=3:after=2:status=307:p=0.5");
        assert_eq!(f.what, What::Redirect { status: 307, to: "http://h:1/a:b".into() });
        assert_eq!((f.method, f.count, f.after, f.chance), (None, 3, 2, Some(0.5)));
        let retry = |spec: &str| fault(spec).what;
        assert_eq!(retry("429"), What::TooMany(None));
        assert_eq!(retry("429:retry-after=3"), What::TooMany(Some(RetryAfter::Seconds(3))));
        assert_eq!(retry("429:retry-after=date"), What::TooMany(Some(RetryAfter::Date(1))));
        assert_eq!(retry("429:retry-after=epoch+7"), What::TooMany(Some(RetryAfter::Epoch(7))));
    }

    #[test]
    fn errors_say_what_is_wrong_and_what_is_allowed() {
        for (spec, text) in [
            ("", "\"\" is none of drop-before,"),
            ("401", "\"401\" is none of"),
            ("cut@get /x", "is no method (GET,"),
            ("cut:count=x", "count=x is not a whole number"),
            ("cut:count=+1", "count=+1 is not a whole number"),
            ("cut:p=2", "p=2 is not a number from 0 to 1"),
            ("cut:p=NaN", "is not a number"),
            ("cut:count=1:count=2", "count is given twice"),
            ("cut:ms=1", "ms= means nothing for cut"),
            ("cut:often", "\"often\" is none of after=, count=,"),
            ("slow", "slow needs ms=N"),
            ("slow:ms=1@GET", "ms=1@GET is not a whole number"),
            ("cut:x@GET", "follows the fault's name directly"),
            ("redirect", "redirect needs to=URL"),
            ("redirect:to=http://h:status=200", "status= is 302, 307 or 308"),
            ("quote:status=200", "400 to 599"),
            ("429:retry-after=soon", "is none of SECONDS"),
        ] {
            assert!(error(spec).contains(text), "{}", error(spec));
        }
    }

    #[test]
    fn places_are_prefixes_or_whole_paths() {
        let hit = |spec: &str, method: &str, path: &str| fault(spec).matches(method, path);
        assert!(hit("cut", "GET", "/anything"));
        assert!(hit("cut@/oauth/c", "GET", "/oauth/clients/x"));
        assert!(hit("cut@GET/oauth", "GET", "/oauth/clients"));
        assert!(!hit("cut@POST /oauth", "GET", "/oauth/clients"));
        assert!(hit("cut@POST /oauth/clients$", "POST", "/oauth/clients"));
        assert!(!hit("cut@POST /oauth/clients$", "POST", "/oauth/clients/x"));
        assert!(hit("cut@/oauth/*/x/actions", "POST", "/oauth/clients/x/actions/rotate"));
        assert!(hit("cut@/oauth/clients/*$", "GET", "/oauth/clients/x"));
        assert!(!hit("cut@/oauth/clients/*$", "GET", "/oauth/clients"));
        assert!(!hit("cut@/oauth/clients/*$", "GET", "/oauth/clients/x/y"));
    }
}
