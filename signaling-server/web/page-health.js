// SPDX-License-Identifier: LGPL-2.1-or-later
// How it goes: in sentences first, in numbers for who asks.

import { make, write } from './page-parts.js';

const WORDS = { critical: 'Act now', warning: 'Look', info: 'Note',
  good: 'Good' };
const SHOWN = 3;

/** The sentences of advise(); rewritten only where they change. */
export class AdviceList {
  node = make('ul', 'advice');
  #key = '';

  constructor() {
    this.node.setAttribute('aria-live', 'polite');
    this.node.setAttribute('aria-label', 'How it goes');
  }

  draw(advice) {
    const shown = advice.slice(0, SHOWN);
    const key = shown.map(({ code, level }) => `${level} ${code}`).join();

    if (key === this.#key) return;
    this.#key = key;
    this.node.replaceChildren(...shown.map(({ level, code, text }) => {
      const mark = make('span', 'unseen', `${WORDS[level]}: `);
      const item = make('li', level, mark, text);

      item.dataset.code = code;
      return item;
    }));
  }
}

const unit = (value, name, digits = 0) =>
    Number.isFinite(value) ? `${value.toFixed(digits)} ${name}` : '–';
const rate = (kbit) => !Number.isFinite(kbit) ? '–'
    : kbit >= 1000 ? unit(kbit / 1000, 'Mbit/s', 1) : unit(kbit, 'kbit/s');
const ROWS = {
  bitrate: ['Bitrate', ({ bitrate }) => rate(bitrate)],
  room: ['Room on the way out', ({ bandwidth }) => rate(bandwidth || NaN)],
  size: ['Picture', ({ width, height, fps }) => height
    ? `${width} × ${height}, ${fps ?? '–'} fps` : '–'],
  rtt: ['Round trip', ({ rtt }) => unit(rtt, 'ms')],
  loss: ['Lost on the way', ({ loss }) => unit(loss, '%', 1)],
  drop: ['Lost for good', ({ drop }) => unit(drop, '%', 1)],
  buffer: ['Buffer', ({ buffer }) => unit(buffer, 'ms')],
  freezes: ['Stood still', ({ freezes }) => Number.isFinite(freezes)
    ? `${freezes} ×` : '–'],
};
/** The rows of a table of what is sent, and of what is received. */
export const SENT = ['bitrate', 'room', 'size', 'rtt', 'loss'];
export const RECEIVED = ['bitrate', 'rtt', 'loss', 'drop', 'buffer', 'freezes'];

/** A table that keeps its room, whatever stands in it. */
export class Numbers {
  node;
  #body = make('tbody');
  #cells = new Map();

  constructor(title, rows) {
    const caption = make('caption', '', title);

    for (const row of rows) {
      const head = make('th', '', ROWS[row][0]);
      const cell = make('td', '', '–');

      head.scope = 'row';
      this.#cells.set(row, cell);
      this.#body.append(make('tr', '', head, cell));
    }
    this.node = make('table', 'numbers', caption, this.#body);
  }

  draw(figures) {
    for (const [row, cell] of this.#cells) write(cell, ROWS[row][1](figures));
  }
}
