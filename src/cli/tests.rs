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
        Ok(Asked::Work(args)) => Ok(args),
        Ok(other) => Err(format!("{other:?}")),
        Err(e) => Err(e.to_string()),
    }
}

#[test]
fn one_option_in_all_its_spellings() {
    for line in ["-P4 a", "-P 4 a", "-P=4 a", "--parallel 4 a", "--parallel=4 a", "a -P 4", "-nP4 a"] {
        let args = read(line).expect(line);
        assert_eq!(args.number(&opts::PARALLEL, 1..=64).ok(), Some(Some(4)), "{line}");
        assert_eq!(args.texts().ok(), Some(vec!["a".to_owned()]), "{line}");
    }
}

#[test]
fn after_two_dashes_all_are_operands() {
    let args = read("-n -- -P 4").expect("parsed");
    assert_eq!(args.texts().ok(), Some(vec!["-P".to_owned(), "4".to_owned()]));
    assert!(args.has(&opts::DRY_RUN) && !args.has(&opts::PARALLEL));
}

#[test]
fn what_is_refused() {
    for (line, want) in [
        ("--dry-rum", "there is no option --dry-rum; did you mean --dry-run?"),
        ("-x", "there is no option -x"),
        ("-n -n", "--dry-run is given twice"),
        ("-P", "--parallel needs its N"),
        ("--scope=", "--scope is empty"),
    ] {
        assert_eq!(read(line).expect_err(line), want);
    }
    let number = |line| read(line).and_then(|a| a.number(&opts::PARALLEL, 1..=64).map_err(|e| e.to_string()));
    assert_eq!(number("-P 0").expect_err("0"), "--parallel: give a number from 1 to 64");
    assert_eq!(read("-s a,b -s c").expect("scopes").all(&opts::SCOPE).ok(), Some(vec!["a,b", "c"]));
}
