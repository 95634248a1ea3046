//! The command `sanmon`: a server, and what an operator types.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    sanmon::cli::main()
}
