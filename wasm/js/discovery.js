// Asking for a node: one request, bounded in time and size. What the answer means is decided in the module.

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 64 * 1024;

/** Resolves with the status and the text of the answer; rejects when there is none. */
export async function ask(url, controller) {
  const timer = setTimeout(() => controller.abort(new Error("no answer in time")), TIMEOUT_MS);
  try {
    const response = await fetch(url, { cache: "no-store", credentials: "omit", signal: controller.signal });
    return { status: response.status, retryAfter: response.headers.get("retry-after"), text: await bounded(response) };
  } finally {
    clearTimeout(timer);
  }
}

async function bounded(response) {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let [text, length] = ["", 0];
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) return text + decoder.decode();
    length += value.length;
    if (length > MAX_BYTES) {
      await reader.cancel();
      throw new Error(`an answer of more than ${MAX_BYTES} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
}
