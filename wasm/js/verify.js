// What interactions.js loads of the second module: nothing else of its glue is bundled.
export { initSync, verify } from "./signatures.js";
