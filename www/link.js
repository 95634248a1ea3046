// The console's connection: one gateway of the npm package, what it says put into words, and its place kept over a reload.
import { connect } from "/sanmon/web.js";

const KEY = "sanmon.console";

/** What a reload comes back to: the session, the position, and the model at that position. */
export function saved() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? undefined;
  } catch {
    return undefined;
  }
}

export const forget = () => sessionStorage.removeItem(KEY);

/** Position and state are written together: one without the other would be a state that no event led to. */
export function save(session, encoding, gateway, model) {
  try {
    const state = gateway?.position === undefined ? {} : { position: gateway.position, model: model.saved() };
    sessionStorage.setItem(KEY, JSON.stringify({ session, encoding, ...state }));
  } catch {
    // Too large for the browser: come back without a position, so the server sends everything anew.
    sessionStorage.setItem(KEY, JSON.stringify({ session, encoding }));
  }
}

/** Connects to the node that this page's own one names: itself, or another that it knows. */
export function open({ session, encoding, position, on, onstate, onerror, signal }) {
  return connect({ url: "/available", session, encoding, position, on, onstate, onerror, signal });
}

/** A state of the link in words, with what kind it is. */
export function words(state, detail, node) {
  switch (state) {
    case "discovering": return ["busy", "Looking for a node…"];
    case "connecting": return ["busy", "Connecting…"];
    case "identifying": return ["busy", "Identifying…"];
    case "initialising": return ["busy", "Getting the guilds…"];
    case "live": return ["good", node ? `Connected to ${node}` : "Connected"];
    case "waiting": return ["busy", `${sentence(detail.error)} Trying again in ${seconds(detail.retryInMs)}.`];
    default: return detail.error ? ["bad", sentence(detail.error)] : ["idle", "Disconnected."];
  }
}

function sentence(error) {
  if (!error) return "The link is down.";
  const text = error.message.replace(/\.?$/, "");
  return `${text[0].toUpperCase()}${text.slice(1)}${error.code && !text.includes(error.code) ? ` (${error.code})` : ""}.`;
}

const seconds = (ms = 0) => (ms < 950 ? "less than a second" : `${Math.round(ms / 1000)} s`);
