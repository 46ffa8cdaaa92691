// SPDX-License-Identifier: LGPL-2.1-or-later
// “Use my encoder”: what OBS, vMix, Larix and others take, for one's own slot.
// It holds the passphrase: the server is asked when a person asks, and what it
// said is gone from the page when the panel is folded.

import { PbFaultError, describeFault } from './pb-session.js';
import { copyText, drawId, make, makeButton, write } from './page-parts.js';
import { say } from './page-light.js';

const NAMES = {
  obs: 'OBS Studio',
  vmix: 'vMix',
  larix: 'Larix Broadcaster',
  ffmpeg: 'FFmpeg',
  gstreamer: 'GStreamer',
  'srt-live-transmit': 'srt-live-transmit',
  whip: 'Any WHIP client',
  'obs-whip': 'OBS Studio, over WHIP',
  'ffmpeg-whip': 'FFmpeg, over WHIP',
  'gstreamer-whip': 'GStreamer, over WHIP',
  whep: 'Any WHEP player',
  'gstreamer-whep': 'GStreamer, over WHEP',
};
const ORDER = Object.keys(NAMES);
const KIND = { whip: 'WebRTC', whep: 'WebRTC' };
// What somebody else began or ended there shows soon enough.
const AGAIN_MS = 1500;
const COPIED_MS = 2500;

// Lines of `Field: value`, as a dialogue has them; null: it is one text.
function readFields(text) {
  const rows = text.split('\n').map((line) =>
      /^([A-Za-z][A-Za-z ]{0,30}): (.+)$/.exec(line));

  return rows.length > 1 && rows.every(Boolean)
      ? rows.map(([, name, value]) => [name, value]) : null;
}

function makeCopy(what, text) {
  let timer = 0;
  const draw = (word) => {
    write(button, word);
    button.setAttribute('aria-label', `${word} ${what}`);
  };
  const button = makeButton('copy', '', async () => {
    const isDone = await copyText(text);

    clearTimeout(timer);
    draw(isDone ? 'Copied' : 'Select');
    say(isDone ? `Copied: ${what}.`
        : 'This browser does not let a page copy. Select the text by hand.');
    timer = setTimeout(() => draw('Copy'), COPIED_MS);
  });

  draw('Copy');
  return button;
}

function makeText(what, text) {
  const code = make('code', '', text);

  code.tabIndex = 0;
  code.setAttribute('role', 'textbox');
  code.setAttribute('aria-readonly', 'true');
  code.setAttribute('aria-label', what);
  return make('div', 'string', code, makeCopy(what, text));
}

function makeFields(what, fields) {
  return make('dl', 'fields', ...fields.map(([name, value]) =>
    make('div', '', make('dt', '', name),
        make('dd', '', make('code', '', value),
            makeCopy(`${name} for ${what}`, value)))));
}

// On this phone with one touch, on another with its camera.
function makeLarix(row) {
  const parts = [];

  if (/^larix:\/\//.test(row.string)) {
    const link = make('a', 'button open', 'Open Larix');

    link.href = row.string;
    parts.push(link);
  }
  if (row.qr) {
    const picture = make('img', 'qr');

    picture.alt = 'QR code that sets Larix up on another phone';
    picture.src = `data:image/svg+xml,${encodeURIComponent(row.qr)}`;
    parts.push(make('figure', '', picture, make('figcaption', '',
        'On another phone: scan this with its camera.')));
  }
  return make('div', 'larix', ...parts);
}

function makeRow(row, isReady) {
  const name = NAMES[row.client] ?? row.client;
  const summary = make('summary', '', make('span', 'client', name));
  const body = make('div', 'body');
  const details = make('details', row.works ? 'way' : 'way no', summary, body);
  const works = row.works && row.string;

  details.dataset.client = row.client;
  summary.append(make('span', 'kind', works ? KIND[row.mode] ?? 'SRT'
    : 'not here'));
  if (!works) {
    body.append(make('p', 'note', row.note ?? 'It does not work here.'));
    return details;
  }
  if (row.note) body.append(make('p', 'note', row.note));
  if (!isReady && row.string.includes('ADDRESS'))
    body.append(make('p', 'note wait', 'ADDRESS stands for an address that ' +
        'is not known yet.'));
  if (row.client === 'larix') body.append(makeLarix(row));
  const fields = readFields(row.string);
  body.append(fields ? makeFields(name, fields)
    : makeText(`string for ${name}`, row.string));
  return details;
}

/** The button, and below it the strings while it is open. */
export class EncoderPanel {
  node;
  /** Calls back as it is opened and folded. */
  onToggle = () => {};
  #ask;
  #direction;
  #button;
  #body = make('div', 'ways');
  #isOpen = false;
  #shown = '';
  #timer = 0;
  #isLate = false;

  /**
   * @param {'send'|'receive'} direction
   * @param {function(string): Promise<object>} ask the message `strings`
   * @param {string} [stream] the slot, where there are several
   */
  constructor(direction, ask, stream) {
    const id = drawId();

    this.#ask = ask;
    this.#direction = direction;
    this.#button = makeButton('unfold', direction === 'send'
      ? 'Use my encoder' : 'Use my player', () => this.toggle());
    this.#button.setAttribute('aria-expanded', 'false');
    this.#button.setAttribute('aria-controls', id);
    this.#body.id = id;
    this.#body.hidden = true;
    this.node = make('section', 'encoder', this.#button, this.#body);
    // of several slots each has one
    this.node.setAttribute('aria-label', `${direction === 'send'
      ? 'Your encoder' : 'Your player'}${stream ? ` for ${stream}` : ''}`);
  }

  get isOpen() { return this.#isOpen; }

  /** Opens it, and asks; folds it, and forgets. */
  toggle(isOpen = !this.#isOpen) {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    this.#button.setAttribute('aria-expanded', String(isOpen));
    this.#body.hidden = !isOpen;
    this.#shown = '';
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#body.replaceChildren();
    if (isOpen) {
      this.#body.append(make('p', 'note', 'Asking the server …'));
      this.#fill();
    }
    this.onToggle(isOpen);
  }

  /** Something of the slot has changed: what is shown may have, too. */
  refresh() {
    if (!this.#isOpen || this.#timer !== 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#fill();
    }, AGAIN_MS);
  }

  async #fill() {
    let answer;

    if (this.#isLate) return;
    this.#isLate = true;
    try {
      answer = await this.#ask(this.#direction);
    } catch (error) {
      answer = error;
    }
    this.#isLate = false;
    if (!this.#isOpen) return;
    if (answer instanceof Error) {
      // what is shown stays good while the server is away
      if (this.#shown === '') this.#drawFault(answer);
      this.refresh();
      return;
    }
    const { ready, note = null, strings } = answer;
    const seen = JSON.stringify([ready, note, strings]);
    if (seen === this.#shown) return;
    this.#shown = seen;
    this.#draw(ready, note, strings);
  }

  #drawFault(error) {
    const { sentence } = describeFault(error instanceof PbFaultError
      ? error.fault : 'internal');
    const text = make('p', 'problem', sentence);

    text.setAttribute('role', 'alert');
    this.#body.replaceChildren(text);
  }

  #draw(isReady, note, strings) {
    const open = this.#body.querySelector('details[open]')?.dataset.client;
    const rows = [...strings].sort((a, b) => ORDER.indexOf(a.client) -
        ORDER.indexOf(b.client)).map((row) => makeRow(row, isReady));
    const state = make('p', isReady ? 'state ready' : 'state', isReady
      ? this.#direction === 'send'
        ? 'The control room’s end is ready. Start your encoder with one of ' +
          'these.'
        : 'The other end is ready. Start your player with one of these.'
      : 'SRT: the other end is not there yet.');

    state.setAttribute('role', 'status');
    if (note) state.append(make('span', 'note', note));
    for (const row of rows) {
      row.open = row.dataset.client === open;
      // one at a time, where the browser does not do it by itself
      row.addEventListener('toggle', () => {
        if (!row.open) return;
        for (const other of rows) if (other !== row) other.open = false;
      });
    }
    this.#body.replaceChildren(state, make('p', 'secret',
        'These hold the passphrase of this slot. Show them to nobody else.'),
    ...rows);
  }
}
