// SPDX-License-Identifier: LGPL-2.1-or-later
// One slot, large: all figures of all its ends, graphs with axes, cue, and on
// request what opens it for others.

import { copyButton, el, loadPart, openDialog, setData, setText }
  from './wall-dom.js';
import { cueBox } from './wall-cue.js';
import { drawChart } from './wall-graph.js';
import { STALE_MS } from './pb-stats.js';
import { SERIES, isWall } from './wall-model.js';
import { levelText, pendingText, verdictText } from './wall-tile.js';
import { HEALTH, TALLIES, TALLY, bitrateText, causeText, clockText, msText,
  percentText, sideText, wayText } from './wall-words.js';

const whole = (value) => value === undefined ? '–' : String(value);
const ROWS = [
  ['Health', (end, now) => end.at === undefined || !end.health ? 'says nothing'
      : `${HEALTH[end.health]}${end.cause ? `: ${causeText(end.cause)}` : ''}${
        now - end.at > STALE_MS
          ? `, no word for ${Math.floor((now - end.at) / 1000)} s` : ''}`],
  ['Bitrate, Mb/s', (end) => bitrateText(end.bitrate)],
  ['Round trip, ms', (end) => msText(end.rtt)],
  ['Loss, %', (end) => percentText(end.loss)],
  ['Not recovered, %', (end) => percentText(end.drop)],
  ['Buffer, ms', (end) => msText(end.buffer)],
  ['Jitter, ms', (end) => msText(end.jitter)],
  ['Latency, ms', (end) => msText(end.latency)],
  ['Room, Mb/s', (end) => bitrateText(end.bandwidth || undefined)],
  ['Packets', (end) => whole(end.packets)],
  ['lost', (end) => whole(end.packets_lost)],
  ['sent again', (end) => whole(end.packets_retransmitted)],
  ['too late', (end) => whole(end.packets_dropped)],
  ['Frames', (end) => whole(end.frames)],
  ['dropped', (end) => whole(end.frames_dropped)],
  ['Freezes', (end) => whole(end.freezes)],
  ['Way', (end) => wayText(end) || '–'],
  ['Connected for', (end, now, serverNow) => end.since
      ? clockText(serverNow / 1000 - end.since) : '–'],
];

class Figures {
  node = el('table.figures', {}, el('caption.unseen', {}, 'All figures'));
  #shown = '';
  #cells = [];

  draw(slot, now, serverNow) {
    const ends = [...slot.receivers, slot.sender].filter((end) => end !== null);
    const key = ends.map((end) => end.peer).join(' ');

    if (key !== this.#shown || this.#cells.length === 0) {
      this.#shown = key;
      this.#build(ends);
    }
    for (const [i, [, write]] of ROWS.entries())
      for (const [j, end] of ends.entries())
        setText(this.#cells[i][j], write(end, now, serverNow));
  }

  #build(ends) {
    this.#cells = ROWS.map(() => ends.map(() => el('td')));
    this.node.replaceChildren(this.node.caption, el('thead', {}, el('tr', {},
        el('th', { scope: 'col' }, 'Figure'), ...ends.map((end) =>
          el('th', { scope: 'col' }, el('span', {}, isWall(end)
            ? 'viewer' : sideText(end.direction)),
          el('span.client', {}, end.client ?? ''))))),
    el('tbody', {}, ...ROWS.map(([title], i) => el('tr', {},
        el('th', { scope: 'row' }, title), ...this.#cells[i]))));
  }
}

// What opens a slot stands on the page only while somebody reads it.
function makeStrings(wall, stream) {
  const place = el('div.strings');
  const problem = el('p.problem', { role: 'alert' });
  const show = el('button', { 'aria-expanded': 'false', async onclick() {
    if (place.firstChild) {
      place.replaceChildren();
      setText(show, 'Show the strings');
      show.setAttribute('aria-expanded', 'false');
      return;
    }
    show.disabled = true;
    setText(problem, '');
    try {
      const { streams } = await wall.admin.connect(stream);

      place.replaceChildren(...['send', 'receive'].flatMap((direction) =>
        listStrings(direction, streams[0][direction])));
      setText(show, 'Hide the strings');
      show.setAttribute('aria-expanded', 'true');
    } catch (error) {
      setText(problem, error.message);
    } finally {
      show.disabled = false;
    }
  } }, 'Show the strings');

  return el('section', {}, el('h3', {}, 'For other programs'),
      el('p.help', {}, 'They hold the passphrase of this slot: whoever has ' +
          'one can send or watch here.'),
      show, problem, place);
}

function listStrings(direction, { note, strings }) {
  return [el('h4', {}, direction === 'send' ? 'To send' : 'To watch'),
    ...note ? [el('p.help', {}, note)] : [],
    el('dl', {}, ...strings.flatMap((one) => [
      el('dt', {}, one.client, ' ', one.works
          ? copyButton(() => one.string) : ''),
      el('dd', {}, ...one.works ? [el('code', {}, one.string)] : [],
          ...one.note ? [el('p.help', {}, one.note)] : []),
    ]))];
}

/**
 * @param {Wall} wall
 * @param {WallTile} tile
 * @returns {Promise} until it is closed
 */
export async function openDetail(wall, tile) {
  const { stream } = tile;
  const figures = new Figures();
  const video = el('video', { autoplay: true, playsInline: true, muted: true,
    'aria-label': `Picture of ${stream}` });
  const still = el('img', { alt: `Still picture of ${stream}` });
  const words = el('p.words');
  const tally = el('strong.tally');
  const pending = el('p.pending');
  const cause = el('p.cause');
  const health = el('strong.health');
  const charts = SERIES.map((name) => [name, el('canvas', { role: 'img',
    'aria-label': `${name}, the last five minutes` })]);
  const buttons = TALLIES.map((state) => el(`button.to-${state}`, {
    onclick: () => wall.setTally(stream, state) }, TALLY[state]));
  const listen = el('button.listen', { onclick: () => wall.solo(stream) },
      'Listen');
  const cue = cueBox(wall, () => [stream]);
  const people = el('div.people');
  const picture = el('div.picture', {}, video, still, words, tally,
      pending, cause);
  const dialog = openDialog(stream,
      el('div.columns', {},
          el('div', {}, el('p.state', {}, el('span.shape', {
            'aria-hidden': 'true' }), health), picture,
          el('div.buttons', { role: 'group', 'aria-label': 'Tally' },
              ...buttons, listen),
          el('div.charts', {}, ...charts.map(([, canvas]) => canvas)),
          el('p.legend', {}, el('span.is-received', {}, '—— received'), ' ',
              el('span.is-sent', {}, '– – sent'))),
          el('div', {}, el('div.scroll', { tabIndex: 0, role: 'region',
            'aria-label': 'Figures' }, figures.node), cue.node,
          people, makeStrings(wall, stream))));
  const draw = () => {
    const { slot } = tile;
    const { now } = wall;
    const verdict = slot.verdict(now);
    const media = wall.arePicturesOn ? tile.picture.media : null;
    const address = tile.picture.still;

    setData(dialog, 'tally', slot.tally);
    setData(dialog, 'pending', slot.pending?.state ?? '');
    setData(dialog, 'health', verdict.level);
    setData(picture, 'frozen', slot.frozen > 0 ? 'yes' : 'no');
    setText(pending, pendingText(slot) || tile.note);
    setText(tally, slot.tally === 'off' ? '' : TALLY[slot.tally]);
    setText(health, levelText(verdict));
    setText(cause, verdictText(verdict));
    for (const [i, state] of TALLIES.entries())
      buttons[i].setAttribute('aria-pressed', String(slot.tally === state));
    listen.setAttribute('aria-pressed', String(wall.listening === stream));
    listen.disabled = !tile.picture.hasSound && wall.listening !== stream;
    if (video.srcObject !== media) video.srcObject = media;
    video.hidden = media === null;
    still.hidden = address === '' || media !== null;
    if (!still.hidden && still.src !== address) still.src = address;
    setText(words, (media || address) && slot.frozen === 0 ? ''
        : tile.picture.words);
    figures.draw(slot, now, wall.serverNow);
    for (const [name, canvas] of charts)
      drawChart(canvas, { width: canvas.clientWidth,
        height: canvas.clientHeight }, name, slot, Math.floor(now / 1000));
  };

  dialog.classList.add('detail');
  draw();
  const timer = setInterval(draw, 500);
  loadPart('wall-people.js').then(({ listTokens }) =>
    dialog.open && listTokens(wall, people, stream),
  (error) => people.append(el('p.problem', {}, error.message)));
  dialog.querySelector('h2').focus();
  await dialog.closed;
  clearInterval(timer);
  video.srcObject = null;
}
