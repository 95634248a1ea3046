//! A bot with a command that completes an option, a modal, and an answer that comes after a while.
//!
//! `cargo run --example bot -- APPLICATION_ID=PUBLIC_KEY 127.0.0.1:8080`, then try it with `sanmon interaction send`.

use std::error::Error;
use std::time::Duration;

use sanmon::interactions::{Existing, Handled, InteractionServer, Listen, Listener};
use sanmon_core::interaction::kind::{ApplicationCommand, Autocomplete, ModalSubmit};
use sanmon_core::interaction::model::{Interaction, Label, TextInput};
use sanmon_core::interaction::response::{Choice, Choices, DeferredMessage, InvalidAnswer, MessageAnswer, Modal};

const TEAS: [&str; 4] = ["assam", "darjeeling", "gunpowder", "sencha"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let key = arguments.next().ok_or("first argument: APPLICATION_ID=PUBLIC_KEY")?.parse()?;
    let address: std::net::SocketAddr = arguments.next().ok_or("second argument: an address to listen on")?.parse()?;

    let server = InteractionServer::builder().key(key).build()?;
    // A listener that is late is deferred by the server; its answer then replaces the deferral.
    let command = Listener::new(on_command).deferring(DeferredMessage::new())?;
    server.set_listener::<ApplicationCommand>(Some(command), Existing::Kept)?;
    server.set_listener::<Autocomplete>(Some(Listener::new(complete)), Existing::Kept)?;
    server.set_listener::<ModalSubmit>(Some(Listener::new(on_order)), Existing::Kept)?;

    server.start([Listen::tcp(address)]).await?;
    println!("listening on {}", server.addresses()[0]);
    tokio::signal::ctrl_c().await?;
    server.close().await?;
    Ok(())
}

async fn on_command(command: Interaction<ApplicationCommand>) -> Result<Handled<ApplicationCommand>, InvalidAnswer> {
    match command.data.name.as_str() {
        "order" => Handled::answer(
            Modal::new("order", "Which tea?").with(Label::new("Tea", TextInput::short("tea").max_length(50))),
        ),
        "brew" => Ok(Handled::answer(DeferredMessage::new())?.then(async {
            // Here a bot would do what takes long, and edit the deferred answer through the platform's REST API.
            tokio::time::sleep(Duration::from_millis(200)).await;
            println!("the tea is ready");
        })),
        _ => {
            let tea = command.data.option("tea").and_then(|tea| tea.as_str()).unwrap_or("tea");
            Handled::answer(MessageAnswer::new().content(format!("A cup of {tea}.")).ephemeral())
        }
    }
}

async fn complete(command: Interaction<Autocomplete>) -> Result<Handled<Autocomplete>, InvalidAnswer> {
    let typed = command.data.focused().map(|focused| focused.text.into_owned()).unwrap_or_default();
    let teas = TEAS.into_iter().filter(|tea| tea.starts_with(&typed));
    Handled::answer(teas.fold(Choices::new(), |choices, tea| choices.with(Choice::new(tea, tea))))
}

async fn on_order(order: Interaction<ModalSubmit>) -> Result<Handled<ModalSubmit>, InvalidAnswer> {
    let tea = order.data.text("tea").unwrap_or("nothing");
    Handled::answer(MessageAnswer::new().content(format!("Ordered: {tea}.")))
}
