//! The choice of a proxy, by curl's rules.

use crate::base::error::Error;
use crate::base::text::{QUOTED, is_hidden, is_quoted};
use crate::base::url::Url;
use crate::config::base_url::Base;
use crate::config::environment::Config;
use crate::config::no_proxy::{self, NoProxy};

impl Config {
    /// Returns the variable and URL of the proxy for `base`, if there is one. Unlike curl, it is never used for loopback.
    ///
    /// # Errors
    /// An input error if a variable is not UTF-8, not the URL of a proxy, or not a list of hosts: neither the proxy nor an
    /// exception from it must be skipped silently.
    pub fn proxy(&self, base: &Base) -> Result<Option<(&'static str, String)>, Error> {
        if base.is_loopback() {
            return Ok(None);
        }
        let mut found = None;
        for name in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            if let Some(url) = self.text(name)? {
                found = Some((name, url));
                break;
            }
        }
        let Some((name, url)) = found else { return Ok(None) };
        let list = ["no_proxy", "NO_PROXY"].into_iter().find(|name| self.is_set(name));
        if let Some(list) = list {
            let items = NoProxy::parse(self.text(list)?.unwrap_or_default())
                .map_err(|what| Error::input(format!("{list}: {what}")).with_hint(no_proxy::HINT))?;
            if items.contains(base.host(), base.port()) {
                return Ok(None);
            }
        }
        // The URL may hold a password: it is not quoted.
        let url =
            check(url).map_err(|what| Error::input(format!("{name}: invalid URL of a proxy: {what}")))?;
        Ok(Some((name, url)))
    }

    /// Returns the variable that names a proxy for http only, which other programs also use for https, if no variable
    /// names one for https.
    pub(crate) fn unused_proxy(&self) -> Option<&'static str> {
        let used = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        let unused = ["http_proxy", "HTTP_PROXY"].into_iter().find(|name| self.is_set(name));
        unused.filter(|_| !used.iter().any(|name| self.is_set(name)))
    }
}

/// Checks the URL of a proxy, and returns it with a scheme. White space around it is removed.
///
/// # Errors
/// A text that says what is wrong and shows at most one character of a password.
fn check(text: &str) -> Result<String, String> {
    const SCHEMES: [&str; 7] = ["http", "https", "socks", "socks4", "socks4a", "socks5", "socks5h"];
    let text = text.trim();
    if is_quoted(text) {
        return Err(format!("it {QUOTED}"));
    }
    if let Some(c) = text.chars().find(|&c| is_hidden(c)) {
        return Err(format!("it contains the invisible character '{}'", c.escape_default()));
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    if !SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
        return Err("its scheme must be http, https, socks4, socks4a, socks5 or socks5h".to_owned());
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let encode = |c: char| {
        let mut bytes = [0; 4];
        let encoded: String = c.encode_utf8(&mut bytes).bytes().map(|b| format!("%{b:02X}")).collect();
        format!("the user name or password contains '{c}': write it as {encoded}")
    };
    if path.contains('@') {
        return Err(path.chars().next().map_or(String::new(), encode));
    }
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    if let Some(user) = user {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:%".contains(c);
        if let Some(c) = user.chars().find(|&c| !plain(c)) {
            return Err(encode(c));
        }
        let is_code = |code: &str| code.get(..2).is_some_and(|c| c.bytes().all(|b| b.is_ascii_hexdigit()));
        if !user.split('%').skip(1).all(is_code) {
            return Err(encode('%'));
        }
    }
    if !path.is_empty() && path != "/" {
        return Err("it must be a scheme, a host and a port, without a path".to_owned());
    }
    // What follows a colon may be a password, if the host is missing.
    if host.is_empty() {
        return Err("it has no host".to_owned());
    }
    Url::of_host(host, "is not a valid host and port").map_err(|what| format!("its address {what}"))?;
    Ok(format!("{}://{authority}", scheme.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_and_loopback_are_reached_directly() {
        let proxy = |no: &str, host: &str| {
            let config = Config::with(&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", no)]);
            Base::parse(host).ok().and_then(|b| config.proxy(&b).ok().flatten()).is_some()
        };
        assert!(proxy("", "heroku.com"));
        assert!(!proxy("localhost, heroku.com", "heroku.com"));
        assert!(!proxy(".heroku.com", "heroku.com"));
        assert!(!proxy("*", "heroku.com"));
        assert!(proxy("roku.com", "heroku.com"));
        assert!(!proxy("", "http://127.0.0.1:9"), "loopback is always direct");
    }

    #[test]
    fn proxies_of_every_form_are_accepted() {
        for (good, url) in [
            ("http://proxy.example.com:3128", "http://proxy.example.com:3128"),
            ("proxy.example.com:3128", "http://proxy.example.com:3128"),
            ("proxy", "http://proxy"),
            (" http://proxy:1/\n", "http://proxy:1"),
            ("HTTPS://proxy", "https://proxy"),
            ("socks5h://user:p%40ss@[::1]:1080", "socks5h://user:p%40ss@[::1]:1080"),
            ("user:pass:word@proxy:1", "http://user:pass:word@proxy:1"),
            ("http://user@10.0.0.1:1", "http://user@10.0.0.1:1"),
        ] {
            assert_eq!(check(good).as_deref(), Ok(url), "{good}");
        }
    }

    #[test]
    fn an_unusable_proxy_is_reported_without_its_password() {
        let encode =
            |c: &str, code: &str| format!("the user name or password contains '{c}': write it as {code}");
        for (bad, what) in [
            ("http://proxy.example.com:sekret", "its address is not a valid host and port".to_owned()),
            ("http://user:sekret", "its address is not a valid host and port".to_owned()),
            ("http://proxy:99999", "its address has an invalid port".to_owned()),
            ("http://proxy:0", "its address has an invalid port".to_owned()),
            ("http://proxy:", "its address has an invalid port".to_owned()),
            ("http://1.2.3.256:1", "its address has a host that is not a valid IPv4 address".to_owned()),
            ("http://", "it has no host".to_owned()),
            ("http://user:sekret@", "it has no host".to_owned()),
            ("http://user:sekret@:80", "its address has no host".to_owned()),
            ("http://a b", "its address contains a space or a backslash".to_owned()),
            ("http://user:sek#ret@127.0.0.1:3128", encode("#", "%23")),
            ("http://user:sek/ret@127.0.0.1:3128", encode("/", "%2F")),
            ("http://user:sek?ret@127.0.0.1:3128", encode("?", "%3F")),
            ("http://user:sek@ret@127.0.0.1:3128", encode("@", "%40")),
            ("http://user:sek%ret@127.0.0.1:3128", encode("%", "%25")),
            ("http://user:sekret%@127.0.0.1:3128", encode("%", "%25")),
            ("http://user:sek ret@127.0.0.1:3128", encode(" ", "%20")),
            ("http://user:sek[ret@127.0.0.1:3128", encode("[", "%5B")),
            ("http://user:sek\\ret@127.0.0.1:3128", encode("\\", "%5C")),
            ("http://user:sek\u{e9}ret@127.0.0.1:3128", encode("\u{e9}", "%C3%A9")),
            ("http://proxy:3128\u{200b}", r"it contains the invisible character '\u{200b}'".to_owned()),
            ("http://pro\u{a0}xy", r"it contains the invisible character '\u{a0}'".to_owned()),
            (
                "\"http://proxy\"",
                "it has quotes around it: an env file keeps its quotes, remove them".to_owned(),
            ),
            ("ftp://x", "its scheme must be http, https, socks4, socks4a, socks5 or socks5h".to_owned()),
            ("http://proxy/proxy.pac", "it must be a scheme, a host and a port, without a path".to_owned()),
            ("http://proxy?x", "it must be a scheme, a host and a port, without a path".to_owned()),
        ] {
            assert_eq!(check(bad), Err(what), "{bad}");
        }
    }
}
