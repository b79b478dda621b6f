//! What a tool's run works with: its streams, its environment, and, once it needs it, the API.

use std::io;
use std::time::Duration;

use crate::api::transport::{Http, Transport};
use crate::api::{Api, Policy};
use crate::base::error::{Error, reason};
use crate::cli::{Args, opts};
use crate::config::credentials;
use crate::config::environment::{Base, Config};
use crate::output::Style;
use crate::sys::signals::{Stop, survive_file_limits};
use crate::sys::streams::Io;

/// How many requests are in flight unless `-P` says otherwise.
pub(crate) const PARALLEL: usize = 8;

/// The streams, the environment and the API of a run.
pub struct World {
    /// The streams.
    pub io: Io,
    /// The environment.
    pub config: Config,
    /// Why nothing more shall be started, once there is a reason.
    pub stop: Stop,
    #[cfg(test)]
    pub(crate) stub: Option<std::sync::Arc<crate::api::stub::Stub>>,
}

impl World {
    /// The process's own.
    pub fn system(program: &'static str) -> World {
        survive_file_limits();
        World {
            io: Io::system(program),
            config: Config::from_env(),
            stop: Stop::default(),
            #[cfg(test)]
            stub: None,
        }
    }

    /// Lets SIGINT, SIGTERM and SIGHUP end the run between two changes instead of in the middle of one, from the first
    /// call on.
    ///
    /// # Errors
    /// [`Error::Config`] where the system refuses.
    pub fn heed_signals(&mut self) -> Result<(), Error> {
        if !self.io.heeds() {
            self.stop = Stop::on_signals().map_err(refused)?;
            self.io.heed(&self.stop);
        }
        Ok(())
    }

    /// The same for every signal that would end us, for the one who looks after a command.
    ///
    /// # Errors
    /// [`Error::Config`] where the system refuses.
    pub fn guard_signals(&mut self) -> Result<(), Error> {
        self.stop = Stop::on_all_signals().map_err(refused)?;
        Ok(())
    }

    /// Whether a table may have colours: on a terminal that knows them, unless `NO_COLOR` is set.
    pub fn may_color(&self) -> bool {
        self.io.terminal.stdout && !self.config.is_set("NO_COLOR") && !self.is_dumb()
    }

    /// The columns for a progress line: on standard error, if that is a terminal that can wipe a line.
    pub fn progress_columns(&self) -> Option<usize> {
        (self.io.terminal.stderr && !self.is_dumb()).then_some(self.io.terminal.stderr_columns)
    }

    fn is_dumb(&self) -> bool {
        self.config.text("TERM").ok().flatten() == Some("dumb")
    }

    /// The style of the output that a command line asks for.
    ///
    /// # Errors
    /// [`Error::Usage`] where its options contradict each other.
    pub fn style(&self, args: &Args, change: bool) -> Result<Style, Error> {
        args.style(self.io.terminal.stdout, self.may_color(), change)
    }

    /// The API, for the account whose token is found, with room for `parallel` requests at a time.
    ///
    /// # Errors
    /// Those of the environment and of the search for a token.
    pub fn api(&self, args: &Args, parallel: usize) -> Result<Api, Error> {
        let base = self.config.base()?;
        let policy = policy(args)?;
        let token = credentials::find(&self.config, base.host(), &self.io.messages)?;
        let transport = self.transport(base.clone(), parallel)?;
        Api::new(transport, &self.config, base, token, policy, self.io.messages.clone(), self.stop.clone())
    }

    #[cfg(not(test))]
    fn transport(&self, base: Base, parallel: usize) -> Result<Box<dyn Transport + Send>, Error> {
        Ok(Box::new(Http::new(&self.config, base, parallel)?))
    }

    #[cfg(test)]
    fn transport(&self, base: Base, parallel: usize) -> Result<Box<dyn Transport + Send>, Error> {
        match &self.stub {
            Some(stub) => Ok(Box::new(stub.clone())),
            None => Ok(Box::new(Http::new(&self.config, base, parallel)?)),
        }
    }
}

fn refused(error: io::Error) -> Error {
    Error::Config(format!("signals: {}", reason(&error)))
}

fn policy(args: &Args) -> Result<Policy, Error> {
    Ok(Policy {
        retry_for: args.span(&opts::RETRY_FOR)?.unwrap_or(Duration::from_secs(60)),
        wait: !args.has(&opts::NO_WAIT),
    })
}
