//! Unix sockets: for clients, and the control socket in the data folder.

use std::os::unix::fs::PermissionsExt;

use harness::{Api, Server, Setup, Socket};
use serde_json::json;
use tokio::net::UnixStream;

#[tokio::test]
async fn a_server_listens_on_several_addresses_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.sock");
    let server =
        Setup::new().set("listen", "127.0.0.1:0").set("listen", format!("unix:{}", path.display())).start().await;
    let user = server.user("ada").await;
    assert_eq!(Api::over_unix(&path).get("/available").await.expect(200)["v"], 1);

    let stream = UnixStream::connect(&path).await.expect("a connection");
    let mut socket = Socket::over(Box::new(stream), server.request()).await.expect("an upgrade");
    socket.identify(&user, harness::Encoding::Json, None).await;
    socket.event("READY").await;
    server.publish(json!({ "to": { "user": user.id }, "t": "OVER_UNIX" })).await;
    socket.event("OVER_UNIX").await;
    Socket::live(&server, &user).await.alive().await;
}

#[tokio::test]
async fn who_may_open_the_control_socket_is_operator() {
    let server = Server::start().await;
    let path = control_socket(&server);
    let mode = std::fs::metadata(&path).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let minted = Api::over_unix(&path).post("/sessions", json!({ "user": { "username": "ada" } })).await.expect(201);
    assert!(minted["session_id"].is_string());
    server.anyone().post("/sessions", json!({ "user": { "username": "ada" } })).await.error(401);
}

#[tokio::test]
async fn a_socket_left_behind_by_a_killed_server_is_no_obstacle() {
    let server = Server::start().await.kill_and_restart().await;
    Api::over_unix(&control_socket(&server)).get("/available").await.expect(200);
}

/// The socket in the data folder.
fn control_socket(server: &Server) -> std::path::PathBuf {
    use std::os::unix::fs::FileTypeExt;
    let mut sockets = std::fs::read_dir(server.data())
        .expect("the data folder")
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()));
    sockets.next().expect("a socket in the data folder").path()
}
