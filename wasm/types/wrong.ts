// Uses that must not compile, each for the reason beside it.
import { connect, Gateway, GatewayError, InvalidKeyError, verifyInteraction } from "sanmon";
import type { Interaction, InteractionResponse, ResponseTo, interactions } from "sanmon";

// @ts-expect-error there is no gateway without a session
await connect({ url: "https://host/available" });
// @ts-expect-error an option that does not exist
await connect({ url: "https://host/available", session: "s", compress: true });
// @ts-expect-error an encoding that does not exist
await connect({ url: "https://host/available", session: "s", encoding: "gzip" });
// @ts-expect-error the function gives a session id, not an object
await connect({ url: "https://host/available", session: () => ({ id: "s" }) });
// @ts-expect-error a listener for a name that does not exist
await connect({ url: "https://host/available", session: "s", on: { GUILD_CRATE: () => {} } });

const gateway = await connect({ url: "https://host/available", session: "s" });
// @ts-expect-error a name that does not exist
gateway.on("GUILD_CRATE", () => {});
// @ts-expect-error a guild has no field of this type
gateway.on("GUILD_CREATE", (guild) => guild.nmae.length);
// @ts-expect-error ids are numbers or texts
gateway.on("GUILD_CREATE", (guild) => guild.id.toFixed());
// @ts-expect-error GUILD_INIT has no place in the log to rely on
gateway.on("GUILD_INIT", (_guild, event) => event.s.toFixed());
// @ts-expect-error a notification has no d
gateway.on("NOTIFICATION", (_notification, event) => event.d.id);
// @ts-expect-error this is the payload of another event
gateway.on("CHANNEL_CREATE", (channel: { owner: number }) => channel.owner);
// @ts-expect-error a presence's type is 1 to 4
gateway.setPresence({ type: 5 });
// @ts-expect-error a presence has a type
gateway.setPresence({ description: "away" });
// @ts-expect-error only the gateway changes its state
gateway.state = "live";
// @ts-expect-error there is no such state
gateway.onstate = (state) => state === "open";
for await (const event of gateway) {
  // @ts-expect-error which event it is has not been asked yet
  event.d.name;
  // @ts-expect-error a name that does not exist
  if (event.t === "GUILD_CRATE") break;
}
// @ts-expect-error connect makes gateways
new Gateway();
// @ts-expect-error only this package makes its errors
new GatewayError("closed", "bye");
// @ts-expect-error the answer is a promise
if (verifyInteraction("", "", "", "") === true) gateway.close();
// @ts-expect-error a body is text or bytes
await verifyInteraction("", "", "", { type: 1 });
// @ts-expect-error only this package makes its errors
new InvalidKeyError("not_hex");

declare const interaction: Interaction;
// @ts-expect-error which kind it is has not been asked yet
interaction.data.name;
// @ts-expect-error a ping brings no data
if (interaction.type === 1) interaction.data.name.length;
// @ts-expect-error components have no options
if (interaction.type === 3) interaction.data.options.length;
// @ts-expect-error ids are texts here
if (interaction.type === 2) interaction.id.toFixed();
// @ts-expect-error an answer of no known type
const unknown: InteractionResponse = { type: 3 };
// @ts-expect-error a modal has a title
const modal: InteractionResponse = { type: 9, data: { custom_id: "a", components: [] } };
// @ts-expect-error content is text
const message: InteractionResponse = { type: 4, data: { content: 5 } };
// @ts-expect-error a modal does not answer a modal
const again: ResponseTo<interactions.ModalSubmitInteraction> = { type: 9, data: { custom_id: "a", title: "b", components: [] } };
// @ts-expect-error a button has a style
const button: interactions.Component = { type: 2, custom_id: "go" };
console.log(unknown, modal, message, again, button);
