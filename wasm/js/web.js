// The package for pages that serve its files as they are: the module is fetched and compiled as it streams in.
import { moduleFrom } from "./module.js";

export * from "./index.js";

moduleFrom(async () => {
  const response = await fetch(new URL("./sanmon_bg.wasm", import.meta.url));
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  // A server that names another media type may not be streamed from.
  const streams = response.headers.get("content-type")?.startsWith("application/wasm");
  return streams ? WebAssembly.compileStreaming(response) : response.arrayBuffer();
});
