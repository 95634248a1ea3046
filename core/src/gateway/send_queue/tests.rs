//! The bound of a queue, and what it drops and keeps.

use proptest::prelude::*;

use super::*;

const LIMITS: QueueLimits =
    QueueLimits { max_bytes: 100, max_age: Duration::from_millis(10), max_stall: Duration::from_secs(1) };

fn id(number: u64) -> Id {
    Id::new(number).unwrap()
}

fn at(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

/// A frame of `len` bytes, all of them `byte`.
fn frame(byte: u8, len: usize) -> Bytes {
    vec![byte; len].into()
}

fn waiting(queue: &SendQueue) -> Vec<u8> {
    queue.chunks().map(|chunk| chunk[0]).collect()
}

#[test]
fn frames_come_out_in_order_and_in_parts() {
    let mut queue = SendQueue::new();
    for (byte, len) in [(1, 3), (2, 4), (3, 1)] {
        queue.push(at(0), frame(byte, len), Lane::Live, &LIMITS).unwrap();
    }
    queue.advance(at(10), 5);
    assert_eq!(queue.chunks().collect::<Vec<_>>(), [&[2, 2][..], &[3]]);
    assert_eq!((queue.len(), queue.bytes()), (2, 5));
    queue.advance(at(10), 3);
    assert!(queue.is_empty() && queue.bytes() == 0 && queue.frames.capacity() == 0);
}

#[test]
fn an_empty_queue_admits_one_of_any_size() {
    let mut queue = SendQueue::new();
    queue.push(at(0), frame(0, 500), Lane::CatchUp, &LIMITS).unwrap();
    queue.push(at(0), frame(1, 500), Lane::Live, &LIMITS).unwrap();
    assert_eq!(queue.push(at(0), frame(2, 1), Lane::Live, &LIMITS), Err(Overflow));
    queue.push(at(0), frame(3, 500), Lane::CatchUp, &LIMITS).unwrap();
    queue.advance(at(10), 1000);
    assert_eq!(waiting(&queue), [3]);
    queue.push(at(0), frame(4, 500), Lane::Live, &LIMITS).unwrap();
}

#[test]
fn what_does_not_count_must_move() {
    let mut queue = SendQueue::new();
    queue.push(at(100), frame(1, 5000), Lane::CatchUp, &LIMITS).unwrap();
    assert_eq!(queue.deadline(&LIMITS), Some(at(1101)));
    queue.advance(at(1000), 1);
    assert_eq!((queue.check(at(2000), &LIMITS), queue.check(at(2001), &LIMITS)), (Ok(()), Err(Overflow)));
    queue.advance(at(2001), 4999);
    assert_eq!(queue.deadline(&LIMITS), None);
    queue.push(at(9000), frame(1, 5000), Lane::CatchUp, &LIMITS).unwrap();
    assert_eq!(queue.deadline(&LIMITS), Some(at(10_001)));
}

#[test]
fn the_bound_is_exact() {
    let mut queue = SendQueue::new();
    queue.push(at(0), frame(1, 60), Lane::Live, &LIMITS).unwrap();
    queue.push(at(10), frame(2, 40), Lane::Live, &LIMITS).unwrap();
    assert_eq!(queue.push(at(10), frame(3, 1), Lane::Live, &LIMITS), Err(Overflow));
    queue.advance(at(10), 60);
    assert_eq!(queue.deadline(&LIMITS), Some(at(21)));
    assert_eq!((queue.check(at(20), &LIMITS), queue.check(at(21), &LIMITS)), (Ok(()), Err(Overflow)));
    assert_eq!(queue.push(at(21), frame(3, 1), Lane::Live, &LIMITS), Err(Overflow));
}

#[test]
fn past_half_only_the_newest_presence_of_each_user_is_kept() {
    let mut queue = SendQueue::new();
    let (ann, bob) = (Lane::Presence(id(1)), Lane::Presence(id(2)));
    for (byte, lane) in [(1, Lane::Live), (2, ann), (3, bob), (4, ann), (5, Lane::Live)] {
        queue.push(at(0), frame(byte, 10), lane, &LIMITS).unwrap();
    }
    assert_eq!(waiting(&queue), [1, 2, 3, 4, 5], "at half, all are kept");
    queue.push(at(0), frame(6, 10), bob, &LIMITS).unwrap();
    assert_eq!(waiting(&queue), [1, 4, 5, 6]);
    for byte in 7..200 {
        queue.push(at(0), frame(byte, 10), ann, &LIMITS).unwrap();
    }
    assert_eq!((waiting(&queue), queue.bytes(), queue.len()), (vec![1, 5, 6, 199], 40, 4));
    assert!(queue.frames.len() < 10, "what was dropped leaves no trace");
}

#[test]
fn past_half_of_the_age_counts_as_well() {
    let mut queue = SendQueue::new();
    let ann = Lane::Presence(id(1));
    for (now, byte, lane) in [(0, 1, Lane::Live), (1, 2, ann), (5, 3, ann), (6, 4, ann)] {
        queue.push(at(now), frame(byte, 1), lane, &LIMITS).unwrap();
    }
    assert_eq!(waiting(&queue), [1, 4]);
}

#[test]
fn the_frame_that_is_being_written_is_never_dropped() {
    let mut queue = SendQueue::new();
    let ann = Lane::Presence(id(1));
    queue.push(at(0), frame(1, 40), ann, &LIMITS).unwrap();
    queue.advance(at(10), 3);
    queue.push(at(1), frame(2, 40), ann, &LIMITS).unwrap();
    queue.push(at(2), frame(3, 40), ann, &LIMITS).unwrap();
    assert_eq!(waiting(&queue), [1, 3]);
    assert_eq!(queue.check(at(11), &LIMITS), Err(Overflow), "its age tells a socket that takes nothing");
}

proptest! {
    /// Against a model that keeps plain lists: same order, no more than the bound, and nothing but presences is lost.
    #[test]
    fn any_mix_of_pushes_and_writes_keeps_order_and_bound(
        ops in prop::collection::vec((0usize..40, 0u64..5, 0usize..60), 0..200)
    ) {
        let limits = QueueLimits { max_bytes: 200, max_age: Duration::from_secs(1000), ..QueueLimits::default() };
        let mut queue = SendQueue::new();
        let mut sent: Vec<(u32, Lane)> = Vec::new();
        let mut received: Vec<u8> = Vec::new();
        for (number, (extra, kind, write)) in (0u32..).zip(ops) {
            let lane = match kind {
                0 => Lane::CatchUp,
                1 | 2 => Lane::Live,
                user => Lane::Presence(id(user)),
            };
            let frame = [&number.to_be_bytes()[..], &[extra as u8], &vec![0; extra][..]].concat();
            if queue.push(at(0), frame.into(), lane, &limits).is_ok() {
                sent.push((number, lane));
            }
            prop_assert!(queue.bytes() <= 200);
            let available: usize = queue.chunks().map(<[u8]>::len).sum();
            let write = write.min(available);
            let out: Vec<u8> = queue.chunks().flatten().copied().take(write).collect();
            received.extend(out);
            queue.advance(at(10), write);
        }
        received.extend(queue.chunks().flatten());
        let mut rest = &received[..];
        let mut numbers = Vec::new();
        while let [a, b, c, d, extra, tail @ ..] = rest {
            numbers.push(u32::from_be_bytes([*a, *b, *c, *d]));
            rest = &tail[usize::from(*extra)..];
        }
        prop_assert!(numbers.is_sorted());
        for (index, (number, lane)) in sent.iter().enumerate() {
            let newer = sent[index + 1..].iter().any(|(_, other)| other == lane);
            let may_be_lost = matches!(lane, Lane::Presence(_)) && newer;
            prop_assert!(may_be_lost || numbers.contains(number), "{number} is lost");
        }
    }
}
