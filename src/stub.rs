//! A strict transport for tests in process: it answers what is expected, in order, and fails on the rest.

use std::collections::VecDeque;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use crate::io::lock;
use crate::transport::{Failure, Method, Request, Response, Transport};

/// Status, headers and body of an answer, or why there is none.
type Canned = Result<(u16, Vec<(String, String)>, String), Failure>;

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

    /// The headers of the requests that came, in order.
    pub(crate) fn headers(&self) -> Vec<Vec<(String, String)>> {
        lock(&self.sent).clone()
    }

    /// Fails where something was not asked for, or something else was.
    pub(crate) fn verify(&self) {
        let surprises = lock(&self.surprises);
        assert!(surprises.is_empty(), "unexpected: {surprises:?}");
        let unused: Vec<_> =
            lock(&self.expected).iter().map(|e| format!("{} {}", e.method.as_str(), e.path)).collect();
        assert!(unused.is_empty(), "never asked for: {unused:?}");
    }
}

impl Transport for Arc<Stub> {
    fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let owned = |headers: &[(&str, &str)]| {
            headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
        };
        lock(&self.sent).push(owned(request.headers));
        let body = request.body.map(|b| String::from_utf8_lossy(b).into_owned());
        let mut expected = lock(&self.expected);
        let at = expected.iter().position(|e| {
            e.method == request.method && e.path == request.path && (e.body.is_none() || e.body == body)
        });
        let Some(exchange) = at.and_then(|at| expected.remove(at)) else {
            let surprise = format!("{} {} {body:?}", request.method.as_str(), request.path);
            lock(&self.surprises).push(surprise.clone());
            return Err(Failure::Permanent { what: format!("unexpected: {surprise}"), hint: "" });
        };
        let (status, headers, answer) = exchange.answer?;
        Ok(Response { status, headers, body: Box::new(Cursor::new(answer.into_bytes())) })
    }
}
