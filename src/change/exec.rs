//! `--exec CMD`: hands a new secret to a command, by its environment and standard input, never by its arguments.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::api::Api;
use crate::base::error::{Error, reason};
use crate::config::credentials::SECRET_VARIABLES;
use crate::record::Record;
use crate::sys::child;

/// Runs `sh -c command` for a record that has a whole secret.
///
/// The command finds `HEROKU_OAUTH_ID`, and `HEROKU_API_KEY` (an authorization or a token) or `HEROKU_OAUTH_SECRET`
/// (a client), in its environment, and the record as one line of JSON on its standard input. Our own secrets are not
/// in its environment. What it prints goes to standard error, since standard output belongs to the records.
///
/// # Errors
/// [`Error::Left`], where it cannot be started or fails.
pub(crate) fn run(api: &Api, command: &str, record: &Record<'_>) -> Result<(), Error> {
    let failed = |what: String| Error::Left { what, hint: "" };
    let Some(secret) = record.whole_secret() else {
        return Err(failed("there is no whole secret to hand over".to_owned()));
    };
    let mut shell = Command::new("sh");
    // An interrupt from the keyboard is for us, who wait: a secret that is half handed over is lost.
    shell.args(["-c", &format!("trap '' INT\n{command}")]);
    for name in SECRET_VARIABLES {
        shell.env_remove(name);
    }
    for name in api.secret_variables() {
        shell.env_remove(name);
    }
    let mut child = shell
        .env("HEROKU_OAUTH_ID", record.id.as_ref())
        .env(record.secret_variable(), &secret)
        .stdin(Stdio::piped())
        .stdout(std::io::stderr())
        .spawn()
        .map_err(|e| failed(format!("--exec: sh: {}", reason(&e))))?;
    let mut line = Vec::new();
    record.write_json(&mut line, true);
    line.push(b'\n');
    if let Some(mut stdin) = child.stdin.take() {
        // A command that has what it needs from its environment may never read.
        let _ = stdin.write_all(&line);
    }
    let status = child.wait().map_err(|e| failed(format!("--exec: {}", reason(&e))))?;
    match child::code(status) {
        0 => Ok(()),
        code => Err(failed(format!("--exec: the command ended with status {code}"))),
    }
}
