//! The scopes that the API knows, against which a new authorization is checked before anything is sent.

use crate::base::error::Error;
use crate::base::text::{QUOTED, is_quoted, nearest};
use crate::base::url::{is_heroku, is_loopback};
use crate::config::environment::Config;

/// Heroku's scopes (docs/heroku-api.md, "Objects").
pub(crate) const HEROKU: [&str; 6] =
    ["global", "identity", "read", "write", "read-protected", "write-protected"];

/// The scopes that an API knows.
#[derive(Debug)]
pub(crate) enum Scopes {
    /// These and no others.
    Known(Vec<String>),
    /// Only the server can tell.
    Any,
}

impl Scopes {
    /// Returns the scopes in `HEROKU_SCOPES`, which a bridge sets (oauth-bridge(7)). Without it they are Heroku's on
    /// Heroku's hosts and on loopback, where the sandbox is.
    ///
    /// # Errors
    /// An input error if `HEROKU_SCOPES` or `HEROKU_HOST` is invalid.
    pub(crate) fn read(config: &Config) -> Result<Scopes, Error> {
        let known = |words: Vec<&str>| Scopes::Known(words.into_iter().map(str::to_owned).collect());
        let words = config.text("HEROKU_SCOPES")?.map(|text| split(text).collect::<Vec<_>>());
        match words.as_deref() {
            Some([]) => Err(Error::input("HEROKU_SCOPES names no scope")),
            Some(["*"]) => Ok(Scopes::Any),
            Some(words) if words.contains(&"*") => {
                Err(Error::input("HEROKU_SCOPES must be * alone, or a list of scopes"))
            }
            Some(words) if words.iter().any(|word| is_quoted(word)) => {
                Err(Error::input(format!("HEROKU_SCOPES {QUOTED}")))
            }
            Some(words) => Ok(known(words.to_vec())),
            None => {
                let base = config.base()?;
                let is_ours = is_heroku(base.host()) || is_loopback(base.host());
                Ok(if is_ours { known(HEROKU.to_vec()) } else { Scopes::Any })
            }
        }
    }

    /// Checks that there is at least one scope, and that the API knows all of them.
    ///
    /// # Errors
    /// A message that names the unknown scope and the nearest known one.
    pub(crate) fn check(&self, scopes: &[String]) -> Result<(), String> {
        if scopes.is_empty() {
            return Err("its scope is empty: name a scope, or leave the field out for global".to_owned());
        }
        let Scopes::Known(known) = self else { return Ok(()) };
        let Some(unknown) = scopes.iter().find(|scope| !known.contains(scope)) else { return Ok(()) };
        Err(match nearest(unknown, known.iter().map(String::as_str)) {
            Some(near) => format!("unknown scope '{unknown}'; did you mean '{near}'?"),
            None => format!("unknown scope '{unknown}': use one of {}", known.join(", ")),
        })
    }
}

/// Splits a list of scopes at commas and blanks.
pub(crate) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).filter(|scope| !scope.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(vars: &[(&str, &str)], scopes: &[&str]) -> Result<(), String> {
        let scopes: Vec<String> = scopes.iter().map(|&s| s.to_owned()).collect();
        Scopes::read(&Config::with(vars)).map_err(|e| e.to_string())?.check(&scopes)
    }

    #[test]
    fn heroku_and_loopback_have_herokus_scopes_and_other_servers_their_own() {
        let hosts = [
            ("", true),
            ("heroku.com", true),
            ("https://api.staging.HEROKU.com", true),
            ("https://api.herokudev.com:8443", true),
            ("http://127.0.0.1:4000", true),
            ("http://localhost:1", true),
            ("http://[::1]:80", true),
            ("auth.example", false),
            ("https://heroku.com.evil.example", false),
            ("https://notheroku.com", false),
        ];
        for (host, is_checked) in hosts {
            let vars = [("HEROKU_HOST", host)];
            assert_eq!(check(&vars, &["openid"]).is_err(), is_checked, "{host}");
            assert_eq!(check(&vars, &["read", "write-protected"]), Ok(()), "{host}");
            assert!(check(&vars, &[]).is_err(), "no scope at all is not a scope: {host}");
        }
    }

    #[test]
    fn a_bridge_names_the_scopes_of_its_server() {
        let vars =
            |scopes: &'static str| [("HEROKU_HOST", "http://127.0.0.1:4000"), ("HEROKU_SCOPES", scopes)];
        assert_eq!(check(&vars("openid profile,email"), &["email", "openid"]), Ok(()));
        let error = check(&vars("openid profile,email"), &["profil"]).expect_err("a misspelled scope");
        assert_eq!(error, "unknown scope 'profil'; did you mean 'profile'?");
        let error = check(&vars("openid profile"), &["global"]).expect_err("a scope of Heroku");
        assert_eq!(error, "unknown scope 'global': use one of openid, profile");
        assert_eq!(check(&vars("*"), &["anything:at/all"]), Ok(()));
        assert!(check(&vars("*"), &[]).is_err());
        assert_eq!(check(&vars(""), &["read"]), Ok(()), "an empty variable counts as unset");
        assert!(check(&vars(""), &["openid"]).is_err());
        for mistake in [" ,", "'read write'", "\"read\"", "read,*"] {
            assert!(
                check(&vars(mistake), &["read"]).is_err_and(|e| e.starts_with("HEROKU_SCOPES ")),
                "{mistake}"
            );
        }
    }
}
