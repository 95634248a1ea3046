// The package for browsers and bundlers: the module is carried as text, so nothing beside the bundle is fetched.
import text from "./inline_module.js";
import { moduleFrom } from "./module.js";

export * from "./index.js";

moduleFrom(() => {
  const deflated = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const inflated = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(inflated).arrayBuffer();
});
