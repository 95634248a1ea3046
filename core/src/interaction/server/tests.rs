//! Tests of the door: the protocol's table row by row, keys, age, duplicates, and anything at all as a body.

use proptest::prelude::*;

use super::*;
use crate::interaction::keypair::Keypair;
use crate::interaction::request::Head;
use crate::interaction::vectors;

const APPLICATION: u64 = 1_180_000_000_000_000_001;
const NOW: u64 = 1_800_000_000;

fn application() -> Id {
    Id::new(APPLICATION).unwrap()
}

fn pair(seed: u8) -> Keypair {
    Keypair::from_seed([seed; 32]).unwrap()
}

fn key(id: u64, seed: u8) -> ApplicationKey {
    ApplicationKey::new(Id::new(id).unwrap(), pair(seed).public_key()).unwrap()
}

fn now() -> UnixMillis {
    UnixMillis::from_millis(NOW * 1000)
}

fn server() -> Server {
    Server::new(Config { keys: vec![key(APPLICATION, 1)], ..Config::default() })
}

/// What the door says to this body, signed by the pair of this seed at this time.
fn signed_at(server: &Server, seed: u8, timestamp: &str, path: Option<Id>, body: &[u8]) -> Result<Accepted, Rejection> {
    let signature = pair(seed).sign_hex(timestamp.as_bytes(), body);
    let head = Head {
        method: "POST",
        application: path,
        content_type: Some(b"application/json"),
        signature: Some(signature.as_bytes()),
        timestamp: Some(timestamp.as_bytes()),
    };
    server.accept(now(), Request { head, body })
}

fn signed(server: &Server, body: &[u8]) -> Result<Accepted, Rejection> {
    signed_at(server, 1, &NOW.to_string(), None, body)
}

/// The status and text that this body gets; 200 with the JSON, if it gets that.
fn told(body: &[u8]) -> (u16, String) {
    match signed(&server(), body) {
        Ok(Accepted::Answered(Answer::Reply(reply))) => (200, reply.json().to_owned()),
        Ok(other) => panic!("{other:?}"),
        Err(rejection) => (rejection.status(), rejection.text().to_owned()),
    }
}

fn pong() -> Accepted {
    Accepted::Answered(Answer::Reply(Reply::pong()))
}

#[test]
fn the_table_holds_row_by_row() {
    let head = Head {
        method: "POST",
        application: None,
        content_type: Some(b"application/json"),
        signature: Some(&[b'0'; 128]),
        timestamp: Some(b"1"),
    };
    let unsigned = |head, body| server().accept(now(), Request { head, body }).unwrap_err();
    let rows = [
        (unsigned(Head { method: "GET", ..head }, b""), 405, "Method Not Allowed"),
        (unsigned(Head { content_type: None, ..head }, b""), 415, "Unsupported Media Type"),
        (
            unsigned(Head { signature: None, ..head }, b""),
            401,
            "Missing or invalid required request signature header(s)",
        ),
        (
            unsigned(Head { timestamp: Some(b"1{"), ..head }, b""),
            401,
            "Missing or invalid required request signature header(s)",
        ),
        (unsigned(head, &vec![b' '; (4 << 20) + 1]), 413, "Payload too large"),
        (unsigned(head, b""), 400, "POST request must have a body"),
        (unsigned(head, b"{}"), 401, "Invalid request signature"),
    ];
    for (rejection, status, text) in rows {
        assert_eq!((rejection.status(), rejection.text()), (status, text), "{rejection}");
        assert_eq!(rejection.allow(), (status == 405).then_some("POST"));
    }
    let shape = "Exception occurred during interaction deserialization";
    for (body, status, text) in [
        ("{", 400, "Invalid JSON body"),
        ("[1]", 400, "Invalid JSON body"),
        ("\"type\"", 400, "Invalid JSON body"),
        (r#"{"type":"1"}"#, 400, "Invalid JSON body"),
        (r#"{"type":1.0}"#, 400, "Invalid JSON body"),
        (r#"{"type":1e0}"#, 400, "Invalid JSON body"),
        (r#"{"type":true}"#, 400, "Invalid JSON body"),
        (r#"{"type":null}"#, 400, "Invalid JSON body"),
        (r#"{"type":1,"type":1}"#, 400, "Invalid JSON body"),
        ("{}", 400, "Missing required 'type' field in payload"),
        (r#"{"data":{"type":2}}"#, 400, "Missing required 'type' field in payload"),
        (r#"{"type":1}"#, 200, r#"{"type":1}"#),
        (vectors::text("ping"), 200, r#"{"type":1}"#),
        (r#"{"type":0}"#, 501, "Interaction type not implemented"),
        (r#"{"type":6}"#, 501, "Interaction type not implemented"),
        (r#"{"type":-1}"#, 501, "Interaction type not implemented"),
        (r#"{"type":99999999999999999999999}"#, 501, "Interaction type not implemented"),
        (r#"{"type":2}"#, 500, shape),
        (r#"{"type":3,"application_id":[]}"#, 500, shape),
        (
            r#"{"type":5,"id":"1","application_id":"1180000000000000001","token":"t","data":{"custom_id":"c"}}"#,
            500,
            shape,
        ),
    ] {
        assert_eq!(told(body.as_bytes()), (status, text.to_owned()), "{body}");
    }
}

#[test]
fn what_other_parsers_take_or_break_on_is_bad_json() {
    let deep = |levels| format!("{{\"type\":1,\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let mut bodies = vec![b"{\"type\":1,\"x\":\"\xff\"}".to_vec(), b"\xef\xbb\xbf{\"type\":1}".to_vec()];
    bodies.push("{\"type\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect());
    bodies.extend([deep(128), deep(100_000)].map(String::into_bytes));
    for inner in ["NaN", "Infinity", "1e400", "\"\\ud800\"", "01", "[1,]", "'a'", "\"\n\""] {
        bodies.push(format!("{{\"type\":1,\"x\":{inner}}}").into_bytes());
        bodies.push(format!("{{\"type\":2,\"data\":{{\"x\":[{inner}]}}}}").into_bytes());
    }
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(told(&body), (400, "Invalid JSON body".to_owned()), "{shown}");
    }
    assert_eq!(told(deep(127).as_bytes()).0, 200);
}

#[test]
fn a_model_takes_all_the_levels_that_the_door_takes() {
    let interaction = vectors::text("command_entry_point");
    let levels = 127;
    let deep = format!("{{\"x\":{}{},{}", "[".repeat(levels), "]".repeat(levels), &interaction[1..]);
    assert!(matches!(signed(&server(), deep.as_bytes()), Ok(Accepted::Asked(..))));
}

#[test]
fn no_nesting_uses_up_a_threads_stack() {
    let nested = |open: &str, close: &str, count| format!("{}{}", open.repeat(count), close.repeat(count));
    let option = |count| nested(r#"{"name":"a","type":2,"options":["#, "]}", count);
    let container = |count| nested(r#"{"type":17,"components":["#, "]}", count);
    let components = |count| format!(r#"{{"id":"1","components":[{}]}}"#, container(count));
    let reply = |count| nested(r#"{"id":"1","referenced_message":"#, "}", count).replace(":}", ":null}");
    let resolved =
        |count| nested(r#"{"id":"1","resolved":{"messages":{"1":"#, "}}}", count).replace(":}", ":{\"id\":\"1\"}}");
    let origin = |count| {
        let origin = r#"{"id":"1","type":5,"triggering_interaction_metadata":"#;
        format!(r#"{{"id":"1","interaction_metadata":{}}}"#, nested(origin, "}", count).replace(":}", ":null}"))
    };
    let none = || "null".to_owned();
    let cases = [
        (option(8), none(), true),
        (option(62), none(), false),
        (String::new(), components(8), true),
        (String::new(), components(62), false),
        (String::new(), reply(8), true),
        (String::new(), reply(120), false),
        (String::new(), resolved(8), true),
        (String::new(), resolved(40), false),
        (String::new(), origin(8), true),
        (String::new(), origin(120), false),
        (String::new(), nested("{\"id\":1,\"x\":", "}", 120).replace(":}", ":null}"), true),
    ];
    for (number, (options, message, is_read)) in cases.into_iter().enumerate() {
        let body = format!(
            r#"{{"type":2,"id":"1","application_id":"{APPLICATION}","token":"t","message":{message},
                "data":{{"id":"1","name":"a","type":1,"options":[{options}]}}}}"#
        );
        // Half of what threads have by default; builds for tests use several times the stack of others.
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        let accepted = thread.spawn(move || match signed(&server(), body.as_bytes()) {
            Ok(Accepted::Asked(_, interaction)) => serde_json::to_string(&interaction).is_ok(),
            Err(Rejection::Shape(_)) => false,
            other => panic!("{other:?}"),
        });
        assert_eq!(accepted.unwrap().join().unwrap(), is_read, "case {number}");
    }
}

#[test]
fn every_vector_is_asked() {
    for (name, text) in vectors::ALL.iter().filter(|(name, _)| *name != "ping") {
        let Ok(Accepted::Asked(ticket, interaction)) = signed(&server(), text.as_bytes()) else { panic!("{name}") };
        assert_eq!(ticket.application.as_u64(), APPLICATION, "{name}");
        assert_eq!(
            (ticket.interaction, interaction.application_id()),
            (interaction.id(), ticket.application),
            "{name}"
        );
    }
}

#[test]
fn a_key_signs_for_its_application_alone() {
    let server = Server::new(Config { keys: vec![key(7, 2), key(APPLICATION, 1)], ..Config::default() });
    let wrong = Err(Rejection::Signature(SignatureFault::Wrong));
    let other = Err(Rejection::Signature(SignatureFault::OtherApplication));
    let at = |seed, path: Option<u64>, body: &str| {
        signed_at(&server, seed, "1", path.map(|id| Id::new(id).unwrap()), body.as_bytes())
    };
    let ours = r#"{"type":1,"application_id":"1180000000000000001"}"#;
    assert_eq!(at(1, None, ours), Ok(pong()));
    assert_eq!(at(1, Some(APPLICATION), ours), Ok(pong()));
    assert_eq!(at(1, Some(7), ours), wrong);
    assert_eq!(at(1, Some(8), ours), wrong);
    assert_eq!(at(2, None, ours), other);
    assert_eq!(at(2, None, r#"{"type":9,"application_id":"8"}"#), other);
    assert_eq!(at(2, None, r#"{"type":2,"application_id":8}"#), other);
    assert_eq!(at(2, None, r#"{"type":1,"application_id":7}"#), Ok(pong()));
    assert_eq!(at(2, None, r#"{"type":1,"application_id":null}"#), other);
    assert_eq!(at(3, None, ours), wrong);
}

#[test]
fn a_key_without_an_application_signs_on_the_bare_path() {
    let any = ApplicationKey::of_any_application(pair(1).public_key()).unwrap();
    let server = Server::new(Config { keys: vec![any], ..Config::default() });
    assert_eq!(signed(&server, br#"{"type":1,"application_id":"5"}"#), Ok(pong()));
    let named = signed_at(&server, 1, "1", Some(application()), br#"{"type":1}"#);
    assert_eq!(named, Err(Rejection::Signature(SignatureFault::Wrong)));
}

#[test]
fn keys_are_exchanged_while_the_door_is_open() {
    let server = server();
    server.set_keys(vec![key(APPLICATION, 1), key(APPLICATION, 2)]);
    for seed in [1, 2] {
        assert_eq!(signed_at(&server, seed, "1", Some(application()), br#"{"type":1}"#), Ok(pong()));
    }
    server.set_keys(vec![key(APPLICATION, 2)]);
    assert!(signed(&server, br#"{"type":1}"#).is_err());
}

#[test]
fn the_bare_path_tries_eight_keys() {
    let keys = (1..=9).map(|seed| key(u64::from(seed), seed)).collect();
    let server = Server::new(Config { keys, ..Config::default() });
    assert_eq!(signed_at(&server, 8, "1", None, br#"{"type":1}"#), Ok(pong()));
    assert!(signed_at(&server, 9, "1", None, br#"{"type":1}"#).is_err());
    assert_eq!(signed_at(&server, 9, "1", Some(Id::new(9).unwrap()), br#"{"type":1}"#), Ok(pong()));
}

#[test]
fn stale_and_used_signatures_are_refused_where_that_is_asked_for() {
    let strict = Config { max_age: Some(Duration::from_secs(5)), keys: vec![key(APPLICATION, 1)], ..Config::default() };
    let server = Server::new(strict);
    let at = |timestamp: u128| signed_at(&server, 1, &timestamp.to_string(), None, br#"{"type":1}"#);
    let now = u128::from(NOW);
    for timestamp in [0, now - 6, now + 6, u128::from(u64::MAX), u128::MAX] {
        assert_eq!(at(timestamp), Err(Rejection::Signature(SignatureFault::Stale)), "{timestamp}");
    }
    for timestamp in [now - 5, now, now + 5] {
        assert_eq!(at(timestamp), Ok(pong()), "{timestamp}");
        assert_eq!(at(timestamp), Err(Rejection::Signature(SignatureFault::Seen)), "{timestamp}");
    }
    // A signature that does not hold is never noted as seen.
    let forged = Signed::new(None, &[0; 64], b"1").unwrap();
    assert!(server.accept_signed(self::now(), &forged, b"{}").is_err());

    let lax = self::server();
    for _ in 0..2 {
        assert_eq!(signed_at(&lax, 1, "0", None, br#"{"type":1}"#), Ok(pong()));
    }
}

#[test]
fn no_byte_moves_between_timestamp_and_body() {
    let (pair, server) = (pair(1), server());
    let signature = pair.sign(b"123", b"4{}");
    for (timestamp, body) in [(&b"12"[..], &b"34{}"[..]), (b"1234", b"{}")] {
        // The signature holds for either split; what is read as JSON differs, and never gets past the table.
        let signed = Signed::new(None, &signature, timestamp).unwrap();
        assert!(matches!(server.accept_signed(now(), &signed, body), Err(Rejection::Json(_) | Rejection::NoType)));
    }
    assert_eq!(Signed::new(None, &signature, b"1234{"), Err(Rejection::Headers));
}

#[test]
fn a_duplicate_gets_the_first_answer() {
    let (server, body) = (server(), vectors::text("command_user").as_bytes());
    let Ok(Accepted::Asked(ticket, _)) = signed(&server, body) else { panic!("not asked") };
    assert_eq!(signed(&server, body), Ok(Accepted::Waiting(ticket)));
    assert_eq!(server.answer(ticket), None);
    let answer = Answer::Refused(Rejection::NoListener);
    server.handle_answered(now(), ticket, answer.clone());
    assert_eq!(server.answer(ticket), Some(answer.clone()));
    assert_eq!(signed(&server, body), Ok(Accepted::Answered(answer)));
    assert!(matches!(signed(&server, vectors::text("ping").as_bytes()), Ok(Accepted::Answered(_))));
}

#[test]
fn what_is_logged_of_a_body_is_short() {
    let body = format!(
        r#"{{"type":2,"id":"1","application_id":"1180000000000000001","version":"{}"}}"#,
        "\u{e9}".repeat(100_000)
    );
    let Err(Rejection::Shape(reason)) = signed(&server(), body.as_bytes()) else { panic!("not refused") };
    assert!(reason.len() < 250, "{}", reason.len());
}

#[test]
fn nothing_unverified_is_parsed() {
    let before_json = [&b"{"[..], b"\xff", b"[[[[", br#"{"type":1}"#, br#"{"type":77}"#];
    for body in before_json {
        let rejection = signed_at(&server(), 2, "1", None, body).unwrap_err();
        assert_eq!(rejection, Rejection::Signature(SignatureFault::Wrong));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_panic(body: Vec<u8>, timestamp: Vec<u8>, signature: Vec<u8>, content_type: Vec<u8>, method: String) {
        let head = Head {
            method: &method,
            application: None,
            content_type: Some(&content_type),
            signature: Some(&signature),
            timestamp: Some(&timestamp),
        };
        let _ = server().accept(now(), Request { head, body: &body });
        let _ = signed(&server(), &body);
    }

    #[test]
    fn no_json_makes_a_panic_and_none_is_a_500_without_a_known_type(tree in json_tree(), kind in -1i64..8) {
        let mut tree = tree;
        if let serde_json::Value::Object(fields) = &mut tree {
            fields.insert("type".to_owned(), kind.into());
        }
        match signed(&server(), tree.to_string().as_bytes()) {
            Ok(accepted) => prop_assert_eq!(accepted, pong()),
            Err(Rejection::Shape(_)) => prop_assert!((2..=5).contains(&kind)),
            Err(Rejection::UnknownType(_)) => prop_assert!(!(1..=5).contains(&kind)),
            Err(Rejection::Json(_)) => prop_assert!(!tree.is_object()),
            Err(Rejection::Signature(fault)) => prop_assert_eq!(fault, SignatureFault::OtherApplication),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn no_cut_of_a_vector_makes_a_panic(which: prop::sample::Index, cut: prop::sample::Index, byte: u8) {
        let (_, text) = vectors::ALL[which.index(vectors::ALL.len())];
        let mut body = text.as_bytes().to_vec();
        let at = cut.index(body.len());
        body[at] = byte;
        let _ = signed(&server(), &body);
        let _ = signed(&server(), &body[..at]);
    }
}

/// Trees of JSON whose keys are often those that the model knows.
fn json_tree() -> impl Strategy<Value = serde_json::Value> {
    let keys = prop_oneof![
        prop::sample::select(vec!["id", "application_id", "type", "data", "token", "options", "components", "values"])
            .prop_map(str::to_owned),
        ".{0,2}",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,4}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map(keys.clone(), inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}
