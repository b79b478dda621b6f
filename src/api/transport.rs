//! A request to the API's host, its response, and the trait that carries them.
//!
//! A failure says whether the server can have seen the request, because that decides whether it may be sent again.

use std::io::Read;
use std::time::Duration;

use crate::sys::signals::Stop;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or rotates.
    Post,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// Returns the method's name in HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// A request to the API's host.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The path, which cannot name another host.
    pub path: &'a str,
    /// The headers, including `Authorization`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The JSON body.
    pub body: Option<&'a [u8]>,
    /// How long a pooled connection may have been idle to be used; zero asks for a new connection.
    pub idle: Duration,
    /// Ends the wait for the server soon after a signal.
    pub stop: &'a Stop,
}

/// A response whose body has not been read yet.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers, with their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, decompressed.
    pub body: Box<dyn Read>,
}

impl Response {
    /// Returns the first header of that name, which must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The server cannot have seen the request: any request may be sent again.
    NotSent(String),
    /// The server may have acted on the request.
    Lost(String),
    /// Retrying cannot help.
    Permanent {
        /// The problem.
        what: String,
        /// Advice for the user.
        hint: Option<&'static str>,
    },
}

/// Carries requests to the API's host.
pub trait Transport: Sync {
    /// Sends one request and waits for the status and headers of its response. Any status is a success here.
    ///
    /// # Errors
    /// A [`Failure`] if there is no response.
    fn send(&self, request: &Request<'_>) -> Result<Response, Failure>;

    /// Begins to open connections for requests that will be sent soon, and does not wait for them. `stop` ends the
    /// attempts.
    fn connect_ahead(&self, _count: usize, _stop: &Stop) {}
}
