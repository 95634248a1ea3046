//! The limits of inputs: menus, text fields, choices and uploads.

use super::{Place, Seen};
use crate::interaction::model::{
    CheckboxGroup, ChoiceOption, Component, DefaultValue, Field, FileUpload, SelectOption, StringSelect, TextInput,
};
use crate::interaction::response::check::{At, InvalidAnswer};
use crate::interaction::response::limits;

/// What all select menus share.
struct Menu<'a> {
    id: Field<i64>,
    custom_id: &'a str,
    placeholder: &'a str,
    min_values: Option<u32>,
    max_values: Option<u32>,
    required: Field<bool>,
    disabled: Field<bool>,
    defaults: usize,
}

/// Takes from a menu what it shares with the others.
macro_rules! menu {
    ($menu:ident, $defaults:expr) => {
        Menu {
            id: $menu.id,
            custom_id: &$menu.custom_id,
            placeholder: $menu.placeholder.text().unwrap_or_default(),
            min_values: $menu.min_values.into_value(),
            max_values: $menu.max_values.into_value(),
            required: $menu.required,
            disabled: $menu.disabled,
            defaults: $defaults,
        }
    };
}

impl Seen {
    /// Checks an input: a component that the user answers.
    pub(super) fn check_input(&mut self, at: At<'_>, input: &Component, place: Place) -> Result<(), InvalidAnswer> {
        let defaults = |values: &Field<Vec<DefaultValue>>| values.items().len();
        match input {
            Component::StringSelect(select) => self.check_string_select(at, select, place),
            Component::UserSelect(select) => {
                self.check_menu(at, &menu!(select, defaults(&select.default_values)), place)
            }
            Component::RoleSelect(select) => {
                self.check_menu(at, &menu!(select, defaults(&select.default_values)), place)
            }
            Component::MentionableSelect(select) => {
                self.check_menu(at, &menu!(select, defaults(&select.default_values)), place)
            }
            Component::ChannelSelect(select) => {
                self.check_menu(at, &menu!(select, defaults(&select.default_values)), place)
            }
            Component::TextInput(input) => self.check_text_input(at, input),
            Component::FileUpload(upload) => self.check_upload(at, upload),
            Component::RadioGroup(group) => {
                self.note_id(at, group.id)?;
                self.note_custom_id(at, &group.custom_id)?;
                at.name("options").count(group.options.len(), limits::RADIO_OPTIONS)?;
                check_choices(at.name("options"), &group.options, 1)
            }
            Component::CheckboxGroup(group) => self.check_checkboxes(at, group),
            Component::Checkbox(checkbox) => {
                self.note_id(at, checkbox.id)?;
                self.note_custom_id(at, &checkbox.custom_id)
            }
            // Whatever is newer than this model: the platform says.
            _ => Ok(()),
        }
    }

    fn check_string_select(&mut self, at: At<'_>, select: &StringSelect, place: Place) -> Result<(), InvalidAnswer> {
        let options = select.options.items();
        let defaults = options.iter().filter(|option| option.default.is_true()).count();
        at.name("options").count(options.len(), limits::SELECT_OPTIONS)?;
        self.check_menu(at, &menu!(select, defaults), place)?;
        let (count, most) = (options.len(), select.max_values.into_value().unwrap_or(1) as usize);
        if most > count {
            return Err(at.name("max_values").refuse(format!("at most the {count} options, not {most}")));
        }
        let at = at.name("options");
        for (index, option) in options.iter().enumerate() {
            check_option(at.index(index), option)?;
            if options[..index].iter().any(|other| other.value == option.value) {
                return Err(at.index(index).name("value").refuse(format!("{} is another option's", option.value)));
            }
        }
        Ok(())
    }

    fn check_menu(&mut self, at: At<'_>, menu: &Menu<'_>, place: Place) -> Result<(), InvalidAnswer> {
        self.note_id(at, menu.id)?;
        self.note_custom_id(at, menu.custom_id)?;
        at.name("placeholder").text(menu.placeholder, limits::PLACEHOLDER)?;
        let required = if place == Place::Label { menu.required } else { Field::Value(false) };
        let most = check_range(at, (menu.min_values, menu.max_values), limits::SELECT_VALUES, required)?;
        if menu.defaults > most as usize {
            let defaults = menu.defaults;
            return Err(at.refuse(format!("{defaults} values are chosen to begin with, at most {most} can be")));
        }
        if place == Place::Label && menu.disabled.is_true() {
            return Err(at.name("disabled").refuse("not in a modal"));
        }
        Ok(())
    }

    fn check_text_input(&mut self, at: At<'_>, input: &TextInput) -> Result<(), InvalidAnswer> {
        self.note_id(at, input.id)?;
        self.note_custom_id(at, &input.custom_id)?;
        let (least, most) = (input.min_length.into_value(), input.max_length.into_value());
        at.name("min_length").number(least.unwrap_or(0), limits::INPUT_MIN_LENGTH)?;
        at.name("max_length").number(most.unwrap_or(4000), limits::INPUT_MAX_LENGTH)?;
        if least.zip(most).is_some_and(|(least, most)| least > most) {
            return Err(at.name("min_length").refuse("more than `max_length`"));
        }
        at.name("value").text(input.value.text().unwrap_or_default(), limits::INPUT_VALUE)?;
        at.name("placeholder").text(input.placeholder.text().unwrap_or_default(), limits::INPUT_PLACEHOLDER)
    }

    fn check_upload(&mut self, at: At<'_>, upload: &FileUpload) -> Result<(), InvalidAnswer> {
        self.note_id(at, upload.id)?;
        self.note_custom_id(at, &upload.custom_id)?;
        let range = (upload.min_values.into_value(), upload.max_values.into_value());
        check_range(at, range, limits::UPLOADS, upload.required).map(drop)
    }

    fn check_checkboxes(&mut self, at: At<'_>, group: &CheckboxGroup) -> Result<(), InvalidAnswer> {
        self.note_id(at, group.id)?;
        self.note_custom_id(at, &group.custom_id)?;
        at.name("options").count(group.options.len(), limits::CHECKBOX_OPTIONS)?;
        let all = u32::try_from(group.options.len()).unwrap_or(u32::MAX);
        let range = (group.min_values.into_value(), group.max_values.into_value().or(Some(all)));
        let most = check_range(at, range, limits::CHECKBOX_VALUES, group.required)?;
        if most > all {
            return Err(at.name("max_values").refuse(format!("at most the {all} options, not {most}")));
        }
        check_choices(at.name("options"), &group.options, most as usize)
    }
}

/// Checks how many values an input takes, at least and at most, and returns the latter.
fn check_range(
    at: At<'_>,
    (least, most): (Option<u32>, Option<u32>),
    limit: std::ops::RangeInclusive<u32>,
    required: Field<bool>,
) -> Result<u32, InvalidAnswer> {
    at.name("min_values").number(least.unwrap_or(1), limit.clone())?;
    let most = most.unwrap_or(1);
    at.name("max_values").number(most, 1..=*limit.end())?;
    if least.is_some_and(|least| least > most) {
        return Err(at.name("min_values").refuse("more than `max_values`"));
    }
    if least == Some(0) && !matches!(required, Field::Value(false)) {
        return Err(at.name("min_values").refuse("0 only where `required` is false"));
    }
    Ok(most)
}

fn check_option(at: At<'_>, option: &SelectOption) -> Result<(), InvalidAnswer> {
    at.name("label").text(&option.label, limits::OPTION_LABEL)?;
    at.name("value").text(&option.value, limits::OPTION_VALUE)?;
    at.name("description").text(option.description.text().unwrap_or_default(), limits::OPTION_DESCRIPTION)
}

/// Checks the options of a radio or checkbox group, of which at most so many are chosen.
fn check_choices(at: At<'_>, options: &[ChoiceOption], most: usize) -> Result<(), InvalidAnswer> {
    for (index, option) in options.iter().enumerate() {
        let at = at.index(index);
        at.name("label").text(&option.label, limits::OPTION_LABEL)?;
        at.name("value").text(&option.value, limits::OPTION_VALUE)?;
        at.name("description").text(option.description.text().unwrap_or_default(), limits::OPTION_DESCRIPTION)?;
        if options[..index].iter().any(|other| other.value == option.value) {
            return Err(at.name("value").refuse(format!("{} is another option's", option.value)));
        }
    }
    let defaults = options.iter().filter(|option| option.default.is_true()).count();
    if defaults > most {
        return Err(at.refuse(format!("{defaults} options are chosen to begin with, at most {most} can be")));
    }
    Ok(())
}
