//! Looks at what an operation left behind.

use oauth_tools::sandbox::Server;

use super::ops::{NAME, Op, Verb};
use super::rules::Expected;
use crate::common::client::{status, try_send};
use crate::common::{Objects, Ran, ids, masks, objects, records, secret, text_at};

/// A cell after its run.
pub(crate) struct Judged<'a> {
    pub(crate) op: &'a Op,
    pub(crate) target: &'a str,
    pub(crate) before: &'a Objects,
    pub(crate) server: &'a Server,
    pub(crate) ran: &'a Ran,
}

/// Says what is wrong unless `right`.
fn must(right: bool, what: &str) -> Result<(), String> {
    if right { Ok(()) } else { Err(what.to_owned()) }
}

impl Judged<'_> {
    /// Compares all that can be seen with what must be seen.
    pub(crate) fn judge(&self, expected: &Expected) -> Result<(), String> {
        let code = if expected.told { 0 } else { 75 };
        must(self.ran.status == code, &format!("the status should be {code}"))?;
        let after = objects(self.server);
        let touched = self.state(expected, &after)?;
        let sent = self.server.stats().requests(self.op.endpoint);
        must(sent <= expected.requests, &format!("{sent} requests were sent"))?;
        self.output(expected, &after, &touched)?;
        self.messages(expected, &touched)
    }

    /// The account: what was asked for has happened or not, and nothing else has. Returns the object's id.
    fn state(&self, expected: &Expected, after: &Objects) -> Result<String, String> {
        let mut wanted = self.before.clone();
        let mut id = self.target.to_owned();
        match self.op.verb {
            _ if !expected.done => {}
            Verb::Read => {}
            Verb::Remove => drop(wanted.remove(&id)),
            Verb::Make { .. } => {
                let new: Vec<&String> = after.keys().filter(|id| !self.before.contains_key(*id)).collect();
                let [new] = new[..] else { return Err(format!("{} objects were made", new.len())) };
                must(after[new].kind == self.op.kind && after[new].name == NAME, "another object was made")?;
                id.clone_from(new);
                wanted.insert(id.clone(), after[new].clone());
            }
            Verb::Rotate => {
                must(after[&id].secret != self.before[&id].secret, "the secret is the old one")?;
                wanted.insert(id.clone(), after[&id].clone());
            }
            Verb::Change => {
                must(after[&id].name == NAME, "the name is not the new one")?;
                wanted.insert(id.clone(), after[&id].clone());
            }
        }
        must(*after == wanted, "the account is not what it should be")?;
        Ok(id)
    }

    /// Standard output: whole records, the right ones, and a secret that works.
    fn output(&self, expected: &Expected, after: &Objects, touched: &str) -> Result<(), String> {
        let shown = records(&self.ran.out)?;
        let news = match self.op.verb {
            Verb::Read if self.target.is_empty() => {
                // Pages that came before the fault are there, each record once.
                let mut got = ids(&shown);
                got.sort();
                let count = got.len();
                got.dedup();
                must(got.len() == count, "a record came twice")?;
                must(got.iter().all(|id| after.contains_key(id)), "a record was made up")?;
                return must(!expected.told || count == 2500, &format!("{count} records came"));
            }
            _ if !expected.told => {
                return must(shown.is_empty(), "there is a record where nothing is certain");
            }
            Verb::Read => "active",
            Verb::Make { .. } => "created",
            Verb::Remove if self.op.kind == "authz" => "revoked",
            Verb::Remove => "deleted",
            Verb::Rotate => "rotated",
            Verb::Change => "updated",
        };
        let [record] = &shown[..] else { return Err(format!("{} records came", shown.len())) };
        must(text_at(record, "/id") == touched, "the record is about another object")?;
        must(record["kind"] == self.op.kind, "the record is of another kind")?;
        must(record["status"] == news, "the record has other news")?;
        if matches!(self.op.verb, Verb::Make { .. } | Verb::Rotate) {
            let secret = secret(record).ok_or("the record has no secret")?;
            must(masks(&after[touched].secret, &secret), "the secret is not the object's")?;
            must(self.works(touched, &secret), "the secret does not work")?;
        }
        Ok(())
    }

    /// Whether the server takes a secret for what it should be.
    fn works(&self, id: &str, secret: &str) -> bool {
        if self.op.kind == "authz" {
            return status(self.server, secret, "/account") == 200;
        }
        let path = format!("/oauth/clients/{id}");
        let answer = try_send(self.server, self.server.token(), ("GET", &path), "", "");
        answer.is_some_and(|a| a.status == 200 && text_at(&a.json(), "/secret") == secret)
    }

    /// Standard error: a clear line where something went wrong, and nothing that should not stand there.
    fn messages(&self, expected: &Expected, touched: &str) -> Result<(), String> {
        let err = &self.ran.err;
        must(
            !err.contains(|c: char| c.is_control() && c != '\n'),
            "there are control characters in a message",
        )?;
        must(
            err.lines().all(|line| line.starts_with(&self.op.program())),
            "a message has no name before it",
        )?;
        must(!err.contains("HRKU-") && !err.contains(self.server.token()), "there is a token in a message")?;
        for record in records(&self.ran.out)? {
            must(secret(&record).is_none_or(|s| !err.contains(&s)), "there is a secret in a message")?;
        }
        must(expected.told || err.lines().any(|line| line.len() > 30), "nothing is said about the failure")?;
        must(!expected.named || err.contains(touched), &format!("{touched} is not named"))?;
        must(!expected.waits || err.contains("waiting"), "it does not say that it waits")?;
        must(!(expected.told && expected.quiet) || err.is_empty(), "it says something where all is well")
    }
}
