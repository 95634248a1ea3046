//! NATS and PostgreSQL for tests that are not written in Rust: says where they are, and ends them when its input ends.

use std::io::{Read as _, Write as _};

use sanmon_engines::{Nats, Postgres};

fn main() -> std::io::Result<()> {
    let (nats, postgres) = (Nats::start(), Postgres::start());
    println!(r#"{{"nats":"{}","postgres":"{}"}}"#, nats.url(), postgres.database());
    std::io::stdout().flush()?;
    // Nothing comes; it ends with whoever holds the other end.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
