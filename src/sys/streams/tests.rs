use super::*;

#[test]
fn a_message_is_one_safe_line() {
    let err = Captured::default();
    let messages = Messages::new("oauth-rm", Box::new(err.clone()));
    messages.hide(&Secret::new("hunter22".into()));
    messages.say("a\nb \x1b[31m hunter22");
    assert_eq!(err.text(), "oauth-rm: a\\nb \\u{1b}[31m **********\n");
    assert!(!messages.has_failed());
}

#[test]
fn an_error_brings_its_hint_once() {
    let err = Captured::default();
    let messages = Messages::new("oauth-rm", Box::new(err.clone()));
    let error = Error::Left { what: "not touched".into(), hint: "use --x" };
    messages.error("stdin:3", &error);
    messages.clone().error("stdin:4", &error);
    let both = "oauth-rm: stdin:3: not touched\noauth-rm: use --x\noauth-rm: stdin:4: not touched\n";
    assert_eq!(err.text(), both);
    assert!(messages.has_failed());
}
