// `connect`: checks what it is asked for, then hands out a gateway that the server has accepted.
import { Gateway } from "./gateway.js";
import { client } from "./modules.js";

/** Every option, with what its value must be. */
const OPTIONS = {
  url: [(value) => value instanceof URL || (typeof value === "string" && value !== ""), "an address"],
  session: [(value) => typeof value === "function" || (typeof value === "string" && value !== ""), "a string or a function"],
  encoding: [(value) => value === "json" || value === "zlib", '"json" or "zlib"'],
  on: [(value) => typeof value === "object" && value !== null, "an object of listeners"],
  onstate: [(value) => typeof value === "function", "a function"],
  onerror: [(value) => typeof value === "function", "a function"],
  persist: [(value) => typeof value === "boolean" || (typeof value === "string" && value !== ""), "a boolean or a name"],
  position: [(value) => Number.isSafeInteger(value) && value >= 0, "a position"],
  maxMessageBytes: [(value) => Number.isSafeInteger(value) && value > 0, "a number of bytes"],
  signal: [(value) => value instanceof AbortSignal, "an AbortSignal"],
};
const REQUIRED = ["url", "session"];

/** Resolves once the server has said READY or RESUMED; listeners that are added right then miss nothing. */
export async function connect(options) {
  const checked = check(options);
  checked.signal?.throwIfAborted();
  await client.ready();
  checked.signal?.throwIfAborted();
  return Gateway.connect(checked);
}

function check(options) {
  if (typeof options !== "object" || options === null) throw new TypeError("connect takes an object of options");
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(OPTIONS, name)) throw new TypeError(`connect has no option "${name}"`);
    const [fits, wanted] = OPTIONS[name];
    if (!fits(value)) throw new TypeError(`the option "${name}" is not ${wanted}`);
  }
  for (const name of REQUIRED) {
    if (!Object.hasOwn(given, name)) throw new TypeError(`connect needs the option "${name}"`);
  }
  // An address without a host is this page's own.
  given.url = new URL(given.url, globalThis.location?.href).href;
  return given;
}
