// What every entry of the package exports.
export { connect } from "./connect.js";
export { GatewayError, InvalidKeyError } from "./errors.js";
export { Gateway } from "./gateway.js";
export { verifyInteraction } from "./interactions.js";
