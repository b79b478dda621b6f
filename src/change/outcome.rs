//! The result of the change to one item.

use std::borrow::Cow;

use crate::api::{Api, Object};
use crate::base::error::Error;
use crate::change::exec::Exec;
use crate::change::targets::Item;
use crate::record::Record;
use crate::record::kind::Kind;

/// The result of the change to one item.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The object in the response, if there was one.
    pub(crate) object: Option<Object>,
    /// `created`, `revoked`, ….
    pub(crate) status: &'static str,
    /// Members to add after the header fields of the record.
    pub(crate) added: Vec<(&'static str, String)>,
    /// The command of `--exec` has received the secret.
    pub(crate) delivered: bool,
    /// The line in the log could not be completed, which has been reported.
    pub(crate) unlogged: bool,
    /// An error after the change was made: the record is printed, and the item counts as failed.
    pub(crate) failure: Option<Error>,
}

impl Outcome {
    /// Creates an outcome without a response.
    pub(crate) fn bare(status: &'static str) -> Outcome {
        Outcome { object: None, status, added: Vec::new(), delivered: false, unlogged: false, failure: None }
    }

    /// Creates an outcome from the object in the response.
    pub(crate) fn new(object: Object, status: &'static str) -> Outcome {
        Outcome { object: Some(object), ..Outcome::bare(status) }
    }

    /// Creates the outcome of a rotation. If the response holds no complete secret, the rotation was made, but nobody
    /// knows the new secret: that is a failure, and no reason to repeat it.
    pub(crate) fn renewed(object: Object, status: &'static str) -> Outcome {
        let failure = object.record.whole_secret().is_none().then(|| {
            Error::failed("the response holds no complete secret: there is a new one that nobody knows")
                .with_hint("rotate it again with oauth-rot, or remove it with oauth-rm")
        });
        Outcome { failure, ..Outcome::new(object, status) }
    }

    /// Revokes an authorization that was passed to a command. The command may have revoked it itself, so it may be gone
    /// already.
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

    /// Passes the new secret to the command of `--exec`. Does nothing if there is no command, or the outcome is a
    /// failure.
    pub(crate) fn pass_on(mut self, exec: Option<&Exec>) -> Outcome {
        if let (Some(exec), Some(object), None) = (exec, &self.object, &self.failure) {
            self.failure = exec.run(&object.record).err();
            self.delivered = self.failure.is_none();
        }
        self
    }

    /// Returns whether it holds a new secret that no command has received.
    pub(crate) fn holds_new_secret(&self) -> bool {
        let new = matches!(self.status, "created" | "rotated") && !self.delivered;
        new && self.object.as_ref().is_some_and(|object| object.record.whole_secret().is_some())
    }

    /// Returns the record to print.
    pub(crate) fn record<'a>(&'a self, item: &'a Item<'_>) -> Record<'a> {
        let mut record = match &self.object {
            Some(object) => object.record.borrowed(),
            None => Record::bare(item.kind, &item.id, self.status),
        };
        record.status = Cow::Borrowed(self.status);
        record.added.clone_from(&self.added);
        record
    }

    /// Returns the id of the object that was created or changed.
    pub(crate) fn id<'a>(&'a self, item: &'a Item<'_>) -> &'a str {
        self.object.as_ref().map_or(&item.id, |object| &object.record.id)
    }
}
