//! The limits of components, and where each may stand.

mod inputs;

use std::collections::HashSet;

use crate::interaction::model::{
    ActionRow, Button, ButtonStyle, Component, Container, Field, Label, MediaGallery, Section,
};
use crate::interaction::response::check::{At, InvalidAnswer};
use crate::interaction::response::limits;

/// Where a component stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::interaction::response) enum Place {
    /// At the top of a message.
    Message,
    /// In a container.
    Container,
    /// In an action row.
    Row,
    /// Among the texts of a section.
    SectionText,
    /// Beside a section.
    Accessory,
    /// At the top of a modal.
    Modal,
    /// In a label of a modal.
    Label,
}

/// What was seen on the way through the components of an answer.
#[derive(Debug, Default)]
pub(in crate::interaction::response) struct Seen {
    count: usize,
    displayed: usize,
    custom_ids: HashSet<String>,
    ids: HashSet<i64>,
}

impl Seen {
    /// Checks a component and all that is in it.
    pub(in crate::interaction::response) fn check(
        &mut self,
        at: At<'_>,
        component: &Component,
        place: Place,
    ) -> Result<(), InvalidAnswer> {
        if !may_stand(component, place) {
            return Err(at.refuse("a component that can't stand here"));
        }
        self.count += 1;
        match component {
            Component::ActionRow(row) => self.check_row(at, row),
            Component::Button(button) => self.check_button(at, button),
            Component::Section(section) => self.check_section(at, section),
            Component::Container(container) => self.check_container(at, container),
            Component::MediaGallery(gallery) => self.check_gallery(at, gallery),
            Component::Label(label) => self.check_label(at, label),
            Component::TextDisplay(display) => {
                self.note_id(at, display.id)?;
                self.displayed += display.content.chars().count();
                at.name("content").text(&display.content, 1..=*limits::DISPLAYED_TEXT.end())
            }
            Component::Thumbnail(thumbnail) => {
                self.note_id(at, thumbnail.id)?;
                let description = thumbnail.description.text().unwrap_or_default();
                at.name("description").text(description, limits::MEDIA_DESCRIPTION)
            }
            Component::File(file) => {
                self.note_id(at, file.id)?;
                if file.file.url.starts_with("attachment://") {
                    return Ok(());
                }
                Err(at.name("file").name("url").refuse("attachment://<file name> and nothing else"))
            }
            Component::Separator(separator) => self.note_id(at, separator.id),
            input => self.check_input(at, input, place),
        }
    }

    /// Checks what the components of a message share.
    pub(super) fn check_totals(&self, at: At<'_>) -> Result<(), InvalidAnswer> {
        at.count(self.count, limits::COMPONENTS)?;
        if limits::DISPLAYED_TEXT.contains(&self.displayed) {
            return Ok(());
        }
        let (most, count) = (limits::DISPLAYED_TEXT.end(), self.displayed);
        Err(at.refuse(format!("at most {most} characters in all text displays together, not {count}")))
    }

    fn check_row(&mut self, at: At<'_>, row: &ActionRow) -> Result<(), InvalidAnswer> {
        self.note_id(at, row.id)?;
        let at = at.name("components");
        let is_menu = |component: &Component| !matches!(component, Component::Button(_) | Component::Other(_));
        if row.components.len() > 1 && row.components.iter().any(is_menu) {
            return Err(at.refuse("one select menu alone, or buttons"));
        }
        at.count(row.components.len(), limits::BUTTONS)?;
        self.check_all(at, &row.components, Place::Row)
    }

    fn check_button(&mut self, at: At<'_>, button: &Button) -> Result<(), InvalidAnswer> {
        self.note_id(at, button.id)?;
        let label = button.label.text().unwrap_or_default();
        at.name("label").text(label, limits::BUTTON_LABEL)?;
        match button.style {
            ButtonStyle::Premium => {
                if !label.is_empty() || button.emoji.value().is_some() {
                    return Err(at.refuse("a premium button has neither label nor emoji"));
                }
                return button.sku_id.value().map(drop).ok_or_else(|| at.name("sku_id").refuse("missing"));
            }
            ButtonStyle::Link => {
                let url = button.url.text().ok_or_else(|| at.name("url").refuse("missing"))?;
                at.name("url").text(url, limits::BUTTON_URL)?;
            }
            _ => {
                let custom_id = button.custom_id.text().ok_or_else(|| at.name("custom_id").refuse("missing"))?;
                self.note_custom_id(at, custom_id)?;
            }
        }
        if label.is_empty() && button.emoji.value().is_none() {
            return Err(at.name("label").refuse("neither label nor emoji"));
        }
        Ok(())
    }

    fn check_section(&mut self, at: At<'_>, section: &Section) -> Result<(), InvalidAnswer> {
        self.note_id(at, section.id)?;
        let texts = at.name("components");
        texts.count(section.components.len(), limits::SECTION_TEXTS)?;
        self.check_all(texts, &section.components, Place::SectionText)?;
        self.check(at.name("accessory"), &section.accessory, Place::Accessory)
    }

    fn check_container(&mut self, at: At<'_>, container: &Container) -> Result<(), InvalidAnswer> {
        self.note_id(at, container.id)?;
        if let Some(color) = container.accent_color.value() {
            at.name("accent_color").number(*color, limits::COLOR)?;
        }
        let at = at.name("components");
        at.count(container.components.len(), limits::CONTAINER_ITEMS)?;
        self.check_all(at, &container.components, Place::Container)
    }

    fn check_gallery(&mut self, at: At<'_>, gallery: &MediaGallery) -> Result<(), InvalidAnswer> {
        self.note_id(at, gallery.id)?;
        let at = at.name("items");
        at.count(gallery.items.len(), limits::GALLERY_ITEMS)?;
        for (index, item) in gallery.items.iter().enumerate() {
            let description = item.description.text().unwrap_or_default();
            at.index(index).name("description").text(description, limits::MEDIA_DESCRIPTION)?;
        }
        Ok(())
    }

    fn check_label(&mut self, at: At<'_>, label: &Label) -> Result<(), InvalidAnswer> {
        self.note_id(at, label.id)?;
        at.name("label").text(&label.label, limits::LABEL)?;
        let description = label.description.text().unwrap_or_default();
        at.name("description").text(description, limits::LABEL_DESCRIPTION)?;
        self.check(at.name("component"), &label.component, Place::Label)
    }

    fn check_all(&mut self, at: At<'_>, components: &[Component], place: Place) -> Result<(), InvalidAnswer> {
        let mut all = components.iter().enumerate();
        all.try_for_each(|(index, component)| self.check(at.index(index), component, place))
    }

    /// Notes a component's number of 32 bits, which is its own; 0 counts as none.
    fn note_id(&mut self, at: At<'_>, id: Field<i64>) -> Result<(), InvalidAnswer> {
        let Some(id) = id.into_value().filter(|id| *id != 0) else { return Ok(()) };
        if i32::try_from(id).is_err() {
            return Err(at.name("id").refuse("more than 32 bits"));
        }
        if !self.ids.insert(id) {
            return Err(at.name("id").refuse(format!("{id} is another component's")));
        }
        Ok(())
    }

    /// Checks what the interaction tells a component by, and notes it: it is its own.
    fn note_custom_id(&mut self, at: At<'_>, custom_id: &str) -> Result<(), InvalidAnswer> {
        at.name("custom_id").text(custom_id, limits::CUSTOM_ID)?;
        if self.custom_ids.insert(custom_id.to_owned()) {
            return Ok(());
        }
        Err(at.name("custom_id").refuse(format!("{custom_id} is another component's")))
    }
}

/// Whether a component may stand in a place. One that this model does not know may stand anywhere: the platform says.
fn may_stand(component: &Component, place: Place) -> bool {
    use Component as C;
    let is_menu = matches!(
        component,
        C::StringSelect(_) | C::UserSelect(_) | C::RoleSelect(_) | C::MentionableSelect(_) | C::ChannelSelect(_)
    );
    let is_block = matches!(
        component,
        C::ActionRow(_) | C::File(_) | C::MediaGallery(_) | C::Section(_) | C::Separator(_) | C::TextDisplay(_)
    );
    matches!(component, C::Other(_))
        || match place {
            Place::Message => is_block || matches!(component, C::Container(_)),
            Place::Container => is_block,
            Place::Row => is_menu || matches!(component, C::Button(_)),
            Place::SectionText => matches!(component, C::TextDisplay(_)),
            Place::Accessory => matches!(component, C::Button(_) | C::Thumbnail(_)),
            Place::Modal => matches!(component, C::Label(_) | C::TextDisplay(_)),
            Place::Label => {
                is_menu
                    || matches!(
                        component,
                        C::TextInput(_) | C::FileUpload(_) | C::RadioGroup(_) | C::CheckboxGroup(_) | C::Checkbox(_)
                    )
            }
        }
}

/// Finds every file that a component of a message names, with the field that names it.
pub(super) fn references(at: At<'_>, component: &Component, found: &mut Vec<(String, String)>) {
    let mut note = |at: At<'_>, url: &str| {
        if let Some(file) = url.strip_prefix("attachment://") {
            found.push((at.to_string(), file.to_owned()));
        }
    };
    match component {
        Component::File(file) => note(at.name("file").name("url"), &file.file.url),
        Component::Thumbnail(thumbnail) => note(at.name("media").name("url"), &thumbnail.media.url),
        Component::MediaGallery(gallery) => {
            for (index, item) in gallery.items.iter().enumerate() {
                note(at.name("items").index(index).name("media").name("url"), &item.media.url);
            }
        }
        Component::Section(section) => references(at.name("accessory"), &section.accessory, found),
        Component::Container(container) => {
            for (index, component) in container.components.iter().enumerate() {
                references(at.name("components").index(index), component, found);
            }
        }
        _ => {}
    }
}
