// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * Patchbay in a browser: a page as a camera, as a viewer, or as a control room,
 * over the same protocol as everybody else (docs/protocol.md). docs/browser.md
 * is the manual, with an example. No dependency, nothing kept in the browser,
 * no secret in an event.
 */

import { PbEnd } from './pb-end.js';
import { PbFaultError, describeFault } from './pb-faults.js';
import { PbSignal, drawPeerId } from './pb-signal.js';
import { isLoopback } from './pb-sdp.js';
import { isBy, isCue, isName, isTally, readToken } from './pb-wire.js';

export { PbEnd, PbFaultError, describeFault, readToken };

// That a socket is dead shows later than that, see pb-signal.js: what was sent
// into it before has arrived.
const ARRIVED_MS = 60000;

export class PbSession extends EventTarget {
  #signal;
  #base;
  #ends = new Map();
  #ice = { stun: null, turn: null };
  #policy;
  #client;
  #isAdmin;
  #tallies = new Map();
  /* slot: {state, id, at}; `at` null: not sent over the present connection */
  #owed = new Map();
  #state = 'new';
  #fault = null;
  #expires = 0;
  #linkExpires = 0;
  #isSessionKnown = false;

  /**
   * @param {object} options
   * @param {string} options.session the session's name
   * @param {string} options.token `p_…`; kept in memory only
   * @param {string} [options.url] the server; default: where the page is from
   * @param {string} [options.client] what the wall calls us
   * @param {'all'|'relay'} [options.iceTransportPolicy] `relay`: through the
   *   server's relay only, so that the other end does not learn our address
   */
  constructor({ session, token, url = globalThis.location?.href,
    client = 'browser', iceTransportPolicy = 'all' }) {
    super();
    if (!isName(session)) throw new PbFaultError('session-unknown');
    if (!token) throw new PbFaultError('token-missing');
    const claims = readToken(token);
    if (claims === null) throw new PbFaultError('token-invalid');
    this.#base = new URL('/', url);
    this.#isAdmin = claims.role === 'admin';
    this.#policy = iceTransportPolicy;
    this.#client = client;
    this.#signal = new PbSignal({ base: this.#base, session, token }, {
      message: (message) => this.#take(message),
      registered: (peer, message) => this.#noteRegistered(peer, message),
      refused: (peer, code, isForgotten) =>
        this.#noteRefused(peer, code, isForgotten),
      declined: (id) => this.#noteDeclined(id),
      up: () => this.#setState('joining', null),
      away: (code) => this.#noteAway(code),
      over: (code) => this.#noteOver(code),
    });
  }

  /** `new`, `joining`, `joined`, `away` (trying again) or `over`. */
  get state() { return this.#state; }
  /** Why it is away or over: {code, sentence, isFatal}, or null. */
  get fault() { return this.#fault; }
  /** When the session ends, in Unix seconds; 0: not known yet. */
  get expires() { return this.#expires; }
  /** When what our token allows ends, if that is sooner. */
  get linkExpires() { return this.#linkExpires; }
  /** The ends that joined. */
  get ends() { return [...this.#ends.values()]; }

  /**
   * Joins: as a sender or receiver of one slot, or as an observer. As often as
   * there are slots; all share one connection to the server.
   *
   * @param {object} [options]
   * @param {string} [options.stream] the slot
   * @param {'send'|'receive'|'observe'} [options.direction]
   * @param {boolean} [options.back] a receiver that sends a return feed
   * @returns {PbEnd}
   */
  join({ stream, direction = 'observe', back = false } = {}) {
    if (this.#state === 'over')
      throw new PbFaultError(this.#fault?.code ?? 'internal');
    if (stream !== undefined && !isName(stream))
      throw new PbFaultError('slot-unknown');
    const fields = { peer: drawPeerId(), direction, client: this.#client };
    const end = new PbEnd(this.#host(), { id: fields.peer, stream, direction,
      back });

    if (stream !== undefined) fields.stream = stream;
    if (direction !== 'observe')
      Object.assign(fields, { ice: true, transports: ['webrtc'] });
    if (back) fields.back = true;
    this.#ends.set(end.id, end);
    if (this.#state === 'new') this.#setState('joining', null);
    this.#signal.register(fields);
    return end;
  }

  /** Leaves for good. */
  leave() {
    if (this.#state === 'over') return;
    this.#signal.close();
    this.#finish(null);
  }

  /**
   * Admin: sets the light of a slot. While the server is away the cameras that
   * are connected to this page see it all the same; the server learns of it as
   * soon as it is back. So it does of what it has not told back.
   *
   * @param {string} stream
   * @param {'off'|'preview'|'program'} state
   */
  setTally(stream, state) {
    if (!isName(stream) || !isTally(state)) throw new TypeError('tally');
    const message = { type: 'tally', stream, state };

    this.#owed.set(stream, { state, id: 0, at: null });
    this.#sendOwed();
    this.#tallies.set(stream, state);
    for (const end of this.#endsOf(stream)) end.tell(message);
  }

  /** Admin: what the server has not told back of a slot it gets no more. */
  forgetTally(stream) {
    this.#owed.delete(stream);
  }

  /**
   * Admin: a line for the people on a slot.
   *
   * @param {string} stream
   * @param {string} text 1 to 140 characters
   * @returns {boolean} whether it went out
   */
  cue(stream, text) {
    if (!isName(stream) || !isCue(text)) throw new TypeError('cue');
    const message = { type: 'cue', stream, text };

    // once, or it is read twice
    return this.#signal.send(message) ||
        this.#endsOf(stream).map((end) => end.tell(message)).some(Boolean);
  }

  /**
   * Admin: somebody has seen this alarm.
   *
   * @param {number} alarm its number
   * @param {string} [by] who, 1 to 32 characters
   * @returns {boolean} whether it went out
   */
  acknowledge(alarm, by) {
    if (by !== undefined && !isBy(by)) throw new TypeError('by');
    return this.#signal.send({ type: 'ack', alarm, by });
  }

  /**
   * Asks for a still picture of a slot that a browser cannot play, where its
   * `thumbnails` says there are any; it comes as a `thumbnail` event.
   *
   * @param {string} stream
   * @returns {boolean} whether the question went out
   */
  requestThumbnail(stream) {
    if (!isName(stream)) throw new TypeError('stream');
    return this.#signal.send({ type: 'thumbnail_request', stream });
  }

  // --- what ends need --------------------------------------------------------

  #host() {
    const session = this;

    return {
      get isUp() { return session.#state === 'joined'; },
      get isLocal() { return isLoopback(session.#base.hostname); },
      emit: (type, detail) => session.#emit(type, detail),
      send: (message) => session.#signal.send(message),
      ask: (message) => session.#signal.ask(message),
      configuration: () => session.#configuration(),
      leave: (end) => {
        session.#ends.delete(end.id);
        session.#signal.leave(end.id);
        if (session.#ends.size === 0 && session.#state !== 'over')
          session.#setState('new', null);
      },
      // a camera that has lost the server hears from us how it stands
      opened: (end, link) => {
        const state = session.#tallies.get(end.stream);

        if (session.#isAdmin && state)
          link.tell({ type: 'tally', stream: end.stream, state });
      },
    };
  }

  #configuration() {
    const { stun, turn } = this.#ice;
    const servers = [];

    if (stun) {
      const host = stun.address?.includes(':') ? `[${stun.address}]`
          : stun.address ?? this.#base.hostname;
      servers.push({ urls: `stun:${host}:${stun.port}` });
    }
    if (turn) servers.push(turn);
    return { iceServers: servers, iceTransportPolicy: this.#policy };
  }

  #noteTurn({ urls, username, credential }) {
    const usable = urls.filter((url) =>
        /^turns?:[A-Za-z0-9.:[\]-]+(\?transport=(udp|tcp))?$/.test(url));

    this.#ice.turn = usable.length > 0
        ? { urls: usable, username, credential } : null;
    for (const end of this.#ends.values()) end.handleConfiguration();
  }

  // --- what the server says --------------------------------------------------

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #endsOf(stream) {
    return this.ends.filter((end) => end.stream === stream &&
        end.direction !== 'observe');
  }

  #setState(state, code) {
    this.#state = state;
    this.#fault = code ? describeFault(code) : null;
    // nobody tries again
    if (state === 'over' && code) this.#fault.isFatal = true;
    this.#emit('state', { state, ...this.#fault });
  }

  #noteRegistered(peer, message) {
    const end = this.#ends.get(peer);
    const { stun, turn, expires, stream, direction, state } = message;

    if (!end) return;
    if (stun) this.#ice.stun = stun;
    if (turn) this.#noteTurn(turn);
    if (expires) this.#linkExpires = expires;
    if (expires && !this.#isSessionKnown) this.#expires = expires;
    if (message.tally) this.#tallies.set(stream, message.tally);
    if (this.#state !== 'joined') this.#setState('joined', null);
    this.#sendOwed();
    this.#emit('registered', { end, peer, stream, direction, state, expires });
    end.handleRegistered(message);
  }

  // A token that lasts as long as the session is carried along when that is
  // extended (docs/protocol.md, section 3).
  #noteExpires(expires) {
    if (!expires) return;
    if (this.#isSessionKnown && this.#linkExpires >= this.#expires)
      this.#linkExpires = expires;
    this.#expires = expires;
    this.#isSessionKnown = true;
  }

  #noteRefused(peer, code, isForgotten) {
    const end = this.#ends.get(peer);

    if (isForgotten) this.#ends.delete(peer);
    end?.handleRefused(code, isForgotten);
    if (isForgotten && this.#ends.size === 0) this.#finish(code);
  }

  // A tally that goes into a dead socket looks like any other: it is owed until
  // the server tells it back, or another one.
  #sendOwed() {
    for (const [stream, owed] of this.#owed) {
      if (owed.at !== null) continue;
      owed.id = this.#signal.sendNumbered({ type: 'tally', stream,
        state: owed.state });
      if (owed.id > 0) owed.at = performance.now();
    }
  }

  #noteDeclined(id) {
    for (const [stream, owed] of this.#owed)
      if (id > 0 && owed.id === id) this.#owed.delete(stream);
  }

  #noteAway(code) {
    const isNews = this.#state !== 'away' || this.#fault?.code !== code;

    for (const [stream, owed] of this.#owed) {
      if (owed.at !== null && performance.now() - owed.at > ARRIVED_MS)
        this.#owed.delete(stream);
      owed.at = null;
    }
    for (const end of this.#ends.values()) end.handleAway();
    if (!isNews) return;
    this.#setState('away', code);
    this.#emit('fault', { ...this.#fault, side: 'server' });
  }

  #noteOver(code) {
    this.#finish(code);
    this.#emit('fault', { ...this.#fault, side: 'server' });
  }

  #finish(code) {
    this.#setState('over', code);
    for (const end of this.#ends.values()) end.handleOver();
    this.#ends.clear();
  }

  #take(message) {
    const { type, stream } = message;
    const to = this.#ends.get(message.to);

    switch (type) {
      case 'peer': to?.handlePeer(message); break;
      case 'peer_gone':
        for (const end of to ? [to] : this.#endsOf(stream))
          end.handleGone(message);
        break;
      case 'signal': to?.handleSignal(message); break;
      case 'status':
        for (const end of this.#endsOf(stream)) end.handleStatus(message);
        this.#emit('status', message);
        break;
      case 'tally':
        this.#tallies.set(stream, message.state);
        this.#owed.delete(stream);
        for (const end of this.#endsOf(stream))
          end.handleTally(message.state, 'server');
        // those who only watch have no end of this slot
        if (this.#endsOf(stream).length === 0)
          this.#emit('tally', { stream, state: message.state, via: 'server' });
        break;
      case 'cue':
        for (const end of this.#endsOf(stream))
          end.handleCue(message.text, 'server');
        if (this.#endsOf(stream).length === 0)
          this.#emit('cue', { stream, text: message.text, via: 'server' });
        break;
      case 'health': this.#emit('health', { via: 'server', ...message }); break;
      case 'session':
        this.#noteExpires(message.expires);
        for (const slot of message.streams) {
          if (slot.tally) this.#tallies.set(slot.stream, slot.tally);
          // another one may be of before ours
          if (slot.tally === this.#owed.get(slot.stream)?.state)
            this.#owed.delete(slot.stream);
        }
        this.#emit('session', message);
        break;
      case 'turn': this.#noteTurn(message); break;
      case 'alarm':
      case 'alarms': {
        const { type: unused, ...detail } = message;
        this.#emit(type, detail);
        break;
      }
      case 'thumbnail':
        this.#emit('thumbnail', { stream, peer: message.peer,
          picture: `data:image/jpeg;base64,${message.jpeg}` });
        break;
      default:
    }
  }
}
