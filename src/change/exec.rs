//! `--exec CMD`: passes each new secret to a command, on its standard input and in its environment. Never as an
//! argument, because other users can read those.

use std::io::{self, Write};
use std::process::Command;

use crate::base::error::{Error, reason};
use crate::config::credentials::SECRET_VARIABLES;
use crate::config::environment::Config;
use crate::record::Record;
use crate::sys::child;

/// The longest value of a variable, in bytes: with its name it must stay below 128 KiB (execve(2), `MAX_ARG_STRLEN`).
const LONGEST: usize = 128 * 1024 - 64;

/// The least that a pipe holds while nobody reads it, in bytes (pipe(7)).
const PIPE: usize = 4096;

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
    /// Its standard input is the secret alone, without a line break: commands store what they read. Its environment has
    /// the variables of [`variables`], but none of our own secrets. Its output goes to standard error, because
    /// standard output is for records.
    ///
    /// # Errors
    /// If the record has no complete secret, or the command fails; one that stops the run if it cannot be run at all.
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
        for (name, value) in variables(record, &secret) {
            match value.filter(|value| value.len() <= LONGEST) {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let failed = |e: io::Error| Error::permanent(format!("--exec: sh: {}", reason(&e)));
        let (input, mut output) = io::pipe().map_err(failed)?;
        // If this program is killed, the command must not store an empty secret over the one that it has.
        let fits = secret.len() <= PIPE;
        if fits {
            output.write_all(secret.as_bytes()).map_err(failed)?;
        }
        shell.stdin(input).stdout(io::stderr());
        let spawned = child::spawn(&mut shell);
        // It holds the other end of the pipe too.
        drop(shell);
        let mut child = spawned.map_err(failed)?;
        if !fits {
            // A command that only needs its environment may not read, and the write fails: not an error.
            let _ = output.write_all(secret.as_bytes());
        }
        drop(output);
        let status = child.wait().map_err(|e| Error::failed(format!("--exec: {}", reason(&e))))?;
        match child::code(status) {
            0 => Ok(()),
            // Those of sh(1) for a command that it cannot find or execute: so it would be for each record.
            code @ (126 | 127) => {
                Err(Error::permanent(format!("--exec: the command exited with status {code}")))
            }
            code => Err(Error::failed(format!("--exec: the command exited with status {code}"))),
        }
    }
}

/// Returns the variables that describe a record: their names, and their values if it has such. A variable without a
/// value is removed, so that the command never takes one of its caller's for the record's.
fn variables(record: &Record<'_>, secret: &str) -> [(&'static str, Option<String>); 8] {
    let mut line = Vec::new();
    record.write_json(&mut line, true);
    // The API may put anything into a name, but the environment cannot hold NUL.
    let name = Some(record.name().replace('\0', "\u{fffd}")).filter(|name| !name.is_empty());
    let secret = |variable: &str| (record.secret_variable() == variable).then(|| secret.to_owned());
    [
        ("HEROKU_OAUTH_KIND", Some(record.kind.word().to_owned())),
        ("HEROKU_OAUTH_ID", Some(record.id.to_string())),
        ("HEROKU_OAUTH_NAME", name),
        (
            "HEROKU_OAUTH_REPLACES",
            record.added.iter().find(|(n, _)| *n == "replaces").map(|(_, id)| id.clone()),
        ),
        ("HEROKU_OAUTH_RECORD", String::from_utf8(line).ok()),
        ("HEROKU_OAUTH_SECRET", secret("HEROKU_OAUTH_SECRET")),
        ("HEROKU_OAUTH_CODE", secret("HEROKU_OAUTH_CODE")),
        ("HEROKU_API_KEY", secret("HEROKU_API_KEY")),
    ]
}
