//! An embed.

use super::table::object;

object! {
    /// An embed: a card under a message (documentation: message resource, embed object).
    pub struct Embed {}
    optional {
        /// What the embed is; "rich" for those that are sent.
        #[serde(rename = "type")]
        kind: String,
        /// A video, in embeds that the platform made.
        video: EmbedMedia,
        /// Who provides it, in embeds that the platform made.
        provider: EmbedProvider,
        /// The embed's flags, as bits.
        flags: u64,
    }
    set {
        /// The title, at most 256 characters.
        title: String,
        /// The text, at most 4,096 characters.
        description: String,
        /// Where the title links to.
        url: String,
        /// A time to show, ISO 8601.
        timestamp: String,
        /// What stands at the foot.
        footer: EmbedFooter,
        /// A picture.
        image: EmbedMedia,
        /// A small picture.
        thumbnail: EmbedMedia,
        /// Who says it.
        author: EmbedAuthor,
        /// At most 25 fields.
        fields: Vec<EmbedField>,
    }
    plain {
        /// The color of the edge.
        color: u32,
    }
}

impl Embed {
    /// An empty embed, to fill.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, field: EmbedField) -> Self {
        self.fields.or_insert_default().push(field);
        self
    }
}

object! {
    /// A picture or video of an embed.
    pub struct EmbedMedia {}
    optional {
        /// Where it is, through the platform's proxy.
        proxy_url: String,
        /// Pixels from top to bottom.
        height: u64,
        /// Pixels from side to side.
        width: u64,
        /// The media type.
        content_type: String,
        /// A thumbhash.
        placeholder: String,
        /// The version of `placeholder`.
        placeholder_version: i64,
        /// The medium's flags, as bits.
        flags: u64,
    }
    set {
        /// What it shows, for those who can't see it.
        description: String,
        /// Where it is: an http(s) address or `attachment://name`.
        url: String,
    }
}

impl EmbedMedia {
    /// A picture at this address: http(s), or `attachment://name` for a file of the answer.
    pub fn new(url: impl Into<String>) -> Self {
        Self::default().url(url)
    }
}

object! {
    /// Who provides what an embed shows.
    pub struct EmbedProvider {}
    optional {
        /// The name.
        name: String,
        /// Where the name links to.
        url: String,
    }
}

object! {
    /// Who says what an embed says.
    pub struct EmbedAuthor {
        /// The name, at most 256 characters.
        name: String,
    }
    optional {
        /// The icon, through the platform's proxy.
        proxy_icon_url: String,
    }
    set {
        /// Where the name links to.
        url: String,
        /// The icon: an http(s) address or `attachment://name`.
        icon_url: String,
    }
}

impl EmbedAuthor {
    /// An author of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self::from_parts(name)
    }
}

object! {
    /// What stands at the foot of an embed.
    pub struct EmbedFooter {
        /// The text, at most 2,048 characters.
        text: String,
    }
    optional {
        /// The icon, through the platform's proxy.
        proxy_icon_url: String,
    }
    set {
        /// The icon: an http(s) address or `attachment://name`.
        icon_url: String,
    }
}

impl EmbedFooter {
    /// A foot with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self::from_parts(text)
    }
}

object! {
    /// A field of an embed.
    pub struct EmbedField {
        /// The heading, at most 256 characters.
        name: String,
        /// The text, at most 1,024 characters.
        value: String,
    }
    plain {
        /// Whether it stands beside its neighbors.
        inline: bool,
    }
}

impl EmbedField {
    /// A field with this heading and text.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::from_parts(name, value)
    }
}
