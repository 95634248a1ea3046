// Work that a test hands to a page: a function that is run there, with the package and what it needs to watch it.

/**
 * Runs `work` in the page. It is handed over as text, so it sees none of the test's variables but `connect`, `GatewayError`,
 * `verifyInteraction`, `sleep`, `until`, and `given`: the server's address, a fresh session of a new user, and what is in `more`.
 */
export async function workIn(page, server, work, more = {}) {
  const { session_id: session, user } = await server.session("ada");
  return page.evaluate(async ([work, given]) => {
    const { connect, GatewayError, verifyInteraction } = await import("/sanmon/web.js");
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const until = async (check, ms = 15_000) => {
      for (const end = performance.now() + ms; performance.now() < end;) {
        if (check()) return;
        await sleep(20);
      }
      throw new Error(`waited in vain for ${check}`);
    };
    const names = ["connect", "GatewayError", "verifyInteraction", "sleep", "until", "given"];
    const run = new Function(...names, `return (${work})()`);
    return run(connect, GatewayError, verifyInteraction, sleep, until, given);
  }, [String(work), { url: `${server.url}/available`, session, user: user.id, key: server.key, ...more }]);
}
