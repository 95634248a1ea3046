//! Deadlines and continuations: what happens when a listener is late, and after the last byte.

use super::*;

/// Takes one request, and answers it so; hands out what it was.
async fn platform(answer: &'static str) -> (String, oneshot::Receiver<String>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    let (sender, receiver) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (head, body) = read_answer(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        let _ = sender.send(head + &String::from_utf8(body).unwrap());
    });
    (url, receiver)
}

#[tokio::test]
async fn a_late_listener_is_deferred_where_that_is_allowed() {
    let (url, asked) = platform("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let soon = Duration::from_millis(50);
    let server = InteractionServer::builder().key(key()).deadline(soon).api_url(url).build().unwrap();
    let (release, released) = tokio::sync::watch::channel(false);
    let slow = || {
        let released = released.clone();
        Listener::new(move |_| {
            let mut released = released.clone();
            async move {
                released.wait_for(|released| *released).await.map_err(|error| error.to_string())?;
                say("at last").map_err(|error| error.to_string())
            }
        })
    };
    server.set_listener::<ApplicationCommand>(Some(slow()), Existing::Kept).unwrap();
    assert_eq!(ask(&server, &command(1)).await.0, 500);

    let deferring = slow().deferring(DeferredMessage::new().ephemeral()).unwrap();
    server.set_listener::<ApplicationCommand>(Some(deferring), Existing::Replaced).unwrap();
    assert_eq!(ask(&server, &command(2)).await, (200, r#"{"type":5,"data":{"flags":64}}"#.into()));
    release.send_replace(true);
    let asked = timeout(PATIENCE, asked).await.unwrap().unwrap();
    let path = format!("PATCH /api/webhooks/{APPLICATION}/secret/messages/@original HTTP/1.1");
    assert!(asked.starts_with(&path) && asked.ends_with(r#"{"content":"at last"}"#), "{asked}");
    let metrics = server.render_metrics();
    for outcome in ["failed", "deferred"] {
        assert!(metrics.contains(&format!("sanmon_interactions_late_total{{outcome=\"{outcome}\"}} 1")), "{metrics}");
    }
}

#[tokio::test]
async fn a_late_autocomplete_fails() {
    let server = InteractionServer::builder().key(key()).deadline(Duration::from_millis(20)).build().unwrap();
    let slow = Listener::new(|_| async {
        std::future::pending::<()>().await;
        Handled::answer(Choices::new())
    });
    server.set_listener::<Autocomplete>(Some(slow), Existing::Kept).unwrap();
    assert_eq!(ask(&server, &interaction(1, 4)).await.0, 500);
}

/// A listener whose answer is far larger than socket buffers, and which tells when its continuation runs.
fn large(
    told: Arc<AtomicUsize>,
) -> Listener<ApplicationCommand, sanmon_core::interaction::model::Interaction<ApplicationCommand>> {
    Listener::new(move |_| {
        let told = Arc::clone(&told);
        async move {
            let file = AttachedFile::new("a.bin", vec![b'x'; 16 << 20]);
            let answer = Handled::answer(MessageAnswer::new().content("large").file(file))?;
            Ok::<_, sanmon_core::interaction::response::InvalidAnswer>(answer.then(async move {
                told.fetch_add(1, Ordering::SeqCst);
            }))
        }
    })
}

#[tokio::test]
async fn a_continuation_runs_after_the_last_byte_and_not_before() {
    let server = server();
    server.start([local()]).await.unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    server.set_listener::<ApplicationCommand>(Some(large(Arc::clone(&told))), Existing::Kept).unwrap();
    let mut stream = connect(&server).await;
    stream.write_all(&raw(&command(1))).await.unwrap();
    // The answer is made, and fills the buffers of both ends, but nobody reads it.
    stream.readable().await.unwrap();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(told.load(Ordering::SeqCst), 0);
    let (head, body) = read_answer(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200") && body.len() > 16 << 20);
    timeout(PATIENCE, server.close()).await.unwrap().unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_continuation_does_not_run_if_the_answer_was_not_taken() {
    let server = server();
    server.start([local()]).await.unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    server.set_listener::<ApplicationCommand>(Some(large(Arc::clone(&told))), Existing::Kept).unwrap();
    let mut stream = connect(&server).await;
    stream.write_all(&raw(&command(1))).await.unwrap();
    stream.readable().await.unwrap();
    drop(stream);
    timeout(PATIENCE, server.close()).await.unwrap().unwrap();
    drop(server.hook(request(&command(2))).await);
    sleep(Duration::from_millis(20)).await;
    assert_eq!(told.load(Ordering::SeqCst), 0);
    read(server.hook(request(&command(2))).await).await;
    assert_eq!(told.load(Ordering::SeqCst), 0, "a duplicate has no continuation");
    read(server.hook(request(&command(3))).await).await;
    timeout(PATIENCE, server.endpoint.tasks().emptied()).await.unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn closing_waits_for_continuations_and_cuts_them_at_its_limit() {
    let server = server();
    let told = Arc::new(AtomicUsize::new(0));
    let listener = |told: Arc<AtomicUsize>, pause: Duration| {
        Listener::new(move |_| {
            let told = Arc::clone(&told);
            async move {
                Ok::<_, String>(Handled::by_callback().then(async move {
                    sleep(pause).await;
                    told.fetch_add(1, Ordering::SeqCst);
                }))
            }
        })
    };
    let (short, endless) = (Duration::from_millis(200), 100 * PATIENCE);
    for (id, pause, limit) in [(1, short, PATIENCE), (2, endless, Duration::from_millis(50))] {
        let listener = listener(Arc::clone(&told), pause);
        server.set_listener::<ApplicationCommand>(Some(listener), Existing::Replaced).unwrap();
        server.start_with([local()], limit).await.unwrap();
        let mut stream = connect(&server).await;
        stream.write_all(&raw(&command(id))).await.unwrap();
        assert!(read_answer(&mut stream).await.0.starts_with("HTTP/1.1 202"));
        timeout(PATIENCE, server.close()).await.unwrap().unwrap();
        assert_eq!(told.load(Ordering::SeqCst), 1, "round {id}");
    }
    timeout(PATIENCE, server.endpoint.tasks().emptied()).await.unwrap();
}
