//! The log against a real nats-server.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::Config as Stream;
use sanmon_core::audience::Audience;
use sanmon_core::entry::{Draft, Entry};
use sanmon_core::event::Seq;
use sanmon_engines::Nats as Server;
use tokio::time::timeout;

use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::log::ChangeNumber;
use crate::store::{Refusal, StoreError};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

async fn nats(server: &Server) -> Nats {
    Nats::connect(&server.url(), None, Clock::start()).await.unwrap()
}

async fn try_open(server: &Server, config: &Config) -> Result<JetStream, StreamError> {
    JetStream::open(nats(server).await, Settings::of(config), Clock::start().unix()).await
}

async fn open(server: &Server, config: &Config) -> JetStream {
    try_open(server, config).await.unwrap()
}

fn message(text: &str) -> Outgoing {
    let event = format!(r#"{{"t":"SAID","d":{{"text":"{text}"}}}}"#).parse().unwrap();
    Outgoing { body: Body::of(&Draft::new(event, Audience::Everyone)), id: None }
}

fn with_id(text: &str) -> Outgoing {
    Outgoing { id: Some(text.to_owned()), ..message(text) }
}

async fn publish(log: &JetStream, texts: impl IntoIterator<Item = String>) -> Vec<Seq> {
    log.publish(texts.into_iter().map(|text| message(&text)).collect()).await.unwrap()
}

/// Tries until it is stored, as a publisher with a key would.
async fn insist(log: &JetStream, text: &str) -> Seq {
    loop {
        match log.publish(vec![with_id(text)]).await {
            Ok(places) => return places[0],
            Err(StoreError::Log(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn read(follower: &mut Follower, count: usize) -> Vec<Arc<Entry>> {
    let reading = async {
        let mut entries = Vec::new();
        while entries.len() < count {
            entries.extend(follower.next().await.unwrap().into_iter().map(|met| met.entry));
        }
        entries
    };
    timeout(PATIENCE, reading).await.expect("the entries")
}

async fn loss(follower: &mut Follower) -> Loss {
    let losing = async {
        loop {
            if let Err(loss) = follower.next().await {
                return loss;
            }
        }
    };
    timeout(PATIENCE, losing).await.expect("a loss")
}

fn text(entry: &Entry) -> &str {
    entry.dispatch.as_ref().unwrap().text()
}

#[tokio::test]
async fn all_nodes_see_all_entries_in_one_order() {
    let server = Server::start();
    let (one, two) = (open(&server, &Config::default()).await, open(&server, &Config::default()).await);
    let start = one.extent().await.unwrap();
    assert_eq!((start.floor, start.head), (two.place(0), two.place(0)));
    let mut followers = [one.follow(start.head), two.follow(start.head)];
    let (from_one, from_two) = tokio::join!(
        publish(&one, (0..1000).map(|number| format!("one {number}"))),
        publish(&two, (0..1000).map(|number| format!("two {number}"))),
    );
    assert!(from_one.is_sorted() && from_two.is_sorted(), "a publisher's own order is kept");
    let mut seen = Vec::new();
    for follower in &mut followers {
        let entries = read(follower, 2000).await;
        let places: Vec<Seq> = entries.iter().map(|entry| entry.seq).collect();
        assert!(places.iter().copied().eq((1..=2000).map(|number| one.place(number))));
        for (number, place) in from_two.iter().enumerate() {
            let entry = &entries[(place.as_u64() - start.head.as_u64()) as usize - 1];
            assert_eq!(text(entry), format!(r#"{{"t":"SAID","s":{},"d":{{"text":"two {number}"}}}}"#, place.as_u64()));
        }
        seen.push(entries);
    }
    // Who comes later reads the same, at once or at single places.
    let end = one.extent().await.unwrap();
    assert_eq!(end.head, one.place(2000));
    let again = read(&mut two.follow(end.floor), 2000).await;
    let wanted = [from_one[7], from_two[999], end.head.next(), from_one[3]];
    let some = two.at(&wanted).await.unwrap();
    assert_eq!(some.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [wanted[0], wanted[1], wanted[3]]);
    for (entry, same) in seen[0].iter().zip(&again) {
        assert_eq!((entry.seq, entry.at, text(entry)), (same.seq, same.at, text(same)));
    }
    assert_eq!(text(&some[1]), text(&again[(from_two[999].as_u64() - start.head.as_u64()) as usize - 1]));
}

#[tokio::test]
async fn what_was_stored_in_part_is_completed_once() {
    let server = Server::start();
    let log = open(&server, &Config::default()).await;
    let batch: Vec<Outgoing> = (0..5).map(|number| with_id(&format!("key:{number}"))).collect();
    let first = log.publish(batch[..3].to_vec()).await.unwrap();
    let whole = log.publish(batch.clone()).await.unwrap();
    assert_eq!(whole[..3], first);
    assert_eq!(log.publish(batch).await.unwrap(), whole);
    assert_eq!(log.extent().await.unwrap().head, log.place(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_nats_is_killed() {
    let mut server = Server::start();
    let log = open(&server, &Config::default()).await;
    let mut follower = log.follow(log.extent().await.unwrap().head);
    let reader = tokio::spawn(async move { read(&mut follower, 600).await });
    let publisher = {
        let log = log.clone();
        tokio::spawn(async move {
            let mut places = Vec::new();
            for number in 0..600 {
                places.push((insist(&log, &format!("event {number}")).await, number));
            }
            places
        })
    };
    for _ in 0..3 {
        // Somewhere in the middle of publishing.
        let before = log.extent().await.unwrap().head.as_u64();
        while log.extent().await.is_ok_and(|extent| extent.head.as_u64() < (before + 50).min(log.offset() + 550)) {}
        tokio::task::block_in_place(|| server.kill());
        let refused = log.publish(vec![message("while it is down")]).await;
        assert!(matches!(refused, Err(StoreError::Log(_))), "{refused:?}");
        tokio::task::block_in_place(|| server.restart());
        let mut link = log.nats().link();
        timeout(PATIENCE, link.wait_for(|link| *link == crate::nats::Link::Up)).await.unwrap().unwrap();
        while log.extent().await.is_err() {}
    }
    let places = timeout(PATIENCE, publisher).await.unwrap().unwrap();
    let entries = timeout(PATIENCE, reader).await.unwrap().unwrap();
    assert!(places.is_sorted());
    for (entry, after) in entries.iter().zip(&entries[1..]) {
        assert_eq!(entry.seq.next(), after.seq, "no hole, nothing twice");
    }
    let extent = log.extent().await.unwrap();
    let all = read(&mut log.follow(extent.floor), (extent.head.as_u64() - extent.floor.as_u64()) as usize).await;
    for (place, number) in places {
        let entry = &all[(place.as_u64() - extent.floor.as_u64()) as usize - 1];
        assert!(text(entry).contains(&format!("\"event {number}\"")), "{}", text(entry));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dropped_unread_is_a_gap() {
    let mut server = Server::start();
    let log = open(&server, &Config { log_max_entries: 100, ..Config::default() }).await;
    let mut follower = log.follow(log.extent().await.unwrap().head);
    publish(&log, ["first".to_owned()]).await;
    read(&mut follower, 1).await;
    tokio::task::block_in_place(|| server.restart());
    insist(&log, "back").await;
    publish(&log, (0..500).map(|number| number.to_string())).await;
    assert_eq!(loss(&mut follower).await, Loss::Gap);
    // Who begins there has all that is held.
    let extent = log.extent().await.unwrap();
    assert!(extent.floor > log.place(100));
    let held = (extent.head.as_u64() - extent.floor.as_u64()) as usize;
    assert!((100..=120).contains(&held), "{held}");
    assert_eq!(read(&mut log.follow(extent.floor), held).await[0].seq, extent.floor.next());
}

#[tokio::test]
async fn another_stream_is_another_log() {
    let server = Server::start();
    let log = open(&server, &Config::default()).await;
    let before = publish(&log, (0..10).map(|number| number.to_string())).await;
    let mut follower = log.follow(before[4]);
    assert_eq!(read(&mut follower, 5).await[0].seq, before[5]);
    log.inner.context.delete_stream(log.inner.settings.name()).await.unwrap();
    let refused = log.publish(vec![message("nowhere")]).await;
    assert!(matches!(refused, Err(StoreError::Log(_))), "{refused:?}");
    let extent = log.reopen(Clock::start().unix()).await.unwrap();
    assert_eq!(loss(&mut follower).await, Loss::Replaced);
    assert!(extent.floor > before[9] && extent.floor == extent.head);
    assert!(log.at(&before).await.unwrap().is_empty());
    assert!(publish(&log, ["anew".to_owned()]).await[0] > before[9]);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_not_given_twice_when_the_end_of_the_stream_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(folder.path()).unwrap();
    let log = open(&server, &Config::default()).await;
    let other = open(&server, &Config::default()).await;
    let mut follower = log.follow(log.extent().await.unwrap().head);
    publish(&log, (0..10).map(|number| number.to_string())).await;
    let copy = tempfile::tempdir().unwrap();
    tokio::task::block_in_place(|| {
        server.shut_down();
        copy_folder(&folder.path().join("store"), copy.path());
        server.restart();
    });
    let last = insist(&log, "soon lost").await;
    read(&mut follower, 11).await;
    // As after a loss of power: what was acknowledged last is not on the disk.
    tokio::task::block_in_place(|| {
        server.kill();
        fs::remove_dir_all(folder.path().join("store")).unwrap();
        copy_folder(copy.path(), &folder.path().join("store"));
        server.restart();
    });
    assert_eq!(loss(&mut follower).await, Loss::Rewound);
    log.move_on(Clock::start().unix(), follower.last()).await.unwrap();
    let extent = log.reopen(Clock::start().unix()).await.unwrap();
    assert!(extent.floor >= last && extent.head > last);
    assert!(insist(&log, "next").await > extent.head);
    assert_eq!(read(&mut log.follow(extent.floor), 11).await[10].seq, extent.head.next());
    // A second node that saw the same finds it done.
    while other.move_on(Clock::start().unix(), last).await.is_err() {}
    other.reopen(Clock::start().unix()).await.unwrap();
    assert_eq!(other.offset(), log.offset());
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test]
async fn nothing_is_said_to_stand_at_a_place_of_another_stream() {
    let server = Server::start();
    let log = open(&server, &Config::default()).await;
    let mut follower = log.follow(log.extent().await.unwrap().head);
    publish(&log, (0..10).map(|number| number.to_string())).await;
    read(&mut follower, 10).await;
    log.inner.context.delete_stream(log.inner.settings.name()).await.unwrap();
    // Another node makes it anew, and this one does not know.
    open(&server, &Config::default()).await;
    for _ in 0..2 {
        let refused = log.publish(vec![with_id("soon")]).await;
        assert!(matches!(refused, Err(StoreError::Log(_))), "{refused:?}");
    }
    assert!(matches!(loss(&mut follower).await, Loss::Replaced | Loss::Rewound));
    log.move_on(Clock::start().unix(), follower.last()).await.unwrap();
    let extent = log.reopen(Clock::start().unix()).await.unwrap();
    assert_eq!(log.publish(vec![with_id("soon")]).await, Ok(vec![extent.head]));
}

/// Changes with these numbers, as the outbox holds them.
fn changes(numbers: std::ops::RangeInclusive<u64>) -> Vec<(ChangeNumber, Body)> {
    numbers.map(|number| (ChangeNumber::new(number), message(&format!("change {number}")).body)).collect()
}

/// The numbers of the changes among so many entries, and that they tell what they are.
async fn numbers(log: &JetStream, entries: usize) -> Vec<u64> {
    let mut follower = log.follow(log.place(0));
    let reading = async {
        let (mut numbers, mut met) = (Vec::new(), 0);
        while met < entries {
            for entry in follower.next().await.unwrap() {
                met += 1;
                let Some(number) = entry.change.map(ChangeNumber::as_u64) else { continue };
                assert!(text(&entry.entry).contains(&format!("\"change {number}\"")), "{}", text(&entry.entry));
                numbers.push(number);
            }
        }
        numbers
    };
    timeout(PATIENCE, reading).await.expect("the entries")
}

/// Relays these changes as the relay does, some at once, whatever else goes on.
async fn insist_on(log: &JetStream, through: u64) {
    let mut last = log.relayed().await.unwrap();
    while last.number.as_u64() < through {
        let next = last.number.as_u64() + 1;
        match log.relay(&changes(next..=through.min(next + 15)), &mut last).await {
            Ok(()) => {}
            Err(ChangeFault::OutOfTurn) => last = log.relayed().await.unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn changes_stand_in_their_order_once() {
    let server = Server::start();
    let (one, two) = (open(&server, &Config::default()).await, open(&server, &Config::default()).await);
    assert_eq!(one.relayed().await.unwrap(), Relayed::default());
    let mut last = Relayed::default();
    for number in 1..=3 {
        one.relay(&changes(number..=number), &mut last).await.unwrap();
        publish(&two, ["something else".to_owned()]).await;
    }
    assert_eq!((last.number, two.relayed().await.unwrap()), (ChangeNumber::new(3), last));
    // Who did not see the last one puts nothing new in, and what is there stays where it is.
    let relay =
        async |log: &JetStream, number, mut last| log.relay(&changes(number..=number), &mut last).await.map(|()| last);
    assert_eq!(relay(&two, 4, Relayed::default()).await, Err(ChangeFault::OutOfTurn));
    assert_eq!(relay(&two, 3, Relayed::default()).await, Ok(last));
    assert!(relay(&two, 2, last).await.is_ok());
    relay(&two, 4, last).await.unwrap();
    assert_eq!(relay(&one, 5, last).await, Err(ChangeFault::OutOfTurn));
    assert_eq!(numbers(&two, 7).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn of_changes_that_are_sent_at_once_none_stands_without_the_one_before() {
    let server = Server::start();
    let (one, two) = (open(&server, &Config::default()).await, open(&server, &Config::default()).await);
    let mut last = Relayed::default();
    one.relay(&changes(1..=64), &mut last).await.unwrap();
    assert_eq!((last.number.as_u64(), two.relayed().await.unwrap()), (64, last));
    // Another node relayed meanwhile: the first stays where it stands, and none is put behind it once more.
    let mut behind = last;
    two.relay(&changes(65..=66), &mut last).await.unwrap();
    assert_eq!(one.relay(&changes(65..=70), &mut behind).await, Err(ChangeFault::OutOfTurn));
    assert_eq!((behind.number.as_u64(), one.relayed().await.unwrap()), (65, last));
    // One in the middle is missing, as something was published behind the first.
    let mut parted = last;
    let first = one.relay(&changes(67..=67), &mut parted).await;
    publish(&two, ["in between".to_owned()]).await;
    assert_eq!((first, parted.number.as_u64()), (Ok(()), 67));
    let mut sent_again = last;
    assert_eq!(one.relay(&changes(67..=70), &mut sent_again).await, Err(ChangeFault::OutOfTurn));
    assert_eq!((sent_again.number.as_u64(), one.relayed().await.unwrap()), (67, parted));
    one.relay(&changes(68..=70), &mut parted).await.unwrap();
    assert_eq!(numbers(&two, 71).await, (1..=70).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_and_who_publishes_disorder_and_double_nothing() {
    let server = Server::start();
    let (one, two) = (open(&server, &Config::default()).await, open(&server, &Config::default()).await);
    let publishing = async {
        for number in 0..100 {
            publish(&two, [number.to_string()]).await;
        }
    };
    let all = async { tokio::join!(insist_on(&one, 500), insist_on(&two, 500), publishing) };
    timeout(PATIENCE, all).await.expect("both end");
    assert_eq!(one.extent().await.unwrap().head, one.place(600));
    assert_eq!(numbers(&two, 600).await, (1..=500).collect::<Vec<_>>());
}

#[tokio::test]
async fn bounds_that_changed_are_taken_over() {
    let server = Server::start();
    let log = open(&server, &Config::default()).await;
    publish(&log, ["kept".to_owned()]).await;
    let again = open(&server, &Config { log_max_entries: 10, log_max_age_ms: 3_600_000, ..Config::default() }).await;
    let info = again.info().await.unwrap();
    assert_eq!((info.config.max_messages, info.config.max_age), (12, Duration::from_secs(3660)));
    assert_eq!((info.state.messages, again.offset()), (1, log.offset()));
}

#[tokio::test]
async fn what_a_server_lacks_is_said() {
    let server = Server::start_with("max_payload: 65536");
    let small = try_open(&server, &Config::default()).await;
    assert!(matches!(small, Err(StreamError::SmallPayload { max_payload: 65_536, .. })), "{small:?}");
    let log = open(&server, &Config { max_body_bytes: 65_536, ..Config::default() }).await;
    let large = log.publish(vec![message("small"), message(&"x".repeat(65_500))]).await;
    assert!(matches!(large, Err(StoreError::Refused(Refusal::Invalid { .. }))), "{large:?}");
    assert_eq!(log.extent().await.unwrap().head, log.place(0), "nothing of it was stored");

    let server = Server::start_with("accounts { plain { users: [{ user: ada, password: ada }] } }\nno_auth_user: ada");
    let without = try_open(&server, &Config::default()).await;
    assert!(matches!(without, Err(StreamError::NoJetStream)), "{without:?}");

    let server = Server::start();
    let context = async_nats::jetstream::new(nats(&server).await.client().clone());
    context.create_stream(Stream { name: "SANMON".into(), ..Stream::default() }).await.unwrap();
    let foreign = try_open(&server, &Config::default()).await;
    assert!(matches!(foreign, Err(StreamError::Foreign { .. })), "{foreign:?}");
}
