//! `oauth-rot --replace`: creates a second authorization like the first, and tests its token before the first is
//! revoked.
//!
//! The steps are: create the successor, test its token, pass it to the command, revoke the old authorization. The
//! `--rest` file says which of them are done, so that a second run goes on with the same successor (`resume`).

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::api::Object;
use crate::api::creation::DEFAULT_DESCRIPTION;
use crate::base::error::Error;
use crate::base::id;
use crate::base::secret::{Likeness as Visible, Secret};
use crate::base::sync::lock;
use crate::base::time::{self, Unix};
use crate::change::create::{Likeness, Maker};
use crate::change::guard::compare;
use crate::change::log;
use crate::change::outcome::{Outcome, resume};
use crate::change::targets::{Item, Targets};
use crate::change::{Change, Effect, Plan, Run, Step};
use crate::record::json::is_broken_text;
use crate::record::kind::{Kind, check_id};
use crate::record::{Expiry, Record};
use crate::session::Session;
use crate::tools::rot::resume::{Orphans, SHARED, resumed};

/// Creates a successor with the same description, scopes and lifetime, and tests its token. With `--exec` the token is
/// passed to the command, and the old authorization is revoked if the command succeeds. Without, the old one is kept.
pub(crate) struct Replace<'a> {
    /// The team whose list gets the successors; `None` for the account's own list.
    pub(crate) team: Option<&'a str>,
    /// The description of the successors, if not that of the old ones; `%d` in it is the date.
    pub(crate) description: Option<&'a str>,
    /// The old authorization is revoked at the end.
    pub(crate) revokes: bool,
    /// There is a `--rest` file.
    pub(crate) rest: bool,
}

/// What is known before the first change.
pub(crate) struct Ready<'a> {
    maker: Maker<'a>,
    orphans: Orphans,
}

impl<'a> Change for Replace<'a> {
    type Ready = Ready<'a>;

    fn effect(&self) -> Effect {
        if self.revokes { Effect::Alters } else { Effect::Creates }
    }

    fn asks(&self, _: Kind) -> Option<(&'static str, &'static str)> {
        self.revokes.then_some(("replace", "replaced"))
    }

    fn accept(&self, item: &Item<'_>) -> Result<(), String> {
        crate::tools::only(item.kind, super::TOOL.kinds, "rotated")?;
        if item.kind != Kind::Authz || item.id == "~" {
            return Err("--replace works on authorizations that are given by id".to_owned());
        }
        let fields = item.fields();
        if let Some(old) = &fields.replaces {
            check_id(old).map_err(|e| format!("replaces: {e}"))?;
            if id::same(old, &item.id) {
                return Err("it cannot replace itself".to_owned());
            }
        }
        match &fields.replacing_since {
            Some(at) if time::parse_rfc3339(at.trim_start_matches(SHARED)).is_none() || at.len() > 32 => {
                Err("replacing_since is not an RFC 3339 time".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn prepare(&self, session: &mut Session, targets: Option<&Targets>) -> Result<Ready<'a>, Error> {
        let mut ids = HashSet::new();
        let mut replaced = HashSet::new();
        for item in targets.iter().flat_map(|targets| targets.iter()) {
            if let Some(old) = &item.fields().replaces
                && !replaced.insert(id::key(old))
            {
                return Err(Error::input(format!("two records replace authz {old}: leave one of them out")));
            }
            ids.insert(id::key(&item.id));
        }
        if let Some(both) = replaced.intersection(&ids).next() {
            let what = format!("authz {both} and its successor are both in the input: leave one of them out");
            return Err(Error::input(what));
        }
        let api = if self.rest { Some(session.api()?) } else { None };
        Ok(Ready { maker: Maker::new(self.team), orphans: Orphans::look_up(api, self.team, ids)? })
    }

    fn plan(&self, _: &Ready<'a>, _: &Item<'_>) -> Result<Plan, Error> {
        Ok(Plan::bare("would-replace"))
    }

    /// An error after the successor was created is the failure of the outcome: its record must still be printed, since
    /// both authorizations are live.
    fn apply(&self, ready: &Ready<'a>, run: &Run<'_>, item: &Item<'_>, _: &Step) -> Result<Outcome, Error> {
        let Some(old) = &item.fields().replaces else { return self.replace(ready, run, item, &item.id) };
        match resumed(run, &item.id)? {
            // The old one may be the one in use, or not exist any more: it is not looked up.
            Some(outcome) => Ok(finish(run, old, outcome, true)),
            // Someone has removed the successor.
            None => self.replace(ready, run, item, old),
        }
    }
}

impl<'a> Replace<'a> {
    /// Creates the successor of `old`, and goes on from there.
    fn replace(
        &self,
        Ready { maker, orphans }: &Ready<'a>,
        run: &Run<'_>,
        item: &Item<'_>,
        old: &str,
    ) -> Result<Outcome, Error> {
        let Object { record, date, .. } = run.api.get(Kind::Authz, old)?;
        let since = item.fields().replacing_since.as_deref();
        let began = since.and_then(|at| time::parse_rfc3339(at.trim_start_matches(SHARED)));
        let (likeness, body) = successor(&record, self.description, began.unwrap_or(date))?;
        let in_use = compare(run.api, &record) != Visible::Differs;
        // Others alike wait until this one is recorded: a successor that no record names must be the only one.
        let turn = maker.turn(&likeness);
        let note = |id: &str, replaces: Option<&str>, since: Option<&str>| match run.rest {
            Some(rest) => lock(rest).rewrite(item, id, replaces, since),
            None => Ok(()),
        };
        let orphan = match since {
            Some(since) => orphans.find(run.api, self.team, &likeness, since)?,
            None => None,
        };
        let outcome = match orphan {
            Some(id) => Outcome::renewed(run.api.rotate(Kind::Authz, &id)?, "created").held_to(&body),
            None => {
                let at = time::rfc3339(date).unwrap_or_default();
                let shared = format!("{SHARED}{at}");
                note(old, None, Some(if orphans.is_unique(&likeness) { &at } else { &shared }))?;
                // After an error the run may create others alike, so that they are not the only ones any more.
                maker
                    .create(run.api, &likeness, &body)
                    .or_else(|e| note(old, None, Some(&shared)).and(Err(e)))?
            }
        };
        // If this fails, the earlier record of the step leads to the successor.
        let noted = note(outcome.id(item), Some(old), None);
        drop(turn);
        noted.unwrap_or_else(|e| run.api.messages().error("--rest", &e));
        Ok(finish(run, old, outcome, in_use))
    }
}

/// Returns the likeness of the successor and the body of the request that creates it, at a time that its description may
/// name.
fn successor(old: &Record<'_>, description: Option<&str>, at: Unix) -> Result<(Likeness, String), Error> {
    if !old.text(&["client"]).is_empty() {
        return Err(Error::failed("it was created through a client, whose application must renew it"));
    }
    // Its text cannot be sent, and another one would not be its description.
    if description.is_none() && old.member("description").is_some_and(is_broken_text) {
        return Err(Error::failed("its description is not valid text").with_hint("give it another with -d"));
    }
    let scope: Vec<String> = old.text(&["scope"]).split(' ').map(str::to_owned).collect();
    let date = time::rfc3339(at).unwrap_or_default();
    let mut name = match description {
        Some(text) => text.replace("%d", date.get(..10).unwrap_or_default()),
        None => old.name(),
    };
    if name.is_empty() {
        // Sent explicitly, so that the successor can be recognised after a lost response.
        DEFAULT_DESCRIPTION.clone_into(&mut name);
    }
    let mut body = Map::new();
    body.insert("scope".to_owned(), json!(scope));
    body.insert("description".to_owned(), json!(name));
    if let Some(seconds) = lifetime(old)? {
        body.insert("expires_in".to_owned(), json!(seconds));
    }
    Ok((Likeness::new(Kind::Authz, &name, scope), Value::Object(body).to_string()))
}

/// Goes on after the successor exists. `in_use` says that the old authorization may be the one in use.
fn finish(run: &Run<'_>, old: &str, mut outcome: Outcome, in_use: bool) -> Outcome {
    outcome.added.push(("replaces", old.to_owned()));
    if outcome.failure.is_none() {
        outcome.failure = pass_on(run, old, &mut outcome, in_use).err();
    }
    outcome
}

/// Tests the token of the successor, passes it to the command, and revokes the old authorization.
fn pass_on(run: &Run<'_>, old: &str, outcome: &mut Outcome, in_use: bool) -> Result<(), Error> {
    let Some(new) = outcome.full_record() else { return Ok(()) };
    let id = new.id.to_string();
    let both = |e: &Error| {
        Error::failed(format!("both it and its successor {id} are live: {e}")).with_hint(resume(&id, old))
    };
    let Some(token) = new.whole_secret().map(Secret::new) else {
        return Err(Error::failed("its successor has no token"));
    };
    run.api.prove(&token).map_err(|e| both(&e))?;
    let Some(exec) = run.exec else { return Ok(()) };
    exec.run(&new).map_err(|e| {
        let text = format!("both it and its successor {id} are live: {e}");
        e.with_text(text).with_hint(resume(&id, old))
    })?;
    outcome.delivered = true;
    let revoke = || Outcome::revoke(run.api, old, Some(&token).filter(|_| in_use));
    log::around(run.log, Kind::Authz, old, revoke).map_err(|e| both(&e))?;
    outcome.added.push(("revoked", old.to_owned()));
    Ok(())
}

/// Returns the whole lifetime of the old authorization, in seconds; `None` if it never expires.
fn lifetime(old: &Record<'_>) -> Result<Option<i64>, Error> {
    if !matches!(old.expiry, Expiry::At(_) | Expiry::Past) {
        return Ok(None);
    }
    match old.lifetime() {
        Some(seconds) if old.status != "expired" => Ok(Some(seconds)),
        // The API reports 0 seconds left for every expired token, so the time of its expiry is unknown.
        _ => Err(Error::failed("it has expired, and its lifetime is no longer known")
            .with_hint("create a new one with oauth-mk")),
    }
}
