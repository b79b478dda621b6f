use super::*;

fn fault(spec: &str) -> Fault {
    spec.parse().unwrap()
}

fn error(spec: &str) -> String {
    spec.parse::<Fault>().unwrap_err().to_string()
}

#[test]
fn every_listed_name_parses() {
    for name in Fault::names() {
        let options = match name {
            "slow" | "drip" | "late" => ":ms=5",
            "redirect" => ":to=http://127.0.0.1:9/x@y:z",
            "answer" => ":status=299",
            "id" | "nested-id" | "text" | "member" => ":to=$(x):y",
            _ => "",
        };
        let spec = format!("{name}@GET /oauth{options}:count=2");
        assert_eq!(fault(&spec).to_string(), spec);
    }
}

#[test]
fn keys_set_what_they_name() {
    let f = fault("redirect@*:to=http://h:1/a:b:count=3:after=2:status=307:p=0.5");
    assert_eq!(f.kind, FaultKind::Redirect { status: 307, to: "http://h:1/a:b".into() });
    assert_eq!((f.method, f.count, f.after, f.chance), (None, 3, 2, Some(0.5)));
    let retry = |spec: &str| fault(spec).kind;
    assert_eq!(retry("429"), FaultKind::TooMany(None));
    assert_eq!(retry("429:retry-after=3"), FaultKind::TooMany(Some(RetryAfter::Seconds(3))));
    assert_eq!(retry("429:retry-after=date"), FaultKind::TooMany(Some(RetryAfter::Date(1))));
    assert_eq!(retry("429:retry-after=epoch+7"), FaultKind::TooMany(Some(RetryAfter::Epoch(7))));
}

#[test]
fn errors_name_the_problem_and_the_choices() {
    for (spec, text) in [
        ("", "unknown fault \"\": expected one of drop-before,"),
        ("401", "unknown fault \"401\""),
        ("cut@get /x", "is neither a method (GET,"),
        ("cut:count=x", "count=x is not a whole number"),
        ("cut:count=+1", "count=+1 is not a whole number"),
        ("cut:p=2", "p=2 is not a number from 0 to 1"),
        ("cut:p=NaN", "is not a number"),
        ("cut:count=1:count=2", "duplicate key count="),
        ("cut:ms=1", "cut does not take ms="),
        ("cut:often", "unknown key \"often\": expected one of after=, count=,"),
        ("slow", "slow needs ms=N"),
        ("slow:ms=1@GET", "ms=1@GET is not a whole number"),
        ("cut:x@GET", "directly after the fault's name"),
        ("redirect", "redirect needs to=URL"),
        ("redirect:to=http://h:status=200", "status= must be 302, 307 or 308"),
        ("quote:status=200", "400 to 599"),
        ("429:retry-after=soon", "is not SECONDS"),
    ] {
        assert!(error(spec).contains(text), "{}", error(spec));
    }
}

#[test]
fn paths_match_by_prefix_or_as_a_whole() {
    let hit = |spec: &str, method: &str, path: &str| fault(spec).matches(method, path);
    assert!(hit("cut", "GET", "/anything"));
    assert!(hit("cut@/oauth/c", "GET", "/oauth/clients/x"));
    assert!(hit("cut@GET/oauth", "GET", "/oauth/clients"));
    assert!(!hit("cut@POST /oauth", "GET", "/oauth/clients"));
    assert!(hit("cut@POST /oauth/clients$", "POST", "/oauth/clients"));
    assert!(!hit("cut@POST /oauth/clients$", "POST", "/oauth/clients/x"));
    assert!(hit("cut@/oauth/*/x/actions", "POST", "/oauth/clients/x/actions/rotate"));
    assert!(hit("cut@/oauth/clients/*$", "GET", "/oauth/clients/x"));
    assert!(!hit("cut@/oauth/clients/*$", "GET", "/oauth/clients"));
    assert!(!hit("cut@/oauth/clients/*$", "GET", "/oauth/clients/x/y"));
}
