//! One connection: requests in, answers out, until either side has enough.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::PoisonError;
use std::time::Duration;

use crate::sandbox::account::clock;
use crate::sandbox::faults::spec::What;
use crate::sandbox::hostile;
use crate::sandbox::server::Shared;
use crate::sandbox::wire::http::{Connection, NoRequest, Reply, Request};
use crate::sandbox::wire::route::Route;

/// How long a connection may be silent.
const IDLE: Duration = Duration::from_secs(60);
/// How long a peer may take to accept bytes.
const WRITE: Duration = Duration::from_secs(10);

/// Serves a connection to its end.
pub(in crate::sandbox) fn serve(stream: TcpStream, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(IDLE));
    let _ = stream.set_write_timeout(Some(WRITE));
    let mut connection = Connection::new(stream);
    while !shared.stopping() {
        let request = match connection.read() {
            Ok(request) => request,
            Err(NoRequest::Gone) => return,
            Err(NoRequest::Refused(reply)) => {
                let reply = dress(reply, shared, &Request::default());
                let _ = connection.send(&reply, true);
                return connection.close();
            }
        };
        let route = Route::of(&request.path);
        let pattern = route.as_ref().map_or("(unknown)", Route::pattern);
        let endpoint = format!("{} {pattern}", request.method);
        shared.counters.begin(&endpoint);
        let going_on = exchange(&mut connection, shared, &request, route.as_ref(), &endpoint);
        shared.counters.end();
        if !going_on.unwrap_or(false) {
            return;
        }
    }
}

/// Answers one request; says whether the connection goes on.
fn exchange(
    connection: &mut Connection,
    shared: &Shared,
    request: &Request,
    route: Option<&Route>,
    endpoint: &str,
) -> io::Result<bool> {
    let picked = shared.faults.pick(&request.method, &request.path);
    for spec in &picked.specs {
        shared.counters.fault(spec);
    }
    let answer = || {
        let reply = shared.api.answer(request, route);
        if reply.applied {
            shared.counters.applied(endpoint);
        }
        reply
    };
    let reply = picked.what.as_ref().is_none_or(What::applied).then(answer);
    let hold = shared.api.settings.latency.saturating_add(picked.late);
    if !hold.is_zero() {
        shared.pause(hold);
    }
    let reply = match (&picked.what, reply) {
        (None, Some(reply)) => reply,
        (None, None) => return Ok(false),
        (Some(what), reply) => hostile::replace(what, shared, request, reply),
    };
    let reply = dress(reply, shared, request);
    match &picked.what {
        Some(What::Late(after)) => {
            // The connection ends with its answer, for what is sent next must not wait for what is done here; whether
            // it had ended before changes nothing.
            let _ = connection.send(&reply, true);
            let _ = connection.stream.shutdown(Shutdown::Both);
            shared.pause(*after);
            answer();
            Ok(false)
        }
        Some(what) => hostile::send(what, connection, shared, request, &reply),
        None => connection.send(&reply, request.close).map(|()| !request.close),
    }
}

/// Adds the headers every answer has.
pub(in crate::sandbox) fn dress(mut reply: Reply, shared: &Shared, request: &Request) -> Reply {
    let sane = |id: &&str| {
        let fits = (1..=64).contains(&id.len());
        fits && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let id = match request.header("Request-Id").filter(sane) {
        Some(id) => id.to_owned(),
        None => shared.request_ids.lock().unwrap_or_else(PoisonError::into_inner).uuid(),
    };
    let spent = reply.status == 429;
    let remaining = if spent { 0 } else { shared.api.quota.remaining() };
    reply = reply
        .with("Date", &clock::imf_fixdate(clock::now()))
        .with("Request-Id", &id)
        .with("RateLimit-Remaining", &remaining.to_string());
    match &shared.api.settings.warning {
        Some(warning) => reply.with("Warning-Message", warning),
        None => reply,
    }
}
