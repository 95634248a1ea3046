//! Bodies as HTTP may carry them, and as nobody should.

use super::*;

const LIMIT: usize = 64 << 10;

fn chunked(request: &Request, parts: &[&[u8]]) -> Vec<u8> {
    let request = Request { body: Vec::new(), ..request.clone() };
    let mut bytes = request.with("Content-Length", &[]).with("Transfer-Encoding", &[b"chunked"]).to_bytes();
    for part in parts {
        bytes.extend([format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

#[tokio::test]
async fn chunked_bodies_are_taken() {
    let server = setup().start().await;
    let mut wire = Wire::open(&server).await;
    let ping = Request::signed(PING);
    let bytes: Vec<&[u8]> = PING.as_bytes().chunks(1).collect();
    for parts in [&[PING.as_bytes()][..], &bytes] {
        wire.send(&chunked(&ping, parts)).await;
        assert_eq!(wire.answer().await.expect("an answer").status, 200);
        wire.is_alive("chunks").await;
    }
}

#[tokio::test]
async fn http_1_0_is_answered_and_ended() {
    let server = setup().start().await;
    let mut wire = Wire::open(&server).await;
    let answer = wire.ask(&Request { version: "1.0", ..Request::signed(PING) }).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, PING));
    wire.ended().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = setup().start().await;
    let mut wire = Wire::open(&server).await;
    let bad = Request::signed("tea");
    let unsigned = Request::signed(PING).with("X-Signature-Ed25519", &[]);
    let all = [Request::signed(PING), bad, unsigned, Request::signed(PING)];
    let bytes: Vec<u8> = all.iter().flat_map(Request::to_bytes).collect();
    wire.send(&bytes).await;
    for status in [200, 400, 401, 200] {
        assert_eq!(wire.answer().await.expect("an answer").status, status);
    }
}

#[tokio::test]
async fn who_asks_for_leave_is_given_it_only_for_a_good_head() {
    let server = setup().start().await;
    let mut wire = Wire::open(&server).await;
    let asking = Request::signed(PING).with("Expect", &[b"100-continue"]);
    wire.send(&Request { body: Vec::new(), ..asking.clone() }.to_bytes()).await;
    assert_eq!(wire.answer().await.expect("an answer").status, 100);
    wire.send(PING.as_bytes()).await;
    assert_eq!(wire.answer().await.expect("an answer").status, 200);
    wire.is_alive("leave").await;

    let refused = Request { body: Vec::new(), ..asking.with("X-Signature-Ed25519", &[]) };
    wire.send(&refused.to_bytes()).await;
    assert_eq!(wire.answer().await.expect("an answer").status, 401);
}

#[tokio::test]
async fn bodies_beyond_the_limit_are_413() {
    let server = setup().set("interactions_max_body_bytes", LIMIT).start().await;
    let large = vec![b' '; LIMIT + 1];
    let mut wire = Wire::open(&server).await;
    let told = Request::signed(large.clone());
    for request in [told.to_bytes(), chunked(&told, &large.chunks(1000).collect::<Vec<_>>())] {
        wire.send(&request).await;
        let answer = wire.answer().await.expect("an answer");
        assert_eq!((answer.status, answer.body.as_str()), (413, "Payload too large"));
        wire.is_alive("a large body").await;
    }

    let before = server.memory();
    for length in ["1000000000", "18446744073709551615"] {
        let mut wire = Wire::open(&server).await;
        let told =
            Request { body: vec![b' '; 1000], ..Request::signed(PING) }.with("Content-Length", &[length.as_bytes()]);
        wire.send(&told.to_bytes()).await;
        let answer = wire.answer().await.expect("an answer");
        assert!(matches!(answer.status, 400 | 413 | 431), "{length}: {}", answer.head);
        assert!(answer.head.contains("connection: close"), "{}", answer.head);
    }
    assert!(server.memory().saturating_sub(before) < 8 << 20);
}

#[tokio::test]
async fn bodies_that_end_early_or_have_two_lengths_harm_nobody() {
    let server = setup().set("body_timeout_ms", 300).start().await;
    let mut wire = Wire::open(&server).await;
    let half = Request { body: b"{\"ty".to_vec(), ..Request::signed(PING) };
    wire.send(&half.to_bytes()).await;
    assert_eq!(wire.answer().await.expect("an answer").status, 408);
    wire.ended().await;

    let mut wire = Wire::open(&server).await;
    wire.send(&half.to_bytes()).await;
    drop(wire);

    // A length beside chunks is how requests are smuggled: whatever is answered, the rest is not read as a request.
    let mut wire = Wire::open(&server).await;
    let both = Request::signed(PING).with("Transfer-Encoding", &[b"chunked"]);
    let smuggled = [b"0\r\n\r\n".to_vec(), Request::signed(PING).to_bytes()].concat();
    wire.send(&Request { body: smuggled, ..both }.to_bytes()).await;
    let answer = wire.answer().await;
    assert!(answer.as_ref().is_none_or(|answer| answer.status == 400), "{answer:?}");

    let mut wire = Wire::open(&server).await;
    let two = Request::signed(PING).with("Content-Length", &[b"10", b"11"]);
    wire.send(&two.to_bytes()).await;
    let answer = wire.answer().await;
    assert!(answer.as_ref().is_none_or(|answer| answer.status == 400), "{answer:?}");
    Wire::open(&server).await.is_alive("all that").await;
}
