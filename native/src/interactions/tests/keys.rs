//! A key that is fetched from the platform.

use super::*;

/// A platform that answers every request with the next of these, the last one again and again, and counts them.
async fn platform(answers: Vec<(u16, String)>) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/v10/", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (head, _) = read_answer(&mut stream).await;
            let path = if head.contains("authorization: Bot t0k3n\r\n") { "applications/@me" } else { "@me" };
            assert!(head.starts_with(&format!("GET /api/v10/oauth2/{path} HTTP/1.1\r\n")), "{head}");
            sleep(Duration::from_millis(50)).await;
            let (status, body) = &answers[counted.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1)];
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, asked)
}

fn application() -> Value {
    json!({ "id": APPLICATION.to_string(), "name": "tea", "verify_key": pair().public_key_hex() })
}

fn fetching(url: String, token: Token) -> InteractionServer {
    InteractionServer::builder().fetch_key(token).api_url(url).build().unwrap()
}

#[tokio::test]
async fn first_requests_share_one_fetch_and_an_error_is_not_kept() {
    let answers = vec![(500, String::new()), (200, application().to_string())];
    let (url, asked) = platform(answers).await;
    let server = fetching(url, Token::Bot("t0k3n".into()));
    let ping = r#"{"type":1}"#;
    let (one, other) = tokio::join!(ask(&server, ping), ask(&server, ping));
    assert_eq!((one.0, other.0, asked.load(Ordering::SeqCst)), (500, 500, 1));
    let (one, other) = tokio::join!(ask(&server, ping), ask(&server, ping));
    assert_eq!((one.0, other.0, asked.load(Ordering::SeqCst)), (200, 200, 2));
    assert_eq!(ask(&server, ping).await.0, 200);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_bearer_token_asks_for_its_own_authorization() {
    let (url, _) = platform(vec![(200, json!({ "application": application(), "scopes": [] }).to_string())]).await;
    let server = fetching(url, Token::Bearer("b34r3r".into()));
    assert_eq!(ask(&server, r#"{"type":1}"#).await.0, 200);
}

#[tokio::test]
async fn no_key_no_server() {
    assert!(matches!(InteractionServer::builder().build(), Err(BuildError::NoKey)));
    let many = (0..9).fold(InteractionServer::builder(), |builder, _| builder.key(key()));
    assert!(matches!(many.build(), Err(BuildError::TooManyKeys)));
    assert!(!format!("{:?}", Token::Bot("t0k3n".into())).contains("t0k3n"));
    let weak = json!({ "id": "5", "verify_key": "00".repeat(32) }).to_string();
    let (url, _) = platform(vec![(200, weak)]).await;
    assert_eq!(ask(&fetching(url, Token::Bot("t0k3n".into())), r#"{"type":1}"#).await.0, 500);
}
