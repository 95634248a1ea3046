//! Backends that publish numbered events without a pause, through whatever happens to the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;

use super::crowd::Crowd;
use super::ledger::Ledger;
use crate::{Api, Server};

/// How long a publisher waits before it tries again what got no answer.
const AGAIN: Duration = Duration::from_millis(20);

/// What a publisher does about a publish that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It says it again under the same idempotency key until there is an answer, as a careful backend does.
    Insists,
    /// It goes on; nobody knows whether that publish took place.
    GoesOn,
}

/// Backends at work.
#[derive(Debug)]
pub struct Publishers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    refusals: Arc<AtomicU64>,
    unknown: Arc<AtomicU64>,
}

/// How much they publish.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Backends of each manner.
    pub each: usize,
    /// Events in one publish.
    pub batch: u64,
    /// The pause between two publishes.
    pub pause: Duration,
    /// Bytes that each event carries beside its number.
    pub filler: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { each: 1, batch: 2, pause: Duration::from_millis(10), filler: 0 }
    }
}

impl Publishers {
    /// Starts backends of both manners, which are to reach the crowd.
    pub fn start(server: &Server, crowd: &Crowd, ledger: &Arc<Ledger>, pace: Pace) -> Self {
        Self::over(vec![server.operator()], crowd, ledger, pace)
    }

    /// The same over several servers, one after the other; who gets no answer from one asks the next.
    pub fn start_among(servers: &[Server], crowd: &Crowd, ledger: &Arc<Ledger>, pace: Pace) -> Self {
        Self::over(servers.iter().map(Server::operator).collect(), crowd, ledger, pace)
    }

    fn over(operators: Vec<Api>, crowd: &Crowd, ledger: &Arc<Ledger>, pace: Pace) -> Self {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let stop = Arc::<AtomicBool>::default();
        let (refusals, unknown) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let start = |index: usize, manner| {
            let publisher = Publisher {
                operators: operators.clone(),
                crowd: crowd.clone(),
                ledger: Arc::clone(ledger),
                pace,
                manner,
                refusals: Arc::clone(&refusals),
                unknown: Arc::clone(&unknown),
                name: format!("{run}-{index}-{manner:?}"),
            };
            tokio::spawn(publisher.run(Arc::clone(&stop)))
        };
        let tasks = (0..pace.each)
            .flat_map(|index| [Manner::Insists, Manner::GoesOn].map(|manner| start(index, manner)))
            .collect();
        Self { stop, tasks, refusals, unknown }
    }

    /// Publishes that were refused so far.
    pub fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// Publishes among them of which the server said that it does not know whether they took place.
    pub fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }

    /// Lets each end the publish that it is at, and ends.
    pub async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            crate::within("a publisher to end", task).await.expect("a publisher");
        }
    }
}

struct Publisher {
    operators: Vec<Api>,
    crowd: Crowd,
    ledger: Arc<Ledger>,
    pace: Pace,
    manner: Manner,
    refusals: Arc<AtomicU64>,
    unknown: Arc<AtomicU64>,
    name: String,
}

impl Publisher {
    async fn run(self, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            self.publish().await;
            tokio::time::sleep(self.pace.pause).await;
        }
    }

    async fn publish(&self) {
        let sent: Vec<_> = (0..self.pace.batch)
            .map(|_| {
                let number = self.ledger.number();
                (number, self.crowd.audience(number))
            })
            .collect();
        let filler = "x".repeat(self.pace.filler);
        let events: Vec<_> = sent
            .iter()
            .map(|(number, to)| json!({ "to": self.crowd.name(*to), "t": "NUMBER", "d": { "n": number, "x": filler } }))
            .collect();
        let mut body = json!({ "events": events });
        if self.manner == Manner::Insists {
            body["idempotency_key"] = json!(format!("{}-{}", self.name, sent[0].0));
        }
        let first = usize::try_from(sent[0].0).unwrap_or_default();
        for operator in self.operators.iter().cycle().skip(first % self.operators.len()) {
            match operator.try_post("/publish", body.clone()).await {
                Some(answer) if answer.status == 200 => {
                    let seqs = answer.expect(200)["seqs"].clone();
                    for (index, (number, to)) in sent.iter().enumerate() {
                        self.ledger.acknowledge(*number, *to, seqs[index].as_u64().expect("a place"));
                    }
                    return;
                }
                Some(answer) => {
                    assert!([429, 503, 507].contains(&answer.status), "{}: {}", answer.status, answer.text);
                    self.refusals.fetch_add(1, Ordering::Relaxed);
                    let is_unknown = answer.error(answer.status).0 == "outcome_unknown";
                    self.unknown.fetch_add(is_unknown.into(), Ordering::Relaxed);
                    if self.manner == Manner::GoesOn {
                        // A refusal is final for the one who does not insist: none of it may come later. Several machines
                        // may have stored a part, and a machine whose disk broke may say that it does not know.
                        if self.operators.len() == 1 && !is_unknown {
                            sent.iter().for_each(|(number, _)| self.ledger.refuse(*number));
                        }
                        return;
                    }
                }
                None if self.manner == Manner::GoesOn => return,
                None => {}
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}
