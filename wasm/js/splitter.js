// Messages, parsed by JavaScript's own parser and split into what the module asks for. What it means is decided there.

/** Faults of messages; src/envelope.rs has the same numbers. */
const [TOO_BIG, NOT_JSON, NOT_AN_EVENT] = [1, 2, 3];
/** What the module says to an event: deliver it, or hand it over to wait for its turn. */
const [DELIVER, WAIT] = [1, -1];

/** What hears the messages of a client's WebSockets. */
export class Splitter {
  /** The module's client, while there is one. */
  client;
  #listeners;
  #limit;
  #text;
  #decoder;
  /** The message that came last, until someone asks when that was: reading a page's clock costs as much as a small event. */
  #last;
  #deliver;

  /** `listeners` tell the kind of a name; `deliver` calls those of an event. */
  constructor(listeners, deliver) {
    this.#listeners = listeners;
    this.#deliver = deliver;
  }

  know(names, limit) {
    this.#listeners.know(names);
    this.#limit = limit;
  }

  /** Bytes in the module's own memory: read at once, or never. */
  text(bytes) {
    // What U+FEFF means at the start of a text is JSON.parse's to say.
    this.#decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    try {
      this.#text = this.#decoder.decode(bytes);
      return true;
    } catch {
      return false;
    }
  }

  /** When the last message came, by the page's clock; -1 when none did since this was asked. */
  heard() {
    const last = this.#last;
    this.#last = undefined;
    return last ? last.timeStamp ?? performance.now() : -1;
  }

  receive = (message) => {
    const { client } = this;
    if (!client) return;
    this.#last = message;
    const { data } = message;
    let text = data;
    if (typeof data !== "string") {
      // Before it takes as much of the module's memory, which never shrinks.
      if (data.byteLength > this.#limit) return client.unreadable(TOO_BIG);
      const fault = client.inflate(new Uint8Array(data));
      if (fault) return client.unreadable(fault);
      text = this.#text;
      this.#text = undefined;
    } else if (data.length > this.#limit) {
      // Counted in UTF-16 units, of which there are never more than bytes.
      return client.unreadable(TOO_BIG);
    }
    let event;
    try {
      event = JSON.parse(text);
    } catch {
      return client.unreadable(NOT_JSON);
    }
    if (typeof event !== "object" || event === null || typeof event.t !== "string") return client.unreadable(NOT_AN_EVENT);
    let s = -1;
    if (event.s !== undefined && event.s !== null) {
      s = event.s;
      if (!Number.isSafeInteger(s) || s < 0) return client.unreadable(NOT_AN_EVENT);
    }
    const entry = this.#listeners.find(event.t);
    // The way of nearly all: numbers go into the module and a number comes out.
    const answer = entry.kind < 0 ? client.take(s) : WAIT;
    if (answer === DELIVER) this.#deliver(entry, event);
    else if (answer === WAIT) client.incoming(event, entry.kind, s);
  };
}
