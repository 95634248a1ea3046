//! No more file descriptors: those who come are told at once, those who are there notice nothing.

use std::io::Read as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use super::kill::until_acknowledged;
use super::process::until_answered;
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Return, Scale, Swarm, at_home};
use crate::{Server, Setup};

/// Files that the server may still open when the trouble begins: less than come.
const SPARE: usize = 20;
/// Connections that are tried meanwhile.
const COMERS: usize = 200;

pub(super) async fn exhausted(scale: Scale) -> Outcome {
    let times = scale.pick(1, 3);
    let time = scale.pick(Duration::from_secs(2), Duration::from_secs(20));
    let server = at_home(Setup::new()).start().await;
    let crowd = Crowd::settle(&server, scale.pick(20, 100), 2).await;
    let swarm = Swarm::connect(&server, &crowd, Return::After(Duration::from_millis(25)));
    swarm.until_live(crowd.users.len(), "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let publishers = Publishers::start(&server, &crowd, &ledger, Pace::default());
    let (mut recovered, mut share) = (Duration::ZERO, 0.0_f64);
    for _ in 0..times {
        until_acknowledged(&ledger, 50).await;
        limit_files(&server, Some(open_files(&server) + SPARE));
        let address = server.address();
        let comers = tokio::task::spawn_blocking(move || {
            (0..COMERS)
                .map(|_| TcpStream::connect(address))
                .collect::<Result<Vec<_>, _>>()
                .expect("the kernel takes them")
        });
        let mut comers = comers.await.expect("a thread");
        let said = complaints(&server);
        // Publishing costs something too; so it pauses while it is measured that waiting for files costs nothing.
        let (cpu, start) = (server.cpu(), Instant::now());
        while start.elapsed() < time {
            until_acknowledged(&ledger, 1).await;
        }
        share = share.max((server.cpu() - cpu).as_secs_f64() / start.elapsed().as_secs_f64());
        let more = complaints(&server) - said;
        assert!(more <= 1 + time.as_secs() as usize / 10, "{more} complaints in {time:?}");
        // Most were told, by the end of their connection.
        let told = comers.iter_mut().filter_map(|stream| is_ended(stream).then_some(())).count();
        assert!(told >= COMERS / 2, "only {told} of {COMERS} were told");
        assert_eq!(swarm.live(), crowd.users.len(), "who was there stays");

        limit_files(&server, None);
        let start = Instant::now();
        tokio::task::spawn_blocking(move || until_answered(address)).await.expect("a thread");
        recovered = recovered.max(start.elapsed());
        drop(comers);
    }
    assert!(complaints(&server) >= 1, "the operator is told");
    publishers.stop().await;
    swarm.settle(&server).await;
    assert_eq!(swarm.board().resumed.load(Relaxed), 0, "nobody was cut off");
    let tried = format!(
        "{SPARE} files left for {COMERS} newcomers, over {time:?}; {} clients go on, {:.0}% of one core with publishing",
        crowd.users.len(),
        share * 100.0
    );
    let (outcome, _) = Outcome::of(tried, times, swarm, &crowd, &ledger);
    outcome.took("serving newcomers again within", recovered)
}

pub(super) fn open_files(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("the server is there").count()
}

/// Bounds the files that the server may open; `None` for what this process may.
fn limit_files(server: &Server, limit: Option<usize>) {
    let pid = Pid::from_raw(server.pid().cast_signed()).expect("a process");
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = limit.map_or(maximum, |limit| Some(limit as u64));
    prlimit(Some(pid), Resource::Nofile, Rlimit { current, maximum }).expect("the limit");
}

/// How often the server said that it can't accept connections.
fn complaints(server: &Server) -> usize {
    server.output().matches("can't accept connections").count()
}

/// Whether the other end has ended the connection.
fn is_ended(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    match stream.read(&mut [0; 64]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}
