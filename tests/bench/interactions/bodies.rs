//! What is sent: pings and commands as the platform sends them, each with an id of its own, signed.

use sanmon_core::interaction::Keypair;
use serde_json::{Value, json};

/// The application that all of them are for.
pub(super) const APPLICATION: &str = "1180000000000000001";
const TIMESTAMP: &str = "1800000000";
/// What somebody may type into an option.
const TYPED: &str = "runner beans along the south wall, two rows of peas behind them, and whatever is left of the \
                     tomatoes next to the water butt";

/// What a request asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The platform's question whether anybody is there.
    Ping,
    /// A command without options, in a direct message.
    Small,
    /// A command with eight options and what they name, in a guild.
    Large,
}

/// Hands out ids that were not there before: servers may tell duplicates by them.
#[derive(Debug, Default)]
pub(super) struct Ids(u64);

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Ping, Self::Small, Self::Large];

    /// The heading of its column.
    pub(super) fn name(self) -> String {
        let size = |body: String| format!("command {:.1} KB", body.len() as f64 / 1e3);
        match self {
            Self::Ping => "ping".to_owned(),
            Self::Small => size(small().to_string()),
            Self::Large => size(large().to_string()),
        }
    }

    /// How much of hikari's time it may take.
    pub(super) const fn bar(self) -> f64 {
        match self {
            Self::Ping => 0.5,
            Self::Small | Self::Large => 0.25,
        }
    }

    /// Whether this is its answer.
    pub(super) fn is_answered_by(self, body: &[u8]) -> bool {
        let Ok(answer) = serde_json::from_slice::<Value>(body) else { return false };
        match self {
            Self::Ping => answer["type"] == 1,
            Self::Small | Self::Large => answer["type"] == 4 && answer["data"]["content"] == "Pong!",
        }
    }
}

/// So many requests, as they go over the wire after their first line, which names the path.
pub(super) fn signed(kind: Kind, count: usize, pair: &Keypair, ids: &mut Ids) -> Vec<Vec<u8>> {
    let mut interaction = match kind {
        Kind::Ping => None,
        Kind::Small => Some(small()),
        Kind::Large => Some(large()),
    };
    let mut request = || {
        let body = match &mut interaction {
            None => ping(),
            Some(interaction) => {
                ids.0 += 1;
                interaction["id"] = (1_190_000_000_000_000_000 + ids.0).to_string().into();
                interaction.to_string()
            }
        };
        let signature = pair.sign_hex(TIMESTAMP.as_bytes(), body.as_bytes());
        format!(
            "Host: localhost\r\nUser-Agent: Discord-Interactions/1.0 (+https://discord.com)\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nX-Signature-Ed25519: {signature}\r\n\
             X-Signature-Timestamp: {TIMESTAMP}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    (0..count).map(|_| request()).collect()
}

/// A ping, whose body is always the same.
pub(super) fn ping() -> String {
    json!({ "type": 1 }).to_string()
}

fn small() -> Value {
    vector(include_str!("../../../core/src/vectors/interactions/command_bot_dm.json"))
}

fn large() -> Value {
    let mut command = vector(include_str!("../../../core/src/vectors/interactions/command_options.json"));
    command["data"]["options"][0]["value"] = TYPED.into();
    // With a file it would be 4.9 KB.
    let options = command["data"]["options"].as_array_mut().expect("options");
    options.retain(|option| option["type"] != 11);
    command["data"]["resolved"].as_object_mut().expect("what they name").remove("attachments");
    command
}

fn vector(text: &str) -> Value {
    let interaction: Value = serde_json::from_str(text).expect("a vector is JSON");
    assert_eq!(interaction["application_id"], APPLICATION);
    interaction
}
