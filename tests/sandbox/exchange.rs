//! Exchanging codes and refresh tokens, through the API and in the web flow.

use oauth_tools::sandbox::{Server, Settings};
use serde_json::{Value, json};

use crate::common::client::*;
use crate::common::start;

/// Creates a client and a code for it.
fn granted(server: &Server) -> (Value, String) {
    let body = r#"{"name":"App","redirect_uri":"https://app.example/cb?x=1"}"#;
    let client = send(server, "POST", CLIENTS, body).is(201).json();
    let body = json!({"client": client["id"], "scope": ["identity"]}).to_string();
    let authz = send(server, "POST", AUTHZ, &body).is(201).json();
    (client, authz["grant"]["code"].as_str().unwrap().to_owned())
}

fn exchange(server: &Server, body: &Value) -> Response {
    // The client's secret authenticates the request; it needs no token.
    try_send(server, "", ("POST", "/oauth/tokens"), "", &body.to_string()).expect("a response")
}

#[test]
fn a_code_works_once_and_a_refresh_token_always() {
    let server = start(Settings::default());
    let (client, code) = granted(&server);
    let with = |code: &str, secret: &Value| json!({"grant": {"type": "authorization_code", "code": code}, "client": {"secret": secret}});
    assert_eq!(exchange(&server, &with(&code, &json!("wrong"))).error(401), "unauthorized");
    assert_eq!(exchange(&server, &with("wrong", &client["secret"])).error(422), "invalid_params");
    let first = exchange(&server, &with(&code, &client["secret"])).is(201).json();
    let keys: Vec<&String> = first.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "access_token",
            "authorization",
            "client",
            "created_at",
            "grant",
            "id",
            "refresh_token",
            "session",
            "updated_at",
            "user"
        ]
    );
    assert_eq!(first["access_token"]["expires_in"], 28800);
    assert_eq!(first["refresh_token"]["expires_in"], Value::Null);
    let token = |object: &Value| object["access_token"]["token"].as_str().unwrap().to_owned();
    assert_eq!(status(&server, &token(&first), "/account"), 200);
    exchange(&server, &with(&code, &client["secret"])).is(422);

    let refresh = json!({"grant": {"type": "refresh_token"},
        "refresh_token": {"token": first["refresh_token"]["token"]},
        "client": {"secret": client["secret"]}});
    let second = exchange(&server, &refresh).is(201).json();
    let third = exchange(&server, &refresh).is(201).json();
    assert_eq!(status(&server, &token(&first), "/account"), 401);
    assert_eq!(status(&server, &token(&second), "/account"), 401);
    assert_eq!(status(&server, &token(&third), "/account"), 200);
    assert_eq!(third["authorization"]["id"], first["authorization"]["id"]);

    let path = format!("/oauth/tokens/{}", third["id"].as_str().unwrap());
    send(&server, "DELETE", &path, "").is(200);
    assert_eq!(status(&server, &token(&third), "/account"), 401);
    assert_eq!(send(&server, "DELETE", &path, "").is(404).json()["resource"], "token");
    for body in [
        json!({}),
        json!({"grant": {"type": "password"}}),
        json!({"grant": {"type": "refresh_token"}}),
        json!({"grant": {"type": "authorization_code", "code": "x"}}),
    ] {
        assert_eq!(exchange(&server, &body).error(422), "invalid_params", "{body}");
    }
    send(&server, "GET", "/oauth/tokens", "").is(404);
}

#[test]
fn the_web_flow_issues_and_refreshes_tokens() {
    let server = start(Settings::default());
    let (client, _) = granted(&server);
    let id = client["id"].as_str().unwrap();
    let web = |method: &str, path: &str, body: &str| {
        let accept = "Accept: */*\r\n";
        try_send(&server, "", (method, path), accept, body).expect("a response")
    };
    let page = format!("/oauth/authorize?client_id={id}&response_type=code&scope=read+write&state=a%26b");
    let back = web("GET", &page, "").is(302);
    let location = back.header("Location").unwrap().to_owned();
    let query = location.strip_prefix("https://app.example/cb?x=1&code=").unwrap();
    let code = query.strip_suffix("&state=a%26b").unwrap();
    let secret = client["secret"].as_str().unwrap();
    let form = format!("grant_type=authorization_code&code={code}&client_secret={secret}");
    let got = web("POST", "/oauth/token", &form).is(200).json();
    let keys: Vec<&String> = got.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["access_token", "expires_in", "refresh_token", "session_nonce", "token_type", "user_id"]
    );
    assert_eq!(status(&server, got["access_token"].as_str().unwrap(), "/account"), 200);
    assert_eq!(web("POST", "/oauth/token", &form).error(422), "invalid_params");
    let refresh = got["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}&client_secret={secret}");
    let again = web("POST", "/oauth/token", &form).is(200).json();
    assert_eq!((&again["refresh_token"], &again["expires_in"]), (&got["refresh_token"], &json!(28800)));
    assert_eq!(web("POST", "/oauth/token", "grant_type=x").error(400), "bad_request");
    assert_eq!(web("GET", "/oauth/authorize?client_id=x&response_type=code", "").error(404), "not_found");
    assert_eq!(web("GET", "/oauth/authorize", "").error(400), "bad_request");
    let page = page.replace("read+write", "everything");
    assert_eq!(web("GET", &page, "").error(422), "invalid_params");
}
