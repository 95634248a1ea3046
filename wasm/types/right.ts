// Uses that must compile.
import { connect, Gateway, GatewayError, InvalidKeyError, verifyInteraction } from "sanmon";
import type {
  Channel, GatewayEvent, Guild, Id, Interaction, InteractionResponse, Presence, ResponseTo, State, interactions,
} from "sanmon";

declare module "sanmon" {
  interface PlatformPayloads {
    RAID_STARTED: { boss: string };
  }
}

const stop = new AbortController();
const gateway: Gateway = await connect({
  url: new URL("https://host/available"),
  session: async () => "fresh",
  encoding: "zlib",
  persist: "ada",
  signal: stop.signal,
  on: {
    READY: (ready) => console.log(ready.user.username, ready.guilds),
    RAID_STARTED: ({ boss }) => boss.toUpperCase(),
    "*": (event) => event.t,
  },
  onstate: (state: State, { retryInMs, error }) => console.log(state, retryInMs?.toFixed(), error?.code),
});

gateway
  .on("GUILD_CREATE", (guild, event) => {
    const id: Id = guild.id;
    const channels: Channel[] = guild.channels ?? [];
    const place: number = event.s;
    const same: Guild = event.d;
    // What the platform stores beside is there, and may be anything that JSON holds.
    if (typeof guild["icon"] === "string") guild["icon"].length;
    console.log(id, channels, place, same);
  })
  .on("PRESENCE_UPDATE", (update, event) => console.log(update.id === event.id, update.d.type === 3))
  .on("NOTIFICATION", ({ type, excerpt }) => console.log(type === "HERE", excerpt["text"]))
  .on("*", (event) => console.log(event.t));

const listener = (guild: Guild) => guild.name;
gateway.on("GUILD_UPDATE", listener).off("GUILD_UPDATE", listener);

function name(event: GatewayEvent): string | undefined {
  switch (event.t) {
    case "GUILD_UPDATE":
      return event.d.name;
    case "GUILD_DELETE":
      return String(event.d.id);
    case "PRESENCE_UPDATE":
      return event.d.description ?? undefined;
    case "RAID_STARTED":
      return event.d.boss;
    default:
      return undefined;
  }
}

for await (const event of gateway) {
  if (event.t === "MEMBERS_OF_OUR_OWN" as string) continue;
  console.log(name(event), event.s);
}

const presence: Presence = { type: 2, description: "away", embed: { text: { top: "a" } } };
gateway.setPresence(presence);
gateway.onstate = (state) => state === "ended";
gateway.onerror = (error) => {
  if (error instanceof GatewayError && error.kind === "closed") console.log(error.code, error.advice, error.cause);
};
console.log(await gateway.ping(), gateway.position?.toFixed(), gateway.ready?.url);
gateway.close();
await gateway.closed;
using _closedAtTheEnd = gateway;

const { headers } = new Request("https://host/interactions");
const [signature, timestamp] = [headers.get("x-signature-ed25519"), headers.get("x-signature-timestamp")];
const held: boolean = await verifyInteraction("00", signature, timestamp, new Uint8Array()).catch((error: unknown) => {
  if (error instanceof InvalidKeyError && error.kind === "small_order") return false;
  throw error;
});
console.log(held);

function answer(interaction: Interaction): InteractionResponse {
  switch (interaction.type) {
    case 1:
      return { type: 1 };
    case 2: {
      const user: interactions.User | null | undefined = interaction.member?.user ?? interaction.user;
      const option = interaction.data.options?.find(({ name }) => name === "text");
      if (option?.type === 3) return { type: 4, data: { content: option.value.trim(), flags: 64 } };
      const target = interaction.data.resolved?.messages?.[interaction.data.target_id ?? ""];
      const modal: ResponseTo<typeof interaction> = {
        type: 9,
        data: {
          custom_id: "report", title: `What is wrong, ${user?.username ?? "you"}?`,
          components: [{ type: 18, label: "Tell us", component: { type: 4, custom_id: "what", style: 2, value: target?.content ?? "" } }],
        },
      };
      return modal;
    }
    case 3:
      return interaction.data.component_type === 3
        ? { type: 7, data: { content: interaction.data.values?.join() ?? null, components: [] } }
        : { type: 6 };
    case 4:
      return { type: 8, data: { choices: [{ name: "One", value: 1 }, { name: "Two", value: "2", name_localizations: null }] } };
    case 5: {
      const [first] = interaction.data.components;
      const text = first?.type === 18 && first.component.type === 4 ? first.component.value : "nothing";
      return { type: 5, ...(text === "" ? {} : { data: { flags: 64 } }) };
    }
  }
}
console.log(answer(JSON.parse("{}") as Interaction));

// Codes and fields that came later than the types.
const kind: interactions.ChannelKind = 99;
const button: interactions.Component = { type: 2, style: 1, label: "Go", custom_id: "go", shape: "round" };
console.log(kind, button);
