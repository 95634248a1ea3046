//! Components that show pictures, videos and files.

use crate::interaction::model::Snowflake;
use crate::interaction::model::table::object;

object! {
    /// A picture, video or file (documentation: unfurled media item). Only `url` is sent; the platform adds the rest.
    pub struct MediaItem {
        /// Where it is: an http(s) address, or `attachment://name` for a file of the answer.
        url: String,
    }
    optional {
        /// Where it is, through the platform's proxy.
        proxy_url: String,
        /// Pixels from top to bottom.
        height: u64,
        /// Pixels from side to side.
        width: u64,
        /// A thumbhash.
        placeholder: String,
        /// The version of `placeholder`.
        placeholder_version: i64,
        /// The media type.
        content_type: String,
        /// The medium's flags, as bits.
        flags: u64,
        /// The attachment that it is.
        attachment_id: Snowflake,
    }
}

impl From<&str> for MediaItem {
    fn from(url: &str) -> Self {
        Self::from_parts(url)
    }
}

impl From<String> for MediaItem {
    fn from(url: String) -> Self {
        Self::from_parts(url)
    }
}

object! {
    /// A small picture beside a section.
    pub struct Thumbnail = 11 {
        /// The picture.
        media: MediaItem,
    }
    set {
        /// What it shows, for those who can't see it, at most 1,024 characters.
        description: String,
    }
    plain {
        /// The component's number in its message.
        id: i64,
        /// Whether it is hidden until clicked.
        spoiler: bool,
    }
}

impl Thumbnail {
    /// The picture at this address.
    pub fn new(media: impl Into<MediaItem>) -> Self {
        Self::from_parts(media)
    }
}

object! {
    /// One to ten pictures and videos.
    pub struct MediaGallery = 12 {
        /// The pictures and videos.
        items: Vec<GalleryItem>,
    }
    plain {
        /// The component's number in its message.
        id: i64,
    }
}

impl MediaGallery {
    /// These pictures and videos.
    pub fn new(items: impl IntoIterator<Item = GalleryItem>) -> Self {
        Self::from_parts(Vec::from_iter(items))
    }
}

object! {
    /// A picture or video of a gallery.
    pub struct GalleryItem {
        /// The picture or video.
        media: MediaItem,
    }
    set {
        /// What it shows, for those who can't see it, at most 1,024 characters.
        description: String,
    }
    plain {
        /// Whether it is hidden until clicked.
        spoiler: bool,
    }
}

impl GalleryItem {
    /// What is at this address.
    pub fn new(media: impl Into<MediaItem>) -> Self {
        Self::from_parts(media)
    }
}

object! {
    /// A file of the answer, shown.
    pub struct FileDisplay = 13 {
        /// The file: only `attachment://name`.
        file: MediaItem,
    }
    optional {
        /// The file's name, as the platform says it.
        name: String,
        /// Bytes, as the platform says it.
        size: u64,
    }
    plain {
        /// The component's number in its message.
        id: i64,
        /// Whether it is hidden until clicked.
        spoiler: bool,
    }
}

impl FileDisplay {
    /// The file of the answer with this name.
    pub fn new(name: impl AsRef<str>) -> Self {
        Self::from_parts(format!("attachment://{}", name.as_ref()))
    }
}
