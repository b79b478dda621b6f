//! Loading, dumping and saving the account.

use std::fs;

use oauth_tools::sandbox::{Expired, Server, Settings};
use serde_json::{Value, json};

use crate::common::client::*;
use crate::common::{Folder, start};

fn load(lines: &[&str]) -> Settings {
    let lines = lines.iter().map(|l| (*l).to_owned()).collect();
    Settings { load: Some(lines), ..Settings::default() }
}

/// Returns the records without `expires_in`, which depends on the time.
fn timeless(lines: Vec<String>) -> Vec<Value> {
    fn strip(value: &mut Value) {
        if let Value::Object(members) = value {
            members.remove("expires_in");
            members.values_mut().for_each(strip);
        }
    }
    let read = |line: &String| {
        let mut value: Value = serde_json::from_str(line).unwrap();
        strip(&mut value);
        value
    };
    lines.iter().map(read).collect()
}

/// Settings with a state file in a folder.
fn kept_in(folder: &Folder) -> Settings {
    Settings { state: Some(folder.join("state")), ..Settings::default() }
}

#[test]
fn a_dump_loads_as_the_same_account() {
    for expired in [Expired::Zero, Expired::NullToken] {
        let server = start(Settings { authz: 100, expired, ..Settings::default() });
        let dump = server.dump();
        let kinds: Vec<&str> = dump.iter().map(|l| l.split('"').nth(3).unwrap()).collect();
        assert!(kinds.is_sorted() && kinds.first() == Some(&"authz"));
        assert!(dump.iter().all(|l| !l.contains(server.token()) && !l.contains('\n')));
        let again = start(Settings { load: Some(dump.clone()), expired, ..Settings::default() });
        assert_eq!(timeless(again.dump()), timeless(dump));
        send(&again, "GET", AUTHZ, "").is(200);
        send(&again, "GET", "/oauth/sessions/~", "").is(200);
        // Neither account has an object with the id of a new one.
        let made = send(&again, "POST", AUTHZ, "{}").is(201).json();
        assert!(!server.dump().iter().any(|l| l.contains(made["id"].as_str().unwrap())));
    }
}

#[test]
fn a_record_begins_with_its_header_fields() {
    let server = start(Settings::default());
    let current = server.dump().into_iter().find(|l| l.contains("\"current\":true")).unwrap();
    let order = [
        "\"kind\":\"authz\",\"id\":\"",
        "\",\"status\":\"active\",\"expires_at\":null,\
        \"current\":true,\"access_token\":{\"expires_in\":null,\"id\":\"",
    ];
    assert!(current.starts_with(&format!("{{{}", order[0])) && current.contains(order[1]), "{current}");
    assert_eq!(current.matches("\"id\":").count(), 4); // its own, token, session, user
}

#[test]
fn loading_keeps_unknown_members() {
    let line = concat!(
        r#"{"kind":"authz","id":"a-1","status":"active","expires_at":"2999-01-02T03:04:05Z","#,
        r#""current":true,"access_token":{"expires_in":7,"id":"t","new":1e3,"token":"HRKU-AAx**********9z_-"},"#,
        r#""big":12345678901234567890123,"description":"d","user":{"email":"me@example.org","id":"u","full_name":null},"zz":{"b":1,"a":[ 1 ]}}"#
    );
    let server = start(load(&[line]));
    assert!(server.token().starts_with("HRKU-AAx") && server.token().ends_with("9z_-"));
    assert_eq!(server.token().len(), 65);
    let text = send(&server, "GET", AUTHZ, "").is(200).text();
    assert!(text.contains("\"big\":12345678901234567890123,\"client\":null"), "{text}");
    assert!(text.contains("\"zz\":{\"b\":1,\"a\":[ 1 ]}}]"), "{text}");
    assert!(text.contains("\"id\":\"t\",\"new\":1e3,\"token\":\"HRKU-AAx**********9z_-\"}"), "{text}");
    assert!(server.dump()[0].contains("\"expires_at\":\"2999-01-02T03:04:05Z\",\"current\":true"));
    assert_eq!(send(&server, "GET", "/account", "").json()["email"], "me@example.org");
}

#[test]
fn tokens_with_equal_masks_are_different_secrets() {
    let record = |id: &str, more: &str| {
        format!(r#"{{"kind":"authz","id":"{id}","access_token":{{"token":"0123**********ef"}}{more}}}"#)
    };
    let (a, b) = (record("a", ""), record("b", r#","current":true"#));
    let server = start(Settings { redact: (4, 2), ..load(&[&a, &b]) });
    let all = list(&server, AUTHZ);
    assert!(all.iter().all(|a| a["access_token"]["token"] == "0123**********ef"));
    send(&server, "DELETE", "/oauth/authorizations/a", "").is(200);
    assert_eq!(status(&server, server.token(), AUTHZ), 200);
    send(&server, "DELETE", "/oauth/authorizations/b", "").is(200);
    assert_eq!(status(&server, server.token(), AUTHZ), 401);
}

#[test]
fn expiry_and_marks_come_from_the_record() {
    let lines = [
        r#"{"kind":"authz","id":"a","status":"expired","expires_at":"2020-01-01T00:00:00Z","access_token":{"token":"**********"}}"#,
        r#"{"kind":"authz","id":"b","status":"expired","expires_at":null,"access_token":null}"#,
        r#"{"kind":"authz","id":"c","access_token":{"expires_in":1000,"token":"in-clear"},"default":true}"#,
        "",
        r#"{"kind":"session","id":"s","expires_in":0,"description":null}"#,
        r#"{"kind":"client","id":"k","name":"n","redirect_uri":"http://odd.example","secret":"ab**********"}"#,
        r#"{"kind":"authz","id":"d","team":"ours","expires_at":null}"#,
    ];
    let server = start(load(&lines));
    let statuses: Vec<bool> = server.dump().iter().map(|l| l.contains("\"status\":\"expired\"")).collect();
    assert_eq!(statuses, [true, true, false, false, false, true]);
    // No record is marked as current, so the sandbox's key belongs to none of them.
    send(&server, "GET", "/oauth/sessions/~", "").is(404);
    assert_eq!(status(&server, "in-clear", "/account"), 200);
    assert_eq!(send(&server, "GET", "/oauth/authorizations/~", "").json()["id"], "c");
    let secret = send(&server, "GET", "/oauth/clients/k", "").json()["secret"].clone();
    assert!(secret.as_str().unwrap().starts_with("ab") && secret.as_str().unwrap().len() == 36);
    let sdk = "Accept: application/vnd.heroku+json; version=3.sdk\r\n";
    let team = send_with(&server, "GET", "/teams/ours/oauth/authorizations", sdk).is(200).json();
    assert_eq!(team.as_array().unwrap().len(), 1);
}

#[test]
fn an_invalid_record_is_reported_with_its_line() {
    let good = r#"{"kind":"client","id":"x"}"#;
    for (bad, text) in [
        ("nonsense", "line 3: not valid JSON"),
        ("[1]", "line 3: not a JSON object"),
        ("{}", "line 3: `kind` is missing"),
        (r#"{"kind":"authz"}"#, "line 3: `id` is missing"),
        (r#"{"kind":"token","id":"t"}"#, "line 3: unknown kind \"token\": expected authz, client or session"),
        (good, "line 3: duplicate id \"x\""),
        (r#"{"kind":"authz","id":"a","scope":"read"}"#, "line 3: `scope` has the wrong type"),
        (r#"{"kind":"authz","id":"a","expires_at":"soon"}"#, "line 3: `expires_at` is not an RFC 3339 date"),
        (
            r#"{"kind":"authz","id":"a","access_token":{"token":1}}"#,
            "line 3: `access_token`: `token` has the wrong type",
        ),
        (r#"{"kind":"authz","id":"a","access_token":7}"#, "line 3: `access_token` is not a JSON object"),
    ] {
        let error = Server::start(load(&[good, "", bad])).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn the_state_file_keeps_the_account_across_runs() {
    let folder = Folder::new();
    let server = start(kept_in(&folder));
    let token = server.token().to_owned();
    let made = send(&server, "POST", AUTHZ, r#"{"description":"kept"}"#).is(201).json();
    let doomed = send(&server, "POST", AUTHZ, r#"{"description":"gone"}"#).is(201).json();
    send(&server, "DELETE", &format!("{AUTHZ}/{}", doomed["id"].as_str().unwrap()), "").is(200);
    let dump = server.dump();
    server.stop();

    let server = start(Settings { authz: 50, ..kept_in(&folder) });
    assert_eq!(timeless(server.dump()), timeless(dump));
    assert_eq!(server.token(), token);
    assert_eq!(status(&server, made["access_token"]["token"].as_str().unwrap(), AUTHZ), 200);
    // Ids and tokens of deleted objects are not generated again.
    let more = send(&server, "POST", AUTHZ, "{}").is(201).json();
    assert_ne!(more["id"], doomed["id"]);
    assert_ne!(more["access_token"], doomed["access_token"]);
    let error = Server::start(kept_in(&folder)).unwrap_err();
    assert!(error.to_string().ends_with("state: in use by another sandbox"), "{error}");
}

#[test]
fn a_change_is_on_disk_before_its_response() {
    let folder = Folder::new();
    let server = start(kept_in(&folder));
    let on_disk = || fs::read_to_string(folder.join("state")).unwrap();
    let made = send(&server, "POST", CLIENTS, r#"{"name":"now","redirect_uri":"https://x.example"}"#);
    let secret = made.is(201).json()["secret"].as_str().unwrap().to_owned();
    assert!(on_disk().contains(&secret));
    // If the file cannot be written, the response is an error.
    let before = on_disk();
    fs::create_dir(folder.join(".state.tmp")).unwrap();
    assert_eq!(send(&server, "POST", AUTHZ, "{}").error(500), "internal_server_error");
    assert_eq!(on_disk(), before);
}

#[test]
fn an_invalid_state_file_is_an_error_and_stays_unchanged() {
    let folder = Folder::new();
    let path = folder.join("state");
    fs::write(&path, "precious, but no state").unwrap();
    let error = Server::start(kept_in(&folder)).unwrap_err();
    assert!(error.to_string().ends_with("state: not a sandbox state file"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious, but no state");
    fs::remove_file(&path).unwrap();
    // With an invalid record no state file is created.
    let lines = Some(vec!["nonsense".to_owned()]);
    assert!(Server::start(Settings { load: lines, ..kept_in(&folder) }).is_err());
    assert!(!path.exists());
}

#[test]
fn records_with_the_status_of_a_tool_load_too() {
    let line = json!({"kind": "authz", "id": "a", "status": "rotated", "expires_at": null,
        "replaces": "b", "access_token": {"token": "whole"}})
    .to_string();
    let server = start(load(&[&line]));
    let served = send(&server, "GET", "/oauth/authorizations/a", "").json();
    assert_eq!(served["replaces"], "b");
    assert_eq!(status(&server, "whole", AUTHZ), 200);
}
