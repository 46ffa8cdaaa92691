// SPDX-License-Identifier: LGPL-2.1-or-later
// The control room's page: what an admin's link opens. What it shows is the
// model's (wall-model.js); each part of the page is a module of its own.

import { PbAdmin } from './pb-admin.js';
import { PbFaultError, PbSession, describeFault } from './pb-session.js';
import { Alarms } from './wall-alarms.js';
import { el, setData, setText } from './wall-dom.js';
import { Keys } from './wall-keys.js';
import { chooseLayout, pickPlaying, TILE_GAP } from './wall-layout.js';
import { Model, WALL_CLIENT } from './wall-model.js';
import { Shell } from './wall-shell.js';
import { WallTile } from './wall-tile.js';

// As many live pictures as a browser decodes beside all else.
const PLAYING_MOST = 16;
// A page that nobody sees lets go of its pictures.
const HIDDEN_MS = 30000;
const QUIET_S = 20;

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
    });
    setInterval(() => this.#tick(), 1000);
    this.session.join();
    // a slot is free again at once, not after the time for coming back
    addEventListener('pagehide', () => this.session.leave());
    addEventListener('pageshow', (event) => {
      if (event.persisted) this.#finish(describeFault('token-missing'));
    });
  }

  get now() { return performance.now(); }
  get expires() {
    return Math.max(this.#extended, this.session.expires) || this.#claims.exp;
  }
  get columns() { return this.#layout?.columns ?? 1; }
  /** The tile that the keyboard is about. */
  get current() { return this.tiles.get(this.opened ?? this.#current) ?? null; }
  get list() { return [...this.tiles.values()]; }
  /** Seconds without a word while there should be one; 0: all is well. */
  get silence() {
    if (this.session.state === 'joined' || this.#heard === 0) return 0;
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
        if (!slot) break;
        slot.tally = detail.state;
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
    this.invalidate();
  }

  #finish({ sentence }) {
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
    this.model = new Model();
    this.alarms.stop();
    this.keys.stop();
    this.shell.finish(sentence);
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
    // at once on this page: the server says it again to all
    tile.slot.tally = state;
    this.invalidate(stream);
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
    this.opened = stream;
    this.#play();
    const { openDetail } = await import('./wall-detail.js');
    await openDetail(this, this.tiles.get(stream));
    this.opened = null;
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

  /** A line to one slot, or to all: how many it went to. */
  cue(streams, text) {
    return streams.filter((stream) => this.session.cue(stream, text)).length;
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
      tile.draw(now);
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
  try {
    return new Wall({ name, token, claims });
  } catch (error) {
    document.body.append(el('p.over', { role: 'alert' }, describeFault(
        error instanceof PbFaultError ? error.fault : 'internal').sentence));
    if (!(error instanceof PbFaultError)) throw error;
    return null;
  }
}
