//! What the official client has no command for: run, rehearse, exchange, watch, log.

use std::io::{Read, Write};
use std::net::TcpStream;

use oauth_tools::sandbox::Settings;

use crate::common::{Account, text};

/// Visits a URL of this machine, and says where it leads.
fn visit(url: &str) -> Option<String> {
    let (authority, path) = url.strip_prefix("http://")?.split_once('/')?;
    let mut stream = TcpStream::connect(authority).ok()?;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer
        .lines()
        .find_map(|line| line.to_lowercase().starts_with("location: ").then(|| line[10..].to_owned()))
}

#[test]
fn a_command_runs_with_its_own_authorization_which_is_then_revoked() {
    let account = Account::new();
    let before = account.ids("authz");
    let ran = account.sh("oauth-run -d job -s read,write -e 10m -- oauth-ls authz").succeeds();
    let own: Vec<_> = ran.records().into_iter().filter(|r| r["description"] == "job").collect();
    assert_eq!(own.len(), 1, "{ran}");
    assert_eq!((&own[0]["current"], own[0]["expires_at"].is_string()), (&true.into(), true), "{ran}");
    assert_eq!(account.ids("authz"), before);
    // However it ends, its status comes back and the authorization goes.
    for (command, status) in [("sh -c 'exit 7'", 7), ("no-such-command", 127), ("sh -c 'kill -9 $$'", 137)] {
        account.sh(&format!("oauth-run -- {command}")).exits(status);
        assert_eq!(account.ids("authz"), before, "{command}");
    }
    for signal in ["TERM", "INT", "HUP", "QUIT", "USR1"] {
        let line = format!("oauth-run -- sh -c 'kill -{signal} $PPID; exec sleep 60'; echo $?");
        account.sh(&line).succeeds();
        assert_eq!(account.ids("authz"), before, "{signal}");
    }
    account.sh("oauth-run -- sh -c 'test \"$HEROKU_API_KEY\" = \"$OURS\"'").exits(1);
}

#[test]
fn a_signal_stops_the_preparation_but_not_the_revocation() {
    let with = |fault: &str| {
        let faults = fault.split_whitespace().map(|f| f.parse().expect("a fault")).collect();
        Account::with(Settings { faults, ..Settings::default() })
    };
    // The signal comes once `sign` has been said.
    let line = |sign: &str| {
        format!(
            "oauth-run -v --retry-for 20 -- touch ran 2> said & \
             until grep -q '{sign}' said; do sleep 0.05; done; kill -TERM $!; wait $!; \
             status=$?; cat said >&2; exit $status"
        )
    };
    for (account, host, sign) in [
        (with(""), Some("http://127.0.0.1:1"), "< no usable response: "),
        // Not by an empty quota, which has a call again after 0.8 s.
        (with("429@POST"), None, "quota"),
        (with("503@POST"), None, "< 503"),
        // It is made, and goes again.
        (with("slow@POST:ms=3000"), None, "> POST"),
    ] {
        let before = account.ids("authz");
        let host = host.map_or_else(|| account.server.url(), str::to_owned);
        let ran = account.line("sh", &line(sign)).env("HEROKU_HOST", &host).run(b"").exits(143);
        assert!(!account.path("ran").exists(), "{ran}");
        assert_eq!(account.ids("authz"), before, "{ran}");
    }
    // What may have been made is named.
    let account = with("503-after@POST");
    account.sh(&line("< 503")).exits(143).says(&account.id("oauth-run touch"));
    let account = with("503@DELETE:count=3");
    let before = account.ids("authz");
    account.sh(&line("> DELETE")).exits(0);
    assert!(account.path("ran").exists() && account.ids("authz") == before);
}

#[test]
fn the_log_records_what_became_of_the_authorization() {
    let faulty = |fault: &str| {
        let faults = vec![fault.parse().expect("a fault")];
        Account::with(Settings { faults, ..Settings::default() })
    };
    let results = |account: &Account| -> Vec<String> {
        let log = account.read("log");
        let lines = log.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).expect("JSON"));
        lines.map(|l| text(&l["result"]).split(':').next().unwrap_or_default().to_owned()).collect()
    };
    let line = "oauth-run --retry-for 0 --log log";
    let account = Account::new();
    account.sh(&format!("{line} -- sh -c 'exit 7'")).exits(7);
    account
        .sh(&format!("{line} -- sh -c 'oauth-ls authz | grep current | oauth-rm --include-self'"))
        .exits(0);
    assert_eq!(results(&account), ["created", "revoked"].repeat(2));
    // What was refused did not happen; of what ended in a passing fault nobody knows.
    for (fault, status, told) in [
        ("quote@POST /oauth/authorizations$:status=403", 1, vec!["failed"]),
        ("503@POST /oauth/authorizations$", 75, vec!["unknown"]),
        ("quote@DELETE:status=403", 1, vec!["created", "failed"]),
        ("503@DELETE", 75, vec!["created", "unknown"]),
    ] {
        let account = faulty(fault);
        account.sh(&format!("{line} -- true")).exits(status);
        assert_eq!(results(&account), told, "{fault}");
    }
}

#[test]
fn a_full_log_does_not_prevent_the_revocation() {
    let account = Account::new();
    let before = account.ids("authz");
    let ran = account.sh("ulimit -f 1; oauth-run --log log -- true").exits(1);
    ran.says("--log: log: file too large").never_says("could not be revoked");
    assert_eq!(account.ids("authz"), before);
    assert_eq!(account.read("log").lines().count(), 1);
}

#[test]
fn the_commands_environment_has_no_secret_but_its_own_token() {
    let account = Account::new();
    let line = account
        .line("sh", "oauth-run sh -c 'env; test \"$HEROKU_API_KEY\" != \"$OURS\"'")
        .env("OURS", account.server.token())
        .env("HEROKU_API_TOKEN", "sekret-1")
        .env("HEROKU_HEADERS", "{\"X-Own\":\"sekret-2\"}")
        .env("HEROKU_TWO_FACTOR_CODE", "sekret-3");
    let ran = line.run(b"").succeeds();
    assert!(!ran.out.contains("sekret") && ran.out.contains("HEROKU_HOST="), "{ran}");
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
fn a_killed_run_leaves_only_an_authorization_that_expires() {
    let account = Account::new();
    let before = account.ids("authz");
    account.sh("oauth-run -d left -- sh -c 'kill -9 $PPID'").exits(137);
    let left: Vec<_> = account.kind("authz").into_iter().filter(|r| r["description"] == "left").collect();
    assert_eq!(left.len(), 1);
    assert!(left[0]["expires_at"].is_string() && !before.contains(&text(&left[0]["id"])));
}

#[test]
fn codes_and_refresh_tokens_are_exchanged_for_tokens() {
    let account = Account::new();
    let client = account.id("Example CI");
    account
        .sh(&format!("oauth-ls client {client} -S > secret; oauth-mk authz --client-id {client} -S > code"))
        .succeeds();
    let token = account.sh("oauth-mk token --grant-code @code --client-secret @secret").succeeds().record();
    let refresh = text(&token["refresh_token"]["token"]);
    // What it was exchanged for is no news, and none of the next command's business.
    for given in ["secret", "code"] {
        assert!(!token.to_string().contains(account.read(given).trim()), "{given}: {token}");
    }
    account.sh("oauth-mk token --grant-code @code --client-secret @secret").exits(1).says("was used");
    // A variable that was named for a secret is for no command.
    let line = "CODE=$(oauth-mk authz --client-id CLIENT -S) SECRET=$(cat secret) OTHER=x; export CODE SECRET OTHER; \
                oauth-mk token --grant-code env:CODE --client-secret env:SECRET --exec env";
    let ran = account.sh(&line.replace("CLIENT", &client)).exits(0).says("OTHER=x\n");
    ran.never_says("CODE=").never_says("\nSECRET=");
    let line = "oauth-mk token --refresh-token - --client-secret @secret";
    let fresh = account.feed(line, &refresh).succeeds().record();
    let key = text(&fresh["access_token"]["token"]);
    account.line("sh", "oauth-ls authz -o id").env("HEROKU_API_KEY", &key).run(b"").succeeds();
    account.sh(&format!("oauth-rm token {}", text(&fresh["id"]))).succeeds();
    account.line("sh", "oauth-ls authz -o id").env("HEROKU_API_KEY", &key).run(b"").exits(4);
    account
        .sh(&format!("oauth-rm token {refresh}"))
        .exits(2)
        .says("a token, not an id")
        .never_says(&refresh[8..]);
    account.write("wrong", "b9c4a6de-6fd1-4f4e-9d4f-0cf4b8a2b6a1");
    let line = format!("oauth-mk authz --client-id {client} -S > code; oauth-mk token --grant-code @code");
    account.sh(&format!("{line} --client-secret @wrong")).exits(4).says("check the client's secret");
    account
        .sh("oauth-mk token --grant-code - --client-secret -")
        .exits(2)
        .says("standard input is already used");
}

#[test]
fn the_web_flow_accepts_one_visit_with_the_right_state() {
    let account = Account::new();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let line = format!("oauth-mk client web http://127.0.0.1:{port}/cb -o id");
    let client = account.sh(&line).succeeds().lines()[0].to_owned();
    let line = format!("oauth-mk token --web {client} -s read 2> said");
    let ran = std::thread::scope(|scope| {
        let run = scope.spawn(|| account.sh(&line));
        let url = loop {
            let said = std::fs::read_to_string(account.path("said")).unwrap_or_default();
            match said.lines().find_map(|l| l.strip_prefix("oauth-mk: visit ")) {
                Some(url) if said.ends_with('\n') => break url.to_owned(),
                _ => std::thread::sleep(std::time::Duration::from_millis(5)),
            }
        };
        visit(&format!("http://127.0.0.1:{port}/favicon.ico"));
        visit(&format!("http://127.0.0.1:{port}/cb?state=wrong&code=stolen"));
        let back = visit(&url).expect("the sandbox leads back");
        visit(&back);
        run.join().unwrap()
    });
    let token = ran.succeeds().record();
    assert_eq!(token["kind"], "token");
    assert!(account.read("said").contains("ignored a request with the wrong state"));
    // Where nobody comes, a signal ends the wait.
    let line = format!("timeout --preserve-status -k 30 1 oauth-mk token --web {client}");
    account.sh(&line).exits(143).says("visit ").says("ended by signal 15");
    // Where somebody else listens, nobody is sent.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    account.sh(&format!("oauth-mk token --web {client}")).exits(1).says("cannot listen").never_says("visit");
}

#[test]
fn a_rehearsal_changes_a_copy_and_oauth_diff_shows_what_it_did() {
    let account = Account::new();
    account.sh("oauth-ls --marks > before").succeeds();
    account
        .write("script", "oauth-ls authz --status expired | oauth-rm -o id\noauth-mk authz -d new -o id\n");
    account.sh("oauth-sandbox --load before --dump same true; oauth-diff before same").succeeds();
    account.sh("oauth-sandbox --load before --dump after sh -e ./script").succeeds();
    let changes = account.sh("oauth-diff before after").exits(1).each("change");
    assert_eq!(changes.iter().filter(|c| *c == "removed").count(), 4);
    assert_eq!(changes.iter().filter(|c| *c == "added").count(), 1);
    account.sh("oauth-diff before -").succeeds();
    let client = account.id("Example CI");
    account.sh(&format!("oauth-set client {client} --name Other -o id")).succeeds();
    let changed = account.sh("oauth-diff before -").exits(1).record();
    assert_eq!(changed["was"]["name"], "Example CI");
}

#[test]
fn a_state_file_wins_over_a_list_to_load_which_must_exist() {
    let account = Account::new();
    account.sh("oauth-ls clients > list").succeeds();
    // The same line each time: the first one loads, the others go on.
    let line = "oauth-sandbox --state kept --load list --authz 3";
    account.sh(&format!("{line} oauth-mk client Shop https://a.example -o id")).succeeds();
    let ids = account.sh(&format!("{line} oauth-ls -o id")).succeeds();
    assert_eq!(account.sh("oauth-sandbox --state kept oauth-ls -o id").succeeds().out, ids.out);
    assert!(ids.lines().len() >= 5 + 3, "{ids}");
    account.sh("echo junk > list").succeeds();
    assert_eq!(account.sh(&format!("{line} oauth-ls -o id")).succeeds().out, ids.out);
    let line = line.replace("list", "lsit");
    account.sh(&format!("{line} touch ran")).exits(1).says("lsit: no such file or directory");
    assert!(!account.path("ran").exists());
}

#[test]
fn a_file_that_is_not_a_list_is_reported() {
    let account = Account::new();
    account
        .sh("oauth-ls > list; mkdir folder; printf '\\357\\273\\277' > marked; cat list >> marked")
        .succeeds();
    let id = account.id("terraform");
    for (command, what) in [
        ("rm -f other", "other: no such file or directory"),
        ("ln -s folder other", "other: is a directory"),
        ("oauth-ls -o csv", "other:1: this is CSV"),
        ("oauth-ls authz -o csv | tail -n 1", "other:1: this is CSV"),
        (
            "oauth-ls -j",
            "other:1: this is a JSON array: give one object per line, as jq -c '.[]' prints them",
        ),
        (&format!("oauth-ls authz {id} -j"), "other:1: this is JSON over several lines"),
        ("oauth-ls -o table", "other:1: this is not a record"),
        ("oauth-ls authz -o id", "other:1: this is not a record"),
        ("cat list list", "the record is in the list twice"),
        ("cat list; echo '{\"kind\":\"authz\"'", "invalid JSON: the line ends inside the object"),
        ("echo '{\"id\":\"a1\"}'", "other:1: "),
    ] {
        let make =
            if command.contains("other") { command.to_owned() } else { format!("{{ {command}; }} > other") };
        account.sh(&format!("rm -f other; {make}")).exits(0);
        for line in ["oauth-diff list other", "oauth-diff other -"] {
            let ran = account.sh(line).exits(2).prints("").says("oauth-diff: other:");
            ran.says(what).says("give a list as oauth-ls prints it").never_says("stdin");
        }
    }
    account
        .sh("oauth-diff list marked; oauth-diff marked - && oauth-diff /dev/stdin list < marked")
        .succeeds();
}

#[test]
fn a_difference_shows_a_record_as_its_list_does() {
    let account = Account::new();
    for (line, shown) in [
        (
            r#"{"n":1,"default":true,"current":true,"expires_at":"2030-01-02T04:04:05+01:00","status":"active","id":"a"}"#,
            r#""status":"active","expires_at":"2030-01-02T03:04:05Z","current":true,"default":true,"change":"added","n":1}"#,
        ),
        (
            r#"{"id":"a","status":"x","current":false,"default":null,"expires_at":null,"token":"T"}"#,
            r#""status":"x","expires_at":null,"change":"added","token":"**********"}"#,
        ),
        (r#"{"id":"a","change":"x","was":"y"}"#, r#""status":"","change":"added","was":"y"}"#),
    ] {
        let list = line.replacen('{', r#"{"kind":"authz","#, 1);
        let ran = account.feed("oauth-diff /dev/null /dev/stdin", list).exits(1);
        ran.prints(&format!("{{\"kind\":\"authz\",\"id\":\"a\",{shown}\n"));
    }
    account.write("old", r#"{"kind":"authz","id":"a","status":"x","was":"y"}"#);
    let ran = account.feed("oauth-diff old /dev/stdin", r#"{"kind":"authz","id":"a","was":"z"}"#).exits(1);
    ran.prints(
        "{\"kind\":\"authz\",\"id\":\"a\",\"status\":\"\",\"change\":\"changed\",\"was\":{\"was\":\"y\"}}\n",
    );
    account
        .feed("oauth-diff /dev/null /dev/stdin", r#"{"kind":"authz","id":"a","status":1,"status":2}"#)
        .exits(2)
        .says("/dev/stdin:1: duplicate field 'status'");
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
    // Parallel runs do not mix, and where it cannot be written nothing is changed.
    let many =
        "for i in 1 2 3 4; do oauth-ls authz -o id | oauth-set authz -d x --log log -o id & done; wait";
    account.sh(many);
    assert!(account.read("log").lines().all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()));
    let before = account.state();
    account.sh("oauth-mk authz --log /dev/full").exits(1);
    account.sh("oauth-mk authz --log no/such/folder").exits(1);
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
    assert_eq!((account.read("kept").as_str(), account.state()), ("kept\n", before));
}
