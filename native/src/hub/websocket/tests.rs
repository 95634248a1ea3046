//! Frames as clients may send them, and as they may not.

use proptest::prelude::*;

use super::*;

const LIMIT: usize = 300;

/// A client's frame: first byte, payload, mask.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// What comes of a stream that arrives in pieces, and the most that was kept in between.
fn read(pieces: &[&[u8]]) -> (Vec<Incoming>, Option<ReadFault>, usize) {
    let (mut inbound, mut all, mut most) = (Inbound::default(), Vec::new(), 0);
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut reader = inbound.read(&mut piece, LIMIT);
        loop {
            match reader.next() {
                Ok(Some(incoming)) => all.push(incoming),
                Ok(None) => break,
                Err(fault) => return (all, Some(fault), most),
            }
        }
        let kept = inbound.rest.as_ref();
        most = most.max(kept.map_or(0, |rest| rest.frame.len()));
    }
    (all, None, most)
}

fn fault_of(bytes: &[u8]) -> Option<ReadFault> {
    read(&[bytes]).1
}

#[test]
fn control_frames_stand_between_fragments() {
    let stream = [frame(0x01, b"he"), frame(0x89, b"?"), frame(0x00, b"l"), frame(0x80, b"lo")].concat();
    let (all, fault, _) = read(&[&stream]);
    assert_eq!(all, [Incoming::Ping("?".into()), Incoming::Text("hello".into())]);
    assert_eq!(fault, None);
}

#[test]
fn what_rfc_6455_forbids_is_a_fault() {
    let unmasked = [0x81, 0x02, b'h', b'i'];
    let cases: [&[u8]; 10] = [
        &unmasked,
        &frame(0xc1, b"rsv1"),
        &frame(0xa1, b"rsv2"),
        &frame(0x91, b"rsv3"),
        &frame(0x83, b"opcode 3"),
        &frame(0x8b, b"opcode 11"),
        &frame(0x09, b"a fragment of a ping"),
        &frame(0x89, &[b'x'; 126]),
        &frame(0x80, b"continues nothing"),
        &[frame(0x01, b"a"), frame(0x81, b"b")].concat(),
    ];
    for case in cases {
        assert!(matches!(fault_of(case), Some(ReadFault::Protocol(_))), "{case:x?}");
    }
}

#[test]
fn closes_are_read_and_checked() {
    let close = |code: u16, reason: &[u8]| frame(0x88, &[&code.to_be_bytes()[..], reason].concat());
    assert_eq!(read(&[&frame(0x88, b"")]).0, [Incoming::Close(None)]);
    assert_eq!(read(&[&close(1000, "grüß".as_bytes())]).0, [Incoming::Close(Some(1000))]);
    assert_eq!(read(&[&close(4999, b"")]).0, [Incoming::Close(Some(4999))]);
    assert_eq!(fault_of(&close(1000, b"\xff")), Some(ReadFault::BadUtf8));
    assert!(matches!(fault_of(&frame(0x88, b"x")), Some(ReadFault::Protocol(_))));
    for code in [1003, 1007, 1012, 1013, 1014, 3000] {
        assert_eq!(read(&[&close(code, b"")]).0, [Incoming::Close(Some(code))], "registered");
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        assert!(matches!(fault_of(&close(code, b"")), Some(ReadFault::Protocol(_))), "{code}");
    }
}

#[test]
fn the_limit_is_exact_and_seen_from_the_header() {
    assert_eq!(read(&[&frame(0x81, &[b'x'; LIMIT])]).0.len(), 1);
    let header = &frame(0x81, &[b'x'; LIMIT + 1])[..8];
    assert_eq!(fault_of(header), Some(ReadFault::TooBig));
    let fragments = [frame(0x01, &[b'x'; LIMIT]), frame(0x80, b"x")].concat();
    assert_eq!(fault_of(&fragments), Some(ReadFault::TooBig));
    let longest = [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    assert_eq!(fault_of(&longest), Some(ReadFault::TooBig));
}

#[test]
fn a_text_that_can_be_no_utf8_any_more_is_refused_before_its_end() {
    for (first, second) in [(&b"a\xff"[..], &b""[..]), (b"\xc3", b"("), (b"\xed", b"\xa0\x80"), (b"\xf4", b"\x90")] {
        let stream = [frame(0x01, first), frame(0x00, second)].concat();
        assert_eq!(fault_of(&stream), Some(ReadFault::BadUtf8), "{first:x?} {second:x?}");
    }
    let cut = [frame(0x01, b"\xf0\x9f"), frame(0x00, b""), frame(0x00, b"\x98"), frame(0x80, b"\x80")].concat();
    assert_eq!(read(&[&cut]).0, [Incoming::Text("😀".into())]);
    let binary = [frame(0x02, b"\xff"), frame(0x80, b"\xff")].concat();
    assert_eq!(read(&[&binary]).0, [Incoming::Binary(Bytes::from_static(b"\xff\xff"))]);
}

/// Messages as a client may send them, with the frames that carry them.
fn messages() -> impl Strategy<Value = Vec<(Incoming, Vec<u8>)>> {
    let text = prop::collection::vec(any::<char>(), 0..LIMIT / 4)
        .prop_map(|text| (1, text.into_iter().collect::<String>().into_bytes()));
    let binary = prop::collection::vec(any::<u8>(), 0..LIMIT).prop_map(|bytes| (2, bytes));
    let cuts = prop::collection::vec(0..LIMIT, 0..4);
    let data = (prop_oneof![text, binary], cuts).prop_map(|((opcode, payload), mut cuts)| {
        cuts.retain(|cut| *cut < payload.len());
        cuts.sort_unstable();
        let (mut frames, mut start) = (Vec::new(), 0);
        for cut in cuts {
            frames.extend(frame(if frames.is_empty() { opcode } else { 0 }, &payload[start..cut]));
            start = cut;
        }
        frames.extend(frame(0x80 | if frames.is_empty() { opcode } else { 0 }, &payload[start..]));
        let bytes = Bytes::from(payload);
        (if opcode == 1 { Incoming::Text(bytes) } else { Incoming::Binary(bytes) }, frames)
    });
    let ping = prop::collection::vec(any::<u8>(), 0..126)
        .prop_map(|payload| (Incoming::Ping(payload.clone().into()), frame(0x89, &payload)));
    prop::collection::vec(prop_oneof![data, ping], 0..6)
}

proptest! {
    #[test]
    fn any_split_gives_the_same_messages(messages in messages(), cuts in prop::collection::vec(1..600usize, 0..40)) {
        let stream: Vec<u8> = messages.iter().flat_map(|(_, frames)| frames).copied().collect();
        let (mut pieces, mut rest) = (Vec::new(), &stream[..]);
        for cut in cuts {
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        let (all, fault, most) = read(&pieces);
        prop_assert_eq!(fault, None);
        prop_assert_eq!(all, messages.into_iter().map(|(message, _)| message).collect::<Vec<_>>());
        prop_assert!(most < LIMIT + 14);
    }

    #[test]
    fn no_bytes_make_a_panic(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8)) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        prop_assert!(read(&pieces).2 < LIMIT + 14);
    }
}
