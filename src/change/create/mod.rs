//! Creates objects, and never a duplicate: after a lost response the account is searched for the object, and the
//! request is sent again only if the object is not there (docs/architecture.md, Rules: Never twice).
//!
//! - `likeness`: what makes objects alike for their users

mod likeness;

use std::collections::{HashMap, HashSet};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::api::call::Fault;
use crate::api::request::SETTLE;
use crate::api::{Api, Object};
use crate::base::error::Error;
use crate::base::id;
use crate::base::sync::lock;
use crate::base::time::{self, Unix};
use crate::change::Run;
pub(crate) use crate::change::create::likeness::{Likeness, other_lifetime};
use crate::change::outcome::Outcome;
use crate::record::kind::Kind;

/// How far the clocks that date objects and responses may differ, in seconds. An overlooked candidate would be
/// created twice, so this errs on the large side.
const SKEW: Unix = 30;

/// How much older than its request a new object may seem, in seconds, before it is assumed to be another one. Objects and
/// responses may be dated by different clocks, so this errs on the large side too.
const OLDEST: Unix = 900;

/// When a request was sent.
#[derive(Debug, Clone, Copy)]
struct Sent {
    at: Instant,
    wall: Unix,
}

impl Sent {
    fn now() -> Sent {
        Sent { at: Instant::now(), wall: time::now() }
    }

    /// Returns the seconds since then. One of the clocks stands still while a laptop sleeps, the other may be set.
    fn elapsed(self) -> Unix {
        let monotonic = Unix::try_from(self.at.elapsed().as_secs()).unwrap_or(Unix::MAX);
        monotonic.max(time::now() - self.wall)
    }
}

/// Why the object in a response is not the one that was asked for.
enum Other {
    /// It existed before the request.
    Known(String),
    /// It has other properties.
    Differs(String),
}

/// Creates objects, each once.
pub(crate) struct Maker<'a> {
    team: Option<&'a str>,
    /// What exists, or was created in this run, is not created again.
    once: bool,
    /// What existed before the run is a failure.
    strict: bool,
    /// A single object that a lost request may have created gets a new secret and is returned.
    adopts: bool,
    state: Mutex<State>,
    /// Signalled when a turn ends.
    free: Condvar,
}

#[derive(Default)]
struct State {
    /// With `--once`: the wanted objects that exist, from before the run or created in it, without secrets.
    existing: HashMap<Likeness, Object>,
    /// With `--once`: objects that a lost request may have created, with the error that was reported. They are not
    /// created again.
    doubtful: HashMap<Likeness, String>,
    /// The ids of the objects that this run has created, and with `--once` of those that existed, as [`id::key`] makes
    /// them.
    known: HashSet<String>,
    /// With `--once`, by their families: the first object that has the name of a wanted one, but another redirect URI or
    /// other scopes.
    namesakes: HashMap<Likeness, (String, Likeness)>,
    /// The objects that this run has created, and whose secrets it has passed to the command if there is one.
    done: HashSet<Likeness>,
    /// The objects that are being created. Two alike are not created at the same time: after a lost response one could
    /// not be told from the other.
    busy: HashSet<Likeness>,
}

impl State {
    fn remember(&mut self, object: &Object) {
        self.known.insert(id::key(&object.record.id));
        if let Some(record) = object.record.masked() {
            let object = Object { record, ..object.clone() };
            self.existing.entry(Likeness::of(&object.record)).or_insert(object);
        }
    }

    /// Returns an object that exists. If that is `strict`, it is a failure, unless this run is done with it.
    fn existing(&self, likeness: &Likeness, strict: bool) -> Option<Outcome> {
        let exists = Outcome::new(self.existing.get(likeness)?.clone(), "exists");
        let failure = (strict && !self.done.contains(likeness)).then(|| {
            Error::failed("it already exists, and its secret cannot be shown again")
                .with_hint("oauth-rot --exec gives it a new secret and passes that on")
        });
        Some(Outcome { failure, ..exists })
    }
}

impl<'a> Maker<'a> {
    /// Creates a maker of objects in the account, or in the list of `team`.
    pub(crate) fn new(team: Option<&'a str>) -> Maker<'a> {
        Maker {
            team,
            once: false,
            strict: false,
            adopts: false,
            state: Mutex::default(),
            free: Condvar::new(),
        }
    }

    /// Creates a maker that repairs a lost response as with `--once`, but creates what it is asked for.
    pub(crate) fn adopting() -> Maker<'a> {
        Maker { adopts: true, ..Maker::new(None) }
    }

    /// Creates a maker that does not create again what exists (`--once`). It lists the kinds of the `wanted` objects.
    ///
    /// # Errors
    /// Those of the list.
    pub(crate) fn once(
        api: &Api,
        team: Option<&'a str>,
        wanted: &HashSet<Likeness>,
    ) -> Result<Maker<'a>, Error> {
        let maker = Maker { once: true, adopts: true, ..Maker::new(team) };
        let families: HashSet<Likeness> = wanted.iter().map(Likeness::family).collect();
        let kinds: HashSet<Kind> = wanted.iter().map(|likeness| likeness.kind).collect();
        for kind in kinds {
            api.each(kind, team, &mut |record, date| {
                let real = Likeness::of(record);
                if wanted.contains(&real) {
                    lock(&maker.state).known.insert(id::key(&record.id));
                }
                // An expired object grants no access, so a new one is wanted.
                if record.status != "active" {
                    return;
                }
                let family = real.family();
                if wanted.contains(&real) {
                    let record = record.borrowed().into_owned();
                    lock(&maker.state).remember(&Object { record, date, request_id: None });
                } else if families.contains(&family) {
                    lock(&maker.state).namesakes.entry(family).or_insert((record.id.to_string(), real));
                }
            })?;
        }
        Ok(maker)
    }

    /// Makes what existed before the run a failure.
    pub(crate) fn strict(self, strict: bool) -> Maker<'a> {
        Maker { strict, ..self }
    }

    /// Returns an object that exists and is not created again.
    pub(crate) fn existing(&self, likeness: &Likeness) -> Option<Outcome> {
        // Waits for an object that is being created: only then is it known whether a command received its secret.
        let _turn = self.strict.then(|| self.turn(likeness));
        lock(&self.state).existing(likeness, self.strict)
    }

    /// Checks that no client has the same name and another redirect URI, and no authorization the same description and
    /// other scopes, unless the input has both.
    ///
    /// # Errors
    /// One that names the object and both values.
    pub(crate) fn refuse_namesake(&self, likeness: &Likeness) -> Result<(), Error> {
        match lock(&self.state).namesakes.get(&likeness.family()) {
            Some((id, other)) => Err(likeness.clash(id, other)),
            None => Ok(()),
        }
    }

    /// Creates an object and passes its secret to the command of `--exec`; with `--once` returns the object if it
    /// exists.
    ///
    /// # Errors
    /// Those of the calls; [`Class::InDoubt`](crate::base::error::Class::InDoubt) if the object may have been created.
    pub(crate) fn make(&self, run: &Run<'_>, likeness: &Likeness, body: &str) -> Result<Outcome, Error> {
        let _turn = self.turn(likeness);
        if let Some(outcome) = lock(&self.state).existing(likeness, self.strict) {
            return Ok(outcome);
        }
        let outcome = self.create(run.api, likeness, body)?.pass_on(run.exec);
        if outcome.failure.is_none() {
            lock(&self.state).done.insert(likeness.clone());
        }
        Ok(outcome)
    }

    /// Creates an object. The caller has the turn of its likeness.
    ///
    /// # Errors
    /// Those of [`Maker::make`].
    pub(crate) fn create(&self, api: &Api, likeness: &Likeness, body: &str) -> Result<Outcome, Error> {
        if let Some(what) = lock(&self.state).doubtful.get(likeness) {
            return Err(Error::unresolved(what.clone()));
        }
        let mut backoff = api.backoff();
        let request_id = api.new_request_id();
        loop {
            let sent = Sent::now();
            let (lost, again) = match api.create_once(likeness.kind, self.team, body, &request_id) {
                Ok(object) => match self.other(&object, likeness, sent) {
                    None => {
                        self.remember_created(&object);
                        return Ok(Outcome::new(object, "created").unless_dead().held_to(body));
                    }
                    // A cache, or a response that belongs to another request: this one was lost.
                    Some(Other::Known(what)) => (what, false),
                    Some(Other::Differs(what)) => {
                        let place = likeness.kind.label(&object.record.id);
                        let what =
                            format!("the response is about {place}, but {what}; its secret is not shown");
                        return Err(self.unresolved(likeness, what));
                    }
                },
                Err(Fault::Error(e)) => return Err(e),
                Err(Fault::Lost(what)) => (what, true),
            };
            // The API may still be working on the request. A signal does not shorten this pause: the search must not
            // come before the object.
            std::thread::sleep(SETTLE);
            if let Some(outcome) = self.find_lost(api, likeness, sent, &lost)? {
                return Ok(outcome.held_to(body));
            }
            if !again {
                return Err(self.unresolved(likeness, format!("{lost}; the new one was not found")));
            }
            let pause = backoff.pause(None);
            if !pause.is_some_and(|pause| api.pause(pause)) {
                return Err(Error::temporary(format!("not created: {lost}")));
            }
        }
    }

    /// Returns why the object in the response to a create cannot be the new one; `None` if it can.
    fn other(&self, object: &Object, likeness: &Likeness, sent: Sent) -> Option<Other> {
        let record = &object.record;
        let place = || likeness.kind.label(&record.id);
        if lock(&self.state).known.contains(&id::key(&record.id)) {
            return Some(Other::Known(format!("the response is about {}, which existed before", place())));
        }
        let since = object.date - sent.elapsed() - OLDEST;
        if let Some(at) = time::parse_rfc3339(&record.text(&["created_at"])).filter(|at| *at < since) {
            let at = time::rfc3339(at).unwrap_or_default();
            // Not sent again: if the API's clocks differ so much, this is the new one.
            return Some(Other::Differs(format!("it was created at {at}")));
        }
        likeness.differs(record).map(Other::Differs)
    }

    /// Searches the account for an object whose response was lost. Returns `None` if it was not created. With `--once`
    /// a single candidate gets a new secret and is returned.
    ///
    /// # Errors
    /// An error in doubt that names the candidates.
    fn find_lost(
        &self,
        api: &Api,
        likeness: &Likeness,
        sent: Sent,
        lost: &str,
    ) -> Result<Option<Outcome>, Error> {
        let candidates = self.candidates(api, likeness, sent).map_err(|e| {
            let what = format!(
                "the response was lost ({lost}), and the search for the object failed: {e}; \
                 check with oauth-ls whether it was created before you run this again"
            );
            self.unresolved(likeness, what)
        })?;
        match &candidates[..] {
            [] => Ok(None),
            [one] if self.adopts => match adopt(api, likeness, one) {
                Ok(object) => {
                    self.remember_created(&object);
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

    /// Returns the error for an object that may have been created. With `--once` the object is not created again.
    fn unresolved(&self, likeness: &Likeness, what: String) -> Error {
        if self.adopts {
            lock(&self.state).doubtful.insert(likeness.clone(), what.clone());
        }
        Error::unresolved(what)
    }

    /// Lists the ids of objects like the one whose response was lost that are younger than the request and were not
    /// created by another request of this run.
    fn candidates(&self, api: &Api, likeness: &Likeness, sent: Sent) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        api.each(likeness.kind, self.team, &mut |record, date| {
            // With --once it is known what existed before, so the dates need not tell.
            let since = date - sent.elapsed() - if self.once { OLDEST } else { SKEW };
            let created_at = time::parse_rfc3339(&record.text(&["created_at"]));
            if Likeness::of(record) == *likeness
                && created_at.is_none_or(|at| at >= since)
                && !lock(&self.state).known.contains(&id::key(&record.id))
            {
                found.push(record.id.to_string());
            }
        })?;
        Ok(found)
    }

    /// Remembers an object that this run has created.
    fn remember_created(&self, object: &Object) {
        let mut state = lock(&self.state);
        if self.once {
            state.remember(object);
        }
        state.known.insert(id::key(&object.record.id));
    }

    /// Waits until no other thread creates an object alike.
    pub(crate) fn turn<'s>(&'s self, likeness: &'s Likeness) -> Turn<'s> {
        let mut state = lock(&self.state);
        while !state.busy.insert(likeness.clone()) {
            state = self.free.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Turn { state: &self.state, free: &self.free, likeness }
    }
}

/// The right to create one object of a likeness; ends when dropped.
pub(crate) struct Turn<'s> {
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

/// Returns the object that a lost request created, with a new secret. An authorization for a client cannot be rotated,
/// but the API shows its grant code.
fn adopt(api: &Api, likeness: &Likeness, id: &str) -> Result<Object, Error> {
    match likeness.client {
        Some(_) => api.get(likeness.kind, id),
        None => api.rotate(likeness.kind, id),
    }
}

#[cfg(test)]
#[path = "../tests/create.rs"]
mod tests;
