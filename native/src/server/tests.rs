//! A whole server in this process: its first key, its doors, its end.

use std::time::Duration;

use super::*;
use crate::store::operator_keys::Scope;

fn config(folder: &tempfile::TempDir) -> Config {
    let local: Address = "127.0.0.1:0".parse().unwrap();
    Config {
        listen: vec![local.clone(), Address::Unix(folder.path().join("public.sock"))],
        admin_listen: vec![local],
        data: folder.path().join("data"),
        drain_ms: 50,
        hub_threads: 1,
        ..Config::default()
    }
}

async fn status(builder: reqwest::ClientBuilder, url: String) -> u16 {
    let config = crate::client::Trust::Only(Vec::new()).client_config().unwrap();
    let client = builder.tls_backend_preconfigured(config).timeout(Duration::from_secs(10)).build().unwrap();
    client.get(url).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_first_key_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(config(&folder)).await.unwrap();
    let key = server.operator_key().expect("a new folder has no key").to_owned();
    let operator = operator_keys::authenticate(&server.node.store, &key).await.unwrap().unwrap();
    assert_eq!(operator.scopes, Scope::ALL);
    server.stop().await;

    let server = Server::start(config(&folder)).await.unwrap();
    assert_eq!(server.operator_key(), None);
    server.stop().await;
}

#[tokio::test]
async fn each_door_leads_to_its_own_routes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(config(&folder)).await.unwrap();
    let public = format!("http://{}", server.addresses()[0]);
    let admin = format!("http://{}", server.admin_addresses()[0]);
    let by = reqwest::Client::builder;
    assert_eq!(status(by(), format!("{public}/available")).await, 200);
    assert_eq!(status(by(), format!("{public}/metrics")).await, 404);
    assert_eq!(status(by(), format!("{public}/operator-keys")).await, 401);
    assert_eq!(status(by(), format!("{admin}/metrics")).await, 200);
    assert_eq!(status(by(), format!("{admin}/available")).await, 404);
    let socket = folder.path().join("public.sock");
    assert_eq!(status(by().unix_socket(socket.clone()), "http://localhost/operator-keys".into()).await, 401);
    let control = server.control_socket();
    assert_eq!(status(by().unix_socket(control.clone()), "http://localhost/operator-keys".into()).await, 200);

    server.drain().await;
    assert_eq!(status(by(), format!("{admin}/readyz")).await, 503);
    server.stop().await;
    assert!(!socket.exists() && !control.exists());
}

#[tokio::test]
async fn what_is_in_the_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(config(&folder)).await.unwrap();
    let mut second = config(&folder);
    second.listen = server.addresses()[..1].to_vec();
    let error = Server::start(second.clone()).await.unwrap_err().to_string();
    assert!(error.contains("is in use: stop what listens there"), "{error}");
    second.listen = vec!["127.0.0.1:0".parse().unwrap()];
    let error = Server::start(second).await.unwrap_err().to_string();
    assert!(error.contains("in use by another"), "{error}");
    server.stop().await;
}
