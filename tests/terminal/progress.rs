//! The progress line.

use std::time::Duration;

use oauth_tools::sandbox::Settings;

use crate::common::Ran;
use crate::pty::World;

/// A run that takes at least two seconds: 10 removals, one after the other.
const RUN: &str = "oauth-rm -P 1 < list";

fn slow() -> World {
    let settings = Settings { latency: Duration::from_millis(200), authz: 30, ..Settings::default() };
    let world = World::new(settings);
    world.off("oauth-ls authz --client none --status expired -o csv | tail -n 10 > list").exits(0);
    world
}

/// A line such as `7 of 10, 4.8/s, 1 s left`.
fn is_progress(line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |word: &str| word.trim_end_matches(',').parse::<f64>().is_ok();
    matches!(words[..], [done, "of", "10,", rate, left, _, "left"]
        if number(done) && number(left) && rate.strip_suffix("/s,").is_some_and(number))
}

#[test]
fn a_run_of_more_than_a_second_shows_progress_and_clears_it() {
    needs!("setsid");
    let world = slow();
    let shown = world.run(80, &format!("{RUN} > out"));
    assert_eq!(shown.status, 0, "{}", shown.raw);
    let (lines, rest) = shown.raw.split_once("\r\x1b[K").expect("the last line is wiped");
    assert_eq!(rest, "oauth-rm: 10 revoked\r\n", "wiped once only");
    let lines: Vec<&str> = lines.split('\r').map(|line| line.trim_end_matches("\x1b[K")).collect();
    assert!(lines.len() > 1 && lines.iter().all(|line| is_progress(line)), "{:?}", shown.raw);
    assert_eq!(shown.screen.text(), "oauth-rm: 10 revoked");
    assert_eq!(std::fs::read_to_string(world.home.join("out")).unwrap().lines().count(), 10);
}

#[test]
fn sentences_and_progress_do_not_mix() {
    needs!("setsid");
    let shown = slow().run(80, RUN);
    assert!(shown.raw.contains("\r\x1b[K"), "{:?}", shown.raw);
    let lines = shown.screen.lines();
    assert_eq!((lines.len(), &*lines[10]), (11, "oauth-rm: 10 revoked"), "{}", shown.screen.text());
    assert!(
        lines[..10].iter().all(|line| line.starts_with("revoked authorization ")),
        "{}",
        shown.screen.text()
    );
}

#[test]
fn progress_is_shown_only_on_terminals_that_can_clear_a_line() {
    needs!("setsid");
    for (script, end) in [
        (format!("{RUN} 2> messages > out; cat messages"), ""),
        (format!("TERM=dumb {RUN} > out"), "oauth-rm: 10 revoked\r\n"),
    ] {
        let shown = slow().run(80, &script);
        assert_eq!((shown.status, shown.raw.as_str()), (0, end), "{script}");
    }
    let Ran { status, err, .. } = slow().off(RUN);
    assert_eq!((status, err.as_str()), (0, ""));
    let shown = slow().run(12, &format!("{RUN} > out"));
    let (lines, end) = shown.raw.split_once("\r\x1b[K").expect("the last line is wiped");
    assert_eq!(end, "oauth-rm: 10 revoked\r\n");
    assert!(lines.split('\r').all(|line| line.trim_end_matches("\x1b[K").len() < 12), "{lines:?}");
}
