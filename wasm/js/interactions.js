// Signatures of interactions, for workers and servers that receive them.
import { InvalidKeyError } from "./errors.js";
import { signatures } from "./modules.js";

const encoder = new TextEncoder();

/** Whether `publicKey` signed `timestamp` and then `body`. What a sender can get wrong is `false`; a key that can't be used throws. */
export async function verifyInteraction(publicKey, signature, timestamp, body) {
  if (typeof publicKey !== "string") throw new TypeError("the public key is not a string");
  const bytes = toBytes(body);
  const { verify } = await signatures.ready();
  // Headers that did not come are null or undefined.
  if (typeof signature !== "string" || typeof timestamp !== "string") return false;
  try {
    return verify(publicKey, signature, timestamp, bytes);
  } catch (reason) {
    throw typeof reason === "string" ? new InvalidKeyError(reason) : reason;
  }
}

function toBytes(body) {
  if (typeof body === "string") return encoder.encode(body);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  throw new TypeError("the body is neither a string nor bytes");
}
