// SPDX-License-Identifier: LGPL-2.1-or-later
// One slot on the wall: its light, its health, its picture, its figures. Drawn
// from the model; what did not change is not touched.

import { drawSparks } from './wall-graph.js';
import { Picture } from './wall-picture.js';
import { el, hiddenText, setData, setText } from './wall-dom.js';
import { HEALTH, TALLIES, TALLY, bitrateText, msText, percentText,
  shortCause, sideText, spanText, wayText } from './wall-words.js';

const FIGURES = [
  ['bitrate', 'Mb/s', 'Bitrate, megabits per second', bitrateText],
  ['rtt', 'RTT ms', 'Round trip, milliseconds', msText],
  ['loss', 'Loss %', 'Loss, percent', percentText],
  ['buffer', 'Buf ms', 'Buffer, milliseconds', msText]];
const CUE_MS = 30000;

// A row of the table: [cells by figure, the row].
function figureRow(kind, label, mark) {
  const cells = FIGURES.map(() => el('td', {}, '–'));

  return { cells, row: el(`tr.${kind}`, {}, el('th', { scope: 'row' },
      hiddenText(label), el('span', { 'aria-hidden': 'true' }, mark)),
  ...cells) };
}

/** What is the matter with a slot, in a few words. */
export function verdictText({ level, cause, direction, age }) {
  if (cause === 'no-sender') return '';
  if (age > 0) return `${sideText(direction)}: no word for ${age} s`;
  if (level === 'healthy' || cause === '') return '';
  // what the receiver says needs no name: it is what counts
  return `${direction === 'send' ? 'sender: ' : ''}${shortCause(cause)}`;
}

/** One word for it. */
export const levelText = ({ level, cause, age }) =>
  age > 0 || cause === 'no-figures' ? HEALTH.stale : HEALTH[level];

/** A tally that was pressed and is not yet so, in words. */
export const pendingText = ({ pending }) => pending === null ? ''
    : `${TALLY[pending.state]}: ${pending.isSent ? 'sending …'
        : 'waits for the server'}`;

/** The tile: what stands in it, and its buttons. */
export class WallTile {
  stream;
  node;
  picture;
  /** When a person last asked for its picture; 0: nobody. */
  askedAt = 0;
  #slot;
  #parts;
  #buttons;
  #receive;
  #send;
  #cueTimer = 0;
  #noteTimer = 0;
  #canvas = el('canvas', { 'aria-hidden': 'true' });
  #size = null;
  #drawn = '';

  /**
   * @param {Slot} slot
   * @param {number} number from 1, as the digits of the keyboard count
   * @param {object} wall `session`, `setTally(stream, state)`, `open(stream)`,
   *   `ask(stream)`, `solo(stream)`
   */
  constructor(slot, number, wall) {
    this.#slot = slot;
    this.stream = slot.stream;
    this.picture = new Picture(slot.stream, wall.session,
        () => wall.ask(slot.stream));
    this.#receive = figureRow('received', 'Received', '↓');
    this.#send = figureRow('sent', 'Sent', '↑');
    this.#parts = {
      number: el('span.number', { 'aria-hidden': 'true' }, String(number)),
      name: el('h2', { id: `t-${slot.stream}`, title: slot.stream },
          slot.stream),
      health: el('strong.health', {}, HEALTH.idle),
      tally: el('strong.tally', {}),
      pending: el('p.pending'),
      cause: el('p.cause'),
      from: el('p.from'),
      cue: el('p.cue'),
      note: el('p.note'),
      way: el('span.way'),
      up: el('span.up'),
    };
    this.#buttons = TALLIES.map((state) => el(`button.to-${state}`, {
      tabIndex: -1, 'aria-pressed': 'false',
      onclick: () => wall.setTally(slot.stream, state) }, TALLY[state]));
    const sound = el('button.listen', { tabIndex: -1, 'aria-pressed': 'false',
      onclick: () => wall.solo(slot.stream) }, 'Listen');
    const open = el('button.open', { tabIndex: -1,
      onclick: () => wall.open(slot.stream) }, 'Open');

    this.#parts.sound = sound;
    this.controls = [...this.#buttons, sound, open, this.picture.askButton];
    this.picture.node.append(this.#parts.tally, this.#parts.pending,
        this.#parts.cue,
        this.#parts.from, this.#parts.cause, this.#parts.note);
    this.node = el('article.tile', { tabIndex: -1,
      'aria-labelledby': `t-${slot.stream}` },
    el('header', {}, this.#parts.number, this.#parts.name,
        el('span.shape', { 'aria-hidden': 'true' }), this.#parts.health),
    this.picture.node,
    el('table', {},
        el('caption.unseen', {}, `Figures of ${slot.stream}`),
        el('thead', {}, el('tr', {}, el('th', { scope: 'col' },
            hiddenText('End')), ...FIGURES.map(([, short, long]) =>
          el('th', { scope: 'col' }, el('abbr', { title: long }, short))))),
        el('tbody', {}, this.#receive.row, this.#send.row)),
    el('div.graph', {}, this.#canvas),
    el('p.facts', {}, this.#parts.way, this.#parts.up),
    el('div.buttons', { role: 'group',
      'aria-label': `Tally of ${slot.stream}` }, ...this.#buttons, sound, open));
    this.node.dataset.stream = slot.stream;
    this.node.addEventListener('dblclick', () => wall.open(slot.stream));
    setData(this.node, 'tally', 'off');
    setData(this.node, 'health', 'idle');
  }

  get slot() { return this.#slot; }
  set slot(slot) { this.#slot = slot; }

  /** One tile has the keyboard; only its buttons are stops of Tab. */
  setCurrent(isCurrent) {
    this.node.tabIndex = isCurrent ? 0 : -1;
    for (const control of this.controls)
      control.tabIndex = isCurrent ? 0 : -1;
  }

  /**
   * @param {number} now of the steady clock
   * @param {number} serverNow Unix milliseconds
   */
  draw(now, serverNow) {
    const slot = this.#slot;

    this.picture.setSlot(slot, now);
    this.picture.tick(now);
    slot.frozen = this.picture.frozenFor(now);
    const verdict = slot.verdict(now);
    const { sender, receiver } = slot;

    // what a key asked, or did not do, is past
    if (this.node.dataset.tally !== slot.tally) this.setNote('', 0);
    setData(this.node, 'tally', slot.tally);
    setData(this.node, 'pending', slot.pending?.state ?? '');
    setText(this.#parts.pending, pendingText(slot));
    setData(this.node, 'health', verdict.level);
    setData(this.node, 'stale', verdict.age > 0 ? 'yes' : 'no');
    setText(this.#parts.tally, slot.tally === 'off' ? '' : TALLY[slot.tally]);
    setText(this.#parts.health, levelText(verdict));
    setText(this.#parts.cause, verdictText(verdict));
    for (const [i, state] of TALLIES.entries()) {
      const pressed = String(slot.tally === state);
      const button = this.#buttons[i];

      if (button.getAttribute('aria-pressed') !== pressed)
        button.setAttribute('aria-pressed', pressed);
    }
    for (const [i, [name, , , write]] of FIGURES.entries()) {
      setText(this.#receive.cells[i], write(receiver?.[name]));
      setText(this.#send.cells[i], write(sender?.[name]));
    }
    const way = receiver?.transport ? receiver : sender;
    setText(this.#parts.way, way ? wayText(way) : '');
    const since = receiver?.since ?? sender?.since;
    setText(this.#parts.up, since
        ? `up ${spanText(serverNow / 1000 - since)}` : '');
    // a still must not be taken for a picture that stands
    setText(this.#parts.from, `${this.picture.still === '' ? '' : 'Still · '}${
      sender?.client ?? ''}`);
  }

  /** The room that the graph has: read once for each layout, not each second. */
  measure() {
    const { clientWidth: width, clientHeight: height } =
        this.#canvas.parentElement;
    const [cell] = this.#receive.cells;

    this.#size = { width, height, left: cell.offsetLeft };
    this.#drawn = '';
  }

  drawGraph(second) {
    const { width = 0, height = 0 } = this.#size ?? {};

    if (width === 0 || height === 0) return;
    // an empty one stays as it is
    const has = this.#slot.ends.length > 0;
    if (!has && this.#drawn === 'empty') return;
    this.#drawn = has ? 'lines' : 'empty';
    drawSparks(this.#canvas, this.#size, this.#slot, second);
  }

  setCue(text) {
    clearTimeout(this.#cueTimer);
    setText(this.#parts.cue, text);
    // a cue is for now: an old one would be taken for a new one
    this.#cueTimer = setTimeout(() => setText(this.#parts.cue, ''), CUE_MS);
  }

  /** A word about what the last key did, for a moment. */
  setNote(text, ms) {
    clearTimeout(this.#noteTimer);
    setText(this.#parts.note, text);
    this.#noteTimer = setTimeout(() => setText(this.#parts.note, ''), ms);
  }

  get note() { return this.#parts.note.textContent; }

  setListening(isOn) {
    setData(this.node, 'listening', isOn ? 'yes' : 'no');
    this.#parts.sound.setAttribute('aria-pressed', String(isOn));
    this.picture.listen(isOn);
  }

  remove() {
    clearTimeout(this.#cueTimer);
    clearTimeout(this.#noteTimer);
    this.picture.stop();
    this.node.remove();
  }
}
