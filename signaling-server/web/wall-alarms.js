// SPDX-License-Identifier: LGPL-2.1-or-later
// Alarms: newest first, who has seen them, what is over. The server raises and
// clears them and keeps the last of a session; this only shows them.

import { BY_MAX, isBy } from './pb-wire.js';
import { confirmDialog, el, field, form, openDialog, setData, setText }
  from './wall-dom.js';
import { pickForgotten } from './wall-model.js';
import { AlarmSound } from './wall-sound.js';
import { HEALTH, causeText, clockText, sideText, spanText, timeText }
  from './wall-words.js';

const KEPT = 500;
const SAY_MS = 1500;
// Beside a wall of more slots than that the list would cost the tiles too much.
const BESIDE_SLOTS = 24;
const BESIDE_WIDTH = 1600;
// A server that restarts is back sooner; one that is not must be heard.
const LOST_S = 10;
const NAMED_MOST = 5;

const isOpen = (alarm) => alarm.cleared === undefined;
const isCritical = ({ level }) => level === 'critical';
const isWaiting = (alarm) => isOpen(alarm) && alarm.acked === undefined;

// `cam-2: many packets are lost on the way (receiver, pbsrtbin/0.1)`.
function alarmText({ cause, direction, client }) {
  const who = [sideText(direction), client].filter((part) => part).join(', ');

  return `${causeText(cause) || 'not well'}${who ? ` (${who})` : ''}`;
}

/** The list, the line below the tiles, and their buttons. */
export class Alarms {
  node;
  ticker;
  tools;
  #wall;
  #alarms = new Map();
  #rows = new Map();
  #list = el('ol');
  #empty = el('p.empty');
  #more = el('p.more');
  #filter = 'open';
  #by = '';
  #sound = new AlarmSound(() => this.#drawTools());
  #filters;
  #all;
  #toggle;
  #mute;
  #who = el('button.who');
  #line;
  #title = el('h2', { id: 'alarms-title' }, 'Alarms');
  /** The alarm that the ticker shows: what its button is about. */
  #shown = null;
  #isKnown = false;
  #isLost = false;
  #isChosen = false;
  #spoken = [];
  #speaking = 0;
  #wasJoined = false;

  constructor(wall) {
    this.#wall = wall;
    this.#filters = ['open', 'all'].map((name) => el('button', {
      'aria-pressed': String(name === 'open'),
      onclick: () => this.#choose(name) }, name === 'open' ? 'Open' : 'All'));
    this.#all = el('button', { onclick: () => this.acknowledgeAll() },
        'Acknowledge all');
    this.#who.addEventListener('click', () => this.#askName());
    this.node = el('aside.alarms', { 'aria-labelledby': 'alarms-title',
      hidden: true },
    el('header', {}, this.#title,
        el('div.filters', { role: 'group', 'aria-label': 'Which' },
            ...this.#filters)),
    el('div.acting', {}, this.#all, this.#who),
    el('div.scroll', { tabIndex: 0, role: 'region',
      'aria-label': 'List of alarms' }, this.#list, this.#empty, this.#more));
    this.#toggle = el('button.tool.alarmtool', { 'aria-expanded': 'false',
      onclick: () => this.toggle() }, 'Alarms 0');
    this.#mute = el('button.tool.sound', { onclick: () => this.toggleSound() });
    this.tools = [this.#mute, this.#toggle];
    this.#line = { shape: el('span.shape', { 'aria-hidden': 'true' }),
      text: el('span.text'),
      button: el('button', { hidden: true,
        onclick: () => this.acknowledgeNext() }, 'Acknowledge') };
    this.ticker = el('section.ticker', { 'aria-label': 'Worst new alarm' },
        ...Object.values(this.#line));
    this.#drawName();
    this.#drawState();
  }

  // --- what comes ------------------------------------------------------------

  take(type, detail) {
    this.#isKnown = true;
    if (type === 'alarms') {
      // all there are: after a restart of the server the old ones are no more
      this.#alarms = new Map(detail.alarms.map((one) => [one.alarm, one]));
      setText(this.#more, detail.more > 0
          ? `${detail.more} older ones are not shown.` : '');
      const open = detail.alarms.filter(isOpen).length;
      if (open > 0)
        this.#say(`${open} open alarm${open > 1 ? 's' : ''}`,
            this.waiting.length > 0);
    } else {
      const before = this.#alarms.get(detail.alarm);

      this.#alarms.set(detail.alarm, detail);
      if (this.#alarms.size > KEPT)
        this.#alarms.delete(pickForgotten(this.sorted)?.alarm);
      this.#announce(before, detail);
    }
    this.#draw();
  }

  #announce(before, alarm) {
    const what = `${alarm.stream}: ${causeText(alarm.cause)}`;

    if (!isOpen(alarm)) {
      if (!before || isOpen(before)) this.#say(`Over: ${what}`);
    } else if (!before || !isOpen(before) || before.level !== alarm.level) {
      this.#say(`${HEALTH[alarm.level]}: ${what}`, alarm.level === 'critical');
    } else if (alarm.acked !== undefined && before.acked === undefined) {
      this.#say(`Seen${alarm.by ? ` by ${alarm.by}` : ''}: ${what}`);
    }
  }

  // In one sentence what comes at once: a torrent is heard by nobody.
  #say(text, isUrgent = false) {
    this.#spoken.push({ text, isUrgent });
    if (this.#speaking !== 0) return;
    this.#speaking = setTimeout(() => {
      const all = this.#spoken.splice(0);
      const rest = all.length - 3;

      this.#speaking = 0;
      all.sort((a, b) => b.isUrgent - a.isUrgent);
      this.#wall.shell.say(all.slice(0, 3).map((one) => one.text).join('. ') +
          (rest > 0 ? `. And ${rest} more.` : ''), all[0].isUrgent);
    }, SAY_MS);
  }

  /** Newest first. */
  get sorted() {
    return [...this.#alarms.values()].sort((a, b) =>
      b.raised - a.raised || b.alarm - a.alarm);
  }

  get waiting() {
    return this.sorted.filter(isWaiting);
  }

  // --- what a person does ----------------------------------------------------

  async #askName() {
    const input = el('input', { type: 'text', maxLength: BY_MAX, required: true,
      value: this.#by, autocomplete: 'off' });
    const node = openDialog('Who are you?', form([field('Your name', input,
        'Stands beside the alarms that you acknowledge. This page forgets it ' +
        'when it is closed.')],
    'Use this name', () => {
      const by = input.value.trim();

      if (!isBy(by)) {
        input.focus();
        throw new Error(`A name of 1 to ${BY_MAX} characters, so that the ` +
            'others know whom to ask.');
      }
      this.#by = by;
      node.close('yes');
    }));

    input.focus();
    const isNamed = await node.closed === 'yes';
    this.#drawName();
    return isNamed;
  }

  #drawName() {
    setText(this.#who, this.#by === '' ? 'Your name …' : `As ${this.#by}`);
  }

  // The name is asked for once, and whoever gives none acknowledges nothing:
  // an alarm that somebody unknown has seen helps nobody.
  async acknowledge(alarms) {
    if (alarms.length === 0) return;
    if (this.#by === '' && !await this.#askName()) return;
    for (const { alarm } of alarms)
      if (!this.#wall.session.acknowledge(alarm, this.#by)) {
        const text = 'The server is away: nothing was acknowledged. Do it ' +
            'again once it is back.';

        this.#wall.shell.tell(text);
        this.#wall.shell.say(text, true);
        return;
      }
  }

  /** Those of a slot where there are any, else the one that the ticker shows. */
  acknowledgeNext(stream) {
    const own = this.waiting.filter((alarm) => alarm.stream === stream);

    return this.acknowledge(own.length > 0 ? own
        : this.#shown ? [this.#shown] : []);
  }

  /** Asks where there is more than one: those that come meanwhile still wait. */
  async acknowledgeAll() {
    const { waiting } = this;
    const slots = [...new Set(waiting.map((alarm) => alarm.stream))];
    const named = slots.slice(0, NAMED_MOST).join(', ');

    if (waiting.length > 1 && !await confirmDialog(
        `Acknowledge all ${waiting.length} alarms?`,
        [`They are of ${named}${slots.length > NAMED_MOST
            ? ` and ${slots.length - NAMED_MOST} more slots` : ''}; ${
          waiting.filter(isCritical).length || 'none'} of them critical.`,
        'They fall silent on every wall, seen by you.'],
        `Acknowledge ${waiting.length} alarms`,
        (event) => event.key === 'A' && event.shiftKey))
      return;
    await this.acknowledge(waiting.filter(({ alarm }) =>
      isWaiting(this.#alarms.get(alarm) ?? { cleared: 0 })));
  }

  toggleSound() {
    this.#sound.mute(!this.#sound.isMuted);
  }

  toggle(isShown = this.node.hidden) {
    this.#isChosen = true;
    this.#show(isShown);
  }

  #show(isShown) {
    this.node.hidden = !isShown;
    this.#toggle.setAttribute('aria-expanded', String(isShown));
    setData(document.body, 'alarms', isShown ? 'beside' : 'below');
  }

  #choose(name) {
    this.#filter = name;
    for (const button of this.#filters)
      button.setAttribute('aria-pressed',
          String(button.textContent.toLowerCase() === name));
    this.#draw();
  }

  // --- drawing ---------------------------------------------------------------

  /** Once a second: times that pass, and whether there is room for the list. */
  tick() {
    if (!this.#wasJoined && this.#wall.model.slots.size > 0) {
      this.#wasJoined = true;
      if (!this.#isChosen)
        this.#show(innerWidth >= BESIDE_WIDTH &&
            this.#wall.model.slots.size <= BESIDE_SLOTS);
    }
    const { silence } = this.#wall;
    const isLost = silence >= LOST_S;

    if (isLost && !this.#isLost)
      this.#say(`No word from the server for ${silence} seconds`, true);
    this.#isLost = isLost;
    this.#drawState();
    for (const [number, row] of this.#rows)
      this.#drawRow(row, this.#alarms.get(number));
  }

  #draw() {
    const { sorted, waiting } = this;
    const shown = sorted.filter((alarm) => this.#filter === 'all' ||
        isOpen(alarm));
    const open = sorted.filter(isOpen).length;

    for (const [number, row] of this.#rows) {
      if (shown.some(({ alarm }) => alarm === number)) continue;
      row.node.remove();
      this.#rows.delete(number);
    }
    let before = null;
    for (const alarm of shown) {
      const row = this.#rows.get(alarm.alarm) ?? this.#makeRow(alarm);

      this.#rows.set(alarm.alarm, row);
      this.#drawRow(row, alarm);
      const place = before ? before.nextSibling : this.#list.firstChild;
      if (place !== row.node) this.#list.insertBefore(row.node, place);
      before = row.node;
    }
    this.#empty.hidden = shown.length > 0;
    this.#all.disabled = waiting.length === 0;
    setData(this.#toggle, 'level', waiting.length === 0 ? 'none'
        : waiting.some(isCritical) ? 'critical' : 'warning');
    this.#drawState();
  }

  // What the server's silence changes, too: nobody may take old for now.
  #drawState() {
    const { waiting } = this;
    const { silence } = this.#wall;
    const open = [...this.#alarms.values()].filter(isOpen).length;
    const age = `${clockText(silence)} old`;
    const isOld = this.#isKnown && silence > 0;

    for (const node of [this.node, this.ticker])
      setData(node, 'old', isOld || !this.#isKnown ? 'yes' : 'no');
    setText(this.#title, isOld ? `Alarms, ${age}` : 'Alarms');
    setText(this.#empty, !this.#isKnown
        ? 'Not known: the server has not said it yet.'
        : `${this.#filter === 'all' ? 'No alarms in this session'
            : 'No open alarm'}${isOld ? ' when last heard' : ''}.`);
    setText(this.#toggle, `Alarms ${this.#isKnown ? open : '?'}`);
    this.#drawTicker(waiting, open, isOld ? `${age}: ` : '');
    this.#sound.set(this.#isLost || waiting.some(isCritical));
    this.#drawTools();
  }

  #drawTicker(waiting, open, age) {
    this.#shown = waiting.find(isCritical) ?? waiting[0] ?? null;
    const shown = this.#shown;

    setData(this.ticker, 'level', shown?.level ?? 'none');
    this.#line.button.hidden = !shown;
    setText(this.#line.text, !this.#isKnown
        ? 'Alarms are not known: the server has not said them yet'
        : age + (shown
            ? `${timeText(shown.raised)}  ${shown.stream}: ${alarmText(shown)}${
              waiting.length > 1 ? `  and ${waiting.length - 1} more` : ''}`
            : open > 0 ? `${open} open, all seen` : 'No open alarm'));
  }

  #drawTools() {
    const { state } = this.#sound;
    const waits = this.#isLost || this.waiting.some(isCritical);

    setText(this.#mute, { on: 'Sound on', muted: 'Sound muted',
      locked: 'Sound: click' }[state]);
    this.#mute.title = state === 'locked'
        ? 'The browser lets this page sound after a click or a key.' : '';
    this.#mute.setAttribute('aria-pressed', String(state === 'muted'));
    setData(this.#mute, 'warns', state !== 'on' && waits ? 'yes' : 'no');
  }

  #makeRow(alarm) {
    const parts = { shape: el('span.shape', { 'aria-hidden': 'true' }),
      level: el('strong.level'), time: el('time'),
      slot: el('button.slotname', { onclick: () =>
        this.#wall.select(alarm.stream) }, alarm.stream),
      what: el('p.what'), fate: el('p.fate'),
      ack: el('button.ack', { onclick: () => this.acknowledge([alarm]),
        'aria-label': `Acknowledge: ${alarm.stream}, ${
          causeText(alarm.cause)}` }, 'Acknowledge') };

    parts.node = el('li', {}, el('div.top', {}, parts.shape, parts.level,
        parts.slot, parts.time), parts.what, parts.fate, parts.ack);
    return parts;
  }

  #drawRow(row, alarm) {
    const open = isOpen(alarm);
    const fate = [];

    setData(row.node, 'level', alarm.level);
    setData(row.node, 'state', open ? isWaiting(alarm) ? 'waiting' : 'seen'
        : 'over');
    setText(row.level, HEALTH[alarm.level]);
    setText(row.time, timeText(alarm.raised));
    setText(row.what, alarmText(alarm));
    if (alarm.acked !== undefined)
      fate.push(`Seen${alarm.by ? ` by ${alarm.by}` : ''} at ${
        timeText(alarm.acked)}.`);
    const { silence, serverNow } = this.#wall;
    // it goes on only as far as it is known to
    const heard = serverNow - silence * 1000;
    fate.push(open ? `For ${spanText((heard - alarm.raised) / 1000)}${
      silence > 0 ? ' when last heard' : ''}.`
        : `Over at ${timeText(alarm.cleared)}, after ${
          spanText((alarm.cleared - alarm.raised) / 1000)}.`);
    setText(row.fate, fate.join(' '));
    row.ack.hidden = !isWaiting(alarm);
  }

  /** The session is over. */
  stop() {
    clearTimeout(this.#speaking);
    this.#sound.close();
  }
}
