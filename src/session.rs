//! The session of a run: its streams, its environment, and the API, which is connected when it is first needed.

use std::io;
use std::time::Duration;

use crate::api::Api;
use crate::api::call::Policy;
use crate::api::http::Http;
use crate::api::transport::Transport;
use crate::base::error::{Error, reason};
use crate::cli::{Args, opts};
use crate::config::base_url::Base;
use crate::config::credentials;
use crate::config::environment::Config;
use crate::output::Style;
use crate::sys::signals::{self, Arrivals, Stop};
use crate::sys::streams::Io;

/// How many requests are in flight without `-P`.
pub(crate) const PARALLEL: usize = 8;

/// Creates the transport to an API; the number is how many requests it must carry at the same time.
pub(crate) type Connector =
    Box<dyn Fn(&Config, Base, usize) -> Result<Box<dyn Transport + Send>, Error> + Send + Sync>;

/// The streams, the environment and the API of a run.
pub struct Session {
    /// The streams.
    pub(crate) io: Io,
    /// The environment.
    pub(crate) config: Config,
    /// The request to start nothing more: a signal, or an error that stops the run.
    pub(crate) stop: Stop,
    connector: Connector,
    policy: Policy,
    parallel: usize,
    /// The account that the user chose.
    account: Option<String>,
    /// Where connections were opened before the API was needed.
    transport: Option<Box<dyn Transport + Send>>,
    api: Option<Api>,
}

impl Session {
    /// Creates a session with the process's own streams, environment and network.
    pub(crate) fn system(program: &'static str) -> Session {
        signals::prepare();
        Session::new(
            Io::system(program),
            Config::from_env(),
            Box::new(|config, base, parallel| Ok(Box::new(Http::new(config, base, parallel)?))),
        )
    }

    /// Creates a session from its parts.
    pub(crate) fn new(io: Io, config: Config, connector: Connector) -> Session {
        Session {
            io,
            config,
            stop: Stop::default(),
            connector,
            policy: Policy { retry_for: Duration::from_secs(60), wait: true },
            parallel: 1,
            account: None,
            transport: None,
            api: None,
        }
    }

    /// Reads `--account`, `--retry-for` and `--no-wait`, and sets how many calls are made at the same time. Must be called
    /// before the first call.
    ///
    /// # Errors
    /// Those of the command line.
    pub(crate) fn plan_calls(&mut self, args: &Args, parallel: usize) -> Result<(), Error> {
        let retry_for = args.span(&opts::RETRY_FOR)?;
        self.policy =
            Policy { retry_for: retry_for.unwrap_or(self.policy.retry_for), wait: !args.has(&opts::NO_WAIT) };
        self.account = match args.get(&opts::ACCOUNT)? {
            // An unset variable of a script must not select another account.
            Some(name) if !credentials::is_account(name) => {
                return Err(Error::usage(format!("--account: '{name}' is not the name of an account")));
            }
            name => name.map(str::to_owned),
        };
        self.parallel = parallel;
        Ok(())
    }

    /// Makes every signal that would end the process stop the run between two changes. Must be called before the first
    /// call.
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

    /// Does the same for a tool that must clean up after its command, and returns the signals to pass on to that. Must
    /// be called before the first call.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub(crate) fn outlive_signals(&mut self) -> Result<Arrivals, Error> {
        // In this order: a signal in between is passed on, if it does not stop the run.
        let arrivals = Arrivals::collect().map_err(refused)?;
        self.stop_on_signals()?;
        Ok(arrivals)
    }

    /// Returns the width of the progress line in columns; `None` if standard error is not a terminal that can erase a
    /// line.
    pub(crate) fn progress_columns(&self) -> Option<usize> {
        (self.io.terminal.stderr && !self.is_dumb()).then_some(self.io.terminal.stderr_columns)
    }

    fn is_dumb(&self) -> bool {
        self.config.text("TERM").ok().flatten() == Some("dumb")
    }

    /// Returns the style of the output. `change` is true if the records are results of changes.
    ///
    /// # Errors
    /// Those of the command line.
    pub(crate) fn style(&self, args: &Args, change: bool) -> Result<Style, Error> {
        let may_color = self.io.terminal.stdout && !self.config.is_set("NO_COLOR") && !self.is_dumb();
        args.style(self.io.terminal.stdout, may_color, change)
    }

    /// Begins to open connections for calls that will be made soon. What is wrong is left for the first call to find.
    pub(crate) fn connect_ahead(&mut self, count: usize) {
        if let Some(api) = &self.api {
            return api.connect_ahead(count);
        }
        if self.transport.is_none()
            && let Ok(base) = self.config.base()
        {
            self.transport = (self.connector)(&self.config, base, self.parallel).ok();
        }
        if let Some(transport) = &self.transport {
            transport.connect_ahead(count, &self.stop);
        }
    }

    /// Returns the API; finds a token and connects when it is first called.
    ///
    /// # Errors
    /// Those of the environment and of the search for a token.
    pub(crate) fn api(&mut self) -> Result<&Api, Error> {
        self.connect().map(|(_, api)| &*api)
    }

    /// Returns the streams and the API, for output between calls; connects like [`Session::api`].
    ///
    /// # Errors
    /// Those of the environment and of the search for a token.
    pub(crate) fn connect(&mut self) -> Result<(&mut Io, &mut Api), Error> {
        let api = match self.api.take() {
            Some(api) => api,
            None => {
                let base = self.config.base()?;
                let account = self.account.as_deref();
                let found = credentials::find(&self.config, &base, account, &self.io.messages, &self.stop)?;
                self.io.messages.trace(|| format!("using the token from {}", found.source));
                let transport = match self.transport.take() {
                    Some(transport) => transport,
                    None => (self.connector)(&self.config, base.clone(), self.parallel)?,
                };
                let (messages, stop) = (self.io.messages.clone(), self.stop.clone());
                let mut api =
                    Api::new(transport, &self.config, base, found.token, self.policy, messages, stop)?;
                api.name_source(found.source);
                api
            }
        };
        Ok((&mut self.io, self.api.insert(api)))
    }
}

fn refused(error: io::Error) -> Error {
    Error::input(format!("signals: {}", reason(&error)))
}
