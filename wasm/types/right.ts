// Uses that must compile.
import { connect, Gateway, GatewayError, InvalidKeyError, verifyInteraction } from "sanmon";
import type { Channel, GatewayEvent, Guild, Id, Presence, State } from "sanmon";

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
