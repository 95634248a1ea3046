// The package in a page when something goes wrong: networks, servers and pages that sleep.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { WebSocketServer } from "ws";

import { Server, launch, open, until } from "./harness.js";
import { workIn } from "./work.js";

const PING_INTERVAL_MS = 400;
const PING_TIMEOUT_MS = 600;

let server;
let context;
let page;

before(async () => {
  server = await Server.start(["--ping-interval-ms", String(PING_INTERVAL_MS), "--ping-timeout-ms", String(PING_TIMEOUT_MS)]);
});
after(() => server.remove());
beforeEach(async () => {
  // What runs in the page is handed over as text, which the console's own policy would not let it run.
  context = await launch({ bypassCSP: true });
  page = await open(context, server);
});
afterEach(() => context.remove());

const inPage = (work, more) => workIn(page, server, work, more);

// The functions below run in the page; these are what `inPage` hands them.
/* global connect, given, until */

/** Connects and leaves in the page what it hears: states with their details, and the `n` of each TICK. */
async function watch() {
  const { user } = await inPage(async () => {
    globalThis.states = [];
    globalThis.ticks = [];
    // What `show` holds back.
    const real = globalThis.setTimeout;
    globalThis.setTimeout = (work, ms) => real(() => (globalThis.held ? globalThis.held.push(work) : work()), ms);
    globalThis.gateway = await connect({
      url: given.url, session: given.session,
      onstate: (state, { retryInMs, error, resumed }) => globalThis.states.push({ state, retryInMs, error: error?.message, resumed }),
      on: { TICK: ({ n }) => globalThis.ticks.push(n) },
    });
    globalThis.states = [];
    return { user: given.user };
  });
  return {
    tick: (...numbers) => server.publish(...numbers.map((n) => ({ to: { user }, t: "TICK", d: { n } }))),
    states: () => page.evaluate(() => globalThis.states),
    heard: (count) => until(`${count} ticks`, () => page.evaluate((count) => globalThis.ticks.length >= count && globalThis.ticks, count)),
    says: (state, count = 1) => until(`${state}, ${count} times`, () => page.evaluate(
      ([wanted, count]) => globalThis.states.filter(({ state }) => state === wanted).length >= count, [state, count],
    )),
  };
}

/** Hides the page or shows it, as a browser does whose timers stand still meanwhile: harder than once a minute. */
const show = (shown) => page.evaluate((shown) => {
  globalThis.held = shown ? void globalThis.held.forEach((work) => work()) : [];
  Object.defineProperty(document, "visibilityState", { value: shown ? "visible" : "hidden", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}, shown);

/** A gateway of a test's own: it answers each identify with READY, then does what the test says. */
async function fake(onIdentified) {
  const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  const told = { connections: 0, closes: [] };
  sockets.on("connection", (socket) => {
    told.connections += 1;
    socket.on("close", (code, reason) => told.closes.push([code, String(reason)]));
    socket.on("error", () => {});
    socket.once("message", (identify) => onIdentified(socket, JSON.parse(identify)));
  });
  await new Promise((resolve) => sockets.once("listening", resolve));
  return {
    told, url: `ws://127.0.0.1:${sockets.address().port}/`,
    close: () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };
}

const ready = JSON.stringify({ t: "READY", s: 1, d: { user: { id: 1 }, guilds: 0 } });

test("a server that refuses is asked once", async () => {
  const { states, error } = await inPage(async () => {
    const states = [];
    const error = await connect({ url: given.url, session: "1.nonsense", onstate: (state) => states.push(state) }).catch((error) => error);
    return { states, error: { ...error, name: error.name, message: error.message } };
  });
  assert.deepEqual(states, ["discovering", "connecting", "identifying", "ended"]);
  assert.deepEqual([error.name, error.kind, error.code, error.advice], ["GatewayError", "closed", 4003, "stop"]);

  const other = await fake((socket) => socket.close(4003, '{"r":"no"}'));
  const refused = await inPage(() => connect({ url: given.fake, session: "s" }).catch(({ code, reason }) => [code, reason]), { fake: other.url });
  assert.deepEqual(refused, [4003, "no"]);
  assert.equal(other.told.connections, 1);
  other.close();
});

test("a message of 100 MB is refused, as text or inflated, one just above the limit as bytes, and the module's memory stays small", async () => {
  const large = 100 << 20;
  const deflated = await new Response(new Blob([Buffer.alloc(large, 32)]).stream().pipeThrough(new CompressionStream("deflate"))).arrayBuffer();
  const messages = [`{"t":"LARGE","s":2,"d":"${"x".repeat(large)}"}`, Buffer.alloc((16 << 20) + 1), Buffer.from(deflated)];
  const left = [...messages];
  const other = await fake((socket) => {
    socket.send(ready);
    if (left.length) socket.send(left.shift());
  });
  try {
    const said = await inPage(async () => {
      const said = [];
      const gateway = await connect({
        url: given.fake, session: "s", encoding: "zlib", on: { LARGE: () => said.push("delivered") },
        onerror: ({ kind, message }) => said.push(`${kind}: ${message}`),
      });
      // So much takes its time through a browser's pipes, on a busy machine above all.
      await until(() => said.filter((line) => line.startsWith("message")).length === 3, 90_000);
      await until(() => gateway.state === "live");
      const { memory } = (await import("/sanmon/sanmon.js")).initSync();
      gateway.close();
      return { said, memory: memory.buffer.byteLength };
    }, { fake: other.url });
    assert.deepEqual(said.said.filter((line) => line.startsWith("message")), Array(3).fill("message: a message of more than is taken"));
    assert.ok(!said.said.includes("delivered"));
    // The largest message that is taken, inflated, and what Vec doubles on the way there; not 100 MB.
    assert.ok(said.memory < 64 << 20, String(said.memory));
    assert.equal(other.told.connections, 4);
  } finally {
    other.close();
  }
});

test("a tab that was hidden over several ping intervals is judged by what it received", async () => {
  const { tick, states, heard } = await watch();
  await show(false);
  const start = Date.now();
  // Each tick comes alone, so that the last comes after any timer of the page was due several times over.
  for (let n = 1; n <= 5; n += 1) {
    await tick(n);
    await heard(n);
    await until("the next interval", () => Date.now() > start + n * (PING_INTERVAL_MS + PING_TIMEOUT_MS));
  }
  await tick(6);
  await heard(6);
  await show(true);
  assert.ok(await page.evaluate(() => globalThis.gateway.ping()) < 5000);
  assert.deepEqual(await heard(6), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(await states(), []);
});

test("a tab whose server fell silent while it was hidden notices once it is shown", async () => {
  const { tick, heard, says, states } = await watch();
  await show(false);
  server.process.kill("SIGSTOP");
  try {
    const stopped = Date.now();
    await until("several intervals", () => Date.now() > stopped + 3 * (PING_INTERVAL_MS + PING_TIMEOUT_MS));
    assert.deepEqual(await states(), []);
    await show(true);
    await says("waiting");
  } finally {
    server.process.kill("SIGCONT");
  }
  await tick(1, 2);
  await says("live");
  assert.deepEqual(await heard(2), [1, 2]);
  assert.equal((await states()).at(-1).resumed, true);
});

test("a server that falls silent is given up, and missed events come once it is back", async () => {
  const { tick, heard, says, states } = await watch();
  server.process.kill("SIGSTOP");
  try {
    await says("waiting");
  } finally {
    server.process.kill("SIGCONT");
  }
  await tick(1, 2, 3);
  await says("live");
  assert.deepEqual(await heard(3), [1, 2, 3]);
  const all = await states();
  assert.equal(all[0].state, "waiting");
  assert.equal(all[0].error, "nothing was heard for too long");
  assert.equal(all.at(-1).resumed, true);
});

test("without a network it waits in words, and each event that was missed comes exactly once", async () => {
  const { tick, heard, says, states } = await watch();
  await context.setOffline(true);
  await server.kill();
  await server.up();
  await tick(1, 2, 3);
  await says("waiting", 4);
  const waits = (await states()).filter(({ state }) => state === "waiting");
  // Each is any time up to a bound that doubles.
  for (const [failures, { retryInMs }] of waits.entries()) assert.ok(retryInMs >= 0 && retryInMs <= 500 * 2 ** failures, JSON.stringify(waits));
  assert.match(waits.at(-1).error, /^\/available did not answer/);
  assert.ok(!(await states()).some(({ state }) => state === "live"));
  await context.setOffline(false);
  await says("live");
  await tick(4);
  assert.deepEqual(await heard(4), [1, 2, 3, 4]);
  assert.equal((await states()).at(-1).resumed, true);
});

test("an /available that says nothing is not waited for without an end", async () => {
  const accepted = [];
  const silent = createServer((request) => accepted.push(request));
  const torn = createServer((request) => request.socket.destroy());
  for (const listener of [silent, torn]) await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  try {
    const said = await Promise.all([silent, torn].map((listener) => inPage(() => new Promise((resolve) => {
      const stop = new AbortController();
      connect({
        url: given.odd, session: "s", signal: stop.signal,
        onstate: (state, { error }) => {
          if (state !== "waiting") return;
          resolve(error?.message ?? "no reason");
          stop.abort();
        },
      }).catch(() => {});
    }), { odd: `http://127.0.0.1:${listener.address().port}/available` })));
    assert.equal(accepted.length, 1);
    for (const line of said) assert.match(line, /^\/available did not answer/);
  } finally {
    for (const listener of [silent, torn]) {
      listener.close();
      listener.closeAllConnections();
    }
  }
});

test("500 connections to the real server leave the memory where it was after the first 100", async () => {
  const sizes = await inPage(async () => {
    let memory;
    const sizes = [];
    for (let count = 1; count <= 500; count += 1) {
      const gateway = await connect({ url: given.url, session: given.session, encoding: count % 2 ? "zlib" : "json" });
      gateway.on("*", () => {});
      gateway.close();
      await gateway.closed;
      // Made by now: this hands out what there is.
      memory ??= (await import("/sanmon/sanmon.js")).initSync().memory;
      if (count % 100 === 0) sizes.push(memory.buffer.byteLength);
    }
    return sizes;
  });
  assert.deepEqual(sizes, Array(5).fill(sizes[0]));
});
