//! The question before several objects are removed: asked only if a person named them at a terminal.

use oauth_tools::sandbox::Settings;

use crate::common::Ran;
use crate::pty::World;

const QUESTION: &str = "oauth-rm: revoke 4 authorizations? [y/N] ";

fn left(world: &World) -> usize {
    world.off("oauth-ls authz --status expired -o id").out.lines().count()
}

#[test]
fn removing_several_objects_needs_a_yes() {
    needs!("setsid");
    let world = World::new(Settings::default());
    let ids = world.ids(4);
    let script = format!("oauth-rm authz {ids}");
    for answer in ["n\n", "\n", "no, wait: echo this went to the shell\n", "\u{4}"] {
        let mut pty = world.start(100, &format!("{script}; echo status $?"));
        pty.expect(QUESTION).send(answer);
        let lines = pty.end().screen.lines();
        let listed = format!("  {}  ci deploy 2023", ids.split(' ').next().unwrap());
        assert_eq!(lines[0], listed);
        assert!(lines[..4].iter().all(|line| line.len() > 40), "ids and descriptions: {lines:?}");
        let lines = &lines[4..];
        assert_eq!(
            lines[0].trim_end(),
            format!("{QUESTION}{}", answer.trim_matches(['\n', '\u{4}'])).trim_end()
        );
        let told = ["oauth-rm: nothing was revoked", "oauth-rm: --yes skips this question", "status 1"];
        assert_eq!(lines[1..], told, "{answer:?}");
        assert_eq!(left(&world), 4);
    }
    let mut pty = world.start(100, &script);
    pty.expect(QUESTION).send("\u{3}");
    assert_ne!(pty.end().status, 0);
    assert_eq!(left(&world), 4);
    let mut pty = world.start(100, &script);
    pty.expect(QUESTION).send("yes\n");
    let shown = pty.end();
    assert_eq!((shown.status, shown.screen.lines().len()), (0, 10));
    assert_eq!(left(&world), 0);
}

#[test]
fn rotating_several_objects_needs_a_yes() {
    needs!("setsid");
    for (command, verb, done) in
        [("oauth-rot", "rotate", "rotated"), ("oauth-rot --replace --exec true", "replace", "replaced")]
    {
        let world = World::new(Settings::default());
        let script = format!("{command} authz {}; echo status $?", world.ids(4));
        let before = world.off("oauth-ls authz").out;
        let mut pty = world.start(100, &script);
        pty.expect(&format!("oauth-rot: {verb} 4 authorizations? [y/N] ")).send("n\n");
        let lines = pty.end().screen.lines();
        assert_eq!(lines[5], format!("oauth-rot: nothing was {done}"));
        assert_eq!(world.off("oauth-ls authz").out.len(), before.len());
    }
}

#[test]
fn no_question_is_asked_in_scripts_or_for_a_few_objects() {
    needs!("setsid");
    let all = "oauth-ls authz --status expired";
    for script in [
        "oauth-rm -y authz IDS".to_owned(),
        "oauth-rm --yes authz IDS".to_owned(),
        "oauth-rm -n authz IDS".to_owned(),
        format!("{all} | oauth-rm"),
        format!("{all} > list; oauth-rm < list"),
        // The question could not be read.
        "oauth-rm authz IDS 2> messages".to_owned(),
        "echo IDS | xargs oauth-rm authz".to_owned(),
        "oauth-rot -y authz $(for n in 1 2 3 4; do oauth-mk authz -d $n -s read -o id; done)".to_owned(),
        "oauth-set authz IDS -d same".to_owned(),
    ] {
        let world = World::new(Settings::default());
        let ids = world.ids(4);
        let shown = world.run(100, &script.replace("IDS", &ids));
        assert_eq!(shown.status, 0, "{script}: {}", shown.raw);
        assert!(!shown.raw.contains("[y/N]"), "{script}");
    }
    let world = World::new(Settings::default());
    let shown = world.run(100, &format!("oauth-rm authz {}", world.ids(3)));
    assert_eq!((shown.status, shown.screen.lines().len()), (0, 4));
    assert_eq!(left(&world), 1);
}

#[test]
fn a_forgotten_operand_does_not_hang() {
    needs!("setsid");
    let world = World::new(Settings::default());
    for script in ["oauth-rm", "oauth-rot", "oauth-set authz -d x", "oauth-ls -", "oauth-mk client -"] {
        let shown = world.run(100, script);
        assert_eq!(shown.status, 2, "{script}: {}", shown.raw);
    }
}

#[test]
fn a_secret_is_typed_unseen() {
    needs!("setsid");
    let world = World::new(Settings::default());
    let Ran { out: told, .. } = world.off("oauth-ls client --secrets -o csv | sed -n 2p");
    let client = told.split(',').nth(1).unwrap();
    let secret = world.off(&format!("oauth-ls client {client} -S")).out;
    let script = format!("oauth-set authz {} --client-id {client} --client-secret -", world.ids(1));
    let mut pty = world.start(100, &script);
    pty.expect("oauth-set: --client-secret: ").send(&secret);
    let shown = pty.end();
    assert_eq!((shown.status, shown.screen.lines().len()), (0, 2), "{}", shown.raw);
    assert!(!shown.raw.contains(secret.trim()), "{}", shown.raw);
    // After an interrupt the terminal echoes again.
    let mut pty = world.start(100, &format!("{script}; echo status $?; stty -a"));
    pty.expect("--client-secret: ").send("\n");
    let shown = pty.end();
    assert!(shown.raw.contains("--client-secret: the secret is blank"), "{}", shown.raw);
    assert!(shown.raw.contains("status 2") && shown.raw.contains(" echo "), "{}", shown.raw);
    let mut pty = world.start(100, &script);
    pty.expect("--client-secret: ").send("b9c4\u{3}");
    assert_eq!(pty.end().status, 130);
}

#[test]
fn the_question_lists_ten_objects_at_any_width_and_cuts_no_id() {
    needs!("setsid");
    for (columns, lines) in [(100, 12), (80, 12), (40, 22)] {
        let world = World::new(Settings { authz: 30, ..Settings::default() });
        let listed = world.off("oauth-ls authz --client none --status expired -o id | head -n 11").out;
        let ids: Vec<&str> = listed.lines().collect();
        let mut pty = world.start(columns, &format!("oauth-rm authz {}", ids.join(" ")));
        pty.expect("oauth-rm: revoke 11 authorizations? [y/N] ").send("n\n");
        let shown = pty.end();
        assert_eq!(shown.status, 1);
        let screen = shown.screen.text();
        assert!(ids[..10].iter().all(|id| screen.contains(id)) && !screen.contains(ids[10]), "{screen}");
        let at = shown.screen.lines().iter().position(|line| line == "  and 1 more");
        assert_eq!(at, Some(lines - 2), "{screen}");
    }
}

#[test]
fn the_question_leaves_out_what_will_be_skipped() {
    needs!("setsid");
    let world = World::new(Settings::default());
    let mut pty = world.start(100, &format!("oauth-rm authz {} '~'", world.ids(4)));
    pty.expect(QUESTION).send("n\n");
    assert!(!pty.end().screen.text().contains("  ~"));
}
