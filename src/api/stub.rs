//! A strict transport for tests in process: it answers what is expected, in order, and fails on the rest.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use crate::Run;
use crate::api::transport::{Failure, Method, Request, Response, Transport};
use crate::base::sync::lock;
use crate::cli::Tool;
use crate::config::environment::Config;
use crate::session::Session;
use crate::sys::streams::Io;

/// Status, headers and body of an answer, or why there is none.
type Canned = Result<(u16, Vec<(String, String)>, String), Failure>;

/// The token in use.
pub(crate) const TOKEN: &str = "HRKU-AAthe-token-in-use-0123456789";

/// What is expected, and what is answered.
pub(crate) struct Exchange {
    method: Method,
    path: String,
    body: Option<String>,
    answer: Canned,
}

/// Expects the exchanges it was given, each once.
#[derive(Default)]
pub(crate) struct Stub {
    expected: Mutex<VecDeque<Exchange>>,
    surprises: Mutex<Vec<String>>,
    sent: Mutex<Vec<Vec<(String, String)>>>,
}

impl Stub {
    /// Expects nothing yet.
    pub(crate) fn new() -> Arc<Stub> {
        Arc::default()
    }

    /// Expects a request, and answers it.
    pub(crate) fn on(self: Arc<Self>, method: Method, path: &str, status: u16, answer: &str) -> Arc<Self> {
        self.on_with(method, path, None, Ok((status, Vec::new(), answer.to_owned())))
    }

    /// Expects a request with a body, and answers it.
    pub(crate) fn on_body(
        self: Arc<Self>,
        method: Method,
        path: &str,
        body: &str,
        status: u16,
        answer: &str,
    ) -> Arc<Self> {
        self.on_with(method, path, Some(body), Ok((status, Vec::new(), answer.to_owned())))
    }

    /// Expects a request, and answers or fails in full detail.
    pub(crate) fn on_with(
        self: Arc<Self>,
        method: Method,
        path: &str,
        body: Option<&str>,
        answer: Canned,
    ) -> Arc<Self> {
        let (path, body) = (path.to_owned(), body.map(str::to_owned));
        lock(&self.expected).push_back(Exchange { method, path, body, answer });
        self
    }

    /// Expects a request, and answers it with a header.
    pub(crate) fn on_header(
        self: Arc<Self>,
        method: Method,
        path: &str,
        status: u16,
        (name, value): (&str, &str),
        answer: &str,
    ) -> Arc<Self> {
        let headers = vec![(name.to_owned(), value.to_owned())];
        self.on_with(method, path, None, Ok((status, headers, answer.to_owned())))
    }

    /// Expects a request whose answer gets lost.
    pub(crate) fn lose(self: Arc<Self>, method: Method, path: &str) -> Arc<Self> {
        self.on_with(method, path, None, Err(Failure::Lost("the line went dead".to_owned())))
    }

    /// The values of a header of the requests that came, in order; `(idle)` is how many seconds their connection may
    /// have been unused.
    pub(crate) fn sent(&self, name: &str) -> Vec<Option<String>> {
        let value =
            |headers: &Vec<(String, String)>| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        lock(&self.sent).iter().map(value).collect()
    }

    /// Fails where something was not asked for, or something else was.
    #[track_caller]
    fn verify(&self, ran: &Ran) {
        let surprises = lock(&self.surprises);
        assert!(surprises.is_empty(), "unexpected: {surprises:?}\n{ran:#?}");
        let unused: Vec<_> =
            lock(&self.expected).iter().map(|e| format!("{} {}", e.method.as_str(), e.path)).collect();
        assert!(unused.is_empty(), "never asked for: {unused:?}\n{ran:#?}");
    }
}

impl Transport for Arc<Stub> {
    fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let owned = |headers: &[(&str, &str)]| {
            headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
        };
        let idle = request.idle.as_secs().to_string();
        lock(&self.sent).push([owned(request.headers), owned(&[("(idle)", &idle)])].concat());
        let body = request.body.map(|b| String::from_utf8_lossy(b).into_owned());
        let mut expected = lock(&self.expected);
        let at = expected.iter().position(|e| {
            e.method == request.method && e.path == request.path && (e.body.is_none() || e.body == body)
        });
        let Some(exchange) = at.and_then(|at| expected.remove(at)) else {
            let surprise = format!("{} {} {body:?}", request.method.as_str(), request.path);
            lock(&self.surprises).push(surprise.clone());
            return Err(Failure::Permanent { what: format!("unexpected: {surprise}"), hint: None });
        };
        let (status, headers, answer) = exchange.answer?;
        Ok(Response { status, headers, body: Box::new(Cursor::new(answer.into_bytes())) })
    }
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// This run, which must have ended with that status.
    #[track_caller]
    pub(crate) fn exits(self, status: u8) -> Ran {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    /// This run, which must have succeeded without a word.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Ran {
        assert!(self.status == 0 && self.err.is_empty(), "{self:#?}");
        self
    }

    /// This run, whose standard error must have `part` in it.
    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Ran {
        assert!(self.err.contains(part), "stderr lacks: {part}\n{self:#?}");
        self
    }

    /// This run, whose standard output must be `text`.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Ran {
        assert_eq!(self.out, text, "{self:#?}");
        self
    }
}

impl Stub {
    /// Runs a tool with the arguments on its standard input; all that is expected must then have been asked for.
    #[track_caller]
    pub(crate) fn run(self: Arc<Self>, tool: (&'static Tool, Run), args: &[&str], stdin: &str) -> Ran {
        self.run_in(tool, args, stdin, &[])
    }

    /// The same with more variables in the environment.
    #[track_caller]
    pub(crate) fn run_in(
        self: Arc<Self>,
        (tool, run): (&'static Tool, Run),
        args: &[&str],
        stdin: &str,
        env: &[(&str, &str)],
    ) -> Ran {
        let (io, out, err) = Io::test(stdin);
        let given = [("HEROKU_API_KEY", TOKEN)].iter().chain(env);
        let env: HashMap<String, OsString> = given.map(|(n, v)| ((*n).to_owned(), v.into())).collect();
        let config = Config::from(move |name| env.get(name).cloned());
        let stub = self.clone();
        let connector =
            Box::new(move |_: &Config, _, _| Ok(Box::new(stub.clone()) as Box<dyn Transport + Send>));
        let mut session = Session::new(io, config, connector);
        let status = crate::start(tool, run, args.iter().map(OsString::from), &mut session);
        let ran = Ran { status, out: out.text(), err: err.text() };
        self.verify(&ran);
        ran
    }
}
