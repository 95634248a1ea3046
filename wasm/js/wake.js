// When a page may have slept: hidden tabs get their timers once a minute, and closed lids none at all.

const EVENTS = ["online", "pageshow", "focus"];

/** Calls back whenever the page is there again; returns what ends that. */
export function onWake(wake) {
  const page = globalThis.document;
  const shown = () => page.visibilityState === "visible" && wake();
  for (const name of EVENTS) globalThis.addEventListener?.(name, wake);
  page?.addEventListener("visibilitychange", shown);
  page?.addEventListener("resume", wake);
  return () => {
    for (const name of EVENTS) globalThis.removeEventListener?.(name, wake);
    page?.removeEventListener("visibilitychange", shown);
    page?.removeEventListener("resume", wake);
  };
}
