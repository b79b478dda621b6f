//! The commands that are killed, and their inputs.

use serde_json::{Value, json};

use crate::common::text_at;

/// The change of each object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Remove,
    Rotate,
    Change,
    Make,
}

/// A bulk run.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) verb: Verb,
    pub(crate) tool: &'static str,
    pub(crate) args: &'static [&'static str],
    /// The arguments of the second run.
    pub(crate) again: &'static [&'static str],
    /// The requests that do the work, as a fault's pattern.
    pub(crate) at: &'static str,
    /// The same requests, as the sandbox counts them.
    pub(crate) endpoint: &'static str,
}

pub(crate) const JOBS: [Job; 8] = [
    Job {
        name: "rm",
        verb: Verb::Remove,
        tool: "oauth-rm",
        args: &[],
        again: &["-f"],
        at: "DELETE /oauth/authorizations",
        endpoint: "DELETE /oauth/authorizations/{id}",
    },
    Job {
        name: "rot",
        verb: Verb::Rotate,
        tool: "oauth-rot",
        args: &[],
        again: &[],
        at: "POST /oauth/authorizations/*/actions",
        endpoint: "POST /oauth/authorizations/{id}/actions/regenerate-tokens",
    },
    Job {
        name: "set",
        verb: Verb::Change,
        tool: "oauth-set",
        args: &[],
        again: &[],
        at: "PATCH /oauth/authorizations",
        endpoint: "PATCH /oauth/authorizations/{id}",
    },
    Job {
        name: "mk authz --once",
        verb: Verb::Make,
        tool: "oauth-mk",
        args: &["authz", "--once", "-"],
        again: &["authz", "--once", "-"],
        at: "POST /oauth/authorizations$",
        endpoint: "POST /oauth/authorizations",
    },
    Job {
        name: "mk client --once",
        verb: Verb::Make,
        tool: "oauth-mk",
        args: &["client", "--once", "-"],
        again: &["client", "--once", "-"],
        at: "POST /oauth/clients$",
        endpoint: "POST /oauth/clients",
    },
    Job {
        name: "patch, changed",
        verb: Verb::Change,
        tool: "oauth-patch",
        args: &[],
        again: &[],
        at: "PATCH /oauth/authorizations",
        endpoint: "PATCH /oauth/authorizations/{id}",
    },
    Job {
        name: "patch, removed",
        verb: Verb::Remove,
        tool: "oauth-patch",
        args: &["--remove"],
        again: &["--remove"],
        at: "DELETE /oauth/authorizations",
        endpoint: "DELETE /oauth/authorizations/{id}",
    },
    Job {
        name: "patch, added",
        verb: Verb::Make,
        tool: "oauth-patch",
        args: &[],
        again: &[],
        at: "POST /oauth/authorizations$",
        endpoint: "POST /oauth/authorizations",
    },
];

impl Job {
    pub(crate) fn makes(&self) -> bool {
        self.verb == Verb::Make
    }

    /// The lines of its input, made from the sandbox's own records.
    pub(crate) fn input(&self, dump: &[String], count: usize) -> Vec<String> {
        if self.makes() {
            let line = |n: usize| match self.endpoint {
                "POST /oauth/clients" => {
                    json!({"kind": "client", "name": format!("made {n}"), "redirect_uri": format!("https://example.com/{n}")})
                }
                _ => {
                    json!({"kind": "authz", "description": format!("made {n}"), "scope": ["read"], "change": "added"})
                }
            };
            return (0..count).map(|n| line(n).to_string()).collect();
        }
        // A new token for one that has expired is dead at once.
        let fits = |line: &&String| self.verb != Verb::Rotate || line.contains("\"status\":\"active\"");
        let generated = dump.iter().filter(|line| line.contains("\"description\":\"generated ")).filter(fits);
        // Records as oauth-ls prints them: blanking such long lines takes several writes.
        let line = |line: &String| match self.verb {
            _ if self.tool == "oauth-patch" => self.plan(line),
            Verb::Change => line.replace("\"description\":\"generated ", "\"description\":\"changed "),
            _ => line.clone(),
        };
        generated.map(line).take(count).collect()
    }

    /// The line of a plan about a record.
    fn plan(&self, line: &str) -> String {
        let mut record: Value = serde_json::from_str(line).expect("a record");
        match self.verb {
            Verb::Change => {
                let was = text_at(&record, "/description");
                record["description"] = was.replace("generated", "changed").into();
                record["was"] = json!({ "description": was });
                record["change"] = "changed".into();
            }
            _ => record["change"] = "removed".into(),
        }
        record.to_string()
    }
}

/// The id in a line.
pub(crate) fn id(line: &str) -> String {
    field(line, "/id")
}

/// The name of the object in a line.
pub(crate) fn name(line: &str) -> String {
    let name = field(line, "/description");
    if name.is_empty() { field(line, "/name") } else { name }
}

fn field(line: &str, pointer: &str) -> String {
    text_at(&serde_json::from_str::<Value>(line).expect("a record"), pointer)
}
