// SPDX-License-Identifier: LGPL-2.1-or-later
// A sheet of codes for a whole crew, to be printed and cut.

import { LABEL_MAX } from './pb-wire.js';
import { el, form, openDialog, setText } from './wall-dom.js';
import { codeImage, endText, makeLife, makeRole, readLabel, slotNames }
  from './wall-people.js';
import { roleText } from './wall-words.js';

function makeRow(wall, stream, name, number) {
  const label = el('input', { type: 'text', maxLength: LABEL_MAX, required: true,
    value: name, 'aria-label': `Who, row ${number}` });
  const role = makeRole(wall, stream);
  const row = { label, role, isGone: false };

  role.what.setAttribute('aria-label', `What they do, row ${number}`);
  role.slot.setAttribute('aria-label', `Slot, row ${number}`);
  row.node = el('tr', {}, el('td', {}, label), el('td', {}, role.what),
      el('td', {}, role.slot), el('td', {}, el('button', {
        'aria-label': `Take out row ${number}`, onclick: () => {
          const next = row.node.nextElementSibling ??
              row.node.previousElementSibling;

          row.isGone = true;
          row.node.remove();
          next?.querySelector('button')?.focus();
        } }, 'Take out')));
  return row;
}

function makeCard(wall, minted, isAsSession) {
  return el('section.card', {},
      codeImage(minted.qr, `QR code for ${minted.label}`),
      el('div', {}, el('p.bearer', {}, minted.label),
          el('p', {}, roleText(minted)),
          el('p', {}, `Session ${minted.session}`),
          el('p', {}, `Valid ${endText(wall, minted.expires, isAsSession)}`),
          el('p', {}, `Made ${new Date().toISOString().slice(0, 10)}`),
          el('p', {}, 'Scan it with the phone’s camera.')));
}

/** @param {Wall} wall */
export function openSheet(wall) {
  const names = slotNames(wall);
  const rows = [];
  const body = el('tbody');
  const life = makeLife();
  const status = el('p.help', { role: 'status' });
  const add = (stream, name) => {
    const row = makeRow(wall, stream, name, rows.length + 1);

    rows.push(row);
    body.append(row.node);
    return row;
  };
  const make = form([el('div.list', { tabIndex: 0, role: 'region',
    'aria-label': 'The crew' },
  el('table.crew', {}, el('thead', {}, el('tr', {},
      ...['Who', 'What they do', 'Slot'].map((text) =>
        el('th', { scope: 'col' }, text)), el('td'))), body)),
  el('button', { onclick: () => add(names[0], '').label.focus() },
      'One more person'), el('div.fields', {}, ...life.nodes)],
  'Make the codes', async () => {
    const ttl = life.value;
    const crew = rows.filter((row) => !row.isGone).map((row) =>
      ({ ...row.role.value, label: readLabel(row.label) }));
    const cards = [];

    if (crew.length === 0) throw new Error('Nobody is on the sheet.');
    for (const person of crew) {
      setText(status, `Making ${cards.length + 1} of ${crew.length} …`);
      cards.push(makeCard(wall, await wall.admin.mint({ ...person, ttl,
        qr: true }), ttl === undefined));
      if (!dialog.open) return;
    }
    show(cards);
  });
  const dialog = openDialog('A sheet of codes', make, status);

  for (const name of names) add(name, `Operator of ${name}`.slice(0, LABEL_MAX));
  dialog.style.width = '60em';
  body.querySelector('input')?.focus();

  function show(cards) {
    // what is printed is no part of the dialog: that has one page only
    const sheet = el('section.sheet', { 'aria-hidden': 'true' },
        el('div.cards', {}, ...cards));
    const print = el('button.primary', { onclick: () => globalThis.print() },
        'Print');

    document.body.append(sheet);
    dialog.closed.then(() => {
      sheet.remove();
      sheet.replaceChildren();
    });
    make.replaceWith(el('div.cards', { tabIndex: 0, role: 'region',
      'aria-label': 'The codes' }, ...cards.map((card) =>
      card.cloneNode(true))));
    setText(status, `${cards.length} codes. They leave the page with this ` +
        'window; whoever has one comes in with it.');
    dialog.append(el('footer', {}, print));
    print.focus();
  }
}
