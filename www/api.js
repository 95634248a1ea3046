// The gateway's HTTP side, as far as the console uses it.

const TIMEOUT_MS = 10_000;

/** Asks one route. `authorization` is a session id, or `Bearer` and an operator key. */
async function call(method, path, authorization, body) {
  const headers = {};
  if (authorization) headers.authorization = authorization;
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method, headers, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS),
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
  } catch {
    throw new Error("The node does not answer.");
  }
  if (response.status === 204) return undefined;
  const answer = await response.json().catch(() => undefined);
  if (!response.ok) throw new Error(answer?.error?.message ?? `The node answered ${response.status}.`);
  return answer;
}

export const available = () => call("GET", "/available");
export const domains = () => call("GET", "/domains");

/** Routes of a user's session. */
export const asSession = (session) => ({
  createGuild: (name) => call("POST", "/guilds", session, { name }),
  createChannel: (guild, name) => call("POST", `/guilds/${guild}/channels`, session, { name }),
  createInvite: (guild) => call("POST", `/guilds/${guild}/invites`, session, {}),
  join: (code) => call("POST", `/invites/${encodeURIComponent(code)}`, session),
  deleteGuild: (guild) => call("DELETE", `/guilds/${guild}`, session),
  leaveGuild: (guild) => call("DELETE", `/guilds/${guild}/members/@me`, session),
});

/** Routes of the operator. */
export const asOperator = (key) => ({
  createSession: (user) => call("POST", "/sessions", `Bearer ${key}`, { user }),
  // The text of an event is put together by whoever calls, so that large numbers in it survive.
  publish: (event) => call("POST", "/publish", `Bearer ${key}`, `{"events":[${event}]}`),
});
