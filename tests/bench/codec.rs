//! What encoding, decoding, compressing and inflating an event take, beside libraries that do the same alone.

use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sanmon_core::audience::Audience;
use sanmon_core::codec::{self, Encoding, Inflater, Message};
use sanmon_core::entry::Draft;
use sanmon_core::event::{Envelope, Seq};
use sanmon_core::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use zlib_rs::{DeflateConfig, InflateConfig, compress_bound, compress_slice, decompress_slice};

use crate::event;
use crate::rounds::{median, round};
use crate::session::Session;
use crate::table::Table;

/// Lengths of events.
const SIZES: [usize; 3] = [256, 2_048, 50_000];
/// Rounds in which both take turns.
const ROUNDS: usize = 9;
/// How much more than zlib-rs compression may take.
const BAR: f64 = 1.5;
/// The level that events are compressed at.
const LEVEL: i32 = 6;
/// More than any event here inflates to.
const LIMIT: usize = 1 << 20;

/// An event as a program without this crate would have it.
#[derive(Serialize, Deserialize)]
struct Plain<'a> {
    t: &'a str,
    s: u64,
    #[serde(borrow)]
    d: &'a RawValue,
}

/// Seconds that one event takes, here and by the other library.
struct Pair {
    what: &'static str,
    size: usize,
    own: f64,
    other: f64,
    ratio: f64,
}

pub(crate) fn run(session: &Session) -> io::Result<()> {
    println!("codec: one core; beside serde_json alone, and zlib-rs at level {LEVEL}");
    let progress = session.progress("codec", SIZES.len() * 4);
    let mut pairs = Vec::new();
    for size in SIZES {
        let text = event::text(size);
        let mut step = |what: &'static str, own: &mut dyn FnMut(), other: &mut dyn FnMut()| {
            progress.step(format!("{what}, {size} bytes"));
            pairs.push(measure(session, what, size, own, other));
        };
        encode(&text, &mut step)?;
        decode(&text, &mut step)?;
        compress(&text, &mut step);
        inflate(&text, &mut step)?;
    }
    drop(progress);
    report(session, &pairs)
}

/// One thing that two do, at one size.
type Step<'a> = dyn FnMut(&'static str, &mut dyn FnMut(), &mut dyn FnMut()) + 'a;

/// From what a publisher gave to the frame that sockets take.
fn encode(text: &str, step: &mut Step<'_>) -> io::Result<()> {
    let plain: Plain<'_> = serde_json::from_str(text)?;
    let draft = Draft::new(text.parse::<Envelope>()?, Audience::Everyone);
    step("encode", &mut || drop(black_box(draft.clone().place(Seq::new(plain.s), UnixMillis::default()))), &mut || {
        drop(black_box(serde_json::to_vec(&plain)))
    });
    Ok(())
}

/// From a frame's payload to an event that is checked.
fn decode(text: &str, step: &mut Step<'_>) -> io::Result<()> {
    let message = Message::Text(Bytes::copy_from_slice(text.as_bytes()));
    step(
        "decode",
        &mut || {
            let text = codec::text_of(&message, Encoding::Json, LIMIT).unwrap_or_default();
            let _ = black_box(text.parse::<Envelope>());
        },
        &mut || {
            let _ = black_box(serde_json::from_slice::<Plain<'_>>(black_box(text.as_bytes())));
        },
    );
    Ok(())
}

fn compress(text: &str, step: &mut Step<'_>) {
    let mut deflater = codec::Deflater::default();
    let mut out = vec![0; compress_bound(text.len())];
    step(
        "compress",
        &mut || {
            black_box(deflater.deflate(black_box(text.as_bytes())));
        },
        &mut || {
            black_box(compress_slice(&mut out, black_box(text.as_bytes()), DeflateConfig::new(LEVEL)));
        },
    );
}

fn inflate(text: &str, step: &mut Step<'_>) -> io::Result<()> {
    let stream = codec::deflate(text.as_bytes());
    let (mut inflater, mut out) = (Inflater::default(), vec![0; text.len()]);
    if inflater.inflate(&stream, LIMIT).map_err(io::Error::other)? != text.as_bytes() {
        return Err(io::Error::other("an event does not inflate to itself"));
    }
    step(
        "inflate",
        &mut || {
            let _ = black_box(inflater.inflate(black_box(&stream), LIMIT));
        },
        &mut || {
            black_box(decompress_slice(&mut out, black_box(&stream), InflateConfig::default()));
        },
    );
    Ok(())
}

/// Has both take turns.
fn measure(session: &Session, what: &'static str, size: usize, own: &mut dyn FnMut(), other: &mut dyn FnMut()) -> Pair {
    let time = session.pick(Duration::from_millis(60), Duration::from_millis(1));
    let rounds: Vec<(f64, f64)> = (0..=ROUNDS).map(|_| (seconds(time, own), seconds(time, other))).skip(1).collect();
    Pair {
        what,
        size,
        own: median(rounds.iter().map(|round| round.0).collect()),
        other: median(rounds.iter().map(|round| round.1).collect()),
        ratio: median(rounds.iter().map(|round| round.0 / round.1).collect()),
    }
}

/// How long one call takes, of as many as fit into this time.
fn seconds(time: Duration, call: &mut dyn FnMut()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0_u32);
    while start.elapsed() < time {
        for _ in 0..8 {
            call();
        }
        calls += 8;
    }
    start.elapsed().as_secs_f64() / f64::from(calls)
}

fn report(session: &Session, pairs: &[Pair]) -> io::Result<()> {
    let mut table =
        Table::new(["", "bytes", "events a second", "MB/s", "by the other library, a second", "MB/s", "time, ratio"]);
    for pair in pairs {
        let rate = |seconds: f64| format!("{:.0}", 1.0 / seconds);
        let speed = |seconds: f64| format!("{:.0}", pair.size as f64 / seconds / 1e6);
        table.add([
            pair.what.to_owned(),
            pair.size.to_string(),
            rate(pair.own),
            speed(pair.own),
            rate(pair.other),
            speed(pair.other),
            format!("{:.2}", pair.ratio),
        ]);
    }
    println!("\n{table}");
    for pair in pairs.iter().filter(|pair| pair.what == "compress") {
        let verdict = session.verdict(pair.ratio <= BAR);
        println!("  compress {} bytes: {:.2} of zlib-rs, at most {BAR} wanted: {verdict}", pair.size, pair.ratio);
    }
    println!();
    let one = |pair: &Pair| {
        json!({
            "what": pair.what, "bytes": pair.size, "per_second": (1.0 / pair.own).round(),
            "other_per_second": (1.0 / pair.other).round(), "time_ratio": round(pair.ratio),
        })
    };
    session.record("codec", pairs.iter().map(one).collect::<Value>())
}
