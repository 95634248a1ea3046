// The rounds in Node: its own process, so that nothing else has warmed it. Progress goes to stderr, the rows to stdout.
import { pathToFileURL } from "node:url";

import * as fflate from "fflate";
import * as pako from "pako";

import { measure } from "./rounds.js";

const { connect } = await import(pathToFileURL(process.argv[2]).href);
const progress = (...step) => process.stderr.write(`${JSON.stringify(step)}\n`);
process.stdout.write(JSON.stringify(await measure({ connect, fflate, pako, progress })));
// Node 20's DecompressionStream leaves handles behind.
process.exit(0);
