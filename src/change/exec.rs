//! `--exec CMD`: passes a new secret to a command, by its environment and standard input, never by its arguments.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::base::error::{Error, reason};
use crate::config::credentials::SECRET_VARIABLES;
use crate::config::environment::Config;
use crate::record::Record;
use crate::sys::child;

/// The command that new secrets are passed to.
#[derive(Debug)]
pub(crate) struct Exec {
    command: String,
    /// Variables that the user named for their secrets: the command does not get them.
    withheld: Vec<String>,
}

impl Exec {
    /// A command for sh(1).
    pub(crate) fn new(command: &str, config: &Config) -> Exec {
        Exec { command: command.to_owned(), withheld: config.secret_variables() }
    }

    /// Runs the command for a record that has a whole secret.
    ///
    /// The command finds `HEROKU_OAUTH_ID`, and `HEROKU_API_KEY` (an authorization or a token) or `HEROKU_OAUTH_SECRET`
    /// (a client), in its environment, and the record as one line of JSON on its standard input. Our own secrets are
    /// not in its environment. What it prints goes to standard error, since standard output belongs to the records.
    ///
    /// # Errors
    /// Where it cannot be started, or fails.
    pub(crate) fn run(&self, record: &Record<'_>) -> Result<(), Error> {
        let Some(secret) = record.whole_secret() else {
            return Err(Error::failed("the response holds no complete secret to pass on"));
        };
        let mut shell = Command::new("sh");
        // An interrupt from the keyboard is for us, who wait: a secret that is passed on by half is lost.
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
            // A command that has what it needs from its environment may never read.
            let _ = stdin.write_all(&line);
        }
        let status = child.wait().map_err(|e| Error::failed(format!("--exec: {}", reason(&e))))?;
        match child::code(status) {
            0 => Ok(()),
            code => Err(Error::failed(format!("--exec: the command exited with status {code}"))),
        }
    }
}
