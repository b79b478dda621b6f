//! Missing, blank, misspelled and unknown input never becomes the strongest default: it is refused before the first
//! request.

use crate::common::Account;

/// Runs a line on several inputs, each of which must be refused with a message.
#[track_caller]
fn refused(line: &str, cases: &[(&str, &str)]) {
    let account = Account::new();
    let before = account.state();
    for (input, wanted) in cases {
        let ran = account.feed(line, input).exits(2).prints("");
        assert!(ran.err.contains(wanted), "{input:?} lacks {wanted:?}{ran}");
        assert_eq!(account.server.stats().total(), 0, "no request for {input:?}{ran}");
    }
    assert_eq!(account.state(), before);
}

/// Runs a line on several inputs, each of which must be accepted.
#[track_caller]
fn accepted(line: &str, inputs: &[&str]) {
    let account = Account::new();
    for input in inputs {
        account.feed(line, input).succeeds();
    }
}

#[test]
fn a_record_that_says_nothing_makes_nothing() {
    const NOTHING: &str = "the record says nothing about the authorization to create";
    refused(
        "oauth-mk authz -",
        &[
            ("{}", NOTHING),
            (r#"{"desc":"x"}"#, "unknown field 'desc'; did you mean 'description'?"),
            (r#"{"kind":"authz"}"#, NOTHING),
            (r#"{"kind":"authz","id":"a1","status":"active","expires_at":null}"#, NOTHING),
            (r#"{"kind":"authz","description":null}"#, NOTHING),
            (r#"{"description":""}"#, NOTHING),
            (r#"{"owner":"me","team":"ops"}"#, NOTHING),
            (r#"{"label":"x"}"#, NOTHING),
            (r#"{"id":"not_found","message":"no such thing"}"#, "this is an error response of an API"),
            ("kind,id\nauthz,a1\n", NOTHING),
            ("kind,id,status\nauthz,a1,active\n", NOTHING),
            ("authz,a1,active\n", "the row ends before its scope"),
            ("authz,,,,,,x\n", "the row ends before its scope"),
        ],
    );
    refused(
        "oauth-mk -",
        &[
            ("{}", "KIND operand"),
            (r#"{"description":"x"}"#, "KIND operand"),
            (r#"{"kind":"","description":"x"}"#, "KIND operand"),
            (r#"{"kind":null,"description":"x"}"#, "KIND operand"),
            ("description,scope\nx,read\n", "KIND operand"),
            ("kind,id,description,scope_list,expires\n,,x,read,30d\n", "did you mean 'scope'?"),
        ],
    );
    refused(
        "oauth-set",
        &[
            ("authz,a1\n", "says nothing about the authorization to change: it needs 'description'"),
            ("authz,a1,active\n", "says nothing"),
            (
                "client,a1,active,\n",
                "says nothing about the client to change: it needs 'name' or 'redirect_uri'",
            ),
            ("kind,id\nclient,a1\n", "says nothing"),
            (r#"{"kind":"client","id":"a1"}"#, "says nothing"),
            (r#"{"kind":"client","id":"a1","description":"x"}"#, "says nothing"),
            (r#"{"kind":"authz","id":"a1","name":"x"}"#, "says nothing"),
        ],
    );
    for line in ["oauth-rm authz", "oauth-rot authz", "oauth-set authz -d x", "oauth-ls authz -"] {
        refused(
            line,
            &[
                ("{}", "the record has no id"),
                (r#"{"description":"x"}"#, "the record has no id"),
                (r#"{"id":null}"#, "the record has no id"),
                ("id,description\n,x\n", "the record has no id"),
                ("null\n", "'null' is not an id"),
                ("undefined\n", "'undefined' is not an id"),
                ("\"a1\"\n", "this is quoted text: give bare ids, as jq -r prints them"),
            ],
        );
    }
}

#[test]
fn the_kinds_of_a_cut_list_make_nothing() {
    let account = Account::new();
    let before = account.state();
    account.sh("oauth-ls authz -o csv | cut -d, -f1,2 | oauth-mk - -n").exits(2).prints("");
    account.sh("oauth-ls authz -o csv | cut -d, -f1,2 | oauth-mk -").exits(2).prints("");
    account.sh("oauth-rm -n authz a1 | oauth-mk -").exits(2).prints("");
    assert_eq!(account.state(), before);
}

#[test]
fn a_misspelled_field_is_refused() {
    let mut cases = Vec::new();
    for (name, meant) in [
        ("Scope", "scope"),
        ("scopes", "scope"),
        ("scop", "scope"),
        ("scope_list", "scope"),
        ("expires-in", "expires_in"),
        ("expiresIn", "expires_in"),
        ("expire_in", "expires_in"),
        ("expires", "expires_in"),
        ("expiry", "expires_in"),
        ("expires_att", "expires_at"),
        ("client-id", "client_id"),
        ("Kind", "kind"),
    ] {
        let value = if meant == "scope" { "read" } else { "8h" };
        let json = format!(r#"{{"description":"x","{name}":"{value}"}}"#);
        cases.push((json, format!("unknown field '{name}'; did you mean '{meant}'?")));
        let wanted = format!("did you mean '{meant}'?");
        // A header line in another case is no misspelling.
        if !name.eq_ignore_ascii_case(meant) {
            cases.push((format!("description,{name}\nx,{value}\n"), wanted));
        }
    }
    let cases: Vec<_> = cases.iter().map(|(input, wanted)| (input.as_str(), wanted.as_str())).collect();
    refused("oauth-mk authz -", &cases);
    refused(
        "oauth-mk client -",
        &[
            (
                "name,redirect_url\nx,https://x.example\n",
                "unknown column 'redirect_url'; did you mean 'redirect_uri'?",
            ),
            ("name,redirect-uri\nx,https://x.example\n", "did you mean 'redirect_uri'?"),
            ("names,redirect_uri\nx,https://x.example\n", "did you mean 'name'?"),
            (r#"{"name":"x","redirectUri":"https://x.example"}"#, "did you mean 'redirect_uri'?"),
            (r#"{"name":"x","uri":"https://x.example"}"#, "did you mean 'url'?"),
        ],
    );
    refused(
        "oauth-set client",
        &[
            ("id,Name,redirect_url\nc1,x,https://x.example\n", "did you mean 'redirect_uri'?"),
            (r#"{"id":"c1","nmae":"x"}"#, "did you mean 'name'?"),
        ],
    );
    refused(
        "oauth-rm authz",
        &[
            (r#"{"ID":"a1"}"#, "did you mean 'id'?"),
            (r#"{"id":"a1","Current":true}"#, "did you mean 'current'?"),
            (r#"{"id":"a1","defualt":true}"#, "did you mean 'default'?"),
            ("id,curent\na1,true\n", "unknown column 'curent'; did you mean 'current'?"),
            ("ids\na1\n", "did you mean 'id'?"),
        ],
    );
}

#[test]
fn names_that_resemble_nothing_pass() {
    accepted(
        "oauth-mk authz - -n",
        &[
            r#"{"description":"x","owner":"me","note":"n","date":"2026-01-01","team":null,"x":[{"scop":1}]}"#,
            r#"{"description":"x","created_by":{"id":"u1"},"region":"eu","last_used_at":null}"#,
            "description,owner,ticket,note\nx,me,T-1,n\n",
            "description,scope,Grund\nx,read,weil\n",
        ],
    );
    accepted(
        "oauth-rm -n authz",
        &[r#"{"id":"a1","scopes":["x"],"names":1,"message_count":2}"#, "owner,id,team\nme,a1,ops\n"],
    );
}

#[test]
fn a_blank_scope_or_expiry_is_refused() {
    const EMPTY: &str = "its scope is empty: name a scope, or leave the field out for global";
    refused(
        "oauth-mk authz -",
        &[
            (r#"{"description":"x","scope":[]}"#, EMPTY),
            (r#"{"description":"x","scope":""}"#, EMPTY),
            (r#"{"description":"x","scope":" "}"#, EMPTY),
            (r#"{"description":"x","scope":null}"#, EMPTY),
            (r#"{"description":"x","scope":[""]}"#, "unknown scope ''"),
            (r#"{"description":"x","scope":{}}"#, "the field 'scope' has the wrong type"),
            (r#"{"description":"x","scope":[1]}"#, "the field 'scope' has the wrong type"),
            ("description,scope\nx,\n", EMPTY),
            ("description,scope\nx,\"\"\n", EMPTY),
            ("description,scope\nx,  \n", EMPTY),
            ("description;scope\nx;\n", EMPTY),
            ("kind,id,status,expires_at,current,default,description,scope\nauthz,,,,,,x,\n", EMPTY),
            ("authz,,,,,,x,\n", EMPTY),
            ("description,scope,expires_in\nx,read,\n", "its expires_in is empty"),
            ("description,scope,expires_at\nx,read,\n", "its expires_at is empty"),
            (r#"{"description":"x","expires_in":""}"#, "its expires_in is empty"),
            (r#"{"description":"x","expires_at":" "}"#, "its expires_at is empty"),
            (r#"{"description":"x","expires_in":true}"#, "the field 'expires_in' has the wrong type"),
            (r#"{"description":"x","expires_in":-5}"#, "the field 'expires_in' has the wrong type"),
            (r#"{"description":"x","client":{}}"#, "the field 'client' has the wrong type"),
            (r#"{"description":"x","client":""}"#, "the field 'client' has the wrong type"),
        ],
    );
    accepted(
        "oauth-mk authz - -n",
        &[
            r#"{"description":"x","scope":["read"],"expires_in":null,"expires_at":null,"client":null}"#,
            "description,scope,expires_in\nx,read,never\ny,read,8h\n",
            // In our own columns, an empty cell is null.
            "kind,id,status,expires_at,current,default,description,scope\nauthz,,,,,,x,read\n",
            "authz,,,,,,x,read\n",
        ],
    );
    // In a table of several kinds, a row leaves the columns of the others empty.
    accepted(
        "oauth-mk - -n",
        &[
            "kind,name,redirect_uri,description,scope,expires_in\nclient,x,https://x.example,,,\nauthz,,,y,read,8h\n",
        ],
    );
}

#[test]
fn an_all_blank_row_is_a_blank_line() {
    let account = Account::new();
    for (line, input) in [
        ("oauth-mk authz - -n", "description,scope\n,\nx,read\n , \n\"\",\"\"\n"),
        ("oauth-mk authz - -n", "description,scope,,,\nx,read,,,\n,,,,\n"),
        ("oauth-mk - -n", ",,,,,,,\nauthz,,,,,,x,read\n,,\n"),
        ("oauth-rm -n authz", "id,note\n,\na1,x\n\"\",\n"),
        ("oauth-rm -n", "authz,a1\n,,,,\n,\n"),
        ("oauth-rot -n authz", "id;note\n;\na1;x\n;;\n"),
        ("oauth-set -n authz", "id,description\na1,x\n,\n"),
        ("oauth-rm -n authz", "a1\n,,,\n"),
    ] {
        let ran = account.feed(line, input).succeeds();
        assert_eq!(ran.lines().len(), 1, "{line} of {input:?}{ran}");
    }
    let id = account.id("terraform");
    let ran = account.feed("oauth-ls authz -", format!("id,x\n,\n{id},\n")).succeeds();
    assert_eq!(ran.lines().len(), 1);
}

#[test]
fn an_error_response_is_not_a_record() {
    const ERROR: &str = "this is an error response of an API, not a record";
    for line in ["oauth-rm -f authz", "oauth-rot authz", "oauth-set authz", "oauth-ls authz -"] {
        refused(
            line,
            &[
                (r#"{"id":"rate_limit","message":"Your account reached the API limit."}"#, ERROR),
                (r#"{"id":"not_found","message":"Couldn't find that.","resource":"authorization"}"#, ERROR),
                (
                    "{\n  \"id\": \"unauthorized\",\n  \"message\": \"no\",\n  \"url\": \"https://x\"\n}\n",
                    ERROR,
                ),
                (r#"{"id":"x","error":"invalid_grant","error_description":"no"}"#, ERROR),
                (r#"{"error":{"id":"x"},"id":"forbidden"}"#, ERROR),
                ("id,message\nrate_limit,Your account reached the API limit.\n", ERROR),
            ],
        );
    }
    // With a kind, it is a record with a field of its own.
    accepted("oauth-rm -n", &[r#"{"kind":"authz","id":"a1","message":"hello"}"#]);
}

#[test]
fn an_empty_operand_or_nothing_after_two_dashes_is_refused() {
    let account = Account::new();
    let before = account.state();
    for line in [
        "oauth-rm authz --",
        "oauth-rm --",
        "oauth-rm -f authz -- $UNSET",
        "oauth-rot authz -- $UNSET",
        "oauth-set authz -d x -- $UNSET",
        "oauth-ls clients --",
        "oauth-ls client -- $UNSET --shell",
        "oauth-mk authz --",
        "oauth-run --",
        "oauth-sandbox --",
        "oauth-diff --",
        "oauth-rm authz ''",
        "oauth-rm authz \"$UNSET\"",
        "oauth-rm '' a1",
        "oauth-rm authz a1 ''",
        "oauth-rm authz -- ''",
        "oauth-rot client ''",
        "oauth-set client '' --name x",
        "oauth-ls ''",
        "oauth-ls authz ''",
        "oauth-mk client '' https://x.example",
        "oauth-mk client x ''",
        "oauth-diff '' -",
        "oauth-rm authz null",
    ] {
        // The input is that of a loop around the command: it must stay there.
        let ran = account.feed(&format!("{line}; echo \"$?\"; cat"), "authz,next\n");
        assert_eq!(ran.out, "2\nauthz,next\n", "{line}{ran}");
    }
    assert_eq!(account.state(), before);
    // An operand that is `--`, and the value of an option.
    account.sh("oauth-rm -n authz -- --").exits(2).says("invalid id '--'");
    account.sh("oauth-mk authz -n -d --").succeeds();
    account.sh("oauth-rm -n authz -- a1").succeeds();
}

#[test]
fn shell_assignments_are_for_one_record() {
    let account = Account::new();
    let before = account.state();
    const ONE: &str = "is for one record";
    for line in [
        "oauth-ls clients --shell",
        "oauth-ls client $UNSET --shell",
        "oauth-ls --shell",
        "oauth-ls authz -o env",
        "oauth-ls clients | oauth-ls - -o env",
        "oauth-ls clients | oauth-rot --shell",
        "oauth-ls clients | oauth-rot -o env -P 4 --stream",
        "oauth-ls clients | head -n 1 | oauth-rot -o env --stream",
        "printf 'a,https://a.example\\nb,https://b.example\\n' | oauth-mk client - --shell",
        "oauth-ls sessions | oauth-rm -o env",
    ] {
        account.sh(line).exits(2).prints("").says(ONE);
    }
    assert_eq!(account.state(), before);
    let id = account.sh("oauth-ls clients -o id | head -n 1").out;
    account.sh(&format!("oauth-ls client {} --shell", id.trim())).succeeds().lines();
    account.feed("oauth-ls client - --shell", &id).succeeds();
    account.feed("oauth-rot client --shell", &id).succeeds();
    account.feed("oauth-mk client - --shell", "a,https://a.example\n").succeeds();
}

/// Passed over, each would leave the default: global, without end.
#[test]
fn another_word_for_a_field_is_refused() {
    let cases: Vec<(String, String)> = [
        ("permissions", "scope"),
        ("Privileges", "scope"),
        ("access_level", "scope"),
        ("roles", "scope"),
        ("ttl", "expires_in"),
        ("lifeTime", "expires_in"),
        ("max-age", "expires_in"),
        ("exp", "expires_at"),
        ("valid_until", "expires_at"),
    ]
    .into_iter()
    .flat_map(|(name, meant)| {
        // The message quotes a column in lower case.
        let wanted = |name: &str| format!("'{name}'; did you mean '{meant}'?");
        let json = format!(r#"{{"description":"x","{name}":"8h"}}"#);
        let csv = format!("description,{name}\nx,8h\n");
        [(json, wanted(name)), (csv, wanted(&name.to_lowercase()))]
    })
    .collect();
    let cases: Vec<_> = cases.iter().map(|(input, wanted)| (input.as_str(), wanted.as_str())).collect();
    refused("oauth-mk authz -", &cases);
}

#[test]
fn the_name_of_a_client_alone_makes_no_authorization_for_the_user() {
    let account = Account::new();
    let state = account.state();
    for line in [
        r"printf 'description,client_name,scope\nx,Example Dashboard,read\n' | oauth-mk authz -",
        r#"echo '{"description":"x","scope":["read"],"client_name":"Example Dashboard"}' | oauth-mk authz -"#,
    ] {
        account.sh(line).exits(2).says("'client_name'; did you mean 'client'?");
    }
    assert_eq!(account.state(), state);
    // What oauth-ls prints has the id too.
    account.sh("oauth-ls authz --match terraform -o csv | oauth-mk authz - -n -o csv").succeeds();
}

#[test]
fn of_two_expiries_none_is_chosen() {
    let account = Account::new();
    let state = account.state();
    for line in [
        r#"echo '{"description":"x","scope":["read"],"expires_in":"52w","expires_at":"2999-12-01"}' | oauth-mk authz -"#,
        r#"printf 'description,scope,expires_in,expires_at\nx,read,1h,2999-12-01\n' | oauth-mk authz -"#,
    ] {
        account.sh(line).exits(2).says("it has both expires_in and expires_at: give one of them");
    }
    assert_eq!(account.state(), state);
    account
        .sh("printf 'description,scope,expires_in,expires_at\nx,read,1h,\n' | oauth-mk authz -")
        .succeeds();
}
