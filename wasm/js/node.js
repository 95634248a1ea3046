// The package for Node 20 and later: modules are read from the files beside this one.
import { readFile } from "node:fs/promises";

import { client, signatures } from "./modules.js";

export * from "./index.js";

client.from(() => readFile(new URL("./sanmon_bg.wasm", import.meta.url)));
signatures.from(() => readFile(new URL("./signatures_bg.wasm", import.meta.url)));
