// The WebAssembly module: made once, from wherever the entry says that its bytes are.
import { initSync } from "./sanmon.js";

let bytes;
let made;

/** Says where the module comes from; what imports the package does so before anyone asks for it. */
export function moduleFrom(source) {
  bytes = source;
}

/** Resolves once the module's functions can be called. */
export function ready() {
  made ??= Promise.resolve(bytes()).then(
    (source) => (source instanceof WebAssembly.Module ? source : WebAssembly.compile(source)),
  ).then(
    (module) => void initSync({ module }),
    // The next call tries again: a fetch that failed once must not disable the page for good.
    (error) => {
      made = undefined;
      throw error;
    },
  );
  return made;
}
