//! Sections 3, 4, 12 and 13: reserved bits and opcodes; no extension gives any of them a meaning.

use harness::{Opcode, RawFrame};

use super::case::{Case, ping, run, text};

const HELLO: &str = "Hello, world!";

#[tokio::test]
async fn reserved_bits() {
    let hello = || text(ping(HELLO));
    let bits = |bits: u8, frame: RawFrame| RawFrame { head: frame.head | bits << 4, ..frame };
    let probe = || RawFrame::new(Opcode::Ping, "");
    let mut cases = vec![
        Case::new("3.1").send(&bits(1, hello())).closed(1002),
        Case::new("3.2").send_all(&[hello(), bits(2, hello()), probe()]).said(HELLO).closed(1002),
        Case::new("3.3").send(&hello()).send(&bits(3, hello())).send(&probe()).said(HELLO).closed(1002),
        Case::new("3.4").chop(&[hello(), bits(4, hello()), probe()]).said(HELLO).closed(1002),
        Case::new("3.5").send(&bits(5, RawFrame::new(Opcode::Binary, [0, 0xff]))).closed(1002),
        Case::new("3.6").send(&bits(6, RawFrame::new(Opcode::Ping, HELLO))).closed(1002),
        Case::new("3.7").send(&bits(7, RawFrame::new(Opcode::Close, ""))).closed(1002),
        // What permessage-deflate would set on a compressed message, had the server agreed to it.
        Case::new("12.1.1").send(&bits(4, text([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]))).closed(1002),
        Case::new("13.1.1").send(&bits(4, hello()).unfinished()).closed(1002),
    ];
    // The first octet is enough.
    for bit in [0xc1_u8, 0xa1, 0x91] {
        cases.push(Case::new(format!("3.1 {bit:x}")).write(&[bit]).closed(1002));
    }
    run(cases).await;
}

#[tokio::test]
async fn reserved_opcodes() {
    let mut cases = Vec::new();
    for (section, opcodes) in [("4.1", 3..=7), ("4.2", 11..=15)] {
        for (number, opcode) in (1..).zip(opcodes) {
            let reserved = |payload: &str| RawFrame::new(Opcode::Reserved(opcode), payload);
            let case = Case::new(format!("{section}.{number}"));
            cases.push(match number {
                1 => case.send(&reserved("")).closed(1002),
                2 => case.send(&reserved("reserved")).closed(1002),
                3 => case.send_all(&[text(ping(HELLO)), reserved(""), text(ping("never"))]).said(HELLO).closed(1002),
                4 => case.send(&text(ping(HELLO))).send(&reserved("reserved")).said(HELLO).closed(1002),
                _ => case.chop(&[text(ping(HELLO)), reserved("reserved")]).said(HELLO).closed(1002),
            });
            cases.push(Case::new(format!("{section}.{number} octet")).write(&[0x80 | opcode]).closed(1002));
        }
    }
    run(cases).await;
}
