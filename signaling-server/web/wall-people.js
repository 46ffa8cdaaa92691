// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may come in: a link for a person, the links that were given out, and how
// to take one back.

import { LABEL_MAX, isLabel } from './pb-wire.js';
import { confirmDialog, copyButton, el, field, form, loadPart, openDialog,
  select, setText } from './wall-dom.js';
import { roleText, spanText, timeText } from './wall-words.js';

const EVERY_MS = 4000;
const ROLES = [['send', 'Sends a camera'], ['receive', 'Watches'],
  ['both', 'Sends, and watches the return'], ['observe', 'Sees figures only']];
const LIVES = [['', 'As long as the session, also when it is extended'],
  ['900', '15 minutes'], ['3600', '1 hour'], ['14400', '4 hours'],
  ['43200', '12 hours'], ['own', 'Minutes of my own …']];

/** A picture of a code: an image runs no script, whatever is in it. */
export const codeImage = (svg, alt) => el('img', { alt,
  src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}` });

/** In the order of the wall. */
export const slotNames = (wall) => wall.list.map((tile) => tile.stream);

/** What a person does, by which slot; `value` is as mint() takes it. */
export function makeRole(wall, stream, role = 'send') {
  const what = select(ROLES, role);
  const slot = select([...slotNames(wall).map((name) => [name, name]),
    ['', 'All slots']], stream ?? slotNames(wall)[0] ?? '');
  // nobody sends on all slots
  const check = () => {
    const all = slot.lastElementChild;

    all.disabled = what.value === 'send' || what.value === 'both';
    if (all.disabled && slot.value === '') slot.selectedIndex = 0;
  };

  what.addEventListener('change', check);
  check();
  return { what, slot, get value() {
    return { stream: slot.value || undefined,
      direction: what.value === 'both' ? undefined : what.value };
  } };
}

/** How long a link lasts; `value` in seconds, undefined: as the session. */
export function makeLife() {
  const life = select(LIVES, '');
  const minutes = el('input', { type: 'number', min: '1', max: '1440',
    value: '60' });
  const own = field('Minutes', minutes);

  own.hidden = true;
  life.addEventListener('change', () => { own.hidden = life.value !== 'own'; });
  return { nodes: [field('Valid for', life), own], get value() {
    if (life.value === 'own') {
      if (!minutes.checkValidity() || minutes.value === '')
        throw new Error('Between 1 and 1440 minutes.');
      return Math.round(Number(minutes.value) * 60);
    }
    return life.value === '' ? undefined : Number(life.value);
  } };
}

/** A label as the server takes it, or what to do about it. */
export function readLabel(input) {
  const label = input.value.trim();

  if (!isLabel(label))
    throw new Error(`A name of 1 to ${LABEL_MAX} characters: it is how you ` +
        'find the link again.');
  return label;
}

/** When it ends, in words. */
export const endText = (wall, expires, isAsSession) => isAsSession
    ? `until the session ends, ${
      timeText(wall.expires * 1000).slice(0, 5)} or later`
    : `until ${timeText(expires * 1000).slice(0, 5)}, for ${
      spanText(expires - wall.serverNow / 1000)}`;

// The code, large, and the link: gone with the dialog.
function showLink(wall, minted, isAsSession) {
  const link = el('input', { type: 'text', readOnly: true, value: minted.url,
    'aria-label': 'Link', onfocus: () => link.select() });
  const dialog = openDialog(minted.label, el('div.code', {},
      codeImage(minted.qr, `QR code of the link for ${minted.label}`),
      el('p', {}, `${roleText(minted)}, ${
        endText(wall, minted.expires, isAsSession)}.`),
      el('div.link', {}, link, copyButton(() => minted.url, 'Copy the link')),
      el('p.help', {}, 'Whoever has this link comes in with it. It is shown ' +
          'this once: it leaves the page with this window.')));

  dialog.querySelector('h2').focus();
  return dialog.closed;
}

/** @param {Wall} wall */
export function openPeople(wall, stream = wall.current?.stream) {
  const label = el('input', { type: 'text', maxLength: LABEL_MAX, required: true,
    placeholder: 'Kim, camera 2', autocomplete: 'off' });
  const role = makeRole(wall, stream);
  const life = makeLife();
  const place = el('div.people');
  const problem = el('p.problem', { role: 'alert' });
  const dialog = openDialog('People', el('div.sections', {},
      el('section', {}, el('h3', {}, 'A link for one person'),
          form([el('div.fields', {}, field('Who', label),
              field('What they do', role.what), field('Slot', role.slot),
              ...life.nodes)], 'Make the link', async () => {
            const ttl = life.value;
            const minted = await wall.admin.mint({ ...role.value, ttl,
              label: readLabel(label), qr: true });

            label.value = '';
            list.refresh();
            await showLink(wall, minted, ttl === undefined);
          })),
      el('section', {}, el('h3', {}, 'A whole crew'),
          el('button', { onclick: async () => {
            setText(problem, '');
            try {
              (await loadPart('wall-sheet.js')).openSheet(wall);
            } catch (error) {
              setText(problem, error.message);
            }
          } }, 'Print a sheet of codes …'), problem), place));
  const list = listTokens(wall, place);

  label.focus();
  return dialog;
}

/**
 * The links that were given out.
 *
 * @param {Wall} wall
 * @param {HTMLElement} place where to
 * @param {string} [stream] those of one slot only
 * @returns {{refresh}} it refreshes itself while it is on the page
 */
export function listTokens(wall, place, stream) {
  const body = el('tbody');
  const problem = el('p.problem', { role: 'alert' });
  const empty = el('p.help', {}, 'Loading …');
  const older = el('button', { hidden: true, onclick: () => {
    most += 100;
    refresh();
  } }, 'Show older ones');
  const rows = new Map();
  let most = 100;
  let isBusy = false;

  place.replaceChildren(el('h3', {}, stream ? `Links to ${stream}`
      : 'Links given out'), problem, empty,
  el('div.list', { tabIndex: 0, role: 'region', 'aria-label': 'Links given out' },
      el('table.tokens', {}, el('thead', {}, el('tr', {},
          ...['Who', 'What', 'Now', 'Ends', ''].map((text) => text === ''
            ? el('td') : el('th', { scope: 'col' }, text)))), body)), older);

  async function refresh() {
    if (isBusy) return;
    isBusy = true;
    try {
      const all = [];
      let more = 0;

      do {
        const answer = await wall.admin.tokens(all.length);
        all.push(...answer.tokens);
        ({ more } = answer);
      } while (more > 0 && all.length < most);
      if (!place.isConnected) return;
      older.hidden = more === 0;
      setText(problem, '');
      draw(all.filter((one) => !stream || one.stream === stream));
    } catch (error) {
      setText(problem, error.message);
    } finally {
      isBusy = false;
    }
  }

  function draw(tokens) {
    for (const [id, row] of rows) {
      if (tokens.some((one) => one.id === id)) continue;
      row.node.remove();
      rows.delete(id);
    }
    tokens.forEach((token, i) => {
      const row = rows.get(token.id) ?? makeRow(token);

      rows.set(token.id, row);
      drawRow(row, token);
      if (body.children[i] !== row.node)
        body.insertBefore(row.node, body.children[i] ?? null);
    });
    setText(empty, 'None yet.');
    empty.hidden = tokens.length > 0;
  }

  function makeRow(token) {
    const isAdmin = token.role === 'admin';
    const who = token.label ?? (isAdmin ? 'Admin link' : 'Without a name');
    const row = { now: el('td.now'), ends: el('td'), live: 0,
      button: el('button', { onclick: () => take(token.id, who),
        'aria-label': `Revoke the link of ${who}` }, 'Revoke') };

    row.node = el('tr', {}, el('td.label', {}, who),
        el('td', {}, roleText(token)), row.now, row.ends,
        // an admin's cannot be revoked: closing the session does that
        el('td', {}, ...isAdmin ? [] : [row.button]));
    return row;
  }

  function drawRow(row, { live, revoked, expires, stream: slot }) {
    row.live = live;
    row.slot = slot;
    setText(row.now, revoked ? 'revoked' : live > 0
        ? live > 1 ? `connected, ${live} times` : 'connected'
        : 'not connected');
    row.now.className = `now ${!revoked && live > 0 ? 'on' : 'off'}`;
    setText(row.ends, timeText(expires * 1000).slice(0, 5));
    row.button.disabled = revoked === true;
  }

  async function take(id, who) {
    const { live, slot } = rows.get(id);

    if (!await confirmDialog('Revoke this link?', [live > 0
        ? `${who} is connected${slot ? ` to ${slot}` : ''} and will be cut off ` +
          'at once.'
        : `${who} is not connected now.`,
    'The link and its code stop working for good. To let them in again, make ' +
        'a new one.'],
    `Revoke the link of ${who}`))
      return;
    try {
      await wall.admin.revoke(id);
      wall.shell.say(`The link of ${who} is revoked.`);
    } catch (error) {
      setText(problem, error.message);
      return;
    }
    refresh();
  }

  const timer = setInterval(() => {
    if (place.isConnected) refresh();
    else clearInterval(timer);
  }, EVERY_MS);
  refresh();
  return { refresh };
}
