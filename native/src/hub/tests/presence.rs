//! How users show while they come and go.

use sanmon_core::event::{Presence, PresenceKind};
use tokio::net::TcpStream;

use super::bench::{Bench, Client, id};
use crate::config::Config;
use crate::store::guilds::Caps;
use crate::store::{members, presences};

#[tokio::test]
async fn presences_are_shown_to_the_guild_kept_and_bridged() {
    let config = Config { hub_threads: 2, presence_gather_ms: 10, presence_grace_ms: 100, ..Config::default() };
    let bench = Bench::with(config).await;
    let (watcher, shown) = (bench.session(1).await, bench.session(2).await);
    bench.guild(1, 10).await;
    members::add(&bench.store, Caps::of(&bench.config), id(10), id(2)).await.unwrap();
    let (mut watcher, _) = bench.identified(&watcher).await;
    presence_of(&mut watcher, 1, 1).await;

    let (mut first, _) = bench.identified(&shown).await;
    presence_of(&mut watcher, 2, 1).await;
    first.say(r#"{"t":"PRESENCE_UPDATE","d":{"type":3,"description":"busy"}}"#).await;
    assert_eq!(presence_of(&mut watcher, 2, 3).await["d"]["description"], "busy");
    // It was chosen for the next device, too, and that one shows once the first is gone.
    let (second, _) = bench.identified(&shown).await;
    bench.hub.choose_presence(id(2), Presence::of(PresenceKind::Idle)).await.unwrap();
    presence_of(&mut watcher, 2, 2).await;
    drop((first, second));
    presence_of(&mut watcher, 2, 4).await;
    let (_third, _) = bench.identified(&shown).await;
    presence_of(&mut watcher, 2, 2).await;
}

/// The next presence that the client hears, which has to be this one.
async fn presence_of(client: &mut Client<TcpStream>, user: u64, kind: u8) -> serde_json::Value {
    let presence = loop {
        let event = client.next().await;
        if event["t"] == "PRESENCE_UPDATE" {
            break event;
        }
    };
    assert_eq!((&presence["id"], &presence["d"]["type"]), (&user.into(), &kind.into()), "{presence}");
    presence
}

#[tokio::test]
async fn who_was_shown_when_the_node_went_down_goes_offline() {
    let config = Config { hub_threads: 1, presence_gather_ms: 10, presence_grace_ms: 50, ..Config::default() };
    let mut bench = Bench::with(config).await;
    let session = bench.session(1).await;
    let (client, _) = bench.identified(&session).await;
    let shown = || async { presences::shown_online(&bench.store).await.unwrap() };
    while shown().await.is_empty() {
        tokio::task::yield_now().await;
    }
    // The node goes down before it sees the client go.
    bench.hub.stop();
    drop(client);
    assert_eq!(presences::shown_online(&bench.store).await.unwrap(), [id(1)]);
    bench.restart_hub().await;
    while !presences::shown_online(&bench.store).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_is_sent_away_by_a_drain_is_not_shown_as_offline_for_it() {
    let config =
        Config { hub_threads: 1, presence_gather_ms: 5, presence_grace_ms: 5, drain_ms: 50, ..Config::default() };
    let bench = Bench::with(config).await;
    let (drained, leaver) = (bench.session(1).await, bench.session(2).await);
    let (mut drained, _) = bench.identified(&drained).await;
    let (leaver, _) = bench.identified(&leaver).await;
    let shown = async || presences::shown_online(&bench.store).await.unwrap();
    while shown().await.len() < 2 {
        tokio::task::yield_now().await;
    }
    // That a grace is over shows by one who left before.
    drop(leaver);
    while shown().await.len() == 2 {
        tokio::task::yield_now().await;
    }
    let (_, (code, _)) = tokio::join!(bench.hub.drain(), drained.end());
    assert_eq!(code, 4401);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(shown().await, [id(1)]);
}
