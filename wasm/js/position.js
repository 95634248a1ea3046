// The position in the event log, kept in sessionStorage for pages that ask for it.

const PREFIX = "sanmon.position.";
/** A page that crashes loses at most this much of its position; it is repeated, not missed. */
const EVERY_MS = 1000;

export class Position {
  #key;
  #read;
  #timer;
  #save = () => this.#write();

  /** Keeps what `read` gives under `name`; keeps nothing without a name. */
  constructor(name, read) {
    this.#key = name && PREFIX + name;
    this.#read = read;
    if (!this.#key) return;
    globalThis.addEventListener?.("pagehide", this.#save);
    this.#timer = setInterval(this.#save, EVERY_MS);
  }

  /** The position of the page before this one, if it kept one under `name`. */
  static of(name) {
    if (!name) return undefined;
    const position = Number(globalThis.sessionStorage?.getItem(PREFIX + name) ?? undefined);
    return Number.isSafeInteger(position) ? position : undefined;
  }

  /** Writes no more; `forget` also takes out what was written. */
  end(forget) {
    if (!this.#key) return;
    globalThis.removeEventListener?.("pagehide", this.#save);
    clearInterval(this.#timer);
    if (forget) globalThis.sessionStorage?.removeItem(this.#key);
  }

  #write() {
    const position = this.#read();
    if (position !== undefined) globalThis.sessionStorage?.setItem(this.#key, String(position));
  }
}
