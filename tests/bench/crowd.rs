//! Users of a Sanmon server, made by its HTTP API.

use std::io;
use std::sync::Arc;

use harness::{Server, Setup};
use serde_json::{Value, json};

use crate::http::Http;

/// Requests that are under way at the same time.
const AT_ONCE: usize = 32;

/// Users, each with what they identify with.
pub(crate) struct Crowd {
    pub(crate) users: Vec<u64>,
    sessions: Vec<String>,
}

/// A server in its defaults, but for the bounds that speak of one address or one owner: all clients have the same here.
pub(crate) fn setup() -> Setup {
    Setup::new()
        .set("max_connections_per_address", 20_000)
        .set("max_http_connections_per_address", 20_000)
        .set("max_accepts_per_second", 20_000)
        .set("max_guilds_per_user", 1_000)
}

impl Crowd {
    pub(crate) async fn mint(server: &Server, count: usize) -> io::Result<Self> {
        let minted = all(server, count, |n| {
            ("POST", "/sessions".to_owned(), json!({ "user": { "username": format!("user {n}") } }).to_string())
        });
        let mut crowd = Self { users: Vec::new(), sessions: Vec::new() };
        for answer in minted.await? {
            let minted: Value = serde_json::from_str(&answer)?;
            crowd.users.push(minted["user"]["id"].as_u64().unwrap_or_default());
            crowd.sessions.push(minted["session_id"].as_str().unwrap_or_default().to_owned());
        }
        Ok(crowd)
    }

    /// Makes users members: each of `who` is the place of a user, and a guild.
    pub(crate) async fn join(&self, server: &Server, who: &[(usize, u64)]) -> io::Result<()> {
        let path = |n: usize| format!("/guilds/{}/members/{}", who[n].1, self.users[who[n].0]);
        all(server, who.len(), |n| ("PUT", path(n), String::new())).await.map(drop)
    }

    /// Has everyone be invisible, so that nobody hears who comes.
    pub(crate) async fn hide(&self, server: &Server) -> io::Result<()> {
        let chosen = |n: usize| ("PATCH", format!("/users/@me/presence#{}", self.users[n]), r#"{"type":4}"#.to_owned());
        all(server, self.users.len(), chosen).await.map(drop)
    }

    /// What each says to identify.
    pub(crate) fn hellos(&self, encoding: &str) -> Vec<String> {
        let hello = |session| json!({ "session_id": session, "encoding": encoding }).to_string();
        self.sessions.iter().map(hello).collect()
    }
}

/// New guilds of a new user.
pub(crate) async fn guilds(server: &Server, count: usize) -> io::Result<Vec<u64>> {
    let owner = server.user("owner").await.id;
    let guild = |n: usize| ("POST", format!("/guilds#{owner}"), json!({ "name": format!("guild {n}") }).to_string());
    let made = all(server, count, guild).await?;
    made.iter().map(|guild| Ok(serde_json::from_str::<Value>(guild)?["id"].as_u64().unwrap_or_default())).collect()
}

/// Sends requests, many at once; the answers in the requests' order. What stands behind a `#` is on whose behalf it is.
async fn all(
    server: &Server,
    count: usize,
    request: impl Fn(usize) -> (&'static str, String, String),
) -> io::Result<Vec<String>> {
    let requests: Arc<Vec<_>> = Arc::new((0..count).map(request).collect());
    let mut tasks = Vec::new();
    for part in 0..AT_ONCE.min(count) {
        let mut http = Http::connect(server).await;
        let requests = Arc::clone(&requests);
        tasks.push(tokio::spawn(async move {
            let mut answers = Vec::new();
            for n in (part..count).step_by(AT_ONCE) {
                let (method, path, body) = &requests[n];
                answers.push((n, http.send(method, path, body).await?));
            }
            io::Result::Ok(answers)
        }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        answers.extend(task.await.map_err(io::Error::other)??);
    }
    answers.sort_unstable();
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}
