//! Compares the result of an operation with what is expected.

use oauth_tools::sandbox::Server;

use super::cell::{NAME, Operation, Verb};
use super::rules::Outcome;
use crate::common::client::{status, try_send};
use crate::common::{Objects, Ran, ids, masks, objects, records, secret, text_at};

/// A cell after its run.
pub(crate) struct Judged<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) target: &'a str,
    pub(crate) before: &'a Objects,
    pub(crate) server: &'a Server,
    pub(crate) ran: &'a Ran,
}

/// Returns the problem `what` unless `right`.
fn must(right: bool, what: &str) -> Result<(), String> {
    if right { Ok(()) } else { Err(what.to_owned()) }
}

impl Judged<'_> {
    /// Compares all that can be seen with what must be seen.
    pub(crate) fn judge(&self, expected: &Outcome) -> Result<(), String> {
        must(self.ran.status == expected.status, "another exit status")?;
        let after = objects(self.server);
        let touched = self.state(expected, &after)?;
        let sent = self.server.stats().requests(self.operation.work);
        must(sent <= 1 || !expected.one_request, &format!("{sent} requests were sent"))?;
        self.output(expected, &after, &touched)?;
        self.messages(expected, &touched)
    }

    /// Checks that the account has the expected change, and no other. Returns the object's id.
    fn state(&self, expected: &Outcome, after: &Objects) -> Result<String, String> {
        let mut wanted = self.before.clone();
        let mut id = self.target.to_owned();
        match self.operation.verb {
            Verb::Replace if expected.applied || (expected.status != 75 && !self.operation.creates()) => {
                let new: Vec<&String> = after.keys().filter(|id| !self.before.contains_key(*id)).collect();
                let [new] = new[..] else { return Err(format!("{} successors were made", new.len())) };
                must(after[new].name == self.before[&id].name, "the successor has another name")?;
                if expected.status == 0 || (expected.applied && !self.operation.creates()) {
                    wanted.remove(&id);
                }
                id.clone_from(new);
                wanted.insert(id.clone(), after[new].clone());
            }
            _ if !expected.applied => {}
            Verb::Read | Verb::Replace => {}
            Verb::Remove => drop(wanted.remove(&id)),
            Verb::Make { .. } => {
                let new: Vec<&String> = after.keys().filter(|id| !self.before.contains_key(*id)).collect();
                let [new] = new[..] else { return Err(format!("{} objects were made", new.len())) };
                must(
                    after[new].kind == self.operation.kind && after[new].name == NAME,
                    "another object was made",
                )?;
                id.clone_from(new);
                wanted.insert(id.clone(), after[new].clone());
            }
            Verb::Rotate => {
                must(after[&id].secret != self.before[&id].secret, "the secret is the old one")?;
                wanted.insert(id.clone(), after[&id].clone());
            }
            Verb::Rename => {
                must(after[&id].name == NAME, "the name is not the new one")?;
                wanted.insert(id.clone(), after[&id].clone());
            }
        }
        must(*after == wanted, "the account is not what it should be")?;
        Ok(id)
    }

    /// Checks that standard output has the right records, all complete, with a secret that works.
    fn output(&self, expected: &Outcome, after: &Objects, touched: &str) -> Result<(), String> {
        let shown = records(&self.ran.out)?;
        let status = match self.operation.verb {
            Verb::Read if self.target.is_empty() => {
                // Pages that came before the fault are there, each record once.
                let mut got = ids(&shown);
                got.sort();
                let count = got.len();
                got.dedup();
                must(got.len() == count, "a record came twice")?;
                must(got.iter().all(|id| after.contains_key(id)), "a record was made up")?;
                return must(expected.status != 0 || count == 2500, &format!("{count} records came"));
            }
            // The successor is there, and so is its record.
            Verb::Replace if expected.status != 75 && !self.operation.creates() => "created",
            _ if expected.status != 0 => {
                return must(shown.is_empty(), "there is a record where nothing is certain");
            }
            Verb::Read => "active",
            Verb::Make { .. } | Verb::Replace => "created",
            Verb::Remove if self.operation.kind == "authz" => "revoked",
            Verb::Remove => "deleted",
            Verb::Rotate => "rotated",
            Verb::Rename => "updated",
        };
        let [record] = &shown[..] else { return Err(format!("{} records came", shown.len())) };
        must(text_at(record, "/id") == touched, "the record is about another object")?;
        must(record["kind"] == self.operation.kind, "the record is of another kind")?;
        must(record["status"] == status, "the record has another status")?;
        if matches!(self.operation.verb, Verb::Make { .. } | Verb::Rotate | Verb::Replace) {
            let secret = secret(record).ok_or("the record has no secret")?;
            must(masks(&after[touched].secret, &secret), "the secret is not the object's")?;
            must(self.works(touched, &secret), "the secret does not work")?;
        }
        Ok(())
    }

    /// Returns whether the server accepts a secret as that of an object.
    fn works(&self, id: &str, secret: &str) -> bool {
        if self.operation.kind == "authz" {
            return status(self.server, secret, "/account") == 200;
        }
        let path = format!("/oauth/clients/{id}");
        let response = try_send(self.server, self.server.token(), ("GET", &path), "", "");
        response.is_some_and(|r| r.status == 200 && text_at(&r.json(), "/secret") == secret)
    }

    /// Checks that standard error explains a failure, and shows neither secrets nor control characters.
    fn messages(&self, expected: &Outcome, touched: &str) -> Result<(), String> {
        let err = &self.ran.err;
        must(
            !err.contains(|c: char| c.is_control() && c != '\n'),
            "there are control characters in a message",
        )?;
        must(
            err.lines().all(|line| line.starts_with(&format!("{}: ", self.operation.program()))),
            "a message does not begin with the program's name",
        )?;
        must(!err.contains("HRKU-") && !err.contains(self.server.token()), "there is a token in a message")?;
        for record in records(&self.ran.out)? {
            must(secret(&record).is_none_or(|s| !err.contains(&s)), "there is a secret in a message")?;
        }
        must(
            expected.status == 0 || err.lines().any(|line| line.len() > 30),
            "the failure is not explained",
        )?;
        must(!expected.named || err.contains(touched), &format!("{touched} is not named"))?;
        must(!expected.waits || err.contains(": retrying in "), "the wait is not reported")?;
        must(!expected.silent || err.is_empty(), "there is a message")
    }
}
