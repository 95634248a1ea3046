// What a client knows of its guilds, kept current from the events alone.

/** Ids are numbers or, beyond 2^53-1, texts; as keys they are texts. */
const key = (id) => String(id);

export class Model {
  constructor(saved) {
    this.user = saved?.user;
    this.guilds = new Map(saved?.guilds?.map((guild) => [key(guild.id), Model.#guild(guild)]));
    this.names = new Map(saved?.names);
    this.presences = new Map(saved?.presences);
  }

  static #guild({ channels = [], members = [], invites = [], ...fields }) {
    return {
      ...fields,
      channels: new Map(channels.map((channel) => [key(channel.id), channel])),
      members: new Set(members),
      invites: new Map(invites.map((invite) => [invite.code, invite])),
    };
  }

  /** What JSON can hold of it, to come back from. */
  saved() {
    return {
      user: this.user,
      guilds: [...this.guilds.values()].map((guild) => ({
        ...guild,
        channels: [...guild.channels.values()],
        members: [...guild.members],
        invites: [...guild.invites.values()],
      })),
      names: [...this.names],
      presences: [...this.presences],
    };
  }

  nameOf(id) {
    return this.names.get(key(id)) ?? `user ${id}`;
  }

  /** The members that were heard of, those who are about first. */
  membersOf(guild) {
    const rank = (id) => { const type = this.presences.get(id)?.type ?? 4; return type === 4 ? 1 : 0; };
    return [...guild.members].sort((a, b) => rank(a) - rank(b) || this.nameOf(a).localeCompare(this.nameOf(b)));
  }

  /** Takes one event and says whether anything that is shown changed. */
  apply(event) {
    const { t, d } = event;
    const guild = d && this.guilds.get(key(d.guild_id ?? d.id));
    switch (t) {
      case "READY":
        this.user = d.user;
        this.guilds.clear();
        this.presences.clear();
        this.#know(d.user);
        return true;
      case "GUILD_INIT":
      case "GUILD_CREATE":
      case "GUILD_JOIN": {
        const { presences = [], ...fields } = d;
        const members = new Set([key(this.user.id), key(d.owner), ...presences.map(({ id }) => key(id))]);
        this.guilds.set(key(d.id), Model.#guild({ ...fields, members: [...members] }));
        for (const { id, d: presence } of presences) this.presences.set(key(id), presence);
        return true;
      }
      case "GUILD_UPDATE":
        if (guild) Object.assign(guild, d, { channels: guild.channels, members: guild.members, invites: guild.invites });
        return Boolean(guild);
      case "GUILD_DELETE":
        return this.guilds.delete(key(d.id));
      case "GUILD_MEMBER_ADD":
        this.#know(d.user);
        guild?.members.add(key(d.user.id));
        return true;
      case "GUILD_MEMBER_REMOVE":
        return guild?.members.delete(key(d.user.id)) ?? false;
      case "CHANNEL_CREATE":
      case "CHANNEL_UPDATE":
        guild?.channels.set(key(d.id), d);
        return Boolean(guild);
      case "CHANNEL_DELETE":
        return guild?.channels.delete(key(d.id)) ?? false;
      case "INVITE_CREATE":
        guild?.invites.set(d.code, d);
        return Boolean(guild);
      case "INVITE_DELETE":
        return guild?.invites.delete(d.code) ?? false;
      case "USER_UPDATE":
        this.#know(d);
        if (this.user && key(this.user.id) === key(d.id)) this.user = d;
        return true;
      case "PRESENCE_UPDATE":
        this.presences.set(key(event.id), d);
        return true;
      default:
        return false;
    }
  }

  #know(user) {
    if (user?.username) this.names.set(key(user.id), user.username);
  }
}
