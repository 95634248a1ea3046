// The list of events as they arrive: bounded, filtered, paused, each one opened to its JSON.
import { byId, copy, make, plural, timeOf } from "./dom.js";
import { highlight } from "./json.js";

/** How many events the page remembers; older ones go. */
const KEPT = 500;

export class Feed {
  #kept = [];
  #fresh = [];
  #paused = false;
  #frame = false;
  #list = byId("feed");
  #pause = byId("pause");
  #filter = byId("filter");
  #say;

  /** `say` puts an event in a few words. */
  constructor(say) {
    this.#say = say;
    this.#pause.addEventListener("click", () => this.#togglePause());
    this.#filter.addEventListener("input", () => this.#showAll());
    byId("clear").addEventListener("click", () => this.clear());
  }

  add(event) {
    this.#take({ event, at: new Date() });
  }

  /** A line about the link itself, between the events. */
  note(text) {
    this.#take({ note: text, at: new Date() });
  }

  clear() {
    this.#kept = [];
    this.#fresh = [];
    this.#showAll();
  }

  #take(item) {
    this.#fresh.push(item);
    // A hidden page draws nothing, so what waits is bounded here.
    if (this.#fresh.length > KEPT) this.#fresh.shift();
    if (this.#paused) this.#pause.textContent = `Resume (${this.#fresh.length === KEPT ? `${KEPT}+` : this.#fresh.length})`;
    else this.#soon();
  }

  #soon() {
    if (this.#frame) return;
    this.#frame = true;
    requestAnimationFrame(() => {
      this.#frame = false;
      if (!this.#paused) this.#showFresh();
    });
  }

  #togglePause() {
    this.#paused = !this.#paused;
    this.#pause.setAttribute("aria-pressed", String(this.#paused));
    this.#pause.textContent = this.#paused ? "Resume" : "Pause";
    if (!this.#paused) this.#showFresh();
  }

  #showFresh() {
    const fresh = this.#fresh.splice(0);
    this.#kept = [...fresh.toReversed(), ...this.#kept].slice(0, KEPT);
    const rows = fresh.filter((item) => this.#matches(item)).map((item) => this.#row(item)).reverse();
    this.#list.prepend(...rows);
    while (this.#list.childElementCount > KEPT) this.#list.lastElementChild.remove();
    this.#showCount();
  }

  #showAll() {
    this.#list.replaceChildren(...this.#kept.filter((item) => this.#matches(item)).map((item) => this.#row(item)));
    this.#showCount();
  }

  #showCount() {
    const filtered = this.#filter.value && this.#kept.length;
    byId("feed-empty").hidden = this.#list.childElementCount > 0;
    byId("feed-empty").textContent = filtered
      ? `None of ${plural(this.#kept.length, "event")} holds “${this.#filter.value}”.`
      : "Nothing yet. Publish an event, or change your presence.";
  }

  #matches({ event, note }) {
    const wanted = this.#filter.value.trim().toLowerCase();
    if (!wanted) return true;
    return (note ?? JSON.stringify(event)).toLowerCase().includes(wanted);
  }

  #row({ event, note, at }) {
    const time = make("time", { dateTime: at.toISOString() }, timeOf(at));
    if (note) return make("li", { className: "note" }, time, make("span", {}, note));
    const details = make("details", {}, make("summary", {},
      time,
      make("strong", { className: event.s === undefined ? "control" : "" }, event.t),
      make("span", { className: "words" }, this.#say(event)),
      event.s === undefined ? undefined : make("span", { className: "place", title: "Place in the log" }, `#${event.s}`),
    ));
    // Most events are never opened: their JSON is written when they are.
    details.addEventListener("toggle", () => {
      if (details.childElementCount > 1) return;
      const text = JSON.stringify(event, null, 2);
      const button = make("button", { type: "button", className: "quiet copy" }, "Copy");
      button.addEventListener("click", () => copy(text, button));
      details.append(make("div", { className: "json" }, make("pre", { tabIndex: 0, ariaLabel: `${event.t} as JSON` }, highlight(text)), button));
    }, { once: true });
    return make("li", {}, details);
  }
}
