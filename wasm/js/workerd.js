// The package for workers at the edge, which compile modules when they are deployed and never from bytes.
import { client, signatures } from "./modules.js";
import clientModule from "./sanmon_bg.wasm";
import signaturesModule from "./signatures_bg.wasm";

export * from "./index.js";

client.from(() => clientModule);
signatures.from(() => signaturesModule);
