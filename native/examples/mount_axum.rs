//! An interactions server as one route of an axum application.
//!
//! `cargo run --example mount_axum -- APPLICATION_ID=PUBLIC_KEY 127.0.0.1:8080`

use std::error::Error;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::{any, get};
use sanmon::interactions::{Existing, Handled, InteractionServer, Listener};
use sanmon_core::interaction::kind::ApplicationCommand;
use sanmon_core::interaction::response::MessageAnswer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let key = arguments.next().ok_or("first argument: APPLICATION_ID=PUBLIC_KEY")?.parse()?;
    let address = arguments.next().ok_or("second argument: an address to listen on")?;

    // It is never started: axum listens.
    let server = InteractionServer::builder().key(key).build()?;
    let ping = Listener::new(|_| async { Handled::answer(MessageAnswer::new().content("Pong!")) });
    server.set_listener::<ApplicationCommand>(Some(ping), Existing::Kept)?;

    let interactions = any(move |request: Request| async move { server.hook(request).await.map(Body::new) });
    let app = Router::new().route("/", get(|| async { "a bot lives here" })).route("/interactions", interactions);
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
