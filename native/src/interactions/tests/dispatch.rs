//! Listeners: which one runs, how often, and what its failures come to.

use sanmon_core::interaction::kind::Kind;
use sanmon_core::interaction::model::Interaction;

use super::*;

#[tokio::test]
async fn the_listener_of_the_kind_answers() {
    let server = server();
    assert_eq!(ask(&server, r#"{"type":1}"#).await, (200, r#"{"type":1}"#.into()));
    assert_eq!(ask(&server, &command(1)).await.0, 501);
    server
        .set_listener::<ApplicationCommand>(
            Some(Listener::new(|command: Interaction<ApplicationCommand>| async move { say(&command.data.name) })),
            Existing::Kept,
        )
        .unwrap();
    assert_eq!(ask(&server, &command(2)).await, (200, r#"{"type":4,"data":{"content":"tea"}}"#.into()));
    assert_eq!(ask(&server, &interaction(3, 4)).await.0, 501);

    let body = command(4);
    let signature = pair().sign(TIMESTAMP, body.as_bytes());
    assert_eq!(read(server.on_interaction(body.as_bytes(), &signature, TIMESTAMP).await).await.0, 200);
    assert_eq!(read(server.on_interaction(body.as_bytes(), &signature[1..], TIMESTAMP).await).await.0, 401);
    let metrics = server.render_metrics();
    assert!(metrics.contains("sanmon_interactions_total{kind=\"command\",status=\"200\"} 2"), "{metrics}");
}

#[tokio::test]
async fn listeners_are_set_replaced_and_removed() {
    let server = server();
    let listener = |text: &'static str| Some(Listener::new(move |_| async move { say(text) }));
    server.set_listener::<ApplicationCommand>(listener("one"), Existing::Kept).unwrap();
    assert_eq!(server.set_listener::<ApplicationCommand>(listener("two"), Existing::Kept), Err(ListenerSet));
    assert!(ask(&server, &command(1)).await.1.contains("one"));
    server.set_listener::<ApplicationCommand>(listener("two"), Existing::Replaced).unwrap();
    assert!(ask(&server, &command(2)).await.1.contains("two"));
    assert!(server.listener::<ApplicationCommand>().is_some() && server.listener::<Autocomplete>().is_none());
    server.set_listener::<ApplicationCommand>(None, Existing::Kept).unwrap();
    assert_eq!(ask(&server, &command(3)).await.0, 501);
}

#[tokio::test]
async fn failures_and_panics_are_500_and_no_answer_is_202() {
    let server = server();
    let replace = |listener| {
        server.set_listener::<ApplicationCommand>(Some(listener), Existing::Replaced).unwrap();
    };
    let failed = (500, "Exception occurred during interaction dispatch".to_owned());
    replace(Listener::new(|_| async { Err::<Handled<_>, _>("no") }));
    assert_eq!(ask(&server, &command(1)).await, failed);
    replace(Listener::new(|_| async { panic!("in the future") as Result<Handled<_>, String> }));
    assert_eq!(ask(&server, &command(2)).await, failed);
    fn panics(_: Interaction<ApplicationCommand>) -> std::future::Ready<Result<Handled<ApplicationCommand>, String>> {
        panic!("before the future")
    }
    replace(Listener::new(panics));
    assert_eq!(ask(&server, &command(3)).await, failed);
    replace(Listener::new(|_| async { Ok::<_, String>(Handled::by_callback()) }));
    assert_eq!(ask(&server, &command(4)).await, (202, String::new()));
}

#[tokio::test]
async fn a_duplicate_gets_the_first_answer_and_nothing_runs_twice() {
    let server = server();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let (release, released) = tokio::sync::watch::channel(0);
    let listener = Listener::new(move |_| {
        let run = counted.fetch_add(1, Ordering::SeqCst);
        let mut released = released.clone();
        async move {
            released.wait_for(|released| *released > run).await.map_err(|error| error.to_string())?;
            say(&run.to_string()).map_err(|error| error.to_string())
        }
    });
    server.set_listener::<ApplicationCommand>(Some(listener), Existing::Kept).unwrap();
    let body = command(1);
    let (one, other, ()) = tokio::join!(ask(&server, &body), ask(&server, &body), async {
        until(|| runs.load(Ordering::SeqCst) == 1).await;
        release.send_replace(1);
    });
    assert_eq!((&one, one.0), (&other, 200));
    assert_eq!(ask(&server, &body).await, one);
    assert_eq!(runs.load(Ordering::SeqCst), 1);

    // The platform went away before the answer: the next delivery still gets it.
    let body = command(2);
    tokio::select! {
        early = ask(&server, &body) => panic!("an answer that nobody gave: {early:?}"),
        () = until(|| runs.load(Ordering::SeqCst) == 2) => {}
    }
    release.send_replace(2);
    assert!(ask(&server, &body).await.1.contains('1'));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn files_go_as_multipart_and_one_that_is_not_there_fails_the_dispatch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    std::fs::write(&path, vec![b'x'; 200_000]).unwrap();
    let jobs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&jobs);
    let executor = FileExecutor::new(move |job| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::thread::spawn(move || job.run());
    });
    let server = InteractionServer::builder().key(key()).file_executor(executor).build().unwrap();
    let answer = |path: std::path::PathBuf| {
        Listener::new(move |_| {
            let file = AttachedFile::new("a.bin", path.clone());
            async move { Handled::answer(MessageAnswer::new().content("file").file(file)) }
        })
    };
    server.set_listener::<ApplicationCommand>(Some(answer(path)), Existing::Kept).unwrap();
    let response = server.hook(request(&command(1))).await;
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap().to_owned();
    let hint = response.body().size_hint().exact().unwrap();
    let (200, body) = read(response).await else { panic!("not 200") };
    assert_eq!(body.len() as u64, hint);
    assert!(body.starts_with(&format!("--{boundary}\r\n")) && body.ends_with(&format!("\r\n--{boundary}--\r\n")));
    assert!(body.contains("name=\"payload_json\"") && body.contains("name=\"files[0]\"; filename=\"a.bin\""));
    assert!(body.contains(&"x".repeat(200_000)));
    assert!(jobs.load(Ordering::SeqCst) >= 5, "opened and read by the executor");

    let missing = answer(folder.path().join("missing"));
    server.set_listener::<ApplicationCommand>(Some(missing), Existing::Replaced).unwrap();
    assert_eq!(ask(&server, &command(2)).await.0, 500);
}

/// What a program makes of an interaction.
struct Named(String);

struct Names;

impl EntityFactory for Names {
    type Entity<K: Kind> = Named;

    fn interaction<K: Kind>(&self, payload: Payload<'_>) -> Result<Named, EntityError> {
        let value: Value = payload.read()?;
        let name = value["data"]["name"].as_str().ok_or_else(|| EntityError::new("no name"))?;
        Ok(Named(name.to_owned()))
    }
}

#[tokio::test]
async fn programs_bring_their_own_types_and_json() {
    let server = InteractionServer::builder()
        .key(key())
        .entity_factory(Names)
        .decode_json(|text| {
            let mut value: Value = serde_json::from_str(text).map_err(EntityError::new)?;
            value["data"]["name"] = "decoded".into();
            Ok(value)
        })
        .encode_json(|value| serde_json::to_string_pretty(value).map_err(EntityError::new))
        .build()
        .unwrap();
    server
        .set_listener::<ApplicationCommand>(
            Some(Listener::new(|Named(name)| async move { say(&name) })),
            Existing::Kept,
        )
        .unwrap();
    let (200, text) = ask(&server, &command(1)).await else { panic!("not 200") };
    assert!(text.contains("\n  ") && text.contains("\"decoded\""), "{text}");
}

#[tokio::test]
async fn the_filter_is_a_filter_like_any_other() {
    let server = server();
    let filter = warp::path("bot").and(server.filter());
    let signature = pair().sign_hex(TIMESTAMP, br#"{"type":1}"#);
    let request = |signature: &str| {
        warp::test::request()
            .method("POST")
            .path("/bot")
            .header("content-type", "application/json")
            .header("x-signature-ed25519", signature)
            .header("x-signature-timestamp", "1800000000")
            .body(r#"{"type":1}"#)
    };
    let answer = request(&signature).reply(&filter).await;
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, br#"{"type":1}"#.as_slice()));
    assert_eq!(request(&"0".repeat(128)).reply(&filter).await.status(), 401);
}
