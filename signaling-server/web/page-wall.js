// SPDX-License-Identifier: LGPL-2.1-or-later
// The control room's page: what an admin's link opens. What it shows is the
// model's (wall-model.js); each part of the page is a module of its own.

import { PbAdmin } from './pb-admin.js';
import { PbFaultError, PbSession, describeFault } from './pb-session.js';
import { Alarms } from './wall-alarms.js';
import { el, loadPart, setData } from './wall-dom.js';
import { Keys } from './wall-keys.js';
import { chooseLayout, pickPlaying, TILE_GAP } from './wall-layout.js';
import { Model, WALL_CLIENT } from './wall-model.js';
import { Shell, makeOver } from './wall-shell.js';
import { WallTile } from './wall-tile.js';
import { TALLY } from './wall-words.js';

// As many live pictures as a browser decodes beside all else.
const PLAYING_MOST = 16;
// A page that nobody sees lets go of its pictures.
const HIDDEN_MS = 30000;
const QUIET_S = 20;
// What the server was told comes back from it; not in that time, it is not so.
const CONFIRM_MS = 5000;
const NOTE_MS = 15000;
// All that a click may open is here before a click: later the server may be
// away. After the first picture of the page, which it must not hold up.
const LATER_MS = 3000;
const LATER = ['wall-cue.js', 'wall-people.js', 'wall-session.js',
  'wall-detail.js', 'wall-sheet.js'];
// `Date` has whole seconds, and an answer its way: less is no wrong clock.
const CLOCK_MS = 2000;
const PATIENCE_MS = 10000;

class Wall {
  name;
  session;
  admin;
  model = new Model();
  tiles = new Map();
  shell;
  alarms;
  keys;
  /** The slot that is open large, that is listened to; null: none. */
  opened = null;
  listening = null;
  arePicturesOn = true;
  #current = null;
  #dirty = new Set();
  #frame = 0;
  #layout = null;
  #heard = 0;
  #began = performance.now();
  #clockOff = 0;
  #timer;
  #hidden = 0;
  #watcher = new IntersectionObserver((entries) => this.#noteSeen(entries));
  #claims;
  #extended = 0;

  constructor({ name, token, claims }) {
    this.name = name;
    this.#claims = claims;
    this.session = new PbSession({ session: name, token, client: WALL_CLIENT });
    this.admin = new PbAdmin({ session: name, token });
    this.alarms = new Alarms(this);
    this.shell = new Shell(this);
    this.keys = new Keys(this);
    for (const type of ['state', 'registered', 'session', 'tally', 'cue',
      'health', 'peer', 'alarm', 'alarms', 'thumbnail', 'status'])
      this.session.addEventListener(type, ({ detail }) =>
        this.#take(type, detail));
    new ResizeObserver(() => this.#arrange()).observe(this.shell.grid);
    document.addEventListener('visibilitychange', () => {
      this.#hidden = document.hidden ? this.now : 0;
      // nobody drew meanwhile: no picture has stood still for that
      for (const tile of this.tiles.values()) tile.picture.freshen(this.now);
    });
    this.#timer = setInterval(() => this.#tick(), 1000);
    this.session.join();
    // a slot is free again at once, not after the time for coming back
    addEventListener('pagehide', () => this.session.leave());
    addEventListener('pageshow', (event) => {
      if (event.persisted) this.#finish(describeFault('token-missing'));
    });
  }

  get now() { return performance.now(); }
  /** Unix milliseconds by the server's clock: this device's may be wrong. */
  get serverNow() { return Date.now() + this.#clockOff; }
  get expires() {
    return Math.max(this.#extended, this.session.expires) || this.#claims.exp;
  }
  get columns() { return this.#layout?.columns ?? 1; }
  /** The tile that the keyboard is about. */
  get current() { return this.tiles.get(this.opened ?? this.#current) ?? null; }
  get list() { return [...this.tiles.values()]; }
  /** Whether the server ever said how the session is. */
  get hasHeard() { return this.#heard > 0; }
  /** Seconds without a word while there should be one; 0: all is well. */
  get silence() {
    if (this.session.state === 'joined') return 0;
    if (!this.hasHeard) return Math.floor((this.now - this.#began) / 1000);
    return Math.max(1, Math.floor((this.now - this.#heard) / 1000));
  }

  // --- what comes ------------------------------------------------------------

  #take(type, detail) {
    const tile = this.tiles.get(detail.stream);
    const slot = tile?.slot;

    if (this.session.state === 'joined') this.#heard = this.now;
    switch (type) {
      case 'state': this.#noteState(detail); break;
      case 'session':
        if (this.model.take(detail.streams, this.now)) this.#rebuild();
        this.invalidate();
        break;
      case 'tally':
        // an end's word is not the server's
        if (!slot || detail.via !== 'server') break;
        slot.noteTally(detail.state);
        this.invalidate(detail.stream);
        break;
      case 'cue': tile?.setCue(detail.text); break;
      case 'health':
        // ours comes back from the server, with what it means
        if (detail.via === 'server' && slot?.report(detail, this.now))
          this.invalidate(detail.stream);
        break;
      case 'thumbnail':
        tile?.picture.setStill(detail.picture, this.now);
        break;
      case 'alarm':
      case 'alarms': this.alarms.take(type, detail); break;
      default:
        if (tile) this.invalidate(detail.stream);
    }
  }

  #noteState({ state, sentence, isFatal }) {
    if (state === 'over' && isFatal) this.#finish({ sentence });
    else this.shell.notice(state === 'joined' ? '' : sentence ?? '');
    if (state === 'joined') {
      // what was owed to the server goes out now
      for (const slot of this.model.all) slot.sendAgain(this.now);
      this.readClock().catch(() => {});
      setTimeout(() => (globalThis.requestIdleCallback ?? setTimeout)(() =>
        this.#loadRest()), LATER_MS);
    }
    this.invalidate();
  }

  #finish({ sentence }) {
    clearInterval(this.#timer);
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
    this.model = new Model();
    this.alarms.stop();
    this.keys.stop();
    this.shell.finish(sentence);
  }

  // One after the other: none of it is urgent.
  async #loadRest() {
    try {
      for (const name of LATER) await loadPart(name);
    } catch {
      // away again: when it is back, or when somebody asks for one
    }
  }

  /** How far this device's clock is from the server's; throws if it is away. */
  async readClock() {
    const before = Date.now();
    const answer = await fetch('/api/health', { cache: 'no-store',
      credentials: 'omit', signal: AbortSignal.timeout(PATIENCE_MS) });
    const told = Date.parse(answer.headers.get('Date') ?? '');
    const off = told + 500 - (before + Date.now()) / 2;

    if (Number.isFinite(off))
      this.#clockOff = Math.abs(off) < CLOCK_MS ? 0 : off;
  }

  // --- the grid --------------------------------------------------------------

  #rebuild() {
    for (const [stream, tile] of this.tiles) {
      if (this.model.slots.has(stream)) continue;
      this.#watcher.unobserve(tile.node);
      tile.remove();
      this.tiles.delete(stream);
      if (this.#current === stream) this.#current = null;
    }
    for (const [i, slot] of this.model.all.entries()) {
      if (this.tiles.has(slot.stream)) continue;
      const tile = new WallTile(slot, i + 1, this);

      this.tiles.set(slot.stream, tile);
      this.shell.grid.append(tile.node);
      this.#watcher.observe(tile.node);
    }
    if (this.#current === null) this.select(this.list[0]?.stream ?? null, false);
    this.#arrange();
  }

  #arrange() {
    const { grid } = this.shell;
    const layout = chooseLayout({ slots: this.tiles.size,
      width: grid.clientWidth - 2 * TILE_GAP,
      height: grid.clientHeight - 2 * TILE_GAP });

    this.#layout = layout;
    setData(grid, 'density', layout.density);
    Object.assign(grid.style, {
      gridTemplateColumns: `repeat(${layout.columns}, minmax(0, 1fr))`,
      gridAutoRows: `${layout.tileHeight}px`,
      fontSize: `${layout.font}px`,
      overflowY: layout.scrolls ? 'auto' : 'hidden' });
    for (const tile of this.tiles.values()) tile.measure();
    this.#drawGraphs();
  }

  #noteSeen(entries) {
    for (const { target, isIntersecting } of entries) {
      const tile = this.tiles.get(target.dataset.stream);

      if (tile) tile.picture.inView = isIntersecting;
    }
    this.#play();
  }

  /** Moves the keyboard to a tile. */
  select(stream, isFocused = true) {
    if (this.#current !== stream) {
      this.tiles.get(this.#current)?.setCurrent(false);
      this.#current = stream;
      this.tiles.get(stream)?.setCurrent(true);
    }
    if (isFocused) this.tiles.get(stream)?.node.focus();
  }

  // --- what a person does ----------------------------------------------------

  setTally(stream, state) {
    const tile = this.tiles.get(stream);

    if (!tile) return;
    this.session.setTally(stream, state);
    tile.slot.want(state, this.now, this.session.state === 'joined');
    this.invalidate(stream);
  }

  // Takes back what nobody has heard of. A camera that is connected to this
  // page has, also without the server: that stays, and says what it waits for.
  #checkTallies() {
    const { now } = this;

    for (const { slot, picture, stream } of this.tiles.values()) {
      const { pending } = slot;

      if (!pending || now - pending.at < CONFIRM_MS ||
          (!pending.isSent && picture.isConnected))
        continue;
      slot.pending = null;
      this.invalidate(stream);
      if (pending.state === slot.tally) continue;
      // or it would be set when the server is back, whatever is right by then
      this.session.forgetTally(stream);
      const text = `${TALLY[pending.state]} was not set: ${pending.isSent
          ? 'the server does not confirm it' : 'the server is away'}`;
      this.tiles.get(stream).setNote(text, NOTE_MS);
      this.shell.say(`${stream}: ${text}`, true);
    }
  }

  ask(stream) {
    const tile = this.tiles.get(stream);

    if (!tile) return;
    tile.askedAt = this.now;
    this.select(stream);
    this.#play();
  }

  solo(stream) {
    this.listening = this.listening === stream ? null : stream;
    this.#play();
    for (const tile of this.tiles.values())
      tile.setListening(tile.stream === this.listening);
  }

  async open(stream) {
    if (this.opened !== null || !this.tiles.has(stream)) return;
    this.select(stream);
    await this.withPart('wall-detail.js', async ({ openDetail }) => {
      // keys are for what is open, so not before it is
      if (this.opened !== null || !this.tiles.has(stream)) return;
      this.opened = stream;
      this.#play();
      try {
        await openDetail(this, this.tiles.get(stream));
      } finally {
        this.opened = null;
      }
    });
  }

  /** Opens what a module of its own draws, or says why not. */
  async withPart(name, open) {
    let part;

    try {
      part = await loadPart(name);
    } catch (error) {
      this.shell.tell(error.message);
      return;
    }
    await open(part);
  }

  setPictures(areOn) {
    this.arePicturesOn = areOn;
    this.#play();
    this.invalidate();
  }

  /** The session lasts until then: known before the server tells everybody. */
  noteExpires(expires) {
    this.#extended = expires;
    this.shell.tick();
  }

  /**
   * A line to one slot, or to all.
   *
   * @returns {{sent: string[], empty: string[]}} where it went out: to
   *   somebody, and to slots where nobody is
   */
  cue(streams, text) {
    const out = streams.filter((stream) => this.session.cue(stream, text));
    const hasPeople = (stream) => this.model.slots.get(stream)?.hasPeople;

    return { sent: out.filter(hasPeople),
      empty: out.filter((stream) => !hasPeople(stream)) };
  }

  // --- drawing ---------------------------------------------------------------

  /** This slot, or all of it, is drawn with the next frame. */
  invalidate(stream) {
    if (stream === undefined)
      for (const one of this.tiles.keys()) this.#dirty.add(one);
    else this.#dirty.add(stream);
    if (this.#frame === 0)
      this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const { now } = this;

    this.#frame = 0;
    for (const stream of this.#dirty) {
      const tile = this.tiles.get(stream);

      if (!tile) continue;
      tile.slot = this.model.slots.get(stream);
      tile.draw(now, this.serverNow);
      const { slot } = tile;
      if (slot.confirmed) this.shell.say(`${stream}: ${TALLY[slot.confirmed]}`);
      slot.confirmed = '';
    }
    this.#dirty.clear();
    this.shell.count(this.model.count(now), this.model.all);
  }

  #drawGraphs() {
    const second = Math.floor(this.now / 1000);

    for (const tile of this.tiles.values())
      if (tile.picture.inView) tile.drawGraph(second);
  }

  #play() {
    const { now } = this;
    const isAway = this.#hidden > 0 && now - this.#hidden > HIDDEN_MS;
    const tiles = this.list;
    const most = this.arePicturesOn && !isAway ? PLAYING_MOST : 0;
    const chosen = pickPlaying(tiles.map((tile) => ({ stream: tile.stream,
      canPlay: tile.picture.canPlay, inView: tile.picture.inView,
      isFirst: tile.stream === this.opened || tile.stream === this.listening,
      askedAt: tile.askedAt, tally: tile.slot.tally,
      isPlaying: tile.picture.isPlaying })), most);

    for (const { stream, picture } of tiles) {
      picture.isOff = !this.arePicturesOn;
      picture.isShort = !chosen.has(stream);
      if (chosen.has(stream)) picture.play(now);
      else if (picture.isPlaying && (picture.canPlay || most === 0))
        picture.stop();
    }
  }

  #tick() {
    const { silence } = this;

    this.#checkTallies();
    this.shell.tick();
    this.alarms.tick();
    if (document.hidden) {
      this.#play();
      return;
    }
    // without the server nothing here is news
    setData(document.body, 'stale', silence > 0 ? 'yes' : 'no');
    if (silence >= QUIET_S || silence === 0) this.#play();
    this.invalidate();
    requestAnimationFrame(() => this.#drawGraphs());
  }
}

// The operator's sheet is for phones; this page has its own.
function loadSheet() {
  return new Promise((resolve) => {
    const link = el('link', { rel: 'stylesheet', href: '/web/wall.css' });

    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
}

/**
 * @param {object} link
 * @param {string} link.name the session's
 * @param {string} link.token
 * @param {object|null} link.claims what readToken() made of it
 */
export async function start({ name, token, claims }) {
  await loadSheet();
  for (const old of document.querySelectorAll('link[href="/web/style.css"]'))
    old.remove();
  document.body.replaceChildren();
  document.body.className = 'wall';
  if (claims && claims.session !== name) {
    document.body.append(makeOver('This link is for another session',
        `It opens the session “${claims.session}”, and this is “${name}”. Ask ` +
        'whoever gave you the link for one to this session.'));
    return null;
  }
  try {
    return new Wall({ name, token, claims });
  } catch (error) {
    document.body.append(makeOver(name, describeFault(
        error instanceof PbFaultError ? error.fault : 'internal').sentence));
    if (!(error instanceof PbFaultError)) throw error;
    return null;
  }
}
