// A signed interaction, from a key pair that lives as long as the page.
import { verifyInteraction } from "/sanmon/web.js";

import { byId, copy, make, onSubmit } from "./dom.js";
import { highlight } from "./json.js";

const TIMEOUT_MS = 10_000;
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export function interaction() {
  let pair;
  let publicKey;
  const result = byId("interaction-result");

  byId("make-key").addEventListener("click", async () => {
    try {
      pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    } catch {
      result.textContent = "This browser makes Ed25519 keys only on pages from https or this machine, or not at all.";
      return;
    }
    publicKey = hex(await crypto.subtle.exportKey("raw", pair.publicKey));
    byId("public-key").value = publicKey;
    byId("key-made").hidden = false;
    byId("send-interaction").disabled = false;
  });
  byId("copy-key").addEventListener("click", (event) => copy(publicKey, event.currentTarget));

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
    result.replaceChildren(
      make("p", {}, `Checked in this page: the signature ${held ? "holds" : "does not hold"}.`),
      make("p", {}, make("strong", {}, `${response.status} ${response.statusText}`.trim())),
      text ? make("pre", { tabIndex: 0, ariaLabel: "The node's answer" }, highlight(text)) : make("p", { className: "faint" }, "No body."),
    );
  });
}
