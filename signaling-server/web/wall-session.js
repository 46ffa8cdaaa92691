// SPDX-License-Identifier: LGPL-2.1-or-later
// The session itself: more time, more slots, its end.

import { isName } from './pb-wire.js';
import { confirmDialog, el, field, form, openDialog, setText }
  from './wall-dom.js';
import { spanText, timeText } from './wall-words.js';

function makeExtend(wall) {
  const minutes = el('input', { type: 'number', min: '1', max: '1440',
    value: '120' });
  const state = el('p', { role: 'status' });
  const draw = (text = '') => setText(state, `${text}It ends in ${
    spanText(wall.expires - wall.serverNow / 1000)}, at ${
    timeText(wall.expires * 1000).slice(0, 5)}.`);
  const extend = async (seconds) => {
    // from now on, as the server counts; a second for the way there
    await wall.readClock().catch(() => {});
    const left = Math.max(0, Math.ceil(wall.expires - wall.serverNow / 1000));

    wall.noteExpires((await wall.admin.extend(left + 1 + seconds)).expires);
    draw('Extended. ');
  };
  const node = form([field('Minutes more', minutes,
      'Links that last as long as the session last longer, too.')],
  'Extend', () => {
    if (minutes.value === '' || !minutes.checkValidity())
      throw new Error('Between 1 and 1440 minutes.');
    return extend(Math.round(Number(minutes.value) * 60));
  });

  for (const [text, much] of [['1 hour more', '60'], ['30 minutes more', '30']])
    node.querySelector('footer').prepend(el('button', { onclick: () => {
      minutes.value = much;
      node.requestSubmit();
    } }, text));
  draw();
  return el('section', {}, el('h3', {}, 'Time'), state, node);
}

function makeAdd(wall) {
  const name = el('input', { type: 'text', maxLength: 64, required: true,
    autocomplete: 'off', placeholder: 'cam-3' });
  const done = el('p.help', { role: 'status' });

  return el('section', {}, el('h3', {}, 'Slots'),
      form([field('Name of a new slot', name,
          'Letters, digits, dots, dashes; it cannot be taken away again.')],
      'Add the slot', async () => {
        const stream = name.value.trim();

        if (!isName(stream))
          throw new Error('A name begins with a letter or digit and holds ' +
              'letters, digits, dots, dashes and underscores.');
        await wall.admin.addStream(stream);
        name.value = '';
        setText(done, `${stream} is there.`);
      }), done);
}

// Whom the end of the session hits, in words.
function whoIsHit(wall) {
  const slots = wall.model.all;
  const busy = slots.filter((slot) => slot.sender || slot.receivers.length > 0);
  const onAir = slots.filter((slot) => slot.tally === 'program');
  const names = busy.slice(0, 5).map((slot) => slot.stream).join(', ');
  const lines = [busy.length === 0 ? 'Nobody is connected.'
    : `${busy.length === 1 ? '1 slot is' : `${busy.length} slots are`} in use (${
      names}${busy.length > 5 ? ' …' : ''}): whoever is connected there is cut ` +
      'off at once.'];

  if (onAir.length > 0)
    lines.unshift(`On program now: ${onAir.map((slot) =>
      slot.stream).join(', ')}.`);
  lines.push('Every link and code of this session stops working. There is no ' +
      'way back.');
  return lines;
}

function makeClose(wall) {
  const problem = el('p.problem', { role: 'alert' });

  return el('section', {}, el('h3', {}, 'End'),
      el('button.danger', { onclick: async () => {
        if (!await confirmDialog(`Close the session ${wall.name}?`,
            whoIsHit(wall), 'Close it for everybody'))
          return;
        try {
          await wall.admin.close();
        } catch (error) {
          setText(problem, error.message);
        }
      } }, 'Close the session …'), problem);
}

/** @param {Wall} wall */
export function openSession(wall) {
  const dialog = openDialog(`Session ${wall.name}`, el('div.sections', {},
      makeExtend(wall), makeAdd(wall),
      el('section', {}, el('h3', {}, 'Another session'),
          el('a', { href: '/', target: '_blank', rel: 'noopener' },
              'Create one (in a new tab)')),
      makeClose(wall)));

  dialog.querySelector('h2').focus();
}
