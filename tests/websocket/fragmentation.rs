//! Section 5: messages in fragments, and what may stand between them.

use harness::{Opcode, RawFrame};

use super::case::{Case, fragments, more, ping, run, text};

#[tokio::test]
async fn fragments_of_messages() {
    let whole = ping("fragment1fragment2");
    let (first, second) = whole.split_at(whole.len() - 11);
    let start = || text(first).unfinished();
    let end = || more(second);
    let probe = |payload: &str| RawFrame::new(Opcode::Ping, payload);
    let said = "fragment1fragment2";
    let five: Vec<String> = (1..=5).map(|number| format!("fragment{number}")).collect();
    let five = ping(&five.concat());
    let pieces: Vec<&[u8]> = five.as_bytes().chunks(five.len().div_ceil(5)).collect();
    let [one, two, three, four, last] = pieces[..] else { panic!("five pieces of {five}") };
    let (f, m) = (text(one).unfinished(), |piece: &[u8]| more(piece).unfinished());
    let all = "fragment1fragment2fragment3fragment4fragment5";
    let with_pings = [f.clone(), m(two), probe("ping1"), m(three), m(four), probe("ping2"), more(last)];
    let cases = vec![
        Case::new("5.1").send_all(&[probe("fragment1").unfinished(), more("fragment2")]).closed(1002),
        Case::new("5.2")
            .send_all(&[RawFrame::new(Opcode::Pong, "fragment1").unfinished(), more("fragment2")])
            .closed(1002),
        Case::new("5.3").send_all(&[start(), end()]).said(said),
        Case::new("5.4").send(&start()).send(&end()).said(said),
        Case::new("5.5").chop(&[start(), end()]).said(said),
        Case::new("5.6").send_all(&[start(), probe("ping"), end()]).pong("ping").said(said),
        Case::new("5.7").send(&start()).send(&probe("ping")).send(&end()).pong("ping").said(said),
        Case::new("5.8").chop(&[start(), probe("ping"), end()]).pong("ping").said(said),
        Case::new("5.9").send_all(&[more("nothing to continue"), text(ping("never"))]).closed(1002),
        Case::new("5.10").send(&more("nothing to continue")).send(&text(ping("never"))).closed(1002),
        Case::new("5.11").chop(&[more("nothing to continue"), text(ping("never"))]).closed(1002),
        Case::new("5.12").send_all(&[more("nothing").unfinished(), text(ping("never"))]).closed(1002),
        Case::new("5.13").send(&more("nothing").unfinished()).send(&text(ping("never"))).closed(1002),
        Case::new("5.14").chop(&[more("nothing").unfinished(), text(ping("never"))]).closed(1002),
        Case::new("5.15")
            .send_all(&[start(), end(), more("nothing to continue").unfinished(), text(ping("never"))])
            .said(said)
            .closed(1002),
        Case::new("5.16").send_all(&[more("fragment1").unfinished(), text("fragment2").unfinished()]).closed(1002),
        Case::new("5.17").send_all(&[more("fragment1"), text("fragment2").unfinished(), more("3")]).closed(1002),
        Case::new("5.18").send_all(&[start(), text(second)]).closed(1002),
        Case::new("5.18 binary").send_all(&[start(), RawFrame::new(Opcode::Binary, "x")]).closed(1002),
        with_pings.iter().fold(Case::new("5.19"), Case::send).pong("ping1").pong("ping2").said(all),
        Case::new("5.20").send_all(&with_pings).pong("ping1").pong("ping2").said(all),
        Case::new("5.20 chopped").chop(&with_pings).pong("ping1").pong("ping2").said(all),
        // One octet a fragment, and fragments of nothing.
        Case::new("5.5 octets").send_all(&fragments(1, whole.as_bytes())).said(said),
        Case::new("5.3 empty").send_all(&[start(), more("").unfinished(), more("").unfinished(), end()]).said(said),
        Case::new("5.6 close").send_all(&[start(), RawFrame::new(Opcode::Close, 1000_u16.to_be_bytes())]).closed(1000),
    ];
    run(cases).await;
}
