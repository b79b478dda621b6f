//! The one parser for URLs: the API's base URL, redirect URIs, and the address that the web flow listens on.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::Uri;

use crate::base::text::is_hidden;

/// An http or https URL that has a host, and neither a user name nor a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    uri: Uri,
    scheme: &'static str,
    port: Option<u16>,
}

impl Url {
    /// Parses a URL.
    ///
    /// # Errors
    /// A predicate that says what is wrong: `has a fragment (#)`. It does not show the URL, which may have a password.
    pub(crate) fn parse(text: &str) -> Result<Url, String> {
        check_visible(text)?;
        Url::parse_visible(text).map_err(str::to_owned)
    }

    /// Parses a host and possibly a port, by the rules of a URL.
    ///
    /// # Errors
    /// A predicate that says what is wrong: `has an invalid port`; `invalid` if it is nothing like that.
    pub(crate) fn of_host(text: &str, invalid: &str) -> Result<Url, String> {
        if text.contains(['/', '?']) {
            return Err(invalid.to_owned());
        }
        check_visible(text)?;
        match Url::parse_visible(&format!("https://{text}")) {
            Ok(url) if is_host(url.host()) => Ok(url),
            Ok(_) | Err(INVALID) => Err(invalid.to_owned()),
            Err(what) => Err(what.to_owned()),
        }
    }

    fn parse_visible(text: &str) -> Result<Url, &'static str> {
        if text.bytes().any(|b| b == b' ' || b == b'\\') {
            return Err("contains a space or a backslash");
        }
        // `Uri` would drop it silently.
        if text.contains('#') {
            return Err("has a fragment (#)");
        }
        let after = text.split_once("://").map_or("", |(_, rest)| rest);
        let authority = after.split(['/', '?']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        if !host.is_ascii() {
            return Err("has a host that is not ASCII: give its ASCII form (xn--...)");
        }
        let uri: Uri = text.parse().map_err(|_| INVALID)?;
        let scheme = match uri.scheme_str() {
            Some("https") => "https",
            Some("http") => "http",
            _ => return Err("must start with https://"),
        };
        let authority = uri.authority().map(|a| a.as_str()).unwrap_or_default();
        if authority.contains('@') {
            return Err("contains a user name");
        }
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err("has no host");
        }
        let six = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        if six.is_some_and(|six| six.parse::<Ipv6Addr>().is_err()) {
            return Err(INVALID);
        }
        if six.is_none() {
            check_name(host)?;
        }
        // `Uri` accepts "h:", "h:99999" and "[::1]x" as URLs without a port.
        let port = match authority[host.len()..].strip_prefix(':') {
            None if authority.len() == host.len() => None,
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
                Some(port.parse().ok().filter(|port| *port > 0).ok_or("has an invalid port")?)
            }
            _ => return Err(INVALID),
        };
        Ok(Url { scheme, port, uri })
    }

    /// Returns `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Returns the host and, if the URL has one, the port: `localhost:3000`.
    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map(|a| a.as_str()).unwrap_or_default()
    }

    /// Returns the host; an IPv6 address has brackets.
    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    /// Returns the host; an IPv6 address has no brackets.
    pub(crate) fn bare_host(&self) -> &str {
        self.host().trim_matches(['[', ']'])
    }

    /// Returns the port, if the URL has one.
    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    /// Returns the path, or `/` if the URL has none.
    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }

    /// Returns the query, if the URL has one.
    pub(crate) fn query(&self) -> Option<&str> {
        self.uri.query()
    }
}

/// How [`Url::parse`] says that a text is no URL.
const INVALID: &str = "is not a valid URL";

/// Checks that a text has no invisible character. In what was pasted from a document, it is often the one at fault.
fn check_visible(text: &str) -> Result<(), String> {
    match text.chars().find(|&c| is_hidden(c) || is_noncharacter(c)) {
        Some(c) => Err(format!("contains the invisible character '{}'", c.escape_default())),
        None => Ok(()),
    }
}

/// Returns whether the host of a URL is a name with only letters, digits, `-`, `.` and `_`, or an IPv6 address.
pub(crate) fn is_host(host: &str) -> bool {
    let name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.' || b == b'_';
    host.starts_with('[') || (host.len() <= 253 && host.bytes().all(name))
}

/// Returns whether Unicode reserves a code point for internal use. The URL standard allows none of them.
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// Checks a host that is not an IPv6 address, by the URL standard: it has no forbidden character, and is an IPv4 address
/// if its last label is a number.
fn check_name(host: &str) -> Result<(), &'static str> {
    if host.contains(['%', '^', '|', '<', '>', '[', ']', ':']) {
        return Err("is not a valid URL");
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let is_number = match hex {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()),
    };
    if is_number && name.parse::<Ipv4Addr>().is_err() {
        return Err("has a host that is not a valid IPv4 address");
    }
    Ok(())
}

/// Returns whether a host is loopback by name, without a lookup: `localhost`, 127.0.0.0/8 or `::1`.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || host.trim_matches(['[', ']']).parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
}

/// Returns whether a host is one of Heroku's by name.
pub(crate) fn is_heroku(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    [".heroku.com", ".herokudev.com"].iter().any(|domain| host.ends_with(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_into_its_parts() {
        let url = Url::parse("HTTP://[::1]:8080/a/b?c=d").expect("a URL");
        assert_eq!((url.scheme(), url.authority()), ("http", "[::1]:8080"));
        assert_eq!((url.host(), url.bare_host(), url.port()), ("[::1]", "::1", Some(8080)));
        assert_eq!((url.path(), url.query()), ("/a/b", Some("c=d")));
        let url = Url::parse("https://h").expect("a URL");
        assert_eq!((url.port(), url.path(), url.query()), (None, "/", None));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for (bad, what) in [
            ("", "is not a valid URL"),
            ("https://", "is not a valid URL"),
            ("https:///x", "is not a valid URL"),
            ("javascript:alert(1)", "must start with https://"),
            ("https://h:1:2", "is not a valid URL"),
            ("https://h:", "has an invalid port"),
            ("https://h:0", "has an invalid port"),
            ("https://h:99999", "has an invalid port"),
            ("https://h:+80", "is not a valid URL"),
            ("https://h:x", "is not a valid URL"),
            ("https://[::1", "is not a valid URL"),
            ("https://[::1]x", "is not a valid URL"),
            ("https://[::1%25lo]", "is not a valid URL"),
            ("https://[127.0.0.1]", "is not a valid URL"),
            ("https://api.[::1]", "is not a valid URL"),
            ("https://h%2f", "is not a valid URL"),
            ("https://b\u{fc}cher.example", "has a host that is not ASCII: give its ASCII form (xn--...)"),
            ("https://b\u{fc}cher@h", "is not a valid URL"),
            ("https://h/<", "is not a valid URL"),
            ("https://:80", "has no host"),
            ("h", "must start with https://"),
            ("ftp://h", "must start with https://"),
            ("https://u@h", "contains a user name"),
            ("https://u:p%40w@h", "contains a user name"),
            ("http://127.0.0.1@evil.example", "contains a user name"),
            ("https://h/#x", "has a fragment (#)"),
            ("https://h#@x", "has a fragment (#)"),
            ("https://a b", "contains a space or a backslash"),
            ("https://h\r\nEvil: 1", r"contains the invisible character '\r'"),
            ("https://h/\0", r"contains the invisible character '\u{0}'"),
            ("https://h/\u{7f}", r"contains the invisible character '\u{7f}'"),
            ("https://h/\u{85}", r"contains the invisible character '\u{85}'"),
            ("https://h/\u{a0}x", r"contains the invisible character '\u{a0}'"),
            ("https://h\u{200b}/", r"contains the invisible character '\u{200b}'"),
            ("\u{feff}https://h/", r"contains the invisible character '\u{feff}'"),
            ("https://h/\u{3000}", r"contains the invisible character '\u{3000}'"),
            ("https://h/\u{ad}", r"contains the invisible character '\u{ad}'"),
            ("https://h/\u{202e}", r"contains the invisible character '\u{202e}'"),
            ("https://h/\u{2028}", r"contains the invisible character '\u{2028}'"),
            ("https://h/\u{ffff}", r"contains the invisible character '\u{ffff}'"),
            ("https://h/\u{fdd0}", r"contains the invisible character '\u{fdd0}'"),
            ("https://h/?\u{a0}", r"contains the invisible character '\u{a0}'"),
            ("https://h\t/", r"contains the invisible character '\t'"),
            ("https://256.1.1.1", "has a host that is not a valid IPv4 address"),
            ("https://1.2.3.4.5", "has a host that is not a valid IPv4 address"),
            ("https://1.2.3.08", "has a host that is not a valid IPv4 address"),
            ("https://h.0x", "has a host that is not a valid IPv4 address"),
            ("https://h.0x7f./", "has a host that is not a valid IPv4 address"),
            ("https://example.1", "has a host that is not a valid IPv4 address"),
            ("https://h^x/", "is not a valid URL"),
            ("https://h|x/", "is not a valid URL"),
            ("https://h<x/", "is not a valid URL"),
            ("https://%31.example/", "is not a valid URL"),
            ("https://h:-1", "is not a valid URL"),
            ("https://h:65536", "has an invalid port"),
            ("https://h:80\u{a0}", r"contains the invisible character '\u{a0}'"),
            ("https://h\\@x", "contains a space or a backslash"),
        ] {
            assert_eq!(Url::parse(bad), Err(what.to_owned()), "{bad:?}");
        }
    }

    #[test]
    fn loopback_is_recognised_by_name() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example", "10.0.0.1", "[::2]", "0.0.0.0", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
