//! The protocol's table, each row on a connection that goes on afterwards.

use super::*;

#[tokio::test]
async fn every_row_has_its_answer_and_the_connection_survives() {
    let server = setup().start().await;
    let mut wire = Wire::open(&server).await;
    let ping = || Request::signed(PING);
    let signed = |value: &Value| Request::signed(value.to_string());
    let headers = "Missing or invalid required request signature header(s)";
    let signature = ping().headers[3].1.clone();
    let stranger = Keypair::from_seed([2; 32]).expect("a seed").sign_hex(b"1800000000", PING.as_bytes());
    let mut foreign = interaction(50, 2);
    foreign["application_id"] = json!("7");
    let mut shapeless = interaction(51, 2);
    shapeless["data"] = json!("tea");
    let rows = [
        ("another method", Request { method: "PUT", ..ping() }, 405, "Method Not Allowed"),
        ("GET", Request { method: "GET", ..ping() }, 405, "Method Not Allowed"),
        ("no content type", ping().with("Content-Type", &[]), 415, "Unsupported Media Type"),
        ("another content type", ping().with("Content-Type", &[b"text/json"]), 415, "Unsupported Media Type"),
        (
            "a content type beyond ASCII",
            ping().with("Content-Type", &[b"application/json\xff"]),
            415,
            "Unsupported Media Type",
        ),
        ("no signature", ping().with("X-Signature-Ed25519", &[]), 401, headers),
        ("two signatures", ping().with("X-Signature-Ed25519", &[&signature, &signature]), 401, headers),
        ("half a signature", ping().with("X-Signature-Ed25519", &[&signature[..64]]), 401, headers),
        ("a signature beyond ASCII", ping().with("X-Signature-Ed25519", &[&[0xff; 128]]), 401, headers),
        ("no timestamp", ping().with("X-Signature-Timestamp", &[]), 401, headers),
        ("a timestamp that is no number", ping().with("X-Signature-Timestamp", &[b"18e8"]), 401, headers),
        ("no body", Request::signed(""), 400, "POST request must have a body"),
        ("another timestamp", ping().with("X-Signature-Timestamp", &[b"1800000001"]), 401, "Invalid request signature"),
        ("another key", ping().with("X-Signature-Ed25519", &[stranger.as_bytes()]), 401, "Invalid request signature"),
        (
            "altered white space",
            Request { body: br#"{"type": 1}"#.to_vec(), ..ping() }.with("Content-Length", &[b"11"]),
            401,
            "Invalid request signature",
        ),
        ("another application", signed(&foreign), 401, "Invalid request signature"),
        (
            "another application's path",
            Request { path: "/interactions/7".into(), ..ping() },
            401,
            "Invalid request signature",
        ),
        ("no JSON", Request::signed("tea"), 400, "Invalid JSON body"),
        ("no object", Request::signed("[1]"), 400, "Invalid JSON body"),
        ("a type that is no integer", Request::signed(r#"{"type":"1"}"#), 400, "Invalid JSON body"),
        ("no type", Request::signed(r#"{"kind":1}"#), 400, "Missing required 'type' field in payload"),
        ("a ping", ping(), 200, PING),
        ("a ping with parameters", ping().with("Content-Type", &[b"application/json; charset=utf-8"]), 200, PING),
        ("an unknown type", signed(&interaction(52, 6)), 501, "Interaction type not implemented"),
        ("a wrong shape", signed(&shapeless), 500, "Exception occurred during interaction deserialization"),
        ("nobody connected", signed(&interaction(53, 2)), 501, "Handler not set for this interaction type"),
    ];
    for (name, request, status, text) in rows {
        let answer = wire.ask(&request).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, text), "{name}");
        assert_eq!(answer.head.contains("\r\nallow: post\r\n"), status == 405, "{name}: {}", answer.head);
        let is_json = answer.head.contains("\r\ncontent-type: application/json\r\n");
        assert_eq!(is_json, status == 200, "{name}: {}", answer.head);
        wire.is_alive(name).await;
    }
}

#[tokio::test]
async fn json_that_is_none_is_400_and_never_500() {
    let server = setup().start().await;
    let mut wire = Wire::open(&server).await;
    let nested = |levels: usize| format!(r#"{{"type":2,"data":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let utf_16: Vec<u8> = PING.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("100,000 nested arrays", nested(100_000).into_bytes()),
        ("129 levels", nested(128).into_bytes()),
        ("NaN", br#"{"type":1,"x":NaN}"#.to_vec()),
        ("Infinity", br#"{"type":1,"x":-Infinity}"#.to_vec()),
        ("1e400", br#"{"type":1,"x":1e400}"#.to_vec()),
        ("a lone surrogate", br#"{"type":1,"x":"\ud800"}"#.to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{\"type\":1}".to_vec()),
        ("UTF-16", utf_16),
        ("bytes that are no UTF-8", b"{\"type\":1,\"x\":\"\xff\"}".to_vec()),
        ("two types", br#"{"type":1,"type":2}"#.to_vec()),
        ("a control character", b"{\"type\":1,\"x\":\"\x01\"}".to_vec()),
        ("text behind it", br#"{"type":1}{}"#.to_vec()),
        ("half of it", br#"{"type":1"#.to_vec()),
    ];
    for (name, body) in bad {
        let answer = wire.ask(&Request::signed(body)).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, "Invalid JSON body"), "{name}");
        wire.is_alive(name).await;
    }
}

#[tokio::test]
async fn age_counts_where_it_is_asked_for() {
    let server = setup().set("interactions_max_age_s", 60).start().await;
    let mut wire = Wire::open(&server).await;
    assert_eq!(wire.ask(&Request::signed(PING)).await.status, 401, "stale");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs().to_string();
    let signature = pair().sign_hex(now.as_bytes(), PING.as_bytes());
    let fresh = Request::signed(PING)
        .with("X-Signature-Timestamp", &[now.as_bytes()])
        .with("X-Signature-Ed25519", &[signature.as_bytes()]);
    assert_eq!(wire.ask(&fresh).await.status, 200);
    let again = wire.ask(&fresh).await;
    assert_eq!((again.status, again.body.as_str()), (401, "Invalid request signature"), "seen");
}
