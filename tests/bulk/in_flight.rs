//! How many requests a run sends while a result is slow: few if results carry secrets, more otherwise.

use std::time::Duration;

use super::{Held, active, rows, server, stall, undelivered};

/// Long enough for a run to go too far. A run that stops where it should passes, however slow the machine is.
const A_MOMENT: Duration = Duration::from_millis(300);
const IN_FLIGHT: u64 = 2;

/// Starts a run of about 40 whose first result takes `ms`, and waits until `may` requests have come; returns how many did.
fn behind_a_slow_one(
    name: &str,
    place: &str,
    endpoint: &str,
    ms: u32,
    may: u64,
) -> (oauth_tools::sandbox::Server, Held, u64) {
    let all = active(&server(60, &[], 0));
    let fault = format!("slow@{}:ms={ms}", place.replace("{id}", &all[0]));
    let server = server(60, &[&fault], 0);
    let mut held = Held::start(&server, name, &["-P", &IN_FLIGHT.to_string()]);
    held.feed(&rows(&all));
    let begun = || server.stats().requests(endpoint);
    while begun() < may && !held.program.has_ended() {
        std::thread::yield_now();
    }
    std::thread::sleep(A_MOMENT);
    let begun = begun();
    (server, held, begun)
}

#[test]
fn no_more_new_secrets_wait_than_requests_are_in_flight() {
    let place = "POST /oauth/authorizations/{id}/actions/regenerate-tokens$";
    let endpoint = "POST /oauth/authorizations/{id}/actions/regenerate-tokens";
    let (server, held, begun) = behind_a_slow_one("oauth-rot", place, endpoint, 3000, IN_FLIGHT);
    assert_eq!(begun, IN_FLIGHT);
    // The reader is gone when the first result comes: only the requests that were sent are lost.
    drop(held.stdout);
    let ran = held.program.ended().exits(1);
    assert_eq!(undelivered(&ran.err).len() as u64, IN_FLIGHT, "{}", ran.err);
    assert_eq!(server.stats().applied(endpoint), IN_FLIGHT);
}

#[test]
fn no_more_new_secrets_wait_if_the_output_is_not_read() {
    let server = server(400, &[], 0);
    let mut held = Held::start(&server, "oauth-rot", &["-P", "8"]);
    held.feed(&rows(&active(&server)));
    stall(&server);
    drop(held.stdout);
    let ran = held.program.ended().exits(1);
    assert_eq!(undelivered(&ran.err).len(), 8, "{}", ran.err);
}

#[test]
fn four_times_as_many_results_without_secrets_may_wait() {
    let (place, endpoint) = ("DELETE /oauth/authorizations/{id}$", "DELETE /oauth/authorizations/{id}");
    let (_server, mut held, begun) = behind_a_slow_one("oauth-rm", place, endpoint, 20_000, 4 * IN_FLIGHT);
    assert_eq!(begun, 4 * IN_FLIGHT);
    held.program.kill();
}
