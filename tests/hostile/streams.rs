//! Streams and helpers that others have left in a bad state: non-blocking, never read, never ending, or the input of
//! the run itself; and limits of the system.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use oauth_tools::sandbox::Settings;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Signal;

use crate::common::{Account, Running, path, programs};

/// How many records a run reads or writes: far more than a pipe holds.
const MANY: usize = 3000;

fn non_blocking() -> (PipeReader, PipeWriter) {
    let (reader, writer) = pipe().expect("a pipe");
    for end in [reader.as_fd(), writer.as_fd()] {
        let flags = fcntl_getfl(end).expect("flags");
        fcntl_setfl(end, flags | OFlags::NONBLOCK).expect("flags");
    }
    (reader, writer)
}

/// Reads to the end, slowly.
fn read_slowly(mut from: PipeReader) -> String {
    let mut all = Vec::new();
    let mut chunk = vec![0; 8192];
    loop {
        std::thread::sleep(Duration::from_millis(2));
        match from.read(&mut chunk) {
            Ok(0) => return String::from_utf8(all).expect("UTF-8"),
            Ok(n) => all.extend_from_slice(&chunk[..n]),
            Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::WouldBlock),
        }
    }
}

fn command(account: &Account, line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {line}")]).current_dir(&*account.folder).env_clear();
    command.env("PATH", path()).env("HOME", account.path("home"));
    command.env("HEROKU_HOST", account.server.url()).env("HEROKU_API_KEY", account.server.token());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn missing_ids() -> String {
    (0..MANY).map(|n| format!("00000000-0000-4000-8000-{n:012}\n")).collect()
}

#[test]
fn no_line_is_lost_on_a_non_blocking_output() {
    let account = Account::with(Settings { authz: MANY, ..Settings::default() });
    account.sh("oauth-ls authz > list").succeeds();
    let total = account.read("list").lines().count();
    for (line, stdin) in [
        ("oauth-ls authz", ""),
        ("oauth-set authz -d y -n", "list"),
        ("oauth-rm -n", "list"),
        ("oauth-diff list /dev/null", ""),
    ] {
        let (reader, writer) = non_blocking();
        let mut command = command(&account, line);
        if !stdin.is_empty() {
            command.stdin(std::fs::File::open(account.path(stdin)).unwrap());
        }
        command.stdout(writer);
        let running = Running::start(command);
        // The command, which holds the other end, was dropped.
        let text = read_slowly(reader);
        let status = running.ended().status;
        let whole = account.sh(&format!("{line} < {}", if stdin.is_empty() { "/dev/null" } else { stdin }));
        assert!(whole.lines().len() >= total - 2, "{line}");
        assert_eq!((text.lines().count(), status), (whole.lines().len(), whole.status), "{line}");
    }
}

#[test]
fn no_message_is_lost_on_a_non_blocking_standard_error() {
    let account = Account::new();
    account.write("list", missing_ids());
    for line in ["oauth-rm authz -P 8", "oauth-rm client -n --include-self", "oauth-rm authz --stream"] {
        let (reader, writer) = non_blocking();
        let mut command = command(&account, line);
        command.stdin(std::fs::File::open(account.path("list")).unwrap()).stderr(writer);
        let running = Running::start(command);
        let text = read_slowly(reader);
        running.ended();
        let expected = if line.contains("-n") { 0 } else { MANY };
        assert_eq!(
            text.lines().filter(|l| l.contains("authz 0000")).count(),
            expected,
            "{line}: {text:.2000}"
        );
    }
}

#[test]
fn a_non_blocking_input_is_read_to_its_end() {
    let account = Account::new();
    account.sh("oauth-ls authz -o id --status expired > ids").succeeds();
    let ids = account.read("ids");
    for (line, count) in [
        ("oauth-rm authz -n", ids.lines().count()),
        ("oauth-rm authz -n --stream", ids.lines().count()),
        ("oauth-ls authz -", ids.lines().count()),
    ] {
        let (reader, mut writer) = non_blocking();
        let mut command = command(&account, line);
        command.stdin(reader).stdout(Stdio::piped());
        let running = Running::start(command);
        for part in ids.as_bytes().chunks(7) {
            std::thread::sleep(Duration::from_millis(3));
            writer.write_all(part).expect("written");
        }
        drop(writer);
        let ran = running.ended();
        assert_eq!((ran.status, ran.lines().len()), (0, count), "{line}{ran}");
    }
}

#[test]
fn a_stream_does_not_read_what_it_writes() {
    let account = Account::new();
    let before = account.state();
    let record = "{\"kind\":\"authz\",\"description\":\"x\",\"scope\":[\"read\"],\"expires_in\":600}\n";
    for line in [
        "oauth-mk authz - --stream < f >> f",
        "oauth-mk authz - --stream < f 1<> f",
        "oauth-mk authz - --stream < f > out 2>> f",
        "oauth-mk authz - --stream --log f < f > out",
        "mkfifo p; oauth-mk authz - --stream <> p >&0",
        "mkfifo p; oauth-mk authz - --stream <> p > out 2>&0",
    ] {
        account.write("f", record);
        account.sh(&format!("rm -f p; timeout -k 1 20 sh -c '{line}'")).exits(2);
        assert_eq!(account.state(), before, "{line}");
    }
    // Not a loop: another file, a terminal's or socket's two directions, /dev/null, and without --stream.
    account.write("f", record);
    account
        .sh("oauth-mk authz - --stream < f > g; oauth-mk authz - --stream < /dev/null > /dev/null")
        .exits(0);
    account.sh("oauth-mk authz - < f >> f").exits(0);
    assert_eq!(account.state().len(), before.len() + 2);
}

#[test]
fn a_standard_error_that_nobody_reads_does_not_outlive_a_signal() {
    let account = Account::new();
    account.write("list", missing_ids());
    for line in ["oauth-rm authz -P 8", "oauth-rm authz --stream", "oauth-rm -v authz"] {
        let (reader, writer) = pipe().expect("a pipe");
        let mut command = command(&account, line);
        command.stdin(std::fs::File::open(account.path("list")).unwrap()).stderr(writer);
        let running = Running::start(command);
        std::thread::sleep(Duration::from_millis(1500));
        running.signal(Signal::TERM);
        // Killed by the harness, it would have another status.
        assert_eq!(running.ended().status, 143, "{line}");
        drop(reader);
    }
}

#[test]
fn a_run_without_more_threads_goes_on_with_those_it_has() {
    needs!("prlimit", "setpriv");
    let account = Account::with(Settings { authz: MANY, ..Settings::default() });
    let list = account.sh("oauth-ls authz --status active | grep generated").succeeds().out;
    let few: String = list.lines().take(20).map(|line| format!("{line}\n")).collect();
    let bin = programs().display().to_string();
    let as_nobody = "cd /; exec setpriv --reuid=54321 --clear-groups prlimit --nproc=";
    if account.sh(&format!("{as_nobody}9 {bin}/oauth-rm --version")).status != 0 {
        crate::common::needs::leave_out("no right to become another user", None);
        return;
    }
    let url = account.server.url();
    let by_name = url.replace("127.0.0.1", "localhost");
    for limit in [1, 2, 4] {
        for (host, line, input, count) in [
            (&url, "oauth-rot authz -P 8", &few, 20),
            (&by_name, "oauth-rot authz -P 8", &few, 20),
            (&url, "oauth-rm -n", &list, list.lines().count()),
            (&url, "oauth-ls authz -o id", &few, list.lines().count()),
        ] {
            let line = format!("{as_nobody}{limit} {bin}/{line}");
            let ran = account.line("sh", &line).env("HEROKU_HOST", host).run(input.as_bytes());
            assert!(ran.status == 0 && ran.lines().len() >= count, "{limit} {host}{ran}");
        }
    }
}

#[test]
fn silent_and_dripping_visitors_do_not_keep_the_browser_out() {
    let account = Account::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let made = account.sh(&format!("oauth-mk client Web http://127.0.0.1:{port}/cb -o id")).succeeds();
    let line = format!("oauth-mk token --web {} 2> said", made.out.trim());
    let running = account.line("sh", &format!("exec {line}")).start(Duration::from_secs(60));
    let connect = || loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let mut visitors: Vec<TcpStream> = (0..100).map(|_| connect()).collect();
    for (n, visitor) in visitors.iter_mut().enumerate() {
        let _ = visitor.write_all([&b""[..], b"G", b"GET /cb?", b"\x16\x03\x01", b"\r\n"][n % 5]);
    }
    let state =
        account.read("said").split("state=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let mut browser = connect();
    for byte in format!("GET /cb?code=no-such-code&state={state} HTTP/1.1\r\nHost: x\r\n\r\n").bytes() {
        browser.write_all(&[byte]).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut page = String::new();
    browser.read_to_string(&mut page).unwrap();
    assert!(page.contains("Done."), "{page}");
    let ran = running.ended();
    assert_eq!(ran.status, 1, "the code is none of the API's{ran}");
}

#[test]
fn a_helper_that_hangs_ends_at_a_signal_and_one_that_leaves_a_daemon_is_not_waited_for() {
    use std::os::unix::fs::PermissionsExt;
    let account = Account::new();
    std::fs::create_dir_all(account.path("home/.local/share/heroku")).unwrap();
    std::fs::create_dir(account.path("bin")).unwrap();
    account.write("home/.local/share/heroku/login.json", "{\"account\":\"a@example.com\"}");
    let helper = |text: &str| {
        account.write("bin/secret-tool", format!("#!/bin/sh\n{text}\n"));
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(account.path("bin/secret-tool"), mode).unwrap();
    };
    let path = format!("{}:{}", account.path("bin").display(), path());
    let token = account.server.token();
    helper(&format!("sleep 40 & echo {token}"));
    let ran =
        account.line("sh", "exec oauth-ls authz -o id").env("PATH", &path).unset("HEROKU_API_KEY").run(b"");
    assert!(ran.status == 0 && !ran.out.is_empty(), "{ran}");
    for (text, line) in [
        ("exec sleep 100", "oauth-rm -n authz a1"),
        ("exec sleep 100", "oauth-rm authz a1 --rest rest"),
        ("trap '' TERM; echo x; sleep 100", "oauth-mk authz -d x -s read"),
        ("while :; do echo x; sleep 0.01; done", "oauth-run true"),
    ] {
        helper(&format!("touch {}; {text}", account.path("asked").display()));
        let _ = std::fs::remove_file(account.path("asked"));
        let line = format!("exec {line}");
        let running = account
            .line("sh", &line)
            .env("PATH", &path)
            .unset("HEROKU_API_KEY")
            .start(Duration::from_secs(20));
        while !account.path("asked").exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        running.signal(Signal::TERM);
        let ran = running.ended();
        assert_eq!(ran.status, 143, "{line}{ran}");
    }
}
