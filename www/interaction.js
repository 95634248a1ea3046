// A signed interaction, from a key pair that lives as long as the page.
import { verifyInteraction } from "/sanmon/web.js";

import { byId, copy, make, onSubmit } from "./dom.js";
import { highlight } from "./json.js";

const TIMEOUT_MS = 10_000;
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** `me` gives the id of the connected user: whose connections get an application's interactions. */
export function interaction(me) {
  let pair;
  let publicKey;
  const [result, application, body, flag] = ["interaction-result", "application", "interaction-body", "key-flag"].map(byId);

  /** The body and the flag name the same application as the address does. */
  const name = () => {
    body.value = body.value.replace(/("application_id"\s*:\s*)"[^"]*"/, (_, field) => `${field}"${application.value}"`);
    if (publicKey) flag.textContent = `--interactions-key ${application.value}=${publicKey}`;
  };
  application.addEventListener("input", name);

  byId("make-key").addEventListener("click", async () => {
    try {
      pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    } catch {
      result.textContent = "This browser makes Ed25519 keys only on pages from https or this machine, or not at all.";
      return;
    }
    publicKey = hex(await crypto.subtle.exportKey("raw", pair.publicKey));
    byId("public-key").value = publicKey;
    if (application.value === application.defaultValue && me() !== undefined) application.value = me();
    name();
    byId("key-made").hidden = false;
    byId("send-interaction").disabled = false;
  });
  byId("copy-key").addEventListener("click", (event) => copy(publicKey, event.currentTarget));
  byId("copy-flag").addEventListener("click", (event) => copy(flag.textContent, event.currentTarget));

  onSubmit(byId("interaction"), result, async ({ application, body, spoil }) => {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const bytes = new TextEncoder().encode(timestamp + body);
    const signature = hex(await crypto.subtle.sign("Ed25519", pair.privateKey, bytes));
    const sent = spoil ? `${body} ` : body;
    const held = await verifyInteraction(publicKey, signature, timestamp, sent);
    const response = await fetch(`/interactions/${application}`, {
      method: "POST", body: sent, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { "content-type": "application/json", "x-signature-ed25519": signature, "x-signature-timestamp": timestamp },
    });
    const text = await response.text();
    const [good, words] = verdict(response.status, text, sent, spoil);
    result.replaceChildren(
      make("p", {}, `Checked in this page: the signature ${held ? "holds" : "does not hold"}.`),
      make("p", { className: good ? "good" : "bad" }, words),
      make("p", {}, "Its answer: ", make("strong", {}, `${response.status} ${response.statusText}`.trim())),
      text ? make("pre", { tabIndex: 0, ariaLabel: "The node's answer" }, highlight(text)) : make("p", { className: "faint" }, "No body."),
    );
  });
}

/** Whether the node's answer is the one that the interaction asks for, and that in words. */
function verdict(status, answer, sent, spoil) {
  if (status === 401) {
    return spoil ? [true, "The node refused it, as it must: what was signed is not what was sent."]
      : [false, "The node refused the signature: it knows no such key for this application. Start it with the flag above."];
  }
  if (spoil) return [false, "The node did not refuse what was changed after signing."];
  if (status === 501) return [true, "The node took the signature, but nobody listens to interactions of this kind."];
  if (status !== 200 && status !== 202) return [false, "The node could not answer it."];
  if (field(sent, "type") !== 1) return [true, "The node took the signature, and the application answered."];
  return field(answer, "type") === 1 ? [true, "The node took the signature and answered the PING with a PONG."]
    : [false, "The node answered the PING with something else than a PONG."];
}

function field(text, name) {
  try {
    return JSON.parse(text)[name];
  } catch {
    return undefined;
  }
}
