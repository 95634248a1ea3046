// What is measured, in a page and in Node alike: events from the handler of a WebSocket's messages to a listener.
import { events } from "./events.js";

const ROUNDS = 21;
/** Size of an event in bytes, and how many of them a round takes as json and as zlib. */
const SIZES = [[300, 16_000, 4_000], [2_000, 4_000, 1_000], [50_000, 160, 40]];
/** DecompressionStream takes too long to be given more than so many a round. */
const STREAMED = 64;

/** A client of the package over a WebSocket whose other end is this code. */
async function client(connect, encoding, listener) {
  let socket;
  globalThis.WebSocket = class extends EventTarget {
    constructor() {
      super();
      socket = this;
      queueMicrotask(() => this.onopen?.(new Event("open")));
    }
    send() {
      queueMicrotask(() => this.onmessage?.(new MessageEvent("message", { data: '{"t":"READY","s":1,"d":{"user":{"id":1},"guilds":0}}' })));
    }
    close() {}
  };
  const gateway = await connect({ url: "ws://bench/", session: "bench", encoding });
  gateway.on("MESSAGE_CREATE", listener);
  return { feed: (message) => socket.onmessage(message), close: () => gateway.close() };
}

/** Rates of every contender for one kind of message, a median each, and the first one's share of each other's. */
async function rounds(contenders, progress) {
  const names = Object.keys(contenders);
  const rates = Object.fromEntries(names.map((name) => [name, []]));
  // The first round warms up. In each of the others the order is another: whoever is first finds a colder machine.
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length];
      const { count, ms } = await contenders[name]();
      if (round > 0) rates[name].push(count / ms * 1000);
    }
    progress(round / ROUNDS);
  }
  const [ours, ...others] = names;
  return {
    rates: Object.fromEntries(names.map((name) => [name, median(rates[name])])),
    shares: Object.fromEntries(others.map((name) => [name, median(rates[ours].map((rate, round) => rate / rates[name][round]))])),
  };
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** Measures `connect` of the package beside the parser and inflaters that a page could use itself. */
export async function measure({ connect, fflate, pako, progress }) {
  const rows = [];
  const decoder = new TextDecoder();
  const streamed = async (buffer) => {
    const stream = new Blob([buffer]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  };
  for (const [size, count, packed] of SIZES) {
    let [heard, sum] = [0, 0];
    const listener = (d) => {
      heard += 1;
      sum += d.type;
    };
    /** All contenders have to hear the same. */
    const checked = (work, wanted = count, prepare = () => {}) => async () => {
      [heard, sum] = [0, 0];
      const prepared = await prepare();
      const start = performance.now();
      await work(prepared);
      const ms = performance.now() - start;
      prepared?.close();
      if (heard !== wanted || sum !== expected[wanted]) throw new Error(`heard ${heard} of ${wanted} events`);
      return { count: wanted, ms };
    };
    const texts = events(size, count);
    /** What the listener makes of the first so many. */
    const expected = [0];
    for (const text of texts) expected.push(expected.at(-1) + JSON.parse(text).d.type);
    const few = Math.min(packed, STREAMED);
    const bytes = Math.round(texts.reduce((sum, text) => sum + text.length, 0) / count);
    const ours = (encoding, messages) => checked(({ feed }) => {
      for (const message of messages) feed(message);
    }, messages.length, () => client(connect, encoding, listener));

    const json = texts.map((data) => new MessageEvent("message", { data }));
    rows.push({ encoding: "json", bytes, ...await rounds({
      sanmon: ours("json", json),
      "JSON.parse": checked(() => { for (const text of texts) listener(JSON.parse(text).d); }),
    }, (done) => progress("json", bytes, done)) });

    const encoder = new TextEncoder();
    const buffers = texts.slice(0, packed).map((text) => fflate.zlibSync(encoder.encode(text), { level: 6 }).slice().buffer);
    const zlib = buffers.map((data) => new MessageEvent("message", { data }));
    const inflated = (inflate) => checked(() => {
      for (const buffer of buffers) listener(JSON.parse(decoder.decode(inflate(new Uint8Array(buffer)))).d);
    }, packed);
    rows.push({ encoding: "zlib", bytes, ...await rounds({
      sanmon: ours("zlib", zlib),
      fflate: inflated(fflate.unzlibSync),
      pako: inflated(pako.inflate),
      DecompressionStream: checked(async () => {
        // One after the other: that is the order to deliver them in.
        for (const buffer of buffers.slice(0, few)) listener(JSON.parse(decoder.decode(await streamed(buffer))).d);
      }, few),
    }, (done) => progress("zlib", bytes, done)) });
  }
  return rows;
}
