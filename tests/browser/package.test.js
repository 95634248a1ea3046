// The packed tarball, installed from its file, in the places that the README names.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { Miniflare } from "miniflare";
import { build, createServer as createVite } from "vite";

import { launch } from "./harness.js";

const run = promisify(execFile);
const packed = process.env.TEST_PACKED ?? fileURLToPath(new URL("../../target/npm/packed", import.meta.url));
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const key = Buffer.from(publicKey.export({ format: "jwk" }).x, "base64url").toString("hex");
const signature = sign(null, Buffer.from('7{"type":1}'), privateKey).toString("hex");
const use = `Promise.all([verifyInteraction("${key}", "${signature}", "7", '{"type":1}'), verifyInteraction("${key}", "${signature}", "8", '{"type":1}')])`;
const held = JSON.stringify([true, false]);

let folder;
const file = (name, text) => writeFile(join(folder, name), text);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sanmon-package-"));
  await file("package.json", '{"private":true}');
  const [tarball] = (await readdir(packed)).filter((name) => name.endsWith(".tgz"));
  await run("npm", ["install", "--no-audit", "--no-fund", "--offline", join(packed, tarball)], { cwd: folder });
});
after(() => rm(folder, { recursive: true, force: true }));

test("Node imports it and requires it", async () => {
  await file("import.mjs", `import { verifyInteraction } from "sanmon"; ${use}.then((held) => console.log(JSON.stringify(held)));`);
  await file("require.cjs", `const { verifyInteraction } = require("sanmon"); ${use}.then((held) => console.log(JSON.stringify(held)));`);
  for (const name of ["import.mjs", "require.cjs"]) {
    const { stdout } = await run("node", [name], { cwd: folder });
    assert.equal(stdout.trim(), held, name);
  }
});

test("workerd runs it", async () => {
  const at = join(folder, "node_modules", "sanmon");
  const names = (await readdir(at)).filter((name) => /\.(js|wasm)$/.test(name) && !/^(inline|node|web)/.test(name));
  const modules = await Promise.all(names.map(async (name) => ({
    type: name.endsWith(".wasm") ? "CompiledWasm" : "ESModule", path: join(folder, name), contents: await readFile(join(at, name)),
  })));
  const worker = `import { verifyInteraction } from "./workerd.js"; export default { fetch: async () => Response.json(await ${use}) };`;
  const flare = new Miniflare({
    compatibilityDate: "2025-01-01", modulesRoot: folder,
    modules: [{ type: "ESModule", path: join(folder, "worker.js"), contents: worker }, ...modules],
  });
  try {
    assert.equal(await (await flare.dispatchFetch("http://worker/")).text(), held);
  } finally {
    await flare.dispose();
  }
});

/** What a page at this address writes into its title. */
async function title(url) {
  const context = await launch();
  try {
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForFunction(() => document.title !== "");
    return await page.title();
  } finally {
    await context.remove();
  }
}

const script = (from) => `import { verifyInteraction } from "${from}"; ${use}.then((held) => { document.title = JSON.stringify(held); }, (error) => { document.title = String(error); });`;

/** Serves a folder's files for as long as `work` runs. */
async function served(root, work) {
  const types = { html: "text/html", js: "text/javascript", wasm: "application/wasm" };
  const listener = createServer(async (request, response) => {
    const path = request.url === "/" ? "/index.html" : request.url;
    const body = await readFile(join(root, path)).catch(() => undefined);
    response.writeHead(body ? 200 : 404, { "content-type": types[path.split(".").at(-1)] ?? "text/plain" }).end(body);
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  try {
    return await work(`http://127.0.0.1:${listener.address().port}/`);
  } finally {
    listener.close();
    listener.closeAllConnections();
  }
}

test("a plain page fetches it", async () => {
  await file("index.html", `<!doctype html><script type="module">${script("./node_modules/sanmon/web.js")}</script>`);
  assert.equal(await served(folder, title), held);
});

test("Vite bundles it, and serves it in development", async () => {
  await file("main.js", script("sanmon"));
  await file("index.html", '<!doctype html><script type="module" src="./main.js"></script>');
  await build({ root: folder, logLevel: "error", build: { outDir: "dist" } });
  assert.equal(await served(join(folder, "dist"), title), held);

  const vite = await createVite({ root: folder, logLevel: "error", server: { host: "127.0.0.1", port: 0 } });
  try {
    await vite.listen();
    assert.equal(await title(vite.resolvedUrls.local[0]), held);
  } finally {
    await vite.close();
  }
});
