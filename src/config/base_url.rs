//! The API's base URL, from the value of `HEROKU_HOST`.

use crate::base::url::{Url, is_host, is_loopback};

/// The API's base URL: a scheme, a host and possibly a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base(Url);

impl Base {
    /// Parses the value of `HEROKU_HOST`: a URL, or a host `X` for `https://api.X` (docs/heroku-api.md, "Requests").
    ///
    /// # Errors
    /// A predicate that says what is wrong: there is a path or a user name, the host is invalid, or the token would go
    /// unencrypted to a host that is not loopback (docs/architecture.md, "Rules": Secrets).
    pub fn parse(value: &str) -> Result<Base, String> {
        let url = if value.contains("://") { value.to_owned() } else { format!("https://api.{value}") };
        let base = Base(Url::parse(&url)?);
        let host = base.host();
        if !is_host(host) || base.0.path() != "/" || base.0.query().is_some() {
            return Err("must be a host name, or a URL with a host, an optional port and no path".to_owned());
        }
        if base.scheme() == "http" && !base.is_loopback() {
            return Err(format!(
                "must start with https://: http is allowed only for loopback, not for {host}"
            ));
        }
        Ok(base)
    }

    /// Returns `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.0.scheme()
    }

    /// Returns the host; an IPv6 address has brackets.
    pub fn host(&self) -> &str {
        self.0.host()
    }

    /// Returns the port, if the URL has one.
    pub(crate) fn port(&self) -> Option<u16> {
        self.0.port()
    }

    /// Returns the host and, if the URL has one, the port.
    pub fn authority(&self) -> &str {
        self.0.authority()
    }

    /// Returns the base URL of the page that asks users for their consent (docs/heroku-api.md, "Web flow"). A host that
    /// does not start with `api.`, such as the sandbox, has that page itself.
    pub fn consent(&self) -> String {
        match self.authority().strip_prefix("api.") {
            Some(domain) if !self.is_loopback() => format!("{}://id.{domain}", self.scheme()),
            _ => self.url(""),
        }
    }

    /// Returns the URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme(), self.authority())
    }

    /// Returns whether the host is loopback by name: `localhost`, 127.0.0.0/8 or `::1`.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::environment::Config;

    #[test]
    fn hosts_and_urls_are_parsed_and_the_token_is_never_sent_unencrypted() {
        let base = |host| Config::with(&[("HEROKU_HOST", host)]).base().map(|b| b.url("/account"));
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
}
