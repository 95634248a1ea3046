// Events a second that reach a listener, beside a bare JSON.parse and DecompressionStream, in the same page and run.
import { Server, launch, open } from "./harness.js";

const server = await Server.start();
const context = await launch({ bypassCSP: true });
try {
  const page = await open(context, server);
  const rows = await page.evaluate(async () => {
    const { connect } = await import("/sanmon/web.js");
    const collect = async (stream) => new Uint8Array(await new Response(stream).arrayBuffer());
    const deflate = (text) => collect(new Blob([text]).stream().pipeThrough(new CompressionStream("deflate")));
    const inflate = (bytes) => collect(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")));
    const event = (size, s) => JSON.stringify({
      t: "MESSAGE_CREATE", s,
      d: { words: Array.from({ length: size / 40 }, (_, n) => ({ id: 700_000_000_000 + n * 7919, text: `word ${(n * 31 + s) % 97}` })) },
    });

    async function client(encoding) {
      let socket;
      globalThis.WebSocket = class extends EventTarget {
        constructor() {
          super();
          socket = this;
          queueMicrotask(() => this.onopen?.(new Event("open")));
        }
        send() { this.onmessage?.({ data: '{"t":"READY","s":1,"d":{"user":{"id":1},"guilds":0}}' }); }
        close() {}
      };
      const gateway = await connect({ url: "ws://host/", session: "s", encoding });
      let heard = 0;
      gateway.on("MESSAGE_CREATE", () => { heard += 1; });
      return { say: (data) => socket.onmessage({ data }), heard: () => heard, close: () => gateway.close() };
    }

    /** The best of several rounds, as events a second. */
    async function best(count, work) {
      let rate = 0;
      for (let round = 0; round < 7; round += 1) {
        const start = performance.now();
        await work();
        rate = Math.max(rate, count / (performance.now() - start) * 1000);
      }
      return Math.round(rate);
    }

    const rows = [];
    for (const size of [300, 2_000, 50_000]) {
      const count = Math.min(10_000, 10_000_000 / size);
      let place = 10;
      const json = await client("json");
      const rates = { parse: [], json: [] };
      // Fresh texts each time, and both in turn: neither finds a warmer machine.
      for (let round = 0; round < 7; round += 1) {
        for (const [name, work] of [["parse", (text) => JSON.parse(text)], ["json", json.say]]) {
          const all = Array.from({ length: count }, () => event(size, place += 1));
          const start = performance.now();
          for (const text of all) work(text);
          rates[name].push(count / (performance.now() - start) * 1000);
        }
      }
      const [parse, most] = [rates.parse, rates.json].map((rates) => Math.round(Math.max(...rates)));
      const expected = count * 7;
      if (json.heard() !== expected) throw new Error(`${json.heard()} of ${expected}`);
      json.close();

      const some = Math.min(count, 2000);
      // Without a place: the same messages may come again.
      const packed = await Promise.all(Array.from({ length: some }, (_, n) => deflate(event(size, n).replace(/"s":\d+,/, ""))));
      const zlib = await client("zlib");
      const zlibRate = await best(some, () => { for (const bytes of packed) zlib.say(bytes.buffer); });
      zlib.close();
      const decoder = new TextDecoder();
      const streamed = await best(200, async () => { for (const bytes of packed.slice(0, 200)) JSON.parse(decoder.decode(await inflate(bytes))); });
      rows.push({ size, "JSON.parse": parse, json: most, share: (most / parse).toFixed(2), zlib: zlibRate, DecompressionStream: streamed });
    }
    return rows;
  });
  console.table(rows);
} finally {
  await context.remove();
  await server.remove();
}
