//! What is printed, reported, kept in the `--rest` file and returned for the results of a run.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::*;
use crate::api::Object;
use crate::api::tests::stub::{Stub, session};
use crate::cli::Args;
use crate::folder::Folder;
use crate::input::entry::Origin;
use crate::output::Format;
use crate::record::Record;
use crate::sys::streams::Captured;

/// The item of a line of standard input.
fn line(number: u32, kind: Kind, id: &str) -> Sourced<'_> {
    let (index, id) = (number as usize - 1, Cow::Borrowed(id));
    Ok(Item { index, origin: Origin::Line(number), kind, id, current: false, default: false, fields: None })
}

fn deleted() -> Result<Outcome, Error> {
    Ok(Outcome::bare("deleted"))
}

/// An authorization that was created, with its new secret.
fn created(id: &str) -> Outcome {
    let json = format!(r#"{{"id":"{id}","access_token":{{"token":"HRKU-AA-new"}}}}"#);
    let record = Record::from_api(Kind::Authz, &json, 0).expect("a record").into_owned();
    Outcome::new(Object { record, date: 0, request_id: None }, "created")
}

/// The output of a run.
struct Delivered {
    out: String,
    err: String,
    class: Option<Class>,
    stopped: bool,
}

/// A standard output that accepts `room` writes, fails once with an error of the system, and then has room again.
struct Broken {
    to: Captured,
    room: usize,
    error: Option<i32>,
}

impl Write for Broken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0
            && let Some(error) = self.error.take()
        {
            return Err(io::Error::from_raw_os_error(error));
        }
        self.room = self.room.saturating_sub(1);
        self.to.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a delivery is set up.
#[derive(Default)]
struct Setup<'a> {
    total: Option<usize>,
    format: Option<Format>,
    rest: Option<&'a Mutex<Rest>>,
    broken: Option<(usize, i32)>,
}

impl Setup<'_> {
    /// Delivers what `results` takes.
    fn deliver(self, results: impl FnOnce(&mut Delivery<'_>)) -> Delivered {
        let (mut session, out, err) = session(Stub::new(), "", &[]);
        let style = session.style(&Args::default(), true).expect("a style");
        let style = Style { reveal: true, format: self.format.unwrap_or(style.format), ..style };
        if let Some((room, error)) = self.broken {
            session.io.out = Box::new(Broken { to: out.clone(), room, error: Some(error) });
        }
        let stop = session.stop.clone();
        let mut delivery = Delivery::new(&mut session.io, style, stop.clone(), None, self.rest, self.total);
        results(&mut delivery);
        let class = delivery.finish().err().map(|e| e.class());
        Delivered { out: out.text(), err: err.text(), class, stopped: stop.is_set() }
    }
}

const FULL: i32 = 28;
const NO_READER: i32 = 32;

#[test]
fn results_are_printed_and_reported_in_their_order() {
    let run = Setup { total: Some(4), ..Setup::default() }.deliver(|delivery| {
        delivery.take(&line(1, Kind::Session, "s1"), deleted());
        delivery.take(&line(2, Kind::Session, "s2"), Err(Error::gone("none (not_found)")));
        delivery.take(&line(3, Kind::Session, "s3"), deleted());
        delivery.take(&Err("stdin:4: unknown kind 'app'".to_owned()), deleted());
    });
    let ids = |text: &str| {
        let id = |line: &str| line.split('"').nth(7).map(str::to_owned);
        text.lines().filter_map(id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&run.out), ["s1", "s3"], "{}", run.out);
    let messages =
        ["oauth-test: stdin:2: session s2: none (not_found)\n", "oauth-test: stdin:4: unknown kind 'app'\n"];
    assert_eq!(run.err, messages.concat());
    assert_eq!((run.class, run.stopped), (Some(Class::Reported(1)), false));
}

#[test]
fn the_status_is_that_of_the_errors() {
    let temporary = || Err(Error::temporary("busy"));
    let failed = || Err(Error::failed("skipped"));
    for (results, total, class) in [
        (vec![deleted(), deleted()], Some(2), None),
        (vec![deleted(), failed()], Some(2), Some(Class::Reported(1))),
        (vec![deleted(), temporary()], Some(2), Some(Class::Reported(75))),
        (vec![failed(), temporary()], Some(2), Some(Class::Reported(1))),
        (vec![deleted(), Err(Error::auth("no"))], Some(2), Some(Class::Reported(4))),
        (vec![Err(Error::auth("no")), Err(Error::unreachable("off"))], Some(2), Some(Class::Reported(4))),
        // The number of items of a stream is not known.
        (vec![deleted()], None, None),
    ] {
        let text = format!("{results:?}");
        let run = Setup { total, ..Setup::default() }.deliver(|delivery| {
            results.into_iter().for_each(|result| delivery.take(&line(1, Kind::Session, "s1"), result));
        });
        assert_eq!(run.class, class, "{text}");
        assert!(!run.err.contains("not attempted"), "{}", run.err);
    }
}

#[test]
fn records_that_were_not_attempted_are_counted() {
    for (total, text) in [
        (3, "oauth-test: stopped: 2 records were not attempted\n"),
        (2, "oauth-test: stopped: 1 record was not attempted\n"),
    ] {
        let run = Setup { total: Some(total), ..Setup::default() }
            .deliver(|delivery| delivery.take(&line(1, Kind::Session, "s1"), deleted()));
        assert_eq!(run.err, text);
    }
}

#[test]
fn an_error_that_stops_the_run_is_reported_once_and_temporary_errors_each() {
    let run = Setup { total: Some(5), ..Setup::default() }.deliver(|delivery| {
        for n in 1..=2 {
            delivery.take(&line(n, Kind::Session, "s1"), Err(Error::auth("the API rejects the token")));
        }
        for n in 3..=4 {
            delivery.take(&line(n, Kind::Session, "s1"), Err(Error::unreachable("no network")));
        }
        delivery.take(&line(5, Kind::Session, "s1"), Err(Error::failed("skipped")));
    });
    let lines: Vec<&str> = run.err.lines().collect();
    let place = |n: u32| format!("oauth-test: stdin:{n}: session s1:");
    assert_eq!(
        lines,
        [
            format!("{} the API rejects the token", place(1)),
            format!("{} no network", place(3)),
            format!("{} no network", place(4)),
            format!("{} skipped", place(5)),
            // The second one that was rejected.
            "oauth-test: stopped: 1 record was not attempted".to_owned(),
        ]
    );
}

#[test]
fn after_a_failed_output_the_changes_in_progress_are_reported_by_their_ids() {
    for (error, text) in
        [(FULL, "standard output: no space left on device"), (NO_READER, "standard output: broken pipe")]
    {
        let run =
            Setup { total: Some(4), broken: Some((1, error)), ..Setup::default() }.deliver(|delivery| {
                delivery.take(&line(1, Kind::Session, "s1"), deleted());
                delivery.take(&line(2, Kind::Session, "s2"), deleted());
                delivery.take(&line(3, Kind::Session, "s3"), deleted());
            });
        assert_eq!(run.out.lines().count(), 1, "no record after a gap: {}", run.out);
        let messages = [
            &format!("oauth-test: stdin:2: session s2: {text}\n"),
            "oauth-test: session s2: deleted, but its record could not be delivered\n",
            "oauth-test: session s3: deleted, but its record could not be delivered\n",
            "oauth-test: stopped: 1 record was not attempted\n",
        ];
        assert_eq!(run.err, messages.concat());
        assert_eq!((run.class, run.stopped), (Some(Class::Reported(1)), true));
    }
}

#[test]
fn a_new_secret_that_a_failed_output_loses_is_reported_with_a_hint() {
    const LOST: &str =
        "its secret is lost: oauth-rot authz a9 gives it another, oauth-rm authz a9 revokes it";
    let run = |outcome: Outcome| {
        Setup { total: Some(1), broken: Some((0, FULL)), ..Setup::default() }
            .deliver(|delivery| delivery.take(&line(1, Kind::Authz, ""), Ok(outcome)))
    };
    let lost = run(created("a9"));
    let messages = [
        "oauth-test: stdin:1: authz a9: standard output: no space left on device\n",
        "oauth-test: authz a9: created, but its record could not be delivered\n",
        &format!("oauth-test: {LOST}\n"),
    ];
    assert_eq!(lost.err, messages.concat());
    // A command has it.
    assert!(!run(Outcome { delivered: true, ..created("a9") }).err.contains(LOST));
}

#[test]
fn a_failure_after_the_change_is_reported_and_the_record_is_printed() {
    let run = |format| {
        let failure = Some(Error::failed("--exec: the command exited with status 3"));
        Setup { total: Some(1), format: Some(format), ..Setup::default() }.deliver(|delivery| {
            delivery.take(&line(1, Kind::Authz, ""), Ok(Outcome { failure, ..created("a9") }));
        })
    };
    let printed = run(Format::Ndjson);
    assert!(printed.out.contains("HRKU-AA-new"), "{}", printed.out);
    assert_eq!(printed.err, "oauth-test: stdin:1: authz a9: --exec: the command exited with status 3\n");
    assert_eq!((printed.class, printed.stopped), (Some(Class::Reported(1)), false));
    // A format without secrets has lost this one.
    let lost = run(Format::Id);
    assert_eq!(lost.out, "a9\n");
    let text = "authz a9: its new secret was neither passed on nor printed\noauth-test: its secret is lost: oauth-rot";
    assert!(lost.err.contains(text), "{}", lost.err);
}

/// A published `--rest` file with the lines `s1`, `s2` and `s3`.
fn rest(folder: &Folder) -> (PathBuf, Mutex<Rest>) {
    let path = folder.join("rest");
    let mut rest = Rest::start(&path, crate::input::entry::Need::Identity).expect("started");
    for line in ["s1", "s2", "s3"] {
        rest.keep(line.as_bytes()).expect("kept");
    }
    rest.publish().expect("published");
    (path, Mutex::new(rest))
}

fn lines_left(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("a file");
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

#[test]
fn rest_keeps_the_lines_whose_change_or_delivery_failed() {
    let folder = Folder::new();
    let (path, rest) = rest(&folder);
    let failure = || Some(Error::failed("its successor has no token"));
    let run = Setup { total: Some(3), rest: Some(&rest), ..Setup::default() }.deliver(|delivery| {
        delivery.take(&line(1, Kind::Session, "s1"), Err(Error::temporary("busy")));
        delivery.take(&line(2, Kind::Session, "s2"), deleted());
        delivery.take(
            &line(3, Kind::Session, "s3"),
            deleted().map(|outcome| Outcome { failure: failure(), ..outcome }),
        );
    });
    assert_eq!(run.class, Some(Class::Reported(1)));
    assert_eq!(lines_left(&path), ["s1", "s3"]);
}

#[test]
fn rest_keeps_the_lines_that_a_failed_output_did_not_deliver() {
    let folder = Folder::new();
    let (path, rest) = rest(&folder);
    Setup { total: Some(3), rest: Some(&rest), broken: Some((1, FULL)), ..Setup::default() }.deliver(
        |delivery| {
            for (n, id) in [(1, "s1"), (2, "s2"), (3, "s3")] {
                delivery.take(&line(n, Kind::Session, id), deleted());
            }
        },
    );
    assert_eq!(lines_left(&path), ["s2", "s3"]);
}
