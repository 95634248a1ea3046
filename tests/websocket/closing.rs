//! Section 7: how connections end.

use harness::{Opcode, RawFrame};

use super::case::{Case, ping, ping_of, run, text};

/// A close frame with this code and reason.
fn close(code: u16, reason: &[u8]) -> RawFrame {
    RawFrame::new(Opcode::Close, [&code.to_be_bytes()[..], reason].concat())
}

#[tokio::test]
async fn nothing_counts_after_a_close() {
    let goodbye = || close(1000, b"");
    let probe = || RawFrame::new(Opcode::Ping, "never answered");
    let (long, d) = ping_of(1 << 16);
    let cases = vec![
        Case::new("7.1.1").send(&text(ping("hello"))).send(&goodbye()).said("hello").closed(1000),
        Case::new("7.1.2").send_all(&[goodbye(), goodbye()]).closed(1000),
        Case::new("7.1.3").send_all(&[goodbye(), probe()]).closed(1000),
        Case::new("7.1.4").send_all(&[goodbye(), text(ping("never answered"))]).closed(1000),
        Case::new("7.1.5")
            .send_all(&[text("{").unfinished(), goodbye(), RawFrame::new(Opcode::Continuation, "}")])
            .closed(1000),
        Case::new("7.1.6").send_all(&[text(long), goodbye(), probe()]).said(d).closed(1000),
        Case::new("7.1.3 after a fault").send_all(&[RawFrame::new(Opcode::Reserved(3), ""), probe()]).closed(1002),
    ];
    run(cases).await;
}

#[tokio::test]
async fn payloads_of_close_frames() {
    let cases = vec![
        Case::new("7.3.1").send(&RawFrame::new(Opcode::Close, "")).closed(1000),
        Case::new("7.3.2").send(&RawFrame::new(Opcode::Close, "x")).closed(1002),
        Case::new("7.3.3").send(&close(1000, b"")).closed(1000),
        Case::new("7.3.4").send(&close(1000, b"Hello, world!")).closed(1000),
        Case::new("7.3.5").send(&close(1000, &[b'*'; 123])).closed(1000),
        Case::new("7.3.6").send(&close(1000, &[b'*'; 124])).closed(1002),
        Case::new("7.5.1").send(&close(1000, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80edited")).closed(1007),
        Case::new("7.5.1 cut").send(&close(1000, b"\xce\xba\xe1\xbd")).closed(1007),
        Case::new("7.3.1 fragment").send(&RawFrame::new(Opcode::Close, "").unfinished()).closed(1002),
        Case::new("7.3.4 chopped").chop(&[close(1000, "κόσμε".as_bytes())]).closed(1000),
    ];
    run(cases).await;
}

#[tokio::test]
async fn codes_of_close_frames() {
    let mut cases = Vec::new();
    // Those of RFC 6455, those registered since, and those for libraries and applications.
    let valid = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
    for (number, code) in (1..).zip(valid) {
        cases.push(Case::new(format!("7.7.{number} of {code}")).send(&close(code, b"")).closed(code));
    }
    let invalid = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];
    for (number, code) in (1..).zip(invalid) {
        let section = if code < 5000 { "7.9" } else { "7.13" };
        cases.push(Case::new(format!("{section}.{number} of {code}")).send(&close(code, b"")).closed(1002));
    }
    run(cases).await;
}
