//! Every operation under every fault: the account afterwards, the exit status and both streams are what the rules
//! in [`rules`] say.
//!
//! A cell is an operation, a fault and the requests that the fault hits. To run one cell, or all of a fault, and see
//! what is expected of it:
//!
//! ```sh
//! OAUTH_TOOLS_FAULT='drop-after, once' cargo test --locked --test runs mk_authz_survives
//! ```

mod cell;
mod judge;
mod rules;

use cell::{NAME, Operation, Verb};

const AUTHZ: Operation = Operation {
    args: &[],
    input: "",
    verb: Verb::Read,
    kind: "authz",
    target: "terraform",
    work: "",
    looks_up_first: true,
    after: 0,
    authz: 0,
};
const CLIENT: Operation = Operation { kind: "client", target: "Example CI", ..AUTHZ };
const SESSION: Operation = Operation { kind: "session", target: "Session @ 198.51.100.23", ..AUTHZ };

#[test]
fn ls_of_three_pages_survives_every_fault() {
    Operation {
        args: &["oauth-ls", "authz"],
        work: "GET /oauth/authorizations",
        target: "",
        authz: 2500 - 16,
        // A fault that comes once hits the second page.
        after: 1,
        looks_up_first: false,
        ..AUTHZ
    }
    .survives_every_fault();
}

#[test]
fn ls_of_one_authz_survives_every_fault() {
    Operation {
        args: &["oauth-ls", "authz", "ID"],
        work: "GET /oauth/authorizations/{id}",
        looks_up_first: false,
        ..AUTHZ
    }
    .survives_every_fault();
}

#[test]
fn mk_authz_survives_every_fault() {
    Operation {
        args: &["oauth-mk", "authz", "-d", NAME, "-s", "read"],
        verb: Verb::Make { once: false },
        work: "POST /oauth/authorizations",
        target: "",
        looks_up_first: false,
        ..AUTHZ
    }
    .survives_every_fault();
}

#[test]
fn mk_authz_once_survives_every_fault() {
    Operation {
        args: &["oauth-mk", "--once", "authz", "-d", NAME, "-s", "read"],
        verb: Verb::Make { once: true },
        work: "POST /oauth/authorizations",
        target: "",
        ..AUTHZ
    }
    .survives_every_fault();
}

#[test]
fn mk_client_survives_every_fault() {
    Operation {
        args: &["oauth-mk", "client", NAME, "https://example.com/cb"],
        verb: Verb::Make { once: false },
        work: "POST /oauth/clients",
        target: "",
        looks_up_first: false,
        ..CLIENT
    }
    .survives_every_fault();
}

#[test]
fn mk_client_once_survives_every_fault() {
    Operation {
        args: &["oauth-mk", "--once", "client", NAME, "https://example.com/cb"],
        verb: Verb::Make { once: true },
        work: "POST /oauth/clients",
        target: "",
        ..CLIENT
    }
    .survives_every_fault();
}

#[test]
fn rm_authz_survives_every_fault() {
    Operation {
        args: &["oauth-rm", "authz", "ID"],
        verb: Verb::Remove,
        work: "DELETE /oauth/authorizations/{id}",
        ..AUTHZ
    }
    .survives_every_fault();
}

#[test]
fn rm_client_survives_every_fault() {
    Operation {
        args: &["oauth-rm", "client", "ID"],
        verb: Verb::Remove,
        work: "DELETE /oauth/clients/{id}",
        ..CLIENT
    }
    .survives_every_fault();
}

#[test]
fn rm_session_survives_every_fault() {
    Operation {
        args: &["oauth-rm", "session", "ID"],
        verb: Verb::Remove,
        work: "DELETE /oauth/sessions/{id}",
        ..SESSION
    }
    .survives_every_fault();
}

#[test]
fn rot_authz_survives_every_fault() {
    Operation {
        args: &["oauth-rot", "authz", "ID"],
        verb: Verb::Rotate,
        work: "POST /oauth/authorizations/{id}/actions/regenerate-tokens",
        ..AUTHZ
    }
    .survives_every_fault();
}

#[test]
fn rot_client_survives_every_fault() {
    Operation {
        args: &["oauth-rot", "client", "ID"],
        verb: Verb::Rotate,
        work: "POST /oauth/clients/{id}/actions/rotate-credentials",
        looks_up_first: false,
        ..CLIENT
    }
    .survives_every_fault();
}

#[test]
fn the_successor_in_a_replacement_survives_every_fault() {
    Operation {
        args: &["oauth-rot", "--replace", "authz", "ID", "--exec", "cat > /dev/null"],
        verb: Verb::Replace,
        work: "POST /oauth/authorizations",
        ..AUTHZ
    }
    .survives_every_fault();
}

#[test]
fn the_end_of_a_replacement_survives_every_fault() {
    Operation {
        args: &["oauth-rot", "--replace", "authz", "ID", "--exec", "cat > /dev/null"],
        verb: Verb::Replace,
        work: "DELETE /oauth/authorizations/{id}",
        ..AUTHZ
    }
    .survives_every_fault();
}

#[test]
fn the_end_of_the_replacement_of_the_token_in_use_survives_every_fault() {
    Operation {
        args: &["oauth-rot", "--replace", "--include-self", "authz", "ID", "--exec", "cat > /dev/null"],
        verb: Verb::Replace,
        target: "oauth-tools sandbox",
        work: "DELETE /oauth/authorizations/{id}",
        ..AUTHZ
    }
    .survives_every_fault();
}

#[test]
fn mk_once_with_exec_survives_every_fault() {
    Operation {
        args: &["oauth-mk", "--once", "client", NAME, "https://example.com/cb", "--exec", "cat > /dev/null"],
        verb: Verb::Make { once: true },
        work: "POST /oauth/clients",
        target: "",
        ..CLIENT
    }
    .survives_every_fault();
}

#[test]
fn rot_with_exec_survives_every_fault() {
    Operation {
        args: &["oauth-rot", "authz", "ID", "--exec", "cat > /dev/null"],
        verb: Verb::Rotate,
        work: "POST /oauth/authorizations/{id}/actions/regenerate-tokens",
        ..AUTHZ
    }
    .survives_every_fault();
}

#[test]
fn set_authz_survives_every_fault() {
    Operation {
        args: &["oauth-set", "-d", NAME, "authz", "ID"],
        verb: Verb::Rename,
        work: "PATCH /oauth/authorizations/{id}",
        ..AUTHZ
    }
    .survives_every_fault();
}

#[test]
fn set_client_survives_every_fault() {
    Operation {
        args: &["oauth-set", "--name", NAME, "client", "ID"],
        verb: Verb::Rename,
        work: "PATCH /oauth/clients/{id}",
        looks_up_first: false,
        ..CLIENT
    }
    .survives_every_fault();
}

#[test]
fn patch_that_makes_an_authz_survives_every_fault() {
    Operation {
        args: &["oauth-patch"],
        input: r#"{"kind":"authz","id":null,"change":"added","description":"by a test","scope":["read"]}"#,
        verb: Verb::Make { once: true },
        work: "POST /oauth/authorizations",
        target: "",
        ..AUTHZ
    }
    .survives_every_fault();
}

#[test]
fn patch_that_makes_a_client_survives_every_fault() {
    Operation {
        args: &["oauth-patch"],
        input: r#"{"kind":"client","id":"c","change":"added","name":"by a test","redirect_uri":"https://example.com/cb"}"#,
        verb: Verb::Make { once: true },
        work: "POST /oauth/clients",
        target: "",
        ..CLIENT
    }
    .survives_every_fault();
}

#[test]
fn patch_that_changes_a_client_survives_every_fault() {
    Operation {
        args: &["oauth-patch"],
        input: r#"{"kind":"client","id":"ID","change":"changed","was":{"name":"Example CI"},"name":"by a test"}"#,
        verb: Verb::Rename,
        work: "PATCH /oauth/clients/{id}",
        ..CLIENT
    }
    .survives_every_fault();
}

#[test]
fn patch_that_removes_an_authz_survives_every_fault() {
    Operation {
        args: &["oauth-patch", "--remove"],
        input: r#"{"kind":"authz","id":"ID","change":"removed","description":"terraform","scope":["global"]}"#,
        verb: Verb::Remove,
        work: "DELETE /oauth/authorizations/{id}",
        ..AUTHZ
    }
    .survives_every_fault();
}
