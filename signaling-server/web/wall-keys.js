// SPDX-License-Identifier: LGPL-2.1-or-later
// The wall by keyboard.

import { el, openDialog } from './wall-dom.js';
import { TWICE_MS, step, tallyKey } from './wall-layout.js';
import { TALLY } from './wall-words.js';

const HELP = [
  ['Arrows, Home, End', 'From tile to tile'],
  ['1 … 9', 'To the tile of that number; two digits for those above 9'],
  ['Enter', 'Open the tile large; Esc closes it'],
  ['V', 'Preview'],
  ['P', 'Program: twice, or once on a tile in preview'],
  ['O', 'Off; twice where the tile is on program'],
  ['C', 'Cue: a line to the people on this slot'],
  ['L', 'Listen to this tile, or stop'],
  ['S', 'Show the picture of this tile'],
  ['I', 'Pictures on or off'],
  ['A', 'Acknowledge the alarms of this tile; where it has none, the newest ' +
      'critical one, else the newest'],
  ['Shift + A', 'Acknowledge all alarms; of more than one it asks, and ' +
      'Shift + A again says yes'],
  ['M', 'Mute the sound of alarms, or let it sound'],
  ['H', 'Show or hide the list of alarms'],
  ['T', 'People: links, codes, who is connected'],
  ['?', 'This list'],
];
const TALLY_KEYS = { v: 'preview', p: 'program', o: 'off' };
const DIGIT_MS = 900;

/** What each key does, but Tab: that is the browser’s. */
export class Keys {
  /** Whether keys without Ctrl or Alt do something (WCAG 2.1.4). */
  areSingleOn = true;
  #wall;
  #asked = null;
  #digits = '';
  #timer = 0;
  #listener = (event) => this.#take(event);

  constructor(wall) {
    this.#wall = wall;
    addEventListener('keydown', this.#listener);
    wall.shell.grid.addEventListener('focusin', ({ target }) => {
      const tile = target.closest('.tile');
      if (tile) wall.select(tile.dataset.stream, false);
    });
    wall.shell.grid.addEventListener('pointerdown', ({ target }) => {
      const tile = target.closest('.tile');
      if (tile) wall.select(tile.dataset.stream, false);
    });
  }

  stop() {
    removeEventListener('keydown', this.#listener);
    clearTimeout(this.#timer);
  }

  #take(event) {
    const { key, target } = event;
    const wall = this.#wall;

    if (event.defaultPrevented || event.ctrlKey || event.altKey ||
        event.metaKey || event.isComposing ||
        /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName))
      return;
    const dialog = document.querySelector('dialog[open]:last-of-type');
    const isInGrid = target === document.body ||
        wall.shell.grid.contains(target);
    // in a dialog the keys are its own; the light of an open tile is the one
    // thing that must not wait
    if (dialog !== null && !(dialog.classList.contains('detail') &&
        key.toLowerCase() in TALLY_KEYS))
      return;

    if (isInGrid && this.#move(key)) {
      event.preventDefault();
    } else if (event.repeat) {
      // a held key is no second press
    } else if (key === 'Enter' && target.classList.contains('tile')) {
      event.preventDefault();
      wall.open(target.dataset.stream);
    } else if (this.areSingleOn && this.#single(key, event.shiftKey)) {
      event.preventDefault();
    }
  }

  #move(key) {
    const { list, current, columns } = this.#wall;
    const to = step(key, list.indexOf(current), list.length, columns);

    if (to < 0 || list.length === 0) return false;
    this.#wall.select(list[to].stream);
    return true;
  }

  #single(key, isShifted) {
    const wall = this.#wall;
    const tile = wall.current;
    const letter = key.toLowerCase();

    if (/^[0-9]$/.test(key)) {
      this.#digit(key);
      return true;
    }
    if (letter in TALLY_KEYS) {
      if (tile) this.#tally(tile, TALLY_KEYS[letter]);
      return true;
    }
    switch (letter) {
      case 'a':
        if (isShifted) wall.alarms.acknowledgeAll();
        else wall.alarms.acknowledgeNext(tile?.stream);
        return true;
      case 'c':
        wall.withPart('wall-cue.js', ({ openCue }) =>
          openCue(wall, tile?.stream));
        return true;
      case 'h': wall.alarms.toggle(); return true;
      case 'i': wall.shell.togglePictures(); return true;
      case 'l': if (tile) wall.solo(tile.stream); return true;
      case 'm': wall.alarms.toggleSound(); return true;
      case 's': if (tile) wall.ask(tile.stream); return true;
      case 't':
        wall.withPart('wall-people.js', ({ openPeople }) => openPeople(wall));
        return true;
      case '?': this.showHelp(); return true;
      default: return false;
    }
  }

  #digit(key) {
    const { list } = this.#wall;

    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => { this.#digits = ''; }, DIGIT_MS);
    this.#digits = (this.#digits + key).slice(-2);
    const tile = list[Number(this.#digits) - 1] ?? list[Number(key) - 1];
    if (tile) this.#wall.select(tile.stream);
  }

  #tally(tile, wanted) {
    const now = performance.now();
    const { stream, slot } = tile;
    const verdict = tallyKey(slot.wanted, wanted, this.#asked, stream, now);

    this.#asked = verdict === 'ask' ? { stream, wanted, at: now } : null;
    if (verdict === 'do') {
      this.#wall.setTally(stream, wanted);
      tile.setNote('', 0);
    } else if (verdict === 'ask') {
      const text = wanted === 'program' ? 'Again: to program'
          : `Again: ${TALLY[wanted].toLowerCase()}, from program`;

      tile.setNote(text, TWICE_MS);
      this.#wall.shell.say(`${stream}. ${text}`, true);
    }
  }

  showHelp() {
    const box = el('input', { type: 'checkbox', id: 'single',
      checked: this.areSingleOn,
      onchange: () => { this.areSingleOn = box.checked; } });
    const dialog = openDialog('Keys', el('table.keys', {}, el('tbody', {},
        ...HELP.map(([key, what]) => el('tr', {}, el('th', { scope: 'row' },
            el('kbd', {}, key)), el('td', {}, what))))),
    el('p.check', {}, box, el('label', { for: 'single' },
        'Single keys do what this list says. Without: arrows, Enter and Tab ' +
        'alone.')));

    dialog.querySelector('h2').focus();
  }
}
