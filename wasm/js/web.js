// The package for pages that serve its files as they are: modules are fetched and compiled as they stream in.
import { client, signatures } from "./modules.js";

export * from "./index.js";

client.from(() => fetched(new URL("./sanmon_bg.wasm", import.meta.url)));
signatures.from(() => fetched(new URL("./signatures_bg.wasm", import.meta.url)));

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  // A server that names another media type may not be streamed from.
  const streams = response.headers.get("content-type")?.startsWith("application/wasm");
  return streams ? WebAssembly.compileStreaming(response) : response.arrayBuffer();
}
