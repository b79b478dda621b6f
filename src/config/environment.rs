//! The environment variables: all of them are read here and nowhere else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::base::error::Error;
use crate::base::secret::Secret;
use crate::base::sync::lock;
use crate::base::token::clean_token;
use crate::config::base_url::Base;
use crate::config::credentials::is_account;

/// The variables and their purpose. A test compares the ENVIRONMENT sections of the man pages with this list.
pub const VARIABLES: [(&str, &str); 25] = [
    ("HEROKU_API_KEY", "the token to use"),
    ("HEROKU_API_TOKEN", "a common mistake for HEROKU_API_KEY, which is reported"),
    ("HEROKU_HOST", "the host or URL of the API"),
    ("HEROKU_HEADERS", "extra headers, a JSON object"),
    ("HEROKU_NETRC_WRITE", "true: do not use the keychain"),
    ("NETRC", "the file to read instead of .netrc"),
    ("HEROKU_SCOPES", "the scopes that the API knows, set by a bridge"),
    ("HEROKU_TWO_FACTOR_CODE", "the two-factor code"),
    ("OAUTH_ACCOUNT", "the account whose token to use"),
    ("OAUTH_LOG", "the file for --log"),
    ("HTTPS_PROXY", "the proxy for https"),
    ("https_proxy", "the proxy for https"),
    ("ALL_PROXY", "the proxy for all protocols"),
    ("all_proxy", "the proxy for all protocols"),
    ("HTTP_PROXY", "a common mistake for HTTPS_PROXY, which is reported"),
    ("http_proxy", "a common mistake for https_proxy, which is reported"),
    ("NO_PROXY", "hosts reached without a proxy"),
    ("no_proxy", "hosts reached without a proxy"),
    ("SSL_CERT_FILE", "the file of trusted certificates"),
    ("SSL_CERT_DIR", "the folders of trusted certificates"),
    ("NODE_EXTRA_CA_CERTS", "a common mistake for SSL_CERT_FILE, which is reported"),
    ("NO_COLOR", "no colour"),
    ("HOME", "the folder of .netrc and of the official client's data"),
    ("XDG_DATA_HOME", "the folder of the official client's data"),
    ("TERM", "dumb: no colour, no progress"),
];

/// A function that returns a variable's value.
type Read = dyn Fn(&str) -> Option<OsString>;

/// The environment as it was when the program started.
pub struct Config {
    vars: BTreeMap<&'static str, OsString>,
    read: Box<Read>,
    /// The variables from which [`Config::named`] has read a secret.
    named: Mutex<Vec<String>>,
}

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Config {
        Config::from(|name| std::env::var_os(name))
    }

    /// Reads the variables by calling `read` with each name.
    pub fn from(read: impl Fn(&str) -> Option<OsString> + 'static) -> Config {
        let vars = VARIABLES.iter().filter_map(|&(name, _)| Some((name, read(name)?))).collect();
        Config { vars, read: Box::new(read), named: Mutex::default() }
    }

    /// Returns the secret in the variable `name`, which the user chose (`env:NAME`). Returns `None` if the variable is
    /// not set or not UTF-8.
    pub fn named(&self, name: &str) -> Option<String> {
        lock(&self.named).push(name.to_owned());
        (self.read)(name)?.into_string().ok()
    }

    /// Returns the names passed to [`Config::named`]. Other programs must not get these variables.
    pub fn secret_variables(&self) -> Vec<String> {
        lock(&self.named).clone()
    }

    /// Returns an environment with these variables and no others.
    #[cfg(test)]
    pub(crate) fn with(vars: &[(&str, &str)]) -> Config {
        let vars: Vec<(String, String)> = vars.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
        Config::from(move |name| vars.iter().find(|(n, _)| n == name).map(|(_, v)| v.into()))
    }

    fn raw(&self, name: &str) -> Option<&OsString> {
        self.vars.get(name).filter(|value| !value.is_empty())
    }

    /// Returns a variable's value. An empty variable counts as not set.
    ///
    /// # Errors
    /// An input error if the value is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Error> {
        match self.raw(name) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                Some(text) => Ok(Some(text)),
                None => Err(Error::input(format!("{name} is not UTF-8"))),
            },
        }
    }

    /// Returns whether a variable is set and not empty.
    pub fn is_set(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Returns a variable's value as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from)
    }

    /// Returns `PATH`, where the system looks for commands.
    pub(crate) fn search_path(&self) -> Option<PathBuf> {
        (self.read)("PATH").map(PathBuf::from)
    }

    /// Returns `HEROKU_API_KEY`.
    ///
    /// # Errors
    /// An input error if it cannot be sent in a header line. The error does not show the value.
    pub fn api_key(&self) -> Result<Option<Secret>, Error> {
        self.secret("HEROKU_API_KEY")
    }

    /// Returns `OAUTH_ACCOUNT`.
    ///
    /// # Errors
    /// An input error if it cannot be the name of an account.
    pub(crate) fn account(&self) -> Result<Option<&str>, Error> {
        let account = self.text("OAUTH_ACCOUNT")?;
        match account.filter(|name| !is_account(name)) {
            Some(name) => Err(Error::input(format!("OAUTH_ACCOUNT: '{name}' is not the name of an account"))),
            None => Ok(account),
        }
    }

    /// Returns whether `HEROKU_NETRC_WRITE` says not to use the keychain. White space around its value is ignored.
    ///
    /// # Errors
    /// An input error if it is neither `true` nor `false`: the token of another account could be used.
    pub(crate) fn skips_keychain(&self) -> Result<bool, Error> {
        match self.text("HEROKU_NETRC_WRITE")?.map(str::trim) {
            None | Some("" | "false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                Err(Error::input(format!("HEROKU_NETRC_WRITE must be 'true' or 'false', not '{other}'")))
            }
        }
    }

    /// Returns `HEROKU_TWO_FACTOR_CODE`.
    ///
    /// # Errors
    /// An input error if it cannot be sent in a header line. The error does not show the value.
    pub fn two_factor_code(&self) -> Result<Option<Secret>, Error> {
        self.secret("HEROKU_TWO_FACTOR_CODE")
    }

    fn secret(&self, name: &str) -> Result<Option<Secret>, Error> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => clean_token(text)
                .map(|token| Some(Secret::new(token.to_owned())))
                .map_err(|what| Error::input(format!("{name} {what}"))),
        }
    }

    /// Returns the API's base URL, from `HEROKU_HOST` or else `https://api.heroku.com` (docs/heroku-api.md,
    /// "Requests").
    ///
    /// # Errors
    /// An input error for the values that [`Base::parse`] refuses.
    pub fn base(&self) -> Result<Base, Error> {
        let value = self.text("HEROKU_HOST")?.unwrap_or("heroku.com");
        Base::parse(value).map_err(|what| Error::input(format!("HEROKU_HOST {what}")))
    }

    /// Returns the names and values of the extra header lines in `HEROKU_HEADERS`.
    ///
    /// # Errors
    /// An input error if it is not a JSON object of strings, if a name or value is invalid in a header line, or if the
    /// tools set that header themselves.
    pub fn headers(&self) -> Result<Vec<(String, String)>, Error> {
        let Some(text) = self.text("HEROKU_HEADERS")? else { return Ok(Vec::new()) };
        let wrong = |what: &str| Error::input(format!("HEROKU_HEADERS: {what}"));
        let map: BTreeMap<String, String> = serde_json::from_str(text)
            .map_err(|_| wrong("must be a JSON object whose values are strings"))?;
        for (name, value) in &map {
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if name.is_empty() || !name.bytes().all(token) {
                return Err(wrong(&format!("invalid header name '{name}'")));
            }
            if !value.bytes().all(|b| (0x20..0x7f).contains(&b) || b == b'\t') {
                return Err(wrong(&format!(
                    "the value of '{name}' contains a character that is not allowed in a header"
                )));
            }
            if !is_extra(&name.to_ascii_lowercase()) {
                let what =
                    format!("'{name}' cannot be set: it could change what a request does, or how it is sent");
                return Err(wrong(&what).with_hint(
                    "names that begin with X-, Heroku- or CF-, tracing headers, and User-Agent can be set",
                ));
            }
        }
        Ok(map.into_iter().collect())
    }

    /// Returns `SSL_CERT_FILE` and `SSL_CERT_DIR`. `SSL_CERT_FILE` may be empty, because the TLS library uses an empty
    /// value as a file name too.
    pub fn trusted(&self) -> (Option<&OsString>, Option<&OsString>) {
        (self.vars.get("SSL_CERT_FILE"), self.raw("SSL_CERT_DIR"))
    }
}

/// Returns whether `HEROKU_HEADERS` may set a header, given in lower case: one for the API's features, a proxy on the way,
/// or tracing. No other is allowed: it could replace what the tools send, change the method, or change how the request
/// is framed.
fn is_extra(name: &str) -> bool {
    const TRACING: [&str; 6] = ["user-agent", "traceparent", "tracestate", "baggage", "b3", "from"];
    let changes_request = ["two-factor", "method", "override", "rewrite", "original-url", "authorization"];
    ["x-", "heroku-", "cf-"].iter().any(|start| name.starts_with(start))
        && !changes_request.iter().any(|word| name.contains(word))
        || TRACING.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_and_reserved_headers_are_rejected() {
        let headers = |json| Config::with(&[("HEROKU_HEADERS", json)]).headers();
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
    fn a_key_with_a_line_break_is_rejected_and_not_shown() {
        let error = Config::with(&[("HEROKU_API_KEY", "sekret\nEvil: 1")]).api_key().expect_err("refused");
        assert_eq!(error.to_string(), "HEROKU_API_KEY contains a line break");
    }
}
