//! The result for one item, on its way to the output.

use std::borrow::Cow;

use crate::api::{Api, Object};
use crate::base::error::Error;
use crate::change::exec::Exec;
use crate::change::targets::Item;
use crate::record::Record;
use crate::record::kind::Kind;

/// The result for one item.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The object as the response showed it, if there was a response to print.
    pub(crate) object: Option<Object>,
    /// `created`, `revoked`, ….
    pub(crate) status: &'static str,
    /// Members to add behind the header fields of the record.
    pub(crate) added: Vec<(&'static str, String)>,
    /// The secret was passed to a command.
    pub(crate) delivered: bool,
    /// The log does not tell what came of it, which was reported.
    pub(crate) unlogged: bool,
    /// What failed after the change: the record is printed all the same, and the item counts as not done.
    pub(crate) failure: Option<Error>,
}

impl Outcome {
    /// A status without a response.
    pub(crate) fn bare(status: &'static str) -> Outcome {
        Outcome { object: None, status, added: Vec::new(), delivered: false, unlogged: false, failure: None }
    }

    /// A response and its status.
    pub(crate) fn new(object: Object, status: &'static str) -> Outcome {
        Outcome { object: Some(object), ..Outcome::bare(status) }
    }

    /// A response that brings a new secret. If it does not hold a whole one, the change is done all the same, and must
    /// not be repeated blindly: nobody knows the new secret.
    pub(crate) fn renewed(object: Object, status: &'static str) -> Outcome {
        let failure = object.record.whole_secret().is_none().then(|| {
            Error::failed("the response holds no complete secret: there is a new one that nobody knows")
                .with_hint("rotate it again with oauth-rot, or remove it with oauth-rm")
        });
        Outcome { failure, ..Outcome::new(object, status) }
    }

    /// Revokes an authorization that a command had in its hands: the command may have revoked it itself, which is as
    /// good.
    ///
    /// # Errors
    /// Those of the call.
    pub(crate) fn revoke(api: &Api, id: &str) -> Result<Outcome, Error> {
        match api.delete(Kind::Authz, id) {
            Ok(object) => Ok(Outcome { object, ..Outcome::bare("revoked") }),
            Err(e) if e.is_gone() => Ok(Outcome::bare("revoked")),
            Err(e) => Err(e),
        }
    }

    /// Passes the new secret, if it is known, to the command of `--exec`, if there is one.
    pub(crate) fn pass_on(mut self, exec: Option<&Exec>) -> Outcome {
        if let (Some(exec), Some(object), None) = (exec, &self.object, &self.failure) {
            self.failure = exec.run(&object.record).err();
            self.delivered = self.failure.is_none();
        }
        self
    }

    /// Whether it brings a new secret that nobody has yet.
    pub(crate) fn holds_new_secret(&self) -> bool {
        let new = matches!(self.status, "created" | "rotated") && !self.delivered;
        new && self.object.as_ref().is_some_and(|object| object.record.whole_secret().is_some())
    }

    /// The record to print.
    pub(crate) fn record<'a>(&'a self, item: &'a Item<'_>) -> Record<'a> {
        let mut record = match &self.object {
            Some(object) => object.record.borrowed(),
            None => Record::bare(item.kind, &item.id, self.status),
        };
        record.status = Cow::Borrowed(self.status);
        record.added.clone_from(&self.added);
        record
    }

    /// The id of the object that was made or changed.
    pub(crate) fn id<'a>(&'a self, item: &'a Item<'_>) -> &'a str {
        self.object.as_ref().map_or(&item.id, |object| &object.record.id)
    }
}
