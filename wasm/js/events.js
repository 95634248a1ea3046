// Events on their way to whoever wants them: listeners by name, and loops over all of them.
import { GatewayError } from "./errors.js";

/** How many events a loop may leave unread. */
const UNREAD = 10_000;

/** Listeners by the name of their event; `*` hears every one. */
export class Listeners {
  #byName = new Map();

  add(name, listener) {
    if (typeof listener !== "function") throw new TypeError(`the listener for ${name} is not a function`);
    // A new list each time: whoever is walking the old one keeps what stood when the event came.
    this.#byName.set(name, [...(this.#byName.get(name) ?? []), listener]);
  }

  remove(name, listener) {
    const left = (this.#byName.get(name) ?? []).filter((other) => other !== listener);
    if (left.length) this.#byName.set(name, left);
    else this.#byName.delete(name);
  }

  /** Calls all listeners of the event; what one throws goes to `report`, and the others still run. */
  call(payload, event, report) {
    const [named, all] = [this.#byName.get(event.t), this.#byName.get("*")];
    if (named) for (const listener of named) run(report, listener, payload, event);
    if (all) for (const listener of all) run(report, listener, event, event);
  }

  clear() {
    this.#byName.clear();
  }
}

/** Calls a listener. One that is async is not waited for, but what it throws is reported as well. */
export function run(report, listener, first, second) {
  try {
    const result = listener(first, second);
    if (typeof result?.then === "function") result.then(undefined, report);
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
