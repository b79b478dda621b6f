//! One connection: reads requests and sends responses until either side closes it.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::sandbox::account::clock;
use crate::sandbox::faults::spec::FaultKind;
use crate::sandbox::hostile;
use crate::sandbox::shared::Shared;
use crate::sandbox::wire::http::{Connection, Request, RequestError, Response};
use crate::sandbox::wire::route::Route;

/// The time a connection may be idle.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The time a peer may take to accept bytes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves a connection until it is closed.
pub(in crate::sandbox) fn serve(stream: TcpStream, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(IDLE_TIMEOUT));
    let _ = stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let mut connection = Connection::new(stream);
    while !shared.stopping() {
        let request = match connection.read() {
            Ok(request) => request,
            Err(RequestError::Closed) => return,
            Err(RequestError::Refused(response)) => {
                let response = add_common_headers(response, shared, &Request::default());
                let _ = connection.send(&response, true);
                return connection.close();
            }
        };
        let route = Route::of(&request.path);
        let pattern = route.as_ref().map_or("(unknown)", Route::pattern);
        let endpoint = format!("{} {pattern}", request.method);
        shared.counters.begin(&endpoint);
        let keep_open = handle(&mut connection, shared, &request, route.as_ref(), &endpoint);
        shared.counters.end();
        if !keep_open.unwrap_or(false) {
            return;
        }
    }
}

/// Handles one request, with the fault that hits it; returns whether the connection stays open.
fn handle(
    connection: &mut Connection,
    shared: &Shared,
    request: &Request,
    route: Option<&Route>,
    endpoint: &str,
) -> io::Result<bool> {
    let picked = shared.faults.pick(&request.method, &request.path);
    for spec in &picked.fired {
        shared.counters.fault(spec);
    }
    let respond = || {
        let response = shared.api.respond(request, route);
        if response.applied {
            shared.counters.applied(endpoint);
        }
        response
    };
    let response = picked.kind.as_ref().is_none_or(FaultKind::applied).then(respond);
    let delay = shared.api.settings.latency.saturating_add(picked.delay);
    if !delay.is_zero() {
        shared.pause(delay);
    }
    let response = match (&picked.kind, response) {
        (None, Some(response)) => response,
        (None, None) => return Ok(false),
        (Some(kind), response) => hostile::replace(kind, shared, request, response),
    };
    let response = add_common_headers(response, shared, request);
    match &picked.kind {
        Some(FaultKind::Late(after)) => {
            // Close the connection first: the client's next request must not wait for this one. Errors do not matter,
            // because the request is applied even if the client has gone.
            let _ = connection.send(&response, true);
            let _ = connection.stream.shutdown(Shutdown::Both);
            shared.pause(*after);
            respond();
            Ok(false)
        }
        Some(kind) => hostile::send(kind, connection, shared, request, &response),
        None => connection.send(&response, request.close).map(|()| !request.close),
    }
}

/// Adds the headers that every response has.
pub(in crate::sandbox) fn add_common_headers(
    mut response: Response,
    shared: &Shared,
    request: &Request,
) -> Response {
    let is_valid = |id: &&str| {
        let fits = (1..=64).contains(&id.len());
        fits && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let id = request.header("Request-Id").filter(is_valid);
    let id = id.map_or_else(|| shared.request_id(), str::to_owned);
    let remaining = if response.status == 429 { 0 } else { shared.api.quota.remaining() };
    response = response
        .with("Date", &clock::imf_fixdate(clock::now()))
        .with("Request-Id", &id)
        .with("RateLimit-Remaining", &remaining.to_string());
    match &shared.api.settings.warning {
        Some(warning) => response.with("Warning-Message", warning),
        None => response,
    }
}
