//! The specification of a fault: what goes wrong, for which requests, and how often.
//!
//! ```text
//! FAULT  = WHAT [ "@" [METHOD] [" "] [PATH] ] { ":" KEY "=" VALUE }
//! ```
//!
//! WHAT is one of the following. "Applied" means that the request takes effect before the fault happens.
//!
//! | WHAT | applied | what the client sees |
//! |---|---|---|
//! | `drop-before` | no | the connection closes without a response |
//! | `drop-after` | yes | the same |
//! | `reset` | yes | the connection is reset (TCP RST) |
//! | `429` | no | 429; `retry-after=SECONDS`, `=date+SECONDS` or `=epoch+SECONDS` adds a `Retry-After` in that form |
//! | `405` | no | 405, with the JSON error `method_not_allowed` |
//! | `500`, `503`, `504` | no | that status, with a JSON error |
//! | `502` | no | 502, with a page of HTML that contains terminal escapes |
//! | `500-after`, `502-after`, `503-after`, `504-after` | yes | that error, as above |
//! | `late` | `ms=N` later | 504 at once |
//! | `slow` | yes | the response `ms=N` later; this fault adds to others |
//! | `drip` | yes | the response one byte at a time, `ms=N` apart |
//! | `cut` | yes | half of the body, then the connection closes |
//! | `redirect` | no | a redirect to `to=URL`, with `status=302` (the default), 307 or 308 |
//! | `garbage` | yes | a body that is not JSON |
//! | `null` | yes | the body `null` |
//! | `types` | yes | ids that are numbers and nested objects that are arrays |
//! | `dup` | yes | objects with two `id` members, the true one last |
//! | `mask` | yes | a response in which every secret is masked |
//! | `replay` | yes | the response to the first request that it hits, again and again |
//! | `id` | yes | `to=TEXT` as the id of the object, or of the first one of a list |
//! | `nested-id` | yes | `to=TEXT` as the ids of the objects in that object: its client, session and tokens |
//! | `text` | yes | the JSON `to=JSON`, as it is, as the description or name of that object |
//! | `member` | yes | the members of the JSON object `to=JSON`, also nested ones, in that object |
//! | `warn` | yes | a warning header that quotes each secret in the body |
//! | `answer` | yes | the true response with `status=N` |
//! | `bignum` | yes | `expires_in`, and an unknown member, beyond 64 bits |
//! | `badutf8` | yes | a string that is not UTF-8 |
//! | `loop` | yes | a `Next-Range` that asks for the same page again |
//! | `partial` | yes | the status 206 without a `Next-Range` |
//! | `endless` | yes | a `Next-Range` that is new each time and leads to the same page |
//! | `huge` | no | an endless body |
//! | `huge-headers` | no | endless headers |
//! | `interim` | no | endless interim responses (103) |
//! | `gzip-bomb` | no | a small gzip body that unpacks to 1 GiB of JSON |
//! | `many` | no | a list of five million objects, or an object with a list of millions of numbers |
//! | `wide` | no | an object with millions of members |
//! | `deep` | no | an object with arrays nested a million deep |
//! | `quote` | no | an error, `status=422` (the default) or another from 400 to 599, whose message, warning and request id quote the caller's token and every secret of the account |
//!
//! METHOD is an HTTP method, or `*` for any. PATH is the beginning of a path; with `$` at its end it is the whole path.
//! A `*` in it stands for one whole segment. These keys limit every fault to some of the requests that match:
//!
//! | KEY | requests |
//! |---|---|
//! | `after=K` | all but the first K |
//! | `count=N` | at most N |
//! | `p=F` | each with probability F, from 0 to 1, drawn from the seed |
//!
//! If several faults match a request, the first one that fires happens; later ones do not count the request.
//!
//! Example: `drop-after@POST /oauth/authorizations$:count=1`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A fault, parsed from its specification, for example `drop-after@POST /oauth/clients:count=1`.
///
/// oauth-sandbox(1) lists all faults and keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The specification as given.
    pub(in crate::sandbox) spec: String,
    pub(in crate::sandbox) kind: FaultKind,
    /// `None` means any method.
    method: Option<String>,
    path: String,
    pub(in crate::sandbox) after: u64,
    pub(in crate::sandbox) count: u64,
    pub(in crate::sandbox) chance: Option<f64>,
}

/// The form of a `Retry-After` header, with the seconds from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum RetryAfter {
    Seconds(u32),
    Date(u32),
    Epoch(u32),
}

/// The kinds of faults; the table above describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) enum FaultKind {
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
    Partial,
    GzipBomb,
    Null,
    Types,
    Dup,
    Mask,
    Replay,
    Id(String),
    NestedId(String),
    Text(String),
    Member(String),
    Warn,
    Answer(u16),
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

impl FaultKind {
    /// Returns whether the request is applied before the response.
    pub(in crate::sandbox) fn applied(&self) -> bool {
        match self {
            FaultKind::DropBefore
            | FaultKind::TooMany(_)
            | FaultKind::Late(_)
            | FaultKind::Redirect { .. }
            | FaultKind::Huge
            | FaultKind::HugeHeaders
            | FaultKind::GzipBomb
            | FaultKind::Many
            | FaultKind::Wide
            | FaultKind::Deep
            | FaultKind::Interim
            | FaultKind::Quote(_) => false,
            FaultKind::Status { applied, .. } => *applied,
            _ => true,
        }
    }
}

/// A specification that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultError {
    spec: String,
    problem: String,
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault {:?}: {}", self.spec, self.problem)
    }
}

impl std::error::Error for FaultError {}

/// The faults without keys of their own.
const SIMPLE: [(&str, FaultKind); 32] = [
    ("drop-before", FaultKind::DropBefore),
    ("drop-after", FaultKind::DropAfter),
    ("405", FaultKind::Status { status: 405, applied: false }),
    ("500", FaultKind::Status { status: 500, applied: false }),
    ("502", FaultKind::Status { status: 502, applied: false }),
    ("503", FaultKind::Status { status: 503, applied: false }),
    ("504", FaultKind::Status { status: 504, applied: false }),
    ("500-after", FaultKind::Status { status: 500, applied: true }),
    ("502-after", FaultKind::Status { status: 502, applied: true }),
    ("503-after", FaultKind::Status { status: 503, applied: true }),
    ("504-after", FaultKind::Status { status: 504, applied: true }),
    ("cut", FaultKind::Cut),
    ("garbage", FaultKind::Garbage),
    ("huge", FaultKind::Huge),
    ("huge-headers", FaultKind::HugeHeaders),
    ("loop", FaultKind::Loop),
    ("partial", FaultKind::Partial),
    ("gzip-bomb", FaultKind::GzipBomb),
    ("null", FaultKind::Null),
    ("types", FaultKind::Types),
    ("dup", FaultKind::Dup),
    ("mask", FaultKind::Mask),
    ("replay", FaultKind::Replay),
    ("bignum", FaultKind::Bignum),
    ("badutf8", FaultKind::BadUtf8),
    ("warn", FaultKind::Warn),
    ("reset", FaultKind::Reset),
    ("endless", FaultKind::Endless),
    ("many", FaultKind::Many),
    ("wide", FaultKind::Wide),
    ("deep", FaultKind::Deep),
    ("interim", FaultKind::Interim),
];
/// The faults with keys of their own, which [`kind_of`] reads.
const WITH_KEYS: [&str; 11] =
    ["429", "late", "slow", "drip", "redirect", "quote", "id", "nested-id", "text", "member", "answer"];
const KEYS: [&str; 7] = ["after", "count", "p", "retry-after", "ms", "to", "status"];

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(spec: &str) -> Result<Fault, FaultError> {
        parse(spec).map_err(|problem| FaultError { spec: spec.to_owned(), problem })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spec)
    }
}

impl Fault {
    /// Returns the names of all faults.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SIMPLE.iter().map(|(name, _)| *name).chain(WITH_KEYS)
    }

    /// Returns whether a request has the fault's method and path.
    pub(in crate::sandbox) fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|m| m == method) && path_matches(&self.path, path)
    }
}

/// Returns whether a path begins with `pattern`, or equals it if it ends in `$`.
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

/// The keys of a specification that have not been read yet.
#[derive(Default)]
struct Options<'a>(Vec<(&'a str, String)>);

impl<'a> Options<'a> {
    fn read(text: &'a str) -> Result<Options<'a>, String> {
        let mut options: Vec<(&str, String)> = Vec::new();
        for word in text.split(':') {
            match (word.split_once('='), options.last_mut()) {
                (Some((key, value)), _) if KEYS.contains(&key) => {
                    if options.iter().any(|(earlier, _)| *earlier == key) {
                        return Err(format!("duplicate key {key}="));
                    }
                    options.push((key, value.to_owned()));
                }
                // The value of `to=` may contain colons itself, as a URL does.
                (_, Some(("to", url))) => {
                    url.push(':');
                    url.push_str(word);
                }
                _ => {
                    let known = KEYS.join("=, ");
                    let hint = if word.contains('@') {
                        "; `@METHOD PATH` comes directly after the fault's name"
                    } else {
                        ""
                    };
                    return Err(format!("unknown key {word:?}: expected one of {known}={hint}"));
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

    fn require<T>(value: Option<T>, name: &str, example: &str) -> Result<T, String> {
        value.ok_or_else(|| format!("{name} needs {example}"))
    }
}

fn parse(spec: &str) -> Result<Fault, String> {
    let (head, options) = spec.split_once(':').map_or((spec, None), |(h, o)| (h, Some(o)));
    let (name, place) = head.split_once('@').map_or((head, ""), |(n, p)| (n, p));
    let mut options = options.map(Options::read).transpose()?.unwrap_or_default();
    let kind = kind_of(name, &mut options)?;
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
        Some((key, _)) => Err(format!("{name} does not take {key}=")),
        None => Ok(Fault { spec: spec.to_owned(), kind, method, path, after, count, chance }),
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
            "{method:?} is neither a method (GET, POST, PATCH, DELETE, *) nor a path that begins with /"
        ));
    }
    let any = method.is_empty() || method == "*";
    Ok(((!any).then(|| method.to_owned()), path.to_owned()))
}

fn kind_of(name: &str, options: &mut Options<'_>) -> Result<FaultKind, String> {
    let millis = |options: &mut Options<'_>| -> Result<Duration, String> {
        let ms: Option<u32> = options.number("ms")?;
        Ok(Duration::from_millis(Options::require(ms, name, "ms=N")?.into()))
    };
    match name {
        "429" => Ok(FaultKind::TooMany(options.take("retry-after").map(retry_after).transpose()?)),
        "late" => Ok(FaultKind::Late(millis(options)?)),
        "slow" => Ok(FaultKind::Slow(millis(options)?)),
        "redirect" => {
            let to = options.take("to").filter(|to| !to.is_empty());
            let status = options.number("status")?.unwrap_or(302);
            if ![302, 307, 308].contains(&status) {
                return Err("status= must be 302, 307 or 308".to_owned());
            }
            Ok(FaultKind::Redirect { status, to: Options::require(to, name, "to=URL")? })
        }
        "id" | "nested-id" | "text" | "member" => {
            let to = Options::require(options.take("to"), name, "to=TEXT")?;
            Ok(match name {
                "id" => FaultKind::Id(to),
                "nested-id" => FaultKind::NestedId(to),
                "member" => FaultKind::Member(to),
                _ => FaultKind::Text(to),
            })
        }
        "drip" => Ok(FaultKind::Drip(millis(options)?)),
        "answer" => {
            let status = options.number("status")?;
            Ok(FaultKind::Answer(Options::require(status, name, "status=N")?))
        }
        "quote" => {
            let status = options.number("status")?.unwrap_or(422);
            if !(400..=599).contains(&status) {
                return Err("status= must be from 400 to 599".to_owned());
            }
            Ok(FaultKind::Quote(status))
        }
        _ => match SIMPLE.iter().find(|(simple, _)| *simple == name) {
            Some((_, kind)) => Ok(kind.clone()),
            None => {
                let names: Vec<&str> = Fault::names().collect();
                Err(format!("unknown fault {name:?}: expected one of {}", names.join(", ")))
            }
        },
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
            Err(format!("retry-after={text} is not SECONDS, date, date+SECONDS, epoch or epoch+SECONDS"))
        }
    }
}

#[cfg(test)]
mod tests;
