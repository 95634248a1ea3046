//! The command line: one file a command, all of them thin calls of the library or of the HTTP API.

mod api;
mod arguments;
mod backup;
mod channel;
mod check_config;
mod completions;
mod failure;
mod guild;
mod interaction;
mod invite;
mod keygen;
mod listen;
mod mistake;
mod operator_key;
mod output;
mod presence;
mod publish;
mod serve;
mod session;
#[expect(rustdoc::bare_urls, reason = "the texts are those of --help, too")]
mod target;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::failure::Failure;

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  failed on this machine: a file, an address in use, a data folder in use
  2  wrong arguments or configuration
  3  refused by the server: not allowed, not found, not valid
  4  the server can't be reached or could not do it: try again

Commands reach a server by --url and --key (SANMON_URL, SANMON_KEY), or by --data DIR through the socket that \
a running server keeps in its data folder.";

/// A realtime gateway for chat platforms and bots.
#[derive(Debug, Parser)]
#[command(name = "sanmon", version, arg_required_else_help = true, after_help = AFTER_HELP, max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Serve>),
    #[command(subcommand)]
    Session(session::Session),
    #[command(subcommand)]
    OperatorKey(operator_key::OperatorKey),
    Publish(publish::Publish),
    Listen(listen::Listen),
    #[command(subcommand)]
    Guild(guild::Guild),
    #[command(subcommand)]
    Channel(channel::Channel),
    #[command(subcommand)]
    Invite(invite::Invite),
    #[command(subcommand)]
    User(user::User),
    Presence(presence::Presence),
    #[command(subcommand)]
    Interaction(interaction::Interaction),
    Keygen(keygen::Keygen),
    Backup(backup::Backup),
    CheckConfig(Box<check_config::CheckConfig>),
    Completions(completions::Completions),
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| mistake::without_secrets(error).exit());
    match cli.command.run() {
        Ok(()) | Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            failure.exit_code()
        }
    }
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        match self {
            Self::Serve(serve) => serve.run(),
            Self::CheckConfig(check) => check.run(),
            Self::Keygen(keygen) => keygen.run(),
            Self::Completions(completions) => completions.run(),
            client => client_runtime()?.block_on(client.run_as_client()),
        }
    }

    async fn run_as_client(self) -> Result<(), Failure> {
        match self {
            Self::Session(command) => command.run().await,
            Self::OperatorKey(command) => command.run().await,
            Self::Publish(command) => command.run().await,
            Self::Listen(command) => command.run().await,
            Self::Guild(command) => command.run().await,
            Self::Channel(command) => command.run().await,
            Self::Invite(command) => command.run().await,
            Self::User(command) => command.run().await,
            Self::Presence(command) => command.run().await,
            Self::Interaction(command) => command.run().await,
            Self::Backup(command) => command.run().await,
            Self::Serve(_) | Self::CheckConfig(_) | Self::Keygen(_) | Self::Completions(_) => {
                unreachable!("these have no server to talk to")
            }
        }
    }
}

fn client_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Local(error.to_string()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }
}
