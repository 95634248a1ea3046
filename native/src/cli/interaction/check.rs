//! `sanmon interaction check`: what the platform tries before it takes an endpoint.

use std::time::Duration;

use crate::clock::Clock;
use clap::Args;
use reqwest::Response;
use sanmon_core::interaction::Keypair;
use serde_json::Value;

use super::send::{Asker, Endpoint};
use super::{Signed, Signer};
use crate::cli::failure::Failure;
use crate::cli::output::say;

/// How long the platform waits.
const PATIENCE: Duration = Duration::from_secs(3);
const PING: &[u8] = br#"{"type":1}"#;

/// Try an endpoint as the platform does before it takes it, and say what is wrong.
///
/// A valid ping must be answered by a pong; a bad signature, an altered body and missing headers by 401. Exits with 3 if
/// something is wrong.
#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    #[command(flatten)]
    endpoint: Endpoint,
    #[command(flatten)]
    signer: Signer,
}

impl Check {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let asker = self.endpoint.open()?;
        let signer = self.signer;
        let mut wrong = 0;
        let mut tell = |what: &str, verdict: Result<(), String>| {
            let line = match verdict {
                Ok(()) => format!("ok     {what}"),
                Err(problem) => {
                    wrong += 1;
                    format!("wrong  {what}: {problem}")
                }
            };
            say(&line)
        };
        tell("a valid ping is answered", ping(&asker, &signer).await?)?;
        for (what, signed) in forged(&signer)? {
            tell(what, refused(asker.ask(&signed).await?))?;
        }
        let signed = signer.sign(PING.to_vec());
        for (what, headers) in [
            ("no signature is refused", &[("x-signature-timestamp", &signed.timestamp)][..]),
            ("no timestamp is refused", &[("x-signature-ed25519", &signed.signature)][..]),
            ("no headers are refused", &[][..]),
        ] {
            tell(what, refused(asker.post(headers, PING.to_vec()).await?))?;
        }
        match wrong {
            0 => Ok(()),
            _ => Err(Failure::Refused { code: "check_failed".into(), message: format!("{wrong} of 7 are wrong") }),
        }
    }
}

async fn ping(asker: &Asker, signer: &Signer) -> Result<Result<(), String>, Failure> {
    let clock = Clock::start();
    let began = clock.now();
    let answer = asker.ask(&signer.sign(PING.to_vec())).await?;
    let took = clock.now().since(began);
    let status = answer.status().as_u16();
    let is_json =
        answer.headers().get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let text = answer.text().await.unwrap_or_default();
    let pong = serde_json::from_str::<Value>(&text).is_ok_and(|answer| answer["type"] == 1);
    Ok(if status == 401 {
        Err("401: the endpoint has another public key than the one of this secret".into())
    } else if status != 200 {
        Err(format!("status {status} instead of 200: {text}"))
    } else if !is_json {
        Err("the content type is not application/json".into())
    } else if !pong {
        Err(format!("not {{\"type\":1}} but {text}"))
    } else if took > PATIENCE {
        Err(format!("it took {} ms, and the platform waits 3,000", took.as_millis()))
    } else {
        Ok(())
    })
}

/// Signatures that must not be taken.
fn forged(signer: &Signer) -> Result<[(&'static str, Signed); 3], Failure> {
    let stranger = Keypair::from_seed([0x5a; 32]).map_err(|error| Failure::Local(error.to_string()))?;
    let other = Signer { secret: stranger }.sign(PING.to_vec());
    let mut altered = signer.sign(PING.to_vec());
    altered.body.push(b' ');
    let mut moved = signer.sign(PING.to_vec());
    moved.timestamp.push('0');
    Ok([
        ("another key's signature is refused", other),
        ("an altered body is refused", altered),
        ("an altered timestamp is refused", moved),
    ])
}

fn refused(answer: Response) -> Result<(), String> {
    match answer.status().as_u16() {
        401 => Ok(()),
        200 => Err("it was answered 200: signatures are not verified".into()),
        status => Err(format!("status {status} instead of 401")),
    }
}
