// The gateway as a page sees it. What to do and when is decided by the driver in the module; this is its face.
import { fetchNode } from "./discovery.js";
import { GatewayError } from "./errors.js";
import { Listeners, Loop, run } from "./events.js";
import { Position } from "./position.js";
import { Driver } from "./sanmon.js";
import { onWake } from "./wake.js";

/** The largest message that is taken where the page does not say. */
const MAX_MESSAGE_BYTES = 16 << 20;

export class Gateway {
  onstate = null;
  onerror = null;
  #driver;
  #listeners = new Listeners();
  #loops = new Set();
  #state = "discovering";
  #detail = {};
  #ready;
  #position;
  #accepted = Promise.withResolvers?.() ?? withResolvers();
  #closed = Promise.withResolvers?.() ?? withResolvers();
  #letGo = [];

  /** Resolves with a gateway that the server has accepted. */
  static async connect(options) {
    const gateway = new Gateway(options);
    await gateway.#accepted.promise;
    return gateway;
  }

  constructor({ url, session, encoding, on = {}, onstate, onerror, persist, position, maxMessageBytes, signal }) {
    // Nobody has to ask how it ended.
    this.#closed.promise.catch(() => {});
    for (const [name, listener] of Object.entries(on)) this.on(name, listener);
    this.onstate = onstate ?? null;
    this.onerror = onerror ?? null;
    this.#position = new Position(persist === true ? url : persist, position);
  }
}
