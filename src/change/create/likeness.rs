//! What makes objects alike for their users.

use std::collections::BTreeSet;

use crate::api::creation;
use crate::base::error::Error;
use crate::base::text;
use crate::base::time::{self, Unix};
use crate::input::entry::Fields;
use crate::record::kind::Kind;
use crate::record::{Expiry, Record};

/// The properties by which a user tells objects apart: description, scopes and client, or name and redirect URI.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Likeness {
    pub(super) kind: Kind,
    name: String,
    /// The scopes, or the redirect URI.
    rest: BTreeSet<String>,
    /// The id of the client that an authorization is made for.
    pub(super) client: Option<String>,
}

impl Likeness {
    /// Creates the likeness of an object that is to be created.
    pub(crate) fn new(kind: Kind, name: &str, rest: impl IntoIterator<Item = String>) -> Likeness {
        Likeness { kind, name: name.to_owned(), rest: rest.into_iter().collect(), client: None }
    }

    /// Creates the likeness of the object that [`creation::body`] asks for.
    pub(crate) fn wanted(kind: Kind, fields: &Fields) -> Likeness {
        match kind {
            Kind::Client => {
                Likeness::new(kind, fields.name.as_deref().unwrap_or_default(), fields.url.clone())
            }
            _ => Likeness::new(kind, creation::description(fields), creation::scope(fields))
                .made_for(fields.client_id.as_deref()),
        }
    }

    /// Adds the client for which an authorization is created.
    pub(crate) fn made_for(self, client: Option<&str>) -> Likeness {
        Likeness { client: client.filter(|id| !id.is_empty()).map(str::to_ascii_lowercase), ..self }
    }

    /// Returns what is different about an object that was created; `None` if it has the properties that were asked for.
    /// A member that the response leaves out cannot differ.
    pub(crate) fn differs(&self, record: &Record<'_>) -> Option<String> {
        let real = Likeness::of(record);
        let (name, rest) = match self.kind {
            Kind::Client => ("name", "redirect_uri"),
            _ => ("description", "scope"),
        };
        let differs = |member: &str, real: &str, wanted: &str| {
            let is_there = record.member(member).is_some_and(|value| value.get() != "null");
            (is_there && real != wanted).then(|| {
                let real = text::shorten(real, 80);
                format!("its {member} is '{real}', not '{}'", text::shorten(wanted, 80))
            })
        };
        differs(name, real.name.trim(), self.name.trim())
            .or_else(|| differs(rest, &real.rest_text(), &self.rest_text()))
            .or_else(|| {
                let id = |client: &Option<String>| client.clone().unwrap_or_default();
                differs("client", &id(&real.client), &id(&self.client))
            })
    }

    /// Returns the scopes, separated by blanks, or the redirect URI.
    fn rest_text(&self) -> String {
        self.rest.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Returns what it shares with objects of the same name: all but the scopes or the redirect URI.
    pub(super) fn family(&self) -> Likeness {
        Likeness { rest: BTreeSet::new(), ..self.clone() }
    }

    /// Returns the error if an object of the same family exists and this one is to be created: a second object would be
    /// left beside the first after an edit of the list.
    pub(super) fn clash(&self, id: &str, other: &Likeness) -> Error {
        let place = self.kind.label(id);
        let name = text::shorten(&self.name, 80);
        let (real, wanted) = (other.rest_text(), self.rest_text());
        let (real, wanted) = (text::shorten(&real, 200), text::shorten(&wanted, 200));
        match self.kind {
            Kind::Client => Error::failed(format!(
                "{place} has the name '{name}' and the redirect URI '{real}'"
            ))
            .with_hint(format!(
                "change it with oauth-set client {id} --url URL, or create a second one without --once"
            )),
            _ => Error::failed(format!(
                "{place} has the description '{name}' and the scope '{real}', not '{wanted}'"
            ))
            .with_hint(format!(
                "give this one another description; or create it without --once, and then revoke the other: \
                 oauth-rm authz {id}"
            )),
        }
    }

    /// Returns the likeness of an object that exists.
    pub(crate) fn of(record: &Record<'_>) -> Likeness {
        let rest = match record.kind {
            Kind::Client => vec![record.text(&["redirect_uri"])],
            _ => record.text(&["scope"]).split(' ').map(str::to_owned).collect(),
        };
        Likeness::new(record.kind, &record.name(), rest).made_for(Some(&record.text(&["client", "id"])))
    }
}

/// How far two equal lifetimes may differ, in seconds. The token of an object that was found after a lost response is
/// younger than its authorization.
const LIFETIME_SKEW: Unix = 60;

/// Returns how the lifetime of an existing authorization differs from the wanted one, which a likeness ignores.
pub(crate) fn other_lifetime(kind: Kind, wanted: &Fields, record: &Record<'_>) -> Option<String> {
    let seconds = creation::lifetime(wanted).ok().flatten().and_then(|seconds| Unix::try_from(seconds).ok());
    let close = |a: Unix, b: Unix| (a - b).abs() <= LIFETIME_SKEW;
    let what = match (seconds, record.expiry) {
        _ if kind != Kind::Authz || wanted.client_id.is_some() => return None,
        (Some(_), Expiry::Never) => "never expires".to_owned(),
        // The same lifetime, counted from now or from its creation.
        (Some(wanted), Expiry::At(at)) if close(wanted, at - time::now()) => return None,
        (Some(wanted), Expiry::At(_)) if record.lifetime().is_none_or(|life| close(wanted, life)) => {
            return None;
        }
        (_, Expiry::Past) => "has expired".to_owned(),
        (_, Expiry::At(at)) => format!("expires at {}", time::rfc3339(at).unwrap_or_default()),
        _ => return None,
    };
    Some(format!("it already exists with another lifetime: it {what}"))
}
