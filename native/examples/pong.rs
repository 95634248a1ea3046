//! The bot of the README: answers every command with "Pong!".

use sanmon::interactions::{Existing, Handled, InteractionServer, Listen, Listener};
use sanmon_core::interaction::{kind::ApplicationCommand, response::MessageAnswer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = InteractionServer::builder().key(std::env::var("KEY")?.parse()?).build()?;
    let pong = Listener::new(|_| async { Handled::answer(MessageAnswer::new().content("Pong!")) });
    server.set_listener::<ApplicationCommand>(Some(pong), Existing::Kept)?;
    server.start([Listen::tcp(std::env::var("LISTEN")?.parse::<std::net::SocketAddr>()?)]).await?;
    println!("listening on {}", server.addresses()[0]);
    Ok(server.join().await?)
}
