//! The endpoints: objects, pages, validation, and which objects are deleted together.

use oauth_tools::sandbox::Settings;
use serde_json::{Value, json};

use crate::common::client::*;
use crate::common::start;

const KEYS: [&str; 11] = [
    "access_token",
    "client",
    "created_at",
    "description",
    "grant",
    "id",
    "refresh_token",
    "scope",
    "session",
    "updated_at",
    "user",
];

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

fn token(authz: &Value) -> &str {
    authz["access_token"]["token"].as_str().unwrap()
}

fn item(path: &str, object: &Value) -> String {
    format!("{path}/{}", id(object))
}

#[test]
fn the_builtin_account_has_objects_of_every_kind() {
    let server = start(Settings::default());
    let all = list(&server, AUTHZ);
    assert_eq!(all.len(), 16);
    for authz in &all {
        // `Value` sorts its keys, so equal texts mean that the response is sorted too.
        let response = send(&server, "GET", &item(AUTHZ, authz), "").is(200);
        assert_eq!(authz.as_object().unwrap().keys().collect::<Vec<_>>(), KEYS);
        assert_eq!(response.text(), response.json().to_string());
        assert!(token(authz).contains("**********"));
        assert!(!authz.to_string().contains("expired"));
    }
    let expired = |a: &&Value| a["access_token"]["expires_in"] == 0;
    assert_eq!(all.iter().filter(expired).count(), 4);
    let lasting = |a: &&Value| a["access_token"]["expires_in"].is_null();
    assert_eq!(all.iter().filter(lasting).count(), 8);
    for start in ["HRKU-AA", "HRKU-", ""] {
        assert!(all.iter().any(|a| token(a).starts_with(start)));
    }
    let current = find(&all, |a| a["description"] == "oauth-tools sandbox");
    let visible = token(&current).split_once("**********").unwrap();
    assert!(server.token().starts_with(visible.0) && server.token().ends_with(visible.1));
    assert_eq!(all.iter().filter(|a| token(a) == token(&current)).count(), 1);
    assert_eq!(list(&server, CLIENTS).len(), 4);
    assert_eq!(list(&server, SESSIONS).len(), 4);
    // The same seed gives the same ids.
    let ids = |list: Vec<Value>| list.iter().map(|a| id(a).to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(all), ids(list(&start(Settings::default()), AUTHZ)));
    let other = start(Settings { seed: 1, ..Settings::default() });
    assert_ne!(other.token(), server.token());
}

#[test]
fn lists_come_in_pages() {
    let server = start(Settings { authz: 2500 - 16, ..Settings::default() });
    let all = list(&server, AUTHZ);
    assert_eq!(all.len(), 2500);
    assert!(all.windows(2).all(|pair| id(&pair[0]) < id(&pair[1])));
    let (mut pages, mut range) = (Vec::new(), String::new());
    loop {
        let page = send_with(&server, "GET", AUTHZ, &range);
        pages.push((page.status, page.json().as_array().unwrap().len()));
        let Some(next) = page.header("Next-Range") else {
            break;
        };
        range = format!("Range: {next}\r\n");
    }
    assert_eq!(pages.len(), 13);
    assert_eq!((pages[0], pages[12]), ((206, 200), (200, 100)));
    let page = send_with(&server, "GET", AUTHZ, "Range: id ..; max=9999\r\n").is(206);
    let last = id(&all[999]);
    assert_eq!(page.header("Next-Range"), Some(format!("id ]{last}..; max=1000").as_str()));
    let page = send_with(&server, "GET", AUTHZ, "Range: id ..; max=1, order=desc\r\n");
    assert_eq!(id(&page.json()[0]), id(&all[2499]));
    let bad = send_with(&server, "GET", AUTHZ, "Range: name ..\r\n");
    assert_eq!(bad.error(416), "requested_range_not_satisfiable");
}

#[test]
fn only_valid_tokens_are_accepted() {
    let server = start(Settings::default());
    assert_eq!(status(&server, "", AUTHZ), 401);
    assert_eq!(status(&server, "HRKU-AA", AUTHZ), 401);
    assert_eq!(status(&server, &server.token()[1..], AUTHZ), 401);
    let basic = format!("Authorization: Basic {}\r\n", server.token());
    let response = try_send(&server, "", ("GET", AUTHZ), &basic, "").unwrap().is(401);
    assert_eq!(response.text(), r#"{"id":"unauthorized","message":"Invalid credentials provided."}"#);
    // A wrong method is a 404 even with a valid token.
    let verb = send(&server, "PUT", AUTHZ, "").is(404).text();
    assert!(verb.contains("Are you using the right HTTP verb (i.e. `GET` vs. `POST`)"), "{verb}");
}

#[test]
fn an_authorization_is_created_changed_rotated_and_deleted() {
    let server = start(Settings::default());
    let body = r#"{"scope":["read","write"],"description":"x \u00e9","expires_in":3600}"#;
    let made = send(&server, "POST", AUTHZ, body).is(201).json();
    assert_eq!((token(&made).len(), &made["access_token"]["expires_in"]), (65, &json!(3600)));
    assert_eq!((&made["description"], &made["scope"]), (&json!("x é"), &json!(["read", "write"])));
    assert_eq!(status(&server, token(&made), "/account"), 200);

    let path = item(AUTHZ, &made);
    let seen = send(&server, "GET", &path, "").is(200).json();
    assert!(token(&seen).contains("**********"));
    let changed = send(&server, "PATCH", &path, r#"{"description":null}"#).is(200).json();
    assert_eq!(changed["description"], Value::Null);

    let again = format!("{path}/actions/regenerate-tokens");
    let rotated = send(&server, "POST", &again, "").is(200).json();
    assert_eq!(status(&server, token(&made), "/account"), 401);
    assert_eq!(status(&server, token(&rotated), "/account"), 200);
    assert!(rotated["access_token"]["expires_in"].as_i64().unwrap() <= 3600);

    let gone = send(&server, "DELETE", &path, "").is(200).json();
    assert_eq!(id(&gone), id(&made));
    assert_eq!(status(&server, token(&rotated), "/account"), 401);
    for (method, path) in [("GET", &path), ("PATCH", &path), ("DELETE", &path), ("POST", &again)] {
        let response = send(&server, method, path, "").is(404);
        assert_eq!(
            response.json(),
            json!({"resource": "authorization", "id": "not_found",
            "message": "Couldn't find that authorization."})
        );
    }
}

#[test]
fn invalid_bodies_are_refused() {
    let server = start(Settings::default());
    let plain = send(&server, "POST", AUTHZ, "").is(201).json();
    assert_eq!(plain["description"], "Long-lived user authorization");
    assert_eq!(plain["scope"], json!(["global"]));
    for body in ["[]", "{", "null", "\"x\"", "{\"scope\":}"] {
        assert_eq!(send(&server, "POST", AUTHZ, body).error(400), "bad_request", "{body}");
    }
    for body in [
        r#"{"scope":"global"}"#,
        r#"{"scope":[]}"#,
        r#"{"scope":["everything"]}"#,
        r#"{"scope":[1]}"#,
        r#"{"expires_in":"soon"}"#,
        r#"{"expires_in":0}"#,
        r#"{"expires_in":-1}"#,
        r#"{"expires_in":1.5}"#,
        r#"{"expires_in":99999999999999999999}"#,
        r#"{"description":1}"#,
        r#"{"client":1}"#,
    ] {
        assert_eq!(send(&server, "POST", AUTHZ, body).error(422), "invalid_params", "{body}");
    }
    for body in [
        r#"{"name":"x"}"#,
        r#"{"redirect_uri":"https://x.example"}"#,
        r#"{"name":" ","redirect_uri":"https://x.example"}"#,
        r#"{"name":"x","redirect_uri":"http://x.example"}"#,
        r#"{"name":"x","redirect_uri":7}"#,
    ] {
        assert_eq!(send(&server, "POST", CLIENTS, body).error(422), "invalid_params", "{body}");
    }
    assert_eq!(server.stats().applied("POST /oauth/authorizations"), 1);
}

#[test]
fn deleting_a_client_deletes_its_authorizations() {
    let server = start(Settings::default());
    let body = r#"{"name":"App","redirect_uri":"http://172.16.0.9/cb"}"#;
    let made = send(&server, "POST", CLIENTS, body).is(201).json();
    let keys: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["created_at", "id", "ignores_delinquent", "name", "redirect_uri", "secret", "updated_at"]
    );
    let path = item(CLIENTS, &made);
    let stranger = try_send(&server, "", ("GET", &path), "", "").unwrap().is(200).json();
    assert_eq!((stranger.get("secret"), &stranger["name"]), (None, &json!("App")));
    assert_eq!(status(&server, "wrong", &path), 401);

    let grant = format!(r#"{{"client":"{}","description":"through it"}}"#, id(&made));
    let authz = send(&server, "POST", AUTHZ, &grant).is(201).json();
    assert_eq!((&authz["access_token"], &authz["client"]["name"]), (&Value::Null, &json!("App")));
    let again = format!("{}/actions/regenerate-tokens", item(AUTHZ, &authz));
    assert_eq!(send(&server, "POST", &again, "").error(422), "invalid_params");

    let named = send(&server, "PATCH", &path, r#"{"name":"App 2"}"#).is(200).json();
    assert_eq!((&named["name"], &named["redirect_uri"]), (&json!("App 2"), &made["redirect_uri"]));
    let seen = send(&server, "GET", &item(AUTHZ, &authz), "").json();
    assert_eq!(seen["client"]["name"], "App 2");

    let rotate = format!("{path}/actions/rotate-credentials");
    let rotated = send(&server, "POST", &rotate, "").is(200).json();
    assert_ne!(rotated["secret"], made["secret"]);
    assert_eq!(send(&server, "GET", &path, "").json()["secret"], rotated["secret"]);

    // An authorization without a client can be given one.
    let plain = send(&server, "POST", AUTHZ, "{}").json();
    let give = |secret: &Value| json!({"client": {"id": made["id"], "secret": secret}}).to_string();
    send(&server, "PATCH", &item(AUTHZ, &plain), &give(&made["secret"])).is(422);
    let given = send(&server, "PATCH", &item(AUTHZ, &plain), &give(&rotated["secret"])).is(200);
    assert_eq!(given.json()["client"]["id"], made["id"]);

    send(&server, "DELETE", &path, "").is(200);
    assert_eq!(send(&server, "DELETE", &path, "").is(404).json()["resource"], "client");
    for authz in [&authz, &plain] {
        send(&server, "GET", &item(AUTHZ, authz), "").is(404);
    }
}

#[test]
fn deleting_a_session_deletes_the_authorizations_tied_to_it() {
    let server = start(Settings::default());
    let current = send(&server, "GET", "/oauth/sessions/~", "").is(200).json();
    let tied =
        find(&list(&server, AUTHZ), |a| !a["session"].is_null() && a["session"]["id"] != current["id"]);
    let other = format!("{SESSIONS}/{}", id(&tied["session"]));
    send(&server, "DELETE", &other, "").is(200);
    assert_eq!(send(&server, "GET", &other, "").is(404).json()["resource"], "session");
    send(&server, "GET", &item(AUTHZ, &tied), "").is(404);
    let direct = send(&server, "POST", AUTHZ, "{}").json();
    let none = try_send(&server, token(&direct), ("GET", "/oauth/sessions/~"), "", "").unwrap();
    assert_eq!(none.is(404).json()["resource"], "session");
    send(&server, "DELETE", "/oauth/sessions/%7E", "").is(200);
    assert_eq!(status(&server, server.token(), "/account"), 401);
}

#[test]
fn the_tilde_names_the_default_key_and_not_the_authorization_in_use() {
    let server = start(Settings::default());
    let path = "/oauth/authorizations/~";
    let default = send(&server, "GET", path, "").is(200).json();
    assert_eq!(default["description"], "Default API key");
    let rotated = send(&server, "POST", &format!("{path}/actions/regenerate-tokens"), "").is(200);
    assert_eq!(id(&rotated.json()), id(&default));
    assert_eq!(id(&send(&server, "DELETE", path, "").is(200).json()), id(&default));
    assert_eq!(send(&server, "GET", path, "").is(404).json()["resource"], "authorization");
    assert_eq!(status(&server, server.token(), "/account"), 200);
}

#[test]
fn each_team_has_its_own_list() {
    let server = start(Settings::default());
    let path = "/teams/example-team/oauth/authorizations";
    let sdk = "Accept: application/vnd.heroku+json; version=3.sdk\r\n";
    assert_eq!(send(&server, "GET", path, "").error(404), "not_found");
    let before = send_with(&server, "GET", path, sdk).is(200).json();
    assert_eq!(before.as_array().unwrap().len(), 2);
    let personal = list(&server, AUTHZ).len();
    let made = try_send(&server, server.token(), ("POST", path), sdk, r#"{"scope":["read"]}"#);
    let made = made.unwrap().is(201).json();
    assert_eq!(send_with(&server, "GET", path, sdk).json().as_array().unwrap().len(), 3);
    assert_eq!(list(&server, AUTHZ).len(), personal);
    send(&server, "DELETE", &item(AUTHZ, &made), "").is(200);
    let nobody = path.replace("example-team", "nobody");
    assert_eq!(send_with(&server, "GET", &nobody, sdk).is(404).json()["resource"], "team");
}
