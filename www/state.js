// Shows what /available and /domains say, and asks again every few seconds.
const PERIOD_MS = 5000;
const TIMEOUT_MS = 4000;
const show = (id, text) => { document.getElementById(id).textContent = text; };

async function ask(path) {
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
  return { ok: response.ok, body: await response.json() };
}

function showState(text, kind) {
  const badge = document.getElementById("state");
  badge.textContent = text;
  badge.className = `badge ${kind}`;
}

function showNodes(domains) {
  const rows = Object.entries(domains).map(([name, url]) => {
    const row = document.createElement("tr");
    row.insertCell().textContent = name;
    const code = document.createElement("code");
    code.textContent = url;
    row.insertCell().append(code);
    return row;
  });
  document.getElementById("nodes").replaceChildren(...rows);
}

async function refresh() {
  try {
    const start = performance.now();
    const [available, domains] = await Promise.all([ask("/available"), ask("/domains")]);
    show("latency", `${Math.max(1, Math.round(performance.now() - start))} ms`);
    if (available.ok) {
      show("url", available.body.url);
      show("version", `v${available.body.v}, node ${available.body.domain}`);
      showState("accepting connections", "good");
    } else {
      showState("no room", "bad");
    }
    if (domains.ok) showNodes(domains.body);
  } catch {
    showState("no answer", "bad");
  }
  setTimeout(refresh, PERIOD_MS);
}

show("origin", location.origin);
refresh();
