//! The options that all changing tools share.

use std::path::PathBuf;

use crate::base::error::Error;
use crate::change::delivery::Summarizes;
use crate::change::exec::Exec;
use crate::change::log::OpenLog;
use crate::cli::{Args, opts};
use crate::config::environment::Config;
use crate::session::{PARALLEL, Session};
use crate::sys::files;

/// The options of a run.
#[derive(Debug)]
pub(crate) struct Options {
    /// `-n`
    pub(crate) dry_run: bool,
    /// `--stream`
    pub(crate) stream: bool,
    /// `-P`: requests in flight.
    pub(crate) parallel: usize,
    /// `--rest`
    pub(crate) rest: Option<PathBuf>,
    /// `--yes`
    pub(crate) yes: bool,
    /// `--summary`
    pub(crate) summary: bool,
    /// `--include-self`
    pub(crate) include_self: bool,
    /// `--include-default`
    pub(crate) include_default: bool,
    /// `--exec`
    pub(crate) exec: Option<Exec>,
    /// The file of the log, and the option or variable that names it.
    log: Option<(&'static str, PathBuf)>,
}

impl Options {
    /// Reads the options from a command line, and the file of the log from `OAUTH_LOG` if `--log` is not given.
    ///
    /// # Errors
    /// Those of the command line.
    pub(crate) fn read(args: &Args, config: &Config) -> Result<Options, Error> {
        let exec = args.get(&opts::EXEC)?.map(|command| Exec::new(command, config));
        // Users expect commands to run one after the other.
        let parallel = if exec.is_some() { 1 } else { PARALLEL };
        Ok(Options {
            dry_run: args.has(&opts::DRY_RUN),
            stream: args.has(&opts::STREAM),
            parallel: args.number(&opts::PARALLEL, 1..=64)?.unwrap_or(parallel),
            rest: args.path(&opts::REST),
            yes: args.has(&opts::YES),
            summary: args.has(&opts::SUMMARY),
            include_self: args.has(&opts::INCLUDE_SELF),
            include_default: args.has(&opts::INCLUDE_DEFAULT),
            exec,
            log: args
                .path(&opts::LOG)
                .map(|path| ("--log", path))
                .or_else(|| Some(("OAUTH_LOG", config.path("OAUTH_LOG")?))),
        })
    }

    /// Opens the file of the log, if one is wanted and anything is to be changed.
    ///
    /// # Errors
    /// Those of [`OpenLog::open`].
    pub(crate) fn open_log(&self) -> Result<Option<OpenLog>, Error> {
        let Some((source, path)) = self.log.as_ref().filter(|_| !self.dry_run) else { return Ok(None) };
        let name = match *source {
            // Nobody has typed the name of the file.
            "OAUTH_LOG" => format!("{source}: {}", path.display()),
            _ => path.display().to_string(),
        };
        OpenLog::open(path, &name).map(Some)
    }

    /// Returns which runs end with a summary, if standard error is a terminal or not.
    pub(crate) fn summarizes(&self, on_terminal: bool) -> Summarizes {
        match (self.summary, on_terminal) {
            (true, _) => Summarizes::Always,
            (false, true) => Summarizes::Several,
            (false, false) => Summarizes::Never,
        }
    }

    /// Checks that no file is named for two uses, of which one would overwrite the other. `streams` is true if the
    /// input is worked on while it is read.
    ///
    /// # Errors
    /// A usage error that names the two uses.
    pub(crate) fn refuse_clashes(&self, session: &Session, streams: bool) -> Result<(), Error> {
        let clash = |what: &str| Err(Error::usage(format!("{what}: name another file")));
        let rest = self.rest.as_deref();
        let (source, log) =
            self.log.as_ref().map_or(("", None), |(source, path)| (*source, Some(path.as_path())));
        if self.dry_run {
            return Ok(());
        }
        if streams && let Some(output) = session.io.feeds_itself() {
            return clash(&format!("{output} is the input of --stream"));
        }
        if streams && log.is_some_and(|log| session.io.reads(log)) {
            return clash(&format!("{source} names the input of --stream"));
        }
        if streams && rest.is_some_and(|rest| session.io.reads(rest)) {
            return clash("--rest names the input of --stream");
        }
        if rest.is_some_and(|rest| session.io.writes(rest)) {
            return clash("--rest names the file of standard output");
        }
        if log.is_some_and(|log| session.io.writes(log)) {
            return clash(&format!("{source} names the file of standard output"));
        }
        if rest.zip(log).is_some_and(|(rest, log)| files::are_same(rest, log)) {
            return clash(&format!("--rest and {source} name the same file"));
        }
        Ok(())
    }
}
