//! Interactions and their answers as TypeScript: what the npm package commits as interactions.d.ts.

use std::fmt::Write;

use super::kind::{self, Kind};
use super::model::{Field, InteractionKind, MessageFlags, Snowflake};
use super::response::{CallbackKind, Choices, MessageFields, Modal};
use crate::typescript::Declarations;

/// Everything that this crate says of interactions and answers, as one TypeScript module.
pub fn typescript() -> String {
    let mut description = Description { declarations: Declarations::new(), interactions: vec!["PingInteraction"] };
    kind::describe(&mut description);
    let Description { mut declarations, interactions } = description;
    let snowflake = declarations.add::<Snowflake>();
    let answers = answers(&mut declarations);

    let mut fitting = String::new();
    let kinds = [
        InteractionKind::Ping,
        InteractionKind::ApplicationCommand,
        InteractionKind::MessageComponent,
        InteractionKind::Autocomplete,
        InteractionKind::ModalSubmit,
    ];
    for kind in kinds {
        let names: Vec<&str> =
            answers.iter().filter(|answer| answer.kind.answers(kind)).map(|answer| answer.name).collect();
        writeln!(fitting, "  {}: {};", kind.code(), names.join(" | ")).expect("a String takes everything");
    }
    let (mut written, mut names) = (String::new(), Vec::new());
    for Answer { kind, name, docs, data } in &answers {
        let line = format!("/** {docs} */\nexport type {name} = {{ type: {}{data} }};\n\n", kind.code());
        written.push_str(&line);
        names.push(*name);
    }
    format!(
        "// Made by `cargo xtask npm --types` from the model in core/src/interaction; a test compares the two.\n\
         import type {{ JsonValue, Rest }} from \"./events.js\";\n\n\
         /** The platform asks whether anybody is there; answered by a `PongResponse`. */\n\
         export type PingInteraction = {{\n  id: {snowflake},\n  application_id: {snowflake},\n  type: {ping},\n  \
         token?: string,\n  version?: number,\n}} & Rest;\n\n\
         /** What somebody did, told apart by `type`. A type that came later than this model arrives all the same. */\n\
         export type Interaction = {interactions};\n\n\
         /** An answer to an interaction, told apart by `type`. */\n\
         export type InteractionResponse = {names};\n\n\
         /** What answers an interaction of this kind. */\n\
         export type ResponseTo<I extends Interaction> = Responses[I[\"type\"]];\n\n\
         /** What answers an interaction, by its `type`. */\n\
         export interface Responses {{\n{fitting}}}\n\n{written}{declarations}",
        ping = InteractionKind::Ping.code(),
        interactions = interactions.join(" | "),
        names = names.join(" | "),
        declarations = declarations.finish(&["JsonValue"]),
    )
}

/// Gathers the kinds of interactions.
pub(super) struct Description {
    declarations: Declarations,
    /// The names of their types.
    interactions: Vec<&'static str>,
}

impl Description {
    /// Takes one line of the table of kinds.
    pub(super) fn interaction<K: Kind>(&mut self, name: &'static str, docs: &[&str])
    where
        K::Data: ts_rs::TS,
    {
        self.declarations.add_as::<super::model::Interaction<K>>(name, docs);
        self.interactions.push(name);
    }
}

/// An answer in TypeScript.
struct Answer {
    kind: CallbackKind,
    name: &'static str,
    docs: &'static str,
    /// What stands after its type.
    data: String,
}

/// Every answer that there is.
fn answers(declarations: &mut Declarations) -> Vec<Answer> {
    let (message, modal) = (declarations.add::<MessageFields>(), declarations.add::<Modal>());
    let (choices, flags) = (declarations.add::<Choices>(), declarations.add::<Field<MessageFlags>>());
    let answer = |kind, name, docs, data: &str| Answer { kind, name, docs, data: data.to_owned() };
    vec![
        answer(CallbackKind::Pong, "PongResponse", "Answers a ping.", ""),
        answer(CallbackKind::Message, "MessageResponse", "Sends a message.", &format!(", data: {message}")),
        answer(
            CallbackKind::DeferredMessage,
            "DeferredMessageResponse",
            "Says that a message will come, by a follow-up.",
            &format!(", data?: {{ flags?: {flags} }}"),
        ),
        answer(
            CallbackKind::DeferredUpdate,
            "DeferredUpdateResponse",
            "Says that the component's message will be changed, or that nothing will happen.",
            "",
        ),
        answer(
            CallbackKind::Update,
            "UpdateResponse",
            "Changes the component's message.",
            &format!(", data: {message}"),
        ),
        answer(CallbackKind::Choices, "ChoicesResponse", "Completes an option.", &format!(", data: {choices}")),
        answer(CallbackKind::Modal, "ModalResponse", "Opens a modal.", &format!(", data: {modal}")),
        answer(CallbackKind::LaunchActivity, "LaunchActivityResponse", "Opens the application's activity.", ""),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_types_are_those_of_the_model() {
        let committed = include_str!("../../../wasm/js/interactions.d.ts");
        assert!(
            committed == typescript(),
            "wasm/js/interactions.d.ts is not what the model says: cargo xtask npm --types"
        );
    }
}
