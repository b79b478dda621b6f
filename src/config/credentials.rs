//! The search for the token, in the places and the order of the official client (docs/heroku-api.md, "Credentials").
//!
//! The order is `HEROKU_API_KEY`, the desktop keychain, `~/.netrc.gpg`, `~/.netrc`. Nothing here starts a login. Helper
//! programs run without a shell and without our secrets in their environment. The token in the keychain belongs to
//! Heroku, so it is sent only to Heroku's hosts and to loopback.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::base::error::{Error, reason};
use crate::base::secret::{Secret, check_token};
use crate::base::text::shell_word;
use crate::base::url::is_loopback;
use crate::config::environment::Config;
use crate::config::netrc;
use crate::sys::child;
use crate::sys::messages::Messages;
use crate::sys::signals::Stop;

/// The hint if there is no usable token.
const HINT: &str = "set HEROKU_API_KEY, or log in with the Heroku CLI; see oauth-tools(7), CREDENTIALS";

/// Variables that hold secrets. They are removed from the environment of helpers and of the user's commands.
pub(crate) const SECRET_VARIABLES: [&str; 4] =
    ["HEROKU_API_KEY", "HEROKU_API_TOKEN", "HEROKU_TWO_FACTOR_CODE", "HEROKU_HEADERS"];

/// Variables that may hold the password of a proxy. Helpers do not use the network, so they do not get them.
const PROXY_VARIABLES: [&str; 6] =
    ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// Returns the token for the API at `host`.
///
/// # Errors
/// An authorization error if there is none or the stored one is unusable; an input error if `HEROKU_API_KEY` is
/// unusable.
pub(crate) fn find(config: &Config, host: &str, messages: &Messages, stop: &Stop) -> Result<Secret, Error> {
    if let Some(key) = config.api_key()? {
        return Ok(key);
    }
    let home = config.path("HOME");
    let found = keychain(config, host, home.as_deref(), messages, stop).or_else(|| {
        let home = home.as_deref()?;
        let text = read_encrypted(config, &home.join(".netrc.gpg"), messages, stop)
            .or_else(|| read_plain(&home.join(".netrc"), messages))?;
        netrc::password(&text, host)
    });
    if let Some(signal) = stop.signal() {
        return Err(Error::signal(signal));
    }
    if let Some(text) = found {
        return match check_token(&text) {
            Ok(()) => Ok(Secret::new(text)),
            Err(what) => Err(Error::auth(format!("the stored token {what}")).with_hint(HINT)),
        };
    }
    if config.is_set("HEROKU_API_TOKEN") {
        let what = "no token: HEROKU_API_TOKEN is set, but the variable is called HEROKU_API_KEY";
        return Err(Error::auth(what).with_hint(HINT));
    }
    Err(Error::auth(format!("no token for {host}")).with_hint(HINT))
}

/// Returns whether a host may get the token in the keychain, which is stored without a host.
fn is_heroku_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let domains = [".heroku.com", ".herokudev.com"];
    domains.iter().any(|domain| host.ends_with(domain)) || is_loopback(&host)
}

/// Returns the token in the desktop keychain for the account that the official client is logged in to.
fn keychain(
    config: &Config,
    host: &str,
    home: Option<&Path>,
    messages: &Messages,
    stop: &Stop,
) -> Option<String> {
    if !is_heroku_host(host) || config.text("HEROKU_NETRC_WRITE").ok().flatten() == Some("true") {
        return None;
    }
    let data = config.path("XDG_DATA_HOME").or_else(|| Some(home?.join(".local/share")))?;
    let login = std::fs::read(data.join("heroku/login.json")).ok()?;
    #[derive(serde::Deserialize)]
    struct Login {
        account: String,
    }
    let account = serde_json::from_slice::<Login>(&login).ok()?.account;
    // The helper would read an account that starts with - as an option.
    if account.is_empty() || account.starts_with('-') || account.contains(char::is_control) {
        return None;
    }
    let (program, args) = if cfg!(target_os = "macos") {
        ("security", vec!["find-generic-password", "-a", &account, "-s", "heroku-cli", "-w"])
    } else {
        ("secret-tool", vec!["lookup", "service", "heroku-cli", "account", &account])
    };
    let found = match run_helper(config, program, &args, &[], stop) {
        Ok(found) => found,
        Err(what) => {
            // Many users have no keychain, so this is not a warning.
            messages.trace(|| format!("no token from the keychain: {what}"));
            return None;
        }
    };
    let found = found.trim_end_matches(['\r', '\n']);
    (!found.is_empty()).then(|| found.to_owned())
}

/// Returns the text of `~/.netrc.gpg` if it exists and gpg can decrypt it without asking for a passphrase.
fn read_encrypted(config: &Config, path: &Path, messages: &Messages, stop: &Stop) -> Option<String> {
    if !path.exists() {
        return None;
    }
    // --batch keeps gpg from asking; --pinentry-mode error keeps its agent from asking with a program of its own.
    let args = ["--batch", "--quiet", "--pinentry-mode", "error", "--decrypt"];
    run_helper(config, "gpg", &args, &[path.to_owned()], stop)
        .map_err(|what| messages.say(&format!("warning: ignoring {}: {what}", path.display())))
        .ok()
}

/// Returns the text of `~/.netrc`. Warns if other users can read the file.
fn read_plain(path: &Path, messages: &Messages) -> Option<String> {
    // Opening a FIFO would block until something writes to it.
    if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        messages.say(&format!("warning: {} is not a regular file", path.display()));
        return None;
    }
    let open = std::fs::File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    match open {
        Ok((meta, file)) => {
            if meta.permissions().mode() & 0o077 != 0 {
                let path = path.display().to_string();
                messages.say(&format!("warning: {path} can be read by other users"));
                messages.say(&format!("run chmod 600 {}", shell_word(&path)));
            }
            let mut bytes = Vec::new();
            // A netrc file has a few hundred bytes. The limit keeps a huge file from filling the memory.
            file.take(1 << 20).read_to_end(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => {
            messages.say(&format!("warning: {}: {}", path.display(), reason(&e)));
            None
        }
    }
}

/// Runs a helper program and returns its output.
///
/// # Errors
/// A text that starts with the program's name, from the last line of its standard error if there is one.
fn run_helper(
    config: &Config,
    program: &str,
    args: &[&str],
    files: &[PathBuf],
    stop: &Stop,
) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(args).args(files);
    for name in SECRET_VARIABLES.iter().chain(&PROXY_VARIABLES) {
        command.env_remove(name);
    }
    for name in config.secret_variables() {
        command.env_remove(name);
    }
    let out = child::output(&mut command, stop).map_err(|e| format!("{program}: {}", reason(&e)))?;
    if out.status.success() {
        return String::from_utf8(out.stdout).map_err(|_| format!("{program}: its output is not UTF-8"));
    }
    let stderr = String::from_utf8_lossy(&out.stderr);
    match stderr.lines().rfind(|line| !line.trim().is_empty()) {
        Some(line) if line.starts_with(program) => Err(line.to_owned()),
        Some(line) => Err(format!("{program}: {line}")),
        None => Err(format!("{program}: {}", out.status)),
    }
}
