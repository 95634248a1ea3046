//! A callback with files: a form as the platform's own API takes it, looked through before it travels on.

use std::convert::Infallible;

use bytes::Bytes;
use multer::{Constraints, Multipart, SizeLimit, parse_boundary};
use sanmon_core::interaction::response::Form;

/// The platform's own limit.
const MAX_FILES: usize = 10;
/// The longest JSON of an answer with files; the platform's own are far shorter.
const MAX_JSON_BYTES: u64 = 1 << 20;

/// The form is none that can be an answer, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidForm {
    /// It is not `multipart/form-data`, or breaks off.
    #[error("not whole multipart/form-data: {0}")]
    Broken(#[from] multer::Error),
    /// A part has a name that the platform does not know.
    #[error("a form with a part that is neither payload_json nor files[n]")]
    UnknownPart,
    /// A part came before.
    #[error("a form with two parts of the name {0}")]
    Twice(String),
    /// More files than the platform takes.
    #[error("a form with more than {MAX_FILES} files")]
    TooManyFiles,
    /// There is no part `payload_json`.
    #[error("a form without payload_json")]
    NoJson,
    /// The JSON is not UTF-8.
    #[error("a form whose payload_json is not UTF-8")]
    NotText,
}

/// The JSON of a form, whose every part is looked at.
pub(crate) async fn json_of(form: &Form) -> Result<String, InvalidForm> {
    let boundary = parse_boundary(&form.content_type)?;
    let body = form.body.clone();
    let whole = futures_util::stream::once(async { Ok::<Bytes, Infallible>(body) });
    let limit = SizeLimit::new().for_field("payload_json", MAX_JSON_BYTES);
    let mut parts = Multipart::with_constraints(whole, boundary, Constraints::new().size_limit(limit));
    let mut names: Vec<String> = Vec::new();
    let mut json = None;
    while let Some(part) = parts.next_field().await? {
        let name = part.name().unwrap_or_default().to_owned();
        if names.contains(&name) {
            return Err(InvalidForm::Twice(name));
        }
        if name == "payload_json" {
            json = Some(part.bytes().await?);
        } else if !is_file(&name) {
            return Err(InvalidForm::UnknownPart);
        } else if names.len() - usize::from(json.is_some()) == MAX_FILES {
            return Err(InvalidForm::TooManyFiles);
        }
        names.push(name);
    }
    String::from_utf8(json.ok_or(InvalidForm::NoJson)?.into()).map_err(|_| InvalidForm::NotText)
}

/// Whether a part is called `files[n]`.
fn is_file(name: &str) -> bool {
    let number = name.strip_prefix("files[").and_then(|rest| rest.strip_suffix(']'));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, body: &str) -> String {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n\r\n{body}\r\n")
    }

    async fn json(body: String) -> Result<String, String> {
        let form = Form { content_type: "multipart/form-data; boundary=x".to_owned(), body: body.into() };
        json_of(&form).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_json_is_found_wherever_it_stands() {
        let (first, file) = (part("payload_json", "{}"), part("files[7]", "\0\u{1}--y\r\n"));
        assert_eq!(json(format!("{first}{file}--x--\r\n")).await.as_deref(), Ok("{}"));
        assert_eq!(json(format!("{file}{first}--x--")).await.as_deref(), Ok("{}"));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_refused() {
        let (first, file) = (part("payload_json", "{}"), part("files[0]", "a"));
        let many: String = (0..11).map(|number| part(&format!("files[{number}]"), "a")).collect();
        for (body, reason) in [
            (String::new(), "not whole"),
            (first.clone(), "not whole"),
            (format!("{first}--x\r\nContent-Disp"), "not whole"),
            (format!("{first}{}--x--", part("file", "a")), "neither"),
            (format!("{first}{}--x--", part("files[]", "a")), "neither"),
            (format!("{first}{first}--x--"), "two parts"),
            (format!("{first}{file}{file}--x--"), "two parts"),
            (format!("{first}{many}--x--"), "more than 10"),
            (format!("{file}--x--"), "without payload_json"),
            (format!("{}--x--", part("payload_json", &" ".repeat(2 << 20))), "not whole"),
        ] {
            let error = json(body).await.unwrap_err();
            assert!(error.contains(reason), "{error} instead of {reason}");
        }
        let form = Form { content_type: "multipart/form-data".to_owned(), body: first.into() };
        assert!(matches!(json_of(&form).await, Err(InvalidForm::Broken(multer::Error::NoBoundary))));
    }
}
