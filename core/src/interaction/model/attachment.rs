//! An attached file.

use serde_json::Number;

use super::Snowflake;
use super::table::object;

object! {
    /// An attached file as the platform describes it (documentation: message resource, attachment object).
    pub struct Attachment {
        /// The attachment's id.
        id: Snowflake,
        /// The file's name.
        filename: String,
    }
    optional {
        /// The name as it was, where the file's name had to change.
        title: String,
        /// What the file shows, for those who can't see it.
        description: String,
        /// The media type.
        content_type: String,
        /// Bytes.
        size: u64,
        /// Where the file is.
        url: String,
        /// Where the file is, through the platform's proxy.
        proxy_url: String,
        /// Pixels of a picture, top to bottom.
        height: u64,
        /// Pixels of a picture, side to side.
        width: u64,
        /// A thumbhash of a picture.
        placeholder: String,
        /// The version of `placeholder`.
        placeholder_version: i64,
        /// Whether it goes away after a while.
        ephemeral: bool,
        /// Seconds of a voice message.
        duration_secs: Number,
        /// The sampled waveform of a voice message, base64.
        waveform: String,
        /// The attachment's flags, as bits.
        flags: u64,
    }
}
