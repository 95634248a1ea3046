// The package in a page: what its users rely on, against the real server and against servers that misbehave.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { Server, launch, open, until } from "./harness.js";
import { workIn } from "./work.js";

let server;
let context;
let page;

before(async () => { server = await Server.start(); });
after(() => server.remove());
beforeEach(async () => {
  // The functions below are handed to the page as text, which the console's own policy would not let it run.
  context = await launch({ bypassCSP: true });
  page = await open(context, server);
});
afterEach(() => context.remove());

const inPage = (work, more) => workIn(page, server, work, more);

// The functions below run in the page; these are what `inPage` hands them.
/* global connect, GatewayError, verifyInteraction, sleep, until, given */

test("options are checked by name", async () => {
  const said = await inPage(async () => {
    const said = [];
    for (const options of [
      { session: "s" }, { url: "/available" }, { url: "/available", session: "s", compress: true },
      { url: "/available", session: "s", encoding: "gzip" }, { url: "/available", session: 5 },
      { url: "/available", session: "s", on: { READY: 5 } }, undefined,
    ]) {
      await connect(options).then(() => said.push("connected"), (error) => said.push(`${error.name}: ${error.message}`));
    }
    return said;
  });
  assert.deepEqual(said, [
    'TypeError: connect needs the option "url"',
    'TypeError: connect needs the option "session"',
    'TypeError: connect has no option "compress"',
    'TypeError: the option "encoding" is not "json" or "zlib"',
    'TypeError: the option "session" is not a string or a function',
    "TypeError: the listener for READY is not a function",
    "TypeError: connect takes an object of options",
  ]);
});

for (const encoding of ["json", "zlib"]) {
  test(`events reach listeners and loops whole, as ${encoding}`, async () => {
    const { heard, looped, unknown, thrown } = await inPage(async () => {
      const heard = [];
      const thrown = [];
      const gateway = await connect({ url: given.url, session: () => Promise.resolve(given.session), encoding: given.encoding });
      gateway.onerror = (error) => thrown.push([error.kind, error.cause.message]);
      const once = (payload) => {
        heard.push(payload);
        gateway.off("BIG", once).on("BIG", () => heard.push("added from within"));
      };
      gateway.on("BIG", () => { throw new Error("a bad listener"); }).on("BIG", once);
      const looped = (async () => {
        for await (const event of gateway) if (event.t === "LAST") return event.d;
      })();
      const publish = (t, d) => fetch("/publish", {
        method: "POST", headers: { authorization: `Bearer ${given.key}` , "content-type": "application/json" },
        body: `{"events":[{"to":{"user":${given.user}},"t":"${t}","d":${d}}]}`,
      });
      await publish("BIG", '{"id":9007199254740991,"large":"9223372036854775807","text":"é😀","long":"' + "x".repeat(50_000) + '"}');
      await publish("BIG", "{}");
      await publish("LAST", '{"ok":true}');
      const result = { looped: await looped, heard, thrown };
      gateway.close();
      await gateway.closed;
      return result;
    }, { encoding });
    assert.deepEqual(looped, { ok: true });
    assert.equal(heard.length, 2);
    assert.deepEqual({ ...heard[0], long: heard[0].long.length }, { id: 9007199254740991, large: "9223372036854775807", text: "é😀", long: 50_000 });
    assert.equal(heard[1], "added from within");
    assert.deepEqual(thrown, [["listener", "a bad listener"], ["listener", "a bad listener"]]);
    assert.equal(unknown, undefined);
  });
}

test("a listener may close; an abort ends the attempt or the connection", async () => {
  const result = await inPage(async () => {
    const states = [];
    const gateway = await connect({ url: given.url, session: given.session, onstate: (state) => states.push(state) });
    gateway.on("PRESENCE_UPDATE", () => gateway.close());
    gateway.setPresence({ type: 2, description: "away" });
    await gateway.closed;
    const stop = new AbortController();
    const other = await connect({ url: given.url, session: given.session, signal: stop.signal });
    stop.abort();
    await other.closed;
    const early = new AbortController();
    const attempt = connect({ url: given.url, session: () => new Promise(() => {}), signal: early.signal });
    setTimeout(() => early.abort(), 300);
    const reason = await attempt.catch((error) => error.name);
    return { last: states.at(-1), other: other.state, reason, after: await gateway.ping().catch((error) => error.kind) };
  });
  assert.deepEqual(result, { last: "ended", other: "ended", reason: "AbortError", after: "closed" });
});

test("a session is asked for again on each identify, and what it throws at first is thrown", async () => {
  const asked = page.evaluate(() => { globalThis.asked = 0; });
  await asked;
  const running = inPage(async () => {
    const thrown = await connect({ url: given.url, session: () => { throw new Error("no cookie"); } }).catch((error) => [error.kind, error.cause.message]);
    let asked = 0;
    const states = [];
    const gateway = await connect({ url: given.url, session: () => { asked += 1; return given.session; }, onstate: (state, detail) => states.push([state, detail.resumed]) });
    globalThis.up = true;
    await until(() => states.some(([state, resumed]) => state === "live" && resumed));
    gateway.close();
    return { thrown, asked };
  });
  await until("the page to be connected", () => page.evaluate(() => globalThis.up));
  await server.kill();
  await server.up();
  const { thrown, asked: times } = await running;
  assert.deepEqual(thrown, ["session", "no cookie"]);
  assert.ok(times >= 2, String(times));
});

test("a position that is kept resumes after a reload", async () => {
  await inPage(async () => { globalThis.gateway = await connect({ url: given.url, session: given.session, persist: "ada" }); });
  const kept = await page.evaluate(() => globalThis.gateway.position);
  await page.reload();
  const session = await server.session("ada");
  const detail = await page.evaluate(async ({ session_id: session }) => {
    const { connect } = await import("/sanmon/web.js");
    const gateway = await connect({ url: "/available", session, persist: "ada" });
    return { detail: gateway.detail, position: gateway.position };
  }, session);
  assert.equal(detail.detail.resumed, true);
  assert.ok(detail.position >= kept);
});

test("ten thousand connections leave the memory where it was after the first hundred", { timeout: 300_000 }, async () => {
  const [after100, afterAll] = await inPage(async () => {
    const glue = await import("/sanmon/sanmon.js");
    class Socket extends EventTarget {
      static OPEN = 1;
      constructor() {
        super();
        queueMicrotask(() => this.onopen?.(new Event("open")));
      }
      send() {
        const say = (event) => this.onmessage?.(new MessageEvent("message", { data: JSON.stringify(event) }));
        say({ t: "READY", s: 1, d: { user: { id: 1 }, guilds: 1, v: 1 } });
        say({ t: "GUILD_INIT", d: { id: 2, name: "x" } });
        say({ t: "ANY", s: 2, d: { text: "x".repeat(300) } });
      }
      close() {}
    }
    globalThis.WebSocket = Socket;
    let [memory, after100] = [];
    for (let count = 0; count < 10_000; count += 1) {
      const gateway = await connect({ url: "ws://host/", session: "s" });
      gateway.on("ANY", () => {});
      gateway.close();
      // Made by now: this hands out what there is.
      memory ??= glue.initSync().memory;
      if (count === 99) after100 = memory.buffer.byteLength;
    }
    return [after100, memory.buffer.byteLength];
  });
  assert.equal(afterAll, after100);
});

test("what /available may answer instead of an address", async () => {
  const said = [];
  for (const [status, type, body] of [[503, "application/json", "{}"], [200, "text/html", "<p>hi"], [200, "application/json", "[]"], [404, "text/plain", ""]]) {
    const odd = createServer((_, response) => response.writeHead(status, { "content-type": type, "access-control-allow-origin": "*" }).end(body));
    await new Promise((resolve) => odd.listen(0, "127.0.0.1", resolve));
    said.push(await waiting(`http://127.0.0.1:${odd.address().port}/available`));
    odd.close();
  }
  said.push((await waiting("http://127.0.0.1:9/available")).replace(/:.*/, ""));
  assert.deepEqual(said, [
    "no node has room", "the answer of /available names no node", "the answer of /available names no node", "/available answered 404",
    "/available did not answer",
  ]);
});

/** What the first `waiting` says of its reason. */
function waiting(url) {
  return inPage(() => new Promise((resolve) => {
    const stop = new AbortController();
    connect({
      url: given.odd, session: "s", signal: stop.signal,
      onstate: (state, { retryInMs, error }) => {
        if (state !== "waiting") return;
        stop.abort();
        resolve(retryInMs >= 0 && retryInMs <= 20_000 ? error.message : "an odd wait");
      },
    }).catch(() => {});
  }), { odd: url });
}

test("a server that speaks nonsense", async () => {
  const said = await inPage(async () => {
    const zlib = async (text) => new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("deflate"))).arrayBuffer();
    const bomb = await zlib(JSON.stringify({ t: "X", s: 3, d: "x".repeat(4_000_000) }));
    const said = [];
    for (const message of ["{", "5", "null", "[]", '{"t":5}', '{"t":"X","s":-1}', '{"t":"READY","d":{}}', "x".repeat(2_000_000), new ArrayBuffer(9), bomb, bomb.slice(0, 50)]) {
      globalThis.WebSocket = class extends EventTarget {
        constructor() {
          super();
          queueMicrotask(() => this.onopen?.(new Event("open")));
        }
        send() { this.onmessage?.(new MessageEvent("message", { data: message })); }
        close() {}
      };
      const stop = new AbortController();
      await connect({
        url: "ws://host/", session: "s", signal: stop.signal, encoding: "zlib", maxMessageBytes: 1_000_000,
        onerror: (error) => { if (error.kind === "message") said.push(error.message); stop.abort(); },
      }).catch(() => {});
    }
    return said;
  });
  assert.deepEqual(said, [
    "a message that is not JSON", ...Array(6).fill("a message that is not an event"), "a message of more than is taken",
    "a message that is not one whole zlib stream", "a message of more than is taken", "a message that is not one whole zlib stream",
  ]);
});

test("signatures of interactions are checked strictly", async () => {
  const held = await inPage(async () => {
    const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
    const key = hex(await crypto.subtle.exportKey("raw", pair.publicKey));
    const signature = hex(await crypto.subtle.sign("Ed25519", pair.privateKey, new TextEncoder().encode('123{"type":1}')));
    return Promise.all([
      verifyInteraction(key, signature, "123", '{"type":1}'),
      verifyInteraction(key, signature.toUpperCase(), "123", new TextEncoder().encode('{"type":1}')),
      verifyInteraction(key, signature, "12", '3{"type":1}'),
      verifyInteraction(key, signature, "124", '{"type":1}'),
      verifyInteraction(key, signature.slice(2), "123", '{"type":1}'),
      verifyInteraction(key, null, "123", ""),
      ...["00".repeat(32), "00", `ee${"ff".repeat(30)}7f`].map((bad) => verifyInteraction(bad, signature, "1", "").catch((error) => [error.name, error.kind])),
      verifyInteraction(key, signature, "1", {}).catch((error) => error.name),
    ]);
  });
  // The third is the same bytes, signed as a whole: what moves between timestamp and body must be digits on one side.
  assert.deepEqual(held, [
    true, true, true, false, false, false,
    ["InvalidKeyError", "small_order"], ["InvalidKeyError", "not_hex"], ["InvalidKeyError", "not_a_point"], "TypeError",
  ]);
});
