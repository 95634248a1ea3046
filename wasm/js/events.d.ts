// Made by `cargo xtask npm --types` from the table in core/src/event.rs; a test compares the two.

/** Whatever else the platform stores in an object. */
export type Rest = { [key in string]: JsonValue };

/** A channel: where it belongs, how it is shown, and whatever else the platform stores in it. */
export type Channel = {
  /** The channel's id. */
  id: Id,
  /** The guild that the channel is in. */
  guild_id: Id,
  /** The channel's name. */
  name: string,
  /** What the channel is about. */
  description?: string | null,
  /** The kind of channel; the platform gives the numbers their meaning. */
  type?: number | null,
  /** The channel (a category, say) that this one is inside of. */
  inside_of?: Id | null,
  /** Where the channel stands among its siblings, from 0. */
  position?: number | null,
} & Rest;

/** A card that a presence shows. */
export type Embed = {
  /** Its title. */
  name?: string | null,
  /** Its text. */
  description?: string | null,
  /** The address of its picture. */
  banner_url?: string | null,
  /** The lines on its picture. */
  text?: EmbedText | null,
} & Rest;

/** The lines on the picture of an `Embed`. */
export type EmbedText = {
  /** The line above. */
  top?: string | null,
  /** The line below. */
  bottom?: string | null,
} & Rest;

/** A guild: a named place with members and channels, and whatever else the platform stores in it. */
export type Guild = {
  /** The guild's id. */
  id: Id,
  /** The guild's name. */
  name: string,
  /** What the guild is about. */
  description?: string | null,
  /** The user who owns the guild. */
  owner: Id,
  /** The guild's channels: in GUILD_CREATE, GUILD_JOIN and GUILD_INIT, else absent. */
  channels?: Array<Channel> | null,
} & Rest;

/** The payload of GUILD_DELETE. */
export type GuildDelete = {
  /** The guild that is gone. */
  id: Id,
} & Rest;

/** The payload of GUILD_INIT: a guild with its channels and who is about. */
export type GuildInit = {
  /** Presences of the members who are not offline; absent when there are more than 1,000 of them. */
  presences?: Array<PresenceUpdate> | null,
  /** The guild's id. */
  id: Id,
  /** The guild's name. */
  name: string,
  /** What the guild is about. */
  description?: string | null,
  /** The user who owns the guild. */
  owner: Id,
  /** The guild's channels: in GUILD_CREATE, GUILD_JOIN and GUILD_INIT, else absent. */
  channels?: Array<Channel> | null,
} & Rest;

/** The payload of GUILD_MEMBER_ADD and GUILD_MEMBER_REMOVE. */
export type GuildMember = {
  /** The guild. */
  guild_id: Id,
  /** The user who joined or left. */
  user: User,
} & Rest;

/**
 * An id from 1 to 2^63-1.
 *
 * On the wire a JSON number while at most 2^53-1, else a decimal string, since JavaScript reads larger numbers wrongly;
 * both forms are accepted for every value (protocol, section 1).
 */
export type Id = number | string;

/** An invite: whoever has its code may join the guild while it lasts. INVITE_DELETE has its first two fields at least. */
export type Invite = {
  /** The code that a joiner gives. */
  code: string,
  /** The guild that it leads to. */
  guild_id: Id,
  /** The member who made it. */
  inviter_id?: Id | null,
  /** When it ends to be valid, in Unix milliseconds; absent for never. */
  expires_at?: UnixMillis | null,
  /** How many may join with it; absent for any number. */
  max_uses?: number | null,
} & Rest;

export type JsonValue = number | string | boolean | Array<JsonValue> | { [key in string]: JsonValue } | null;

/** The top-level fields of NOTIFICATION. */
export type Notification = {
  /** What the notification is about. */
  type: NotificationKind,
  /** What to show of it. */
  excerpt: { [key in string]: JsonValue },
} & Rest;

/** What a notification is about. A label, but for `Self::Here`. */
export type NotificationKind = "MESSAGE" | "GUILD" | "EVERYONE" | "HERE";

/** How a user shows to others: the `d` of PRESENCE_UPDATE. */
export type Presence = {
  /** How present the user is. */
  type: PresenceKind,
  /** What the user says about it. */
  description?: string | null,
  /** The id of an emoji to show with it. */
  emoji?: Id | null,
  /** A card to show with it. */
  embed?: Embed | null,
} & Rest;

/** How present a user is: `type` 1 to 4 (protocol, section 4). */
export type PresenceKind = 1 | 2 | 3 | 4;

/** The top-level fields of PRESENCE_UPDATE, and an element of GUILD_INIT's `presences`. */
export type PresenceUpdate = {
  /** The user. */
  id: Id,
  /** How the user shows now. */
  d: Presence,
};

/** The payload of READY. */
export type Ready = {
  /** Who the session belongs to. */
  user: User,
  /** How many GUILD_INITs follow. */
  guilds: number,
  /** The protocol's version, 1. */
  v: number,
  /** Where to come back to: this node's public address. */
  url: string,
  /** How long a position stays good after a connection ends, in milliseconds. */
  resume_window_ms: number,
  /** After how much silence the server pings, in milliseconds. */
  ping_interval_ms: number,
  /** How long after such a ping the server waits for any bytes, in milliseconds. */
  ping_timeout_ms: number,
  /** `false` when the client asked to resume and could not: what follows replaces its state. Else absent. */
  resumed?: boolean | null,
};

/** The payload of RECONNECT. */
export type Reconnect = {
  /** Where to connect; absent to ask `/available` again. */
  url?: string | null,
  /** How long to wait before that, in milliseconds. */
  delay_ms: number,
};

/** The payload of RESUMED. */
export type Resumed = {
  /** How many missed events follow before live ones. */
  replayed: number,
};

/** A wall-clock time: integer milliseconds since 1970-01-01T00:00:00Z, as on the wire. */
export type UnixMillis = number;

/** A user: `id`, `username` and whatever else the platform stores in it. */
export type User = {
  /** The user's id. */
  id: Id,
  /** The user's name. */
  username: string,
} & Rest;

/** What a listener gets first, by the event's name. */
export interface Payloads {
  /** The first frame after a successful identify. */
  READY: Ready;
  /** One guild of the user, after READY, with `channels` and `presences`. */
  GUILD_INIT: GuildInit;
  /** The answer to an identify with a position that the log still holds. */
  RESUMED: Resumed;
  /** The node drains: connect to the given address after the given delay. */
  RECONNECT: Reconnect;
  /** The answer to a client's PING, with the same `d`. */
  PONG: JsonValue;
  /** An interaction that waits for an answer by callback. */
  INTERACTION_CREATE: JsonValue;
  /** The user created a guild. */
  GUILD_CREATE: Guild;
  /** The user joined a guild. */
  GUILD_JOIN: Guild;
  /** A guild changed. */
  GUILD_UPDATE: Guild;
  /** A guild is gone, or the user is no longer in it. */
  GUILD_DELETE: GuildDelete;
  /** A user joined the guild. */
  GUILD_MEMBER_ADD: GuildMember;
  /** A user left the guild. */
  GUILD_MEMBER_REMOVE: GuildMember;
  /** An invite was made. */
  INVITE_CREATE: Invite;
  /** An invite is gone. */
  INVITE_DELETE: Invite;
  /** A channel was made. */
  CHANNEL_CREATE: Channel;
  /** A channel changed. */
  CHANNEL_UPDATE: Channel;
  /** A channel is gone. */
  CHANNEL_DELETE: Channel;
  /** A user changed. */
  USER_UPDATE: User;
  /** A user's presence changed. Its `id` stands beside `d`. */
  PRESENCE_UPDATE: PresenceUpdate;
  /** A notification. It has no `d`: its `type` and `excerpt` stand at the top level. */
  NOTIFICATION: Notification;
}

/** The whole event, by its name. */
export interface Events {
  /** The first frame after a successful identify. */
  READY: { t: "READY", s?: number, d: Ready };
  /** One guild of the user, after READY, with `channels` and `presences`. */
  GUILD_INIT: { t: "GUILD_INIT", s?: number, d: GuildInit };
  /** The answer to an identify with a position that the log still holds. */
  RESUMED: { t: "RESUMED", s?: number, d: Resumed };
  /** The node drains: connect to the given address after the given delay. */
  RECONNECT: { t: "RECONNECT", s?: number, d: Reconnect };
  /** The answer to a client's PING, with the same `d`. */
  PONG: { t: "PONG", s?: number, d: JsonValue };
  /** An interaction that waits for an answer by callback. */
  INTERACTION_CREATE: { t: "INTERACTION_CREATE", s?: number, d: JsonValue };
  /** The user created a guild. */
  GUILD_CREATE: { t: "GUILD_CREATE", s: number, d: Guild };
  /** The user joined a guild. */
  GUILD_JOIN: { t: "GUILD_JOIN", s: number, d: Guild };
  /** A guild changed. */
  GUILD_UPDATE: { t: "GUILD_UPDATE", s: number, d: Guild };
  /** A guild is gone, or the user is no longer in it. */
  GUILD_DELETE: { t: "GUILD_DELETE", s: number, d: GuildDelete };
  /** A user joined the guild. */
  GUILD_MEMBER_ADD: { t: "GUILD_MEMBER_ADD", s: number, d: GuildMember };
  /** A user left the guild. */
  GUILD_MEMBER_REMOVE: { t: "GUILD_MEMBER_REMOVE", s: number, d: GuildMember };
  /** An invite was made. */
  INVITE_CREATE: { t: "INVITE_CREATE", s: number, d: Invite };
  /** An invite is gone. */
  INVITE_DELETE: { t: "INVITE_DELETE", s: number, d: Invite };
  /** A channel was made. */
  CHANNEL_CREATE: { t: "CHANNEL_CREATE", s: number, d: Channel };
  /** A channel changed. */
  CHANNEL_UPDATE: { t: "CHANNEL_UPDATE", s: number, d: Channel };
  /** A channel is gone. */
  CHANNEL_DELETE: { t: "CHANNEL_DELETE", s: number, d: Channel };
  /** A user changed. */
  USER_UPDATE: { t: "USER_UPDATE", s: number, d: User };
  /** A user's presence changed. Its `id` stands beside `d`. */
  PRESENCE_UPDATE: { t: "PRESENCE_UPDATE", s: number } & PresenceUpdate;
  /** A notification. It has no `d`: its `type` and `excerpt` stand at the top level. */
  NOTIFICATION: { t: "NOTIFICATION", s: number } & Notification;
}
