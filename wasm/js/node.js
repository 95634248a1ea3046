// The package for Node 20 and later: the module is read from the file beside this one.
import { readFile } from "node:fs/promises";

import { moduleFrom } from "./module.js";

export * from "./index.js";

moduleFrom(() => readFile(new URL("./sanmon_bg.wasm", import.meta.url)));
