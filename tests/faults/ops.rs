//! The operations: a command line each, and the call that does the work.

use oauth_tools::sandbox::Server;

use crate::common::{Object, Objects, Ran, run, tool};

/// What an operation does to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Reads.
    Read,
    /// Makes an object; `once` with `--once`.
    Make { once: bool },
    /// Removes one.
    Remove,
    /// Gives one a new secret.
    Rotate,
    /// Gives one another name.
    Change,
}

/// An operation.
pub(crate) struct Op {
    pub(crate) name: &'static str,
    pub(crate) verb: Verb,
    pub(crate) kind: &'static str,
    tool: &'static str,
    /// The arguments; `ID` stands for the target's.
    args: &'static [&'static str],
    /// What the target is called.
    called: &'static str,
    /// The requests that do the work, as a fault names them.
    pub(crate) at: &'static str,
    /// The same, as the sandbox counts them.
    pub(crate) endpoint: &'static str,
    /// It looks something up before its first change.
    pub(crate) looks_first: bool,
    /// How many requests a fault that comes once lets pass.
    pub(crate) after: u32,
    /// Authorizations beside those that the sandbox comes with.
    pub(crate) more: usize,
}

/// The name of what is made, and of what is changed.
pub(crate) const NAME: &str = "by a test";

const BLANK: Op = Op {
    name: "",
    verb: Verb::Read,
    kind: "authz",
    tool: "",
    args: &[],
    called: "terraform",
    at: "",
    endpoint: "",
    looks_first: false,
    after: 0,
    more: 0,
};

const AUTHZ: Op = BLANK;
const CLIENT: Op = Op { kind: "client", called: "Example CI", ..BLANK };
const SESSION: Op = Op { kind: "session", called: "Session @ 198.51.100.23", ..BLANK };

pub(crate) static OPS: &[Op] = &[
    Op {
        name: "ls list",
        tool: "oauth-ls",
        args: &["authz"],
        at: "GET /oauth/authorizations$",
        endpoint: "GET /oauth/authorizations",
        // Three pages; the fault hits the second.
        more: 2500 - 16,
        after: 1,
        called: "",
        ..AUTHZ
    },
    Op {
        name: "ls one",
        tool: "oauth-ls",
        args: &["authz", "ID"],
        at: "GET /oauth/authorizations/*$",
        endpoint: "GET /oauth/authorizations/{id}",
        ..AUTHZ
    },
    Op {
        name: "mk authz",
        verb: Verb::Make { once: false },
        tool: "oauth-mk",
        args: &["authz", "-d", NAME, "-s", "read"],
        at: "POST /oauth/authorizations$",
        endpoint: "POST /oauth/authorizations",
        called: "",
        ..AUTHZ
    },
    Op {
        name: "mk authz --once",
        verb: Verb::Make { once: true },
        tool: "oauth-mk",
        args: &["--once", "authz", "-d", NAME, "-s", "read"],
        at: "POST /oauth/authorizations$",
        endpoint: "POST /oauth/authorizations",
        looks_first: true,
        called: "",
        ..AUTHZ
    },
    Op {
        name: "mk client",
        verb: Verb::Make { once: false },
        tool: "oauth-mk",
        args: &["client", NAME, "https://example.com/cb"],
        at: "POST /oauth/clients$",
        endpoint: "POST /oauth/clients",
        called: "",
        ..CLIENT
    },
    Op {
        name: "mk client --once",
        verb: Verb::Make { once: true },
        tool: "oauth-mk",
        args: &["--once", "client", NAME, "https://example.com/cb"],
        at: "POST /oauth/clients$",
        endpoint: "POST /oauth/clients",
        looks_first: true,
        called: "",
        ..CLIENT
    },
    Op {
        name: "rm authz",
        verb: Verb::Remove,
        tool: "oauth-rm",
        args: &["authz", "ID"],
        at: "DELETE /oauth/authorizations/*$",
        endpoint: "DELETE /oauth/authorizations/{id}",
        looks_first: true,
        ..AUTHZ
    },
    Op {
        name: "rm client",
        verb: Verb::Remove,
        tool: "oauth-rm",
        args: &["client", "ID"],
        at: "DELETE /oauth/clients/*$",
        endpoint: "DELETE /oauth/clients/{id}",
        looks_first: true,
        ..CLIENT
    },
    Op {
        name: "rm session",
        verb: Verb::Remove,
        tool: "oauth-rm",
        args: &["session", "ID"],
        at: "DELETE /oauth/sessions/*$",
        endpoint: "DELETE /oauth/sessions/{id}",
        looks_first: true,
        ..SESSION
    },
    Op {
        name: "rot authz",
        verb: Verb::Rotate,
        tool: "oauth-rot",
        args: &["authz", "ID"],
        at: "POST /oauth/authorizations/*/actions",
        endpoint: "POST /oauth/authorizations/{id}/actions/regenerate-tokens",
        looks_first: true,
        ..AUTHZ
    },
    Op {
        name: "rot client",
        verb: Verb::Rotate,
        tool: "oauth-rot",
        args: &["client", "ID"],
        at: "POST /oauth/clients/*/actions",
        endpoint: "POST /oauth/clients/{id}/actions/rotate-credentials",
        ..CLIENT
    },
    Op {
        name: "set authz",
        verb: Verb::Change,
        tool: "oauth-set",
        args: &["-d", NAME, "authz", "ID"],
        at: "PATCH /oauth/authorizations/*$",
        endpoint: "PATCH /oauth/authorizations/{id}",
        looks_first: true,
        ..AUTHZ
    },
    Op {
        name: "set client",
        verb: Verb::Change,
        tool: "oauth-set",
        args: &["--name", NAME, "client", "ID"],
        at: "PATCH /oauth/clients/*$",
        endpoint: "PATCH /oauth/clients/{id}",
        ..CLIENT
    },
];

impl Op {
    /// The id of what it works on; empty where that is nothing in particular.
    pub(crate) fn target(&self, account: &Objects) -> String {
        if self.called.is_empty() {
            return String::new();
        }
        let is = |object: &Object| object.kind == self.kind && object.name == self.called;
        let (id, _) = account.iter().find(|(_, object)| is(object)).expect("such an object");
        id.clone()
    }

    /// Whether it works on nothing in particular.
    pub(crate) fn called_nothing(&self) -> bool {
        self.called.is_empty()
    }

    /// Does it.
    pub(crate) fn run(&self, server: &Server, target: &str, retry_for: &str) -> Ran {
        let mut args = vec!["--retry-for", retry_for, "-o", "ndjson"];
        args.extend(self.args.iter().map(|arg| if *arg == "ID" { target } else { arg }));
        run(tool(server, self.tool, &args), "")
    }

    /// How its messages begin.
    pub(crate) fn program(&self) -> String {
        format!("{}: ", self.tool)
    }
}
