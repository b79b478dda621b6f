//! A strict transport for unit tests: it responds to expected requests and fails on all others.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::fmt::Debug;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use crate::Run;
use crate::api::transport::{Failure, Method, Request, Response, Transport};
use crate::base::sync::lock;
use crate::cli::Tool;
use crate::config::environment::Config;
use crate::session::Session;
use crate::sys::streams::{Captured, Io};

/// Status, headers and body of a response, or why there is none.
type Reply = Result<(u16, Vec<(String, String)>, String), Failure>;

/// The token in use.
pub(crate) const TOKEN: &str = "HRKU-AAthe-token-in-use-0123456789";

/// An expected request, and the response to it.
pub(crate) struct Exchange {
    method: Method,
    path: String,
    body: Option<String>,
    reply: Reply,
}

/// Expects each of its exchanges once.
#[derive(Default)]
pub(crate) struct Stub {
    expected: Mutex<VecDeque<Exchange>>,
    unexpected: Mutex<Vec<String>>,
    sent: Mutex<Vec<Vec<(String, String)>>>,
}

impl Stub {
    /// Returns a stub that expects no requests.
    pub(crate) fn new() -> Arc<Stub> {
        Arc::default()
    }

    /// Expects a request, and responds to it.
    pub(crate) fn on(self: Arc<Self>, method: Method, path: &str, status: u16, response: &str) -> Arc<Self> {
        self.on_with(method, path, None, Ok((status, Vec::new(), response.to_owned())))
    }

    /// Expects a request with that body, and responds to it.
    pub(crate) fn on_body(
        self: Arc<Self>,
        method: Method,
        path: &str,
        body: &str,
        status: u16,
        response: &str,
    ) -> Arc<Self> {
        self.on_with(method, path, Some(body), Ok((status, Vec::new(), response.to_owned())))
    }

    /// Expects a request, and responds or fails as `reply` says.
    pub(crate) fn on_with(
        self: Arc<Self>,
        method: Method,
        path: &str,
        body: Option<&str>,
        reply: Reply,
    ) -> Arc<Self> {
        let (path, body) = (path.to_owned(), body.map(str::to_owned));
        lock(&self.expected).push_back(Exchange { method, path, body, reply });
        self
    }

    /// Expects a request, and responds to it with a header.
    pub(crate) fn on_header(
        self: Arc<Self>,
        method: Method,
        path: &str,
        status: u16,
        (name, value): (&str, &str),
        response: &str,
    ) -> Arc<Self> {
        let headers = vec![(name.to_owned(), value.to_owned())];
        self.on_with(method, path, None, Ok((status, headers, response.to_owned())))
    }

    /// Expects a request whose response is lost.
    pub(crate) fn lose(self: Arc<Self>, method: Method, path: &str) -> Arc<Self> {
        self.on_with(method, path, None, Err(Failure::Lost("the line went dead".to_owned())))
    }

    /// Returns the values of a header of the requests sent, in order. `(idle)` is how many seconds their connection may
    /// have been idle, `(request)` the method and path, `(body)` the body.
    pub(crate) fn sent(&self, name: &str) -> Vec<Option<String>> {
        let value =
            |headers: &Vec<(String, String)>| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        lock(&self.sent).iter().map(value).collect()
    }

    /// Fails unless exactly the expected requests were sent; `result` is shown then.
    #[track_caller]
    pub(crate) fn verify(&self, result: &dyn Debug) {
        let unexpected = lock(&self.unexpected);
        assert!(unexpected.is_empty(), "unexpected: {unexpected:?}\n{result:#?}");
        let unused: Vec<_> =
            lock(&self.expected).iter().map(|e| format!("{} {}", e.method.as_str(), e.path)).collect();
        assert!(unused.is_empty(), "never sent: {unused:?}\n{result:#?}");
    }
}

impl Transport for Arc<Stub> {
    fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let owned = |headers: &[(&str, &str)]| {
            headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
        };
        let body = request.body.map(|b| String::from_utf8_lossy(b).into_owned());
        let line = format!("{} {}", request.method.as_str(), request.path);
        let idle = request.idle.as_secs().to_string();
        let more =
            [("(request)", &line[..]), ("(idle)", &idle), ("(body)", body.as_deref().unwrap_or_default())];
        lock(&self.sent).push([owned(request.headers), owned(&more)].concat());
        let mut expected = lock(&self.expected);
        let at = expected.iter().position(|e| {
            e.method == request.method && e.path == request.path && (e.body.is_none() || e.body == body)
        });
        let Some(exchange) = at.and_then(|at| expected.remove(at)) else {
            let unexpected = format!("{line} {body:?}");
            lock(&self.unexpected).push(unexpected.clone());
            return Err(Failure::Permanent { what: format!("unexpected: {unexpected}"), hint: None });
        };
        let (status, headers, body) = exchange.reply?;
        Ok(Response { status, headers, body: Box::new(Cursor::new(body.into_bytes())) })
    }
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Checks the exit status.
    #[track_caller]
    pub(crate) fn exits(self, status: u8) -> Ran {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    /// Checks that the run succeeded without a message.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Ran {
        assert!(self.status == 0 && self.err.is_empty(), "{self:#?}");
        self
    }

    /// Checks that standard error contains `part`.
    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Ran {
        assert!(self.err.contains(part), "stderr lacks: {part}\n{self:#?}");
        self
    }

    /// Checks that standard output is `text`.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Ran {
        assert_eq!(self.out, text, "{self:#?}");
        self
    }
}

impl Stub {
    /// Runs a tool, which must send exactly the expected requests.
    #[track_caller]
    pub(crate) fn run(self: Arc<Self>, tool: (&'static Tool, Run), args: &[&str], stdin: &str) -> Ran {
        self.run_in(tool, args, stdin, &[])
    }

    /// Runs a tool with more environment variables.
    #[track_caller]
    pub(crate) fn run_in(
        self: Arc<Self>,
        (tool, run): (&'static Tool, Run),
        args: &[&str],
        stdin: &str,
        env: &[(&str, &str)],
    ) -> Ran {
        let (mut session, out, err) = session(self.clone(), stdin, env);
        let status = crate::start(tool, run, args.iter().map(OsString::from), &mut session);
        let ran = Ran { status, out: out.text(), err: err.text() };
        self.verify(&ran);
        ran
    }
}

/// Creates a session over streams in memory and a transport, with the token in use in its environment. Returns its
/// standard output and standard error too.
pub(crate) fn session<T: Transport + Clone + Send + Sync + 'static>(
    transport: T,
    stdin: &str,
    env: &[(&str, &str)],
) -> (Session, Captured, Captured) {
    let (io, out, err) = Io::test(stdin);
    let given = [("HEROKU_API_KEY", TOKEN)].iter().chain(env);
    let env: HashMap<String, OsString> = given.map(|(n, v)| ((*n).to_owned(), v.into())).collect();
    let config = Config::from(move |name| env.get(name).cloned());
    let connector =
        Box::new(move |_: &Config, _, _| Ok(Box::new(transport.clone()) as Box<dyn Transport + Send>));
    (Session::new(io, config, connector), out, err)
}
