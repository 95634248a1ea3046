// The errors that this package makes.

/** Something went wrong between the page and the gateway. `kind` says what, `advice` what to do about it. */
export class GatewayError extends Error {
  constructor(kind, message, { code, reason, advice = "reconnect", cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "GatewayError";
    this.kind = kind;
    this.code = code;
    this.reason = reason;
    this.advice = advice;
  }
}

/** What is wrong with a key, by the word that the module has for it. */
const INVALID_KEYS = {
  not_hex: "the public key is not 64 hex digits",
  not_a_point: "the public key is not the canonical encoding of a point of the curve",
  small_order: "the public key has a small order: some signatures hold under it for whatever message",
};

/** The key that signatures were to be checked with can't be one. `kind` says why. */
export class InvalidKeyError extends Error {
  constructor(kind) {
    super(INVALID_KEYS[kind]);
    this.name = "InvalidKeyError";
    this.kind = kind;
  }
}
