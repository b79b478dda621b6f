//! The environment: every variable that the suite knows is read here, and nowhere else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::base::error::Error;
use crate::base::secret::{Secret, check_token};
use crate::base::sync::lock;
use crate::base::url::{Url, is_loopback};

/// A variable and what it is for; the manual's ENVIRONMENT sections are held against this list.
pub const VARIABLES: [(&str, &str); 19] = [
    ("HEROKU_API_KEY", "the token to use"),
    ("HEROKU_API_TOKEN", "a common mistake for HEROKU_API_KEY, pointed out"),
    ("HEROKU_HOST", "the API's host or URL"),
    ("HEROKU_HEADERS", "extra headers, a JSON object"),
    ("HEROKU_NETRC_WRITE", "true: leave the keychain alone"),
    ("HEROKU_TWO_FACTOR_CODE", "the second factor"),
    ("OAUTH_LOG", "the file of --log"),
    ("HTTPS_PROXY", "the proxy for https"),
    ("https_proxy", "the same"),
    ("ALL_PROXY", "the proxy for everything"),
    ("all_proxy", "the same"),
    ("NO_PROXY", "hosts reached without a proxy"),
    ("no_proxy", "the same"),
    ("SSL_CERT_FILE", "trusted certificates"),
    ("SSL_CERT_DIR", "trusted certificates"),
    ("NO_COLOR", "no colour"),
    ("HOME", "where .netrc and the client's data are"),
    ("XDG_DATA_HOME", "where the official client's data is"),
    ("TERM", "dumb: no colour, no progress"),
];

/// A source of variables.
type Read = dyn Fn(&str) -> Option<OsString>;

/// A snapshot of the environment.
pub struct Config {
    vars: BTreeMap<&'static str, OsString>,
    read: Box<Read>,
    named: Mutex<Vec<String>>,
}

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Config {
        Config::from(|name| std::env::var_os(name))
    }

    /// Reads from any source of variables.
    pub fn from(read: impl Fn(&str) -> Option<OsString> + 'static) -> Config {
        let vars = VARIABLES.iter().filter_map(|&(name, _)| Some((name, read(name)?))).collect();
        Config { vars, read: Box::new(read), named: Mutex::default() }
    }

    /// A secret in a variable that the user has named.
    pub fn named(&self, name: &str) -> Option<String> {
        lock(&self.named).push(name.to_owned());
        (self.read)(name)?.into_string().ok()
    }

    /// The variables that [`Config::named`] was asked for: they hold secrets.
    pub fn secret_variables(&self) -> Vec<String> {
        lock(&self.named).clone()
    }

    fn raw(&self, name: &str) -> Option<&OsString> {
        self.vars.get(name).filter(|value| !value.is_empty())
    }

    /// A variable's text; an empty one counts as absent.
    ///
    /// # Errors
    /// An input error where it is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Error> {
        match self.raw(name) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                Some(text) => Ok(Some(text)),
                None => Err(Error::input(format!("{name} is not UTF-8"))),
            },
        }
    }

    /// Whether a variable is set to something.
    pub fn is_set(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// A path in a variable.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from)
    }

    /// `HEROKU_API_KEY`, checked to be something that can stand in a header.
    ///
    /// # Errors
    /// An input error, which does not show the value.
    pub fn api_key(&self) -> Result<Option<Secret>, Error> {
        self.secret("HEROKU_API_KEY")
    }

    /// `HEROKU_TWO_FACTOR_CODE`.
    ///
    /// # Errors
    /// An input error, which does not show the value.
    pub fn two_factor_code(&self) -> Result<Option<Secret>, Error> {
        self.secret("HEROKU_TWO_FACTOR_CODE")
    }

    fn secret(&self, name: &str) -> Result<Option<Secret>, Error> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => check_token(text)
                .map(|()| Some(Secret::new(text.to_owned())))
                .map_err(|what| Error::input(format!("{name} {what}"))),
        }
    }

    /// The API's address (WIRE.md, "base"): `HEROKU_HOST` whole if it is a URL, else `https://api.` before it.
    ///
    /// # Errors
    /// An input error where it is no host, or would send a token in the clear.
    pub fn base(&self) -> Result<Base, Error> {
        let value = self.text("HEROKU_HOST")?.unwrap_or("heroku.com");
        Base::parse(value).map_err(|what| Error::input(format!("HEROKU_HOST: {what}")))
    }

    /// The extra headers of `HEROKU_HEADERS`.
    ///
    /// # Errors
    /// An input error where it is no JSON object of strings, or would inject or replace a header of ours.
    pub fn headers(&self) -> Result<Vec<(String, String)>, Error> {
        let Some(text) = self.text("HEROKU_HEADERS")? else { return Ok(Vec::new()) };
        let wrong = |what: &str| Error::input(format!("HEROKU_HEADERS: {what}"));
        let map: BTreeMap<String, String> = serde_json::from_str(text)
            .map_err(|_| wrong("must be a JSON object whose values are strings"))?;
        for (name, value) in &map {
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if name.is_empty() || !name.bytes().all(token) {
                return Err(wrong("a name is not a header name"));
            }
            if !value.bytes().all(|b| (0x20..0x7f).contains(&b) || b == b'\t') {
                return Err(wrong("a value has a character that cannot stand in a header"));
            }
            const OURS: [&str; 8] = [
                "authorization",
                "host",
                "content-length",
                "content-type",
                "transfer-encoding",
                "connection",
                "range",
                "heroku-two-factor-code",
            ];
            if OURS.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(wrong(&format!("'{name}' is set by the tools")));
            }
        }
        Ok(map.into_iter().collect())
    }

    /// `SSL_CERT_FILE` and `SSL_CERT_DIR`, an empty file's name too: TLS takes it for a name.
    pub fn trusted(&self) -> (Option<&OsString>, Option<&OsString>) {
        (self.vars.get("SSL_CERT_FILE"), self.raw("SSL_CERT_DIR"))
    }

    /// The proxy for `base`, if one is to be used: curl's rules, and loopback always directly.
    ///
    /// # Errors
    /// An input error where a variable cannot be read; a proxy is never silently left out.
    pub fn proxy(&self, base: &Base) -> Result<Option<String>, Error> {
        if base.is_loopback() {
            return Ok(None);
        }
        let mut found = None;
        for name in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            if let Some(url) = self.text(name)? {
                found = Some(url);
                break;
            }
        }
        let Some(url) = found else { return Ok(None) };
        let except = match self.text("no_proxy")? {
            Some(list) => Some(list),
            None => self.text("NO_PROXY")?,
        };
        let direct = except.is_some_and(|list| is_excepted(list, base.host()));
        Ok((!direct).then(|| url.to_owned()))
    }
}

/// Whether a `NO_PROXY` list names `host` itself, a domain above it, or everything.
fn is_excepted(list: &str, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    list.split([',', ' ', '\t']).map(str::trim).filter(|item| !item.is_empty()).any(|item| {
        let item = item.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
        item == "*" || host == item || host.strip_suffix(&item).is_some_and(|rest| rest.ends_with('.'))
    })
}

/// The address of the API: a scheme, a host and a port, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base(Url);

impl Base {
    /// Parses the value of `HEROKU_HOST`.
    ///
    /// # Errors
    /// What is wrong: a path, user information, a character no host has, or http to a host that is not loopback.
    pub fn parse(value: &str) -> Result<Base, String> {
        let url = if value.contains("://") { value.to_owned() } else { format!("https://api.{value}") };
        let base = Base(Url::parse(&url).map_err(|what| format!("it {what}"))?);
        let host = base.host();
        let name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.' || b == b'_';
        let is_host = host.starts_with('[') || (host.len() <= 253 && host.bytes().all(name));
        if !is_host || base.0.path() != "/" || base.0.query().is_some() {
            return Err("must be a host name, or a URL with a host, an optional port and no path".to_owned());
        }
        if base.scheme() == "http" && !base.is_loopback() {
            return Err(format!("refusing to send a token to {host} over http: only loopback may be http"));
        }
        Ok(base)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.0.scheme()
    }

    /// The host, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.0.host()
    }

    /// The host and, if one was given, the port.
    pub fn authority(&self) -> &str {
        self.0.authority()
    }

    /// Where people are asked for their consent (WIRE.md, "Web flow"): the sandbox does that itself.
    pub fn consent(&self) -> String {
        match self.authority().strip_prefix("api.") {
            Some(domain) if !self.is_loopback() => format!("{}://id.{domain}", self.scheme()),
            _ => self.url(""),
        }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme(), self.authority())
    }

    /// Whether the host is this machine by its very name: `localhost`, 127.0.0.0/8 or `::1`.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &[(&str, &str)]) -> Config {
        let vars: Vec<(String, String)> = vars.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
        Config::from(move |name| vars.iter().find(|(n, _)| n == name).map(|(_, v)| v.into()))
    }

    #[test]
    fn the_host_is_production_unless_named() {
        let base = |host| with(&[("HEROKU_HOST", host)]).base().map(|b| b.url("/account"));
        assert_eq!(base("").ok().as_deref(), Some("https://api.heroku.com/account"));
        assert_eq!(base("staging.example").ok().as_deref(), Some("https://api.staging.example/account"));
        assert_eq!(base("https://h:8443/").ok().as_deref(), Some("https://h:8443/account"));
        for loopback in ["http://127.0.0.1:4000", "http://localhost:1", "http://[::1]:80"] {
            assert!(base(loopback).is_ok(), "{loopback}");
        }
        assert_eq!(base("HTTPS://h").ok().as_deref(), Some("https://h/account"));
        assert_eq!(base("h/").ok().as_deref(), Some("https://api.h/account"));
        for bad in [
            "http://localhost.evil.example",
            "http://api.heroku.com",
            "http://10.0.0.1",
            "https://user@h",
            "https://h/path",
            "https://h?x",
            "https://h?",
            "https://h//",
            "https://h#x",
            "h/path",
            "user@h",
            "h!",
            "[::1]",
            "ftp://h",
            "a b",
            "h:0",
            "h:99999",
            "h:",
            "h:+1",
            "http://127.0.0.1@evil.example",
            "https://[::1",
            "x\r\nEvil: 1",
        ] {
            let error = base(bad).expect_err(bad);
            assert_eq!(error.status(), 2, "{bad}");
        }
    }

    #[test]
    fn headers_cannot_be_injected() {
        let headers = |json| with(&[("HEROKU_HEADERS", json)]).headers();
        assert_eq!(headers(r#"{"X-A":"1"}"#).ok(), Some(vec![("X-A".into(), "1".into())]));
        for bad in [
            r#"{"X-A":"1\r\nEvil: 2"}"#,
            r#"{"X A":"1"}"#,
            r#"{"Authorization":"x"}"#,
            r#"{"":"1"}"#,
            "[]",
            r#"{"a":1}"#,
            "{",
        ] {
            assert!(headers(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_with_a_line_break_is_refused_and_not_shown() {
        let error = with(&[("HEROKU_API_KEY", "sekret\nEvil: 1")]).api_key().expect_err("refused");
        assert_eq!(error.to_string(), "HEROKU_API_KEY has a line break in it");
    }

    #[test]
    fn proxies_by_curls_rules() {
        let proxy = |no: &str, host: &str| {
            let config = with(&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", no)]);
            Base::parse(host).ok().and_then(|b| config.proxy(&b).ok().flatten()).is_some()
        };
        assert!(proxy("", "heroku.com"));
        assert!(!proxy("localhost, heroku.com", "heroku.com"));
        assert!(!proxy(".heroku.com", "heroku.com"));
        assert!(!proxy("*", "heroku.com"));
        assert!(proxy("roku.com", "heroku.com"));
        assert!(!proxy("", "http://127.0.0.1:9"), "loopback is always direct");
    }
}
