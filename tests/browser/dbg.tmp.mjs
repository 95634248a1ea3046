import { Server, launch, open, shoot } from "./harness.js";
const server = await Server.start();
const context = await launch();
try {
  const page = await open(context, server);
  page.on("console", (m) => console.log("page:", m.text()));
  const ada = await server.session("ada");
  const out = await page.evaluate(async (session) => {
    const { connect } = await import("/sanmon/web.js");
    const log = [];
    try {
      const g = await connect({ url: "/available", session, on: {"*": (e) => log.push(e.t)}, onstate: (s, d) => log.push([s, String(d.error), d.resumed]), onerror: (e) => log.push(String(e), e.kind, e.code, String(e.cause)) });
      await new Promise((r) => setTimeout(r, 500));
      log.push(await g.ping(), g.position, g.state);
    } catch (e) { log.push("threw " + e + e.stack); }
    return log;
  }, ada.session_id);
  console.log(JSON.stringify(out, null, 1), page.problems);
} finally { await context.remove(); await server.remove(); }
