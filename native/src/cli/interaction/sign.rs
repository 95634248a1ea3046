//! `sanmon interaction sign`: the headers of a signed request.

use clap::Args;

use super::{Payload, Signer};
use crate::cli::failure::Failure;
use crate::cli::output::write;

/// Print the headers that sign a body, and the body.
///
/// For use with other programs: the first lines are the headers, the body follows after an empty line.
#[derive(Debug, Args)]
pub(in crate::cli) struct Sign {
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    payload: Payload,
}

impl Sign {
    pub(super) fn run(self) -> Result<(), Failure> {
        let signed = self.signer.sign(self.payload.read()?);
        let body = String::from_utf8(signed.body).map_err(|_| Failure::Usage("the body is not UTF-8".into()))?;
        write(&format!(
            "Content-Type: application/json\nX-Signature-Ed25519: {}\nX-Signature-Timestamp: {}\n\n{body}",
            signed.signature, signed.timestamp
        ))
    }
}
