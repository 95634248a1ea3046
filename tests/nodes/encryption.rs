//! NATS and PostgreSQL over TLS, for nodes with a login; and what a node says that gets in nowhere.

use harness::{Authority, Server, Setup, Socket, within};
use sanmon_engines::{Certificate, Nats, Postgres};
use serde_json::json;
use tempfile::TempDir;

/// A password with characters that an address has to write otherwise.
const NATS_PASSWORD: &str = "n@ts/word";
/// [`Postgres::PASSWORD`] as it stands in an address.
const POSTGRES_PASSWORD: &str = "p%40ss%2Fword";

/// What may be found nowhere: both, as they are and as addresses have them, and a wrong one.
const PASSWORDS: [&str; 5] = ["n@ts/", "n%40ts", "p@ss/", "p%40ss", "wr0ng"];

/// NATS and PostgreSQL, each with a certificate of an authority of its own and asking for a password.
struct Engines {
    folder: TempDir,
    nats: Nats,
    postgres: Postgres,
}

impl Engines {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let [(nats_cert, nats_key), (cert, key)] = ["nats", "postgres"].map(|name| {
            let authority = Authority::new();
            std::fs::write(folder.path().join(format!("{name}.pem")), authority.pem()).expect("a file");
            let folder = folder.path().join(name);
            std::fs::create_dir(&folder).expect("a folder");
            authority.issue(&folder)
        });
        std::fs::write(folder.path().join("stranger.pem"), Authority::new().pem()).expect("a file");
        let start = move || {
            let nats = Nats::start_with(&format!(
                "tls {{ cert_file: {nats_cert:?}, key_file: {nats_key:?} }}\n\
                 authorization {{ user: sanmon, password: {NATS_PASSWORD:?} }}"
            ));
            let postgres = Postgres::start_guarded(Certificate { cert: &cert, key: &key });
            postgres.query("postgres", &format!("CREATE DATABASE sanmon OWNER {}", Postgres::GUARDED));
            (nats, postgres)
        };
        let (nats, postgres) = tokio::task::spawn_blocking(start).await.expect("the servers");
        Self { folder, nats, postgres }
    }

    /// The file of an authority: of `nats`, of `postgres`, or of a `stranger` who vouches for nobody here.
    fn authority(&self, name: &str) -> String {
        self.folder.path().join(format!("{name}.pem")).display().to_string()
    }

    fn nats_url(&self, login: &str) -> String {
        format!("tls://{login}{}", self.nats.address())
    }

    fn store_url(&self, password: &str, parameters: &str) -> String {
        let (user, address) = (Postgres::GUARDED, self.postgres.address());
        format!("postgres://{user}:{password}@{address}/sanmon?{parameters}")
    }

    /// A node that does all as it should.
    fn setup(&self) -> Setup {
        let verified = format!("sslmode=verify-full&sslrootcert={}", self.authority("postgres"));
        Setup::new()
            .env("SSL_CERT_FILE", &self.authority("nats"))
            .set("nats_url", self.nats_url("sanmon:n%40ts%2Fword@"))
            .set("store_url", self.store_url(POSTGRES_PASSWORD, &verified))
    }
}

/// What a node says that does not start; its password is not in it.
async fn refused(setup: Setup) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = setup.command(folder.path());
    let ended = tokio::task::spawn_blocking(move || command.output().expect("sanmon runs"));
    let output = within("the node to end", ended).await.expect("its output");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for secret in PASSWORDS {
        assert!(!said.contains(secret), "{said}");
    }
    said.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("no error in {said}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_speak_tls_with_nats_and_postgres() {
    let engines = Engines::start().await;
    let one = engines.setup().start().await;
    // Another one that takes the encryption without asking who it is that it speaks to.
    let two = engines.setup().set("store_url", engines.store_url(POSTGRES_PASSWORD, "sslmode=require"));
    let two = two.start_from(tempfile::tempdir().expect("a folder")).await;
    let user = one.user("ada").await;
    let mut socket = Socket::live(&two, &user).await;
    let seq = one.publish(json!({ "to": { "user": user.id }, "t": "TICK" })).await;
    assert_eq!(socket.event("TICK").await["s"], seq);
    two.as_user(&user).post("/guilds", json!({ "name": "Tea house" })).await.expect(201);
    socket.event("GUILD_CREATE").await;
    let encrypted = "SELECT count(*) > 0 AND bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE usename = 'guarded'";
    assert_eq!(engines.postgres.query("postgres", encrypted), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_at_the_loudest_level_writes_no_password() {
    let mut engines = Engines::start().await;
    let setup = engines.setup().set("log_level", "trace,async_nats=trace,sqlx=trace");
    let mut node = setup.start().await;
    let user = node.user("ada").await;
    let mut socket = Socket::live(&node, &user).await;
    let guild = node.guild(&user, "Tea house").await;
    socket.event("GUILD_CREATE").await;
    // What is said when either of them goes away and comes back.
    engines.nats.kill();
    until_ready(&node, 503).await;
    engines.nats.restart();
    until_ready(&node, 200).await;
    engines.postgres.kill();
    let path = format!("/guilds/{guild}");
    assert!(node.as_user(&user).get(&path).await.status >= 500);
    engines.postgres.restart();
    within("PostgreSQL to be used again", async {
        while node.as_user(&user).get(&path).await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
    let says = node.admin().get("/metrics").await.text;
    node.signal(rustix::process::Signal::TERM);
    assert!(node.exited().await.success());
    let output = node.output();
    for library in ["async_nats", "sqlx", "sanmon"] {
        assert!(output.contains(&format!("\"target\":\"{library}")), "nothing of {library} was written");
    }
    for secret in PASSWORDS {
        assert!(!output.contains(secret) && !says.contains(secret), "{secret} was written");
    }
}

async fn until_ready(node: &Server, status: u16) {
    within("readiness to change", async {
        while node.admin().get("/readyz").await.status != status {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_let_in_says_why_and_ends() {
    let engines = Engines::start().await;
    let right = || engines.setup();
    // NATS: nobody whom it trusts vouches for the server; the login is wrong; there is none.
    let address = engines.nats.address().to_string();
    for (setup, why) in [
        (right().env("SSL_CERT_FILE", &engines.authority("stranger")), "over TLS: invalid peer certificate"),
        (right().set("nats_url", engines.nats_url("sanmon:wr0ng@")), "refuses this node's credentials"),
        (right().set("nats_url", engines.nats_url("")), "refuses this node's credentials"),
    ] {
        let said = refused(setup).await;
        assert!(said.contains(why) && said.contains(&address), "{said}");
    }
    // PostgreSQL: likewise, and it takes nobody who does not encrypt.
    let unknown = format!("sslmode=verify-full&sslrootcert={}", engines.authority("stranger"));
    let address = engines.postgres.address().to_string();
    for (url, why) in [
        (engines.store_url(POSTGRES_PASSWORD, &unknown), "invalid peer certificate"),
        (engines.store_url("wr0ng", "sslmode=require"), "password authentication failed"),
        (engines.store_url(POSTGRES_PASSWORD, "sslmode=disable"), "pg_hba.conf"),
    ] {
        let said = refused(right().set("store_url", url)).await;
        assert!(said.contains(why) && said.contains(&address), "{said}");
    }
}
