// SPDX-License-Identifier: LGPL-2.1-or-later
// What stands around the tiles: the sum of it all, the tools, who is here.

import { el, hiddenText, setData, setText } from './wall-dom.js';
import { HEALTH, LEVELS, clockText } from './wall-words.js';

// The worst first: it is what one looks for.
const SHOWN = [...LEVELS].reverse();

// How long an answer to what a person did is read.
const TOLD_MS = 8000;
// A page that has just been opened says nothing of waiting.
const WAIT_S = 3;

/** There is nothing more to do on this page: what happened, what to do. */
export const makeOver = (title, sentence) => el('main.over', {},
    el('h1', {}, title), el('p', { role: 'alert' }, sentence),
    el('p', {}, el('a', { href: '/' }, 'To the start page')));

/** All of the page but the tiles, which stand in `grid`. */
export class Shell {
  grid = el('main.grid', { 'aria-label': 'Slots' });
  #wall;
  #counts = {};
  #summary = el('ul.counts', { 'aria-label': 'Health of the slots' });
  #notice = el('p.notice', { role: 'status' });
  #sentence = '';
  #told = '';
  #toldTimer = 0;
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
            // what the notice covers: nothing in it is pressed
            el('div.head', {},
                el('h1', { title: wall.name }, wall.name), this.#summary,
                this.#onAir, this.#notice),
            el('nav', { 'aria-label': 'Tools' },
                this.#tool('People', () => wall.withPart('wall-people.js',
                    ({ openPeople }) => openPeople(wall))),
                this.#tool('Cue', () => wall.withPart('wall-cue.js',
                    ({ openCue }) => openCue(wall))),
                this.#tool('Session', () => wall.withPart('wall-session.js',
                    ({ openSession }) => openSession(wall))),
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

  /** An answer to what somebody did, for a while. */
  tell(sentence) {
    clearTimeout(this.#toldTimer);
    this.#told = sentence;
    this.#toldTimer = setTimeout(() => this.tell(''), TOLD_MS);
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
    const left = wall.expires - wall.serverNow / 1000;

    setText(this.#left, `ends in ${clockText(left)}`);
    setData(this.#left, 'soon', left < 600 ? 'yes' : 'no');
    const text = this.#told || this.#explain(silence);
    setText(this.#notice, text);
    setData(document.body, 'away', text === '' ? 'no' : 'yes');
  }

  #explain(silence) {
    if (silence > 0 && this.#wall.hasHeard)
      return `${this.#sentence} What you see is ${
        clockText(silence)} old.`.trim();
    return this.#sentence ||
        (silence > WAIT_S ? 'Waiting for the server …' : '');
  }

  /** It is over: nothing of the session stays on the page. */
  finish(sentence) {
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    clearTimeout(this.#toldTimer);
    document.body.replaceChildren(makeOver(this.#wall.name, sentence));
  }
}
