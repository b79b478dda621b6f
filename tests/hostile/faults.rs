//! Every tool against every fault of the sandbox.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use oauth_tools::sandbox::Fault;

use crate::common::Account;
use crate::measured::{Measured, hostile, measure_with};

/// Command lines that together send every kind of request; `AUTHZ` and `CLIENT` are ids of the account.
const LINES: [&str; 17] = [
    "oauth-ls authz --retry-for 0 -v",
    "oauth-ls clients -j --retry-for 0",
    "oauth-ls authz AUTHZ -o table --retry-for 0",
    "oauth-ls client CLIENT --retry-for 0",
    "oauth-ls authz --marks --sort description -o csv --retry-for 0",
    "oauth-mk authz -d new --retry-for 0 --log log -v",
    "oauth-mk authz -d new --once --retry-for 0",
    "oauth-mk client new https://x.example --retry-for 0 -o env",
    "oauth-mk token --grant-code env:CODE --client-secret env:SECRET --retry-for 0 -v",
    "oauth-rm authz AUTHZ --retry-for 0 --log log -v",
    "oauth-rm --rest rest --include-self --include-default --retry-for 0",
    "oauth-rot client CLIENT --retry-for 0 --log log -v",
    "oauth-rot authz AUTHZ --replace --retry-for 0",
    "oauth-set client CLIENT --name other --retry-for 0",
    "oauth-set authz AUTHZ -d other --retry-for 0 -v",
    "oauth-run --retry-for 0 --log log -v -- true",
    "oauth-diff client /dev/null - --retry-for 0",
];

/// The environment of a run besides its token.
const GIVEN: [(&str, &str); 2] =
    [("CODE", "b9c4a6de-6fd1-4f4e-9d4f-0cf4b8a2b6a1"), ("SECRET", "5a4d8c12-aaaa-4bbb-8ccc-0123456789ab")];

/// Runs a line against a fault in an account of its own, and checks that it shows no secret.
fn against(fault: &str, line: &str) -> (Account, Measured) {
    let account = hostile(&[fault]);
    let before = account.secrets();
    let (authz, client) = (account.id("terraform"), account.id("Example CI"));
    let input = format!("{{\"kind\":\"authz\",\"id\":\"{authz}\"}}\nclient,{client}\n");
    let command = line.replace("AUTHZ", &authz).replace("CLIENT", &client);
    let ran = measure_with(&account, &command, input.as_bytes(), &GIVEN);
    let mut known = &before | &account.secrets();
    known.extend(GIVEN.iter().map(|(_, secret)| (*secret).to_owned()));
    assert_eq!(ran.leaks(&account, &known), Vec::<&str>::new(), "{fault}{ran}");
    (account, ran)
}

/// Runs every line against a fault, several at a time. A line that fails must report one of `words`.
fn all(fault: &str, words: &[&str]) {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(line) = LINES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (_, ran) = against(fault, line);
                    found.lock().unwrap().push(ran);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    assert_eq!(found.len(), LINES.len(), "{fault}");
    for ran in found.into_iter().map(Measured::ends_well) {
        let differs = ran.line.starts_with("oauth-diff") && ran.status == 1;
        let named = ran.status == 0 || differs || words.iter().any(|word| ran.err.contains(word));
        // An invented grant code is refused in any case.
        assert!(named || ran.line.contains("--grant-code"), "{fault}: {words:?}{ran}");
        assert!(
            ran.status != 0 || words.is_empty() || HARMLESS.contains(&fault) || reads_past(fault),
            "{fault}{ran}"
        );
    }
}

/// Faults that a run may survive.
const HARMLESS: [&str; 8] = ["partial", "bignum", "warn", "mask", "slow:ms=30", "drip:ms=1", "replay", HALF];

/// A description that is half a character.
const HALF: &str = r#"text:to="\ud800""#;

/// Returns whether a fault concerns lists only.
fn reads_past(fault: &str) -> bool {
    ["loop", "endless", "partial"].contains(&fault)
}

/// Makes a test for each fault; the last test compares them with the sandbox's own list.
macro_rules! faults {
    ($($name:ident: $fault:literal => $words:expr;)*) => {
        const TESTED: &[&str] = &[$($fault),*];
        $(#[test]
        fn $name() {
            all($fault, &$words);
        })*
    };
}

faults! {
    dropped_before: "drop-before" => ["closed the connection without responding"];
    dropped_after: "drop-after" => ["closed the connection without responding"];
    reset: "reset" => ["closed the connection without responding"];
    short_of_quota: "429:retry-after=1" => ["rate_limit"];
    lacking: "405" => ["(method_not_allowed, request"];
    status_500: "500" => ["(error, request"];
    status_502: "502" => ["the response is an HTML page, not an API error: Bad Gateway"];
    status_503: "503" => ["(error, request"];
    status_504: "504" => ["(error, request"];
    status_500_after: "500-after" => ["(error, request"];
    status_502_after: "502-after" => ["the response is an HTML page, not an API error: Bad Gateway"];
    status_503_after: "503-after" => ["(error, request"];
    status_504_after: "504-after" => ["(error, request"];
    done_late: "late:ms=30" => ["(error, request"];
    cut_short: "cut" => ["the response was cut short"];
    garbage: "garbage" => ["it is not a JSON object", "it is not a JSON array", "it is not an account"];
    slow: "slow:ms=30" => [];
    dripping: "drip:ms=1" => ["the response was cut short"];
    redirected: "redirect:to=http://127.0.0.1:1/x" => ["redirects to http://127.0.0.1:1/x: refusing to send the token there"];
    without_end: "huge" => ["the response is larger than"];
    headers_without_end: "huge-headers" => ["sent more than 48 KiB of headers"];
    interim_without_end: "interim" => ["closed the connection without responding", "sent more than 48 KiB of headers"];
    the_same_page: "loop" => ["the server repeats a page"];
    the_same_page_under_other_names: "endless" => ["the server repeats a page"];
    a_part_of_a_list: "partial" => [];
    packed_bomb: "gzip-bomb" => ["the response is larger than"];
    many_values: "many" => ["has more than 100000", "it is not an account"];
    many_members: "wide" => ["has more than 100000 values", "it is larger than 8 MiB", "it is not an account"];
    nested_deeply: "deep" => ["it is nested deeper than 64 levels", "it is not an account"];
    null: "null" => ["it is not a JSON object", "it is not a JSON array", "it is not a list of objects", "it is not an account"];
    wrong_types: "types" => ["it has no id", "it is not a list of objects with ids"];
    names_twice: "dup" => ["duplicate field 'id'", "it is not a list of objects with ids"];
    masked_secrets: "mask" => ["it has no secret", "the response holds no complete secret"];
    replayed: "replay" => ["the response is about", "unusable response", "it is not a list of objects", "it is not a JSON array", "it is not an account"];
    evil_ids: "id:to=../../apps/precious" => ["its id '../../apps/precious' has characters that no id has"];
    evil_ids_of_clients: "nested-id:to=$(touch ran)" => ["its id '$(touch ran)' has characters that no id has"];
    half_characters: r#"text:to="\ud800""# => ["its description cannot be read", "its description is not valid text", "the response is about", "the API accepted the change"];
    large_numbers: "bignum" => ["its expires_in is not a number of seconds"];
    quoted_in_warnings: "warn" => [];
    other_members: "member:to={\"id\":null}" => ["it has no id", "it is not a list of objects with ids"];
    unknown_status: "answer:status=999" => ["(HTTP 999"];
    broken_utf8: "badutf8" => ["the response is not UTF-8"];
    quoted_secrets: "quote" => ["********** may not do this"];
    quoted_secrets_at_401: "quote:status=401" => ["********** may not do this"];
    quoted_secrets_at_429: "quote:status=429" => ["********** may not do this"];
    quoted_secrets_at_503: "quote:status=503" => ["********** may not do this"];
}

#[test]
fn every_fault_of_the_sandbox_has_a_test() {
    for name in Fault::names() {
        assert!(TESTED.iter().any(|fault| fault.split(':').next() == Some(name)), "{name}");
    }
}
