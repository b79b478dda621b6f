use super::*;
use crate::base::secret::STARS;

fn line(kind: Kind, json: &str, reveal: bool) -> String {
    let record = Record::from_api(kind, json, 1000).expect("a record");
    let mut out = Vec::new();
    record.write_json(&mut out, reveal);
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn header_fields_come_first_and_the_rest_is_unchanged() {
    let json = r#"{"zeta":1e3, "id":"a1","access_token":{"id":"t","token":"tok","expires_in":10},"n":123456789012345678901}"#;
    assert_eq!(
        line(Kind::Authz, json, true),
        r#"{"kind":"authz","id":"a1","status":"active","expires_at":"1970-01-01T00:16:50Z","zeta":1e3,"access_token":{"id":"t","token":"tok","expires_in":10},"n":123456789012345678901}"#
    );
}

#[test]
fn an_object_without_time_left_is_expired() {
    let status = |token: &str| {
        let json = format!(r#"{{"id":"a","access_token":{token}}}"#);
        Record::from_api(Kind::Authz, &json, 1000).map(|r| r.status.into_owned())
    };
    for expired in [r#"{"expires_in":0}"#, r#"{"expires_in":-5}"#, "null"] {
        assert_eq!(status(expired).as_deref(), Ok("expired"), "{expired}");
    }
    for active in [r#"{"expires_in":null}"#, r#"{"expires_in":1}"#, r#"{"expires_in":1099511627775}"#, "{}"] {
        assert_eq!(status(active).as_deref(), Ok("active"), "{active}");
    }
    // A grant code that can still be exchanged keeps an authorization without a token active.
    let grant = |grant: &str| status(&format!("null,\"grant\":{grant}"));
    for (left, wanted) in [("9", "active"), ("0", "expired"), ("null", "expired")] {
        let json = format!("{{\"expires_in\":{left}}}");
        assert_eq!(grant(&json).as_deref(), Ok(wanted), "{json}");
    }
    assert!(grant("{\"expires_in\":\"9\"}").is_err());
    for wrong in ["[]", "\"x\"", r#"{"expires_in":"1"}"#, r#"{"expires_in":99999999999999999999}"#] {
        assert!(status(wrong).is_err(), "{wrong}");
    }
    for beyond in [1_i64 << 40, -1 << 40] {
        assert!(status(&format!("{{\"expires_in\":{beyond}}}")).is_err(), "{beyond}");
    }
}

#[test]
fn the_expiry_is_relative_to_now() {
    for (token, now, words) in [
        ("null", 1000, "expired"),
        ("null", 1059, "expired"),
        ("null", 1060, "expired"),
        (r#"{"expires_in":9}"#, 1000, "in 9 s"),
        (r#"{"expires_in":null}"#, 1000, "never"),
    ] {
        let json = format!(r#"{{"id":"a","access_token":{token}}}"#);
        let record = Record::from_api(Kind::Authz, &json, 1000).expect("a record");
        assert_eq!(record.expiry_words(now), words, "{token} at {now}");
    }
}

#[test]
fn the_lifetime_runs_from_creation_to_expiry() {
    for (left, created, lifetime) in [
        ("60", "1970-01-01T00:16:30Z", Some(70)),
        ("0", "1970-01-01T00:16:40Z", None),
        ("null", "1970-01-01T00:16:30Z", None),
        ("60", "once", None),
    ] {
        let json = format!(r#"{{"id":"a","created_at":"{created}","access_token":{{"expires_in":{left}}}}}"#);
        let record = Record::from_api(Kind::Authz, &json, 1000).expect("a record");
        assert_eq!(record.lifetime(), lifetime, "{json}");
    }
}

#[test]
fn each_kind_has_its_secret_and_its_variable() {
    for (kind, fields, secret, variable) in [
        (Kind::Authz, r#""access_token":{"token":"T"},"grant":{"code":"C"}"#, Some("T"), "HEROKU_API_KEY"),
        (Kind::Authz, r#""access_token":{"token":"T**********"}"#, None, "HEROKU_API_KEY"),
        (Kind::Authz, r#""access_token":{"token":""}"#, None, "HEROKU_OAUTH_CODE"),
        (Kind::Authz, r#""access_token":null,"grant":{"code":"C"}"#, Some("C"), "HEROKU_OAUTH_CODE"),
        (Kind::Token, r#""access_token":{"token":"T"}"#, Some("T"), "HEROKU_API_KEY"),
        (Kind::Token, r#""grant":{"code":"C"}"#, None, "HEROKU_API_KEY"),
        (Kind::Client, r#""secret":"S""#, Some("S"), "HEROKU_OAUTH_SECRET"),
        (Kind::Session, r#""secret":"S""#, None, "HEROKU_API_KEY"),
    ] {
        let json = format!(r#"{{"id":"x",{fields}}}"#);
        let record = Record::from_api(kind, &json, 1000).expect("a record");
        let found = (record.whole_secret(), record.secret_variable());
        assert_eq!(found, (secret.map(str::to_owned), variable), "{json}");
    }
}

#[test]
fn values_are_shown_as_text_on_one_line() {
    let json = r#"{"id":"a","text":"b \" c","list":["d",null,["e",2.50]],"none":null,"is":true,"deep": { "f \" g\\" :
        [ 1, "h  \\\" i" ] } }"#;
    let record = Record::from_api(Kind::Client, json, 1000).expect("a record");
    for (name, text) in [
        ("text", "b \" c"),
        ("list", "d  e 2.50"),
        ("none", ""),
        ("is", "true"),
        ("deep", r#"{"f \" g\\":[1,"h  \\\" i"]}"#),
        ("other", ""),
    ] {
        assert_eq!(record.text(&[name]), text, "{name}");
    }
}

#[test]
fn secrets_are_masked_at_any_depth_and_in_any_spelling() {
    let json = r#"{"id":"a","access_token":{"token":"S3cret"},"refresh_token":{"token":"S3cret"},
        "grant":{"code":"S3cret"},"client":{"secret":"S3cret","name":"x"},"new":[{"\u0074oken":"S3cret"}],
        "secret":["S3cret",["S3cret"]],"scope":["global"],"code":7535373}"#;
    let shown = line(Kind::Authz, json, false);
    assert!(!shown.contains("S3cret") && !shown.contains("7535373"), "{shown}");
    assert!(!shown.contains('\n'), "{shown}");
    assert_eq!(shown.matches(STARS).count(), 8, "{shown}");
    assert!(serde_json::from_str::<JsonObject<'_>>(&shown).is_ok(), "{shown}");
    assert!(line(Kind::Authz, json, true).contains("S3cret"));
}

#[test]
fn masked_secrets_and_other_values_are_unchanged() {
    let json = r#"{"id":"a","access_token":{"token":"HRKU-AA**********wxyz"}}"#;
    assert!(line(Kind::Authz, json, false).contains("HRKU-AA**********wxyz"));
    let unknown = r#""x":{ "a" : [ 1 ] },"y":[ {"b" : "c"} ]"#;
    assert!(line(Kind::Client, &format!(r#"{{"id":"a",{unknown}}}"#), false).contains(unknown));
}

#[test]
fn a_record_must_be_an_object_with_an_id() {
    for bad in ["null", "[]", "{}", r#"{"id":1}"#, r#"{"id":"a","id":"b"}"#, "{", ""] {
        assert!(Record::from_api(Kind::Client, bad, 0).is_err(), "{bad}");
    }
}
