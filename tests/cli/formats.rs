//! Each output format, read back with no more knowledge than the manual gives.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::common::{Account, Ran, text};

/// Records as in oauth-record(5); any other member is an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Authz {
    kind: String,
    id: String,
    status: String,
    expires_at: Option<String>,
    current: Option<bool>,
    default: Option<bool>,
    description: Option<String>,
    scope: Vec<String>,
    created_at: String,
    updated_at: String,
    access_token: Option<Token>,
    refresh_token: Option<Token>,
    client: Option<ClientRef>,
    grant: Option<Grant>,
    session: Option<Session>,
    user: User,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Token {
    id: String,
    token: String,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Grant {
    id: String,
    code: String,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct ClientRef {
    id: String,
    name: String,
    redirect_uri: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Session {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct User {
    id: String,
    email: String,
    full_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Client {
    kind: String,
    id: String,
    status: String,
    expires_at: Option<String>,
    name: String,
    redirect_uri: String,
    secret: String,
    ignores_delinquent: bool,
    created_at: String,
    updated_at: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Login {
    kind: String,
    id: String,
    status: String,
    expires_at: Option<String>,
    current: Option<bool>,
    description: Option<String>,
    expires_in: Option<i64>,
    created_at: String,
    updated_at: String,
}

#[track_caller]
fn ndjson<T: DeserializeOwned>(ran: &Ran) -> Vec<T> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}{ran}"))).collect()
}

#[track_caller]
fn json<T: DeserializeOwned>(ran: &Ran) -> Vec<T> {
    serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}{ran}"))
}

#[test]
fn ndjson_and_json_have_exactly_the_members_of_the_manual() {
    let account = Account::new();
    let ids = |kind: &str| account.ids(kind).into_iter().collect::<Vec<_>>();
    for (option, many) in [("-o ndjson", false), ("-j", true), ("", false)] {
        let ran = |kind: &str| account.sh(&format!("oauth-ls {kind} {option}")).succeeds();
        let (authz, clients, sessions) = (ran("authz"), ran("clients"), ran("sessions"));
        let authz: Vec<Authz> = if many { json(&authz) } else { ndjson(&authz) };
        let clients: Vec<Client> = if many { json(&clients) } else { ndjson(&clients) };
        let sessions: Vec<Login> = if many { json(&sessions) } else { ndjson(&sessions) };
        assert_eq!(authz.iter().map(|a| a.id.clone()).collect::<Vec<_>>(), ids("authz"));
        assert_eq!(clients.iter().map(|c| c.id.clone()).collect::<Vec<_>>(), ids("client"));
        assert_eq!(sessions.iter().map(|s| s.id.clone()).collect::<Vec<_>>(), ids("session"));
        assert_eq!(authz.iter().filter(|a| a.status == "expired").count(), 4);
        assert_eq!(authz.iter().filter(|a| a.current == Some(true)).count(), 1);
    }
}

#[test]
fn the_header_fields_come_first_on_every_line() {
    let account = Account::new();
    let ran = account.sh("oauth-ls").succeeds();
    for line in ran.lines() {
        let lead: Vec<&str> = line.split('"').skip(1).step_by(2).take(5).collect();
        assert_eq!((lead[0], lead[2], lead[4]), ("kind", "id", "status"), "{line}");
    }
}

#[test]
fn an_empty_list_in_json_is_an_empty_array() {
    let account = Account::new();
    account.sh("oauth-ls authz --client nobody -j").succeeds().prints("[]\n");
    account.sh("oauth-ls authz --client nobody").succeeds().prints("");
}

const AUTHZ: [&str; 14] = [
    "kind",
    "id",
    "status",
    "expires_at",
    "current",
    "default",
    "description",
    "scope",
    "client_id",
    "client_name",
    "token",
    "created_at",
    "updated_at",
    "code",
];
const CLIENT: [&str; 9] =
    ["kind", "id", "status", "expires_at", "name", "redirect_uri", "secret", "created_at", "updated_at"];
const SESSION: [&str; 8] =
    ["kind", "id", "status", "expires_at", "current", "description", "created_at", "updated_at"];

#[test]
fn csv_has_fixed_columns_and_one_line_per_record() {
    let account = Account::new();
    for (kind, columns) in [("authz", &AUTHZ[..]), ("client", &CLIENT), ("session", &SESSION)] {
        let ran = account.sh(&format!("oauth-ls {kind} -o csv --marks")).succeeds();
        let mut reader = csv::Reader::from_reader(ran.out.as_bytes());
        assert_eq!(reader.headers().expect("a header"), columns, "{ran}");
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("strict CSV");
        assert_eq!(rows.len(), account.ids(kind).len(), "{ran}");
        assert_eq!(ran.lines().len(), rows.len() + 1, "a record stays on its line{ran}");
        let ids: BTreeSet<String> = rows.iter().map(|row| row[1].to_owned()).collect();
        assert_eq!(ids, account.ids(kind), "{ran}");
        for cell in rows.iter().flatten() {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "a formula: {cell}");
            assert!(!cell.contains(char::is_control), "{cell:?}");
        }
        for (mark, column) in columns.iter().enumerate().filter(|(_, c)| ["current", "default"].contains(c)) {
            assert_eq!(rows.iter().filter(|row| &row[mark] == "true").count(), 1, "{column}{ran}");
        }
    }
}

#[test]
fn csv_of_several_kinds_has_a_header_line_for_each() {
    let account = Account::new();
    let ran = account.sh("oauth-ls -o csv").succeeds();
    let headers = ran.lines().into_iter().filter(|line| line.starts_with("kind,id,status,expires_at,"));
    assert_eq!(headers.count(), 3, "{ran}");
}

#[test]
fn id_and_secret_print_one_word_per_line() {
    let account = Account::new();
    let ids = account.sh("oauth-ls authz -o id").succeeds();
    assert_eq!(ids.lines().into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), account.ids("authz"));
    let secrets = account.sh("oauth-ls clients -o secret").succeeds();
    assert_eq!(secrets.lines().len(), 4, "{secrets}");
    assert!(secrets.lines().iter().all(|s| s.len() == 36), "{secrets}");
}

#[test]
fn a_hidden_secret_is_a_failure_and_its_mask_is_not_printed() {
    let account = Account::new();
    let ran = account.sh(&format!("oauth-ls authz {} -S", account.id("terraform"))).exits(1).prints("");
    ran.says("shows a token in full only once").says("oauth-rot");
}

#[test]
fn a_table_is_sorted_by_name_and_has_no_escape_sequences() {
    let account = Account::new();
    let ran = account.sh("oauth-ls authz -o table").succeeds();
    assert!(ran.out.starts_with("DESCRIPTION"), "{ran}");
    assert!(!ran.out.contains(['\x1b', '\u{202e}']), "{ran}");
    let names: Vec<&str> = ran.lines()[1..].iter().map(|l| l.split("  ").next().unwrap_or("")).collect();
    assert!(names.is_sorted(), "{ran}");
    account.sh("oauth-ls authz --client nobody -o table").exits(0).says("no authorizations").prints("");
}

#[test]
fn each_tool_prints_each_format() {
    let account = Account::new();
    let make = || text(&account.sh("oauth-mk authz -d x").succeeds().record()["id"]);
    for format in ["ndjson", "csv", "json", "env", "secret", "id", "table"] {
        account.sh(&format!("oauth-mk authz -d y -o {format}")).succeeds();
        account.sh(&format!("oauth-rot authz {} -o {format}", make())).succeeds();
    }
    for format in ["ndjson", "csv", "json", "id", "table"] {
        account.sh(&format!("oauth-set authz {} -d z -o {format}", make())).succeeds();
        account.sh(&format!("oauth-rm authz {} -o {format}", make())).succeeds();
    }
    account.sh("oauth-ls -o yaml").exits(2).says("unknown value 'yaml'");
    account.sh("oauth-ls -o jsn").exits(2).says("did you mean 'json'?");
    account.sh("oauth-ls -j -o csv").exits(2).says("more than one output format");
}

#[test]
fn unknown_members_survive_the_pipeline() {
    let account = Account::of(&[
        r#"{"kind":"authz","id":"a1","description":"old","zeta":{"deep":[1e3,null,"\u0041"]},"big":123456789012345678901234}"#,
        r#"{"kind":"client","id":"c1","name":"old","redirect_uri":"https://x.example","team_only":false}"#,
    ]);
    let line = r#"oauth-ls | sed 's/"old"/"new"/' | oauth-set"#;
    let ran = account.bash(line).succeeds();
    assert_eq!(ran.each("status"), ["updated", "updated"], "{ran}");
    assert!(ran.out.contains(r#""big":123456789012345678901234"#), "{ran}");
    for record in [&ran.records()[0], &account.get("a1").expect("it is there")] {
        assert_eq!(record["description"], "new", "{ran}");
        assert_eq!(record["zeta"]["deep"], serde_json::json!([1e3, null, "A"]), "{ran}");
    }
    assert_eq!(account.get("c1").expect("it is there")["team_only"], Value::Bool(false));
}
