// The console, used as a person would: by clicking and typing, and by looking at what the page says.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { Server, launch, open, shoot, until } from "./harness.js";

let server;
let context;
const axe = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

before(async () => { server = await Server.start(); });
after(() => server.remove());
beforeEach(async () => { context = await launch(); });
afterEach(() => context.remove());

/** A page that is connected as a new user. */
async function enter(name, { encoding = "json" } = {}) {
  const { session_id: session, user } = await server.session(name);
  const page = await open(context, server);
  await page.fill("#session", session);
  await page.check(`#connect input[value=${encoding}]`);
  await page.click("#connect [type=submit]");
  await says(page, "Connected to");
  page.user = user.id;
  return page;
}

const says = (page, text) => page.waitForFunction((text) => document.getElementById("state-text").textContent.includes(text), text);
const row = (page, name, text = "") => page.locator("#feed li", { hasText: name }).filter({ hasText: text }).first().waitFor();
const act = (page, tab) => page.click(`#tab-${tab}`);

/** Makes sure that axe finds nothing to complain of. */
async function accessible(page) {
  // Through the debugger: the page's own policy allows no script but its own.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`), []);
}

test("a session is made with the operator's key, and its guild lives from the events alone", async () => {
  const page = await open(context, server);
  await accessible(page);
  await shoot(page, "welcome");
  await page.fill("#mint-key", server.key);
  await page.fill("#mint-name", "ada");
  await page.click("#mint [type=submit]");
  await says(page, "Connected to");

  await page.fill("#guild-name", "Tea house");
  await page.click("#create-guild [type=submit]");
  await page.getByRole("heading", { name: "Channels" }).waitFor();
  await page.fill("#guild-list input[name=name]", "green");
  await page.click("#guild-list form [type=submit]");
  await page.locator(".channels li", { hasText: "green" }).waitFor();
  await row(page, "CHANNEL_CREATE", "#green in Tea house");

  await page.getByRole("button", { name: "Invite" }).click();
  const code = await page.locator(".invites code").first().textContent();
  const other = await enter("grace");
  await other.fill("#join-code", code);
  await other.click("#join [type=submit]");
  await other.locator(".guild", { hasText: "Tea house" }).waitFor();
  await page.locator(".members li", { hasText: "grace" }).waitFor();

  await other.check("#panel-presence input[value='3']");
  await other.fill("#presence-text", "writing");
  await other.click("#panel-presence [type=submit]");
  await page.locator(".members li", { hasText: "grace" }).locator("[aria-label='do not disturb']").waitFor();
  await page.locator(".members li", { hasText: "writing" }).waitFor();

  await page.waitForTimeout(6000); // Long enough for the plots to have something to show.
  await accessible(page);
  await shoot(page, "console");
  await page.click("#theme");
  await page.click("#theme");
  await accessible(page);
  await shoot(page, "console-dark");

  page.on("dialog", (dialog) => dialog.accept());
  await page.getByRole("button", { name: "Delete guild" }).click();
  await other.locator(".guild").waitFor({ state: "detached" });
  assert.deepEqual([...page.problems, ...other.problems], []);
});

test("events are published, filtered, paused, opened and copied", async () => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await enter("ada");
  await act(page, "publish");
  await page.fill("#publish-key", server.key);
  await page.fill("#publish-payload", '{"boss":"oni","id":123}');
  await page.click("#panel-publish [type=submit]");
  await page.locator("#publish-result", { hasText: "Published at #" }).waitFor();
  await row(page, "RAID_STARTED", "oni");

  await page.fill("#publish-payload", "{");
  await page.click("#panel-publish [type=submit]");
  await page.locator("#publish-result.bad").waitFor();

  await page.fill("#filter", "oni");
  await until("one row", async () => (await page.locator("#feed li").count()) === 1);
  await page.locator("#feed summary").first().click();
  await page.getByRole("button", { name: "Copy" }).click();
  assert.equal(JSON.parse(await page.evaluate(() => navigator.clipboard.readText())).d.boss, "oni");
  await page.fill("#filter", "");

  await page.click("#pause");
  const before = await page.locator("#feed li").count();
  await server.publish(...Array.from({ length: 7 }, (_, n) => ({ to: { user: page.user }, t: "TICK", d: { n } })));
  await page.locator("#pause", { hasText: "Resume (7)" }).waitFor();
  assert.equal(await page.locator("#feed li").count(), before);
  await page.click("#pause");
  await row(page, "TICK", '"n":6');
  assert.deepEqual(page.problems, []);
});

test("a reload resumes: what was missed is replayed, and the guilds are still there", async () => {
  const page = await enter("ada", { encoding: "zlib" });
  await page.fill("#guild-name", "Dojo");
  await page.click("#create-guild [type=submit]");
  await page.locator(".guild", { hasText: "Dojo" }).waitFor();
  const { user } = page;
  await page.goto("about:blank");
  await server.publish(...[1, 2, 3].map((n) => ({ to: { user }, t: "MISSED", d: { n } })));
  await page.goto(`${server.url}/`);
  await page.locator("#notice", { hasText: "missed events replayed" }).waitFor();
  await row(page, "MISSED", '"n":3');
  await page.locator(".guild", { hasText: "Dojo" }).waitFor();
  assert.equal(await page.inputValue("#encoding"), "zlib");
  await shoot(page, "resumed");
  await page.selectOption("#encoding", "json");
  await page.locator("#toast", { hasText: "json" }).waitFor();
  await says(page, "Connected to");
  assert.deepEqual(page.problems, []);
});

test("the server is killed and started again under two tabs, which come back and miss nothing", async () => {
  const tabs = [await enter("ada"), await enter("ada")];
  const [{ user }] = tabs;
  await server.kill();
  for (const page of tabs) await says(page, "Trying again in");
  await server.up();
  await server.publish({ to: { users: tabs.map((page) => page.user) }, t: "AFTER", d: { user } });
  for (const page of tabs) {
    await says(page, "Connected to");
    await row(page, "AFTER");
    await row(page, "Resumed");
  }
});

test("offline, the page says that it waits and for how long, and then shows each missed event once", async () => {
  const page = await enter("ada");
  await context.setOffline(true);
  // The socket breaks, and no other can be opened.
  await server.kill();
  await server.up();
  await server.publish(...[1, 2].map((n) => ({ to: { user: page.user }, t: "MEANWHILE", d: { n } })));
  await page.waitForFunction(() => /available did not answer.*Trying again in/.test(document.getElementById("state-text").textContent));
  assert.equal(await page.getAttribute("#state", "data-kind"), "busy");
  await shoot(page, "offline");
  await context.setOffline(false);
  await says(page, "Connected to");
  await row(page, "MEANWHILE", '"n":2');
  await row(page, "Resumed: 2 missed events replayed");
  assert.equal(await page.locator("#feed li", { hasText: "MEANWHILE" }).count(), 2);
  await page.waitForFunction(() => document.getElementById("count-replayed").textContent === "2");
});

test("a session that is not valid is refused, in words", async () => {
  const page = await open(context, server);
  await page.fill("#session", "1.nonsense");
  await page.click("#connect [type=submit]");
  await page.locator("#connect-error", { hasText: "4003" }).waitFor();
  const made = await server.session("eve");
  await page.fill("#session", made.session_id);
  await page.click("#connect [type=submit]");
  await says(page, "Connected to");
  await server.ask("DELETE", `/sessions/${made.id}`);
  await says(page, "4102");
});

test("an interaction is signed in the page, and what the node answers is judged", async () => {
  const page = await enter("ada");
  await act(page, "interaction");
  await page.click("#make-key");
  await until("a key", async () => /^[0-9a-f]{64}$/.test(await page.inputValue("#public-key")));
  assert.equal(await page.inputValue("#application"), String(page.user));
  const says = (text) => page.locator("#interaction-result", { hasText: text }).waitFor();
  await page.click("#send-interaction");
  await says("the signature holds");
  await page.locator("#interaction-result .bad", { hasText: "it knows no such key" }).waitFor();

  const flag = await page.textContent("#key-flag");
  assert.equal(flag, `--interactions-key ${page.user}=${await page.inputValue("#public-key")}`);
  await server.kill();
  server.options = flag.split(" ");
  await server.up();
  try {
    await row(page, "Resumed:");
    await page.click("#send-interaction");
    await page.locator("#interaction-result .good", { hasText: "answered the PING with a PONG" }).waitFor();
    await says("200");
    await accessible(page);
    await shoot(page, "interaction");
    await page.check("#panel-interaction [name=spoil]");
    await page.click("#send-interaction");
    await says("the signature does not hold");
    await page.locator("#interaction-result .good", { hasText: "refused it, as it must" }).waitFor();
  } finally {
    server.options = [];
  }
});

test("on a phone one pane shows at a time, and the keyboard reaches everything", async () => {
  const page = await enter("ada");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Act" }).click();
  assert.ok(await page.isVisible("#panel-presence"));
  assert.ok(!(await page.isVisible("#events")));
  await accessible(page);
  await shoot(page, "phone-act");
  await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Events" }).click();
  await shoot(page, "phone-events");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);

  await page.setViewportSize({ width: 1360, height: 820 });
  await page.focus("#tab-presence");
  await page.keyboard.press("ArrowRight");
  assert.ok(await page.isVisible("#panel-publish"));
  assert.equal(await page.evaluate(() => document.activeElement.id), "tab-publish");
});
