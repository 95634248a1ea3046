// Events on their way to whoever wants them: listeners by name, and loops over all of them.
import { GatewayError } from "./errors.js";

/** How many events a loop may leave unread. */
const UNREAD = 10_000;

/** Kinds of events of which the module wants the place alone: payload in `d`, payload beside `t` and `s`. */
export const [PLAIN, TOP] = [-1, -2];

/** What stands for all names that nobody listens to. */
const NOBODY = { kind: PLAIN, listeners: [] };

/** Listeners by the name of their event; `*` hears every one. With each name stands its kind, so that an event is looked up once. */
export class Listeners {
  #byName = new Map();
  #all = { kind: PLAIN, listeners: [] };
  #report;

  /** What a listener throws goes to `report`. */
  constructor(report) {
    this.#report = report;
  }

  /** Kinds by name, as the module has them. */
  know(names) {
    for (const [name, kind] of names) this.#entry(name).kind = kind;
  }

  add(name, listener) {
    if (typeof listener !== "function") throw new TypeError(`the listener for ${name} is not a function`);
    const entry = this.#entry(name);
    // A new list each time: whoever is walking the old one keeps what stood when the event came.
    entry.listeners = [...entry.listeners, listener];
  }

  remove(name, listener) {
    const entry = this.#entry(name);
    entry.listeners = entry.listeners.filter((other) => other !== listener);
    if (!entry.listeners.length && entry.kind === PLAIN && name !== "*") this.#byName.delete(name);
  }

  /** The kind and the listeners of a name. */
  find(name) {
    return this.#byName.get(name) ?? NOBODY;
  }

  /** Calls all listeners of the event; what one throws is reported, and the others still run. */
  call({ kind, listeners }, event) {
    const [payload, all] = [kind === TOP ? event : event.d, this.#all.listeners];
    for (let at = 0; at < listeners.length; at += 1) run(this.#report, listeners[at], payload, event);
    for (let at = 0; at < all.length; at += 1) run(this.#report, all[at], event, event);
  }

  clear() {
    this.#byName.clear();
    this.#all.listeners = [];
  }

  #entry(name) {
    if (name === "*") return this.#all;
    let entry = this.#byName.get(name);
    if (!entry) this.#byName.set(name, entry = { kind: PLAIN, listeners: [] });
    return entry;
  }
}

/** Calls a listener. One that is async is not waited for, but what it throws is reported as well. */
export function run(report, listener, first, second) {
  try {
    const result = listener(first, second);
    if (result !== undefined && typeof result?.then === "function") result.then(undefined, report);
  } catch (error) {
    report(error);
  }
}

/** The events of one `for await` loop. */
export class Loop {
  #unread = [];
  #waiting = [];
  #end;
  #left;

  constructor(left) {
    this.#left = left;
  }

  push(event) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve({ done: false, value: event });
    else if (this.#unread.length < UNREAD) this.#unread.push(event);
    else this.end(new GatewayError("overflow", `a loop left ${UNREAD} events unread`, { advice: "stop" }));
  }

  /** Ends the loop after what is unread: with the error if there is one. */
  end(error) {
    if (this.#end) return;
    this.#end = { error };
    this.#left(this);
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (error) reject(error);
      else resolve({ done: true, value: undefined });
    }
  }

  next() {
    if (this.#unread.length) return Promise.resolve({ done: false, value: this.#unread.shift() });
    if (this.#end?.error) {
      const { error } = this.#end;
      this.#end = {};
      return Promise.reject(error);
    }
    if (this.#end) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  return(value) {
    this.#unread = [];
    this.end();
    return Promise.resolve({ done: true, value });
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}
