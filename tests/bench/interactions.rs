//! Processor time of signed interactions, side by side with other servers that do the same.

mod bodies;
mod load;
mod peers;
mod table;

use std::error::Error;
use std::io;
use std::time::Duration;

use sanmon_core::interaction::{ApplicationKey, Keypair};

use self::bodies::Kind;
use self::load::Generator;
use self::peers::Peer;
use self::table::Table;
use crate::process;
use crate::session::Session;

/// Rounds that count. Each asks every server every kind of body once, and each begins with another server.
const ROUNDS: usize = 5;
/// Requests of one measurement.
const REQUESTS: usize = 4_000;
/// Requests of the round that comes first and does not count.
const WARM_UP: usize = 1_000;

pub(crate) async fn run(session: &Session) -> Result<(), Box<dyn Error>> {
    println!("interactions: processor time of a server's process, user and system, for 1,000 signed requests");
    let pair = Keypair::from_seed([1; 32])?;
    let servers = peers::start(session, &pair.public_key_hex()).await?;
    for server in &servers {
        println!("  {}: {}", server.name, server.what);
    }
    let (rounds, requests, warm_up) = session.pick((ROUNDS, REQUESTS, WARM_UP), (1, 40, 8));
    println!("  {rounds} rounds of {requests} requests, {} connections that are kept", load::CONNECTIONS);
    let progress = session.progress("interactions", (rounds + 1) * Kind::ALL.len());

    let mut table = Table::new(servers.iter().map(|server| server.name).collect());
    let mut ids = bodies::Ids::default();
    for round in 0..=rounds {
        let requests = if round == 0 { warm_up } else { requests };
        for kind in Kind::ALL {
            progress.step(kind.name());
            // Signed before anything is measured, and the same for each server.
            let signed = bodies::signed(kind, requests, &pair, &mut ids);
            for turn in 0..servers.len() {
                let index = (turn + round) % servers.len();
                let server = &servers[index];
                if !server.takes(kind) {
                    continue;
                }
                let spent = measure(server, kind, &signed).await?;
                if round > 0 {
                    table.add(index, kind, spent.mul_f64(1000.0 / requests as f64));
                }
            }
        }
    }
    drop(progress);
    println!("\n{table}");
    println!("Of Sanmon's times, {} are for verifying 1,000 signatures of pings.\n", millis(verifying(&pair)?));
    Ok(())
}

/// Processor time that a server's process spends on these requests.
async fn measure(server: &Peer, kind: Kind, signed: &[Vec<u8>]) -> io::Result<Duration> {
    let first_line = format!("POST {} HTTP/1.1\r\n", server.path).into_bytes();
    let requests: Vec<Vec<u8>> = signed.iter().map(|rest| [&first_line[..], rest].concat()).collect();
    let mut generator = Generator::connect(server.address).await?;
    let before = process::cpu(server.pid())?;
    generator.run(&requests, kind).await.map_err(|error| io::Error::other(format!("{}: {error}", server.name)))?;
    Ok(process::cpu(server.pid())?.saturating_sub(before))
}

/// Processor time that this process spends on verifying the signatures of 1,000 pings, and on nothing else.
fn verifying(pair: &Keypair) -> Result<Duration, Box<dyn Error>> {
    const THOUSANDS: u32 = 10;
    let key = ApplicationKey::of_any_application(pair.public_key())?;
    let body = bodies::ping();
    let signature = pair.sign(b"1800000000", body.as_bytes());
    let before = process::cpu(std::process::id())?;
    for _ in 0..1000 * THOUSANDS {
        assert!(key.verify(std::hint::black_box(&signature), b"1800000000", body.as_bytes()));
    }
    Ok(process::cpu(std::process::id())?.saturating_sub(before) / THOUSANDS)
}

fn millis(duration: Duration) -> String {
    format!("{:.0} ms", duration.as_secs_f64() * 1e3)
}
