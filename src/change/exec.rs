//! `--exec CMD`: passes each new secret to a command, in its environment and on its standard input. Never as an
//! argument, because other users can read those.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::base::error::{Error, reason};
use crate::config::credentials::SECRET_VARIABLES;
use crate::config::environment::Config;
use crate::record::Record;
use crate::sys::child;

/// The command of `--exec`.
#[derive(Debug)]
pub(crate) struct Exec {
    command: String,
    /// Names of variables that hold secrets of the user; the command does not inherit them.
    withheld: Vec<String>,
}

impl Exec {
    /// Creates it from a command line for sh(1).
    pub(crate) fn new(command: &str, config: &Config) -> Exec {
        Exec { command: command.to_owned(), withheld: config.secret_variables() }
    }

    /// Runs the command for a record with a complete secret.
    ///
    /// Its environment has `HEROKU_OAUTH_ID`, and `HEROKU_API_KEY` (for an authorization or a token) or
    /// `HEROKU_OAUTH_SECRET` (for a client), but none of our own secrets. Its standard input is the record as one line
    /// of JSON. Its output goes to standard error, because standard output is for records.
    ///
    /// # Errors
    /// If the record has no complete secret, or the command cannot be started or fails.
    pub(crate) fn run(&self, record: &Record<'_>) -> Result<(), Error> {
        let Some(secret) = record.whole_secret() else {
            return Err(Error::failed("the response holds no complete secret to pass on"));
        };
        let mut shell = Command::new("sh");
        // Ctrl-C goes to the command too. It must not be interrupted halfway: the secret would be lost.
        shell.args(["-c", &format!("trap '' INT\n{}", self.command)]);
        for name in SECRET_VARIABLES.into_iter().chain(self.withheld.iter().map(String::as_str)) {
            shell.env_remove(name);
        }
        let mut child = shell
            .env("HEROKU_OAUTH_ID", record.id.as_ref())
            .env(record.secret_variable(), &secret)
            .stdin(Stdio::piped())
            .stdout(std::io::stderr())
            .spawn()
            .map_err(|e| Error::failed(format!("--exec: sh: {}", reason(&e))))?;
        let mut line = Vec::new();
        record.write_json(&mut line, true);
        line.push(b'\n');
        if let Some(mut stdin) = child.stdin.take() {
            // A command that only needs its environment may not read, and the write fails: not an error.
            let _ = stdin.write_all(&line);
        }
        let status = child.wait().map_err(|e| Error::failed(format!("--exec: {}", reason(&e))))?;
        match child::code(status) {
            0 => Ok(()),
            code => Err(Error::failed(format!("--exec: the command exited with status {code}"))),
        }
    }
}
