// The gateway as a page sees it. What to do and when is decided in the module; this is its face, and its means to ask.
import { ask } from "./discovery.js";
import { GatewayError } from "./errors.js";
import { Listeners, Loop, run } from "./events.js";
import { Position } from "./position.js";
import { Client } from "./sanmon.js";
import { Splitter } from "./splitter.js";
import { onWake } from "./wake.js";

/** The largest message that is taken where the page does not say. */
const MAX_MESSAGE_BYTES = 16 << 20;
const PING_TIMEOUT_MS = 10_000;

export class Gateway {
  onstate;
  onerror;
  #client;
  #listeners = new Listeners((cause) => this.#failListener(cause));
  #host;
  #loops = new Set();
  #state = "discovering";
  #detail = {};
  #ready;
  #wasLive = false;
  #position;
  #accepted = later();
  #closed = later();
  /** What went wrong last: the reason of the next `waiting` or `ended`. */
  #error;
  /** What READY or RESUMED said: the detail of `live`. */
  #link = {};
  #pings = new Map();
  #asked = 0;
  /** What to undo at the end. */
  #undo = [];

  /** Resolves with a gateway that the server has accepted. */
  static async connect(options) {
    const gateway = new Gateway(options);
    await gateway.#accepted.promise;
    return gateway;
  }

  constructor({ url, session, encoding, on = {}, onstate, onerror, persist, position, maxMessageBytes, signal }) {
    // Nobody has to listen to how it ended.
    this.#closed.promise.catch(() => {});
    this.onstate = onstate ?? null;
    this.onerror = onerror ?? null;
    for (const [name, listener] of Object.entries(on)) this.on(name, listener);

    const name = persist === true ? url : persist || undefined;
    const direct = /^wss?:/.test(url) ? url : undefined;
    this.#host = this.#hostFor(url, direct, session);
    this.#client = this.#host.client = new Client(
      this.#host, encoding === "zlib", direct, position ?? Position.of(name),
      maxMessageBytes ?? MAX_MESSAGE_BYTES,
    );
    const kept = new Position(name, () => this.position);
    this.#undo.push(onWake(() => this.#client?.wake()), () => kept.end(this.#state === "ended"));
    if (signal) {
      const abort = () => {
        this.#accepted.reject(signal.reason);
        this.close();
      };
      signal.addEventListener("abort", abort);
      this.#undo.push(() => signal.removeEventListener("abort", abort));
    }
    this.#client.start();
  }

  get state() {
    return this.#state;
  }

  get detail() {
    return this.#detail;
  }

  get ready() {
    return this.#ready;
  }

  get position() {
    return this.#client ? this.#client.position : this.#position;
  }

  get closed() {
    return this.#closed.promise;
  }

  on(name, listener) {
    this.#listeners.add(name, listener);
    return this;
  }

  off(name, listener) {
    this.#listeners.remove(name, listener);
    return this;
  }

  setPresence(presence) {
    if (!this.#client) throw new GatewayError("closed", "the connection is closed", { advice: "stop" });
    this.#client.setPresence(JSON.stringify({ t: "PRESENCE_UPDATE", d: presence }));
  }

  ping() {
    const { promise, resolve, reject } = later();
    const [token, sent] = [++this.#asked, performance.now()];
    const fail = (message) => {
      clearTimeout(timer);
      this.#pings.delete(token);
      reject(new GatewayError("closed", message, { advice: this.#client ? "reconnect" : "stop" }));
    };
    const timer = setTimeout(fail, PING_TIMEOUT_MS, "no answer in time");
    this.#pings.set(token, {
      fail,
      answered: () => {
        clearTimeout(timer);
        this.#pings.delete(token);
        resolve(performance.now() - sent);
      },
    });
    if (!this.#client?.ping(String(token))) fail("there is no connection to ask over");
    return promise;
  }

  close() {
    this.#client?.stop();
  }

  [Symbol.asyncIterator]() {
    const loop = new Loop((loop) => this.#loops.delete(loop));
    if (this.#client) this.#loops.add(loop);
    else loop.end(this.#detail.error);
    return loop;
  }

  [Symbol.dispose ?? Symbol.for("dispose")]() {
    this.close();
  }

  /** What the module's driver calls. None of these throws, and each leaves the borrowing to the driver. */
  #hostFor(url, direct, session) {
    return Object.assign(new Splitter(this.#listeners, (entry, event) => this.#deliver(entry, event)), {
      discover: () => (direct ? queueMicrotask(() => this.#client?.located(direct)) : this.#discover(url)),
      identify: () => this.#identify(session),
      event: (event) => this.#event(event),
      pong: (token) => this.#pings.get(token)?.answered(),
      state: (name, ms) => this.#change(name, ms),
      error: (kind, message, code, reason, advice) => this.#fail(new GatewayError(kind, message, { code, reason, advice })),
      ended: () => this.#end(),
    });
  }

  async #discover(url) {
    const controller = new AbortController();
    const abort = () => controller.abort();
    this.#undo.push(abort);
    try {
      const { status, retryAfter, text } = await ask(url, controller);
      this.#client?.discovered(String(status), retryAfter ?? undefined, text);
    } catch (error) {
      this.#client?.undiscovered(String(controller.signal.reason?.message ?? error?.message ?? error));
    } finally {
      this.#undo = this.#undo.filter((other) => other !== abort);
    }
  }

  async #identify(session) {
    try {
      const id = typeof session === "function" ? await session() : session;
      if (typeof id !== "string" || id === "") throw new TypeError("the session is not a string");
      this.#client?.identify(id);
    } catch (cause) {
      // At first that is for whoever called `connect` to see; later the next attempt asks again.
      const advice = this.#wasLive ? "reconnect" : "stop";
      this.#fail(new GatewayError("session", `no session id was given: ${cause?.message ?? cause}`, { cause, advice }));
      if (this.#wasLive) this.#client?.unidentified();
      else this.close();
    }
  }

  #event(event) {
    if (event.t === "READY") {
      this.#ready = event.d;
      this.#link = { resumed: false };
    } else if (event.t === "RESUMED") {
      this.#link = { resumed: true, replayed: event.d?.replayed };
    }
    this.#deliver(this.#listeners.find(event.t), event);
  }

  #deliver(entry, event) {
    this.#listeners.call(entry, event);
    if (this.#loops.size) for (const loop of this.#loops) loop.push(event);
  }

  #change(name, ms) {
    const error = this.#error;
    this.#state = name;
    if (name === "waiting") this.#detail = { retryInMs: ms, error };
    else if (name === "live") this.#detail = this.#link;
    else this.#detail = name === "ended" && error?.advice === "stop" ? { error } : {};
    if (name === "waiting" || name === "ended") for (const ping of [...this.#pings.values()]) ping.fail("the connection was lost");
    if (name === "live") this.#error = undefined;
    if (name === "live" || name === "initialising") {
      this.#wasLive = true;
      this.#accepted.resolve();
    }
    if (this.onstate) run((cause) => this.#failListener(cause), this.onstate, name, this.#detail);
  }

  #fail(error) {
    this.#error = error;
    this.#report(error);
  }

  #failListener(cause) {
    this.#report(new GatewayError("listener", `a listener threw: ${cause?.message ?? cause}`, { cause }));
  }

  #report(error) {
    if (!this.onerror) {
      if (error.kind === "listener") globalThis.reportError ? reportError(error.cause) : console.error(error.cause);
      return;
    }
    // Who reports on a broken reporter would do so for ever.
    run((cause) => console.error(cause), this.onerror, error);
  }

  #end() {
    const client = this.#client;
    this.#position = client.position;
    this.#client = this.#host.client = undefined;
    for (const undo of this.#undo.splice(0)) undo();
    const { error } = this.#detail;
    for (const loop of [...this.#loops]) loop.end(error);
    this.#listeners.clear();
    this.#accepted.reject(error ?? new GatewayError("closed", "closed before it was connected", { advice: "stop" }));
    if (error) this.#closed.reject(error);
    else this.#closed.resolve();
    // The driver is still on its way out of this call.
    queueMicrotask(() => client.free());
  }
}

/** A promise with what settles it. */
function later() {
  let settle;
  const promise = new Promise((resolve, reject) => { settle = { resolve, reject }; });
  return { promise, ...settle };
}
