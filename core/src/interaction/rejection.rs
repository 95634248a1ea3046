//! What bad requests get: the table of protocol section 10 as data.

/// Why a request to the interactions endpoint is refused; its status and text are those of the protocol's table.
///
/// What `Display` says is for the log: it may be more than the sender is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The method is not POST.
    #[error("the method is not POST")]
    Method,
    /// The content type is not `application/json`.
    #[error("the content type is not application/json")]
    ContentType,
    /// A signature header is missing or not of its form.
    #[error("a signature header is missing or invalid")]
    Headers,
    /// The body is over the limit.
    #[error("the body has more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// There is no body.
    #[error("the body is empty")]
    Empty,
    /// The signature is wrong, too old or used up.
    #[error("the signature is refused: {0}")]
    Signature(SignatureFault),
    /// The body is not an object of JSON as the protocol has it, or its `type` no integer.
    #[error("the body is refused: {0}")]
    Json(String),
    /// The body has no `type`.
    #[error("the body has no type")]
    NoType,
    /// The type is unknown.
    #[error("no interaction has type {0}")]
    UnknownType(String),
    /// The type is known and the rest does not fit it.
    #[error("the interaction can't be read: {0}")]
    Shape(String),
    /// Nobody listens to interactions of this kind.
    #[error("nobody listens")]
    NoListener,
    /// The listener failed.
    #[error("the listener failed")]
    Failed,
}

/// What is wrong with a signature. The sender is never told which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// No key that may sign for this application made it.
    #[error("no key made it")]
    Wrong,
    /// The body is for another application than the key.
    #[error("its key is another application's")]
    OtherApplication,
    /// The timestamp is too far from now.
    #[error("it is too old, or too new")]
    Stale,
    /// It was seen before.
    #[error("it was seen before")]
    Seen,
}

impl Rejection {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Method => 405,
            Self::ContentType => 415,
            Self::Headers | Self::Signature(_) => 401,
            Self::TooLarge { .. } => 413,
            Self::Empty | Self::Json(_) | Self::NoType => 400,
            Self::UnknownType(_) | Self::NoListener => 501,
            Self::Shape(_) | Self::Failed => 500,
        }
    }

    /// The whole body, `text/plain`.
    pub const fn text(&self) -> &'static str {
        match self {
            Self::Method => "Method Not Allowed",
            Self::ContentType => "Unsupported Media Type",
            Self::Headers => "Missing or invalid required request signature header(s)",
            Self::TooLarge { .. } => "Payload too large",
            Self::Empty => "POST request must have a body",
            Self::Signature(_) => "Invalid request signature",
            Self::Json(_) => "Invalid JSON body",
            Self::NoType => "Missing required 'type' field in payload",
            Self::UnknownType(_) => "Interaction type not implemented",
            Self::Shape(_) => "Exception occurred during interaction deserialization",
            Self::NoListener => "Handler not set for this interaction type",
            Self::Failed => "Exception occurred during interaction dispatch",
        }
    }

    /// The value of the `Allow` header, which goes with a refused method.
    pub const fn allow(&self) -> Option<&'static str> {
        if matches!(self, Self::Method) { Some("POST") } else { None }
    }
}
