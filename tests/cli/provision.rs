//! The Makefile in examples/provision.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::{Account, text};

/// The secrets in the files, by the ids of their clients. Each file has mode 600.
fn stored(account: &Account) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(account.path("secrets")).expect("a folder");
    let file = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).expect("readable"))
    };
    files.map(file).collect()
}

/// The secrets that the account has for the clients of the list.
fn real(account: &Account) -> BTreeMap<String, String> {
    let ids = ["Shop", "Desk, 2nd"].map(|name| account.id(name));
    ids.map(|id| {
        (id.clone(), account.sh(&format!("oauth-ls client {id} -S")).succeeds().out.trim().to_owned())
    })
    .into()
}

#[test]
fn the_example_makefile_provisions_and_rotates_and_is_idempotent() {
    needs!("make");
    let account = Account::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/provision");
    for name in ["Makefile", "clients.csv"] {
        account.write(name, std::fs::read(example.join(name)).expect("an example"));
    }
    account.sh("make -s").succeeds();
    let first = stored(&account);
    assert_eq!((first.len(), &first), (2, &real(&account)));
    let state = account.state();
    // Twice more: with its files, and without all that it has written but the secrets.
    account.sh("make -s").succeeds();
    account.sh("rm clients.ndjson ids; make -s").succeeds();
    assert_eq!((account.state(), stored(&account)), (state.clone(), first.clone()));
    // A secret that was lost is read again.
    account.sh("rm secrets/* clients.ndjson; make -s").succeeds();
    assert_eq!((account.state(), stored(&account)), (state, first.clone()));
    // Once a month.
    for _ in 0..3 {
        account.sh("make -s rotate > out").succeeds();
    }
    let second = stored(&account);
    assert_eq!(second, real(&account));
    assert!(second.iter().all(|(id, secret)| first[id] != *secret));
    let rotations = account.asked("POST /oauth/clients/{id}/actions/rotate-credentials");
    assert_eq!(rotations, 2);
    // A rotation that was interrupted goes on with the rest.
    let ids: Vec<&String> = second.keys().collect();
    account
        .sh(&format!("rm rotated-*; echo {} > rest-$(date +%Y-%m); make -s rotate > out", ids[1]))
        .succeeds();
    let third = stored(&account);
    assert_eq!((&third, &third[ids[0]]), (&real(&account), &second[ids[0]]));
    assert_ne!(third[ids[1]], second[ids[1]]);
    // An edited redirect URI makes no second client.
    account
        .sh("sed s/desk.example/new.example/ clients.csv > new; mv new clients.csv; make -s")
        .exits(2)
        .says("has the name 'Desk, 2nd' and the redirect URI 'https://desk.example/cb'");
    assert_eq!(account.kind("client").iter().filter(|r| text(&r["name"]) == "Desk, 2nd").count(), 1);
}
