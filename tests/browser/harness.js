// What browser tests share: a server of their own, a browser with a fresh profile, and waiting for what is seen.
import { spawn } from "node:child_process";
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));
const binary = process.env.TEST_SANMON ?? join(root, "target", "debug", "sanmon");
const engines = process.env.TEST_ENGINES ?? join(root, "target", "debug", "engines");
const browser = process.env.TEST_CHROMIUM ?? "/usr/bin/chromium";
/** Where screenshots are kept as the tests' output. */
export const shots = process.env.TEST_SCREENSHOTS ?? join(root, "target", "screenshots");

/** A port that was free a moment ago. */
async function freePort() {
  const listener = createServer();
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

/** A server with a data folder and an address of its own, which can be killed and started again. */
export class Server {
  static async start(options = []) {
    const server = await Server.prepare();
    server.options = options;
    await server.up();
    return server;
  }

  /** One that has its place and does not run yet. */
  static async prepare() {
    const server = new Server();
    server.data = await mkdtemp(join(tmpdir(), "sanmon-browser-"));
    server.port = await freePort();
    server.url = `http://127.0.0.1:${server.port}`;
    return server;
  }

  async up() {
    const listen = ["--listen", `127.0.0.1:${this.port}`, "--admin-listen", "127.0.0.1:0", "--data", this.data];
    this.process = spawn(binary, ["serve", ...listen, ...this.options], { stdio: ["ignore", "pipe", "pipe"] });
    this.gone = new Promise((resolve) => this.process.once("exit", resolve));
    this.said = "";
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on("data", (data) => { this.said += data; });
    await until("the server to listen", async () => {
      if (this.process.exitCode !== null) throw new Error(`the server ended: ${this.said}`);
      return fetch(`${this.url}/available`).then((response) => response.ok, () => false);
    });
    // Shown once, at the first start.
    this.key ??= await until("the operator key", () => /shown this once:\s*(\S+)\s/.exec(this.said)?.[1]);
  }

  /** Ends the server without a word to its clients. */
  async kill() {
    this.process?.kill("SIGKILL");
    await this.gone;
  }

  /** Lets the server drain. */
  async terminate() {
    this.process.kill("SIGTERM");
    await this.gone;
  }

  async remove() {
    await this.kill();
    await rm(this.data, { recursive: true, force: true });
  }

  async ask(method, path, body, authorization = `Bearer ${this.key}`) {
    const response = await fetch(this.url + path, {
      method, headers: { authorization, "content-type": "application/json" }, body: body && JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : response.json();
  }

  session(username) {
    return this.ask("POST", "/sessions", { user: { username } });
  }

  publish(...events) {
    return this.ask("POST", "/publish", { events });
  }
}

/** Several nodes on a NATS and a PostgreSQL of their own, which end with this process. */
export class Cluster {
  static async start(count) {
    const cluster = new Cluster();
    cluster.engines = spawn(engines, [], { stdio: ["pipe", "pipe", "pipe"] });
    cluster.ended = new Promise((resolve) => cluster.engines.once("exit", resolve));
    let [told, said] = ["", ""];
    cluster.engines.stdout.on("data", (data) => { told += data; });
    cluster.engines.stderr.on("data", (data) => { said += data; });
    cluster.engines.once("error", (error) => { said += error; });
    const { nats, postgres } = JSON.parse(await until("NATS and PostgreSQL", () => {
      if (said || cluster.engines.exitCode !== null) throw new Error(`they do not start: ${said}`);
      return told.endsWith("\n") && told;
    }, 60_000));
    cluster.nodes = [];
    for (let number = 0; number < count; number += 1) cluster.nodes.push(await Server.prepare());
    // The console of one node may connect to any of them.
    const origins = cluster.nodes.map(({ url }) => url).join(",");
    for (const node of cluster.nodes) {
      node.options = ["--store-url", postgres, "--nats-url", nats, "--origins", origins];
      // The first one makes the key for all.
      node.key = cluster.nodes[0].key;
      await node.up();
    }
    await until("all nodes to know each other", async () => {
      const known = await Promise.all(cluster.nodes.map((node) => node.ask("GET", "/domains")));
      return known.every((domains) => Object.keys(domains).length === count);
    });
    return cluster;
  }

  async remove() {
    for (const node of this.nodes) await node.remove();
    this.engines.stdin.end();
    await this.ended;
  }
}

/** A browser with a fresh profile; `close` ends it and takes its profile away. */
export async function launch(options = {}) {
  const profile = await mkdtemp(join(tmpdir(), "sanmon-profile-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: browser, headless: true, args: ["--no-sandbox", "--disable-gpu"], viewport: { width: 1360, height: 820 }, reducedMotion: "reduce",
    ...options,
  });
  context.setDefaultTimeout(15_000);
  context.remove = async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  };
  return context;
}

/** A page of the server whose errors fail the test. */
export async function open(context, server, path = "/") {
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
  await page.goto(server.url + path);
  return page;
}

/** Keeps a picture of the page. */
export async function shoot(page, name) {
  await mkdir(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`) });
}

/** Waits until `check` gives something true; every wait ends. */
export async function until(what, check, ms = 15_000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
