//! Too many connections from one address: whose count, what those beyond are told, and how often it is logged.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::warn;

use crate::addresses::{Addresses, Place};
use crate::clock::Clock;
use crate::config::{Config, TrustedProxy};
use crate::tally::Tally;

/// Connections that are told so at once; further ones are closed without a word, so that refusing costs nothing.
const ANSWERS: usize = 64;
/// How long one may take to ask, to read the answer and to close.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// When a client is told to try again, in seconds.
const RETRY_AFTER_S: u32 = 5;

/// Counts the connections of each address, but for those of trusted proxies and of unix sockets, which stand for many.
#[derive(Debug)]
pub(crate) struct Crowd {
    addresses: Arc<Addresses>,
    trusted_proxies: Vec<TrustedProxy>,
    answers: Arc<Semaphore>,
    clock: Clock,
    refused: Tally,
}

/// The address has as many connections as one may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crowded(pub(super) IpAddr);

impl Crowd {
    pub(crate) fn new(config: &Config, clock: Clock) -> Self {
        Self {
            addresses: Addresses::new(config.max_http_connections_per_address),
            trusted_proxies: config.trusted_proxies.clone(),
            answers: Arc::new(Semaphore::new(ANSWERS)),
            clock,
            refused: Tally::default(),
        }
    }

    /// A place for a connection from `address`; none is needed where it does not count.
    pub(super) fn admit(&self, address: Option<IpAddr>) -> Result<Option<Place>, Crowded> {
        let counted = address.filter(|_| !self.trusted_proxies.iter().any(|proxy| proxy.is(address)));
        match counted {
            Some(address) => self.addresses.admit(address).map(Some).ok_or(Crowded(address)),
            None => Ok(None),
        }
    }

    /// Says so in the log, unless it did lately.
    pub(super) fn log(&self, Crowded(address): Crowded) {
        if let Some(refused) = self.refused.note(self.clock.now()) {
            warn!(%address, refused, "refused connections beyond max_http_connections_per_address");
        }
    }

    /// Answers a connection that speaks plain HTTP by 429 and closes it.
    pub(super) fn turn_away(&self, stream: TcpStream) {
        if let Ok(permit) = Arc::clone(&self.answers).try_acquire_owned() {
            tokio::spawn(async move {
                // Whoever is gone needs no answer.
                let _ = timeout(ANSWER_TIMEOUT, answer(stream)).await;
                drop(permit);
            });
        }
    }
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let body = r#"{"error":{"code":"too_many_connections","message":"too many connections from this address"}}"#;
    let text = format!(
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: {RETRY_AFTER_S}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut unread = [0; 4096];
    // Clients take an answer that comes before they asked for a fault of the connection.
    if stream.read(&mut unread).await? == 0 {
        return Ok(());
    }
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await?;
    // What is unread when a socket closes makes the kernel reset it, and the answer may be lost.
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stands_for_many_does_not_count() {
        let config = Config {
            max_http_connections_per_address: 1,
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..Config::default()
        };
        let crowd = Crowd::new(&config, Clock::start());
        let (client, proxy) = ("192.0.2.1".parse().unwrap(), "10.0.0.1".parse().ok());
        let place = crowd.admit(Some(client)).unwrap();
        assert!(place.is_some());
        assert_eq!(crowd.admit(Some(client)).unwrap_err(), Crowded(client));
        for _ in 0..3 {
            assert!(crowd.admit(proxy).unwrap().is_none());
            assert!(crowd.admit(None).unwrap().is_none());
        }
        drop(place);
        assert!(crowd.admit(Some(client)).is_ok());
    }
}
