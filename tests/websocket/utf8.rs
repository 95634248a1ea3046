//! Section 6: text is UTF-8, wherever its characters are cut; what can't become UTF-8 ends the connection at once.

use super::case::{Case, fragments, more, ping, run, text};

/// A message with these bytes as its `d`, whatever they are.
fn message(d: &[u8]) -> Vec<u8> {
    [br#"{"t":"PING","d":""#, d, br#""}"#].concat()
}

/// Each of these is a case, whole and in fragments of one octet.
fn rows(section: &str, list: &[&[u8]]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, bytes) in (1..).zip(list) {
        let message = message(bytes);
        let both = [
            Case::new(format!("{section}.{number}")).send(&text(&*message)),
            Case::new(format!("{section}.{number} octets")).send_all(&fragments(1, &message)),
        ];
        cases.extend(both.map(|case| match std::str::from_utf8(bytes) {
            // Such characters are UTF-8 and may not stand in JSON.
            Ok(d) if d.contains('\0') => case.closed(4001),
            Ok(d) => case.said(d),
            Err(_) => case.closed(1007),
        }));
    }
    cases
}

#[tokio::test]
async fn texts_in_fragments() {
    let kosme = "Hello-µ@ßöäüàá-UTF-8!!";
    let greek = "κόσμε";
    let whole = message(greek.as_bytes());
    let mut cases = vec![
        Case::new("6.1.1").send(&text("")).closed(4001),
        Case::new("6.1.2").send_all(&[text("").unfinished(), more("").unfinished(), more("")]).closed(4001),
        Case::new("6.1.3")
            .send_all(&[text("").unfinished(), more(ping("middle")).unfinished(), more("")])
            .said("middle"),
        Case::new("6.2.1").send(&text(ping(kosme))).said(kosme),
        Case::new("6.2.2").send_all(&fragments(10, ping(kosme).as_bytes())).said(kosme),
        Case::new("6.2.3").send_all(&fragments(1, ping(kosme).as_bytes())).said(kosme),
        Case::new("6.2.4").send_all(&fragments(1, &whole)).said(greek),
    ];
    for (number, octets) in (1..).zip(1..=5) {
        cases.push(Case::new(format!("6.5.{number}")).chop(&fragments(octets, &whole)).said(greek));
    }
    run(cases).await;
}

#[tokio::test]
async fn texts_that_fail_before_their_end() {
    let bad = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited".as_slice();
    let start = text(b"{\"d\":\"\xce\xba\xe1\xbd\xb9".as_slice()).unfinished();
    let cases = vec![
        Case::new("6.3.1").send(&text(message(bad))).closed(1007),
        Case::new("6.3.2").send_all(&fragments(1, &message(bad))).closed(1007),
        // None of these messages ever ends: the fault is seen in the fragment that has it.
        Case::new("6.4.1").send_all(&[start.clone(), more(*b"\xf4\x90\x80\x80").unfinished()]).closed(1007),
        Case::new("6.4.2")
            .send_all(&[start.clone(), more(*b"\xf4").unfinished(), more(*b"\x90").unfinished()])
            .closed(1007),
        Case::new("6.4.3").chop(&[start.clone(), more(*b"\xf4\x90\x80\x80").unfinished()]).closed(1007),
        Case::new("6.4.4").chop(&[start, more(*b"\xf4").unfinished(), more(*b"\x90").unfinished()]).closed(1007),
    ];
    run(cases).await;
}

#[tokio::test]
async fn sequences() {
    let mut cases = Vec::new();
    // Every prefix of a text: valid between characters alone.
    let greek = "κόσμε".as_bytes();
    let prefixes: Vec<&[u8]> = (1..=greek.len()).map(|end| &greek[..end]).collect();
    cases.extend(rows("6.6", &prefixes));
    let continuation: Vec<u8> = (0x80..=0xbf).collect();
    let cut = [b"\xc0".as_slice(), b"\xe0\x80", b"\xf0\x80\x80", b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf"].concat();
    let table: [(&str, &[&[u8]]); 15] = [
        ("6.7", &[b"\0", "\u{80}".as_bytes(), "\u{800}".as_bytes(), "\u{10000}".as_bytes()]),
        ("6.8", &[b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"]),
        ("6.9", &[b"\x7f", "\u{7ff}".as_bytes(), "\u{ffff}".as_bytes(), "\u{10ffff}".as_bytes()]),
        ("6.10", &[b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"]),
        (
            "6.11",
            &[
                "\u{d7ff}".as_bytes(),
                "\u{e000}".as_bytes(),
                "\u{fffd}".as_bytes(),
                "\u{10ffff}".as_bytes(),
                b"\xf4\x90\x80\x80",
            ],
        ),
        (
            "6.12",
            &[
                b"\x80",
                b"\xbf",
                b"\x80\xbf",
                b"\x80\xbf\x80",
                b"\x80\xbf\x80\xbf",
                b"\x80\xbf\x80\xbf\x80",
                &continuation,
            ],
        ),
        ("6.13", &[b"\xc0 \xc1 ", b"\xe0 \xe1 ", b"\xf0 \xf1 ", b"\xf8 \xf9 ", b"\xfc "]),
        (
            "6.14",
            &[
                b"\xc0",
                b"\xe0\x80",
                b"\xf0\x80\x80",
                b"\xf8\x80\x80\x80",
                b"\xfc\x80\x80\x80\x80",
                b"\xdf",
                b"\xef\xbf",
                b"\xf7\xbf\xbf",
                b"\xfb\xbf\xbf\xbf",
                b"\xfd\xbf\xbf\xbf\xbf",
            ],
        ),
        ("6.15", &[&cut]),
        ("6.16", &[b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"]),
        (
            "6.17",
            &[b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf"],
        ),
        (
            "6.18",
            &[b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf8\x87\xbf\xbf\xbf", b"\xfc\x83\xbf\xbf\xbf\xbf"],
        ),
        (
            "6.19",
            &[b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xf8\x80\x80\x80\x80", b"\xfc\x80\x80\x80\x80\x80"],
        ),
        (
            "6.20",
            &[
                b"\xed\xa0\x80",
                b"\xed\xad\xbf",
                b"\xed\xae\x80",
                b"\xed\xaf\xbf",
                b"\xed\xb0\x80",
                b"\xed\xbe\x80",
                b"\xed\xbf\xbf",
            ],
        ),
        (
            "6.21",
            &[
                b"\xed\xa0\x80\xed\xb0\x80",
                b"\xed\xa0\x80\xed\xbf\xbf",
                b"\xed\xad\xbf\xed\xb0\x80",
                b"\xed\xad\xbf\xed\xbf\xbf",
                b"\xed\xae\x80\xed\xb0\x80",
                b"\xed\xae\x80\xed\xbf\xbf",
                b"\xed\xaf\xbf\xed\xb0\x80",
                b"\xed\xaf\xbf\xed\xbf\xbf",
            ],
        ),
    ];
    for (section, list) in table {
        cases.extend(rows(section, list));
    }
    // Characters that are none, at the end of each plane, and specials: all of them UTF-8.
    let nones: Vec<String> = (0..=0x10_u32)
        .flat_map(|plane| [plane << 16 | 0xfffe, plane << 16 | 0xffff])
        .map(|code| char::from_u32(code).expect("no surrogate").to_string())
        .collect();
    cases.extend(rows("6.22", &nones.iter().map(String::as_bytes).collect::<Vec<_>>()));
    let specials: Vec<String> = ('\u{fff9}'..='\u{ffff}').map(String::from).collect();
    cases.extend(rows("6.23", &specials.iter().map(String::as_bytes).collect::<Vec<_>>()));
    run(cases).await;
}
