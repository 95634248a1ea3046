//! Prints the events of a session as they arrive: `cargo run --example tail -- http://127.0.0.1:8080 SESSION_ID`.

use futures_util::StreamExt;
use sanmon::client::{Client, ConnectError, Update};

#[tokio::main]
async fn main() -> Result<(), ConnectError> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(session_id)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: tail URL SESSION_ID");
        std::process::exit(2);
    };
    let mut client = Client::builder(url).session(session_id).connect()?;
    while let Some(update) = client.next().await {
        match update {
            Update::Event(event) => println!("{}", event.to_json()),
            Update::Reset => println!("-- some events were lost; READY and all guilds follow"),
            Update::Trouble(error) => println!("-- {error}; trying again"),
            Update::Ended(reason) => println!("-- {reason}"),
            _ => {}
        }
    }
    Ok(())
}
