// The figures as a table to read, and as the file that is kept.
import { cpus, loadavg, platform, release, totalmem } from "node:os";

/** The client has to reach this share of a bare JSON.parse, and of the fastest other inflater. */
export const BARS = { json: 0.85, zlib: 1 };

const number = (value) => Math.round(value).toLocaleString("en");

/** What one row says: the rates of all, the share of the best other, and whether that reaches the bar. */
function judged({ encoding, rates, shares }) {
  const [, ...others] = Object.keys(rates);
  const share = Math.min(...Object.values(shares));
  return { others: others.map((name) => `${name} ${number(rates[name])}`).join(", "), share, holds: share >= BARS[encoding] };
}

function table(rows) {
  return [
    "| event | events a second | beside it, in the same run | share of the fastest of these | bar |",
    "| --- | --- | --- | --- | --- |",
    ...rows.map((row) => {
      const { others, share, holds } = judged(row);
      return `| ${row.encoding}, ${number(row.bytes)} bytes | ${number(row.rates.sanmon)} | ${others} | ${share.toFixed(2)} | ${BARS[row.encoding].toFixed(2)} ${holds ? "reached" : "**missed**"} |`;
    }),
  ].join("\n");
}

function machine() {
  const [{ model }] = cpus();
  const busy = loadavg()[0].toFixed(1);
  return `${cpus().length} cores (${model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${release()}, load average ${busy}`;
}

function body({ chromium, node, connected }) {
  return [
    `In Chromium ${chromium.version}:\n\n${table(chromium.rows)}`,
    `In Node ${node.version}:\n\n${table(node.rows)}`,
    `From the start of a page's script to connected, in Chromium, with a server on the same machine: ${connected.first.toFixed(0)} ms in a fresh `
      + `browser, then ${connected.median.toFixed(0)} ms (median of ${connected.count - 1}, slowest ${connected.slowest.toFixed(0)} ms).`,
  ].join("\n\n");
}

export const summary = (results) => `${machine()}\n\n${body(results)}`;

export const report = (results) => `# The browser client, measured

Written by \`cargo xtask bench wasm\` on ${new Date().toISOString().slice(0, 10)}: ${machine()}.

Events a second that reach a listener, from the handler of the WebSocket's messages on, through the package as it is published. Beside
it, in turns within the same rounds: JSON.parse alone; and for zlib what a page could inflate with itself, each followed by TextDecoder
and JSON.parse. Medians of 21 rounds; a share is the median of the rounds' own shares.

${body(results)}
`;
