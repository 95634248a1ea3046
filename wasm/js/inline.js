// The package for browsers and bundlers: the module is carried as text, so nothing beside the bundle is fetched.
import text from "./inline_sanmon.js";
import { client, signatures } from "./modules.js";

export * from "./index.js";

client.from(() => inflate(text));
signatures.from(async () => inflate((await import("./inline_signatures.js")).default));

function inflate(text) {
  const deflated = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const inflated = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(inflated).arrayBuffer();
}
