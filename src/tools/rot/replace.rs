//! `oauth-rot --replace`: creates a second authorization like the first, and tests its token before the first is
//! revoked.

use serde_json::{Map, Value, json};

use crate::api::creation::DEFAULT_DESCRIPTION;
use crate::base::error::Error;
use crate::base::secret::Secret;
use crate::change::create::{Likeness, Maker};
use crate::change::log;
use crate::change::outcome::Outcome;
use crate::change::targets::{Item, Targets};
use crate::change::{Change, Effect, Plan, Run, Step};
use crate::record::json::is_broken_text;
use crate::record::kind::Kind;
use crate::record::{Expiry, Record};
use crate::session::Session;

/// Creates a successor with the same description, scopes and lifetime, and tests its token. With `--exec` the token is
/// passed to the command, and the old authorization is revoked if the command succeeds. Without, the old one is kept.
pub(crate) struct Replace<'a> {
    /// The team whose list gets the successors; `None` for the account's own list.
    pub(crate) team: Option<&'a str>,
    /// The old authorization is revoked at the end.
    pub(crate) revokes: bool,
}

impl<'a> Change for Replace<'a> {
    type Ready = Maker<'a>;

    fn effect(&self) -> Effect {
        if self.revokes { Effect::Alters } else { Effect::Creates }
    }

    fn accept(&self, item: &Item<'_>) -> Result<(), String> {
        crate::tools::only(item.kind, super::TOOL.kinds, "rotated")?;
        match item.kind == Kind::Authz && item.id != "~" {
            true => Ok(()),
            false => Err("--replace works on authorizations that are given by id".to_owned()),
        }
    }

    fn prepare(&self, _: &mut Session, _: Option<&Targets>) -> Result<Maker<'a>, Error> {
        Ok(Maker::new(self.team))
    }

    fn plan(&self, _: &Maker<'a>, _: &Item<'_>) -> Result<Plan, Error> {
        Ok(Plan::bare("would-replace"))
    }

    /// An error after the successor was created is the failure of the outcome: its record must still be printed, since
    /// both authorizations are live.
    fn apply(&self, maker: &Maker<'a>, run: &Run<'_>, item: &Item<'_>, _: &Step) -> Result<Outcome, Error> {
        let old = run.api.get(Kind::Authz, &item.id)?.record;
        let (likeness, body) = successor(&old)?;
        // The token is passed to the command later, when it has been tested.
        let mut outcome = maker.make(&Run { exec: None, ..*run }, &likeness, &body)?;
        outcome.added.push(("replaces", item.id.to_string()));
        outcome.failure = finish(run, item, &mut outcome).err();
        Ok(outcome)
    }
}

/// Returns the likeness of the successor and the body of the request that creates it.
fn successor(old: &Record<'_>) -> Result<(Likeness, String), Error> {
    if !old.text(&["client"]).is_empty() {
        return Err(Error::failed("it was created through a client, whose application must renew it"));
    }
    // Its text cannot be sent, and another one would not be its description.
    if old.member("description").is_some_and(is_broken_text) {
        return Err(
            Error::failed("its description is not valid text").with_hint("give it another with oauth-set -d")
        );
    }
    let scope: Vec<String> = old.text(&["scope"]).split(' ').map(str::to_owned).collect();
    let mut name = old.name();
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

/// Tests the token of the successor, passes it to the command, and revokes the old authorization.
fn finish(run: &Run<'_>, item: &Item<'_>, outcome: &mut Outcome) -> Result<(), Error> {
    let Some(new) = outcome.full_record() else { return Ok(()) };
    let id = new.id.to_string();
    let both = |e: &Error| Error::failed(format!("both it and its successor {id} are live: {e}"));
    let Some(token) = new.whole_secret() else { return Err(Error::failed("its successor has no token")) };
    run.api.prove(&Secret::new(token)).map_err(|e| both(&e))?;
    let Some(exec) = run.exec else { return Ok(()) };
    exec.run(&new).map_err(|e| both(&e))?;
    outcome.delivered = true;
    let revoke = || Outcome::revoke(run.api, &item.id);
    log::around(run.log, Kind::Authz, &item.id, revoke).map_err(|e| both(&e))?;
    outcome.added.push(("revoked", item.id.to_string()));
    Ok(())
}

/// Returns the whole lifetime of the old authorization, in seconds; `None` if it never expires.
fn lifetime(old: &Record<'_>) -> Result<Option<i64>, Error> {
    let Expiry::At(_) = old.expiry else { return Ok(None) };
    match old.lifetime() {
        Some(seconds) if old.status != "expired" => Ok(Some(seconds)),
        // The API reports 0 seconds left for every expired token, so the time of its expiry is unknown.
        _ => Err(Error::failed("it has expired, and its lifetime is no longer known")
            .with_hint("create a new one with oauth-mk")),
    }
}
