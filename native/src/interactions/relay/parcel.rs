//! A request to another node whose body may be larger than one message of NATS.
//!
//! A message is a line of JSON, the head, and behind it the body. One that does not fit is announced by its head alone; who
//! takes it says where to send the pieces, and answers the last of them.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Message, RequestErrorKind};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The largest piece, and the largest body that goes with its head.
const MAX_PIECE: usize = 256 << 10;
/// What a message holds beside the piece.
const HEAD_ROOM: usize = 2 << 10;
/// How long the answer to one message may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many bodies come in pieces at once; each holds its whole length.
const AT_ONCE: usize = 16;

/// A request as it comes in.
#[derive(Debug)]
pub(super) struct Parcel<H> {
    pub(super) head: H,
    pub(super) body: Bytes,
}

/// The first line of a message.
#[derive(Debug, Serialize, Deserialize)]
struct Line<H> {
    head: H,
    /// How long the body is that comes in pieces.
    pieces_of: Option<usize>,
}

/// What is answered to a message.
#[derive(Debug, Serialize, Deserialize)]
enum Reply<A> {
    /// To the whole request.
    Answer(A),
    /// To an announcement: where the pieces go.
    SendTo(String),
    /// To a piece: the next one may come.
    Next,
    /// The request is not taken: too many are, or it is too large.
    Refused,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unheard {
    /// Nobody listens there.
    #[error("nobody listens")]
    NobodyThere,
    /// It took too long, or it was refused.
    #[error("{0}")]
    Failed(String),
}

/// Sends and takes parcels. Clones share one bound on what comes in pieces.
#[derive(Clone, Debug)]
pub(super) struct Post {
    client: Client,
    max_body: usize,
    pieces: Arc<Semaphore>,
}

impl Post {
    /// Bodies that come in are at most so long.
    pub(super) fn new(client: Client, max_body: usize) -> Self {
        Self { client, max_body, pieces: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// Returns once the server knows of all that this node listens to; `silence` is where nobody listens.
    ///
    /// Flushing alone says that the server has been sent it.
    pub(super) async fn settle(&self, silence: &'static str) {
        // The server reads one line of a connection after the other, and says at once that nobody is there.
        let _ = self.client.request(silence, Bytes::new()).await;
    }

    /// Sends a request to whoever listens at `subject`, one of them, and says what that one answered.
    pub(super) async fn ask<H: Serialize, A: DeserializeOwned>(
        &self,
        subject: &str,
        head: H,
        body: Bytes,
    ) -> Result<A, Unheard> {
        let max_piece = self.client.max_payload().saturating_sub(HEAD_ROOM).clamp(1, MAX_PIECE);
        if body.len() <= max_piece {
            let first = message(&Line { head, pieces_of: None }, &body);
            return match self.request(subject.to_owned(), first).await? {
                Reply::Answer(answer) => Ok(answer),
                _ => Err(refused()),
            };
        }
        let announcement = message(&Line { head, pieces_of: Some(body.len()) }, &[]);
        let mut reply: Reply<A> = self.request(subject.to_owned(), announcement).await?;
        let Reply::SendTo(to) = &reply else { return Err(refused()) };
        let to = to.clone();
        let mut rest = body;
        while !rest.is_empty() {
            reply = self.request(to.clone(), rest.split_to(max_piece.min(rest.len()))).await?;
            if !matches!((&reply, rest.is_empty()), (Reply::Next, false) | (Reply::Answer(_), true)) {
                return Err(refused());
            }
        }
        match reply {
            Reply::Answer(answer) => Ok(answer),
            _ => Err(refused()),
        }
    }

    /// Takes a request, be it in pieces, and answers what `answer` makes of it. One that makes no sense has no answer.
    pub(super) async fn take<H, A, F>(&self, message: Message, answer: impl FnOnce(Parcel<H>) -> F)
    where
        H: DeserializeOwned,
        A: Serialize,
        F: Future<Output = A>,
    {
        let Some(reply_to) = message.reply else { return };
        let end = message.payload.iter().position(|byte| *byte == b'\n').unwrap_or(message.payload.len());
        let Ok(Line { head, pieces_of }) = serde_json::from_slice(&message.payload[..end]) else { return };
        let (body, reply_to) = match pieces_of {
            None => (message.payload.slice((end + 1).min(message.payload.len())..), reply_to.to_string()),
            Some(length) => match self.collect(reply_to.to_string(), length).await {
                Some(collected) => collected,
                None => return,
            },
        };
        let answer = answer(Parcel { head, body }).await;
        self.reply(reply_to, &Reply::Answer(answer)).await;
    }

    /// Tells who sent a request that it is not taken now.
    pub(super) async fn refuse(&self, message: Message) {
        if let Some(reply_to) = message.reply {
            self.reply::<()>(reply_to.to_string(), &Reply::Refused).await;
        }
    }

    /// Takes the pieces of a body, and says where the answer to all of it goes.
    async fn collect(&self, reply_to: String, length: usize) -> Option<(Bytes, String)> {
        let room = Arc::clone(&self.pieces).try_acquire_owned();
        let inbox = self.client.new_inbox();
        let listening = if length <= self.max_body && room.is_ok() {
            self.client.subscribe(inbox.clone()).await.ok()
        } else {
            None
        };
        let Some(mut pieces) = listening else {
            self.reply::<()>(reply_to, &Reply::Refused).await;
            return None;
        };
        self.reply::<()>(reply_to, &Reply::SendTo(inbox)).await;
        let mut body = BytesMut::new();
        loop {
            let piece = timeout(PATIENCE, pieces.next()).await.ok()??;
            let reply_to = piece.reply?.to_string();
            if piece.payload.is_empty() || body.len() + piece.payload.len() > length {
                self.reply::<()>(reply_to, &Reply::Refused).await;
                return None;
            }
            body.extend_from_slice(&piece.payload);
            if body.len() == length {
                return Some((body.freeze(), reply_to));
            }
            self.reply::<()>(reply_to, &Reply::Next).await;
        }
    }

    async fn request<A: DeserializeOwned>(&self, subject: String, payload: Bytes) -> Result<Reply<A>, Unheard> {
        let failed = |reason: &str| Unheard::Failed(reason.to_owned());
        let answer = match timeout(PATIENCE, self.client.request(subject, payload)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => return Err(Unheard::NobodyThere),
            Ok(Err(error)) => return Err(failed(&error.to_string())),
            Err(_) => return Err(failed("it took too long")),
        };
        serde_json::from_slice(&answer.payload).map_err(|error| failed(&error.to_string()))
    }

    async fn reply<A: Serialize>(&self, to: String, reply: &Reply<A>) {
        let text = serde_json::to_vec(reply).expect("plain fields");
        // Who asked gives up by itself.
        let _ = timeout(PATIENCE, self.client.publish(to, text.into())).await;
    }
}

fn message<H: Serialize>(line: &Line<H>, body: &[u8]) -> Bytes {
    let mut message = serde_json::to_vec(line).expect("plain fields");
    message.push(b'\n');
    message.extend_from_slice(body);
    message.into()
}

fn refused() -> Unheard {
    Unheard::Failed("the other node does not take it now".into())
}

#[cfg(test)]
mod tests {
    use sanmon_engines::Nats;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn bodies_of_any_length_arrive_and_those_too_long_are_refused() {
        const MAX: usize = 2 << 20;
        let nats = Nats::start_with("max_payload: 70000");
        let posts = [(); 2].map(|()| async {
            let client = async_nats::connect(nats.url()).await.unwrap();
            Post::new(client, MAX)
        });
        let [one, other] = posts;
        let (one, other) = (one.await, other.await);
        assert_eq!(one.ask::<_, usize>("there", 1, Bytes::new()).await, Err(Unheard::NobodyThere));
        let mut heard = other.client().subscribe("there").await.unwrap();
        other.settle("elsewhere").await;
        let taking = tokio::spawn(async move {
            while let Some(message) = heard.next().await {
                let other = other.clone();
                if message.payload.starts_with(br#"{"head":77"#) {
                    other.refuse(message).await;
                    continue;
                }
                tokio::spawn(async move {
                    other
                        .take(message, async |parcel: Parcel<u8>| {
                            let sum: u64 = parcel.body.iter().map(|byte| u64::from(*byte)).sum();
                            (parcel.head, parcel.body.len(), sum)
                        })
                        .await;
                });
            }
        });
        let answered = async |length: usize| {
            let body: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let sum: u64 = body.iter().map(|byte| u64::from(*byte)).sum();
            let answer = one.ask::<_, (u8, usize, u64)>("there", 9, body.into()).await;
            (answer, (9, length, sum))
        };
        for length in [0, 1, 67_951, 67_952, 67_953, 200_000, MAX] {
            let (answer, expected) = answered(length).await;
            assert_eq!(answer, Ok(expected), "{length}");
        }
        let (too_long, _) = answered(MAX + 1).await;
        assert!(matches!(too_long, Err(Unheard::Failed(_))), "{too_long:?}");
        let busy = one.ask::<_, usize>("there", 77, Bytes::new()).await;
        assert_eq!(busy, Err(refused()), "at once, and not once nobody has answered");
        // Many at once: all arrive, or are refused at the bound.
        let many = futures_util::future::join_all((0..40).map(|_| answered(300_000))).await;
        let arrived = many.iter().filter(|(answer, expected)| answer.as_ref() == Ok(expected)).count();
        assert!((AT_ONCE..=40).contains(&arrived), "{arrived}");
        // What makes no sense has no answer, and ends nothing.
        one.client().publish_with_reply("there", "nowhere", "{".into()).await.unwrap();
        assert!(answered(5).await.0.is_ok());
        taking.abort();
    }
}
