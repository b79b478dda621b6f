//! What came of one item, on its way to the output.

use crate::api::{Answer, Api};
use crate::base::error::Error;
use crate::change::exec;
use crate::change::targets::Item;
use crate::output::Output;
use crate::record::Record;
use crate::record::kind::Kind;

/// What came of one item.
pub(crate) struct Done {
    /// The answer, if there was one to print.
    pub answer: Option<Answer>,
    /// The news: `created`, `revoked`, ….
    pub status: &'static str,
    /// Members to add behind the record's lead.
    pub added: Vec<(&'static str, String)>,
    /// Its secret is in a command's hands already.
    pub handed: bool,
    /// The log does not tell what came of it, which has been said.
    pub unlogged: bool,
    /// What failed after the change: its record is printed all the same, and the item is not done.
    pub failed: Option<Error>,
}

impl Done {
    /// An answer and its news.
    pub(crate) fn new(answer: Answer, status: &'static str) -> Done {
        Done { answer: Some(answer), ..Done::bare(status) }
    }

    /// An answer that brings a new secret. Without a whole one it is done all the same, and must not be sent again
    /// blindly: what the secret is now, nobody knows.
    pub(crate) fn renewed(kind: Kind, answer: Answer, status: &'static str) -> Done {
        let failed = (!answer.holds_secret(kind)).then(|| Error::Left {
            what: "the answer has no whole secret in it: there is a new one, and nobody knows it".to_owned(),
            hint: "give it another one with oauth-rot, or remove it with oauth-rm",
        });
        Done { failed, ..Done::new(answer, status) }
    }

    /// News without an answer.
    pub(crate) fn bare(status: &'static str) -> Done {
        Done { answer: None, status, added: Vec::new(), handed: false, unlogged: false, failed: None }
    }

    /// Revokes an authorization that a command had to do with: it may have done that itself, which is as good.
    ///
    /// # Errors
    /// Those of the call.
    pub(crate) fn revoke(api: &Api, id: &str) -> Result<Done, Error> {
        match api.delete(Kind::Authz, id) {
            Ok(answer) => Ok(Done { answer, ..Done::bare("revoked") }),
            Err(Error::Refused(refusal)) if refusal.is_gone() => Ok(Done::bare("revoked")),
            Err(e) => Err(e),
        }
    }

    /// Hands the new secret, if it is known, to a command, if there is one.
    pub(crate) fn hand_over(mut self, api: &Api, kind: Kind, command: Option<&str>) -> Done {
        if let (Some(command), Some(answer), None) = (command, &self.answer, &self.failed) {
            let record = answer.record(kind).map_err(|what| Error::Left { what, hint: "" });
            self.failed = record.and_then(|record| exec::run(api, command, &record)).err();
            self.handed = self.failed.is_none();
        }
        self
    }

    /// Whether it brings a new secret that nobody has yet.
    pub(crate) fn has_news(&self, kind: Kind) -> bool {
        let new = matches!(self.status, "created" | "rotated") && !self.handed;
        new && self.answer.as_ref().is_some_and(|answer| answer.holds_secret(kind))
    }

    /// Prints the record.
    pub(crate) fn print(&self, item: &Item<'_>, output: &mut Output<'_>) -> Result<(), Error> {
        let mut record = match &self.answer {
            Some(answer) => answer.record(item.kind).map_err(|what| Error::Temporary {
                what: format!("unusable answer: {what}"),
                unreachable: false,
            })?,
            None => Record::bare(item.kind, &item.id, self.status),
        };
        record.status = self.status.into();
        record.added.clone_from(&self.added);
        output.record(&record)
    }

    /// The id of the object that was made or changed.
    pub(crate) fn id<'a>(&'a self, item: &'a Item<'_>) -> String {
        let record = self.answer.as_ref().and_then(|a| a.record(item.kind).ok());
        record.map_or(item.id.to_string(), |r| r.id.into_owned())
    }
}
