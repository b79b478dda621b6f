//! oauth-sandbox(1): runs a command against a local copy of the API.

use std::path::Path;
use std::time::Duration;

use crate::base::error::{Error, reason};
use crate::base::text::shell_word;
use crate::base::time;
use crate::cli::{Args, Opt, Takes, Tool};
use crate::config::credentials::SECRET_VARIABLES;
use crate::sandbox::{Expired, Fault, Mask, Rotated, Server, Settings};
use crate::session::Session;
use crate::sys::child;
use crate::sys::files;

const LOAD: Opt = Opt::value(None, "load", "FILE", "serve the account in FILE, as oauth-ls prints it");
const DUMP: Opt = Opt::value(None, "dump", "FILE", "write the account to FILE at the end");
const STATE: Opt =
    Opt::value(None, "state", "FILE", "keep the account in FILE across runs, generated secrets included");
const AUTHZ: Opt = Opt::value(None, "authz", "N", "add N generated authorizations");
const LATENCY: Opt = Opt::value(None, "latency", "SPAN", "delay each response: seconds, or 20ms");
const QUOTA: Opt = Opt::value(None, "quota", "N", "start with a quota of N calls");
const FAULT: Opt = Opt {
    short: None,
    long: "fault",
    arg: Some("SPEC"),
    help: "inject a fault: WHAT[@METHOD PATH][:KEY=VALUE]...",
    repeat: true,
};
const SEED: Opt = Opt::value(None, "seed", "N", "the seed of ids, secrets and random faults");
const TWO_FACTOR: Opt = Opt::value(None, "two-factor", "CODE", "require this two-factor code");
const WARNING: Opt = Opt::value(None, "warning", "TEXT", "send TEXT as a warning with each response");
const REDACT: Opt =
    Opt::value(None, "redact", "P,S", "show P and S characters at the ends of a masked token (8,4)");
const MASK: Opt = Opt::value(
    None,
    "mask",
    "MASK",
    "what hides tokens: stars, eight, all, dots, x, brackets, word, cut or absent",
);
const EXPIRED: Opt = Opt::value(
    None,
    "expired",
    "HOW",
    "show expired authorizations as zero, negative, null, hidden, or for SPAN",
);
const ROTATED: Opt =
    Opt::value(None, "rotated", "SPAN", "let rotated tokens live for SPAN, or keep: until the old end");
const NEW_ID: Opt = Opt::flag(None, "new-id", "respond to a rotation with an authorization of another id");

/// The name, usage and options of oauth-sandbox.
pub static TOOL: Tool = Tool {
    name: "oauth-sandbox",
    about: "Serve a rehearsal copy of the API on loopback, and run COMMAND against it.",
    usage: &["[options] [--] COMMAND [ARG...]", "[options]"],
    opts: &[&[
        &LOAD,
        &DUMP,
        &STATE,
        &AUTHZ,
        &LATENCY,
        &QUOTA,
        &FAULT,
        &SEED,
        &TWO_FACTOR,
        &WARNING,
        &REDACT,
        &MASK,
        &EXPIRED,
        &ROTATED,
        &NEW_ID,
    ]],
    kinds: &[],
    takes: Takes::Command,
    read_only: false,
    formats: &[],
};

/// Serves the account and runs the command, or serves until a signal arrives.
///
/// # Errors
/// For invalid options and for files that cannot be read or written; the command's own exit status.
pub fn run(args: &Args, session: &mut Session) -> Result<(), Error> {
    let settings = settings(args)?;
    let dump = args.path(&DUMP);
    if let Some(path) = &dump {
        // Check before the command runs that the dump can be written after it.
        let (draft, _) = files::draft(path).map_err(|source| file(path, source))?;
        let _ = std::fs::remove_file(draft);
    }
    let mut arrivals = session.outlive_signals()?;
    let server = Server::start(settings)
        .map_err(|e| Error::permanent(format!("cannot start the sandbox: {}", reason(&e))))?;
    let (host, key) = (server.url(), server.token().to_owned());
    let result = if args.operands.is_empty() {
        serve(session, &host, &key)
    } else {
        let path = session.config.search_path();
        let env = [("HEROKU_HOST", host.as_str()), ("HEROKU_API_KEY", key.as_str())];
        // Keep the real account's secrets and its log out of a rehearsal.
        let without = [&SECRET_VARIABLES[..], &["OAUTH_LOG", "HEROKU_SCOPES"]].concat();
        match child::run(&args.operands, &env, &without, path.as_deref(), &mut arrivals) {
            Ok(status) => match child::code(status) {
                0 => Ok(()),
                code => Err(Error::reported(code)),
            },
            Err((code, what)) => {
                session.io.messages.fail(&what);
                Err(Error::reported(code))
            }
        }
    };
    let stats = server.stats();
    session.io.messages.trace(|| {
        format!(
            "{} requests over {} connections; applied: {:?}",
            stats.total(),
            stats.connections,
            stats.applied
        )
    });
    if let Some(path) = &dump {
        let text = server.dump().into_iter().map(|line| line + "\n").collect::<String>();
        files::replace(path, text.as_bytes()).map_err(|source| file(path, source))?;
    }
    server.stop();
    result
}

fn serve(session: &mut Session, host: &str, key: &str) -> Result<(), Error> {
    let (host, key) = (shell_word(host), shell_word(key));
    let lines = format!("export HEROKU_HOST={host}\nexport HEROKU_API_KEY={key}\n");
    let out = &mut session.io.out;
    out.write_all(lines.as_bytes()).and_then(|()| out.flush()).map_err(Error::stdout)?;
    while session.stop.sleep(Duration::from_secs(3600)) {}
    Ok(())
}

fn file(path: &Path, source: std::io::Error) -> Error {
    Error::file(path.display(), source)
}

fn settings(args: &Args) -> Result<Settings, Error> {
    let mut settings = Settings::default();
    if let Some(text) = args.get(&LATENCY)? {
        settings.latency = match text.strip_suffix("ms").map(str::parse) {
            Some(Ok(ms)) => Duration::from_millis(ms),
            _ => time::parse_span(text).map_err(|e| Error::usage(format!("--latency: {e}, or ms")))?,
        };
    }
    settings.quota = args.number(&QUOTA, 0..=1_000_000_000)?.map(|n| n as u32);
    settings.authz = args.number(&AUTHZ, 0..=10_000_000)?.unwrap_or(0);
    settings.seed = args.number(&SEED, 0..=usize::MAX)?.unwrap_or(0) as u64;
    settings.two_factor = args.get(&TWO_FACTOR)?.map(str::to_owned);
    settings.warning = args.get(&WARNING)?.map(str::to_owned);
    let expired = [
        ("zero", Expired::Zero),
        ("negative", Expired::Negative),
        ("null", Expired::NullToken),
        ("hidden", Expired::Hidden),
    ];
    let seconds =
        |text: &str| time::parse_span(text).ok().and_then(|span| i64::try_from(span.as_secs()).ok());
    match args.get(&EXPIRED)?.and_then(seconds) {
        Some(after) => settings.removed_after = Some(after),
        None => settings.expired = args.word(&EXPIRED, &expired)?.unwrap_or_default(),
    }
    if let Some(text) = args.get(&ROTATED)?.filter(|text| *text != "keep") {
        let span = seconds(text).filter(|seconds| *seconds > 0);
        let what = "--rotated: expected keep, or a span such as 8h";
        settings.rotated = Rotated::For(span.ok_or_else(|| Error::usage(what))?);
    }
    settings.new_id = args.has(&NEW_ID);
    let masks = [
        ("stars", Mask::Stars),
        ("eight", Mask::FewStars),
        ("all", Mask::AllStars),
        ("dots", Mask::Ellipsis),
        ("x", Mask::Letters),
        ("brackets", Mask::Brackets),
        ("word", Mask::Word),
        ("cut", Mask::Cut),
        ("absent", Mask::Absent),
    ];
    settings.mask = args.word(&MASK, &masks)?.unwrap_or_default();
    if let Some(text) = args.get(&REDACT)? {
        let ends = text.split_once(',').and_then(|(p, s)| Some((p.parse().ok()?, s.parse().ok()?)));
        settings.redact = ends.ok_or_else(|| Error::usage("--redact: expected two numbers, such as 8,4"))?;
    }
    for spec in args.all(&FAULT)? {
        let fault: Fault = spec.parse().map_err(|e| Error::usage(format!("--fault: {e}")))?;
        settings.faults.push(fault);
    }
    if let Some(path) = args.path(&LOAD) {
        // Read the file even if --state makes it unnecessary, so that a mistyped name is reported at once.
        let text = std::fs::read_to_string(&path).map_err(|source| file(&path, source))?;
        settings.load = Some(text.lines().map(str::to_owned).collect());
    }
    settings.state = args.path(&STATE);
    Ok(settings)
}
