// Messages, parsed by JavaScript's own parser and split into what the module asks for. What it means is decided there.

/** What `split` answers beside the place of a known name; src/envelope.rs has the same numbers. */
const [UNKNOWN, IS_BINARY, TOO_BIG, NOT_JSON, NOT_AN_EVENT] = [-1, -2, -3, -4, -5];

export class Splitter {
  /** The event that was split last, and its place in the log or -1. */
  parsed;
  place = -1;
  #names;
  #limit;

  know(names, limit) {
    this.#names = names;
    this.#limit = limit;
  }

  split(data) {
    if (typeof data !== "string") return IS_BINARY;
    // Counted in UTF-16 units, of which there are never more than bytes.
    if (data.length > this.#limit) return TOO_BIG;
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return NOT_JSON;
    }
    if (typeof event !== "object" || event === null || typeof event.t !== "string") return NOT_AN_EVENT;
    const { s } = event;
    if (s === undefined || s === null) this.place = -1;
    else if (Number.isSafeInteger(s) && s >= 0) this.place = s;
    else return NOT_AN_EVENT;
    this.parsed = event;
    return this.#names.get(event.t) ?? UNKNOWN;
  }
}
