// Signatures of interactions, for workers and servers that receive them.
import { ready } from "./module.js";
import { verifyInteraction as verify } from "./sanmon.js";

const encoder = new TextEncoder();

/** Whether `publicKey` signed `timestamp` and then `body`. Anything that is no signature, timestamp or key is `false`. */
export async function verifyInteraction(publicKey, signature, timestamp, body) {
  await ready();
  const bytes = typeof body === "string" ? encoder.encode(body) : new Uint8Array(body);
  return verify(String(publicKey), String(signature), String(timestamp), bytes);
}
