//! `sanmon interaction`, as one types it who tries an endpoint.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use harness::sanmon_command;
use tokio::net::TcpListener;

use super::*;

/// The secret key of [`pair`].
const SECRET: &str = "0101010101010101010101010101010101010101010101010101010101010101";

fn interaction_command(arguments: &[&str]) -> Command {
    let mut command = sanmon_command();
    command.arg("interaction").args(arguments).env("SANMON_INTERACTIONS_SECRET", SECRET);
    command
}

/// Runs a command away from this test's own thread; exit code, output and errors.
async fn run(mut command: Command) -> (i32, String, String) {
    let run = move || command.output().expect("sanmon runs");
    let Output { status, stdout, stderr } =
        within("a command", tokio::task::spawn_blocking(run)).await.expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("a code"), text(stdout), text(stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sign_prints_is_a_request() {
    let server = setup().set("interactions_max_age_s", 60).start().await;
    let (0, printed, _) = run(interaction_command(&["sign"])).await else { panic!("it failed") };
    let (head, body) = printed.split_once("\n\n").expect("an empty line");
    assert_eq!(body, PING);
    let head = head.replace('\n', "\r\n");
    let length = body.len();
    let mut wire = Wire::open(&server).await;
    let request =
        format!("POST /interactions HTTP/1.1\r\nHost: localhost\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}");
    wire.send(request.as_bytes()).await;
    let answer = wire.answer().await.expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (200, PING), "signed as of now");

    // A body of one's own comes out as it went in.
    let mut child = interaction_command(&["sign", "--body", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sanmon runs");
    child.stdin.take().expect("its input").write_all(b" { \"type\" : 1 }\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("\n\n { \"type\" : 1 }\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_comes_to_a_bot_that_listens_and_its_answer_back() {
    let server = setup().set("interactions_deadline_ms", 20_000).start().await;
    let (application, url) = (APPLICATION.to_string(), server.url());
    let endpoint = format!("{url}/interactions/{application}");
    let (code, printed, _) = run(interaction_command(&["send", &endpoint])).await;
    assert_eq!((code, printed.as_str()), (0, "200 OK\n{\"type\":1}\n"));
    let tea = ["send", &endpoint, "--application", &application, "--command", "tea"];
    let (code, _, errors) = run(interaction_command(&tea)).await;
    assert_eq!(code, 3, "{errors}");
    assert!(errors.contains("Handler not set"), "nobody is connected: {errors}");

    // A bot as the README has it: `sanmon listen`, and a callback.
    let minted = json!({ "user": { "id": application, "username": "bot" } });
    let minted = server.operator().post("/sessions", minted).await.expect(201);
    let user = harness::User::from_minted(&minted);
    let mut listener = sanmon_command()
        .args(["listen", "--url", &url, "--session", &user.session_id])
        .stdout(Stdio::piped())
        .spawn()
        .expect("sanmon runs");
    let mut lines = BufReader::new(listener.stdout.take().expect("its output")).lines().map_while(Result::ok);
    assert!(lines.next().expect("a line").starts_with("READY "));
    let sending = tokio::spawn(run(interaction_command(&tea)));
    let line = lines.find(|line| line.starts_with("INTERACTION_CREATE")).expect("an interaction");
    let event: Value = serde_json::from_str(&line[line.find('{').expect("its d")..]).expect("JSON");
    let text = |name: &str| event[name].as_str().expect("text").to_owned();
    let answer = json!({ "type": 4, "data": { "content": "A cup." } });
    let path = format!("/interactions/{}/{}/callback", text("id"), text("token"));
    assert_eq!(server.anyone().post(&path, answer).await.status, 204);
    let (code, printed, _) = sending.await.expect("it ends");
    assert_eq!((code, printed.as_str()), (0, "200 OK\n{\"data\":{\"content\":\"A cup.\"},\"type\":4}\n"));
    listener.kill().expect("it listens");
    listener.wait().expect("it ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_endpoint_passes_the_check() {
    let server = setup().start().await;
    let endpoint = format!("{}/interactions", server.url());
    let (code, printed, errors) = run(interaction_command(&["check", &endpoint])).await;
    assert_eq!(code, 0, "{printed}{errors}");
    assert!(printed.lines().count() == 7 && printed.lines().all(|line| line.starts_with("ok ")), "{printed}");

    let other = ["check", &endpoint, "--secret", &"02".repeat(32)];
    let (code, printed, _) = run(interaction_command(&other)).await;
    assert_eq!(code, 3);
    assert!(printed.contains("another public key"), "{printed}");
    let mut nobody = interaction_command(&["check", "http://127.0.0.1:1"]);
    assert_eq!(nobody.output().expect("sanmon runs").status.code(), Some(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_does_not_verify_fails_the_check() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("its address"));
    let gullible = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 4096];
            let mut length = 0;
            while !String::from_utf8_lossy(&request[..length]).contains("\r\n\r\n{") {
                length += stream.read(&mut request[length..]).await.expect("a request");
            }
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\nconnection: close";
            let _ = stream.write_all(format!("{answer}\r\n\r\n{PING}").as_bytes()).await;
        }
    });
    let (code, printed, errors) = run(interaction_command(&["check", &endpoint])).await;
    gullible.abort();
    assert_eq!(code, 3, "{errors}");
    let (good, bad): (Vec<&str>, Vec<&str>) = printed.lines().partition(|line| line.starts_with("ok "));
    assert_eq!((good.len(), bad.len()), (1, 6), "{printed}");
    assert!(bad.iter().all(|line| line.contains("signatures are not verified")), "{printed}");
    assert!(errors.contains("6 of 7 are wrong"), "{errors}");
}
