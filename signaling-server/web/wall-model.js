// SPDX-License-Identifier: LGPL-2.1-or-later
// What the wall knows of the session: slots, their ends, five minutes of
// figures. No page in here; `now` is milliseconds of one steady clock.

import { STALE_MS } from './pb-stats.js';
import { LEVELS } from './wall-words.js';

const SECONDS = 300;
/** What a line of a graph bridges: reports come every five seconds. */
export const BRIDGE_S = 12;
/** The figures that have a graph. */
export const SERIES = ['bitrate', 'rtt', 'loss', 'buffer'];
/** What this page calls itself, so that it knows its own kind again. */
export const WALL_CLIENT = 'control room';

/**
 * Of too many alarms, newest first, the one to let go: the oldest that is over.
 * One that is open stays, as it does at the server, which bounds them.
 */
export const pickForgotten = (alarms) =>
  alarms.findLast(({ cleared }) => cleared !== undefined);

/** The last five minutes of one figure, a value a second. */
export class Ring {
  #values = new Float32Array(SECONDS).fill(NaN);
  #last = -1;

  /** @param {number} second of the steady clock */
  put(second, value) {
    if (this.#last >= 0) {
      const gap = Math.min(SECONDS, second - this.#last);

      for (let i = 1; i <= gap; i++)
        this.#values[(this.#last + i) % SECONDS] = NaN;
      if (gap < 0) return;
    }
    this.#last = second;
    this.#values[second % SECONDS] = value ?? NaN;
  }

  /**
   * Calls `point(age, value)` for what there is, oldest first; age in seconds.
   */
  each(second, point) {
    for (let age = SECONDS - 1; age >= 0; age--) {
      const at = second - age;

      if (at < 0 || at > this.#last || at <= this.#last - SECONDS) continue;
      const value = this.#values[at % SECONDS];
      if (!Number.isNaN(value)) point(age, value);
    }
  }
}

Ring.SECONDS = SECONDS;

const UP = new Set(['CONNECTED', 'RELAYING']);

const makeRings = () =>
  Object.fromEntries(SERIES.map((name) => [name, new Ring()]));

/** One slot: what its ends said, and what that comes to. */
export class Slot {
  stream;
  state = 'WAITING';
  /** As the server says it. */
  tally = 'off';
  /** What was pressed here and is not so yet: {state, at, isSent}, or null. */
  pending = null;
  /** What was pressed here and has come true, until somebody says it; or ''. */
  confirmed = '';
  /** Seconds that the picture on this page has stood still; 0: it moves. */
  frozen = 0;
  thumbnails = false;
  sender = null;
  receivers = [];
  /** Of the sender and of the receiver that counts. */
  rings = { send: makeRings(), receive: makeRings() };

  constructor(stream) {
    this.stream = stream;
  }

  /** The receiver whose word counts: a real one before a page like this. */
  get receiver() {
    return this.receivers.find((end) => !isWall(end)) ?? this.receivers[0] ??
        null;
  }

  /** Whether a cue has anybody to read it: a page like this is no one. */
  get hasPeople() {
    return this.sender !== null || this.receivers.some((end) => !isWall(end));
  }

  /** The tally as it is, or will be when what was pressed is told. */
  get wanted() {
    return this.pending?.state ?? this.tally;
  }

  /** A tally was pressed; `isSent`: the server was there to hear it. */
  want(state, now, isSent) {
    this.pending = state === this.tally && this.pending === null ? null
        : { state, at: now, isSent };
  }

  /** What the server did not hear goes to it now. */
  sendAgain(now) {
    if (this.pending && !this.pending.isSent)
      this.pending = { ...this.pending, at: now, isSent: true };
  }

  /** The server says so. */
  noteTally(state) {
    this.tally = state;
    if (this.pending?.state !== state) return;
    this.confirmed = state;
    this.pending = null;
  }

  /** The ends that say how they are. */
  get ends() {
    const real = this.receivers.filter((end) => !isWall(end));

    // of two that are equally bad, what was received counts
    return [...real.length > 0 ? real : this.receivers, this.sender]
        .filter((end) => end !== null);
  }

  take({ state, tally, thumbnails, sender, receivers }, now) {
    const known = new Map([this.sender, ...this.receivers]
        .filter((end) => end !== null).map((end) => [end.peer, end]));
    const merge = (end, direction) => {
      const old = known.get(end.peer);
      const at = end.age === undefined ? old?.at : now - end.age;
      // where all would be too large the server leaves the figures out
      const base = end.age === undefined && old ? old : {};

      return { ...base, ...end, direction, at };
    };

    this.state = state;
    this.noteTally(tally ?? 'off');
    this.thumbnails = thumbnails === true;
    this.sender = sender ? merge(sender, 'send') : null;
    this.receivers = (receivers ?? []).map((end) => merge(end, 'receive'));
  }

  report(figures, now) {
    const end = [this.sender, ...this.receivers]
        .find((one) => one?.peer === figures.peer);

    if (!end) return false;
    Object.assign(end, figures, { at: now - (figures.age ?? 0) });
    const isFirst = end === this.receiver;
    if (end !== this.sender && !isFirst) return true;
    const rings = end === this.sender ? this.rings.send : this.rings.receive;
    const second = Math.floor(end.at / 1000);
    // a stale report is the old one again
    if (!figures.stale)
      for (const name of SERIES) rings[name].put(second, figures[name]);
    return true;
  }

  /**
   * How the slot is: the worst of its ends.
   *
   * @param {number} now
   * @returns {{level, cause, direction, age}} `age`: seconds since the word that
   *   counts, 0 while that is fresh; level `idle`: nothing to judge
   */
  verdict(now) {
    const isUp = UP.has(this.state);
    let worst = { level: 'idle', direction: '', age: 0,
      cause: this.sender === null ? 'no-sender'
        : this.receivers.length === 0 ? 'no-receiver'
          : isUp ? 'no-figures' : 'no-feed' };

    for (const end of this.ends) {
      if (end.at === undefined || !end.health) continue;
      const silence = now - end.at;
      const isStale = silence > STALE_MS;
      // silence is not health
      const level = isStale && end.health === 'healthy' ? 'warning'
          : end.health;

      if (LEVELS.indexOf(level) > LEVELS.indexOf(worst.level) ||
          (level === worst.level && isStale && worst.age === 0))
        worst = { level, cause: isStale ? 'stale' : end.cause ?? '',
          direction: end.direction,
          age: isStale ? Math.floor(silence / 1000) : 0 };
    }
    // the one thing nobody may overlook
    if (worst.level === 'idle' && this.tally === 'program' &&
        (!isUp || this.sender === null))
      return { ...worst, level: 'critical', cause: 'no-feed' };
    // whatever others measure: one who looks sees an old picture
    if (this.frozen > 0 && this.sender !== null &&
        LEVELS.indexOf(worst.level) < LEVELS.indexOf('warning'))
      return { level: 'warning', cause: 'frozen', direction: 'receive', age: 0 };
    return worst;
  }
}

/** Whether that end is a page like this one: a monitor, not the receiver. */
export const isWall = (end) => end.client === WALL_CLIENT;

/** All slots of the session. */
export class Model {
  slots = new Map();

  /** @returns {boolean} whether slots came or went */
  take(streams, now) {
    let changed = false;

    for (const stream of [...this.slots.keys()]) {
      if (streams.some((slot) => slot.stream === stream)) continue;
      this.slots.delete(stream);
      changed = true;
    }
    for (const fields of streams) {
      if (!this.slots.has(fields.stream)) {
        this.slots.set(fields.stream, new Slot(fields.stream));
        changed = true;
      }
      this.slots.get(fields.stream).take(fields, now);
    }
    return changed;
  }

  /** The slots in their order. */
  get all() {
    return [...this.slots.values()];
  }

  /** How many of each level: {idle, healthy, warning, critical}. */
  count(now) {
    const counts = Object.fromEntries(LEVELS.map((level) => [level, 0]));

    for (const slot of this.slots.values()) counts[slot.verdict(now).level]++;
    return counts;
  }
}
