//! An answer with files as `multipart/form-data`, described as data: which bytes, which files, in which order.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{FileSource, Reply};

/// What stands between the parts of a multipart body.
///
/// It must not occur in any part, so it is made of 128 random bits, which the driver gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boundary(u128);

impl Boundary {
    /// The boundary of these random bits.
    pub const fn from_random(bits: u128) -> Self {
        Self(bits)
    }
}

impl std::fmt::Display for Boundary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sanmon-{:032x}", self.0)
    }
}

/// A multipart body: its chunks one after another are the whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multipart {
    /// The value of `Content-Type`.
    pub content_type: String,
    /// What to send, in order.
    pub chunks: Vec<Chunk>,
}

/// A piece of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// These bytes.
    Bytes(Bytes),
    /// All bytes of a file.
    File(FileSource),
}

impl Reply {
    /// The body of an answer with files; none if there are no files, since then the JSON is the whole body.
    pub fn multipart(&self, boundary: Boundary) -> Option<Multipart> {
        if self.files().is_empty() {
            return None;
        }
        let mut chunks = Vec::with_capacity(2 * self.files().len() + 3);
        chunks.push(text(format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\
             Content-Type: application/json\r\n\r\n"
        )));
        chunks.push(Chunk::Bytes(self.json_bytes().clone()));
        for (index, file) in self.files().iter().enumerate() {
            chunks.push(text(format!(
                "\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"files[{index}]\"; filename=\"{}\"\r\n\
                 Content-Type: {}\r\n\r\n",
                escaped(&file.name),
                file.content_type,
            )));
            chunks.push(Chunk::File(file.source.clone()));
        }
        chunks.push(text(format!("\r\n--{boundary}--\r\n")));
        Some(Multipart { content_type: format!("multipart/form-data; boundary={boundary}"), chunks })
    }
}

fn text(text: String) -> Chunk {
    Chunk::Bytes(text.into())
}

/// A file's name as it stands between quotes in a part's head, the way browsers write it: a quote and what could end the
/// line become percent codes.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '"' => escaped.push_str("%22"),
            letter if letter.is_ascii_control() => {
                write!(escaped, "%{:02X}", u32::from(letter)).expect("a string takes all");
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interaction::model::InteractionKind;
    use crate::interaction::response::AttachedFile;

    fn reply(files: Vec<AttachedFile>) -> Reply {
        Reply::from_json(InteractionKind::ApplicationCommand, r#"{"type":4}"#.to_owned(), files).unwrap()
    }

    #[test]
    fn parts_stand_in_order() {
        let files = vec![
            AttachedFile::new("a\"\r\n.txt", "one").content_type("text/plain"),
            AttachedFile::new("b.png", std::path::PathBuf::from("b.png")),
        ];
        let multipart = reply(files).multipart(Boundary::from_random(0xabc)).unwrap();
        let boundary = "sanmon-00000000000000000000000000000abc";
        assert_eq!(multipart.content_type, format!("multipart/form-data; boundary={boundary}"));
        let body: String = multipart
            .chunks
            .iter()
            .map(|chunk| match chunk {
                Chunk::Bytes(bytes) | Chunk::File(FileSource::Bytes(bytes)) => std::str::from_utf8(bytes).unwrap(),
                Chunk::File(FileSource::Path(path)) => path.to_str().unwrap(),
            })
            .collect();
        assert_eq!(
            body,
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\
                 Content-Type: application/json\r\n\r\n{{\"type\":4}}\r\n\
                 --{boundary}\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"a%22%0D%0A.txt\"\r\n\
                 Content-Type: text/plain\r\n\r\none\r\n\
                 --{boundary}\r\nContent-Disposition: form-data; name=\"files[1]\"; filename=\"b.png\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\nb.png\r\n--{boundary}--\r\n"
            )
        );
    }

    #[test]
    fn no_files_no_parts() {
        assert_eq!(reply(Vec::new()).multipart(Boundary::from_random(1)), None);
    }
}
