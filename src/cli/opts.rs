//! The options that several tools share. A letter has the same meaning in all tools
//! (docs/architecture.md, Rules, "Scripts").

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
    help: "scopes, separated by commas",
    repeat: true,
};
/// `-e SPAN`
pub(crate) const EXPIRES_IN: Opt =
    Opt::value(Some('e'), "expires-in", "SPAN", "expire after SPAN: 10m, 8h, 30d, 1y, a date, or never");
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
    "that client's secret: -, @FILE, env:NAME, or the text (visible in ps)",
);
/// `--team NAME`
pub(crate) const TEAM: Opt = Opt::value(None, "team", "NAME", "use the authorizations of a team");
/// `-n`
pub(crate) const DRY_RUN: Opt = Opt::flag(Some('n'), "dry-run", "print what would be done, without doing it");
/// `-P N`
pub(crate) const PARALLEL: Opt =
    Opt::value(Some('P'), "parallel", "N", "number of parallel requests (default 8)");
/// `--rest FILE`
pub(crate) const REST: Opt =
    Opt::value(None, "rest", "FILE", "write the input lines that were not done to FILE");
/// `--stream`
pub(crate) const STREAM: Opt = Opt::flag(None, "stream", "start before the whole input is read and checked");
/// `--summary`
pub(crate) const SUMMARY: Opt =
    Opt::flag(None, "summary", "end with a line of counts on standard error, as on a terminal");
/// `--log FILE`
pub(crate) const LOG: Opt = Opt::value(None, "log", "FILE", "append a record of each change to FILE");
/// `--exec CMD`
pub(crate) const EXEC: Opt =
    Opt::value(None, "exec", "CMD", "run CMD for each new secret, with the secret on standard input");
/// `--yes`
pub(crate) const YES: Opt = Opt::flag(Some('y'), "yes", "do not ask for confirmation");
/// `--include-self`
pub(crate) const INCLUDE_SELF: Opt =
    Opt::flag(None, "include-self", "include the authorization or session in use");
/// `--include-default`
pub(crate) const INCLUDE_DEFAULT: Opt =
    Opt::flag(None, "include-default", "include the account's default API key");
/// `--retry-for SPAN`
pub(crate) const RETRY_FOR: Opt =
    Opt::value(None, "retry-for", "SPAN", "retry temporary errors for SPAN (default 60 seconds)");
/// `--no-wait`
pub(crate) const NO_WAIT: Opt =
    Opt::flag(None, "no-wait", "exit instead of waiting for quota or asking for a code");
/// `--account NAME`
pub(crate) const ACCOUNT: Opt =
    Opt::value(None, "account", "NAME", "use the stored token of this account (its e-mail address)");
/// `-v`
pub(crate) const VERBOSE: Opt =
    Opt::flag(Some('v'), "verbose", "show requests and responses on standard error");
/// `-h`
pub(crate) const HELP: Opt = Opt::flag(Some('h'), "help", "show this help");
/// `-V`
pub(crate) const VERSION: Opt = Opt::flag(Some('V'), "version", "show the version");

/// The options of tools that work on many records.
pub(crate) const BULK: [&Opt; 6] = [&DRY_RUN, &PARALLEL, &REST, &STREAM, &LOG, &SUMMARY];
/// The options that lift the protection of the token in use and the default API key.
pub(crate) const PROTECTION: [&Opt; 2] = [&INCLUDE_SELF, &INCLUDE_DEFAULT];
/// The options of tools that print records.
pub(crate) const PRINT: [&Opt; 3] = [&FORMAT, &JSON, &COLOR];
/// The options of tools that print records with secrets.
pub(crate) const PRINT_SECRETS: [&Opt; 5] = [&FORMAT, &JSON, &SHELL, &SHORT, &COLOR];
/// The options of tools that call the API.
pub(crate) const CALLS: [&Opt; 3] = [&ACCOUNT, &RETRY_FOR, &NO_WAIT];
