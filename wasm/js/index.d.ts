// What the package exports. The events are in events.d.ts and the interactions in interactions.d.ts, both written from the
// server's own types.
import type { Events, JsonValue, Payloads, Presence, Ready } from "./events.js";

export type * from "./events.js";
export type { Interaction, InteractionResponse, ResponseTo } from "./interactions.js";
/** Everything that interactions and their answers are made of, such as `interactions.Message`. */
export type * as interactions from "./interactions.js";

/**
 * The payloads of your platform's own events, by name. Merge into it to have them typed:
 *
 * ```ts
 * declare module "sanmon" {
 *   interface PlatformPayloads { RAID_STARTED: { boss: string } }
 * }
 * ```
 */
export interface PlatformPayloads {}

/** Every name that a listener may be added for. */
export type EventName = keyof Payloads | keyof PlatformPayloads;

/** What a listener gets first: the event's `d`, or the whole event where the fields stand beside `t` and `s`. */
export type Payload<N extends EventName> = N extends keyof Payloads
  ? Payloads[N]
  : N extends keyof PlatformPayloads ? PlatformPayloads[N] : never;

/** The whole event of this name. */
export type EventOf<N extends EventName> = N extends keyof Events
  ? Events[N]
  : N extends keyof PlatformPayloads ? { t: N, s: number, d: PlatformPayloads[N] } : never;

/** Any event, told apart by `t`. A name that the types don't know arrives all the same. */
export type GatewayEvent = { [N in EventName]: EventOf<N> }[EventName];

export type Listener<N extends EventName> = (payload: Payload<N>, event: EventOf<N>) => unknown;

/**
 * - `discovering`: asking for a node's address
 * - `connecting`: opening the WebSocket
 * - `identifying`: saying who it is, waiting for READY or RESUMED
 * - `initialising`: READY came, its GUILD_INITs are coming
 * - `live`: events arrive as they happen
 * - `waiting`: something failed; the next attempt is set, spread by jitter
 * - `ended`: over, for good
 */
export type State = "discovering" | "connecting" | "identifying" | "initialising" | "live" | "waiting" | "ended";

/** What goes with a state. */
export interface StateDetail {
  /** In `waiting`: how long until the next attempt, in milliseconds. */
  retryInMs?: number;
  /** In `waiting` and `ended`: what went wrong; absent when the page itself closed. */
  error?: GatewayError;
  /** In `live` after a resume: how many missed events follow. */
  replayed?: number;
  /** In `live`: whether the position was taken up. If not, READY and GUILD_INITs replaced the page's own state. */
  resumed?: boolean;
}

export interface ConnectOptions {
  /** Where to ask for a node: the address of `/available`, or a `ws:` or `wss:` address to go to directly. */
  url: string | URL;
  /** The session id, or a function that is asked again on each identify. */
  session: string | (() => string | PromiseLike<string>);
  /** How events travel; `json` by default. */
  encoding?: "json" | "zlib";
  /** Listeners that are there from the first event on. `"*"` hears every event. */
  on?: { [N in EventName]?: Listener<N> } & { "*"?: (event: GatewayEvent) => unknown };
  /** As `gateway.onstate`, there from the first attempt on. */
  onstate?: (state: State, detail: StateDetail) => unknown;
  /** As `gateway.onerror`, there from the first attempt on. */
  onerror?: (error: GatewayError) => unknown;
  /**
   * Keep the position in sessionStorage across a reload, under this name or the address. For pages that keep their own
   * state across a reload too: after a resume no READY and no GUILD_INIT comes.
   */
  persist?: boolean | string;
  /** The position to resume from, where the page keeps it beside its own state. */
  position?: number;
  /** The largest message, also inflated, that is taken; 16 MiB by default. */
  maxMessageBytes?: number;
  /** Ends the connection, or the attempt to make one, when it aborts. */
  signal?: AbortSignal;
}

/**
 * Connects and stays connected. Resolves once the server has said READY or RESUMED; rejects when it never will.
 *
 * @throws {TypeError} An option is unknown, missing, or not what it must be.
 * @throws {GatewayError} The server refused, for good.
 */
export function connect(options: ConnectOptions): Promise<Gateway>;

/** A connection that comes back by itself. Made by {@link connect}. */
export class Gateway implements AsyncIterable<GatewayEvent> {
  private constructor();

  readonly state: State;
  /** What goes with the state. */
  readonly detail: StateDetail;
  /** The last READY. */
  readonly ready: Ready | undefined;
  /** The highest place in the event log that was seen: where a resume begins. */
  readonly position: number | undefined;
  /** Settles when it is over: resolves after `close()`, else rejects with why. */
  readonly closed: Promise<void>;

  /** Called after each change of `state`. */
  onstate: ((state: State, detail: StateDetail) => unknown) | null;
  /** Called with whatever goes wrong, also where it is tried again, also what a listener throws (as `cause`). */
  onerror: ((error: GatewayError) => unknown) | null;

  /** Adds a listener. It may add and remove listeners and close. */
  on<N extends EventName>(name: N, listener: Listener<N>): this;
  on(name: "*", listener: (event: GatewayEvent) => unknown): this;
  /** Removes a listener. */
  off<N extends EventName>(name: N, listener: Listener<N>): this;
  off(name: "*", listener: (event: GatewayEvent) => unknown): this;

  /** Shows the user to others as this, again after each reconnect that is no resume. */
  setPresence(presence: Presence): void;
  /** How long a message takes there and back, in milliseconds. Rejects where there is no connection to ask over. */
  ping(): Promise<number>;
  /** Ends the connection for good. */
  close(): void;

  /** Every event from now on; ends when the connection is closed, throws when it ended by an error. */
  [Symbol.asyncIterator](): AsyncIterableIterator<GatewayEvent>;
  [Symbol.dispose](): void;
}

/**
 * - `closed`: the server, or something on the way, closed the connection; `code` says why
 * - `discovery`: no node's address was to be had
 * - `session`: the function that gives the session id failed
 * - `message`: the server sent what can't be read, or more than is taken
 * - `listener`: a listener threw; `cause` is what
 * - `overflow`: a loop over the events left too many unread
 * - `unsupported`: this place lacks what is needed, such as WebSocket
 */
export type ErrorKind = "closed" | "discovery" | "session" | "message" | "listener" | "overflow" | "unsupported";

export class GatewayError extends Error {
  private constructor();

  readonly name: "GatewayError";
  readonly kind: ErrorKind;
  /** The close code, where the connection was closed. */
  readonly code: number | undefined;
  /** The close reason's word, such as `bad_session_id`. */
  readonly reason: string | undefined;
  /** What follows: `stop` (repeating would not help), `reconnect`, or `back_off` (reconnect, but later). */
  readonly advice: "stop" | "reconnect" | "back_off";
}

/**
 * Whether `publicKey` (64 hex digits) made `signature` (the header `X-Signature-Ed25519`) over `timestamp` (the header
 * `X-Signature-Timestamp`) and then `body`, as received. By the server's own rules: 128 hex digits, ASCII digits, canonical
 * encodings only. Whatever a sender can get wrong, a missing header too, is `false`.
 *
 * @throws {InvalidKeyError} The key itself can't be used.
 * @throws {TypeError} An argument is of another type.
 */
export function verifyInteraction(
  publicKey: string,
  signature: string | null | undefined,
  timestamp: string | null | undefined,
  body: string | ArrayBuffer | ArrayBufferView,
): Promise<boolean>;

/** The key that signatures were to be checked with can't be one. */
export class InvalidKeyError extends Error {
  private constructor();

  readonly name: "InvalidKeyError";
  /**
   * - `not_hex`: not 64 hex digits
   * - `not_a_point`: not the canonical encoding of a point of the curve
   * - `small_order`: some signatures hold under it for whatever message
   */
  readonly kind: "not_hex" | "not_a_point" | "small_order";
}

export type { JsonValue };
