use super::*;

static TOOL: Tool = Tool {
    name: "oauth-test",
    about: "test",
    usage: &["[-n] ID"],
    opts: &[&[&opts::DRY_RUN, &opts::SCOPE, &opts::PARALLEL, &opts::FORMAT]],
    read_only: true,
    ..Tool::CHANGES
};

fn read(line: &str) -> Result<Args, String> {
    match parse(&TOOL, line.split_whitespace().map(OsString::from)) {
        Ok(Invocation::Run(args)) => Ok(args),
        Ok(other) => Err(format!("{other:?}")),
        Err(e) => Err(e.to_string()),
    }
}

#[test]
fn all_spellings_of_an_option_are_equivalent() {
    for line in ["-P4 a", "-P 4 a", "-P=4 a", "--parallel 4 a", "--parallel=4 a", "a -P 4", "-nP4 a"] {
        let args = read(line).expect(line);
        assert_eq!(args.number(&opts::PARALLEL, 1..=64).ok(), Some(Some(4)), "{line}");
        assert_eq!(args.texts().ok(), Some(vec!["a".to_owned()]), "{line}");
    }
}

#[test]
fn everything_after_two_dashes_is_an_operand() {
    let args = read("-n -- -P 4").expect("parsed");
    assert_eq!(args.texts().ok(), Some(vec!["-P".to_owned(), "4".to_owned()]));
    assert!(args.has(&opts::DRY_RUN) && !args.has(&opts::PARALLEL));
}

#[test]
fn invalid_command_lines_are_refused() {
    for (line, want) in [
        ("--dry-rum", "unknown option --dry-rum; did you mean --dry-run?"),
        ("-x", "unknown option -x"),
        ("-n -n", "--dry-run is given twice"),
        ("-P", "--parallel requires an argument: N"),
        ("--scope=", "--scope is empty"),
    ] {
        assert_eq!(read(line).expect_err(line), want);
    }
    let number = |line| read(line).and_then(|a| a.number(&opts::PARALLEL, 1..=64).map_err(|e| e.to_string()));
    assert_eq!(number("-P 0").expect_err("0"), "--parallel: '0' is not a number from 1 to 64");
    assert_eq!(read("-s a,b -s c").expect("scopes").all(&opts::SCOPE).ok(), Some(vec!["a,b", "c"]));
}
