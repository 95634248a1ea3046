//! The data of an application command.

use super::table::{codes, object};
use super::{CommandOption, Focused, OptionValue, Resolved, Snowflake};

codes! {
    /// What a command is.
    pub enum CommandKind {
        /// A slash command.
        ChatInput = 1,
        /// A command on a user.
        User = 2,
        /// A command on a message.
        Message = 3,
        /// What opens an application's activity.
        PrimaryEntryPoint = 4,
    }
}

object! {
    /// The data of an application command, and of the autocompletion of one of its options (documentation:
    /// application command data structure).
    pub struct CommandData {
        /// The command's id.
        id: Snowflake,
        /// The command's name.
        name: String,
        /// What the command is.
        #[serde(rename = "type")]
        kind: CommandKind,
    }
    optional {
        /// What the ids in the options stand for.
        resolved: Resolved,
        /// The options; while one of them is being typed, not all are there.
        options: Vec<CommandOption>,
        /// The guild that the command belongs to, if not to all.
        guild_id: Snowflake,
        /// The user or message that the command was run on.
        target_id: Snowflake,
    }
}

impl CommandData {
    /// The names of the command, its subcommand group and its subcommand, as far as there are such.
    pub fn path(&self) -> Vec<&str> {
        let (mut path, mut options) = (vec![self.name.as_str()], self.options.items());
        while let [CommandOption { name, value, .. }] = options
            && let OptionValue::Subcommand(inner) | OptionValue::SubcommandGroup(inner) = value
        {
            path.push(name);
            options = inner.items();
        }
        path
    }

    /// The options that the user filled in: those of the innermost subcommand.
    pub fn leaves(&self) -> &[CommandOption] {
        let mut options = self.options.items();
        while let [CommandOption { value, .. }] = options
            && let OptionValue::Subcommand(inner) | OptionValue::SubcommandGroup(inner) = value
        {
            options = inner.items();
        }
        options
    }

    /// The value of the option with this name, of the innermost subcommand.
    pub fn option(&self, name: &str) -> Option<&OptionValue> {
        self.leaves().iter().find(|option| option.name == name).map(|option| &option.value)
    }

    /// The option that the user is typing, in an autocompletion.
    pub fn focused(&self) -> Option<Focused<'_>> {
        self.leaves().iter().find_map(CommandOption::focused)
    }
}
