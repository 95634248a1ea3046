//! The platform's limits on answers, in one place.

use std::ops::RangeInclusive;

pub(super) const CONTENT: RangeInclusive<usize> = 0..=2000;
pub(super) const EMBEDS: RangeInclusive<usize> = 0..=10;
/// The title, description, field names and values, foot and author of all embeds of a message together.
pub(super) const EMBEDS_TEXT: RangeInclusive<usize> = 0..=6000;
pub(super) const EMBED_TITLE: RangeInclusive<usize> = 0..=256;
pub(super) const EMBED_DESCRIPTION: RangeInclusive<usize> = 0..=4096;
pub(super) const EMBED_FIELDS: RangeInclusive<usize> = 0..=25;
pub(super) const EMBED_FIELD_NAME: RangeInclusive<usize> = 1..=256;
pub(super) const EMBED_FIELD_VALUE: RangeInclusive<usize> = 1..=1024;
pub(super) const EMBED_FOOTER: RangeInclusive<usize> = 0..=2048;
pub(super) const EMBED_AUTHOR: RangeInclusive<usize> = 0..=256;
pub(super) const COLOR: RangeInclusive<u32> = 0..=0xFF_FFFF;

/// Rows of a message that has content or embeds beside its components.
pub(super) const ROWS: RangeInclusive<usize> = 0..=5;
/// Components of a message that is made of components alone, nested ones included.
pub(super) const COMPONENTS: RangeInclusive<usize> = 0..=40;
/// The texts of all text displays of a message together.
pub(super) const DISPLAYED_TEXT: RangeInclusive<usize> = 0..=4000;
pub(super) const CUSTOM_ID: RangeInclusive<usize> = 1..=100;
pub(super) const BUTTONS: RangeInclusive<usize> = 1..=5;
pub(super) const BUTTON_LABEL: RangeInclusive<usize> = 0..=80;
pub(super) const BUTTON_URL: RangeInclusive<usize> = 1..=512;
pub(super) const SECTION_TEXTS: RangeInclusive<usize> = 1..=3;
pub(super) const GALLERY_ITEMS: RangeInclusive<usize> = 1..=10;
pub(super) const MEDIA_DESCRIPTION: RangeInclusive<usize> = 0..=1024;
/// The platform names no end for a container; the message's own limit is one.
pub(super) const CONTAINER_ITEMS: RangeInclusive<usize> = 1..=39;
pub(super) const PLACEHOLDER: RangeInclusive<usize> = 0..=150;
pub(super) const SELECT_OPTIONS: RangeInclusive<usize> = 1..=25;
pub(super) const SELECT_VALUES: RangeInclusive<u32> = 0..=25;
pub(super) const OPTION_LABEL: RangeInclusive<usize> = 1..=100;
pub(super) const OPTION_VALUE: RangeInclusive<usize> = 1..=100;
pub(super) const OPTION_DESCRIPTION: RangeInclusive<usize> = 0..=100;

pub(super) const MODAL_TITLE: RangeInclusive<usize> = 1..=45;
pub(super) const MODAL_COMPONENTS: RangeInclusive<usize> = 1..=5;
pub(super) const LABEL: RangeInclusive<usize> = 1..=45;
pub(super) const LABEL_DESCRIPTION: RangeInclusive<usize> = 0..=100;
pub(super) const INPUT_MIN_LENGTH: RangeInclusive<u32> = 0..=4000;
pub(super) const INPUT_MAX_LENGTH: RangeInclusive<u32> = 1..=4000;
pub(super) const INPUT_VALUE: RangeInclusive<usize> = 0..=4000;
pub(super) const INPUT_PLACEHOLDER: RangeInclusive<usize> = 0..=100;
pub(super) const RADIO_OPTIONS: RangeInclusive<usize> = 2..=10;
pub(super) const CHECKBOX_OPTIONS: RangeInclusive<usize> = 1..=10;
pub(super) const CHECKBOX_VALUES: RangeInclusive<u32> = 0..=10;
pub(super) const UPLOADS: RangeInclusive<u32> = 0..=10;

pub(super) const CHOICES: RangeInclusive<usize> = 0..=25;
pub(super) const CHOICE_NAME: RangeInclusive<usize> = 1..=100;
pub(super) const CHOICE_TEXT: RangeInclusive<usize> = 0..=100;
/// Whole numbers and numbers alike lie within this, either way.
pub(super) const CHOICE_NUMBER: f64 = 9_007_199_254_740_992.0;

pub(super) const FILES: RangeInclusive<usize> = 0..=10;
pub(super) const FILE_NAME: RangeInclusive<usize> = 1..=255;
pub(super) const FILE_DESCRIPTION: RangeInclusive<usize> = 0..=1024;
pub(super) const MENTIONS: RangeInclusive<usize> = 0..=100;
pub(super) const POLL_QUESTION: RangeInclusive<usize> = 1..=300;
pub(super) const POLL_ANSWERS: RangeInclusive<usize> = 1..=10;
pub(super) const POLL_ANSWER: RangeInclusive<usize> = 0..=55;
pub(super) const POLL_HOURS: RangeInclusive<u32> = 1..=768;
