//! The choice of a proxy, by curl's rules.

use crate::base::error::Error;
use crate::config::base_url::Base;
use crate::config::environment::Config;

impl Config {
    /// Returns the variable and URL of the proxy for `base`, if there is one. Unlike curl, it is never used for loopback.
    ///
    /// # Errors
    /// An input error if a variable is not UTF-8: the proxy must not be skipped silently.
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
        let excluded = match self.text("no_proxy")? {
            Some(list) => Some(list),
            None => self.text("NO_PROXY")?,
        };
        let direct = excluded.is_some_and(|list| is_excluded(list, base.host()));
        Ok((!direct).then(|| (name, url.to_owned())))
    }
}

/// Returns whether a `NO_PROXY` list contains `host`, one of its parent domains, or `*`.
fn is_excluded(list: &str, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    list.split([',', ' ', '\t']).map(str::trim).filter(|item| !item.is_empty()).any(|item| {
        let item = item.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
        item == "*" || host == item || host.strip_suffix(&item).is_some_and(|rest| rest.ends_with('.'))
    })
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
}
