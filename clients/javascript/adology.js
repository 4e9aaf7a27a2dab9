/**
 * A client of the Adology API for browsers and other places with `fetch` and `WebSocket`. One file, no dependencies.
 *
 *     import { Adology } from "./adology.js";
 *     const adology = new Adology({ url: "https://adology.example", key: "adk_…" });
 *     const { request_id } = await adology.post("/ingest", { brand: "kestrun" });
 *     adology.subscribe([request_id], (event) => console.log(event.status, event.result));
 *
 * **Who asks.** A page on the API's own origin needs no key: the browser sends the session's cookie. Any other page must
 * be of an origin in ADOLOGY_ALLOWED_ORIGINS and gives a key. A browser can't put a key into a header of a WebSocket, and
 * an address lands in logs; so the key is offered as a subprotocol, `adology.key.<key>`, beside `adology`, which is the
 * one the server takes. Whoever reads the page's code reads the key: give it the scope `read`, and an end.
 *
 * **What is heard.** A subscription is one socket. When it drops, it comes back by itself and resumes after the last
 * event it heard: none is lost, none comes twice, in order. Where too much was missed, `onGap` is called and how things
 * stand follows. A snapshot is no event, so it has no `event_id`; after a drop in its middle it is told again.
 *
 * @module adology
 *
 * @typedef {object} RequestEvent One step of a request, or in a snapshot how it stands.
 * @property {string} request_id
 * @property {string} status queued, processing, completed, failed or cancelled
 * @property {object|null} result counts while it runs, the ledger when it is over
 * @property {number} [event_id] absent in a snapshot
 *
 * @typedef {"all" | string[] | {requests?: string[], brandspaces?: string[]}} What Of one's organisation: every
 *   request, these requests, or those that concern these brandspaces.
 *
 * @typedef {object} Handlers
 * @property {number} [after] resume after this event instead of a snapshot
 * @property {() => void} [onGap] more was missed than is kept: a snapshot follows
 * @property {(error: AdologyError) => void} [onError] something isn't there (`not_found`), or the key or session has
 *   ended (`signed_out`, or a `status` of 401 or 403): then the subscription is over
 *
 * @typedef {object} Subscription
 * @property {number|undefined} eventId the last event heard
 * @property {() => void} close
 */

const SUBPROTOCOL = "adology";
const ATTEMPTS = 4; // of a call
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
const PING_MS = 25_000; // and as long again without an answer: the connection is dead
const SIGNED_OUT = 1008; // the server's goodbye to whom it wouldn't let in again
const PASSING = new Set([429, 502, 503, 504]);

/** What the API answered instead of a result. */
export class AdologyError extends Error {
  /** @param {{code: string, message: string, request_id?: string}} error @param {number} [status] of HTTP */
  constructor(error, status) {
    super(error.message);
    this.name = "AdologyError";
    this.code = error.code;
    this.status = status;
    this.requestId = error.request_id;
  }
}

/** One organisation's view of an Adology system. */
export class Adology {
  #url;
  #key;
  #subscriptions = new Set();

  /** @param {{url?: string, key?: string}} [options] `url` without a path; default: the page's own origin */
  constructor({ url = globalThis.location?.origin, key } = {}) {
    this.#url = String(url).replace(/\/+$/, "");
    this.#key = key;
  }

  /**
   * @param {string} path below /api/v1, such as "/brandspaces"
   * @param {Record<string, string | number | string[]>} [params] of the query; a list is repeated
   * @returns {Promise<any>}
   */
  get(path, params = {}) {
    const pairs = Object.entries(params).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)]));
    const query = new URLSearchParams(pairs).toString();
    return this.#call("GET", query ? `${path}?${query}` : path);
  }

  /**
   * Done once, however often the network makes us ask: each call has an `Idempotency-Key` of its own.
   * @param {string} path below /api/v1
   * @param {object} [body]
   * @param {{idempotencyKey?: string}} [options] a key of yours, where the caller himself may repeat the call
   * @returns {Promise<any>}
   */
  post(path, body = {}, { idempotencyKey = newKey() } = {}) {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": idempotencyKey };
    return this.#call("POST", path, { headers, body: JSON.stringify(body) });
  }

  /**
   * Hear of requests, until `close`.
   * @param {What} what
   * @param {(event: RequestEvent) => void} onEvent
   * @param {Handlers} [handlers]
   * @returns {Subscription}
   */
  subscribe(what, onEvent, handlers = {}) {
    const protocols = this.#key ? [SUBPROTOCOL, `${SUBPROTOCOL}.key.${this.#key}`] : [SUBPROTOCOL];
    const open = () => new WebSocket(`${this.#url.replace(/^http/, "ws")}/ws`, protocols);
    const knock = () => this.get("/requests", { limit: 1 });
    const forget = () => this.#subscriptions.delete(subscription);
    const subscription = new Listener({ open, knock, forget, what, handlers: { ...handlers, onEvent } });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  /** End every subscription. */
  close() {
    for (const subscription of this.#subscriptions) subscription.close();
  }

  async #call(method, path, { headers = {}, body } = {}) {
    const authorization = this.#key ? { Authorization: `Bearer ${this.#key}` } : {};
    const asked = { method, body, headers: { ...headers, ...authorization } };
    for (let attempt = 1; ; attempt += 1) {
      const response = await fetch(`${this.#url}/api/v1${path}`, asked).catch((error) => error);
      const isLast = attempt === ATTEMPTS;
      if (response instanceof Error) {
        if (isLast) throw response;
      } else if (response.ok) {
        return response.status === 204 ? null : response.json();
      } else if (isLast || !PASSING.has(response.status)) {
        throw await errorOf(response);
      }
      const seconds = Number(response.headers?.get("Retry-After")) || 0;
      await new Promise((done) => setTimeout(done, Math.max(1_000 * seconds, pause(attempt))));
    }
  }
}

/** A subscription: one socket at a time, and the last event it heard. */
class Listener {
  #given;
  #socket;
  #timer;
  #attempt = 0;
  #isOver = false;

  constructor(given) {
    this.#given = given;
    this.eventId = given.handlers.after;
    this.#connect();
  }

  close() {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#given.forget();
  }

  #connect() {
    const socket = this.#given.open();
    this.#socket = socket;
    socket.onopen = () => {
      socket.send(JSON.stringify({ subscribe: this.#given.what, after: this.eventId }));
      this.#watch(socket);
    };
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket || this.#isOver) return; // given up: what it still says, its successor says, too
      this.#watch(socket);
      this.#hear(JSON.parse(data));
    };
    socket.onclose = ({ code, reason }) => {
      if (code === SIGNED_OUT) this.#end(socket, new AdologyError({ code: "signed_out", message: reason }));
      else this.#lose(socket);
    };
  }

  #hear(frame) {
    const { onEvent, onGap, onError } = this.#given.handlers;
    this.eventId = frame.event_id ?? this.eventId;
    if (frame.subscribed) this.#attempt = 0;
    else if (frame.gap) onGap?.();
    else if (frame.error) onError?.(new AdologyError(frame.error));
    else if (frame.request_id) onEvent(frame);
  }

  /** Silence is answered with a ping, and more silence is an end: a lost network says nothing. */
  #watch(socket) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      socket.send(JSON.stringify({ ping: 1 }));
      this.#timer = setTimeout(() => this.#lose(socket), PING_MS);
    }, PING_MS);
  }

  #lose(socket) {
    if (socket !== this.#socket || this.#isOver) return;
    clearTimeout(this.#timer);
    this.#socket = null;
    socket.close();
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#comeBack(), pause(this.#attempt));
  }

  /** A browser doesn't tell why it could not open a socket, so ask by HTTP whether we are let in. */
  async #comeBack() {
    const error = await this.#given.knock().then(() => null, (refusal) => refusal);
    if (error?.status === 401 || error?.status === 403) this.#end(null, error);
    else if (!this.#isOver) this.#connect();
  }

  #end(socket, error) {
    if (socket !== this.#socket || this.#isOver) return;
    this.close();
    this.#given.handlers.onError?.(error);
  }
}

/** Longer each time, by chance: clients that were lost together don't come back together. */
function pause(attempt) {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  return longest / 2 + (Math.random() * longest) / 2;
}

/** Not `crypto.randomUUID`: that is there on secure pages only. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function errorOf(response) {
  const body = await response.json().catch(() => null);
  return new AdologyError(body?.error ?? { code: "error", message: `HTTP ${response.status}` }, response.status);
}
