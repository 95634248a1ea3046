// Publishing any event as the operator.
import { asOperator } from "./api.js";
import { byId, make, onSubmit } from "./dom.js";

/** `me` gives the id of the connected user. */
export function publish(me) {
  const [to, id, result] = [byId("publish-to"), byId("publish-id"), byId("publish-result")];
  to.addEventListener("change", () => {
    const named = to.value === "user" || to.value === "guild";
    id.hidden = !named;
    id.required = named;
  });

  onSubmit(byId("publish"), result, async ({ key, to, id, t, payload }) => {
    JSON.parse(payload); // Says what is wrong with it before the node does.
    const { seqs } = await asOperator(key).publish(`{"to":${audience(to, id, me())},"t":"${t}",${fields(t, payload)}}`);
    result.replaceChildren("Published at ", make("code", {}, `#${seqs.join(", #")}`));
  });
}

/** Numbers stay the text that was typed: an id may be larger than a JavaScript number holds. */
function audience(to, id, me) {
  switch (to) {
    case "everyone": return '"everyone"';
    case "guild": return `{"guild":"${id}"}`;
    case "user": return `{"user":"${id}"}`;
    default: return `{"user":"${me}"}`;
  }
}

function fields(t, payload) {
  return t === "NOTIFICATION" ? `"type":"MESSAGE","excerpt":${payload}` : `"d":${payload}`;
}
