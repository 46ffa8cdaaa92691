// SPDX-License-Identifier: LGPL-2.1-or-later
// The light: the whole page in the tally's colour, with a frame and a word, for
// those who do not see red and green apart. Also by voice, by touch, and in the
// bar around the page; and the screen that must not go dark.

import { make, write } from './page-parts.js';

/** The tally in the words of those who are seen. */
export const TALLY = { off: 'Off air', preview: 'Preview', program: 'On air' };
const COLOURS = { off: '#0f1214', preview: '#0b6b34', program: '#b3121d' };
// Long and once for program, two short ones for preview.
const TOUCH = { off: [80], preview: [80, 80, 80], program: [400] };
const CUE_TOUCH = [60, 60, 60, 60, 60];
const DARK = 'This device does not let the page keep the screen on now. Set ' +
    'it to stay on in the settings of the device.';

/** Says it to those who listen; the same once more where it comes again. */
export function say(text) {
  const said = document.getElementById('said');

  said.textContent = '';
  said.textContent = text;
}

/** One tally in all the ways that a page has. */
export class Light {
  node = make('p', 'light');
  /** That the screen may go dark after all: stands beside the switch. */
  lockNote = make('p', 'note');
  /** Whether the device shakes on a change: it may shake the picture, too. */
  isTouching = false;
  #name;
  #state = null;
  #lock = null;
  #isAsking = false;
  #isAwake = false;
  #theme = document.querySelector('meta[name=theme-color]');

  /** @param {string} name what the title calls this page */
  constructor(name) {
    this.#name = name;
    this.node.textContent = TALLY.off;
    this.lockNote.setAttribute('role', 'status');
    document.addEventListener('visibilitychange', () => this.#holdLock());
  }

  get state() { return this.#state ?? 'off'; }

  /** @param {'off'|'preview'|'program'} state */
  set(state) {
    const isFirst = this.#state === null;

    if (state === this.#state) return;
    this.#state = state;
    document.body.dataset.tally = state;
    write(this.node, TALLY[state]);
    this.#theme?.setAttribute('content', COLOURS[state]);
    document.title = state === 'off' ? `${this.#name} – Patchbay`
        : `${TALLY[state].toUpperCase()} – ${this.#name}`;
    if (isFirst && state === 'off') return;
    say(`${TALLY[state]}.`);
    this.touch(TOUCH[state]);
  }

  /** A cue came. */
  touch(pattern = CUE_TOUCH) {
    if (this.isTouching) navigator.vibrate?.(pattern);
  }

  /** The page is over: no light, rather than an old one. */
  clear() {
    delete document.body.dataset.tally;
    this.#theme?.setAttribute('content', COLOURS.off);
    document.title = `${this.#name} – Patchbay`;
    this.keepAwake(false);
  }

  /** A phone that dims its screen stops its camera. */
  keepAwake(isAwake) {
    this.#isAwake = isAwake;
    this.#holdLock();
  }

  get #isLockWanted() { return this.#isAwake && !document.hidden; }

  async #holdLock() {
    if (this.#isLockWanted && !this.#isAsking &&
        (this.#lock?.released ?? true)) {
      this.#isAsking = true;
      this.#lock = await navigator.wakeLock?.request('screen')
          .catch(() => null) ?? null;
      this.#isAsking = false;
      this.#lock?.addEventListener('release', () => this.#sayLock());
    }
    // it may have been given for what is over by now
    if (!this.#isLockWanted && !this.#isAsking) {
      this.#lock?.release();
      this.#lock = null;
    }
    this.#sayLock();
  }

  #sayLock() {
    const isMissing = this.#isLockWanted && !this.#isAsking &&
        (this.#lock?.released ?? true);

    write(this.lockNote, isMissing ? DARK : '');
  }
}
