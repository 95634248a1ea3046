// What `cargo xtask bench wasm` runs: the rounds in Chromium and in Node, how long connecting takes, and the report of it all.
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Server, launch } from "../harness.js";
import { report, summary } from "./report.js";

const CONNECTS = 21;
const here = fileURLToPath(new URL(".", import.meta.url));
const modules = fileURLToPath(new URL("../node_modules", import.meta.url));
const built = process.env.TEST_PACKAGE ?? fileURLToPath(new URL("../../../target/npm/sanmon", import.meta.url));
const manifest = JSON.parse(await readFile(join(built, "package.json"), "utf8"));

const results = {
  chromium: { version: undefined, rows: await inChromium() },
  node: { version: process.versions.node, rows: await inNode() },
  connected: await connecting(),
};
results.chromium.version = results.connected.version;
console.log(`\n${summary(results)}`);
if (process.env.BENCH_RECORD) {
  await writeFile(process.env.BENCH_RECORD, report(results));
  console.log(`\nrecorded in ${process.env.BENCH_RECORD}`);
}

/** Says how far one kind of message is, on a line of its own. */
function progress(where, encoding, bytes, done) {
  if (done === 1) console.log(`measured in ${where}: ${encoding}, ${bytes} bytes`);
}

/** The rounds in a page of their own, from files that are served as they are. */
async function inChromium() {
  const roots = { bench: here, package: built, modules };
  const listener = createServer(async (request, response) => {
    const [, root, ...path] = request.url.split("/");
    const body = root === "" ? "<!doctype html><title>bench</title>" : await readFile(join(roots[root] ?? here, ...path)).catch(() => undefined);
    const types = { wasm: "application/wasm", js: "text/javascript", mjs: "text/javascript" };
    response.writeHead(body === undefined ? 404 : 200, {
      "content-type": types[request.url.split(".").at(-1)] ?? "text/html",
      // An isolated page's clock is twenty times finer.
      "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp",
    }).end(body);
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const context = await launch();
  try {
    const page = await context.newPage();
    await page.exposeFunction("progress", (...step) => progress("Chromium", ...step));
    await page.goto(`http://127.0.0.1:${listener.address().port}/`);
    return await page.evaluate(async (entry) => {
      const [{ connect }, fflate, pako, { measure }] = await Promise.all([
        import(entry), import("/modules/fflate/esm/browser.js"), import("/modules/pako/dist/pako.mjs"), import("/bench/rounds.js"),
      ]);
      return measure({ connect, fflate, pako, progress: globalThis.progress });
    }, `/package/${manifest.exports["./web"].default}`);
  } finally {
    await context.remove();
    listener.close();
    listener.closeAllConnections();
  }
}

async function inNode() {
  const entry = join(built, manifest.exports["."].node);
  const child = spawn(process.execPath, [join(here, "node.js"), entry], { stdio: ["ignore", "pipe", "pipe"] });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  let [rows, lines, rest] = ["", [], ""];
  child.stdout.on("data", (data) => { rows += data; });
  child.stderr.on("data", (data) => {
    [rest, ...lines] = (rest + data).split("\n").reverse();
    for (const line of lines.reverse()) line.startsWith("[") ? progress("Node", ...JSON.parse(line)) : console.error(line);
  });
  const code = await gone;
  if (code !== 0) throw new Error(`Node ended with ${code}: ${rest}`);
  return JSON.parse(rows);
}

/** From the first line of a page's script until the server has accepted it; each time in a new page, the first in a new browser. */
async function connecting() {
  const server = await Server.start();
  const context = await launch({ bypassCSP: true });
  try {
    const { session_id: session } = await server.session("ada");
    const times = [];
    for (let count = 0; count < CONNECTS; count += 1) {
      const page = await context.newPage();
      await page.goto(`${server.url}/available`);
      times.push(await page.evaluate(async (session) => {
        const start = performance.now();
        const { connect } = await import("/sanmon/web.js");
        const gateway = await connect({ url: "/available", session });
        const time = performance.now() - start;
        gateway.close();
        await gateway.closed;
        return time;
      }, session));
      await page.close();
    }
    console.log("measured in Chromium: connecting");
    const [first, ...others] = times;
    others.sort((a, b) => a - b);
    return { first, median: others[others.length >> 1], slowest: others.at(-1), count: CONNECTS, version: context.browser()?.version() ?? "" };
  } finally {
    await context.remove();
    await server.remove();
  }
}
