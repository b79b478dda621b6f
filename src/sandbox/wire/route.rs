//! The endpoints and their paths (docs/heroku-api.md, Requests).

use crate::sandbox::wire::form::decode;

/// An endpoint with its ids, which are percent-decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) enum Route {
    Authorizations,
    Authorization(String),
    Regenerate(String),
    Clients,
    Client(String),
    Rotate(String),
    Sessions,
    Session(String),
    Tokens,
    Token(String),
    TeamAuthorizations(String),
    Account,
    RateLimits,
    Authorize,
    WebToken,
}

impl Route {
    /// Returns the endpoint of a path; `None` if there is none.
    pub(in crate::sandbox) fn of(path: &str) -> Option<Route> {
        let name = |text: &str| decode(text, false);
        let id = |text: &str| plain(decode(text, false));
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        Some(match *segments.as_slice() {
            ["oauth", "authorizations"] => Route::Authorizations,
            ["oauth", "authorizations", a] => Route::Authorization(id(a)),
            ["oauth", "authorizations", a, "actions", "regenerate-tokens"] => Route::Regenerate(id(a)),
            ["oauth", "clients"] => Route::Clients,
            ["oauth", "clients", c] => Route::Client(id(c)),
            ["oauth", "clients", c, "actions", "rotate-credentials"] => Route::Rotate(id(c)),
            ["oauth", "sessions"] => Route::Sessions,
            ["oauth", "sessions", s] => Route::Session(id(s)),
            ["oauth", "tokens"] => Route::Tokens,
            ["oauth", "tokens", t] => Route::Token(id(t)),
            ["oauth", "authorize"] => Route::Authorize,
            ["oauth", "token"] => Route::WebToken,
            ["teams", team, "oauth", "authorizations"] => Route::TeamAuthorizations(name(team)),
            ["account"] => Route::Account,
            ["account", "rate-limits"] => Route::RateLimits,
            _ => return None,
        })
    }

    /// The path with placeholders, as [`Stats`](crate::sandbox::Stats) names it.
    pub(in crate::sandbox) fn pattern(&self) -> &'static str {
        match self {
            Route::Authorizations => "/oauth/authorizations",
            Route::Authorization(_) => "/oauth/authorizations/{id}",
            Route::Regenerate(_) => "/oauth/authorizations/{id}/actions/regenerate-tokens",
            Route::Clients => "/oauth/clients",
            Route::Client(_) => "/oauth/clients/{id}",
            Route::Rotate(_) => "/oauth/clients/{id}/actions/rotate-credentials",
            Route::Sessions => "/oauth/sessions",
            Route::Session(_) => "/oauth/sessions/{id}",
            Route::Tokens => "/oauth/tokens",
            Route::Token(_) => "/oauth/tokens/{id}",
            Route::TeamAuthorizations(_) => "/teams/{team}/oauth/authorizations",
            Route::Account => "/account",
            Route::RateLimits => "/account/rate-limits",
            Route::Authorize => "/oauth/authorize",
            Route::WebToken => "/oauth/token",
        }
    }

    /// Returns whether it belongs to the web flow, where requests name no API version.
    pub(in crate::sandbox) fn is_web(&self) -> bool {
        matches!(self, Route::Authorize | Route::WebToken)
    }
}

/// Returns an id in the form in which it is kept: a UUID is the same in other case and without its dashes
/// (docs/heroku-api.md, Resources).
fn plain(id: String) -> String {
    let hex: String = id.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    if hex.len() != 32 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return id;
    }
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_paths_have_no_endpoint() {
        let ids = Route::of("/oauth/authorizations/%7E");
        assert_eq!(ids, Some(Route::Authorization("~".into())));
        assert_eq!(
            Route::of("/oauth/clients/a/actions/rotate-credentials").map(|r| r.pattern()),
            Some("/oauth/clients/{id}/actions/rotate-credentials")
        );
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        for spelling in [uuid.to_owned(), uuid.to_uppercase(), uuid.replace('-', "")] {
            let path = format!("/oauth/sessions/{spelling}");
            assert_eq!(Route::of(&path), Some(Route::Session(uuid.into())), "{path}");
        }
        for path in ["", "/", "oauth/clients", "/oauth", "/oauth/clients/a/b", "*", "//"] {
            assert_eq!(Route::of(path), None, "{path:?}");
        }
    }
}
