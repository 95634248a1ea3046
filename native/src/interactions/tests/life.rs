//! Start, close and join, and the kinds of addresses.

use super::*;
use crate::client::Trust;
use crate::listen::{ListenError, TcpOptions};
use crate::tls::Tls;

async fn ping(stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin)) -> String {
    stream.write_all(&raw(r#"{"type":1}"#)).await.unwrap();
    let (head, body) = read_answer(stream).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    String::from_utf8(body).unwrap()
}

#[tokio::test]
async fn a_server_lives_more_than_once() {
    let server = server();
    assert_eq!(server.close().await, Err(StateConflict::NotAlive));
    assert_eq!(server.join().await, Err(StateConflict::NotAlive));
    for _ in 0..2 {
        assert!(!server.is_alive());
        server.start([local(), local()]).await.unwrap();
        assert!(server.is_alive() && server.addresses().len() == 2);
        let again = server.start([local()]).await.unwrap_err();
        assert!(matches!(again, StartError::State(StateConflict::Alive)));
        assert_eq!(ping(&mut connect(&server).await).await, r#"{"type":1}"#);

        let joined = tokio::spawn({
            let server = server.clone();
            async move { server.join().await }
        });
        tokio::task::yield_now().await;
        let (one, other) = timeout(PATIENCE, async { tokio::join!(server.close(), server.close()) }).await.unwrap();
        assert_eq!((one, other), (Ok(()), Ok(())));
        assert_eq!(timeout(PATIENCE, joined).await.unwrap().unwrap(), Ok(()));
    }
    assert!(server.addresses().is_empty());
}

#[tokio::test]
async fn a_failed_start_leaves_nothing() {
    let server = server();
    assert!(matches!(server.start([]).await, Err(StartError::NoAddress)));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // A port that nobody else is given meanwhile, and that can be listened on.
    let kept = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    kept.set_reuse_address(true).unwrap();
    kept.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let free = kept.local_addr().unwrap().as_socket().unwrap();
    let error = server.start([Listen::tcp(free), Listen::tcp(taken.local_addr().unwrap())]).await.unwrap_err();
    assert!(matches!(error, StartError::Listen(ListenError::InUse { .. })), "{error}");
    assert!(!server.is_alive());
    assert_eq!(server.join().await, Err(StateConflict::NotAlive));
    assert!(TcpStream::connect(free).await.is_err());
    server.start([Listen::tcp(free)]).await.unwrap();
    server.close().await.unwrap();
}

#[tokio::test]
async fn requests_under_way_are_finished() {
    let server = server();
    let (release, released) = tokio::sync::watch::channel(false);
    let (arrive, mut arrived) = tokio::sync::mpsc::channel(1);
    let listener = Listener::new(move |_| {
        let (mut released, arrive) = (released.clone(), arrive.clone());
        async move {
            arrive.send(()).await.map_err(|error| error.to_string())?;
            released.wait_for(|released| *released).await.map_err(|error| error.to_string())?;
            say("finished").map_err(|error| error.to_string())
        }
    });
    server.set_listener::<ApplicationCommand>(Some(listener), Existing::Kept).unwrap();
    server.start([local()]).await.unwrap();
    let mut stream = connect(&server).await;
    stream.write_all(&raw(&command(1))).await.unwrap();
    timeout(PATIENCE, arrived.recv()).await.unwrap().unwrap();
    let closing = tokio::spawn({
        let server = server.clone();
        async move { server.close().await }
    });
    until(|| !server.is_alive()).await;
    // Long enough for a closing that waits for nobody.
    sleep(Duration::from_millis(50)).await;
    assert!(!closing.is_finished() && !server.is_alive() && server.addresses().is_empty());
    let again = server.start([local()]).await.unwrap_err();
    assert!(matches!(again, StartError::State(StateConflict::Closing)), "{again}");
    let joining = tokio::spawn({
        let server = server.clone();
        async move { server.join().await }
    });
    release.send_replace(true);
    assert!(String::from_utf8(read_answer(&mut stream).await.1).unwrap().contains("finished"));
    timeout(PATIENCE, closing).await.unwrap().unwrap().unwrap();
    timeout(PATIENCE, joining).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off_after_the_shutdown_timeout() {
    let server = InteractionServer::builder().key(key()).deadline(100 * PATIENCE).build().unwrap();
    let (arrive, mut arrived) = tokio::sync::mpsc::channel(1);
    let endless = Listener::new(move |_| {
        let arrive = arrive.clone();
        async move {
            arrive.send(()).await.map_err(|error| error.to_string())?;
            std::future::pending::<Result<Handled<ApplicationCommand>, String>>().await
        }
    });
    server.set_listener::<ApplicationCommand>(Some(endless), Existing::Kept).unwrap();
    server.start_with([local()], Duration::from_millis(50)).await.unwrap();
    let mut stream = connect(&server).await;
    stream.write_all(&raw(&command(1))).await.unwrap();
    timeout(PATIENCE, arrived.recv()).await.unwrap().unwrap();
    timeout(PATIENCE, server.close()).await.unwrap().unwrap();
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 500 "), "{rest:?}");
    timeout(PATIENCE, server.endpoint.tasks().emptied()).await.unwrap();
}

#[test]
fn of_two_starts_one_is_in_time() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let server = server();
        // The first waits for the name to be looked up, for which there is no thread as long as this one waits.
        let (release, released) = std::sync::mpsc::sync_channel(1);
        let busy = tokio::task::spawn_blocking(move || released.recv_timeout(PATIENCE));
        let (one, ()) = tokio::join!(server.start([Listen::host("localhost", 0)]), async {
            let other = server.start([local()]).await;
            assert!(matches!(other, Err(StartError::State(StateConflict::Starting))), "{other:?}");
            release.send(()).unwrap();
        });
        one.unwrap();
        busy.await.unwrap().unwrap();
        server.close().await.unwrap();
    });
}

#[tokio::test]
async fn unix_sockets_and_sockets_that_listen_already() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = server();
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let other = folder.path().join("t");
    let unix = std::os::unix::net::UnixListener::bind(&other).unwrap();
    let listens = [Listen::unix(&path), Listen::existing_tcp(tcp), Listen::existing_unix(unix)];
    server.start(listens).await.unwrap();
    ping(&mut tokio::net::UnixStream::connect(&path).await.unwrap()).await;
    ping(&mut tokio::net::UnixStream::connect(&other).await.unwrap()).await;
    ping(&mut TcpStream::connect(address).await.unwrap()).await;
    server.close().await.unwrap();
    assert!(!path.exists() && other.exists());

    std::fs::write(&path, "precious").unwrap();
    let error = server.start([Listen::unix(&path)]).await.unwrap_err();
    assert!(matches!(error, StartError::Listen(ListenError::NotASocket { .. })), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn names_and_shared_ports() {
    let server = server();
    let options = TcpOptions { backlog: 16, reuse_address: true, reuse_port: true };
    server.start([Listen::host("localhost", 0).options(options)]).await.unwrap();
    let Address::Tcp(address) = server.addresses()[0] else { panic!("a TCP address") };
    let second = self::server();
    second.start([Listen::tcp(address).options(options)]).await.unwrap();
    second.close().await.unwrap();
    ping(&mut connect(&server).await).await;
    server.close().await.unwrap();
    let error = server.start([Listen::host("no-such-name.invalid", 0)]).await.unwrap_err();
    assert!(matches!(error, StartError::Listen(ListenError::Unresolved { .. })), "{error}");
}

#[tokio::test]
async fn tls() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = Arc::new(Tls::open(&cert, &key, PATIENCE).unwrap());
    let server = server();
    server.start([local().tls(tls)]).await.unwrap();
    let trust = Trust::only_file(&cert).unwrap().client_config().unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(trust));
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, connect(&server).await).await.unwrap();
    ping(&mut stream).await;
    drop(stream);
    server.close().await.unwrap();
}
