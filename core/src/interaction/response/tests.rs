//! Tests of answers: what they look like on the wire, and which field is named when one is beyond a limit.

use serde_json::{Number, Value, json};

use super::*;
use crate::interaction::model::{
    ActionRow, AllowedMentions, Button, ChannelKind, ChannelSelect, Checkbox, CheckboxGroup, ChoiceOption, Component,
    Container, DefaultValue, Embed, EmbedAuthor, EmbedField, EmbedFooter, EmbedMedia, Emoji, FileDisplay, FileUpload,
    GalleryItem, InLabel, InMessage, Label, MediaGallery, MentionKind, MentionableSelect, Poll, PollMedia, RadioGroup,
    RoleSelect, Section, SelectOption, Separator, Snowflake, Spacing, StringSelect, TextDisplay, TextInput, Thumbnail,
    UserSelect,
};

fn wire<K: Kind>(answer: impl Answers<K>) -> Value {
    let response = Response::<K>::new(answer).unwrap_or_else(|error| panic!("{error}"));
    serde_json::from_str(response.into_reply().json()).unwrap()
}

/// The field that is beyond its limit in a message.
fn fault(message: MessageAnswer) -> String {
    Response::<ApplicationCommand>::new(message).unwrap_err().field
}

fn component_fault(component: impl InMessage) -> String {
    let field = fault(MessageAnswer::new().component(component));
    field.strip_prefix("data.components").unwrap_or(&field).to_owned()
}

fn modal_fault(modal: Modal) -> String {
    Response::<ApplicationCommand>::new(modal).unwrap_err().field
}

fn label_fault(input: impl InLabel) -> String {
    let field = modal_fault(Modal::new("m", "Title").with(Label::new("Label", input)));
    field.strip_prefix("data.components[0].component").unwrap_or(&field).to_owned()
}

fn options(count: usize) -> impl Iterator<Item = SelectOption> {
    (0..count).map(|number| SelectOption::new("label", number.to_string()))
}

fn choices(count: usize) -> impl Iterator<Item = ChoiceOption> {
    (0..count).map(|number| ChoiceOption::new("label", number.to_string()))
}

fn long(count: usize) -> String {
    "\u{e4}".repeat(count)
}

#[test]
fn each_answer_has_its_type() {
    assert_eq!(
        wire::<ApplicationCommand>(MessageAnswer::new().content("hi")),
        json!({"type":4,"data":{"content":"hi"}})
    );
    assert_eq!(wire::<ModalSubmit>(DeferredMessage::new()), json!({"type":5}));
    assert_eq!(wire::<ModalSubmit>(DeferredMessage::new().ephemeral()), json!({"type":5,"data":{"flags":64}}));
    assert_eq!(wire::<MessageComponent>(DeferredUpdate), json!({"type":6}));
    let update = MessageUpdate::new().clear_content().clear_components();
    assert_eq!(wire::<MessageComponent>(update), json!({"type":7,"data":{"content":null,"components":[]}}));
    assert_eq!(wire::<MessageComponent>(MessageUpdate::new()), json!({"type":7,"data":{}}));
    assert_eq!(wire::<Autocomplete>(Choices::new()), json!({"type":8,"data":{"choices":[]}}));
    assert_eq!(wire::<ApplicationCommand>(LaunchActivity), json!({"type":12}));
    assert_eq!(Reply::pong().json(), r#"{"type":1}"#);
}

#[test]
fn an_answer_written_by_other_means_must_fit_too() {
    let text = r#"{"type":10}"#.to_owned();
    assert_eq!(Response::<ApplicationCommand>::from_json(text.clone(), Vec::new()).unwrap().reply().json(), text);
    assert!(Response::<Autocomplete>::from_json(text, Vec::new()).is_err());
}

#[test]
fn choices_carry_their_values() {
    let answer = Choices::from_iter([
        Choice::new("Beans", "beans").localized("de", "Bohnen"),
        Choice::new("Three", 3),
        Choice::new("Half", Number::from_f64(0.5).unwrap()),
    ]);
    assert_eq!(
        wire::<Autocomplete>(answer),
        json!({"type":8,"data":{"choices":[
            {"name":"Beans","name_localizations":{"de":"Bohnen"},"value":"beans"},
            {"name":"Three","value":3},
            {"name":"Half","value":0.5},
        ]}})
    );
    let field = |choices: Choices| Response::<Autocomplete>::new(choices).unwrap_err().field;
    assert_eq!(field((0..26).map(|number| Choice::new("a", number)).collect()), "data.choices");
    assert_eq!(field(Choices::new().with(Choice::new("", 1))), "data.choices[0].name");
    assert_eq!(field(Choices::new().with(Choice::new("a", long(101)))), "data.choices[0].value");
    assert_eq!(field(Choices::new().with(Choice::new("a", i64::MAX))), "data.choices[0].value");
    let localized = Choice::new("a", 1).localized("de", long(101));
    assert_eq!(field(Choices::new().with(localized)), "data.choices[0].name_localizations");
}

#[test]
fn a_message_of_content_embeds_and_rows() {
    let message = MessageAnswer::new()
        .content("Frost tonight")
        .embed(
            Embed::new()
                .title("Forecast")
                .color(3_447_003)
                .footer(EmbedFooter::new("Met office"))
                .author(EmbedAuthor::new("Weather").url("https://weather.example"))
                .image(EmbedMedia::new("https://weather.example/map.png"))
                .field(EmbedField::new("Wind", "calm").inline(true)),
        )
        .component(ActionRow::buttons([
            Button::primary("cover").label("Cover").emoji(Emoji::unicode("\u{1f9e3}")),
            Button::link("https://almanac.example").label("Almanac"),
            Button::premium(700),
        ]))
        .component(ActionRow::select(StringSelect::new("sort", options(2)).placeholder("Sort").max_values(2)))
        .allowed_mentions(AllowedMentions::none())
        .poll(Poll::new("Cover?").answer(PollMedia::new("Yes")).duration(24))
        .ephemeral()
        .silent()
        .tts();
    assert_eq!(
        wire::<ApplicationCommand>(message),
        json!({"type":4,"data":{
            "tts":true,"content":"Frost tonight","flags":4160,"allowed_mentions":{"parse":[]},
            "embeds":[{"title":"Forecast","color":3447003,"footer":{"text":"Met office"},
                "author":{"name":"Weather","url":"https://weather.example"},
                "image":{"url":"https://weather.example/map.png"},"fields":[{"name":"Wind","value":"calm","inline":true}]}],
            "components":[
                {"type":1,"components":[
                    {"type":2,"style":1,"custom_id":"cover","label":"Cover","emoji":{"name":"\u{1f9e3}"}},
                    {"type":2,"style":5,"url":"https://almanac.example","label":"Almanac"},
                    {"type":2,"style":6,"sku_id":"700"}]},
                {"type":1,"components":[{"type":3,"custom_id":"sort","options":[
                    {"label":"label","value":"0"},{"label":"label","value":"1"}],"placeholder":"Sort","max_values":2}]}],
            "poll":{"question":{"text":"Cover?"},"answers":[{"poll_media":{"text":"Yes"}}],"duration":24}}})
    );
}

#[test]
fn a_message_of_components_alone_says_so() {
    let message = MessageAnswer::new()
        .component(
            Container::new()
                .accent_color(5_763_719)
                .with(TextDisplay::new("# Bed three"))
                .with(Section::new([TextDisplay::new("Beans")], Thumbnail::new("attachment://bean.webp")))
                .with(MediaGallery::new([GalleryItem::new("https://cdn.example/row.webp").spoiler(true)]))
                .with(Separator::new().spacing(Spacing::Large))
                .with(FileDisplay::new("plan.pdf"))
                .with(ActionRow::select(ChannelSelect::new("place").channel_types([ChannelKind::GuildText]))),
        )
        .file(AttachedFile::new("bean.webp", &b"webp"[..]).content_type("image/webp").description("A bean"))
        .file(AttachedFile::new("plan.pdf", std::path::PathBuf::from("/plans/3.pdf")));
    let response = Response::<ApplicationCommand>::new(message).unwrap();
    assert_eq!(response.reply().files().len(), 2);
    let data: Value = serde_json::from_str(response.reply().json()).unwrap();
    assert_eq!(
        data["data"],
        json!({"flags":32768,
            "attachments":[{"id":0,"filename":"bean.webp","description":"A bean"},{"id":1,"filename":"plan.pdf"}],
            "components":[{"type":17,"accent_color":5763719,"components":[
                {"type":10,"content":"# Bed three"},
                {"type":9,"components":[{"type":10,"content":"Beans"}],
                    "accessory":{"type":11,"media":{"url":"attachment://bean.webp"}}},
                {"type":12,"items":[{"media":{"url":"https://cdn.example/row.webp"},"spoiler":true}]},
                {"type":14,"spacing":2},
                {"type":13,"file":{"url":"attachment://plan.pdf"}},
                {"type":1,"components":[{"type":8,"custom_id":"place","channel_types":[0]}]}]}]})
    );
    // What is sent can be read again.
    serde_json::from_value::<Vec<Component>>(data["data"]["components"].clone()).unwrap();
}

#[test]
fn a_modal_with_every_input() {
    let modal = Modal::new("report", "What is wrong?")
        .with(TextDisplay::new("Be brief."))
        .with(Label::new("What", TextInput::paragraph("what").min_length(10).required(false)))
        .with(Label::new("Photos", FileUpload::new("photos").max_values(3)).description("Up to three"))
        .with(Label::new("How bad", RadioGroup::new("bad", choices(2))))
        .with(Label::new("Sure", Checkbox::new("sure").default(true)));
    assert_eq!(
        wire::<MessageComponent>(modal),
        json!({"type":9,"data":{"custom_id":"report","title":"What is wrong?","components":[
            {"type":10,"content":"Be brief."},
            {"type":18,"label":"What","component":{"type":4,"custom_id":"what","style":2,"min_length":10,"required":false}},
            {"type":18,"label":"Photos","description":"Up to three","component":{"type":19,"custom_id":"photos","max_values":3}},
            {"type":18,"label":"How bad","component":{"type":21,"custom_id":"bad","options":[
                {"label":"label","value":"0"},{"label":"label","value":"1"}]}},
            {"type":18,"label":"Sure","component":{"type":23,"custom_id":"sure","default":true}}]}})
    );
    for input in [
        Label::new("a", CheckboxGroup::new("a", choices(10))),
        Label::new("a", StringSelect::new("a", options(25)).max_values(25)),
        Label::new("a", UserSelect::new("a").min_values(0).required(false)),
        Label::new("a", RoleSelect::new("a").default_values([DefaultValue::role(1)])),
        Label::new("a", MentionableSelect::new("a")),
        Label::new("a", ChannelSelect::new("a")),
    ] {
        wire::<ApplicationCommand>(Modal::new("m", "t").with(input));
    }
}

#[test]
fn an_update_keeps_and_adds_attachments() {
    let update = MessageUpdate::new()
        .keep_attachment(Snowflake::new(301))
        .file(AttachedFile::new("a.txt", "text").spoiler())
        .suppress_embeds();
    assert_eq!(
        wire::<ModalSubmit>(update),
        json!({"type":7,"data":{"flags":4,"attachments":[{"id":"301"},{"id":0,"filename":"SPOILER_a.txt"}]}})
    );
    let gone = MessageUpdate::new().clear_attachments().clear_embeds();
    assert_eq!(wire::<ModalSubmit>(gone), json!({"type":7,"data":{"attachments":[],"embeds":[]}}));
}

#[test]
fn a_voice_message_says_so() {
    let voice = AttachedFile::new("voice.ogg", "ogg").content_type("audio/ogg").voice(3, "AAA=");
    let data = &wire::<ApplicationCommand>(MessageAnswer::new().file(voice))["data"];
    assert_eq!(data["flags"], 1 << 13);
    assert_eq!(data["attachments"][0], json!({"id":0,"filename":"voice.ogg","duration_secs":3,"waveform":"AAA="}));
}

#[test]
fn limits_of_messages_name_the_field() {
    let message = || MessageAnswer::new().content("a");
    let embed = |embed: Embed| fault(message().embed(embed));
    assert_eq!(fault(MessageAnswer::new()), "data");
    assert_eq!(fault(MessageAnswer::new().content("")), "data");
    assert_eq!(fault(MessageAnswer::new().content(long(2001))), "data.content");
    wire::<ApplicationCommand>(MessageAnswer::new().content(long(2000)));
    assert_eq!(fault((0..11).fold(message(), |message, _| message.embed(Embed::new()))), "data.embeds");
    assert_eq!(embed(Embed::new().title(long(257))), "data.embeds[0].title");
    assert_eq!(embed(Embed::new().description(long(4097))), "data.embeds[0].description");
    assert_eq!(embed(Embed::new().color(0x100_0000)), "data.embeds[0].color");
    assert_eq!(embed(Embed::new().footer(EmbedFooter::new(long(2049)))), "data.embeds[0].footer.text");
    assert_eq!(embed(Embed::new().author(EmbedAuthor::new(long(257)))), "data.embeds[0].author.name");
    assert_eq!(embed(Embed::new().field(EmbedField::new("", "a"))), "data.embeds[0].fields[0].name");
    assert_eq!(embed(Embed::new().field(EmbedField::new("a", long(1025)))), "data.embeds[0].fields[0].value");
    let fields = (0..26).fold(Embed::new(), |embed, _| embed.field(EmbedField::new("a", "a")));
    assert_eq!(embed(fields), "data.embeds[0].fields");
    let half = || Embed::new().description(long(3001));
    assert_eq!(fault(message().embed(half()).embed(half())), "data.embeds");
    let ids = vec![Snowflake::new(1); 101];
    let mentions = |mentions| fault(message().allowed_mentions(mentions));
    assert_eq!(mentions(AllowedMentions::default().users(ids.clone())), "data.allowed_mentions.users");
    let both = AllowedMentions::default().parse([MentionKind::Roles]).roles(&ids[..1]);
    assert_eq!(mentions(both), "data.allowed_mentions.roles");
    let files = (0..11).fold(message(), |message, _| message.file(AttachedFile::new("a", "")));
    assert_eq!(fault(files), "data.attachments");
    let file = |file| fault(message().file(file));
    assert_eq!(file(AttachedFile::new("", "")), "data.attachments[0].filename");
    assert_eq!(file(AttachedFile::new("a", "").description(long(1025))), "data.attachments[0].description");
    assert_eq!(file(AttachedFile::new("a", "").content_type("a\r\nb")), "data.attachments[0].content_type");
    let poll = |poll| fault(MessageAnswer::new().poll(poll));
    assert_eq!(poll(Poll::new("")), "data.poll.question.text");
    assert_eq!(poll(Poll::new("a")), "data.poll.answers");
    assert_eq!(poll(Poll::new("a").answer(PollMedia::default())), "data.poll.answers[0].poll_media");
    assert_eq!(poll(Poll::new("a").answer(PollMedia::new(long(56)))), "data.poll.answers[0].poll_media.text");
    assert_eq!(poll(Poll::new("a").answer(PollMedia::new("a")).duration(769)), "data.poll.duration");
}

#[test]
fn limits_of_components_name_the_field() {
    let button = || Button::primary("a").label("a");
    let row = |button| component_fault(ActionRow::buttons([button]));
    assert_eq!(component_fault(ActionRow::buttons([])), "[0].components");
    let six = (0..6).map(|number| Button::primary(number.to_string()).label("a"));
    assert_eq!(component_fault(ActionRow::buttons(six)), "[0].components");
    assert_eq!(component_fault(ActionRow::buttons([button(), button()])), "[0].components[1].custom_id");
    assert_eq!(row(Button::primary("a")), "[0].components[0].label");
    assert_eq!(row(Button::primary("").label("a")), "[0].components[0].custom_id");
    assert_eq!(row(Button::primary(long(101)).label("a")), "[0].components[0].custom_id");
    assert_eq!(row(button().label(long(81))), "[0].components[0].label");
    assert_eq!(row(Button::link(long(513)).label("a")), "[0].components[0].url");
    assert_eq!(row(Button::premium(1).label("a")), "[0].components[0]");
    let same = ActionRow::buttons([button().id(5), Button::danger("b").label("b").id(5)]);
    assert_eq!(component_fault(same), "[0].components[1].id");
    assert_eq!(row(button().id(1 << 31)), "[0].components[0].id");
    let rows = (0..6).fold(MessageAnswer::new(), |message, number| {
        message.component(ActionRow::buttons([Button::success(number.to_string()).label("a")]))
    });
    assert_eq!(fault(rows.clone()), "data.components");
    wire::<ApplicationCommand>(rows.components_only());

    let select = |select| component_fault(ActionRow::select(select));
    assert_eq!(select(StringSelect::new("a", options(0))), "[0].components[0].options");
    assert_eq!(select(StringSelect::new("a", options(26))), "[0].components[0].options");
    assert_eq!(select(StringSelect::new("a", options(1)).placeholder(long(151))), "[0].components[0].placeholder");
    assert_eq!(select(StringSelect::new("a", options(1)).max_values(2)), "[0].components[0].max_values");
    assert_eq!(select(StringSelect::new("a", options(3)).min_values(2)), "[0].components[0].min_values");
    let labels = |option| select(StringSelect::new("a", [option]));
    assert_eq!(labels(SelectOption::new(long(101), "a")), "[0].components[0].options[0].label");
    assert_eq!(labels(SelectOption::new("a", long(101))), "[0].components[0].options[0].value");
    assert_eq!(labels(SelectOption::new("a", "a").description(long(101))), "[0].components[0].options[0].description");
    let twice = StringSelect::new("a", [SelectOption::new("a", "a"), SelectOption::new("b", "a")]);
    assert_eq!(select(twice), "[0].components[0].options[1].value");
    let users = UserSelect::new("a").max_values(26);
    assert_eq!(component_fault(ActionRow::select(users)), "[0].components[0].max_values");
    let users = UserSelect::new("a").default_values([DefaultValue::user(1), DefaultValue::user(2)]);
    assert_eq!(component_fault(ActionRow::select(users)), "[0].components[0]");

    assert_eq!(component_fault(TextDisplay::new("")), "[0].content");
    assert_eq!(component_fault(TextDisplay::new(long(4001))), "[0].content");
    assert_eq!(component_fault(Container::new()), "[0].components");
    assert_eq!(component_fault(MediaGallery::new([])), "[0].items");
    let item = GalleryItem::new("https://a.example").description(long(1025));
    assert_eq!(component_fault(MediaGallery::new([item])), "[0].items[0].description");
    let texts = (0..4).map(|_| TextDisplay::new("a"));
    assert_eq!(component_fault(Section::new(texts, Thumbnail::new("https://a.example"))), "[0].components");
    let colored = Container::new().accent_color(1 << 24).with(Separator::new());
    assert_eq!(component_fault(colored), "[0].accent_color");
}

#[test]
fn what_components_share_is_counted_over_all() {
    let texts = |count, length| {
        (0..count).fold(MessageAnswer::new(), |message, _| message.component(TextDisplay::new(long(length))))
    };
    wire::<ApplicationCommand>(texts(40, 100));
    assert_eq!(fault(texts(41, 1)), "data.components");
    assert_eq!(fault(texts(40, 101)), "data.components");
    assert_eq!(fault(texts(1, 1).content("a")), "data.content");
    assert_eq!(fault(texts(1, 1).embed(Embed::new())), "data.embeds");
    assert_eq!(fault(texts(1, 1).poll(Poll::new("a").answer(PollMedia::new("a")))), "data.poll");
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let named = FileDisplay::new("plan.pdf");
    assert_eq!(component_fault(named.clone()), "[0].file.url");
    let other = MessageAnswer::new().component(named).file(AttachedFile::new("other.pdf", ""));
    assert_eq!(fault(other), "data.components[0].file.url");
    let pictured = Embed::new().image(EmbedMedia::new("attachment://a.png"));
    assert_eq!(fault(MessageAnswer::new().embed(pictured.clone())), "data.embeds[0].image");
    // An update may name a file that the message has.
    wire::<MessageComponent>(MessageUpdate::new().embed(pictured));
}

#[test]
fn limits_of_modals_name_the_field() {
    let sure = || Label::new("a", Checkbox::new("a"));
    assert_eq!(modal_fault(Modal::new("", "a").with(sure())), "data.custom_id");
    assert_eq!(modal_fault(Modal::new("a", "").with(sure())), "data.title");
    assert_eq!(modal_fault(Modal::new("a", long(46)).with(sure())), "data.title");
    assert_eq!(modal_fault(Modal::new("a", "a")), "data.components");
    let six = (0..6).fold(Modal::new("a", "a"), |modal, _| modal.with(TextDisplay::new("a")));
    assert_eq!(modal_fault(six), "data.components");
    assert_eq!(modal_fault(Modal::new("a", "a").with(sure()).with(sure())), "data.components[1].component.custom_id");
    assert_eq!(
        modal_fault(Modal::new("a", "a").with(Label::new(long(46), Checkbox::new("a")))),
        "data.components[0].label"
    );
    let described = sure().description(long(101));
    assert_eq!(modal_fault(Modal::new("a", "a").with(described)), "data.components[0].description");

    assert_eq!(label_fault(TextInput::short("a").min_length(4001)), ".min_length");
    assert_eq!(label_fault(TextInput::short("a").max_length(0)), ".max_length");
    assert_eq!(label_fault(TextInput::short("a").min_length(3).max_length(2)), ".min_length");
    assert_eq!(label_fault(TextInput::short("a").value(long(4001))), ".value");
    assert_eq!(label_fault(TextInput::short("a").placeholder(long(101))), ".placeholder");
    assert_eq!(label_fault(UserSelect::new("a").disabled(true)), ".disabled");
    assert_eq!(label_fault(UserSelect::new("a").min_values(0)), ".min_values");
    assert_eq!(label_fault(FileUpload::new("a").max_values(11)), ".max_values");
    assert_eq!(label_fault(RadioGroup::new("a", choices(1))), ".options");
    assert_eq!(label_fault(RadioGroup::new("a", choices(11))), ".options");
    assert_eq!(label_fault(RadioGroup::new("a", choices(2).map(|it| it.default(true)))), ".options");
    assert_eq!(label_fault(CheckboxGroup::new("a", choices(2)).max_values(3)), ".max_values");
    assert_eq!(label_fault(CheckboxGroup::new("a", [])), ".options");
}

#[test]
fn what_the_types_do_not_hold_back_the_check_does() {
    let mut row = ActionRow::buttons([Button::primary("a").label("a")]);
    row.components.push(StringSelect::new("b", options(1)).into());
    assert_eq!(component_fault(row), "[0].components");
    let mut container = Container::new().with(Separator::new());
    container.components.push(Container::new().into());
    assert_eq!(component_fault(container), "[0].components[1]");
    let mut label = Label::new("a", Checkbox::new("a"));
    *label.component = Button::primary("b").label("b").into();
    assert_eq!(modal_fault(Modal::new("a", "a").with(label)), "data.components[0].component");
}
