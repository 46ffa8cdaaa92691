// SPDX-License-Identifier: LGPL-2.1-or-later
// Lines from the control room: the newest large on top until somebody has read
// it, the last few below.

import { drawId, make, makeButton, write, writeClock } from './page-parts.js';
import { say } from './page-light.js';

const KEPT = 8;
// A cue is for now: an old one would be taken for a new one.
const FRESH_MS = 120000;

/** Cues as they come, and the last of them. */
export class CueBoard {
  /** The newest one, for the top of the page. */
  node;
  /** Those before it, for further down. */
  past;
  #text = make('p', 'text');
  #at = make('p', 'at');
  #summary = make('summary');
  #list = make('ol');
  #all = [];
  #timer = 0;

  constructor() {
    const id = drawId();
    const title = make('h2', 'unseen', 'Cues from the control room');

    title.id = id;
    const now = make('div', 'now', this.#text, this.#at,
        makeButton('seen', 'Got it', () => {
          this.#fold();
          this.#summary.focus({ preventScroll: true });
        }));
    this.past = make('details', 'past', this.#summary, this.#list);
    this.past.hidden = true;
    this.node = make('section', 'cues', title, now);
    this.node.setAttribute('aria-labelledby', id);
    this.node.hidden = true;
  }

  /**
   * @param {string} text what came
   * @param {string} [from] the slot it is for, where there are several
   */
  add(text, from) {
    const at = new Date();

    this.#fold();
    this.#all.unshift({ text, at, from });
    this.#all.length = Math.min(this.#all.length, KEPT);
    this.node.hidden = false;
    write(this.#text, from ? `${from}: ${text}` : text);
    write(this.#at, writeClock(at));
    this.#timer = setTimeout(() => this.#fold(), FRESH_MS);
    this.#draw();
    say(`Cue${from ? ` for ${from}` : ''}: ${text}`);
  }

  // Into the list of those before.
  #fold() {
    clearTimeout(this.#timer);
    this.node.hidden = true;
    this.#draw();
  }

  #draw() {
    const rest = this.node.hidden ? this.#all : this.#all.slice(1);

    this.past.hidden = rest.length === 0;
    write(this.#summary, `Earlier cues (${rest.length})`);
    this.#list.replaceChildren(...rest.map(({ text, at, from }) => {
      const time = make('time', '', writeClock(at));

      time.dateTime = at.toISOString();
      return make('li', '', time, ' ', from ? `${from}: ${text}` : text);
    }));
  }
}
