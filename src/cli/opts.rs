//! The options that more than one tool has; one letter means one thing in the whole suite.

use crate::cli::Opt;

/// `-o FORMAT`
pub(crate) const FORMAT: Opt =
    Opt::value(Some('o'), "format", "FORMAT", "ndjson, csv, json, env, secret, id or table");
/// `-j`
pub(crate) const JSON: Opt = Opt::flag(Some('j'), "json", "the same as -o json");
/// `--shell`
pub(crate) const SHELL: Opt = Opt::flag(None, "shell", "the same as -o env");
/// `-S`
pub(crate) const SHORT: Opt = Opt::flag(Some('S'), "short", "the same as -o secret");
/// `--color WHEN`
pub(crate) const COLOR: Opt = Opt::value(None, "color", "WHEN", "colour the status: auto, always or never");
/// `-d TEXT`
pub(crate) const DESCRIPTION: Opt =
    Opt::value(Some('d'), "description", "TEXT", "the authorization's description");
/// `-s SCOPES`
pub(crate) const SCOPE: Opt = Opt {
    short: Some('s'),
    long: "scope",
    arg: Some("SCOPES"),
    help: "scopes, with commas between them",
    repeat: true,
};
/// `-e SPAN`
pub(crate) const EXPIRES_IN: Opt =
    Opt::value(Some('e'), "expires-in", "SPAN", "end after SPAN: seconds, or 10m, 8h, 30d");
/// `--name NAME`
pub(crate) const NAME: Opt = Opt::value(None, "name", "NAME", "the client's name");
/// `--url URL`
pub(crate) const URL: Opt = Opt::value(None, "url", "URL", "the client's redirect URI");
/// `--client-id ID`
pub(crate) const CLIENT_ID: Opt =
    Opt::value(None, "client-id", "ID", "the client to tie the authorization to");
/// `--client-secret SECRET`
pub(crate) const CLIENT_SECRET: Opt = Opt::value(
    None,
    "client-secret",
    "SECRET",
    "that client's secret: -, @FILE, env:NAME or (seen by all) the text",
);
/// `--team NAME`
pub(crate) const TEAM: Opt = Opt::value(None, "team", "NAME", "work on the authorizations of a team");
/// `-n`
pub(crate) const DRY_RUN: Opt = Opt::flag(Some('n'), "dry-run", "print what would be done, and do nothing");
/// `-P N`
pub(crate) const PARALLEL: Opt = Opt::value(Some('P'), "parallel", "N", "requests in flight (default 8)");
/// `--rest FILE`
pub(crate) const REST: Opt = Opt::value(None, "rest", "FILE", "keep in FILE the input lines not done");
/// `--stream`
pub(crate) const STREAM: Opt =
    Opt::flag(None, "stream", "work while reading; no check of the whole input first");
/// `--log FILE`
pub(crate) const LOG: Opt = Opt::value(None, "log", "FILE", "append a record of each change to FILE");
/// `--exec CMD`
pub(crate) const EXEC: Opt =
    Opt::value(None, "exec", "CMD", "hand each new secret to CMD: by its environment and standard input");
/// `--yes`
pub(crate) const YES: Opt = Opt::flag(Some('y'), "yes", "do not ask before removing several at a terminal");
/// `--include-self`
pub(crate) const INCLUDE_SELF: Opt =
    Opt::flag(None, "include-self", "do not spare the authorization or session in use");
/// `--include-default`
pub(crate) const INCLUDE_DEFAULT: Opt =
    Opt::flag(None, "include-default", "do not spare the account's default API key");
/// `--retry-for SPAN`
pub(crate) const RETRY_FOR: Opt =
    Opt::value(None, "retry-for", "SPAN", "try again for this long at passing faults (default 60)");
/// `--no-wait`
pub(crate) const NO_WAIT: Opt =
    Opt::flag(None, "no-wait", "exit instead of waiting for quota, or asking for a code");
/// `-v`
pub(crate) const VERBOSE: Opt =
    Opt::flag(Some('v'), "verbose", "show requests and answers on standard error");
/// `-h`
pub(crate) const HELP: Opt = Opt::flag(Some('h'), "help", "show this help");
/// `-V`
pub(crate) const VERSION: Opt = Opt::flag(Some('V'), "version", "show the version");

/// The options of tools that work on many records.
pub(crate) const BULK: [&Opt; 5] = [&DRY_RUN, &PARALLEL, &REST, &STREAM, &LOG];
/// Those that let go what is spared otherwise.
pub(crate) const SPARED: [&Opt; 2] = [&INCLUDE_SELF, &INCLUDE_DEFAULT];
/// Those of tools that print records.
pub(crate) const PRINT: [&Opt; 3] = [&FORMAT, &JSON, &COLOR];
/// Those of tools that print records with secrets in them.
pub(crate) const PRINT_SECRETS: [&Opt; 5] = [&FORMAT, &JSON, &SHELL, &SHORT, &COLOR];
/// Those of tools that call the API.
pub(crate) const CALLS: [&Opt; 2] = [&RETRY_FOR, &NO_WAIT];
