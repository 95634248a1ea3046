// The console: what the page shows and does, wired together.
import * as api from "./api.js";
import { byId, onSubmit, plural, toast } from "./dom.js";
import { Feed } from "./feed.js";
import { Guilds } from "./guilds.js";
import { interaction } from "./interaction.js";
import * as link from "./link.js";
import { Model } from "./model.js";
import { Plot } from "./plot.js";
import { publish } from "./publish.js";
import { tabs } from "./tabs.js";
import { theme } from "./theme.js";

const TICK_MS = 1000;
const PING_EVERY_TICKS = 5;
const NODE_EVERY_TICKS = 15;

let model = new Model();
let gateway;
let session;
let keep = false;
let nodes = [];
let resumed = false;
let ticks = 0;
let lost = false;
const counters = { events: 0, second: 0, reconnects: 0, replayed: 0 };

const feed = new Feed(summary);
const guilds = new Guilds(() => model, () => api.asSession(session));
const rate = new Plot(byId("rate-plot"), "Events a second", "events a second");
const latency = new Plot(byId("latency-plot"), "Latency", "milliseconds");

/** An event in a few words. */
function summary({ t, d, id, type, excerpt }) {
  const guild = () => model.guilds.get(String(d.guild_id ?? d.id))?.name;
  switch (t) {
    case "READY": return `${d.user?.username ?? "you"}, in ${plural(d.guilds, "guild")}`;
    case "RESUMED": return `${plural(d.replayed, "missed event")} replayed`;
    case "GUILD_INIT":
    case "GUILD_CREATE":
    case "GUILD_JOIN":
    case "GUILD_UPDATE": return d.name;
    case "GUILD_DELETE": return guild() ?? `guild ${d.id}`;
    case "GUILD_MEMBER_ADD": return `${d.user.username ?? d.user.id} joined ${guild() ?? "a guild"}`;
    case "GUILD_MEMBER_REMOVE": return `${d.user.username ?? d.user.id} left ${guild() ?? "a guild"}`;
    case "CHANNEL_CREATE":
    case "CHANNEL_UPDATE":
    case "CHANNEL_DELETE": return `#${d.name} in ${guild() ?? "a guild"}`;
    case "INVITE_CREATE":
    case "INVITE_DELETE": return `${d.code} to ${guild() ?? "a guild"}`;
    case "PRESENCE_UPDATE": return `${model.nameOf(id)} is ${["", "online", "idle", "not to be disturbed", "offline"][d.type]}${d.description ? `: ${d.description}` : ""}`;
    case "NOTIFICATION": return `${type} ${short(excerpt)}`;
    default: return d === undefined ? "" : short(d);
  }
}

const short = (value) => JSON.stringify(value).slice(0, 200);

function onEvent(event) {
  if (event.t === "PONG") return;
  counters.events += 1;
  counters.second += 1;
  feed.add(event);
  if (model.apply(event)) guilds.show();
}

function onState(state, detail) {
  if (state === "live") resumed = detail.resumed === true;
  const [kind, text] = link.words(state, detail, connectedTo());
  byId("state").dataset.kind = kind;
  byId("state-text").textContent = text;
  if (state === "waiting" && !lost) {
    lost = true;
    counters.reconnects += 1;
    feed.note(text);
  }
  if (state === "live") {
    lost = false;
    if (detail.resumed) showResumed(detail.replayed);
    askNode();
  }
  if (state === "ended") {
    feed.note(text);
    if (detail.error) link.forget();
  }
}

function showResumed(replayed) {
  counters.replayed += replayed;
  const text = replayed ? `Resumed: ${plural(replayed, "missed event")} replayed` : "Resumed: nothing was missed";
  feed.note(text);
  const notice = byId("notice");
  notice.textContent = text;
  notice.hidden = false;
  setTimeout(() => { notice.hidden = true; }, 8000);
}

/** Connects and shows the desk, or says in `error` why not. */
async function start(chosen) {
  session = chosen.session;
  model = new Model(chosen.model);
  show("desk");
  byId("encoding").value = chosen.encoding;
  try {
    gateway = await link.open({
      session, encoding: chosen.encoding, position: chosen.position, signal: leaving.signal,
      on: { "*": onEvent }, onstate: onState, onerror: (error) => error.kind === "listener" && console.error(error.cause),
    });
    guilds.show();
  } catch (error) {
    if (leaving.signal.aborted) return;
    show("welcome");
    byId("connect-error").textContent = link.words("ended", { error })[1];
  }
}

let leaving = new AbortController();

function leave() {
  leaving.abort();
  leaving = new AbortController();
  gateway = undefined;
  byId("state").dataset.kind = "idle";
  byId("state-text").textContent = "Not connected";
}

function show(what) {
  byId("welcome").hidden = what !== "welcome";
  byId("desk").hidden = what !== "desk";
  byId("panes").hidden = what !== "desk";
  byId("leave").hidden = what !== "desk";
}

/** The name of the node that the connection is to, where that is known: of several, only READY says which it is. */
function connectedTo() {
  if (nodes.length === 1) return nodes[0][0];
  return resumed ? undefined : nodes.find(([, url]) => url === gateway?.ready?.url)?.[0];
}

async function askNode() {
  try {
    const [{ url }, domains] = await Promise.all([api.available(), api.domains()]);
    nodes = Object.entries(domains);
    byId("node-state").textContent = "accepting connections";
    byId("node-url").textContent = url;
    byId("node-names").textContent = Object.keys(domains).join(", ");
    if (gateway?.state === "live") byId("state-text").textContent = link.words("live", {}, connectedTo())[1];
  } catch (error) {
    byId("node-state").textContent = error.message;
  }
}

function tick() {
  ticks += 1;
  if (ticks % NODE_EVERY_TICKS === 1 && !byId("welcome").hidden) askNode();
  if (byId("desk").hidden) return;
  rate.add(counters.second);
  byId("rate-now").textContent = counters.second;
  counters.second = 0;
  byId("count-events").textContent = counters.events;
  byId("count-position").textContent = gateway?.position ?? "–";
  byId("count-reconnects").textContent = counters.reconnects;
  byId("count-replayed").textContent = counters.replayed;
  if (gateway?.state === "live" && ticks % PING_EVERY_TICKS === 0 && !document.hidden) measure();
}

async function measure() {
  try {
    const ms = Math.round(await gateway.ping() * 10) / 10;
    latency.add(ms);
    byId("latency-now").textContent = ms;
  } catch {
    latency.add(undefined);
    byId("latency-now").textContent = "–";
  }
}

theme(byId("theme"));
tabs(document.querySelector("[role=tablist]"));
publish(() => model.user?.id);
interaction(() => model.user?.id);

onSubmit(byId("connect"), byId("connect-error"), async (fields) => {
  keep = fields.keep === "on";
  await start({ session: fields.session.trim(), encoding: fields.encoding });
});
onSubmit(byId("mint"), byId("mint-error"), async ({ key, username, id }) => {
  const made = await api.asOperator(key).createSession({ ...(id && { id }), username });
  byId("publish-key").value = key;
  keep = byId("connect").elements.keep.checked;
  await start({ session: made.session_id, encoding: byId("connect").elements.encoding.value });
});
onSubmit(byId("presence"), byId("presence-result"), async ({ type, description }) => {
  if (!gateway) throw new Error("Not connected.");
  gateway.setPresence({ type: Number(type), ...(description && { description }) });
  byId("presence-result").textContent = "Sent. Others see it within a second.";
});

byId("leave").addEventListener("click", () => {
  leave();
  link.forget();
  keep = false;
  show("welcome");
});
byId("encoding").addEventListener("change", async (event) => {
  const encoding = event.target.value;
  const position = gateway?.position;
  leave();
  await start({ session, encoding, position, model: position === undefined ? undefined : model.saved() });
  toast(`Events now come as ${encoding}`);
});
for (const button of byId("panes").children) {
  button.addEventListener("click", () => {
    document.body.dataset.pane = button.dataset.show;
    for (const other of byId("panes").children) other.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    scrollTo(0, 0);
  });
}
addEventListener("pagehide", () => {
  if (keep && gateway) link.save(session, byId("encoding").value, gateway, model);
});

setInterval(tick, TICK_MS);
tick();
const before = link.saved();
if (before?.session) {
  keep = true;
  start(before);
}
