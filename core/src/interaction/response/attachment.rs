//! Files that go with an answer.

use std::path::PathBuf;

use bytes::Bytes;
use serde_json::{Number, Value, json};

use super::check::{At, InvalidAnswer};
use super::limits;

/// A file that goes with an answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AttachedFile {
    /// The file's name, by which `attachment://name` finds it.
    pub name: String,
    /// Where its bytes are.
    pub source: FileSource,
    /// The media type of its part.
    pub content_type: String,
    /// What it shows, for those who can't see it.
    pub description: Option<String>,
    /// Seconds and waveform, if it is a voice message.
    pub voice: Option<(Number, String)>,
}

/// Where the bytes of a file are. Nothing is opened here: whoever sends the answer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSource {
    /// These.
    Bytes(Bytes),
    /// In the file system.
    Path(PathBuf),
}

impl From<PathBuf> for FileSource {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

/// Says what counts as bytes.
macro_rules! bytes {
    ($($bytes:ty)*) => {$(
        impl From<$bytes> for FileSource {
            fn from(bytes: $bytes) -> Self {
                Self::Bytes(bytes.into())
            }
        }
    )*};
}

bytes!(Bytes Vec<u8> String &'static str &'static [u8]);

impl AttachedFile {
    /// A file with this name and these bytes, or those at a path.
    pub fn new(name: impl Into<String>, source: impl Into<FileSource>) -> Self {
        Self {
            name: name.into(),
            source: source.into(),
            content_type: "application/octet-stream".to_owned(),
            description: None,
            voice: None,
        }
    }

    /// Says its media type.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = content_type.into();
        self
    }

    /// Says what it shows, in at most 1,024 characters.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Hides it until it is clicked: the platform knows such files by their name.
    #[must_use]
    pub fn spoiler(mut self) -> Self {
        if !self.name.starts_with("SPOILER_") {
            self.name.insert_str(0, "SPOILER_");
        }
        self
    }

    /// Makes it a voice message of so many seconds, with a sampled waveform in base64.
    #[must_use]
    pub fn voice(mut self, seconds: impl Into<Number>, waveform: impl Into<String>) -> Self {
        self.voice = Some((seconds.into(), waveform.into()));
        self
    }

    /// The file as the answer's `attachments` describe it.
    pub(super) fn described(&self, index: usize) -> Value {
        let mut fields = json!({ "id": index, "filename": self.name });
        if let Some(description) = &self.description {
            fields["description"] = description.as_str().into();
        }
        if let Some((seconds, waveform)) = &self.voice {
            fields["duration_secs"] = seconds.clone().into();
            fields["waveform"] = waveform.as_str().into();
        }
        fields
    }

    pub(super) fn check(&self, at: At<'_>) -> Result<(), InvalidAnswer> {
        at.name("filename").text(&self.name, limits::FILE_NAME)?;
        if let Some(description) = &self.description {
            at.name("description").text(description, limits::FILE_DESCRIPTION)?;
        }
        // The part's head is written from it, so it must not be able to end the line.
        let is_plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if self.content_type.is_empty() || !self.content_type.bytes().all(is_plain) {
            return Err(at.name("content_type").refuse("visible ASCII only"));
        }
        Ok(())
    }
}
