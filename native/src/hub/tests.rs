//! The hub as clients see it.

mod arriving;
mod bench;
mod catching_up;
mod ending;
mod presence;
mod slow;

use tokio_tungstenite::tungstenite::Error;

use self::bench::{Bench, Client};
use crate::listen::Io;

/// With which status and Retry-After an upgrade from this address is refused.
async fn refusal(bench: &Bench, address: &str) -> (u16, Option<String>) {
    let (client, server, _) = Bench::tcp().await;
    bench.serve(Io::Tcp(server), address.parse().ok());
    match Client::upgrade(client, None).await {
        Err(Error::Http(response)) => {
            let after = response.headers().get("retry-after").map(|after| after.to_str().unwrap().to_owned());
            (response.status().as_u16(), after)
        }
        other => panic!("instead of a refusal: {:?}", other.map(|_| "an upgrade")),
    }
}
