// The package for workers at the edge, which compile modules when they are deployed and never from bytes.
import { moduleFrom } from "./module.js";
import module from "./sanmon_bg.wasm";

export * from "./index.js";

moduleFrom(() => module);
