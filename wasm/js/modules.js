// The package's two modules. Pages that only listen to events never load the second one.
import { Lazy } from "./module.js";
import { initSync } from "./sanmon.js";

/** The client of the gateway. */
export const client = new Lazy(() => ({ initSync }));

/** Signatures of interactions. */
export const signatures = new Lazy(() => import("./verify.js"));
