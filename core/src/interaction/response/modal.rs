//! An answer that opens a modal.

use serde::Serialize;

use super::check::{At, InvalidAnswer};
use super::message::components::{Place, Seen};
use super::reply::{CallbackKind, Reply};
use super::{limits, sealed};
use crate::interaction::model::{Component, InModal};

/// Opens a modal: 1 to 5 labels with inputs, and texts.
///
/// ```
/// use sanmon_core::interaction::kind::ApplicationCommand;
/// use sanmon_core::interaction::model::{Label, TextInput};
/// use sanmon_core::interaction::response::{Modal, Response};
///
/// let modal = Modal::new("report", "What is wrong?").with(Label::new("Tell us", TextInput::paragraph("what")));
/// Response::<ApplicationCommand>::new(modal)?;
/// # Ok::<(), sanmon_core::interaction::response::InvalidAnswer>(())
/// ```
///
/// A modal does not answer a modal:
///
/// ```compile_fail,E0277
/// # use sanmon_core::interaction::response::{Modal, Response};
/// Response::<sanmon_core::interaction::kind::ModalSubmit>::new(Modal::new("report", "What is wrong?"));
/// ```
///
/// And what stands in messages alone does not stand in one:
///
/// ```compile_fail,E0277
/// # use sanmon_core::interaction::{model::Separator, response::Modal};
/// Modal::new("report", "What is wrong?").with(Separator::new());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Modal {
    custom_id: String,
    title: String,
    components: Vec<Component>,
}

impl Modal {
    /// An empty modal, told by `custom_id` of 1 to 100 characters, with a title of 1 to 45.
    pub fn new(custom_id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { custom_id: custom_id.into(), title: title.into(), components: Vec::new() }
    }

    /// Adds a label with its input, or a text.
    #[must_use]
    pub fn with(mut self, component: impl InModal) -> Self {
        self.components.push(component.into());
        self
    }
}

impl sealed::Sealed for Modal {
    fn into_reply(self) -> Result<Reply, InvalidAnswer> {
        At::DATA.name("custom_id").text(&self.custom_id, limits::CUSTOM_ID)?;
        At::DATA.name("title").text(&self.title, limits::MODAL_TITLE)?;
        let at = At::DATA.name("components");
        at.count(self.components.len(), limits::MODAL_COMPONENTS)?;
        let mut seen = Seen::default();
        for (index, component) in self.components.iter().enumerate() {
            seen.check(at.index(index), component, Place::Modal)?;
        }
        Ok(Reply::new(CallbackKind::Modal, Some(self), Vec::new()))
    }
}
