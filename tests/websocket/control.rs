//! Section 2: pings and pongs.

use harness::{Opcode, RawFrame};

use super::case::{Case, run};

fn ping(payload: impl Into<Vec<u8>>) -> RawFrame {
    RawFrame::new(Opcode::Ping, payload)
}

fn pong(payload: impl Into<Vec<u8>>) -> RawFrame {
    RawFrame::new(Opcode::Pong, payload)
}

#[tokio::test]
async fn pings_and_pongs() {
    let binary = [0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff];
    let ten: Vec<RawFrame> = (0..10).map(|number| ping(format!("payload-{number}"))).collect();
    let ten_pongs = |case: Case| (0..10).fold(case, |case, number| case.pong(format!("payload-{number}")));
    let cases = vec![
        Case::new("2.1").send(&ping("")).pong(""),
        Case::new("2.2").send(&ping("Hello, world!")).pong("Hello, world!"),
        Case::new("2.3").send(&ping(binary)).pong(binary),
        Case::new("2.4").send(&ping([0xfe; 125])).pong([0xfe; 125]),
        Case::new("2.5").send(&ping([0xfe; 126])).closed(1002),
        Case::new("2.5 head").write(&[0x89, 0xfe]).closed(1002),
        Case::new("2.6").chop(&[ping([0xfe; 125])]).pong([0xfe; 125]),
        Case::new("2.7").send(&pong("")),
        Case::new("2.8").send(&pong("unsolicited")),
        Case::new("2.9").send_all(&[pong("unsolicited"), ping("ping")]).pong("ping"),
        ten_pongs(Case::new("2.10").send_all(&ten)),
        ten_pongs(Case::new("2.11").chop(&ten)),
    ];
    run(cases).await;
}
