// SPDX-License-Identifier: LGPL-2.1-or-later
// What stands around the tiles: the sum of it all, the tools, who is here.

import { el, hiddenText, setData, setText } from './wall-dom.js';
import { HEALTH, LEVELS, clockText } from './wall-words.js';

// The worst first: it is what one looks for.
const SHOWN = [...LEVELS].reverse();

/** All of the page but the tiles, which stand in `grid`. */
export class Shell {
  grid = el('main.grid', { 'aria-label': 'Slots' });
  #wall;
  #counts = {};
  #summary = el('ul.counts', { 'aria-label': 'Health of the slots' });
  #notice = el('p.notice', { role: 'status' });
  #sentence = '';
  #onAir = el('p.onair');
  #left = el('span.left');
  #pictures;
  #polite = el('p.unseen', { 'aria-live': 'polite' });
  #assertive = el('p.unseen', { 'aria-live': 'assertive' });

  constructor(wall) {
    this.#wall = wall;
    for (const level of SHOWN) {
      const number = el('b', {}, '0');

      this.#counts[level] = number;
      this.#summary.append(el(`li.${level}`, {}, el('span.shape', {
        'aria-hidden': 'true' }), number, ' ',
      el('span.word', {}, HEALTH[level])));
    }
    this.#pictures = this.#tool('Pictures', () => {
      wall.setPictures(!wall.arePicturesOn);
      this.#drawPictures();
    });
    this.#pictures.classList.add('pictures');
    this.#drawPictures();
    document.body.append(
        el('header.bar', {},
            el('h1', { title: wall.name }, wall.name),
            el('div.sum', {}, this.#summary, this.#notice),
            this.#onAir,
            el('nav', { 'aria-label': 'Tools' },
                this.#tool('People', async () =>
                  (await import('./wall-people.js')).openPeople(wall)),
                this.#tool('Cue', async () =>
                  (await import('./wall-cue.js')).openCue(wall)),
                this.#tool('Session', async () =>
                  (await import('./wall-session.js')).openSession(wall)),
                this.#pictures, ...wall.alarms.tools,
                this.#tool('Keys', () => wall.keys.showHelp())),
            // who this is: today a link, one day a person
            el('p.identity', {}, el('span', {}, 'Admin link'), this.#left)),
        this.grid, wall.alarms.node, wall.alarms.ticker,
        this.#polite, this.#assertive);
    this.tick();
  }

  #tool(text, onclick) {
    return el('button.tool', { onclick }, text);
  }

  #drawPictures() {
    const areOn = this.#wall.arePicturesOn;

    setText(this.#pictures, areOn ? 'Pictures on' : 'Pictures off');
    this.#pictures.setAttribute('aria-pressed', String(areOn));
  }

  /** As the button does. */
  togglePictures() {
    this.#pictures.click();
  }

  /** For those who listen. */
  say(text, isUrgent = false) {
    setText(isUrgent ? this.#assertive : this.#polite, text);
  }

  /** Something about the whole page; '' takes it back. */
  notice(sentence) {
    this.#sentence = sentence;
    this.tick();
  }

  count(counts, slots) {
    for (const level of SHOWN) {
      const number = this.#counts[level];

      setText(number, String(counts[level]));
      setData(number.parentElement, 'any', counts[level] > 0 ? 'yes' : 'no');
    }
    const named = (state) => slots.filter((slot) => slot.tally === state)
        .map((slot) => slot.stream).join(', ');
    const program = named('program');

    setText(this.#onAir, program === '' ? 'Nothing on program'
        : `Program: ${program}`);
  }

  tick() {
    const wall = this.#wall;
    const { silence } = wall;
    const left = wall.expires - Date.now() / 1000;

    setText(this.#left, `ends in ${clockText(left)}`);
    setData(this.#left, 'soon', left < 600 ? 'yes' : 'no');
    const text = silence > 0 ? `${this.#sentence} What you see is ${
      clockText(silence)} old.` : this.#sentence;
    setText(this.#notice, text.trim());
    setData(document.body, 'away', text.trim() === '' ? 'no' : 'yes');
  }

  /** It is over: nothing of the session stays on the page. */
  finish(sentence) {
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    document.body.replaceChildren(el('main.over', {},
        el('h1', {}, this.#wall.name), el('p', { role: 'alert' }, sentence),
        el('p', {}, el('a', { href: '/' }, 'To the start page'))));
  }
}
