// The guilds with their channels and members, drawn from the model.
import { byId, copy, make, onSubmit, plural, toast } from "./dom.js";

const PRESENCE = { 1: ["on", "online"], 2: ["idle", "idle"], 3: ["busy", "do not disturb"], 4: ["", "offline"] };
/** A guild of thousands is a number, not a list. */
const MEMBERS_SHOWN = 30;

export class Guilds {
  #model;
  #api;
  #open = new Set();
  #frame = false;
  #list = byId("guild-list");
  #error = byId("guilds-error");

  /** `model` and `api` give what is current. */
  constructor(model, api) {
    this.#model = model;
    this.#api = api;
    onSubmit(byId("create-guild"), this.#error, async ({ name }, form) => {
      const guild = await this.#api().createGuild(name);
      this.#open.add(String(guild.id));
      form.reset();
      this.show();
    });
    onSubmit(byId("join"), this.#error, async ({ code }, form) => {
      const { name } = await this.#api().join(code.trim());
      form.reset();
      toast(`Joined ${name ?? "the guild"}`);
    });
  }

  /** Draws soon: many events are one drawing. */
  show() {
    if (this.#frame) return;
    this.#frame = true;
    requestAnimationFrame(() => {
      this.#frame = false;
      this.#draw();
    });
  }

  #draw() {
    const model = this.#model();
    byId("guild-count").textContent = model.guilds.size;
    byId("guilds-empty").hidden = model.guilds.size > 0;
    // What someone types into or stands on outlives the drawing.
    const focus = document.activeElement?.dataset?.focus;
    const typed = new Map([...this.#list.querySelectorAll("input[data-focus]")].map((input) => [input.dataset.focus, input.value]));
    this.#list.replaceChildren(...[...model.guilds].map(([id, guild]) => this.#guild(model, id, guild)));
    for (const input of this.#list.querySelectorAll("input[data-focus]")) input.value = typed.get(input.dataset.focus) ?? "";
    if (focus) this.#list.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }

  #guild(model, id, guild) {
    const about = [...guild.members].filter((member) => (model.presences.get(member)?.type ?? 4) !== 4).length;
    const own = String(guild.owner) === String(model.user?.id);
    const summary = make("summary", {}, make("strong", {}, guild.name), make("span", { className: "faint" }, `${about} about`));
    summary.dataset.focus = `guild-${id}`;
    const details = make("details", { className: "guild", open: this.#open.has(id) }, summary);
    details.addEventListener("toggle", () => (details.open ? this.#open.add(id) : this.#open.delete(id)));

    const channels = [...guild.channels.values()].sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
    details.append(
      make("h3", {}, "Channels"),
      make("ul", { className: "channels" }, ...channels.map((channel) => make("li", {}, channel.name))),
      ...(own ? [this.#createChannel(id)] : []),
      make("h3", {}, "Members heard of"),
      this.#members(model, guild),
      ...(guild.invites.size ? [make("h3", {}, "Invites"), this.#invites(guild)] : []),
      this.#buttons(id, guild, own),
    );
    return details;
  }

  #createChannel(id) {
    const input = make("input", { name: "name", required: true, maxLength: 100, ariaLabel: "Name of the new channel", placeholder: "New channel", autocomplete: "off" });
    input.dataset.focus = `channel-${id}`;
    const form = make("form", { className: "inline" }, input, make("button", { type: "submit" }, "Add"));
    onSubmit(form, this.#error, async ({ name }) => {
      await this.#api().createChannel(id, name);
      // The form may have been drawn anew meanwhile.
      const current = this.#list.querySelector(`[data-focus="channel-${id}"]`);
      if (current) current.value = "";
    });
    return form;
  }

  #members(model, guild) {
    const members = model.membersOf(guild);
    const rows = members.slice(0, MEMBERS_SHOWN).map((member) => {
      const presence = model.presences.get(member);
      const [kind, words] = PRESENCE[presence?.type ?? 4];
      return make("li", {},
        make("span", { className: `dot ${kind}`, role: "img", ariaLabel: words, title: words }),
        make("span", {}, model.nameOf(member), member === String(model.user?.id) ? make("span", { className: "faint" }, " (you)") : undefined),
        presence?.description ? make("span", { className: "faint description" }, presence.description) : undefined);
    });
    if (members.length > MEMBERS_SHOWN) rows.push(make("li", { className: "faint" }, `and ${members.length - MEMBERS_SHOWN} more`));
    return make("ul", { className: "members" }, ...rows);
  }

  #invites(guild) {
    return make("ul", { className: "invites", ariaLabel: plural(guild.invites.size, "invite") }, ...[...guild.invites.keys()].map((code) => {
      const button = make("button", { type: "button", className: "quiet" }, "Copy");
      button.addEventListener("click", () => copy(code, button));
      return make("li", {}, make("code", {}, code), button);
    }));
  }

  #buttons(id, guild, own) {
    const act = (label, work) => {
      const button = make("button", { type: "button", className: "quiet" }, label);
      button.dataset.focus = `${label}-${id}`;
      button.addEventListener("click", () => work().catch((problem) => { this.#error.textContent = problem.message; }));
      return button;
    };
    return make("div", { className: "buttons" },
      act("Invite", async () => {
        const { code } = await this.#api().createInvite(id);
        guild.invites.set(code, { code });
        toast(`Invite ${code} made`);
        this.show();
      }),
      own ? act("Delete guild", async () => {
        if (confirm(`Delete ${guild.name} for all of its members?`)) await this.#api().deleteGuild(id);
      }) : act("Leave guild", () => this.#api().leaveGuild(id)));
  }
}
