//! Sentences for changes, warnings, and the lines of -v.

use oauth_tools::sandbox::Settings;

use crate::common::Ran;
use crate::pty::World;

#[test]
fn a_change_is_shown_as_a_sentence() {
    needs!("setsid");
    let world = World::new(Settings::default());
    let id = world.ids(1);
    let said = |columns, script: &str| {
        let shown = world.run(columns, script);
        assert_eq!((shown.status, shown.screen.wrapped), (0, 0), "{}", shown.screen.text());
        shown.screen.lines()
    };
    assert_eq!(
        said(80, &format!("oauth-rm -n authz {id}")),
        [format!("would revoke authorization {id} (ci deploy 2023)")]
    );
    let living = world.off("oauth-ls authz --match terraform -o id").out;
    let lines = said(80, &format!("oauth-rot authz {living}"));
    assert!(lines[0].starts_with(&format!("rotated authorization {} (", living.trim())), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("Token:         ") && !line.contains('*')));
    let lines = said(80, &format!("oauth-set authz {id} -d '{}'", "long ".repeat(50)));
    assert!(lines.len() == 1 && lines[0].ends_with("…)"), "{lines:?}");
    let lines = said(80, &format!("oauth-rm authz {id}"));
    assert!(lines[0].starts_with(&format!("revoked authorization {id} (long ")), "{lines:?}");
    let lines = said(80, "oauth-mk -n authz -d x -s read -e 8h");
    let fields =
        ["Client:        <none>", "Description:   x", "Scope:         read", "Expires at:    in 8 hours"];
    assert_eq!(lines, [&["would create authorization (x)"], &fields[..]].concat());
    let ci = world.off("oauth-ls client -o id | head -n 1").out.trim().to_owned();
    let lines = said(80, &format!("oauth-mk -n authz -d x --client-id {ci}"));
    assert!(lines.contains(&format!("Client:        {ci}")), "{lines:?}");
    assert!(lines.contains(&"Expires at:    never".to_owned()), "{lines:?}");
    // The grant code is shown only now.
    let script = "oauth-mk authz -d job --client-id $(oauth-ls client -o id | head -n 1)";
    let lines = said(80, script);
    assert!(lines.iter().any(|line| line.starts_with("Code:          ")), "{lines:?}");
}

#[test]
fn a_sentence_has_the_colour_of_its_status() {
    needs!("setsid");
    let world = World::new(Settings::default());
    let id = world.ids(1);
    let raw = |script: &str| world.run(80, script).raw;
    assert!(raw(&format!("oauth-rm -n authz {id}")).starts_with("\x1b[36mwould revoke\x1b[0m "));
    assert!(!raw(&format!("oauth-rm -n authz {id} --color never")).contains('\x1b'));
    assert!(raw(&format!("oauth-rm authz {id}")).starts_with("\x1b[33mrevoked\x1b[0m "));
    assert!(raw("oauth-mk authz -d x").starts_with("\x1b[32mcreated\x1b[0m "));
}

#[test]
fn off_a_terminal_a_change_is_printed_as_a_record() {
    needs!("setsid");
    let world = World::new(Settings::default());
    let Ran { status, out, err, .. } = world.off(&format!("oauth-rm authz {}", world.ids(4)));
    assert_eq!((status, err.as_str(), out.lines().count()), (0, "", 4));
    assert!(out.lines().all(|line| line.starts_with("{\"kind\":\"authz\",\"id\":")));
}

#[test]
fn a_server_warning_is_shown_once() {
    needs!("setsid");
    let warning = "maintenance tonight".to_owned();
    let settings = Settings { warning: Some(warning), ..Settings::default() };
    let world = World::new(settings);
    let Ran { status, err, .. } = world.off("oauth-ls authz --status expired | oauth-rm -P 8");
    let lines: Vec<&str> = err.lines().collect();
    // Once per program, and there are two.
    let wanted = ["oauth-ls", "oauth-rm"].map(|tool| format!("{tool}: warning: maintenance tonight"));
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    assert_eq!((status, sorted), (0, wanted.iter().map(String::as_str).collect()));
}

#[test]
fn verbose_shows_requests_and_responses_and_no_secret() {
    needs!("setsid");
    let settings = Settings { two_factor: Some("482910".to_owned()), ..Settings::default() };
    let world = World::new(settings)
        .set("HEROKU_TWO_FACTOR_CODE", "482910")
        .set("HEROKU_HEADERS", r#"{"X-Private":"s3cr3t-header"}"#);
    let script = "oauth-mk -v client Shop https://shop.example/cb -o id > id; oauth-rot -v client $(cat id) -S > secret";
    let Ran { status, out, err, .. } = world.off(script);
    assert_eq!((status, out.as_str()), (0, ""), "{err}");
    let secret = std::fs::read_to_string(world.home.join("secret")).unwrap();
    assert_eq!(secret.trim().len(), 36);
    for secret in [world.server.token(), "482910", "s3cr3t-header", "Bearer", secret.trim()] {
        assert!(!err.contains(secret), "{secret}: {err}");
    }
    assert!(err.contains("oauth-mk: > POST /oauth/clients\n"), "{err}");
    let id = std::fs::read_to_string(world.home.join("id")).unwrap();
    let action = format!("oauth-rot: > POST /oauth/clients/{}/actions/rotate-credentials\n", id.trim());
    assert!(err.contains(&action), "{err}");
    let answer = err.lines().find(|line| line.starts_with("oauth-mk: < 201 request ")).expect("an answer");
    let words: Vec<&str> = answer.split(' ').collect();
    assert_eq!((words[4].len(), words[5], words[7]), (36, "after", "ms"), "{answer}");
    assert!(words[6].parse::<u64>().is_ok());
}
