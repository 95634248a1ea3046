//! Sections 1 and 10: lengths in each of their encodings, masks, and how frames are cut into writes.

use harness::{Opcode, RawFrame};

use super::case::{Case, ping, ping_of, run, text};

/// The lengths at which the encoding of a length changes.
const LENGTHS: [usize; 6] = [125, 126, 127, 128, 65535, 65536];

#[tokio::test]
async fn messages_of_every_length() {
    let mut cases = vec![
        // A message of nothing is a message, and no JSON.
        Case::new("1.1.1").send(&text("")).closed(4001),
        Case::new("1.2.1").send(&RawFrame::new(Opcode::Binary, "")).closed(4001),
    ];
    for (number, octets) in (2..).zip(LENGTHS) {
        let (message, d) = ping_of(octets);
        cases.push(Case::new(format!("1.1.{number}")).send(&text(&*message)).said(&d));
        cases.push(Case::new(format!("1.1.{number} chopped")).chop_into(997, &[text(&*message)]).said(&d));
    }
    let (message, d) = ping_of(65536);
    cases.push(Case::new("10.1.1").send_all(&super::case::fragments(1300, message.as_bytes())).said(d));
    run(cases).await;
}

#[tokio::test]
async fn lengths_in_more_octets_than_they_need() {
    let frame = |opcode: Opcode, octets: usize, payload: &[u8]| {
        let mut bytes = vec![0x80 | opcode.bits(), if octets == 2 { 0xfe } else { 0xff }];
        bytes.extend_from_slice(&(payload.len() as u64).to_be_bytes()[8 - octets..]);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(payload);
        bytes
    };
    let (short, long) = (ping_of(125).0, ping_of(65535).0);
    let cases = vec![
        Case::new("1.1.2a").write(&frame(Opcode::Text, 2, short.as_bytes())).closed(1002),
        Case::new("1.1.2b").write(&frame(Opcode::Text, 8, short.as_bytes())).closed(1002),
        Case::new("1.1.6a").write(&frame(Opcode::Text, 8, long.as_bytes())).closed(1002),
        Case::new("1.1.7a").write(&frame(Opcode::Text, 8, ping_of(65536).0.as_bytes())).said(ping_of(65536).1),
        Case::new("1.1.3a").write(&frame(Opcode::Text, 2, ping_of(126).0.as_bytes())).said(ping_of(126).1),
        Case::new("2.1a").write(&frame(Opcode::Ping, 2, b"")).closed(1002),
        // The highest of the 64 bits must be 0.
        Case::new("1.1.8a").write(&[0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).closed(1002),
    ];
    run(cases).await;
}

#[tokio::test]
async fn messages_past_the_limit() {
    let too_long = text(vec![b' '; (1 << 17) + 1]);
    let half = |frame: RawFrame| frame.unfinished();
    let head = &too_long.to_bytes()[..14];
    let cases = vec![
        Case::new("9.1.1").send(&text(ping_of(1 << 17).0)).said(ping_of(1 << 17).1),
        // The head alone is enough.
        Case::new("9.1.2").write(head).closed(1009),
        Case::new("9.2.1").send(&RawFrame { told_len: Some(i64::MAX as u64), ..text("") }).closed(1009),
        Case::new("9.3.1").send_all(&[half(text(vec![b' '; 1 << 17])), super::case::more(" ")]).closed(1009),
    ];
    run(cases).await;
}

#[tokio::test]
async fn masks() {
    let hello = || text(ping("hello"));
    let with = |mask: Option<[u8; 4]>, frame: RawFrame| RawFrame { mask, ..frame };
    let cases = vec![
        Case::new("mask of zeros").send(&with(Some([0; 4]), hello())).said("hello"),
        Case::new("mask of ones").send(&with(Some([0xff; 4]), hello())).said("hello"),
        Case::new("text without a mask").send(&with(None, hello())).closed(1002),
        Case::new("ping without a mask").send(&with(None, RawFrame::new(Opcode::Ping, "x"))).closed(1002),
        Case::new("close without a mask").send(&with(None, RawFrame::new(Opcode::Close, ""))).closed(1002),
        Case::new("no mask, seen in two octets").write(&[0x81, 0x05]).closed(1002),
    ];
    run(cases).await;
}
