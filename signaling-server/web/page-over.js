// SPDX-License-Identifier: LGPL-2.1-or-later
// The page when there is nothing more to do on it: what happened, what to do.
// And the question before a person ends what others see.

import { drawId, make, makeButton } from './page-parts.js';

const ASK = 'Ask whoever gave you the link for a new one, then open that.';
// [what happened, what to do, whether the same link may be tried again]
const ENDS = {
  'token-missing': ['This page needs its whole link', 'It is kept in no ' +
      'history, for your safety. Scan the code again, or open the link you ' +
      'were sent.', false],
  'token-invalid': ['This link does not work', `A part of it may be missing. ${
    ASK}`, false],
  'token-expired': ['This link has expired', ASK, false],
  'token-revoked': ['This link was withdrawn', 'The control room has taken ' +
      `it back. ${ASK}`, false],
  denied: ['This link is not for that', ASK, false],
  'slot-unknown': ['This session has no such slot', ASK, false],
  'session-unknown': ['There is no such session now', 'It may have ended, or ' +
      'not have begun yet. Ask whoever gave you the link whether it goes on, ' +
      'then try again.', true],
  'session-closed': ['The session was closed', 'Thank you. You can close this ' +
      'page.', false],
  'session-expired': ['The session has ended', 'Its time ran out. If you are ' +
      'still needed, ask the control room for a new link.', false],
  replaced: ['Open somewhere else', 'The same link was opened on another ' +
      'device or page, and that one has the slot now.', true],
  'version-mismatch': ['This page is an old one', 'The server has another ' +
      'version. Scan the code again, or open the link you were sent.', false],
};

/**
 * @param {{code: string, sentence: string}} fault
 * @param {function()|null} retry with the same link
 * @returns {HTMLElement}
 */
export function makeOver({ code, sentence }, retry) {
  const [title, text, isWorthIt] = ENDS[code] ?? ['Something went wrong',
    sentence, true];
  const heading = make('h2', '', title);
  const box = make('section', 'over', heading, make('p', '', text));

  heading.tabIndex = -1;
  box.dataset.code = code;
  box.setAttribute('role', 'alert');
  if (isWorthIt && retry)
    box.append(makeButton('primary', code === 'replaced' ? 'Use it here'
      : 'Try again', retry));
  return box;
}

/** A link of another session, as the page can tell before it asks anybody. */
export function makeForeign(name, claims) {
  const box = makeOver({ code: 'foreign', sentence:
    `It opens the session “${claims.session}”, and this is “${name}”. Scan ` +
    'the code again, or ask whoever gave you the link for one to this ' +
    'session.' }, null);

  box.querySelector('h2').textContent = 'This link is for another session';
  return box;
}

/**
 * “You are on air. Stop anyway?”, once, in words.
 *
 * @param {AbortSignal} gone there is nothing to stop any more
 * @returns {Promise<boolean>} yes
 */
export function askToStop(gone) {
  const id = drawId();
  const title = make('h2', '', 'You are on air. Stop anyway?');
  const dialog = make('dialog', 'ask', title,
      make('p', '', 'Your picture is being shown right now.'));

  title.id = id;
  dialog.setAttribute('aria-labelledby', id);
  return new Promise((resolve) => {
    const stay = makeButton('primary', 'Stay live', () => dialog.close(''));
    const stop = makeButton('stop', 'Stop', () => dialog.close('stop'));

    dialog.append(make('div', 'row', stay, stop));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'stop');
    });
    gone.addEventListener('abort', () => dialog.close(''));
    document.body.append(dialog);
    dialog.showModal();
    stay.focus();
  });
}
