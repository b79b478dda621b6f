//! `--rest`, `--stream`, `-n`, `-f`, `-P`, `--once`, and the filters of oauth-ls.

use std::collections::BTreeSet;

use oauth_tools::sandbox::Settings;

use crate::common::{Account, faulty, text};

#[test]
fn the_rest_file_has_the_lines_not_done_verbatim() {
    let account = Account::new();
    let (good, other) = (account.id("terraform"), account.id("@ops rotation"));
    let bad = "{ \"id\" : \"no-such\", \"kind\": \"authz\", \"x\":1}";
    let input = format!("kind,id\nauthz,{good}\n\n{bad}\nauthz,{other}\nauthz,{other}\n");
    let ran = account.feed("oauth-rm --rest rest", input).exits(1);
    assert_eq!(ran.ids(), BTreeSet::from([good, other]), "{ran}");
    ran.says("1 input line is left in rest");
    assert_eq!(account.read("rest"), format!("kind,id\n{bad}\n"));
    account.feed("oauth-rm --rest rest -f", account.read("rest")).succeeds();
    assert_eq!(account.read("rest"), "");
}

#[test]
fn the_rest_file_of_a_stopped_run_finishes_it() {
    let account = Account::with(Settings { authz: 50, ..Settings::default() });
    account.bash("oauth-ls authz | grep generated > all").succeeds();
    let ran = account.bash("oauth-rm --rest rest -P 1 < all | head -n 3").exits(1);
    let left = account.read("rest").lines().count();
    assert!(left > 0 && left < 50, "{left}{ran}");
    // A change that was not delivered is repeated too.
    account.sh("oauth-rm -f --rest rest < rest").succeeds();
    assert_eq!(account.read("rest"), "");
    assert_eq!(account.ids("authz").len(), 16);
}

#[test]
fn a_refused_input_leaves_the_rest_file_unchanged() {
    let account = Account::new();
    account.write("rest", "precious\n");
    account.feed("oauth-rm authz --rest rest", "a/b\n").exits(2);
    assert_eq!(account.read("rest"), "precious\n");
    account
        .sh("ln -s rest link; oauth-rm authz a1 --rest link")
        .exits(2)
        .says("link: is a symbolic link: name the file itself");
    account.sh("oauth-rm authz a1 --rest no/such/folder").exits(2).says("no/such/folder: no such file");
    assert_eq!(account.read("rest"), "precious\n");
    assert_eq!(account.server.stats().total(), 0);
}

#[test]
fn a_signal_while_reading_leaves_no_draft_of_the_rest_file() {
    for (signal, status) in [("TERM", 143), ("HUP", 129)] {
        let account = Account::new();
        account.write("rest", "precious\n");
        let line = format!(
            "mkfifo in; oauth-rm authz --rest rest < in & exec 3> in; echo {} >&3; \
             until ls rest.*.tmp; do sleep 0.02; done > /dev/null 2>&1; kill -{signal} $!; wait $!",
            account.id("terraform")
        );
        let ran = account.sh(&line).exits(status).prints("");
        ran.says("oauth-rm: stopped while reading the input; nothing was changed\n");
        assert_eq!(account.read("rest"), "precious\n");
        let files = std::fs::read_dir(&account.folder).expect("a folder").count();
        assert_eq!((files, account.server.stats().total()), (3, 0), "home, in and rest");
    }
}

#[test]
fn the_rest_file_is_unchanged_if_no_input_is_read() {
    let account = Account::new();
    account.write("rest", "precious\n");
    for what in ["authz -d x", "client x https://x.example", "token --web c1"] {
        let ran = account.sh(&format!("oauth-mk {what} --rest rest")).exits(2);
        ran.says("--rest is for records on standard input: add -");
    }
    assert_eq!(account.read("rest"), "precious\n");
    assert_eq!(account.server.stats().total(), 0);
}

#[test]
fn a_stream_is_processed_as_it_arrives() {
    let account = Account::new();
    let (first, second) = (account.id("terraform"), account.id("@ops rotation"));
    // The second id is written only after the first record: a run that waited for its whole input would hang.
    let line = format!(
        "mkfifo in; : > out; oauth-rm authz --stream < in > out & exec 3> in; echo {first} >&3; \
         while ! grep -q {first} out; do sleep 0.02; done; echo {second} >&3; exec 3>&-; wait $!; cat out"
    );
    let ran = account.sh(&line).succeeds();
    assert_eq!(ran.each("id"), [first, second], "{ran}");
}

#[test]
fn an_invalid_line_of_a_stream_is_one_failure_among_others() {
    let account = Account::new();
    let id = account.id("terraform");
    let ran = account.feed("oauth-rm authz --stream --rest rest", format!("a/b\n{id}\n[\n")).exits(1);
    assert_eq!(ran.each("id"), [id], "{ran}");
    ran.says("stdin:1: invalid id 'a/b'").says("stdin:3: this is a JSON array");
    assert_eq!(account.read("rest"), "a/b\n[\n");
    account.sh("oauth-mk - --stream --once").exits(2).says("--once reads the whole input first");
}

#[test]
fn a_dry_run_shows_the_changes_and_makes_none() {
    let account = Account::new();
    let before = account.state();
    let (authz, client) = (account.id("terraform"), account.id("Example CI"));
    for (line, shown) in [
        (format!("oauth-rm -n authz {authz}"), format!(r#"{{"kind":"authz","id":"{authz}","status":"would-revoke","description":"terraform"}}"#)),
        (format!("oauth-rm -n client {client}"), format!(r#"{{"kind":"client","id":"{client}","status":"would-delete","name":"Example CI"}}"#)),
        (format!("oauth-rot -n client {client}"), format!(r#"{{"kind":"client","id":"{client}","status":"would-rotate"}}"#)),
        (
            format!("oauth-set -n client {client} --name x"),
            format!(r#"{{"kind":"client","id":"{client}","status":"would-update","name":"x"}}"#),
        ),
        (
            "oauth-mk -n authz -d x -e 1h".to_owned(),
            r#"{"kind":"authz","id":null,"status":"would-create","description":"x","expires_in":3600,"scope":["global"]}"#.to_owned(),
        ),
    ] {
        account.sh(&line).succeeds().prints(&format!("{shown}\n"));
    }
    let line = format!("oauth-set -n authz {authz} --client-id {client} --client-secret s3cret-text");
    let ran = account.sh(&line).succeeds();
    assert!(!ran.out.contains("s3cret-text"), "{ran}");
    assert_eq!(account.state(), before);
}

#[test]
fn with_force_a_missing_object_is_not_a_failure() {
    let account = Account::new();
    let ran = account.sh("oauth-rm -f client no-such").succeeds();
    ran.prints("{\"kind\":\"client\",\"id\":\"no-such\",\"status\":\"absent\"}\n");
    account.sh("oauth-rm client no-such").exits(1);
}

#[test]
fn parallel_results_keep_the_order_of_the_input() {
    let account = Account::with(Settings { authz: 200, ..Settings::default() });
    let ids = account.bash("oauth-ls authz | grep generated | cut -d '\"' -f 8 | sort -r").succeeds();
    for (n, chunk) in [1, 3, 64].into_iter().zip(ids.lines().chunks(60)) {
        let ran = account.feed(&format!("oauth-rm authz -P {n} -o id"), chunk.join("\n")).succeeds();
        assert_eq!(ran.lines(), chunk, "{ran}");
    }
    let most = account.server.stats().most_at_once;
    assert!(most > 1 && most <= 64, "{most}");
}

#[test]
fn parallel_1_sends_one_request_at_a_time() {
    let account = Account::with(Settings { authz: 30, ..Settings::default() });
    account
        .bash("oauth-ls authz | grep generated | oauth-rm -P 1 --include-self --include-default")
        .succeeds();
    assert_eq!(account.server.stats().most_at_once, 1);
}

#[test]
fn once_makes_missing_objects_and_prints_existing_ones() {
    let account = Account::new();
    let input = "kind,description,scope\nauthz,nightly,read\nauthz,terraform,global\nauthz,nightly,read\nauthz,nightly,write\n";
    // Of two equal lines either may come first.
    let ran = account.feed("oauth-mk --once - -P 1", input).succeeds();
    assert_eq!(ran.each("status"), ["created", "exists", "exists", "created"], "{ran}");
    assert_eq!(ran.records()[2]["access_token"]["token"], "**********", "{ran}");
    let again = account.feed("oauth-mk --once -", input).succeeds();
    assert_eq!(again.each("status"), ["exists"; 4], "{again}");
    assert_eq!(account.server.stats().applied("POST /oauth/authorizations"), 2);
    let client = "oauth-mk client CI https://ci.example --once";
    assert_eq!(account.sh(client).succeeds().each("status"), ["created"]);
    assert_eq!(account.sh(client).succeeds().each("status"), ["exists"]);
    let rotated = account.feed("oauth-mk --once - | grep exists | oauth-rot", input).succeeds();
    assert_eq!(rotated.ids().len(), 3, "{rotated}");
}

#[test]
fn once_reports_an_authorization_with_the_same_description_and_another_scope() {
    let account = Account::new();
    let make =
        |scope: &str, more: &str| account.sh(&format!("oauth-mk authz -d job -s {scope} --once {more}"));
    let id = make("read", "").succeeds().record()["id"].as_str().unwrap().to_owned();
    let before = account.state();
    for (scope, shown) in [("write", "write"), ("read,write", "read write"), ("global", "global")] {
        for more in ["", "-n", "--strict", "--exec 'touch ran'", "-P 1"] {
            let what =
                format!("authz: authz {id} has the description 'job' and the scope 'read', not '{shown}'\n");
            let ran = make(scope, more).exits(1).prints("").says(&what);
            ran.says("give this one another description").says(&format!("oauth-rm authz {id}\n"));
        }
    }
    let edited = "description,scope\nother,read\njob,write\n";
    let ran = account.feed("oauth-mk authz - --once --rest rest", edited).exits(1);
    assert_eq!(ran.each("status"), ["created"], "{ran}");
    ran.says("stdin:3: authz: authz ").says("has the description 'job'");
    assert_eq!(account.read("rest"), "description,scope\njob,write\n");
    assert!(!account.path("ran").exists() && account.state().len() == before.len() + 1);
    // Those who want both give both, or make the second without --once. Both exist from then on.
    let both = "description,scope\njob,read\njob,write\n";
    let ran = account.feed("oauth-mk authz - --once", both).succeeds();
    assert_eq!(ran.each("status"), ["exists", "created"], "{ran}");
    for scope in ["read", "write"] {
        assert_eq!(make(scope, "").succeeds().each("status"), ["exists"]);
    }
    make("identity", "").exits(1).says("not 'identity'");
    account.sh("oauth-mk authz -d job -s identity").succeeds();
    assert_eq!(make("identity", "").succeeds().each("status"), ["exists"]);
    // One that has expired, or belongs to a client, is another matter.
    let expired = account.sh("oauth-ls authz --status expired | head -n 1").succeeds().record();
    let line = format!("{{\"description\":{},\"scope\":[\"read-protected\"]}}", expired["description"]);
    assert_eq!(account.feed("oauth-mk authz - --once", line).succeeds().each("status"), ["created"]);
    let client = account.id("Local development");
    let ran = make("write-protected", &format!("--client-id {client}")).succeeds();
    assert_eq!(ran.each("status"), ["created"], "{ran}");
}

#[test]
fn once_looks_only_at_authorizations_of_the_same_client() {
    let account = Account::with(faulty(&["drop-after@POST /oauth/authorizations$:after=2:count=1"]));
    let client = account.id("Local development");
    let line = format!("oauth-mk authz -d X --once -o csv --client-id {client}");
    assert_eq!(account.sh("oauth-mk authz -d X --once").succeeds().record()["status"], "created");
    let made = account.sh(&line).succeeds();
    let code = made.out.trim_end().rsplit(',').next().unwrap_or_default().to_owned();
    assert!(made.out.contains(",created,") && code.len() > 20, "{made}");
    assert!(account.sh(&line).succeeds().out.contains(",exists,"));
    // After a lost response its code is fetched, because it cannot be rotated.
    let lost = account.sh(&line.replace(" X ", " Y ")).succeeds();
    assert!(lost.out.contains(",created,") && !lost.out.trim_end().ends_with(','), "{lost}");
    assert_eq!(account.server.stats().applied("POST /oauth/authorizations"), 3);
}

#[test]
fn once_fails_if_an_existing_object_has_no_secret_to_print() {
    let account = Account::new();
    for format in ["--shell", "-S"] {
        let line = format!("oauth-mk authz --once -d terraform {format}");
        account.sh(&line).exits(1).says("the API shows a token in full only once");
    }
    let line = "oauth-mk client --once 'Example CI' https://ci.example.net/oauth -S";
    account.sh(line).exits(1).says("to print it, use oauth-ls client ID -o secret");
}

#[test]
fn once_reports_an_existing_object_with_another_lifetime() {
    let account = Account::new();
    let make = |more: &str| account.sh(&format!("oauth-mk authz -d job --once {more}"));
    let id = make("-e 8h").succeeds().each("id").remove(0);
    // The same lifetime, or the same time of expiry, is no difference.
    let again = make("-e 8h").succeeds();
    assert_eq!(again.each("status"), ["exists"]);
    account.feed("oauth-mk - --once", &again.out).succeeds();
    for more in ["-e 30d", "-e 1h", ""] {
        let ran = make(more)
            .exits(0)
            .says(&format!("authz {id}: it already exists with another lifetime: it expires at 2"));
        assert_eq!(ran.each("status"), ["exists"]);
        make(&format!("{more} -n")).exits(0).says("another lifetime");
    }
    // Of two lines one is made, and the other is reported.
    let two = "{\"description\":\"two\"}\n{\"description\":\"two\",\"expires_in\":60}\n";
    account
        .feed("oauth-mk authz - --once -P 1", two)
        .exits(0)
        .says(": it already exists")
        .says("it never expires");
    // An expired authorization does not count.
    let expired = account.sh("oauth-ls authz --status expired | head -n 1").succeeds().record();
    let line = format!("{{\"description\":{},\"scope\":{}}}", expired["description"], expired["scope"]);
    assert_eq!(account.feed("oauth-mk authz - --once", line).succeeds().each("status"), ["created"]);
}

#[test]
fn an_existing_object_without_a_visible_secret_is_named() {
    let account = Account::new();
    let id = account.id("terraform");
    let ran = account.sh("oauth-mk authz -d terraform --once -S").exits(1).prints("");
    ran.says(&format!("authz {id}: the API shows a token in full only once"));
}

#[test]
fn filters_select_records() {
    let account = Account::new();
    let names = |options: &str| -> BTreeSet<String> {
        account.sh(&format!("oauth-ls authz {options}")).succeeds().each("description").into_iter().collect()
    };
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(names("--expires-within 1h"), set(&["one-off job, eu, \"priority\""]));
    assert_eq!(names("--older-than 500d"), set(&["Default API key", "ci deploy 2023", "laptop (old)"]));
    assert_eq!(names("--scope read,identity --client none"), set(&["+1 555 0100 on-call pager"]));
    assert_eq!(names("--client 'Example Dashboard'"), set(&["Example Dashboard"]));
    assert_eq!(names("--team example-team"), set(&["team audit", "team deploys"]));
    let sorted = account.sh("oauth-ls authz --sort created_at").succeeds().each("created_at");
    assert!(sorted.is_sorted(), "{sorted:?}");
}

#[test]
fn a_long_list_is_printed_page_by_page() {
    let account = Account::with(Settings { authz: 2500, ..Settings::default() });
    let ran = account.sh("oauth-ls authz -o id").succeeds();
    assert_eq!(ran.lines().into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), account.ids("authz"));
    assert_eq!(account.asked("GET /oauth/authorizations"), 3);
}

#[test]
fn a_lost_create_is_named_and_never_repeated() {
    let faults = ["drop-after@POST /oauth/authorizations$:count=1"];
    let account = Account::with(faulty(&faults));
    let ran = account.sh("oauth-mk authz -d precious").exits(75).prints("");
    let id = account.id("precious");
    ran.says(&format!("it may have been created: authz {id}"))
        .says("rotate a candidate with oauth-rot to use it");
    assert_eq!(account.server.stats().applied("POST /oauth/authorizations"), 1);

    let account = Account::with(faulty(&faults));
    let made = account.sh("oauth-mk authz -d precious --once").succeeds().record();
    assert_eq!((text(&made["id"]), &made["status"]), (account.id("precious"), &"created".into()));
    assert!(text(&made["access_token"]["token"]).len() > 40);
}

#[test]
fn a_rotation_without_a_visible_secret_stays_in_the_rest_file() {
    let account = Account::with(faulty(&["mask:count=1"]));
    let ids: Vec<String> = ["Example CI", "Local development"].iter().map(|name| account.id(name)).collect();
    let input = format!("{}\n{}\n", ids[0], ids[1]);
    let ran = account.feed("oauth-rot client -P 1 --rest rest", &input).exits(1);
    assert_eq!(ran.each("status"), ["rotated"; 2], "{ran}");
    ran.says(&format!("stdin:1: client {}: the response holds no complete secret", ids[0]));
    assert_eq!(account.read("rest"), format!("{}\n", ids[0]));
}

#[test]
fn a_signal_before_the_first_change_sets_the_exit_status() {
    // Two look-ups come before changes: for protection, and for --once.
    for tool in ["oauth-rm authz a1", "oauth-rot authz a1", "oauth-mk authz -d new --once"] {
        let account = Account::with(faulty(&["503@GET /oauth/authorizations"]));
        let line = format!(
            "{tool} -v 2> err & until grep -q '< 503' err; do sleep 0.02; done; kill -TERM $!; wait $!"
        );
        let ran = account.sh(&line).exits(128 + 15).prints("");
        assert!(account.read("err").contains(": stopped: "), "{ran}");
        assert!(account.server.stats().applied.is_empty());
    }
}

#[test]
fn unknown_scopes_are_reported_before_any_call() {
    let account = Account::new();
    for line in ["oauth-run -s raed true", "oauth-mk authz -s raed", "oauth-mk token --web c1 -s raed"] {
        account.sh(line).exits(2).says("--scope: unknown scope 'raed'; did you mean 'read'?");
        account.sh(&line.replace("raed", ",")).exits(2).says("--scope: a scope is empty");
    }
    for wider in [",", "read,", "read,,write", " "] {
        account.sh(&format!("oauth-ls authz -s '{wider}'")).exits(2).says("--scope: a scope is empty");
    }
    assert_eq!(account.server.stats().total(), 0);
    account.sh("oauth-ls authz -s 'read, write'").succeeds();
}

#[test]
fn the_log_records_each_change_and_its_author() {
    let account = Account::new();
    let id = account.id("terraform");
    let line = format!("oauth-mk authz -d logged --log log -o id; oauth-rm authz {id} none --log log -P 1");
    account.sh(&line).exits(1);
    let log = account.read("log");
    let lines: Vec<serde_json::Value> = log.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let told: Vec<_> = lines.iter().map(|l| (text(&l["tool"]), text(&l["result"]))).collect();
    assert_eq!(told[..2], [("oauth-mk".into(), "created".into()), ("oauth-rm".into(), "revoked".into())]);
    assert!(told[2].1.starts_with("failed: "), "{told:?}");
    assert_eq!((&lines[1]["id"], &lines[1]["account"]), (&id.as_str().into(), &"you@example.com".into()));
    assert!(log.lines().all(|l| l.len() == 511), "lines of one length");
    // Parallel runs do not mix their lines. If the log cannot be written, nothing is changed.
    let many =
        "for i in 1 2 3 4; do oauth-ls authz -o id | oauth-set authz -d x --log log -o id & done; wait";
    account.sh(many);
    assert!(account.read("log").lines().all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()));
    let before = account.state();
    account.sh("oauth-mk authz --log /dev/full").exits(2);
    account.sh("oauth-mk authz --log no/such/folder").exits(2).says("oauth-mk: no/such/folder: no such file");
    let variable = account.sh("OAUTH_LOG=no/such/folder oauth-mk authz").exits(2);
    variable.says("oauth-mk: OAUTH_LOG: no/such/folder: no such file");
    assert_eq!(account.state(), before);
}

#[test]
fn one_file_cannot_have_two_uses() {
    let account = Account::new();
    let id = account.id("terraform");
    account.write("kept", "kept\n");
    let before = account.state();
    for line in [
        format!("oauth-rot authz {id} --rest kept >> kept"),
        format!("oauth-rm authz {id} --log kept >> kept"),
        format!("oauth-rm authz {id} --log kept --rest ./kept"),
        format!("OAUTH_LOG=new oauth-rm authz {id} --rest $PWD/new"),
    ] {
        account.sh(&line).exits(2).says("name another file");
    }
    account
        .sh(&format!("OAUTH_LOG=kept oauth-rm authz {id} >> kept"))
        .exits(2)
        .says("OAUTH_LOG names the file");
    assert_eq!((account.read("kept").as_str(), account.state()), ("kept\n", before));
}

#[test]
fn a_bulk_run_ends_with_counts_if_they_are_asked_for() {
    let account = Account::new();
    let (authz, own) = (account.id("terraform"), account.id("oauth-tools sandbox"));
    let ids = format!("{authz}\n{own}\nno-such\n");
    account.write("ids", &ids);
    account.sh("oauth-rm authz --summary -n < ids").exits(1).says("oauth-rm: 2 to revoke, 1 skipped\n");
    let ran = account.sh("oauth-rm authz --summary < ids").exits(1);
    ran.says("oauth-rm: 1 revoked, 1 skipped, 1 failed\n");
    account.sh("oauth-rm --summary < /dev/null").exits(0).says("oauth-rm: nothing to do\n");
    account.sh(&format!("oauth-rm -f --summary authz {authz}")).exits(0).says("oauth-rm: 1 absent\n");
    account.sh("oauth-set --summary client Nothing --name x --stream").exits(1).says("oauth-set: 1 failed\n");
    let quiet = account.sh("oauth-rm -f authz < ids");
    assert!(!quiet.err.contains("absent,"), "{quiet}");
}
