// SPDX-License-Identifier: LGPL-2.1-or-later
// The WebSocket to the signalling server and what is registered on it
// (docs/protocol.md, section 5). Comes back after every loss under the same
// peer ids; gives up on what trying again cannot mend.

import { MESSAGE_MAX, readMessage, readObject } from './pb-wire.js';
import { PbFaultError, describeFault, faultOfClosed, faultOfError } from './pb-faults.js';

const FIRST_MS = 250;
const LONGEST_MS = 10000;
const JITTER = 0.3;
// A browser shows its page no ping. Where nothing else is heard, a repeated
// `register`, which changes nothing, is our own.
const SILENCE_MS = 25000;
const PROBE_MS = 10000;
// A socket that opens into a network that is gone is told of after minutes.
const OPEN_MS = 10000;
// A device that wakes has slept through the silence: it asks at once.
const WAKE_MS = 3000;
const LETTERS =
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';
const CLOSE_FAULTS = { 4001: 'session-closed', 4002: 'token-expired',
  4003: 'token-revoked', 4004: 'session-expired' };

/** How long to wait before attempt number `n` (from 0) is repeated. */
export function backoff(n) {
  return Math.min(FIRST_MS * 2 ** Math.min(n, 16), LONGEST_MS) *
      (1 - JITTER * Math.random());
}

/** A peer id: 64 letters, so that six bits of a random octet draw one. */
export function drawPeerId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)),
      (octet) => LETTERS[octet & 63]).join('');
}

export class PbSignal {
  #base;
  #session;
  #token;
  #callbacks;
  #entries = new Map();
  #questions = new Map();
  #socket = null;
  #timer = 0;
  #attempt = 0;
  #lastId = 0;
  #isOver = false;
  #isUp = false;
  #wasUp = false;
  #openedAt = 0;
  #onOnline = () => this.#hurry();
  #onWake = () => this.#wake();

  /**
   * @param {{base: URL, session: string, token: string}} options
   * @param {object} callbacks `message(message)`, `registered(peer, message)`,
   *   `refused(peer, code, isForgotten)`, `declined(id, code)` of anything
   *   else, `up()`, `away(code)`, `over(code)`
   */
  constructor({ base, session, token }, callbacks) {
    this.#base = base;
    this.#session = session;
    this.#token = token;
    this.#callbacks = callbacks;
  }

  /** Whether messages reach the server now. */
  get isUp() {
    return this.#isUp;
  }

  /** @param {object} fields of `register`, with `peer` */
  register(fields) {
    if (this.#isOver) return;
    const entry = { fields, requestId: 0, isRegistered: false, attempt: 0,
      timer: 0 };

    this.#entries.set(fields.peer, entry);
    if (this.#isUp) this.#sendRegister(entry);
    else if (this.#socket === null && this.#timer === 0) this.#connect();
  }

  /** Takes one registration back; the last one closes the socket. */
  leave(peer) {
    const entry = this.#entries.get(peer);

    if (!entry) return;
    this.#forget(entry);
    if (this.#entries.size === 0) this.#close(1000);
    else this.send({ type: 'leave', peer });
  }

  /** @returns {boolean} false: away; nothing is kept for later */
  send(message) {
    if (!this.#isUp) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** @returns {number} the id that a `declined` repeats; 0: away */
  sendNumbered(message) {
    const id = this.#drawId();

    return this.send({ ...message, id }) ? id : 0;
  }

  /**
   * Sends what the server answers.
   *
   * @param {object} message without `id`
   * @returns {Promise<object>} the answer; throws a PbFaultError
   */
  ask(message) {
    const id = this.#drawId();

    if (!this.send({ ...message, id }))
      return Promise.reject(new PbFaultError('server-unreachable'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#answer(id, 'server-unreachable'),
          PROBE_MS);

      this.#questions.set(id, { resolve, reject, timer });
    });
  }

  /** Leaves: the server ends our registrations at once. */
  close() {
    this.#isOver = true;
    for (const entry of [...this.#entries.values()]) this.#forget(entry);
    this.#close(1000);
  }

  // An answer, or the fault why there will be none.
  #answer(id, reply) {
    const question = this.#questions.get(id);

    if (!question) return false;
    clearTimeout(question.timer);
    this.#questions.delete(id);
    if (typeof reply === 'string') question.reject(new PbFaultError(reply));
    else question.resolve(reply);
    return true;
  }

  #drawId() {
    this.#lastId = this.#lastId % (2 ** 31 - 1) + 1;
    return this.#lastId;
  }

  #forget(entry) {
    clearTimeout(entry.timer);
    this.#entries.delete(entry.fields.peer);
  }

  #close(code) {
    globalThis.removeEventListener?.('online', this.#onOnline);
    globalThis.document?.removeEventListener('visibilitychange', this.#onWake);
    globalThis.document?.removeEventListener('resume', this.#onWake);
    this.#drop(code);
  }

  // This socket is none any more; another may be opened.
  #drop(code) {
    const socket = this.#socket;

    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#socket = null;
    this.#isUp = false;
    this.#giveUpAsking();
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(code);
    }
  }

  #giveUpAsking() {
    for (const id of [...this.#questions.keys()])
      this.#answer(id, 'server-unreachable');
  }

  #fail(code) {
    if (this.#isOver) return;
    this.close();
    this.#callbacks.over(code);
  }

  // --- the socket ------------------------------------------------------------

  #connect() {
    const url = new URL(`api/ws/${encodeURIComponent(this.#session)}`,
        this.#base);
    let wasOpen = false;

    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    globalThis.addEventListener?.('online', this.#onOnline);
    globalThis.document?.addEventListener('visibilitychange', this.#onWake);
    globalThis.document?.addEventListener('resume', this.#onWake);
    const socket = new WebSocket(url, ['patchbay.v1', this.#token]);
    this.#socket = socket;
    this.#openedAt = performance.now();
    this.#timer = setTimeout(() => this.#giveUp(), OPEN_MS);
    socket.onopen = () => {
      wasOpen = true;
      this.#isUp = this.#wasUp = true;
      this.#listen(false);
      for (const entry of this.#entries.values()) this.#sendRegister(entry);
      this.#callbacks.up();
    };
    socket.onmessage = (event) => this.#take(event.data);
    socket.onclose = (event) => this.#lost(wasOpen, event.code);
  }

  // Nobody answers: there is nothing to ask why.
  #giveUp() {
    this.#drop(3000);
    this.#lost(true, 1006);
  }

  // Something was heard, or must be within the time that a probe has.
  #listen(isProbe, ms = isProbe ? PROBE_MS : SILENCE_MS) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const [entry] = [...this.#entries.values()].filter((e) =>
          e.isRegistered);

      if (isProbe || !entry) {
        this.#giveUp();
        return;
      }
      this.#sendRegister(entry);
      this.#listen(true);
    }, ms);
  }

  async #lost(wasOpen, code) {
    const socket = this.#socket;
    let fault = CLOSE_FAULTS[code];

    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#isUp = false;
    this.#giveUpAsking();
    for (const entry of this.#entries.values()) {
      clearTimeout(entry.timer);
      entry.isRegistered = false;
      entry.requestId = 0;
    }
    if (!wasOpen) fault = await this.#explain();
    if (this.#isOver || this.#socket !== socket) return;
    this.#socket = null;
    // one that was there may come back with the server; one that never was
    // is an old link
    if (fault && (describeFault(fault).isFatal ||
        (fault === 'session-unknown' && !this.#wasUp))) {
      this.#fail(fault);
      return;
    }
    this.#callbacks.away(fault ?? 'server-unreachable');
    this.#timer = setTimeout(() => this.#connect(), backoff(this.#attempt++));
  }

  // The network is back: the rest of the waiting is for nothing, and what has
  // been opening for long does so into the network before.
  #hurry() {
    if (this.#isOver || this.#isUp) return;
    if (this.#socket !== null &&
        performance.now() - this.#openedAt < WAKE_MS)
      return;
    this.#drop(3000);
    this.#connect();
  }

  // The page is looked at again: a phone that slept has a socket that nobody
  // answers, and knows it only by asking.
  #wake() {
    const [entry] = [...this.#entries.values()].filter((e) => e.isRegistered);

    if (globalThis.document?.hidden) return;
    this.#hurry();
    if (!this.#isUp || !entry) return;
    this.#sendRegister(entry);
    this.#listen(true, WAKE_MS);
  }

  // A browser hides why a WebSocket was refused; plain HTTP tells. The answer
  // may be slow, and then the reason has to wait for the next attempt.
  async #explain() {
    try {
      const url = new URL(`api/session/${encodeURIComponent(this.#session)}`,
          this.#base);
      const answer = await fetch(url, {
        headers: { Authorization: `Bearer ${this.#token}` },
        signal: AbortSignal.timeout(PROBE_MS), credentials: 'omit',
      });
      if (answer.ok) return undefined;
      const body = readObject(await answer.text(), MESSAGE_MAX);
      return faultOfError(body?.error?.reason, false);
    } catch {
      return undefined; // the server is away
    }
  }

  // --- what comes ------------------------------------------------------------

  #take(data) {
    const message = readMessage(data);

    this.#listen(false);
    if (message === null) return;
    // SRT's: of no use here, so it goes no further
    delete message.passphrase;
    if (message.type !== 'error' && message.id !== undefined &&
        this.#answer(message.id, message))
      return;
    switch (message.type) {
      case 'registered': this.#noteRegistered(message); break;
      case 'error': this.#noteError(message); break;
      case 'closed': this.#noteClosed(message); break;
      default: this.#callbacks.message(message);
    }
  }

  #sendRegister(entry) {
    entry.requestId = this.#drawId();
    clearTimeout(entry.timer);
    this.send({ type: 'register', id: entry.requestId, protocol: '1.0',
      ...entry.fields });
  }

  #noteRegistered(message) {
    const entry = this.#entries.get(message.peer);

    if (!entry) return;
    this.#attempt = 0;
    Object.assign(entry, { requestId: 0, isRegistered: true, attempt: 0 });
    this.#callbacks.registered(message.peer, message);
  }

  #noteError(message) {
    const entry = [...this.#entries.values()].find((e) =>
        e.requestId > 0 && e.requestId === message.id);
    const code = faultOfError(message.error.reason, true);

    if (this.#answer(message.id, code)) return;
    // an answer to something else than a `register` changes nothing here
    if (!entry) {
      this.#callbacks.declined(message.id, code);
      return;
    }
    if (['token-missing', 'token-invalid', 'token-expired', 'token-revoked',
      'session-expired'].includes(code))
      this.#fail(code);
    else this.#refuse(entry, code, false);
  }

  #noteClosed(message) {
    const code = faultOfClosed(message.reason);
    // a server that goes down comes back, whatever it says
    const isFinal = message.retry !== true && code !== 'server-unreachable';
    const entry = this.#entries.get(message.peer);

    if (message.peer === undefined) {
      if (isFinal) this.#fail(code);
    } else if (entry) {
      this.#refuse(entry, code, isFinal);
    }
  }

  // One registration was refused or taken away; the connection is fine.
  #refuse(entry, code, isFinal) {
    const isForgotten = isFinal || describeFault(code).isFatal;

    entry.requestId = 0;
    entry.isRegistered = false;
    if (isForgotten) {
      this.#forget(entry);
      if (this.#entries.size === 0) this.#close(1000);
    } else {
      clearTimeout(entry.timer);
      entry.timer = setTimeout(() => {
        if (this.#isUp) this.#sendRegister(entry);
      }, backoff(entry.attempt++));
    }
    this.#callbacks.refused(entry.fields.peer, code, isForgotten);
  }
}
