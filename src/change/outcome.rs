//! The plan and the result of the change to one item.

use std::borrow::Cow;

use crate::api::request::Body;
use crate::api::{Api, Object, creation};
use crate::base::error::{Class, Error};
use crate::base::secret::Secret;
use crate::change::create::Likeness;
use crate::change::exec::Exec;
use crate::change::targets::Item;
use crate::record::Record;
use crate::record::kind::Kind;

/// The plan for an item.
pub(crate) enum Plan {
    /// Nothing is to be done. Protection is not checked, since nothing changes.
    Skip(Outcome),
    /// One change.
    Do(Step),
}

/// One change to one item: planned once, printed by `-n`, and sent by the run.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// The status that `-n` prints: `would-revoke`, `would-create`, ….
    pub(crate) would: &'static str,
    /// The body of the request.
    pub(crate) body: Option<Body>,
    /// How to recognise the created object after a lost response.
    pub(crate) likeness: Option<Likeness>,
}

impl Plan {
    /// Plans a step without a body.
    pub(crate) fn bare(would: &'static str) -> Plan {
        Plan::Do(Step { would, ..Step::default() })
    }
}

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
    /// knows the new secret: that is a failure, and no reason to repeat it. So is a secret that is dead already.
    pub(crate) fn renewed(object: Object, status: &'static str) -> Outcome {
        let unknown = object.record.whole_secret().is_none().then(|| {
            let what = "the response holds no complete secret: there is a new one that nobody knows";
            Error::failed(what).with_hint(recovery(&object.record))
        });
        Outcome { failure: unknown, ..Outcome::new(object, status) }.unless_dead()
    }

    /// Makes it a failure with the status `expired` if the object has expired already, so that nobody stores its secret.
    pub(crate) fn unless_dead(self) -> Outcome {
        let Some(object) = self.object.as_ref().filter(|object| object.record.status == "expired") else {
            return self;
        };
        let label = object.record.kind.label(&object.record.id);
        let failure = self.failure.or_else(|| {
            let what = "the response says that it has expired: its new secret does not work";
            let hint = format!("create another with oauth-mk, and remove this one: oauth-rm {label}");
            Some(Error::failed(what).with_hint(hint))
        });
        Outcome { status: "expired", failure, ..self }
    }

    /// Makes it a failure if a new object is not what the request to create it asked for.
    pub(crate) fn held_to(mut self, body: &str) -> Outcome {
        let object = self.object.as_ref();
        self.failure = self.failure.or_else(|| creation::objection(body, object?));
        self
    }

    /// Makes it a failure if a rotated authorization may do more than these scopes allow.
    pub(crate) fn within(mut self, before: &[String]) -> Outcome {
        let object = self.object.as_ref();
        self.failure = self.failure.or_else(|| creation::widened(before, &object?.record));
        self
    }

    /// Revokes an authorization that was passed to a command. The command may have revoked it itself, so it may be gone
    /// already. `successor` is a token that outlives it, for the case that it is the one in use: after a lost response,
    /// only a token that still works can tell that it is gone.
    ///
    /// # Errors
    /// Those of the call.
    pub(crate) fn revoke(api: &Api, id: &str, successor: Option<&Secret>) -> Result<Outcome, Error> {
        let deleted = match api.delete_as(Kind::Authz, id, successor) {
            // The successor may not do this: then the authorization is not the one in use.
            Err(e) if successor.is_some() && matches!(e.class(), Class::Refused(403) | Class::Auth) => {
                api.delete(Kind::Authz, id)
            }
            deleted => deleted,
        };
        match deleted {
            Ok(object) => Ok(Outcome { object, ..Outcome::bare("revoked") }),
            Err(e) if e.is_gone() => Ok(Outcome::bare("revoked")),
            Err(e) => Err(e),
        }
    }

    /// Passes the new secret to the command of `--exec`. Does nothing if there is no command, or the outcome is a
    /// failure.
    pub(crate) fn pass_on(mut self, exec: Option<&Exec>) -> Outcome {
        if let (Some(exec), Some(record), None) = (exec, self.full_record(), &self.failure) {
            self.failure = exec.run(&record).err().map(|e| {
                let resume = match record.kind {
                    Kind::Authz if record.secret_variable() == "HEROKU_API_KEY" => {
                        format!(
                            "oauth-rot authz {} --exec CMD gives it another and passes that on",
                            record.id
                        )
                    }
                    _ => recovery(&record),
                };
                let text = format!("{e}; it is {}, and its new secret is live", self.status);
                e.with_text(text).with_hint(resume)
            });
            self.delivered = self.failure.is_none();
        }
        self
    }

    /// Returns the record of the object in the response, with its new status.
    pub(crate) fn full_record(&self) -> Option<Record<'_>> {
        let mut record = self.object.as_ref()?.record.borrowed();
        record.status = Cow::Borrowed(self.status);
        record.added.clone_from(&self.added);
        Some(record)
    }

    /// Returns how the user gets a secret that could not be delivered; `None` if there is no new one.
    pub(crate) fn lost(&self) -> Option<String> {
        self.object.as_ref().filter(|_| self.holds_new_secret()).map(|object| recovery(&object.record))
    }

    /// Returns whether it holds a new secret that no command has received.
    pub(crate) fn holds_new_secret(&self) -> bool {
        let new = matches!(self.status, "created" | "rotated") && !self.delivered;
        new && self.object.as_ref().is_some_and(|object| object.record.whole_secret().is_some())
    }

    /// Returns the record to print.
    pub(crate) fn record<'a>(&'a self, item: &'a Item<'_>) -> Record<'a> {
        self.full_record().unwrap_or_else(|| {
            let mut record = Record::bare(item.kind, &item.id, self.status);
            record.added.clone_from(&self.added);
            record
        })
    }

    /// Returns the id of the object that was created or changed.
    pub(crate) fn id<'a>(&'a self, item: &'a Item<'_>) -> &'a str {
        self.object.as_ref().map_or(&item.id, |object| &object.record.id)
    }
}

/// Returns the command that goes on with a replacement after its successor was created.
pub(crate) fn resume(id: &str, old: &str) -> String {
    let record = format!(r#"{{"kind":"authz","id":"{id}","replaces":"{old}"}}"#);
    format!("to go on: echo '{record}' | oauth-rot --replace --exec CMD")
}

/// Returns how a user gets at a secret that was not delivered. The API shows the secrets of clients and grant codes again,
/// but no token (docs/heroku-api.md, Secrets).
fn recovery(record: &Record<'_>) -> String {
    let id = &record.id;
    if let Some((_, old)) = record.added.iter().find(|(name, _)| *name == "replaces") {
        return resume(id, old);
    }
    match record.kind {
        Kind::Client => format!("oauth-ls client {id} -S shows it; oauth-rot client {id} gives it another"),
        Kind::Token => {
            "its secret is lost: a grant code works once, so get a new one; a refresh token can be used again"
                .to_owned()
        }
        _ if !record.text(&["grant", "code"]).is_empty() => {
            format!("oauth-ls authz {id} -S shows its grant code")
        }
        _ => format!(
            "its secret is lost: oauth-rot authz {id} gives it another, oauth-rm authz {id} revokes it"
        ),
    }
}
