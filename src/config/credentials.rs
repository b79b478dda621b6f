//! The search for the token, in the places and the order of the official client (docs/heroku-api.md, "Credentials").
//!
//! The order is `HEROKU_API_KEY`, the desktop keychain, and the file in `NETRC`, or else `~/.netrc.gpg` or `~/.netrc`. An
//! account narrows the search to its own entries. Nothing here starts a login. Helper programs run without a shell and
//! without our secrets in their environment. The token in the keychain belongs to Heroku, so it is sent only to Heroku's
//! hosts and to loopback.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::base::error::{Error, reason};
use crate::base::secret::Secret;
use crate::base::text::shell_word;
use crate::base::token::clean_token;
use crate::base::url::{is_heroku, is_loopback};
use crate::config::base_url::Base;
use crate::config::environment::Config;
use crate::config::netrc::Netrc;
use crate::sys::child;
use crate::sys::messages::Messages;
use crate::sys::signals::Stop;

/// The hint if there is no usable token.
const HINT: &str = "set HEROKU_API_KEY, or log in with the Heroku CLI; see oauth-tools(7), CREDENTIALS";

/// Variables that hold secrets. They are removed from the environment of helpers and of the user's commands.
pub(crate) const SECRET_VARIABLES: [&str; 7] = [
    "HEROKU_API_KEY",
    "HEROKU_API_TOKEN",
    "HEROKU_TWO_FACTOR_CODE",
    "HEROKU_HEADERS",
    // Of a command of --exec that runs our tools in turn, and of --shell.
    "HEROKU_OAUTH_SECRET",
    "HEROKU_OAUTH_CODE",
    "HEROKU_OAUTH_RECORD",
];

/// Variables that may hold the password of a proxy. Helpers do not use the network, so they do not get them.
const PROXY_VARIABLES: [&str; 6] =
    ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// A token, and where it was found.
pub(crate) struct Found {
    /// The token.
    pub(crate) token: Secret,
    /// The source, for messages: `HEROKU_API_KEY`.
    pub(crate) source: String,
}

/// Returns the token for the API at `base`. `account` is that of the command line, which comes before the variables.
///
/// # Errors
/// An authorization error if there is none or the stored one is unusable; an input error if a variable is unusable.
pub(crate) fn find(
    config: &Config,
    base: &Base,
    account: Option<&str>,
    messages: &Messages,
    stop: &Stop,
) -> Result<Found, Error> {
    if account.is_none()
        && let Some(token) = config.api_key()?
    {
        return Ok(Found { token, source: "HEROKU_API_KEY".to_owned() });
    }
    let account = match account {
        Some(account) => Some(account),
        None => config.account()?,
    };
    let (home, known) = (config.path("HOME"), Vec::new());
    let mut search = Search { config, base, account, home, messages, stop, known, why: None };
    let found = match search.keychain()? {
        Some(found) => Some(found),
        None => search.netrc()?,
    };
    if let Some(signal) = stop.signal() {
        return Err(Error::signal(signal));
    }
    match found {
        Some((text, source)) => match clean_token(&text) {
            Ok(token) => Ok(Found { token: Secret::new(token.to_owned()), source }),
            Err(what) => Err(Error::auth(format!("the stored token {what} (from {source})")).with_hint(HINT)),
        },
        None => Err(search.nothing()),
    }
}

/// The search for a token in what the official client and others have stored.
struct Search<'a> {
    config: &'a Config,
    base: &'a Base,
    /// Only this account's token is wanted.
    account: Option<&'a str>,
    home: Option<PathBuf>,
    messages: &'a Messages,
    stop: &'a Stop,
    /// The accounts that were seen.
    known: Vec<String>,
    /// Why a file that was read has no token.
    why: Option<String>,
}

impl Search<'_> {
    /// Returns the token in the desktop keychain and its source. Without a wanted account, it is that of the account that
    /// the official client is logged in to.
    ///
    /// # Errors
    /// Those of [`Config::skips_keychain`], which counts only where the keychain is used.
    fn keychain(&mut self) -> Result<Option<(String, String)>, Error> {
        if !is_heroku_host(self.base.host()) || self.config.skips_keychain()? {
            return Ok(None);
        }
        let current = self.current_account().filter(|name| is_account(name));
        self.known.extend(current.clone());
        let Some(account) = self.account.map(str::to_owned).or(current) else { return Ok(None) };
        let (program, args) = if cfg!(target_os = "macos") {
            ("security", vec!["find-generic-password", "-a", &account, "-s", "heroku-cli", "-w"])
        } else {
            ("secret-tool", vec!["lookup", "service", "heroku-cli", "account", &account])
        };
        let found = match run_helper(self.config, program, &args, &[], self.stop) {
            Ok(found) => found,
            Err(what) => {
                // Many users have no keychain, so this is not a warning.
                self.messages.trace(|| format!("no token from the keychain: {what}"));
                return Ok(None);
            }
        };
        let found = found.trim_end_matches(['\r', '\n']);
        Ok((!found.is_empty()).then(|| (found.to_owned(), format!("the keychain, account {account}"))))
    }

    /// Returns the account that the official client is logged in to.
    fn current_account(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Login {
            account: String,
        }
        let data = self.config.path("XDG_DATA_HOME");
        let data = data.or_else(|| Some(self.home.as_ref()?.join(".local/share")))?;
        let login = std::fs::read(data.join("heroku/login.json")).ok()?;
        Some(serde_json::from_slice::<Login>(&login).ok()?.account)
    }

    /// Returns the password in the netrc file and its source.
    fn netrc(&mut self) -> Result<Option<(String, String)>, Error> {
        let read = match (self.config.path("NETRC"), &self.home) {
            (Some(path), _) if path.extension().is_some_and(|e| e == "gpg") => {
                let wrong = |e| Error::input(format!("NETRC: {}: {}", path.display(), reason(&e)));
                std::fs::metadata(&path).map_err(wrong)?;
                self.decrypt(&path).map(|text| (path, text))
            }
            (Some(path), _) => match self.read(&path) {
                Ok(text) => Some((path, text)),
                Err(e) => return Err(Error::input(format!("NETRC: {}: {}", path.display(), reason(&e)))),
            },
            (None, Some(home)) => {
                let (sealed, plain) = (home.join(".netrc.gpg"), home.join(".netrc"));
                let text = self.decrypt(&sealed).map(|text| (sealed, text));
                text.or_else(|| self.read_default(&plain).map(|text| (plain, text)))
            }
            (None, None) => None,
        };
        Ok(read.and_then(|(path, text)| self.look_up(&path, &text)))
    }

    /// Looks the host up in the text of a netrc file; notes why there is nothing.
    fn look_up(&mut self, path: &Path, text: &str) -> Option<(String, String)> {
        let path = path.display();
        let (file, host) = (Netrc::parse(text), self.base.host());
        let mut incomplete = None;
        for entry in file.entries(host, self.base.port()) {
            self.known.extend(entry.login.clone());
            let login = entry.login.as_deref().unwrap_or_default();
            if self.account.is_some_and(|account| !account.eq_ignore_ascii_case(login)) {
                continue;
            }
            match &entry.password {
                Some(password) if !password.is_empty() => {
                    return Some((password.clone(), format!("{path}, line {}", entry.line)));
                }
                _ => incomplete = incomplete.or(Some(entry.line)),
            }
        }
        let mut why = match incomplete {
            Some(line) => format!("{path}: line {line}: the entry has no password"),
            None => format!("{path} has no entry for it"),
        };
        if let Some((line, what)) = file.mistake() {
            why = format!("{why}; line {line}: {what}");
        }
        self.why = Some(why);
        None
    }

    /// Returns the error if nothing was found.
    fn nothing(&mut self) -> Error {
        let host = self.base.host();
        if let Some(account) = self.account {
            self.known.sort_unstable();
            self.known.dedup();
            let known = match &self.known[..] {
                [] => "no account is stored".to_owned(),
                known => format!("the stored accounts are {}", known.join(", ")),
            };
            let what = format!("no token for {host} of the account '{account}': {known}");
            return Error::auth(what)
                .with_hint("log in to that account with the Heroku CLI, or add it to .netrc");
        }
        if self.config.is_set("HEROKU_API_TOKEN") {
            let what = "no token: HEROKU_API_TOKEN is set, but the variable is called HEROKU_API_KEY";
            return Error::auth(what).with_hint(HINT);
        }
        let why = self.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        Error::auth(format!("no token for {host}{why}")).with_hint(HINT)
    }

    /// Returns the text of an encrypted file if it exists and gpg can decrypt it without asking for a passphrase.
    fn decrypt(&self, path: &Path) -> Option<String> {
        if !path.exists() {
            return None;
        }
        // --batch keeps gpg from asking; --pinentry-mode error keeps its agent from asking with a program of its own.
        let args = ["--batch", "--quiet", "--pinentry-mode", "error", "--decrypt"];
        run_helper(self.config, "gpg", &args, &[path.to_owned()], self.stop)
            .map_err(|what| self.messages.say(&format!("warning: ignoring {}: {what}", path.display())))
            .ok()
    }

    /// Returns the text of `~/.netrc`, if there is one.
    fn read_default(&self, path: &Path) -> Option<String> {
        // Opening a FIFO would block until something writes to it.
        if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
            self.messages.say(&format!("warning: {} is not a regular file", path.display()));
            return None;
        }
        match self.read(path) {
            Ok(text) => Some(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => {
                self.messages.say(&format!("warning: {}: {}", path.display(), reason(&e)));
                None
            }
        }
    }

    /// Returns the text of a netrc file. Warns if other users can read it.
    fn read(&self, path: &Path) -> io::Result<String> {
        let file = std::fs::File::open(path)?;
        let meta = file.metadata()?;
        if meta.is_file() && meta.permissions().mode() & 0o077 != 0 {
            let path = path.display().to_string();
            self.messages.say(&format!("warning: {path} can be read by other users"));
            self.messages.say(&format!("run chmod 600 {}", shell_word(&path)));
        }
        let mut bytes = Vec::new();
        // A netrc file has a few hundred bytes. The limit keeps a huge file from filling the memory.
        file.take(1 << 20).read_to_end(&mut bytes)?;
        Ok(decode(&bytes))
    }
}

/// Decodes a text file: UTF-8, or UTF-16 if its byte order mark says so.
fn decode(bytes: &[u8]) -> String {
    let units = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Returns whether a host may get the token in the keychain, which is stored without a host.
fn is_heroku_host(host: &str) -> bool {
    is_heroku(host) || is_loopback(host)
}

/// Returns whether a text can be the name of an account. A helper would read one that starts with `-` as an option.
pub(crate) fn is_account(name: &str) -> bool {
    !name.trim().is_empty() && !name.starts_with('-') && !name.contains(char::is_control)
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
