//! Ports that stay an engine's own while it is restarted.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::Fault;

/// Below what the system gives to outgoing connections: one that is tried while the engine is away could else be given the
/// engine's own port, and would keep it from coming back.
const FIRST: u16 = 12_000;
const COUNT: u16 = 19_000;

/// A port on 127.0.0.1 that nobody listens on.
pub(crate) fn free() -> Result<u16, Fault> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that start at once begin far from each other.
    let begin = (std::process::id().wrapping_mul(7919) % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (begin + step) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Fault::Port)
}
