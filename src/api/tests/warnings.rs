//! Warnings in the headers of a response.

use super::{MK, ROT};
use crate::api::tests::stub::Stub;
use crate::api::transport::Method::{Get, Post};

/// The warning comes before the body that says what is secret in it.
#[test]
fn a_warning_or_an_error_that_quotes_a_new_secret_does_not_show_it() {
    let secret = "3e9b1f6a-5d0c-4c8e-9f7a-2b6d8e0c4a11";
    let made = format!(r#"{{"id":"c1","name":"n","redirect_uri":"https://u","secret":"{secret}"}}"#);
    let warning = format!("rotate {secret} soon");
    let refused = format!(r#"{{"id":"invalid_params","message":"{secret} and ours-12345 are bad"}}"#);
    let stub = Stub::new()
        .on_header(
            Post,
            "/oauth/clients/c1/actions/rotate-credentials",
            200,
            ("warning-message", &warning),
            &made,
        )
        .on(Post, "/oauth/clients/c2/actions/rotate-credentials", 422, &refused);
    let headers = [("HEROKU_HEADERS", r#"{"X-Key":"ours-12345"}"#)];
    let ran = stub.run_in(ROT, &["client", "c1", "c2", "-P", "1", "-v"], "", &headers).exits(1);
    assert!(ran.err.contains("warning: rotate ********** soon"), "{ran:#?}");
    assert!(ran.err.contains("********** and ********** are bad"), "{ran:#?}");
    assert!(!ran.err.contains(secret) && !ran.err.contains("ours-12345"), "{ran:#?}");
}

#[test]
fn a_warning_of_a_create_whose_body_is_lost_is_not_shown() {
    let stub = Stub::new()
        .on_header(
            Post,
            "/oauth/clients",
            201,
            ("warning-message", "s3cret-s3cret"),
            r#"{"id":"c1","secret":"s3cr"#,
        )
        .on(Get, "/oauth/clients", 200, r#"[{"id":"c1","name":"n","redirect_uri":"https://u.example"}]"#);
    let ran = stub.run(MK, &["client", "n", "https://u.example"], "").exits(75);
    assert!(!ran.err.contains("s3cret-s3cret"), "{ran:#?}");
}
