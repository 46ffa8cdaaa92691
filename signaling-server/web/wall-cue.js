// SPDX-License-Identifier: LGPL-2.1-or-later
// A line for the people on a slot, or on all of them.

import { CUE_MAX, isCue } from './pb-wire.js';
import { el, field, form, openDialog, select, setText } from './wall-dom.js';

const QUICK = ['Stand by', 'You are next', 'Back to studio', 'Hold the shot',
  'Go wide', 'Go close', 'Check your sound', 'Call us'];

const listText = (names) => names.length > 3 ? `${names.length} slots`
    : names.join(', ');

/** Sends it; returns who has it, or throws what a person can act on. */
function send(wall, streams, text) {
  const line = text.trim();

  if (!isCue(line))
    throw new Error(`A cue is a line of 1 to ${CUE_MAX} characters.`);
  const { sent, empty } = wall.cue(streams, line);

  if (sent.length === 0)
    throw new Error(empty.length === 0
      ? 'The server is away: nobody got it. Try again.'
      : `Nobody is on ${listText(empty)}: nobody got it.`);
  return `Sent to ${listText(sent)}: ${line}${empty.length > 0
      ? `. Nobody is on ${listText(empty)}.` : ''}`;
}

/**
 * The box that the dialog and the large tile share.
 *
 * @param {Wall} wall
 * @param {function(): string[]} streams whom it goes to
 */
export function cueBox(wall, streams) {
  const input = el('input', { type: 'text', maxLength: CUE_MAX,
    autocomplete: 'off', placeholder: 'Stand by, camera 2' });
  const sent = el('p.help', { role: 'status' });
  const tell = (text) => {
    setText(sent, '');
    setText(sent, send(wall, streams(), text));
  };
  const node = form([field('Cue', input, 
      'Stands on their screens until they have read it, two minutes at most.')],
      'Send', () => {
        tell(input.value);
        input.value = '';
        input.focus();
      });

  node.append(el('div.quick', { role: 'group', 'aria-label': 'Quick cues' },
      ...QUICK.map((text) => el('button', { onclick: () => {
        input.value = text;
        node.requestSubmit();
      } }, text))), sent);
  return { node, input };
}

/** @param {string} [stream] the slot it is for; default: all */
export function openCue(wall, stream = '') {
  const names = wall.list.map((tile) => tile.stream);
  const to = select([['', `All ${names.length} slots`],
    ...names.map((name) => [name, name])], stream);
  const box = cueBox(wall, () => to.value === '' ? names : [to.value]);

  openDialog('Cue', field('To', to), box.node);
  box.input.focus();
}
