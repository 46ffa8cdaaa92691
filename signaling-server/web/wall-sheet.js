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
          el('p', {}, `Made ${new Date(wall.serverNow).toISOString().slice(0, 10)}`),
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
      ({ ...row.role.value, label: readLabel(row.label), ttl }));

    if (crew.length === 0) throw new Error('Nobody is on the sheet.');
    await makeAll(crew, []);
  });
  const made = el('div.made');
  const sheet = el('section.sheet', { 'aria-hidden': 'true' });
  const dialog = openDialog('A sheet of codes', make, made, status);

  dialog.closed.then(() => {
    sheet.remove();
    sheet.replaceChildren();
  });

  for (const name of names) add(name, `Operator of ${name}`.slice(0, LABEL_MAX));
  dialog.style.width = '60em';
  body.querySelector('input')?.focus();

  // Those that are made are valid, whatever becomes of the rest: they are shown.
  async function makeAll(crew, cards) {
    const all = cards.length + crew.length;
    let problem = '';

    while (crew.length > 0 && problem === '') {
      setText(status, `Making ${cards.length + 1} of ${all} …`);
      try {
        const minted = await wall.admin.mint({ ...crew[0], qr: true });

        cards.push(makeCard(wall, minted, crew[0].ttl === undefined));
        crew.shift();
      } catch (error) {
        setText(status, '');
        // nothing is made yet: the form is still there to try again
        if (cards.length === 0) throw error;
        problem = error.message;
      }
      if (!dialog.open) return;
    }
    show(crew, cards, problem);
  }

  function show(crew, cards, problem) {
    const print = el('button.primary', { onclick: () => globalThis.print() },
        problem === '' ? 'Print' : `Print these ${cards.length}`);
    const again = el('button.primary', { onclick: async () => {
      again.disabled = true;
      await makeAll(crew, cards);
    } }, crew.length === 1 ? 'Make the missing one'
        : `Make the missing ${crew.length}`);

    // what is printed is no part of the dialog: that has one page only
    sheet.replaceChildren(el('div.cards', {}, ...cards));
    document.body.append(sheet);
    make.remove();
    made.replaceChildren(
        ...problem === '' ? [] : [el('p.problem', { role: 'alert' }, `${
          cards.length} of ${cards.length + crew.length} codes are made. ` +
          `Not made: ${crew.map(({ label }) => label).join(', ')}. ${problem}`)],
        el('div.cards', { tabIndex: 0, role: 'region',
          'aria-label': 'The codes' }, ...cards.map((card) =>
          card.cloneNode(true))),
        el('footer', {}, ...problem === '' ? [] : [again], print));
    setText(status, `${cards.length} codes. They leave the page with this ` +
        'window; whoever has one comes in with it.');
    (problem === '' ? print : again).focus();
  }
}
