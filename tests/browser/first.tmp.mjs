import { Server, launch, open, shoot } from "/work/wt/wasm/tests/browser/harness.js";
const server = await Server.start();
const context = await launch();
try {
  const page = await open(context, server);
  await page.waitForTimeout(800);
  await shoot(page, "welcome");
  const ada = await server.session("ada");
  await page.fill("#session", ada.session_id);
  await page.click("#connect button[type=submit]");
  await page.waitForTimeout(1500);
  console.log(await page.textContent("#state-text"));
  await page.fill("#guild-name", "Tea house"); await page.click("#create-guild button");
  await page.waitForTimeout(600);
  await server.publish({ to: "everyone", t: "RAID_STARTED", d: { boss: "oni", big: 12 } });
  await page.waitForTimeout(6000);
  await shoot(page, "desk");
  console.log(page.problems);
} finally { await context.remove(); await server.remove(); }
