//! Ctrl-C, for the commands that oauth-run, oauth-sandbox and --exec run.

use oauth_tools::sandbox::Settings;

use crate::pty::World;

/// Notes each SIGINT, and ends a while after the first one.
const COUNT: &str = "trap \"echo interrupted >> ints\" INT; echo ready; \
                     until test -e ints; do sleep 0.1; done; sleep 0.3; sleep 0.3";

#[test]
fn a_keyboard_interrupt_reaches_the_command_once() {
    needs!("setsid");
    for runner in ["oauth-run", "oauth-sandbox"] {
        for streams in ["", "< /dev/null", "2> messages < /dev/null"] {
            let world = World::new(Settings::default());
            let mut pty = world.start(80, &format!("exec {runner} sh -c '{COUNT}' {streams}"));
            pty.expect("ready").send("\u{3}");
            let shown = pty.end();
            let ints = std::fs::read_to_string(world.home.join("ints")).unwrap();
            assert_eq!(
                (shown.status, ints.as_str()),
                (0, "interrupted\n"),
                "{runner} {streams}: {}",
                shown.raw
            );
        }
    }
}

#[test]
fn an_interrupt_from_another_process_is_passed_on() {
    needs!("setsid");
    let world = World::new(Settings::default());
    // A background job is a process group of its own, which Ctrl-C does not reach.
    let script = format!(
        "set -m; oauth-run sh -c '{COUNT}' > out & until grep -q ready out; do sleep 0.1; done; \
         kill -INT $!; wait $!"
    );
    let shown = world.run(80, &script);
    assert_eq!(shown.status, 0, "{}", shown.raw);
    assert_eq!(std::fs::read_to_string(world.home.join("ints")).unwrap(), "interrupted\n");
}

#[test]
fn a_keyboard_interrupt_does_not_reach_the_exec_command() {
    needs!("setsid");
    let world = World::new(Settings::default());
    let hand = "echo ready >&2; sleep 0.5; cat > got";
    let mut pty = world.start(80, &format!("exec oauth-mk authz -d new -o id --exec '{hand}'"));
    pty.expect("ready").send("\u{3}");
    let shown = pty.end();
    let got = std::fs::read_to_string(world.home.join("got")).unwrap();
    assert!(shown.status == 0 && got.starts_with("HRKU-"), "{} {got}", shown.raw);
}

#[test]
fn an_interrupt_by_kill_reaches_a_command_in_the_foreground() {
    needs!("setsid");
    for (runner, signal) in [("oauth-run", "INT"), ("oauth-run", "QUIT"), ("oauth-sandbox", "INT")] {
        let world = World::new(Settings::default());
        let command = format!(
            "trap \"echo interrupted >> ints\" {signal}; kill -{signal} $PPID; \
             until test -e ints; do sleep 0.1; done; sleep 0.3"
        );
        let shown = world.run(80, &format!("exec {runner} sh -c '{command}'"));
        assert_eq!(shown.status, 0, "{runner} {signal}: {}", shown.raw);
        assert_eq!(std::fs::read_to_string(world.home.join("ints")).unwrap(), "interrupted\n");
    }
}

#[test]
fn a_signal_during_a_hidden_question_leaves_the_terminal_as_it_was() {
    needs!("setsid");
    for tool in
        ["oauth-ls authz", "oauth-rm authz a -n", "oauth-mk token --refresh-token - --client-secret env:S"]
    {
        for (signal, status) in
            [(1, 129), (2, 130), (3, 131), (14, 142), (15, 143), (10, 138), (27, 155), (34, 162)]
        {
            let settings = Settings { two_factor: Some("482910".to_owned()), ..Settings::default() };
            let world = World::new(settings).set("S", "sekret");
            let script = format!(
                "ulimit -c 0; stty -g > before; sh -c 'echo $$ > pid; exec {tool}'; echo \"status $?\"; \
                 stty -g > after; cmp before after && echo the same"
            );
            let mut pty = world.start(200, &script);
            pty.expect(": ");
            let pid = std::fs::read_to_string(world.home.join("pid")).unwrap();
            let kill =
                std::process::Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status();
            assert!(kill.unwrap().success());
            let shown = pty.end();
            assert!(shown.raw.contains(&format!("status {status}")), "{tool} {signal}: {}", shown.raw);
            assert!(shown.raw.contains("the same"), "{tool} {signal}: {}", shown.raw);
        }
    }
}
