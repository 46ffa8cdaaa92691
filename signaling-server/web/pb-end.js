// SPDX-License-Identifier: LGPL-2.1-or-later
// One end of one slot: its registration, what it sends, and one PbLink for each
// counterpart. Made by PbSession.join(); docs/browser.md has the manual.

import { PbLink } from './pb-link.js';
import { PbFaultError, describeFault, faultOnWire } from './pb-faults.js';
import { VIDEO_BPS, checkBrowser, openMedia } from './pb-media.js';
import { addTotals, joinFigures } from './pb-stats.js';

const HEALTH_MS = 5000;
const SRT_STATES = { waiting: 'disconnected', connecting: 'connecting',
  connected: 'connected', interrupted: 'disconnected' };

export class PbEnd extends EventTarget {
  #host;
  #links = new Map();
  #media = null;
  #isTaken = false;
  #muted = new Set();
  #health = 0;
  #told = new Set();
  #tally = 'off';
  #past = {};
  #isOver = false;
  #onEnded = () => this.#fault('camera-lost', 'page');

  /** The slot; undefined for an observer of the whole session. */
  stream;
  /** `send`, `receive` or `observe`. */
  direction;
  /** Whether it offers a return feed. */
  back;
  /** Our peer id, kept over reconnects. */
  id;
  /** The most that video may take, in bits per second. */
  videoBps = VIDEO_BPS;

  /** @hideconstructor PbSession makes it */
  constructor(host, { id, stream, direction, back }) {
    super();
    this.#host = host;
    Object.assign(this, { id, stream, direction, back });
    if (direction !== 'observe')
      this.#health = setInterval(() => this.#report(), HEALTH_MS);
  }

  /** What is sent: a MediaStream, or null. */
  get media() { return this.#media; }
  /** `off`, `preview` or `program`. */
  get tally() { return this.#tally; }
  /** The counterparts: id, client, state, path, and what they send. */
  get peers() {
    return [...this.#links.values()].map(({ peer, client, state, path, media }) =>
      ({ peer, client, state, path, media }));
  }

  /**
   * Sends this. Instead of what was sent before; nobody is disconnected.
   *
   * @param {MediaStream|{camera, microphone, screen}} what as openMedia() takes
   * @returns {Promise<MediaStream>} for the preview; throws a PbFaultError
   */
  async publish(what) {
    if (this.direction === 'observe' ||
        (this.direction === 'receive' && !this.back))
      throw new PbFaultError('denied');
    const code = checkBrowser();
    if (code) throw new PbFaultError(code);
    const media = await openMedia(what);
    const isTaken = media !== what;

    if (this.#isOver) {
      if (isTaken) media.getTracks().forEach((track) => track.stop());
      throw new PbFaultError('replaced');
    }
    this.#drop();
    this.#media = media;
    this.#isTaken = isTaken;
    for (const track of media.getTracks()) {
      track.enabled = !this.#muted.has(track.kind);
      track.addEventListener('ended', this.#onEnded);
    }
    this.#told.delete('camera-lost');
    this.#refresh();
    return media;
  }

  /**
   * Sends another track of the same kind: the other camera, say.
   *
   * @param {MediaStreamTrack} track
   */
  replaceTrack(track) {
    if (this.#media === null) throw new PbFaultError('internal');
    for (const old of this.#media.getTracks()) {
      if (old.kind !== track.kind) continue;
      old.removeEventListener('ended', this.#onEnded);
      this.#media.removeTrack(old);
      if (this.#isTaken) old.stop();
    }
    track.enabled = !this.#muted.has(track.kind);
    track.addEventListener('ended', this.#onEnded);
    this.#media.addTrack(track);
    this.#refresh();
  }

  /**
   * Black, or silence, instead of the picture or the sound.
   *
   * @param {'audio'|'video'} kind
   * @param {boolean} isMuted
   */
  mute(kind, isMuted) {
    this.#muted[isMuted ? 'add' : 'delete'](kind);
    for (const track of this.#media?.getTracks() ?? [])
      if (track.kind === kind) track.enabled = !isMuted;
  }

  /** Whether that kind is muted. */
  isMuted(kind) {
    return this.#muted.has(kind);
  }

  /**
   * What a third-party client of this slot pastes instead (docs/protocol.md,
   * 5.5). It holds the passphrase: ask when a person does, and keep it nowhere.
   *
   * @param {'send'|'receive'} [direction] default: what the token allows
   * @returns {Promise<{ready, note, strings}>} throws a PbFaultError
   */
  strings(direction) {
    return this.#host.ask({ type: 'strings', peer: this.id, direction });
  }

  /** Ends this registration and its connections; what was opened is closed. */
  leave() {
    if (this.#isOver) return;
    this.#host.leave(this);
    this.handleOver();
  }

  // --- for PbSession ---------------------------------------------------------

  /** @package `registered` */
  handleRegistered({ stream, tally }) {
    this.#told.clear();
    // a token for one slot need not name it
    this.stream ??= stream;
    if (tally && this.direction !== 'observe')
      this.handleTally(tally, 'server', true);
  }

  /** @package the slot's tally; `isFirst`: said even where it is the same */
  handleTally(state, via, isFirst = false) {
    if (state === this.#tally && !isFirst) return;
    this.#tally = state;
    this.#emit('tally', { state, via });
  }

  /** @package */
  handleCue(text, via) {
    this.#emit('cue', { text, via });
  }

  /** @package the message `peer` */
  handlePeer(intro) {
    const known = this.#links.get(intro.peer);

    if (intro.transport !== 'webrtc') {
      if (known) this.#forget(known, 'left');
      if (intro.transport === 'srt') this.#fault('no-transport', 'page', intro);
      return;
    }
    if (checkBrowser()) {
      this.#fault(checkBrowser(), 'page');
      return;
    }
    if (!known) {
      const link = new PbLink(this.#owner(), intro);

      this.#links.set(intro.peer, link);
      this.#emit('peer', { peer: intro.peer, client: intro.client,
        state: 'here' });
    }
    this.#links.get(intro.peer).introduce(intro);
  }

  /** @package */
  handleGone({ peer, reason }) {
    const link = this.#links.get(peer);

    if (link) this.#forget(link, reason);
  }

  /** @package the message `signal` */
  handleSignal({ from, kind, link = 1, data }) {
    this.#links.get(from)?.receive(kind, link, data);
  }

  /** @package what the other end says of a connection */
  handleStatus({ peer, srt, with: us, code }) {
    if (srt === 'error' && code && (us === undefined || us === this.id))
      this.#fault(code, 'peer', { peer });
  }

  /** @package the WebSocket is gone */
  handleAway() {
    for (const link of this.#links.values()) link.cut();
  }

  /** @package other relay credentials */
  handleConfiguration() {
    for (const link of this.#links.values()) link.configure();
  }

  /** @package refused or taken away; `isForgotten`: for good */
  handleRefused(code, isForgotten) {
    this.#fault(code, 'server');
    if (isForgotten) this.handleOver();
  }

  /** @package it is over, on whatever side */
  handleOver() {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#health);
    for (const link of [...this.#links.values()]) this.#forget(link, 'left');
    this.#drop();
    this.#emit('left', {});
  }

  /** @package an admin's tally and cue, to ends that miss the server */
  tell(message) {
    return [...this.#links.values()].map((link) => link.tell(message))
        .some(Boolean);
  }

  // --- the rest --------------------------------------------------------------

  #emit(type, detail) {
    const all = { stream: this.stream, end: this, ...detail };

    this.dispatchEvent(new CustomEvent(type, { detail: all }));
    this.#host.emit(type, all);
  }

  // Each once, until what it was about works again.
  #fault(code, side, about = {}) {
    const key = `${code} ${about.peer ?? ''}`;

    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#emit('fault', { ...describeFault(code), side, peer: about.peer });
  }

  #untell(peer) {
    for (const key of [...this.#told])
      if (key.endsWith(` ${peer}`)) this.#told.delete(key);
  }

  #refresh() {
    for (const link of this.#links.values()) link.refresh();
  }

  #drop() {
    for (const track of this.#media?.getTracks() ?? []) {
      track.removeEventListener('ended', this.#onEnded);
      if (this.#isTaken) track.stop();
    }
    this.#media = null;
  }

  #forget(link, reason) {
    this.#links.delete(link.peer);
    link.close();
    this.#untell(link.peer);
    this.#emit('peer', { peer: link.peer, client: link.client, state: 'gone',
      reason });
  }

  #owner() {
    const end = this;

    return {
      get direction() { return end.direction; },
      get videoBps() { return end.videoBps; },
      get isLocal() { return end.#host.isLocal; },
      tracks: () => new Map((end.#media?.getTracks() ?? []).map((track) =>
        [track.kind, track])),
      media: () => end.#media,
      configuration: () => end.#host.configuration(),
      say: (link, kind, number, data) => end.#host.send({ type: 'signal',
        from: end.id, to: link.peer, kind, link: number, data }),
      changed: (link) => end.#noteLink(link),
      heard: (link, message) => end.#noteChannel(link, message),
      opened: (link) => end.#host.opened(end, link),
      ended: (totals) => addTotals(end.#past, totals),
      feed: (link, media) => end.#emit('feed', { peer: link.peer, media,
        isReturn: end.direction === 'send' }),
    };
  }

  #noteLink(link) {
    const { peer, client, state, path, fault } = link;

    if (state === 'closed') return;
    if (state === 'connected') this.#untell(peer);
    if (fault) this.#fault(fault, 'page', { peer });
    this.#emit('peer', { peer, client, state, path, fault,
      retryIn: link.retryIn });
    this.#host.send({ type: 'status', peer: this.id, with: peer,
      srt: fault && state === 'waiting' ? 'error' : SRT_STATES[state],
      transport: 'webrtc', cipher: state === 'connected' ? 'dtls-srtp'
        : undefined, path, code: fault ? faultOnWire(fault) : undefined });
  }

  #noteChannel(link, message) {
    const { type, stream } = message;

    if (type === 'health') {
      const { type: unused, ...figures } = message;
      this.#emit('health', { peer: link.peer, via: 'peer', ...figures });
    } else if (stream !== this.stream) {
      // it speaks for this slot alone
    } else if (type === 'cue') {
      this.handleCue(message.text, 'peer');
    } else if (!this.#host.isUp) {
      // the server is the source of truth wherever it is there to ask
      this.handleTally(message.state, 'peer');
    }
  }

  async #report() {
    const all = [];
    const pictures = [];

    await Promise.all([...this.#links.values()].map(async (link) => {
      const figures = await link.measure();

      if (figures === null) return;
      all.push(figures);
      pictures.push(link.picture);
      // a sender has nothing to tell of what arrives
      if (this.direction === 'receive') link.tell({ type: 'health', ...figures });
    }));
    if (this.#isOver) return;
    const figures = joinFigures(all, this.#past);
    this.#host.send({ type: 'health', peer: this.id, ...figures });
    // the worst of them: somebody sees that picture
    const picture = pictures.find(({ limit }) => limit) ?? pictures[0];
    this.#emit('health', { peer: this.id, direction: this.direction,
      via: 'page', ...figures, ...picture });
  }
}
