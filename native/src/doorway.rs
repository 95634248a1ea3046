//! One listener at work: it accepts connections and serves HTTP on each until it becomes a gateway connection or ends.

mod crowd;
mod exhaustion;
mod written;

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1::Builder;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tracing::{debug, warn};

pub(crate) use self::crowd::Crowd;
use self::exhaustion::{Spare, TurnedAway, is_out_of_files};
use self::written::Watched;
pub(crate) use self::written::Written;
use crate::addresses::Place;
use crate::clock::Clock;
use crate::config::Config;
use crate::listen::{Io, Listener, Pace, Patience, Strict};
use crate::metrics::Metrics;
use crate::peer::{Door, Peer, Transport};
use crate::tally::Tally;
use crate::tls::Tls;

/// The pause after the first failed accept; each further one doubles it, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a client may take to read the next bytes of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How far a server's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Connections are taken and served.
    Serving,
    /// No connection is taken, and each ends with the request that it is at.
    Finishing,
    /// Connections end at once.
    Over,
}

/// Whether requests carry a [`Written`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushes {
    /// They do. Such a connection can't be upgraded.
    Watched,
    /// They don't.
    Unwatched,
}

/// What a listener leads to.
#[derive(Clone)]
pub(crate) struct Doorway<S> {
    pub(crate) door: Door,
    pub(crate) tls: Option<Arc<Tls>>,
    /// What answers requests.
    pub(crate) service: S,
    pub(crate) flushes: Flushes,
    /// How fast connections are taken; as they come, where there is none.
    pub(crate) pace: Option<Arc<Pace>>,
    /// A permit for each connection that is served.
    pub(crate) room: Arc<Semaphore>,
    /// What bounds the connections of one address, if anything does.
    pub(crate) crowd: Option<Arc<Crowd>>,
    pub(crate) http: Builder,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// How HTTP is read: version 1, with bounds on a header's size, and on its time from the moment that a connection stands.
///
/// Not by hyper-util's `auto` builder: where upgrades are served it speaks version 2 whatever it is told, and waits without
/// an end for the first bytes, which tell it the version.
pub(crate) fn http(config: &Config) -> Builder {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(config.header_timeout_ms))
        .max_buf_size(config.max_header_bytes);
    builder
}

impl<S, B> Doorway<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Serves what the listener takes until the phase says to finish. Each connection is a task that ends by itself.
    pub(crate) async fn run(mut self, listener: Listener) {
        let mut pause = FIRST_PAUSE;
        let (mut spare, failures, clock) = (Spare::open(), Tally::default(), Clock::start());
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = reached(&mut self.phase, Phase::Finishing) => return,
            };
            match accepted {
                Ok((io, address)) => {
                    pause = FIRST_PAUSE;
                    // First of all, so that one address can't make all others wait.
                    let Some((io, place)) = self.admit(io, address) else { continue };
                    // While there is no permit this one waits, and those behind it in the kernel's queue, which is bounded.
                    // A listener without connections holds none: listeners share them.
                    let permit = tokio::select! {
                        permit = Arc::clone(&self.room).acquire_owned() => permit,
                        () = reached(&mut self.phase, Phase::Finishing) => return,
                    };
                    let Ok(permit) = permit else { return };
                    if let Some(pace) = &self.pace {
                        tokio::select! {
                            () = pace.wait(&self.metrics) => {}
                            () = reached(&mut self.phase, Phase::Finishing) => return,
                        }
                    }
                    tokio::spawn(self.clone().serve(io, address, (permit, place)));
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    self.metrics.accept_errors.inc();
                    if let Some(times) = failures.note(clock.now()) {
                        warn!(%listener, %error, times, "can't accept connections; trying again");
                    }
                    if is_out_of_files(&error)
                        && let TurnedAway::All(count) = spare.turn_away(&listener)
                    {
                        self.metrics.connections_turned_away.inc_by(count.into());
                        // Nobody waits now, or others are to have their turn first.
                        tokio::task::yield_now().await;
                        continue;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(pause) => pause = LONGEST_PAUSE.min(pause * 2),
                        () = reached(&mut self.phase, Phase::Finishing) => return,
                    }
                }
            }
        }
    }

    /// Lets a connection in, unless its address has too many.
    fn admit(&self, io: Io, address: Option<IpAddr>) -> Option<(Io, Option<Place>)> {
        let Some(crowd) = &self.crowd else { return Some((io, None)) };
        match crowd.admit(address) {
            Ok(place) => Some((io, place)),
            Err(crowded) => {
                self.metrics.http_connections_refused.inc();
                crowd.log(crowded);
                // A handshake would cost more than the answer is worth.
                if let (Io::Tcp(stream), None) = (io, &self.tls) {
                    crowd.turn_away(stream);
                }
                None
            }
        }
    }

    /// One connection, from its handshake to its end or its upgrade; so long it has its places.
    async fn serve(self, io: Io, address: Option<IpAddr>, _places: (OwnedSemaphorePermit, Option<Place>)) {
        let (io, transport) = match (io, &self.tls) {
            (Io::Tcp(stream), Some(tls)) => match tls.accept(stream).await {
                Ok(stream) => (Io::Tls(Box::new(stream)), Transport::Tls),
                Err(error) => {
                    self.metrics.tls_handshake_errors.inc();
                    return debug!(%error, "a TLS handshake failed");
                }
            },
            (io, _) => (io, Transport::Plain),
        };
        let peer = Peer { address, door: self.door, transport };
        let io = Strict::new(Patience::new(io, WRITE_TIMEOUT));
        match self.flushes {
            Flushes::Watched => {
                let written = Written::default();
                let io = Watched { io, written: written.clone() };
                self.serve_stream(io, peer, Some(written)).await;
            }
            Flushes::Unwatched => self.serve_stream(io, peer, None).await,
        }
    }

    async fn serve_stream<I>(mut self, io: I, peer: Peer, written: Option<Written>)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let service = self.service;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            if let Some(written) = &written {
                request.extensions_mut().insert(written.clone());
            }
            let asks_to_switch = request.headers().contains_key(UPGRADE);
            let answer = service.call(request);
            async move {
                let mut answer = answer.await?;
                if asks_to_switch && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                    // From such a request on, the connection was no longer read as HTTP.
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, S::Error>(answer)
            }
        });

        let open = Open::count(self.metrics);
        let io = TokioIo::new(io);
        let mut connection = pin!(self.http.serve_connection(io, service).with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = reached(&mut self.phase, Phase::Finishing) => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = reached(&mut self.phase, Phase::Over) => Ok(()),
                }
            }
        };
        drop(open);
        if let Err(error) = ended {
            debug!(error = %error, "an HTTP connection failed");
        }
    }
}

/// Counts an open connection for as long as it lives.
struct Open(Arc<Metrics>);

impl Open {
    fn count(metrics: Arc<Metrics>) -> Self {
        metrics.http_connections.inc();
        Self(metrics)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.http_connections.dec();
    }
}

/// Waits until the phase has come this far; a server that is gone has come all the way.
async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}

/// Whether accept failed because a peer went away, rather than for want of something on this machine.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use hyper_util::service::TowerToHyperService;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::timeout;
    use warp::Filter;

    use super::*;
    use crate::config::Address;

    const PATIENCE: Duration = Duration::from_secs(10);

    struct Running {
        address: std::net::SocketAddr,
        /// Leads another listener to the same.
        lead: Box<dyn FnOnce(Listener)>,
        phase: watch::Sender<Phase>,
        room: Arc<Semaphore>,
        metrics: Arc<Metrics>,
        task: tokio::task::JoinHandle<()>,
    }

    fn start(config: &Config, room: usize) -> Running {
        let (phase, seen) = watch::channel(Phase::Serving);
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap(), config).unwrap();
        let Address::Tcp(address) = *listener.address() else { panic!("a TCP address") };
        let (room, metrics) = (Arc::new(Semaphore::new(room)), Arc::new(Metrics::new()));
        let routes = warp::ext::get::<Peer>()
            .and_then(|peer: Peer| async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok::<_, warp::Rejection>(warp::reply::Response::new(format!("{peer:?}").into()))
            })
            .boxed();
        let doorway = Doorway {
            door: Door::Public,
            tls: None,
            service: TowerToHyperService::new(warp::service(routes)),
            flushes: Flushes::Unwatched,
            pace: None,
            room: Arc::clone(&room),
            crowd: None,
            http: http(config),
            metrics: Arc::clone(&metrics),
            phase: seen,
        };
        let other = doorway.clone();
        let lead = Box::new(move |listener| drop(tokio::spawn(other.run(listener))));
        Running { address, lead, phase, room, metrics, task: tokio::spawn(doorway.run(listener)) }
    }

    async fn read_to_end(mut stream: TcpStream) -> String {
        let mut text = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut text)).await.expect("the server closes").unwrap();
        text
    }

    #[tokio::test]
    async fn requests_know_their_peer_and_are_finished_when_the_server_stops() {
        let running = start(&Config::default(), 4);
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        while running.metrics.http_connections.get() == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        running.phase.send_replace(Phase::Finishing);
        let answer = read_to_end(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("127.0.0.1"), "{answer}");
        running.task.await.unwrap();
        let all = timeout(PATIENCE, running.room.acquire_many(4)).await;
        assert!(all.is_ok(), "every connection gave its permit back");
    }

    #[tokio::test]
    async fn a_header_that_never_ends_is_not_waited_for() {
        let running = start(&Config { header_timeout_ms: 100, ..Config::default() }, 4);
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
        let answer = read_to_end(stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }

    #[tokio::test]
    async fn a_client_that_says_nothing_is_not_waited_for() {
        let running = start(&Config { header_timeout_ms: 100, ..Config::default() }, 4);
        let stream = TcpStream::connect(running.address).await.unwrap();
        assert_eq!(read_to_end(stream).await, "");
    }

    #[tokio::test]
    async fn only_version_1_of_http_is_spoken() {
        let running = start(&Config { header_timeout_ms: 100, ..Config::default() }, 4);
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        let answer = read_to_end(stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 "), "{answer:?}");
    }

    #[tokio::test]
    async fn a_header_may_not_be_longer_than_the_limit() {
        let running = start(&Config { max_header_bytes: 8192, ..Config::default() }, 4);
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(8192));
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut first)).await.unwrap().unwrap();
        assert_eq!(&first, b"HTTP/1.1 431");
    }

    #[tokio::test]
    async fn more_connections_than_there_is_room_for_wait() {
        let running = start(&Config::default(), 1);
        let first = TcpStream::connect(running.address).await.unwrap();
        while running.metrics.http_connections.get() == 0 {
            tokio::task::yield_now().await;
        }
        let mut second = TcpStream::connect(running.address).await.unwrap();
        second.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(running.metrics.http_connections.get(), 1);
        drop(first);
        assert!(read_to_end(second).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn a_listener_that_nobody_uses_takes_no_room_from_another() {
        let config = Config::default();
        let running = start(&config, 1);
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap(), &config).unwrap();
        let Address::Tcp(second) = *listener.address() else { panic!("a TCP address") };
        (running.lead)(listener);
        for address in [running.address, second, running.address] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
            assert!(read_to_end(stream).await.starts_with("HTTP/1.1 200"), "{address}");
        }
    }
}
