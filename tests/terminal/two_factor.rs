//! The second factor: from the environment, or by one question per run.

use oauth_tools::sandbox::Settings;

use crate::common::Ran;
use crate::pty::World;

const PROMPT: &str = "two-factor code for 127.0.0.1: ";
/// Eight removals that need the code at the same time: no look-up comes before them.
const RUN: &str = "oauth-rm -P 8 --include-self --include-default < list";

fn guarded() -> World {
    let settings = Settings { two_factor: Some("482910".to_owned()), authz: 30, ..Settings::default() };
    let world = World::new(settings);
    let list = "HEROKU_TWO_FACTOR_CODE=482910 oauth-ls authz --client none --status expired > list";
    world.off(list).exits(0);
    world
}

#[test]
fn a_parallel_run_asks_once_and_shows_no_code() {
    needs!("setsid");
    let world = guarded();
    let mut pty = world.start(80, &format!("{RUN} > out"));
    pty.expect(PROMPT).send("482 910\n");
    let shown = pty.end();
    let lines = ["oauth-rm: two-factor code for 127.0.0.1:", "oauth-rm: 11 revoked"];
    assert_eq!((shown.status, shown.screen.lines()), (0, lines.map(str::to_owned).to_vec()));
    assert!(!shown.raw.contains("482"));
    let removed = std::fs::read_to_string(world.home.join("out")).unwrap();
    assert!(removed.lines().count() > 8);
}

#[test]
fn an_empty_or_wrong_code_ends_the_run_without_another_question() {
    needs!("setsid");
    for (answer, told) in [
        ("\n", "no two-factor code was entered"),
        ("000000\n", "(invalid_two_factor_code"),
        ("\u{4}", "no two-factor"),
    ] {
        let world = guarded();
        let mut pty = world.start(200, &format!("{RUN} > out"));
        pty.expect(PROMPT).send(answer);
        let shown = pty.end();
        assert_eq!(shown.status, 4, "{answer:?}: {}", shown.raw);
        assert_eq!(shown.raw.matches(PROMPT).count(), 1, "{answer:?}: {}", shown.raw);
        assert_eq!(shown.raw.matches(told).count(), 1, "{answer:?}: {}", shown.raw);
        assert_eq!(std::fs::read_to_string(world.home.join("out")).unwrap(), "");
    }
}

#[test]
fn the_question_is_on_the_terminal_even_if_the_streams_are_redirected() {
    needs!("setsid");
    let world = guarded();
    let mut pty = world.start(80, "oauth-ls client -o id < /dev/null 2> messages | cat > out");
    pty.expect(PROMPT).send("482910\n");
    assert_eq!(pty.end().status, 0);
    assert_eq!(std::fs::read_to_string(world.home.join("out")).unwrap().lines().count(), 4);
    assert_eq!(std::fs::read_to_string(world.home.join("messages")).unwrap(), "");
}

#[test]
fn ctrl_c_at_the_question_ends_the_run_and_restores_the_terminal() {
    needs!("setsid");
    for (script, status) in
        [("oauth-ls authz", 130), ("oauth-rm < list", 130), (RUN, 130), ("oauth-run true", 130)]
    {
        let world = guarded();
        let script = format!("stty -a > before; {script} > out; echo status $?; stty -a > after");
        let mut pty = world.start(80, &script);
        pty.expect(PROMPT).send("48\u{3}");
        let shown = pty.end();
        assert_eq!(shown.raw.matches(PROMPT).count(), 1, "{}", shown.raw);
        let last = shown.screen.lines().pop().unwrap();
        assert!(shown.raw.matches("ended by signal").count() <= 1, "{}", shown.raw);
        assert_eq!(last, format!("status {status}"), "{}", shown.raw);
        let modes = |name: &str| std::fs::read_to_string(world.home.join(name)).unwrap();
        assert_eq!(modes("before"), modes("after"));
        assert!(modes("after").contains(" echo "));
    }
}

#[test]
fn without_a_terminal_the_status_is_4() {
    needs!("setsid");
    let world = guarded();
    let hint = "set HEROKU_TWO_FACTOR_CODE for this one command";
    let Ran { status, out, err, .. } = world.off(RUN);
    assert_eq!((status, out.as_str()), (4, ""), "{err}");
    assert!(err.contains("there is no terminal for the prompt") && err.contains(hint), "{err}");
    let shown = world.run(200, "oauth-ls --no-wait");
    assert_eq!(shown.status, 4);
    assert!(!shown.raw.contains(PROMPT) && shown.raw.contains(hint), "{}", shown.raw);
}

#[test]
fn a_code_in_the_environment_is_used_without_a_question() {
    needs!("setsid");
    let world = guarded();
    let shown = world.run(80, &format!("HEROKU_TWO_FACTOR_CODE=482910 {RUN} > out"));
    assert_eq!((shown.status, shown.raw.as_str()), (0, "oauth-rm: 11 revoked\r\n"));
    let shown = world.run(200, "HEROKU_TWO_FACTOR_CODE=111111 oauth-ls");
    assert_eq!(shown.status, 4);
    assert!(!shown.raw.contains("111111") && !shown.raw.contains(PROMPT), "{}", shown.raw);
}
