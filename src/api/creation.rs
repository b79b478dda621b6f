//! The request that creates an object, from the fields of a record or of a command line.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::api::Object;
use crate::api::request::Body;
use crate::base::error::Error;
use crate::base::text::shorten;
use crate::base::time::{self, Unix, When};
use crate::config::scopes::Scopes;
use crate::input::entry::{EXPIRED, Fields};
use crate::record::kind::{Kind, check_id};
use crate::record::redirect_uri;
use crate::record::{Expiry, Record};

/// The description that the API gives an authorization without one (docs/heroku-api.md, Objects). It is sent
/// explicitly, so that the object can be recognised after a lost response.
pub(crate) const DEFAULT_DESCRIPTION: &str = "Long-lived user authorization";

/// Returns the description of a new authorization.
pub(crate) fn description(fields: &Fields) -> &str {
    fields.description.as_deref().unwrap_or(DEFAULT_DESCRIPTION)
}

/// Returns the scopes of a new authorization.
pub(crate) fn scope(fields: &Fields) -> Vec<String> {
    fields.scope.clone().filter(|s| !s.is_empty()).unwrap_or_else(|| vec!["global".to_owned()])
}

/// Returns the body of the request that creates an object. `known` are the scopes that it may have.
///
/// # Errors
/// A message, if a field is missing, invalid, or not one of that kind.
pub(crate) fn body(kind: Kind, fields: &Fields, known: &Scopes) -> Result<Body, String> {
    let mut body = Body::default();
    if kind == Kind::Client {
        let not_of_clients = [&fields.description, &fields.expires_in, &fields.client_id];
        let has_scope = fields.scope.as_ref().is_some_and(|scope| !scope.is_empty());
        if not_of_clients.into_iter().any(is_filled) || has_scope {
            return Err("a client has no description, scope, expiry or client".to_owned());
        }
        let (Some(name), Some(url)) = (&fields.name, &fields.url) else {
            return Err("a client needs a name and a redirect URI".to_owned());
        };
        redirect_uri::check(url)?;
        body.set("name", name.as_str());
        body.set("redirect_uri", url.as_str());
        return Ok(body);
    }
    if is_filled(&fields.name) || is_filled(&fields.url) {
        return Err("an authorization has no name and no URL; its description is -d TEXT".to_owned());
    }
    match &fields.scope {
        Some(scope) => known.check(scope)?,
        None => known.check(&scope(fields)).map_err(|e| format!("it has no scope, and {e}"))?,
    }
    body.set("scope", scope(fields));
    body.set("description", description(fields));
    if let Some(seconds) = lifetime(fields)? {
        body.set("expires_in", seconds);
    }
    if let Some(id) = &fields.client_id {
        check_id(id)?;
        body.set("client", id.as_str());
    }
    Ok(body)
}

/// Returns whether a field holds something. In a table of several kinds, a row leaves the columns of the others empty.
fn is_filled(field: &Option<String>) -> bool {
    field.as_ref().is_some_and(|text| !text.is_empty())
}

/// How much longer than asked for a new authorization may live, in seconds, before that is reported.
const TOLERANCE: Unix = 60;

/// Returns an error if an object with a new secret is not what the request to create it asked for: it may do more, or lives
/// longer.
pub(crate) fn objection(body: &str, object: &Object) -> Option<Error> {
    #[derive(Deserialize)]
    struct Asked {
        #[serde(default)]
        scope: Vec<String>,
        expires_in: Option<i64>,
        client: Option<IgnoredAny>,
    }
    let asked: Asked = serde_json::from_str(body).ok()?;
    // The expiry of an authorization for a client is that of its code, not a lifetime.
    let seconds = asked.expires_in.filter(|_| asked.client.is_none());
    widened(&asked.scope, &object.record).or_else(|| outlives(seconds?, object))
}

/// Returns an error if an authorization with a new token may do more than the scopes `before` allow. Of an empty list,
/// nothing is known.
pub(crate) fn widened(before: &[String], record: &Record<'_>) -> Option<Error> {
    let scope = record.scope();
    let covers = |wanted: &String| before.iter().any(|known| known == "global" || known == wanted);
    if record.kind != Kind::Authz || before.is_empty() || scope.iter().all(covers) {
        return None;
    }
    let (now, was) = (shorten(&scope.join(" "), 80).into_owned(), before.join(" "));
    Some(
        Error::failed(format!("its scope is '{now}', wider than '{}'", shorten(&was, 80)))
            .with_hint(format!("to revoke it: oauth-rm authz {}", record.id)),
    )
}

/// Returns an error if a new authorization lives longer than so many seconds.
fn outlives(seconds: Unix, object: &Object) -> Option<Error> {
    let record = &object.record;
    let lives = match record.expiry {
        Expiry::At(at) if at <= object.date.saturating_add(seconds).saturating_add(TOLERANCE) => return None,
        Expiry::At(_) => format!("until {}", record.expires_at().unwrap_or_default()),
        Expiry::Never => "for ever".to_owned(),
        Expiry::Unknown | Expiry::Past => return None,
    };
    let what = format!("it lives {lives}, longer than the {seconds} seconds that were asked for");
    Some(Error::failed(what).with_hint(format!("to revoke it: oauth-rm authz {}", record.id)))
}

/// Returns the lifetime that is asked for, in seconds; `None` if the authorization shall never expire.
///
/// # Errors
/// A message, if it cannot be read or is over.
pub(crate) fn lifetime(fields: &Fields) -> Result<Option<u64>, String> {
    // An empty value may be a variable or a formula that failed. It must not become a longer life.
    const EMPTY: &str = "is empty: give a value, or 'never', or leave the field out";
    if fields.expires_in.as_deref() == Some("") {
        return Err(format!("its expires_in {EMPTY}"));
    }
    let is_given = |field: &Option<String>| field.as_deref().is_some_and(|text| !text.is_empty());
    if is_given(&fields.expires_in) && is_given(&fields.expires_at) {
        return Err("it has both expires_in and expires_at: give one of them".to_owned());
    }
    if let Some(when) = fields.expires_in.as_deref().filter(|s| *s != "never") {
        return time::parse_when(when)?.seconds_left(time::now());
    }
    let Some(at) = fields.expires_at.as_deref().filter(|at| *at != "never") else { return Ok(None) };
    if at.is_empty() {
        return Err(format!("its expires_at {EMPTY}"));
    }
    if at == EXPIRED {
        return Err("it has expired, and the record does not say when: give --expires-in".to_owned());
    }
    let at = match time::parse_when(at) {
        Ok(When::At(at)) => at,
        _ => return Err(format!("'{at}' is not an RFC 3339 time or a date")),
    };
    match u64::try_from(at - time::now()) {
        Ok(seconds) if seconds > 0 => Ok(Some(seconds)),
        _ => Err("its expires_at is in the past: give --expires-in".to_owned()),
    }
}
