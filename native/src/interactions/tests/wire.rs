//! Answers of listeners as bytes on the wire, each on a connection that goes on afterwards.

use super::*;

/// A listener that answers as the command's token says.
async fn answer(
    command: sanmon_core::interaction::model::Interaction<ApplicationCommand>,
) -> Result<Handled<ApplicationCommand>, String> {
    let message = MessageAnswer::new().content("tea");
    let answer = match command.id.as_u64() {
        1 => Handled::answer(message),
        2 => Handled::answer(DeferredMessage::new()),
        3 => Handled::answer(message.file(AttachedFile::new("a.txt", "leaf"))),
        4 => Handled::answer(message.file(AttachedFile::new("a.txt", std::path::PathBuf::from("/nowhere/a.txt")))),
        5 => return Ok(Handled::by_callback()),
        6 => return Err("no tea".to_owned()),
        _ => panic!("no such tea"),
    };
    answer.map_err(|error| error.to_string())
}

#[tokio::test]
async fn every_answer_leaves_the_connection_as_it_was() {
    let server = InteractionServer::builder().key(key()).deadline(PATIENCE).build().unwrap();
    server.set_listener::<ApplicationCommand>(Some(Listener::new(answer)), Existing::Kept).unwrap();
    server.start([local()]).await.unwrap();
    let mut stream = connect(&server).await;
    let failed = "Exception occurred during interaction dispatch";
    for (id, status, content_type, text) in [
        (1, 200, "application/json", r#"{"type":4,"data":{"content":"tea"}}"#),
        (2, 200, "application/json", r#"{"type":5}"#),
        (3, 200, "multipart/form-data; boundary=", "\r\n\r\nleaf\r\n--"),
        (4, 500, "text/plain; charset=utf-8", failed),
        (5, 202, "", ""),
        (6, 500, "text/plain; charset=utf-8", failed),
        (7, 500, "text/plain; charset=utf-8", failed),
    ] {
        for delivery in ["the first", "a duplicate"] {
            stream.write_all(&raw(&command(id))).await.unwrap();
            let (head, body) = read_answer(&mut stream).await;
            let body = String::from_utf8(body).unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{id}, {delivery}: {head}");
            let found = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
            assert!(found.starts_with(content_type) && found.is_empty() == content_type.is_empty(), "{id}: {head}");
            assert!(body.contains(text) && body.is_empty() == text.is_empty(), "{id}, {delivery}: {body}");
            assert!(!head.contains("connection: close"), "{id}: {head}");

            stream.write_all(&raw(r#"{"type":1}"#)).await.unwrap();
            let (head, body) = read_answer(&mut stream).await;
            assert!(head.starts_with("HTTP/1.1 200 ") && body == br#"{"type":1}"#, "after {id}: {head}");
        }
    }
    timeout(PATIENCE, server.close()).await.unwrap().unwrap();
}

#[tokio::test]
async fn elsewhere_is_nothing() {
    let server = server();
    server.start([local()]).await.unwrap();
    let mut stream = connect(&server).await;
    let elsewhere = String::from_utf8(raw(r#"{"type":1}"#)).unwrap().replacen("POST / ", "POST /elsewhere ", 1);
    stream.write_all(elsewhere.as_bytes()).await.unwrap();
    assert!(read_answer(&mut stream).await.0.starts_with("HTTP/1.1 404 "));
    stream.write_all(&raw(r#"{"type":1}"#)).await.unwrap();
    assert!(read_answer(&mut stream).await.0.starts_with("HTTP/1.1 200 "));
}
