//! Creation that never makes a second object (DESIGN: "never twice, never lost").

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::api::call::{Fault, SETTLE};
use crate::api::{Answer, Api};
use crate::base::error::Error;
use crate::base::sync::lock;
use crate::base::time::{self, Unix};
use crate::change::outcome::Done;
use crate::record::Record;
use crate::record::kind::Kind;

/// What the API calls an authorization without a description (WIRE.md). Sent in full, so that what was made can be
/// recognised after a lost answer.
pub(crate) const DEFAULT_DESCRIPTION: &str = "Long-lived user authorization";
/// How far the clocks that date objects and answers may differ, in seconds.
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
    /// With `--once`: what was there before the run or was made in it, as far as it is wanted, secrets masked.
    existing: Mutex<HashMap<Likeness, (String, Unix)>>,
    /// With `--once`: what may have been made without our knowing, and what was said about it. Not made again either.
    doubtful: Mutex<HashMap<Likeness, String>>,
    /// What this run has made itself.
    own: Mutex<HashSet<String>>,
    /// What this run has handed over to a command.
    handed: Mutex<HashSet<Likeness>>,
    /// Two alike are not made side by side: a lost one could not be told from the other.
    busy: Mutex<HashSet<Likeness>>,
    free: Condvar,
}

impl<'a> Maker<'a> {
    /// A maker. `wanted` are the objects to be made where those that exist shall not be made again (`--once`).
    ///
    /// # Errors
    /// Those of the list.
    pub(crate) fn new(
        api: &Api,
        team: Option<&'a str>,
        wanted: Option<&HashSet<Likeness>>,
    ) -> Result<Maker<'a>, Error> {
        let maker = Maker {
            team,
            once: wanted.is_some(),
            existing: Mutex::default(),
            doubtful: Mutex::default(),
            own: Mutex::default(),
            handed: Mutex::default(),
            busy: Mutex::default(),
            free: Condvar::new(),
        };
        let wanted = wanted.into_iter().flatten();
        let kinds: HashSet<Kind> = wanted.clone().map(|w| w.kind).collect();
        let wanted: HashSet<&Likeness> = wanted.collect();
        for kind in kinds {
            api.each(kind, team, &mut |record, date| {
                // What has expired grants nothing: it does not stand for one that is wanted.
                if record.status == "active" && wanted.contains(&Likeness::of(record)) {
                    maker.remember(record, date);
                }
            })?;
        }
        Ok(maker)
    }

    fn remember(&self, record: &Record<'_>, date: Unix) {
        lock(&self.existing).entry(Likeness::of(record)).or_insert((record.masked_line(), date));
    }

    /// What exists already, where that shall not be made again; a failure in it where it should go to a command.
    pub(crate) fn existing(&self, likeness: &Likeness, exec: Option<&str>) -> Option<Done> {
        // Whether one that this run makes gets into the command's hands is known once its turn is over.
        let _turn = exec.map(|_| self.turn(likeness));
        self.known(likeness, exec)
    }

    fn known(&self, likeness: &Likeness, exec: Option<&str>) -> Option<Done> {
        let existing = lock(&self.existing);
        let (json, date) = existing.get(likeness)?;
        let exists = Done::new(Answer::known(json.clone(), *date), "exists");
        if exec.is_none() || lock(&self.handed).contains(likeness) {
            return Some(exists);
        }
        let what = "it exists already, and its secret cannot be handed over".to_owned();
        let hint = "oauth-rot --exec gives it a new secret, and hands that over";
        Some(Done { failed: Some(Error::Left { what, hint }), ..exists })
    }

    /// Makes one object, or finds it, and hands the secret of one that it made to a command, if there is one.
    ///
    /// # Errors
    /// Those of the calls; [`Error::Unresolved`] where it cannot be told whether it was made.
    pub(crate) fn make(
        &self,
        api: &Api,
        likeness: &Likeness,
        body: &str,
        exec: Option<&str>,
    ) -> Result<Done, Error> {
        let _turn = self.turn(likeness);
        if let Some(done) = self.known(likeness, exec) {
            return Ok(done);
        }
        let done = self.made(api, likeness, body)?.hand_over(api, likeness.kind, exec);
        if done.handed {
            lock(&self.handed).insert(likeness.clone());
        }
        Ok(done)
    }

    /// Makes one object.
    fn made(&self, api: &Api, likeness: &Likeness, body: &str) -> Result<Done, Error> {
        if let Some(what) = lock(&self.doubtful).get(likeness) {
            return Err(Error::Unresolved { what: what.clone() });
        }
        let mut backoff = api.backoff();
        loop {
            let from = Instant::now();
            let lost = match api.create_once(likeness.kind, self.team, body) {
                Ok(answer) => {
                    self.note(likeness.kind, &answer);
                    return Ok(Done::new(answer, "created"));
                }
                Err(Fault::Error(e)) => return Err(e),
                Err(Fault::Lost(what)) => what,
            };
            // What is looked for must be there by then, if it ever will be. A stop makes no API faster, so it waits.
            std::thread::sleep(SETTLE);
            let candidates = match self.candidates(api, likeness, from) {
                Ok(candidates) => candidates,
                Err(e) => {
                    let what = format!(
                        "the answer was lost ({lost}), and so was the look for it: {e}; \
                         before you give it again, see with oauth-ls whether it was made"
                    );
                    return Err(self.unresolved(likeness, what));
                }
            };
            match &candidates[..] {
                [] => match backoff.pause(None) {
                    Some(pause) if api.pause(pause) => {}
                    _ => {
                        let what = format!("not made: {lost}");
                        return Err(Error::Temporary { what, unreachable: false });
                    }
                },
                [one] if self.once => match adopt(api, likeness, one) {
                    Ok(answer) => {
                        self.note(likeness.kind, &answer);
                        return Ok(Done::renewed(likeness.kind, answer, "created"));
                    }
                    Err(e) => {
                        let place = likeness.kind.place(one);
                        let what = format!(
                            "the answer was lost ({lost}); {place} was made, and its secret is lost: {e}"
                        );
                        return Err(self.unresolved(likeness, what));
                    }
                },
                several => {
                    let places = likeness.kind.place(&several.join(", "));
                    let mut what = format!("the answer was lost ({lost}); it may have been made: {places}");
                    if likeness.client.is_some() {
                        what.push_str(", whose grant code oauth-ls -o secret shows");
                    }
                    return Err(self.unresolved(likeness, what));
                }
            }
        }
    }

    /// The error of a create that may have been applied.
    fn unresolved(&self, likeness: &Likeness, what: String) -> Error {
        if self.once {
            lock(&self.doubtful).insert(likeness.clone(), what.clone());
        }
        Error::Unresolved { what }
    }

    /// Objects like the one whose answer was lost that are younger than the request for it, and not from elsewhere
    /// in this run.
    fn candidates(&self, api: &Api, likeness: &Likeness, from: Instant) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        api.each(likeness.kind, self.team, &mut |record, date| {
            let since = date - from.elapsed().as_secs() as Unix - SKEW;
            let born = time::parse_rfc3339(&record.text(&["created_at"]));
            if Likeness::of(record) == *likeness
                && born.is_none_or(|born| born >= since)
                && !lock(&self.own).contains(record.id.as_ref())
            {
                found.push(record.id.to_string());
            }
        })?;
        Ok(found)
    }

    fn note(&self, kind: Kind, answer: &Answer) {
        if let Ok(record) = answer.record(kind) {
            if self.once {
                self.remember(&record, answer.date);
            }
            lock(&self.own).insert(record.id.into_owned());
        }
    }

    /// Waits until no other thread makes one alike.
    fn turn<'s>(&'s self, likeness: &'s Likeness) -> Turn<'s> {
        let mut busy = lock(&self.busy);
        while !busy.insert(likeness.clone()) {
            busy = self.free.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
        Turn { busy: &self.busy, free: &self.free, likeness }
    }
}

/// The right to make one object of a likeness; ends when dropped.
struct Turn<'s> {
    busy: &'s Mutex<HashSet<Likeness>>,
    free: &'s Condvar,
    likeness: &'s Likeness,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(self.busy).remove(self.likeness);
        self.free.notify_all();
    }
}

/// The one that was made, with its secret: a new one, but for an authorization that is made for a client. That cannot
/// be rotated, and the API shows its grant code.
fn adopt(api: &Api, likeness: &Likeness, id: &str) -> Result<Answer, Error> {
    match likeness.client {
        Some(_) => api.get(likeness.kind, id),
        None => api.rotate(likeness.kind, id),
    }
}
