//! Users, guilds and who is in which, made in one go.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};

use super::ledger::To;
use crate::{Server, Setup, User};

/// Requests that make users and members at the same time.
const AT_ONCE: usize = 24;

/// Users, each in one guild: the user with index `i` in the guild with index `i % guilds`.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// The users.
    pub users: Vec<User>,
    /// The guilds' ids.
    pub guilds: Vec<u64>,
}

impl Crowd {
    /// Makes them; the first user of each guild owns it.
    pub async fn settle(server: &Server, users: usize, guilds: usize) -> Self {
        let (operator, anyone) = (server.operator(), server.anyone());
        let mint = |n: usize| {
            let operator = &operator;
            async move {
                let body = json!({ "user": { "username": format!("user {n}") } });
                User::from_minted(&operator.post("/sessions", body).await.expect(201))
            }
        };
        let users: Vec<User> = stream::iter(0..users).map(mint).buffered(AT_ONCE).collect().await;
        let found = |owner: &User| {
            let owner = anyone.session(&owner.session_id);
            async move { owner.post("/guilds", json!({ "name": "crowd" })).await.expect(201)["id"].as_u64().expect("an id") }
        };
        let guilds: Vec<u64> = stream::iter(&users[..guilds]).map(found).buffered(AT_ONCE).collect().await;
        let join = |(n, user): (usize, &User)| {
            let path = format!("/guilds/{}/members/{}", guilds[n % guilds.len()], user.id);
            let operator = &operator;
            async move {
                let answer = operator.put(&path).await;
                assert!((200..300).contains(&answer.status), "{}", answer.text);
            }
        };
        stream::iter(users.iter().enumerate().skip(guilds.len()))
            .map(join)
            .buffered(AT_ONCE)
            .collect::<Vec<()>>()
            .await;
        Self { users, guilds }
    }

    /// The guild that a user is in, by its index.
    pub fn guild_of(&self, user: usize) -> usize {
        user % self.guilds.len()
    }

    /// An audience as a publisher names it.
    pub fn name(&self, to: To) -> Value {
        match to {
            To::Everyone => json!("everyone"),
            To::Guild(guild) => json!({ "guild": self.guilds[guild] }),
            To::Reader(reader) => json!({ "user": self.users[reader].id }),
        }
    }

    /// An audience for the event with this number: mostly a guild, now and then one reader, rarely everyone.
    pub fn audience(&self, number: u64) -> To {
        let pick = |of: usize| (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) as usize % of;
        match number % 20 {
            0 => To::Everyone,
            1..=4 => To::Reader(pick(self.users.len())),
            _ => To::Guild(pick(self.guilds.len())),
        }
    }
}

/// A server that keeps its address over restarts.
///
/// A port outside those that the kernel gives to clients: else a client that tries to come back while the server is down
/// could be given that very port, and would be connected with itself.
pub fn at_home(setup: Setup) -> Setup {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let port = loop {
        // Tests run in threads of one process or in processes of their own, which begin far from each other.
        let turn = std::process::id().wrapping_mul(7919).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 10_000 + (turn % 21_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            break port;
        }
    };
    setup.set("listen", format!("127.0.0.1:{port}"))
}
