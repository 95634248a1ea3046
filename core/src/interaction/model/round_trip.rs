//! Tests: whatever the platform sends survives being read and written.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::*;
use crate::interaction::kind::{ApplicationCommand, Autocomplete, Kind, MessageComponent, ModalSubmit};
use crate::interaction::vectors;

fn value(name: &str) -> Value {
    serde_json::from_str(vectors::text(name)).unwrap()
}

fn parse(interaction: &Value) -> serde_json::Result<AnyInteraction> {
    let kind = InteractionKind::from(interaction["type"].as_i64().unwrap());
    AnyInteraction::parse(kind, &interaction.to_string()).expect("a kind that listeners answer")
}

fn read<K: Kind>(name: &str) -> Interaction<K> {
    serde_json::from_str(vectors::text(name)).unwrap()
}

/// Every vector but the ping, which no model reads.
fn vectors() -> impl Iterator<Item = (&'static str, Value)> {
    vectors::ALL.iter().filter(|(name, _)| *name != "ping").map(|(name, _)| (*name, value(name)))
}

/// Runs `change` on every object in `value`, innermost first.
fn each_object(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(|inner| each_object(inner, change));
            change(fields);
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| each_object(inner, change)),
        _ => {}
    }
}

/// Whether the keys of an object are ids or codes and not names.
fn is_map(fields: &Map<String, Value>) -> bool {
    fields.keys().any(|key| key.bytes().all(|byte| byte.is_ascii_digit()))
}

#[test]
fn every_vector_survives() {
    for (name, original) in vectors() {
        let read = parse(&original).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(serde_json::to_value(&read).unwrap(), original, "{name}");
    }
}

#[test]
fn unknown_fields_survive_in_every_object() {
    for (name, mut original) in vectors() {
        each_object(&mut original, &mut |fields| {
            if !is_map(fields) && !fields.is_empty() {
                fields.insert("from_the_future".to_owned(), json!({ "a": [null, 1, { "b": "\u{0}" }] }));
            }
        });
        let read = parse(&original).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(serde_json::to_value(&read).unwrap(), original, "{name}");
    }
}

#[test]
fn ids_may_be_numbers() {
    for (name, original) in vectors().filter(|(name, _)| *name != "yet_unknown") {
        let mut numbers = original.clone();
        each_object(&mut numbers, &mut |fields| {
            for (_, value) in fields.iter_mut().filter(|(key, _)| *key == "id" || key.ends_with("_id")) {
                // What a model does not know stays as it is; here, what is no id.
                if let Some(id) = value.as_str().and_then(|text| text.parse::<u64>().ok()) {
                    *value = id.into();
                }
            }
        });
        let read = parse(&numbers).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (same, written) = (parse(&original).unwrap(), serde_json::to_value(&read).unwrap());
        assert_eq!((read.id(), read.application_id()), (same.id(), same.application_id()), "{name}");
        assert_eq!(written["data"]["id"], original["data"]["id"], "{name}");
        assert_eq!(written["guild_id"], original["guild_id"], "{name}");
    }
}

#[test]
fn null_and_absent_stay_apart() {
    let mut original = value("command_private_channel");
    let absent = parse(&original).unwrap();
    original["guild_id"] = Value::Null;
    let null = parse(&original).unwrap();
    let (AnyInteraction::ApplicationCommand(absent), AnyInteraction::ApplicationCommand(null)) = (absent, null) else {
        panic!("another kind")
    };
    assert_eq!((absent.guild_id, null.guild_id), (Field::Absent, Field::Null));
    assert_eq!(serde_json::to_value(&null).unwrap(), original);
}

#[test]
fn a_command_is_read_to_its_leaves() {
    let command = read::<ApplicationCommand>("command_options");
    let option = |name: &str| command.data.option(name).unwrap();
    assert_eq!(option("what").as_str(), Some("runner beans"));
    assert_eq!(option("rows").as_i64(), Some(-3));
    assert_eq!(option("indoors").as_bool(), Some(false));
    assert_eq!(option("depth").as_f64(), Some(2.5));
    assert_eq!(option("price").as_f64(), Some(3.0));
    let resolved = command.data.resolved.value().unwrap();
    let id = |name: &str| option(name).as_id().unwrap();
    assert_eq!(resolved.user(id("for")).unwrap().display_name(), "Bob");
    assert_eq!(resolved.member(id("for")).unwrap().nick.text(), Some("Bobby"));
    assert_eq!(resolved.channel(id("where")).unwrap().kind, ChannelKind::PublicThread);
    assert!(resolved.role(id("team")).unwrap().tags.value().unwrap().premium_subscriber.is_null());
    assert_eq!(resolved.user(id("tell")).unwrap().username, "bob");
    assert_eq!(resolved.attachment(id("photo")).unwrap().size, Field::Value(241_394));
    assert_eq!(command.entitlements.items()[0].kind, Field::Value(EntitlementKind::ApplicationSubscription));
    assert_eq!(command.invoker().unwrap().username, "ada");
    let kinds: Vec<_> = command.data.leaves().iter().map(|option| option.value.kind().code()).collect();
    assert_eq!(kinds, [3, 4, 5, 6, 7, 8, 9, 10, 10, 11]);
}

#[test]
fn subcommands_are_paths() {
    let command = read::<ApplicationCommand>("command_subcommand");
    assert_eq!(command.data.path(), ["bed", "water", "schedule"]);
    assert_eq!(command.data.option("every_days").unwrap().as_i64(), Some(2));
    let bare = read::<ApplicationCommand>("command_bare_subcommand");
    assert_eq!((bare.data.path(), bare.data.leaves()), (vec!["bed", "list"], &[][..]));
}

#[test]
fn commands_on_users_and_messages_have_a_target() {
    let on_user = read::<ApplicationCommand>("command_user").data;
    assert_eq!(on_user.kind, CommandKind::User);
    let target = on_user.target_id.into_value().unwrap();
    assert_eq!(on_user.resolved.value().unwrap().user(target).unwrap().username, "bob");
    let on_message = read::<ApplicationCommand>("command_message").data;
    let message = on_message.resolved.value().unwrap().message(on_message.target_id.into_value().unwrap()).unwrap();
    assert_eq!((message.kind, message.referenced_message.is_null()), (Field::Value(MessageKind::Reply), true));
    assert_eq!(read::<ApplicationCommand>("command_entry_point").data.kind, CommandKind::PrimaryEntryPoint);
}

#[test]
fn contexts_and_installations_are_known() {
    let group = read::<ApplicationCommand>("command_private_channel");
    assert_eq!(
        (group.context, group.invoker().unwrap().username.as_str()),
        (Field::Value(Context::PrivateChannel), "ada")
    );
    let dm = read::<ApplicationCommand>("command_bot_dm");
    let owners = dm.authorizing_integration_owners.value().unwrap();
    assert_eq!(owners[&Installation::Guild], Snowflake::new(0));
    assert_eq!(owners[&Installation::User], group.invoker().unwrap().id);
}

#[test]
fn what_is_being_typed_need_not_be_a_value() {
    let data = read::<Autocomplete>("autocomplete").data;
    let focused = data.focused().unwrap();
    assert_eq!((focused.name, focused.kind, &*focused.text), ("rows", OptionKind::Integer, "1"));
    assert_eq!(data.option("what").unwrap().as_str(), Some("runner"));
}

#[test]
fn components_of_every_kind_are_known() {
    fn count(component: &Component, known: &mut Vec<i64>) {
        assert!(!matches!(component, Component::Other(_)), "{component:?}");
        known.push(serde_json::to_value(component).unwrap()["type"].as_i64().unwrap());
        match component {
            Component::ActionRow(row) => row.components.iter().for_each(|inner| count(inner, known)),
            Component::Container(container) => container.components.iter().for_each(|inner| count(inner, known)),
            Component::Section(section) => {
                section.components.iter().for_each(|inner| count(inner, known));
                count(&section.accessory, known);
            }
            _ => {}
        }
    }

    let interaction = read::<MessageComponent>("component_button");
    assert_eq!(interaction.data.component_type, ComponentKind::Button);
    let mut known = Vec::new();
    let message = interaction.message.value().unwrap();
    message.components.items().iter().for_each(|component| count(component, &mut known));
    known.sort_unstable();
    known.dedup();
    assert_eq!(known, [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17]);

    let menu = read::<MessageComponent>("component_mentionable_select").data;
    let resolved = menu.resolved.value().unwrap();
    let [user, role] = menu.values.items() else { panic!("two values") };
    assert_eq!(resolved.user(user.id().unwrap()).unwrap().username, "bob");
    assert_eq!(resolved.role(role.id().unwrap()).unwrap().name, "Gardeners");
    assert_eq!(read::<MessageComponent>("component_string_select").data.values.items()[0].as_str(), "age");
}

#[test]
fn inputs_of_every_kind_are_known() {
    let modal = read::<ModalSubmit>("modal_submit").data;
    assert_eq!(modal.text("what"), Some("Brown spots\non the leaves"));
    assert_eq!(modal.text("old"), Some(""));
    assert_eq!((modal.text("severity"), modal.text("weather")), (Some("bad"), None));
    assert_eq!(modal.choices("plants").unwrap(), ["beans", "peas"]);
    assert_eq!(modal.choices("days").unwrap(), [""; 0]);
    assert_eq!(modal.is_checked("sure"), Some(true));
    let resolved = modal.resolved.value().unwrap();
    for (input, count) in [("who", 1), ("team", 1), ("tell", 2), ("place", 1), ("photos", 1)] {
        assert_eq!(modal.ids(input).unwrap().len(), count, "{input}");
    }
    assert_eq!(resolved.attachment(modal.ids("photos").unwrap()[0]).unwrap().filename, "leaf.png");
    assert!(modal.input("nobody").is_none());
    assert!(!modal.components.iter().any(|component| matches!(component, Submitted::Other(_))));
}

#[test]
fn what_is_yet_unknown_is_kept() {
    let later = read::<ApplicationCommand>("yet_unknown");
    assert_eq!(later.data.kind, CommandKind::Other(9));
    assert_eq!(later.context, Field::Value(Context::Other(9)));
    assert_eq!(later.data.options.items()[0].value, OptionValue::Other(OptionKind::Other(42)));
    assert!(matches!(later.message.value().unwrap().components.items()[0], Component::Other(_)));
    assert_eq!(later.rest["novelty"][1], json!(u64::MAX));
}

proptest! {
    #[test]
    fn whatever_changes_is_read_the_same_or_not_at_all(
        which: Index,
        place: Index,
        new in prop_oneof![
            Just(None),
            Just(Some(Value::Null)),
            any::<i64>().prop_map(|number| Some(number.into())),
            any::<u64>().prop_map(|number| Some(number.to_string().into())),
            any::<bool>().prop_map(|answer| Some(answer.into())),
            ".{0,3}".prop_map(|text| Some(text.into())),
            Just(Some(json!([]))),
            Just(Some(json!({}))),
            Just(Some(json!([{ "type": 1 }]))),
        ],
    ) {
        let all: Vec<_> = vectors().collect();
        let (name, mut changed) = all[which.index(all.len())].clone();
        let mut count = 0;
        each_object(&mut changed, &mut |fields| count += fields.len());
        let (mut left, mut key) = (place.index(count), String::new());
        each_object(&mut changed, &mut |fields| {
            if let Some(found) = fields.keys().nth(left).cloned() {
                match new.clone() {
                    Some(new) => fields.insert(found.clone(), new),
                    None => fields.remove(&found),
                };
                (key, left) = (found, usize::MAX);
            } else if left != usize::MAX {
                left -= fields.len();
            }
        });
        prop_assume!(changed["type"].as_i64().is_some_and(|kind| (2..=5).contains(&kind)));
        if let Ok(read) = parse(&changed) {
            let written = serde_json::to_value(&read).unwrap();
            prop_assert_eq!(parse(&written).unwrap(), read, "{} {}", name, &key);
            // Ids that came as numbers are written as strings, and a set of permissions without its leading zeros;
            // everything else as it came.
            let is_number = new.as_ref().is_some_and(Value::is_number);
            let is_text = new.as_ref().is_some_and(Value::is_string);
            if !is_number && !is_text {
                prop_assert_eq!(written, changed, "{} {}", name, &key);
            }
        }
    }
}
