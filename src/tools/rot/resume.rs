//! Goes on with a replacement that an earlier run did not finish: with the successor that its record names, or with one
//! that a killed run has created and not recorded.
//!
//! Before a run with `--rest` creates a successor, the file says when. If no record names the successor in the next run,
//! an authorization like it that is younger is the orphan, unless there were others alike at that time.

use std::collections::HashSet;
use std::sync::Mutex;

use serde_json::Value;

use crate::api::{Api, Object};
use crate::base::error::Error;
use crate::base::id;
use crate::base::secret::Likeness as Visible;
use crate::base::sync::lock;
use crate::base::time::{self, Unix};
use crate::change::Run;
use crate::change::create::Likeness;
use crate::change::guard::compare;
use crate::change::outcome::Outcome;
use crate::record::Record;
use crate::record::kind::Kind;

/// How far the clocks of the server may differ, in seconds.
const SKEW: Unix = 60;
/// Marks a time at which there were others alike.
pub(crate) const SHARED: char = '~';

/// Tells the successors that nothing records from other authorizations.
pub(crate) struct Orphans {
    /// The keys of the ids in the input. They are no orphans.
    ids: HashSet<String>,
    /// The young authorizations: those from before the run, and the successors that it has created.
    young: Mutex<HashSet<Likeness>>,
}

impl Orphans {
    /// Looks up the young authorizations, if there is an `api`, that is, if orphans can be told at all.
    ///
    /// # Errors
    /// Those of the list.
    pub(crate) fn look_up(
        api: Option<&Api>,
        team: Option<&str>,
        ids: HashSet<String>,
    ) -> Result<Orphans, Error> {
        let mut young = HashSet::new();
        if let Some(api) = api {
            api.each(Kind::Authz, team, &mut |record, date| {
                if !ids.contains(&id::key(&record.id)) && is_since(record, date - 2 * SKEW) {
                    young.insert(Likeness::of(record));
                }
            })?;
        }
        Ok(Orphans { ids, young: Mutex::new(young) })
    }

    /// Returns whether a successor will be the only young authorization of its likeness. The next one will not.
    pub(crate) fn is_unique(&self, likeness: &Likeness) -> bool {
        lock(&self.young).insert(likeness.clone())
    }

    /// Finds a successor whose creation began at `since`.
    ///
    /// # Errors
    /// Those of the list; an error in doubt that names the candidates if it cannot be told which it is.
    pub(crate) fn find(
        &self,
        api: &Api,
        team: Option<&str>,
        likeness: &Likeness,
        since: &str,
    ) -> Result<Option<String>, Error> {
        let Some(at) = time::parse_rfc3339(since.trim_start_matches(SHARED)) else { return Ok(None) };
        let mut found = Vec::new();
        api.each(Kind::Authz, team, &mut |record, _| {
            let is_other = !self.ids.contains(&id::key(&record.id)) && record.status == "active";
            if is_other && is_since(record, at - SKEW) && Likeness::of(record) == *likeness {
                found.push(record.id.to_string());
            }
        })?;
        match &found[..] {
            [] => Ok(None),
            [one] if !since.starts_with(SHARED) => Ok(Some(one.clone())),
            _ => Err(Error::unresolved(format!(
                "an earlier run may have created its successor: {}",
                Kind::Authz.label(&found.join(", "))
            ))),
        }
    }
}

/// Returns whether an authorization may have been created at a time or later.
fn is_since(record: &Record<'_>, at: Unix) -> bool {
    time::parse_rfc3339(&record.text(&["created_at"])).is_none_or(|created| created >= at)
}

/// Gives a recorded successor a fresh token, because nobody may have the first one. If it is the authorization in use, it
/// keeps its token, which has arrived where it belongs. `None` if it does not exist any more.
///
/// # Errors
/// Those of the calls.
pub(crate) fn resumed(run: &Run<'_>, id: &str) -> Result<Option<Outcome>, Error> {
    let object = match run.api.get(Kind::Authz, id) {
        Err(e) if e.is_gone() => return Ok(None),
        found => found?,
    };
    let scope = object.record.scope();
    let object = match compare(run.api, &object.record) {
        Visible::Fits { is_certain: true } => with_token(object, run.api.token().expose())?,
        _ => run.api.rotate(Kind::Authz, id)?,
    };
    Ok(Some(Outcome::renewed(object, "created").within(&scope)))
}

/// Returns the object with its token in full.
fn with_token(object: Object, token: &str) -> Result<Object, Error> {
    let mut line = Vec::new();
    object.record.write_json(&mut line, true);
    let mut json: Value = serde_json::from_slice(&line).map_err(Error::unusable)?;
    json["access_token"]["token"] = token.into();
    let json = json.to_string();
    let record = Record::from_api(Kind::Authz, &json, object.date).map_err(Error::unusable)?.into_owned();
    Ok(Object { record, ..object })
}
