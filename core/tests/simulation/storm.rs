//! Everyone at once: the clients of a server that crashes come back with their real back-off, and resume.
//!
//! One server, one client a user, a hundred users a guild. The server crashes just after it committed events that it sent to
//! nobody, is gone for two seconds, and publishes on while the clients return. `CLIENTS=100000` makes the long run.

mod crowd;
mod server;

use std::time::Duration;

use self::crowd::{Crowd, Outcome};
use super::variable;

/// Clients of an ordinary test run.
const CLIENTS: u64 = 10_000;
/// How long the server is gone.
const DOWN: Duration = Duration::from_secs(2);

/// Lets a server with room for so many new connections a second crash under its clients.
fn crash(rate: Option<u64>) -> Outcome {
    let clients = variable("CLIENTS").unwrap_or(CLIENTS);
    let mut crowd = Crowd::new(clients as u32, 7);
    crowd.gather();
    crowd.crash(DOWN, rate);
    let outcome = crowd.outcome();
    let room = rate.map_or("any number of".to_owned(), |rate| rate.to_string());
    println!("a server that takes {room} connections a second: {outcome}");
    assert_eq!((outcome.resumed, outcome.resets), (clients, 0), "everyone resumes, nobody starts anew");
    outcome
}

#[test]
fn all_clients_of_a_crashed_server_resume() {
    let outcome = crash(None);
    // Delays of half a second, then three quarters, then more: so wide is the wave that comes back.
    let clients = variable("CLIENTS").unwrap_or(CLIENTS);
    assert!(outcome.peak_per_second < clients * 9 / 10, "the wave is spread: {outcome:?}");
    // A large crowd waits for the store as well, which answers two questions of each.
    let store = Duration::from_secs(clients / 10_000);
    assert!(outcome.half_resumed_after < Duration::from_secs(3) + store, "{outcome:?}");
    assert!(outcome.all_resumed_after < Duration::from_secs(20) + store, "{outcome:?}");
}

#[test]
fn all_clients_of_a_crashed_server_resume_although_it_takes_few_at_once() {
    let clients = variable("CLIENTS").unwrap_or(CLIENTS);
    let rate = clients / 20;
    let outcome = crash(Some(rate));
    assert!(outcome.all_resumed_after < Duration::from_secs(120), "{outcome:?}");
}
