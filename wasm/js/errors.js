// The one class of errors that this package makes.

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
