//! What becomes of a call whose answer cannot be used.

use std::sync::Arc;

use super::*;
use crate::io::Captured;
use crate::stub::Stub;

const AUTHZ: &str = "/oauth/authorizations/a1";
const MINE: &str = r#"{"id":"a1","access_token":{"token":"t"}}"#;
const OTHER: &str = r#"{"id":"a2","access_token":{"token":"t"}}"#;
const PAGE: &str = "<html>nothing here</html>";
const GONE: &str = r#"{"id":"not_found","message":"Couldn't find that authorization."}"#;

/// An API behind a stub that answers a method's calls on [`AUTHZ`], or the path given, in turn.
fn api(method: Method, path: &str, answers: &[(u16, &str)]) -> (Api, Arc<Stub>) {
    let stub = answers
        .iter()
        .fold(Arc::new(Stub::default()), |stub, (status, body)| stub.on(method, path, *status, body));
    let config = Config::from(|name| (name == "HEROKU_HOST").then(|| "http://127.0.0.1:1".into()));
    let base = config.base().expect("a base");
    let policy = Policy { retry_for: Duration::from_secs(30), wait: true };
    let messages = Messages::new("oauth-test", Box::new(Captured::default()));
    let token = Secret::new("sekret".to_owned());
    let transport = Box::new(stub.clone());
    let api = Api::new(transport, &config, base, token, policy, messages, Stop::default());
    (api.expect("an API"), stub)
}

#[test]
fn an_answer_about_another_object_is_none() {
    let (api, stub) = api(Method::Get, AUTHZ, &[(200, OTHER), (200, MINE)]);
    assert_eq!(api.get(Kind::Authz, "a1").expect("an answer").body, MINE);
    stub.verify();
    let (api, stub) = self::api(Method::Patch, AUTHZ, &[(200, OTHER), (200, MINE)]);
    assert_eq!(api.update(Kind::Authz, "a1", "{}").expect("an answer").body, MINE);
    stub.verify();
    let path = format!("{AUTHZ}/actions/regenerate-tokens");
    let (api, stub) = self::api(Method::Post, &path, &[(200, OTHER), (200, MINE)]);
    assert_eq!(api.rotate(Kind::Authz, "a1").expect("an answer").body, MINE);
    stub.verify();
}

#[test]
fn gone_is_done_after_a_loss_and_only_in_the_words_of_the_api() {
    let delete = |answers: &[(u16, &str)]| {
        let (api, stub) = api(Method::Delete, AUTHZ, answers);
        let deleted = api.delete(Kind::Authz, "a1");
        stub.verify();
        deleted
    };
    assert!(matches!(delete(&[(200, OTHER), (404, GONE)]), Ok(None)));
    assert!(matches!(delete(&[(502, PAGE), (404, GONE)]), Ok(None)));
    assert!(matches!(delete(&[(502, PAGE), (404, PAGE), (200, MINE)]), Ok(Some(_))));
    assert!(matches!(delete(&[(404, PAGE), (200, MINE)]), Ok(Some(_))));
    assert!(matches!(delete(&[(404, GONE)]), Err(Error::Refused(refusal)) if refusal.is_gone()));
}

#[test]
fn a_create_is_sent_once() {
    let path = "/oauth/authorizations";
    for lost in [(500, GONE), (502, PAGE), (200, PAGE), (201, "null")] {
        let (api, stub) = api(Method::Post, path, &[lost]);
        let made = api.create_once(Kind::Authz, None, "{}");
        assert!(matches!(made, Err(Fault::Lost(_))), "{lost:?}");
        stub.verify();
    }
    let (api, stub) = api(Method::Post, path, &[(429, GONE), (201, MINE)]);
    assert!(api.create_once(Kind::Authz, None, "{}").is_ok());
    stub.verify();
}
