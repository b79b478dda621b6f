//! Creates that never make a second object: after a lost response the account is searched for the object, and only if it
//! is not there is the request sent again (docs/architecture.md, Rules).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::api::call::{Fault, SETTLE};
use crate::api::{Api, Object};
use crate::base::error::Error;
use crate::base::sync::lock;
use crate::base::time::{self, Unix};
use crate::change::Run;
use crate::change::outcome::Outcome;
use crate::record::Record;
use crate::record::kind::Kind;

/// What the API calls an authorization without a description (docs/heroku-api.md, Objects). Sent in full, so that what was made can be
/// recognised after a lost response.
pub(crate) const DEFAULT_DESCRIPTION: &str = "Long-lived user authorization";
/// How far the clocks that date objects and responses may differ, in seconds.
const SKEW: Unix = 2;

/// What makes one object the same as another to a person: description and scopes, or name and URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Likeness {
    kind: Kind,
    name: String,
    /// The scopes, or the redirect URI.
    rest: BTreeSet<String>,
    /// The id of the client that an authorization is made for.
    client: Option<String>,
}

impl Likeness {
    /// Of an object to be made.
    pub(crate) fn new(kind: Kind, name: &str, rest: impl IntoIterator<Item = String>) -> Likeness {
        Likeness { kind, name: name.to_owned(), rest: rest.into_iter().collect(), client: None }
    }

    /// Of an authorization that is made for a client.
    pub(crate) fn made_for(self, client: Option<&str>) -> Likeness {
        Likeness { client: client.filter(|id| !id.is_empty()).map(str::to_ascii_lowercase), ..self }
    }

    fn of(record: &Record<'_>) -> Likeness {
        let rest = match record.kind {
            Kind::Client => vec![record.text(&["redirect_uri"])],
            _ => record.text(&["scope"]).split(' ').map(str::to_owned).collect(),
        };
        Likeness::new(record.kind, &record.name(), rest).made_for(Some(&record.text(&["client", "id"])))
    }
}

/// Makes objects, each once.
pub(crate) struct Maker<'a> {
    team: Option<&'a str>,
    once: bool,
    state: Mutex<State>,
    /// An object was made, or could not be.
    free: Condvar,
}

#[derive(Default)]
struct State {
    /// With `--once`: what was there before the run or was made in it, as far as it is wanted, without secrets.
    existing: HashMap<Likeness, Object>,
    /// With `--once`: what may have been made without our knowing, and what was reported about it. Not made again.
    doubtful: HashMap<Likeness, String>,
    /// Ids of what this run has made.
    own: HashSet<String>,
    /// What this run has passed to a command.
    passed_on: HashSet<Likeness>,
    /// What is being made. Two alike are not made side by side: a lost one could not be told from the other.
    busy: HashSet<Likeness>,
}

impl State {
    fn remember(&mut self, object: &Object) {
        if let Some(record) = object.record.masked() {
            let object = Object { record, ..object.clone() };
            self.existing.entry(Likeness::of(&object.record)).or_insert(object);
        }
    }

    /// What exists already; `exec` makes a failure of it where its secret should go to a command.
    fn known(&self, likeness: &Likeness, exec: bool) -> Option<Outcome> {
        let exists = Outcome::new(self.existing.get(likeness)?.clone(), "exists");
        if !exec || self.passed_on.contains(likeness) {
            return Some(exists);
        }
        let failure = Error::failed("it already exists, and its secret cannot be passed to the command")
            .with_hint("oauth-rot --exec gives it a new secret and passes that on");
        Some(Outcome { failure: Some(failure), ..exists })
    }
}

impl<'a> Maker<'a> {
    /// A maker of objects in the account, or in the list of `team`.
    pub(crate) fn new(team: Option<&'a str>) -> Maker<'a> {
        Maker { team, once: false, state: Mutex::default(), free: Condvar::new() }
    }

    /// A maker that does not make again what exists (`--once`): it looks in the account for those that are `wanted`.
    ///
    /// # Errors
    /// Those of the list.
    pub(crate) fn once(
        api: &Api,
        team: Option<&'a str>,
        wanted: &HashSet<Likeness>,
    ) -> Result<Maker<'a>, Error> {
        let maker = Maker { once: true, ..Maker::new(team) };
        let kinds: HashSet<Kind> = wanted.iter().map(|likeness| likeness.kind).collect();
        for kind in kinds {
            api.each(kind, team, &mut |record, date| {
                // What has expired grants nothing: it does not stand for one that is wanted.
                if record.status == "active" && wanted.contains(&Likeness::of(record)) {
                    let record = record.borrowed().into_owned();
                    lock(&maker.state).remember(&Object { record, date, request_id: None });
                }
            })?;
        }
        Ok(maker)
    }

    /// What exists already and is not made again. With `exec`, a failure where its secret should go to a command.
    pub(crate) fn existing(&self, likeness: &Likeness, exec: bool) -> Option<Outcome> {
        // Whether one that this run makes reaches the command is known once its turn is over.
        let _turn = exec.then(|| self.turn(likeness));
        lock(&self.state).known(likeness, exec)
    }

    /// Makes one object, or finds it, and passes the secret of one that it made to the command of `--exec`.
    ///
    /// # Errors
    /// Those of the calls; one in doubt where it cannot be told whether the object was made.
    pub(crate) fn make(&self, run: &Run<'_>, likeness: &Likeness, body: &str) -> Result<Outcome, Error> {
        let _turn = self.turn(likeness);
        if let Some(outcome) = lock(&self.state).known(likeness, run.exec.is_some()) {
            return Ok(outcome);
        }
        let outcome = self.create(run.api, likeness, body)?.pass_on(run.exec);
        if outcome.delivered {
            lock(&self.state).passed_on.insert(likeness.clone());
        }
        Ok(outcome)
    }

    fn create(&self, api: &Api, likeness: &Likeness, body: &str) -> Result<Outcome, Error> {
        if let Some(what) = lock(&self.state).doubtful.get(likeness) {
            return Err(Error::unresolved(what.clone()));
        }
        let mut backoff = api.backoff();
        loop {
            let from = Instant::now();
            let lost = match api.create_once(likeness.kind, self.team, body) {
                Ok(object) => {
                    self.note(&object);
                    return Ok(Outcome::new(object, "created"));
                }
                Err(Fault::Error(e)) => return Err(e),
                Err(Fault::Lost(what)) => what,
            };
            // The API may still be busy with it. A stop makes no API faster, so it does not shorten this pause.
            std::thread::sleep(SETTLE);
            if let Some(outcome) = self.find_lost(api, likeness, from, &lost)? {
                return Ok(outcome);
            }
            let pause = backoff.pause(None);
            if !pause.is_some_and(|pause| api.pause(pause)) {
                return Err(Error::temporary(format!("not created: {lost}")));
            }
        }
    }

    /// Searches the account for an object whose response was lost; `None` where it was not made. With `--once` it is
    /// adopted.
    ///
    /// # Errors
    /// One in doubt, which names the candidates.
    fn find_lost(
        &self,
        api: &Api,
        likeness: &Likeness,
        from: Instant,
        lost: &str,
    ) -> Result<Option<Outcome>, Error> {
        let candidates = self.candidates(api, likeness, from).map_err(|e| {
            let what = format!(
                "the response was lost ({lost}), and so was the search for the object: {e}; \
                 check with oauth-ls whether it was created before you run this again"
            );
            self.unresolved(likeness, what)
        })?;
        match &candidates[..] {
            [] => Ok(None),
            [one] if self.once => match adopt(api, likeness, one) {
                Ok(object) => {
                    self.note(&object);
                    Ok(Some(Outcome::renewed(object, "created")))
                }
                Err(e) => {
                    let place = likeness.kind.label(one);
                    let what = format!(
                        "the response was lost ({lost}); {place} was created, and its secret is lost: {e}"
                    );
                    Err(self.unresolved(likeness, what))
                }
            },
            several => {
                let places = likeness.kind.label(&several.join(", "));
                let mut what = format!("the response was lost ({lost}); it may have been created: {places}");
                if likeness.client.is_some() {
                    what.push_str("; oauth-ls -o secret shows its grant code");
                }
                Err(self.unresolved(likeness, what))
            }
        }
    }

    /// The error of a create that may have been applied.
    fn unresolved(&self, likeness: &Likeness, what: String) -> Error {
        if self.once {
            lock(&self.state).doubtful.insert(likeness.clone(), what.clone());
        }
        Error::unresolved(what)
    }

    /// Ids of objects like the one whose response was lost, which are younger than the request and were not made
    /// elsewhere in this run.
    fn candidates(&self, api: &Api, likeness: &Likeness, from: Instant) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        api.each(likeness.kind, self.team, &mut |record, date| {
            let since = date - from.elapsed().as_secs() as Unix - SKEW;
            let born = time::parse_rfc3339(&record.text(&["created_at"]));
            if Likeness::of(record) == *likeness
                && born.is_none_or(|born| born >= since)
                && !lock(&self.state).own.contains(record.id.as_ref())
            {
                found.push(record.id.to_string());
            }
        })?;
        Ok(found)
    }

    fn note(&self, object: &Object) {
        let mut state = lock(&self.state);
        if self.once {
            state.remember(object);
        }
        state.own.insert(object.record.id.to_string());
    }

    /// Waits until no other thread makes one alike.
    fn turn<'s>(&'s self, likeness: &'s Likeness) -> Turn<'s> {
        let mut state = lock(&self.state);
        while !state.busy.insert(likeness.clone()) {
            state = self.free.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Turn { state: &self.state, free: &self.free, likeness }
    }
}

/// The right to make one object of a likeness; ends when dropped.
struct Turn<'s> {
    state: &'s Mutex<State>,
    free: &'s Condvar,
    likeness: &'s Likeness,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(self.state).busy.remove(self.likeness);
        self.free.notify_all();
    }
}

/// The object that was made, with its secret: a new one, except for an authorization that is made for a client. That
/// cannot be rotated, and the API shows its grant code.
fn adopt(api: &Api, likeness: &Likeness, id: &str) -> Result<Object, Error> {
    match likeness.client {
        Some(_) => api.get(likeness.kind, id),
        None => api.rotate(likeness.kind, id),
    }
}
