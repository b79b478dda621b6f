//! The tools as steps of a Makefile: a second make changes nothing.

use crate::common::Account;

const MAKEFILE: &str = "
SHELL = /bin/bash
.SHELLFLAGS = -o pipefail -ec
.DELETE_ON_ERROR:

all: clients.csv deploy.env gone.ndjson

clients.csv: wanted.csv
\toauth-mk client - --once -o csv < $< > $@

deploy.env:
\toauth-mk authz -d 'deploy, eu' -s write -e 8h --shell > $@

expired.ndjson:
\toauth-ls authz --status expired > $@

gone.ndjson: expired.ndjson
\toauth-rm -f < $< > $@

clean:
\trm -f clients.csv gone.ndjson expired.ndjson
";

#[test]
fn a_second_make_leaves_the_same_account() {
    needs!("make");
    let account = Account::new();
    account.write("Makefile", MAKEFILE);
    account.write("wanted.csv", "Shop,https://shop.example/cb\n\"Desk, 2nd\",https://desk.example/cb\n");
    account.sh("make -s").succeeds();
    assert_eq!(account.ids("client").len(), 6);
    assert_eq!(account.ids("authz").len(), 16 - 4 + 1);
    let state = account.state();
    let env = account.read("deploy.env");

    account.sh("make -s").succeeds();
    assert_eq!(account.state(), state, "nothing was left to do");

    account.sh("make -s clean all").succeeds();
    assert_eq!(account.state(), state, "what was done is found done");
    assert_eq!(account.read("deploy.env"), env);
}

#[test]
fn a_failed_step_stops_make_and_leaves_no_file() {
    needs!("make");
    let account = Account::new();
    account.write("Makefile", MAKEFILE);
    account.write("wanted.csv", "Shop,https://shop.example/cb\nBad,http://shop.example/cb\n");
    account.sh("make -s clients.csv").exits(2).says("oauth-mk: stdin:2: the redirect URI must use https");
    assert!(!account.folder.join("clients.csv").exists());
    assert_eq!(account.ids("client").len(), 4);
}
