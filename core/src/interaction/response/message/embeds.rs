//! The limits of embeds.

use crate::interaction::model::Embed;
use crate::interaction::response::check::{At, InvalidAnswer};
use crate::interaction::response::limits;

/// Checks the embeds of a message, each and all together.
pub(super) fn check(at: At<'_>, embeds: &[Embed]) -> Result<(), InvalidAnswer> {
    at.count(embeds.len(), limits::EMBEDS)?;
    let mut total = 0;
    for (index, embed) in embeds.iter().enumerate() {
        total += check_one(at.index(index), embed)?;
    }
    if !limits::EMBEDS_TEXT.contains(&total) {
        let most = limits::EMBEDS_TEXT.end();
        return Err(at.refuse(format!("at most {most} characters in all embeds together, not {total}")));
    }
    Ok(())
}

/// Checks one embed and counts the characters that all embeds share.
fn check_one(at: At<'_>, embed: &Embed) -> Result<usize, InvalidAnswer> {
    let mut total = 0;
    let mut text = |at: At<'_>, text: &str, limit| {
        total += text.chars().count();
        at.text(text, limit)
    };
    text(at.name("title"), embed.title.text().unwrap_or_default(), limits::EMBED_TITLE)?;
    text(at.name("description"), embed.description.text().unwrap_or_default(), limits::EMBED_DESCRIPTION)?;
    if let Some(footer) = embed.footer.value() {
        text(at.name("footer").name("text"), &footer.text, limits::EMBED_FOOTER)?;
    }
    if let Some(author) = embed.author.value() {
        text(at.name("author").name("name"), &author.name, limits::EMBED_AUTHOR)?;
    }
    let fields = at.name("fields");
    fields.count(embed.fields.items().len(), limits::EMBED_FIELDS)?;
    for (index, field) in embed.fields.items().iter().enumerate() {
        let at = fields.index(index);
        text(at.name("name"), &field.name, limits::EMBED_FIELD_NAME)?;
        text(at.name("value"), &field.value, limits::EMBED_FIELD_VALUE)?;
    }
    if let Some(color) = embed.color.value() {
        at.name("color").number(*color, limits::COLOR)?;
    }
    Ok(total)
}

/// Finds every file that the embeds name, with the field that names it.
pub(super) fn references(at: At<'_>, embeds: &[Embed], found: &mut Vec<(String, String)>) {
    for (index, embed) in embeds.iter().enumerate() {
        let at = at.index(index);
        let (image, thumbnail) = (embed.image.value(), embed.thumbnail.value());
        let urls = [
            ("image", image.and_then(|image| image.url.text())),
            ("thumbnail", thumbnail.and_then(|thumbnail| thumbnail.url.text())),
            ("footer", embed.footer.value().and_then(|footer| footer.icon_url.text())),
            ("author", embed.author.value().and_then(|author| author.icon_url.text())),
        ];
        for (name, url) in urls {
            if let Some(file) = url.and_then(|url| url.strip_prefix("attachment://")) {
                found.push((at.name(name).to_string(), file.to_owned()));
            }
        }
    }
}
