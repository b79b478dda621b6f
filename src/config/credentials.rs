//! The token that the official client left on this machine, found without it (WIRE.md, "Credentials").
//!
//! In its order: `HEROKU_API_KEY`; the desktop's keychain; `~/.netrc.gpg`; `~/.netrc`. Nothing here ever asks for
//! a login. Helpers are started with their arguments as a list, and without our secrets in their environment.
//! The keychain's token is one for Heroku, and goes nowhere else.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::base::error::{Error, reason};
use crate::base::secret::Secret;
use crate::base::secret::check_token;
use crate::base::url::is_loopback;
use crate::config::environment::Config;
use crate::config::netrc;
use crate::sys::messages::Messages;

/// What to do where no token is found.
const HINT: &str = "set HEROKU_API_KEY, or log in with the Heroku CLI; see oauth-tools(7), CREDENTIALS";

/// Variables that hold secrets: no helper and no command of the user's gets them from us unasked.
pub(crate) const SECRET_VARIABLES: [&str; 4] =
    ["HEROKU_API_KEY", "HEROKU_API_TOKEN", "HEROKU_TWO_FACTOR_CODE", "HEROKU_HEADERS"];

/// Variables that may hold a proxy's password: what asks no server does not need them.
const PROXIES: [&str; 6] =
    ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// The token for the API at `host`.
///
/// # Errors
/// An authorization error where there is none; an input error where `HEROKU_API_KEY` is unusable.
pub(crate) fn find(config: &Config, host: &str, messages: &Messages) -> Result<Secret, Error> {
    if let Some(key) = config.api_key()? {
        return Ok(key);
    }
    let home = config.path("HOME");
    let found = keychain(config, host, home.as_deref(), messages).or_else(|| {
        let home = home.as_deref()?;
        let text = encrypted(config, &home.join(".netrc.gpg"), messages)
            .or_else(|| plain(&home.join(".netrc"), messages))?;
        netrc::password(&text, host)
    });
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

/// Whether the token that the official client keeps for its one account is for this host.
fn is_herokus(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let domains = [".heroku.com", ".herokudev.com"];
    domains.iter().any(|domain| host.ends_with(domain)) || is_loopback(&host)
}

/// The password that the official client put into the desktop's keychain for its account.
fn keychain(config: &Config, host: &str, home: Option<&Path>, messages: &Messages) -> Option<String> {
    if !is_herokus(host) || config.text("HEROKU_NETRC_WRITE").ok().flatten() == Some("true") {
        return None;
    }
    let data = config.path("XDG_DATA_HOME").or_else(|| Some(home?.join(".local/share")))?;
    let login = std::fs::read(data.join("heroku/login.json")).ok()?;
    #[derive(serde::Deserialize)]
    struct Login {
        account: String,
    }
    let account = serde_json::from_slice::<Login>(&login).ok()?.account;
    // An account that begins with - would be read as an option by the helper.
    if account.is_empty() || account.starts_with('-') || account.contains(char::is_control) {
        return None;
    }
    let (program, args) = if cfg!(target_os = "macos") {
        ("security", vec!["find-generic-password", "-a", &account, "-s", "heroku-cli", "-w"])
    } else {
        ("secret-tool", vec!["lookup", "service", "heroku-cli", "account", &account])
    };
    let found = match helper(config, program, &args, &[]) {
        Ok(found) => found,
        Err(what) => {
            // Those who keep their token elsewhere have no helper.
            messages.trace(|| format!("no token from the keychain: {what}"));
            return None;
        }
    };
    let found = found.trim_end_matches(['\r', '\n']);
    (!found.is_empty()).then(|| found.to_owned())
}

/// The text of `~/.netrc.gpg`, if it is there and gpg can decrypt it without asking.
fn encrypted(config: &Config, path: &Path, messages: &Messages) -> Option<String> {
    if !path.exists() {
        return None;
    }
    // --batch keeps gpg itself from asking; its agent has a program of its own for that, on any terminal or screen.
    let args = ["--batch", "--quiet", "--pinentry-mode", "error", "--decrypt"];
    helper(config, "gpg", &args, &[path.to_owned()])
        .map_err(|what| messages.say(&format!("warning: {} is not used: {what}", path.display())))
        .ok()
}

/// The text of `~/.netrc`; others being able to read it is worth a warning.
fn plain(path: &Path, messages: &Messages) -> Option<String> {
    // To open a FIFO would wait for its writer.
    if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        messages.say(&format!("warning: {} is no regular file", path.display()));
        return None;
    }
    let open = std::fs::File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    match open {
        Ok((meta, file)) => {
            if meta.permissions().mode() & 0o077 != 0 {
                messages.say(&format!("warning: {} can be read by others: chmod 600 it", path.display()));
            }
            let mut bytes = Vec::new();
            // A netrc file has a few hundred bytes; what has more than 1 MiB is something else.
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

/// What a helper prints, or why it is of no use.
fn helper(config: &Config, program: &str, args: &[&str], files: &[PathBuf]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(args).args(files).stdin(Stdio::null());
    for name in SECRET_VARIABLES.iter().chain(&PROXIES) {
        command.env_remove(name);
    }
    for name in config.secret_variables() {
        command.env_remove(name);
    }
    let out = command.output().map_err(|e| format!("{program}: {}", reason(&e)))?;
    if out.status.success() {
        return String::from_utf8(out.stdout).map_err(|_| format!("{program}: its output is not UTF-8"));
    }
    let said = String::from_utf8_lossy(&out.stderr);
    match said.lines().rfind(|line| !line.trim().is_empty()) {
        Some(line) if line.starts_with(program) => Err(line.to_owned()),
        Some(line) => Err(format!("{program}: {line}")),
        None => Err(format!("{program}: {}", out.status)),
    }
}
