//! What a run works with: its streams, its environment, and the API, which it connects to when it first needs it.

use std::io;
use std::time::Duration;

use crate::api::Api;
use crate::api::call::Policy;
use crate::api::transport::{Http, Transport};
use crate::base::error::{Error, reason};
use crate::cli::{Args, opts};
use crate::config::base_url::Base;
use crate::config::credentials;
use crate::config::environment::Config;
use crate::output::Style;
use crate::sys::signals::{Stop, survive_file_limits};
use crate::sys::streams::Io;

/// Requests in flight unless `-P` says otherwise.
pub(crate) const PARALLEL: usize = 8;

/// Makes the transport to an API, with room for so many requests at a time.
pub(crate) type Connector =
    Box<dyn Fn(&Config, Base, usize) -> Result<Box<dyn Transport + Send>, Error> + Send + Sync>;

/// The streams, the environment and the API of a run.
pub struct Session {
    /// The streams.
    pub(crate) io: Io,
    /// The environment.
    pub(crate) config: Config,
    /// Why nothing more must be started, once there is a reason.
    pub(crate) stop: Stop,
    connector: Connector,
    policy: Policy,
    parallel: usize,
    api: Option<Api>,
}

impl Session {
    /// A session with the process's own streams, environment and network.
    pub(crate) fn system(program: &'static str) -> Session {
        survive_file_limits();
        Session::new(
            Io::system(program),
            Config::from_env(),
            Box::new(|config, base, parallel| Ok(Box::new(Http::new(config, base, parallel)?))),
        )
    }

    /// A session over these streams, this environment and this network.
    pub(crate) fn new(io: Io, config: Config, connector: Connector) -> Session {
        Session {
            io,
            config,
            stop: Stop::default(),
            connector,
            policy: Policy { retry_for: Duration::from_secs(60), wait: true },
            parallel: 1,
            api: None,
        }
    }

    /// Reads how long calls are tried, and makes room for `parallel` of them at a time.
    ///
    /// # Errors
    /// Those of the command line.
    pub(crate) fn plan_calls(&mut self, args: &Args, parallel: usize) -> Result<(), Error> {
        let retry_for = args.span(&opts::RETRY_FOR)?;
        self.policy =
            Policy { retry_for: retry_for.unwrap_or(self.policy.retry_for), wait: !args.has(&opts::NO_WAIT) };
        self.parallel = parallel;
        Ok(())
    }

    /// Lets SIGINT, SIGTERM and SIGHUP end the run between two changes instead of in the middle of one. Must be called
    /// before the first call of the API.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub(crate) fn stop_on_signals(&mut self) -> Result<(), Error> {
        if !self.io.has_stop() {
            self.stop = Stop::on_signals().map_err(refused)?;
            self.io.stop_on(&self.stop);
        }
        Ok(())
    }

    /// Catches every signal that would end the process, for a program that must outlive its command. Must be called
    /// before the first call of the API.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub(crate) fn outlive_signals(&mut self) -> Result<(), Error> {
        self.stop = Stop::on_all_signals().map_err(refused)?;
        Ok(())
    }

    /// The columns for a progress line on standard error, if that is a terminal that can wipe a line.
    pub(crate) fn progress_columns(&self) -> Option<usize> {
        (self.io.terminal.stderr && !self.is_dumb()).then_some(self.io.terminal.stderr_columns)
    }

    fn is_dumb(&self) -> bool {
        self.config.text("TERM").ok().flatten() == Some("dumb")
    }

    /// The style of the output that a command line asks for. `change` is true for results of changes.
    ///
    /// # Errors
    /// Those of the command line.
    pub(crate) fn style(&self, args: &Args, change: bool) -> Result<Style, Error> {
        let may_color = self.io.terminal.stdout && !self.config.is_set("NO_COLOR") && !self.is_dumb();
        args.style(self.io.terminal.stdout, may_color, change)
    }

    /// The API of the account whose token is found; connects at the first call.
    ///
    /// # Errors
    /// Those of the environment and of the search for a token.
    pub(crate) fn api(&mut self) -> Result<&Api, Error> {
        self.connect().map(|(_, api)| &*api)
    }

    /// The streams and the API, to print while calling; connects at the first call.
    ///
    /// # Errors
    /// Those of the environment and of the search for a token.
    pub(crate) fn connect(&mut self) -> Result<(&mut Io, &mut Api), Error> {
        let api = match self.api.take() {
            Some(api) => api,
            None => {
                let base = self.config.base()?;
                let token = credentials::find(&self.config, base.host(), &self.io.messages)?;
                let transport = (self.connector)(&self.config, base.clone(), self.parallel)?;
                let (messages, stop) = (self.io.messages.clone(), self.stop.clone());
                Api::new(transport, &self.config, base, token, self.policy, messages, stop)?
            }
        };
        Ok((&mut self.io, self.api.insert(api)))
    }
}

fn refused(error: io::Error) -> Error {
    Error::input(format!("signals: {}", reason(&error)))
}
