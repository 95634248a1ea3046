// Renews the README's picture of the console: `node picture.js` in this folder, after `cargo xtask test` has built what it shows.
import { fileURLToPath } from "node:url";

import { Server, launch, open } from "./harness.js";

const picture = fileURLToPath(new URL("console.png", import.meta.url));
const server = await Server.start();
const context = await launch({ viewport: { width: 1200, height: 700 } });
try {
  const page = await enter("ada");
  await page.fill("#guild-name", "Tea house");
  await page.click("#create-guild [type=submit]");
  await page.getByRole("heading", { name: "Channels" }).waitFor();
  for (const name of ["green", "black"]) {
    await page.fill("#guild-list input[name=name]", name);
    await page.click("#guild-list form [type=submit]");
    await page.locator(".channels li", { hasText: name }).waitFor();
  }
  await page.getByRole("button", { name: "Invite" }).click();
  const code = await page.locator(".invites code").first().textContent();
  for (const [name, type, description] of [["grace", 1, "pouring"], ["kiki", 3, "writing letters"]]) {
    const other = await enter(name);
    await other.fill("#join-code", code);
    await other.click("#join [type=submit]");
    await other.locator(".guild", { hasText: "Tea house" }).waitFor();
    await other.check(`#panel-presence input[value='${type}']`);
    await other.fill("#presence-text", description);
    await other.click("#panel-presence [type=submit]");
    await page.locator(".members li", { hasText: description }).waitFor();
  }
  await page.bringToFront();
  // The plots get something to show: a busier second now and then.
  for (let second = 0; second < 45; second += 1) {
    const some = [0, 1, 2, 5, 3, 1, 0, 7, 4, 2][second % 10];
    if (some) await server.publish(...Array.from({ length: some }, (_, n) => ({ to: { user: page.user }, t: "KETTLE", d: { degrees: 60 + second - n } })));
    await page.waitForTimeout(1000);
  }
  await page.click("#tab-publish");
  await server.publish({ to: { user: page.user }, t: "RAID_STARTED", d: { boss: "oni", level: 12 } });
  await page.locator("#feed summary", { hasText: "RAID_STARTED" }).click();
  await page.locator("#feed pre").waitFor();
  await page.screenshot({ path: picture });
  console.log(picture);
} finally {
  await context.remove();
  await server.remove();
}

async function enter(name) {
  const { session_id: session, user } = await server.session(name);
  const page = await open(context, server);
  await page.fill("#session", session);
  await page.click("#connect [type=submit]");
  await page.waitForFunction(() => document.getElementById("state-text").textContent.startsWith("Connected to"));
  page.user = user.id;
  return page;
}
