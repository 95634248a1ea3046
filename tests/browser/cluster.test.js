// The console of any of several nodes: it shows what was made at another, hears what a third one publishes, and outlives a node.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { Cluster, launch, open, shoot, until } from "./harness.js";

let cluster;
let context;

before(async () => { cluster = await Cluster.start(3); });
after(() => cluster?.remove());
beforeEach(async () => { context = await launch(); });
afterEach(() => context.remove());

const says = (page, text) => page.waitForFunction((text) => document.getElementById("state-text").textContent.includes(text), text);
const row = (page, name, text = "") => page.locator("#feed li", { hasText: name }).filter({ hasText: text }).first().waitFor();

/** A page of a node, connected by the operator's key as a user that there is already. */
async function enter(node, { id, username }) {
  const page = await open(context, node);
  page.sockets = [];
  page.on("websocket", (socket) => page.sockets.push(socket.url()));
  await page.fill("#mint-key", node.key);
  await page.fill("#mint-name", username);
  await page.fill("#mint-id", String(id));
  await page.click("#mint [type=submit]");
  await says(page, "Connected to node-");
  return page;
}

/** A user and a guild of its own, made at a node. */
async function settle(node, username, guild) {
  const { user, session_id: session } = await node.session(username);
  const made = await node.ask("POST", "/guilds", { name: guild }, session);
  return { user, session, guild: made.id };
}

test("the console of each node shows what another one made, and hears what a third one publishes", async () => {
  const [one, , three] = cluster.nodes;
  const { user, session, guild } = await settle(one, "ada", "Tea house");
  for (const [number, node] of cluster.nodes.entries()) {
    const page = await enter(node, user);
    // It names the node that it is connected to, whichever that is.
    const name = /Connected to (node-\d)/.exec(await page.textContent("#state-text"))[1];
    assert.equal((await one.ask("GET", "/domains"))[name], page.sockets.at(-1));
    const names = await page.textContent("#node-names");
    assert.deepEqual(names.split(", ").sort(), ["node-0", "node-1", "node-2"]);
    await page.locator(".guild", { hasText: "Tea house" }).waitFor();
    await three.publish({ to: { user: user.id }, t: "FROM_THREE", d: { number } });
    await row(page, "FROM_THREE", `"number":${number}`);

    // What is done in the page is done at its node, and the others know of it.
    await page.locator(".guild summary", { hasText: "Tea house" }).click();
    await page.fill("#guild-list input[name=name]", `tea-${number}`);
    await page.click("#guild-list form [type=submit]");
    await row(page, "CHANNEL_CREATE", `#tea-${number} in Tea house`);
    const channels = await one.ask("GET", `/guilds/${guild}/channels`, undefined, session);
    assert.ok(channels.some(({ name }) => name === `tea-${number}`), JSON.stringify(channels));
    assert.deepEqual(page.problems, []);
    if (number === 1) await shoot(page, "cluster");
  }
});

test("the node that a page is connected to is killed, and the page goes on at another", async () => {
  const [one, two, three] = cluster.nodes;
  const { user } = await settle(one, "grace", "Compilers");
  const page = await enter(two, user);
  // Until it is connected to another node than the one that it came from, so that its own one can be asked where to go.
  const connected = async () => /Connected to node-(\d)/.exec(await page.textContent("#state-text"))?.[1];
  await until("a connection to another node", async () => {
    const number = await until("a connection", connected);
    if (cluster.nodes[number] !== two) return true;
    await page.click("#leave");
    await page.fill("#mint-key", two.key);
    await page.fill("#mint-name", "grace");
    await page.fill("#mint-id", String(user.id));
    await page.click("#mint [type=submit]");
    return false;
  }, 30_000);
  const gone = cluster.nodes[await connected()];
  const stays = gone === one ? three : one;
  await gone.kill();
  await stays.publish({ to: { user: user.id }, t: "MEANWHILE", d: {} });
  await row(page, "MEANWHILE");
  await row(page, "Resumed");
  assert.equal(await page.locator("#feed li", { hasText: "MEANWHILE" }).count(), 1);
  await gone.up();
});
