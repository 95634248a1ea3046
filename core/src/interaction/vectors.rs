//! The interactions of `core/src/vectors/interactions`, for tests.

/// Makes the table of files.
macro_rules! files {
    ($($name:literal)*) => {
        /// Every interaction, by the name of its file.
        pub(super) const ALL: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../vectors/interactions/", $name, ".json")))),*];
    };
}

files! {
    "autocomplete" "command_bare_subcommand" "command_bot_dm" "command_entry_point" "command_message"
    "command_options" "command_private_channel" "command_subcommand" "command_user" "component_button"
    "component_channel_select" "component_mentionable_select" "component_role_select" "component_string_select"
    "component_user_select" "modal_submit" "ping" "yet_unknown"
}

/// The text of the interaction with this name.
pub(super) fn text(name: &str) -> &'static str {
    ALL.iter().find(|(other, _)| *other == name).expect("a vector of this name").1
}

#[test]
fn every_file_is_in_the_table() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/vectors/interactions");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), ALL.len());
}
