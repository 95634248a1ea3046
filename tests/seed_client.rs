//! The sample client of the gateway's published page, run by the real Python with the real `websockets` and `requests`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use harness::{Authority, Encoding, Server, Setup, User, python};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The sample, to the letter.
const SAMPLE: &str = include_str!("python/seed_sample.py");

/// The sample in a process, and the events that it prints.
struct Sample {
    child: Child,
    lines: UnboundedReceiver<String>,
}

/// What of the sample is changed beside its addresses, its session id and the two lines in which it slips.
#[derive(Clone, Copy)]
enum Variant {
    /// Nothing.
    None,
    /// It asks for zlib, and inflates before it prints.
    Zlib,
    /// Its library pings this often, in milliseconds.
    PingEvery(u32),
}

impl Sample {
    fn start(server: &Server, user: &User, authority: Option<&Authority>, variant: Variant) -> Self {
        let mut source = Source(SAMPLE.to_owned());
        source.replace("requests.get('')", &format!("requests.get('{}/available')", server.url()));
        source.replace("d = r.text", "d = r.json()");
        source.replace("my_session_id", &user.session_id);
        if authority.is_none() {
            source.replace("wss://", "ws://");
        }
        match variant {
            Variant::None => {}
            Variant::Zlib => {
                source.replace("import json\n", "import json\nimport zlib\n");
                source.replace("{'session_id'", "{'encoding': 'zlib', 'session_id'");
                source.replace("print(recv)", "print(zlib.decompress(recv).decode())");
            }
            Variant::PingEvery(millis) => {
                let seconds = f64::from(millis) / 1000.0;
                source.replace("ping_timeout=20", &format!("ping_timeout=20, ping_interval={seconds}"));
            }
        }
        source.0.push_str("\nasyncio.run(connection())\n");

        let mut command = Command::new(python());
        command.args(["-u", "-c", &source.0]).stdin(Stdio::null()).stdout(Stdio::piped());
        if let Some(authority) = authority {
            let path = server.data().join("authority.pem");
            std::fs::write(&path, authority.pem()).expect("the authority is written");
            command.env("REQUESTS_CA_BUNDLE", &path).env("SSL_CERT_FILE", &path);
        }
        let mut child = command.spawn().expect("python starts");
        let stdout = BufReader::new(child.stdout.take().expect("its stdout"));
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next event that it printed.
    async fn next(&mut self) -> Value {
        let line = harness::within("the sample to print", self.lines.recv()).await.expect("the sample ended");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
    }

    /// The next event of this name.
    async fn event(&mut self, name: &str) -> Value {
        loop {
            let event = self.next().await;
            if event["t"] == name {
                return event;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the sample is there");
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Python source of which each change must find its place exactly once.
struct Source(String);

impl Source {
    fn replace(&mut self, from: &str, to: &str) {
        assert_eq!(self.0.matches(from).count(), 1, "{from} in the sample");
        self.0 = self.0.replace(from, to);
    }
}

/// Discovery, identify, READY, a GUILD_INIT for each guild, then every event of the page's reference.
async fn whole_reference(authority: Option<Arc<Authority>>, variant: Variant) {
    let setup = match &authority {
        Some(authority) => Setup::new().tls(Arc::clone(authority)),
        None => Setup::new(),
    };
    let server = setup.set("presence_gather_ms", 20).start().await;
    let (user, friend) = (server.user("ada").await, server.user("grace").await);
    let mine = [server.guild(&user, "Analytical").await, server.guild(&user, "Engine").await];
    let theirs = server.guild(&friend, "Compilers").await;
    server.join(&friend, mine[0]).await;
    let api = server.as_user(&user);

    let mut sample = Sample::start(&server, &user, authority.as_deref(), variant);
    let ready = sample.next().await;
    assert_eq!(
        (&ready["t"], &ready["d"]["user"]["id"], &ready["d"]["guilds"]),
        (&json!("READY"), &json!(user.id), &json!(2))
    );
    let mut inits = Vec::new();
    for _ in 0..2 {
        let init = sample.next().await;
        assert_eq!(init["t"], "GUILD_INIT");
        assert!(init["d"]["channels"].is_array(), "{init}");
        inits.push(init["d"]["id"].as_u64().expect("an id"));
    }
    inits.sort_unstable();
    assert_eq!(inits, mine);

    let made = server.guild(&user, "Difference").await;
    assert_eq!(sample.event("GUILD_CREATE").await["d"]["id"], made);
    let invite = server.as_user(&friend).post(&format!("/guilds/{theirs}/invites"), json!({})).await.expect(201);
    let code = invite["code"].as_str().expect("a code");
    api.post(&format!("/invites/{code}"), json!({})).await.expect(200);
    assert_eq!(sample.event("GUILD_JOIN").await["d"]["id"], theirs);
    api.patch(&format!("/guilds/{made}"), json!({ "description": "d" })).await.expect(200);
    assert_eq!(sample.event("GUILD_UPDATE").await["d"]["description"], "d");
    let invite = api.post(&format!("/guilds/{made}/invites"), json!({})).await.expect(201);
    assert_eq!(sample.event("INVITE_CREATE").await["d"]["code"], invite["code"]);
    let channel = api.post(&format!("/guilds/{made}/channels"), json!({ "name": "talk" })).await.expect(201);
    assert_eq!(sample.event("CHANNEL_CREATE").await["d"]["id"], channel["id"]);
    api.delete(&format!("/guilds/{made}")).await.expect(204);
    assert_eq!(sample.event("GUILD_DELETE").await["d"]["id"], made);

    let presence = json!({ "type": 3, "description": "string", "emoji": 77, "embed": { "name": "string",
        "description": "string", "banner_url": "string", "text": { "top": "string", "bottom": "string" } } });
    let mut connected = harness::Socket::live_with(&server, &friend, Encoding::Json).await.0;
    connected.send(&json!({ "t": "PRESENCE_UPDATE", "d": presence })).await;
    loop {
        let update = sample.event("PRESENCE_UPDATE").await;
        if update["id"] == friend.id && update["d"] == presence {
            break;
        }
    }
    for kind in ["MESSAGE", "GUILD", "EVERYONE", "HERE"] {
        let excerpt = json!({ "of": kind });
        let event = json!({ "to": { "user": user.id }, "t": "NOTIFICATION", "type": kind, "excerpt": excerpt });
        server.publish(event).await;
        let seen = sample.event("NOTIFICATION").await;
        assert_eq!((&seen["type"], &seen["excerpt"]), (&json!(kind), &excerpt));
    }
}

#[tokio::test]
async fn it_sees_the_whole_reference_over_plain_text() {
    whole_reference(None, Variant::None).await;
}

#[tokio::test]
async fn it_sees_the_whole_reference_over_tls() {
    whole_reference(Some(Arc::new(Authority::new())), Variant::None).await;
}

#[tokio::test]
async fn it_sees_the_whole_reference_in_zlib() {
    whole_reference(None, Variant::Zlib).await;
}

#[tokio::test]
async fn it_sees_the_whole_reference_in_zlib_over_tls() {
    whole_reference(Some(Arc::new(Authority::new())), Variant::Zlib).await;
}

#[tokio::test]
async fn its_librarys_pings_alone_keep_it_alive() {
    // The server would close after 1.2 s without a byte from the client.
    let server = Setup::new().set("ping_interval_ms", 600).set("ping_timeout_ms", 600).start().await;
    let user = server.user("ada").await;
    let mut sample = Sample::start(&server, &user, None, Variant::PingEvery(200));
    assert_eq!(sample.next().await["t"], "READY");
    tokio::time::sleep(Duration::from_secs(6)).await;
    server.publish(json!({ "to": { "user": user.id }, "t": "STILL_THERE" })).await;
    sample.event("STILL_THERE").await;
    let metrics = server.admin().get("/metrics").await.text;
    assert!(metrics.lines().any(|line| line == "sanmon_connections_opened_total 1"), "{metrics}");
}

#[tokio::test]
async fn a_frozen_one_is_dropped() {
    let server = Setup::new().set("ping_interval_ms", 400).set("ping_timeout_ms", 400).start().await;
    let user = server.user("ada").await;
    let mut sample = Sample::start(&server, &user, None, Variant::PingEvery(100));
    assert_eq!(sample.next().await["t"], "READY");
    sample.signal(Signal::STOP);
    harness::within("the drop", async {
        loop {
            let metrics = server.admin().get("/metrics").await.text;
            if metrics.lines().any(|line| line.contains("4402") && line.ends_with(" 1")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    sample.signal(Signal::CONT);
    let ended = tokio::task::spawn_blocking(move || sample.child.wait().map(|status| (sample, status)));
    let (_sample, status) = harness::within("its end", ended).await.expect("a thread").expect("a status");
    assert!(!status.success(), "the library tells its caller");
}
